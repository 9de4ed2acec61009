package manager_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// Why are these together, and what was held back?
func TestExplain(t *testing.T) {
	m, _ := open(t)
	laptop, mona, home := alert.Device{DeviceID: "laptop"}, alert.User{UPN: "mona@contoso.com"}, alert.IP{Address: "127.0.0.1"}
	first := ingest(t, m, raise(1, 0, laptop, home))[0].Incident
	ingest(t, m, raise(2, 1, laptop))
	other := ingest(t, m, raise(3, 2, mona))[0].Incident
	_, err := m.Merge(t.Context(), kai, first, []incident.ID{other}, "one attack")
	require.NoError(t, err)
	why, err := m.Explain(t.Context(), kai, other)
	require.NoError(t, err)
	require.Len(t, why, 3)

	assert.Empty(t, why[0].Reasons(), "it was the first")
	assert.Equal(t, 1, why[0].Opened)
	assert.Zero(t, why[1].Opened)
	nowhere := activity.Link{Reason: activity.SharedIndicators, Entity: "ip:127.0.0.1"}
	nowhere.HeldBack = "an address that names no host"
	assert.Equal(t, []activity.Link{nowhere}, why[0].HeldBack())
	assert.Equal(t, []activity.Link{{Reason: activity.SameAsset, Entity: "device:laptop", Incident: first, Score: 5}}, why[1].Reasons())
	assert.Equal(t, siem, why[1].Added.Actor)
	assert.Zero(t, why[1].Merged)
	assert.Equal(t, other, why[2].Added.Incident)
	assert.Equal(t, "one attack", why[2].Merged.Text)
	assert.Equal(t, kai, why[2].Merged.Actor)

	_, err = m.Explain(t.Context(), kai, "nowhere")
	assert.ErrorIs(t, err, storage.ErrNotFound)
}

// Each alert has a sentence that a report can print, and all together have one. Other incidents are named by their
// numbers, if the actor may read them.
func TestSentencesOfAnIncident(t *testing.T) {
	m, s := open(t)
	laptop, account := alert.Device{HostName: "ws-01"}, alert.User{Account: "kai", Domain: "CORP"}
	proxy := alert.IP{Address: "203.0.113.7"}
	ingest(t, m, raise(1, 0, proxy, alert.Device{HostName: "other"}))
	id := ingest(t, m, raise(2, 180, laptop, proxy))[0].Incident
	ingest(t, m, raise(3, 181, laptop, account), raise(4, 182, laptop))
	ingest(t, m, raise(5, 181, account))
	second := ingest(t, m, raise(6, 500, alert.User{Account: "mona", Domain: "CORP"}))[0].Incident
	_, err := m.Merge(t.Context(), kai, id, []incident.ID{second}, "")
	require.NoError(t, err)

	sentences := func(m *manager.Manager) (all []string) {
		why, err := m.Explain(t.Context(), kai, id)
		require.NoError(t, err)
		for _, e := range why {
			all = append(all, e.Sentence())
		}
		return append(all, incident.Rationale(why))
	}
	want := []string{
		"First alert of the incident. " +
			"Held back: the address 203.0.113.7 with #1 (one weaker identifier alone, 3 hours apart; it links within 60 seconds).",
		"Linked to 'Alert 2' by the device ws-01.",
		"Linked to 'Alert 3' by the account CORP\\kai, close in time.",
		"Linked to 'Alert 3' by the device ws-01.",
		"First alert of #3, merged by kai@contoso.com.",
		"3 alerts on the device ws-01; 1 more by the account CORP\\kai, close in time; 1 more from merged incidents.",
	}
	assert.Equal(t, want, sentences(m))

	hiding := guarded(s, func(_ activity.Actor, _ manager.Action, i incident.Incident) error {
		if i.Number == 1 {
			return manager.ErrForbidden
		}
		return nil
	})
	want[0] = strings.Replace(want[0], "with #1", "with another incident", 1)
	assert.Equal(t, want, sentences(hiding))
}

// The links of a later report are part of the explanation, until a person moves the alert.
func TestExplainUpdatedAlerts(t *testing.T) {
	m, _ := open(t)
	laptop, server := alert.Device{HostName: "ws-01"}, alert.Device{HostName: "srv-02"}
	id := ingest(t, m, raise(1, 0, laptop))[0].Incident
	other := ingest(t, m, raise(2, 5, server))[0].Incident
	require.NotEqual(t, id, other)
	grown := raise(2, 5, server, laptop)
	grown.Updated = start.Add(time.Hour)
	ingest(t, m, grown)

	why, err := m.Explain(t.Context(), kai, id)
	require.NoError(t, err)
	require.Len(t, why, 2)
	require.NotEmpty(t, why[1].Updated)
	assert.Contains(t, linked(why[1].Reasons()), alert.Key("host:ws-01"))
	assert.Equal(t, "First alert of #2, which was merged. A later report linked it to 'Alert 1' by the device ws-01.",
		why[1].Sentence())
	assert.Equal(t, "2 alerts on the device ws-01.", incident.Rationale(why))
	assert.Empty(t, why[0].Updated)

	_, err = m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:2"}, "", "")
	require.NoError(t, err)
	moved, err := m.Alert(t.Context(), kai, "edr:2")
	require.NoError(t, err)
	why, err = m.Explain(t.Context(), kai, moved.Incident)
	require.NoError(t, err)
	require.Len(t, why, 1)
	assert.Empty(t, why[0].Updated)
	assert.Equal(t, "Moved from #1 by kai@contoso.com.", why[0].Sentence())
	_, err = m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:2"}, id, "")
	require.NoError(t, err)
	why, err = m.Explain(t.Context(), kai, id)
	require.NoError(t, err)
	require.Len(t, why, 2)
	assert.Empty(t, why[1].Updated, "it is there by hand now")
}

func linked(links []activity.Link) (keys []alert.Key) {
	for _, l := range links {
		keys = append(keys, l.Entity)
	}
	return keys
}

// An alert that came in more than one way is explained by the one that counts.
func TestWaysOfAnAlert(t *testing.T) {
	m, _ := open(t)
	ids := apart(t, m, 4)
	of := func(id incident.ID) alert.ID {
		return all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{id}}))[0].ID
	}
	a, c := of(ids[0]), of(ids[2])
	do := func(_ incident.Incident, err error) { t.Helper(); require.NoError(t, err) }
	why := func(id incident.ID, a alert.ID) incident.Explanation {
		t.Helper()
		all, err := m.Explain(t.Context(), kai, id)
		require.NoError(t, err)
		for _, e := range all {
			if e.Alert.ID == a {
				return e
			}
		}
		require.Fail(t, "not there")
		return incident.Explanation{}
	}
	// Moved by hand, and then the incident that it left is merged in: it did not come with that.
	do(m.MoveAlerts(t.Context(), kai, []alert.ID{a}, ids[1], "by hand"))
	do(m.Merge(t.Context(), kai, ids[1], ids[:1], "merge 1"))
	assert.Equal(t, "by hand", why(ids[1], a).Added.Text)
	assert.Zero(t, why(ids[1], a).Merged)
	// Through two merges: the last is the one into this incident.
	do(m.Merge(t.Context(), kai, ids[1], ids[2:3], "merge 2"))
	do(m.Merge(t.Context(), kai, ids[3], ids[1:2], "merge 3"))
	assert.Equal(t, ids[2], why(ids[3], c).Added.Incident)
	assert.Equal(t, "merge 3", why(ids[3], c).Merged.Text)
	assert.Equal(t, ids[1], why(ids[3], a).Added.Incident)
	// Taken apart and merged again, by which nothing is copied twice.
	do(m.Unmerge(t.Context(), kai, ids[1], ""))
	assert.Equal(t, "merge 2", why(ids[1], c).Merged.Text)
	do(m.Merge(t.Context(), kai, ids[3], ids[1:2], "merge 4"))
	assert.Equal(t, ids[2], why(ids[3], c).Added.Incident)
	assert.Equal(t, "merge 4", why(ids[3], c).Merged.Text)
	assert.Equal(t, "by hand", why(ids[3], a).Added.Text)
	// Away and back again by hand.
	do(m.MoveAlerts(t.Context(), kai, []alert.ID{c}, "", "away"))
	do(m.MoveAlerts(t.Context(), kai, []alert.ID{c}, ids[3], "back"))
	assert.Equal(t, "back", why(ids[3], c).Added.Text)
	assert.Zero(t, why(ids[3], c).Merged)
	// Merged the other way round, so that its own entries come back as copies.
	do(m.Unmerge(t.Context(), kai, ids[1], ""))
	do(m.Merge(t.Context(), kai, ids[1], ids[3:], "merge 5"))
	assert.Equal(t, ids[1], why(ids[1], a).Added.Incident)
	assert.Zero(t, why(ids[1], a).Merged)
}

// Whatever happened to an alert, what is told of it is how it came to where it is now: the last entry of all about
// its coming or going, its incident's own or that of the merge.
func TestEveryAlertIsExplained(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		d := anyday.New(t.Context(), rt, s)
		d.Happen(15)
		last, merges := make(map[alert.ID]activity.Entry), make(map[string][]activity.Entry) // the latter by cause
		for _, e := range all(t, d.Manager.Activity(t.Context(), kai, activity.Query{})) {
			switch {
			case e.Origin != "":
			case e.Type == activity.AlertAdded, e.Type == activity.AlertMoved && (last[e.Alert].Cause != e.Cause || last[e.Alert].Type != activity.AlertAdded):
				last[e.Alert] = e
			case e.Type == activity.Merged:
				merges[e.Cause] = append(merges[e.Cause], e)
			}
		}
		for _, i := range all(t, d.Manager.Incidents(t.Context(), kai, whatever)) {
			if i.Status == incident.Redirected {
				continue
			}
			why, err := d.Manager.Explain(t.Context(), kai, i.ID)
			require.NoError(rt, err)
			require.Len(rt, why, i.Alerts.Count)
			for _, w := range why {
				require.Equal(rt, i.ID, w.Alert.Incident)
				require.Equal(rt, activity.AlertAdded, w.Added.Type)
				require.Equal(rt, w.Alert.ID, w.Added.Alert)
				require.Empty(rt, w.Added.Origin)
				told := slices.Clone(w.Added.Links)
				for _, e := range w.Updated {
					require.Equal(rt, activity.AlertUpdated, e.Type)
					require.Equal(rt, w.Alert.ID, e.Alert)
					require.Greater(rt, e.Seq, w.Added.Seq, "links from before it was moved are of another incident")
					told = append(told, e.Links...)
				}
				told = slices.DeleteFunc(told, func(l activity.Link) bool {
					return l.Reason == activity.RepeatedAlertOccurrence // it says that there is one of its kind
				})
				require.Subset(rt, told, w.Reasons())
				require.Subset(rt, told, w.HeldBack())
				require.Subset(rt, append(w.Reasons(), w.HeldBack()...), told)
				require.NotEmpty(rt, w.Sentence())
				came := last[w.Alert.ID]
				switch {
				case came.Type == activity.AlertAdded:
					require.Equal(rt, came.ID, w.Added.ID)
				case len(merges[came.Cause]) > 0:
					require.Contains(rt, merges[came.Cause], w.Merged)
					require.Equal(rt, came.Incident, w.Merged.Links[0].Incident, "the incident that it left for this one")
				default: // it came back by an unmerge
					require.Less(rt, w.Added.Seq, came.Seq)
				}
			}
		}
	})
}

// A verdict goes to the alerts that have none of their own, and to all when that is asked for, with the edit that sets
// it or later.
func TestVerdictToAlerts(t *testing.T) {
	m, s := open(t)
	ids := spread(t, m, 1)
	ingest(t, m, raise(5, 1, alert.Device{DeviceID: "d0"}))
	verdicts := func() (all []string) {
		for a, err := range manager.New(s, nil).Alerts(t.Context(), kai, alert.Query{}) {
			require.NoError(t, err)
			all = append(all, string(a.Verdict.Determination))
		}
		return all
	}
	_, err := m.Edit(t.Context(), kai, ids[0], incident.Edit{Verdict: &malware})
	require.NoError(t, err)
	assert.Equal(t, []string{"malware", "malware"}, verdicts())
	entries := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.AlertUpdated}}))
	assert.Len(t, entries, 2)
	_, err = m.EditAlerts(t.Context(), kai, []alert.ID{"edr:5"}, incident.AlertEdit{Verdict: &phishing})
	require.NoError(t, err)
	_, err = m.Edit(t.Context(), kai, ids[0], incident.Edit{Verdict: &classification.Verdict{}})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"", "phishing"}, verdicts(), "one has its own by now")
	_, err = m.Edit(t.Context(), kai, ids[0], incident.Edit{Verdict: &malware, VerdictToAlerts: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"malware", "malware"}, verdicts())
	_, err = m.Edit(t.Context(), kai, ids[0], incident.Edit{Verdict: new(phishing), VerdictToAlerts: true, Status: new(incident.Resolved)})
	require.NoError(t, err)
	assert.Equal(t, []string{"phishing", "phishing"}, verdicts())
}

// With that policy, a verdict is that of the incident alone.
func TestAlertsKeepTheirVerdicts(t *testing.T) {
	m := manager.New(memory.New(), &manager.Options{Policy: incident.Policy{KeepAlertVerdicts: true}})
	id := ingest(t, m, raise(1, 0))[0].Incident
	i, err := m.Edit(t.Context(), kai, id, incident.Edit{Verdict: &malware})
	require.NoError(t, err)
	assert.Equal(t, malware, i.Verdict)
	assert.Empty(t, i.Alerts.Classified)
	i, err = m.Edit(t.Context(), kai, id, incident.Edit{VerdictToAlerts: true})
	require.NoError(t, err)
	assert.Len(t, i.Alerts.Classified, 1, "asked for")
}

var (
	malware  = classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
	phishing = classification.Verdict{Classification: classification.TruePositive, Determination: classification.Phishing}
)
