package alert

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/internal/limit"
)

// A Note says what became of a value that could not be kept as it came, or that was kept and not understood. It is the
// counterpart of a [FieldError] where nothing may be lost.
type Note struct {
	Record string `json:"record"`          // such as "alert siem:4711"; "" when the value stood alone
	Field  string `json:"field"`           // the field's JSON name, such as "evidence[3].entity.commandLine"
	Value  string `json:"value,omitempty"` // what was given, shortened to 64 code points
	Said   string `json:"said"`            // what was done with it, such as "cut to 1000 characters"
}

// String returns a sentence naming record, field, value and what was done.
func (n Note) String() string {
	record := n.Record
	if record != "" {
		record += ": "
	}
	return fmt.Sprintf("%s%s %q: %s", record, n.Field, n.Value, n.Said)
}

// Notes returns a note for each value of a that is kept as it came though it is not what its field is for: an address
// of evidence that does not parse, a technique that is no identifier of MITRE ATT&CK, such as "T1059" or "T1564.001",
// and a time of activity that lies too far ahead, see [Alert.Active]. Alerts are never linked by the first two, and no
// incident lasts longer for the last.
func (a Alert) Notes() []Note {
	var notes []Note
	record := limit.Shorten("alert " + string(a.Origin.AlertID()))
	add := func(field, value, said string) {
		notes = append(notes, Note{record, field, limit.Shorten(value), said})
	}
	for n, t := range a.Techniques {
		if !isTechnique(t) {
			add("techniques["+strconv.Itoa(n)+"]", t, "kept as text, since it is no technique identifier")
		}
	}
	for n, e := range a.Evidence {
		if ip, ok := e.Entity.(IP); ok && !isAddress(ip.Address) {
			add("evidence["+strconv.Itoa(n)+"].entity.address", ip.Address, "kept as text, since it is no address")
		}
	}
	for _, t := range [...]struct {
		field string
		time  time.Time
	}{{"firstActivity", a.FirstActivity}, {"lastActivity", a.LastActivity}} {
		if a.ahead(t.time) {
			add(t.field, t.time.UTC().Format(time.RFC3339), "kept and not counted, since it is more than a day ahead")
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
