package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Key is one identifier by which an entity can be recognised in another alert, such as
// "sha256:8963a1…" or "upn:kai@contoso.com": a namespace, a colon and the identifier in the form in which
// equal things are equal. An entity has one or more keys; the first is its identity.
//
// White space, quotes and brackets around an identifier do not count, and neither does the case of its letters,
// except in the path of a URL. A placeholder such as "N/A" or "00000000-0000-0000-0000-000000000000" is no
// identifier.
type Key string

// Namespace returns the part of k before the first colon, such as "sha256".
func (k Key) Namespace() string {
	namespace, _, _ := strings.Cut(string(k), ":")
	return namespace
}

// IsShort reports whether k is a short form of another key of its entity: what a search for the short form
// finds, but not a name of its own. Two entities that share nothing else are different ones.
func (k Key) IsShort() bool {
	switch k.Namespace() {
	case "short-host", "netbios-host", "short-account", "session-role":
		return true
	}
	return false
}

// Keys returns the keys of e: its own, its identity first, then those of the entities that e names, such as the
// device of a process and the account it runs under, and the short forms of names, such as "short-host:ws-01" of
// ws-01.corp.example. There is always at least one.
func Keys(e Entity) []Key {
	r := keyring{places: make([]place, 0, 8)}
	r.text.Grow(192)
	r.entity(e)
	return r.keys()
}

// Identity returns the key that tells e from other entities of its kind: two pieces of evidence with the
// same identity are the same asset.
func Identity(e Entity) Key {
	r := keyring{one: true}
	r.places = r.few[:0]
	r.text.Grow(64)
	r.entity(e)
	return r.key(r.places[0])
}

// KindKey returns the key that alerts of the same kind share: of the same source and title, whatever the case of
// its letters.
func (a Alert) KindKey() Key {
	r := keyring{one: true}
	r.places = r.few[:0]
	r.text.Grow(len("kind:|") + len(a.Origin.Source) + len(a.Title))
	return r.key(r.addKind(a))
}

// addKind returns the place of the key.
func (r *keyring) addKind(a Alert) place {
	r.open("kind")
	r.lower(escaped(a.Origin.Source), "|", a.Title)
	return r.close()
}

// Keys returns the keys of all evidence of a, each once, in the order they occur, then those that say
// what they are worth on a, see [Key.Linking], and last its KindKey.
func (a Alert) Keys() []Key { return a.KeySet().All() }

// addEvidence calls done after each piece of evidence.
func (r *keyring) addEvidence(a Alert, done func(n int)) {
	r.text.Grow(128 * len(a.Evidence))
	for n := range a.Evidence {
		if e := a.Evidence[n].Entity; e != nil {
			r.entity(e)
		}
		done(n)
	}
}

// A keyring collects different keys. Their texts stand one behind the other in one text, because every
// alert that comes in passes here.
type keyring struct {
	text   strings.Builder
	start  int // of the key that is being written
	places []place
	few    [2]place     // room for places
	one    bool         // only the first key is wanted
	seen   map[Key]bool // of the places, once there are many
	none   bool         // the entity has given no identifier yet
	given  []place      // by all entities, also what another one gave before; kept only if not nil
	from   int          // where those of the entity begin in given
	own    int          // how many of given or places there were when the own keys of the entity ended
	parts  *parts       // whose key each of given is; nil unless Identifiers asks
	nested int          // how deep the entity is inside another one
}

// A place is a part of a text.
type place struct{ from, to int }

// entity adds the keys of e, of what it names, and the short forms of both.
func (r *keyring) entity(e Entity) {
	r.none = true
	from := r.count()
	r.from = len(r.given)
	if r.parts != nil {
		r.parts.top = true
		r.parts.enter(e)
	}
	e.addKeys(r)
	if r.one {
		return
	}
	for n := from; n < r.count(); n++ {
		p := place{}
		if r.given != nil {
			p = r.given[n]
		} else {
			p = r.places[n]
		}
		r.addForms(p)
	}
}

// count returns how many keys there are, with those that came again if they are kept.
func (r *keyring) count() int {
	if r.given != nil {
		return len(r.given)
	}
	return len(r.places)
}

// owned ends the own keys of an entity.
func (r *keyring) owned() {
	if r.nested == 0 {
		r.own = r.count()
	}
}

// nest adds the keys of e, which is named by the entity whose keys are being added.
func nest[E Entity](r *keyring, e E) {
	if r.one && len(r.places) > 0 {
		return
	}
	r.nested++
	if r.parts == nil {
		e.addKeys(r)
	} else {
		outer := r.parts.current
		r.parts.enter(e)
		e.addKeys(r)
		r.parts.current = outer
	}
	r.nested--
}

// keys returns the keys in the order in which they were added.
func (r *keyring) keys() []Key {
	keys := make([]Key, len(r.places))
	for i, p := range r.places {
		keys[i] = r.key(p)
	}
	return keys
}

func (r *keyring) key(p place) Key { return Key(r.text.String()[p.from:p.to]) }

// add adds the key of an identifier whose case does not matter, unless it is a placeholder.
func (r *keyring) add(namespace, id string) { r.put(namespace, identifier(id)) }

// put adds the key of an identifier in its normal form, except its case, unless it is empty.
func (r *keyring) put(namespace, id string) {
	if id != "" && !(r.one && len(r.places) > 0) {
		r.open(namespace)
		r.lower(id)
		r.close()
	}
}

// open begins a key. Its identifier is then written to text.
func (r *keyring) open(namespace string) {
	r.start = r.text.Len()
	r.text.WriteString(namespace)
	r.text.WriteByte(':')
}

func (r *keyring) lower(parts ...string) {
	for _, id := range parts {
		if !isASCII(id) {
			r.text.WriteString(lowerComposed(id))
			continue
		}
		from := 0 // what is not written yet
		for i := range len(id) {
			if c := id[i]; 'A' <= c && c <= 'Z' {
				r.text.WriteString(id[from:i])
				r.text.WriteByte(c + 'a' - 'A')
				from = i + 1
			}
		}
		r.text.WriteString(id[from:])
	}
}

// lowerComposed returns text in small letters, each with its accents in one character. A character that only
// folds to one of ASCII, such as the sign of Kelvin, stays what it is, so that it makes another name.
func lowerComposed(text string) string {
	const lookalikes = "\u0130\u037e\u1fef\u212a"
	at := strings.IndexAny(text, lookalikes)
	if at < 0 {
		return strings.ToLower(norm.NFC.String(text))
	}
	var b strings.Builder
	for at >= 0 {
		_, size := utf8.DecodeRuneInString(text[at:])
		b.WriteString(strings.ToLower(norm.NFC.String(text[:at])))
		b.WriteString(text[at : at+size])
		text = text[at+size:]
		at = strings.IndexAny(text, lookalikes)
	}
	b.WriteString(strings.ToLower(norm.NFC.String(text)))
	return b.String()
}

// escapes keeps apart what a part of a key says and the mark between parts.
var escapes = strings.NewReplacer("|", "%7c", "%7c", "%257c", "%7C", "%257c", "%25", "%2525")

// escaped returns a part of a key that has several.
func escaped(part string) string {
	if !strings.ContainsAny(part, "|%") {
		return part
	}
	return escapes.Replace(part)
}

// close ends the key and returns its place. One that was added before is not added again.
func (r *keyring) close() place {
	p := place{r.start, r.text.Len()}
	r.none = false
	key := r.key(p)
	if r.given != nil && !slices.ContainsFunc(r.given[r.from:], func(q place) bool { return r.key(q) == key }) {
		r.given = append(r.given, p)
		if r.parts != nil {
			r.parts.of = append(r.parts.of, r.parts.current)
		}
	}
	if r.seen == nil && len(r.places) == 64 {
		r.seen = make(map[Key]bool)
		for _, q := range r.places {
			r.seen[r.key(q)] = true
		}
	}
	switch {
	case r.seen == nil && slices.ContainsFunc(r.places, func(q place) bool { return r.key(q) == key }):
		return p
	case r.seen != nil && r.seen[key]:
		return p
	case r.seen != nil:
		r.seen[key] = true
	}
	r.places = append(r.places, p)
	return p
}

// anonymous gives an entity that has no identifier at all the hash of everything it says, so that it still
// has an identity, though one that never links two different reports. It ends the own keys of e.
func anonymous[E Entity](r *keyring, e E) {
	if r.none && r.nested == 0 {
		text, err := json.Marshal(e)
		if err != nil {
			text = []byte(e.Name()) // only a time beyond year 9999 gets here
		}
		sum := sha256.Sum256(text)
		r.put(string(e.Kind())+"-anonymous", hex.EncodeToString(sum[:16]))
	}
	r.owned()
}

// Each entity's keys stand strongest first, so that the first one present is its identity. Its own come
// first, then those of what it names.

// deviceID returns the identifier of a device, "" of a placeholder, also of the numbers that stand for none.
func deviceID(text string) string {
	text = identifier(text)
	if text == "0" || text == "-1" {
		return ""
	}
	return text
}

// addressSpaces are the namespaces of a device's address; the second is for one that has no other name.
var addressSpaces = [...]string{"device-ip", "ip"}

func (d Device) addKeys(r *keyring) {
	id, directory := deviceID(d.DeviceID), deviceID(d.DirectoryID)
	r.put("device", id)
	r.put("device-dir", directory)
	full, short, at := deviceNames(d.DNSName, d.HostName)
	r.put("host", full)
	r.put("host", short)
	for _, name := range [...]string{id, full, short} {
		if strings.HasPrefix(name, "i-") && instanceID(name) == strings.ToLower(name) {
			r.put("resource", name)
		}
	}
	spaces := addressSpaces[:] // an address is the name of a device that has no other
	if id != "" || directory != "" || full != "" || short != "" {
		spaces = spaces[:1]
	}
	for _, a := range at {
		if a.IsValid() {
			for _, space := range spaces {
				r.put(space, a.String())
			}
		}
	}
	if len(spaces) == 2 {
		r.address(d.LastIP, spaces)
	}
	anonymous(r, d)
	if len(spaces) == 1 {
		r.address(d.LastIP, spaces)
	}
}

func (u User) addKeys(r *keyring) {
	r.add("user", u.DirectoryID)
	r.sid(u.SID)
	host := r.account(u)
	anonymous(r, u)
	if host != "" {
		nest(r, Device{HostName: host})
	}
	if home := guestHome(u.UPN); home != "" {
		nest(r, User{UPN: home})
	}
}

func (m Mailbox) addKeys(r *keyring) {
	address := mailAddress(m.Address)
	r.put("mailbox", address)
	r.put("upn", address)
	r.put("upn", mailAddress(m.UPN))
	anonymous(r, m)
}

func (i IP) addKeys(r *keyring) {
	host := r.addresses(i.Address)
	anonymous(r, i)
	if host != "" {
		nest(r, Device{HostName: host})
	}
}

func (u URL) addKeys(r *keyring) {
	url := normalURL(u.URL)
	if url.text != "" && !(r.one && len(r.places) > 0) {
		r.open("url")
		r.text.WriteString(url.text) // the path of a URL tells upper from lower case
		r.close()
	}
	if !url.address.IsValid() {
		r.put("url-host", url.host)
	}
	anonymous(r, u)
	if url.address.IsValid() {
		nest(r, IP{Address: url.host})
	}
}

func (f File) addKeys(r *keyring) {
	sha256, sha1, md5 := hash(f.SHA256), hash(f.SHA1), hash(f.MD5)
	r.put("sha256", sha256)
	r.put("sha1", sha1)
	r.put("md5", md5)
	device := deviceID(f.DeviceID)
	if sha256+sha1+md5 == "" && f.FileName != "" && !(r.one && len(r.places) > 0) {
		if path, name := placeOf(f); name != "" {
			r.open("file")
			r.lower(escaped(device), "|", escaped(path), `\`, escaped(name))
			r.close()
		}
	}
	anonymous(r, f)
	if device != "" && r.nested == 0 { // else what names the file names the device
		nest(r, Device{DeviceID: device})
	}
}

func (p Process) addKeys(r *keyring) {
	device := p.DeviceID
	if p.Image.DeviceID != "" && deviceID(device) == "" {
		device = p.Image.DeviceID
	}
	r.process(device, p.PID, p.Started)
	if r.none && r.nested == 0 {
		anonymous(r, p)
	}
	image := p.Image
	image.DeviceID = firstOf(device, image.DeviceID)
	nest(r, image)
	r.owned()
	if device != "" {
		nest(r, Device{DeviceID: device})
	}
	if p.User != (User{}) {
		nest(r, p.User)
	}
	if p.ParentPID != 0 || p.ParentImage != (File{}) {
		nest(r, Process{PID: p.ParentPID, Started: p.ParentStarted, Image: p.ParentImage, DeviceID: device})
	}
}

// process adds the key of a process if its identifier and its start are known.
func (r *keyring) process(device string, pid int64, started time.Time) {
	if pid == 0 || started.IsZero() || r.one && len(r.places) > 0 {
		return
	}
	r.open("process")
	started = started.UTC().Truncate(time.Microsecond) // as storages keep it
	r.lower(escaped(deviceID(device)), "|", number(pid), "|", started.Format(time.RFC3339Nano))
	r.close()
}

func (g Registry) addKeys(r *keyring) {
	if path := registryPath(g.Hive, g.Key); path != "" && !(r.one && len(r.places) > 0) {
		r.open("registry")
		r.lower(escaped(deviceID(g.DeviceID)), "|", escaped(path))
		if g.Kind() == KindRegistryValue {
			r.lower("|", escaped(strings.TrimSpace(g.Value)))
		}
		r.close()
	}
	anonymous(r, g)
	if g.DeviceID != "" {
		nest(r, Device{DeviceID: g.DeviceID})
	}
}

func (m Message) addKeys(r *keyring) {
	recipient := mailAddress(m.Recipient)
	r.message("message", identifier(m.NetworkMessageID), recipient)
	r.message("internet-message", identifier(m.InternetMessageID), recipient)
	if r.none && r.nested == 0 {
		anonymous(r, m)
	}
	sender, envelope := mailAddress(m.Sender), mailAddress(m.EnvelopeSender)
	r.put("sender", sender)
	r.put("sender", envelope)
	r.owned()
	for _, address := range [...]string{sender, envelope} {
		if strings.Contains(address, "@") {
			r.put("upn", address) // as whom it was sent
		}
	}
	if recipient != "" {
		nest(r, Mailbox{Address: recipient})
	}
	if m.SenderIP != "" {
		nest(r, IP{Address: m.SenderIP})
	}
}

// message adds the keys of a message with and without its recipient.
func (r *keyring) message(namespace, id, recipient string) {
	if id == "" || r.one && len(r.places) > 0 {
		return
	}
	id = escaped(id)
	r.open(namespace)
	r.lower(id, "|", escaped(recipient))
	r.close()
	if recipient != "" && !r.one {
		r.open(namespace)
		r.lower(id, "|")
		r.close()
	}
}

func (m MailCluster) addKeys(r *keyring) {
	if value := identifier(m.Value); value != "" {
		r.open("mail-cluster")
		r.lower(escaped(m.By), "|", escaped(value))
		r.close()
	}
	anonymous(r, m)
}

func (a App) addKeys(r *keyring) {
	if a.AppID != 0 || a.InstanceID != 0 {
		r.open("app")
		r.lower(number(a.AppID), "|", number(a.InstanceID))
		r.close()
	} else {
		r.add("app-name", a.DisplayName)
	}
	anonymous(r, a)
}

func (a OAuthApp) addKeys(r *keyring) {
	r.add("oauth-app", a.AppID)
	r.add("service-principal", a.ObjectID)
	anonymous(r, a)
}

func (c CloudResource) addKeys(r *keyring) {
	id := resourceID(c.ID)
	r.put("resource", id)
	anonymous(r, c)
	r.resourceParts(id)
	if name := machineName(id); name != "" && r.nested == 0 {
		nest(r, Device{HostName: name})
	}
}

func (o Other) addKeys(r *keyring) {
	device := r.declared(o)
	anonymous(r, o)
	if device != (Device{}) {
		nest(r, device)
	}
}
