package incident

import (
	"cmp"
	"iter"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// An Explanation says why an alert is in its incident.
type Explanation struct {
	Alert alert.Alert `json:"alert"`

	// Added is the entry that tells how the alert came: by whom, when, and in its Links the reasons. Origin is
	// the incident that it came to first, where that was merged into this one. It is the zero Entry when the log
	// does not tell.
	Added activity.Entry `json:"added,omitzero"`

	// Merged is the entry of the merge that brought the alert to this incident; the zero Entry when it came by
	// itself.
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

// Explain returns an explanation for each of alerts, in their order, from log, which is all entries of their
// incident in the order of Seq. An error that log yields is returned as it is.
func Explain(alerts []alert.Alert, log iter.Seq2[activity.Entry, error]) ([]Explanation, error) {
	// An alert may have come more than once, and copies tell of other incidents too. What counts is the last way
	// by which it did not leave again; then the last by which it left with a merge that was undone, since a merge
	// that is done again copies nothing twice; and never that into an incident which it left before the merge.
	type way struct {
		added activity.Entry
		rank  int
	}
	const gone, left, here = 0, 1, 2
	ways := make(map[alert.ID]map[ID]way) // by alert and Origin
	merges := make(map[ID]activity.Entry) // by the incident that was merged in
	for e, err := range log {
		if err != nil {
			return nil, err
		}
		switch {
		case e.Origin == e.Incident: // it went out with one merge and came back with another
		case e.Type == activity.AlertAdded:
			if ways[e.Alert] == nil {
				ways[e.Alert] = make(map[ID]way)
			}
			ways[e.Alert][e.Origin] = way{e, here}
		case e.Type == activity.AlertMoved:
			for origin, w := range ways[e.Alert] {
				switch e.Origin {
				case "":
					w.rank = min(w.rank, left)
				case origin:
					w.rank = gone
				}
				ways[e.Alert][origin] = w
			}
		case e.Type == activity.Merged && len(e.Links) > 0:
			merges[e.Links[0].Incident] = e
		}
	}
	all := make([]Explanation, len(alerts))
	for n, a := range alerts {
		all[n].Alert = a
		var best way
		for _, w := range ways[a.ID] {
			if cmp.Or(cmp.Compare(w.rank, best.rank), cmp.Compare(w.added.Seq, best.added.Seq)) > 0 {
				best = w
			}
		}
		all[n].Added = best.added
		// Through however many incidents it was handed on, the merge into this one is not a copy.
		seen := make(map[ID]bool)
		for origin := best.added.Origin; origin != "" && !seen[origin]; origin = merges[origin].Origin {
			seen[origin] = true
			all[n].Merged = merges[origin]
		}
	}
	return all, nil
}
