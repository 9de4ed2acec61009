package export

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/pdf"
)

// What is known of an entity is labelled; a device is called by its name where an alert tells it.
func TestDetails(t *testing.T) {
	names := devicesOf([]alert.Alert{{Evidence: []alert.Evidence{{}, {Entity: alert.Device{DeviceID: "d1", DNSName: "ws-17.example"}}, {Entity: alert.Device{DeviceID: "d1", DNSName: "later"}}}}})
	for want, e := range map[string]alert.Entity{
		"Windows 11 24H2 · Group Finance · IP 192.0.2.1":                                  alert.Device{HostName: "ws", OS: "Windows 11", OSVersion: "24H2", Group: "Finance", LastIP: "192.0.2.1"},
		"Device ws-17.example · Folder C:\\x · SHA-256 ab · 1.3 GB (1,288,490,188 bytes)": alert.File{FileName: "a", Path: `C:\x`, SHA256: "ab", SHA1: "cd", Size: 1288490188, DeviceID: "d1"},
		"Device d2 · Command line a.exe /x · As kai · SHA-1 cd":                           alert.Process{Image: alert.File{FileName: "a.exe", SHA1: "cd"}, CommandLine: "a.exe /x", User: alert.User{Account: "kai"}, DeviceID: "d2"},
		"Device ws-17.example · REG_SZ · x":                                               alert.Registry{Key: "Run", ValueType: "REG_SZ", Data: "x", DeviceID: "d1"},
		"1 message":                                                                       alert.MailCluster{By: "attachment", Value: "a.docm", Count: 1},
		"1,200 messages":                                                                  alert.MailCluster{Query: "q", Value: "a.docm", Count: 1200},
		"":                                                                                alert.IP{Address: "192.0.2.1"},
	} {
		assert.Equal(t, want, names.details(e))
	}
	assert.Equal(t, "attachment: a.docm", alert.MailCluster{By: "attachment", Value: "a.docm"}.Name())
}

// People are told names: those that the alert gives, or another one, and a key only where nobody has a name for it. What is one entity is
// said once.
func TestReasonsNameEntities(t *testing.T) {
	alerts := []alert.Alert{
		{ID: "1", Title: "one", Evidence: []alert.Evidence{{Entity: alert.User{UPN: "Erin@Contoso.example", SID: "S-1", Account: "erin", Domain: "CONTOSO"}}, {Entity: alert.File{FileName: "a.docm", SHA256: "AB"}}}},
		{ID: "2", Title: "two", Evidence: []alert.Evidence{{}, {Entity: alert.Process{PID: 7, Image: alert.File{FileName: "b.docm", SHA256: "ab", MD5: "ef"}}}, {Entity: alert.Message{Subject: "Hello", Sender: "x@evil.example"}}}},
	}
	other := related{From: []merge{{Row: MergedRow{ID: "inc-2", Number: 14}}}}
	names := newNameBook(alerts, []related{other})
	reasons := func(id alert.ID, keys ...alert.Key) []string {
		e := activity.Entry{Type: activity.AlertAdded, Incident: "inc-1", Alert: id}
		for _, k := range keys {
			e.Links = append(e.Links, activity.Link{Reason: activity.SameAsset, Entity: k})
		}
		return activityRow(e, names, Options{}).Reasons
	}
	assert.Equal(t, []string{"Same asset: Erin@Contoso.example"}, reasons("1", `account:contoso\erin`, "sid:s-1", "upn:erin@contoso.example"))
	assert.Equal(t, []string{"Same asset: a.docm"}, reasons("1", "sha256:ab"))
	assert.Equal(t, []string{"Same asset: b.docm", "Same asset: x@evil.example"}, reasons("2", "sha256:ab", "sender:x@evil.example"))
	assert.Equal(t, []string{"Same asset: a.docm"}, reasons("3", "sha256:ab"))
	assert.Equal(t, []string{"Same asset: c.example", "Same asset: 00ff", "Same asset: cluster|x:y"}, reasons("1", "host:c.example", "sha256:00ff", "cluster|x:y"))

	e := activity.Entry{Incident: "inc-1"}
	assert.Equal(t, "Grouped manually, incident 14", names.reason(activity.Link{Reason: activity.GroupedManually, Incident: "inc-2"}, e))
	assert.Equal(t, "Grouped manually, incident inc-3, held back: hub", names.reason(activity.Link{Reason: activity.GroupedManually, Incident: "inc-3", HeldBack: "hub"}, e))
	assert.Equal(t, "Grouped manually", names.reason(activity.Link{Reason: activity.GroupedManually, Incident: "inc-1"}, e))
}

// Columns in which nothing stands are left out of tables.
func TestColumnsWithoutContent(t *testing.T) {
	paper := filledColumns(pdf.Table{
		Columns: []pdf.Column{{Title: "A"}, {Title: "B"}, {Title: "C"}, {Title: "D"}}, NoteColumn: 1,
		Rows: [][]pdf.Cell{{{}, {}, {}, {Text: "1"}}, {{}, {}, {}, {Text: "2"}}},
	})
	assert.Equal(t, []pdf.Column{{Title: "B"}, {Title: "D"}}, paper.Columns)
	assert.Equal(t, [][]pdf.Cell{{{}, {Text: "1"}}, {{}, {Text: "2"}}}, paper.Rows)
	assert.Zero(t, paper.NoteColumn)

	t1 := (&table{Columns: []column{{Title: "A"}, {Title: "B"}, {Title: "C"}}, Rows: [][]cell{{{}, {}, {Text: "x"}}, {{}, {}, {}}}}).filled()
	assert.Equal(t, []column{{Title: "A"}, {Title: "C"}}, t1.Columns)
	assert.Equal(t, [][]cell{{{}, {Text: "x"}}, {{}, {}}}, t1.Rows)
}

// Products, sources and detection sources are told as far as they differ.
func TestSourcesAreToldOnce(t *testing.T) {
	assert.True(t, sameNames([]string{"signinWatch", "EDR"}, []string{"Sign-in Watch", "edr"}))
	assert.False(t, sameNames([]string{"EDR"}, []string{"EDR", "Mail"}))
	c, _ := sample(t, 1)
	opts, _ := (*Options)(nil).withDefaults()
	labels := func() (list []string) {
		for _, f := range facts(c.Incident, "", "", opts) {
			list = append(list, f.Label)
		}
		return list
	}
	c.Incident.Alerts.Products, c.Incident.Alerts.Sources, c.Incident.Alerts.DetectionSources = []string{"Mail Gateway"}, []string{"mailGateway"}, []string{"mail-gateway"}
	assert.Contains(t, labels(), "Products")
	assert.NotContains(t, labels(), "Sources")
	assert.NotContains(t, labels(), "Detection sources")
	c.Incident.Alerts.Products = []string{"Else"}
	assert.Contains(t, labels(), "Sources")
	assert.NotContains(t, labels(), "Detection sources")
	c.Incident.Alerts.DetectionSources = []string{"sandbox"}
	assert.Contains(t, labels(), "Detection sources")
}
