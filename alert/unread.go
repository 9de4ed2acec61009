package alert

import (
	"net/netip"
	"strconv"
	"strings"
)

// Unread returns a note for each value of a that is kept as it came though it is not what its field is for: an
// address of evidence that does not parse and a technique that is no identifier of MITRE ATT&CK, such as "T1059" or
// "T1564.001". Alerts are never linked by it.
func (a Alert) Unread() []Note {
	var notes []Note
	add := func(field, value, want string) {
		record := clean("alert " + string(a.Origin.AlertID()))
		notes = append(notes, Note{record, field, clean(value), "kept as text, since it is not " + want})
	}
	for n, t := range a.Techniques {
		if !isTechnique(t) {
			add("techniques["+strconv.Itoa(n)+"]", t, "a technique identifier")
		}
	}
	for n, e := range a.Evidence {
		if ip, ok := e.Entity.(IP); ok && !isAddress(ip.Address) {
			add("evidence["+strconv.Itoa(n)+"].entity.address", ip.Address, "an address")
		}
	}
	return notes
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(strings.TrimSpace(s))
	return err == nil
}

// isTechnique reports whether s is T and four digits, with or without a dot and three more.
func isTechnique(s string) bool {
	number, sub, dotted := strings.Cut(strings.TrimPrefix(s, "T"), ".")
	digits := func(s string, n int) bool {
		return len(s) == n && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || '9' < r })
	}
	return strings.HasPrefix(s, "T") && digits(number, 4) && (!dotted || digits(sub, 3))
}
