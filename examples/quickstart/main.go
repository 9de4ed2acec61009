// Quickstart is the main job of the library as a program: alerts in, incidents managed, PDF out.
//
//	quickstart [-o DIR] [-db memory:|sqlite:FILE|postgres://…] [FILE…]
//
// It reads incidents and alerts as Microsoft Graph or the Defender API write them ("-" is standard input, no file
// at all a sample), keeps them in memory, in a file or in a database, prints the queue and why alerts are together,
// works the first incident as an analyst would, and writes a PDF report of every incident.
//
// Exit status: 0; 1 when an item was bad, after the good ones; 2 when nothing could be read at all.
package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/examples/db"
	"github.com/incidentkit/incidentkit/export"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/incident/msgraph"
	"github.com/incidentkit/incidentkit/storage"
)

//go:embed sample.json
var sample []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("o", ".", "write the reports to this folder")
	name := flags.String("db", "memory:", "keep the incidents in this storage: "+db.Usage)
	if err := flags.Parse(args); err != nil {
		return 2
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 2
	}
	items, bad, err := readAll(flags.Args(), stdin, stderr)
	if err != nil {
		return fail(err)
	}
	store, err := db.Open(ctx, *name)
	if err != nil {
		return fail(err)
	}
	m := manager.New(store, nil)
	w := &worker{ctx: ctx, m: m, store: store, out: stdout, progress: progressTo(stderr)}
	refused, err := w.ingest(items, stderr)
	if err == nil {
		err = w.work(*dir)
	}
	if err := errors.Join(err, store.Close()); err != nil {
		return fail(err)
	}
	if bad+refused > 0 {
		return 1
	}
	return 0
}

// readAll decodes every file and tells bad items on stderr; an unreadable file or no item at all is an error.
func readAll(files []string, stdin io.Reader, stderr io.Writer) (items []msgraph.Item, bad int, err error) {
	decode := func(r io.Reader, name string) {
		for item, err := range msgraph.Decode(r, name) {
			if err != nil {
				bad++
				fmt.Fprintln(stderr, "quickstart:", err)
				continue
			}
			items = append(items, item)
		}
	}
	if len(files) == 0 {
		decode(bytes.NewReader(sample), "sample")
	}
	for _, name := range files {
		if name == "-" {
			decode(stdin, "standard input")
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, bad, err
		}
		decode(f, name)
		f.Close()
	}
	if len(items) == 0 {
		return nil, bad, errors.New("no incident and no alert in the input")
	}
	return items, bad, nil
}

// Who does what.
var (
	importer = activity.Actor{Kind: activity.App, ID: "quickstart"}
	kai      = activity.Actor{ID: "kai@contoso.com", Name: "Kai"}
)

// A worker does the main job and prints what it does.
type worker struct {
	ctx      context.Context
	m        *manager.Manager
	store    storage.Storage
	out      io.Writer
	progress func(format string, args ...any)
}

// ingest stores all items and prints where bare alerts went and why.
func (w *worker) ingest(items []msgraph.Item, stderr io.Writer) (refused int, err error) {
	fmt.Fprintln(w.out, "Correlation")
	for n, item := range items {
		w.progress("reading item %d of %d", n+1, len(items))
		if item.Incident != nil {
			i, created, err := w.m.Import(w.ctx, importer, *item.Incident)
			if err != nil {
				if w.ctx.Err() != nil {
					return refused, err
				}
				refused++
				fmt.Fprintf(stderr, "quickstart: item %d: %v\n", item.Index, err)
				continue
			}
			verb := map[bool]string{true: "imported", false: "brought up to date"}[created]
			fmt.Fprintf(w.out, "  #%d %s with %d alerts, as the source grouped them\n", i.Number, verb, i.Alerts.Count)
			continue
		}
		results, err := w.m.Ingest(w.ctx, importer, []alert.Alert{*item.Alert})
		if err != nil {
			if w.ctx.Err() != nil {
				return refused, err
			}
			refused++
			fmt.Fprintf(stderr, "quickstart: item %d: %v\n", item.Index, err)
			continue
		}
		i, err := w.m.Incident(w.ctx, kai, results[0].Incident)
		if err != nil {
			return refused, err
		}
		fmt.Fprintf(w.out, "  alert %q %s #%d%s\n", item.Alert.Title, results[0].Outcome, i.Number, why(results[0].Links))
	}
	fmt.Fprintln(w.out)
	return refused, nil
}

// why says in words what an alert shares with its incident, and what was held back.
func why(links []activity.Link) string {
	var parts []string
	for _, l := range links {
		part := fmt.Sprintf("%s %s", l.Reason, l.Entity)
		if l.HeldBack != "" {
			part += " (held back: " + l.HeldBack + ")"
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}

// work prints the queue, works its first incident and writes all reports.
func (w *worker) work(dir string) error {
	first, err := w.queue()
	if err != nil {
		return err
	}
	if first.ID != "" {
		if err := w.analyse(first); err != nil {
			return err
		}
	}
	return w.report(dir)
}

// queue prints all incidents, the most severe first, and returns the first that is open.
func (w *worker) queue() (first incident.Incident, err error) {
	t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tSEVERITY\tSTATUS\tALERTS\tASSETS\tOWNER\tNAME")
	for i, err := range w.m.Incidents(w.ctx, kai, incident.Query{Sort: incident.BySeverity}) {
		if err != nil {
			return first, err
		}
		if first.ID == "" && i.Status.Open() {
			first = i
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%d\t%d\t%s\t%s\n", i.Number, i.Severity, i.Status, i.Alerts.Count, i.Alerts.Assets.Total(), cmp.Or(i.Owner.String(), "-"), oneLine(i.Name))
	}
	fmt.Fprintln(t)
	return first, t.Flush()
}

// analyse works one incident from assignment to resolution and prints its log.
func (w *worker) analyse(i incident.Incident) error {
	fmt.Fprintf(w.out, "Working incident #%d\n", i.Number)
	if _, err := w.m.Edit(w.ctx, kai, i.ID, incident.Edit{
		Owner: &incident.Owner{ID: kai.ID, Name: kai.Name}, AddTags: []string{"quickstart"}, Status: new(incident.InProgress),
	}); err != nil {
		return err
	}
	if _, err := w.m.Comment(w.ctx, kai, i.ID, "Looked at the evidence; the affected assets are isolated."); err != nil {
		return err
	}
	if _, err := w.m.Edit(w.ctx, kai, i.ID, incident.Edit{
		Status:  new(incident.Resolved),
		Note:    new("Contained; credentials were reset."),
		Verdict: &classification.Verdict{Classification: classification.TruePositive, Determination: classification.MultiStagedAttack},
	}); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	for e, err := range w.m.Activity(w.ctx, kai, activity.Query{Incidents: []incident.ID{i.ID}}) {
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "  %d\t%s\t%s\t%s\t%s\n", e.Seq, e.Time.Format(time.RFC3339), e.Actor, e.Type.Title(), oneLine(e.Text))
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// report writes the PDF of every incident.
func (w *worker) report(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	n := 0
	for i, err := range w.m.Incidents(w.ctx, kai, incident.Query{Sort: incident.ByNumber, Ascending: true}) {
		if err != nil {
			return err
		}
		n++
		w.progress("writing report %d", n)
		r, err := export.Collect(w.ctx, w.store, i.ID, nil)
		if err != nil {
			return err
		}
		var pdf bytes.Buffer
		if err := export.WritePDF(w.ctx, &pdf, r, nil); err != nil {
			return err
		}
		name := filepath.Join(dir, fmt.Sprintf("incident-%d.pdf", i.Number))
		if err := os.WriteFile(name, pdf.Bytes(), 0o666); err != nil {
			return err
		}
		fmt.Fprintln(w.out, "wrote", name)
	}
	return nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// progressTo returns what keeps one line on a terminal up to date, and nothing elsewhere. It speaks only
// once the work has taken a second.
func progressTo(w io.Writer) func(string, ...any) {
	f, ok := w.(*os.File)
	if !ok {
		return func(string, ...any) {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(string, ...any) {}
	}
	begun := time.Now()
	return func(format string, args ...any) {
		if time.Since(begun) > time.Second {
			fmt.Fprintf(f, "\r\x1b[K"+format, args...)
		}
	}
}
