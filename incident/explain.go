package incident

import (
	"iter"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// An Explanation says why an alert is in its incident.
type Explanation struct {
	Alert alert.Alert `json:"alert"`

	// Added is the entry that tells how the alert came: by whom, when, and in its Links the reasons. It is of the
	// incident that the alert came to, which may have been merged into another since. It is the zero Entry when
	// the log does not tell.
	Added activity.Entry `json:"added,omitzero"`

	// Merged is the entry of the merge that then brought the alert to where it is; the zero Entry when it is
	// where it came to, or came there because another merge was undone.
	Merged activity.Entry `json:"merged,omitzero"`
}

// Reasons returns the links that put the alert where it is. There are none for the first alert of an incident.
func (e Explanation) Reasons() []activity.Link { return e.links(false) }

// HeldBack returns the links that were considered and did not count, each with the reason: a hub, an entity on the
// stop list, an incident that is not open or fits less.
func (e Explanation) HeldBack() []activity.Link { return e.links(true) }

func (e Explanation) links(heldBack bool) (links []activity.Link) {
	for _, l := range e.Added.Links {
		if (l.HeldBack != "") == heldBack {
			links = append(links, l)
		}
	}
	return links
}

// Explain returns an explanation for each of alerts, which are in the incident with that ID, in their order. log
// is the entries of the incident and of all those that were merged into it, see [Sources], in the order of Seq;
// only those of the types AlertAdded, AlertMoved, Merged and Unmerged that are no copies are looked at. An error that log
// yields is returned as it is.
func Explain(id ID, alerts []alert.Alert, log iter.Seq2[activity.Entry, error]) ([]Explanation, error) {
	added := make(map[alert.ID]activity.Entry)
	type source struct {
		id    ID
		cause string
	}
	left := make(map[alert.ID][]source)       // the incidents that it left since it was added, by merges that stand
	undone := make(map[string]bool)           // commands that undid a merge
	merges := make(map[source]activity.Entry) // into this incident
	for e, err := range log {
		switch {
		case err != nil:
			return nil, err
		case e.Origin != "":
		case e.Type == activity.AlertAdded:
			added[e.Alert], left[e.Alert] = e, nil
		case e.Type == activity.Unmerged:
			undone[e.Cause] = true
			for a, path := range left { // what the incident had given away is back
				if n := len(path); n > 0 && path[n-1].id == e.Incident {
					left[a] = path[:n-1]
				}
			}
		case e.Type == activity.AlertMoved && !undone[e.Cause] && e.Cause != added[e.Alert].Cause:
			left[e.Alert] = append(left[e.Alert], source{e.Incident, e.Cause})
		case e.Type == activity.Merged && e.Incident == id && len(e.Links) > 0:
			merges[source{e.Links[0].Incident, e.Cause}] = e
		}
	}
	all := make([]Explanation, len(alerts))
	for n, a := range alerts {
		all[n] = Explanation{Alert: a, Added: added[a.ID]}
		if path := left[a.ID]; len(path) > 0 {
			all[n].Merged = merges[path[len(path)-1]]
		}
	}
	return all, nil
}

// Sources returns the incidents that were merged into the one whose entries are given, be it through others, in the
// order in which its log names them. Those that were taken out again are among them.
func Sources(log iter.Seq2[activity.Entry, error]) ([]ID, error) {
	var sources []ID
	seen := make(map[ID]bool)
	for e, err := range log {
		if err != nil {
			return nil, err
		}
		if e.Origin != "" && e.Origin != e.Incident && !seen[e.Origin] {
			seen[e.Origin] = true
			sources = append(sources, e.Origin)
		}
	}
	return sources, nil
}
