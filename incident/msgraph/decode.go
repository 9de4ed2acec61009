package msgraph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/jsonitem"
	"github.com/incidentkit/incidentkit/internal/limit"
)

const system = "microsoftDefender"

// endpoint is the source of an alert of Defender for Endpoint.
const endpoint = "microsoftDefenderForEndpoint"

// maxDepth is how deep an item may be nested. It is far from the 10,000 levels at which package
// encoding/json gives up, so that what was read can always be written, inside other things too.
const maxDepth = 500

// fieldError is why a field keeps an item from being imported.
type fieldError struct {
	field string
	err   error
}

// Decode reads incidents and alerts from r in the order of the file: one object, a list, an object whose
// "value", "records" or "results" is one or the other, or several of these one after another, as in JSON
// lines. name stands in errors. An alert inside an incident that cannot be imported is an error of its own
// before the incident. Errors are [*alert.DecodeError].
//
// An incident's Reference is of the system "microsoftDefender". An alert's Origin.Source is its
// serviceSource in Graph's spelling, or "microsoftDefender" where it has none and no member tells; which
// incident it says it belongs to is kept in Extra and has no other effect.
//
// Rows, each of which is a part of an alert or an incident, are held and joined, and come after the other
// items; see Rows in the comment of the package.
//
// The sequence can be ranged over once. Without rows it reads as far as it is ranged over, and a buffer
// further.
func Decode(r io.Reader, name string) iter.Seq2[incident.Decoded, error] {
	return func(yield func(incident.Decoded, error) bool) {
		d := decoder{file: name, yield: yield}
		for read, err := range jsonitem.Read(r, "value", "records", "Records", "results", "Results") {
			if err != nil {
				at := d.index
				if d.release(0); !d.done {
					d.index = at
					d.fail("", err)
				}
				return
			}
			if d.item(read); d.done {
				return
			}
			d.index++
		}
		d.release(0)
	}
}

// A decoder gives what it reads of a file to yield.
type decoder struct {
	file  string
	yield func(incident.Decoded, error) bool
	index int  // of the item
	done  bool // yield wants no more
	held  held
	given seen
}

func (d *decoder) fail(field string, err error) {
	if !d.done {
		d.done = !d.yield(incident.Decoded{}, &alert.DecodeError{File: d.file, Index: d.index, Field: field,
			Err: err})
	}
}

// give yields the problems and then the item, if there is one.
func (d *decoder) give(item incident.Decoded, problems []fieldError) {
	for _, p := range problems {
		d.fail(p.field, p.err)
	}
	if !d.done && (item.Incident != nil || item.Alert != nil) {
		item.Index = d.index
		d.done = !d.yield(item, nil)
	}
}

func (d *decoder) item(read jsonitem.Item) {
	if read.Depth > maxDepth {
		d.fail("", fmt.Errorf("want at most %d levels of lists and objects", maxDepth))
		return
	}
	raw := read.Raw
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	var m object
	if json.Unmarshal(raw, &m) != nil || m == nil {
		d.fail("", fmt.Errorf("want an object, an incident or an alert, not %s", excerpt(raw)))
		return
	}
	s := search{decoder: d, context: contextOf(m, read.Around)}
	s.whole(m, raw)
}

// take decodes m, which is of the shape sh, and yields it.
func (d *decoder) take(m object, raw json.RawMessage, sh shape, path string) {
	if part, key := partOf(m, sh); part {
		d.hold(key, row{raw: raw, shape: sh, path: path, index: d.index})
		return
	}
	n := &notes{}
	if path != "" {
		n.add(path, nil, "read from there; what stands around it is left out")
	}
	item, problems := decodeShape(m, sh, n, path)
	d.given.again(item, d.index, n)
	item.Notes = n.all(record(item))
	d.give(item, problems)
}

// record names an item in notes.
func record(item incident.Decoded) string {
	switch {
	case item.Incident != nil:
		return "incident " + string(item.Incident.Reference.IncidentID())
	case item.Alert != nil:
		return "alert " + string(item.Alert.Origin.AlertID())
	}
	return ""
}

func decodeShape(m object, sh shape, n *notes, path string) (incident.Decoded, []fieldError) {
	fold(m)
	c := codec{m: m, notes: n, path: path}
	if sh == incidentShape {
		return c.decodeIncident()
	}
	a, p := c.decodeAlert()
	if p != nil {
		return incident.Decoded{}, []fieldError{*p}
	}
	switch raw := string(m["comments"]); raw {
	case "":
	case "null", "[]", `""`:
		delete(m, "comments")
		a.Extra = fields(m)
	default:
		c.note("comments", "kept with the alert as they came, since its incident is not known")
	}
	return incident.Decoded{Alert: &a}, nil
}

// seen are the alerts and incidents that a file has given, as far as they fit.
type seen struct {
	items map[string]earlier
}

type earlier struct {
	index   int
	title   string
	created time.Time
}

// maxSeen is how many identifiers of a file are remembered.
const maxSeen = 1 << 16

// again notes that an item has an identifier that was there before. Both are given: the later one updates
// the other where they are stored.
func (s *seen) again(item incident.Decoded, index int, n *notes) {
	now := earlier{index: index}
	switch {
	case item.Alert != nil:
		now.title, now.created = item.Alert.Title, item.Alert.Created
	case item.Incident == nil:
		return
	}
	key := record(item)
	before, ok := s.items[key]
	if !ok {
		if s.items == nil {
			s.items = make(map[string]earlier)
		}
		if len(s.items) < maxSeen {
			s.items[key] = now
		}
		return
	}
	said := "the same as that of item " + strconv.Itoa(before.index)
	if now.title != before.title && !sameTime(now.created, before.created) {
		said += ", which has another title and time: they will be taken for one alert"
	}
	n.add("id", encode(idOf(item)), said)
}

func idOf(item incident.Decoded) string {
	if item.Alert != nil {
		return item.Alert.Origin.ID
	}
	return item.Incident.Reference.ID
}

// excerpt returns raw on one line and not too long for a message.
func excerpt(raw json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // raw came out of a JSON decoder
	return limit.Shorten(b.String())
}

// need takes an identifier or a title, which must be there; a number is as good as a text.
func (c codec) need(p *string, names ...string) *fieldError {
	for _, n := range names {
		raw, ok := c.m[n]
		if !ok || isNull(raw) {
			continue
		}
		var s string
		if json.Unmarshal(raw, &s) != nil && !loose(&s, raw) {
			return &fieldError{under(c.path, n), fmt.Errorf("want a text or a number, not %s", excerpt(raw))}
		}
		if delete(c.m, n); strings.TrimSpace(s) != "" {
			*p = s
			return nil
		}
	}
	return &fieldError{under(c.path, names[0]), errors.New("missing, want a text or a number")}
}

func (c codec) decodeIncident() (incident.Decoded, []fieldError) {
	var d incident.Draft
	m := c.m
	delete(m, odataType)
	if p := c.need(&d.Reference.ID, "id", "incidentId"); p != nil {
		return incident.Decoded{}, []fieldError{*p}
	}
	value(c, &d.Name, "displayName", "incidentName")
	if strings.TrimSpace(d.Name) == "" {
		d.Name = ""
	}
	d.Reference.System = system
	c.incident(&d)
	to := codec{m: object{}, notes: &notes{}} // apart, because it means nothing until the status is known
	if raw, ok := m["redirectIncidentId"]; ok {
		if to.m["id"] = raw; isNull(raw) || string(raw) == `""` {
			delete(m, "redirectIncidentId")
		}
	}
	if to.need(&d.RedirectTo.ID, "id") != nil || d.RedirectTo.ID == d.Reference.ID {
		d.RedirectTo.ID = ""
	}
	word(c, &d.Status, "status", incidentStatus(d.RedirectTo.ID != ""), "")
	if d.Status == incident.Redirected {
		d.RedirectTo.System = system
		delete(m, "redirectIncidentId")
	} else {
		d.RedirectTo.ID = ""
	}
	if d.Status == incident.Resolved {
		value(c, &d.Note, "resolvingComment")
	}
	var custom, sys []string
	list(c, &custom, "customTags", "tags")
	list(c, &sys, "systemTags")
	for _, t := range custom {
		d.Tags = append(d.Tags, incident.Tag{Name: t})
	}
	for _, t := range sys {
		d.Tags = append(d.Tags, incident.Tag{Name: t, Kind: alert.SystemTag})
	}
	d.Comments = c.takeComments("")
	problems, ok := c.decodeAlerts(&d)
	if !ok {
		return incident.Decoded{}, problems
	}
	d.Extra = fields(m)
	return incident.Decoded{Incident: &d}, problems
}

// decodeAlerts takes the alerts of an incident and their comments. Reports of one alert are joined. ok is
// false when there is something else in their place: then nobody knows which alerts the incident has.
func (c codec) decodeAlerts(d *incident.Draft) (problems []fieldError, ok bool) {
	raw := unquoted(c.m["alerts"])
	delete(c.m, "alerts")
	switch {
	case raw == nil || isNull(raw) || string(raw) == `""`:
		return nil, true
	case raw[0] == '{':
		raw = encode([]json.RawMessage{raw})
	case raw[0] != '[':
		return []fieldError{{under(c.path, "alerts"), fmt.Errorf("want a list, not %s", excerpt(raw))}}, false
	}
	type place struct{ list, index int }
	places := map[alert.Origin]place{} // of the first report, in reports
	var reports [][]alert.Alert
	n, left := -1, 0
	for raw := range jsonitem.Elements(raw) {
		n++
		field := under(c.path, "alerts["+strconv.Itoa(n)+"]")
		var m object
		var a alert.Alert
		p := &fieldError{field, fmt.Errorf("want an object, not %s", excerpt(raw))}
		from := len(c.notes.list)
		of := codec{m: m, notes: c.notes, path: field}
		if json.Unmarshal(raw, &m) == nil && m != nil {
			fold(m)
			of.m = m
			a, p = of.decodeAlert()
		}
		first, there := places[a.Origin]
		if p == nil && there && (a.Title != reports[first.list][0].Title || !sameTime(a.Created,
			reports[first.list][0].Created)) {
			p = &fieldError{under(field, "id"),
				fmt.Errorf("the same as that of alerts[%d], which is another alert", first.index)}
		}
		if p != nil {
			if len(problems) == maxNotes {
				left++
				continue
			}
			problems = append(problems, *p)
			continue
		}
		if m["comments"] != nil {
			d.Comments = append(d.Comments, of.takeComments(a.Origin.Fit().AlertID())...)
			a.Extra = fields(m)
		}
		if there {
			c.notes.add(under(field, "id"), encode(a.Origin.ID),
				fmt.Sprintf("joined with alerts[%d], which is the same", first.index))
			reports[first.list] = append(reports[first.list], a)
		} else {
			places[a.Origin] = place{len(reports), n}
			reports = append(reports, []alert.Alert{a})
		}
		c.notes.of("alert "+string(a.Origin.AlertID()), from)
	}
	if left > 0 {
		problems = append(problems, fieldError{under(c.path, "alerts"),
			fmt.Errorf("%d more alerts could not be taken", left)})
	}
	for _, r := range reports {
		d.Alerts = append(d.Alerts, joinAlerts(r, c.notes))
	}
	slices.SortStableFunc(d.Comments, func(a, b incident.Comment) int { return a.Time.Compare(b.Time) })
	return problems, true
}

// sameTime reports whether two times may be of one event.
func sameTime(a, b time.Time) bool { return a.IsZero() || b.IsZero() || a.Equal(b) }

// incident moves what needs no thought.
func (c codec) incident(d *incident.Draft) {
	value(c, &d.Description, "description")
	word(c, &d.Owner.ID, "assignedTo", name, d.Owner.ID)
	value(c, &d.Reference.URL, "incidentWebUrl")
	c.time(&d.Reference.Updated, "lastUpdateDateTime", "lastUpdateTime")
	c.time(&d.Created, "createdDateTime", "createdTime")
	word(c, &d.Severity, "severity", parseSeverity, severityText(d.Severity))
	c.verdict(&d.Verdict)
}

func (c codec) comment(one *incident.Comment) {
	value(c, &one.Text, "comment")
	value(c, &one.By, "createdByDisplayName", "createdBy")
	c.time(&one.Time, "createdDateTime", "createdTime")
}

// A comment is one together with the fields that have no place in it.
type comment struct {
	incident.Comment
	raw  json.RawMessage
	rest object
}

// splitComments takes the comments that name who wrote them and when, oldest first.
func (c codec) splitComments() []comment {
	var all []comment
	c.split("comments", func(path string, raw json.RawMessage) bool {
		one := comment{raw: raw}
		if json.Unmarshal(raw, &one.rest) != nil || one.rest == nil {
			c.notes.add(path, raw, "kept as it came, since it is no object")
			return false
		}
		fold(one.rest)
		whole := maps.Clone(one.rest)
		delete(one.rest, odataType)
		codec{m: one.rest, notes: c.notes, path: path}.comment(&one.Comment)
		if strings.TrimSpace(one.By) == "" || one.Time.IsZero() {
			c.notes.add(path, encode(whole), "kept as it came, since it does not tell who wrote it and when")
			return false
		}
		all = append(all, one)
		return true
	})
	slices.SortStableFunc(all, func(a, b comment) int { return a.Time.Compare(b.Time) })
	return all
}

// takeComments reads the comments. Fields without a place stay in the object, under who wrote the comment
// and when, but without its text: that may have to be struck out one day. about is the alert that they are
// about, if they are of one.
func (c codec) takeComments(about alert.ID) []incident.Comment {
	all := c.splitComments()
	type key struct {
		by   string
		time time.Time
	}
	more := map[key]bool{} // comments of one moment stay together, so that none gets the fields of another
	for _, one := range all {
		if len(one.rest) > 0 {
			more[key{one.By, one.Time}] = true
		}
	}
	var comments []incident.Comment
	var rests []json.RawMessage
	for _, one := range all {
		one.Comment.Alert = about
		comments = append(comments, one.Comment)
		if more[key{one.By, one.Time}] {
			codec{m: one.rest, write: true}.comment(&incident.Comment{By: one.By, Time: one.Time})
			rests = append(rests, encode(one.rest))
		}
	}
	c.join("comments", rests)
	return comments
}

// putComments writes comments, each with the fields that takeComments left of it. What it left of others is
// gone.
func (c codec) putComments(comments []incident.Comment) {
	c.notes = &notes{} // they were noted when the comments were taken
	rests := c.splitComments()
	var texts []json.RawMessage
	for _, one := range comments {
		m := object{}
		same := func(r comment) bool { return r.By == one.By && r.Time.Equal(one.Time) }
		if n := slices.IndexFunc(rests, same); n >= 0 {
			m = rests[n].rest
			rests = slices.Delete(rests, n, n+1)
		}
		codec{m: m, write: true}.comment(&one)
		texts = append(texts, encode(m))
	}
	for _, one := range rests {
		if one.Text != "" { // it was never taken, as a comment of an alert that came without its incident
			texts = append(texts, one.raw)
		}
	}
	c.join("comments", texts)
}

// incidentStatus returns how to read an incident's status. Defender's experts set awaitingAction when the
// customer has to act; it is the one member hidden behind unknownFutureValue from who did not ask for it.
func incidentStatus(redirected bool) func(string) (incident.Status, reading) {
	return func(s string) (incident.Status, reading) {
		word := bare(s)
		if word == "awaitingaction" || word == "unknownfuturevalue" {
			return incident.InProgress, partly
		}
		v, err := incident.ParseStatus(word)
		switch {
		case err == nil && v != incident.Purged && (v != incident.Redirected || redirected):
			return v, wholly
		case nothing(s):
			return incident.Active, partly
		}
		return incident.Active, unread
	}
}

// alertStatus reads an alert's status. The retired API has words of its own.
func alertStatus(s string) (alert.Status, reading) {
	word := bare(s)
	switch v, err := alert.ParseStatus(word); {
	case err == nil && v != alert.StatusNew, word == "new":
		return v, wholly
	case word == "newalert", nothing(s):
		return alert.StatusNew, partly
	case word == "dismissed":
		return alert.StatusResolved, partly
	case err == nil:
		return v, wholly
	}
	return alert.StatusNew, unread
}

// description moves the description of an alert. Below it stand its custom details, which whoever wrote the
// rule has chosen for people to read; when writing they are where they were.
func (c codec) description(p *string) {
	details := customDetails(c.m["customDetails"])
	if !c.write {
		value(c, p, "description")
		if *p != "" && details != "" {
			*p += "\n\n"
		}
		*p += details
		return
	}
	text := *p
	if details != "" {
		text = strings.TrimSuffix(strings.TrimSuffix(text, details), "\n\n")
	}
	value(c, &text, "description")
}

// maxDetails is how many bytes of custom details stand in a description.
const maxDetails = 8_000

// customDetails returns a line for each member that is a text or a list of texts.
func customDetails(raw json.RawMessage) string {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil || len(raw) > maxDetails {
		return ""
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if values := textList(m[name]); len(values) > 0 {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "Custom details:\n" + strings.Join(lines, "\n")
}

// alert moves what needs no thought.
func (c codec) alert(a *alert.Alert) {
	named(c, &a.Product, "productName")
	word(c, &a.DetectionSource, "detectionSource", name, a.DetectionSource)
	c.description(&a.Description)
	value(c, &a.RecommendedActions, "recommendedActions", "recommendedAction")
	word(c, &a.Category, "category", name, a.Category)
	list(c, &a.Techniques, "mitreTechniques")
	named(c, &a.Actor, "actorDisplayName", "actorName", "activityGroupName")
	named(c, &a.Threat, "threatDisplayName", "threatName")
	named(c, &a.ThreatFamily, "threatFamilyName")
	value(c, &a.URL, "alertWebUrl")
	word(c, &a.Owner.ID, "assignedTo", name, a.Owner.ID)
	list(c, &a.Tags, "systemTags")
	c.time(&a.FirstActivity, "firstActivityDateTime", "firstActivity", "firstEventTime", "eventDateTime")
	c.time(&a.LastActivity, "lastActivityDateTime", "lastActivity", "lastEventTime", "lastEventDateTime")
	c.time(&a.Created, "createdDateTime", "creationTime", "alertCreationTime")
	c.time(&a.SourceUpdated, "lastUpdateDateTime", "lastUpdatedTime", "lastUpdateTime",
		"lastModifiedDateTime")
	word(c, &a.Severity, "severity", parseSeverity, severityText(a.Severity))
	word(c, &a.Status, "status", alertStatus, a.Status.String())
	if a.Status == alert.StatusResolved {
		c.time(&a.Resolved, "resolvedDateTime", "resolvedTime", "closedDateTime")
	}
	c.verdict(&a.Verdict)
	source := a.Origin.Source
	if source == system {
		source = "" // not a word of Graph's
	}
	word(c, &source, "serviceSource", serviceSource, source)
	a.Origin.Source = cmp.Or(source, system)
}

func (c codec) decodeAlert() (alert.Alert, *fieldError) {
	var a alert.Alert
	delete(c.m, odataType)
	if p := c.need(&a.Origin.ID, "id", "alertId"); p != nil {
		return a, p
	}
	if p := c.need(&a.Title, "title"); p != nil {
		return a, p
	}
	from := len(c.notes.list)
	c.vendor()
	ofEndpoint := isEndpoint(c.m)
	dropped := 0
	take := func(path string, raw json.RawMessage, kind alert.Kind) bool {
		if len(a.Evidence) == alert.MaxEvidence {
			dropped++
			return true
		}
		e, ok := c.decodeEvidence(path, raw, kind)
		if ok {
			a.Evidence = append(a.Evidence, e)
		}
		return ok
	}
	left := c.older(take)
	c.split("evidence", func(path string, raw json.RawMessage) bool { return take(path, raw, "") })
	c.join("evidence", left)
	if dropped > 0 {
		c.notes.add(under(c.path, "evidence"), nil,
			fmt.Sprintf("%d pieces left out, since an alert has at most %d", dropped, alert.MaxEvidence))
	}
	c.alert(&a)
	if a.Origin.Source == system && ofEndpoint {
		a.Origin.Source = endpoint
		if c.m["serviceSource"] != nil {
			c.note("serviceSource", "taken for "+endpoint)
			delete(c.m, "serviceSource")
		}
	}
	c.notes.of("alert "+string(a.Origin.AlertID()), from)
	a.Extra = fields(c.m)
	return a, nil
}

// sources are the words for a source, bare, as Graph, the older interfaces, the streaming API and the
// retired one have them.
var sources = sync.OnceValue(func() map[string]string {
	all := make(map[string]string)
	for source, words := range map[string]string{
		endpoint:                         "MicrosoftDefenderATP WindowsDefenderATP MDATP MDE",
		"microsoftDefenderForCloudApps":  "MicrosoftCloudAppSecurity CloudAppSecurity MCAS",
		"microsoftDefenderForOffice365":  "OfficeATP Office365ATP OATP Office365AdvancedThreatProtection",
		"microsoftDefenderForIdentity":   "AzureATP AATP AzureAdvancedThreatProtection",
		"microsoft365Defender":           "MTP M365Defender MicrosoftDefenderXDR MicrosoftThreatProtection",
		"azureAdIdentityProtection":      "AADIdentityProtection IPC AzureActiveDirectoryIdentityProtection MicrosoftEntraIDProtection",
		"microsoftSentinel":              "AzureSentinel",
		"microsoftDefenderForCloud":      "ASC AzureSecurityCenter",
		"dataLossPrevention":             "MicrosoftDataLossPrevention",
		"microsoftAppGovernance":         "AppGovernance",
		"microsoftSecurityForAI":         "SecurityForAI",
		"microsoftInsiderRiskManagement": "MicrosoftPurviewInsiderRiskManagement",
		"microsoftThreatIntelligence":    "",
	} {
		for _, word := range append(strings.Fields(words), source) {
			all[bare(word)] = source
		}
	}
	return all
})

// serviceSource returns the source in Graph's spelling, so that an alert is the same whichever interface it
// came from. One that Graph does not have loses its spaces, as Graph would spell it.
func serviceSource(s string) (source string, how reading) {
	if source, how = name(strings.TrimSpace(s)); source == "" {
		return source, how
	}
	if source = sources()[bare(s)]; source == "" {
		for n, part := range strings.Fields(s) {
			if n > 0 {
				part = strings.ToUpper(part[:1]) + part[1:]
			}
			source += part
		}
		source = lowerFirst(source)
	}
	if source == s {
		return source, wholly
	}
	return source, partly
}

// lowerFirst returns s with its first letter in lower case, as Graph spells identifiers.
func lowerFirst(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]+'a'-'A') + s[1:]
}

func members(f alert.Fields) object {
	if m := f.Members(); m != nil {
		return m
	}
	return object{}
}

func fields(m object) alert.Fields {
	f, err := alert.MakeFields(m)
	if err != nil {
		return "" // every value came out of a JSON decoder
	}
	return f
}
