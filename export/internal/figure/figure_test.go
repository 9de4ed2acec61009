package figure

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sheet is a page with a type whose characters are all as wide.
var sheet = Sheet{Width: 493_000, Height: 670_000, Wide: func(text string, size int, _ bool) int { return utf8.RuneCountInString(text) * size / 2 }}

func inside(t require.TestingT, p Picture) {
	for _, s := range p.Shapes {
		require.True(t, s.X >= 0 && s.X+max(s.W, 0) <= p.Width && s.X+min(s.W, 0) >= 0, "%+v", s)
		require.True(t, s.Y >= 0 && s.Y+max(s.H, 0) <= p.Height && s.Y+min(s.H, 0) >= 0, "%+v", s)
	}
}

// crosses reports whether a line leads through the inside of a frame.
func crosses(l, f Shape) bool {
	const steps = 200
	for k := range steps + 1 {
		x, y := l.X+l.W*k/steps, l.Y+l.H*k/steps
		if x > f.X+500 && x < f.X+f.W-500 && y > f.Y+500 && y < f.Y+f.H-500 {
			return true
		}
	}
	return false
}

// anyGraph draws a graph of at most so many boxes.
func anyGraph(t *rapid.T, most int) Graph {
	g := Graph{Columns: make([]Column, 4)}
	for c := range g.Columns {
		g.Columns[c].Title = rapid.SampledFrom([]string{"", "Title", strings.Repeat("Title ", 20)}).Draw(t, "title")
		n := rapid.IntRange(0, min(22, most)).Draw(t, "boxes")
		most -= n
		for n := range n {
			g.Columns[c].Nodes = append(g.Columns[c].Nodes, Node{Number: strconv.Itoa(n), Label: strings.Repeat("x", rapid.IntRange(0, 60).Draw(t, "label")), Note: "a note that is too long"})
		}
	}
	place := rapid.Custom(func(t *rapid.T) [2]int {
		return [2]int{rapid.IntRange(0, 3).Draw(t, "column"), rapid.IntRange(0, 21).Draw(t, "place")}
	})
	for n := range rapid.SampledFrom([]int{1, 10, 40, 100, 300}).Draw(t, "edges") {
		g.Edges = append(g.Edges, Edge{From: place.Draw(t, "from"), To: place.Draw(t, "to"), Label: strconv.Itoa(n + 1),
			Strong: rapid.Bool().Draw(t, "strong"), Plain: rapid.Bool().Draw(t, "plain")})
	}
	return g
}

func (g Graph) has(e Edge) bool {
	return e.From[1] < len(g.Columns[e.From[0]].Nodes) && e.To[1] < len(g.Columns[e.To[0]].Nodes)
}

// ground is what the label at a place of the list stands on, if it is one.
func ground(shapes []Shape, at int) (Shape, bool) {
	if at == 0 || shapes[at].Kind != Text || shapes[at-1].Kind != Box || shapes[at-1].Ink != Paper {
		return Shape{}, false
	}
	return shapes[at-1], true
}

func around(s Shape) rect {
	switch s.Kind {
	case Text:
		return rect{s.X, s.Y - capital(s.Size), s.X + s.W, s.Y}
	case Head:
		return s.bounds()
	}
	return rect{s.X, s.Y, s.X + s.W, s.Y + s.H}
}

// Whatever is joined, all is inside the sheet, no line leads through a box, no label touches a box, a head or another label, no
// text is smaller than 6 points, each box has its texts inside, and every edge has its head, and its label or is counted.
func TestGraph(t *testing.T) {
	sheets := []Sheet{sheet, {Width: 510_000, Height: 600_000, Wide: sheet.Wide}, {Width: 640_000, Height: 1_000_000, Wide: sheet.Wide}}
	rapid.Check(t, func(t *rapid.T) {
		sheet := rapid.SampledFrom(sheets).Draw(t, "sheet")
		g := anyGraph(t, 60)
		p := sheet.Graph(g)
		require.Equal(t, p, sheet.Graph(g))
		inside(t, p)
		require.LessOrEqual(t, p.Height, sheet.Height)
		var frames, lines, heads, labels []Shape
		first := len(p.Shapes) // of the boxes
		boxes := 0
		for _, c := range g.Columns {
			boxes += len(c.Nodes)
		}
		for n, s := range p.Shapes {
			switch s.Kind {
			case Frame:
				frames, first = append(frames, s), min(first, n)
			case Line:
				lines = append(lines, s)
			case Head:
				heads = append(heads, s)
			case Text:
				require.GreaterOrEqual(t, s.Size, 6000)
			}
		}
		require.Len(t, frames, boxes)
		for n, s := range p.Shapes[:first] {
			if on, ok := ground(p.Shapes, n); ok {
				labels = append(labels, on)
				require.True(t, s.X >= on.X && s.X+s.W <= on.X+on.W && s.Y <= on.Y+on.H && s.Y-capital(s.Size) >= on.Y)
			}
		}
		for _, f := range frames {
			for _, l := range lines {
				require.False(t, crosses(l, f), "%+v through %+v", l, f)
			}
			for _, l := range labels {
				require.False(t, around(l).meets(around(f)), "%+v on %+v", l, f)
			}
		}
		for n, l := range labels {
			for _, h := range heads {
				require.False(t, around(l).meets(around(h)), "%+v on %+v", l, h)
			}
			for _, o := range labels[:n] {
				require.False(t, around(l).meets(around(o)), "%+v on %+v", l, o)
			}
			require.True(t, slices.ContainsFunc(lines, func(s Shape) bool {
				b := bundle{points: [][2]int{{s.X, s.Y}, {s.X + s.W, s.Y + s.H}}}
				return b.passes(around(l)) > 0
			}), "%+v on no line", l)
		}
		for n, s := range p.Shapes[first:] {
			if s.Kind == Text {
				require.True(t, slices.ContainsFunc(frames, func(f Shape) bool {
					return s.X >= f.X && s.X+s.W <= f.X+f.W && s.Y <= f.Y+f.H && s.Y-capital(s.Size) >= f.Y
				}) || strings.HasPrefix(s.Text, "Title"), "%d %+v", n, s)
			}
		}

		// What is joined, by both ends; a line without a head has no direction.
		joined, headed, said := map[[4]int]bool{}, map[[4]int]bool{}, 0
		for _, e := range g.Edges {
			if !g.has(e) {
				continue
			}
			said++
			if e.Plain && slices.Compare(e.From[:], e.To[:]) > 0 {
				e.From, e.To = e.To, e.From
			}
			key := [4]int{e.From[0], e.From[1], e.To[0], e.To[1]}
			joined[key], headed[key] = true, headed[key] || !e.Plain
		}
		arrows := 0
		for _, h := range headed {
			if h {
				arrows++
			}
		}
		require.Len(t, heads, arrows)
		require.GreaterOrEqual(t, len(lines), len(joined))
		shown := 0
		for n := range p.Shapes[:first] {
			if _, ok := ground(p.Shapes, n); ok {
				list, more, _ := strings.Cut(p.Shapes[n].Text, " +")
				shown += len(strings.Split(list, ", "))
				if n, err := strconv.Atoi(more); err == nil {
					shown += n
				}
			}
		}
		require.Equal(t, said, shown+p.Unlabelled)
	})
}

// The head of an arrow stands at what the edge leads to.
func TestHeads(t *testing.T) {
	box := Column{Nodes: make([]Node, 2)}
	for _, c := range []struct {
		name     string
		from, to [2]int
		right    bool // the side of the box at which the head is
	}{
		{"to the right", [2]int{0, 0}, [2]int{1, 1}, false},
		{"to the left", [2]int{1, 0}, [2]int{0, 1}, true},
		{"over a column", [2]int{0, 0}, [2]int{2, 1}, false},
		{"down", [2]int{0, 0}, [2]int{0, 1}, true},
		{"up in the last column", [2]int{2, 1}, [2]int{2, 0}, false},
		{"to itself", [2]int{1, 1}, [2]int{1, 1}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := sheet.Graph(Graph{Columns: []Column{box, box, box}, Edges: []Edge{{From: c.from, To: c.to}}})
			var frames, heads []Shape
			for _, s := range p.Shapes {
				switch s.Kind {
				case Frame:
					frames = append(frames, s)
				case Head:
					heads = append(heads, s)
				}
			}
			require.Len(t, frames, 6)
			require.Len(t, heads, 1)
			to := frames[2*c.to[0]+c.to[1]]
			side := to.X - 250
			if c.right {
				side = to.X + to.W + 250
			}
			assert.Equal(t, side, heads[0].X)
			assert.True(t, heads[0].Y > to.Y && heads[0].Y < to.Y+to.H)
			assert.Equal(t, c.right, heads[0].W > 0, "it comes from outside")
		})
	}
}

// Where there is no room for all labels, those of weak lines go first, and they are counted.
func TestLabelsOfStrongLinesStay(t *testing.T) {
	g := Graph{Columns: []Column{{Nodes: make([]Node, 22)}, {Nodes: make([]Node, 22)}}}
	for a := range 22 {
		for b := range 22 {
			g.Edges = append(g.Edges, Edge{From: [2]int{0, a}, To: [2]int{1, b}, Label: "100", Strong: a == b, Plain: a < b})
		}
	}
	p := sheet.Graph(g)
	strong, weak := 0, 0
	for n, s := range p.Shapes {
		if _, ok := ground(p.Shapes, n); ok && s.Text == "100" {
			if s.Bold {
				strong++
			} else {
				weak++
			}
		}
	}
	assert.Equal(t, 22, strong)
	assert.NotZero(t, p.Unlabelled)
	assert.Equal(t, 22*22, strong+weak+p.Unlabelled)
}

// Edges between the same boxes are one line, which has the labels of all.
func TestEdgesOfOneLine(t *testing.T) {
	g := Graph{Columns: []Column{{Nodes: make([]Node, 1)}, {Nodes: make([]Node, 1)}}}
	for _, label := range []string{"1", "4", "7", "9", "12"} {
		g.Edges = append(g.Edges, Edge{From: [2]int{0, 0}, To: [2]int{1, 0}, Label: label})
	}
	p := sheet.Graph(g)
	lines, texts := 0, []string{}
	for _, s := range p.Shapes {
		switch s.Kind {
		case Line:
			lines++
		case Text:
			texts = append(texts, s.Text)
		}
	}
	assert.Equal(t, 1, lines)
	assert.Contains(t, texts, "1, 4, 7 +2")
	assert.Zero(t, p.Unlabelled)
}

// A long name goes on in a second line where there is room.
func TestLabelOfTwoLines(t *testing.T) {
	first, second := sheet.halves("srv-finance-01.contoso.example", 8000, true, 20*4000)
	assert.Equal(t, [2]string{"srv-finance-01.", "contoso.example"}, [2]string{first, second})
	first, second = sheet.halves("short", 8000, true, 20*4000)
	assert.Equal(t, [2]string{"short", ""}, [2]string{first, second})
	first, second = sheet.halves(strings.Repeat("x", 30), 8000, true, 20*4000)
	assert.Equal(t, [2]string{strings.Repeat("x", 20), strings.Repeat("x", 10)}, [2]string{first, second})
}

// Names of one sort differ at their ends.
func TestClip(t *testing.T) {
	const width = 20 * 4000
	assert.Equal(t, "srv-financ…example01", sheet.clipMiddle("srv-finance-and-more.contoso.example01", 8000, true, width))
	assert.Equal(t, "twenty characters ok", sheet.clipMiddle("twenty characters ok", 8000, true, width))
	assert.Equal(t, "twenty-one characte…", sheet.clip("twenty-one characters", 8000, true, width))
	assert.Equal(t, "…", sheet.clip("wide", 8000, true, 0))
}

// labels are the texts of the axis of a chart with events at these times, those of the days behind them.
func labels(offset time.Duration, times ...time.Time) (ticks, days []string) {
	c := Chart{Offset: int(offset / time.Second), Lanes: []Lane{{}}}
	for _, at := range times {
		c.Lanes[0].Marks = append(c.Lanes[0].Marks, Event{At: at.Unix(), Timed: true})
	}
	p := sheet.Chart(c)
	bottom := p.Height - 2*rowHigh
	for _, s := range p.Shapes {
		if s.Kind == Text && s.Y > bottom+rowHigh {
			days = append(days, s.Text)
		} else if s.Kind == Text && s.Y > bottom {
			ticks = append(ticks, s.Text)
		}
	}
	return ticks, days
}

// Ticks are where a clock or a calendar has them, and the day is said where it begins.
func TestTicks(t *testing.T) {
	start := time.Date(2026, 3, 14, 8, 2, 50, 0, time.UTC)
	far := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, c := range []struct {
		name        string
		offset      time.Duration
		from, to    time.Time
		ticks, days string
	}{
		{"one moment", 0, start, start, "08:02:50", "2026-03-14"},
		{"one moment elsewhere", -9 * time.Hour, start, start, "23:02:50", "2026-03-13"},
		{"a second", 0, start, start.Add(time.Second), "08:02:50 08:02:51", "2026-03-14"},
		{"forty seconds", 0, start, start.Add(40 * time.Second), "08:02:50 08:03:00 08:03:10 08:03:20 08:03:30", "2026-03-14"},
		{"an hour", 0, start, start.Add(time.Hour), "08:05 08:10 08:15 08:20 08:25 08:30 08:35 08:40 08:45 08:50 08:55 09:00", "2026-03-14"},
		{"over midnight", 0, start.Add(12 * time.Hour), start.Add(22 * time.Hour), "21:00 22:00 23:00 00:00 01:00 02:00 03:00 04:00 05:00 06:00", "2026-03-14 2026-03-15"},
		{"over midnight elsewhere", 5*time.Hour + 30*time.Minute, start.Add(7 * time.Hour), start.Add(17 * time.Hour), "21:00 22:00 23:00 00:00 01:00 02:00 03:00 04:00 05:00 06:00", "2026-03-14 2026-03-15"},
		{"four days", 0, start, start.Add(96 * time.Hour), "15 Mar 16 Mar 17 Mar 18 Mar", "2026"},
		{"weeks begin on Mondays", 0, start, start.AddDate(0, 0, 60), "16 Mar 23 Mar 30 Mar 6 Apr 13 Apr 20 Apr 27 Apr 4 May 11 May", "2026"},
		{"a year", 0, start, start.AddDate(1, 0, 0), "Apr May Jun Jul Aug Sep Oct Nov Dec Jan Feb Mar", "2026 2027"},
		{"before 1970", 0, time.Date(1905, 7, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 8, 1, 0, 0, 0, 0, time.UTC), "1910 1915 1920 1925 1930 1935 1940 1945 1950 1955 1960 1965", ""},
		{"to the end of the calendar", 0, start, far, "3000 4000 5000 6000 7000 8000 9000", ""},
		{"all of the calendar", 0, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), far, "0000 1000 2000 3000 4000 5000 6000 7000 8000 9000", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ticks, days := labels(c.offset, c.from, c.to)
			assert.Equal(t, c.ticks, strings.Join(ticks, " "))
			assert.Equal(t, c.days, strings.Join(days, " "))
		})
	}
}

// Whenever alerts were, all of them are counted in their lane, no two marks touch, and there is an axis whose texts are
// apart from each other and in the order of time.
func TestChart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(-62167219200, 253402300799).Draw(t, "from")
		span := rapid.OneOf(rapid.SampledFrom([]int64{0, 1, 59, 3600, 86400, 31536000}), rapid.Int64Range(0, 253402300799-from)).Draw(t, "span")
		c := Chart{Offset: rapid.SampledFrom([]int{0, 3600, -12600, 50400}).Draw(t, "offset"), Axis: "Time", Nowhen: "No time"}
		for n := range rapid.IntRange(1, 20).Draw(t, "lanes") {
			l := Lane{Title: fmt.Sprint("Lane ", n), Note: "some alerts", More: slices.Repeat([]string{"T1059.001"}, n)}
			for range rapid.SampledFrom([]int{0, 1, 7, 150}).Draw(t, "events") {
				l.Marks = append(l.Marks, Event{from + rapid.Int64Range(0, min(span, 253402300799-from)).Draw(t, "at"), rapid.Float64().Draw(t, "timed") < 0.9, Level(rapid.IntRange(0, levels-1).Draw(t, "level"))})
			}
			c.Lanes = append(c.Lanes, l)
		}
		p := sheet.Chart(c)
		inside(t, p)
		require.Equal(t, p, sheet.Chart(c))

		ends := map[int]int{} // of the texts and marks at a height, so far
		lanes := make([]int, len(c.Lanes))
		highest := make([]Level, len(c.Lanes))
		row := func(y int) int { return (y - legendHigh) / lanePitch }
		for _, s := range p.Shapes {
			switch {
			case s.Kind == Mark && s.Y > legendHigh:
				lanes[row(s.Y)]++
				highest[row(s.Y)] = max(highest[row(s.Y)], s.Level)
				require.GreaterOrEqual(t, s.X-markSize/2, ends[row(s.Y)])
				ends[row(s.Y)] = s.X + markSize/2
			case s.Kind == Text && s.Bold && !strings.HasPrefix(s.Text, "Lane"):
				n, err := strconv.Atoi(s.Text)
				require.NoError(t, err)
				require.Greater(t, n, 1)
				lanes[row(s.Y)] += n - 1
				require.GreaterOrEqual(t, s.X, ends[row(s.Y)])
				ends[row(s.Y)] = s.X + s.W
			}
		}
		for n, l := range c.Lanes {
			require.Equal(t, len(l.Marks), lanes[n])
			if len(l.Marks) > 0 {
				require.Equal(t, slices.MaxFunc(l.Marks, func(a, b Event) int { return int(a.Level) - int(b.Level) }).Level, highest[n])
			}
		}
		bottom, timed := p.Height-2*rowHigh, slices.ContainsFunc(c.Lanes, func(l Lane) bool {
			return slices.ContainsFunc(l.Marks, func(e Event) bool { return e.Timed })
		})
		rows, end := [2]int{}, [2]int{}
		for _, s := range p.Shapes {
			if s.Kind != Text || s.Y <= bottom || s.Text == c.Axis || s.Text == c.Nowhen {
				continue
			}
			k := 0
			if s.Y > bottom+rowHigh {
				k = 1
			}
			require.True(t, rows[k] == 0 || s.X > end[k]+3*point, "%+v", s)
			rows[k], end[k] = rows[k]+1, s.X+s.W
		}
		require.Equal(t, timed, rows[0] > 0)
	})
}

// What happened at one time is one mark with the shape of the worst; what has no time stands beside the lane.
func TestMarksThatWouldTouchAreOne(t *testing.T) {
	p := sheet.Chart(Chart{Nowhen: "No time", Lanes: []Lane{{Title: "Execution", Marks: []Event{
		{100, true, LevelLow}, {100, true, LevelHigh + 7}, {100, true, LevelUnrated}, {900, true, LevelMedium}, {0, false, LevelInformational}, {0, false, LevelLow},
	}}}})
	var got []string
	for _, s := range p.Shapes {
		if s.Y > legendHigh && (s.Kind == Mark || s.Bold) {
			got = append(got, fmt.Sprint(s.Text, s.Level))
		}
	}
	assert.Equal(t, []string{"Execution0", "4", "30", "3", "2", "20"}, got)
}

// A lane names as many techniques as there is room for, and counts the others.
func TestNoteOfALane(t *testing.T) {
	l := Lane{Note: "9 alerts", More: []string{"T1059", "T1566.001", "T1566.002"}}
	assert.Equal(t, "9 alerts · T1059, T1566.001, T1566.002", sheet.note(l, 38*3500))
	assert.Equal(t, "9 alerts · T1059, T1566.001 +1", sheet.note(l, 38*3500-1))
	assert.Equal(t, "9 alerts · T1059 +2", sheet.note(l, 20*3500))
	assert.Equal(t, "9 alerts", sheet.note(l, 18*3500))
	assert.Equal(t, "9 a…", sheet.note(l, 4*3500))
}

// Levels differ in their shape, not in colour alone.
func TestMarksDiffer(t *testing.T) {
	seen := map[string]bool{}
	for l := range Level(levels) {
		corners, hole := l.Corners(0, 0, 8000)
		seen[fmt.Sprint(corners, hole)] = true
		for _, c := range append(corners, hole...) {
			assert.LessOrEqual(t, max(c[0], -c[0], c[1], -c[1]), 4000)
		}
	}
	assert.Len(t, seen, levels)
}

// Nothing to draw is no picture.
func TestNothing(t *testing.T) {
	assert.Equal(t, Picture{Width: sheet.Width}, sheet.Graph(Graph{Columns: make([]Column, 3), Edges: make([]Edge, 2)}))
	assert.Equal(t, Picture{Width: sheet.Width}, sheet.Chart(Chart{}))
}
