package words

import (
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/incident"
)

// The shapes of marks. Each level has a shape of its own, so that colour alone says nothing.
const (
	highest = "▲"
	middle  = "◆"
	lowest  = "▼"
	least   = "○"
	begun   = "◐"
	waiting = "●"
	done    = "✓"
	onwards = "→"
	nothing = "–"
)

// Severity returns a severity as a badge.
func Severity(s alert.Severity) doc.Cell {
	return doc.Cell{Text: Title(s.String()), Mark: SeverityMark(s)}
}

// SeverityMark returns how a severity is marked.
func SeverityMark(s alert.Severity) doc.Mark {
	switch s {
	case alert.High:
		return doc.Mark{Shape: highest, Tone: doc.High, Badge: true}
	case alert.Medium:
		return doc.Mark{Shape: middle, Tone: doc.Medium, Badge: true}
	case alert.Low:
		return doc.Mark{Shape: lowest, Tone: doc.Low, Badge: true}
	case alert.Informational:
		return doc.Mark{Shape: least, Tone: doc.Informational, Badge: true}
	}
	return doc.Mark{Shape: nothing, Tone: doc.Neutral, Badge: true}
}

// Judged returns the verdict on an entity as a badge, and nothing where there is none.
func Judged(v alert.EvidenceVerdict) doc.Cell {
	c := doc.Cell{Text: Title(string(v))}
	switch v {
	case alert.NotJudged:
	case alert.Malicious:
		c.Mark = doc.Mark{Shape: highest, Tone: doc.High, Badge: true}
	case alert.Suspicious:
		c.Mark = doc.Mark{Shape: middle, Tone: doc.Medium, Badge: true}
	case alert.NoThreatsFound:
		c.Mark = doc.Mark{Shape: done, Tone: doc.Informational, Badge: true}
	default:
		c.Mark = doc.Mark{Shape: nothing, Tone: doc.Neutral, Badge: true}
	}
	return c
}

// Status returns the status of an incident with its mark.
func Status(s incident.Status) doc.Cell {
	c := doc.Cell{Text: s.Title(), Mark: doc.Mark{Shape: nothing}}
	switch s {
	case incident.Active:
		c.Mark.Shape = waiting
	case incident.InProgress:
		c.Mark.Shape = begun
	case incident.Resolved:
		c.Mark.Shape = done
	case incident.Redirected:
		c.Mark.Shape = onwards
	}
	return c
}

// AlertStatus returns the status of an alert with its mark.
func AlertStatus(s alert.Status) doc.Cell {
	c := doc.Cell{Text: Title(s.String()), Mark: doc.Mark{Shape: nothing}}
	switch s {
	case alert.StatusNew:
		c.Mark.Shape = waiting
	case alert.StatusInProgress:
		c.Mark.Shape = begun
	case alert.StatusResolved:
		c.Mark.Shape = done
	}
	return c
}

// VerdictMark returns how the verdict on an incident or an alert is marked.
func VerdictMark(v classification.Verdict) doc.Mark {
	switch v.Classification {
	case "":
		return doc.Mark{Shape: nothing, Tone: doc.Neutral, Badge: true}
	case classification.TruePositive:
		return doc.Mark{Shape: highest, Tone: doc.High, Badge: true}
	case classification.FalsePositive, classification.InformationalExpectedActivity:
		return doc.Mark{Shape: least, Tone: doc.Informational, Badge: true}
	}
	return doc.Mark{Shape: "■", Tone: doc.Accent, Badge: true}
}

// Glossary says what the marks mean.
func Glossary() []doc.Pair {
	return []doc.Pair{
		{Label: highest, Value: doc.Cell{Text: "High severity; malicious; true positive"}},
		{Label: middle, Value: doc.Cell{Text: "Medium severity; suspicious"}},
		{Label: lowest, Value: doc.Cell{Text: "Low severity"}},
		{Label: least, Value: doc.Cell{Text: "Informational; false positive; expected activity"}},
		{Label: waiting, Value: doc.Cell{Text: "New or active"}},
		{Label: begun, Value: doc.Cell{Text: "In progress"}},
		{Label: done, Value: doc.Cell{Text: "Resolved; no threats found"}},
		{Label: onwards, Value: doc.Cell{Text: "Merged into another incident"}},
		{Label: nothing, Value: doc.Cell{Text: "Not set"}},
	}
}
