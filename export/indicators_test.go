package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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
			of(alert.IP{Address: "203.0.113.9"}, alert.Source, alert.Attacker), of(alert.IP{Address: "2001:db8::1"}), of(alert.IP{Address: "none"}), {},
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
		{"url", "https://evil.example:8080/a.b?c=d.e", "hxxps://evil[.]example[:]8080/a.b?c=d.e"}, {"domain", "evil.example", "evil[.]example"},
		{"url", "evil.example/x", "evil[.]example/x"}, {"url", "http://203.0.113.9/x", "hxxp://203[.]0[.]113[.]9/x"},
		{"email", "a@evil.example", "a[@]evil[.]example"}, {"email", "b@evil.example", "b[@]evil[.]example"}, {"ipv4", "198.51.100.7", "198[.]51[.]100[.]7"},
		{"registry", `HKLM\Software\Run\x`, `HKLM\Software\Run\x`}, {"account", "mallory@example.com", "mallory[@]example[.]com"},
	}, got)
	assert.Equal(t, []string{"malicious", "", "'=cmd.exe", "2026-03-14T08:00:00Z", "2026-03-14T09:00:00Z", "2", "false"}, rows[1][3:])
	assert.Equal(t, "source; attacker", rows[4][4])

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, WriteIndicatorsCSV(ctx, &b, r), context.Canceled)
	full := errors.New("disk full")
	assert.ErrorIs(t, WriteIndicatorsCSV(t.Context(), brokenWriter{full}, r), full)
}

// What stands for itself says what was found of it, however else it is named; what is harmless comes last and says so.
func TestIndicatorsSayWhatWasFound(t *testing.T) {
	of := func(v alert.EvidenceVerdict, dismissed bool, e alert.Entity, roles ...alert.Role) Finding {
		return Finding{Evidence: alert.Evidence{Entity: e, Verdict: v, Roles: roles}, Dismissed: dismissed}
	}
	var b bytes.Buffer
	require.NoError(t, WriteIndicatorsCSV(t.Context(), &b, Report{
		Evidence: []Finding{
			of(alert.Malicious, false, alert.Process{PID: 7, Image: alert.File{FileName: "p.exe", SHA256: "AB"}}),
			of(alert.Malicious, false, alert.Message{Subject: "Invoice", SenderIP: "198.51.100.7"}),
			of(alert.Malicious, false, alert.Process{PID: 8, Image: alert.File{FileName: "q.exe", SHA256: "cd"}, ParentImage: alert.File{SHA256: "ef"}}),
			of(alert.Malicious, false, alert.URL{URL: "hxxps://Evil[.]example/Path"}),
			of(alert.Suspicious, false, alert.File{FileName: "own.exe", SHA256: "ab"}),
			of(alert.NoThreatsFound, false, alert.IP{Address: "198.51.100.7"}),
			of(alert.Malicious, true, alert.File{FileName: "false.exe", SHA256: "cd", MD5: "12"}),
		},
		Assets: []Finding{of("", false, alert.User{Domain: "corp", Account: "kai"}, alert.Compromised), of(alert.Malicious, true, alert.User{UPN: "a@b.example"}, alert.Attacker)},
	}))
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	var got []string
	for _, row := range rows[1:] {
		got = append(got, strings.Join([]string{row[1], row[2], row[3], row[5], row[9]}, " "))
	}
	assert.Equal(t, []string{
		"198.51.100.7 198[.]51[.]100[.]7 malicious Invoice false", "cd cd malicious q.exe (8) false",
		"https://evil.example/Path hxxps://evil[.]example/Path malicious hxxps://Evil[.]example/Path false", "evil.example evil[.]example malicious hxxps://Evil[.]example/Path false",
		"ab ab suspicious own.exe false", `corp\kai corp\kai  corp\kai false`, "12 12 malicious false.exe true", "a@b.example a[@]b[.]example malicious a@b.example true",
	}, got)
}

// Whatever the records are, each hash, address and URL of the evidence is there once, and what is harmless stands last.
func TestIndicatorsAreComplete(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrawnCase(rt)
		r := collected(rt, d.Case, nil, &Options{MaxAssets: 1, MaxEvidence: 1})
		var b bytes.Buffer
		require.NoError(rt, WriteIndicatorsCSV(t.Context(), &b, r))
		rows, err := csv.NewReader(&b).ReadAll()
		require.NoError(rt, err)
		byValue := make(map[string][]string)
		last := false
		for _, row := range rows[1:] {
			require.NotContains(rt, byValue, row[0]+row[1])
			byValue[row[0]+row[1]] = row
			is := row[3] == "noThreatsFound" || row[9] == "true"
			require.False(rt, last && !is, "harmless ones are last")
			last = is
		}
		want := make(map[string]bool)
		for _, s := range d.of {
			switch e := s.Entity.(type) {
			case alert.File:
				want["sha256"+strings.ToLower(e.SHA256)] = e.SHA256 != ""
			case alert.Process:
				want["sha256"+strings.ToLower(e.Image.SHA256)] = e.Image.SHA256 != ""
			case alert.IP:
				want["ipv4"+e.Address] = true
			case alert.URL:
				want["url"+e.URL], want["domainexample.net"] = true, true
			case alert.Registry:
				want["registry"+e.Name()] = true
			}
		}
		for _, f := range r.Assets {
			roles := fmt.Sprint(f.Evidence.Roles)
			switch e := f.Evidence.Entity.(type) {
			case alert.User:
				want["account"+e.UPN] = strings.Contains(roles, "attacker") || strings.Contains(roles, "compromised")
			case alert.Device:
				want["device"+e.HostName] = strings.Contains(roles, "attacker")
			}
		}
		for at, is := range want {
			if !is {
				delete(want, at)
			}
		}
		for at := range want {
			require.Contains(rt, byValue, at)
			delete(byValue, at)
		}
		require.Empty(rt, byValue)
		for _, f := range r.Evidence { // sorted, so that a file that is upheld says what its hash is
			if e, ok := f.Evidence.Entity.(alert.File); ok && e.SHA256 != "" && !f.Dismissed && f.Evidence.Verdict != alert.NoThreatsFound {
				require.Equal(rt, string(f.Evidence.Verdict), valueOf(rows, e.SHA256)[3])
			}
		}
	})
}

func valueOf(rows [][]string, value string) []string {
	return rows[slices.IndexFunc(rows, func(row []string) bool { return strings.EqualFold(row[1], value) })]
}
