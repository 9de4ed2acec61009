package graph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

const system = "microsoftDefender"

// An Item is one incident or one alert that was read: exactly one of Incident and Alert is set.
type Item struct {
	Incident *incident.Draft
	Alert    *alert.Alert
	Index    int // place in the file, from 0
}

// An ItemError says which item of which file could not be imported, and why.
type ItemError struct {
	File  string
	Index int    // from 0
	Field string // "" when the item as a whole is at fault
	Err   error
}

// Error returns a sentence such as "alerts.json: item 3: title: missing".
func (e *ItemError) Error() string {
	s := fmt.Sprintf("%s: item %d: ", e.File, e.Index)
	if e.Field != "" {
		s += e.Field + ": "
	}
	return s + e.Err.Error()
}

// Unwrap returns Err.
func (e *ItemError) Unwrap() error { return e.Err }

// fieldError is why a field keeps an item from being imported.
type fieldError struct {
	field string
	err   error
}

// Decode reads incidents and alerts from r in the order of the file: one object, an array, an object
// whose "value" is an array, or several of these one after another. name stands in errors. An alert
// inside an incident that cannot be imported is an error of its own before the incident.
func Decode(r io.Reader, name string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		index := 0
		one := func(raw json.RawMessage) bool {
			item, problems := decodeItem(bytes.ToValidUTF8(raw, []byte("\uFFFD")))
			item.Index = index
			for _, p := range problems {
				if !yield(Item{}, &ItemError{name, index, p.field, p.err}) {
					return false
				}
			}
			index++
			return item.Incident == nil && item.Alert == nil || yield(item, nil)
		}
		dec := json.NewDecoder(r)
		for {
			more, err := decodeValue(dec, one)
			if err != nil && !errors.Is(err, io.EOF) {
				at := dec.InputOffset()
				if s, ok := errors.AsType[*json.SyntaxError](err); ok {
					at = s.Offset
				}
				yield(Item{}, &ItemError{name, index, "", fmt.Errorf("byte %d: %w", at, err)})
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// decodeValue reads one value and gives each item of it to one as soon as it is read, so that what stands
// before a broken place is not lost. more is false when one does not want any more. The error is io.EOF
// when there is no value.
func decodeValue(dec *json.Decoder, one func(json.RawMessage) bool) (more bool, err error) {
	first, err := dec.Token()
	if err != nil {
		return false, err
	}
	switch first {
	case json.Delim('['):
		return decodeList(dec, one)
	case json.Delim('{'):
	default:
		raw, err := json.Marshal(first)
		return err == nil && one(raw), err
	}
	m := object{}
	listed := false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return false, inside(err)
		}
		var raw json.RawMessage
		if key == "value" && m["id"] == nil {
			start, err := dec.Token()
			if err != nil {
				return false, inside(err)
			}
			if start == json.Delim('[') {
				if more, err := decodeList(dec, one); err != nil || !more {
					return more, err
				}
				listed = true
				continue
			}
			if start == json.Delim('{') {
				return false, errors.New("value is an object: want a list of incidents or alerts")
			}
			raw = encode(start)
		} else if err := dec.Decode(&raw); err != nil {
			return false, inside(err)
		}
		m[key.(string)] = raw
	}
	if _, err := dec.Token(); err != nil {
		return false, inside(err)
	}
	if listed {
		return true, nil
	}
	raw, err := json.Marshal(m)
	return err == nil && one(raw), err
}

// decodeList reads the rest of a list.
func decodeList(dec *json.Decoder, one func(json.RawMessage) bool) (more bool, err error) {
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return false, inside(err)
		}
		if !one(raw) {
			return false, nil
		}
	}
	_, err = dec.Token()
	return err == nil, inside(err)
}

// inside makes the end of the input an error where a value is not complete.
func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func decodeItem(raw json.RawMessage) (Item, []fieldError) {
	var m object
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return Item{}, []fieldError{{"", errors.New("want an object: an incident or an alert")}}
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
	case has("title", "alertId", "alertCreationTime", "alertWebUrl", "evidence"):
	case has("displayName", "incidentName", "redirectIncidentId", "customTags", "alerts"):
		return decodeIncident(m)
	default:
		return Item{}, []fieldError{{"", errors.New("want a Graph incident or alert, a Defender API incident or a Defender for Endpoint alert")}}
	}
	a, p := decodeAlert(m)
	if p != nil {
		return Item{}, []fieldError{*p}
	}
	return Item{Alert: &a}, nil
}

// need takes a field that must be a text. An identifier may be a number.
func (c codec) need(p *string, number bool, names ...string) *fieldError {
	value(c, p, names...)
	if strings.TrimSpace(*p) != "" {
		return nil
	}
	for _, n := range names {
		raw, ok := c.m[n]
		if !ok {
			continue
		}
		var num json.Number
		if number && raw[0] != '"' && json.Unmarshal(raw, &num) == nil {
			*p = num.String()
			delete(c.m, n)
			return nil
		}
		return &fieldError{n, fmt.Errorf("%.64s: want a text", raw)}
	}
	return &fieldError{names[0], errors.New("missing")}
}

func decodeIncident(m object) (Item, []fieldError) {
	var d incident.Draft
	c := codec{m, false}
	delete(m, odataType)
	if p := c.need(&d.Reference.ID, true, "id", "incidentId"); p != nil {
		return Item{}, []fieldError{*p}
	}
	if p := c.need(&d.Name, false, "displayName", "incidentName"); p != nil {
		return Item{}, []fieldError{*p}
	}
	d.Reference.System = system
	c.incident(&d)
	to := codec{object{"id": m["redirectIncidentId"]}, false}
	if m["redirectIncidentId"] == nil || to.need(&d.RedirectTo.ID, true, "id") != nil {
		d.RedirectTo.ID = ""
	}
	if m["redirectIncidentId"] != nil && isNull(m["redirectIncidentId"]) {
		delete(m, "redirectIncidentId")
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
		d.Tags = append(d.Tags, incident.Tag{Name: t, System: true})
	}
	c.split("comments", func(raw json.RawMessage) bool {
		var m object
		var one incident.Comment
		if json.Unmarshal(raw, &m) != nil {
			return false
		}
		codec{m, false}.comment(&one)
		if strings.TrimSpace(one.By) == "" || one.Time.IsZero() {
			return false
		}
		d.Comments = append(d.Comments, one)
		return true
	})
	slices.SortStableFunc(d.Comments, func(a, b incident.Comment) int { return a.Time.Compare(b.Time) })
	var problems []fieldError
	var alerts []json.RawMessage
	if raw := m["alerts"]; raw != nil && json.Unmarshal(raw, &alerts) != nil {
		return Item{}, []fieldError{{"alerts", errors.New("want a list")}}
	}
	delete(m, "alerts")
	for n, raw := range alerts {
		var m object
		p := &fieldError{"", errors.New("want an object")}
		var a alert.Alert
		if json.Unmarshal(raw, &m) == nil && m != nil {
			a, p = decodeAlert(m)
		}
		if p != nil {
			problems = append(problems, fieldError{strings.TrimSuffix(fmt.Sprintf("alerts[%d].%s", n, p.field), "."), p.err})
			continue
		}
		d.Alerts = append(d.Alerts, a)
	}
	d.Extra = fields(m)
	return Item{Incident: &d}, problems
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

func incidentStatus(redirected bool) func(string) (incident.Status, bool) {
	return func(s string) (incident.Status, bool) {
		if strings.EqualFold(s, "awaitingAction") {
			return incident.InProgress, false
		}
		v, err := incident.ParseStatus(s)
		if v == incident.Redirected && !redirected {
			return incident.Active, false
		}
		return v, err == nil
	}
}

func alertStatus(s string) (alert.Status, bool) {
	if strings.EqualFold(s, "awaitingAction") {
		return alert.StatusInProgress, false
	}
	v, err := alert.ParseStatus(s)
	return v, err == nil
}

func (c codec) alert(a *alert.Alert) {
	value(c, &a.Product, "productName")
	value(c, &a.DetectionSource, "detectionSource")
	value(c, &a.Description, "description")
	value(c, &a.RecommendedActions, "recommendedActions", "recommendedAction")
	value(c, &a.Category, "category")
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
	value(c, &a.Origin.Source, "serviceSource")
	a.Origin.Source = cmp.Or(serviceSource(strings.TrimSpace(a.Origin.Source)), system)
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

func serviceSource(s string) string {
	switch strings.ToLower(s) {
	case "microsoftdefenderatp":
		return "microsoftDefenderForEndpoint"
	case "microsoftcloudappsecurity", "mcas":
		return "microsoftDefenderForCloudApps"
	case "officeatp":
		return "microsoftDefenderForOffice365"
	case "azureatp":
		return "microsoftDefenderForIdentity"
	case "mtp":
		return "microsoft365Defender"
	case "aadidentityprotection":
		return "azureAdIdentityProtection"
	}
	return lowerFirst(s)
}

// lowerFirst returns s with its first letter in lower case, as Graph spells identifiers.
func lowerFirst(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]+'a'-'A') + s[1:]
}
