package incident

import (
	"iter"
	"slices"

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

	// Opened is how many alerts, this one among them, the incident that it came to was created with; 0 when it came
	// later.
	Opened int `json:"opened,omitempty"`

	// Updated has the entries about later reports of the alert that linked it by what they added, in the order of Seq.
	Updated []activity.Entry `json:"updated,omitempty"`

	// Merged is the entry of the merge that then brought the alert to where it is; the zero Entry when it is
	// where it came to, or came there because another merge was undone.
	Merged activity.Entry `json:"merged,omitzero"`

	// Brought is the alert whose links led to Merged; the zero Bringer when people merged, or the log does
	// not tell.
	Brought Bringer `json:"brought,omitzero"`

	// Peers has the alerts to which Reasons link the alert, by Entity: of those that it was linked with the
	// nearest in time. Where one alert has all that was shared, it is the only one.
	Peers map[alert.Key]Peer `json:"peers,omitempty"`

	// Names has what the entities of the links, and the Keys of Brought, are called: as [KeyName] does, but
	// in the spelling of the source and with the name of a file. Keys of one thing have the same name, that
	// which tells most. What the links of other alerts of the incident name is there too, if the alert has
	// it.
	Names map[alert.Key]string `json:"names,omitempty"`

	// Numbers has the numbers of incidents that the entries name, so that [Explanation.Sentence] can name them. Explain
	// leaves it nil, since the log has no numbers.
	Numbers map[ID]int64 `json:"numbers,omitempty"`
}

// A Peer is another alert of the incident.
type Peer struct {
	ID    alert.ID `json:"id"`
	Title string   `json:"title"`
}

// A Bringer is an alert by whose links an incident was merged into another one.
type Bringer struct {
	Peer
	Keys []alert.Key `json:"keys,omitempty"` // by which it was linked with the incident that was merged
	Both bool        `json:"both,omitempty"` // the other incident had alerts with all of Keys too
	From bool        `json:"from,omitempty"` // it is of the incident that was merged; Keys link it with the other one
}

// Reasons returns the links that put the alert where it is: those with which it came, then those of later reports, each
// once. There are none for the first alert of an incident, unless a later report linked it.
func (e Explanation) Reasons() []activity.Link { return e.links(false) }

// HeldBack returns the links that were considered and did not count, each with the reason, in the order of Reasons: one
// weaker identifier alone, an entity that never links, an incident that is not open or matches less.
func (e Explanation) HeldBack() []activity.Link { return e.links(true) }

func (e Explanation) links(heldBack bool) []activity.Link {
	links := linksOf(nil, e.Added, heldBack)
	for _, entry := range e.Updated {
		links = linksOf(links, entry, heldBack)
	}
	return links
}

// linksOf appends the links of an entry that are not in links, those that were held back or the others.
func linksOf(links []activity.Link, e activity.Entry, heldBack bool) []activity.Link {
	for _, l := range e.Links {
		if (l.HeldBack != "") == heldBack && !slices.Contains(links, l) && l != ofItsKind(e.Incident) {
			links = append(links, l)
		}
	}
	return links
}

// Linked returns the incidents that the entries of e name, each once: those that links lead to, and those of
// a merge that brought the alert.
func (e Explanation) Linked() (ids []ID) {
	add := func(id ID) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if e.Merged.ID != "" {
		add(e.Added.Incident)
		add(e.Merged.Incident)
	}
	for _, entry := range slices.Concat([]activity.Entry{e.Added}, e.Updated, []activity.Entry{e.Merged}) {
		for _, l := range entry.Links {
			if l != ofItsKind(entry.Incident) {
				add(l.Incident)
			}
		}
	}
	return ids
}

// Explain returns an explanation for each of alerts, which are in the incident with that ID, in their order.
// log is the entries of the incident and of all those that were merged into it, see [Sources], in the order
// of Seq; only those of the types that [ExplainTypes] returns and that are no copies are looked at. An error
// that log yields is returned as it is. Of alerts without their evidence, see [alert.Alert.Brief], Explain
// finds neither Names nor Peers.
func Explain(id ID, alerts []alert.Alert, log iter.Seq2[activity.Entry, error]) ([]Explanation, error) {
	added, updated := make(map[alert.ID]activity.Entry), make(map[alert.ID][]activity.Entry)
	type command struct {
		id          ID
		cause, part string
	}
	opened := make(map[command]int)            // alerts that an incident was created with
	left := make(map[alert.ID][]source)        // the incidents that it left since it was added, by merges that stand
	undone := make(map[string]bool)            // commands that undid a merge
	merges := make(map[command]activity.Entry) // into this incident
	for e, err := range log {
		switch {
		case err != nil:
			return nil, err
		case e.Origin != "":
		case e.Type == activity.AlertAdded:
			added[e.Alert], left[e.Alert], updated[e.Alert] = e, nil, nil
			if c := (command{e.Incident, e.Cause, e.Part}); opened[c] > 0 {
				opened[c]++
			}
		case e.Type == activity.IncidentCreated:
			opened[command{e.Incident, e.Cause, e.Part}] = 1 // and one for each alert
		case e.Type == activity.AlertUpdated && len(e.Links) > 0:
			updated[e.Alert] = append(updated[e.Alert], e)
		case e.Type == activity.Unmerged:
			undone[e.Cause] = true
			for a, path := range left { // what the incident had given away is back
				if n := len(path); n > 0 && path[n-1].id == e.Incident {
					left[a] = path[:n-1]
				}
			}
		case e.Type == activity.AlertMoved && !undone[e.Cause] && e.Cause != added[e.Alert].Cause:
			left[e.Alert] = append(left[e.Alert], source{e.Incident, e.Cause, e.Seq})
		case e.Type == activity.Merged && e.Incident == id && len(e.Links) > 0:
			merges[command{id: e.Links[0].Incident, cause: e.Cause}] = e
		}
	}
	all := make([]Explanation, len(alerts))
	for n, a := range alerts {
		came := added[a.ID]
		with := opened[command{came.Incident, came.Cause, came.Part}]
		all[n] = Explanation{Alert: a, Added: came, Opened: max(0, with-1), Updated: updated[a.ID]}
		if path := left[a.ID]; len(path) > 0 {
			last := path[len(path)-1]
			all[n].Merged = merges[command{id: last.id, cause: last.cause}]
		}
		all[n].Brought = broughtBy(all[n].Merged)
	}
	findPeers(id, all, left)
	return all, nil
}

// A source is an incident that an alert left by a merge.
type source struct {
	id    ID
	cause string
	seq   int64
}

// ExplainTypes returns the types of entries that [Explain] looks at.
func ExplainTypes() []activity.Type {
	return []activity.Type{
		activity.IncidentCreated, activity.AlertAdded, activity.AlertUpdated, activity.AlertMoved, activity.Merged,
		activity.Unmerged,
	}
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
