package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/internal/glyph"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// maxSystemTags is how many tags rules can give to an alert: package incident has no more rules.
const maxSystemTags = 2_000

// reserved is how many bytes of MaxAlert a new alert leaves for what is added to it here: its identifier, that of its
// incident, tags that rules set, an owner and a verdict.
const reserved = 4 << 20

// untitled is the title of an alert of which nothing is known that could be one.
const untitled = "Untitled alert"

// Validate reports every field of a that keeps it from being taken as it is, joined; nil means none: an alert needs an
// Origin and a Title in which something can be seen, and must be within the limits of [Alert.CheckLimits]. Each problem
// is a [*FieldError].
func (a Alert) Validate() error {
	_, found := a.inspect(false, true)
	return joinFindings("alert "+string(a.Origin.AlertID()), found)
}

// CheckLimits reports every field of a that no storage keeps, joined; nil means none. Texts are UTF-8, and as short as
// [MaxTitle] and the constants beside it say. Times are of the years 1 to 9999, or zero. Enumerations have one of their
// values. Evidence has an entity, and Extra is a JSON object or "". Each problem is a [*FieldError].
//
// It does not ask for an Origin or a Title.
func (a Alert) CheckLimits() error {
	_, found := a.inspect(false, false)
	record := "alert " + string(a.ID)
	if a.ID == "" {
		record = "alert " + string(a.Origin.AlertID())
	}
	return joinFindings(record, found)
}

// Fit returns the alert that [Alert.Validate] accepts in place of a, unless a has no Origin, and a note for each
// value that it has changed. An alert that is valid stays as it is, and the lists of a are never changed.
//
// Bytes that are not UTF-8 become U+FFFD. A text that is too long is cut and ends with " […]". An Origin that is too
// long or not UTF-8 keeps its beginning and gets the SHA-256 of the whole, so that it stays the same for repeats and
// differs from others. A time outside of the years 1 to 9999 is dropped, as is the surplus of a list, an entity that
// is missing and the value of an enumeration that does not exist. Extra that is no JSON object becomes the text of
// its member "unparsed". A missing title is made of the category, the detection source or the product.
func (a Alert) Fit() (Alert, []Note) {
	fit, found := a.inspect(true, true)
	if len(found) == 0 {
		return fit, nil
	}
	record := "alert " + string(fit.Origin.AlertID())
	notes := make([]Note, 0, len(found))
	for _, f := range found {
		if f.said != "" {
			notes = append(notes, Note{limit.Shorten(record), f.field, limit.Shorten(f.value), f.said})
		}
	}
	return fit, notes
}

// Fit returns an origin whose AlertID is UTF-8 of at most [MaxID] bytes: o itself if it is one. Else a part that is
// too long or not UTF-8 keeps its beginning, and the SHA-256 of the whole part follows. So the same origin always
// gives the same one.
func (o Origin) Fit() Origin {
	if !utf8.ValidString(o.Source) || len(o.AlertID()) > MaxID && len(Origin{Source: o.Source}.AlertID()) > MaxID/2 {
		o.Source = digested(o.Source)
	}
	if !utf8.ValidString(o.ID) || len(o.AlertID()) > MaxID {
		o.ID = digested(o.ID)
	}
	return o
}

// digested returns the beginning of s and the digest of it all, in at most 192 bytes.
func digested(s string) string {
	sum := sha256.Sum256([]byte(s))
	head := strings.ToValidUTF8(s[:min(len(s), 512)], "\uFFFD")
	for len(head) > 120 {
		_, size := utf8.DecodeLastRuneInString(head)
		head = head[:len(head)-size]
	}
	return head + "…" + hex.EncodeToString(sum[:])
}

// A finding is a value that is not within the limits.
type finding struct {
	field, value string
	want         string // what would have been accepted
	said         string // what was done about it; "" when nothing can be done
}

func joinFindings(record string, found []finding) error {
	if len(found) == 0 {
		return nil
	}
	errs := make([]error, 0, len(found))
	for _, f := range found {
		errs = append(errs, &FieldError{limit.Shorten(record), f.field, limit.Shorten(f.value), f.want})
	}
	return errors.Join(errs...)
}

// An inspection goes over all that an alert holds. It finds what is not within the limits and, with repair, puts
// something else in its place.
type inspection struct {
	repair   bool
	found    []finding
	evidence int    // the piece that is looked at, -1 for the alert itself
	inside   string // of the piece: "", "entity." or a longer path
	bytes    int    // of all texts so far
	most     int    // bytes of all texts together
}

// problem notes something about the field, of the piece of evidence that is looked at.
func (c *inspection) problem(field, value, want, said string) {
	if c.evidence >= 0 {
		field = "evidence[" + strconv.Itoa(c.evidence) + "]." + c.inside + field
	}
	c.found = append(c.found, finding{field, value, want, said})
}

// text looks at a text of at most so many code points.
func (c *inspection) text(field string, s *string, most int) {
	if utf8.ValidString(*s) && (len(*s) <= most || utf8.RuneCountInString(*s) <= most) {
		c.bytes += len(*s)
		return
	}
	given := *s
	if !utf8.ValidString(given) {
		fixed := strings.ToValidUTF8(given, "\uFFFD")
		c.problem(field, given, "valid UTF-8", "bytes that are not UTF-8 became \uFFFD")
		given = fixed
	}
	if n := utf8.RuneCountInString(given); n > most {
		c.problem(field, given, fmt.Sprintf("at most %d characters, not %d", most, n),
			fmt.Sprintf("cut to %d of %d characters", most, n))
		given = glyph.Cut(given, most)
	}
	c.bytes += len(given)
	if c.repair {
		*s = given
	}
}

// id looks at an identifier.
func (c *inspection) id(field string, s *string) {
	c.bytes += min(len(*s), MaxID)
	want := ""
	switch {
	case !utf8.ValidString(*s):
		want = "valid UTF-8"
	case len(*s) > MaxID:
		want = fmt.Sprintf("at most %d bytes, not %d", MaxID, len(*s))
	default:
		return
	}
	c.problem(field, *s, want, shortenedID)
	if c.repair {
		*s = digested(*s)
	}
}

const shortenedID = "shortened, with the SHA-256 of the whole"

// texts looks at a list of texts.
func texts[S ~string](c *inspection, field string, list *[]S, most int) {
	if n := len(*list); n > most {
		c.problem(field, strconv.Itoa(n), fmt.Sprintf("at most %d", most), fmt.Sprintf("%d of %d left out", n-most, n))
		if c.repair {
			*list = (*list)[:most:most]
		}
	}
	owned := false
	for n, given := range *list {
		if n == most {
			break // the rest is refused as a whole
		}
		if len(given) <= MaxShort && utf8.ValidString(string(given)) {
			c.bytes += len(given)
			continue
		}
		fit := string(given)
		c.text(field+"["+strconv.Itoa(n)+"]", &fit, MaxShort)
		if fit != string(given) {
			if !owned {
				*list, owned = slices.Clone(*list), true
			}
			(*list)[n] = S(fit)
		}
	}
}

// word is text for one of a type that is a text.
func word[S ~string](c *inspection, field string, s *S) {
	if len(*s) <= MaxShort && utf8.ValidString(string(*s)) {
		c.bytes += len(*s)
		return
	}
	fit := string(*s)
	c.text(field, &fit, MaxShort)
	*s = S(fit)
}

// time looks at a time.
func (c *inspection) time(field string, t *time.Time) {
	if ValidTime(*t) {
		return
	}
	if u := t.UTC(); ValidTime(u) { // in a zone that cannot be written
		c.problem(field, u.Format(time.RFC3339Nano), "a time zone of less than a day", "kept in UTC")
		if c.repair {
			*t = u
		}
		return
	}
	c.problem(field, fmt.Sprintf("year %d", t.UTC().Year()), "a time of the years 1 to 9999", "left out")
	if c.repair {
		*t = time.Time{}
	}
}

// ValidTime reports whether t can be kept: it is zero, or of the years 1 to 9999 in UTC and in its own time zone, which
// is less than a day away.
func ValidTime(t time.Time) bool {
	if t.IsZero() || !limit.Year(t) {
		return t.IsZero()
	}
	_, offset := t.Zone()
	return offset == 0 || 1 <= t.Year() && t.Year() <= 9999 && -24*3600 < offset && offset < 24*3600
}

// fields looks at a JSON object.
func (c *inspection) fields(field string, f *Fields) {
	want, fit := f.problem(), *f
	if want != "" {
		c.problem(field, string(*f), want, `kept as the text "unparsed"`)
		fit = f.unparsed()
	}
	if c.bytes += len(fit); c.repair {
		*f = fit
	}
}

// CheckLimits returns a [*FieldError] unless f is "" or a JSON object in UTF-8 of at most [MaxExtra] bytes and
// [MaxDepth] levels.
func (f Fields) CheckLimits() error {
	if want := f.problem(); want != "" {
		return &FieldError{Field: "extra", Value: limit.Shorten(string(f)), Want: want}
	}
	return nil
}

// Fit returns f if it is within the limits of [Fields.CheckLimits], else an object whose member "unparsed" has the
// text of f, cut to [MaxText].
func (f Fields) Fit() Fields {
	if f.problem() == "" {
		return f
	}
	return f.unparsed()
}

func (f Fields) unparsed() Fields {
	given := glyph.Cut(strings.ToValidUTF8(string(f), "\uFFFD"), MaxText)
	text, err := json.Marshal(map[string]string{"unparsed": given})
	if err != nil {
		return "" // a text can always be written
	}
	return Fields(text)
}

// problem returns what f should be, "" when it is that.
func (f Fields) problem() string {
	switch {
	case f == "":
		return ""
	case len(f) > MaxExtra:
		return fmt.Sprintf("at most %d bytes, not %d", MaxExtra, len(f))
	case !utf8.ValidString(string(f)):
		return "valid UTF-8"
	case limit.Depth(string(f)) > MaxDepth:
		return fmt.Sprintf("at most %d levels of lists and objects", MaxDepth)
	case !strings.HasPrefix(strings.TrimLeft(string(f), " \t\r\n"), "{") || !json.Valid([]byte(f)):
		return "a JSON object"
	}
	return ""
}

// enumerated looks at a value of an enumeration.
func enumerated[E interface {
	~uint8
	String() string
}](c *inspection, field string, v *E, names []string, otherwise E) {
	if int(*v) < len(names) {
		return
	}
	c.problem(field, (*v).String(), enum.Want(names), "taken for "+names[otherwise])
	if c.repair {
		*v = otherwise
	}
}

// owner looks at an owner; complete asks for an identifier too.
func (c *inspection) owner(o *Owner, complete bool) {
	c.text("owner.id", &o.ID, MaxShort)
	c.text("owner.name", &o.Name, MaxShort)
	enumerated(c, "owner.kind", &o.Kind, ownerKinds, UserOwner)
	if complete && !o.IsZero() && !glyph.Visible(o.ID) {
		c.problem("owner.id", o.ID, "a text in which something can be seen",
			"left out with the owner "+strconv.Quote(limit.Shorten(o.Name)))
		if c.repair {
			*o = Owner{}
		}
	}
}

func (c *inspection) verdict(v *classification.Verdict) {
	word(c, "verdict.classification", &v.Classification)
	word(c, "verdict.determination", &v.Determination)
}

// inspect returns a, repaired if wanted, and what is not within the limits; complete asks for an origin and a title
// too.
func (a Alert) inspect(repair, complete bool) (Alert, []finding) {
	c := inspection{repair: repair, evidence: -1, most: MaxAlert}
	if complete {
		c.most -= reserved
	}
	c.origin(&a, complete)
	c.id("id", (*string)(&a.ID))
	c.id("incident", (*string)(&a.Incident))
	c.text("product", &a.Product, MaxShort)
	c.text("detectionSource", &a.DetectionSource, MaxShort)
	c.text("description", &a.Description, MaxText)
	c.text("recommendedActions", &a.RecommendedActions, MaxText)
	c.text("category", &a.Category, MaxShort)
	c.text("actor", &a.Actor, MaxShort)
	c.text("threat", &a.Threat, MaxShort)
	c.text("threatFamily", &a.ThreatFamily, MaxShort)
	c.text("url", &a.URL, MaxValue)
	c.title(&a, complete)
	c.owner(&a.Owner, complete)
	c.verdict(&a.Verdict)
	texts(&c, "techniques", &a.Techniques, MaxList)
	texts(&c, "tags", &a.Tags, MaxList)
	texts(&c, "edited", &a.Edited, MaxList)
	c.systemTags(&a)
	enumerated(&c, "severity", &a.Severity, severities, Unrated)
	enumerated(&c, "status", &a.Status, statuses, StatusNew)
	enumerated(&c, "sourceStatus", &a.SourceStatus, statuses, StatusNew)
	for _, t := range [...]struct {
		field string
		time  *time.Time
	}{
		{"firstActivity", &a.FirstActivity}, {"lastActivity", &a.LastActivity}, {"created", &a.Created},
		{"sourceUpdated", &a.SourceUpdated}, {"resolved", &a.Resolved}, {"updated", &a.Updated},
		{"received", &a.Received}, {"repeated", &a.Repeated},
	} {
		c.time(t.field, t.time)
	}
	c.fields("extra", &a.Extra)
	c.pieces(&a)
	return a, c.found
}

// origin looks at where a comes from.
func (c *inspection) origin(a *Alert, needed bool) {
	o := &a.Origin
	if needed && strings.TrimSpace(o.Source) == "" {
		c.problem("origin.source", o.Source, "a text that is not empty", "")
	}
	if needed && strings.TrimSpace(o.ID) == "" {
		c.problem("origin.id", o.ID, "a text that is not empty", "")
	}
	fit := o.Fit()
	c.bytes += len(fit.Source) + len(fit.ID)
	for _, part := range [...]struct{ field, given, fit string }{
		{"origin.source", o.Source, fit.Source}, {"origin.id", o.ID, fit.ID},
	} {
		if part.given == part.fit {
			continue
		}
		want := "valid UTF-8"
		if utf8.ValidString(part.given) {
			want = fmt.Sprintf("source and identifier of at most %d bytes together, not %d", MaxID, len(o.AlertID()))
		}
		c.problem(part.field, part.given, want, shortenedID)
	}
	if c.repair {
		*o = fit
	}
}

// title looks at the title of a, whose other short texts are within the limits already.
func (c *inspection) title(a *Alert, needed bool) {
	c.text("title", &a.Title, MaxTitle)
	if !needed || glyph.Visible(a.Title) {
		return
	}
	c.problem("title", a.Title, "a text in which something can be seen", "made of what else is known")
	if !c.repair {
		return
	}
	a.Title = untitled
	for _, known := range [...]string{CategoryTitle(a.Category), a.DetectionSource, a.Product} {
		if glyph.Visible(known) {
			a.Title = glyph.Cut(known, MaxTitle)
			return
		}
	}
}

// systemTags looks at the tags that rules have set.
func (c *inspection) systemTags(a *Alert) {
	if n := len(a.SystemTags); n > maxSystemTags {
		c.problem("systemTags", strconv.Itoa(n), fmt.Sprintf("at most %d", maxSystemTags),
			fmt.Sprintf("%d of %d left out", n-maxSystemTags, n))
		if !c.repair {
			return
		}
		a.SystemTags = a.SystemTags[:maxSystemTags:maxSystemTags]
	}
	owned := false
	for n, given := range a.SystemTags {
		fit := given
		field := "systemTags"
		c.text(field, &fit.Name, MaxShort)
		enumerated(c, field, &fit.Kind, tagKinds, SystemTag)
		if fit != given {
			if !owned {
				a.SystemTags, owned = slices.Clone(a.SystemTags), true
			}
			a.SystemTags[n] = fit
		}
	}
}

// pieces looks at the evidence, last, because it has to make up for what is too much of everything.
func (c *inspection) pieces(a *Alert) {
	if n := len(a.Evidence); n > MaxEvidence {
		c.problem("evidence", strconv.Itoa(n), fmt.Sprintf("at most %d pieces", MaxEvidence),
			fmt.Sprintf("%d of %d pieces left out", n-MaxEvidence, n))
	}
	given := a.Evidence[:min(len(a.Evidence), MaxEvidence)]
	var fit []Evidence // once one has changed
	surplus := 0       // pieces from where the alert is too large
	for n, e := range given {
		before := len(c.found)
		c.evidence = n
		if e.Entity == nil {
			c.problem("entity", "", "an entity", "left out")
		} else {
			c.piece(&e)
		}
		switch {
		case c.bytes > c.most:
			c.found = c.found[:before] // it is left out as a whole
			surplus++
		case len(c.found) > before && fit == nil:
			fit = slices.Clone(given[:n])
			fallthrough
		case fit != nil:
			if e.Entity != nil {
				fit = append(fit, e)
			}
		}
	}
	c.evidence = -1
	if c.bytes > c.most {
		c.problem("evidence", strconv.Itoa(c.bytes)+" bytes",
			fmt.Sprintf("an alert of at most %d bytes of text", c.most),
			fmt.Sprintf("%d of %d pieces left out", surplus, len(given)))
	}
	switch {
	case !c.repair:
	case fit != nil:
		a.Evidence = fit
	case len(given)-surplus < len(a.Evidence):
		a.Evidence = given[: len(given)-surplus : len(given)-surplus]
	}
}

// piece looks at one piece of evidence that has an entity.
func (c *inspection) piece(e *Evidence) {
	c.inside = "entity."
	if fit := e.Entity.inspect(c); fit != nil && c.repair {
		e.Entity = fit
	}
	c.inside = ""
	word(c, "verdict", &e.Verdict)
	word(c, "remediation", &e.Remediation)
	c.text("remediationDetails", &e.RemediationDetails, MaxValue)
	texts(c, "roles", &e.Roles, MaxList)
	texts(c, "detailedRoles", &e.DetailedRoles, MaxList)
	texts(c, "tags", &e.Tags, MaxList)
	enumerated(c, "criticality", &e.Criticality, criticalities, NotCritical)
	c.time("created", &e.Created)
	c.fields("extra", &e.Extra)
}
