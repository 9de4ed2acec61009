package storage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// copyAll copies src to dst and returns what was told last.
func copyAll(ctx context.Context, dst, src storage.Storage) (last storage.Copied, err error) {
	for last, err = range storage.Copy(ctx, dst, src) {
		if err != nil {
			return last, err
		}
	}
	return last, nil
}

// Whatever was in a storage, and wherever a copy of it was broken off while more came, was redacted and purged, in the
// end the other holds the same, and what goes on there goes on from there.
func TestACopyIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		src, dst := memory.New(), memory.New()
		day := anyday.New(ctx, rt, src)
		for range rapid.IntRange(0, 3).Draw(rt, "broken off") {
			day.Happen(6)
			left := rapid.IntRange(1, 6).Draw(rt, "steps")
			for _, err := range storage.Copy(ctx, dst, src) {
				require.NoError(rt, err)
				if left--; left == 0 {
					break
				}
			}
		}
		day.Happen(6)
		told, err := copyAll(ctx, dst, src)
		require.NoError(rt, err)
		require.NoError(rt, anyday.Same(ctx, src, dst))
		require.Equal(rt, told.OfIncidents, told.Incidents)
		require.Equal(rt, told.OfEntries, told.Entries)

		again, err := copyAll(ctx, dst, src)
		require.NoError(rt, err)
		told.Written = 0
		require.Equal(rt, told, again, "all is there")

		cs := storage.Changeset{Incidents: []incident.Incident{{ID: "next"}}, Activity: []activity.Entry{{ID: "next/0", Incident: "next"}}}
		want, err := src.Apply(ctx, cs)
		require.NoError(rt, err)
		got, err := dst.Apply(ctx, cs)
		require.NoError(rt, err)
		require.Equal(rt, want, got, "numbers go on")
	})
}

// filled is a storage of n incidents with an alert and an item each, and a comment with an image.
func filled(t *testing.T, n int) *memory.Store {
	s := memory.New()
	for k := range n {
		id := incident.ID(fmt.Sprint("i", k))
		sum := fmt.Sprint("sum", k)
		_, err := s.Apply(t.Context(), storage.Changeset{
			Incidents: []incident.Incident{{ID: id}}, Alerts: []alert.Alert{{ID: alert.ID(id), Incident: id}},
			Activity: []activity.Entry{{ID: activity.ID(id), Incident: id, Attachments: []activity.Attachment{{SHA256: sum}}}},
			Contents: []activity.Content{{SHA256: sum, Data: []byte(id)}},
			Items:    []storage.Item{{Kind: "note", Key: string(id), Incident: id, Data: []byte(id)}},
		})
		require.NoError(t, err)
	}
	return s
}

// Progress is told from the beginning, and never goes back.
func TestACopyTellsHowFarItIs(t *testing.T) {
	const n = 600
	src, dst := filled(t, n), memory.New()
	var told []storage.Copied
	for c, err := range storage.Copy(t.Context(), dst, src) {
		require.NoError(t, err)
		told = append(told, c)
	}
	assert.Equal(t, storage.Copied{OfIncidents: n, OfEntries: n}, told[0])
	assert.Equal(t,
		storage.Copied{Incidents: n, Alerts: n, Entries: n, Items: n, Written: 4 * n, OfIncidents: n, OfEntries: n},
		told[len(told)-1],
	)
	assert.Greater(t, len(told), 6)
	for k := 1; k < len(told); k++ {
		assert.LessOrEqual(t,
			told[k-1].Incidents+told[k-1].Alerts+told[k-1].Entries+told[k-1].Items,
			told[k].Incidents+told[k].Alerts+told[k].Entries+told[k].Items,
		)
	}
	require.NoError(t, anyday.Same(t.Context(), src, dst))
}

// An alert that an earlier copy brought, and that left for an incident that was purged, is not left behind.
func TestACopyRemovesWhatIsGone(t *testing.T) {
	src, dst := filled(t, 3), memory.New()
	_, err := copyAll(t.Context(), dst, src)
	require.NoError(t, err)
	moved := alert.Alert{ID: "i0", Incident: "i1", Version: 1}
	_, err = src.Apply(t.Context(), storage.Changeset{Alerts: []alert.Alert{moved}})
	require.NoError(t, err)
	_, err = src.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "i1", Version: 1, Status: incident.Purged}}, Purge: []incident.ID{"i1"}})
	require.NoError(t, err)
	_, err = copyAll(t.Context(), dst, src)
	require.NoError(t, err)
	require.NoError(t, anyday.Same(t.Context(), src, dst))
}

// itemsOf returns all items of s.
func itemsOf(t require.TestingT, ctx context.Context, s storage.Storage) (all []storage.Item) {
	require.NoError(t, s.View(ctx, func(r storage.Reader) error {
		for i, err := range r.Items(ctx, storage.ItemQuery{}) {
			if err != nil {
				return err
			}
			all = append(all, i)
		}
		return nil
	}))
	return all
}

// Items that changed, came, expired or were purged between two copies, wherever they stand, are there as they are now
// and with their versions; those that did not change are not written again. Nothing else is touched.
func TestACopyHasTheItems(t *testing.T) {
	const n = 600 // more than two batches
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		src, dst := memory.New(), memory.New()
		kinds := []string{" ", "a", "b"}
		item := func(k int) storage.Item {
			return storage.Item{
				Kind: kinds[k%3],
				Key:  []string{"", fmt.Sprint(k)}[min(k/3, 1)],
				Time: time.Unix(int64(k), 0).UTC(),
			}
		}
		version, writes := make(map[int]int64), 0
		write := func(cs storage.Changeset, places ...int) {
			for _, k := range places {
				i := item(k)
				writes++
				i.Version, i.Data = version[k], fmt.Append(nil, writes)
				cs.Items = append(cs.Items, i)
				version[k]++
			}
			_, err := src.Apply(ctx, cs)
			require.NoError(rt, err)
		}
		first := make([]int, rapid.SampledFrom([]int{0, 1, 255, 256, 257, n}).Draw(rt, "items"))
		for k := range first {
			first[k] = k
		}
		write(storage.Changeset{}, first...)
		_, err := copyAll(ctx, dst, src)
		require.NoError(rt, err)
		require.Equal(rt, itemsOf(rt, ctx, src), itemsOf(rt, ctx, dst))

		before := time.Unix(int64(rapid.SampledFrom([]int{0, 1, 2, 300, n}).Draw(rt, "before")), 0)
		expired := storage.Expiry{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind"), Before: before}
		for k := range version {
			if i := item(k); i.Kind == expired.Kind && i.Time.Before(before) {
				delete(version, k)
			}
		}
		changed := rapid.SliceOfNDistinct(rapid.IntRange(0, n+10), 0, 5, rapid.ID).Draw(rt, "changed")
		write(storage.Changeset{Expire: []storage.Expiry{expired}}, changed...)
		told, err := copyAll(ctx, dst, src)
		require.NoError(rt, err)
		require.Equal(rt, itemsOf(rt, ctx, src), itemsOf(rt, ctx, dst))
		require.Equal(rt, storage.Copied{Items: int64(len(version)), Written: int64(len(changed))}, told)

		told, err = copyAll(ctx, dst, src)
		require.NoError(rt, err)
		require.Equal(rt, storage.Copied{Items: int64(len(version))}, told, "all is there")
	})
}

// The items of an incident that was purged are gone, those that its purge brought are there.
func TestACopyHasTheItemsOfAPurge(t *testing.T) {
	ctx := t.Context()
	src, dst := filled(t, 3), memory.New()
	_, err := copyAll(ctx, dst, src)
	require.NoError(t, err)
	_, err = src.Apply(ctx, storage.Changeset{
		Incidents: []incident.Incident{{ID: "i1", Version: 1, Status: incident.Purged}},
		Purge:     []incident.ID{"i1"},
		Alerts:    []alert.Alert{{ID: "i2", Incident: "i1", Version: 1}},
		Items:     []storage.Item{{Kind: "note", Key: "late", Incident: "i1"}},
	})
	require.NoError(t, err)
	_, err = copyAll(ctx, dst, src)
	require.NoError(t, err)
	require.NoError(t, anyday.Same(ctx, src, dst))
	var keys []string
	for _, i := range itemsOf(t, ctx, dst) {
		keys = append(keys, i.Key)
	}
	assert.Equal(t, []string{"i0", "i2", "late"}, keys)
	assert.Equal(t, itemsOf(t, ctx, src), itemsOf(t, ctx, dst))
}

// What is in the way of a copy is an error, and stays as it is.
func TestCopiesThatAreRefused(t *testing.T) {
	ctx := t.Context()
	src := filled(t, 2)
	_, err := copyAll(ctx, struct{ storage.Storage }{memory.New()}, src)
	assert.ErrorIs(t, err, errors.ErrUnsupported)

	other := memory.New()
	_, err = other.Apply(ctx, storage.Changeset{Activity: []activity.Entry{{ID: "other", Incident: "i0"}}})
	require.NoError(t, err)
	_, err = copyAll(ctx, other, src)
	assert.ErrorIs(t, err, storage.ErrExists)
	assert.ErrorContains(t, err, "entry 1 (other)")

	longer := filled(t, 3)
	_, err = copyAll(ctx, longer, src)
	assert.ErrorIs(t, err, storage.ErrExists, "it holds more")

	elsewhere := memory.New()
	_, err = elsewhere.Apply(ctx, storage.Changeset{Activity: []activity.Entry{{ID: "i1", Incident: "i1"}}})
	require.NoError(t, err)
	_, err = copyAll(ctx, elsewhere, src)
	assert.ErrorIs(t, err, storage.ErrExists, "its first entry is the second here")
	require.NoError(t, elsewhere.View(ctx, func(r storage.Reader) error {
		n, err := storage.Count(ctx, r, incident.Query{})
		assert.Zero(t, n, "it is seen before anything is written")
		return err
	}))

	taken := memory.New()
	_, err = taken.Apply(ctx, storage.Changeset{Incidents: []incident.Incident{{ID: "mine"}}})
	require.NoError(t, err)
	_, err = copyAll(ctx, taken, src)
	assert.ErrorIs(t, err, storage.ErrExists, "number 1 is another's")

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = copyAll(cancelled, memory.New(), src)
	assert.ErrorIs(t, err, context.Canceled)

	dst := memory.New()
	require.NoError(t, dst.Close())
	_, err = copyAll(ctx, dst, src)
	assert.ErrorIs(t, err, storage.ErrClosed)
	_, err = copyAll(ctx, memory.New(), dst)
	assert.ErrorIs(t, err, storage.ErrClosed)
}
