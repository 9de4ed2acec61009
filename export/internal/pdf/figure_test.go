package pdf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// Whatever a picture holds, all of it stands inside one page, each box with the beginning and the end of its name, each
// lane with the beginning of its.
func TestPicturesStandInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{})
		for range rapid.IntRange(0, 45).Draw(t, "lines before") {
			d.Paragraph(Span{Text: "before"})
		}
		for range rapid.IntRange(0, 4).Draw(t, "headings") {
			d.Heading(2, strings.Repeat("Heading ", rapid.SampledFrom([]int{1, 60}).Draw(t, "words")))
		}
		boxes, lanes := 0, 0
		name := func(at ...any) string {
			return fmt.Sprint("<", fmt.Sprint(at...), strings.Repeat("=", rapid.SampledFrom([]int{0, 10, 300}).Draw(t, "length")), fmt.Sprint(at...), ">")
		}
		if rapid.Bool().Draw(t, "graph") {
			g := figure.Graph{Columns: make([]figure.Column, rapid.IntRange(1, 3).Draw(t, "columns"))}
			most := rapid.SampledFrom([]int{2, 22, 90}).Draw(t, "most")
			for c := range g.Columns {
				g.Columns[c].Title = strings.Repeat("Title ", rapid.IntRange(0, 20).Draw(t, "title"))
				for n := range rapid.IntRange(0, most).Draw(t, "boxes") {
					g.Columns[c].Nodes = append(g.Columns[c].Nodes, figure.Node{Number: fmt.Sprint(n), Label: name(c, ".", n), Note: "note"})
					boxes++
				}
			}
			place := rapid.Custom(func(t *rapid.T) [2]int {
				return [2]int{rapid.IntRange(-1, 3).Draw(t, "column"), rapid.IntRange(-1, most).Draw(t, "place")}
			})
			for range rapid.IntRange(0, 60).Draw(t, "edges") {
				g.Edges = append(g.Edges, figure.Edge{From: place.Draw(t, "from"), To: place.Draw(t, "to"), Strong: rapid.Bool().Draw(t, "strong")})
			}
			d.Graph(g, "caption")
		} else {
			c := figure.Chart{Axis: name("axis"), Nowhen: name("never"), Offset: rapid.IntRange(-14*3600, 14*3600).Draw(t, "offset")}
			for n := range rapid.SampledFrom([]int{1, 7, 20, 70}).Draw(t, "lanes") {
				l := figure.Lane{Title: name("lane", n), Note: name("note")}
				for range rapid.IntRange(0, 40).Draw(t, "marks") {
					l.Marks = append(l.Marks, figure.Event{
						At: rapid.Int64Range(-62135596800, 253402300799).Draw(t, "at"), Timed: rapid.Bool().Draw(t, "timed"), Level: figure.Level(rapid.IntRange(0, 9).Draw(t, "level")),
					})
				}
				c.Lanes = append(c.Lanes, l)
				lanes++
			}
			d.Chart(c, "caption")
		}
		d.flush()
		requireInside(t, d)
		drawn, open := map[string]int{}, ""
		for page := range d.pages {
			for _, text := range d.texts(page) {
				switch {
				case strings.HasPrefix(text, "<lane"):
					lanes--
					require.Equal(t, len(d.pages)-1, page, "one page for all")
				case strings.HasPrefix(text, "<n"), strings.HasPrefix(text, "<a"):
				case strings.HasPrefix(text, "<"):
					drawn[text] = page
					if open = ""; !strings.HasSuffix(text, ">") {
						open = text
					}
				case open != "": // the second line of a name
					require.True(t, strings.HasSuffix(text, ">"), text)
					open = ""
				}
			}
		}
		require.Zero(t, lanes)
		require.Contains(t, strings.Join(d.texts(len(d.pages)-1), " "), "caption", "the caption is on that page")
		require.Len(t, drawn, boxes)
		for _, page := range drawn {
			require.Equal(t, len(d.pages)-1, page, "one page for all")
		}
	})
}

// Every ink and every mark of a picture is drawn in a colour that can be told from paper: 3 to 1 for what is no text
// (WCAG 2.2, 1.4.11), but for what only guides the eye.
func TestInksOfPictures(t *testing.T) {
	d := New(t.Context(), Options{})
	for i := figure.Black; i <= figure.Informational; i++ {
		switch i {
		case figure.Paper, figure.Faint, figure.Shade:
			continue
		case figure.Weak:
			assert.GreaterOrEqual(t, contrast(d.inkColor(i), white), 3.0, i)
		default:
			assert.GreaterOrEqual(t, contrast(d.inkColor(i), white), 4.5, i)
			assert.GreaterOrEqual(t, contrast(d.inkColor(i), mist), 4.5, i)
		}
	}
	var marks []figure.Event
	for l := range figure.LevelHigh + 1 {
		marks = append(marks, figure.Event{At: int64(l) * 3600, Timed: true, Level: l})
	}
	d.Chart(figure.Chart{Lanes: []figure.Lane{{Title: "lane", Marks: marks}}}, "")
	levels := map[int]color{}
	for _, o := range d.pages[0] {
		if o.kind == markOp {
			levels[o.w] = o.color
		}
	}
	assert.Equal(t, map[int]color{
		0: grey, 1: d.inkColor(figure.Informational), 2: d.inkColor(figure.Low), 3: d.inkColor(figure.Medium), 4: d.inkColor(figure.High),
	}, levels)
	out := output(t, d)
	assert.Contains(t, tool(t, out, "qpdf", "--check", "FILE"), "No syntax or stream encoding errors found")
}
