// Package attack knows the techniques of MITRE ATT&CK: it gives the name and the tactics of an identifier such as
// "T1003.001", and the newer identifier of a technique that was renumbered.
//
// # Source
//
// Names and tactics are those of ATT&CK for Enterprise 18.1. Version 19 (April 2026) split the tactic Defense Evasion
// into Stealth and Defense Impairment and renumbered techniques. The package knows these identifiers:
//
//	T1070.001  T1685.005       T1562.007  T1686.001
//	T1070.002  T1685.006       T1562.008  T1685.002
//	T1562      T1685           T1562.009  T1688
//	T1562.001  T1685           T1562.010  T1689
//	T1562.002  T1685.001       T1562.011  T1685.003
//	T1562.003  T1690           T1562.012  T1685.004
//	T1562.004  T1686           T1562.013  T1686.002
//	T1562.006  T1685           T1656      T1684.001
//
// and these of older versions: T1053.001 (now T1053.002), T1076 (T1021.001), T1215 (T1547.006), T1487 (T1561.002),
// T1547.011 (T1647) and T1574.002 (T1574.001).
//
// A newer identifier has the name and the tactics of the former one, so that a technique of Defense Evasion stays
// one: which of the two newer tactics it belongs to is not in the table. All three have the same place in the kill
// chain, see [alert.TacticIndex].
//
// # Licence
//
// ATT&CK is a trademark of The MITRE Corporation, which asks that [Notice] be reproduced with every copy of the table.
// A program that links this package contains the table.
//
// # Limits
//
// Techniques of ATT&CK for Mobile and for ICS are unknown, and so are those that version 19 or later added or
// renumbered, except those above. Nothing here changes at run time, and every function may be called from
// several goroutines.
package attack

import (
	_ "embed"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// Notice is what MITRE's terms of use for ATT&CK ask to be reproduced with the names of techniques.
const Notice = "© 2025 The MITRE Corporation. " +
	"This work is reproduced and distributed with the permission of The MITRE Corporation."

// table has a line for each technique: identifier, name and short names of tactics. Comments precede the first one.
//
//go:embed techniques.tsv
var table string

// renumbered are the techniques that have another identifier now. Of those that became one, the first names it.
var renumbered = [...]struct{ former, current string }{
	{"T1053.001", "T1053.002"},
	{"T1070.001", "T1685.005"},
	{"T1070.002", "T1685.006"},
	{"T1076", "T1021.001"},
	{"T1215", "T1547.006"},
	{"T1487", "T1561.002"},
	{"T1547.011", "T1647"},
	{"T1562.001", "T1685"},
	{"T1562", "T1685"},
	{"T1562.006", "T1685"},
	{"T1562.002", "T1685.001"},
	{"T1562.003", "T1690"},
	{"T1562.004", "T1686"},
	{"T1562.007", "T1686.001"},
	{"T1562.008", "T1685.002"},
	{"T1562.009", "T1688"},
	{"T1562.010", "T1689"},
	{"T1562.011", "T1685.003"},
	{"T1562.012", "T1685.004"},
	{"T1562.013", "T1686.002"},
	{"T1574.002", "T1574.001"},
	{"T1656", "T1684.001"},
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
// ATT&CK 18.1 and is none of the others that the package knows, and for what is no identifier.
//
// An identifier that 18.1 does not have gets the name and the tactics of what it replaced, or of what replaced it. The
// parent of T1684.001 is unknown.
func Lookup(id string) (Technique, bool) {
	id, ok := identifier(id)
	if !ok {
		return Technique{}, false
	}
	name, tactics, ok := entry(id)
	for n := 0; !ok && n < len(renumbered); n++ {
		switch r := renumbered[n]; id {
		case r.current:
			name, tactics, ok = entry(r.former)
		case r.former:
			name, tactics, ok = entry(r.current)
		}
	}
	if !ok {
		return Technique{}, false
	}
	t := Technique{ID: id, Name: name}
	for tactic := range strings.SplitSeq(tactics, ",") {
		t.Tactics = append(t.Tactics, alert.Tactic(tactic))
	}
	if parent, _, sub := strings.Cut(id, "."); sub {
		p, _ := Lookup(parent)
		t.Parent = p.Name
	}
	return t, true
}

// entry returns what the table says of id.
func entry(id string) (name, tactics string, ok bool) {
	_, rest, ok := strings.Cut(table, "\n"+id+"\t")
	if !ok {
		return "", "", false
	}
	line, _, _ := strings.Cut(rest, "\n")
	name, tactics, _ = strings.Cut(line, "\t")
	return name, tactics, true
}

// Current returns the newer identifier of a technique that was renumbered, and any other identifier in upper case. It
// returns what is no identifier unchanged. Use it to compare identifiers from different versions of ATT&CK.
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
