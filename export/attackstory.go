package export

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/alert/attack"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/figure"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// maxSteps is how many rows a table of the attack story has.
const maxSteps = 200

// story tells the attack: its graph with what the graph says in tables, the processes, and the threat
// categories. Alerts are told one by one in their own section; only where there is none do they stand here.
func (c composer) story() (blocks []doc.Block) {
	blocks = append(blocks, c.graph()...)
	if !c.brief() {
		blocks = append(blocks, c.processes()...)
	}
	blocks = append(blocks, c.threats()...)
	if !c.has(Alerts) && !c.brief() {
		blocks = append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: "Timeline"}, c.timeline())
	}
	if len(blocks) == 0 {
		blocks = append(blocks, remark("No alerts."))
	}
	return blocks
}

// nodeName returns what a node is called: its entity, or how many there are.
func (c composer) nodeName(n Node) string {
	if len(n.Keys) == 1 {
		if name, ok := c.cast.named[castKey{n.Kind.Asset(), n.Keys[0]}]; ok {
			return name
		}
	}
	return words.Kinds(len(n.Keys), n.Kind)
}

// nodeVerdict says how the entities of a node were judged.
func nodeVerdict(n Node) string {
	if len(n.Keys) == 1 || n.Malicious+n.Suspicious == 0 {
		if n.Verdict == alert.Malicious || n.Verdict == alert.Suspicious {
			return words.Title(string(n.Verdict))
		}
		return ""
	}
	return judgedCounts(n.Malicious, n.Suspicious)
}

// nodeInk returns the colour of a node, which is that of what all of its entities are.
func nodeInk(n Node) figure.Ink {
	switch {
	case n.Verdict == alert.Malicious, n.Malicious == len(n.Keys):
		return figure.High
	case n.Verdict == alert.Suspicious, n.Suspicious == len(n.Keys):
		return figure.Medium
	}
	return figure.Note
}

// columnTitles are the titles of the columns of a graph.
var columnTitles = [...]string{"Source", "Affected", "Artefacts", "Destination"}

// graph draws the attack, and says in tables what the picture shows.
func (c composer) graph() []doc.Block {
	g := c.r.Graph
	if len(g.Nodes) == 0 {
		return nil
	}
	f := figure.Graph{Columns: make([]figure.Column, len(columnTitles))}
	for n, title := range columnTitles {
		f.Columns[n].Title = title
	}
	places := make([][2]int, len(g.Nodes))
	grouped, groups := 0, 0
	for n, node := range g.Nodes {
		if int(node.Column) >= len(f.Columns) {
			return nil
		}
		column := &f.Columns[node.Column]
		places[n] = [2]int{int(node.Column), len(column.Nodes)}
		note := nodeVerdict(node)
		if len(node.Keys) > 1 {
			grouped, groups = grouped+len(node.Keys), groups+1
		} else {
			note = words.Join(" · ", words.Kind(node.Kind), note)
		}
		column.Nodes = append(column.Nodes, figure.Node{
			Number: strconv.Itoa(node.Number), Label: oneLine(c.nodeName(node)), Note: oneLine(note), Ink: nodeInk(node),
		})
	}
	for _, e := range g.Edges {
		if e.From < 0 || e.To < 0 || e.From >= len(places) || e.To >= len(places) {
			continue
		}
		f.Edges = append(f.Edges, figure.Edge{
			From: places[e.From], To: places[e.To], Strong: e.Severity == alert.High, Label: strconv.Itoa(e.Number),
			Plain: e.Action == Named,
		})
	}
	caption := "Numbers show chronological order. Arrows: who acted on what; plain lines: named in one alert; bold: high severity."
	if groups > 0 {
		caption += fmt.Sprintf(" %s grouped into %d.", words.Plural(grouped, "entity", "entities"), groups)
	}
	blocks := []doc.Block{
		doc.Heading{Level: 2, Bookmark: true, Text: "Attack graph"},
		doc.Graph{ID: "graph", Title: "Attack graph", Caption: caption, Figure: f},
	}
	if c.brief() {
		return blocks
	}
	nodes, edges := c.nodes(), c.edges()
	return append(blocks,
		doc.Heading{Level: 3, Text: "Entities of the graph"}, nodes,
		doc.Heading{Level: 3, Text: words.Join(" · ", "Connections", words.Shown(len(edges.Rows), len(c.r.Graph.Edges)))}, edges)
}

// nodes returns the table of what the boxes of the graph stand for.
func (c composer) nodes() *doc.Table {
	t := &doc.Table{Columns: []doc.Column{
		{Title: "Number", Width: doc.Narrow, Number: true}, {Title: "Name", Weight: 4}, {Title: "Type", Width: doc.Short}, {Title: "Verdict", Weight: 2},
	}}
	order := slices.SortedFunc(slices.Values(c.r.Graph.Nodes), func(a, b Node) int { return cmp.Compare(a.Number, b.Number) })
	for _, n := range order {
		row := doc.Row{Cells: []doc.Cell{{Text: strconv.Itoa(n.Number)}, {Text: c.nodeName(n)}, {Text: words.Kind(n.Kind)}, {Text: nodeVerdict(n)}}, NoteFrom: 1}
		if n.Kind == "" {
			row.Cells[2].Text = ""
		}
		if len(n.Keys) > 1 {
			var names []string
			for _, key := range n.Keys {
				if name, ok := c.cast.named[castKey{n.Kind.Asset(), key}]; ok {
					names = append(names, name)
				}
			}
			if more := len(n.Keys) - len(names); len(names) > 0 {
				text := strings.Join(names, ", ")
				if more > 0 {
					text += " and " + words.Grouped(more) + " more"
				}
				row.Note = []doc.Span{{Text: text, Style: doc.Muted}}
			}
		} else {
			row.Cells[3] = words.Judged(n.Verdict)
		}
		t.Rows = append(t.Rows, row)
	}
	return filled(t)
}

// edges returns the table of the connections of the graph.
func (c composer) edges() *doc.Table {
	g := c.r.Graph
	t := &doc.Table{Columns: []doc.Column{
		{Title: "Number", Width: doc.Narrow, Number: true}, {Title: "Time" + c.offset, Width: doc.Stamp}, {Title: "From", Weight: 3},
		{Title: "Action", Width: doc.Short}, {Title: "To", Weight: 3}, {Title: "Alert", Weight: 3},
	}}
	for _, e := range g.Edges[:min(len(g.Edges), maxSteps)] {
		if e.From < 0 || e.To < 0 || e.From >= len(g.Nodes) || e.To >= len(g.Nodes) {
			continue
		}
		from, to := g.Nodes[e.From], g.Nodes[e.To]
		told := ""
		if len(e.Alerts) > 0 {
			told = cmp.Or(c.r.Names.Alerts[e.Alerts[0]], string(e.Alerts[0]))
			if more := len(e.Alerts) - 1; more > 0 {
				told += " and " + words.Count(more, "more alert")
			}
		}
		t.Rows = append(t.Rows, doc.Row{Cells: []doc.Cell{
			{Text: strconv.Itoa(e.Number)}, {Text: cmp.Or(c.stamp(e.Time), "Not reported")},
			{Text: fmt.Sprintf("%d %s", from.Number, c.nodeName(from))}, {Text: actionWord(e.Action)},
			{Text: fmt.Sprintf("%d %s", to.Number, c.nodeName(to))}, {Text: told, Order: doc.Datum},
		}})
	}
	return t
}

// actionWord returns what an edge says.
func actionWord(a Action) string {
	switch a {
	case Sent:
		return "sent to"
	case Contained:
		return "contained"
	case SignedIn:
		return "signed in to"
	case Connected:
		return "connected to"
	case Ran:
		return "ran"
	case Started:
		return "started"
	case Made:
		return "created"
	case Moved:
		return "moved to"
	}
	return "named with"
}

// processes returns a table for each device with its processes, each below the one that started it. Processes
// that documents do not name are counted.
func (c composer) processes() (blocks []doc.Block) {
	for _, tree := range c.r.Trees {
		t := &doc.Table{Columns: []doc.Column{{Title: "Process", Weight: 5}, {Title: "Verdict", Width: doc.Badged}, {Title: "Time" + c.offset, Width: doc.Stamp}}}
		more := 0
		for _, n := range tree.Rows {
			if n.Key != "" {
				if _, ok := c.cast.named[castKey{alert.NotAsset, n.Key}]; !ok {
					more++
					continue
				}
			}
			p := n.Process
			row := doc.Row{Cells: []doc.Cell{{Text: p.Name(), Style: doc.Bold, Depth: min(n.Depth, 12)}, words.Judged(n.Verdict), {Text: c.stamp(n.Time)}}}
			if n.Key == "" {
				row.Cells[0].Style = doc.Muted
			}
			if text := strings.TrimSpace(p.CommandLine); text != "" && text != p.Name() {
				row.Note = []doc.Span{{Text: text, Style: doc.Code | doc.Muted}}
			}
			t.Rows = append(t.Rows, row)
		}
		if len(t.Rows) < 2 {
			continue // a single process is in the evidence
		}
		title := "Processes on " + tree.Device
		if named, known := c.cast.spelled[tree.Device]; tree.Device == "" {
			title = "Processes without a device"
		} else if known && !named {
			title = "Processes on a device that is not listed"
		}
		blocks = append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: title}, filled(t))
		if more > 0 {
			blocks = append(blocks, remark(words.Plural(more, "more process", "more processes")+" not shown."))
		}
	}
	return blocks
}

// threats draws the alerts along the threat categories, and lists these with their techniques.
func (c composer) threats() (blocks []doc.Block) {
	if len(c.r.Threats) == 0 {
		return nil
	}
	blocks = append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: "Threat categories"})
	if chart, caption := c.lanes(); len(chart.Lanes) > 0 && !c.brief() {
		blocks = append(blocks, doc.Chart{ID: "lanes", Title: "Alerts along the threat categories", Caption: caption, Figure: chart})
	}
	t := &doc.Table{Columns: []doc.Column{
		{Title: "Category", Weight: 2}, {Title: "Severity", Width: doc.Badged}, {Title: "ATT&CK techniques", Weight: 4}, {Title: "Alerts", Width: doc.Narrow, Number: true},
	}}
	for _, x := range c.r.Threats {
		var names []string
		for _, id := range x.Techniques {
			if technique, ok := attack.Lookup(id); ok {
				id += "\u00A0" + technique.Name
			}
			names = append(names, id)
		}
		row := doc.Row{Cells: []doc.Cell{
			{Text: threatTitle(x.Category)}, words.Severity(x.Severity), {Text: strings.Join(names, ", ")}, {Text: words.Grouped(x.Alerts)},
		}}
		switch {
		case x.Alerts == 0:
			row.Muted = true
			row.Cells[3].Text = words.Grouped(x.Dismissed)
			row.Note, row.NoteFrom = []doc.Span{{Text: "False positives only", Style: doc.Muted}}, 2
		case x.Dismissed > 0:
			row.Note, row.NoteFrom = []doc.Span{{Text: "Besides " + words.Count(x.Dismissed, "false positive"), Style: doc.Muted}}, 2
		}
		t.Rows = append(t.Rows, row)
	}
	return append(blocks, t)
}

// threatTitle returns a category in words.
func threatTitle(category string) string { return cmp.Or(alert.CategoryTitle(category), "No category") }

// oneLine returns s as a line of a picture can show it.
func oneLine(s string) string { return strings.Join(strings.Fields(words.Visible(s)), " ") }

const (
	maxLanes   = 20 // that are legible on a page
	otherLanes = 6  // at most, of these, for what is no tactic
)

// lanes returns the alerts along the threat categories to be drawn, but for false positives, and what is said
// below them.
func (c composer) lanes() (chart figure.Chart, caption string) {
	chart.Nowhen = "No time"
	chart.Levels = [...]string{"Unrated", "Informational", "Low", "Medium", "High"}
	places := make(map[string]int)
	lane := func(category string) *figure.Lane {
		key := cmp.Or(alert.Tactic(category), category) // however it is spelled
		at, ok := places[key]
		if !ok {
			at = len(chart.Lanes)
			places[key] = at
			chart.Lanes = append(chart.Lanes, figure.Lane{Title: oneLine(threatTitle(category))})
		}
		return &chart.Lanes[at]
	}
	for _, t := range c.r.Threats {
		l := lane(t.Category)
		for _, id := range t.Techniques {
			l.More = append(l.More, oneLine(id))
		}
	}
	var first, last time.Time
	timed, alerts := 0, 0
	for _, a := range c.r.Alerts {
		if Dismissed(c.r.Incident, a) {
			continue
		}
		alerts++
		at := a.FirstActivity
		event := figure.Event{Timed: plottable(at), Level: level(a.Severity)}
		if event.Timed {
			event.At = at.Unix()
			if timed++; timed == 1 || at.Before(first) {
				first = at
			}
			if timed == 1 || at.After(last) {
				last = at
			}
		}
		l := lane(a.Category)
		l.Marks = append(l.Marks, event)
	}
	chart.Lanes = slices.DeleteFunc(chart.Lanes, func(l figure.Lane) bool { return len(l.Marks) == 0 })
	chart.Lanes = fewLanes(chart.Lanes)
	for n := range chart.Lanes {
		chart.Lanes[n].Note = words.Count(len(chart.Lanes[n].Marks), "alert")
	}
	chart.Axis = "Time (UTC)"
	if !c.utc() {
		_, chart.Offset = first.Zone()
		chart.Axis = "Time (" + first.Format("-07:00") + ")"
	}
	caption = words.Count(alerts, "alert")
	switch {
	case timed == 0:
		caption += " without a time."
	case c.stamp(first) == c.stamp(last):
		caption += " at " + c.zoned(first) + "."
	default:
		caption += " from " + c.zoned(first) + " to " + c.zoned(last) + "."
	}
	return chart, caption + " Numbers are alert counts; symbol: highest severity."
}

// fewLanes returns lanes with those of what is no tactic, if they are too many, together.
func fewLanes(lanes []figure.Lane) []figure.Lane {
	others := 0
	for n, l := range lanes {
		if alert.TacticIndex(l.Title) < 0 {
			if others++; (others == otherLanes || n+1 >= maxLanes) && n < len(lanes)-1 {
				all := figure.Lane{Title: fmt.Sprintf("%d more categories", len(lanes)-n)}
				for _, l := range lanes[n:] {
					all.Marks = append(all.Marks, l.Marks...)
					all.More = append(all.More, l.More...)
				}
				return append(lanes[:n:n], all)
			}
		}
	}
	return lanes
}

// plottable reports whether t is a time, and one that a calendar of four digits has.
func plottable(t time.Time) bool { return !t.IsZero() && t.Year() >= 0 && t.Year() <= 9999 }

func level(s alert.Severity) figure.Level {
	switch s {
	case alert.High:
		return figure.LevelHigh
	case alert.Medium:
		return figure.LevelMedium
	case alert.Low:
		return figure.LevelLow
	case alert.Informational:
		return figure.LevelInformational
	}
	return figure.LevelUnrated
}
