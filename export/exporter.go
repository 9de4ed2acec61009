package export

import (
	"bytes"
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
	PDF      Format = iota // see WritePDF
	HTML                   // see WriteHTML
	Markdown               // see WriteMarkdown
	JSON                   // see Report.MarshalJSON
)

var formatNames = []string{"pdf", "html", "markdown", "json"}

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

// An Exporter makes documents of incidents for many people at once: who asks for the same version of an incident in
// the same format with the same options gets the work of the one who asked first, and for two minutes its result. Source of the
// time: "a couple of minutes" in Microsoft Defender XDR. The report of an incident that was merged into another is not kept, since a
// redaction changes its log and not its version. It starts no goroutine: the work is done by those who wait for it. It
// may be used by several goroutines.
type Exporter struct {
	storage storage.Storage
	opts    ExporterOptions
	slots   chan struct{} // one token for each export that is being made

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
	format    Format
	sections  string
	generated time.Time
	location  *time.Location
	taxonomy  *classification.Taxonomy

	maxAssets, maxEvidence, maxImageBytes int

	hide Hidden
}

type keptResult struct {
	data  []byte
	until time.Time
}

// A run is an export that at least one caller waits for.
type run struct {
	lead    chan struct{} // one token, of the caller who does the work
	done    chan struct{} // closed when result is there
	result  exportResult
	waiting int
	steps   int
}

type exportResult struct {
	data []byte
	err  error
}

// NewExporter returns an Exporter of the incidents in s. A nil o means the defaults.
func NewExporter(s storage.Storage, o *ExporterOptions) *Exporter {
	x := &Exporter{storage: s, runs: map[exportKey]*run{}, kept: map[exportKey]keptResult{}}
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

// An Export is one document that was asked for. It may be used by several goroutines.
type Export struct {
	exporter *Exporter
	key      exportKey
	opts     Options

	result *exportResult // guarded by exporter.mu; nil until there is one
}

// Progress is how far an export has come.
type Progress struct {
	State State
	Done  int // steps that are done: reading, each text that a Summarizer writes, drawing
	Total int // steps there are
}

// Export asks for the incident with the given ID as it is now, in the format f. A nil o means the defaults; a Summarizer belongs in the
// [ExporterOptions], and one in o is refused. Locations and taxonomies are the same when their pointers are. All it does is to
// look at the incident and for a result that is kept; the rest is done by [Export.Wait]. The error is one of
// [Collect].
func (x *Exporter) Export(ctx context.Context, id incident.ID, f Format, o *Options) (*Export, error) {
	var given Options
	if o != nil {
		given = *o
	}
	if given.Summarizer != nil {
		return nil, &alert.FieldError{Field: "summarizer", Want: "one for all exports in ExporterOptions"}
	}
	if f > JSON {
		_, err := ParseFormat(f.String())
		return nil, err
	}
	given.Summarizer = x.opts.Summarizer
	opts, err := given.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Export{exporter: x, opts: opts, key: exportKey{
		id: id, format: f, sections: fmt.Sprint(opts.Sections), generated: opts.Generated.Round(0).UTC(), location: opts.Location,
		taxonomy: given.Taxonomy, maxAssets: opts.MaxAssets, maxEvidence: opts.MaxEvidence, maxImageBytes: opts.MaxImageBytes, hide: opts.Hide,
	}}
	err = x.storage.View(ctx, func(r storage.Reader) error {
		i, err := r.Incident(ctx, id)
		e.key.version = i.Version
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("export: look at incident %s: %w", id, err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	e.find()
	return e, nil
}

// find takes the result that is kept, if there is one. The lock is held.
func (e *Export) find() {
	x := e.exporter
	x.forget(0)
	if k, ok := x.kept[e.key]; ok && e.result == nil {
		e.result = &exportResult{data: k.data}
	}
}

// Progress returns how far e has come, whoever does the work.
func (e *Export) Progress() Progress {
	e.exporter.mu.Lock()
	defer e.exporter.mu.Unlock()
	p := Progress{Total: e.total()}
	if e.result == nil {
		e.find()
	}
	switch {
	case e.result == nil:
		if r := e.exporter.runs[e.key]; r != nil {
			p.Done = r.steps
		}
	case e.result.err != nil:
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

// Wait returns the document, which belongs to the caller. It does the work itself unless somebody else is doing it; when that one
// gives up because its context is done, one of those who wait begins anew. Once it has returned a document or what went wrong,
// it does so again; a context that is done, which is that of this caller alone, does not count.
func (e *Export) Wait(ctx context.Context) ([]byte, error) {
	r := e.join()
	if r == nil {
		return e.answer()
	}
	defer e.leave(r)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("export: wait for incident %s: %w", e.key.id, err)
	}
	select {
	case <-r.done:
	case r.lead <- struct{}{}:
		if err := e.work(ctx, r); err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("export: wait for incident %s: %w", e.key.id, ctx.Err())
	}
	e.exporter.mu.Lock()
	e.result = &r.result
	e.exporter.mu.Unlock()
	return e.answer()
}

// join returns the run to wait for, nil when there is a result.
func (e *Export) join() *run {
	x := e.exporter
	x.mu.Lock()
	defer x.mu.Unlock()
	if e.result == nil {
		e.find()
	}
	if e.result != nil {
		return nil
	}
	r := x.runs[e.key]
	if r == nil {
		r = &run{lead: make(chan struct{}, 1), done: make(chan struct{})}
		x.runs[e.key] = r
	}
	r.waiting++
	return r
}

func (e *Export) leave(r *run) {
	x := e.exporter
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.waiting--; r.waiting == 0 && x.runs[e.key] == r {
		delete(x.runs, e.key)
	}
}

func (e *Export) answer() ([]byte, error) {
	e.exporter.mu.Lock()
	defer e.exporter.mu.Unlock()
	return bytes.Clone(e.result.data), e.result.err
}

// work makes the document for all who wait for r. An error is that of ctx: the work is for somebody else to do.
func (e *Export) work(ctx context.Context, r *run) error {
	defer func() { <-r.lead }() // even when a Summarizer panics
	select {
	case <-r.done:
		return nil
	default:
	}
	data, of, err := e.make(ctx, r)
	x := e.exporter
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil && ctx.Err() != nil {
		r.steps = 0
		return err
	}
	r.result = exportResult{data, err}
	close(r.done)
	delete(x.runs, e.key)
	if err == nil && x.opts.Now != nil && of.Status != incident.Redirected {
		key := e.key
		key.version = of.Version // of what was read, which may be later than when it was asked for
		x.keep(key, data)
	}
	return nil
}

func (e *Export) make(ctx context.Context, r *run) (data []byte, of incident.Incident, err error) {
	x := e.exporter
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	case <-ctx.Done():
		return nil, of, fmt.Errorf("export: wait for incident %s: %w", e.key.id, ctx.Err())
	}
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
	report, err := Collect(ctx, x.storage, e.key.id, &opts)
	if err != nil {
		return nil, of, err
	}
	steps(e.total() - 1)
	var b bytes.Buffer
	switch e.key.format {
	case HTML:
		err = WriteHTML(ctx, &b, report)
	case Markdown:
		err = WriteMarkdown(ctx, &b, report)
	case JSON:
		var text []byte
		text, err = json.Marshal(report)
		b.Write(text)
	default:
		err = WritePDF(ctx, &b, report, &x.opts.PDF)
	}
	return b.Bytes(), report.Incident, err
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
