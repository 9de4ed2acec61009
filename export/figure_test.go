package export

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/figure"
	"github.com/incidentkit/incidentkit/incident"
)

// story returns the report on alerts.
func story(alerts ...alert.Alert) Report {
	opts, _ := (&Options{Sections: []Section{AttackStory}}).withDefaults()
	return collect(incident.Case{Alerts: alerts}, nil, opts)
}

// The lanes are the threat categories in their order, however sources spell a tactic, with each alert in its own.
func TestLanes(t *testing.T) {
	see := func(category string, minutes int, s alert.Severity, techniques ...string) alert.Alert {
		return alert.Alert{ID: alert.ID(fmt.Sprint(category, minutes)), Category: category, Severity: s, Techniques: techniques, FirstActivity: start.Add(time.Duration(minutes) * time.Minute)}
	}
	untimed := alert.Alert{ID: "z", Category: "Execution"}
	beyond := alert.Alert{ID: "y", Category: "Malware", FirstActivity: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}
	r := story(see("Malware", 1, alert.Low), see("execution", 2, alert.High, "T1059"), see("InitialAccess", 3, alert.Medium, "T1566"),
		see("Initial access", 4, alert.Informational), see("", 5, alert.Low), untimed, beyond)
	c, caption := drawing{r: r}.lanes()
	at := func(minutes int) int64 { return start.Unix() + int64(60*minutes) }
	assert.Equal(t, []figure.Lane{
		{Title: "Initial access", Note: "2 alerts", More: []string{"T1566"}, Marks: []figure.Event{{At: at(3), Timed: true, Level: figure.LevelMedium}, {At: at(4), Timed: true, Level: figure.LevelInformational}}},
		{Title: "Execution", Note: "2 alerts", More: []string{"T1059"}, Marks: []figure.Event{{}, {At: at(2), Timed: true, Level: figure.LevelHigh}}},
		{Title: "No category", Note: "1 alert", Marks: []figure.Event{{At: at(5), Timed: true, Level: figure.LevelLow}}},
		{Title: "Malware", Note: "2 alerts", Marks: []figure.Event{{At: at(1), Timed: true, Level: figure.LevelLow}, {}}},
	}, c.Lanes)
	assert.Equal(t, "Time (UTC)", c.Axis)
	assert.Equal(t, "7 alerts from 2026-03-14 08:01:00 UTC to 2026-03-14 08:05:00 UTC. A number counts alerts; its mark is that of the most severe.", caption)

	c, caption = drawing{r: story(untimed)}.lanes()
	assert.Len(t, c.Lanes, 1)
	assert.True(t, strings.HasPrefix(caption, "1 alert without a time."), caption)
	c, _ = drawing{r: story()}.lanes()
	assert.Empty(t, c.Lanes)
}

// The tactics of ATT&CK v19 have lanes, rows and words of their own at the place of the older one, whose alerts stay in
// its lane: to which of the two they belong is unknown. The summary counts both names of one tactic once.
func TestLanesOfBothVocabularies(t *testing.T) {
	var alerts []alert.Alert
	for _, c := range []string{
		"CredentialAccess", "DefenseImpairment", "TA0112", "stealth", "PrivilegeEscalation", "DefenseEvasion",
		"defense-evasion",
	} {
		alerts = append(alerts, alert.Alert{ID: alert.ID(c), Category: c})
	}
	d := drawing{r: story(alerts...)}
	c, _ := d.lanes()
	var lanes, rows []string
	for _, l := range c.Lanes {
		lanes = append(lanes, l.Title+", "+l.Note)
	}
	for _, x := range d.r.Threats {
		assert.True(t, x.Tactic, x.Category)
		rows = append(rows, fmt.Sprintf("%s, %s", x.Title, count(x.Alerts, "alert")))
	}
	assert.Equal(t, []string{
		"Privilege escalation, 1 alert", "Defense evasion, 2 alerts", "Stealth, 1 alert",
		"Defense impairment, 2 alerts", "Credential access, 1 alert",
	}, lanes)
	assert.Equal(t, lanes, rows)
	d.r.Alerts = make([]AlertRow, len(alerts))
	assert.Contains(t, strings.Join(d.whatHappened(), " "),
		"It shows 4 tactics of MITRE ATT&CK: Privilege escalation, Stealth, Defense impairment, Credential access.")
}

// Away from UTC the axis has the clock of the first alert, and says so: a report from JSON knows nothing else of its zone.
func TestLanesElsewhere(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	opts, err := (&Options{Sections: []Section{AttackStory}, Location: berlin}).withDefaults()
	require.NoError(t, err)
	summer := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	r := collect(incident.Case{Alerts: []alert.Alert{{ID: "a", FirstActivity: summer}, {ID: "b", FirstActivity: summer.Add(-24 * time.Hour)}}}, nil, opts)
	c, _ := drawing{r: r}.lanes()
	assert.Equal(t, 3600, c.Offset, "of the day before")
	assert.Equal(t, "Time (+01:00)", c.Axis)
	want := c
	slices.Reverse(r.Story)
	c, caption := drawing{r: r}.lanes()
	assert.Equal(t, []any{want.Axis, want.Offset}, []any{c.Axis, c.Offset}, "whatever order they are told in")
	assert.True(t, strings.HasPrefix(caption, "2 alerts from 2026-03-28 13:00:00 +01:00 to 2026-03-29 14:00:00 +02:00."), caption)
}

// However many categories there are, the lanes fit on a page and every alert is in one.
func TestLanesOfMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var alerts []alert.Alert
		for n := range rapid.IntRange(1, 60).Draw(t, "alerts") {
			category := rapid.OneOf(rapid.SampledFrom(alert.Tactics()), rapid.SampledFrom([]string{"", "defense evasion"}), rapid.StringMatching("[a-c]{1,3}")).Draw(t, "category")
			alerts = append(alerts, alert.Alert{ID: alert.ID(fmt.Sprint(n)), Category: category})
		}
		c, _ := drawing{r: story(alerts...)}.lanes()
		total, tactics := 0, 0
		for _, l := range c.Lanes {
			total += len(l.Marks)
			if alert.TacticIndex(l.Title) >= 0 {
				tactics++
			}
			require.NotEmpty(t, l.Marks)
		}
		require.Equal(t, len(alerts), total)
		require.LessOrEqual(t, len(c.Lanes)-tactics, otherLanes)
		require.LessOrEqual(t, len(c.Lanes), maxLanes)
		require.True(t, slices.IsSortedFunc(c.Lanes[:tactics], func(a, b figure.Lane) int { return alert.TacticIndex(a.Title) - alert.TacticIndex(b.Title) }))
	})
}

// Where more tactics were reached than there were before ATT&CK v19, other categories have fewer lanes.
func TestLanesOfAllTactics(t *testing.T) {
	var others []alert.Alert
	for n := range 2 * otherLanes {
		others = append(others, alert.Alert{ID: alert.ID(fmt.Sprint(n)), Category: fmt.Sprint("other ", n)})
	}
	for lanes, left := range map[int][]string{
		otherLanes - 2: nil, otherLanes - 1: {"Stealth"}, otherLanes: {"Stealth", "DefenseImpairment"},
	} {
		alerts := slices.Clone(others)
		for _, c := range alert.Tactics() {
			if !slices.Contains(left, c) {
				alerts = append(alerts, alert.Alert{ID: alert.ID(c), Category: c})
			}
		}
		c, _ := drawing{r: story(alerts...)}.lanes()
		require.Len(t, c.Lanes, maxLanes)
		together := len(others) - lanes + 1
		require.Equal(t, fmt.Sprint(together, " more categories"), c.Lanes[maxLanes-1].Title)
		require.Len(t, c.Lanes[maxLanes-1].Marks, together)
	}
}

// Above what one can read, boxes stand for several, and all are counted.
func TestGraphIsLegibleWhateverItHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var alerts []alert.Alert
		of := rapid.IntRange(60, 400).Draw(t, "entities")
		seen := map[string]bool{}
		for range of {
			a := alert.Alert{ID: alert.ID(fmt.Sprint(len(alerts)))}
			for range 2 {
				n := rapid.IntRange(0, of).Draw(t, "entity")
				name := fmt.Sprint(n)
				a.Evidence = append(a.Evidence, alert.Evidence{Verdict: alert.Suspicious, Entity: []alert.Entity{
					alert.Device{DeviceID: name}, alert.IP{Address: name}, alert.File{SHA256: name}, alert.User{UPN: name}, alert.URL{URL: name},
				}[n%5]})
			}
			if a.Evidence[0].Entity.Name() != a.Evidence[1].Entity.Name() {
				seen[a.Evidence[0].Entity.Name()], seen[a.Evidence[1].Entity.Name()] = true, true
			}
			alerts = append(alerts, a)
		}
		r := story(alerts...)
		g, caption := drawing{r: r}.graphFigure()
		boxes := 0
		for _, c := range g.Columns {
			require.LessOrEqual(t, len(c.Nodes), maxColumn)
			boxes += len(c.Nodes)
		}
		require.Equal(t, len(r.Graph.Nodes), boxes)
		require.LessOrEqual(t, boxes, len(seen))
		require.Equal(t, len(seen), r.Graph.Entities)
		if boxes < len(seen) {
			require.Contains(t, caption, fmt.Sprintf("%d boxes stand for %d entities.", boxes, len(seen)))
		}
	})
}

// A report from elsewhere may have more nodes than a page: they are a table then, and none is lost.
func TestGraphThatNoPageHolds(t *testing.T) {
	r := Report{Sections: []Section{AttackStory}}
	for n := range 300 {
		r.Graph.Nodes = append(r.Graph.Nodes, Node{Number: n + 1, Column: Targets, Name: fmt.Sprintf("host-%03d", n), Count: 1})
	}
	r.Graph.Edges = []Edge{{From: 0, To: 299}, {From: -1, To: 7}, {From: 5, To: 300}}
	got := text(t, render(t, r))
	for n := range 300 {
		assert.Contains(t, got, fmt.Sprintf("host-%03d", n))
	}
}

// The pictures of a page are named and described, load nothing, and stand before the tables that say the same.
func TestPicturesOfAPage(t *testing.T) {
	r := rich(t)
	r.Graph.Nodes[0].Name = `</svg><script>x</script>` + "\u202e"
	document := written(t, WriteHTML, r)
	inert(t, document)
	assert.NotContains(t, document, "<script>x")
	assert.NotContains(t, document, "\u202e")
	root, err := html.Parse(strings.NewReader(document))
	require.NoError(t, err)
	pictures := map[string]map[string]string{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Namespace != "svg" {
			continue
		}
		attrs := map[string]string{}
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
		}
		if n.Data == "svg" {
			pictures[attrs["aria-labelledby"]] = attrs
			assert.Equal(t, "img", attrs["role"])
			table := n.Parent
			for table != nil && !(table.Type == html.ElementNode && table.FirstChild != nil && table.FirstChild.Data == "table") {
				table = table.NextSibling
			}
			assert.NotNil(t, table, "the table that says the same")
		}
	}
	assert.Len(t, pictures, 2)
	assert.Contains(t, pictures, "graph-title graph-text")
	assert.Contains(t, pictures, "lanes-title lanes-text")
}

// Numbers of pictures are decimal fractions without what they do not need.
func TestThousandth(t *testing.T) {
	for n, want := range map[int]string{0: "0", 500: "0.5", 12_340: "12.34", -1_500: "-1.5", 640_000: "640", 10_009: "10"} {
		assert.Equal(t, want, thousandth(n))
	}
}
