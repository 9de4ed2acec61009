package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// maxStretches is how many rows the log of a document has.
const maxStretches = 500

// activity lists the response actions, and then what else is in the log.
func (c composer) activity() (blocks []doc.Block) {
	if len(c.r.Activity) == 0 {
		return []doc.Block{remark("No activity.")}
	}
	var responses, rest []stretch
	for _, s := range stretches(c.r.Activity) {
		if t := s.entries[0].Type; t == activity.ResponseAction || t == activity.AutomationRun {
			responses = append(responses, s)
		} else {
			rest = append(rest, s)
		}
	}
	room := maxStretches
	list := func(title string, of []stretch) {
		if len(of) == 0 {
			return
		}
		shown := weightiest(of, room)
		room -= len(shown)
		if len(responses) > 0 {
			blocks = append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: words.Join(" · ", title, words.Shown(len(shown), len(of)))})
		}
		blocks = append(blocks, c.log(shown))
		if n := len(of) - len(shown); n > 0 {
			blocks = append(blocks, remark(words.Plural(n, "more row of the log is", "more rows of the log are")+" not shown: the least telling, by programs before people."))
		}
	}
	list("Response actions", responses)
	list("Other activity", rest)
	return blocks
}

// weightiest returns the stretches that a document has, in the order of time: comments before what people
// did, and that before what programs did.
func weightiest(list []stretch, most int) []stretch {
	if len(list) <= most {
		return list
	}
	weight := func(s stretch) int {
		switch e := s.entries[0]; {
		case e.Type == activity.Commented:
			return 2
		case e.Trigger() == activity.Manual:
			return 1
		}
		return 0
	}
	order := make([]int, len(list))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weight(list[b]), weight(list[a])) })
	order = order[:most]
	slices.Sort(order)
	out := make([]stretch, len(order))
	for n, at := range order {
		out[n] = list[at]
	}
	return out
}

// log returns stretches as a table.
func (c composer) log(list []stretch) *doc.Table {
	t := &doc.Table{Columns: []doc.Column{
		{Title: "Time" + c.offset, Width: doc.Stamp}, {Title: "By", Width: doc.Actor}, {Title: "Activity", Width: doc.Actor}, {Title: "Details"},
	}}
	vocabulary := c.vocabulary()
	images := gallery{c.r, make(map[string]*doc.Image)}
	day := ""
	for _, s := range list {
		e := s.entries[0]
		told := c.tell(s, vocabulary)
		who := words.Actor(e.Actor)
		if e.Trigger() == activity.Automated {
			who += " (automation)"
		}
		row := doc.Row{
			Cells: []doc.Cell{
				{Text: words.Join("\n", c.stamp(e.Time), c.until(e.Time, s.last))}, {Text: who}, {Text: told.title, Style: doc.Bold},
				{Spans: told.spans()},
			},
			NoteFrom: 1,
		}
		if text := redactedText(e); text != "" {
			row.Note = []doc.Span{{Text: text, Style: doc.Muted}}
		}
		if e.Type == activity.Commented && !e.Redacted {
			row.Flow = append(row.Flow, doc.Prose{Source: e.Text})
		}
		if !e.Redacted {
			for _, a := range e.Attachments {
				row.Flow = append(row.Flow, images.picture(a))
			}
		}
		if at := e.Time.Format("2006-01-02"); at != day && len(list) > 50 {
			row.Bookmark, day = at, at
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// vocabulary returns the words of the report.
func (c composer) vocabulary() words.Vocabulary {
	return words.Vocabulary{Code: func(code string) string { return cmp.Or(c.r.Titles[code], code) }, Time: c.zoned, Text: commonmark.Plain}
}

// redactedText returns what stands in place of a redacted text. It is "" when the lines about fields show it already.
func redactedText(e activity.Entry) string {
	switch {
	case !e.Redacted:
		return ""
	case e.Type == activity.Commented:
		return "[Comment redacted]"
	case slices.ContainsFunc(e.Changes, func(c activity.Change) bool { return c.Redacted() && !upkeep(c.Field) }):
		return ""
	}
	return "[Text redacted]"
}

// upkeep reports whether a change follows from others.
func upkeep(path string) bool {
	return strings.HasPrefix(path, words.SummaryPath) && path != alertCount || path == "comments"
}

const alertCount = "alerts.count"

// A rowText is what a document says of a stretch of the log.
type rowText struct {
	title   string
	lines   []string // what became of what
	reasons []string // that somebody gave
}

func (t rowText) spans() (spans []doc.Span) {
	if len(t.lines) > 0 {
		spans = append(spans, doc.Span{Text: strings.Join(t.lines, "\n")})
	}
	for _, reason := range t.reasons {
		label := "Reason: "
		if len(spans) > 0 {
			label = "\n" + label
		}
		spans = append(spans, doc.Span{Text: label, Style: doc.Muted}, doc.Span{Text: reason, Order: doc.Datum})
	}
	return spans
}

// tell says what the entries of a stretch did. Alerts of which the same is said are told together.
func (c composer) tell(s stretch, v words.Vocabulary) (out rowText) {
	entries := s.entries
	var types []string
	for _, e := range leading(entries) {
		types = append(types, e.Type.Title())
	}
	out.title = titled(each(types))
	aboutAlerts := entries[0].Alert != ""
	var fields changeList
	var alerts alertList
	var lines []string
	for _, e := range entries {
		var own []string
		for _, change := range e.Changes {
			if e.Type == activity.Redacted && change.Before == change.After && !change.Redacted() {
				continue // it says what is left
			}
			at, isTime := words.TimeIn(change.Field, change.After)
			switch {
			case upkeep(change.Field), isTime && at.Equal(e.Time), e.Alert != "" && change.Field == alertCount:
			case e.OfAlert(change):
				own = append(own, saidOf(change, v, false))
			case aboutAlerts && change.Field == "name":
				fields.add(change, true) // which an alert brought
			default:
				fields.add(change, e.Type == activity.IncidentCreated)
			}
		}
		if (e.Alert != "") != aboutAlerts && len(own) == 0 && !(e.Alert == "" && len(e.Changes) > 0) {
			own = append(own, e.Type.Title())
		}
		for _, l := range e.Links {
			own = appendNew(own, []string{c.reason(l, e)}) // several keys may be of one entity
		}
		title := c.r.Names.Alerts[e.Alert]
		if e.Text != "" && e.Type != activity.Commented && !e.Redacted && !(e.Type == activity.AlertAdded && e.Text == title) {
			out.reasons = append(out.reasons, e.Text)
		}
		if e.Alert != "" {
			alerts.add(e.Alert, cmp.Or(title, string(e.Alert)), own)
		} else {
			lines = append(lines, own...)
		}
	}
	lines = append(fields.lines(v, aboutAlerts), lines...)
	if s.deeds > 1 {
		out.lines = append([]string{alerts.names()}, fields.lines(v, aboutAlerts)...)
		out.reasons = nil
		out.title = words.Count(len(alerts.rows), "alert") + " added"
		return out
	}
	if told := alerts.lines(aboutAlerts); aboutAlerts {
		lines = append(told, lines...)
	} else {
		lines = append(lines, told...)
	}
	if when := c.zoned(entries[0].Occurred); when != "" {
		lines = append(lines, "Written "+when)
	}
	if origin := entries[0].Origin; origin != "" {
		lines = append(lines, "From "+c.called(origin))
	}
	out.lines, out.reasons = each(lines), each(out.reasons)
	return out
}

// reason returns in words why an alert was put into an incident, or what else an entry points to.
func (c composer) reason(l activity.Link, e activity.Entry) string {
	if t := e.Type; l.Incident != "" && (t == activity.Merged || t == activity.Redirected || t == activity.Unmerged) {
		return words.Capital(c.called(l.Incident))
	}
	text := words.Title(l.Reason.String())
	if l.Entity != "" {
		text += ": " + c.linkName(l.Entity)
	}
	if l.Incident != "" && l.Incident != e.Incident {
		text += ", " + c.called(l.Incident)
	}
	if l.HeldBack != "" {
		text += ", ignored: " + l.HeldBack
	}
	return text
}

// linkName returns what the entity of a link is called, if documents name it. No alert of the report may know
// it any more.
func (c composer) linkName(key alert.Key) string {
	name := cmp.Or(c.r.Names.Entities[key], incident.KeyName(key))
	if named, known := c.cast.spelled[name]; known && !named {
		return "an entity that is not listed"
	}
	return name
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
			if len(fields) > 0 {
				field = words.Small(field)
			}
			fields = append(fields, field)
		default:
			if n > 0 {
				t = words.Small(t)
			}
			list = append(list, t)
		}
	}
	if len(fields) > 0 {
		if list[place] = words.And(fields) + changed; place > 0 {
			list[place] = words.Small(list[place])
		}
	}
	return strings.Join(list, ", ")
}

// A changeList is what became of an incident's fields.
type changeList struct {
	rows   []activity.Change
	began  []bool         // what was before is not worth saying
	places map[string]int // in rows, by field
}

// add adds a change. Where it goes on from what is there, only the two ends are told.
func (l *changeList) add(c activity.Change, began bool) {
	if at, ok := l.places[c.Field]; ok && l.rows[at].After == c.Before && !c.Redacted() && !l.rows[at].Redacted() {
		l.rows[at].After = c.After
		return
	}
	if l.places == nil {
		l.places = make(map[string]int)
	}
	l.places[c.Field] = len(l.rows)
	l.rows, l.began = append(l.rows, c), append(l.began, began)
}

func (l *changeList) lines(v words.Vocabulary, byAlerts bool) (lines []string) {
	for n, c := range l.rows {
		switch {
		case c.Before == c.After && !c.Redacted(): // it came and went
		case c.Field == "name" && byAlerts && !c.Redacted():
			lines = append(lines, "New name: "+v.Value(c.Field, c.After))
		default:
			lines = append(lines, saidOf(c, v, l.began[n]))
		}
	}
	return lines
}

// saidOf returns a change in words.
func saidOf(c activity.Change, v words.Vocabulary, began bool) string {
	field := words.Field(c.Field)
	before, after := v.Value(c.Field, c.Before), v.Value(c.Field, c.After)
	added, removed := words.Difference(c)
	switch {
	case c.Redacted():
		return field + ": redacted"
	case len(added)+len(removed) > 0:
		var parts []string
		if len(added) > 0 {
			parts = append(parts, "added "+strings.Join(added, ", "))
		}
		if len(removed) > 0 {
			parts = append(parts, "removed "+strings.Join(removed, ", "))
		}
		return field + ": " + strings.Join(parts, "; ")
	case words.Boolean(c.Before) && words.Boolean(c.After):
		return field + ": " + cmp.Or(after, "no")
	case began && (before == "" || c.Before == `"unrated"`):
		return field + ": " + cmp.Or(after, none)
	}
	return fmt.Sprintf("%s: %s → %s", field, cmp.Or(before, none), cmp.Or(after, none))
}

// none stands where a field has no value.
const none = "none"

// An alertList is what is said of alerts.
type alertList struct {
	rows   []alertTold
	places map[alert.ID]int // in rows
}

type alertTold struct {
	title string
	lines []string
}

func (l *alertList) add(id alert.ID, title string, lines []string) {
	at, ok := l.places[id]
	if !ok {
		if l.places == nil {
			l.places = make(map[alert.ID]int)
		}
		at = len(l.rows)
		l.places[id] = at
		l.rows = append(l.rows, alertTold{title: title})
	}
	l.rows[at].lines = append(l.rows[at].lines, lines...)
}

// lines returns a line for alerts of which the same is said. If that is all there is, and it is alone, it may
// take several.
func (l *alertList) lines(alone bool) (lines []string) {
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
		who := alertNames(groups[strings.Join(a.lines, "\x00")])
		if alone && len(order) == 1 {
			return append([]string{who}, a.lines...)
		}
		lines = append(lines, strings.Join(append([]string{who}, a.lines...), " · "))
	}
	return lines
}

// names returns the titles of all alerts in one line.
func (l *alertList) names() string {
	var titles []string
	for _, a := range l.rows {
		titles = append(titles, a.title)
	}
	return alertNames(titles)
}

// alertNames says which alerts have these titles: the first three, each with how often it is there, and how
// many others.
func alertNames(titles []string) string {
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
	more := max(len(names)-most, 0)
	names = names[:len(names)-more]
	for n, t := range names {
		names[n] = "“" + t + "”"
		if times[t] > 1 {
			names[n] += " × " + words.Grouped(times[t])
		}
	}
	text := words.Count(len(titles), "alert") + ": " + strings.Join(names, ", ")
	if more > 0 {
		text += " and " + words.Plural(more, "other title", "other titles")
	}
	return text
}

// A gallery has the images of a report.
type gallery struct {
	r    Report
	made map[string]*doc.Image
}

// picture returns what stands below a comment for an attachment.
func (g gallery) picture(a activity.Attachment) doc.Picture {
	p := doc.Picture{Caption: fmt.Sprintf("Attached: %s, %s, %s, %d × %d pixels, SHA-256 %s",
		cmp.Or(a.Name, "[redacted]"), a.Type, words.Bytes(a.Size), a.Width, a.Height, a.SHA256)}
	data, ok := g.r.Images[a.SHA256]
	switch {
	case ok && g.made[a.SHA256] == nil:
		g.made[a.SHA256] = &doc.Image{Data: data, SHA256: a.SHA256, Name: a.Name}
		fallthrough
	case ok:
		p.Image = g.made[a.SHA256]
	case slices.Contains(g.r.ImagesLeftOut, a.SHA256):
		p.Caption += fmt.Sprintf(". Not shown: with it, the images of this report would take more than %d bytes", g.r.MaxImageBytes)
	default:
		p.Caption += ". Not shown: the content is missing"
	}
	return p
}
