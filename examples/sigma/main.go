// Sigma is a detection pipeline with rules in Sigma: it runs the rules of the folder rules over the recorded
// events of events.jsonl, and prints the alerts that they raise and the incidents that these become.
//
// # Adding a rule
//
// Put one rule into one file of the folder rules, and record two files of events for it: in testdata,
// NAME.match.jsonl has events that the rule must find, NAME.nomatch.jsonl events of the same log source that
// it must not find. The tests fail as long as one of the two is missing. A rule about another log source
// needs a line in the table logSources.
//
// # What is supported
//
//   - Lists of values and of maps, and the modifiers contains, startswith, endswith, re and cidr, each alone or
//     before all.
//   - Conditions of and, or, not, parentheses, 1 of and all of with a pattern or them.
//   - Values that are texts, decimal numbers, true or false. Letters match in either case, except under re.
//
// Each event is a flat object. Rules spell the names of its fields exactly. An event whose channel, event ID
// and provider lead to no log source is seen by no rule; [Pipeline.Unrouted] counts these events.
//
// # What is refused
//
// The engine is github.com/bradleyjkemp/sigma-go v0.6.6. It reports most of what it does not support when an
// event arrives, and evaluates some of it wrongly. So [LoadRules] checks every rule first, and a
// [RefusedError] names file, title and feature: other modifiers, aggregations, near, timeframe, correlations,
// filters, placeholders, keywords, null, empty texts, wildcards, unknown log sources and tactics, names in a
// condition that the rule does not define, and rules without title, id or level. The tests show for each
// refused feature of a detection what the engine does with it. So they fail when another version of the
// engine mends one.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage/memory"
)

//go:embed rules events.jsonl
var sample embed.FS

// engine is the actor of everything that the pipeline does.
var engine = activity.Actor{Kind: activity.App, ID: "sigma"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sigma:", err)
		os.Exit(1)
	}
}

// newPipeline returns a Pipeline with the rules of this folder.
func newPipeline() (*Pipeline, error) {
	folder, err := fs.Sub(sample, "rules")
	if err != nil {
		return nil, err
	}
	rules, err := LoadRules(folder)
	if err != nil {
		return nil, err
	}
	return NewPipeline(rules), nil
}

// run prints what the recorded events become.
func run(ctx context.Context, out io.Writer) (err error) {
	p, err := newPipeline()
	if err != nil {
		return err
	}
	events, err := sample.Open("events.jsonl")
	if err != nil {
		return err
	}
	defer events.Close()
	store := memory.New()
	defer func() { err = errors.Join(err, store.Close()) }()
	m := manager.New(store, nil)

	fmt.Fprintln(out, "Alerts")
	for event, err := range Events(events) {
		if err != nil {
			return err
		}
		if err := ingest(ctx, p, m, event, out); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "\nIncidents")
	for i, err := range m.Incidents(ctx, engine, incident.Query{Sort: incident.ByNumber, Ascending: true}) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  #%d  %-8s  alerts %d  %s\n", i.Number, i.Severity, i.Alerts.Count, i.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Unrouted)) {
		fmt.Fprintf(out, "\nNo log source: %d events of %q\n", p.Unrouted[name], name)
	}
	return nil
}

// ingest stores the alerts of one event, and prints each with its incident.
func ingest(ctx context.Context, p *Pipeline, m *manager.Manager, event Event, out io.Writer) error {
	alerts, err := p.Process(ctx, event)
	if err != nil {
		return err
	}
	results, err := m.Ingest(ctx, engine, alerts)
	if err != nil {
		return err
	}
	for n, a := range alerts {
		i, err := m.Incident(ctx, engine, results[n].Incident)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s  %-8s  %s (%s): %s #%d\n", a.FirstActivity.Format("15:04:05"), a.Severity, a.Title,
			strings.Join(a.Techniques, ", "), results[n].Outcome, i.Number)
	}
	return nil
}
