package sqlite_test

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// A storedKey is the primary key of a row of alert_keys, a storedSight what else stands there.
type (
	storedKey struct {
		key, alert string
		at         int64
	}
	storedSight struct {
		incident   string
		standalone bool
		added      int64
	}
)

func storedKeys(t *testing.T, path string) map[storedKey]storedSight {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	rows, err := db.QueryContext(t.Context(), `SELECT key, alert, first_activity, incident, standalone, added
		FROM alert_keys`)
	require.NoError(t, err)
	all := make(map[storedKey]storedSight)
	for rows.Next() {
		var k storedKey
		var v storedSight
		require.NoError(t, rows.Scan(&k.key, &k.alert, &k.at, &v.incident, &v.standalone, &v.added))
		all[k] = v
	}
	require.NoError(t, cmp.Or(rows.Err(), rows.Close(), db.Close()))
	return all
}

// seenHosts returns n alerts of an incident, each with so many hosts, some of which others have too.
func seenHosts(in incident.ID, n, each int) (alerts []alert.Alert) {
	for k := range n {
		a := alert.Alert{ID: alert.ID(fmt.Sprintf("%s\x00/%d", in, k)), Incident: in, Title: "t", Standalone: k%5 == 0}
		a.FirstActivity = day.Add(time.Duration(k/2) * time.Hour)
		var names []string
		for host := range each {
			names = append(names, fmt.Sprintf("h%d-%s", k%3*host, in))
		}
		a.Evidence = hosts(names)
		alerts = append(alerts, a)
	}
	return alerts
}

// A file whose alerts are found by keys that they do not have, or not by those that they have, is put right when it is
// brought up to date, of however many rows an incident has. What stays keeps its stamp.
func TestAFileWithOtherKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	all := [][]alert.Alert{seenHosts("", 7, 3), seenHosts("big", 1500, 12), seenHosts("small", 40, 4)}
	for n, alerts := range all {
		cs := storage.Changeset{Alerts: alerts, Activity: []activity.Entry{{ID: activity.ID(fmt.Sprint(n))}}}
		_, err := s.Apply(t.Context(), cs)
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	want := storedKeys(t, path)
	require.Greater(t, len(want), 12_000)
	for _, plant := range []struct{ what, sql string }{
		{"nothing", `SELECT 1`},
		{"missing", `DELETE FROM alert_keys WHERE first_activity / 3600000000 % 2 = 0`},
		{"extra", `INSERT INTO alert_keys
			SELECT 'old:' || key, first_activity, alert, incident, standalone, 7 FROM alert_keys`},
		{"another spelling", `UPDATE alert_keys SET key = upper(key) WHERE key LIKE '%1-%'`},
		{"another time", `UPDATE alert_keys SET first_activity = first_activity + 1 WHERE incident = 'small'`},
		{"another incident", `UPDATE alert_keys SET incident = 'big' WHERE incident = 'small' AND key LIKE '%1-%'`},
		{"standalone", `UPDATE alert_keys SET standalone = 1 - standalone WHERE key LIKE '%0-%'`},
		{"all gone", `DELETE FROM alert_keys`},
	} {
		change(t, path, plant.sql)
		planted := storedKeys(t, path)
		change(t, path, `PRAGMA user_version = 8`)
		require.NoError(t, open(t, path, nil).Close(), plant.what)
		for k, v := range want {
			v.added = planted[k].added // 0 where it is new
			want[k] = v
		}
		require.Equal(t, want, storedKeys(t, path), plant.what)
		requireWhole(t, open(t, path, nil))
	}
}

// What the program cannot read keeps a file at its version, with the keys that it has.
func TestAFileThatCannotBeRekeyed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, nil)
	_, err := s.Apply(t.Context(), storage.Changeset{Alerts: seenHosts("one", 4, 2)})
	require.NoError(t, errors.Join(err, s.Close()))
	change(t, path, `UPDATE alert_keys SET key = 'old:' || key; PRAGMA user_version = 8`)
	change(t, path, `UPDATE alerts SET evidence = '{' || evidence WHERE place = 3`)
	want := storedKeys(t, path)
	_, err = sqlite.Open(t.Context(), path, nil)
	require.ErrorContains(t, err, "0009_keys.sql")
	assert.Equal(t, want, storedKeys(t, path))
	change(t, path, `UPDATE alerts SET evidence = substr(evidence, 2) WHERE place = 3`)
	require.NoError(t, open(t, path, nil).Close())
	assert.NotEqual(t, want, storedKeys(t, path))
}

// The sightings of an entity are read from an index in their order, from either end, without a sort.
func TestPlansOfSightings(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), nil)
	key := []alert.Key{"device:d"}
	const (
		byKey  = "SEARCH alert_keys USING PRIMARY KEY (key=?"
		within = "SEARCH alert_keys USING COVERING INDEX alert_keys_incident (incident=? AND key=?"
		bounds = " AND first_activity>? AND first_activity<?"
	)
	for _, newest := range []bool{false, true} {
		for _, c := range []struct {
			q    storage.SightingQuery
			want string
		}{
			{storage.SightingQuery{Entities: key, Limit: 10}, byKey + ")"},
			{storage.SightingQuery{Entities: key, Since: day, Until: day.Add(1)}, byKey + bounds + ")"},
			{storage.SightingQuery{Entities: key, Incident: "one", Limit: 10}, within + ")"},
			{storage.SightingQuery{Entities: key, Incident: "one", Since: day, Until: day.Add(1)},
				within + bounds + ")"},
		} {
			c.q.Newest = newest
			steps, err := s.SightingPlan(t.Context(), c.q)
			require.NoError(t, err)
			assert.Equal(t, []string{c.want}, steps, "%+v", c.q)
		}
	}
}
