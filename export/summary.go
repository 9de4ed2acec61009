package export

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// summarize says in sentences what r, a report with all its lists, says in lists. It says nothing else, and nothing of what r does
// not know.
func summarize(r Report) string {
	d := drawing{r: r, offset: offset(r)}
	var paragraphs []string
	for _, p := range [][]string{d.whatHappened(), d.whoIsAffected(), d.whatWasDone(), d.howItEnded()} {
		if len(p) > 0 {
			paragraphs = append(paragraphs, strings.Join(p, " "))
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

func (d drawing) whatHappened() (say []string) {
	i := d.r.Incident
	subject := "This incident"
	if i.Number != 0 {
		subject = "Incident " + strconv.FormatInt(i.Number, 10)
	}
	if i.Name != "" {
		subject += " (" + i.Name + ")"
	}
	if len(d.r.Alerts) == 0 {
		return []string{subject + " has no alerts."}
	}
	text := subject + " has " + count(len(d.r.Alerts), "alert")
	if names := products(d.r.Alerts); len(names) > 0 {
		text += " from " + and(names)
	}
	if i.Severity != alert.Unrated {
		text += fmt.Sprintf(" and %s severity", i.Severity)
	}
	say = append(say, text+".")
	if first, last := activityOf(d.r.Alerts); !first.IsZero() {
		if last.After(first) {
			say = append(say, fmt.Sprintf("Activity was seen from %s to %s (%s).", d.zoned(first), d.zoned(last), lasting(last.Sub(first))))
		} else {
			say = append(say, fmt.Sprintf("Activity was seen at %s.", d.zoned(first)))
		}
	}
	if len(d.r.Story) > 0 {
		text := fmt.Sprintf("The first alert is “%s”", d.r.Story[0].Alert)
		if len(d.r.Alerts) == 1 {
			text = fmt.Sprintf("The alert is “%s”", d.r.Story[0].Alert)
		}
		if names := d.r.Story[0].Entities; len(names) > 0 {
			text += " about " + and(names)
		}
		say = append(say, text+".")
	}
	var named, others []string
	for _, t := range d.r.Threats {
		switch {
		case t.Tactic:
			named = append(named, t.Category)
		case t.Category != "":
			others = append(others, t.Title)
		}
	}
	if tactics := tacticTitles(named); len(tactics) > 0 {
		say = append(say, fmt.Sprintf("It shows %s of MITRE ATT&CK: %s.", count(len(tactics), "tactic"), strings.Join(tactics, ", ")))
	}
	if len(others) > 0 {
		say = append(say, "Other threats: "+strings.Join(others, ", ")+".")
	}
	return say
}

// whoIsAffected names the first asset of each group, which is the worst.
func (d drawing) whoIsAffected() (say []string) {
	var groups []string
	for _, l := range d.r.Assets {
		group := assetCount(l.Total, l.Title)
		if len(l.Rows) > 0 {
			worst := l.Rows[0]
			judged := badness(worst.Verdict) > badness(alert.NoThreatsFound)
			switch {
			case l.Total == 1:
				group += ", " + worst.Name
			case judged:
				group += ", the worst of them " + worst.Name
			case worst.Alerts > 1:
				group += ", above all " + worst.Name + " with " + count(worst.Alerts, "alert")
			default:
				group += ", such as " + worst.Name
			}
			if judged {
				group += " (" + strings.ToLower(words(string(worst.Verdict))) + ")"
			}
		}
		groups = append(groups, group)
	}
	if len(groups) > 0 {
		say = append(say, "Affected: "+strings.Join(groups, "; ")+".")
	}
	if e := d.r.Evidence; e.Total > 0 {
		text := plural(e.Total, "other entity", "other entities")
		if worst := e.Rows[0]; badness(worst.Verdict) > badness(alert.NoThreatsFound) {
			of := ""
			if e.Total > 1 {
				of = "the worst of them "
			}
			text += fmt.Sprintf(", %s%s (%s)", of, worst.Name, strings.ToLower(words(string(worst.Verdict))))
		}
		say = append(say, "The evidence names "+text+".")
	}
	return say
}

// assetCount returns how many of a group of assets there are, such as "1 mailbox".
func assetCount(n int, title string) string {
	many := strings.ToLower(title)
	one := strings.TrimSuffix(many, "s")
	if many == "mailboxes" {
		one = "mailbox"
	}
	return plural(n, one, many)
}

func (d drawing) howItEnded() (say []string) {
	i := d.r.Incident
	if text := d.r.whatCame(); text != "" {
		say = append(say, text)
	}
	if i.Verdict.IsZero() {
		say = append(say, "It has not been classified.")
	} else {
		say = append(say, "It was classified as "+d.r.Verdict+".")
	}
	switch i.Status {
	case incident.Resolved:
		text := "It was resolved"
		if when := d.zoned(i.Resolved); when != "" {
			text += " at " + when
		}
		if note := strings.TrimSpace(i.Note); note != "" {
			text += ", " + noteInShort(note)
		} else {
			text += "."
		}
		say = append(say, text)
	case incident.Redirected:
		say = append(say, "It was merged into "+cmp.Or(d.r.whereTo(), "another incident, "+string(i.RedirectTo))+".")
	case incident.Purged:
		say = append(say, "It was purged.")
	default:
		say = append(say, fmt.Sprintf("It is %s.", strings.ToLower(i.Status.Title())))
	}
	if who := owner(i.Owner); who != "" && i.Status.Open() {
		say = append(say, "It is assigned to "+who+".")
	} else if i.Status.Open() {
		say = append(say, "Nobody is assigned to it.")
	}
	return say
}

func products(alerts []AlertRow) []string {
	var names []string
	for _, a := range alerts {
		if a.Product != "" {
			names = appendNew(names, []string{a.Product})
		}
	}
	slices.Sort(names)
	return names
}

// activityOf returns the earliest and the latest time that alerts tell, zero when they tell none.
func activityOf(alerts []AlertRow) (first, last time.Time) {
	for _, a := range alerts {
		for _, t := range []time.Time{a.First, a.Last} {
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

// lasting returns d to about a minute, in words.
func lasting(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0 && hours > 0:
		return count(days, "day") + " and " + count(hours, "hour")
	case days > 0:
		return count(days, "day")
	case hours > 0 && minutes > 0:
		return count(hours, "hour") + " and " + count(minutes, "minute")
	case hours > 0:
		return count(hours, "hour")
	case minutes > 0:
		return count(minutes, "minute")
	}
	return "less than a minute"
}

func plural[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// and joins names as a sentence does.
func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
