package sentinel

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/incidentkit/incidentkit/alert"
)

// kindWords are the kinds of ARM, and the types of the tables, that have a type in package alert, folded
// and without hyphens. The first of each is the word that is written.
var kindWords = sync.OnceValue(func() map[string]alert.Kind {
	m := make(map[string]alert.Kind)
	for kind, words := range kindNames() {
		for _, w := range words {
			m[word(w)] = kind
		}
	}
	return m
})

var kindNames = sync.OnceValue(func() map[alert.Kind][]string {
	return map[alert.Kind][]string{
		alert.KindDevice:              {"Host", "machine", "device"},
		alert.KindUser:                {"Account", "user"},
		alert.KindMailbox:             {"Mailbox"},
		alert.KindIP:                  {"Ip"},
		alert.KindURL:                 {"Url"},
		alert.KindFile:                {"File", "FileHash"},
		alert.KindProcess:             {"Process"},
		alert.KindRegistryKey:         {"RegistryKey"},
		alert.KindRegistryValue:       {"RegistryValue"},
		alert.KindMessage:             {"MailMessage"},
		alert.KindMailCluster:         {"MailCluster"},
		alert.KindApp:                 {"CloudApplication"},
		alert.KindOAuthApp:            {"OAuthApplication"},
		alert.KindAzureResource:       {"AzureResource"},
		alert.KindAmazonResource:      {"AmazonResource", "AwsResource"},
		alert.KindGoogleCloudResource: {"GoogleCloudResource", "GcpResource"},
	}
})

// otherKinds are the kinds without a type in package alert that Graph spells otherwise, so that they have
// one name.
var otherKinds = sync.OnceValue(func() map[string]alert.Kind {
	return map[string]alert.Kind{
		"dnsresolution": "dns", "iotdevice": "ioTDevice", "securitygroup": "securityGroup",
		"submissionmail":    "submissionMail",
		"cloudlogonsession": "cloudLogonSession", "cloudlogonrequest": "cloudLogonRequest",
		"networkconnection": "networkConnection",
	}
})

// knownKinds are the kinds of Sentinel that have no type in package alert.
var knownKinds = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{"malware": true, "nic": true, "bookmark": true, "securityalert": true, "dns": true}
	for _, kind := range otherKinds() {
		known[word(string(kind))] = true
	}
	return known
})

// untyped is the kind of an entity that tells none.
const untyped alert.Kind = "unknown"

// kindOf returns the kind that a word names, "" for none.
func kindOf(s string) alert.Kind {
	folded := word(s)
	if folded == "" || folded == string(untyped) {
		return ""
	}
	if k := kindWords()[folded]; k != "" {
		return k
	}
	if k := otherKinds()[folded]; k != "" {
		return k
	}
	var b strings.Builder
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' || r == ' ' }) {
		if b.Len() > 0 {
			part = first(part, 'a', 'z', 'A')
		} else {
			part = first(part, 'A', 'Z', 'a')
		}
		b.WriteString(part)
	}
	return alert.Kind(b.String())
}

// kindText is the opposite of kindOf.
func kindText(k alert.Kind) string {
	if words := kindNames()[k]; words != nil {
		return words[0]
	}
	if k == untyped {
		return ""
	}
	return first(string(k), 'a', 'z', 'A')
}

// first returns s with its first letter, if it is one from a to z, moved to where the letters from to begin.
func first(s string, a, z, to byte) string {
	if s == "" || s[0] < a || s[0] > z {
		return s
	}
	return string(s[0]-a+to) + s[1:]
}

// entityNames has the members of the kinds, as ARM spells them, and what tables and Defender call them.
var entityNames = sync.OnceValue(func() map[alert.Kind]map[string]string {
	return map[alert.Kind]map[string]string{
		alert.KindUser: names("accountName=name", "ntDomain=domainname", "dnsDomain", "upnSuffix",
			"userPrincipalName=upn", "sid=usersid",
			"aadUserId=azureaduserid", "displayName"),
		alert.KindDevice: names("hostName", "netBiosName", "dnsDomain", "fqdn",
			"mdatpDeviceId=machineid,mdedeviceid", "aadDeviceId",
			"osFamily", "osVersion", "riskScore", "healthStatus", "lastIpAddress", "ipInterfaces", "firstSeen"),
		alert.KindIP:  names("address=ipaddress", "location"),
		alert.KindURL: names("url"),
		alert.KindFile: names("fileName=name", "directory", "sizeInBytes=filesize", "fileHashes",
			"fileHashEntityIds", "host", "hostEntityId", "algorithm", "hashValue=value"),
		alert.KindProcess: names("processId", "commandLine", "creationTimeUtc", "imageFile",
			"imageFileEntityId", "account", "accountEntityId", "parentProcess", "parentProcessEntityId",
			"host", "hostEntityId"),
		alert.KindRegistryKey: names("hive", "key", "host", "hostEntityId"),
		alert.KindRegistryValue: names("key", "keyEntityId", "valueName=name", "valueData=value",
			"valueType", "host", "hostEntityId"),
		alert.KindMailbox: names("mailboxPrimaryAddress", "upn", "displayName"),
		alert.KindMessage: names("networkMessageId", "internetMessageId", "subject", "recipient", "p2Sender",
			"sender", "p1Sender", "senderIP",
			"receiveDate=receiveddate", "deliveryAction", "deliveryLocation"),
		alert.KindMailCluster:   names("clusterBy", "clusterByValue", "query", "mailCount"),
		alert.KindApp:           names("appId=saasid", "appName=name", "instanceId", "instanceName"),
		alert.KindOAuthApp:      names("oAuthAppId=appid", "objectId", "displayName=name", "publisher"),
		alert.KindAzureResource: names("resourceId", "resourceName", "resourceType"),
		alert.KindAmazonResource: names("amazonResourceId=arn", "amazonAccountId=accountid",
			"resourceName", "resourceType"),
		alert.KindGoogleCloudResource: names("fullResourceName", "projectId", "location", "resourceName",
			"resourceType"),
	}
})

// A piece is an entity as it stands in an item: what is around it, and what it says.
type piece struct {
	kind          alert.Kind // "" for none
	around, props object
	ref           string // it stands for the entity that has this "$id"
}

// takeApart takes an entity apart. The boolean is false for what is no object.
func takeApart(raw json.RawMessage) (piece, bool) {
	m := parse(raw)
	if m == nil {
		return piece{}, false
	}
	var p piece
	if p.ref = plain(m["$ref"]); p.ref != "" {
		return p, true
	}
	take := func(name string) string {
		for _, n := range [...]string{name, strings.ToUpper(name[:1]) + name[1:]} {
			if s := plain(m[n]); s != "" && !strings.Contains(s, "/") {
				delete(m, n)
				return s
			}
		}
		return ""
	}
	if props := parse(m["properties"]); props != nil {
		p.kind = kindOf(take("kind"))
		delete(m, "properties")
		if raw, ok := m["type"]; ok && strings.Contains(plain(raw), "/") {
			delete(m, "type") // of the resource, the same for all
		}
		p.around, p.props = m, props
		maps.DeleteFunc(p.around, func(_ string, raw json.RawMessage) bool { return isEmpty(raw) })
	} else {
		p.around, p.props = object{}, m
		if p.kind = kindOf(take("kind")); p.kind == "" {
			p.kind = kindOf(take("type"))
		}
		if id := m["$id"]; !isEmpty(id) {
			p.around["$id"] = id
		}
		delete(m, "$id")
	}
	respell(p.props, baseNames())
	return p, true
}

// baseNames are the members that entities of all kinds have when they come from Defender XDR.
var baseNames = sync.OnceValue(func() map[string]string {
	return names("lastVerdict", "lastRemediationState", "detailedRoles", "createdTimeUtc", "friendlyName",
		"additionalData")
})

// guessed tells the kind of an entity by a member that only this kind has.
var guessed = [...]struct {
	member string
	kind   alert.Kind
}{
	{"mailboxprimaryaddress", alert.KindMailbox}, {"networkmessageid", alert.KindMessage},
	{"internetmessageid", alert.KindMessage},
	{"clusterbyvalue", alert.KindMailCluster}, {"processid", alert.KindProcess}, {"commandline",
		alert.KindProcess},
	{"filehashes", alert.KindFile}, {"directory", alert.KindFile}, {"filename", alert.KindFile},
	{"hashvalue", alert.KindFile},
	{"valuename", alert.KindRegistryValue}, {"hive", alert.KindRegistryKey}, {"hostname", alert.KindDevice},
	{"netbiosname", alert.KindDevice}, {"mdatpdeviceid", alert.KindDevice}, {"aaduserid", alert.KindUser},
	{"upnsuffix", alert.KindUser},
	{"ntdomain", alert.KindUser}, {"accountname", alert.KindUser}, {"userprincipalname", alert.KindUser},
	{"sid", alert.KindUser},
	{"resourceid", alert.KindAzureResource}, {"url", alert.KindURL}, {"address", alert.KindIP},
}

// guess returns the kind that the members of an entity tell, "" for none.
func guess(props object) alert.Kind {
	have := make(map[string]bool, len(props))
	for name, raw := range props {
		have[fold(name)] = !isEmpty(raw)
	}
	for _, g := range guessed {
		if have[g.member] {
			return g.kind
		}
	}
	return ""
}

// A graph finds the entities that others of the same alert name: by "$id" in tables, by resource identifier
// in ARM.
type graph struct {
	byID, byResource map[string]json.RawMessage
	left             *int // bytes that may still be read of what others refer to
}

// deepest is how far into an entity identifiers are looked for, and how many references lead to another.
const deepest = 12

// link returns the graph of the entities in list.
func link(list []json.RawMessage) graph {
	g := graph{left: new(1 << 20)}
	refs, links := false, false
	for _, raw := range list {
		*g.left += 16 * len(raw)
		refs = refs || bytes.Contains(raw, []byte(`"$ref"`))
		links = links || bytes.Contains(raw, []byte(`EntityId`))
	}
	if refs {
		g.byID = make(map[string]json.RawMessage)
		for _, raw := range list {
			g.collect(raw, 0)
		}
	}
	if links {
		g.byResource = make(map[string]json.RawMessage)
		for _, raw := range list {
			if id := plain(parse(raw)["id"]); id != "" {
				if id = strings.ToLower(id); g.byResource[id] == nil {
					g.byResource[id] = raw
				}
			}
		}
	}
	return g
}

func (g graph) collect(raw json.RawMessage, depth int) {
	if depth > deepest || len(raw) == 0 {
		return
	}
	switch raw[0] {
	case '[':
		list, _ := elements(raw, alert.MaxEvidence)
		for _, e := range list {
			g.collect(e, depth+1)
		}
	case '{':
		m := parse(raw)
		if id := plain(m["$id"]); id != "" && g.byID[id] == nil {
			if p, _ := takeApart(raw); len(p.props) > 0 { // else it says nothing
				g.byID[id] = raw
			}
		}
		for _, v := range m {
			g.collect(v, depth+1)
		}
	}
}

// find returns the entity that raw is, refers to or names.
func (g graph) find(raw json.RawMessage) (piece, bool) {
	for range deepest {
		if len(raw) > 0 && raw[0] == '"' {
			raw = g.byResource[strings.ToLower(plain(raw))]
		}
		if g.left != nil {
			if *g.left -= len(raw); *g.left < 0 {
				break
			}
		}
		p, ok := takeApart(raw)
		if !ok || p.ref == "" {
			return p, ok
		}
		if raw = g.byID[p.ref]; raw == nil {
			break
		}
	}
	return piece{}, false
}

// nested returns the first entity that members of m are, refer to or name, read as one of that kind.
func nested[E alert.Entity](g graph, m object, kind alert.Kind, members []string) (e E, said string) {
	for _, name := range members {
		raw, ok := m[name]
		if !ok {
			continue
		}
		p, ok := g.find(raw)
		if !ok {
			said = "left as it is, since what it refers to is not there"
			continue
		}
		respell(p.props, entityNames()[kind])
		e, _ = codec{m: p.props}.entity(kind, nil, g).(E)
		return e, ""
	}
	return e, said
}

// inside moves an entity that another one names.
func inside[E alert.Entity](c codec, g graph, p *E, kind alert.Kind, members ...string) {
	var none E
	derived(c, p, members, func(m object) (E, string) { return nested[E](g, m, kind, members) }, func(e E) object {
		if alert.Entity(e) == alert.Entity(none) {
			return object{}
		}
		props := object{}
		codec{m: props, write: true}.entity(kind, e, g)
		return object{members[0]: encode(object{"kind": encode(kindText(kind)), "properties": encode(props)})}
	}, nil)
}

// onDevice moves the device that an entity was seen on, of which the entity keeps the identifier.
func (c codec) onDevice(g graph, id *string) {
	members := []string{"host", "hostEntityId"}
	derived(c, id, members, func(m object) (string, string) {
		d, said := nested[alert.Device](g, m, alert.KindDevice, members)
		return d.DeviceID, said
	}, func(id string) object {
		if id == "" {
			return object{}
		}
		props := encode(object{"mdatpDeviceId": encode(id)})
		return object{"host": encode(object{"kind": encode("Host"), "properties": props})}
	}, nil)
}

func (c codec) hashes(g graph, f *alert.File) {
	type hashes struct{ md5, sha1, sha256 string }
	h := hashes{f.MD5, f.SHA1, f.SHA256}
	set := func(h *hashes, algorithm, value string) {
		switch algorithm = word(algorithm); {
		case value == "":
		case algorithm == "md5", algorithm == "unknown" && len(value) == 32:
			h.md5 = value
		case algorithm == "sha1", algorithm == "unknown" && len(value) == 40:
			h.sha1 = value
		case algorithm == "sha256", algorithm == "unknown" && len(value) == 64:
			h.sha256 = value
		}
	}
	members := []string{"fileHashes", "fileHashEntityIds", "algorithm", "hashValue"}
	derived(c, &h, members, func(m object) (h hashes, said string) {
		for _, name := range [...]string{"fileHashes", "fileHashEntityIds"} {
			list, _ := elements(m[name], 16)
			for _, raw := range list {
				if p, ok := g.find(raw); ok {
					respell(p.props, entityNames()[alert.KindFile])
					set(&h, plain(p.props["algorithm"]), plain(p.props["hashValue"]))
				}
			}
		}
		set(&h, plain(m["algorithm"]), plain(m["hashValue"]))
		return h, ""
	}, func(h hashes) object {
		var list []json.RawMessage
		for _, one := range [...][2]string{{"MD5", h.md5}, {"SHA1", h.sha1}, {"SHA256", h.sha256}} {
			if algorithm, value := one[0], one[1]; value != "" {
				props := encode(map[string]string{"algorithm": algorithm, "hashValue": value})
				list = append(list, encode(object{"kind": encode("FileHash"), "properties": props}))
			}
		}
		if list == nil {
			return object{}
		}
		return object{"fileHashes": encode(list)}
	}, nil)
	f.MD5, f.SHA1, f.SHA256 = h.md5, h.sha1, h.sha256
}

// account moves the names of an account. Since July 2026 the name is without the suffix of the user
// principal name; before, it could be all of it.
func (c codec) account(u *alert.User) {
	type account struct{ account, domain, upn string }
	a := account{u.Account, u.Domain, u.UPN}
	members := []string{"accountName", "userPrincipalName", "upnSuffix", "ntDomain", "dnsDomain"}
	derived(c, &a, members, func(m object) (account, string) {
		name, suffix := plain(m["accountName"]), strings.TrimPrefix(strings.TrimSpace(plain(m["upnSuffix"])), "@")
		a := account{name, plain(m["ntDomain"]), plain(m["userPrincipalName"])}
		d, n, _ := strings.Cut(name, `\`)
		if d != "" && n != "" && (a.domain == "" || strings.EqualFold(a.domain, d)) {
			a.domain, a.account = d, n
		}
		prefix, _, full := strings.Cut(a.account, "@")
		full = full && prefix != ""
		switch {
		case a.upn != "":
		case full:
			a.upn = a.account
		case a.account != "" && suffix != "":
			a.upn = a.account + "@" + suffix
		}
		if full {
			a.account = prefix
		}
		if a.domain == "" {
			a.domain = plain(m["dnsDomain"])
		}
		return a, ""
	}, func(a account) object {
		m := object{}
		codec{m: m, write: true}.texts("accountName", &a.account, "ntDomain", &a.domain, "userPrincipalName", &a.upn)
		return m
	}, same[account])
	u.Account, u.Domain, u.UPN = a.account, a.domain, a.upn
}

// texts moves texts, of which the names and the places alternate.
func (c codec) texts(pairs ...any) {
	for n := 0; n < len(pairs); n += 2 {
		name, _ := pairs[n].(string)
		if p, ok := pairs[n+1].(*string); ok {
			text(c, p, name)
		}
	}
}

// host moves the names of a device. What is called the NetBIOS name often is the full one.
func (c codec) host(d *alert.Device) {
	type host struct{ dns, name string }
	h := host{d.DNSName, d.HostName}
	derived(c, &h, []string{"hostName", "netBiosName", "dnsDomain", "fqdn"}, func(m object) (host, string) {
		h := host{plain(m["fqdn"]), plain(m["hostName"])}
		if h.name == "" {
			h.name = plain(m["netBiosName"])
		}
		label, _, full := strings.Cut(h.name, ".")
		switch domain := strings.Trim(plain(m["dnsDomain"]), "."); {
		case full && label != "":
			if h.dns == "" {
				h.dns = h.name
			}
			h.name = label
		case h.dns == "" && h.name != "" && strings.Contains(domain, "."):
			h.dns = h.name + "." + domain
		case h.name == "":
			h.name, _, _ = strings.Cut(h.dns, ".")
		}
		return h, ""
	}, func(h host) object {
		m := object{}
		codec{m: m, write: true}.texts("fqdn", &h.dns, "hostName", &h.name)
		return m
	}, same[host])
	d.DNSName, d.HostName = h.dns, h.name
}

// address moves the last address of a device, a text or an entity, or that of its first interface.
func (c codec) lastAddress(g graph, address *string) {
	derived(c, address, []string{"lastIpAddress", "ipInterfaces"}, func(m object) (string, string) {
		if s := plain(m["lastIpAddress"]); s != "" {
			return s, ""
		}
		for _, name := range [...]string{"lastIpAddress", "ipInterfaces"} {
			list, _ := elements(m[name], 1)
			for _, raw := range list {
				if p, ok := g.find(raw); ok {
					respell(p.props, entityNames()[alert.KindIP])
					if s := plain(p.props["address"]); s != "" {
						return s, ""
					}
				}
			}
		}
		return "", ""
	}, func(s string) object {
		if s == "" {
			return object{}
		}
		return object{"lastIpAddress": encode(s)}
	}, nil)
}

// known moves a text that may say that nothing is known.
func (c codec) known(p *string, name string) {
	derived(c, p, []string{name}, func(m object) (string, string) {
		if s := plain(m[name]); word(s) != "unknown" {
			return s, ""
		}
		return "", ""
	}, func(s string) object {
		if s == "" {
			return object{}
		}
		return object{name: encode(s)}
	}, same[string])
}

// entity moves the members of an entity of that kind, which must have the names of ARM.
func (c codec) entity(kind alert.Kind, in alert.Entity, g graph) alert.Entity {
	switch kind {
	case alert.KindDevice:
		e, _ := in.(alert.Device)
		c.host(&e)
		c.texts("mdatpDeviceId", &e.DeviceID, "aadDeviceId", &e.DirectoryID, "osVersion", &e.OSVersion,
			"riskScore", &e.Risk,
			"healthStatus", &e.Health)
		c.known(&e.OS, "osFamily")
		c.lastAddress(g, &e.LastIP)
		c.time(&e.FirstSeen, "firstSeen")
		return e
	case alert.KindUser:
		e, _ := in.(alert.User)
		c.account(&e)
		c.texts("aadUserId", &e.DirectoryID, "sid", &e.SID, "displayName", &e.DisplayName)
		return e
	case alert.KindMailbox:
		e, _ := in.(alert.Mailbox)
		c.texts("mailboxPrimaryAddress", &e.Address, "upn", &e.UPN, "displayName", &e.DisplayName)
		return e
	case alert.KindIP:
		e, _ := in.(alert.IP)
		text(c, &e.Address, "address")
		derived(c, &e.Country, []string{"location"}, func(m object) (string, string) {
			where := parse(m["location"])
			respell(where, placeNames())
			return plain(where["countryCode"]), ""
		}, func(s string) object {
			if s == "" {
				return object{}
			}
			return object{"location": encode(object{"countryCode": encode(s)})}
		}, same[string])
		return e
	case alert.KindURL:
		e, _ := in.(alert.URL)
		text(c, &e.URL, "url")
		return e
	case alert.KindFile:
		e, _ := in.(alert.File)
		c.texts("fileName", &e.FileName, "directory", &e.Path)
		c.number(&e.Size, "sizeInBytes")
		c.hashes(g, &e)
		c.onDevice(g, &e.DeviceID)
		return e
	case alert.KindProcess:
		e, _ := in.(alert.Process)
		c.process(g, &e)
		return e
	case alert.KindRegistryKey:
		e, _ := in.(alert.Registry)
		c.texts("hive", &e.Hive, "key", &e.Key)
		c.onDevice(g, &e.DeviceID)
		return e
	case alert.KindRegistryValue:
		e, _ := in.(alert.Registry)
		key := alert.Registry{Hive: e.Hive, Key: e.Key}
		inside(c, g, &key, alert.KindRegistryKey, "key", "keyEntityId")
		e.Hive, e.Key, e.IsValue = key.Hive, key.Key, true
		c.texts("valueName", &e.Value, "valueType", &e.ValueType, "valueData", &e.Data)
		c.onDevice(g, &e.DeviceID)
		return e
	case alert.KindMessage:
		e, _ := in.(alert.Message)
		c.texts("networkMessageId", &e.NetworkMessageID, "internetMessageId", &e.InternetMessageID,
			"subject", &e.Subject,
			"recipient", &e.Recipient, "p1Sender", &e.EnvelopeSender, "senderIP", &e.SenderIP,
			"deliveryAction", &e.Delivery,
			"deliveryLocation", &e.Location)
		derived(c, &e.Sender, []string{"p2Sender", "sender"}, func(m object) (string, string) {
			if s := plain(m["p2Sender"]); s != "" {
				return s, ""
			}
			return plain(m["sender"]), ""
		}, func(s string) object {
			if s == "" {
				return object{}
			}
			return object{"p2Sender": encode(s)}
		}, same[string])
		c.time(&e.Received, "receiveDate")
		return e
	case alert.KindMailCluster:
		e, _ := in.(alert.MailCluster)
		c.texts("clusterBy", &e.By, "clusterByValue", &e.Value, "query", &e.Query)
		c.number(&e.Count, "mailCount")
		return e
	case alert.KindApp:
		e, _ := in.(alert.App)
		c.number(&e.AppID, "appId")
		c.number(&e.InstanceID, "instanceId")
		c.texts("appName", &e.DisplayName, "instanceName", &e.InstanceName)
		return e
	case alert.KindOAuthApp:
		e, _ := in.(alert.OAuthApp)
		c.texts("oAuthAppId", &e.AppID, "objectId", &e.ObjectID, "displayName", &e.DisplayName, "publisher",
			&e.Publisher)
		return e
	case alert.KindAzureResource, alert.KindAmazonResource, alert.KindGoogleCloudResource:
		e, _ := in.(alert.CloudResource)
		e.Provider = kind
		c.texts("resourceName", &e.ResourceName, "resourceType", &e.Type)
		switch kind {
		case alert.KindAzureResource:
			text(c, &e.ID, "resourceId")
		case alert.KindAmazonResource:
			c.texts("amazonResourceId", &e.ID, "amazonAccountId", &e.Account)
		default:
			c.texts("fullResourceName", &e.ID, "projectId", &e.Account, "location", &e.Location)
		}
		return e
	}
	e := alert.Other{Type: kind}
	e.Fields, _ = alert.MakeFields(c.m) // every value came out of a JSON decoder
	for _, name := range labels {
		if s := plain(c.m[name]); strings.TrimSpace(s) != "" {
			e.Label = s
			break
		}
	}
	clear(c.m)
	return e
}

func (c codec) process(g graph, e *alert.Process) {
	derived(c, &e.PID, []string{"processId"}, func(m object) (pid int64, said string) {
		codec{m: object{"n": m["processId"]}}.number(&pid, "n")
		if pid == 0 && word(plain(m["processId"])) != "0" {
			said = kept
		}
		return pid, said
	}, func(pid int64) object {
		m := object{}
		if codec := (codec{m: m, write: true}); pid != 0 {
			s := string(encode(pid))
			text(codec, &s, "processId") // ARM has a text here
		}
		return m
	}, same[int64])
	text(c, &e.CommandLine, "commandLine")
	c.time(&e.Started, "creationTimeUtc")
	inside(c, g, &e.Image, alert.KindFile, "imageFile", "imageFileEntityId")
	inside(c, g, &e.User, alert.KindUser, "account", "accountEntityId")
	c.onDevice(g, &e.DeviceID)
	parent := alert.Process{PID: e.ParentPID, Started: e.ParentStarted, Image: e.ParentImage}
	members := []string{"parentProcess", "parentProcessEntityId"}
	derived(c, &parent, members, func(m object) (alert.Process, string) {
		p, said := alert.Process{}, ""
		for _, name := range members {
			raw, ok := m[name]
			if !ok {
				continue
			}
			found, ok := g.find(raw)
			if !ok {
				said = "left as it is, since what it refers to is not there"
				continue
			}
			respell(found.props, entityNames()[alert.KindProcess])
			delete(found.props, "parentProcess") // its own parent has no place, and a chain may be a ring
			delete(found.props, "parentProcessEntityId")
			codec{m: found.props}.process(g, &p)
			return alert.Process{PID: p.PID, Started: p.Started, Image: p.Image}, ""
		}
		return p, said
	}, func(p alert.Process) object {
		if p == (alert.Process{}) {
			return object{}
		}
		props := object{}
		codec{m: props, write: true}.process(g, &p)
		return object{"parentProcess": encode(object{"kind": encode("Process"), "properties": encode(props)})}
	}, nil)
	e.ParentPID, e.ParentStarted, e.ParentImage = parent.PID, parent.Started, parent.Image
}

// labels are the members by which people call an entity, the best first.
var labels = []string{
	"displayName", "DisplayName", "friendlyName", "malwareName", "name", "Name", "domainName", "DomainName",
	"deviceName", "DeviceName",
	"distinguishedName", "DistinguishedName", "subject", "Subject", "sessionId", "SessionId",
}

// evidence moves the fields of a piece of evidence.
func (c codec) evidence(e *alert.Evidence) {
	enumerated(c, &e.Verdict, "lastVerdict", func(s string) (alert.EvidenceVerdict, bool) {
		for _, v := range [...]alert.EvidenceVerdict{alert.Suspicious, alert.Malicious, alert.NoThreatsFound} {
			if s == word(string(v)) {
				return v, true
			}
		}
		return "", s == "unknown" || s == "none"
	}, func(v alert.EvidenceVerdict) string { return first(string(v), 'a', 'z', 'A') })
	enumerated(c, &e.Remediation, "lastRemediationState", func(s string) (alert.Remediation, bool) {
		for _, v := range [...]alert.Remediation{
			alert.Remediated, alert.Prevented, alert.Blocked, alert.NotFound, alert.ActiveThreat,
			alert.PendingApproval,
			alert.Declined, alert.Unremediated, alert.Running, alert.PartiallyRemediated,
		} {
			if s == word(string(v)) {
				return v, true
			}
		}
		return "", s == "unknown" || s == "none"
	}, func(v alert.Remediation) string { return first(string(v), 'a', 'z', 'A') })
	list(c, &e.DetailedRoles, "detailedRoles")
	c.time(&e.Created, "createdTimeUtc")
}

// list moves a list of texts. One text is a list of one.
func list(c codec, p *[]string, name string) {
	derived(c, p, []string{name}, func(m object) (v []string, said string) {
		all, total := elements(m[name], alert.MaxList)
		for _, raw := range all {
			if s := plain(raw); s != "" {
				v = append(v, s)
			}
		}
		if total != len(v) {
			said = "kept as it came, since not all of it are texts"
		}
		return v, said
	}, func(v []string) object {
		if len(v) == 0 {
			return object{}
		}
		return object{name: encode(v)}
	}, slices.Equal)
}

// decodeEvidence reads an entity. The boolean is false for one that says nothing.
func (c codec) decodeEvidence(p piece, g graph) (alert.Evidence, bool) {
	if len(p.props) == 0 {
		return alert.Evidence{}, false
	}
	var e alert.Evidence
	kind := p.kind
	if kind == "" {
		kind = guess(p.props)
		if kind != "" {
			c.notes.add(c.at+"kind", "", "missing, taken for "+kindText(kind)+" by its members")
		} else {
			kind = untyped
			c.notes.add(c.at+"kind", "", "missing; "+kept)
		}
	}
	if kindNames()[kind] == nil && !knownKinds()[word(string(kind))] && kind != untyped {
		c.notes.add(c.at+"kind", string(kind), "kept as it came, since no such kind is known")
	}
	respell(p.props, entityNames()[kind])
	said := codec{m: object{}, notes: c.notes, at: c.at}
	for _, name := range [...]string{"lastVerdict", "lastRemediationState", "detailedRoles", "createdTimeUtc"} {
		if raw, ok := p.props[name]; ok {
			said.m[name] = raw
			delete(p.props, name)
		}
	}
	said.evidence(&e)
	e.Entity = codec{m: p.props, notes: c.notes, at: c.at}.entity(kind, nil, g)
	maps.Copy(p.props, said.m) // what an alert.Other left is empty
	e.Extra = fields(p.around, p.props)
	return e, true
}

func encodeEvidence(e alert.Evidence) json.RawMessage {
	m, props := split(e.Extra)
	c := codec{m: props, write: true}
	if e.Entity != nil {
		kind := e.Entity.Kind()
		if other, ok := e.Entity.(alert.Other); ok {
			maps.Copy(props, members(other.Fields))
		} else {
			c.entity(kind, e.Entity, graph{})
		}
		if s := kindText(kind); s != "" {
			m["kind"] = encode(s)
		}
	}
	c.evidence(&e)
	m["properties"] = encode(props)
	return encode(m)
}

// consumed are the members whose entities have a place in the entity that names them.
func consumed(kind alert.Kind, member string) bool {
	switch fold(member) {
	case "imagefile", "account", "parentprocess":
		return kind == alert.KindProcess
	case "ipinterfaces", "lastipaddress", "lastexternalipaddress":
		return kind == alert.KindDevice
	case "filehashes":
		return kind == alert.KindFile
	case "key":
		return kind == alert.KindRegistryValue
	}
	return false
}

// inner calls add for the entities of a known kind that stand inside p and have no place in it.
func inner(p piece, depth int, add func(piece)) {
	if depth > 4 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.props)) {
		raw := p.props[name]
		if len(raw) == 0 || raw[0] != '{' && raw[0] != '[' {
			continue
		}
		list, _ := elements(raw, alert.MaxEvidence)
		for _, raw := range list {
			e, ok := takeApart(raw)
			if !ok || e.ref != "" || kindNames()[e.kind] == nil {
				continue
			}
			inner(e, depth+1, add)
			if !consumed(p.kind, name) {
				delete(e.around, "$id") // there is one that has it
				add(e)
			}
		}
	}
}

var placeNames = sync.OnceValue(func() map[string]string { return names("countryCode") })
