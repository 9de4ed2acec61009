package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// droppers is how many files, URLs and processes the story has of each.
const droppers = 45

// people have their names in many scripts.
var people = []alert.User{
	{UPN: "sara@example.com", DisplayName: "Sara Ångström"},
	{UPN: "giorgos@example.com", DisplayName: "Γιώργος Παπαδόπουλος"},
	{UPN: "olena@example.com", DisplayName: "Олена Шевченко"},
	{UPN: "layla@example.com", DisplayName: "ليلى حداد"},
	{UPN: "noa@example.com", DisplayName: "נועה לוי"},
	{UPN: "yuki@example.com", DisplayName: "高橋 由紀"},
	{UPN: "minsu@example.com", DisplayName: "박민수"},
}

// many is six days of a loader that comes with another file each time: each alert has a file, an address that it came from and
// the process that it was started with, by a command line that is as long as such lines are.
func many(d *desk) {
	start := time.Date(2026, 6, 1, 6, 30, 0, 0, time.UTC)
	host := alert.Device{DNSName: "build-07.example.com", OS: "Windows11", Group: "Build machines", LastIP: "192.0.2.70"}
	names := []string{"setup", "aktualizace", "обновление", "تحديث", "更新", "atualização"}
	for n := range droppers {
		at := start.Add(time.Duration(n) * 3 * time.Hour)
		user := people[n%len(people)]
		file := alert.File{
			FileName: fmt.Sprintf("%s-%02d.exe", names[n%len(names)], n+1), Path: `C:\Users\Public\Libraries\cache`, SHA256: digest(300 + n), Size: int64(180_000 + 1_733*n),
		}
		argument := strings.Repeat(fmt.Sprintf("JABjAD%02dQAbgB0AC4A", n), 14)
		process := alert.Process{
			PID: int64(4000 + 4*n), Started: at.Add(time.Second), Image: file, User: user,
			CommandLine: fmt.Sprintf(`"C:\Users\Public\Libraries\cache\%s" --run --quiet --from="https://cdn-%02d.example.net/%s" --enc %s`, file.FileName, n+1, file.FileName, argument),
			ParentPID:   int64(900 + n%4), ParentImage: alert.File{FileName: "updater.exe", Path: `C:\Program Files\Updater`},
		}
		a := alert.Alert{
			Title: "A loader fetched a program and started it", Category: "Execution", Techniques: []string{"T1204.002", "T1105"}, Severity: alert.Medium,
			Description:        fmt.Sprintf("updater.exe fetched `%s` and started it. The file has no signature and was never seen before.", file.FileName),
			RecommendedActions: "Isolate the machine. Look for the file by its SHA-256 on all others.",
			Evidence: []alert.Evidence{
				asset(host, alert.Compromised), asset(user, alert.Compromised),
				found(file, alert.Malicious, alert.ActiveThreat, alert.Created),
				found(alert.URL{URL: fmt.Sprintf("https://cdn-%02d.example.net/%s", n+1, file.FileName)}, alert.Malicious, alert.NotRemediated, alert.Source),
				found(process, alert.Malicious, alert.ActiveThreat),
			},
		}
		if n%9 == 8 {
			a.Title, a.Category, a.Techniques, a.Severity = "A loader reported to its server", "CommandAndControl", []string{"T1071.001"}, alert.High
			a.Description = "Every minute the program sends a short message and waits for an answer."
			a.Evidence = append(a.Evidence, found(alert.IP{Address: fmt.Sprintf("203.0.113.%d", 100+n)}, alert.Malicious, alert.Blocked, alert.CommandAndControl))
		}
		d.ingest(endpoint.raise(fmt.Sprintf("many-%d", n+1), at, 4*time.Minute, a))
	}
	d.edit(time.Hour, mira, incident.Edit{
		Name: new("Loader on a build machine, with a new file every three hours"), Status: new(incident.InProgress), Owner: &incident.Owner{ID: mira.ID, Name: mira.Name},
	})
	d.comment(10*time.Minute, mira, "- [x] machine isolated\n- [x] updater.exe stopped\n- [ ] find out who signed the job that brought it")
}
