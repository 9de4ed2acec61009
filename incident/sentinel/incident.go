package sentinel

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// The systems of references. An incident of the second has the name of the first in Extra.
const (
	system   = "microsoftSentinel"
	defender = "microsoftDefender"
)

const (
	incidentType = "Microsoft.SecurityInsights/Incidents"
	entityType   = "Microsoft.SecurityInsights/Entities"
)

// redirected is the label of an incident that was merged into another.
const redirected = "redirected"

// maxAlerts is how many alerts of one incident are read.
const maxAlerts = alert.MaxEvidence

// incidentNames are the members of the properties of an incident, and the columns of SecurityIncident.
var incidentNames = sync.OnceValue(func() map[string]string {
	return names("title", "description", "severity", "status", "classification", "classificationReason",
		"classificationComment",
		"owner", "labels=label", "firstActivityTimeUtc=firstactivitytime",
		"lastActivityTimeUtc=lastactivitytime",
		"createdTimeUtc=createdtime,createdon", "lastModifiedTimeUtc=lastmodifiedtime,lastmodifiedon",
		"closedTime=closedtimeutc",
		"incidentNumber=number", "incidentUrl=url", "providerName", "providerIncidentId",
		"relatedAnalyticRuleIds=relatedanalyticruleid", "additionalData=additionalinfo", "comments", "tasks",
		"alertIds", "bookmarkIds",
		"alerts", "bookmarks", "relatedEntities", "relations", "teamInformation", "incidentName", "timeGenerated")
})

// dynamic are the columns that a table may give as a text.
var dynamic = []string{
	"owner", "labels", "additionalData", "alertIds", "bookmarkIds", "relatedAnalyticRuleIds", "comments",
	"tasks", "alerts",
	"relatedEntities",
}

// incidentOf gives an incident the shape of ARM and returns its properties.
func incidentOf(m object) (props object) {
	props = resource(m, incidentNames())
	unquote(props, dynamic...)
	if name, ok := props["incidentName"]; ok {
		if _, taken := m["name"]; !taken {
			m["name"] = name
			delete(props, "incidentName")
		}
	}
	if props["owner"] != nil {
		return props
	}
	owner := object{} // as PowerShell has it, in members of its own
	for _, name := range [...]string{"AssignedTo", "Email", "ObjectId", "UserPrincipalName", "Type"} {
		raw, ok := props["Owner"+name]
		if !ok {
			continue
		}
		delete(props, "Owner"+name)
		if name == "Type" {
			name = "ownerType"
		}
		owner[first(name, 'A', 'Z', 'a')] = raw
	}
	if len(owner) > 0 {
		props["owner"] = encode(owner)
	}
	return props
}

// referenceOf returns what an incident is known by, and the zero Reference when it tells no name.
func referenceOf(m, props object) incident.Reference {
	name := strings.TrimSpace(plain(m["name"]))
	if name == "" {
		id := strings.TrimSpace(plain(m["id"]))
		name = id[strings.LastIndexByte(id, '/')+1:]
	}
	switch word(plain(props["providerName"])) {
	case "microsoftxdr", "microsoft365defender", "microsoftdefenderxdr", "microsoftdefender":
		if id := strings.TrimSpace(plain(props["providerIncidentId"])); id != "" {
			return incident.Reference{System: defender, ID: id}
		}
	}
	if name == "" {
		return incident.Reference{}
	}
	return incident.Reference{System: system, ID: name}
}

// A state is what of an incident this package understands, in the shape of ARM.
type state struct {
	severity alert.Severity
	status   incident.Status
	verdict  classification.Verdict
	owner    incident.Owner
	tags     []incident.Tag
}

// state moves what needs the words of Sentinel.
func (c codec) state(s *state) {
	enumerated(c, &s.severity, "severity", readSeverity, writeSeverity)
	enumerated(c, &s.status, "status", func(s string) (incident.Status, bool) {
		switch s {
		case "new":
			return incident.Active, true
		case "active":
			return incident.InProgress, true
		case "closed":
			return incident.Resolved, true
		}
		return incident.Active, false
	}, writeStatus)
	words := []string{"classification", "classificationReason"}
	derived(c, &s.verdict, words, readVerdict, writeVerdict, same[classification.Verdict])
	derived(c, &s.owner, []string{"owner"}, func(m object) (incident.Owner, string) {
		return readOwner(m["owner"])
	}, func(o incident.Owner) object {
		if o.IsZero() {
			return object{}
		}
		return object{"owner": encode(writeOwner(o))}
	}, same[incident.Owner])
	derived(c, &s.tags, []string{"labels"}, func(m object) ([]incident.Tag, string) {
		return readLabels(m["labels"])
	}, func(tags []incident.Tag) object {
		if len(tags) == 0 {
			return object{}
		}
		return object{"labels": encode(writeLabels(tags))}
	}, sameTags)
}

// writeStatus returns the word for a status. Sentinel has none for an incident that was merged away or
// purged, and calls active what somebody works on.
func writeStatus(s incident.Status) string {
	switch s {
	case incident.Active:
		return "New"
	case incident.InProgress:
		return "Active"
	}
	return "Closed"
}

// readVerdict reads classification and reason. There is no official table of what they are in Defender;
// this library takes those that mean the same.
func readVerdict(m object) (v classification.Verdict, said string) {
	class, reason := word(plain(m["classification"])), word(plain(m["classificationReason"]))
	if isNothing(reason) {
		reason = ""
	}
	switch {
	case class == "undetermined", isNothing(class):
		return v, ""
	case class == "truepositive":
		v.Classification = classification.TruePositive
		if reason == "suspiciousactivity" {
			reason = ""
		}
	case class == "benignpositive":
		v.Classification = classification.InformationalExpectedActivity
		if reason == "suspiciousbutexpected" {
			v.Determination, reason = classification.ConfirmedActivity, ""
		}
	case class == "falsepositive":
		v.Classification = classification.FalsePositive
		switch reason {
		case "incorrectalertlogic":
			v.Determination, reason = classification.NotMalicious, ""
		case "inaccuratedata":
			v.Determination, reason = classification.NotEnoughDataToValidate, ""
		}
	default:
		return v, kept
	}
	if reason != "" {
		said = "read without its reason, which is not understood"
	}
	return v, said
}

// writeVerdict returns what Sentinel has for a verdict of Defender, and nothing for the zero one and for
// those of other taxonomies.
func writeVerdict(v classification.Verdict) object {
	pair := func(class, reason string) object {
		return object{"classification": encode(class), "classificationReason": encode(reason)}
	}
	switch v.Classification {
	case classification.TruePositive:
		return pair("TruePositive", "SuspiciousActivity")
	case classification.InformationalExpectedActivity:
		return pair("BenignPositive", "SuspiciousButExpected")
	case classification.FalsePositive:
		if v.Determination == classification.NotMalicious {
			return pair("FalsePositive", "IncorrectAlertLogic")
		}
		return pair("FalsePositive", "InaccurateData")
	}
	return object{}
}

// isNothing reports whether a text stands where nothing is known or nobody is named.
func isNothing(s string) bool {
	switch word(s) {
	case "", "n/a", "na", "none", "null", "unknown", "unassigned", "notassigned", "undefined", "notset",
		"(none)", "\u2013", "\u2014":
		return true
	}
	return false
}

func readOwner(raw json.RawMessage) (o incident.Owner, said string) {
	m := parse(raw)
	if m == nil {
		if s := plain(raw); !isNothing(s) {
			return incident.Owner{ID: s}, ""
		}
		return o, ""
	}
	respell(m, ownerNames())
	named := func(name string) string {
		if s := strings.TrimSpace(plain(m[name])); !isNothing(s) {
			return s
		}
		return ""
	}
	o.ID = cmp.Or(named("userPrincipalName"), named("email"), named("objectId"), named("assignedTo"))
	if o.ID == "" {
		return incident.Owner{}, ""
	}
	if name := named("assignedTo"); name != o.ID {
		o.Name = name
	}
	if word(named("ownerType")) == "group" {
		o.Kind = alert.GroupOwner
	}
	return o, ""
}

var ownerNames = sync.OnceValue(func() map[string]string {
	return names("objectId", "email", "assignedTo", "userPrincipalName=upn", "ownerType")
})

func writeOwner(o incident.Owner) object {
	m := object{}
	switch {
	case strings.Contains(o.ID, "@"):
		m["userPrincipalName"] = encode(o.ID)
	case isBare(o.ID):
		m["objectId"] = encode(o.ID)
	default:
		m["assignedTo"] = encode(o.ID)
	}
	if o.Name != "" {
		m["assignedTo"] = encode(o.Name)
	}
	if o.Kind == alert.GroupOwner {
		m["ownerType"] = encode("Group")
	}
	return m
}

func readLabels(raw json.RawMessage) (tags []incident.Tag, said string) {
	list, total := elements(raw, incident.MaxTags)
	for _, e := range list {
		t := incident.Tag{Name: plain(e)}
		if m := parse(e); m != nil {
			respell(m, labelNames())
			t.Name = plain(m["labelName"])
			if word(plain(m["labelType"])) == "autoassigned" {
				t.Kind = alert.SystemTag
			}
		}
		if strings.TrimSpace(t.Name) != "" {
			tags = append(tags, t)
		}
	}
	if total > len(tags) {
		said = fmt.Sprintf("%d of %d are not taken as tags, and kept as they are", total-len(tags), total)
	}
	return tags, said
}

func writeLabels(tags []incident.Tag) []object {
	var list []object
	for _, t := range tags {
		kind := "User"
		if t.System() {
			kind = "AutoAssigned"
		}
		list = append(list, object{"labelName": encode(t.Name), "labelType": encode(kind)})
	}
	return list
}

// sameTags reports whether two lists have the same tags, in whatever order and of whatever kind of a
// system's.
func sameTags(a, b []incident.Tag) bool {
	sorted := func(tags []incident.Tag) []incident.Tag {
		tags = slices.Clone(tags)
		for n := range tags {
			if tags[n].System() {
				tags[n].Kind = alert.SystemTag
			}
		}
		slices.SortFunc(tags, func(a, b incident.Tag) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
		})
		return tags
	}
	return slices.Equal(sorted(a), sorted(b))
}

func isRedirected(tags []incident.Tag) bool {
	return slices.ContainsFunc(tags, func(t incident.Tag) bool {
		return strings.EqualFold(strings.TrimSpace(t.Name), redirected)
	})
}

// mergedInto returns the incident into which another was merged: as its link tells, else by its number.
func mergedInto(props object) incident.Reference {
	data := parse(props["additionalData"])
	respell(data, mergedNames())
	if link := plain(data["mergedIncidentUrl"]); link != "" {
		at := strings.LastIndex(strings.ToLower(link), "/incidents/")
		if at >= 0 {
			id, _, _ := strings.Cut(link[at+len("/incidents/"):], "/")
			id, _, _ = strings.Cut(id, "?")
			r := incident.Reference{System: system, ID: id}
			if u, err := url.Parse(link); err == nil && strings.EqualFold(u.Hostname(), "security.microsoft.com") {
				r.System = defender
			}
			if r.ID != "" {
				return r
			}
		}
	}
	if number := plain(data["mergedIncidentNumber"]); number != "" && number != "0" {
		return incident.Reference{System: system, ID: number}
	}
	return incident.Reference{}
}

// decodeIncident reads an incident of which m is the resource without its properties, and props are these.
// number tells an incident of the same file by its number.
func decodeIncident(m, props object, number func(string) incident.Reference) (incident.Decoded, []fieldError) {
	var d incident.Draft
	if d.Reference = referenceOf(m, props); d.Reference.ID == "" {
		return incident.Decoded{}, []fieldError{{"name", fmt.Errorf("missing, want a text")}}
	}
	n := &notes{record: "incident " + string(d.Reference.IncidentID())}
	c := codec{m: props, notes: n}
	delete(m, "kind")
	if d.Reference.System == system && strings.TrimSpace(plain(m["name"])) == d.Reference.ID {
		delete(m, "name")
	}
	c.texts("title", &d.Name, "description", &d.Description)
	c.time(&d.Reference.Updated, "lastModifiedTimeUtc")
	c.time(&d.Created, "createdTimeUtc")
	if d.Reference.System == system {
		text(c, &d.Reference.URL, "incidentUrl")
	} else {
		data := parse(props["additionalData"])
		respell(data, linkNames())
		d.Reference.URL = cmp.Or(plain(data["providerIncidentUrl"]), plain(props["incidentUrl"]))
	}
	if owner := parse(props["owner"]); owner != nil {
		if respell(owner, nil); len(owner) == 0 {
			delete(props, "owner") // of nobody, all members are null
		}
	}
	var s state
	c.state(&s)
	d.Severity, d.Status, d.Verdict, d.Owner, d.Tags = s.severity, s.status, s.verdict, s.owner, s.tags
	if to := mergedInto(props); d.Status == incident.Resolved && isRedirected(d.Tags) {
		if known := number(to.ID); to.System == system && known.ID != "" {
			to = known
		} else if _, err := strconv.Atoi(to.ID); err == nil && to.System == system {
			n.add("additionalData.mergedIncidentNumber", to.ID,
				"taken for the name of the incident that it was merged into, since no other is told")
		}
		switch {
		case to.ID == "":
			n.add("labels", redirected, "read as resolved, since the incident that it was merged into is not told")
		case to.System != d.Reference.System || to.ID != d.Reference.ID:
			d.Status, d.RedirectTo = incident.Redirected, incident.Reference{System: to.System, ID: to.ID}
			c.redirect(d.RedirectTo.IncidentID(), m)
		}
	}
	if d.Status == incident.Resolved {
		text(c, &d.Note, "classificationComment")
		c.time(&d.Resolved, "closedTime")
	}
	d.Comments = c.takeComments()
	var problems []fieldError
	d.Alerts, problems = c.alerts()
	d.Extra = fields(m, props)
	return incident.Decoded{Incident: &d, Notes: n.all()}, problems
}

// alerts reads the alerts of an incident. Entities of the incident become evidence of its first alert,
// since nothing tells which alert names them.
func (c codec) alerts() (all []alert.Alert, problems []fieldError) {
	list, total := elements(c.m["alerts"], maxAlerts)
	delete(c.m, "alerts")
	if total > len(list) {
		c.notes.add("alerts", strconv.Itoa(total), fmt.Sprintf("%d of %d alerts left out", total-len(list), total))
	}
	var related []json.RawMessage
	entities, surplus := elements(c.m["relatedEntities"], alert.MaxEvidence)
	if surplus -= len(entities); surplus > 0 {
		total := strconv.Itoa(surplus + len(entities))
		c.notes.add("relatedEntities", total, fmt.Sprintf("%d entities left out", surplus))
	}
	have := make(map[string]bool)
	for _, raw := range list {
		have[strings.ToLower(plain(parse(raw)["id"]))] = true
	}
	for _, raw := range entities {
		m := parse(raw)
		if word(plain(m["kind"])) != "securityalert" {
			related = append(related, raw)
		} else if id := strings.ToLower(plain(m["id"])); id == "" || !have[id] {
			list = append(list, raw)
		}
	}
	if len(entities) > 0 && (len(related) == 0 || len(list) > 0) {
		delete(c.m, "relatedEntities")
	}
	seen := make(map[alert.Origin]int)
	for at, raw := range list {
		path := "alerts[" + strconv.Itoa(at) + "]."
		m := parse(raw)
		if m == nil {
			err := fmt.Errorf("want an object, not %s", excerpt(raw))
			problems = append(problems, fieldError{strings.TrimSuffix(path, "."), err})
			continue
		}
		if len(related) > 0 {
			if m, related = withEntities(m, related), nil; len(list) > 1 {
				c.notes.add("relatedEntities", strconv.Itoa(len(entities)),
					"kept with the first alert, since nothing tells which alert names them")
			}
		}
		a, p := decodeAlert(m, c.notes, path)
		if p != nil {
			problems = append(problems, *p)
			continue
		}
		if was, ok := seen[a.Origin]; ok {
			err := fmt.Errorf("%s is the same as alerts[%d], want another", a.Origin.AlertID(), was)
			problems = append(problems, fieldError{path + "systemAlertId", err})
			continue
		}
		seen[a.Origin] = at
		all = append(all, a)
	}
	if len(related) > 0 {
		c.m["relatedEntities"] = encode(related)
		c.notes.add("relatedEntities", strconv.Itoa(len(related)),
			"kept, but no evidence of any alert, since there is none")
	}
	return all, problems
}

// withEntities returns the resource of an alert with more entities.
func withEntities(m object, more []json.RawMessage) object {
	props := resource(m, alertNames())
	unquote(props, "entities")
	list, _ := elements(props["entities"], alert.MaxEvidence)
	props["entities"] = encode(append(slices.Clone(list), more...))
	m["properties"] = encode(props)
	return m
}

// A comment is one together with the members that have no place in it.
type comment struct {
	incident.Comment
	m, props object
}

var commentNames = sync.OnceValue(func() map[string]string {
	return names("message", "createdTimeUtc=createdtime", "lastModifiedTimeUtc=lastmodifiedtime", "author")
})

// comment reads one. The boolean is false unless it tells who wrote it and when.
func readComment(raw json.RawMessage) (one comment, ok bool) {
	if one.m = parse(raw); one.m == nil {
		return one, false
	}
	one.props = resource(one.m, commentNames())
	c := codec{m: one.props}
	text(c, &one.Text, "message")
	c.time(&one.Time, "createdTimeUtc")
	author := parse(one.props["author"])
	respell(author, authorNames())
	one.By = strings.TrimSpace(plain(one.props["author"]))
	for _, name := range [...]string{"userPrincipalName", "email", "name", "objectId"} {
		one.By = cmp.Or(one.By, strings.TrimSpace(plain(author[name])))
	}
	return one, one.By != "" && !one.Time.IsZero()
}

// write returns the comment as a resource.
func (one comment) write() json.RawMessage {
	c := codec{m: one.props, write: true}
	text(c, &one.Text, "message")
	c.time(&one.Time, "createdTimeUtc")
	if _, ok := one.props["author"]; !ok && one.By != "" {
		name := "name"
		if strings.Contains(one.By, "@") {
			name = "userPrincipalName"
		}
		one.props["author"] = encode(map[string]string{name: one.By})
	}
	one.m["properties"] = encode(one.props)
	return encode(one.m)
}

// splitComments takes the comments that tell who wrote them and when, oldest first.
func (c codec) splitComments() (all []comment) {
	raw, ok := c.m["comments"]
	if !ok {
		return nil
	}
	list, _ := elements(raw, len(raw))
	var left []json.RawMessage
	for n, e := range list {
		one, ok := readComment(e)
		if !ok && isEmpty(e) {
			continue
		}
		if !ok {
			left = append(left, e)
			c.note("comments["+strconv.Itoa(n)+"]", e,
				"kept, but not among the comments, since it does not tell who wrote it and when")
			continue
		}
		all = append(all, one)
	}
	if delete(c.m, "comments"); len(left) > 0 {
		c.m["comments"] = encode(left)
	}
	slices.SortStableFunc(all, func(a, b comment) int { return a.Time.Compare(b.Time) })
	return all
}

// addComments puts comments before those that are left.
func (c codec) addComments(list []json.RawMessage) {
	if len(list) > 0 {
		left, _ := elements(c.m["comments"], len(c.m["comments"]))
		c.m["comments"] = encode(append(list, left...))
	}
}

// takeComments reads the comments. Members without a place stay in the object, under who wrote the comment
// and when, but without its text: that may have to be struck out one day.
func (c codec) takeComments() []incident.Comment {
	all := c.splitComments()
	if all == nil {
		return nil
	}
	type key struct {
		by   string
		time time.Time
	}
	more := map[key]bool{} // comments of one moment stay together, so that none gets the members of another
	for _, one := range all {
		own := comment{Comment: one.Comment, m: object{}, props: object{}}
		if plainly := parse(own.write()); len(one.m) > 0 || !equal(parse(plainly["properties"]), withText(one)) {
			more[key{one.By, one.Time}] = true
		}
	}
	var comments []incident.Comment
	var rests []json.RawMessage
	for _, one := range all {
		comments = append(comments, one.Comment)
		if more[key{one.By, one.Time}] {
			one.Text = ""
			rests = append(rests, one.write())
		}
	}
	c.addComments(rests)
	return comments
}

// withText returns the properties of a comment with what was read of them.
func withText(one comment) object {
	m := maps.Clone(one.props)
	c := codec{m: m, write: true}
	text(c, &one.Text, "message")
	c.time(&one.Time, "createdTimeUtc")
	return m
}

// putComments writes comments, each with the members that takeComments left of it.
func (c codec) putComments(comments []incident.Comment) {
	rests := c.splitComments()
	var list []json.RawMessage
	for _, text := range comments {
		one := comment{m: object{}, props: object{}}
		match := func(r comment) bool { return r.By == text.By && r.Time.Equal(text.Time) }
		if n := slices.IndexFunc(rests, match); n >= 0 {
			one = rests[n]
			rests = slices.Delete(rests, n, n+1)
		}
		one.Comment = text
		list = append(list, one.write())
	}
	c.addComments(list)
}

// EncodeIncident returns i with its comments and alerts as an incident of ARM, with what Extra kept. The
// alerts stand in its properties, as in what an automation rule sends. Its name is the one that Sentinel
// gave it, or else its ID here. For what Sentinel accepts see [EncodeUpdate].
//
// A verdict becomes the nearest that Sentinel has: each true positive SuspiciousActivity, each expected
// activity SuspiciousButExpected, each false positive that is not notMalicious InaccurateData. One that was
// merged away is Closed, with the label "redirected".
func EncodeIncident(i incident.Incident, comments []incident.Comment, alerts []alert.Alert) ([]byte, error) {
	m, props := split(i.Extra)
	ref := sentinelReference(i, m, props)
	c := codec{m: props, write: true}
	c.incident(i, ref)
	if ref.System == system {
		m["name"] = encode(ref.ID)
	}
	c.time(&ref.Updated, "lastModifiedTimeUtc")
	c.time(&i.Created, "createdTimeUtc")
	if ref.System == system {
		text(c, &ref.URL, "incidentUrl")
	}
	if _, odd := props["closedTime"]; !odd { // it was not understood, and the time is that of the last change
		c.time(&i.Resolved, "closedTime")
	}
	if i.Status == incident.Redirected {
		c.redirect(i.RedirectTo, m)
	}
	c.putComments(comments)
	var list []json.RawMessage
	for _, a := range alerts {
		raw, err := EncodeAlert(a)
		if err != nil {
			return nil, err
		}
		list = append(list, raw)
	}
	if len(list) > 0 {
		props["alerts"] = encode(list)
	}
	m["type"], m["properties"] = encode(incidentType), encode(props)
	return json.Marshal(m)
}

// sentinelReference returns what Sentinel knows i by.
func sentinelReference(i incident.Incident, m, props object) incident.Reference {
	if kept := referenceOf(m, props); kept.System == defender { // its name in Sentinel is in m
		for _, r := range i.References {
			if r.System == defender && r.ID == kept.ID {
				return r
			}
		}
	}
	if r, ok := i.ReferenceIn(system); ok {
		return r
	}
	return incident.Reference{System: system, ID: string(i.ID), Updated: i.Updated}
}

// incident moves what is not of the server.
func (c codec) incident(i incident.Incident, ref incident.Reference) {
	c.texts("title", &i.Name, "description", &i.Description)
	tags := i.Tags
	if i.Status == incident.Redirected && !isRedirected(tags) {
		tags = append(slices.Clone(tags), incident.Tag{Name: redirected, Kind: alert.SystemTag})
	}
	status := i.Status
	if status == incident.Redirected || status == incident.Purged {
		status = incident.Resolved
	}
	c.state(&state{i.Severity, status, i.Verdict, i.Owner, tags})
	text(c, &i.Note, "classificationComment")
}

// redirect writes into which incident one was merged, unless the resource has that already. m is its resource.
func (c codec) redirect(into incident.ID, m object) {
	if into == "" || mergedInto(c.m).IncidentID() == into {
		return
	}
	data := parse(c.m["additionalData"])
	if data == nil {
		data = object{}
	}
	own := plain(m["id"])
	link := own[:strings.LastIndexByte(own, '/')+1]
	if !strings.HasSuffix(strings.ToLower(link), "/incidents/") {
		link = "/incidents/"
	}
	to := strings.TrimPrefix(string(into), system+":")
	if id, ok := strings.CutPrefix(to, defender+":"); ok {
		link, to = "https://security.microsoft.com/incidents/", id
	}
	data["mergedIncidentUrl"] = encode(link + to)
	c.m["additionalData"] = encode(data)
}

// EncodeUpdate returns the body of a PUT that makes the incident in Sentinel what i is: the members that
// its API accepts, and the etag with which i was read. A PUT replaces, so that i must have come from
// Sentinel or be new there. Sentinel refuses one whose etag is not the present one with status 409: read it
// again, make the change again, and repeat it.
//
// Comments are resources of their own, and alerts cannot be written. Severity, which the API demands, is
// Informational where i has none, and a closed incident without a verdict that Sentinel knows is
// Undetermined.
func EncodeUpdate(i incident.Incident) ([]byte, error) {
	m, props := split(i.Extra)
	out := codec{m: object{}, write: true}
	for _, name := range [...]string{
		"severity", "status", "classification", "classificationReason", "owner", "labels",
		"firstActivityTimeUtc", "lastActivityTimeUtc",
	} {
		if raw, ok := props[name]; ok {
			out.m[name] = raw
		}
	}
	out.incident(i, sentinelReference(i, m, props))
	if i.Severity == alert.Unrated {
		out.m["severity"] = encode("Informational")
	}
	if !knownStatus(out.m["status"]) {
		out.m["status"] = encode(writeStatus(i.Status))
	}
	switch v, said := readVerdict(out.m); {
	case !i.Status.Open() && (v.IsZero() || said != ""):
		delete(out.m, "classificationReason")
		out.m["classification"] = encode("Undetermined")
		if !v.IsZero() {
			maps.Copy(out.m, writeVerdict(v))
		}
	case i.Status.Open():
		delete(out.m, "classification")
		delete(out.m, "classificationReason")
		delete(out.m, "classificationComment")
	}
	if i.Owner.IsZero() {
		out.m["owner"] = json.RawMessage(`{"objectId":null,"email":null,"assignedTo":null,"userPrincipalName":null}`)
	}
	var labels []object
	tags, _ := readLabels(out.m["labels"])
	for _, t := range tags {
		labels = append(labels, object{"labelName": encode(t.Name)}) // the type is the server's
	}
	if delete(out.m, "labels"); len(labels) > 0 {
		out.m["labels"] = encode(labels)
	}
	body := object{"properties": encode(out.m)}
	if raw, ok := m["etag"]; ok {
		body["etag"] = raw
	}
	return json.Marshal(body)
}

func knownStatus(raw json.RawMessage) bool {
	switch plain(raw) {
	case "New", "Active", "Closed":
		return true
	}
	return false
}

var labelNames = sync.OnceValue(func() map[string]string { return names("labelName", "labelType") })

var mergedNames = sync.OnceValue(func() map[string]string {
	return names("mergedIncidentNumber",
		"mergedIncidentUrl")
})

var linkNames = sync.OnceValue(func() map[string]string { return names("providerIncidentUrl") })

var authorNames = sync.OnceValue(func() map[string]string {
	return names("userPrincipalName", "email",
		"name", "objectId")
})
