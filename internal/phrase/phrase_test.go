package phrase_test

import (
	"testing"

	"github.com/incidentkit/incidentkit/internal/phrase"
)

func TestTwice(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"edit incident x: storage: incident x: not found":                  "",
		"storage: alert a: storage: exists already":                        "storage:",
		"sqlite: commit: database is locked: Database is locked (5)":       "database is locked",
		"edit incident x: edit incident x: gone":                           "edit incident x",
		"edit incident x: gone\nedit incident x: gone":                     "",
		"context canceled; it is unknown whether it was kept, or it is un": "",
	} {
		if got := phrase.Twice(text); got != want {
			t.Errorf("%q says %q twice, want %q", text, got, want)
		}
	}
}
