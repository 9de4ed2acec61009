package incident_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// anyAlert draws the n-th alert, with something in every field.
func anyAlert(t *rapid.T, n int) alert.Alert {
	text := func(what string) string {
		return rapid.SampledFrom([]string{"", "a", "b", "c", `"`, `\`, "<", ">", "&", "ü", "\n", "\x7f"}).Draw(t, what)
	}
	texts := func(what string) []string {
		return rapid.SliceOfN(rapid.SampledFrom([]string{"T3", "T1", "T2", ""}), 0, 3).Draw(t, what)
	}
	seconds := func(what string) time.Time {
		return start.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, what))*time.Second + time.Microsecond)
	}
	o := alert.Origin{Source: rapid.SampledFrom([]string{"siem", "edr"}).Draw(t, "source"), ID: fmt.Sprint(n)}
	a := alert.Alert{
		ID: o.AlertID(), Origin: o, Product: text("product"), DetectionSource: text("sensor"), Title: text("title"), Description: text("description"),
		RecommendedActions: text("actions"), Category: text("category"), Techniques: texts("techniques"), Actor: text("actor"), Threat: text("threat"),
		ThreatFamily: text("family"), URL: text("url"), Severity: alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity")),
		Status: alert.Status(rapid.IntRange(0, 2).Draw(t, "status")), Owner: alert.Owner{Kind: alert.OwnerKind(rapid.IntRange(0, 1).Draw(t, "kind")), ID: text("owner"), Name: text("name")},
		Tags: texts("tags"), FirstActivity: seconds("first"), LastActivity: seconds("last"), Created: seconds("created"), SourceUpdated: seconds("updated"),
		Extra: alert.Fields(rapid.SampledFrom([]string{"", `{"x":1}`}).Draw(t, "extra")),
	}
	if rapid.Bool().Draw(t, "judged") {
		a.Verdict = classification.Verdict{Classification: rapid.SampledFrom([]classification.Classification{classification.TruePositive, classification.FalsePositive}).Draw(t, "classification"), Determination: classification.Other}
	}
	if a.Status == alert.StatusResolved {
		a.Resolved = a.LastActivity
	}
	for _, e := range rapid.SliceOfN(rapid.SampledFrom([]alert.Entity{
		alert.Device{DeviceID: "d1", Group: "servers", OS: "Windows11"}, alert.Device{DeviceID: "d1", Group: "laptops", OS: "iOS"}, alert.Device{DeviceID: "d2"},
		alert.User{UPN: "u1"}, alert.User{UPN: "u2"}, alert.Mailbox{Address: "m1"}, alert.App{AppID: 1}, alert.CloudResource{ID: "r1"},
		alert.IP{Address: "203.0.113.9"}, alert.File{SHA256: "f"},
	}), 0, 4).Draw(t, "evidence") {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e, Criticality: alert.Criticality(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 4}).Draw(t, "criticality"))})
	}
	a.SystemTags = broughtTags(t)
	a.Seen = rapid.IntRange(0, alert.MaxSeen).Draw(t, "seen")
	return a
}

// broughtTags draws tags as rules bring them: the same names in several spellings and kinds, some of which people
// use too.
func broughtTags(t *rapid.T) []alert.Tag {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) alert.Tag {
		return alert.Tag{Name: rapid.SampledFrom([]string{"t0", "t1", "T1", "ADFS", "Straße", "STRASSE", "<&>"}).Draw(t, "name"),
			Kind: alert.TagKind(rapid.IntRange(int(alert.AttackType), int(alert.CriticalAsset)).Draw(t, "kind"))}
	}), 0, 2, func(tag alert.Tag) string { return incident.Fold(tag.Name) }).Draw(t, "brought")
}

// The summary is what one would count by hand, each asset and each value once.
func TestSummaryIsWhatTheAlertsComeTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var alerts []alert.Alert
		for n := range rapid.IntRange(0, 6).Draw(t, "alerts") {
			alerts = append(alerts, anyAlert(t, n))
		}
		var want incident.Summary
		titles, assets := map[string]bool{}, map[alert.Key]alert.AssetGroup{}
		verdicts := map[classification.Classification]int{}
		lists := map[*[]string]map[string]bool{}
		note := func(list *[]string, values ...string) {
			if lists[list] == nil {
				lists[list] = map[string]bool{}
			}
			for _, v := range values {
				if v != "" {
					lists[list][v] = true
				}
			}
		}
		for _, a := range alerts {
			want.Count++
			if want.Count == 1 || a.Seen < want.Rarest {
				want.Rarest = a.Seen
			}
			want.BySeverity[a.Severity]++
			if c := a.Verdict.Classification; c != "" {
				verdicts[c]++
			}
			want.ByStatus[a.Status]++
			if want.Count == 1 || a.FirstActivity.Before(want.FirstActivity) {
				want.FirstActivity = a.FirstActivity
			}
			if want.Count == 1 || a.LastActivity.After(want.LastActivity) {
				want.LastActivity = a.LastActivity
			}
			titles[a.Title] = true
			want.Title = a.Title
			note(&want.Sources, a.Origin.Source)
			note(&want.DetectionSources, a.DetectionSource)
			note(&want.Products, a.Product)
			note(&want.Categories, a.Category)
			note(&want.Threats, a.Threat, a.ThreatFamily)
			note(&want.ThreatActors, a.Actor)
			note(&want.Techniques, a.Techniques...)
			for _, e := range a.Evidence {
				if d, ok := e.Entity.(alert.Device); ok {
					note(&want.DeviceGroups, d.Group)
					note(&want.Platforms, d.OS)
				}
				want.Criticality = max(want.Criticality, e.Criticality)
				if g := e.Entity.Kind().Asset(); g != alert.NotAsset {
					assets[alert.Identity(e.Entity)] = g
				}
			}
		}
		for _, c := range slices.Sorted(maps.Keys(verdicts)) {
			want.Classified = append(want.Classified, incident.Classified{Classification: c, Alerts: verdicts[c]})
		}
		if len(titles) > 1 {
			want.Title = ""
		}
		first := map[string]alert.Tag{}
		for _, a := range alerts {
			for _, tag := range a.SystemTags {
				have, ok := first[incident.Fold(tag.Name)]
				if !ok || tag.Name < have.Name || tag.Name == have.Name && tag.Kind < have.Kind {
					first[incident.Fold(tag.Name)] = tag
				}
			}
		}
		want.SystemTags = slices.SortedFunc(maps.Values(first), func(a, b alert.Tag) int { return strings.Compare(a.Name, b.Name) })
		for _, g := range assets {
			want.Assets[g]++
		}
		for list, values := range lists {
			*list = slices.Sorted(maps.Keys(values))
		}
		require.Equal(t, want, incident.Summarize(alerts))
		require.Equal(t, len(assets), want.Assets.Total())
	})
}

func TestHighestSeverity(t *testing.T) {
	assert.Equal(t, alert.Unrated, incident.SeverityCounts{alert.Unrated: 3}.Highest())
	for s := alert.Informational; s <= alert.High; s++ {
		counts := incident.SeverityCounts{alert.Unrated: 1}
		for lower := alert.Informational; lower <= s; lower++ {
			counts[lower] = 2
		}
		assert.Equal(t, s, counts.Highest())
	}
}

// Counts are objects that name what there is; reading one takes nothing from what was there before, and
// names nobody knows are refused.
func TestCountsAsJSON(t *testing.T) {
	counts := incident.SeverityCounts{alert.Low: 2, alert.High: 1}
	text, err := json.Marshal(counts)
	require.NoError(t, err)
	assert.Equal(t, `{"low":2,"high":1}`, string(text))
	read := incident.SeverityCounts{alert.Medium: 7}
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, counts, read)
	for _, counts := range []any{new(incident.SeverityCounts), new(incident.StatusCounts), new(incident.AssetCounts)} {
		assert.ErrorIs(t, json.Unmarshal([]byte(`{"dreadful":1}`), counts), alert.ErrInvalid)
	}
}

// Two changes of one incident do not share what they add to its lists.
func TestEffectsShareNoMemory(t *testing.T) {
	add := func(c incident.Case, n int, category string) incident.Effect {
		a := newAlert(n, alert.Low, "d")
		a.Category = category
		return incident.AddAlert(command(n), c.Incident, a, nil, func(alert.Key) bool { return true })
	}
	c := open(t)
	for n, category := range []string{"m", "n", "o"} { // an array of three has room for a fourth
		c.Incident = add(c, n, category).Incident
	}
	first := add(c, 3, "a").Incident
	add(c, 4, "b")
	assert.Equal(t, []string{"a", "m", "n", "o"}, first.Alerts.Categories)
	assert.Equal(t, []string{"m", "n", "o"}, c.Incident.Alerts.Categories)

	clone := c.Incident.Clone()
	_ = append(clone.Alerts.Sources, "grown into the next list")
	assert.Equal(t, c.Incident, clone)
	for _, list := range [][]string{clone.Alerts.Categories, clone.Alerts.Sources, clone.Alerts.DeviceGroups} {
		list[0] = "changed"
	}
	assert.Equal(t, []string{"m", "n", "o"}, c.Incident.Alerts.Categories)
	assert.Equal(t, []string{"siem"}, c.Incident.Alerts.Sources)
	assert.Equal(t, []string{"servers"}, c.Incident.Alerts.DeviceGroups)
}

func TestAddingAnAlert(t *testing.T) {
	c := open(t, newAlert(1, alert.Low, "a"))
	a := newAlert(2, alert.High, "b")
	a.Title = "Worse"
	links := []activity.Link{{Reason: activity.SameAsset, Entity: "device:b"}}
	e := incident.AddAlert(command(5), c.Incident, a, links, func(alert.Key) bool { return false })
	require.Len(t, e.Alerts, 1)
	assert.EqualValues(t, "i1", e.Alerts[0].Incident)
	assert.Equal(t, command(5).At, e.Alerts[0].Updated)
	assert.Equal(t, command(5).At, e.Incident.Updated)
	assert.Equal(t, alert.High, e.Incident.Severity)
	assert.Equal(t, incident.AssetCounts{alert.Devices: 2}, e.Incident.Alerts.Assets)
	added := e.Activity[0]
	assert.Equal(t, activity.AlertAdded, added.Type)
	assert.Equal(t, a.ID, added.Alert)
	assert.Equal(t, "Worse", added.Text)
	assert.Equal(t, links, added.Links)
}

// Two sources may use the same number for an alert: only the one that is meant is changed.
func TestUpdatingOneOfTwoAlertsWithTheSameNumber(t *testing.T) {
	a, b := newAlert(1, alert.Low, "a"), newAlert(1, alert.Low, "b")
	b.Origin.Source = "edr"
	b.ID = b.Origin.AlertID()
	c := open(t, a, b)
	changed := c.Alerts[1]
	changed.Severity = alert.High
	e := updated(t, command(1), c, changed)
	require.Len(t, e.Alerts, 1)
	assert.Equal(t, b.ID, e.Alerts[0].ID)
	assert.Equal(t, command(1).At, e.Alerts[0].Updated)
	assert.Equal(t, incident.SeverityCounts{alert.Low: 1, alert.High: 1}, e.Incident.Alerts.BySeverity)

	c.Incident.Alerts.Sources = nil // whatever is stored, nothing changed is nothing to do
	same := updated(t, command(1), c, c.Alerts[0])
	assert.True(t, same.IsZero())
	assert.Equal(t, c.Incident, same.Incident)
}

func TestRepeatLeavesWhatPeopleDid(t *testing.T) {
	here, there := alert.Owner{ID: "kai"}, alert.Owner{ID: "mona"}
	malware := classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
	benign := classification.Verdict{Classification: classification.FalsePositive}
	repeat := func(change func(old, again *alert.Alert)) alert.Alert {
		old, again := newAlert(1, alert.Low, "a"), newAlert(1, alert.Low, "a")
		again.SourceUpdated = start.Add(time.Hour)
		change(&old, &again)
		merged, _ := incident.Repeat(command(1), old, again)
		return merged
	}
	for _, c := range []struct{ old, again, want alert.Owner }{{here, there, here}, {here, alert.Owner{}, here}, {alert.Owner{}, there, there}} {
		assert.Equal(t, c.want, repeat(func(old, again *alert.Alert) { old.Owner, again.Owner = c.old, c.again }).Owner)
	}
	for _, c := range []struct{ old, again, want classification.Verdict }{{malware, benign, malware}, {malware, classification.Verdict{}, malware}, {classification.Verdict{}, benign, benign}} {
		assert.Equal(t, c.want, repeat(func(old, again *alert.Alert) { old.Verdict, again.Verdict = c.old, c.again }).Verdict)
	}
	// Where it is remembered what the source said before, it is seen who has changed what.
	first := alert.Owner{ID: "first"}
	for name, c := range map[string]struct {
		said, old alert.Owner
		updated   time.Time // here
		want      alert.Owner
	}{
		"changed there only":                 {said: first, old: first, want: there},
		"changed here only":                  {said: there, old: here, want: here},
		"changed there, and here before":     {said: first, old: here, updated: start, want: there},
		"changed there, and here since":      {said: first, old: here, updated: start.Add(2 * time.Hour), want: here},
		"taken away here, the same there":    {said: there, want: alert.Owner{}},
		"taken away here, and changed later": {said: first, updated: start, want: there},
	} {
		old, again := newAlert(1, alert.Low, "a"), newAlert(1, alert.Low, "a")
		again.SourceUpdated, old.Updated, old.Owner, again.Owner = start.Add(time.Hour), c.updated, c.old, there
		cmd := command(1)
		cmd.Said = map[alert.ID]incident.Said{old.ID: {Owner: c.said}}
		merged, _ := incident.Repeat(cmd, old, again)
		assert.Equal(t, c.want, merged.Owner, name)
		verdict := func(o alert.Owner) classification.Verdict {
			return classification.Verdict{Classification: classification.Classification(o.ID)}
		}
		old.Verdict, again.Verdict, old.Owner, again.Owner = verdict(c.old), verdict(there), alert.Owner{}, alert.Owner{}
		cmd.Said[old.ID] = incident.Said{Verdict: verdict(c.said)}
		merged, _ = incident.Repeat(cmd, old, again)
		assert.Equal(t, verdict(c.want), merged.Verdict, name)
	}
	for old := alert.StatusNew; old <= alert.StatusResolved; old++ {
		for again := alert.StatusNew; again <= alert.StatusResolved; again++ {
			merged := repeat(func(o, a *alert.Alert) {
				o.Status, a.Status = old, again
				if old == alert.StatusResolved {
					o.Resolved = start.Add(time.Minute)
				}
				if again == alert.StatusResolved {
					a.Resolved = start.Add(2 * time.Minute)
				}
			})
			assert.Equal(t, max(old, again), merged.Status)
			switch {
			case old == alert.StatusResolved:
				assert.Equal(t, start.Add(time.Minute), merged.Resolved)
			case again == alert.StatusResolved:
				assert.Equal(t, start.Add(2*time.Minute), merged.Resolved)
			default:
				assert.Zero(t, merged.Resolved)
			}
		}
	}
}

// Every field of an alert that its source may change makes a repeat a change, and is logged.
func TestNoFieldOfAnAlertChangesUnnoticed(t *testing.T) {
	managed := []string{"ID", "Version", "Incident", "Origin", "Updated", "Received",
		"Repeated", "Repeats", "Seen", "Standalone", "Edited"}
	types := map[string]activity.Type{"Status": activity.AlertStatus, "Resolved": activity.AlertStatus, "Owner": activity.AlertAssigned}
	full := alert.Alert{Product: "x", DetectionSource: "x", Title: "x", Description: "x", RecommendedActions: "x", Category: "x", Techniques: []string{"x"},
		Actor: "x", Threat: "x", ThreatFamily: "x", URL: "x", Severity: alert.High, Status: alert.StatusResolved,
		SourceStatus: alert.StatusResolved, Owner: alert.Owner{ID: "x"},
		Verdict: classification.Verdict{Classification: classification.TruePositive}, Tags: []string{"x"}, SystemTags: []alert.Tag{{Name: "x", Kind: alert.Experts}},
		Evidence: []alert.Evidence{{Entity: alert.URL{URL: "x"}}}, FirstActivity: start.Add(time.Hour), LastActivity: start.Add(time.Hour),
		Created: start.Add(time.Hour), SourceUpdated: start.Add(time.Hour), Resolved: start.Add(time.Hour), Extra: `{"x":1}`}
	for n := range reflect.TypeFor[alert.Alert]().NumField() {
		name := reflect.TypeFor[alert.Alert]().Field(n).Name
		if slices.Contains(managed, name) {
			continue
		}
		c := open(t, alert.Alert{ID: "siem:1", Origin: alert.Origin{Source: "siem", ID: "1"}})
		again := c.Alerts[0]
		given := reflect.ValueOf(full).Field(n)
		require.False(t, given.IsZero(), "the test must fill %s", name)
		reflect.ValueOf(&again).Elem().Field(n).Set(given)
		e := updated(t, command(1), c, again)
		require.Len(t, e.Alerts, 1, name)
		entry := e.Activity[len(e.Activity)-1]
		want := types[name]
		if want == activity.Unspecified {
			want = activity.AlertUpdated
		}
		assert.Equal(t, want, entry.Type, name)
		assert.Equal(t, again.ID, entry.Alert, name)
		if name == "Resolved" || name == "SourceStatus" {
			continue // comes with the status
		}
		_, changed := incident.Repeat(command(1), c.Alerts[0], again)
		assert.True(t, changed, name)
	}
}

// A document is the JSON of a record.
type document map[string]json.RawMessage

func documentOf(t require.TestingT, record any) (d document) {
	text, err := json.Marshal(record)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	for _, name := range []string{"alerts", "verdict"} { // the fields of these are logged one by one
		var inner document
		if d[name] != nil {
			require.NoError(t, json.Unmarshal(d[name], &inner))
		}
		for field, text := range inner {
			d[name+"."+field] = text
		}
	}
	return d
}

// value returns the JSON of a field, "" for a zero.
func (d document) value(path string) activity.Value {
	text := string(d[path])
	if slices.Contains([]string{`""`, `0`, `false`, `null`, `{}`, `[]`, `"0001-01-01T00:00:00Z"`}, text) {
		return ""
	}
	return activity.Value(text)
}

// The entries of a command are just the difference it makes: each field that changed, once, with what it
// was and what it is, of the incident and of each alert.
func TestEntriesAreTheDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var alerts []alert.Alert
		for n := range rapid.IntRange(1, 3).Draw(t, "alerts") {
			alerts = append(alerts, anyAlert(t, n))
		}
		c := open(t, alerts...)
		for n := range rapid.IntRange(1, 6).Draw(t, "commands") {
			var e incident.Effect
			switch rapid.IntRange(0, 2).Draw(t, "command") {
			case 0:
				e = incident.AddAlert(command(n+1), c.Incident, anyAlert(t, 10+n), nil, func(k alert.Key) bool {
					return slices.ContainsFunc(c.Alerts, func(a alert.Alert) bool { return slices.Contains(a.Keys(), k) })
				})
			case 1:
				at := rapid.IntRange(0, len(c.Alerts)-1).Draw(t, "alert")
				again := anyAlert(t, at)
				again.SourceUpdated = start.Add(time.Duration(n+1) * time.Hour)
				merged, _ := incident.Repeat(command(1), c.Alerts[at], again)
				e = updated(t, command(n+1), c, merged)
			default:
				edit := pane(t)
				if rapid.Bool().Draw(t, "odd") {
					edit.Description, edit.Owner = new("a\tb"), &incident.Owner{Kind: alert.GroupOwner, ID: "a b", Name: "\u2028"}
				}
				var err error
				if e, err = edit.Apply(command(n+1), c, tax); err != nil {
					continue
				}
			}
			was, is := documentOf(t, c.Incident), documentOf(t, e.Incident)
			told := map[string]bool{}
			for _, entry := range e.Activity {
				require.Equal(t, command(n+1).At, entry.Time)
				require.Equal(t, c.Incident.ID, entry.Incident)
				for _, change := range entry.Changes {
					before, after := was, is
					about := ""
					if entry.OfAlert(change) {
						same := func(a alert.Alert) bool { return a.ID == entry.Alert }
						before = documentOf(t, c.Alerts[slices.IndexFunc(c.Alerts, same)])
						after = documentOf(t, e.Alerts[slices.IndexFunc(e.Alerts, same)])
						about = string(entry.Alert)
					}
					require.False(t, told[about+" "+change.Field], "%s twice", change.Field)
					told[about+" "+change.Field] = true
					if change.Field == "evidence" {
						continue // of evidence only the number is told
					}
					require.Equal(t, before.value(change.Field), change.Before, change.Field)
					require.Equal(t, after.value(change.Field), change.After, change.Field)
					require.True(t, change.Before != change.After, change.Field)
				}
			}
			for _, path := range incident.LoggedFields() {
				if was.value(path) != is.value(path) {
					require.True(t, told[" "+path], "%s changed", path)
				}
			}
			s := archive{Case: c}
			s.keep(e)
			c = s.Case
			requireTags(t, c.Incident)
		}
	})
}

// Which kind of entry tells of which field.
func TestWhatAnEditIsCalledInTheLog(t *testing.T) {
	c := open(t)
	for want, e := range map[activity.Type]incident.Edit{
		activity.Renamed:         {Name: new("n")},
		activity.Described:       {Description: new("d")},
		activity.SeverityChanged: {Severity: new(alert.High)},
		activity.StatusChanged:   {Status: new(incident.InProgress)},
		activity.Assigned:        {Owner: &incident.Owner{ID: "kai"}},
		activity.TagsChanged:     {AddTags: []string{"vip"}},
		activity.Classified:      {Verdict: &classification.Verdict{Classification: classification.FalsePositive}},
	} {
		effect, err := e.Apply(command(1), c, tax)
		require.NoError(t, err)
		require.Len(t, effect.Activity, 1)
		entry := effect.Activity[0]
		assert.Equal(t, want, entry.Type)
		assert.Equal(t, kai, entry.Actor)
		assert.Equal(t, "c1", entry.Cause)
		assert.EqualValues(t, "c1/0", entry.ID)
		assert.Empty(t, entry.Alert)
	}
}

// Names and severities are chosen or derived, and one can go back.
func TestGoingBackToTheDerived(t *testing.T) {
	c := open(t, newAlert(1, alert.Low, "a"))
	generated := c.Incident.Name
	apply := func(e incident.Edit) incident.Incident {
		t.Helper()
		effect, err := e.Apply(command(1), c, tax)
		require.NoError(t, err)
		c.Incident = effect.Incident
		return c.Incident
	}
	i := apply(incident.Edit{Name: new("ours"), Severity: new(alert.High)})
	assert.True(t, i.Renamed)
	assert.True(t, i.SeverityOverridden)
	add := incident.AddAlert(command(2), i, newAlert(2, alert.Medium, "a"), nil, func(alert.Key) bool { return true })
	assert.Equal(t, "ours", add.Incident.Name)
	assert.Equal(t, alert.High, add.Incident.Severity)
	i = apply(incident.Edit{GenerateName: true, DeriveSeverity: true})
	assert.False(t, i.Renamed)
	assert.False(t, i.SeverityOverridden)
	assert.Equal(t, generated, i.Name)
	assert.Equal(t, alert.Low, i.Severity)
}

func TestResolvingTwiceKeepsTheFirstTime(t *testing.T) {
	c := open(t, newAlert(1, alert.Low, "a"))
	first, err := incident.Edit{Status: new(incident.Resolved), Note: new("done")}.Apply(command(1), c, tax)
	require.NoError(t, err)
	c = incident.Case{Incident: first.Incident, Alerts: first.Alerts}
	again, err := incident.Edit{Status: new(incident.Resolved)}.Apply(command(2), c, tax)
	require.NoError(t, err)
	assert.True(t, again.IsZero())
	assert.Equal(t, command(1).At, again.Incident.Resolved)
	assert.Equal(t, "done", again.Incident.Note)
	cleared, err := incident.Edit{Note: new("")}.Apply(command(2), c, tax)
	require.NoError(t, err)
	assert.Empty(t, cleared.Incident.Note)
	reopened, err := incident.Edit{Status: new(incident.Active), Note: new("")}.Apply(command(2), c, tax)
	require.NoError(t, err, "an empty note needs no status")
	assert.Zero(t, reopened.Incident.Resolved)
}

func TestTagsOfAnEdit(t *testing.T) {
	c := open(t)
	c.Incident.Tags = []incident.Tag{{Name: "ransomware", Kind: alert.SystemTag}, {Name: "two words"}}
	e, err := incident.Edit{RemoveTags: []string{" TWO \n words", "Ransomware", "never there"}, AddTags: []string{"new", "\te\u0301 "}}.Apply(command(1), c, tax)
	require.NoError(t, err)
	assert.Equal(t, []incident.Tag{{Name: "new"}, {Name: "ransomware", Kind: alert.SystemTag}, {Name: "é"}}, e.Incident.Tags)

	d := incident.Draft{Reference: theirs}
	s := imported(t, d)
	d.Reference.Updated, d.Tags = start.Add(time.Hour), []incident.Tag{{Name: " X ", Kind: alert.SystemTag}}
	assert.Equal(t, []incident.Tag{{Name: "X", Kind: alert.SystemTag}}, s.update(t, 1, d).Incident.Tags)
}

func TestAnIncidentThatWasMergedAwayIsLeftAlone(t *testing.T) {
	c := open(t)
	c.Incident.Status, c.Incident.RedirectTo = incident.Redirected, "i2"
	_, err := incident.Edit{AddTags: []string{"x"}}.Apply(command(1), c, tax)
	require.ErrorIs(t, err, incident.ErrRedirected)
	assert.ErrorContains(t, err, "i2")
	_, err = incident.AddComment(command(1), c.Incident, incident.CommentDraft{Text: "x"})
	assert.ErrorIs(t, err, incident.ErrRedirected)
}

// many is n different tags.
func many(n int) (tags []string) {
	for k := range n {
		tags = append(tags, fmt.Sprint("tag ", k))
	}
	return tags
}

func TestLimitsOfAnEdit(t *testing.T) {
	c := open(t)
	for _, name := range many(2) {
		c.Incident.Tags = append(c.Incident.Tags, incident.Tag{Name: name})
	}
	resolved := c
	resolved.Incident.Status = incident.Resolved
	long := func(n int) *string { return new(strings.Repeat("ä", n)) }
	for _, limit := range []struct {
		field      string
		at, beyond incident.Edit
	}{
		{"name", incident.Edit{Name: long(incident.MaxName)}, incident.Edit{Name: long(incident.MaxName + 1)}},
		{"name", incident.Edit{Name: new("x")}, incident.Edit{Name: new("\xff")}},
		{"description", incident.Edit{Description: long(incident.MaxComment)}, incident.Edit{Description: long(incident.MaxComment + 1)}},
		{"note", incident.Edit{Note: long(incident.MaxComment)}, incident.Edit{Note: long(incident.MaxComment + 1)}},
		{"addTags", incident.Edit{AddTags: []string{*long(incident.MaxTag)}}, incident.Edit{AddTags: []string{*long(incident.MaxTag + 1)}}},
		{"addTags", incident.Edit{AddTags: many(incident.MaxTags)}, incident.Edit{AddTags: many(incident.MaxTags + 1)}},
		{"addTags", incident.Edit{AddTags: many(incident.MaxTags)[2:]}, incident.Edit{AddTags: many(incident.MaxTags + 1)[2:]}},
		{"addTags", incident.Edit{RemoveTags: []string{"TAG 1 "}, AddTags: append(many(incident.MaxTags)[2:], "x")}, incident.Edit{AddTags: append(many(incident.MaxTags), "x")}},
		{"owner.id", incident.Edit{Owner: &incident.Owner{ID: *long(incident.MaxName)}}, incident.Edit{Owner: &incident.Owner{ID: *long(incident.MaxName + 1)}}},
		{"owner.id", incident.Edit{Owner: &incident.Owner{}}, incident.Edit{Owner: &incident.Owner{Name: "nobody"}}},
		{"owner.kind", incident.Edit{Owner: &incident.Owner{Kind: alert.GroupOwner, ID: "x"}}, incident.Edit{Owner: &incident.Owner{Kind: alert.GroupOwner + 1, ID: "x"}}},
		{"severity", incident.Edit{Severity: new(alert.High)}, incident.Edit{Severity: new(alert.High + 1)}},
		{"severity", incident.Edit{Severity: new(alert.Informational)}, incident.Edit{Severity: new(alert.Unrated)}},
		{"deriveSeverity", incident.Edit{DeriveSeverity: true}, incident.Edit{DeriveSeverity: true, Severity: new(alert.Low)}},
		{"generateName", incident.Edit{GenerateName: true}, incident.Edit{GenerateName: true, Name: new("x")}},
		{"status", incident.Edit{Status: new(incident.Resolved)}, incident.Edit{Status: new(incident.Redirected)}},
	} {
		_, err := limit.at.Apply(command(1), resolved, tax)
		assert.NoError(t, err, limit.field)
		_, err = limit.beyond.Apply(command(1), resolved, tax)
		require.ErrorIs(t, err, alert.ErrInvalid, limit.field)
		problem, ok := errorFor(err, limit.field)
		require.True(t, ok, "%s in %v", limit.field, err)
		assert.Equal(t, "incident i1", problem.Record)
	}
	_, err := incident.Edit{Note: new("x")}.Apply(command(1), c, tax)
	_, ok := errorFor(err, "note")
	assert.True(t, ok, "a note needs the status resolved")
}

// errorFor returns the problem with a field among those that were reported.
func errorFor(err error, field string) (*alert.FieldError, bool) {
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		if problem, ok := err.(*alert.FieldError); ok && problem.Field == field {
			return problem, true
		}
	}
	return nil, false
}

func TestLimitsOfADraft(t *testing.T) {
	long := func(n int) string { return strings.Repeat("ä", n) }
	tags := func(n int) (tags []incident.Tag) {
		for _, name := range many(n) {
			tags = append(tags, incident.Tag{Name: name})
		}
		return tags
	}
	comment := func(n int) []incident.Comment { return []incident.Comment{{By: "dave", Text: long(n)}} }
	target := incident.Reference{System: "theirs", ID: "8"}
	for _, limit := range []struct {
		field      string
		at, beyond incident.Draft
	}{
		{"name", incident.Draft{Name: long(incident.MaxName)}, incident.Draft{Name: long(incident.MaxName + 1)}},
		{"description", incident.Draft{Description: long(incident.MaxComment)}, incident.Draft{Description: long(incident.MaxComment + 1)}},
		{"note", incident.Draft{Note: long(incident.MaxComment)}, incident.Draft{Note: long(incident.MaxComment + 1)}},
		{"severity", incident.Draft{Severity: alert.High}, incident.Draft{Severity: alert.High + 1}},
		{"status", incident.Draft{Status: incident.Redirected, RedirectTo: target}, incident.Draft{Status: incident.Redirected + 1}},
		{"redirectTo", incident.Draft{Status: incident.Redirected, RedirectTo: target}, incident.Draft{RedirectTo: target}},
		{"tags", incident.Draft{Tags: tags(incident.MaxTags)}, incident.Draft{Tags: tags(incident.MaxTags + 1)}},
		{"tags", incident.Draft{Tags: []incident.Tag{{Name: " " + long(incident.MaxTag) + " "}}}, incident.Draft{Tags: []incident.Tag{{Name: long(incident.MaxTag + 1)}}}},
		{"comments.text", incident.Draft{Comments: comment(incident.MaxComment)}, incident.Draft{Comments: comment(incident.MaxComment + 1)}},
	} {
		limit.at.Reference, limit.beyond.Reference = theirs, theirs
		_, err := incident.Create(command(1), "i1", limit.at, nil, nil, tax)
		assert.NoError(t, err, limit.field)
		_, err = incident.Create(command(1), "i1", limit.beyond, nil, nil, tax)
		require.ErrorIs(t, err, alert.ErrInvalid, limit.field)
		problem, ok := errorFor(err, limit.field)
		require.True(t, ok, "%s in %v", limit.field, err)
		assert.Equal(t, "incident theirs:7", problem.Record)
	}
	_, err := incident.Create(command(1), "i1", incident.Draft{Verdict: classification.Verdict{Classification: "x"}}, nil, nil, tax)
	assert.ErrorIs(t, err, classification.ErrUnknown)
}

// What a draft leaves open is filled in; its alerts become the incident's.
func TestCreate(t *testing.T) {
	links := []activity.Link{{Reason: activity.GroupedBySource}}
	a := newAlert(1, alert.Medium, "a")
	e, err := incident.Create(command(3), "i1", incident.Draft{Status: incident.Resolved, Note: "over"}, []alert.Alert{a}, links, tax)
	require.NoError(t, err)
	i := e.Incident
	assert.EqualValues(t, "i1", i.ID)
	assert.Equal(t, command(3).At, i.Created)
	assert.Equal(t, command(3).At, i.Updated)
	assert.Equal(t, command(3).At, i.Resolved)
	assert.Equal(t, "over", i.Note)
	assert.Empty(t, i.References)
	assert.Equal(t, "Alert 1 on one endpoint", i.Name)
	assert.Equal(t, alert.Medium, i.Severity)
	require.Len(t, e.Alerts, 1)
	assert.EqualValues(t, "i1", e.Alerts[0].Incident)
	assert.Equal(t, command(3).At, e.Alerts[0].Updated)
	assert.Equal(t, alert.StatusNew, e.Alerts[0].Status, "resolved from the start leaves the alerts")
	require.Len(t, e.Activity, 2)
	assert.Equal(t, activity.IncidentCreated, e.Activity[0].Type)
	assert.Equal(t, activity.AlertAdded, e.Activity[1].Type)
	assert.Equal(t, a.ID, e.Activity[1].Alert)
	assert.Equal(t, "Alert 1", e.Activity[1].Text)
	assert.Equal(t, links, e.Activity[1].Links)

	e, err = incident.Create(command(3), "i1", incident.Draft{Note: "not resolved", Resolved: start}, nil, nil, tax)
	require.NoError(t, err)
	assert.Empty(t, e.Incident.Note)
	assert.Zero(t, e.Incident.Resolved)
}

// Imported comments are in the log once each, in the order in which they were written.
func TestImportedComments(t *testing.T) {
	comment := func(minute int, text string) incident.Comment {
		return incident.Comment{By: "dave", Time: start.Add(time.Duration(minute) * time.Minute), Text: text}
	}
	var texts []string
	for n := range 20 {
		texts = append(texts, fmt.Sprint("comment ", n))
	}
	d := incident.Draft{Reference: theirs}
	for n := range texts {
		d.Comments = append(d.Comments, comment(n, texts[n]))
	}
	for n := 10; n < 15; n++ {
		d.Comments[n].Time = d.Comments[10].Time // at the same moment, in an order of their own
	}
	slices.Reverse(d.Comments)
	d.Comments = append(d.Comments, d.Comments[3], d.Comments[6], incident.Comment{By: " dave ", Time: d.Comments[7].Time, Text: d.Comments[7].Text})
	s := imported(t, d)
	assert.Equal(t, 23, s.Incident.Comments, "two that say the same at one moment are two")
	var got []string
	for _, e := range s.log[1:] {
		got = append(got, e.Text)
	}
	assert.Equal(t, texts[:10], got[:10])
	assert.Equal(t, []string{"comment 14", "comment 13", "comment 12", "comment 11", "comment 10", "comment 13", "comment 12"}, got[10:17])
	assert.Equal(t, []string{"comment 15", "comment 16", "comment 16", "comment 17", "comment 18", "comment 19"}, got[17:])
	ids := map[activity.ID]bool{}
	for _, e := range s.log[1:] {
		ids[e.ID] = true
	}
	assert.Len(t, ids, 23)
}

// Times in the log are in UTC, to the microsecond.
func TestTimesInTheLog(t *testing.T) {
	created := time.Date(2026, 3, 1, 9, 0, 0, 1000, time.FixedZone("", 3600))
	e, err := incident.Create(command(1), "i1", incident.Draft{Created: created}, nil, nil, tax)
	require.NoError(t, err)
	at := slices.IndexFunc(e.Activity[0].Changes, func(c activity.Change) bool { return c.Field == "created" })
	assert.EqualValues(t, `"2026-03-01T08:00:00.000001Z"`, e.Activity[0].Changes[at].After)
}

// Nobody is not an account without a name, and an identifier means nothing without its system.
func TestFiltersThatLookAlike(t *testing.T) {
	nobodys := incident.Case{Incident: incident.Incident{References: []incident.Reference{{System: "theirs", ID: "7"}}}}
	assert.True(t, incident.Query{Unassigned: true}.Match(nobodys))
	assert.True(t, incident.Query{Unassigned: true, Owners: []string{"kai"}}.Match(nobodys))
	assert.False(t, incident.Query{Owners: []string{"kai", ""}}.Match(nobodys))
	assert.False(t, incident.Query{References: []incident.Reference{{System: "ours", ID: "7"}}}.Match(nobodys))
}

// Each order, lowest first: by the value, where these are few by the last update, and by number at last.
func TestOrders(t *testing.T) {
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	for sort, ascending := range map[incident.Sort][]incident.Incident{
		incident.ByUpdated:  {{Updated: at(1), Created: at(5), Number: 9}, {Updated: at(2), Created: at(4), Number: 1}, {Updated: at(2), Created: at(3), Number: 2}},
		incident.ByCreated:  {{Created: at(1), Updated: at(9), Number: 9}, {Created: at(2), Updated: at(8), Number: 1}, {Created: at(2), Updated: at(7), Number: 2}},
		incident.BySeverity: {{Severity: alert.Low, Updated: at(9), Number: 9}, {Severity: alert.High, Updated: at(1), Number: 8}, {Severity: alert.High, Updated: at(2), Number: 1}, {Severity: alert.High, Updated: at(2), Number: 2}},
		incident.ByPriority: {{Priority: 8, Updated: at(9), Number: 9}, {Priority: 91, Updated: at(1), Number: 8}, {Priority: 91, Updated: at(2), Number: 1}, {Priority: 91, Updated: at(2), Number: 2}},
		incident.ByStatus:   {{Status: incident.Active, Updated: at(9), Number: 9}, {Status: incident.Resolved, Updated: at(1), Number: 8}, {Status: incident.Resolved, Updated: at(2), Number: 1}, {Status: incident.Resolved, Updated: at(2), Number: 2}},
		incident.ByOwner:    {{Updated: at(9), Number: 9}, {Owner: incident.Owner{ID: "a"}, Updated: at(1), Number: 7}, {Owner: incident.Owner{ID: "A"}, Updated: at(2), Number: 1}, {Owner: incident.Owner{ID: "a"}, Updated: at(2), Number: 2}, {Owner: incident.Owner{ID: "Z"}, Updated: at(1), Number: 6}},
		incident.ByName:     {{Name: "Z", Updated: at(9), Number: 9}, {Name: "a", Updated: at(3), Number: 1}, {Name: "a", Updated: at(2), Number: 2}},
		incident.ByNumber:   {{Number: 1, Updated: at(9)}, {Number: 2, Updated: at(3)}},
	} {
		for a := range ascending {
			for b := range ascending {
				want := min(max(a-b, -1), 1)
				assert.Equal(t, want, incident.Query{Sort: sort, Ascending: true}.Compare(ascending[a], ascending[b]), "%s, %d and %d", sort, a, b)
				assert.Equal(t, -want, incident.Query{Sort: sort}.Compare(ascending[a], ascending[b]), "%s, %d and %d", sort, a, b)
			}
		}
	}
}

// What a generated name leaves out, and how long it may be.
func TestNamesAtTheirLimits(t *testing.T) {
	several := func(users int, categories ...string) incident.Summary {
		return incident.Summary{Count: 2, Categories: categories, Assets: incident.AssetCounts{alert.Users: users}}
	}
	for want, s := range map[string]incident.Summary{
		"Multi-stage incident":                                  several(1, "Discovery"),
		"Multi-stage incident involving Discovery & Malware":    several(0, "Malware", "Discovery"),
		"Multi-stage incident involving Discovery & Collection": several(0, "Collection", "Discovery", "Malware"),
	} {
		assert.Equal(t, want, incident.GenerateName(s))
	}
	assert.Equal(t, "Multi-stage incident", incident.GenerateName(several(0, "Discovery", "Unknown", "none")))
	titled := func(runes int) string {
		return incident.GenerateName(incident.Summary{Count: 1, Title: strings.Repeat("ä", runes)})
	}
	assert.Equal(t, strings.Repeat("ä", incident.MaxName), titled(incident.MaxName))
	assert.Equal(t, strings.Repeat("ä", incident.MaxName-1)+"…", titled(incident.MaxName+1))
}

// What a screen would set as a tag is what an edit stores, or the reason why it is refused.
func TestCleanTag(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{" Spear\t\n phishing ", "Spear phishing"}, {"e\u0301tude", "\u00e9tude"}, {"a\x00b", "a b"}, {"钓鱼", "钓鱼"}, {strings.Repeat("ä", incident.MaxTag), strings.Repeat("ä", incident.MaxTag)},
	} {
		got, err := incident.CleanTag(c.text)
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	for _, text := range []string{"", " \x00\t", "\xff", strings.Repeat("ä", incident.MaxTag+1)} {
		_, err := incident.CleanTag(text)
		problem, ok := errors.AsType[*alert.FieldError](err)
		require.True(t, ok, "%q", text)
		assert.Equal(t, "name", problem.Field)
	}
}

// What was done elsewhere is an entry and changes nothing else, and only the two types that are about it may be recorded.
func TestRecord(t *testing.T) {
	i := open(t, newAlert(0, alert.Low, "d")).Incident
	i.Version = 4
	for typ := activity.Unspecified; typ <= activity.AutomationRun; typ++ {
		e, err := incident.Record(command(1), i, typ, "Isolated d.")
		if typ != activity.ResponseAction && typ != activity.AutomationRun {
			require.ErrorIs(t, err, alert.ErrInvalid, typ)
			require.Zero(t, e)
			continue
		}
		require.NoError(t, err)
		require.Len(t, e.Activity, 1)
		entry := e.Activity[0]
		assert.Equal(t, []any{typ, "Isolated d.", int64(5), i.ID}, []any{entry.Type, entry.Text, entry.Version, entry.Incident})
		assert.Empty(t, entry.Changes)
		assert.Equal(t, command(1).At, e.Incident.Updated)
		e.Incident.Updated = i.Updated
		assert.Equal(t, i, e.Incident)
	}
	for _, bad := range []string{"", " \n", "\xff", strings.Repeat("x", incident.MaxComment+1)} {
		_, err := incident.Record(command(1), i, activity.ResponseAction, bad)
		assert.ErrorIs(t, err, alert.ErrInvalid, "%.9q", bad)
	}
	i.Status = incident.Purged
	_, err := incident.Record(command(1), i, activity.ResponseAction, "Isolated d.")
	assert.ErrorIs(t, err, incident.ErrPurged)
}
