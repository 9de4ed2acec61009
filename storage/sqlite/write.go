package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A tx is the transaction that is open on the session of the leader. What was begun is done, so its context is
// never over.
type tx struct {
	*session
	ctx     context.Context
	tallies tallies // what putTallies has to change
}

func (t tx) exec(query string, args ...any) error { return t.session.exec(t.ctx, query, args...) }

// find is one for what need not be there.
func (t tx) find(query string, args, places []any) (found bool, err error) {
	err = t.one(t.ctx, query, args, places)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// apply stores cs, with the versions and numbers that its records have when it is restored. When it returns an error
// some of it may be in the transaction.
func (t tx) apply(cs storage.Changeset, restored bool) (storage.Receipt, error) {
	var r storage.Receipt
	var last int64 // Seq in the log before cs, where it is needed
	if len(cs.Activity) > 0 || len(cs.Guard.Keys) > 0 && !restored {
		if err := t.one(t.ctx, `SELECT coalesce(max(seq), 0) FROM activity`, nil, []any{&last}); err != nil {
			return r, err
		}
	}
	if len(cs.Guard.Keys) > 0 && !restored {
		if err := t.guard(cs.Guard, last); err != nil {
			return r, err
		}
	}
	changed := make(tallies)
	for n := range cs.Incidents {
		number, err := t.putIncident(cs.Incidents[n], restored, changed)
		if err != nil {
			return r, err
		}
		r.Numbers = append(r.Numbers, number)
	}
	stamp := stampOf(cs, last, restored)
	for n := range cs.Alerts {
		if err := t.putAlert(cs, n, restored, stamp); err != nil {
			return r, err
		}
	}
	for _, id := range cs.Purge {
		if err := t.purge(id); err != nil {
			return r, err
		}
	}
	for _, x := range cs.Expire {
		if err := t.exec(expireItems, x.Kind, ceiling(x.Before)); err != nil {
			return r, err
		}
	}
	put := t.putItem
	if restored {
		put = t.restoreItem
	}
	for _, i := range cs.Items {
		if err := put(i); err != nil {
			return r, err
		}
	}
	var redact []activity.Entry
	if !restored {
		var err error
		if redact, err = t.toRedact(cs.Redact); err != nil {
			return r, err
		}
	}
	if len(cs.Activity) > 0 {
		r.Seq = last + 1
		if err := t.addEntries(cs.Activity, r.Seq, restored); err != nil {
			return r, err
		}
	}
	for _, e := range redact {
		if err := t.replaceEntry(e, e.Redact()); err != nil {
			return r, err
		}
	}
	for _, c := range cs.Contents {
		data := c.Data
		if data == nil {
			data = []byte{}
		}
		if err := t.exec(`INSERT INTO contents (sha256, data) SELECT ?1, ?2
			WHERE EXISTS (SELECT 1 FROM content_names WHERE sha256 = ?1) ON CONFLICT (sha256) DO NOTHING`, c.SHA256, data); err != nil {
			return r, err
		}
	}
	t.tallies.merge(changed)
	return r, nil
}

func missing(record, id string) error {
	return &driver.Failure{Class: storage.ErrNotFound, Text: fmt.Sprintf("storage: %s %s: not found", record, id)}
}

// incidentSQL are the statements about incidents that name their columns. They are made of constants and of the names
// of lists.
var incidentSQL = sync.OnceValue(func() (sql struct {
	one, all, facets, stored, insert, update, updateSameName string
}) {
	var names []string
	for l := range incident.Lists {
		names = append(names, driver.Column(incident.List(l)))
	}
	listColumns := strings.Join(names, `, `)
	changingColumns := incidentChanging + listColumns + incidentAfterLists
	writtenColumns := changingColumns + `, owner_folded`
	namedColumns := `name, created, ` + writtenColumns + `, name_folded`
	allColumns := incidentColumns + writtenColumns + `, name_folded`
	marksFor := func(columns string) string { return `?` + strings.Repeat(`, ?`, strings.Count(columns, `,`)) }

	sql.all = `SELECT ` + incidentColumns + changingColumns + ` FROM incidents WHERE true`
	sql.one = `SELECT ` + incidentColumns + changingColumns + ` FROM incidents WHERE id = ?`
	// What facets are counted by.
	sql.facets = `SELECT status, severity, owner_kind, owner_id, owner_name, tags, classification, determination, ` +
		listColumns + `, criticality
		FROM incidents WHERE true`
	// What is stored of an incident that a new version may leave as it is.
	sql.stored = `SELECT number, version, name, created, tags, incident_references, ` +
		listColumns + `, alerts, classified,
		status, severity, owner_kind, owner_id, owner_name, classification, determination, criticality
		FROM incidents WHERE id = ?`
	sql.insert = `INSERT INTO incidents (` + allColumns + `) VALUES (` + marksFor(allColumns) + `)`
	sql.update = `UPDATE incidents SET (` + namedColumns + `) = (` + marksFor(namedColumns) + `) WHERE number = ?`
	sql.updateSameName = `UPDATE incidents SET (` + writtenColumns + `) = (` + marksFor(writtenColumns) + `)
		WHERE number = ?`
	return sql
})

// putIncident stores i and adds what that changes to the counts.
func (t tx) putIncident(i incident.Incident, restored bool, changed tallies) (number int64, err error) {
	var old incident.Incident
	s := &old.Alerts
	places := []any{
		&old.Number,
		&old.Version,
		&old.Name,
		micros{&old.Created},
		list[incident.Tag]{&old.Tags},
		list[incident.Reference]{&old.References},
	}
	for _, items := range s.Lists() {
		places = append(places, list[string]{items})
	}
	places = append(places,
		&s.Count, list[incident.Classified]{&s.Classified},
		&old.Status, &old.Severity, &old.Owner.Kind, &old.Owner.ID, &old.Owner.Name,
		&old.Verdict.Classification, &old.Verdict.Determination, &s.Criticality,
	)
	found, err := t.find(incidentSQL().stored, []any{i.ID}, places)
	if err != nil {
		return 0, err
	}
	next := old.Number
	if !found {
		if err := t.one(t.ctx, `SELECT coalesce(max(number), 0) + 1 FROM incidents`, nil, []any{&next}); err != nil {
			return 0, err
		}
	}
	switch {
	case !restored:
		if err := driver.CheckVersion("incident", string(i.ID), i.Version, old.Version); err != nil {
			return 0, err
		}
		i.Version++
		i.Number = next
	case i.Number < next || found && i.Number > next:
		return 0, driver.Exists("incident", fmt.Sprintf("%s of another number than %d", i.ID, i.Number))
	}
	places = append(incidentPlaces(&i), incident.Fold(i.Owner.ID))
	switch {
	case !found:
		err = t.exec(incidentSQL().insert, append(places, incident.Fold(i.Name))...)
	case i.Name == old.Name && i.Created.Equal(old.Created):
		err = t.exec(incidentSQL().updateSameName, append(places[4:], i.Number)...)
	default:
		err = t.exec(incidentSQL().update, append(places[2:], incident.Fold(i.Name), i.Number)...)
	}
	if err != nil {
		return 0, err
	}
	if found {
		changed.count(&old, -1)
	}
	changed.count(&i, 1)
	return i.Number, t.putValues(i.Number, values(&old), values(&i))
}

// putValues replaces what incident_values has of an incident.
func (t tx) putValues(number int64, before, after map[incidentValue]bool) error {
	for v := range before {
		if after[v] {
			continue
		}
		if err := t.exec(`DELETE FROM incident_values WHERE field = ? AND value = ? AND number = ?`, v.field, v.value, number); err != nil {
			return err
		}
	}
	var fresh []incidentValue
	for v := range after {
		if !before[v] {
			fresh = append(fresh, v)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	// As they stand in the table.
	slices.SortFunc(fresh, func(v, w incidentValue) int {
		return cmp.Or(cmp.Compare(v.field, w.field), cmp.Compare(v.value, w.value))
	})
	rows := []byte{'['}
	for n, v := range fresh {
		if n > 0 {
			rows = append(rows, ',')
		}
		rows = fmt.Appendf(rows, `[%d,"%x"]`, v.field, v.value)
	}
	return t.exec(`INSERT INTO incident_values (field, value, number)
		SELECT value ->> 0, CAST(unhex(value ->> 1) AS TEXT), ? FROM json_each(?)`, number, string(append(rows, ']')))
}

const (
	// What is stored of an alert that says whether its keys change.
	selectPlace = `SELECT incident, first_activity, version, standalone, source, title, evidence, added,
		last_activity, category, techniques
		FROM alerts WHERE id = ?`
	insertAlert = `INSERT INTO alerts (` + alertColumns + `, title_folded, added) VALUES (
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		` + orLast + `) ON CONFLICT (id) DO NOTHING`
	updateAlert = `UPDATE alerts SET (incident, first_activity, ` + alertChanging + `, title_folded, added) = (
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		` + orLast + `) WHERE id = ?`
	updateSamePlace = `UPDATE alerts SET (` + alertChanging + `, title_folded) = (
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?`

	// A stamp, for which NULL is the last Seq in the log.
	orLast = `coalesce(?, (SELECT max(seq) FROM activity), 0)`
)

// stampOf returns the stamp of the keys that cs adds to alerts, by which a Guard tells when that was. Nil stands for
// the last Seq in the log, which is read only where there are such keys. When cs has entries, last is the Seq before
// them.
func stampOf(cs storage.Changeset, last int64, restored bool) *int64 {
	switch {
	case restored:
		return new(int64)
	case len(cs.Activity) == 0:
		return nil
	}
	return new(last + 1)
}

// putAlert stores the n-th alert of cs. The keys that it did not have get a stamp.
func (t tx) putAlert(cs storage.Changeset, n int, restored bool, stamp *int64) error {
	a := cs.Alerts[n]
	given := a.Version
	if !restored {
		a.Version++
	}
	places := append(alertPlaces(&a), incident.Fold(a.Title))
	if given == 0 || restored {
		result, err := t.execute(t.ctx, insertAlert, append(places, stamp)...)
		if err != nil {
			return err
		}
		if added, err := result.RowsAffected(); err != nil || added > 0 {
			return errors.Join(err, t.addKeys(&a, driver.AlertKeys(cs, n), stamp))
		}
	}
	var old alert.Alert
	var was *string // its evidence
	var added int64 // its stamp
	if _, err := t.find(selectPlace, []any{a.ID}, []any{&old.Incident, micros{&old.FirstActivity}, &old.Version,
		&old.Standalone, &old.Origin.Source, &old.Title, &was, &added, micros{&old.LastActivity}, &old.Category,
		list[string]{&old.Techniques}}); err != nil {
		return err
	}
	if !restored {
		if err := driver.CheckVersion("alert", string(a.ID), given, old.Version); err != nil {
			return err
		}
	}
	is, err := evidence{&a.Evidence}.Value()
	if err != nil {
		return err
	}
	samePlace := old.Incident == a.Incident && old.FirstActivity.Equal(a.FirstActivity)
	// A key is that of evidence, of what it is worth, or of the kind.
	text, some := is.(string)
	sameEvidence := some == (was != nil) && (!some || text == *was)
	sameKind := old.Origin.Source == a.Origin.Source && old.Title == a.Title || old.KindKey() == a.KindKey()
	sameKeys := sameEvidence && sameKind && old.SameMarkers(a)
	if samePlace && sameKeys && old.Standalone == a.Standalone {
		return t.exec(updateSamePlace, append(places[3:], a.ID)...)
	}
	keys := driver.AlertKeys(cs, n)
	c := keyChange{stay: keys}
	if !sameKeys {
		if was != nil {
			if err := (evidence{&old.Evidence}).Scan(*was); err != nil {
				return err
			}
		}
		c = compareKeys(old.Keys(), keys)
	}
	switch {
	case len(c.fresh) > 0 && !restored:
		err = t.exec(updateAlert, append(places[1:], stamp, a.ID)...)
	case !samePlace:
		err = t.exec(updateAlert, append(places[1:], added, a.ID)...)
	default:
		err = t.exec(updateSamePlace, append(places[3:], a.ID)...)
	}
	if err != nil {
		return err
	}
	return t.changeKeys(&old, &a, c, stamp)
}

// A keyChange is how the keys of an alert change.
type keyChange struct{ gone, stay, fresh []alert.Key }

func compareKeys(before, after []alert.Key) (c keyChange) {
	had := make(map[alert.Key]bool, len(before))
	for _, key := range before {
		had[key] = true
	}
	for _, key := range after {
		if had[key] {
			c.stay = append(c.stay, key)
			delete(had, key)
		} else {
			c.fresh = append(c.fresh, key)
		}
	}
	c.gone = slices.Collect(maps.Keys(had))
	return c
}

// changeKeys stores where the entities of a are seen, which was old before. The keys that stay keep their stamps.
func (t tx) changeKeys(old, a *alert.Alert, c keyChange, stamp *int64) error {
	at := micros{&old.FirstActivity}
	if len(c.gone) > 0 {
		if err := t.exec(`DELETE FROM alert_keys WHERE first_activity = ? AND alert = ?
			AND key`+inTexts, at, a.ID, texts(c.gone)); err != nil {
			return err
		}
	}
	var err error
	switch {
	case len(c.stay) == 0:
	case !old.FirstActivity.Equal(a.FirstActivity):
		err = t.exec(`UPDATE alert_keys SET (first_activity, incident, standalone) = (?, ?, ?)
			WHERE first_activity = ? AND alert = ? AND key`+inTexts,
			micros{&a.FirstActivity}, a.Incident, a.Standalone, at, a.ID, texts(c.stay))
	case old.Incident != a.Incident || old.Standalone != a.Standalone: // which leaves the other indexes as they are
		err = t.exec(`UPDATE alert_keys SET (incident, standalone) = (?, ?)
			WHERE first_activity = ? AND alert = ? AND key`+inTexts, a.Incident, a.Standalone, at, a.ID, texts(c.stay))
	}
	if err != nil || len(c.fresh) == 0 {
		return err
	}
	return t.addKeys(a, c.fresh, stamp)
}

// addKeys stores where the entities of a with these keys are seen, which were not seen there before.
func (t tx) addKeys(a *alert.Alert, keys []alert.Key, stamp *int64) error {
	keys = slices.Sorted(slices.Values(keys)) // as they stand in the table
	return t.exec(`INSERT INTO alert_keys (key, first_activity, alert, incident, standalone, added)
		SELECT CAST(unhex(value) AS TEXT), ?, ?, ?, ?, `+orLast+` FROM json_each(?)`,
		micros{&a.FirstActivity}, a.ID, a.Incident, a.Standalone, stamp, texts(keys))
}

// purge takes away the alerts and items of an incident, and of its entries all but their skeletons.
func (t tx) purge(id incident.ID) error {
	if err := errors.Join(
		t.exec(`DELETE FROM alert_keys WHERE incident = ?`, id),
		t.exec(`DELETE FROM alerts WHERE incident = ?`, id),
		t.exec(purgeItems, id)); err != nil {
		return err
	}
	entries, err := t.entries(id)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := t.replaceEntry(e, e.Skeleton()); err != nil {
			return err
		}
	}
	return nil
}

// entries returns those of an incident.
func (t tx) entries(id incident.ID) (entries []activity.Entry, err error) {
	rows, err := t.query(t.ctx, `SELECT `+entryColumns+` FROM activity WHERE incident = ?`, []any{id})
	if err != nil {
		return nil, err
	}
	for err == nil && rows.Next() {
		var e activity.Entry
		err = rows.Scan(entryPlaces(&e)...)
		entries = append(entries, e)
	}
	return entries, cmp.Or(err, rows.Err(), rows.close())
}

const (
	entryValues = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertEntry = `INSERT INTO activity (` + entryColumns + `) VALUES ` + entryValues + ` ON CONFLICT (id) DO NOTHING`
	updateEntry = `UPDATE activity SET (` + entryColumns + `) = ` + entryValues + ` WHERE seq = ?`
)

// addEntries stores new entries from the Seq next on. Those that are restored have theirs, and may be there.
func (t tx) addEntries(entries []activity.Entry, next int64, restored bool) error {
	for _, e := range entries {
		if restored && e.Seq < next {
			old, found, err := t.entry(e.ID)
			if err != nil {
				return err
			}
			if !found || old.Seq != e.Seq {
				return elsewhere(e)
			}
			if err := t.replaceEntry(old, e); err != nil {
				return err
			}
			continue
		}
		if restored && e.Seq > next {
			return elsewhere(e)
		}
		e.Seq = next
		next++
		result, err := t.execute(t.ctx, insertEntry, entryPlaces(&e)...)
		if err != nil {
			return err
		}
		if added, err := result.RowsAffected(); err != nil {
			return err
		} else if added == 0 {
			return driver.Exists("entry", string(e.ID))
		}
		if err := t.nameContents(e); err != nil {
			return err
		}
	}
	return nil
}

func elsewhere(e activity.Entry) error {
	return driver.Exists("entry", fmt.Sprintf("%s at another place than %d", e.ID, e.Seq))
}

// nameContents stores which contents e names.
func (t tx) nameContents(e activity.Entry) error {
	if e.Redacted {
		return nil
	}
	for _, a := range e.Attachments {
		if err := t.exec(`INSERT INTO content_names (sha256, seq) VALUES (?, ?) ON CONFLICT DO NOTHING`, a.SHA256, e.Seq); err != nil {
			return err
		}
	}
	return nil
}

// entry returns the one with that ID.
func (t tx) entry(id activity.ID) (e activity.Entry, found bool, err error) {
	found, err = t.find(`SELECT `+entryColumns+` FROM activity WHERE id = ?`, []any{id}, entryPlaces(&e))
	return e, found, err
}

// toRedact returns the entries with those IDs, as they are.
func (t tx) toRedact(ids []activity.ID) ([]activity.Entry, error) {
	var entries []activity.Entry
	for _, id := range ids {
		e, found, err := t.entry(id)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, missing("entry", string(id))
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// replaceEntry puts e in the place of old, and takes away the contents that this was the last to name.
func (t tx) replaceEntry(old, e activity.Entry) error {
	if err := t.exec(updateEntry, append(entryPlaces(&e), old.Seq)...); err != nil {
		return err
	}
	for _, a := range old.Attachments {
		if err := t.exec(`DELETE FROM content_names WHERE sha256 = ? AND seq = ?`, a.SHA256, old.Seq); err != nil {
			return err
		}
	}
	if err := t.nameContents(e); err != nil {
		return err
	}
	for _, a := range old.Attachments {
		if err := t.exec(`DELETE FROM contents WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM content_names WHERE sha256 = ?1)`, a.SHA256); err != nil {
			return err
		}
	}
	return nil
}

// ceiling returns the first microsecond that is not before t.
func ceiling(t time.Time) int64 {
	switch {
	case !countable(t) && t.Year() < 0:
		return -1 << 63
	case !countable(t):
		return 1<<63 - 1
	case t.Nanosecond()%1000 != 0:
		return t.UnixMicro() + 1
	}
	return t.UnixMicro()
}
