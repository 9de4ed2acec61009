package export

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// summary is what a Summarizer wrote or, where there is none, what the other sections of the report say, in
// sentences.
func (c composer) summary() []doc.Block {
	if text := strings.TrimSpace(c.r.IncidentSummary); text != "" {
		return append([]doc.Block{doc.Prose{Source: text, Lines: true}, remark("Written by a model. Check it against the records below.")}, c.advised()...)
	}
	var blocks []doc.Block
	for _, p := range [][]string{c.whatHappened(), c.whatIsNamed(), c.whatWasDone(), {c.whatCame(), c.state()}} {
		if text := strings.TrimSpace(strings.Join(p, " ")); text != "" {
			blocks = append(blocks, said(text))
		}
	}
	return append(append(blocks, remark("Generated automatically from the incident record.")), c.advised()...)
}

// advised is what the alerts recommend, in a report that has no overview.
func (c composer) advised() []doc.Block {
	if !c.brief() {
		return nil
	}
	return c.recommended()
}

// whatHappened says what the alerts tell.
func (c composer) whatHappened() (say []string) {
	i := c.r.Incident
	subject := "This incident"
	if i.Number != 0 {
		subject = "Incident " + strconv.FormatInt(i.Number, 10)
	}
	if i.Alerts.Count == 0 {
		return []string{subject + " has no alerts."}
	}
	text := subject + " is an incident"
	switch {
	case c.dismissed():
		text = subject + " is a false positive"
	case i.Severity != alert.Unrated:
		article := "a "
		if i.Severity == alert.Informational {
			article = "an "
		}
		text = subject + " is " + article + i.Severity.String() + "-severity incident"
	}
	text += " with " + words.Count(i.Alerts.Count, "alert")
	if len(i.Alerts.Products) > 0 {
		text += " from " + words.And(i.Alerts.Products)
	}
	say = append(say, text+".")
	first, last := i.Alerts.FirstActivity, i.Alerts.LastActivity
	switch {
	case first.IsZero():
		say = append(say, "The alerts do not report when it was active.")
	case last.After(first):
		say = append(say, fmt.Sprintf("Activity from %s to %s (%s).", c.zoned(first), c.zoned(last), words.Lasting(last.Sub(first))))
	default:
		say = append(say, fmt.Sprintf("Activity at %s.", c.zoned(first)))
	}
	if a, _ := c.earliest(); a.ID != "" {
		text := fmt.Sprintf("Earliest alert: “%s”", a.Title)
		if names, _ := c.mainEntities(a); len(names) > 0 {
			text += ", involving " + words.And(names)
		}
		say = append(say, text+".")
	}
	if tactics := tacticTitles(c.categories()); len(tactics) > 0 {
		say = append(say, fmt.Sprintf("It spans %s: %s.", words.Count(len(tactics), "ATT&CK tactic"), strings.Join(tactics, ", ")))
	}
	if n := c.dismissedAlerts(); n > 0 && !c.dismissed() {
		text := words.Grouped(n) + " of the alerts are false positives."
		if n == 1 {
			text = "One of the alerts is a false positive."
		}
		say = append(say, text)
	}
	return say
}

func (c composer) dismissedAlerts() (n int) {
	for _, a := range c.r.Alerts {
		if Dismissed(c.r.Incident, a) {
			n++
		}
	}
	return n
}

// whatIsNamed says what was hit and what the evidence is.
func (c composer) whatIsNamed() (say []string) {
	if text := c.impact(); text != "" {
		say = append(say, "Affected: "+text)
	}
	if n := len(c.r.Evidence); n > 0 {
		text := words.Count(n, "evidence item")
		if note := c.evidenceFact().Note; note != "" {
			text += ": " + note
		}
		say = append(say, text+".")
	}
	return say
}

// whatCame says which incidents were merged into that of the report, or how many, "" when there was none.
func (c composer) whatCame() string {
	const most = 3
	var names []string
	for _, row := range c.r.MergedFrom {
		names = append(names, strings.TrimPrefix(numbered(row.ID, row.Number), "incident "))
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) == 1:
		return "Incident " + names[0] + " was merged into it."
	case len(names) > most:
		return fmt.Sprintf("%d incidents were merged into it.", len(names))
	}
	return "Incidents " + words.And(names) + " were merged into it."
}

// whatWasDone says of everybody, people and then programs, what they did how often. What followed from
// something else is not told.
func (c composer) whatWasDone() (say []string) {
	var actors []activity.Actor
	done := make(map[activity.Actor]map[string]int)
	for _, group := range fold(c.r.Activity) {
		e := group[0]
		if e.Origin != "" && e.Type != activity.Commented {
			continue // of another incident
		}
		who := e.Actor
		who.OnBehalfOf = ""
		if done[who] == nil {
			actors = append(actors, who)
			done[who] = make(map[string]int)
		}
		for _, l := range leading(group) {
			done[who][words.Deed(l)]++
		}
	}
	short := make(map[string]int) // of how many a name is the short one
	for _, who := range actors {
		short[words.Called(who)]++
	}
	var programs []string
	for _, who := range actors {
		name := words.Called(who)
		if short[name] > 1 {
			name = words.Actor(who)
		}
		text := name + " " + words.And(words.Deeds(done[who]))
		if (activity.Entry{Actor: who}).Trigger() == activity.Automated {
			programs = append(programs, text)
		} else {
			say = append(say, text+".")
		}
	}
	if len(programs) > 0 {
		say = append(say, "Automation: "+strings.Join(programs, "; ")+".")
	}
	return say
}

// activityOf returns the earliest and the latest time that alerts tell, zero when they tell none.
func activityOf(alerts []alert.Alert) (first, last time.Time) {
	for _, a := range alerts {
		for _, t := range []time.Time{a.FirstActivity, a.LastActivity} {
			if t.IsZero() {
				continue
			}
			if first.IsZero() || t.Before(first) {
				first = t
			}
			if t.After(last) {
				last = t
			}
		}
	}
	return first, last
}
