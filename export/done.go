package export

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
)

// whatWasDone says of everybody, people and then programs, what they did how often. What followed from something else is not told.
func (d drawing) whatWasDone() (say []string) {
	var actors []string
	done := make(map[string]map[string]int)
	automated := make(map[string]bool)
	for _, rows := range fold(d.r.Activity) {
		if rows[0].Origin != "" && !isComment(rows[0]) {
			continue // of another incident
		}
		who := rows[0].Who
		if done[who] == nil {
			actors = append(actors, who)
			done[who] = make(map[string]int)
		}
		automated[who] = rows[0].Trigger == activity.Automated
		for _, a := range leading(rows) {
			done[who][deedOf(a)]++
		}
	}
	short := make(map[string]int) // of how many a name is the short one
	for _, who := range actors {
		short[shortName(who)]++
	}
	var programs []string
	for _, who := range actors {
		name := shortName(who)
		if short[name] > 1 {
			name = who
		}
		text := cmp.Or(name, "Somebody without a name") + " " + and(sentences(done[who]))
		if automated[who] {
			programs = append(programs, text)
		} else {
			say = append(say, text+".")
		}
	}
	if len(programs) > 0 {
		say = append(say, "Automatically: "+strings.Join(programs, "; ")+".")
	}
	return say
}

// shortName returns a person's name without the identifier behind it.
func shortName(who string) string {
	if name, _, ok := strings.Cut(who, " ("); ok && name != "" && strings.HasSuffix(who, ")") {
		return name
	}
	return who
}

// deedOf returns the type of a, and of a status that says more what it is.
func deedOf(a ActivityRow) string {
	if a.What == activity.StatusChanged.Title() && slices.ContainsFunc(a.Changes, func(c ChangeRow) bool {
		return c.Path == "status" && c.After == words(incident.Resolved.String())
	}) {
		return "Resolved"
	}
	return a.What
}

// A phrase says of one who did something that they did it, once or n times.
type phrase struct{ deed, once, often string }

// phrases are in the order in which they are told.
var phrases = []phrase{
	{activity.IncidentCreated.Title(), "created it", ""},
	{activity.AlertAdded.Title(), "added 1 alert", "added # alerts"},
	{activity.Merged.Title(), "merged 1 incident into it", "merged # incidents into it"},
	{activity.Redirected.Title(), "merged it into another incident", ""},
	{activity.Unmerged.Title(), "undid a merge", "undid # merges"},
	{activity.AlertMoved.Title(), "moved 1 alert away", "moved # alerts away"},
	{activity.ResponseAction.Title(), "took 1 response action", "took # response actions"},
	{activity.AutomationRun.Title(), "ran 1 automation", "ran # automations"},
	{activity.Renamed.Title(), "named it", "named it # times"},
	{activity.Described.Title(), "described it", "described it # times"},
	{activity.SeverityChanged.Title(), "changed its severity", "changed its severity # times"},
	{activity.Assigned.Title(), "assigned it", "assigned it # times"},
	{activity.TagsChanged.Title(), "changed its tags", "changed its tags # times"},
	{activity.Referenced.Title(), "changed its references", "changed its references # times"},
	{activity.AlertAssigned.Title(), "assigned 1 alert", "assigned # alerts"},
	{activity.AlertStatus.Title(), "changed the status of 1 alert", "changed the status of alerts # times"},
	{activity.AlertUpdated.Title(), "updated 1 alert", "updated alerts # times"},
	{activity.StatusChanged.Title(), "changed its status", "changed its status # times"},
	{activity.Classified.Title(), "classified it", "classified it # times"},
	{"Resolved", "resolved it", "resolved it # times"},
	{activity.Commented.Title(), "wrote 1 comment", "wrote # comments"},
	{activity.Redacted.Title(), "redacted 1 text", "redacted # texts"},
	{activity.Recounted.Title(), "recounted its alerts", "recounted its alerts # times"},
	{activity.Purged.Title(), "purged it", ""},
}

// sentences returns what somebody did how often as parts of a sentence.
func sentences(done map[string]int) (parts []string) {
	known := make(map[string]bool, len(phrases))
	for _, p := range phrases {
		known[p.deed] = true
		switch n := done[p.deed]; {
		case n == 0:
		case n == 1 || p.often == "":
			parts = append(parts, p.once)
		default:
			parts = append(parts, strings.Replace(p.often, "#", grouped(n), 1))
		}
	}
	var rest []string
	for deed, n := range done {
		if !known[deed] {
			rest = append(rest, "is in the log with “"+deed+"”, "+count(n, "time"))
		}
	}
	slices.Sort(rest)
	return append(parts, rest...)
}

// noteInShort ends a sentence with a resolution note, or with how a long one begins.
func noteInShort(note string) string {
	const most = 200
	if utf8.RuneCountInString(note) <= most {
		return "with the note: " + note
	}
	end := 0
	for at, length := 0, 0; end == 0 && length < most; length++ {
		r, size := utf8.DecodeRuneInString(note[at:])
		at += size
		rest := note[at:]
		blank := strings.TrimLeft(rest, " \n") != rest
		if strings.ContainsRune("。！？", r) || blank && (strings.ContainsRune(".!?؟", r) || rest[0] == '\n') {
			end = at
		}
	}
	if end == 0 {
		return "with a note of " + grouped(utf8.RuneCountInString(note)) + " characters."
	}
	return "with a note that begins: " + note[:end]
}
