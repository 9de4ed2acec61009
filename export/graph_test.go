package export

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// anyAlerts draws alerts of a few or of many entities.
func anyAlerts(t *rapid.T) (alerts []alert.Alert) {
	most := rapid.SampledFrom([]int{3, 10, 80}).Draw(t, "entities of a kind")
	for n := range rapid.IntRange(0, 40).Draw(t, "alerts") {
		a := alert.Alert{ID: alert.ID(fmt.Sprint(n)), FirstActivity: time.Unix(int64(n), 0), Severity: alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity"))}
		for range rapid.IntRange(0, 6).Draw(t, "evidence") {
			name := fmt.Sprint(rapid.IntRange(0, most).Draw(t, "name"))
			e := rapid.SampledFrom([]alert.Entity{alert.Device{DeviceID: name, HostName: "host " + name}, alert.User{UPN: name}, alert.IP{Address: "192.0.2." + name},
				alert.URL{URL: "https://example.com/" + name}, alert.File{SHA256: name, FileName: name}, nil}).Draw(t, "entity")
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: e, Verdict: rapid.SampledFrom([]alert.EvidenceVerdict{"", alert.Suspicious, alert.Malicious, alert.NoThreatsFound}).Draw(t, "verdict")})
		}
		alerts = append(alerts, a)
	}
	return alerts
}

// Every graph can be read: it fits on a page, its lines lead to boxes, and what it leaves out has no company.
func TestGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alerts := anyAlerts(t)
		g := graph(alerts)
		sizes, entities, numbers, joined := map[Column]int{}, 0, []int{}, map[int]bool{}
		for k, n := range g.Nodes {
			sizes[n.Column]++
			entities += n.Count
			numbers = append(numbers, n.Number)
			require.GreaterOrEqual(t, n.Count, 1)
			require.True(t, k == 0 || g.Nodes[k-1].Column <= n.Column, "column by column")
		}
		require.Equal(t, g.Entities, entities)
		for c, n := range sizes {
			require.LessOrEqual(t, n, maxColumn, c)
		}
		slices.Sort(numbers)
		for k, n := range numbers {
			require.Equal(t, k+1, n)
		}
		for k, e := range g.Edges {
			require.Less(t, e.From, e.To)
			require.True(t, k == 0 || slices.Compare([]int{g.Edges[k-1].From, g.Edges[k-1].To}, []int{e.From, e.To}) < 0)
			joined[e.From], joined[e.To] = true, true
		}
		require.Len(t, joined, len(g.Nodes), "what stands alone is left out")

		// What two alerts say together is what each of them says, whichever way the lots fell.
		want := map[alert.Key]bool{}
		for _, a := range alerts {
			var keys []alert.Key
			assets := 0
			for _, v := range a.Evidence {
				if v.Entity == nil || v.Entity.Kind().Asset() == alert.NotAsset && v.Verdict == alert.NoThreatsFound {
					continue
				}
				if key := alert.Key(fmt.Sprint(v.Entity.Kind().Asset(), " ", alert.Identity(v.Entity))); !slices.Contains(keys, key) {
					keys = append(keys, key)
				}
				if v.Entity.Kind().Asset() != alert.NotAsset {
					assets++
				}
			}
			if len(keys) > 1 {
				for _, key := range keys {
					want[key] = true
				}
			}
		}
		require.Len(t, want, g.Entities)
	})
}

// Of the same alerts comes the same graph.
func TestGraphIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alerts := anyAlerts(t)
		require.Equal(t, graph(alerts), graph(alerts))
	})
}

// Two addresses that each hit a host of their own stand opposite of them, whichever was seen first.
func TestLinesDoNotCrossWithoutNeed(t *testing.T) {
	see := func(ip, host string) alert.Alert {
		return alert.Alert{Evidence: []alert.Evidence{{Entity: alert.IP{Address: ip}}, {Entity: alert.Device{DeviceID: host}}}}
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 1, 0, 2}, {2, 3, 1, 0}} {
		hosts, ips := []alert.Alert{}, []alert.Alert{}
		for _, n := range order {
			hosts = append(hosts, alert.Alert{Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: fmt.Sprint("h", n)}}, {Entity: alert.User{UPN: "u"}}}})
		}
		for n := range 4 {
			ips = append(ips, see(fmt.Sprint("192.0.2.", n), fmt.Sprint("h", n)))
		}
		g := newWeb(append(hosts, ips...)).connected().arranged()
		var columns [Traces + 1][]int
		for n, have := range g.nodes {
			columns[have.Column] = append(columns[have.Column], n)
		}
		assert.Zero(t, g.linked().crossings(columns), order)
	}
}

// Too many to read become one of a kind that hit the same, and say how many they are.
func TestGraphOfMany(t *testing.T) {
	a := alert.Alert{Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "h"}}}}
	for n := range 100 {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.IP{Address: fmt.Sprint("192.0.2.", n)}, Verdict: alert.Suspicious})
	}
	a.Evidence[70].Verdict = alert.Malicious
	b := alert.Alert{Severity: alert.High, Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "h"}}, {Entity: alert.File{SHA256: "f", FileName: "f"}}}}
	g := graph([]alert.Alert{a, b})
	require.Len(t, g.Nodes, 3)
	assert.Equal(t, Node{Number: 2, Column: Origins, Kind: alert.KindIP, Name: "192.0.2.0", Verdict: alert.Malicious, Count: 100}, g.Nodes[0])
	assert.Equal(t, 102, g.Entities)
	assert.Equal(t, []Edge{{From: 0, To: 1}, {From: 1, To: 2, Severity: alert.High}}, g.Edges)
}

func TestColumnText(t *testing.T) {
	for c := Origins; c <= Traces; c++ {
		text, err := c.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, c.String(), string(text))
		var back Column
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, c, back)
	}
	_, err := (Traces + 1).MarshalText()
	assert.Error(t, err)
	assert.ErrorIs(t, new(Column).UnmarshalText([]byte("middle")), alert.ErrInvalid)
	out, err := json.Marshal(Graph{Nodes: []Node{{Number: 1, Column: Targets, Name: "host"}}})
	require.NoError(t, err)
	assert.Contains(t, string(out), `"column":"targets"`)
}
