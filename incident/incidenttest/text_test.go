package incidenttest_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	kit "github.com/incidentkit/incidentkit/incident/incidenttest"
)

var update = flag.Bool("update", false, "rewrite testdata from what is written now")

// The text of a queue that has seen everything: links, what was held back, notes, a merge, a comment and an edit.
func TestWantGolden(t *testing.T) {
	h := kit.New(t, nil)
	h.Ingest(
		kit.Alert(
			"Password guessing",
			alert.Medium,
			kit.ID("1"),
			kit.Tactic("CredentialAccess"),
			kit.Technique("T1110"),
			kit.Device("srv-01"),
			kit.IP("203.0.113.7"),
			kit.Entity(alert.User{Account: "root"}),
		),
		kit.Alert(
			"Memory dump",
			alert.High,
			kit.ID("2"),
			kit.At(5*time.Minute),
			kit.Device("srv-01"),
			kit.Technique("T9"),
			kit.Entity(alert.User{Account: "root"}),
		),
		kit.Alert(
			"Memory dump",
			alert.High,
			kit.ID("3"),
			kit.At(6*time.Minute),
			kit.Device("ws-02"),
			kit.User("lee"),
		),
		kit.Alert("Scan", alert.Low, kit.ID("4"), kit.At(7*time.Minute)),
		kit.Alert("Scan", alert.Low, kit.ID("4"), kit.At(7*time.Minute)),
	)
	h.Advance(time.Hour)
	_, err := h.Manager.Merge(t.Context(), analyst, h.Find("1").ID, []incident.ID{h.Find("3").ID}, "same tool")
	assert.NoError(t, err)
	_, err = h.Manager.Comment(
		t.Context(),
		analyst,
		h.Find("1").ID,
		incident.CommentDraft{Text: "Isolated **srv-01**."},
	)
	assert.NoError(t, err)
	_, err = h.Manager.Edit(t.Context(), analyst, h.Find("1").ID, incident.Edit{
		Status: new(
			incident.Resolved,
		), Note: new("Rebuilt."), Owner: &incident.Owner{ID: "mona@corp.example"}, AddTags: []string{"vip"},
		Verdict: &classification.Verdict{
			Classification: classification.TruePositive,
			Determination:  classification.CompromisedAccount,
		},
	})
	assert.NoError(t, err)
	h.WantGolden("testdata/queue.golden", *update)
	h.WantSound()
}

// What differs from the file is shown line by line; a missing or rewritten file is named.
func TestWantGoldenDiffers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "queue.golden")
	run := func(update bool, parts ...kit.Part) string {
		return reported(t, func(t testing.TB) {
			h := kit.New(t, nil)
			h.Ingest(kit.Alert("One", alert.High, append(parts, kit.ID("1"))...))
			h.WantGolden(file, update)
		})
	}
	assert.Contains(t, run(false), "read the golden file: open "+file)
	assert.Empty(t, run(true))
	assert.Empty(t, run(false))
	assert.Equal(t, "the queue is not as in "+file+` (- wanted, + is):
- #1 One
+ #1 One on one endpoint
    high, active
+   assets: ws-01
    alerts:
      2026-03-02 09:00:00 One, high, test:1
    log:
  … 2 lines
`, run(false, kit.Device("ws-01")))
	golden, err := os.ReadFile(file)
	assert.NoError(t, err)
	assert.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(golden), "\n", "\r\n")), 0o644))
	assert.Empty(t, run(false), "as git checks it out on Windows")
}
