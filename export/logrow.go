package export

import (
	"cmp"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// A LogRow is one entry of the log in words.
type LogRow struct {
	Entry   activity.Entry
	Who     string      // who did it
	What    string      // the type of entry
	Alert   string      // title of the alert it is about, "" for none
	Changes []LogChange // in the order of Entry.Changes
	Reasons []string    // why an alert was put into the incident
}

// A LogChange is what became of one field, in words. An empty text means that it had no value.
type LogChange struct {
	Path   string // as in [activity.Change]
	Field  string
	Before string
	After  string

	Redacted bool // Before and After were taken away
}

// Log returns r.Activity in words, for a program that shows the log itself. Documents tell it in the same
// words, but put together what one command did.
func (r Report) Log() []LogRow {
	c := composer{r: r, cast: castOf(r), offset: offset(r)}
	v := c.vocabulary()
	rows := make([]LogRow, 0, len(r.Activity))
	for _, e := range r.Activity {
		row := LogRow{Entry: e, Who: words.Actor(e.Actor), What: e.Type.Title()}
		if e.Alert != "" {
			row.Alert = cmp.Or(r.Names.Alerts[e.Alert], string(e.Alert))
		}
		for _, change := range e.Changes {
			if e.Type == activity.Redacted && change.Before == change.After && !change.Redacted() {
				continue // it says what is left
			}
			row.Changes = append(row.Changes, LogChange{
				Path: change.Field, Field: words.Field(change.Field), Redacted: change.Redacted(),
				Before: v.Value(change.Field, change.Before), After: v.Value(change.Field, change.After),
			})
		}
		for _, l := range e.Links {
			row.Reasons = appendNew(row.Reasons, []string{c.reason(l, e)}) // several keys may be of one entity
		}
		rows = append(rows, row)
	}
	return rows
}
