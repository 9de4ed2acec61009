package incident

import (
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// A namer names what the identifiers of one alert identify.
type namer struct {
	evidence []alert.Evidence
	ids      []alert.Identifier
}

// names returns the names of those of keys that the alert has, as [KeyName] would name them but in the
// spelling of the evidence. Keys of one thing have one name.
func (n namer) names(keys []alert.Key) map[alert.Key]string {
	if len(n.ids) == 0 {
		return nil
	}
	names := make(map[alert.Key]string)
	for _, key := range keys {
		if at := n.find(key); at >= 0 {
			names[key] = n.name(n.best(at, keys))
		}
	}
	return names
}

func (n namer) find(key alert.Key) int {
	return slices.IndexFunc(n.ids, func(id alert.Identifier) bool { return id.Key == key })
}

// best returns the identifier that names the thing of the one at that place: one of keys, unless people can
// read more from another one.
func (n namer) best(at int, keys []alert.Key) alert.Identifier {
	id := n.ids[at]
	family := familyOf(id.Key)
	if family == "resource" { // what an identifier contains, such as the role of a session, comes behind it
		for _, other := range n.ids {
			if familyOf(other.Key) == family && other.Evidence == id.Evidence && slices.Contains(keys, other.Key) {
				return other
			}
		}
	}
	if severalHave(id.Key) {
		return id
	}
	best := id
	for _, all := range []bool{false, true} {
		if all && tellsMost(best.Key) {
			break
		}
		for _, other := range n.ids {
			if other.Entity == id.Entity && familyOf(other.Key) == family && !severalHave(other.Key) &&
				tellsMore(other.Key, best.Key) && (all || slices.Contains(keys, other.Key)) {
				best = other
			}
		}
	}
	return best
}

// tellsMore reports whether key is a better name than other, of the same thing, and tellsMost whether none is
// looked for.
func tellsMore(key, other alert.Key) bool {
	if a, b := rankOf(key), rankOf(other); a != b {
		return a < b
	}
	switch key.Namespace() {
	case "host":
		return isFull(key) && !isFull(other)
	case "entity": // a name rather than an identifier, and a pod rather than its workload
		workload := func(key alert.Key) bool { return strings.HasPrefix(string(key), "entity:kubernetesworkload|") }
		if a, b := workload(key), workload(other); a != b {
			return b
		}
		return strings.Count(string(key), "|") > strings.Count(string(other), "|")
	}
	return false
}

func tellsMost(key alert.Key) bool {
	return rankOf(key) < rankOf("short-host:") && (key.Namespace() != "host" || isFull(key))
}

// isFull reports whether the name of a host has a domain.
func isFull(key alert.Key) bool { return strings.Contains(string(key), ".") }

// severalHave reports whether different things of one alert may have key.
func severalHave(key alert.Key) bool {
	switch key.Namespace() {
	case "url-host", "sender", "device-ip":
		return true
	}
	return false
}

// name names an identifier.
func (n namer) name(id alert.Identifier) string {
	namespace, hash, _ := strings.Cut(string(id.Key), ":")
	switch namespace {
	case "sha256", "sha1", "md5":
		for _, e := range n.evidence {
			if name := fileName(e.Entity, hash); name != "" {
				return "file " + oneLine(name) + " (" + namespace + " " + firstDigits(hash) + ")"
			}
		}
	}
	var texts []string
	if id.Evidence < len(n.evidence) {
		texts = spellings(n.evidence[id.Evidence].Entity)
	}
	return keyName(id.Key, texts)
}

// fileName returns what e calls the file with that hash, "" if it does not say.
func fileName(e alert.Entity, hash string) string {
	var files []alert.File
	switch e := e.(type) {
	case alert.File:
		files = []alert.File{e}
	case alert.Process:
		files = []alert.File{e.Image, e.ParentImage}
	}
	for _, f := range files {
		for _, h := range []string{f.SHA256, f.SHA1, f.MD5} {
			if strings.EqualFold(strings.TrimSpace(h), hash) {
				return strings.TrimSpace(f.FileName)
			}
		}
	}
	return ""
}

// spellings returns the texts of e that its identifiers are made of.
func spellings(e alert.Entity) []string {
	switch e := e.(type) {
	case alert.Device:
		return []string{e.DNSName, e.HostName, e.DeviceID, e.DirectoryID}
	case alert.User:
		return []string{e.Domain + `\` + e.Account, e.Account, e.UPN, e.Account + "@" + e.Domain, e.DirectoryID}
	case alert.Mailbox:
		return []string{e.Address, e.UPN}
	case alert.URL:
		return []string{e.URL}
	case alert.File:
		return []string{e.Path + `\` + e.FileName, e.FileName, e.DeviceID}
	case alert.Process:
		return slices.Concat(spellings(e.User), spellings(e.Image), spellings(e.ParentImage), []string{e.DeviceID})
	case alert.Registry:
		return []string{e.Hive + `\` + e.Key + `\` + e.Value, e.Hive + `\` + e.Key, e.DeviceID}
	case alert.Message:
		return []string{e.NetworkMessageID, e.InternetMessageID, e.Sender, e.EnvelopeSender, e.Recipient}
	case alert.MailCluster:
		return []string{e.Value}
	case alert.App:
		return []string{e.DisplayName}
	case alert.OAuthApp:
		return []string{e.AppID, e.ObjectID}
	case alert.CloudResource:
		return []string{e.ID, e.ResourceName}
	}
	return nil
}
