package msgraph

import (
	"bytes"
	"cmp"
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

const system = "microsoftDefender"

// maxDepth is how deep an item may be nested. It is far from the 10,000 levels at which package
// encoding/json gives up, so that what was read can always be written, inside other things too.
const maxDepth = 500

// fieldError is why a field keeps an item from being imported.
type fieldError struct {
	field string
	err   error
}

// Decode reads incidents and alerts from r in the order of the file: one object, a list, an object whose
// "value" is one or the other, or several of these one after another, as in JSON lines. name stands in
// errors. An alert inside an incident that cannot be imported is an error of its own before the incident. Errors are
// [*alert.DecodeError].
//
// An incident's Reference is of the system "microsoftDefender". An alert's Origin.Source is its serviceSource in
// Graph's spelling, or "microsoftDefender" where it has none; which incident it says it belongs to is kept in Extra and
// has no other effect.
//
// The sequence can be ranged over once. It reads as far as it is ranged over, and a buffer further.
func Decode(r io.Reader, name string) iter.Seq2[incident.Decoded, error] {
	return func(yield func(incident.Decoded, error) bool) {
		index := 0
		for read, err := range jsonitem.Read(r, "value") {
			if err != nil {
				yield(incident.Decoded{}, &alert.DecodeError{File: name, Index: index, Err: err})
				return
			}
			item, problems := incident.Decoded{}, []fieldError{{"", fmt.Errorf("want at most %d levels of lists and objects", maxDepth)}}
			if read.Depth <= maxDepth {
				item, problems = decodeItem(bytes.ToValidUTF8(read.Raw, []byte("\uFFFD")))
			}
			item.Index = index
			for _, p := range problems {
				if !yield(incident.Decoded{}, &alert.DecodeError{File: name, Index: index, Field: p.field, Err: p.err}) {
					return
				}
			}
			index++
			if (item.Incident != nil || item.Alert != nil) && !yield(item, nil) {
				return
			}
		}
	}
}

func decodeItem(raw json.RawMessage) (incident.Decoded, []fieldError) {
	var m object
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return incident.Decoded{}, []fieldError{{"", fmt.Errorf("want an object, an incident or an alert, not %s", excerpt(raw))}}
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return m[n] != nil })
	}
	var typ string
	_ = json.Unmarshal(m[odataType], &typ)
	switch {
	case strings.HasSuffix(typ, ".incident"):
		return decodeIncident(m)
	case strings.HasSuffix(typ, ".alert"):
	case typ != "":
		return incident.Decoded{}, []fieldError{{odataType, fmt.Errorf("want an incident or an alert, not %s", excerpt(m[odataType]))}}
	case has("title", "alertId", "alertCreationTime", "alertWebUrl", "evidence"):
	case has("displayName", "incidentName", "redirectIncidentId", "customTags", "alerts"):
		return decodeIncident(m)
	default:
		return incident.Decoded{}, []fieldError{{"", errors.New("want a Graph incident or alert, a Defender API incident or a Defender for Endpoint alert")}}
	}
	a, p := decodeAlert(m)
	if p != nil {
		return incident.Decoded{}, []fieldError{*p}
	}
	return incident.Decoded{Alert: &a}, nil
}

// excerpt returns raw on one line and not too long for a message.
func excerpt(raw json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // raw came out of a JSON decoder
	if text := []rune(b.String()); len(text) > 64 {
		return string(text[:64]) + "…"
	}
	return b.String()
}

// text takes a field that must be a text, or a number where that is as good, if it is there at all.
func (c codec) text(p *string, number bool, names ...string) *fieldError {
	value(c, p, names...)
	if strings.TrimSpace(*p) != "" {
		return nil
	}
	*p = ""
	for _, n := range names {
		raw, ok := c.m[n]
		if !ok {
			continue
		}
		var num int64
		if number && json.Unmarshal(raw, &num) == nil {
			*p = strconv.FormatInt(num, 10)
			delete(c.m, n)
			return nil
		}
		return &fieldError{n, fmt.Errorf("want %s, not %s", wantText(number), excerpt(raw))}
	}
	return nil
}

func wantText(number bool) string {
	if number {
		return "a text or a number"
	}
	return "a text"
}

// need is text for a field that must be there.
func (c codec) need(p *string, number bool, names ...string) *fieldError {
	err := c.text(p, number, names...)
	if err == nil && *p == "" {
		err = &fieldError{names[0], fmt.Errorf("missing, want %s", wantText(number))}
	}
	return err
}

func decodeIncident(m object) (incident.Decoded, []fieldError) {
	var d incident.Draft
	c := codec{m, false}
	delete(m, odataType)
	if p := c.need(&d.Reference.ID, true, "id", "incidentId"); p != nil {
		return incident.Decoded{}, []fieldError{*p}
	}
	if p := c.text(&d.Name, false, "displayName", "incidentName"); p != nil {
		return incident.Decoded{}, []fieldError{*p}
	}
	d.Reference.System = system
	c.incident(&d)
	to := codec{object{}, false} // apart, because it means nothing until the status is known
	if raw, ok := m["redirectIncidentId"]; ok {
		if to.m["id"] = raw; isNull(raw) {
			delete(m, "redirectIncidentId")
		}
	}
	if to.text(&d.RedirectTo.ID, true, "id") != nil || d.RedirectTo.ID == d.Reference.ID {
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
		d.Resolved = d.Reference.Updated // Graph does not say when; it was not later than this
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
	d.Comments = c.takeComments()
	var problems []fieldError
	var alerts []json.RawMessage
	if raw := m["alerts"]; raw != nil && json.Unmarshal(raw, &alerts) != nil {
		return incident.Decoded{}, []fieldError{{"alerts", fmt.Errorf("want a list, not %s", excerpt(raw))}}
	}
	delete(m, "alerts")
	for n, raw := range alerts {
		var m object
		var a alert.Alert
		var p *fieldError
		if json.Unmarshal(raw, &m) == nil && m != nil {
			a, p = decodeAlert(m)
		} else {
			p = &fieldError{"", fmt.Errorf("want an object, not %s", excerpt(raw))}
		}
		if p != nil {
			problems = append(problems, fieldError{strings.TrimSuffix(fmt.Sprintf("alerts[%d].%s", n, p.field), "."), p.err})
			continue
		}
		d.Alerts = append(d.Alerts, a)
	}
	d.Extra = fields(m)
	return incident.Decoded{Incident: &d}, problems
}

// incident moves what needs no thought.
func (c codec) incident(d *incident.Draft) {
	value(c, &d.Description, "description")
	value(c, &d.Owner.ID, "assignedTo")
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
	rest object
}

// splitComments takes the comments that name who wrote them and when, oldest first.
func (c codec) splitComments() []comment {
	var all []comment
	c.split("comments", func(raw json.RawMessage) bool {
		var one comment
		if json.Unmarshal(raw, &one.rest) != nil {
			return false
		}
		delete(one.rest, odataType)
		codec{one.rest, false}.comment(&one.Comment)
		if strings.TrimSpace(one.By) == "" || one.Time.IsZero() {
			return false
		}
		all = append(all, one)
		return true
	})
	slices.SortStableFunc(all, func(a, b comment) int { return a.Time.Compare(b.Time) })
	return all
}

// takeComments reads the comments. Fields without a place stay in the object, under who wrote the comment
// and when, but without its text: that may have to be struck out one day.
func (c codec) takeComments() []incident.Comment {
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
		comments = append(comments, one.Comment)
		if more[key{one.By, one.Time}] {
			codec{one.rest, true}.comment(&incident.Comment{By: one.By, Time: one.Time})
			rests = append(rests, encode(one.rest))
		}
	}
	c.join("comments", rests)
	return comments
}

// putComments writes comments, each with the fields that takeComments left of it.
func (c codec) putComments(comments []incident.Comment) {
	rests := c.splitComments()
	var texts []json.RawMessage
	for _, one := range comments {
		m := object{}
		same := func(r comment) bool { return r.By == one.By && r.Time.Equal(one.Time) }
		if n := slices.IndexFunc(rests, same); n >= 0 {
			m = rests[n].rest
			rests = slices.Delete(rests, n, n+1)
		}
		codec{m, true}.comment(&one)
		texts = append(texts, encode(m))
	}
	c.join("comments", texts)
}

// incidentStatus returns how to read an incident's status. Defender's experts set awaitingAction when the
// customer has to act; it is the one member hidden behind unknownFutureValue from who did not ask for it.
func incidentStatus(redirected bool) func(string) (incident.Status, bool) {
	return func(s string) (incident.Status, bool) {
		if strings.EqualFold(s, "awaitingAction") || strings.EqualFold(s, "unknownFutureValue") {
			return incident.InProgress, false
		}
		v, err := incident.ParseStatus(s)
		if v == incident.Redirected && !redirected || v == incident.Purged {
			return incident.Active, false
		}
		return v, err == nil
	}
}

func alertStatus(s string) (alert.Status, bool) {
	v, err := alert.ParseStatus(s)
	return v, err == nil
}

// alert moves what needs no thought.
func (c codec) alert(a *alert.Alert) {
	value(c, &a.Product, "productName")
	word(c, &a.DetectionSource, "detectionSource", open[string](""), a.DetectionSource)
	value(c, &a.Description, "description")
	value(c, &a.RecommendedActions, "recommendedActions", "recommendedAction")
	word(c, &a.Category, "category", open[string](""), a.Category)
	list(c, &a.Techniques, "mitreTechniques")
	value(c, &a.Actor, "actorDisplayName", "actorName")
	value(c, &a.Threat, "threatDisplayName", "threatName")
	value(c, &a.ThreatFamily, "threatFamilyName")
	value(c, &a.URL, "alertWebUrl")
	value(c, &a.Owner.ID, "assignedTo")
	list(c, &a.Tags, "systemTags")
	c.time(&a.FirstActivity, "firstActivityDateTime", "firstActivity", "firstEventTime")
	c.time(&a.LastActivity, "lastActivityDateTime", "lastActivity", "lastEventTime")
	c.time(&a.Created, "createdDateTime", "creationTime", "alertCreationTime")
	c.time(&a.SourceUpdated, "lastUpdateDateTime", "lastUpdatedTime", "lastUpdateTime")
	word(c, &a.Severity, "severity", parseSeverity, severityText(a.Severity))
	word(c, &a.Status, "status", alertStatus, a.Status.String())
	if a.Status == alert.StatusResolved {
		c.time(&a.Resolved, "resolvedDateTime", "resolvedTime")
	}
	c.verdict(&a.Verdict)
	source := a.Origin.Source
	if source == system {
		source = "" // not a word of Graph's
	}
	word(c, &source, "serviceSource", serviceSource, source)
	a.Origin.Source = cmp.Or(source, system)
}

func decodeAlert(m object) (alert.Alert, *fieldError) {
	legacy(m)
	var a alert.Alert
	c := codec{m, false}
	delete(m, odataType)
	if p := c.need(&a.Origin.ID, true, "id", "alertId"); p != nil {
		return a, p
	}
	if p := c.need(&a.Title, false, "title"); p != nil {
		return a, p
	}
	c.alert(&a)
	c.split("evidence", func(raw json.RawMessage) bool {
		e, ok := decodeEvidence(raw)
		if ok {
			a.Evidence = append(a.Evidence, e)
		}
		return ok
	})
	a.Extra = fields(m)
	return a, nil
}

// serviceSource returns the source in Graph's spelling, so that an alert is the same whichever interface it
// came from.
func serviceSource(s string) (source string, all bool) {
	switch strings.ToLower(s) {
	case "microsoftdefenderatp":
		source = "microsoftDefenderForEndpoint"
	case "microsoftcloudappsecurity", "mcas":
		source = "microsoftDefenderForCloudApps"
	case "officeatp":
		source = "microsoftDefenderForOffice365"
	case "azureatp":
		source = "microsoftDefenderForIdentity"
	case "mtp":
		source = "microsoft365Defender"
	case "aadidentityprotection":
		source = "azureAdIdentityProtection"
	default:
		source, _ = open[string]("")(lowerFirst(strings.TrimSpace(s)))
	}
	return source, source == s
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
