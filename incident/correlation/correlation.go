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
	window, hub := cmp.Or(d.Window, 24*time.Hour), cmp.Or(d.HubLimit, 100)
	var dec Decision
	scores := make(map[incident.ID]int)
	for _, key := range a.Keys() {
		w, ok := weights[key.Namespace()]
		if !ok || strings.HasPrefix(string(key), `account:\`) {
			continue // a bare account name, such as root, is another account on every machine
		}
		if slices.Contains(stopped, key) || slices.Contains(d.Stop, key) {
			dec.Links = append(dec.Links, activity.Link{Reason: w.reason, Entity: key, HeldBack: "on the stop list"})
			continue
		}
		seen := 0
		var found []incident.ID
		for other, err := range r.Alerts(ctx, alert.Query{
			Entities: []alert.Key{key}, Since: a.FirstActivity.Add(-window), Until: a.FirstActivity.Add(window + time.Microsecond),
			Limit: hub + 1, Brief: true,
		}) {
			if err != nil {
				return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
			}
			seen++
			if !slices.Contains(found, other.Incident) && !other.Standalone {
				found = append(found, other.Incident)
			}
		}
		if seen > hub {
			dec.Links = append(dec.Links, activity.Link{Reason: w.reason, Entity: key,
				HeldBack: fmt.Sprintf("on more than %d alerts within %s", hub, window)})
			continue
		}
		for _, id := range found {
			dec.Links = append(dec.Links, activity.Link{Reason: w.reason, Entity: key, Incident: id, Score: w.score})
			scores[id] += w.score
		}
	}
	var best incident.Incident
	closed := make(map[incident.ID]bool)
	for id, score := range scores {
		i, err := r.Incident(ctx, id)
		if err != nil {
			return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
		}
		if !i.Status.Open() {
			closed[id] = true
			continue
		}
		if best.ID == "" || score > scores[best.ID] || score == scores[best.ID] && i.Number < best.Number {
			best = i
		}
	}
	for n := range dec.Links {
		l := &dec.Links[n]
		switch {
		case l.Incident == "" || l.Incident == best.ID:
		case closed[l.Incident]:
			l.HeldBack = "the incident is not open"
		default:
			l.HeldBack = fmt.Sprintf("another incident matches better (%d against %d)", scores[best.ID], scores[l.Incident])
		}
	}
	slices.SortFunc(dec.Links, func(a, b activity.Link) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Incident, b.Incident))
	})
	dec.Incident = best.ID
	return dec, nil
}
