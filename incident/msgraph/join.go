package msgraph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// maxHeld is how many bytes of rows are held until the input ends: some ten thousand rows.
const maxHeld = 64 << 20

// rowCost is what a row takes besides its text.
const rowCost = 256

// A row is an object that is a part of an alert or an incident: it has at most one piece of evidence, and
// others of the same identifier stand elsewhere in the file.
type row struct {
	raw   json.RawMessage
	shape shape
	path  string
	index int
}

// held are the rows of alerts and incidents that are not given yet, in the order of their first rows.
type held struct {
	groups map[string]*group
	order  []*group
	bytes  int
}

type group struct {
	key     string
	rows    []row
	bytes   int
	dropped int // rows that are too many
}

// member returns what stands under name in m, whoever spells it.
func member(m object, name string) json.RawMessage {
	if raw, ok := m[name]; ok {
		return raw
	}
	for other, raw := range m {
		if spellings()[bare(other)] == name {
			return raw
		}
	}
	return nil
}

// partOf reports whether m is a row, and returns what all rows have that are joined with it.
func partOf(m object, sh shape) (part bool, key string) {
	isObject := func(m object, names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			raw := member(m, name)
			return len(raw) > 0 && raw[0] == '{'
		})
	}
	id := ""
	switch sh {
	case rowShape:
		part, id, key = true, rowID(m), "alert "
	case alertShape:
		part, key = isObject(m, "evidence", "entities"), "alert "
	case incidentShape:
		part, key = isObject(m, "alerts") || isObject(firstOf(m, "alerts"), "evidence", "entities"),
			"incident "
	}
	for _, name := range []string{"id", "alertId", "incidentId"} {
		if id == "" && (name != "alertId" || sh == alertShape) && (name != "incidentId" ||
			sh == incidentShape) {
			id = idText(member(m, name))
		}
	}
	return part && (id != "" || sh == rowShape), key + id
}

// hold keeps a row until the others of its alert have come.
func (d *decoder) hold(key string, r row) {
	g := d.held.groups[key]
	if g == nil {
		if d.held.groups == nil {
			d.held.groups = make(map[string]*group)
		}
		g = &group{key: key}
		d.held.groups[key] = g
		d.held.order = append(d.held.order, g)
	}
	if len(g.rows) > alert.MaxEvidence {
		g.dropped++
		return
	}
	r.raw = bytes.Clone(r.raw) // of which more may hang
	g.rows = append(g.rows, r)
	g.bytes += len(r.raw) + rowCost
	if d.held.bytes += len(r.raw) + rowCost; d.held.bytes > maxHeld {
		d.release(maxHeld / 2)
	}
}

// release joins and gives the rows of those alerts and incidents whose rows began first, until no more than
// limit bytes are held.
func (d *decoder) release(limit int) {
	index := d.index
	for len(d.held.order) > 0 && d.held.bytes > limit && !d.done {
		g := d.held.order[0]
		d.held.order[0] = nil
		d.held.order = d.held.order[1:]
		d.held.bytes -= g.bytes
		delete(d.held.groups, g.key)
		n := &notes{}
		if limit > 0 {
			n.add("", nil,
				"given before the end of the file, since more rows are held than fit; others of it may follow")
		}
		d.joined(g, n)
	}
	d.index = index
}

// joined gives what the rows of a group are together.
func (d *decoder) joined(g *group, n *notes) {
	d.index = g.rows[0].index
	if path := g.rows[0].path; path != "" && !strings.Contains(path, ".rows[") {
		n.add(path, nil, "read from there; what stands around it is left out")
	}
	if g.dropped > 0 {
		n.add("", nil, fmt.Sprintf("%d rows left out, since an alert has at most %d", g.dropped,
			alert.MaxEvidence))
	}
	var problems []fieldError
	var drafts []incident.Draft
	type report struct {
		sent time.Time
		alert.Alert
	}
	var reports []report
	var times rowTimes
	for _, r := range g.rows {
		path := r.path
		if r.index != d.index {
			path = under(fmt.Sprintf("item[%d]", r.index), path)
		}
		var m object
		_ = json.Unmarshal(r.raw, &m) // it was read before
		if r.shape == rowShape {
			a, at, sent, info := decodeRow(m, n, path)
			times.add(at, info)
			reports = append(reports, report{sent, a})
			continue
		}
		item, p := decodeShape(m, r.shape, n, path)
		if len(problems)+len(p) <= maxNotes {
			problems = append(problems, p...)
		}
		if item.Alert != nil {
			reports = append(reports, report{item.Alert.SourceUpdated, *item.Alert})
		}
		if item.Incident != nil {
			drafts = append(drafts, *item.Incident)
		}
	}
	var item incident.Decoded
	switch {
	case len(drafts) > 0:
		draft := joinDrafts(drafts, n)
		item.Incident = &draft
	case len(reports) > 0:
		slices.SortStableFunc(reports, func(a, b report) int { return a.sent.Compare(b.sent) })
		alerts := make([]alert.Alert, len(reports))
		for n, r := range reports {
			alerts[n] = r.Alert
		}
		a := joinAlerts(alerts, n)
		times.set(&a)
		if a.Origin.ID == "" {
			problems = append(problems, fieldError{"AlertId", fmt.Errorf("missing, want a text")})
			break
		}
		if a.Title == "" {
			n.add("title", nil, "missing, since no row of AlertInfo tells it")
		}
		item.Alert = &a
	}
	d.given.again(item, d.index, n)
	item.Notes = n.all(record(item))
	d.give(item, problems)
}

// rowTimes are those of rows: the first and the last of them, and that of the alert's own row.
type rowTimes struct{ first, last, info time.Time }

func (t *rowTimes) add(at time.Time, info bool) {
	switch {
	case at.IsZero():
		return
	case info && (t.info.IsZero() || at.Before(t.info)):
		t.info = at
	}
	if t.first.IsZero() || at.Before(t.first) {
		t.first = at
	}
	if at.After(t.last) {
		t.last = at
	}
}

// set gives a the times that the tables do not tell otherwise.
func (t *rowTimes) set(a *alert.Alert) {
	if a.FirstActivity.IsZero() {
		a.FirstActivity = t.first
	}
	if a.LastActivity.IsZero() {
		a.LastActivity = t.last
	}
	if a.SourceUpdated.IsZero() {
		a.SourceUpdated = t.last // and not the time of sending: what Graph says of its status later on counts
	}
	if a.Created.IsZero() {
		if a.Created = t.info; t.info.IsZero() {
			a.Created = t.first
		}
	}
}

// joinAlerts joins reports of one alert, of which the last counts where they differ. It goes by halves, so
// that many reports with a piece of evidence each are not compared one by one with all.
func joinAlerts(all []alert.Alert, n *notes) alert.Alert {
	if len(all) == 1 {
		return all[0]
	}
	for at := range all {
		if all[at].CheckLimits() == nil {
			continue
		}
		untitled := all[at].Title == ""
		fit, noted := all[at].Fit()
		for _, note := range noted {
			n.add(note.Field, encode(note.Value), note.Said)
		}
		if all[at] = fit; untitled {
			all[at].Title = ""
		}
	}
	joined := joinHalves(all, n)
	return agreed(joined, n)
}

// agreed returns a without the words in Extra that spoke for the value of one report where the value is now
// that of another: it is as it would be read from what is written of it.
func agreed(a alert.Alert, n *notes) alert.Alert {
	if !slices.ContainsFunc(slices.Collect(maps.Keys(members(a.Extra))),
		func(name string) bool { return spellings()[bare(name)] != "" }) {
		return a // nothing in it is ever read
	}
	title := a.Title
	a.Title = "x" // not every row has one
	text, err := EncodeAlert(a)
	a.Title = title
	var m object
	if err != nil || json.Unmarshal(text, &m) != nil {
		return a
	}
	again, p := codec{m: m, notes: &notes{}}.decodeAlert()
	if p != nil {
		return a
	}
	left := members(again.Extra)
	for _, name := range slices.Sorted(maps.Keys(members(a.Extra))) {
		if _, ok := left[name]; !ok {
			n.add(name, members(a.Extra)[name], "not kept, since another report has another value")
		}
	}
	again.Title = title
	return again
}

func joinHalves(all []alert.Alert, n *notes) alert.Alert {
	if len(all) == 1 {
		return all[0]
	}
	old, a := joinHalves(all[:len(all)/2], n), joinHalves(all[len(all)/2:], n)
	if old.Extra != a.Extra {
		noteOverruled(members(old.Extra), members(a.Extra), n)
	}
	noteTexts(old, a, n)
	old.SourceStatus = old.Status
	if old.Origin.Source == system {
		old.Origin.Source = a.Origin.Source
	}
	merged, _ := incident.Repeat(incident.Command{}, old, a)
	merged.Repeats, merged.Repeated, merged.SourceStatus = 0, time.Time{}, 0
	if joined := len(old.Evidence) + len(a.Evidence) - repeated(old.Evidence,
		a.Evidence) - len(merged.Evidence); joined > 0 {
		n.add("evidence", nil,
			fmt.Sprintf("%d pieces joined with others of the same entity, of which the last counts", joined))
	}
	return merged
}

// repeated returns how many pieces of more are in list.
func repeated(list, more []alert.Evidence) (n int) {
	there := make(map[alert.Entity]alert.Evidence, len(list))
	for _, e := range list {
		there[e.Entity] = e
	}
	for _, e := range more {
		if same, ok := there[e.Entity]; ok && same.Equal(e) {
			n++
		}
	}
	return n
}

// noteTexts notes the fields of old that a has otherwise.
func noteTexts(old, a alert.Alert, n *notes) {
	for _, f := range [...]struct{ name, old, new string }{
		{"productName", old.Product, a.Product}, {"detectionSource", old.DetectionSource,
			a.DetectionSource}, {"title", old.Title, a.Title},
		{"description", old.Description, a.Description}, {"recommendedActions", old.RecommendedActions,
			a.RecommendedActions},
		{"category", old.Category, a.Category}, {"actorDisplayName", old.Actor, a.Actor},
		{"threatDisplayName", old.Threat, a.Threat},
		{"threatFamilyName", old.ThreatFamily, a.ThreatFamily}, {"alertWebUrl", old.URL, a.URL},
		{"assignedTo", old.Owner.ID, a.Owner.ID},
		{"severity", severityText(old.Severity), severityText(a.Severity)}, {"status", old.Status.String(),
			a.Status.String()},
		{"classification", string(old.Verdict.Classification), string(a.Verdict.Classification)},
		{"determination", string(old.Verdict.Determination), string(a.Verdict.Determination)},
	} {
		if f.old != f.new && f.old != "" && f.new != "" {
			n.add(f.name, encode(f.old), "not kept, since a later report has another value")
		}
	}
	for _, f := range [...]struct {
		name     string
		old, new time.Time
	}{{"createdDateTime", old.Created, a.Created}, {"resolvedDateTime", old.Resolved, a.Resolved}} {
		if !sameTime(f.old, f.new) {
			n.add(f.name, encode(f.old), "not kept, since a later report has another value")
		}
	}
}

// noteOverruled notes the members of old that a has otherwise.
func noteOverruled(old, a object, n *notes) {
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if raw, ok := a[name]; ok && !bytes.Equal(raw, old[name]) && first(old[name]) != nil &&
			first(raw) != nil {
			n.add(name, old[name], "not kept, since a later report has another value")
		}
	}
}

// joinDrafts joins reports of one incident, of which the last that was changed there counts where they
// differ.
func joinDrafts(all []incident.Draft, n *notes) incident.Draft {
	if len(all) == 1 {
		return all[0]
	}
	slices.SortStableFunc(all, func(a, b incident.Draft) int {
		return a.Reference.Updated.Compare(b.Reference.Updated)
	})
	d := all[len(all)-1]
	d.Alerts, d.Tags, d.Comments = nil, nil, nil
	reports := make(map[alert.ID][]alert.Alert)
	var order []alert.ID
	extra := object{}
	for _, one := range all {
		for _, a := range one.Alerts {
			id := a.Origin.AlertID()
			if reports[id] == nil {
				order = append(order, id)
			}
			reports[id] = append(reports[id], a)
		}
		for _, t := range one.Tags {
			if !slices.Contains(d.Tags, t) {
				d.Tags = append(d.Tags, t)
			}
		}
		for _, c := range one.Comments {
			if !slices.Contains(d.Comments, c) {
				d.Comments = append(d.Comments, c)
			}
		}
		m := members(one.Extra)
		noteOverruled(extra, m, n)
		maps.Copy(extra, m)
		noteOverruled(draftTexts(one), draftTexts(d), n)
	}
	for _, id := range order {
		d.Alerts = append(d.Alerts, joinAlerts(reports[id], n))
	}
	slices.SortStableFunc(d.Comments, func(a, b incident.Comment) int { return a.Time.Compare(b.Time) })
	d.Extra = fields(extra)
	return d
}

func draftTexts(d incident.Draft) object {
	d.Alerts, d.Comments, d.Tags, d.Extra, d.Reference = nil, nil, nil, "",
		incident.Reference{URL: d.Reference.URL}
	var m object
	if json.Unmarshal(encode(d), &m) != nil {
		return nil
	}
	return m
}
