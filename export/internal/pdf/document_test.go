package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/figure"
)

func output(t testing.TB, d *Document) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, d.Output(&b))
	return b.Bytes()
}

func TestSameCallsSameBytes(t *testing.T) {
	first := sample(60, 12)
	want := output(t, first)
	assert.True(t, bytes.Equal(want, output(t, first)), "a second Output of one document differs")
	assert.True(t, bytes.Equal(want, output(t, sample(60, 12))), "an equal document differs")

	var wg sync.WaitGroup
	var all [4]bytes.Buffer
	for i := range all {
		wg.Go(func() { assert.NoError(t, sample(60, 12).Output(&all[i])) })
	}
	wg.Wait()
	for i := range all {
		assert.True(t, bytes.Equal(want, all[i].Bytes()), "documents made at the same time differ")
	}
}

// A process of its own, as the time zone of this one can no longer be changed.
func TestSameBytesInAnyEnvironment(t *testing.T) {
	if os.Getenv("PDF_CHILD") != "" {
		os.Stdout.Write(output(t, sample(5, 2)))
		os.Exit(0)
	}
	want := output(t, sample(5, 2))
	for _, env := range [][]string{
		{"TZ=Pacific/Kiritimati", "GOMAXPROCS=1"},
		{"TZ=America/St_Johns", "LC_ALL=tr_TR.UTF-8", "GOMAXPROCS=7"},
	} {
		got, err := child(t, env)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), "%v gives other bytes", env)
	}
}

func child(t *testing.T, env []string) ([]byte, error) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), append(env, "PDF_CHILD=1")...)
	return cmd.Output()
}

// fpdf names fonts by a SHA-1 sum, which panics where only approved algorithms
// may run.
func TestFIPSOnlyIsAnError(t *testing.T) {
	if os.Getenv("PDF_CHILD") != "" {
		var b bytes.Buffer
		fmt.Println(sample(5, 2).Output(&b), b.Len())
		os.Exit(0)
	}
	out, err := child(t, []string{"GODEBUG=fips140=only"})
	require.NoError(t, err)
	assert.Contains(t, string(out), "FIPS 140-only mode")
	assert.True(t, strings.HasSuffix(strings.TrimSpace(string(out)), " 0"), "wrote bytes of a document that failed: %s", out)
}

func TestOutputErrors(t *testing.T) {
	broken := errors.New("disk full")
	assert.ErrorIs(t, sample(1, 1).Output(failing{broken}), broken)
}

// dueContext is done after it has been asked so many times.
type dueContext struct {
	context.Context
	left int
}

func (c *dueContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Wherever it is when the context is done, nothing more is drawn, and nothing is
// written.
func TestStopsWhenTheContextIsDone(t *testing.T) {
	pages := sample(60, 12).Pages()
	for n := 0; ; n++ {
		ctx := &dueContext{t.Context(), n}
		d := New(ctx, sampleOptions())
		write(d, 60, 12)
		var b bytes.Buffer
		err := d.Output(&b)
		if err == nil {
			assert.Greater(t, n, 2*pages-2, "it was asked for every page that it laid out and drew")
			return
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, b.Len())
		require.LessOrEqual(t, d.Pages(), n+1)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestPageNumbersNeedNoPlaceholder(t *testing.T) {
	d := New(t.Context(), Options{Title: "{nb}", HeaderLeft: "{nb} of {nb}"})
	d.Heading(1, "{nb}")
	d.Paragraph(Span{Text: strings.Repeat("Page 1 of 2 {nb}\n", 60)})
	require.Equal(t, 2, d.Pages())
	var texts []string
	for page := range 2 {
		for _, o := range d.running(page, "") {
			if o.kind == textOp {
				texts = append(texts, o.text)
			}
		}
	}
	assert.Equal(t, []string{"Page 1 of 2", "{nb} of {nb}", "Page 2 of 2"}, texts)
}

func TestHeadingsKeepWithNext(t *testing.T) {
	for lines := range 60 {
		d := New(t.Context(), Options{})
		for range lines {
			d.Paragraph(Span{Text: "x"})
		}
		d.Heading(1, "Section")
		d.Heading(2, "Part")
		d.Paragraph(Span{Text: strings.Repeat("many words ", 60)})
		for page := range d.pages {
			texts := d.texts(page)
			assert.NotContains(t, []string{"Section", "Part"}, texts[len(texts)-1], "%d lines before", lines)
		}
		requireInside(t, d)
	}
}

func TestParagraphLeavesNoSingleLine(t *testing.T) {
	for before := range 60 {
		for lines := 2; lines < 8; lines++ {
			d := New(t.Context(), Options{})
			for range before {
				d.Paragraph(Span{Text: "x"})
			}
			d.Paragraph(Span{Text: strings.TrimSpace(strings.Repeat("line\n", lines))})
			for page := range d.pages {
				n := strings.Count(strings.Join(d.texts(page), ""), "line")
				assert.NotEqual(t, 1, n, "%d before, %d lines", before, lines)
			}
		}
	}
}

func TestOutlineIsATree(t *testing.T) {
	d := New(t.Context(), Options{})
	for _, level := range []int{3, 1, 3, 3, 2, -7, 99} {
		d.Heading(level, "a\n b \U0001F600")
	}
	d.Heading(1, " \a ")
	output(t, d)
	var levels []int
	for _, m := range d.outline {
		levels = append(levels, m.level)
		assert.Equal(t, "a b [U+1F600]", m.text)
	}
	assert.Equal(t, []int{0, 0, 1, 2, 1, 0, 1}, levels)
}

func TestLinks(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/b?c=d#e": "https://a.example/b?c=d#e",
		"HTTP://a.example":          "http://a.example",
		"mailto:soc@a.example":      "mailto:soc@a.example",
		"https://a.example/ü (1)":   "https://a.example/%C3%BC%20%281%29",
		"https://ü.example/":        "https://%C3%BC.example/",
		"mailto:ü)>>@a.example":     "mailto:%C3%BC)>>@a.example",
		"":                          "",
		"https:///path":             "",
		"https:opaque":              "",
		"javascript:alert(1)":       "",
		"file:///etc/passwd":        "",
		"data:text/html,x":          "",
		"//a.example":               "",
		"https://a.example\n/":      "",
		"\xff://":                   "",
		"https://a.example/" + strings.Repeat("x", 3000): "",
	} {
		assert.Equal(t, want, doc.Link(in), in)
	}
	d := New(t.Context(), Options{})
	d.Paragraph(Span{Text: "see "}, Span{Text: "this", Link: "https://a.example"}, Span{Text: " and "}, Span{Text: "that", Link: "javascript:x"})
	links := 0
	for _, o := range d.pages[0] {
		if o.kind == linkOp {
			links++
			assert.Equal(t, "https://a.example", o.text)
		}
	}
	assert.Equal(t, 1, links)
}

func TestReplaced(t *testing.T) {
	d := New(t.Context(), Options{HeaderLeft: "😀", FooterLeft: "\xff"})
	assert.Equal(t, 2, d.Replaced())
	d.Heading(1, "事件")
	d.Table(Table{Columns: []Column{{Title: "😀"}}, Rows: [][]Cell{{{Text: "😀", Tone: High}}, {{Text: "ok"}}}})
	assert.Equal(t, 6, d.Replaced())
	output(t, d)
	output(t, d)
	assert.Equal(t, 6, d.Replaced(), "drawing must not count again")
}

func TestOnlyUsedFontsAreEmbedded(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Paragraph(Span{Text: "plain"})
	assert.Equal(t, 1, bytes.Count(output(t, d), []byte("/FontFile2")))
	d.Paragraph(Span{Text: "bold", Style: Bold})
	assert.Equal(t, 2, bytes.Count(output(t, d), []byte("/FontFile2")))
}

func TestZeroDocument(t *testing.T) {
	out := output(t, New(t.Context(), Options{}))
	assert.Equal(t, 1, bytes.Count(out, []byte("/Type /Page\n")))
	assert.Contains(t, string(out), "(D:19700101000000Z)")
}

func TestProperties(t *testing.T) {
	local := time.FixedZone("", 5*3600)
	out := string(output(t, New(t.Context(), Options{
		Title: "\U0001F600)\r", Author: "A", Subject: "S\u200b", Keywords: "\a", Language: "de-CH", Created: time.Date(2026, 1, 1, 2, 0, 0, 0, local),
	})))
	assert.Contains(t, out, "/Title (\xFE\xFF\xD8\x3D\xDE\x00\x00\\)\x00 )")
	assert.Contains(t, out, "/Author (\xFE\xFF\x00A)")
	assert.Contains(t, out, "/Subject (\xFE\xFF\x00S\x00[\x00U\x00+\x002\x000\x000\x00B\x00])")
	assert.NotContains(t, out, "/Keywords", "nothing of it can be seen")
	assert.Contains(t, out, "/Lang (de-CH)")
	assert.Contains(t, out, "/CreationDate (D:20251231210000Z)")
	assert.Contains(t, out, "/ModDate (D:20251231210000Z)")
	assert.Contains(t, out, "/MediaBox [0 0 595.28 841.89]")
	assert.Contains(t, string(output(t, New(t.Context(), Options{Letter: true}))), "/MediaBox [0 0 612.00 792.00]")
	assert.NotContains(t, string(output(t, New(t.Context(), Options{Language: "en)/X("}))), "/Lang")
}

// What a page has room for is used, on either paper.
func TestPapersAreUsed(t *testing.T) {
	for _, letter := range []bool{false, true} {
		d := New(t.Context(), Options{Letter: letter})
		d.Heading(1, "Section")
		d.Paragraph(Span{Text: strings.Repeat("x\n", 300)})
		last := slices.IndexFunc(d.pages[0], func(o op) bool { return o.kind == lineOp })
		assert.Equal(t, d.pageWidth-2*margin, d.pages[0][last].w, "the rule below a heading")
		lowest := 0
		for _, o := range d.pages[1] {
			lowest = max(lowest, o.y)
		}
		assert.InDelta(t, d.pageHeight-bodyFoot, lowest, float64(2*lineHeight(bodySize)))
		requireInside(t, d)
	}
}

func TestExtremes(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, add := range map[string]func(d *Document){
		"cell": func(d *Document) {
			d.Table(Table{Columns: []Column{{}, {}}, Rows: [][]Cell{{{Text: long}, {Text: "y"}}}})
		},
		"badge cell":    func(d *Document) { d.Table(Table{Columns: []Column{{}}, Rows: [][]Cell{{{Text: long, Tone: High}}}}) },
		"points":        func(d *Document) { d.Paragraph(Span{Text: "ب" + strings.Repeat("َ", 50_000)}) },
		"right to left": func(d *Document) { d.Paragraph(Span{Text: strings.Repeat("(אב 1 ", 20_000)}) },
		"nested": func(d *Document) {
			d.Paragraph(Span{Text: strings.Repeat("א(", 30_000) + strings.Repeat(")", 30_000)})
		},
		"joiners":      func(d *Document) { d.Paragraph(Span{Text: strings.Repeat("ل\u200D", 30_000)}) },
		"one long Han": func(d *Document) { d.Paragraph(Span{Text: strings.Repeat("事", 5_000)}) },
		"spans of Hebrew": func(d *Document) {
			d.Paragraph(slices.Repeat([]Span{{Text: "א"}, {Text: "1", Style: Bold}}, 10_000)...)
		},
		"newlines": func(d *Document) { d.Paragraph(Span{Text: strings.Repeat("a\n", 10_000)}) },
		"title":    func(d *Document) { d.Title(long) },
		"heading":  func(d *Document) { d.Heading(1, long) },
		"headings": func(d *Document) {
			for range 500 {
				d.Heading(1, "heading")
			}
		},
		"caption": func(d *Document) {
			d.Table(Table{Columns: []Column{{Title: long}}, Rows: [][]Cell{{{}}}, Caption: long})
		},
		"badges": func(d *Document) { d.Badges(Badge{long, High}, Badge{"", Low}) },
		"cover": func(d *Document) {
			d.Cover(Cover{
				Label: long[:5_000], Title: long[:5_000], States: []State{{long, long, long, High}, {}, {Tone: 200}, {}, {}},
				Facts: [][]Fact{{}, {{long, long, long}, {Value: "x"}, {}, {}, {}}}, More: []KeyValue{{long, Cell{Text: long}}}, Tags: []string{long, ""},
			})
		},
		"contents": func(d *Document) {
			d.Contents(200)
			d.Heading(1, long)
		},
		"chart": func(d *Document) {
			d.Chart(figure.Chart{Axis: long, Nowhen: long, Lanes: []figure.Lane{{Title: long, Note: long, More: []string{long}, Marks: []figure.Event{{Level: 200}}}, {}}}, long)
		},
		"key values": func(d *Document) { d.KeyValues([]KeyValue{{long, Cell{Text: long}}, {}}, 99) },
		"note": func(d *Document) {
			d.Table(Table{Columns: make([]Column, 9), Rows: [][]Cell{{}}, Notes: [][]Span{{{Text: long}}}, NoteColumn: 99})
		},
		"spans": func(d *Document) { d.Paragraph(make([]Span, 50_000)...) },
		"200 columns": func(d *Document) {
			d.Table(Table{Columns: make([]Column, 200), Rows: [][]Cell{make([]Cell, 200), {{Text: "narrow"}}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := New(t.Context(), Options{Letter: true, HeaderLeft: long, HeaderRight: long, FooterLeft: long})
			add(d)
			d.Paragraph(Span{Text: "end"})
			requireInside(t, d)
			out := output(t, d)
			assert.Contains(t, string(out), fmt.Sprintf("/Count %d\n", d.Pages()))
			assert.Less(t, d.Pages(), 400)
		})
	}
	// 100,000 characters in a column are all there.
	d := New(t.Context(), Options{})
	d.Table(Table{Columns: []Column{{Weight: 3}, {}}, Rows: [][]Cell{{{Text: long}}}})
	n := 0
	for page := range d.pages {
		n += len(strings.Join(d.texts(page), ""))
	}
	assert.Equal(t, len(long), n)
}

// WCAG 2.2 success criterion 1.4.3: at least 4.5 to 1.
func TestContrast(t *testing.T) {
	for tone := range Tone(8) {
		ground, text := tone.colors()
		assert.GreaterOrEqual(t, contrast(ground, text), 4.5, "tone %d", tone)
		if ground != white && ground != pale {
			assert.GreaterOrEqual(t, contrast(white, ground), 4.5, "tone %d as text", tone)
		}
	}
	for _, c := range []color{black, grey, accent, blue} {
		assert.GreaterOrEqual(t, contrast(white, c), 4.5, "%v", c)
	}
}

func contrast(a, b color) float64 {
	luminance := func(c color) float64 {
		linear := func(v uint8) float64 {
			f := float64(v) / 255
			if f <= 0.04045 {
				return f / 12.92
			}
			return math.Pow((f+0.055)/1.055, 2.4)
		}
		return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
	}
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// Each byte of shape adds a block; the texts are cut from one string.
func FuzzDocument(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 70, 81, 92}, "Incident 😀 \xff https://a.example (x) \\ \r\n \u202e事件")
	f.Add([]byte{1, 21, 41, 61, 5, 5, 5, 25}, strings.Repeat("word ", 300))
	f.Add([]byte{223, 224, 1, 10, 2, 19, 101}, strings.Repeat("words and ", 300))
	f.Fuzz(func(t *testing.T, shape []byte, text string) {
		if len(shape) > 40 || len(text) > 3000 {
			return
		}
		next := func(n int) string {
			n = min(n, len(text))
			piece := text[:n]
			text = text[n:] + piece
			return piece
		}
		d := New(t.Context(), Options{
			Letter: len(shape)%2 == 0, Title: next(9), Author: next(3), Subject: next(4), Keywords: next(5), Language: next(2),
			HeaderLeft: next(50), HeaderRight: next(7), FooterLeft: next(11),
			Attachments: []Attachment{{Name: next(8), Description: next(5), Type: next(4), Data: []byte(next(60))}, {Name: next(2)}},
		})
		for _, b := range shape {
			n, tone := int(b)/9, Tone(b)
			switch b % 9 {
			case 0:
				d.Title(next(n * 5))
			case 1:
				d.Heading(n%5, next(n*9))
			case 2:
				d.Paragraph(Span{Text: next(n * 90), Style: Style(b)}, Span{Text: next(n), Link: next(n * 3)})
			case 3:
				d.KeyValues([]KeyValue{{next(n), Cell{Text: next(n * 9)}}, {next(n), Cell{Text: next(n), Tone: tone}}}, n)
			case 4:
				d.Table(Table{
					Columns: []Column{{Title: next(n), Width: float64(n)}, {Title: next(5), Align: Align(n % 2)}},
					Rows:    [][]Cell{{{Text: next(n * 99)}, {Text: next(n), Tone: tone, Link: next(n)}}, {}, {{Text: next(n * 7), Style: Style(b)}}},
					Notes:   [][]Span{{{Text: next(n * 60)}}, {{Text: next(n), Style: Style(b)}}}, NoteColumn: n % 3,
					Flows: [][]Block{nil, {
						{Kind: BlockKind(b / 2 % 6), Spans: []Span{{Text: next(n * 20), Style: Style(b * 3)}, {Text: next(n), Style: Code}}},
						{Kind: TableBlock, Rows: [][][]Span{{{{Text: next(n)}}, nil}, {{{Text: next(n * 5), Style: Struck}}, {{Text: next(4)}}}}},
						{Inside: []Container{{Quote: true}, {Marker: next(3), Widest: next(n)}}, Spans: []Span{{Text: next(n * 9), Style: Slanted}}},
					}},
					Caption: next(n),
				})
			case 5:
				d.Badges(Badge{next(n * 3), tone}, Badge{next(n), Plain}, Badge{next(3), tone})
			case 6:
				d.Chart(figure.Chart{Axis: next(n), Offset: n * 3600, Lanes: []figure.Lane{
					{Title: next(n * 3), Note: next(n), More: []string{next(n)}, Marks: []figure.Event{{Level: figure.Level(n)}, {At: int64(n) << n, Timed: true}}},
				}}, next(n))
				d.Graph(figure.Graph{Columns: []figure.Column{{Title: next(n), Nodes: []figure.Node{{Number: next(3), Label: next(n * 3), Note: next(n)}}}}}, next(n))
			case 7:
				d.Cover(Cover{
					Label: next(n), Title: next(n * 9), States: []State{{next(n), next(1), next(n * 3), tone}, {next(3), next(4), next(n), Plain}},
					Facts: [][]Fact{{{next(n), next(n * 2), next(n)}, {}, {next(3), next(8), next(n * 9)}}, {}},
					More:  []KeyValue{{next(n), Cell{Text: next(n * 9)}}}, Tags: []string{next(n), next(n * 3)},
				})
			case 8:
				d.Contents(n)
			}
		}
		var b bytes.Buffer
		if err := d.Output(&b); err != nil {
			t.Fatal(err)
		}
		out := b.Bytes()
		if !bytes.HasPrefix(out, []byte("%PDF-")) || !bytes.HasSuffix(out, []byte("%%EOF\n")) {
			t.Fatalf("%.20q … %q", out, out[len(out)-min(20, len(out)):])
		}
		if !bytes.Contains(out, fmt.Appendf(nil, "/Count %d\n", d.Pages())) {
			t.Fatalf("not %d pages", d.Pages())
		}
	})
}

// Whoever opens a page of a long report sees in which section it is.
func TestHeaderNamesTheSection(t *testing.T) {
	d := New(t.Context(), Options{HeaderLeft: "Incident 7: name", HeaderRight: "High"})
	lines := func(n int) { d.Paragraph(Span{Text: strings.TrimSuffix(strings.Repeat("line\n", n), "\n")}) }
	lines(100)
	d.Heading(1, "One, אב.")
	lines(100)
	d.Heading(2, "Part")
	lines(30)
	d.Heading(1, strings.Repeat("Two ", 50))
	lines(90)
	var got []string
	for i, section := range d.sections() {
		for _, o := range d.running(i, section) {
			if o.kind == textOp && o.y == d.runningBase && o.x == margin {
				got = append(got, o.text)
				assert.LessOrEqual(t, o.x+d.textWidth(o.text, Bold.ink(smallSize, grey)), d.pageWidth-margin-30*point)
			}
		}
	}
	assert.Equal(t, []string{"Incident 7: name", "Incident 7: name · One, בא.", "Incident 7: name · One, בא.", "Incident 7: name · One, בא."}, got[:4])
	last := got[len(got)-1]
	assert.True(t, strings.HasPrefix(last, "Incident 7: name · Two Two") && strings.HasSuffix(last, "…"), last)

	d = New(t.Context(), Options{HeaderLeft: "x"})
	lines(10)
	d.startPage()
	d.Heading(1, "At the top")
	lines(1)
	assert.Equal(t, []string{"", "At the top"}, d.sections(), "a section that begins with the page")
}

// A length in a file is the nearest with two decimals.
func TestHundredths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(-1<<30, 1<<30).Draw(t, "length")
		text := string(hundredths(nil, length))
		require.Regexp(t, `^-?\d+\.\d\d$`, text)
		points, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		require.LessOrEqual(t, math.Abs(points*point-float64(length)), 5.001)
	})
}
