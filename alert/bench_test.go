package alert_test

import (
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// endpointAlert has five pieces of evidence, as an endpoint product sends it.
func endpointAlert() alert.Alert {
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	file := alert.File{FileName: "rundll32.exe", Path: `C:\Windows\System32`, SHA256: "5f78c33274e43fa9de5659265c1d917e25c03722dcb0b8d27db8d5feaa813953"}
	return alert.Alert{
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
}

// BenchmarkDigest takes the digest of an alert.
func BenchmarkDigest(b *testing.B) {
	a := endpointAlert()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Digest(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKeySet computes the keys of an alert, which every alert that comes in costs once.
func BenchmarkKeySet(b *testing.B) {
	a := endpointAlert()
	b.ReportAllocs()
	for b.Loop() {
		if len(a.KeySet().All()) < 5 {
			b.Fatal("keys are missing")
		}
	}
}

// BenchmarkKeys computes the keys of an alert for those who need only the list.
func BenchmarkKeys(b *testing.B) {
	a := endpointAlert()
	b.ReportAllocs()
	for b.Loop() {
		if len(a.Keys()) < 5 {
			b.Fatal("keys are missing")
		}
	}
}

// BenchmarkIdentity computes the identity of each piece of evidence of an alert.
func BenchmarkIdentity(b *testing.B) {
	a := endpointAlert()
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range a.Evidence {
			if alert.Identity(e.Entity) == "" {
				b.Fatal("an identity is missing")
			}
		}
	}
}

// BenchmarkIdentifiers finds what an alert can be joined by, which every alert that is correlated costs once.
func BenchmarkIdentifiers(b *testing.B) {
	a := endpointAlert()
	b.ReportAllocs()
	for b.Loop() {
		if len(a.Identifiers(nil)) < 5 {
			b.Fatal("identifiers are missing")
		}
	}
}
