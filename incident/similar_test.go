package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

func about(title string, entities ...alert.Entity) alert.Alert {
	a := alert.Alert{Origin: alert.Origin{Source: "EDR"}, Title: title, Techniques: []string{"T1003"}}
	for _, e := range entities {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
	}
	return a
}

// What is shared counts by its strength on the incident that is compared, each entity once, whatever its names.
func TestSimilarity(t *testing.T) {
	device := alert.Device{DeviceID: "8f3a", DNSName: "ws-01.corp.example"}
	short, other := alert.Device{HostName: "WS-01"}, alert.Device{DNSName: "ws-01.other.example"}
	named := slices.Clip([]alert.Key{"host:ws-01.corp.example"})
	both := append(named, "upn:kai@corp.example")
	kinds := []incident.AlertKind{{Source: "EDR", Title: "Mimikatz"}, {Source: "EDR", Title: "Odd logon"}}
	address := alert.IP{Address: "203.0.113.7"}
	kai := alert.User{UPN: "kai@corp.example"}
	ours := []alert.Alert{about("Mimikatz", device, address, alert.IP{Address: "127.0.0.1"}), about("Odd logon", kai)}
	p := incident.NewProfile(ours, nil)
	for name, c := range map[string]struct {
		theirs []alert.Alert
		score  int
		keys   []alert.Key
		kinds  []incident.AlertKind
	}{
		"nothing":               {[]alert.Alert{about("other", alert.IP{Address: "127.0.0.1"})}, 0, nil, nil},
		"the device":            {[]alert.Alert{about("x", device)}, 5, named, nil},
		"its short name":        {[]alert.Alert{about("x", short)}, 5, []alert.Key{"short-host:ws-01"}, nil},
		"another one like that": {[]alert.Alert{about("x", other)}, 0, nil, nil},
		"the address":           {[]alert.Alert{about("x", address)}, 2, []alert.Key{"ip:203.0.113.7"}, nil},
		"the account":           {[]alert.Alert{about("x", device, kai)}, 10, both, nil},
		"a kind":                {[]alert.Alert{about("MIMIKATZ")}, 3, nil, kinds[:1]},
		"all": {ours, 18, append(named, "upn:kai@corp.example", "ip:203.0.113.7"),
			kinds},
	} {
		i := incident.Incident{ID: "i", Alerts: incident.Summarize(c.theirs)}
		s := p.Similarity(i, have(c.theirs, p.Lookups()))
		assert.Equal(t, c.score, s.Score, name)
		var keys []alert.Key
		for _, id := range s.Identifiers {
			keys = append(keys, id.Key)
			want := incident.KeyName(id.Key)
			if strings.HasSuffix(string(id.Key), "host:ws-01") {
				want = "device ws-01.corp.example" // the short form is not its name
			}
			assert.Equal(t, want, id.Name)
			assert.Equal(t, id.Key.Namespace() != "ip", id.Linking)
		}
		assert.Equal(t, c.keys, keys, name)
		assert.Equal(t, c.kinds, s.Kinds, name)
		assert.Equal(t, []string{"T1003"}, s.Techniques, name)
		assert.Equal(t, i, s.Incident)
	}
	assert.Zero(t, incident.Profile{}.Similarity(incident.Incident{}, p.Lookups()))
}

// Each thing is named once, as the source spells it: a session stands for its role, a URL for its host, a
// device for all of its identifiers.
func TestSharedThingsAreNamedOnce(t *testing.T) {
	session := func(name string) alert.CloudResource {
		return alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn:aws:sts::1:assumed-role/Admin/" + name}
	}
	page := alert.URL{URL: "https://Evil.example/A"}
	person := alert.User{SID: "S-1-5-21-1-2-3-1104", Account: "Kai", Domain: "Corp"}
	tool := alert.Process{Image: alert.File{FileName: "Agent.exe", SHA256: sum(1), MD5: sum(1)[:32]}}
	p := incident.NewProfile([]alert.Alert{about("x", session("Bob"), page, person, tool)}, nil)
	names := func(theirs ...alert.Entity) (names []string) {
		s := p.Similarity(incident.Incident{}, have([]alert.Alert{about("y", theirs...)}, p.Lookups()))
		for _, id := range s.Identifiers {
			names = append(names, id.Name)
		}
		return names
	}
	file := "file Agent.exe (sha256 " + sum(1)[:12] + "…)"
	assert.Equal(t, []string{`account Corp\Kai`, "cloud resource arn:aws:sts::1:assumed-role/Admin/Bob", file,
		"URL https://Evil.example/A"}, names(session("Bob"), page, person, tool))
	assert.Equal(t, []string{"cloud resource arn:aws:iam::1:role/Admin", "URL host Evil.example"},
		names(session("Eve"), alert.URL{URL: "https://evil.example/B"}))
	assert.Equal(t, []string{`account Corp\Kai`, file}, names(alert.User{SID: person.SID}, alert.File{MD5: tool.Image.MD5}))
}

// have returns those of keys that the alerts have.
func have(alerts []alert.Alert, keys []alert.Key) (found []alert.Key) {
	for _, key := range keys {
		if slices.ContainsFunc(alerts, func(a alert.Alert) bool { return slices.Contains(a.Keys(), key) }) {
			found = append(found, key)
		}
	}
	return found
}

// A profile looks for no more than it says, and keeps what tells most: what links, then what is on most alerts.
func TestProfilesAreBounded(t *testing.T) {
	var alerts []alert.Alert
	for n := range 150 {
		a := about(string(rune('A'+n%30)), alert.File{SHA256: sum(n)}, alert.File{SHA256: sum(999)})
		alerts = append(alerts, a)
	}
	for range 3 { // three more of the last kind
		alerts = append(alerts, about("Z1"))
	}
	alerts = append(alerts, about("Z1"), about("Z1"), about("Z1"), about("last", alert.Device{HostName: "ws-01"}))
	keys := incident.NewProfile(alerts, nil).Lookups()
	require.Len(t, keys, incident.MaxProfileIdentifiers+incident.MaxProfileKinds)
	assert.ElementsMatch(t, []alert.Key{"host:ws-01", "short-host:ws-01"}, keys[:2])
	assert.Equal(t, alert.Key("sha256:"+sum(999)), keys[2])
	assert.Equal(t, alert.Key("kind:edr|z1"), keys[incident.MaxProfileIdentifiers])
	everywhere := &alert.IdentityOptions{Everywhere: []alert.Key{"host:ws-01"}}
	assert.NotContains(t, incident.NewProfile(alerts, everywhere).Lookups(), alert.Key("host:ws-01"))
}

// sum returns a hash that is different for each n.
func sum(n int) string {
	digits := []byte("1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef")
	digits[0], digits[1], digits[2] = 'a'+byte(n/100%10%6), '0'+byte(n/10%10), '0'+byte(n%10)
	digits[3] = '0' + byte(n/100%10)
	return string(digits)
}

// Similarities are ordered by score, then by last activity, then by number, the highest first.
func TestOrderOfSimilarities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) incident.Similarity {
			s := incident.Similarity{Score: rapid.IntRange(1, 2).Draw(t, "score")}
			s.Incident.Number = rapid.Int64Range(1, 100).Draw(t, "number")
			s.Incident.Alerts.LastActivity = time.Unix(rapid.Int64Range(0, 1).Draw(t, "last"), 0)
			return s
		}), 2, 8).Draw(t, "all")
		slices.SortFunc(all, incident.Similarity.Compare)
		for n, s := range all[1:] {
			before := all[n]
			require.GreaterOrEqual(t, before.Score, s.Score)
			if before.Score == s.Score {
				require.False(t, before.Incident.Alerts.LastActivity.Before(s.Incident.Alerts.LastActivity))
				if before.Incident.Alerts.LastActivity.Equal(s.Incident.Alerts.LastActivity) {
					require.GreaterOrEqual(t, before.Incident.Number, s.Incident.Number)
				}
			}
		}
	})
}
