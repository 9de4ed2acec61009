package incident

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// Limits of a merge and of what it or a move may fill an incident with. Microsoft Defender XDR has such limits
// too and does not publish them; these are this library's.
const (
	MaxMerge    = 50     // sources of one merge
	MaxEntities = 20_000 // different entities on the alerts of an incident
)

// RedirectedTag is the system tag of an incident that was merged into another. Source: Microsoft Defender XDR.
const RedirectedTag = "Redirected"

// The reasons for which incidents are not merged, not taken apart again, or alerts not moved, besides
// [ErrRedirected]. Test for them with [errors.Is].
var (
	ErrResolved        error = &reason{"incident: resolved", ErrRefused}
	ErrOwners          error = &reason{"incident: assigned to two different owners", ErrRefused}
	ErrVerdicts        error = &reason{"incident: classified in two different ways", ErrRefused}
	ErrKept            error = &reason{"incident: both are kept by other systems", ErrRefused}
	ErrTooManyEntities error = &reason{"incident: too many entities", ErrRefused}
	ErrTooManyTags     error = &reason{"incident: too many tags", ErrRefused}
	ErrItself          error = &reason{"incident: merged into itself", ErrRefused}
	ErrCycle           error = &reason{"incident: one leads to the other already", ErrRefused}
	ErrTooManyAtOnce   error = &reason{"incident: too many at once", ErrRefused}
	ErrNotMerged       error = &reason{"incident: not merged here", ErrRefused}
	ErrChanged         error = &reason{"incident: changed since the merge", ErrRefused}
)

// ErrCurrent is the reason for which an entry is not redacted: its record has the text still. Test for it with
// [errors.Is].
var ErrCurrent error = &reason{"incident: the text is still there", ErrRefused}

// A Refusal is one reason why one incident cannot take part in a merge, an unmerge or a move, or why an entry of it
// cannot be redacted.
type Refusal struct {
	Incident ID     `json:"incident"`         // the incident it is about, as the caller named it
	Reason   error  `json:"-"`                // one of this package's errors; in JSON its text, "error"
	Detail   string `json:"detail,omitempty"` // such as "assigned to mona, not to kai"; "" when the reason says all
}

// MarshalJSON returns r with the text of its Reason as "error".
func (r Refusal) MarshalJSON() ([]byte, error) {
	type fields Refusal
	return json.Marshal(struct {
		fields
		Error string `json:"error"`
	}{fields(r), fmt.Sprint(r.Reason)})
}

// Error returns a sentence naming the incident, the reason and the detail.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("incident %s: %s", r.Incident, strings.TrimPrefix(fmt.Sprint(r.Reason), "incident: "))
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	return text
}

// Unwrap returns r.Reason.
func (r *Refusal) Unwrap() error { return r.Reason }

// A RefusedError holds every reason for which a merge, an unmerge, a move or a redaction cannot be. It matches
// [ErrRefused] and each of their reasons.
type RefusedError struct {
	Refusals []*Refusal `json:"refusals"` // never empty
}

// Error returns a line for each refusal.
func (e *RefusedError) Error() string {
	var lines []string
	for _, r := range e.Refusals {
		lines = append(lines, r.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns [ErrRefused] and the refusals.
func (e *RefusedError) Unwrap() []error {
	errs := []error{ErrRefused}
	for _, r := range e.Refusals {
		errs = append(errs, r)
	}
	return errs
}

func (e *RefusedError) add(id ID, reason error, detail string) {
	e.Refusals = append(e.Refusals, &Refusal{id, reason, detail})
}

// unlessOpen refuses an incident that is done with.
func (e *RefusedError) unlessOpen(p Party) {
	switch i := p.Incident; i.Status {
	case Resolved:
		e.add(p.name(), ErrResolved, "")
	case Redirected:
		e.add(p.name(), ErrRedirected, "leads to "+string(i.RedirectTo))
	case Purged:
		e.add(p.name(), ErrPurged, "")
	}
}

// limit refuses too many entities together.
func (e *RefusedError) limit(id ID, entities int) *RefusedError {
	if entities > MaxEntities {
		e.add(id, ErrTooManyEntities, fmt.Sprintf("at most %d, not %d", MaxEntities, entities))
	}
	return e
}

// err returns e unless it is empty, and what is wrong with a reason that somebody gave for the record.
func (e *RefusedError) err(record, reason string) error {
	p := problems{record: record}
	p.text("reason", reason, MaxComment)
	if len(e.Refusals) > 0 {
		p.errs = append(p.errs, e)
	}
	if len(p.errs) == 1 {
		return p.errs[0]
	}
	return p.err()
}

// A Party is an incident that is to be merged, or taken apart again.
type Party struct {
	Case     // with the alerts that the rule needs
	Named ID // how the caller named it, where redirects lead from there to the incident; "" means by its ID

	// Log is all its entries, in the order of Seq. Of the target of a merge those suffice whose Origin is one of the
	// incidents that [Origins] names.
	Log []activity.Entry
}

func (p Party) name() ID {
	if p.Named != "" {
		return p.Named
	}
	return p.Incident.ID
}

// Merge returns the effects of merging sources into target: first that on the target, with all alerts that
// move, then one on each source, in their order. They are to be stored at once. A source that is given twice
// counts once. reason is put into the log, at most [MaxComment] code points; it may be "".
//
// The target gets the alerts with the tags that they bring, the other tags, the references, and copies of the
// log entries of each source, its comments among them, which name where they come from in Origin, and in
// Subject the entry itself. Whatever it has already, from a merge that was undone or by way of another
// incident, it does not get twice.
//
// It keeps its description. The further status wins, which is InProgress. A severity that a person chose for
// the target stays, unless a higher one was chosen for a source; one that was chosen for a source alone is
// taken over unless it is below that of the target. Where no person chose, the highest wins, as derived or
// given by another system. Owner and verdict are taken over where the target has none. It gets a newly
// generated name, also in place of one that a person chose. It keeps its name only when there are no alerts
// at all, or another system gave the name. Alerts keep their owners and their verdicts.
//
// A source becomes Redirected, with the system tag [RedirectedTag]. It has no more alerts; name, severity, tags,
// references and everything else stay as they were, and so does its log.
//
// The error holds every refusal, as a [*RefusedError]: an incident that is resolved or was merged away, two
// owners, two verdicts, more than [MaxEntities] or [MaxTags] together, more than [MaxMerge] sources, the target
// among the sources, which is ErrItself, or ErrCycle where redirects lead from one to the other.
//
// Merge needs all alerts of the target and of each source, unless there are more than MaxMerge sources.
//
// Source: Microsoft Defender XDR, merge incidents, where the service chooses the target.
func Merge(cmd Command, target Party, sources []Party, reason string) ([]Effect, error) {
	refused := &RefusedError{}
	if n := len(sources); n > MaxMerge {
		refused.add(target.name(), ErrTooManyAtOnce, fmt.Sprintf("at most %d, not %d", MaxMerge, n))
	} else if err := complete(target, sources...); err != nil {
		return nil, err
	}
	refused.unlessOpen(target)
	m := merging{target: target.Incident, entities: identities(target.Alerts), told: make(map[teller]bool)}
	for _, e := range target.Log {
		m.told[tellerOf(e)] = true
	}
	done := map[ID]bool{}
	for _, s := range sources {
		switch id := s.Incident.ID; {
		case done[id]:
			continue
		case id == m.target.ID && s.name() == target.name():
			refused.add(s.name(), ErrItself, "")
			continue
		case id == m.target.ID:
			refused.add(s.name(), ErrCycle, "")
			continue
		default:
			done[id] = true
		}
		refused.unlessOpen(s)
		m.take(cmd, refused, s, reason)
	}
	refused.limit(target.name(), len(m.entities))
	if n := len(own(m.target.Tags)); n > MaxTags {
		refused.add(target.name(), ErrTooManyTags, fmt.Sprintf("at most %d, not %d", MaxTags, n))
	}
	if err := refused.err("incident "+string(target.name()), reason); err != nil {
		return nil, err
	}
	for n := range m.entries {
		e := &m.entries[n]
		e.ID, e.Version = cmd.EntryID(n), target.Incident.Version+1
		if e.Origin == "" { // a copy keeps its command
			e.Part, e.Index = cmd.Part, n
		}
	}
	if len(m.sources) == 0 {
		return nil, nil
	}
	return append([]Effect{{Incident: m.target, Alerts: m.alerts, Activity: m.entries}}, m.sources...), nil
}

// complete reports alerts that are not all those of the incidents of the parties, each once.
func complete(p Party, more ...Party) error {
	err := p.complete()
	for n := 0; n < len(more) && err == nil; n++ {
		err = more[n].complete()
	}
	return err
}

// MergeLinked is [Merge] of one source, as correlation does it because the alert a links both by keys, which
// is the reason that the log has. It refuses besides, with ErrKept, what is not for a program to decide: to
// merge two incidents that other systems keep, which are those that have References.
func MergeLinked(cmd Command, target, source Party, a alert.ID, keys []alert.Key) ([]Effect, error) {
	if len(target.Incident.References) > 0 && len(source.Incident.References) > 0 {
		refused := &RefusedError{}
		refused.add(source.name(), ErrKept, "")
		return nil, refused
	}
	return Merge(cmd, target, []Party{source}, linkedText(a, keys))
}

// Origins returns the incidents of which [Merge] may copy entries from the logs of sources, each once.
func Origins(sources []Party) []ID {
	var all []ID
	seen := make(map[ID]bool)
	for _, s := range sources {
		for _, e := range s.Log {
			if id := tellerOf(e).origin; !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	return all
}

// A teller is what an entry and all its copies have in common, and nothing else.
type teller struct {
	origin      ID // the incident whose log it stood in first
	cause, part string
	index       int
}

func tellerOf(e activity.Entry) teller {
	return teller{cmp.Or(e.Origin, e.Incident), e.Cause, e.Part, e.Index}
}

// A merging is a merge that has come to some source.
type merging struct {
	target   Incident           // as it is so far
	entities map[alert.Key]bool // identities of all evidence so far
	alerts   []alert.Alert      // that moved
	entries  []activity.Entry   // of the target, not numbered yet
	told     map[teller]bool    // entries that the log of the target has so far
	sources  []Effect
}

// take merges one source. Each has entries of its own, so that one can be taken out again by itself.
func (m *merging) take(cmd Command, refused *RefusedError, s Party, reason string) {
	after := m.target
	switch o := s.Incident.Owner; {
	case after.Owner.IsZero():
		after.Owner = o
	case !o.IsZero() && !o.Same(after.Owner):
		refused.add(s.name(), ErrOwners, fmt.Sprintf("assigned to %s, not to %s", o, after.Owner))
	}
	if v, ok := bothVerdicts(after.Verdict, s.Incident.Verdict); ok {
		after.Verdict = v
	} else {
		refused.add(s.name(), ErrVerdicts, fmt.Sprintf("%s, not %s", words(s.Incident.Verdict), words(after.Verdict)))
	}
	after = after.absorb(s.Incident)
	for _, a := range s.Alerts {
		after.Alerts = after.Alerts.take(a, a.KeySet(), m.entities)
	}
	if after.Alerts.Count > 0 {
		after.Renamed = false
	}
	copies := m.copies(s)
	for _, c := range copies {
		if c.Type == activity.Commented {
			after.Comments++
		}
	}
	here := effect(cmd, m.target, after.derive(), []activity.Entry{{Type: activity.Merged, Text: reason, Links: byHand(s.Incident.ID)}}, nil)
	m.target = here.Incident
	m.entries = append(append(m.entries, here.Activity...), copies...)

	gone := s.Incident
	gone.Status, gone.RedirectTo, gone.Alerts = Redirected, after.ID, Summary{}
	gone.Tags = withTag(gone.Tags, Tag{Name: RedirectedTag, Kind: alert.SystemTag})
	cmd.Part = string(gone.ID)
	main := append([]activity.Entry{{Type: activity.Redirected, Text: reason, Links: byHand(after.ID)}}, leaving(s.Alerts, "")...)
	there := effect(cmd, s.Incident, gone, main, nil)
	var alerts []alert.Alert
	alerts, there.Activity = move(cmd, s.Alerts, there.Activity, after.ID)
	m.alerts = append(m.alerts, alerts...)
	m.sources = append(m.sources, there)
}

// absorb returns i with what it takes of a source besides alerts, owner and verdict.
func (i Incident) absorb(s Incident) Incident {
	i.Status = max(i.Status, s.Status)
	switch {
	case s.SeverityOverridden && s.Severity >= i.Severity:
		i.Severity, i.SeverityOverridden, i.SeverityGiven = s.Severity, true, false
	case i.SeverityOverridden:
	default:
		severity, given := s.Severity, s.SeverityGiven
		if s.SeverityOverridden { // too low to count
			severity = s.Alerts.BySeverity.Highest()
		}
		if severity > i.Severity || severity == i.Severity && given {
			i.Severity, i.SeverityGiven = severity, given
		}
	}
	for _, t := range own(s.Tags) { // the others come with the alerts
		i.Tags = withTag(i.Tags, t)
	}
	i.References = slices.Clip(i.References)
	for _, r := range s.References {
		if i.reference(r) < 0 {
			i.References = append(i.References, r)
		}
	}
	return i
}

// copies returns the entries of p's log as they go into the log of the target: all that are not there, and nothing of
// an earlier merge into the same, which was undone.
func (m *merging) copies(p Party) []activity.Entry {
	target := m.target.ID
	from, cause := 0, ""
	for n, e := range p.Log {
		if e.Origin != "" {
			continue
		}
		if e.Type == activity.Redirected && leadsTo(e, target) {
			cause = e.Cause
		}
		if cause != "" && e.Cause == cause {
			from = n + 1
		}
	}
	var copies []activity.Entry
	for _, e := range p.Log[from:] {
		if t := tellerOf(e); t.origin == target || m.told[t] {
			continue
		} else {
			m.told[t] = true
		}
		e = e.Clone()
		e.Seq, e.Incident = 0, target
		e.Digest, e.AlertDigest, e.Seal = activity.Digest{}, activity.Digest{}, activity.Seal{} // those of the original
		if e.Origin == "" {
			e.Origin = p.Incident.ID
		}
		if e.Subject == "" {
			e.Subject = e.ID
		}
		copies = append(copies, e)
	}
	return copies
}

func leadsTo(e activity.Entry, id ID) bool { return len(e.Links) > 0 && e.Links[0].Incident == id }

// bothVerdicts returns the verdict that says what a and b say, unless they contradict each other. What is not
// set contradicts nothing.
func bothVerdicts(a, b classification.Verdict) (both classification.Verdict, ok bool) {
	both = a
	if both.Classification == "" {
		both.Classification = b.Classification
	}
	if both.Determination == "" {
		both.Determination = b.Determination
	}
	ok = (b.Classification == "" || b.Classification == both.Classification) && (b.Determination == "" || b.Determination == both.Determination)
	return both, ok
}

func words(v classification.Verdict) string {
	if v.Determination == "" {
		return string(v.Classification)
	}
	return string(v.Classification) + ", " + string(v.Determination)
}

// MergedAlerts returns the alerts that source, which was merged into another incident, gave to it then, as its
// log tells. [Unmerge] takes them as source's.
func MergedAlerts(source Party) []alert.ID {
	_, there := source.merge()
	return moved(there)
}

// moved returns the alerts that entries tell the leaving of.
func moved(entries []activity.Entry) (ids []alert.ID) {
	for _, e := range entries {
		if e.Type == activity.AlertMoved {
			ids = append(ids, e.Alert)
		}
	}
	return ids
}

// missing returns how many of the alerts that p gave in the merge that entries tell of are not given. The error
// is about one that it did not give, or that is given twice.
func (p Party) missing(entries []activity.Entry) (int, error) {
	gave := make(map[alert.ID]bool)
	for _, id := range moved(entries) {
		gave[id] = true
	}
	for n := range p.Alerts {
		id := p.Alerts[n].ID
		if !gave[id] {
			return 0, p.wrong(string(id), "the alerts that left it with the merge, each once")
		}
		delete(gave, id)
	}
	return len(gave), nil
}

// merge returns the command by which source was merged into the incident that it leads to, and its own entries
// of it.
func (p Party) merge() (cause string, entries []activity.Entry) {
	for _, e := range p.Log {
		if e.Type == activity.Redirected && e.Origin == "" && leadsTo(e, p.Incident.RedirectTo) {
			cause, entries = e.Cause, nil
		}
		if e.Origin == "" && e.Cause == cause {
			entries = append(entries, e)
		}
	}
	if cause == "" {
		entries = nil
	}
	return cause, entries
}

// Unmerge returns the effects of taking source out of target, the incident that it was merged into: first that
// on the source, with the alerts that go back to it, then that on the target. They are to be stored at once.
// Unmerge needs all alerts of the target, both logs, and as source.Alerts those of [MergedAlerts], wherever they are
// now. reason is put into the log as [Merge] does.
//
// What the merge did to both is undone: the source has its alerts, its status and its tags, the target no more
// those alerts, the owner and the verdict that it had from the source, and a name that a person had chosen is there
// again. Tags, references, status and severity of the target become those that it would have had without the source:
// what it has of its own, or from another that is merged into it still, stays. So do a status and a severity that
// a person has set since, and whatever else was done to the target, alerts that joined it among it. The entries that
// were copied stay too, with their comments, since a log is never made shorter. Alerts go back as they are now.
//
// What a redaction took from the logs does not come back: a name is generated instead, the source keeps the tags that
// it has, and the target keeps those that may be its own.
//
// The error holds every refusal, as a [*RefusedError]: source was not merged by this library; the target is
// resolved or was merged into another itself; one of the alerts has left it, or is missing; or a field that the
// merge changed was changed since.
func Unmerge(cmd Command, source, target Party, reason string) ([]Effect, error) {
	if err := target.complete(); err != nil {
		return nil, err
	}
	refused := &RefusedError{}
	if source.Incident.Status == Purged {
		refused.unlessOpen(source)
	}
	refused.unlessOpen(target)
	cause, there := source.merge()
	if cause == "" || target.Incident.ID != source.Incident.RedirectTo {
		refused.add(source.name(), ErrNotMerged, "")
	} else if missing, err := source.missing(there); err != nil {
		return nil, err
	} else if missing > 0 {
		refused.add(source.name(), ErrChanged, fmt.Sprintf("%d of the alerts that it had are missing", missing))
	}
	away := 0
	for _, a := range source.Alerts {
		if a.Incident != target.Incident.ID && target.Incident.Status != Redirected {
			if away++; away == 1 {
				refused.add(source.name(), ErrChanged, fmt.Sprintf("alert %s is in incident %s", a.ID, a.Incident))
			}
		}
	}
	if away > 1 {
		refused.Refusals[len(refused.Refusals)-1].Detail += fmt.Sprintf(", %d more are elsewhere", away-1)
	}
	back, err := source.restored(cmd, there)
	if err != nil {
		return nil, err
	}
	left, err := target.without(cmd, refused, source, cause)
	if err != nil {
		return nil, err
	}
	if err := refused.err("incident "+string(source.name()), reason); err != nil {
		return nil, err
	}
	main := func(id ID) activity.Entry {
		return activity.Entry{Type: activity.Unmerged, Text: reason, Links: byHand(id)}
	}
	here := effect(cmd, source.Incident, back, []activity.Entry{main(target.Incident.ID)}, nil)
	cmd.Part = string(target.Incident.ID)
	rest := effect(cmd, target.Incident, left, append([]activity.Entry{main(source.Incident.ID)}, leaving(source.Alerts, "")...), nil)
	here.Alerts, rest.Activity = move(cmd, source.Alerts, rest.Activity, source.Incident.ID)
	return []Effect{here, rest}, nil
}

// restored returns the source as it was before the merge that entries tell of.
func (p Party) restored(cmd Command, entries []activity.Entry) (Incident, error) {
	i := p.Incident
	var before Summary // of the alerts that it gave to the target
	i.RedirectTo, i.Alerts = "", Summarize(p.Alerts)
	for _, e := range entries {
		for _, c := range e.Changes {
			var err error
			switch c.Field {
			case "status":
				err = read(c.Before, &i.Status)
			case "tags":
				if c.Redacted() {
					i.Tags = withoutRedirected(i.Tags)
					continue
				}
				i.Tags = nil
				err = read(c.Before, &i.Tags)
			default:
				err = before.readCounts(c)
			}
			if err != nil {
				return i, fmt.Errorf("incident %s: entry %s: %w", i.ID, e.ID, err)
			}
		}
	}
	i, _ = cmd.resolveWithLast(before, i)
	return i.derive(), nil
}

// readCounts sets the number of alerts and that of those by status to what they were before c.
func (s *Summary) readCounts(c activity.Change) error {
	switch c.Field {
	case "alerts.count":
		return read(c.Before, &s.Count)
	case "alerts.byStatus":
		return read(c.Before, &s.ByStatus)
	}
	return nil
}

// without returns the target as it is without what the source brought by the merge with that cause.
func (p Party) without(cmd Command, refused *RefusedError, source Party, cause string) (Incident, error) {
	i := p.Incident
	going := make(map[alert.ID]bool, len(source.Alerts))
	for _, a := range source.Alerts {
		going[a.ID] = true
	}
	rest := slices.DeleteFunc(slices.Clone(p.Alerts), func(a alert.Alert) bool { return going[a.ID] })
	i.Alerts = Summarize(rest)
	inside, after, resolved := false, false, false // resolved: an alert that stays, since the merge
	for _, e := range p.Log {
		if e.Cause != cause || e.Type == activity.Merged {
			inside = e.Cause == cause && leadsTo(e, source.Incident.ID)
		}
		after = after || inside
		if after && e.Type == activity.AlertStatus && !going[e.Alert] {
			resolved = true
		}
		if !inside {
			continue
		}
		nameless := redacted(e, "name")
		for _, c := range e.Changes {
			if c.Redacted() || c.Field == "renamed" && nameless {
				continue // the name is generated again
			}
			if err := p.undo(refused, source, &i, c); err != nil {
				return i, fmt.Errorf("incident %s: entry %s: %w", i.ID, e.ID, err)
			}
		}
	}
	if err := p.release(refused, source, &i); err != nil {
		return i, err
	}
	if i.Verdict.Classification == "" && i.Verdict.Determination != "" {
		refused.add(source.name(), ErrChanged, "the verdict of "+string(p.name()))
	}
	if resolved {
		i, _ = cmd.resolveWithLast(p.Incident.Alerts, i)
	}
	return i.derive(), nil
}

// release takes from i, which is p's incident, the tags and the references that it has of source alone, and gives it
// the status and the severity that it has without source, unless a person has set them since.
func (p Party) release(refused *RefusedError, source Party, i *Incident) error {
	past, err := p.past()
	if err != nil {
		return err
	}
	rest := past.own
	for _, id := range past.sources {
		if id == source.Incident.ID {
			continue
		}
		other, err := toldOf(id, p.Log)
		if err != nil {
			return err
		}
		rest = rest.absorb(other)
	}
	brought := own(source.Incident.Tags)
	if slices.ContainsFunc(p.Log, func(e activity.Entry) bool { return redacted(e, "tags") }) {
		brought = nil // the log does not tell any more which of them it had before
	}
	i.Tags = noneAsNil(slices.DeleteFunc(slices.Clone(i.Tags), func(t Tag) bool {
		return !isDerived(t) && indexTag(brought, t.Name) >= 0 && !rest.HasTag(t.Name)
	}))
	i.References = slices.DeleteFunc(slices.Clone(i.References), func(r Reference) bool {
		return source.Incident.reference(r) >= 0 && rest.reference(r) < 0
	})
	if len(i.References) == 0 {
		i.References = nil
	}
	if !past.statusSet {
		i.Status = rest.Status
	}
	if !past.severitySet {
		i.Severity, i.SeverityOverridden, i.SeverityGiven = rest.Severity, rest.SeverityOverridden, rest.SeverityGiven
	}
	return nil
}

// A past is what the log of an incident tells of the merges into it.
type past struct {
	own     Incident // the status, the severity, the tags and the references that no merge gave it
	sources []ID     // what is merged into it, in the order of the merges

	statusSet, severitySet bool // by something else since the last merge that changed them
}

func (p Party) past() (past, error) {
	var h past
	var now Incident // the severity with the merges
	cause, merging := "", false
	for _, e := range p.Log {
		if e.Origin != "" {
			continue
		}
		switch merges := e.Type == activity.Merged || e.Type == activity.Unmerged; {
		case merges && len(e.Links) > 0:
			id := e.Links[0].Incident
			h.sources = slices.DeleteFunc(h.sources, func(s ID) bool { return s == id })
			if e.Type == activity.Merged {
				h.sources = append(h.sources, id)
			}
			fallthrough
		case e.Cause != cause:
			cause, merging = e.Cause, merges
		}
		if err := h.take(e, merging, &now); err != nil {
			return h, fmt.Errorf("incident %s: entry %s: %w", p.Incident.ID, e.ID, err)
		}
	}
	return h, nil
}

// take takes in what e changes, which is part of a merge or not. now has the severity with the merges.
func (h *past) take(e activity.Entry, merging bool, now *Incident) error {
	rated, moved := false, false // whether e changes the severity, and whether it is derived
	for _, c := range e.Changes {
		if e.OfAlert(c) || c.Redacted() {
			continue
		}
		var err error
		switch c.Field {
		case "status":
			err = h.status(c, merging)
		case "tags":
			err = h.tags(c, merging)
		case "references":
			err = h.references(c, merging)
		case "severity":
			rated, now.Severity = true, alert.Unrated
			err = read(c.After, &now.Severity)
		case "severityOverridden":
			rated, moved, now.SeverityOverridden = true, true, c.After != ""
		case "severityGiven":
			rated, moved, now.SeverityGiven = true, true, c.After != ""
		}
		if err != nil {
			return err
		}
	}
	set := moved || now.SeverityOverridden || now.SeverityGiven
	switch {
	case !rated:
	case merging:
		h.severitySet = false
	case set || !h.own.SeverityOverridden && !h.own.SeverityGiven: // else it is derived because of a merge
		h.own.Severity = now.Severity
		h.own.SeverityOverridden, h.own.SeverityGiven = now.SeverityOverridden, now.SeverityGiven
		h.severitySet = h.severitySet || set
	}
	return nil
}

func (h *past) status(c activity.Change, merging bool) error {
	var before, after Status
	err := errors.Join(read(c.Before, &before), read(c.After, &after))
	if before == Redirected || after == Redirected {
		return err // it comes back as it was
	}
	if h.statusSet = !merging; !merging {
		h.own.Status = after
	}
	return err
}

func (h *past) tags(c activity.Change, merging bool) error {
	var before, after []Tag
	err := errors.Join(read(c.Before, &before), read(c.After, &after))
	if merging || err != nil {
		return err
	}
	before, after = own(before), own(after)
	for _, t := range before {
		if indexTag(after, t.Name) < 0 {
			h.own.Tags = slices.DeleteFunc(h.own.Tags, func(o Tag) bool { return glyph.SameFold(o.Name, t.Name) })
		}
	}
	for _, t := range after {
		if indexTag(before, t.Name) < 0 {
			h.own.Tags = withTag(h.own.Tags, t)
		}
	}
	return nil
}

func (h *past) references(c activity.Change, merging bool) error {
	var before, after Incident
	err := errors.Join(read(c.Before, &before.References), read(c.After, &after.References))
	if merging || err != nil {
		return err
	}
	for _, r := range after.References { // nothing takes one away but the end of a merge
		if before.reference(r) < 0 && h.own.reference(r) < 0 {
			h.own.References = append(h.own.References, r)
		}
	}
	return nil
}

// toldOf returns the incident with that ID as the entries that were copied from it tell it. How it was merged
// away, and came back, may be copied later than what was done after that, and is left out.
func toldOf(id ID, log []activity.Entry) (Incident, error) {
	t := newTale()
	t.id = id
	away := "" // the command that merged it away
	for _, e := range log {
		if e.Origin != id {
			continue
		}
		if e.Type == activity.Redirected {
			away = e.Cause
		}
		for _, c := range e.Changes {
			back := c.Field == "status" && c.Before == valueOf(Redirected)
			if e.Cause != away && !back && !e.OfAlert(c) && !c.Redacted() {
				t.fields[c.Field] = told{value: c.After, seq: e.Seq, entry: e.ID}
			}
		}
	}
	return t.incident()
}

// undo takes one change by a merge back from i, unless it was changed since.
func (p Party) undo(refused *RefusedError, source Party, i *Incident, c activity.Change) (err error) {
	changed := func() { refused.add(source.name(), ErrChanged, c.Field+" of "+string(p.name())) }
	at := slices.IndexFunc(incidentFields(), func(f field[Incident]) bool { return f.path == c.Field })
	same := at >= 0 && incidentFields()[at].value(&p.Incident) == c.After
	switch c.Field {
	case "tags":
		var before, after []Tag
		if err = errors.Join(read(c.Before, &before), read(c.After, &after)); err != nil {
			return err
		}
		for _, t := range own(after) {
			if !slices.Contains(before, t) && !slices.Contains(p.Incident.Tags, t) {
				changed()
				return nil
			}
		}
		return nil // release takes them away
	case "name": // one that was generated before is generated again
		if !i.Renamed && !i.Named {
			err = read(c.Before, &i.Name)
		}
		return err
	case "owner":
		i.Owner = Owner{}
		err = read(c.Before, &i.Owner)
	case "verdict.classification":
		i.Verdict.Classification = ""
		err = read(c.Before, &i.Verdict.Classification)
	case "verdict.determination":
		i.Verdict.Determination = ""
		err = read(c.Before, &i.Verdict.Determination)
	case "renamed":
		if i.Named { // since
			return nil
		}
		i.Renamed = true
	default: // comes from the alerts, or is a number of entries
		return nil
	}
	if !same {
		changed()
	}
	return err
}

// read sets v to what valueOf was given. The value "" leaves it as it is.
func read[T any](value activity.Value, v *T) error {
	if value == "" {
		return nil
	}
	return json.Unmarshal([]byte(value), v)
}
