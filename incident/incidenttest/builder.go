package incidenttest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// A Part is one thing that an alert of [Alert] says.
type Part func(*alert.Alert)

// Alert returns an alert of the source "test" with that title and severity and whatever parts say:
//
//	incidenttest.Alert("Mimikatz", alert.High, incidenttest.Device("ws-17"), incidenttest.User("kai"),
//		incidenttest.Technique("T1003.001"), incidenttest.At(5*time.Minute))
//
// Its activity is at [Time](0) unless [At] or [Lasting] says otherwise. Its ID is made of what it says,
// unless [ID] gives one: two alerts that say the same at the same time are one alert that was reported twice.
func Alert(title string, severity alert.Severity, parts ...Part) alert.Alert {
	a := alert.Alert{
		Origin:        alert.Origin{Source: "test"},
		Title:         title,
		Severity:      severity,
		FirstActivity: Time(0),
	}
	for _, part := range parts {
		part(&a)
	}
	if a.Origin.ID == "" {
		text, err := json.Marshal(a)
		if err != nil {
			text = []byte(title) // a time that cannot be kept, which whoever takes the alert will say
		}
		sum := sha256.Sum256(text)
		a.Origin.ID = words(title, "-") + "-" + hex.EncodeToString(sum[:4])
	}
	return a
}

// ID gives the alert an identifier of its source.
func ID(id string) Part { return func(a *alert.Alert) { a.Origin.ID = id } }

// Source says which product raised the alert.
func Source(source string) Part { return func(a *alert.Alert) { a.Origin.Source = source } }

// At puts the alert's activity at [Time](d).
func At(d time.Duration) Part {
	return func(a *alert.Alert) {
		if !a.LastActivity.IsZero() {
			a.LastActivity = a.LastActivity.Add(Time(d).Sub(a.FirstActivity))
		}
		a.FirstActivity = Time(d)
	}
}

// Lasting makes the alert's activity last for d.
func Lasting(d time.Duration) Part {
	return func(a *alert.Alert) { a.LastActivity = a.FirstActivity.Add(d) }
}

// Technique adds techniques of MITRE ATT&CK, such as "T1003.001".
func Technique(ids ...string) Part {
	return func(a *alert.Alert) { a.Techniques = append(a.Techniques, ids...) }
}

// Tactic says how far the attack has come, as [alert.Alert].Category: such as "CredentialAccess".
func Tactic(category string) Part { return func(a *alert.Alert) { a.Category = category } }

// Tag adds tags of the product.
func Tag(tags ...string) Part { return func(a *alert.Alert) { a.Tags = append(a.Tags, tags...) } }

// Entity adds evidence that has no Part of its own, or more fields than that gives it.
func Entity(entities ...alert.Entity) Part {
	return func(a *alert.Alert) {
		for _, e := range entities {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
		}
	}
}

// Judged adds what part adds, and says the verdict and the roles of that evidence.
func Judged(part Part, verdict alert.EvidenceVerdict, roles ...alert.Role) Part {
	return func(a *alert.Alert) {
		n := len(a.Evidence)
		part(a)
		for ; n < len(a.Evidence); n++ {
			a.Evidence[n].Verdict = verdict
			a.Evidence[n].Roles = append(a.Evidence[n].Roles, roles...)
		}
	}
}

// Device adds a device by its name: a full one, such as "ws-17.corp.example", or a short one.
func Device(name string) Part {
	if strings.Contains(name, ".") {
		return Entity(alert.Device{DNSName: name})
	}
	return Entity(alert.Device{HostName: name})
}

// User adds an account by its name: a user principal name, such as "kai@corp.example", a name with its
// domain, such as `CORP\kai`, or a SID. A name without a domain is one of the domain CORP, so that "kai" in
// two alerts is the same account; for an account whose domain is unknown use [Entity].
func User(name string) Part {
	domain, account, qualified := strings.Cut(name, `\`)
	switch {
	case qualified:
		return Entity(alert.User{Domain: domain, Account: account})
	case strings.Contains(name, "@"):
		return Entity(alert.User{UPN: name})
	case strings.HasPrefix(name, "S-1-"):
		return Entity(alert.User{SID: name})
	}
	return Entity(alert.User{Domain: "CORP", Account: name})
}

// Mailbox adds a mailbox by its address.
func Mailbox(address string) Part { return Entity(alert.Mailbox{Address: address}) }

// Mail adds a mail message by its sender, its recipient and its subject, which is its identifier, too.
func Mail(sender, recipient, subject string) Part {
	id := "<" + words(subject, ".") + "@" + sender[strings.LastIndexByte(sender, '@')+1:] + ">"
	return Entity(alert.Message{InternetMessageID: id, Sender: sender, Recipient: recipient, Subject: subject})
}

// words returns the words of text in small letters, joined by sep.
func words(text, sep string) string { return strings.Join(strings.Fields(strings.ToLower(text)), sep) }

// IP adds addresses.
func IP(addresses ...string) Part {
	return func(a *alert.Alert) {
		for _, address := range addresses {
			Entity(alert.IP{Address: address})(a)
		}
	}
}

// URL adds a URL, or the name of a host that was asked for.
func URL(url string) Part { return Entity(alert.URL{URL: url}) }

// File adds a file by its path, which may be its name alone, and its hash: of 64 hexadecimal digits the
// SHA-256, of 40 the SHA-1, of others the MD5, and "" for none.
func File(path, hash string) Part {
	f := file(path)
	switch len(hash) {
	case 64:
		f.SHA256 = hash
	case 40:
		f.SHA1 = hash
	default:
		f.MD5 = hash
	}
	return Entity(f)
}

// file splits path at the last slash or backslash.
func file(path string) alert.File {
	n := strings.LastIndexAny(path, `/\`)
	return alert.File{Path: path[:max(n, 0)], FileName: path[n+1:]}
}

// Process adds a running program by the path of its image and its command line.
func Process(image, commandLine string) Part {
	return Entity(alert.Process{Image: file(image), CommandLine: commandLine})
}

// Resource adds a cloud resource by its identifier: one that begins with "arn:" is Amazon's, one with "//"
// Google's, and any other Azure's.
func Resource(id string) Part {
	provider := alert.KindAzureResource
	switch {
	case strings.HasPrefix(id, "arn:"):
		provider = alert.KindAmazonResource
	case strings.HasPrefix(id, "//"):
		provider = alert.KindGoogleCloudResource
	}
	return Entity(alert.CloudResource{Provider: provider, ID: id})
}
