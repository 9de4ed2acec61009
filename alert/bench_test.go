package alert_test

import (
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// BenchmarkDigest takes the digest of an alert with five pieces of evidence, as an endpoint product sends it.
func BenchmarkDigest(b *testing.B) {
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	file := alert.File{FileName: "rundll32.exe", Path: `C:\Windows\System32`, SHA256: "5f78c33274e43fa9de5659265c1d917e25c03722dcb0b8d27db8d5feaa813953"}
	a := alert.Alert{
		ID: "edr:4711", Incident: "i1", Origin: alert.Origin{Source: "edr", ID: "4711"}, Title: "Credentials read from memory",
		Description: "A process read the memory of the local security authority.", Category: "CredentialAccess",
		Techniques: []string{"T1003.001"}, Severity: alert.High, FirstActivity: at, LastActivity: at, Created: at, Updated: at,
		Evidence: []alert.Evidence{
			{Entity: alert.Device{DeviceID: "d1", DNSName: "ws-17.corp.example", HostName: "ws-17", OS: "Windows11", LastIP: "192.0.2.7"}},
			{Entity: alert.User{UPN: "kai@corp.example", Account: "kai", Domain: "CORP", SID: "S-1-5-21-1-2-3-1104"}},
			{Entity: file},
			{Entity: alert.Process{PID: 4711, CommandLine: `rundll32.exe C:\windows\System32\comsvcs.dll, MiniDump 624 C:\temp\lsass.dmp full`, Image: file}},
			{Entity: alert.IP{Address: "203.0.113.7"}},
		},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Digest(); err != nil {
			b.Fatal(err)
		}
	}
}
