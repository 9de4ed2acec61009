// Package incidenttest tests detection pipelines: from raw events to the incidents that an analyst sees.
//
//	func TestGuessing(t *testing.T) {
//		h := incidenttest.New(t, nil)
//		incidenttest.Run(h, NewDetector, incidenttest.Relative[Logon]("time", `
//			{"time":"+0s, 5 times every 10s","host":"srv-01","address":"203.0.113.7","failed":true}
//			{"time":"+1m","host":"srv-01","address":"203.0.113.7"}`))
//		h.WantIncidents(incidenttest.Incident{Severity: alert.High, Assets: []string{"srv-01"}})
//		h.WantRobust(10)
//	}
//
// A [Harness] has a manager over a storage in memory, and a clock that only the test moves. [Run] feeds
// events to a detector, which is anything with a method Process, and ingests the alerts that it raises. The
// methods that begin with Want look at the queue and report what is not as wanted, with the alerts that are
// concerned and why they are together or apart. The examples of this module have a guide,
// examples/pipelinetest.
//
// A correlator of one's own, or the default one with other windows, is tested in the same way:
//
//	h := incidenttest.New(t, &incidenttest.Options{
//		Manager: manager.Options{Correlator: correlation.Default{Window: 48 * time.Hour}},
//	})
//
// Alerts can be made without a detector: in one line each by [Alert], and by [Scenarios] as whole attacks.
// Package measure beside this one says how well labelled alerts are grouped; see [Harness.Measure].
//
// # The same run every time
//
// The clock starts at [Time](0), or at the time of the first event. IDs of incidents and commands are
// counted, and random IDs of alerts are replaced, see [Harness.Ingest]. What is left to the pipeline is the
// order of the alerts that one event raises, and what is random in other fields, such as an ID in a
// description.
//
// # Errors
//
// What a harness cannot do ends the test, with Fatalf: an event that cannot be read, an error of the
// detector, an alert that the manager refuses, a title or an ID given to Find, WantTogether or WantApart that
// no alert has. The message says which event or alert it was, and for events in lines which line. What is
// there and not as wanted only fails the test, with Errorf, so that the assertions behind it are made too.
//
// # Concurrency
//
// A Harness is for one goroutine. Tests with harnesses of their own may run in parallel.
//
// # Limits
//
// Everything is kept in memory. Each call of a Want method reads the whole queue. [Relative] makes at most a
// million events of one line. [Harness.WantGolden] reads and writes the file that it is given; nothing else
// here touches files.
package incidenttest
