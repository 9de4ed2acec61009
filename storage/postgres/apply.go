package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// attempts is how often a transaction is begun when PostgreSQL asks for it, or when a connection turns out to be dead.
const attempts = 10

// A write is a Changeset in the form in which it is kept, and the outcome.
type write struct {
	incidents []record // in the order of the Changeset, in which new ones get their numbers
	alerts    []record
	entries   []record
	attached  [][]string // digests, of each entry
	contents  []activity.Content
	redact    []string
	purge     []string // incidents, each once
	items     []item
	expire    []expiry
	guard     guard
	restored  bool // records have the versions and numbers that they keep

	ctx     context.Context
	receipt storage.Receipt
	err     error
}

// rows returns how many rows it writes, about.
func (w *write) rows() int {
	return len(w.incidents) + len(w.alerts) + len(w.entries) + len(w.contents) + len(w.items)
}

// ordered reports whether w has, besides entries and new incidents, what only one transaction of the tenant may write
// at a time.
func (w *write) ordered() bool {
	return len(w.contents)+len(w.redact)+len(w.purge)+len(w.expire) > 0 ||
		slices.ContainsFunc(w.items, func(i item) bool { return i.version == 0 })
}

// A record is a row that is to be written.
type record struct {
	table   string // as people call it
	id      string
	version int64      // that it must have where it is stored
	number  int64      // that it has where it is restored
	row     []any      // of the statement that writes it
	keys    [][]byte   // of an alert's entities
	seen    alertSight // of an alert
	counts  counted    // of an incident
}

// An alertSight is what the table of sightings says of an alert.
type alertSight struct {
	incident   string
	at         int64
	standalone bool
}

func sight(a *alert.Alert) alertSight {
	return alertSight{escape(a.Incident), micros(a.FirstActivity), a.Standalone}
}

// prepare encodes a Changeset, before any lock is held.
func prepare(tenant string, cs storage.Changeset, restored bool) (*write, error) {
	check := driver.Check
	if restored {
		check = driver.CheckRestored
	}
	if err := check(cs); err != nil {
		return nil, err
	}
	cs = driver.Canonical(cs)
	w := &write{
		redact:   escapeAll(cs.Redact),
		purge:    escapeAll(cs.Purge),
		guard:    guard{cs.Guard.Seq, slices.Clone(cs.Guard.Keys)},
		restored: restored,
	}
	slices.Sort(w.purge)
	w.purge = slices.Compact(w.purge)
	for n := range cs.Incidents {
		r, err := incidentRecord(tenant, &cs.Incidents[n])
		if err != nil {
			return nil, err
		}
		w.incidents = append(w.incidents, r)
	}
	for n := range cs.Alerts {
		r, err := alertRecord(tenant, &cs.Alerts[n], driver.AlertKeys(cs, n))
		if err != nil {
			return nil, err
		}
		w.alerts = append(w.alerts, r)
	}
	for n := range cs.Activity {
		e := &cs.Activity[n]
		r, err := entryRecord(tenant, e)
		if err != nil {
			return nil, err
		}
		w.entries, w.attached = append(w.entries, r), append(w.attached, named(e))
	}
	for n := range cs.Items {
		i, err := itemRecord(&cs.Items[n])
		if err != nil {
			return nil, err
		}
		w.items = append(w.items, i)
	}
	for _, x := range cs.Expire {
		w.expire = append(w.expire, expiry{escape(x.Kind), from(x.Before)})
	}
	if restored {
		for n := range w.incidents {
			w.incidents[n].row[2] = cs.Incidents[n].Version
		}
		for n := range w.alerts {
			w.alerts[n].row[2] = cs.Alerts[n].Version
		}
		w.redact, w.guard = nil, guard{}
	}
	for _, c := range cs.Contents { // which may be written when the caller has given up
		w.contents = append(w.contents, activity.Content{SHA256: c.SHA256, Data: append([]byte{}, c.Data...)})
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
	type list struct {
		column string
		values []string
	}
	lists := []list{{"tags", tags}}
	for l, values := range a.Lists() {
		lists = append(lists, list{listColumns()[l], escapeAll(*values)})
	}
	lists = append(lists, list{"refs", references(i.References)})
	row := []any{
		tenant, escape(i.ID), i.Version + 1, escape(i.Name), escape(incident.Fold(i.Name)), int16(i.Status), int16(i.Severity),
		int64(i.Priority), !i.Owner.IsZero(), escape(incident.Fold(i.Owner.ID)),
		escape(i.Verdict.Classification), escape(i.Verdict.Determination),
		append([]int16{}, severities...), int16(a.Criticality), micros(i.Created), micros(i.Updated), text,
	}
	all := []int64{}
	for _, l := range lists {
		row = append(row, l.values)
		all = append(all, terms(tenant, l.column, l.values)...)
	}
	counts := counted{int16(i.Status), int16(i.Severity), facets(i)}
	return record{table: "incident", id: escape(i.ID), version: i.Version, number: i.Number, counts: counts, row: append(row, all, classified(a), counts.facets)}, nil
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

// listColumns are those of the lists of a summary.
var listColumns = sync.OnceValue(func() (columns [incident.Lists]string) {
	for l := range columns {
		columns[l] = driver.Column(incident.List(l))
	}
	return columns
})

// incidentSQL are the statements that write what incidentRecord returns, an insert with a number besides.
var incidentSQL = sync.OnceValue(func() (sql struct{ insert, update string }) {
	columns := []string{
		"tenant", "id", "version", "name", "folded", "status", "severity", "priority", "assigned", "owner",
		"classification", "determination", "alert_severities", "criticality", "created", "updated", "record", "tags",
	}
	lists := listColumns()
	columns = append(columns, lists[:]...)
	columns = append(columns, "refs", "terms", "alert_classifications", "facets")
	var values, set []string
	for n, column := range columns {
		value := "$" + strconv.Itoa(n+1)
		if column == "record" {
			value += "::text::json"
		}
		values, set = append(values, value), append(set, column+" = "+value)
	}
	number := "t.number - $" + strconv.Itoa(len(columns)+1)
	number += "::bigint"
	sql.insert = "insert into incidentkit.incidents (" + strings.Join(columns, ", ") + ", number) " +
		"select " + strings.Join(append(values, number), ", ") +
		" from incidentkit.tenants t where t.tenant = $1"
	sql.update = "update incidentkit.incidents set " + strings.Join(set[2:], ", ") + " where tenant = $1 and id = $2"
	return sql
})

func alertRecord(tenant string, a *alert.Alert, keys []alert.Key) (record, error) {
	text, err := encode("alert", string(a.ID), a)
	if err != nil {
		return record{}, err
	}
	seen := sight(a)
	return record{table: "alert", id: escape(a.ID), version: a.Version, keys: digests(keys), seen: seen,
		row: []any{
			tenant, escape(a.ID), a.Version + 1, seen.incident, int16(a.Status), int16(a.Severity), seen.at, text,
			escape(a.Origin.Source), escape(a.Category), escape(incident.Fold(a.Title)),
		}}, nil
}

const (
	insertAlert = `insert into incidentkit.alerts (tenant, id, version, incident, status, severity, first_activity,
		record, source, category, title_folded) values ($1, $2, $3, $4, $5, $6, $7, $8::text::json, $9, $10, $11)`
	overAlert = ` on conflict (tenant, id) do update set version = excluded.version, incident = excluded.incident,
		status = excluded.status, severity = excluded.severity, first_activity = excluded.first_activity,
		record = excluded.record, source = excluded.source, category = excluded.category,
		title_folded = excluded.title_folded`
	updateAlert = `update incidentkit.alerts set version = $3, incident = $4, status = $5, severity = $6,
		first_activity = $7, record = $8::text::json, source = $9, category = $10, title_folded = $11
		where tenant = $1 and id = $2`
	keepSightings = `with gone as (
			delete from incidentkit.sightings where tenant = $1 and alert = $2 and key <> all($3::bytea[]))
		update incidentkit.sightings set incident = $4, first_activity = $5, standalone = $6
		where tenant = $1 and alert = $2 and key = any($3::bytea[])
		and (incident, first_activity, standalone) is distinct from ($4, $5, $6)`
	addSightings = `insert into incidentkit.sightings (tenant, alert, key, incident, first_activity, standalone, stamp)
		select $1, x.alert, x.key, x.incident, x.first_activity, x.standalone, coalesce(t.seq - x.back, 0)
		from incidentkit.tenants t,
		(select unnest($2::text[]) alert, unnest($3::bytea[]) key, unnest($4::text[]) incident,
			unnest($5::bigint[]) first_activity, unnest($6::boolean[]) standalone, unnest($7::bigint[]) back) x
		where t.tenant = $1 on conflict do nothing`
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
	return record{table: "entry", id: escape(e.ID), number: e.Seq, row: []any{tenant, escape(e.ID), micros(e.Time), escape(e.Incident), escape(e.Alert), int16(e.Type),
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
	lockIncidents = `select id, version, number, status, severity, facets from incidentkit.incidents where tenant = $1 and id = any($2::text[]) order by id for update`
	lockAlerts    = `select id, version, 0::bigint, 0::smallint, 0::smallint, '{}'::text[] from incidentkit.alerts where tenant = $1 and id = any($2::text[]) order by id for update`
	findEntries   = `select id, 1::bigint, seq, 0::smallint, 0::smallint, '{}'::text[] from incidentkit.entries where tenant = $1 and id = any($2::text[])`
)
