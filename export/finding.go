package export

import (
	"cmp"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// foundThings are the entities of an incident, in the order of a Report.
type foundThings struct{ assets, evidence []Finding }

// findings returns the different entities of alerts, which are in the order of time.
func findings(i incident.Incident, alerts []alert.Alert) foundThings {
	places := make(map[castKey]*Finding)
	var order []*Finding
	for _, dismissed := range []bool{false, true} {
		for _, a := range alerts {
			if Dismissed(i, a) != dismissed {
				continue
			}
			counted := make(map[castKey]bool)
			for _, v := range a.Evidence {
				if v.Entity == nil {
					continue
				}
				at := keyOf(v.Entity)
				f := places[at]
				switch {
				case f == nil:
					f = &Finding{Key: at.key, Evidence: alert.Evidence{Entity: v.Entity}, Dismissed: dismissed}
					places[at] = f
					order = append(order, f)
				case dismissed && !f.Dismissed:
					continue // another alert says more
				}
				f.Evidence = both(f.Evidence, v)
				if !counted[at] {
					counted[at] = true
					f.Alerts++
					first, last := activityOf([]alert.Alert{a})
					if !first.IsZero() && (f.First.IsZero() || first.Before(f.First)) {
						f.First = first
					}
					if last.After(f.Last) {
						f.Last = last
					}
				}
			}
		}
	}
	var found foundThings
	for _, f := range order {
		if f.Evidence.Entity.Kind().Asset() != alert.NotAsset {
			found.assets = append(found.assets, *f)
		} else {
			found.evidence = append(found.evidence, *f)
		}
	}
	slices.SortFunc(found.assets, byGroupAndWeight)
	slices.SortFunc(found.evidence, byVerdict)
	programs(found.evidence)
	slices.SortStableFunc(found.evidence, byWeight)
	return found
}

// both returns what two alerts say of an entity. The worst verdict counts, and the remediation that is told last.
func both(e, more alert.Evidence) alert.Evidence {
	e.Verdict = worse(e.Verdict, more.Verdict)
	e.Remediation = cmp.Or(more.Remediation, e.Remediation)
	e.RemediationDetails = cmp.Or(more.RemediationDetails, e.RemediationDetails)
	e.Roles = appendNew(e.Roles, more.Roles)
	e.DetailedRoles = appendNew(e.DetailedRoles, more.DetailedRoles)
	e.Tags = appendNew(e.Tags, more.Tags)
	e.Criticality = max(e.Criticality, more.Criticality)
	if e.Created.IsZero() || !more.Created.IsZero() && more.Created.Before(e.Created) {
		e.Created = more.Created
	}
	return e
}

// drawn returns which entities documents name.
func (f foundThings) drawn(o Options) func(alert.Key) bool {
	c := castOf(Report{Assets: f.assets, Evidence: f.evidence, MaxAssets: o.MaxAssets, MaxEvidence: o.MaxEvidence})
	keys := make(map[alert.Key]bool, len(c.named))
	for at := range c.named {
		keys[at.key] = true
	}
	return func(k alert.Key) bool { return keys[k] }
}

// weight orders verdicts: what was judged clean comes last. A word that nobody here knows may be bad.
func weight(v alert.EvidenceVerdict) int {
	switch v {
	case alert.NoThreatsFound:
		return 0
	case alert.NotJudged:
		return 1
	case alert.Suspicious:
		return 3
	case alert.Malicious:
		return 4
	}
	return 2
}

// first compares two truths: what is so comes before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// byVerdict orders findings by what was judged, how often they are named, and their names.
func byVerdict(a, b Finding) int {
	return cmp.Or(
		first(!a.Dismissed, !b.Dismissed), cmp.Compare(weight(b.Evidence.Verdict), weight(a.Evidence.Verdict)), byNumberAndName(a, b))
}

func byNumberAndName(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(b.Alerts, a.Alerts), words.ByName(a.Evidence.Entity.Name(), b.Evidence.Entity.Name()), cmp.Compare(a.Key, b.Key))
}

// byGroupAndWeight orders assets.
func byGroupAndWeight(a, b Finding) int {
	hit := func(f Finding) bool { return f.plays(alert.Compromised, alert.Attacked) }
	return cmp.Or(
		cmp.Compare(a.Evidence.Entity.Kind().Asset(), b.Evidence.Entity.Kind().Asset()), first(!a.Dismissed, !b.Dismissed),
		cmp.Compare(weight(b.Evidence.Verdict), weight(a.Evidence.Verdict)), first(hit(a), hit(b)),
		cmp.Compare(b.Evidence.Criticality, a.Evidence.Criticality), byNumberAndName(a, b))
}

// byWeight orders evidence, of which the most telling comes first.
func byWeight(a, b Finding) int {
	return cmp.Or(
		first(!a.Dismissed, !b.Dismissed), cmp.Compare(weight(b.Evidence.Verdict), weight(a.Evidence.Verdict)),
		cmp.Compare(a.class(), b.class()), byNumberAndName(a, b))
}

// plays reports whether an entity plays one of roles.
func (f Finding) plays(roles ...alert.Role) bool {
	return slices.ContainsFunc(f.Evidence.Roles, func(r alert.Role) bool { return slices.Contains(roles, r) })
}

// class orders evidence of one verdict: what can be looked for elsewhere comes first, and what repeats it last.
func (f Finding) class() int {
	switch e := f.Evidence.Entity.(type) {
	case alert.File:
		if isHash(f.Key) {
			return 0
		}
		return 6
	case alert.IP, alert.URL:
		if f.plays(alert.Source, alert.Attacker, alert.Destination, alert.CommandAndControl) {
			return 1
		}
		if e.Kind() == alert.KindIP {
			return 2
		}
		return 4
	case alert.Message, alert.MailCluster:
		return 3
	case alert.Process:
		if f.Program == "" {
			return 5
		}
		return 8
	}
	return 7
}

// programs finds the findings that stand for the programs of processes: the file of the program or, where
// there is none, the first process of it. What only false positives name stands for nothing else, and nothing
// else for it.
func programs(list []Finding) {
	type program struct {
		id        alert.Key
		dismissed bool
	}
	stands := make(map[program]int)
	claim := func(n int, ids []alert.Key) {
		for _, id := range ids {
			at := program{id, list[n].Dismissed}
			if _, ok := stands[at]; !ok {
				stands[at] = n
			}
		}
	}
	for n, f := range list {
		if file, ok := f.Evidence.Entity.(alert.File); ok {
			claim(n, programIDs(file))
		}
	}
	for n := range list {
		p, ok := list[n].Evidence.Entity.(alert.Process)
		if !ok {
			continue
		}
		p.Image.DeviceID = cmp.Or(p.Image.DeviceID, p.DeviceID)
		at := n
		ids := programIDs(p.Image)
		for _, id := range ids {
			if other, ok := stands[program{id, list[n].Dismissed}]; ok {
				at = other
				break
			}
		}
		claim(at, ids)
		if at != n {
			list[n].Program = list[at].Key
		}
		list[at].Processes++
	}
}

// programIDs returns by what a program is known: its hashes or else its place on a device.
func programIDs(f alert.File) (ids []alert.Key) {
	for _, key := range alert.Keys(f) {
		if isHash(key) || key.Namespace() == "file" && f.Path != "" {
			ids = append(ids, key)
		}
	}
	return ids
}

// isHash reports whether k is the hash of a file.
func isHash(k alert.Key) bool {
	switch k.Namespace() {
	case "sha256", "sha1", "md5":
		return true
	}
	return false
}

func appendNew[T comparable](list, more []T) []T {
	for _, v := range more {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}
