// Package correlation decides which incident a new alert belongs to, and says why.
//
// The [Default] correlator puts an alert into the open incident with which it shares the most weighty
// entities inside a window of time. What every shared entity weighs, what was held back and why is part
// of the [Decision], so that "why are these together" has an answer.
//
// # Limits
//
// An entity that is on more alerts of the window than the hub limit links nothing, and neither does one on
// the stop list, such as the local host. Microsoft Defender XDR publishes neither its rules nor its
// windows; the values here are this library's.
//
// # Errors
//
// Errors are those of the storage that is read.
package correlation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A Decision says where an alert belongs.
type Decision struct {
	Incident incident.ID     // the incident it joins; "" means a new one
	Links    []activity.Link // the reasons, and what was considered and held back; ordered by entity and incident
}

// Default is the default correlator. The zero Default is ready to use.
type Default struct {
	Window   time.Duration // how far apart in first activity two linked alerts may be; 0 means 24 hours
	HubLimit int           // alerts of the window an entity may be on and still link; 0 means 100
	Stop     []alert.Key   // entities that never link, besides the built-in ones
}

// A weight says what sharing a key of a namespace means. Namespaces that are not listed do not link.
var weights = map[string]struct {
	reason activity.Reason
	score  int
}{
	"device":     {activity.SameAsset, 5},
	"device-dir": {activity.SameAsset, 5},
	"host":       {activity.SameAsset, 5},
	"user":       {activity.SameAsset, 5},
	"sid":        {activity.SameAsset, 5},
	"upn":        {activity.SameAsset, 5},
	"account":    {activity.SameAsset, 4},
	"mailbox":    {activity.SameAsset, 4},
	"resource":   {activity.SameAsset, 4},
	"sha256":     {activity.SharedIndicators, 4},
	"sha1":       {activity.SharedIndicators, 4},
	"md5":        {activity.SharedIndicators, 3},
	"url":        {activity.SharedIndicators, 3},
	"sender":     {activity.SharedIndicators, 3},
	"message":    {activity.SharedIndicators, 3},
	"oauth-app":  {activity.SharedIndicators, 3},
	"ip":         {activity.SharedIndicators, 2},
}

// stopped are entities that are everywhere and say nothing.
var stopped = []alert.Key{
	"host:localhost", "host:localhost.localdomain", "ip:127.0.0.1", "ip:::1", "ip:0.0.0.0", "ip:::",
	"sid:s-1-5-18", "sid:s-1-5-19", "sid:s-1-5-20", `account:nt authority\system`,
	`account:nt authority\local service`, `account:nt authority\network service`,
}

// Correlate decides where a belongs, reading from r. The incident with the highest sum of scores wins; of
// equal ones the one with the lowest Number. The others are among the links, held back.
func (d Default) Correlate(ctx context.Context, r storage.Reader, a alert.Alert) (Decision, error) {
	if a.Standalone {
		return Decision{}, nil
	}
	links, err := d.links(ctx, r, a)
	if err != nil {
		return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
	}
	var found []candidate
	for _, l := range links {
		if l.Incident == "" {
			continue
		}
		n := slices.IndexFunc(found, func(c candidate) bool { return c.id == l.Incident })
		if n < 0 {
			n = len(found)
			found = append(found, candidate{id: l.Incident})
		}
		found[n].score += l.Score
	}
	var best candidate
	for n := range found {
		c := &found[n]
		i, err := r.Incident(ctx, c.id)
		if err != nil {
			return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
		}
		c.number, c.open = i.Number, i.Status.Open()
		if c.open && (best.id == "" || c.score > best.score || c.score == best.score && c.number < best.number) {
			best = *c
		}
	}
	for n := range links {
		l := &links[n]
		if l.Incident == "" || l.Incident == best.id {
			continue
		}
		c := found[slices.IndexFunc(found, func(c candidate) bool { return c.id == l.Incident })]
		if c.open {
			l.HeldBack = fmt.Sprintf("another incident matches better (%d against %d)", best.score, c.score)
		} else {
			l.HeldBack = "the incident is not open"
		}
	}
	slices.SortFunc(links, func(a, b activity.Link) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Incident, b.Incident))
	})
	return Decision{Incident: best.id, Links: links}, nil
}

// A candidate is an incident that shares entities with the alert.
type candidate struct {
	id     incident.ID
	score  int
	number int64
	open   bool
}

// links returns a link for each entity of a and each incident that has it in the window, and those of the
// entities that do not link, held back.
func (d Default) links(ctx context.Context, r storage.Reader, a alert.Alert) ([]activity.Link, error) {
	window, hub := cmp.Or(d.Window, 24*time.Hour), cmp.Or(d.HubLimit, 100)
	keys := a.Keys()
	links := make([]activity.Link, 0, len(keys))
	q := storage.SightingQuery{
		Entities: keys[:0], Since: a.FirstActivity.Add(-window), Until: a.FirstActivity.Add(window + time.Microsecond), Limit: hub + 1,
	}
	for _, key := range keys {
		w, ok := weights[key.Namespace()]
		if !ok || strings.HasPrefix(string(key), `account:\`) {
			continue // a bare account name, such as root, is another account on every machine
		}
		if slices.Contains(stopped, key) || slices.Contains(d.Stop, key) {
			links = append(links, activity.Link{Reason: w.reason, Entity: key, HeldBack: "on the stop list"})
		} else {
			q.Entities = append(q.Entities, key)
		}
	}
	var key alert.Key // that the sightings are of
	seen, first := 0, 0
	for s, err := range storage.Sightings(ctx, r, q) {
		if err != nil {
			return nil, err
		}
		if s.Entity != key {
			key, seen, first = s.Entity, 0, len(links)
		}
		w := weights[key.Namespace()]
		switch seen++; {
		case seen > hub:
			links = append(links[:first], activity.Link{Reason: w.reason, Entity: key,
				HeldBack: fmt.Sprintf("on more than %d alerts within %s", hub, window)})
		case !s.Standalone && !slices.ContainsFunc(links[first:], func(l activity.Link) bool { return l.Incident == s.Incident }):
			links = append(links, activity.Link{Reason: w.reason, Entity: key, Incident: s.Incident, Score: w.score})
		}
	}
	return links, nil
}
