package alert

import (
	"net/netip"
	"slices"
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
	Weaker                     // links together with another identifier or with corroboration
	Linking                    // links alone
)

var strengthNames = [...]string{"not linking", "weaker", "linking"}

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

// IdentityOptions configure [Alert.Identifiers]. Keys are spelled as [Keys] spells them; any key of an entity
// names all of it, so that "host:dc-01" is the device that another alert calls dc-01.corp.example.
type IdentityOptions struct {
	Shared     []Key // devices that many use, such as domain controllers, proxies and jump hosts: they are Weaker
	Everywhere []Key // entities that say nothing wherever they are: NotLinking, besides the built-in ones
}

// Identifiers returns the identifiers of all evidence of a, each once, in the order in which they occur. The nil
// IdentityOptions are the defaults. Where several pieces of evidence have an identifier, the strongest counts.
//
//   - A device is Linking. It is Weaker where the alert names more than 8 devices, and if its tags or
//     detailed roles say that many use it, such as "Domain Controller", "Proxy", "Jump host" and "Scanner".
//   - An account, a user and a mailbox are Linking where the alert names no device and no more than 8
//     accounts, else Weaker. Accounts that every machine has, and those of one machine, are NotLinking.
//   - A mail message is Linking with its recipient and Weaker without. Cloud resources, and Kubernetes
//     objects of a named cluster, are Linking unless many share them.
//   - Files, addresses, URLs, their hosts and senders are Weaker. Files of the operating system, public
//     resolvers, special addresses, and private addresses on an alert that names no device, are NotLinking.
//   - Evidence that is judged clean ([NoThreatsFound]) or [Contextual] only is NotLinking.
func (a Alert) Identifiers(o *IdentityOptions) []Identifier {
	if o == nil {
		o = new(IdentityOptions)
	}
	j := judge{alert: a}
	j.read()
	for at, p := range j.ring.given {
		key := j.ring.key(p)
		if !strings.HasSuffix(key.Namespace(), "-anonymous") {
			j.key(key, j.parts.of[at])
		}
	}
	j.configure(o)
	j.number()
	return j.found
}

// parts are the entities of an alert, those that others name included, and which of them gave each key.
type parts struct {
	all     []part
	of      []int // the part that each key of keyring.given is of
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

// A judge finds the identifiers of an alert.
type judge struct {
	alert    Alert
	ring     keyring
	parts    parts
	named    map[Key]bool // hashes of which a file of the alert tells a name or a folder
	hosts    map[string]bool
	shared   map[int]string // what devices are that many use, by group
	devices  int            // different ones that are named
	accounts int
	pods     bool // one is named
	found    []Identifier
	places   map[[3]Key]int // of an identifier in found, by its keys
}

// read finds the keys of the alert, and which entities are the same thing.
func (j *judge) read() {
	n := len(j.alert.Evidence)
	j.ring = keyring{places: make([]place, 0, 4*n), given: make([]place, 0, 4*n), parts: &j.parts}
	j.named, j.hosts, j.places = make(map[Key]bool), make(map[string]bool), make(map[[3]Key]int)
	j.ring.addEvidence(j.alert, func(n int) { j.parts.now = n + 1 })
	first, labels := make(map[Key]int), make(map[string]int) // part by key, and by the first label of full names
	for at, p := range j.ring.given {
		key, of := j.ring.key(p), j.parts.of[at]
		id := strings.TrimPrefix(string(key), key.Namespace()+":")
		switch key.Namespace() {
		case "sender", "device-ip", "url-host":
			continue // many things may have it
		case "host":
			j.hosts[id] = true
			if label, _, full := strings.Cut(id, "."); full {
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
		if p.isGuestHome(j.parts.all[p.outer]) {
			j.join(p.outer, n)
		}
	}
	for label, full := range labels {
		if short, ok := first[Key("host:"+label)]; ok && full >= 0 {
			j.join(full, short)
		}
	}
	j.shared = make(map[int]string)
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
	seen := make(map[int]bool)
	for at := range j.ring.given {
		of := j.parts.of[at]
		group := j.group(of)
		if seen[group] || strings.HasSuffix(j.ring.key(j.ring.given[at]).Namespace(), "-anonymous") {
			continue
		}
		switch j.parts.all[of].Entity.(type) {
		case Device:
			j.devices++
		case User, Mailbox:
			j.accounts++
		default:
			continue
		}
		seen[group] = true
	}
}

// key adds the identifiers that a key of a part gives.
func (j *judge) key(key Key, of int) {
	p := j.parts.all[of]
	namespace, id, _ := strings.Cut(string(key), ":")
	i := Identifier{Key: key, Stored: key, Lookup: key, Entity: j.group(of), Evidence: p.evidence}
	i.Strength, i.Why = j.worth(namespace, id, p)
	e := &j.alert.Evidence[p.evidence]
	if f, ok := p.Entity.(File); ok && !isNamed(f) && j.named[key] && e.Verdict != Malicious {
		return // what is known of the file stands elsewhere
	}
	switch {
	case i.Strength == NotLinking:
	case e.Verdict == NoThreatsFound:
		i.lower(NotLinking, "judged clean")
	case len(e.Roles) > 0 && !slices.ContainsFunc(e.Roles, func(r Role) bool { return r != Contextual }):
		i.lower(NotLinking, "contextual only")
	}
	i.short(namespace, id, j.add)
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
			if i.Strength == NotLinking && reachOf(a) == private && i.Why == lonelyAddress {
				form.Strength, form.Why = Weaker, ""
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

// lonelyAddress is why a private address is NotLinking that may still be that of a device on another alert.
const lonelyAddress = "a private address on an alert without a device"

// worth says what an identifier of a part is worth, whatever the evidence says.
func (j *judge) worth(namespace, id string, p part) (Strength, string) {
	switch namespace {
	case "device", "device-dir":
		return j.device(p)
	case "host":
		if label, domain, _ := strings.Cut(id, "."); commonHosts()[label] && (domain == "" || localZones()[domain]) {
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
		if p.isGuestHome(j.parts.all[p.outer]) {
			return Weaker, "a guest's name"
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
		return judgeResource(id)
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
		if isPublicSite(id) {
			return NotLinking, "a site that many use"
		}
		return Weaker, ""
	case "entity":
		kind, declared, _ := strings.Cut(id, "|")
		return judgeDeclared(kind, declared)
	}
	return Weaker, "" // url, mail-cluster
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
	if use := j.shared[j.group(p.at)]; use != "" {
		return Weaker, "a device that many use: " + use
	}
	if j.devices > maxDevices {
		return Weaker, "the alert names more than 8 devices"
	}
	if j.pods {
		return Weaker, "the node of a pod"
	}
	if _, ok := j.alert.Evidence[p.evidence].Entity.(User); ok && j.devices > 1 {
		return Weaker, "the account of a machine beside other devices"
	}
	return Linking, ""
}

// person returns what an account of strength s is worth on the alert.
func (j *judge) person(s Strength, why string) (Strength, string) {
	switch {
	case s < Linking:
	case j.devices > 0:
		return Weaker, "the alert names a device"
	case j.accounts > maxAccounts:
		return Weaker, "the alert names more than 8 accounts"
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
		if namespace == "ip" && j.devices == 0 {
			return NotLinking, lonelyAddress
		}
	}
	return Weaker, ""
}

// configure applies the options.
func (j *judge) configure(o *IdentityOptions) {
	if len(o.Shared)+len(o.Everywhere) == 0 {
		return
	}
	is := func(list []Key, i Identifier) bool {
		if slices.Contains(list, i.Key) {
			return true
		}
		short, ok := strings.CutPrefix(string(i.Key), "short-host:")
		return ok && slices.Contains(list, Key("host:"+short))
	}
	shared, everywhere := make(map[int]bool), make(map[int]bool)
	for _, i := range j.found {
		shared[i.Entity] = shared[i.Entity] || is(o.Shared, i)
		if n := i.Key.Namespace(); n != "url-host" && n != "sender" {
			everywhere[i.Entity] = everywhere[i.Entity] || is(o.Everywhere, i)
		}
	}
	for n := range j.found {
		i := &j.found[n]
		if shared[i.Entity] {
			i.lower(Weaker, "a device that many use")
		}
		if everywhere[i.Entity] || is(o.Everywhere, *i) {
			i.lower(NotLinking, "configured to link nothing")
		}
	}
}

// number numbers the entities from 0 in the order in which they occur.
func (j *judge) number() {
	numbers := make(map[int]int)
	for n := range j.found {
		i := &j.found[n]
		at, ok := numbers[i.Entity]
		if !ok {
			at = len(numbers)
			numbers[i.Entity] = at
		}
		i.Entity = at
	}
}
