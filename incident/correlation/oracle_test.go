package correlation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage/memory"
)

var (
	start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	siem  = activity.Actor{Kind: activity.App, ID: "siem"}
)

// anyAlerts draws alerts about a few machines, accounts, files and addresses within three days: many in a short time,
// long ones, some about lateral movement, some alone, and some that name more machines than an alert is linked by.
func anyAlerts(t *rapid.T, most int) []alert.Alert {
	all := make([]alert.Alert, rapid.IntRange(2, most).Draw(t, "alerts"))
	for n := range all {
		all[n] = anyAlert(t, n)
	}
	return all
}

func anyAlert(t *rapid.T, n int) alert.Alert {
	pick := func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(t, name) }
	a := alert.Alert{
		Origin: alert.Origin{Source: "s", ID: fmt.Sprint(n)}, Title: "t", Severity: alert.Low,
		FirstActivity: start.Add(time.Duration(pick("quarters", 3*24*4))*15*time.Minute +
			time.Duration(pick("seconds", 4))*30*time.Second),
	}
	if pick("long", 5) == 0 {
		a.LastActivity = a.FirstActivity.Add(time.Duration(pick("half hours", 96)) * 30 * time.Minute)
	}
	if pick("lateral", 5) == 0 {
		a.Techniques = []string{"T1021.002"}
	}
	a.Standalone = pick("standalone", 20) == 0
	if pick("spread", 20) == 0 {
		for k := range 9 {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{HostName: fmt.Sprint("ws-", k)}})
		}
	}
	for range pick("evidence", 4) {
		e := alert.Evidence{Entity: anyEntity(t)}
		switch pick("about it", 8) {
		case 0:
			e.Verdict = alert.NoThreatsFound
		case 1:
			e.Tags = []string{"Domain Controller"}
		}
		a.Evidence = append(a.Evidence, e)
	}
	return a
}

func anyEntity(t *rapid.T) alert.Entity {
	pick := func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(t, name) }
	switch pick("kind", 14) {
	case 0, 1:
		return alert.Device{HostName: fmt.Sprint("ws-", pick("device", 4))}
	case 8:
		return alert.User{Domain: "CORP", Account: fmt.Sprintf("ws-%d$", pick("device", 4))}
	case 9:
		role := fmt.Sprint("arn:aws:iam::111122223333:role/r", pick("role", 2))
		if session := pick("session", 3); session > 0 {
			role = fmt.Sprint(strings.Replace(role, "iam::111122223333:role", "sts::111122223333:assumed-role", 1), "/s", session)
		}
		return alert.CloudResource{Provider: alert.KindAmazonResource, ID: role}
	case 10:
		n := pick("user", 3)
		u := alert.User{UPN: fmt.Sprintf("u%d@corp.example", n), SID: fmt.Sprint("S-1-5-21-1-2-3-110", n)}
		if pick("by SID", 2) == 0 {
			u.UPN = ""
		}
		return u
	case 11: // a device that only its address names
		return alert.Device{LastIP: fmt.Sprint("10.0.0.", 1+pick("private", 3))}
	case 12:
		return alert.Message{NetworkMessageID: fmt.Sprint("m", pick("mail", 2)),
			Sender: fmt.Sprintf("u%d@corp.example", pick("user", 3))}
	case 13:
		const group = "/subscriptions/s/resourceGroups/g/"
		return alert.CloudResource{
			ID: fmt.Sprint(group, "providers/Microsoft.Compute/virtualMachines/ws-", pick("device", 4)),
		}
	case 2:
		return alert.User{Domain: "CORP", Account: fmt.Sprint("u", pick("user", 3))}
	case 3:
		return alert.File{SHA256: fmt.Sprintf("%064x", 1+pick("file", 3))}
	case 4:
		return alert.IP{Address: fmt.Sprint("203.0.113.", 1+pick("address", 3))}
	case 5:
		return alert.Device{HostName: fmt.Sprint("ws-", pick("device", 4)), LastIP: fmt.Sprint("10.0.0.", 1+pick("private", 3))}
	case 6:
		return alert.IP{Address: fmt.Sprint("10.0.0.", 1+pick("private", 3))}
	default:
		return alert.Mailbox{Address: fmt.Sprintf("u%d@corp.example", pick("user", 3))}
	}
}

// anyIdentity draws options.
func anyIdentity(t *rapid.T) alert.IdentityOptions {
	keys := []alert.Key{"host:ws-0", `account:corp\u0`, "upn:u1@corp.example", "sid:s-1-5-21-1-2-3-1102", "ip:203.0.113.1"}
	some := rapid.SliceOfN(rapid.SampledFrom(keys), 0, 2)
	return alert.IdentityOptions{Shared: some.Draw(t, "shared"), Everywhere: some.Draw(t, "everywhere")}
}

// linked is the rule, said for two alerts and looking at nothing else.
func linked(a, b alert.Alert, o alert.IdentityOptions) bool {
	if a.Standalone || b.Standalone {
		return false
	}
	const window, burst, near = 24 * time.Hour, time.Minute, time.Hour
	ours, theirs := a.Identifiers(&o), b.Identifiers(&o)
	device := alert.NamesDevice(ours) && alert.NamesDevice(theirs)
	moves := a.Moves() || b.Moves()
	first := b.FirstActivity.Sub(a.FirstActivity).Abs()
	type shared struct {
		kind         string
		ours, theirs int // the thing
		both         alert.Strength
	}
	var all []shared
	for _, i := range ours {
		for _, j := range theirs {
			if !i.Meets(j) || min(i.Strength, j.Strength) == alert.NotLinking {
				continue
			}
			both := min(i.Strength, j.Strength)
			switch {
			case both == alert.Linking && between(a, b) <= window,
				both >= alert.Weaker && first < burst,
				both >= alert.Weaker && first < near && (moves || !device || i.Key.Namespace() == "device-ip"):
				return true
			case first <= window:
				all = append(all, shared{kindOf(i.Key), i.Entity, j.Entity, both})
			}
		}
	}
	for _, x := range all {
		for _, y := range all {
			if x.kind != y.kind && x.ours != y.ours && x.theirs != y.theirs && x.both >= alert.Weaker {
				return true
			}
		}
	}
	return false
}

// between returns how far apart the activities of two alerts are.
func between(a, b alert.Alert) time.Duration {
	if b.FirstActivity.Before(a.FirstActivity) {
		a, b = b, a
	}
	_, last := a.Interval()
	return max(0, b.FirstActivity.Sub(last))
}

func kindOf(key alert.Key) string {
	for kind, namespaces := range map[string]string{
		"device": "device device-dir host short-host netbios-host", "user": "user sid upn account short-account mailbox",
		"file": "sha256 sha1 md5 file", "network": "ip url url-host device-ip",
	} {
		if slices.Contains(strings.Fields(namespaces), key.Namespace()) {
			return kind
		}
	}
	return key.Namespace()
}

// components returns which alerts are together when those that are linked are, directly or through others: for each
// the first of them.
func components(all []alert.Alert, o alert.IdentityOptions) []int {
	first := make([]int, len(all))
	for n := range all {
		first[n] = n
	}
	for changed := true; changed; {
		changed = false
		for n := range all {
			for m := range all {
				if first[m] < first[n] && linked(all[n], all[m], o) {
					first[n], changed = first[m], true
				}
			}
		}
	}
	return first
}

// A sequence is a manager that alerts are ingested into.
type sequence struct {
	*manager.Manager
	now time.Time
}

func ingesting(d correlation.Default) *sequence {
	s := &sequence{now: start}
	s.Manager = manager.New(memory.New(), &manager.Options{Now: func() time.Time { return s.now }, Correlator: d})
	return s
}

func (s *sequence) ingest(t require.TestingT, a alert.Alert) manager.Result {
	if a.FirstActivity.After(s.now) {
		s.now = a.FirstActivity
	}
	results, err := s.Ingest(context.Background(), siem, []alert.Alert{a})
	require.NoError(t, err)
	return results[0]
}

// groups returns which alerts are together, as components does.
func (s *sequence) groups(t require.TestingT, all []alert.Alert) []int {
	of := map[string]incident.ID{}
	for a, err := range s.Alerts(context.Background(), siem, alert.Query{Brief: true}) {
		require.NoError(t, err)
		of[a.Origin.ID] = a.Incident
	}
	groups := make([]int, len(all))
	seen := map[incident.ID]int{}
	for n, a := range all {
		id := of[a.Origin.ID]
		if _, ok := seen[id]; !ok {
			seen[id] = n
		}
		groups[n] = seen[id]
	}
	return groups
}

// Whatever the order in which alerts come, those are together that the rule for two alerts links, directly or through
// others.
func TestIncidentsAreWhatTheRuleForTwoAlertsLinks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := anyAlerts(t, 14)
		order := make([]int, len(all))
		for n := range order {
			order[n] = n
		}
		order = rapid.Permutation(order).Draw(t, "order")
		o := anyIdentity(t)
		s := ingesting(correlation.Default{Most: 100, Identity: o})
		for _, n := range order {
			s.ingest(t, all[n])
		}
		require.Equal(t, components(all, o), s.groups(t, all), "%v\n%s", order, described(all, o))
	})
}

// So it is where an alert is reported again with more evidence.
func TestLateEvidenceLinksAsItWouldHaveFromTheStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := anyAlerts(t, 8)
		o := anyIdentity(t)
		s := ingesting(correlation.Default{Most: 100, Identity: o})
		for _, a := range all {
			a.Evidence = a.Evidence[:rapid.IntRange(0, len(a.Evidence)).Draw(t, "at first")]
			s.ingest(t, a)
		}
		for _, n := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "order") {
			if n < len(all) {
				s.ingest(t, all[n])
			}
		}
		got, want := s.groups(t, all), components(s.stored(t, all), o)
		for n := range all {
			for m := range n {
				// What the first reports linked stays together, as no report takes back what another has said.
				if want[n] == want[m] {
					require.Equal(t, got[n], got[m], "%d %d\n%s", n, m, described(all, o))
				}
			}
		}
	})
}

// stored returns the alerts as they are now: two pieces of evidence about one thing may have become one.
func (s *sequence) stored(t require.TestingT, all []alert.Alert) []alert.Alert {
	now := make([]alert.Alert, len(all))
	for n, a := range all {
		var err error
		now[n], err = s.Alert(context.Background(), siem, a.Origin.AlertID())
		require.NoError(t, err)
	}
	return now
}

func described(all []alert.Alert, o alert.IdentityOptions) (s string) {
	s = fmt.Sprintf("%v\n", o)
	for _, a := range all {
		first, last := a.Interval()
		s += fmt.Sprintf("%s %s..%s moves %t standalone %t:", a.Origin.ID, first.Sub(start), last.Sub(start), a.Moves(), a.Standalone)
		for _, i := range a.Identifiers(&o) {
			s += fmt.Sprintf(" %s (%s)", i.Key, i.Strength)
		}
		s += "\n"
	}
	return s
}

// An alert brings two incidents together only when the rule links it with an alert of each.
func TestNothingElseBringsIncidentsTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := anyAlerts(t, 10)
		o := anyIdentity(t)
		s := ingesting(correlation.Default{Most: 100, Identity: o})
		var before []int
		for n, a := range all {
			s.ingest(t, a)
			after := s.groups(t, all[:n+1])
			for m := range n {
				for k := range m {
					if after[m] == after[k] && before[m] != before[k] {
						require.True(t, touches(a, all[:n], before, m, o) && touches(a, all[:n], before, k, o),
							"%d %d %d\n%s", n, m, k, described(all, o))
					}
				}
			}
			before = after
		}
	})
}

// touches reports whether a is linked with an alert of the group of m.
func touches(a alert.Alert, all []alert.Alert, groups []int, m int, o alert.IdentityOptions) bool {
	for n, b := range all {
		if groups[n] == groups[m] && linked(a, b, o) {
			return true
		}
	}
	return false
}

func TestAnAlertBringsAFewIncidentsTogether(t *testing.T) {
	for _, most := range []int{2, 3} {
		s := ingesting(correlation.Default{Most: most})
		var all []alert.Alert
		for n := range 3 {
			all = append(all, named(fmt.Sprint(n), 0, alert.Device{HostName: fmt.Sprint("ws-", n)}))
		}
		all = append(all, named("all", time.Hour,
			alert.Device{HostName: "ws-0"}, alert.Device{HostName: "ws-1"}, alert.Device{HostName: "ws-2"}))
		var last manager.Result
		for _, a := range all {
			last = s.ingest(t, a)
		}
		if most == 3 {
			assert.Equal(t, []int{0, 0, 0, 0}, s.groups(t, all))
			continue
		}
		assert.Equal(t, []int{0, 1, 2, 3}, s.groups(t, all))
		require.Len(t, last.Links, 3)
		assert.Equal(t, "the alert links 3 incidents, more than 2", last.Links[0].HeldBack)
	}
}

// named makes an alert.
func named(id string, after time.Duration, entities ...alert.Entity) alert.Alert {
	a := alert.Alert{
		Origin: alert.Origin{Source: "edr", ID: id}, Title: "rule " + id, Severity: alert.Medium, FirstActivity: start.Add(after),
	}
	for _, e := range entities {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
	}
	return a
}
