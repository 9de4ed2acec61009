package managers

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/socday"
	"github.com/incidentkit/incidentkit/storage"
)

// north lets the actors read the incidents of the device group north, and do what they like with them.
type north struct{}

func (north) Authorize(_ context.Context, _ activity.Actor, _ manager.Action, i incident.Incident) error {
	if slices.Contains(i.Alerts.DeviceGroups, "north") {
		return nil
	}
	return manager.ErrForbidden
}

// TestScope sees on s, which is empty, that those who may read some of the incidents read these and no others, be they
// told apart by an Authorizer or by a Scope: lists, pages, counts, facets, alerts, the log, and what a View shows.
func TestScope(t *testing.T, s storage.Storage) {
	ctx := t.Context()
	m := manager.New(s, nil)
	var alerts []alert.Alert
	for n := range 12 {
		a := raise(fmt.Sprint(n), "host")
		a.Standalone, a.Category = true, fmt.Sprint("category ", n%3)
		a.Evidence[0].Entity = alert.Device{DeviceID: fmt.Sprint(n), Group: []string{"north", "south", "east"}[n%3]}
		alerts = append(alerts, a)
	}
	results, err := m.Ingest(ctx, siem, alerts)
	require.NoError(t, err)
	merge := func(target, source int) {
		_, err := m.Merge(ctx, kai, results[target].Incident, []incident.ID{results[source].Incident}, "")
		require.NoError(t, err)
	}
	merge(0, 3) // north into north
	merge(6, 1) // south into north, which north reads now
	merge(4, 7) // south into south
	var pixel bytes.Buffer
	require.NoError(t, png.Encode(&pixel, image.NewGray(image.Rect(0, 0, 1, 1))))
	plan := incident.Image{Name: "plan.png", Data: pixel.Bytes()}
	_, attached, err := plan.Decode()
	require.NoError(t, err)
	comment := incident.CommentDraft{Text: "see", Images: []incident.Image{plan}}
	for _, n := range []int{0, 4} {
		_, err := m.Comment(ctx, kai, results[n].Incident, comment)
		require.NoError(t, err)
	}
	_, err = m.Edit(ctx, kai, results[9].Incident, incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	_, err = m.Purge(ctx, kai, incident.Query{}, start.AddDate(100, 0, 0), "over")
	require.NoError(t, err)

	end := make(map[incident.ID]incident.Incident)
	for _, r := range results {
		i, err := m.Incident(ctx, kai, r.Incident)
		require.NoError(t, err)
		end[r.Incident] = i
	}
	shown := func(id incident.ID) bool { return slices.Contains(end[id].Alerts.DeviceGroups, "north") }
	scope := func(context.Context, activity.Actor) (incident.Query, error) {
		return incident.Query{DeviceGroups: []string{"north"}}, nil
	}
	for name, scoped := range map[string]*manager.Manager{
		"an Authorizer": manager.New(s, &manager.Options{Authorizer: north{}}),
		"a Scope":       manager.New(s, &manager.Options{Scope: scope}),
	} {
		every := []incident.Status{
			incident.Active, incident.InProgress, incident.Resolved, incident.Redirected, incident.Purged,
		}
		for _, q := range []incident.Query{
			{}, {Limit: 2}, {Sort: incident.ByName, Ascending: true}, {Statuses: every}, {Statuses: every, Limit: 3},
			{Statuses: []incident.Status{incident.Redirected}}, {Numbers: []int64{1, 2, 3, 4, 5, 6}},
			{DeviceGroups: []string{"north", "south"}}, {Sources: []string{"edr"}, Limit: 3},
			{Within: []incident.Query{{Categories: []string{"category 0"}}}},
		} {
			where := fmt.Sprintf("%s, %+v", name, q)
			unlimited := q
			unlimited.Limit = 0
			want := slices.DeleteFunc(some(t, m.Incidents(ctx, kai, unlimited)), func(i incident.Incident) bool {
				return !shown(i.ID)
			})
			var counts storage.Counts
			for n := range want {
				counts.Add(&want[n])
			}
			n, err := scoped.Count(ctx, kai, q)
			require.NoError(t, err)
			assert.Equal(t, len(want), n, where)
			facets, err := scoped.Facets(ctx, kai, q)
			require.NoError(t, err)
			assert.Equal(t, counts, facets, where)
			if q.Limit > 0 && len(want) > q.Limit {
				want = want[:q.Limit]
			}
			assert.Equal(t, want, some(t, scoped.Incidents(ctx, kai, q)), where)
		}
		for _, q := range []alert.Query{
			{}, {Newest: true}, {Categories: []string{"category 1"}}, {Incidents: ids(results)},
		} {
			want := slices.DeleteFunc(some(t, m.Alerts(ctx, kai, q)), func(a alert.Alert) bool {
				return !shown(a.Incident)
			})
			assert.Equal(t, want, some(t, scoped.Alerts(ctx, kai, q)), "%s, %+v", name, q)
			n, err := scoped.CountAlerts(ctx, kai, q)
			require.NoError(t, err)
			assert.Equal(t, len(want), n)
			q.Limit = 2
			assert.Equal(t, want[:min(2, len(want))], some(t, scoped.Alerts(ctx, kai, q)))
		}
		entries := slices.DeleteFunc(some(t, m.Activity(ctx, kai, activity.Query{})), func(e activity.Entry) bool {
			return !shown(e.Incident)
		})
		assert.Equal(t, entries, some(t, scoped.Activity(ctx, kai, activity.Query{})), name)
		assert.Equal(t, entries[:5], some(t, scoped.Follow(ctx, kai, activity.Query{Limit: 5})), name)
		for n, r := range results {
			_, err := scoped.Alert(ctx, kai, r.ID)
			_, failed := scoped.Incident(ctx, kai, r.Incident)
			if shown(r.Incident) {
				assert.NoError(t, err, "%s, %d", name, n)
				assert.NoError(t, failed, "%s, %d", name, n)
			} else {
				assert.ErrorIs(t, err, manager.ErrForbidden, "%s, %d", name, n)
				assert.ErrorIs(t, failed, manager.ErrForbidden, "%s, %d", name, n)
			}
		}
		require.NoError(t, scoped.View(ctx, kai, func(r storage.Reader) error {
			_, err := r.Content(ctx, attached.SHA256)
			assert.ErrorIs(t, err, storage.ErrNotFound, "no entry has named it yet")
			assert.Equal(t, entries, some(t, r.Activity(ctx, activity.Query{})))
			data, err := r.Content(ctx, attached.SHA256)
			assert.Equal(t, plan.Data, data)
			return err
		}))
	}
}

func ids(results []manager.Result) (ids []incident.ID) {
	for _, r := range results {
		ids = append(ids, r.Incident)
	}
	return ids
}

func some[T any](t *testing.T, seq iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for v, err := range seq {
		require.NoError(t, err)
		all = append(all, v)
	}
	return all
}

// BenchmarkScope loads so many incidents into s, which is empty. It compares a page, a count and facets of an actor
// whose Scope is a filter with those of an unrestricted actor who names the filter. "x/filter" is the time as a
// multiple of the latter's.
func BenchmarkScope(b *testing.B, s storage.Storage, incidents int) {
	ctx := b.Context()
	for cs := range (socday.Day{Seed: 1, Incidents: incidents}).Queue() {
		if _, err := s.Apply(ctx, cs); err != nil {
			b.Fatal(err)
		}
	}
	open := manager.New(s, nil)
	all, err := open.Facets(ctx, kai, incident.Query{})
	if err != nil {
		b.Fatal(err)
	}
	for name, scope := range map[string]incident.Query{
		"tag":      {Tags: []string{socday.Tag(0)}},
		"category": {Categories: slices.Sorted(maps.Keys(all.Categories))[:1]},
		"severity": {Severities: []alert.Severity{alert.High, alert.Medium}},
		"not":      {Except: []incident.Query{{Tags: []string{socday.Tag(0)}}}},
	} {
		scoped := manager.New(s, &manager.Options{
			Scope: func(context.Context, activity.Actor) (incident.Query, error) { return scope, nil },
		})
		for what, ask := range map[string]func(*manager.Manager, incident.Query) (int, error){
			"page": func(m *manager.Manager, q incident.Query) (n int, err error) {
				q.Limit = 50
				for _, err := range m.Incidents(ctx, kai, q) {
					if err != nil {
						return n, err
					}
					n++
				}
				return n, nil
			},
			"count": func(m *manager.Manager, q incident.Query) (int, error) { return m.Count(ctx, kai, q) },
			"facets": func(m *manager.Manager, q incident.Query) (int, error) {
				c, err := m.Facets(ctx, kai, q)
				return c.Total, err
			},
		} {
			b.Run(what+"/"+name, func(b *testing.B) {
				var took [2]time.Duration
				for b.Loop() {
					n, took0, err := timed(ask, open, scope)
					if err != nil {
						b.Fatal(err)
					}
					k, took1, err := timed(ask, scoped, incident.Query{})
					if err != nil || k != n {
						b.Fatalf("%d incidents, not %d: %v", k, n, err)
					}
					took[0] += took0
					took[1] += took1
				}
				b.ReportMetric(float64(took[1])/float64(took[0]), "x/filter")
			})
		}
	}
}

func timed(
	ask func(*manager.Manager, incident.Query) (int, error), m *manager.Manager, q incident.Query,
) (int, time.Duration, error) {
	began := time.Now()
	n, err := ask(m, q)
	return n, time.Since(began), err
}
