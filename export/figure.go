package export

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/figure"
)

const (
	graphTitle  = "What was hit, and by what"
	lanesTitle  = "Threat categories"
	graphLegend = "Numbers are in the order of time. A line joins what an alert names together; a strong one is of a high severity."
)

// graphFigure returns the graph of r to be drawn, and what is said below it.
func (d drawing) graphFigure() (g figure.Graph, caption string) {
	g.Columns = []figure.Column{{Title: "Came in from"}, {Title: "Hit"}, {Title: "Left behind"}}
	places := make(map[int][2]int, len(d.r.Graph.Nodes))
	boxes, entities := 0, 0
	for n, node := range d.r.Graph.Nodes {
		if int(node.Column) >= len(g.Columns) {
			continue
		}
		c := &g.Columns[node.Column]
		places[n] = [2]int{int(node.Column), len(c.Nodes)}
		boxes, entities = boxes+1, entities+max(node.Count, 1)
		note := kindTitle(node.Kind)
		if node.Count > 1 {
			note += fmt.Sprintf(" and %d more", node.Count-1)
		}
		if badness(node.Verdict) > badness(alert.NoThreatsFound) {
			note += " · " + words(string(node.Verdict))
		}
		c.Nodes = append(c.Nodes, figure.Node{Number: strconv.Itoa(node.Number), Label: node.Name, Note: note, Ink: verdictInk(node.Verdict)})
	}
	for _, e := range d.r.Graph.Edges {
		from, ok := places[e.From]
		to, also := places[e.To]
		if ok && also {
			g.Edges = append(g.Edges, figure.Edge{From: from, To: to, Strong: e.Severity == alert.High})
		}
	}
	caption = graphLegend
	if entities > boxes {
		caption += fmt.Sprintf(" %d boxes stand for %d entities.", boxes, entities)
	}
	return g, caption
}

func verdictInk(v alert.EvidenceVerdict) figure.Ink {
	switch v {
	case alert.Malicious:
		return figure.High
	case alert.Suspicious:
		return figure.Medium
	}
	return figure.Note
}

const (
	maxLanes   = 20 // that are legible on a page
	otherLanes = 6  // at most, of these, for what is no tactic
)

// lanes returns the alerts of the story along the threat categories to be drawn, and what is said below them. There are
// no lanes where there are no alerts.
func (d drawing) lanes() (c figure.Chart, caption string) {
	if len(d.r.Story) == 0 {
		return c, ""
	}
	c.Nowhen = "No time"
	c.Levels = [...]string{"Unrated", "Informational", "Low", "Medium", "High"}
	places := make(map[string]int)
	lane := func(title string) *figure.Lane {
		key := cmp.Or(alert.Tactic(title), title) // however it is spelled
		at, ok := places[key]
		if !ok {
			at = len(c.Lanes)
			places[key] = at
			c.Lanes = append(c.Lanes, figure.Lane{Title: title})
		}
		return &c.Lanes[at]
	}
	for _, t := range d.r.Threats {
		l := lane(t.Title)
		l.More = appendNew(l.More, t.Techniques)
	}
	var first, last time.Time
	timed := 0
	for _, e := range d.r.Story {
		event := figure.Event{Timed: plottable(e.Time), Level: level(e.Severity)}
		if event.Timed {
			event.At = e.Time.Unix()
			if timed++; timed == 1 || e.Time.Before(first) {
				first = e.Time
			}
			if timed == 1 || e.Time.After(last) {
				last = e.Time
			}
		}
		l := lane(cmp.Or(e.Category, "No category"))
		l.Marks = append(l.Marks, event)
	}
	c.Lanes = slices.DeleteFunc(c.Lanes, func(l figure.Lane) bool { return len(l.Marks) == 0 })
	c.Lanes = fewLanes(c.Lanes)
	for n := range c.Lanes {
		c.Lanes[n].Note = count(len(c.Lanes[n].Marks), "alert")
	}
	c.Axis = "Time (UTC)"
	if !d.utc() {
		_, c.Offset = first.Zone()
		c.Axis = "Time (" + first.Format("-07:00") + ")"
	}
	return c, d.lanesCaption(timed, first, last)
}

// lanesCaption says in words what the lanes are about.
func (d drawing) lanesCaption(timed int, first, last time.Time) string {
	text := count(len(d.r.Story), "alert")
	switch {
	case timed == 0:
		text += " without a time."
	case d.stamp(first) == d.stamp(last):
		text += " at " + d.zoned(first) + "."
	default:
		text += " from " + d.zoned(first) + " to " + d.zoned(last) + "."
	}
	return text + " A number counts alerts; its mark is that of the most severe."
}

// fewLanes returns lanes with those of what is no tactic, if they are too many, together.
func fewLanes(lanes []figure.Lane) []figure.Lane {
	others := 0
	for n, l := range lanes {
		if alert.TacticIndex(l.Title) < 0 {
			if others++; (others == otherLanes || n+1 >= maxLanes) && n < len(lanes)-1 {
				return append(lanes[:n:n], together(lanes[n:]))
			}
		}
	}
	return lanes
}

func together(lanes []figure.Lane) (all figure.Lane) {
	all.Title = fmt.Sprintf("%d more categories", len(lanes))
	for _, l := range lanes {
		all.Marks = append(all.Marks, l.Marks...)
		all.More = appendNew(all.More, l.More)
	}
	return all
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
