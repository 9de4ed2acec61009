package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// bases is the Kind of the items that remember what the last import of an incident said. Their Key is the ID that the
// reference stands for.
const bases = "import"

// baseOf returns the base of the last import of an incident, with the item that has it; nil when there is none.
func baseOf(ctx context.Context, r storage.Reader, id incident.ID) (*incident.Base, storage.Item, error) {
	i, err := r.Item(ctx, bases, string(id))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, storage.Item{Kind: bases, Key: string(id)}, nil
	}
	if err != nil {
		return nil, i, err
	}
	b := new(incident.Base)
	if err := json.Unmarshal(i.Data, b); err != nil {
		return nil, i, fmt.Errorf("base of import %s: %w", id, err)
	}
	return b, i, nil
}

// remember puts what d says into the plan, and what is reported of its alerts, unless that is known, or d
// came too late.
func (p *plan) remember(
	d incident.Draft, old *incident.Base, item storage.Item, at time.Time, reported []func(incident.ID) error,
) error {
	for _, report := range reported {
		if err := report(p.Incident.ID); err != nil {
			return err
		}
	}
	b := d.Base()
	if old != nil && (p.settled.Late || reflect.DeepEqual(b, *old)) {
		return nil
	}
	var err error
	if item.Time = at; p.created {
		item.Incident = p.Incident.ID
	} else if item.Incident == "" {
		item.Incident = d.Reference.IncidentID() // which may have been merged into the one that was changed
	}
	if item.Data, err = json.Marshal(b); err == nil {
		p.base = append(p.base, item)
	}
	return err
}

// saidBefore is the Kind of the items that remember what the last report of an alert said. Their Key is the
// alert's ID. Only alerts whose source has named an owner or a verdict have one.
const saidBefore = "said"

// remembered returns what the last report of an alert said, with the item that has it. Where a says nothing,
// nothing is read: then nothing is compared.
func remembered(ctx context.Context, r storage.Reader, a alert.Alert) (incident.Said, storage.Item, error) {
	item := storage.Item{Kind: saidBefore, Key: string(a.ID)}
	var s incident.Said
	if incident.SaidBy(a).IsZero() {
		return s, item, nil
	}
	i, err := r.Item(ctx, saidBefore, string(a.ID))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return s, item, nil
	case err != nil:
		return s, item, err
	}
	if err := json.Unmarshal(i.Data, &s); err != nil {
		return s, i, fmt.Errorf("what was said of alert %s: %w", a.ID, err)
	}
	return s, i, nil
}

// says returns the item that remembers what a says; none when that is known, or is nothing.
func says(a alert.Alert, in incident.ID, old incident.Said, item storage.Item, at time.Time) ([]storage.Item, error) {
	now := old.Then(incident.SaidBy(a))
	if now == old {
		return nil, nil
	}
	data, err := json.Marshal(now)
	item.Incident, item.Time, item.Data = in, at, data
	return []storage.Item{item}, err
}
