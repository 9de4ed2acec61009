package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// TestMigrateAtOnce: ten processes start on an empty database at the same time, and one of them makes the schema.
func TestMigrateAtOnce(t *testing.T) {
	at := database(t)
	stores := make([]*postgres.Store, 10)
	require.NoError(t, concurrently(len(stores), func(n int) (err error) {
		stores[n], err = postgres.Open(t.Context(), at, nil)
		return err
	}))
	for _, s := range stores {
		_, err := s.Apply(t.Context(), storage.Changeset{})
		assert.NoError(t, err)
		assert.NoError(t, s.Close())
	}
	files, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	var applied int
	require.NoError(t, connect(t, at).QueryRow(t.Context(), "select count(*) from incidentkit.schema_version").Scan(&applied))
	assert.Equal(t, len(files), applied)
}

// TestNewerSchema: a schema from the future is left alone, and the error says both versions.
func TestNewerSchema(t *testing.T) {
	at := database(t)
	require.NoError(t, open(t, at, "").Close())
	pool := connect(t, at)
	_, err := pool.Exec(t.Context(), "insert into incidentkit.schema_version (version) values (99)")
	require.NoError(t, err)
	_, err = postgres.New(t.Context(), pool, nil)
	assert.ErrorContains(t, err, "version 99")
	assert.ErrorContains(t, err, "up to 6")
}

// older returns the DSNs of a database of the first version for its owner and for an application, with the rows of the
// tenant "default" that Changesets make, and with row-level security where it is secured.
func older(t *testing.T, secured bool, all ...storage.Changeset) (owner, app string) {
	owner, app = roles(t)
	s, err := postgres.Open(t.Context(), owner, nil)
	require.NoError(t, err)
	for _, cs := range all {
		_, err := s.Apply(t.Context(), cs)
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	first, err := os.ReadFile("migrations/0001.sql")
	require.NoError(t, err)
	turnOn := ""
	if secured {
		turnOn = "execute format('alter table incidentkit.%I enable row level security, force row level security', t);"
	}
	_, err = connect(t, owner).Exec(t.Context(), `
		alter schema incidentkit rename to later;
		create schema incidentkit;
		create table incidentkit.schema_version (
			version integer primary key, applied timestamptz not null default now());
		insert into incidentkit.schema_version (version) values (1);`+string(first)+`;
		do $$ declare t text; columns text; begin
			for t, columns in select table_name, string_agg(quote_ident(column_name), ', ')
				from information_schema.columns
				where table_schema = 'incidentkit' and table_name <> 'schema_version' group by table_name loop
				execute format('insert into incidentkit.%I (%s) select %s from later.%I', t, columns, columns, t);
				`+turnOn+`
			end loop;
		end $$;
		drop schema later cascade`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	return owner, app
}

// TestMigrateEntries: entries that the first version has written know afterwards which part of which command they are of
// and which version came of it.
func TestMigrateEntries(t *testing.T) {
	for _, secured := range []bool{false, true} {
		fewDays(t, func(rt *rapid.T) {
			day := memory.New()
			defer day.Close()
			anyday.New(t.Context(), rt, day).Happen(30)
			_, _, want := dump(t, day)
			old := make([]activity.Entry, len(want))
			for n := range want {
				e := &want[n]
				e.Digest, e.AlertDigest, e.Seal, e.Actor.OnBehalfOf = activity.Digest{}, activity.Digest{}, activity.Seal{}, ""
				old[n] = *e
				old[n].Part, old[n].Index, old[n].Version = "", 0, 0
			}
			owner, _ := older(t, secured, storage.Changeset{Activity: old})
			require.NoError(t, open(t, owner, "").Close())
			s, err := postgres.Open(t.Context(), superuser(owner), nil)
			require.NoError(t, err)
			_, _, got := dump(t, s)
			require.NoError(t, s.Close())
			for _, entries := range [][]activity.Entry{want, got} {
				for n := range entries {
					e := &entries[n]
					imported := strings.Contains(string(e.ID), "/comment/") || e.Origin != "" && strings.Contains(string(e.Subject), "/comment/")
					if imported || e.Origin != "" && e.Type == activity.Redacted {
						// An imported comment may be alone in its command, and a copy of a redaction names what was redacted.
						e.Part, e.Index = "", 0
					}
				}
			}
			require.Equal(rt, want, got)
		})
	}
}

// superuser returns the DSN of one for whom no row-level security holds.
func superuser(at string) string {
	return regexp.MustCompile("user=[a-z0-9]+").ReplaceAllString(at, "user=postgres")
}

// TestMigrateRows: a database of the first version is brought up to date with the rows that it has, and the new table
// has row-level security where the others do. The keys that alerts have are older than every Guard.
func TestMigrateRows(t *testing.T) {
	cs := changeset("old")
	cs.Items = nil
	more := one("i2")
	for _, secured := range []bool{false, true} {
		owner, app := older(t, secured, cs, more)
		_, err := postgres.Open(t.Context(), app, nil)
		require.Error(t, err, "who is not the owner brings nothing up to date")
		require.NoError(t, open(t, owner, "").Close())
		var on bool
		sql := "select bool_and(relrowsecurity and relforcerowsecurity) from pg_class " +
			"where oid = 'incidentkit.items'::regclass"
		require.NoError(t, connect(t, owner).QueryRow(t.Context(), sql).Scan(&on))
		assert.Equal(t, secured, on)
		s, err := postgres.Open(t.Context(), app, &postgres.Options{RowSecurity: secured})
		require.NoError(t, err)
		incidents, alerts, entries := dump(t, s)
		assert.Len(t, incidents, 2)
		assert.Len(t, alerts, 1)
		assert.Len(t, entries, 2)
		keys := alerts[0].Keys()
		var stamps int64
		sql = "select coalesce(sum(stamp), -1) from incidentkit.sightings"
		require.NoError(t, connect(t, superuser(owner)).QueryRow(t.Context(), sql).Scan(&stamps))
		assert.Zero(t, stamps)
		guard := storage.Guard{Keys: keys}
		_, err = s.Apply(t.Context(), storage.Changeset{
			Guard: guard,
			Items: []storage.Item{{Kind: "k", Key: "k", Data: []byte("new")}},
		})
		require.NoError(t, err)
		added := guarded("new", "d", 0)
		_, err = s.Apply(t.Context(), added)
		require.NoError(t, err)
		_, err = s.Apply(t.Context(), storage.Changeset{Guard: guard})
		assert.Equal(t, &storage.ConflictError{Record: "key", ID: "device:d", Given: 0, Stored: 3}, err)
		view(t, s, func(r storage.Reader) {
			i, err := r.Item(t.Context(), "k", "k")
			require.NoError(t, err)
			assert.Equal(t, "new", string(i.Data))
			seq, err := r.Seq(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, 3, seq)
		})
		require.NoError(t, s.Close())
	}
}

// TestMigrateOwners: owners of a database of the first version are found in every spelling, beyond ASCII too.
func TestMigrateOwners(t *testing.T) {
	var cs storage.Changeset
	ids := []string{"Kai@contoso.com", "kai@contoso.com", "ÅSA@contoso.com", "A\u030Asa@contoso.com", "K\x01É"}
	for n, id := range ids {
		i := incident.Incident{ID: incident.ID(strconv.Itoa(n)), Owner: incident.Owner{ID: id}}
		cs.Incidents = append(cs.Incidents, i)
	}
	for _, secured := range []bool{false, true} {
		owner, app := older(t, secured, cs)
		for _, i := range cs.Incidents { // as the first version has kept it
			const sql = "update incidentkit.incidents set owner = $2 where id = $1"
			raw := strings.ReplaceAll(i.Owner.ID, "\x01", "\x01\x04")
			_, err := connect(t, superuser(owner)).Exec(t.Context(), sql, string(i.ID), raw)
			require.NoError(t, err)
		}
		require.NoError(t, open(t, owner, "").Close())
		s, err := postgres.Open(t.Context(), app, &postgres.Options{RowSecurity: secured})
		require.NoError(t, err)
		view(t, s, func(r storage.Reader) {
			wanted := map[string]int{"KAI@contoso.com": 2, "åsa@CONTOSO.com": 2, "k\x01é": 1, "k": 0}
			for owner, want := range wanted {
				n, err := storage.Count(t.Context(), r, incident.Query{Owners: []string{owner}})
				require.NoError(t, err)
				assert.Equal(t, want, n, "%q", owner)
			}
		})
		require.NoError(t, s.Close())
	}
}

// TestMigrateAlerts: alerts of a database of the first version are found by source, category and title, of however many
// rows and whatever their texts hold.
func TestMigrateAlerts(t *testing.T) {
	texts := []string{"", "a", "Straße 100%_a\\", "A\u030Asa \x00\x01 É", "\x04"}
	var cs storage.Changeset
	for n := range 2500 {
		text := texts[n%len(texts)]
		cs.Alerts = append(cs.Alerts, alert.Alert{
			ID: alert.ID(strconv.Itoa(n)), Origin: alert.Origin{Source: text}, Category: text, Title: text,
		})
	}
	cs.Alerts[0].ID = ""
	for _, secured := range []bool{false, true} {
		owner, app := older(t, secured, cs)
		require.NoError(t, open(t, owner, "").Close())
		s, err := postgres.Open(t.Context(), app, &postgres.Options{RowSecurity: secured})
		require.NoError(t, err)
		view(t, s, func(r storage.Reader) {
			queries := []alert.Query{
				{Title: "STRASSE"}, {Title: "åsa"}, {Title: "\x00"}, {Title: "\x04"}, {Title: "\x01 é"},
			}
			for _, text := range texts {
				queries = append(queries, alert.Query{Sources: []string{text}}, alert.Query{Categories: []string{text}})
			}
			for _, q := range queries {
				n, err := storage.CountAlerts(t.Context(), r, q)
				require.NoError(t, err)
				assert.Equal(t, 500, n, "%+v", q)
			}
		})
		require.NoError(t, s.Close())
	}
}

// A storedKey is the primary key of a row of the table of sightings, a storedSight what else stands there.
type (
	storedKey   struct{ tenant, alert, key string }
	storedSight struct {
		incident   string
		at         int64
		standalone bool
		stamp      int64
	}
)

func storedKeys(t *testing.T, pool *pgxpool.Pool) map[storedKey]storedSight {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select tenant, alert, encode(key, 'hex'),
		incident, first_activity, standalone, stamp from incidentkit.sightings`)
	require.NoError(t, err)
	all := make(map[storedKey]storedSight)
	var k storedKey
	var v storedSight
	places := []any{&k.tenant, &k.alert, &k.key, &v.incident, &v.at, &v.standalone, &v.stamp}
	_, err = pgx.ForEachRow(rows, places, func() error { all[k] = v; return nil })
	require.NoError(t, err)
	return all
}

// TestMigrateKeys: a database of the version before, whose alerts are found by keys that they do not have, or not by
// those that they have, is put right for all tenants, of however many rows. What stays keeps its stamp. Row-level
// security is as it was.
func TestMigrateKeys(t *testing.T) {
	for _, secured := range []bool{false, true} {
		owner, _ := roles(t)
		for n, tenant := range []string{"a", "b"} {
			s, err := postgres.Open(t.Context(), owner, &postgres.Options{Tenant: tenant, RowSecurity: secured})
			require.NoError(t, err)
			for k := range 2 {
				cs := storage.Changeset{Activity: []activity.Entry{{ID: activity.ID(strconv.Itoa(k))}}}
				for m := range 150 + 100*n {
					a := alert.Alert{
						ID:            alert.ID(fmt.Sprintf("%d\x00\x01/%d", k, m)),
						Incident:      incident.ID(strconv.Itoa(m % 3)),
						FirstActivity: origin.Add(time.Duration(m) * time.Hour),
						Standalone:    m%5 == 0,
					}
					for e := range m % 4 {
						d := alert.Device{DeviceID: strconv.Itoa(m * e % 7)}
						a.Evidence = append(a.Evidence, alert.Evidence{Entity: d})
					}
					cs.Alerts = append(cs.Alerts, a)
				}
				_, err = s.Apply(t.Context(), cs)
				require.NoError(t, err)
			}
			require.NoError(t, s.Close())
		}
		pool := connect(t, superuser(owner))
		want := storedKeys(t, pool)
		require.Greater(t, len(want), 1200)
		for _, plant := range []string{
			"select",
			"delete from incidentkit.sightings where length(alert) % 2 = 0",
			`insert into incidentkit.sightings
				select tenant, sha256(key), alert, incident, first_activity, standalone, 7 from incidentkit.sightings`,
			"update incidentkit.sightings set key = sha256(key) where alert like '%1'",
			"update incidentkit.sightings set first_activity = first_activity + 1 where alert like '%2'",
			"update incidentkit.sightings set incident = '1' where tenant = 'b'",
			"update incidentkit.sightings set standalone = not standalone where alert like '%3'",
			"delete from incidentkit.sightings",
		} {
			_, err := pool.Exec(t.Context(), plant)
			require.NoError(t, err)
			planted := storedKeys(t, pool)
			_, err = pool.Exec(t.Context(), "delete from incidentkit.schema_version where version = 6")
			require.NoError(t, err)
			require.NoError(t, open(t, owner, "").Close())
			for k, v := range want {
				v.stamp = planted[k].stamp // 0 where it is new
				want[k] = v
			}
			require.Equal(t, want, storedKeys(t, pool), plant)
			var forced int
			require.NoError(t, pool.QueryRow(t.Context(), `select count(*) from pg_class where relforcerowsecurity
				and oid = any('{incidentkit.alerts, incidentkit.sightings}'::regclass[])`).Scan(&forced))
			assert.Equal(t, map[bool]int{true: 2}[secured], forced)
		}
	}
}

// TestPoolOfCaller: the caller's pool outlives the Store.
func TestPoolOfCaller(t *testing.T) {
	pool := connect(t, dsn(t))
	s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: tenant(t)})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.NoError(t, pool.Ping(t.Context()))
}

// TestNotUTF8: a database that cannot hold every text is refused.
func TestNotUTF8(t *testing.T) {
	at := dsn(t)
	pool := connect(t, at)
	_, err := pool.Exec(t.Context(), "drop database if exists latin")
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'")
	require.NoError(t, err)
	_, err = postgres.Open(t.Context(), at+" dbname=latin", nil)
	assert.ErrorContains(t, err, "LATIN1")
}

// TestMigrationsAreNumbered: files are applied in the order of their names, which are their numbers.
func TestMigrationsAreNumbered(t *testing.T) {
	for _, folder := range []string{"migrations", "directory"} {
		files, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for n, f := range files {
			assert.Equal(t, filepath.Base(f.Name())[:4], fmt.Sprintf("%04d", n+1))
		}
	}
}
