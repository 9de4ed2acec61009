package attack_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/alert/attack"
)

// rows returns the lines of the table that are no comments, each in its three columns.
func rows(t *testing.T) [][]string {
	text, err := os.ReadFile("techniques.tsv")
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(text), "\n"))
	var all [][]string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			all = append(all, strings.Split(line, "\t"))
		}
	}
	return all
}

// Every row is well formed and is what Lookup answers; every sub-technique has its technique, every tactic its place.
func TestTable(t *testing.T) {
	form := regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
	names := map[string]string{}
	all := rows(t)
	require.Len(t, all, 691, "ATT&CK for Enterprise 18.1 has 216 techniques and 475 sub-techniques")
	last, reached := "", map[int]bool{}
	for _, row := range all {
		require.Len(t, row, 3, row)
		id, name, tactics := row[0], row[1], strings.Split(row[2], ",")
		require.Regexp(t, form, id)
		require.NotEmpty(t, name)
		require.Less(t, last, id, "in the order of identifiers, each once")
		last, names[id] = id, name

		got, ok := attack.Lookup(id)
		require.True(t, ok, id)
		require.Equal(t, id, got.ID)
		require.Equal(t, name, got.Name)
		require.Len(t, got.Tactics, len(tactics))
		for n, category := range got.Tactics {
			place := alert.TacticIndex(tactics[n])
			require.GreaterOrEqual(t, place, 0, "%s: %s", id, tactics[n])
			require.Equal(t, alert.Tactic(tactics[n]), category, id)
			reached[place] = true
		}
		if parent, _, sub := strings.Cut(id, "."); sub {
			require.Contains(t, names, parent)
			require.Equal(t, names[parent], got.Parent)
			require.Equal(t, names[parent]+": "+name, got.String())
		} else {
			require.Empty(t, got.Parent)
			require.Equal(t, name, got.String())
		}
	}
	assert.Len(t, reached, alert.TacticIndex("Impact")+1, "each place of the kill chain has techniques")
}

func TestLookup(t *testing.T) {
	got, ok := attack.Lookup("t1003.001")
	assert.True(t, ok)
	assert.Equal(t, attack.Technique{ID: "T1003.001", Name: "LSASS Memory", Parent: "OS Credential Dumping",
		Tactics: []string{"CredentialAccess"}}, got)
	for _, id := range []string{
		"", "T", "T9999", "T1003.999", "T1003.", "T1003.01", "T1003.0010", "T1003,001", "X1003", " T1003",
		"T1003\t", "T10０", "T100ſ", "T1001\tData Obfuscation", "LSASS Memory", "# MITRE ATT",
	} {
		got, ok := attack.Lookup(id)
		assert.False(t, ok, "%q", id)
		assert.Zero(t, got, "%q", id)
		assert.Empty(t, got.String(), "%q", id)
	}
}

// Both identifiers of a technique that was renumbered are known, with one set of tactics.
func TestRenumbered(t *testing.T) {
	for _, r := range []struct{ former, was, current, is string }{
		{"T1562.001", "Impair Defenses: Disable or Modify Tools", "T1685", "Disable or Modify Tools"},
		{"T1562", "Impair Defenses", "T1685", "Disable or Modify Tools"},
		{"T1562.006", "Impair Defenses: Indicator Blocking", "T1685", "Disable or Modify Tools"},
		{"T1562.004", "Impair Defenses: Disable or Modify System Firewall", "T1686",
			"Disable or Modify System Firewall"},
		{"T1562.007", "Impair Defenses: Disable or Modify Cloud Firewall", "T1686.001",
			"Disable or Modify System Firewall: Disable or Modify Cloud Firewall"},
		{"T1562.010", "Impair Defenses: Downgrade Attack", "T1689", "Downgrade Attack"},
		{"T1070.001", "Indicator Removal: Clear Windows Event Logs", "T1685.005",
			"Disable or Modify Tools: Clear Windows Event Logs"},
		{"T1656", "Impersonation", "T1684.001", "Impersonation"},
		{"T1076", "Remote Desktop Protocol", "T1021.001", "Remote Services: Remote Desktop Protocol"},
		{"T1574.002", "Hijack Execution Flow: DLL", "T1574.001", "Hijack Execution Flow: DLL"},
	} {
		assert.Equal(t, r.current, attack.Current(r.former))
		assert.Equal(t, r.current, attack.Current(strings.ToLower(r.former)))
		former, ok := attack.Lookup(r.former)
		assert.True(t, ok, r.former)
		current, ok := attack.Lookup(r.current)
		assert.True(t, ok, r.current)
		assert.Equal(t, []string{r.was, r.is}, []string{former.String(), current.String()})
		assert.Equal(t, []string{r.former, r.current}, []string{former.ID, current.ID})
		assert.Equal(t, former.Tactics, current.Tactics)
	}
	_, ok := attack.Lookup("T1684")
	assert.False(t, ok, "what it replaced is unknown")
}

// What Current answers is final and known: no identifier leads round in a circle.
func TestCurrentIsIdempotent(t *testing.T) {
	changed := 0
	for major := range 10000 {
		for sub := range 20 {
			id := fmt.Sprintf("T%04d.%03d", major, sub)
			if sub == 0 {
				id = id[:len("T0000")]
			}
			if current := attack.Current(id); current != id {
				changed++
				require.Equal(t, current, attack.Current(current), id)
				for _, known := range []string{id, current} {
					_, ok := attack.Lookup(known)
					require.True(t, ok, known)
				}
			}
		}
	}
	assert.Equal(t, 22, changed)
	for given, want := range map[string]string{
		"t1003.001": "T1003.001", "T9999": "T9999", "t1685.005": "T1685.005", "T1562.005": "T1562.005",
		"": "", "malware": "malware", "t1003.01": "t1003.01",
	} {
		assert.Equal(t, want, attack.Current(given))
	}
}

// MITRE's notice is beside the table, in it and in the package.
func TestNotice(t *testing.T) {
	for _, name := range []string{"NOTICE", "techniques.tsv"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Contains(t, string(text), attack.Notice, name)
	}
}

func BenchmarkLookup(b *testing.B) {
	for b.Loop() {
		attack.Lookup("T1505.003")
	}
}
