package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/jsonitem"
	"github.com/incidentkit/incidentkit/internal/limit"
)

const (
	maxDepth = alert.MaxDepth - 10 // of an item, so that what is left of it can be kept
	maxNotes = 100                 // of an alert
	maxSeen  = 1 << 16             // identifiers that are remembered of a file
)

// A Mapping says how the alerts of one product become alerts of package alert. [Load] and [Parse] make one, and the
// functions that are named after a product return those of this package. It never changes and may be used by several
// goroutines.
type Mapping struct {
	format  string
	is      []*path
	ignore  []*path
	inside  []*path
	around  []*path // names alone
	formats []string
	zone    *time.Location
	alert   []setter
	rules   []rule
}

// Format returns the name of the format, such as "Wazuh alert".
func (m *Mapping) Format() string { return m.format }

// members returns the names of the members that may have a list of alerts.
func (m *Mapping) members() []string {
	all := make([]string, len(m.around))
	for n, p := range m.around {
		all[n] = p.steps[0].name
	}
	return all
}

// A Decoded is an alert that [Mapping.Decode] read.
type Decoded struct {
	Alert alert.Alert
	Index int          // place in the file, from 0
	Notes []alert.Note // what of it was kept and not understood, or could not be kept
}

// Decode reads alerts from r in the order of the file: one object, a list, an object with alerts under one of
// the members that the mapping names "around", or several of these one after another, as in JSON lines. What
// else an object around a list has at the top level is skipped. name stands in errors. Errors are
// [*alert.DecodeError]; after one that names a byte the sequence ends, after others it goes on.
//
// Each alert is valid as [alert.Alert.Validate] wants it: what [alert.Alert.Fit] would change is changed,
// with a note. What no field has in full is in Extra of the alert, or of the piece of evidence that was made
// of the object around it. A note with the field "origin.id" names an identifier that came before, of the
// last 65,536 of the file.
//
// The sequence can be ranged over once. It reads as far as it is ranged over, and a buffer further, and holds
// one item in memory at a time.
func (m *Mapping) Decode(r io.Reader, name string) iter.Seq2[Decoded, error] {
	return func(yield func(Decoded, error) bool) {
		in := reader{m: m}
		before := repeats{seed: maphash.MakeSeed()}
		index := 0
		fail := func(field string, err error) bool {
			more := yield(Decoded{}, &alert.DecodeError{File: name, Index: index, Field: field, Err: err})
			index++
			return more
		}
		for item, err := range jsonitem.Read(r, m.members()...) {
			if err != nil {
				fail("", err)
				return
			}
			if err := tooLarge(item); err != nil {
				if !fail("", err) {
					return
				}
				continue
			}
			in.told = false
			in.t.parse(bytes.ToValidUTF8(item.Raw, []byte("\uFFFD")))
			for _, f := range in.found(item.Member) {
				switch {
				case f.err != nil:
					if !fail(f.field, f.err) {
						return
					}
					continue
				case f.ignored:
					index++
					continue
				}
				a, notes, p := in.alert(f)
				if p != nil {
					if !fail(p.field, p.err) {
						return
					}
					continue
				}
				if before.has(string(a.Origin.AlertID())) {
					notes = append(notes, note(a, "origin.id", a.Origin.ID, "came before in this file"))
				}
				if !yield(Decoded{a, index, notes}, nil) {
					return
				}
				index++
			}
		}
	}
}

func tooLarge(item jsonitem.Item) error {
	switch {
	case item.Depth > maxDepth:
		return fmt.Errorf("want at most %d levels of lists and objects", maxDepth)
	case len(item.Raw) >= math.MaxInt32/4: // bytes that are not UTF-8 become three
		return errors.New("want an item of less than 512 MiB")
	}
	return nil
}

// repeats remembers digests of identifiers, the last of them when there are many.
type repeats struct {
	seed     maphash.Seed
	now, old map[uint64]struct{}
}

func (r *repeats) has(id string) bool {
	sum := maphash.String(r.seed, id)
	_, now := r.now[sum]
	_, old := r.old[sum]
	if len(r.now) >= maxSeen || r.now == nil {
		r.old, r.now = r.now, map[uint64]struct{}{}
	}
	r.now[sum] = struct{}{}
	return now || old
}

// fieldError is why an object is no alert, and where.
type fieldError struct {
	field string
	err   error
}

// A reader makes alerts of the items of a file, one after the other.
type reader struct {
	m       *Mapping
	t       tree
	all     bool            // it looks at every source, for Test
	filled  map[string]bool // fields that were set, for Test
	base    int32           // the alert
	from    int32           // what paths begin at: base or an element
	notes   []alert.Note
	notMore int  // notes that were one too many
	told    bool // what stands beside the list of the item was noted
	whole   map[*path][]int32
}

func (r *reader) note(field, value, said string) {
	if len(r.notes) >= maxNotes {
		r.notMore++
		return
	}
	r.notes = append(r.notes, alert.Note{Field: field, Value: excerpt(value), Said: said})
}

func note(a alert.Alert, field, value, said string) alert.Note {
	record := excerpt("alert " + string(a.Origin.AlertID()))
	return alert.Note{Record: record, Field: field, Value: excerpt(value), Said: said}
}

// strange notes a value that a field cannot take. It is in extra.
func (r *reader) strange(src *source, c candidate) {
	value := c.text
	if c.node >= 0 && !c.ok {
		value = beginning(r.t.raw(c.node))
	}
	if len(r.notes) >= maxNotes {
		r.notMore++
		return
	}
	where := src.text
	if c.node >= 0 {
		where = r.t.path(r.base, c.node)
	}
	r.note(where, value, "not understood, kept in extra")
}

// where returns what a note calls a candidate.
func (r *reader) where(c candidate) string {
	if c.node < 0 || len(r.notes) >= maxNotes {
		return ""
	}
	return r.t.path(r.base, c.node)
}

// walk gives the values at the end of a path to one.
func (r *reader) walk(p *path, one func(int32) bool) {
	if !p.whole || r.from == r.base {
		r.t.walk(r.from, p.steps, one)
		return
	}
	nodes, ok := r.whole[p]
	if !ok { // once for all elements
		r.t.walk(r.base, p.steps, func(n int32) bool {
			nodes = append(nodes, n)
			return len(nodes) < alert.MaxList
		})
		if r.whole == nil {
			r.whole = map[*path][]int32{}
		}
		r.whole[p] = nodes
	}
	for _, n := range nodes {
		if !one(n) {
			return
		}
	}
}

// has reports whether there is a value at the end of a path.
func (r *reader) has(p *path) (found bool) {
	r.walk(p, func(n int32) bool {
		r.t.mark(n, read)
		found = true
		return false
	})
	return found
}

// A finding is an object that is an alert, is to be ignored, or is neither.
type finding struct {
	node    int32
	around  int32 // the object whose members become the alert's: node, or what stands around it alone
	ignored bool
	field   string // where it was in a list, for errors
	err     error
}

// found returns what an item is, which stood under a member: an alert, or a list of what may be alerts.
func (r *reader) found(member string) []finding {
	if f := r.judge(0, 0); f.err == nil {
		return []finding{f}
	}
	for _, p := range r.m.around {
		if p.steps[0].name != member || len(p.steps) == 1 {
			continue
		}
		first := int32(0)
		r.t.walk(0, p.steps[1:], func(n int32) bool {
			first = n
			return false
		})
		if first == 0 {
			continue
		}
		trail := r.t.trail(0, first)
		list := trail[len(trail)-2]
		if r.t.nodes[list].kind != '[' {
			f := r.item(first)
			f.field = r.t.path(0, first)
			return []finding{f}
		}
		var all []finding
		at, place := r.t.path(0, list), 0
		for c := r.t.nodes[list].child; c != 0; c = r.t.nodes[c].next {
			f := r.item(c)
			f.field = at + "[" + strconv.Itoa(place) + "]"
			all = append(all, f)
			place++
		}
		return all
	}
	return []finding{r.item(0)}
}

// item returns what n is: an alert, or what stands around one.
func (r *reader) item(n int32) finding {
	f := r.judge(n, n)
	for _, p := range r.m.inside {
		if f.err == nil {
			break
		}
		r.t.walk(n, p.steps, func(m int32) bool {
			if in := r.judge(m, n); in.err == nil {
				f = in
			}
			return f.err != nil
		})
	}
	if f.err != nil {
		f = finding{err: r.refusal(n)}
	}
	return f
}

// judge says whether n is an alert of the format.
func (r *reader) judge(n, around int32) finding {
	r.base, r.from = n, n
	if r.t.nodes[n].kind != '{' {
		return finding{err: fmt.Errorf("want an object, a %s, not %s", r.m.format, excerpt(beginning(r.t.raw(n))))}
	}
	if slices.ContainsFunc(r.m.ignore, r.has) {
		return finding{node: n, ignored: true}
	}
	for _, p := range r.m.is {
		if !r.has(p) {
			return finding{err: fmt.Errorf("want a %s, which has %s", r.m.format, p.text)}
		}
	}
	return finding{node: n, around: around}
}

// refusal says why n is no alert, and what is near.
func (r *reader) refusal(n int32) error {
	err := r.judge(n, n).err
	looked := 0
	for m := n + 1; int(m) < len(r.t.nodes) && r.t.nodes[m].at < r.t.nodes[n].end && looked < 100; m++ {
		if r.t.nodes[m].kind != '{' {
			continue
		}
		if looked++; r.judge(m, n).err == nil {
			return fmt.Errorf("%w; there is one inside, at %s", err, r.t.path(n, m))
		}
	}
	for _, other := range shipped() {
		near := reader{m: other, t: r.t}
		if other.format != r.m.format && near.judge(n, n).err == nil {
			return fmt.Errorf("%w; this looks like a %s", err, other.format)
		}
	}
	return err
}

// alert makes an alert of what was found.
func (r *reader) alert(f finding) (alert.Alert, []alert.Note, *fieldError) {
	r.base, r.from, r.notes, r.notMore = f.node, f.node, nil, 0
	clear(r.whole)
	var a alert.Alert
	v := reflect.ValueOf(&a).Elem()
	for n := range r.m.alert {
		s := &r.m.alert[n]
		if s.name == "resolved" && a.Status != alert.StatusResolved && !r.all {
			continue // what is not resolved has no such time
		}
		if r.set(s, v); s.name == "resolved" && a.Status != alert.StatusResolved {
			a.Resolved = time.Time{}
		}
	}
	if a.Origin.Source == "" || a.Origin.ID == "" {
		return a, nil, r.missing(&a)
	}
	if a.Owner.ID == "" && a.Owner.Name != "" {
		a.Owner.ID = a.Owner.Name
	}
	if a.Owner.ID == "" {
		a.Owner = alert.Owner{}
	}
	r.evidence(&a)
	a.Extra = r.t.left(f.around, r.note)
	if f.around != 0 && !r.told {
		r.outside(f.around)
		r.told = true
	}
	fit, more := a.Fit()
	notes := r.notes
	for n := range notes {
		notes[n].Record = note(fit, "", "", "").Record
	}
	if r.notMore > 0 {
		notes = append(notes, note(fit, "", strconv.Itoa(r.notMore), "more values not understood, kept in extra"))
	}
	return fit, append(notes, more...), nil
}

// missing says which part of the origin is not there.
func (r *reader) missing(a *alert.Alert) *fieldError {
	field := "origin.id"
	if a.Origin.Source == "" {
		field = "origin.source"
	}
	n := slices.IndexFunc(r.m.alert, func(s setter) bool { return s.name == field })
	return &fieldError{field, fmt.Errorf("missing, want a text at %s", from(&r.m.alert[n]))}
}

// from returns where a field comes from, as the mapping has it.
func from(s *setter) string {
	all := make([]string, len(s.sources))
	for n, src := range s.sources {
		all[n] = src.text
	}
	return strings.Join(all, " or ")
}

// outside notes, once for an item, what stands beside a list of alerts.
func (r *reader) outside(around int32) {
	trail := r.t.trail(0, around)
	for k, n := range trail[:len(trail)-1] {
		if r.t.nodes[n].kind != '{' {
			continue
		}
		for c := r.t.nodes[n].child; c != 0; c = r.t.nodes[c].next {
			if c != trail[k+1] {
				r.note(r.t.path(0, c), beginning(r.t.raw(c)), "not taken, since it stands beside a list of alerts")
			}
		}
	}
}

// beginning returns as much of a text as an excerpt needs.
func beginning(raw []byte) string { return string(raw[:min(len(raw), 300)]) }

// excerpt returns text on one line and not too long for a message.
func excerpt(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\r' || c == '\t' {
			return ' '
		}
		return c
	}, limit.Shorten(text))
}

// A rule makes evidence of one kind.
type rule struct {
	entityKind
	field   string
	each    *path
	other   alert.Kind // of otherKind
	members []wanted   // of the fields of an Other
	entity  []setter
	common  []setter
}

// A wanted is a member of the fields of an Other and where it comes from.
type wanted struct {
	name  string
	paths []*path
}

// A claim says that what is left of an element belongs to a piece of evidence.
type claim struct {
	node  int32
	piece int
}

// evidence makes the evidence of the alert.
func (r *reader) evidence(a *alert.Alert) {
	var claims []claim
	for k := range r.m.rules {
		rule := &r.m.rules[k]
		one := func(n int32) bool {
			r.from = n
			if len(a.Evidence) >= alert.MaxEvidence {
				said := "no more pieces of evidence are taken; the rest is in extra"
				r.note(rule.field, strconv.Itoa(alert.MaxEvidence), said)
				return false
			}
			e, ok := r.piece(rule)
			if !ok {
				return true
			}
			if n != r.base && r.t.nodes[n].kind == '{' && r.t.nodes[n].flags&claimed == 0 {
				r.t.mark(n, claimed)
				claims = append(claims, claim{n, len(a.Evidence)})
			} else if same := twin(a.Evidence, e); same >= 0 {
				addTo(&a.Evidence[same], e)
				return true
			}
			a.Evidence = append(a.Evidence, e)
			return true
		}
		r.from = r.base
		if rule.each == nil {
			one(r.base)
		} else {
			r.walk(rule.each, func(n int32) bool {
				more := one(n)
				r.from = r.base
				return more
			})
		}
		r.from = r.base
	}
	for _, c := range claims {
		e := &a.Evidence[c.piece]
		e.Extra = r.t.left(c.node, func(name, value, said string) {
			r.note("evidence["+strconv.Itoa(c.piece)+"].extra."+name, value, said)
		})
	}
}

// twin returns the place of a piece that says the same of the same entity, among the first hundred; -1 for none.
func twin(all []alert.Evidence, e alert.Evidence) int {
	return slices.IndexFunc(all[:min(len(all), 100)], func(o alert.Evidence) bool {
		return o.Entity == e.Entity && o.Verdict == e.Verdict && o.Remediation == e.Remediation &&
			o.RemediationDetails == e.RemediationDetails && o.Created.Equal(e.Created)
	})
}

// addTo adds what e says to the piece of the same entity.
func addTo(to *alert.Evidence, e alert.Evidence) {
	to.Roles = union(to.Roles, e.Roles)
	to.DetailedRoles = union(to.DetailedRoles, e.DetailedRoles)
	to.Tags = union(to.Tags, e.Tags)
}

func union[S comparable](a, b []S) []S {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// piece makes one piece of evidence, unless the alert says nothing about its entity.
func (r *reader) piece(rule *rule) (e alert.Evidence, ok bool) {
	v := reflect.New(rule.typ).Elem()
	found := false
	for n := range rule.entity {
		if r.set(&rule.entity[n], v) {
			found = true
		}
	}
	if rule.kind == otherKind {
		o := v.Interface().(alert.Other)
		o.Type = rule.other
		fields := r.fields(rule)
		if found = found || len(fields) > 0; found {
			o.Fields, _ = alert.MakeFields(fields) // its values were read from JSON
		}
		e.Entity = o
	} else {
		switch p := v.Addr().Interface().(type) {
		case *alert.CloudResource:
			p.Provider = rule.kind
		case *alert.Registry:
			p.IsValue = rule.kind == alert.KindRegistryValue
		}
		e.Entity = v.Interface().(alert.Entity)
	}
	if !found {
		return e, false
	}
	common := reflect.ValueOf(&e).Elem()
	for n := range rule.common {
		r.set(&rule.common[n], common)
	}
	return e, true
}

// fields returns the members of an Other: those that the rule names, or all of the element.
func (r *reader) fields(rule *rule) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	for _, m := range rule.members {
		for _, p := range m.paths {
			if fields[m.name] != nil && !r.all {
				break
			}
			r.walk(p, func(n int32) bool {
				r.t.mark(n, read)
				if fields[m.name] == nil {
					fields[m.name] = r.t.raw(n)
					r.t.mark(n, carried)
				}
				return false
			})
		}
	}
	if rule.members != nil || r.from == r.base {
		return fields
	}
	if r.t.nodes[r.from].kind != '{' {
		fields["value"] = r.t.raw(r.from)
	}
	for c := r.t.nodes[r.from].child; c != 0; c = r.t.nodes[c].next {
		if name := r.t.name(c); fields[name] == nil {
			fields[name] = r.t.raw(c)
			r.t.mark(c, read|carried)
		}
	}
	return fields
}
