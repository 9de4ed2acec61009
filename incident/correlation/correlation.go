// Package correlation decides which incident a new alert belongs to, and says why.
//
// The [Default] correlator puts an alert into the open incident with which it shares the most weighty
// entities inside a window of time, and names the others that the alert links, to be merged into that one.
// What every shared entity weighs, what was held back and why is part of the [Decision], so that "why are
// these together" has an answer.
//
// # Limits
//
// An entity that is on more alerts of the window than the hub limit links nothing, and neither does one on
// the stop list, such as the local host, or an account name without a domain, such as root, which is
// another account on every machine. Microsoft Defender XDR publishes neither its rules nor its windows; the
// values here are this library's.
//
// Alerts are compared by the first activity that their source gave. One that lies far ahead of the moment at which the
// alert came in, see [alert.Alert.Active], is outside of the window of every alert whose clock is right.
//
// # Errors
//
// Errors are those of the storage that is read.
package correlation

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
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
	Incident incident.ID     `json:"incident,omitempty"` // the incident it joins; "" means a new one
	Links    []activity.Link `json:"links,omitempty"`    // the reasons, and what was held back; by entity and incident

	// Merge names the other open incidents that the alert links, to be merged into Incident where the rules allow it.
	Merge []incident.ID `json:"merge,omitempty"`

	// Keys is what was looked up. When another alert gets one meanwhile, the decision is made again.
	Keys []alert.Key `json:"keys,omitempty"`
}

// Default is the default correlator. The zero Default is ready to use.
type Default struct {
	Window   time.Duration // how far apart in first activity two linked alerts may be; 0 means 24 hours
	HubLimit int           // alerts of the window an entity may be on and still link; 0 means 100
	Stop     []alert.Key   // entities that never link, as [alert.Keys] spells them, besides the built-in ones
	Reopen   bool          // an alert that links resolved incidents and no open one joins the best of them, which reopens it
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

// stopped are entities that are everywhere and say nothing. The hashes are those of an empty file.
var stopped = []alert.Key{
	"host:localhost", "host:localhost.localdomain",
	"sid:s-1-5-7", "sid:s-1-5-18", "sid:s-1-5-19", "sid:s-1-5-20",
	`account:nt authority\anonymous logon`, `account:nt authority\system`,
	`account:nt authority\local service`, `account:nt authority\network service`,
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", "md5:d41d8cd98f00b204e9800998ecf8427e",
}

// Correlate decides where a, of which keys are not stored yet, belongs, reading from r.
//
// An identifier of a's entities links the incidents of alerts that have it too and whose first activity is
// within the window. The open incident with the highest score wins; of equal ones the one with the lowest
// Number. With Reopen, the same goes for the resolved ones when no open one is linked. An incident's score is the sum over the entities, each by the weightiest of its identifiers that
// link the incident, so that a device with three names weighs no more than one with a single name. The
// other incidents are among the links, held back, and those that are open are to be merged, best first. A
// standalone alert is not looked at, and links nobody.
func (d Default) Correlate(ctx context.Context, r storage.Reader, a alert.Alert, keys alert.KeySet) (Decision, error) {
	if a.Standalone {
		return Decision{}, nil
	}
	links, looked, err := d.links(ctx, r, a, keys.All())
	if err != nil {
		return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
	}
	best, others, err := d.choose(ctx, r, a, keys, links)
	if err != nil {
		return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
	}
	slices.SortFunc(links, func(a, b activity.Link) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Incident, b.Incident))
	})
	return Decision{best, links, others, looked}, nil
}

// links returns a link for each of the keys of a and each incident that has it in the window, and those of
// the identifiers that do not link, held back. It also returns the keys that it looked up, without those above the hub
// limit, which link nothing however many alerts come.
func (d Default) links(
	ctx context.Context, r storage.Reader, a alert.Alert, keys []alert.Key,
) (links []activity.Link, looked []alert.Key, err error) {
	window, hub := cmp.Or(d.Window, 24*time.Hour), cmp.Or(d.HubLimit, 100)
	q := storage.SightingQuery{Entities: make([]alert.Key, 0, len(keys)), Limit: hub + 1}
	q = q.Between(a.FirstActivity.Add(-window), a.FirstActivity.Add(window))
	for _, key := range keys {
		weight, ok := weights[key.Namespace()]
		if !ok {
			continue
		}
		if why := d.stops(key); why != "" {
			links = append(links, activity.Link{Reason: weight.reason, Entity: key, HeldBack: why})
		} else {
			q.Entities = append(q.Entities, key)
		}
	}
	if len(q.Entities) == 0 {
		return links, nil, nil
	}
	looked = slices.Clone(q.Entities)
	var key alert.Key // that the sightings are of
	seen, first := 0, 0
	for s, err := range storage.Sightings(ctx, r, q) {
		if err != nil {
			return nil, nil, err
		}
		if s.Entity != key {
			key, seen, first = s.Entity, 0, len(links)
		}
		weight := weights[key.Namespace()]
		switch seen++; {
		case seen > hub:
			links = append(links[:first], activity.Link{Reason: weight.reason, Entity: key,
				HeldBack: fmt.Sprintf("on more than %d alerts within %s", hub, window)})
			looked = slices.DeleteFunc(looked, func(k alert.Key) bool { return k == key })
		case !s.Standalone && !slices.ContainsFunc(links[first:], func(l activity.Link) bool { return l.Incident == s.Incident }):
			links = append(links, activity.Link{Reason: weight.reason, Entity: key, Incident: s.Incident, Score: weight.score})
		}
	}
	return links, looked, nil
}

// stops says why key links nothing, whatever it is found on; "" means that it may link.
func (d Default) stops(key alert.Key) string {
	switch {
	case strings.HasPrefix(string(key), `account:\`):
		return "an account name without a domain"
	case slices.Contains(stopped, key), slices.Contains(d.Stop, key), local(key):
		return "on the stop list"
	}
	return ""
}

// local reports whether key is an address that is no single host's: loopback, link-local, multicast, or what
// is no address at all, such as "unknown".
func local(key alert.Key) bool {
	text, ok := strings.CutPrefix(string(key), "ip:")
	if !ok {
		return false
	}
	address, err := netip.ParseAddr(text)
	return err != nil || !address.IsGlobalUnicast()
}

// A candidate is an incident that links lead to.
type candidate struct {
	id     incident.ID
	number int64
	status incident.Status
	score  int // when there are several
}

// choose returns the incident that a joins, "" when it is none of the linked ones, and the others that are
// open, best first. It notes in the links to others why they do not count.
func (d Default) choose(
	ctx context.Context, r storage.Reader, a alert.Alert, keys alert.KeySet, links []activity.Link,
) (joins incident.ID, others []incident.ID, err error) {
	var candidates []candidate
	of := func(l activity.Link) int {
		return slices.IndexFunc(candidates, func(c candidate) bool { return c.id == l.Incident })
	}
	open := false // one of them is
	for _, l := range links {
		if l.Incident == "" || of(l) >= 0 {
			continue
		}
		i, err := r.Incident(ctx, l.Incident)
		if err != nil {
			return "", nil, err
		}
		candidates = append(candidates, candidate{id: l.Incident, number: i.Number, status: i.Status})
		open = open || i.Status.Open()
	}
	if len(candidates) > 1 {
		total := scores(a, keys, links)
		for n := range candidates {
			candidates[n].score = total[candidates[n].id]
		}
	}
	takes := func(c candidate) bool {
		return c.status.Open() || !open && d.Reopen && c.status == incident.Resolved
	}
	var best candidate
	for _, c := range candidates {
		if takes(c) && (best.id == "" || cmp.Or(cmp.Compare(c.score, best.score), cmp.Compare(best.number, c.number)) > 0) {
			best = c
		}
	}
	for n := range links {
		l := &links[n]
		if l.Incident == "" || l.Incident == best.id {
			continue
		}
		switch c := candidates[of(*l)]; {
		case !takes(c):
			l.HeldBack = "the incident is not open"
		case c.score == best.score:
			l.HeldBack = fmt.Sprintf("another incident matches as well and is older (%d against %d)", best.score, c.score)
		default:
			l.HeldBack = fmt.Sprintf("another incident matches better (%d against %d)", best.score, c.score)
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.number, b.number))
	})
	for _, c := range candidates {
		if c.status.Open() && c.id != best.id {
			others = append(others, c.id)
		}
	}
	return best.id, others, nil
}

// scores returns what the links to each incident come to when each entity of a counts once.
func scores(a alert.Alert, keys alert.KeySet, links []activity.Link) map[incident.ID]int {
	entity := make(map[alert.Key]int) // the place of the first that has the key
	for n := range a.Evidence {
		for _, key := range keys.Of(n) {
			if _, ok := entity[key]; !ok {
				entity[key] = n
			}
		}
	}
	type pair struct {
		incident incident.ID
		entity   int
	}
	most := make(map[pair]int)
	for _, l := range links {
		p := pair{l.Incident, entity[l.Entity]}
		most[p] = max(most[p], l.Score)
	}
	total := make(map[incident.ID]int)
	for p, score := range most {
		total[p.incident] += score
	}
	return total
}
