package socday

import (
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Open returns the indexes of the open incidents in an order of no meaning.
func (d Day) Open() []int {
	var open []int
	for i := range d.Incidents {
		if status, _, _ := d.glance(i); status.Open() {
			open = append(open, i)
		}
	}
	r := d.random(forEdit, 0)
	for n := range open {
		k := n + r.below(len(open)-n)
		open[n], open[k] = open[k], open[n]
	}
	return open
}

// An Edit is what an analyst does to an incident.
type Edit struct {
	Incident incident.ID
	Edit     incident.Edit
}

// Edit returns the k-th thing analysts do, from 0: in turn they assign an incident, tag it and change its
// status, going round the given open incidents. Each does change something, but for an owner who is it
// already.
func (d Day) Edit(open []int, k int) Edit {
	i, round := open[k%len(open)], k/len(open)
	odd := round/3%2 == 1
	var e incident.Edit
	switch (k%len(open) + round) % 3 {
	case 0:
		r := d.random(forEdit, k+1)
		e.Owner = new(Owner(r.below(owners)))
	case 1:
		if name := []string{"triage"}; odd {
			e.RemoveTags = name
		} else {
			e.AddTags = name
		}
	case 2:
		status, _, _ := d.glance(i)
		if (status == incident.Active) != odd {
			e.Status = new(incident.InProgress)
		} else {
			e.Status = new(incident.Active)
		}
	}
	return Edit{d.ID(i), e}
}

// A Search is a kind of query of the queue, as several queries to take in turn. All ask for a page of 50,
// the last updated first.
type Search struct {
	Name    string
	Queries []incident.Query
}

// Searches returns the searches of the workload: by status; open, high and of the last 30 days; by tag; by
// owner among the active ones of one severity; by six filters at once; and the page after any place in the
// whole queue.
func (d Day) Searches() []Search {
	openOnes := []incident.Status{incident.Active, incident.InProgress}
	searches := []Search{
		{Name: "status"},
		{Name: "openHigh", Queries: []incident.Query{{Statuses: openOnes, Severities: []alert.Severity{alert.High}, UpdatedSince: start.AddDate(0, 0, -30)}}},
		{Name: "tag"},
		{Name: "owner"},
		{Name: "all"},
		{Name: "deep"},
	}
	add := func(n int, q incident.Query) { searches[n].Queries = append(searches[n].Queries, q) }
	for _, s := range []incident.Status{incident.Active, incident.InProgress, incident.Resolved} {
		add(0, incident.Query{Statuses: []incident.Status{s}})
	}
	for n := range 8 {
		add(2, incident.Query{Tags: []string{Tag(n)}})
		add(3, incident.Query{
			Owners: []string{Owner(n).ID}, Statuses: []incident.Status{incident.Active}, Severities: []alert.Severity{alert.Low + alert.Severity(n%3)},
		})
		var names, people []string
		for k := range 12 {
			names, people = append(names, Tag(n+k)), append(people, Owner(n+k).ID)
		}
		add(4, incident.Query{
			Statuses: openOnes, Severities: []alert.Severity{alert.Medium, alert.High}, Owners: people, Tags: names,
			Categories: []string{"Execution", "InitialAccess", "CredentialAccess"}, UpdatedSince: start.Add(-time.Duration(60+n) * 24 * time.Hour),
		})
	}
	r := d.random(forCursor, 0)
	for range 1024 {
		i := r.below(d.Incidents)
		_, updated, _ := d.glance(i)
		add(5, incident.Query{After: incident.Query{}.CursorAfter(incident.Incident{Updated: updated, Number: int64(i) + 1})})
	}
	for _, s := range searches {
		for n := range s.Queries {
			s.Queries[n].Limit = 50
		}
	}
	return searches
}
