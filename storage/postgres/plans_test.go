package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
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

// TestPlansOfItems: items are read in the order of their key, found by incident, by kind and time, and the last stamp
// of a key from its index, all of them also by plans that are made for any arguments, as a transaction has them.
func TestPlansOfItems(t *testing.T) {
	at := database(t)
	s, pool := open(t, at, ""), connect(t, at+" pool_max_conns=1")
	cs := storage.Changeset{Activity: []activity.Entry{{ID: "e"}}}
	for n := range 5000 {
		cs.Items = append(cs.Items, storage.Item{
			Kind:     fmt.Sprint("k", n%3),
			Key:      fmt.Sprint(n),
			Incident: incident.ID(fmt.Sprint(n / 5)),
			Time:     origin.Add(time.Duration(n) * time.Second),
		})
		cs.Alerts = append(cs.Alerts, alert.Alert{
			ID:       alert.ID(fmt.Sprint(n)),
			Evidence: []alert.Evidence{{Entity: alert.IP{Address: fmt.Sprint("192.0.2.", n%2)}}},
		})
	}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "analyze; set plan_cache_mode = force_generic_plan")
	require.NoError(t, err)
	explain := func(sql string, args ...any) string {
		rows, err := pool.Query(t.Context(), sql, args...)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return strings.Join(lines, "\n")
	}
	for _, c := range []struct {
		index string
		q     storage.ItemQuery
	}{
		{"items_pkey", storage.ItemQuery{}},
		{"items_pkey", storage.ItemQuery{Kinds: []string{"k1"}}},
		{"items_pkey", storage.ItemQuery{Kinds: []string{"k1"}, After: storage.ItemPlace{Kind: "k1", Key: "7"}}},
		{"items_incident", storage.ItemQuery{Incidents: []incident.ID{"7"}}},
		{"items_time", storage.ItemQuery{Kinds: []string{"k1"}, Before: origin.Add(time.Minute)}},
	} {
		sql, args := postgres.ItemPage("default", c.q, 30)
		plan := explain("explain "+sql, args...)
		assert.Contains(t, plan, c.index, "%+v", c.q)
		assert.NotContains(t, plan, "Seq Scan on items", "%+v", c.q)
	}
	for n, c := range []struct {
		sql, arguments string
		indexes        []string
	}{
		{postgres.LockItems, "'default', '{k1}', '{7}'", []string{"items_pkey"}},
		{postgres.LockGone, "'default', '{k1}', '{7}', '{7}', '{k1}', '{7}'",
			[]string{"items_pkey", "items_incident", "items_time"}},
		{postgres.PurgeItems, "'default', '{7}'", []string{"items_incident"}},
		{postgres.ExpireItems, "'default', 'k1', 7", []string{"items_time"}},
		{postgres.UpdateItem, `'default', 'k1', '7', 2, '', 7, '\x'`, []string{"items_pkey"}},
		{postgres.FindStamps, `'default', '{\x00}'`, []string{"sightings_stamp"}},
		{postgres.FindHad, `'default', '{7}', '{\x00}'`, []string{"sightings_pkey"}},
	} {
		_, err := pool.Exec(t.Context(), fmt.Sprintf("prepare s%d as %s", n, c.sql))
		require.NoError(t, err)
		plan := explain(fmt.Sprintf("explain execute s%d (%s)", n, c.arguments))
		for _, index := range c.indexes {
			assert.Contains(t, plan, index, c.sql)
		}
		assert.NotContains(t, plan, "Seq Scan on items", c.sql)
		assert.NotContains(t, plan, "Seq Scan on sightings", c.sql)
	}
}

// TestPlansOfSightings: sightings of an entity are read from an index in their order, from either end, and no more of
// them than the page has, also by plans that are made for any arguments.
func TestPlansOfSightings(t *testing.T) {
	at := database(t)
	s, pool := open(t, at, ""), connect(t, at+" pool_max_conns=1")
	var cs storage.Changeset
	for n := range 5000 {
		cs.Alerts = append(cs.Alerts, alert.Alert{
			ID:            alert.ID(fmt.Sprint(n)),
			Incident:      incident.ID(fmt.Sprint(n / 500)),
			FirstActivity: origin.Add(time.Duration(n) * time.Second),
			Evidence:      []alert.Evidence{{Entity: alert.IP{Address: "192.0.2.1"}}},
		})
	}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "vacuum analyze incidentkit.sightings")
	require.NoError(t, err)
	key := []alert.Key{"ip:192.0.2.1"}
	behind := &storage.Sighting{Alert: "2500", First: cs.Alerts[2500].FirstActivity}
	early, late := origin.Add(time.Minute), origin.Add(time.Hour)
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		_, err = pool.Exec(t.Context(), "set plan_cache_mode = "+mode)
		require.NoError(t, err)
		for _, c := range []struct {
			index string
			q     storage.SightingQuery
			after *storage.Sighting
		}{
			{"sightings_time", storage.SightingQuery{}, nil},
			{"sightings_time", storage.SightingQuery{}, behind},
			{"sightings_time", storage.SightingQuery{Since: early, Until: late}, behind},
			{"sightings_incident", storage.SightingQuery{Incident: "5"}, nil},
			{"sightings_incident", storage.SightingQuery{Incident: "5", Since: early, Until: late}, behind},
		} {
			for _, newest := range []bool{false, true} {
				c.q.Entities, c.q.Newest = key, newest
				sql, args := postgres.SightingPage("default", c.q, c.after, 30)
				rows, err := pool.Query(t.Context(), "explain "+sql, args...)
				require.NoError(t, err)
				lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
				require.NoError(t, err)
				plan := strings.Join(lines, "\n")
				scan := "Index Only Scan using "
				if newest {
					scan = "Index Only Scan Backward using "
				}
				assert.Contains(t, plan, scan+c.index, "%s %+v", mode, c.q)
				assert.NotContains(t, plan, "Sort", "%s %+v", mode, c.q)
				assert.NotContains(t, plan, "Filter", "%s %+v", mode, c.q)
			}
		}
	}
}
