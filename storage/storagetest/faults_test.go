package storagetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A fault is a way in which a storage can be broken.
type fault struct {
	fails []string // the case whose rule it breaks, and those that cannot but fail with it
	how   string
	open  func() storage.Storage
}

// broken is a storage some of whose methods are replaced.
type broken struct {
	storage.Storage
	apply func(context.Context, storage.Changeset) (storage.Receipt, error)
	view  func(context.Context, func(storage.Reader) error) error
	close func() error
	read  func(*brokenReader)
}

func (b *broken) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if b.apply != nil {
		return b.apply(ctx, cs)
	}
	return b.Storage.Apply(ctx, cs)
}

// inTwoSteps returns what opens storages that keep the two parts of a large Changeset one after the other.
func inTwoSteps(cut func(storage.Changeset) (first, rest storage.Changeset)) func() storage.Storage {
	return opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Incidents) != 2 || len(cs.Alerts) != 2 || len(cs.Activity) != 2 || len(cs.Contents) == 0 {
				return b.Storage.Apply(ctx, cs)
			}
			first, rest := cut(cs)
			receipt, err := b.Storage.Apply(ctx, first)
			if err != nil {
				return receipt, err
			}
			for range 100 {
				runtime.Gosched()
			}
			more, err := b.Storage.Apply(ctx, rest)
			return storage.Receipt{
				Seq:     cmp.Or(receipt.Seq, more.Seq),
				Numbers: append(receipt.Numbers, more.Numbers...),
			}, err
		}
	})
}

func (b *broken) View(ctx context.Context, fn func(storage.Reader) error) error {
	if b.view != nil {
		return b.view(ctx, fn)
	}
	return b.Storage.View(ctx, func(r storage.Reader) error {
		if b.read != nil {
			reader := &brokenReader{Reader: r}
			b.read(reader)
			r = reader
		}
		return fn(r)
	})
}

func (b *broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.Storage.Close()
}

// brokenReader is a reader some of whose methods are replaced.
type brokenReader struct {
	storage.Reader
	incident   func(context.Context, incident.ID) (incident.Incident, error)
	incidents  func(context.Context, incident.Query) iter.Seq2[incident.Incident, error]
	alert      func(context.Context, alert.ID) (alert.Alert, error)
	alerts     func(context.Context, alert.Query) iter.Seq2[alert.Alert, error]
	activity   func(context.Context, activity.Query) iter.Seq2[activity.Entry, error]
	sightings  func(context.Context, storage.SightingQuery) iter.Seq2[storage.Sighting, error]
	count      func(context.Context, incident.Query) (int, error)
	alertCount func(context.Context, alert.Query) (int, error)
	facets     func(context.Context, incident.Query) (storage.Counts, error)
	content    func(context.Context, string) ([]byte, error)
	item       func(context.Context, string, string) (storage.Item, error)
	items      func(context.Context, storage.ItemQuery) iter.Seq2[storage.Item, error]
	seq        func(context.Context) (int64, error)
}

func (r *brokenReader) Item(ctx context.Context, kind, key string) (storage.Item, error) {
	if r.item != nil {
		return r.item(ctx, kind, key)
	}
	return r.Reader.Item(ctx, kind, key)
}

func (r *brokenReader) Items(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
	if r.items != nil {
		return r.items(ctx, q)
	}
	return r.Reader.Items(ctx, q)
}

func (r *brokenReader) Seq(ctx context.Context) (int64, error) {
	if r.seq != nil {
		return r.seq(ctx)
	}
	return r.Reader.Seq(ctx)
}

func (r *brokenReader) Content(ctx context.Context, sha256 string) ([]byte, error) {
	if r.content != nil {
		return r.content(ctx, sha256)
	}
	return r.Reader.Content(ctx, sha256)
}

func (r *brokenReader) Count(ctx context.Context, q incident.Query) (int, error) {
	if r.count != nil {
		return r.count(ctx, q)
	}
	return storage.Count(ctx, struct{ storage.Reader }{r}, q)
}

func (r *brokenReader) CountAlerts(ctx context.Context, q alert.Query) (int, error) {
	if r.alertCount != nil {
		return r.alertCount(ctx, q)
	}
	return storage.CountAlerts(ctx, struct{ storage.Reader }{r}, q)
}

func (r *brokenReader) Facets(ctx context.Context, q incident.Query) (storage.Counts, error) {
	if r.facets != nil {
		return r.facets(ctx, q)
	}
	return storage.Facets(ctx, struct{ storage.Reader }{r}, q)
}

func (r *brokenReader) Sightings(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	if r.sightings != nil {
		return r.sightings(ctx, q)
	}
	return storage.Sightings(ctx, struct{ storage.Reader }{r}, q)
}

func (r *brokenReader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	if r.incident != nil {
		return r.incident(ctx, id)
	}
	return r.Reader.Incident(ctx, id)
}

func (r *brokenReader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	if r.incidents != nil {
		return r.incidents(ctx, q)
	}
	return r.Reader.Incidents(ctx, q)
}

func (r *brokenReader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	if r.alert != nil {
		return r.alert(ctx, id)
	}
	return r.Reader.Alert(ctx, id)
}

func (r *brokenReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	if r.alerts != nil {
		return r.alerts(ctx, q)
	}
	return r.Reader.Alerts(ctx, q)
}

func (r *brokenReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	if r.activity != nil {
		return r.activity(ctx, q)
	}
	return r.Reader.Activity(ctx, q)
}

// opening returns storages broken by b.
func opening(b func(*broken)) func() storage.Storage {
	return func() storage.Storage {
		s := &broken{Storage: memory.New()}
		b(s)
		return s
	}
}

// applying returns storages with another Apply.
func applying(apply func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error)) func() storage.Storage {
	return opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			return apply(b.Storage, ctx, cs)
		}
	})
}

// A sleeper is a storage that wakes up as wait says.
type sleeper struct {
	*memory.Store
	wait func(ctx context.Context, s storage.Waiter, after int64) error
}

func (s sleeper) Wait(ctx context.Context, after int64) error { return s.wait(ctx, s.Store, after) }

// waking returns storages with another Wait.
func waking(wait func(ctx context.Context, s storage.Waiter, after int64) error) func() storage.Storage {
	return func() storage.Storage { return sleeper{memory.New(), wait} }
}

// A mover is a storage that restores as restore says.
type mover struct {
	*memory.Store
	restore func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error
}

func (m mover) Restore(ctx context.Context, cs storage.Changeset) error {
	return m.restore(ctx, m.Store, cs)
}

// moving returns storages with another Restore.
func moving(restore func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error) func() storage.Storage {
	return func() storage.Storage { return mover{memory.New(), restore} }
}

// giving returns storages that lose something of what is given to them.
func giving(lose func(*storage.Changeset)) func() storage.Storage {
	return applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		cs = join(cs, storage.Changeset{})
		lose(&cs)
		return s.Apply(ctx, cs)
	})
}

// findingOwners returns storages that find incidents by their owners as same says, of those that they should find.
func findingOwners(same func(asked, has string) bool) func() storage.Storage {
	return reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			return func(yield func(incident.Incident, error) bool) {
				for i, err := range r.Reader.Incidents(ctx, q) {
					found := len(q.Owners) == 0 || q.Unassigned && i.Owner.IsZero() ||
						slices.ContainsFunc(q.Owners, func(id string) bool { return same(id, i.Owner.ID) })
					if (err != nil || found) && !yield(i, err) {
						return
					}
				}
			}
		}
	})
}

// reading returns storages whose readers are broken by b.
func reading(b func(*brokenReader)) func() storage.Storage {
	return opening(func(s *broken) { s.read = b })
}

// askingSightings returns storages that understand queries wrong, foundSightings those that change what they found.
func askingSightings(wrong func(*storage.SightingQuery)) func() storage.Storage {
	return reading(func(r *brokenReader) {
		r.sightings = func(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
			wrong(&q)
			return storage.Sightings(ctx, r.Reader, q)
		}
	})
}

func foundSightings(change func(storage.SightingQuery, []storage.Sighting)) func() storage.Storage {
	return reading(func(r *brokenReader) {
		r.sightings = func(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
			all, err := collect(storage.Sightings(ctx, r.Reader, q))
			change(q, all)
			return of(all, err)
		}
	})
}

// wholeHours forgets minutes and seconds.
func wholeHours(_ storage.SightingQuery, all []storage.Sighting) {
	for n := range all {
		all[n].First = all[n].First.Truncate(time.Hour)
	}
}

// askingIncidents, askingAlerts and askingActivity return storages that understand queries wrong.
func askingIncidents(wrong func(*incident.Query)) func() storage.Storage {
	return reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			wrong(&q)
			return r.Reader.Incidents(ctx, q)
		}
	})
}

func askingAlerts(wrong func(*alert.Query)) func() storage.Storage {
	return reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			wrong(&q)
			return r.Reader.Alerts(ctx, q)
		}
	})
}

func askingActivity(wrong func(*activity.Query)) func() storage.Storage {
	return reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			wrong(&q)
			return r.Reader.Activity(ctx, q)
		}
	})
}

func askingItems(wrong func(*storage.ItemQuery)) func() storage.Storage {
	return reading(func(r *brokenReader) {
		r.items = func(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
			wrong(&q)
			return r.Reader.Items(ctx, q)
		}
	})
}

// A stamp is when a key was added to an alert that did not have it.
type stamp struct {
	version int64 // of the alert before
	seq     int64 // of the first entry of the Changeset
	before  int64 // when the key was added the last time
}

// stamping returns storages that see to Guards themselves, by the Seqs that added says of keys.
func stamping(added func(stamp) int64) func() storage.Storage {
	return opening(func(b *broken) { b.stamp(added) })
}

// stamp makes b see to Guards itself, by the Seqs that added says of keys, which it forgets with b.
func (b *broken) stamp(added func(stamp) int64) {
	var mu sync.Mutex
	stamps := map[alert.Key]int64{}
	b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, key := range cs.Guard.Keys {
			if stamps[key] > cs.Guard.Seq {
				return storage.Receipt{}, &storage.ConflictError{
					Record: "key",
					ID:     string(key),
					Given:  cs.Guard.Seq,
					Stored: stamps[key],
				}
			}
		}
		had := map[alert.ID][]alert.Key{}
		for _, a := range cs.Alerts {
			if old, err := (live{b.Storage}).Alert(ctx, a.ID); err == nil {
				had[a.ID] = old.Keys()
			}
		}
		cs.Guard = storage.Guard{}
		receipt, err := b.Storage.Apply(ctx, cs)
		for _, a := range cs.Alerts {
			for _, key := range a.Keys() {
				if err == nil && !slices.Contains(had[a.ID], key) {
					stamps[key] = added(stamp{a.Version, receipt.Seq, stamps[key]})
				}
			}
		}
		return receipt, err
	}
}

// yielding returns the sequence of what seq yields as f leaves it.
func yielding[T any](seq iter.Seq2[T, error], f func(T) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			if !yield(f(v), err) {
				return
			}
		}
	}
}

// of returns the sequence of all, or of the error alone.
func of[T any](all []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// chosen returns the sequence of those of all that q selects.
func chosen(all []alert.Alert, q alert.Query) iter.Seq2[alert.Alert, error] {
	var out []alert.Alert
	for _, a := range all {
		if q.Match(a) && (q.After == alert.Position{} || q.ComparePositions(a.Position(), q.After) > 0) {
			if q.Brief {
				a = a.Brief()
			}
			out = append(out, a)
		}
	}
	return of(sorted(out, q.Compare, q.Limit), nil)
}

var faults = []fault{
	{[]string{"Atomic"}, "keeps the alerts of a Changeset it refuses", keepingOfRefused(func(cs storage.Changeset) storage.Changeset {
		return storage.Changeset{Alerts: cs.Alerts}
	})},
	{[]string{"LostUpdate"}, "writes over what was changed once in between", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if conflict, ok := errors.AsType[*storage.ConflictError](err); ok && conflict.Stored == conflict.Given+1 && len(cs.Incidents) == 1 && len(cs.Alerts) == 0 {
			i := cs.Incidents[0]
			i.Version = conflict.Stored
			return s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{i}, Activity: cs.Activity})
		}
		return receipt, err
	})},
	{[]string{"InsertExists"}, "replaces what is there by what should be new", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if !errors.Is(err, storage.ErrExists) {
			return receipt, err
		}
		cs.Incidents, cs.Alerts = slices.Clone(cs.Incidents), slices.Clone(cs.Alerts)
		if err := s.View(ctx, func(r storage.Reader) error {
			for n, i := range cs.Incidents {
				if old, err := r.Incident(ctx, i.ID); err == nil {
					cs.Incidents[n].Version = cmp.Or(i.Version, old.Version)
				}
			}
			for n, a := range cs.Alerts {
				if old, err := r.Alert(ctx, a.ID); err == nil {
					cs.Alerts[n].Version = cmp.Or(a.Version, old.Version)
				}
			}
			return nil
		}); err != nil {
			return receipt, err
		}
		return s.Apply(ctx, cs)
	})},
	{[]string{"RepeatedID"}, "takes the last of a record that is given twice", giving(func(cs *storage.Changeset) {
		lastOf(&cs.Incidents, func(i incident.Incident) string { return string(i.ID) })
		lastOf(&cs.Alerts, func(a alert.Alert) string { return string(a.ID) })
	})},
	{[]string{"ConflictNames", "ItemConflictNames", "Guarded"}, "mixes the versions of a conflict up", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if conflict, ok := errors.AsType[*storage.ConflictError](err); ok {
			err = &storage.ConflictError{Record: conflict.Record, ID: conflict.ID, Given: conflict.Stored, Stored: conflict.Given}
		}
		return receipt, err
	})},
	{[]string{"DuplicateEntry"}, "leaves out entries that are there already", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		err := s.View(ctx, func(r storage.Reader) error {
			var ids []activity.ID
			for _, e := range cs.Activity {
				ids = append(ids, e.ID)
			}
			if len(ids) == 0 {
				return nil
			}
			known, err := collect(r.Activity(ctx, activity.Query{IDs: ids}))
			for _, k := range known {
				cs.Activity = slices.DeleteFunc(slices.Clone(cs.Activity), func(e activity.Entry) bool { return e.ID == k.ID })
			}
			return err
		})
		if err != nil {
			return storage.Receipt{}, err
		}
		return s.Apply(ctx, cs)
	})},
	{[]string{"EmptyChangeset"}, "gives a number for nothing", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if len(cs.Incidents)+len(cs.Alerts)+len(cs.Activity)+len(cs.Redact) == 0 {
			receipt.Seq = 7
		}
		return receipt, err
	})},
	{[]string{"LongLists"}, "asks for the first 100 incidents of a list",
		askingAlerts(func(q *alert.Query) { q.Incidents = q.Incidents[:min(len(q.Incidents), 100)] })},
	{[]string{"ThousandsRedacted"}, "redacts the first 1,000 entries of a Changeset",
		giving(func(cs *storage.Changeset) { cs.Redact = cs.Redact[:min(len(cs.Redact), 1000)] })},
	{[]string{"ThousandsPurged"}, "purges the first 1,000 incidents of a Changeset",
		giving(func(cs *storage.Changeset) { cs.Purge = cs.Purge[:min(len(cs.Purge), 1000)] })},
	{[]string{"Owners", "AlikeIDs", "OddStrings"}, "finds owners by the lower case of their identifiers",
		findingOwners(func(asked, has string) bool {
			asked, has = strings.ToLower(asked), strings.ToLower(has) // which is not how texts fold
			return asked == has
		})},
	{[]string{"DeepResults"}, "yields 10,000 alerts at most", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			if q.Limit == 0 {
				q.Limit = 10_000
			}
			return r.Reader.Alerts(ctx, q)
		}
	})},
	{[]string{"WideAlert"}, "finds an alert by its first 1,000 pieces of evidence", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			if len(q.Entities) == 0 {
				return r.Reader.Alerts(ctx, q)
			}
			all, err := collect(r.Reader.Alerts(ctx, q))
			return of(slices.DeleteFunc(all, func(a alert.Alert) bool {
				narrow := a
				narrow.Evidence = a.Evidence[:min(len(a.Evidence), 1000)]
				return len(a.Evidence) > 1000 && !q.Match(narrow)
			}), err)
		}
	})},
	{[]string{"SameAlert", "SameID"}, "looks at the version of an alert before it takes its turn",
		opening(func(b *broken) {
			b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
				if len(cs.Alerts) != 1 || cs.Alerts[0].Version == 0 || len(cs.Incidents) > 0 {
					return b.Storage.Apply(ctx, cs)
				}
				a, err := now(b.Storage, ctx, func(r storage.Reader) (alert.Alert, error) {
					return r.Alert(ctx, cs.Alerts[0].ID)
				})
				if err != nil || a.Version != cs.Alerts[0].Version {
					return b.Storage.Apply(ctx, cs)
				}
				<-time.After(time.Microsecond)
				cs.Alerts = slices.Clone(cs.Alerts)
				for {
					receipt, err := b.Storage.Apply(ctx, cs)
					conflict, ok := errors.AsType[*storage.ConflictError](err)
					if !ok {
						return receipt, err
					}
					cs.Alerts[0].Version = conflict.Stored
				}
			}
		})},
	{[]string{"SameID"}, "keeps the incidents of a Changeset whose entry another was faster to keep",
		opening(func(b *broken) {
			b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
				var ids []activity.ID
				for _, e := range cs.Activity {
					ids = append(ids, e.ID)
				}
				known, _ := now(b.Storage, ctx, func(r storage.Reader) ([]activity.Entry, error) {
					return collect(r.Activity(ctx, activity.Query{IDs: ids}))
				})
				<-time.After(time.Microsecond)
				receipt, err := b.Storage.Apply(ctx, cs)
				if errors.Is(err, storage.ErrExists) && len(known) == 0 && len(cs.Activity) > 1 {
					_, _ = b.Storage.Apply(ctx, storage.Changeset{Incidents: cs.Incidents})
				}
				return receipt, err
			}
		})},
	{[]string{"SameRedaction"}, "counts the contents of an entry out for each of those who redact it at once",
		opening(func(b *broken) {
			var running, lost shared[byte]
			b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
				for _, id := range cs.Redact {
					if running.has(string(id)) {
						if log, err := now(b.Storage, ctx, func(r storage.Reader) ([]activity.Entry, error) {
							return collect(r.Activity(ctx, activity.Query{IDs: []activity.ID{id}}))
						}); err == nil && len(log) == 1 && !log[0].Redacted {
							for _, a := range log[0].Attachments {
								lost.get(a.SHA256, 0, []byte{1})
							}
						}
					}
					running.get(string(id), 0, []byte{1})
				}
				<-time.After(time.Microsecond)
				return b.Storage.Apply(ctx, cs)
			}
			b.read = func(r *brokenReader) {
				r.content = func(ctx context.Context, digest string) ([]byte, error) {
					data, err := r.Reader.Content(ctx, digest)
					if err == nil && lost.has(digest) {
						return nil, storage.ErrNotFound
					}
					return data, err
				}
			}
		})},
	{[]string{"NumbersTogether"}, "takes Numbers before its turn and Seqs when it has come", opening(func(b *broken) {
		var mu sync.Mutex
		busy := map[int]int64{} // the lowest Number given while others run, by how many these are
		running := 0
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			mu.Lock()
			running++
			mu.Unlock()
			<-time.After(time.Microsecond)
			receipt, err := b.Storage.Apply(ctx, cs)
			mu.Lock()
			defer mu.Unlock()
			running--
			if err == nil && len(cs.Incidents) == 3 && len(cs.Activity) == 1 {
				if running > 0 && busy[0] == 0 {
					busy[0] = receipt.Numbers[0]
					receipt.Numbers = []int64{
						receipt.Numbers[0] + 1000,
						receipt.Numbers[1] + 1000,
						receipt.Numbers[2] + 1000,
					}
				}
			}
			return receipt, err
		}
	})},
	{[]string{"AliasCounts", "Owners"}, "gives the same counts to everybody", opening(func(b *broken) {
		var mu sync.Mutex
		known := map[string]storage.Counts{}
		b.read = func(r *brokenReader) {
			at, _ := storage.Count(context.Background(), r.Reader, incident.Query{})
			r.facets = func(ctx context.Context, q incident.Query) (storage.Counts, error) {
				key := fmt.Sprint(at, q)
				mu.Lock()
				defer mu.Unlock()
				if c, ok := known[key]; ok && len(q.Except) == 0 && ctx.Err() == nil {
					return c, nil
				}
				c, err := storage.Facets(ctx, struct{ storage.Reader }{r.Reader}, q)
				if err == nil && at == 10 {
					known[key] = c
				}
				return c, err
			}
		}
	})},
	{[]string{"ArgumentsKept"}, "sorts the IDs that it is asked for", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			slices.Sort(q.IDs)
			return r.Reader.Activity(ctx, q)
		}
	})},
	{[]string{"AlikeIDs"}, "trims the identifier of an entry", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			if len(q.IDs) == 1 && strings.TrimSpace(string(q.IDs[0])) == "id" {
				q.IDs = []activity.ID{"id"}
			}
			return r.Reader.Activity(ctx, q)
		}
	})},
	{[]string{"LongTexts"}, "takes identifiers of alerts for equal whose first 255 bytes are",
		reading(func(r *brokenReader) {
			r.alert = func(ctx context.Context, id alert.ID) (alert.Alert, error) {
				if len(id) > 255 {
					all, err := collect(r.Reader.Alerts(ctx, alert.Query{}))
					for _, a := range all {
						if len(a.ID) > 255 && a.ID[:255] == id[:255] {
							return a, err
						}
					}
				}
				return r.Reader.Alert(ctx, id)
			}
		})},
	{[]string{"LargeContents"}, "keeps 16 MiB of a content", giving(func(cs *storage.Changeset) {
		for n, c := range cs.Contents {
			cs.Contents[n].Data = c.Data[:min(len(c.Data), 16<<20)]
		}
	})},
	{[]string{"LongView"}, "lets a View go on to the moment of now after a second", opening(func(b *broken) {
		b.view = func(ctx context.Context, fn func(storage.Reader) error) error {
			return b.Storage.View(ctx, func(r storage.Reader) error {
				begun := time.Now()
				reader := &brokenReader{Reader: r}
				reader.incident = func(ctx context.Context, id incident.ID) (incident.Incident, error) {
					if time.Since(begun) > time.Second {
						return live{b.Storage}.Incident(ctx, id)
					}
					return r.Incident(ctx, id)
				}
				return fn(reader)
			})
		}
	})},
	{[]string{"OddFields"}, "writes ends of lines its own way",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			cs = clone(cs)
			for n := range cs.Incidents {
				cs.Incidents[n].Description = strings.ReplaceAll(cs.Incidents[n].Description, "\r\n", "\n")
			}
			return s.Apply(ctx, cs)
		})},
	{[]string{"NewKeys"}, "remembers keys of nothing until incidents are stored", opening(func(b *broken) {
		var nothing shared[byte]
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Incidents) > 0 {
				nothing.forget()
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.read = func(r *brokenReader) {
			r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
				if len(q.Entities) != 1 || ctx.Err() != nil {
					return r.Reader.Incidents(ctx, q)
				}
				if nothing.has(string(q.Entities[0])) {
					return func(func(incident.Incident, error) bool) {}
				}
				if n, err := tally(r.Reader.Incidents(ctx, q)); err == nil && n == 0 {
					nothing.get(string(q.Entities[0]), 0, nil)
				}
				return r.Reader.Incidents(ctx, q)
			}
		}
	})},
	{[]string{"ManyHits"}, "gives away a thousand alerts at most", askingAlerts(func(q *alert.Query) {
		if q.Limit > 1000 {
			q.Limit = 1000
		}
	})},
	{[]string{"LongFields"}, "keeps 4096 pieces of evidence",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			cs = clone(cs)
			for n, a := range cs.Alerts {
				cs.Alerts[n].Evidence = a.Evidence[:min(len(a.Evidence), 4096)]
			}
			cs.AlertKeys = nil
			return s.Apply(ctx, cs)
		})},
	{[]string{"ManyNames"}, "counts the names of a content in a byte", reading(func(r *brokenReader) {
		r.content = func(ctx context.Context, digest string) ([]byte, error) {
			var names uint8
			for e, err := range r.Reader.Activity(ctx, activity.Query{}) {
				if err != nil {
					return nil, err
				}
				if !e.Redacted && slices.ContainsFunc(e.Attachments, func(a activity.Attachment) bool {
					return a.SHA256 == digest
				}) {
					names++
				}
			}
			if names == 0 {
				return nil, storage.ErrNotFound
			}
			return r.Reader.Content(ctx, digest)
		}
	})},
	{[]string{"ContentAgain"}, "remembers that a content has gone", opening(func(b *broken) {
		var there, gone shared[byte]
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				if gone.has(digest) {
					return nil, storage.ErrNotFound
				}
				data, err := r.Reader.Content(ctx, digest)
				if err == nil {
					there.get(digest, 0, nil)
				} else if errors.Is(err, storage.ErrNotFound) && there.has(digest) {
					gone.get(digest, 0, nil)
				}
				return data, err
			}
		}
	})},
	{[]string{"PurgeWriters"}, "purges before it writes that it has",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Purge) != 1 || len(cs.Activity) == 0 || len(cs.Alerts) > 0 {
				return s.Apply(ctx, cs)
			}
			first := cs
			first.Activity = nil
			receipt, err := s.Apply(ctx, first)
			if err != nil {
				return receipt, err
			}
			for range 100 {
				runtime.Gosched()
			}
			more, err := s.Apply(ctx, storage.Changeset{Activity: cs.Activity})
			receipt.Seq = more.Seq
			return receipt, err
		})},
	{[]string{"WholeViews"}, "shows alerts before the rest",
		inTwoSteps(func(cs storage.Changeset) (first, rest storage.Changeset) {
			first.Alerts, cs.Alerts = cs.Alerts, nil
			return first, cs
		})},
	{[]string{"ManyViews"}, "has room for 32 Views", opening(func(b *broken) {
		room := make(chan struct{}, 32)
		b.view = func(ctx context.Context, fn func(storage.Reader) error) error {
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			defer func() { <-room }()
			return b.Storage.View(ctx, fn)
		}
	})},
	{[]string{"ByID"}, "remembers an alert that it has not found", opening(func(b *broken) {
		var missing shared[byte]
		b.read = func(r *brokenReader) {
			r.alert = func(ctx context.Context, id alert.ID) (alert.Alert, error) {
				if missing.has(string(id)) {
					return alert.Alert{}, storage.ErrNotFound
				}
				a, err := r.Reader.Alert(ctx, id)
				if errors.Is(err, storage.ErrNotFound) {
					missing.get(string(id), 0, []byte{1})
				}
				return a, err
			}
		}
	})},
	{[]string{"Panics"}, "keeps a View that panics among the running, of which there may be 60",
		opening(func(b *broken) {
			room := make(chan struct{}, 60)
			b.view = func(ctx context.Context, fn func(storage.Reader) error) error {
				select {
				case room <- struct{}{}:
				case <-ctx.Done():
					return ctx.Err()
				}
				err := b.Storage.View(ctx, fn)
				<-room
				return err
			}
		})},
	{[]string{"CancelApply"}, "looks at the context between incidents and entries", opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if _, counts := ctx.(*countdown); counts && ctx.Err() == nil && ctx.Err() != nil {
				_, _ = b.Storage.Apply(context.WithoutCancel(ctx), storage.Changeset{Incidents: cs.Incidents})
				return storage.Receipt{}, ctx.Err()
			}
			return b.Storage.Apply(ctx, cs)
		}
	})},
	{[]string{"CancelNeighbours"}, "cancels those who wait with the one whose context ends", opening(func(b *broken) {
		var mu sync.Mutex
		waiting := map[int]context.CancelFunc{}
		next := 0
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			together, stop := context.WithCancel(ctx)
			defer stop()
			mu.Lock()
			next++
			own := next
			waiting[own] = stop
			mu.Unlock()
			defer func() { mu.Lock(); delete(waiting, own); mu.Unlock() }()
			<-time.After(time.Microsecond)
			if _, late := ctx.Deadline(); ctx.Err() != nil && late {
				mu.Lock()
				for _, stop := range waiting {
					stop()
				}
				mu.Unlock()
			}
			return b.Storage.Apply(together, cs)
		}
	})},
	{[]string{"CancelView", "Cancel"}, "counts the incidents that it has come to when the context ends",
		reading(func(r *brokenReader) {
			r.count = func(ctx context.Context, q incident.Query) (n int, _ error) {
				for _, err := range r.Reader.Incidents(ctx, q) {
					if errors.Is(err, context.Canceled) {
						return n, nil
					}
					if err != nil {
						return n, err
					}
					n++
				}
				return n, nil
			}
		})},
	{[]string{"Cascade"}, "keeps 4,000 alerts of a Changeset", giving(func(cs *storage.Changeset) { cs.Alerts = cs.Alerts[:min(len(cs.Alerts), 4000)] })},
	{[]string{"LargeIncident"}, "looks for an entity among the first 1,000 alerts of an incident", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			if len(q.Incidents) > 0 && len(q.Entities) > 0 {
				if all, err := collect(r.Reader.Alerts(ctx, alert.Query{Incidents: q.Incidents, Limit: 1001})); err == nil && len(all) > 1000 {
					return chosen(all[:1000], q)
				}
			}
			return r.Reader.Alerts(ctx, q)
		}
	})},
	{[]string{"NumbersUnique"}, "says the same number twice", opening(func(b *broken) {
		var given atomic.Int64
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			if err == nil && len(cs.Incidents) == 1 && len(cs.Alerts)+len(cs.Activity) == 0 && given.Add(1) == 90 {
				receipt.Numbers[0]--
			}
			return receipt, err
		}
	})},
	{[]string{"NumberKept"}, "takes the number of an incident from the caller", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		for n := range receipt.Numbers {
			if i := cs.Incidents[n]; i.Version > 0 && i.Number > 0 {
				receipt.Numbers[n] = i.Number
			}
		}
		return receipt, err
	})},

	{[]string{"Contents"}, "keeps the contents of a Changeset it refuses", opening(func(b *broken) {
		refused := map[string][]byte{}
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			for _, c := range cs.Contents {
				if err != nil {
					refused[c.SHA256] = c.Data
				}
			}
			return receipt, err
		}
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				data, err := r.Reader.Content(ctx, digest)
				if kept, ok := refused[digest]; ok {
					return kept, nil
				}
				return data, err
			}
		}
	})},
	{[]string{"ContentNamed"}, "keeps contents for ever", opening(func(b *broken) {
		var kept shared[byte]
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				data, err := r.Reader.Content(ctx, digest)
				if ctx.Err() == nil && (err == nil || kept.has(digest)) {
					return slices.Clone(kept.get(digest, 0, data)), nil
				}
				return data, err
			}
		}
	})},
	{[]string{"Redact"}, "leaves the names of attachments", opening(func(b *broken) {
		var kept shared[activity.Attachment]
		b.read = func(r *brokenReader) {
			r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
				return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
					e.Attachments = slices.Clone(kept.get(string(e.ID), 0, slices.Clone(e.Attachments)))
					return e
				})
			}
		}
	})},

	{[]string{"DenseFeed"}, "shows an entry later than the next", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			return func(yield func(activity.Entry, error) bool) {
				r.Reader.Activity(ctx, q)(func(e activity.Entry, err error) bool {
					return e.Seq == 500 && e.Incident == "i" && q.AfterSeq < 500 || yield(e, err)
				})
			}
		}
	})},
	{[]string{"FeedResume"}, "starts over behind the end", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			if last, err := collect(r.Reader.Activity(ctx, activity.Query{Newest: true, Limit: 1})); err == nil && len(last) == 1 && q.AfterSeq > last[0].Seq {
				q.AfterSeq = 0
			}
			return r.Reader.Activity(ctx, q)
		}
	})},

	{[]string{"Waiter"}, "does not hear of entries that come", waking(func(ctx context.Context, s storage.Waiter, after int64) error {
		if after > 0 {
			<-ctx.Done()
		}
		return cmp.Or(ctx.Err(), s.Wait(ctx, after))
	})},

	{[]string{"AliasIn"}, "keeps the tags it was given", opening(func(b *broken) {
		var kept shared[incident.Tag]
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			for _, i := range cs.Incidents {
				if err == nil {
					kept.get(string(i.ID), i.Version+1, i.Tags)
				}
			}
			return receipt, err
		}
		b.read = func(r *brokenReader) {
			r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
				return yielding(r.Reader.Incidents(ctx, q), func(i incident.Incident) incident.Incident {
					i.Tags = slices.Clone(kept.get(string(i.ID), i.Version, i.Tags))
					return i
				})
			}
		}
	})},
	{[]string{"AliasOut"}, "gives the same tags to everybody", opening(func(b *broken) {
		var kept shared[incident.Tag]
		b.read = func(r *brokenReader) {
			r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
				return yielding(r.Reader.Incidents(ctx, q), func(i incident.Incident) incident.Incident {
					i.Tags = kept.get(string(i.ID), i.Version, i.Tags)
					return i
				})
			}
		}
	})},
	{[]string{"EveryField"}, "forgets the threat family", giving(func(cs *storage.Changeset) {
		for n := range cs.Alerts {
			cs.Alerts[n].ThreatFamily = ""
		}
	})},
	{[]string{"OddStrings"}, "ends names at a zero byte", giving(func(cs *storage.Changeset) {
		for n := range cs.Incidents {
			cs.Incidents[n].Name, _, _ = strings.Cut(cs.Incidents[n].Name, "\x00")
		}
	})},
	{[]string{"Times"}, "keeps nanoseconds since 1970", giving(func(cs *storage.Changeset) {
		for n := range cs.Incidents {
			cs.Incidents[n].Created = time.Unix(0, cs.Incidents[n].Created.UnixNano()).UTC()
		}
	})},

	{[]string{"OtherForms", "Hostile"}, "rounds times to the next microsecond", giving(func(cs *storage.Changeset) {
		for n := range cs.Items {
			cs.Items[n].Time = cs.Items[n].Time.Round(time.Microsecond)
		}
	})},
	{[]string{"InvalidRecords", "Hostile"}, "makes UTF-8 of the text of an entry", giving(func(cs *storage.Changeset) {
		for n := range cs.Activity {
			cs.Activity[n].Text = strings.ToValidUTF8(cs.Activity[n].Text, "\ufffd")
		}
	})},
	{[]string{"InvalidQueries", "Hostile"}, "takes a negative Limit for none", askingAlerts(func(q *alert.Query) {
		q.Limit = max(q.Limit, 0)
	})},
	{[]string{"NoSuchID"}, "fails when an ID is not UTF-8", reading(func(r *brokenReader) {
		r.alert = func(ctx context.Context, id alert.ID) (alert.Alert, error) {
			if !utf8.ValidString(string(id)) {
				return alert.Alert{}, errors.New("invalid byte sequence for encoding")
			}
			return r.Reader.Alert(ctx, id)
		}
	})},
	{[]string{"Hostile", "OddStrings"}, "ends references at a zero byte", giving(func(cs *storage.Changeset) {
		for n := range cs.Incidents {
			for k := range cs.Incidents[n].References {
				r := &cs.Incidents[n].References[k]
				r.ID, _, _ = strings.Cut(r.ID, "\x00")
			}
		}
	})},

	{[]string{"ItemVersion"}, "finds an item by its Kind, a slash and its Key", reading(func(r *brokenReader) {
		r.item = func(ctx context.Context, kind, key string) (storage.Item, error) {
			i, err := r.Reader.Item(ctx, kind, key)
			if head, rest, slash := strings.Cut(kind, "/"); slash && errors.Is(err, storage.ErrNotFound) {
				return r.Reader.Item(ctx, head, rest+"/"+key)
			}
			return i, err
		}
	})},
	{[]string{"SameItem"}, "looks at the version of an item before it takes its turn", opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Items) != 1 || cs.Items[0].Version == 0 ||
				len(cs.Incidents)+len(cs.Alerts)+len(cs.Expire)+len(cs.Purge) > 0 {
				return b.Storage.Apply(ctx, cs)
			}
			i, err := live{b.Storage}.Item(ctx, cs.Items[0].Kind, cs.Items[0].Key)
			if err != nil || i.Version != cs.Items[0].Version {
				return b.Storage.Apply(ctx, cs)
			}
			<-time.After(time.Microsecond)
			cs.Items = slices.Clone(cs.Items)
			for {
				receipt, err := b.Storage.Apply(ctx, cs)
				conflict, ok := errors.AsType[*storage.ConflictError](err)
				if !ok {
					return receipt, err
				}
				cs.Items[0].Version = conflict.Stored
			}
		}
	})},
	{[]string{"ItemConflictNames"}, "names an item by its Key alone",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := s.Apply(ctx, cs)
			if conflict, ok := errors.AsType[*storage.ConflictError](err); ok && conflict.Record == "item" {
				_, key, _ := strings.Cut(conflict.ID, "/")
				err = &storage.ConflictError{Record: "item", ID: key, Given: conflict.Given, Stored: conflict.Stored}
			}
			return receipt, err
		})},
	{[]string{"ItemTwice"}, "takes the last of an item that is given twice", giving(func(cs *storage.Changeset) {
		lastOf(&cs.Items, func(i storage.Item) string { return fmt.Sprintf("%q", i.Place()) })
	})},
	{[]string{"ItemOrder", "OddStrings"}, "puts the items of a page in an order in which case does not matter",
		reading(func(r *brokenReader) {
			r.items = func(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
				if q.Limit == 0 {
					return r.Reader.Items(ctx, q)
				}
				all, err := collect(r.Reader.Items(ctx, q))
				slices.SortStableFunc(all, func(a, b storage.Item) int {
					return cmp.Compare(strings.ToLower(a.Kind), strings.ToLower(b.Kind))
				})
				return of(all, err)
			}
		})},
	{[]string{"ItemData"}, "keeps 32 KiB of the Data of an item", giving(func(cs *storage.Changeset) {
		for n, i := range cs.Items {
			cs.Items[n].Data = i.Data[:min(len(i.Data), 32<<10)]
		}
	})},
	{[]string{"ItemsPurged"}, "purges the items of an incident that come with the purge",
		giving(func(cs *storage.Changeset) {
			cs.Items = slices.DeleteFunc(cs.Items, func(i storage.Item) bool {
				return slices.Contains(cs.Purge, i.Incident)
			})
		})},
	{[]string{"ItemsExpired"}, "takes away items of the very Time of an Expiry", giving(func(cs *storage.Changeset) {
		for n := range cs.Expire {
			cs.Expire[n].Before = cs.Expire[n].Before.Add(time.Microsecond)
		}
	})},
	{[]string{"ItemsOfOneMoment", "LongView", "ManyViews"}, "returns the item of now", opening(func(b *broken) {
		b.read = func(r *brokenReader) { r.item = live{b.Storage}.Item }
	})},
	{[]string{"ItemsAtomic", "ItemsExpired", "ItemTwice"}, "lets items expire by a Changeset that it refuses",
		keepingOfRefused(func(cs storage.Changeset) storage.Changeset {
			return storage.Changeset{Expire: cs.Expire}
		})},
	{[]string{"ItemAliases", "AliasIn"}, "keeps the Data it was given", opening(func(b *broken) {
		var kept shared[byte]
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			for _, i := range cs.Items {
				if err == nil {
					kept.get(fmt.Sprintf("%q", i.Place()), i.Version+1, i.Data)
				}
			}
			return receipt, err
		}
		b.read = func(r *brokenReader) {
			r.items = func(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
				return yielding(r.Reader.Items(ctx, q), func(i storage.Item) storage.Item {
					i.Data = append([]byte(nil), kept.get(fmt.Sprintf("%q", i.Place()), i.Version, i.Data)...)
					return i
				})
			}
		}
	})},
	{[]string{"ItemsRestored"}, "leaves items that are restored at Version 0",
		moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
			cs.Items = slices.DeleteFunc(slices.Clone(cs.Items), func(i storage.Item) bool { return i.Version == 0 })
			return s.Restore(ctx, cs)
		})},
	{[]string{"Guarded"}, "looks at the first two keys of a Guard",
		giving(func(cs *storage.Changeset) { cs.Guard.Keys = cs.Guard.Keys[:min(len(cs.Guard.Keys), 2)] })},
	{[]string{"GuardConcurrent"}, "looks at the Guard before it takes its turn", opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Guard.Keys) > 0 {
				if receipt, err := b.Storage.Apply(ctx, storage.Changeset{Guard: cs.Guard}); err != nil {
					return receipt, err
				}
				<-time.After(time.Microsecond)
			}
			cs.Guard = storage.Guard{}
			return b.Storage.Apply(ctx, cs)
		}
	})},
	{[]string{"LastSeq"}, "passes over entries at the end that are redacted", reading(func(r *brokenReader) {
		r.seq = func(ctx context.Context) (int64, error) {
			for e, err := range r.Reader.Activity(ctx, activity.Query{Newest: true}) {
				if err != nil || !e.Redacted {
					return e.Seq, err
				}
			}
			return 0, ctx.Err()
		}
	})},

	{[]string{"NotFound"}, "answers for incidents that are not there", reading(func(r *brokenReader) {
		r.incident = func(ctx context.Context, id incident.ID) (incident.Incident, error) {
			i, err := r.Reader.Incident(ctx, id)
			if id == "none" {
				err = nil
			}
			return i, err
		}
	})},
	{[]string{"ViewError"}, "calls fn again when it fails", opening(func(b *broken) {
		b.view = func(ctx context.Context, fn func(storage.Reader) error) error {
			if err := b.Storage.View(ctx, fn); err == nil {
				return nil
			}
			return b.Storage.View(ctx, fn)
		}
	})},
	{[]string{"SnapshotStable", "LongView", "ManyViews", "OldViews"}, "returns the alert of now",
		opening(func(b *broken) {
			b.read = func(r *brokenReader) {
				r.alert = live{b.Storage}.Alert
			}
		})},
	{[]string{"OldViews", "LongView", "ManyViews"}, "has the owners of now", opening(func(b *broken) {
		b.read = func(r *brokenReader) {
			r.incidents = func(ctx context.Context, q incident.Query) (seq iter.Seq2[incident.Incident, error]) {
				if len(q.Owners) == 0 {
					return r.Reader.Incidents(ctx, q)
				}
				return live{b.Storage}.Incidents(ctx, q)
			}
		}
	})},
	{[]string{"OldCounts", "LongView", "ManyViews"}, "has the facets of now", opening(func(b *broken) {
		b.read = func(r *brokenReader) {
			r.facets = func(ctx context.Context, q incident.Query) (c storage.Counts, err error) {
				err = b.Storage.View(ctx, func(now storage.Reader) (err error) {
					c, err = storage.Facets(ctx, now, q)
					return err
				})
				return c, err
			}
		}
	})},
	{[]string{"NoWaiting"}, "lets Apply wait for reads that are running", opening(func(b *broken) {
		var running gate
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if err := running.wait(ctx); err != nil {
				return storage.Receipt{}, err
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.read = func(r *brokenReader) {
			r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
				return func(yield func(incident.Incident, error) bool) {
					running.enter()
					defer running.leave()
					r.Reader.Incidents(ctx, q)(yield)
				}
			}
		}
	})},
	{[]string{"NestedRead"}, "reads one sequence at a time", reading(func(r *brokenReader) {
		busy := false
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			return func(yield func(incident.Incident, error) bool) {
				if busy {
					yield(incident.Incident{}, errors.New("busy"))
					return
				}
				busy = true
				r.Reader.Incidents(ctx, q)(yield)
				busy = false
			}
		}
	})},
	{[]string{"BreakEarly"}, "stays in a sequence that was broken off", reading(func(r *brokenReader) {
		busy := false
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			return func(yield func(alert.Alert, error) bool) {
				if busy {
					yield(alert.Alert{}, errors.New("busy"))
					return
				}
				r.Reader.Alerts(ctx, q)(func(a alert.Alert, err error) bool {
					busy = !yield(a, err)
					return !busy
				})
			}
		}
	})},
	{[]string{"Cancel"}, "reads alerts to their end", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			return r.Reader.Alerts(context.WithoutCancel(ctx), q)
		}
	})},
	{[]string{"Closed"}, "is closed once only", opening(func(b *broken) {
		var closed atomic.Bool
		b.close = func() error {
			if closed.Swap(true) {
				return storage.ErrClosed
			}
			return b.Storage.Close()
		}
	})},

	// OldViews asks what the Filter cases ask.
	{[]string{"FilterIncidents", "OldViews"}, "finds an ID that is given twice twice", reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			return func(yield func(incident.Incident, error) bool) {
				r.Reader.Incidents(ctx, q)(func(i incident.Incident, err error) bool {
					twice := len(q.Entities) == 0 && len(q.IDs) > 1 && q.IDs[0] == q.IDs[1] && q.IDs[0] == i.ID
					return yield(i, err) && (!twice || yield(i, err))
				})
			}
		}
	})},
	{[]string{"FilterAlerts", "OldViews"}, "forgets the status of alerts asked for by ID", askingAlerts(func(q *alert.Query) {
		if len(q.IDs) > 0 && len(q.Entities) == 0 {
			q.Statuses = nil
		}
	})},
	{[]string{"FilterActivity", "OldViews"}, "takes all programs for people", askingActivity(func(q *activity.Query) { q.Triggers = nil })},
	{[]string{"Purge", "PurgeRefused"}, "leaves the alerts of an incident that is purged", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		var before []alert.Alert
		if len(cs.Purge) > 0 {
			err := s.View(ctx, func(r storage.Reader) (err error) {
				before, err = collect(r.Alerts(ctx, alert.Query{Incidents: cs.Purge}))
				return err
			})
			if err != nil {
				return storage.Receipt{}, err
			}
		}
		receipt, err := s.Apply(ctx, cs)
		for n := range before {
			before[n].Version = 0
		}
		if err == nil && len(before) > 0 {
			_, err = s.Apply(ctx, storage.Changeset{Alerts: before})
		}
		return receipt, err
	})},
	{[]string{"PurgeRefused"}, "purges what is not there without a word", giving(func(cs *storage.Changeset) {
		cs.Purge = slices.DeleteFunc(cs.Purge, func(id incident.ID) bool {
			return !slices.ContainsFunc(cs.Incidents, func(i incident.Incident) bool { return i.ID == id })
		})
	})},
	{[]string{"PurgeContents"}, "keeps the contents of an incident that is purged", opening(func(b *broken) {
		var kept sync.Map // contents by digest, of the last purge
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Purge) == 0 {
				kept.Clear()
			}
			for _, c := range cs.Contents {
				if len(cs.Purge) > 0 {
					kept.Store(c.SHA256, bytes.Clone(c.Data))
				}
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				if data, ok := kept.Load(digest); ok {
					return data.([]byte), nil
				}
				return r.Reader.Content(ctx, digest)
			}
		}
	})},
	{[]string{"Restore"}, "gives restored entries another time", moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
		cs = join(cs, storage.Changeset{})
		for n := range cs.Activity {
			cs.Activity[n].Time = origin
		}
		return s.Restore(ctx, cs)
	})},
	{[]string{"RestoreRefused"}, "passes over entries that are out of turn", moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
		cs.Activity = slices.DeleteFunc(slices.Clone(cs.Activity), func(e activity.Entry) bool { return e.Seq > 4 || e.Seq == 0 })
		return s.Restore(ctx, cs)
	})},
	{[]string{"Sightings", "Hub"}, "counts the limit over all entities", reading(func(r *brokenReader) {
		r.sightings = func(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
			all, err := collect(storage.Sightings(ctx, r.Reader, q))
			if q.Limit > 0 {
				all = all[:min(len(all), q.Limit)]
			}
			return of(all, err)
		}
	})},
	{[]string{"SightingOrder", "Sightings", "Hub"}, "knows no sightings newest first",
		askingSightings(func(q *storage.SightingQuery) { q.Newest = false })},
	{[]string{"Count", "OldCounts"}, "counts an incident with two of the tags twice", reading(func(r *brokenReader) {
		r.count = func(ctx context.Context, q incident.Query) (n int, err error) {
			tags := q.Tags
			if len(tags) == 0 {
				return storage.Count(ctx, r.Reader, q)
			}
			for _, tag := range tags {
				q.Tags = []string{tag}
				some, failed := storage.Count(ctx, r.Reader, q)
				n, err = n+some, cmp.Or(err, failed)
			}
			return n, err
		}
	})},
	{
		[]string{"CountAlerts", "OldCounts"}, "counts an alert with two of the entities twice",
		reading(func(r *brokenReader) {
			r.alertCount = func(ctx context.Context, q alert.Query) (n int, err error) {
				keys := q.Entities
				if len(keys) == 0 {
					return storage.CountAlerts(ctx, r.Reader, q)
				}
				for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
					q.Entities = []alert.Key{key}
					some, failed := storage.CountAlerts(ctx, r.Reader, q)
					n, err = n+some, cmp.Or(err, failed)
				}
				return n, err
			}
		}),
	},
	{[]string{"Facets", "OldCounts", "AliasCounts"}, "takes an owner without an account identifier for nobody", reading(func(r *brokenReader) {
		r.facets = func(ctx context.Context, q incident.Query) (storage.Counts, error) {
			c, err := storage.Facets(ctx, r.Reader, q)
			c.Unassigned += c.Owners[""].Count
			delete(c.Owners, "")
			return c, err
		}
	})},
	{[]string{"Hub", "DeepResults"}, "looks at the first 500 alerts of an entity", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			if len(q.Entities) > 0 && len(q.Incidents) == 0 {
				if all, err := collect(r.Reader.Alerts(ctx, alert.Query{Entities: q.Entities, Newest: q.Newest, Limit: 501})); err == nil && len(all) > 500 {
					return chosen(all[:500], q)
				}
			}
			return r.Reader.Alerts(ctx, q)
		}
	})},
	{[]string{"ByteOrder"}, "compares texts as code of sixteen bits", reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			if q.Sort != incident.ByName {
				return r.Reader.Incidents(ctx, q)
			}
			all, err := collect(r.Reader.Incidents(ctx, q))
			slices.SortStableFunc(all, func(a, b incident.Incident) int {
				c := slices.Compare(utf16.Encode([]rune(a.Name)), utf16.Encode([]rune(b.Name)))
				if !q.Ascending {
					return -c
				}
				return c
			})
			return of(all, err)
		}
	})},
	{[]string{"CursorRoundTrip"}, "starts over at a cursor of another order", askingIncidents(func(q *incident.Query) {
		if _, _, err := q.Start(); err != nil {
			q.After = incident.Cursor{}
		}
	})},
	{[]string{"PageStable"}, "counts the records before a page", opening(func(b *broken) {
		type page struct {
			last  incident.Place // on it
			count int            // of the records up to it
		}
		pages := map[string]page{} // the last of each walk
		b.read = func(r *brokenReader) {
			r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
				start, started, err := q.Start()
				walk := q
				walk.After = incident.Cursor{}
				key := fmt.Sprintf("%+v", walk)
				before, again := pages[key]
				if err != nil || q.Limit == 0 || started && (!again || start != before.last) {
					return r.Reader.Incidents(ctx, q)
				}
				if !started {
					before.count = 0
				}
				walk.Limit = before.count + q.Limit
				all, err := collect(r.Reader.Incidents(ctx, walk))
				if all = all[min(before.count, len(all)):]; len(all) > 0 {
					pages[key] = page{q.Place(all[len(all)-1]), before.count + len(all)}
				}
				return of(all, err)
			}
		}
	})},
	{[]string{"AlertKeys"}, "takes alerts whose keys are not given for alerts without any",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			cs.AlertKeys = slices.Clone(cs.AlertKeys)
			for n, keys := range cs.AlertKeys {
				if keys == nil {
					cs.AlertKeys[n] = []alert.Key{}
				}
			}
			return s.Apply(ctx, cs)
		})},
}

// moreFaults break a rule in another way. Nobody looks at what else they break.
var moreFaults = []fault{
	{[]string{"Owners"}, "keeps the folded identifier of an owner", giving(func(cs *storage.Changeset) {
		for n := range cs.Incidents {
			cs.Incidents[n].Owner.ID = incident.Fold(cs.Incidents[n].Owner.ID)
		}
	})},
	{[]string{"Owners"}, "finds an owner in the spelling that is asked for",
		findingOwners(func(asked, has string) bool { return asked == has })},
	{[]string{"Owners"}, "counts the owners by spelling", reading(func(r *brokenReader) {
		r.facets = func(ctx context.Context, q incident.Query) (c storage.Counts, err error) {
			c, err = storage.Facets(ctx, struct{ storage.Reader }{r.Reader}, q)
			c.Owners = make(map[string]storage.OwnerTally)
			for i, failed := range r.Reader.Incidents(ctx, q) {
				tally := c.Owners[i.Owner.ID]
				tally.Add(i.Owner, 1)
				c.Owners[i.Owner.ID], err = tally, cmp.Or(err, failed)
			}
			return c, err
		}
	})},
	{[]string{"WholeViews"}, "shows an incident before the rest",
		inTwoSteps(func(cs storage.Changeset) (first, rest storage.Changeset) {
			first.Incidents, cs.Incidents = cs.Incidents[:1], cs.Incidents[1:]
			return first, cs
		})},
	{[]string{"WholeViews"}, "shows an entry before the others",
		inTwoSteps(func(cs storage.Changeset) (first, rest storage.Changeset) {
			rest.Activity, cs.Activity = cs.Activity[1:], cs.Activity[:1]
			return cs, rest
		})},
	{[]string{"WholeViews"}, "shows entries before their contents",
		inTwoSteps(func(cs storage.Changeset) (first, rest storage.Changeset) {
			rest.Contents, cs.Contents = cs.Contents, nil
			return cs, rest
		})},
	{[]string{"AlertKeys"}, "takes the keys of one alert for those of another",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			cs.AlertKeys = slices.Clone(cs.AlertKeys)
			slices.Reverse(cs.AlertKeys)
			return s.Apply(ctx, cs)
		})},
	{[]string{"AlertKeys"}, "does not see that keys are missing",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.AlertKeys) < len(cs.Alerts) {
				cs.AlertKeys = nil
			}
			return s.Apply(ctx, cs)
		})},
	{[]string{"AlertKeys"}, "sorts the keys that it is given",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			for _, keys := range cs.AlertKeys {
				slices.Sort(keys)
			}
			return s.Apply(ctx, cs)
		})},
	{[]string{"AlertKeys"}, "keeps the keys of the first version of an alert",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Alerts) > 1 && cs.Alerts[1].Version > 0 && len(cs.AlertKeys) == len(cs.Alerts) {
				cs.AlertKeys = slices.Clone(cs.AlertKeys)
				cs.AlertKeys[1] = newAlert(1, "").Keys()
			}
			return s.Apply(ctx, cs)
		})},
	{[]string{"Purge"}, "keeps what entries of a purged incident say", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
				if e.Redacted && len(e.Changes) > 0 && e.Changes[0].After == "" {
					e.Text = "still there"
				}
				return e
			})
		}
	})},
	{[]string{"PurgeRefused"}, "purges before the alerts of the Changeset are stored", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		if len(cs.Purge) == 0 || len(cs.Alerts) == 0 {
			return s.Apply(ctx, cs)
		}
		alerts := slices.DeleteFunc(slices.Clone(cs.Alerts), func(a alert.Alert) bool { return a.Version > 0 })
		first := cs
		first.Alerts = slices.DeleteFunc(slices.Clone(cs.Alerts), func(a alert.Alert) bool { return a.Version == 0 })
		receipt, err := s.Apply(ctx, first)
		if err == nil {
			_, err = s.Apply(ctx, storage.Changeset{Alerts: alerts})
		}
		return receipt, err
	})},
	{[]string{"PurgeRefused"}, "purges the entries that come with the purge", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		if len(cs.Purge) > 0 {
			cs = join(cs, storage.Changeset{})
			for n, e := range cs.Activity {
				if slices.Contains(cs.Purge, e.Incident) {
					cs.Activity[n] = e.Skeleton()
				}
			}
		}
		return s.Apply(ctx, cs)
	})},
	{[]string{"PurgeContents"}, "takes a content away that another incident names", opening(func(b *broken) {
		var gone atomic.Bool
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Purge) > 0 {
				gone.Store(true)
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				if digest == "shared" && gone.Load() {
					return nil, storage.ErrNotFound
				}
				return r.Reader.Content(ctx, digest)
			}
		}
	})},
	{[]string{"Restore"}, "counts versions up", moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
		cs = join(cs, storage.Changeset{})
		for n := range cs.Incidents {
			cs.Incidents[n].Version++
		}
		return s.Restore(ctx, cs)
	})},
	{[]string{"Restore"}, "restores what is new alone", moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
		cs = join(cs, storage.Changeset{})
		cs.Activity = slices.DeleteFunc(cs.Activity, func(e activity.Entry) bool { return e.Redacted })
		return s.Restore(ctx, cs)
	})},
	{[]string{"Restore"}, "restores no purge", moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
		cs.Purge = nil
		return s.Restore(ctx, cs)
	})},
	{[]string{"Restore"}, "loses contents", moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
		cs.Contents = nil
		return s.Restore(ctx, cs)
	})},
	{[]string{"RestoreRefused"}, "keeps the incidents of what it refuses", moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
		err := s.Restore(ctx, cs)
		if err != nil && len(cs.Incidents) > 0 {
			return cmp.Or(s.Restore(ctx, storage.Changeset{Incidents: cs.Incidents[:1]}), err)
		}
		return err
	})},
	{[]string{"Waiter"}, "does not see what is there", waking(func(ctx context.Context, s storage.Waiter, after int64) error {
		return s.Wait(ctx, max(after, 1))
	})},
	{[]string{"Waiter"}, "takes the end of the storage for that of the context", waking(func(ctx context.Context, s storage.Waiter, after int64) error {
		err := s.Wait(ctx, after)
		if errors.Is(err, storage.ErrClosed) {
			err = context.Canceled
		}
		return err
	})},
	{[]string{"Waiter"}, "takes the end of the context for an entry", waking(func(ctx context.Context, s storage.Waiter, after int64) error {
		return s.Wait(context.WithoutCancel(ctx), min(after, 40))
	})},
	{[]string{"Facets"}, "names an owner as the last that was counted does", reading(func(r *brokenReader) {
		r.facets = func(ctx context.Context, q incident.Query) (storage.Counts, error) {
			c, err := storage.Facets(ctx, r.Reader, q)
			all, failed := collect(r.Incidents(ctx, q))
			for _, i := range all {
				if !i.Owner.IsZero() {
					c.Owners[i.Owner.ID] = storage.OwnerTally{Owner: i.Owner, Count: c.Owners[i.Owner.ID].Count}
				}
			}
			return c, cmp.Or(err, failed)
		}
	})},
	{[]string{"Atomic"}, "keeps the incidents of a Changeset it refuses", keepingOfRefused(func(cs storage.Changeset) storage.Changeset {
		return storage.Changeset{Incidents: cs.Incidents}
	})},
	{[]string{"Atomic"}, "keeps the entries of a Changeset it refuses", keepingOfRefused(func(cs storage.Changeset) storage.Changeset {
		return storage.Changeset{Activity: cs.Activity}
	})},
	{[]string{"DenseFeed"}, "gives numbers to entries it refuses", keepingOfRefused(func(cs storage.Changeset) storage.Changeset {
		return storage.Changeset{Activity: []activity.Entry{newEntry("refused "+string(cs.Activity[0].ID), "i")}}
	})},
	{[]string{"InsertExists"}, "says conflict where a record exists", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if errors.Is(err, storage.ErrExists) {
			err = &storage.ConflictError{}
		}
		return receipt, err
	})},
	{[]string{"ConflictNames"}, "does not say which record it is", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if errors.Is(err, storage.ErrConflict) {
			err = storage.ErrConflict
		}
		return receipt, err
	})},
	{[]string{"Contents"}, "ends contents at a zero byte", giving(func(cs *storage.Changeset) {
		for n := range cs.Contents {
			cs.Contents[n].Data, _, _ = bytes.Cut(cs.Contents[n].Data, []byte{0})
		}
	})},
	{[]string{"Contents"}, "keeps a mebibyte of a content", giving(func(cs *storage.Changeset) {
		for n := range cs.Contents {
			cs.Contents[n].Data = cs.Contents[n].Data[:min(len(cs.Contents[n].Data), 1<<20)]
		}
	})},
	{[]string{"Contents"}, "has no content of no bytes", reading(func(r *brokenReader) {
		r.content = func(ctx context.Context, digest string) ([]byte, error) {
			data, err := r.Reader.Content(ctx, digest)
			if err == nil && len(data) == 0 {
				err = storage.ErrNotFound
			}
			return data, err
		}
	})},
	{[]string{"Contents"}, "refuses a content that is given again", opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			for _, c := range cs.Contents {
				if has(ctx, b.Storage, c.SHA256, c.Data) == nil {
					return storage.Receipt{}, storage.ErrExists
				}
			}
			return b.Storage.Apply(ctx, cs)
		}
	})},
	{[]string{"ContentNamed"}, "forgets a content with the first entry that named it", counting(func(e activity.Entry, digest string, less bool) int {
		if n := timesNamed(e, digest); n == 0 || !less {
			return n
		}
		return 99
	})},
	{[]string{"ContentNamed"}, "counts a content that one entry names twice once, and out twice", counting(func(e activity.Entry, digest string, less bool) int {
		n := timesNamed(e, digest)
		if !less {
			n = min(n, 1)
		}
		if e.Redacted {
			n = 0
		}
		return n
	})},
	{[]string{"ContentNamed"}, "counts a content out again when its entry is redacted again", counting(func(e activity.Entry, digest string, less bool) int {
		if e.Redacted && !less {
			return 0
		}
		return timesNamed(e, digest)
	})},
	{[]string{"ContentNamed"}, "keeps contents for entries that came redacted", counting(func(e activity.Entry, digest string, less bool) int {
		if e.Redacted && less {
			return 0
		}
		return timesNamed(e, digest)
	})},
	{[]string{"Redact"}, "leaves the text", opening(func(b *broken) {
		var kept shared[byte]
		b.read = func(r *brokenReader) {
			r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
				return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
					e.Text = string(kept.get(string(e.ID), 0, []byte(e.Text)))
					return e
				})
			}
		}
	})},
	{[]string{"Redact"}, "keeps the salts of what is redacted", opening(func(b *broken) {
		var given sync.Map // Seals, by ID of the entry
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			for _, e := range cs.Activity {
				given.Store(e.ID, e.Seal)
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.read = func(r *brokenReader) {
			r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
				return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
					if seal, ok := given.Load(e.ID); ok {
						e.Seal = seal.(activity.Seal)
					}
					return e
				})
			}
		}
	})},
	{[]string{"Purge"}, "keeps the salt of the alert that an entry of a purged incident was about", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
				if e.Redacted && !e.ProvesAlert() && len(e.Seal.Parts) > 0 {
					e.Seal.Parts[0].Salt = activity.Digest{1}
				}
				return e
			})
		}
	})},
	{[]string{"Redact"}, "takes the changes too", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
				if e.Redacted && e.Text == "" {
					e.Changes = nil
				}
				return e
			})
		}
	})},
	{[]string{"Redact"}, "redacts comments alone", opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			cs.Redact = slices.DeleteFunc(slices.Clone(cs.Redact), func(id activity.ID) bool {
				found, err := collect(live{b.Storage}.Activity(ctx, activity.Query{IDs: []activity.ID{id}}))
				return err == nil && len(found) == 1 && found[0].Type != activity.Commented && !found[0].Redacted
			})
			return b.Storage.Apply(ctx, cs)
		}
	})},
	{[]string{"Redact"}, "redacts no changes", opening(func(b *broken) {
		var given sync.Map // Changes, by ID of the entry
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			for _, e := range cs.Activity {
				given.Store(e.ID, slices.Clone(e.Changes))
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.read = func(r *brokenReader) {
			r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
				return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
					if changes, ok := given.Load(e.ID); ok && e.Redacted && e.Text == "" {
						e.Changes = slices.Clone(changes.([]activity.Change))
					}
					return e
				})
			}
		}
	})},
	{[]string{"Redact"}, "takes the digests too", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
				for n := range e.Attachments {
					if e.Redacted && e.Text == "" {
						e.Attachments[n].SHA256 = ""
					}
				}
				return e
			})
		}
	})},
	{[]string{"Redact"}, "takes away what was given redacted", giving(func(cs *storage.Changeset) {
		for n, e := range cs.Activity {
			if e.Redacted {
				cs.Activity[n] = e.Redact()
			}
		}
	})},
	{[]string{"Redact"}, "passes over what it cannot redact", opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			cs.Redact = slices.DeleteFunc(slices.Clone(cs.Redact), func(id activity.ID) bool {
				found, err := collect(live{b.Storage}.Activity(ctx, activity.Query{IDs: []activity.ID{id}}))
				return err == nil && len(found) == 0
			})
			return b.Storage.Apply(ctx, cs)
		}
	})},
	{[]string{"Redact"}, "redacts some of what it refuses to", keepingOfRefused(func(cs storage.Changeset) storage.Changeset {
		return storage.Changeset{Redact: cs.Redact[:min(len(cs.Redact), 1)]}
	})},
	{[]string{"Redact"}, "redacts for a Changeset that it refuses", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if errors.Is(err, storage.ErrConflict) {
			s.Apply(ctx, storage.Changeset{Redact: cs.Redact})
		}
		return receipt, err
	})},
	{[]string{"Redact"}, "redacts once only", opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			for _, id := range cs.Redact {
				found, err := collect(live{b.Storage}.Activity(ctx, activity.Query{IDs: []activity.ID{id}}))
				if err == nil && len(found) == 1 && found[0].Redacted {
					return storage.Receipt{}, storage.ErrNotFound
				}
			}
			return b.Storage.Apply(ctx, cs)
		}
	})},
	{[]string{"Redact"}, "redacts entries of the same Changeset", opening(func(b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			var own []activity.ID
			others := slices.DeleteFunc(slices.Clone(cs.Redact), func(id activity.ID) bool {
				mine := slices.ContainsFunc(cs.Activity, func(e activity.Entry) bool { return e.ID == id })
				if mine {
					own = append(own, id)
				}
				return mine
			})
			cs.Redact = others
			receipt, err := b.Storage.Apply(ctx, cs)
			if err == nil && len(own) > 0 {
				_, err = b.Storage.Apply(ctx, storage.Changeset{Redact: own})
			}
			return receipt, err
		}
	})},
	{[]string{"Redact"}, "gives a redaction a number", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if len(cs.Redact) > 0 && err == nil {
			receipt.Seq++
		}
		return receipt, err
	})},
	{[]string{"AliasIn"}, "keeps the content it was given", opening(func(b *broken) {
		kept := map[string][]byte{}
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			for _, c := range cs.Contents {
				kept[c.SHA256] = c.Data
			}
			return receipt, err
		}
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				data, err := r.Reader.Content(ctx, digest)
				if err == nil {
					data = slices.Clone(kept[digest])
				}
				return data, err
			}
		}
	})},
	{[]string{"AliasOut"}, "gives the same content to everybody", opening(func(b *broken) {
		var kept shared[byte]
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				data, err := r.Reader.Content(ctx, digest)
				return kept.get(digest, 0, data), err
			}
		}
	})},
	{[]string{"EveryField"}, "forgets which entry another is about", giving(func(cs *storage.Changeset) {
		for n := range cs.Activity {
			cs.Activity[n].Subject = ""
		}
	})},
	{[]string{"EveryField"}, "forgets how high an image is", giving(func(cs *storage.Changeset) {
		for n := range cs.Activity {
			cs.Activity[n].Attachments = slices.Clone(cs.Activity[n].Attachments)
			for k := range cs.Activity[n].Attachments {
				cs.Activity[n].Attachments[k].Height = 0
			}
		}
	})},
	{[]string{"NotFound"}, "has a content of no bytes for every digest", reading(func(r *brokenReader) {
		r.content = func(ctx context.Context, digest string) ([]byte, error) {
			data, err := r.Reader.Content(ctx, digest)
			if errors.Is(err, storage.ErrNotFound) {
				err = nil
			}
			return data, err
		}
	})},
	{[]string{"Cancel"}, "returns a content without looking at the context", reading(func(r *brokenReader) {
		r.content = func(ctx context.Context, digest string) ([]byte, error) {
			return r.Reader.Content(context.WithoutCancel(ctx), digest)
		}
	})},
	{[]string{"NumberKept"}, "has no numbers for incidents that are there", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		for n, i := range cs.Incidents {
			if err == nil && i.Version > 0 {
				receipt.Numbers[n] = 0
			}
		}
		return receipt, err
	})},
	{[]string{"AliasOut"}, "gives the same changes to everybody", opening(func(b *broken) {
		var kept shared[activity.Change]
		b.read = func(r *brokenReader) {
			r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
				return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
					e.Changes = kept.get(string(e.ID), 0, e.Changes)
					return e
				})
			}
		}
	})},
	{[]string{"EveryField"}, "escapes JSON for the web", giving(func(cs *storage.Changeset) {
		for n := range cs.Incidents {
			cs.Incidents[n].Extra = alert.Fields(strings.ReplaceAll(string(cs.Incidents[n].Extra), "<", `\u003c`))
		}
	})},
	{[]string{"EveryField"}, "leaves nothing out of what is asked for in brief", askingAlerts(func(q *alert.Query) { q.Brief = false })},
	{[]string{"OddStrings"}, "trims accounts", giving(func(cs *storage.Changeset) {
		for n := range cs.Incidents {
			cs.Incidents[n].Owner.ID = strings.TrimSpace(cs.Incidents[n].Owner.ID)
		}
	})},
	{[]string{"OddStrings"}, "takes text for a pattern", askingIncidents(func(q *incident.Query) { q.Text = strings.Trim(q.Text, "%") })},
	{[]string{"OddStrings"}, "ends accounts that are asked for at a zero byte", askingActivity(func(q *activity.Query) {
		q.Actors = slices.Clone(q.Actors)
		for n, id := range q.Actors {
			q.Actors[n], _, _ = strings.Cut(id, "\x00")
		}
	})},
	{[]string{"InvalidRecords"}, "cuts keys of items at 1,024 bytes", giving(func(cs *storage.Changeset) {
		for n, i := range cs.Items {
			cs.Items[n].Key = i.Key[:min(len(i.Key), alert.MaxID)]
		}
	})},
	{[]string{"InvalidRecords"}, "takes the year 58136 for the year 9999", giving(func(cs *storage.Changeset) {
		for n, a := range cs.Alerts {
			if a.LastActivity.Year() > 9999 {
				cs.Alerts[n].LastActivity = year(9999)
			}
		}
	})},
	{[]string{"InvalidRecords"}, "leaves JSON that is none out", giving(func(cs *storage.Changeset) {
		for n, i := range cs.Incidents {
			if i.Extra.CheckLimits() != nil {
				cs.Incidents[n].Extra = ""
			}
		}
	})},
	{[]string{"InvalidRecords"}, "keeps the alerts of what is beyond the limits",
		keepingOfRefused(func(cs storage.Changeset) storage.Changeset { return storage.Changeset{Alerts: cs.Alerts} })},
	{[]string{"InvalidRecords"}, "keeps the items of what is beyond the limits",
		keepingOfRefused(func(cs storage.Changeset) storage.Changeset { return storage.Changeset{Items: cs.Items} })},
	{[]string{"InvalidRecords"}, "has another word for what is beyond the limits", applying(
		func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := s.Apply(ctx, cs)
			if errors.Is(err, alert.ErrInvalid) {
				err = storage.ErrConflict
			}
			return receipt, err
		})},
	{[]string{"InvalidRecords"}, "names another field", applying(
		func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := s.Apply(ctx, cs)
			if invalid, ok := errors.AsType[*alert.FieldError](err); ok && invalid.Field == "guard.seq" {
				err = &alert.FieldError{Record: invalid.Record, Field: "guard"}
			}
			return receipt, err
		})},
	{[]string{"CountAlerts", "OldCounts"}, "counts no further than a page", reading(func(r *brokenReader) {
		r.alertCount = func(ctx context.Context, q alert.Query) (int, error) {
			n, err := storage.CountAlerts(ctx, r.Reader, q)
			return min(n, 50), err
		}
	})},
	{[]string{"InvalidQueries"}, "counts alerts that it does not list", reading(func(r *brokenReader) {
		r.alertCount = func(ctx context.Context, q alert.Query) (int, error) {
			n, err := storage.CountAlerts(ctx, struct{ storage.Reader }{r}, q)
			if errors.Is(err, alert.ErrInvalid) {
				err = nil
			}
			return n, err
		}
	})},
	{[]string{"FilterIncidents", "OldViews", "Hub"}, "has incidents within one of the queries, not all",
		askingIncidents(func(q *incident.Query) {
			if len(q.Within) > 1 {
				q.Within = []incident.Query{{Except: []incident.Query{{Except: q.Within}}}}
			}
		})},
	{[]string{"FilterIncidents", "OldViews", "Hub"}, "leaves out what an exception is within",
		askingIncidents(func(q *incident.Query) {
			q.Except = slices.Clone(q.Except)
			for n := range q.Except {
				q.Except[n].Within = nil
			}
		})},
	{[]string{"FilterIncidents", "OldViews", "Hub"}, "leaves out what a query is within that others are within",
		askingIncidents(func(q *incident.Query) {
			q.Within = slices.Clone(q.Within)
			for n := range q.Within {
				q.Within[n].Within = nil
			}
		})},
	{[]string{"Count", "OldCounts"}, "takes disjoint filters for none", reading(func(r *brokenReader) {
		r.count = func(ctx context.Context, q incident.Query) (int, error) {
			if flat := driver.Flat(q); len(q.Within) > 0 && slices.Equal(flat.Numbers, []int64{0}) {
				q.Within, q.Statuses = nil, nil
			}
			return storage.Count(ctx, r.Reader, q)
		}
	})},
	{[]string{"FilterAlerts", "OldViews"}, "finds titles in one case of letters", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			title, limit := q.Title, q.Limit
			if title != "" {
				q.Limit = 0
			}
			all, err := collect(r.Reader.Alerts(ctx, q))
			if title != "" {
				all = slices.DeleteFunc(all, func(a alert.Alert) bool { return !strings.Contains(a.Title, title) })
			}
			if limit > 0 {
				all = all[:min(limit, len(all))]
			}
			return of(all, err)
		}
	})},
	{[]string{"Hub", "FilterAlerts", "OldViews"}, "takes a page of an entity's alerts before it looks at their source",
		reading(func(r *brokenReader) {
			r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
				sources := q.Sources
				if len(q.Entities) > 0 {
					q.Sources = nil
				}
				all, err := collect(r.Reader.Alerts(ctx, q))
				if len(sources) > 0 {
					all = slices.DeleteFunc(all, func(a alert.Alert) bool {
						return !slices.Contains(sources, a.Origin.Source)
					})
				}
				return of(all, err)
			}
		})},
	{[]string{"InvalidQueries"}, "looks for names that are not UTF-8", askingIncidents(func(q *incident.Query) {
		q.Text = strings.ToValidUTF8(q.Text, "\ufffd")
	})},
	{[]string{"InvalidQueries"}, "takes any bound of time", askingActivity(func(q *activity.Query) {
		if q.Until.Year() > 9999 {
			q.Until = time.Time{}
		}
	})},
	{[]string{"InvalidQueries"}, "goes on from a place that no item has", askingItems(func(q *storage.ItemQuery) {
		q.After.Key = strings.ToValidUTF8(q.After.Key, "\ufffd")
	})},
	{[]string{"InvalidQueries"}, "counts what it does not list", reading(func(r *brokenReader) {
		r.count = func(ctx context.Context, q incident.Query) (int, error) {
			n, err := storage.Count(ctx, struct{ storage.Reader }{r}, q)
			if errors.Is(err, alert.ErrInvalid) {
				err = nil
			}
			return n, err
		}
	})},
	{[]string{"InvalidQueries"}, "counts by value what it does not list", reading(func(r *brokenReader) {
		r.facets = func(ctx context.Context, q incident.Query) (storage.Counts, error) {
			c, err := storage.Facets(ctx, struct{ storage.Reader }{r}, q)
			if errors.Is(err, alert.ErrInvalid) {
				err = nil
			}
			return c, err
		}
	})},
	{[]string{"Sightings"}, "knows no sightings newest first", askingSightings(func(q *storage.SightingQuery) {
		q.Newest = false
	})},
	{
		[]string{"SightingOrder"}, "knows no bounds of sightings newest first",
		askingSightings(func(q *storage.SightingQuery) {
			if q.Newest {
				q.Since, q.Until = time.Time{}, time.Time{}
			}
		}),
	},
	{
		[]string{"SightingOrder"}, "knows no incident of sightings newest first",
		askingSightings(func(q *storage.SightingQuery) {
			if q.Newest {
				q.Incident = ""
			}
		}),
	},
	{[]string{"SightingOrder"}, "turns round what are the oldest within the limit", reading(func(r *brokenReader) {
		r.sightings = func(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
			newest := q.Newest
			q.Newest = false
			all, err := collect(storage.Sightings(ctx, r.Reader, q))
			if newest {
				slices.Reverse(all)
			}
			return of(all, err)
		}
	})},
	{[]string{"SightingOrder"}, "orders what was seen at the same time by ID, newest first too",
		foundSightings(func(q storage.SightingQuery, all []storage.Sighting) {
			if q.Newest {
				slices.SortStableFunc(all, func(a, b storage.Sighting) int {
					return cmp.Or(b.First.Compare(a.First), cmp.Compare(a.Alert, b.Alert))
				})
			}
		})},
	{[]string{"Sightings"}, "says the hour of a sighting", foundSightings(wholeHours)},
	{[]string{"SightingOrder"}, "says the hour of a sighting", foundSightings(wholeHours)},
	{
		[]string{"Times"}, "has no sighting before 1970",
		foundSightings(func(_ storage.SightingQuery, all []storage.Sighting) {
			for n := range all {
				if all[n].First.Unix() < 0 {
					all[n].First = time.Unix(0, 0).UTC()
				}
			}
		}),
	},
	{[]string{"SightingOrder"}, "keeps the first time that an alert had", opening(func(b *broken) {
		var first sync.Map // FirstActivity by ID
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			for _, a := range cs.Alerts {
				first.LoadOrStore(a.ID, a.FirstActivity)
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.read = func(r *brokenReader) {
			r.sightings = func(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
				return yielding(storage.Sightings(ctx, r.Reader, q), func(s storage.Sighting) storage.Sighting {
					if at, ok := first.Load(s.Alert); ok {
						s.First = at.(time.Time)
					}
					return s
				})
			}
		}
	})},
	{[]string{"InvalidQueries"}, "finds no sightings of what is not UTF-8", reading(func(r *brokenReader) {
		r.sightings = func(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
			if !utf8.ValidString(string(q.Incident)) {
				q.Incident = "none"
			}
			return storage.Sightings(ctx, struct{ storage.Reader }{r}, q)
		}
	})},
	{[]string{"InvalidQueries"}, "reads before it looks at the query", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			err := q.Validate()
			if err == nil {
				return r.Reader.Alerts(ctx, q)
			}
			return func(yield func(alert.Alert, error) bool) {
				if yield(newAlert(0, "i00000"), nil) {
					yield(alert.Alert{}, err)
				}
			}
		}
	})},
	{[]string{"InvalidQueries"}, "takes any cursor for one of its order", askingIncidents(func(q *incident.Query) {
		if _, _, err := q.Start(); err != nil {
			q.After = incident.Cursor{}
		}
	})},
	{[]string{"NoSuchID"}, "finds what begins like the ID", reading(func(r *brokenReader) {
		r.content = func(ctx context.Context, digest string) ([]byte, error) {
			if len(digest) > alert.MaxID {
				return nil, nil
			}
			return r.Reader.Content(ctx, digest)
		}
	})},
	{[]string{"Times"}, "keeps milliseconds", giving(func(cs *storage.Changeset) {
		for n := range cs.Activity {
			cs.Activity[n].Time = cs.Activity[n].Time.Truncate(time.Millisecond)
		}
	})},
	{[]string{"OtherForms"}, "gives an empty list back as it came", opening(func(b *broken) {
		var empty sync.Map // alerts that were given with an empty list of tags
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			for _, a := range cs.Alerts {
				if a.Tags != nil && len(a.Tags) == 0 {
					empty.Store(a.ID, true)
				}
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.read = func(r *brokenReader) {
			r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
				return yielding(r.Reader.Alerts(ctx, q), func(a alert.Alert) alert.Alert {
					if _, ok := empty.Load(a.ID); ok {
						a.Tags = []string{}
					}
					return a
				})
			}
		}
	})},
	{[]string{"Times"}, "returns times in another zone", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			return yielding(r.Reader.Alerts(ctx, q), func(a alert.Alert) alert.Alert {
				a.Resolved = a.Resolved.In(time.FixedZone("", 3600))
				return a
			})
		}
	})},
	{[]string{"SnapshotStable"}, "reads what is there now", opening(func(b *broken) {
		b.view = func(ctx context.Context, fn func(storage.Reader) error) error { return fn(live{b.Storage}) }
	})},
	{[]string{"OldViews"}, "reads what is there now", opening(func(b *broken) {
		b.view = func(ctx context.Context, fn func(storage.Reader) error) error { return fn(live{b.Storage}) }
	})},
	{[]string{"NoWaiting"}, "reads what is there now", opening(func(b *broken) {
		b.view = func(ctx context.Context, fn func(storage.Reader) error) error { return fn(live{b.Storage}) }
	})},
	{[]string{"OldCounts"}, "has the facets of now", opening(func(b *broken) {
		b.read = func(r *brokenReader) {
			r.facets = func(ctx context.Context, q incident.Query) (c storage.Counts, err error) {
				err = b.Storage.View(ctx, func(now storage.Reader) (err error) {
					c, err = storage.Facets(ctx, now, q)
					return err
				})
				return c, err
			}
		}
	})},
	{[]string{"NoWaiting"}, "lets Apply wait for Views that are open", waiting},
	{[]string{"SnapshotStable"}, "lets Apply wait for Views that are open", waiting},
	{[]string{"Cancel"}, "applies without looking at the context", applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		return s.Apply(context.WithoutCancel(ctx), cs)
	})},
	{[]string{"Cancel"}, "opens Views without looking at the context", opening(func(b *broken) {
		b.view = func(ctx context.Context, fn func(storage.Reader) error) error {
			return b.Storage.View(context.WithoutCancel(ctx), fn)
		}
	})},
	{[]string{"Cancel"}, "reads incidents to their end", reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			return r.Reader.Incidents(context.WithoutCancel(ctx), q)
		}
	})},
	{[]string{"Cancel"}, "reads the log to its end", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			return r.Reader.Activity(context.WithoutCancel(ctx), q)
		}
	})},
	{[]string{"Cancel"}, "ends a read without its error", reading(func(r *brokenReader) {
		r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
			return func(yield func(activity.Entry, error) bool) {
				r.Reader.Activity(ctx, q)(func(e activity.Entry, err error) bool { return err == nil && yield(e, err) })
			}
		}
	})},
	{[]string{"Cancel"}, "returns an incident without looking at the context", reading(func(r *brokenReader) {
		r.incident = func(ctx context.Context, id incident.ID) (incident.Incident, error) {
			return r.Reader.Incident(context.WithoutCancel(ctx), id)
		}
	})},
	{[]string{"Closed"}, "is never closed", opening(func(b *broken) { b.close = func() error { return nil } })},
	{[]string{"Closed"}, "ends Views that are running", opening(func(b *broken) {
		var closed atomic.Bool
		b.close = func() error { closed.Store(true); return b.Storage.Close() }
		b.read = func(r *brokenReader) {
			r.incident = func(ctx context.Context, id incident.ID) (incident.Incident, error) {
				if closed.Load() {
					return incident.Incident{}, storage.ErrClosed
				}
				return r.Reader.Incident(ctx, id)
			}
		}
	})},
	{[]string{"Hub"}, "looks at the first 100 incidents of an entity", reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			all, err := collect(r.Reader.Incidents(ctx, q))
			if len(q.Entities) > 0 {
				all = all[:min(100, len(all))]
			}
			return of(all, err)
		}
	})},
	{[]string{"ByteOrder"}, "puts a before Z", reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			all, err := collect(r.Reader.Incidents(ctx, q))
			if q.Sort == incident.ByOwner {
				slices.SortStableFunc(all, func(a, b incident.Incident) int {
					return cmp.Compare(strings.ToLower(a.Owner.ID), strings.ToLower(b.Owner.ID))
				})
			}
			return of(all, err)
		}
	})},
	{[]string{"CursorRoundTrip"}, "goes on behind all that are alike", reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			all, err := collect(r.Reader.Incidents(ctx, q))
			if start, started, _ := q.Start(); started && q.Sort == incident.BySeverity {
				all = slices.DeleteFunc(all, func(i incident.Incident) bool { return int64(i.Severity) == start.Rank })
			}
			return of(all, err)
		}
	})},
	{[]string{"CursorRoundTrip"}, "yields nothing at a cursor of another order", reading(func(r *brokenReader) {
		r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
			if _, _, err := q.Start(); err != nil {
				return of[incident.Incident](nil, nil)
			}
			return r.Reader.Incidents(ctx, q)
		}
	})},
	{[]string{"ItemVersion"}, "replaces an item that should be new",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := s.Apply(ctx, cs)
			if errors.Is(err, storage.ErrExists) && len(cs.Items) == 1 {
				if old, missing := (live{s}).Item(ctx, cs.Items[0].Kind, cs.Items[0].Key); missing == nil {
					cs.Items = []storage.Item{cs.Items[0]}
					cs.Items[0].Version = old.Version
					return s.Apply(ctx, cs)
				}
			}
			return receipt, err
		})},
	{[]string{"ItemVersion"}, "stores an item that is not there at any Version",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := s.Apply(ctx, cs)
			if conflict, ok := errors.AsType[*storage.ConflictError](err); ok && conflict.Record == "item" &&
				conflict.Stored == 0 && len(cs.Items) == 1 {
				cs.Items = []storage.Item{cs.Items[0]}
				cs.Items[0].Version = 0
				return s.Apply(ctx, cs)
			}
			return receipt, err
		})},
	{[]string{"ItemOrder"}, "goes on behind all items of a Kind", reading(func(r *brokenReader) {
		r.items = func(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
			all, err := collect(r.Reader.Items(ctx, q))
			return of(
				slices.DeleteFunc(all, func(i storage.Item) bool {
					return q.After.Kind != "" && i.Kind == q.After.Kind
				}),
				err,
			)
		}
	})},
	{[]string{"ItemOrder"}, "yields what a Limit leaves before it looks at incidents", reading(func(r *brokenReader) {
		r.items = func(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
			any := q
			any.Incidents = nil
			all, err := collect(r.Reader.Items(ctx, any))
			return of(slices.DeleteFunc(all, func(i storage.Item) bool { return !q.Match(i) }), err)
		}
	})},
	{[]string{"ItemOrder"}, "understands Before in microseconds", askingItems(func(q *storage.ItemQuery) {
		q.Before = q.Before.Truncate(time.Microsecond)
	})},
	{[]string{"ItemData"}, "returns an empty slice for no Data", reading(func(r *brokenReader) {
		r.item = func(ctx context.Context, kind, key string) (storage.Item, error) {
			i, err := r.Reader.Item(ctx, kind, key)
			if err == nil && i.Data == nil {
				i.Data = []byte{}
			}
			return i, err
		}
	})},
	{[]string{"ItemData"}, "cuts off too much Data", giving(func(cs *storage.Changeset) {
		for n, i := range cs.Items {
			cs.Items[n].Data = i.Data[:min(len(i.Data), storage.MaxItemData)]
		}
	})},
	{[]string{"ItemData"}, "keeps the rest of a Changeset with an item that is too large",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := s.Apply(ctx, cs)
			if slices.ContainsFunc(cs.Items, func(i storage.Item) bool { return len(i.Data) > storage.MaxItemData }) {
				s.Apply(ctx, storage.Changeset{Incidents: cs.Incidents})
			}
			return receipt, err
		})},
	{[]string{"ItemsPurged"}, "leaves the items of an incident that is purged",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			var before []storage.Item
			if len(cs.Purge) > 0 {
				before, _ = collect(live{s}.Items(ctx, storage.ItemQuery{Incidents: cs.Purge}))
			}
			receipt, err := s.Apply(ctx, cs)
			for _, i := range before {
				i.Version = 0
				s.Apply(ctx, storage.Changeset{Items: []storage.Item{i}})
			}
			return receipt, err
		})},
	{[]string{"ItemsPurged"}, "purges the items of no incident with the incident that has no ID",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if slices.Contains(cs.Purge, "") {
				all, _ := collect(live{s}.Items(ctx, storage.ItemQuery{Incidents: []incident.ID{""}}))
				for _, i := range all {
					cs.Expire = append(slices.Clone(cs.Expire), storage.Expiry{Kind: i.Kind, Before: i.Time.Add(1)})
				}
			}
			return s.Apply(ctx, cs)
		})},
	{[]string{"ItemsExpired"}, "lets nothing expire", giving(func(cs *storage.Changeset) { cs.Expire = nil })},
	{[]string{"ItemsExpired"}, "lets items of all kinds expire",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if len(cs.Expire) > 0 {
				all, _ := collect(live{s}.Items(ctx, storage.ItemQuery{}))
				cs.Expire = slices.Clone(cs.Expire)
				for _, i := range all {
					cs.Expire = append(cs.Expire, storage.Expiry{Kind: i.Kind, Before: cs.Expire[0].Before})
				}
			}
			return s.Apply(ctx, cs)
		})},
	{[]string{"ItemsExpired"}, "lets items expire once those of the Changeset are stored",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			expire := cs.Expire
			cs.Expire = nil
			receipt, err := s.Apply(ctx, cs)
			if err == nil && len(expire) > 0 {
				_, err = s.Apply(ctx, storage.Changeset{Expire: expire})
			}
			return receipt, err
		})},
	{[]string{"ItemsOfOneMoment"}, "lists the items of now", opening(func(b *broken) {
		b.read = func(r *brokenReader) { r.items = live{b.Storage}.Items }
	})},
	{[]string{"ItemsAtomic"}, "keeps the items of a Changeset that it refuses",
		keepingOfRefused(func(cs storage.Changeset) storage.Changeset {
			return storage.Changeset{Items: cs.Items}
		})},
	{[]string{"ItemAliases"}, "gives the same Data to everybody", opening(func(b *broken) {
		var kept shared[byte]
		b.read = func(r *brokenReader) {
			r.item = func(ctx context.Context, kind, key string) (storage.Item, error) {
				i, err := r.Reader.Item(ctx, kind, key)
				if err == nil {
					i.Data = kept.get(fmt.Sprintf("%q", i.Place()), i.Version, i.Data)
				}
				return i, err
			}
		}
	})},
	{[]string{"ItemsRestored"}, "restores items a Version higher",
		moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
			cs.Items = slices.Clone(cs.Items)
			for n := range cs.Items {
				cs.Items[n].Version++
			}
			return s.Restore(ctx, cs)
		})},
	{[]string{"ItemsRestored"}, "lets nothing expire when it restores",
		moving(func(ctx context.Context, s storage.Restorer, cs storage.Changeset) error {
			cs.Expire = nil
			return s.Restore(ctx, cs)
		})},
	{[]string{"Guarded"}, "does not look at Guards",
		giving(func(cs *storage.Changeset) { cs.Guard = storage.Guard{} })},
	{[]string{"GuardConcurrent"}, "does not look at Guards",
		giving(func(cs *storage.Changeset) { cs.Guard = storage.Guard{} })},
	{[]string{"Guarded"}, "lets a Guard fail for ever once an alert has one of its keys",
		stamping(func(stamp) int64 { return 1 << 40 })},
	{[]string{"Guarded"}, "sees only the keys of new alerts", stamping(func(s stamp) int64 {
		if s.version > 0 {
			return 0
		}
		return s.seq
	})},
	{[]string{"Guarded"}, "sees a key only when no alert has had it before",
		stamping(func(s stamp) int64 { return cmp.Or(s.before, s.seq) })},
	{[]string{"Guarded"}, "takes a key for added at the entry before its Changeset",
		stamping(func(s stamp) int64 { return s.seq - 1 })},
	{[]string{"Guarded"}, "lets a Guard fail by what its own Changeset adds",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			for _, a := range cs.Alerts {
				for _, key := range a.Keys() {
					if slices.Contains(cs.Guard.Keys, key) && a.Version == 0 {
						return storage.Receipt{}, &storage.ConflictError{
							Record: "key",
							ID:     string(key),
							Given:  cs.Guard.Seq,
							Stored: cs.Guard.Seq + 1,
						}
					}
				}
			}
			return s.Apply(ctx, cs)
		})},
	{[]string{"Guarded"}, "mixes the Seqs of a key up",
		applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := s.Apply(ctx, cs)
			if conflict, ok := errors.AsType[*storage.ConflictError](err); ok && conflict.Record == "key" {
				err = &storage.ConflictError{
					Record: "key",
					ID:     conflict.ID,
					Given:  conflict.Stored,
					Stored: conflict.Given,
				}
			}
			return receipt, err
		})},
	{[]string{"Guarded"}, "keeps the items of a Changeset whose Guard failed",
		keepingOfRefused(func(cs storage.Changeset) storage.Changeset {
			return storage.Changeset{Items: cs.Items}
		})},
	{[]string{"LastSeq"}, "returns the last Seq of now", opening(func(b *broken) {
		b.read = func(r *brokenReader) { r.seq = live{b.Storage}.Seq }
	})},
	{[]string{"LastSeq"}, "counts the entries of Changesets that it refuses", opening(func(b *broken) {
		var wasted atomic.Int64
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			if err != nil {
				wasted.Add(1)
			}
			return receipt, err
		}
		b.read = func(r *brokenReader) {
			r.seq = func(ctx context.Context) (int64, error) {
				n, err := r.Reader.Seq(ctx)
				return n + wasted.Load(), err
			}
		}
	})},
	{[]string{"Cancel"}, "reads items to their end", reading(func(r *brokenReader) {
		r.items = func(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
			return r.Reader.Items(context.WithoutCancel(ctx), q)
		}
	})},
	{[]string{"Cancel"}, "returns the last Seq without looking at the context", reading(func(r *brokenReader) {
		r.seq = func(ctx context.Context) (int64, error) { return r.Reader.Seq(context.WithoutCancel(ctx)) }
	})},
	{[]string{"PageStable"}, "goes on behind all alerts of a time", reading(func(r *brokenReader) {
		r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
			all, err := collect(r.Reader.Alerts(ctx, q))
			if (q.After != alert.Position{}) {
				all = slices.DeleteFunc(all, func(a alert.Alert) bool { return a.FirstActivity.Equal(q.After.FirstActivity) })
			}
			return of(all, err)
		}
	})},
}

// live reads what a storage holds now, each time anew.
type live struct{ storage.Storage }

func now[T any](s storage.Storage, ctx context.Context, read func(storage.Reader) (T, error)) (v T, err error) {
	err = s.View(ctx, func(r storage.Reader) (err error) {
		v, err = read(r)
		return err
	})
	return v, err
}

func (s live) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	return now(s.Storage, ctx, func(r storage.Reader) (incident.Incident, error) { return r.Incident(ctx, id) })
}

func (s live) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	return of(now(s.Storage, ctx, func(r storage.Reader) ([]incident.Incident, error) { return collect(r.Incidents(ctx, q)) }))
}

func (s live) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	return now(s.Storage, ctx, func(r storage.Reader) (alert.Alert, error) { return r.Alert(ctx, id) })
}

func (s live) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return of(now(s.Storage, ctx, func(r storage.Reader) ([]alert.Alert, error) { return collect(r.Alerts(ctx, q)) }))
}

func (s live) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return of(now(s.Storage, ctx, func(r storage.Reader) ([]activity.Entry, error) { return collect(r.Activity(ctx, q)) }))
}

func (s live) Content(ctx context.Context, sha256 string) ([]byte, error) {
	return now(s.Storage, ctx, func(r storage.Reader) ([]byte, error) { return r.Content(ctx, sha256) })
}

func (s live) Item(ctx context.Context, kind, key string) (storage.Item, error) {
	return now(s.Storage, ctx, func(r storage.Reader) (storage.Item, error) { return r.Item(ctx, kind, key) })
}

func (s live) Items(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
	return of(now(s.Storage, ctx, func(r storage.Reader) ([]storage.Item, error) { return collect(r.Items(ctx, q)) }))
}

func (s live) Seq(ctx context.Context) (int64, error) {
	return now(s.Storage, ctx, func(r storage.Reader) (int64, error) { return r.Seq(ctx) })
}

// counting returns storages that count for themselves how often contents are named. weight returns how often e
// names its contents when it comes, and less how often when it is redacted, again if it is redacted already.
func counting(weight func(e activity.Entry, digest string, less bool) int) func() storage.Storage {
	return opening(func(b *broken) {
		data, named := map[string][]byte{}, map[string]int{}
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			var gone []activity.Entry
			if len(cs.Redact) > 0 {
				gone, _ = collect(live{b.Storage}.Activity(ctx, activity.Query{IDs: cs.Redact}))
			}
			receipt, err := b.Storage.Apply(ctx, cs)
			if err != nil {
				return receipt, err
			}
			count := func(entries []activity.Entry, less bool) {
				for _, e := range entries {
					for _, digest := range []string{"a", "b", "c"} {
						if n := weight(e, digest, less); less {
							named[digest] -= n
						} else {
							named[digest] += n
						}
					}
				}
			}
			count(cs.Activity, false)
			count(gone, true)
			for _, c := range cs.Contents {
				data[c.SHA256] = slices.Clone(c.Data)
			}
			for digest := range data {
				if named[digest] <= 0 {
					delete(data, digest)
				}
			}
			return receipt, nil
		}
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				if data, ok := data[digest]; ok {
					return slices.Clone(data), nil
				}
				return nil, storage.ErrNotFound
			}
		}
	})
}

// timesNamed says how often an entry names a content.
func timesNamed(e activity.Entry, digest string) (n int) {
	for _, a := range e.Attachments {
		if a.SHA256 == digest {
			n++
		}
	}
	return n
}

// waiting returns a storage where Apply waits for Views.
func waiting() storage.Storage {
	return opening(func(b *broken) {
		var open gate
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			if err := open.wait(ctx); err != nil {
				return storage.Receipt{}, err
			}
			return b.Storage.Apply(ctx, cs)
		}
		b.view = func(ctx context.Context, fn func(storage.Reader) error) error {
			open.enter()
			defer open.leave()
			return b.Storage.View(ctx, fn)
		}
	})()
}

// keepingOfRefused returns storages that keep a part of a Changeset they refuse.
func keepingOfRefused(part func(storage.Changeset) storage.Changeset) func() storage.Storage {
	return applying(func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
		receipt, err := s.Apply(ctx, cs)
		if err != nil {
			s.Apply(ctx, part(cs))
		}
		return receipt, err
	})
}

// lastOf leaves of all that have the same ID the last.
func lastOf[T any](all *[]T, id func(T) string) {
	last := map[string]int{}
	for n, v := range *all {
		last[id(v)] = n
	}
	n := -1
	*all = slices.DeleteFunc(*all, func(v T) bool { n++; return last[id(v)] != n })
}

// shared keeps one slice for each version of a record.
type shared[T any] struct {
	mu   sync.Mutex
	kept map[string][]T
}

func (s *shared[T]) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.kept["0 "+id]
	return ok
}

func (s *shared[T]) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = nil
}

// get returns the slice of the version, which is v when there was none.
func (s *shared[T]) get(id string, version int64, v []T) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(version, " ", id)
	if have, ok := s.kept[key]; ok {
		return have
	}
	if s.kept == nil {
		s.kept = map[string][]T{}
	}
	s.kept[key] = v
	return v
}

// A gate lets one wait until nobody is inside.
type gate struct {
	mu     sync.Mutex
	inside int
	empty  chan struct{}
}

func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside++; g.inside == 1 {
		g.empty = make(chan struct{})
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 {
		close(g.empty)
	}
}

func (g *gate) wait(ctx context.Context) error {
	g.mu.Lock()
	empty := g.empty
	g.mu.Unlock()
	if empty == nil {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
