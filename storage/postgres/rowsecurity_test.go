package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

var allEntries activity.Query

// assertClean says that no session of a Store is left on the connection.
func assertClean(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	var tenant, plans, isolation string
	var channels, locks int
	require.NoError(t, conn.QueryRow(t.Context(), `select coalesce(current_setting('incidentkit.tenant', true), ''), current_setting('plan_cache_mode'),
		current_setting('default_transaction_isolation'), (select count(*) from pg_listening_channels()),
		(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())`).Scan(&tenant, &plans, &isolation, &channels, &locks))
	assert.Equal(t, []any{"", "auto", "read committed", 0, 0}, []any{tenant, plans, isolation, channels, locks}, "tenant, plan cache mode, isolation, channels, advisory locks")
}

// roles returns the DSNs of an empty database for a role that owns it, and for one that may do what a Store does.
func roles(t *testing.T) (owner, app string) {
	t.Helper()
	return rolesIn(t, database(t))
}

// rolesIn is roles for a database that is there.
func rolesIn(t *testing.T, at string) (owner, app string) {
	t.Helper()
	admin := connect(t, at)
	n := server.tenants.Add(1)
	_, err := admin.Exec(t.Context(), fmt.Sprintf(`
		create role owner%[1]d login; create role app%[1]d login;
		do $$ begin execute format('alter database %%I owner to owner%[1]d', current_database()); end $$;
		alter default privileges for role owner%[1]d grant usage on schemas to app%[1]d;
		alter default privileges for role owner%[1]d grant select, insert, update, delete on tables to app%[1]d`, n))
	require.NoError(t, err)
	as := func(role string) string { return strings.Replace(at, "user=postgres", fmt.Sprint("user=", role, n), 1) }
	return as("owner"), as("app")
}

// TestRowSecurity: a role that is subject to row-level security, and speaks SQL on the Store's own connections, reads and
// writes no other tenant's rows, whatever its statement leaves out, and outside the Store's transactions none at all. The
// role that owns the tables is kept out as well.
func TestRowSecurity(t *testing.T) {
	owner, app := roles(t)
	_, err := postgres.Open(t.Context(), app, &postgres.Options{RowSecurity: true})
	require.Error(t, err, "who is not the owner makes no schema")
	for _, at := range []string{owner, app} {
		pool := connect(t, at+" pool_max_conns=1")
		var stores []*postgres.Store
		for _, name := range []string{"a", "b"} {
			s, err := postgres.New(t.Context(), pool, &postgres.Options{Tenant: name + at, RowSecurity: true})
			require.NoError(t, err)
			_, err = s.Apply(t.Context(), changeset(name))
			require.NoError(t, err)
			stores = append(stores, s)
		}
		tables := []string{
			"tenants", "incidents", "facets", "alerts", "sightings", "entries", "attachments", "contents",
			"items",
		}
		count := func(conn *pgx.Conn, table string) (n int, other bool) {
			sql := "select count(*), coalesce(bool_or(tenant <> $1), false) from incidentkit." + table
			require.NoError(t, conn.QueryRow(t.Context(), sql, "a"+at).Scan(&n, &other))
			return n, other
		}
		view(t, stores[0], func(r storage.Reader) {
			for _, table := range tables {
				n, other := count(postgres.Conn(r), table)
				assert.Positive(t, n, "rows of %s", table)
				assert.False(t, other, table)
			}
		})
		require.NoError(t, pool.AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error {
			assertClean(t, conn.Conn())
			for _, table := range tables {
				n, _ := count(conn.Conn(), table)
				assert.Zero(t, n, "rows of %s outside", table)
			}
			_, err := conn.Exec(t.Context(), "insert into incidentkit.tenants (tenant) values ('')")
			assertCode(t, "42501", err)
			return nil
		}))
		for _, table := range tables { // in a transaction of the Store's
			within := func(sql string, args ...any) (int64, error) {
				tx, err := pool.Begin(t.Context())
				require.NoError(t, err)
				defer tx.Rollback(t.Context())
				_, err = tx.Exec(t.Context(), postgres.Enter, "a"+at)
				require.NoError(t, err)
				tag, err := tx.Exec(t.Context(), sql, args...)
				return tag.RowsAffected(), err
			}
			n, err := within("delete from incidentkit." + table)
			assert.NoError(t, err)
			assert.Positive(t, n, "rows of %s to delete", table)
			n, err = within("update incidentkit."+table+" set tenant = tenant where tenant = $1", "b"+at)
			assert.NoError(t, err)
			assert.Zero(t, n, "rows of %s to update", table)
			_, err = within("update incidentkit."+table+" set tenant = $1", "b"+at)
			assertCode(t, "42501", err)
			_, err = within("insert into incidentkit."+table+" (tenant) values ($1)", "c")
			assertCode(t, "42501", err)
		}
		for _, s := range stores {
			require.NoError(t, s.Close())
		}
	}
}

func assertCode(t *testing.T, code string, err error) {
	t.Helper()
	e := new(pgconn.PgError)
	if assert.ErrorAs(t, err, &e) {
		assert.Equal(t, code, e.Code, e.Message)
	}
}

// TestRowSecurityRefuses: a Store that cannot have it is not opened.
func TestRowSecurityRefuses(t *testing.T) {
	owner, app := roles(t)
	require.NoError(t, open(t, owner, "").Close())
	_, err := postgres.Open(t.Context(), app, &postgres.Options{RowSecurity: true})
	assertCode(t, "42501", err) // which is the owner's to turn on
	_, err = postgres.Open(t.Context(), dsn(t), &postgres.Options{RowSecurity: true})
	assert.ErrorContains(t, err, "superuser")
	s, err := postgres.Open(t.Context(), owner, &postgres.Options{RowSecurity: true})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s, err = postgres.Open(t.Context(), app, &postgres.Options{RowSecurity: true})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.NoError(t, open(t, app, "").Close(), "once it is on, it is for all")
}
