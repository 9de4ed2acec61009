package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// TestPlans: a page of the queue is read from the index that has its order, and rare tags and entities from theirs;
// none of them reads all incidents.
func TestPlans(t *testing.T) {
	at := database(t)
	s, pool := open(t, at, ""), connect(t, at)
	var cs storage.Changeset
	for n := range 3000 {
		when := origin.Add(time.Duration(n) * time.Minute)
		i := incident.Incident{ID: incident.ID(fmt.Sprint(n)), Created: when, Updated: when, Status: incident.Status(n % 3), Severity: alert.Severity(n % 5), Priority: n % 100,
			Tags: []incident.Tag{{Name: fmt.Sprint(n / 5)}}}
		cs.Incidents = append(cs.Incidents, i)
		cs.Alerts = append(cs.Alerts, alert.Alert{ID: alert.ID(i.ID), Incident: i.ID, Evidence: []alert.Evidence{{Entity: alert.IP{Address: fmt.Sprint("192.0.2.", n%200)}}}})
	}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "analyze")
	require.NoError(t, err)
	for index, q := range map[string]incident.Query{
		"incidents_updated":  {},
		"incidents_created":  {Sort: incident.ByCreated, Ascending: true},
		"incidents_severity": {Sort: incident.BySeverity, Statuses: []incident.Status{incident.Active}},
		"incidents_status":   {Sort: incident.ByStatus},
		"incidents_priority": {Sort: incident.ByPriority},
		"incidents_number":   {Sort: incident.ByNumber},
		"incidents_pkey":     {IDs: []incident.ID{"7"}},
		"incidents_terms":    {Tags: []string{"7"}},
		"sightings_incident": {Entities: []alert.Key{"ip:192.0.2.7"}},
	} {
		sql, args := postgres.IncidentPage("default", q, 30)
		rows, err := pool.Query(t.Context(), "explain "+sql, args...)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		plan := strings.Join(lines, "\n")
		assert.Contains(t, plan, index)
		assert.NotContains(t, plan, "Seq Scan on incidents")
		if index != "incidents_terms" && index != "incidents_pkey" && index != "sightings_incident" { // which find few
			assert.NotContains(t, plan, "Sort", index)
		}
	}
}
