package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/phrase"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/postgres"
)

// A breach breaks each connection that writes a text: before it goes out, or after it.
type breach struct {
	text  atomic.Pointer[string] // nil when nothing is to happen
	after atomic.Bool
}

type breached struct {
	net.Conn
	*breach
}

func (c breached) Write(b []byte) (int, error) {
	text := c.text.Load()
	if text == nil || !bytes.Contains(b, []byte(*text)) {
		return c.Conn.Write(b)
	}
	defer c.Close()
	if c.after.Load() {
		return c.Conn.Write(b)
	}
	return 0, errors.New("broken on purpose")
}

// assertClass sees that err is of that class of the two, names no user, host or database, and says nothing twice.
func assertClass(t *testing.T, err, class error, what string) {
	t.Helper()
	require.ErrorIs(t, err, class, what)
	for _, other := range []error{
		storage.ErrUnavailable, storage.ErrUnknownOutcome, context.Canceled, context.DeadlineExceeded,
	} {
		assert.Equal(t, other == class, errors.Is(err, other), "%s: %v", what, err)
	}
	assert.Empty(t, phrase.Twice(err.Error()), err.Error())
	for _, name := range []string{"alice", "wonderland", "user", "127.0.0.1", "/tmp", "tcp", "dial", "socket"} {
		assert.NotContains(t, err.Error(), name, what)
	}
}

// A server that refuses connections or has stopped, and a connection that is lost before the commit, are ErrUnavailable
// through a Manager; one that is lost during the commit is ErrUnknownOutcome. The command, given again, is done once.
func TestClassesOfErrors(t *testing.T) {
	const connections = 6
	n := nodes(t, 1, fmt.Sprint("max_connections=", connections), "superuser_reserved_connections=0")[0]
	setUp, err := pgxpool.New(t.Context(), n.DSN())
	require.NoError(t, err)
	for _, sql := range []string{"create role alice login", "create database wonderland owner alice"} {
		_, err := setUp.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	setUp.Close()
	at := n.DSN() + " user=alice dbname=wonderland default_query_exec_mode=exec"
	config, err := pgxpool.ParseConfig(at)
	require.NoError(t, err)
	var b breach
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		return breached{c, &b}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := postgres.New(t.Context(), pool, nil)
	require.NoError(t, err)
	m, kai := manager.New(s, nil), activity.Actor{ID: "kai"}
	i, err := m.Create(t.Context(), kai, incident.Draft{Name: "n"})
	require.NoError(t, err)
	comment := func(text string) error {
		_, err := m.Comment(t.Context(), kai, i.ID, incident.CommentDraft{Text: text}, manager.CommandID(text))
		return err
	}

	b.text.Store(new("begin isolation level read committed"))
	assertClass(t, comment("before"), storage.ErrUnavailable, "lost before the commit")
	b.text.Store(new("begin isolation level repeatable read"))
	assertClass(t, comment("before"), storage.ErrUnavailable, "lost while reading")
	b.text.Store(new("\x00commit\x00"))
	b.after.Store(true)
	assertClass(t, comment("during"), storage.ErrUnknownOutcome, "lost during the commit")
	b.text.Store(nil)

	pool.Reset()
	others, err := pgxpool.New(t.Context(), fmt.Sprint(n.DSN(), " pool_max_conns=", connections))
	require.NoError(t, err)
	for taken := 0; taken < connections; {
		if c, err := others.Acquire(t.Context()); err == nil { // else the pool's have not ended yet
			defer c.Release()
			taken++
		}
	}
	err = comment("many")
	assertClass(t, err, storage.ErrUnavailable, "no connection is left")
	assert.ErrorContains(t, err, "too many connections")
	cause, ok := errors.AsType[*pgconn.PgError](err)
	require.True(t, ok, "the error of the driver is there")
	assert.Equal(t, "53300", cause.Code)
	_, ok = errors.AsType[*pgconn.ConnectError](err)
	assert.True(t, ok, "this one as well")

	n.Stop()
	assertClass(t, comment("stopped"), storage.ErrUnavailable, "the server has stopped")
	_, err = postgres.Open(t.Context(), at, nil)
	assertClass(t, err, storage.ErrUnavailable, "it is opened then")
	c, err := postgres.OpenCluster(t.Context(), pool, nil)
	assertClass(t, err, storage.ErrUnavailable, "so is a Cluster")
	assert.Nil(t, c)
	_, err = postgres.Open(t.Context(), "postgres://alice:secret@wonderland:port/", nil)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "alice")
	assert.NotContains(t, err.Error(), "wonderland")

	require.NoError(t, n.Start())
	texts := []string{"before", "during", "many", "stopped"}
	for _, text := range texts {
		require.NoError(t, comment(text), text)
	}
	var found []string
	for e, err := range m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}}) {
		require.NoError(t, err)
		found = append(found, e.Text)
	}
	assert.ElementsMatch(t, texts, found)
}

// What the storage refuses says nothing twice.
func TestErrorsSayNothingTwice(t *testing.T) {
	s := open(t, dsn(t), tenant(t))
	_, err := s.Apply(t.Context(), one("there"))
	require.NoError(t, err)
	apply := func(ctx context.Context, cs storage.Changeset) error {
		_, err := s.Apply(ctx, cs)
		return err
	}
	canceled, stop := context.WithCancel(t.Context())
	stop()
	var late storage.Reader
	absent := s.View(t.Context(), func(r storage.Reader) error {
		late = r
		_, err := r.Alert(t.Context(), "none")
		return err
	})
	conflict := storage.Changeset{Incidents: []incident.Incident{{ID: "there", Version: 7}}}
	_, over := late.Alert(t.Context(), "none")
	_, early := postgres.Open(t.Context(), dsn(t), &postgres.Options{Tenant: "\xff"})
	for _, c := range []struct{ err, want error }{
		{apply(t.Context(), one("there")), storage.ErrExists},
		{apply(t.Context(), conflict), storage.ErrConflict},
		{apply(t.Context(), storage.Changeset{Redact: []activity.ID{"none"}}), storage.ErrNotFound},
		{apply(canceled, one("canceled")), context.Canceled},
		{absent, storage.ErrNotFound}, {over, storage.ErrClosed}, {early, early},
	} {
		require.ErrorIs(t, c.err, c.want)
		assert.Empty(t, phrase.Twice(c.err.Error()), c.err.Error())
	}
}
