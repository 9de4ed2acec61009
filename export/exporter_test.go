package export

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// CollectFrom is Collect in a View of s.
func CollectFrom(ctx context.Context, s storage.Storage, id incident.ID, o *Options) (report Report, err error) {
	err = s.View(ctx, func(r storage.Reader) error {
		report, err = Collect(ctx, r, id, o)
		return err
	})
	return report, err
}

// openTo returns a view that shows everybody everything.
func openTo(s storage.Storage) func(context.Context, activity.Actor, func(storage.Reader) error) error {
	return func(ctx context.Context, _ activity.Actor, fn func(storage.Reader) error) error {
		return s.View(ctx, fn)
	}
}

// A desk is an exporter whose clock and Summarizer belong to the test: the Summarizer counts how often there is work, and waits to be let
// go on where a gate is set.
type desk struct {
	*Exporter
	store storage.Storage
	now   time.Time

	mu    sync.Mutex
	works int
	gate  chan error // an answer for each piece of work; nil lets all through
}

func newDesk(t *testing.T, o ExporterOptions) *desk {
	t.Helper()
	d := &desk{store: memory.New(), now: start}
	o.Now = func() time.Time { return d.now }
	o.Summarizer = func(ctx context.Context, _ Section, _ incident.Case, _ []activity.Entry) (string, error) {
		d.mu.Lock()
		d.works++
		d.mu.Unlock()
		if d.gate == nil {
			return "Prose.", nil
		}
		select {
		case err := <-d.gate:
			return "Prose.", err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	d.Exporter = NewExporter(openTo(d.store), &o)
	for _, id := range []incident.ID{"one", "two"} {
		e, err := incident.Create(incident.Command{ID: "create " + string(id), By: activity.Actor{ID: "mira"}, At: start}, id, incident.Draft{Name: string(id)}, nil, nil, classification.Defender())
		require.NoError(t, err)
		_, err = d.store.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{e.Incident}, Activity: e.Activity})
		require.NoError(t, err)
	}
	return d
}

// brief makes each piece of work one call of the Summarizer.
var brief = []Section{Overview, IncidentSummary}

func (d *desk) ask(t testing.TB, id incident.ID, o Options) *Export {
	t.Helper()
	if o.Sections == nil {
		o.Sections = brief
	}
	e, err := d.Export(t.Context(), kai, id, Markdown, &o)
	require.NoError(t, err)
	return e
}

func (d *desk) get(t testing.TB, id incident.ID, o Options) string {
	t.Helper()
	data, err := d.ask(t, id, o).Wait(t.Context())
	require.NoError(t, err)
	return string(data)
}

type outcome struct {
	data []byte
	err  error
}

// wait waits for e beside the test.
func wait(ctx context.Context, e *Export) chan outcome {
	got := make(chan outcome, 1)
	go func() {
		data, err := e.Wait(ctx)
		got <- outcome{data, err}
	}()
	return got
}

func TestWhoAsksAtOnceSharesTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, ExporterOptions{})
		d.gate = make(chan error)
		var all []chan outcome
		for range 20 {
			all = append(all, wait(t.Context(), d.ask(t, "one", Options{})))
		}
		synctest.Wait()
		d.gate <- nil
		first := <-all[0]
		require.NoError(t, first.err)
		want := string(first.data)
		for _, got := range all[1:] {
			other := <-got
			require.NoError(t, other.err)
			assert.Equal(t, want, string(other.data))
			clear(other.data) // belongs to the caller
		}
		assert.Equal(t, want, d.get(t, "one", Options{}))
		assert.Equal(t, 1, d.works)
		assert.Empty(t, d.runs)
	})
}

func TestResultsAreKeptForTwoMinutes(t *testing.T) {
	d := newDesk(t, ExporterOptions{})
	first := d.get(t, "one", Options{})
	d.now = start.Add(2*time.Minute - 1)
	assert.Equal(t, first, d.get(t, "one", Options{}))
	assert.Equal(t, Ready, d.ask(t, "one", Options{}).Progress().State)
	assert.Equal(t, 1, d.works)

	for n, o := range []Options{{Sections: []Section{IncidentSummary}}, {MaxAssets: 3}, {MaxEvidence: 3}, {Generated: start}, {Location: time.FixedZone("x", 60)}, {Taxonomy: new(classification.Defender())}} {
		d.get(t, "one", o)
		assert.Equal(t, n+2, d.works, "other options are another document")
	}
	d.get(t, "two", Options{})
	assert.Equal(t, 8, d.works)
	e, err := d.Export(t.Context(), kai, "one", HTML, &Options{Sections: brief})
	require.NoError(t, err)
	_, err = e.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 9, d.works)

	d.now = start.Add(2 * time.Minute)
	assert.Equal(t, Preparing, d.ask(t, "one", Options{}).Progress().State)
	assert.Equal(t, first, d.get(t, "one", Options{}))
	assert.Equal(t, 10, d.works)
}

// A change of the incident is another version, and in the next document at once.
func TestAChangeIsNotHiddenByWhatIsKept(t *testing.T) {
	d := newDesk(t, ExporterOptions{})
	d.get(t, "one", Options{})
	old, early := d.ask(t, "one", Options{}), d.ask(t, "one", Options{MaxAssets: 1})
	var i incident.Incident
	require.NoError(t, d.store.View(t.Context(), func(r storage.Reader) (err error) {
		i, err = r.Incident(t.Context(), "one")
		return err
	}))
	e, err := incident.Edit{Name: new("renamed")}.Apply(incident.Command{ID: "rename", By: activity.Actor{ID: "mira"}, At: start}, incident.Case{Incident: i}, classification.Defender())
	require.NoError(t, err)
	_, err = d.store.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{e.Incident}, Activity: e.Activity})
	require.NoError(t, err)
	assert.Contains(t, d.get(t, "one", Options{}), "renamed")
	data, err := old.Wait(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, string(data), "renamed", "what was ready stays as it is")

	data, err = early.Wait(t.Context())
	require.NoError(t, err)
	assert.Contains(t, string(data), "renamed", "what was not is of now")
	works := d.works
	d.get(t, "one", Options{MaxAssets: 1})
	assert.Equal(t, works, d.works, "and kept as that")
}

// Who gives up stops nobody else, whether they wait or do the work.
func TestWhoGivesUpStopsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, ExporterOptions{})
		d.gate = make(chan error)
		contexts, cancels, got := make([]context.Context, 3), make([]context.CancelFunc, 3), make([]chan outcome, 3)
		for n := range 3 {
			contexts[n], cancels[n] = context.WithCancel(t.Context())
			defer cancels[n]()
			got[n] = wait(contexts[n], d.ask(t, "one", Options{}))
			synctest.Wait() // the first does the work
		}
		cancels[1]()
		assert.ErrorIs(t, (<-got[1]).err, context.Canceled)
		assert.Equal(t, 1, d.works)
		cancels[0]()
		assert.ErrorIs(t, (<-got[0]).err, context.Canceled)
		synctest.Wait()
		assert.Equal(t, 2, d.works, "the last one does it")
		d.gate <- nil
		last := <-got[2]
		require.NoError(t, last.err)
		assert.Contains(t, string(last.data), "Prose.")
		assert.Empty(t, d.runs)
	})
}

func TestNobodyIsLeftWaitingByAPanic(t *testing.T) {
	d := newDesk(t, ExporterOptions{})
	d.gate = make(chan error)
	close(d.gate)
	summarize := d.Exporter.opts.Summarizer
	broken := true
	d.Exporter.opts.Summarizer = func(ctx context.Context, s Section, c incident.Case, log []activity.Entry) (string, error) {
		if broken {
			panic("broken")
		}
		return summarize(ctx, s, c, log)
	}
	e := d.ask(t, "one", Options{})
	assert.Panics(t, func() { _, _ = e.Wait(t.Context()) })
	broken = false
	_, err := e.Wait(t.Context())
	assert.NoError(t, err)
}

// What went wrong is told to all who waited, and not kept for those who come later.
func TestFailuresAreSharedAndNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, ExporterOptions{})
		d.gate = make(chan error)
		down := errors.New("model is down")
		first, second := d.ask(t, "one", Options{}), d.ask(t, "one", Options{})
		one, two := wait(t.Context(), first), wait(t.Context(), second)
		synctest.Wait()
		d.gate <- down
		assert.ErrorIs(t, (<-one).err, down)
		assert.ErrorIs(t, (<-two).err, down)
		assert.Equal(t, 1, d.works)
		assert.Equal(t, Failed, first.Progress().State)
		_, err := first.Wait(t.Context())
		assert.ErrorIs(t, err, down)

		third := wait(t.Context(), d.ask(t, "one", Options{}))
		synctest.Wait()
		d.gate <- nil
		assert.NoError(t, (<-third).err)
	})
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, ExporterOptions{})
		d.gate = make(chan error)
		o := Options{Sections: []Section{IncidentSummary, IncidentReport}}
		mine, other := d.ask(t, "one", o), d.ask(t, "one", o)
		assert.Equal(t, Progress{Preparing, 0, 4}, mine.Progress())
		got := wait(t.Context(), mine)
		synctest.Wait()
		assert.Equal(t, Progress{Preparing, 1, 4}, mine.Progress(), "read")
		d.gate <- nil
		synctest.Wait()
		assert.Equal(t, Progress{Preparing, 2, 4}, other.Progress(), "seen by all")
		d.gate <- nil
		require.NoError(t, (<-got).err)
		assert.Equal(t, Progress{Ready, 4, 4}, mine.Progress())
		assert.Equal(t, Progress{Ready, 4, 4}, other.Progress())
	})
}

func TestOnlySoManyExportsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, ExporterOptions{MaxRuns: 1})
		d.gate = make(chan error)
		one := wait(t.Context(), d.ask(t, "one", Options{}))
		synctest.Wait()
		two := wait(t.Context(), d.ask(t, "two", Options{}))
		ctx, cancel := context.WithCancel(t.Context())
		three := wait(ctx, d.ask(t, "one", Options{MaxAssets: 1}))
		synctest.Wait()
		assert.Equal(t, 1, d.works)
		cancel()
		assert.ErrorIs(t, (<-three).err, context.Canceled)
		d.gate <- nil
		synctest.Wait()
		assert.Equal(t, 2, d.works)
		d.gate <- nil
		assert.NoError(t, (<-one).err)
		assert.NoError(t, (<-two).err)
	})
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	size := len(newDesk(t, ExporterOptions{}).get(t, "one", Options{}))
	d := newDesk(t, ExporterOptions{MaxBytes: 2 * size})
	for n := range 3 {
		d.get(t, "one", Options{MaxAssets: n + 1})
		assert.LessOrEqual(t, d.bytes, 2*size)
	}
	assert.Len(t, d.kept, 2)
	d.get(t, "one", Options{MaxAssets: 3})
	d.get(t, "one", Options{MaxAssets: 2})
	assert.Equal(t, 3, d.works)
	d.get(t, "one", Options{MaxAssets: 1})
	assert.Equal(t, 4, d.works, "the oldest went first")

	d = newDesk(t, ExporterOptions{MaxBytes: size - 1})
	d.get(t, "one", Options{})
	d.get(t, "one", Options{})
	assert.Equal(t, 2, d.works)
	assert.Zero(t, d.bytes)
}

func TestNothingIsKeptWithoutAClock(t *testing.T) {
	d := newDesk(t, ExporterOptions{})
	x := NewExporter(openTo(d.store), nil)
	e, err := x.Export(t.Context(), kai, "one", PDF, nil)
	require.NoError(t, err)
	data, err := e.Wait(t.Context())
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(data, []byte("%PDF-")))
	assert.Empty(t, x.kept)
	again, err := e.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, data, again)
}

func TestExporterMakesEveryFormat(t *testing.T) {
	d := newDesk(t, ExporterOptions{})
	for f, want := range map[Format]string{PDF: "%PDF-", HTML: "<!DOCTYPE html>", Markdown: "# Incident 1", JSON: `{"version":2,`, Indicators: "type,value,"} {
		e, err := d.Export(t.Context(), kai, "one", f, nil)
		require.NoError(t, err)
		data, err := e.Wait(t.Context())
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(data, []byte(want)), "%s: %.40s", f, data)
		back, err := ParseFormat(f.String())
		require.NoError(t, err)
		assert.Equal(t, f, back)
	}
	var r Report
	e, err := d.Export(t.Context(), kai, "one", JSON, nil)
	require.NoError(t, err)
	data, err := e.Wait(t.Context())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &r))
	assert.Equal(t, "one", r.Incident.Name)
}

func TestExporterErrors(t *testing.T) {
	d := newDesk(t, ExporterOptions{})
	_, err := d.Export(t.Context(), kai, "three", PDF, nil)
	assert.ErrorIs(t, err, storage.ErrNotFound)
	_, err = d.Export(t.Context(), kai, "one", Indicators+1, nil)
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = d.Export(t.Context(), kai, "one", PDF, &Options{Summarizer: d.opts.Summarizer})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = d.Export(t.Context(), kai, "one", PDF, &Options{Sections: []Section{99}})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	e := d.ask(t, "one", Options{})
	cancel()
	_, err = e.Wait(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, Preparing, e.Progress().State, "to be waited for again")
	_, err = e.Wait(t.Context())
	assert.NoError(t, err)
	assert.NotEmpty(t, State(9).String())
}

// A comment that was redacted in the incident that others were merged into is redacted in the logs of those as well, and their
// versions stay.
func TestWhatMayChangeBehindAVersionIsNotKept(t *testing.T) {
	d := newDesk(t, ExporterOptions{})
	merged := incident.Incident{ID: "merged", Status: incident.Redirected, RedirectTo: "one", Created: start, Updated: start}
	comment := activity.Entry{ID: "said", Incident: "merged", Type: activity.Commented, Time: start, Actor: activity.Actor{ID: "mira"}, Text: "the secret"}
	_, err := d.store.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{merged}, Activity: []activity.Entry{comment}})
	require.NoError(t, err)
	asked := Options{Sections: []Section{IncidentSummary, Activity}}
	assert.Contains(t, d.get(t, "merged", asked), "the secret")

	_, err = d.store.Apply(t.Context(), storage.Changeset{Redact: []activity.ID{"said"}})
	require.NoError(t, err)
	assert.NotContains(t, d.get(t, "merged", asked), "the secret")
	assert.Equal(t, 2, d.works)
}

// PDFs are drawn as the options of the exporter say.
func TestExporterHandsOnHowPDFsAreDrawn(t *testing.T) {
	d := newDesk(t, ExporterOptions{PDF: PDFOptions{Paper: Letter, Author: "SOC of Contoso", NoData: true}})
	e, err := d.Export(t.Context(), kai, "one", PDF, nil)
	require.NoError(t, err)
	file, err := e.Wait(t.Context())
	require.NoError(t, err)
	info := tool(t, file, "pdfinfo", "FILE")
	assert.Contains(t, info, "(letter)")
	assert.Contains(t, info, "SOC of Contoso")
	assert.NotContains(t, string(file), "/EmbeddedFile")
}
