package storagetest

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	Run(t, func(*testing.T) storage.Storage { return memory.New() })
}

// Storages that break one rule each fail the case of that rule, and no other but those named with it.
func TestBrokenStoragesFailTheirCase(t *testing.T) {
	for want, broken := range map[string]mutant{
		"EmptyChangeset": {apply: func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			r, err := s.Apply(ctx, cs)
			if len(cs.Activity) == 0 {
				r.Seq = 7
			}
			return r, err
		}},
		"FeedResume": {reader: func(r storage.Reader) storage.Reader { return forgetsOne{r} }},
		"NotFound":   {reader: func(r storage.Reader) storage.Reader { return inventsRecords{r} }},
		"Cascade": {apply: func(s storage.Storage, ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			cs.Alerts = cs.Alerts[:min(len(cs.Alerts), 4000)]
			return s.Apply(ctx, cs)
		}},
	} {
		for _, c := range cases {
			s := broken
			s.Storage = memory.New()
			err := c.run(t.Context(), s)
			assert.Equal(t, c.name == want, err != nil, "a storage that breaks %s in case %s: %v", want, c.name, err)
		}
	}
}

// A mutant is a storage with something broken in it.
type mutant struct {
	storage.Storage
	apply  func(storage.Storage, context.Context, storage.Changeset) (storage.Receipt, error)
	reader func(storage.Reader) storage.Reader
}

func (m mutant) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if m.apply == nil {
		return m.Storage.Apply(ctx, cs)
	}
	return m.apply(m.Storage, ctx, cs)
}

func (m mutant) View(ctx context.Context, fn func(storage.Reader) error) error {
	return m.Storage.View(ctx, func(r storage.Reader) error {
		if m.reader != nil {
			r = m.reader(r)
		}
		return fn(r)
	})
}

// forgetsOne leaves out the first entry of a feed that is resumed at 17.
type forgetsOne struct{ storage.Reader }

func (r forgetsOne) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	if q.AfterSeq == 17 {
		q.AfterSeq++
	}
	return r.Reader.Activity(ctx, q)
}

// inventsRecords answers for records that are not there.
type inventsRecords struct{ storage.Reader }

func (r inventsRecords) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	i, _ := r.Reader.Incident(ctx, id)
	return i, nil
}

func (r inventsRecords) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	a, _ := r.Reader.Alert(ctx, id)
	return a, nil
}
