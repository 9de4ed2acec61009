package alert

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxDevices is how many different devices an alert names at most to be an alert about each of them;
// maxAccounts is the same for accounts, mailboxes included.
const (
	maxDevices  = 8
	maxAccounts = 8
)

// A Strength says what it means that two alerts share an identifier. It is a property of the identifier on
// one alert: what two alerts share has the lower one of both.
type Strength uint8

// The strengths, the lowest first. The zero Strength is NotLinking.
const (
	NotLinking Strength = iota // says nothing: a placeholder's neighbour, a well-known account, a file of the system
	Supporting                 // links together with a Weaker one only: a role, a device that many use
	Weaker                     // links together with another identifier or with corroboration
	Linking                    // links alone
)

var strengthNames = [...]string{"not linking", "supporting", "weaker", "linking"}

// String returns the name of s in words.
func (s Strength) String() string {
	if int(s) < len(strengthNames) {
		return strengthNames[s]
	}
	return "unknown strength"
}

// An Identifier is a name by which an alert can be joined with others, and what it is worth there.
//
// What an alert is stored under and what it is looked up by may differ: ws-01.corp.example is stored under
// "short-host:ws-01" and looks for "host:ws-01", which is how the short name is stored, and the other way
// round. So a short form finds a long one, and two long forms never find each other. Both alerts call what
// they share by the same Key.
type Identifier struct {
	Key      Key      // what is shared; the same on both alerts
	Stored   Key      // the key under which other alerts find this one; one of [Alert.Keys]
	Lookup   Key      // the key by which this alert finds others
	Strength Strength // on this alert
	Why      string   // the reason in words; "" where nothing lowers the strength that identifiers of this kind have
	Entity   int      // number of the thing that it identifies, from 0; the identifiers of one thing count once
	Evidence int      // place in Alert.Evidence of the first piece that has it
}

// Meets reports whether the alerts of i and other share them.
func (i Identifier) Meets(other Identifier) bool {
	return i.Key == other.Key && i.Lookup == other.Stored && i.Stored == other.Lookup
}

// IdentityOptions configure [Alert.Identifiers]. Keys are those that [Identity] and [Keys] return, such as
// "host:dc-01", "account:corp\svc-deploy", "upn:svc-deploy@corp.example" and "ip:198.51.100.1"; the case of
// letters does not count. Any key of an entity names all of it on the alerts that have that key, in every
// form that meets it: "host:dc-01" is the device that an alert calls dc-01.corp.example, and the account
// DC-01$ there.
type IdentityOptions struct {
	// Shared are entities that many use, such as domain controllers, proxies, jump hosts, the address of an office and
	// accounts that install software. They are Supporting. A device is Linking still where the alert names no other
	// device and no account, since it is about that device.
	Shared []Key

	// Everywhere are entities that say nothing wherever they are. They are NotLinking, as the built-in ones are.
	Everywhere []Key
}

// Validate returns a [*FieldError] for the first key that no entity has, and nil if there is none.
func (o IdentityOptions) Validate() error {
	for _, list := range []struct {
		field string
		keys  []Key
	}{{"shared", o.Shared}, {"everywhere", o.Everywhere}} {
		for n, key := range list.keys {
			if namespace, id, _ := strings.Cut(string(key), ":"); id == "" || !namespaces()[strings.ToLower(namespace)] {
				return &FieldError{
					Record: "identity options", Field: list.field + "[" + strconv.Itoa(n) + "]", Value: string(key),
					Want: `a key that alert.Identity returns, such as "host:dc-01"`,
				}
			}
		}
	}
	return nil
}

// namespaces are those of the keys that entities have.
var namespaces = sync.OnceValue(func() map[string]bool {
	return set(
		"device", "device-dir", "host", "user", "sid", "upn", "account", "mailbox", "ip", "url", "url-host", "sha256",
		"sha1", "md5", "file", "process", "registry", "message", "internet-message", "sender", "mail-cluster", "app",
		"app-name", "oauth-app", "service-principal", "resource", "entity",
	)
})

// Identifiers returns the identifiers of all evidence of a, each once, in the order in which they occur. The nil
// IdentityOptions are the defaults. Where several pieces of evidence have an identifier, the strongest counts.
//
//   - A device is Linking. It is Weaker where the alert names more than 8 devices, or a pod that runs on it,
//     and where only its address, a list of addresses, or a virtual machine's resource names it. It is
//     Supporting if its tags or detailed roles say that many use it, such as "Domain Controller", "Proxy",
//     "Jump host" and "Scanner", and the alert names another device or an account.
//   - An account, a user and a mailbox are Linking where the alert names no device, else Weaker. They are
//     Supporting where it names more than 8. Accounts that every machine has, and those of one machine, are
//     NotLinking; the account of a machine is that device.
//   - A mail message is Linking with its recipient and Weaker without. Cloud resources, and Kubernetes
//     objects of a named cluster, are Linking unless many share them. A session of a role and the role itself
//     share it; two sessions do not.
//   - Files, addresses, URLs, their hosts and senders are Weaker, private addresses Supporting. Files of the
//     operating system, which a known name and folder, a signer or a hash tells, public resolvers, special
//     addresses, private addresses on an alert that names no device, sites that many use, and URLs that every
//     host reads, are NotLinking.
//   - Evidence that is judged clean ([NoThreatsFound]) or [Contextual] only is NotLinking.
func (a Alert) Identifiers(o *IdentityOptions) []Identifier {
	if o == nil {
		o = new(IdentityOptions)
	}
	j := judge{alert: a}
	j.collect(func(int) {})
	return j.identifiers(o)
}

// parts are the entities of an alert, those that others name included, and which of them gave each key.
type parts struct {
	all     []part
	of      []int // the part that each key of keyring.given is of; of a short form it says nothing
	current int
	now     int  // the piece of evidence
	top     bool // the next entity is that of the evidence
}

type part struct {
	Entity
	evidence int
	at       int // its own place
	outer    int // the place of the entity that names it, or its own
	group    int // a part that is the same thing
}

func (p *parts) enter(e Entity) {
	outer := p.current
	p.current = len(p.all)
	if p.top {
		outer = p.current
	}
	p.top = false
	p.all = append(p.all, part{e, p.now, p.current, outer, p.current})
}

// isGuestHome reports whether p is the account at home of the guest outer.
func (p part) isGuestHome(outer part) bool {
	_, isUser := p.Entity.(User)
	_, of := outer.Entity.(User)
	return isUser && of && p.at != outer.at
}

// isMachine reports whether p is the device whose account outer is, or the virtual machine.
func (p part) isMachine(outer part) bool {
	_, isDevice := p.Entity.(Device)
	if !isDevice || p.at == outer.at {
		return false
	}
	switch outer.Entity.(type) {
	case User, CloudResource:
		return true
	}
	return false
}

// isRole reports whether p is the role of the session outer.
func (p part) isRole(outer part) bool {
	_, isResource := p.Entity.(CloudResource)
	session, of := outer.Entity.(CloudResource)
	return isResource && of && p.at != outer.at && sessionRole(resourceID(session.ID)) != ""
}

// A judge finds the identifiers of an alert.
type judge struct {
	alert    Alert
	ring     keyring
	parts    parts
	named    map[Key]bool // hashes of which a file of the alert tells a name or a folder
	hosts    map[string]bool
	shared   []string // what devices are that many use, by group
	devices  int      // different ones that are named
	accounts int
	pods     bool // one is named
	found    []Identifier
	places   map[[3]Key]int // of an identifier in found, by its keys
}

// collect finds the keys of the alert. It calls done after each piece of evidence.
func (j *judge) collect(done func(n int)) {
	n := len(j.alert.Evidence)
	j.ring = keyring{places: make([]place, 0, 8*n), given: make([]place, 0, 8*n), parts: &j.parts}
	j.parts.of = make([]int, 0, 8*n)
	j.ring.addEvidence(j.alert, func(n int) {
		j.parts.now = n + 1
		done(n)
	})
}

// identifiers judges the keys.
func (j *judge) identifiers(o *IdentityOptions) []Identifier {
	j.read()
	for at, p := range j.ring.given {
		key := j.ring.key(p)
		if !key.IsShort() && !strings.HasSuffix(key.Namespace(), "-anonymous") {
			j.key(key, j.parts.of[at])
		}
	}
	j.configure(o)
	j.number()
	return j.found
}

// read finds out which entities are the same thing.
func (j *judge) read() {
	keys := len(j.ring.given)
	j.named, j.hosts = make(map[Key]bool), make(map[string]bool)
	j.found, j.places = make([]Identifier, 0, keys), make(map[[3]Key]int, keys)
	first := make(map[Key]int, keys) // part by key
	labels := make(map[string]int)   // part by the first label of full names
	for at, p := range j.ring.given {
		key, of := j.ring.key(p), j.parts.of[at]
		id := strings.TrimPrefix(string(key), key.Namespace()+":")
		switch key.Namespace() {
		case "sender", "device-ip", "url-host", "short-host", "netbios-host", "short-account", "session-role":
			continue // many things may have it
		case "upn":
			if _, sent := j.parts.all[of].Entity.(Message); sent {
				continue // anybody may have written it there
			}
		case "host":
			j.hosts[id] = true
			label, _, full := strings.Cut(id, ".")
			if cut := cutName(label); cut != "" {
				j.hosts[cut] = true // as Windows cuts the domain of the accounts there
			}
			if full {
				j.hosts[label] = true
				if was, ok := labels[label]; !ok {
					labels[label] = of
				} else if was >= 0 && j.group(was) != j.group(of) {
					labels[label] = -1
				}
			}
		case "md5", "sha1", "sha256":
			if f, ok := j.parts.all[of].Entity.(File); ok && isNamed(f) {
				j.named[key] = true
			}
		}
		if was, ok := first[key]; ok {
			j.join(was, of)
		} else {
			first[key] = of
		}
	}
	for n, p := range j.parts.all {
		if outer := j.parts.all[p.outer]; p.isGuestHome(outer) || p.isMachine(outer) {
			j.join(p.outer, n)
		}
	}
	for label, full := range labels {
		if short, ok := first[Key("host:"+label)]; ok && full >= 0 {
			j.join(full, short)
		}
	}
	j.shared = make([]string, len(j.parts.all))
	for n, p := range j.parts.all {
		e := &j.alert.Evidence[p.evidence]
		if _, ok := p.Entity.(Device); ok && p.Entity == e.Entity {
			if use := sharedUse(e.Tags, e.DetailedRoles); use != "" {
				j.shared[j.group(n)] = use
			}
		}
	}
	j.count()
}

// sharedUse returns the first of the texts that says that many use a device.
func sharedUse(lists ...[]string) string {
	for _, list := range lists {
		for _, text := range list {
			if sharedUses()[spacing.Replace(strings.ToLower(text))] {
				return strings.TrimSpace(text)
			}
		}
	}
	return ""
}

func isNamed(f File) bool { return f.FileName != "" || f.Path != "" }

// group returns the first part that is the same thing as part n.
func (j *judge) group(n int) int {
	for j.parts.all[n].group != n {
		n = j.parts.all[n].group
	}
	return n
}

func (j *judge) join(a, b int) {
	a, b = j.group(a), j.group(b)
	j.parts.all[max(a, b)].group = min(a, b)
}

// count counts the devices and the accounts that have a key.
func (j *judge) count() {
	for _, p := range j.parts.all {
		j.pods = j.pods || strings.EqualFold(string(p.Entity.Kind()), kubernetesPod)
	}
	device := make(map[int]bool) // whether a group is one; else it is an account
	for at, p := range j.ring.given {
		of, key := j.parts.of[at], j.ring.key(p)
		if key.IsShort() || strings.HasSuffix(key.Namespace(), "-anonymous") ||
			idleEvidence(j.alert.Evidence[j.parts.all[of].evidence]) != "" {
			continue
		}
		switch group := j.group(of); j.parts.all[of].Entity.(type) {
		case Device:
			if key.Namespace() != "device-ip" && key.Namespace() != "ip" && !isCommonHost(key) {
				device[group] = true
			}
		case User, Mailbox:
			if _, known := device[group]; !known {
				device[group] = false
			}
		}
	}
	for _, is := range device {
		if is {
			j.devices++
		} else {
			j.accounts++
		}
	}
}

// key adds the identifiers that a key of a part gives.
func (j *judge) key(key Key, of int) {
	p := j.parts.all[of]
	namespace, id, _ := strings.Cut(string(key), ":")
	i := Identifier{Key: key, Stored: key, Lookup: key, Entity: j.group(of), Evidence: p.evidence}
	i.Strength, i.Why = j.worth(namespace, id, p)
	if use := j.shared[i.Entity]; use != "" && j.devices+j.accounts > 1 {
		i.lower(Supporting, "a device that many use: "+use)
	}
	e := &j.alert.Evidence[p.evidence]
	if f, ok := p.Entity.(File); ok && !isNamed(f) && j.named[key] && e.Verdict != Malicious {
		return // what is known of the file stands elsewhere
	}
	if why := idleEvidence(*e); why != "" {
		i.lower(NotLinking, why)
	}
	if p.isRole(j.parts.all[p.outer]) {
		i.Key, i.Stored = Key("session-role:"+id), Key("session-role:"+id) // two sessions do not meet by their role
	}
	if _, sent := p.Entity.(Message); sent && namespace == "upn" {
		j.add(i) // without other forms, as it is no account that does anything there
		return
	}
	i.short(namespace, id, j.add)
}

// idleEvidence says why nothing that e names links; "" when it may.
func idleEvidence(e Evidence) string {
	switch {
	case e.Verdict == NoThreatsFound:
		return "judged clean"
	case len(e.Roles) > 0 && !slices.ContainsFunc(e.Roles, func(r Role) bool { return r != Contextual }):
		return "contextual only"
	}
	return ""
}

// isCommonHost reports whether key is a name that many hosts have.
func isCommonHost(key Key) bool {
	name, ok := strings.CutPrefix(string(key), "host:")
	label, domain, _ := strings.Cut(name, ".")
	if strings.Contains(label, " ") {
		label = strings.ReplaceAll(label, " ", "-")
	}
	return ok && commonHosts()[label] && (domain == "" || localZones()[domain])
}

// short calls add with i, and with what finds the other forms of its name.
func (i Identifier) short(namespace, id string, add func(Identifier)) {
	other := func(space, name, stored, lookup string) Identifier {
		form := i
		form.Key, form.Stored, form.Lookup = Key(space+":"+name), Key(stored+":"+name), Key(lookup+":"+name)
		return form
	}
	if namespace == "device-ip" { // of a device; addresses find it
		i.Lookup = Key("ip:" + id)
	}
	add(i)
	switch namespace {
	case "host":
		label, _, full := strings.Cut(id, ".")
		if full {
			add(other("short-host", label, "short-host", "host"))
		} else {
			add(other("short-host", label, "host", "short-host"))
		}
		cut := Identifier{}
		switch {
		case len(label) > netBIOSLength:
			cut = other("netbios-host", cutName(label), "netbios-host", "host")
		case len(id) == netBIOSLength:
			cut = other("netbios-host", id, "host", "netbios-host")
		default:
			return
		}
		cut.lower(Weaker, "a name cut after 15 bytes, which others may share")
		add(cut)
	case "resource":
		if i.Key == i.Lookup && isRole(id) {
			add(other("session-role", id, "resource", "session-role"))
		}
	case "upn":
		if name := shortAccount(id); name != "" {
			add(other("short-account", name, "short-account", "account"))
		}
	case "account":
		if hasShortDomain(id) {
			add(other("short-account", id, "account", "short-account"))
		}
	case "ip":
		if a, err := netip.ParseAddr(id); err == nil && reachOf(a) != nowhere && publicService(a) == "" {
			form := other("device-ip", id, "ip", "device-ip")
			if i.Why == lonelyAddress || i.Why == privateAddress {
				form.Strength, form.Why = Weaker, "" // it may be that of a device on another alert
			}
			add(form)
		}
	}
}

// lower lowers the strength of i to at most s.
func (i *Identifier) lower(s Strength, why string) {
	if i.Strength > s {
		i.Strength, i.Why = s, why
	}
}

func (j *judge) add(i Identifier) {
	keys := [3]Key{i.Key, i.Stored, i.Lookup}
	at, ok := j.places[keys]
	switch {
	case !ok:
		j.places[keys] = len(j.found)
		j.found = append(j.found, i)
	case j.found[at].Strength < i.Strength:
		j.found[at].Strength, j.found[at].Why = i.Strength, i.Why
	}
}

// configured is the Why of what a program has named as Everywhere.
const configured = "configured to link nothing"

// guestName is the Why of an account's name that a guest has in another tenant.
const guestName = "a guest's name"

// Why a private address is worth little.
const (
	lonelyAddress  = "a private address on an alert without a device"
	privateAddress = "a private address, which other networks have, too"
)

// worth says what an identifier of a part is worth, whatever the evidence says.
func (j *judge) worth(namespace, id string, p part) (Strength, string) {
	switch namespace {
	case "device", "device-dir":
		return j.device(p)
	case "host":
		if isCommonHost(Key("host:" + id)) {
			return NotLinking, "a name that many hosts have"
		}
		return j.device(p)
	case "user":
		return j.person(Linking, "")
	case "sid":
		s, why := judgeSID(id)
		if u, ok := p.Entity.(User); ok && s == Linking {
			s, why = j.ofMachine(u)
		}
		return j.person(s, why)
	case "upn", "mailbox":
		if _, sent := p.Entity.(Message); sent {
			s, why := judgeSender(id)
			if account, says := judgeUPN(id, j.isHost); account < s {
				return account, says
			}
			return s, why
		}
		if p.isGuestHome(j.parts.all[p.outer]) {
			return Weaker, guestName
		}
		return j.person(judgeUPN(id, j.isHost))
	case "account":
		domain, name, _ := strings.Cut(id, `\`)
		return j.person(judgeAccount(domain, name, j.isHost))
	case "message", "internet-message":
		if strings.HasSuffix(id, "|") {
			return Weaker, "a message without its recipient"
		}
		return Linking, ""
	case "sender":
		return judgeSender(id)
	case "md5", "sha1", "sha256":
		s, why := judgeHash(namespace, id)
		if f, ok := p.Entity.(File); ok && s > NotLinking {
			verdict := NotJudged
			if e := j.alert.Evidence[p.evidence]; e.Entity == p.Entity {
				verdict = e.Verdict
			}
			return judgeFile(f, verdict)
		}
		return s, why
	case "ip", "device-ip":
		if _, isDevice := p.Entity.(Device); isDevice {
			namespace = "device-ip" // its only name
		}
		return j.address(namespace, id)
	case "file", "registry":
		if strings.HasPrefix(id, "|") {
			return NotLinking, "a path without a device"
		}
		return Weaker, ""
	case "process":
		if process, ok := p.Entity.(Process); ok && process.PID == 4 {
			return NotLinking, "a process that every host has"
		}
		if strings.HasPrefix(id, "|") {
			return Weaker, "a process without a device"
		}
		return Linking, ""
	case "resource":
		if _, isDevice := p.Entity.(Device); isDevice {
			return j.device(p)
		}
		return judgeResource(id)
	case "url":
		return judgeURL(id, func(host string) (Strength, string) { return j.address("ip", host) })
	case "oauth-app":
		if firstPartyApps()[id] {
			return NotLinking, "an application of the cloud provider"
		}
		return Weaker, ""
	case "service-principal":
		return Linking, ""
	case "app", "app-name":
		return NotLinking, "an application that many use"
	case "url-host":
		if isPublicSite(id) || isCommonPage(id) {
			return NotLinking, "a site that many use"
		}
		return Weaker, ""
	case "entity":
		kind, declared, _ := strings.Cut(id, "|")
		return judgeDeclared(kind, declared)
	}
	return Weaker, "" // mail-cluster
}

// localZones are domains of hosts that have no other name. Sources: RFC 6762, RFC 8375; what routers give out.
var localZones = sync.OnceValue(func() map[string]bool {
	return set(
		"local", "localdomain", "lan", "home", "home.arpa", "internal", "fritz.box", "localhost",
	)
})

func (j *judge) isHost(name string) bool { return j.hosts[name] }

// sharedUses are what tags and detailed roles call devices that many use, in small letters and without spaces
// and hyphens.
var sharedUses = sync.OnceValue(func() map[string]bool {
	return set(
		"domaincontroller", "dc", "readonlydomaincontroller", "rodc", "activedirectorydomaincontroller",
		"proxy", "proxyserver", "webproxy", "forwardproxy", "reverseproxy", "jumphost", "jumpserver",
		"jumpbox", "bastion", "bastionhost", "scanner", "vulnerabilityscanner", "networkscanner",
		"securityscanner", "terminalserver", "natgateway", "vpngateway", "vpnserver", "loadbalancer",
		"adfs", "adfsserver", "entraconnect", "dnsserver", "dhcpserver",
	)
})

var spacing = strings.NewReplacer(" ", "", "-", "", "_", "", "/", "")

// device returns what a device is worth on the alert.
func (j *judge) device(p part) (Strength, string) {
	if j.devices > maxDevices {
		return Weaker, "the alert names more than 8 devices"
	}
	if j.pods {
		return Weaker, "the node of a pod"
	}
	if _, ok := j.alert.Evidence[p.evidence].Entity.(User); ok && j.devices > 1 {
		return Weaker, "the account of a machine beside other devices"
	}
	switch outer := j.parts.all[p.outer].Entity.(type) {
	case IP:
		return Weaker, "a name that stands beside an address, where others may have written it"
	case CloudResource:
		return Weaker, "the name of a virtual machine, which another one may have, too"
	case Other:
		return Weaker, "a device named by a " + string(outer.Kind())
	}
	return Linking, ""
}

// person returns what an account of strength s is worth on the alert.
func (j *judge) person(s Strength, why string) (Strength, string) {
	switch {
	case s < Weaker:
	case j.accounts > maxAccounts:
		return Supporting, "the alert names more than 8 accounts"
	case s == Linking && why == guestName:
		if j.devices > 0 {
			return Weaker, why
		}
	case s == Linking && j.devices > 0:
		return Weaker, "the alert names a device"
	}
	return s, why
}

// ofMachine returns what the SID of u is worth. The domain of u may be a machine.
func (j *judge) ofMachine(u User) (Strength, string) {
	if _, domain, name := logon(u); name != "" {
		if domain = strings.ToLower(domain); domain != "" && (in(localDomains(), domain) || j.isHost(domain)) {
			return NotLinking, "an account of one machine"
		}
		if strings.HasSuffix(name, "$") {
			return Weaker, "an account of a machine or a managed service"
		}
	}
	return Linking, ""
}

// address returns what an address is worth on the alert.
func (j *judge) address(namespace, id string) (Strength, string) {
	a, err := netip.ParseAddr(id)
	if err != nil {
		return NotLinking, "not an address"
	}
	if what := publicService(a); what != "" {
		return NotLinking, what
	}
	switch reachOf(a) {
	case nowhere:
		return NotLinking, "an address that names no host"
	case private:
		if namespace != "ip" {
			break
		}
		if j.devices == 0 {
			return NotLinking, lonelyAddress
		}
		return Supporting, privateAddress
	}
	return Weaker, ""
}

// configure applies the options.
func (j *judge) configure(o *IdentityOptions) {
	if len(o.Shared)+len(o.Everywhere) == 0 {
		return
	}
	shared, everywhere := j.those(o.Shared), j.those(o.Everywhere)
	for n := range j.found {
		i := &j.found[n]
		_, isDevice := j.parts.all[i.Entity].Entity.(Device)
		if shared[i.Entity] && !(isDevice && j.devices+j.accounts == 1) {
			i.lower(Supporting, "many use it")
		}
		if everywhere[i.Entity] || slices.ContainsFunc(o.Everywhere, i.isPart) {
			i.lower(NotLinking, configured)
		}
	}
}

// isPart reports whether i is an identifier with that key that names less than its entity.
func (i Identifier) isPart(key Key) bool {
	namespace := i.Key.Namespace()
	return (namespace == "url-host" || namespace == "sender" || namespace == "upn") &&
		strings.EqualFold(string(key), string(i.Key))
}

// those returns the things that keys name.
func (j *judge) those(keys []Key) map[int]bool {
	named := make(map[int]bool)
	for _, key := range keys {
		namespace, id, _ := strings.Cut(string(key), ":")
		switch namespace = strings.ToLower(namespace); namespace {
		case "url": // its path tells upper from lower case
		case "url-host", "sender":
			continue // see isPart
		default:
			id = strings.ToLower(id)
		}
		key = Key(namespace + ":" + id)
		Identifier{Key: key, Stored: key, Lookup: key, Strength: Linking}.short(namespace, id, func(form Identifier) {
			for _, i := range j.found {
				if _, sent := j.parts.all[i.Entity].Entity.(Message); sent && namespace == "upn" {
					continue // see isPart
				}
				named[i.Entity] = named[i.Entity] || i.Meets(form) && (i.Key == key || i.Stored != i.Lookup)
			}
		})
	}
	return named
}

// number numbers the entities from 0 in the order in which they occur.
func (j *judge) number() {
	numbers, next := make([]int, len(j.parts.all)), 0 // from 1
	for n := range j.found {
		number := &numbers[j.found[n].Entity]
		if *number == 0 {
			next++
			*number = next
		}
		j.found[n].Entity = *number - 1
	}
}
