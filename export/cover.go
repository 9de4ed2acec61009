package export

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
	"github.com/incidentkit/incidentkit/incident"
)

// label returns what people call i beside its name.
func label(i incident.Incident) string {
	if i.Number == 0 {
		return "Incident"
	}
	return "Incident " + strconv.FormatInt(i.Number, 10)
}

// cover says the most important things at once. It says nothing that r does not hold.
func (d drawing) cover() {
	i := d.r.Incident
	c := pdf.Cover{Label: label(i), Title: cmp.Or(i.Name, "Without a name")}
	severity, status, verdict := severityMarked(i.Severity), statusMarked(i.Status), classified(i.Verdict, d.r.Verdict)
	c.States = []pdf.State{
		{Label: "Severity", Shape: severity.Mark.Shape, Word: severity.Text, Tone: severityTone(i.Severity)},
		{Label: "Status", Shape: status.Mark.Shape, Word: status.Text, Tone: pdf.Accent},
		{Label: "Verdict", Shape: verdict.Mark.Shape, Word: verdict.Text, Tone: verdictTone(i.Verdict)},
	}
	first, last := i.Alerts.FirstActivity, i.Alerts.LastActivity
	facts := [][]pdf.Fact{
		{ownerFact(i.Owner), alertsFact(i.Alerts), assetsFact(i.Alerts), {Label: "Priority", Value: strconv.Itoa(i.Priority), Note: fmt.Sprintf("of %d", incident.MaxPriority)}},
		{d.date("First activity", first), d.date("Last activity", last), lastingFact(first, last), d.evidenceFact()},
		{d.date("Created", i.Created), d.date("Last update", i.Updated), d.date("Resolved", i.Resolved), commentsFact(i.Comments)},
	}
	for _, row := range facts {
		c.Facts = append(c.Facts, slices.DeleteFunc(row, func(f pdf.Fact) bool { return f.Value == "" }))
	}
	more := func(label, text string) {
		if text != "" {
			c.More = append(c.More, pdf.KeyValue{Label: label, Value: pdf.Cell{Text: text}})
		}
	}
	more("Merged into", string(i.RedirectTo))
	more("Tactics reached", strings.Join(tacticTitles(i.Alerts.Categories), " → "))
	more("Most affected", mostAffected(d.r.Assets))
	for _, t := range i.Tags {
		c.Tags = append(c.Tags, t.Name)
	}
	d.Cover(c)
	if !d.r.Hidden.IsZero() {
		d.Paragraph(pdf.Span{Text: d.r.Hidden.said(), Style: pdf.Muted})
	}
}

// said tells what is hidden.
func (h Hidden) said() string { return "Names of what is hidden are replaced: " + h.words() + "." }

func ownerFact(o incident.Owner) pdf.Fact {
	f := pdf.Fact{Label: "Assigned to", Value: cmp.Or(o.Name, o.ID, "Nobody")}
	if f.Value != o.ID {
		f.Note = o.ID
	}
	return f
}

func alertsFact(s incident.Summary) pdf.Fact {
	var by []string
	for n, severity := len(s.BySeverity)-1, alert.High; n > 0; n, severity = n-1, severity-1 {
		if s.BySeverity[n] > 0 {
			by = append(by, fmt.Sprintf("%s %s", grouped(s.BySeverity[n]), severity))
		}
	}
	return pdf.Fact{Label: "Alerts", Value: grouped(s.Count), Note: strings.Join(by, ", ")}
}

func assetsFact(s incident.Summary) pdf.Fact {
	sum := 0
	var by []string
	for g := alert.Devices; int(g) < alert.AssetGroups; g++ {
		if n := s.Assets[g]; n > 0 {
			sum += n
			by = append(by, assetCount(n, g.Title()))
		}
	}
	return pdf.Fact{Label: "Impacted assets", Value: grouped(sum), Note: strings.Join(by, ", ")}
}

func (d drawing) evidenceFact() pdf.Fact {
	if !slices.Contains(d.r.Sections, Evidence) {
		return pdf.Fact{}
	}
	return pdf.Fact{Label: "Evidence", Value: grouped(d.r.Evidence.Total), Note: "beside assets"}
}

func commentsFact(n int) pdf.Fact {
	if n == 0 {
		return pdf.Fact{}
	}
	return pdf.Fact{Label: "Comments", Value: grouped(n)}
}

// date returns a fact with the day of t and, below it, the time.
func (d drawing) date(label string, t time.Time) pdf.Fact {
	day, rest, _ := strings.Cut(d.zoned(t), " ")
	return pdf.Fact{Label: label, Value: day, Note: rest}
}

func lastingFact(first, last time.Time) pdf.Fact {
	if first.IsZero() || !last.After(first) {
		return pdf.Fact{}
	}
	value, rest, more := strings.Cut(lasting(last.Sub(first)), " and ")
	if more {
		rest = "and " + rest
	}
	return pdf.Fact{Label: "Lasting", Value: value, Note: rest}
}

// tacticTitles returns the tactics among categories in words, in the order of the kill chain.
func tacticTitles(categories []string) []string {
	titles := alert.TacticsReached(categories)
	for n, c := range titles {
		titles[n] = alert.CategoryTitle(c)
	}
	return titles
}

// mostAffected names the worst of all assets, and of those that are as bad the one that most alerts name.
func mostAffected(lists []AssetList) string {
	var worst AssetRow
	bad := func(a AssetRow) int {
		if n := badness(a.Verdict); n > badness(alert.NoThreatsFound) {
			return n
		}
		return 0
	}
	for _, l := range lists {
		for _, a := range l.Rows {
			if cmp.Or(cmp.Compare(bad(a), bad(worst)), cmp.Compare(a.Alerts, worst.Alerts)) > 0 {
				worst = a
			}
		}
	}
	if worst.Alerts == 0 {
		return ""
	}
	text := worst.Name
	if bad(worst) > 0 {
		text = join(", ", text, strings.ToLower(words(string(worst.Verdict))))
	}
	return join(", ", text, count(worst.Alerts, "alert"))
}

// classified returns a verdict in words and as a shape.
func classified(v classification.Verdict, title string) cell {
	c := cell{Text: cmp.Or(title, "Not set"), Mark: mark{"■", "info"}}
	switch v.Classification {
	case "":
		c.Mark = mark{"–", "none"}
	case classification.TruePositive:
		c.Mark = mark{"▲", "high"}
	case classification.FalsePositive, classification.InformationalExpectedActivity:
		c.Mark = mark{"○", "info"}
	}
	return c
}

func verdictTone(v classification.Verdict) pdf.Tone {
	switch v.Classification {
	case "":
		return pdf.Neutral
	case classification.TruePositive:
		return pdf.High
	case classification.FalsePositive, classification.InformationalExpectedActivity:
		return pdf.Informational
	}
	return pdf.Accent
}

func statusMarked(s incident.Status) cell {
	c := cell{Text: s.Title(), Mark: mark{"–", "none"}}
	switch s {
	case incident.Active:
		c.Mark.Shape = "●"
	case incident.InProgress:
		c.Mark.Shape = "◐"
	case incident.Resolved:
		c.Mark.Shape = "✓"
	case incident.Redirected:
		c.Mark.Shape = "→"
	}
	return c
}

func alertStatusMarked(s alert.Status) cell {
	c := cell{Text: words(s.String()), Mark: mark{"–", "none"}}
	switch s {
	case alert.StatusNew:
		c.Mark.Shape = "●"
	case alert.StatusInProgress:
		c.Mark.Shape = "◐"
	case alert.StatusResolved:
		c.Mark.Shape = "✓"
	}
	return c
}

// shaped returns what c says, behind its shape.
func shaped(c cell) string {
	if c.Text == "" {
		return ""
	}
	return join(" ", c.Mark.Shape, c.Text)
}

// zone says where the times of r are.
func zone(r Report) string {
	switch r.TimeZone {
	case "":
		return "UTC"
	case "Local":
		return "a local time zone, with their offset from UTC"
	}
	return r.TimeZone
}

// generated says when r was made, if it knows, and where its times are.
func (d drawing) generated() string {
	when := d.zoned(d.r.Generated)
	if when != "" {
		when = "Generated " + when
	}
	return join(" · ", when, "Times in "+zone(d.r))
}

// attachment returns r for programs, or why there is none. It leaves out the images, which are drawn.
func attachment(r Report) (pdf.Attachment, error) {
	r.Images = nil
	data, err := r.MarshalJSON()
	if err != nil {
		return pdf.Attachment{}, err
	}
	name := "report.json"
	if n := r.Incident.Number; n > 0 {
		name = fmt.Sprintf("incident-%d.json", n)
	}
	return pdf.Attachment{Name: name, Description: "This report as JSON", Type: "application/json", Data: data}, nil
}

// about ends the report with what it says of itself.
func (d drawing) about(data pdf.Attachment, missing error) {
	d.Heading(1, "About this report")
	var pairs []pdf.KeyValue
	add := func(label, text string) {
		if text != "" {
			pairs = append(pairs, pdf.KeyValue{Label: label, Value: pdf.Cell{Text: text}})
		}
	}
	add("Generated", d.zoned(d.r.Generated))
	add("Times", "In "+zone(d.r))
	if !d.r.Hidden.IsZero() {
		add("Hidden", d.r.Hidden.said())
	}
	if missing != nil {
		add("Data", "Not attached, as this report cannot be written as JSON: "+missing.Error())
	}
	if data.Name != "" {
		add("Data", "The same report for programs, as JSON, is attached to this file.")
		add("Name of the file", data.Name)
		add("Size", bytesOf(int64(len(data.Data))))
		add("SHA-256", fmt.Sprintf("%x", sha256.Sum256(data.Data)))
	}
	d.KeyValues(pairs, 1)
	if n := d.Replaced(); n > 0 {
		d.Paragraph(pdf.Span{
			Text: plural(n, "character was", "characters were") + " replaced by marks such as [U+0000] or \uFFFD, " +
				"because no font of this report has them or they are not valid UTF-8.",
			Style: pdf.Muted,
		})
	}
}
