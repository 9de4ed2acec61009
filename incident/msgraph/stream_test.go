package msgraph

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

// endless is a list that goes on for ever. It counts what was read of it.
type endless struct {
	element string
	left    string
	read    int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == "" {
		e.left = e.element
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	e.read += n
	return n, nil
}

// A file is read only as far as its items are asked for, so that its size does not matter.
func TestOneItemAtATimeIsRead(t *testing.T) {
	element := `,{"id":"a","title":"t","alertWebUrl":"","description":"` + strings.Repeat("x", 500) + `"}`
	source := &endless{element: element, left: `{"@odata.context":"c","value":[` + element[1:]}
	n := 0
	for item, err := range Decode(source, "endless.json") {
		require.NoError(t, err)
		assert.Equal(t, n, item.Index)
		if n++; n == 10_000 {
			break
		}
		require.Less(t, source.read, (n+1)*len(element)+10_000)
	}
	assert.Equal(t, 10_000, n)
}

// A quote too many does not make the rest of a file one text.
func TestBrokenQuotesDoNotReadOn(t *testing.T) {
	source := &endless{element: `{"id":"a","title":"t","alertWebUrl":"","description":"` + strings.Repeat("x", 500) + `"},`, left: `[{"id":"a","title":"t","alertWebUrl":""t"},`}
	for _, err := range Decode(source, "endless.json") {
		require.EqualError(t, err, `endless.json: item 0: byte 39: invalid character 't' after object key:value pair`)
	}
	assert.Less(t, source.read, 1<<18)
}

// itemsIn returns the identifiers of the items in a good text.
func itemsIn(t *testing.T, text string) []string {
	t.Helper()
	items, errs := decode(text)
	require.Empty(t, errs)
	var ids []string
	for _, item := range items {
		if item.Alert != nil {
			ids = append(ids, item.Alert.Origin.ID)
		} else {
			ids = append(ids, item.Incident.Reference.ID)
		}
	}
	return ids
}

// isPart reports whether a line is a row, which comes after what is no row.
func isPart(line string) bool { return strings.Contains(line, `"evidence":{`) }

// shapesOfFiles are files in each of the ways in which items stand in them.
func shapesOfFiles(t *testing.T) []string {
	t.Helper()
	jsonl, err := os.ReadFile("testdata/quirks.jsonl")
	require.NoError(t, err)
	lines := slices.DeleteFunc(strings.SplitAfter(string(jsonl), "\n"), isPart)
	page, err := os.ReadFile("testdata/incident.json")
	require.NoError(t, err)
	return []string{
		strings.Join(lines, ""), string(page),
		`[ {"id":"1","alertWebUrl":"","title":"\"\\ \u00e9 {["} , {"id":"2","title":"t","alertWebUrl":"","n":[-1.5e3,true,false,null,{}]} ] ` + "\n",
		`{"@odata.count" : 12 , "value" : [{"id":"1","title":"t","alertWebUrl":""}] , "@odata.nextLink":"n"}{"id":"2","title":"t","alertWebUrl":""}`,
		"\ufeff" + `{"value":{"id":"1","title":"t","alertWebUrl":""}}`,
	}
}

// mark returns the length of the mark before a text. Part of a mark is none.
func mark(text string) int { return len(text) - len(strings.TrimPrefix(text, "\ufeff")) }

// Wherever a file is cut off, what stands complete before that place is imported and the error names it.
func TestCutOffAnywhere(t *testing.T) {
	for _, text := range shapesOfFiles(t) {
		all, before := itemsIn(t, text), 0
		for cut := mark(text); cut < len(text); cut++ {
			items, errs := decode(text[:cut])
			require.GreaterOrEqual(t, len(items), before, "an item is lost at byte %d", cut)
			before = len(items)
			for n, item := range items {
				require.Equal(t, n, item.Index)
			}
			require.LessOrEqual(t, len(items), len(all))
			if len(errs) == 0 {
				continue // between two values of the top level
			}
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], io.ErrUnexpectedEOF)
			require.EqualError(t, errs[0], fmt.Sprintf("f.json: item %d: byte %d: unexpected EOF", len(items), cut))
		}
		require.GreaterOrEqual(t, before, len(all)-1)
	}
}

// Wherever a file is broken, the error names the very byte.
func TestBrokenAnywhere(t *testing.T) {
	for _, text := range shapesOfFiles(t) {
		all := itemsIn(t, text)
		for place := mark(text); place < len(text); place++ {
			broken := text[:place] + "\x01" + text[place+1:]
			items, errs := decode(broken)
			require.NotEmpty(t, errs)
			bad, ok := errors.AsType[*alert.DecodeError](errs[len(errs)-1])
			require.True(t, ok)
			require.Equal(t, "f.json", bad.File)
			require.Regexp(t, fmt.Sprintf(`^byte %d: `, place), bad.Err.Error(), "%q", broken)
			require.LessOrEqual(t, len(items), len(all))
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	one := `{"id":"a","title":"t","alertWebUrl":""}`
	for text, want := range map[string]string{
		`[` + one + `,]`:                                `item 1: byte 41: ']': want a value`,
		`[` + one + one + `]`:                           `item 1: byte 40: '{': want a comma or ']'`,
		`{"value":[` + one + `]"x":1}`:                  `item 1: byte 50: '"': want a comma or '}'`,
		`{"id" "a"}`:                                    `item 0: byte 6: '"': want a colon`,
		`{id:"a"}`:                                      `item 0: byte 1: 'i': want a member's name in quotes`,
		`{"id":tru,"title":"t","alertWebUrl":""}`:       `item 0: byte 6: tru: want a value`,
		`{"id":{"a":[1}},"title":"t","alertWebUrl":""}`: `item 0: byte 13: invalid character '}' after array element`,
		one + " \n]":                                    `item 1: byte 41: ']': want a value`,
		`<html>`:                                        `item 0: byte 0: '<': want a value`,
		"\xff\xfe[\x00":                                 `item 0: byte 4: unexpected EOF`,
		"[\"a\nb\", " + one + "]":                       `item 0: byte 3: invalid character '\n' in string literal`,
		strings.Repeat("[", 20_000):                     `item 0: byte 10001: invalid character '[' exceeded max depth`,
		`{"id`:                                          `item 0: byte 4: unexpected EOF`,
		`tr`:                                            `item 0: byte 2: unexpected EOF`,
		`try`:                                           `item 0: byte 2: invalid character 'y' in literal true (expecting 'u')`,
	} {
		_, errs := decode(text)
		if assert.Len(t, errs, 1, "%.40q", text) {
			assert.EqualError(t, errs[0], "f.json: "+want, "%.40q", text)
		}
	}
	text, err := os.ReadFile("testdata/broken.json")
	require.NoError(t, err)
	items, errs := decode(string(text))
	require.Len(t, items, 1)
	assert.Equal(t, "da0009", items[0].Alert.Origin.ID)
	require.Len(t, errs, 1)
	assert.EqualError(t, errs[0], fmt.Sprintf("f.json: item 1: byte %d: unexpected EOF", len(text)))
}

// However the bytes arrive, the items are the same; a reader's own error is passed on.
func TestReaders(t *testing.T) {
	text, err := os.ReadFile("testdata/incidents-with-alerts.json")
	require.NoError(t, err)
	want, errs := decode(string(text))
	require.Empty(t, errs)
	for item, err := range Decode(iotest.OneByteReader(strings.NewReader(string(text))), "f.json") {
		require.NoError(t, err)
		assert.Equal(t, want[0], item)
	}
	broken := io.MultiReader(strings.NewReader(`[{"id":"a","title":"t","alertWebUrl":""},{"id"`), iotest.ErrReader(io.ErrClosedPipe))
	n := 0
	for _, err := range Decode(broken, "f.json") {
		if n++; n == 2 {
			require.ErrorIs(t, err, io.ErrClosedPipe)
			assert.EqualError(t, err, "f.json: item 1: byte 46: io: read/write on closed pipe")
			continue
		}
		require.NoError(t, err)
	}
	assert.Equal(t, 2, n)
}

// Whoever has seen enough may stop, at an item and at an error.
func TestStopping(t *testing.T) {
	for _, text := range []string{`[{"id":"a","title":"t","alertWebUrl":""},1]`, `[1,{"id":"a","title":"t","alertWebUrl":""}]`, `{"value":[1,2]}`, `1 2`, `{"x":1}{}`} {
		n := 0
		for range Decode(strings.NewReader(text), "f.json") {
			n++
			break
		}
		assert.Equal(t, 1, n)
	}
}

// files are the input of the benchmarks: the text, and how many alerts are in it.
func files(tb testing.TB) map[string]struct {
	text   string
	alerts int
} {
	page, err := os.ReadFile("testdata/incidents-with-alerts.json")
	require.NoError(tb, err)
	one := string(page[strings.Index(string(page), "[")+1 : strings.LastIndex(string(page), "]")])
	var alerts, rows strings.Builder
	const n = 2000
	for i := range n {
		fmt.Fprintf(&alerts, `{"@odata.type":"#microsoft.graph.security.alert","id":"da-%d_1","title":"Saw started by a letter","category":"Execution","severity":"medium",
			"serviceSource":"microsoftDefenderForEndpoint","createdDateTime":"2031-05-06T07:08:09.1234567Z","evidence":[%s,%s,%s,%s]},`, i, pairs[0].graph, pairs[2].graph, pairs[3].graph, pairs[4].graph)
		fmt.Fprintf(&rows, "{\"category\":\"AdvancedHunting-AlertInfo\",\"properties\":{%s}}\n", strings.Replace(infoColumns, "da-9_1", fmt.Sprintf("da-%d_1", i), 1))
		for _, p := range []int{0, 2, 3, 4} {
			fmt.Fprintf(&rows, "{\"category\":\"AdvancedHunting-AlertEvidence\",\"properties\":{%s}}\n", strings.Replace(evidenceColumns(p), "da-9_1", fmt.Sprintf("da-%d_1", i), 1))
		}
	}
	type file = struct {
		text   string
		alerts int
	}
	return map[string]file{
		"incidents": {"[" + strings.TrimSuffix(strings.Repeat(one+",", n/2), ",") + "]", n},
		"alerts":    {"[" + strings.TrimSuffix(alerts.String(), ",") + "]", n},
		"rows":      {rows.String(), n},
	}
}

// BenchmarkDecode measures the bytes and the alerts read in a second, and by how many MB the heap grows at most.
func BenchmarkDecode(b *testing.B) {
	for name, f := range files(b) {
		b.Run(name, func(b *testing.B) {
			read := func() (n int) {
				for item, err := range Decode(strings.NewReader(f.text), "f.json") {
					require.NoError(b, err)
					if item.Incident != nil {
						n += len(item.Incident.Alerts)
					} else {
						n++
					}
				}
				return n
			}
			most := peak(b, func() { require.Equal(b, f.alerts, read()) })
			b.SetBytes(int64(len(f.text)))
			b.ReportAllocs()
			for b.Loop() {
				read()
			}
			b.ReportMetric(float64(f.alerts*b.N)/b.Elapsed().Seconds(), "alerts/s")
			b.ReportMetric(float64(most)/1e6, "peak-MB")
		})
	}
}
