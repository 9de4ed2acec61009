package pdf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever a graph holds, all of it stands inside one page, each box with the beginning and the end of its name.
func TestGraphStandsInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{Letter: rapid.Bool().Draw(t, "letter")})
		for range rapid.IntRange(0, 45).Draw(t, "lines before") {
			d.Paragraph(Span{Text: "before"})
		}
		columns := make([]GraphColumn, rapid.IntRange(1, 3).Draw(t, "columns"))
		most := rapid.SampledFrom([]int{2, 22, 40}).Draw(t, "most")
		boxes := 0
		for c := range columns {
			columns[c].Title = strings.Repeat("Title ", rapid.IntRange(0, 20).Draw(t, "title"))
			for n := range rapid.IntRange(0, most).Draw(t, "boxes") {
				name := fmt.Sprint("<", c, ".", n, strings.Repeat("=", rapid.SampledFrom([]int{0, 10, 300}).Draw(t, "length")), c, ".", n, ">")
				columns[c].Nodes = append(columns[c].Nodes, GraphNode{Label: name, Note: "note", Tone: Tone(rapid.IntRange(0, 7).Draw(t, "tone"))})
				boxes++
			}
		}
		var edges []GraphEdge
		place := rapid.Custom(func(t *rapid.T) [2]int {
			return [2]int{rapid.IntRange(-1, 3).Draw(t, "column"), rapid.IntRange(-1, most).Draw(t, "place")}
		})
		for range rapid.IntRange(0, 60).Draw(t, "edges") {
			edges = append(edges, GraphEdge{From: place.Draw(t, "from"), To: place.Draw(t, "to"), Strong: rapid.Bool().Draw(t, "strong")})
		}
		d.Graph(columns, edges)
		d.flush()
		requireInside(t, d)
		drawn := map[string]int{}
		for page := range d.pages {
			for _, text := range d.texts(page) {
				if strings.HasPrefix(text, "<") {
					require.True(t, strings.HasSuffix(text, ">"), text)
					drawn[text] = page
				}
			}
		}
		require.Len(t, drawn, boxes)
		for _, page := range drawn {
			require.Equal(t, len(d.pages)-1, page, "one page for all")
		}
	})
}

// A line leads from the side of one box to the side of the other, and one to a box that is not there is left out.
func TestGraphLines(t *testing.T) {
	d := New(t.Context(), Options{})
	one := []GraphNode{{Label: "a"}, {Label: "b"}}
	d.Graph([]GraphColumn{{Nodes: one}, {}, {Nodes: one}}, []GraphEdge{
		{From: [2]int{0, 0}, To: [2]int{2, 1}}, {From: [2]int{2, 0}, To: [2]int{0, 0}, Strong: true}, {From: [2]int{0, 0}, To: [2]int{1, 0}},
	})
	d.flush()
	var lines []op
	for _, o := range d.pages[0] {
		if o.kind == lineOp {
			lines = append(lines, o)
		}
	}
	require.Len(t, lines, 2)
	assert.Positive(t, lines[0].h, "down to the second")
	assert.Zero(t, lines[1].h)
	assert.Equal(t, lines[0].x, lines[1].x, "drawn from the left")
	assert.Greater(t, lines[1].size, lines[0].size, "the strong one comes last")
}
