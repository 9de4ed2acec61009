package mapping

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func quoted(all []string) string { return "`" + strings.Join(all, "`, `") + "`" }

// The guide names every field.
func TestGuideNamesEveryField(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	guide := strings.Join(strings.Fields(string(text)), " ")
	assert.Contains(t, guide, "Alert: "+quoted(names(alertFields()))+".")
	assert.Contains(t, guide, "Every evidence: `kind`, `each`, "+quoted(names(evidenceFields()))+".")
	for _, k := range entityKinds() {
		if k.kind != otherKind {
			assert.Contains(t, guide, fmt.Sprintf("| `%s` | %s |", k.kind, quoted(names(k.fields))))
		}
	}
}

// No field of one kind has the name of a field that all evidence has.
func TestNamesOfFields(t *testing.T) {
	for _, k := range entityKinds() {
		all := slices.Concat([]string{"kind", "each", "type", "fields"}, names(evidenceFields()), names(k.fields))
		switch k.kind { // where type is a field of the entity
		case "amazonResource", "azureResource", "googleCloudResource":
			all = slices.DeleteFunc(all, func(s string) bool { return s == "type" })
			all = append(all, "type")
		}
		slices.Sort(all)
		assert.Equal(t, all, slices.Compact(slices.Clone(all)), k.kind)
	}
}
