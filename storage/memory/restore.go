package memory

import (
	"cmp"
	"context"
	"fmt"

	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

var _ storage.Restorer = (*Store)(nil)

// Restore keeps records as another storage has them; see [storage.Restorer].
func (s *Store) Restore(ctx context.Context, cs storage.Changeset) error {
	cs.Redact = nil
	invalid := driver.CheckRestored(cs)
	var w writing
	if invalid == nil {
		cs = driver.Canonical(cs)
		w = prepare(cs, true)
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	if s.tables == nil {
		return storage.ErrClosed
	}
	if err := cmp.Or(ctx.Err(), invalid); err != nil {
		return err
	}
	if err := s.tables.checkRestored(cs); err != nil {
		return err
	}
	s.tables.own(w.alerts)
	s.tables.write(w, &s.moments)
	return nil
}

// checkRestored reports what is stored that keeps cs from being restored.
func (t *tables) checkRestored(cs storage.Changeset) error {
	last := int64(len(t.numbers))
	for n := range cs.Incidents {
		i := &cs.Incidents[n]
		node := t.incidents[i.ID]
		stored := node != nil && node.latest != nil
		switch {
		case stored && node.latest.value.Number != i.Number, !stored && i.Number <= last:
			return driver.Exists("incident", fmt.Sprintf("%s of another number than %d", i.ID, i.Number))
		case !stored:
			last = i.Number
		}
	}
	next := t.log.length + 1
	for n := range cs.Activity {
		e := &cs.Activity[n]
		seq, stored := t.entries[e.ID]
		switch {
		case stored && seq != e.Seq, !stored && e.Seq != next:
			return driver.Exists("entry", fmt.Sprintf("%s at another place than %d", e.ID, e.Seq))
		case !stored:
			next++
		}
	}
	return nil
}
