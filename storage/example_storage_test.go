package storage_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
	"github.com/incidentkit/incidentkit/storage/memory"
	"github.com/incidentkit/incidentkit/storage/storagetest"
)

// A shelf adds items, Expire, Guard and Seq to a storage that has none of them, in maps under one mutex. A View has the
// items of its moment because the map is replaced, never changed.
type shelf struct {
	storage.Storage

	mu    sync.Mutex
	items map[storage.ItemPlace]storage.Item
	added map[alert.Key]int64 // Seq of the last Changeset that added the key to an alert
}

func newShelf(s storage.Storage) *shelf { return &shelf{Storage: s, added: make(map[alert.Key]int64)} }

func (s *shelf) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if err := driver.Check(cs); err != nil { // beyond the limits, an item twice
		return storage.Receipt{}, err
	}
	cs = driver.Canonical(cs) // times in UTC, for one
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range cs.Guard.Keys {
		if at := s.added[key]; at > cs.Guard.Seq {
			return storage.Receipt{}, &storage.ConflictError{
				Record: "key",
				ID:     string(key),
				Given:  cs.Guard.Seq,
				Stored: at,
			}
		}
	}
	items := maps.Clone(s.items)
	if items == nil {
		items = make(map[storage.ItemPlace]storage.Item)
	}
	// first what a purge and an Expiry take away
	maps.DeleteFunc(items, func(_ storage.ItemPlace, i storage.Item) bool {
		return i.Incident != "" && slices.Contains(cs.Purge, i.Incident) ||
			slices.ContainsFunc(cs.Expire, func(x storage.Expiry) bool {
				return x.Kind == i.Kind && i.Time.Before(x.Before)
			})
	})
	for _, i := range cs.Items { // then the items, against what is left
		if err := driver.CheckVersion("item", i.Kind+"/"+i.Key, i.Version, items[i.Place()].Version); err != nil {
			return storage.Receipt{}, err
		}
		if i = i.Clone(); len(i.Data) == 0 {
			i.Data = nil
		}
		i.Version++
		items[i.Place()] = i
	}
	var fresh []alert.Key // that an alert does not have yet
	var last int64
	err := s.Storage.View(ctx, func(r storage.Reader) (err error) {
		for n, a := range cs.Alerts {
			old, err := r.Alert(ctx, a.ID)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			had := old.Keys()
			for _, key := range driver.AlertKeys(cs, n) {
				if !slices.Contains(had, key) {
					fresh = append(fresh, key)
				}
			}
		}
		last, err = shelved{Reader: r}.Seq(ctx)
		return err
	})
	if err != nil {
		return storage.Receipt{}, err
	}
	cs.Items, cs.Expire, cs.Guard = nil, nil, storage.Guard{}
	receipt, err := s.Storage.Apply(ctx, cs)
	if err != nil {
		return receipt, err
	}
	s.items = items
	for _, key := range fresh {
		s.added[key] = max(s.added[key], last, receipt.Seq)
	}
	return receipt, nil
}

func (s *shelf) View(ctx context.Context, fn func(storage.Reader) error) error {
	s.mu.Lock()
	unlock := sync.OnceFunc(s.mu.Unlock)
	defer unlock()
	return s.Storage.View(ctx, func(r storage.Reader) error {
		r = shelved{r, s.items}
		unlock() // no Changeset came between the items and the rest
		return fn(r)
	})
}

// A shelved is a Reader with items.
type shelved struct {
	storage.Reader
	items map[storage.ItemPlace]storage.Item
}

func (r shelved) Item(ctx context.Context, kind, key string) (storage.Item, error) {
	i, found := r.items[storage.ItemPlace{Kind: kind, Key: key}]
	if !found {
		return storage.Item{}, cmp.Or(ctx.Err(), storage.ErrNotFound)
	}
	return i.Clone(), ctx.Err()
}

func (r shelved) Items(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
	return func(yield func(storage.Item, error) bool) {
		if err := q.Validate(); err != nil {
			yield(storage.Item{}, err)
			return
		}
		sent := 0
		for _, at := range slices.SortedFunc(maps.Keys(r.items), storage.ItemPlace.Compare) {
			if err := ctx.Err(); err != nil {
				yield(storage.Item{}, err)
				return
			}
			behind := q.After == (storage.ItemPlace{}) || at.Compare(q.After) > 0
			if !behind || !q.Match(r.items[at]) {
				continue
			}
			if sent++; !yield(r.items[at].Clone(), nil) || sent == q.Limit {
				return
			}
		}
	}
}

func (r shelved) Seq(ctx context.Context) (int64, error) {
	for e, err := range r.Activity(ctx, activity.Query{Newest: true, Limit: 1}) {
		return e.Seq, err
	}
	return 0, ctx.Err()
}

// What is shown passes the suite.
func TestShelfKeepsTheContract(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storage.Storage { return newShelf(memory.New()) }, storagetest.Again())
}

// Two programs look for a user before they store an alert. The second one learns that its answer is out of date, and
// looks again.
func Example_guard() {
	ctx, s := context.Background(), newShelf(memory.New())
	ingest := func(n int, seq int64) error {
		a := alert.Alert{ID: alert.ID(fmt.Sprint("a", n)), Evidence: []alert.Evidence{{Entity: alert.User{UPN: "kai"}}}}
		_, err := s.Apply(ctx, storage.Changeset{
			Alerts:   []alert.Alert{a},
			Activity: []activity.Entry{{ID: activity.ID(fmt.Sprint("e", n))}},
			Guard:    storage.Guard{Seq: seq, Keys: a.Keys()},
		})
		return err
	}
	fmt.Println(ingest(1, 0))
	fmt.Println(ingest(2, 0))
	fmt.Println(ingest(2, 1))
	// Output:
	// <nil>
	// storage: conflict: key upn:kai was looked up at entry 0, and added to an alert at entry 1
	// <nil>
}
