package mapping

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	m := must(t, `{"format":"Lupa alert","is":"lupa","ignore":"noise","alert":{"origin.source":"=lupa","origin.id":"id","title":["t","u"],
		"severity":{"from":["s","r"],"scale":{"7..":"high"}},"url":"link","status":"=new"},
		"evidence":[{"kind":"device","each":"d","hostName":"n","os":"o"},{"kind":"ip","address":"a"},
		{"kind":"other","type":"pod","each":"pods"}]}`)
	r := m.Test([]byte(`{"lupa":1,"id":"1","t":"T","u":"U","s":"odd","r":8,"d":[{"n":"h","x":1},{"n":"i","x":2}],"new":{"a":[1,2,null]},"e":"",
		"pods":[{"name":"w","labels":{"a":"b"}}]}`),
		[]byte(`{"noise":1}{"x":1}{"lupa":1}{"lupa":1,"id":"2","t":"T","new":{"b.c":true}} [`))
	assert.Equal(t, 2, r.Alerts)
	assert.Equal(t, 1, r.Ignored)
	var errs []string
	for _, err := range r.Errors {
		errs = append(errs, err.Error())
	}
	assert.Equal(t, []string{
		"sample 1: item 1: want a Lupa alert, which has lupa", "sample 1: item 2: origin.id: missing, want a text at id",
		"sample 1: item 4: byte 76: unexpected EOF",
	}, errs)
	assert.Equal(t, []Unread{
		{"d[*].x", "1", 2}, {"new.a[*]", "1", 2}, {"new.'b.c'", "true", 1},
	}, r.Unread, "u and r are sources, though t and s come first")
	require.Len(t, r.Notes, 1)
	assert.Equal(t, "s", r.Notes[0].Field)
	empty := map[string]string{}
	for _, e := range r.Empty {
		empty[e.Field] = e.From
	}
	assert.Equal(t, "link", empty["url"])
	assert.Equal(t, "o", empty["evidence[0].os"])
	assert.Equal(t, "a", empty["evidence[1].address"])
	assert.Contains(t, empty, "category")
	for _, filled := range []string{"title", "severity", "status", "evidence[0].hostName", "origin.id"} {
		assert.NotContains(t, empty, filled)
	}
	assert.Contains(t, r.String(), "alerts: 2, ignored: 1, refused: 3\nrefused: sample 1: item 1: want a Lupa alert, which has lupa\n")
	assert.Contains(t, r.String(), "unread: d[*].x, 2 times, such as \"1\"\n")
	assert.Contains(t, r.String(), "empty: url, from link\n")
	assert.Contains(t, r.String(), "empty: category, not mapped\n")
}

// The samples of each product are understood, but for what their mappings are known not to carry.
func TestReportsOfSamples(t *testing.T) {
	for _, m := range shipped() {
		r := m.Test(sample(t, m))
		assert.Empty(t, r.Errors, m.Format())
		for _, n := range r.Notes {
			assert.Contains(t, n.Said, "beside a list", m.Format())
		}
	}
}

// Test and Decode make the same alerts: looking at every source changes none.
func TestTestReadsAsDecodeDoes(t *testing.T) {
	for _, m := range shipped() {
		want, errs := decode(m, string(sample(t, m)))
		require.Empty(t, errs)
		r := m.Test(sample(t, m))
		assert.Len(t, want, r.Alerts)
		var notes int
		for _, d := range want {
			notes += len(d.Notes)
		}
		assert.Len(t, r.Notes, notes)
	}
}
