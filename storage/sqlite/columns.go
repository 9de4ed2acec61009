package sqlite

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// The columns of each table, and below what stands in them, in the same order. A list of places serves both
// ways: rows are scanned into them, and what they hold is what is written.
//
// Those of incidents are incidentColumns, incidentChanging, the lists of a summary and incidentAfterLists. From
// incidentChanging on, and in alertChanging, are those that most updates change: an update that leaves the columns
// before them as they are does not write these, so that their indexes stay as they are too.
const (
	incidentColumns  = `number, id, name, created, `
	incidentChanging = `version, renamed, severity, severity_overridden, priority, status,
		owner_kind, owner_id, owner_name, tags, classification, determination, resolved, redirect_to, incident_references,
		comments, updated, alerts, unrated, informational, low, medium, high,
		alerts_new, alerts_in_progress, alerts_resolved, others, devices, users, mailboxes, apps, cloud_resources,
		first_activity, last_activity, rarest, title, `
	incidentAfterLists = `, classified, criticality, system_tags, description, note, extra, named, severity_given`

	briefColumns  = `id, incident, first_activity, ` + briefChanging
	briefChanging = `version, source, source_id, product, detection_source, title, category, actor,
		threat, threat_family, url, severity, status, classification, determination, owner_kind, owner_id, owner_name,
		last_activity, created, source_updated, resolved, updated, received, repeated, source_status,
		repeats, seen, standalone`
	alertColumns  = `id, incident, first_activity, ` + alertChanging
	alertChanging = briefChanging + `, description, recommended_actions, techniques, tags, system_tags, extra, evidence,
		edited`

	entryColumns = `seq, id, time, incident, alert, type, actor_kind, actor_id, actor_name, cause, changes, text,
		links, attachments, redacted, subject, origin, occurred, on_behalf_of, part, part_index, version,
		digest, alert_digest, salt, seal_parts`
)

func incidentPlaces(i *incident.Incident) []any {
	s := &i.Alerts
	places := []any{
		&i.Number, &i.ID, &i.Name, micros{&i.Created}, &i.Version, &i.Renamed, &i.Severity, &i.SeverityOverridden, &i.Priority, &i.Status,
		&i.Owner.Kind, &i.Owner.ID, &i.Owner.Name, list[incident.Tag]{&i.Tags}, &i.Verdict.Classification, &i.Verdict.Determination,
		micros{&i.Resolved}, &i.RedirectTo, list[incident.Reference]{&i.References},
		&i.Comments, micros{&i.Updated}, &s.Count,
	}
	for n := range s.BySeverity {
		places = append(places, &s.BySeverity[n])
	}
	for n := range s.ByStatus {
		places = append(places, &s.ByStatus[n])
	}
	for n := range s.Assets {
		places = append(places, &s.Assets[n])
	}
	places = append(places, micros{&s.FirstActivity}, micros{&s.LastActivity}, &s.Rarest, &s.Title)
	for _, items := range s.Lists() {
		places = append(places, list[string]{items})
	}
	return append(places, list[incident.Classified]{&s.Classified}, &s.Criticality, list[incident.Tag]{&s.SystemTags},
		&i.Description, &i.Note, &i.Extra, &i.Named, &i.SeverityGiven)
}

// facetPlaces returns what scans into the columns that facets are counted by. Lists share what they hold with others
// that are equal.
func facetPlaces() func(i *incident.Incident) []any {
	texts, tags := make(map[string][]string), make(map[string][]incident.Tag)
	return func(i *incident.Incident) []any {
		places := []any{&i.Status, &i.Severity, &i.Owner.Kind, &i.Owner.ID, &i.Owner.Name, sharedList[incident.Tag]{&i.Tags, tags},
			&i.Verdict.Classification, &i.Verdict.Determination}
		for _, items := range i.Alerts.Lists() {
			places = append(places, sharedList[string]{items, texts})
		}
		return append(places, &i.Alerts.Criticality)
	}
}

func briefPlaces(a *alert.Alert) []any {
	return []any{
		&a.ID, &a.Incident, micros{&a.FirstActivity}, &a.Version, &a.Origin.Source, &a.Origin.ID, &a.Product, &a.DetectionSource, &a.Title, &a.Category, &a.Actor,
		&a.Threat, &a.ThreatFamily, &a.URL, &a.Severity, &a.Status, &a.Verdict.Classification, &a.Verdict.Determination,
		&a.Owner.Kind, &a.Owner.ID, &a.Owner.Name, micros{&a.LastActivity}, micros{&a.Created},
		micros{&a.SourceUpdated}, micros{&a.Resolved}, micros{&a.Updated}, micros{&a.Received},
		micros{&a.Repeated}, &a.SourceStatus, &a.Repeats, &a.Seen, &a.Standalone,
	}
}

func alertPlaces(a *alert.Alert) []any {
	return append(briefPlaces(a), &a.Description, &a.RecommendedActions, list[string]{&a.Techniques}, list[string]{&a.Tags},
		list[alert.Tag]{&a.SystemTags}, &a.Extra, evidence{&a.Evidence}, list[string]{&a.Edited})
}

func entryPlaces(e *activity.Entry) []any {
	return []any{
		&e.Seq, &e.ID, micros{&e.Time}, &e.Incident, &e.Alert, &e.Type, &e.Actor.Kind, &e.Actor.ID, &e.Actor.Name, &e.Cause,
		changes{&e.Changes}, &e.Text, list[activity.Link]{&e.Links}, list[activity.Attachment]{&e.Attachments},
		&e.Redacted, &e.Subject, &e.Origin, micros{&e.Occurred}, &e.Actor.OnBehalfOf, &e.Part, &e.Index, &e.Version,
		digest{&e.Digest}, digest{&e.AlertDigest}, digest{&e.Seal.Salt}, list[activity.SealedPart]{&e.Seal.Parts},
	}
}

// The fields of incident_values.
const (
	tagValues                 = 1
	firstListValues           = 2  // see listValues
	alertClassificationValues = 11 // "" when an alert has none
	referenceValues           = 12
)

// listValues returns the field of the incident.List with that number. The lists that came after referenceValues
// have the fields behind it.
func listValues(l int) int {
	field := firstListValues + l
	if field >= alertClassificationValues {
		field += referenceValues + 1 - alertClassificationValues
	}
	return field
}

// An incidentValue is a row of incident_values.
type incidentValue struct {
	field int
	value string
}

// values returns what queries ask of i's lists, each once.
func values(i *incident.Incident) map[incidentValue]bool {
	all := make(map[incidentValue]bool)
	for _, t := range i.Tags {
		all[incidentValue{tagValues, incident.Fold(t.Name)}] = true
	}
	s := &i.Alerts
	for l, texts := range s.Lists() {
		for _, text := range *texts {
			all[incidentValue{listValues(l), text}] = true
		}
	}
	without := s.Count
	for _, c := range s.Classified {
		all[incidentValue{alertClassificationValues, string(c.Classification)}] = true
		without -= c.Alerts
	}
	if without > 0 {
		all[incidentValue{alertClassificationValues, ""}] = true
	}
	for _, r := range i.References {
		all[incidentValue{referenceValues, referenceValue(r)}] = true
	}
	return all
}

// referenceValue returns system and identifier as one text, which is that of no other pair.
func referenceValue(r incident.Reference) string {
	text, _ := marshal([]string{r.System, r.ID}) // texts always can
	return text
}

// micros is a time in a column.
type micros struct{ t *time.Time }

// Value implements [driver.Valuer].
func (m micros) Value() (driver.Value, error) {
	if !countable(*m.t) {
		return nil, fmt.Errorf("time %v cannot be counted in microseconds", *m.t)
	}
	return m.t.UnixMicro(), nil
}

// Scan implements [sql.Scanner].
func (m micros) Scan(column any) error {
	n, ok := column.(int64)
	if !ok {
		return fmt.Errorf("a time is a %T", column)
	}
	*m.t = time.UnixMicro(n).UTC()
	return nil
}

// countable reports whether t fits into microseconds.
func countable(t time.Time) bool { return t.Year() > -200_000 && t.Year() < 200_000 }

// A list is JSON in a column: NULL when it is nil.
type list[T any] struct{ items *[]T }

// Value implements [driver.Valuer].
func (l list[T]) Value() (driver.Value, error) {
	if *l.items == nil {
		return nil, nil
	}
	return marshal(*l.items)
}

// Scan implements [sql.Scanner].
func (l list[T]) Scan(column any) error {
	*l.items = nil
	switch text := column.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(text), l.items)
	}
	return fmt.Errorf("a list is a %T", column)
}

// A sharedList is a list that is scanned, unless known has it by its text.
type sharedList[T any] struct {
	items *[]T
	known map[string][]T
}

// maxKnown is how many lists are kept to be shared.
const maxKnown = 10_000

// Scan implements [sql.Scanner].
func (l sharedList[T]) Scan(column any) error {
	text, ok := column.(string)
	if items, known := l.known[text]; ok && known {
		*l.items = items
		return nil
	}
	err := list[T]{l.items}.Scan(column)
	if err == nil && ok && len(l.known) < maxKnown {
		l.known[text] = *l.items
	}
	return err
}

// marshal returns the JSON of v, with HTML's characters as they are.
func marshal(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// changes are those of an entry: field, before and after as texts, so that a value comes back byte by byte.
type changes struct{ changes *[]activity.Change }

// Value implements [driver.Valuer].
func (c changes) Value() (driver.Value, error) {
	var rows [][3]string
	if *c.changes != nil {
		rows = [][3]string{}
	}
	for _, change := range *c.changes {
		rows = append(rows, [3]string{change.Field, string(change.Before), string(change.After)})
	}
	return list[[3]string]{&rows}.Value()
}

// Scan implements [sql.Scanner].
func (c changes) Scan(column any) error {
	var rows [][3]string
	if err := (list[[3]string]{&rows}).Scan(column); err != nil {
		return err
	}
	*c.changes = nil
	if rows != nil {
		*c.changes = make([]activity.Change, len(rows))
	}
	for n, r := range rows {
		(*c.changes)[n] = activity.Change{Field: r[0], Before: activity.Value(r[1]), After: activity.Value(r[2])}
	}
	return nil
}

// digest is one in a column: NULL when it is zero.
type digest struct{ d *activity.Digest }

// Value implements [driver.Valuer].
func (d digest) Value() (driver.Value, error) {
	if d.d.IsZero() {
		return nil, nil
	}
	return d.d[:], nil
}

// Scan implements [sql.Scanner].
func (d digest) Scan(column any) error {
	*d.d = activity.Digest{}
	if column == nil {
		return nil
	}
	bytes, ok := column.([]byte)
	if !ok || len(bytes) != len(d.d) {
		return fmt.Errorf("a digest is a %T of %d bytes", column, len(bytes))
	}
	copy(d.d[:], bytes)
	return nil
}

// evidence is that of an alert.
type evidence struct{ pieces *[]alert.Evidence }

// A piece is evidence in JSON. Fields are texts here, so that they come back byte by byte.
type piece struct {
	Type               string            `json:"type"`
	Entity             json.RawMessage   `json:"entity,omitempty"`
	Verdict            string            `json:"verdict,omitempty"`
	Remediation        string            `json:"remediation,omitempty"`
	RemediationDetails string            `json:"remediationDetails,omitempty"`
	Roles              []alert.Role      `json:"roles,omitzero"`
	DetailedRoles      []string          `json:"detailedRoles,omitzero"`
	Tags               []string          `json:"tags,omitzero"`
	Criticality        alert.Criticality `json:"criticality,omitzero"`
	Created            int64             `json:"created"`
	Extra              string            `json:"extra,omitempty"`
}

// other is an [alert.Other] in JSON.
type other struct {
	Type   alert.Kind `json:"type"`
	Label  string     `json:"label,omitempty"`
	Fields string     `json:"fields,omitempty"`
}

// Value implements [driver.Valuer].
func (e evidence) Value() (driver.Value, error) {
	var rows []piece
	if *e.pieces != nil {
		rows = make([]piece, len(*e.pieces))
	}
	for n, p := range *e.pieces {
		created, err := micros{&p.Created}.Value()
		if err != nil {
			return nil, err
		}
		row := piece{"", nil, string(p.Verdict), string(p.Remediation), p.RemediationDetails, p.Roles, p.DetailedRoles, p.Tags, p.Criticality, created.(int64), string(p.Extra)}
		entity := any(p.Entity)
		if o, ok := entity.(alert.Other); ok {
			entity = other{o.Type, o.Label, string(o.Fields)}
		}
		for _, t := range entities {
			if t.is(p.Entity) {
				row.Type = t.name
			}
		}
		if p.Entity != nil {
			text, err := marshal(entity)
			if err != nil {
				return nil, err
			}
			row.Entity = json.RawMessage(text)
		}
		rows[n] = row
	}
	return list[piece]{&rows}.Value()
}

// Scan implements [sql.Scanner].
func (e evidence) Scan(column any) error {
	var rows []piece
	if err := (list[piece]{&rows}).Scan(column); err != nil {
		return err
	}
	*e.pieces = nil
	if rows != nil {
		*e.pieces = make([]alert.Evidence, len(rows))
	}
	for n, p := range rows {
		var entity alert.Entity
		if k := slices.IndexFunc(entities, func(t entityType) bool { return t.name == p.Type }); k >= 0 {
			var err error
			if entity, err = entities[k].decode(p.Entity); err != nil {
				return err
			}
		} else if p.Type != "" {
			return fmt.Errorf("evidence of type %q", p.Type)
		}
		(*e.pieces)[n] = alert.Evidence{
			Entity: entity, Verdict: alert.EvidenceVerdict(p.Verdict), Remediation: alert.Remediation(p.Remediation), RemediationDetails: p.RemediationDetails,
			Roles: p.Roles, DetailedRoles: p.DetailedRoles, Tags: p.Tags, Criticality: p.Criticality, Created: time.UnixMicro(p.Created).UTC(), Extra: alert.Fields(p.Extra),
		}
	}
	return nil
}

// An entityType is one of the types that an [alert.Entity] may have.
type entityType struct {
	name   string
	is     func(alert.Entity) bool
	decode func([]byte) (alert.Entity, error)
}

var entities = []entityType{
	entityOf[alert.Device]("device"), entityOf[alert.User]("user"), entityOf[alert.Mailbox]("mailbox"), entityOf[alert.IP]("ip"),
	entityOf[alert.URL]("url"), entityOf[alert.File]("file"), entityOf[alert.Process]("process"), entityOf[alert.Registry]("registry"),
	entityOf[alert.Message]("message"), entityOf[alert.MailCluster]("mailCluster"), entityOf[alert.App]("app"),
	entityOf[alert.OAuthApp]("oauthApp"), entityOf[alert.CloudResource]("cloudResource"),
	{"other", is[alert.Other], func(text []byte) (alert.Entity, error) {
		var o other
		err := json.Unmarshal(text, &o)
		return alert.Other{Type: o.Type, Label: o.Label, Fields: alert.Fields(o.Fields)}, err
	}},
}

func entityOf[E alert.Entity](name string) entityType {
	return entityType{name, is[E], func(text []byte) (alert.Entity, error) {
		var e E
		err := json.Unmarshal(text, &e)
		return e, err
	}}
}

func is[E alert.Entity](e alert.Entity) bool {
	_, ok := e.(E)
	return ok
}
