// Package storagetest is the contract of package storage as a test suite: one case for each rule of
// [storage.Storage], and each case prints the rule it found broken.
//
//	func TestStorage(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storage.Storage { return mystore.Open(t.TempDir()) })
//	}
//
// # Limits
//
// The suite makes at most a few thousand records in one storage. It needs the standard library only.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Run tests the storages that open returns, each empty and of its own, against the contract. Cases are
// subtests named after the rule.
func Run(t *testing.T, open func(*testing.T) storage.Storage) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			defer s.Close()
			if err := c.run(t.Context(), s); err != nil {
				t.Errorf("%v\nrule: %s", err, c.rule)
			}
		})
	}
}

// A testCase checks one rule and returns what it found broken.
type testCase struct {
	name, rule string
	run        func(context.Context, storage.Storage) error
}

var cases = []testCase{
	{"Atomic", "Apply keeps all of a Changeset or nothing of it", atomic},
	{"LostUpdate", "a record is stored only over the Version that was read", lostUpdate},
	{"InsertExists", "a record of Version 0 must be new", insertExists},
	{"DuplicateEntry", "an entry whose ID is in the log makes Apply fail", duplicateEntry},
	{"AliasIn", "Apply keeps no reference to its argument", aliasIn},
	{"AliasOut", "what a Reader returns belongs to the caller", aliasOut},
	{"NestedRead", "a read may start while another is being ranged over", nestedRead},
	{"SnapshotStable", "everything read inside one View is as of one moment, and Apply does not wait for it", snapshotStable},
	{"DenseFeed", "sequence numbers are 1, 2, 3 … in the order of commits; none appears below one that was read", denseFeed},
	{"FeedResume", "Query{AfterSeq: n} yields just what follows n", feedResume},
	{"FilterOracle", "what a Query selects and in which order is what Match and Compare say", filterOracle},
	{"PageStable", "pages walked by cursor show every incident that does not change exactly once", pageStable},
	{"BreakEarly", "a sequence may be broken off early", breakEarly},
	{"Cancel", "when the context is done, its error is returned and nothing is kept", cancel},
	{"OddStrings", "texts of any UTF-8 come back as they were given", oddStrings},
	{"Times", "times of microseconds in UTC come back as they were given", times},
	{"EmptyChangeset", "an empty Changeset is kept and changes nothing", emptyChangeset},
	{"Cascade", "a Changeset of 5,000 alerts is one Changeset", cascade},
	{"NumbersUnique", "every new incident gets a Number of its own, higher than all before", numbersUnique},
	{"NotFound", "a record that is not there is ErrNotFound", notFound},
	{"Closed", "after Close every method returns ErrClosed, Close itself nil", closed},
}

var origin = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

func newIncident(n int) incident.Incident {
	at := origin.Add(time.Duration(n) * time.Second)
	return incident.Incident{ID: incident.ID(fmt.Sprintf("i%05d", n)), Name: fmt.Sprint("Incident ", n), Created: at, Updated: at,
		Tags: []incident.Tag{{Name: "t"}}}
}

func newAlert(n int, in incident.ID) alert.Alert {
	at := origin.Add(time.Duration(n) * time.Minute)
	o := alert.Origin{Source: "test", ID: fmt.Sprintf("%05d", n)}
	return alert.Alert{ID: o.AlertID(), Incident: in, Origin: o, Title: "t", FirstActivity: at, LastActivity: at, Techniques: []string{"T1"},
		Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: fmt.Sprint("d", n%7)}, Tags: []string{"x"}}}}
}

func newEntry(id string, in incident.ID) activity.Entry {
	return activity.Entry{ID: activity.ID(id), Time: origin, Incident: in, Type: activity.Commented, Actor: activity.Actor{ID: "kai"}, Cause: id,
		Changes: []activity.Change{{Field: "comments", After: "1"}}}
}

// seed stores n incidents with an alert and an entry each.
func seed(ctx context.Context, s storage.Storage, n int) error {
	for k := range n {
		i := newIncident(k)
		if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{newAlert(k, i.ID)},
			Activity: []activity.Entry{newEntry(fmt.Sprint("seed", k), i.ID)}}); err != nil {
			return fmt.Errorf("seed: %w", err)
		}
	}
	return nil
}

// contents is everything a storage holds.
type contents struct {
	incidents []incident.Incident
	alerts    []alert.Alert
	entries   []activity.Entry
}

func read(ctx context.Context, s storage.Storage) (c contents, err error) {
	err = s.View(ctx, func(r storage.Reader) error {
		var errs [3]error
		c.incidents, errs[0] = collect(r.Incidents(ctx, incident.Query{}))
		c.alerts, errs[1] = collect(r.Alerts(ctx, alert.Query{}))
		c.entries, errs[2] = collect(r.Activity(ctx, activity.Query{}))
		return errors.Join(errs[:]...)
	})
	return c, err
}

func collect[T any](seq iter.Seq2[T, error]) (out []T, err error) {
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// unchanged runs change, which must fail with want, and sees that it left nothing behind.
func unchanged(ctx context.Context, s storage.Storage, want error, cs storage.Changeset) error {
	before, err := read(ctx, s)
	if err != nil {
		return err
	}
	if _, err := s.Apply(ctx, cs); !errors.Is(err, want) {
		return fmt.Errorf("apply returned %v, want an error matching %v", err, want)
	}
	after, err := read(ctx, s)
	if err == nil && !reflect.DeepEqual(before, after) {
		err = errors.New("a failed Apply changed the storage")
	}
	return err
}

func atomic(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 1); err != nil {
		return err
	}
	stale := newAlert(0, "i00000")
	stale.Version = 9
	return unchanged(ctx, s, storage.ErrConflict, storage.Changeset{Incidents: []incident.Incident{newIncident(5)},
		Alerts: []alert.Alert{newAlert(5, "i00005"), stale}, Activity: []activity.Entry{newEntry("new", "i00005")}})
}

func lostUpdate(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 1); err != nil {
		return err
	}
	i := newIncident(0)
	i.Version, i.Name = 1, "first"
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}}); err != nil {
		return err
	}
	i.Name = "second"
	_, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}})
	conflict, ok := errors.AsType[*storage.ConflictError](err)
	if !ok || conflict.Given != 1 || conflict.Stored != 2 {
		return fmt.Errorf("writing over version 2 with version 1: %v, want a ConflictError with both", err)
	}
	missing := newIncident(7)
	missing.Version = 1
	return unchanged(ctx, s, storage.ErrConflict, storage.Changeset{Incidents: []incident.Incident{missing}})
}

func insertExists(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 1); err != nil {
		return err
	}
	return errors.Join(
		unchanged(ctx, s, storage.ErrExists, storage.Changeset{Incidents: []incident.Incident{newIncident(0)}}),
		unchanged(ctx, s, storage.ErrExists, storage.Changeset{Alerts: []alert.Alert{newAlert(0, "i00000")}}),
		unchanged(ctx, s, storage.ErrExists, storage.Changeset{Alerts: []alert.Alert{newAlert(3, "i00000"), newAlert(3, "i00000")}}))
}

func duplicateEntry(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 1); err != nil {
		return err
	}
	return errors.Join(
		unchanged(ctx, s, storage.ErrExists, storage.Changeset{Incidents: []incident.Incident{newIncident(1)}, Activity: []activity.Entry{newEntry("seed0", "i00001")}}),
		unchanged(ctx, s, storage.ErrExists, storage.Changeset{Activity: []activity.Entry{newEntry("n", "i00000"), newEntry("n", "i00000")}}))
}

// scribble changes everything in a record that could be shared.
func scribble(i *incident.Incident, a *alert.Alert, e *activity.Entry) {
	i.Tags[0].Name = "!"
	a.Techniques[0], a.Evidence[0].Tags[0] = "!", "!"
	a.Evidence[0].Entity = alert.IP{Address: "!"}
	e.Changes[0].Field = "!"
}

func aliasIn(ctx context.Context, s storage.Storage) error {
	cs := storage.Changeset{Incidents: []incident.Incident{newIncident(0)}, Alerts: []alert.Alert{newAlert(0, "i00000")}, Activity: []activity.Entry{newEntry("e", "i00000")}}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	before, err := read(ctx, s)
	if err != nil {
		return err
	}
	want := contents{slices.Clone(before.incidents), slices.Clone(before.alerts), slices.Clone(before.entries)}
	want.incidents[0], want.alerts[0], want.entries[0] = want.incidents[0].Clone(), want.alerts[0].Clone(), want.entries[0].Clone()
	scribble(&cs.Incidents[0], &cs.Alerts[0], &cs.Activity[0])
	after, err := read(ctx, s)
	if err == nil && !reflect.DeepEqual(want, after) {
		err = errors.New("changing the argument of Apply changed the storage")
	}
	return err
}

func aliasOut(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 1); err != nil {
		return err
	}
	want, err := read(ctx, s)
	if err != nil {
		return err
	}
	keep := contents{[]incident.Incident{want.incidents[0].Clone()}, []alert.Alert{want.alerts[0].Clone()}, []activity.Entry{want.entries[0].Clone()}}
	scribble(&want.incidents[0], &want.alerts[0], &want.entries[0])
	after, err := read(ctx, s)
	if err == nil && !reflect.DeepEqual(keep, after) {
		err = errors.New("changing what a Reader returned changed the storage")
	}
	return err
}

func nestedRead(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 20); err != nil {
		return err
	}
	n := 0
	err := s.View(ctx, func(r storage.Reader) error {
		for i, err := range r.Incidents(ctx, incident.Query{}) {
			if err != nil {
				return err
			}
			for a, err := range r.Alerts(ctx, alert.Query{Incidents: []incident.ID{i.ID}}) {
				if err != nil {
					return err
				}
				if _, err := r.Alert(ctx, a.ID); err != nil {
					return err
				}
				n++
			}
		}
		return nil
	})
	if err == nil && n != 20 {
		err = fmt.Errorf("nested reads found %d alerts of 20", n)
	}
	return err
}

func snapshotStable(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 10); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute) // a storage that makes Apply wait for the View ends here
	defer stop()
	return s.View(ctx, func(r storage.Reader) error {
		before, err := collect(r.Incidents(ctx, incident.Query{}))
		if err != nil {
			return err
		}
		i := before[0].Clone()
		i.Name = "changed"
		if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i, newIncident(99)}, Activity: []activity.Entry{newEntry("late", i.ID)}}); err != nil {
			return err
		}
		after, err := collect(r.Incidents(ctx, incident.Query{}))
		if err != nil {
			return err
		}
		entries, err := collect(r.Activity(ctx, activity.Query{}))
		if err != nil {
			return err
		}
		one, err := r.Incident(ctx, i.ID)
		if err == nil && (!reflect.DeepEqual(before, after) || len(entries) != 10 || one.Name == "changed") {
			err = errors.New("a View saw what was written after it began")
		}
		return err
	})
}

func denseFeed(ctx context.Context, s storage.Storage) error {
	const writers, each = 8, 40
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	var wg sync.WaitGroup
	var failed [writers]error
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				name := fmt.Sprintf("w%d-%d", w, n)
				receipt, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{newEntry(name+"a", "i"), newEntry(name+"b", "i")}})
				if err != nil || receipt.Seq == 0 {
					failed[w] = fmt.Errorf("apply: %w (receipt %+v)", err, receipt)
					return
				}
			}
		})
	}
	var last int64
	for last < 2*writers*each {
		entries, err := follow(ctx, s, last)
		if err != nil {
			return errors.Join(err, errors.Join(failed[:]...))
		}
		for _, e := range entries {
			if e.Seq != last+1 {
				return fmt.Errorf("after Seq %d came %d", last, e.Seq)
			}
			last = e.Seq
		}
	}
	wg.Wait()
	return errors.Join(failed[:]...)
}

func follow(ctx context.Context, s storage.Storage, after int64) (entries []activity.Entry, err error) {
	err = s.View(ctx, func(r storage.Reader) (err error) {
		entries, err = collect(r.Activity(ctx, activity.Query{AfterSeq: after}))
		return err
	})
	return entries, err
}

func feedResume(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 30); err != nil {
		return err
	}
	for after := range int64(31) {
		entries, err := follow(ctx, s, after)
		if err != nil {
			return err
		}
		if len(entries) != int(30-after) || len(entries) > 0 && entries[0].Seq != after+1 {
			return fmt.Errorf("after Seq %d came %d entries, want %d", after, len(entries), 30-after)
		}
	}
	return nil
}

// filterOracle compares random queries over random records with Match and Compare.
func filterOracle(ctx context.Context, s storage.Storage) error {
	rng := rand.New(rand.NewPCG(7, 11))
	pick := func(n int) int { return rng.IntN(n) }
	owners, tags := []string{"", "kai", "mona"}, []string{"Straße", "vip", "VIP2"}
	var stored []incident.Incident
	var alerts []alert.Alert
	for n := range 300 {
		i := newIncident(n)
		i.Updated = origin.Add(time.Duration(pick(40)) * time.Hour) // many are equal
		i.Status, i.Severity, i.Owner.ID = incident.Status(pick(4)), alert.Severity(pick(5)), owners[pick(3)]
		i.Tags = []incident.Tag{{Name: tags[pick(3)]}}
		i.Name = fmt.Sprintf("name 100%%_%d", pick(9))
		i.Alerts.Sources = []string{fmt.Sprint("s", pick(3))}
		a := newAlert(n, i.ID)
		a.FirstActivity = origin.Add(time.Duration(pick(20)) * time.Hour)
		a.Severity, a.Status = alert.Severity(pick(5)), alert.Status(pick(3))
		receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{a}})
		if err != nil {
			return err
		}
		i.Version, i.Number, a.Version = 1, receipt.Numbers[0], 1
		stored, alerts = append(stored, i), append(alerts, a)
	}
	return s.View(ctx, func(r storage.Reader) error {
		for range 400 {
			q := incident.Query{Sort: incident.Sort(pick(7)), Ascending: pick(2) == 0, Limit: pick(3) * 17}
			if pick(2) == 0 {
				q.Statuses = []incident.Status{incident.Status(pick(4)), incident.Status(pick(4))}
			}
			if pick(3) == 0 {
				q.Severities = []alert.Severity{alert.Severity(pick(5)), alert.Severity(pick(5))}
			}
			if pick(3) == 0 {
				q.Owners = owners[1 : 1+pick(3)]
			}
			q.Unassigned = pick(5) == 0
			if pick(3) == 0 {
				q.Tags = []string{[]string{"STRASSE", "vip", "none"}[pick(3)]}
			}
			if pick(4) == 0 {
				q.Entities = []alert.Key{alert.Key(fmt.Sprint("device:d", pick(8)))}
			}
			if pick(4) == 0 {
				q.Text = fmt.Sprintf("100%%_%d", pick(9))
			}
			if pick(4) == 0 {
				q.UpdatedSince, q.UpdatedUntil = origin.Add(time.Duration(pick(20))*time.Hour), origin.Add(time.Duration(20+pick(20))*time.Hour)
			}
			if pick(3) == 0 {
				q.After = q.CursorAfter(stored[pick(len(stored))])
			}
			var want []incident.Incident
			place, after, err := q.Start()
			if err != nil {
				return err
			}
			for n, i := range stored {
				if q.Match(incident.Case{Incident: i, Alerts: alerts[n : n+1]}) && (!after || q.ComparePlaces(q.Place(i), place) > 0) {
					want = append(want, i)
				}
			}
			slices.SortFunc(want, q.Compare)
			if q.Limit > 0 && len(want) > q.Limit {
				want = want[:q.Limit]
			}
			got, err := collect(r.Incidents(ctx, q))
			if err != nil {
				return err
			}
			if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
				return fmt.Errorf("query %+v: %d incidents, want %d, or in another order", q, len(got), len(want))
			}

			aq := alert.Query{Newest: pick(2) == 0, Limit: pick(3) * 11}
			if pick(2) == 0 {
				aq.Entities = []alert.Key{alert.Key(fmt.Sprint("device:d", pick(8))), "device:d1"}
			}
			if pick(2) == 0 {
				aq.Severities = []alert.Severity{alert.Severity(pick(5))}
			}
			if pick(2) == 0 {
				aq.Since = origin.Add(time.Duration(pick(20)) * time.Hour)
			}
			var wantAlerts []alert.Alert
			for _, a := range alerts {
				if aq.Match(a) {
					wantAlerts = append(wantAlerts, a)
				}
			}
			slices.SortFunc(wantAlerts, aq.Compare)
			if aq.Limit > 0 && len(wantAlerts) > aq.Limit {
				wantAlerts = wantAlerts[:aq.Limit]
			}
			gotAlerts, err := collect(r.Alerts(ctx, aq))
			if err != nil {
				return err
			}
			if len(gotAlerts) != len(wantAlerts) || len(gotAlerts) > 0 && !reflect.DeepEqual(gotAlerts, wantAlerts) {
				return fmt.Errorf("alert query %+v: %d alerts, want %d, or in another order", aq, len(gotAlerts), len(wantAlerts))
			}
		}
		return nil
	})
}

// pageStable walks all pages while others are written between them.
func pageStable(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 100); err != nil {
		return err
	}
	seen := map[incident.ID]int{}
	q := incident.Query{Limit: 9}
	for n := 0; ; n++ {
		var page []incident.Incident
		if err := s.View(ctx, func(r storage.Reader) (err error) {
			page, err = collect(r.Incidents(ctx, q))
			return err
		}); err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, i := range page {
			seen[i.ID]++
		}
		text, err := q.CursorAfter(page[len(page)-1]).MarshalText()
		if err == nil {
			err = q.After.UnmarshalText(text)
		}
		if err != nil {
			return err
		}
		fresh := newIncident(1000 + n)
		fresh.Updated = origin.Add(time.Duration(n*13%100)*time.Second + time.Microsecond)
		if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{fresh}}); err != nil {
			return err
		}
	}
	for n := range 100 {
		if id := newIncident(n).ID; seen[id] != 1 {
			return fmt.Errorf("incident %s was seen %d times", id, seen[id])
		}
	}
	return nil
}

func breakEarly(ctx context.Context, s storage.Storage) error {
	if err := seed(ctx, s, 10); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		for range 3 {
			for _, err := range r.Incidents(ctx, incident.Query{}) {
				if err != nil {
					return err
				}
				break
			}
			for _, err := range r.Activity(ctx, activity.Query{}) {
				if err != nil {
					return err
				}
				break
			}
		}
		rest, err := collect(r.Alerts(ctx, alert.Query{}))
		if err == nil && len(rest) != 10 {
			err = fmt.Errorf("%d alerts after breaking off, want 10", len(rest))
		}
		return err
	})
}

func cancel(ctx context.Context, s storage.Storage) error {
	done, stop := context.WithCancel(ctx)
	stop()
	if err := unchangedUnder(ctx, done, s); err != nil {
		return err
	}
	if err := s.View(done, func(storage.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("view returned %v, want context.Canceled", err)
	}
	return nil
}

func unchangedUnder(ctx, done context.Context, s storage.Storage) error {
	if _, err := s.Apply(done, storage.Changeset{Incidents: []incident.Incident{newIncident(0)}}); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("apply returned %v, want context.Canceled", err)
	}
	c, err := read(ctx, s)
	if err == nil && len(c.incidents) != 0 {
		err = errors.New("a cancelled Apply kept something")
	}
	return err
}

func oddStrings(ctx context.Context, s storage.Storage) error {
	for n, text := range []string{"", " ", "'; drop table incidents; --", `100%_a\`, "日本語 😀 \u202e", "e\u0301", "a\tb\nc", `"`, "\x00nul"} {
		i, a, e := newIncident(n), newAlert(n, newIncident(n).ID), newEntry(fmt.Sprint("e", n), newIncident(n).ID)
		i.ID += incident.ID(text)
		i.Name, i.Owner.ID, a.Title, a.ID, e.Text = text, text, text, alert.ID("x:"+fmt.Sprint(n)+text), text
		if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Alerts: []alert.Alert{a}, Activity: []activity.Entry{e}}); err != nil {
			return fmt.Errorf("text %q: %w", text, err)
		}
		if err := s.View(ctx, func(r storage.Reader) error {
			gotI, err := r.Incident(ctx, i.ID)
			if err != nil {
				return err
			}
			gotA, err := r.Alert(ctx, a.ID)
			if err != nil {
				return err
			}
			gotE, err := collect(r.Activity(ctx, activity.Query{IDs: []activity.ID{e.ID}}))
			if err == nil && (gotI.Name != text || gotI.Owner.ID != text || gotA.Title != text || len(gotE) != 1 || gotE[0].Text != text) {
				err = errors.New("came back changed")
			}
			return err
		}); err != nil {
			return fmt.Errorf("text %q: %w", text, err)
		}
	}
	return nil
}

func times(ctx context.Context, s storage.Storage) error {
	for n, at := range []time.Time{{}, time.Unix(0, 0).UTC(), origin, time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)} {
		i := newIncident(n)
		i.Created, i.Resolved = at, at
		if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}}); err != nil {
			return fmt.Errorf("time %s: %w", at, err)
		}
		if err := s.View(ctx, func(r storage.Reader) error {
			got, err := r.Incident(ctx, i.ID)
			if err == nil && (got.Created != at || got.Resolved != at) {
				err = fmt.Errorf("time %s came back as %s", at, got.Created)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func emptyChangeset(ctx context.Context, s storage.Storage) error {
	receipt, err := s.Apply(ctx, storage.Changeset{})
	if err == nil && (receipt.Seq != 0 || len(receipt.Numbers) != 0) {
		err = fmt.Errorf("receipt %+v, want an empty one", receipt)
	}
	return err
}

func cascade(ctx context.Context, s storage.Storage) error {
	const n = 5000
	cs := storage.Changeset{Incidents: []incident.Incident{newIncident(0)}}
	for k := range n {
		cs.Alerts = append(cs.Alerts, newAlert(k, "i00000"))
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	cs.Incidents[0].Version = 1
	for k := range cs.Alerts {
		cs.Alerts[k].Version, cs.Alerts[k].Status = 1, alert.StatusResolved
		cs.Activity = append(cs.Activity, newEntry(fmt.Sprint("c", k), "i00000"))
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		resolved, err := collect(r.Alerts(ctx, alert.Query{Incidents: []incident.ID{"i00000"}, Statuses: []alert.Status{alert.StatusResolved}, Brief: true}))
		if err == nil && len(resolved) != n {
			err = fmt.Errorf("%d alerts resolved, want %d", len(resolved), n)
		}
		return err
	})
}

func numbersUnique(ctx context.Context, s storage.Storage) error {
	const creators = 100
	var wg sync.WaitGroup
	numbers, errs := make([]int64, creators), make([]error, creators)
	for n := range creators {
		wg.Go(func() {
			receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{newIncident(n)}})
			if err != nil {
				errs[n] = err
				return
			}
			numbers[n] = receipt.Numbers[0]
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	slices.Sort(numbers)
	if numbers[0] < 1 || len(slices.Compact(slices.Clone(numbers))) != creators {
		return fmt.Errorf("numbers are not unique from 1: %v", numbers)
	}
	receipt, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{newIncident(creators)}})
	if err == nil && receipt.Numbers[0] <= numbers[creators-1] {
		err = fmt.Errorf("number %d after %d", receipt.Numbers[0], numbers[creators-1])
	}
	return err
}

func notFound(ctx context.Context, s storage.Storage) error {
	return s.View(ctx, func(r storage.Reader) error {
		_, err := r.Incident(ctx, "none")
		_, alertErr := r.Alert(ctx, "none")
		if !errors.Is(err, storage.ErrNotFound) || !errors.Is(alertErr, storage.ErrNotFound) {
			return fmt.Errorf("reading what is not there: %v and %v", err, alertErr)
		}
		return nil
	})
}

func closed(ctx context.Context, s storage.Storage) error {
	if err := s.Close(); err != nil {
		return err
	}
	_, err := s.Apply(ctx, storage.Changeset{})
	viewErr := s.View(ctx, func(storage.Reader) error { return nil })
	if !errors.Is(err, storage.ErrClosed) || !errors.Is(viewErr, storage.ErrClosed) {
		return fmt.Errorf("after Close: Apply %v, View %v", err, viewErr)
	}
	return s.Close()
}
