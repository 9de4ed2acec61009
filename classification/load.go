package classification

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/internal/limit"
)

// MaxText is the limit of each text of a taxonomy (name, identifier, title, alias) in code points.
const MaxText = 256

// maxDocument is the size of the largest document that Load reads.
const maxDocument = 1 << 20

// ErrTaxonomy says that something is not a taxonomy that can be used. Test for it with [errors.Is].
var ErrTaxonomy = errors.New("classification: not a taxonomy")

// An EntryError names an entry of a taxonomy that cannot be used. It matches [ErrTaxonomy].
type EntryError struct {
	Entry string `json:"entry"` // place in the document, such as "classes[2].determinations[1].id"; "" is the document
	Value string `json:"value"` // what stands there, shortened to 64 code points; "" when nothing does
	Want  string `json:"want"`  // what would have been accepted
}

// Error returns a sentence naming the entry, its value and what was expected.
func (e *EntryError) Error() string {
	entry := e.Entry
	if entry == "" {
		entry = "document"
	}
	return fmt.Sprintf("classification: taxonomy: %s %q: want %s", entry, e.Value, e.Want)
}

// Unwrap returns [ErrTaxonomy].
func (e *EntryError) Unwrap() error { return ErrTaxonomy }

// Load reads a taxonomy from the JSON document that is all of r: an object with the fields of [Taxonomy],
// [Class] and [Type], spelled as there, such as
//
//	{"name": "Ours", "classes": [
//	  {"id": "attack", "title": "Attack", "aliases": ["incident"], "determinations": [
//	    {"id": "malware", "title": "Malware"}]},
//	  {"id": "noise", "title": "Noise"}]}
//
// A field that is unknown or stands there twice is an error, and so is everything that [Taxonomy.Validate]
// reports. The error joins an [*EntryError] for each; one of r is returned as it is. The document is UTF-8
// and at most 1 MiB long.
//
// [encoding/json.Marshal] writes what Load reads.
func Load(r io.Reader) (Taxonomy, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return Taxonomy{}, fmt.Errorf("classification: taxonomy: %w", err)
	}
	p := parser{}
	switch {
	case len(data) > maxDocument:
		p.add("", "", "at most 1 MiB")
	case !utf8.Valid(data):
		p.add("", "", "UTF-8")
	default:
		if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
			p.add("", "", "JSON and nothing after it: "+err.Error())
		}
	}
	if p.errs != nil {
		return Taxonomy{}, errors.Join(p.errs...)
	}
	p.dec = json.NewDecoder(bytes.NewReader(data))
	t := p.taxonomy()
	if p.errs != nil {
		return Taxonomy{}, errors.Join(p.errs...)
	}
	if err := t.Validate(); err != nil {
		return Taxonomy{}, err
	}
	return t, nil
}

// Validate reports what keeps t from being used. Name, identifiers and titles must be there; each text is
// at most [MaxText] code points of UTF-8, without control characters and without blanks around it; an
// identifier has no slash, which joins the two in [Verdict.String]. There is at least one class. A text
// names one class only, or one determination of a class, whether as identifier, title or alias and whatever
// the case of its letters, so that [Taxonomy.Parse] has one answer. The error joins an [*EntryError] for
// each problem.
func (t Taxonomy) Validate() error {
	var p problems
	p.text("name", t.Name)
	if len(t.Classes) == 0 {
		p.add("classes", "", "at least one class")
	}
	classes := spellings{}
	for n, c := range t.Classes {
		at := index("classes", n)
		p.named(at, string(c.ID), c.Title, c.Aliases, classes)
		types := spellings{}
		for n, d := range c.Determinations {
			p.named(at+"."+index("determinations", n), string(d.ID), d.Title, d.Aliases, types)
		}
	}
	return errors.Join(p.errs...)
}

// problems gathers what is wrong with one taxonomy, so that a caller hears of all of it at once.
type problems struct{ errs []error }

func (p *problems) add(entry, value, want string) {
	p.errs = append(p.errs, &EntryError{entry, limit.Shorten(value), want})
}

// spellings maps what a text folds to to the entry that it names first.
type spellings map[string]string

// named checks the names of the class or determination at that place and enters them in taken.
func (p *problems) named(at, id, title string, aliases []string, taken spellings) {
	check := func(entry, text string) {
		p.text(entry, text)
		key := fold(text)
		if first, ok := taken[key]; ok && first != at && text != "" {
			p.add(entry, text, "a text that does not name "+first+" already")
		} else {
			taken[key] = at
		}
	}
	check(at+".id", id)
	if strings.Contains(id, "/") {
		p.add(at+".id", id, "an identifier without a slash")
	}
	check(at+".title", title)
	for n, a := range aliases {
		check(at+"."+index("aliases", n), a)
	}
}

func (p *problems) text(entry, text string) {
	switch {
	case strings.TrimSpace(text) == "":
		p.add(entry, text, "a text that is not empty")
	case !utf8.ValidString(text):
		p.add(entry, text, "UTF-8")
	case utf8.RuneCountInString(text) > MaxText:
		p.add(entry, text, "at most "+strconv.Itoa(MaxText)+" code points")
	case text != strings.TrimSpace(text) || strings.ContainsFunc(text, unicode.IsControl):
		p.add(entry, text, "a text without control characters and without blanks around it")
	}
}

// fold returns the same for two texts just when [strings.EqualFold] holds for them.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, text)
}

func index(list string, n int) string { return list + "[" + strconv.Itoa(n) + "]" }

// A parser reads a taxonomy from a document that is known to be JSON. It goes by hand because
// encoding/json takes keys in any case, keeps the last of two and does not say where an unknown one stands.
type parser struct {
	problems
	dec *json.Decoder
}

func (p *parser) taxonomy() (t Taxonomy) {
	p.object("", "name, classes", func(at, key string) bool {
		switch key {
		case "name":
			t.Name = scalar[string](p, at, "a text")
		case "classes":
			t.Classes = list(p, at, p.class)
		default:
			return false
		}
		return true
	})
	return t
}

func (p *parser) class(at string) (c Class) {
	p.object(at, "id, title, aliases, determinations", func(at, key string) bool {
		switch key {
		case "id":
			c.ID = scalar[Classification](p, at, "a text")
		case "title":
			c.Title = scalar[string](p, at, "a text")
		case "aliases":
			c.Aliases = list(p, at, p.alias)
		case "determinations":
			c.Determinations = list(p, at, p.determination)
		default:
			return false
		}
		return true
	})
	return c
}

func (p *parser) determination(at string) (d Type) {
	p.object(at, "id, title, aliases, legacy", func(at, key string) bool {
		switch key {
		case "id":
			d.ID = scalar[Determination](p, at, "a text")
		case "title":
			d.Title = scalar[string](p, at, "a text")
		case "aliases":
			d.Aliases = list(p, at, p.alias)
		case "legacy":
			d.Legacy = scalar[bool](p, at, "true or false")
		default:
			return false
		}
		return true
	})
	return d
}

func (p *parser) alias(at string) string { return scalar[string](p, at, "a text") }

// object reads an object and calls field for the value of each key, which must be read when it is known.
func (p *parser) object(at, known string, field func(at, key string) bool) {
	raw, ok := p.open(at, '{', "an object with the fields "+known)
	if !ok {
		return
	}
	outer := p.dec
	defer func() { p.dec = outer }()
	p.dec = raw
	var seen []string
	for p.dec.More() {
		token, _ := p.dec.Token() // the document is valid, and so is every part of it
		key, _ := token.(string)
		place := strings.TrimPrefix(at+"."+key, ".")
		switch {
		case slices.Contains(seen, key):
			p.add(place, key, "each field once")
			p.value()
		case !field(place, key):
			p.add(place, key, "one of the fields "+known)
			p.value()
		}
		seen = append(seen, key)
	}
}

// list reads a list of what one reads.
func list[T any](p *parser, at string, one func(at string) T) (all []T) {
	raw, ok := p.open(at, '[', "a list")
	if !ok {
		return nil
	}
	outer := p.dec
	defer func() { p.dec = outer }()
	p.dec = raw
	for p.dec.More() {
		all = append(all, one(index(at, len(all))))
	}
	return all
}

// scalar reads a text or a truth value.
func scalar[T ~string | ~bool](p *parser, at, want string) (v T) {
	raw := p.value()
	if json.Unmarshal(raw, &v) != nil || string(raw) == "null" {
		p.add(at, string(raw), want)
	}
	return v
}

// open returns a decoder of the inside of the next value, which must begin with delim.
func (p *parser) open(at string, delim byte, want string) (*json.Decoder, bool) {
	raw := p.value()
	if len(raw) == 0 || raw[0] != delim {
		p.add(at, string(raw), want)
		return nil, false
	}
	inside := json.NewDecoder(bytes.NewReader(raw))
	_, err := inside.Token()
	return inside, err == nil
}

// value returns the next value as it stands there.
func (p *parser) value() json.RawMessage {
	var raw json.RawMessage
	if err := p.dec.Decode(&raw); err != nil {
		return nil // not in a document that is valid
	}
	return raw
}
