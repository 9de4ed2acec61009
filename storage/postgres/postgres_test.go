package postgres_test

import (
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

// TestStorage runs the suite. Its storages are tenants of one database, so that each case also sees whether the
// others' rows stay out of it.
func TestStorage(t *testing.T) {
	t.Parallel()
	at := dsn(t)
	another := func(t *testing.T, tenant string) storage.Storage {
		return handle{open(t, at+" pool_max_conns=45", tenant), tenant}
	}
	storagetest.Run(t, func(t *testing.T) storage.Storage { t.Parallel(); return another(t, tenant(t)) },
		storagetest.Reopen(func(t *testing.T, s storage.Storage) storage.Storage { return another(t, s.(handle).tenant) }))
}

// A handle is a Store that knows its tenant.
type handle struct {
	*postgres.Store
	tenant string
}
