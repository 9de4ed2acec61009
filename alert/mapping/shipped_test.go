package mapping

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the samples give to testdata")

// sample is the text of a product's alerts, as it publishes their shape.
func sample(t testing.TB, m *Mapping) []byte {
	t.Helper()
	for _, name := range samples(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		if m == product(t, name) {
			return text
		}
	}
	t.Fatalf("no sample of a %s", m.Format())
	return nil
}

func samples(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.json*")
	require.NoError(t, err)
	var all []string
	for _, n := range names {
		if !strings.Contains(n, ".want.") {
			all = append(all, n)
		}
	}
	require.Len(t, all, len(shipped()))
	return all
}

func product(t testing.TB, name string) *Mapping {
	t.Helper()
	base, _, _ := strings.Cut(filepath.Base(name), ".")
	m, ok := map[string]*Mapping{
		"crowdstrike": CrowdStrike(), "elastic": Elastic(), "guardduty": GuardDuty(), "suricata": Suricata(), "wazuh": Wazuh(),
	}[base]
	require.True(t, ok, base)
	return m
}

func TestShippedMappings(t *testing.T) {
	entries, err := files.ReadDir("mappings")
	require.NoError(t, err)
	require.Len(t, entries, len(shipped()))
	for _, e := range entries {
		text, err := files.ReadFile("mappings/" + e.Name())
		require.NoError(t, err)
		_, err = Parse(text)
		assert.NoError(t, err, e.Name())
	}
	for _, m := range shipped() {
		assert.NotEmpty(t, m.Format())
	}
}

// Every alert of the samples is as the file beside it says.
func TestSamples(t *testing.T) {
	for _, name := range samples(t) {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			for d, err := range product(t, name).Decode(bytes.NewReader(text), name) {
				require.NoError(t, err)
				require.NoError(t, d.Alert.Validate())
				require.NoError(t, enc.Encode(d))
			}
			want := name[:strings.IndexByte(name, '.')] + ".want.json"
			if *update {
				require.NoError(t, os.WriteFile(want, got.Bytes(), 0o600))
			}
			text, err = os.ReadFile(want)
			require.NoError(t, err)
			assert.Equal(t, string(text), got.String())
		})
	}
}
