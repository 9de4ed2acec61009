package alert

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// defaultPorts are left out of URLs. Source: WHATWG URL Standard.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// schemeWriters are the ways in which schemes are written so that a link is not followed by mistake. Source: InQuest
// iocextract.
var schemeWriters = map[string]string{
	"hxxp": "http", "hxxps": "https", "htxp": "http", "htxps": "https", "hxtp": "http", "hxtps": "https",
	"httx":    "http",
	"http[s]": "https", "hxxp[s]": "https", "hxxx": "http", "hzzp": "http", "hzzps": "https", "meow": "http",
	"meows": "https",
	"h**p":  "http", "h**ps": "https", "hxp": "http", "hxps": "https", "fxp": "ftp", "fxps": "ftps",
	"ttp": "http", "ttps": "https",
}

// A normalForm is a URL in the form in which equal ones are equal.
type normalForm struct {
	text    string     // "" of a placeholder
	host    string     // "" if it has none
	address netip.Addr // of a host that is an address
}

// normalURL returns the normal form of a URL: refanged; scheme and host in small letters; no default port, no
// dot at the end of the host, no credentials, no fragment; "/" for an empty path; no dot segments;
// percent-encoding in capital letters, of what has to be encoded and nothing else. What a mail filter has
// wrapped is unwrapped. A text without a scheme is a host with or without a path if it looks like one; else
// it is kept. On a public site, where nothing but the whole URL tells anything, the web's schemes and a slash
// at the end of the path do not count. Sources: WHATWG URL Standard and RFC 3986, section 6.2.2.
func normalURL(text string) normalForm {
	for range 4 { // wrappers in wrappers
		form, inside := unwrapped(text)
		if inside == "" {
			return form
		}
		text = inside
	}
	form, _ := unwrapped(text)
	return form
}

func unwrapped(text string) (form normalForm, inside string) {
	text = identifier(text)
	if text == "" {
		return normalForm{}, ""
	}
	text = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(text)
	scheme, rest, ok := cutScheme(text)
	if !ok && scheme != "" {
		return normalForm{text: scheme + ":" + rest}, "" // mailto: and the like
	}
	if browserSchemes[scheme] {
		return normalForm{text: scheme + "://" + rest}, ""
	}
	end := strings.IndexAny(rest, `/\?#`)
	authority, tail := rest, ""
	if end >= 0 {
		// A backslash before a dot is a way of defanging.
		for end < len(rest)-1 && rest[end] == '\\' && rest[end+1] == '.' {
			next := strings.IndexAny(rest[end+1:], `/\?#`)
			if next < 0 {
				end = len(rest)
				break
			}
			end += 1 + next
		}
		authority, tail = rest[:end], rest[end:]
	}
	authority = unbracketDots(strings.ReplaceAll(authority, `\.`, "."))
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, port := cutPort(authority)
	host, address := urlHost(host)
	if scheme != "" && !strings.ContainsFunc(rest, isWord) {
		return normalForm{}, "" // such as "http://"
	}
	if host == "" || scheme == "" && !address.IsValid() && !looksLikeHost(host) {
		if scheme != "" {
			return normalForm{text: scheme + "://" + rest}, ""
		}
		return normalForm{text: text}, ""
	}
	form = normalForm{host: host, address: address}
	if address.Is6() {
		host = "[" + host + "]"
	}
	if port != "" && port != defaultPorts[scheme] {
		host += ":" + port
	}
	path, query := urlPath(tail)
	if scheme == "" || (scheme == "http" || scheme == "https") && isPublicSite(form.host) {
		form.text = host + strings.TrimSuffix(path, "/") + query
	} else {
		form.text = scheme + "://" + host + path + query
	}
	return form, wrapped(form.host, path, query)
}

// cutScheme returns the scheme in small letters and refanged, and what follows its slashes. Where ok is false
// and scheme is not empty, no slashes follow.
func cutScheme(text string) (scheme, rest string, ok bool) {
	for _, mark := range [...]string{"://", "[://]", "[:]//", `:\\`, ":[//]", "[:]/", "__", ":/"} {
		before, after, found := strings.Cut(text, mark)
		if !found || len(before) > 20 {
			continue
		}
		s := strings.ToLower(before)
		if to := schemeWriters[s]; to != "" {
			s = to
		}
		if defaultPorts[s] == "" && mark != "://" || !isScheme(s) {
			continue
		}
		return s, strings.TrimLeft(after, `/\`), true
	}
	if before, after, found := strings.Cut(text, ":"); found && isScheme(before) && !strings.Contains(before,
		".") &&
		after != "" && (after[0] < '0' || after[0] > '9') {
		return strings.ToLower(before), after, false
	}
	if hasPrefix(strings.ToLower(text[:min(len(text), 16)]), "http%3a", "https%3a") {
		if plain, err := url.PathUnescape(text); err == nil && plain != text {
			return cutScheme(plain)
		}
	}
	return "", strings.TrimPrefix(text, "//"), true
}

func isScheme(text string) bool {
	for n := range len(text) {
		c := text[n]
		if 'a' <= c|0x20 && c|0x20 <= 'z' {
			continue
		}
		if n == 0 || !('0' <= c && c <= '9') && strings.IndexByte("+-.", c) < 0 {
			return false
		}
	}
	return text != ""
}

// cutPort returns the port without leading zeros, "" if there is none.
func cutPort(authority string) (host, port string) {
	at := strings.LastIndexByte(authority, ':')
	if at < 0 || strings.HasSuffix(authority, "]") || strings.Count(authority, ":") > 1 && authority[0] != '[' {
		return authority, ""
	}
	if n, err := strconv.ParseUint(authority[at+1:], 10, 16); err == nil {
		port = strconv.FormatUint(n, 10)
	}
	return authority[:at], port
}

// urlHost returns a host in its normal form, and the address that it is.
func urlHost(host string) (string, netip.Addr) {
	if strings.Contains(host, "%") {
		if plain, err := url.PathUnescape(host); err == nil {
			host = plain
		}
	}
	host = strings.TrimRight(strings.ToLower(identifier(host)), ".")
	if !isASCII(host) && len(host) <= 4*maxHost {
		host = strings.TrimRight(strings.ReplaceAll(composed(host), "。", "."), ".")
	}
	a, ok := parseAddress(host)
	if !ok {
		a, ok = oldIPv4(host)
	}
	if ok {
		return a.String(), a
	}
	return asciiHost(host), netip.Addr{}
}

// oldIPv4 reads an IPv4 address of up to four numbers, each decimal, octal or hexadecimal. The last
// fills what is left. Source: WHATWG URL Standard, IPv4 parser.
func oldIPv4(host string) (netip.Addr, bool) {
	numbers := strings.Split(host, ".")
	if len(numbers) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for n, text := range numbers {
		base := 10
		switch {
		case strings.HasPrefix(text, "0x"):
			text, base = text[2:], 16
		case len(text) > 1 && text[0] == '0':
			text, base = text[1:], 8
		}
		v, err := strconv.ParseUint(text, base, 33)
		bits := 8
		if n == len(numbers)-1 {
			bits = 8 * (5 - len(numbers))
		}
		if err != nil || v>>bits != 0 {
			return netip.Addr{}, false
		}
		value = value<<bits | v
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// looksLikeHost reports whether a text without a scheme is the name of a host: labels of letters, digits,
// hyphens and underscores, and a last one with a letter.
func looksLikeHost(host string) bool {
	if len(host) > maxHost {
		return false
	}
	labels := strings.Split(host, ".")
	if len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		other := strings.ContainsFunc(label, func(c rune) bool { return !isWord(c) && c != '-' && c != '_' })
		if label == "" || len(label) > maxLabel || other {
			return false
		}
	}
	return strings.ContainsFunc(labels[len(labels)-1], func(c rune) bool { return 'a' <= c && c <= 'z' })
}

// urlPath returns the path and the query of what follows the host in their normal form.
func urlPath(tail string) (path, query string) {
	tail, _, _ = strings.Cut(tail, "#")
	path, query, asked := strings.Cut(tail, "?")
	path = resolved(percentEncoded(strings.ReplaceAll(plainDots(path), `\`, "/")))
	if asked && query != "" {
		query = "?" + percentEncoded(plainDots(query))
	} else {
		query = ""
	}
	return path, query
}

// resolved returns a path without dot segments, "/" for an empty one.
func resolved(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	segments := strings.Split(path[1:], "/")
	for n, s := range segments {
		last := n == len(segments)-1
		switch s {
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		case ".":
		default:
			kept = append(kept, s)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

// pathDots are the ways to write a dot that hardly occur in a path otherwise.
var pathDots = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".")

func plainDots(text string) string {
	if !strings.ContainsAny(text, "[({") {
		return text
	}
	return pathDots.Replace(text)
}

// percentEncoded returns a path or a query with every character encoded that has to be, and none that needs
// not. Source: RFC 3986, sections 2.3 and 6.2.2.
func percentEncoded(text string) string {
	plain := true
	for n := 0; n < len(text) && plain; n++ {
		plain = text[n] != '%' && !isEncoded(text[n])
	}
	if plain {
		return text
	}
	if !isASCII(text) {
		text = norm.NFC.String(text)
	}
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(text)+16)
	for n := 0; n < len(text); n++ {
		c, encoded := text[n], isEncoded(text[n])
		if c == '%' && n+2 < len(text) {
			if v, err := strconv.ParseUint(text[n+1:n+3], 16, 8); err == nil {
				c, encoded = byte(v), !isPlain(byte(v)) && strings.IndexByte("-._~", byte(v)) < 0
				n += 2
			}
		}
		if encoded {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// isEncoded reports whether c never stands in a path or a query as it is.
func isEncoded(c byte) bool {
	return c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>^`{}", c) >= 0
}

// browserSchemes are those of pages that a browser makes itself.
var browserSchemes = map[string]bool{
	"about": true, "chrome": true, "edge": true, "brave": true, "opera": true, "vivaldi": true,
	"devtools":    true,
	"view-source": true, "javascript": true, "chrome-search": true, "chrome-error": true,
}

// judgeURL says what a whole URL in its normal form is worth. address says it of a host that is an address.
func judgeURL(text string, address func(string) (Strength, string)) (Strength, string) {
	scheme, rest, ok := strings.Cut(text, ":")
	if ok && browserSchemes[scheme] {
		return NotLinking, "a page of the browser"
	}
	if !ok || !strings.HasPrefix(rest, "//") {
		rest = "//" + text
	}
	rest = rest[2:]
	at := indexAnyOr(rest, "/?", len(rest))
	host, _ := cutPort(rest[:at])
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	switch a, err := netip.ParseAddr(host); {
	case err == nil && contains(edges(), a):
		return Weaker, "" // of one of the sites there
	case err == nil:
		return address(host)
	case isCommonPage(host):
		return NotLinking, "a page that every host reads"
	case strings.Trim(rest[at:], "/") == "" && publicSites()[strings.TrimPrefix(host, "www.")]:
		return NotLinking, "the first page of a site that many use"
	}
	return Weaker, ""
}

// wrapped returns the URL that a mail filter has rewritten, "" if there is none. Sources: the documented
// forms of Proofpoint's URL Defense, versions 2 and 3, of Microsoft's Safe Links, and of Barracuda's and
// Cisco's filters.
func wrapped(host, path, query string) string {
	switch {
	case strings.HasSuffix(host, ".safelinks.protection.outlook.com"),
		strings.HasSuffix(host, ".safelinks.protection.office365.us"):
		return parameter(query, "url")
	case host == "linkprotect.cudasvc.com":
		return parameter(query, "a")
	case host == "secure-web.cisco.com":
		inside, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
		if err != nil || !strings.Contains(inside, "://") {
			return ""
		}
		return inside
	case host == "urldefense.proofpoint.com" && strings.HasPrefix(path, "/v2/"):
		inside, err := url.PathUnescape(strings.NewReplacer("-", "%", "_", "/").Replace(parameter(query, "u")))
		if err != nil {
			return ""
		}
		return inside
	case (host == "urldefense.com" || host == "urldefense.us" || host == "urldefense.proofpoint.com") &&
		strings.HasPrefix(path, "/v3/__"):
		inside, _, ok := strings.Cut(path[len("/v3/__"):]+query, "__;")
		if !ok {
			return ""
		}
		return inside
	}
	return ""
}

func parameter(query, name string) string {
	values, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	if err != nil {
		return ""
	}
	return values.Get(name)
}
