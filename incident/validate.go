package incident

import (
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
)

// Validate reports every field of i that no storage keeps, joined; nil means none. Identifiers are UTF-8 of at most
// [alert.MaxID] bytes, every other text is UTF-8 and within the limits of this package, times are of the years 1 to
// 9999, enumerations have one of their values, and Extra is as [alert.Fields.CheckLimits] wants it. Each problem is
// an [*alert.FieldError].
//
// It does not ask for a Name, and it does not look at how long the texts are that the alerts bring, and how many: no
// alert is kept back by the incident that it goes to. What people may write is for the rules of this package to say.
func (i Incident) Validate() error {
	p := problems{record: "incident " + string(i.ID)}
	p.id("id", string(i.ID))
	p.id("redirectTo", string(i.RedirectTo))
	p.text("name", i.Name, MaxName)
	p.text("description", i.Description, MaxComment)
	p.text("note", i.Note, MaxComment)
	p.text("owner.id", i.Owner.ID, MaxName)
	p.text("owner.name", i.Owner.Name, MaxName)
	p.known("owner.kind", i.Owner.Kind <= alert.GroupOwner, i.Owner.Kind)
	p.known("severity", i.Severity <= alert.High, i.Severity)
	if i.Priority < 0 { // which the zero Query would not find
		p.add("priority", strconv.Itoa(i.Priority), "0 or more")
	}
	p.known("status", i.Status <= Purged, i.Status)
	p.text("verdict.classification", string(i.Verdict.Classification), MaxName)
	p.text("verdict.determination", string(i.Verdict.Determination), MaxName)
	p.tags("tags", i.Tags)
	p.count("tags", len(withoutRedirected(own(i.Tags))))
	for n, r := range i.References {
		p.reference("references["+strconv.Itoa(n)+"].", r)
	}
	p.time("resolved", i.Resolved)
	p.time("created", i.Created)
	p.time("updated", i.Updated)
	p.extra("extra", i.Extra)
	p.summary(&i.Alerts)
	return p.err()
}

// mended returns i with other values for those that an older version took and no storage keeps any more, so that they
// do not keep back every later command: of times that cannot be kept zero or, where there must be one, at.
func (i Incident) mended(at time.Time) Incident {
	put := func(t *time.Time, instead time.Time) {
		if !alert.ValidTime(*t) {
			*t = instead
		}
	}
	put(&i.Created, at)
	put(&i.Resolved, at)
	put(&i.Alerts.FirstActivity, time.Time{})
	put(&i.Alerts.LastActivity, i.Alerts.FirstActivity)
	if slices.ContainsFunc(i.References, func(r Reference) bool { return !alert.ValidTime(r.Updated) }) {
		i.References = slices.Clone(i.References)
		for n := range i.References {
			put(&i.References[n].Updated, time.Time{})
		}
	}
	i.Extra = i.Extra.Fit()
	return i
}

// withoutRedirected returns tags without the one that a merge adds to however many there are.
func withoutRedirected(tags []Tag) []Tag {
	redirected := Tag{Name: RedirectedTag, Kind: alert.SystemTag}
	return slices.DeleteFunc(slices.Clone(tags), func(t Tag) bool { return t == redirected })
}

func (p *problems) summary(s *Summary) {
	p.time("alerts.firstActivity", s.FirstActivity)
	p.time("alerts.lastActivity", s.LastActivity)
	p.utf8("alerts.title", s.Title)
	for l, list := range s.Lists() {
		for _, text := range *list {
			if !utf8.ValidString(text) {
				p.utf8("alerts."+List(l).String(), text)
			}
		}
	}
	for _, c := range s.Classified {
		p.utf8("alerts.classified", string(c.Classification))
	}
	p.known("alerts.criticality", s.Criticality <= alert.VeryHighCriticality, s.Criticality)
	p.tags("alerts.systemTags", s.SystemTags)
}

func (p *problems) tags(field string, tags []Tag) {
	for _, t := range tags {
		p.text(field, t.Name, alert.MaxShort)
		p.known(field+".kind", t.Kind <= alert.CriticalAsset, t.Kind)
	}
}

func (p *problems) reference(field string, r Reference) {
	p.utf8(field+"system", r.System)
	p.utf8(field+"id", r.ID)
	if n := len(r.IncidentID()); n > alert.MaxID {
		p.add(field+"id", r.ID,
			fmt.Sprintf("system and identifier of at most %d bytes together, not %d", alert.MaxID, n))
	}
	p.text(field+"url", r.URL, MaxComment)
	p.time(field+"updated", r.Updated)
}

// id notes that an identifier is not UTF-8 or too long.
func (p *problems) id(field, id string) {
	p.utf8(field, id)
	if n := len(id); n > alert.MaxID {
		p.add(field, id, fmt.Sprintf("at most %d bytes, not %d", alert.MaxID, n))
	}
}

func (p *problems) utf8(field, text string) {
	if !utf8.ValidString(text) {
		p.add(field, text, "valid UTF-8")
	}
}

// time notes that no storage keeps t.
func (p *problems) time(field string, t time.Time) {
	if !alert.ValidTime(t) {
		p.add(field, fmt.Sprintf("year %d", t.UTC().Year()), "a time of the years 1 to 9999")
	}
}

// extra notes what is wrong with the fields of another system.
func (p *problems) extra(field string, f alert.Fields) {
	if f.CheckLimits() != nil {
		p.add(field, string(f), fmt.Sprintf("a JSON object in UTF-8 of at most %d bytes and %d levels",
			alert.MaxExtra, alert.MaxDepth))
	}
}

// known notes that a value is none of its enumeration.
func (p *problems) known(field string, ok bool, v fmt.Stringer) {
	if !ok {
		p.add(field, v.String(), "a constant of its type")
	}
}
