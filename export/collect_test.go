package export_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

func stored(t *testing.T) storage.Storage {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	at := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	for _, id := range []incident.ID{"one", "two"} {
		origin := alert.Origin{Source: "sensor", ID: string(id)}
		a := alert.Alert{ID: origin.AlertID(), Incident: id, Origin: origin, Title: "Alert of " + string(id), FirstActivity: at}
		cmd := incident.Command{ID: "create " + string(id), By: activity.Actor{ID: "mira"}, At: at}
		e, err := incident.Create(cmd, id, incident.Draft{Name: string(id)}, []alert.Alert{a}, nil, classification.Defender())
		require.NoError(t, err)
		_, err = s.Apply(t.Context(), storage.Changeset{
			Incidents: []incident.Incident{e.Incident}, Alerts: []alert.Alert{a}, Activity: e.Activity,
		})
		require.NoError(t, err)
	}
	return s
}

// A report holds what belongs to its incident and nothing of the others.
func TestCollect(t *testing.T) {
	r, err := export.CollectFrom(t.Context(), stored(t), "two", nil)
	require.NoError(t, err)
	assert.Equal(t, "two", r.Incident.Name)
	assert.Equal(t, r.Incident.Updated, r.Generated)
	assert.Equal(t, "UTC", r.TimeZone)
	require.Len(t, r.Alerts, 1)
	assert.Equal(t, "Alert of two", r.Alerts[0].Title)
	require.NotEmpty(t, r.Activity)
	assert.Equal(t, activity.IncidentCreated, r.Activity[0].Type)
	for _, a := range r.Activity {
		assert.Equal(t, "mira", a.Actor.ID)
	}
}

// A summarizer sees the whole case, whichever sections there are beside its own.
func TestSummarizer(t *testing.T) {
	write := func(_ context.Context, s export.Section, c incident.Case, log []activity.Entry) (string, error) {
		assert.NotEmpty(t, log)
		return fmt.Sprintf("%s of %s and %d alert", s, c.Incident.Name, len(c.Alerts)), nil
	}
	s := stored(t)
	o := export.Options{Sections: []export.Section{export.IncidentReport}, Summarizer: write}
	r, err := export.CollectFrom(t.Context(), s, "two", &o)
	require.NoError(t, err)
	assert.Equal(t, "incidentReport of two and 1 alert", r.IncidentReport)
	assert.Empty(t, r.IncidentSummary)
	both, err := export.CollectFrom(t.Context(), s, "two", &export.Options{Summarizer: write})
	require.NoError(t, err)
	assert.Equal(t, "incidentSummary of two and 1 alert", both.IncidentSummary)
	assert.Empty(t, r.Activity)

	down := errors.New("model is down")
	_, err = export.CollectFrom(t.Context(), s, "two", &export.Options{
		Summarizer: func(context.Context, export.Section, incident.Case, []activity.Entry) (string, error) {
			return "", down
		},
	})
	assert.ErrorIs(t, err, down)
}

func TestCollectErrors(t *testing.T) {
	s := stored(t)
	_, err := export.CollectFrom(t.Context(), s, "three", nil)
	assert.ErrorIs(t, err, storage.ErrNotFound)
	_, err = export.CollectFrom(t.Context(), s, "one", &export.Options{Sections: []export.Section{99}})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = export.CollectFrom(ctx, s, "one", nil)
	assert.ErrorIs(t, err, context.Canceled)
}
