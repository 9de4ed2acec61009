package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// A Draft is an incident as somebody, or another system, describes it before it is stored. The zero Draft
// is an active incident without alerts, whose name and severity are derived.
type Draft struct {
	Reference   Reference              `json:"reference,omitzero"` // the incident in the other system, when imported
	Name        string                 `json:"name,omitempty"`     // "" means generate one
	Description string                 `json:"description,omitempty"`
	Severity    alert.Severity         `json:"severity,omitempty"` // Unrated means derive it from the alerts
	Status      Status                 `json:"status,omitempty"`
	Owner       Owner                  `json:"owner,omitzero"`
	Tags        []Tag                  `json:"tags,omitempty"` // derived kinds become alert.SystemTag, since alerts bring those
	Verdict     classification.Verdict `json:"verdict,omitzero"`
	Note        string                 `json:"note,omitempty"`      // taken only with Status Resolved
	RedirectTo  Reference              `json:"redirectTo,omitzero"` // with Status Redirected: the incident it was merged into
	Created     time.Time              `json:"created,omitzero"`    // zero means now
	Resolved    time.Time              `json:"resolved,omitzero"`   // taken only with Status Resolved; zero means not told, see Create
	Comments    []Comment              `json:"comments,omitempty"`  // oldest first
	Alerts      []alert.Alert          `json:"alerts,omitempty"`    // grouped in this incident by whoever describes it
	Extra       alert.Fields           `json:"extra,omitzero"`      // fields of the other system without a place above
}

// A Comment is a comment as another system kept it.
type Comment struct {
	By    string    `json:"by"`              // who wrote it, as the other system names people
	Time  time.Time `json:"time"`            // when it was written
	Text  string    `json:"text"`            // Markdown
	Alert alert.ID  `json:"alert,omitempty"` // the alert it was written about; "" for the incident
}

// Create returns the effect of a new incident with the given ID from d. alerts, which are already
// complete as stored alerts are, become its alerts; d.Alerts is not looked at.
//
// Name and severity are taken from d, or derived from the alerts where d leaves them open. Those of a d with
// a Reference are what another system says, and no person's choice: the severity holds until an alert that
// does not come with d is more severe, see [AddAlert], and the name until a person chooses another. An
// incident that is resolved from the start leaves its alerts as they are. Where d does not tell when it was resolved,
// that is the time of the state in its Reference, because it was not later, or else now. One that d has as Active is
// resolved from the start when it has alerts and all of them are resolved, unless cmd.Policy keeps it open.
func Create(cmd Command, id ID, d Draft, alerts []alert.Alert, links []activity.Link, tax classification.Taxonomy) (Effect, error) {
	d.Verdict = tax.Spelled(d.Verdict)
	if err := d.validate(tax); err != nil {
		return Effect{}, err
	}
	i := Incident{
		ID: id, Name: d.Name, Description: d.Description, Severity: d.Severity, Owner: d.Owner, Status: d.Status,
		Verdict: d.Verdict, Created: d.Created, Extra: d.Extra,
	}
	if d.Reference != (Reference{}) {
		i.Named, i.SeverityGiven = d.Name != "", d.Severity != alert.Unrated
	} else {
		i.Renamed, i.SeverityOverridden = d.Name != "", d.Severity != alert.Unrated
	}
	i.Alerts, _ = cmd.summarize(alerts)
	if i.Created.IsZero() {
		i.Created = cmd.At
	}
	if d.Reference != (Reference{}) {
		i.References = []Reference{d.Reference}
	}
	switch d.Status {
	case Resolved:
		i.Note, i.Resolved = d.Note, d.resolved(cmd)
	case Redirected:
		i.RedirectTo = d.RedirectTo.IncidentID()
	}
	for _, t := range d.tags() {
		i.Tags = withTag(i.Tags, t)
	}
	if i = i.derive(); i.Status == Active {
		i = cmd.resolveAll(i)
	}

	main := []activity.Entry{{Type: activity.IncidentCreated}}
	stored := make([]alert.Alert, len(alerts))
	for n, a := range alerts {
		a.Incident, a.Updated, a.SourceStatus = id, cmd.At, a.Status
		stored[n] = a
		main = append(main, activity.Entry{Type: activity.AlertAdded, Alert: a.ID, Text: a.Title, Links: links})
	}
	if d.Reference != (Reference{}) {
		id = d.Reference.IncidentID() // the successor of a purged incident has another one
	}
	for _, c := range d.comments(id) {
		main = append(main, c.Entry)
		i.Comments++
	}
	e := effect(cmd, Incident{}, i, main, nil)
	e.Alerts = stored
	return e, nil
}

// resolved returns when d was resolved, as far as that is known.
func (d Draft) resolved(cmd Command) time.Time {
	switch {
	case !d.Resolved.IsZero():
		return d.Resolved
	case !d.Reference.Updated.IsZero():
		return d.Reference.Updated
	}
	return cmd.At
}

func (d Draft) validate(tax classification.Taxonomy) error {
	p := problems{record: "draft"}
	if d.Reference != (Reference{}) {
		p.record = "incident " + string(d.Reference.IncidentID())
	}
	p.reference("reference.", d.Reference)
	p.reference("redirectTo.", d.RedirectTo)
	if d.Name != "" {
		p.need("name", d.Name)
	}
	p.text("name", d.Name, MaxName)
	p.text("description", d.Description, MaxComment)
	p.text("note", d.Note, MaxComment)
	if d.Severity > alert.High {
		p.add("severity", d.Severity.String(), "a severity of package alert")
	}
	if d.Status > Redirected {
		p.add("status", d.Status.String(), "a status of this package")
	}
	if (d.Status == Redirected) != (d.RedirectTo.ID != "") {
		p.add("redirectTo", d.RedirectTo.ID, "the incident it was merged into, just when the status is redirected")
	}
	p.owner(d.Owner)
	p.count("tags", len(d.Tags))
	for _, t := range d.Tags {
		if strings.TrimSpace(t.Name) != "" { // an empty one is none
			p.need("tags", t.Name)
		}
		p.text("tags", cleanTag(t.Name), MaxTag)
		if t.Kind > alert.CriticalAsset {
			p.add("tags.kind", t.Kind.String(), "a kind of tag of package alert")
		}
	}
	for _, c := range d.Comments {
		p.need("comments.by", c.By)
		p.id("comments.by", c.By)
		p.need("comments.text", c.Text)
		p.text("comments.text", c.Text, MaxComment)
		p.time("comments.time", c.Time)
		p.id("comments.alert", string(c.Alert))
	}
	p.time("created", d.Created)
	p.time("resolved", d.Resolved)
	p.extra("extra", d.Extra)
	p.verdict(tax, d.Verdict)
	return p.err()
}

// tags returns the tags of d as an incident has them of its own: what is derived here is not what the other
// system has derived, so that of those it is known only that they are a system's.
func (d Draft) tags() (tags []Tag) {
	for _, t := range d.Tags {
		if t.Name = cleanTag(t.Name); t.Name == "" {
			continue
		}
		if isDerived(t) {
			t.Kind = alert.SystemTag
		}
		tags = append(tags, t)
	}
	return tags
}

// An importedComment is the entry of a comment that another system keeps.
type importedComment struct {
	activity.Entry
	former activity.ID // which an earlier version gave it
}

// in returns the ID under which the comment is in the log.
func (c importedComment) in(known Known) activity.ID {
	if _, ok := known.Comments[c.ID]; ok {
		return c.ID
	}
	return c.former
}

// comments returns the comments that another system kept, imported as the incident with that ID, oldest
// first. Their IDs are made of who wrote them and when, and count those of one moment, so that a comment that
// is changed there is known again. Of one without a time, the text tells it from others.
func (d Draft) comments(id ID) (all []importedComment) {
	seen := make(map[activity.ID]bool)
	for _, c := range d.Comments {
		c.By = strings.TrimSpace(c.By)
		e := activity.Entry{
			Type: activity.Commented, Alert: c.Alert, Actor: activity.Actor{ID: c.By}, Text: c.Text, Occurred: c.Time,
		}
		for n := 0; e.ID == "" || seen[e.ID]; n++ {
			if e.ID = commentID(id, c.By, string(c.Alert), c.Time.UnixMicro(), n); c.Time.IsZero() {
				e.ID = commentID(id, c.By, string(c.Alert), c.Text, n)
			}
		}
		seen[e.ID] = true
		all = append(all, importedComment{e, formerCommentID(id, c)})
	}
	slices.SortStableFunc(all, func(a, b importedComment) int { return a.Occurred.Compare(b.Occurred) })
	return all
}

// derive gives i the severity and the name that its alerts give it, where no person chose them and no other system
// gave them, and the tags that they bring.
func (i Incident) derive() Incident {
	if !i.SeverityOverridden && !i.SeverityGiven {
		i.Severity = i.Alerts.BySeverity.Highest()
	}
	if !i.Renamed && !i.Named {
		i.Name = GenerateName(i.Alerts)
	}
	i.Tags = DeriveTags(i)
	return i
}

// raise lets the severity be derived again when one that another system gave is below that of an alert which came, or
// changed, without it.
func (i Incident) raise(s alert.Severity) Incident {
	i.SeverityGiven = i.SeverityGiven && s <= i.Severity
	return i
}
