package export

import (
	"cmp"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// A story is what alerts tell of entities, before it is made small enough for a page.
type story struct {
	alerts []alert.Alert    // in the order of time
	actors []actor          // in the order in which they are first named
	scenes []scene          // of each alert
	places map[entityID]int // of actors
	family family
}

// An actor is an entity of a story.
type actor struct {
	entityID
	kind    alert.Kind
	verdict alert.EvidenceVerdict // the worst
	column  Column
	first   int // place of the first alert that names it
}

// An entityID tells entities apart. A user and a mailbox may share a key.
type entityID struct {
	group alert.AssetGroup
	key   alert.Key
}

func idOf(e alert.Entity) entityID { return entityID{e.Kind().Asset(), alert.Identity(e)} }

// A scene is one alert as the graph reads it.
type scene struct {
	alert.Alert
	cast []part // in the order of evidence, each actor once
}

// A part is what one alert says of an actor.
type part struct {
	id     entityID
	actor  int
	entity alert.Entity
	roles  []alert.Role
	column hint
}

// process returns what is known of a process; nothing of one that is hidden.
func (p part) process() alert.Process {
	q, _ := p.entity.(alert.Process)
	return q
}

func (p part) plays(roles ...alert.Role) bool {
	return slices.ContainsFunc(p.roles, func(r alert.Role) bool { return slices.Contains(roles, r) })
}

// newStory reads alerts, which are in the order of time. What was found to be no threat, and is no asset, is
// not in it, and neither is what is always named alone.
func newStory(alerts []alert.Alert) *story {
	s := &story{alerts: alerts, places: make(map[entityID]int), family: newFamily(alerts)}
	known := make(map[entityID]*actor)
	var order []*actor
	for n, a := range alerts {
		for _, v := range a.Evidence {
			if v.Entity == nil {
				continue
			}
			id := idOf(v.Entity)
			if known[id] == nil {
				known[id] = &actor{entityID: id, kind: v.Entity.Kind(), first: n}
				order = append(order, known[id])
			}
			known[id].verdict = worse(known[id].verdict, v.Verdict)
		}
	}
	together := make(map[entityID]bool)
	for _, a := range alerts {
		cast := partsOf(a, known)
		for _, p := range cast {
			together[p.id] = together[p.id] || len(cast) > 1
		}
		s.scenes = append(s.scenes, scene{a, cast})
	}
	for _, a := range order {
		if together[a.entityID] {
			s.places[a.entityID] = len(s.actors)
			s.actors = append(s.actors, *a)
		}
	}
	hints := make([]hint, len(s.actors))
	for _, scene := range s.scenes {
		for k := range scene.cast {
			p, ok := &scene.cast[k], false
			if p.actor, ok = s.places[p.id]; ok {
				p.column = scene.hint(*p)
				hints[p.actor] = max(hints[p.actor], p.column)
			}
		}
	}
	for n := range s.actors {
		s.actors[n].column = hints[n].columnOf(s.actors[n].kind)
	}
	return s
}

// partsOf returns who plays a part in a.
func partsOf(a alert.Alert, known map[entityID]*actor) (cast []part) {
	places := make(map[entityID]int)
	for _, v := range a.Evidence {
		if v.Entity == nil {
			continue
		}
		id := idOf(v.Entity)
		if id.group == alert.NotAsset && known[id].verdict == alert.NoThreatsFound {
			continue
		}
		at, ok := places[id]
		if !ok {
			at = len(cast)
			places[id] = at
			cast = append(cast, part{id: id, entity: v.Entity})
		}
		cast[at].roles = slices.Concat(cast[at].roles, v.Roles)
	}
	return cast
}

// worse returns the worse of two verdicts.
func worse(a, b alert.EvidenceVerdict) alert.EvidenceVerdict {
	if badness(b) > badness(a) {
		return b
	}
	return a
}

// badness orders verdicts. A word that nobody here knows ranks above the harmless ones.
func badness(v alert.EvidenceVerdict) int {
	switch v {
	case alert.NotJudged:
		return 0
	case alert.NoThreatsFound:
		return 1
	case alert.Suspicious:
		return 3
	case alert.Malicious:
		return 4
	}
	return 2
}

// A hint says on which side of the assets an entity stands. The later, the more it counts.
type hint uint8

const (
	noHint         hint = iota
	usedFromWithin      // an address beside processes and devices
	cameFrom
	wentTo
	playedAttacker // an asset that is the attacker
	playedVictim   // and one that is hit as well
)

// hint returns what the alert says of p.
func (s scene) hint(p part) hint {
	if p.entity.Kind().Asset() != alert.NotAsset {
		switch {
		case p.plays(alert.Attacked, alert.Compromised, alert.Destination):
			return playedVictim
		case p.plays(alert.Attacker):
			return playedAttacker
		}
		return noHint
	}
	switch p.entity.(type) {
	case alert.Message, alert.MailCluster:
		return cameFrom
	case alert.File, alert.Process, alert.Registry:
		return noHint
	}
	isAddress := p.entity.Kind() == alert.KindIP || p.entity.Kind() == alert.KindURL
	switch tactic := alert.Tactic(s.Category); {
	case p.plays(alert.Destination, alert.CommandAndControl):
		return wentTo
	case p.plays(alert.Source, alert.Attacker):
		return cameFrom
	case !isAddress:
		return noHint
	case tactic == "CommandAndControl", tactic == "Exfiltration":
		if p.entity.Kind() == alert.KindIP && s.has(alert.KindUser, alert.KindMailbox) && !s.has(alert.KindProcess) && !s.hasAssets(alert.Devices) {
			return usedFromWithin // where data went or, if others tell of sign-ins, who took it
		}
		return wentTo
	case s.mailed(), s.aboutSignIn(), tactic == "InitialAccess", tactic == "Reconnaissance":
		return cameFrom
	case s.has(alert.KindProcess), s.hasAssets(alert.Devices):
		return usedFromWithin
	}
	return cameFrom
}

// columnOf returns where an entity of a kind stands of which alerts give h.
func (h hint) columnOf(k alert.Kind) Column {
	switch {
	case h == playedAttacker:
		return Sources
	case k.Asset() != alert.NotAsset:
		return Affected
	case h == cameFrom:
		return Sources
	case h == wentTo, h == usedFromWithin:
		return Destinations
	}
	return Artefacts
}

func (s scene) has(kinds ...alert.Kind) bool {
	return slices.ContainsFunc(s.cast, func(p part) bool { return slices.Contains(kinds, p.entity.Kind()) })
}

func (s scene) hasAssets(g alert.AssetGroup) bool {
	return slices.ContainsFunc(s.cast, func(p part) bool { return p.entity.Kind().Asset() == g })
}

// mailed reports whether s is about mail.
func (s scene) mailed() bool { return s.has(alert.KindMessage, alert.KindMailCluster) }

// aboutSignIn reports whether s is about how an account was signed in to.
func (s scene) aboutSignIn() bool {
	if !s.has(alert.KindUser, alert.KindMailbox) || s.mailed() || s.has(alert.KindProcess) {
		return false
	}
	switch alert.Tactic(s.Category) {
	case "InitialAccess", "CredentialAccess":
		return true
	}
	return s.shows("T1078", "T1110", "T1133", "T1621") || !s.hasAssets(alert.Devices)
}

// lateral reports whether s is about a way from one device to another.
func (s scene) lateral() bool {
	return alert.Tactic(s.Category) == "LateralMovement" || s.shows("T1021", "T1570", "T1550", "T1563")
}

// shows reports whether s names one of these techniques, or a part of one.
func (s scene) shows(techniques ...string) bool {
	return slices.ContainsFunc(s.Techniques, func(t string) bool {
		whole, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(t)), ".")
		return slices.Contains(techniques, whole)
	})
}

// web returns the graph of all of s, one node for an actor that is drawn, and one for all others of a kind in
// a column.
func (s *story) web(drawn func(alert.Key) bool) web {
	alone := make([]bool, len(s.actors))
	for n := range s.worstFirst() {
		alone[n] = drawn(s.actors[n].key)
	}
	w := web{edges: make(map[link]told)}
	places := make([]int, len(s.actors))
	type shelf struct {
		column Column
		kind   alert.Kind
	}
	shelves := make(map[shelf]int)
	for n, a := range s.actors {
		this := node{Node: Node{Column: a.column, Kind: a.kind, Verdict: a.verdict}, actors: []int{n}, undrawn: !drawn(a.key)}
		switch a.verdict {
		case alert.Malicious:
			this.Malicious = 1
		case alert.Suspicious:
			this.Suspicious = 1
		}
		if at, ok := shelves[shelf{a.column, a.kind}]; ok && !alone[n] {
			w.nodes[at].add(this)
			places[n] = at
			continue
		}
		if !alone[n] {
			shelves[shelf{a.column, a.kind}] = len(w.nodes)
		}
		places[n] = len(w.nodes)
		w.nodes = append(w.nodes, this)
	}
	var indirect []telling
	for n, scene := range s.scenes {
		t := telling{scene: scene, at: n, story: s, places: places, web: w, joined: make(map[int]bool)}
		t.tell()
		if len(t.indirect) > 0 {
			indirect = append(indirect, t)
		}
	}
	joined := make(map[int]bool)
	for l := range w.edges {
		joined[l.from], joined[l.to] = true, true
	}
	for _, t := range indirect {
		for _, pair := range t.indirect {
			if !joined[places[t.cast[pair[0]].actor]] {
				t.join(pair[0], pair[1], Ran)
			}
		}
	}
	return w.accompanied()
}

// worstFirst returns the actors that may stand alone.
func (s *story) worstFirst() map[int]bool {
	order := make([]int, len(s.actors))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(badness(s.actors[b].verdict), badness(s.actors[a].verdict))
	})
	first := make(map[int]bool)
	for _, n := range order[:min(len(order), maxAlone)] {
		first[n] = true
	}
	return first
}

// accompanied returns w with each node that is one entity that is not drawn together with the least telling
// one of its kind and column, if there is any.
func (w web) accompanied() web {
	names := make(map[int]string)
	for n, have := range w.nodes {
		if !have.undrawn || len(have.actors) > 1 {
			continue
		}
		mate := -1
		for k, other := range w.nodes {
			if k != n && other.Column == have.Column && other.Kind == have.Kind &&
				(mate < 0 || badness(other.Verdict) <= badness(w.nodes[mate].Verdict)) {
				mate = k
			}
		}
		if mate >= 0 {
			text := string(have.Kind) + " " + have.Column.String()
			names[n], names[mate] = text, text
		}
	}
	return w.rebuilt(func(at int) string { return names[at] })
}

// A telling joins the nodes of one scene.
type telling struct {
	scene
	at     int // place of the alert
	story  *story
	places []int // of the nodes of actors
	web    web
	joined map[int]bool // parts

	indirect [][2]int // devices and processes on them that others started, which may say enough
}

// join says that a part did something to another. Parts are named by their places in the cast.
func (t *telling) join(from, to int, a Action) {
	if from == to {
		return
	}
	t.joined[from], t.joined[to] = true, true
	t.link(t.cast[from].actor, t.cast[to].actor, from, to, a)
}

func (t *telling) link(from, to, fromPlace, toPlace int, a Action) {
	t.web.join(link{t.places[from], t.places[to], a}, told{[]int{t.at}, [2]int{fromPlace, toPlace}})
}

// joinAll joins each of from with each of to, as far as they are nodes of their own.
func (t *telling) joinAll(from, to []int, a Action) {
	if len(from) == 0 || len(to) == 0 {
		return
	}
	for _, f := range t.different(from) {
		for _, k := range t.different(to) {
			t.join(f, k, a)
		}
	}
	for _, p := range slices.Concat(from, to) {
		t.joined[p] = true
	}
}

// different returns one part for each node.
func (t *telling) different(parts []int) (out []int) {
	seen := make(map[int]bool)
	for _, p := range parts {
		if node := t.places[t.cast[p].actor]; !seen[node] {
			seen[node] = true
			out = append(out, p)
		}
	}
	return out
}

// of returns the parts that are so.
func (t *telling) of(is func(p part) bool) (out []int) {
	for n, p := range t.cast {
		if is(p) {
			out = append(out, n)
		}
	}
	return out
}

func (t *telling) ofKind(kinds ...alert.Kind) []int {
	return t.of(func(p part) bool { return slices.Contains(kinds, p.entity.Kind()) })
}

func (t *telling) ofGroup(g alert.AssetGroup) []int {
	return t.of(func(p part) bool { return p.entity.Kind().Asset() == g })
}

// tell joins what the alert names.
func (t *telling) tell() {
	if len(t.cast) < 2 {
		return
	}
	t.mail()
	t.moves()
	t.accounts()
	t.processes()
	t.files()
	t.addresses()
	t.rest()
}

// mail joins messages with who sent them, who received them and what they brought.
func (t *telling) mail() {
	mail := t.ofKind(alert.KindMessage, alert.KindMailCluster)
	if len(mail) == 0 {
		return
	}
	people := t.ofKind(alert.KindMailbox, alert.KindUser)
	receivers := t.ofKind(alert.KindMailbox)
	if len(receivers) == 0 {
		receivers = people
	}
	for _, m := range mail {
		message, _ := t.cast[m].entity.(alert.Message)
		t.joinAll(t.reached(people, message.Sender), []int{m}, Sent)
		if from := alert.Identity(alert.IP{Address: message.SenderIP}); message.SenderIP != "" {
			for _, ip := range t.ofKind(alert.KindIP) {
				if t.story.actors[t.cast[ip].actor].key == from {
					t.join(ip, m, Sent)
				}
			}
		}
		if message.Recipient == "" {
			t.joinAll([]int{m}, receivers, Sent)
		} else if to := t.reached(people, message.Recipient); len(to) > 0 {
			t.joinAll([]int{m}, to, Sent)
		} else if len(receivers) == 1 { // another address of the same mailbox
			t.join(m, receivers[0], Sent)
		}
	}
	if messages := t.ofKind(alert.KindMessage); len(messages) > 0 {
		mail = messages
	}
	if !t.has(alert.KindProcess) {
		t.joinAll(mail, t.ofKind(alert.KindURL, alert.KindFile), Contained)
	}
	for _, ip := range t.ofKind(alert.KindIP) {
		if !t.joined[ip] && t.cast[ip].column == cameFrom {
			t.joinAll([]int{ip}, mail, Sent)
		}
	}
}

// reached returns the mailbox and the account with that mail address.
func (t *telling) reached(people []int, address string) (found []int) {
	want := alert.Identity(alert.Mailbox{Address: address})
	if want.Namespace() != "mailbox" {
		return nil
	}
	for _, p := range people {
		var has []string
		switch e := t.cast[p].entity.(type) {
		case alert.Mailbox:
			has = []string{e.Address, e.UPN}
		case alert.User:
			has = []string{e.UPN}
		}
		if slices.ContainsFunc(has, func(a string) bool { return alert.Identity(alert.Mailbox{Address: a}) == want }) {
			found = append(found, p)
		}
	}
	return found
}

// moves joins devices that something went between.
func (t *telling) moves() {
	from, to := t.ends()
	action := Connected
	if t.lateral() {
		action = Moved
	}
	t.joinAll(from, to, action)
}

// ends returns the devices that the alert says something came from, and those it went to. Where their roles
// do not tell and the alert is about lateral movement, it came from the one that was named first.
func (t *telling) ends() (from, to []int) {
	devices := t.ofGroup(alert.Devices)
	if len(devices) < 2 {
		return nil, nil
	}
	var others []int
	for _, d := range devices {
		switch p := t.cast[d]; {
		case p.plays(alert.Source, alert.Attacker):
			from = append(from, d)
		case p.plays(alert.Destination, alert.Attacked, alert.Compromised, alert.Scanned):
			to = append(to, d)
		default:
			others = append(others, d)
		}
	}
	if !t.lateral() {
		return from, to
	}
	switch {
	case len(from) > 0 && len(to) > 0:
	case len(from) > 0 && len(others) > 0:
		to = others
	case len(to) > 0 && len(others) > 0:
		from = others
	default: // all of them play the same part
		slices.SortStableFunc(devices, func(a, b int) int { return cmp.Compare(t.cast[a].actor, t.cast[b].actor) })
		from, to = devices[:1], devices[1:]
	}
	return from, to
}

// accounts joins accounts with the devices that they signed in to, and addresses with the accounts.
func (t *telling) accounts() {
	made := func(p part) bool { return p.entity.Kind() == alert.KindUser && p.plays(alert.Created, alert.Added) }
	users := t.of(func(p part) bool { return p.entity.Kind() == alert.KindUser && !made(p) })
	devices := t.ofGroup(alert.Devices)
	if _, to := t.ends(); len(to) > 0 && t.lateral() {
		devices = to
	}
	t.joinAll(users, devices, SignedIn)
	for _, u := range t.of(made) {
		if p := t.chosen("", ""); p >= 0 {
			t.join(p, u, Made)
		} else if home := t.home(); home >= 0 {
			t.join(home, u, Made)
		}
	}
	accounts := users
	if len(accounts) == 0 {
		accounts = t.ofKind(alert.KindMailbox)
	}
	if t.aboutSignIn() {
		t.joinAll(t.of(func(p part) bool { return p.entity.Kind() == alert.KindIP && p.column == cameFrom }), accounts, SignedIn)
		t.joinAll(accounts, slices.Concat(t.ofGroup(alert.Apps), t.ofGroup(alert.CloudResources)), SignedIn)
	}
}

// home returns the device that the alert is about where one must be told, -1 if it names none.
func (t *telling) home() int { return t.deviceOf(t.at, "") }

// deviceOf returns the part of the device that something is on, -1 if the alert does not name it.
func (t *telling) deviceOf(at int, deviceID string) int {
	id := t.story.family.deviceOf(at, deviceID)
	for n, p := range t.cast {
		if t.story.actors[p.actor].entityID == id {
			return n
		}
	}
	return -1
}

// processes joins processes with what started them.
func (t *telling) processes() {
	users := t.ofKind(alert.KindUser)
	for _, n := range t.ofKind(alert.KindProcess) {
		p := t.cast[n].process()
		if parent := t.parent(p); parent >= 0 {
			t.joined[n] = true
			place := slices.IndexFunc(t.cast, func(o part) bool { return o.actor == parent })
			if place >= 0 {
				t.joined[place] = true
			} else if d := t.deviceOf(t.at, deviceOfProcess(p)); d >= 0 {
				t.joined[d] = true
				t.indirect = append(t.indirect, [2]int{d, n})
			}
			t.link(parent, t.cast[n].actor, place, n, Started)
			continue
		}
		if d := t.deviceOf(t.at, deviceOfProcess(p)); d >= 0 {
			t.join(d, n, Ran)
			continue
		}
		as := slices.IndexFunc(users, func(u int) bool { return p.User != (alert.User{}) && idOf(p.User) == idOf(t.cast[u].entity) })
		switch {
		case as >= 0:
			t.join(users[as], n, Ran)
		case len(users) == 1 && p.User == (alert.User{}):
			t.join(users[0], n, Ran)
		}
	}
}

// parent returns the actor that is the parent of p, as this alert tells of p; -1 if it is not in the graph.
func (t *telling) parent(p alert.Process) int {
	key := t.story.family.parentOf(t.at, p)
	if at, ok := t.story.places[entityID{alert.NotAsset, key}]; ok {
		return at
	}
	return -1
}

// chosen returns the process that most likely did something on a device, "" for any: the one whose command
// line has the text, or else the worst, or else the one that started last. It is -1 where there is none.
func (t *telling) chosen(deviceID, text string) int {
	processes := t.ofKind(alert.KindProcess)
	if deviceID != "" {
		want := t.story.family.deviceOf(t.at, deviceID)
		processes = slices.DeleteFunc(processes, func(n int) bool {
			return t.story.family.deviceOf(t.at, deviceOfProcess(t.cast[n].process())) != want
		})
	}
	best := -1
	better := func(a, b int) bool {
		p, q := t.cast[a].process(), t.cast[b].process()
		if x, y := mentions(p, text), mentions(q, text); x != y {
			return x
		}
		if x, y := badness(t.verdict(a)), badness(t.verdict(b)); x != y {
			return x > y
		}
		return !p.Started.Before(q.Started)
	}
	for _, n := range processes {
		if best < 0 || better(n, best) {
			best = n
		}
	}
	return best
}

func (t *telling) verdict(part int) alert.EvidenceVerdict {
	return t.story.actors[t.cast[part].actor].verdict
}

func mentions(p alert.Process, text string) bool {
	return text != "" && strings.Contains(strings.ToLower(p.CommandLine), strings.ToLower(text))
}

// files joins files and registry keys with what made them.
func (t *telling) files() {
	for _, n := range t.ofKind(alert.KindFile, alert.KindRegistryKey, alert.KindRegistryValue) {
		if t.joined[n] {
			continue
		}
		var device, name string
		known := !t.cast[n].plays(alert.Created, alert.Added, alert.Edited) && t.cast[n].plays(alert.Loaded)
		switch e := t.cast[n].entity.(type) {
		case alert.File:
			if p := t.programOf(e); p >= 0 {
				t.join(n, p, Ran)
				continue
			}
			device, name = e.DeviceID, e.FileName
			// What was there before was not made now, unless it is said.
			known = known || !t.cast[n].plays(alert.Created, alert.Added, alert.Edited) && t.story.actors[t.cast[n].actor].first < t.at
		case alert.Registry:
			device = e.DeviceID
		}
		by := t.chosen(device, name)
		if by < 0 {
			if by = t.deviceOf(t.at, device); by < 0 {
				continue
			}
			known = known || !t.cast[n].plays(alert.Created, alert.Added, alert.Edited)
		}
		if known {
			t.join(by, n, Named)
		} else {
			t.join(by, n, Made)
		}
	}
}

// programOf returns the process that f is the program of, -1 if there is none.
func (t *telling) programOf(f alert.File) int {
	f.DeviceID = ""
	for _, n := range t.ofKind(alert.KindProcess) {
		image := t.cast[n].process().Image
		image.DeviceID = ""
		if image.FileName+image.SHA256+image.SHA1+image.MD5 != "" && alert.Identity(image) == alert.Identity(f) {
			return n
		}
	}
	return -1
}

// addresses joins addresses with what connected to them, or what they connected to.
func (t *telling) addresses() {
	for _, n := range t.ofKind(alert.KindIP, alert.KindURL) {
		if t.joined[n] {
			continue
		}
		inbound := t.cast[n].entity.Kind() == alert.KindIP && (t.cast[n].column == cameFrom ||
			t.cast[n].column == usedFromWithin && t.story.actors[t.cast[n].actor].column == Sources)
		devices := t.ofGroup(alert.Devices)
		if inbound {
			switch accounts := t.ofKind(alert.KindUser, alert.KindMailbox); {
			case len(devices) > 0:
				t.joinAll([]int{n}, devices, Connected)
			case len(accounts) > 0:
				t.joinAll([]int{n}, accounts, SignedIn)
			}
			continue
		}
		if p := t.chosen("", hostOf(t.cast[n].entity)); p >= 0 {
			t.join(p, n, Connected)
			continue
		}
		if from, _ := t.ends(); len(from) > 0 {
			devices = from
		}
		if len(devices) == 0 {
			devices = t.ofKind(alert.KindUser)
		}
		t.joinAll(devices, []int{n}, Connected)
	}
}

// hostOf returns what a command line that connects to e would have in it.
func hostOf(e alert.Entity) string {
	name := e.Name()
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name, _, _ = strings.Cut(rest, "/")
	}
	return name
}

// rest joins what is left with an asset, or else with what is named first.
func (t *telling) rest() {
	assets := t.of(func(p part) bool { return p.entity.Kind().Asset() != alert.NotAsset })
	hub := t.home()
	if hub < 0 && len(assets) > 0 {
		hub = assets[0]
	}
	if hub < 0 {
		hub = 0
	}
	for n, p := range t.cast {
		if n != hub && !t.joined[n] && p.entity.Kind().Asset() == alert.NotAsset {
			t.join(hub, n, Named)
		}
	}
	things := t.of(func(p part) bool { return p.entity.Kind().Asset() == alert.NotAsset })
	for n := range t.cast {
		switch {
		case t.joined[n]:
		case len(things) > 0 && n != things[0]:
			t.join(n, things[0], Named)
		case n != hub:
			t.join(hub, n, Named)
		default: // all others are joined among themselves
			t.join(n, (n+1)%len(t.cast), Named)
		}
	}
}
