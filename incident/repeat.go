package incident

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// Repeat returns what the stored alert old becomes when its source reports it again as a: counted once more
// at cmd.At, and with what a says. changed reports whether anything but Repeats and Repeated is different;
// then the alert is within the limits of package alert. In a, a zero field means that the report does not say
// it.
//
// A report says what is so now, also when its SourceUpdated is the one that is known or missing. It erases nothing:
// what it leaves out stays, and so do evidence, techniques, roles and members of Extra that it does not name; tags
// are those of the last report that has any. LastActivity goes back only for a report with a later SourceUpdated. A
// report with an earlier SourceUpdated came too late: it adds what is not known yet.
//
// What people do here stands. Texts that they have replaced, which are in Edited, stay as they are. Owner and
// verdict are taken over where there is none, and where they were changed there since the last report, see
// Command.Said: where people have changed them here, too, only when a.SourceUpdated is later than the last
// change of old. The source's status is taken when it has changed there, and where people have changed it
// here, only when it is further on.
//
// An alert fires again when a report that does not come too late, and does not say that it is resolved, has a later
// LastActivity, a higher severity or new entities, or when its source had resolved it before. Then a resolved alert
// gets the status of the report, unless cmd.Policy has KeepResolved. See [UpdateAlert] for what becomes of its
// incident.
func Repeat(cmd Command, old, a alert.Alert) (merged alert.Alert, changed bool) {
	counted := old
	counted.Repeats++
	counted.Repeated = cmd.At
	merged = counted
	late := !a.SourceUpdated.IsZero() && a.SourceUpdated.Before(old.SourceUpdated)
	says, knows := a, old // says counts where both have a value
	if late {
		says, knows = old, a
	}
	merged.Product = cmp.Or(says.Product, knows.Product)
	merged.DetectionSource = cmp.Or(says.DetectionSource, knows.DetectionSource)
	for _, f := range alertTexts {
		if !slices.Contains(old.Edited, f.name) {
			*f.of(&merged) = cmp.Or(*f.of(&says), *f.of(&knows))
		}
	}
	merged.Category = cmp.Or(says.Category, knows.Category)
	merged.Actor = cmp.Or(says.Actor, knows.Actor)
	merged.Threat = cmp.Or(says.Threat, knows.Threat)
	merged.ThreatFamily = cmp.Or(says.ThreatFamily, knows.ThreatFamily)
	merged.URL = cmp.Or(says.URL, knows.URL)
	merged.Severity = cmp.Or(says.Severity, knows.Severity)
	said, known := cmd.Said[old.ID]
	decides := func(none, there, here bool) bool { // there, and not here
		return none || known && !late && there && (!here || a.SourceUpdated.After(old.Updated))
	}
	none := old.Owner.IsZero() && said.Owner.IsZero()
	if !a.Owner.IsZero() && decides(none, !a.Owner.Same(said.Owner), !old.Owner.Same(said.Owner)) {
		merged.Owner = old.Owner.Respelled(a.Owner)
	}
	none = old.Verdict.IsZero() && said.Verdict.IsZero()
	if !a.Verdict.IsZero() && decides(none, a.Verdict != said.Verdict, old.Verdict != said.Verdict) {
		merged.Verdict = a.Verdict
	}
	merged.Techniques = union(old.Techniques, a.Techniques)
	merged.Tags = given(says.Tags, knows.Tags)
	for _, t := range a.SystemTags {
		merged.SystemTags = brought(merged.SystemTags, t)
	}
	merged.Extra = allMembers(says.Extra, knows.Extra)
	merged.Evidence = allEvidence(old, a, late)
	addTimes(&merged, old, a, late)
	if !late {
		addStatus(cmd, &merged, old, a)
	}
	if !differs(&old, &merged) {
		return counted, false
	}
	if cmd.Tags != nil {
		merged = cmd.Tags(merged, merged.KeySet())
	}
	if merged.CheckLimits() != nil {
		merged, _ = merged.Fit()
	}
	if !differs(&old, &merged) {
		return counted, false
	}
	return merged, true
}

// Said is what a report of an alert said about what people decide.
type Said struct {
	Owner   alert.Owner            `json:"owner,omitzero"`
	Verdict classification.Verdict `json:"verdict,omitzero"`
}

// SaidBy returns what a report says.
func SaidBy(a alert.Alert) Said {
	return Said{alert.Owner{Kind: a.Owner.Kind, ID: a.Owner.ID}, a.Verdict}
}

// IsZero reports whether nothing was said.
func (s Said) IsZero() bool { return s.Owner.IsZero() && s.Verdict.IsZero() }

// Then returns what the source has said after later. What later leaves out stays as it was in s.
func (s Said) Then(later Said) Said {
	if !later.Owner.IsZero() {
		s.Owner = later.Owner
	}
	if !later.Verdict.IsZero() {
		s.Verdict = later.Verdict
	}
	return s
}

// RepeatKeys returns the keys of the alert that [Repeat] has made of old, and those of them that old has not.
func RepeatKeys(old, merged alert.Alert) (all, added alert.KeySet) {
	all = merged.KeySet()
	return all, all.Without(old.KeySet())
}

// differs reports whether a field that is logged differs.
func differs(a, b *alert.Alert) bool {
	return slices.ContainsFunc(alertFields, func(f field[alert.Alert]) bool { return f.differs(a, b) })
}

// firesAgain returns the signs of new activity on the alert old that became a by [Repeat].
func firesAgain(old, a alert.Alert) (signs []string) {
	if a.SourceStatus == alert.StatusResolved {
		return nil
	}
	_, was := old.Active()
	if _, is := a.Active(); !was.IsZero() && is.After(was) {
		signs = append(signs, "later activity")
	}
	if a.Severity > old.Severity {
		signs = append(signs, "higher severity")
	}
	if len(a.Evidence) > len(old.Evidence) {
		signs = append(signs, "new entities")
	}
	if old.SourceStatus == alert.StatusResolved {
		signs = append(signs, "reopened by its source")
	}
	return signs
}

// addStatus gives m, which has all else of the report a, its status.
func addStatus(cmd Command, m *alert.Alert, old, a alert.Alert) {
	m.SourceStatus = a.Status
	fires := !cmd.Policy.KeepResolved && len(firesAgain(old, *m)) > 0
	switch {
	case old.Status == alert.StatusResolved && fires:
	case a.Status == old.SourceStatus:
		return // not changed there
	case old.Status != old.SourceStatus && a.Status <= old.Status:
		return // changed here
	case a.Status == old.Status:
		return
	}
	m.Status, m.Resolved = a.Status, time.Time{}
	if a.Status == alert.StatusResolved {
		m.Resolved = cmp.Or(a.Resolved, cmd.At)
	}
}

// addTimes gives m the times of the report a.
func addTimes(m *alert.Alert, old, a alert.Alert, late bool) {
	later := a.SourceUpdated.After(old.SourceUpdated)
	if later {
		m.SourceUpdated = a.SourceUpdated
	}
	if !a.Created.IsZero() && !late {
		m.Created = a.Created
	}
	if !a.FirstActivity.IsZero() && (!late || a.FirstActivity.Before(old.FirstActivity)) {
		m.FirstActivity = a.FirstActivity
	}
	_, counts := old.Active()
	wrong := !counts.Equal(old.LastActivity) // which is far ahead
	if !a.LastActivity.IsZero() && (later || wrong && !late || a.LastActivity.After(old.LastActivity)) {
		m.LastActivity = a.LastActivity
	}
	if m.LastActivity.Before(m.FirstActivity) {
		m.LastActivity = m.FirstActivity
	}
	switch {
	case late, a.LastActivity.IsZero() && (a.FirstActivity.IsZero() || wrong):
	default:
		m.Received = a.Received
	}
}

// allMembers returns the members of both, of which those of says count where both have one.
func allMembers(says, knows alert.Fields) alert.Fields {
	if says == "" || knows == "" || says == knows {
		return cmp.Or(says, knows)
	}
	members := knows.Members()
	if members == nil {
		return says
	}
	maps.Copy(members, says.Members())
	if all, err := alert.MakeFields(members); err == nil {
		return all
	}
	return says
}

// given returns says, or knows when that is empty.
func given(says, knows []string) []string {
	if len(says) == 0 {
		return knows
	}
	return says
}

// union returns list with those of more that are not in it. It never changes the array it was given.
func union[T comparable](list, more []T) []T {
	seen := make(map[T]bool, len(list))
	for _, v := range list {
		seen[v] = true
	}
	list = slices.Clip(list)
	for _, v := range more {
		if !seen[v] {
			seen[v] = true
			list = append(list, v)
		}
	}
	return list
}

// maxAlike is how many pieces of evidence with one key are compared with a new one.
const maxAlike = 100

// allEvidence returns the evidence of old in its order, with what a says about the same entities, and then
// the entities that a alone has.
func allEvidence(old, a alert.Alert, late bool) []alert.Evidence {
	if len(a.Evidence) == 0 || slices.EqualFunc(old.Evidence, a.Evidence, alert.Evidence.Equal) {
		return old.Evidence
	}
	a.Evidence = once(a.Evidence)
	all := slices.Clone(old.Evidence)
	for n, at := range samePlaces(old, a) {
		switch {
		case at < 0:
			all = append(all, a.Evidence[n])
		case late:
			all[at] = both(all[at], a.Evidence[n])
		default:
			all[at] = both(a.Evidence[n], all[at])
		}
	}
	return all
}

// once returns a list in which no entity is twice: the first place has what all say together, the last counting most.
func once(list []alert.Evidence) []alert.Evidence {
	places := make(map[alert.Entity]int, len(list))
	all := make([]alert.Evidence, 0, len(list))
	for _, e := range list {
		if at, ok := places[e.Entity]; ok {
			all[at] = both(e, all[at])
			continue
		}
		places[e.Entity] = len(all)
		all = append(all, e)
	}
	return all
}

// samePlaces returns, for each piece of a's evidence, the place of the piece of old's that is about the same entity,
// or -1. No place is there twice. An equal entity comes before one of the same identity, and that before one that has
// a key of its own in common and contradicts it in no field.
func samePlaces(old, a alert.Alert) []int {
	places := make([]int, len(a.Evidence))
	taken := make([]bool, len(old.Evidence))
	entities, identities, keyed := make(map[alert.Entity][]int), make(map[alert.Key][]int), make(map[alert.Key][]int)
	had, has := old.KeySet(), a.KeySet()
	for n, e := range old.Evidence {
		entities[e.Entity] = append(entities[e.Entity], n)
		if id := sameness(e.Entity, had.Identity(n)); id != "" {
			identities[id] = append(identities[id], n)
		}
		for _, key := range had.Own(n) {
			keyed[key] = append(keyed[key], n)
		}
	}
	// take gives piece n the first place of list that is free and fits.
	take := func(n int, list []int, fits func(x, y alert.Entity) bool) {
		for _, at := range list {
			if places[n] < 0 && !taken[at] && fits(old.Evidence[at].Entity, a.Evidence[n].Entity) {
				places[n], taken[at] = at, true
			}
		}
	}
	free := func(list []int) []int { return slices.DeleteFunc(list, func(at int) bool { return taken[at] }) }
	for n, e := range a.Evidence {
		places[n] = -1
		if list := entities[e.Entity]; len(list) > 0 {
			places[n], taken[list[0]], entities[e.Entity] = list[0], true, list[1:]
		}
	}
	for n, e := range a.Evidence {
		if id := sameness(e.Entity, has.Identity(n)); id != "" && places[n] < 0 {
			identities[id] = free(identities[id])
			take(n, identities[id][:min(len(identities[id]), maxAlike)], sameType)
		}
	}
	for n := range a.Evidence {
		for _, key := range has.Own(n) {
			if places[n] < 0 {
				keyed[key] = free(keyed[key])
				take(n, keyed[key][:min(len(keyed[key]), maxAlike)], func(x, y alert.Entity) bool {
					return sameType(x, y) && !contradict(reflect.ValueOf(x), reflect.ValueOf(y))
				})
			}
		}
	}
	return places
}

// sameness returns what tells an entity with that identity from others of its alert. The identity of an Other is all
// that it holds, of which much may change, so that its label is better.
func sameness(e alert.Entity, identity alert.Key) alert.Key {
	if o, ok := e.(alert.Other); ok && o.Label != "" {
		return alert.Key(string(o.Type) + " " + o.Label)
	}
	return identity
}

func sameType(x, y alert.Entity) bool {
	return reflect.TypeOf(x) == reflect.TypeOf(y) && x.Kind() == y.Kind()
}

// contradict reports whether some field has two different values in x and y, which are structs of one type.
func contradict(x, y reflect.Value) bool {
	for n := range x.NumField() {
		f, g := x.Field(n), y.Field(n)
		switch {
		case f.IsZero() || g.IsZero():
		case nested(f):
			if contradict(f, g) {
				return true
			}
		case f.Interface() != g.Interface():
			return true
		}
	}
	return false
}

// fill gives v the values of from, a struct of the same type, where it has none.
func fill(v, from reflect.Value) {
	for n := range v.NumField() {
		f, g := v.Field(n), from.Field(n)
		switch {
		case f.IsZero():
			f.Set(g)
		case nested(f):
			if !contradict(f, g) { // else it is another one
				fill(f, g)
			}
		case f.Type() == reflect.TypeFor[alert.Fields]():
			f.SetString(string(allMembers(alert.Fields(f.String()), alert.Fields(g.String()))))
		}
	}
}

// nested reports whether v is a struct with fields of its own, such as the image of a process.
func nested(v reflect.Value) bool {
	return v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]()
}

// both returns what says and knows, which are about the same entity, say together. says counts where they differ.
func both(says, knows alert.Evidence) alert.Evidence {
	if says.Equal(knows) {
		return knows
	}
	if says.Entity != knows.Entity {
		v := reflect.New(reflect.TypeOf(says.Entity)).Elem()
		v.Set(reflect.ValueOf(says.Entity))
		fill(v, reflect.ValueOf(knows.Entity))
		says.Entity, _ = v.Interface().(alert.Entity)
	}
	if says.Remediation == knows.Remediation || says.Remediation == alert.NotRemediated {
		says.RemediationDetails = cmp.Or(says.RemediationDetails, knows.RemediationDetails)
	}
	says.Remediation = cmp.Or(says.Remediation, knows.Remediation)
	says.Verdict = cmp.Or(says.Verdict, knows.Verdict)
	says.Roles = union(knows.Roles, says.Roles)
	says.DetailedRoles = union(knows.DetailedRoles, says.DetailedRoles)
	says.Tags = given(says.Tags, knows.Tags)
	says.Criticality = max(says.Criticality, knows.Criticality)
	if says.Created.IsZero() {
		says.Created = knows.Created
	}
	says.Extra = allMembers(says.Extra, knows.Extra)
	return says
}
