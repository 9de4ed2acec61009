package sqlite

import (
	"encoding/hex"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A selection is a statement in the making. Its text is put together from constants alone, and whatever a caller
// gave is a parameter: a list too, which is one text of JSON, so that there are few different statements and no
// limit to what a list holds.
type selection struct {
	sql  strings.Builder
	args []any
}

func (s *selection) text() string { return s.sql.String() }

// add appends a part. Parts are constants, which a test sees to.
func (s *selection) add(part string, args ...any) {
	s.sql.WriteString(part)
	s.args = append(s.args, args...)
}

// What follows a column that must hold one of a list of texts or numbers.
const (
	inTexts   = ` IN (SELECT CAST(unhex(value) AS TEXT) FROM json_each(?))`
	inNumbers = ` IN (SELECT value FROM json_each(?))`
)

// texts returns a list for inTexts. Texts are in hexadecimal, because in JSON SQLite takes some for others.
func texts[T ~string](list []T) string {
	b := []byte{'['}
	for n, text := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = hex.AppendEncode(b, []byte(text))
		b = append(b, '"')
	}
	return string(append(b, ']'))
}

// numbers returns a list for inNumbers.
func numbers[T ~uint8 | ~int64](list []T) string {
	b := []byte{'['}
	for n, v := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(v), 10)
	}
	return string(append(b, ']'))
}

// window adds the bounds that are set.
func (s *selection) window(since, until string, from, to time.Time) {
	if !from.IsZero() {
		s.add(since, ceiling(from))
	}
	if !to.IsZero() {
		s.add(until, ceiling(to))
	}
}

// limit ends the statement after n rows, unless n is 0. It is a sum because SQLite plans a statement anew for
// another limit that is a parameter alone.
func (s *selection) limit(n int) {
	if n > 0 {
		s.add(` LIMIT ? + 0`, n)
	}
}

// A filter is a set of values, of which an incident must have one, in an index.
type filter struct {
	field  int      // of incident_values; 0 is the owner
	values []string // none means that it is no filter
}

// folded returns what texts fold to.
func folded(list []string) []string {
	all := make([]string, len(list))
	for n, text := range list {
		all[n] = incident.Fold(text)
	}
	return all
}

// filters returns those of q, but not Owners where those without an owner are asked for too.
func filters(q incident.Query) []filter {
	all := make([]filter, 2, 4+incident.Lists)
	all[0].field, all[1].field = tagValues, referenceValues
	all[0].values = folded(q.Tags)
	for _, r := range q.References {
		all[1].values = append(all[1].values, referenceValue(r))
	}
	for l, list := range q.Lists() {
		all = append(all, filter{listValues(l), *list})
	}
	if len(q.AlertClassifications) > 0 {
		f := filter{field: alertClassificationValues}
		for _, c := range q.AlertClassifications {
			f.values = append(f.values, string(c))
		}
		all = append(all, f)
	}
	if !q.Unassigned {
		all = append(all, filter{0, folded(q.Owners)})
	}
	return slices.DeleteFunc(all, func(f filter) bool { return len(f.values) == 0 })
}

// single returns the filter of q if that is all of q, and of one value, which an incident has once in the index.
func single(q incident.Query) (f filter, ok bool) {
	set := 0
	for _, v := range reflect.ValueOf(q).Fields() {
		if !v.IsZero() {
			set++
		}
	}
	all := filters(q)
	if set != 1 || len(all) != 1 || all[0].field == 0 || len(all[0].values) != 1 {
		return filter{}, false
	}
	return all[0], true
}

// lookUp adds where the numbers of the incidents that pass f stand.
func (s *selection) lookUp(f filter) {
	if f.field == 0 {
		s.add(` FROM incidents WHERE owner_folded`+inTexts, texts(f.values))
	} else {
		s.add(` FROM incident_values WHERE field = ? AND value`+inTexts, f.field, texts(f.values))
	}
}

// incidents adds what q filters by. IDs, numbers, entities and the filter few are looked up in an index. A plus
// keeps the others from it: they are tested row by row, in the order of the query.
func (s *selection) incidents(q incident.Query, few filter) {
	switch {
	case len(few.values) == 1 && few.field == 0:
		s.add(` AND owner_folded = ?`, few.values[0])
	case len(few.values) > 0:
		s.add(` AND number IN (SELECT number`)
		s.lookUp(few)
		s.add(`)`)
	}
	if len(q.IDs) > 0 {
		s.add(` AND id`+inTexts, texts(q.IDs))
	}
	if len(q.Numbers) > 0 {
		s.add(` AND number`+inNumbers, numbers(q.Numbers))
	}
	if len(q.Entities) > 0 {
		s.add(` AND id IN (SELECT incident FROM alert_keys WHERE key`+inTexts+`)`, texts(q.Entities))
	}
	if len(q.Statuses) > 0 {
		s.add(` AND +status`+inNumbers, numbers(q.Statuses))
	}
	if len(q.Severities) > 0 {
		s.add(` AND +severity`+inNumbers, numbers(q.Severities))
	}
	s.alertSeverities(q.AlertSeverities)
	s.add(` AND +priority >= ?`, q.PriorityMin)
	if q.PriorityMax != 0 {
		s.add(` AND +priority <= ?`, q.PriorityMax)
	}
	s.owners(q)
	if len(q.Classifications) > 0 {
		s.add(` AND classification`+inTexts, texts(q.Classifications))
	}
	if len(q.Determinations) > 0 {
		s.add(` AND determination`+inTexts, texts(q.Determinations))
	}
	if len(q.Criticalities) > 0 {
		s.add(` AND criticality`+inNumbers, numbers(q.Criticalities))
	}
	s.values(q)
	if q.MultipleSources {
		s.add(` AND coalesce(json_array_length(sources), 0) > 1`)
	}
	if q.MultipleCategories {
		s.add(` AND coalesce(json_array_length(categories), 0) > 1`)
	}
	if q.Text != "" {
		s.matchText(q)
	}
	s.window(` AND +created >= ?`, ` AND +created < ?`, q.CreatedSince, q.CreatedUntil)
	s.window(` AND updated >= ?`, ` AND updated < ?`, q.UpdatedSince, q.UpdatedUntil)
	for _, x := range q.Within {
		s.add(` AND (true`)
		s.incidents(x, filter{})
		s.add(`)`)
	}
	for _, x := range q.Except {
		s.add(` AND NOT (true`)
		s.incidents(x, filter{})
		s.add(`)`)
	}
}

func (s *selection) alertSeverities(severities []alert.Severity) {
	if len(severities) == 0 {
		return
	}
	severities = slices.Compact(slices.Sorted(slices.Values(severities))) // SQLite takes no expression of a thousand
	s.add(` AND (false`)
	for _, severity := range severities {
		switch severity {
		case alert.Unrated:
			s.add(` OR unrated > 0`)
		case alert.Informational:
			s.add(` OR informational > 0`)
		case alert.Low:
			s.add(` OR low > 0`)
		case alert.Medium:
			s.add(` OR medium > 0`)
		case alert.High:
			s.add(` OR high > 0`)
		}
	}
	s.add(`)`)
}

func (s *selection) owners(q incident.Query) {
	if len(q.Owners) == 0 && !q.Unassigned {
		return
	}
	s.add(` AND (false`)
	if q.Unassigned {
		s.add(` OR +owner_id = '' AND owner_name = '' AND owner_kind = 0`)
	}
	if len(q.Owners) > 0 {
		s.add(` OR NOT (+owner_id = '' AND owner_name = '' AND owner_kind = 0)
			AND +owner_folded`+inTexts, texts(folded(q.Owners)))
	}
	s.add(`)`)
}

// values adds the filters of lists.
func (s *selection) values(q incident.Query) {
	for _, f := range filters(q) {
		if f.field != 0 {
			s.add(` AND EXISTS (SELECT 1 FROM incident_values AS v WHERE v.field = ? AND v.number = incidents.number
				AND v.value`+inTexts+`)`, f.field, texts(f.values))
		}
	}
}

func (s *selection) matchText(q incident.Query) {
	s.add(` AND (instr(name_folded, ?) > 0 OR +id = ?`, incident.Fold(q.Text), q.Text)
	if n, err := strconv.ParseInt(q.Text, 10, 64); err == nil && strconv.FormatInt(n, 10) == q.Text {
		s.add(` OR +number = ?`, n)
	}
	if keys := q.TextKeys(); len(keys) > 0 {
		s.add(` OR +id IN (SELECT incident FROM alert_keys WHERE key`+inTexts+`)`, texts(keys))
	}
	s.add(`)`)
}

// behind adds the order of q and the place where it begins.
func (s *selection) behind(q incident.Query, start incident.Place, started bool) {
	switch q.Sort {
	case incident.ByUpdated:
		s.order(q, started, ` AND (updated, number) > (?, ?) ORDER BY updated, number`,
			` AND (updated, number) < (?, ?) ORDER BY updated DESC, number DESC`, ` ORDER BY updated, number`, ` ORDER BY updated DESC, number DESC`,
			start.Rank, start.Number)
	case incident.ByCreated:
		s.order(q, started, ` AND (created, number) > (?, ?) ORDER BY created, number`,
			` AND (created, number) < (?, ?) ORDER BY created DESC, number DESC`, ` ORDER BY created, number`, ` ORDER BY created DESC, number DESC`,
			start.Rank, start.Number)
	case incident.BySeverity:
		s.order(q, started, ` AND (severity, updated, number) > (?, ?, ?) ORDER BY severity, updated, number`,
			` AND (severity, updated, number) < (?, ?, ?) ORDER BY severity DESC, updated DESC, number DESC`,
			` ORDER BY severity, updated, number`, ` ORDER BY severity DESC, updated DESC, number DESC`,
			start.Rank, start.Updated, start.Number)
	case incident.ByPriority:
		s.order(q, started, ` AND (priority, updated, number) > (?, ?, ?) ORDER BY priority, updated, number`,
			` AND (priority, updated, number) < (?, ?, ?) ORDER BY priority DESC, updated DESC, number DESC`,
			` ORDER BY priority, updated, number`, ` ORDER BY priority DESC, updated DESC, number DESC`,
			start.Rank, start.Updated, start.Number)
	case incident.ByStatus:
		s.order(q, started, ` AND (status, updated, number) > (?, ?, ?) ORDER BY status, updated, number`,
			` AND (status, updated, number) < (?, ?, ?) ORDER BY status DESC, updated DESC, number DESC`,
			` ORDER BY status, updated, number`, ` ORDER BY status DESC, updated DESC, number DESC`,
			start.Rank, start.Updated, start.Number)
	case incident.ByOwner:
		s.order(q, started, ` AND (owner_folded, updated, number) > (?, ?, ?) ORDER BY owner_folded, updated, number`,
			` AND (owner_folded, updated, number) < (?, ?, ?) ORDER BY owner_folded DESC, updated DESC, number DESC`,
			` ORDER BY owner_folded, updated, number`, ` ORDER BY owner_folded DESC, updated DESC, number DESC`,
			start.Text, start.Updated, start.Number)
	case incident.ByName:
		s.order(q, started, ` AND (name, number) > (?, ?) ORDER BY name, number`,
			` AND (name, number) < (?, ?) ORDER BY name DESC, number DESC`, ` ORDER BY name, number`, ` ORDER BY name DESC, number DESC`,
			start.Text, start.Number)
	default:
		s.order(q, started, ` AND number > ? ORDER BY number`, ` AND number < ? ORDER BY number DESC`, ` ORDER BY number`, ` ORDER BY number DESC`,
			start.Number)
	}
}

// order adds one of four parts, of which the first two begin behind the place given.
func (s *selection) order(q incident.Query, started bool, upBehind, downBehind, up, down string, place ...any) {
	switch {
	case started && q.Ascending:
		s.add(upBehind, place...)
	case started:
		s.add(downBehind, place...)
	case q.Ascending:
		s.add(up)
	default:
		s.add(down)
	}
}

// alerts adds what q filters by, and where it begins.
func (s *selection) alerts(q alert.Query) {
	if len(q.IDs) > 0 {
		s.add(` AND id`+inTexts, texts(q.IDs))
	}
	switch len(q.Incidents) {
	case 0:
	case 1:
		s.add(` AND incident = ?`, q.Incidents[0])
	default:
		s.add(` AND incident`+inTexts, texts(q.Incidents))
	}
	if len(q.Statuses) > 0 {
		s.add(` AND status`+inNumbers, numbers(q.Statuses))
	}
	if len(q.Severities) > 0 {
		s.add(` AND severity`+inNumbers, numbers(q.Severities))
	}
	if len(q.Sources) > 0 {
		s.add(` AND source`+inTexts, texts(q.Sources))
	}
	if len(q.Categories) > 0 {
		s.add(` AND category`+inTexts, texts(q.Categories))
	}
	if q.Title != "" {
		s.add(` AND instr(title_folded, ?) > 0`, incident.Fold(q.Title))
	}
	if len(q.Entities) > 0 {
		s.entities(q)
	}
	s.after(q, ` AND (first_activity, id) > (?, ?)`, ` AND (first_activity, id) < (?, ?)`)
}

// alertOrder adds the order of q and its end.
func (s *selection) alertOrder(q alert.Query) {
	if q.Newest {
		s.add(` ORDER BY first_activity DESC, id DESC`)
	} else {
		s.add(` ORDER BY first_activity, id`)
	}
	s.limit(q.Limit)
}

// entities adds where the alerts with q's entities stand: no more of them than are wanted, if nothing else is
// filtered by that the index does not know.
func (s *selection) entities(q alert.Query) {
	switch {
	case len(q.Incidents) > 0:
		s.add(` AND id IN (SELECT alert FROM alert_keys INDEXED BY alert_keys_incident
			WHERE incident`+inTexts+` AND key`+inTexts, texts(q.Incidents), texts(q.Entities))
	case len(q.Entities) == 1:
		s.add(` AND id IN (SELECT alert FROM alert_keys WHERE key = ?`, q.Entities[0])
	default:
		s.add(` AND id IN (SELECT alert FROM alert_keys WHERE key`+inTexts, texts(q.Entities))
	}
	s.after(q, ` AND (first_activity, alert) > (?, ?)`, ` AND (first_activity, alert) < (?, ?)`)
	if q.Limit > 0 && len(q.IDs) == 0 && len(q.Statuses) == 0 && len(q.Severities) == 0 &&
		len(q.Sources) == 0 && len(q.Categories) == 0 && q.Title == "" {
		if q.Newest {
			s.add(` GROUP BY first_activity, alert ORDER BY first_activity DESC, alert DESC`)
		} else {
			s.add(` GROUP BY first_activity, alert ORDER BY first_activity, alert`)
		}
		s.limit(q.Limit)
	}
	s.add(`)`)
}

// selectSightings returns what reads the sightings of one of q's entities.
func selectSightings(q storage.SightingQuery, key alert.Key) (s selection) {
	s.add(`SELECT alert, incident, first_activity, standalone FROM alert_keys WHERE key = ?`, key)
	s.sightings(q)
	if q.Newest {
		s.add(` ORDER BY first_activity DESC, alert DESC`)
	} else {
		s.add(` ORDER BY first_activity, alert`)
	}
	s.limit(q.Limit)
	return s
}

// selectSeen returns what reads the places of those of q's entities that were seen.
func selectSeen(q storage.SightingQuery) (s selection) {
	s.add(`SELECT place.key FROM json_each(?) AS place WHERE EXISTS (
		SELECT 1 FROM alert_keys WHERE key = CAST(unhex(place.value) AS TEXT)`, texts(q.Entities))
	s.sightings(q)
	s.add(`) ORDER BY place.key`)
	return s
}

// sightings adds what q filters by, but its entities.
func (s *selection) sightings(q storage.SightingQuery) {
	if q.Incident != "" {
		s.add(` AND incident = ?`, q.Incident)
	}
	s.window(` AND first_activity >= ?`, ` AND first_activity < ?`, q.Since, q.Until)
}

// after adds the bounds of q in time, and one of two parts that begin behind the place where it begins.
func (s *selection) after(q alert.Query, up, down string) {
	s.window(` AND first_activity >= ?`, ` AND first_activity < ?`, q.Since, q.Until)
	if q.After == (alert.Position{}) {
		return
	}
	at := ceiling(q.After.FirstActivity)
	switch between := q.After.FirstActivity.Nanosecond()%1000 != 0; {
	case between && q.Newest:
		s.add(` AND first_activity < ?`, at)
	case between:
		s.add(` AND first_activity >= ?`, at)
	case q.Newest:
		s.add(down, at, q.After.ID)
	default:
		s.add(up, at, q.After.ID)
	}
}

// entries adds the order of q and what it filters by, but categories, triggers and fields, which no column has.
func (s *selection) entries(q activity.Query) {
	if len(q.IDs) > 0 {
		s.add(` AND id`+inTexts, texts(q.IDs))
	}
	switch len(q.Incidents) {
	case 0:
	case 1:
		s.add(` AND incident = ?`, q.Incidents[0])
	default:
		s.add(` AND incident`+inTexts, texts(q.Incidents))
	}
	if len(q.Alerts) > 0 {
		s.add(` AND alert`+inTexts, texts(q.Alerts))
	}
	if len(q.Types) > 0 {
		s.add(` AND type`+inNumbers, numbers(q.Types))
	}
	if len(q.Actors) > 0 {
		s.add(` AND actor_id`+inTexts, texts(q.Actors))
	}
	if len(q.Origins) > 0 {
		s.add(` AND origin`+inTexts, texts(q.Origins))
	}
	s.window(` AND time >= ?`, ` AND time < ?`, q.Since, q.Until)
	s.add(` AND seq > ?`, q.AfterSeq)
	if q.BeforeSeq != 0 {
		s.add(` AND seq < ?`, q.BeforeSeq)
	}
	if q.Newest {
		s.add(` ORDER BY seq DESC`)
	} else {
		s.add(` ORDER BY seq`)
	}
}
