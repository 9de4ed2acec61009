package driver

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A Facet is a value that an incident counts for in [storage.Counts], as a text. Its first byte, an ASCII character, is
// the field. Statuses and severities are not among them: counts are kept for each of these apart, so that queries by
// status and severity can be answered from them, see [ByStatusAndSeverity].
type Facet string

// EveryIncident is what all incidents count for.
const EveryIncident Facet = "-"

// The other fields. That of an [incident.List] is the letter so many behind facetOfList as is its number.
const (
	facetOfOwner          = 'o' // an ownerText; not of an incident without an owner
	facetOfTag            = 't' // the first spelling of those that an incident has
	facetOfClassification = 'c'
	facetOfDetermination  = 'd'
	facetOfCriticality    = 'r' // its number
	facetOfList           = 'A'
)

// An ownerText is an owner as JSON. Its kind is a number, which may be that of no constant.
type ownerText struct {
	Kind uint8
	ID   string
	Name string
}

// FacetsOf returns what i counts for, by bytes. A field without a value has none, as most have not: how many those are
// is what is left of every incident. A value that stands in a list of i twice is there twice.
func FacetsOf(i *incident.Incident) []Facet {
	all := []Facet{EveryIncident}
	add := func(field rune, value string) {
		if value != "" {
			all = append(all, Facet(string(field)+value))
		}
	}
	add(facetOfClassification, string(i.Verdict.Classification))
	add(facetOfDetermination, string(i.Verdict.Determination))
	if c := i.Alerts.Criticality; c != alert.NotCritical {
		add(facetOfCriticality, strconv.Itoa(int(c)))
	}
	if !i.Owner.IsZero() {
		var text strings.Builder
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		_ = e.Encode(ownerText{uint8(i.Owner.Kind), i.Owner.ID, i.Owner.Name}) // a Builder takes texts and numbers
		add(facetOfOwner, strings.TrimSuffix(text.String(), "\n"))
	}
	first := make(map[string]string, len(i.Tags)) // spelling, by what it folds to
	for _, t := range i.Tags {
		folded := incident.Fold(t.Name)
		if name, ok := first[folded]; !ok || t.Name < name {
			first[folded] = t.Name
		}
	}
	for _, name := range first {
		all = append(all, Facet(string(rune(facetOfTag))+name))
	}
	for l, texts := range i.Alerts.Lists() {
		for _, text := range *texts {
			all = append(all, Facet(string(facetOfList+rune(l))+text))
		}
	}
	slices.Sort(all)
	return all
}

// AddFacet counts n more incidents of a status and a severity for f; which these are matters for EveryIncident alone. Once
// all facets are added, in any order, c says what it would if each incident were added. A Facet that FacetsOf
// does not make is an error.
func AddFacet(c *storage.Counts, f Facet, status incident.Status, severity alert.Severity, n int) error {
	if f == "" {
		return fmt.Errorf("storage: facet %q is of no field", f)
	}
	value := string(f[1:])
	switch field := f[0]; field {
	case EveryIncident[0]:
		c.Total += n
		count(&c.Statuses, status, n)
		count(&c.Severities, severity, n)
		c.Unassigned += n // and so on, until a facet says otherwise
		count(&c.Classifications, "", n)
		count(&c.Determinations, "", n)
		count(&c.Criticalities, alert.NotCritical, n)
	case facetOfOwner:
		var o ownerText
		if err := json.Unmarshal([]byte(value), &o); err != nil {
			return fmt.Errorf("storage: facet %q: %w", f, err)
		}
		c.Unassigned -= n
		addOwner(c, incident.Owner{Kind: alert.OwnerKind(o.Kind), ID: o.ID, Name: o.Name}, n)
	case facetOfTag:
		addTag(c, value, n)
	case facetOfClassification:
		count(&c.Classifications, "", -n)
		count(&c.Classifications, classification.Classification(value), n)
	case facetOfDetermination:
		count(&c.Determinations, "", -n)
		count(&c.Determinations, classification.Determination(value), n)
	case facetOfCriticality:
		level, err := strconv.ParseUint(value, 10, 8)
		if err != nil {
			return fmt.Errorf("storage: facet %q: %w", f, err)
		}
		count(&c.Criticalities, alert.NotCritical, -n)
		count(&c.Criticalities, alert.Criticality(level), n)
	default:
		l := int(field) - facetOfList
		if l < 0 || l >= incident.Lists {
			return fmt.Errorf("storage: facet %q is of no field", f)
		}
		count(c.Lists()[l], value, n)
	}
	return nil
}

// ByStatusAndSeverity reports whether q filters by nothing but status and severity, in Except too. It is false where q
// has a Within: [Flat] moves such filters out of there. Sort, Ascending, After and Limit of q must be zero; those of
// Except do not count.
func ByStatusAndSeverity(q incident.Query) bool {
	except := q.Except
	q.Statuses, q.Severities, q.Except = nil, nil, nil
	return reflect.ValueOf(q).IsZero() && !slices.ContainsFunc(except, func(x incident.Query) bool {
		x.Sort, x.Ascending, x.After, x.Limit = incident.ByUpdated, false, incident.Cursor{}, 0
		return !ByStatusAndSeverity(x)
	})
}

func addOwner(c *storage.Counts, o incident.Owner, n int) {
	if c.Owners == nil {
		c.Owners = make(map[string]storage.OwnerTally)
	}
	folded := incident.Fold(o.ID)
	tally := c.Owners[folded]
	tally.Add(o, n)
	c.Owners[folded] = tally
}

func addTag(c *storage.Counts, name string, n int) {
	if c.Tags == nil {
		c.Tags = make(map[string]storage.Tally)
	}
	folded := incident.Fold(name)
	tally := c.Tags[folded]
	tally.Add(name, n)
	c.Tags[folded] = tally
}

// count adds n to the count of k, which is not in the map while it is 0. An empty map is nil.
func count[K comparable](counts *map[K]int, k K, n int) {
	if *counts == nil {
		*counts = make(map[K]int)
	}
	if (*counts)[k] += n; (*counts)[k] != 0 {
		return
	}
	if delete(*counts, k); len(*counts) == 0 {
		*counts = nil
	}
}
