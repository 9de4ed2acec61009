package incident

import (
	"fmt"
	"strconv"

	"github.com/incidentkit/incidentkit/alert"
)

// A Case is an incident with its alerts: what a filter or a cascade must see. Alerts are in the order of
// the zero [alert.Query]. Each rule says whether it needs all alerts of the incident, some or none; the doc comment of
// the package has a list.
type Case struct {
	Incident Incident      `json:"incident"`
	Alerts   []alert.Alert `json:"alerts,omitempty"`
}

// complete reports alerts that are not all those of the incident, each once.
func (c Case) complete() error {
	if n := c.Incident.Alerts.Count; len(c.Alerts) != n {
		return c.wrong(strconv.Itoa(len(c.Alerts)), fmt.Sprintf("all %d alerts of the incident", n))
	}
	return c.own()
}

// own reports an alert that is of another incident, or is there twice.
func (c Case) own() error {
	const few = 16 // are compared with each other faster than a map is made
	var seen map[alert.ID]bool
	if len(c.Alerts) > few {
		seen = make(map[alert.ID]bool, len(c.Alerts))
	}
	for n := range c.Alerts {
		a := &c.Alerts[n]
		if a.Incident != c.Incident.ID {
			return c.wrong(string(a.ID), "alerts of the incident, not of "+strconv.Quote(string(a.Incident)))
		}
		twice := seen[a.ID]
		if seen != nil {
			seen[a.ID] = true
		} else {
			for m := range n {
				twice = twice || c.Alerts[m].ID == a.ID
			}
		}
		if twice {
			return c.wrong(string(a.ID), "each alert once")
		}
	}
	return nil
}

func (c Case) wrong(alerts, want string) error {
	p := problems{record: "incident " + string(c.Incident.ID)}
	p.add("alerts", alerts, want)
	return p.errs[0]
}
