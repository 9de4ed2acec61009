package incident_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
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

var (
	kai   = activity.Actor{ID: "kai@contoso.com"}
	start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	tax   = classification.Defender()
)

func command(n int) incident.Command {
	return incident.Command{ID: fmt.Sprint("c", n), By: kai, At: start.Add(time.Duration(n) * time.Minute)}
}

// newAlert makes the n-th alert on a device.
func newAlert(n int, severity alert.Severity, device string) alert.Alert {
	o := alert.Origin{Source: "siem", ID: fmt.Sprint(n)}
	at := start.Add(time.Duration(n) * time.Second)
	return alert.Alert{ID: o.AlertID(), Origin: o, Title: fmt.Sprint("Alert ", n), Severity: severity, Category: "Discovery",
		FirstActivity: at, LastActivity: at, Created: at,
		Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: device, Group: "servers"}}}}
}

func open(t require.TestingT, alerts ...alert.Alert) incident.Case {
	e, err := incident.Create(command(0), "i1", incident.Draft{}, alerts, nil, tax)
	require.NoError(t, err)
	return incident.Case{Incident: e.Incident, Alerts: e.Alerts}
}

// updated returns what UpdateAlert makes of a.
func updated(t require.TestingT, cmd incident.Command, c incident.Case, a alert.Alert) incident.Effect {
	e, err := incident.UpdateAlert(cmd, c, a, nil)
	require.NoError(t, err)
	return e
}

// pane draws an edit as an analyst might make it; many of them are refused.
func pane(t *rapid.T) incident.Edit {
	var e incident.Edit
	maybe := func(name string) bool { return rapid.Bool().Draw(t, name) }
	if maybe("name") {
		e.Name = new(rapid.SampledFrom([]string{"A", "B", ""}).Draw(t, "new name"))
	}
	e.GenerateName = rapid.IntRange(0, 4).Draw(t, "generate") == 0
	if maybe("owner") {
		e.Owner = &incident.Owner{ID: rapid.SampledFrom([]string{"kai", "mona", ""}).Draw(t, "new owner")}
	}
	if maybe("severity") {
		e.Severity = new(alert.Severity(rapid.IntRange(1, 4).Draw(t, "new severity")))
	}
	e.DeriveSeverity = rapid.IntRange(0, 4).Draw(t, "derive") == 0
	e.Recount = rapid.IntRange(0, 4).Draw(t, "recount") == 0
	if maybe("status") {
		e.Status = new(incident.Status(rapid.IntRange(0, 2).Draw(t, "new status")))
	}
	if maybe("note") {
		e.Note = new("because")
	}
	e.AddTags = rapid.SliceOfN(rapid.SampledFrom([]string{"vip", "VIP", "ﬁn", "fin", " x  y ", "T1", "adfs"}), 0, 2).Draw(t, "add")
	e.RemoveTags = rapid.SliceOfN(rapid.SampledFrom([]string{"Vip", "fin", "t1"}), 0, 1).Draw(t, "remove")
	if maybe("verdict") {
		e.Verdict = &classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
	}
	return e
}

// replay folds entries into the incident that they tell of.
func replay(t require.TestingT, entries []activity.Entry) incident.Incident {
	doc := map[string]any{}
	var updated time.Time
	for _, e := range entries {
		updated = e.Time
		for _, c := range e.Changes {
			if e.OfAlert(c) {
				continue // a field of the alert
			}
			at := doc
			path := strings.Split(c.Field, ".")
			for _, step := range path[:len(path)-1] {
				if at[step] == nil {
					at[step] = map[string]any{}
				}
				at = at[step].(map[string]any)
			}
			delete(at, path[len(path)-1])
			if c.After != "" {
				at[path[len(path)-1]] = json.RawMessage(c.After)
			}
		}
	}
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	var i incident.Incident
	require.NoError(t, json.Unmarshal(text, &i))
	i.Updated = updated
	return i
}

// Whatever is done to an incident, its entries tell its state, field by field, the severity is the highest
// of its alerts' unless somebody chose one, and the summary is what its alerts come to.
func TestEntriesTellTheWholeState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, err := incident.Create(command(0), "i1", incident.Draft{}, []alert.Alert{newAlert(0, alert.Low, "d0")}, nil, tax)
		require.NoError(t, err)
		c := incident.Case{Incident: e.Incident, Alerts: e.Alerts}
		log := e.Activity
		for n := range rapid.IntRange(1, 12).Draw(t, "commands") {
			before := c.Incident.Clone()
			var e incident.Effect
			switch rapid.IntRange(0, 3).Draw(t, "command") {
			case 0:
				a := newAlert(n+1, alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity")), rapid.SampledFrom([]string{"d0", "d1", "d2"}).Draw(t, "device"))
				e = incident.AddAlert(command(n+1), c.Incident, a, nil, func(k alert.Key) bool {
					return slices.ContainsFunc(c.Alerts, func(a alert.Alert) bool { return slices.Contains(a.Keys(), k) })
				})
			case 1:
				e, err = incident.AddComment(command(n+1), c.Incident, incident.CommentDraft{Text: "hm"})
				require.NoError(t, err)
			case 2:
				a := c.Alerts[0]
				a.SourceUpdated = start.Add(time.Duration(n+1) * time.Hour)
				a.Severity = alert.Severity(rapid.IntRange(0, 4).Draw(t, "new severity"))
				merged, changed := incident.Repeat(command(1), c.Alerts[0], a)
				require.True(t, changed)
				e = updated(t, command(n+1), c, merged)
			default:
				if e, err = pane(t).Apply(command(n+1), c, tax); err != nil {
					continue
				}
			}
			assert.Equal(t, before, c.Incident, "a rule changed what it was given")
			if e.IsZero() {
				assert.Equal(t, before, e.Incident)
				continue
			}
			log = append(log, e.Activity...)
			c.Incident = e.Incident
			for _, a := range e.Alerts {
				if at := slices.IndexFunc(c.Alerts, func(b alert.Alert) bool { return a.ID == b.ID }); at >= 0 {
					c.Alerts[at] = a
				} else {
					c.Alerts = append(c.Alerts, a)
				}
			}
		}
		want := c.Incident
		want.ID = ""
		assert.Equal(t, want, replay(t, log))
		assert.Equal(t, incident.Summarize(c.Alerts), c.Incident.Alerts)
		if !c.Incident.SeverityOverridden {
			assert.Equal(t, c.Incident.Alerts.BySeverity.Highest(), c.Incident.Severity)
		}
		ids := map[activity.ID]bool{}
		for _, e := range log {
			assert.False(t, ids[e.ID], "entry %s twice", e.ID)
			ids[e.ID] = true
		}
	})
}

// Every field of an incident is one whose changes are logged, or one of the four that need not be.
func TestNoFieldChangesWithoutATrace(t *testing.T) {
	i := incident.Incident{
		ID: "i", Name: "n", Renamed: true, Named: true, Description: "d", Severity: alert.High, SeverityOverridden: true,
		SeverityGiven: true, Priority: 1, Status: incident.Redirected,
		Owner: incident.Owner{ID: "o"}, Tags: []incident.Tag{{Name: "t"}}, Verdict: classification.Verdict{Classification: "c", Determination: "d"},
		Note: "n", Resolved: start, RedirectTo: "r", References: []incident.Reference{{System: "s", ID: "1"}}, Comments: 1, Created: start,
		Alerts: incident.Summary{Count: 1, BySeverity: incident.SeverityCounts{1}, ByStatus: incident.StatusCounts{1}, Assets: incident.AssetCounts{0, 1}, Classified: []incident.Classified{{Classification: "c", Alerts: 1}},
			FirstActivity: start, LastActivity: start, Rarest: 1, Title: "t", Sources: []string{"s"}, DetectionSources: []string{"d"}, Products: []string{"p"},
			Categories: []string{"c"}, Techniques: []string{"t"}, DeviceGroups: []string{"g"}, Platforms: []string{"o"}, Threats: []string{"t"}, ThreatActors: []string{"a"},
			Criticality: alert.LowCriticality, SystemTags: []incident.Tag{{Name: "t", Kind: alert.AttackType}}},
		Extra: `{"x":1}`,
	}
	var paths func(v reflect.Value, prefix string) []string
	paths = func(v reflect.Value, prefix string) (all []string) {
		for n := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(n).Tag.Get("json"), ",")
			switch name {
			case "alerts", "verdict":
				all = append(all, paths(v.Field(n), name+".")...)
			case "id", "version", "number", "updated":
			default:
				require.False(t, v.Field(n).IsZero(), "the test must fill %s", name)
				all = append(all, prefix+name)
			}
		}
		return all
	}
	assert.ElementsMatch(t, paths(reflect.ValueOf(i), ""), incident.LoggedFields())
}

func TestSummaryDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var alerts []alert.Alert
		for n := range rapid.IntRange(0, 8).Draw(t, "alerts") {
			a := newAlert(n, alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity")), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "device"))
			a.SystemTags, a.Evidence[0].Criticality = broughtTags(t), alert.Criticality(rapid.IntRange(0, 4).Draw(t, "criticality"))
			alerts = append(alerts, a)
		}
		require.Equal(t, incident.Summarize(alerts), incident.Summarize(rapid.Permutation(alerts).Draw(t, "order")))
	})
}

// The published names of Defender incidents.
func TestGenerateName(t *testing.T) {
	two := []string{"a", "b"}
	for want, s := range map[string]incident.Summary{
		"Multi-stage incident involving Initial access & Command and control on multiple endpoints reported by multiple sources": {
			Count: 2, Categories: []string{"CommandAndControl", "InitialAccess"}, Assets: incident.AssetCounts{alert.Devices: 2}, Sources: two},
		"Multi-stage incident involving Discovery & Collection reported by multiple sources": {Count: 2, Categories: []string{"Collection", "Discovery"}, Sources: two},
		"Multi-stage incident involving Discovery & Command and control on one endpoint":     {Count: 2, Categories: []string{"CommandAndControl", "Discovery"}, Assets: incident.AssetCounts{alert.Devices: 1}},
		"Multi-stage incident on multiple endpoints reported by multiple sources":            {Count: 2, Categories: []string{"None"}, Assets: incident.AssetCounts{alert.Devices: 3}, Sources: two},
		"'Mimikatz' hacktool was detected on one endpoint":                                   {Count: 1, Title: "'Mimikatz' hacktool was detected", Assets: incident.AssetCounts{alert.Devices: 1}},
		"'Dirtelti' backdoor was prevented on multiple endpoints":                            {Count: 4, Title: "'Dirtelti' backdoor was prevented", Assets: incident.AssetCounts{alert.Devices: 2}},
		"Automated investigation started manually on one endpoint":                           {Count: 1, Title: "Automated investigation started manually", Assets: incident.AssetCounts{alert.Devices: 1}},
		"DLP policy (Custom policy) matched for email with subject (Report) involving one user": {
			Count: 1, Title: "DLP policy (Custom policy) matched for email with subject (Report)", Assets: incident.AssetCounts{alert.Users: 1}},
		"Ransomware activity":                        {Count: 1, Title: "Ransomware activity"},
		"Email reported by user as malware or phish": {Count: 1, Title: "Email reported by user as malware or phish"},
		"Incident without alerts":                    {},
	} {
		assert.Equal(t, want, incident.GenerateName(s))
	}
}

// Names speak of the tactics of ATT&CK v19 at the place of the older one, and take the two names of one for one stage.
func TestGenerateNameOfNewerTactics(t *testing.T) {
	for _, n := range []struct {
		categories []string
		involving  string
	}{
		{[]string{"DefenseEvasion", "Stealth"}, ""},
		{[]string{"DefenseEvasion", "Malware", "Stealth", "Unknown"}, " involving Stealth & Malware"},
		{[]string{"Collection", "DefenseEvasion", "DefenseImpairment"}, " involving Defense impairment & Collection"},
		{[]string{"DefenseEvasion", "DefenseImpairment", "Stealth"}, " involving Stealth & Defense impairment"},
		{[]string{"Execution", "Stealth"}, " involving Execution & Stealth"},
		{[]string{"Discovery", "Stealth"}, " involving Stealth & Discovery"},
		{[]string{"TA0002", "TA0005", "collection"}, " involving Execution & Collection"},
		{[]string{"InitialAccess", "Phishing", "initial access"}, " involving Initial access & Phishing"},
	} {
		got := incident.GenerateName(incident.Summary{Count: 2, Categories: n.categories})
		assert.Equal(t, "Multi-stage incident"+n.involving, got)
	}
}

func TestResolvingTakesTheAlertsAlong(t *testing.T) {
	c := open(t, newAlert(0, alert.Low, "a"), newAlert(1, alert.High, "b"))
	e, err := incident.Edit{Status: new(incident.Resolved), Note: new("done"), Owner: &incident.Owner{ID: "kai"}}.Apply(command(1), c, tax)
	require.NoError(t, err)
	assert.Equal(t, "done", e.Incident.Note)
	assert.Equal(t, command(1).At, e.Incident.Resolved)
	require.Len(t, e.Alerts, 2)
	for _, a := range e.Alerts {
		assert.Equal(t, alert.StatusResolved, a.Status)
		assert.Equal(t, "kai", a.Owner.ID)
	}
	types := map[activity.Type]int{}
	for _, entry := range e.Activity {
		types[entry.Type]++
		assert.Equal(t, "c1", entry.Cause)
	}
	assert.Equal(t, map[activity.Type]int{activity.StatusChanged: 1, activity.Assigned: 1, activity.AlertStatus: 2, activity.AlertAssigned: 2}, types)

	again, err := incident.Edit{Status: new(incident.InProgress)}.Apply(command(2), incident.Case{Incident: e.Incident}, tax)
	require.NoError(t, err)
	assert.Empty(t, again.Incident.Note)
	assert.Zero(t, again.Incident.Resolved)
	assert.Empty(t, again.Alerts, "reopening leaves the alerts")
}

func TestEditNamesEveryProblem(t *testing.T) {
	c := open(t)
	_, err := incident.Edit{Name: new(" "), Status: new(incident.Redirected), Severity: new(alert.Unrated), Note: new("x"),
		AddTags: []string{""}, Verdict: &classification.Verdict{Classification: "x"}}.Apply(command(1), c, tax)
	require.ErrorIs(t, err, alert.ErrInvalid)
	require.ErrorIs(t, err, classification.ErrUnknown)
	for _, field := range []string{"name", "status", "severity", "note", "addTags", "x"} {
		assert.ErrorContains(t, err, field)
	}
	_, err = incident.AddComment(command(1), c.Incident, incident.CommentDraft{Text: strings.Repeat("ä", incident.MaxComment+1)})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	_, err = incident.AddComment(command(1), c.Incident, incident.CommentDraft{Text: strings.Repeat("ä", incident.MaxComment)})
	assert.NoError(t, err)
}

func FuzzCursor(f *testing.F) {
	text, _ := incident.Query{Sort: incident.ByName}.CursorAfter(incident.Incident{Name: "n", Number: 3}).MarshalText()
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var c incident.Cursor
		if err := c.UnmarshalText(text); err != nil {
			require.ErrorIs(t, err, incident.ErrCursor)
			return
		}
		canonical, err := c.MarshalText()
		if err != nil {
			return // a sort this package does not know
		}
		var again incident.Cursor
		require.NoError(t, again.UnmarshalText(canonical))
		require.Equal(t, c, again)
	})
}

// A place that no incident can have in an order is no cursor, whoever made it up.
func TestCursorOfNoIncidentIsRefused(t *testing.T) {
	for _, made := range []string{
		`{"s":"updated","t":"eA==","n":1}`, `{"s":"created","u":1,"n":1}`, `{"s":"severity","t":"eA==","n":1}`,
		`{"s":"owner","r":1,"n":1}`, `{"s":"name","u":1,"n":1}`, `{"s":"number","r":1,"n":1}`,
	} {
		var c incident.Cursor
		require.ErrorIs(t, c.UnmarshalText([]byte(base64.RawURLEncoding.EncodeToString([]byte(made)))), incident.ErrCursor, made)
	}
}

func TestFoldIsCaseAndFormBlind(t *testing.T) {
	for a, b := range map[string]string{"STRASSE": "Straße", "ﬁn": "FIN", "e\u0301": "\u00c9", "ABC": "abc"} {
		assert.Equal(t, incident.Fold(a), incident.Fold(b))
	}
}
