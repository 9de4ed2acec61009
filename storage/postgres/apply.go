package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// attempts is how often an Apply is begun when PostgreSQL asks for it, or when a connection turns out to be dead.
const attempts = 10

// Apply keeps a Changeset; see [storage.Storage]. It takes one round trip, one more to lock records that are there, and
// two more where entries are redacted.
func (s *Store) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if err := s.begin(ctx); err != nil {
		return storage.Receipt{}, err
	}
	defer s.running.Done()
	w, err := prepare(s.tenant, cs)
	for n := 1; err == nil; n++ {
		var receipt storage.Receipt
		var again bool
		if receipt, again, err = s.write(ctx, w); err == nil {
			return receipt, nil
		}
		if again && n < attempts && ctx.Err() == nil {
			err = nil
		}
	}
	return storage.Receipt{}, err
}

// A write is a Changeset in the form in which it is kept. Transactions lock incidents, then alerts, each in the order
// of their IDs, and then the tenant's row, so that none wait for each other in a circle.
type write struct {
	tenant    string
	incidents []record // in the order of the Changeset, in which new ones get their numbers: when the tenant's row is locked
	alerts    []record // in the order of their IDs, in which new ones are inserted
	entries   []record
	attached  [][]string // digests, of each entry
	contents  []activity.Content
	redact    []string
	fresh     int64 // incidents that are new
}

// A record is a row that is to be written.
type record struct {
	table   string // as people call it
	id      string
	version int64
	row     []any      // of the statement that writes it
	keys    [][]byte   // of an alert's entities
	seen    alertSight // of an alert
}

// An alertSight is what the table of sightings says of an alert.
type alertSight struct {
	incident   string
	at         int64
	standalone bool
}

// prepare encodes a Changeset, before any lock is held.
func prepare(tenant string, cs storage.Changeset) (*write, error) {
	if err := cs.Check(); err != nil {
		return nil, err
	}
	w := &write{tenant: tenant, contents: cs.Contents, redact: escapeAll(cs.Redact)}
	for n := range cs.Incidents {
		r, err := incidentRecord(tenant, &cs.Incidents[n])
		if err != nil {
			return nil, err
		}
		if w.incidents = append(w.incidents, r); r.version == 0 {
			w.fresh++
		}
	}
	for n := range cs.Alerts {
		r, err := alertRecord(tenant, &cs.Alerts[n])
		if err != nil {
			return nil, err
		}
		w.alerts = append(w.alerts, r)
	}
	slices.SortFunc(w.alerts, func(a, b record) int { return strings.Compare(a.id, b.id) })
	for n := range cs.Activity {
		e := &cs.Activity[n]
		r, err := entryRecord(tenant, e)
		if err != nil {
			return nil, err
		}
		w.entries, w.attached = append(w.entries, r), append(w.attached, named(e))
	}
	return w, nil
}

// encode returns v as JSON in which raw values are as they were given.
func encode(table, id string, v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("storage/postgres: %s %s: %w", table, id, err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func incidentRecord(tenant string, i *incident.Incident) (record, error) {
	text, err := encode("incident", string(i.ID), i)
	if err != nil {
		return record{}, err
	}
	a := &i.Alerts
	var severities []int16
	for s, n := range a.BySeverity {
		if n > 0 {
			severities = append(severities, int16(s))
		}
	}
	tags := make([]string, len(i.Tags))
	for n, t := range i.Tags {
		tags[n] = escape(incident.Fold(t.Name))
	}
	lists := [...]struct {
		column string
		values []string
	}{
		{"tags", tags}, {"sources", escapeAll(a.Sources)}, {"detection_sources", escapeAll(a.DetectionSources)},
		{"products", escapeAll(a.Products)}, {"categories", escapeAll(a.Categories)}, {"techniques", escapeAll(a.Techniques)},
		{"device_groups", escapeAll(a.DeviceGroups)}, {"platforms", escapeAll(a.Platforms)}, {"threats", escapeAll(a.Threats)},
		{"threat_actors", escapeAll(a.ThreatActors)}, {"refs", references(i.References)},
	}
	row := []any{
		tenant, escape(i.ID), i.Version + 1, escape(i.Name), escape(incident.Fold(i.Name)), int16(i.Status), int16(i.Severity),
		int64(i.Priority), !i.Owner.IsZero(), escape(i.Owner.ID), escape(i.Verdict.Classification), escape(i.Verdict.Determination),
		append([]int16{}, severities...), int16(a.Criticality), micros(i.Created), micros(i.Updated), text,
	}
	all := []int64{}
	for _, l := range lists {
		row = append(row, l.values)
		all = append(all, terms(tenant, l.column, l.values)...)
	}
	return record{table: "incident", id: escape(i.ID), version: i.Version, row: append(row, all, classified(a))}, nil
}

// classified returns the classifications that alerts have, and "" if one has none.
func classified(s *incident.Summary) []string {
	all, without := []string{}, s.Count
	for _, c := range s.Classified {
		if without -= c.Alerts; c.Classification != "" {
			all = append(all, escape(c.Classification))
		}
	}
	if without > 0 {
		all = append(all, "")
	}
	return all
}

const (
	insertIncident = `insert into incidentkit.incidents (tenant, id, version, name, folded, status, severity, priority, assigned, owner, classification,
		determination, alert_severities, criticality, created, updated, record, tags, sources, detection_sources, products, categories, techniques,
		device_groups, platforms, threats, threat_actors, refs, terms, alert_classifications, number)
		select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::text::json, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30,
		t.number - $31::bigint
		from incidentkit.tenants t where t.tenant = $1`
	updateIncident = `update incidentkit.incidents set version = $3, name = $4, folded = $5, status = $6, severity = $7, priority = $8, assigned = $9, owner = $10,
		classification = $11, determination = $12, alert_severities = $13, criticality = $14, created = $15, updated = $16, record = $17::text::json, tags = $18,
		sources = $19, detection_sources = $20, products = $21, categories = $22, techniques = $23, device_groups = $24, platforms = $25, threats = $26, threat_actors = $27,
		refs = $28, terms = $29, alert_classifications = $30
		where tenant = $1 and id = $2`
)

func alertRecord(tenant string, a *alert.Alert) (record, error) {
	text, err := encode("alert", string(a.ID), a)
	if err != nil {
		return record{}, err
	}
	seen := alertSight{escape(a.Incident), micros(a.FirstActivity), a.Standalone}
	return record{table: "alert", id: escape(a.ID), version: a.Version, keys: digests(a.Keys()), seen: seen,
		row: []any{tenant, escape(a.ID), a.Version + 1, seen.incident, int16(a.Status), int16(a.Severity), seen.at, text}}, nil
}

const (
	insertAlert = `insert into incidentkit.alerts (tenant, id, version, incident, status, severity, first_activity, record)
		values ($1, $2, $3, $4, $5, $6, $7, $8::text::json)`
	updateAlert = `update incidentkit.alerts set version = $3, incident = $4, status = $5, severity = $6, first_activity = $7, record = $8::text::json
		where tenant = $1 and id = $2`
	deleteSightings = `delete from incidentkit.sightings where tenant = $1 and alert = $2 and key <> all($3::bytea[])`
	upsertSightings = `insert into incidentkit.sightings as s (tenant, alert, key, incident, first_activity, standalone)
		select $1, $2, k, $4, $5, $6 from unnest($3::bytea[]) k
		on conflict (tenant, alert, key) do update set incident = excluded.incident, first_activity = excluded.first_activity, standalone = excluded.standalone
		where (s.incident, s.first_activity, s.standalone) is distinct from (excluded.incident, excluded.first_activity, excluded.standalone)`
)

func entryRecord(tenant string, e *activity.Entry) (record, error) {
	text, err := encode("entry", string(e.ID), e)
	if err != nil {
		return record{}, err
	}
	fields := make([]string, len(e.Changes))
	for n, c := range e.Changes {
		fields[n] = escape(c.Field)
	}
	return record{table: "entry", id: escape(e.ID), row: []any{tenant, escape(e.ID), micros(e.Time), escape(e.Incident), escape(e.Alert), int16(e.Type),
		int16(e.Category()), int16(e.Trigger()), escape(e.Actor.ID), escape(e.Origin), fields, text}}, nil
}

// named returns the digests that keep contents because of e, each once.
func named(e *activity.Entry) []string {
	if e.Redacted {
		return nil
	}
	var all []string
	for _, a := range e.Attachments {
		all = append(all, escape(a.SHA256))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

const (
	takeNumbers = `update incidentkit.tenants set seq = seq + $2, number = number + $3 where tenant = $1 returning seq, number`
	insertEntry = `insert into incidentkit.entries (tenant, id, time, incident, alert, type, category, trigger, actor, origin, fields, record, seq)
		select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::json, t.seq - $13::bigint from incidentkit.tenants t where t.tenant = $1`
	insertAttachments = `insert into incidentkit.attachments (tenant, sha256, seq)
		select $1, d, t.seq - $3::bigint from unnest($2::text[]) d, incidentkit.tenants t where t.tenant = $1`
	insertContent = `insert into incidentkit.contents (tenant, sha256, data) select $1, $2, $3
		where exists (select from incidentkit.attachments where tenant = $1 and sha256 = $2) on conflict do nothing`
	lockEntries       = `select seq, 0::bigint, record from incidentkit.entries where tenant = $1 and id = any($2::text[]) order by seq for update`
	updateEntry       = `update incidentkit.entries set record = $3::text::json where tenant = $1 and seq = $2`
	deleteAttachments = `delete from incidentkit.attachments where tenant = $1 and seq = $2 and sha256 = any($3::text[])`
	deleteContents    = `delete from incidentkit.contents c where tenant = $1 and sha256 = any($2::text[])
		and not exists (select from incidentkit.attachments a where a.tenant = $1 and a.sha256 = c.sha256)`
	lockIncidents = `select id, version, number from incidentkit.incidents where tenant = $1 and id = any($2::text[]) order by id for update`
	lockAlerts    = `select id, version, 0::bigint from incidentkit.alerts where tenant = $1 and id = any($2::text[]) order by id for update`
)

// write tries once. again says that nothing was kept and that it may be tried once more.
func (s *Store) write(ctx context.Context, w *write) (receipt storage.Receipt, again bool, err error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return receipt, false, failed(ctx, err)
	}
	defer conn.Release()
	t := transaction{ctx: ctx, conn: conn.Conn(), w: w}
	receipt, err = t.run()
	if err != nil {
		rollback(ctx, t.conn)
		return storage.Receipt{}, !t.committing && repeatable(err), err
	}
	return receipt, false, nil
}

// repeatable reports whether a transaction that has not come to its commit may go well the next time.
func repeatable(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "40001", "40P01", "57P01", "57P02", "57P03": // serialization, deadlock, and a server that goes or comes
			return true
		}
		return false
	}
	return !errors.Is(err, storage.ErrExists) && !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrNotFound)
}

// A transaction is one try to keep a Changeset.
type transaction struct {
	ctx        context.Context
	conn       *pgx.Conn
	w          *write
	numbers    map[string]int64 // of the incidents that are there
	batch      pgx.Batch
	subjects   []record // of the statements in the batch
	committing bool     // the last batch is on its way: what comes of it may be unknown
}

func (t *transaction) run() (storage.Receipt, error) {
	if err := t.lock(); err != nil {
		return storage.Receipt{}, err
	}
	t.writeRecords()
	receipt := t.writeEntries()
	var gone []string
	if len(t.w.redact) > 0 {
		if err := t.send(); err != nil {
			return storage.Receipt{}, err
		}
		var err error
		if gone, err = t.redact(); err != nil {
			return storage.Receipt{}, err
		}
	}
	for _, c := range t.w.contents {
		t.queue(record{table: "content", id: c.SHA256}, insertContent, t.w.tenant, escape(c.SHA256), append([]byte{}, c.Data...))
	}
	if len(gone) > 0 {
		t.queue(record{table: "content"}, deleteContents, t.w.tenant, gone)
	}
	if len(t.w.entries) > 0 {
		t.queue(record{}, notify, channel(t.w.tenant))
	}
	t.queue(record{}, "commit")
	t.committing = true
	if err := t.send(); err != nil {
		return storage.Receipt{}, err
	}
	for n := range t.w.incidents {
		number, there := t.numbers[t.w.incidents[n].id]
		if !there {
			receipt.next++
			number = receipt.next
		}
		receipt.Numbers = append(receipt.Numbers, number)
	}
	return receipt.Receipt, nil
}

// begin starts a transaction. Plans for its statements, which find rows by their keys, need not be made anew each time.
var begin = [...]string{"begin isolation level read committed", "set local plan_cache_mode = force_generic_plan"}

// lock begins the transaction and sees that what should be there is, and of the versions it should be of. What
// should not be there is left to the keys of the tables; where there is nothing else no round trip is made.
func (t *transaction) lock() error {
	locks := [...]struct {
		sql     string
		records []record
	}{{lockIncidents, there(t.w.incidents)}, {lockAlerts, there(t.w.alerts)}}
	for _, sql := range begin {
		t.queue(record{}, sql)
	}
	t.numbers = make(map[string]int64)
	var stored [len(locks)]map[string]int64 // versions
	for n, l := range locks {
		if stored[n] = make(map[string]int64); len(l.records) == 0 {
			continue
		}
		var ids []string
		for _, r := range l.records {
			ids = append(ids, r.id)
		}
		t.queue(record{}, l.sql, t.w.tenant, ids).Query(func(rows pgx.Rows) error {
			var id string
			var version, number int64
			_, err := pgx.ForEachRow(rows, []any{&id, &version, &number}, func() error {
				if stored[n][id] = version; number != 0 {
					t.numbers[id] = number
				}
				return nil
			})
			return err
		})
	}
	if len(t.subjects) == len(begin) {
		return nil
	}
	if err := t.send(); err != nil {
		return err
	}
	for n, l := range locks {
		for _, r := range l.records {
			if err := storage.CheckVersion(r.table, unescape(r.id), r.version, stored[n][r.id]); err != nil {
				return err
			}
		}
	}
	return nil
}

// there returns the records that are not new.
func there(records []record) []record {
	return slices.DeleteFunc(slices.Clone(records), func(r record) bool { return r.version == 0 })
}

func exists(record, id string) error {
	return fmt.Errorf("storage: %s %s: %w", record, id, storage.ErrExists)
}

func (t *transaction) queue(subject record, sql string, args ...any) *pgx.QueuedQuery {
	t.subjects = append(t.subjects, subject)
	return t.batch.Queue(sql, args...)
}

// writeRecords queues all that needs no number.
func (t *transaction) writeRecords() {
	for _, r := range t.w.incidents {
		if r.version != 0 {
			t.queue(r, updateIncident, r.row...)
		}
	}
	for _, r := range t.w.alerts {
		if r.version == 0 {
			t.queue(r, insertAlert, r.row...)
		} else {
			t.queue(r, updateAlert, r.row...)
			t.queue(r, deleteSightings, t.w.tenant, r.id, r.keys)
		}
		if len(r.keys) > 0 {
			t.queue(r, upsertSightings, t.w.tenant, r.id, r.keys, r.seen.incident, r.seen.at, r.seen.standalone)
		}
	}
}

// A taken is a receipt without the numbers of incidents.
type taken struct {
	storage.Receipt
	next int64 // the number last given
}

// writeEntries queues what stands in the order of commits. From the first of these statements on, other transactions of
// the tenant that come to theirs wait.
func (t *transaction) writeEntries() *taken {
	r := new(taken)
	entries := int64(len(t.w.entries))
	if entries == 0 && t.w.fresh == 0 && len(t.w.contents) == 0 && len(t.w.redact) == 0 {
		return r
	}
	t.queue(record{}, takeNumbers, t.w.tenant, entries, t.w.fresh).QueryRow(func(row pgx.Row) error {
		var seq int64
		if err := row.Scan(&seq, &r.next); err != nil {
			return err
		}
		if r.next -= t.w.fresh; entries > 0 {
			r.Seq = seq - entries + 1
		}
		return nil
	})
	left := t.w.fresh
	for _, i := range t.w.incidents {
		if i.version == 0 {
			left--
			t.queue(i, insertIncident, append(slices.Clip(i.row), left)...)
		}
	}
	for n, e := range t.w.entries {
		below := entries - 1 - int64(n)
		t.queue(e, insertEntry, append(slices.Clip(e.row), below)...)
		if len(t.w.attached[n]) > 0 {
			t.queue(e, insertAttachments, t.w.tenant, t.w.attached[n], below)
		}
	}
	return r
}

// redact queues the redactions and returns the digests that the entries name no more.
func (t *transaction) redact() (gone []string, err error) {
	r := reader{tenant: t.w.tenant, conn: t.conn}
	found, err := rows(t.ctx, &r, row.entry, lockEntries, []any{t.w.tenant, t.w.redact})
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool)
	for _, e := range found {
		there[escape(e.ID)] = true
	}
	for _, r := range t.w.entries {
		delete(there, r.id) // it must have been there before
	}
	for _, id := range t.w.redact {
		if !there[id] {
			return nil, &notFound{"entry", unescape(id)}
		}
	}
	for _, e := range found {
		digests := named(&e)
		e = e.Redact()
		text, err := encode("entry", string(e.ID), e)
		if err != nil {
			return nil, err
		}
		t.queue(record{table: "entry", id: string(e.ID)}, updateEntry, t.w.tenant, e.Seq, text)
		if len(digests) > 0 {
			t.queue(record{table: "entry", id: string(e.ID)}, deleteAttachments, t.w.tenant, e.Seq, digests)
			gone = append(gone, digests...)
		}
	}
	return gone, nil
}

// send runs what is queued.
func (t *transaction) send() error {
	subjects, batch := t.subjects, t.batch
	t.subjects, t.batch = nil, pgx.Batch{}
	results := t.conn.SendBatch(t.ctx, &batch)
	defer results.Close()
	for n, subject := range subjects {
		err := run(results, batch.QueuedQueries[n])
		if err == nil {
			continue
		}
		e, answered := errors.AsType[*pgconn.PgError](err)
		last := n == len(subjects)-1
		switch {
		case answered && e.Code == "23505" && subject.table != "":
			return exists(subject.table, unescape(subject.id))
		case answered && !(t.committing && last && e.Severity != "ERROR"):
			t.committing = false // it was not committed
			return failed(t.ctx, subject.about(err))
		case t.committing && !pgconn.SafeToRetry(err):
			return fmt.Errorf("%w; it is unknown whether the Changeset was kept", failed(t.ctx, err))
		}
		t.committing = false // nothing was sent
		return failed(t.ctx, subject.about(err))
	}
	if err := results.Close(); err != nil && !t.committing {
		return failed(t.ctx, err)
	}
	return nil
}

// run reads the result of one statement, by its own function if it has one.
func run(results pgx.BatchResults, q *pgx.QueuedQuery) error {
	if q.Fn != nil {
		return q.Fn(results)
	}
	_, err := results.Exec()
	return err
}

func (r record) about(err error) error {
	if r.table == "" {
		return err
	}
	return fmt.Errorf("%s %s: %w", r.table, unescape(r.id), err)
}
