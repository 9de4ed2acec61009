package mapping

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
)

// Limits of a mapping.
const (
	maxText    = 1 << 20 // bytes
	maxRules   = 1_000   // of evidence
	maxSources = 32      // of a value, and paths of a list of them
	maxMarks   = 1_000   // of a scale
	maxFaults  = 100     // faults that an error lists
)

// An Error is one fault of the text of a mapping. It matches [alert.ErrInvalid].
type Error struct {
	Line   int    // of the text, from 1
	Column int    // in the line, in code points from 1
	Field  string // the member of the mapping, such as "evidence[2].hostName"; "" for the whole
	Value  string // what stands there, shortened to 64 code points
	Want   string // what would have been accepted
}

// Error returns a sentence naming the place, the member, what stands there and what was expected.
func (e *Error) Error() string {
	field := e.Field
	if field != "" {
		field += " "
	}
	return fmt.Sprintf("mapping: line %d, column %d: %s%q: want %s", e.Line, e.Column, field, e.Value, e.Want)
}

// Unwrap returns [alert.ErrInvalid].
func (e *Error) Unwrap() error { return alert.ErrInvalid }

// Load reads a mapping from all of r, as [Parse] does. An error of r is wrapped.
func Load(r io.Reader) (*Mapping, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	return Parse(text)
}

// Parse reads a mapping from its text, which is one JSON object in UTF-8 of at most 1 MiB; the package
// comment says what it has. The error joins an [*Error] for each fault, for the first 100 of them, in the
// order of the text.
func Parse(text []byte) (*Mapping, error) {
	p := parser{m: &Mapping{}}
	p.t.text = text
	switch {
	case len(text) > maxText:
		p.fault(0, "", "", "at most 1 MiB")
	case !utf8.Valid(text):
		rest := bytes.TrimLeftFunc(text, func(r rune) bool { return r != utf8.RuneError })
		p.fault(len(text)-len(rest), "", "", "UTF-8")
	default:
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
		if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
			at := 0
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				at = max(int(syntax.Offset)-1, 0)
			}
			p.t.text = text
			p.fault(at, "", "", "JSON: "+err.Error())
			break
		}
		p.t.parse(text)
		p.mapping()
	}
	if p.errs != nil {
		slices.SortStableFunc(p.errs, func(a, b *Error) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		all := make([]error, len(p.errs))
		for n, e := range p.errs {
			all[n] = e
		}
		return nil, errors.Join(all...)
	}
	return p.m, nil
}

// A parser reads a mapping and gathers what is wrong with it.
type parser struct {
	t    tree
	m    *Mapping
	errs []*Error
}

// fault notes what is wrong at a byte of the text.
func (p *parser) fault(at int, field, value, want string) {
	if len(p.errs) >= maxFaults {
		return
	}
	before := p.t.text[:min(at, len(p.t.text))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	p.errs = append(p.errs, &Error{line, column, field, excerpt(value), want})
}

// wrong notes that a value is not what it should be.
func (p *parser) wrong(n int32, field, want string) {
	value := string(p.t.raw(n))
	if text, ok := p.text(n); ok {
		value = text
	}
	p.fault(int(p.t.nodes[n].at), field, value, want)
}

// text returns the value of a JSON text.
func (p *parser) text(n int32) (string, bool) {
	if p.t.nodes[n].kind != '"' {
		return "", false
	}
	return p.t.scalar(n)
}

// object gives each member of an object to one, which reports whether it knows the name. Names that come twice, and
// those of need that do not come, are wrong.
func (p *parser) object(n int32, field, what string, known, need []string, one func(name, at string, c int32)) {
	if p.t.nodes[n].kind != '{' {
		p.wrong(n, field, "an object, "+what)
		return
	}
	seen := map[string]bool{}
	for c := p.t.nodes[n].child; c != 0 && len(p.errs) < maxFaults; c = p.t.nodes[c].next {
		name := p.t.name(c)
		at := strings.TrimPrefix(field+"."+name, ".")
		switch {
		case seen[name]:
			p.fault(int(p.t.nodes[c].name)-1, field, name, "each member once")
		case known != nil && !slices.Contains(known, name):
			p.fault(int(p.t.nodes[c].name)-1, field, name, oneOf(known, name))
		default:
			one(name, at, c)
		}
		seen[name] = true
	}
	for _, name := range need {
		if !seen[name] {
			p.fault(int(p.t.nodes[n].at), field, "", "the member "+strconv.Quote(name))
		}
	}
}

// oneOf says which words would have been accepted, the one first that was most likely meant.
func oneOf(known []string, given string) string {
	want := "one of " + strings.Join(known, ", ")
	best, far := "", len(given)/2+1
	for _, k := range known {
		if d := distance(strings.ToLower(k), strings.ToLower(given)); d < far {
			best, far = k, d
		}
	}
	if best != "" {
		want = strconv.Quote(best) + ", or " + want
	}
	return want
}

// distance is the number of bytes to change, to add and to leave out that make b of a.
func distance(a, b string) int {
	if len(b) > 64 {
		return len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, corner+1, row[j]+1)
		}
	}
	return row[len(b)]
}

func (p *parser) mapping() {
	m := p.m
	known := []string{"format", "about", "is", "ignore", "around", "inside", "time", "zone", "alert", "evidence"}
	var evidence, fields int32
	p.object(0, "", "the mapping", known, []string{"format", "is", "alert"}, func(name, at string, n int32) {
		switch name {
		case "format":
			if m.format, _ = p.text(n); strings.TrimSpace(m.format) == "" {
				p.wrong(n, at, `the name of the format, such as "Wazuh alert"`)
			}
		case "about":
			if _, ok := p.text(n); !ok {
				p.wrong(n, at, "a text")
			}
		case "is":
			if m.is = p.paths(n, at); len(m.is) == 0 && p.errs == nil {
				p.wrong(n, at, "the path of a member that only this format has")
			}
		case "ignore":
			m.ignore = p.paths(n, at)
		case "inside":
			m.inside = p.paths(n, at)
		case "around":
			m.around = p.paths(n, at)
			for _, one := range m.around {
				other := slices.ContainsFunc(one.steps, func(s step) bool { return s.kind != named })
				if one.whole || other || len(one.steps) == 0 {
					p.fault(int(p.t.nodes[n].at), at, one.text, "names alone, such as hits.hits")
				}
			}
		case "time":
			m.formats = p.formats(n, at)
		case "zone":
			p.zone(n, at)
		case "alert":
			fields = n
		case "evidence":
			evidence = n
		}
	})
	if fields != 0 { // when the formats of times are known
		p.alert(fields)
	}
	if evidence != 0 {
		p.evidence(evidence)
	}
}

// list returns a text or the texts of a list.
func (p *parser) list(n int32, field, what string) (all []string) {
	p.each(n, field, func(c int32, at string) {
		text, ok := p.text(c)
		if !ok || text == "" {
			p.wrong(c, at, what)
			return
		}
		all = append(all, text)
	})
	return all
}

// each gives a value or the elements of a list to one.
func (p *parser) each(n int32, field string, one func(c int32, at string)) {
	if p.t.nodes[n].kind != '[' {
		one(n, field)
		return
	}
	k := 0
	for c := p.t.nodes[n].child; c != 0; c = p.t.nodes[c].next {
		if k == maxSources {
			p.wrong(c, field, fmt.Sprintf("at most %d of them", maxSources))
			return
		}
		one(c, field+"["+strconv.Itoa(k)+"]")
		k++
	}
}

func (p *parser) paths(n int32, field string) (all []*path) {
	p.each(n, field, func(c int32, at string) {
		if one := p.path(c, at); one != nil {
			all = append(all, one)
		}
	})
	return all
}

// path reads the text at n as a path.
func (p *parser) path(n int32, field string) *path {
	text, ok := p.text(n)
	if !ok {
		p.wrong(n, field, `a path such as "rule.name"`)
		return nil
	}
	return p.pathAt(text, field, p.inText(n, 0))
}

// inText returns where byte k of a JSON text is in the text of the mapping.
func (p *parser) inText(n int32, k int) int {
	c := &p.t.nodes[n]
	if c.flags&escaped != 0 {
		return int(c.at)
	}
	return int(c.at) + 1 + k
}

func (p *parser) pathAt(text, field string, at int) *path {
	one, err := parsePath(text)
	if wrong, ok := errors.AsType[*pathError](err); ok {
		p.fault(at+wrong.at, field, text, wrong.want)
		return nil
	}
	return one
}

func (p *parser) formats(n int32, field string) []string {
	all := p.list(n, field, "the name of a time format or a layout")
	for _, f := range all {
		_, unit := units[f]
		if _, layout := layouts[f]; !unit && !layout && !goodLayout(f) {
			want := oneOf(timeFormats, f) + ", or a layout of Go's package time with year, month and day"
			p.fault(int(p.t.nodes[n].at), field, f, want)
		}
	}
	return all
}

func (p *parser) zone(n int32, field string) {
	text, _ := p.text(n)
	if text == "UTC" {
		p.m.zone = time.UTC
		return
	}
	at, err := time.Parse("-07:00", text)
	if err != nil {
		p.wrong(n, field, `"UTC" or an offset such as "+02:00"`)
		return
	}
	p.m.zone = at.Location()
}

func (p *parser) alert(n int32) {
	known := names(alertFields())
	need := []string{"origin.source", "origin.id", "title"}
	p.object(n, "alert", "the fields of an alert", known, need, func(name, at string, c int32) {
		s := setter{target: find(alertFields(), name), field: at}
		if p.setter(&s, c); name == "origin.id" {
			for _, src := range s.sources {
				if src.constant() {
					p.wrong(c, at, "a path or a text with one, since two alerts never have the same identifier")
				}
			}
		}
		p.m.alert = append(p.m.alert, s)
	})
	slices.SortFunc(p.m.alert, func(a, b setter) int { return slices.Compare(a.index, b.index) })
}

// setter reads where a field comes from.
func (p *parser) setter(s *setter, n int32) {
	s.formats = p.m.formats
	if p.t.nodes[n].kind != '{' {
		p.sources(s, n, s.field)
		return
	}
	known := []string{"from", "scale", "time"}
	if s.how.isTime() {
		known = []string{"from", "time"}
	} else {
		known = known[:2]
	}
	p.object(n, s.field, "where the field comes from", known, []string{"from"}, func(name, at string, c int32) {
		switch name {
		case "scale":
			p.scale(s, c, at)
		case "time":
			s.formats = p.formats(c, at)
		}
	})
	if from := p.t.member(n, "from"); from != 0 { // when its scale is known
		p.sources(s, from, s.field+".from")
	}
}

func (p *parser) sources(s *setter, n int32, field string) {
	p.each(n, field, func(c int32, at string) {
		text, ok := p.text(c)
		if !ok || text == "" {
			p.wrong(c, at, `a path such as "rule.name", a text such as "=Alert {rule.name}", `+
				`a list of them or an object with "from"`)
			return
		}
		src := source{text: text}
		if strings.HasPrefix(text, "=") {
			src.parts = p.parts(c, text, at)
			if src.constant() {
				p.constant(s, c, text[1:], at)
			}
		} else if src.path = p.path(c, at); src.path == nil {
			return
		}
		s.sources = append(s.sources, src)
	})
	if len(s.sources) == 0 && p.errs == nil {
		p.wrong(n, field, "at least one path or text")
	}
}

// parts reads a text in which {path} stands for a value.
func (p *parser) parts(n int32, text, field string) (all []part) {
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			all = append(all, part{text: b.String()})
			b.Reset()
		}
	}
	for at := 1; at < len(text); {
		switch {
		case strings.HasPrefix(text[at:], "{{"), strings.HasPrefix(text[at:], "}}"):
			b.WriteByte(text[at])
			at += 2
		case text[at] == '{':
			end := closing(text[at:])
			if end < 0 {
				p.fault(p.inText(n, at), field, text, `"}" behind the path, or "{{" for a brace`)
				return all
			}
			flush()
			inside, optional := strings.CutSuffix(text[at+1:at+end], "?")
			one := p.pathAt(inside, field, p.inText(n, at+1))
			if one == nil {
				return all
			}
			all = append(all, part{path: one, optional: optional})
			at += end + 1
		case text[at] == '}':
			p.fault(p.inText(n, at), field, text, `"}}" for a brace`)
			return all
		default:
			b.WriteByte(text[at])
			at++
		}
	}
	if flush(); len(all) == 0 {
		p.wrong(n, field, `a text behind "="`)
	}
	if len(all) > 2*maxSources {
		p.wrong(n, field, fmt.Sprintf("at most %d paths in a text", maxSources))
	}
	return all
}

// closing returns where the brace that opens text is closed, outside of single quotes; -1 for nowhere.
func closing(text string) int {
	quoted := false
	for n := range len(text) {
		switch {
		case text[n] == '\'':
			quoted = !quoted
		case text[n] == '}' && !quoted:
			return n
		}
	}
	return -1
}

// constant looks at a text that is the same for every alert.
func (p *parser) constant(s *setter, n int32, text, field string) {
	if means, ok := translate(s.scale, text); ok {
		text = means
	}
	switch {
	case s.how.isTime():
		p.wrong(n, field, "a path, since a time is never the same for every alert")
	case s.how == asNumber:
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			p.wrong(n, field, "a whole number")
		}
	case s.how == asTechniques && technique(text) == "":
		p.wrong(n, field, `a technique of MITRE ATT&CK such as "T1059.001"`)
	default:
		p.word(s, int(p.t.nodes[n].at), text, field)
	}
}

// word looks at a word that the mapping itself says.
func (p *parser) word(s *setter, at int, text, field string) {
	if _, ok := known(s.known, text); s.how.isWord() && len(s.known) > 0 && !ok {
		p.fault(at, field, text, oneOf(s.known, text))
	}
}

func (p *parser) scale(s *setter, n int32, field string) {
	p.object(n, field, `such as {"critical": "high", "4..6.9": "medium"}`, nil, nil, func(name, at string, c int32) {
		m, want := parseMark(name)
		if want != "" {
			p.fault(int(p.t.nodes[c].name)-1, field, name, want)
			return
		}
		for _, other := range s.scale {
			if !m.numbers && !other.numbers && m.prefix == other.prefix && sameWord(m.word, other.word) {
				want := "each word once; " + strconv.Quote(other.word) + " is the same"
				p.fault(int(p.t.nodes[c].name)-1, field, name, want)
				return
			}
		}
		var ok bool
		if m.means, ok = p.text(c); !ok {
			p.wrong(c, at, `a text, "" for none`)
			return
		}
		if m.means != "" {
			if p.word(s, int(p.t.nodes[c].at), m.means, at); s.how == asTechniques && technique(m.means) == "" {
				p.wrong(c, at, `a technique of MITRE ATT&CK such as "T1059.001"`)
			}
		}
		if len(s.scale) == maxMarks {
			p.wrong(c, at, fmt.Sprintf("a scale of at most %d lines", maxMarks))
			return
		}
		s.scale = append(s.scale, m)
	})
}

// parseMark reads what stands on a scale: a word, a number, "4..6.9", "7..", "..3", or "Recon:*".
func parseMark(text string) (m mark, want string) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return mark{word: text, numbers: true, low: n, high: n}, ""
	}
	from, to, ok := strings.Cut(text, "..")
	if !ok {
		m.word, m.prefix = strings.CutSuffix(text, "*")
		if m.word == "" && !m.prefix {
			return m, "a word, a number, or a range such as 4..6.9"
		}
		return m, ""
	}
	m = mark{word: text, numbers: true, low: -1e300, high: 1e300}
	var err, err2 error
	if from != "" {
		m.low, err = strconv.ParseFloat(from, 64)
	}
	if to != "" {
		m.high, err2 = strconv.ParseFloat(to, 64)
	}
	if err != nil || err2 != nil || from == "" && to == "" || m.low > m.high {
		return m, "a range such as 4..6.9, 7.. or ..3"
	}
	return m, ""
}

func (p *parser) evidence(n int32) {
	if p.t.nodes[n].kind != '[' {
		p.wrong(n, "evidence", "a list of objects")
		return
	}
	k := 0
	for c := p.t.nodes[n].child; c != 0; c = p.t.nodes[c].next {
		if k == maxRules {
			p.wrong(c, "evidence", fmt.Sprintf("at most %d kinds of evidence", maxRules))
			return
		}
		p.rule(c, "evidence["+strconv.Itoa(k)+"]")
		k++
	}
}

// rule reads how one kind of evidence is made.
func (p *parser) rule(n int32, field string) {
	if p.t.nodes[n].kind != '{' {
		p.wrong(n, field, `an object with "kind"`)
		return
	}
	r := rule{field: field}
	var kinds []string
	at := p.t.member(n, "kind")
	name := ""
	if at != 0 {
		name, _ = p.text(at)
	}
	for _, k := range entityKinds() {
		if kinds = append(kinds, string(k.kind)); string(k.kind) == name {
			r.entityKind = k
		}
	}
	switch {
	case at == 0:
		p.fault(int(p.t.nodes[n].at), field, "", `the member "kind"`)
		return
	case r.typ == nil:
		p.wrong(at, field+".kind", oneOf(kinds, name))
		return
	}
	known, need := append([]string{"kind", "each"}, names(r.fields)...), []string{"kind"}
	if r.kind == otherKind {
		known, need = append(known, "type", "fields"), append(need, "type")
	}
	for _, t := range evidenceFields() {
		known = append(known, t.name)
	}
	p.object(n, field, "a kind of evidence", known, need, func(name, at string, c int32) {
		switch {
		case name == "kind":
		case name == "each":
			r.each = p.path(c, at)
		case name == "type" && r.kind == otherKind:
			text, _ := p.text(c)
			r.other = alert.Kind(text)
			if text == "" || strings.Trim(text, letters) != "" || slices.Contains(kinds, text) {
				p.wrong(c, at, "the name of a kind that has no type of its own, in letters and digits, "+
					`such as "kubernetesPod"`)
			}
		case name == "fields":
			what := "names of members and where they come from"
			p.object(c, at, what, nil, nil, func(name, at string, c int32) {
				r.members = append(r.members, wanted{name, p.paths(c, at)})
			})
		case slices.Contains(names(r.fields), name):
			s := setter{target: find(r.fields, name), field: at}
			p.setter(&s, c)
			r.entity = append(r.entity, s)
		default:
			s := setter{target: find(evidenceFields(), name), field: at}
			p.setter(&s, c)
			r.common = append(r.common, s)
		}
	})
	own := func(s setter) bool {
		return slices.ContainsFunc(s.sources, func(src source) bool { return !src.constant() })
	}
	whole := r.kind == otherKind && r.each != nil
	if p.errs == nil && !whole && !slices.ContainsFunc(r.entity, own) && len(r.members) == 0 {
		want := "at least one field with a path: " + strings.Join(names(r.fields), ", ")
		p.fault(int(p.t.nodes[n].at), field, name, want)
	}
	p.m.rules = append(p.m.rules, r)
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
