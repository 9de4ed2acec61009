package measure

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/alert/attack"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// most is how many rows of a list a table has.
const most = 20

// Table returns s as lines for people: the figures, the techniques that are missing, the attacks that were not found
// exactly, the keys that joined wrong alerts with an example for each, the namespaces, and why attacks are split. Of a
// list it has the first 20, and the number of those that are left. A character that has no glyph stands as its code
// point. The same Scores give the same bytes.
func (s Scores) Table() string {
	t := &table{}
	t.figures(s)
	t.techniques(s.Techniques)
	t.attacks(s)
	t.keys(s.Keys)
	t.namespaces(s.Namespaces)
	t.missed(s.Missed)
	return t.String()
}

type table struct{ strings.Builder }

func (t *table) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// head begins a list of n rows. It returns how many of them are to be shown.
func (t *table) head(n int, title string, columns string) int {
	if n == 0 {
		return 0
	}
	t.line("\n%s", title)
	if columns != "" {
		t.line("%s", columns)
	}
	return min(n, most)
}

func (t *table) rest(n int) {
	if n > most {
		t.line("  and %d more", n-most)
	}
}

func (t *table) figures(s Scores) {
	t.line("alerts            %8d  %d of them noise", s.Alerts, s.Noise)
	size := s.AlertsPerIncident
	t.line("incidents         %8d  alerts per incident: mean %.1f, median %s, largest %d",
		s.Incidents, size.Mean, decimal(size.Median), size.Max)
	t.line("attacks           %8d  %d exact, %d split, %d glued", s.Attacks, s.Exact, s.Split, s.Glued)
	t.line("precision         %8.3f  %d true pairs, %d false", s.Precision, s.TruePairs, s.FalsePairs)
	t.line("recall            %8.3f  %d missed pairs", s.Recall, s.MissedPairs)
	t.line("F1                %8.3f", s.F1)
	if d := s.TimeToIncident; d.Count > 0 {
		t.line("time to incident  %8s  median of %d attacks; mean %s, longest %s", d.Median, d.Count, d.Mean, d.Max)
	}
	if c := s.Techniques; len(c.Covered)+len(c.Missing) > 0 {
		share := fmt.Sprintf("%d/%d", len(c.Covered), len(c.Covered)+len(c.Missing))
		t.line("techniques        %8s  covered; alerts name %d others", share, len(c.Other))
	} else {
		t.line("techniques        %8d  named by alerts of attacks", len(c.Other))
	}
}

func (t *table) techniques(c Techniques) {
	for _, id := range c.Missing[:t.head(len(c.Missing), "Techniques of the list that no attack shows", "")] {
		name, _ := attack.Lookup(id)
		t.line("  %s", visible(strings.TrimSpace(id+" "+name.String())))
	}
	t.rest(len(c.Missing))
}

func (t *table) attacks(s Scores) {
	var others []Attack
	for _, a := range s.ByAttack {
		if !a.Exact {
			others = append(others, a)
		}
	}
	n := t.head(len(others), "Attacks that were not found exactly", "   alerts  incidents  others there  attack")
	for _, a := range others[:n] {
		t.line("  %7d  %9d  %12d  %s", a.Alerts, a.Incidents, a.Others, visible(a.Label))
	}
	t.rest(len(others))
}

// columns are those of rows of Joins.
const columns = "  bridges  wrong pairs  right pairs  alerts wrongly joined"

func (t *table) row(j Join, name string) {
	t.line("  %7d  %11d  %11d  %8d of %-10d  %s", j.Bridges, j.Wrong, j.Right, j.Wrongly, j.Alerts, visible(name))
}

// keys shows in one row the keys that joined the same alerts, as the hashes of a file do.
func (t *table) keys(all []Join) {
	var alike [][]Join
	for _, j := range all {
		if n := len(alike) - 1; n >= 0 && sameAlerts(alike[n][0], j) {
			alike[n] = append(alike[n], j)
		} else {
			alike = append(alike, []Join{j})
		}
	}
	n := t.head(len(alike), "Keys that joined alerts wrongly, with the first example", columns+"  key")
	for _, same := range alike[:n] {
		name := string(same[0].Key)
		for _, j := range same[1:] {
			name += ", " + j.Namespace
		}
		if n := same[0].Name; !strings.HasSuffix(strings.ToLower(name), strings.ToLower(n)) {
			name += " " + n
		}
		t.row(same[0], name)
		t.example(same[0].Example)
	}
	t.rest(len(alike))
}

func sameAlerts(a, b Join) bool {
	b.Namespace, b.Key = a.Namespace, a.Key
	return reflect.DeepEqual(a, b)
}

func (t *table) namespaces(all []Join) {
	n := t.head(len(all), "Joins by namespace of the key", columns+"  namespace")
	for _, j := range all[:n] {
		t.row(j, j.Namespace)
	}
	t.rest(len(all))
}

func (t *table) missed(all []Miss) {
	title := "Why attacks are split: what an alert shares with an incident of its attack that it is not in"
	for _, m := range all[:t.head(len(all), title, "    joins  attacks  namespace: reason")] {
		reason := m.Reason
		if m.Namespace != "" {
			reason = m.Namespace + ": " + reason
		}
		t.line("  %7d  %7d  %s", m.Joins, m.Attacks, visible(reason))
		t.example(m.Example)
	}
	t.rest(len(all))
}

func (t *table) example(e Example) {
	t.line("           %s", member(e.Later))
	t.line("           and before it %s", member(e.Earlier))
	if len(e.Attacks) > 0 && (e.Earlier.Attack == "" || e.Later.Attack == "") {
		t.line("           which brought together %s", visible(strings.Join(e.Attacks, " and ")))
	}
}

func member(m Member) string {
	attack, device := "noise", ""
	if m.Attack != "" {
		attack = "attack " + m.Attack
	}
	if m.Device != "" {
		device = " on " + m.Device
	}
	return visible(fmt.Sprintf("%s of %s: %s%s", m.Alert, attack, m.Title, device))
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// visible returns s in at most 100 code points, with the characters that have no glyph as their code points.
func visible(s string) string {
	var b strings.Builder
	for _, r := range glyph.Cut(strings.ToValidUTF8(s, string(utf8.RuneError)), 100) {
		if unicode.IsControl(r) || glyph.Invisible(r) || unicode.Is(unicode.Z, r) && r != ' ' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
