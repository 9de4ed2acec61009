package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// anyStory draws alerts about a few or many entities of every sort, with roles, parents and senders.
func anyStory(t *rapid.T) (alerts []alert.Alert) {
	most := rapid.SampledFrom([]int{2, 5, 60}).Draw(t, "entities of a kind")
	number := func(what string) int { return rapid.IntRange(0, most).Draw(t, what) }
	process := func(n int) alert.Process {
		p := alert.Process{
			PID: int64(n + 1), Started: at(n % 3), Image: alert.File{FileName: fmt.Sprint("p", n%4, ".exe")},
			DeviceID:    rapid.SampledFrom([]string{"", fmt.Sprint("d", n%3)}).Draw(t, "device of process"),
			CommandLine: rapid.SampledFrom([]string{"", "run f1", "get 192.0.2.1"}).Draw(t, "command"),
		}
		if parent := rapid.IntRange(0, most+1).Draw(t, "parent"); parent > 0 {
			p.ParentPID, p.ParentStarted = int64(parent), at((parent-1)%3)
		}
		return p
	}
	entity := func() alert.Entity {
		n := number("entity")
		switch rapid.IntRange(0, 12).Draw(t, "kind") {
		case 0, 1:
			return alert.Device{DeviceID: fmt.Sprint("d", n), HostName: fmt.Sprint("host", n)}
		case 2:
			return alert.User{UPN: fmt.Sprintf("u%d@example.com", n), DirectoryID: fmt.Sprint("u", n)}
		case 3:
			return alert.Mailbox{Address: fmt.Sprintf("u%d@example.com", n)}
		case 4:
			return alert.IP{Address: fmt.Sprint("192.0.2.", n)}
		case 5:
			return alert.URL{URL: fmt.Sprint("https://example.com/", n)}
		case 6:
			return alert.File{FileName: fmt.Sprint("f", n), SHA256: fmt.Sprintf("%064d", n+1)}
		case 7, 8:
			return process(n)
		case 9:
			return alert.Registry{Hive: "HKLM", Key: fmt.Sprint("k", n)}
		case 10:
			return alert.Message{
				NetworkMessageID: fmt.Sprint("m", n), Sender: fmt.Sprintf("u%d@example.com", number("sender")), SenderIP: fmt.Sprint("192.0.2.", number("sender's address")),
				Recipient: rapid.SampledFrom([]string{"", fmt.Sprintf("u%d@example.com", number("recipient"))}).Draw(t, "to"),
			}
		case 11:
			return rapid.SampledFrom([]alert.Entity{alert.App{AppID: int64(n + 1)}, alert.MailCluster{By: "subject", Value: fmt.Sprint(n)}, alert.Other{Type: "securityGroup", Label: fmt.Sprint("g", n)}}).Draw(t, "other")
		}
		return nil
	}
	for n := range rapid.IntRange(0, 30).Draw(t, "alerts") {
		a := alert.Alert{
			ID: alert.ID(fmt.Sprintf("a%02d", n)), Severity: alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity")),
			Category: rapid.SampledFrom(append(alert.Tactics(), "Malware", "")).Draw(t, "category"),
		}
		if minute := rapid.IntRange(-2, 20).Draw(t, "time"); minute >= 0 {
			a.FirstActivity = at(minute)
		}
		if technique := rapid.SampledFrom([]string{"", "T1021.002", "T1078", "T1059"}).Draw(t, "technique"); technique != "" {
			a.Techniques = []string{technique}
		}
		for range rapid.IntRange(0, 8).Draw(t, "evidence") {
			a.Evidence = append(a.Evidence, alert.Evidence{
				Entity:  entity(),
				Verdict: rapid.SampledFrom([]alert.EvidenceVerdict{"", alert.Suspicious, alert.Malicious, alert.NoThreatsFound, "new word"}).Draw(t, "verdict"),
				Roles: rapid.SampledFrom([][]alert.Role{nil, nil, nil, {alert.Source}, {alert.Attacker}, {alert.Destination}, {alert.CommandAndControl}, {alert.Attacked},
					{alert.Compromised}, {alert.Created}, {alert.Contextual}, {alert.Source, alert.Compromised}}).Draw(t, "roles"),
			})
		}
		alerts = append(alerts, a)
	}
	return alerts
}

func at(minute int) time.Time { return time.Date(2026, 3, 9, 8, minute, 0, 0, time.UTC) }

// A witness knows what alerts say, read in another way than the graph does.
type witness struct {
	order   []alert.Alert
	byID    map[alert.ID]alert.Alert
	first   map[alert.Key][2]int // where it is first named
	kind    map[alert.Key]alert.Kind
	verdict map[alert.Key]alert.EvidenceVerdict
	roles   map[alert.Key]map[alert.Role]bool
	there   map[alert.Key]bool // what must be in the graph
}

func newWitness(alerts []alert.Alert) witness {
	w := witness{byID: map[alert.ID]alert.Alert{}, first: map[alert.Key][2]int{}, kind: map[alert.Key]alert.Kind{},
		verdict: map[alert.Key]alert.EvidenceVerdict{}, roles: map[alert.Key]map[alert.Role]bool{}, there: map[alert.Key]bool{}}
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	when := func(a alert.Alert) time.Time {
		if a.FirstActivity.IsZero() {
			return far
		}
		return a.FirstActivity
	}
	w.order = slices.Clone(alerts)
	slices.SortFunc(w.order, func(a, b alert.Alert) int { return cmp.Or(when(a).Compare(when(b)), cmp.Compare(a.ID, b.ID)) })
	rank := map[alert.EvidenceVerdict]int{"": 0, alert.NoThreatsFound: 1, "new word": 2, alert.Suspicious: 3, alert.Malicious: 4}
	for n, a := range w.order {
		w.byID[a.ID] = a
		for k, e := range a.Evidence {
			if e.Entity == nil {
				continue
			}
			key := alert.Identity(e.Entity)
			if _, ok := w.kind[key]; !ok {
				w.kind[key], w.first[key], w.roles[key] = e.Entity.Kind(), [2]int{n, k}, map[alert.Role]bool{}
			}
			if rank[e.Verdict] > rank[w.verdict[key]] {
				w.verdict[key] = e.Verdict
			}
			for _, r := range e.Roles {
				w.roles[key][r] = true
			}
		}
	}
	for _, a := range w.order {
		var with []alert.Key
		for _, e := range a.Evidence {
			if e.Entity == nil {
				continue
			}
			key := alert.Identity(e.Entity)
			if (e.Entity.Kind().Asset() != alert.NotAsset || w.verdict[key] != alert.NoThreatsFound) && !slices.Contains(with, key) {
				with = append(with, key)
			}
		}
		for _, key := range with {
			w.there[key] = w.there[key] || len(with) > 1
		}
	}
	return w
}

// between is what an alert says of an entity.
func between(a alert.Alert, key alert.Key) (e alert.Entity, roles []alert.Role) {
	for _, v := range a.Evidence {
		if v.Entity != nil && alert.Identity(v.Entity) == key {
			if e == nil {
				e = v.Entity
			}
			roles = append(roles, v.Roles...)
		}
	}
	return e, roles
}

// tells reports whether a says that from did this to to.
func (w witness) tells(a alert.Alert, from, to alert.Key, action Action) bool {
	toIs, toRoles := between(a, to)
	fromIs, fromRoles := between(a, from)
	if action == Started {
		child, ok := toIs.(alert.Process)
		return ok && strings.HasSuffix(string(from), fmt.Sprintf("|%d|%s", child.ParentPID, strings.ToLower(child.ParentStarted.Format(time.RFC3339))))
	}
	if fromIs == nil || toIs == nil {
		return false
	}
	is := func(k alert.Kind, kinds ...alert.Kind) bool { return slices.Contains(kinds, k) }
	f, k := fromIs.Kind(), toIs.Kind()
	lateral := a.Category == "LateralMovement" || slices.Contains(a.Techniques, "T1021.002")
	plays := func(roles []alert.Role, any ...alert.Role) bool {
		return slices.ContainsFunc(roles, func(r alert.Role) bool { return slices.Contains(any, r) })
	}
	origin := func(roles []alert.Role) bool { return plays(roles, alert.Source, alert.Attacker) }
	switch action {
	case Named:
		return true
	case Sent:
		if m, ok := toIs.(alert.Message); ok && f == alert.KindIP {
			return fromIs.Name() == m.SenderIP || !plays(fromRoles, alert.Destination, alert.CommandAndControl)
		} else if ok {
			return strings.HasPrefix(m.Sender, strings.TrimSuffix(addressOf(fromIs), "@"))
		}
		m, isMessage := fromIs.(alert.Message)
		if f == alert.KindIP {
			return k == alert.KindMailCluster
		}
		return is(k, alert.KindMailbox, alert.KindUser) && (!isMessage && f == alert.KindMailCluster || m.Recipient == "" || m.Recipient == addressOf(toIs) || alone(a, k))
	case Contained:
		return is(f, alert.KindMessage, alert.KindMailCluster) && is(k, alert.KindURL, alert.KindFile)
	case SignedIn:
		return f == alert.KindUser && k == alert.KindDevice || f == alert.KindIP && is(k, alert.KindUser, alert.KindMailbox) ||
			is(f, alert.KindUser, alert.KindMailbox) && k == alert.KindApp
	case Connected:
		if f == alert.KindIP {
			return k == alert.KindDevice && !plays(fromRoles, alert.Destination, alert.CommandAndControl)
		}
		if k == alert.KindDevice {
			return f == alert.KindDevice && origin(fromRoles) && !origin(toRoles)
		}
		return is(k, alert.KindIP, alert.KindURL) && is(f, alert.KindProcess, alert.KindDevice, alert.KindUser)
	case Ran:
		return is(f, alert.KindDevice, alert.KindUser, alert.KindFile) && k == alert.KindProcess
	case Made:
		return is(f, alert.KindProcess, alert.KindDevice) && (is(k, alert.KindFile, alert.KindRegistryKey) || k == alert.KindUser && plays(toRoles, alert.Created))
	case Moved:
		victim := func(roles []alert.Role) bool {
			return plays(roles, alert.Destination, alert.Attacked, alert.Compromised) && !origin(roles)
		}
		if !lateral || f != alert.KindDevice || k != alert.KindDevice {
			return false
		}
		switch {
		case origin(fromRoles) && !origin(toRoles), victim(toRoles) && !victim(fromRoles):
			return true
		}
		// Nothing tells them apart: the one that was named first.
		return origin(fromRoles) == origin(toRoles) && victim(fromRoles) == victim(toRoles) && slices.Compare(pair(w.first[from]), pair(w.first[to])) < 0
	}
	return false
}

func pair(place [2]int) []int { return place[:] }

func addressOf(e alert.Entity) string {
	switch e := e.(type) {
	case alert.User:
		return e.UPN
	case alert.Mailbox:
		return e.Address
	}
	return ""
}

// alone reports whether a names one entity of a kind.
func alone(a alert.Alert, k alert.Kind) bool {
	names := map[string]bool{}
	for _, e := range a.Evidence {
		if e.Entity != nil && e.Entity.Kind() == k {
			names[e.Entity.Name()] = true
		}
	}
	return len(names) == 1
}

// column returns where an entity must stand, and whether roles and categories tell.
func (w witness) column(key alert.Key) (Column, bool) {
	k, roles := w.kind[key], w.roles[key]
	switch k {
	case alert.KindMessage, alert.KindMailCluster:
		return Sources, true
	case alert.KindFile, alert.KindProcess, alert.KindRegistryKey:
		return Artefacts, true
	}
	if k.Asset() != alert.NotAsset {
		if roles[alert.Attacker] && !roles[alert.Attacked] && !roles[alert.Compromised] && !roles[alert.Destination] {
			return Sources, true
		}
		return Affected, true
	}
	if roles[alert.Destination] || roles[alert.CommandAndControl] {
		return Destinations, true
	}
	exfiltrated := false
	for _, a := range w.order {
		e, own := between(a, key)
		if e == nil || a.Category != "Exfiltration" && a.Category != "CommandAndControl" {
			continue
		}
		exfiltrated = true
		if device := slices.ContainsFunc(a.Evidence, func(e alert.Evidence) bool { _, ok := e.Entity.(alert.Device); return ok }); device &&
			(k == alert.KindIP || k == alert.KindURL) && !slices.Contains(own, alert.Source) && !slices.Contains(own, alert.Attacker) {
			return Destinations, true
		}
	}
	if (roles[alert.Source] || roles[alert.Attacker]) && !exfiltrated {
		return Sources, true
	}
	return Sources, false
}

// Whatever alerts tell, the graph is what they tell: all of it, each entity once, counted, judged and placed right, and no edge that no
// alert tells of.
func TestGraphIsWhatAlertsTell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alerts := anyStory(t)
		hidden := rapid.SampledFrom([]int{1, 2, 1000}).Draw(t, "one in so many is not drawn")
		drawn := func(k alert.Key) bool {
			return (len(k)*7+int(k[len(k)-1]))%hidden != hidden-1 || hidden == 1 && len(k)%2 == 0
		}
		g := graph(alerts, drawn)
		w := newWitness(alerts)

		in := map[alert.Key]int{}
		sizes := map[Column]int{}
		byNumber := map[int]int{}
		for n, node := range g.Nodes {
			require.True(t, n == 0 || g.Nodes[n-1].Column <= node.Column, "column by column")
			sizes[node.Column]++
			byNumber[node.Number] = n
			require.NotEmpty(t, node.Keys)
			malicious, suspicious := 0, 0
			kinds, verdicts := map[alert.Kind]bool{}, map[alert.EvidenceVerdict]bool{}
			for k, key := range node.Keys {
				_, again := in[key]
				require.False(t, again, "%s is there twice", key)
				in[key] = n
				require.True(t, k == 0 || slices.Compare(pair(w.first[node.Keys[k-1]]), pair(w.first[key])) < 0, "in the order of time")
				switch w.verdict[key] {
				case alert.Malicious:
					malicious++
				case alert.Suspicious:
					suspicious++
				}
				kinds[w.kind[key]], verdicts[w.verdict[key]] = true, true
				if column, sure := w.column(key); sure {
					require.Equal(t, column, node.Column, key)
				}
			}
			require.Equal(t, [2]int{malicious, suspicious}, [2]int{node.Malicious, node.Suspicious})
			require.Equal(t, only(kinds), node.Kind)
			require.Equal(t, only(verdicts), node.Verdict)
			if len(node.Keys) == 1 && !drawn(node.Keys[0]) {
				for k, other := range g.Nodes {
					require.False(t, k != n && other.Column == node.Column && other.Kind == node.Kind, "there is company for it")
				}
			}
		}
		maps.DeleteFunc(w.there, func(_ alert.Key, there bool) bool { return !there })
		require.Equal(t, slices.Sorted(maps.Keys(w.there)), slices.Sorted(maps.Keys(in)))
		require.LessOrEqual(t, len(g.Nodes), 60)
		for _, n := range sizes {
			require.LessOrEqual(t, n, 22)
		}
		for n := range g.Nodes {
			require.Contains(t, byNumber, n+1)
			require.True(t, n == 0 || slices.Compare(pair(w.first[g.Nodes[byNumber[n]].Keys[0]]), pair(w.first[g.Nodes[byNumber[n+1]].Keys[0]])) < 0)
		}

		joined, more, edges := map[int]bool{}, map[[2]int]bool{}, map[int]int{}
		for n, e := range g.Edges {
			require.Equal(t, n+1, e.Number)
			joined[e.From], joined[e.To] = true, true
			edges[e.From]++
			edges[e.To]++
			require.NotEmpty(t, e.Alerts)
			highest := alert.Severity(0)
			for k, id := range e.Alerts {
				a := w.byID[id]
				highest = max(highest, a.Severity)
				require.True(t, k == 0 || slices.IndexFunc(w.order, is(e.Alerts[k-1])) < slices.IndexFunc(w.order, is(id)))
				require.True(t, slices.ContainsFunc(g.Nodes[e.From].Keys, func(from alert.Key) bool {
					return slices.ContainsFunc(g.Nodes[e.To].Keys, func(to alert.Key) bool { return from != to && w.tells(a, from, to, e.Action) })
				}), "%s does not tell that %v %s %v", id, g.Nodes[e.From].Keys, e.Action, g.Nodes[e.To].Keys)
			}
			require.Equal(t, highest, e.Severity)
			require.True(t, w.byID[e.Alerts[0]].FirstActivity.Equal(e.Time))
			if n > 0 {
				before := g.Edges[n-1]
				require.LessOrEqual(t, slices.IndexFunc(w.order, is(before.Alerts[0])), slices.IndexFunc(w.order, is(e.Alerts[0])))
				require.NotEqual(t, [3]int{before.From, before.To, int(before.Action)}, [3]int{e.From, e.To, int(e.Action)})
			}
			if e.Action != Named {
				more[[2]int{min(e.From, e.To), max(e.From, e.To)}] = true
			}
		}
		for _, e := range g.Edges {
			require.False(t, e.Action == Named && (e.From == e.To && edges[e.From] > 2 || more[[2]int{min(e.From, e.To), max(e.From, e.To)}]), "that says nothing")
		}
		require.Len(t, joined, len(g.Nodes), "what is joined to nothing")

		rand.Shuffle(len(alerts), func(a, b int) { alerts[a], alerts[b] = alerts[b], alerts[a] })
		require.Equal(t, g, graph(alerts, drawn))
	})
}

func is(id alert.ID) func(alert.Alert) bool { return func(a alert.Alert) bool { return a.ID == id } }

// only returns the one that there is, the zero value for several.
func only[K comparable](set map[K]bool) (one K) {
	if len(set) == 1 {
		for k := range set {
			return k
		}
	}
	return one
}

func TestColumnAndActionText(t *testing.T) {
	for c := Sources; c <= Destinations; c++ {
		text, err := c.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, c.String(), string(text))
		var back Column
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, c, back)
	}
	for a := Named; a <= Moved; a++ {
		text, err := a.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, a.String(), string(text))
		var back Action
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, a, back)
	}
	_, err := (Destinations + 1).MarshalText()
	assert.Error(t, err)
	_, err = (Moved + 1).MarshalText()
	assert.Error(t, err)
	assert.ErrorIs(t, new(Column).UnmarshalText([]byte("middle")), alert.ErrInvalid)
	assert.ErrorIs(t, new(Action).UnmarshalText([]byte("met")), alert.ErrInvalid)
	out, err := json.Marshal(Graph{Nodes: []Node{{Number: 1, Column: Affected}}, Edges: []Edge{{Action: Moved}}})
	require.NoError(t, err)
	assert.Contains(t, string(out), `"column":"affected"`)
	assert.Contains(t, string(out), `"action":"moved"`)
}

// inWords returns the edges of a graph in words: "a did b".
func inWords(g Graph, alerts []alert.Alert) (lines []string) {
	names := map[alert.Key]string{}
	for _, a := range alerts {
		for _, e := range a.Evidence {
			names[alert.Identity(e.Entity)] = e.Entity.Name()
		}
	}
	name := func(n Node) string {
		if len(n.Keys) > 1 {
			return fmt.Sprint(len(n.Keys), " ", n.Kind)
		}
		return names[n.Keys[0]]
	}
	for _, e := range g.Edges {
		lines = append(lines, fmt.Sprint(name(g.Nodes[e.From]), " ", e.Action, " ", name(g.Nodes[e.To])))
	}
	return lines
}

func columnOf(t *testing.T, g Graph, e alert.Entity) Column {
	t.Helper()
	n := slices.IndexFunc(g.Nodes, func(n Node) bool { return slices.Contains(n.Keys, alert.Identity(e)) })
	require.GreaterOrEqual(t, n, 0, e.Name())
	return g.Nodes[n].Column
}

func everything(alert.Key) bool { return true }

func named(e alert.Entity, roles ...alert.Role) alert.Evidence {
	return alert.Evidence{Entity: e, Roles: roles}
}

func seen(n int, category string, evidence ...alert.Evidence) alert.Alert {
	return alert.Alert{ID: alert.ID(fmt.Sprint("a", n)), FirstActivity: at(n), Category: category, Evidence: evidence}
}

// An attack from the mail to the upload is told as people would.
func TestGraphOfAnAttack(t *testing.T) {
	var (
		mailbox, erin  = alert.Mailbox{Address: "erin@example.com"}, alert.User{UPN: "erin@example.com"}
		ws, fs         = alert.Device{DeviceID: "1", HostName: "ws"}, alert.Device{DeviceID: "2", HostName: "fs"}
		mail           = alert.Message{NetworkMessageID: "m", Subject: "mail", SenderIP: "203.0.113.24", Recipient: "erin@example.com"}
		sender         = alert.IP{Address: "203.0.113.24"}
		doc, dll       = alert.File{FileName: "doc", SHA256: strings.Repeat("1", 64)}, alert.File{FileName: "dll", SHA256: strings.Repeat("2", 64)}
		word           = alert.Process{PID: 1, Started: at(0), DeviceID: "1", Image: alert.File{FileName: "word"}}
		shell          = alert.Process{PID: 2, Started: at(1), DeviceID: "1", Image: alert.File{FileName: "shell"}, ParentPID: 1, ParentStarted: at(0)}
		run            = alert.Process{PID: 3, Started: at(2), DeviceID: "1", Image: alert.File{FileName: "run"}, ParentPID: 2, ParentStarted: at(1)}
		service        = alert.File{FileName: "service", SHA256: strings.Repeat("3", 64)}
		serving        = alert.Process{PID: 4, Started: at(5), Image: service}
		key            = alert.Registry{Hive: "HKLM", Key: "run"}
		control, taker = alert.URL{URL: "https://control.example/x"}, alert.IP{Address: "198.51.100.77"}
	)
	alerts := []alert.Alert{
		seen(0, "InitialAccess", named(mailbox), named(erin), named(mail), named(sender), named(doc)),
		seen(1, "Execution", named(ws), named(erin), named(doc), named(word), named(shell), named(dll, alert.Created), named(control)),
		seen(2, "Persistence", named(ws), named(run), named(dll, alert.Loaded), named(key)),
		seen(3, "CommandAndControl", named(ws), named(run), named(control)),
		seen(5, "LateralMovement", named(fs, alert.Attacked), named(ws, alert.Source), named(erin), named(service), named(serving)),
		seen(6, "Exfiltration", named(fs), named(erin), named(taker)),
	}
	g := graph(alerts, everything)
	assert.Equal(t, []string{
		"mail sent erin@example.com", "mail sent erin@example.com", "mail contained doc", "203.0.113.24 sent mail",
		"ws ran word (1)", "erin@example.com signedIn ws", "word (1) started shell (2)", "shell (2) named doc", "shell (2) made dll", "shell (2) connected https://control.example/x",
		"shell (2) started run (3)", "run (3) named dll", "run (3) made HKLM\\run", "run (3) connected https://control.example/x",
		"fs ran serving", "ws moved fs", "erin@example.com signedIn fs", "service ran serving", "fs connected 198.51.100.77",
	}, slices.Collect(func(yield func(string) bool) {
		for _, line := range inWords(g, alerts) {
			if !yield(strings.ReplaceAll(line, "service (4)", "serving")) {
				return
			}
		}
	}))
	for e, column := range map[alert.Entity]Column{mail: Sources, sender: Sources, mailbox: Affected, fs: Affected, doc: Artefacts, run: Artefacts, key: Artefacts, control: Destinations, taker: Destinations} {
		assert.Equal(t, column, columnOf(t, g, e), e.Name())
	}
}

// What roles do not tell is told by what an alert is about.
func TestDirections(t *testing.T) {
	a, b, user, mailbox := alert.Device{DeviceID: "a"}, alert.Device{DeviceID: "b"}, alert.User{UPN: "u"}, alert.Mailbox{Address: "m@example.com"}
	ip, url := alert.IP{Address: "198.51.100.1"}, alert.URL{URL: "https://x.example"}
	for _, c := range []struct {
		name     string
		alerts   []alert.Alert
		want     string // edges, joined by commas
		of       alert.Entity
		standing Column
	}{
		{"movement, both roles", []alert.Alert{seen(0, "LateralMovement", named(a, alert.Attacked), named(b, alert.Attacker))}, "b moved a", b, Sources},
		{"movement, one role", []alert.Alert{seen(0, "LateralMovement", named(a, alert.Compromised), named(b))}, "b moved a", b, Affected},
		{"movement, the same role", []alert.Alert{seen(0, "LateralMovement", named(a, alert.Compromised), named(b, alert.Compromised))}, "a moved b", a, Affected},
		{"movement, active before", []alert.Alert{seen(0, "Execution", named(b), named(user)), seen(1, "LateralMovement", named(a), named(b))}, "u signedIn b,b moved a", a, Affected},
		{"scanned", []alert.Alert{seen(0, "Discovery", named(a, alert.Scanned), named(b, alert.Source))}, "b connected a", a, Affected},
		{"sign-in", []alert.Alert{seen(0, "CredentialAccess", named(ip), named(user))}, "198.51.100.1 signedIn u", ip, Sources},
		{"sign-in to a mailbox", []alert.Alert{seen(0, "InitialAccess", named(mailbox), named(ip))}, "198.51.100.1 signedIn m@example.com", ip, Sources},
		{"an account that goes on", []alert.Alert{seen(0, "Exfiltration", named(user), named(ip)), seen(1, "InitialAccess", named(user), named(ip))}, "198.51.100.1 signedIn u", ip, Sources},
		{"upload by an account", []alert.Alert{seen(0, "Exfiltration", named(user), named(ip))}, "u connected 198.51.100.1", ip, Destinations},
		{"upload by a device", []alert.Alert{seen(0, "Exfiltration", named(user), named(ip), named(a))}, "u signedIn a,a connected 198.51.100.1", ip, Destinations},
		{"from an address", []alert.Alert{seen(0, "Execution", named(ip, alert.Source), named(a))}, "198.51.100.1 connected a", ip, Sources},
		{"source and target", []alert.Alert{seen(0, "InitialAccess", named(ip, alert.Source), named(a)), seen(1, "Exfiltration", named(ip, alert.Destination), named(a))},
			"198.51.100.1 connected a,a connected 198.51.100.1", ip, Destinations},
		{"a link that was followed", []alert.Alert{seen(0, "InitialAccess", named(url), named(user))}, "u connected https://x.example", url, Sources},
		{"a new account", []alert.Alert{seen(0, "Persistence", named(user, alert.Created), named(a))}, "a made u", user, Affected},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph(c.alerts, everything)
			assert.Equal(t, c.want, strings.Join(inWords(g, c.alerts), ","))
			assert.Equal(t, c.standing, columnOf(t, g, c.of))
		})
	}
}

// Many become one of a kind that did the same. The box says how many are malicious, and gives none of them a name or a verdict
// that is not that of all.
func TestGraphOfMany(t *testing.T) {
	a := seen(0, "CredentialAccess", named(alert.User{UPN: "u"}))
	for n := range 200 {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.IP{Address: fmt.Sprint("192.0.2.", n)}, Verdict: alert.Suspicious})
	}
	a.Evidence[70].Verdict, a.Evidence[71].Verdict = alert.Malicious, alert.Malicious
	g := graph([]alert.Alert{a}, everything)
	require.Len(t, g.Nodes, 4, "two malicious ones keep their names")
	g = graph([]alert.Alert{a}, func(k alert.Key) bool { return k.Namespace() != "ip" })
	require.Len(t, g.Nodes, 2)
	assert.Equal(t, []any{200, 2, 198, alert.NotJudged, alert.KindIP}, []any{len(g.Nodes[0].Keys), g.Nodes[0].Malicious, g.Nodes[0].Suspicious, g.Nodes[0].Verdict, g.Nodes[0].Kind})
	assert.Len(t, g.Edges, 1)
}

// A worm on many machines: the first ones keep their names, and how it spread is told although most are one box.
func TestGraphOfAWorm(t *testing.T) {
	device := func(n int) alert.Device { return alert.Device{DeviceID: fmt.Sprint("w", n)} }
	var alerts []alert.Alert
	for n := range 37 {
		alerts = append(alerts, seen(2*n, "Execution", named(device(n)), named(alert.Process{PID: 7, Started: at(n), DeviceID: fmt.Sprint("w", n)})))
		if n > 0 {
			alerts = append(alerts, seen(2*n, "LateralMovement", named(device(n), alert.Attacked), named(device(n/3), alert.Source)))
		}
	}
	for n := range alerts {
		alerts[n].ID = alert.ID(fmt.Sprintf("%03d", n))
	}
	g := graph(alerts, everything)
	lines := inWords(g, alerts)
	assert.Contains(t, lines, "w0 moved w1")
	assert.Contains(t, lines, "34 device moved 34 device")
	assert.Contains(t, lines, "34 device ran 34 process")
}

// As many as a column holds keep their names, and one more makes a box of several.
func TestGraphOfAFullColumn(t *testing.T) {
	for boxes, nodes := range map[int]int{22: 23, 23: 2} {
		a := seen(0, "Execution", named(alert.Device{DeviceID: "d"}))
		for n := range boxes {
			a.Evidence = append(a.Evidence, named(alert.File{FileName: fmt.Sprint("f", n)}))
		}
		assert.Len(t, graph([]alert.Alert{a}, everything).Nodes, nodes, boxes)
	}
}

// Where even the kinds are too many, a box is of several.
func TestGraphOfManyKinds(t *testing.T) {
	a := seen(0, "Execution", named(alert.Device{DeviceID: "d"}))
	for n := range 30 {
		a.Evidence = append(a.Evidence, named(alert.Other{Type: alert.Kind(fmt.Sprint("kind", n)), Label: "x"}))
	}
	g := graph([]alert.Alert{a}, everything)
	require.Len(t, g.Nodes, 2)
	assert.Len(t, g.Nodes[1].Keys, 30)
	assert.Empty(t, g.Nodes[1].Kind)
}

// A device is joined to a process that it ran by way of another one, if nothing else is said of it.
func TestDeviceOfAGrandchild(t *testing.T) {
	device, file := alert.Device{DeviceID: "d"}, alert.File{FileName: "f", SHA256: strings.Repeat("1", 64)}
	parent := alert.Process{PID: 1, Started: at(0), DeviceID: "d", Image: alert.File{FileName: "parent"}}
	child := alert.Process{PID: 2, Started: at(1), DeviceID: "d", Image: alert.File{FileName: "child"}, ParentPID: 1, ParentStarted: at(0)}
	alerts := []alert.Alert{seen(0, "", named(parent), named(file)), seen(1, "", named(device), named(child))}
	assert.Equal(t, []string{"parent (1) made f", "parent (1) started child (2)", "d ran child (2)"}, inWords(graph(alerts, everything), alerts))
	alerts = append(alerts, seen(2, "", named(device), named(parent)))
	assert.Equal(t, []string{"parent (1) made f", "parent (1) started child (2)", "d ran parent (1)"}, inWords(graph(alerts, everything), alerts))
}

// What is not known to be first is not told first.
func TestUntimedComesLast(t *testing.T) {
	untimed := seen(0, "", named(alert.Device{DeviceID: "a"}), named(alert.File{FileName: "f", SHA256: strings.Repeat("1", 64)}))
	untimed.FirstActivity = time.Time{}
	g := graph([]alert.Alert{untimed, seen(9, "", named(alert.Device{DeviceID: "b"}), named(alert.User{UPN: "u"}))}, everything)
	require.Len(t, g.Edges, 2)
	assert.Equal(t, SignedIn, g.Edges[0].Action)
	assert.Zero(t, g.Edges[1].Time)
}

func TestEmptyGraph(t *testing.T) {
	assert.Zero(t, graph(nil, everything))
	assert.Zero(t, graph([]alert.Alert{seen(0, "", named(alert.Device{DeviceID: "alone"}))}, everything))
	assert.Zero(t, graph([]alert.Alert{seen(0, "", named(alert.Device{DeviceID: "a"}), alert.Evidence{Entity: alert.File{FileName: "clean"}, Verdict: alert.NoThreatsFound})}, everything))
}
