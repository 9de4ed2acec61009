package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The story is told, word for word, and ends in a PDF, wherever the incidents are kept.
func TestTheStory(t *testing.T) {
	want, err := os.ReadFile("testdata/story.txt")
	require.NoError(t, err)
	var pdfs [][]byte
	for _, db := range []string{"memory:", "sqlite:" + filepath.Join(t.TempDir(), "incidents.db")} {
		dir := t.TempDir()
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), &out, db, dir))
		assert.Equal(t, string(want), out.String())
		pdf, err := os.ReadFile(filepath.Join(dir, "incident-1.pdf"))
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(pdf, []byte("%PDF-")))
		pdfs = append(pdfs, pdf)
	}
	assert.Equal(t, pdfs[0], pdfs[1])
}

// Every heading of the article is there, in its order, and none is passed over: below it something is done, or there
// are headings below it.
func TestEveryHeadingIsDone(t *testing.T) {
	article := []string{
		"Access the Manage incident pane", "From the incident queue", "From the incident page",
		"Incident triage", "Assign an incident to an owner", "Assign an owner", "View incidents assigned to a particular owner",
		"Assign or change incident severity", "Add incident tags", "Change the incident status",
		"Incident investigation and resolution", "Resolve an incident", "Specify the incident's classification", "Add comments to an incident",
		"Incident logging and reporting", "Edit the incident name", "View the activity log of an incident", "Export incident data to PDF",
		"Set up email notifications for incidents", "Next steps",
	}
	require.Len(t, tasks, len(article))
	for n, task := range tasks {
		assert.Equal(t, article[n], task.heading)
		assert.True(t, task.do != nil || n+1 < len(tasks) && tasks[n+1].level > task.level, task.heading)
	}
}

// What the article says of each task is what the story shows.
func TestWhatTheArticleSays(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, "memory:", ""))
	story := out.String()
	for _, says := range []struct{ article, story string }{
		{"named by what was affected and who reported it", "Multi-stage incident involving Initial access & Impact on multiple endpoints reported by multiple sources"},
		{"many are managed at once", "#4: changed true, assigned to Kim, version 2"},
		{"owners are suggested as one types, users and groups", `Typing "ti" suggests Tier 2, a group.`},
		{"the alerts get the incident's owner", "#1 is assigned to Kai, its alerts to Kai"},
		{"an assignment can be removed", "#1 is assigned to nobody, its alerts to nobody"},
		{"the filter takes several owners, and the list has a link", "?ascending=true&owner=kai%40contoso.com&owner=kim%40contoso.com"},
		{"severity is the highest of the alerts', or chosen", "#2 is low; chosen by hand: false"},
		{"a new tag is the last suggestion", "Payroll (Create new)"},
		{"custom tags are white", "Payroll            Custom          on white"},
		{"attack types and critical assets are tagged by the system", "Ransomware         Attack type     on red"},
		{"one works on it, so it is in progress", "#1 is In progress."},
		{"resolving takes a note and resolves the alerts", "#2 is Resolved: Finn may send the payroll to the auditors. Open alerts: 0."},
		{"three classifications, each with its types", "Informational, expected activity: Security testing, "},
		{"comments have images", "note.png, image/png, 32 x 16 pixels"},
		{"a merge overwrites the name", `With the transfer merged in, it is "Multi-stage incident`},
		{"the log is filtered by origin", "2 from the incident merged in"},
		{"ten assets of a type at most, or as few as one likes, and the PDF says so", "Devices: 1 of 3 shown"},
	} {
		assert.Contains(t, story, says.story, says.article)
	}
	assert.NotContains(t, story, "correct horse", "what was redacted is gone")
	assert.Equal(t, 1, strings.Count(story, "[redacted]"))
}
