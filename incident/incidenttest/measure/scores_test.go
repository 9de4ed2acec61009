package measure

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// placed returns one alert for each word, such as "a/1": the label, none for noise, and the incident, none for nowhere.
func placed(words string) (all []Placed) {
	for n, word := range strings.Fields(words) {
		label, in, _ := strings.Cut(word, "/")
		all = append(all, Placed{Attack: label, Incident: incident.ID(in), Alert: alert.Alert{
			Origin: alert.Origin{Source: "s", ID: fmt.Sprint(n)}, Title: "rule",
		}})
	}
	return all
}

// Each row is one way in which attacks and incidents can lie to each other.
func TestGrouping(t *testing.T) {
	for _, c := range []struct {
		words                         string
		pairs                         [3]int64 // true, false, missed
		precision, recall, f1         float64
		exact, split, glued, attacked int
	}{
		{"", [3]int64{0, 0, 0}, 1, 1, 1, 0, 0, 0, 0},
		{"a/1", [3]int64{0, 0, 0}, 1, 1, 1, 1, 0, 0, 1},
		{"a/1 a/1 b/2", [3]int64{1, 0, 0}, 1, 1, 1, 2, 0, 0, 2},
		{"a/1 a/2", [3]int64{0, 0, 1}, 1, 0, 0, 0, 1, 0, 1},
		{"a/1 b/1", [3]int64{0, 1, 0}, 0, 1, 0, 0, 0, 2, 2},
		{"a/1 a/1 b/1", [3]int64{1, 2, 0}, 1. / 3, 1, 0.5, 0, 0, 2, 2},
		{"a/1 a/2 b/2", [3]int64{0, 1, 1}, 0, 0, 0, 0, 1, 2, 2}, // a is split and glued
		{"/1 /1 /2", [3]int64{0, 0, 0}, 1, 1, 1, 0, 0, 0, 0},
		{"a/1 /1 /1", [3]int64{0, 2, 0}, 0, 1, 0, 0, 0, 1, 1}, // the pair of noise does not count
		{"a/1 /2 /2", [3]int64{0, 0, 0}, 1, 1, 1, 1, 0, 0, 1},
		{"a/ a/ a/1", [3]int64{0, 0, 3}, 1, 0, 0, 0, 1, 0, 1}, // two that are nowhere are not together
		{"a/", [3]int64{0, 0, 0}, 1, 1, 1, 0, 0, 0, 1},
	} {
		s := Compute(placed(c.words), nil)
		assert.Equal(t, c.pairs, [3]int64{s.TruePairs, s.FalsePairs, s.MissedPairs}, c.words)
		shares := []float64{s.Precision, s.Recall, s.F1}
		assert.InDeltaSlice(t, []float64{c.precision, c.recall, c.f1}, shares, 1e-12, c.words)
		found := []int{s.Exact, s.Split, s.Glued, s.Attacks}
		assert.Equal(t, []int{c.exact, c.split, c.glued, c.attacked}, found, c.words)
	}
}

// The counts of alerts, noise, incidents and what is known of each attack.
func TestCounts(t *testing.T) {
	s := Compute(placed("b/1 a/1 a/1 /1 /2 a/3 c/4 c/4 c/"), nil)
	assert.Equal(t, []int{9, 2, 3, 4}, []int{s.Alerts, s.Noise, s.Attacks, s.Incidents})
	assert.Equal(t, Sizes{2, 1.5, 4}, s.AlertsPerIncident)
	assert.Equal(t, []Attack{
		{Label: "a", Alerts: 3, Incidents: 2, Others: 2},
		{Label: "b", Alerts: 1, Incidents: 1, Others: 3},
		{Label: "c", Alerts: 3, Incidents: 2},
	}, s.ByAttack)
	assert.Zero(t, Compute(placed("a/"), nil).AlertsPerIncident)
}

// keys are those that alerts of a drawn set have: of a few machines, accounts and addresses.
var keys = []string{"ws-1", "ws-2", "kai", "eva", "192.0.2.1"}

func entity(key string) alert.Entity {
	switch {
	case strings.HasPrefix(key, "ws"):
		return alert.Device{HostName: key}
	case strings.HasPrefix(key, "vm"):
		return alert.CloudResource{ID: key}
	case strings.Contains(key, "."):
		return alert.IP{Address: key}
	}
	return alert.User{Account: key}
}

// drawn is any grouping of a few alerts, with links that fit to what they share, as held back or not.
func drawn(t *rapid.T) []Placed {
	few := rapid.IntRange(0, 3)
	var all []Placed
	for n := range rapid.IntRange(0, 14).Draw(t, "alerts") {
		p := Placed{Attack: []string{"", "a", "b", "c"}[few.Draw(t, "attack")]}
		p.Incident = incident.ID([]string{"", "i", "j", "k"}[few.Draw(t, "incident")])
		p.Alert = alert.Alert{Origin: alert.Origin{Source: "s", ID: fmt.Sprint(n)}, Title: "t"}
		for _, key := range keys {
			if !rapid.Bool().Draw(t, key) {
				continue
			}
			e := entity(key)
			p.Alert.Evidence = append(p.Alert.Evidence, alert.Evidence{Entity: e})
			l := activity.Link{Reason: activity.SameAsset, Entity: alert.Identity(e), Incident: p.Incident}
			switch few.Draw(t, "link") {
			case 0:
				continue
			case 1:
				l.HeldBack = "on the stop list"
			}
			p.Links = append(p.Links, l)
		}
		all = append(all, p)
	}
	return all
}

// The figures are those that looking at every pair of alerts gives.
func TestComputeAgainstEveryPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		s := Compute(all, nil)
		var right, wrong, missing int64
		for n, a := range all {
			for _, b := range all[:n] {
				together := a.Incident != "" && a.Incident == b.Incident
				switch same := a.Attack == b.Attack; {
				case same && a.Attack == "":
				case together && same:
					right++
				case together:
					wrong++
				case same:
					missing++
				}
			}
		}
		assert.Equal(t, [3]int64{right, wrong, missing}, [3]int64{s.TruePairs, s.FalsePairs, s.MissedPairs})
		exact, split, glued := 0, 0, 0
		for _, label := range []string{"a", "b", "c"} {
			of := slices.DeleteFunc(slices.Clone(all), func(p Placed) bool { return p.Attack != label })
			if len(of) == 0 {
				continue
			}
			apart, others := false, false
			for n, a := range of {
				for _, b := range of[:n] {
					apart = apart || a.Incident == "" || a.Incident != b.Incident
				}
				for _, b := range all {
					others = others || a.Incident != "" && a.Incident == b.Incident && a.Attack != b.Attack
				}
			}
			split, glued = split+one(apart), glued+one(others)
			exact += one(!apart && !others && of[0].Incident != "")
		}
		assert.Equal(t, []int{exact, split, glued}, []int{s.Exact, s.Split, s.Glued})
	})
}

// What incidents are called does not matter, the same input gives the same bytes, and the arguments stay as they were.
func TestComputeIsAFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		renamed := slices.Clone(all)
		for n := range renamed {
			renamed[n].Alert = renamed[n].Alert.Clone()
			renamed[n].Links = slices.Clone(renamed[n].Links)
			if renamed[n].Incident != "" {
				renamed[n].Incident = "z" + incident.ID('z'-renamed[n].Incident[0])
			}
		}
		list := []string{"t1", "T2"}
		s, other := Compute(all, list), Compute(renamed, list)
		require.Equal(t, s, other)
		require.Equal(t, s.Table(), other.Table())
		require.Equal(t, []string{"t1", "T2"}, list)
		for n := range all {
			require.Equal(t, all[n].Alert, renamed[n].Alert)
			require.Equal(t, all[n].Links, renamed[n].Links)
		}
	})
}

// The time to the incident is from the first activity of all alerts of an attack to the first of them that came in.
func TestTimeToIncident(t *testing.T) {
	at := func(words string, times ...int) Placed { // of activity and of arrival, in minutes; 0 means none
		p := placed(words)[0]
		stamp := func(minutes int) (t time.Time) {
			if minutes != 0 {
				t = morning.Add(time.Duration(minutes) * time.Minute)
			}
			return t
		}
		p.Alert.FirstActivity, p.Alert.Received = stamp(times[0]), stamp(times[1])
		return p
	}
	assert.Zero(t, Compute(nil, nil).TimeToIncident)
	got := Compute([]Placed{
		at("a/1", 10, 20), at("a/1", 5, 100), // 15: the one that came later tells the first activity
		at("b/2", 30, 20),               // its clock is ahead: 0
		at("c/", 1, 2), at("c/3", 6, 7), // 6: the first is in no incident
		at("d/1", 5, 100),                // 95
		at("e/1", 0, 7), at("f/1", 7, 0), // not known
		at("/1", 1, 900), // noise
	}, nil).TimeToIncident
	assert.Equal(t, Times{4, 29 * time.Minute, 630 * time.Second, 95 * time.Minute}, got)
}

// A sub-technique covers its technique and not the other way round; noise covers nothing.
func TestTechniques(t *testing.T) {
	all := placed("a/1 b/1 /1")
	all[0].Alert.Techniques = []string{"T1059.001", " t1003 ", ""}
	all[1].Alert.Techniques = []string{"T1059.001", "T1021.002"}
	all[2].Alert.Techniques = []string{"T1486"}
	assert.Equal(t, Techniques{
		Covered: []string{"T1003", "T1059", "T1059.001"},
		Missing: []string{"T1003.001", "T1486"},
		Other:   []string{"T1021.002"},
	}, Compute(all, []string{"T1486", "T1059", "T1059.001", "t1003", "T1003.001", "T1059", ""}).Techniques)
	assert.Equal(t, Techniques{Other: []string{"T1003", "T1021.002", "T1059.001"}}, Compute(all, nil).Techniques)

	// An alert and the list may be of different versions of ATT&CK.
	all[0].Alert.Techniques, all[1].Alert.Techniques = []string{"T1562.004", "T1685.005"}, []string{"T1656"}
	assert.Equal(t, Techniques{
		Covered: []string{"T1684.001", "T1685", "T1685.005", "T1686"}, Missing: []string{"T1070", "T1689"},
	}, Compute(all, []string{"T1562", "T1686", "T1070.001", "T1562.010", "T1684.001", "T1070"}).Techniques)
}

// Each measure below its threshold is an error that names it, with its figure; what is not asked for is none.
func TestCheck(t *testing.T) {
	s := Compute(placed("a/1 a/1 b/1"), []string{"T1"})
	require.NoError(t, s.Check(Thresholds{}))
	require.NoError(t, s.Check(Thresholds{Precision: 1. / 3, Recall: 1, F1: 0.5}))
	err := s.Check(Thresholds{Precision: 0.5, Recall: 1, F1: 0.75, Exact: 1, Techniques: 1})
	require.EqualError(t, err, "measure: precision is 0.3333333333333333, below 0.5\nmeasure: f1 is 0.5, below 0.75\n"+
		"measure: exact is 0, below 1\nmeasure: techniques is 0, below 1")
	var below *BelowError
	require.ErrorAs(t, err, &below)
	assert.Equal(t, BelowError{"precision", 1. / 3, 0.5}, *below)
	var nan float64
	nan /= nan
	require.Error(t, s.Check(Thresholds{Recall: nan}))
}
