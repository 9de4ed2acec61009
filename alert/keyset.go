package alert

import "slices"

// A KeySet has the keys of one alert and tells which evidence has them, so that they are computed once and handed
// on; see [Alert.KeySet]. It stays right as long as the evidence, the source and the title of the alert are the
// same. What its methods return is shared and must not be changed. The zero KeySet is that of no alert.
type KeySet struct {
	all  []Key
	kind Key
	each []Key // of all evidence, some more than once
	ends []int // of each piece of evidence in each
	ids  []Identifier
	owns []int // how many of those of each piece of evidence are its own
}

// KeySet computes the keys of a.
func (a Alert) KeySet() KeySet {
	n := len(a.Evidence)
	j := judge{alert: a}
	r := &j.ring
	s := KeySet{ends: make([]int, n), owns: make([]int, n), kind: a.KindKey()}
	j.collect(func(n int) {
		if s.ends[n] = len(r.given); a.Evidence[n].Entity != nil {
			s.owns[n] = r.own - s.start(n)
		}
	})
	s.ids = j.identifiers(new(IdentityOptions))
	s.all = append(append(r.keys(), a.markers(s.ids)...), s.kind)
	s.each = make([]Key, len(r.given))
	for n := range s.each {
		s.each[n] = r.key(r.given[n])
	}
	return s
}

// All returns what [Alert.Keys] returns.
func (s KeySet) All() []Key { return s.all }

// Identifiers returns what [Alert.Identifiers] returns with the default options; nil after Without.
func (s KeySet) Identifiers() []Identifier { return s.ids }

// Kind returns what [Alert.KindKey] returns.
func (s KeySet) Kind() Key { return s.kind }

// Of returns what the function [Keys] returns for the entity of the n-th piece of evidence, nil where there
// is none.
func (s KeySet) Of(n int) []Key {
	if n < 0 || n >= len(s.ends) {
		return nil
	}
	from, to := s.start(n), s.ends[n]
	if from == to {
		return nil
	}
	return s.each[from:to:to]
}

// start returns where the keys of the n-th piece of evidence begin in each.
func (s KeySet) start(n int) int {
	if n == 0 {
		return 0
	}
	return s.ends[n-1]
}

// Own returns those of Of(n) that identify the entity itself, not what it names: of a process its own keys
// and those of its image, but not those of its device, its account and its parent, nor the short forms of
// names.
func (s KeySet) Own(n int) []Key {
	if n < 0 || n >= len(s.ends) {
		return nil
	}
	return slices.Clip(s.Of(n)[:s.owns[n]])
}

// Without returns s without the keys that other has. Identity then returns the first key that is left.
func (s KeySet) Without(other KeySet) KeySet {
	known := make(map[Key]bool, len(other.all))
	for _, key := range other.all {
		known[key] = true
	}
	left := KeySet{kind: s.kind, ends: make([]int, len(s.ends)), owns: make([]int, len(s.ends))}
	for n := range s.ends {
		for at, key := range s.Of(n) {
			if !known[key] {
				left.each = append(left.each, key)
				if at < s.owns[n] {
					left.owns[n]++
				}
			}
		}
		left.ends[n] = len(left.each)
	}
	for _, key := range s.all {
		if !known[key] {
			left.all = append(left.all, key)
		}
	}
	return left
}

// Identity returns what the function [Identity] returns for the entity of the n-th piece of evidence, ""
// where there is none.
func (s KeySet) Identity(n int) Key {
	if keys := s.Of(n); len(keys) > 0 {
		return keys[0]
	}
	return ""
}
