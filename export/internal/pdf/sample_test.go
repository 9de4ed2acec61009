package pdf

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/export/internal/figure"
)

// sampleOptions returns the settings of the sample report.
func sampleOptions() Options {
	return Options{
		Title:       "Incident 1042: Multi-stage incident involving credential access on 3 endpoints",
		Language:    "en",
		Created:     time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC),
		HeaderLeft:  "Incident 1042 — Multi-stage incident involving credential access and exfiltration on 3 endpoints reported by several sources",
		HeaderRight: "High · In progress",
		FooterLeft:  "Generated 2026-03-14 15:09:26 UTC",
	}
}

// sample returns an incident report of many pages with every kind of block.
func sample(alerts, entries int) *Document {
	d := New(context.Background(), sampleOptions())
	write(d, alerts, entries)
	d.Paragraph(Span{Text: "A rune no font here has: 事件 😀."})
	d.Paragraph(Span{Text: fmt.Sprintf("%d characters could not be drawn and stand as [U+…].", d.Replaced()), Style: Muted | Small})
	return d
}

// blocks are what a report is made of, whoever draws it.
type blocks interface {
	Title(text string)
	Heading(level int, text string)
	Paragraph(spans ...Span)
	KeyValues(pairs []KeyValue, perRow int)
	Badges(badges ...Badge)
	Chart(c figure.Chart, caption string)
	Table(t Table)
}

// sampleChart returns 17 alerts of 9 tactics within two hours.
func sampleChart() figure.Chart {
	c := figure.Chart{Axis: "Time (UTC)", Levels: [...]string{"Unrated", "Informational", "Low", "Medium", "High"}}
	for n, title := range []string{
		"Initial access", "Execution", "Persistence", "Privilege escalation", "Defense evasion", "Credential access", "Lateral movement", "Command and control", "Exfiltration",
	} {
		lane := figure.Lane{Title: title, Note: fmt.Sprint(1+n%3, " alerts"), More: []string{"T1566", "T1059"}}
		for k := range 1 + n%3 {
			lane.Marks = append(lane.Marks, figure.Event{At: 1773475200 + int64(n*700+k*k*400), Timed: true, Level: figure.Level(n % 5)})
		}
		c.Lanes = append(c.Lanes, lane)
	}
	return c
}

// write writes the sample report.
func write(d blocks, alerts, entries int) {
	d.Paragraph(Span{Text: "Incident 1042", Style: Muted})
	d.Title("Multi-stage incident involving credential access and exfiltration on 3 endpoints")
	d.Badges(Badge{"High", High}, Badge{"In progress", Accent}, Badge{"True positive: malware", Neutral},
		Badge{"vip", Plain}, Badge{"Crown jewel", Plain}, Badge{"phishing-2026-03", Plain})

	d.Heading(1, "Overview")
	d.KeyValues([]KeyValue{
		{"Status", Cell{Text: "In progress"}},
		{"Severity", Cell{Text: "High", Tone: High}},
		{"Assigned to", Cell{Text: "kai.jensen@contoso.example"}},
		{"Priority", Cell{Text: "93 of 100"}},
		{"First activity", Cell{Text: "2026-03-12 08:14:55 UTC"}},
		{"Last activity", Cell{Text: "2026-03-14 14:59:01 UTC"}},
		{"Classification", Cell{Text: "True positive"}},
		{"Determination", Cell{Text: "Malware"}},
		{"Sources", Cell{Text: "Microsoft Defender for Endpoint, Microsoft Defender for Office 365, custom detections"}},
		{"Link", Cell{Text: "https://security.example/incidents/1042", Link: "https://security.example/incidents/1042"}},
	}, 2)
	d.Paragraph(Span{Text: "A user opened a document from an e-mail that ran "},
		Span{Text: "powershell.exe -enc SQBFAFgA"},
		Span{Text: ". The process took credentials from "}, Span{Text: "lsass.exe"},
		Span{Text: " and reached two other devices within eleven minutes. "},
		Span{Text: "Containment is not complete", Style: Bold}, Span{Text: ": see the "},
		Span{Text: "runbook", Link: "https://wiki.example/runbooks/credential-theft?step=4"},
		Span{Text: " for the steps that are left. Names in Ελληνικά, кириллица and Việt Nam."})

	d.Heading(2, "Threat categories")
	d.Chart(sampleChart(), "All alerts.")

	d.Heading(1, "Impacted assets")
	d.Heading(2, "Devices")
	d.Table(Table{
		Columns: []Column{{Title: "Device", Weight: 3}, {Title: "Role", Weight: 2}, {Title: "Risk", Width: 70}, {Title: "Alerts", Width: 40, Align: Right}},
		Rows: [][]Cell{
			{{Text: "DESKTOP-7F3A"}, {Text: "Impacted"}, {Text: "High", Tone: High}, {Text: "12"}},
			{{Text: "srv-finance-01.contoso.example"}, {Text: "Impacted"}, {Text: "Medium", Tone: Medium}, {Text: "3"}},
			{{Text: "printer-lobby"}, {Text: "Contextual"}, {Text: "Low", Tone: Low}, {Text: "1"}},
		},
		Caption: "3 of 37 shown",
	})
	d.Heading(2, "Mailboxes")
	d.Table(Table{Columns: []Column{{Title: "Mailbox"}}, Empty: "No mailbox is impacted."})

	d.Heading(1, "Evidence")
	var rows [][]Cell
	for i := range 12 {
		rows = append(rows, []Cell{
			{Text: "File"}, {Text: fmt.Sprintf(`C:\Users\kai.jensen\AppData\Local\Temp\7zO%02dF3\invoice_2026_final (%d).docm`, i, i)},
			{Text: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"}, {Text: "Malicious", Tone: High},
		})
	}
	d.Table(Table{
		Columns: []Column{{Title: "Type", Width: 40}, {Title: "Path", Weight: 3}, {Title: "SHA-256", Weight: 2}, {Title: "Verdict", Width: 62}},
		Rows:    rows, Caption: "12 of 12 shown",
	})

	d.Heading(1, "Related alerts")
	rows = nil
	var notes [][]Span
	tones := []Tone{High, Medium, Low, Informational}
	names := []string{"High", "Medium", "Low", "Informational"}
	for i := range alerts {
		rows = append(rows, []Cell{
			{Text: fmt.Sprintf("2026-03-14 %02d:%02d", i/60%24, i%60)}, {Text: names[i%4], Tone: tones[i%4]},
			{Text: fmt.Sprintf("Suspicious LSASS access by process %d", i), Link: "https://security.example/alerts/1"},
			{Text: "Defender for Endpoint", Style: Muted}, {Text: fmt.Sprint(i * 7)},
		})
		notes = append(notes, nil)
		if i%3 == 0 {
			notes[i] = []Span{
				{Text: fmt.Sprintf("Process %d opened a handle to the memory of lsass.exe with rights that credential theft needs. ", i)},
				{Text: "Recommended actions: ", Style: Bold}, {Text: "Isolate the device, collect its memory, and reset the passwords of whoever was logged on."},
			}
		}
	}
	d.Table(Table{
		Columns: []Column{{Title: "Time (UTC)", Width: 78}, {Title: "Severity", Width: 72}, {Title: "Alert", Weight: 3}, {Title: "Source", Weight: 2}, {Title: "Events", Width: 40, Align: Right}},
		Rows:    rows, Notes: notes, NoteColumn: 2,
	})

	d.Heading(1, "Activity log")
	for i := range entries {
		d.Heading(3, fmt.Sprintf("%d March 2026, 12:00 UTC — kai.jensen", 1+i%30))
		d.Paragraph(Span{Text: "Status changed from "}, Span{Text: "Active", Style: Bold}, Span{Text: " to "}, Span{Text: "In progress", Style: Bold},
			Span{Text: ". Looked at the process tree; the parent is the mail client, and the document is the one that two other users reported yesterday. Nothing points to a second entry."})
	}
}
