package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// Hidden says what a report does not tell. What is hidden has another name instead, such as "User 1" or "Device 2", the same
// wherever it occurs: as an entity and, where it stands as a whole word, in every text, whatever the case of its letters and the
// way their accents are encoded.
// Words of one or two characters are only replaced where they are all there is. Identifiers of records, and what is in images,
// are not looked into. The zero Hidden hides nothing.
type Hidden struct {
	Users    bool `json:"users,omitempty"`    // accounts, mailboxes, senders and recipients of mail, owners, and the people of the activity log
	Devices  bool `json:"devices,omitempty"`  // devices, with their last addresses
	Comments bool `json:"comments,omitempty"` // what comments say, and what is attached to them
	Evidence bool `json:"evidence,omitempty"` // entities that are no assets: of these nothing but their kind is left
}

// IsZero reports whether nothing is hidden.
func (h Hidden) IsZero() bool { return h == Hidden{} }

// words lists what is hidden.
func (h Hidden) words() string {
	var list []string
	for _, x := range []struct {
		on   bool
		name string
	}{{h.Users, "users"}, {h.Devices, "devices"}, {h.Comments, "comments"}, {h.Evidence, "evidence"}} {
		if x.on {
			list = append(list, x.name)
		}
	}
	return words.And(list)
}

// hide returns the records as they are without what h hides, in an order of their own. They share no memory with what was given.
// Of others the rows are changed in place.
func hide(h Hidden, c incident.Case, entries []activity.Entry, others ...related) (incident.Case, []activity.Entry) {
	if h.IsZero() {
		return c, entries
	}
	var alerts []alert.Alert
	for _, a := range slices.SortedFunc(slices.Values(c.Alerts), alert.Query{}.Compare) {
		alerts = append(alerts, a.Clone())
	}
	var log []activity.Entry
	for _, e := range chronological(entries) {
		log = append(log, e.Clone())
	}
	i := c.Incident.Clone()

	n := names{hidden: h, of: map[string]string{}, count: map[string]int{}}
	for _, a := range alerts {
		for _, e := range a.Evidence {
			n.entity(e.Entity)
		}
		n.person(a.Owner.ID, a.Owner.Name)
	}
	n.person(i.Owner.ID, i.Owner.Name)
	comments := 0
	for k, e := range log {
		if e.Actor.Kind == activity.User {
			n.person(e.Actor.ID, e.Actor.Name)
		}
		n.person(e.Actor.OnBehalfOf, "")
		for _, change := range e.Changes {
			if change.Field == "owner" {
				n.ownerIn(change.Before)
				n.ownerIn(change.After)
			}
		}
		if h.Comments && e.Type == activity.Commented && !e.Redacted {
			comments++
			log[k].Text, log[k].Attachments = fmt.Sprintf("[Comment %d, hidden]", comments), nil
		}
	}
	for _, o := range others {
		for _, a := range o.Alerts {
			for _, e := range a.Evidence {
				n.entity(e.Entity)
			}
		}
		for _, m := range slices.Concat(o.From, o.Into) {
			if m.By.Kind == activity.User {
				n.person(m.By.ID, m.By.Name)
			}
		}
	}
	n.sort()
	for _, o := range others {
		n.walk(reflect.ValueOf(o.From))
		n.walk(reflect.ValueOf(o.Into))
	}
	n.walk(reflect.ValueOf(&i).Elem())
	n.walk(reflect.ValueOf(alerts))
	n.walk(reflect.ValueOf(log))
	return incident.Case{Incident: i, Alerts: alerts}, log
}

// chronological returns entries oldest first. A merge copies entries that are older than those before them in the log.
func chronological(entries []activity.Entry) []activity.Entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b activity.Entry) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq))
	})
}

// names are the other names of what is hidden.
type names struct {
	hidden  Hidden
	of      map[string]string // by name, folded
	count   map[string]int    // by noun
	lengths []int             // of the names in of, in runes, the longest first
}

// call gives id another name, the next of noun unless it has one, and the same to what else it is known by unless
// that belongs to somebody before it.
func (n names) call(noun, id string, known ...string) {
	id = folded(id)
	if id == "" {
		return
	}
	other := n.of[id]
	if other == "" {
		n.count[noun]++
		other = fmt.Sprintf("%s %d", noun, n.count[noun])
		n.of[id] = other
	}
	for _, name := range known {
		if name = folded(name); name != "" && n.of[name] == "" {
			n.of[name] = other
		}
	}
}

func folded(name string) string {
	return strings.Map(unicode.ToLower, norm.NFC.String(strings.TrimSpace(name)))
}

// person hides somebody who has these names.
func (n names) person(known ...string) {
	if n.hidden.Users {
		id := cmp.Or(known...)
		local, _, _ := strings.Cut(id, "@")
		n.call("User", id, append(known, local)...)
	}
}

// ownerIn hides who is the owner in v, somebody who may have left no other trace.
func (n names) ownerIn(v activity.Value) {
	var o alert.Owner
	if json.Unmarshal([]byte(v), &o) == nil {
		n.person(o.ID, o.Name)
	}
}

// entity hides e if it is to be hidden, and what it says of others.
func (n names) entity(e alert.Entity) {
	switch e := e.(type) {
	case nil:
		return
	case alert.User:
		n.user(e)
	case alert.Mailbox:
		n.person(e.UPN, e.Address, e.DisplayName)
	case alert.Process:
		n.user(e.User)
	case alert.Message:
		n.person(e.Recipient)
		n.person(e.Sender)
		n.person(e.EnvelopeSender)
	case alert.Device:
		if n.hidden.Devices {
			host, _, _ := strings.Cut(e.DNSName, ".")
			n.call("Device", cmp.Or(e.DeviceID, e.DirectoryID, e.DNSName, e.HostName, e.LastIP),
				append(keyed(e), e.DirectoryID, e.DNSName, e.HostName, e.LastIP, host)...)
		}
	}
	if !n.hidden.Evidence || e.Kind().Asset() != alert.NotAsset {
		return
	}
	known := append(keyed(e), e.Name())
	switch e := e.(type) {
	case alert.URL:
		if u, err := url.Parse(e.URL); err == nil {
			known = append(known, u.Host, u.Hostname())
		}
	case alert.File:
		known = append(known, e.SHA256, e.SHA1, e.MD5, e.FileName, e.Path)
	case alert.Process:
		known = append(known, e.CommandLine)
		for _, f := range []alert.File{e.Image, e.ParentImage} {
			if f != (alert.File{}) {
				n.entity(f)
			}
		}
	case alert.Registry:
		known = append(known, e.Key, e.Data)
	case alert.Message:
		known = append(known, e.Subject, e.NetworkMessageID, e.InternetMessageID, e.SenderIP)
	case alert.MailCluster:
		known = append(known, e.Value, e.Query)
	}
	n.call(words.Kind(e.Kind()), evidenceID(e), known...)
}

// evidenceID tells evidence apart, which may share a name. No text has it.
func evidenceID(e alert.Entity) string { return "\x00" + string(e.Kind()) + string(alert.Identity(e)) }

// keyed returns the identifiers of e as links of the log have them.
func keyed(e alert.Entity) []string {
	var ids []string
	for _, k := range alert.Keys(e) {
		_, id, _ := strings.Cut(string(k), ":")
		ids = append(ids, id)
	}
	return ids
}

func (n names) user(u alert.User) {
	account := ""
	if u.Domain != "" && u.Account != "" {
		account = u.Domain + `\` + u.Account
	}
	if u != (alert.User{}) {
		n.person(append([]string{u.UPN, u.DirectoryID, u.SID, account, u.Account, u.DisplayName}, keyed(u)...)...)
	}
}

func (n *names) sort() {
	found := map[int]bool{}
	for name := range n.of {
		if length := len([]rune(name)); length > 2 && !found[length] {
			found[length] = true
			n.lengths = append(n.lengths, length)
		}
	}
	slices.SortFunc(n.lengths, func(a, b int) int { return b - a })
}

// walk replaces the names in every text of v.
func (n names) walk(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[activity.Change]():
		n.walk(v.FieldByName("Before"))
		n.walk(v.FieldByName("After"))
		return
	case reflect.TypeFor[alert.Fields](), reflect.TypeFor[activity.Value]():
		v.SetString(n.inJSON(v.String()))
		return
	case reflect.TypeFor[string](), reflect.TypeFor[alert.Key]():
		v.SetString(n.in(v.String()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for k := range v.NumField() {
			if v.Type().Field(k).IsExported() {
				n.walk(v.Field(k))
			}
		}
	case reflect.Slice:
		for k := range v.Len() {
			n.walk(v.Index(k))
		}
	case reflect.Interface: // an entity
		if v.IsNil() {
			return
		}
		e := v.Interface().(alert.Entity)
		if other, ok := n.of[folded(evidenceID(e))]; ok {
			v.Set(reflect.ValueOf(alert.Other{Type: e.Kind(), Label: other}))
			return
		}
		copied := reflect.New(v.Elem().Type()).Elem()
		copied.Set(v.Elem())
		n.walk(copied)
		v.Set(copied)
	}
}

// inJSON replaces the names in the texts of a value of JSON.
func (n names) inJSON(text string) string {
	if text == "" {
		return ""
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return n.in(text)
	}
	out, err := json.Marshal(n.inValue(value))
	if err != nil {
		return n.in(text)
	}
	return string(out)
}

func (n names) inValue(value any) any {
	switch v := value.(type) {
	case string:
		return n.in(v)
	case []any:
		for k := range v {
			v[k] = n.inValue(v[k])
		}
	case map[string]any:
		renamed := make(map[string]any, len(v))
		for k := range v {
			renamed[n.in(k)] = n.inValue(v[k])
		}
		return renamed
	}
	return value
}

// in replaces the names in a text, the longest first.
func (n names) in(text string) string {
	if other, ok := n.of[folded(text)]; ok {
		return other
	}
	text = norm.NFC.String(text)
	runes := []rune(text)
	fold := []rune(strings.Map(unicode.ToLower, text))
	edge := func(k int) bool { // between k-1 and k
		return k == 0 || k == len(fold) || !inWord(fold[k-1]) || !inWord(fold[k])
	}
	var b strings.Builder
scan:
	for k := 0; k < len(fold); {
		if edge(k) {
			for _, length := range n.lengths {
				end := k + length
				if end > len(fold) || !edge(end) {
					continue
				}
				if other, ok := n.of[string(fold[k:end])]; ok {
					b.WriteString(other)
					k = end
					continue scan
				}
			}
		}
		b.WriteRune(runes[k])
		k++
	}
	return b.String()
}

func inWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}
