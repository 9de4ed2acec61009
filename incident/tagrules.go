package incident

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// MaxTagRules is how many asset rules, and how many alert rules, [TagRules] may have.
const MaxTagRules = 1_000

// TagRules say which alerts bring which tags, and which assets are critical. They are plain data, to be kept as
// JSON and to be extended: whoever wants more than the default appends to what [DefaultTagRules] returns. The
// zero TagRules bring nothing.
type TagRules struct {
	Assets []AssetRule `json:"assets,omitempty"`
	Alerts []AlertRule `json:"alerts,omitempty"`
}

// An AssetRule classifies critical assets. An asset is of the classification when one of its keys matches one of
// Keys, or one of the tags that the source gave to its evidence folds equal to one of Tags. The zero AssetRule
// is not valid.
//
// In a pattern only * is special: it stands for any run of characters, also for none. Case does not matter, as
// [Fold] has it. Keys are spelled as [alert.Key] has them: "sid:s-1-5-21-*-500", "host:dc*", "upn:*-admin@*".
type AssetRule struct {
	Name        string            `json:"name"` // of the classification, which is the name of the tag; at most MaxTag code points
	Criticality alert.Criticality `json:"criticality"`
	Keys        []string          `json:"keys,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
}

// An AlertRule gives Tag to alerts. A list that is not empty must match, and it does when one of its patterns,
// which are as those of an [AssetRule], matches. The zero AlertRule is not valid.
type AlertRule struct {
	Tag              Tag      `json:"tag"` // of a kind other than Custom and SystemTag
	Titles           []string `json:"titles,omitempty"`
	Categories       []string `json:"categories,omitempty"`
	DetectionSources []string `json:"detectionSources,omitempty"`
	Threats          []string `json:"threats,omitempty"` // of Threat or ThreatFamily
}

// Validate reports everything that is wrong with r, joined; nil means nothing. Each problem is an
// [*alert.FieldError], whose Field names the entry, such as "assets[3].criticality".
func (r TagRules) Validate() error {
	p := problems{record: "tag rules"}
	for _, list := range []struct {
		field string
		n     int
	}{{"assets", len(r.Assets)}, {"alerts", len(r.Alerts)}} {
		if list.n > MaxTagRules {
			p.add(list.field, strconv.Itoa(list.n), fmt.Sprintf("at most %d rules", MaxTagRules))
		}
	}
	for n, rule := range r.Assets {
		rule.check(&p, n)
	}
	for n, rule := range r.Alerts {
		rule.check(&p, n)
	}
	return p.err()
}

func (r AssetRule) check(p *problems, n int) {
	field := fmt.Sprintf("assets[%d].", n)
	p.tagName(field+"name", r.Name)
	if r.Criticality < alert.LowCriticality || r.Criticality > alert.VeryHighCriticality {
		p.add(field+"criticality", r.Criticality.String(), "low, medium, high or veryHigh")
	}
	p.patterns(field, map[string][]string{"keys": r.Keys, "tags": r.Tags})
}

func (r AlertRule) check(p *problems, n int) {
	field := fmt.Sprintf("alerts[%d].", n)
	p.tagName(field+"tag.name", r.Tag.Name)
	if !isDerived(r.Tag) || r.Tag.Kind > alert.CriticalAsset {
		p.add(field+"tag.kind", r.Tag.Kind.String(), "attackType, automaticAction, experts or criticalAsset")
	}
	p.patterns(field, map[string][]string{"titles": r.Titles, "categories": r.Categories, "detectionSources": r.DetectionSources, "threats": r.Threats})
}

func (p *problems) tagName(field, name string) {
	p.need(field, cleanTag(name))
	p.text(field, name, MaxTag)
}

// patterns notes what is wrong with the conditions of a rule.
func (p *problems) patterns(field string, lists map[string][]string) {
	some := false
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		for n, pattern := range lists[name] {
			some = true
			at := fmt.Sprintf("%s%s[%d]", field, name, n)
			p.need(at, pattern)
			p.text(at, pattern, MaxName)
		}
	}
	if !some {
		p.add(strings.TrimSuffix(field, "."), "", "a condition")
	}
}

// Apply returns a with the SystemTags and the Criticality of each piece of evidence that r gives it, whatever
// they were. Every classification of an asset is a tag of the kind [alert.CriticalAsset], and the highest of
// them is its criticality. The lists of a stay as they are; those that change are new ones.
//
// Rules that [TagRules.Validate] refuses, and those above [MaxTagRules], are left out; the others apply.
func (r TagRules) Apply(a alert.Alert) alert.Alert { return r.Prepare()(a, a.KeySet()) }

// Prepare returns a function that does as [TagRules.Apply], for many alerts at less cost; it is given an alert and
// its keys. It may be used by many goroutines at once, and what becomes of r later has no effect on it.
func (r TagRules) Prepare() func(alert.Alert, alert.KeySet) alert.Alert {
	t := tagger{byTag: make(map[string][]int), byKey: make(map[string][]keyPattern)}
	for n, rule := range r.Assets[:min(len(r.Assets), MaxTagRules)] {
		var p problems
		if rule.check(&p, n); p.errs != nil {
			continue
		}
		t.assets = append(t.assets, assetClass{Tag{Name: cleanTag(rule.Name), Kind: alert.CriticalAsset}, rule.Criticality})
		class := len(t.assets) - 1
		for _, tag := range rule.Tags {
			t.byTag[Fold(tag)] = append(t.byTag[Fold(tag)], class)
		}
		for _, text := range rule.Keys {
			k := keyPattern{makePattern(text), class}
			if namespace := alert.Key(Fold(text)).Namespace(); len(k.head) > len(namespace) {
				t.byKey[namespace] = append(t.byKey[namespace], k)
			} else {
				t.anyKey = append(t.anyKey, k)
			}
		}
	}
	for n, rule := range r.Alerts[:min(len(r.Alerts), MaxTagRules)] {
		var p problems
		if rule.check(&p, n); p.errs != nil {
			continue
		}
		c := alertClass{tag: Tag{Name: cleanTag(rule.Tag.Name), Kind: rule.Tag.Kind}}
		for n, list := range [...][]string{rule.Titles, rule.Categories, rule.DetectionSources, rule.Threats} {
			for _, text := range list {
				c.lists[n] = append(c.lists[n], makePattern(text))
			}
		}
		t.alerts = append(t.alerts, c)
	}
	return t.apply
}

// A tagger is the rules in a form that finds those that matter, because every alert that comes in passes here.
type tagger struct {
	assets []assetClass
	byTag  map[string][]int        // indexes of assets, by folded tag
	byKey  map[string][]keyPattern // by namespace
	anyKey []keyPattern            // that leave the namespace open
	alerts []alertClass
}

type assetClass struct {
	tag         Tag
	criticality alert.Criticality
}

type keyPattern struct {
	pattern
	class int // index of the class of assets
}

type alertClass struct {
	tag   Tag
	lists [4][]pattern // titles, categories, detection sources, threats
}

func (t *tagger) apply(a alert.Alert, keys alert.KeySet) alert.Alert {
	a.SystemTags = nil
	given := a.Evidence
	for n := range given {
		e := &given[n]
		criticality := alert.NotCritical
		if e.Entity != nil && e.Entity.Kind().Asset() != alert.NotAsset {
			criticality, a.SystemTags = t.asset(e, keys.Own(n), a.SystemTags)
		}
		if criticality == e.Criticality {
			continue
		}
		if &a.Evidence[0] == &given[0] {
			a.Evidence = slices.Clone(given)
		}
		a.Evidence[n].Criticality = criticality
	}
	if len(t.alerts) == 0 {
		return a
	}
	var texts [5][]byte
	var room [512]byte // for most, so that nothing is allocated
	rest := room[:0]
	for n, text := range [...]string{a.Title, a.Category, a.DetectionSource, a.Threat, a.ThreatFamily} {
		texts[n] = appendFold(rest, text)
		rest = texts[n][len(texts[n]):]
	}
	for n := range t.alerts {
		if c := &t.alerts[n]; c.has(&texts) {
			a.SystemTags = brought(a.SystemTags, c.tag)
		}
	}
	return a
}

// asset returns how critical the asset of e, which has keys, is, and tags with those of its classifications.
func (t *tagger) asset(e *alert.Evidence, keys []alert.Key, tags []Tag) (alert.Criticality, []Tag) {
	criticality := alert.NotCritical
	is := func(class int) {
		c := &t.assets[class]
		criticality = max(criticality, c.criticality)
		tags = brought(tags, c.tag)
	}
	var room [128]byte
	for _, tag := range e.Tags {
		for _, class := range t.byTag[string(appendFold(room[:0], tag))] {
			is(class)
		}
	}
	if len(t.byKey) == 0 && len(t.anyKey) == 0 {
		return criticality, tags
	}
	for _, key := range keys {
		named := t.byKey[key.Namespace()]
		if len(named) == 0 && len(t.anyKey) == 0 {
			continue
		}
		text := appendFold(room[:0], string(key))
		for _, list := range [...][]keyPattern{named, t.anyKey} {
			for n := range list {
				if list[n].matches(text) {
					is(list[n].class)
				}
			}
		}
	}
	return criticality, tags
}

// has reports whether an alert with these texts, folded, is of the class: title, category, detection source,
// threat, threat family.
func (c *alertClass) has(texts *[5][]byte) bool {
	for n, list := range &c.lists {
		any := len(list) == 0
		for k := range list {
			any = any || list[k].matches(texts[n]) || n == 3 && list[k].matches(texts[4])
		}
		if !any {
			return false
		}
	}
	return true
}

// appendFold appends the folded text to b.
func appendFold(b []byte, text string) []byte {
	if !glyph.IsASCII(text) {
		return append(b, Fold(text)...)
	}
	from := len(b)
	b = append(b, text...)
	for n, c := range b[from:] {
		if 'A' <= c && c <= 'Z' {
			b[from+n] = c + 'a' - 'A'
		}
	}
	return b
}

// A pattern is a folded text in which * stands for any run of characters, in its parts.
type pattern struct {
	exact  bool     // there is no *, and head is all
	head   []byte   // before the first *
	middle [][]byte // between two of them, none empty
	tail   []byte   // after the last
}

func makePattern(text string) pattern {
	parts := bytes.Split([]byte(Fold(text)), []byte("*"))
	last := len(parts) - 1
	p := pattern{exact: last == 0, head: parts[0], tail: parts[last]}
	if last > 0 {
		p.middle = slices.DeleteFunc(parts[1:last], func(s []byte) bool { return len(s) == 0 })
	}
	return p
}

// matches reports whether the folded text is one that p describes.
func (p *pattern) matches(text []byte) bool {
	if p.exact {
		return bytes.Equal(text, p.head)
	}
	if len(text) < len(p.head)+len(p.tail) || !bytes.HasPrefix(text, p.head) || !bytes.HasSuffix(text, p.tail) {
		return false
	}
	text = text[len(p.head) : len(text)-len(p.tail)]
	for _, part := range p.middle {
		at := bytes.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}
