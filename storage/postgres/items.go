package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// An item is an item that is to be written. Its texts are escaped.
type item struct {
	place   storage.ItemPlace
	version int64 // that it must have where it is stored, or has where it is restored
	itemFate
	data []byte
}

// An itemFate is what a purge or an Expiry takes an item away by.
type itemFate struct {
	incident string
	at       int64
}

// A storedItem is what a transaction knows of an item that is stored.
type storedItem struct {
	version int64
	itemFate
}

// An expiry takes away items of a kind, escaped, that stand before a time.
type expiry struct {
	kind   string
	before int64
}

func itemRecord(i *storage.Item) (item, error) {
	at := micros(i.Time)
	if at == math.MinInt64 || at == math.MaxInt64 {
		return item{}, fmt.Errorf("storage/postgres: item %s/%s: the year %d is out of range",
			i.Kind, i.Key, i.Time.Year())
	}
	place := storage.ItemPlace{Kind: escape(i.Kind), Key: escape(i.Key)}
	data := append([]byte{}, i.Data...) // may be written when the caller has given up
	return item{place, i.Version, itemFate{escape(i.Incident), at}, data}, nil
}

// id names the item as people call it, escaped.
func (i *item) id() string { return i.place.Kind + "/" + i.place.Key }

// takes reports whether w takes away an item of that kind before it stores its own.
func (w *write) takes(kind string, f itemFate) bool {
	return f.incident != "" && slices.Contains(w.purge, f.incident) ||
		slices.ContainsFunc(w.expire, func(x expiry) bool { return x.kind == kind && f.at < x.before })
}

const (
	lockItems = `select kind, key, version, incident, time from incidentkit.items
		where tenant = $1 and (kind, key) in (select * from unnest($2::text[], $3::text[]))
		order by kind, key for update`
	// lockGone locks what goes with the incidents and kinds, and the other items that are wanted, in one order. More
	// may come until the tenant's row is locked.
	lockGone = `select count(*) from (
			select * from unnest($2::text[], $3::text[]) w (kind, key)
			union select kind, key from incidentkit.items
				where tenant = $1 and incident = any($4::text[]) and incident <> ''
			union select i.kind, i.key from unnest($5::text[], $6::bigint[]) x (kind, before) cross join lateral (
				select kind, key from incidentkit.items
				where tenant = $1 and kind = x.kind and time < x.before offset 0) i
			order by kind, key) g
		cross join lateral (
			select from incidentkit.items where tenant = $1 and kind = g.kind and key = g.key for update) a`
	purgeItems  = `delete from incidentkit.items where tenant = $1 and incident = any($2::text[]) and incident <> ''`
	expireItems = `delete from incidentkit.items where tenant = $1 and kind = $2 and time < $3`
	deleteItem  = `delete from incidentkit.items where tenant = $1 and kind = $2 and key = $3`
	insertItem  = `insert into incidentkit.items (tenant, kind, key, version, incident, time, data)
		values ($1, $2, $3, $4, $5, $6, $7)`
	overItem = ` on conflict (tenant, kind, key) do update set version = excluded.version, incident = excluded.incident,
		time = excluded.time, data = excluded.data`
	updateItem = `update incidentkit.items set version = $4, incident = $5, time = $6, data = $7
		where tenant = $1 and kind = $2 and key = $3`
)

// lockItems queues what locks the items that should be there and those that go. New ones are left to the key of the
// table, unless all are looked for.
func (t *transaction) lockItems() {
	t.items = make(map[storage.ItemPlace]storedItem)
	var kinds, keys, purged, expired []string
	var before []int64
	for _, w := range t.writes {
		for n := range w.items {
			if i := &w.items[n]; i.version != 0 || t.thorough {
				kinds, keys = append(kinds, i.place.Kind), append(keys, i.place.Key)
			}
		}
		purged = append(purged, w.purge...)
		for _, x := range w.expire {
			expired, before = append(expired, x.kind), append(before, x.before)
		}
	}
	if len(purged)+len(expired) > 0 {
		t.queue(subject{}, lockGone, t.tenant, kinds, keys, purged, expired, before)
	}
	if len(kinds) == 0 {
		return
	}
	t.queue(subject{}, lockItems, t.tenant, kinds, keys).Query(func(rows pgx.Rows) error {
		var at storage.ItemPlace
		var s storedItem
		_, err := pgx.ForEachRow(rows, []any{&at.Kind, &at.Key, &s.version, &s.incident, &s.at}, func() error {
			t.items[at] = s
			return nil
		})
		return err
	})
}

// checkItems reports what keeps the items of w from being stored, as far as it is known.
func (t *transaction) checkItems(w *write) error {
	for n := range w.items {
		i := &w.items[n]
		s := t.items[i.place]
		if w.takes(i.place.Kind, s.itemFate) {
			s.version = 0
		}
		if err := driver.CheckVersion("item", unescape(i.id()), i.version, s.version); err != nil {
			return err
		}
	}
	return nil
}

// acceptItems notes what there is after w.
func (t *transaction) acceptItems(w *write) {
	if len(w.purge)+len(w.expire) > 0 {
		maps.DeleteFunc(t.items, func(at storage.ItemPlace, s storedItem) bool { return w.takes(at.Kind, s.itemFate) })
	}
	for n := range w.items {
		i := &w.items[n]
		t.items[i.place] = storedItem{i.version + 1, i.itemFate}
	}
}

// writeItems queues what takes away items that expire, and then what stores those of w.
func (t *transaction) writeItems(w *write) {
	for _, x := range w.expire {
		t.queue(subject{"kind of items", x.kind, w}, expireItems, t.tenant, x.kind, x.before)
	}
	for n := range w.items {
		i := &w.items[n]
		about := subject{"item", i.id(), w}
		put := func(sql string, version int64) {
			t.queue(about, sql, t.tenant, i.place.Kind, i.place.Key, version, i.incident, i.at, i.data)
		}
		switch {
		case w.restored && i.version == 0:
			t.queue(about, deleteItem, t.tenant, i.place.Kind, i.place.Key)
		case w.restored:
			put(insertItem+overItem, i.version)
		case i.version == 0:
			put(insertItem, 1)
		default:
			put(updateItem, i.version+1)
		}
	}
}

const selectItems = `select i.kind, i.key, i.version, i.incident, i.time, i.data from incidentkit.items i
	where i.tenant = $1 and `

// itemPage returns the statement for up to n items behind a place.
func (w *where) itemPage(q *storage.ItemQuery, after storage.ItemPlace, started bool, n int) string {
	var c conditions
	w.texts(&c, "i.kind", escapeAll(q.Kinds))
	w.texts(&c, "i.incident", escapeAll(q.Incidents))
	if len(q.Incidents) > 0 && !slices.Contains(q.Incidents, "") {
		c.add("i.incident <> ''") // so that the index of incidents serves
	}
	w.within(&c, "i.time", time.Time{}, q.Before)
	if started {
		c.add("(i.kind, i.key) > (", w.arg(escape(after.Kind)), "::text, ", w.arg(escape(after.Key)), "::text)")
	}
	return selectItems + c.String() + ordered([]string{"i.kind", "i.key"}, true) + " limit " + w.arg(n) + "::bigint"
}

func readItem(row pgx.CollectableRow) (i storage.Item, err error) {
	var kind, key, in string
	var at int64
	if err := row.Scan(&kind, &key, &i.Version, &in, &at, &i.Data); err != nil {
		return storage.Item{}, err
	}
	i.Kind = unescape(kind)
	i.Key = unescape(key)
	i.Incident = incident.ID(unescape(in))
	i.Time = time.UnixMicro(at).UTC()
	if len(i.Data) == 0 {
		i.Data = nil
	}
	return i, nil
}

func (r *reader) Item(ctx context.Context, kind, key string) (storage.Item, error) {
	if err := r.ready(ctx); err != nil {
		return storage.Item{}, err
	}
	if !utf8.ValidString(kind) || !utf8.ValidString(key) {
		return storage.Item{}, &notFound{"item", kind + "/" + key}
	}
	found, err := r.conn.Query(ctx, selectItems+"i.kind = $2 and i.key = $3", r.tenant, escape(kind), escape(key))
	if err != nil {
		return storage.Item{}, failed(ctx, r.conn, err)
	}
	i, err := pgx.CollectExactlyOneRow(found, readItem)
	if errors.Is(err, pgx.ErrNoRows) {
		return storage.Item{}, &notFound{"item", kind + "/" + key}
	}
	return i, failed(ctx, r.conn, err)
}

func (r *reader) Items(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
	if err := q.Validate(); err != nil {
		return refuse[storage.Item](ctx, r, err)
	}
	q.Kinds, q.Incidents = slices.Clone(q.Kinds), slices.Clone(q.Incidents)
	return func(yield func(storage.Item, error) bool) {
		after, started := q.After, q.After != storage.ItemPlace{}
		next := func(n int) ([]storage.Item, error) {
			w := newWhere(r.tenant)
			found, err := r.conn.Query(ctx, w.itemPage(&q, after, started, n), w.args...)
			if err != nil {
				return nil, failed(ctx, r.conn, err)
			}
			page, err := pgx.CollectRows(found, readItem)
			if len(page) > 0 {
				after, started = page[len(page)-1].Place(), true
			}
			return page, failed(ctx, r.conn, err)
		}
		send(ctx, r, q.Limit, next, yield)
	}
}

func (r *reader) Seq(ctx context.Context) (seq int64, err error) {
	if err := r.ready(ctx); err != nil {
		return 0, err
	}
	err = r.conn.QueryRow(ctx, "select seq from incidentkit.tenants where tenant = $1", r.tenant).Scan(&seq)
	return seq, failed(ctx, r.conn, err)
}
