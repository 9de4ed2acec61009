package incident

import (
	"cmp"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
)

// The most that a [Profile] looks for.
const (
	MaxProfileIdentifiers = 100 // keys of identifiers
	MaxProfileKinds       = 20  // kinds of alerts
)

// What a shared trait adds to the Score of a [Similarity].
const (
	linkingScore = 5 // something that links alerts by itself, such as a device
	weakerScore  = 2 // something that does not, such as a file
	kindScore    = 3 // alerts of one source and title
)

// A Similarity says how similar an incident is to another one, and what they share.
type Similarity struct {
	Incident Incident `json:"incident"`

	// Score is the sum of what the incidents share: 5 for each entity that links alerts by itself, such as a device,
	// 2 for each other entity, such as a file, and 3 for each kind of alerts. An entity with several shared
	// identifiers counts once.
	Score int `json:"score"`

	// Identifiers are what the incidents share, each thing once: those that link by themselves first, then by
	// Key. Of what names one thing, such as the host name of a device and its identifier, the one that tells
	// most stands for all.
	Identifiers []SharedIdentifier `json:"identifiers,omitempty"`

	Kinds      []AlertKind `json:"kinds,omitempty"`      // by Source and Title
	Techniques []string    `json:"techniques,omitempty"` // ordered by bytes; they add nothing to Score
}

// A SharedIdentifier is an identifier that two incidents have.
type SharedIdentifier struct {
	Key     alert.Key `json:"key"`
	Name    string    `json:"name"`              // as [KeyName] calls it, in the spelling of the incident compared with
	Linking bool      `json:"linking,omitempty"` // on the incident compared with it links alerts by itself
}

// An AlertKind is the source and the title of alerts of one kind, compared case-insensitively, see
// [alert.Alert.KindKey]. They are spelled as in the incident compared with.
type AlertKind struct {
	Source string `json:"source"`
	Title  string `json:"title"`
}

// Compare returns -1, 0 or +1 as s comes before, with or after t: the higher Score first, then the later last activity,
// then the higher Number.
func (s Similarity) Compare(t Similarity) int {
	return cmp.Or(cmp.Compare(t.Score, s.Score), t.Incident.Alerts.LastActivity.Compare(s.Incident.Alerts.LastActivity),
		cmp.Compare(t.Incident.Number, s.Incident.Number))
}

// A Profile has what other incidents are compared with: the identifiers of an incident's alerts that can link, and the
// kinds and the techniques of these alerts. The zero Profile has none. Make one with [NewProfile].
type Profile struct {
	keys        []alert.Key // what to look for
	identifiers map[alert.Key][]profiled
	kinds       map[alert.Key]AlertKind
	techniques  map[string]bool

	// inside has, for a cloud resource, the identifiers that name it too, as a session its role.
	inside map[alert.Key][]alert.Key
}

// A profiled identifier is one that a key finds.
type profiled struct {
	key     alert.Key
	name    string
	linking bool
	thing   int // identifiers with one number are of one thing
}

// NewProfile returns the profile of the incident that has these alerts. The nil IdentityOptions are the defaults.
// Identifiers that are [alert.NotLinking] are left out. Of the others the profile has at most
// [MaxProfileIdentifiers], those that link by themselves first, then those that are on most of the alerts; and
// [MaxProfileKinds] kinds, the most frequent ones.
func NewProfile(alerts []alert.Alert, o *alert.IdentityOptions) Profile {
	p := Profile{
		identifiers: make(map[alert.Key][]profiled),
		kinds:       make(map[alert.Key]AlertKind),
		techniques:  make(map[string]bool),
		inside:      make(map[alert.Key][]alert.Key),
	}
	identifiers, kinds := make(map[alert.Key]int), make(map[alert.Key]int) // on how many alerts
	linking := make(map[alert.Key]bool)
	var t things
	for _, a := range alerts {
		on := make(map[alert.Key]bool)
		ids := a.Identifiers(o)
		numbers, names := t.number(ids), namer{a.Evidence, ids}
		outer := make(map[int]alert.Key) // the cloud resource that a piece of evidence is about
		for n, id := range ids {
			if key, ok := outer[id.Evidence]; familyOf(id.Key) != "resource" {
			} else if !ok {
				outer[id.Evidence] = id.Key
			} else if !slices.Contains(p.inside[id.Key], key) {
				p.inside[id.Key] = append(p.inside[id.Key], key)
			}
			if id.Strength == alert.NotLinking {
				continue
			}
			links := id.Strength == alert.Linking
			p.add(id.Lookup, profiled{id.Key, "", links, numbers[n]}, names)
			linking[id.Lookup] = linking[id.Lookup] || links
			if !on[id.Lookup] {
				on[id.Lookup] = true
				identifiers[id.Lookup]++
			}
		}
		kind := a.KindKey()
		if kinds[kind]++; kinds[kind] == 1 {
			p.kinds[kind] = AlertKind{a.Origin.Source, a.Title}
		}
		for _, technique := range a.Techniques {
			p.techniques[technique] = true
		}
	}
	for _, list := range p.identifiers {
		for n := range list {
			list[n].thing = t.first(list[n].thing)
		}
	}
	p.keys = append(most(identifiers, linking, MaxProfileIdentifiers), most(kinds, nil, MaxProfileKinds)...)
	return p
}

// add adds an identifier that key finds, and which names names.
func (p Profile) add(key alert.Key, id profiled, names namer) {
	list := p.identifiers[key]
	if n := slices.IndexFunc(list, func(other profiled) bool { return other.key == id.key }); n >= 0 {
		list[n].linking = list[n].linking || id.linking
		return
	}
	id.name = names.names([]alert.Key{id.key})[id.key]
	p.identifiers[key] = append(list, id)
}

// most returns the keys that come first: those that link, then those that are counted most often, then by bytes.
func most(counts map[alert.Key]int, linking map[alert.Key]bool, limit int) []alert.Key {
	rank := func(key alert.Key) int {
		if linking[key] {
			return 0
		}
		return 1
	}
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b alert.Key) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return slices.Clip(keys[:min(limit, len(keys))])
}

// things number what the identifiers of several alerts identify.
type things struct {
	of      map[alert.Key]int
	parents []int
}

// number returns the thing of each identifier of an alert.
func (t *things) number(ids []alert.Identifier) []int {
	if t.of == nil {
		t.of = make(map[alert.Key]int)
	}
	numbers := make([]int, len(ids))
	entities := make(map[int]int)
	for n, id := range ids {
		thing, known := entities[id.Entity]
		if !known {
			thing = len(t.parents)
			t.parents = append(t.parents, thing)
			entities[id.Entity] = thing
		}
		numbers[n] = thing
		switch id.Key.Namespace() {
		case "url-host", "sender", "device-ip":
			continue // several things may have it
		}
		if other, ok := t.of[id.Key]; ok {
			one, two := t.first(other), t.first(thing)
			t.parents[max(one, two)] = min(one, two)
		} else {
			t.of[id.Key] = thing
		}
	}
	return numbers
}

// first returns the first number of a thing.
func (t *things) first(n int) int {
	for t.parents[n] != n {
		n = t.parents[n]
	}
	return n
}

// Lookups returns the keys to look for in other alerts: at most [MaxProfileIdentifiers] of identifiers, then at most
// [MaxProfileKinds] of kinds, each in the order that [NewProfile] states. The caller must not change the slice.
func (p Profile) Lookups() []alert.Key { return p.keys }

// Similarity compares i with the incident of p. found has the keys of p.Lookups that alerts of i have; the Score is 0
// if there are none. The techniques of i are those of its Summary.
func (p Profile) Similarity(i Incident, found []alert.Key) Similarity {
	s := Similarity{Incident: i}
	type shared struct { // what names a thing in one way
		thing  int
		family string
	}
	scores, at, all := make(map[int]int), make(map[shared]int), make(map[alert.Key]bool)
	for _, key := range found {
		for _, id := range p.identifiers[key] {
			score := weakerScore
			if id.linking {
				score = linkingScore
			}
			scores[id.thing] = max(scores[id.thing], score)
			all[id.key] = true
			what := shared{id.thing, familyOf(id.key)}
			n, known := at[what]
			if !known {
				n, at[what] = len(s.Identifiers), len(s.Identifiers)
				s.Identifiers = append(s.Identifiers, SharedIdentifier{Key: id.key, Name: id.name})
			}
			one := &s.Identifiers[n]
			if tellsMore(id.key, one.Key) || !tellsMore(one.Key, id.key) && id.key < one.Key {
				one.Key, one.Name = id.key, id.name
			}
			one.Linking = one.Linking || id.linking
		}
		if kind, ok := p.kinds[key]; ok && !slices.Contains(s.Kinds, kind) {
			s.Kinds = append(s.Kinds, kind)
			s.Score += kindScore
		}
	}
	for _, score := range scores {
		s.Score += score
	}
	s.Identifiers = slices.DeleteFunc(s.Identifiers, func(id SharedIdentifier) bool {
		return slices.ContainsFunc(p.inside[id.Key], func(outer alert.Key) bool { return all[outer] })
	})
	for _, technique := range i.Alerts.Techniques {
		if p.techniques[technique] {
			s.Techniques = append(s.Techniques, technique)
		}
	}
	slices.SortFunc(s.Identifiers, func(a, b SharedIdentifier) int {
		if a.Linking != b.Linking {
			if a.Linking {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Key, b.Key)
	})
	slices.SortFunc(s.Kinds, func(a, b AlertKind) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Title, b.Title))
	})
	return s
}
