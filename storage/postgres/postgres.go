// Package postgres keeps incidents, alerts and the activity log in PostgreSQL, for any number of processes and
// machines at once: a [storage.Storage] over a pool of connections.
//
// The tables are in a schema of their own, incidentkit, which [Open] and [New] make and bring up to date. The
// tenant is the leading column of every key: one database serves many tenants, and no Store sees another
// tenant's rows. Every record is kept as JSON beside typed columns of all that a query can select or order by,
// so that the tables can be read with SQL. PostgreSQL has no U+0000 in a text: in these columns the characters
// U+0000 to U+0005 become two, the first U+0001 or U+0002 and the second U+0003 to U+0005; all others stand as
// they are. In the JSON it is \u0000, and PostgreSQL's own operators refuse to look into such a record.
//
// # Errors
//
// The errors are those of package storage. A connection that is lost during the commit is [storage.ErrUnknownOutcome];
// the Changeset, given again, is refused with [storage.ErrExists] or [storage.ErrConflict] if it was kept. Transactions
// that PostgreSQL asks to repeat, and those that met a dead connection before their commit, are repeated; when that
// does not help, the error is [storage.ErrUnavailable], as it is when there is no connection to be had or the server is
// starting, shutting down, read-only or out of resources. The error of the driver is there for [errors.As]; its text,
// which may name the user, the host and the database, is not part of these.
//
// # Concurrency
//
// A [Store] may be used by any number of goroutines, and any number of Stores may share a database. Applies of one
// Store that wait at the same moment are committed together, by one of their callers; one that is refused does not
// fail the others. Every View has a connection of the pool until it returns, and Applies take one between them: who
// calls Apply or View inside a View needs a second one, and so forth. The pool needs as many connections as there may be Views open at once, and one
// more; with fewer, an inner call may wait until its context is done. While somebody waits for entries, as
// [storage.Follow] does, it needs another one, however many they are. When the context of a read is done in the
// middle, the connection is given up, and later reads of the same View fail.
//
// A DSN that names several hosts, with target_session_attrs=read-write, has a Store go on by itself on the standby that
// takes over. What was acknowledged is there if the standby is a synchronous one. A context that is done while a commit waits
// for the standby ends that wait in PostgreSQL too: the Changeset, reported as unknown, may be read and is on one server
// alone until a later one is acknowledged. A [Cluster] spreads tenants over several servers.
//
// Changesets of one tenant that have entries, new incidents, new items, an Expiry or a Guard are committed one after
// the other. One with a Guard locks the others out for one round trip more. Callers of Wait are notified after the
// commit: PostgreSQL commits what notifies one after the other on the whole server, so that inside the transaction all
// tenants would wait for each other's disk. A notification that is lost costs those who wait a second.
//
// # Poolers
//
// A Store can work through a pooler that gives each transaction another connection, such as PgBouncer in transaction
// mode: it leaves nothing in a session. Statements must then not be prepared, unless the pooler sees to those: say
// default_query_exec_mode=cache_describe in the DSN (in a URL as a parameter), or exec or simple_protocol. Nobody
// listens behind a pooler: those who wait look every second.
//
// # Row-level security
//
// Each statement of this package names the tenant. With [Options.RowSecurity] PostgreSQL adds it by itself: the tables
// have policies that compare it with the setting incidentkit.tenant, which the Store makes at the start of each
// transaction and for it alone. A statement that leaves it out, or an injected one that does not set it, has the rows
// of one tenant in a transaction of its Store and none outside. It is no wall against who may run any SQL, since any role
// may make that setting; where it should be, give each tenant a role and the tables a restrictive policy for it.
//
// The policies hold for the owner of the tables too, but for no superuser and no role that has BYPASSRLS, which
// backups need. The role of an application needs usage of the schema, select of schema_version, and select,
// insert, update and delete of the other tables; not truncate, which no policy keeps from anything. Once it is on it is
// for all roles. Filters by tags and other lists then use no index of their own, since only what is known not to leak
// is looked for before the policy.
//
// A new version of this package may bring a table, as version 2 of the schema brings items. It has the policy of the
// others, and row-level security where they have it. What it has to be given are the grants and the restrictive
// policies that were made for the others.
//
// # Limits
//
// Tenants have at most 200 bytes. Apply refuses what every storage refuses, see package storage. Restore takes what an
// older version has stored, as far as PostgreSQL can hold it: IDs of records are in indexes, which hold about 2,400
// bytes of text, as they do of the Kind and Key of an item together; texts are UTF-8; a value has JSON, which evidence
// without an entity and a time after the year 9999 have not.
//
// Texts in names are looked for in all incidents that the other filters let pass, and orders by owner or name are made
// by sorting those. The status, severity, source, category and title of alerts are tested alert by alert. Facets are
// counted in a column of the incidents, and where a query filters by status and severity alone they are kept. What a
// redaction or a purge takes away leaves the disk when PostgreSQL vacuums the table and recycles its write-ahead log.
//
// The encoding of the database must be UTF8, and its version 12 or later; it is tested with 15.
package postgres

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// defaultTenant is who has the records where nobody is named.
const defaultTenant = "default"

// maxTenant is how many bytes a tenant may have, so that it leaves room for the rest of a key.
const maxTenant = 200

// Options say how a Store is opened. The zero Options, and nil, are those of the tenant "default".
type Options struct {
	Tenant string // whose records they are, at most 200 bytes of UTF-8 without U+0000; "" means "default"
	// RowSecurity makes sure that PostgreSQL itself keeps the tenants apart: that row-level security is on for the role
	// of the connections. A role that owns the tables turns it on, once for the database; one that is above it, such as
	// a superuser, is refused. See the package's comment.
	RowSecurity bool
}

// A Store is a [storage.Storage] in PostgreSQL, of one tenant. Make one with [Open] or [New].
type Store struct {
	pool    *pgxpool.Pool
	owned   bool // the pool is closed with the Store
	tenant  string
	server  string     // of a Cluster; "" when it is of none
	pooled  bool       // a pooler stands between, which may give each transaction another connection
	mu      sync.Mutex // guards closed, and running from new ones when closed
	closed  bool
	running sync.WaitGroup // Views, Applies and Waits

	group driver.Group[*write]
	conn  *pgxpool.Conn // of the leader of group, from ready to commit

	lookout  lookout
	patience time.Duration
}

var (
	_ storage.Storage = (*Store)(nil)
	_ storage.Waiter  = (*Store)(nil)
)

// Open connects to the database that dsn names and returns the Store of a tenant in it. dsn is a URL or keywords and
// values, as [pgxpool.ParseConfig] has them, pool_max_conns included.
func Open(ctx context.Context, dsn string, o *Options) (*Store, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, failed(ctx, nil, err)
	}
	s, err := New(ctx, pool, o)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s.owned = true
	return s, nil
}

// New returns the Store of a tenant in the database of pool, which stays the caller's: it must not be closed
// before the Store. Like [Open], it makes the schema or brings it up to date first; one that is newer than this
// package is refused.
func New(ctx context.Context, pool *pgxpool.Pool, o *Options) (*Store, error) {
	if o == nil {
		o = new(Options)
	}
	if err := checkTenant(o.Tenant); err != nil {
		return nil, err
	}
	s, err := prepared(ctx, pool, o)
	return s, failed(ctx, nil, err)
}

// prepared is New, with an error that does not name the package.
func prepared(ctx context.Context, pool *pgxpool.Pool, o *Options) (*Store, error) {
	s := &Store{pool: pool, tenant: cmp.Or(o.Tenant, defaultTenant), patience: patience}
	// A commit may take as long as the network does, so callers may abandon it.
	s.group = driver.Group[*write]{Commit: s.commit, Ready: s.ready, Max: maxTogether, Fits: fits, Abandon: true}
	err := pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return s.prepare(ctx, conn.Conn(), o.RowSecurity) })
	if err != nil {
		return nil, fmt.Errorf("open: %w", reason(nil, err))
	}
	return s, nil
}

func checkTenant(name string) error {
	if len(name) > maxTenant || !utf8.ValidString(name) || strings.Contains(name, "\x00") {
		return fmt.Errorf("storage/postgres: tenant %.40q is not UTF-8 of at most %d bytes without U+0000", name, maxTenant)
	}
	return nil
}

// prepare sees to the schema and the tenant's row.
func (s *Store) prepare(ctx context.Context, conn *pgx.Conn, secured bool) error {
	var encoding string
	var backend uint32
	if err := conn.QueryRow(ctx, "select current_setting('server_encoding'), pg_backend_pid()").Scan(&encoding, &backend); err != nil {
		return err
	}
	s.pooled = backend != conn.PgConn().PID() // a pooler invents one
	if encoding != "UTF8" {
		return fmt.Errorf("the encoding of the database is %s, not UTF8", encoding)
	}
	if err := migrate(ctx, conn); err != nil {
		return err
	}
	if secured {
		if err := secure(ctx, conn); err != nil {
			return err
		}
	}
	var b pgx.Batch
	b.Queue(enter, s.tenant)
	b.Queue("insert into incidentkit.tenants (tenant) values ($1) on conflict do nothing", s.tenant)
	return conn.SendBatch(ctx, &b).Close()
}

// Close ends the Waits and waits for the Views and Applies that are running, so it must not be called inside one, and
// closes the pool if [Open] made it. It returns nil, a second time too.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.lookout.close()
	s.running.Wait()
	if s.owned {
		s.pool.Close()
	}
	return nil
}

// begin counts one more that is running, unless the Store is closed.
func (s *Store) begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return storage.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.running.Add(1)
	return nil
}

// A notFound names the record. It is a type because every new alert is looked for first.
type notFound struct{ record, id string }

func (e *notFound) Error() string { return fmt.Sprintf("storage: %s %s: not found", e.record, e.id) }

func (e *notFound) Unwrap() error { return storage.ErrNotFound }
