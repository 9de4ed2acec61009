package mapping_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/alert/mapping"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// lupaMapping is the mapping of a product that does not exist, the sensor Lupa, as the guide writes it.
const lupaMapping = `{
  "format": "Lupa alert",
  "is": "lupaVersion",
  "around": "findings",
  "time": "unixMilli",
  "alert": {
    "origin.source": "=lupa",
    "origin.id": "={site}/{no}",
    "product": "=Lupa",
    "title": ["headline", "=Lupa finding {no}"],
    "category": "attack.stage",
    "techniques": "attack.techniques",
    "severity": {"from": "score", "scale": {"80..": "high", "50..": "medium", "20..": "low", "..20": "informational"}},
    "status": {"from": "state", "scale": {"open": "new", "triage": "inProgress", "done": "resolved"}},
    "firstActivity": "seen.first",
    "lastActivity": "seen.last"
  },
  "evidence": [
    {"kind": "device", "name": "machine.name", "os": "machine.os", "roles": "=compromised"},
    {"kind": "user", "login": "machine.user"},
    {"kind": "ip", "each": "peers[type=ip]", "address": "value", "roles": "=commandAndControl"},
    {"kind": "file", "each": "files", "fullPath": "path", "hashes": "digest", "verdict": {"from": "label", "scale": {"bad": "malicious"}}}
  ]
}`

const lupaFindings = `{"page": 1, "findings": [
  {"lupaVersion": 3, "site": "oslo", "no": 4711, "headline": "Program calls home", "score": 85, "state": "open",
   "attack": {"stage": "command-and-control", "techniques": ["T1071.001"]},
   "seen": {"first": 1772600767000, "last": 1772600827500},
   "machine": {"name": "ws-12.corp.example", "os": "Windows 11", "user": "CORP\\m.lind"},
   "peers": [{"type": "ip", "value": "198.51.100.7", "port": 443}, {"type": "domain", "value": "c2.bad.example"}],
   "files": [{"path": "C:\\Temp\\upd.exe", "digest": "0cc175b9c0f1b6a831c399e269772661", "label": "bad"}]},
  {"lupaVersion": 3, "site": "oslo", "no": 4712, "score": "n/a", "state": "parked",
   "seen": {"first": 1772600900000}, "machine": {"name": "ws-12.corp.example"}}
]}`

// A mapping is loaded once. Its alerts go into a manager like any other.
func Example() {
	lupa, err := mapping.Load(strings.NewReader(lupaMapping))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, store := context.Background(), memory.New()
	defer store.Close()
	m, importer := manager.New(store, nil), activity.Actor{Kind: activity.App, ID: "importer"}
	for d, err := range lupa.Decode(strings.NewReader(lupaFindings), "findings.json") {
		if err != nil {
			fmt.Println(err) // one finding could not be read; the others are
			continue
		}
		for _, n := range d.Notes {
			fmt.Println("note:", n)
		}
		if _, err := m.Ingest(ctx, importer, []alert.Alert{d.Alert}); err != nil {
			fmt.Println(err)
		}
	}
	for i, err := range m.Incidents(ctx, importer, incident.Query{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s, %d alerts\n", i.Severity, i.Name, i.Alerts.Count)
	}
	// Output:
	// note: alert lupa:oslo/4712: state "parked": not understood, kept in extra
	// high: Multi-stage incident on one endpoint, 2 alerts
}

// A fault of a mapping is named with its place, what stands there and what would be accepted.
func ExampleParse() {
	_, err := mapping.Parse([]byte(`{
  "format": "Lupa alert",
  "is": "lupaVersion",
  "alert": {
    "origin.source": "=lupa", "origin.id": "no", "titel": "headline",
    "title": "headline",
    "severity": {"from": "score", "scale": {"80..": "critical"}}
  }
}`))
	for line := range strings.Lines(err.Error()) {
		fact, _, _ := strings.Cut(line, ", or one of")
		fmt.Println(strings.TrimSpace(fact))
	}
	wrong, _ := errors.AsType[*mapping.Error](err)
	fmt.Println(wrong.Line, wrong.Column)
	// Output:
	// mapping: line 5, column 50: alert "titel": want "title"
	// mapping: line 7, column 53: alert.severity.scale.80.. "critical": want one of unrated, informational, low, medium, high
	// 5 50
}

// Test shows what a mapping does not carry.
func ExampleMapping_Test() {
	lupa, err := mapping.Parse([]byte(lupaMapping))
	if err != nil {
		fmt.Println(err)
		return
	}
	report := lupa.Test([]byte(lupaFindings))
	fmt.Println(report.Alerts, "alerts")
	for _, u := range report.Unread {
		fmt.Println("unread:", u.Path, u.Example, u.Count)
	}
	for _, n := range report.Notes {
		fmt.Println("note:", n)
	}
	for _, e := range report.Empty {
		if e.From != "" {
			fmt.Println("empty:", e.Field, "from", e.From)
		}
	}
	// Output:
	// 2 alerts
	// unread: peers[*].port 443 1
	// unread: peers[*].value c2.bad.example 1
	// note: alert lupa:oslo/4712: state "parked": not understood, kept in extra
}

// The mappings of this package need no file.
func ExampleWazuh() {
	f, err := os.Open("testdata/wazuh.jsonl")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for d, err := range mapping.Wazuh().Decode(f, f.Name()) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(d.Alert.Severity, d.Alert.Title)
		for _, e := range d.Alert.Evidence {
			fmt.Println("  ", e.Entity.Kind(), e.Entity.Name())
		}
	}
	// Output:
	// medium sshd: brute force trying to get access to the system.
	//    device web-04
	//    ip 203.0.113.77
	//    user backup
	// high Suspicious PowerShell started by an Office program
	//    device ws-114.corp.example
	//    process powershell.exe (7724)
	// informational File deleted.
	//    device wazuh-mgr
	//    process vim (3120)
	//    file rotate
}
