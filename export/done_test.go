package export

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/activity"
)

// What people did reads as a sentence. What followed from it is not told, nor what happened in another incident.
func TestWhatWasDone(t *testing.T) {
	mira, other := "Mira (mira@contoso.example)", "Noor (noor@contoso.example)"
	resolved := []ChangeRow{{Path: "status", After: "Resolved"}}
	rows := []ActivityRow{
		{Cause: "1", Who: "collector", Trigger: activity.Automated, What: "Severity changed", Origin: "inc-2"},
		{Cause: "2", Who: "collector", Trigger: activity.Automated, What: "Incident created"},
		{Cause: "2", Who: "collector", Trigger: activity.Automated, What: "Alert added", Alert: "a"},
		{Cause: "3", Who: "collector", Trigger: activity.Automated, What: "Alert added", Alert: "b"},
		{Cause: "3", Who: "collector", Trigger: activity.Automated, What: "Name changed"},
		{Cause: "4", Who: "collector", Trigger: activity.Automated, What: "Alert added", Alert: "c"},
		{Cause: "5", Who: mira, What: "Comment"}, {Cause: "6", Who: mira, What: "Comment", Origin: "inc-2"},
		{Cause: "7", Who: mira, What: "Status changed", Changes: resolved}, {Cause: "7", Who: mira, What: "Alert status changed", Alert: "a"},
		{Cause: "8", Who: other, What: "Status changed"}, {Cause: "9", What: "Dance"}, {What: "Dance"},
		{Cause: "10", Who: "playbook (p1)", Trigger: activity.Automated, What: "Tags changed"},
	}
	say := func(rows []ActivityRow) string {
		return strings.Join(drawing{r: Report{Activity: rows}}.whatWasDone(), "\n")
	}
	assert.Equal(t, "Mira resolved it and wrote 2 comments.\nNoor changed its status.\nSomebody without a name is in the log with “Dance”, 2 times.\n"+
		"Automatically: collector created it and added 2 alerts; playbook changed its tags.", say(rows))
	assert.Equal(t, "Mira (1) named it.\nMira (2) named it.", say([]ActivityRow{{Who: "Mira (1)", What: "Name changed"}, {Who: "Mira (2)", What: "Name changed"}}))
	assert.Empty(t, say(nil))
	for _, p := range phrases {
		if p.deed != "Resolved" {
			assert.NotContains(t, say([]ActivityRow{{Who: "M", What: p.deed}}), "in the log with")
		}
		assert.NotContains(t, p.once, "#")
	}
	for typ := activity.IncidentCreated; typ <= activity.AutomationRun; typ++ {
		assert.NotContains(t, say([]ActivityRow{{Who: "M", What: typ.Title()}}), "in the log with", typ)
	}
}

// A long note is not said twice.
func TestNoteInShort(t *testing.T) {
	long := strings.Repeat("word ", 100)
	for note, want := range map[string]string{
		"Wiped. Done.":                        "with the note: Wiped. Done.",
		"Version 1.2 was wiped. " + long:      "with a note that begins: Version 1.2 was wiped.",
		"Wiped\n" + long:                      "with a note that begins: Wiped",
		"消しました。" + long:                       "with a note that begins: 消しました。",
		"\xff! " + long:                       "with a note that begins: \xff!",
		long:                                  "with a note of 500 characters.",
		long + ". x":                          "with a note of 503 characters.",
		strings.Repeat("\xff", 300):           "with a note of 300 characters.",
		strings.Repeat("x", 199) + "." + long: "with a note of 700 characters.",
	} {
		assert.Equal(t, want, noteInShort(note))
	}
}
