package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

func TestIndicators(t *testing.T) {
	of := func(e alert.Entity, roles ...alert.Role) Finding {
		return Finding{Evidence: alert.Evidence{Entity: e, Verdict: alert.Malicious, Roles: roles}, Alerts: 2, First: start, Last: start.Add(time.Hour)}
	}
	r := Report{
		Evidence: []Finding{
			of(alert.File{FileName: "=cmd.exe", SHA256: "aa", SHA1: "bb", MD5: "cc"}),
			of(alert.Process{PID: 7, Image: alert.File{SHA256: "aa"}}),
			of(alert.IP{Address: "203.0.113.9"}, alert.Source, alert.Attacker), of(alert.IP{Address: "2001:db8::1"}), of(alert.IP{Address: "none"}),
			of(alert.URL{URL: "HTTPS://Evil.example:8080/a.b?c=d.e"}), of(alert.URL{URL: "evil.example/x"}), of(alert.URL{URL: "http://203.0.113.9/x"}),
			of(alert.Message{Sender: "a@evil.example", EnvelopeSender: "b@evil.example", SenderIP: "198.51.100.7"}),
			of(alert.Registry{Hive: "HKLM", Key: `Software\Run`, Value: "x"}),
		},
		Assets: []Finding{of(alert.User{UPN: "kai@example.com"}), of(alert.User{UPN: "mallory@example.com"}, alert.Attacker), of(alert.Device{HostName: "ws"})},
	}
	var b bytes.Buffer
	require.NoError(t, WriteIndicatorsCSV(t.Context(), &b, r))
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	var got [][]string
	for _, row := range rows[1:] {
		assert.Len(t, row, len(indicatorColumns))
		got = append(got, row[:3])
	}
	assert.Equal(t, [][]string{
		{"sha256", "aa", "aa"}, {"sha1", "bb", "bb"}, {"md5", "cc", "cc"},
		{"ipv4", "203.0.113.9", "203[.]0[.]113[.]9"}, {"ipv6", "2001:db8::1", "2001[:]db8[:][:]1"},
		{"url", "HTTPS://Evil.example:8080/a.b?c=d.e", "hxxps://Evil[.]example[:]8080/a.b?c=d.e"}, {"domain", "evil.example", "evil[.]example"},
		{"url", "evil.example/x", "evil[.]example/x"}, {"url", "http://203.0.113.9/x", "hxxp://203[.]0[.]113[.]9/x"},
		{"email", "a@evil.example", "a[@]evil[.]example"}, {"email", "b@evil.example", "b[@]evil[.]example"}, {"ipv4", "198.51.100.7", "198[.]51[.]100[.]7"},
		{"registry", `HKLM\Software\Run\x`, `HKLM\Software\Run\x`}, {"account", "mallory@example.com", "mallory@example.com"},
	}, got)
	assert.Equal(t, []string{"malicious", "", "'=cmd.exe", "2026-03-14T08:00:00Z", "2026-03-14T09:00:00Z", "2", "false"}, rows[1][3:])
	assert.Equal(t, "source; attacker", rows[4][4])

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, WriteIndicatorsCSV(ctx, &b, r), context.Canceled)
	full := errors.New("disk full")
	assert.ErrorIs(t, WriteIndicatorsCSV(t.Context(), brokenWriter{full}, r), full)
}
