package incident

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// maxNames is how many names, and how many reasons for what was held back, a sentence has before it counts the others.
const maxNames = 3

// Sentence says in English how the alert came to where it is: "Linked to 'LSASS dump' by the device ws-01."
// or "First alert of the incident." Further sentences follow about the merge that brought it, later reports
// that linked it, and what was held back. Other incidents are named by Numbers; one that is not there is
// "another incident".
func (e Explanation) Sentence() string {
	all := e.arrival()
	var later []activity.Link
	for _, entry := range e.Updated {
		later = linksOf(later, entry, false)
	}
	if len(later) > 0 {
		all = append(all, "A later report linked it "+e.byLinks(later)+".")
	}
	held, many := e.heldBack()
	if all = append(all, many...); len(held) > 0 {
		all = append(all, "Held back: "+enumerate(held, "; ")+".")
	}
	return strings.Join(all, " ")
}

// arrival says how the alert came to its first incident, and by which merge to where it is.
func (e Explanation) arrival() []string {
	merged, from := len(e.Merged.Links) > 0, ID("")
	of := "the incident"
	if merged {
		from = e.Merged.Links[0].Incident
		of = e.number(e.Added.Incident)
	}
	links := linksOf(nil, e.Added, false)
	by := func(r activity.Reason) int {
		return slices.IndexFunc(links, func(l activity.Link) bool { return l.Reason == r })
	}
	came := ""
	switch n := by(activity.GroupedManually); {
	case e.Added.ID == "":
		came = "The log does not say how the alert came."
	case n >= 0 && links[n].Incident != "":
		came = fmt.Sprintf("Moved from %s by %s.", e.number(links[n].Incident), oneLine(e.Added.Actor.String()))
	case n >= 0:
		came = fmt.Sprintf("Moved here by %s.", oneLine(e.Added.Actor.String()))
	case by(activity.GroupedBySource) >= 0:
		came = "Grouped by its source."
	case len(links) > 0:
		came = "Linked " + e.byLinks(links) + "."
	case e.Opened > 1 && merged && e.Added.Incident == from:
		return []string{fmt.Sprintf("One of the first %d alerts of %s, %s.", e.Opened, of, e.mergedBy())}
	case e.Opened > 1:
		came = fmt.Sprintf("One of the %d alerts that %s was created with.", e.Opened, of)
	case e.Opened == 1 && merged && e.Added.Incident == from:
		return []string{"First alert of " + of + ", " + e.mergedBy() + "."}
	case e.Opened == 1:
		came = "First alert of " + of + "."
	default:
		came = fmt.Sprintf("Added by %s, without a link.", oneLine(e.Added.Actor.String()))
	}
	if merged {
		return []string{came, fmt.Sprintf("Came with %s, %s.", e.number(from), e.mergedBy())}
	}
	return []string{came}
}

// mergedBy says who merged the incident that the alert came with, or why it was merged.
func (e Explanation) mergedBy() string {
	b := e.Brought
	if b.ID == "" {
		return "merged by " + oneLine(e.Merged.Actor.String())
	}
	if b.ID == e.Alert.ID {
		return "which was merged" // its later report says why
	}
	with := "it"
	switch {
	case b.From:
		with = e.number(e.Merged.Incident)
	case b.Both:
		with = "both"
	}
	who := "another alert"
	if b.Title != "" {
		who = quote(b.Title)
	}
	return fmt.Sprintf("which was merged because %s shares %s with %s",
		who, cmp.Or(theNames(keyNames(b.Keys, e.Names)), "something"), with)
}

func quote(title string) string { return "'" + oneLine(title) + "'" }

func (e Explanation) number(id ID) string {
	if n := e.Numbers[id]; n != 0 {
		return fmt.Sprintf("#%d", n)
	}
	return "another incident"
}

// tooMany is the reason for which all links of an alert are held back that leads to too many incidents.
var tooMany = regexp.MustCompile(`(\d+) incidents, more than (?:the )?(\d+)`)

// heldBack says what was held back, and why. What was held back because an alert links too many incidents
// makes a sentence of its own.
func (e Explanation) heldBack() (all, many []string) {
	links := e.HeldBack()
	told := make(map[ID][]string)
	for _, l := range e.Reasons() { // in another form it did link
		told[""] = append(told[""], cmp.Or(e.Names[l.Entity], KeyName(l.Entity)))
	}
	for n, l := range links {
		numbers := tooMany.FindStringSubmatch(l.HeldBack)
		same := func(other activity.Link) bool {
			return other.HeldBack == l.HeldBack && (other.Incident == l.Incident || numbers != nil)
		}
		if slices.ContainsFunc(links[:n], same) {
			continue
		}
		var of []activity.Link
		var keys []alert.Key
		for _, other := range links[n:] {
			if same(other) {
				of = append(of, other)
				if other.Entity != "" {
					keys = append(keys, other.Entity)
				}
			}
		}
		names := keyNames(keys, e.Names)
		if numbers != nil {
			many = append(many, e.sharedByMany(names, of, numbers[1], numbers[2]))
			continue
		}
		names = slices.DeleteFunc(names, func(name string) bool {
			return slices.Contains(told[l.Incident], name)
		})
		if len(keys) > 0 && len(names) == 0 {
			continue // another identifier of the same thing was named
		}
		told[l.Incident] = append(told[l.Incident], names...)
		text := cmp.Or(theNames(names), "a link")
		if l.Incident != "" {
			text += " with " + e.number(l.Incident)
		}
		all = append(all, text+" ("+inWords(oneLine(l.HeldBack))+")")
	}
	return all, many
}

// sharedByMany says that links lead to more incidents than one alert may bring together. Not all of them are
// kept.
func (e Explanation) sharedByMany(names []string, links []activity.Link, incidents, most string) string {
	what := "identifiers"
	if len(names) == 1 {
		what = theNames(names)
	} else if w := commonWord(names); w != "" {
		what = plural(w)
	}
	var known []int64
	for _, l := range links {
		if n := e.Numbers[l.Incident]; n != 0 && !slices.Contains(known, n) {
			known = append(known, n)
		}
	}
	slices.Sort(known)
	text := fmt.Sprintf("Shares %s with %s incidents, more than the %s that one alert may join",
		what, incidents, most)
	if len(known) == 0 {
		return text + "."
	}
	var list []string
	for _, n := range known[:min(len(known), maxNames)] {
		list = append(list, fmt.Sprintf("#%d", n))
	}
	if n, err := strconv.Atoi(incidents); err == nil && n > len(list) {
		return fmt.Sprintf("%s: %s and %d more.", text, strings.Join(list, ", "), n-len(list))
	}
	return text + ": " + enumerate(list, ", ") + "."
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

// byLinks returns to what and how links link, the one that weighs most first: "to 'LSASS dump' by the device
// ws-01; by the account CORP\kai, close in time".
func (e Explanation) byLinks(links []activity.Link) string {
	links = slices.Clone(links)
	slices.SortStableFunc(links, func(a, b activity.Link) int { return cmp.Compare(b.Score, a.Score) })
	type way struct{ to, how string }
	keys := make(map[way][]alert.Key)
	var ways []way
	for _, l := range links {
		w := way{e.Peers[l.Entity].Title, reasonWords[l.Reason]}
		if l.Entity == "" {
			w = way{"", "by " + reasonName(l.Reason)}
		}
		if _, known := keys[w]; !known {
			ways, keys[w] = append(ways, w), nil
		}
		if l.Entity != "" {
			keys[w] = append(keys[w], l.Entity)
		}
	}
	var all, told []string
	to := ""
	for _, w := range ways {
		names := slices.DeleteFunc(keyNames(keys[w], e.Names), func(name string) bool {
			return slices.Contains(told, name+w.how)
		})
		for _, name := range names {
			told = append(told, name+w.how)
		}
		text := w.how
		switch {
		case len(names) > 0:
			text = "by " + theNames(names) + w.how
		case len(keys[w]) > 0:
			continue // another identifier of the same thing was named
		}
		if w.to != "" && w.to != to {
			text = "to " + quote(w.to) + " " + text
			to = w.to
		}
		all = append(all, text)
	}
	return enumerate(all, "; ")
}

func reasonName(r activity.Reason) string { return cmp.Or(reasonNames[r], "an unknown reason") }

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

// duration returns d in words, rounded down: in seconds up to two minutes, in minutes up to two hours, in
// hours up to two days, then in days.
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
