package manager

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/storage"
)

// An Outcome says what became of an ingested alert.
type Outcome uint8

// The outcomes. The zero Outcome is Refused.
const (
	Refused  Outcome = iota // it was not taken; see Result.Err
	Opened                  // it opened a new incident
	Joined                  // it joined an incident
	Updated                 // it was there, and its source had changed it
	Repeated                // it was there, and was counted
)

var outcomes = []string{"refused", "opened", "joined", "updated", "repeated"}

// String returns the outcome's text, such as "joined".
func (o Outcome) String() string { return enum.Text(outcomes, "outcome", o) }

// MarshalText returns the outcome's text. A value that is not one of the constants is an error.
func (o Outcome) MarshalText() ([]byte, error) { return enum.Marshal(outcomes, "outcome", o) }

// A Result says what became of one alert.
type Result struct {
	Alert    alert.ID        `json:"alert"`
	Incident incident.ID     `json:"incident,omitempty"` // where it is now; "" when it was refused
	Outcome  Outcome         `json:"outcome"`
	Links    []activity.Link `json:"links,omitempty"` // why it is there, and what was held back
	Err      error           `json:"-"`               // why it was refused
}

// Ingest takes alerts in, one after the other, and returns a result for each, in their order. A new alert
// joins the incident that the correlator names or opens one; one that is there already, by its Origin, is
// counted and, where its source has changed it, updated.
//
// An alert that cannot be taken does not keep the others back. The error joins those of the results, each
// naming the alert's index; it is also in its result. Each alert is stored by itself: when the context is
// done, those before are kept and the others refused.
func (m *Manager) Ingest(ctx context.Context, by activity.Actor, alerts []alert.Alert, opts ...Option) ([]Result, error) {
	cmd, _, err := m.begin(by, opts)
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	results := make([]Result, len(alerts))
	var errs []error
	for n, a := range alerts {
		cmd.Part = part(n)
		a = complete(a, cmd.At)
		results[n].Alert = a.ID
		if err := m.ingest(ctx, cmd, a, m.correlator, &results[n]); err != nil {
			err = fmt.Errorf("ingest alert %d (%s): %w", n, a.ID, err)
			results[n] = Result{Alert: a.ID, Err: err}
			errs = append(errs, err)
		}
	}
	return results, errors.Join(errs...)
}

func (m *Manager) ingest(ctx context.Context, cmd incident.Command, a alert.Alert, by Correlator, result *Result) error {
	if err := a.Validate(); err != nil {
		return err
	}
	defer m.lock(a)()
	return m.retry(ctx, "ingest", func() error {
		var e incident.Effect
		repeated := false
		err := m.storage.View(ctx, func(r storage.Reader) error {
			old, err := r.Alert(ctx, a.ID)
			switch {
			case err == nil:
				e, *result, err = m.repeat(ctx, r, cmd, old, a)
				repeated = result.Outcome == Repeated
				return err
			case !errors.Is(err, storage.ErrNotFound):
				return err
			}
			e, *result, err = m.place(ctx, r, cmd, a, by)
			return err
		})
		if err != nil {
			return err
		}
		if repeated {
			_, err = m.storage.Apply(ctx, storage.Changeset{Alerts: e.Alerts})
		} else {
			_, err = m.apply(ctx, e)
		}
		if errors.Is(err, storage.ErrExists) {
			return fmt.Errorf("%w: %w", storage.ErrConflict, err) // somebody ingested it just now: next time it is a repeat
		}
		return err
	})
}

// repeat counts an alert that is there already.
func (m *Manager) repeat(ctx context.Context, r storage.Reader, cmd incident.Command, old, a alert.Alert) (incident.Effect, Result, error) {
	merged, changed := incident.Repeat(old, a)
	result := Result{Alert: a.ID, Incident: old.Incident, Outcome: Repeated}
	if !changed {
		return incident.Effect{Alerts: []alert.Alert{merged}}, result, nil
	}
	result.Outcome = Updated
	var c incident.Case
	var err error
	if c.Incident, err = r.Incident(ctx, old.Incident); err != nil {
		return incident.Effect{}, result, err
	}
	if c.Alerts, err = alertsOf(ctx, r, c.Incident); err != nil {
		return incident.Effect{}, result, err
	}
	return incident.UpdateAlert(cmd, c, merged), result, nil
}

// place finds or opens the incident of a new alert.
func (m *Manager) place(ctx context.Context, r storage.Reader, cmd incident.Command, a alert.Alert, by Correlator) (incident.Effect, Result, error) {
	d, err := by.Correlate(ctx, r, a)
	if err != nil {
		return incident.Effect{}, Result{}, err
	}
	result := Result{Alert: a.ID, Incident: d.Incident, Outcome: Joined, Links: d.Links}
	if d.Incident == "" {
		result.Incident, result.Outcome = incident.ID(m.newID()), Opened
		e, err := incident.Create(cmd, result.Incident, incident.Draft{}, []alert.Alert{a}, d.Links, m.taxonomy)
		return e, result, err
	}
	i, err := r.Incident(ctx, d.Incident)
	if err != nil {
		return incident.Effect{}, result, err
	}
	known, err := knownAssets(ctx, r, i.ID, a)
	if err != nil {
		return incident.Effect{}, result, err
	}
	return incident.AddAlert(cmd, i, a, d.Links, func(k alert.Key) bool { return slices.Contains(known, k) }), result, nil
}

// knownAssets returns those identities of a's assets that some alert of the incident has.
func knownAssets(ctx context.Context, r storage.Reader, id incident.ID, a alert.Alert) ([]alert.Key, error) {
	var assets, known []alert.Key
	for _, e := range a.Evidence {
		if e.Entity.Kind().Asset() == alert.NotAsset {
			continue
		}
		if key := alert.Identity(e.Entity); !slices.Contains(assets, key) {
			assets = append(assets, key)
		}
	}
	for s, err := range storage.Sightings(ctx, r, storage.SightingQuery{Entities: assets, Incident: id, Limit: 1}) {
		if err != nil {
			return nil, err
		}
		known = append(known, s.Entity)
	}
	return known, nil
}

// lock makes alerts that share an entity, or are the same, wait for each other. It returns the unlocking.
func (m *Manager) lock(a alert.Alert) (unlock func()) {
	slots := []int{int(maphash.String(m.seed, string(a.ID)) % uint64(len(m.entities)))}
	for _, k := range a.Keys() {
		slots = append(slots, int(maphash.String(m.seed, string(k))%uint64(len(m.entities))))
	}
	slices.Sort(slots)
	slots = slices.Compact(slots) // in one order, so that no two wait for each other
	for _, s := range slots {
		m.entities[s].Lock()
	}
	return func() {
		for _, s := range slots {
			m.entities[s].Unlock()
		}
	}
}

// complete returns a as it is stored: with its ID, times in UTC and microseconds and none of them missing,
// and the managed fields empty. It shares its lists with the given one, which nothing changes.
func complete(a alert.Alert, now time.Time) alert.Alert {
	a.ID, a.Version, a.Incident, a.Updated, a.Repeats = a.Origin.AlertID(), 0, "", now, 0
	a.Title = strings.TrimSpace(a.Title)
	for _, t := range []*time.Time{&a.FirstActivity, &a.LastActivity, &a.Created, &a.SourceUpdated, &a.Resolved} {
		if !t.IsZero() {
			*t = t.UTC().Truncate(time.Microsecond)
		}
	}
	if a.Created.IsZero() {
		a.Created = now
		if !a.FirstActivity.IsZero() {
			a.Created = a.FirstActivity
		}
	}
	if a.FirstActivity.IsZero() {
		a.FirstActivity = a.Created
	}
	if a.LastActivity.Before(a.FirstActivity) {
		a.LastActivity = a.FirstActivity
	}
	if a.Status != alert.StatusResolved {
		a.Resolved = time.Time{}
	} else if a.Resolved.IsZero() {
		a.Resolved = a.LastActivity
	}
	return a
}
