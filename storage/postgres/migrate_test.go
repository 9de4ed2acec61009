package postgres_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/storage"
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
	assert.ErrorContains(t, err, "up to 2")
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
			assert.Equal(t, filepath.Base(f.Name())[:4], []string{"0001", "0002", "0003"}[n])
		}
	}
}
