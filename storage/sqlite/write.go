package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
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

// apply stores cs. When it returns an error some of it may be in the transaction.
func (t tx) apply(cs storage.Changeset) (storage.Receipt, error) {
	var r storage.Receipt
	if err := cs.CheckOnce(); err != nil {
		return r, err
	}
	changed := make(tallies)
	for n := range cs.Incidents {
		number, err := t.putIncident(cs.Incidents[n], changed)
		if err != nil {
			return r, err
		}
		r.Numbers = append(r.Numbers, number)
	}
	for n := range cs.Alerts {
		if err := t.putAlert(cs.Alerts[n]); err != nil {
			return r, err
		}
	}
	redact, err := t.toRedact(cs.Redact)
	if err != nil {
		return r, err
	}
	if len(cs.Activity) > 0 {
		if r.Seq, err = t.addEntries(cs.Activity); err != nil {
			return r, err
		}
	}
	for _, e := range redact {
		if err := t.redact(e); err != nil {
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

func exists(record, id string) error {
	return fmt.Errorf("storage: %s %s: %w", record, id, storage.ErrExists)
}

func missing(record, id string) error {
	return fmt.Errorf("storage: %s %s: %w", record, id, storage.ErrNotFound)
}

const (
	// What is stored of an incident that a new version may leave as it is.
	selectStored = `SELECT number, version, tags, incident_references, sources, detection_sources, products, categories, techniques, device_groups,
		platforms, threats, threat_actors, alerts, classified,
		status, severity, owner_kind, owner_id, owner_name, classification, determination, criticality FROM incidents WHERE id = ?`
	insertIncident = `INSERT OR REPLACE INTO incidents (` + incidentColumns + `, name_folded) VALUES (
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// putIncident stores i and adds what that changes to the counts.
func (t tx) putIncident(i incident.Incident, changed tallies) (number int64, err error) {
	var old incident.Incident
	s := &old.Alerts
	found, err := t.find(selectStored, []any{i.ID}, []any{
		&old.Number, &old.Version, list[incident.Tag]{&old.Tags}, list[incident.Reference]{&old.References},
		list[string]{&s.Sources}, list[string]{&s.DetectionSources}, list[string]{&s.Products}, list[string]{&s.Categories}, list[string]{&s.Techniques}, list[string]{&s.DeviceGroups},
		list[string]{&s.Platforms}, list[string]{&s.Threats}, list[string]{&s.ThreatActors}, &s.Count, list[incident.Classified]{&s.Classified},
		&old.Status, &old.Severity, &old.Owner.Kind, &old.Owner.ID, &old.Owner.Name, &old.Verdict.Classification, &old.Verdict.Determination, &s.Criticality,
	})
	if err != nil {
		return 0, err
	}
	if err := storage.CheckVersion("incident", string(i.ID), i.Version, old.Version); err != nil {
		return 0, err
	}
	i.Number = old.Number
	if i.Version++; i.Version == 1 {
		if err := t.one(t.ctx, `SELECT coalesce(max(number), 0) + 1 FROM incidents`, nil, []any{&i.Number}); err != nil {
			return 0, err
		}
	}
	if err := t.exec(insertIncident, append(incidentPlaces(&i), incident.Fold(i.Name))...); err != nil {
		return 0, err
	}
	if found {
		changed.count(&old, -1)
	}
	changed.count(&i, 1)
	before, after := values(&old), values(&i)
	for v := range before {
		if after[v] {
			continue
		}
		if err := t.exec(`DELETE FROM incident_values WHERE field = ? AND value = ? AND number = ?`, v.field, v.value, i.Number); err != nil {
			return 0, err
		}
	}
	for v := range after {
		if before[v] {
			continue
		}
		if err := t.exec(`INSERT INTO incident_values (field, value, number) VALUES (?, ?, ?)`, v.field, v.value, i.Number); err != nil {
			return 0, err
		}
	}
	return i.Number, nil
}

const (
	selectAlert = `SELECT ` + alertColumns + ` FROM alerts WHERE id = ?`
	insertAlert = `INSERT INTO alerts (` + alertColumns + `) VALUES (
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	replaceAlert = `INSERT OR REPLACE INTO alerts (place, ` + alertColumns + `) VALUES (
		(SELECT place FROM alerts WHERE id = ?1), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
		?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36)`
)

func (t tx) putAlert(a alert.Alert) error {
	var old alert.Alert
	found, err := t.find(selectAlert, []any{a.ID}, alertPlaces(&old))
	if err != nil {
		return err
	}
	if err := storage.CheckVersion("alert", string(a.ID), a.Version, old.Version); err != nil {
		return err
	}
	put := insertAlert
	if found {
		put = replaceAlert
	}
	a.Version++
	if err := t.exec(put, alertPlaces(&a)...); err != nil {
		return err
	}
	var before, after []alert.Key
	after = a.Keys()
	at, _ := micros{&a.FirstActivity}.Value()
	if found {
		before = old.Keys()
		was, _ := micros{&old.FirstActivity}.Value()
		if was == at && old.Incident == a.Incident && old.Standalone == a.Standalone && slices.Equal(before, after) {
			return nil
		}
		if err := t.exec(`DELETE FROM alert_keys WHERE first_activity = ? AND alert = ?
			AND key`+inTexts, was, a.ID, texts(before)); err != nil {
			return err
		}
	}
	slices.Sort(after) // as they stand in the table
	return t.exec(`INSERT INTO alert_keys (key, first_activity, alert, incident, standalone)
		SELECT CAST(unhex(value) AS TEXT), ?, ?, ?, ? FROM json_each(?)`, at, a.ID, a.Incident, a.Standalone, texts(after))
}

const insertEntry = `INSERT INTO activity (` + entryColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

// addEntries returns the Seq of the first.
func (t tx) addEntries(entries []activity.Entry) (first int64, err error) {
	if err := t.one(t.ctx, `SELECT coalesce(max(seq), 0) + 1 FROM activity`, nil, []any{&first}); err != nil {
		return 0, err
	}
	for n, e := range entries {
		e.Seq = first + int64(n)
		result, err := t.execute(t.ctx, insertEntry, entryPlaces(&e)...)
		if err != nil {
			return 0, err
		}
		if added, err := result.RowsAffected(); err != nil {
			return 0, err
		} else if added == 0 {
			return 0, exists("entry", string(e.ID))
		}
		if e.Redacted {
			continue
		}
		for _, a := range e.Attachments {
			if err := t.exec(`INSERT INTO content_names (sha256, seq) VALUES (?, ?) ON CONFLICT DO NOTHING`, a.SHA256, e.Seq); err != nil {
				return 0, err
			}
		}
	}
	return first, nil
}

// toRedact returns the entries with those IDs, as they are.
func (t tx) toRedact(ids []activity.ID) ([]activity.Entry, error) {
	var entries []activity.Entry
	for _, id := range ids {
		var e activity.Entry
		found, err := t.find(`SELECT `+entryColumns+` FROM activity WHERE id = ?`, []any{id}, entryPlaces(&e))
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

// redact takes away what e says, and the contents that it was the last to name.
func (t tx) redact(e activity.Entry) error {
	attachments := e.Attachments
	e = e.Redact()
	if err := t.exec(`UPDATE activity SET text = ?, attachments = ?, redacted = ? WHERE seq = ?`, e.Text, list[activity.Attachment]{&e.Attachments}, e.Redacted, e.Seq); err != nil {
		return err
	}
	for _, a := range attachments {
		if err := errors.Join(
			t.exec(`DELETE FROM content_names WHERE sha256 = ? AND seq = ?`, a.SHA256, e.Seq),
			t.exec(`DELETE FROM contents WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM content_names WHERE sha256 = ?1)`, a.SHA256)); err != nil {
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
