package manager_test

import (
	"context"
	"fmt"
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

var bg = context.Background()

// twoSides is a manager, and another system whose incidents it imports.
type twoSides struct {
	*manager.Manager
	storage.Storage
	now time.Time
}

func openTwoSides() *twoSides {
	s := &twoSides{Storage: memory.New(), now: start}
	s.Manager = manager.New(s.Storage, &manager.Options{Now: func() time.Time {
		s.now = s.now.Add(time.Second)
		return s.now
	}})
	return s
}

// there returns an incident of the other system as it was at that time after the start.
func there(id string, after time.Duration, alerts ...alert.Alert) incident.Draft {
	return incident.Draft{
		Reference: incident.Reference{System: "tower", ID: id, Updated: start.Add(after)}, Name: "Case " + id, Alerts: alerts,
	}
}

func (s *twoSides) bring(t require.TestingT, d incident.Draft) (incident.Incident, manager.ImportResult) {
	i, result, err := s.Import(bg, siem, d)
	require.NoError(t, err)
	return i, result
}

func (s *twoSides) edit(t require.TestingT, id incident.ID, e incident.Edit) incident.Incident {
	i, err := s.Edit(bg, kai, id, e)
	require.NoError(t, err)
	return i
}

func (s *twoSides) check(t *testing.T) {
	t.Helper()
	assert.Empty(t, all(t, manager.Check(t.Context(), s.Storage)))
}

// What the other system did not change is not taken again, and what was changed here stays.
func TestALaterImportUndoesNothing(t *testing.T) {
	s := openTwoSides()
	d := there("5", 0, raise(1, 0))
	d.Severity, d.Owner, d.Tags = alert.Medium, incident.Owner{ID: "desk"}, []incident.Tag{{Name: "theirs"}, {Name: "gone"}}
	i, _ := s.bring(t, d)
	s.edit(t, i.ID, incident.Edit{
		Name: new("Crane controller"), Severity: new(alert.High), Owner: &incident.Owner{ID: "rhea"}, AddTags: []string{"ours"},
		RemoveTags: []string{"gone"}, Status: new(incident.Resolved), Note: new("reimaged"),
	})
	d.Reference.Updated = start.Add(time.Hour)
	d.Comments = []incident.Comment{{By: "otto", Time: start.Add(time.Hour), Text: "any news?"}}
	d.Description = "Two cranes."
	i, result := s.bring(t, d)
	assert.Equal(t, incident.Resolved, i.Status)
	assert.Equal(t, "Crane controller", i.Name)
	assert.Equal(t, alert.High, i.Severity)
	assert.Equal(t, "rhea", i.Owner.ID)
	assert.Equal(t, "reimaged", i.Note)
	assert.Equal(t, 1, i.Comments)
	assert.Equal(t, "Two cranes.", i.Description)
	assert.True(t, i.HasTag("ours") && i.HasTag("theirs") && !i.HasTag("gone"), "%v", i.Tags)
	assert.Equal(t, []string{"description"}, result.Taken)
	assert.Equal(t, []string{"name", "severity", "status", "owner"}, result.Kept)
	assert.Empty(t, result.Conflicts)
	s.check(t)
}

// A name and a severity that a person chose stay that person's choice when the other system has followed.
func TestAnEchoTakesNoChoiceAway(t *testing.T) {
	s := openTwoSides()
	d := there("5", 0, raise(1, 0, alert.Device{DeviceID: "x1"}))
	d.Severity = alert.Medium
	i, _ := s.bring(t, d)
	s.edit(t, i.ID, incident.Edit{Name: new("Crane"), Severity: new(alert.Low)})
	d.Reference.Updated, d.Name, d.Severity = start.Add(time.Hour), "Crane", alert.Low
	i, result := s.bring(t, d)
	assert.True(t, i.SeverityOverridden && i.Renamed)
	assert.Empty(t, result.Taken)
	assert.Empty(t, result.Conflicts)
	ingest(t, s.Manager, raise(2, 0, alert.Device{DeviceID: "x1"}))
	i, err := s.Incident(bg, kai, i.ID)
	require.NoError(t, err)
	require.Equal(t, 2, i.Alerts.Count)
	assert.Equal(t, alert.Low, i.Severity)
	assert.Equal(t, alert.Medium, s.edit(t, i.ID, incident.Edit{DeriveSeverity: true}).Severity)
	s.check(t)
}

// What was resolved here and comes back as resolved is no conflict, whatever time it has there; two notes are one. A
// source that does not tell when it resolved an incident does not move that time with each later change.
func TestAResolutionThatComesBack(t *testing.T) {
	s := openTwoSides()
	d := there("5", 0, raise(1, 0))
	i, _ := s.bring(t, d)
	i = s.edit(t, i.ID, incident.Edit{Status: new(incident.Resolved), Note: new("reimaged")})
	when := i.Resolved
	for hours, resolved := range []time.Time{{}, start.Add(2 * time.Hour), start.Add(-time.Hour)} {
		echo := d
		echo.Reference.Updated, echo.Status = start.Add(time.Duration(hours)*time.Millisecond), incident.Resolved
		echo.Note, echo.Resolved = "reimaged", resolved
		plan, result, err := s.Import(bg, siem, echo, manager.DryRun())
		require.NoError(t, err)
		assert.Equal(t, when, plan.Resolved)
		assert.Empty(t, result.Conflicts)
		assert.Empty(t, result.Taken)
		echo.Note = "closed by policy"
		_, result, err = s.Import(bg, siem, echo, manager.DryRun())
		require.NoError(t, err)
		assert.Equal(t, []incident.Conflict{{Field: "note", Here: "reimaged", There: "closed by policy"}}, result.Conflicts)
	}

	d = there("6", time.Hour)
	d.Status = incident.Resolved
	s.bring(t, d)
	d.Reference.Updated, d.Note = start.Add(5*time.Hour), "typo"
	i, result := s.bring(t, d)
	assert.Equal(t, start.Add(time.Hour), i.Resolved, "it was not later than the first state that had it")
	assert.Equal(t, "typo", i.Note)
	assert.Equal(t, []string{"note"}, result.Taken)
	d.Resolved = start.Add(30 * time.Minute)
	i, result = s.bring(t, d)
	assert.Equal(t, d.Resolved, i.Resolved, "now it is told")
	assert.Equal(t, []string{"status"}, result.Taken)
	s.check(t)
}

// Of what was changed on both sides, a policy decides; the log has both values, once.
func TestConflicts(t *testing.T) {
	for name, c := range map[string]struct {
		policy incident.ImportPolicy
		after  time.Duration // when the other system changed it; here it was a few seconds after the start
		taken  bool
	}{
		"decided there last":        {after: time.Hour, taken: true},
		"decided here last":         {after: time.Millisecond},
		"nobody knows when":         {after: -time.Since(time.Time{}), taken: true},
		"it is for us":              {policy: incident.ImportPolicy{Owner: incident.Ours}, after: time.Hour},
		"it is for them, and older": {policy: incident.ImportPolicy{Owner: incident.Theirs}, after: time.Millisecond, taken: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTwoSides()
			s.Manager = manager.New(s.Storage, &manager.Options{
				Now: func() time.Time { s.now = s.now.Add(time.Second); return s.now }, Policy: incident.Policy{Imports: c.policy},
			})
			d := there("5", 0)
			d.Owner = incident.Owner{ID: "desk"}
			i, _ := s.bring(t, d)
			s.edit(t, i.ID, incident.Edit{Owner: &incident.Owner{ID: "rhea"}})
			d.Owner = incident.Owner{ID: "otto"}
			if d.Reference.Updated = start.Add(c.after); c.after < 0 {
				d.Reference.Updated = time.Time{}
			}
			i, result := s.bring(t, d)
			assert.Equal(t, []incident.Conflict{{Field: "owner", Here: "rhea", There: "otto", Taken: c.taken}}, result.Conflicts)
			log := all(t, s.Activity(bg, kai, activity.Query{Types: []activity.Type{activity.Overruled}}))
			if c.taken {
				assert.Equal(t, "otto", i.Owner.ID)
				assert.Empty(t, log, "the change itself has both")
			} else {
				assert.Equal(t, "rhea", i.Owner.ID)
				require.Len(t, log, 1)
				assert.Equal(t, `owner: "rhea" stays, tower has "otto"`, log[0].Text)
			}
			again, result := s.bring(t, d)
			assert.Empty(t, result.Conflicts, "it is said once")
			assert.Equal(t, i.Owner, again.Owner)
			assert.Len(t, all(t, s.Activity(bg, kai, activity.Query{Types: []activity.Type{activity.Overruled}})), len(log))
			s.check(t)
		})
	}
}

// An alert that the other system does not have holds the severity up, whichever came first, until it is gone.
func TestALocalAlertHoldsTheSeverity(t *testing.T) {
	theirs, local := raise(1, 0, alert.Device{DeviceID: "x1"}), raise(2, 0, alert.Device{DeviceID: "x1"})
	local.Severity = alert.High
	for _, localFirst := range []bool{false, true} {
		for _, named := range []bool{false, true} { // the other system names its alerts each time
			s := openTwoSides()
			d := there("5", 0, theirs)
			d.Severity = alert.Medium
			if localFirst {
				ingest(t, s.Manager, local, theirs)
				s.bring(t, d)
			} else {
				s.bring(t, d)
				ingest(t, s.Manager, local)
			}
			if !named {
				d.Alerts = nil
			}
			poll := func(after time.Duration, severity alert.Severity) (incident.Incident, manager.ImportResult) {
				d.Reference.Updated, d.Severity = start.Add(after), severity
				return s.bring(t, d)
			}
			i, result := poll(time.Hour, alert.Medium)
			require.Equal(t, 2, i.Alerts.Count)
			assert.Equal(t, alert.High, i.Severity)
			assert.Empty(t, result.Taken)
			i, result = poll(2*time.Hour, alert.Low)
			assert.Equal(t, alert.High, i.Severity, "changed there, and the alert is still here")
			assert.Equal(t, []string{"severity"}, result.Kept)
			assert.False(t, i.SeverityGiven)
			_, err := s.MoveAlerts(bg, kai, []alert.ID{local.Origin.AlertID()}, "", "no part of it")
			require.NoError(t, err)
			i, _ = poll(3*time.Hour, alert.Low)
			if named {
				assert.Equal(t, alert.Low, i.Severity)
				assert.True(t, i.SeverityGiven)
			} else {
				assert.Equal(t, alert.Medium, i.Severity, "as its alert is")
			}
			s.check(t)
		}
	}
}

// The other system's merge is a merge here, and an alert that it moves goes along. What people have put together here
// stays.
func TestTheOtherSystemRegroups(t *testing.T) {
	s := openTwoSides()
	a, b := raise(1, 0, alert.Device{DeviceID: "x1"}), raise(2, 0, alert.Device{DeviceID: "x2"})
	s.bring(t, there("7", 0, a))
	s.bring(t, there("8", 0, b))
	merged := there("7", time.Hour)
	merged.Status, merged.RedirectTo = incident.Redirected, incident.Reference{System: "tower", ID: "8"}
	i, result := s.bring(t, merged)
	assert.EqualValues(t, "tower:8", i.ID)
	assert.Empty(t, result.Notes)
	s.bring(t, merged) // again
	done := there("8", 2*time.Hour, a, b)
	done.Status = incident.Resolved
	i, _ = s.bring(t, done)
	assert.Equal(t, 2, i.Alerts.Count)
	first, err := s.Incident(bg, kai, "tower:7")
	require.NoError(t, err)
	assert.Equal(t, incident.Resolved, first.Status, "it leads to 8")

	lost := there("9", time.Hour)
	s.bring(t, there("9", 0))
	lost.Status, lost.RedirectTo = incident.Redirected, incident.Reference{System: "tower", ID: "404"}
	_, result = s.bring(t, lost)
	require.Len(t, result.Notes, 1)
	assert.Equal(t, "not followed, since that incident is not here", result.Notes[0].Said)
	lost.RedirectTo.ID = "8"
	_, result = s.bring(t, lost)
	require.Len(t, result.Notes, 1)
	assert.Contains(t, result.Notes[0].Said, "not followed: ", "8 is resolved")

	c, e := raise(3, 0, alert.Device{DeviceID: "x3"}), raise(4, 0, alert.Device{DeviceID: "x4"})
	s.bring(t, there("17", 0, c, e))
	s.bring(t, there("18", 0))
	s.bring(t, there("17", time.Hour, e))
	s.bring(t, there("18", time.Hour, c))
	at := func(a alert.Alert) incident.ID {
		found, err := s.Alert(bg, kai, a.Origin.AlertID())
		require.NoError(t, err)
		return found.Incident
	}
	assert.EqualValues(t, "tower:18", at(c))
	s.bring(t, there("19", 0, c))
	assert.EqualValues(t, "tower:19", at(c), "and on")

	own, err := s.MoveAlerts(bg, kai, []alert.ID{e.Origin.AlertID()}, "", "ours")
	require.NoError(t, err)
	s.bring(t, there("17", 2*time.Hour, e))
	s.bring(t, there("18", 2*time.Hour, e))
	assert.Equal(t, own.ID, at(e), "a person put it there")
	s.check(t)
}

// An alert and the incident that the other system has it in may arrive in any order: what correlation has put
// together around the alert is in that incident in the end. Only an import itself looks for no neighbours.
func TestAnAlertBeforeItsIncident(t *testing.T) {
	theirs, neighbour := raise(1, 0, alert.Device{DeviceID: "x1"}), raise(2, 0, alert.Device{DeviceID: "x1"})
	steps := []func(*twoSides){
		func(s *twoSides) { ingest(t, s.Manager, theirs) },
		func(s *twoSides) { ingest(t, s.Manager, neighbour) },
		func(s *twoSides) { s.bring(t, there("7", 0, theirs)) },
	}
	for _, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {2, 0, 1}, {0, 2, 1}, {2, 1, 0}} {
		s := openTwoSides()
		for _, n := range order {
			steps[n](s)
		}
		i, result := s.bring(t, there("7", 0, theirs))
		assert.EqualValues(t, "tower:7", i.ID)
		assert.Empty(t, result.Notes)
		assert.Equal(t, 2, i.Alerts.Count, order)
		s.check(t)
	}

	s := openTwoSides()
	ingest(t, s.Manager, theirs)
	first, err := s.Alert(bg, kai, theirs.Origin.AlertID())
	require.NoError(t, err)
	_, err = s.Comment(bg, kai, first.Incident, incident.CommentDraft{Text: "seen"})
	require.NoError(t, err)
	i, _ := s.bring(t, there("7", 0, theirs))
	assert.Equal(t, 1, i.Comments, "it goes along")

	// What a person has made of the alert stands.
	_, err = s.Unmerge(bg, kai, first.Incident, "")
	require.NoError(t, err)
	i, result := s.bring(t, there("7", time.Hour, theirs))
	assert.Zero(t, i.Alerts.Count)
	assert.Empty(t, result.Notes)
	own, err := s.Incident(bg, kai, first.Incident)
	require.NoError(t, err)
	assert.Equal(t, 1, own.Alerts.Count)
	s.check(t)
}

// An incident that was purged opens a successor when the other system has something new of it. What was purged does not
// come back.
func TestASuccessorOfAPurgedIncident(t *testing.T) {
	s := openTwoSides()
	d := there("7", 0, raise(1, 0, alert.Device{DeviceID: "x1"}))
	d.Status, d.Resolved, d.Comments = incident.Resolved, start, []incident.Comment{{By: "otto", Time: start, Text: "secret"}}
	s.bring(t, d)
	s.now = start.AddDate(3, 0, 0)
	_, err := s.Purge(bg, kai, incident.Query{}, start.AddDate(1, 0, 0), "retention")
	require.NoError(t, err)
	d.Status, d.Reference.Updated, d.Description = incident.Active, s.now, "secret too"
	_, _, err = s.Import(bg, siem, d)
	require.ErrorIs(t, err, incident.ErrPurged, "nothing is new")

	d.Alerts = append(d.Alerts, raise(2, 0, alert.Device{DeviceID: "x2"}))
	d.Comments = append(d.Comments, incident.Comment{By: "otto", Time: s.now, Text: "it is back"})
	i, result := s.bring(t, d)
	assert.True(t, result.Created)
	require.Len(t, result.Notes, 1)
	assert.Equal(t, "opened with what is new, since incident #1 was purged", result.Notes[0].Said)
	assert.EqualValues(t, 2, i.Number)
	assert.Equal(t, 1, i.Alerts.Count)
	assert.Equal(t, 1, i.Comments)
	assert.NotContains(t, i.Name+i.Description, "Case 7")

	d.Reference.Updated = s.now.Add(time.Hour)
	d.Owner, d.Comments = incident.Owner{ID: "desk"}, append(d.Comments, incident.Comment{By: "otto", Time: s.now, Text: "and again"})
	later, result := s.bring(t, d)
	assert.False(t, result.Created)
	assert.Equal(t, i.ID, later.ID, "it is brought up to date")
	assert.Equal(t, "desk", later.Owner.ID)
	assert.Equal(t, 2, later.Comments)
	for e, err := range s.Activity(bg, kai, activity.Query{}) {
		require.NoError(t, err)
		assert.NotContains(t, fmt.Sprint(e), "secret")
	}
	s.check(t)
}

// An alert follows its source in owner, verdict and status, where nobody here decides.
func TestAnAlertsSourceChangesItsMind(t *testing.T) {
	s := openTwoSides()
	a := raise(1, 0, alert.Device{DeviceID: "x1"})
	a.SourceUpdated, a.Owner, a.Status = start, alert.Owner{ID: "first"}, alert.StatusResolved
	a.Verdict.Classification = classification.FalsePositive
	ingest(t, s.Manager, a)
	again := a
	again.SourceUpdated = start.Add(time.Hour)
	again.Owner, again.Status, again.Verdict.Classification = alert.Owner{ID: "second"}, alert.StatusNew, classification.TruePositive
	ingest(t, s.Manager, again)
	now, err := s.Alert(bg, kai, a.Origin.AlertID())
	require.NoError(t, err)
	assert.Equal(t, "second", now.Owner.ID)
	assert.Equal(t, alert.StatusNew, now.Status)
	assert.Equal(t, classification.TruePositive, now.Verdict.Classification)

	_, err = s.EditAlerts(bg, kai, []alert.ID{now.ID}, incident.AlertEdit{Owner: &alert.Owner{ID: "kai"}})
	require.NoError(t, err)
	again.SourceUpdated, again.Description = start.Add(2*time.Hour), "more of it"
	ingest(t, s.Manager, again)
	now, err = s.Alert(bg, kai, a.Origin.AlertID())
	require.NoError(t, err)
	assert.Equal(t, "kai", now.Owner.ID, "its source said nothing new about that")
	s.check(t)
}

// Comments of one moment are as many as there are; one that was changed there stays one, and the log says what it is now.
func TestCommentsOfTheOtherSystem(t *testing.T) {
	s := openTwoSides()
	d := there("1", 0)
	d.Comments = []incident.Comment{{By: "otto", Time: start, Text: "retry"}, {By: "otto", Time: start, Text: "retry"}}
	i, _ := s.bring(t, d)
	assert.Equal(t, 2, i.Comments)
	d.Reference.Updated, d.Comments[1].Text = start.Add(time.Hour), "retry x1"
	i, _ = s.bring(t, d)
	assert.Equal(t, 2, i.Comments)
	revised := func() []activity.Entry {
		return all(t, s.Activity(bg, kai, activity.Query{Types: []activity.Type{activity.CommentRevised}}))
	}
	require.Len(t, revised(), 1)
	assert.Equal(t, "retry x1", revised()[0].Text)
	first := all(t, s.Activity(bg, kai, activity.Query{IDs: []activity.ID{revised()[0].Subject}}))
	require.Len(t, first, 1)
	assert.Equal(t, "retry", first[0].Text)

	d.Reference.Updated, d.Comments = start.Add(2*time.Hour), d.Comments[:1]
	s.bring(t, d)
	s.bring(t, d)
	require.Len(t, revised(), 2, "the other one was deleted, which is said once")
	assert.Empty(t, revised()[1].Text)
	assert.Equal(t, first[0].ID, revised()[1].Subject)

	_, err := s.Redact(bg, kai, d.CommentIDs()[0], "")
	require.NoError(t, err)
	d.Comments[0].Text = "the secret again"
	s.bring(t, d)
	assert.Len(t, revised(), 2, "what was redacted does not come back")
	s.check(t)
}
