package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// Hidden says what a report does not tell. What is hidden has another name instead, such as "User 1", "Device
// 2" or "Domain 1": as an entity, and in every text of the records where one of its spellings stands as whole
// words. The same has the same other name wherever it occurs. Every document is made of these records: PDF
// with its metadata and the attached JSON, HTML, Markdown and JSON. The file names that this library gives
// name nobody. Of names that overlap, all are replaced. A text without a spelling stays as it is, byte by
// byte. The zero Hidden hides nothing.
//
// These are the names:
//
//   - of a user: user principal name, mail addresses, directory ID, SID, account, DOMAIN\account, the part of an
//     address before the @, and the display name;
//   - of a person, if the display name has two to five words of letters: also first name and last name, first names and
//     last name, each in either order, with blank, ".", "_", "-", "+", "," or ", " between them, with the first names
//     as initials ("K. Müller", "Müller, K."), and each word of at least three letters alone; all of these with an "s"
//     after the last name. Titles, and what is in brackets or behind "|" or "/", are no part of the name;
//   - of a device: its IDs, last address, fully qualified name, and host name;
//   - of the domains of users, recipients, owners and devices: the domain, those above it, and the word that was
//     registered (contoso.com, CONTOSO). The domain of the sender of a message is not hidden, nor is one that every
//     machine has (WORKGROUP, NT AUTHORITY);
//   - of evidence: its identifiers and its name.
//
// A name is found whatever the case of its letters, Turkish i and ß included; in each Unicode form (NFC, NFD,
// full width, ligatures); with and without accents, and with ae, oe, ue and aa for ä, ö, ü and å; with other
// blanks than it has, or more; and with invisible characters in it, or the end of a line, with or without a
// hyphen, between words or inside. Escapes of URLs, however often, of HTML and of Markdown do not keep it
// from being found, nor does "[.]" for ".". Before and after it stands the beginning or the end of the text,
// or something other than a letter, digit or combining mark; "_" and "-" count as other. In scripts without
// blanks between words, such as Han, Kana, Hangul and Thai, any place will do.
//
// Names that are ordinary words are hidden like this:
//
//   - A word of a display name, alone, is hidden where it has a capital first letter: "Will", not "will". In any case
//     it is hidden where an account or a host stands: before a backslash or @, or after one, "//", "home/", "users/",
//     "-u ", "user=" or "user:".
//   - An account, host, domain or piece of evidence of three letters or more (two in scripts without blanks) is hidden
//     wherever it stands as a word: a host named "web" in "the web server", not in "webmail".
//   - A shorter one is hidden where it is the whole text, or stands where an account or a host does; evidence only
//     where it is the whole text.
//   - An account that many machines have, such as SYSTEM, root or admin, is hidden where it is the whole text, or with
//     its domain.
//
// Not found are: nicknames, initials alone, parts of an account (the "mueller" of kai.mueller, if the display
// name does not have it), names run together or with letters and digits around them (KaiMüller, kai2,
// kmueller), names that were cut, names with a letter missing, other transliterations, letters of another
// script that look alike, other forms of an IP address, base64, hexadecimal and the \u escapes of JSON within
// texts. Not looked into are identifiers of records (such as alert IDs) and what is in images. What a
// Summarizer writes is taken as it is; it is not told what is hidden. [WriteQueueCSV] hides nothing of what
// it is given.
//
// The work for a text is in proportion to its length, and does not grow with the length of the names.
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

// hide returns the records as they are without what h hides, in an order of their own. They share no memory with what
// was given. Of others the rows are changed in place.
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

	n := newNames(h)
	for _, a := range alerts {
		for _, e := range a.Evidence {
			n.entity(e.Entity)
		}
		n.person(a.Owner.Name, a.Owner.ID)
	}
	n.person(i.Owner.Name, i.Owner.ID)
	comments := 0
	for k, e := range log {
		if e.Actor.Kind == activity.User {
			n.person(e.Actor.Name, e.Actor.ID)
		}
		n.person("", e.Actor.OnBehalfOf)
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
				n.person(m.By.Name, m.By.ID)
			}
		}
	}
	n.ready()
	for _, o := range others {
		n.walk(reflect.ValueOf(o.From))
		n.walk(reflect.ValueOf(o.Into))
	}
	n.walk(reflect.ValueOf(&i).Elem())
	n.walk(reflect.ValueOf(alerts))
	n.walk(reflect.ValueOf(log))
	return incident.Case{Incident: i, Alerts: alerts}, log
}

// chronological returns entries oldest first. A merge copies entries that are older than those before them in
// the log.
func chronological(entries []activity.Entry) []activity.Entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b activity.Entry) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq))
	})
}

// names are the other names of what is hidden.
type names struct {
	hidden    Hidden
	of        map[string]string // by what is known, folded
	count     map[string]int    // by noun
	spellings map[string]*spelling
	domains   []string // of accounts and hosts
	finder    *finder
}

func newNames(h Hidden) *names {
	return &names{hidden: h, of: map[string]string{}, count: map[string]int{}, spellings: map[string]*spelling{}}
}

// call returns the other name of id, the next of noun unless it has one.
func (n *names) call(noun, id string) string {
	other := n.of[id]
	if other == "" {
		n.count[noun]++
		other = fmt.Sprintf("%s %d", noun, n.count[noun])
		n.of[id] = other
	}
	return other
}

// know gives name, where it is a whole text, another name unless it belongs to somebody before it.
func (n *names) know(name, other string) (fold string, ok bool) {
	fold = folded(name)
	if !strings.ContainsFunc(fold, inWord) {
		return "", false
	}
	if n.of[fold] == "" {
		n.of[fold] = other
	}
	return fold, true
}

// tell gives name another name where it stands in texts.
func (n *names) tell(name, other string, where place) {
	fold, ok := n.know(name, other)
	if !ok {
		return
	}
	if short(fold) {
		where = account
	}
	n.spell(fold, other, where, false)
	if plain := transliterated(name); plain != name {
		n.spell(folded(plain), other, where, false)
	}
	if bare := unjoined.Replace(fold); bare != fold && where == anywhere {
		n.spell(bare, other, where, true)
	}
}

// unjoined takes away where a line may end.
var unjoined = strings.NewReplacer(" ", "", "-", "")

func (n *names) spell(fold, other string, where place, broken bool) {
	s := n.spellings[fold]
	switch {
	case s == nil || s.broken && !broken:
		n.spellings[fold] = &spelling{other, where, broken}
	case s.broken == broken && where < s.where:
		s.where = where
	}
}

// short reports whether a name is too short to stand for itself in a text.
func short(fold string) bool {
	count := 0
	for _, r := range fold {
		if count++; unspaced(r) {
			count++ // of these scripts two are enough
		}
	}
	return count < 3
}

// transliterated returns name in the letters that stand in for those of German and the Scandinavian languages.
func transliterated(name string) string {
	return transliteration.Replace(norm.NFC.String(name))
}

var transliteration = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "ø", "oe", "æ", "ae",
	"Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "Å", "Aa", "Ø", "Oe", "Æ", "Ae")

// person hides somebody who is shown as display and has these identifiers.
func (n *names) person(display string, ids ...string) {
	id := folded(cmp.Or(cmp.Or(ids...), display))
	if !n.hidden.Users || id == "" {
		return
	}
	other := n.call("User", id)
	for _, id := range ids {
		n.login(id, other)
	}
	if display != "" && !slices.Contains(ids, display) {
		n.display(display, other)
	}
}

// login hides an account by one of its identifiers.
func (n *names) login(id, other string) {
	local, domain, mail := strings.Cut(id, "@")
	if mail {
		n.tell(id, other, anywhere)
		n.domains = append(n.domains, domain)
	}
	if local == "" {
		return
	}
	if !strings.Contains(local, `\`) && ofNobody(alert.User{Account: local}) {
		n.know(local, other)
		return
	}
	n.tell(local, other, anywhere)
}

// ofNobody reports whether an account is one that many machines have, and so says nothing of anybody.
func ofNobody(u alert.User) bool {
	ids := alert.Alert{Evidence: []alert.Evidence{{Entity: u}}}.Identifiers(nil)
	tells := func(i alert.Identifier) bool { return i.Strength > alert.NotLinking }
	return len(ids) > 0 && !slices.ContainsFunc(ids, tells)
}

// display hides the name that people call somebody by: as it is and, where it is that of a person, in the forms that
// lists and letters give it, and its words alone.
func (n *names) display(name, other string) {
	given, family := parts(name)
	if len(given) == 0 {
		where := capital
		if strings.ContainsFunc(strings.TrimSpace(name), func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M) }) {
			where = anywhere
		}
		n.tell(name, other, where)
		return
	}
	n.tell(name, other, anywhere)
	var initials []string
	for _, g := range given {
		r, _ := utf8.DecodeRuneInString(norm.NFC.String(g))
		initials = append(initials, string(r)+".")
	}
	whole := strings.Join(given, " ")
	fronts := []string{whole, given[0], strings.Join(initials, " "), strings.Join(initials, ""), initials[0]}
	for _, front := range fronts {
		for _, between := range []string{" ", ".", "_", "-", "+", ",", ", "} {
			front := front
			if strings.HasSuffix(front, ".") && strings.ContainsAny(between, "._-+") {
				front = strings.TrimSuffix(front, ".")
			}
			if !strings.Contains(between, ",") {
				n.tell(front+between+family, other, anywhere)
				n.tell(front+between+family+"s", other, anywhere)
			}
			n.tell(family+between+front, other, anywhere)
		}
	}
	words := slices.Concat(given, strings.Fields(family))
	cased := slices.ContainsFunc(words, startsCapital)
	for _, w := range words {
		for _, word := range append(strings.Split(w, "-"), w) {
			if word == "" || short(folded(word)) || cased && !startsCapital(word) {
				continue
			}
			for _, form := range []string{word, word + "s"} {
				n.spell(folded(form), other, capital, false)
				n.spell(folded(transliterated(form)), other, capital, false)
			}
		}
	}
}

func startsCapital(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return !unicode.IsLower(r)
}

// parts returns the given names and the family name of a person. There are none in what is no name of two to five
// words.
func parts(name string) (given []string, family string) {
	name = norm.NFKC.String(glyph.Bare(name))
	for _, sign := range []string{"(", "[", "|", "/", " - "} {
		name, _, _ = strings.Cut(name, sign)
	}
	last, first, listed := strings.Cut(name, ",")
	if listed {
		name = first + " " + last
	}
	words := slices.DeleteFunc(strings.Fields(name), func(w string) bool {
		return strings.HasSuffix(w, ".") && utf8.RuneCountInString(w) > 2 // a title
	})
	if len(words) < 2 || len(words) > 5 || strings.ContainsFunc(strings.Join(words, ""), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) && !strings.ContainsRune("-'’.", r)
	}) {
		return nil, ""
	}
	at := len(words) - 1
	if listed {
		at = len(strings.Fields(first))
	} else {
		for at > 1 && !startsCapital(words[at-1]) { // von, de
			at--
		}
	}
	if at < 1 || at >= len(words) {
		return nil, ""
	}
	return words[:at], strings.Join(words[at:], " ")
}

// secondLevel are labels below which the registries of countries register names.
var secondLevel = []string{"ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ne", "net", "or", "org"}

// domain hides the domain of an account or a host: with those that it is a part of, and by the one word that tells it
// from others.
func (n *names) domain(name string) {
	labels := strings.Split(strings.Trim(name, "."), ".")
	at := max(len(labels)-2, 0) // the label that was registered
	if at > 0 && len(labels[at+1]) == 2 && slices.Contains(secondLevel, strings.ToLower(labels[at])) {
		at--
	}
	if !strings.ContainsFunc(folded(labels[at]), inWord) || net.ParseIP(name) != nil ||
		ofNobody(alert.User{Account: "somebody.7", Domain: name}) {
		return
	}
	other := n.call("Domain", folded(labels[at]))
	n.tell(labels[at], other, anywhere)
	for k := 0; k <= at; k++ {
		n.tell(strings.Join(labels[k:], "."), other, anywhere)
	}
}

// ownerIn hides who is the owner in v, somebody who may have left no other trace.
func (n *names) ownerIn(v activity.Value) {
	var o alert.Owner
	if json.Unmarshal([]byte(v), &o) == nil {
		n.person(o.Name, o.ID)
	}
}

// entity hides e if it is to be hidden, and what it says of others.
func (n *names) entity(e alert.Entity) {
	switch e := e.(type) {
	case nil:
		return
	case alert.User:
		n.user(e)
	case alert.Mailbox:
		n.person(e.DisplayName, e.UPN, e.Address)
	case alert.Process:
		n.user(e.User)
	case alert.Message:
		n.person("", e.Recipient)
		known := len(n.domains)
		n.person("", e.Sender)
		n.person("", e.EnvelopeSender)
		n.domains = n.domains[:known] // of an attacker, as like as not
	case alert.Device:
		n.device(e)
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
	other := n.call(words.Kind(e.Kind()), evidenceID(e))
	for _, name := range known {
		n.evidence(name, other)
	}
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

// evidence hides a name of what is no asset. One that is too short is hidden only where it is a whole text.
func (n *names) evidence(name, other string) {
	if fold, ok := n.know(name, other); ok && !short(fold) {
		n.tell(name, other, anywhere)
	}
}

func (n *names) device(d alert.Device) {
	id := folded(cmp.Or(d.DeviceID, d.DirectoryID, d.DNSName, d.HostName, d.LastIP))
	if !n.hidden.Devices || id == "" {
		return
	}
	other := n.call("Device", id)
	for _, name := range append(keyed(d), d.DeviceID, d.DirectoryID, d.LastIP) {
		n.tell(name, other, anywhere)
	}
	for _, name := range []string{d.DNSName, d.HostName} {
		n.tell(name, other, anywhere)
		if host, domain, ok := strings.Cut(name, "."); ok && net.ParseIP(name) == nil {
			n.tell(host, other, anywhere)
			n.domains = append(n.domains, domain)
		}
	}
}

func (n *names) user(u alert.User) {
	if !n.hidden.Users || u == (alert.User{}) {
		return
	}
	ids := []string{u.UPN, u.DirectoryID, u.SID}
	if u.Domain != "" {
		n.domains = append(n.domains, u.Domain)
		if u.Account != "" {
			ids = append(ids, u.Domain+`\`+u.Account)
		}
	}
	ids = append(ids, u.Account)
	for _, id := range keyed(u) {
		ids = append(ids, strings.TrimLeft(id, `\`))
	}
	n.person(u.DisplayName, ids...)
}

// ready is called when everything is known.
func (n *names) ready() {
	seen := map[string]bool{}
	for _, d := range n.domains {
		if !seen[d] {
			n.domain(d)
		}
		seen[d] = true
	}
	n.finder = newFinder(n.spellings)
}

// stranger returns an entity of a kind of which nothing but a name is known.
func stranger(k alert.Kind, name string) alert.Entity {
	switch k {
	case alert.KindIP:
		return alert.IP{Address: name}
	case alert.KindURL:
		return alert.URL{URL: name}
	case alert.KindFile:
		return alert.File{FileName: name}
	case alert.KindProcess:
		return alert.Process{Image: alert.File{FileName: name}}
	case alert.KindRegistryKey, alert.KindRegistryValue:
		return alert.Registry{Key: name, IsValue: k == alert.KindRegistryValue}
	case alert.KindMessage:
		return alert.Message{Subject: name}
	case alert.KindMailCluster:
		return alert.MailCluster{By: name}
	}
	return alert.Other{Type: k, Label: name}
}

// walk replaces the names in every text of v.
func (n *names) walk(v reflect.Value) {
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
		if other, ok := n.of[evidenceID(e)]; ok {
			v.Set(reflect.ValueOf(stranger(e.Kind(), other)))
			return
		}
		copied := reflect.New(v.Elem().Type()).Elem()
		copied.Set(v.Elem())
		n.walk(copied)
		v.Set(copied)
	}
}

// inJSON replaces the names in the texts of a value of JSON.
func (n *names) inJSON(text string) string {
	if text == "" {
		return ""
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return n.in(text)
	}
	changed := false
	out, err := json.Marshal(n.inValue(value, &changed))
	switch {
	case err != nil:
		return n.in(text)
	case !changed:
		return text
	}
	return string(out)
}

func (n *names) inValue(value any, changed *bool) any {
	switch v := value.(type) {
	case string:
		hidden := n.in(v)
		*changed = *changed || hidden != v
		return hidden
	case []any:
		for k := range v {
			v[k] = n.inValue(v[k], changed)
		}
	case map[string]any:
		renamed := make(map[string]any, len(v))
		for k := range v {
			key := n.in(k)
			*changed = *changed || key != k
			renamed[key] = n.inValue(v[k], changed)
		}
		return renamed
	}
	return value
}

// in replaces the names in a text.
func (n *names) in(text string) string {
	if other, ok := n.of[folded(text)]; ok {
		return other
	}
	return n.finder.replace(text)
}
