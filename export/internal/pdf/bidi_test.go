package pdf

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// Hebrew on paper: what is read first stands on the right.
func TestVisualText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"Latin", "a (b) 1 < 2", "a (b) 1 < 2"},
		{"Hebrew", "אבג דה", "הד גבא"},
		{"a word inside Latin", "to אבג on", "to גבא on"},
		{"two words inside Latin", "to אב גד on", "to דג בא on"},
		{"a number after a word stands on its left", "a אב 123 b", "a 123 בא b"},
		{"also with its signs", "אב 1,234.5 ו-7%", "7%-ו 1,234.5 בא"},
		{"Latin inside Hebrew", "אב server-01 גד", "דג server-01 בא"},
		{"brackets are mirrored", "(אב) [גד] <ה>", "<ה> [דג] (בא)"},
		{"brackets around Latin stay whole", "אב (cd) הו", "וה (cd) בא"},
		{"brackets around Hebrew in Latin", "a (אב) b", "a (בא) b"},
		{"brackets at the end of a line", "a אב (1)", "a (1) בא"},
		{"quotation marks", "אב «גד»", "«דג» בא"},
		{"a full stop is on the left of Hebrew", "אב.", ".בא"},
		{"and on the right of Latin", "a אב.", "a בא."},
		{"an address", "אב 10.0.0.127", "10.0.0.127 בא"},
		{"an arrow points from what is read first", "x: אב → גד", "x: בא → דג"},
		{"points stand before their letters", "a\u05B0 אְבָ", "a\u05B0 \u05B8ב\u05B0א"},
		{"Arabic figures", "a ٣٤ ب", "a ب ٣٤"},
		{"European figures after Arabic", "ب 12-34", "34-12 ب"},
		{"spaces at the end", "אב  ", "  בא"},
		{"a path", `אב C:\Temp\a גד`, `דג C:\Temp\a בא`},
		{"a closing bracket alone", "אב) ג", "ג (בא"},
		{"nested", "אב (ג [d] ה) ו", "ו (ה [d] ג) בא"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, visualText(c.in), "%+q", visualText(c.in)) })
	}
	assert.Nil(t, levels("Zürich Ελληνικά кириллица 事件 — … \uFFFD"), "this costs nothing")
}

// The whole paragraph decides on the direction, and what is before a line on
// what a number in it belongs to; but lines are put in order one by one.
func TestLinesArePutInOrderAfterBreaking(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Table(Table{Columns: []Column{{Width: 60}, {Weight: 1}}, Rows: [][]Cell{{
		{Text: "אבגדהו זחטיכל (abc) 12 x.", Order: Prose}, {Text: "one אב"},
	}}})
	assert.Equal(t, []string{"לכיטחז והדגבא", ".12 x (abc)", "one בא"}, d.texts(0))
	var right []int
	for _, o := range d.pages[0] {
		if o.kind == textOp && !strings.HasPrefix(o.text, "one") {
			right = append(right, o.x+d.textWidth(o.text, ink{face: o.face, size: o.size}))
		}
	}
	for _, x := range right {
		assert.InDelta(t, margin+60*point, x, 2, "stands on the right of its column")
	}
}

// Wherever a text may stand, it is put in order and joined.
func TestRightToLeftEverywhere(t *testing.T) {
	const in, want = "דוד (ب)", "(\uFE8F) דוד"
	all := Options{HeaderLeft: in, HeaderRight: in, FooterLeft: in}
	for name, add := range map[string]func(d *Document){
		"title":      func(d *Document) { d.Title(in) },
		"heading":    func(d *Document) { d.Heading(1, in); d.flush() },
		"paragraph":  func(d *Document) { d.Paragraph(Span{Text: in}) },
		"key values": func(d *Document) { d.KeyValues([]KeyValue{{in, Cell{Text: in}}}, 2) },
		"badges":     func(d *Document) { d.Badges(Badge{in, High}) },
		"chart": func(d *Document) {
			d.Chart(figure.Chart{Axis: in, Nowhen: in, Lanes: []figure.Lane{{Title: in, Note: in, Marks: make([]figure.Event, 1)}}, Levels: [...]string{in, in, in, in, in}}, in)
		},
		"table": func(d *Document) {
			d.Table(Table{
				Columns: []Column{{Title: in}, {Title: in, Align: Right}}, Rows: [][]Cell{{{Text: in}, {Text: in, Tone: High}}},
				Notes: [][]Span{{{Text: in}}}, Caption: in,
			})
		},
		"a cell that cannot be a badge": func(d *Document) {
			d.Table(Table{Columns: []Column{{}}, Rows: [][]Cell{{{Text: in + "\n" + in, Tone: High}}}})
		},
		"graph": func(d *Document) {
			d.Graph(figure.Graph{Columns: []figure.Column{{Title: in, Nodes: []figure.Node{{Label: in, Note: in}}}}}, in)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := New(t.Context(), all)
			add(d)
			texts := d.texts(0)
			assert.NotEmpty(t, texts)
			for _, o := range d.running(1, "") {
				if o.kind == textOp && !strings.HasPrefix(o.text, "Page") {
					texts = append(texts, o.text)
				}
			}
			for _, text := range texts {
				assert.Equal(t, want, text)
			}
			for _, m := range d.outline {
				assert.Equal(t, in, m.text, "readers put the outline in order themselves")
			}
		})
	}
}

// Names are read from left to right, part by part, whatever letters they have: what a
// file name ends with says what the file is.
func TestNames(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a file", "חשבונית מרץ 2026.docm", "2026 ץרמ תינובשח.docm"},
		{"an end of figures", "אב.7z", "בא.7z"},
		{"an end of figures alone", "אב.123", "בא.123"},
		{"a path", `C:\אב\גד הו\ז.exe`, `C:\בא\וה דג\ז.exe`},
		{"a path without a drive", "אב/גד", "בא/דג"},
		{"an address of the web", "https://אב.גד/ה/ו?ז=ח&ט=י#כ", "https://בא.דג/ה/ו?ז=ח&ט=י#כ"},
		{"an address of mail", "אב.גד@הו.example", "בא.דג@וה.example"},
		{"an account", `אב\גד`, `בא\דג`},
		{"a person", "אב גד (ab@c.example)", "דג בא (ab@c.example)"},
		{"a list", "אב, גד הו, ז", "בא, וה דג, ז"},
		{"a list in another script", "ب ت, אב, x", "\u062a \u0628, בא, x"},
		{"a label", "אב: גד", "בא: דג"},
		{"numbers stay whole", "אב 10.0.0.7, 1,234.5", "10.0.0.7 בא, 1,234.5"},
		{"a full stop at the end", "אב.", "בא."},
		{"a point above", "אב\u05bc.exe", "\u05bcבא.exe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := visualLine(c.in, []stretch{{len(c.in), Name}})
			assert.Equal(t, c.want, got, "%+q", got)
		})
	}
}

// An isolated name is one neutral character to a text from right to left around it.
func TestNameInsideHebrew(t *testing.T) {
	for _, c := range []struct{ before, name, after, want string }{
		{"אב ", "x", " גד", "דג x בא"},
		{"אב ", "C:\\ג", " הו", "וה C:\\ג בא"},
	} {
		a, b := len(c.before), len(c.before)+len(c.name)
		assert.Equal(t, c.want, visualLine(c.before+c.name+c.after, []stretch{{a, Prose}, {b, Name}, {b + len(c.after), Prose}}))
	}
}

// A text that is put together keeps its order, whatever is put into it, and what is
// put into it is as it would be alone. What has no letters from right to left is what
// reports put around.
func TestWhatIsPutInDisturbsNothing(t *testing.T) {
	piece := rapid.SampledFrom([]string{"אב", "ג", "abc", "1", "23", " ", "(", ")", "[", ".", "-", "ب", "لا", "%", "→", "\u05B0", ", ", "/", "«", "\u0301", "٣"})
	around := rapid.SampledFrom([]string{"Alert: ", ", domain ", " (", " · ", " → ", "a", ". 1 ", "-"})
	rapid.Check(t, func(t *rapid.T) {
		var text, want string
		var stretches []stretch
		add := func(s, drawn string, order Order) {
			text, want = text+s, want+drawn
			stretches = append(stretches, stretch{len(text), order})
		}
		for range rapid.IntRange(1, 4).Draw(t, "parts") {
			label := around.Draw(t, "label")
			add(label, label, rapid.SampledFrom([]Order{Usual, Prose}).Draw(t, "order of the label"))
			datum := "x" + strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "datum"), "")
			if rapid.Bool().Draw(t, "without a Latin letter") {
				datum = datum[1:]
			}
			order := rapid.SampledFrom([]Order{Datum, Name}).Draw(t, "order")
			add(datum, visualLine(datum, []stretch{{len(datum), order}}), order)
		}
		add(" ", " ", Usual)
		if got := visualLine(text, stretches); got != want {
			t.Fatalf("%+q is %+q, not %+q", text, got, want)
		}
	})
}

// A Datum alone is as running text is, but for the side on which it stands.
func TestDatumIsReadLikeProse(t *testing.T) {
	piece := rapid.SampledFrom([]string{"אב", "ג", "abc", "1", "23", " ", "(", ")", ".", "-", "ب", "%", "→", "\u05B0", ", "})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 1, 9).Draw(t, "text"), "")
		if got, want := visualLine(text, []stretch{{len(text), Datum}}), visualText(text); got != want {
			t.Fatalf("%+q is %+q, not %+q", text, got, want)
		}
		for _, l := range levels(text, stretch{len(text), Datum}) {
			if l&rtlParagraph != 0 {
				t.Fatal("it stands on the right")
			}
		}
	})
}

// Nobody but the report says what is isolated and which way a text goes: codes in a name are marks.
func TestCodesInNamesHaveNoEffect(t *testing.T) {
	drawn := func(name string) []string {
		d := New(t.Context(), Options{})
		d.Table(Table{Columns: []Column{{}}, Rows: [][]Cell{{{Text: name}}}, Notes: [][]Span{{{Text: "in "}, {Text: name, Order: Datum}, {Text: ", size"}}}})
		return d.texts(0)
	}
	want := drawn("photo_אב.gnp.exe")
	for _, code := range "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" {
		c := string(code)
		marked := drawn(c + "photo_" + c + "אב" + c + ".gnp" + c + ".exe" + c)
		assert.Equal(t, 2*5, strings.Count(strings.Join(marked, ""), mark(code)), "%U", code)
		for n := range marked {
			marked[n] = strings.ReplaceAll(marked[n], mark(code), "")
		}
		assert.Equal(t, want, marked, "%U", code)
	}
}

// Paragraphs of one text go different ways.
func TestParagraphsOfANote(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Table(Table{Columns: []Column{{}}, Rows: [][]Cell{{{Text: "row"}}}, Notes: [][]Span{{
		{Text: "אב, גד: x", Order: Name}, {Text: "\nLabel: "}, {Text: "אב x.", Order: Datum}, {Text: "\nאב x."},
	}}})
	assert.Equal(t, "row|בא, דג: x|Label: |.x בא|.x בא", strings.Join(d.texts(0), "|"))
}

// Running text from right to left begins on the right, and so do its lists and quotes;
// a title of the report and what has a label do not.
func TestWhatStandsOnTheRight(t *testing.T) {
	d := New(t.Context(), Options{})
	ends := func() (right, left []string) {
		for _, o := range d.pages[0] {
			if o.kind != textOp {
				continue
			}
			if end := o.x + d.textWidth(o.text, ink{face: o.face, size: o.size}); o.text == "•" && !slices.Contains(right, "•") {
				assert.InDelta(t, d.pageWidth-margin-10*point, end, 2, "the mark of an item")
			}
			if o.x+d.textWidth(o.text, ink{face: o.face, size: o.size}) > d.pageWidth-margin-40*point {
				right = append(right, o.text)
			} else {
				left = append(left, o.text)
			}
		}
		return right, left
	}
	item := []Container{{Quote: true}, {First: true, Marker: "•", Widest: "•"}}
	d.Cover(Cover{Title: "אב", Facts: [][]Fact{{{Label: "אב", Value: "אב", Note: "אב"}}}})
	d.Heading(1, "אב")
	d.KeyValues([]KeyValue{{"אב", Cell{Text: "אב"}}, {"Note", Cell{Text: "גד", Order: Prose}}}, 1)
	d.Paragraph(Span{Text: "גד"})
	d.Paragraph(Span{Text: "x אב"})
	d.Table(Table{Columns: []Column{{}}, Rows: [][]Cell{{{Text: "אב"}}}, Flows: [][]Block{{
		{Spans: []Span{{Text: "גד"}}, Inside: item}, {Spans: []Span{{Text: "x"}}, Inside: item}, {Kind: CodeBlock, Spans: []Span{{Text: "x"}}, Inside: item},
	}}})
	requireInside(t, d)
	right, left := ends()
	assert.Equal(t, []string{"דג", "דג", "•", "דג"}, right)
	assert.Equal(t, []string{"בא", "בא", "בא", "בא", "בא", "בא", "בא", "Note", "x בא", "בא", "•", "x", "•", "x"}, left)
}

// Each line has its own base direction, levels and ink.
func TestLineFeedsBetweenDirections(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Paragraph(Span{Text: "abc (אב)\nדה (1)\nx "}, Span{Text: "ז.\nחט", Style: Bold}, Span{Text: "\nxyz."})
	var texts []string
	var faces []faceID
	for _, o := range d.pages[0] {
		texts, faces = append(texts, o.text), append(faces, o.face)
	}
	assert.Equal(t, []string{"abc (בא)", "(1) הד", "x ", "ז.", "טח", "xyz."}, texts)
	assert.Equal(t, []faceID{sans, sans, sans, bold, bold, sans}, faces)
}

// The ellipsis of a text that was cut stands where its end is.
func TestCutTextIsPutInOrder(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Table(Table{Columns: []Column{{Width: 80, Title: strings.Repeat("א\n", 5) + "א abcdefghijklmnopqrstuvwxyz abcdefghijklm\nא\nא"}}, Rows: [][]Cell{{{}}}})
	texts := d.texts(0)
	last := texts[len(texts)-1]
	assert.True(t, strings.HasPrefix(last, "…abcd") && strings.HasSuffix(last, " א"), last)
}

func TestLinksInRightToLeftText(t *testing.T) {
	d := New(t.Context(), Options{})
	d.Paragraph(Span{Text: "אב "}, Span{Text: "גד", Link: "https://a.example"}, Span{Text: " הו"})
	var texts []string
	var links []op
	for _, o := range d.pages[0] {
		switch o.kind {
		case textOp:
			texts = append(texts, o.text)
		case linkOp:
			links = append(links, o)
		}
	}
	assert.Equal(t, []string{"וה ", "דג", " בא"}, texts)
	if assert.Len(t, links, 1) {
		assert.Equal(t, d.textWidth("דג", Style(0).ink(bodySize, black)), links[0].w)
	}
}

// Readers get the words back, in whatever form: search normalises both.
func TestRightToLeftCanBeReadBack(t *testing.T) {
	d := New(t.Context(), Options{})
	const in = "هجوم تصيّد على الخادم عبر البريد لا غير شلون גישה חשודה לשרת"
	d.Paragraph(Span{Text: in})
	got := norm.NFKC.String(tool(t, output(t, d), "pdftotext", "-layout", "FILE", "-"))
	got = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, got)
	for word := range strings.FieldsSeq(in) {
		assert.Contains(t, got, norm.NFKC.String(word))
	}
}

// Whatever a text holds, each of its characters is drawn once, inside its own
// field, and other fields are as they would be without it. Bidirectional codes
// have no effect, as they are taken out.
func FuzzScripts(f *testing.F) {
	for _, s := range []string{
		"", "plain", "שלום (abc) 12", "السَّلَامُ 123 لا", "می\u200cخواهم", "\u202eexe.fdp\u2066א\u2069", "א\u200f\u200e1", "日本語。「テスト」", "ا\u200d\u0654",
		"((((((((((א))))))))))", "한국어 조선말", "a\u05b0\u0651\u0301", "\u0600\u06dd1", "e\u0301א", "ـَـِ", "[U+06D2]",
		"السَّلَؽ\xd9 ُ 00000000", "日本語㈂「テス㈄0 0000A 0000000000 00% 00000000」",
	} {
		f.Add(s, uint8(20))
	}
	f.Fuzz(func(t *testing.T, in string, width uint8) {
		if len(in) > 500 {
			return
		}
		const other = "x (1) שלום"
		d := New(t.Context(), Options{})
		own := float64(40 + int(width))
		d.Table(Table{Columns: []Column{{Width: own}, {Width: 90}}, Rows: [][]Cell{{{Text: in}, {Text: other}}}})
		left, right := margin, margin+thousandths(own)
		var drawn strings.Builder
		others, below := 0, false
		for _, page := range d.pages {
			for _, o := range page {
				if o.kind != textOp {
					continue
				}
				if o.face == bold && strings.TrimSpace(o.text) == ":" { // the cell is cut, and stands in full below its row
					below = true
					drawn.Reset()
					continue
				}
				if below {
					drawn.WriteString(o.text)
					continue
				}
				if o.x > right {
					others++
					if o.text != visualText(other) {
						t.Fatalf("%q beside it became %q", other, o.text)
					}
					continue
				}
				width := o.text
				if strings.ContainsFunc(width, func(r rune) bool { return d.faces[o.face].advance(r) == 0 }) {
					width = strings.ReplaceAll(width, " ", "") // spaces hang over the end, with the accents on them
				}
				if o.x < left || o.x+d.textWidth(width, ink{face: o.face, size: o.size}) > right+2 {
					t.Fatalf("%q is outside its field", o.text)
				}
				drawn.WriteString(o.text)
			}
		}
		if others != 1 {
			t.Fatalf("the text beside it is drawn %d times", others)
		}
		if want, got := characters(visible(in, d.faces[sans])), characters(drawn.String()); want != got {
			t.Fatalf("%+q is drawn as %+q: %s", in, drawn.String(), got)
		}
		output := &strings.Builder{}
		if err := d.Output(output); err != nil {
			t.Fatal(err)
		}
	})
}

// characters returns the characters of a text that can be seen, whatever their
// order and form, and whichever way they look.
func characters(text string) string {
	var all []rune
	for _, r := range norm.NFKD.String(text) {
		if !unicode.IsSpace(r) {
			all = append(all, min(r, mirrored(r)))
		}
	}
	slices.Sort(all)
	return string(all)
}

// Levels are those of a paragraph as a whole, however its spans are cut.
func TestSpansDoNotChangeTheOrder(t *testing.T) {
	d := New(t.Context(), Options{})
	piece := rapid.SampledFrom([]string{"אב", "ג", "abc", "1", "23", " ", " ", "(", ")", ".", "-", "ب", "لا", "%", "→", "\u05B0"})
	rapid.Check(t, func(t *rapid.T) {
		spans := make([]Span, rapid.IntRange(1, 5).Draw(t, "spans"))
		var whole strings.Builder
		for i := range spans {
			spans[i].Text = strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "text"), "")
			spans[i].Style = Style(rapid.IntRange(0, 1).Draw(t, "style"))
			whole.WriteString(d.clean(spans[i].Text, 0, true))
		}
		s := d.style(spans, bodySize, black)
		var got strings.Builder
		parts := s.pieces(extent{0, len(s.text)})
		if s.levels != nil {
			parts = s.drawn(extent{0, len(s.text)})
		}
		for text := range parts {
			got.WriteString(text)
		}
		if want := visualText(strings.TrimRight(whole.String(), " ")); got.String() != want {
			t.Fatalf("%q, not %q", got.String(), want)
		}
	})
}
