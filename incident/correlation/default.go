package correlation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Default is the default correlator. The zero Default is ready to use.
type Default struct {
	Window time.Duration // how far apart two alerts may be that share a device or two weaker identifiers; 0 means 24 hours
	Burst  time.Duration // one weaker identifier links alerts that are nearer than this; 0 means a minute
	Near   time.Duration // one weaker identifier links alerts that are nearer than this in the cases below; 0 means an hour
	Life   time.Duration // how long the activity of an incident may last until another one opens; 0 means 7 days
	Size   int           // alerts of an incident until another one opens; 0 means 5,000
	Busy   int           // alerts of the window a weaker identifier may be on and still count beside another; 0 means 50
	Most   int           // open incidents that one alert may bring together; 0 means 10
	Reopen bool          // an alert that links resolved incidents and no open one joins the best of them, which reopens it

	// Identity names devices that many use, and entities that never link, besides the built-in ones.
	Identity alert.IdentityOptions
}

const few = 4 // sightings of a linking identifier that are looked at on each side

func (d Default) window() time.Duration { return cmp.Or(d.Window, 24*time.Hour) }
func (d Default) burst() time.Duration  { return cmp.Or(d.Burst, time.Minute) }
func (d Default) near() time.Duration   { return cmp.Or(d.Near, time.Hour) }
func (d Default) life() time.Duration   { return cmp.Or(d.Life, 7*24*time.Hour) }
func (d Default) size() int             { return cmp.Or(d.Size, 5_000) }
func (d Default) busy() int             { return cmp.Or(d.Busy, 50) }
func (d Default) most() int             { return cmp.Or(d.Most, 10) }

// Correlate decides where a belongs, reading from r. keys are those of a that are not stored yet: of an alert
// that is there, what its last report has added. Only what is new on such an alert links, or is worth more
// than it was, so that what a person has parted stays apart.
//
// A link is a function of two alerts alone, so that the grouping does not depend on the order in which they come. Two
// alerts are linked when they share
//
//   - a linking identifier, such as a device, with less than Window between their activities,
//   - identifiers of two things of different kinds, such as an account and a file, within the same time, where one of
//     them is weaker and the other weaker or supporting,
//   - one weaker identifier, with less than Burst between them,
//   - one weaker identifier, with less than Near between them, where one of them names no device, one of them is about
//     lateral movement, or an address of one is that of a device of the other.
//
// What an identifier is worth on an alert, [alert.Alert.Identifiers] says with the options Identity; on two
// alerts it has the lower strength of both. Of the open incidents that a is linked with, the one with the
// highest score wins, and of equal ones the one with the lowest Number; the others are to be merged into it.
// Where they are more than Most, a joins none of them. A standalone alert is not looked at and links nothing.
//
// Links that do not count are held back, with the reason: at most 10 of them.
func (d Default) Correlate(ctx context.Context, r storage.Reader, a alert.Alert, keys alert.KeySet) (Decision, error) {
	if a.Standalone {
		return Decision{}, nil
	}
	s := search{
		Default: d, ctx: ctx, r: r, a: a, ids: keys.Identifiers(),
		pairs: make(map[alert.ID]*pair), fresh: make(map[alert.Identifier]bool),
	}
	if err := d.Identity.Validate(); err != nil {
		return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
	}
	s.first, s.last = a.Interval()
	if s.ids == nil || s.configured() {
		s.ids = a.Identifiers(&d.Identity)
	}
	if err := s.compare(); err != nil {
		return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
	}
	if err := s.find(); err != nil {
		return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
	}
	if err := s.judge(); err != nil {
		return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
	}
	dec, err := s.choose()
	if err != nil {
		return Decision{}, fmt.Errorf("correlate alert %s: %w", a.ID, err)
	}
	return dec, nil
}

// compare finds out what is new.
func (s *search) compare() error {
	was := make(map[alert.Identifier]alert.Strength)
	all := s.a.Incident == "" // it is not stored
	if !all {
		old, err := s.r.Alert(s.ctx, s.a.ID)
		if err != nil {
			return err
		}
		first, last := old.Interval()
		all = !first.Equal(s.first) || !last.Equal(s.last) || old.Moves() != s.a.Moves()
		for _, id := range old.Identifiers(&s.Identity) {
			was[same(id)] = id.Strength
		}
	}
	for _, id := range s.ids {
		before, known := was[same(id)]
		s.fresh[same(id)] = all || !known || before < id.Strength
	}
	return nil
}

// same returns what two identifiers have in common that are the same.
func same(id alert.Identifier) alert.Identifier {
	return alert.Identifier{Key: id.Key, Stored: id.Stored, Lookup: id.Lookup}
}

// A search is one call of Correlate.
type search struct {
	Default
	ctx         context.Context
	r           storage.Reader
	a           alert.Alert
	first, last time.Time
	fresh       map[alert.Identifier]bool // those of ids that are new, or worth more than before
	ids         []alert.Identifier

	pairs map[alert.ID]*pair
	order []alert.ID // of pairs, as they were found
	busy  map[alert.Key]bool
	told  map[place]bool // of which there is a link, and whether it counts

	others map[alert.ID]alert.Alert // that were read
	links  []activity.Link
	of     []alert.Identifier // of links
	keys   []alert.Key        // that were looked up
}

// A place is a key in an incident.
type place struct {
	key      alert.Key
	incident incident.ID
}

// A pair is another alert that shares something with the one that is placed.
type pair struct {
	incident incident.ID
	first    time.Time
	shared   []sharing
	checked  bool // shared is what it is worth on both
}

// A sharing is an identifier that two alerts share.
type sharing struct {
	alert.Identifier
	links bool            // alone
	why   activity.Reason // it links alerts that are near; 0 when it does not
	other int             // number of the thing that it identifies on the other alert, once the pair is checked
}

// find fills pairs.
func (s *search) find() error {
	var linking, weaker, lasting, nearby []alert.Key
	by := make(map[alert.Key][]sharing)
	add := func(list *[]alert.Key, key alert.Key, sh sharing) {
		if len(by[key]) == 0 {
			*list = append(*list, key)
		}
		by[key] = append(by[key], sh)
	}
	ids := s.ids
	lateral, device := s.a.Moves(), alert.NamesDevice(ids)
	for _, id := range ids {
		switch {
		case id.Strength == alert.NotLinking:
			if id.Why != "" && s.fresh[same(id)] {
				s.note(activity.Link{Reason: reason(id.Key), Entity: id.Key, HeldBack: id.Why}, id)
			}
			continue
		case id.Strength == alert.Linking && s.fresh[same(id)]:
			add(&linking, id.Lookup.Linking(), sharing{Identifier: id, links: true})
			add(&lasting, id.Lookup.Lasting(), sharing{Identifier: id, links: true})
		}
		sh := sharing{Identifier: id}
		if id.Strength == alert.Supporting {
			add(&weaker, id.Lookup, sh)
			continue
		}
		switch {
		case lateral:
			sh.why = activity.LateralMovementPath
		case !device:
			sh.why = reason(id.Key)
		case id.Key.Namespace() == "device-ip":
			sh.why = activity.NetworkProximity
		}
		add(&weaker, id.Lookup, sh)
		if sh.why == 0 {
			sh.why = activity.LateralMovementPath
			add(&nearby, id.Lookup.Moving(), sh)
			if device {
				sh.why = reason(id.Key)
				add(&nearby, id.Lookup.Alone(), sh)
			}
		}
	}
	s.told = make(map[place]bool)
	s.others = make(map[alert.ID]alert.Alert)
	s.busy = make(map[alert.Key]bool)
	w := s.window()
	for _, look := range []struct {
		keys        []alert.Key
		from, until time.Time
		newest      bool
		limit       int
	}{
		{linking, s.first.Add(-w), s.last, true, few},
		{linking, s.last.Add(time.Microsecond), s.last.Add(w), false, few},
		{lasting, s.first.Add(-s.life()), s.first.Add(-w), true, few},
		{weaker, s.first.Add(-w), s.first, true, s.Default.busy() + 1},
		{weaker, s.first.Add(time.Microsecond), s.first.Add(w), false, s.Default.busy() + 1},
		{nearby, s.first.Add(-s.near()), s.first, true, few},
		{nearby, s.first.Add(time.Microsecond), s.first.Add(s.near()), false, few},
	} {
		if len(look.keys) == 0 {
			continue
		}
		q := storage.SightingQuery{Entities: look.keys, Newest: look.newest, Limit: look.limit}
		q = q.Between(look.from, look.until)
		if err := s.look(q, by, look.until.Before(s.first)); err != nil {
			return err
		}
	}
	s.keys = slices.DeleteFunc(weaker, func(key alert.Key) bool { return s.busy[by[key][0].Key] })
	several, err := s.contradicted(ids)
	if err != nil {
		return err
	}
	for _, id := range s.order {
		p := s.pairs[id]
		p.shared = slices.DeleteFunc(p.shared, func(sh sharing) bool {
			if !isShort(sh.Identifier) || !several[sh.Key] || p.shares(sh.Entity) {
				return false
			}
			s.note(activity.Link{Reason: reason(sh.Key), Entity: sh.Key, Incident: p.incident,
				HeldBack: "several full names have this short one"}, sh.Identifier)
			return true
		})
	}
	return nil
}

// look adds what q finds. Of alerts that began long before, it reads whether they last long enough.
func (s *search) look(q storage.SightingQuery, by map[alert.Key][]sharing, before bool) error {
	count := 0
	var of alert.Key
	for found, err := range storage.Sightings(s.ctx, s.r, q) {
		switch {
		case err != nil:
			return err
		case found.Standalone || found.Alert == s.a.ID:
			continue
		}
		if found.Entity != of {
			of, count = found.Entity, 0
		}
		shared := by[found.Entity]
		if count++; count > s.Default.busy() {
			for _, sh := range shared {
				s.busy[sh.Key] = true
			}
		}
		if before {
			b, err := s.alert(found.Alert)
			if err != nil {
				return err
			}
			if _, last := b.Interval(); last.Before(s.first.Add(-s.window())) {
				continue
			}
		}
		for _, sh := range shared {
			s.add(found, sh)
		}
	}
	return nil
}

// add adds that a shares something with the alert that was found.
func (s *search) add(found storage.Sighting, sh sharing) {
	p := s.pairs[found.Alert]
	if p == nil {
		p = &pair{incident: found.Incident, first: found.First}
		s.pairs[found.Alert] = p
		s.order = append(s.order, found.Alert)
	}
	p.shared = append(p.shared, sh)
}

// judge turns pairs into links.
func (s *search) judge() error {
	for _, id := range s.order {
		p := s.pairs[id]
		news := func(sh sharing) bool { return !s.told[place{sh.Key, p.incident}] }
		if !slices.ContainsFunc(p.shared, news) {
			continue // there is a link of all of it
		}
		if !slices.ContainsFunc(p.shared, func(sh sharing) bool { return s.fresh[same(sh.Identifier)] }) {
			continue // what it shared before was judged before
		}
		verdicts := s.verdicts(p)
		if s.unchecked(p, verdicts) {
			if err := s.check(p, id); err != nil {
				return err
			}
			verdicts = s.verdicts(p)
		}
		s.tell(p, verdicts)
	}
	return nil
}

// A verdict says whether what two alerts share links them.
type verdict struct {
	counts bool
	reason activity.Reason
	told   bool // why it does not count is worth telling
}

// verdicts returns one for each of p.shared.
func (s *search) verdicts(p *pair) []verdict {
	distance := p.first.Sub(s.first).Abs()
	closely, near := distance < s.burst(), distance < s.near()
	links, along := false, activity.NoReason
	for _, sh := range p.shared {
		links = links || sh.links
		if near {
			along = max(along, sh.why)
		}
	}
	several := s.several(p)
	all := make([]verdict, len(p.shared))
	for n, sh := range p.shared {
		v := verdict{counts: true, reason: reason(sh.Key)}
		alone := sh.Strength > alert.Supporting
		switch {
		case sh.links, several && !s.busy[sh.Key]:
		case closely && alone:
			v.reason = activity.TemporalProximity
		case along != activity.NoReason && sh.why == along:
			v.reason = along
		default:
			v.counts = false
			v.told = !links && along == activity.NoReason && !several && !(closely && s.anyAlone(p))
		}
		all[n] = v
	}
	return all
}

// held says why sh does not count.
func (s *search) held(p *pair, sh sharing) string {
	switch {
	case s.busy[sh.Key]:
		return fmt.Sprintf("on more than %d alerts within %s", s.Default.busy(), s.window())
	case sh.Strength == alert.Supporting:
		return "it counts beside others only: " + sh.Why
	}
	distance := p.first.Sub(s.first).Abs()
	return fmt.Sprintf("one weaker identifier alone, %s apart; it links within %s", distance, s.burst())
}

// several reports whether two things of different kinds that p shares link together.
func (s *search) several(p *pair) bool {
	for n, one := range p.shared {
		for _, two := range p.shared[:n] {
			if s.busy[one.Key] || s.busy[two.Key] || kind(one.Key) == kind(two.Key) || one.Entity == two.Entity ||
				p.checked && one.other == two.other {
				continue
			}
			if max(one.Strength, two.Strength) > alert.Supporting {
				return true
			}
		}
	}
	return false
}

func (s *search) anyAlone(p *pair) bool {
	return slices.ContainsFunc(p.shared, func(sh sharing) bool { return sh.Strength > alert.Supporting })
}

// unchecked reports whether something of p counts that the keys of the other alert do not tell, and that there is no
// link of yet.
func (s *search) unchecked(p *pair, verdicts []verdict) bool {
	for n, v := range verdicts {
		sh := p.shared[n]
		if v.counts && !s.told[place{sh.Key, p.incident}] && (!sh.links || s.configured()) {
			return true
		}
	}
	return false
}

// check reads the other alert of p, and lowers what they share to what it is worth on both.
func (s *search) check(p *pair, id alert.ID) error {
	b, err := s.alert(id)
	if err != nil {
		return err
	}
	ids := b.Identifiers(&s.Identity)
	p.checked = true
	p.shared = slices.DeleteFunc(p.shared, func(sh sharing) bool {
		return !slices.ContainsFunc(ids, func(other alert.Identifier) bool {
			return sh.Meets(other) && other.Strength > alert.NotLinking
		})
	})
	for n := range p.shared {
		sh := &p.shared[n]
		at := slices.IndexFunc(ids, sh.Meets)
		sh.other = ids[at].Entity
		if ids[at].Strength < sh.Strength {
			sh.Strength, sh.Why = ids[at].Strength, ids[at].Why
		}
		sh.links = sh.links && sh.Strength == alert.Linking
		if sh.Strength == alert.Supporting {
			sh.why = activity.NoReason
		}
	}
	return nil
}

// alert returns another alert, which is read once.
func (s *search) alert(id alert.ID) (alert.Alert, error) {
	if b, ok := s.others[id]; ok {
		return b, nil
	}
	b, err := s.r.Alert(s.ctx, id)
	if err == nil {
		s.others[id] = b
	}
	return b, err
}

// configured reports whether there are options by which an identifier is worth less than its alert's keys say.
func (s *search) configured() bool { return len(s.Identity.Shared)+len(s.Identity.Everywhere) > 0 }

// tell adds the links that follow from verdicts.
func (s *search) tell(p *pair, verdicts []verdict) {
	for n, v := range verdicts {
		sh := p.shared[n]
		at := place{sh.Key, p.incident}
		counted, told := s.told[at]
		if !v.counts && (told || !v.told || !s.fresh[same(sh.Identifier)]) {
			continue
		}
		s.told[at] = counted || v.counts
		l := activity.Link{Reason: v.reason, Entity: sh.Key, Incident: p.incident}
		if v.counts {
			l.Score = weight(sh.links)
		} else {
			l.HeldBack = s.held(p, sh)
		}
		s.note(l, sh.Identifier)
	}
}

// note adds a link, unless there is one of this entity and incident that counts as much. Of a name and its
// short form, the name stays.
func (s *search) note(l activity.Link, id alert.Identifier) {
	for n := range s.links {
		other, of := &s.links[n], &s.of[n]
		if other.Incident != l.Incident || other.Entity != l.Entity && of.Entity != id.Entity {
			continue
		}
		better := other.HeldBack != "" && l.HeldBack == "" || (other.HeldBack == "") == (l.HeldBack == "") &&
			(other.Score < l.Score || other.Score == l.Score && of.Stored != of.Lookup && id.Stored == id.Lookup)
		if better {
			*other, *of = l, id
		}
		if better || other.Entity == l.Entity || of.Stored != of.Lookup || id.Stored != id.Lookup {
			return
		}
	}
	s.links, s.of = append(s.links, l), append(s.of, id)
}

func weight(links bool) int {
	if links {
		return 5
	}
	return 2
}

// kind groups keys that say the same in other words, such as an account and its SID.
func kind(key alert.Key) string {
	switch n := key.Namespace(); n {
	case "device", "device-dir", "host", "short-host":
		return "device"
	case "user", "sid", "upn", "account", "short-account", "mailbox":
		return "user"
	case "sha256", "sha1", "md5", "file":
		return "file"
	case "ip", "url", "url-host", "device-ip":
		return "network"
	case "message", "internet-message", "sender", "mail-cluster":
		return "mail"
	case "session-role":
		return "resource"
	default:
		return n
	}
}

func reason(key alert.Key) activity.Reason {
	switch kind(key) {
	case "device", "user", "resource":
		return activity.SameAsset
	}
	return activity.SharedIndicators
}

// A candidate is an incident that links lead to.
type candidate struct {
	incident.Incident
	score int
	alone bool   // an identifier leads there that links alone
	why   string // it cannot be joined
}

// choose returns the decision.
func (s *search) choose() (Decision, error) {
	var all []*candidate
	of := make(map[incident.ID]*candidate)
	for _, l := range s.links {
		if l.Incident == "" || l.HeldBack != "" || of[l.Incident] != nil {
			continue
		}
		i, err := s.r.Incident(s.ctx, l.Incident)
		if err != nil {
			return Decision{}, err
		}
		c := &candidate{Incident: i, why: s.closed(i)}
		all, of[l.Incident] = append(all, c), c
	}
	open := slices.ContainsFunc(all, func(c *candidate) bool { return c.why == "" && c.Status.Open() })
	for _, c := range all {
		if c.why == "" && !c.Status.Open() && (open || !s.Reopen || c.Status != incident.Resolved) {
			c.why = "the incident is " + c.Status.String()
		}
	}
	s.score(of)
	joins := slices.DeleteFunc(slices.Clone(all), func(c *candidate) bool { return c.why != "" })
	slices.SortFunc(joins, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.Number, b.Number))
	})
	for _, rest := range []bool{false, true} { // what links alone is not held back over what does not
		for _, c := range joins {
			if len(joins) > s.most() && (rest || !c.alone) {
				c.why = fmt.Sprintf("the alert links %d incidents, more than %d", len(joins), s.most())
			}
		}
		joins = slices.DeleteFunc(joins, func(c *candidate) bool { return c.why != "" })
	}
	d := Decision{Keys: s.keys}
	if len(joins) == 0 { // another one that opens meanwhile would split what links alone
		for _, id := range s.ids {
			if id.Strength == alert.Linking && !slices.Contains(d.Keys, id.Lookup) {
				d.Keys = append(d.Keys, id.Lookup)
			}
		}
	}
	for n, c := range joins {
		if n == 0 {
			d.Incident = c.ID
		} else if c.Status.Open() {
			d.Merge = append(d.Merge, c.ID)
		}
	}
	held := 0
	for _, l := range s.links {
		if c := of[l.Incident]; c != nil && l.HeldBack == "" {
			l.HeldBack = c.why
			if c.why == "" && c.ID != d.Incident {
				l.HeldBack = outscored(joins[0], c)
			}
		}
		if l.HeldBack != "" {
			if held++; held > mostHeldBack {
				continue
			}
		}
		d.Links = append(d.Links, l)
	}
	slices.SortStableFunc(d.Links, func(a, b activity.Link) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Incident, b.Incident))
	})
	return d, nil
}

const mostHeldBack = 10

func outscored(best, c *candidate) string {
	if c.score == best.score {
		return fmt.Sprintf("another incident matches as well and is older (%d against %d)", best.score, c.score)
	}
	return fmt.Sprintf("another incident matches better (%d against %d)", best.score, c.score)
}

// closed says why i takes no alert of this time any more, and "" when it does.
func (s *search) closed(i incident.Incident) string {
	first, last := i.Alerts.FirstActivity, i.Alerts.LastActivity
	switch {
	case i.Alerts.Count >= s.size():
		return fmt.Sprintf("the incident has %d alerts; another one follows it", i.Alerts.Count)
	case !first.IsZero() && (s.last.Sub(first) > s.life() || last.Sub(s.first) > s.life()):
		return fmt.Sprintf("the incident would last longer than %s; another one follows it", s.life())
	}
	return ""
}

// score sums what the links to each incident weigh, where each thing counts once.
func (s *search) score(of map[incident.ID]*candidate) {
	entity := make(map[alert.Key]int)
	for _, id := range s.ids {
		if _, ok := entity[id.Key]; !ok {
			entity[id.Key] = id.Entity
		}
	}
	type thing struct {
		incident incident.ID
		entity   int
	}
	most := make(map[thing]int)
	for _, l := range s.links {
		if l.HeldBack == "" && of[l.Incident] != nil {
			t := thing{l.Incident, entity[l.Entity]}
			most[t] = max(most[t], l.Score)
			of[l.Incident].alone = of[l.Incident].alone || l.Score == weight(true)
		}
	}
	for t, score := range most {
		of[t.incident].score += score
	}
}
