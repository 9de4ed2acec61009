package socday

import (
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Count returns how many incidents q selects. Of q it knows what [Plain.Page] does, CreatedSince, Within and Except.
func (p *Plain) Count(q incident.Query) (n int) {
	p.scan(q, func(*incident.Incident) { n++ })
	return n
}

// Facets returns how many incidents q selects by value. Of q it knows what Count does.
func (p *Plain) Facets(q incident.Query) (c storage.Counts) {
	p.scan(q, c.Add)
	return c
}

func (p *Plain) scan(q incident.Query, fn func(*incident.Incident)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.all {
		if selects(&q, i) {
			fn(i)
		}
	}
}
