package mapping

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/jsonitem"
)

// A Report says how well a mapping fits samples.
type Report struct {
	Alerts  int          // that were read
	Ignored int          // objects that the mapping leaves out by its "ignore"
	Errors  []error      // samples and objects that were refused, each an [*alert.DecodeError]
	Unread  []Unread     // what the mapping never looks at, the most frequent first
	Notes   []alert.Note // values that were not understood
	Empty   []Empty      // fields that no sample fills, in the order of the alert and then of the mapping
}

// An Unread is a member that a mapping does not carry into a field. Its values are in Extra.
type Unread struct {
	Path    string // as a mapping would name it; elements of a list are [*]
	Example string // the first value, shortened to 64 code points
	Count   int    // values in all samples
}

// An Empty is a field that stays empty.
type Empty struct {
	Field string // such as "severity" or "evidence[2].hostName"
	From  string // where the mapping looks for it; "" when it does not
}

// Test reads samples, each as [Mapping.Decode] reads a file, and says what the mapping does not carry:
// members that it never looks at, values that it did not understand, and fields that stay empty. What one
// sample has and another has not counts as read in both. Objects that are refused or ignored count neither as
// read nor as unread.
func (m *Mapping) Test(samples ...[]byte) Report {
	var report Report
	unread := map[string]*Unread{}
	filled := map[string]bool{}
	r := reader{m: m, all: true, filled: filled}
	for n, sample := range samples {
		name, index := fmt.Sprintf("sample %d", n), 0
		fail := func(field string, err error) {
			report.Errors = append(report.Errors, &alert.DecodeError{File: name, Index: index, Field: field, Err: err})
			index++
		}
		for item, err := range jsonitem.Read(bytes.NewReader(sample), m.members()...) {
			if err == nil {
				err = tooLarge(item)
			}
			if err != nil {
				fail("", err)
				continue
			}
			r.told = false
			r.t.parse(bytes.ToValidUTF8(item.Raw, []byte("\uFFFD")))
			for _, f := range r.found(item.Member) {
				if f.err != nil {
					fail(f.field, f.err)
					continue
				}
				index++
				if f.ignored {
					report.Ignored++
					continue
				}
				a, notes, p := r.alert(f)
				if p != nil {
					index--
					fail(p.field, p.err)
					continue
				}
				report.Alerts++
				report.Notes = append(report.Notes, notes...)
				fill(a, filled)
				r.t.unread(f.around, "", func(path string, n int32) {
					u := unread[path]
					if u == nil {
						u = &Unread{Path: path, Example: excerpt(r.t.example(n))}
						unread[path] = u
					}
					u.Count++
				})
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(unread)) {
		report.Unread = append(report.Unread, *unread[path])
	}
	slices.SortStableFunc(report.Unread, func(a, b Unread) int { return cmp.Compare(b.Count, a.Count) })
	report.Empty = m.empty(filled)
	return report
}

// example returns a value as a person would write it.
func (t *tree) example(n int32) string {
	if text, ok := t.scalar(n); ok {
		return text
	}
	return string(t.raw(n))
}

// unread gives each value in n that the mapping did not use to one, with its path.
func (t *tree) unread(n int32, path string, one func(path string, n int32)) {
	c := &t.nodes[n]
	if c.flags&carried != 0 && c.flags&read != 0 {
		return
	}
	if c.child == 0 {
		if c.flags&read == 0 && t.says(n) {
			one(path, n)
		}
		return
	}
	for m := c.child; m != 0; m = t.nodes[m].next {
		at := path + "[*]"
		if c.kind == '{' {
			at = strings.TrimPrefix(path+"."+quoteName(t.name(m)), ".")
		}
		t.unread(m, at, one)
	}
}

// fill notes which fields of an alert are not empty.
func fill(a alert.Alert, filled map[string]bool) {
	v := reflect.ValueOf(a)
	for _, t := range alertFields() {
		if !v.FieldByIndex(t.index).IsZero() {
			filled[t.name] = true
		}
	}
	filled["evidence"] = filled["evidence"] || len(a.Evidence) > 0
	if a.Severity != alert.Unrated {
		filled["severity"] = true
	}
}

// empty returns the fields that are not filled. A status that is new is the zero one, and so is an owner who
// is a user.
func (m *Mapping) empty(filled map[string]bool) (all []Empty) {
	for _, t := range alertFields() {
		if filled[t.name] || filled["alert."+t.name] {
			continue
		}
		e := Empty{Field: t.name}
		if n := slices.IndexFunc(m.alert, func(s setter) bool { return s.name == t.name }); n >= 0 {
			e.From = from(&m.alert[n])
		}
		all = append(all, e)
	}
	if len(m.rules) == 0 {
		all = append(all, Empty{Field: "evidence"})
	}
	for k := range m.rules {
		rule := &m.rules[k]
		for _, s := range slices.Concat(rule.entity, rule.common) {
			if !filled[s.field] {
				all = append(all, Empty{s.field, from(&s)})
			}
		}
	}
	return all
}

// String returns the report in lines for people, as a test would print it.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "alerts: %d, ignored: %d, refused: %d\n", r.Alerts, r.Ignored, len(r.Errors))
	for _, err := range r.Errors {
		fmt.Fprintf(&b, "refused: %v\n", err)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %v\n", n)
	}
	for _, u := range r.Unread {
		fmt.Fprintf(&b, "unread: %s, %d times, such as %q\n", u.Path, u.Count, u.Example)
	}
	for _, e := range r.Empty {
		if e.From == "" {
			fmt.Fprintf(&b, "empty: %s, not mapped\n", e.Field)
			continue
		}
		fmt.Fprintf(&b, "empty: %s, from %s\n", e.Field, e.From)
	}
	return b.String()
}
