package postgres_test

import (
	"flag"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
	"github.com/incidentkit/incidentkit/storage/storagetest"
)

// open returns a Store of a tenant in the database that all tests share.
func open(t testing.TB, at, tenant string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), at, &postgres.Options{Tenant: tenant})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

var long = flag.Bool("long", false, "run the whole suite")

// TestStorage runs the suite. Its storages are tenants of one database, so that each case also sees whether the
// others' rows stay out of it. The second handle of a case has all at once that the first goes without: a role that is
// subject to row-level security, a pooler that gives each transaction another connection than the one before, and
// statements that are not prepared, in each of the ways that pgx has for that. With -long, as the gate
// asks, the cases that take long and those through two handles run as well.
func TestStorage(t *testing.T) {
	t.Parallel()
	at := database(t)
	owner, app := rolesIn(t, at)
	s, err := postgres.Open(t.Context(), owner, &postgres.Options{RowSecurity: true})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	pooled := pooler(t, app)
	first := func(t *testing.T) storage.Storage {
		t.Parallel()
		tenant := tenant(t)
		return handle{open(t, at+" pool_max_conns=45", tenant), tenant}
	}
	var handles atomic.Int64
	another := func(t *testing.T, s storage.Storage) storage.Storage {
		tenant, mode := s.(handle).tenant, modes[1+handles.Add(1)%3]
		other, err := postgres.Open(
			t.Context(),
			pooled+" pool_max_conns=6 default_query_exec_mode="+mode,
			&postgres.Options{Tenant: tenant, RowSecurity: true},
		)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, other.Close()) })
		return handle{other, tenant}
	}
	options := []storagetest.Option{storagetest.Reopen(another)}
	if !*long {
		options = append(options, storagetest.Again())
	}
	t.Run("Suite", func(t *testing.T) { storagetest.Run(t, first, options...) })
	assertAllClean(t, pooled)
}

// A handle is a Store that knows its tenant.
type handle struct {
	*postgres.Store
	tenant string
}
