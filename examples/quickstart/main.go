// Quickstart is the main job of the library as a program: alerts in, incidents managed, PDF out.
//
//	quickstart [-o DIR] [-width N] [FILE…]
//
// It reads incidents and alerts of Microsoft Defender, Microsoft Sentinel and the products that package alert/mapping has
// mappings of ("-" is standard input, no file at all a sample), prints the queue and why alerts are together, works the first incident as an analyst would, prints
// its log, and writes a PDF report of every incident. The incidents are kept in memory; the example durable keeps them.
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
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/intake"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
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
	width := flags.Int("width", 120, "cut lines after so many columns; 0 does not cut")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: quickstart [-o DIR] [-width N] [FILE…]\n\n"+
			"Files are JSON of Microsoft Defender or Sentinel, CrowdStrike, Elastic, GuardDuty, Suricata or Wazuh, "+
			"- is standard input; without any it takes a sample.")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	fail := func(err error) int {
		complain(stderr, err)
		return 2
	}
	items, bad, err := readAll(flags.Args(), stdin, stderr)
	if err != nil {
		return fail(err)
	}
	store := memory.New() // or sqlite.Open(ctx, "incidents.db", nil), or postgres.Open: see the example durable
	w := &worker{
		ctx:      ctx,
		m:        manager.New(store, nil),
		out:      stdout,
		width:    cmp.Or(max(*width, 0), endless),
		progress: progressTo(stderr),
	}
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

// readAll decodes every file, and tells bad items and what was not understood on stderr; an unreadable file or no item
// at all is an error. Incidents come first.
func readAll(files []string, stdin io.Reader, stderr io.Writer) (items []incident.Decoded, bad int, err error) {
	decode := func(r io.Reader, name string) {
		for item, err := range intake.Decode(r, name) {
			if err != nil {
				bad++
				complain(stderr, err)
				continue
			}
			for _, note := range item.Notes {
				complain(stderr, fmt.Errorf("%s: item %d: %s", name, item.Index, note))
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
	// An alert that comes alone, too, belongs to the incident that its source has put it into.
	slices.SortStableFunc(items, func(a, b incident.Decoded) int {
		return cmp.Compare(map[bool]int{true: 1}[a.Incident == nil], map[bool]int{true: 1}[b.Incident == nil])
	})
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
	out      io.Writer
	width    int // of a line, in columns
	progress func(format string, args ...any)
}

// say prints one line, which is cut to the width.
func (w *worker) say(format string, args ...any) {
	fmt.Fprintln(w.out, fit(fmt.Sprintf(format, args...), w.width))
}

// endless is a width at which nothing is cut.
const endless = 1 << 30

// complain prints an error, as long as it is: it may name what stands in the input.
func complain(w io.Writer, err error) { fmt.Fprintln(w, "quickstart:", visible(err.Error())) }

// ingest stores all items and prints where bare alerts went and why.
func (w *worker) ingest(items []incident.Decoded, stderr io.Writer) (refused int, err error) {
	w.say("Correlation: which incident each alert belongs to, and why")
	for n, item := range items {
		w.progress("reading item %d of %d", n+1, len(items))
		err := w.take(item)
		if w.ctx.Err() != nil {
			return refused, w.ctx.Err()
		}
		if err != nil {
			refused++
			complain(stderr, fmt.Errorf("item %d: %w", item.Index, err))
		}
	}
	w.say("")
	return refused, nil
}

// take stores one item.
func (w *worker) take(item incident.Decoded) error {
	if item.Incident != nil {
		i, result, err := w.m.Import(w.ctx, importer, *item.Incident)
		if err != nil {
			return err
		}
		verb := map[bool]string{true: "imported", false: "updated"}[result.Created]
		w.say("  #%d %-9s %s", i.Number, verb, i.Name)
		w.say("      %d alerts, as the source grouped them", i.Alerts.Count)
		return nil
	}
	results, err := w.m.Ingest(w.ctx, importer, []alert.Alert{*item.Alert})
	if err != nil {
		return err
	}
	i, err := w.m.Incident(w.ctx, kai, results[0].Incident)
	if err != nil {
		return err
	}
	w.say("  #%d %-9s %s", i.Number, results[0].Outcome, item.Alert.Title)
	if links := results[0].Links; len(links) > 0 {
		w.say("      %s", why(links))
	}
	return nil
}

// why says what an alert shares with its incident, and what was held back.
func why(links []activity.Link) string {
	var parts []string
	for _, l := range links {
		part := fmt.Sprintf("%s %s", l.Reason, l.Entity)
		if l.HeldBack != "" {
			part += " (held back: " + l.HeldBack + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// work prints the queue, works its first incident and writes all reports.
func (w *worker) work(dir string) error {
	first, err := w.queue()
	if err != nil {
		return err
	}
	if first.ID != "" {
		if err := w.analyse(first.ID); err != nil {
			return err
		}
		if err := w.log(first); err != nil {
			return err
		}
	}
	return w.report(dir)
}

// queue prints all incidents, the most severe first, and returns the first that is open.
func (w *worker) queue() (first incident.Incident, err error) {
	w.say("Queue: the most severe first")
	for i, err := range w.m.Incidents(w.ctx, kai, incident.Query{Sort: incident.BySeverity}) {
		if err != nil {
			return first, err
		}
		if first.ID == "" && i.Status.Open() {
			first = i
		}
		w.say("  #%-3d %-13s  %-11s  alerts %-3d  assets %-3d  owner %s", i.Number, i.Severity, i.Status.Title(),
			i.Alerts.Count, i.Alerts.Assets.Total(), cmp.Or(i.Owner.String(), "none"))
		w.say("       %s", i.Name)
	}
	w.say("")
	return first, nil
}

// analyse works one incident from assignment to resolution.
func (w *worker) analyse(id incident.ID) error {
	if _, err := w.m.Edit(w.ctx, kai, id, incident.Edit{
		Owner: &incident.Owner{ID: kai.ID, Name: kai.Name}, AddTags: []string{"quickstart"}, Status: new(incident.InProgress),
	}); err != nil {
		return err
	}
	comment := incident.CommentDraft{Text: "The affected assets are isolated."}
	if _, err := w.m.Comment(w.ctx, kai, id, comment); err != nil {
		return err
	}
	_, err := w.m.Edit(w.ctx, kai, id, incident.Edit{
		Status:  new(incident.Resolved),
		Note:    new("Credentials were reset."),
		Verdict: &classification.Verdict{Classification: classification.TruePositive, Determination: classification.MultiStagedAttack},
	})
	return err
}

// log prints what each command changed in an incident. It numbers the entries of this incident, because Seq counts the
// entries of all incidents.
func (w *worker) log(i incident.Incident) error {
	r, err := w.collect(i.ID, &export.Options{Sections: []export.Section{export.Activity}})
	if err != nil {
		return err
	}
	w.say("Log of incident #%d: who did what, and why; numbered from 1, times are UTC", i.Number)
	cause := ""
	for n, a := range r.Log() {
		if n == 0 || a.Entry.Cause != cause {
			cause = a.Entry.Cause
			w.say("  %s  %s, %s%s", a.Entry.Time.UTC().Format("2006-01-02 15:04"), a.Who, a.Entry.Trigger(), reason(a))
		}
		w.say("  %4d  %-22s  %s", n+1, a.What, told(a, max(w.width-32, 3))) // 32 columns stand before it
	}
	w.say("")
	return nil
}

// collect returns the report on an incident.
func (w *worker) collect(id incident.ID, o *export.Options) (report export.Report, err error) {
	err = w.m.View(w.ctx, kai, func(r storage.Reader) error {
		report, err = export.Collect(w.ctx, r, id, o)
		return err
	})
	return report, err
}

// reason returns why an alert was put into the incident, or the note with which an analyst resolved it.
func reason(a export.LogRow) string {
	reasons := slices.Clone(a.Reasons)
	for _, c := range a.Changes {
		if c.Path == "note" && c.After != "" {
			reasons = append(reasons, c.After)
		}
	}
	if len(reasons) == 0 {
		return ""
	}
	return ": " + strings.Join(reasons, "; ")
}

// told returns what an entry changed, in at most limit columns for each field, and the comment or alert it is about.
func told(a export.LogRow, limit int) string {
	implied := []string{"note", "priority", "comments", "created", "resolved"} // follow from others, or are the reason
	var parts []string
	for _, c := range a.Changes {
		switch {
		case slices.Contains(implied, c.Path), strings.HasPrefix(c.Path, "alerts."):
		case c.Redacted:
			parts = append(parts, "redacted")
		case len(parts) == 0: // a.What names it
			parts = append(parts, change(c.Before, c.After, limit))
		case c.Before != "":
			parts = append(parts, c.Field+": "+change(c.Before, c.After, limit))
		default:
			parts = append(parts, c.Field+": "+c.After)
		}
	}
	if text := cmp.Or(a.Entry.Text, a.Alert); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
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
		r, err := w.collect(i.ID, nil)
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
		fmt.Fprintln(w.out, "wrote", visible(name))
	}
	return nil
}

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
