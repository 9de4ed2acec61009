package incidenttest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Text returns the whole queue in words that stay the same from run to run: each incident with its alerts,
// why they are together, what was held back, and its log. It is what [Harness.WantGolden] compares.
func (h *Harness) Text() string {
	h.t.Helper()
	q := h.queue()
	var b strings.Builder
	for n, i := range q.incidents {
		if n > 0 {
			b.WriteByte('\n')
		}
		q.write(&b, h, i)
	}
	for _, i := range q.gone {
		if i.Status == incident.Redirected {
			fmt.Fprintf(&b, "\n#%d merged into %s\n", i.Number, q.name(i.RedirectTo))
		} else {
			fmt.Fprintf(&b, "\n#%d %s\n", i.Number, i.Status)
		}
	}
	return b.String()
}

func (q queue) write(b *strings.Builder, h *Harness, i incident.Incident) {
	alerts := q.alerts[i.ID]
	fmt.Fprintf(b, "#%d %s\n", i.Number, oneLine(i.Name))
	facts := []string{i.Severity.String(), i.Status.String()}
	if !i.Owner.IsZero() {
		facts = append(facts, "owner "+oneLine(i.Owner.ID))
	}
	if v := i.Verdict; v.Classification != "" {
		facts = append(facts, strings.TrimSpace(fmt.Sprint(v.Classification, " ", v.Determination)))
	}
	fmt.Fprintf(b, "  %s\n", strings.Join(facts, ", "))
	list := func(name string, texts []string) {
		if len(texts) > 0 {
			fmt.Fprintf(b, "  %s: %s\n", name, oneLine(strings.Join(texts, ", ")))
		}
	}
	list("tactics", texts(alerts, func(a alert.Alert) []string { return []string{a.Category} }))
	list("techniques", texts(alerts, func(a alert.Alert) []string { return a.Techniques }))
	list("assets", assets(alerts))
	var tags []string
	for _, t := range i.Tags {
		tags = append(tags, t.Name)
	}
	list("tags", tags)
	b.WriteString("  alerts:\n")
	for _, x := range alerts {
		q.writeAlert(b, x)
		for _, n := range h.notes[x.Alert.ID] {
			fmt.Fprintf(b, "      note: %s\n", oneLine(n.String()))
		}
	}
	b.WriteString("  log:\n")
	for _, e := range q.log[i.ID] {
		fmt.Fprintf(b, "    %s\n", q.line(e))
	}
}

func (q queue) writeAlert(b *strings.Builder, x incident.Explanation) {
	fmt.Fprintf(b, "    %s\n", alertLine(x.Alert))
	for _, l := range x.Reasons() {
		fmt.Fprintf(b, "      by %s: %s\n", orManual(l), l.Reason)
	}
	if e := x.Merged; e.ID != "" {
		fmt.Fprintf(b, "      merged by %s\n", oneLine(e.Actor.ID))
	}
	for _, l := range x.HeldBack() {
		fmt.Fprintf(b, "      not by %s%s: %s\n", orManual(l), q.to(l), oneLine(l.HeldBack))
	}
}

func orManual(l activity.Link) string {
	if l.Entity == "" {
		return "no entity"
	}
	return oneLine(string(l.Entity))
}

// to names the incident that l leads to.
func (q queue) to(l activity.Link) string {
	if l.Incident == "" {
		return ""
	}
	return " with " + q.name(l.Incident)
}

func (q queue) name(id incident.ID) string {
	if n, ok := q.number[id]; ok {
		return fmt.Sprintf("#%d", n)
	}
	return string(id)
}

func alertLine(a alert.Alert) string {
	at := clock(a.FirstActivity)
	if last := lastActivity(a); !last.Equal(a.FirstActivity) {
		at += " to " + clock(last)
	}
	line := fmt.Sprintf("%s %s, %s, %s", at, oneLine(shorten(a.Title)), a.Severity, oneLine(string(a.ID)))
	if a.Status != alert.StatusNew {
		line += ", " + a.Status.String()
	}
	if a.Repeats > 0 {
		line += fmt.Sprintf(", repeated ×%d", a.Repeats)
	}
	return line
}

// oneLine returns text as it is, or quoted when it holds what would break a line or cannot be seen.
func oneLine(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// clock writes t in UTC.
func clock(t time.Time) string {
	if t.IsZero() {
		return "without time"
	}
	return t.UTC().Format("2006-01-02 15:04:05.999999")
}

// line writes e: when, who, what, about which alert, and the value of each field before and after. What the
// summary of an incident's alerts says, and its priority, follows from the alerts and is left out.
func (q queue) line(e activity.Entry) string {
	what := e.Type.String()
	if e.Alert != "" {
		what += " " + oneLine(string(e.Alert))
	}
	if e.Origin != "" {
		what += ", copied from " + q.name(e.Origin)
	}
	merges := []activity.Type{activity.Merged, activity.Redirected, activity.Unmerged}
	if len(e.Links) > 0 && slices.Contains(merges, e.Type) {
		what += " with " + q.name(e.Links[0].Incident)
	}
	parts := []string{fmt.Sprintf("%s %s: %s", clock(e.Time), oneLine(e.Actor.ID), what)}
	for _, c := range e.Changes {
		summary := c.Field == "priority" || strings.HasPrefix(c.Field, "alerts.")
		if summary || e.Type == activity.IncidentCreated || e.Type == activity.AlertAdded && e.OfAlert(c) {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s → %s", c.Field, oneLine(orNull(c.Before)), oneLine(orNull(c.After))))
	}
	if e.Text != "" {
		parts = append(parts, strconv.Quote(e.Text))
	}
	return strings.Join(parts, "; ")
}

func orNull(v activity.Value) string {
	if v == "" {
		return "none"
	}
	return unescaped.Replace(string(v))
}

// unescaped shows what JSON escapes for HTML.
var unescaped = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">")

// brief writes i and its first alerts, for a message.
func brief(i incident.Incident, alerts []alert.Alert) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d %s, %s, %s\n", i.Number, oneLine(i.Name), i.Severity, i.Status)
	for n, a := range alerts {
		if n == 5 {
			fmt.Fprintf(&b, "    and %d more\n", len(alerts)-n)
			break
		}
		fmt.Fprintf(&b, "    %s\n", alertLine(a))
	}
	return b.String()
}

// WantGolden compares [Harness.Text] with the file of that name and reports the lines that differ. With
// update, which is usually a flag of the test, it writes the file, and the folders that it stands in:
//
//	var update = flag.Bool("update", false, "rewrite testdata")
//
//	h.WantGolden("testdata/spray.golden", *update)
func (h *Harness) WantGolden(file string, update bool) {
	h.t.Helper()
	text := h.Text()
	if update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			h.t.Fatalf("write the golden file: %v", err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			h.t.Fatalf("write the golden file: %v", err)
		}
		return
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		h.t.Errorf("read the golden file: %v; a run that updates writes it", err)
		return
	}
	want := strings.ReplaceAll(string(golden), "\r\n", "\n")
	if d := head(diff(want, text), 400); d != "" {
		h.t.Errorf("the queue is not as in %s (- wanted, + is):\n%s", file, d)
	}
}

// head returns the first lines of text.
func head(text string, most int) string {
	lines := strings.SplitAfterN(text, "\n", most+1)
	if len(lines) <= most {
		return text
	}
	left := count(strings.Count(lines[most], "\n"), "line")
	return strings.Join(lines[:most], "") + "… and " + left + " more"
}
