package incident_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// What a report says is so now, unless it was overtaken by a later one; then it only adds what was unknown.
func TestRepeat(t *testing.T) {
	old := newAlert(1, alert.Low, "a")
	old.Version, old.Incident, old.Updated = 4, "i1", start.Add(time.Hour)
	old.Repeats, old.Seen, old.Standalone = 2, 7, true
	old.SourceUpdated, old.Received = start, start
	counted := old
	counted.Repeats, counted.Repeated = 3, command(1).At

	for _, at := range []time.Time{{}, start, start.Add(time.Microsecond)} {
		again := newAlert(1, alert.High, "a")
		again.SourceUpdated, again.Received, again.Seen = at, start.Add(time.Minute), 1
		merged, changed := incident.Repeat(command(1), old, again)
		assert.True(t, changed, "as of %s", at)
		want := counted
		want.Severity, want.Received = alert.High, again.Received
		if at.After(start) {
			want.SourceUpdated = at
		}
		assert.Equal(t, want, merged, "as of %s", at)
	}

	again := newAlert(1, alert.High, "a")
	again.SourceUpdated, again.Received = start.Add(-time.Second), start.Add(time.Minute)
	merged, changed := incident.Repeat(command(1), old, again)
	assert.False(t, changed, "it came too late")
	assert.Equal(t, counted, merged)
	again.Threat, again.FirstActivity = "a threat", start.Add(-time.Hour)
	merged, changed = incident.Repeat(command(1), old, again)
	assert.True(t, changed)
	want := counted
	want.Threat, want.FirstActivity = "a threat", start.Add(-time.Hour)
	assert.Equal(t, want, merged)

	merged, changed = incident.Repeat(command(1), old, alert.Alert{Received: start.Add(time.Minute)})
	assert.False(t, changed, "it says nothing")
	assert.Equal(t, counted, merged)
}

// Whatever is reported after whatever: no text, entity or technique is lost, the same report again changes nothing, and
// nothing that was given is changed.
func TestARepeatErasesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, again := anyAlert(t, 1), anyAlert(t, 1)
		for _, clear := range []func(){
			func() { again.Evidence = nil }, func() { again.Techniques = nil }, func() { again.Extra = "" },
			func() { again.SourceUpdated = time.Time{} }, func() { again.LastActivity = time.Time{} },
			func() { again.FirstActivity, again.Created = time.Time{}, time.Time{} },
		} {
			if rapid.Bool().Draw(t, "left out") {
				clear()
			}
		}
		wasOld, wasAgain := old.Clone(), again.Clone()
		merged, _ := incident.Repeat(command(1), old, again)
		require.Equal(t, wasOld, old)
		require.Equal(t, wasAgain, again)
		require.NoError(t, merged.CheckLimits())
		for _, entities := range [][]alert.Evidence{old.Evidence, again.Evidence} {
			for _, e := range entities {
				require.True(t, slices.ContainsFunc(merged.Evidence, func(m alert.Evidence) bool {
					return alert.Identity(m.Entity) == alert.Identity(e.Entity)
				}), "%v", e.Entity)
			}
		}
		require.Subset(t, append(merged.Techniques, ""), append(slices.Clone(old.Techniques), again.Techniques...))
		for _, text := range []func(alert.Alert) string{
			func(a alert.Alert) string { return a.Product }, func(a alert.Alert) string { return a.DetectionSource },
			func(a alert.Alert) string { return a.Title }, func(a alert.Alert) string { return a.Description },
			func(a alert.Alert) string { return a.RecommendedActions },
			func(a alert.Alert) string { return a.Category },
			func(a alert.Alert) string { return a.Actor }, func(a alert.Alert) string { return a.Threat },
			func(a alert.Alert) string { return a.ThreatFamily }, func(a alert.Alert) string { return a.URL },
			func(a alert.Alert) string { return string(a.Extra) },
		} {
			says, knows := text(again), text(old)
			if again.SourceUpdated.Before(old.SourceUpdated) && !again.SourceUpdated.IsZero() {
				says, knows = knows, says
			}
			if says == "" {
				says = knows
			}
			require.Equal(t, says, text(merged))
		}
		require.False(t, merged.LastActivity.Before(merged.FirstActivity))
		require.False(t, merged.SourceUpdated.Before(old.SourceUpdated))
		once, changed := incident.Repeat(command(2), merged, again)
		require.False(t, changed, "the same report again")
		require.Equal(t, merged.Repeats+1, once.Repeats)
		require.Equal(t, command(2).At, once.Repeated)
	})
}

// A piece of evidence is matched with what a later report says about the same entity, which may say less, or more.
func TestEvidenceOfOneEntityIsOnePiece(t *testing.T) {
	type entities = []alert.Entity
	full := alert.Device{DeviceID: "d1", HostName: "x1", OS: "Windows11", Group: "servers"}
	newOS := alert.Device{DeviceID: "d1", HostName: "x1", OS: "Windows12", Group: "servers"}
	namesake := alert.Device{DeviceID: "d2", HostName: "x1"}
	address := alert.IP{Address: "203.0.113.9"}
	process := alert.Process{PID: 7, DeviceID: "d1", Started: start, CommandLine: "x -y",
		Image: alert.File{SHA256: "f", FileName: "x"}}
	shorter := process
	shorter.CommandLine, shorter.Image.FileName = "", ""
	pod := func(fields alert.Fields) alert.Other { return alert.Other{Type: "pod", Label: "p", Fields: fields} }
	for name, c := range map[string]struct{ old, again, want entities }{
		"less":          {entities{full}, entities{alert.Device{DeviceID: "d1"}}, entities{full}},
		"another name":  {entities{full}, entities{alert.Device{HostName: "x1", Group: "servers"}}, entities{full}},
		"more":          {entities{alert.Device{HostName: "x1"}}, entities{full}, entities{full}},
		"changed":       {entities{full}, entities{alert.Device{DeviceID: "d1", OS: "Windows12"}}, entities{newOS}},
		"another":       {entities{full}, entities{namesake}, entities{full, namesake}},
		"another order": {entities{full, address}, entities{address, full}, entities{full, address}},
		"inside":        {entities{process}, entities{shorter}, entities{process}},
		"members": {
			entities{pod(`{"id":1,"x":1}`)}, entities{pod(`{"x":2}`)}, entities{pod(`{"id":1,"x":2}`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(entities []alert.Entity) alert.Alert {
				a := newAlert(1, alert.Low, "")
				a.Evidence = nil
				for _, e := range entities {
					a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
				}
				return a
			}
			merged, _ := incident.Repeat(command(1), with(c.old), with(c.again))
			assert.Equal(t, with(c.want).Evidence, merged.Evidence)
		})
	}

	old, again := newAlert(1, alert.Low, "a"), newAlert(1, alert.Low, "a")
	old.Evidence[0].Verdict, old.Evidence[0].Roles = alert.Malicious, []alert.Role{alert.Attacked}
	old.Evidence[0].Remediation, old.Evidence[0].RemediationDetails = alert.ActiveThreat, "waiting"
	old.Evidence[0].Tags, old.Evidence[0].Extra = []string{"x"}, `{"a":1,"b":1}`
	again.Evidence[0].Roles, again.Evidence[0].Remediation = []alert.Role{alert.Compromised}, alert.Blocked
	again.Evidence[0].Extra = `{"b":2}`
	merged, changed := incident.Repeat(command(1), old, again)
	require.True(t, changed)
	want := old.Evidence[0]
	want.Roles = []alert.Role{alert.Attacked, alert.Compromised}
	want.Remediation, want.RemediationDetails = alert.Blocked, ""
	want.Extra = `{"a":1,"b":2}`
	assert.Equal(t, []alert.Evidence{want}, merged.Evidence)
}

// The rules of an installation tag what an alert has become, not what the report says.
func TestARepeatIsTaggedAsAWhole(t *testing.T) {
	cmd := command(1)
	cmd.Tags = func(a alert.Alert, keys alert.KeySet) alert.Alert {
		assert.Equal(t, a.Keys(), keys.All())
		a.SystemTags = []alert.Tag{{Name: fmt.Sprint(len(a.Evidence), " devices"), Kind: alert.Experts}}
		return a
	}
	again := newAlert(1, alert.Low, "b")
	merged, changed := incident.Repeat(cmd, newAlert(1, alert.Low, "a"), again)
	assert.True(t, changed)
	assert.Equal(t, []alert.Tag{{Name: "2 devices", Kind: alert.Experts}}, merged.SystemTags)
}

// resolvedHere returns the case of one alert that was resolved with its incident by a person.
func resolvedHere(t *testing.T) incident.Case {
	c := open(t, newAlert(1, alert.Medium, "a"))
	e, err := incident.Edit{Status: new(incident.Resolved), Note: new("done")}.Apply(command(1), c, tax)
	require.NoError(t, err)
	return incident.Case{Incident: e.Incident, Alerts: e.Alerts}
}

// resolvedThere returns the case of one alert that its source has resolved, and its incident with it.
func resolvedThere(t *testing.T) incident.Case {
	c := open(t, newAlert(1, alert.Medium, "a"))
	said := newAlert(1, alert.Medium, "a")
	said.Status = alert.StatusResolved
	merged, _ := incident.Repeat(command(1), c.Alerts[0], said)
	e := updated(t, command(1), c, merged)
	return incident.Case{Incident: e.Incident, Alerts: e.Alerts}
}

// Which reports of a known alert reopen the incident that is resolved, and what the log says about it.
func TestAnAlertThatFiresAgain(t *testing.T) {
	hour := start.Add(time.Hour)
	for name, c := range map[string]struct {
		of     func(*testing.T) incident.Case
		report func(*alert.Alert)
		why    string // "" when it does not fire
	}{
		"the same":     {resolvedHere, func(a *alert.Alert) {}, ""},
		"later stamp":  {resolvedHere, func(a *alert.Alert) { a.SourceUpdated = hour }, ""},
		"another text": {resolvedHere, func(a *alert.Alert) { a.Description = "x" }, ""},
		"milder":       {resolvedHere, func(a *alert.Alert) { a.Severity = alert.Low }, ""},
		"less":         {resolvedHere, func(a *alert.Alert) { a.Evidence = nil }, ""},
		"in progress": {resolvedHere, func(a *alert.Alert) {
			a.Status = alert.StatusInProgress
		}, ""},
		"later activity": {resolvedHere, func(a *alert.Alert) {
			a.LastActivity = hour
		}, "later activity"},
		"moved activity": {resolvedHere, func(a *alert.Alert) {
			a.FirstActivity, a.LastActivity = hour, time.Time{}
		}, "later activity"},
		"worse": {resolvedHere, func(a *alert.Alert) {
			a.Severity = alert.High
		}, "higher severity"},
		"new entity": {resolvedHere, func(a *alert.Alert) {
			a.Evidence = newAlert(1, alert.Low, "b").Evidence
		}, "new entities"},
		"all of it": {resolvedHere, func(a *alert.Alert) {
			a.Severity, a.LastActivity = alert.High, hour
		}, "later activity, higher severity"},
		"later, but over": {resolvedHere, func(a *alert.Alert) {
			a.LastActivity, a.Status = hour, alert.StatusResolved
		}, ""},
		"far ahead": {resolvedHere, func(a *alert.Alert) {
			a.LastActivity, a.Received = start.AddDate(1, 0, 0), start
		}, ""},
		"over": {resolvedThere, func(a *alert.Alert) {
			a.Status = alert.StatusResolved
		}, ""},
		"worse, but over": {resolvedThere, func(a *alert.Alert) {
			a.Severity, a.Status = alert.High, alert.StatusResolved
		}, ""},
		"reopened there": {resolvedThere, func(a *alert.Alert) {}, "reopened by its source"},
		"worse there": {resolvedThere, func(a *alert.Alert) {
			a.Severity = alert.High
		}, "higher severity, reopened by its source"},
		"too late, worse": {resolvedThere, func(a *alert.Alert) {
			a.Severity, a.SourceUpdated = alert.High, start.Add(-time.Hour)
		}, ""},
		"too late, longer": {resolvedThere, func(a *alert.Alert) {
			a.LastActivity, a.SourceUpdated = hour, start.Add(-time.Hour)
		}, ""},
	} {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", keep ", keep), func(t *testing.T) {
				before := c.of(t)
				before.Alerts[0].SourceUpdated = start
				report := newAlert(1, alert.Medium, "a")
				c.report(&report)
				cmd := command(2)
				cmd.Policy.KeepResolved = keep
				merged, _ := incident.Repeat(cmd, before.Alerts[0], report)
				e := updated(t, cmd, before, merged)
				d := incident.Draft{Reference: incident.Reference{System: "theirs", ID: "1"}}
				imported, err := incident.Update(cmd, before, d, []alert.Alert{report}, incident.Known{}, tax)
				require.NoError(t, err)
				if c.why == "" || keep {
					assert.Equal(t, incident.Resolved, e.Incident.Status)
					assert.Equal(t, before.Incident.Note, e.Incident.Note)
					assert.Equal(t, incident.Resolved, imported.Incident.Status)
					if name != "reopened there" && name != "worse there" {
						assert.Equal(t, alert.StatusResolved, merged.Status)
					}
					return
				}
				assert.Equal(t, incident.Active, e.Incident.Status)
				assert.Empty(t, e.Incident.Note)
				assert.Zero(t, e.Incident.Resolved)
				assert.Equal(t, alert.StatusNew, merged.Status)
				assert.Zero(t, merged.Resolved)
				why := "Alert siem:1 fired again: " + c.why + "."
				assert.Equal(t, why, because(e))
				assert.Equal(t, incident.Active, imported.Incident.Status)
				assert.Equal(t, why, because(imported))

				first, err := incident.Reopen(cmd, before.Incident, before.Alerts[0], merged)
				require.NoError(t, err)
				assert.Equal(t, incident.Active, first.Incident.Status)
				assert.Equal(t, why, because(first))
				assert.Empty(t, first.Alerts)
			})
		}
	}
}

// because returns the reason that the log gives for the status of the incident.
func because(e incident.Effect) string {
	for _, entry := range e.Activity {
		if entry.Type == activity.StatusChanged {
			return entry.Text
		}
	}
	return "no entry"
}

// What another system says about its own incident counts for that incident.
func TestAnImportedIncidentStaysResolvedWhileItsSystemSaysSo(t *testing.T) {
	a := newAlert(1, alert.Low, "a")
	d := incident.Draft{Reference: theirs, Status: incident.Resolved, Alerts: []alert.Alert{a}}
	s := imported(t, d)
	worse := newAlert(1, alert.High, "a")
	d.Alerts = []alert.Alert{worse, newAlert(2, alert.Low, "b")}
	assert.Equal(t, incident.Resolved, s.update(t, 1, d).Incident.Status)
	d.Status = incident.Active
	assert.Equal(t, incident.Active, s.update(t, 1, d).Incident.Status)

	d.Alerts = []alert.Alert{a, newAlert(2, alert.Low, "b")}
	e := s.update(t, 1, d)
	assert.Equal(t, incident.Active, e.Incident.Status, "an alert was added")
	assert.Equal(t, "Alert siem:2 was added.", because(e))
}

// A status that the source repeats is none that it has changed: what a person has made of it stays.
func TestASourceThatRepeatsItselfUndoesNothing(t *testing.T) {
	c := resolvedThere(t)
	edit, err := incident.AlertEdit{Status: new(alert.StatusInProgress)}.Apply(command(2), c, nil, tax)
	require.NoError(t, err)
	resolved := newAlert(1, alert.Medium, "a")
	resolved.Status = alert.StatusResolved
	merged, changed := incident.Repeat(command(3), edit.Alerts[0], resolved)
	assert.False(t, changed)
	assert.Equal(t, alert.StatusInProgress, merged.Status)
	back, _ := incident.Repeat(command(3), c.Alerts[0], newAlert(1, alert.Medium, "a"))
	assert.Equal(t, alert.StatusNew, back.Status, "nobody has touched it here")
}

// Whatever resolves the last alert of an open incident, or takes away the last one that is open, resolves the incident,
// unless the policy asks for something else.
func TestAnIncidentIsResolvedWithItsLastAlert(t *testing.T) {
	done := func(n int) alert.Alert {
		a := newAlert(n, alert.Low, "a")
		a.Status, a.Resolved = alert.StatusResolved, start
		return a
	}
	fresh := incident.Case{Incident: incident.Incident{ID: "i2"}}
	resolve := incident.AlertEdit{Status: new(alert.StatusResolved)}
	ways := map[string]func(cmd incident.Command) (incident.Effect, error){
		"edit": func(cmd incident.Command) (incident.Effect, error) {
			return resolve.Apply(cmd, open(t, newAlert(1, alert.Low, "a")), nil, tax)
		},
		"source": func(cmd incident.Command) (incident.Effect, error) {
			c := open(t, newAlert(1, alert.Low, "a"), done(2))
			a, _ := incident.Repeat(cmd, c.Alerts[0], done(1))
			return incident.UpdateAlert(cmd, c, a, nil)
		},
		"import": func(cmd incident.Command) (incident.Effect, error) {
			c := open(t, newAlert(1, alert.Low, "a"))
			d := incident.Draft{Reference: theirs}
			return incident.Update(cmd, c, d, []alert.Alert{done(1)}, incident.Known{}, tax)
		},
		"move": func(cmd incident.Command) (incident.Effect, error) {
			c := open(t, newAlert(1, alert.Low, "a"), done(2))
			e, err := incident.MoveAlerts(cmd, []incident.Case{c}, fresh, []alert.ID{"siem:1"}, "")
			require.Len(t, e, 2)
			assert.Equal(t, incident.Active, e[0].Incident.Status, "it got the one that is open")
			return e[1], err
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			e, err := way(command(1))
			require.NoError(t, err)
			assert.Equal(t, incident.Resolved, e.Incident.Status)
			assert.Equal(t, command(1).At, e.Incident.Resolved)
			assert.Equal(t, "All its alerts are resolved.", because(e))
			for _, p := range []incident.Policy{{KeepOpen: true}, {NoteToResolve: true}, {VerdictToResolve: true}} {
				cmd := command(1)
				cmd.Policy = p
				e, err := way(cmd)
				require.NoError(t, err)
				assert.Equal(t, incident.Active, e.Incident.Status, "%+v", p)
			}
		})
	}
	two := open(t, newAlert(1, alert.Low, "a"), newAlert(2, alert.Low, "a"))
	two.Alerts = two.Alerts[:1]
	ofTwo, err := resolve.Apply(command(1), two, nil, tax)
	require.NoError(t, err)
	assert.Equal(t, incident.Active, ofTwo.Incident.Status, "the other one is open")
}

// An incident of resolved alerts is resolved from the start; a person who has reopened one, or works on it, keeps it
// open.
func TestAnIncidentOfResolvedAlerts(t *testing.T) {
	done := newAlert(1, alert.Low, "a")
	done.Status, done.Resolved = alert.StatusResolved, start
	c := open(t, done)
	assert.Equal(t, incident.Resolved, c.Incident.Status)
	assert.Equal(t, command(0).At, c.Incident.Resolved)
	assert.Equal(t, incident.Active, open(t).Incident.Status, "without alerts")
	assert.Equal(t, incident.Active, open(t, done, newAlert(2, alert.Low, "a")).Incident.Status)
	inProgress := incident.Draft{Status: incident.InProgress}
	working, err := incident.Create(command(0), "i1", inProgress, []alert.Alert{done}, nil, tax)
	require.NoError(t, err)
	assert.Equal(t, incident.InProgress, working.Incident.Status)
	kept := command(0)
	kept.Policy.KeepOpen = true
	opened, err := incident.Create(kept, "i1", incident.Draft{}, []alert.Alert{done}, nil, tax)
	require.NoError(t, err)
	assert.Equal(t, incident.Active, opened.Incident.Status)

	second := newAlert(2, alert.Low, "a")
	second.Status, second.Resolved = alert.StatusResolved, start
	added := incident.AddAlert(command(1), c.Incident, second, nil, func(alert.Key) bool { return true })
	assert.Equal(t, incident.Resolved, added.Incident.Status, "nothing in it is open")
	reopened, err := incident.Edit{Status: new(incident.Active)}.Apply(command(1), c, tax)
	require.NoError(t, err)
	more := incident.AddAlert(command(2), reopened.Incident, second, nil, func(alert.Key) bool { return true })
	assert.Equal(t, incident.Active, more.Incident.Status, "a person wants it open")

	fresh := incident.Case{Incident: incident.Incident{ID: "i2"}}
	moved, err := incident.MoveAlerts(command(1), []incident.Case{c}, fresh, []alert.ID{"siem:1"}, "")
	require.NoError(t, err)
	assert.Equal(t, incident.Resolved, moved[0].Incident.Status)
}

// Alerts may be resolved while their incident is merged into another: it comes back resolved, and so may the other
// stay.
func TestAnUnmergeAfterAlertsWereResolved(t *testing.T) {
	for _, resolved := range [][]int{nil, {1}, {2}} {
		d := newDesk()
		d.create(t, "a", incident.Draft{Alerts: []alert.Alert{newAlert(1, alert.Low, "a")}})
		d.create(t, "b", incident.Draft{Alerts: []alert.Alert{newAlert(2, alert.Low, "b")}})
		require.NoError(t, d.merge(t, "a", "b"))
		for _, n := range resolved {
			c := d.party("a").Case
			c.Alerts = slices.DeleteFunc(c.Alerts, func(a alert.Alert) bool { return a.Origin.ID != fmt.Sprint(n) })
			e, err := incident.AlertEdit{Status: new(alert.StatusResolved)}.Apply(d.command(), c, nil, tax)
			require.NoError(t, err)
			d.keep(t, e)
		}
		require.NoError(t, d.unmerge(t, "b"))
		for n, id := range []incident.ID{"a", "b"} {
			want := incident.Active
			if slices.Contains(resolved, n+1) {
				want = incident.Resolved
			}
			assert.Equal(t, want, d.incidents[id].Status, "%s, resolved %v", id, resolved)
		}
		d.check(t)
	}
}

// The last activity of an alert goes back when its source reports it later, or when the time known so far cannot be; a
// report that comes again without a later stamp does not hide what was seen.
func TestWhenTheLastActivityGoesBack(t *testing.T) {
	early, far := start.Add(time.Minute), start.AddDate(1, 0, 0)
	for name, c := range map[string]struct{ known, stamp, want time.Time }{
		"no stamp":         {start.Add(time.Hour), time.Time{}, start.Add(time.Hour)},
		"the same stamp":   {start.Add(time.Hour), start, start.Add(time.Hour)},
		"later":            {start.Add(time.Hour), start.Add(time.Second), early},
		"far ahead":        {far, start, early},
		"far ahead, late":  {far, start.Add(-time.Second), far},
		"far ahead, later": {far, start.Add(time.Second), early},
	} {
		t.Run(name, func(t *testing.T) {
			old, again := newAlert(0, alert.Low, "a"), newAlert(0, alert.High, "a")
			old.SourceUpdated, old.Received, old.LastActivity = start, start, c.known
			again.SourceUpdated, again.Received, again.LastActivity = c.stamp, start.Add(time.Minute), early
			merged, _ := incident.Repeat(command(1), old, again)
			assert.Equal(t, c.want, merged.LastActivity)
		})
	}
}

// What reports add up to stays within the limits, and then does not change any more.
func TestRepeatsStayWithinTheLimits(t *testing.T) {
	old, again := newAlert(1, alert.Low, "a"), newAlert(1, alert.Low, "a")
	for n := range alert.MaxList {
		old.Techniques = append(old.Techniques, fmt.Sprint("old", n))
		again.Techniques = append(again.Techniques, fmt.Sprint("new", n))
	}
	again.Category = "Impact"
	merged, changed := incident.Repeat(command(1), old, again)
	require.True(t, changed)
	require.NoError(t, merged.CheckLimits())
	assert.Equal(t, old.Techniques, merged.Techniques)
	_, changed = incident.Repeat(command(2), merged, again)
	assert.False(t, changed)
}

// A report that names an entity twice, each time with something else, is one that changes nothing when it comes again.
func TestAReportThatNamesAnEntityTwice(t *testing.T) {
	device := alert.Device{DeviceID: "d1", Group: "laptops"}
	old := alert.Alert{Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "d1", OS: "iOS"}}}}
	report := alert.Alert{Evidence: []alert.Evidence{
		{Entity: device, Roles: []alert.Role{"source"}}, {Entity: device, Roles: []alert.Role{"attacked"}},
	}}
	merged, changed := incident.Repeat(command(1), old, report)
	require.True(t, changed)
	require.Len(t, merged.Evidence, 1)
	require.ElementsMatch(t, []alert.Role{"source", "attacked"}, merged.Evidence[0].Roles)
	_, changed = incident.Repeat(command(2), merged, report)
	require.False(t, changed)
}
