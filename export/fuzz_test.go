package export

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// documents are all the formats of one document.
var documents = append([]format{{"pdf", func(ctx context.Context, w io.Writer, r Report) error { return WritePDF(ctx, w, r, nil) }}}, formats...)

// drawnBy returns r in a format. What goes on for longer than a report of its size can take is an error: contexts are looked at for every
// page and every write.
func drawnBy(t testing.TB, f format, r Report, size int) string {
	t.Helper()
	steps := 200 + 2*size
	if f.name == "pdf" {
		steps = 300 + size/5
	}
	var b bytes.Buffer
	require.NoError(t, f.write(&dueContext{t.Context(), steps}, &b, r), f.name)
	return b.String()
}

// holds fails unless everything that is true of all reports is true of r, whose texts it changes:
//
//   - every format draws it, in no more pages and bytes than its size explains;
//   - the PDF opens, the HTML is inert, and all but the PDF are UTF-8;
//   - JSON keeps it: what comes back, another value with the same texts, gives the same documents to the byte, except
//     for bytes that are no UTF-8 and half surrogate pairs, which are U+FFFD.
func holds(t testing.TB, r Report) {
	t.Helper()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	size := len(text)
	drawn := make(map[string]string)
	for _, f := range documents {
		got := drawnBy(t, f, r, size)
		drawn[f.name] = got
		require.Less(t, len(got), 200_000+40*size, f.name)
		if f.name == "pdf" {
			require.Less(t, opens(t, got), 60+size/20, "pages of a report of %d bytes", size)
			continue
		}
		require.True(t, utf8.ValidString(got), f.name)
		if f.name == "html" {
			inert(t, got)
		}
	}
	back := throughJSON(t, r)
	texts(reflect.ValueOf(&r).Elem(), "", func(_ string, s reflect.Value) {
		half := "\uFFFD"
		if s.Type() == reflect.TypeFor[alert.Fields]() || s.Type() == reflect.TypeFor[activity.Value]() { // JSON that is kept as it came
			half = `\ud83d`
		}
		if kept := strings.ReplaceAll(string([]rune(s.String())), surrogate, half); kept != s.String() {
			s.SetString(kept)
			clear(drawn) // it is another report
		}
	})
	for _, f := range documents {
		want, known := drawn[f.name]
		if !known {
			want = drawnBy(t, f, r, size)
		}
		requireSame(t, want, drawnBy(t, f, back, size), f.name+" a second time, through JSON")
	}
}

// requireSame is require.Equal for texts of which nobody wants to see the whole.
func requireSame(t testing.TB, want, got, name string) {
	t.Helper()
	if want == got {
		return
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	from := max(0, at-80)
	require.Fail(t, name, "at %d: %q instead of %q", at, got[from:min(len(got), at+80)], want[from:min(len(want), at+80)])
}

var (
	pageObject   = regexp.MustCompile(`/Type /Page\b`)
	streamLength = regexp.MustCompile(`/Length (\d+)\b`)
)

// opens reads a PDF as the standard says it is read, from its end, and returns how many pages it has: the table of objects leads to each
// of them, streams are as long as they say, and what is deflated can be inflated.
func opens(t testing.TB, file string) (pages int) {
	t.Helper()
	require.Regexp(t, `^%PDF-1\.\d\n`, file[:min(len(file), 20)])
	tail := strings.LastIndex(file, "startxref\n")
	require.Positive(t, tail)
	at, err := strconv.Atoi(strings.TrimSuffix(file[tail+len("startxref\n"):], "\n%%EOF\n"))
	require.NoError(t, err)
	rest, found := strings.CutPrefix(file[at:], "xref\n0 ")
	require.True(t, found, "a table of objects")
	number, rest, _ := strings.Cut(rest, "\n")
	count, err := strconv.Atoi(number)
	require.NoError(t, err)
	for n := 1; n < count; n++ {
		offset, err := strconv.Atoi(rest[20*n:][:10])
		require.NoError(t, err)
		object, found := strings.CutPrefix(file[offset:at], fmt.Sprintf("%d 0 obj\n", n))
		require.True(t, found, "object %d at %d", n, offset)
		head, data, streams := strings.Cut(object, "stream\n")
		if end := strings.Index(object, "endobj"); !streams || end < len(head) {
			require.Positive(t, end)
			pages += len(pageObject.FindAllString(object[:end], -1))
			continue
		}
		length := streamLength.FindStringSubmatch(head)
		require.NotNil(t, length, head)
		bytesOf, err := strconv.Atoi(length[1])
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(strings.TrimLeft(data[bytesOf:], "\n"), "endstream"), "stream %d", n)
		if strings.Contains(head, "/FlateDecode") {
			z, err := zlib.NewReader(strings.NewReader(data[:bytesOf]))
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, z)
			require.NoError(t, err)
		}
	}
	require.Positive(t, pages)
	return pages
}

// FuzzReport draws whole reports. Whatever they hold, what holds says is true of them. For ten minutes:
//
//	go test ./export -run '^$' -fuzz '^FuzzReport$' -fuzztime 10m -fuzzminimizetime 10x
func FuzzReport(f *testing.F) {
	for seed := range uint64(4) {
		data, from := make([]byte, 600<<seed), seeded(seed)
		for n := range data {
			data[n] = byte(from.below(256))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { holds(t, fed(data).report()) })
}

// What holds for every report holds for those of some seeds, and a reader that is not ours opens some of them too.
func TestAnyReport(t *testing.T) {
	for seed := range uint64(shorter(40)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := seeded(seed).report()
			holds(t, r)
			if seed%10 == 0 {
				out := tool(t, []byte(drawnBy(t, documents[0], r, 1<<20)), "qpdf", "--check", "FILE")
				assert.NotContains(t, strings.ToLower(out), "warning")
			}
		})
	}
}

// shorter is how much of what takes long is done: a tenth where the tests are to be quick.
func shorter(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// Reports that no fuzzer comes to: large in one way each.
func TestLargeReports(t *testing.T) {
	log := func(n int, text string) (rows []activity.Entry) {
		for k := range n {
			rows = append(rows, activity.Entry{
				Time: start.Add(time.Duration(k) * time.Second), Actor: activity.Actor{ID: "mira"}, Type: activity.Commented, Text: text,
			})
		}
		return rows
	}
	one := func(name string) []Finding {
		return []Finding{{Key: "file:x", Evidence: alert.Evidence{Entity: alert.File{FileName: name}}}}
	}
	wide := Graph{}
	for n := range shorter(3000) {
		wide.Nodes = append(wide.Nodes, Node{Number: n, Column: Column(n % 4), Kind: alert.KindFile, Keys: []alert.Key{alert.Key(fmt.Sprint("file:", n))}})
		wide.Edges = append(wide.Edges, Edge{From: n, To: shorter(3000) - 1 - n})
	}
	for name, r := range map[string]Report{
		"log of 10,000":           {Sections: []Section{Activity}, Activity: log(shorter(10_000), "Nothing new.")},
		"graph of 3,000":          {Sections: []Section{AttackStory}, Graph: wide},
		"name of 100,000":         {Sections: []Section{Overview}, Incident: incidentNamed(strings.Repeat("x", shorter(100_000)))},
		"cell of 100,000 lines":   {Sections: []Section{Evidence}, Evidence: one(strings.Repeat("x\n", shorter(100_000)))},
		"cell of 100,000 unknown": {Sections: []Section{Assets}, Assets: one(strings.Repeat("\U0010FFFF", shorter(25_000)))},
		"word of 100,000 marks":   {Sections: []Section{Alerts}, Alerts: []alert.Alert{{Title: "e" + strings.Repeat("\u0301", shorter(50_000))}}},
		"table of 2,000 columns":  {Sections: []Section{Activity}, Activity: log(1, strings.Repeat("|a", shorter(2_000))+"|\n"+strings.Repeat("|-", shorter(2_000))+"|\n"+strings.Repeat("|b", shorter(2_000))+"|")},
		"right to left":           {Sections: []Section{Overview}, Incident: incidentNamed(strings.Repeat("שלום (abc) ", shorter(9_000)))},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(r)
			require.NoError(t, err)
			for _, f := range documents {
				got := drawnBy(t, f, r, len(text))
				if f.name == "pdf" {
					assert.Less(t, opens(t, got), 60+len(text)/20)
				}
			}
		})
	}
}

// Values that have no text, and times that JSON cannot hold, are drawn nevertheless, or are errors. They may come from a program.
func TestNoValueMakesADocumentPanic(t *testing.T) {
	for seed := range uint64(30) {
		r := seeded(seed).report()
		f := seeded(seed + 1000)
		wild(f, reflect.ValueOf(&r).Elem())
		for _, d := range documents {
			var b bytes.Buffer
			assert.NotPanics(t, func() {
				if err := d.write(&dueContext{t.Context(), 1_000_000}, &b, r); err != nil {
					assert.Zero(t, b.Len(), "%s: %v", d.name, err)
					assert.NotContains(t, err.Error(), "runtime error", d.name)
				}
			}, d.name)
		}
	}
}

// wild changes numbers, enumerations and times to some that they do not have.
func wild(f *feed, v reflect.Value) {
	switch v.Kind() {
	case reflect.Uint8:
		if f.below(4) == 0 {
			v.SetUint(uint64(f.below(256)))
		}
	case reflect.Int, reflect.Int64:
		if f.below(2) == 0 {
			v.SetInt([]int64{-1, 1<<63 - 1, -1 << 63, 0}[f.below(4)])
		}
	case reflect.Slice, reflect.Array:
		if v.Type() != reflect.TypeFor[[]byte]() {
			for n := range v.Len() {
				wild(f, v.Index(n))
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			if f.below(2) == 0 {
				far := time.Unix(int64(f.below(1<<30)-1<<29)<<f.below(32), int64(f.below(1<<30)))
				v.Set(reflect.ValueOf(far.In(time.FixedZone("x", f.below(1<<18)-1<<17))))
			}
			return
		}
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() {
				wild(f, v.Field(n))
			}
		}
	}
}

// Each hostile image as the attachment of a comment.
func TestHostileImagesInAReport(t *testing.T) {
	images, found := reflect.TypeFor[Report]().FieldByName("Images")
	for _, i := range hostileImages() {
		t.Run(i.name, func(t *testing.T) {
			r := Report{Sections: []Section{Activity}, Activity: []activity.Entry{{
				Time: start, Type: activity.Commented, Text: "![x](attachment:a.png)", Attachments: []activity.Attachment{{Name: "a.png", Type: "image/png", SHA256: sum(i.data)}},
			}}}
			if found {
				m := reflect.MakeMap(images.Type)
				m.SetMapIndex(reflect.ValueOf(sum(i.data)), reflect.ValueOf(i.data))
				reflect.ValueOf(&r).Elem().FieldByIndex(images.Index).Set(m)
			}
			holds(t, r)
		})
	}
}
