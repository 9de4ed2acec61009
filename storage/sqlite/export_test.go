package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// FillDisk leaves the file of s no room to grow beyond 60 pages, or lets it grow again.
func (s *Store) FillDisk(ctx context.Context, full bool) error {
	pragma := `PRAGMA max_page_count = 1073741824`
	if full {
		pragma = `PRAGMA max_page_count = 60`
	}
	return s.writer.exec(ctx, pragma)
}

// Hold makes s commit nothing until release is called, so that the calls of Apply and Restore wait in its queue. No
// call may be running.
func (s *Store) Hold() (release func()) {
	commit := s.group.Commit
	held, done := make(chan struct{}), make(chan struct{})
	s.group.Commit = func(context.Context, []*write) {
		close(held)
		<-done
		s.group.Commit = commit
	}
	go s.group.Do(context.Background(), nil)
	<-held
	return func() { close(done) }
}

// Plan returns the steps by which SQLite reads the incidents that q selects.
func (s *Store) Plan(ctx context.Context, q incident.Query) (steps []string, err error) {
	session, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{session: session}
	defer s.end(r)
	page, err := r.page(ctx, q)
	if err = errors.Join(err, r.begin(ctx)); err != nil {
		return nil, err
	}
	return explain(ctx, session, page.text(), page.args)
}

// explain returns the steps of a statement.
func explain(ctx context.Context, s *session, query string, args []any) (steps []string, err error) {
	rows, err := s.query(ctx, `EXPLAIN QUERY PLAN `+query, args)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		if parent == 0 {
			steps = append(steps, step)
		}
	}
	return steps, rows.Err()
}

// ItemPlan returns the steps by which SQLite reads the items that q selects. No Apply may be running.
func (s *Store) ItemPlan(ctx context.Context, q storage.ItemQuery) (steps []string, err error) {
	items := selectItems(q)
	return explain(ctx, s.writer, items.text(), items.args)
}

// SightingPlan returns the steps by which SQLite reads the sightings of the first entity of q. No Apply may be running.
func (s *Store) SightingPlan(ctx context.Context, q storage.SightingQuery) (steps []string, err error) {
	sightings := selectSightings(q, q.Entities[0])
	return explain(ctx, s.writer, sightings.text(), sightings.args)
}

// WritePlans returns the steps of a guard, of the expiry of items and of their purge. No Apply may be running.
func (s *Store) WritePlans(ctx context.Context) (guard, expiry, purge []string, err error) {
	guard, err = explain(ctx, s.writer, selectAdded, []any{texts([]string{"k"}), 1})
	if err != nil {
		return nil, nil, nil, err
	}
	if expiry, err = explain(ctx, s.writer, expireItems, []any{"k", 1}); err == nil {
		purge, err = explain(ctx, s.writer, purgeItems, []any{"i"})
	}
	return guard, expiry, purge, err
}

// SetPatience sets after how long those who wait look again though this Store has committed nothing.
func SetPatience(s *Store, d time.Duration) { s.patience = d }

// FacetCounts returns the keys of the counts that are kept.
func (s *Store) FacetCounts(ctx context.Context) (names []string, err error) {
	err = s.View(ctx, func(r storage.Reader) error {
		var all selection
		all.add(`SELECT facet, counts FROM facet_counts`)
		for row, err := range scan(ctx, r.(*reader), all, facetCountPlaces, nil, 0) {
			if err != nil {
				return err
			}
			names = append(names, string(row.facet))
		}
		return nil
	})
	return names, err
}

// Orphans returns what stands in the tables of keys, names and contents for nothing that is there.
func (s *Store) Orphans(ctx context.Context) (found []string, err error) {
	err = s.View(ctx, func(r storage.Reader) error {
		var all selection
		all.add(`SELECT 'key ' || key FROM alert_keys WHERE alert NOT IN (SELECT id FROM alerts)
			UNION ALL SELECT 'name ' || sha256 FROM content_names WHERE seq NOT IN (SELECT seq FROM activity WHERE NOT redacted AND instr(attachments, sha256) > 0)
			UNION ALL SELECT 'content ' || sha256 FROM contents WHERE sha256 NOT IN (SELECT sha256 FROM content_names)
			UNION ALL SELECT 'value ' || value FROM incident_values WHERE number NOT IN (SELECT number FROM incidents)`)
		for what, err := range scan(ctx, r.(*reader), all, func(what *string) []any { return []any{what} }, nil, 0) {
			if err != nil {
				return err
			}
			found = append(found, what)
		}
		return nil
	})
	return found, err
}

// SetTimeout sets for how long s waits for the lock of another, as long as it redacts nothing.
func (s *Store) SetTimeout(ctx context.Context, d time.Duration) error {
	return s.writer.exec(ctx, fmt.Sprint(`PRAGMA busy_timeout = `, d.Milliseconds()))
}

// ReadOnly keeps s from writing, or lets it write again.
func (s *Store) ReadOnly(ctx context.Context, on bool) error {
	return s.writer.exec(ctx, fmt.Sprint(`PRAGMA query_only = `, on))
}

// Uncommitted is what becomes of an error of a COMMIT.
var Uncommitted = uncommitted
