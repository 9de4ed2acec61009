package pdf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// However long the texts of a cover are, it stands inside its pages and says them all.
func TestCoverSaysEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(t.Context(), Options{Letter: rapid.Bool().Draw(t, "letter")})
		var want []string
		// What is drawn from right to left is in another order; how text is read back has tests of its own.
		pieces := rapid.SampledFrom([][]string{{"=", " of words"}, {"=", " اب"}}).Draw(t, "pieces")
		text := func() string {
			n := len(want)
			s := fmt.Sprintf("<%d%s%d>", n, strings.Repeat(rapid.SampledFrom(pieces).Draw(t, "piece"), rapid.SampledFrom([]int{0, 1, 9, 70}).Draw(t, "length")), n)
			want = append(want, s)
			return s
		}
		c := Cover{Label: text(), Title: text()}
		for range rapid.IntRange(0, 4).Draw(t, "states") {
			c.States = append(c.States, State{Label: "State", Shape: "▲", Word: text(), Tone: Tone(rapid.IntRange(0, 7).Draw(t, "tone"))})
		}
		for range rapid.IntRange(0, 3).Draw(t, "rows") {
			row := make([]Fact, rapid.IntRange(0, 4).Draw(t, "facts"))
			for n := range row {
				row[n] = Fact{Label: "Fact", Value: text()}
				if rapid.Bool().Draw(t, "note") {
					row[n].Note = text()
				}
			}
			c.Facts = append(c.Facts, row)
		}
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			c.More = append(c.More, KeyValue{"More", Cell{Text: text()}})
		}
		for range rapid.SampledFrom([]int{0, 1, 60}).Draw(t, "tags") {
			c.Tags = append(c.Tags, text())
		}
		d.Cover(c)
		d.flush()
		requireInside(t, d)
		var all strings.Builder
		for page := range d.pages {
			all.WriteString(strings.Join(d.texts(page), ""))
		}
		got := strings.ReplaceAll(all.String(), " ", "")
		for _, w := range want {
			if pieces[1] == " of words" {
				require.Contains(t, got, strings.ReplaceAll(w, " ", ""))
			}
		}
		require.Zero(t, d.Replaced())
	})
}

// A state is said by a shape, too, in the middle of its line.
func TestStatesHaveShapes(t *testing.T) {
	for _, shape := range []string{"▲", "◆", "▼", "○", "–", "●", "◐", "✓", "→", "■"} {
		d := New(t.Context(), Options{})
		d.Cover(Cover{States: []State{{"Severity", shape, "High", High}}})
		var mark, word op
		for _, o := range d.pages[0] {
			switch {
			case o.kind == textOp && o.text == shape:
				mark = o
			case o.kind == textOp && o.text == "High":
				word = o
			}
		}
		require.NotZero(t, mark.size, shape)
		b := d.faces[bold].bounds([]rune(shape)[0])
		middle := mark.y - (b.top+b.bottom)*mark.size/2000
		assert.InDelta(t, word.y-365*word.size/1000, middle, point/10, shape)
		assert.Less(t, mark.x+d.textWidth(shape, ink{face: bold, size: mark.size}), word.x)
		assert.Zero(t, d.Replaced())
	}
}

// What is too long for its place stands below, in full and in the type of running text. What cannot be drawn is counted once.
func TestLongTextsStandBelow(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Cover(Cover{
		States: []State{{"Verdict", "■", strings.Repeat("word \U0001F600 ", 30), Accent}},
		Facts:  [][]Fact{{{"Owner", "Kai", strings.Repeat("note \U0001F600 ", 30)}, {"Alerts", strings.Repeat("figure ", 30), ""}, {"Short", "7", ""}}},
	})
	d.flush()
	assert.Equal(t, 60, d.Replaced())
	words, sizes := map[string]int{}, map[string][]int{}
	for _, o := range d.pages[0] {
		for _, word := range []string{"word", "note", "figure"} {
			if o.kind == textOp && strings.Contains(o.text, word) {
				words[word] += strings.Count(o.text, word)
				sizes[word] = append(sizes[word], o.size)
			}
		}
	}
	assert.Greater(t, words["word"], 30, "in its tile, too")
	assert.Equal(t, 30, words["note"])
	assert.Equal(t, 30, words["figure"])
	for _, of := range sizes {
		assert.Equal(t, []int{bodySize}, slices.Compact(of))
	}
	for _, o := range d.pages[0] {
		assert.True(t, o.kind != fillOp || o.h < 80*point, "a tile does not grow")
	}
}
