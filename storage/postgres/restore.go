package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

var _ storage.Restorer = (*Store)(nil)

// Restore keeps records as another storage has them; see [storage.Restorer]. Like Apply it takes its turn, and what its
// context ends is as there. Its transaction has the tenant to itself from its beginning.
func (s *Store) Restore(ctx context.Context, cs storage.Changeset) error {
	_, err := s.keep(ctx, cs, true)
	return err
}

const (
	findIncidents = `select id, version, number, status, severity, facets from incidentkit.incidents where tenant = $1 and id = any($2::text[])`
	findNamed     = `select distinct a.sha256 from incidentkit.attachments a join incidentkit.entries e on e.tenant = a.tenant and e.seq = a.seq
		where a.tenant = $1 and e.id = any($2::text[])`
	overEntry = ` on conflict (tenant, seq) do update set time = excluded.time, incident = excluded.incident, alert = excluded.alert, type = excluded.type,
		category = excluded.category, trigger = excluded.trigger, actor = excluded.actor, origin = excluded.origin, fields = excluded.fields,
		record = excluded.record`
	forgetNamed = `delete from incidentkit.attachments a using incidentkit.entries e
		where a.tenant = $1 and e.tenant = $1 and e.id = any($2::text[]) and a.seq = e.seq`
)

// restore is run for one that is restored.
func (t *transaction) restore(w *write) error {
	t.incidents, t.entries, t.refused = make(map[string]stored), make(map[string]stored), make(map[*write]error)
	incidents, entries := ids(w.incidents), ids(w.entries)
	var last stored // the numbers given last; version is that of the log
	var named []string
	t.queue(subject{}, begin)
	t.queue(subject{}, enter, t.tenant)
	t.queue(subject{}, takeNumbers, t.tenant, 0, 0).QueryRow(func(row pgx.Row) error { return row.Scan(&last.version, &last.number) })
	t.find(findIncidents, incidents, t.incidents)
	t.find(findEntries, entries, t.entries)
	t.queue(subject{}, findNamed, t.tenant, entries).Query(func(rows pgx.Rows) (err error) {
		named, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err := t.send(); err != nil {
		return err
	}
	if err := t.place(w, last); err != nil {
		t.refused[w] = err
		rollback(t.ctx, t.conn)
		return nil
	}
	t.accepted = t.writes
	t.queue(subject{}, takeNumbers, t.tenant, t.logged, t.fresh)
	for _, r := range w.incidents {
		about := subject{r.table, r.id, w}
		s, known := t.incidents[r.id]
		t.count(s.counts, r.counts)
		if known {
			t.queue(about, incidentSQL().update, r.row...)
		} else {
			t.queue(about, incidentSQL().insert, append(slices.Clip(r.row), last.number+t.fresh-r.number)...)
		}
	}
	for _, r := range w.alerts {
		t.writeAlert(alertWrite{r, w})
	}
	t.writeSightings()
	if err := t.purge(w); err != nil {
		return err
	}
	t.queue(subject{}, forgetNamed, t.tenant, entries)
	for n, r := range w.entries {
		back := last.version + t.logged - r.number
		about := subject{r.table, r.id, w}
		t.queue(about, insertEntry+overEntry, append(slices.Clip(r.row), back)...)
		if len(w.attached[n]) > 0 {
			t.queue(about, insertAttachments, t.tenant, w.attached[n], back)
		}
	}
	t.writeContents(w)
	t.writeItems(w)
	return t.commit(named)
}

func ids(records []record) []string {
	all := make([]string, len(records))
	for n, r := range records {
		all[n] = r.id
	}
	return all
}

// place reports what keeps the records of w from the places that they have, where the last numbers that were given
// are known, and counts those from there to the last that they have.
func (t *transaction) place(w *write, last stored) error {
	number, seq := last.number, last.version
	for _, r := range w.incidents {
		s, known := t.incidents[r.id]
		switch {
		case known && s.number != r.number, !known && r.number <= number:
			return driver.Exists("incident", fmt.Sprintf("%s of another number than %d", unescape(r.id), r.number))
		case !known:
			number = r.number
		}
	}
	for _, r := range w.entries {
		s, known := t.entries[r.id]
		switch {
		case known && s.number != r.number, !known && r.number != seq+1:
			return driver.Exists("entry", fmt.Sprintf("%s at another place than %d", unescape(r.id), r.number))
		case !known:
			seq++
		}
	}
	t.fresh, t.logged = number-last.number, seq-last.version
	return nil
}
