package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bradleyjkemp/sigma-go"
	"gopkg.in/yaml.v3"
)

// A checker reads one rule and collects the refusals.
type checker struct {
	rule Rule
	errs []error
}

func (c *checker) refuse(feature, reason string) {
	c.errs = append(c.errs, &RefusedError{c.rule.File, c.rule.Title, feature, reason})
}

const singleEvents = "only rules about single events are supported"

// node checks what is no longer there when the YAML has been decoded.
func (c *checker) node(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode || n.Tag == "!!merge":
		c.refuse(fmt.Sprintf("alias in line %d", n.Line), "the engine reads it as something else; repeat the text")
	case n.Tag == "!!int" && !decimal.MatchString(n.Value):
		// The engine would look for 5136 when the rule says 0x1410.
		c.refuse("number "+n.Value, "events spell numbers in decimal; put quotation marks around it to find this text")
	}
	for _, child := range n.Content {
		c.node(child)
	}
}

var (
	decimal    = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)
	searchName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	near       = regexp.MustCompile(`\|\s*near\b`)
)

// detection checks the shape of a detection. To the engine an item of another shape is empty, and an empty
// one matches every event.
func (c *checker) detection(detection map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(detection)) {
		value := detection[name]
		switch {
		case name == "timeframe":
			c.refuse("timeframe", singleEvents)
		case name == "condition":
			text := fmt.Sprint(value) // a text or a list of texts
			if near.MatchString(text) {
				c.refuse("near", singleEvents)
			} else if strings.Contains(text, "|") {
				c.refuse("aggregation", singleEvents)
			}
		case !searchName.MatchString(name):
			c.refuse("search "+name, "no condition can name it: want letters, digits and underscores")
		default:
			c.search(name, value)
		}
	}
}

func (c *checker) search(name string, value any) {
	items, list := value.([]any)
	if !list {
		items = []any{value}
	}
	if len(items) == 0 {
		c.refuse("search "+name, "it is empty")
	}
	for _, item := range items {
		fields, ok := item.(map[string]any)
		switch {
		case !ok && list:
			c.refuse("keywords in search "+name, "name the fields to look in")
			return
		case !ok:
			c.refuse("search "+name, "want a map, or a list of maps")
		case len(fields) == 0:
			c.refuse("search "+name, "it has no fields")
		}
	}
}

// field checks one field of a search. The engine checks modifiers when an event arrives, and does not report
// a value that it cannot use.
func (c *checker) field(search string, f sigma.FieldMatcher) {
	at := " in search " + search + ", field " + f.Field
	if f.Field == "" {
		c.refuse("keywords in search "+search, "name the fields to look in")
	}
	comparison := ""
	for n, m := range f.Modifiers {
		reason, known := modifiers[m]
		switch {
		case reason != "" || !known:
			c.refuse("modifier "+m+at, cmp.Or(reason, "the engine does not have it"))
			return
		case m == "all" && n == len(f.Modifiers)-1:
		case n > 0:
			c.refuse("modifier "+m+" after "+f.Modifiers[n-1]+at, "want one modifier, then all")
			return
		case m == "all":
			c.refuse("modifier all before others"+at, "it must be the last one")
			return
		default:
			comparison = m
		}
	}
	if len(f.Values) == 0 {
		c.refuse("empty list"+at, "want a value")
	}
	for _, value := range f.Values {
		c.value(at, comparison, value)
	}
}

// modifiers are those that the engine has, each with the reason why it is refused, if it is.
var modifiers = map[string]string{
	"contains": "", "startswith": "", "endswith": "", "re": "", "cidr": "", "all": "",
	"lt": emptyPanics, "lte": emptyPanics, "gt": emptyPanics, "gte": emptyPanics,
	"base64": "the engine ignores the case of letters, which in base64 makes another text",
}

const emptyPanics = "the engine panics where the field is empty"

func (c *checker) value(at, comparison string, value any) {
	switch value.(type) {
	case string, int, bool:
	case nil:
		c.refuse("null"+at, "the engine does not have it")
		return
	default:
		c.refuse(fmt.Sprint("value ", value, at), "want a text, a whole number, true or false; try quotation marks")
		return
	}
	text := fmt.Sprint(value)
	switch {
	case text == "":
		c.refuse("empty text"+at, "to the engine a field that an event does not have is empty")
	case strings.HasPrefix(text, "%") && strings.HasSuffix(text, "%"):
		c.refuse("placeholder "+text+at, "write the values into the rule")
	case comparison == "re":
		if re, err := regexp.Compile(text); err != nil {
			c.refuse("regular expression "+text+at, err.Error())
		} else if re.MatchString("") {
			c.refuse("regular expression "+text+at, "it matches a field that an event does not have")
		}
	case comparison == "cidr":
		if _, err := netip.ParsePrefix(text); err != nil {
			c.refuse("network "+text+at, "want an address and a length, such as 192.0.2.0/24")
		}
	case strings.ContainsAny(text, "*?"):
		c.refuse("wildcard in "+text+at, "the engine takes it literally; write contains, startswith, endswith or re")
	case strings.Contains(text, `\\`):
		c.refuse("escape in "+text+at, `the engine takes it literally; write \ for one, and re for two of them`)
	}
}

// condition checks that a condition names what the rule defines. To the engine an undefined name is false,
// and so its negation is true.
func (c *checker) condition(expr sigma.SearchExpr, searches map[string]sigma.Search) {
	switch e := expr.(type) {
	case sigma.And:
		for _, sub := range e {
			c.condition(sub, searches)
		}
	case sigma.Or:
		for _, sub := range e {
			c.condition(sub, searches)
		}
	case sigma.Not:
		c.condition(e.Expr, searches)
	case sigma.SearchIdentifier:
		if _, ok := searches[e.Name]; !ok {
			c.refuse("condition "+e.Name, "the rule has no such search")
		}
	case sigma.OneOfPattern:
		c.pattern(e.Pattern, searches)
	case sigma.AllOfPattern:
		c.pattern(e.Pattern, searches)
	case sigma.OneOfThem, sigma.AllOfThem:
		for _, name := range slices.Sorted(maps.Keys(searches)) {
			if strings.HasPrefix(name, "_") {
				c.refuse("them beside search "+name, "them leaves out such names, and the engine does not")
			}
		}
	case sigma.OneOfIdentifier:
		c.refuse("1 of "+e.Ident.Name, "the engine panics; leave out 1 of")
	case sigma.AllOfIdentifier:
		c.refuse("all of "+e.Ident.Name, "the engine panics; leave out all of")
	default:
		c.refuse(fmt.Sprintf("condition %v", e), "it is not known")
	}
}

func (c *checker) pattern(pattern string, searches map[string]sigma.Search) {
	for name := range searches {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return
		}
	}
	c.refuse("condition "+pattern, "the rule has no such search")
}
