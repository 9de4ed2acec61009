package measure

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// labelled returns one alert a minute for each word, such as "a:ws-1,kai": the label, none for noise, and its keys.
func labelled(words string) (all []Labelled) {
	for n, p := range placed(words) {
		label, keys, _ := strings.Cut(p.Attack, ":")
		a := p.Alert
		a.FirstActivity = morning.Add(time.Duration(n) * time.Minute)
		for key := range strings.SplitSeq(keys, ",") {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: entity(key)})
		}
		all = append(all, Labelled{label, a})
	}
	return all
}

func correlated(t *testing.T, words string) []Placed {
	t.Helper()
	all, err := Correlate(t.Context(), labelled(words), nil)
	require.NoError(t, err)
	return all
}

// figures are those of a Join without names and example: alerts, wrongly, bridges, right, wrong.
type figures [5]int64

func figuresOf(joins []Join) map[string]figures {
	all := make(map[string]figures)
	for _, j := range joins {
		name := string(j.Key)
		if name == "" {
			name = j.Namespace
		}
		all[name] = figures{int64(j.Alerts), int64(j.Wrongly), int64(j.Bridges), j.Right, j.Wrong}
	}
	return all
}

// Sets that the default correlator groups, small enough to count by hand.
func TestJoins(t *testing.T) {
	type table = map[string]figures
	for name, c := range map[string]struct {
		words            string
		keys, namespaces table
	}{
		"right joins alone": {
			"a:ws-1 a:ws-1 a:ws-1 b:ws-2", table{}, table{"host": {2, 0, 0, 3, 0}},
		},
		"a shared address joins two attacks": {
			"a:192.0.2.1 a:192.0.2.1 b:192.0.2.1",
			table{"ip:192.0.2.1": {2, 1, 1, 1, 2}}, table{"ip": {2, 1, 1, 1, 2}},
		},
		"noise joins an attack: wrong, and no bridge": {
			"a:ws-1 :ws-1 :ws-1", table{"host:ws-1": {2, 2, 0, 0, 2}}, table{"host": {2, 2, 0, 0, 2}},
		},
		"noise brings two attacks together": {
			"a:ws-1 b:ws-2 :ws-1,ws-2",
			table{"host:ws-1": {1, 1, 1, 0, 1}, "host:ws-2": {1, 1, 1, 0, 1}}, table{"host": {1, 1, 1, 0, 2}},
		},
		"noise that links noise brings two attacks together without a wrong pair": {
			"a:ws-1 :ws-1 b:ws-2 :ws-2,vm-1 :vm-1 :ws-1,vm-1",
			table{
				// The chains are a, ws-1, last and last, vm-1, noise, ws-2, b.
				"host:ws-1": {2, 2, 1, 0, 2}, "host:ws-2": {1, 1, 1, 0, 1},
				"resource:vm-1": {2, 0, 1, 0, 0},
			},
			table{"host": {3, 3, 1, 0, 3}, "resource": {2, 0, 1, 0, 0}},
		},
		"the chain through noise is the shortest, with all keys of each join": {
			"a:ws-1 :ws-1,vm-1,vm-2 :vm-1,vm-2 :ws-1,vm-3 " +
				"b:vm-2,vm-3 b:vm-2",
			// By vm-2 from the fifth to the second, by vm-3 to the fourth, and from both to the first.
			table{
				"host:ws-1": {2, 2, 1, 0, 2}, "resource:vm-2": {3, 2, 1, 1, 4}, "resource:vm-3": {1, 1, 1, 0, 1},
			},
			table{"host": {2, 2, 1, 0, 2}, "resource": {3, 2, 1, 1, 5}},
		},
		"an alert with a right key in one incident and a wrong key in another": {
			"a:ws-1 b:ws-2 b:ws-2 a:ws-1,ws-2 a:ws-2",
			// The last is joined with one of a and two of b; they were together before.
			table{"host:ws-2": {3, 2, 1, 2, 4}}, table{"host": {3, 2, 1, 3, 4}},
		},
		"two keys of one pair count both": {
			"a:ws-1,192.0.2.1 b:ws-1,192.0.2.1",
			table{"host:ws-1": {1, 1, 1, 0, 1}, "ip:192.0.2.1": {1, 1, 1, 0, 1}},
			table{"host": {1, 1, 1, 0, 1}, "ip": {1, 1, 1, 0, 1}},
		},
		"what is held back joins nothing": {
			"a:127.0.0.1,ws-1 b:127.0.0.1", table{}, table{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Compute(correlated(t, c.words), nil)
			assert.Equal(t, c.keys, figuresOf(s.Keys))
			assert.Equal(t, c.namespaces, figuresOf(s.Namespaces))
		})
	}
}

// An example names the first bridge, where noise leads from one attack to another with both attacks, else the first
// wrong pair. Worse keys come first.
func TestExamples(t *testing.T) {
	s := Compute(correlated(t, "a:ws-1 :ws-1 b:vm-1 :ws-1,vm-1"), nil)
	require.Len(t, s.Keys, 2)
	assert.Equal(t, alert.Key("host:ws-1"), s.Keys[0].Key)
	assert.Equal(t, "ws-1", s.Keys[0].Name)
	assert.Equal(t, Example{
		Earlier: Member{"s:0", "a", "rule", "ws-1"}, Later: Member{"s:3", "", "rule", "ws-1"},
		Attacks: []string{"a", "b"},
	}, s.Keys[0].Example)
	assert.Equal(t, Example{
		Earlier: Member{"s:2", "b", "rule", ""}, Later: Member{"s:3", "", "rule", "ws-1"}, Attacks: []string{"b", "a"},
	}, s.Keys[1].Example)

	s = Compute(correlated(t, "a:ws-1 :ws-1 :ws-1"), nil)
	require.Len(t, s.Keys, 1)
	want := Example{Earlier: Member{"s:0", "a", "rule", "ws-1"}, Later: Member{"s:1", "", "rule", "ws-1"}}
	assert.Equal(t, want, s.Keys[0].Example)
	assert.Equal(t, want, s.Namespaces[0].Example)
}

// A hash is named after the program of the process that has it.
func TestNameOfAHash(t *testing.T) {
	all := labelled("a:ws-1 b:ws-2")
	all[1].Alert.FirstActivity = morning.Add(30 * time.Second) // so near that a file alone links them
	for n := range all {
		p := alert.Process{PID: int64(n + 8), Image: alert.File{FileName: "tool.exe", SHA256: strings.Repeat("AB", 32)}}
		all[n].Alert.Evidence = append(all[n].Alert.Evidence, alert.Evidence{Entity: p})
	}
	p, err := Correlate(t.Context(), all, nil)
	require.NoError(t, err)
	s := Compute(p, nil)
	require.Len(t, s.Keys, 1)
	assert.Equal(t, alert.Key("sha256:"+strings.Repeat("ab", 32)), s.Keys[0].Key)
	assert.Equal(t, "tool.exe", s.Keys[0].Name)
}

// The figures of keys are those that looking at every pair of alerts gives, and components that are searched anew for
// each alert. Where there is noise, a chain may count for more keys than those of the alert.
func TestJoinsAgainstEveryPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		noise := rapid.Bool().Draw(t, "noise")
		for n := range all {
			if all[n].Attack == "" && !noise {
				all[n].Attack = "d"
			}
		}
		joins := func(n int, key alert.Key) (with []int) { // the alerts before it
			for _, l := range all[n].Links {
				if l.Entity != key || l.HeldBack != "" || l.Incident == "" {
					continue
				}
				for m, p := range all[:n] {
					if p.Incident == all[n].Incident && slices.Contains(p.Alert.Keys(), key) {
						with = append(with, m)
					}
				}
			}
			return with
		}
		var every []alert.Key
		for _, key := range keys {
			every = append(every, alert.Identity(entity(key)))
		}
		// attacks returns the attacks that are connected with the m-th alert by the joins of those before the n-th.
		attacks := func(n, m int) map[string]bool {
			seen, labels := map[int]bool{m: true}, map[string]bool{}
			for more := true; more; {
				more = false
				for k := range n {
					for _, key := range every {
						for _, with := range joins(k, key) {
							if seen[k] != seen[with] {
								seen[k], seen[with], more = true, true, true
							}
						}
					}
				}
			}
			for k := range seen {
				if all[k].Attack != "" {
					labels[all[k].Attack] = true
				}
			}
			return labels
		}
		want := make(map[string]figures)
		for n, p := range all {
			var sides []map[string]bool
			if p.Attack != "" {
				sides = append(sides, map[string]bool{p.Attack: true})
			} else {
				for _, key := range every {
					for _, m := range joins(n, key) {
						sides = append(sides, attacks(n, m))
					}
				}
			}
			for _, key := range every {
				with := joins(n, key)
				if len(with) == 0 {
					continue
				}
				f := want[string(key)]
				f[0]++
				var wrong, bridges int64
				for _, m := range with {
					if all[m].Attack != p.Attack {
						wrong++
					} else if p.Attack != "" {
						f[3]++
					}
					there := attacks(n, m)
					for _, side := range sides {
						if disjoint(side, there) {
							bridges = 1
						}
					}
				}
				f[1], f[2], f[4] = f[1]+min(wrong, 1), f[2]+bridges, f[4]+wrong
				want[string(key)] = f
			}
		}
		got := figuresOf(Compute(all, nil).Keys)
		for key, f := range got {
			expected := want[key]
			delete(want, key)
			require.GreaterOrEqual(t, f[2], expected[2], key)
			if noise {
				expected[2] = f[2]
			}
			require.Equal(t, expected, f, key)
		}
		for key, f := range want {
			require.Zero(t, f[2]+f[4], key)
		}
	})
}

// A chain goes only by joins: alerts that merely have a key in common are not connected by it, although it may join
// others.
func TestChainsGoByJoins(t *testing.T) {
	set := func(words ...string) (all []Placed) { // "b +vm-1 -vm-2": the label, resources that it joins by, and others
		for _, word := range words {
			fields := strings.Fields(word + " ")
			p := placed(strings.Trim(fields[0], ".") + "/1")[0]
			for _, f := range fields[1:] {
				e := entity(f[1:])
				p.Alert.Evidence = append(p.Alert.Evidence, alert.Evidence{Entity: e})
				if f[0] == '+' {
					p.Links = append(p.Links, activity.Link{Entity: alert.Identity(e), Incident: "1"})
				}
			}
			all = append(all, p)
		}
		return all
	}
	bridges := func(all []Placed) map[string]int64 {
		found := make(map[string]int64)
		for key, f := range figuresOf(Compute(all, nil).Keys) {
			if f[2] > 0 {
				found[key] = f[2]
			}
		}
		return found
	}
	// The fourth has vm-k, but does not join by it.
	assert.Equal(t, map[string]int64{"resource:vm-n": 1, "resource:vm-y": 1, "resource:vm-x": 1}, bridges(set(
		"b -vm-k -vm-x", ". +vm-k", ". +vm-x -vm-y", ". -vm-k +vm-y -vm-n", "a +vm-n",
	)))
	// The third, which has the attack, and the fourth have vm-k, but do not join by it.
	assert.Equal(t, map[string]int64{"resource:vm-n": 1, "resource:vm-y": 1, "resource:vm-x": 1}, bridges(set(
		". -vm-k -vm-n -vm-y", ". +vm-k", "b -vm-k -vm-x", ". -vm-k +vm-x +vm-y", "a +vm-n",
	)))
}

// Links of one key to several incidents, which were merged, are one join. Links without a key, such as those of alerts
// that their source has grouped, are none.
func TestLinksOfOneKeyOrNone(t *testing.T) {
	all := placed("a/1 b/1")
	all[1].Links = []activity.Link{{Reason: activity.GroupedBySource, Incident: "1"}}
	s := Compute(all, nil)
	assert.Empty(t, s.Keys)
	assert.Empty(t, s.Namespaces)

	for n := range all {
		all[n].Alert.Evidence = []alert.Evidence{{Entity: entity("ws-1")}}
	}
	all[1].Links = []activity.Link{{Entity: "host:ws-1", Incident: "1"}, {Entity: "host:ws-1", Incident: "2"}}
	assert.Equal(t, map[string]figures{"host:ws-1": {1, 1, 1, 0, 1}}, figuresOf(Compute(all, nil).Keys))
}

// Each reason for which alerts of one attack are apart, with the alerts and attacks that it keeps apart.
func TestMissed(t *testing.T) {
	all := labelled("a:ws-1 a:ws-2 " + // nothing in common
		"b:127.0.0.1,ws-3 b:127.0.0.1,ws-4 " + // held back
		"c:ws-5 c:ws-5 " + // too far apart
		"d:ws-6 d:ws-6 d:ws-7 d:ws-8") // no key in common, three times: one with two incidents
	all[5].Alert.FirstActivity = morning.Add(72 * time.Hour)
	for n := range 2 { // the same file on two machines, by its path, is no link
		f := alert.File{Path: `C:\T`, FileName: "x.exe"}
		all[2+n].Alert.Evidence = append(all[2+n].Alert.Evidence, alert.Evidence{Entity: f})
	}
	p, err := Correlate(t.Context(), all, nil)
	require.NoError(t, err)
	got := Compute(p, nil).Missed
	require.Len(t, got, 4)
	for n := range got {
		assert.NotZero(t, got[n].Example)
		if n > 0 {
			got[n].Example = Example{}
		}
	}
	assert.Equal(t, []Miss{
		{Reason: NothingShared, Joins: 4, Attacks: 2, Example: Example{
			Earlier: Member{"s:0", "a", "rule", "ws-1"}, Later: Member{"s:1", "a", "rule", "ws-2"},
		}},
		{Namespace: "file", Reason: "a path without a device", Joins: 1, Attacks: 1},
		{Namespace: "host", Reason: NoLink, Joins: 1, Attacks: 1},
		{Namespace: "ip", Reason: "an address that names no host", Joins: 1, Attacks: 1},
	}, got)
}

// A link that led to another incident, and one that was held back with figures, which are not part of the reason.
func TestMissedByAnotherIncident(t *testing.T) {
	all := placed("a/1 b/2 a/2 a/3")
	for n := range all {
		all[n].Alert.Evidence = []alert.Evidence{{Entity: entity("ws-1")}}
	}
	all[2].Links = []activity.Link{{Entity: "host:ws-1", Incident: "2", Score: 5}}
	all[3].Links = []activity.Link{
		{Entity: "host:ws-1", Incident: "1", HeldBack: "another incident matches better (5 against 4)"},
	}
	got := Compute(all, nil).Missed
	require.Len(t, got, 2)
	assert.Equal(t, []any{"another incident matches better", 2}, []any{got[0].Reason, got[0].Joins})
	assert.Equal(t, []any{LinkedOther, 1}, []any{got[1].Reason, got[1].Joins})
}

// What two alerts share is what meets: two names in full do not by the short one that both have. The reasons are of
// either alert, and of the identifier.
func TestMissedByIdentifiers(t *testing.T) {
	file := alert.File{FileName: "x.exe", SHA256: strings.Repeat("ab", 32)}
	for name, c := range map[string]struct {
		earlier, later []alert.Evidence
		linked         bool // there are links by the namespace
		want           map[string]string
	}{
		"two full names": {
			evidence(alert.Device{DNSName: "ws-1.corp.example"}),
			evidence(alert.Device{DNSName: "ws-1.lab.example"}), true,
			map[string]string{"": NothingShared},
		},
		"a full name and its short one": {
			evidence(alert.Device{DNSName: "ws-1.corp.example"}), evidence(alert.Device{HostName: "ws-1"}), true,
			map[string]string{"short-host": NoLink},
		},
		"no link of the namespace": {
			evidence(entity("vm-1")), evidence(entity("vm-1")), false, map[string]string{"resource": NoLinkingKey},
		},
		"a weaker one": {evidence(file), evidence(file), true, map[string]string{"sha256": NoWeakerLink}},
		"judged clean on the earlier one": {
			[]alert.Evidence{{Entity: file, Verdict: alert.NoThreatsFound}}, evidence(file), true,
			map[string]string{"sha256": "judged clean"},
		},
		"judged clean on the later one": {
			evidence(file), []alert.Evidence{{Entity: file, Verdict: alert.NoThreatsFound}}, true,
			map[string]string{"sha256": "judged clean"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := placed("a/1 a/2 /3")
			all[0].Alert.Evidence, all[1].Alert.Evidence = c.earlier, c.later
			if c.linked {
				for namespace := range c.want {
					all[2].Links = append(all[2].Links, activity.Link{Entity: alert.Key(namespace + ":other")})
				}
			}
			got := make(map[string]string)
			for _, m := range Compute(all, nil).Missed {
				got[m.Namespace] = m.Reason
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func evidence(e alert.Entity) []alert.Evidence { return []alert.Evidence{{Entity: e}} }

// Keys by which storages find alerts for the correlator are in none of the lists.
func TestNamespacesAreThoseOfIdentifiers(t *testing.T) {
	set := labelled("a:ws-1,192.0.2.1 a:ws-1 b:192.0.2.1 b:192.0.2.1 c:ws-2 c:ws-2 d:vm-1 e:vm-1 f:kai f:kai")
	set[5].Alert.FirstActivity = morning.Add(72 * time.Hour)
	set[0].Alert.Techniques, set[0].Alert.LastActivity = []string{"T1021"}, morning.Add(2*time.Hour)
	p, err := Correlate(t.Context(), set, nil)
	require.NoError(t, err)
	s := Compute(p, nil)
	require.NotEmpty(t, s.Keys)
	require.NotEmpty(t, s.Missed)
	known := map[string]bool{"": true}
	for _, l := range set {
		for _, i := range l.Alert.Identifiers(nil) {
			known[i.Key.Namespace()] = true
		}
	}
	for _, j := range slices.Concat(s.Keys, s.Namespaces) {
		assert.True(t, known[j.Namespace], j.Namespace)
	}
	for _, m := range s.Missed {
		assert.True(t, known[m.Namespace], m.Namespace)
	}
}
