package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

func lastSeq(ctx context.Context, s storage.Storage) (n int64, err error) {
	err = s.View(ctx, func(r storage.Reader) (err error) { n, err = r.Seq(ctx); return err })
	return n, err
}

// said returns err as it is to be named in another error.
func said(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// A guarding applies Changesets one after the other and sees which Guards fail.
type guarding struct {
	ctx  context.Context
	s    storage.Storage
	n    int   // entries
	last int64 // Seq, after the last step
}

// entry returns the next entry.
func (g *guarding) entry() []activity.Entry {
	g.n++
	return []activity.Entry{newEntry(fmt.Sprint("guarded", g.n), "i00000")}
}

// step applies cs with an entry.
func (g *guarding) step(cs storage.Changeset) error {
	cs.Activity = g.entry()
	_, err := g.s.Apply(g.ctx, cs)
	if err == nil {
		g.last, err = lastSeq(g.ctx, g.s)
	}
	return err
}

// refused sees that a Guard of keys, one of which was added after seq, at which they were looked up, fails with the
// conflict of one of them, and that nothing is kept.
func (g *guarding) refused(how string, seq int64, keys ...alert.Key) error {
	cs := storage.Changeset{
		Items:    []storage.Item{newItem("guarded", how)},
		Activity: g.entry(),
		Guard:    storage.Guard{Seq: seq, Keys: keys},
	}
	last, err := lastSeq(g.ctx, g.s)
	if err != nil {
		return err
	}
	_, err = g.s.Apply(g.ctx, cs)
	conflict, ok := errors.AsType[*storage.ConflictError](err)
	switch {
	case !ok:
		return fmt.Errorf(
			"a Guard of %v, looked up at Seq %d of %d, after %s: apply returned %w, want a *ConflictError",
			keys, seq, last, how, said(err),
		)
	case conflict.Record != "key" || !slices.Contains(keys, alert.Key(conflict.ID)) || conflict.Given != seq ||
		conflict.Stored <= seq || conflict.Stored > last:
		return fmt.Errorf(
			"a Guard of %v, looked up at Seq %d of %d, after %s: %+v, "+
				"want one about one of them, with the Seqs of the Guard and of a later entry",
			keys, seq, last, how, *conflict,
		)
	}
	if _, err := oneItem(g.ctx, g.s, "guarded", how); !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("a Changeset whose Guard failed, after %s, was kept in part: reading its item returned %w",
			how, said(err))
	}
	return nil
}

// passes sees that Guards of keys that are looked up at the end of the log do not fail.
func (g *guarding) passes(how string, cs storage.Changeset, keys ...alert.Key) error {
	last, err := lastSeq(g.ctx, g.s)
	if err != nil {
		return err
	}
	cs.Guard = storage.Guard{Seq: last, Keys: keys}
	if err := g.step(cs); err != nil {
		return fmt.Errorf("a Guard of %v, looked up at Seq %d, the last, %s: %w", keys, last, how, err)
	}
	return nil
}

// mayPass applies a Guard that a storage may let fail without a reason, but only as out of date.
func (g *guarding) mayPass(how string, seq int64, keys ...alert.Key) error {
	_, err := g.s.Apply(g.ctx, storage.Changeset{Activity: g.entry(), Guard: storage.Guard{Seq: seq, Keys: keys}})
	if conflict, ok := errors.AsType[*storage.ConflictError](err); err != nil && (!ok || conflict.Record != "key") {
		return fmt.Errorf("a Guard of %v, looked up at Seq %d, after %s: %w", keys, seq, how, err)
	}
	return nil
}

func userKey(upn string) alert.Key { return alert.Key("upn:" + upn) }

// withUsers returns the n-th alert, at a version, with users as evidence.
func withUsers(version int64, n int, in incident.ID, users ...string) alert.Alert {
	a := alertAt(version, n, in)
	a.Evidence = nil
	for _, upn := range users {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.User{UPN: upn}})
	}
	return a
}

// guarded adds keys to alerts in every way there is. Guards of these keys that were looked up before fail, and none
// fails that was looked up at the end of the log.
func guarded(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 2); err != nil {
		return err
	}
	before, err := lastSeq(ctx, s)
	if err != nil {
		return err
	}
	g := &guarding{ctx: ctx, s: s, last: before}
	alerts := func(all ...alert.Alert) storage.Changeset { return storage.Changeset{Alerts: all} }
	a, b, c, d := userKey("a"), userKey("b"), userKey("c"), userKey("d")
	if err := errors.Join(
		g.passes("of keys that no alert has", alerts(), a, b, c),
		g.passes("by the Changeset that adds one of them", alerts(withUsers(0, 10, "i00000", "a")), a, b),
		g.refused("it was added to a new alert", before, a),
		g.refused("one of several was added", before, b, c, a, b),
		g.mayPass("others were added", before, b, c),
		g.passes("once it is there", alerts(), a, b, c),
	); err != nil {
		return err
	}

	before = g.last
	if err := errors.Join(
		g.step(alerts(withUsers(1, 10, "i00000", "a", "b"))),
		g.refused("it was added to an alert that was there", before, b),
		g.mayPass("the alert that has it was stored again with another", before, a),
		g.passes("once both are there", alerts(), a, b),
	); err != nil {
		return err
	}

	// Only a key that the alert did not have is added.
	before = g.last
	if err := errors.Join(
		g.step(alerts(withUsers(2, 10, "i00000", "a", "b"))),
		g.mayPass("the alert was stored again", before, a, b),
		g.step(alerts(withUsers(3, 10, "i00001", "b", "a"))),
		g.mayPass("the alert was moved", before, a, b),
		g.step(storage.Changeset{Incidents: []incident.Incident{incidentAt(1, 1)}}),
		g.mayPass("its incident was changed", before, a, b),
		g.passes("after all that", alerts(), a, b),
	); err != nil {
		return err
	}

	// A key that one alert has for long, and that comes to another.
	before = g.last
	if err := errors.Join(
		g.step(alerts(withUsers(0, 11, "i00000", "a"))),
		g.refused("it came to another alert too", before, a),
		g.passes("once both alerts have it", alerts(), a),
	); err != nil {
		return err
	}

	// A key that goes and comes again.
	if err := errors.Join(
		g.step(alerts(withUsers(0, 12, "i00000", "c"))),
		g.step(alerts(withUsers(1, 12, "i00000", "d"))),
	); err != nil {
		return err
	}
	before = g.last
	if err := errors.Join(
		g.step(alerts(withUsers(2, 12, "i00000", "c", "d"))),
		g.refused("the alert lost it and got it again", before, c),
		g.mayPass("the alert has it still", before, d),
		g.passes("once it has it again", alerts(), c, d),
	); err != nil {
		return err
	}

	// The keys of an alert that is purged are gone; those of one that is stored again are new.
	before = g.last
	purge := storage.Changeset{Incidents: []incident.Incident{incidentAt(2, 1)}, Purge: []incident.ID{"i00001"}}
	if err := errors.Join(
		g.step(alerts(withUsers(0, 13, "i00001", "e"))),
		g.refused("it was added to an alert of another incident", before, userKey("e")),
		g.step(purge),
		g.mayPass("the alert that had it was purged", before, userKey("e")),
		g.passes("after the purge", alerts(), userKey("e"), b),
	); err != nil {
		return err
	}
	before = g.last
	if err := errors.Join(
		g.step(alerts(withUsers(0, 13, "i00001", "e"))),
		g.refused("the alert that had it was purged and came again", before, userKey("e")),
	); err != nil {
		return err
	}

	// Many entries in one Changeset, and many alerts: whoever saw a part of the log has not seen its keys.
	cs := alerts(withUsers(0, 20, "i00000", "x"), withUsers(0, 21, "i00001", "y", "z"), withUsers(0, 22, "i00000"))
	cs.AlertKeys = [][]alert.Key{nil, cs.Alerts[1].Keys(), nil}
	cs.Activity = slices.Concat(g.entry(), g.entry(), g.entry())
	before = g.last
	receipt, err := s.Apply(ctx, cs)
	if err != nil {
		return err
	}
	for _, key := range []alert.Key{userKey("x"), userKey("y"), userKey("z")} {
		if err := errors.Join(
			g.refused(string(key)+" came with several entries", before, key),
			g.refused(string(key)+" came with several keys", receipt.Seq-1, "none:none", key),
			g.passes("with several others", alerts(), userKey("x"), key, "none:none"),
		); err != nil {
			return err
		}
	}

	// Without an entry its keys may go unseen, and without a key nothing is guarded.
	if _, err := s.Apply(ctx, alerts(withUsers(0, 30, "i00000", "silent"))); err != nil {
		return err
	}
	if err := errors.Join(
		g.mayPass("it came without an entry", before, userKey("silent")),
		g.passes("after a key without an entry", alerts(), userKey("silent")),
	); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{Activity: g.entry(), Guard: storage.Guard{Seq: 0}}); err != nil {
		return fmt.Errorf("a Guard without keys, whose Seq is 0: %w", err)
	}
	return g.restored()
}

// restored restores alerts, whose keys are not added by that.
func (g *guarding) restored() error {
	to, ok := g.s.(storage.Restorer)
	if !ok {
		return nil
	}
	before, err := lastSeq(g.ctx, g.s)
	if err != nil {
		return err
	}
	key, has := userKey("restored"), userKey("a")
	cs := storage.Changeset{
		Alerts: []alert.Alert{withUsers(4, 40, "i00000", "restored"), withUsers(2, 11, "i00001", "a", "restored")},
		Guard:  storage.Guard{Keys: []alert.Key{has}}, // which has no meaning here
	}
	if err := to.Restore(g.ctx, cs); err != nil {
		return fmt.Errorf("a Restore with a Guard: %w", err)
	}
	if err := errors.Join(
		g.passes("after a Restore", storage.Changeset{}, key, has),
		g.mayPass("a Restore", before, key, has),
		g.step(storage.Changeset{Alerts: []alert.Alert{withUsers(4, 40, "i00000", "restored", "more")}}),
		g.mayPass("what was restored was stored again", before, key),
		g.refused("what was restored was stored again with it", before, userKey("more")),
		g.step(storage.Changeset{Alerts: []alert.Alert{withUsers(0, 41, "i00000", "restored")}}),
		g.refused("it was restored, and came to another alert", before, key),
	); err != nil {
		return err
	}
	return nil
}

// guardConcurrent has many callers ingest alerts about the same users: each looks whether an alert has the user's key,
// joins its incident or opens one, and does so again when its Guard fails. For no user there are two incidents.
func guardConcurrent(ctx context.Context, s storage.Storage) error {
	const writers, rounds, most = 6, 8, 1000
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	var failed atomic.Int64
	for round := range rounds {
		users := []string{fmt.Sprint("user", round), fmt.Sprint("user", round, "/", round%2)}
		if err := together(writers, func(k int) error {
			n := 100 + round*writers + k
			user := users[k%len(users)]
			for try := range most {
				cs := storage.Changeset{
					Alerts:   []alert.Alert{withUsers(0, n, "", user)},
					Activity: []activity.Entry{newEntry(fmt.Sprint("in", n), "i00000")},
				}
				if try%2 == 1 {
					cs.AlertKeys = [][]alert.Key{cs.Alerts[0].Keys()}
				}
				cs.Guard.Keys = []alert.Key{"none:none", userKey(user)}
				if err := s.View(ctx, func(r storage.Reader) (err error) {
					if cs.Guard.Seq, err = r.Seq(ctx); err != nil {
						return err
					}
					found, err := collect(r.Alerts(ctx, alert.Query{Entities: []alert.Key{userKey(user)}, Limit: 1}))
					if len(found) > 0 {
						cs.Alerts[0].Incident = found[0].Incident
					}
					return err
				}); err != nil {
					return err
				}
				if cs.Alerts[0].Incident == "" {
					i := newIncident(n)
					cs.Incidents, cs.Alerts[0].Incident = []incident.Incident{i}, i.ID
				}
				_, err := s.Apply(ctx, cs)
				if err == nil {
					return nil
				}
				if conflict, ok := errors.AsType[*storage.ConflictError](err); !ok || conflict.Record != "key" {
					return fmt.Errorf("an Apply under a Guard beside others: %w", err)
				}
				failed.Add(1)
			}
			return fmt.Errorf("a Guard failed %d times, with %d other callers", most, writers-1)
		}); err != nil {
			return err
		}
		for _, user := range users {
			if err := s.View(ctx, func(r storage.Reader) error {
				found, err := collect(r.Alerts(ctx, alert.Query{Entities: []alert.Key{userKey(user)}}))
				if err != nil {
					return err
				}
				in := make(map[incident.ID]bool)
				for _, a := range found {
					in[a.Incident] = true
				}
				if len(found) != writers/len(users) || len(in) != 1 {
					return fmt.Errorf(
						"%d callers that each joined or opened the incident of a user under a Guard "+
							"stored %d alerts in %d incidents, want 1 incident",
						writers/len(users), len(found), len(in),
					)
				}
				return nil
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// seqLast reads the last Seq before and after Changesets, and in Views that began before.
func seqLast(ctx context.Context, s storage.Storage) error {
	var deeper func(entries int64, steps []storage.Changeset) error
	deeper = func(entries int64, steps []storage.Changeset) error {
		return s.View(ctx, func(r storage.Reader) error {
			for round := range 2 {
				if n, err := r.Seq(ctx); err != nil || n != entries {
					return fmt.Errorf("the Reader returns Seq %d and %w, %d Changesets before the last, want %d",
						n, said(err), len(steps), entries)
				}
				if round > 0 || len(steps) == 0 {
					continue
				}
				if _, err := s.Apply(ctx, steps[0]); err != nil {
					return err
				}
				next := entries + int64(len(steps[0].Activity))
				for range 2 { // through either handle, where there are two
					if n, err := lastSeq(ctx, s); err != nil || n != next {
						return fmt.Errorf("the Reader returns Seq %d and %w after Apply, want %d", n, said(err), next)
					}
				}
				if err := deeper(next, steps[1:]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	redact := storage.Changeset{Redact: []activity.ID{"1", "3"}, Items: []storage.Item{newItem("k", "a")}}
	if err := deeper(0, []storage.Changeset{
		{Incidents: []incident.Incident{newIncident(0)}},
		{Activity: []activity.Entry{newEntry("1", "i00000")}},
		{},
		{Activity: []activity.Entry{newEntry("2", "i00000"), newEntry("3", "i00000"), newEntry("4", "")}},
		redact,
		{Incidents: []incident.Incident{incidentAt(1, 0)}, Purge: []incident.ID{"i00000"}},
		{Activity: []activity.Entry{newEntry("5", "i00000")}},
	}); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, storage.Changeset{
		Incidents: []incident.Incident{newIncident(1)},
		Activity:  []activity.Entry{newEntry("6", "i"), newEntry("1", "i")},
	}); !errors.Is(err, storage.ErrExists) {
		return fmt.Errorf("apply of an entry that is there: %w, want an error matching ErrExists", said(err))
	}
	if n, err := lastSeq(ctx, s); err != nil || n != 5 {
		return fmt.Errorf("the Reader returns Seq %d and %w after an Apply that failed, want 5", n, said(err))
	}
	// Whoever reads the last Seq beside writers reads just the entries up to it.
	return together(4, func(k int) error {
		for n := range 20 {
			if k == 0 {
				if _, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{
					newEntry(fmt.Sprint("w", n), "i"),
					newEntry(fmt.Sprint("w", n, "b"), "i"),
				}}); err != nil {
					return err
				}
				continue
			}
			if err := s.View(ctx, func(r storage.Reader) error {
				last, err := r.Seq(ctx)
				if err != nil {
					return err
				}
				log, err := tally(r.Activity(ctx, activity.Query{}))
				if err == nil && int64(log) != last {
					err = fmt.Errorf("the Reader returns Seq %d in a View of %d entries", last, log)
				}
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
}
