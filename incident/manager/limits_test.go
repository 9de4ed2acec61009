package manager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

var year58136 = time.Date(58136, 1, 1, 0, 0, 0, 0, time.UTC)

// spoilt is the n-th alert with something in it that no storage keeps.
func spoilt(n int, change func(*alert.Alert)) alert.Alert {
	a := raise(n, 0, alert.IP{Address: "300.1.2.3"})
	change(&a)
	return a
}

// noted returns the fields of notes.
func noted(notes []alert.Note) (fields []string) {
	for _, n := range notes {
		fields = append(fields, n.Field)
	}
	return fields
}

// Whatever is wrong with an alert, Ingest takes it and says what it did; the next time it is a repeat.
func TestIngestLosesNoAlertOverALimit(t *testing.T) {
	m, s := open(t)
	alerts := []alert.Alert{
		spoilt(1, func(a *alert.Alert) { a.Title = "\u200b" }),
		spoilt(2, func(a *alert.Alert) { a.Description = strings.Repeat("x", alert.MaxText+1) }),
		spoilt(3, func(a *alert.Alert) { a.FirstActivity, a.LastActivity = year58136, year58136 }),
		spoilt(4, func(a *alert.Alert) { a.Origin.ID = strings.Repeat("4", 2_000) }),
		spoilt(5, func(a *alert.Alert) { a.Origin.ID = "\xff" }),
		spoilt(6, func(a *alert.Alert) { a.Techniques = []string{"T1059", "Mimikatz"} }),
		spoilt(7, func(a *alert.Alert) { a.Extra = "{" }),
		spoilt(8, func(a *alert.Alert) { a.ID, a.SystemTags = "\xff", []alert.Tag{{Name: "\xff"}} }),
		// managed fields
	}
	const address = "evidence[0].entity.address"
	want := [][]string{{"title", address}, {"description", address}, {"firstActivity", "lastActivity", address},
		{"origin.id", address}, {"origin.id", address},
		{"techniques[1]", address}, {"extra", address}, {address}}
	for round, outcome := range []manager.Outcome{manager.Opened, manager.Repeated} {
		results, err := m.Ingest(t.Context(), siem, alerts)
		require.NoError(t, err)
		for n, r := range results {
			assert.Equal(t, outcome, r.Outcome, "round %d: the address that they share links none of them", round)
			assert.Equal(t, want[n], noted(r.Notes))
			assert.Contains(t, r.Notes[0].Record, "alert edr:")
		}
	}
	stored := all(t, m.Alerts(t.Context(), kai, alert.Query{}))
	require.Len(t, stored, len(alerts))
	for _, a := range stored {
		assert.NoError(t, a.Validate())
		assert.Equal(t, alert.IP{Address: "300.1.2.3"}, a.Evidence[0].Entity, "it is kept as it came")
		assert.Equal(t, start, a.FirstActivity)
	}
	consistent(t, s)
}

// An alert without an origin cannot be distinguished from others. It keeps nothing else back.
func TestImportLosesNothingOverALimit(t *testing.T) {
	m, s := open(t)
	d := draft()
	d.Name, d.Description, d.Extra = strings.Repeat("n", incident.MaxName+1), "a\xffb", "["
	d.Created, d.Reference.Updated = year58136, year58136
	d.Owner.Name = strings.Repeat("o", incident.MaxName+1)
	d.Severity, d.RedirectTo.ID = 99, "8"
	d.Tags = []incident.Tag{{Name: strings.Repeat("t", incident.MaxTag+1)}, {Name: "\u200b"}, {Name: "v\u200bip"},
		{Name: "VIP"}}
	d.Comments = []incident.Comment{{By: "otto", Time: start, Text: strings.Repeat("x", incident.MaxComment+1)},
		{By: " ", Time: year58136, Text: "y"}}
	d.Alerts = append(d.Alerts, alert.Alert{Title: "from nowhere"}, spoilt(3, func(a *alert.Alert) { a.Title = "" }))
	want := []string{"reference.updated", "redirectTo", "name", "description", "severity", "owner.name", "created",
		"tags[0]", "tags[1]",
		"comments[0].text", "comments[1].by", "comments[1].time", "extra", "alerts[2].origin", "title",
		"evidence[0].entity.address"}

	once := manager.CommandID("once")
	i, result, err := m.Import(t.Context(), siem, d, once)
	require.NoError(t, err)
	assert.True(t, result.Created)
	assert.ElementsMatch(t, want, noted(result.Notes))
	assert.Equal(t, strings.Repeat("n", incident.MaxName-4)+" […]", i.Name)
	assert.Equal(t, "a\uFFFDb", i.Description)
	assert.Equal(t, start, i.Created)
	assert.Equal(t, 3, i.Alerts.Count)
	assert.Equal(t, []incident.Tag{{Name: strings.Repeat("t", incident.MaxTag-4) + " […]"}, {Name: "vip"}}, i.Tags)
	assert.Equal(t, alert.Fields(`{"unparsed":"["}`), i.Extra)
	consistent(t, s)

	again, result, err := m.Import(t.Context(), siem, d, once)
	require.NoError(t, err, "the same command, told by what was given")
	assert.Equal(t, i, again)
	assert.ElementsMatch(t, want, noted(result.Notes))
	d.Name += "n"
	_, _, err = m.Import(t.Context(), siem, d, once)
	assert.ErrorIs(t, err, manager.ErrCommandReused, "a name that is cut to the same is another one")

	comments := all(t, m.Activity(t.Context(), kai, activity.Query{Categories: []activity.Category{activity.Comment}}))
	require.Len(t, comments, 2)
	_, _, err = m.Import(t.Context(), siem, d)
	require.NoError(t, err)
	assert.Len(t,
		all(t, m.Activity(t.Context(), kai, activity.Query{Categories: []activity.Category{activity.Comment}})), 2,
		"a comment that was cut is known again")
	consistent(t, s)
}

// However many tags another system has, and whichever of them stay here, an import is taken.
func TestImportsWithEverNewSystemTags(t *testing.T) {
	m, s := open(t)
	for round, letter := range []string{"a", "b"} {
		d := draft()
		d.Reference.Updated = start.Add(time.Duration(round) * time.Hour)
		d.Tags = nil
		for _, name := range tagsOf(letter, incident.MaxTags+5) {
			d.Tags = append(d.Tags, incident.Tag{Name: name, Kind: alert.SystemTag})
		}
		i, result, err := m.Import(t.Context(), siem, d)
		require.NoError(t, err)
		assert.Len(t, i.Tags, incident.MaxTags)
		assert.Equal(t, []string{"tags"}, noted(result.Notes))
	}
	consistent(t, s)
}

func tagsOf(letter string, n int) (names []string) {
	for k := range n {
		names = append(names, strings.Repeat(letter, k+1))
	}
	return names
}

// Commands of people are refused, with the field that is wrong, and change nothing.
func TestPeopleAreRefused(t *testing.T) {
	m, s := open(t)
	id := ingest(t, m, raise(1, 0), raise(2, 0))[0].Incident
	before := everythingIn(t, s)
	long, bad := strings.Repeat("ä", incident.MaxComment+1), "\xff"
	edit := func(e incident.Edit) error { _, err := m.Edit(t.Context(), kai, id, e); return err }
	create := func(d incident.Draft) error { _, err := m.Create(t.Context(), kai, d); return err }
	with := func(change func(*alert.Alert)) error {
		return create(incident.Draft{Alerts: []alert.Alert{spoilt(9, change)}})
	}
	by := func(who activity.Actor) error {
		_, err := m.Comment(t.Context(), who, id, incident.CommentDraft{Text: "x"})
		return err
	}
	comment := func(text string) error {
		_, err := m.Comment(t.Context(), kai, id, incident.CommentDraft{Text: text})
		return err
	}
	_, badReason := m.Merge(t.Context(), kai, id, []incident.ID{"x"}, bad)
	for field, err := range map[string]error{
		"name":        edit(incident.Edit{Name: new("\u3164\u2800 \u200b")}),
		"addTags":     edit(incident.Edit{AddTags: []string{"\u00ad"}}),
		"description": edit(incident.Edit{Description: &long}),
		"owner.id":    edit(incident.Edit{Owner: &incident.Owner{ID: "\u200b"}}),
		"text":        comment("\u2060\n"),
		"actor.id":    by(activity.Actor{ID: strings.Repeat("x", alert.MaxID+1)}),
		"actor.name":  by(activity.Actor{ID: "kai", Name: bad}),
		"created":     create(incident.Draft{Created: year58136}),
		"resolved":    create(incident.Draft{Status: incident.Resolved, Resolved: year58136}),
		"reference.id": create(incident.Draft{Reference: incident.Reference{System: "s",
			ID: strings.Repeat("x", alert.MaxID)}}),
		"comments.time": create(incident.Draft{Comments: []incident.Comment{{By: "otto", Time: year58136,
			Text: "x"}}}),
		"tags":               create(incident.Draft{Tags: []incident.Tag{{Name: "\u200b"}}}),
		"comments.text":      create(incident.Draft{Comments: []incident.Comment{{By: "otto", Text: "\u2800"}}}),
		"extra":              create(incident.Draft{Extra: "["}),
		"title":              with(func(a *alert.Alert) { a.Title = strings.Repeat("x", alert.MaxTitle+1) }),
		"firstActivity":      with(func(a *alert.Alert) { a.FirstActivity = year58136 }),
		"recommendedActions": with(func(a *alert.Alert) { a.RecommendedActions = bad }),
		"origin.id":          with(func(a *alert.Alert) { a.Origin.ID = strings.Repeat("x", alert.MaxID) }),
	} {
		require.ErrorIs(t, err, alert.ErrInvalid, field)
		assert.ErrorContains(t, err, field+" ")
	}
	assert.Error(t, badReason)
	assert.Equal(t, before, everythingIn(t, s))
}

// A clock that is out of its mind stops everything that would be stored.
func TestACommandNeedsATimeThatCanBeKept(t *testing.T) {
	m := manager.New(memory.New(), &manager.Options{Now: func() time.Time { return year58136 }})
	_, err := m.Create(t.Context(), kai, incident.Draft{Name: "x"})
	require.ErrorIs(t, err, alert.ErrInvalid)
	assert.ErrorContains(t, err, "year 58136")
}

// A sensor whose clock is ahead does not make an incident last longer, whoever looks, and whenever; the alert keeps
// what it said, and counts once the source has come back to it.
func TestActivityFarAheadDoesNotCount(t *testing.T) {
	s := memory.New()
	now := start
	m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
	device := alert.Device{DeviceID: "d"}
	ahead := raise(2, 1, device)
	ahead.LastActivity, ahead.SourceUpdated = start.Add(25*time.Hour), start
	r := ingest(t, m, raise(1, 0, device), ahead)
	id := r[0].Incident
	require.Equal(t, id, r[1].Incident)
	assert.Equal(t, []string{"lastActivity"}, noted(r[1].Notes))
	activity := func() []time.Time {
		t.Helper()
		consistent(t, s)
		i, err := m.Incident(t.Context(), kai, id)
		require.NoError(t, err)
		return []time.Time{i.Alerts.FirstActivity, i.Alerts.LastActivity}
	}
	assert.Equal(t, []time.Time{start, start.Add(time.Minute)}, activity())

	now = start.Add(48 * time.Hour) // when it is no longer ahead
	_,
		err := m.EditAlerts(t.Context(), kai, []alert.ID{r[1].ID},
		incident.AlertEdit{Status: new(alert.StatusInProgress)})
	require.NoError(t, err)
	ingest(t, m, ahead)
	i, err := m.MoveAlerts(t.Context(), kai, []alert.ID{r[1].ID}, "", "")
	require.NoError(t, err)
	assert.Equal(t, start.Add(time.Minute), i.Alerts.LastActivity, "it was ahead when it came")
	assert.Equal(t, []time.Time{start, start}, activity())
	assert.Equal(t, ahead.LastActivity,
		all(t, m.Alerts(t.Context(), kai, alert.Query{IDs: []alert.ID{r[1].ID}}))[0].LastActivity)

	ahead.SourceUpdated = now
	ingest(t, m, ahead)
	consistent(t, s)
	i, err = m.Incident(t.Context(), kai, i.ID)
	require.NoError(t, err)
	assert.Equal(t, ahead.LastActivity, i.Alerts.LastActivity, "the source says it again, and now it is past")

	never := raise(3, 0, alert.Device{DeviceID: "e"})
	never.FirstActivity = now.Add(25 * time.Hour)
	id = ingest(t, m, never)[0].Incident
	assert.Equal(t, []time.Time{{}, {}}, activity(), "nobody knows when that was")
}

// What an older version has taken can be read, and does not keep back what is done with its incident now.
func TestRecordsOfOlderVersionsCanStillBeWorkedOn(t *testing.T) {
	s := memory.New()
	old := raise(1, 0)
	old.ID, old.Version, old.Incident = old.Origin.AlertID(), 1, "i"
	old.Title, old.FirstActivity, old.LastActivity = strings.Repeat("x", alert.MaxTitle+1), year58136, year58136
	i := incident.Incident{ID: "i", Version: 1, Number: 1, Name: "Old", Renamed: true, Severity: alert.Medium,
		Created: start, Updated: start, Extra: "[",
		Alerts: incident.Summary{Count: 1, FirstActivity: year58136, LastActivity: year58136}}
	i.Alerts.BySeverity[alert.Medium], i.Alerts.ByStatus[alert.StatusNew] = 1, 1
	require.NoError(t,
		s.Restore(t.Context(), storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{old}}))
	m := manager.New(s, &manager.Options{Now: func() time.Time { return start }})

	read, err := m.Incident(t.Context(), kai, "i")
	require.NoError(t, err)
	assert.Equal(t, year58136, read.Alerts.FirstActivity)
	_, err = m.Comment(t.Context(), kai, "i", incident.CommentDraft{Text: "old as it is"})
	require.NoError(t, err)
	resolved, err := m.Edit(t.Context(), kai, "i", incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	assert.NoError(t, resolved.Validate())
	again := all(t, m.Alerts(t.Context(), kai, alert.Query{}))[0]
	assert.NoError(t, again.Validate(), "stored again, it is made to fit")
	assert.Equal(t, alert.StatusResolved, again.Status)
}

// A draft that has an alert twice says what the second report of an alert says.
func TestAnAlertTwiceInADraft(t *testing.T) {
	first, second := raise(1, 0, alert.Device{DeviceID: "one"}), raise(1, 5, alert.Device{DeviceID: "two"})
	first.SourceUpdated, second.SourceUpdated = start, start.Add(time.Hour)
	second.Severity = alert.High
	d := incident.Draft{Reference: incident.Reference{System: "theirs", ID: "1"}, Alerts: []alert.Alert{first, second}}
	for name, give := range map[string]func(*manager.Manager) error{
		"import": func(m *manager.Manager) error { _, _, err := m.Import(t.Context(), siem, d); return err },
		"create": func(m *manager.Manager) error { _, err := m.Create(t.Context(), siem, d); return err },
		"ingest": func(m *manager.Manager) error { _, err := m.Ingest(t.Context(), siem, d.Alerts); return err },
	} {
		m, s := open(t)
		require.NoError(t, give(m), name)
		alerts := all(t, m.Alerts(t.Context(), kai, alert.Query{}))
		require.Len(t, alerts, 1, name)
		assert.Equal(t, alert.High, alerts[0].Severity, name)
		assert.Equal(t, 1, alerts[0].Repeats, name)
		assert.Empty(t, all(t, manager.Check(t.Context(), s)), name)
	}
}

// What a draft says that cannot be kept is noted, and keeps nothing else back.
func TestADraftThatIsNotUnderstood(t *testing.T) {
	a := raise(1, 0, alert.Device{DeviceID: "one"})
	a.Verdict.Classification, a.Owner.Name = "zzz", "Kai"
	d := incident.Draft{
		Reference: incident.Reference{System: "theirs", ID: "1"}, Note: "over", Tags: []incident.Tag{{Name: ""}, {Name: "vip"}},
		Verdict: classification.Verdict{Classification: "zzz", Determination: "qqq"}, Alerts: []alert.Alert{a},
	}
	m, s := open(t)
	i, result, err := m.Import(t.Context(), siem, d)
	require.NoError(t, err)
	var noted []string
	for _, n := range result.Notes {
		noted = append(noted, n.String())
	}
	assert.Equal(t, []string{
		`incident theirs:1: note "over": left out, since the status is active`,
		`incident theirs:1: verdict "zzz/qqq": left out, since the taxonomy does not know it`,
		`incident theirs:1: tags[0] "": left out, since nothing can be seen`,
		`alert edr:1: owner.id "": left out with the owner "Kai"`,
		`alert edr:1: verdict "zzz": kept as it came, since the taxonomy does not know it`,
	}, noted)
	assert.Equal(t, []incident.Tag{{Name: "vip"}}, i.Tags)
	assert.Equal(t, 1, i.Alerts.Count)
	assert.Empty(t, all(t, manager.Check(t.Context(), s)))
}

// A version that is given is looked at, whatever it is.
func TestVersionZero(t *testing.T) {
	m, _ := open(t)
	id := ingest(t, m, raise(1, 0))[0].Incident
	for _, version := range []int64{0, -3, 2} {
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Name: new("n")}, manager.IfVersion(version))
		assert.ErrorIs(t, err, storage.ErrConflict, version)
	}
	d := incident.Draft{Reference: incident.Reference{System: "theirs", ID: "1"}}
	_, result, err := m.Import(t.Context(), siem, d, manager.IfVersion(0))
	require.NoError(t, err)
	assert.True(t, result.Created)
	_, _, err = m.Import(t.Context(), siem, d, manager.IfVersion(0))
	assert.ErrorIs(t, err, storage.ErrConflict)
}
