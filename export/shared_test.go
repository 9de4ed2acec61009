package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A guarded storage hides incidents from actors, as a manager with an Authorizer does. A hidden one cannot be read by
// its ID, and is in no sequence.
type guarded struct {
	storage.Storage
	hidden map[activity.Actor]map[incident.ID]bool
}

var (
	errHidden = errors.New("forbidden")
	ann       = activity.Actor{ID: "ann"}
	ben       = activity.Actor{ID: "ben"}
)

func guard(s storage.Storage) guarded {
	return guarded{s, map[activity.Actor]map[incident.ID]bool{ann: {}, ben: {}}}
}

func (g guarded) view(ctx context.Context, by activity.Actor, fn func(storage.Reader) error) error {
	return g.View(ctx, func(r storage.Reader) error { return fn(guardedReader{r, g.hidden[by]}) })
}

// fresh returns what by is to be given of an incident.
func (g guarded) fresh(ctx context.Context, by activity.Actor, id incident.ID) (data []byte, err error) {
	err = g.view(ctx, by, func(r storage.Reader) error {
		report, err := Collect(ctx, r, id, nil)
		if err == nil {
			data, err = json.Marshal(report)
		}
		return err
	})
	return data, err
}

type guardedReader struct {
	storage.Reader
	hidden map[incident.ID]bool
}

func (r guardedReader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	if r.hidden[id] {
		return incident.Incident{}, errHidden
	}
	return r.Reader.Incident(ctx, id)
}

func (r guardedReader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	return unhidden(r.Reader.Incidents(ctx, q), func(i incident.Incident) bool { return r.hidden[i.ID] })
}

func (r guardedReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return unhidden(r.Reader.Alerts(ctx, q), func(a alert.Alert) bool { return r.hidden[a.Incident] })
}

func (r guardedReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return unhidden(r.Reader.Activity(ctx, q), func(e activity.Entry) bool { return r.hidden[e.Incident] })
}

func unhidden[T any](all iter.Seq2[T, error], hidden func(T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range all {
			if (err != nil || !hidden(v)) && !yield(v, err) {
				return
			}
		}
	}
}

// A report names an incident that is not shown by its ID alone, and tells nothing of what was merged into that one.
func TestOthersThatAreNotShown(t *testing.T) {
	q := newShelf(t, "a", "b", "c")
	q.merge("a", "b")
	second := q.merge("b", "c")
	report := func(id incident.ID, hidden incident.ID, o *Options) (r Report) {
		g := guard(q)
		g.hidden[ann][hidden] = true
		require.NoError(t, g.view(t.Context(), ann, func(reader storage.Reader) (err error) {
			r, err = Collect(t.Context(), reader, id, o)
			return err
		}))
		return r
	}
	r := report("c", "b", nil)
	assert.Equal(t, []MergedRow{{ID: "b", Time: second, By: kai}}, r.MergedFrom)
	everywhere(t, r, "Incident b was merged into it.")
	r = report("a", "b", nil)
	require.Len(t, r.MergedInto, 1)
	row := r.MergedInto[0]
	assert.Equal(t, MergedRow{ID: "b"}, MergedRow{ID: row.ID, Number: row.Number, Name: row.Name})
	r = report("a", "c", &Options{Hide: Hidden{Devices: true}})
	require.Len(t, r.MergedInto, 2)
	assert.Equal(t, MergedRow{ID: "c", Time: second, By: kai, Via: "b"}, r.MergedInto[1])
}

// Whatever is asked for, kept, changed and hidden, also between asking and waiting, an actor is given what a report
// read for this actor says at that moment, and nothing of an incident that is hidden.
func TestWhatIsKeptIsForThoseWhoMaySeeIt(t *testing.T) {
	ids := []incident.ID{"a", "b", "c", "d"}
	rapid.Check(t, func(rt *rapid.T) {
		q := newShelf(t, ids...)
		g := guard(q)
		x := NewExporter(g.view, &ExporterOptions{Now: func() time.Time { return start }})
		actors, one := rapid.SampledFrom([]activity.Actor{ann, ben}), rapid.SampledFrom(ids)
		toggle := func(*rapid.T) {
			by, id := actors.Draw(rt, "whose"), one.Draw(rt, "hidden")
			g.hidden[by][id] = !g.hidden[by][id]
		}
		rt.Repeat(map[string]func(*rapid.T){
			"hide": toggle,
			"merge": func(*rapid.T) {
				source, target := one.Draw(rt, "source"), one.Draw(rt, "target")
				if source != target && q.of(source).Incident.Status.Open() && q.of(target).Incident.Status.Open() {
					q.merge(source, target)
				}
			},
			"export": func(*rapid.T) {
				by, id := actors.Draw(rt, "actor"), one.Draw(rt, "of")
				e, err := x.Export(t.Context(), by, id, JSON, nil)
				require.Equal(rt, g.hidden[by][id], errors.Is(err, errHidden), "%v", err)
				if err != nil {
					return
				}
				if rapid.Bool().Draw(rt, "meanwhile") {
					toggle(rt)
				}
				want, wantErr := g.fresh(t.Context(), by, id)
				got, err := e.Wait(t.Context())
				require.Equal(rt, wantErr != nil, errors.Is(err, errHidden), "%v", err)
				require.Equal(rt, string(want), string(got))
			},
		})
	})
}

// A watch is a desk whose incidents are hidden from some actors. Incident b was merged into a.
type watch struct {
	*desk
	guarded
}

func newWatch(t *testing.T, kept bool) watch {
	t.Helper()
	q := newShelf(t, "a", "b")
	q.merge("b", "a")
	w := watch{newDesk(t, ExporterOptions{}), guard(q)}
	w.gate = make(chan error)
	o := w.Exporter.opts
	if !kept {
		o.Now = nil
	}
	w.Exporter = NewExporter(w.view, &o)
	return w
}

// ask returns where what by is given will come.
func (w watch) ask(t *testing.T, by activity.Actor) chan outcome {
	t.Helper()
	e, err := w.Export(t.Context(), by, "a", Markdown, &Options{Sections: brief})
	require.NoError(t, err)
	got := wait(t.Context(), e)
	synctest.Wait()
	return got
}

// Each with another view is given a document of their own, whether they ask at once or one after the other.
func TestViewsThatDifferShareNoWork(t *testing.T) {
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprint("kept=", kept), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatch(t, kept)
				w.hidden[ben]["b"] = true
				all, few := w.ask(t, ann), w.ask(t, ben)
				assert.Equal(t, 2, w.works)
				w.gate <- nil
				w.gate <- nil
				assert.Contains(t, document(t, all), "Theft at host-b")
				assert.NotContains(t, document(t, few), "Theft at host-b")
				close(w.gate)
				assert.Contains(t, document(t, w.ask(t, ann)), "Theft at host-b")
				assert.NotContains(t, document(t, w.ask(t, ben)), "Theft at host-b")
				if kept {
					assert.Equal(t, 2, w.works)
				}
			})
		})
	}
}

func document(t *testing.T, got chan outcome) string {
	t.Helper()
	o := <-got
	require.NoError(t, o.err)
	return string(o.data)
}

// A right that is taken away while another actor does the work counts: for the incident, and for the others in its
// report. The work is done for the actor who has it still.
func TestRightsAreLookedAtWhenTheWorkIsDone(t *testing.T) {
	for _, kept := range []bool{true, false} {
		for _, hidden := range []incident.ID{"a", "b"} {
			t.Run(fmt.Sprint("kept=", kept, "/hidden=", hidden), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWatch(t, kept)
					leads, follows := w.ask(t, ann), w.ask(t, ben)
					assert.Equal(t, 1, w.works)
					w.hidden[ben][hidden] = true
					w.gate <- nil
					assert.Contains(t, document(t, leads), "Theft at host-b")
					close(w.gate)
					got := <-follows
					if hidden == "a" {
						assert.ErrorIs(t, got.err, errHidden)
						assert.Equal(t, 1, w.works)
					} else {
						require.NoError(t, got.err)
						assert.NotContains(t, string(got.data), "Theft at host-b")
					}
				})
			})
		}
	}
}

// An actor from whom the incident is hidden is given nothing that was kept for others, or for this actor before.
func TestNothingKeptForThoseWhoMayNotReadAnyMore(t *testing.T) {
	w := newWatch(t, true)
	close(w.gate)
	export := func() (*Export, error) { return w.Export(t.Context(), ben, "a", Markdown, &Options{Sections: brief}) }
	first, err := export()
	require.NoError(t, err)
	data, err := first.Wait(t.Context())
	require.NoError(t, err)
	ready, err := export()
	require.NoError(t, err)
	require.Equal(t, Ready, ready.Progress().State)

	w.hidden[ben]["a"] = true
	_, err = export()
	assert.ErrorIs(t, err, errHidden)
	_, err = ready.Wait(t.Context())
	assert.ErrorIs(t, err, errHidden, "asked for before, and not given yet")
	again, err := first.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, data, again, "given before")
}

// What keeps one actor from reading ends the wait of no other.
func TestWhoMayNotReadLeadsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, false)
		for range cap(w.slots) {
			w.slots <- struct{}{} // others do work
		}
		leads, follows := w.ask(t, ann), w.ask(t, ben)
		w.hidden[ann]["a"] = true
		close(w.gate)
		for range cap(w.slots) {
			<-w.slots
		}
		assert.ErrorIs(t, (<-leads).err, errHidden)
		assert.Contains(t, document(t, follows), "Theft at host-b")
	})
}

// A change while many wait is work once, with results kept or without.
func TestAChangeWhileManyWaitIsWorkOnce(t *testing.T) {
	for _, kept := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWatch(t, kept)
			for range cap(w.slots) {
				w.slots <- struct{}{}
			}
			var all []chan outcome
			for range 10 {
				all = append(all, w.ask(t, ann), w.ask(t, ben))
			}
			p := w.guarded.Storage.(*shelf).of("a")
			e, err := incident.Edit{Name: new("renamed")}.Apply(
				incident.Command{ID: "rename", By: kai, At: start}, p.Case, classification.Defender())
			require.NoError(t, err)
			w.guarded.Storage.(*shelf).apply(e)
			close(w.gate)
			for range cap(w.slots) {
				<-w.slots
			}
			for _, got := range all {
				assert.Contains(t, document(t, got), "renamed")
			}
			assert.Equal(t, 1, w.works)
		})
	}
}
