package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A sigmaField is one field of a search, and what Sigma specifies of it.
type sigmaField struct {
	name, modifier string
	all            bool
	values         []string
}

// yaml returns the field as a rule spells it. Single quotes keep all other characters.
func (f sigmaField) yaml() string {
	key := f.name
	if f.modifier != "" {
		key += "|" + f.modifier
	}
	if f.all {
		key += "|all"
	}
	return fmt.Sprintf("'%s': ['%s']", key, strings.Join(f.values, "', '"))
}

func (f sigmaField) match(e Event) bool {
	actual, ok := e[f.name]
	if !ok {
		return false
	}
	matched := 0
	for _, want := range f.values {
		a, w := strings.ToLower(actual), strings.ToLower(want)
		found := false
		switch f.modifier {
		case "":
			found = a == w
		case "contains":
			found = strings.Contains(a, w)
		case "startswith":
			found = strings.HasPrefix(a, w)
		case "endswith":
			found = strings.HasSuffix(a, w)
		case "re":
			found = regexp.MustCompile(want).MatchString(actual)
		case "cidr":
			ip, err := netip.ParseAddr(actual)
			found = err == nil && netip.MustParsePrefix(want).Contains(ip)
		}
		if found {
			matched++
		}
	}
	return matched > 0 && (!f.all || matched == len(f.values))
}

var (
	texts = rapid.SampledFrom([]string{
		"a", "A", "ab", "B", `\a`, `A\b.c`, ".c", "%a", "0", "10", "192.0.2.9", "2001:db8::9",
	})
	patterns = rapid.SampledFrom([]string{"a", "^A", "(?i)b.c$", "[0-9]+", `\\`})
	networks = rapid.SampledFrom([]string{"192.0.2.0/28", "192.0.2.8/29", "2001:db8::/64", "198.51.100.0/24"})
)

func drawField(t *rapid.T) sigmaField {
	f := sigmaField{
		name:     rapid.SampledFrom([]string{"F", "G"}).Draw(t, "field"),
		modifier: rapid.SampledFrom(comparisons).Draw(t, "modifier"),
		all:      rapid.Bool().Draw(t, "all"),
	}
	values := texts
	switch f.modifier {
	case "re":
		values = patterns
	case "cidr":
		values = networks
	}
	f.values = rapid.SliceOfN(values, 1, 3).Draw(t, "values")
	return f
}

// comparisons are the supported ways to compare a field with a value.
var comparisons = []string{"", "contains", "startswith", "endswith", "re", "cidr"}

// names are the searches of each random rule.
var names = []string{"sel", "sel_b", "other"}

// drawCondition returns a condition, and what it says of the searches that match.
func drawCondition(t *rapid.T, depth int) (text string, eval func(matched map[string]bool) bool) {
	// count returns how many of the searches with a prefix match, and how many there are.
	count := func(prefix string, matched map[string]bool) (n, of int) {
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				of++
				if matched[name] {
					n++
				}
			}
		}
		return n, of
	}
	shapes := []string{"name", "1 of", "all of"}
	if depth > 0 {
		shapes = append(shapes, "not", "and", "or")
	}
	switch shape := rapid.SampledFrom(shapes).Draw(t, "shape"); shape {
	case "name":
		name := rapid.SampledFrom(names).Draw(t, "name")
		return name, func(m map[string]bool) bool { return m[name] }
	case "not":
		text, eval := drawCondition(t, depth-1)
		return "not " + text, func(m map[string]bool) bool { return !eval(m) }
	case "and", "or":
		a, evalA := drawCondition(t, depth-1)
		b, evalB := drawCondition(t, depth-1)
		return "(" + a + " " + shape + " " + b + ")", func(m map[string]bool) bool {
			if shape == "and" {
				return evalA(m) && evalB(m)
			}
			return evalA(m) || evalB(m)
		}
	default:
		prefix := rapid.SampledFrom([]string{"", "sel", "sel_", "oth"}).Draw(t, "prefix")
		pattern := prefix + "*"
		if prefix == "" {
			pattern = "them"
		}
		return shape + " " + pattern, func(m map[string]bool) bool {
			n, of := count(prefix, m)
			return n == of || n > 0 && shape == "1 of"
		}
	}
}

// Whatever passes the checks, the engine evaluates as Sigma specifies. The random rules use all that is
// supported.
func TestAcceptedRulesAreEvaluatedAsSpecified(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.SampledFrom([]string{"F", "G", "F2", "G2"})
		event := Event(rapid.MapOfN(fields, texts, 0, 4).Draw(t, "event"))
		event["Channel"], event[timeField] = "Security", "2026-03-03T08:00:00Z"
		var b strings.Builder
		matched := map[string]bool{}
		for _, name := range names {
			fmt.Fprintf(&b, "  %s:\n", name)
			for range rapid.IntRange(1, 2).Draw(t, "maps") {
				first := drawField(t)
				second := drawField(t)
				second.name += "2" // no key twice in one map
				matched[name] = matched[name] || first.match(event) && second.match(event)
				fmt.Fprintf(&b, "    - {%s, %s}\n", first.yaml(), second.yaml())
			}
		}
		condition, eval := drawCondition(t, 3)
		text := sound + b.String() + "  condition: " + condition
		rules, err := LoadRules(fstest.MapFS{"x.yml": {Data: []byte(text)}})
		require.NoError(t, err, text)
		alerts, err := NewPipeline(rules).Process(t.Context(), event)
		require.NoError(t, err, text)
		require.Equal(t, eval(matched), len(alerts) == 1, "%v\n%s\n%v", event, text, matched)
	})
}
