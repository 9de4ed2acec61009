package alert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// A tactic is known by Graph's spelling, by ATT&CK's name, short name and identifier, and stands at its place.
func TestTactic(t *testing.T) {
	last := 0
	for n, tactic := range alert.Tactics() {
		name := alert.CategoryTitle(tactic)
		short := strings.ReplaceAll(strings.ToLower(name), " ", "-")
		place := alert.TacticIndex(tactic)
		snake := strings.ReplaceAll(short, "-", "_")
		for _, spelled := range []string{tactic, name, short, snake, strings.ToUpper(name)} {
			assert.Equal(t, tactic, alert.Tactic(spelled), spelled)
			assert.Equal(t, place, alert.TacticIndex(spelled), spelled)
		}
		assert.Equal(t, name, alert.CategoryTitle(short))
		if n == 0 {
			assert.Zero(t, place)
		} else {
			assert.Contains(t, []int{0, 1}, place-last, "%s: no place is left out", tactic)
		}
		last = place
	}
	assert.Equal(t, 13, last, "Impact")
	for id, want := range map[string]string{
		"TA0043": "Reconnaissance", "TA0042": "ResourceDevelopment", "TA0001": "InitialAccess", "TA0002": "Execution",
		"TA0003": "Persistence", "TA0004": "PrivilegeEscalation", "TA0005": "DefenseEvasion",
		"ta0112": "DefenseImpairment", "TA0006": "CredentialAccess", "TA0007": "Discovery", "TA0008": "LateralMovement",
		"TA0009": "Collection",
		"TA0011": "CommandAndControl", "TA0010": "Exfiltration", "TA0040": "Impact",
		"": "", " ": "", "-": "", "Malware": "", "TA": "", "TA0000": "", "DefenseEvasions": "", "Defense.Evasion": "",
	} {
		assert.Equal(t, want, alert.Tactic(id), id)
		assert.Equal(t, want == "", alert.TacticIndex(id) == -1, id)
	}
}

// The tactics of ATT&CK v19 stand where the older one did, between the same neighbours.
func TestDefenseEvasionAndItsSuccessors(t *testing.T) {
	place := alert.TacticIndex("DefenseEvasion")
	assert.Equal(t, place, alert.TacticIndex("Stealth"))
	assert.Equal(t, place, alert.TacticIndex("DefenseImpairment"))
	assert.Equal(t, place-1, alert.TacticIndex("PrivilegeEscalation"))
	assert.Equal(t, place+1, alert.TacticIndex("CredentialAccess"))
	for _, known := range []struct{ given, want []string }{
		{nil, nil},
		{[]string{"", "Malware"}, nil},
		{[]string{"Impact", "Malware", "InitialAccess", "initial-access"}, []string{"InitialAccess", "Impact"}},
		{[]string{"Defense evasion"}, []string{"DefenseEvasion"}},
		{[]string{"Stealth", "DefenseEvasion", "TA0005"}, []string{"Stealth"}},
		{[]string{"DefenseEvasion", "TA0112"}, []string{"DefenseImpairment"}},
		{[]string{"Discovery", "DefenseImpairment", "Stealth", "Persistence"},
			[]string{"Persistence", "Stealth", "DefenseImpairment", "Discovery"}},
		{[]string{"DefenseEvasion", "DefenseImpairment", "Stealth"}, []string{"Stealth", "DefenseImpairment"}},
	} {
		assert.Equal(t, known.want, alert.TacticsReached(known.given), known.given)
	}
}

// What is reached depends on no order and no repetition, is in kill-chain order, and has each place that was named.
func TestTacticsReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known := append(alert.Tactics(), "Malware", "stealth", "TA0005", "TA0040", "")
		categories := rapid.SliceOf(rapid.SampledFrom(known)).Draw(t, "categories")
		reached := alert.TacticsReached(categories)
		mixed := append(rapid.Permutation(categories).Draw(t, "order"), reached...)
		require.Equal(t, reached, alert.TacticsReached(mixed))
		require.True(t, slices.IsSortedFunc(reached, func(a, b string) int {
			return alert.TacticIndex(a) - alert.TacticIndex(b)
		}))
		var places, want []int
		for _, c := range reached {
			require.Equal(t, c, alert.Tactic(c))
			places = append(places, alert.TacticIndex(c))
		}
		for _, c := range categories {
			if n := alert.TacticIndex(c); n >= 0 {
				want = append(want, n)
			}
		}
		slices.Sort(want)
		require.Equal(t, slices.Compact(want), slices.Compact(places))
	})
}
