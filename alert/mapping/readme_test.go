package mapping_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert/mapping"
)

// The guide shows the mapping and the findings of the example, and what it says of them is so.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	guide := string(text)
	assert.Contains(t, guide, "```json\n"+lupaMapping+"\n```")
	assert.Contains(t, guide, "```json\n"+lupaFindings+"\n```")
	least, err := mapping.Parse([]byte(`{"format":"Lupa alert","is":"lupaVersion","around":"findings",
		"alert":{"origin.source":"=lupa","origin.id":"={site}/{no}","title":"=x"}}`))
	require.NoError(t, err)
	said := least.Test([]byte(lupaFindings)).String()
	for line := range strings.SplitSeq(regexp.MustCompile("(?s)```\n(alerts: .*?)\n```").FindStringSubmatch(guide)[1], "\n") {
		if line != "…" {
			assert.Contains(t, said, line+"\n")
		}
	}
}
