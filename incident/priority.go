package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// MaxPriority is the highest priority of an incident; the lowest is 0.
const MaxPriority = 100

// A Factor is one reason of an incident's priority.
type Factor struct {
	Name   string `json:"name"`             // such as "severity"
	Points int    `json:"points"`           // what it adds to the priority
	Most   int    `json:"most"`             // what it can add
	Detail string `json:"detail,omitempty"` // what the points are for, such as "high"; "" when there are none
}

// Priority returns the score of i, from 0 to [MaxPriority]: the points of its [Factors] together. It is what
// Incident.Priority is unless a [Command] brings a score of its own.
func Priority(i Incident) int {
	sum := 0
	for _, f := range factors {
		sum += f.points(&i)
	}
	return sum
}

// Factors returns the reasons of i's priority, always the same ones in the same order:
//
//	severity         high 40, medium 25, low 8, informational 2
//	critical assets  the most critical one: very high 20, high 15, medium 8, low 4
//	signals          10 for a tag of an attack type, an automatic action or experts
//	tactics          3 for each MITRE tactic that was reached, at most 12, and 3 more for exfiltration or impact
//	sources          3 for each service that reports it besides the first, at most 6
//	rarity           of its rarest alert: 5 when the 30 days before had none of its kind, 3 below 5, 1 below 20
//	age              of the attack, from first to last activity: 1 over an hour, 2 over a day, 3 over three days, 4 over a week
//
// Stealth and Defense Impairment are two tactics. Defense Evasion, the older name of both, counts only where neither
// of them was reached.
//
// The factors depend on nothing but i, not even on the clock, so that a stored score is never out of date.
//
// Source: the factors are those that Microsoft Defender XDR names for its priority score, as far as alerts tell them,
// and so is the scale, on which more than 85 is top priority and less than 15 is low. How Defender weighs them is not
// published; the points are this library's.
func Factors(i Incident) []Factor {
	all := make([]Factor, len(factors))
	for n, f := range factors {
		all[n] = Factor{Name: f.name, Points: f.points(&i), Most: f.most}
		if all[n].Points > 0 {
			all[n].Detail = f.detail(&i)
		}
	}
	return all
}

// factors are what Factors says, the points apart from the words because every command asks for them.
var factors = []struct {
	name   string
	most   int
	points func(*Incident) int
	detail func(*Incident) string // asked only when there are points
}{
	{"severity", 40,
		func(i *Incident) int { return [...]int{0, 2, 8, 25, 40}[min(i.Severity, alert.High)] },
		func(i *Incident) string { return i.Severity.String() }},
	{"critical assets", 20,
		func(i *Incident) int {
			return [...]int{0, 4, 8, 15, 20}[min(i.Alerts.Criticality, alert.VeryHighCriticality)]
		},
		func(i *Incident) string { return i.Alerts.Criticality.String() }},
	{"signals", 10,
		func(i *Incident) int {
			if slices.ContainsFunc(i.Alerts.SystemTags, isSignal) {
				return 10
			}
			return 0
		},
		func(i *Incident) string {
			return joined(i.Alerts.SystemTags, func(t Tag) (string, bool) { return t.Name, isSignal(t) })
		}},
	{"tactics", 15,
		func(i *Incident) int {
			reached := alert.TacticsReached(i.Alerts.Categories)
			points := min(3*len(reached), 12)
			if n := len(reached); n > 0 && alert.TacticIndex(reached[n-1]) >= alert.TacticIndex("Exfiltration") {
				points += 3 // only Impact comes after it
			}
			return points
		},
		func(i *Incident) string {
			reached := alert.TacticsReached(i.Alerts.Categories)
			slices.Sort(reached)
			return joined(reached, func(c string) (string, bool) { return alert.CategoryTitle(c), true })
		}},
	{"sources", 6,
		func(i *Incident) int { return min(3*max(len(i.Alerts.Sources)-1, 0), 6) },
		func(i *Incident) string { return fmt.Sprintf("%d services", len(i.Alerts.Sources)) }},
	{"rarity", 5,
		func(i *Incident) int {
			switch n := i.Alerts.Rarest; {
			case i.Alerts.Count == 0 || n >= alert.MaxSeen:
				return 0
			case n == 0:
				return 5
			case n < 5:
				return 3
			}
			return 1
		},
		func(i *Incident) string {
			if i.Alerts.Rarest == 0 {
				return "the first of its kind in 30 days"
			}
			return fmt.Sprintf("%d of its kind in the 30 days before", i.Alerts.Rarest)
		}},
	{"age", 4,
		func(i *Incident) (points int) {
			for _, over := range ages {
				if lasted(i) > over {
					points++
				}
			}
			return points
		},
		func(i *Incident) string { return lasted(i).Round(time.Minute).String() }},
}

// ages are how long an attack has gone on for each point more.
var ages = [...]time.Duration{time.Hour, 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour}

func lasted(i *Incident) time.Duration { return i.Alerts.LastActivity.Sub(i.Alerts.FirstActivity) }

func isSignal(t Tag) bool { return t.Kind != alert.CriticalAsset }

// joined returns the texts of those of the values that count.
func joined[T any](values []T, text func(T) (string, bool)) string {
	var texts []string
	for _, v := range values {
		if t, counts := text(v); counts {
			texts = append(texts, t)
		}
	}
	return strings.Join(texts, ", ")
}
