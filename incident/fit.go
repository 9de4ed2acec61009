package incident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/glyph"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// unnamed is the author of an imported comment that has none.
const unnamed = "unknown"

// Fit returns a draft that [Create] and [Update] do not refuse because of a limit, in place of d, and a note for each
// value that it has changed. A draft within the limits stays as it is, and the lists of d are never changed. It does
// not look at Alerts, which [alert.Alert.Fit] is for.
//
// It changes values as [alert.Alert.Fit] does: what is not UTF-8, too long, of an impossible time or of no enumeration.
// A name in which nothing can be seen is generated; such a tag or comment is left out, as are surplus tags. A comment
// without an author is one by "unknown". A redirect without a target, a target without a redirect, a note of an
// incident that is not resolved, and a verdict that tax does not know are left out.
func (d Draft) Fit(tax classification.Taxonomy) (Draft, []alert.Note) {
	f := fitter{record: "incident"}
	d.Reference = f.reference("reference.", d.Reference)
	if d.Reference.ID != "" {
		f.record = "incident " + string(d.Reference.IncidentID())
		for n := range f.notes {
			f.notes[n].Record = limit.Shorten(f.record)
		}
	}
	d.RedirectTo = f.reference("redirectTo.", d.RedirectTo)
	f.text("name", &d.Name, MaxName)
	if d.Name != "" && !glyph.Visible(d.Name) {
		f.note("name", d.Name, "left out, since nothing can be seen")
		d.Name = ""
	}
	f.text("description", &d.Description, MaxComment)
	f.text("note", &d.Note, MaxComment)
	if d.Severity > alert.High {
		f.note("severity", d.Severity.String(), "left out")
		d.Severity = alert.Unrated
	}
	if d.Status > Redirected {
		f.note("status", d.Status.String(), "taken for active")
		d.Status = Active
	}
	if d.Status == Redirected && d.RedirectTo.ID == "" {
		f.note("redirectTo", "", "taken for active, since the target is missing")
		d.Status = Active
	}
	if d.Status != Redirected && d.RedirectTo.ID != "" {
		f.note("redirectTo", d.RedirectTo.ID, "left out, since the status is "+d.Status.String())
		d.RedirectTo = Reference{}
	}
	if d.Note != "" && d.Status != Resolved {
		f.note("note", d.Note, "left out, since the status is "+d.Status.String())
		d.Note = ""
	}
	if tax.Check(d.Verdict) != nil {
		f.note("verdict", d.Verdict.String(), "left out, since the taxonomy does not know it")
		d.Verdict = classification.Verdict{}
	}
	f.owner(&d.Owner)
	d.Tags = f.tags(d.Tags)
	f.time("created", &d.Created)
	f.time("resolved", &d.Resolved)
	d.Comments = f.comments(d.Comments)
	if fit := d.Extra.Fit(); fit != d.Extra {
		f.note("extra", string(d.Extra), `kept as the text "unparsed"`)
		d.Extra = fit
	}
	return d, f.notes
}

// A fitter gathers what it has changed.
type fitter struct {
	record string
	notes  []alert.Note
}

func (f *fitter) note(field, value, said string) {
	note := alert.Note{Record: limit.Shorten(f.record), Field: field, Value: limit.Shorten(value), Said: said}
	f.notes = append(f.notes, note)
}

func (f *fitter) text(field string, s *string, most int) {
	if !utf8.ValidString(*s) {
		f.note(field, *s, "bytes that are not UTF-8 became \uFFFD")
		*s = strings.ToValidUTF8(*s, "\uFFFD")
	}
	if n := utf8.RuneCountInString(*s); n > most {
		f.note(field, *s, fmt.Sprintf("cut to %d of %d characters", most, n))
		*s = glyph.Cut(*s, most)
	}
}

func (f *fitter) time(field string, t *time.Time) {
	if !alert.ValidTime(*t) {
		f.note(field, fmt.Sprintf("year %d", t.UTC().Year()), "left out")
		*t = time.Time{}
	}
}

func (f *fitter) reference(field string, r Reference) Reference {
	fit := alert.Origin{Source: r.System, ID: r.ID}.Fit()
	for _, part := range [...]struct {
		field string
		given *string
		fit   string
	}{{"system", &r.System, fit.Source}, {"id", &r.ID, fit.ID}} {
		if *part.given != part.fit {
			f.note(field+part.field, *part.given, "shortened, with the SHA-256 of the whole")
			*part.given = part.fit
		}
	}
	f.text(field+"url", &r.URL, MaxComment)
	f.time(field+"updated", &r.Updated)
	return r
}

func (f *fitter) owner(o *Owner) {
	f.text("owner.id", &o.ID, MaxName)
	f.text("owner.name", &o.Name, MaxName)
	if o.Kind > alert.GroupOwner {
		f.note("owner.kind", o.Kind.String(), "taken for user")
		o.Kind = alert.UserOwner
	}
	if !o.IsZero() && !glyph.Visible(o.ID) {
		f.note("owner.id", o.ID, "left out with the owner, since nothing can be seen")
		*o = Owner{}
	}
}

func (f *fitter) tags(tags []Tag) []Tag {
	fit, some := make([]Tag, 0, len(tags)), 0
	for n, t := range tags {
		field := "tags[" + strconv.Itoa(n) + "]"
		name := cleanTag(t.Name)
		if !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxTag {
			f.text(field, &name, MaxTag)
			t.Name = name
		}
		if t.Kind > alert.CriticalAsset {
			f.note(field+".kind", t.Kind.String(), "taken for system")
			t.Kind = alert.SystemTag
		}
		switch {
		case !glyph.Visible(t.Name):
			f.note(field, t.Name, "left out, since nothing can be seen")
			continue
		case len(fit) < MaxTags:
			fit = append(fit, t)
		}
		some++
	}
	if some > MaxTags {
		f.note("tags", strconv.Itoa(some), fmt.Sprintf("%d of %d kept", len(fit), some))
	}
	if slices.Equal(fit, tags) {
		return tags
	}
	return fit
}

func (f *fitter) comments(given []Comment) []Comment {
	if given == nil {
		return nil
	}
	fit := make([]Comment, 0, len(given))
	for n, c := range given {
		field := "comments[" + strconv.Itoa(n) + "]."
		if !glyph.Visible(c.Text) {
			f.note(field+"text", c.Text, "left out, since nothing can be seen")
			continue
		}
		f.comment(field, &c)
		fit = append(fit, c)
	}
	return fit
}

func (f *fitter) comment(field string, c *Comment) {
	if !utf8.ValidString(c.By) || len(c.By) > alert.MaxID {
		f.text(field+"by", &c.By, alert.MaxID/utf8.UTFMax)
	}
	if !glyph.Visible(c.By) {
		f.note(field+"by", c.By, "taken for "+unnamed)
		c.By = unnamed
	}
	f.text(field+"text", &c.Text, MaxComment)
	f.time(field+"time", &c.Time)
	if !utf8.ValidString(string(c.Alert)) || len(c.Alert) > alert.MaxID {
		f.note(field+"alert", string(c.Alert), "left out, since no alert has such an identifier")
		c.Alert = ""
	}
}
