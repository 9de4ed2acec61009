package export

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// MaxQueueRows is how many incidents [WriteQueueCSV] writes. Source: Microsoft Defender XDR, export of the incident
// queue.
const MaxQueueRows = 10_000

// QueueOptions are the settings of a queue's CSV.
type QueueOptions struct {
	Location *time.Location           // where times are given; nil means UTC
	Taxonomy *classification.Taxonomy // gives verdicts their words; nil means Defender's
}

// queueColumns are the columns in their order: those that the documentation of Defender's queue names, as far as an
// incident has them, and the identifiers.
var queueColumns = []string{
	"Incident ID", "Incident name", "Tags", "Severity", "Priority score", "Status", "Assigned to", "Classification", "Determination", "Categories",
	"Impacted assets", "Active alerts", "Alerts", "Sources", "Detection sources", "Product names", "Device groups",
	"First activity", "Last activity", "Created", "Last update time", "Identifier",
}

// queueNumbers are the columns of numbers.
var queueNumbers = []string{"Incident ID", "Priority score", "Active alerts", "Alerts"}

// WriteQueueCSV writes incidents to w in their order, one row each below a row of titles, and stops after
// [MaxQueueRows]: more then reports that there is at least one that was not written. A nil o means the defaults.
//
// The form is that of RFC 4180, in UTF-8 without a byte order mark; lines end in CRLF. Times are RFC 3339, to the
// second. Lists are joined by "; ". Characters that cannot be seen stand as marks such as "[U+202E]".
//
// No spreadsheet takes a text for a formula, whether it splits lines at a comma, a semicolon or a tab. An
// apostrophe is written at the beginning of a text, and in it after each semicolon, tab and end of a line,
// wherever what follows there, blanks and quotation marks aside, is =, +, -, @ or another form of these (full
// width, small, the minus sign), and wherever an apostrophe follows at once; at the beginning also before a
// tab or the end of a line. A program has the text back when it takes away one apostrophe at the beginning
// and one after each semicolon, tab and end of a line, where there is one. Numbers are written as they are:
// incident ID, priority score, active alerts and alerts.
//
// The error is that of ctx, which is looked at for every row, that of incidents or that of w. What was written before
// it stays.
func WriteQueueCSV(ctx context.Context, w io.Writer, incidents iter.Seq2[incident.Incident, error], o *QueueOptions) (more bool, err error) {
	var opts Options
	if o != nil {
		opts.Location, opts.Taxonomy = o.Location, o.Taxonomy
	}
	opts, _ = opts.withDefaults() // only sections can be wrong
	out := csv.NewWriter(w)
	out.UseCRLF = true
	err = out.Write(queueColumns)
	rows := 0
	for i, failed := range incidents {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = failed
		}
		if err != nil {
			break
		}
		if rows == MaxQueueRows {
			more = true
			break
		}
		rows++
		row := queueRow(i, opts)
		for n, title := range queueColumns {
			if !slices.Contains(queueNumbers, title) {
				row[n] = harmless(row[n])
			}
		}
		err = out.Write(row)
	}
	if err == nil {
		err = ctx.Err()
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err != nil {
		return more, fmt.Errorf("export: write queue: %w", err)
	}
	return more, nil
}

func queueRow(i incident.Incident, o Options) []string {
	var tags, categories, assets []string
	for _, t := range i.Tags {
		tags = append(tags, t.Name)
	}
	for _, t := range i.Alerts.SystemTags {
		if !i.HasTag(t.Name) {
			tags = append(tags, t.Name)
		}
	}
	for _, c := range i.Alerts.Categories {
		categories = append(categories, words.Title(c))
	}
	for g, n := range i.Alerts.Assets {
		if n > 0 {
			assets = append(assets, fmt.Sprintf("%s: %d", alert.AssetGroup(g).Title(), n))
		}
	}
	class, determination := "", ""
	if !i.Verdict.IsZero() {
		class = o.Taxonomy.Title(classification.Verdict{Classification: i.Verdict.Classification})
		determination = o.determination(string(i.Verdict.Determination))
	}
	status := i.Status.Title()
	if i.RedirectTo != "" {
		status += " to " + string(i.RedirectTo)
	}
	list := func(texts []string) string { return strings.Join(texts, "; ") }
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return o.in(t).Format(time.RFC3339)
	}
	return []string{
		strconv.FormatInt(i.Number, 10), i.Name, list(tags), words.Title(i.Severity.String()), strconv.Itoa(i.Priority), status, words.Owner(i.Owner), class, determination,
		list(categories), list(assets), strconv.Itoa(i.Alerts.Count - i.Alerts.ByStatus[alert.StatusResolved]), strconv.Itoa(i.Alerts.Count),
		list(i.Alerts.Sources), list(i.Alerts.DetectionSources), list(i.Alerts.Products), list(i.Alerts.DeviceGroups),
		at(i.Alerts.FirstActivity), at(i.Alerts.LastActivity), at(i.Created), at(i.Updated), string(i.ID),
	}
}

// harmless returns text as a spreadsheet may have it.
func harmless(text string) string {
	text = words.Visible(text)
	if !strings.ContainsAny(text, formulas+"'\t\n") {
		return text
	}
	var b strings.Builder
	for rest := text; ; {
		end := strings.IndexAny(rest, ";\t\n")
		cell := rest
		if end >= 0 {
			cell = rest[:end]
		}
		first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, besides))
		if strings.HasPrefix(cell, "'") || first != utf8.RuneError && strings.ContainsRune(formulas, first) ||
			b.Len() == 0 && end == 0 && rest[0] != ';' {
			b.WriteByte('\'')
		}
		if end < 0 {
			b.WriteString(rest)
			return b.String()
		}
		b.WriteString(rest[:end+1])
		rest = rest[end+1:]
	}
}

// formulas are what begins a formula, in each of its forms.
const formulas = "=+-@＝＋－＠﹦﹢﹣﹫−"

// besides reports whether r may stand before a formula.
func besides(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Quotation_Mark, r) }
