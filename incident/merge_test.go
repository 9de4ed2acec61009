package incident_test

import (
	"errors"
	"fmt"
	"maps"
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
)

// A desk is what a storage would keep of several incidents.
type desk struct {
	incidents map[incident.ID]incident.Incident
	alerts    map[alert.ID]alert.Alert
	log       []activity.Entry
	commands  int
}

func newDesk() *desk {
	return &desk{incidents: map[incident.ID]incident.Incident{}, alerts: map[alert.ID]alert.Alert{}}
}

func (d *desk) command() incident.Command {
	d.commands++
	return command(d.commands)
}

// keep stores effects as a storage does: all records once and with their versions.
func (d *desk) keep(t require.TestingT, effects ...incident.Effect) {
	incidents, alerts := map[incident.ID]bool{}, map[alert.ID]bool{}
	for _, e := range effects {
		if len(e.Activity) > 0 {
			require.False(t, incidents[e.Incident.ID], "%s twice", e.Incident.ID)
			require.Equal(t, d.incidents[e.Incident.ID].Version, e.Incident.Version)
			incidents[e.Incident.ID] = true
			e.Incident.Version++
			d.incidents[e.Incident.ID] = e.Incident
		}
		for _, a := range e.Alerts {
			require.False(t, alerts[a.ID], "%s twice", a.ID)
			require.Equal(t, d.alerts[a.ID].Version, a.Version)
			alerts[a.ID] = true
			a.Version++
			d.alerts[a.ID] = a
		}
		for _, entry := range e.Activity {
			entry.Seq = int64(len(d.log) + 1)
			d.log = append(d.log, entry)
		}
		for _, id := range e.Redact {
			n := slices.IndexFunc(d.log, func(e activity.Entry) bool { return e.ID == id })
			require.GreaterOrEqual(t, n, 0, "%s is redacted", id)
			d.log[n] = d.log[n].Redact()
		}
	}
}

func (d *desk) create(t require.TestingT, id incident.ID, draft incident.Draft) {
	e, err := incident.Create(d.command(), id, draft, draft.Alerts, nil, tax)
	require.NoError(t, err)
	d.keep(t, e)
}

func (d *desk) edit(t require.TestingT, id incident.ID, e incident.Edit) {
	effect, err := e.Apply(d.command(), d.party(id).Case, tax)
	require.NoError(t, err)
	d.keep(t, effect)
}

func (d *desk) comment(t require.TestingT, id incident.ID, text string, images ...incident.Image) {
	e, err := incident.AddComment(d.command(), d.incidents[id], incident.CommentDraft{Text: text, Images: images})
	require.NoError(t, err)
	d.keep(t, e)
}

func (d *desk) alertsOf(id incident.ID) (all []alert.Alert) {
	for _, a := range d.alerts {
		if a.Incident == id {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, alert.Query{}.Compare)
	return all
}

func (d *desk) logOf(id incident.ID) (all []activity.Entry) {
	for _, e := range d.log {
		if e.Incident == id {
			all = append(all, e)
		}
	}
	return all
}

// follow returns the ID to which the redirects from id lead. It ends after as many steps as there are incidents.
func (d *desk) follow(t require.TestingT, id incident.ID) incident.ID {
	for range d.incidents {
		i := d.incidents[id]
		if _, here := d.incidents[i.RedirectTo]; i.Status != incident.Redirected || !here {
			return id
		}
		id = i.RedirectTo
	}
	require.Fail(t, "a circle of redirects", "at %s", id)
	return ""
}

func (d *desk) party(id incident.ID) incident.Party {
	p := incident.Party{Log: d.logOf(id)}
	p.Incident, p.Alerts = d.incidents[id], d.alertsOf(id)
	return p
}

// named is the party that the ID leads to.
func (d *desk) named(t require.TestingT, id incident.ID) incident.Party {
	p := d.party(d.follow(t, id))
	p.Named = id
	return p
}

func (d *desk) merge(t require.TestingT, target incident.ID, sources ...incident.ID) error {
	var from []incident.Party
	for _, id := range sources {
		from = append(from, d.named(t, id))
	}
	before := d.clone()
	effects, err := incident.Merge(d.command(), d.named(t, target), from, "one attack")
	require.Equal(t, before, d.records(), "a rule changed what it was given")
	if err == nil {
		d.keep(t, effects...)
	}
	return err
}

func (d *desk) unmerge(t require.TestingT, source incident.ID) error {
	s := d.party(source)
	for _, id := range incident.MergedAlerts(s) {
		s.Alerts = append(s.Alerts, d.alerts[id])
	}
	before := d.clone()
	effects, err := incident.Unmerge(d.command(), s, d.party(s.Incident.RedirectTo), "not one after all")
	require.Equal(t, before, d.records(), "a rule changed what it was given")
	if err == nil {
		d.keep(t, effects...)
	}
	return err
}

func (d *desk) move(t require.TestingT, to incident.ID, alerts ...alert.ID) error {
	var from []incident.Case
	seen := map[incident.ID]bool{to: true}
	for _, id := range alerts {
		if home := d.alerts[id].Incident; !seen[home] {
			seen[home] = true
			from = append(from, d.party(home).Case)
		}
	}
	there := d.party(to).Case
	there.Incident.ID = to
	before := d.clone()
	effects, err := incident.MoveAlerts(d.command(), from, there, alerts, "belongs there")
	require.Equal(t, before, d.records(), "a rule changed what it was given")
	if err == nil {
		d.keep(t, effects...)
	}
	return err
}

// records are the incidents and alerts, and clone is a copy of them.
type records struct {
	incidents map[incident.ID]incident.Incident
	alerts    map[alert.ID]alert.Alert
}

func (d *desk) records() records { return records{d.incidents, d.alerts} }

func (d *desk) clone() records {
	c := records{maps.Clone(d.incidents), maps.Clone(d.alerts)}
	for id, i := range c.incidents {
		c.incidents[id] = i.Clone()
	}
	for id, a := range c.alerts {
		c.alerts[id] = a.Clone()
	}
	return c
}

// plain returns records without what every command changes: versions, times of change, and the number of
// comments, since a log keeps its copies.
func (r records) plain() records {
	for id, i := range r.incidents {
		i.Version, i.Updated, i.Comments = 0, time.Time{}, 0
		r.incidents[id] = i
	}
	for id, a := range r.alerts {
		a.Version, a.Updated = 0, time.Time{}
		r.alerts[id] = a
	}
	return r
}

// check holds everything against what must always be so.
func (d *desk) check(t require.TestingT) {
	seen := map[activity.ID]bool{}
	for _, e := range d.log {
		require.False(t, seen[e.ID], "entry %s twice", e.ID)
		seen[e.ID] = true
	}
	for id, i := range d.incidents {
		log, alerts := d.logOf(id), d.alertsOf(id)
		require.Equal(t, incident.Summarize(alerts), i.Alerts, "%s", id)
		d.follow(t, id)

		var own []activity.Entry
		comments := 0
		for _, e := range log {
			if e.Origin == "" {
				own = append(own, e)
			}
			if e.Type == activity.Commented {
				comments++
			}
		}
		want := i
		want.ID, want.Version = "", 0
		require.Equal(t, want, replay(t, own), "the entries of %s", id)
		again, err := incident.Replay(func(yield func(activity.Entry, error) bool) {
			for _, e := range log {
				if !yield(e, nil) {
					return
				}
			}
		})
		require.NoError(t, err)
		require.Equal(t, i, again)
		require.Equal(t, comments, i.Comments)

		require.True(t, slices.IsSortedFunc(i.Tags, func(a, b incident.Tag) int { return strings.Compare(a.Name, b.Name) }), "%v", i.Tags)
		if i.Status == incident.Redirected { // M2
			require.Empty(t, alerts, "%s is redirected", id)
			require.True(t, i.HasTag(incident.RedirectedTag))
			continue
		}
		require.Empty(t, i.RedirectTo)
		require.False(t, i.HasTag(incident.RedirectedTag))
		if !i.SeverityOverridden && !i.SeverityGiven { // M12
			require.Equal(t, i.Alerts.BySeverity.Highest(), i.Severity)
		}
		if !i.Renamed && !i.Named {
			require.Equal(t, incident.GenerateName(i.Alerts), i.Name)
		}
		requireTags(t, i)
	}
}

// requireTags holds the tags of i against its own and those that its alerts bring.
func requireTags(t require.TestingT, i incident.Incident) {
	want := map[string]incident.Tag{}
	for _, tag := range i.Alerts.SystemTags {
		want[incident.Fold(tag.Name)] = tag
	}
	for _, tag := range i.Tags {
		if tag.Kind == alert.Custom || tag.Kind == alert.SystemTag {
			want[incident.Fold(tag.Name)] = tag
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Values(want)), i.Tags, "%s", i.ID)
}

// refusals returns which incident is refused for which reasons.
func refusals(t *testing.T, err error) map[incident.ID][]error {
	t.Helper()
	refused, ok := errors.AsType[*incident.RefusedError](err)
	require.True(t, ok, "%v", err)
	all := map[incident.ID][]error{}
	for _, r := range refused.Refusals {
		require.ErrorIs(t, err, r.Reason)
		require.ErrorContains(t, err, string(r.Incident))
		require.ErrorContains(t, err, r.Detail)
		all[r.Incident] = append(all[r.Incident], r.Reason)
	}
	return all
}

// twoIncidents are a, unassigned, and b, which is kai's.
func twoIncidents(t require.TestingT) *desk {
	d := newDesk()
	d.create(t, "a", incident.Draft{Tags: []incident.Tag{{Name: "vip"}}, Alerts: []alert.Alert{newAlert(1, alert.Low, "d1")}})
	d.create(t, "b", incident.Draft{Name: "Payroll", Tags: []incident.Tag{{Name: "VIP"}, {Name: "fin"}}, Owner: incident.Owner{ID: "kai"}, Status: incident.InProgress,
		Verdict: classification.Verdict{Classification: classification.TruePositive}, Alerts: []alert.Alert{newAlert(2, alert.High, "d1"), newAlert(3, alert.Low, "d2")}})
	d.comment(t, "b", "who is this?")
	return d
}

func TestMergeBringsEverythingTogether(t *testing.T) {
	d := twoIncidents(t)
	before := d.party("b")
	require.NoError(t, d.merge(t, "a", "b"))
	a, b := d.incidents["a"], d.incidents["b"]
	assert.Equal(t, 3, a.Alerts.Count)
	assert.Equal(t, alert.High, a.Severity)
	assert.Equal(t, "Multi-stage incident on multiple endpoints", a.Name)
	assert.Equal(t, []incident.Tag{{Name: "fin"}, {Name: "vip"}}, a.Tags)
	assert.Equal(t, incident.AssetCounts{alert.Devices: 2}, a.Alerts.Assets, "M8: an asset of both counts once")
	assert.Equal(t, "kai", a.Owner.ID)
	assert.Equal(t, classification.TruePositive, a.Verdict.Classification)
	assert.Equal(t, incident.InProgress, a.Status, "the further one")
	assert.Equal(t, 1, a.Comments)

	assert.Equal(t, incident.Redirected, b.Status)
	assert.EqualValues(t, "a", b.RedirectTo)
	assert.Equal(t, []incident.Tag{{Name: "Redirected", Kind: alert.SystemTag}, {Name: "VIP"}, {Name: "fin"}}, b.Tags)
	assert.Equal(t, "Payroll", b.Name)
	assert.Zero(t, b.Alerts)
	assert.Equal(t, before.Incident.Priority, b.Priority)
	assert.Positive(t, b.Priority)
	d.check(t)

	// M5: the log of the source is all there, and stands in that of the target too.
	assert.Equal(t, before.Log, d.logOf("b")[:len(before.Log)])
	var copied []activity.Entry
	for _, e := range d.logOf("a") {
		if e.Origin != "" {
			assert.EqualValues(t, "b", e.Origin)
			copied = append(copied, e)
		}
	}
	require.Len(t, copied, len(before.Log))
	for n, e := range copied {
		original := before.Log[n]
		original.Subject = original.ID
		original.ID, original.Seq, original.Incident, original.Origin, original.Version = e.ID, e.Seq, "a", "b", e.Version
		assert.Equal(t, original, e)
	}
	// M10: each side tells of the merge once, and of the other.
	for id, typ := range map[incident.ID]activity.Type{"a": activity.Merged, "b": activity.Redirected} {
		entries := slices.DeleteFunc(d.logOf(id), func(e activity.Entry) bool { return e.Type != typ })
		require.Len(t, entries, 1)
		assert.Equal(t, "one attack", entries[0].Text)
		assert.Equal(t, []activity.Link{{Reason: activity.GroupedManually, Incident: map[incident.ID]incident.ID{"a": "b", "b": "a"}[id]}}, entries[0].Links)
		assert.Equal(t, activity.Correlation, entries[0].Category())
	}
	// Where an alert went is told.
	var went []string
	for _, e := range d.logOf("b") {
		if e.Type == activity.AlertMoved {
			went = append(went, fmt.Sprint(e.Alert, e.Changes[len(e.Changes)-1]))
		}
	}
	assert.Equal(t, []string{`siem:2{incident "b" "a"}`, `siem:3{incident "b" "a"}`}, went)
}

// M11: a name that somebody chose is gone when another incident is merged in, and comes back when it is taken out.
// With nothing to make a name of, it stays.
func TestAMergeGeneratesTheName(t *testing.T) {
	d := twoIncidents(t)
	require.NoError(t, d.merge(t, "b", "a"))
	assert.Equal(t, "Multi-stage incident on multiple endpoints", d.incidents["b"].Name)
	assert.False(t, d.incidents["b"].Renamed)
	require.NoError(t, d.unmerge(t, "a"))
	assert.Equal(t, "Payroll", d.incidents["b"].Name)
	assert.True(t, d.incidents["b"].Renamed)

	d.create(t, "x", incident.Draft{Name: "X"})
	d.create(t, "y", incident.Draft{Name: "Y"})
	require.NoError(t, d.merge(t, "x", "y"))
	assert.Equal(t, "X", d.incidents["x"].Name)
	d.check(t)
}

// M6: the target of a merge has the references of all, each once, since it stands for all; a source keeps its own.
// Further fields and descriptions stay on their incident. Taken apart again, all are as before.
func TestReferencesFollowAMergeAndFurtherFieldsDoNot(t *testing.T) {
	draft := func(id string, n int) incident.Draft {
		return incident.Draft{Reference: incident.Reference{System: "theirs", ID: id, URL: "https://theirs.example/" + id}, Description: "What " + id + " is",
			Extra: alert.Fields(fmt.Sprintf(`{"priority":%d,"ticket":%q}`, n, id)), Alerts: []alert.Alert{newAlert(n, alert.Low, "d")}}
	}
	d := newDesk()
	d.create(t, "plain", incident.Draft{Alerts: []alert.Alert{newAlert(9, alert.Low, "d")}})
	d.create(t, "a", draft("A-1", 1))
	d.create(t, "b", draft("B-1", 2))
	before := d.clone().plain()
	for _, target := range []incident.ID{"a", "b", "plain"} {
		var sources []incident.ID
		for _, id := range []incident.ID{"a", "b", "plain"} {
			if id != target {
				sources = append(sources, id)
			}
		}
		require.NoError(t, d.merge(t, target, sources...))
		for id, was := range before.incidents {
			now := d.incidents[id]
			if id == target {
				systems := slices.Concat(before.incidents["a"].References, before.incidents["b"].References)
				assert.ElementsMatch(t, systems, now.References, "merged into %s", target)
			} else {
				assert.Equal(t, was.References, now.References, "%s, merged into %s", id, target)
			}
			assert.Equal(t, was.Extra, now.Extra, "%s, merged into %s", id, target)
			assert.Equal(t, was.Description, now.Description, "%s, merged into %s", id, target)
		}
		for _, id := range sources {
			require.NoError(t, d.unmerge(t, id))
		}
		assert.Equal(t, before, d.clone().plain())
		d.check(t)
	}
}

// M8: every piece of evidence of both is there after a merge, each on its alert and with its own verdict, so that none
// has to win; what is counted is each asset once.
func TestMergeKeepsAllEvidence(t *testing.T) {
	evidence := func(n int, verdict alert.EvidenceVerdict, devices ...string) alert.Alert {
		a := newAlert(n, alert.Low, "shared")
		for _, device := range devices {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.Device{DeviceID: device}})
		}
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.User{UPN: "mona"}}, alert.Evidence{Entity: alert.IP{Address: "192.0.2.1"}})
		for k := range a.Evidence {
			a.Evidence[k].Verdict = verdict
		}
		return a
	}
	d := newDesk()
	d.create(t, "a", incident.Draft{Alerts: []alert.Alert{evidence(1, alert.Suspicious, "a1", "a2")}})
	d.create(t, "b", incident.Draft{Alerts: []alert.Alert{evidence(2, alert.Malicious, "b1"), evidence(3, alert.NoThreatsFound)}})
	before := d.clone().alerts
	require.NoError(t, d.merge(t, "a", "b"))
	require.Len(t, d.alerts, len(before))
	for id, a := range d.alerts {
		assert.EqualValues(t, "a", a.Incident)
		assert.Equal(t, before[id].Evidence, a.Evidence)
	}
	assert.Equal(t, incident.AssetCounts{alert.Devices: 4, alert.Users: 1}, d.incidents["a"].Alerts.Assets)
	d.check(t)
}

// A severity that somebody chose for the target stays.
func TestAMergeKeepsAChosenSeverity(t *testing.T) {
	d := twoIncidents(t)
	d.edit(t, "a", incident.Edit{Severity: new(alert.Informational)})
	require.NoError(t, d.merge(t, "a", "b"))
	assert.Equal(t, alert.Informational, d.incidents["a"].Severity)
}

// crowd makes the incident x with n alerts of the most evidence an alert may have.
func crowd(n int) incident.Draft {
	var draft incident.Draft
	for k := range n {
		a := newAlert(100+k, alert.Low, "d")
		for e := range alert.MaxEvidence {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.URL{URL: fmt.Sprint("https://", k, ".example/", e)}})
		}
		draft.Alerts = append(draft.Alerts, a)
	}
	return draft
}

func TestMergeIsRefused(t *testing.T) {
	tp := classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
	tags := func(prefix string) (all []incident.Tag) {
		for n := range 150 {
			all = append(all, incident.Tag{Name: fmt.Sprint(prefix, n)})
		}
		return all
	}
	tagged := []alert.Alert{newAlert(7, alert.Low, "d")}
	tagged[0].SystemTags = []alert.Tag{{Name: "ADFS", Kind: alert.CriticalAsset}}
	ids := func(n int) (all []incident.ID) {
		for k := range n {
			all = append(all, incident.ID(fmt.Sprint("many", k)))
		}
		return all
	}
	for name, c := range map[string]struct {
		target, source incident.Draft
		merge          []incident.ID // into "t"; nil means "s"
		want           map[incident.ID][]error
	}{
		"resolved source (M7)": {source: incident.Draft{Status: incident.Resolved}, want: map[incident.ID][]error{"s": {incident.ErrResolved}}},
		"resolved target (M7)": {target: incident.Draft{Status: incident.Resolved}, want: map[incident.ID][]error{"t": {incident.ErrResolved}}},
		"merged away to an incident that is not here": {
			source: incident.Draft{Status: incident.Redirected, RedirectTo: theirs}, want: map[incident.ID][]error{"s": {incident.ErrRedirected}}},
		"two owners": {target: incident.Draft{Owner: incident.Owner{ID: "kai"}}, source: incident.Draft{Owner: incident.Owner{ID: "mona"}},
			want: map[incident.ID][]error{"s": {incident.ErrOwners}}},
		"a user and a group of one name": {target: incident.Draft{Owner: incident.Owner{ID: "kai"}}, source: incident.Draft{Owner: incident.Owner{ID: "kai", Kind: alert.GroupOwner}},
			want: map[incident.ID][]error{"s": {incident.ErrOwners}}},
		"one owner under two display names": {target: incident.Draft{Owner: incident.Owner{ID: "kai"}}, source: incident.Draft{Owner: incident.Owner{ID: "kai", Name: "Kai"}}},
		"two classifications": {target: incident.Draft{Verdict: tp}, source: incident.Draft{Verdict: classification.Verdict{Classification: classification.FalsePositive}},
			want: map[incident.ID][]error{"s": {incident.ErrVerdicts}}},
		"two determinations": {target: incident.Draft{Verdict: tp}, source: incident.Draft{Verdict: classification.Verdict{Classification: classification.TruePositive, Determination: classification.Phishing}},
			want: map[incident.ID][]error{"s": {incident.ErrVerdicts}}},
		"one determination is missing": {target: incident.Draft{Verdict: tp}, source: incident.Draft{Verdict: classification.Verdict{Classification: classification.TruePositive}}},
		"too many tags":                {target: incident.Draft{Tags: tags("a")}, source: incident.Draft{Tags: tags("b")}, want: map[incident.ID][]error{"t": {incident.ErrTooManyTags}}},
		"tags of alerts besides (M8)":  {target: incident.Draft{Tags: tags("a"), Alerts: tagged}, source: incident.Draft{Tags: tags("b")[:50]}},
		"too many entities":            {source: crowd(2), want: map[incident.ID][]error{"t": {incident.ErrTooManyEntities}}},
		"itself (M3)":                  {merge: []incident.ID{"s", "t"}, want: map[incident.ID][]error{"t": {incident.ErrItself}}},
		"a cycle (M3)":                 {merge: []incident.ID{"went-to-t"}, want: map[incident.ID][]error{"went-to-t": {incident.ErrCycle}}},
		"fifty at once (M4)":           {merge: ids(50)},
		"more than fifty at once":      {merge: ids(51), want: map[incident.ID][]error{"t": {incident.ErrTooManyAtOnce}}},
		"one of many, so none (M4)": {source: incident.Draft{Status: incident.Resolved}, merge: []incident.ID{"many1", "s", "many2"},
			want: map[incident.ID][]error{"s": {incident.ErrResolved}}},
		"everything at once": {
			target: incident.Draft{Status: incident.Resolved, Owner: incident.Owner{ID: "kai"}, Verdict: tp, Tags: tags("a")},
			source: incident.Draft{Status: incident.Resolved, Owner: incident.Owner{ID: "mona"}, Tags: tags("b"),
				Verdict: classification.Verdict{Classification: classification.FalsePositive}, Alerts: crowd(2).Alerts},
			merge: append([]incident.ID{"t", "went-to-t", "s"}, ids(50)...),
			want: map[incident.ID][]error{
				"t":         {incident.ErrTooManyAtOnce, incident.ErrResolved, incident.ErrItself, incident.ErrTooManyEntities, incident.ErrTooManyTags},
				"went-to-t": {incident.ErrCycle},
				"s":         {incident.ErrResolved, incident.ErrOwners, incident.ErrVerdicts},
			}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			target := c.target
			target.Status = incident.Active
			c.target.Alerts = append(c.target.Alerts, newAlert(1, alert.Low, "d"))
			d.create(t, "t", target)
			d.create(t, "went-to-t", incident.Draft{})
			require.NoError(t, d.merge(t, "t", "went-to-t"))
			d.edit(t, "t", incident.Edit{Status: &c.target.Status})
			d.create(t, "s", c.source)
			for _, id := range ids(51) {
				d.create(t, id, incident.Draft{})
			}
			if c.merge == nil {
				c.merge = []incident.ID{"s"}
			}
			err := d.merge(t, "t", c.merge...)
			if c.want == nil {
				require.NoError(t, err)
				for _, id := range c.merge {
					assert.EqualValues(t, "t", d.follow(t, id))
				}
				d.check(t)
				return
			}
			assert.Equal(t, c.want, refusals(t, err))
		})
	}
}

// What is wrong with the reason is told along with the refusals.
func TestAReasonThatCannotBeLogged(t *testing.T) {
	d := twoIncidents(t)
	_, err := incident.Merge(command(90), d.party("a"), []incident.Party{d.party("a")}, strings.Repeat("x", incident.MaxComment+1))
	require.ErrorIs(t, err, alert.ErrInvalid)
	require.ErrorIs(t, err, incident.ErrItself)
	_, err = incident.Unmerge(command(90), d.party("a"), incident.Party{}, "\xff")
	require.ErrorIs(t, err, alert.ErrInvalid)
	require.ErrorIs(t, err, incident.ErrNotMerged)
	_, err = incident.MoveAlerts(command(90), nil, d.party("a").Case, nil, "\xff")
	require.ErrorIs(t, err, alert.ErrInvalid)
}

// A source that is named twice, under two IDs too, is merged once.
func TestASourceCountsOnce(t *testing.T) {
	d := twoIncidents(t)
	d.create(t, "c", incident.Draft{})
	require.NoError(t, d.merge(t, "b", "c"))
	require.NoError(t, d.merge(t, "a", "b", "c", "b"))
	assert.Equal(t, 3, d.incidents["a"].Alerts.Count)
	d.check(t)
}

// M3: whatever is merged into whatever, each ID ends at an incident that was not merged away.
func TestRedirectsNeverGoRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk()
		ids := []incident.ID{"a", "b", "c", "d", "e"}
		for n, id := range ids {
			d.create(t, id, incident.Draft{Alerts: []alert.Alert{newAlert(n, alert.Low, "d")}})
		}
		whose := map[incident.ID]incident.ID{} // by ID, the one that it should lead to
		for _, id := range ids {
			whose[id] = id
		}
		for range rapid.IntRange(1, 8).Draw(t, "merges") {
			target, source := rapid.SampledFrom(ids).Draw(t, "target"), rapid.SampledFrom(ids).Draw(t, "source")
			if err := d.merge(t, target, source); whose[target] == whose[source] {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				from := whose[source]
				for id, to := range whose {
					if to == from {
						whose[id] = whose[target]
					}
				}
			}
			for id, to := range whose {
				require.Equal(t, to, d.follow(t, id))
			}
		}
		d.check(t)
		require.Len(t, d.alerts, 5)
	})
}

// M9: a merge that is undone leaves nothing but the log, whichever source is taken out first.
func TestUnmergeIsTheInverseOfMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk()
		sources := []incident.ID{"b", "c"}
		for n, id := range []incident.ID{"a", "b", "c"} {
			draft := draftOf(t, 0)
			draft.Reference = incident.Reference{}
			draft.Status %= 2
			draft.Note, draft.Resolved = "", time.Time{}
			for k := range draft.Alerts {
				draft.Alerts[k].Origin.ID = fmt.Sprint(n, "-", k)
				draft.Alerts[k].ID = draft.Alerts[k].Origin.AlertID()
			}
			d.create(t, id, draft)
		}
		if rapid.Bool().Draw(t, "commented") {
			d.comment(t, "b", "hm")
		}
		before := d.clone().plain()
		if d.merge(t, "a", sources...) != nil {
			require.Equal(t, before, d.clone().plain())
			return
		}
		d.check(t)
		merged := d.clone().plain()
		for _, id := range rapid.Permutation(sources).Draw(t, "order") {
			require.NoError(t, d.unmerge(t, id))
			d.check(t)
		}
		require.Equal(t, before, d.clone().plain())

		require.NoError(t, d.merge(t, "a", sources...), "and again")
		require.Equal(t, merged, d.clone().plain())
		copied := map[string]bool{}
		for _, e := range d.logOf("a") {
			if e.Origin != "" {
				what := fmt.Sprint(e.Origin, e.Cause, e.Time, e.Type, e.Alert, e.Text, e.Changes)
				require.False(t, copied[what], "copied twice: %s", what)
				copied[what] = true
			}
		}
		d.check(t)
	})
}

func TestUnmergeIsRefused(t *testing.T) {
	kai, mona := incident.Owner{ID: "kai"}, incident.Owner{ID: "mona"}
	for name, c := range map[string]struct {
		then   func(t *testing.T, d *desk)
		reason error // nil when it is not refused
		detail string
	}{
		"not merged":      {func(t *testing.T, d *desk) { require.NoError(t, d.unmerge(t, "b")) }, incident.ErrNotMerged, ""},
		"target resolved": {func(t *testing.T, d *desk) { d.edit(t, "a", incident.Edit{Status: new(incident.Resolved)}) }, incident.ErrResolved, ""},
		"target merged": {func(t *testing.T, d *desk) {
			d.create(t, "c", incident.Draft{})
			require.NoError(t, d.merge(t, "c", "a"))
		}, incident.ErrRedirected, "leads to c"},
		"target assigned": {func(t *testing.T, d *desk) { d.edit(t, "a", incident.Edit{Owner: &mona}) }, incident.ErrChanged, "owner of a"},
		"target assigned and back": {func(t *testing.T, d *desk) {
			d.edit(t, "a", incident.Edit{Owner: &mona})
			d.edit(t, "a", incident.Edit{Owner: &kai})
		}, nil, ""},
		"target classified": {func(t *testing.T, d *desk) {
			d.edit(t, "a", incident.Edit{Verdict: &classification.Verdict{Classification: classification.FalsePositive}})
		}, incident.ErrChanged, "verdict.classification of a"},
		"target determined": {func(t *testing.T, d *desk) {
			d.edit(t, "a", incident.Edit{Verdict: &classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}})
		}, incident.ErrChanged, "the verdict of a"},
		"its tag removed":                          {func(t *testing.T, d *desk) { d.edit(t, "a", incident.Edit{RemoveTags: []string{"fin"}}) }, incident.ErrChanged, "tags of a"},
		"target's own tag removed":                 {func(t *testing.T, d *desk) { d.edit(t, "a", incident.Edit{RemoveTags: []string{"vip"}}) }, nil, ""},
		"target renamed, whose name was generated": {func(t *testing.T, d *desk) { d.edit(t, "a", incident.Edit{Name: new("A")}) }, nil, ""},
		"an alert moved on":                        {func(t *testing.T, d *desk) { require.NoError(t, d.move(t, "new", "siem:2")) }, incident.ErrChanged, "alert siem:2 is in incident new"},
		"an alert of the target moved on":          {func(t *testing.T, d *desk) { require.NoError(t, d.move(t, "new", "siem:1")) }, nil, ""},
		"comments, description, severity": {func(t *testing.T, d *desk) {
			d.comment(t, "a", "hm")
			d.edit(t, "a", incident.Edit{Description: new("d"), Severity: new(alert.Low), Status: new(incident.InProgress)})
		}, nil, ""},
		"another merged into the target": {func(t *testing.T, d *desk) {
			d.create(t, "c", incident.Draft{Owner: kai, Alerts: []alert.Alert{newAlert(9, alert.High, "d9")}})
			require.NoError(t, d.merge(t, "a", "c"))
		}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := twoIncidents(t)
			require.NoError(t, d.merge(t, "a", "b"))
			c.then(t, d)
			before, a := d.clone(), d.incidents["a"].Clone()
			err := d.unmerge(t, "b")
			if c.reason != nil {
				require.ErrorIs(t, err, c.reason)
				require.ErrorContains(t, err, c.detail)
				require.Len(t, refusals(t, err), 1)
				require.Equal(t, before, d.records())
				return
			}
			require.NoError(t, err)
			d.check(t)
			b := d.incidents["b"]
			assert.Equal(t, incident.InProgress, b.Status)
			assert.Equal(t, 2, b.Alerts.Count)
			assert.Equal(t, "Payroll", b.Name)
			assert.Equal(t, a.Alerts.Count-2, d.incidents["a"].Alerts.Count)
			assert.Equal(t, a.Description, d.incidents["a"].Description)
			assert.Zero(t, d.incidents["a"].Owner)
		})
	}
}

// A name that somebody gave the target after the merge cannot make room for the one before it.
func TestUnmergeDoesNotOverwriteANewName(t *testing.T) {
	d := twoIncidents(t)
	require.NoError(t, d.merge(t, "b", "a"))
	d.edit(t, "b", incident.Edit{Name: new("Newer")})
	err := d.unmerge(t, "a")
	require.ErrorIs(t, err, incident.ErrChanged)
	require.ErrorContains(t, err, "renamed of b")
}

// Only the incident that it leads to can give the source back.
func TestUnmergeFromAnotherIncident(t *testing.T) {
	d := twoIncidents(t)
	d.create(t, "c", incident.Draft{})
	require.NoError(t, d.merge(t, "a", "b"))
	_, err := incident.Unmerge(d.command(), d.party("b"), d.party("c"), "")
	require.ErrorIs(t, err, incident.ErrNotMerged)
}

// Through several merges a copy names the incident that its entry was written for, and what was copied with
// an incident that was there before does not keep back what is new.
func TestCopiesNameWhereTheyComeFrom(t *testing.T) {
	d := twoIncidents(t)
	require.NoError(t, d.merge(t, "a", "b"))
	require.NoError(t, d.unmerge(t, "b"))
	d.create(t, "c", incident.Draft{})
	require.NoError(t, d.merge(t, "c", "b"))
	d.comment(t, "c", "c's own")
	fresh := 0 // what the log of a has not
	for _, e := range d.logOf("c") {
		if e.Origin == "" || e.Time.After(start.Add(3*time.Minute)) {
			fresh++
		}
	}
	require.NoError(t, d.merge(t, "a", "c"))
	d.check(t)
	var last []activity.Entry // what was copied by the last merge
	for _, e := range d.logOf("a") {
		if last = append(last, e); e.Type == activity.Merged && e.Origin == "" {
			last = nil
		}
	}
	assert.Len(t, slices.DeleteFunc(last, func(e activity.Entry) bool { return e.Origin == "" }), fresh)
	comments := map[string]incident.ID{}
	for _, e := range d.logOf("a") {
		if e.Type == activity.Commented {
			comments[e.Text] = e.Origin
		}
	}
	assert.Equal(t, map[string]incident.ID{"who is this?": "b", "c's own": "c"}, comments)
}

// An imported incident that another system had merged has no merge of ours to undo.
func TestARedirectOfAnotherSystemIsNotUnmerged(t *testing.T) {
	d := newDesk()
	d.create(t, "theirs:8", incident.Draft{})
	d.create(t, "s", incident.Draft{Status: incident.Redirected, RedirectTo: incident.Reference{System: "theirs", ID: "8"}})
	require.ErrorIs(t, d.unmerge(t, "s"), incident.ErrNotMerged)
}

// Whatever is merged, taken apart, moved and edited: no alert is lost, severity, name and summary follow the
// alerts on all sides, and the entries of each incident tell its whole state.
func TestMergesAndMovesKeepEverythingTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk()
		ids := []incident.ID{"a", "b", "c", "d"}
		var alerts []alert.ID
		for n, id := range ids {
			var draft incident.Draft
			for k := range rapid.IntRange(0, 3).Draw(t, "alerts") {
				a := newAlert(10*n+k, alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity")), rapid.SampledFrom([]string{"d0", "d1", "d2"}).Draw(t, "device"))
				a.SystemTags, a.Evidence[0].Criticality = broughtTags(t), alert.Criticality(rapid.IntRange(0, 4).Draw(t, "criticality"))
				draft.Alerts, alerts = append(draft.Alerts, a), append(alerts, a.ID)
			}
			for _, tag := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"T0", "adfs", "redirected too"}), 0, 2, rapid.ID).Draw(t, "tags") {
				draft.Tags = append(draft.Tags, incident.Tag{Name: tag, Kind: alert.TagKind(rapid.IntRange(0, 5).Draw(t, "kind"))})
			}
			d.create(t, id, draft)
		}
		for n := range rapid.IntRange(1, 12).Draw(t, "commands") {
			id := rapid.SampledFrom(ids).Draw(t, "incident")
			at := d.follow(t, id)
			switch rapid.IntRange(0, 6).Draw(t, "command") {
			case 0, 1:
				_ = d.merge(t, id, rapid.SliceOfN(rapid.SampledFrom(ids), 1, 3).Draw(t, "sources")...)
			case 2:
				_ = d.unmerge(t, id)
			case 3:
				if len(alerts) > 0 {
					if rapid.IntRange(0, 3).Draw(t, "new") == 0 {
						at = incident.ID(fmt.Sprint("new", n))
						ids = append(ids, at)
					}
					moving := rapid.SliceOfN(rapid.SampledFrom(alerts), 1, 3).Draw(t, "moving")
					if d.move(t, at, moving...) == nil {
						for _, a := range moving {
							require.Equal(t, at, d.alerts[a].Incident)
						}
					}
				}
			case 4:
				d.comment(t, at, fmt.Sprint("remark ", n, "."), picture("n.png"))
			case 5:
				d.redactAny(t)
			default:
				if e, err := pane(t).Apply(d.command(), d.party(at).Case, tax); err == nil {
					d.keep(t, e)
				}
			}
			require.Len(t, d.alerts, len(alerts))
			d.check(t)
		}
	})
}

// A severity that a person chose, one that another system gave and one of the alerts alone: what a merge makes of them.
func TestSeverityOfAMerge(t *testing.T) {
	type side struct {
		alerts, chosen, given alert.Severity
	}
	for name, c := range map[string]struct {
		target, source side
		want           alert.Severity
		chosen         bool
	}{
		"nobody chose": {
			side{alerts: alert.Low}, side{alerts: alert.High},
			alert.High, false,
		},
		"for the target": {
			side{alerts: alert.High, chosen: alert.Low}, side{alerts: alert.High},
			alert.Low, true,
		},
		"for the source, higher": {
			side{alerts: alert.Low}, side{alerts: alert.Low, chosen: alert.High},
			alert.High, true,
		},
		"for the source, as high": {
			side{alerts: alert.Medium}, side{alerts: alert.High, chosen: alert.Medium},
			alert.Medium, true,
		},
		"for the source, lower": {
			side{alerts: alert.Medium}, side{alerts: alert.Low, chosen: alert.Informational},
			alert.Medium, false,
		},
		"for the source, lower than its alerts": {
			side{alerts: alert.Medium}, side{alerts: alert.High, chosen: alert.Low},
			alert.High, false,
		},
		"for both, the target's": {
			side{chosen: alert.High}, side{chosen: alert.Low},
			alert.High, true,
		},
		"for both, the source's": {
			side{chosen: alert.Low}, side{chosen: alert.High},
			alert.High, true,
		},
		"given to the target, lower": {
			side{alerts: alert.Low, given: alert.Low}, side{alerts: alert.High},
			alert.High, false,
		},
		"given to the target, higher": {
			side{alerts: alert.Low, given: alert.High}, side{alerts: alert.Low},
			alert.High, false,
		},
		"given to the source, higher": {
			side{alerts: alert.Low}, side{alerts: alert.Low, given: alert.High},
			alert.High, false,
		},
		"given to the target, chosen for the source": {
			side{alerts: alert.Low, given: alert.Low}, side{alerts: alert.Low, chosen: alert.Medium},
			alert.Medium, true,
		},
		"chosen for the target, given to the source": {
			side{alerts: alert.Low, chosen: alert.Low}, side{alerts: alert.Low, given: alert.High},
			alert.Low, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			for n, s := range []side{c.target, c.source} {
				id := incident.ID([]string{"target", "source"}[n])
				draft := incident.Draft{Severity: s.given, Alerts: []alert.Alert{newAlert(n, s.alerts, "d")}}
				if s.given != alert.Unrated {
					draft.Reference = incident.Reference{System: "theirs", ID: string(id)}
				}
				d.create(t, id, draft)
				if s.chosen != alert.Unrated {
					d.edit(t, id, incident.Edit{Severity: &s.chosen})
				}
			}
			before := d.clone().plain()
			require.NoError(t, d.merge(t, "target", "source"))
			i := d.incidents["target"]
			assert.Equal(t, c.want, i.Severity)
			assert.Equal(t, c.chosen, i.SeverityOverridden)
			require.NoError(t, d.unmerge(t, "source"))
			assert.Equal(t, before, d.clone().plain())
			d.check(t)
		})
	}
}

// What two sources have in common goes with the last of them.
func TestWhatTwoSourcesBringGoesWithTheLast(t *testing.T) {
	ticket := incident.Reference{System: "jira", ID: "SEC-1"}
	for _, order := range [][]incident.ID{{"b", "c"}, {"c", "b"}} {
		d := newDesk()
		d.create(t, "a", incident.Draft{Alerts: []alert.Alert{newAlert(1, alert.Low, "d")}})
		for n, id := range []incident.ID{"b", "c"} {
			d.create(t, id, incident.Draft{Reference: ticket, Status: incident.InProgress,
				Tags:   []incident.Tag{{Name: []string{"VIP", "vip"}[n]}},
				Alerts: []alert.Alert{newAlert(2+n, alert.Low, "d")}})
			d.edit(t, id, incident.Edit{Severity: new(alert.High)})
		}
		before := d.clone().plain()
		require.NoError(t, d.merge(t, "a", "b", "c"))
		require.NoError(t, d.unmerge(t, order[0]))
		a := d.incidents["a"]
		assert.Equal(t, incident.InProgress, a.Status)
		assert.Equal(t, alert.High, a.Severity)
		assert.Equal(t, []incident.Reference{ticket}, a.References)
		assert.True(t, a.HasTag("vip"), "%v", a.Tags)
		d.check(t)
		require.NoError(t, d.unmerge(t, order[1]))
		assert.Equal(t, before, d.clone().plain())
		d.check(t)
	}
}

// What a person has set on the target since the merge stays, and so is a tag that it had before.
func TestUnmergeLeavesWhatWasSetSince(t *testing.T) {
	d := newDesk()
	d.create(t, "a", incident.Draft{Tags: []incident.Tag{{Name: "vip"}}})
	tags := []incident.Tag{{Name: "VIP"}, {Name: "fin"}}
	d.create(t, "b", incident.Draft{Severity: alert.High, Status: incident.InProgress, Tags: tags})
	require.NoError(t, d.merge(t, "a", "b"))
	d.edit(t, "a", incident.Edit{Severity: new(alert.Medium), Status: new(incident.Active), AddTags: []string{"later"}})
	require.NoError(t, d.unmerge(t, "b"))
	a := d.incidents["a"]
	assert.Equal(t, alert.Medium, a.Severity)
	assert.True(t, a.SeverityOverridden)
	assert.Equal(t, incident.Active, a.Status)
	assert.Equal(t, []incident.Tag{{Name: "later"}, {Name: "vip"}}, a.Tags)
	d.check(t)
}

// However incidents are merged, taken apart and merged again, each has the tags, the references and the comments of
// those that are in it, every one once, the furthest status and the highest severity. Comments stay where they were
// copied.
func TestEverythingFollowsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk()
		ids := []incident.ID{"a", "b", "c", "d"}
		mine := map[incident.ID]string{"a": "shared", "b": "Shared", "c": "only c", "d": "only d"} // its tag
		for n, id := range ids {
			d.create(t, id, incident.Draft{
				Reference: incident.Reference{System: "theirs", ID: mine[id]}, Tags: []incident.Tag{{Name: mine[id]}},
				Alerts: []alert.Alert{newAlert(n, alert.Low, "d")},
			})
			d.comment(t, id, "on "+string(id))
		}
		d.edit(t, "c", incident.Edit{Status: new(incident.InProgress), Severity: new(alert.Medium)})
		d.edit(t, "d", incident.Edit{Status: new(incident.InProgress), Severity: new(alert.High)})
		severity := map[incident.ID]alert.Severity{"a": alert.Low, "b": alert.Low, "c": alert.Medium, "d": alert.High}
		has := map[incident.ID][]incident.ID{} // which are in it now
		wrote := map[incident.ID]map[string]bool{}
		for _, id := range ids {
			has[id], wrote[id] = []incident.ID{id}, map[string]bool{"on " + string(id): true}
		}
		for n := range rapid.IntRange(1, 15).Draw(t, "steps") {
			from := rapid.SampledFrom(ids).Draw(t, "incident")
			switch to := rapid.SampledFrom(ids).Draw(t, "other"); {
			case d.incidents[from].Status != incident.Redirected && rapid.Bool().Draw(t, "comments"):
				text := fmt.Sprint("remark ", n)
				d.comment(t, from, text)
				wrote[from][text] = true
			case d.incidents[from].Status == incident.Redirected:
				to := d.incidents[from].RedirectTo
				if d.unmerge(t, from) == nil {
					left := func(id incident.ID) bool { return slices.Contains(has[from], id) }
					has[to] = slices.DeleteFunc(slices.Clone(has[to]), left)
				}
			case d.merge(t, to, from) == nil:
				to = d.follow(t, to)
				has[to] = append(slices.Clone(has[to]), has[from]...)
				maps.Copy(wrote[to], wrote[from])
			}
			for _, id := range ids {
				i := d.incidents[id]
				if i.Status == incident.Redirected {
					continue
				}
				tags, refs := map[string]bool{}, map[string]bool{}
				highest, status := alert.Unrated, incident.Active
				for _, in := range has[id] {
					tags[incident.Fold(mine[in])], refs[mine[in]] = true, true
					if highest = max(highest, severity[in]); severity[in] > alert.Low {
						status = incident.InProgress
					}
				}
				require.Equal(t, status, i.Status, "%s has %v", id, has[id])
				require.Equal(t, highest, i.Severity, "%s has %v", id, has[id])
				require.Len(t, i.Tags, len(tags), "%s has %v", id, has[id])
				require.Len(t, i.References, len(refs), "%s has %v", id, has[id])
				for _, in := range has[id] {
					require.True(t, i.HasTag(mine[in]), "%s has %v", id, i.Tags)
					named := func(r incident.Reference) bool { return r.ID == mine[in] }
					require.True(t, slices.ContainsFunc(i.References, named))
				}
				var texts []string
				for _, e := range d.logOf(id) {
					if e.Type == activity.Commented {
						texts = append(texts, e.Text)
					}
				}
				require.ElementsMatch(t, slices.Collect(maps.Keys(wrote[id])), texts, "the comments of %s", id)
			}
			d.check(t)
		}
	})
}

// A name that another system gave stays through a merge, one that a person chose for the imported incident does not.
func TestAGivenNameStays(t *testing.T) {
	d := twoIncidents(t)
	alerts := []alert.Alert{newAlert(7, alert.Low, "d7")}
	d.create(t, "c", incident.Draft{Reference: theirs, Name: "Case 7", Alerts: alerts})
	require.NoError(t, d.merge(t, "c", "a"))
	assert.Equal(t, "Case 7", d.incidents["c"].Name)
	require.NoError(t, d.unmerge(t, "a"))
	d.edit(t, "c", incident.Edit{Name: new("Ours")})
	require.NoError(t, d.merge(t, "c", "a"))
	assert.Equal(t, "Multi-stage incident on multiple endpoints", d.incidents["c"].Name)
	require.NoError(t, d.unmerge(t, "a"))
	assert.Equal(t, "Ours", d.incidents["c"].Name)
	d.check(t)
}

// A program merges what one other system keeps at most; a person may merge the rest.
func TestLinkedIncidentsThatOthersKeep(t *testing.T) {
	imported := func(d *desk, id incident.ID) {
		d.create(t, id, incident.Draft{Reference: incident.Reference{System: "theirs", ID: string(id)}})
	}
	linked := func(d *desk, target, source incident.ID) error {
		effects, err := incident.MergeLinked(d.command(), d.named(t, target), d.named(t, source), "siem:9", []alert.Key{"device:d1"})
		d.keep(t, effects...)
		return err
	}
	d := twoIncidents(t)
	imported(d, "x")
	imported(d, "y")
	require.Equal(t, map[incident.ID][]error{"y": {incident.ErrKept}}, refusals(t, linked(d, "x", "y")))
	require.NoError(t, linked(d, "x", "a"))
	require.NoError(t, linked(d, "b", "y"))
	require.Equal(t, map[incident.ID][]error{"x": {incident.ErrKept}}, refusals(t, linked(d, "b", "x")), "y is in b")
	d.create(t, "z", incident.Draft{})
	imported(d, "v")
	require.NoError(t, d.merge(t, "x", "v"))
	d.check(t)
}
