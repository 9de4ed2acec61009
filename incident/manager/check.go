package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A Rule names something that holds for every record of a storage that only managers write to. Check looks for
// where it does not.
type Rule string

// The rules. The zero Rule, "", is none.
const (
	RuleAlertIncident Rule = "alertIncident" // an alert is in an incident, and that is stored
	RuleAlertValid    Rule = "alertValid"    // an alert is one that may be ingested; where it is not, RuleSummary is not looked at
	RuleAlertID       Rule = "alertID"       // the ID of an alert is that of its Origin
	RuleAlertResolved Rule = "alertResolved" // an alert has a time of resolution just when it is resolved
	RuleSummary       Rule = "summary"       // the Summary is that of the alerts; Edit.Recount mends it
	RuleSeverity      Rule = "severity"      // derived, unless a person or another system gave it
	RuleName          Rule = "name"          // generated, unless a person or another system gave it
	RuleTags          Rule = "tags"          // the derived tags of an incident are those that its alerts bring, but for names that it has of its own
	RuleResolution    Rule = "resolution"    // an incident has a time of resolution just when it is resolved, and a note only then
	RuleRedirect      Rule = "redirect"      // a merge leads to an incident that is stored, and never back; only what was merged is redirected
	RuleNumber        Rule = "number"        // an incident has a number from 1 that no other one has
	RuleComments      Rule = "comments"      // an incident has as many comments as its log
	RuleLog           Rule = "log"           // the log of an incident tells it, field by field
	RuleSeq           Rule = "seq"           // the entries of the whole log are 1, 2, 3 and so on
	RuleEntryIncident Rule = "entryIncident" // an entry is of an incident that is stored
	RuleEntryDigest   Rule = "entryDigest"   // an entry is what its digest says; after one that has a digest, all have
	RuleRedaction     Rule = "redaction"     // unless purged, entries lose texts alone, by Redacted
	RuleAlertDigest   Rule = "alertDigest"   // an alert is what the last entry that proves it says
)

// A Violation is a place where a rule is broken. Of Incident, Alert and Entry those are set that say where.
type Violation struct {
	Rule     Rule        `json:"rule"`
	Incident incident.ID `json:"incident,omitempty"`
	Alert    alert.ID    `json:"alert,omitempty"`
	Entry    activity.ID `json:"entry,omitempty"`
	Seq      int64       `json:"seq,omitempty"`   // of Entry
	Field    string      `json:"field,omitempty"` // JSON path of the field, where the rule is about several
	Found    string      `json:"found"`           // what is stored; values as JSON, "" for none
	Want     string      `json:"want"`            // what the rule says, values as JSON
}

// String returns a sentence with all that is set.
func (v Violation) String() string {
	text := []string{string(v.Rule)}
	for _, part := range []struct{ name, value string }{
		{"incident", string(v.Incident)}, {"alert", string(v.Alert)}, {"entry", string(v.Entry)}, {"field", v.Field},
	} {
		if part.value != "" {
			text = append(text, part.name+" "+part.value)
		}
	}
	return fmt.Sprintf("%s: found %s, want %s", strings.Join(text, ", "), v.Found, v.Want)
}

// Check reads all of s as of one moment and yields every violation of a [Rule]: first those of the incidents
// with their alerts and logs, by Number, then those of the alerts by themselves, then those of the whole log. A
// storage to which only managers have written has none. Whatever reading reports is yielded as an error, with
// the zero Violation, and ends it.
//
// Check holds one incident at a time with all its alerts, and its log not at all. It changes nothing and needs no
// lock. What rules leave open is no violation: alerts of a resolved incident that arrived with it or later need not
// be resolved, an open incident may have resolved alerts only, owners of alerts may differ from the incident's, and
// an incident that came as redirected from another system may lead to one that is not here. A generated name may
// break its rule after an update of the library that generates another one, until the incident changes.
func Check(ctx context.Context, s storage.Storage) iter.Seq2[Violation, error] {
	return read(ctx, s.View, func(r storage.Reader) iter.Seq2[Violation, error] {
		return func(yield func(Violation, error) bool) {
			c := checker{ctx: ctx, reader: r, yield: yield, stored: make(map[incident.ID]presence)}
			_ = c.incidents() && c.alerts() && c.log()
		}
	})
}

// A checker is a run of Check. Its methods return false when it is over.
type checker struct {
	ctx    context.Context
	reader storage.Reader
	yield  func(Violation, error) bool
	stored map[incident.ID]presence // of some
	proven bool                     // an entry had a digest
}

// presence is what a checker knows of an incident.
type presence struct{ stored, purged bool }

func (c *checker) fail(err error) bool {
	c.yield(Violation{}, err)
	return false
}

func (c *checker) found(all ...Violation) bool {
	for _, v := range all {
		if !c.yield(v, nil) {
			return false
		}
	}
	return true
}

func (c *checker) incidents() bool {
	last := int64(0)
	for i, err := range c.reader.Incidents(c.ctx, incident.Query{Sort: incident.ByNumber, Ascending: true}) {
		if err != nil {
			return c.fail(err)
		}
		if i.Number <= last && !c.found(Violation{Rule: RuleNumber, Incident: i.ID, Found: strconv.FormatInt(i.Number, 10), Want: fmt.Sprint("more than ", last)}) {
			return false
		}
		last = i.Number
		if !c.found(derived(i)...) || !c.alertsOf(i) || !c.logOf(i) {
			return false
		}
	}
	return true
}

// derived returns where i contradicts itself.
func derived(i incident.Incident) (all []Violation) {
	differs := func(rule Rule, want incident.Incident) {
		for _, d := range incident.Diff(i, want) {
			all = append(all, Violation{Rule: rule, Incident: i.ID, Field: d.Field, Found: string(d.Before), Want: string(d.After)})
		}
	}
	want := i
	if i.Status != incident.Redirected && i.Status != incident.Purged { // they keep what they had when their alerts left, or nothing
		if !i.SeverityOverridden && !i.SeverityGiven {
			want.Severity = i.Alerts.BySeverity.Highest()
			differs(RuleSeverity, want)
		}
		if want = i; !i.Renamed && !i.Named {
			want.Name = incident.GenerateName(i.Alerts)
			differs(RuleName, want)
		}
		want = i
		want.Tags = incident.DeriveTags(i)
		differs(RuleTags, want)
	}
	resolved := i.Status == incident.Resolved
	if i.Resolved.IsZero() == resolved {
		all = append(all, Violation{Rule: RuleResolution, Incident: i.ID, Field: "resolved", Found: fmt.Sprintf("%s, status %s", i.Resolved, i.Status), Want: "a time just when it is resolved"})
	}
	if i.Note != "" && !resolved {
		all = append(all, Violation{Rule: RuleResolution, Incident: i.ID, Field: "note", Found: fmt.Sprintf("%q, status %s", i.Note, i.Status), Want: "a note only when it is resolved"})
	}
	if (i.RedirectTo == "") == (i.Status == incident.Redirected) {
		all = append(all, Violation{Rule: RuleRedirect, Incident: i.ID, Found: fmt.Sprintf("%q, status %s", i.RedirectTo, i.Status), Want: "a target just when it is redirected"})
	}
	return all
}

// alertsOf looks at the alerts of i, one by one and together.
func (c *checker) alertsOf(i incident.Incident) bool {
	var alerts []alert.Alert
	valid := true
	for a, err := range c.reader.Alerts(c.ctx, alert.Query{Incidents: []incident.ID{i.ID}}) {
		if err != nil {
			return c.fail(err)
		}
		alerts = append(alerts, a)
		if err := a.Validate(); err != nil {
			valid = false
			if !c.found(Violation{Rule: RuleAlertValid, Incident: i.ID, Alert: a.ID, Found: err.Error(), Want: "what may be ingested"}) {
				return false
			}
		}
		if id := a.Origin.AlertID(); a.ID != id && !c.found(Violation{Rule: RuleAlertID, Incident: i.ID, Alert: a.ID, Found: string(a.ID), Want: string(id)}) {
			return false
		}
		if a.Resolved.IsZero() == (a.Status == alert.StatusResolved) && !c.found(Violation{Rule: RuleAlertResolved, Incident: i.ID, Alert: a.ID,
			Found: fmt.Sprintf("%s, status %s", a.Resolved, a.Status), Want: "a time just when it is resolved"}) {
			return false
		}
	}
	if !valid {
		return true // they come to nothing
	}
	for few := range slices.Chunk(alerts, 500) {
		if !c.digestsOf(few) {
			return false
		}
	}
	want := i
	want.Alerts = incident.Summarize(alerts)
	for _, d := range incident.Diff(i, want) {
		if !c.found(Violation{Rule: RuleSummary, Incident: i.ID, Field: d.Field, Found: string(d.Before), Want: string(d.After)}) {
			return false
		}
	}
	return true
}

// digestsOf looks at what the log says that alerts are.
func (c *checker) digestsOf(alerts []alert.Alert) bool {
	q := activity.Query{Origins: []incident.ID{""}}
	for n := range alerts {
		q.Alerts = append(q.Alerts, alerts[n].ID)
	}
	// What an incident that was purged said of an alert proves nothing any more.
	last, proof := make(map[alert.ID]activity.Entry, len(alerts)), make(map[alert.ID]activity.Entry, len(alerts))
	for e, err := range c.reader.Activity(c.ctx, q) {
		if err != nil {
			return c.fail(err)
		}
		if !e.AlertDigest.IsZero() {
			last[e.Alert] = e
		}
		if e.ProvesAlert() {
			proof[e.Alert] = e
		}
	}
	for _, a := range alerts {
		e, ok := proof[a.ID]
		if !ok || e.Cause != last[a.ID].Cause {
			continue
		}
		err := e.VerifyAlert(a)
		if err == nil {
			continue
		}
		if !c.found(Violation{
			Rule: RuleAlertDigest, Incident: a.Incident, Alert: a.ID, Entry: e.ID, Seq: e.Seq,
			Found: err.Error(), Want: "the alert as it was after the entry",
		}) {
			return false
		}
	}
	return true
}

// logOf looks at what the log tells of i.
func (c *checker) logOf(i incident.Incident) bool {
	comments, asImported := 0, false
	redirect := incident.Diff(incident.Incident{}, incident.Incident{RedirectTo: i.RedirectTo}) // none when it is ""
	entries := func(yield func(activity.Entry, error) bool) {
		for e, err := range c.reader.Activity(c.ctx, activity.Query{Incidents: []incident.ID{i.ID}}) {
			if err == nil && e.Type == activity.Commented {
				comments++
			}
			if err == nil && e.Type == activity.IncidentCreated && e.Origin == "" {
				asImported = len(redirect) > 0 && slices.Contains(e.Changes, redirect[0])
			}
			if !yield(e, err) {
				return
			}
		}
	}
	told, err := incident.Replay(entries)
	wrong, broken := errors.AsType[*incident.ReplayError](err)
	switch {
	case broken:
		if !c.found(Violation{Rule: RuleLog, Incident: i.ID, Entry: wrong.Entry, Seq: wrong.Seq, Field: wrong.Field, Found: wrong.Got, Want: wrong.Want}) {
			return false
		}
		comments = 0
		for _, err := range entries { // again, to the end
			if err != nil {
				return c.fail(err)
			}
		}
	case err != nil:
		return c.fail(err)
	case told.ID == "":
		if !c.found(Violation{Rule: RuleLog, Incident: i.ID, Found: "no entries", Want: "the incident's"}) {
			return false
		}
	default:
		for _, d := range incident.Diff(i, told) {
			if !c.found(Violation{Rule: RuleLog, Incident: i.ID, Field: d.Field, Found: string(d.Before), Want: string(d.After)}) {
				return false
			}
		}
		if i.Version != told.Version && !c.found(Violation{Rule: RuleLog, Incident: i.ID, Field: "version",
			Found: strconv.FormatInt(i.Version, 10), Want: strconv.FormatInt(told.Version, 10)}) {
			return false
		}
		if !i.Updated.Equal(told.Updated) && !c.found(Violation{Rule: RuleLog, Incident: i.ID, Field: "updated", Found: i.Updated.String(), Want: told.Updated.String()}) {
			return false
		}
	}
	if comments != i.Comments && i.Status != incident.Purged && !c.found(Violation{Rule: RuleComments, Incident: i.ID, Found: strconv.Itoa(i.Comments), Want: strconv.Itoa(comments)}) {
		return false
	}
	return asImported || c.redirect(i)
}

// redirect looks at where i leads.
func (c *checker) redirect(i incident.Incident) bool {
	seen := make(map[incident.ID]bool)
	for at := i; at.Status == incident.Redirected && !seen[at.ID]; {
		seen[at.ID] = true
		next, err := c.reader.Incident(c.ctx, at.RedirectTo)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return at.ID != i.ID || i.RedirectTo == "" ||
				c.found(Violation{Rule: RuleRedirect, Incident: i.ID, Found: string(i.RedirectTo) + ", which is not stored", Want: "an incident that is"})
		case err != nil:
			return c.fail(err)
		case next.ID == i.ID:
			return c.found(Violation{Rule: RuleRedirect, Incident: i.ID, Found: string(i.RedirectTo) + ", which leads back", Want: "an end"})
		}
		at = next
	}
	return true
}

// alerts looks for alerts that belong nowhere.
func (c *checker) alerts() bool {
	for a, err := range c.reader.Alerts(c.ctx, alert.Query{Brief: true}) {
		if err != nil {
			return c.fail(err)
		}
		stored, err := c.isStored(a.Incident)
		if err != nil {
			return c.fail(err)
		}
		if !stored.stored && !c.found(Violation{
			Rule: RuleAlertIncident, Alert: a.ID,
			Found: strconv.Quote(string(a.Incident)), Want: "an incident that is stored",
		}) {
			return false
		}
	}
	return true
}

// log looks at the log as a whole.
func (c *checker) log() bool {
	next := int64(1)
	told := make(map[activity.ID]bool) // entries with an entry of their redaction
	var redacted []Violation           // entries without their texts, which may lack one
	type place struct {
		incident    incident.ID
		cause, part string
		index       int
	}
	first := make(map[place]activity.ID) // of the type Redacted, whose copies do not name them
	for e, err := range c.reader.Activity(c.ctx, activity.Query{}) {
		if err != nil {
			return c.fail(err)
		}
		if e.Seq != next && !c.found(Violation{Rule: RuleSeq, Entry: e.ID, Seq: e.Seq, Found: strconv.FormatInt(e.Seq, 10), Want: strconv.FormatInt(next, 10)}) {
			return false
		}
		next = max(next, e.Seq+1)
		if !c.digestOf(e) {
			return false
		}
		stored, err := c.isStored(e.Incident)
		if err != nil {
			return c.fail(err)
		}
		if !stored.stored && !c.found(Violation{
			Rule: RuleEntryIncident, Entry: e.ID, Seq: e.Seq,
			Found: strconv.Quote(string(e.Incident)), Want: "an incident that is stored",
		}) {
			return false
		}
		if e.Type == activity.Redacted {
			told[e.Subject] = true
			if e.Origin == "" {
				first[place{e.Incident, e.Cause, e.Part, e.Index}] = e.ID
			}
		}
		if !e.Redacted || stored.purged || !stored.stored {
			continue
		}
		v := Violation{Rule: RuleRedaction, Incident: e.Incident, Entry: e.ID, Seq: e.Seq}
		if !e.IsSkeleton() {
			id := cmp.Or(e.Subject, e.ID)
			if e.Type == activity.Redacted {
				id = first[place{cmp.Or(e.Origin, e.Incident), e.Cause, e.Part, e.Index}]
			}
			v.Found, v.Want = "nothing of it in the log", string(id)
			redacted = append(redacted, v)
			continue
		}
		v.Found, v.Want = "an entry of which more was taken", "an entry that has lost its texts alone"
		if !c.found(v) {
			return false
		}
	}
	for _, v := range redacted {
		if told[activity.ID(v.Want)] {
			continue
		}
		if v.Want = "an entry that says who has redacted " + v.Want; !c.found(v) {
			return false
		}
	}
	return true
}

// digestOf looks at the digest of an entry, after those before it.
func (c *checker) digestOf(e activity.Entry) bool {
	v := Violation{Rule: RuleEntryDigest, Incident: e.Incident, Entry: e.ID, Seq: e.Seq}
	switch {
	case e.Digest.IsZero() && !c.proven:
		return true // of a version without digests
	case e.Digest.IsZero():
		v.Found, v.Want = "no digest", "one, as the entries before it have"
	case e.Verify() != nil:
		v.Found, v.Want = "the entry as it is stored", "what its digest says"
	default:
		c.proven = true
		return true
	}
	return c.found(v)
}

// maxStored is how many incidents a checker remembers to be stored or not.
const maxStored = 10_000

func (c *checker) isStored(id incident.ID) (presence, error) {
	if k, ok := c.stored[id]; ok {
		return k, nil
	}
	i, err := c.reader.Incident(c.ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return presence{}, err
	}
	if len(c.stored) == maxStored {
		clear(c.stored)
	}
	c.stored[id] = presence{stored: err == nil, purged: i.Status == incident.Purged}
	return c.stored[id], nil
}
