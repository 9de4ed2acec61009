package socday

import (
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// A Fleet is a day of few machines with many alerts each. Every second machine is attacked: the alerts go on
// from tool to tool. On the others one rule raises its alert over and over. A machine has its own accounts,
// files and addresses. All of them have what every host in the world has: the files of the operating system,
// its account and a resolver. Everything a Fleet returns is decided by its fields and the arguments.
type Fleet struct {
	Seed     uint64
	Machines int // the first have more alerts than the others: of 20 it has a fifth of all
	Alerts   int // the day has
}

// Alert returns the i-th alert of the day, from 0, as its source sends it.
func (f Fleet) Alert(i int) alert.Alert {
	r := Day{Seed: f.Seed}.random(forMachine, i)
	return f.Of(r.skewed(f.Machines), i)
}

// Of returns what the i-th alert of the day would be if it were of that machine, from 0. It names a device, a
// user, a process with the hash of its file, and an address.
func (f Fleet) Of(machine, i int) alert.Alert {
	r, at := Day{Seed: f.Seed}.random(forFleet, i), f.Time(i)
	tool := i * 8 / f.Alerts // of an attack, one after the other
	if machine%2 == 1 {
		tool = 0
	}
	rule := detections[(machine+tool)%len(detections)]
	a := alert.Alert{
		Origin: alert.Origin{Source: rule.source, ID: "da" + r.hex(30)}, Product: products[rule.source],
		Title: rule.title, Category: rule.category, Techniques: []string{rule.technique},
		Severity:      alert.Severity(2 + r.below(3)),
		FirstActivity: at, LastActivity: at.Add(30 * time.Second), Created: at.Add(time.Minute),
	}
	a.Evidence = f.evidence(machine, tool, at, &r)
	for n := range a.Evidence {
		a.Evidence[n].Verdict, a.Evidence[n].Created = alert.Suspicious, a.Created
	}
	return a
}

// Time returns when the i-th alert of the day arrives.
func (f Fleet) Time(i int) time.Time {
	return start.Add(time.Duration(i) * (24 * time.Hour / time.Duration(f.Alerts))).Truncate(time.Microsecond)
}

func (f Fleet) evidence(machine, tool int, at time.Time, r *random) []alert.Evidence {
	own := func(kind, n int) random { return Day{Seed: f.Seed}.thing(machine, kind, n) }
	named := own(0, 0)
	id := named.hex(40)
	device := alert.Device{
		DeviceID: id, DNSName: "ws-" + id[:10] + ".contoso.com", OS: "Windows11",
		Group: deviceGroups[machine%len(deviceGroups)], LastIP: fmt.Sprintf("10.20.30.%d", 1+machine%250),
	}
	named = own(1, r.below(2))
	account := "user." + named.hex(10)
	user := alert.User{
		UPN: account + "@contoso.com", Account: account, Domain: "CONTOSO",
		SID: fmt.Sprint("S-1-5-21-1004336348-1177238915-682003330-", 1000+named.below(1<<20)),
	}
	if r.chance(0.1) {
		user = alert.User{Account: "SYSTEM", Domain: "NT AUTHORITY", SID: "S-1-5-18"}
	}
	named = own(2, tool)
	file := alert.File{
		FileName: fileNames[named.below(len(fileNames))], Path: `C:\Users\Public\Downloads`,
		SHA1: named.hex(40), SHA256: named.hex(64), DeviceID: id,
	}
	system := Day{}.thing(0, 5, 0)
	process := alert.Process{
		PID: int64(4 * (1 + r.below(8000))), Started: at, Image: file, DeviceID: id, User: user,
		CommandLine: file.Path + `\` + file.FileName + " -q -s " + r.hex(8),
		ParentPID:   1044, ParentStarted: start.Add(-time.Hour),
		ParentImage: alert.File{
			FileName: "explorer.exe", Path: `C:\Windows`, SHA256: system.hex(64), Signer: "Microsoft Windows",
		},
	}
	named = own(3, r.below(3))
	address := fmt.Sprintf("45.%d.%d.%d", 80+named.below(8), named.below(256), 1+named.below(250))
	if r.chance(0.1) {
		address = "8.8.8.8"
	}
	return []alert.Evidence{
		{Entity: device}, {Entity: user}, {Entity: process}, {Entity: alert.IP{Address: address}},
	}
}
