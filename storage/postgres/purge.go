package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// purgePage is how many entries are made skeletons at a time.
const purgePage = 1000

const (
	// lockPurged locks the alerts that go in the order of their IDs, before the tenant's row. Nobody else has locked one
	// that comes until then, since whoever changes an alert has locked the incident that it goes to.
	lockPurged = `select count(*) from (select from incidentkit.alerts where tenant = $1 and incident = any($2::text[]) order by id for update) a`
	// deleteAlerts removes them with their sightings.
	deleteAlerts = `with gone as (delete from incidentkit.alerts where tenant = $1 and incident = any($2::text[]) returning id)
		delete from incidentkit.sightings s using gone where s.tenant = $1 and s.alert = gone.id`
	// deleteNamed forgets what the entries name, and the contents that no other entry names. All its parts see the tables as
	// they were before.
	deleteNamed = `with gone as (delete from incidentkit.attachments a using incidentkit.entries e
			where a.tenant = $1 and e.tenant = $1 and e.incident = any($2::text[]) and e.seq = a.seq returning a.sha256)
		delete from incidentkit.contents c where c.tenant = $1 and c.sha256 in (select sha256 from gone)
		and not exists (select from incidentkit.attachments a join incidentkit.entries e on e.tenant = a.tenant and e.seq = a.seq
			where a.tenant = $1 and a.sha256 = c.sha256 and e.incident <> all($2::text[]))`
	findPurged = `select seq, 0::bigint, record from incidentkit.entries where tenant = $1 and incident = $2 and seq > $3 order by seq limit $4`
	// putSkeletons changes no column but the record: those beside it say nothing that a skeleton does not say.
	putSkeletons = `update incidentkit.entries e set record = s.record::json from unnest($2::bigint[], $3::text[]) s (seq, record)
		where e.tenant = $1 and e.seq = s.seq`
)

// purge takes away what w purges, where the incidents, alerts and numbers of w are written and its entries and items
// are not.
func (t *transaction) purge(w *write) error {
	if len(w.purge) == 0 {
		return nil
	}
	about := subject{"purge", w.purge[0], w}
	t.queue(about, deleteAlerts, t.tenant, w.purge)
	t.queue(about, deleteNamed, t.tenant, w.purge)
	t.queue(about, purgeItems, t.tenant, w.purge)
	for _, id := range w.purge {
		for after, more := int64(0), true; more; {
			var seqs []int64
			var skeletons []string
			t.queue(about, findPurged, t.tenant, id, after, purgePage).Query(func(rows pgx.Rows) (err error) {
				seqs, skeletons, err = readSkeletons(rows)
				return err
			})
			if err := t.send(); err != nil {
				return err
			}
			if more = len(seqs) == purgePage; len(seqs) > 0 {
				after = seqs[len(seqs)-1]
				t.queue(about, putSkeletons, t.tenant, seqs, skeletons)
			}
		}
	}
	return nil
}

// readSkeletons returns what is to become of the entries.
func readSkeletons(rows pgx.Rows) (seqs []int64, skeletons []string, err error) {
	var here row
	_, err = pgx.ForEachRow(rows, []any{&here.number, &here.version, &here.record}, func() error {
		e, err := here.entry()
		if err != nil {
			return err
		}
		text, err := encode("entry", string(e.ID), e.Skeleton())
		if err != nil {
			return fmt.Errorf("skeleton: %w", err)
		}
		seqs, skeletons = append(seqs, e.Seq), append(skeletons, text)
		return nil
	})
	return seqs, skeletons, err
}
