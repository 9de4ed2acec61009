package incident

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// maxKeyName is how many code points of an identifier are shown.
const maxKeyName = 80

// KeyName returns the name of what k identifies, in plain English: "device ws-01", `account CORP\kai`, "file hash
// 8963a1…", "address 203.0.113.7" or "URL host evil.example". Short forms and full forms of a name get the same word.
// Names are in small letters, as keys are, except for the domain of a Windows account. The result is one line without
// invisible characters. KeyName cuts an identifier longer than 80 code points. The name of the empty Key is "".
func KeyName(k alert.Key) string {
	namespace, id, _ := strings.Cut(string(k), ":")
	what, parts := keyForms[namespace].word, strings.Split(id, "|")
	switch namespace {
	case "linking", "lasting", "moving", "alone":
		return KeyName(alert.Key(id))
	case "account", "short-account":
		if domain, name, ok := strings.Cut(id, `\`); ok && !strings.Contains(domain, ".") {
			id = strings.TrimPrefix(strings.ToUpper(domain)+`\`+name, `\`)
		}
	case "md5", "sha1", "sha256":
		id = id[:min(6, len(id))] + "…"
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
	case "resource":
		if path := strings.Trim(id, "/"); path != id {
			id = path[strings.LastIndexByte(path, '/')+1:]
		}
	case "entity":
		what, id = parts[0], strings.Join(slices.DeleteFunc(parts[1:], func(s string) bool { return s == "" }), "/")
	case "kind":
		id = strings.Join(parts[1:], "|")
	default:
		if entity, ok := strings.CutSuffix(namespace, "-anonymous"); ok {
			what, id = "unnamed "+entity, ""
		} else if what == "" {
			what = namespace
		}
	}
	return strings.TrimSpace(oneLine(what) + " " + oneLine(id))
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
	"kind":              {"alert", "alert", 0},
}

// keyNames returns the names of keys, in their order, each once. It leaves out a key if another one has a better
// name of the same thing: the identifier of a device beside its host name, the short form beside the full one.
func keyNames(keys []alert.Key) (names []string) {
	type form struct {
		keyForm
		label string
	}
	forms := make([]form, len(keys))
	best := make(map[string]int) // rank by family
	for n, key := range keys {
		f := keyForms[key.Namespace()]
		f.family = cmp.Or(f.family, key.Namespace())
		if rank, ok := best[f.family]; !ok || f.rank < rank {
			best[f.family] = f.rank
		}
		forms[n] = form{f, label(key)}
	}
	for n, f := range forms {
		again := f.rank >= opaque && best[f.family] < f.rank || slices.ContainsFunc(forms, func(other form) bool {
			return other.family == f.family && other.rank < f.rank && other.label == f.label
		})
		if name := KeyName(keys[n]); !again && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
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
