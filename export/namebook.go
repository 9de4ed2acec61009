package export

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A nameBook knows how people call what the log names.
type nameBook struct {
	titles map[alert.ID]string
	others incidentNumbers
	names  map[alert.ID]map[string]string // of entities, by key with small letters; those of "" are by any alert, the first
}

func newNameBook(alerts []alert.Alert, others []related) nameBook {
	all := make(map[string]string)
	k := nameBook{make(map[alert.ID]string, len(alerts)), make(incidentNumbers), map[alert.ID]map[string]string{"": all}}
	for _, a := range alerts {
		own := make(map[string]string)
		k.titles[a.ID], k.names[a.ID] = a.Title, own
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
				at, name := strings.ToLower(string(key)), nameBy(key, v.Entity)
				own[at] = cmp.Or(own[at], name)
				all[at] = cmp.Or(all[at], name)
			}
		}
	}
	for _, o := range others {
		for _, m := range slices.Concat(o.From, o.Into) {
			k.others[m.Row.ID] = m.Row.Number
		}
	}
	return k
}

// incidentNumbers are the numbers of other incidents, as far as they are known.
type incidentNumbers map[incident.ID]int64

func numbersOf(rows []MergedRow) incidentNumbers {
	numbers := make(incidentNumbers, len(rows))
	for _, row := range rows {
		numbers[row.ID] = row.Number
	}
	return numbers
}

func (n incidentNumbers) called(id incident.ID) string { return called(id, n[id]) }

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

// reason returns in words why an alert was put into an incident, or what else e, which has l, points to.
func (k nameBook) reason(l activity.Link, e activity.Entry) string {
	text := words(l.Reason.String())
	if l.Entity != "" {
		text += ": " + k.entity(l.Entity, e.Alert)
	}
	if l.Incident != "" && l.Incident != e.Incident {
		text += ", " + k.others.called(l.Incident)
	}
	if l.HeldBack != "" {
		text += ", held back: " + l.HeldBack
	}
	return text
}

// entity returns what the alert calls the entity with that key, or else what another alert calls it, or else the key.
func (k nameBook) entity(key alert.Key, id alert.ID) string {
	at := strings.ToLower(string(key))
	namespace, rest, _ := strings.Cut(string(key), ":")
	switch namespace {
	case "sha256", "sha1", "md5", "account", "device", "host", "ip", "mailbox", "sender", "sid", "upn", "url":
	default:
		rest = string(key)
	}
	return cmp.Or(k.names[id][at], k.names[""][at], rest)
}

// difference returns what is only in one of two lists of JSON, in words. It is empty unless both have something.
func difference(before, after activity.Value) (added, removed []string) {
	was, is := listIn(before), listIn(after)
	if len(was) == 0 || len(is) == 0 {
		return nil, nil
	}
	return without(is, was), without(was, is)
}

func listIn(v activity.Value) (texts []string) {
	var list []any
	d := json.NewDecoder(strings.NewReader(string(v)))
	d.UseNumber()
	if d.Decode(&list) != nil {
		return nil
	}
	for _, e := range list {
		texts = append(texts, spoken(e))
	}
	return texts
}

// without returns what is in list and not in other.
func without(list, other []string) (rest []string) {
	known := make(map[string]bool, len(other))
	for _, s := range other {
		known[s] = true
	}
	for _, s := range list {
		if !known[s] {
			rest = append(rest, s)
		}
	}
	return rest
}
