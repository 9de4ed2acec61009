package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// leaves calls one with the text of each text, number and truth value in v.
func leaves(v any, one func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for _, m := range v {
			leaves(m, one)
		}
	case []any:
		for _, e := range v {
			leaves(e, one)
		}
	case nil:
	default:
		one(fmt.Sprint(v))
	}
}

func read1(t require.TestingT, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	return v
}

// check holds an alert against the laws of every decoder: it is valid, and each value of the object that it was read
// from is in it somewhere, unless a note says that something was cut or left out. The case of a letter, the zone of a
// time and what it says beyond a microsecond do not matter.
func check(t require.TestingT, d Decoded, object []byte) {
	require.NoError(t, d.Alert.Validate())
	fit, notes := d.Alert.Fit()
	require.Empty(t, notes)
	require.Equal(t, d.Alert, fit)
	if slices.ContainsFunc(d.Notes, func(n alert.Note) bool {
		return !strings.HasPrefix(n.Said, "not understood") && !strings.HasPrefix(n.Said, "taken for UTC")
	}) {
		return
	}
	written, err := json.Marshal(d.Alert)
	require.NoError(t, err)
	said := map[string]bool{}
	leaves(read1(t, written), func(s string) {
		said[strings.ToLower(s)] = true
		for line := range strings.SplitSeq(s, "\n") {
			said[strings.ToLower(line)] = true
		}
	})
	join := func(a, b string) { said[strings.ToLower(a+b)] = true }
	files := func(f alert.File) {
		join(f.Path+`\`, f.FileName)
		join(f.Path+"/", f.FileName)
		join(f.Path, f.FileName)
	}
	for _, e := range d.Alert.Evidence {
		switch e := e.Entity.(type) {
		case alert.User:
			join(e.Domain+`\`, e.Account)
		case alert.File:
			files(e)
		case alert.Process:
			files(e.Image)
			files(e.ParentImage)
			join(e.User.Domain+`\`, e.User.Account)
		}
	}
	leaves(read1(t, object), func(s string) {
		if said[strings.ToLower(s)] || s == "" {
			return
		}
		for _, format := range []string{"rfc3339", "unix", "unixMilli", "unixMicro", "unixNano"} {
			if when, _, ok := moment(s, []string{format}, nil); ok && said[strings.ToLower(when.Format(time.RFC3339Nano))] {
				return
			}
		}
		for one := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' }) { // digests with their names
			if _, digest, _ := strings.Cut(one, "="); !said[strings.ToLower(digest)] {
				require.Fail(t, "lost", "%q of\n%s\nis not in\n%s", s, object, written)
			}
		}
	})
}

// objects returns the alerts of a sample, each without what stands around it.
func objects(t testing.TB, m *Mapping) (all []map[string]any) {
	var walk func(v any)
	walk = func(v any) {
		if o, ok := v.(map[string]any); ok {
			text, err := json.Marshal(o)
			require.NoError(t, err)
			around := slices.ContainsFunc(m.members(), func(name string) bool { return o[name] != nil })
			if got, errs := decode(m, string(text)); !around && len(errs) == 0 && len(got) == 1 {
				all = append(all, o)
				return
			}
			for _, name := range slices.Sorted(maps.Keys(o)) {
				walk(o[name])
			}
		}
		if list, ok := v.([]any); ok {
			for _, e := range list {
				walk(e)
			}
		}
	}
	d := json.NewDecoder(bytes.NewReader(sample(t, m)))
	d.UseNumber()
	for d.More() {
		var v any
		require.NoError(t, d.Decode(&v))
		walk(v)
	}
	require.NotEmpty(t, all)
	return all
}

var junk = []any{nil, true, false, 0, -1, 2.5, "", "-", "n/a", "odd", "2026-01-01 00:00:00", "1767225600", "High", "T1059", "192.0.2.1", `A\b`, "/a/b", []any{}, map[string]any{}, []any{"x", 7, nil}, map[string]any{"y": "z"}, []any{[]any{map[string]any{"k": 1}}}}

// spoil returns v with some members gone, others of a wrong type, unknown ones added, and lists grown.
func spoil(t *rapid.T, v any) any {
	switch rapid.IntRange(0, 19).Draw(t, "spoil") {
	case 0:
		return rapid.SampledFrom(junk).Draw(t, "junk")
	case 1:
		return []any{v}
	}
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			switch rapid.IntRange(0, 19).Draw(t, name) {
			case 0:
			case 1:
				m[strings.ToUpper(name)] = spoil(t, v[name])
			default:
				m[name] = spoil(t, v[name])
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "more") == 0 {
			m["un.known"] = rapid.SampledFrom(junk).Draw(t, "junk")
		}
		return m
	case []any:
		var list []any
		for _, e := range v {
			for range rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2}).Draw(t, "times") {
				list = append(list, spoil(t, e))
			}
		}
		return list
	}
	return v
}

// Whatever a product sends, no value is lost, whether it was understood, had the wrong type or was never heard of.
func TestNothingIsLost(t *testing.T) {
	for _, m := range shipped() {
		all := objects(t, m)
		t.Run(m.Format(), rapid.MakeCheck(func(t *rapid.T) {
			o, ok := spoil(t, rapid.SampledFrom(all).Draw(t, "object")).(map[string]any)
			if !ok {
				return
			}
			text, err := json.Marshal(o)
			require.NoError(t, err)
			got, errs := decode(m, string(text))
			require.LessOrEqual(t, len(got)+len(errs), 1)
			for _, d := range got {
				check(t, d, text)
			}
		}))
	}
}

// Whatever stands in a mapping and in a file, nothing panics, what comes out is valid, and nothing is lost.
func FuzzMapping(f *testing.F) {
	for _, m := range shipped() {
		for name, product := range map[string]*Mapping{"wazuh": Wazuh(), "elastic": Elastic(), "suricata": Suricata(), "guardduty": GuardDuty(), "crowdstrike": CrowdStrike()} {
			text, err := files.ReadFile("mappings/" + name + ".json")
			require.NoError(f, err)
			if m == product {
				f.Add(text, sample(f, m))
			}
		}
	}
	f.Add([]byte(with(`"tags":["a[*]","={b?}"],"created":{"from":"c","time":"unix"}`, `{"kind":"other","type":"x","each":"e[k=v]"},{"kind":"file","each":"$.e","fullPath":"p"}`)),
		[]byte(`{"lupa":1,"id":2,"t":{},"a":[1],"b":"2","c":"3","e":[{"k":"v","p":"q"}]}`))
	f.Fuzz(func(t *testing.T, mapping, input []byte) {
		m, err := Parse(mapping)
		if err != nil {
			require.ErrorIs(t, err, alert.ErrInvalid)
			return
		}
		_ = m.Test(input).String()
		var all []Decoded
		for d, err := range m.Decode(bytes.NewReader(input), "f") {
			if err == nil {
				require.NoError(t, d.Alert.Validate())
				all = append(all, d)
			}
		}
		var o map[string]json.RawMessage
		if len(all) == 1 && m.around == nil && json.Unmarshal(input, &o) == nil {
			text, err := json.Marshal(o) // names that come twice count once
			require.NoError(t, err)
			if bytes.Contains(text, []byte("\\u")) || !json.Valid(text) {
				return
			}
			check(t, all[0], text)
		}
	})
}

// FuzzDecode looks closer at the files.
func FuzzDecode(f *testing.F) {
	for _, m := range shipped() {
		f.Add(sample(f, m))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		for _, m := range shipped() {
			for d, err := range m.Decode(bytes.NewReader(input), "f") {
				if err == nil {
					require.NoError(t, d.Alert.Validate())
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, m := range shipped() {
		var text []byte
		for _, o := range objects(b, m) {
			one, err := json.Marshal(o)
			require.NoError(b, err)
			text = append(append(text, one...), '\n')
		}
		text = bytes.Repeat(text, 200)
		b.Run(strings.Fields(m.Format())[0], func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			alerts := 0
			for b.Loop() {
				for _, err := range m.Decode(bytes.NewReader(text), "f") {
					require.NoError(b, err)
					alerts++
				}
			}
			b.ReportMetric(float64(alerts)/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}
