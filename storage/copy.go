package storage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A Restorer is a [Storage] that can take over what another one holds. Those who do so use [Copy].
type Restorer interface {
	// Restore keeps all of a Changeset, or nothing of it, with the Versions, Numbers and Seqs that its records have.
	// Records take the place of those with their IDs, whatever the versions; new incidents come in the order of their
	// Numbers, and new entries each with the next Seq. An item of Version 0 is taken away. AlertKeys, Contents, Purge
	// and Expire are as for Apply. Redact and Guard have no meaning. Records of an older version may be beyond the
	// limits: see the rule Limits.
	//
	// The error matches ErrExists when a Number or a Seq is that of another record, or a new one comes out of turn. It
	// matches what Apply reports of a Changeset that holds a record twice or purges what it does not hold.
	Restore(ctx context.Context, cs Changeset) error
}

// Copied says how far a [Copy] has come.
type Copied struct {
	Incidents   int64 `json:"incidents"` // that are in the other storage now, as are the next three
	Alerts      int64 `json:"alerts"`
	Entries     int64 `json:"entries"`
	Items       int64 `json:"items"`
	Written     int64 `json:"written"`     // of these, how many were not there yet as they are
	OfIncidents int64 `json:"ofIncidents"` // how many there are to copy
	OfEntries   int64 `json:"ofEntries"`
}

// copied is how many records are copied at a time.
const copied = 256

// Copy makes dst hold what src holds as of one moment: incidents, alerts, the log, contents and items, with all
// versions and numbers. It yields how far it has come, at least once and after every few hundred records; the loop
// ends when all is there, or with an error. After a loop that ended early or failed, calling Copy again resumes it:
// what is there as it should be is read, but not written again, and what has changed since then is brought up to date,
// purges and items that are gone included.
//
// dst must be a [Restorer], which all storages of this project are, else the error matches [errors.ErrUnsupported].
// It must hold nothing but what came from src, else the error matches ErrExists, and nobody may write to it meanwhile;
// who reads it sees a part. src may be in use. One View of it is open as long as the loop runs.
func Copy(ctx context.Context, dst, src Storage) iter.Seq2[Copied, error] {
	return func(yield func(Copied, error) bool) {
		to, ok := dst.(Restorer)
		if !ok {
			yield(Copied{}, fmt.Errorf("storage: copy to a %T, which cannot restore: %w", dst, errors.ErrUnsupported))
			return
		}
		err := src.View(ctx, func(from Reader) error {
			c := copying{ctx: ctx, from: from, to: to, dst: dst, yield: yield}
			for _, step := range []func() error{c.begin, c.incidents, c.alerts, c.leftovers, c.entries, c.items} {
				if err := step(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(Copied{}, fmt.Errorf("copy: %w", err)) // which names the package
		}
	}
}

// errStopped says that the loop was broken off.
var errStopped = errors.New("storage: stopped")

// A copying is a run of Copy.
type copying struct {
	ctx   context.Context
	from  Reader
	to    Restorer
	dst   Storage
	done  Copied
	yield func(Copied, error) bool

	attached []activity.Attachment // of the batch that is being copied
}

// tell yields how far it has come.
func (c *copying) tell() error {
	if !c.yield(c.done, nil) {
		return errStopped
	}
	return nil
}

// begin counts what there is, and sees that the log of dst is the beginning of that of src.
func (c *copying) begin() error {
	n, err := Count(c.ctx, c.from, incident.Query{})
	if err != nil {
		return err
	}
	c.done.OfIncidents = int64(n)
	newest := activity.Query{Newest: true, Limit: 1}
	here, err := collect(c.from.Activity(c.ctx, newest))
	if err != nil {
		return err
	}
	for _, e := range here {
		c.done.OfEntries = e.Seq
	}
	there, err := readAll(c, func(r Reader) iter.Seq2[activity.Entry, error] { return r.Activity(c.ctx, newest) })
	if err != nil {
		return err
	}
	for _, e := range there {
		same, err := collect(c.from.Activity(c.ctx, activity.Query{IDs: []activity.ID{e.ID}}))
		if err != nil {
			return err
		}
		if len(same) == 0 || same[0].Seq != e.Seq {
			return fmt.Errorf("%w: the log of the other one is not the beginning of this one, see its entry %d (%s)",
				ErrExists, e.Seq, e.ID)
		}
	}
	return c.tell()
}

func (c *copying) incidents() error {
	all := c.from.Incidents(c.ctx, incident.Query{Sort: incident.ByNumber, Ascending: true})
	return batches(c, all, &c.done.Incidents, func(i incident.Incident) incident.ID { return i.ID },
		func(r Reader, ids []incident.ID) iter.Seq2[incident.Incident, error] {
			return r.Incidents(c.ctx, incident.Query{IDs: ids})
		},
		func(missing []incident.Incident) Changeset { return Changeset{Incidents: missing} })
}

func (c *copying) alerts() error {
	return batches(c, c.from.Alerts(c.ctx, alert.Query{}), &c.done.Alerts, func(a alert.Alert) alert.ID { return a.ID },
		func(r Reader, ids []alert.ID) iter.Seq2[alert.Alert, error] {
			return r.Alerts(c.ctx, alert.Query{IDs: ids})
		},
		func(missing []alert.Alert) Changeset { return Changeset{Alerts: missing} })
}

// leftovers removes alerts that an earlier copy brought and that are gone by now, which takes a purge: they are moved
// into an incident that was purged, whatever that was, and go with it.
func (c *copying) leftovers() error {
	tombstone, err := collect(c.from.Incidents(c.ctx, incident.Query{Statuses: []incident.Status{incident.Purged}, Limit: 1}))
	if err != nil || len(tombstone) == 0 {
		return err
	}
	var left []alert.Alert
	look := func(batch []alert.Alert) error {
		q := alert.Query{Brief: true}
		for _, a := range batch {
			q.IDs = append(q.IDs, a.ID)
		}
		here := make(map[alert.ID]bool)
		for a, err := range c.from.Alerts(c.ctx, q) {
			if err != nil {
				return err
			}
			here[a.ID] = true
		}
		for _, a := range batch {
			if !here[a.ID] {
				left = append(left, a)
			}
		}
		return nil
	}
	if err := c.dst.View(c.ctx, func(r Reader) error {
		for batch, err := range chunks(r.Alerts(c.ctx, alert.Query{Brief: true})) {
			if err == nil {
				err = look(batch)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}); err != nil || len(left) == 0 {
		return err
	}
	for n := range left {
		left[n].Incident = tombstone[0].ID
	}
	return c.to.Restore(c.ctx, Changeset{Incidents: tombstone, Alerts: left, Purge: []incident.ID{tombstone[0].ID}})
}

func (c *copying) entries() error {
	entries := func(yield func(activity.Entry, error) bool) {
		for e, err := range c.from.Activity(c.ctx, activity.Query{}) {
			if err == nil {
				c.attached = append(c.attached, e.Attachments...)
			}
			if !yield(e, err) {
				return
			}
		}
	}
	return batches(c, entries, &c.done.Entries, func(e activity.Entry) activity.ID { return e.ID },
		func(r Reader, ids []activity.ID) iter.Seq2[activity.Entry, error] {
			return r.Activity(c.ctx, activity.Query{IDs: ids})
		},
		func(missing []activity.Entry) Changeset { return Changeset{Activity: missing} })
}

// items copies the items and takes away those of an earlier copy that are gone. Both storages are read in the order of
// places, a batch of one against what stands there in the other. Items come last, after the entries that they may be
// about.
func (c *copying) items() error {
	var last *ItemPlace // of the batch before
	update := func(batch []Item, end *ItemPlace) error {
		there, err := c.itemsBetween(last, end)
		if err != nil {
			return err
		}
		var changed []Item
		for _, i := range batch {
			if old, ok := there[i.Place()]; !ok || !reflect.DeepEqual(old, i) {
				changed = append(changed, i)
			}
			delete(there, i.Place())
		}
		written := int64(len(changed))
		for _, i := range there {
			i.Version = 0
			changed = append(changed, i)
		}
		if len(changed) > 0 {
			if err := c.to.Restore(c.ctx, Changeset{Items: changed}); err != nil {
				return err
			}
		}
		c.done.Items += int64(len(batch))
		c.done.Written += written
		last = end
		return c.tell()
	}
	for batch, err := range chunks(c.from.Items(c.ctx, ItemQuery{})) {
		if err != nil {
			return err
		}
		if err := update(batch, new(batch[len(batch)-1].Place())); err != nil {
			return err
		}
	}
	return update(nil, nil)
}

// itemsBetween returns the items of the other storage that stand after one place and not after another; nil is no
// bound.
func (c *copying) itemsBetween(after, end *ItemPlace) (map[ItemPlace]Item, error) {
	var q ItemQuery
	if after != nil {
		q.After = *after
	}
	found := make(map[ItemPlace]Item)
	err := c.dst.View(c.ctx, func(r Reader) error {
		for i, err := range r.Items(c.ctx, q) {
			if err != nil {
				return err
			}
			at := i.Place()
			if after != nil && at.Compare(*after) <= 0 {
				continue // the zero place as After means all
			}
			if end != nil && at.Compare(*end) > 0 {
				break
			}
			found[at] = i
		}
		return nil
	})
	return found, err
}

// batches copies what all yields, and counts it.
func batches[T any, ID comparable](c *copying, all iter.Seq2[T, error], n *int64, id func(T) ID,
	find func(Reader, []ID) iter.Seq2[T, error], change func(missing []T) Changeset) error {
	for batch, err := range chunks(all) {
		if err != nil {
			return err
		}
		ids := make([]ID, len(batch))
		for k, v := range batch {
			ids[k] = id(v)
		}
		found, err := readAll(c, func(r Reader) iter.Seq2[T, error] { return find(r, ids) })
		if err != nil {
			return err
		}
		there := make(map[ID]T, len(found))
		for _, v := range found {
			there[id(v)] = v
		}
		var missing []T
		for _, v := range batch {
			if old, ok := there[id(v)]; !ok || !reflect.DeepEqual(old, v) {
				missing = append(missing, v)
			}
		}
		if len(missing) > 0 {
			if err := c.to.Restore(c.ctx, change(missing)); err != nil {
				return err
			}
		}
		if err := c.contents(); err != nil {
			return err
		}
		*n += int64(len(batch))
		c.done.Written += int64(len(missing))
		if err := c.tell(); err != nil {
			return err
		}
	}
	return nil
}

// contents copies the contents that the entries of a batch name, one at a time.
func (c *copying) contents() error {
	for _, a := range c.attached {
		missing := false
		err := c.dst.View(c.ctx, func(r Reader) error {
			_, err := r.Content(c.ctx, a.SHA256)
			if missing = errors.Is(err, ErrNotFound); missing {
				err = nil
			}
			return err
		})
		if err != nil {
			return err
		}
		if !missing {
			continue
		}
		data, err := c.from.Content(c.ctx, a.SHA256)
		if errors.Is(err, ErrNotFound) {
			continue // it was never given, or is redacted by now
		}
		if err == nil {
			err = c.to.Restore(c.ctx, Changeset{Contents: []activity.Content{{SHA256: a.SHA256, Data: data}}})
		}
		if err != nil {
			return err
		}
	}
	c.attached = nil
	return nil
}

// readAll returns what is in the storage that is copied to.
func readAll[T any](c *copying, query func(Reader) iter.Seq2[T, error]) (found []T, err error) {
	err = c.dst.View(c.ctx, func(r Reader) error {
		found, err = collect(query(r))
		return err
	})
	return found, err
}

// chunks yields what seq yields, some at a time. What it yields is good until the next time.
func chunks[T any](seq iter.Seq2[T, error]) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var batch []T
		for v, err := range seq {
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, v); len(batch) == copied {
				if !yield(batch, nil) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
