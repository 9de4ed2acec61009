package alert

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// parseAddress reads an Internet address in the ways logs write it: with a port, in brackets, with a zone, as
// a prefix of full length, defanged. An address that stands for an IPv4 address is that address: IPv4-mapped,
// IPv4-compatible, NAT64, and, where the inner address is global, 6to4 and Teredo.
func parseAddress(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		a, err = netip.ParseAddr(addressText(text))
	}
	if err != nil {
		return netip.Addr{}, false
	}
	return inner(a.Unmap().WithZone("")), true
}

// addressText returns the part of text that is an address.
func addressText(text string) string {
	text = unbracketDots(identifier(text))
	if rest, ok := strings.CutPrefix(text, "["); ok { // [address]:port
		text, _, _ = strings.Cut(rest, "]")
	}
	text, zone, zoned := strings.Cut(text, "%") // netip allows none behind IPv4
	if before, length, ok := strings.Cut(text, "/"); ok {
		if strings.Contains(before, ":") && length != "128" || !strings.Contains(before, ":") && length != "32" {
			return ""
		}
		text = before
	}
	if at := strings.LastIndexByte(text, ':'); at >= 0 && (strings.Count(text, ":") == 1 ||
		strings.LastIndexByte(text[:at], '.') > 0) { // an IPv4-mapped address may have a port, too
		before, port := text[:at], text[at+1:]
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return ""
		}
		text = before
	}
	if zoned && zone == "" {
		return ""
	}
	return text
}

// dotWriters are the ways in which a dot is written so that a link is not followed by mistake.
// Source: InQuest iocextract.
var dotWriters = strings.NewReplacer(
	"[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", "{dot}", ".", "[DOT]", ".", "(DOT)", ".",
	`\.`, ".", "[.", ".", ".]", ".", "(.", ".", ".)", ".", " . ", ".", " dot ", ".", " DOT ", ".", "[:]", ":",
	"[://]", "://", "[/]", "/",
	"[@]", "@", "(@)", "@", "{@}", "@", "[at]", "@", "(at)", "@", " at ", "@")

func unbracketDots(text string) string {
	if !strings.ContainsAny(text, `[]({\ `) {
		return text
	}
	return dotWriters.Replace(text)
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	compat = netip.MustParsePrefix("::/96")        // RFC 4291, deprecated
	teredo = netip.MustParsePrefix("2001::/32")    // RFC 4380
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

// inner returns the IPv4 address that an IPv6 address stands for, a itself if it stands for none.
func inner(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	b := a.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case nat64.Contains(a):
		return last
	case compat.Contains(a) && b[12] != 0:
		return last
	case teredo.Contains(a):
		if client := netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}); reachOf(client) == public {
			return client
		}
	case sixTo4.Contains(a):
		if router := netip.AddrFrom4([4]byte(b[2:6])); reachOf(router) == public {
			return router
		}
	}
	return a
}

// A reach says where an address is known.
type reach uint8

const (
	public  reach = iota
	private       // unique in one network
	nowhere       // names no host, or another one for each who uses it
)

// privateBlocks are unique in one network at most. Sources: RFC 1918, RFC 6598 (carriers, overlays), RFC 4193.
var privateBlocks = sync.OnceValue(func() []netip.Prefix {
	return prefixes(
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
	)
})

// specialBlocks do not identify a host. Sources: RFC 6890 and its successors as in the
// tables of CPython's ipaddress, RFC 4291, RFC 9637. The blocks for documentation count as ordinary
// addresses, since examples and tests are written with them.
var specialBlocks = sync.OnceValue(func() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"224.0.0.0/4", "240.0.0.0/4", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16",
		"5f00::/16", "fe80::/10", "fec0::/10", "ff00::/8",
	)
})

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for n, t := range texts {
		list[n] = netip.MustParsePrefix(t)
	}
	return list
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func reachOf(a netip.Addr) reach {
	switch {
	case contains(privateBlocks(), a):
		return private
	case contains(specialBlocks(), a):
		return nowhere
	}
	return public
}

// maxAddresses is how many addresses of a list count.
const maxAddresses = 32

// addresses adds the keys of the addresses in text, which may be a list or "HOST (address)", and returns the
// host.
func (r *keyring) addresses(text string) (host string) {
	if a, ok := parseAddress(text); ok {
		r.put("ip", a.String())
		return ""
	}
	n := 0
	for part := range strings.FieldsFuncSeq(text, isBetween) {
		if n++; n > maxAddresses {
			break
		}
		if a, ok := parseAddress(part); ok {
			r.put("ip", a.String())
		} else if name, _ := hostName(part); host == "" && name != "" && strings.Contains(text, "(") {
			host = name
		}
	}
	if r.none {
		return ""
	}
	return host
}

// isBetween reports whether c stands between the addresses of a list.
func isBetween(c rune) bool { return strings.ContainsRune(",;()[]\"'| \t\n", c) }

// address adds the keys of an address, or of those in a list, in each of the namespaces.
func (r *keyring) address(text string, namespaces []string) {
	if text == "" {
		return
	}
	put := func(a netip.Addr) {
		for _, namespace := range namespaces {
			r.put(namespace, a.String())
		}
	}
	if a, ok := parseAddress(text); ok {
		put(a)
		return
	}
	n := 0
	for part := range strings.FieldsFuncSeq(text, isBetween) {
		if n++; n > maxAddresses {
			break
		}
		if a, ok := parseAddress(part); ok {
			put(a)
		}
	}
}
