package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/examples/db"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/internal/pgserver"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/postgres"
	"github.com/incidentkit/incidentkit/storage/sqlite"
)

// database returns the DSN of a database that nobody has used.
func database(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg") // the name of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	s, err := pgserver.New(dir)
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.NoError(t, s.Init())
	require.NoError(t, s.Start())
	t.Cleanup(s.Stop)
	return s.DSN()
}

// From memory into a file, from there into PostgreSQL, and back into memory: whatever was in the first is in the last,
// numbers, versions, images and the log as they were, and a second copy writes nothing.
func TestThroughAllStoragesAndBack(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set("20")) // which takes seconds
	}
	dsn := database(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		first, last := memory.New(), memory.New()
		file, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "incidents.db"), &sqlite.Options{Relaxed: true})
		require.NoError(rt, err)
		defer file.Close()
		server, err := postgres.Open(t.Context(), dsn, &postgres.Options{Tenant: strings.Repeat("t", n)})
		require.NoError(rt, err)
		defer server.Close()
		day := anyday.New(t.Context(), rt, first)
		chain := []storage.Storage{first, file, server, last}
		for range 2 { // the second time it brings up to date
			day.Happen(10)
			for k := 1; k < len(chain); k++ {
				for _, err := range storage.Copy(t.Context(), chain[k], chain[k-1]) {
					require.NoError(rt, err)
				}
				require.NoError(rt, anyday.Same(t.Context(), first, chain[k]))
			}
		}
		for done, err := range storage.Copy(t.Context(), last, first) {
			require.NoError(rt, err)
			require.Zero(rt, done.Written)
		}
	})
}

// The program copies what another example has kept, tells how far it is, and may be run again.
func TestTheProgram(t *testing.T) {
	from, to := "sqlite:"+filepath.Join(t.TempDir(), "from.db"), "sqlite:"+filepath.Join(t.TempDir(), "to.db")
	s, err := db.Open(t.Context(), from)
	require.NoError(t, err)
	_, err = manager.New(s, nil).Create(t.Context(), activity.Actor{ID: "kai"}, incident.Draft{Name: "one"})
	require.NoError(t, err)
	items := []storage.Item{{Kind: "note", Key: "1"}, {Kind: "note", Key: "2"}}
	_, err = s.Apply(t.Context(), storage.Changeset{Items: items})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for range 2 {
		var out, errs bytes.Buffer
		require.Equal(t, 0, run(t.Context(), []string{"-from", from, "-to", to}, &out, &errs), errs.String())
		assert.Contains(t, out.String(), "1 of 1 incidents")
		assert.Contains(t, out.String(), "2 items;")
		assert.Contains(t, out.String(), "The copy was checked")
	}
	for _, args := range [][]string{
		{"-from", "oracle:"},
		{"-to", "oracle:"},
		{"-what"},
		{"-from", "sqlite:" + filepath.Join(t.TempDir(), "none.db")},
	} {
		var out, errs bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), args, &out, &errs), args)
		assert.NotEmpty(t, errs.String())
	}
}
