package alert

import (
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/internal/canonical"
)

// Canonical returns a in the form in which every storage gives it back: its times in UTC, cut to microseconds, its
// JSON compact, with an empty object as "", and empty lists nil. changed is false, and the alert a itself, when it is
// in that form already. The lists of a are never changed.
func (a Alert) Canonical() (form Alert, changed bool) {
	same := canonical.AreTimes(a.FirstActivity, a.LastActivity, a.Created, a.SourceUpdated) &&
		canonical.AreTimes(a.Resolved, a.Updated, a.Received, a.Repeated) && canonical.IsJSON(a.Extra) &&
		canonical.IsList(a.Techniques) && canonical.IsList(a.Tags) && canonical.IsList(a.SystemTags) &&
		canonical.IsList(a.Edited) && canonical.IsList(a.Evidence)
	for n := 0; n < len(a.Evidence) && same; n++ {
		e := &a.Evidence[n]
		same = canonical.AreTimes(e.Created) && canonical.IsJSON(e.Extra) && sameEntity(e.Entity) &&
			canonical.IsList(e.Roles) && canonical.IsList(e.DetailedRoles) && canonical.IsList(e.Tags)
	}
	if same {
		return a, false
	}
	other := a
	for _, t := range []*time.Time{
		&other.FirstActivity, &other.LastActivity, &other.Created, &other.SourceUpdated,
		&other.Resolved, &other.Updated, &other.Received, &other.Repeated,
	} {
		*t = canonical.Time(*t)
	}
	other.Extra = canonical.JSON(other.Extra, "{}")
	other.Techniques, other.Tags = canonical.List(a.Techniques), canonical.List(a.Tags)
	other.SystemTags, other.Edited = canonical.List(a.SystemTags), canonical.List(a.Edited)
	other.Evidence = slices.Clone(canonical.List(a.Evidence))
	for n := range other.Evidence {
		e := &other.Evidence[n]
		e.Created, e.Extra = canonical.Time(e.Created), canonical.JSON(e.Extra, "{}")
		e.Roles, e.DetailedRoles = canonical.List(e.Roles), canonical.List(e.DetailedRoles)
		e.Tags = canonical.List(e.Tags)
		e.Entity = canonicalEntity(e.Entity)
	}
	return other, true
}

func sameEntity(e Entity) bool {
	switch e := e.(type) {
	case Device:
		return canonical.AreTimes(e.FirstSeen)
	case Process:
		return canonical.AreTimes(e.Started, e.ParentStarted)
	case Message:
		return canonical.AreTimes(e.Received)
	case Other:
		return canonical.IsJSON(e.Fields)
	}
	return true
}

func canonicalEntity(e Entity) Entity {
	switch e := e.(type) {
	case Device:
		e.FirstSeen = canonical.Time(e.FirstSeen)
		return e
	case Process:
		e.Started, e.ParentStarted = canonical.Time(e.Started), canonical.Time(e.ParentStarted)
		return e
	case Message:
		e.Received = canonical.Time(e.Received)
		return e
	case Other:
		e.Fields = canonical.JSON(e.Fields, "{}")
		return e
	}
	return e
}
