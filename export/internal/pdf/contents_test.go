package pdf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Every line of a table of contents names a heading of level 1, in order, with the page on which it stands, and is a link to it.
func TestContentsLeadToTheHeadings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{Letter: rapid.Bool().Draw(t, "letter")})
		for range rapid.SampledFrom([]int{0, 3, 44, 60}).Draw(t, "lines before") {
			d.Paragraph(Span{Text: "x"})
		}
		if rapid.Bool().Draw(t, "a heading before") {
			d.Heading(1, "Before")
		}
		room := rapid.SampledFrom([]int{0, 1, 2, 8, 90}).Draw(t, "room")
		d.Contents(room)
		var names []string
		for n := range rapid.IntRange(0, 12).Draw(t, "sections") {
			names = append(names, fmt.Sprint("Section ", n, strings.Repeat(" of a name", rapid.SampledFrom([]int{0, 0, 40}).Draw(t, "name"))))
			d.Heading(1, names[n])
			for range rapid.IntRange(0, 70).Draw(t, "lines") {
				d.Heading(2, "Part")
				d.Paragraph(Span{Text: "x"})
			}
		}
		d.flush()
		if room < 2 {
			room = 0
		}
		var targets []bookmark
		requireInside(t, d)
		for _, page := range d.pages {
			var title, number op
			places := map[[2]int]bool{}
			for _, o := range d.listed(page) {
				require.NotEqual(t, contentsOp, o.kind)
				require.True(t, o.x >= margin && o.w >= 0 && o.x+o.w <= d.pageWidth-margin && o.y >= margin && o.y+o.h <= d.bodyEnd, "%+v", o)
				switch {
				case o.kind == textOp:
					title, number = number, o
				case o.kind == jumpOp:
					m := d.outline[o.size]
					require.Equal(t, fmt.Sprint(m.page+1), number.text)
					require.True(t, strings.HasPrefix(m.text, strings.TrimSuffix(title.text, "…")), title.text)
					require.Equal(t, o.x, title.x, "what is to be clicked is where the line is")
					require.True(t, o.y < title.y && title.y < o.y+o.h)
					require.False(t, places[[2]int{o.x, o.y}], "each line has its place")
					places[[2]int{o.x, o.y}] = true
					require.Contains(t, strings.Join(d.texts(m.page), " "), strings.Fields(m.text)[1], "the heading is on that page")
					targets = append(targets, m)
				}
			}
		}
		require.Len(t, targets, min(room, len(names)))
		for n, m := range targets {
			require.Equal(t, names[n], m.text)
		}
		require.NoError(t, d.err)
	})
}
