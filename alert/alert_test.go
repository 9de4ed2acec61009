package alert_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// D1: joining source and identifier never makes two origins one.
func TestOriginsNeverCollide(t *testing.T) {
	part := rapid.StringOfN(rapid.SampledFrom([]rune("a:%3A25")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		a := alert.Origin{Source: part.Draw(t, "source"), ID: part.Draw(t, "id")}
		b := alert.Origin{Source: part.Draw(t, "source"), ID: part.Draw(t, "id")}
		assert.Equal(t, a == b, a.AlertID() == b.AlertID())
	})
	assert.NotEqual(t, alert.Origin{Source: "ab", ID: "c"}.AlertID(), alert.Origin{Source: "a", ID: "bc"}.AlertID())
}

// entities has one of each type, with something in it.
var entities = []alert.Entity{
	alert.Device{DeviceID: "d1", DNSName: "Srv-1.contoso.com", OSBuild: 7, FirstSeen: time.Unix(5, 0).UTC()},
	alert.User{UPN: "Kai@contoso.com", Domain: "CONTOSO", Account: "kai"},
	alert.Mailbox{Address: "kai@contoso.com"}, alert.IP{Address: "192.0.2.1", Country: "DE"}, alert.URL{URL: "https://a.example/B"},
	alert.File{FileName: "a.exe", SHA256: "AB"}, alert.Process{PID: 4, Started: time.Unix(9, 0).UTC(), Image: alert.File{SHA1: "cd"}},
	alert.Registry{Hive: "HKLM", Key: "Run"}, alert.Registry{Hive: "HKLM", Key: "Run", Value: "evil"},
	alert.Message{NetworkMessageID: "m", Sender: "x@evil.example"}, alert.MailCluster{By: "Subject", Value: "hi"},
	alert.App{AppID: 11, DisplayName: "Files"}, alert.OAuthApp{AppID: "o"},
	alert.CloudResource{ID: "/subscriptions/1"}, alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn:1"},
	alert.Other{Type: "kubernetesPod", Label: "pod-1", Fields: `{"name":"pod-1"}`},
}

func TestEvidenceSurvivesJSON(t *testing.T) {
	for _, entity := range entities {
		before := alert.Evidence{Entity: entity, Verdict: alert.Malicious, Roles: []alert.Role{alert.Attacked, "brandNew"}, Tags: []string{"vip"}, Extra: `{"x":1}`}
		text, err := json.Marshal(before)
		require.NoError(t, err)
		var after alert.Evidence
		require.NoError(t, json.Unmarshal(text, &after))
		assert.Equal(t, before, after, "%s", text)
	}
}

// Entities are shared between copies of an alert, so they must be comparable and free of pointers.
func TestEntitiesHaveIdentityAndName(t *testing.T) {
	seen := map[alert.Key]alert.Entity{}
	for _, entity := range entities {
		keys := alert.Keys(entity)
		require.NotEmpty(t, keys)
		assert.Equal(t, keys[0], alert.Identity(entity))
		assert.NotEmpty(t, entity.Name())
		assert.Nil(t, seen[keys[0]], "%s names two things", keys[0])
		seen[keys[0]] = entity
	}
	for _, empty := range []alert.Entity{alert.Device{}, alert.User{}, alert.Mailbox{}, alert.IP{}, alert.URL{}, alert.File{}, alert.Process{},
		alert.Registry{}, alert.Message{}, alert.MailCluster{}, alert.App{}, alert.OAuthApp{}, alert.CloudResource{}, alert.Other{}} {
		assert.NotEmpty(t, alert.Identity(empty))
		assert.NotEmpty(t, empty.Name())
	}
}

func TestTheSameThingWrittenDifferentlyHasTheSameKey(t *testing.T) {
	for _, pair := range [][2]alert.Entity{
		{alert.User{UPN: "KAI@Contoso.com"}, alert.User{UPN: "kai@contoso.com"}},
		{alert.IP{Address: "::ffff:192.0.2.1"}, alert.IP{Address: "192.0.2.1"}},
		{alert.Device{DNSName: "A.example."}, alert.Device{HostName: "a.example"}},
		{alert.File{SHA256: "ABCD", FileName: "a"}, alert.File{SHA256: "abcd", FileName: "b"}},
	} {
		assert.Equal(t, alert.Identity(pair[0]), alert.Identity(pair[1]))
	}
	assert.Equal(t, alert.Key("upn:zoë-ü@contoso.com"), alert.Identity(alert.User{UPN: "ZOË-Ü@Contoso.com"}))
	assert.NotEqual(t, alert.Identity(alert.URL{URL: "https://a/B"}), alert.Identity(alert.URL{URL: "https://a/b"}))
}

func TestValidateNamesEveryProblem(t *testing.T) {
	err := alert.Alert{Severity: 9, Evidence: make([]alert.Evidence, 1)}.Validate()
	require.ErrorIs(t, err, alert.ErrInvalid)
	for _, field := range []string{"origin.source", "origin.id", "title", "severity", "evidence[0].entity"} {
		assert.ErrorContains(t, err, field)
	}
	assert.NoError(t, alert.Alert{Origin: alert.Origin{Source: "s", ID: "1"}, Title: "t"}.Validate())
}

func TestEnumerationsAreTextBothWays(t *testing.T) {
	for s := alert.Unrated; s <= alert.High; s++ {
		got, err := alert.ParseSeverity(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, got)
	}
	for s := alert.StatusNew; s <= alert.StatusResolved; s++ {
		got, err := alert.ParseStatus(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, got)
	}
	_, err := alert.ParseSeverity("hgih")
	field, ok := errors.AsType[*alert.FieldError](err)
	require.True(t, ok)
	assert.Equal(t, "hgih", field.Value)
	_, err = alert.Severity(77).MarshalText()
	assert.Error(t, err)
}

func TestCategoryTitle(t *testing.T) {
	for category, want := range map[string]string{
		"CommandAndControl": "Command and control", "InitialAccess": "Initial access", "Malware": "Malware",
		"DLPPolicy": "DLP policy", "already in words": "already in words", "": "", "DefenseEvasion": "Defense evasion",
		"DefenseImpairment": "Defense impairment", "Stealth": "Stealth", "command-and-control": "Command and control",
		"TA0011": "Command and control", "TA0112": "Defense impairment", "no-tactic": "no-tactic", "ta9999": "ta9999",
	} {
		assert.Equal(t, want, alert.CategoryTitle(category))
	}
}

func TestCloneSharesNothing(t *testing.T) {
	a := alert.Alert{Techniques: []string{"T1"}, Tags: []string{"t"}, Evidence: []alert.Evidence{{Entity: entities[0], Roles: []alert.Role{"r"}, Tags: []string{"x"}}}}
	b := a.Clone()
	b.Techniques[0], b.Tags[0], b.Evidence[0].Roles[0], b.Evidence[0].Tags[0] = "!", "!", "!", "!"
	b.Evidence[0].Verdict = alert.Malicious
	assert.Equal(t, alert.Alert{Techniques: []string{"T1"}, Tags: []string{"t"}, Evidence: []alert.Evidence{{Entity: entities[0], Roles: []alert.Role{"r"}, Tags: []string{"x"}}}}, a)
}

// However many pieces of evidence there are, each key comes once and in the order of the evidence.
func TestKeysOfManyPiecesOfEvidence(t *testing.T) {
	var a alert.Alert
	var want []alert.Key
	for n := range 500 {
		address := fmt.Sprintf("10.0.%d.%d", n/2/100, n/2%100) // each twice
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.IP{Address: address}}, alert.Evidence{Entity: alert.IP{Address: "192.0.2.1"}})
		for _, key := range []alert.Key{alert.Key("ip:" + address), "ip:192.0.2.1"} {
			if !slices.Contains(want, key) {
				want = append(want, key)
			}
		}
	}
	assert.Equal(t, want, a.Keys()[:len(want)])
	assert.Equal(t, a.KindKey(), a.Keys()[len(a.Keys())-1])
}

// A KeySet has what the functions return that compute keys one by one.
func TestKeySet(t *testing.T) {
	pool := append(
		slices.Clone(entities),
		nil, alert.Device{},
		alert.User{UPN: "mona@contoso.com"},
		alert.Mailbox{Address: "mona@contoso.com", UPN: "mona@contoso.com"},
	)
	rapid.Check(t, func(t *rapid.T) {
		a := alert.Alert{
			Origin: alert.Origin{Source: rapid.String().Draw(t, "source")},
			Title:  rapid.String().Draw(t, "title"),
		}
		for range rapid.SampledFrom([]int{0, 1, 2, 5, 60}).Draw(t, "evidence") {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: rapid.SampledFrom(pool).Draw(t, "entity")})
		}
		s := a.KeySet()
		require.Equal(t, a.Keys(), s.All())
		require.Equal(t, a.KindKey(), s.Kind())
		for n, e := range a.Evidence {
			if e.Entity == nil {
				require.Nil(t, s.Of(n))
				require.Empty(t, s.Identity(n))
			} else {
				require.Equal(t, alert.Identity(e.Entity), s.Identity(n))
				require.Equal(t, alert.Keys(e.Entity), s.Of(n))
			}
		}
		require.Nil(t, s.Of(-1))
		require.Nil(t, s.Of(len(a.Evidence)))
	})
	assert.Empty(t, alert.KeySet{}.All())
}

// The log could not say what is no text, so that an alert with it is refused, field by field.
func TestTextsThatAreNoTextAreRefused(t *testing.T) {
	bad := "a\xffb"
	err := alert.Alert{
		Origin: alert.Origin{Source: "s", ID: "1"}, Title: "t", Actor: bad, Threat: bad, URL: bad, Owner: alert.Owner{ID: "kai", Name: bad},
		Techniques: []string{"T1566", bad}, Tags: []string{bad}, Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "d", Group: bad}}},
	}.Validate()
	require.ErrorIs(t, err, alert.ErrInvalid)
	for _, field := range []string{"actor", "threat", "url", "owner.name", "techniques[1]", "tags[0]", "evidence[0].entity.group"} {
		assert.ErrorContains(t, err, "alert s:1: "+field+" ")
	}
}

// Two spellings of one account are one owner, whose kind tells apart, and the first spelling stays.
func TestOwnersAreTheSame(t *testing.T) {
	noor := alert.Owner{ID: "Noor.Groß@contoso.com", Name: "Noor"}
	for _, id := range []string{"noor.groß@contoso.com", "NOOR.GROSS@CONTOSO.COM", "noor.gross@\u200Bcontoso.com"} {
		other := alert.Owner{ID: id, Name: "N."}
		assert.True(t, noor.Same(other), "%q", id)
		assert.Equal(t, alert.Owner{ID: noor.ID, Name: "N."}, noor.Respelled(other))
	}
	group := alert.Owner{ID: noor.ID, Kind: alert.GroupOwner}
	for _, other := range []alert.Owner{{}, group, {ID: "noor.gros@contoso.com"}, {Name: "Noor"}} {
		assert.False(t, noor.Same(other), "%v", other)
		assert.Equal(t, other, noor.Respelled(other))
	}
}
