package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/incidentkit/incidentkit/storage"
)

// directory is the schema that says where tenants are.
const directory = "incidentkit_directory"

// A Cluster spreads tenants over several PostgreSQL servers. Each tenant is whole on one of them, since its
// Changesets are transactions: PostgreSQL cannot prepare one that has touched tables of another server, has no
// keys and no ON CONFLICT over those, and notifies nobody there.
//
// Which server has a tenant is in a database of its own, the directory, by the name that every process gives to that
// server; addresses and passwords are with the callers alone. A Cluster that has returned a tenant's Store does
// without the directory for this tenant from then on. Those that are opened later need it, and so do new tenants:
// give it a standby, as every other server.
//
// A server that does not answer keeps back its own tenants alone. Whatever finds no connection to it fails with a
// [*ServerError]: at once where the connection is refused, and else after the time that connect_timeout in the
// pool's DSN or the context says. Stores go on by themselves when it is there again.
//
// A Cluster may be used by any number of goroutines, and any number of Clusters may share a directory. Make one with
// [OpenCluster].
type Cluster struct {
	directory *pgxpool.Pool
	servers   map[string]*pgxpool.Pool

	mu     sync.Mutex
	stores map[string]*Store // by tenant; one that is closed still tells the server
	closed bool
}

// A Placement says which server has a tenant.
type Placement struct {
	Tenant string `json:"tenant"`
	Server string `json:"server"` // its name, as [OpenCluster] was given it
}

// A ServerError names the tenant whose server cannot be used, and that server.
type ServerError struct {
	Placement
	Err error // why
}

// Error returns a sentence naming tenant and server, and why.
func (e *ServerError) Error() string {
	return fmt.Sprintf("tenant %q on server %q: %v", e.Tenant, e.Server, e.Err)
}

// Unwrap returns Err.
func (e *ServerError) Unwrap() error { return e.Err }

// OpenCluster returns the Cluster of the servers whose names and pools are given, and whose directory is in the
// database of another pool, which may be that of a server too. It makes the directory or brings it up to date, and
// asks nothing of the servers.
//
// All processes give a server the same name for ever, and each gives all servers: a new tenant is placed on one of
// those that the process knows. All tenants of a server share its pool, in which each tenant that is followed takes a
// connection of its own. The pools stay the caller's: they must not be closed before the Cluster.
func OpenCluster(ctx context.Context, placements *pgxpool.Pool, servers map[string]*pgxpool.Pool) (*Cluster, error) {
	for name, pool := range servers {
		if pool == nil {
			return nil, fmt.Errorf("storage/postgres: server %q has no pool", name)
		}
	}
	err := placements.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		return migrateSchema(ctx, conn.Conn(), directory, "directory")
	})
	if err != nil {
		return nil, failed(ctx, nil, fmt.Errorf("open directory: %w", reason(nil, err)))
	}
	return &Cluster{directory: placements, servers: maps.Clone(servers), stores: make(map[string]*Store)}, nil
}

// Tenant returns the Store of a tenant, "" being "default", on the server where it is. A tenant that no process has
// asked for before is placed on the server that has the fewest, of those that answer within 5 seconds, and stays
// there. Names are as in [Options].
//
// All callers get the same Store, which [Cluster.Close] closes. Who closes it before that closes it for all, and Tenant
// returns another one from then on.
//
// The error is a [*ServerError] where the server cannot be used or was not given to this Cluster, and matches
// [storage.ErrClosed] after Close.
func (c *Cluster) Tenant(ctx context.Context, name string) (*Store, error) {
	name = cmp.Or(name, defaultTenant)
	if err := checkTenant(name); err != nil {
		return nil, err
	}
	known, err := c.store(name)
	if err != nil || known != nil && !known.isClosed() {
		return known, err
	}
	at := Placement{Tenant: name}
	if known != nil {
		at.Server = known.server
	} else if at.Server, err = c.find(ctx, name); err != nil {
		return nil, failed(ctx, nil, fmt.Errorf("directory: tenant %q: %w", name, reason(nil, err)))
	}
	pool := c.servers[at.Server]
	if pool == nil {
		return nil, failed(ctx, nil, &ServerError{at, errors.New("no pool was given for this server")})
	}
	s, err := prepared(ctx, pool, &Options{Tenant: name})
	if err != nil {
		return nil, failed(ctx, nil, &ServerError{at, err})
	}
	s.server = at.Server
	return c.keep(s)
}

// store returns the Store of a tenant that was asked for before, or nil.
func (c *Cluster) store(tenant string) (*Store, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, storage.ErrClosed
	}
	return c.stores[tenant], nil
}

// keep returns the Store that all get from now on, which is s unless somebody else was faster.
func (c *Cluster) keep(s *Store) (*Store, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, storage.ErrClosed
	}
	if other := c.stores[s.tenant]; other != nil && !other.isClosed() {
		return other, nil
	}
	c.stores[s.tenant] = s
	return s, nil
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

const (
	findPlacement  = `select server from incidentkit_directory.placements where tenant = $1`
	lockPlacements = `lock table incidentkit_directory.placements in share row exclusive mode`
	addPlacement   = `insert into incidentkit_directory.placements (tenant, server)
		select $1, s from unnest($2::text[]) s
		order by (select count(*) from incidentkit_directory.placements p where p.server = s), s limit 1
		on conflict do nothing`
	listPlacements = `select tenant, server from incidentkit_directory.placements where tenant > $1 order by tenant limit $2`
)

// find returns the server that has a tenant, and places one that is new.
func (c *Cluster) find(ctx context.Context, tenant string) (server string, err error) {
	err = c.directory.QueryRow(ctx, findPlacement, tenant).Scan(&server)
	if !errors.Is(err, pgx.ErrNoRows) {
		return server, err
	}
	up, err := c.answering(ctx)
	if err != nil {
		return "", err
	}
	err = pgx.BeginFunc(ctx, c.directory, func(tx pgx.Tx) error {
		// Who places a tenant sees the placements of all others, also of those who do so at the same moment.
		if _, err := tx.Exec(ctx, lockPlacements); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, addPlacement, tenant, up); err != nil {
			return err
		}
		return tx.QueryRow(ctx, findPlacement, tenant).Scan(&server)
	})
	return server, err
}

// answering returns the servers that answer.
func (c *Cluster) answering(ctx context.Context) (up []string, err error) {
	var down []error
	for _, name := range slices.Sorted(maps.Keys(c.servers)) {
		inTime, stop := context.WithTimeout(ctx, answering)
		if err := c.servers[name].Ping(inTime); err != nil {
			down = append(down, fmt.Errorf("server %q: %w", name, reason(nil, err)))
		} else {
			up = append(up, name)
		}
		stop()
	}
	if len(up) == 0 {
		return nil, fmt.Errorf("no server answers that it could be placed on: %w", errors.Join(down...))
	}
	return up, nil
}

// Placements yields where the tenants are, in the order of their names by bytes. It asks the directory page by page: a
// tenant that is placed meanwhile may be left out. An error is yielded once, with the zero Placement, and ends it.
func (c *Cluster) Placements(ctx context.Context) iter.Seq2[Placement, error] {
	return func(yield func(Placement, error) bool) {
		for after := ""; ; {
			page, err := c.page(ctx, after)
			if err != nil {
				yield(Placement{}, err)
				return
			}
			for _, p := range page {
				if !yield(p, nil) {
					return
				}
				after = p.Tenant
			}
			if len(page) < lastPage {
				return
			}
		}
	}
}

func (c *Cluster) page(ctx context.Context, after string) ([]Placement, error) {
	if _, err := c.store(after); err != nil {
		return nil, err
	}
	rows, err := c.directory.Query(ctx, listPlacements, after, lastPage)
	if err != nil {
		return nil, failed(ctx, nil, fmt.Errorf("directory: %w", reason(nil, err)))
	}
	page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Placement])
	if err != nil {
		return nil, failed(ctx, nil, fmt.Errorf("directory: %w", reason(nil, err)))
	}
	return page, nil
}

// Close closes the Stores that [Cluster.Tenant] has returned, which waits for what is running in them, and no pool. It
// returns nil, a second time too.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.closed = true
	stores := slices.Collect(maps.Values(c.stores))
	c.mu.Unlock()
	for _, s := range stores {
		_ = s.Close() // which returns nil
	}
	return nil
}

// acquire takes a connection of the pool. Where a server of a Cluster gives none, the error says which.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil && s.server != "" {
		err = &ServerError{Placement{s.tenant, s.server}, reason(nil, err)}
	}
	return conn, err
}
