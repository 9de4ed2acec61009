package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// newItem returns an item of no incident, and itemAt the same as it is given by one who read it at that version.
func newItem(kind, key string) storage.Item {
	return storage.Item{Kind: kind, Key: key, Time: origin, Data: []byte(kind + " " + key)}
}

func itemAt(version int64, kind, key string) storage.Item {
	i := newItem(kind, key)
	i.Version = version
	return i
}

// manyItems returns n new items.
func manyItems(n int) (all []storage.Item) {
	for k := range n {
		all = append(all, newItem("k", fmt.Sprintf("%05d", k)))
	}
	return all
}

func applyItems(ctx context.Context, s storage.Storage, items ...storage.Item) error {
	_, err := s.Apply(ctx, storage.Changeset{Items: items})
	return err
}

func oneItem(ctx context.Context, s storage.Storage, kind, key string) (i storage.Item, err error) {
	err = s.View(ctx, func(r storage.Reader) (err error) { i, err = r.Item(ctx, kind, key); return err })
	return i, err
}

// hasItems sees that the items of s are those of want, in whatever order these are.
func hasItems(ctx context.Context, s storage.Storage, want ...storage.Item) error {
	return s.View(ctx, func(r storage.Reader) error {
		return (&world{items: want}).checkItems(ctx, r, storage.ItemQuery{})
	})
}

// itemVersion stores items whose Kind and Key are alike when they are put together, each by its own version.
func itemVersion(ctx context.Context, s storage.Storage) error {
	places := []storage.ItemPlace{
		{Kind: "a", Key: "b"},
		{Kind: "b", Key: "a"},
		{Kind: "a", Key: "b/c"},
		{Kind: "a/b", Key: "c"},
		{Kind: "", Key: "ab"},
		{Kind: "ab", Key: ""},
		{Kind: "a\x00", Key: "b"},
		{Kind: "a", Key: "\x00b"},
	}
	var want []storage.Item
	for n, at := range places {
		if err := applyItems(ctx, s, newItem(at.Kind, at.Key)); err != nil {
			return fmt.Errorf("a new item %q beside others: %w", at, err)
		}
		want = append(want, itemAt(1, at.Kind, at.Key))
		for v := range int64(n) {
			changed := itemAt(1+v, at.Kind, at.Key)
			if changed.Data = fmt.Append(nil, "of version ", v); v%2 == 0 {
				changed.Incident, changed.Time = "i00000", origin.Add(time.Duration(v)*time.Hour)
			}
			if err := applyItems(ctx, s, changed); err != nil {
				return fmt.Errorf("item %q over its version %d: %w", at, 1+v, err)
			}
			want[n] = changed
			want[n].Version = 2 + v
		}
		if got, err := oneItem(ctx, s, at.Kind, at.Key); err != nil || !reflect.DeepEqual(got, want[n]) {
			return fmt.Errorf("item %q, stored %d times, is %+v, with %w, want %+v", at, n+1, got, said(err), want[n])
		}
	}
	if err := hasItems(ctx, s, want...); err != nil {
		return err
	}
	for n, at := range places {
		stored := int64(n) + 1
		for given, refusal := range map[int64]error{
			0:          storage.ErrExists,
			stored + 1: storage.ErrConflict,
			stored - 1: storage.ErrConflict,
			-1:         storage.ErrConflict,
		} {
			if given == 0 {
				refusal = storage.ErrExists
			}
			cs := storage.Changeset{Items: []storage.Item{itemAt(given, at.Kind, at.Key)}}
			if err := unchanged(ctx, s, cs, refusal); err != nil {
				return fmt.Errorf("item %q of version %d, given with version %d: %w", at, stored, given, err)
			}
		}
	}
	return unchanged(ctx, s, storage.Changeset{Items: []storage.Item{itemAt(1, "b", "b")}}, storage.ErrConflict)
}

// sameItem has many callers remember the same thing: one of them is the first.
func sameItem(ctx context.Context, s storage.Storage) error {
	const writers, rounds = 8, 6
	for round := range rounds {
		for version := range int64(2) {
			var kept atomic.Int64
			if err := together(writers, func(k int) error {
				i := itemAt(version, "command", fmt.Sprint(round))
				i.Data = fmt.Append(nil, "by ", k)
				_, err := s.Apply(ctx, storage.Changeset{
					Items:    []storage.Item{i},
					Activity: []activity.Entry{newEntry(fmt.Sprint(round, "/", version, "/", k), "i00000")},
				})
				switch {
				case err == nil:
					kept.Add(1)
				case version == 0 && !errors.Is(err, storage.ErrExists),
					version > 0 && !errors.Is(err, storage.ErrConflict):
					return err
				}
				return nil
			}); err != nil {
				return err
			}
			if kept.Load() != 1 {
				return fmt.Errorf(
					"of %d Changesets with the same item of version %d at the same time %d were kept, want 1",
					writers, version, kept.Load(),
				)
			}
		}
	}
	return nil
}

// itemConflictNames stores items at wrong versions.
func itemConflictNames(ctx context.Context, s storage.Storage) error {
	if err := applyItems(ctx, s, newItem("kind", "a/b")); err != nil {
		return err
	}
	if err := applyItems(ctx, s, itemAt(1, "kind", "a/b")); err != nil {
		return err
	}
	for _, want := range []storage.ConflictError{
		{Record: "item", ID: "kind/a/b", Given: 1, Stored: 2}, {Record: "item", ID: "kind/a/b", Given: 5, Stored: 2},
		{Record: "item", ID: "kind/a/b", Given: -1, Stored: 2}, {Record: "item", ID: "kind/none", Given: 3, Stored: 0},
	} {
		err := applyItems(ctx, s, itemAt(want.Given, "kind", want.ID[len("kind/"):]))
		switch got, ok := errors.AsType[*storage.ConflictError](err); {
		case !ok:
			return fmt.Errorf("apply returned %v, want a *ConflictError", err)
		case *got != want:
			return fmt.Errorf("apply returned %+v, want %+v", *got, want)
		case !errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrExists):
			return fmt.Errorf("the error %q matches ErrConflict: %t, ErrExists: %t",
				err, errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrExists))
		}
	}
	return nil
}

// itemTwice gives an item twice in a Changeset, new, stored, and taken away by it.
func itemTwice(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	if err := applyItems(ctx, s, newItem("k", "stored")); err != nil {
		return err
	}
	fresh, again := newItem("k", "fresh"), newItem("k", "fresh")
	again.Data, again.Time, again.Incident = nil, time.Time{}, "i00000"
	for what, cs := range map[string]storage.Changeset{
		"a new item":                       {Items: []storage.Item{fresh, again}},
		"a new item, and its next version": {Items: []storage.Item{fresh, itemAt(1, "k", "fresh")}},
		"an item":                          {Items: []storage.Item{itemAt(1, "k", "stored"), itemAt(1, "k", "stored")}},
		"an item, and its next version":    {Items: []storage.Item{itemAt(1, "k", "stored"), itemAt(2, "k", "stored")}},
		"an item that expires": {Items: []storage.Item{newItem("k", "stored"), newItem("k", "stored")},
			Expire: []storage.Expiry{{Kind: "k", Before: origin.Add(time.Hour)}}},
		"an item, beside others": {Items: []storage.Item{
			newItem("k", "1"),
			fresh,
			newItem("k", "2"),
			again,
			newItem("other", "fresh"),
		}},
	} {
		cs.Activity = []activity.Entry{newEntry("twice", "i00000")}
		if err := unchanged(ctx, s, cs, storage.ErrExists, storage.ErrConflict); err != nil {
			return fmt.Errorf("a Changeset that holds %s twice: %w", what, err)
		}
	}
	return nil
}

// itemOrder reads items in the order of their places, whole, in part and page by page.
func itemOrder(seed uint64) func(context.Context, storage.Storage) error {
	return func(ctx context.Context, s storage.Storage) error {
		w := newWorld(seed)
		w.incidents = make([]incident.Incident, 6) // whose IDs the items have
		texts := []string{
			"", " ", "A", "B", "Z", "a", "a ", "aa", "b", "\x00", "a\x00", "é", "e\u0301", "ä", "z", "\uffff",
			"\U00010000", "10", "9", "%", "_",
		}
		for n, kind := range texts {
			for k, key := range texts {
				if (n+k)%3 > 0 && kind != "a" || kind+key == "" {
					continue
				}
				i := newItem(kind, key)
				if i.Time = w.hour(); w.one(3) {
					i.Incident = w.incidentID()
				}
				if w.one(5) {
					i.Time = time.Time{}
				}
				w.items = append(w.items, i)
			}
		}
		w.lots.Shuffle(len(w.items), func(a, b int) { w.items[a], w.items[b] = w.items[b], w.items[a] })
		for batch := range slices.Chunk(w.items, 100) {
			if err := applyItems(ctx, s, batch...); err != nil {
				return err
			}
		}
		for n := range w.items {
			w.items[n].Version = 1
		}
		return s.View(ctx, func(r storage.Reader) error {
			queries := []storage.ItemQuery{
				{},
				{Limit: 1},
				{Limit: len(w.items)},
				{Limit: len(w.items) + 1},
				{Kinds: []string{"none"}},
				{Incidents: []incident.ID{""}},
				{Kinds: []string{""}},
				{Kinds: []string{"b", "a", "b"}},
				{Before: origin},
				{After: storage.ItemPlace{Kind: "a"}},
				{After: storage.ItemPlace{Key: "a"}},
				{After: storage.ItemPlace{Kind: "~"}},
				{Before: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)},
				{After: storage.ItemPlace{Kind: "\U0010ffff"}},
			}
			for range 60 {
				var q storage.ItemQuery
				draw(w, &q, itemFilters, itemOthers)
				queries = append(queries, q, storage.ItemQuery{
					Kinds: some(w, texts),
					After: storage.ItemPlace{Kind: pick(w, texts), Key: pick(w, texts)},
					Limit: w.lots.IntN(5),
				})
			}
			for _, q := range queries {
				if err := w.checkItems(ctx, r, q); err != nil {
					return fmt.Errorf("seed %d: %w", seed, err)
				}
			}
			for _, q := range []storage.ItemQuery{
				{Limit: 2},
				{Limit: 7},
				{Limit: 1, Kinds: []string{"a", "é", "Z"}},
				{Limit: 3, Incidents: []incident.ID{"i0", "i1"}},
			} {
				var walked []storage.Item
				for page := q; len(walked) <= len(w.items); page.After = walked[len(walked)-1].Place() {
					found, err := collect(r.Items(ctx, page))
					if err != nil {
						return err
					}
					if walked = append(walked, found...); len(found) < q.Limit {
						break
					}
				}
				q.Limit = 0
				all, err := collect(r.Items(ctx, q))
				if err == nil {
					err = same(q, walked, all)
				}
				if err != nil {
					return fmt.Errorf("page by page: %w", err)
				}
			}
			return nil
		})
	}
}

// itemData stores Data of every size that matters, and too much.
func itemData(ctx context.Context, s storage.Storage) error {
	all := make([]byte, storage.MaxItemData)
	for n := range all {
		all[n] = byte(n + n>>8)
	}
	var want []storage.Item
	for n, data := range [][]byte{
		nil,
		{},
		{0},
		[]byte("\xff\xfe"),
		[]byte("\x00a\x00"),
		all[:255],
		all[:256],
		all[:1<<15],
		all[:len(all)-1],
		all,
	} {
		i := newItem("data", fmt.Sprint(n))
		i.Data = data
		if err := applyItems(ctx, s, i); err != nil {
			return fmt.Errorf("an item with %d bytes: %w", len(data), err)
		}
		got, err := oneItem(ctx, s, "data", i.Key)
		switch {
		case err != nil:
			return err
		case len(data) == 0 && got.Data != nil:
			return errors.New(
				"the empty Data of an item, which is the same as nil, comes back as an empty slice, want nil",
			)
		case !bytes.Equal(got.Data, data):
			return fmt.Errorf("the Data of an item comes back as %d other bytes than the %d given",
				len(got.Data), len(data))
		}
		if i.Version = 1; len(data) == 0 {
			i.Data = nil
		}
		want = append(want, i)
	}
	if err := hasItems(ctx, s, want...); err != nil {
		return err
	}
	for _, more := range []int{1, len(all)} {
		for version, key := range []string{"new", "0"} {
			i := itemAt(int64(version), "data", key)
			i.Data = slices.Concat(all, all[:more])
			for _, items := range [][]storage.Item{{i}, {newItem("data", "other"), i}} {
				_, err := s.Apply(ctx, storage.Changeset{
					Items:     items,
					Incidents: []incident.Incident{newIncident(0)},
					Activity:  []activity.Entry{newEntry("large", "i00000")},
				})
				switch {
				case err == nil:
					return fmt.Errorf("an item with %d bytes, %d too many, was kept", len(i.Data), more)
				case errors.Is(err, storage.ErrExists) || errors.Is(err, storage.ErrConflict) ||
					errors.Is(err, storage.ErrNotFound):
					return fmt.Errorf(
						"an item with %d bytes, %d too many: %w, which says that another Changeset is in the way",
						len(i.Data), more, err,
					)
				}
			}
		}
	}
	if err := hasItems(ctx, s, want...); err != nil {
		return fmt.Errorf("after an item with too many bytes was refused: %w", err)
	}
	// Data may become empty and full again.
	last := want[len(want)-1]
	last.Data = nil
	if err := applyItems(ctx, s, last); err != nil {
		return err
	}
	want[0].Data = all
	if err := applyItems(ctx, s, want[0]); err != nil {
		return err
	}
	last.Version, want[0].Version = 2, 2
	want[len(want)-1] = last
	if err := hasItems(ctx, s, want...); err != nil {
		return err
	}
	to, ok := s.(storage.Restorer)
	if !ok {
		return nil
	}
	i := itemAt(1, "data", "restored")
	if i.Data = slices.Concat(all, all[:1]); to.Restore(ctx, storage.Changeset{Items: []storage.Item{i}}) == nil {
		return fmt.Errorf("an item with %d bytes, 1 too many, was restored", len(i.Data))
	}
	return hasItems(ctx, s, want...)
}

// itemsPurged purges incidents that items name. A purge of the incident "" takes away none, since items of no incident
// name that.
func itemsPurged(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 3); err != nil {
		return err
	}
	nameless := incident.Incident{Created: origin, Updated: origin}
	of := func(i storage.Item, id incident.ID) storage.Item { i.Incident = id; return i }
	if _, err := s.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{nameless}, Items: []storage.Item{
		of(newItem("a", "0"), "i00000"),
		of(newItem("b", "0"), "i00000"),
		of(newItem("a", "1"), "i00001"),
		of(newItem("a", "moved"), "i00000"),
		of(newItem("a", "moving"), "i00001"),
		newItem("a", "none"),
		of(newItem("a", "missing"), "i00099"),
		of(newItem("a", "again"), "i00000"),
	}}); err != nil {
		return err
	}
	if err := applyItems(
		ctx, s,
		of(itemAt(1, "a", "moved"), "i00001"),
		of(itemAt(1, "a", "moving"), "i00000"),
	); err != nil {
		return err
	}
	purge := func(version int64, n int) storage.Changeset {
		return storage.Changeset{
			Incidents: []incident.Incident{incidentAt(version, n)},
			Purge:     []incident.ID{incidentAt(0, n).ID},
		}
	}
	// What the purge takes away is new to the items of its Changeset, whatever incident they name.
	stale := purge(1, 0)
	stale.Items = []storage.Item{of(itemAt(1, "a", "again"), "i00000")}
	if err := unchanged(ctx, s, stale, storage.ErrConflict); err != nil {
		return fmt.Errorf("a purge, and the next version of an item that it takes away: %w", err)
	}
	stale.Items = []storage.Item{newItem("a", "1")}
	if err := unchanged(ctx, s, stale, storage.ErrExists); err != nil {
		return fmt.Errorf("a purge, and a new item in the place of one that it does not take away: %w", err)
	}
	first := purge(1, 0)
	first.Items = []storage.Item{
		of(newItem("a", "again"), "i00000"),
		of(itemAt(1, "a", "1"), "i00000"),
		of(newItem("a", "late"), "i00000"),
		newItem("b", "0"),
	}
	if _, err := s.Apply(ctx, first); err != nil {
		return err
	}
	want := []storage.Item{
		of(itemAt(1, "a", "again"), "i00000"),
		of(itemAt(2, "a", "1"), "i00000"),
		of(itemAt(1, "a", "late"), "i00000"),
		itemAt(1, "b", "0"),
		of(itemAt(2, "a", "moved"), "i00001"),
		itemAt(1, "a", "none"),
		of(itemAt(1, "a", "missing"), "i00099"),
	}
	if err := hasItems(ctx, s, want...); err != nil {
		return fmt.Errorf("after a purge: %w", err)
	}
	second := purge(2, 0)
	nameless.Version = 1
	purgeNameless := storage.Changeset{Incidents: []incident.Incident{nameless}, Purge: []incident.ID{""}}
	second = join(second, join(purge(1, 1), purgeNameless))
	if _, err := s.Apply(ctx, second); err != nil {
		return err
	}
	if err := hasItems(ctx, s, want[3], want[5], want[6]); err != nil {
		return fmt.Errorf("after a purge of three incidents, one of them with an empty ID: %w", err)
	}
	return nil
}

// itemsExpired takes items away by their Kind and Time, also in the Changesets that store others in their places.
func itemsExpired(ctx context.Context, s storage.Storage) error {
	at := func(i storage.Item, microseconds int) storage.Item {
		i.Time = origin.Add(time.Duration(microseconds) * time.Microsecond)
		return i
	}
	timeless := newItem("k", "timeless")
	timeless.Time = time.Time{}
	early := newItem("k", "early")
	early.Time = time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)
	late := newItem("k", "late")
	late.Time = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	ofIncident := at(newItem("k", "incident"), -5)
	ofIncident.Incident = "i00000"
	all := []storage.Item{
		timeless,
		early,
		at(newItem("k", "-1"), -1),
		at(newItem("k", "0"), 0),
		at(newItem("k", "1"), 1),
		at(newItem("K", "-1"), -1),
		at(newItem("", "-1"), -1),
		at(newItem("k ", "-1"), -1),
		ofIncident,
		late,
	}
	expire := func(kind string, before time.Time) storage.Changeset {
		return storage.Changeset{Expire: []storage.Expiry{{Kind: kind, Before: before}}}
	}
	left := func(gone ...string) (want []storage.Item) {
		for _, i := range all {
			if i.Version = 1; i.Kind != "k" || !slices.Contains(gone, i.Key) {
				want = append(want, i)
			}
		}
		return want
	}
	if err := applyItems(ctx, s, all...); err != nil {
		return err
	}
	for _, step := range []struct {
		how  string
		cs   storage.Changeset
		want []storage.Item
	}{
		{"of a kind that no item has", expire("none", late.Time), left()},
		{"of the zero Expiry", storage.Changeset{Expire: []storage.Expiry{{}}}, left()},
		{"of the zero Time", expire("k", time.Time{}), left()},
		{"a nanosecond after the zero Time", expire("k", time.Time{}.Add(1)), left("timeless")},
		{"at the time of an item", expire("k", early.Time), left("timeless")},
		{"before its incident's", expire("k", ofIncident.Time.Add(-time.Microsecond)), left("timeless", "early")},
		{"in another zone", expire("k", origin.In(time.FixedZone("", 7*60*60))),
			left("timeless", "early", "incident", "-1")},
		{"within a microsecond", expire("k", origin.Add(1)), left("timeless", "early", "incident", "-1", "0")},
	} {
		if _, err := s.Apply(ctx, step.cs); err != nil {
			return fmt.Errorf("an Expiry %s: %w", step.how, err)
		}
		if err := hasItems(ctx, s, step.want...); err != nil {
			return fmt.Errorf("after an Expiry %s: %w", step.how, err)
		}
	}

	// An item that a Changeset stores is not taken away by it. One that it takes away is new to it.
	cs := expire("k", origin.Add(time.Hour))
	cs.Items = []storage.Item{itemAt(1, "k", "1")}
	if err := unchanged(ctx, s, cs, storage.ErrConflict); err != nil {
		return fmt.Errorf("an Expiry, and the next version of an item that it takes away: %w", err)
	}
	cs.Items = []storage.Item{newItem("k", "late")}
	if err := unchanged(ctx, s, cs, storage.ErrExists); err != nil {
		return fmt.Errorf("an Expiry, and a new item in the place of one that it does not take away: %w", err)
	}
	cs.Items = []storage.Item{at(newItem("k", "1"), -9), at(newItem("k", "fresh"), -9)}
	cs.Expire = append(cs.Expire, storage.Expiry{Kind: "K", Before: late.Time}, cs.Expire[0])
	if _, err := s.Apply(ctx, cs); err != nil {
		return fmt.Errorf("an Expiry, and a new item in the place of one that it takes away: %w", err)
	}
	late.Version = 1
	want := []storage.Item{
		at(itemAt(1, "", "-1"), -1),
		at(itemAt(1, "k ", "-1"), -1),
		at(itemAt(1, "k", "1"), -9),
		at(itemAt(1, "k", "fresh"), -9),
		late,
	}
	if err := hasItems(ctx, s, want...); err != nil {
		return fmt.Errorf("after an Expiry with items in its Changeset: %w", err)
	}

	// The time that counts is the one that is stored.
	moved := at(itemAt(1, "k", "fresh"), 9)
	if err := applyItems(ctx, s, moved); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, expire("k", origin)); err != nil {
		return err
	}
	moved.Version = 2
	if err := hasItems(ctx, s, want[0], want[1], moved, late); err != nil {
		return fmt.Errorf("after an Expiry of an item whose time has changed: %w", err)
	}
	return nil
}

// itemsOfOneMoment changes and expires items and adds entries while Views are open, one of which is being read.
func itemsOfOneMoment(ctx context.Context, s storage.Storage) error {
	const n = 150
	if _, err := s.Apply(ctx, storage.Changeset{
		Items:    manyItems(n),
		Activity: []activity.Entry{newEntry("e", "i")},
	}); err != nil {
		return err
	}
	was := world{items: manyItems(n)}
	for k := range was.items {
		was.items[k].Version = 1
	}
	change := func(k int) error {
		changed := was.items[k]
		changed.Data, changed.Time, changed.Incident = []byte("changed"), origin.Add(-time.Hour), "i00000"
		_, err := s.Apply(ctx, storage.Changeset{
			Items:    []storage.Item{changed, newItem("k", fmt.Sprint("fresh", k))},
			Activity: []activity.Entry{newEntry(fmt.Sprint("e", k), "i")},
		})
		return err
	}
	return s.View(ctx, func(r storage.Reader) error {
		if err := was.checkItems(ctx, r, storage.ItemQuery{}); err != nil {
			return err
		}
		k := 0
		for got, err := range r.Items(ctx, storage.ItemQuery{}) {
			if err != nil {
				return err
			}
			if k == n || !reflect.DeepEqual(got, was.items[k]) {
				return fmt.Errorf("the %d. item, read while others are written, is %+v", k, got)
			}
			if k%10 == 9 {
				if err := change((k + 20) % n); err != nil {
					return err
				}
			}
			k++
		}
		if k != n {
			return fmt.Errorf("a sequence of %d items, read while others are written, ended after %d", n, k)
		}
		if _, err := s.Apply(ctx, storage.Changeset{
			Expire: []storage.Expiry{{Kind: "k", Before: origin.Add(time.Microsecond)}},
		}); err != nil {
			return err
		}
		for _, q := range []storage.ItemQuery{
			{},
			{Kinds: []string{"k"}},
			{Before: origin},
			{Incidents: []incident.ID{"i00000"}},
			{After: was.items[99].Place(), Limit: 20},
		} {
			if err := was.checkItems(ctx, r, q); err != nil {
				return fmt.Errorf("a View, after all its items have changed or expired: %w", err)
			}
		}
		for _, want := range was.items {
			got, err := r.Item(ctx, want.Kind, want.Key)
			if err := oneByID(want.Place(), got, err, want, true); err != nil {
				return fmt.Errorf("a View, after all its items have changed or expired: %w", err)
			}
		}
		if i, err := r.Item(ctx, "k", "fresh29"); !errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("a View has %+v, with %w, an item that came after it began", i, said(err))
		}
		return hasItems(ctx, s)
	})
}

// itemsAtomic has Changesets with items and expiries refused for other records, and others for their items.
func itemsAtomic(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 2); err != nil {
		return err
	}
	if err := applyItems(ctx, s, newItem("k", "stored"), newItem("k", "there"), newItem("old", "1")); err != nil {
		return err
	}
	good := storage.Changeset{
		Incidents: []incident.Incident{newIncident(5), incidentAt(1, 0)},
		Alerts:    []alert.Alert{newAlert(5, "i00005")},
		Activity:  []activity.Entry{newEntry("new", "i00005")},
		Items:     []storage.Item{newItem("k", "fresh"), itemAt(1, "k", "stored")},
		Expire:    []storage.Expiry{{Kind: "old", Before: origin.Add(time.Hour)}},
	}
	for what, bad := range map[string]storage.Changeset{
		"an incident that another has changed": {Incidents: []incident.Incident{incidentAt(9, 1)}},
		"an alert that another has changed":    {Alerts: []alert.Alert{alertAt(9, 1, "i00001")}},
		"an entry that is there":               {Activity: []activity.Entry{newEntry("first0", "i00000")}},
		"a redaction of nothing":               {Redact: []activity.ID{"none"}},
		"a purge of nothing":                   {Purge: []incident.ID{"i00001"}},
		"an item that another has changed":     {Items: []storage.Item{itemAt(9, "old", "2")}},
		"an item that is there":                {Items: []storage.Item{newItem("k", "there")}},
		"an item that is gone":                 {Items: []storage.Item{itemAt(1, "old", "1")}},
	} {
		for _, cs := range []storage.Changeset{join(good, bad), join(bad, good)} {
			if err := unchanged(ctx, s, cs, storage.ErrConflict, storage.ErrExists, storage.ErrNotFound); err != nil {
				return fmt.Errorf("items together with %s: %w", what, err)
			}
		}
	}
	if _, err := s.Apply(ctx, good); err != nil {
		return fmt.Errorf("what failed in bad company must be accepted alone: %w", err)
	}
	return hasItems(ctx, s, itemAt(1, "k", "fresh"), itemAt(2, "k", "stored"), itemAt(1, "k", "there"))
}

// itemAliases overwrites the Data that was given and the Data that was returned.
func itemAliases(ctx context.Context, s storage.Storage) error {
	to, restores := s.(storage.Restorer)
	for version := range int64(3) {
		i := itemAt(version, "k", "a")
		i.Data = append(make([]byte, 0, 64), fmt.Sprint("data of version ", version)...)
		want := i.Clone()
		items := []storage.Item{i}
		switch {
		case version < 2:
			if err := applyItems(ctx, s, items...); err != nil {
				return err
			}
			want.Version++
		case restores:
			if err := to.Restore(ctx, storage.Changeset{Items: items}); err != nil {
				return err
			}
		default:
			return nil
		}
		if items[0].Version != version {
			return fmt.Errorf("apply changed the Version of the item that it was given to %d", items[0].Version)
		}
		scribble(reflect.ValueOf(&items).Elem())
		scribble(reflect.ValueOf(&i).Elem())
		if err := s.View(ctx, func(r storage.Reader) error {
			for _, way := range []struct {
				name string
				read func() (storage.Item, error)
			}{
				{"Item", func() (storage.Item, error) { return r.Item(ctx, "k", "a") }},
				{"Items", func() (storage.Item, error) { return firstItem(ctx, r, storage.ItemQuery{}) }},
				{"Items of a kind", func() (storage.Item, error) {
					return firstItem(ctx, r, storage.ItemQuery{Kinds: []string{"k"}})
				}},
			} {
				for round := range 2 {
					got, err := way.read()
					if err != nil {
						return err
					}
					if !reflect.DeepEqual(got, want) {
						return fmt.Errorf(
							"%s returns %+v, want %+v, "+
								"after what was given, and what was returned %d times, was changed",
							way.name, got, want, round,
						)
					}
					scribble(reflect.ValueOf(&got).Elem())
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func firstItem(ctx context.Context, r storage.Reader, q storage.ItemQuery) (storage.Item, error) {
	for i, err := range r.Items(ctx, q) {
		return i, err
	}
	return storage.Item{}, storage.ErrNotFound
}

// itemsRestored restores items with versions of their own over others, takes some away, and goes on with Apply.
func itemsRestored(ctx context.Context, s storage.Storage) error {
	to, ok := s.(storage.Restorer)
	if !ok {
		return nil
	}
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	restore := func(how string, cs storage.Changeset, want ...storage.Item) error {
		if err := to.Restore(ctx, cs); err != nil {
			return fmt.Errorf("a Restore of items, %s: %w", how, err)
		}
		if err := hasItems(ctx, s, want...); err != nil {
			return fmt.Errorf("after a Restore of items, %s: %w", how, err)
		}
		return nil
	}
	owned := itemAt(3, "k", "owned")
	owned.Incident = "i00000"
	other := itemAt(2, "k", "a")
	other.Data, other.Time = nil, origin.Add(time.Hour)
	purged := incidentAt(1, 0)
	purged.Number = 1
	purge := storage.Changeset{
		Incidents: []incident.Incident{purged},
		Purge:     []incident.ID{"i00000"},
		Items:     []storage.Item{itemAt(5, "k", "late")},
	}
	expire := storage.Changeset{
		Expire: []storage.Expiry{{Kind: "k", Before: origin.Add(time.Minute)}},
		Items:  []storage.Item{itemAt(9, "k", "c")},
	}
	if err := errors.Join(
		restore("new ones",
			storage.Changeset{Items: []storage.Item{itemAt(7, "k", "a"), itemAt(1, "k", "b"), owned}},
			itemAt(7, "k", "a"), itemAt(1, "k", "b"), owned,
		),
		restore("over a higher version",
			storage.Changeset{Items: []storage.Item{other}},
			other, itemAt(1, "k", "b"), owned,
		),
		restore("of Version 0",
			storage.Changeset{Items: []storage.Item{newItem("k", "b"), {Kind: "k", Key: "none"}}},
			other, owned,
		),
		restore("with a purge", purge, other, itemAt(5, "k", "late")),
		restore("with an Expiry", expire, other, itemAt(9, "k", "c")),
	); err != nil {
		return err
	}
	for what, cs := range map[string]storage.Changeset{
		"an item twice":        {Items: []storage.Item{itemAt(1, "k", "d"), itemAt(2, "k", "d")}},
		"an item twice, to go": {Items: []storage.Item{newItem("k", "c"), newItem("k", "c")}},
	} {
		if err := to.Restore(ctx, cs); !errors.Is(err, storage.ErrExists) && !errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf("restoring %s: %v, want an error matching ErrExists or ErrConflict", what, err)
		}
	}
	// Apply goes on from the versions that were restored.
	late := storage.Changeset{Items: []storage.Item{itemAt(10, "k", "c")}}
	if err := unchanged(ctx, s, late, storage.ErrConflict); err != nil {
		return err
	}
	if err := applyItems(ctx, s, itemAt(9, "k", "c"), newItem("k", "b")); err != nil {
		return fmt.Errorf("apply after restore: %w", err)
	}
	return hasItems(ctx, s, other, itemAt(10, "k", "c"), itemAt(1, "k", "b"))
}
