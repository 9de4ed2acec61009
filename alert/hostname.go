package alert

import (
	"net/netip"
	"strings"
	"sync"
	"unicode/utf8"
)

// netBIOSLength is the longest name of a Windows computer in NetBIOS in bytes; longer host names are cut there.
// Source: Microsoft, Computer Names.
const netBIOSLength = 15

// localHosts are names by which every host calls itself. They identify nothing.
var localHosts = sync.OnceValue(func() map[string]bool {
	return set(
		"localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4", "localhost6",
		"localhost6.localdomain6", "ip6-localhost", "ip6-loopback", "localdomain", "local", "(none)",
		"workgroup", "nt authority", "broadcasthost", "kubernetes.default.svc.cluster.local",
		"kubernetes.default.svc", "kubernetes.default", "0", "-1", "metadata.google.internal",
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
		"openwrt", "pfsense", "proxmox", "docker-desktop", "vagrant", "base-image", "my-pc", "kubernetes",
	)
})

// hostName returns the name of a host in small letters and in ASCII: "ws-01" of `\\WS-01`, `CORP\WS-01$`,
// "host/ws-01@CORP.EXAMPLE", "ws-01:9100" and "https://ws-01/", and without the dot of the DNS root. A host
// that is an address is that address; "" is no name.
func hostName(text string) (name string, address netip.Addr) {
	name = identifier(text)
	if name == "" {
		return "", netip.Addr{}
	}
	if strings.ContainsAny(name, `\/@:[`) {
		if a, ok := parseAddress(name); ok {
			return "", a
		}
		if _, rest, ok := strings.Cut(name, "://"); ok {
			rest = rest[:indexAnyOr(rest, `/?#`, len(rest))]
			name = rest[strings.LastIndexByte(rest, '@')+1:]
			if a, ok := parseAddress(name); ok {
				return "", a
			}
		}
		name = strings.TrimLeft(name, `\`)
		if cut := strings.LastIndexByte(name, '\\'); cut >= 0 {
			name = name[cut+1:] // behind the domain
		}
		if _, service, ok := strings.Cut(name, "/"); ok {
			name, _, _ = strings.Cut(service, "@")
			name, _, _ = strings.Cut(name, "/")
			name, _, _ = strings.Cut(name, ":") // a port or the name of an instance
		}
		name = unbracketDots(name)
		if before, port, ok := strings.Cut(name, ":"); ok && isNumber(port) {
			name = before
		}
	}
	name = strings.TrimSuffix(strings.Trim(identifier(name), "."), "$")
	if name == "" || isLocalHost(strings.ToLower(name)) {
		return "", netip.Addr{}
	}
	if c := name[len(name)-1]; '0' <= c && c <= '9' || strings.IndexByte(name, ':') >= 0 {
		if a, ok := parseAddress(name); ok {
			return "", a
		}
	}
	return asciiHost(strings.ToLower(name)), netip.Addr{}
}

// isLocalHost reports whether a name, which has small letters, is one by which every host calls itself,
// whatever the domain that a resolver has added.
func isLocalHost(name string) bool {
	return strings.HasPrefix(name, "localhost.") || localHosts()[name]
}

// indexAnyOr returns the place of the first of chars in text, and otherwise if there is none.
func indexAnyOr(text, chars string, otherwise int) int {
	if at := strings.IndexAny(text, chars); at >= 0 {
		return at
	}
	return otherwise
}

// deviceNames returns the names of a device, the full one first if there is one, the other only if it is not
// its first label, and the addresses that stand in their place.
func deviceNames(dns, host string) (full, short string, addresses [2]netip.Addr) {
	full, addresses[0] = hostName(dns)
	short, addresses[1] = hostName(host)
	if strings.Contains(short, ".") && !strings.Contains(full, ".") {
		full, short = short, full
	}
	if label, _, _ := strings.Cut(full, "."); short == full || short == label || short == cutName(label) {
		short = ""
	}
	return full, short, addresses
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
	if isASCII(name) || len(name) > 4*maxHost {
		return name
	}
	name = composed(name)
	name = strings.ReplaceAll(name, "。", ".")
	labels := strings.Split(name, ".")
	for n, label := range labels {
		if !isASCII(label) && utf8.RuneCountInString(label) <= maxLabel {
			labels[n] = "xn--" + punycode(label)
		}
	}
	return strings.Join(labels, ".")
}

// How long a host name and a label of one are at most in bytes; what is longer is no name, so that it needs
// no normal form. Source: RFC 1035.
const (
	maxHost  = 253
	maxLabel = 63
)
