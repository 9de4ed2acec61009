package jsonitem_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/internal/jsonitem"
)

func read(r io.Reader, around ...string) (items []string, err error) {
	for item, err := range jsonitem.Read(r, around...) {
		if err != nil {
			return items, err
		}
		items = append(items, string(item.Raw))
	}
	return items, nil
}

func asUTF16(text string, order binary.AppendByteOrder) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text)
	_ = z.Close()
	return b.Bytes()
}

// However a text is encoded, the items are the same, and so is the place of a fault.
func TestEncodings(t *testing.T) {
	for _, text := range []string{
		`{"a":"über 😀"}` + "\n[1,\"\U0001F600\"]", `{"value":[{"a":1},{"a":2}]}`, `[1,}`, `7`, ``, ` [ ]`, `"x`,
	} {
		want, wantErr := read(strings.NewReader(text), "value")
		encodings := [][]byte{[]byte(text), []byte("\ufeff" + text)}
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			encodings = append(encodings, asUTF16("\ufeff"+text, order))
			if text != "" {
				encodings = append(encodings, asUTF16(text, order))
			}
		}
		for _, e := range encodings {
			encodings = append(encodings, zipped(e))
		}
		encodings = append(encodings, slices.Concat(zipped([]byte(text[:len(text)/2])), zipped([]byte(text[len(text)/2:]))))
		for n, e := range encodings {
			for _, r := range []io.Reader{bytes.NewReader(e), iotest.OneByteReader(bytes.NewReader(e))} {
				got, err := read(r, "value")
				assert.Equal(t, want, got, "%d of %q", n, text)
				assert.Equal(t, wantErr == nil, err == nil, "%d of %q: %v", n, text, err)
			}
		}
	}
}

func TestBadEncodings(t *testing.T) {
	cut := zipped([]byte(`[1,2]`))
	for _, c := range []struct{ text, want string }{
		{"\x1f\x8bxx", "byte 0: unexpected EOF"},
		{string(cut[:len(cut)-9]), "byte 5: unexpected EOF"},
		{"\xff\xfe\x00\x00[\x00\x00\x00", "byte 0: UTF-32 text: want UTF-8 or UTF-16"},
		{"[\x00\x00\x00", "byte 0: UTF-32 text: want UTF-8 or UTF-16"},
		{"\x00\x00\xfe\xff", "byte 0: UTF-32 text: want UTF-8 or UTF-16"},
		{string(asUTF16(`[1`, binary.LittleEndian)) + "2", "byte 2: unexpected EOF"},
		{"1 \xff\xfe", "byte 2: UTF-16 text: want UTF-8"},
	} {
		_, err := read(strings.NewReader(c.text))
		assert.EqualError(t, err, c.want, "%q", c.text)
	}
	items, err := read(bytes.NewReader(slices.Concat(asUTF16(`["`, binary.BigEndian), []byte{0xd8, 0}, asUTF16(`"]`, binary.BigEndian))))
	require.NoError(t, err)
	assert.Equal(t, []string{"\"\ufffd\""}, items, "half of a pair")
}

// A file that unpacks to one endless text is given up and not held.
func TestItemsAreBounded(t *testing.T) {
	long := io.MultiReader(strings.NewReader(`["`), endless{})
	_, err := read(long)
	require.EqualError(t, err, "byte 1: want an item of at most 64 MiB")
	_, err = read(io.MultiReader(strings.NewReader(`{`), &members{}))
	require.ErrorContains(t, err, "want an item of at most 64 MiB")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for n := range p {
		p[n] = 'x'
	}
	return len(p), nil
}

// members are those of an object without an end.
type members struct{ left []byte }

func (m *members) Read(p []byte) (int, error) {
	if len(m.left) == 0 {
		m.left = []byte(`"a":"` + strings.Repeat("x", 1<<20) + `",`)
	}
	n := copy(p, m.left)
	m.left = m.left[n:]
	return n, nil
}

// What stands before the items is given with them, and how deep they are is their own.
func TestWhatStandsAround(t *testing.T) {
	for item, err := range jsonitem.Read(strings.NewReader(`{"x":[[[1]]],"value":[{"a":1}],"y":2}`), "value") {
		require.NoError(t, err)
		assert.Equal(t, "value", item.Member)
		assert.Equal(t, map[string]json.RawMessage{"x": json.RawMessage("[[[1]]]")}, item.Around)
		assert.Equal(t, 1, item.Depth)
	}
}

// Elements are those that encoding/json finds, and Depth counts what it nests.
func TestElements(t *testing.T) {
	value := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Map(rapid.Int(), func(n int) any { return n }),
		rapid.Just[any]([]any{}), rapid.Just[any](map[string]any{}), rapid.Just[any]([]any{1, "]", map[string]any{"\"": "\\"}}))
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOf(value).Draw(t, "list")
		text, err := json.MarshalIndent(list, rapid.SampledFrom([]string{"", " "}).Draw(t, "before"), rapid.SampledFrom([]string{"", "\t"}).Draw(t, "indent"))
		require.NoError(t, err)
		var want []json.RawMessage
		require.NoError(t, json.Unmarshal(text, &want))
		got := slices.Collect(jsonitem.Elements(text))
		require.Len(t, got, len(want))
		for n := range want {
			require.Equal(t, string(want[n]), string(got[n]))
		}
		for one := range jsonitem.Elements(text) {
			require.Equal(t, string(want[0]), string(one))
			break
		}
	})
	for _, none := range []string{``, ` `, `{"a":[1]}`, `7`, `"[1]"`} {
		assert.Empty(t, slices.Collect(jsonitem.Elements([]byte(none))), none)
	}
	for text, want := range map[string]int{`1`: 0, `"[["`: 0, `[]`: 1, `{"a":[{}],"b":{}}`: 3, `["\"[",[]]`: 2} {
		assert.Equal(t, want, jsonitem.Depth([]byte(text)), text)
	}
}

// The members and the elements of a value are those that encoding/json finds.
func TestMembersAndElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := anyJSON(t, 3)
		indented := rapid.Bool().Draw(t, "indented")
		if indented {
			var b bytes.Buffer
			require.NoError(t, json.Indent(&b, []byte(text), "\t", " "))
			text = " " + b.String() + "\n"
		}
		var m map[string]json.RawMessage
		got := maps.Collect(jsonitem.Members(json.RawMessage(text)))
		if json.Unmarshal([]byte(text), &m) == nil && m != nil {
			require.Len(t, got, len(m))
			for name, raw := range m {
				require.Equal(t, string(raw), string(got[name]), "%q", name)
			}
		} else {
			require.Empty(t, got)
		}
		var list []json.RawMessage
		elements := slices.Collect(jsonitem.Elements(json.RawMessage(text)))
		if json.Unmarshal([]byte(text), &list) != nil {
			list = nil
		}
		require.Len(t, elements, len(list))
		for n, raw := range list {
			require.Equal(t, string(raw), string(elements[n]))
		}
	})
}

// anyJSON draws a value.
func anyJSON(t *rapid.T, depth int) string {
	text := rapid.SampledFrom([]string{`""`, `"a"`, `"]}"`, `"\""`, `"\\"`, `"\u0041,:"`, `"é\u0000"`})
	kind := rapid.IntRange(0, 4).Draw(t, "kind")
	if depth == 0 {
		kind %= 3
	}
	var parts []string
	switch kind {
	case 0:
		return text.Draw(t, "text")
	case 1:
		return rapid.SampledFrom([]string{"0", "-1.5e3", "true", "false", "null"}).Draw(t, "scalar")
	case 2:
		return rapid.SampledFrom([]string{"{}", "[]", "{ }", "[ ]"}).Draw(t, "empty")
	case 3:
		for range rapid.IntRange(1, 3).Draw(t, "elements") {
			parts = append(parts, anyJSON(t, depth-1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	for range rapid.IntRange(1, 3).Draw(t, "members") {
		parts = append(parts, text.Draw(t, "name")+":"+anyJSON(t, depth-1))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
