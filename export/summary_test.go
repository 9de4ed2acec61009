package export

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

func TestSummaryByRule(t *testing.T) {
	r := report(t, 12, &Options{Sections: []Section{IncidentSummary}})
	assert.Equal(t, ByRule, r.SummaryBy)
	assert.Empty(t, r.Alerts, "what the summary is made of is not in the report unless asked for")
	assert.Equal(t, "Incident 1042 (Theft at the finance desk) has 12 alerts from Contoso EDR and high severity. "+
		"Activity was seen from 2026-03-14 08:00:00 UTC to 2026-03-14 08:14:00 UTC (14 minutes). "+
		"The first alert is “Suspicious process tree 0” about host-000, user0@contoso.example and drop-0-0.exe. "+
		"It shows 4 tactics of MITRE ATT&CK: Initial access, Execution, Command and control, Exfiltration. Other threats: Malware.\n\n"+
		"Affected: 12 devices, such as host-000; 4 users, above all user0@contoso.example with 3 alerts. "+
		"The evidence names 84 other entities, the worst of them drop-0-1.exe (malicious).\n\n"+
		"Mira assigned it, classified it, resolved it and wrote 1 comment. Automatically: correlation created it.\n\n"+
		"It was classified as True positive: Malware. It was resolved at 2026-03-16 09:00:00 UTC, with the note: Sessions revoked. The laptop was wiped.", r.IncidentSummary)
}

// One is not many.
func TestSummaryOfOne(t *testing.T) {
	c, _ := sample(t, 1)
	c.Incident.Status, c.Incident.Owner, c.Incident.Verdict = incident.InProgress, incident.Owner{}, classification.Verdict{}
	c.Alerts[0].LastActivity = c.Alerts[0].FirstActivity
	c.Alerts[0].Evidence = []alert.Evidence{
		{Entity: alert.Mailbox{Address: "a@b.example"}, Verdict: alert.Suspicious}, {Entity: alert.URL{URL: "http://evil.example"}, Verdict: alert.Malicious},
	}
	opts, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	entries := []activity.Entry{{Type: activity.Renamed, Actor: activity.Actor{Kind: activity.System, ID: "rule"}}}
	assert.Equal(t, "Incident 1042 (Theft at the finance desk) has 1 alert from Contoso EDR and medium severity. Activity was seen at 2026-03-14 08:00:00 UTC. "+
		"The alert is “Suspicious process tree 0” about a@b.example and http://evil.example. It shows 1 tactic of MITRE ATT&CK: Exfiltration.\n\n"+
		"Affected: 1 mailbox, a@b.example (suspicious). The evidence names 1 other entity, http://evil.example (malicious).\n\n"+
		"Automatically: rule named it.\n\n"+
		"It has not been classified. It is in progress. Nobody is assigned to it.", collect(c, entries, opts).IncidentSummary)
}

// What is not known is not said.
func TestSummaryOfNothing(t *testing.T) {
	assert.Equal(t, "This incident has no alerts.\n\nIt has not been classified. It is active. Nobody is assigned to it.", summarize(Report{}))
	assert.NotContains(t, summarize(Report{Alerts: make([]AlertRow, 1), Threats: []Threat{{Title: "No category", Alerts: 1}}}), "category")
	for _, c := range []struct {
		i    incident.Incident
		want string
	}{
		{incident.Incident{Status: incident.Resolved}, "It was resolved."},
		{incident.Incident{Status: incident.Redirected, RedirectTo: "inc-2"}, "It was merged into another incident, inc-2."},
		{incident.Incident{Status: incident.Purged}, "It was purged."},
		{incident.Incident{Owner: incident.Owner{ID: "kai"}}, "It is assigned to kai."},
	} {
		assert.True(t, strings.HasSuffix(summarize(Report{Incident: c.i}), c.want), c.want)
	}
}

// Whatever alerts there are, every name and time in the summary is one of theirs, the counts are theirs, and one is not many.
func TestSummaryInventsNothing(t *testing.T) {
	c, entries := sample(t, 12)
	name := regexp.MustCompile(`host-\d+|user\d@contoso.example|drop-\d+-\d.exe|tree \d+`)
	clock := regexp.MustCompile(`2026-\d\d-\d\d \d\d:\d\d:\d\d`)
	rapid.Check(t, func(rt *rapid.T) {
		some := incident.Case{Incident: c.Incident, Alerts: rapid.Permutation(c.Alerts).Draw(rt, "alerts")[:rapid.IntRange(0, 12).Draw(rt, "n")]}
		log := entries[:rapid.IntRange(0, len(entries)).Draw(rt, "entries")]
		opts, err := (*Options)(nil).withDefaults()
		require.NoError(rt, err)
		prose := collect(some, log, opts).IncidentSummary
		names, times, users := "", c.Incident.Resolved.Format(time.DateTime), map[alert.Entity]bool{}
		for _, a := range some.Alerts {
			names += a.Title + " "
			times += a.FirstActivity.Format(time.DateTime) + a.LastActivity.Format(time.DateTime)
			for _, e := range a.Evidence {
				names += e.Entity.Name() + " "
				users[e.Entity] = users[e.Entity] || e.Entity.Kind() == alert.KindUser
			}
		}
		for _, n := range name.FindAllString(prose, -1) {
			require.Contains(rt, names, n)
		}
		for _, n := range clock.FindAllString(prose, -1) {
			require.Contains(rt, times, n)
		}
		maps.DeleteFunc(users, func(_ alert.Entity, is bool) bool { return !is })
		if n := len(some.Alerts); n > 0 {
			require.Contains(rt, prose, plural(n, "alert from", "alerts from"))
			require.Contains(rt, prose, "Affected: "+plural(n, "device", "devices")+",")
			require.Contains(rt, prose, "; "+plural(len(users), "user", "users")+",")
		}
		require.Equal(rt, slices.ContainsFunc(log, func(e activity.Entry) bool { return e.Trigger() == activity.Manual }), strings.Contains(prose, "Mira "))
		require.NotRegexp(rt, `\b1 (alerts|devices|users|tactics|entities|entries|minutes)\b|\b([02-9]|[1-9][0-9]+) (alert|device|user|tactic|minute)\b`, prose)
	})
}

func TestSummaryByModel(t *testing.T) {
	write := func(context.Context, Section, incident.Case, []activity.Entry) (string, error) { return "Prose.", nil }
	r := report(t, 2, &Options{Summarizer: write})
	assert.Empty(t, r.IncidentSummary, "the rule leaves it to the model")
	for _, f := range formats[:2] {
		assert.Contains(t, written(t, f.write, Report{Sections: []Section{IncidentSummary}, IncidentSummary: "Prose.", SummaryBy: ByModel}), "Written by a model")
		assert.Contains(t, written(t, f.write, Report{Sections: []Section{IncidentSummary}, IncidentSummary: "Prose.", SummaryBy: ByRule}), "by rule")
	}
}

func TestLasting(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "less than a minute", time.Minute: "1 minute", 61 * time.Minute: "1 hour and 1 minute", 2 * time.Hour: "2 hours", 24 * time.Hour: "1 day",
		49*time.Hour + time.Minute: "2 days and 1 hour", 48*time.Hour + time.Minute: "2 days",
	} {
		assert.Equal(t, want, lasting(d))
	}
}
