package incident_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// damages are what may be wrong with the alerts that a rule is given. Each changes some that are right, of which there
// are three or more.
var damages = map[string]func(right []alert.Alert, foreign alert.Alert) []alert.Alert{
	"none":                func(right []alert.Alert, _ alert.Alert) []alert.Alert { return right[:0] },
	"one missing":         func(right []alert.Alert, _ alert.Alert) []alert.Alert { return right[1:] },
	"one foreign":         func(right []alert.Alert, foreign alert.Alert) []alert.Alert { return append(right, foreign) },
	"one for a foreign":   func(right []alert.Alert, foreign alert.Alert) []alert.Alert { return append(right[1:], foreign) },
	"one twice":           func(right []alert.Alert, _ alert.Alert) []alert.Alert { return append(right, right[0]) },
	"one twice, one left": func(right []alert.Alert, _ alert.Alert) []alert.Alert { return append(right[:len(right)-1], right[0]) },
}

// crowded has incidents of n alerts each, of which c was merged into b. The first is imported.
func crowded(t *testing.T, n int) *desk {
	d := newDesk()
	for k, id := range []incident.ID{theirs.IncidentID(), "b", "c", "d"} {
		var draft incident.Draft
		for m := range n {
			draft.Alerts = append(draft.Alerts, newAlert(k*n+m, alert.Low, "d"))
		}
		d.create(t, id, draft)
	}
	require.NoError(t, d.merge(t, "b", "c"))
	return d
}

// back is an incident that was merged into another, with the alerts that it gave.
func (d *desk) back(id incident.ID) incident.Party {
	p := d.party(id)
	for _, id := range incident.MergedAlerts(p) {
		p.Alerts = append(p.Alerts, d.alerts[id])
	}
	return p
}

// A rule that needs all alerts of an incident refuses any others, and names the incident. One that needs some refuses
// those that are not the incident's. One that needs none looks at none.
func TestRulesRefuseOtherAlertsThanTheyNeed(t *testing.T) {
	all := slices.Collect(maps.Keys(damages))
	some := []string{"one foreign", "one for a foreign", "one twice", "one twice, one left"}
	here, owner := theirs.IncidentID(), incident.Owner{ID: "kai"}
	one := func(e incident.Effect, err error) ([]incident.Effect, error) { return []incident.Effect{e}, err }
	update := func(c incident.Case, d incident.Draft, alerts ...alert.Alert) ([]incident.Effect, error) {
		d.Reference = theirs
		return one(incident.Update(command(90), c, d, alerts, incident.Known{}, tax))
	}
	// again reports the last alert of an incident once more.
	again := func(d *desk, id incident.ID) alert.Alert {
		a := d.alertsOf(id)[len(d.alertsOf(id))-1]
		a.Severity = alert.High
		return a
	}
	for name, rule := range map[string]struct {
		of      incident.ID // whose alerts are damaged
		refuses []string
		apply   func(d *desk, p incident.Party) ([]incident.Effect, error)
	}{
		"Edit.Apply that cascades": {here, all, func(_ *desk, p incident.Party) ([]incident.Effect, error) {
			return one(incident.Edit{Owner: &owner}.Apply(command(90), p.Case, tax))
		}},
		"Edit.Apply": {here, nil, func(_ *desk, p incident.Party) ([]incident.Effect, error) {
			return one(incident.Edit{Name: new("n"), Status: new(incident.InProgress)}.Apply(command(90), p.Case, tax))
		}},
		"AlertEdit.Apply": {here, some, func(_ *desk, p incident.Party) ([]incident.Effect, error) {
			return one(incident.AlertEdit{Owner: &owner}.Apply(command(90), p.Case, nil, tax))
		}},
		"AlertEdit.Apply with a Title": {here, all, func(_ *desk, p incident.Party) ([]incident.Effect, error) {
			return one(incident.AlertEdit{Title: new("t")}.Apply(command(90), p.Case, nil, tax))
		}},
		"Update that cascades": {here, all, func(_ *desk, p incident.Party) ([]incident.Effect, error) {
			return update(p.Case, incident.Draft{Owner: owner})
		}},
		"Update that changes an alert": {here, append(some, "one missing"), func(d *desk, p incident.Party) ([]incident.Effect, error) {
			return update(p.Case, incident.Draft{}, again(d, here))
		}},
		"Update": {here, some, func(_ *desk, p incident.Party) ([]incident.Effect, error) {
			return update(p.Case, incident.Draft{}, newAlert(900, alert.Low, "d"))
		}},
		"UpdateAlert": {here, all, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			return one(incident.UpdateAlert(command(90), p.Case, again(d, here), nil))
		}},
		"MoveAlerts, from": {here, all, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			from := []incident.Case{d.party("d").Case, p.Case}
			return incident.MoveAlerts(command(90), from, d.party("b").Case, []alert.ID{again(d, "d").ID}, "")
		}},
		"MoveAlerts, to": {"b", all, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			from := []incident.Case{d.party(here).Case, d.party("d").Case}
			return incident.MoveAlerts(command(90), from, p.Case, []alert.ID{again(d, "d").ID}, "")
		}},
		"MoveAlerts of none": {"b", nil, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			return incident.MoveAlerts(command(90), nil, p.Case, []alert.ID{again(d, "d").ID}, "")
		}},
		"Merge, target": {here, all, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			return incident.Merge(command(90), p, []incident.Party{d.party("b")}, "")
		}},
		"Merge, source": {here, all, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			return incident.Merge(command(90), d.party("b"), []incident.Party{d.party("d"), p}, "")
		}},
		"MergeLinked, target": {here, all, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			return incident.MergeLinked(command(90), p, d.party("b"), "siem:1", nil)
		}},
		"MergeLinked, source": {here, all, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			return incident.MergeLinked(command(90), d.party("b"), p, "siem:1", nil)
		}},
		"Unmerge, target": {"b", all, func(d *desk, p incident.Party) ([]incident.Effect, error) {
			return incident.Unmerge(command(90), d.back("c"), p, "")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{3, 40} {
				d := crowded(t, n)
				_, err := rule.apply(d, d.party(rule.of))
				require.NoError(t, err)
				for damage, do := range damages {
					p := d.party(rule.of)
					p.Alerts = do(p.Alerts, d.alertsOf("d")[0])
					effects, err := rule.apply(d, p)
					if !slices.Contains(rule.refuses, damage) {
						assert.NoError(t, err, "%d alerts, %s", n, damage)
						continue
					}
					wrong, ok := errors.AsType[*alert.FieldError](err)
					require.True(t, ok, "%d alerts, %s: %v", n, damage, err)
					assert.Equal(t, []string{"incident " + string(rule.of), "alerts"}, []string{wrong.Record, wrong.Field})
					for _, e := range effects {
						assert.Zero(t, e)
					}
				}
			}
		})
	}
}

// What is said of alerts that are not the right ones.
func TestWhatIsWrongWithAlerts(t *testing.T) {
	d := crowded(t, 3)
	wrong := func(c incident.Case, damage string) string {
		c.Alerts = damages[damage](slices.Clone(c.Alerts), newAlert(9, alert.Low, "d"))
		_, err := incident.UpdateAlert(command(90), c, newAlert(10, alert.Low, "d"), nil)
		require.Error(t, err)
		return err.Error()
	}
	of := d.party("d").Case
	assert.Equal(t, `incident d: alerts "2": want all 3 alerts of the incident`, wrong(of, "one missing"))
	assert.Equal(t, `incident d: alerts "siem:9": want alerts of the incident, not of ""`, wrong(of, "one for a foreign"))
	assert.Equal(t, `incident d: alerts "siem:9": want each alert once`, wrong(of, "one twice, one left"))
	_, err := incident.UpdateAlert(command(90), of, newAlert(0, alert.Low, "d"), nil)
	assert.EqualError(t, err, `incident d: alerts "siem:0": want an alert of the incident`)
	_, err = incident.Reopen(command(90), of.Incident, d.alertsOf("b")[0], newAlert(0, alert.Low, "d"))
	assert.EqualError(t, err, `incident d: alerts "siem:3": want alerts of the incident, not of "b"`)
}

// An unmerge needs the alerts that the source gave: one that is nowhere any more was changed since, and others do not
// go back with them.
func TestAnUnmergeNeedsTheAlertsOfTheMerge(t *testing.T) {
	d := crowded(t, 3)
	for damage, do := range damages {
		source := d.back("c")
		source.Alerts = do(source.Alerts, d.alertsOf("d")[0])
		_, err := incident.Unmerge(command(90), source, d.party("b"), "")
		switch damage {
		case "none":
			assert.ErrorContains(t, err, "3 of the alerts that it had are missing")
			assert.ErrorIs(t, err, incident.ErrChanged)
		case "one missing":
			assert.ErrorIs(t, err, incident.ErrChanged)
		default:
			assert.ErrorIs(t, err, alert.ErrInvalid, damage)
		}
	}
	require.NoError(t, d.unmerge(t, "c"))
	d.check(t)
}
