package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Key is one identifier by which an entity can be recognised in another alert, such as
// "sha256:8963a1…" or "upn:kai@contoso.com": a namespace, a colon and the identifier in the form in which
// equal things are equal. An entity has one or more keys; the first is its identity.
type Key string

// Namespace returns the part of k before the first colon, such as "sha256".
func (k Key) Namespace() string {
	namespace, _, _ := strings.Cut(string(k), ":")
	return namespace
}

// Keys returns the keys of e, its identity first. There is always at least one.
func Keys(e Entity) []Key {
	r := keyring{places: make([]place, 0, 4)}
	r.text.Grow(192)
	r.begin()
	e.addKeys(&r)
	return r.keys()
}

// Identity returns the key that tells e from other entities of its kind: two pieces of evidence with the
// same identity are the same asset.
func Identity(e Entity) Key {
	r := keyring{one: true}
	r.places = r.few[:0]
	r.text.Grow(64)
	r.begin()
	e.addKeys(&r)
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
	r.lower(a.Origin.Source, "|", a.Title)
	return r.close()
}

// Keys returns the keys of all evidence of a, each once, in the order they occur, and last its KindKey.
func (a Alert) Keys() []Key {
	r := keyring{places: make([]place, 0, 2*len(a.Evidence)+1)}
	r.addEvidence(a, func(int) {})
	r.addKind(a)
	return r.keys()
}

// addEvidence calls done after each piece of evidence.
func (r *keyring) addEvidence(a Alert, done func(n int)) {
	r.text.Grow(128 * len(a.Evidence))
	for n := range a.Evidence {
		if e := a.Evidence[n].Entity; e != nil {
			r.begin()
			e.addKeys(r)
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
	given  []place      // by all entities, also what was there before; kept only if not nil
}

// A place is a part of a text.
type place struct{ from, to int }

// begin starts an entity.
func (r *keyring) begin() { r.none = true }

// keys returns the keys in the order in which they were added.
func (r *keyring) keys() []Key {
	keys := make([]Key, len(r.places))
	for i, p := range r.places {
		keys[i] = r.key(p)
	}
	return keys
}

func (r *keyring) key(p place) Key { return Key(r.text.String()[p.from:p.to]) }

// add adds the key of an identifier whose case does not matter, unless it is empty.
func (r *keyring) add(namespace, id string) {
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
		from := 0 // what is not written yet
		for i := range len(id) {
			c := id[i]
			if c >= utf8.RuneSelf {
				id = id[:i] + strings.ToLower(id[i:])
				break
			}
			if 'A' <= c && c <= 'Z' {
				r.text.WriteString(id[from:i])
				r.text.WriteByte(c + 'a' - 'A')
				from = i + 1
			}
		}
		r.text.WriteString(id[from:])
	}
}

// close ends the key and returns its place. One that was added before is not added again.
func (r *keyring) close() place {
	p := place{r.start, r.text.Len()}
	if r.none = false; r.given != nil {
		r.given = append(r.given, p)
	}
	key := r.key(p)
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
// has an identity, though one that never links two different reports.
func anonymous[E Entity](r *keyring, e E) {
	if !r.none {
		return
	}
	text, err := json.Marshal(e)
	if err != nil {
		text = []byte(e.Name()) // only a time beyond year 9999 gets here
	}
	sum := sha256.Sum256(text)
	r.add(string(e.Kind())+"-anonymous", hex.EncodeToString(sum[:16]))
}

// Each entity's keys stand strongest first, so that the first one present is its identity.

func (d Device) addKeys(r *keyring) {
	r.add("device", d.DeviceID)
	r.add("device-dir", d.DirectoryID)
	r.add("host", strings.TrimSuffix(firstOf("", d.DNSName, d.HostName), "."))
	anonymous(r, d)
}

func (u User) addKeys(r *keyring) {
	r.add("user", u.DirectoryID)
	r.add("sid", u.SID)
	r.add("upn", u.UPN)
	if u.Account != "" {
		r.open("account")
		r.lower(u.Domain, `\`, u.Account)
		r.close()
	}
	anonymous(r, u)
}

func (m Mailbox) addKeys(r *keyring) {
	r.add("mailbox", m.Address)
	r.add("upn", m.UPN)
	anonymous(r, m)
}

func (i IP) addKeys(r *keyring) {
	address := i.Address
	if a, err := netip.ParseAddr(strings.TrimSpace(address)); err == nil {
		address = a.Unmap().WithZone("").String()
	}
	r.add("ip", address)
	anonymous(r, i)
}

func (u URL) addKeys(r *keyring) {
	if u.URL != "" {
		r.open("url")
		r.text.WriteString(u.URL) // the path of a URL tells upper from lower case
		r.close()
	}
	anonymous(r, u)
}

func (f File) addKeys(r *keyring) {
	f.addHashes(r)
	if f.SHA256 == "" && f.SHA1 == "" && f.MD5 == "" && f.FileName != "" {
		r.open("file")
		r.lower(f.DeviceID, "|", f.Path, `\`, f.FileName)
		r.close()
	}
	anonymous(r, f)
}

func (f File) addHashes(r *keyring) {
	r.add("sha256", f.SHA256)
	r.add("sha1", f.SHA1)
	r.add("md5", f.MD5)
}

func (p Process) addKeys(r *keyring) {
	if p.PID != 0 && !p.Started.IsZero() {
		r.open("process")
		started := p.Started.UTC().Truncate(time.Microsecond) // as storages keep it
		r.lower(p.DeviceID, "|", number(p.PID), "|", started.Format(time.RFC3339Nano))
		r.close()
	} else {
		anonymous(r, p)
	}
	p.Image.addHashes(r)
}

func (g Registry) addKeys(r *keyring) {
	if g.Key != "" || g.Hive != "" {
		r.open("registry")
		r.lower(g.DeviceID, "|", g.Hive, `\`, g.Key)
		if g.Kind() == KindRegistryValue {
			r.lower("|", g.Value)
		}
		r.close()
	}
	anonymous(r, g)
}

func (m Message) addKeys(r *keyring) {
	switch {
	case m.NetworkMessageID != "":
		r.open("message")
		r.lower(m.NetworkMessageID, "|", m.Recipient)
		r.close()
	case m.InternetMessageID != "":
		r.open("internet-message")
		r.lower(m.InternetMessageID, "|", m.Recipient)
		r.close()
	default:
		anonymous(r, m)
	}
	r.add("sender", m.Sender)
}

func (m MailCluster) addKeys(r *keyring) {
	if m.Value != "" {
		r.open("mail-cluster")
		r.lower(m.By, "|", m.Value)
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
	r.add("oauth-app", firstOf("", a.AppID, a.ObjectID))
	anonymous(r, a)
}

func (c CloudResource) addKeys(r *keyring) {
	r.add("resource", c.ID)
	anonymous(r, c)
}

func (o Other) addKeys(r *keyring) { anonymous(r, o) }
