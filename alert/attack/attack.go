// Package attack knows the techniques of MITRE ATT&CK: it gives the name and the tactics of an identifier such as
// "T1003.001", and the newer identifier of a technique that was renumbered.
//
// # Source
//
// Names and tactics are those of ATT&CK for Enterprise 18.1. Version 19 (April 2026) split the tactic Defense Evasion
// into Stealth and Defense Impairment and renumbered techniques. The package knows five of these:
//
//	T1070.001  T1685.005  Clear Windows Event Logs
//	T1562      T1685      Impair Defenses, now Disable or Modify Tools
//	T1562.004  T1686      Disable or Modify System Firewall
//	T1562.010  T1689      Downgrade Attack
//	T1656      T1684.001  Impersonation
//
// The tactics of both identifiers are those of 18.1, so that a technique of Defense Evasion stays one: which of the
// two newer tactics it belongs to is not in the table. All three have the same place in the kill chain, see
// [github.com/incidentkit/incidentkit/alert.TacticIndex].
//
// # Licence
//
// ATT&CK is a trademark of The MITRE Corporation, which asks that [Notice] be reproduced with every copy of the table.
// A program that links this package contains the table.
//
// # Limits
//
// Techniques of ATT&CK for Mobile and for ICS are unknown, and so are those that version 19 or later added or
// renumbered, except the five above. Nothing here changes at run time, and every function may be called from
// several goroutines.
package attack

import (
	"cmp"
	_ "embed"
	"strings"
)

// Notice is what MITRE's terms of use for ATT&CK ask to be reproduced with the names of techniques.
const Notice = "© 2025 The MITRE Corporation. " +
	"This work is reproduced and distributed with the permission of The MITRE Corporation."

// table has a line for each technique: identifier, name and short names of tactics. Comments precede the first one.
//
//go:embed techniques.tsv
var table string

// renumbered are the techniques of 18.1 that have another identifier since 19, with their names in 19.
var renumbered = [...]struct{ former, current, name string }{
	{"T1070.001", "T1685.005", "Clear Windows Event Logs"},
	{"T1562", "T1685", "Disable or Modify Tools"},
	{"T1562.004", "T1686", "Disable or Modify System Firewall"},
	{"T1562.010", "T1689", "Downgrade Attack"},
	{"T1656", "T1684.001", "Impersonation"},
}

// A Technique is a technique or sub-technique of ATT&CK. The zero Technique is none.
type Technique struct {
	ID   string `json:"id"`   // in upper case, such as "T1003.001"
	Name string `json:"name"` // without its parent's, such as "LSASS Memory"

	// Parent is the name of the technique that a sub-technique belongs to, such as "OS Credential Dumping". It is ""
	// for a technique, and for a sub-technique of an unknown one.
	Parent string `json:"parent,omitempty"`

	// Tactics are spelled as in alert.Alert.Category, such as "CredentialAccess", and in the order of ATT&CK's data.
	Tactics []string `json:"tactics,omitempty"`
}

// String returns the name of t, after that of its parent if it has one: "OS Credential Dumping: LSASS Memory".
func (t Technique) String() string {
	if t.Parent == "" {
		return t.Name
	}
	return t.Parent + ": " + t.Name
}

// Lookup returns the technique that id identifies. Case does not matter. It reports false for an id that is not in
// ATT&CK 18.1 and is none of the newer identifiers that the package knows, and for what is no identifier.
//
// A former identifier has its name in 18.1, a newer one its name in 19 and the tactics of the former one. The parent of
// T1684.001 is unknown.
func Lookup(id string) (Technique, bool) {
	id, ok := identifier(id)
	if !ok {
		return Technique{}, false
	}
	entry, newer := id, ""
	for _, r := range renumbered {
		if r.current == id {
			entry, newer = r.former, r.name
		}
	}
	_, rest, ok := strings.Cut(table, "\n"+entry+"\t")
	if !ok {
		return Technique{}, false
	}
	line, _, _ := strings.Cut(rest, "\n")
	name, tactics, _ := strings.Cut(line, "\t")
	t := Technique{ID: id, Name: cmp.Or(newer, name)}
	for tactic := range strings.SplitSeq(tactics, ",") {
		t.Tactics = append(t.Tactics, category(tactic))
	}
	if parent, _, sub := strings.Cut(id, "."); sub {
		p, _ := Lookup(parent)
		t.Parent = p.Name
	}
	return t, true
}

// Current returns the newer identifier of a technique that was renumbered, and any other identifier in upper case. It
// returns what is no identifier unchanged. Use it to compare identifiers from different versions of ATT&CK.
//
// A technique whose identifier is returned as it was may have a newer one nevertheless: the package knows five, and
// not, for example, that of T1562.001.
func Current(id string) string {
	known, ok := identifier(id)
	if !ok {
		return id
	}
	for _, r := range renumbered {
		if r.former == known {
			return r.current
		}
	}
	return known
}

// identifier returns s in upper case, and whether it has the form T0000 or T0000.000.
func identifier(s string) (string, bool) {
	const form = "T0000.000"
	if len(s) != len("T0000") && len(s) != len(form) {
		return "", false
	}
	s = strings.ToUpper(s)
	for n := range min(len(s), len(form)) {
		if c := s[n]; c != form[n] && (form[n] != '0' || c < '0' || '9' < c) {
			return "", false
		}
	}
	return s, true
}

// category returns the spelling of Microsoft Graph for a tactic's short name: "CommandAndControl" for
// "command-and-control".
func category(short string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(short, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
