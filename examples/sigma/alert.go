package main

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// newAlert returns the alert of a rule that matched an event. Its ID is made from the ID of the rule and the
// digest of the event, so that the manager counts an event that is recorded twice as a repeat.
func newAlert(r Rule, e Event) (alert.Alert, error) {
	at, err := e.Time()
	if err != nil {
		return alert.Alert{}, err
	}
	digest, err := e.Digest()
	if err != nil {
		return alert.Alert{}, err
	}
	a := alert.Alert{
		Origin:          alert.Origin{Source: "sigma", ID: r.ID + ":" + digest},
		DetectionSource: r.File,
		Title:           r.Title,
		Description:     r.Description,
		Severity:        r.Severity,
		Category:        r.Category,
		Techniques:      slices.Clone(r.Techniques),
		Tags:            slices.Clone(r.Tags),
		FirstActivity:   at,
	}
	for _, entity := range entities(e) {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: entity})
	}
	return a, nil
}

// entities returns what an event names. A field is read under the name that Windows, Sysmon and the proxy
// give it.
func entities(e Event) []alert.Entity {
	var found []alert.Entity
	if host := value(e, "Computer"); strings.Contains(host, ".") {
		found = append(found, alert.Device{DNSName: host})
	} else if host != "" {
		found = append(found, alert.Device{HostName: host})
	}
	for _, user := range []alert.User{
		{Account: value(e, "SubjectUserName"), Domain: value(e, "SubjectDomainName")},
		{Account: value(e, "TargetUserName"), Domain: value(e, "TargetDomainName")},
		account(value(e, "User")),
		account(value(e, "SourceUser")),
		account(value(e, "cs-username")),
	} {
		if user.Account != "" {
			found = append(found, user)
		}
	}
	for _, field := range []string{"IpAddress", "DestinationIp", "c-ip"} {
		ip, err := netip.ParseAddr(e[field])
		if err == nil && !ip.IsUnspecified() && !ip.IsLoopback() {
			found = append(found, alert.IP{Address: ip.Unmap().String()})
		}
	}
	for _, p := range []alert.Process{
		{
			Image: file(value(e, "Image")), PID: number(e, "ProcessId"), CommandLine: value(e, "CommandLine"),
			ParentImage: file(value(e, "ParentImage")), ParentPID: number(e, "ParentProcessId"),
		},
		{Image: file(value(e, "SourceImage")), PID: number(e, "SourceProcessId")},
	} {
		if p.Image.FileName != "" {
			found = append(found, p)
		}
	}
	for _, field := range []string{"TargetFilename", "ImagePath"} {
		if f := file(value(e, field)); f.FileName != "" {
			found = append(found, f)
		}
	}
	for _, field := range []string{"QueryName", "c-uri"} {
		if url := value(e, field); url != "" {
			found = append(found, alert.URL{URL: url})
		}
	}
	return found
}

// value returns a field of an event, "" where Windows wrote that there is none.
func value(e Event, field string) string {
	if e[field] == "-" {
		return ""
	}
	return e[field]
}

// number returns a field of an event that is a number, 0 where it is none.
func number(e Event, field string) int64 {
	n, err := strconv.ParseInt(e[field], 0, 64)
	if err != nil {
		return 0
	}
	return n
}

// account returns the user that is written as DOMAIN\account or as an account alone.
func account(text string) alert.User {
	if domain, name, ok := strings.Cut(text, `\`); ok {
		return alert.User{Account: name, Domain: domain}
	}
	return alert.User{Account: text}
}

// file returns the file at a path of Windows.
func file(path string) alert.File {
	n := strings.LastIndex(path, `\`)
	return alert.File{FileName: path[n+1:], Path: path[:max(n, 0)]}
}
