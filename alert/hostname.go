package alert

import (
	"net/netip"
	"strings"
	"sync"
)

// netBIOSLength is the longest name of a Windows computer in NetBIOS in bytes; longer host names are cut there.
// Source: Microsoft, Computer Names.
const netBIOSLength = 15

// localHosts are names by which every host calls itself. They identify nothing.
var localHosts = sync.OnceValue(func() map[string]bool {
	return set(
		"localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4", "localhost6",
		"localhost6.localdomain6", "ip6-localhost", "ip6-loopback", "localdomain", "local", "(none)",
		"workgroup", "nt authority",
	)
})

// commonHosts are names that installers and makers give, so that many hosts have them.
var commonHosts = sync.OnceValue(func() map[string]bool {
	return set(
		"ubuntu", "debian", "kali", "parrot", "centos", "fedora", "rhel", "rocky", "alpine", "arch",
		"raspberrypi", "linux", "macbook", "macbook-pro", "macbook-air", "macbookpro", "macbookair",
		"imac", "mac", "mac-mini", "iphone", "ipad", "android", "server", "pc", "desktop", "laptop",
		"workstation", "computer", "host", "hostname", "device", "machine", "vm", "user-pc", "admin-pc",
		"windows", "win10", "win11", "test", "default", "template", "gateway", "router", "wpad", "isatap",
		"openwrt", "pfsense", "proxmox", "docker-desktop", "vagrant", "base-image", "my-pc",
	)
})

// hostName returns the name of a host in small letters and in ASCII: "ws-01" of `\\WS-01`, `CORP\WS-01$` and
// "host/ws-01@CORP.EXAMPLE", and without the dot of the DNS root. A host that is an address is that address;
// "" is no name.
func hostName(text string) (name string, address netip.Addr) {
	name = identifier(text)
	if name == "" {
		return "", netip.Addr{}
	}
	if strings.ContainsAny(name, `\/@:[`) {
		if a, ok := parseAddress(name); ok {
			return "", a
		}
		name = strings.TrimLeft(name, `\`)
		if cut := strings.LastIndexByte(name, '\\'); cut >= 0 {
			name = name[cut+1:] // behind the domain
		}
		if _, service, ok := strings.Cut(name, "/"); ok {
			name, _, _ = strings.Cut(service, "@")
			name, _, _ = strings.Cut(name, "/")
		}
		name = unbracketDots(name)
	}
	name = strings.TrimSuffix(strings.Trim(identifier(name), "."), "$")
	if name == "" || localHosts()[strings.ToLower(name)] {
		return "", netip.Addr{}
	}
	if c := name[len(name)-1]; '0' <= c && c <= '9' || strings.IndexByte(name, ':') >= 0 {
		if a, ok := parseAddress(name); ok {
			return "", a
		}
	}
	return asciiHost(strings.ToLower(name)), netip.Addr{}
}

// hosts adds the keys of a device's names. The first is the full name if there is one; another is added only
// if it is not its first label.
func (r *keyring) hosts(dns, host string) {
	full, at := hostName(dns)
	short, also := hostName(host)
	if strings.Contains(short, ".") && !strings.Contains(full, ".") {
		full, short = short, full
	}
	r.put("host", full)
	if label, _, _ := strings.Cut(full, "."); short != full && short != label && short != cutName(label) {
		r.put("host", short)
	}
	for _, a := range [...]netip.Addr{at, also} {
		if a.IsValid() {
			r.put("device-ip", a.String())
		}
	}
}

// cutName returns what NetBIOS leaves of a longer name, "" of one that it leaves as it is.
func cutName(label string) string {
	if len(label) <= netBIOSLength {
		return ""
	}
	return label[:netBIOSLength]
}

// addForms adds the short forms of a name: the first label of a host name, the first 15 bytes of that if it
// is longer, and DOMAIN\name of a user principal name.
func (r *keyring) addForms(p place) {
	key := r.text.String()[p.from:p.to]
	if name, ok := strings.CutPrefix(key, "host:"); ok {
		label, _, _ := strings.Cut(name, ".")
		r.write("short-host", label)
		r.write("netbios-host", cutName(label))
	} else if name, ok := strings.CutPrefix(key, "upn:"); ok {
		r.shortAccount(name)
	} else if name, ok := strings.CutPrefix(key, "account:"); ok {
		if hasShortDomain(name) {
			r.write("short-account", name)
		}
	} else if id, ok := strings.CutPrefix(key, "resource:"); ok {
		if role := sessionRole(id); role != "" {
			r.write("session-role", role)
		}
	}
}

// write adds a key. The identifier has its normal form already.
func (r *keyring) write(namespace, id string) {
	if id == "" {
		return
	}
	r.open(namespace)
	r.text.WriteString(id)
	r.close()
}

// asciiHost returns a host name, which has small letters, with its labels in the ASCII form of
// internationalised names. A look-alike stays another name.
func asciiHost(name string) string {
	if isASCII(name) {
		return name
	}
	name = composed(name)
	name = strings.ReplaceAll(name, "。", ".")
	labels := strings.Split(name, ".")
	for n, label := range labels {
		if !isASCII(label) {
			labels[n] = "xn--" + punycode(label)
		}
	}
	return strings.Join(labels, ".")
}
