package export

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

func deedOfRows(t require.TestingT, listed []AlertRow, rows ...ActivityRow) deed {
	d := drawing{r: Report{Alerts: listed}}
	d.r.Activity = rows
	deeds := d.deeds()
	require.Len(t, deeds, 1)
	return deeds[0]
}

// Whoever resolves an incident of many alerts did one thing.
func TestResolvingIsOneDeed(t *testing.T) {
	r := report(t, 12, nil)
	d := drawing{r: r}
	deeds := d.deeds()
	require.Len(t, deeds, 3)
	assert.Equal(t, "Incident created", deeds[0].Title)
	assert.Equal(t, []string{
		"Name: Theft at the finance desk", "Name set by hand: yes", "Severity: High", "Priority: 60", "Tags: vip", "Alerts: 12", "12 alerts · Alert added",
	}, deeds[0].Lines)
	assert.Equal(t, "Status, assignment and classification changed", deeds[1].Title)
	assert.Equal(t, []string{
		"Status: Active → Resolved", "Resolution note: none → Sessions revoked. The laptop was wiped.", "Assigned to: none → Kai (kai@contoso.example)",
		"Classification: none → True positive", "Determination: none → Malware",
		"12 alerts · Status: New → Resolved · Assigned to: none → Kai (kai@contoso.example) · " +
			"Classification: none → True positive · Determination: none → Malware",
	}, deeds[1].Lines)
	assert.Equal(t, "Comment", deeds[2].Title)
}

// An alert that joins brings a name and a severity; what the name was says the row before.
func TestAlertThatJoinsIsOneDeed(t *testing.T) {
	got := deedOfRows(t, nil,
		ActivityRow{Cause: "c", What: "Alert added", Alert: "LSASS was read", Text: "LSASS was read", Reasons: []string{"Same asset: one"}, Changes: []ChangeRow{
			{Path: "alerts.count", Field: "Alerts", Before: "1", After: "2"}, {Path: "priority", Field: "Priority", Before: "33", After: "61"},
		}},
		ActivityRow{Cause: "c", What: "Name changed", Changes: []ChangeRow{{Path: "name", Field: "Name", Before: "A file", After: "Multi-stage incident"}}},
		ActivityRow{Cause: "c", What: "Severity changed", Changes: []ChangeRow{{Path: "severity", Field: "Severity", Before: "Low", After: "High"}}})
	assert.Equal(t, "Alert added", got.Title)
	assert.Equal(t, []string{"Alert: LSASS was read", "Same asset: one", "Priority: 33 → 61", "New name: Multi-stage incident", "Severity: Low → High"}, got.Lines)
}

// Of many alerts those are named that the report does not list.
func TestAlertsOfADeed(t *testing.T) {
	listed := map[string]bool{"a": true, "b": true, "c": true, "d": true}
	for want, titles := range map[string]string{
		"Alert: a": "a", "2 alerts: “a”": "aa", "4 alerts: “a” × 2, “b”, “c”": "abca", "4 alerts": "abcd", "5 alerts, among them “x”": "abcdx", "3 alerts: “x”, “y”, “z”": "xyz",
		"5 alerts, among them “x” × 2": "abxdx", "1,200 alerts: “a”": strings.Repeat("a", 1200),
	} {
		assert.Equal(t, want, alertNames(strings.Split(titles, ""), listed))
	}
}

func TestTitlesOfADeed(t *testing.T) {
	for want, types := range map[string][]string{
		"Comment":                             {"Comment"},
		"Status changed":                      {"Status changed"},
		"Status, assignment and tags changed": {"Status changed", "Assignment changed", "Tags changed"},
		"Incident merged in, name changed":    {"Incident merged in", "Name changed"},
		"Name and tags changed, merge undone": {"Name changed", "Merge undone", "Tags changed"},
		"Alert status changed, alert updated": {"Alert status changed", "Alert updated"},
		" changed, x":                         {" changed", "X"},
	} {
		assert.Equal(t, want, titled(types))
	}
}

func TestChangesAreSaid(t *testing.T) {
	for want, c := range map[string]ChangeRow{
		"Status: none → New":          {Field: "Status", After: "New"},
		"Status: New → none":          {Field: "Status", Before: "New"},
		"Set by hand: yes":            {Field: "Set by hand", After: "yes"},
		"Set by hand: no":             {Field: "Set by hand", Before: "yes"},
		"Note: none → none":           {Field: "Note"},
		"Tags: added b, c; removed a": {Field: "Tags", Before: "a, x", After: "b, c, x", Added: []string{"b", "c"}, Removed: []string{"a"}},
		"Tags: removed a":             {Field: "Tags", Before: "a, x", After: "x", Removed: []string{"a"}},
	} {
		assert.Equal(t, want, c.said())
	}
	for _, c := range []struct {
		before, after  string
		added, removed []string
	}{
		{`["a","b"]`, `["b","c","d"]`, []string{"c", "d"}, []string{"a"}},
		{`["a"]`, ``, nil, nil}, {``, `["a"]`, nil, nil}, {`["a"]`, `[]`, nil, nil}, {`"a"`, `["a"]`, nil, nil}, {`["b","a"]`, `["a","b"]`, nil, nil},
		{`[{"name":"A"}]`, `[{"name":"A"},{"name":"B","id":"b"}]`, []string{"B (b)"}, nil},
	} {
		added, removed := difference(activity.Value(c.before), activity.Value(c.after))
		assert.Equal(t, c.added, added, c.before)
		assert.Equal(t, c.removed, removed, c.before)
	}
}

// randomRows draws a log in which every text is another one, but for those that fold looks at.
func randomRows(t *rapid.T) []ActivityRow {
	n := 0
	text := func() string { n++; return fmt.Sprintf("w%dx", n) }
	some := func(list ...string) string { return rapid.SampledFrom(list).Draw(t, "one of") }
	var rows []ActivityRow
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		a := ActivityRow{
			Time: start.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "at"))), Cause: some("", "c", "d"), Who: some("mira", "noor"), Origin: alert.IncidentID(some("", "", "i")),
			What: some("Comment", "Alert added", "Incident created", "Name changed", "Status changed", "Alert status changed"), Redacted: rapid.IntRange(0, 9).Draw(t, "redacted") == 0,
		}
		if rapid.Bool().Draw(t, "about an alert") {
			a.Alert = some("alpha", "beta", "gamma", "delta", "epsilon")
			a.AlertID = alert.ID(a.Alert)
		}
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			c := ChangeRow{Path: some("name", "status", "priority", "alerts.count", "tags"), Field: text(), Before: text(), After: text()}
			if c.Path == "tags" {
				c.Added, c.Removed = []string{text()}, []string{text()}
			}
			if c.Path == "status" {
				c.Before, c.After = some("", "new"), some("resolved", "yes")
			}
			a.Changes = append(a.Changes, c)
		}
		if a.What != "Comment" && !a.Redacted && rapid.Bool().Draw(t, "given") {
			a.Text = text()
		}
		if rapid.Bool().Draw(t, "reasons") {
			a.Reasons = []string{text()}
		}
		rows = append(rows, a)
	}
	return rows
}

// Rows are neither lost nor told twice, and what is put together is of one cause.
func TestFoldKeepsEveryRow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := randomRows(rt)
		given := asJSON(rt, rows)
		var all []string
		firsts := -1
		for _, group := range fold(rows) {
			first := group[0]
			at := slices.IndexFunc(rows, func(a ActivityRow) bool { return asJSON(rt, a) == asJSON(rt, first) })
			require.GreaterOrEqual(rt, at, 0)
			require.True(rt, at > firsts || first.Cause == "" || len(group) == 1, "in the order of the first")
			firsts = max(firsts, at)
			for _, a := range group {
				all = append(all, asJSON(rt, a))
				require.Equal(rt, []any{first.Cause, first.Who, first.Origin, first.Time}, []any{a.Cause, a.Who, a.Origin, a.Time})
				if len(group) > 1 {
					require.NotEmpty(rt, a.Cause)
					require.NotEqual(rt, "Comment", a.What)
					require.False(rt, a.Redacted)
				}
			}
		}
		var want []string
		for _, a := range rows {
			want = append(want, asJSON(rt, a))
		}
		require.ElementsMatch(rt, want, all)
		require.Equal(rt, given, asJSON(rt, rows), "what was given stays as it is")
	})
}

func asJSON(t require.TestingT, v any) string {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// What a row says its deed says, but for the types of entries whose changes are told, the names that an alert's arrival took
// away, values that did not last, lists of which is told what came and went, and titles of listed alerts where these are many.
func TestDeedsTellTheirRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawing{r: Report{Activity: randomRows(rt), Alerts: []AlertRow{{Title: "alpha"}, {Title: "beta"}, {Title: "gamma"}, {Title: "delta"}}}}
		groups, deeds := fold(d.r.Activity), d.deeds()
		require.Len(rt, deeds, len(groups))
		for n, group := range groups {
			said := strings.ToLower(strings.Join(slices.Concat([]string{deeds[n].Title}, deeds[n].Lines, deeds[n].Given), "\n"))
			titles := map[string]bool{}
			for _, a := range group {
				titles[a.Alert] = a.Alert != ""
			}
			for _, a := range group {
				told := func(text string) { require.Contains(rt, said, strings.ToLower(text), "%+v", group) }
				if (a.Alert != "") == (group[0].Alert != "") || len(a.Changes) == 0 {
					for word := range strings.FieldsSeq(a.What) {
						told(word)
					}
				}
				if len(titles) <= 3 || a.Alert == "epsilon" {
					told(a.Alert)
				}
				for _, r := range a.Reasons {
					told(r)
				}
				if !isComment(a) {
					told(a.Text)
				}
				if a.Origin != "" {
					told(string(a.Origin))
				}
				for _, c := range a.Changes {
					switch {
					case c.Path == "alerts.count" && a.Alert != "":
					case c.Path == "name" && group[0].Alert != "" && a.Alert == "":
						told(c.After)
					case c.Path == "tags":
						told(c.Field + ": added " + c.Added[0] + "; removed " + c.Removed[0])
					default:
						told(c.Field)
						told(c.After)
						told(c.Before)
					}
				}
			}
		}
	})
}

// Alerts of one title are not one alert, and what was taken away is not told even if a report has it.
func TestDeedsOfAlertsWithOneTitle(t *testing.T) {
	row := func(id alert.ID, field string) ActivityRow {
		return ActivityRow{Cause: "c", What: "Alert status changed", Alert: "one", AlertID: id, Changes: []ChangeRow{{Path: field, Field: field, After: "x"}}}
	}
	got := deedOfRows(t, nil, row("1", "status"), row("2", "status"), row("1", "owner"), row("2", "owner"))
	assert.Equal(t, []string{"2 alerts: “one”", "status: none → x", "owner: none → x"}, got.Lines)
	got = deedOfRows(t, nil, row("1", "status"), row("2", "owner"))
	assert.Equal(t, []string{"Alert: one · status: none → x", "Alert: one · owner: none → x"}, got.Lines)
	assert.Empty(t, deedOfRows(t, nil, ActivityRow{What: "Comment", Text: "secret", Redacted: true}).Given)
}

// Of a field that changed several times the ends are told, unless it came back to where it was.
func TestChangesAreChained(t *testing.T) {
	row := func(before, after string) ActivityRow {
		return ActivityRow{Cause: "c", What: "Alert added", Alert: "one", AlertID: "1", Changes: []ChangeRow{{Path: "priority", Field: "Priority", Before: before, After: after}}}
	}
	assert.Equal(t, []string{"Alert: one", "Priority: 1 → 3"}, deedOfRows(t, nil, row("1", "2"), row("2", "3")).Lines)
	assert.Equal(t, []string{"Alert: one", "Priority: 1 → 2", "Priority: 4 → 3"}, deedOfRows(t, nil, row("1", "2"), row("4", "3")).Lines)
	assert.Equal(t, []string{"Alert: one"}, deedOfRows(t, nil, row("1", "2"), row("2", "1")).Lines)
}

// Of what was redacted a document names the field, and never says that nothing became of nothing. What a redaction left
// is not told again.
func TestDeedsOfWhatWasRedacted(t *testing.T) {
	slip := activity.Value(`"a slip"`)
	tags := activity.Value(`[{"name":"vip"}]`)
	for _, c := range []struct {
		entry activity.Entry
		title string
		lines []string
		text  string
	}{
		{activity.Entry{Type: activity.Described, Changes: []activity.Change{
			{Field: "description", Before: slip},
		}}.Redact(), "Description changed", []string{"Description: redacted"}, ""},
		{activity.Entry{Type: activity.IncidentCreated, Changes: []activity.Change{
			{Field: "name", After: slip}, {Field: "severity", Before: `"unrated"`, After: `"high"`},
		}}.Redact(), "Incident created", []string{"Name: redacted", "Severity: High"}, ""},
		{activity.Entry{Type: activity.AlertUpdated, Alert: "edr:1", Changes: []activity.Change{
			{Field: "title", Before: slip, After: slip},
		}}.Redact(), "Alert updated", []string{"Alert: edr:1", "Title: redacted"}, ""},
		{activity.Entry{Type: activity.Merged, Text: "a slip", Changes: []activity.Change{
			{Field: "alerts.title", Before: slip},
		}}.Redact(), "Incident merged in", nil, "[Text redacted]"},
		{activity.Entry{Type: activity.Commented, Text: "a slip"}.Redact(), "Comment", nil, "[Comment redacted]"},
		{activity.Entry{Type: activity.Redacted, Changes: []activity.Change{
			{Field: "name"}, {Field: "tags", Before: tags, After: tags},
		}}, "Text redacted", []string{"Name: redacted"}, ""},
	} {
		c.entry.Time = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
		row := activityRow(c.entry, nameBook{}, Options{Location: time.UTC})
		got := deedOfRows(t, nil, row)
		assert.Equal(t, c.title, got.Title)
		assert.Equal(t, c.lines, got.Lines, c.title)
		assert.Equal(t, c.text, row.redacted(), c.title)
	}
}
