package mapping

import (
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// A value says where the value of a field comes from: the first source that has one and, for a list, all of them.
type value struct {
	sources []source
	scale   []mark
	formats []string // of a time
}

// A source is a path or a text with paths in it.
type source struct {
	text  string // as the mapping has it
	path  *path
	parts []part // of a text; exactly one of path and parts is set
}

// constant reports whether s says the same of every alert.
func (s *source) constant() bool {
	return s.path == nil && !slices.ContainsFunc(s.parts, func(p part) bool { return p.path != nil })
}

// A part of a text is a path, or a text as it is.
type part struct {
	path     *path
	optional bool // without a value it is empty
	text     string
}

// A mark is one line of a scale.
type mark struct {
	word    string // as it is, or the beginning with prefix
	prefix  bool
	numbers bool // from low to high, both included
	low     float64
	high    float64
	means   string
}

// translate returns what text means on a scale.
func translate(scale []mark, text string) (means string, ok bool) {
	number := math.NaN()
	if text != "" && len(scale) > 0 && strings.IndexByte("+-.0123456789 ", text[0]) >= 0 {
		if n, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
			number = n
		}
	}
	for _, m := range scale {
		switch {
		case m.numbers:
			ok = m.low <= number && number <= m.high
		case m.prefix:
			ok = len(text) >= len(m.word) && strings.EqualFold(text[:len(m.word)], m.word)
		default:
			ok = sameWord(m.word, text)
		}
		if ok {
			return m.means, true
		}
	}
	return "", false
}

// sameWord compares two words without case, spaces, underscores and hyphens.
func sameWord(a, b string) bool {
	const apart = " _-"
	for {
		for a != "" && strings.IndexByte(apart, a[0]) >= 0 {
			a = a[1:]
		}
		for b != "" && strings.IndexByte(apart, b[0]) >= 0 {
			b = b[1:]
		}
		if a == "" || b == "" {
			return a == b
		}
		x, y := a[0], b[0]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

// nothing reports whether a product writes text where it has no value.
func nothing(text string) bool {
	if len(text) > len("not applicable") {
		return strings.TrimSpace(text) == ""
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "-", "--", "n/a", "none", "null", "(null)", "<null>", "nil", "undefined", "not applicable":
		return true
	}
	return false
}

// nobody is nothing for owners and categories.
func nobody(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "unassigned", "unknown", "not assigned", "other":
		return true
	}
	return nothing(text)
}

// A how says how a field takes a value.
type how uint8

const (
	asText how = iota
	asLines
	asNumber
	asTime
	asEarliest
	asLatest
	asWord
	asTexts
	asWords
	asTechniques
	asCategory
	asOwner
	asAddress
	asURL
	asHash
	asSID
	asDeviceName
	asLogin
	asFullPath
	asHashes
)

// hasMany reports whether every value of every source counts.
func (h how) hasMany() bool {
	switch h {
	case asTexts, asWords, asTechniques, asDeviceName, asLogin, asHashes:
		return true
	}
	return false
}

// gathers reports whether every value of the first source that has one counts.
func (h how) gathers() bool { return h == asLines || h == asEarliest || h == asLatest }

func (h how) isTime() bool { return h == asTime || h == asEarliest || h == asLatest }

func (h how) isWord() bool { return h == asWord || h == asWords }

// A target is a field that a mapping can set. For a field that this package reads into several, as
// "fullPath", it is the struct that has them.
type target struct {
	name  string
	index []int
	how   how
	known []string // the words that it takes
}

// A setter sets one field.
type setter struct {
	target
	value
	field string // as the mapping has it, such as "evidence[2].hostName"
}

// A candidate is a value that a field may take.
type candidate struct {
	node int32  // -1 when it was made of several, or of none
	text string // if it is a text, a number or a truth value
	ok   bool
}

// A result is what became of a candidate.
type result uint8

const (
	unread   result = iota // not taken, and nothing is to be said about it
	strange                // not understood
	taken                  // the field says what it means
	complete               // the field has it in full
)

// maxLooked is how many values a field looks at, except for times.
const maxLooked = 4 * alert.MaxList

// set sets the field of v and reports whether something in the alert said so.
func (r *reader) set(s *setter, v reflect.Value) (found bool) {
	field := v
	if len(s.index) > 0 {
		field = v.FieldByIndex(s.index)
	}
	done, best, looked := false, int32(-1), 0
	for i := range s.sources {
		src := &s.sources[i]
		here := false
		r.candidates(src, func(c candidate) bool {
			if done {
				return r.all
			}
			if looked++; looked > maxLooked && !s.how.isTime() {
				if looked == maxLooked+1 {
					r.note(src.text, strconv.Itoa(maxLooked), "no more values are looked at; the rest is in extra")
				}
				return false
			}
			switch res := r.put(s, field, c, here); {
			case res == strange:
				r.strange(src, c)
			case res == unread:
			default:
				here, found = true, found || !src.constant() && (r.from == r.base || !src.path.isWhole())
				if r.filled != nil {
					r.filled[s.field] = true
				}
				switch {
				case s.how == asEarliest || s.how == asLatest:
					if best = -1; res == complete {
						best = c.node
					}
				case res == complete && c.node >= 0:
					r.t.mark(c.node, carried)
				}
				done = !s.how.gathers() && !s.how.hasMany()
			}
			return !done || r.all
		})
		if done = done || here && !s.how.hasMany(); done && !r.all {
			break
		}
	}
	if best >= 0 {
		r.t.mark(best, carried)
	}
	return found
}

// candidates gives the values of a source to one until one does not want any more.
func (r *reader) candidates(src *source, one func(candidate) bool) {
	if src.path != nil {
		r.walk(src.path, func(n int32) bool {
			r.t.mark(n, read)
			text, ok := r.t.scalar(n)
			return one(candidate{n, text, ok})
		})
		return
	}
	if len(src.parts) == 1 && src.parts[0].path == nil {
		one(candidate{-1, src.parts[0].text, true})
		return
	}
	var b strings.Builder
	all := true
	for _, p := range src.parts {
		if p.path == nil {
			b.WriteString(p.text)
			continue
		}
		found := false
		r.walk(p.path, func(n int32) bool {
			text, ok := r.t.scalar(n)
			if r.t.mark(n, read); !ok || nothing(text) {
				return true
			}
			b.WriteString(text)
			found = true
			return false
		})
		all = all && (found || p.optional)
	}
	if all {
		one(candidate{-1, b.String(), true})
	}
}

// put gives a candidate to a field; more says that the field has one of the same source.
func (r *reader) put(s *setter, v reflect.Value, c candidate, more bool) result {
	if !c.ok {
		return strange
	}
	text := c.text
	means, scaled := translate(s.scale, text)
	if scaled {
		text = means
	}
	if scaled && text == "" || !scaled && nothing(text) {
		return unread
	}
	same := taken
	if text == c.text && c.node >= 0 {
		same = complete
	}
	switch s.how {
	case asText:
		v.SetString(text)
	case asOwner:
		if nobody(text) {
			return unread
		}
		v.SetString(text)
	case asLines:
		if more {
			if v.Len() > 4*alert.MaxText {
				return unread
			}
			text = v.String() + "\n" + text
		}
		v.SetString(text)
	case asNumber:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if hex, ok := strings.CutPrefix(strings.ToLower(text), "0x"); err != nil && ok {
			n, err = strconv.ParseInt(hex, 16, 64)
		}
		if err != nil {
			return strange
		}
		v.SetInt(n)
		if n == 0 || strconv.FormatInt(n, 10) != text {
			return taken // the field does not tell 0 from none
		}
	case asTime, asEarliest, asLatest:
		return r.putTime(s, v, c, more)
	case asWord:
		word, ok := known(s.known, text)
		if !ok && !scaled {
			return strange
		}
		if !strings.EqualFold(word, c.text) {
			same = taken
		}
		return setWord(v, word, same)
	case asWords:
		word, ok := known(s.known, text)
		if !ok && !scaled {
			return strange
		}
		if word != c.text {
			same = taken
		}
		return add(v, word, same)
	case asTexts:
		return add(v, text, same)
	case asTechniques:
		id := technique(text)
		if id == "" {
			return strange
		}
		if id != c.text {
			same = taken
		}
		return add(v, id, same)
	case asCategory:
		if nobody(text) {
			return unread
		}
		if t := alert.Tactic(text); t != "" {
			text = t
		}
		v.SetString(text)
		if text != c.text {
			same = taken
		}
	case asAddress:
		if !isAddress(text) {
			return strange
		}
		v.SetString(text)
	case asURL:
		if strings.HasPrefix(text, "/") {
			return unread // the path that logs of web servers have
		}
		v.SetString(text)
	case asSID:
		if len(text) < 4 || !strings.EqualFold(text[:4], "S-1-") {
			return strange
		}
		v.SetString(text)
	case asHash:
		if strings.Trim(text, "0") == "" {
			return unread
		}
		v.SetString(text)
	default:
		if !split(s.how, v, text) {
			return taken
		}
	}
	return same
}

func (r *reader) putTime(s *setter, v reflect.Value, c candidate, more bool) result {
	at, assumed, ok := moment(c.text, s.formats, r.m.zone)
	switch {
	case !ok:
		return strange
	case at.IsZero():
		return unread
	}
	p := v.Addr().Interface().(*time.Time)
	if more && (s.how == asEarliest && !at.Before(*p) || s.how == asLatest && !at.After(*p)) {
		return unread
	}
	*p = at
	if assumed {
		r.note(r.where(c), c.text, "taken for UTC, since it has no zone")
		return taken
	}
	return complete
}

// known returns the word of all that text is, or text.
func known(all []string, text string) (string, bool) {
	for _, w := range all {
		if sameWord(w, text) {
			return w, true
		}
	}
	return text, false
}

// setWord sets a field of a text, or one of an enumeration, which takes a word that is known.
func setWord(v reflect.Value, word string, res result) result {
	if v.Kind() == reflect.String {
		v.SetString(word)
		return res
	}
	switch p := v.Addr().Interface().(type) {
	case *alert.Severity:
		*p, _ = alert.ParseSeverity(word)
	case *alert.Status:
		*p, _ = alert.ParseStatus(word)
	case *alert.OwnerKind:
		*p, _ = alert.ParseOwnerKind(word)
	}
	return res
}

// add appends a text to a list that does not have it.
func add(v reflect.Value, text string, res result) result {
	for i := range v.Len() {
		if v.Index(i).String() == text {
			return res
		}
	}
	if v.Len() >= alert.MaxList {
		return unread
	}
	one := reflect.New(v.Type().Elem()).Elem()
	one.SetString(text)
	v.Set(reflect.Append(v, one))
	return res
}

// technique returns the identifier of a technique of MITRE ATT&CK in a text such as "T1078.004" or
// "Cloud Accounts (T1078.004)", "" for none.
func technique(text string) string {
	digits := func(s string, n int) bool {
		return len(s) >= n && strings.Trim(s[:n], "0123456789") == "" && (len(s) == n || s[n] < '0' || s[n] > '9')
	}
	for at := range len(text) {
		if text[at]|0x20 != 't' || at > 0 && strings.IndexByte("( [,:/", text[at-1]) < 0 || !digits(text[at+1:], 4) {
			continue
		}
		id, rest := "T"+text[at+1:at+5], text[at+5:]
		if strings.HasPrefix(rest, ".") && digits(rest[1:], 3) {
			id, rest = id+rest[:4], rest[4:]
		}
		if rest == "" || strings.IndexByte(") ],:/", rest[0]) >= 0 {
			return id
		}
	}
	return ""
}

func isAddress(text string) bool {
	if _, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(strings.TrimSpace(text))
	return err == nil
}

// split reads a text into several fields of a struct and reports whether they have it in full.
func split(how how, v reflect.Value, text string) (whole bool) {
	fill := func(p *string, part string) bool {
		if *p == "" {
			*p = part
		}
		return *p == part
	}
	switch p := v.Addr().Interface().(type) {
	case *alert.Device:
		switch {
		case isAddress(text):
			return fill(&p.LastIP, text)
		case strings.Contains(text, "."):
			return fill(&p.DNSName, text)
		}
		return fill(&p.HostName, text)
	case *alert.User:
		if domain, account, ok := strings.Cut(text, `\`); ok && domain != "" && account != "" {
			d, a := fill(&p.Domain, domain), fill(&p.Account, account)
			return d && a
		}
		if strings.Contains(text, "@") {
			return fill(&p.UPN, text)
		}
		return fill(&p.Account, text)
	case *alert.File:
		if how == asHashes {
			return digests(p, text, fill)
		}
		at := strings.LastIndexAny(text, `/\`)
		if at < 0 {
			return fill(&p.FileName, text)
		}
		folder := text[:at]
		if at == 0 {
			folder = text[:1]
		}
		n, f := fill(&p.FileName, text[at+1:]), fill(&p.Path, folder)
		return n && f
	}
	return false
}

// digests reads one digest, which its length tells, or several with their names as Sysmon has them:
// "MD5=…,SHA256=…".
func digests(f *alert.File, text string, fill func(*string, string) bool) (whole bool) {
	whole = true
	for one := range strings.SplitSeq(text, ",") {
		name, digest := "", strings.TrimSpace(one)
		if at := strings.IndexAny(digest, "=:"); at >= 0 {
			name, digest = digest[:at], digest[at+1:]
		}
		if strings.Trim(digest, "0123456789abcdefABCDEF") != "" || strings.Trim(digest, "0") == "" {
			whole = false
			continue
		}
		is := func(want string, length int) bool {
			return len(digest) == length && (name == "" || sameWord(name, want))
		}
		switch {
		case is("md5", 32):
			whole = fill(&f.MD5, digest) && whole
		case is("sha1", 40):
			whole = fill(&f.SHA1, digest) && whole
		case is("sha256", 64):
			whole = fill(&f.SHA256, digest) && whole
		default:
			whole = false
		}
	}
	return whole
}
