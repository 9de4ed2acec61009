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
	for _, f := range Factors(i) {
		sum += f.Points
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
// They depend on nothing but i, not even on the clock, so that a stored score is never out of date.
//
// Source: the factors are those that Microsoft Defender XDR names for its priority score, as far as alerts tell them,
// and so is the scale, on which more than 85 is top priority and less than 15 is low. How Defender weighs them is not
// published; the points are this library's.
func Factors(i Incident) []Factor {
	s := i.Alerts
	severity := Factor{Name: "severity", Most: 40, Points: [...]int{0, 2, 8, 25, 40}[min(i.Severity, alert.High)]}
	if severity.Points > 0 {
		severity.Detail = i.Severity.String()
	}

	critical := Factor{Name: "critical assets", Most: 20, Points: [...]int{0, 4, 8, 15, 20}[min(s.Criticality, alert.VeryHighCriticality)]}
	if critical.Points > 0 {
		critical.Detail = s.Criticality.String()
	}

	signals := Factor{Name: "signals", Most: 10}
	var signs []string
	for _, t := range s.SystemTags {
		if t.Kind != alert.CriticalAsset {
			signals.Points, signs = 10, append(signs, t.Name)
		}
	}
	signals.Detail = strings.Join(signs, ", ")

	tactics := Factor{Name: "tactics", Most: 15}
	var reached []string
	for _, c := range s.Categories {
		if n := alert.TacticIndex(c); n >= 0 {
			reached = append(reached, alert.CategoryTitle(c))
			tactics.Points = min(tactics.Points+3, 12)
		}
	}
	if slices.ContainsFunc(reached, func(t string) bool { return t == "Exfiltration" || t == "Impact" }) {
		tactics.Points += 3
	}
	tactics.Detail = strings.Join(reached, ", ")

	sources := Factor{Name: "sources", Most: 6}
	if n := len(s.Sources); n > 1 {
		sources.Points, sources.Detail = min(3*(n-1), 6), fmt.Sprintf("%d services", n)
	}

	rarity := Factor{Name: "rarity", Most: 5}
	switch {
	case s.Count == 0 || s.Rarest >= alert.MaxSeen:
	case s.Rarest == 0:
		rarity.Points, rarity.Detail = 5, "the first of its kind in 30 days"
	case s.Rarest < 5:
		rarity.Points, rarity.Detail = 3, fmt.Sprintf("%d of its kind in the 30 days before", s.Rarest)
	default:
		rarity.Points, rarity.Detail = 1, fmt.Sprintf("%d of its kind in the 30 days before", s.Rarest)
	}

	age := Factor{Name: "age", Most: 4}
	lasted := s.LastActivity.Sub(s.FirstActivity)
	for _, over := range []time.Duration{time.Hour, 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour} {
		if lasted > over {
			age.Points, age.Detail = age.Points+1, lasted.Round(time.Minute).String()
		}
	}
	return []Factor{severity, critical, signals, tactics, sources, rarity, age}
}
