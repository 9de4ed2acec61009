package incident

import (
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// GenerateName returns the name of an incident whose alerts come to s. Alerts of one title give
// "Ransomware activity on one endpoint" or "… involving one user"; alerts of several give
// "Multi-stage incident involving Initial access & Command and control on multiple endpoints reported by
// multiple sources", each part only where it applies. With no alerts the name is "Incident without alerts".
//
// Source: the published names of Microsoft Defender XDR incidents. Which two categories are named is not
// published; here it is the earliest and the latest on the kill chain.
func GenerateName(s Summary) string {
	if s.Count == 0 {
		return "Incident without alerts"
	}
	if s.Title != "" {
		return clip(s.Title + scope(s, true))
	}
	name := "Multi-stage incident"
	if stages := stages(s.Categories); len(stages) >= 2 {
		name += " involving " + alert.CategoryTitle(stages[0]) + " & " + alert.CategoryTitle(stages[len(stages)-1])
	}
	name += scope(s, false)
	if len(s.Sources) > 1 {
		name += " reported by multiple sources"
	}
	return clip(name)
}

// scope says where: the devices and, where the name may speak of them and there are no devices, the users.
func scope(s Summary, users bool) string {
	switch n := s.Assets[alert.Devices]; {
	case n == 1:
		return " on one endpoint"
	case n > 1:
		return " on multiple endpoints"
	}
	switch n := s.Assets[alert.Users]; {
	case users && n == 1:
		return " involving one user"
	case users && n > 1:
		return " involving multiple users"
	}
	return ""
}

// stages returns the categories that a name may speak of: the tactics in kill-chain order, or, where there
// are fewer than two, all categories with the tactics first.
func stages(categories []string) []string {
	all := alert.TacticsReached(categories)
	if len(all) >= 2 {
		return all
	}
	for _, c := range categories {
		if alert.TacticIndex(c) < 0 && !strings.EqualFold(c, "none") && !strings.EqualFold(c, "unknown") {
			all = append(all, c)
		}
	}
	return all
}

// clip shortens a generated name to what a name may have.
func clip(name string) string {
	if len(name) <= MaxName {
		return name
	}
	if runes := []rune(name); len(runes) > MaxName {
		return string(runes[:MaxName-1]) + "…"
	}
	return name
}
