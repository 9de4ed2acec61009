package intake_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/alert/mapping"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/intake"
	"github.com/incidentkit/incidentkit/incident/msgraph"
	"github.com/incidentkit/incidentkit/incident/sentinel"
)

// read returns the items and errors as lines, so that they can be compared.
func read(seq iter.Seq2[incident.Decoded, error]) (lines []string, alerts []alert.Alert) {
	for item, err := range seq {
		if err != nil {
			lines = append(lines, err.Error())
			continue
		}
		if item.Alert != nil {
			lines = append(lines, fmt.Sprintf("%d %#v %v", item.Index, *item.Alert, item.Notes))
			alerts = append(alerts, *item.Alert)
		} else {
			lines = append(lines, fmt.Sprintf("%d %#v %v", item.Index, *item.Incident, item.Notes))
		}
	}
	return lines, alerts
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(text)
	w.Close()
	return b.Bytes()
}

// Each file is read as the decoder of its system reads it.
func TestEachSystem(t *testing.T) {
	of := func(m *mapping.Mapping) func(io.Reader, string) iter.Seq2[incident.Decoded, error] {
		return func(r io.Reader, name string) iter.Seq2[incident.Decoded, error] {
			return func(yield func(incident.Decoded, error) bool) {
				for d, err := range m.Decode(r, name) {
					item := incident.Decoded{Index: d.Index, Notes: d.Notes}
					if err == nil {
						item.Alert = &d.Alert
					}
					if !yield(item, err) {
						return
					}
				}
			}
		}
	}
	for file, decode := range map[string]func(io.Reader, string) iter.Seq2[incident.Decoded, error]{
		"../msgraph/testdata/alerts_v2.json":             msgraph.Decode,
		"../msgraph/testdata/bom.json":                   msgraph.Decode,
		"../msgraph/testdata/broken.json":                msgraph.Decode,
		"../msgraph/testdata/defender-alert.json":        msgraph.Decode,
		"../msgraph/testdata/incidents-with-alerts.json": msgraph.Decode,
		"../msgraph/testdata/quirks.jsonl":               msgraph.Decode,
		"../sentinel/testdata/arm.json":                  sentinel.Decode,
		"../sentinel/testdata/automation.json":           sentinel.Decode,
		"../sentinel/testdata/tables.jsonl":              sentinel.Decode,
		"../../alert/mapping/testdata/crowdstrike.json":  of(mapping.CrowdStrike()),
		"../../alert/mapping/testdata/elastic.json":      of(mapping.Elastic()),
		"../../alert/mapping/testdata/guardduty.jsonl":   of(mapping.GuardDuty()),
		"../../alert/mapping/testdata/suricata.jsonl":    of(mapping.Suricata()),
		"../../alert/mapping/testdata/wazuh.jsonl":       of(mapping.Wazuh()),
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, text := range [][]byte{text, zipped(text)} {
			want, _ := read(decode(bytes.NewReader(text), "f"))
			require.NotEmpty(t, want)
			got, _ := read(intake.Decode(iotest.OneByteReader(bytes.NewReader(text)), "f"))
			assert.Equal(t, want, got, file)
		}
	}
}

// A file of nobody has the errors that name what it seems to be.
func TestAFileOfNobody(t *testing.T) {
	for _, text := range []string{"", "no JSON", `{"id": "1", "title": "A pull request"}`} {
		want, _ := read(msgraph.Decode(strings.NewReader(text), "f"))
		got, _ := read(intake.Decode(strings.NewReader(text), "f"))
		assert.Equal(t, want, got, text)
	}
}

// The first item may be longer than what is looked at first, and the file may end in an error.
func TestALongItem(t *testing.T) {
	long := fmt.Sprintf(`{"@odata.type": "#microsoft.graph.security.alert", "id": "1", "title": "T", "description": %q}`,
		strings.Repeat("x", 5<<20))
	torn := errors.New("torn")
	var n int
	var last error
	for item, err := range intake.Decode(io.MultiReader(strings.NewReader(long+"\n"), iotest.ErrReader(torn)), "f") {
		if last = err; err == nil {
			require.Equal(t, "T", item.Alert.Title)
			n++
		}
	}
	assert.Equal(t, 1, n)
	require.ErrorIs(t, last, torn)
}

// A mapping of the caller's comes before those of the library, and reading stops where the caller stops.
func TestMappingsOfTheCaller(t *testing.T) {
	own, err := mapping.Parse([]byte(`{"format": "Door log", "is": "door",
		"alert": {"origin.source": "=doors", "origin.id": "id", "title": "door"}}`))
	require.NoError(t, err)
	text := `{"door": "North", "id": 1}` + "\n" + `{"door": "South", "id": 2}`
	_, alerts := read(intake.Decode(strings.NewReader(text), "f", own))
	require.Len(t, alerts, 2)
	assert.Equal(t, alert.Origin{Source: "doors", ID: "2"}, alerts[1].Origin)
	for range intake.Decode(strings.NewReader(text), "f", own) {
		break
	}
	wazuh, err := os.ReadFile("../../alert/mapping/testdata/wazuh.jsonl")
	require.NoError(t, err)
	wazuh, _, _ = bytes.Cut(wazuh, []byte("\n"))
	own, err = mapping.Parse([]byte(`{"format": "Own", "is": "rule.level",
		"alert": {"origin.source": "=own", "origin.id": ["id", "timestamp"], "title": "rule.description"}}`))
	require.NoError(t, err)
	_, alerts = read(intake.Decode(bytes.NewReader(wazuh), "f", own))
	require.NotEmpty(t, alerts)
	assert.Equal(t, "own", alerts[0].Origin.Source)
}

func Example() {
	f := strings.NewReader(`{"event_type": "alert", "timestamp": "2026-03-04T05:06:07.000000+0000", "flow_id": 7,
		"src_ip": "203.0.113.9", "dest_ip": "192.0.2.10", "proto": "TCP",
		"alert": {"signature_id": 2001219, "signature": "Scan of SSH", "severity": 2}}`)
	for item, err := range intake.Decode(f, "eve.json") {
		if err != nil {
			fmt.Println(err) // the items beside it are read
			continue
		}
		if item.Alert != nil {
			fmt.Println(item.Alert.Origin.Source, item.Alert.Title)
		}
	}
	// Output: suricata Scan of SSH
}
