package words

import (
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
)

// Deed returns what an entry did, for [Deeds]: its type, and of a status that says more what it became.
func Deed(e activity.Entry) string {
	if e.Type == activity.StatusChanged {
		for _, c := range e.Changes {
			if c.Field == "status" && c.After == `"resolved"` {
				return "resolved"
			}
		}
	}
	return e.Type.String()
}

// A phrase says of somebody that they did something, once or # times.
type phrase struct{ deed, once, often string }

// phrases are in the order in which they are told.
var phrases = []phrase{
	{activity.IncidentCreated.String(), "created the incident", ""},
	{activity.AlertAdded.String(), "added 1 alert", "added # alerts"},
	{activity.Merged.String(), "merged 1 incident into it", "merged # incidents into it"},
	{activity.Redirected.String(), "merged it into another incident", ""},
	{activity.Unmerged.String(), "undid a merge", "undid # merges"},
	{activity.AlertMoved.String(), "moved 1 alert away", "moved # alerts away"},
	{activity.ResponseAction.String(), "took 1 response action", "took # response actions"},
	{activity.AutomationRun.String(), "ran 1 automation", "ran # automations"},
	{activity.Renamed.String(), "renamed it", "renamed it *"},
	{activity.Described.String(), "described it", "changed the description *"},
	{activity.SeverityChanged.String(), "changed the severity", "changed the severity *"},
	{activity.Assigned.String(), "assigned it", "assigned it *"},
	{activity.TagsChanged.String(), "changed the tags", "changed the tags *"},
	{activity.Referenced.String(), "changed the references", "changed the references *"},
	{activity.AlertAssigned.String(), "assigned 1 alert", "assigned # alerts"},
	{activity.AlertStatus.String(), "changed the status of 1 alert", "changed the status of alerts *"},
	{activity.AlertUpdated.String(), "updated 1 alert", "updated alerts *"},
	{activity.StatusChanged.String(), "changed the status", "changed the status *"},
	{activity.Classified.String(), "classified it", "classified it *"},
	{"resolved", "resolved it", "resolved it *"},
	{activity.Commented.String(), "wrote 1 comment", "wrote # comments"},
	{activity.CommentRevised.String(), "revised 1 comment", "revised # comments"},
	{activity.Overruled.String(), "overruled 1 value of another system", "overruled # values of another system"},
	{activity.Redacted.String(), "redacted 1 text", "redacted # texts"},
	{activity.Recounted.String(), "recounted the alerts", "recounted the alerts *"},
	{activity.Purged.String(), "purged it", ""},
}

// Deeds returns what somebody did how often, by what [Deed] returns, as parts of a sentence.
func Deeds(done map[string]int) (parts []string) {
	known := make(map[string]bool, len(phrases))
	for _, p := range phrases {
		known[p.deed] = true
		switch n := done[p.deed]; {
		case n == 0:
		case n == 1 || p.often == "":
			parts = append(parts, p.once)
		default:
			parts = append(parts, strings.NewReplacer("#", Grouped(n), "*", Times(n)).Replace(p.often))
		}
	}
	var rest []string
	for deed, n := range done {
		if !known[deed] {
			rest = append(rest, "caused “"+Title(deed)+"” "+Times(n))
		}
	}
	slices.Sort(rest)
	return append(parts, rest...)
}
