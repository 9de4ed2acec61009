package alert

import (
	"slices"
	"strings"
	"time"
)

// Besides the keys of its entities an alert has keys that say what these are worth on it, so that correlation
// finds the alerts that matter without reading the others. They are made of the keys of its Identifiers.

// LongActivity is from when on the activity of an alert counts as an interval for correlation. That of a
// shorter one is the moment at which it began.
const LongActivity = time.Hour

const endless = 30 * 24 * time.Hour

// Linking returns the key under which an alert is stored that has k as the Stored key of an [Identifier] that
// is Linking.
func (k Key) Linking() Key { return "linking:" + k }

// Lasting returns the key under which such an alert is stored if its activity lasts for [LongActivity] or longer.
func (k Key) Lasting() Key { return "lasting:" + k }

// Moving returns the key under which an alert that [Alert.Moves] is stored that has k as the Stored key of an
// [Identifier] that is Weaker or Linking.
func (k Key) Moving() Key { return "moving:" + k }

// Alone returns the key under which an alert that names no device is stored that has k as the Stored key of an
// [Identifier] that is Weaker or Linking.
func (k Key) Alone() Key { return "alone:" + k }

// IsMarker reports whether k says what an identifier is worth on an alert, and is no key of an entity.
func (k Key) IsMarker() bool {
	switch k.Namespace() {
	case "linking", "lasting", "moving", "alone":
		return true
	}
	return false
}

// Interval returns the time that a takes up for correlation: from its first to its last activity, or only the
// first if it does not last for [LongActivity], or for more than 30 days, as where a source says 9999 for "no
// end".
func (a Alert) Interval() (first, last time.Time) {
	if d := a.LastActivity.Sub(a.FirstActivity); LongActivity <= d && d <= endless {
		return a.FirstActivity, a.LastActivity
	}
	return a.FirstActivity, a.FirstActivity
}

// SameMarkers reports whether a and b have the same markers where their evidence is the same.
func (a Alert) SameMarkers(b Alert) bool {
	lasts := func(a Alert) bool { first, last := a.Interval(); return last.After(first) }
	return a.Standalone == b.Standalone && lasts(a) == lasts(b) && a.Moves() == b.Moves()
}

// markers returns the keys that say what the identifiers of a are worth.
func (a Alert) markers(ids []Identifier) (keys []Key) {
	if a.Standalone {
		return nil
	}
	first, last := a.Interval()
	moves := a.Moves()
	device := NamesDevice(ids)
	for _, id := range ids {
		if id.Strength == Linking {
			keys = append(keys, id.Stored.Linking())
			if last.After(first) {
				keys = append(keys, id.Stored.Lasting())
			}
		}
		if !device && id.Strength >= Weaker {
			keys = append(keys, id.Stored.Alone())
		}
		if moves && id.Strength >= Weaker {
			keys = append(keys, id.Stored.Moving())
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// NamesDevice reports whether one of the identifiers is that of a device, and not NotLinking without being
// configured so: what a program configures does not change the markers.
func NamesDevice(ids []Identifier) bool {
	return slices.ContainsFunc(ids, func(i Identifier) bool {
		switch i.Key.Namespace() {
		case "device", "device-dir", "host":
			return i.Strength > NotLinking || i.Why == configured
		}
		return false
	})
}

// Moves reports whether a is about lateral movement: its category is LateralMovement, or one of its
// techniques takes place on two machines. Source: MITRE ATT&CK, the tactic Lateral Movement, without T1072
// and T1091, whose accounts and files are those of a tool or a medium.
func (a Alert) Moves() bool {
	if Tactic(a.Category) == "LateralMovement" {
		return true
	}
	return slices.ContainsFunc(a.Techniques, func(id string) bool {
		technique, _, _ := strings.Cut(strings.ToUpper(id), ".")
		return lateral[technique]
	})
}

var lateral = map[string]bool{
	"T1021": true, "T1080": true, "T1210": true, "T1534": true, "T1550": true, "T1563": true, "T1570": true,
	"T1028": true, "T1075": true, "T1076": true, "T1077": true, "T1097": true, "T1175": true, "T1184": true, // of versions before 2020
}
