package incident_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

var year58136 = time.Date(58136, 1, 1, 0, 0, 0, 0, time.UTC)

// A tag copied from a web page is the tag that it looks like, spelled without the rest.
func TestTagsThatLookTheSameAreTheSame(t *testing.T) {
	c := open(t)
	for _, name := range []string{
		"vip", "VIP", "vip\u200b", "\ufeffvip", "v\u00adip", "v\u200dip", "v\u3164ip", "v\u2800ip", "vip\ufe0f",
		"v\u034fip", "\u202evip\u202c", "v\U000e0041ip",
	} {
		e, err := incident.Edit{AddTags: []string{name, "vip", "v\u2060ip"}}.Apply(command(1), c, tax)
		require.NoError(t, err)
		require.Len(t, e.Incident.Tags, 1, "%+q", name)
		assert.Equal(t, "vip", strings.ToLower(e.Incident.Tags[0].Name), "%+q", name)

		tagged := incident.Case{Incident: c.Incident}
		tagged.Incident.Tags = []incident.Tag{{Name: "Vip"}}
		assert.True(t, incident.Query{Tags: []string{name}}.Match(tagged), "%+q", name)
		e, err = incident.Edit{RemoveTags: []string{name}}.Apply(command(2), tagged, tax)
		require.NoError(t, err)
		assert.Empty(t, e.Incident.Tags, "%+q", name)
	}
	for _, name := range []string{"می\u200cخواهم", "👩\u200d👧", "❤\ufe0f"} {
		clean, err := incident.CleanTag(name)
		require.NoError(t, err)
		assert.Equal(t, name, clean, "%+q needs what nobody sees", name)
		bare := strings.NewReplacer("\u200c", "", "\u200d", "", "\ufe0f", "").Replace(name)
		assert.True(t, incident.Incident{Tags: []incident.Tag{{Name: name}}}.HasTag(bare), "%+q", name)
	}
}

// Names are found by what can be seen of them.
func TestSearchIgnoresWhatNobodySees(t *testing.T) {
	c := incident.Case{Incident: incident.Incident{Name: "Ran\u00adsom\u200bware on srv-1"}}
	assert.True(t, incident.Query{Text: "\ufeffRANSOMWARE"}.Match(c))
	assert.Equal(t, incident.Fold("straße"), incident.Fold("STRAS\u200bSE"))
}

func hostileText(most int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		piece := rapid.SampledFrom([]string{"", "a", " ", "\x00", "\xff", "\xed\xa0\x80", "\u2028", "\u200b",
			"\u200d", "ä", "e\u0301", "👩", "\u2800"})
		text := strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "pieces"), "")
		if text != "" && rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			text = strings.Repeat(text, most/utf8.RuneCountInString(text)+1) + "x"
		}
		return text
	})
}

func hostileDraft(t *rapid.T) incident.Draft {
	text := func(most int) string { return hostileText(most).Draw(t, "text") }
	at := func() time.Time {
		return rapid.SampledFrom([]time.Time{{}, start, year58136, time.Unix(math.MinInt64, 0)}).Draw(t, "time")
	}
	d := incident.Draft{
		Reference: incident.Reference{System: "s" + text(alert.MaxID), ID: "1" + text(alert.MaxID),
			URL: text(incident.MaxComment), Updated: at()},
		RedirectTo:  incident.Reference{System: text(alert.MaxID), ID: text(alert.MaxID)},
		Name:        text(incident.MaxName),
		Description: text(incident.MaxComment),
		Note:        text(incident.MaxComment),
		Severity:    alert.Severity(rapid.IntRange(0, 6).Draw(t, "severity")),
		Status:      incident.Status(rapid.IntRange(0, 9).Draw(t, "status")),
		Owner: incident.Owner{Kind: alert.OwnerKind(rapid.IntRange(0, 3).Draw(t, "kind")),
			ID: text(incident.MaxName), Name: text(incident.MaxName)},
		Created:  at(),
		Resolved: at(),
		Extra:    alert.Fields(rapid.SampledFrom([]string{"", `{"a":1}`, "[", "\xff", `"x"`}).Draw(t, "extra")),
	}
	for range rapid.SampledFrom([]int{0, 1, 3, incident.MaxTags + 5}).Draw(t, "tags") {
		d.Tags = append(d.Tags,
			incident.Tag{Name: text(incident.MaxTag), Kind: alert.TagKind(rapid.IntRange(0, 7).Draw(t, "kind"))})
	}
	for range rapid.IntRange(0, 3).Draw(t, "comments") {
		d.Comments = append(d.Comments,
			incident.Comment{By: text(alert.MaxID), Time: at(), Text: text(incident.MaxComment)})
	}
	return d
}

// Whatever another system says of an incident, what is made of it is taken, by the first import and by the next ones,
// and no storage refuses what comes of it.
func TestWhatIsMadeToFitIsTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := hostileDraft(t)
		_, refused := incident.Create(command(1), d.Reference.IncidentID(), d, nil, nil, tax)
		text, err := json.Marshal([]any{d.Tags, d.Comments})
		fit, notes := d.Fit(tax)
		now, same := json.Marshal([]any{d.Tags, d.Comments})
		assert.Equal(t, []any{string(text), err == nil}, []any{string(now), same == nil},
			"the lists of a draft are never changed")
		assert.Equal(t, refused != nil, slices.ContainsFunc(notes, func(n alert.Note) bool {
			return n.Field != "note" || !strings.HasPrefix(n.Said, "left out, since") // which Create does without a word
		}), "what is refused is what is noted: %v, %v", refused, notes)

		e, err := incident.Create(command(1), fit.Reference.IncidentID(), fit, nil, nil, tax)
		require.NoError(t, err)
		require.NoError(t, e.Incident.Validate())
		for _, entry := range e.Activity {
			require.NoError(t, entry.Validate())
		}
		again, none := fit.Fit(tax)
		assert.Empty(t, none)
		assert.Equal(t, fit, again)

		fit.Reference.Updated = start.Add(time.Hour)
		e, err = incident.Update(command(2), incident.Case{Incident: e.Incident}, fit, nil, incident.Known{}, tax)
		if fit.Status == incident.Redirected {
			return // what is merged away is not edited
		}
		require.NoError(t, err)
		require.NoError(t, e.Incident.Validate())
	})
}

// A draft within the limits is taken as it is.
func TestADraftThatFitsStays(t *testing.T) {
	d := incident.Draft{
		Reference:   incident.Reference{System: "theirs", ID: strings.Repeat("x", alert.MaxID-len("theirs:"))},
		Name:        strings.Repeat("ä", incident.MaxName),
		Description: strings.Repeat("ä", incident.MaxComment),
		Tags:        []incident.Tag{{Name: " " + strings.Repeat("ä", incident.MaxTag)}},
		Comments: []incident.Comment{{By: strings.Repeat("x", alert.MaxID),
			Text: strings.Repeat("ä", incident.MaxComment)}, {By: "otto", Text: "\u200bx"}},
		Created: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), Extra: `{"a":1}`,
	}
	fit, notes := d.Fit(tax)
	assert.Empty(t, notes)
	assert.Equal(t, d, fit)
}

func TestWhatNoStorageKeepsOfAnIncident(t *testing.T) {
	var many []incident.Tag
	for _, name := range tagNames(incident.MaxTags) {
		many = append(many, incident.Tag{Name: name})
	}
	full := incident.Incident{
		ID: incident.ID(strings.Repeat("i", alert.MaxID)), Name: strings.Repeat("ä", incident.MaxName),
		Note: strings.Repeat("ä", incident.MaxComment),
		Tags: append(slices.Clip(many), incident.Tag{Name: incident.RedirectedTag, Kind: alert.SystemTag},
			incident.Tag{Name: "brought", Kind: alert.AttackType}),
		Created: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		Alerts: incident.Summary{Title: strings.Repeat("x", 100_000),
			Techniques: []string{strings.Repeat("x", 100_000)}},
	}
	require.NoError(t, full.Validate())
	require.NoError(t, incident.Incident{}.Validate())
	for field, spoil := range map[string]func(*incident.Incident){
		"id":                     func(i *incident.Incident) { i.ID += "i" },
		"redirectTo":             func(i *incident.Incident) { i.RedirectTo = "\xff" },
		"name":                   func(i *incident.Incident) { i.Name += "x" },
		"description":            func(i *incident.Incident) { i.Description = "\xff" },
		"note":                   func(i *incident.Incident) { i.Note += "x" },
		"owner.id":               func(i *incident.Incident) { i.Owner.ID = "\xff" },
		"owner.name":             func(i *incident.Incident) { i.Owner.Name = "\xff" },
		"owner.kind":             func(i *incident.Incident) { i.Owner.Kind = 9 },
		"severity":               func(i *incident.Incident) { i.Severity = 9 },
		"status":                 func(i *incident.Incident) { i.Status = 99 },
		"verdict.classification": func(i *incident.Incident) { i.Verdict.Classification = "\xff" },
		"verdict.determination":  func(i *incident.Incident) { i.Verdict.Determination = "\xff" },
		"tags": func(i *incident.Incident) {
			i.Tags = append(slices.Clip(many),
				incident.Tag{Name: "one more"})
		},
		"tags.kind": func(i *incident.Incident) { i.Tags = []incident.Tag{{Name: "x", Kind: 99}} },
		"references[0].id": func(i *incident.Incident) {
			i.References = []incident.Reference{{ID: strings.Repeat("x", alert.MaxID)}}
		},
		"references[0].system": func(i *incident.Incident) { i.References = []incident.Reference{{System: "\xff"}} },
		"references[0].url":    func(i *incident.Incident) { i.References = []incident.Reference{{URL: "\xff"}} },
		"references[0].updated": func(i *incident.Incident) {
			i.References = []incident.Reference{{Updated: year58136}}
		},
		"created":              func(i *incident.Incident) { i.Created = year58136 },
		"resolved":             func(i *incident.Incident) { i.Resolved = year58136 },
		"updated":              func(i *incident.Incident) { i.Updated = time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC) },
		"extra":                func(i *incident.Incident) { i.Extra = `["not an object"]` },
		"alerts.firstActivity": func(i *incident.Incident) { i.Alerts.FirstActivity = year58136 },
		"alerts.lastActivity":  func(i *incident.Incident) { i.Alerts.LastActivity = year58136 },
		"alerts.title":         func(i *incident.Incident) { i.Alerts.Title = "\xff" },
		"alerts.techniques":    func(i *incident.Incident) { i.Alerts.Techniques = []string{"\xff"} },
		"alerts.threatActors":  func(i *incident.Incident) { i.Alerts.ThreatActors = []string{"a", "\xff"} },
		"alerts.classified": func(i *incident.Incident) {
			i.Alerts.Classified = []incident.Classified{{Classification: "\xff"}}
		},
		"alerts.criticality": func(i *incident.Incident) { i.Alerts.Criticality = 99 },
		"alerts.systemTags":  func(i *incident.Incident) { i.Alerts.SystemTags = []incident.Tag{{Name: "\xff"}} },
	} {
		i := full.Clone()
		spoil(&i)
		err := i.Validate()
		require.ErrorIs(t, err, alert.ErrInvalid, field)
		wrong, ok := errors.AsType[*alert.FieldError](err)
		require.True(t, ok, field)
		assert.Equal(t, field, wrong.Field)
		assert.LessOrEqual(t, utf8.RuneCountInString(wrong.Record+wrong.Value), 2*65)
	}
}

// tagNames returns n names that are not the same.
func tagNames(n int) (names []string) {
	for k := range n {
		names = append(names, strings.Repeat("t", k+1))
	}
	return names
}

// However long the identifiers of a command and of an incident are, those of its entries are not too long, and not
// the same.
func TestEntriesOfLongCommandsHaveShortIDs(t *testing.T) {
	long := strings.Repeat("x", alert.MaxID)
	seen := make(map[string]bool)
	for _, cmd := range []incident.Command{{ID: "c"}, {ID: "c", Part: "p"}, {ID: long}, {ID: "c", Part: long},
		{ID: "c", Part: long[1:]}, {ID: long, Part: long}} {
		for n := range 2 {
			id := string(cmd.EntryID(n))
			assert.LessOrEqual(t, len(id), alert.MaxID)
			assert.False(t, seen[id], "%s", id)
			seen[id] = true
		}
	}
	assert.EqualValues(t, "c/p/1", incident.Command{ID: "c", Part: "p"}.EntryID(1))
	for _, system := range []string{"s", "t"} {
		d := incident.Draft{Reference: incident.Reference{System: system, ID: strings.Repeat("x", alert.MaxID-2)},
			Comments: []incident.Comment{{By: "otto", Text: "x"}}}
		id := string(d.CommentIDs()[0])
		assert.LessOrEqual(t, len(id), alert.MaxID)
		assert.False(t, seen[id])
		seen[id] = true
	}
}

// A list of a summary has an end, and which values stand in it does not depend on which came first.
func TestAListOfASummaryHasAnEnd(t *testing.T) {
	many := tagNames(incident.MaxListed + 10)
	a, b, c := newAlert(1, alert.Low, "a"), newAlert(2, alert.Low, "b"), newAlert(3, alert.Low, "c")
	a.Techniques, b.Techniques, c.Techniques = many[:800], many[800:], []string{"A"}
	forth, back := incident.Summarize([]alert.Alert{a, b, c}), incident.Summarize([]alert.Alert{c, b, a})
	assert.Equal(t, forth, back)
	assert.Equal(t, append([]string{"A"}, many[:incident.MaxListed-1]...), forth.Techniques)
	assert.Len(t, incident.Summarize([]alert.Alert{a}).Techniques, 800)
}

// The times of what lies ahead count nowhere, in whatever order the alerts come.
func TestASummaryLeavesOutWhatLiesAhead(t *testing.T) {
	a, b, c := newAlert(1, alert.Low, "a"), newAlert(2, alert.Low, "b"), newAlert(3, alert.Low, "c")
	a.FirstActivity, a.LastActivity = start, start.Add(time.Hour)
	b.FirstActivity, b.LastActivity = start.Add(25*time.Hour), start.Add(26*time.Hour)
	c.FirstActivity, c.LastActivity = start.Add(-time.Hour), start.AddDate(60, 0, 0)
	for _, each := range []*alert.Alert{&a, &b, &c} {
		each.Received = start
	}
	for _, alerts := range [][]alert.Alert{{a, b, c}, {b, c, a}, {c, a, b}, {b, a, c}} {
		s := incident.Summarize(alerts)
		assert.Equal(t, []time.Time{start.Add(-time.Hour), start.Add(time.Hour)},
			[]time.Time{s.FirstActivity, s.LastActivity})
	}
	alone := incident.Summarize([]alert.Alert{b})
	assert.Equal(t, []time.Time{{}, {}}, []time.Time{alone.FirstActivity, alone.LastActivity})
	for _, f := range incident.Factors(incident.Incident{Alerts: incident.Summarize([]alert.Alert{c})}) {
		assert.False(t, f.Name == "age" && f.Points > 0, "a clock that is wrong makes no incident old")
	}
}
