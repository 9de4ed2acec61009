package measure

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/alert/attack"
	"github.com/incidentkit/incidentkit/incident"
)

// Scores are the measures of one labelled set. The comment of the package defines them. In JSON durations are
// nanoseconds.
type Scores struct {
	Alerts    int `json:"alerts"`
	Noise     int `json:"noise"` // alerts that belong to no attack
	Attacks   int `json:"attacks"`
	Incidents int `json:"incidents"` // that have one of the alerts

	TruePairs   int64 `json:"truePairs"`
	FalsePairs  int64 `json:"falsePairs"`
	MissedPairs int64 `json:"missedPairs"`

	Precision float64 `json:"precision"` // 0 to 1; 1 when no pair is in one incident
	Recall    float64 `json:"recall"`    // 0 to 1; 1 when no attack has two alerts
	F1        float64 `json:"f1"`        // 0 to 1; 1 when there is no pair at all

	Exact int `json:"exact"` // attacks
	Split int `json:"split"`
	Glued int `json:"glued"`

	Keys       []Join   `json:"keys,omitempty"`       // with wrong pairs or bridges; most Bridges first, then Wrong
	Namespaces []Join   `json:"namespaces,omitempty"` // all that join, in the same order
	Missed     []Miss   `json:"missed,omitempty"`     // most Joins first
	ByAttack   []Attack `json:"byAttack,omitempty"`   // by Label

	AlertsPerIncident Sizes      `json:"alertsPerIncident"`
	TimeToIncident    Times      `json:"timeToIncident"`
	Techniques        Techniques `json:"techniques"`
}

// An Attack says how one attack was found.
type Attack struct {
	Label     string `json:"label"`
	Alerts    int    `json:"alerts"`
	Incidents int    `json:"incidents"` // that its alerts are in; each alert that is nowhere counts as one
	Others    int    `json:"others"`    // alerts of other attacks and noise in these incidents
	Exact     bool   `json:"exact"`
}

// Sizes are the numbers of alerts of the incidents. The zero Sizes is that of no incident.
type Sizes struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"` // of an even number, the mean of the middle two
	Max    int     `json:"max"`
}

// Times are how long it took from the first activity of an attack until the first of its alerts came in and was put
// into an incident. Attacks whose alerts have no time of activity or none of arrival are left out. A first activity
// after the arrival counts as 0. The zero Times is that of no attack.
type Times struct {
	Count  int           `json:"count"` // attacks
	Mean   time.Duration `json:"mean"`
	Median time.Duration `json:"median"` // of an even number, the mean of the middle two
	Max    time.Duration `json:"max"`
}

// Techniques are the techniques of MITRE ATT&CK that alerts of attacks name, beside a list of those that the detection
// is to cover. Noise covers nothing. A sub-technique such as T1059.001 covers its technique, T1059, too. A technique
// that was renumbered has its newer identifier, see [attack.Current]. Each is in upper case, once, in order.
type Techniques struct {
	Covered []string `json:"covered,omitempty"` // of the list
	Missing []string `json:"missing,omitempty"` // of the list
	Other   []string `json:"other,omitempty"`   // that alerts name and the list does not
}

// Compute returns the scores of placed, which is in the order in which the alerts came. techniques is what the alerts
// are to cover; nil means that nothing is expected. It changes nothing of its arguments. The IDs of incidents do not
// matter, so that the same grouping has the same Scores.
func Compute(placed []Placed, techniques []string) Scores {
	s := Scores{Alerts: len(placed), Techniques: covered(placed, techniques)}
	parts, number := partsOf(placed)
	inPart := make([]map[string]int, number) // alerts by label
	byAttack := make(map[string]*Attack)
	for n, p := range placed {
		if inPart[parts[n]] == nil {
			inPart[parts[n]] = make(map[string]int)
		}
		inPart[parts[n]][p.Attack]++
		if p.Attack == "" {
			s.Noise++
			continue
		}
		if byAttack[p.Attack] == nil {
			byAttack[p.Attack] = &Attack{Label: p.Attack, Exact: true}
		}
		a := byAttack[p.Attack]
		a.Alerts++
		a.Exact = a.Exact && p.Incident != ""
	}
	for _, labels := range inPart {
		total := 0
		for _, n := range labels {
			total += n
		}
		s.FalsePairs += pairs(total)
		for label, n := range labels {
			s.FalsePairs -= pairs(n)
			if label != "" {
				s.TruePairs += pairs(n)
				byAttack[label].Incidents++
				byAttack[label].Others += total - n
			}
		}
	}
	for _, label := range slices.Sorted(maps.Keys(byAttack)) {
		a := *byAttack[label]
		a.Exact = a.Exact && a.Incidents == 1 && a.Others == 0
		s.Attacks++
		s.MissedPairs += pairs(a.Alerts)
		s.Exact += one(a.Exact)
		s.Split += one(a.Incidents > 1)
		s.Glued += one(a.Others > 0)
		s.ByAttack = append(s.ByAttack, a)
	}
	s.MissedPairs -= s.TruePairs
	s.Precision = share(s.TruePairs, s.TruePairs+s.FalsePairs)
	s.Recall = share(s.TruePairs, s.TruePairs+s.MissedPairs)
	s.F1 = share(2*s.TruePairs, 2*s.TruePairs+s.FalsePairs+s.MissedPairs)
	s.Incidents, s.AlertsPerIncident = sizes(placed)
	s.TimeToIncident = times(placed)
	ids := make([][]alert.Identifier, len(placed))
	for n, p := range placed {
		ids[n] = p.Alert.Identifiers(nil)
	}
	s.Keys, s.Namespaces = joins(placed, parts, keysOf(ids))
	s.Missed = missed(placed, parts, ids)
	return s
}

// partsOf numbers the incidents from 0 in the order of placed and returns that of each alert. An alert that is nowhere
// has a number for itself.
func partsOf(placed []Placed) (parts []int, number int) {
	parts = make([]int, len(placed))
	numbers := make(map[incident.ID]int)
	for n, p := range placed {
		part, ok := numbers[p.Incident]
		if !ok || p.Incident == "" {
			part = number
			numbers[p.Incident] = part
			number++
		}
		parts[n] = part
	}
	return parts, number
}

// pairs returns how many pairs n alerts have.
func pairs(n int) int64 { return int64(n) * int64(n-1) / 2 }

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func share(of, all int64) float64 {
	if all == 0 {
		return 1
	}
	return float64(of) / float64(all)
}

func sizes(placed []Placed) (incidents int, s Sizes) {
	count := make(map[incident.ID]int)
	total := 0
	for _, p := range placed {
		if p.Incident != "" {
			count[p.Incident]++
			total++
		}
	}
	if total == 0 {
		return 0, Sizes{}
	}
	ordered := slices.Sorted(maps.Values(count))
	n := len(ordered)
	return n, Sizes{float64(total) / float64(n), float64(ordered[(n-1)/2]+ordered[n/2]) / 2, ordered[n-1]}
}

func times(placed []Placed) Times {
	type span struct{ active, came time.Time }
	spans := make(map[string]span)
	earlier := func(a, b time.Time) time.Time {
		if a.IsZero() || !b.IsZero() && b.Before(a) {
			return b
		}
		return a
	}
	for _, p := range placed {
		if p.Attack == "" {
			continue
		}
		s := spans[p.Attack]
		first, _ := p.Alert.Active()
		s.active = earlier(s.active, first)
		if p.Incident != "" {
			s.came = earlier(s.came, p.Alert.Received)
		}
		spans[p.Attack] = s
	}
	var all []time.Duration
	var total float64 // many long times together may be more than a Duration holds
	for _, s := range spans {
		if !s.active.IsZero() && !s.came.IsZero() {
			d := max(s.came.Sub(s.active), 0)
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return Times{}
	}
	slices.Sort(all) // a sum of floats depends on the order
	for _, d := range all {
		total += float64(d)
	}
	n := len(all)
	low, high := all[(n-1)/2], all[n/2]
	return Times{n, time.Duration(total / float64(n)), low + (high-low)/2, all[n-1]}
}

func covered(placed []Placed, listed []string) (t Techniques) {
	named, covers := make(map[string]bool), make(map[string]bool)
	for _, p := range placed {
		for _, technique := range p.Alert.Techniques {
			if id := current(technique); p.Attack != "" && id != "" {
				named[id], covers[id] = true, true
				for _, sub := range []string{technique, id} {
					parent, _, _ := strings.Cut(sub, ".")
					covers[current(parent)] = true
				}
			}
		}
	}
	wanted := make(map[string]bool)
	for _, technique := range listed {
		if id := current(technique); id != "" {
			wanted[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		if covers[id] {
			t.Covered = append(t.Covered, id)
		} else {
			t.Missing = append(t.Missing, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(named)) {
		if !wanted[id] {
			t.Other = append(t.Other, id)
		}
	}
	return t
}

// current returns the identifier of a technique in upper case, and the newer one of a technique that was renumbered.
func current(technique string) string {
	return attack.Current(strings.ToUpper(strings.TrimSpace(technique)))
}
