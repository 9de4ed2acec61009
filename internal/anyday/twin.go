package anyday

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A twin is a storage beside which another one gets the same Changesets, and must answer the same.
type twin struct {
	storage.Storage
	model *memory.Store
}

func (s twin) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	receipt, err := s.Storage.Apply(ctx, cs)
	want, wantErr := s.model.Apply(ctx, cs)
	for _, sentinel := range []error{nil, storage.ErrExists, storage.ErrConflict, storage.ErrNotFound} {
		if errors.Is(err, sentinel) != errors.Is(wantErr, sentinel) {
			return receipt, fmt.Errorf("the storage said %v, and memory %w", err, wantErr)
		}
	}
	if !reflect.DeepEqual(receipt, want) {
		return receipt, fmt.Errorf("the storage said %+v, and memory %+v", receipt, want)
	}
	return receipt, err
}

// Compare lets anything happen in s, which is empty, and reports the first difference between what is in it then and
// what the memory storage says of the same commands, or the first rule that a manager has broken in it.
func Compare(ctx context.Context, t *rapid.T, s storage.Storage) error {
	both := twin{s, memory.New()}
	d := New(ctx, t, both)
	d.Happen(15)
	d.Forget(both)
	for v, err := range manager.Check(ctx, s) {
		if err != nil {
			return err
		}
		return errors.New(v.String())
	}
	return Same(ctx, both.model, s)
}

// Same reports the first difference between what two storages hold.
func Same(ctx context.Context, want, got storage.Storage) error {
	return want.View(ctx, func(w storage.Reader) error {
		return got.View(ctx, func(g storage.Reader) error {
			all := incident.Query{Sort: incident.ByNumber, Ascending: true}
			if err := same(w.Incidents(ctx, all), g.Incidents(ctx, all)); err != nil {
				return fmt.Errorf("incidents: %w", err)
			}
			if err := same(w.Alerts(ctx, alert.Query{}), g.Alerts(ctx, alert.Query{})); err != nil {
				return fmt.Errorf("alerts: %w", err)
			}
			if err := same(w.Activity(ctx, activity.Query{}), g.Activity(ctx, activity.Query{})); err != nil {
				return fmt.Errorf("entries: %w", err)
			}
			if err := same(w.Items(ctx, storage.ItemQuery{}), g.Items(ctx, storage.ItemQuery{})); err != nil {
				return fmt.Errorf("items: %w", err)
			}
			for e, err := range w.Activity(ctx, activity.Query{}) {
				if err != nil {
					return err
				}
				for _, a := range e.Attachments {
					x, xErr := w.Content(ctx, a.SHA256)
					y, yErr := g.Content(ctx, a.SHA256)
					if string(x) != string(y) || (xErr == nil) != (yErr == nil) {
						return fmt.Errorf("content %s: %d bytes (%w), want %d (%v)", a.SHA256, len(y), yErr, len(x), xErr)
					}
				}
			}
			return nil
		})
	})
}

func same[T any](want, got iter.Seq2[T, error]) error {
	next, stop := iter.Pull2(got)
	defer stop()
	n := 0
	for w, err := range want {
		g, gErr, ok := next()
		if err := errors.Join(err, gErr); err != nil {
			return err
		}
		if n++; !ok || !reflect.DeepEqual(w, g) {
			return fmt.Errorf("the %d. is %+v, want %+v", n, g, w)
		}
	}
	if g, _, more := next(); more {
		return fmt.Errorf("one more than %d: %+v", n, g)
	}
	return nil
}
