package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// What each factor is worth: one incident after the other, each with one thing more than a plain one.
func TestFactors(t *testing.T) {
	plain := incident.Incident{Alerts: incident.Summary{Count: 1, Sources: []string{"edr"}, Rarest: alert.MaxSeen}}
	require.Zero(t, incident.Priority(plain))
	lasting := func(d time.Duration) func(*incident.Incident) {
		return func(i *incident.Incident) { i.Alerts.FirstActivity, i.Alerts.LastActivity = start, start.Add(d) }
	}
	severity := func(s alert.Severity) func(*incident.Incident) { return func(i *incident.Incident) { i.Severity = s } }
	critical := func(c alert.Criticality) func(*incident.Incident) {
		return func(i *incident.Incident) { i.Alerts.Criticality = c }
	}
	tagged := func(t ...incident.Tag) func(*incident.Incident) {
		return func(i *incident.Incident) { i.Alerts.SystemTags = t }
	}
	tactics := func(c ...string) func(*incident.Incident) {
		return func(i *incident.Incident) { i.Alerts.Categories = c }
	}
	sources := func(s ...string) func(*incident.Incident) { return func(i *incident.Incident) { i.Alerts.Sources = s } }
	seen := func(n int) func(*incident.Incident) { return func(i *incident.Incident) { i.Alerts.Rarest = n } }
	for _, f := range []struct {
		factor string
		with   func(*incident.Incident)
		points int
		detail string
	}{
		{"severity", severity(alert.High), 40, "high"},
		{"severity", severity(alert.Medium), 25, "medium"},
		{"severity", severity(alert.Low), 8, "low"},
		{"severity", severity(alert.Informational), 2, "informational"},
		{"severity", severity(alert.High + 7), 40, "severity(11)"},
		{"critical assets", critical(alert.LowCriticality), 4, "low"},
		{"critical assets", critical(alert.MediumCriticality), 8, "medium"},
		{"critical assets", critical(alert.HighCriticality), 15, "high"},
		{"critical assets", critical(alert.VeryHighCriticality), 20, "veryHigh"},
		{"signals", tagged(incident.Tag{Name: "Domain Controller", Kind: alert.CriticalAsset}), 0, ""},
		{"signals", tagged(incident.Tag{Name: "Ransomware", Kind: alert.AttackType}), 10, "Ransomware"},
		{"signals", tagged(incident.Tag{Name: "Defender Experts", Kind: alert.Experts}, incident.Tag{Name: "Ransomware", Kind: alert.AttackType}), 10, "Defender Experts, Ransomware"},
		{"tactics", tactics("Malware", "None"), 0, ""},
		{"tactics", tactics("InitialAccess"), 3, "Initial access"},
		{"tactics", tactics("Discovery", "Malware", "Execution"), 6, "Discovery, Execution"},
		{"tactics", tactics("Impact"), 6, "Impact"},
		{"tactics", tactics("Exfiltration"), 6, "Exfiltration"},
		{"tactics", tactics("Collection", "Discovery", "Execution", "InitialAccess", "Persistence"), 12, "Collection, Discovery, Execution, Initial access, Persistence"},
		{"tactics", tactics("Collection", "Discovery", "Execution", "Impact", "Persistence"), 15, "Collection, Discovery, Execution, Impact, Persistence"},
		{"tactics", tactics("DefenseEvasion"), 3, "Defense evasion"},
		{"tactics", tactics("Stealth"), 3, "Stealth"},
		{"tactics", tactics("DefenseEvasion", "Defense evasion", "defense-evasion"), 3, "Defense evasion"},
		{"tactics", tactics("DefenseEvasion", "Stealth"), 3, "Stealth"},
		{"tactics", tactics("DefenseEvasion", "DefenseImpairment"), 3, "Defense impairment"},
		{"tactics", tactics("DefenseImpairment", "Stealth"), 6, "Defense impairment, Stealth"},
		{"tactics", tactics("DefenseEvasion", "DefenseImpairment", "Stealth"), 6, "Defense impairment, Stealth"},
		{"tactics", tactics("DefenseEvasion", "Execution", "Stealth", "TA0040"), 12, "Execution, Impact, Stealth"},
		{"sources", sources("a", "b"), 3, "2 services"},
		{"sources", sources("a", "b", "c"), 6, "3 services"},
		{"sources", sources("a", "b", "c", "d"), 6, "4 services"},
		{"rarity", seen(0), 5, "the first of its kind in 30 days"},
		{"rarity", seen(1), 3, "1 of its kind in the 30 days before"},
		{"rarity", seen(4), 3, "4 of its kind in the 30 days before"},
		{"rarity", seen(5), 1, "5 of its kind in the 30 days before"},
		{"rarity", seen(19), 1, "19 of its kind in the 30 days before"},
		{"age", lasting(time.Hour), 0, ""},
		{"age", lasting(time.Hour + time.Minute), 1, "1h1m0s"},
		{"age", lasting(24*time.Hour + time.Minute), 2, "24h1m0s"},
		{"age", lasting(72*time.Hour + time.Minute), 3, "72h1m0s"},
		{"age", lasting(7*24*time.Hour + time.Minute), 4, "168h1m0s"},
	} {
		i := plain
		f.with(&i)
		assert.Equal(t, f.points, incident.Priority(i), "%s %s", f.factor, f.detail)
		for _, got := range incident.Factors(i) {
			if got.Name == f.factor {
				assert.Equal(t, f.points, got.Points)
				assert.Equal(t, f.detail, got.Detail)
			} else {
				assert.Zero(t, got.Points, got.Name)
				assert.Empty(t, got.Detail, got.Name)
			}
		}
	}
	assert.Zero(t, incident.Priority(incident.Incident{}), "without alerts nothing is rare")
}

// No factor gives more than it says, and together they give a hundred at most, and can.
func TestPriorityIsBounded(t *testing.T) {
	most := 0
	for _, f := range incident.Factors(incident.Incident{}) {
		most += f.Most
	}
	assert.Equal(t, incident.MaxPriority, most)
	rapid.Check(t, func(t *rapid.T) {
		i := incident.Incident{Severity: alert.Severity(rapid.IntRange(0, 9).Draw(t, "severity"))}
		for n := range rapid.IntRange(0, 6).Draw(t, "alerts") {
			a := newAlert(n, alert.Low, "d")
			a.Category = rapid.SampledFrom([]string{"", "Impact", "Discovery", "Exfiltration", "Persistence", "Collection"}).Draw(t, "category")
			a.Origin.Source = fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "source"))
			a.Evidence = []alert.Evidence{{Entity: alert.Device{DeviceID: "d"}, Criticality: alert.Criticality(rapid.IntRange(0, 4).Draw(t, "criticality"))}}
			a.SystemTags = []alert.Tag{{Name: "x", Kind: alert.TagKind(rapid.IntRange(0, 5).Draw(t, "kind"))}}
			a.Seen = rapid.IntRange(0, 30).Draw(t, "seen")
			a.LastActivity = a.FirstActivity.Add(time.Duration(rapid.IntRange(-10, 300).Draw(t, "hours")) * time.Hour)
			i.Alerts = incident.Summarize([]alert.Alert{a})
		}
		sum := 0
		for _, f := range incident.Factors(i) {
			assert.GreaterOrEqual(t, f.Points, 0)
			assert.LessOrEqual(t, f.Points, f.Most)
			assert.Equal(t, f.Points == 0, f.Detail == "", "%+v", f)
			sum += f.Points
		}
		assert.Equal(t, sum, incident.Priority(i))
	})
}

// Every command leaves the priority of what it leaves, in the log too; one that changes nothing else leaves it alone.
func TestPriorityFollows(t *testing.T) {
	c := open(t, newAlert(0, alert.Low, "a"))
	assert.Equal(t, incident.Priority(c.Incident), c.Incident.Priority)
	e, err := incident.Edit{Severity: new(alert.High)}.Apply(command(1), c, tax)
	require.NoError(t, err)
	assert.Equal(t, c.Incident.Priority+40-8, e.Incident.Priority)

	own := command(2)
	for score, want := range map[int]int{-3: 0, 7: 7, 1000: incident.MaxPriority} {
		own.Priority = func(i incident.Incident) int {
			i.Tags = append(i.Tags[:0], incident.Tag{Name: "scratch"})
			return score
		}
		e, err := incident.Edit{AddTags: []string{"x"}}.Apply(own, c, tax)
		require.NoError(t, err)
		assert.Equal(t, want, e.Incident.Priority)
		assert.Equal(t, []incident.Tag{{Name: "x"}}, e.Incident.Tags)
	}
	e, err = incident.Edit{}.Apply(own, c, tax)
	require.NoError(t, err)
	assert.True(t, e.IsZero(), "another way of scoring alone is no change")
}
