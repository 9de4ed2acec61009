package export

import (
	"cmp"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// namesOf returns what people call that which the lists of r name by identifiers.
func namesOf(r Report, alerts []alert.Alert, others []related) (n Names) {
	titles := make(map[alert.ID]string, len(alerts))
	for _, a := range alerts {
		titles[a.ID] = a.Title
	}
	numbers := make(map[incident.ID]int64)
	for _, o := range others {
		for _, m := range slices.Concat(o.From, o.Into) {
			numbers[m.Row.ID] = m.Row.Number
		}
	}
	title := func(id alert.ID) {
		if text, ok := titles[id]; ok {
			put(&n.Alerts, id, text)
		}
	}
	number := func(id incident.ID) {
		if no := numbers[id]; no != 0 {
			put(&n.Incidents, id, no)
		}
	}
	for _, e := range r.Graph.Edges {
		for _, id := range e.Alerts {
			title(id)
		}
	}
	var spelled map[string]string
	for _, e := range r.Activity {
		title(e.Alert)
		number(e.Origin)
		for _, l := range e.Links {
			number(l.Incident)
			if l.Entity == "" {
				continue
			}
			if spelled == nil {
				spelled = spellings(alerts)
			}
			key := l.Entity
			if key.IsMarker() { // which has the key of its entity inside
				_, inside, _ := strings.Cut(string(key), ":")
				key = alert.Key(inside)
			}
			if name := spelled[strings.ToLower(string(key))]; name != "" {
				put(&n.Entities, l.Entity, name)
			}
		}
	}
	for _, rows := range [][]MergedRow{r.MergedFrom, r.MergedInto} {
		for _, row := range rows {
			number(row.ID)
			number(row.Via)
		}
	}
	return n
}

// put sets an element of a map that may not be there yet.
func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[key] = value
}

// spellings returns what the alerts call entities, by their keys in small letters. The first alert counts.
func spellings(alerts []alert.Alert) map[string]string {
	all := make(map[string]string)
	for _, a := range alerts {
		keys := a.KeySet()
		for n, v := range a.Evidence {
			if v.Entity == nil {
				continue
			}
			names := keys.Own(n) // what it names has other names
			for _, key := range keys.Of(n)[len(names):] {
				if v.Entity.Kind().Asset() != alert.NotAsset && key.IsShort() {
					names = append(names, key)
				}
			}
			for _, key := range names {
				at := strings.ToLower(string(key))
				all[at] = cmp.Or(all[at], nameBy(key, v.Entity))
			}
		}
	}
	return all
}

// nameBy returns the name of what key, one of e's, says of e.
func nameBy(key alert.Key, e alert.Entity) string {
	switch e := e.(type) {
	case alert.Process:
		if strings.HasPrefix(key.Namespace(), "sha") || key.Namespace() == "md5" {
			return e.Image.Name()
		}
	case alert.Message:
		if key.Namespace() == "sender" {
			return e.Sender
		}
	}
	return e.Name()
}
