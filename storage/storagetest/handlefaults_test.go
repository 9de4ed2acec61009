package storagetest

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A disk is what handles share. It is never closed.
type disk struct{ *memory.Store }

func newDisk() *disk { return &disk{memory.New()} }

func (d *disk) open() *handle { return &handle{disk: d, closing: make(chan struct{})} }

// A handle is a storage on a disk until it is closed.
type handle struct {
	*disk
	once    sync.Once
	closing chan struct{}
}

func reopenHandle(_ *testing.T, s storage.Storage) storage.Storage { return s.(*handle).disk.open() }

func (h *handle) closed() error {
	select {
	case <-h.closing:
		return storage.ErrClosed
	default:
		return nil
	}
}

func (h *handle) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if err := h.closed(); err != nil {
		return storage.Receipt{}, err
	}
	return h.disk.Apply(ctx, cs)
}

func (h *handle) View(ctx context.Context, fn func(storage.Reader) error) error {
	if err := h.closed(); err != nil {
		return err
	}
	return h.disk.View(ctx, fn)
}

func (h *handle) Restore(ctx context.Context, cs storage.Changeset) error {
	if err := h.closed(); err != nil {
		return err
	}
	return h.disk.Restore(ctx, cs)
}

func (h *handle) Wait(ctx context.Context, after int64) error {
	waits, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	go func() {
		select {
		case <-h.closing:
			stop()
		case <-waits.Done():
		}
	}()
	err := h.disk.Wait(waits, after)
	if ctx.Err() == nil && h.closed() != nil {
		return storage.ErrClosed
	}
	return err
}

func (h *handle) Close() error {
	h.once.Do(func() { close(h.closing) })
	return nil
}

// A handleFault is a way in which a storage can be broken that shows when it is opened again, or through two handles.
type handleFault struct {
	fails string
	how   string
	twice bool // shows through two handles
	open  func() (open func() storage.Storage, reopen func(*testing.T, storage.Storage) storage.Storage)
}

// A brokenHandle is a broken storage and what its handles share.
type brokenHandle struct {
	*broken
	open func() storage.Storage
}

// handles returns storages whose handles are broken by each, which is called for every one, with how many there were.
func handles(
	each func(n int, b *broken),
) func() (func() storage.Storage, func(*testing.T, storage.Storage) storage.Storage) {
	return func() (func() storage.Storage, func(*testing.T, storage.Storage) storage.Storage) {
		var another func(d *disk, n int) *brokenHandle
		another = func(d *disk, n int) *brokenHandle {
			b := &broken{Storage: d.open()}
			each(n, b)
			return &brokenHandle{b, func() storage.Storage { return another(d, n+1) }}
		}
		return func() storage.Storage { return another(newDisk(), 0) },
			func(_ *testing.T, s storage.Storage) storage.Storage { return s.(*brokenHandle).open() }
	}
}

var handleFaults = []handleFault{
	{"Contents", "keeps contents in the memory of the process", false, handles(func(n int, b *broken) {
		b.read = func(r *brokenReader) {
			r.content = func(ctx context.Context, digest string) ([]byte, error) {
				if n > 0 && digest != "after reopening" {
					return nil, storage.ErrNotFound
				}
				return r.Reader.Content(ctx, digest)
			}
		}
	})},
	{"NumbersTogether", "begins with the Number 1 again", false, handles(func(n int, b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			for k := range receipt.Numbers {
				if n > 0 && cs.Incidents[k].Version == 0 {
					receipt.Numbers[k] = int64(k) + 1
				}
			}
			return receipt, err
		}
	})},
	{"DenseFeed", "begins with the Seq 1 again", false, handles(func(n int, b *broken) {
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			if n > 0 && err == nil {
				receipt.Seq = 1
			}
			return receipt, err
		}
	})},
	{"LostUpdate", "begins with Version 1 again", false, handles(func(n int, b *broken) {
		b.read = func(r *brokenReader) {
			r.incident = func(ctx context.Context, id incident.ID) (incident.Incident, error) {
				i, err := r.Reader.Incident(ctx, id)
				if n > 0 {
					i.Version = min(i.Version, 1)
				}
				return i, err
			}
		}
	})},
	{"Atomic", "loses the last entry that was written before Close", false, handles(func(n int, b *broken) {
		var last atomic.Int64
		b.read = func(r *brokenReader) {
			r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
				newest, err := collect(r.Reader.Activity(ctx, activity.Query{Newest: true, Limit: 1}))
				if n > 0 && err == nil && len(newest) == 1 {
					last.CompareAndSwap(0, newest[0].Seq)
					if q.BeforeSeq == 0 {
						q.BeforeSeq = last.Load()
					}
				}
				return r.Reader.Activity(ctx, q)
			}
		}
	})},
	{"Redact", "brings back the text of what was redacted", false,
		func() (func() storage.Storage, func(*testing.T, storage.Storage) storage.Storage) {
			var given sync.Map // texts, by ID of the entry
			return handles(func(n int, b *broken) {
				b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
					for _, e := range cs.Activity {
						given.Store(e.ID, e.Text)
					}
					return b.Storage.Apply(ctx, cs)
				}
				b.read = func(r *brokenReader) {
					r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
						return yielding(r.Reader.Activity(ctx, q), func(e activity.Entry) activity.Entry {
							if text, ok := given.Load(e.ID); ok && n > 0 {
								e.Text = text.(string)
							}
							return e
						})
					}
				}
			})()
		}},
	{"ByID", "remembers the incidents that it has read, one memory for each handle", true,
		handles(func(_ int, b *broken) {
			var mu sync.Mutex
			known := map[incident.ID]incident.Incident{}
			b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
				receipt, err := b.Storage.Apply(ctx, cs)
				mu.Lock()
				defer mu.Unlock()
				for _, i := range cs.Incidents {
					delete(known, i.ID) // in this handle
				}
				return receipt, err
			}
			b.read = func(r *brokenReader) {
				r.incident = func(ctx context.Context, id incident.ID) (incident.Incident, error) {
					mu.Lock()
					defer mu.Unlock()
					if i, ok := known[id]; ok && ctx.Err() == nil {
						return i.Clone(), nil
					}
					i, err := r.Reader.Incident(ctx, id)
					if err == nil {
						known[id] = i.Clone()
					}
					return i, err
				}
			}
		})},
	{"NumbersUnique", "gives Numbers that it has counted itself", true, handles(func(_ int, b *broken) {
		var mu sync.Mutex
		next := int64(0)
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			mu.Lock() // so that one handle counts in the order of its commits
			defer mu.Unlock()
			receipt, err := b.Storage.Apply(ctx, cs)
			for k := range receipt.Numbers {
				if cs.Incidents[k].Version == 0 {
					next++
					receipt.Numbers[k] = next
				}
			}
			return receipt, err
		}
	})},
	{"Waiter", "wakes up for what its own handle writes", true,
		func() (func() storage.Storage, func(*testing.T, storage.Storage) storage.Storage) {
			open := func(d *disk) storage.Storage { return &deaf{handle: d.open()} }
			return func() storage.Storage { return open(newDisk()) },
				func(_ *testing.T, s storage.Storage) storage.Storage { return open(s.(*deaf).disk) }
		}},
	{"FilterAlerts", "asks an index that its own handle keeps", true, handles(func(_ int, b *broken) {
		var mu sync.Mutex
		own := map[alert.ID]bool{}
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			receipt, err := b.Storage.Apply(ctx, cs)
			mu.Lock()
			defer mu.Unlock()
			for _, a := range cs.Alerts {
				own[a.ID] = true
			}
			return receipt, err
		}
		b.read = func(r *brokenReader) {
			r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
				if len(q.Entities) == 0 {
					return r.Reader.Alerts(ctx, q)
				}
				all, err := collect(r.Reader.Alerts(ctx, q))
				mu.Lock()
				defer mu.Unlock()
				return of(slices.DeleteFunc(all, func(a alert.Alert) bool { return !own[a.ID] }), err)
			}
		}
	})},
	{"Guarded", "knows the keys that its own handle has added", true, handles(func(_ int, b *broken) {
		b.stamp(func(s stamp) int64 { return s.seq })
	})},
	{"Guarded", "forgets when keys were added", false, handles(func(_ int, b *broken) {
		b.stamp(func(s stamp) int64 { return s.seq })
	})},
	{"GuardConcurrent", "looks only at the keys that its own handle has added", true, handles(func(_ int, b *broken) {
		b.stamp(func(s stamp) int64 { return s.seq })
	})},
	{"LastSeq", "counts the entries that its own handle has written", true, handles(func(_ int, b *broken) {
		var mu sync.Mutex
		last := int64(0)
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			mu.Lock() // so that no View sees entries that are not counted yet
			defer mu.Unlock()
			receipt, err := b.Storage.Apply(ctx, cs)
			if receipt.Seq > 0 {
				last = receipt.Seq + int64(len(cs.Activity)) - 1
			}
			return receipt, err
		}
		b.read = func(r *brokenReader) {
			r.seq = func(ctx context.Context) (int64, error) {
				mu.Lock()
				defer mu.Unlock()
				n, err := r.Reader.Seq(ctx)
				return min(n, last), err
			}
		}
	})},
	{"ItemVersion", "remembers the items that it has read, one memory for each handle", true,
		handles(func(_ int, b *broken) {
			var mu sync.Mutex
			known := map[storage.ItemPlace]storage.Item{}
			b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
				receipt, err := b.Storage.Apply(ctx, cs)
				mu.Lock()
				defer mu.Unlock()
				for _, i := range cs.Items {
					delete(known, i.Place()) // in this handle
				}
				return receipt, err
			}
			b.read = func(r *brokenReader) {
				r.item = func(ctx context.Context, kind, key string) (storage.Item, error) {
					mu.Lock()
					defer mu.Unlock()
					if i, ok := known[storage.ItemPlace{Kind: kind, Key: key}]; ok && ctx.Err() == nil {
						return i.Clone(), nil
					}
					i, err := r.Reader.Item(ctx, kind, key)
					if err == nil {
						known[i.Place()] = i.Clone()
					}
					return i, err
				}
			}
		})},
	{"ItemData", "keeps the Data of items in the memory of the process", false, handles(func(n int, b *broken) {
		b.read = func(r *brokenReader) {
			r.items = func(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
				return yielding(r.Reader.Items(ctx, q), func(i storage.Item) storage.Item {
					if n > 0 {
						i.Data = nil
					}
					return i
				})
			}
		}
	})},
}

// A deaf handle wakes up for what it wrote itself.
type deaf struct {
	*handle
	mu  sync.Mutex // held by Apply, so that no Wait sees entries that are not counted yet
	own int64
}

func (d *deaf) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	receipt, err := d.handle.Apply(ctx, cs)
	if receipt.Seq > 0 {
		d.own = receipt.Seq + int64(len(cs.Activity)) - 1
	}
	return receipt, err
}

func (d *deaf) Wait(ctx context.Context, after int64) error {
	for {
		if err := d.handle.Wait(ctx, after); err != nil || d.wrote(after) {
			return err
		}
		after++
	}
}

func (d *deaf) wrote(after int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.own > after
}
