package anyday

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Forget takes some of the texts that were typed out of s, the storage of d: it changes the records that have one
// still, redacts all entries that say it, and sees that nothing is left of it. It returns these texts.
func (d *Day) Forget(s storage.Storage) []string {
	log := strings.Join(texts(d, d.Manager.Activity(d.ctx, kai, activity.Query{})), "\n")
	said := slices.DeleteFunc(slices.Clone(d.slips), func(slip string) bool { return !strings.Contains(log, slip) })
	if len(said) == 0 {
		return nil
	}
	gone := rapid.SliceOfNDistinct(rapid.SampledFrom(said), 1, 3, rapid.ID[string]).Draw(d.t, "to forget")
	for _, slip := range gone {
		for rounds := 0; d.redact(slip); rounds++ {
			require.Less(d.t, rounds, 5, "%s is never gone", slip)
		}
		for _, record := range records(d, s) {
			require.NotContains(d.t, record, slip)
		}
	}
	return gone
}

// redact redacts all entries that say slip, and reports whether there are any. Records that say it, or keep an entry
// from being redacted, are changed, which is logged.
func (d *Day) redact(slip string) (any bool) {
	var say []incident.ID
	for i, err := range d.Manager.Incidents(d.ctx, kai, everyIncident()) {
		require.NoError(d.t, err)
		if strings.Contains(textOf(d, i), slip) {
			say = append(say, i.ID)
		}
	}
	for a, err := range d.Manager.Alerts(d.ctx, kai, alert.Query{}) {
		require.NoError(d.t, err)
		if strings.Contains(textOf(d, a), slip) {
			say = append(say, a.Incident)
		}
	}
	for _, id := range say {
		d.change(id, "")
	}
	var entries []activity.Entry
	for e, err := range d.Manager.Activity(d.ctx, kai, activity.Query{}) {
		require.NoError(d.t, err)
		if strings.Contains(textOf(d, e), slip) {
			entries = append(entries, e)
		}
	}
	for _, e := range entries {
		d.minutes++
		_, err := d.Manager.Redact(d.ctx, kai, e.ID, "")
		if refused, ok := errors.AsType[*incident.RefusedError](err); ok {
			for _, r := range refused.Refusals {
				require.ErrorIs(d.t, r, incident.ErrCurrent)
				d.change(r.Incident, e.Alert)
			}
			_, err = d.Manager.Redact(d.ctx, kai, e.ID, "")
		}
		require.NoError(d.t, err, "%+v", e)
	}
	return len(entries) > 0
}

// change gives an incident with its alerts, and an alert that may have left it, other texts.
func (d *Day) change(id incident.ID, left alert.ID) {
	i, err := d.Manager.Incident(d.ctx, kai, id)
	require.NoError(d.t, err)
	d.minutes++
	other := fmt.Sprint("other ", d.minutes)
	e := incident.Edit{Name: &other, Description: new("")}
	if i.Status == incident.Resolved {
		e.Note = &other
	}
	for _, t := range i.Tags {
		e.RemoveTags = append(e.RemoveTags, t.Name)
	}
	_, err = d.Manager.Edit(d.ctx, kai, id, e)
	require.NoError(d.t, err)
	var alerts []alert.ID
	if left != "" {
		alerts = append(alerts, left)
	}
	for a, err := range d.Manager.Alerts(d.ctx, kai, alert.Query{Incidents: []incident.ID{i.ID}}) {
		require.NoError(d.t, err)
		alerts = append(alerts, a.ID)
	}
	texts := incident.AlertEdit{Title: &other, Description: new(""), RecommendedActions: new("")}
	_, err = d.Manager.EditAlerts(d.ctx, kai, alerts, texts)
	require.NoError(d.t, err)
}

// records returns all that s holds, as JSON.
func records(d *Day, s storage.Storage) (all []string) {
	require.NoError(d.t, s.View(d.ctx, func(r storage.Reader) error {
		all = slices.Concat(
			texts(d, r.Incidents(d.ctx, incident.Query{})), texts(d, r.Alerts(d.ctx, alert.Query{})),
			texts(d, r.Activity(d.ctx, activity.Query{})), texts(d, r.Items(d.ctx, storage.ItemQuery{})),
		)
		return nil
	}))
	return all
}

func texts[T any](d *Day, records iter.Seq2[T, error]) (all []string) {
	for r, err := range records {
		require.NoError(d.t, err)
		all = append(all, textOf(d, r))
	}
	return all
}

func textOf(d *Day, record any) string {
	text, err := json.Marshal(record)
	require.NoError(d.t, err)
	return string(text)
}
