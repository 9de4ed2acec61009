package doc

import (
	"fmt"
	"net/url"
	"strings"
)

// Linkable reports whether a document links to an address: to http or https with a host, or to mailto, in at
// most 2,000 bytes.
func Linkable(address string) bool { return Link(address) != "" }

// Link returns an address as a link has it, "" unless it is [Linkable].
func Link(address string) string {
	if address == "" || len(address) > 2000 {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return ""
		}
	case "mailto":
	default:
		return ""
	}
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if c <= ' ' || c >= 0x7F {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
