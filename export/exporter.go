package export

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/enum"
	"github.com/incidentkit/incidentkit/storage"
)

// A Format is what an [Exporter] makes of a report.
type Format uint8

// The formats. The zero Format is PDF.
const (
	PDF        Format = iota // see WritePDF
	HTML                     // see WriteHTML
	Markdown                 // see WriteMarkdown
	JSON                     // see Report.MarshalJSON
	Indicators               // see WriteIndicatorsCSV; of the sections Assets and Evidence
)

var formatNames = []string{"pdf", "html", "markdown", "json", "indicators"}

// ParseFormat returns the format named by text, whatever the case of its letters. Any other text is an
// [*alert.FieldError].
func ParseFormat(text string) (Format, error) {
	if f, ok := enum.Parse[Format](formatNames, text); ok {
		return f, nil
	}
	return PDF, &alert.FieldError{Field: "format", Value: text, Want: enum.Want(formatNames)}
}

// String returns the format's text, such as "pdf".
func (f Format) String() string { return enum.Text(formatNames, "format", f) }

// A State says how far an export has come.
type State uint8

// The states. The zero State is Preparing.
const (
	Preparing State = iota // somebody waits for it, or nobody yet
	Ready                  // Wait has it
	Failed                 // Wait failed
)

// String returns the state's text, such as "ready".
func (s State) String() string {
	return enum.Text([]string{"preparing", "ready", "failed"}, "state", s)
}

// ExporterOptions are the settings of an [Exporter].
type ExporterOptions struct {
	// Now is the clock by which results are kept. Nil means that none is: who asks at once shares one run, who asks
	// later starts another.
	Now        func() time.Time
	Keep       time.Duration // how long a result is kept; less than 1 means two minutes
	MaxBytes   int           // how much is kept, the oldest going first; less than 1 means 64 MiB
	MaxRuns    int           // how many exports are made at once, others waiting; less than 1 means 2
	Summarizer Summarizer    // as in Options; nil means none
	PDF        PDFOptions    // how PDFs are drawn
}

// An Exporter makes documents of incidents for many callers at once. Callers who ask for the same version of an
// incident in the same format with the same options share the work of the first one, and for two minutes its result.
// Source of the time: "a couple of minutes" in Microsoft Defender XDR. The report of an incident that was merged into
// another is not kept, since a redaction changes its log and not its version.
//
// Callers who may see different things share nothing that one of them may not see. Every result is asked for
// on behalf of an actor. Before the actor gets what another one's call made, the Exporter looks at the
// incident, and at the incidents that the report names, as the actor may see them at that moment.
//
// An Exporter starts no goroutine: those who wait do the work. It may be used by several goroutines.
type Exporter struct {
	view  func(context.Context, activity.Actor, func(storage.Reader) error) error
	opts  ExporterOptions
	slots chan struct{} // one token for each export that is being made

	mu    sync.Mutex
	runs  map[exportKey]*run // those that somebody waits for
	kept  map[exportKey]keptResult
	order []exportKey // of kept, the oldest first
	bytes int         // of kept
}

// exportKey tells exports apart. Options are as completed, but for the pointers, which are as given.
type exportKey struct {
	id        incident.ID
	version   int64
	others    string // which other incidents are shown, see related
	format    Format
	sections  string
	generated time.Time
	location  *time.Location
	taxonomy  *classification.Taxonomy

	maxAssets, maxEvidence, maxImageBytes int

	hide   Hidden
	layout string // in full, but for the logo its digest
}

// at returns k for what was read of the incident and the others.
func (k exportKey) at(i incident.Incident, others related) exportKey {
	k.version, k.others = i.Version, string(others.shown)
	return k
}

type keptResult struct {
	data  []byte
	until time.Time
}

// A run is an export that at least one caller waits for.
type run struct {
	key     exportKey
	lead    chan struct{} // one token, of the caller who does the work
	done    chan struct{} // closed when result is there
	result  exportResult
	waiting int
	steps   int
}

type exportResult struct {
	key  exportKey // of what was read, which may be later than when it was asked for
	data []byte
	err  error
}

// NewExporter returns an Exporter of the incidents that view shows. A nil o means the defaults.
//
// view calls fn with a Reader of one moment that shows what the actor by may read, and returns fn's error, as
// the method View of a manager does. It may hide whole incidents from an actor, with their alerts and their
// log. Then the Reader's Incident returns an error, and its sequences leave them out. An incident that it
// does show must be the same for every actor.
func NewExporter(
	view func(ctx context.Context, by activity.Actor, fn func(storage.Reader) error) error, o *ExporterOptions,
) *Exporter {
	x := &Exporter{view: view, runs: map[exportKey]*run{}, kept: map[exportKey]keptResult{}}
	if o != nil {
		x.opts = *o
	}
	if x.opts.Keep < 1 {
		x.opts.Keep = 2 * time.Minute
	}
	if x.opts.MaxBytes < 1 {
		x.opts.MaxBytes = 64 << 20
	}
	if x.opts.MaxRuns < 1 {
		x.opts.MaxRuns = 2
	}
	x.slots = make(chan struct{}, x.opts.MaxRuns)
	return x
}

// An Export is one document that an actor asked for. It may be used by several goroutines.
type Export struct {
	exporter *Exporter
	by       activity.Actor
	opts     Options

	// guarded by exporter.mu
	key    exportKey     // of what the actor was shown last
	found  *exportResult // made by another call; nil until there is one, and taken only when the actor may see it
	result *exportResult // what Wait returns; nil until there is one
}

// Progress is how far an export has come.
type Progress struct {
	State State
	Done  int // steps that are done: reading, each text that a Summarizer writes, drawing
	Total int // steps there are
}

// Export asks on behalf of by for the incident with the given ID as it is now, in the format f. A nil o means the
// defaults; a Summarizer belongs in the [ExporterOptions], and one in o is refused. Locations and taxonomies are the
// same when their pointers are. Export looks at the incident and for a result that is kept; [Export.Wait] does the
// rest. The error is that of the view or of its Reader, such as [storage.ErrNotFound], or an [*alert.FieldError].
func (x *Exporter) Export(
	ctx context.Context, by activity.Actor, id incident.ID, f Format, o *Options,
) (*Export, error) {
	var given Options
	if o != nil {
		given = *o
	}
	if given.Summarizer != nil {
		return nil, &alert.FieldError{Field: "summarizer", Want: "one for all exports in ExporterOptions"}
	}
	if int(f) >= len(formatNames) {
		_, err := ParseFormat(f.String())
		return nil, err
	}
	given.Summarizer = x.opts.Summarizer
	opts, err := given.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Export{exporter: x, by: by, opts: opts}
	e.key, err = e.look(ctx, exportKey{
		id: id, format: f, sections: fmt.Sprint(opts.Sections), generated: opts.Generated.Round(0).UTC(),
		location: opts.Location, taxonomy: given.Taxonomy, maxAssets: opts.MaxAssets, maxEvidence: opts.MaxEvidence,
		maxImageBytes: opts.MaxImageBytes, hide: opts.Hide, layout: opts.Layout.digest(),
	})
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	e.find()
	return e, nil
}

// look returns the key of what the actor is shown now.
func (e *Export) look(ctx context.Context, key exportKey) (exportKey, error) {
	err := e.exporter.view(ctx, e.by, func(r storage.Reader) error {
		i, err := r.Incident(ctx, key.id)
		if err != nil {
			return err
		}
		others, err := relatives(ctx, r, i, false)
		key = key.at(i, others)
		return err
	})
	if err != nil {
		return key, fmt.Errorf("export: look at incident %s: %w", key.id, err)
	}
	return key, nil
}

// find looks for a result that is kept. The lock is held.
func (e *Export) find() {
	x := e.exporter
	x.forget(0)
	if k, ok := x.kept[e.key]; ok && e.found == nil {
		e.found = &exportResult{key: e.key, data: k.data}
	}
}

// Progress returns how far e has come, whoever does the work.
func (e *Export) Progress() Progress {
	e.exporter.mu.Lock()
	defer e.exporter.mu.Unlock()
	p := Progress{Total: e.total()}
	e.find()
	switch result := cmp.Or(e.result, e.found); {
	case result == nil:
		if r := e.exporter.runs[e.key]; r != nil {
			p.Done = r.steps
		}
	case result.err != nil:
		p.State = Failed
	default:
		p.State, p.Done = Ready, p.Total
	}
	return p
}

// total counts the steps.
func (e *Export) total() int {
	n := 2
	for _, s := range e.opts.Sections {
		if s.prose() && e.opts.Summarizer != nil {
			n++
		}
	}
	return n
}

// Wait returns the document, which belongs to the caller. It does the work itself unless another call is
// doing it. When that call gives up because its context is done, or fails to read, one of those who wait
// begins anew. What another call made is returned only when the actor may still see the incident, and sees of
// others what that call saw; else Wait asks again for what the actor sees now. Once Wait has returned a
// document or an error, it does so again; the error of a context that is done does not count.
func (e *Export) Wait(ctx context.Context) ([]byte, error) {
	for {
		if result := e.answer(); result != nil {
			return bytes.Clone(result.data), result.err
		}
		if err := e.advance(ctx); err != nil {
			return nil, err
		}
	}
}

func (e *Export) answer() *exportResult {
	e.exporter.mu.Lock()
	defer e.exporter.mu.Unlock()
	return e.result
}

// settle makes result the answer, unless another call of Wait had one first. The lock is held.
func (e *Export) settle(result *exportResult) { e.result = cmp.Or(e.result, result) }

// advance finds a result, makes one or waits for one. The error is that of ctx.
func (e *Export) advance(ctx context.Context) error {
	found, r := e.join()
	if r != nil {
		defer e.leave(r)
		if err := ctx.Err(); err != nil {
			return r.ended(err)
		}
		select {
		case <-r.done:
		case r.lead <- struct{}{}:
			defer func() { <-r.lead }() // even when a Summarizer panics
			select {
			case <-r.done:
			default:
				return e.work(ctx, r)
			}
		case <-ctx.Done():
			return r.ended(ctx.Err())
		}
		found = &r.result
	}
	return e.accept(ctx, found)
}

// ended returns the error of a call that err ended before r had a result.
func (r *run) ended(err error) error {
	return fmt.Errorf("export: wait for incident %s: %w", r.key.id, err)
}

// join returns the result that is kept, or the run to wait for.
func (e *Export) join() (*exportResult, *run) {
	x := e.exporter
	x.mu.Lock()
	defer x.mu.Unlock()
	if e.find(); e.found != nil {
		return e.found, nil
	}
	r := x.runs[e.key]
	if r == nil {
		r = &run{key: e.key, lead: make(chan struct{}, 1), done: make(chan struct{})}
		x.runs[e.key] = r
	}
	r.waiting++
	return nil, r
}

func (e *Export) leave(r *run) {
	x := e.exporter
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.waiting--; r.waiting == 0 && x.runs[r.key] == r {
		delete(x.runs, r.key)
	}
}

// accept takes a result that another call made, if the actor may see all of it; else it only notes what the
// actor sees now.
func (e *Export) accept(ctx context.Context, found *exportResult) error {
	now, err := e.look(ctx, found.key)
	if err != nil && ctx.Err() != nil {
		return err
	}
	e.exporter.mu.Lock()
	defer e.exporter.mu.Unlock()
	if err != nil {
		e.settle(&exportResult{err: err})
		return nil
	}
	if found.key == now || found.key == e.key && found.key.others == now.others {
		e.settle(found)
	}
	e.key, e.found = now, nil
	return nil
}

// work makes the document for all who wait for r. An error is that of ctx: the work is for another call to do. What
// keeps this actor from reading is no result for the others.
func (e *Export) work(ctx context.Context, r *run) error {
	result, lasts, err := e.make(ctx, r)
	x := e.exporter
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil && ctx.Err() != nil {
		err = result.err
	}
	if err != nil {
		r.steps = 0
		if ctx.Err() != nil {
			return err
		}
		e.settle(&exportResult{err: err})
		return nil
	}
	r.result = result
	close(r.done)
	delete(x.runs, r.key)
	if result.err == nil && x.opts.Now != nil && lasts {
		x.keep(result.key, result.data)
	}
	e.settle(&r.result)
	return nil
}

// make reads as e's actor and draws. The error is that of reading; lasts is whether the result may be kept.
func (e *Export) make(ctx context.Context, r *run) (result exportResult, lasts bool, err error) {
	x := e.exporter
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	case <-ctx.Done():
		return result, false, r.ended(ctx.Err())
	}
	var m material
	err = x.view(ctx, e.by, func(reader storage.Reader) (err error) {
		m, err = gather(ctx, reader, r.key.id, e.opts)
		return err
	})
	if err != nil {
		return result, false, fmt.Errorf("export: collect incident %s: %w", r.key.id, err)
	}
	result.key = r.key.at(m.Incident, m.others)
	result.data, result.err = e.draw(ctx, r, m)
	return result, m.Incident.Status != incident.Redirected, nil
}

// draw makes the document of m.
func (e *Export) draw(ctx context.Context, r *run, m material) ([]byte, error) {
	x := e.exporter
	steps := func(n int) {
		x.mu.Lock()
		defer x.mu.Unlock()
		r.steps = n
	}
	opts, done := e.opts, 1
	if opts.Summarizer != nil {
		opts.Summarizer = func(ctx context.Context, s Section, c incident.Case, log []activity.Entry) (string, error) {
			steps(done)
			done++
			return e.opts.Summarizer(ctx, s, c, log)
		}
	}
	report, err := m.report(ctx, opts)
	if err != nil {
		return nil, err
	}
	steps(e.total() - 1)
	var b bytes.Buffer
	switch r.key.format {
	case HTML:
		err = WriteHTML(ctx, &b, report)
	case Markdown:
		err = WriteMarkdown(ctx, &b, report)
	case JSON:
		var text []byte
		text, err = json.Marshal(report)
		b.Write(text)
	case Indicators:
		err = WriteIndicatorsCSV(ctx, &b, report)
	default:
		err = WritePDF(ctx, &b, report, &x.opts.PDF)
	}
	return b.Bytes(), err
}

// keep remembers a result, if there is room for it at all. The lock is held.
func (x *Exporter) keep(key exportKey, data []byte) {
	if len(data) > x.opts.MaxBytes {
		return
	}
	x.drop(key)
	x.forget(len(data))
	x.kept[key] = keptResult{data, x.opts.Now().Add(x.opts.Keep)}
	x.order = append(x.order, key)
	x.bytes += len(data)
}

// forget drops what is too old, and what stands in the way of more bytes. The lock is held.
func (x *Exporter) forget(more int) {
	for len(x.order) > 0 && (x.bytes+more > x.opts.MaxBytes || !x.opts.Now().Before(x.kept[x.order[0]].until)) {
		x.drop(x.order[0])
	}
}

func (x *Exporter) drop(key exportKey) {
	if n := slices.Index(x.order, key); n >= 0 {
		x.order = slices.Delete(x.order, n, n+1)
		x.bytes -= len(x.kept[key].data)
		delete(x.kept, key)
	}
}
