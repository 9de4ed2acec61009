package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// items are the items with indexes of those that a purge or an Expiry takes away. Moments have copies of all, which
// share what has not changed since.
type items struct {
	all     *btree.BTreeG[storage.Item]
	byTime  *btree.BTreeG[storage.Item] // by Kind, Time and Key
	ofOwner *btree.BTreeG[storage.Item] // by Incident, Kind and Key; only those with one
	changed bool                        // since the last copy
}

func newItems() items {
	return items{
		all: newTree(func(a, b storage.Item) bool { return a.Place().Compare(b.Place()) < 0 }),
		byTime: newTree(func(a, b storage.Item) bool {
			return cmp.Or(strings.Compare(a.Kind, b.Kind), a.Time.Compare(b.Time), strings.Compare(a.Key, b.Key)) < 0
		}),
		ofOwner: newTree(func(a, b storage.Item) bool {
			return cmp.Or(cmp.Compare(a.Incident, b.Incident), a.Place().Compare(b.Place())) < 0
		}),
	}
}

func itemAt(kind, key string) storage.Item { return storage.Item{Kind: kind, Key: key} }

// put stores i in the place of what is there.
func (s *items) put(i storage.Item) {
	s.remove(i.Place())
	s.all.Set(i)
	s.byTime.Set(i)
	if i.Incident != "" {
		s.ofOwner.Set(i)
	}
	s.changed = true
}

func (s *items) remove(at storage.ItemPlace) {
	old, found := s.all.Delete(itemAt(at.Kind, at.Key))
	if !found {
		return
	}
	s.byTime.Delete(old)
	s.ofOwner.Delete(old)
	s.changed = true
}

// of returns the items that the purge of an incident takes away.
func (s *items) of(id incident.ID) (found []storage.Item) {
	if id == "" {
		return nil
	}
	s.ofOwner.Ascend(storage.Item{Incident: id}, func(i storage.Item) bool {
		if i.Incident != id {
			return false
		}
		found = append(found, i)
		return true
	})
	return found
}

// expired returns the items that x takes away.
func (s *items) expired(x storage.Expiry) (found []storage.Item) {
	s.byTime.Ascend(storage.Item{Kind: x.Kind}, func(i storage.Item) bool {
		if i.Kind != x.Kind || !i.Time.Before(x.Before) {
			return false
		}
		found = append(found, i)
		return true
	})
	return found
}

// version returns the Version of the item of i's Kind and Key once those that cs takes away are gone, 0 when there is
// none.
func (s *items) version(cs *storage.Changeset, i *storage.Item) int64 {
	old, found := s.all.Get(*i)
	if !found || old.Incident != "" && slices.Contains(cs.Purge, old.Incident) ||
		slices.ContainsFunc(cs.Expire, func(x storage.Expiry) bool {
			return x.Kind == old.Kind && old.Time.Before(x.Before)
		}) {
		return 0
	}
	return old.Version
}

// published returns all items for a moment, before being the same as for the one before.
func (s *items) published(before *btree.BTreeG[storage.Item]) *btree.BTreeG[storage.Item] {
	if !s.changed {
		return before
	}
	s.changed = false
	return s.all.Copy()
}

func (r *reader) Item(ctx context.Context, kind, key string) (storage.Item, error) {
	if err := r.ready(ctx); err != nil {
		return storage.Item{}, err
	}
	if i, found := r.items.Get(itemAt(kind, key)); found {
		return i.Clone(), nil
	}
	return storage.Item{}, &notFound{"item", kind + "/" + key}
}

func (r *reader) Items(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
	if err := q.Validate(); err != nil {
		return refuse[storage.Item](ctx, r, err)
	}
	q.Kinds, q.Incidents = slices.Clone(q.Kinds), slices.Clone(q.Incidents)
	return func(yield func(storage.Item, error) bool) {
		if err := r.ready(ctx); err != nil {
			yield(storage.Item{}, err)
			return
		}
		first, sent, seen := itemAt(q.After.Kind, q.After.Key), 0, 0
		r.items.Ascend(first, func(i storage.Item) bool {
			if seen++; seen%firstBatch == 0 {
				if err := r.ready(ctx); err != nil {
					yield(storage.Item{}, err)
					return false
				}
			}
			if q.After != (storage.ItemPlace{}) && i.Place() == q.After || !q.Match(i) {
				return true
			}
			sent++
			return yield(i.Clone(), nil) && sent != q.Limit
		})
	}
}

func (r *reader) Seq(ctx context.Context) (int64, error) { return r.log.length, r.ready(ctx) }
