package incident

import (
	"fmt"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// RegroupedThere reports whether the system of ref, which has an alert of home in the incident of ref, has moved it
// there: home is an incident of that system, too, and added, the entry by which the alert came to home, does not say
// that a person put it there.
func RegroupedThere(ref Reference, home Incident, added activity.Entry) bool {
	theirs := func(r Reference) bool { return r.System == ref.System }
	byHand := func(l activity.Link) bool { return l.Reason == activity.GroupedManually }
	return slices.ContainsFunc(home.References, theirs) && !slices.ContainsFunc(added.Links, byHand)
}

// LinkedThere reports whether home, which has an alert that another system has in an incident of its own, is to be
// merged into that incident: no system keeps home, and correlation has put the alert there, as added, the entry by
// which it came to home, says. So it does not matter which of the two arrives first, the alert or its incident.
func LinkedThere(home Incident, added activity.Entry) bool {
	grouped := func(l activity.Link) bool {
		return l.Reason == activity.GroupedManually || l.Reason == activity.GroupedBySource
	}
	return len(home.References) == 0 && added.Type == activity.AlertAdded && !slices.ContainsFunc(added.Links, grouped)
}

// Regroup is [MoveAlerts] of alerts that the system which keeps the incidents has moved. The entries say that it has
// grouped them, so that its next move is followed, too.
func Regroup(cmd Command, from []Case, to Case, alerts []alert.ID) ([]Effect, error) {
	effects, err := MoveAlerts(cmd, from, to, alerts, "")
	for _, e := range effects {
		for n := range e.Activity {
			for k := range e.Activity[n].Links {
				e.Activity[n].Links[k].Reason = activity.GroupedBySource
			}
		}
	}
	return effects, err
}

// Succeed is [Create] of the incident that follows purged, the one that an earlier import of d became. alerts
// are those of d that were never here. logged has the entries of d's comments, see Known. The new incident
// has no text that was purged: no name, description and note of d, no tags, no Extra, and no comment that is
// in logged. Its first entry says what it follows.
func Succeed(
	cmd Command, id ID, purged Incident, d Draft, alerts []alert.Alert, logged map[activity.ID]bool,
	tax classification.Taxonomy,
) (Effect, error) {
	d.Name, d.Description, d.Note, d.Tags, d.Extra = "", "", "", nil, ""
	fresh := d.newComments(Known{Comments: logged})
	d.Comments = nil
	for _, e := range fresh {
		d.Comments = append(d.Comments, Comment{By: e.Actor.ID, Time: e.Occurred, Text: e.Text, Alert: e.Alert})
	}
	e, err := Create(cmd, id, d, alerts, []activity.Link{{Reason: activity.GroupedBySource}}, tax)
	if err == nil {
		e.Activity[0].Text = fmt.Sprintf("Follows #%d, which was purged.", purged.Number)
	}
	return e, err
}
