package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// maxNames is how many names, and how many reasons for what was held back, a sentence has before it counts the others.
const maxNames = 3

// Sentence says in English how the alert came to where it is: "Linked by the device ws-01 and the account CORP\kai." or
// "First alert of the incident." Further sentences follow about later reports that linked it, the merge that brought
// it, and what was held back. Other incidents are named by Numbers; one that is not there is "another incident".
func (e Explanation) Sentence() string {
	all := []string{e.arrival()}
	var later []activity.Link
	for _, entry := range e.Updated {
		later = linksOf(later, entry, false)
	}
	if len(later) > 0 {
		all = append(all, "A later report linked it "+byLinks(later)+".")
	}
	if len(e.Merged.Links) > 0 {
		from, by := e.number(e.Merged.Links[0].Incident), oneLine(e.Merged.Actor.String())
		all = append(all, fmt.Sprintf("Came with %s, merged by %s.", from, by))
	}
	if held := e.heldBack(); len(held) > 0 {
		all = append(all, "Held back: "+enumerate(held, "; ")+".")
	}
	return strings.Join(all, " ")
}

// arrival says how the alert came to its first incident.
func (e Explanation) arrival() string {
	links := linksOf(nil, e.Added, false)
	by := func(r activity.Reason) int {
		return slices.IndexFunc(links, func(l activity.Link) bool { return l.Reason == r })
	}
	switch n := by(activity.GroupedManually); {
	case e.Added.ID == "":
		return "The log does not say how the alert came."
	case n >= 0 && links[n].Incident != "":
		return fmt.Sprintf("Moved from %s by %s.", e.number(links[n].Incident), oneLine(e.Added.Actor.String()))
	case n >= 0:
		return fmt.Sprintf("Moved here by %s.", oneLine(e.Added.Actor.String()))
	case by(activity.GroupedBySource) >= 0:
		return "Grouped by its source."
	case len(links) > 0:
		return "Linked " + byLinks(links) + "."
	case e.Opened > 1:
		return fmt.Sprintf("One of the %d alerts that the incident was created with.", e.Opened)
	case e.Opened == 1 && e.Merged.ID != "":
		return "First alert of an incident that was merged."
	case e.Opened == 1:
		return "First alert of the incident."
	}
	return fmt.Sprintf("Added by %s, without a link.", oneLine(e.Added.Actor.String()))
}

func (e Explanation) number(id ID) string {
	if n := e.Numbers[id]; n != 0 {
		return fmt.Sprintf("#%d", n)
	}
	return "another incident"
}

// heldBack says what was held back, and why.
func (e Explanation) heldBack() (all []string) {
	links := e.HeldBack()
	for n, l := range links {
		same := func(other activity.Link) bool { return other.Incident == l.Incident && other.HeldBack == l.HeldBack }
		if slices.ContainsFunc(links[:n], same) {
			continue
		}
		var keys []alert.Key
		for _, other := range links[n:] {
			if same(other) {
				keys = append(keys, other.Entity)
			}
		}
		text := cmp.Or(theNames(keys), "a link")
		if l.Incident != "" {
			text += " with " + e.number(l.Incident)
		}
		all = append(all, text+" ("+inWords(oneLine(l.HeldBack))+")")
	}
	return all
}

// theNames returns "the device ws-01 and the account CORP\kai", or "" if no key has a name.
func theNames(keys []alert.Key) string {
	names := keyNames(keys)
	for n := range names {
		names[n] = "the " + names[n]
	}
	return enumerate(names, ", ")
}

// enumerate joins parts as a sentence does. Of more than maxNames it counts the others.
func enumerate(parts []string, separator string) string {
	if n := len(parts) - maxNames; n > 0 {
		parts = append(slices.Clone(parts[:maxNames]), fmt.Sprintf("%d more", n))
	}
	last := len(parts) - 1
	switch {
	case last < 1 || separator == "; ":
		return strings.Join(parts, separator)
	}
	return strings.Join(parts[:last], separator) + " and " + parts[last]
}

// byLinks returns the ways of links, such as "by the device ws-01; by the account CORP\kai, close in time".
func byLinks(links []activity.Link) string { return strings.Join(ways(links), "; ") }

// ways returns a text for each way in which links link, the one that weighs most first.
func ways(links []activity.Link) (all []string) {
	links = slices.Clone(links)
	slices.SortStableFunc(links, func(a, b activity.Link) int { return cmp.Compare(b.Score, a.Score) })
	keys := make(map[string][]alert.Key)
	var hows []string
	for _, l := range links {
		how := reasonWords[l.Reason]
		if l.Entity == "" {
			how = "by " + cmp.Or(reasonNames[l.Reason], "an unknown reason")
		}
		if _, known := keys[how]; !known {
			hows, keys[how] = append(hows, how), nil
		}
		if l.Entity != "" {
			keys[how] = append(keys[how], l.Entity)
		}
	}
	for _, how := range hows {
		if names := theNames(keys[how]); names != "" {
			how = "by " + names + how
		}
		all = append(all, how)
	}
	return all
}

// reasonWords is what the reasons add to the names of what was shared.
var reasonWords = map[activity.Reason]string{
	activity.TemporalProximity:   ", close in time",
	activity.LateralMovementPath: ", with lateral movement",
	activity.NetworkProximity:    ", which is an address of the device",
}

// reasonNames names the reasons of links without an Entity.
var reasonNames = map[activity.Reason]string{
	activity.RepeatedAlertOccurrence: "a repeated alert",
	activity.SameGeography:           "the same geography",
	activity.SimilarArtifacts:        "similar artifacts",
	activity.SameTargetedAsset:       "the same targeted asset",
	activity.SameNetworkSegment:      "the same network segment",
	activity.EventSequence:           "a sequence of events",
	activity.TimeFrame:               "the same time frame",
	activity.SameThreatSource:        "the same source of the threat",
	activity.SimilarTTPsOrBehavior:   "similar techniques or behavior",
	activity.SameActor:               "the same actor",
	activity.SameCampaign:            "the same campaign",
	activity.SharedIndicators:        "shared indicators",
	activity.SameAsset:               "the same asset",
	activity.NetworkProximity:        "closeness in the network",
	activity.EventCasualSequence:     "a causal sequence of events",
	activity.TemporalProximity:       "closeness in time",
	activity.LateralMovementPath:     "a path of lateral movement",
	activity.GroupedBySource:         "their source",
	activity.GroupedManually:         "hand",
}

// inWords returns text with the durations in it, such as 3h0m0s, as people write them.
func inWords(text string) string {
	words := strings.Split(text, " ")
	for n, word := range words {
		bare := strings.TrimRight(word, ",;.")
		if d, err := time.ParseDuration(bare); err == nil && strings.HasSuffix(bare, "s") {
			words[n] = duration(d) + word[len(bare):]
		}
	}
	return strings.Join(words, " ")
}

// duration returns d in words, rounded down: in seconds up to two minutes, in minutes up to two hours, in hours up to two
// days, then in days.
func duration(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int64(d / unit.length); n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	if d >= time.Second {
		return "1 second"
	}
	return "less than a second"
}

// Rationale says in one English sentence why the alerts of an incident are together, from their explanations: "5 alerts
// on the device ws-01; 2 more by the account CORP\kai, close in time." The link that most alerts have comes first,
// then the one that most of the remaining alerts have. Each alert counts once. After three links the sentence counts
// the others. The first alert of an incident counts with the earliest alert that was linked to that incident.
func Rationale(all []Explanation) string {
	switch len(all) {
	case 0:
		return "No alerts."
	case 1:
		return "1 alert."
	}
	left := make(map[int][]string) // how each was linked
	next := make(map[ID]int)       // the earliest that was linked to each incident
	for n, e := range all {
		if left[n] = e.ways(); e.Opened == 0 {
			if first, ok := next[e.Added.Incident]; !ok || e.Added.Seq < all[first].Added.Seq {
				next[e.Added.Incident] = n
			}
		}
	}
	for n, e := range all {
		second, ok := next[e.Added.Incident]
		switch {
		case e.Opened == 1 && ok && len(e.Reasons()) == 0:
			left[n] = left[second]
		case e.Opened == 1 && e.Merged.ID != "" && len(left[n]) == 0:
			left[n] = []string{"from merged incidents"}
		}
	}
	var parts []string
	for len(left) > 0 && len(parts) < maxNames {
		way, count := mostCommon(left)
		if way == "" {
			break
		}
		for n := range left {
			if slices.Contains(left[n], way) {
				delete(left, n)
			}
		}
		parts = append(parts, amount(count, len(parts) == 0)+" "+way)
	}
	if len(left) > 0 {
		way := "in other ways"
		if _, count := mostCommon(left); count == 0 {
			way = "without a link"
		}
		parts = append(parts, amount(len(left), len(parts) == 0)+" "+way)
	}
	return strings.Join(parts, "; ") + "."
}

// ways returns how the alert was linked, in words.
func (e Explanation) ways() (all []string) {
	links := e.Reasons()
	for _, l := range links {
		switch l.Reason {
		case activity.GroupedManually:
			return []string{"moved by hand"}
		case activity.GroupedBySource:
			return []string{"grouped by their source"}
		}
	}
	keys := make([]alert.Key, len(links))
	for n, l := range links {
		keys[n] = l.Entity
	}
	names := keyNames(keys)
	for _, l := range links {
		if l.Entity != "" && !slices.Contains(names, KeyName(l.Entity)) {
			continue // another key names it better
		}
		way := ways([]activity.Link{l})[0]
		if device, ok := strings.CutPrefix(way, "by the device "); ok {
			way = "on the device " + device
		}
		if !slices.Contains(all, way) {
			all = append(all, way)
		}
	}
	return all
}

// mostCommon returns the text that is in most lists, of equals the first by bytes, and in how many.
func mostCommon(lists map[int][]string) (text string, count int) {
	counts := make(map[string]int)
	for _, list := range lists {
		for _, t := range list {
			counts[t]++
		}
	}
	for t, n := range counts {
		if n > count || n == count && t < text {
			text, count = t, n
		}
	}
	return text, count
}

func amount(n int, first bool) string {
	switch {
	case !first:
		return fmt.Sprintf("%d more", n)
	case n == 1:
		return "1 alert"
	}
	return fmt.Sprintf("%d alerts", n)
}
