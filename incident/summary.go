package incident

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Summary is what the alerts of an incident come to: all that naming, severity, most filters and the
// queue need. It is kept up as alerts arrive, without reading the others. Lists are ordered by bytes,
// each value once, and have the first MaxListed of them.
type Summary struct {
	Count         int            `json:"count"`
	BySeverity    SeverityCounts `json:"bySeverity,omitzero"`
	ByStatus      StatusCounts   `json:"byStatus,omitzero"`
	Assets        AssetCounts    `json:"assets,omitzero"`        // different assets, not mentions
	Classified    []Classified   `json:"classified,omitempty"`   // ordered by Classification
	FirstActivity time.Time      `json:"firstActivity,omitzero"` // see alert.Active; zero when no time counts
	LastActivity  time.Time      `json:"lastActivity,omitzero"`  // the same

	Rarest           int      `json:"rarest,omitempty"` // the lowest alert.Seen
	Title            string   `json:"title,omitempty"`  // the title all alerts share; "" when they differ
	Sources          []string `json:"sources,omitempty"`
	DetectionSources []string `json:"detectionSources,omitempty"`
	Products         []string `json:"products,omitempty"`
	Categories       []string `json:"categories,omitempty"`
	Techniques       []string `json:"techniques,omitempty"`
	DeviceGroups     []string `json:"deviceGroups,omitempty"`
	Platforms        []string `json:"platforms,omitempty"`    // operating systems of devices
	Threats          []string `json:"threats,omitempty"`      // names and families
	ThreatActors     []string `json:"threatActors,omitempty"` // activity groups

	Criticality alert.Criticality `json:"criticality,omitzero"` // the highest of an asset
	SystemTags  []Tag             `json:"systemTags,omitempty"` // derived tags that alerts bring; ordered by Name, of those that fold equal the first by bytes
}

// Classified is how many alerts have a classification. Those that have none are not counted.
type Classified struct {
	Classification classification.Classification `json:"classification"`
	Alerts         int                           `json:"alerts"`
}

// SeverityCounts counts alerts by severity. In JSON it is an object with the names of those that are not 0.
type SeverityCounts [alert.High + 1]int

// StatusCounts counts alerts by status. In JSON it is an object with the names of those that are not 0.
type StatusCounts [alert.StatusResolved + 1]int

// AssetCounts counts different assets by group; the place of [alert.NotAsset] stays 0. In JSON it is an
// object with the names of those that are not 0.
type AssetCounts [alert.AssetGroups]int

// Total returns the number of assets in all groups.
func (c AssetCounts) Total() int {
	n := 0
	for _, k := range c {
		n += k
	}
	return n
}

// allResolved reports whether there are alerts and all of them are resolved.
func (s Summary) allResolved() bool {
	return s.Count > 0 && s.ByStatus[alert.StatusResolved] == s.Count
}

// Highest returns the highest severity that was counted, or Unrated when there is none.
func (c SeverityCounts) Highest() alert.Severity {
	for s := alert.High; s > alert.Unrated; s-- {
		if c[s] > 0 {
			return s
		}
	}
	return alert.Unrated
}

// MarshalJSON returns an object such as {"high":2}.
func (c SeverityCounts) MarshalJSON() ([]byte, error) { return marshalCounts[alert.Severity](c[:]) }

// UnmarshalJSON reads what MarshalJSON writes.
func (c *SeverityCounts) UnmarshalJSON(text []byte) error {
	return unmarshalCounts[alert.Severity](c[:], text)
}

// MarshalJSON returns an object such as {"new":2}.
func (c StatusCounts) MarshalJSON() ([]byte, error) { return marshalCounts[alert.Status](c[:]) }

// UnmarshalJSON reads what MarshalJSON writes.
func (c *StatusCounts) UnmarshalJSON(text []byte) error {
	return unmarshalCounts[alert.Status](c[:], text)
}

// MarshalJSON returns an object such as {"devices":2}.
func (c AssetCounts) MarshalJSON() ([]byte, error) { return marshalCounts[alert.AssetGroup](c[:]) }

// UnmarshalJSON reads what MarshalJSON writes.
func (c *AssetCounts) UnmarshalJSON(text []byte) error {
	return unmarshalCounts[alert.AssetGroup](c[:], text)
}

type countable interface {
	~uint8
	fmt.Stringer
}

func marshalCounts[E countable](counts []int) ([]byte, error) {
	b := append(make([]byte, 0, 64), '{')
	for i, n := range counts {
		if n == 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), E(i).String()...), `":`...)
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, '}'), nil
}

func unmarshalCounts[E countable](counts []int, text []byte) error {
	var byName map[string]int
	if err := json.Unmarshal(text, &byName); err != nil {
		return err
	}
	clear(counts)
	for i := range counts {
		for name, n := range byName {
			if strings.EqualFold(name, E(i).String()) {
				counts[i] += n // of a name that is there in two cases, all of them
				delete(byName, name)
			}
		}
	}
	for name := range byName {
		return &alert.FieldError{Field: "alerts", Value: limit.Shorten(name), Want: "a known name"}
	}
	return nil
}

// Summarize returns the summary of alerts. It is the same in whatever order they come.
func Summarize(alerts []alert.Alert) Summary {
	s, _ := Command{}.summarize(alerts)
	return s
}

// summarize returns the summary of alerts and the identities of all their evidence.
func (c Command) summarize(alerts []alert.Alert) (Summary, map[alert.Key]bool) {
	var s Summary
	seen := make(map[alert.Key]bool)
	for _, a := range alerts {
		s = s.take(a, c.keys(a), seen)
	}
	return s, seen
}

// keys returns the keys of a.
func (c Command) keys(a alert.Alert) alert.KeySet {
	if keys, ok := c.Keys[a.ID]; ok {
		return keys
	}
	return a.KeySet()
}

// take returns s with one more alert, whose identities are added to those of the other alerts.
func (s Summary) take(a alert.Alert, keys alert.KeySet, seen map[alert.Key]bool) Summary {
	s = s.add(a, keys, func(k alert.Key) bool { return seen[k] })
	mark(seen, a, keys)
	return s
}

// mark adds the identities of a's evidence to seen.
func mark(seen map[alert.Key]bool, a alert.Alert, keys alert.KeySet) {
	for n, e := range a.Evidence {
		if e.Entity != nil {
			seen[keys.Identity(n)] = true
		}
	}
}

// add returns s with one more alert. known reports whether another alert of the incident has evidence
// with that identity.
func (s Summary) add(a alert.Alert, keys alert.KeySet, known func(alert.Key) bool) Summary {
	if s.Count == 0 {
		s.Title, s.Rarest = a.Title, a.Seen
	} else if s.Title != a.Title {
		s.Title = ""
	}
	s.Rarest = min(s.Rarest, a.Seen)
	s.Count++
	s.BySeverity[a.Severity]++
	s.ByStatus[a.Status]++
	s.Classified = classified(s.Classified, a.Verdict.Classification, 1)
	first, last := a.Active()
	if s.FirstActivity.IsZero() || !first.IsZero() && first.Before(s.FirstActivity) {
		s.FirstActivity = first
	}
	if last.After(s.LastActivity) {
		s.LastActivity = last
	}
	s.Sources = with(s.Sources, a.Origin.Source)
	s.DetectionSources = with(s.DetectionSources, a.DetectionSource)
	s.Products = with(s.Products, a.Product)
	s.Categories = with(s.Categories, a.Category)
	s.Threats = with(with(s.Threats, a.Threat), a.ThreatFamily)
	s.ThreatActors = with(s.ThreatActors, a.Actor)
	for _, t := range a.Techniques {
		s.Techniques = with(s.Techniques, t)
	}
	for _, t := range a.SystemTags {
		if isDerived(t) {
			s.SystemTags = brought(s.SystemTags, t)
		}
	}
	var own []alert.Key
	for n, e := range a.Evidence {
		s.Criticality = max(s.Criticality, e.Criticality)
		if e.Entity == nil {
			continue
		}
		if d, ok := e.Entity.(alert.Device); ok {
			s.DeviceGroups = with(s.DeviceGroups, d.Group)
			s.Platforms = with(s.Platforms, d.OS)
		}
		group := e.Entity.Kind().Asset()
		if group == alert.NotAsset {
			continue
		}
		if id := keys.Identity(n); !slices.Contains(own, id) && !known(id) {
			own = append(own, id)
			s.Assets[group]++
		}
	}
	return s
}

// change returns s after one of its alerts has become another. Only what people change by hand may differ, its
// status and its verdict.
func (s Summary) change(before, after alert.Alert) Summary {
	s.ByStatus[before.Status]--
	s.ByStatus[after.Status]++
	if b, a := before.Verdict.Classification, after.Verdict.Classification; b != a {
		s.Classified = classified(classified(s.Classified, b, -1), a, 1)
	}
	return s
}

// classified returns counts with n more alerts of that classification, never changing the array it was given.
func classified(counts []Classified, c classification.Classification, n int) []Classified {
	if c == "" {
		return counts
	}
	i, found := slices.BinarySearchFunc(counts, c, func(have Classified, c classification.Classification) int {
		return cmp.Compare(have.Classification, c)
	})
	switch counts = slices.Clone(counts); {
	case !found:
		return slices.Insert(counts, i, Classified{c, n})
	case counts[i].Alerts+n > 0:
		counts[i].Alerts += n
		return counts
	case len(counts) == 1:
		return nil // as before there was one
	}
	return slices.Delete(counts, i, i+1)
}

func (s Summary) clone() Summary {
	s.SystemTags = slices.Clone(s.SystemTags)
	size := 0
	for _, list := range s.Lists() {
		size += len(*list)
	}
	s.Classified = slices.Clone(s.Classified)
	// One array for all, since every incident that is read is copied.
	room := make([]string, 0, size)
	for _, list := range s.Lists() {
		if *list != nil {
			n := len(room)
			room = append(room, *list...)
			*list = room[n:len(room):len(room)]
		}
	}
	return s
}

// with returns the ordered list with v in it, never changing the array it was given. The empty text is
// no value. Of more than MaxListed values the first stay, so that it does not matter which came first.
func with(list []string, v string) []string {
	if v == "" {
		return list
	}
	i, found := slices.BinarySearch(list, v)
	if found || i >= MaxListed {
		return list
	}
	list = slices.Insert(slices.Clip(list), i, v)
	return list[:min(len(list), MaxListed)]
}
