package incident_test

import (
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

var theirs = incident.Reference{System: "theirs", ID: "7", Updated: start}

// An archive is what a storage would keep of one incident.
type archive struct {
	incident.Case
	log  []activity.Entry
	base *incident.Base // of the last import
	next *incident.Base // of one that is not kept yet
}

func (s *archive) keep(e incident.Effect) {
	if s.next != nil {
		s.base, s.next = s.next, nil
	}
	if len(e.Activity) > 0 {
		s.Incident = e.Incident
	}
	s.log = append(s.log, e.Activity...)
	for _, a := range e.Alerts {
		if at := slices.IndexFunc(s.Alerts, func(b alert.Alert) bool { return a.ID == b.ID }); at >= 0 {
			s.Alerts[at] = a
		} else {
			s.Alerts = append(s.Alerts, a)
		}
	}
}

// imported returns the archive of an incident that was imported from d.
func imported(t require.TestingT, d incident.Draft) *archive {
	e, err := incident.Create(command(0), d.Reference.IncidentID(), d, d.Alerts, nil, tax)
	require.NoError(t, err)
	s := &archive{base: new(d.Base())}
	s.keep(e)
	return s
}

// known returns what the archive knows of d, about assets only those of alerts that are new.
func (s *archive) known(d incident.Draft) incident.Known {
	k := incident.Known{Base: s.base, Comments: map[activity.ID]bool{}, Assets: map[alert.Key]bool{}}
	for _, e := range s.log {
		if slices.Contains(d.CommentIDs(), e.ID) {
			k.Comments[e.ID] = !e.Redacted
		}
	}
	for _, a := range s.Alerts {
		if slices.ContainsFunc(d.Alerts, func(b alert.Alert) bool { return a.ID == b.ID }) {
			k.Alerts = append(k.Alerts, a)
		}
		for _, e := range a.Evidence {
			k.Assets[alert.Identity(e.Entity)] = true
		}
	}
	return k
}

// update imports d as the n-th command, giving the rule all alerts.
func (s *archive) update(t require.TestingT, n int, d incident.Draft) incident.Effect {
	known := s.known(d)
	e, err := incident.Update(command(n), s.Case, d, d.Alerts, known, tax)
	require.NoError(t, err)
	if !d.Settle(command(n), s.Incident, known).Late {
		s.next = new(d.Base())
	}
	return e
}

func TestOnlyANewerDraftIsTakenOver(t *testing.T) {
	d := incident.Draft{Reference: theirs, Name: "theirs", Severity: alert.Low, Comments: []incident.Comment{{By: "dave", Time: start, Text: "hi"}}}
	s := imported(t, d)
	assert.True(t, s.update(t, 1, d).IsZero(), "the second import changes nothing")
	d.Name = "new name"
	assert.Equal(t, "new name", s.update(t, 1, d).Incident.Name, "it is another one, whatever its time")
	d.Reference.Updated = start.Add(-time.Hour)
	assert.True(t, s.update(t, 1, d).IsZero(), "older")

	d.Comments = append(d.Comments, incident.Comment{By: "mona", Time: start, Text: "ho"})
	e := s.update(t, 1, d)
	assert.Equal(t, "theirs", e.Incident.Name)
	assert.Equal(t, 2, e.Incident.Comments, "a comment is new whatever the draft's time")
	require.Len(t, e.Activity, 1)
	assert.Equal(t, "mona", e.Activity[0].Actor.ID)
	assert.Equal(t, "ho", e.Activity[0].Text)
	assert.Equal(t, start, e.Activity[0].Occurred)

	d.Reference.Updated = start.Add(time.Microsecond)
	e = s.update(t, 2, d)
	assert.Equal(t, "new name", e.Incident.Name)
	assert.Equal(t, []incident.Reference{d.Reference}, e.Incident.References)
}

// What an import says and no edit can is taken over too, and what it leaves open stays.
func TestWhatANewerDraftChanges(t *testing.T) {
	tags := func(names ...string) (all []incident.Tag) {
		for _, n := range names {
			all = append(all, incident.Tag{Name: n})
		}
		return all
	}
	s := imported(t, incident.Draft{Reference: theirs, Name: "n", Description: "d", Severity: alert.High, Owner: incident.Owner{ID: "kai", Name: "Kai"},
		Tags: append(tags("a", "b"), incident.Tag{Name: "c", Kind: alert.SystemTag}), Verdict: classification.Verdict{Classification: classification.TruePositive},
		Created: start.Add(-time.Hour), Extra: `{"x":1}`, Status: incident.InProgress})
	later := theirs
	later.Updated = start.Add(time.Hour)

	open := s.update(t, 1, incident.Draft{Reference: later, Owner: incident.Owner{ID: "kai"}, Tags: tags("B", " ")}).Incident
	assert.Equal(t, "n", open.Name)
	assert.Equal(t, "d", open.Description)
	assert.Equal(t, alert.High, open.Severity)
	assert.Equal(t, incident.Owner{ID: "kai", Name: "Kai"}, open.Owner, "the same person")
	assert.Equal(t, []incident.Tag{{Name: "b"}, {Name: "c", Kind: alert.SystemTag}}, open.Tags, "custom tags are those of the draft, as they were spelled first")
	assert.Equal(t, classification.TruePositive, open.Verdict.Classification)
	assert.Equal(t, start.Add(-time.Hour), open.Created)
	assert.Empty(t, open.Extra)
	assert.Equal(t, incident.Active, open.Status, "a status is never left open")

	said := s.update(t, 1, incident.Draft{Reference: later, Name: "m", Description: "e", Severity: alert.Low, Owner: incident.Owner{ID: "kai", Name: "Kai K."},
		Verdict: classification.Verdict{Classification: classification.FalsePositive}, Created: start.Add(-2 * time.Hour), Extra: `{"y":1}`,
		Status: incident.Resolved, Note: "over", Resolved: start.Add(-time.Minute)}).Incident
	assert.Equal(t, "m", said.Name)
	assert.Equal(t, "e", said.Description)
	assert.Equal(t, alert.Low, said.Severity)
	assert.Equal(t, "Kai K.", said.Owner.Name)
	assert.Equal(t, classification.FalsePositive, said.Verdict.Classification)
	assert.Equal(t, start.Add(-2*time.Hour), said.Created)
	assert.Equal(t, alert.Fields(`{"y":1}`), said.Extra)
	assert.Equal(t, incident.Resolved, said.Status)
	assert.Equal(t, "over", said.Note)
	assert.Equal(t, start.Add(-time.Minute), said.Resolved, "when it was resolved there, not when that was heard of")
	assert.Equal(t, []incident.Tag{{Name: "c", Kind: alert.SystemTag}}, said.Tags)

	unresolved := s.update(t, 1, incident.Draft{Reference: later, Resolved: start}).Incident
	assert.Zero(t, unresolved.Resolved, "taken only when it is resolved")
}

// An incident is known by its ID, though its reference may be gone; one of another system is not meant.
func TestAReferenceThatIsGoneComesBack(t *testing.T) {
	d := incident.Draft{Reference: theirs, Name: "n"}
	s := imported(t, d)
	other := incident.Reference{System: "other", ID: theirs.ID, Updated: start.Add(time.Hour)}
	s.Incident.References = []incident.Reference{other}
	d.Name = "m"
	i := s.update(t, 1, d).Incident
	assert.Equal(t, "m", i.Name)
	assert.Equal(t, []incident.Reference{other, theirs}, i.References)
	assert.Equal(t, []incident.Reference{other}, s.Incident.References)
}

// A redirect needs a merge, which moves the alerts; everything else of the draft is taken.
func TestARedirectIsNotTakenOver(t *testing.T) {
	s := imported(t, incident.Draft{Reference: theirs, Name: "n", Status: incident.InProgress})
	later := theirs
	later.Updated = start.Add(time.Hour)
	i := s.update(t, 1, incident.Draft{Reference: later, Name: "m", Status: incident.Redirected, RedirectTo: incident.Reference{System: "theirs", ID: "8"}}).Incident
	assert.Equal(t, incident.InProgress, i.Status)
	assert.Empty(t, i.RedirectTo)
	assert.Equal(t, "m", i.Name)
}

// One that was merged away, into an incident that is not here, still takes comments and alerts.
func TestARedirectedIncidentStaysAsItIs(t *testing.T) {
	d := incident.Draft{Reference: theirs, Name: "n", Status: incident.Redirected, RedirectTo: incident.Reference{System: "theirs", ID: "8"}}
	s := imported(t, d)
	d.Reference.Updated, d.Name = start.Add(time.Hour), "m"
	assert.True(t, s.update(t, 1, d).IsZero())
	d.Alerts = []alert.Alert{newAlert(1, alert.Low, "a")}
	i := s.update(t, 1, d).Incident
	assert.Equal(t, "n", i.Name)
	assert.EqualValues(t, "theirs:8", i.RedirectTo)
	assert.Equal(t, 1, i.Alerts.Count)
}

// Where an incident was merged into another, the other keeps its own name, status and the rest.
func TestAMergedIncidentGivesOnlyCommentsAndAlerts(t *testing.T) {
	d := incident.Draft{Reference: theirs, Name: "theirs", Comments: []incident.Comment{{By: "dave", Time: start, Text: "hi"}}}
	source := imported(t, d)
	target := &archive{Case: open(t, newAlert(1, alert.Low, "a"))}
	target.log = source.log // the log of a storage is one
	d.Reference.Updated, d.Status, d.Tags = start.Add(time.Hour), incident.Resolved, []incident.Tag{{Name: "x"}}
	d.Comments = append(d.Comments, incident.Comment{By: "dave", Time: start, Text: "ho"})
	d.Alerts = []alert.Alert{newAlert(2, alert.High, "b")}
	assert.False(t, d.Settle(command(1), target.Incident, incident.Known{Base: source.base}).Cascades())
	e := target.update(t, 1, d)

	want := target.Incident
	want.Alerts = incident.Summarize(append(target.Alerts, d.Alerts...))
	want.Name, want.Severity, want.Comments, want.Updated = incident.GenerateName(want.Alerts), alert.High, 1, command(1).At
	want.Priority = incident.Priority(want)
	assert.Equal(t, want, e.Incident)
	target.keep(e)
	assert.Empty(t, target.update(t, 2, d).Activity, "and gives them once")
}

// What is wrong with a draft is found at each import alike.
func TestABadDraftIsRefusedTheSecondTimeToo(t *testing.T) {
	s := imported(t, incident.Draft{Reference: theirs})
	for field, d := range map[string]incident.Draft{
		"name":        {Name: " \t"},
		"description": {Description: strings.Repeat("x", incident.MaxComment+1)},
		"owner.id":    {Owner: incident.Owner{Name: "who?"}},
		"redirectTo":  {Status: incident.Redirected},
		"comments.by": {Comments: []incident.Comment{{Text: "x"}}},
		"tags":        {Tags: []incident.Tag{{Name: strings.Repeat("x", incident.MaxTag+1)}}},
	} {
		d.Reference = theirs
		_, err := incident.Create(command(1), "x", d, nil, nil, tax)
		require.ErrorIs(t, err, alert.ErrInvalid)
		assert.ErrorContains(t, err, field)
		_, again := incident.Update(command(1), s.Case, d, nil, incident.Known{}, tax)
		assert.Equal(t, err, again)
	}
}

// One import, one effect: an alert that its source changed and that the incident takes along is one record.
func TestAnImportIsOneEffect(t *testing.T) {
	first, second, third := newAlert(1, alert.Low, "a"), newAlert(2, alert.Low, "b"), newAlert(3, alert.High, "b")
	d := incident.Draft{Reference: theirs, Alerts: []alert.Alert{first, second}}
	s := imported(t, d)
	first.SourceUpdated, first.Title = start.Add(time.Hour), "Worse"
	d.Alerts = []alert.Alert{first, third}
	d.Reference.Updated, d.Status, d.Owner = start.Add(time.Hour), incident.Resolved, incident.Owner{ID: "kai"}
	require.True(t, d.Settle(command(1), s.Incident, incident.Known{Base: s.base}).Cascades())
	e := s.update(t, 1, d)

	require.Len(t, e.Alerts, 3)
	assert.Equal(t, "Worse", e.Alerts[0].Title)
	assert.Equal(t, 1, e.Alerts[0].Repeats)
	assert.Equal(t, alert.StatusResolved, e.Alerts[0].Status)
	assert.Equal(t, "kai", e.Alerts[0].Owner.ID)
	assert.Zero(t, e.Alerts[1].Repeats, "not of this draft")
	assert.Equal(t, alert.StatusResolved, e.Alerts[1].Status)
	assert.Equal(t, alert.StatusNew, e.Alerts[2].Status, "a new alert stays as its source has it")
	assert.Equal(t, s.Incident.ID, e.Alerts[2].Incident)
	assert.Equal(t, command(1).At, e.Alerts[2].Updated)
	types := map[activity.Type]int{}
	for _, entry := range e.Activity {
		types[entry.Type]++
		assert.Equal(t, "c1", entry.Cause)
		if entry.Type == activity.AlertAdded {
			assert.Equal(t, []activity.Link{{Reason: activity.GroupedBySource}}, entry.Links)
		}
	}
	assert.Equal(t, map[activity.Type]int{activity.AlertAdded: 1, activity.Assigned: 1, activity.StatusChanged: 1,
		activity.SeverityChanged: 1, activity.Referenced: 1, activity.AlertUpdated: 1, activity.AlertStatus: 2, activity.AlertAssigned: 2}, types)
	s.keep(e)
	assert.Equal(t, incident.Summarize(s.Alerts), s.Incident.Alerts)
}

// An alert that the source has resolved keeps its own time, though the incident is resolved with it.
func TestTheSourceKnowsWhenItResolvedAnAlert(t *testing.T) {
	a := newAlert(1, alert.Low, "a")
	d := incident.Draft{Reference: theirs, Alerts: []alert.Alert{a}}
	s := imported(t, d)
	a.SourceUpdated, a.Status, a.Resolved = start.Add(time.Hour), alert.StatusResolved, start.Add(time.Minute)
	d.Reference.Updated, d.Status, d.Alerts = start.Add(time.Hour), incident.Resolved, []alert.Alert{a}
	s.keep(s.update(t, 90, d))
	assert.Equal(t, start.Add(time.Minute), s.Alerts[0].Resolved)
	assert.Equal(t, d.Reference.Updated, s.Incident.Resolved, "the draft does not say, and it was not later")
}

// A status that stays and an owner who stays reach no alert, so that they need not be read.
func TestWhenADraftCascades(t *testing.T) {
	s := imported(t, incident.Draft{Reference: theirs, Status: incident.Resolved, Owner: incident.Owner{ID: "kai", Name: "Kai"}})
	later, earlier := theirs, theirs
	later.Updated, earlier.Updated = start.Add(time.Hour), start.Add(-time.Hour)
	kai := incident.Owner{ID: "kai"}
	for _, c := range []struct {
		d    incident.Draft
		want bool
	}{
		{incident.Draft{Reference: later, Status: incident.Resolved, Owner: kai}, false},
		{incident.Draft{Reference: later, Status: incident.Active, Owner: kai}, false},
		{incident.Draft{Reference: later, Status: incident.Resolved}, true},
		{incident.Draft{Reference: later, Status: incident.Resolved, Owner: incident.Owner{ID: "mona"}}, true},
		{incident.Draft{Reference: theirs, Status: incident.Resolved, Owner: incident.Owner{ID: "mona"}}, true},
		{incident.Draft{Reference: earlier, Status: incident.Resolved, Owner: incident.Owner{ID: "mona"}}, false},
	} {
		assert.Equal(t, c.want, c.d.Settle(command(1), s.Incident, incident.Known{Base: s.base}).Cascades(), "%+v", c.d)
	}
	s.Incident.Status = incident.Active
	resolved := incident.Draft{Reference: later, Status: incident.Resolved, Owner: kai}
	assert.False(t, resolved.Settle(command(1), s.Incident, incident.Known{Base: s.base}).Cascades(), "it was reopened here")
	resolved.Note = "done"
	assert.True(t, resolved.Settle(command(1), s.Incident, incident.Known{Base: s.base}).Cascades(), "and resolved again there")
}

// draftOf draws the n-th state of one incident of another system.
func draftOf(t *rapid.T, n int) incident.Draft {
	pick := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }
	hours := time.Duration(rapid.IntRange(max(0, n-1), n).Draw(t, "hours"))
	d := incident.Draft{
		Reference:   incident.Reference{System: "theirs", ID: "7", URL: pick("url", "", "u1", "u2"), Updated: start.Add(hours * time.Hour)},
		Name:        pick("name", "", "A", "B"),
		Description: pick("description", "", "x", "y"),
		Severity:    alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity")),
		Status:      incident.Status(rapid.IntRange(0, 2).Draw(t, "status")),
		Owner:       incident.Owner{ID: pick("owner", "", "kai", "mona")},
		Extra:       alert.Fields(pick("extra", "", `{"x":1}`, `{"x":2}`)),
		Created:     start.Add(time.Duration(rapid.IntRange(-2, 0).Draw(t, "created")) * time.Hour),
	}
	if d.Owner.ID != "" {
		d.Owner.Name = pick("owner name", "", "a name", "another")
	}
	for _, tag := range rapid.SliceOfN(rapid.SampledFrom([]string{"vip", "VIP", "fin", " ", "x  y", "t1", "ADFS"}), 0, 3).Draw(t, "tags") {
		d.Tags = append(d.Tags, incident.Tag{Name: tag})
	}
	if rapid.Bool().Draw(t, "verdict") {
		d.Verdict = classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
	}
	if d.Status == incident.Resolved {
		d.Note = pick("note", "", "done", "over")
		d.Resolved = start.Add(time.Duration(n) * time.Second)
	}
	for _, text := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"hi", "ho", "he"}), 0, 2, rapid.ID).Draw(t, "comments") {
		d.Comments = append(d.Comments, incident.Comment{By: "dave", Time: start, Text: text})
	}
	for _, k := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 4, rapid.ID).Draw(t, "alerts") {
		a := newAlert(k, alert.Severity(rapid.IntRange(0, 4).Draw(t, "alert severity")), pick("device", "d0", "d1", "d2"))
		a.Status = alert.Status(rapid.IntRange(0, int(alert.StatusResolved)).Draw(t, "alert status"))
		if a.Status == alert.StatusResolved {
			a.Resolved = a.LastActivity
		}
		if n > 0 && rapid.Bool().Draw(t, "changed") {
			a.SourceUpdated = start.Add(time.Duration(n) * time.Hour)
		} else {
			a.SourceUpdated = start
		}
		a.SystemTags, a.Evidence[0].Criticality = broughtTags(t), alert.Criticality(rapid.IntRange(0, 4).Draw(t, "criticality"))
		d.Alerts = append(d.Alerts, a)
	}
	return d
}

// Whatever is imported over and over, and edited in between: the entries tell the whole state, the summary
// is what the alerts come to, the same draft again only counts, and what the newest draft says is so.
func TestImportsOfOneIncident(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, edited := imported(t, draftOf(t, 0)), false
		for n := range rapid.IntRange(1, 5).Draw(t, "imports") {
			if rapid.Bool().Draw(t, "edited") {
				if e, err := pane(t).Apply(command(100+n), s.Case, tax); err == nil {
					s.keep(e)
					edited = true
				}
			}
			d := draftOf(t, n+1)
			settled := d.Settle(command(n+1), s.Incident, s.known(d))
			before := incident.Case{Incident: s.Incident.Clone(), Alerts: slices.Clone(s.Alerts)}
			newer := s.Incident.References[0].Updated.Before(d.Reference.Updated)
			e := s.update(t, n+1, d)
			require.Equal(t, before, s.Case, "a rule changed what it was given")
			require.Equal(t, e, s.sparing(t, n+1, d), "it asked for less than it needs")
			for at, a := range e.Alerts {
				require.False(t, slices.ContainsFunc(e.Alerts[:at], func(b alert.Alert) bool { return a.ID == b.ID }), "alert %s twice", a.ID)
			}
			s.keep(e)
			require.Equal(t, incident.Summarize(s.Alerts), s.Incident.Alerts)
			requireTags(t, s.Incident)
			if newer {
				says(t, d, s.Incident, settled.Kept, edited)
				if s.Incident.Status == incident.Resolved && before.Incident.Status != incident.Resolved &&
					d.Status == incident.Resolved {
					require.Equal(t, d.Resolved, s.Incident.Resolved)
				}
			}
			again := s.update(t, 50+n, d)
			require.Empty(t, again.Activity, "the same draft again")
			require.Len(t, again.Alerts, len(d.Alerts))
			s.keep(again)
		}
		want := s.Incident
		want.ID = ""
		require.Equal(t, want, replay(t, s.log))
		ids := map[activity.ID]bool{}
		for _, e := range s.log {
			require.False(t, ids[e.ID], "entry %s twice", e.ID)
			ids[e.ID] = true
		}
	})
}

// sparing imports d, giving the rule no more than it asks for.
func (s *archive) sparing(t require.TestingT, n int, d incident.Draft) incident.Effect {
	c := incident.Case{Incident: s.Incident}
	all := d.Settle(command(1), s.Incident, incident.Known{Base: s.base}).Cascades()
	for _, old := range s.Alerts {
		if at := slices.IndexFunc(d.Alerts, func(a alert.Alert) bool { return a.ID == old.ID }); at >= 0 {
			c.Alerts = append(c.Alerts, old)
			_, changed := incident.Repeat(command(1), old, d.Alerts[at])
			all = all || changed
		}
	}
	if all {
		c.Alerts = s.Alerts
	}
	e, err := incident.Update(command(n), c, d, d.Alerts, s.known(d), tax)
	require.NoError(t, err)
	return e
}

// says requires that i is what d says, which is what importing d for the first time gives, in each field
// that d does not leave open and that nobody has changed here alone. Tags that were edited here are not looked at.
func says(t require.TestingT, d incident.Draft, i incident.Incident, kept []string, edited bool) {
	fresh := imported(t, d).Incident
	stays := func(field string) bool { return slices.Contains(kept, field) }
	if d.Name != "" && !stays("name") {
		require.Equal(t, fresh.Name, i.Name)
	}
	if d.Description != "" && !stays("description") {
		require.Equal(t, fresh.Description, i.Description)
	}
	switch {
	case d.Severity == alert.Unrated || stays("severity"):
	case i.SeverityGiven || i.SeverityOverridden:
		require.Equal(t, fresh.Severity, i.Severity)
	default: // an alert that d does not have holds it up
		require.Equal(t, i.Alerts.BySeverity.Highest(), i.Severity)
		require.Greater(t, i.Severity, d.Severity)
	}
	if stays("status") {
		fresh.Status, d.Status, fresh.Note, d.Note, d.Resolved = i.Status, i.Status, i.Note, i.Note, i.Resolved
	}
	if d.Status == incident.Active && i.Status == incident.Resolved { // with its last alert
		require.Equal(t, i.Alerts.Count, i.Alerts.ByStatus[alert.StatusResolved])
	} else {
		require.Equal(t, d.Status, i.Status)
	}
	require.True(t, stays("owner") || fresh.Owner.Same(i.Owner))
	if d.Owner.Name != "" && !stays("owner") {
		require.Equal(t, fresh.Owner.Name, i.Owner.Name)
	}
	folded := func(i incident.Incident) map[string]bool {
		all := map[string]bool{}
		for _, tag := range i.Tags {
			if tag.Kind == alert.Custom { // the others are those of the alerts, of which i may have more
				all[incident.Fold(tag.Name)] = true
			}
		}
		return all
	}
	require.True(t, edited || maps.Equal(folded(fresh), folded(i)), fmt.Sprint(fresh.Tags, i.Tags))
	if !d.Verdict.IsZero() && !stays("verdict") {
		require.Equal(t, fresh.Verdict, i.Verdict)
	}
	if (d.Note != "" || d.Status != incident.Resolved) && !stays("note") {
		require.Equal(t, fresh.Note, i.Note)
	}
	require.Equal(t, fresh.References, i.References)
	require.Equal(t, fresh.Created, i.Created)
	require.Equal(t, fresh.Extra, i.Extra)
}

// What another system says of severity and name is no person's choice: it holds until a person chooses, or an alert that
// the other system does not know of is more severe, and goes back to what the alerts give.
func TestWhatASourceSaysIsNoPersonsChoice(t *testing.T) {
	d := incident.Draft{Reference: theirs, Name: "Case 7", Severity: alert.Medium}
	d.Alerts = []alert.Alert{newAlert(1, alert.Low, "a")}
	s := imported(t, d)
	assert.Equal(t, "Case 7", s.Incident.Name)
	assert.Equal(t, alert.Medium, s.Incident.Severity)
	assert.False(t, s.Incident.Renamed || s.Incident.SeverityOverridden)

	joined := func(severity alert.Severity) incident.Incident {
		known := func(alert.Key) bool { return false }
		return incident.AddAlert(command(2), s.Incident, newAlert(2, severity, "b"), nil, known).Incident
	}
	assert.Equal(t, alert.Medium, joined(alert.Low).Severity)
	assert.Equal(t, alert.High, joined(alert.High).Severity)
	assert.Equal(t, "Case 7", joined(alert.High).Name)

	worse := newAlert(1, alert.High, "a")
	assert.Equal(t, alert.High, updated(t, command(2), s.Case, worse).Incident.Severity)

	e, err := incident.Edit{Name: new("Ours"), Severity: new(alert.Informational)}.Apply(command(3), s.Case, tax)
	require.NoError(t, err)
	assert.True(t, e.Incident.Renamed && e.Incident.SeverityOverridden)
	assert.False(t, e.Incident.Named || e.Incident.SeverityGiven)
	e, err = incident.Edit{GenerateName: true, DeriveSeverity: true}.Apply(command(3), s.Case, tax)
	require.NoError(t, err)
	assert.Equal(t, alert.Low, e.Incident.Severity)
	assert.Equal(t, incident.GenerateName(s.Incident.Alerts), e.Incident.Name)

	// A later state says both anew, an alert that comes without one does not keep it back.
	d.Alerts = append(d.Alerts, newAlert(3, alert.High, "a"))
	assert.Equal(t, alert.High, s.update(t, 4, d).Incident.Severity, "nothing newer is said")
	d.Reference.Updated = start.Add(time.Hour)
	assert.Equal(t, alert.Medium, s.update(t, 4, d).Incident.Severity, "as it was said with the alert")
}
