package incident_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Every field of an incident and of an alert is one whose texts a redaction takes, or one that is known to be none.
func TestEveryFieldIsATextOrNot(t *testing.T) {
	kept := [2][]string{
		{
			"renamed", "named", "severity", "severityOverridden", "severityGiven", "priority", "status", "resolved",
			"redirectTo", "owner", "verdict.classification", "verdict.determination", "references", "extra", "comments",
			"created", "alerts.count", "alerts.bySeverity", "alerts.byStatus", "alerts.assets", "alerts.classified",
			"alerts.firstActivity", "alerts.lastActivity", "alerts.rarest", "alerts.sources", "alerts.detectionSources",
			"alerts.products", "alerts.categories", "alerts.techniques", "alerts.deviceGroups", "alerts.platforms",
			"alerts.threats", "alerts.threatActors", "alerts.criticality", "alerts.systemTags",
		},
		{
			"status", "resolved", "sourceStatus", "owner", "severity", "verdict.classification",
			"verdict.determination", "edited", "product", "detectionSource", "category", "techniques", "actor",
			"threat", "threatFamily", "url", "tags", "systemTags", "firstActivity", "lastActivity", "created",
			"sourceUpdated", "extra", "evidence",
		},
	}
	for n, fields := range [][]string{incident.LoggedFields(), incident.LoggedAlertFields()} {
		e := activity.Entry{Type: activity.AlertUpdated, Alert: []alert.ID{"", "edr:1"}[n]}
		for _, f := range fields {
			text := e.IsText(activity.Change{Field: f})
			assert.NotEqual(t, text, slices.Contains(kept[n], f), "%s is a text or it is kept", f)
		}
	}
}

// saying returns the entries that say slip.
func (d *desk) saying(t require.TestingT, slip string) (ids []activity.ID) {
	for _, e := range d.log {
		text, err := json.Marshal(e)
		require.NoError(t, err)
		if strings.Contains(string(text), slip) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// A text that the record has still is not taken from the log alone, and the error says how to change it.
func TestWhatIsStillThereIsNotRedacted(t *testing.T) {
	const slip = "correct-horse-9"
	other := "other"
	title := func(d *desk, text string) error {
		e, err := incident.AlertEdit{Title: &text, Description: &text, RecommendedActions: &text}.Apply(
			d.command(), incident.Case{Incident: d.incidents["a"], Alerts: d.alertsOf("a")}, nil, tax)
		d.keep(t, e)
		return err
	}
	for detail, c := range map[string][2]incident.Edit{
		"name: change it by Edit first":        {{Name: new(slip)}, {Name: &other}},
		"description: change it by Edit first": {{Description: new(slip)}, {Description: new("")}},
		"note: change it by Edit first": {
			{Status: new(incident.Resolved), Note: new(slip)}, {Status: new(incident.Active)},
		},
		"tags: remove them by Edit first": {
			{AddTags: []string{slip}}, {RemoveTags: []string{slip}},
		},
		"title of alert siem:1: change it by EditAlerts first":              {},
		"description of alert siem:1: change it by EditAlerts first":        {},
		"recommendedActions of alert siem:1: change it by EditAlerts first": {},
		"alerts.title: change the titles of its alerts by EditAlerts first": {},
		"name: change it by Edit first, of a name from an alert":            {},
	} {
		d := twoIncidents(t)
		ofAlert := strings.Contains(detail, "alert")
		if ofAlert {
			require.NoError(t, title(d, slip))
		} else {
			d.edit(t, "a", c[0])
		}
		before := slices.Clone(d.log)
		var details []string
		for _, id := range d.saying(t, slip) {
			_, err := d.tryRedact(t, id)
			require.ErrorIs(t, err, incident.ErrCurrent, detail)
			require.ErrorIs(t, err, incident.ErrRefused)
			refused, ok := errors.AsType[*incident.RefusedError](err)
			require.True(t, ok)
			for _, r := range refused.Refusals {
				assert.EqualValues(t, "a", r.Incident)
				details = append(details, r.Detail)
			}
		}
		detail, _, _ = strings.Cut(detail, ", of")
		assert.True(t, slices.ContainsFunc(details, func(said string) bool { return strings.HasPrefix(said, detail) }), detail)
		assert.Equal(t, before, d.log)

		if ofAlert {
			require.NoError(t, title(d, other))
		} else {
			d.edit(t, "a", c[1])
		}
		for _, id := range d.saying(t, slip) {
			d.redact(t, id)
		}
		assert.Empty(t, d.saying(t, slip), detail)
		d.check(t)
	}
}

// A correction is redacted although its value is there still, once the entry that it corrects was. The log says the
// value anew, and tells the incident from its beginning.
func TestACorrectionIsRedacted(t *testing.T) {
	d := twoIncidents(t)
	d.edit(t, "a", incident.Edit{Name: new("slip"), Description: new("slip")})
	d.edit(t, "a", incident.Edit{Name: new("fine"), Description: new("well")})
	said := d.saying(t, "slip")
	require.Len(t, said, 4)
	for _, id := range said[2:] {
		_, err := d.tryRedact(t, id)
		require.ErrorIs(t, err, incident.ErrCurrent, "what it corrects is there still")
	}
	for _, id := range said {
		d.redact(t, id)
	}
	assert.Empty(t, d.saying(t, "slip"))
	var left []activity.Change
	for _, e := range d.log[len(d.log)-2:] {
		left = append(left, e.Changes...)
	}
	assert.Equal(t, []activity.Change{
		{Field: "name", Before: `"fine"`, After: `"fine"`}, {Field: "description", Before: `"well"`, After: `"well"`},
	}, left)
	d.check(t)
	d.edit(t, "a", incident.Edit{Name: new("better")})
	d.check(t)
}

// A tag that an entry added beside another does not keep the other from being redacted. The log records it anew.
func TestTagsThatARedactionLeaves(t *testing.T) {
	d := twoIncidents(t)
	d.edit(t, "a", incident.Edit{AddTags: []string{"slip", "fin"}})
	d.edit(t, "a", incident.Edit{RemoveTags: []string{"slip"}})
	for _, id := range d.saying(t, "slip") {
		d.redact(t, id)
	}
	assert.Empty(t, d.saying(t, "slip"))
	d.check(t)
	last := d.log[len(d.log)-1]
	left := activity.Value(`[{"name":"fin"},{"name":"vip"}]`)
	assert.Contains(t, last.Changes, activity.Change{Field: "tags", Before: left, After: left})
	d.edit(t, "a", incident.Edit{AddTags: []string{"more"}})
	d.check(t)
}

// An incident that was merged away cannot be edited, and loses the text with its entry. What comes of the end of the
// merge then is not what was redacted.
func TestTextsOfAnIncidentThatWasMergedAway(t *testing.T) {
	d := twoIncidents(t)
	d.edit(t, "b", incident.Edit{Name: new("slip n"), Description: new("slip d"), AddTags: []string{"slip t"}})
	require.NoError(t, d.merge(t, "a", "b"))
	d.edit(t, "a", incident.Edit{RemoveTags: []string{"slip t"}})
	for _, id := range d.saying(t, "slip") {
		d.redact(t, id)
	}
	assert.Empty(t, d.saying(t, "slip"))
	b := d.incidents["b"]
	assert.Zero(t, b.Name)
	assert.Zero(t, b.Description)
	assert.False(t, b.HasTag("slip t"))
	assert.True(t, b.HasTag("fin"))
	assert.True(t, b.HasTag(incident.RedirectedTag))
	d.check(t)

	require.NoError(t, d.unmerge(t, "b"))
	b = d.incidents["b"]
	assert.Equal(t, incident.GenerateName(b.Alerts), b.Name)
	assert.True(t, b.HasTag("fin"))
	assert.False(t, b.HasTag(incident.RedirectedTag))
	a := d.incidents["a"]
	assert.True(t, a.HasTag("fin"), "which it may have had before")
	d.check(t)
}

// The reason of a redaction is redacted too, wherever it was copied.
func TestTheReasonOfARedaction(t *testing.T) {
	d := twoIncidents(t)
	d.comment(t, "a", "a secret")
	d.redact(t, d.log[len(d.log)-1].ID)
	reason := d.log[len(d.log)-1]
	require.NoError(t, d.merge(t, "b", "a"))
	copies := slices.DeleteFunc(d.logOf("b"), func(e activity.Entry) bool { return e.Type != activity.Redacted })
	require.Len(t, copies, 1)
	d.redact(t, copies[0].ID)
	last := d.log[len(d.log)-1]
	assert.Equal(t, activity.Redacted, last.Type)
	assert.Equal(t, reason.ID, last.Subject)
	assert.Empty(t, d.entry(t, reason.ID).Text)
	assert.Empty(t, d.entry(t, copies[0].ID).Text)
	d.check(t)
}
