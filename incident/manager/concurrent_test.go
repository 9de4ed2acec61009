package manager_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// C1: no two incidents have one number, however many are created at the same moment and through however many managers,
// and who creates one after another sees them rise.
func TestNumbersAreUnique(t *testing.T) {
	const callers, creations = 100, 50
	s := memory.New()
	defer s.Close()
	var numbers [callers][creations]int64
	var wg sync.WaitGroup
	for n := range callers {
		m := manager.New(s, nil)
		wg.Go(func() {
			for k := range creations {
				i, err := m.Create(context.Background(), kai, incident.Draft{Name: "Phone call"})
				assert.NoError(t, err)
				numbers[n][k] = i.Number
			}
		})
	}
	wg.Wait()
	seen := make(map[int64]bool)
	for _, own := range numbers {
		last := int64(0)
		for _, n := range own {
			assert.Greater(t, n, last)
			last, seen[n] = n, true
		}
	}
	assert.Len(t, seen, callers*creations)
	for _, i := range all(t, manager.New(s, nil).Incidents(t.Context(), kai, whatever)) {
		delete(seen, i.Number)
	}
	assert.Empty(t, seen, "what was returned is what is stored")
}

// C4: an alert that arrives while its incident is being resolved, and one that fires again, is never lost: either it is
// there in time and is resolved with the incident, or it comes too late and is seen, in a new incident or, where that
// was asked for, in the one that it reopens. No open alert is left behind in a resolved incident.
func TestAlertsThatRaceWithResolving(t *testing.T) {
	device := alert.Device{DeviceID: "d"}
	type actors struct {
		m       *manager.Manager
		resolve func() error
		late    func() error
		again   func() error
	}
	scene := func(t *testing.T, s storage.Storage, reopen bool) actors {
		m := manager.New(s, &manager.Options{Correlator: correlation.Default{Reopen: reopen}})
		id := ingest(t, m, raise(1, 0, device))[0].Incident
		take := func(a alert.Alert) func() error {
			return func() error {
				_, err := m.Ingest(context.Background(), siem, []alert.Alert{a})
				return err
			}
		}
		return actors{m, func() error {
			_, err := m.Edit(context.Background(), kai, id, incident.Edit{Status: new(incident.Resolved)})
			return err
		}, take(raise(2, 1, device)), take(worse(raise(1, 0, device)))}
	}
	nothingIsLost := func(t *testing.T, m *manager.Manager, s storage.Storage) {
		t.Helper()
		consistent(t, s)
		alerts := all(t, m.Alerts(t.Context(), kai, alert.Query{}))
		require.Len(t, alerts, 2)
		for _, a := range alerts {
			i, err := m.Incident(t.Context(), kai, a.Incident)
			require.NoError(t, err)
			if i.Status == incident.Resolved {
				assert.Equal(t, alert.StatusResolved, a.Status, "%s is in a resolved incident", a.ID)
			}
			if a.ID == "edr:1" {
				assert.Equal(t, alert.High, a.Severity, "as its source said last")
			}
		}
	}
	for _, reopen := range []bool{false, true} {
		for name, order := range map[string]func(actors) (first, between func() error){
			"late alert, resolving in between":   func(a actors) (_, _ func() error) { return a.late, a.resolve },
			"resolving, late alert in between":   func(a actors) (_, _ func() error) { return a.resolve, a.late },
			"firing again, resolving in between": func(a actors) (_, _ func() error) { return a.again, a.resolve },
			"resolving, firing again in between": func(a actors) (_, _ func() error) { return a.resolve, a.again },
		} {
			t.Run(fmt.Sprint(name, ", reopening ", reopen), func(t *testing.T) {
				s := &overtaken{Storage: memory.New()}
				defer s.Close()
				a := scene(t, s, reopen)
				first, between := order(a)
				s.at, s.before = 1, func() { assert.NoError(t, between()) } // between what the first reads and what it writes
				require.NoError(t, first())
				require.NoError(t, errors.Join(a.late(), a.again()))
				nothingIsLost(t, a.m, s)
			})
		}
		for range 40 {
			s := memory.New()
			a := scene(t, s, reopen)
			var wg sync.WaitGroup
			for _, do := range []func() error{a.resolve, a.late, a.again} {
				wg.Go(func() { assert.NoError(t, do()) })
			}
			wg.Wait()
			nothingIsLost(t, a.m, s)
			assert.Equal(t, 1, all(t, a.m.Alerts(t.Context(), kai, alert.Query{IDs: []alert.ID{"edr:1"}}))[0].Repeats)
		}
	}
}

// C6: an organisation may change its taxonomy, its policy and its rules while alerts come in: managers with different
// Options work on one storage, and each command keeps to those of the manager that it was given to.
func TestOptionsMayChangeWhileWorkGoesOn(t *testing.T) {
	const workers, rounds = 6, 25
	s := memory.New()
	defer s.Close()
	taxonomies := []classification.Taxonomy{classification.Defender(), classification.ENISA()}
	verdicts := []classification.Verdict{truePositive, {Classification: classification.ENISA().Classes[0].ID}}
	require.NoError(t, taxonomies[1].Check(verdicts[1]))
	require.Error(t, taxonomies[0].Check(verdicts[1]))
	var managers []*manager.Manager
	for n := range taxonomies {
		managers = append(managers, manager.New(s, &manager.Options{Taxonomy: &taxonomies[n], Policy: incident.Policy{NoteToResolve: n == 0},
			Correlator: correlation.Default{Reopen: n == 0, Busy: 10 + n}}))
	}
	var current atomic.Pointer[manager.Manager]
	current.Store(managers[0])
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range rounds {
				current.Store(managers[(w+n)%len(managers)])
				results, err := current.Load().Ingest(context.Background(), siem, []alert.Alert{raise(w*rounds+n, n, alert.Device{DeviceID: fmt.Sprint(n % 3)})})
				if !assert.NoError(t, err) {
					continue
				}
				_, err = current.Load().Edit(context.Background(), kai, results[0].Incident, incident.Edit{Verdict: &verdicts[n%2], Status: new(incident.Status(n % 3))})
				if err != nil { // the other taxonomy was in force, or a note was asked for
					assert.True(t, errors.Is(err, classification.ErrUnknown) || errors.Is(err, alert.ErrInvalid), "%v", err)
				}
			}
		})
	}
	wg.Wait()
	consistent(t, s)
	assert.Len(t, all(t, managers[0].Alerts(t.Context(), kai, alert.Query{})), workers*rounds)
	for _, i := range all(t, managers[0].Incidents(t.Context(), kai, whatever)) {
		assert.True(t, taxonomies[0].Check(i.Verdict) == nil || taxonomies[1].Check(i.Verdict) == nil, "%s", i.Verdict)
	}
}
