package sentinel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/jsonitem"
)

// maxDepth is how deep an item may be nested. It is far from the 10,000 levels at which package
// encoding/json gives up, so that what was read can always be written, inside other things too.
const maxDepth = 500

// maxHeld is how many bytes of items are held to be joined.
const maxHeld = 32 << 20

// Decode reads incidents and alerts from r: resources of ARM, lists of them and answers with an object
// around, messages of automation rules, rows of the tables SecurityIncident and SecurityAlert, as objects
// or as the answer of a query, and several of these one after another, as in JSON lines. name stands in
// errors.
//
// What belongs together in one file is one item. Of several rows of an incident or an alert the one that
// was modified last is taken, and a note on it counts the others. Alerts join the incident that names them:
// in its AlertIds or by a relation. So do comments, tasks and related entities. Which alert an entity of an
// incident is about is not told, so that it becomes evidence of the first. Items come in the order of the
// file, each at the place of the row that was taken.
//
// An alert inside an incident that cannot be imported, and one that is there twice, is an error of its own
// before the incident. Errors are [*alert.DecodeError].
//
// The sequence can be ranged over once. It reads 32 MiB, or to the end, before the first item.
func Decode(r io.Reader, name string) iter.Seq2[incident.Decoded, error] {
	return func(yield func(incident.Decoded, error) bool) {
		d := &decoder{name: name, yield: yield}
		for read, err := range jsonitem.Read(r, "value", "records", "tables") {
			if err != nil {
				if d.flush() && !d.stopped {
					d.fail(d.index, "", err)
				}
				return
			}
			if read.Depth > maxDepth {
				d.refuse("", fmt.Errorf("want at most %d levels of lists and objects", maxDepth))
			} else {
				d.add(bytes.ToValidUTF8(read.Raw, []byte("\uFFFD")), read.Member, 0)
			}
			if d.index++; d.stopped {
				return
			}
		}
		if !d.stopped {
			d.flush()
		}
	}
}

// A kind is what an item is.
type kind uint8

const (
	refused kind = iota
	anIncident
	anAlert
	aComment
	aTask
	aRelation
	anEntity
)

// An item is one that is held until it is known what belongs to it.
type item struct {
	kind     kind
	index    int
	m, props object // of a resource; props are still in m unless it is an incident
	raw      json.RawMessage
	problem  fieldError

	id      string // lower case: of the resource
	of      string // lower case: name of the incident
	key     string // lower case: name of the incident, systemAlertId
	changed time.Time
	older   int // that gave way to it
	joined  bool

	olderAlerts int

	parts map[string][]json.RawMessage // what has joined an incident, by the property in which it will stand
}

// A decoder holds the items that may belong together.
type decoder struct {
	name  string
	yield func(incident.Decoded, error) bool
	index int
	held  int
	items []*item
	parts bool // the file is too long to be joined as a whole

	stopped bool // no more is wanted
}

func (d *decoder) fail(index int, field string, err error) bool {
	return d.yield(incident.Decoded{}, &alert.DecodeError{File: d.name, Index: index, Field: field, Err: err})
}

func (d *decoder) refuse(field string, err error) {
	d.hold(&item{index: d.index, problem: fieldError{field, err}}, 0)
}

// hold keeps an item that was read from so many bytes until it is known what belongs to it.
func (d *decoder) hold(it *item, size int) {
	const overhead = 1 << 9 // bytes of an item, however short
	if d.held += size + overhead; d.held > maxHeld && len(d.items) > 0 {
		d.parts = true
		if !d.stopped && !d.flush() {
			d.stopped = true
		}
		d.held = size + overhead
	}
	d.items = append(d.items, it)
}

// add holds what raw is. member is the member of an object around it, and depth how many others have been
// opened.
func (d *decoder) add(raw json.RawMessage, member string, depth int) {
	m := parse(raw)
	if m == nil {
		d.refuse("", fmt.Errorf("want an object, an incident or an alert of Sentinel, not %s", excerpt(raw)))
		return
	}
	if member == "tables" {
		d.table(m)
		return
	}
	it := &item{index: d.index, m: m}
	folded := make(map[string]json.RawMessage, len(m))
	of := make(map[string]string, len(m))
	for name, raw := range m {
		f := fold(name)
		if was, taken := of[f]; !isEmpty(raw) && (!taken || name < was) { // of two the first in order of bytes
			folded[f], of[f] = raw, name
		}
	}
	has := func(name string) bool { return folded[name] != nil }
	props := parse(folded["properties"])
	inside := func(name string) bool {
		for n, raw := range props {
			if fold(n) == name && !isEmpty(raw) {
				return true
			}
		}
		return false
	}
	ours := []string{ // with a number no other product has these
		"incidentname", "providerincidentid", "relatedanalyticruleids", "createdtimeutc", "lastmodifiedtimeutc", "firstactivitytimeutc",
	}
	typ := strings.ToLower(plain(folded["type"]))
	_, typ, ofSentinel := strings.Cut(typ, "microsoft.securityinsights/")
	isAlert := word(plain(folded["kind"])) == "securityalert"
	switch {
	case ofSentinel && typ == "incidents",
		!ofSentinel && has("incidentnumber") && slices.ContainsFunc(ours, has),
		!ofSentinel && inside("incidentnumber") && slices.ContainsFunc(ours, inside):
		it.kind = anIncident
	case ofSentinel && typ == "incidents/comments":
		it.kind = aComment
	case ofSentinel && typ == "incidents/tasks":
		it.kind = aTask
	case ofSentinel && typ == "incidents/relations":
		it.kind = aRelation
	case isAlert && (ofSentinel || inside("systemalertid") || has("systemalertid")),
		has("systemalertid") && slices.ContainsFunc([]string{
			"entities", "extendedproperties", "alertname", "displayname", "alertdisplayname", "alertseverity",
		}, has):
		it.kind = anAlert
	case ofSentinel && typ == "entities", props != nil && kindNames()[kindOf(plain(folded["kind"]))] != nil:
		it.kind = anEntity
	case has("entities") && has("metadata"): // the answer of …/incidents/{id}/entities
		list, _ := elements(folded["entities"], len(folded["entities"]))
		for _, e := range list {
			d.add(e, "", depth+1)
		}
		return
	default:
		d.open(m, folded, member, depth)
		return
	}
	it.read(raw)
	d.hold(it, len(raw))
}

// read finds out what an item is called and what it belongs to.
func (it *item) read(raw json.RawMessage) {
	switch it.kind {
	case anIncident:
		it.props = incidentOf(it.m)
		ref := referenceOf(it.m, object{"providerName": nil})
		it.key = strings.ToLower(ref.ID)
		if it.key == "" {
			it.key = strings.ToLower(referenceOf(it.m, it.props).ID)
		}
		it.id = strings.ToLower(plain(it.m["id"]))
		it.changed = latest(it.props["lastModifiedTimeUtc"], it.props["timeGenerated"])
	case anAlert:
		props := resource(it.m, alertNames())
		it.key = strings.ToLower(alertID(it.m, props))
		it.id = strings.ToLower(plain(it.m["id"]))
		it.changed = latest(props["timeGenerated"], props["processingEndTime"])
		it.m["properties"] = encode(props)
	default:
		it.raw = raw
		it.id = strings.ToLower(plain(it.m["id"]))
		if before, _, ok := strings.Cut(it.id, "/"+strings.TrimPrefix(it.kind.String(), "/")+"/"); ok {
			it.of = before[strings.LastIndexByte(before, '/')+1:]
		}
	}
}

// String returns the last part of a kind's type.
func (k kind) String() string {
	switch k {
	case aComment:
		return "comments"
	case aTask:
		return "tasks"
	case aRelation:
		return "relations"
	}
	return "entities"
}

// latest returns the first time among those that are there.
func latest(times ...json.RawMessage) time.Time {
	for _, raw := range times {
		if t, _, ok := readTime(plain(raw)); ok {
			return t
		}
	}
	return time.Time{}
}

// wrappers are members under which collectors hand on what they have read: as it is, or as a text.
// What stands beside the member is the collector's, and is not kept.
var wrappers = []string{"object", "body", "event", "original", "message", "fulllog", "raw", "source",
	"result", "results", "data", "detail", "incident", "alert", "value", "records"}

// open adds what stands inside an object that is nothing by itself, or says what it is instead.
func (d *decoder) open(m, folded object, member string, depth int) {
	if strings.EqualFold(plain(folded["objectschematype"]), "incident") {
		if inner := parse(folded["object"]); inner != nil {
			for name, raw := range m { // members about the event stay with the incident
				if fold(name) == "object" {
					continue
				}
				if _, taken := inner[name]; !taken {
					inner[name] = raw
				}
			}
			if plain(inner["type"]) == "" {
				inner["type"] = encode(incidentType)
			}
			d.add(encode(inner), member, depth+1)
			return
		}
	}
	if body := parse(folded["error"]); body != nil {
		code, message := excerpt(body["code"]), excerpt(body["message"])
		d.refuse("error", fmt.Errorf("an answer that reports an error, %s: %s", code, message))
		return
	}
	if raw := folded["tables"]; raw != nil && depth == 0 {
		list, _ := elements(raw, 16)
		for _, t := range list {
			d.add(t, "tables", depth+1)
		}
		return
	}
	if folded["columns"] != nil && folded["rows"] != nil {
		d.table(m)
		return
	}
	const levels = 4
	for _, name := range wrappers {
		raw := folded[name]
		if raw == nil {
			raw = folded["@"+name]
		}
		if raw == nil || depth >= levels {
			continue
		}
		if s := strings.TrimSpace(plain(raw)); isNested(s) {
			raw = json.RawMessage(s)
		}
		if raw[0] != '{' && raw[0] != '[' {
			continue
		}
		list, _ := elements(raw, len(raw))
		found := false
		for _, e := range list {
			if e[0] != '{' {
				continue
			}
			before := len(d.items)
			d.add(e, name, depth+1)
			if len(d.items) == before+1 && d.items[before].kind == refused && d.items[before].problem.field == "" {
				d.items = d.items[:before]
				continue
			}
			found = true
		}
		if found {
			return
		}
	}
	where := ""
	if member != "" {
		where = "under " + strconv.Quote(member) + ": "
	}
	d.refuse("", errors.New(where+nearest(folded)))
}

// nearest says what an object is instead of an incident or alert of Sentinel.
func nearest(folded object) string {
	const want = "want an incident or an alert of Microsoft Sentinel"
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return folded[n] == nil })
	}
	switch {
	case has("alertid", "entitytype"), has("alertid", "servicesource"),
		strings.HasPrefix(plain(folded["category"]), "AdvancedHunting-"):
		return want + "; this is a row of Defender XDR streaming"
	case has("@odata.type"), has("provideralertid", "evidence"), has("incidentweburl"), has("@odata.context"):
		return want + "; this is of Microsoft Graph, which package msgraph reads"
	case has("alertcreationtime"):
		return want + "; this is an alert of Defender for Endpoint, which package msgraph reads"
	case strings.HasPrefix(strings.ToLower(plain(folded["type"])), "microsoft.securityinsights/"):
		return want + "; this is another resource of it, " + excerpt(folded["type"])
	}
	return want
}

// table adds the rows of the answer of a query.
func (d *decoder) table(m object) {
	respell(m, names("columns", "rows", "name"))
	columns, _ := elements(m["columns"], 1_000)
	titles := make([]string, len(columns))
	for n, c := range columns {
		col := parse(c)
		respell(col, names("name=columnname"))
		if titles[n] = plain(col["name"]); col == nil {
			titles[n] = plain(c)
		}
	}
	rows, _ := elements(m["rows"], len(m["rows"]))
	if len(titles) == 0 {
		d.refuse("", errors.New("a table without columns: want those of SecurityIncident or SecurityAlert"))
		return
	}
	for n, row := range rows {
		if d.stopped {
			return
		}
		if n > 0 {
			d.index++
		}
		cells, _ := elements(row, len(titles))
		one := object{}
		for n, cell := range cells {
			if _, taken := one[titles[n]]; !taken && titles[n] != "" {
				one[titles[n]] = cell
			}
		}
		before := len(d.items)
		if d.add(encode(one), "", 1); len(d.items) == before+1 && d.items[before].kind == refused {
			return // the others are of the same columns
		}
	}
}

// flush yields what is held and holds nothing then. It returns false when no more is wanted.
func (d *decoder) flush() bool {
	items := d.items
	d.items, d.held = nil, 0
	incidents, alerts := newest(items, anIncident), newest(items, anAlert)
	targets := make(map[string]*item) // what relations lead to
	var lone *item                    // the only incident
	for _, it := range items {
		switch {
		case it.kind == anIncident && incidents[it.key] == it:
			if lone = it; len(incidents) > 1 {
				lone = nil
			}
		case it.id != "" && (it.kind == anEntity || it.kind == anAlert && alerts[it.key] == it):
			targets[it.id] = it
		}
	}
	for _, it := range items {
		to := incidents[it.of]
		if it.kind == anEntity && lone != nil && !it.joined {
			to = lone
		}
		if to == nil {
			continue
		}
		switch it.kind {
		case aComment:
			to.push("comments", it.raw)
		case aTask:
			to.push("tasks", it.raw)
		case anEntity:
			to.push("relatedEntities", it.raw)
		case aRelation:
			to.push("relations", it.raw)
			props := resource(it.m, names("relatedResourceId"))
			target := targets[strings.ToLower(plain(props["relatedResourceId"]))]
			if target != nil && !target.joined {
				target.joinTo(to)
			}
		default:
			continue
		}
		it.joined = true
	}
	numbers := make(map[string]incident.Reference)
	for _, merged := range [...]bool{false, true} { // one that was merged away may still name what the other has now
		for _, it := range items {
			if it.kind != anIncident || incidents[it.key] != it {
				continue
			}
			if n := plain(it.props["incidentNumber"]); n != "" {
				numbers[n] = referenceOf(it.m, it.props)
			}
			if tags, _ := readLabels(it.props["labels"]); isRedirected(tags) == merged {
				it.takeAlerts(alerts)
			}
		}
	}
	more := d.parts
	for _, it := range items {
		gone := it.kind == anIncident && incidents[it.key] != it || it.kind == anAlert && alerts[it.key] != it
		if gone || it.joined {
			continue
		}
		got, problems := it.decode(func(n string) incident.Reference { return numbers[n] })
		for _, p := range problems {
			if !d.fail(it.index, p.field, p.err) {
				return false
			}
		}
		if got.Incident == nil && got.Alert == nil {
			continue
		}
		if got.Index = it.index; more {
			more = false
			said := "read in parts of 32 MiB, and joined within each of them alone"
			got.Notes = append(got.Notes, alert.Note{Value: d.name, Said: said})
		}
		if !d.yield(got, nil) {
			return false
		}
	}
	return true
}

// newest returns the items of a kind that were changed last, by their keys.
func newest(items []*item, k kind) map[string]*item {
	m := make(map[string]*item)
	for _, it := range items {
		if it.kind != k {
			continue
		}
		was := m[it.key]
		switch {
		case it.key == "":
			it.key = "\x00" + strconv.Itoa(it.index) // it will be an error
			m[it.key] = it
		case was == nil:
			m[it.key] = it
		case it.changed.Before(was.changed):
			was.older++
		default:
			it.older = was.older + 1
			m[it.key] = it
		}
	}
	return m
}

// push adds an element to a list among the properties of an incident.
func (it *item) push(name string, raw json.RawMessage) {
	if it.parts == nil {
		it.parts = make(map[string][]json.RawMessage)
	}
	it.parts[name] = append(it.parts[name], raw)
}

func (it *item) joinTo(to *item) {
	if it.joined = true; it.kind == anAlert {
		to.push("alerts", encode(it.m))
		to.olderAlerts += it.older
	} else {
		to.push("relatedEntities", it.raw)
	}
}

// takeAlerts joins the alerts that an incident names, and leaves the others among the names.
func (it *item) takeAlerts(alerts map[string]*item) {
	list, _ := elements(it.props["alertIds"], maxAlerts)
	var left []json.RawMessage
	for _, raw := range list {
		if a := alerts[strings.ToLower(strings.TrimSpace(plain(raw)))]; a != nil && !a.joined {
			a.joinTo(it)
		} else {
			left = append(left, raw)
		}
	}
	if len(left) == len(list) {
		return
	}
	if delete(it.props, "alertIds"); len(left) > 0 {
		it.props["alertIds"] = encode(left)
	}
}

// join puts what has joined an incident behind what it had.
func (it *item) join() {
	for name, more := range it.parts {
		list, _ := elements(it.props[name], len(it.props[name]))
		it.props[name] = encode(append(slices.Clone(list), more...))
	}
}

// decode reads what an item is, together with what has joined it.
func (it *item) decode(number func(string) incident.Reference) (got incident.Decoded, problems []fieldError) {
	record := ""
	switch it.kind {
	case anIncident:
		it.join()
		if got, problems = decodeIncident(it.m, it.props, number); got.Incident != nil {
			record = "incident " + string(got.Incident.Reference.IncidentID())
		}
	case anAlert:
		n := &notes{}
		a, p := decodeAlert(it.m, n, "")
		if p != nil {
			return incident.Decoded{}, []fieldError{*p}
		}
		got = incident.Decoded{Alert: &a, Notes: n.all()}
		record = "alert " + string(a.Origin.AlertID())
	case refused:
		return incident.Decoded{}, []fieldError{it.problem}
	default:
		err := fmt.Errorf("one of the %s of an incident alone: want the incident in the same file", it.kind)
		return incident.Decoded{}, []fieldError{{"", err}}
	}
	for _, older := range [...]struct {
		n     int
		field string
	}{{it.older, ""}, {it.olderAlerts, "alerts"}} {
		if older.n > 0 {
			got.Notes = append(got.Notes, alert.Note{
				Record: record, Field: older.field, Value: strconv.Itoa(older.n), Said: "older states of the same not taken",
			})
		}
	}
	return got, problems
}
