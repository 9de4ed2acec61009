package classification_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/classification"
)

func marshal(t require.TestingT, tax classification.Taxonomy) string {
	text, err := json.Marshal(tax)
	require.NoError(t, err)
	return string(text)
}

// small is a taxonomy that shares nothing with those of the package.
const small = `{"name": "Ours", "classes": [
	{"id": "attack", "title": "Attack", "aliases": ["incident"], "determinations": [
		{"id": "worm", "title": "Worm"},
		{"id": "insider", "title": "Somebody of us", "aliases": ["mole"], "legacy": true}]},
	{"id": "unknown", "title": "Not Known"}]}`

func TestATaxonomyOfOnesOwn(t *testing.T) {
	tax, err := classification.Load(strings.NewReader(small))
	require.NoError(t, err)
	worm := classification.Verdict{Classification: "attack", Determination: "worm"}
	require.NoError(t, tax.Check(worm))
	require.NoError(t, tax.Check(classification.Verdict{}))
	require.ErrorIs(t, tax.Check(classification.Verdict{Classification: classification.TruePositive}), classification.ErrUnknown)
	assert.Equal(t, "Attack: Worm", tax.Title(worm))
	for _, c := range []struct{ classification, determination, want string }{
		{"INCIDENT", "Mole", "attack/insider"},
		{"", "worm", "attack/worm"},
		{"attack", "notAvailable", "attack"},
		{"Unknown", "", "unknown"}, // a name of this taxonomy, not Graph's word for no value
		{"unknownFutureValue", "", ""},
	} {
		v, err := tax.Parse(c.classification, c.determination)
		require.NoError(t, err)
		assert.Equal(t, c.want, v.String())
	}
	_, err = tax.Parse("truePositive", "worm")
	require.EqualError(t, err, `classification: Ours taxonomy has no classification "truePositive" (want attack, unknown)`)
}

// Each document has one fault, which is named by its place.
func TestLoadNamesTheEntry(t *testing.T) {
	long := strings.Repeat("é", classification.MaxText+1)
	for _, c := range []struct{ document, entry, want string }{
		{``, "", "JSON and nothing after it"},
		{`{"name": "x", "classes": [}`, "", "JSON and nothing after it"},
		{small + ` {}`, "", "JSON and nothing after it"},
		{small + strings.Repeat(" ", 1<<20), "", "at most 1 MiB"},
		{"\"\xff\"", "", "UTF-8"},
		{`[]`, "", "an object with the fields name, classes"},
		{`null`, "", "an object with the fields name, classes"},
		{`{"name": "x"}`, "classes", "at least one class"},
		{`{"name": "x", "classes": []}`, "classes", "at least one class"},
		{`{"name": "x", "classes": {}}`, "classes", "a list"},
		{`{"name": "x", "classes": [7]}`, "classes[0]", "an object with the fields id, title, aliases, determinations"},
		{strings.Replace(small, `"name"`, `"Name"`, 1), "Name", "one of the fields name, classes"},
		{strings.Replace(small, `"name": "Ours"`, `"name": 7`, 1), "name", "a text"},
		{strings.Replace(small, `"name": "Ours"`, `"name": null`, 1), "name", "a text"},
		{strings.Replace(small, `"name": "Ours"`, `"name": "Ours", "name": "Yours"`, 1), "name", "each field once"},
		{strings.Replace(small, `"name": "Ours", `, ``, 1), "name", "a text that is not empty"},
		{strings.Replace(small, `"Not Known"`, `"Not Known", "kind": {"a": [1]}`, 1), "classes[1].kind", "one of the fields id, title, aliases, determinations"},
		{strings.Replace(small, `"Worm"`, `"Worm", "x": 1`, 1), "classes[0].determinations[0].x", "one of the fields id, title, aliases, legacy"},
		{strings.Replace(small, `true`, `"yes"`, 1), "classes[0].determinations[1].legacy", "true or false"},
		{strings.Replace(small, `["mole"]`, `["mole", 1]`, 1), "classes[0].determinations[1].aliases[1]", "a text"},
		{strings.Replace(small, `["mole"]`, `null`, 1), "classes[0].determinations[1].aliases", "a list"},
		{strings.Replace(small, `"insider"`, `""`, 1), "classes[0].determinations[1].id", "a text that is not empty"},
		{strings.Replace(small, `"mole"`, `" "`, 1), "classes[0].determinations[1].aliases[0]", "a text that is not empty"},
		{strings.Replace(small, `"Attack"`, `"Attack "`, 1), "classes[0].title", "a text without control characters and without blanks around it"},
		{strings.Replace(small, `"Attack"`, `"At\u0000tack"`, 1), "classes[0].title", "a text without control characters and without blanks around it"},
		{strings.Replace(small, `"insider"`, `"in/sider"`, 1), "classes[0].determinations[1].id", "an identifier without a slash"},
		{strings.Replace(small, `"insider"`, `"`+long+`"`, 1), "classes[0].determinations[1].id", "at most 256 code points"},
		{strings.Replace(small, `"insider"`, `"WORM"`, 1), "classes[0].determinations[1].id", "a text that does not name classes[0].determinations[0] already"},
		{strings.Replace(small, `"mole"`, `"wor\u004d"`, 1), "classes[0].determinations[1].aliases[0]", "a text that does not name classes[0].determinations[0] already"},
		{strings.Replace(small, `"Not Known"`, `"\u212Anown", "aliases": ["INCIDENT"]`, 1), "classes[1].aliases[0]", "a text that does not name classes[0] already"},
		{strings.Replace(strings.Replace(small, `"Worm"`, `"\u212Aelvin"`, 1), `"mole"`, `"kelvin"`, 1), "classes[0].determinations[1].aliases[0]", "a text that does not name classes[0].determinations[0] already"},
	} {
		tax, err := classification.Load(strings.NewReader(c.document))
		require.ErrorIs(t, err, classification.ErrTaxonomy, "%.200s", c.document)
		assert.Zero(t, tax)
		entry, ok := errors.AsType[*classification.EntryError](err)
		require.True(t, ok)
		assert.Equal(t, c.entry, entry.Entry)
		want, _, _ := strings.Cut(entry.Want, ": ") // what encoding/json says of a syntax error
		assert.Equal(t, c.want, want)
		assert.NotContains(t, err.Error(), "\n", "one fault, one error")
		assert.Less(t, len(err.Error()), 400)
	}
}

func TestTheLongestText(t *testing.T) {
	long := strings.Repeat("é", classification.MaxText)
	tax, err := classification.Load(strings.NewReader(strings.Replace(small, "Worm", long, 1)))
	require.NoError(t, err)
	assert.Equal(t, long, tax.Classes[0].Determinations[0].Title)
}

func TestLoadReportsAllAtOnce(t *testing.T) {
	_, err := classification.Load(strings.NewReader(`{"name": "", "classes": [{"id": "a", "title": ""}, {"id": "A", "title": "B"}]}`))
	for _, entry := range []string{`name ""`, `classes[0].title ""`, `classes[1].id "A"`} {
		assert.ErrorContains(t, err, entry)
	}
}

func TestLoadReturnsTheErrorOfItsReader(t *testing.T) {
	_, err := classification.Load(iotest.ErrReader(iotest.ErrTimeout))
	require.ErrorIs(t, err, iotest.ErrTimeout)
	require.NotErrorIs(t, err, classification.ErrTaxonomy)
}

// texts are few, so that some taxonomies name a thing twice, and awkward.
func texts(unique string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		base := rapid.SampledFrom([]string{"a", "B", "ſ", "K", "\u212A", "é", "<&>", "漢", "", " x", "a/b", "\u0085", "\xff", `"`, "unknown"}).Draw(t, "base")
		if rapid.IntRange(0, 9).Draw(t, "distinct") > 0 {
			return "n" + unique + strings.ToValidUTF8(strings.Trim(strings.ReplaceAll(base, "/", ""), " \u0085"), "")
		}
		return base
	})
}

func taxonomies() *rapid.Generator[classification.Taxonomy] {
	return rapid.Custom(func(t *rapid.T) classification.Taxonomy {
		n := 0
		text := func() string { n++; return texts(fmt.Sprint(n)).Draw(t, "text") }
		aliases := func() (all []string) {
			for range rapid.IntRange(0, 2).Draw(t, "aliases") {
				all = append(all, text())
			}
			return all
		}
		tax := classification.Taxonomy{Name: text()}
		for range rapid.IntRange(0, 3).Draw(t, "classes") {
			c := classification.Class{ID: classification.Classification(text()), Title: text(), Aliases: aliases()}
			for range rapid.IntRange(0, 3).Draw(t, "types") {
				c.Determinations = append(c.Determinations, classification.Type{ID: classification.Determination(text()), Title: text(),
					Aliases: aliases(), Legacy: rapid.Bool().Draw(t, "legacy")})
			}
			tax.Classes = append(tax.Classes, c)
		}
		return tax
	})
}

// A taxonomy that Validate accepts is the same after its JSON was loaded, and every spelling in it names
// just the entry it stands at. Of one that it refuses, some text is faulty or names two things.
func TestWhatIsValidLoadsAndParses(t *testing.T) {
	var valid, refused int
	rapid.Check(t, func(t *rapid.T) {
		tax := taxonomies().Draw(t, "taxonomy")
		if err := tax.Validate(); err != nil {
			refused++
			require.ErrorIs(t, err, classification.ErrTaxonomy)
			require.True(t, faulty(tax), "%v", err)
			return
		}
		valid++
		require.False(t, faulty(tax))
		got, err := classification.Load(strings.NewReader(marshal(t, tax)))
		require.NoError(t, err)
		require.Equal(t, tax, got)
		parsesItself(t, tax)
	})
	assert.NotZero(t, valid)
	assert.NotZero(t, refused)
}

// faulty is the slow way to say that tax cannot be used.
func faulty(tax classification.Taxonomy) bool {
	bad := func(s string) bool {
		return s == "" || !utf8.ValidString(s) || strings.Contains(s, "\u0085") || s != strings.TrimSpace(s)
	}
	clash := func(a, b []string) bool {
		for _, x := range a {
			for _, y := range b {
				if strings.EqualFold(x, y) {
					return true
				}
			}
		}
		return false
	}
	if bad(tax.Name) || len(tax.Classes) == 0 {
		return true
	}
	var classes [][]string
	var groups [][][]string
	for _, c := range tax.Classes {
		classes = append(classes, append([]string{string(c.ID), c.Title}, c.Aliases...))
		var types [][]string
		for _, d := range c.Determinations {
			types = append(types, append([]string{string(d.ID), d.Title}, d.Aliases...))
		}
		groups = append(groups, types)
	}
	for _, names := range append(groups, classes) {
		for n := range names {
			if strings.Contains(names[n][0], "/") {
				return true
			}
			if slices.ContainsFunc(names[n], bad) {
				return true
			}
			for m := range n {
				if clash(names[n], names[m]) {
					return true
				}
			}
		}
	}
	return false
}

// parsesItself checks that every spelling of tax names the verdict it stands for.
func parsesItself(t require.TestingT, tax classification.Taxonomy) {
	for _, class := range tax.Classes {
		for _, typ := range class.Determinations {
			want := classification.Verdict{Classification: class.ID, Determination: typ.ID}
			require.NoError(t, tax.Check(want))
			require.Equal(t, class.Title+": "+typ.Title, tax.Title(want))
			for _, c := range append([]string{string(class.ID), class.Title}, class.Aliases...) {
				for _, d := range append([]string{string(typ.ID), typ.Title}, typ.Aliases...) {
					got, err := tax.Parse(strings.ToLower(c), strings.ToUpper(d))
					require.NoError(t, err)
					require.Equal(t, want, got)
				}
			}
		}
	}
}

func TestTheTaxonomiesOfThePackage(t *testing.T) {
	for _, tax := range []classification.Taxonomy{classification.Defender(), classification.ENISA()} {
		require.NoError(t, tax.Validate())
		parsesItself(t, tax)
		got, err := classification.Load(strings.NewReader(marshal(t, tax)))
		require.NoError(t, err)
		assert.Equal(t, tax, got)
	}
}

// The classes of RSIT version 1003 and how many types each has.
func TestENISAIsComplete(t *testing.T) {
	got := map[classification.Classification]int{}
	for _, c := range classification.ENISA().Classes {
		for _, d := range c.Determinations {
			if !d.Legacy {
				got[c.ID]++
			}
		}
	}
	assert.Equal(t, map[classification.Classification]int{
		"abusive-content": 3, "malicious-code": 4, "information-gathering": 3, "intrusion-attempts": 3, "intrusions": 5, "availability": 5,
		"information-content-security": 4, "fraud": 4, "vulnerable": 5, "other": 2, "test": 1,
	}, got)
	_, err := classification.ENISA().Parse("truePositive", "malware")
	require.ErrorIs(t, err, classification.ErrUnknown)
}

// FuzzLoad: whatever is loaded is valid and loads again from what it is written as.
func FuzzLoad(f *testing.F) {
	f.Add(small)
	f.Add(marshal(f, classification.Defender()))
	f.Add(`{"name":"x","classes":[{"id":"a","title":"a"},{"id":"a","title":7}],"x":{}}`)
	f.Fuzz(func(t *testing.T, document string) {
		tax, err := classification.Load(strings.NewReader(document))
		if err != nil {
			require.ErrorIs(t, err, classification.ErrTaxonomy)
			require.Zero(t, tax)
			return
		}
		require.NoError(t, tax.Validate())
		again, err := classification.Load(strings.NewReader(marshal(t, tax)))
		require.NoError(t, err)
		require.Equal(t, marshal(t, tax), marshal(t, again))
	})
}
