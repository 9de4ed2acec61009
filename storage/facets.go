package storage

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// Counts are how many incidents a query selects, in all and for each value that a filter can be set to. A
// value's count is that of the query with only this value in the filter besides. Values that no incident has
// are not in the maps, which are nil when they are empty, and then left out in JSON. An incident with two tags counts
// for both. Names of tags are folded by [incident.Fold].
type Counts struct {
	Total            int                                   `json:"total"`
	Unassigned       int                                   `json:"unassigned"`
	Statuses         map[incident.Status]int               `json:"statuses,omitempty"`
	Severities       map[alert.Severity]int                `json:"severities,omitempty"`
	Owners           map[string]OwnerTally                 `json:"owners,omitempty"`          // by the folded account identifier
	Tags             map[string]Tally                      `json:"tags,omitempty"`            // by the folded name
	Classifications  map[classification.Classification]int `json:"classifications,omitempty"` // "" is not classified
	Determinations   map[classification.Determination]int  `json:"determinations,omitempty"`  // "" is none
	Sources          map[string]int                        `json:"sources,omitempty"`
	DetectionSources map[string]int                        `json:"detectionSources,omitempty"`
	Products         map[string]int                        `json:"products,omitempty"`
	Categories       map[string]int                        `json:"categories,omitempty"`
	Techniques       map[string]int                        `json:"techniques,omitempty"`
	DeviceGroups     map[string]int                        `json:"deviceGroups,omitempty"`
	Platforms        map[string]int                        `json:"platforms,omitempty"`
	Threats          map[string]int                        `json:"threats,omitempty"`
	ThreatActors     map[string]int                        `json:"threatActors,omitempty"`
	Criticalities    map[alert.Criticality]int             `json:"criticalities,omitempty"` // the highest of its assets
}

// Lists returns where the counts of the values of an incident's lists are, indexed by [incident.List].
func (c *Counts) Lists() [incident.Lists]*map[string]int {
	return [...]*map[string]int{
		incident.SourceList:          &c.Sources,
		incident.DetectionSourceList: &c.DetectionSources,
		incident.ProductList:         &c.Products,
		incident.CategoryList:        &c.Categories,
		incident.TechniqueList:       &c.Techniques,
		incident.DeviceGroupList:     &c.DeviceGroups,
		incident.PlatformList:        &c.Platforms,
		incident.ThreatList:          &c.Threats,
		incident.ThreatActorList:     &c.ThreatActors,
	}
}

// A Tally is how many incidents have a tag, and the spelling of it that is the first by bytes.
type Tally struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Add counts n more incidents that have the tag in that spelling. n is 0 for a second spelling in an incident
// that has been counted.
func (t *Tally) Add(name string, n int) {
	if t.Count == 0 || name < t.Name {
		t.Name = name
	}
	t.Count += n
}

// An OwnerTally is how many incidents belong to an account identifier, and the owner it stands for. Where
// incidents differ in what they say of it, Owner is one with a display name rather than one without, then a
// user rather than a group, then the one whose name, and then whose identifier, is the first by bytes, in whatever
// order they are counted.
type OwnerTally struct {
	Owner incident.Owner `json:"owner"`
	Count int            `json:"count"`
}

// Add counts n more incidents that belong to o.
func (t *OwnerTally) Add(o incident.Owner, n int) {
	if t.Count == 0 || rankOwners(o, t.Owner) < 0 {
		t.Owner = o
	}
	t.Count += n
}

func rankOwners(a, b incident.Owner) int {
	if (a.Name == "") != (b.Name == "") {
		return strings.Compare(b.Name, a.Name)
	}
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
}

// A Faceter is a [Reader] that counts by value without reading all records. Those who count use [Facets],
// which sees to it that Sort, Ascending, After and Limit of the query are zero.
type Faceter interface {
	Facets(context.Context, incident.Query) (Counts, error)
}

// Facets returns how many incidents q selects for each value of the filters, whatever page of them it asks
// for: Sort, Ascending, After and Limit do not count. It asks r itself where r is a [Faceter] and reads the
// incidents where it is not.
//
// All filters of q hold, so a screen that offers the other values of a filter too clears that filter first.
// The result is as large as there are different values.
func Facets(ctx context.Context, r Reader, q incident.Query) (Counts, error) {
	q = all(q)
	if f, ok := r.(Faceter); ok {
		return f.Facets(ctx, q)
	}
	var c Counts
	for i, err := range r.Incidents(ctx, q) {
		if err != nil {
			return Counts{}, err
		}
		c.Add(&i)
	}
	return c, nil
}

// Add counts one more incident, which it does not change or keep.
func (c *Counts) Add(i *incident.Incident) {
	c.Total++
	count(&c.Statuses, i.Status, 1)
	count(&c.Severities, i.Severity, 1)
	if i.Owner.IsZero() {
		c.Unassigned++
	} else {
		c.addOwner(i.Owner, 1)
	}
	c.addTags(i.Tags)
	count(&c.Classifications, i.Verdict.Classification, 1)
	count(&c.Determinations, i.Verdict.Determination, 1)
	lists := c.Lists()
	for l, values := range i.Alerts.Lists() {
		countAll(lists[l], *values)
	}
	count(&c.Criticalities, i.Alerts.Criticality, 1)
}

func (c *Counts) addOwner(o incident.Owner, n int) {
	if c.Owners == nil {
		c.Owners = make(map[string]OwnerTally)
	}
	folded := incident.Fold(o.ID)
	tally := c.Owners[folded]
	tally.Add(o, n)
	c.Owners[folded] = tally
}

func (c *Counts) addTags(tags []incident.Tag) {
	var folded []string
	for _, t := range tags {
		name, n := incident.Fold(t.Name), 0
		if !slices.Contains(folded, name) {
			folded, n = append(folded, name), 1
		}
		c.addTag(t.Name, n)
	}
}

func (c *Counts) addTag(name string, n int) {
	if c.Tags == nil {
		c.Tags = make(map[string]Tally)
	}
	folded := incident.Fold(name)
	tally := c.Tags[folded]
	tally.Add(name, n)
	c.Tags[folded] = tally
}

func countAll(counts *map[string]int, values []string) {
	for _, v := range values {
		count(counts, v, 1)
	}
}

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
