package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// A deed is what a document says of one row of the log, or of several of one cause, which are one thing to whoever reads
// of them.
type deed struct {
	ActivityRow // the first
	Title       string
	Lines       []string // what became of what
	Given       []string // reasons that somebody gave
}

// fold puts together rows that one command caused, in the order of their first. A row that says something of its own stays
// alone: a comment, what is attached, redacted or imported. Rows without a cause stay alone, too.
func fold(rows []ActivityRow) [][]ActivityRow {
	type cause struct {
		command, who string
		trigger      activity.Trigger
		origin       alert.IncidentID
		second       int64
		nanosecond   int
	}
	places := make(map[cause]int)
	var folded [][]ActivityRow
	for _, a := range rows {
		c := cause{a.Cause, a.Who, a.Trigger, a.Origin, a.Time.Unix(), a.Time.Nanosecond()}
		alone := a.Cause == "" || a.What == activity.Commented.Title() || a.Redacted || len(a.Attachments) > 0 || !a.Written.IsZero()
		at, ok := places[c]
		if ok && !alone {
			folded[at] = append(folded[at], a)
			continue
		}
		if !alone {
			places[c] = len(folded)
		}
		folded = append(folded, []ActivityRow{a})
	}
	return folded
}

// leading returns, of a mixture of rows about alerts and others, those that are like the first: the rest follows from them.
func leading(rows []ActivityRow) (list []ActivityRow) {
	for _, a := range rows {
		if (a.Alert != "") == (rows[0].Alert != "") {
			list = append(list, a)
		}
	}
	return list
}

// deeds returns the log as documents say it.
func (d drawing) deeds() []deed {
	listed := make(map[string]bool, len(d.r.Alerts))
	for _, a := range d.r.Alerts {
		listed[a.Title] = true
	}
	numbers := numbersOf(slices.Concat(d.r.MergedFrom, d.r.MergedInto))
	var deeds []deed
	for _, rows := range fold(d.r.Activity) {
		deeds = append(deeds, d.deed(rows, listed, numbers))
	}
	return deeds
}

// deed says what rows, the entries of one command, did. Alerts of which the same is said are told together; where there are
// many, the titles of listed ones need not be told.
func (d drawing) deed(rows []ActivityRow, listed map[string]bool, numbers incidentNumbers) deed {
	var types []string
	for _, a := range leading(rows) {
		types = append(types, a.What)
	}
	out := deed{ActivityRow: rows[0], Title: titled(each(types))}
	aboutAlerts := rows[0].Alert != ""
	var incident changeList
	var alerts alertList
	var lines []string
	for _, a := range rows {
		var own []string
		for _, c := range a.Changes {
			switch {
			case upkeep(c.Path), c.After == d.zoned(a.Time), a.Alert != "" && c.Path == alertCount:
			case a.Alert != "" && c.Path != "priority" && !strings.HasPrefix(c.Path, summaryPath):
				own = append(own, c.said())
			case aboutAlerts && c.Path == "name" && c.After != "": // which an alert brought
				incident.add(ChangeRow{Path: c.Path, Field: "New name", After: c.After}, true)
			default:
				began := a.What == activity.IncidentCreated.Title() && (c.Before == "" || c.Before == words(alert.Unrated.String()))
				incident.add(c, began)
			}
		}
		said := len(own) > 0 || a.Alert == "" && len(a.Changes) > 0
		if !said && (a.Alert != "") != aboutAlerts {
			own = append(own, a.What)
		}
		own = append(own, a.Reasons...)
		if a.Text != "" && a.Text != a.Alert && !isComment(a) && !a.Redacted {
			out.Given = append(out.Given, a.Text)
		}
		if a.Alert != "" {
			alerts.add(a, own)
		} else {
			lines = append(lines, own...)
		}
	}
	lines = append(incident.lines(), lines...)
	if told := alerts.lines(listed, aboutAlerts); aboutAlerts {
		lines = append(told, lines...)
	} else {
		lines = append(lines, told...)
	}
	if when := d.zoned(out.Written); when != "" {
		lines = append(lines, "Written "+when)
	}
	if out.Origin != "" {
		lines = append(lines, "Copied from "+numbers.called(out.Origin))
	}
	out.Lines, out.Given = each(lines), each(out.Given)
	return out
}

// each returns list with each text once.
func each(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}

// titled returns types of entries as one: "Status and owner changed, incident merged in".
func titled(types []string) string {
	const changed = " changed"
	var list, fields []string
	place := 0
	for n, t := range types {
		field, ok := strings.CutSuffix(t, changed)
		switch {
		case ok && len(fields) == 0:
			place = len(list)
			list = append(list, "")
			fallthrough
		case ok:
			fields = append(fields, lowered(field, len(fields) > 0))
		default:
			list = append(list, lowered(t, n > 0))
		}
	}
	if len(fields) > 0 {
		list[place] = lowered(and(fields), place > 0) + changed
	}
	return strings.Join(list, ", ")
}

// lowered returns text with a small first letter, if it is to have one.
func lowered(text string, small bool) string {
	r, size := utf8.DecodeRuneInString(text)
	if !small || r == utf8.RuneError {
		return text
	}
	return string(unicode.ToLower(r)) + text[size:]
}

// A changeList is what became of an incident's fields.
type changeList struct {
	rows   []ChangeRow
	began  []bool         // what was before is not worth saying
	places map[string]int // in rows, by path
}

// add adds c. Where it goes on from what is there, only the two ends are told.
func (l *changeList) add(c ChangeRow, began bool) {
	if at, ok := l.places[c.Path]; ok && l.rows[at].After == c.Before && !c.listed() && !l.rows[at].listed() {
		l.rows[at].After = c.After
		return
	}
	if l.places == nil {
		l.places = make(map[string]int)
	}
	l.places[c.Path] = len(l.rows)
	l.rows, l.began = append(l.rows, c), append(l.began, began)
}

func (l *changeList) lines() (lines []string) {
	for n, c := range l.rows {
		if c.Before == c.After && !c.Redacted && !c.listed() {
			continue // it came and went
		}
		if l.began[n] && !c.Redacted {
			lines = append(lines, c.Field+": "+cmp.Or(c.After, none))
		} else {
			lines = append(lines, c.said())
		}
	}
	return lines
}

// An alertList is what is said of alerts.
type alertList struct {
	rows   []alertTold
	places map[string]int // in rows, by alert
}

type alertTold struct {
	title string
	lines []string
}

func (l *alertList) add(a ActivityRow, lines []string) {
	id := cmp.Or(string(a.AlertID), a.Alert)
	at, ok := l.places[id]
	if !ok {
		if l.places == nil {
			l.places = make(map[string]int)
		}
		at = len(l.rows)
		l.places[id] = at
		l.rows = append(l.rows, alertTold{title: a.Alert})
	}
	l.rows[at].lines = append(l.rows[at].lines, lines...)
}

// lines returns a line for alerts of which the same is said. If that is all there is, and it is alone, it may take several.
func (l *alertList) lines(listed map[string]bool, alone bool) (lines []string) {
	groups := make(map[string][]string) // titles by what is said
	var order []alertTold
	for _, a := range l.rows {
		said := strings.Join(a.lines, "\x00")
		if groups[said] == nil {
			order = append(order, a)
		}
		groups[said] = append(groups[said], a.title)
	}
	for _, a := range order {
		who := alertNames(groups[strings.Join(a.lines, "\x00")], listed)
		if alone && len(order) == 1 {
			return append([]string{who}, a.lines...)
		}
		lines = append(lines, strings.Join(append([]string{who}, a.lines...), " · "))
	}
	return lines
}

// alertNames says which alerts have these titles, or how many they are.
func alertNames(titles []string, listed map[string]bool) string {
	const most = 3
	if len(titles) == 1 {
		return "Alert: " + titles[0]
	}
	times := make(map[string]int)
	var names []string
	for _, t := range titles {
		if times[t]++; times[t] == 1 {
			names = append(names, t)
		}
	}
	text, before := count(len(titles), "alert"), ": "
	if len(names) > most {
		names, before = slices.DeleteFunc(names, func(t string) bool { return listed[t] }), ", among them "
	}
	for n, t := range names {
		names[n] = "“" + t + "”"
		if times[t] > 1 && times[t] < len(titles) {
			names[n] += " × " + grouped(times[t])
		}
	}
	if len(names) == 0 {
		return text
	}
	return text + before + strings.Join(names, ", ")
}

// none stands where a field has no value.
const none = "none"

// listed reports whether c says of a list what came and what went.
func (c ChangeRow) listed() bool { return len(c.Added)+len(c.Removed) > 0 }

// said returns c in words.
func (c ChangeRow) said() string {
	flag := func(text string) bool { return text == "" || text == "yes" || text == "no" }
	switch {
	case c.Redacted:
		return c.Field + ": redacted"
	case c.listed():
		var parts []string
		if len(c.Added) > 0 {
			parts = append(parts, "added "+strings.Join(c.Added, ", "))
		}
		if len(c.Removed) > 0 {
			parts = append(parts, "removed "+strings.Join(c.Removed, ", "))
		}
		return c.Field + ": " + strings.Join(parts, "; ")
	case flag(c.Before) && flag(c.After) && c.Before+c.After != "":
		return c.Field + ": " + cmp.Or(c.After, "no")
	}
	return fmt.Sprintf("%s: %s → %s", c.Field, cmp.Or(c.Before, none), cmp.Or(c.After, none))
}
