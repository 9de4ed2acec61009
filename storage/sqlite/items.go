package sqlite

import (
	"context"
	"database/sql"
	"iter"
	"slices"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

const (
	itemColumns = `kind, key, version, incident, time, data`

	insertItem = `INSERT INTO items (` + itemColumns + `) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, key) DO NOTHING`
	updateItem = `UPDATE items SET (version, incident, time, data) = (?, ?, ?, ?)
		WHERE kind = ? AND key = ? AND version = ?`
	expireItems = `DELETE FROM items WHERE kind = ? AND time < ?`
	purgeItems  = `DELETE FROM items WHERE incident = ? AND incident <> ''` // an item of "" is of no incident
	replaceItem = `INSERT INTO items (` + itemColumns + `) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE
		SET (version, incident, time, data) = (excluded.version, excluded.incident, excluded.time, excluded.data)`
)

// itemPlaces returns what stands in itemColumns, in the same order.
func itemPlaces(i *storage.Item) []any {
	return []any{&i.Kind, &i.Key, &i.Version, &i.Incident, micros{&i.Time}, &i.Data}
}

func itemID(kind, key string) string { return kind + "/" + key }

// putItem stores i under the rule Version. Most items take one statement.
func (t tx) putItem(i storage.Item) error {
	given := i.Version
	i.Version++
	places := itemPlaces(withoutEmpty(&i))
	var result sql.Result
	var err error
	if given == 0 {
		result, err = t.execute(t.ctx, insertItem, places...)
	} else {
		result, err = t.execute(t.ctx, updateItem, append(places[2:], i.Kind, i.Key, given)...)
	}
	if err != nil {
		return err
	}
	if stored, err := result.RowsAffected(); err != nil || stored > 0 {
		return err
	}
	var version int64
	if _, err := t.find(`SELECT version FROM items WHERE kind = ? AND key = ?`,
		[]any{i.Kind, i.Key}, []any{&version}); err != nil {
		return err
	}
	return driver.CheckVersion("item", itemID(i.Kind, i.Key), given, version)
}

// restoreItem stores i with its Version in the place of what is there, or takes that away.
func (t tx) restoreItem(i storage.Item) error {
	if i.Version == 0 {
		return t.exec(`DELETE FROM items WHERE kind = ? AND key = ?`, i.Kind, i.Key)
	}
	return t.exec(replaceItem, itemPlaces(withoutEmpty(&i))...)
}

// withoutEmpty makes Data nil when it is empty, so that it is NULL in the table and nil when it is read.
func withoutEmpty(i *storage.Item) *storage.Item {
	if len(i.Data) == 0 {
		i.Data = nil
	}
	return i
}

// guard reports whether one of g's Keys was added to an alert after g's Seq. last is the highest Seq in the log, which
// no stamp is above.
func (t tx) guard(g storage.Guard, last int64) error {
	if g.Seq >= last {
		return nil
	}
	conflict := storage.ConflictError{Record: "key", Given: g.Seq}
	found, err := t.find(selectAdded, []any{texts(g.Keys), g.Seq}, []any{&conflict.ID, &conflict.Stored})
	if found {
		return &conflict
	}
	return err
}

// selectAdded reads the alerts to which keys were added since, which are few, and not all that have one of the keys.
const selectAdded = `SELECT k.key, k.added FROM alerts AS a INDEXED BY alerts_added
	CROSS JOIN alert_keys AS k ON k.key` + inTexts + ` AND k.first_activity = a.first_activity AND k.alert = a.id
	WHERE a.added <> 0 AND a.added > ?2 AND k.added > ?2 LIMIT 1`

func (r *reader) Item(ctx context.Context, kind, key string) (storage.Item, error) {
	var i storage.Item
	if err := r.get(ctx, "item", itemID(kind, key), `SELECT `+itemColumns+` FROM items WHERE kind = ? AND key = ?`,
		[]any{kind, key}, itemPlaces(&i)); err != nil {
		return storage.Item{}, err
	}
	return i, nil
}

func (r *reader) Items(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
	if err := q.Validate(); err != nil {
		return refuse[storage.Item](ctx, r, err)
	}
	return scan(ctx, r, selectItems(q), itemPlaces, nil, 0)
}

// Seq returns what begin has read.
func (r *reader) Seq(ctx context.Context) (int64, error) { return r.seq, r.ready(ctx) }

// selectItems returns what reads the items that q selects. Those of incidents are few, and put in order.
func selectItems(q storage.ItemQuery) (s selection) {
	switch {
	case len(q.Incidents) == 0:
		s.add(`SELECT ` + itemColumns + ` FROM items WHERE true`)
	case slices.Contains(q.Incidents, ""): // which the index does not have
		s.add(`SELECT `+itemColumns+` FROM items WHERE incident`+inTexts, texts(q.Incidents))
	default:
		s.add(`SELECT `+itemColumns+` FROM items INDEXED BY items_incident
			WHERE incident <> '' AND incident`+inTexts, texts(q.Incidents))
	}
	switch len(q.Kinds) {
	case 0:
	case 1:
		s.add(` AND kind = ?`, q.Kinds[0])
	default:
		s.add(` AND kind`+inTexts, texts(q.Kinds))
	}
	if !q.Before.IsZero() {
		s.add(` AND time < ?`, ceiling(q.Before))
	}
	switch {
	case q.After == storage.ItemPlace{}:
	case len(q.Kinds) == 1 && q.Kinds[0] == q.After.Kind:
		s.add(` AND key > ?`, q.After.Key)
	default:
		s.add(` AND (kind, key) > (?, ?)`, q.After.Kind, q.After.Key)
	}
	s.add(` ORDER BY kind, key`)
	s.limit(q.Limit)
	return s
}
