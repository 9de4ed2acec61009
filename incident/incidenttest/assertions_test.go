package incidenttest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	kit "github.com/incidentkit/incidentkit/incident/incidenttest"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

var analyst = activity.Actor{ID: "mona@corp.example"}

// Two machines and a stranger: the dumps are linked by the first machine, and nothing links the third alert.
func fill(h *kit.Harness) {
	h.Ingest(
		kit.Alert(
			"Password guessing",
			alert.Medium,
			kit.ID("1"),
			kit.Device("srv-01.corp.example"),
			kit.IP("203.0.113.7"),
			kit.Tactic("CredentialAccess"),
			kit.Technique("T1110"),
		),
		kit.Alert(
			"Memory dump",
			alert.High,
			kit.ID("2"),
			kit.At(5*time.Minute),
			kit.Device("SRV-01.corp.example"),
			kit.User(`CORP\kai`),
			kit.Technique("T1003.001"),
		),
		kit.Alert(
			"Memory dump",
			alert.High,
			kit.ID("3"),
			kit.At(6*time.Minute),
			kit.Device("srv_01"),
			kit.User("lee@corp.example"),
		),
	)
}

// Every assertion is silent about the right state, and says this about a wrong one.
func TestAssertions(t *testing.T) {
	for _, c := range []struct {
		name string
		want func(*kit.Harness)
		said string // by want; "" means nothing
	}{
		{"WantIncidents right", func(h *kit.Harness) {
			h.WantIncidents(
				kit.Incident{Alerts: []string{"memory dump"}, Assets: []string{"lee@corp.example"}},
				kit.Incident{
					Name: "Multi-stage incident on one endpoint", Severity: alert.High, Status: new(incident.Active),
					Alerts:  []string{"Memory dump", "Password guessing"},
					Tactics: []string{"Credential access"}, Techniques: []string{"t1110"},
					Assets: []string{`corp\kai`, "host:srv-01.corp.example"},
				},
			)
		}, ""},
		{"WantIncidents takes the pairs that fit", func(h *kit.Harness) {
			h.WantIncidents(kit.Incident{Severity: alert.High},
				kit.Incident{Alerts: []string{"Memory dump", "Password guessing"}})
		}, ""},
		{"WantIncidents", func(h *kit.Harness) {
			h.WantIncidents(kit.Incident{Severity: alert.Medium, Alerts: []string{"Password guessing ×5"}})
		}, `2 incidents, want 1
no incident is like {severity medium, alerts "Password guessing ×5"}
  the nearest is #1, but:
    severity is high, want medium
    alerts miss "Password guessing ×4"
    alerts have "Memory dump" besides
not wanted:
  #1 Multi-stage incident on one endpoint, high, active
    2026-03-02 09:00:00 Password guessing, medium, test:1
    2026-03-02 09:05:00 Memory dump, high, test:2
not wanted:
  #2 Memory dump on one endpoint, high, active
    2026-03-02 09:06:00 Memory dump, high, test:3`},
		{"WantIncidents of too many", func(h *kit.Harness) {
			h.WantIncidents(kit.Incident{}, kit.Incident{}, kit.Incident{Owner: "kai"})
		}, `2 incidents, want 3
no incident is like {owner "kai"}
  each incident stands for another one that is wanted`},
		{"WantIncidents of the same twice", func(h *kit.Harness) {
			h.WantIncidents(kit.Incident{Severity: alert.High, Tactics: []string{"CredentialAccess"}},
				kit.Incident{Severity: alert.High, Tactics: []string{"CredentialAccess"}})
		}, `2 incidents as wanted, but not like that
fewer incidents than wanted are like {severity high, tactics "CredentialAccess"}
  the nearest is #2, but:
    tactics miss "CredentialAccess", there are none
not wanted:
  #2 Memory dump on one endpoint, high, active
    2026-03-02 09:06:00 Memory dump, high, test:3`},
		{"WantIncidents without alerts", func(h *kit.Harness) {
			h.WantIncidents(kit.Incident{}, kit.Incident{Alerts: []string{}})
		},
			`2 incidents as wanted, but not like that
no incident is like {no alerts}
  the nearest is #2, but:
    alerts have "Memory dump" besides
not wanted:
  #2 Memory dump on one endpoint, high, active
    2026-03-02 09:06:00 Memory dump, high, test:3`},
		{"WantIncidents in other words", func(h *kit.Harness) {
			h.WantIncident(kit.Incident{Tactics: []string{"TA0006"}, Techniques: []string{"T1110"}})
			h.WantIncident(kit.Incident{Tactics: []string{"credential-access"}})
		}, ""},
		{"WantNoIncidents", func(h *kit.Harness) { h.WantNoIncidents() }, `2 incidents, want 0
not wanted:
  #1 Multi-stage incident on one endpoint, high, active
    2026-03-02 09:00:00 Password guessing, medium, test:1
    2026-03-02 09:05:00 Memory dump, high, test:2
not wanted:
  #2 Memory dump on one endpoint, high, active
    2026-03-02 09:06:00 Memory dump, high, test:3`},
		{"WantIncident right", func(h *kit.Harness) {
			h.WantIncident(kit.Incident{Techniques: []string{"T1003.001"}})
		}, ""},
		{"WantIncident", func(h *kit.Harness) {
			h.WantIncident(kit.Incident{
				Name: "x", Status: new(incident.Resolved), Owner: "kai", Techniques: []string{"T1486"},
				Assets: []string{"ws-1"}, Tags: []string{"vip"},
			})
		}, `no incident of 2 is like {name "x", status resolved, owner "kai", techniques "T1486", assets "ws-1", tags "vip"}
  the nearest is #1, but:
    name is "Multi-stage incident on one endpoint", want "x"
    status is active, want resolved
    owner is "", want "kai"
    techniques miss "T1486", there are "T1003.001", "T1110"
    assets miss "ws-1", there are "CORP\\kai", "srv-01.corp.example"
    tags miss "vip", there are none`},
		{"WantIncident takes the one that has most", func(h *kit.Harness) {
			h.WantIncident(kit.Incident{
				Severity: alert.Low, Techniques: []string{"T1110"}, Assets: []string{"lee@corp.example", "srv_01"}, Tags: []string{"vip"},
			})
		}, `no incident of 2 is like {severity low, techniques "T1110", assets "lee@corp.example", "srv_01", tags "vip"}
  the nearest is #2, but:
    severity is high, want low
    techniques miss "T1110", there are none
    tags miss "vip", there are none`},
		{"WantTogether right", func(h *kit.Harness) { h.WantTogether("Password guessing", "2") }, ""},
		{"WantTogether", func(h *kit.Harness) { h.WantTogether("Password guessing", "Memory dump") },
			`"Password guessing", "Memory dump" are in 2 incidents, want 1
  #1 Multi-stage incident on one endpoint, high, active
    2026-03-02 09:00:00 Password guessing, medium, test:1
    2026-03-02 09:05:00 Memory dump, high, test:2
  #2 Memory dump on one endpoint, high, active
    2026-03-02 09:06:00 Memory dump, high, test:3
why test:1 (#1) and test:3 (#2) are apart:
  host:srv-01.corp.example  nearly the same as host:srv_01, but another key
  only test:1               host:srv-01.corp.example, ip:203.0.113.7
  only test:3               host:srv_01, upn:lee@corp.example
  (time)                    6m0s between their activity`},
		{"WantTogether of one title", func(h *kit.Harness) {
			h.WantTogether("Memory dump")
		}, `"Memory dump" are in 2 incidents, want 1
  #1 Multi-stage incident on one endpoint, high, active
    2026-03-02 09:05:00 Memory dump, high, test:2
  #2 Memory dump on one endpoint, high, active
    2026-03-02 09:06:00 Memory dump, high, test:3
why test:2 (#1) and test:3 (#2) are apart:
  host:srv-01.corp.example  nearly the same as host:srv_01, but another key
  only test:2               host:srv-01.corp.example, account:corp\kai
  only test:3               host:srv_01, upn:lee@corp.example
  (time)                    1m0s between their activity`},
		{"WantTogether of nothing", func(h *kit.Harness) { h.WantTogether("Mimikatz", "Memory dump") },
			`no alert has the title or the ID "Mimikatz", there are "Memory dump", "Password guessing"`},
		{"Find", func(h *kit.Harness) { h.Find("Memory dump") }, `"Memory dump" is in 2 incidents, want 1
  #1 Multi-stage incident on one endpoint, high, active
    2026-03-02 09:05:00 Memory dump, high, test:2
  #2 Memory dump on one endpoint, high, active
    2026-03-02 09:06:00 Memory dump, high, test:3`},
		{"WantApart right", func(h *kit.Harness) { h.WantApart("test:1", "3") }, ""},
		{"WantApart", func(h *kit.Harness) { h.WantApart("Password guessing", "Memory dump") },
			`"Password guessing" and "Memory dump" are in one incident, want two
  #1 Multi-stage incident on one endpoint, high, active
    2026-03-02 09:00:00 Password guessing, medium, test:1
    2026-03-02 09:05:00 Memory dump, high, test:2
why:
  host:srv-01.corp.example  links "Password guessing" (test:1) and "Memory dump" (test:2)`},
		{"WantApart of one", func(h *kit.Harness) { h.WantApart("2") }, `WantApart needs two alerts at least, got "2"`},
		{"WantTogether of one", func(h *kit.Harness) { h.WantTogether("2") },
			`WantTogether needs two alerts at least, and "2" names 1`},
		{"WantApart of the same", func(h *kit.Harness) { h.WantApart("2", "Memory dump") },
			`"2" and "Memory dump" name the same alert, test:2`},
		{"WantAlert right", func(h *kit.Harness) {
			h.WantAlert(kit.Raised{
				Title: "password guessing", Severity: alert.Medium, Key: "1", Category: "Credential access",
				Techniques: []string{"T1110"}, Entities: []alert.Key{"ip:203.0.113.7"},
			})
		}, ""},
		{"WantAlert", func(h *kit.Harness) {
			h.WantAlert(kit.Raised{
				Title: "Password spray", Severity: alert.High, Key: "9", Category: "Impact",
				Techniques: []string{"T1110", "T1078"},
				Entities:   []alert.Key{"ip:203.0.113.8"},
			})
		}, `no alert is like {title "Password spray", severity high, key "9", category "Impact", techniques "T1110", "T1078", entity "ip:203.0.113.8"}
  the nearest is "Password guessing", raised at 2026-03-02 09:00:00, but:
    title is "Password guessing"
    severity is medium
    key is "1"
    category is "CredentialAccess"
    techniques miss "T1078", there are "T1110"
    entities miss "ip:203.0.113.8", there are "host:srv-01.corp.example", "ip:203.0.113.7"`},
		{"WantFired right", func(h *kit.Harness) { h.WantFired("Memory dump", 2) }, ""},
		{"WantFired", func(h *kit.Harness) { h.WantFired("Memory dump", 1) },
			`"Memory dump" fired 2 times, want 1; fired: "Password guessing", "Memory dump ×2"`},
		{"WantNeverFired right", func(h *kit.Harness) { h.WantNeverFired("Mimikatz") }, ""},
		{"WantNeverFired", func(h *kit.Harness) { h.WantNeverFired("Password guessing") },
			`"Password guessing" fired 1 time, want 0; fired: "Password guessing", "Memory dump ×2"`},
		{"WantLogged right", func(h *kit.Harness) {
			h.WantLogged(activity.Query{Types: []activity.Type{activity.SeverityChanged}}, `"MEDIUM" → "high"`)
		}, ""},
		{"WantLogged", func(h *kit.Harness) {
			h.WantLogged(activity.Query{Types: []activity.Type{activity.Commented}}, "")
		},
			`no entry of {"types":["commented"]} contains ""; 0 of all 7 are selected:
  #1 2026-03-02 09:00:00 pipeline: incidentCreated
  #1 2026-03-02 09:00:00 pipeline: alertAdded test:1; "Password guessing"
  #1 2026-03-02 09:05:00 pipeline: alertAdded test:2; "Memory dump"
  #1 2026-03-02 09:05:00 pipeline: renamed; name "Password guessing on one endpoint" → "Multi-stage incident on one endpoint"
  #1 2026-03-02 09:05:00 pipeline: severityChanged; severity "medium" → "high"
  #2 2026-03-02 09:06:00 pipeline: incidentCreated
  #2 2026-03-02 09:06:00 pipeline: alertAdded test:3; "Memory dump"`},
		{"WantSound right", func(h *kit.Harness) { h.WantSound() }, ""},
		{"WantRobust right", func(h *kit.Harness) { h.WantRobust(5) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := reported(t, func(t testing.TB) {
				h := kit.New(t, nil)
				fill(h)
				c.want(h)
			})
			assert.Equal(t, c.said, said)
		})
	}
}

// A chain of alerts that brought two others together is printed link by link.
func TestWantApartTellsTheChain(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		h.Ingest(
			kit.Alert("Dump", alert.High, kit.ID("a"), kit.Device("ws-01"), kit.User("kai")),
			kit.Alert(
				"Share",
				alert.Low,
				kit.ID("b"),
				kit.At(30*time.Second),
				kit.User("kai"),
				kit.IP("198.51.100.9"),
			),
			kit.Alert(
				"Beacon",
				alert.Low,
				kit.ID("c"),
				kit.At(time.Minute),
				kit.Device("ws-02"),
				kit.IP("198.51.100.9"),
			),
		)
		h.WantApart("Dump", "Beacon")
	})
	assert.Equal(t, `"Dump" and "Beacon" are in one incident, want two
  #1 Multi-stage incident on multiple endpoints, high, active
    2026-03-02 09:00:00 Dump, high, test:a
    2026-03-02 09:01:00 Beacon, low, test:c
why:
  account:corp\kai  links "Dump" (test:a) and "Share" (test:b)
  ip:198.51.100.9   links "Share" (test:b) and "Beacon" (test:c)`, said)
}

// The failure names what the correlator looked at and held back, and what it never looked at.
func TestWantTogetherTellsWhatWasHeldBack(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		h.Ingest(
			kit.Alert(
				"One",
				alert.High,
				kit.ID("a"),
				kit.Entity(alert.User{Account: "root"}),
				kit.IP("203.0.113.7"),
			),
			kit.Alert(
				"Two",
				alert.High,
				kit.ID("b"),
				kit.At(30*time.Hour),
				kit.Entity(alert.User{Account: "root"}),
				kit.IP("203.0.113.7"),
			),
			kit.Alert("Three", alert.High, kit.ID("c"), kit.At(30*time.Hour)),
		)
		h.WantTogether("One", "Two")
		h.WantTogether("One", "Three")
	})
	assert.Equal(t, `"One", "Two" are in 2 incidents, want 1
  #1 One involving one user, high, active
    2026-03-02 09:00:00 One, high, test:a
  #2 Two involving one user, high, active
    2026-03-03 15:00:00 Two, high, test:b
why test:a (#1) and test:b (#2) are apart:
  account:\root   held back: an account name that many hosts have
  ip:203.0.113.7  the correlator recorded no link by it: it links nothing, or their times are too far apart
  (time)          30h0m0s between their activity

"One", "Three" are in 2 incidents, want 1
  #1 One involving one user, high, active
    2026-03-02 09:00:00 One, high, test:a
  #3 Three, high, active
    2026-03-03 15:00:00 Three, high, test:c
why test:a (#1) and test:c (#3) are apart:
  nothing in common  no entity of one is an entity of the other, or nearly
  only test:a        account:\root, ip:203.0.113.7
  (time)             30h0m0s between their activity`, said)
}

// What counted is shown: what links alone, or else all that linked together.
func TestWantApartTellsWhatCounted(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		agent := kit.File("agent.exe", strings.Repeat("a", 64))
		h.Ingest(
			kit.Alert("A", alert.Low, kit.ID("a"), kit.Device("ws-01"), kit.User("kai"), agent),
			kit.Alert("B", alert.Low, kit.ID("b"), kit.At(time.Hour), kit.Device("ws-01.corp.example"), kit.User("kai")),
			kit.Alert("C", alert.Low, kit.ID("c"), kit.At(2*time.Hour), kit.Device("ws-02"), kit.User("kai"), agent))
		h.WantApart("A", "B")
		h.WantApart("A", "C")
	})
	assert.Contains(t, said, `
why:
  short-host:ws-01  links "A" (test:a) and "B" (test:b)`)
	assert.Contains(t, said, `
why:
  account:corp\kai and sha256:`+strings.Repeat("a", 64)+`  link "A" (test:a) and "C" (test:c)`)
}

// Alerts that share nothing may be apart for what was held back on others of their incidents.
func TestWantTogetherTellsWhatWasHeldBackBetween(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		h.Ingest(
			kit.Alert("A", alert.Low, kit.ID("a"), kit.Device("ws-01")),
			kit.Alert("B", alert.Low, kit.ID("b"), kit.At(time.Minute), kit.Device("ws-01"), kit.User("kai")),
			kit.Alert("C", alert.Low, kit.ID("c"), kit.At(3*time.Hour), kit.Device("ws-02"), kit.User("kai")),
			kit.Alert("D", alert.Low, kit.ID("d"), kit.At(4*time.Hour), kit.Device("ws-02")))
		h.WantTogether("A", "B", "D")
	})
	assert.Contains(t, said, `
why test:a (#1) and test:d (#2) are apart:
  nothing in common  no entity of one is an entity of the other, or nearly
  only test:a        host:ws-01
  only test:d        host:ws-02
  account:corp\kai   held back between test:c (#2) and #1: `)
}

// Membership is asked of the queue as it is now: after a merge by a person, and after alerts were moved.
func TestMembershipFollowsMerges(t *testing.T) {
	h := kit.New(t, nil)
	fill(h)
	h.WantApart("1", "3")
	_, err := h.Manager.Merge(t.Context(), analyst, h.Find("3").ID, []incident.ID{h.Find("1").ID}, "")
	assert.NoError(t, err)
	h.WantTogether("1", "3")
	h.WantIncidents(kit.Incident{Alerts: []string{"Password guessing", "Memory dump ×2"}})
	h.WantLogged(activity.Query{Actors: []string{analyst.ID}}, "merged with #1")
	h.WantSound()
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		fill(h)
		_, err := h.Manager.Merge(t.Context(), analyst, h.Find("3").ID, []incident.ID{h.Find("1").ID}, "")
		if err != nil {
			t.Fatalf("%v", err)
		}
		h.WantApart("1", "3")
	})
	assert.Equal(t, `"1" and "3" are in one incident, want two
  #2 Multi-stage incident on multiple endpoints, high, active
    2026-03-02 09:00:00 Password guessing, medium, test:1
    2026-03-02 09:06:00 Memory dump, high, test:3
no chain of entities leads from one to the other
  test:1: its incident was merged by mona@corp.example`, said)
}

// A step of a chain is a link that was there: of three alerts on a machine, two of which a person has merged,
// the link of the third leads to the one of its days.
func TestWantApartTellsTrueLinks(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		const day = 24 * time.Hour
		h.Ingest(kit.Alert("A", alert.Low, kit.ID("a"), kit.Device("x")),
			kit.Alert("C", alert.Low, kit.ID("c"), kit.At(10*day), kit.Device("x")),
			kit.Alert("B", alert.Low, kit.ID("b"), kit.At(10*day), kit.Device("x")))
		_, err := h.Manager.Merge(t.Context(), analyst, h.Find("A").ID, []incident.ID{h.Find("B").ID}, "")
		if err != nil {
			t.Fatalf("%v", err)
		}
		h.WantApart("C", "B")
		h.WantApart("A", "B")
	})
	assert.Contains(t, said, `
why:
  host:x  links "C" (test:c) and "B" (test:b)`)
	assert.Contains(t, said, `
no chain of entities leads from one to the other
  test:b: its incident was merged by mona@corp.example`)
}

// The failure names what a person has parted, and which alert asked to be left alone.
func TestWantTogetherTellsWhoPartedThem(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		alone := kit.Alert("S", alert.Low, kit.ID("s"), kit.Device("x"))
		alone.Standalone = true
		h.Ingest(kit.Alert("A", alert.Low, kit.ID("a"), kit.Device("x")),
			kit.Alert("B", alert.Low, kit.ID("b"), kit.Device("x")), alone)
		if _, err := h.Manager.MoveAlerts(t.Context(), analyst, []alert.ID{"test:b"}, "", ""); err != nil {
			t.Fatalf("%v", err)
		}
		h.WantTogether("A", "B")
		h.WantTogether("A", "S")
	})
	assert.Contains(t, said, `
why test:a (#1) and test:b (#3) are apart:
  host:x   linked test:b to #1
  (moved)  test:b by mona@corp.example`)
	assert.Contains(t, said, `
  standalone  test:s is, so that the correlator leaves it alone`)
}

// The pair that shares most is shown, however many alerts there are.
func TestWantTogetherShowsTheNearestPair(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		for n := range 40 {
			h.Ingest(kit.Alert("A", alert.Low, kit.ID(fmt.Sprint("a", n)),
				kit.Device("x"), kit.User(fmt.Sprint("user", n))))
		}
		h.Ingest(kit.Alert("B", alert.Low, kit.ID("b"), kit.At(48*time.Hour), kit.User("user31")))
		h.WantTogether("A", "B")
	})
	assert.Contains(t, said, "why test:a31 (#1) and test:b (#2) are apart:\n  account:corp\\user31  ")
}

// A correlator that remembers what it has seen answers otherwise the second time.
func TestWantRobustFindsState(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, &kit.Options{Manager: manager.Options{Correlator: remembers{seen: map[alert.ID]bool{}}}})
		fill(h)
		h.WantRobust(0)
	})
	assert.Contains(t, said, "the same alerts in the same order: ")
	assert.Contains(t, said, "does the correlator keep state?")
}

type remembers struct {
	correlation.Default
	seen map[alert.ID]bool
}

func (c remembers) Correlate(
	ctx context.Context, r storage.Reader, a alert.Alert, keys alert.KeySet,
) (correlation.Decision, error) {
	if c.seen[a.ID] {
		return correlation.Decision{}, nil
	}
	c.seen[a.ID] = true
	return c.Default.Correlate(ctx, r, a, keys)
}

// However long the texts and the lists are, a message can be read.
func TestMessagesAreShort(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		for n := range 300 {
			h.Ingest(kit.Alert(fmt.Sprint(n, strings.Repeat("x", 5000)), alert.Low,
				kit.ID(fmt.Sprint(n)), kit.Device(fmt.Sprint("ws-", n))))
		}
		h.WantFired("y", 1)
		h.WantAlert(kit.Raised{Title: "y"})
		h.WantIncidents()
		h.WantLogged(activity.Query{}, "y")
		h.Find("y")
	})
	assert.Less(t, len(said), 800_000)
	assert.Contains(t, said, "and 280 more that are not wanted")
}

// Names that differ in signs are shown beside each other.
func TestWantTogetherTellsWhatIsNearlyTheSame(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		h.Ingest(
			kit.Alert("Tunnel", alert.Low, kit.ID("a"), kit.Device("ws_17"), kit.URL("https://evil_c2.example/a?b")),
			kit.Alert("Shell", alert.High, kit.ID("b"), kit.Device("ws-17"), kit.URL("evil-c2.example")),
		)
		h.WantTogether("Tunnel", "Shell")
	})
	assert.Contains(t, said, `
why test:a (#1) and test:b (#2) are apart:
  host:ws_17                       nearly the same as host:ws-17, but another key
  url:https://evil_c2.example/a?b  nearly the same as url:evil-c2.example, but another key
  only test:a                      host:ws_17, url:https://evil_c2.example/a?b, url-host:evil_c2.example
  only test:b                      host:ws-17, url:evil-c2.example, url-host:evil-c2.example`)
}

// The failure names a detector that gives each repeat an ID of its own.
func TestWantIncidentsTellsOfTwins(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		h.Ingest(
			kit.Alert("Tunnel", alert.Low, kit.ID("a"), kit.Device("ws-17")),
			kit.Alert("Tunnel", alert.Low, kit.ID("b"), kit.Device("ws-17"), kit.At(time.Second)),
		)
		h.WantIncidents(kit.Incident{Alerts: []string{"Tunnel"}})
	})
	assert.Equal(t, `1 incident as wanted, but not like that
no incident is like {alerts "Tunnel"}
  the nearest is #1, but:
    alerts have "Tunnel" besides
    test:a and test:b differ in nothing but ID and time: a repeat needs the same ID
not wanted:
  #1 Tunnel on one endpoint, low, active
    2026-03-02 09:00:00 Tunnel, low, test:a
    2026-03-02 09:00:01 Tunnel, low, test:b`, said)
}

// A title may hold anything. It takes one line.
func TestTextOfHostileTitles(t *testing.T) {
	h := kit.New(t, nil)
	h.Ingest(kit.Alert("a\n  log:\u202e", alert.Low, kit.ID("\x00")))
	assert.Contains(t, h.Text(), "#1 \"a\\n  log:\\u202e\"\n  low, active\n  alerts:\n"+
		"    2026-03-02 09:00:00 \"a\\n  log:\\u202e\", low, \"test:\\x00\"\n  log:\n")
	assert.Equal(t, 7, strings.Count(h.Text(), "\n"))
}

// A storage that lost a change is not sound.
func TestWantSound(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, nil)
		fill(h)
		var i incident.Incident
		err := h.Storage.View(t.Context(), func(r storage.Reader) (err error) {
			i, err = r.Incident(t.Context(), h.Find("1").ID)
			return err
		})
		if err != nil {
			t.Fatalf("%v", err)
		}
		i.Owner = incident.Owner{ID: "kai@corp.example"}
		if _, err := h.Storage.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{i}}); err != nil {
			t.Fatalf("%v", err)
		}
		h.WantSound()
	})
	assert.Equal(t, `log, incident id-0002, field owner: found {"kind":"user","id":"kai@corp.example"}, want `+"\n\n"+
		`log, incident id-0002, field version: found 3, want 2`, said)
}

// A correlator whose answer depends on the order of arrival does not pass.
func TestWantRobust(t *testing.T) {
	said := reported(t, func(t testing.TB) {
		h := kit.New(t, &kit.Options{Manager: manager.Options{Correlator: onlyHighJoin{}}})
		fill(h)
		h.WantRobust(3)
	})
	assert.Equal(
		t,
		`every third alert an hour after the others: "Password guessing" (test:1) and "Memory dump" (test:2) `+
			`are together in the order given, and apart so
in the order given, why:
  host:srv-01.corp.example  links "Password guessing" (test:1) and "Memory dump" (test:2)
so, why test:1 (#3) and test:2 (#1) are apart:
  host:srv-01.corp.example  the correlator recorded no link by it: it links nothing, or their times are too far apart
  only test:1               ip:203.0.113.7
  only test:2               account:corp\kai
  (time)                    5m0s between their activity
they came as test:2, test:3, test:1`,
		said,
	)
}

// onlyHighJoin lets no other alert join an incident.
type onlyHighJoin struct{ correlation.Default }

func (c onlyHighJoin) Correlate(
	ctx context.Context, r storage.Reader, a alert.Alert, keys alert.KeySet,
) (correlation.Decision, error) {
	if a.Severity != alert.High {
		return correlation.Decision{}, nil
	}
	return c.Default.Correlate(ctx, r, a, keys)
}
