package incident

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// maxKeyName is how many code points of an identifier are shown, and hashDigits how many digits of a hash.
const (
	maxKeyName = 80
	hashDigits = 12
)

// KeyName returns the name of what k identifies, in plain English: "device ws-01", `account CORP\kai`, "file
// hash 8963a1b2c3d4…", "address 203.0.113.7", "Kubernetes pod shop/web" or "account SYSTEM (S-1-5-18)". Short
// forms and full forms of a name get the same word. Names are in small letters, as keys are, except for SIDs
// and for the domain of a Windows account; an [Explanation] has them in the spelling of their source. The
// result is one line without invisible characters. KeyName cuts an identifier longer than 80 code points. The
// name of the empty Key is "".
func KeyName(k alert.Key) string { return keyName(k, nil) }

// keyName is KeyName with the identifier in the spelling that one of texts has.
func keyName(k alert.Key, texts []string) string {
	namespace, id, _ := strings.Cut(string(k), ":")
	what, parts := keyForms[namespace].word, strings.Split(id, "|")
	switch namespace {
	case "linking", "lasting", "moving", "alone", "idle":
		return keyName(alert.Key(id), texts)
	case "account", "short-account":
		id = strings.TrimPrefix(id, `\`)
		domain, name, ok := strings.Cut(id, `\`)
		if _, known := spelled(id, texts); ok && !known && !strings.Contains(domain, ".") {
			id = strings.ToUpper(domain) + `\` + name
		}
	case "sid":
		if id = strings.ToUpper(id); wellKnownSIDs[id] != "" {
			id = wellKnownSIDs[id] + " (" + id + ")"
		}
	case "md5", "sha1", "sha256":
		id = firstDigits(id)
	case "file", "registry":
		id = strings.Join(parts[1:], `\`)
		if name := strings.TrimPrefix(id, `\`); !strings.Contains(name, `\`) {
			id = name
		}
	case "process":
		id = strings.Join(parts[min(1, len(parts)-1):min(2, len(parts))], "")
	case "message", "internet-message", "app":
		id = parts[0]
	case "mail-cluster":
		id = strings.Join(parts[1:], "|")
	case "resource", "session-role":
		if path := strings.Trim(id, "/"); path != id {
			id = path[strings.LastIndexByte(path, '/')+1:]
		}
	case "entity":
		what = cmp.Or(kindWords[parts[0]], parts[0])
		if len(parts) == 4 { // the cluster may be the path of a cloud resource
			parts[1] = parts[1][strings.LastIndexByte(parts[1], '/')+1:]
		}
		id = strings.Join(slices.DeleteFunc(parts[1:], func(s string) bool { return s == "" }), "/")
	case "kind":
		id = strings.Join(parts[1:], "|")
	default:
		if kind, ok := strings.CutSuffix(namespace, "-anonymous"); ok {
			what, id = "unnamed "+cmp.Or(kindWords[strings.ToLower(kind)], kind), ""
		} else if what == "" {
			what = namespace
		}
	}
	if as, ok := spelled(id, texts); ok {
		id = as
	}
	return strings.TrimSpace(oneLine(what) + " " + oneLine(id))
}

// firstDigits returns what of a hash is enough to search for it.
func firstDigits(hash string) string {
	if len(hash) <= hashDigits {
		return hash
	}
	return hash[:hashDigits] + "…"
}

// spelled returns id in the spelling that one of texts has: as a whole, as a part of it, or at least its last
// part, such as the name of a role. It reports false when there is none.
func spelled(id string, texts []string) (string, bool) {
	if id == "" {
		return "", false
	}
	for _, text := range texts {
		if strings.EqualFold(strings.TrimSpace(text), id) {
			return strings.TrimSpace(text), true
		}
	}
	for _, text := range texts {
		if part, ok := partOf(text, id); ok {
			return part, true
		}
	}
	if cut := strings.LastIndexAny(id, `/\:@`) + 1; cut > 0 {
		if last, ok := spelled(id[cut:], texts); ok {
			return id[:cut] + last, true
		}
	}
	return "", false
}

// partOf returns where text has id, case-insensitively, between signs or blanks.
func partOf(text, id string) (string, bool) {
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		return "", false // the places in both differ
	}
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for from := 0; ; {
		at := strings.Index(lower[from:], id)
		if at < 0 {
			return "", false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(id):])
		if !inWord(before) && !inWord(after) {
			return text[at : at+len(id)], true
		}
		from = at + 1
	}
}

// oneLine returns text for a sentence.
func oneLine(text string) string {
	separates := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	words := strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), separates)
	return glyph.Cut(glyph.Plain(strings.Join(words, " ")), maxKeyName)
}

// A keyForm says what the keys of a namespace are called, and which of several that name the same thing is shown.
type keyForm struct {
	word   string
	family string // namespaces with one family name one thing in several ways
	rank   int    // the lowest is the best name; from opaque on only shown if there is no other
}

// opaque is the rank of identifiers that tell people nothing.
const opaque = 10

var keyForms = map[string]keyForm{
	"host":              {"device", "device", 0},
	"short-host":        {"device", "device", 1},
	"netbios-host":      {"device", "device", opaque},
	"device":            {"device", "device", opaque + 1},
	"device-dir":        {"device", "device", opaque + 2},
	"account":           {"account", "account", 0},
	"upn":               {"account", "account", 1},
	"mailbox":           {"mailbox", "account", 2},
	"short-account":     {"account", "account", 3},
	"sid":               {"account", "account", opaque},
	"user":              {"account", "account", opaque + 1},
	"sha256":            {"file hash", "file hash", 0},
	"sha1":              {"file hash", "file hash", opaque},
	"md5":               {"file hash", "file hash", opaque + 1},
	"file":              {"file", "file", 0},
	"registry":          {"registry key", "registry", 0},
	"process":           {"process", "process", 0},
	"ip":                {"address", "address", 0},
	"device-ip":         {"address", "address", 1},
	"url":               {"URL", "URL", 0},
	"url-host":          {"URL host", "URL", 1},
	"message":           {"mail message", "message", 0},
	"internet-message":  {"mail message", "message", opaque},
	"sender":            {"mail sender", "sender", 0},
	"mail-cluster":      {"mail cluster", "mail cluster", 0},
	"app-name":          {"application", "application", 0},
	"app":               {"application", "application", opaque},
	"oauth-app":         {"application", "OAuth application", 0},
	"service-principal": {"application", "OAuth application", opaque},
	"resource":          {"cloud resource", "resource", 0},
	"session-role":      {"cloud resource", "resource", 0},
	"kind":              {"alert", "alert", 0},
}

// wellKnownSIDs names accounts that are known by their identifier alone. Source: Microsoft, Well-known SIDs.
var wellKnownSIDs = map[string]string{
	"S-1-1-0": "Everyone", "S-1-5-7": "ANONYMOUS LOGON", "S-1-5-11": "Authenticated Users", "S-1-5-18": "SYSTEM",
	"S-1-5-19": "LOCAL SERVICE", "S-1-5-20": "NETWORK SERVICE",
}

// kindWords are the words for kinds of entities, which are in small letters: all that Microsoft Graph names,
// and kubernetesWorkload, which package alert makes of the names of pods.
var kindWords = map[string]string{
	"activedirectorydomain": "Active Directory domain", "aiagent": "AI agent", "amazonresource": "cloud resource",
	"analyzedmessage": "mail message", "azureresource": "cloud resource", "blob": "blob",
	"blobcontainer": "blob container", "cloudapplication": "application",
	"cloudlogonrequest": "cloud logon request", "cloudlogonsession": "cloud logon session",
	"container": "container", "containerimage": "container image", "containerregistry": "container registry",
	"device": "device", "dns": "DNS record", "file": "file", "filehash": "file hash",
	"githuborganization": "GitHub organization", "githubrepo": "GitHub repository", "githubuser": "GitHub user",
	"googlecloudresource": "cloud resource", "hostlogonsession": "host logon session", "iotdevice": "IoT device",
	"ip": "address", "kubernetescluster": "Kubernetes cluster", "kubernetescontroller": "Kubernetes controller",
	"kubernetesnamespace": "Kubernetes namespace", "kubernetespod": "Kubernetes pod",
	"kubernetessecret": "Kubernetes secret", "kubernetesservice": "Kubernetes service",
	"kubernetesserviceaccount": "Kubernetes service account", "kubernetesworkload": "Kubernetes workload",
	"mailbox": "mailbox", "mailboxconfiguration": "mailbox configuration", "mailcluster": "mail cluster",
	"malware": "malware", "networkconnection": "network connection", "nic": "network interface",
	"oauthapplication": "application", "process": "process", "registrykey": "registry key",
	"registryvalue": "registry value", "sastoken": "SAS token", "securitygroup": "security group",
	"serviceprincipal": "service principal", "submissionmail": "submitted mail message",
	"teamsmessage": "Teams message", "url": "URL", "user": "account",
}

// familyOf returns the family of a key, and rankOf its rank in it, where short forms come behind the full
// ones.
func familyOf(key alert.Key) string {
	return cmp.Or(keyForms[key.Namespace()].family, key.Namespace())
}

func rankOf(key alert.Key) int {
	rank := keyForms[key.Namespace()].rank
	if key.IsShort() && rank < opaque {
		rank = opaque - 1
	}
	return rank
}

// keyNames returns the names of keys, in their order, each once: those that given has, and of the others what
// KeyName returns. It leaves out a key if another one has a better name of the same thing: the identifier of
// a device beside its host name, the short form beside the full one.
func keyNames(keys []alert.Key, given map[alert.Key]string) (names []string) {
	type form struct {
		family, label string
		rank          int
	}
	forms := make([]form, len(keys))
	best := make(map[string]int) // rank by family
	for n, key := range keys {
		f := form{familyOf(key), label(key), keyForms[key.Namespace()].rank}
		if rank, ok := best[f.family]; !ok || f.rank < rank {
			best[f.family] = f.rank
		}
		forms[n] = f
	}
	for n, f := range forms {
		known := given[keys[n]] != ""
		again := f.rank >= opaque && best[f.family] < f.rank && !known ||
			slices.ContainsFunc(forms, func(other form) bool {
				return other.family == f.family && other.rank < f.rank && other.label == f.label
			})
		name := cmp.Or(given[keys[n]], KeyName(keys[n]))
		if !again && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// nameWords are the words that names begin with, the longest first.
var nameWords = sync.OnceValue(func() []string {
	words := slices.Collect(maps.Values(kindWords))
	for _, f := range keyForms {
		words = append(words, f.word)
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(words)
})

// word returns the word that a name begins with, "" if it is not a known one.
func word(name string) string {
	for _, w := range nameWords() {
		if strings.HasPrefix(name, w+" ") {
			return w
		}
	}
	return ""
}

// plural returns the plural of a word for things.
func plural(word string) string {
	switch {
	case strings.HasSuffix(word, "s"), strings.HasSuffix(word, "x"), strings.HasSuffix(word, "sh"):
		return word + "es"
	case strings.HasSuffix(word, "ory"):
		return strings.TrimSuffix(word, "y") + "ies"
	}
	return word + "s"
}

// commonWord returns the word that all names begin with, "" if they differ.
func commonWord(names []string) string {
	if len(names) == 0 {
		return ""
	}
	first := word(names[0])
	for _, name := range names {
		if word(name) != first {
			return ""
		}
	}
	return first
}

// theNames returns "the device ws-01 and the account CORP\kai" or "the devices a, b and c".
func theNames(names []string) string {
	what, all := commonWord(names), make([]string, len(names))
	for n, name := range names {
		if what != "" && len(names) > 1 {
			all[n] = strings.TrimPrefix(name, what+" ")
		} else {
			all[n] = "the " + name
		}
	}
	if what != "" && len(names) > 1 {
		return "the " + plural(what) + " " + enumerate(all, ", ")
	}
	return enumerate(all, ", ")
}

// label returns what the forms of one name have in common: the first label of a host, the name of an account, the host
// of a URL.
func label(key alert.Key) string {
	namespace, id, _ := strings.Cut(string(key), ":")
	switch namespace {
	case "host":
		id, _, _ = strings.Cut(id, ".")
	case "account", "short-account":
		id = id[strings.LastIndexByte(id, '\\')+1:]
	case "upn", "mailbox":
		id, _, _ = strings.Cut(id, "@")
	case "url":
		if _, rest, ok := strings.Cut(id, "://"); ok {
			id = rest
		}
		id, _, _ = strings.Cut(id, "/")
	}
	return id
}
