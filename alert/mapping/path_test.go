package mapping

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPaths(t *testing.T) {
	const text = `{"a":{"b":"1","B":"2"},"x.y":{"z":"3"},"x":{"y":{"w":"4"}},"l":[{"k":"p","v":5},{"k":"q","v":true},{"v":null}],
		"one":[{"n":"6"}],"texts":["7","8"],"q uo'te":{"d.o.t":"9"},"deep":{"m":[[{"s":"10"}],{"s":"11"}]},"empty":"","none":null,"no":[],"N":{"É":"12"}}`
	for path, want := range map[string]string{
		"a.b": "1", "A.B": "2", "a.'b'": "1", "a.c": "", "x.y.z": "3", "x.y.w": "4", "'x.y'.z": "3",
		"l[0].v": "5", "l[1].v": "true", "l[2].v": "", "l[9].v": "", "l[*].v": "5 true", "l.v": "", "one.n": "6", "one[*].n": "6",
		"one[0].n": "6", "a[0].b": "1", "a[1].b": "", "a[*].b": "1", "texts": "7 8", "texts[*]": "7 8", "texts[1]": "8",
		"l[k=p].v": "5", "l[k=Q].v": "true", "l[k=p|q].v": "5 true", "l[k!=p].v": "true", "l[k].v": "5 true", "l[!k].v": "",
		"l[k='p'].v": "5", "[a.b=1].texts[0]": "7", "[a.b=0].texts[0]": "", "[!empty].a.b": "1", "[no].a.b": "", "[none].a.b": "",
		"'q uo''te'.'d.o.t'": "9", "'q uo''te'.d.o.t": "9", "deep.m[*].s": "10 11", "empty": "", "none": "", "no": "", "no[*]": "",
		"[texts=8].a.b": "1", "$.a.b": "1", "$[a.b=1].a.b": "1", "N.É": "12", "a[b=1][B=2].b": "1",
	} {
		p, err := parsePath(path)
		require.NoError(t, err, path)
		var tr tree
		tr.parse([]byte(text))
		var got []string
		tr.walk(0, p.steps, func(n int32) bool {
			s, ok := tr.scalar(n)
			require.True(t, ok, path)
			got = append(got, s)
			return true
		})
		assert.Equal(t, want, strings.Join(got, " "), path)
	}
}

func TestPathErrors(t *testing.T) {
	for path, want := range map[string]struct {
		at   int
		says string
	}{
		"":                             {0, `a path such as "rule.name"`},
		".a":                           {0, "a name"},
		"a..b":                         {2, "a name"},
		"a.":                           {2, "a name"},
		"a.[0]":                        {2, "a name"},
		"a[0]b":                        {4, `"." or "[" after "]"`},
		"a[":                           {2, `"*", a place`},
		"a[]":                          {2, `"*", a place`},
		"a[k":                          {3, `"]"`},
		"a[k=]":                        {4, "a value"},
		"a[!k=v]":                      {4, `"]"`},
		"'a":                           {0, "a name that ends with a single quote"},
		"''":                           {0, "a name"},
		" a":                           {0, "a name without spaces around it"},
		"a{b}":                         {1, "a name"},
		"$a":                           {1, `"." or "[" after "$"`},
		"a[9999999]":                   {2, "a place from 0 to 1000000"},
		strings.Repeat("a.", 16) + "a": {0, "a path of at most 16 steps"},
		strings.Repeat("a", 1001):      {0, "a path of at most 1000 bytes"},
	} {
		_, err := parsePath(path)
		wrong, ok := errors.AsType[*pathError](err)
		if assert.True(t, ok, path) {
			assert.Equal(t, want.at, wrong.at, path)
			assert.Contains(t, wrong.want, want.says, path)
		}
	}
}

// A path that the package writes leads to where it was written of.
func TestWrittenPaths(t *testing.T) {
	var tr tree
	tr.parse([]byte(`{"a.b":[{"c d":1,"e'f":[2,[3]]}],"":{"g":4},"\u0061x":{"y\nz":5},"é":6}`))
	for n := range tr.nodes {
		if tr.nodes[n].child != 0 || n == 0 {
			continue
		}
		text := tr.path(0, int32(n))
		if strings.Contains(text, "''.") {
			continue // a name that is empty cannot be written
		}
		p, err := parsePath(text)
		require.NoError(t, err, text)
		var got []int32
		tr.walk(0, p.steps, func(m int32) bool { got = append(got, m); return true })
		assert.Equal(t, []int32{int32(n)}, got, text)
	}
}
