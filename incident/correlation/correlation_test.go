package correlation_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/storage"
)

var (
	start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

	device  = alert.Device{DeviceID: "d1", DNSName: "web-1.contoso.com"}
	user    = alert.User{UPN: "mona@contoso.com"}
	address = alert.IP{Address: "203.0.113.9"}
)

// A shelf is a reader of slices: it answers each query by looking at every record.
type shelf struct {
	storage.Reader // the other methods are not for a correlator to call

	incidents []incident.Incident
	alerts    []alert.Alert

	queries []alert.Query // that were asked
	looked  []incident.ID // incidents that were asked for
	err     error         // of Alerts, after the first alert
	lost    error         // of Incident
}

// A sighter is a shelf that finds sightings by itself.
type sighter struct {
	*shelf
	asked []storage.SightingQuery
}

func (s *sighter) Sightings(_ context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	s.asked = append(s.asked, q)
	return func(yield func(storage.Sighting, error) bool) {
		for _, key := range q.Entities {
			left := q.Limit
			for _, a := range s.alerts {
				if a.FirstActivity.Before(q.Since) || !a.FirstActivity.Before(q.Until) || !slices.Contains(a.Keys(), key) {
					continue
				}
				if left--; left < 0 {
					break
				}
				if !yield(storage.Sighting{Entity: key, Alert: a.ID, Incident: a.Incident, Standalone: a.Standalone}, nil) {
					return
				}
			}
		}
	}
}

func (s *shelf) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	s.looked = append(s.looked, id)
	n := slices.IndexFunc(s.incidents, func(i incident.Incident) bool { return i.ID == id })
	if err := cmp.Or(ctx.Err(), s.lost); err != nil || n < 0 {
		return incident.Incident{}, cmp.Or(err, storage.ErrNotFound)
	}
	return s.incidents[n], nil
}

func (s *shelf) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	s.queries = append(s.queries, q)
	return func(yield func(alert.Alert, error) bool) {
		found := slices.DeleteFunc(slices.Clone(s.alerts), func(a alert.Alert) bool { return !q.Match(a) })
		slices.SortFunc(found, q.Compare)
		for n, a := range found {
			if n == q.Limit {
				return
			}
			if err := cmp.Or(ctx.Err(), s.err); err != nil {
				yield(alert.Alert{}, err)
				return
			}
			if q.Brief {
				a = a.Brief()
			}
			if !yield(a, nil) {
				return
			}
		}
	}
}

// put stores an alert of an incident, which is active and has the number in its name unless it is there.
func (s *shelf) put(a alert.Alert, number int64) {
	a.Incident = incident.ID(fmt.Sprint("i", number))
	s.alerts = append(s.alerts, a)
	if !slices.ContainsFunc(s.incidents, func(i incident.Incident) bool { return i.ID == a.Incident }) {
		s.incidents = append(s.incidents, incident.Incident{ID: a.Incident, Number: number})
	}
}

var serial int

// raise makes an alert at the start, naming the given entities.
func raise(entities ...alert.Entity) alert.Alert {
	serial++
	o := alert.Origin{Source: "edr", ID: fmt.Sprint(serial)}
	a := alert.Alert{ID: o.AlertID(), Origin: o, Title: "t", FirstActivity: start}
	for _, e := range entities {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
	}
	return a
}

func raiseAt(after time.Duration, entities ...alert.Entity) alert.Alert {
	a := raise(entities...)
	a.FirstActivity = start.Add(after)
	return a
}

func correlate(t *testing.T, d correlation.Default, s *shelf, a alert.Alert) correlation.Decision {
	t.Helper()
	dec, err := d.Correlate(t.Context(), s, a, a.KeySet())
	require.NoError(t, err)
	return dec
}

func TestNothingSharedOpensAnIncident(t *testing.T) {
	s := &shelf{}
	s.put(raise(device), 1)
	assert.Equal(t,
		correlation.Decision{Keys: []alert.Key{"upn:mona@contoso.com"}},
		correlate(t, correlation.Default{}, s, raise(user)),
	)
	assert.Zero(t, correlate(t, correlation.Default{}, s, raise()))
}

func TestTheWindowIncludesBothItsEnds(t *testing.T) {
	for _, d := range []correlation.Default{{}, {Window: time.Hour}} {
		window := cmp.Or(d.Window, 24*time.Hour)
		for after, linked := range map[time.Duration]bool{
			-window - time.Microsecond: false,
			-window:                    true,
			-window + time.Microsecond: true,
			0:                          true,
			window - time.Microsecond:  true,
			window:                     true,
			window + time.Microsecond:  false,
		} {
			s := &shelf{}
			s.put(raiseAt(after, user), 1)
			assert.Equal(t, linked, correlate(t, d, s, raise(user)).Incident == "i1", "window %s, %s apart", window, after)
		}
	}
}

// What each identifier of an entity weighs, and in which of Graph's words.
func TestWeights(t *testing.T) {
	for key, shared := range map[alert.Key]struct {
		entity alert.Entity
		score  int
		reason activity.Reason
	}{
		"device:d1":                  {alert.Device{DeviceID: "D1"}, 5, activity.SameAsset},
		"device-dir:d1":              {alert.Device{DirectoryID: "d1"}, 5, activity.SameAsset},
		"host:web":                   {alert.Device{HostName: "WEB"}, 5, activity.SameAsset},
		"user:u1":                    {alert.User{DirectoryID: "u1"}, 5, activity.SameAsset},
		"sid:s-1-5-21-1":             {alert.User{SID: "S-1-5-21-1"}, 5, activity.SameAsset},
		"upn:mona@contoso.com":       {user, 5, activity.SameAsset},
		`account:contoso\mona`:       {alert.User{Domain: "CONTOSO", Account: "mona"}, 4, activity.SameAsset},
		"mailbox:mona@contoso.com":   {alert.Mailbox{Address: "mona@contoso.com"}, 4, activity.SameAsset},
		"resource:r1":                {alert.CloudResource{ID: "r1"}, 4, activity.SameAsset},
		"sha256:f":                   {alert.File{SHA256: "F"}, 4, activity.SharedIndicators},
		"sha1:f":                     {alert.Process{Image: alert.File{SHA1: "f"}}, 4, activity.SharedIndicators},
		"md5:f":                      {alert.File{MD5: "f"}, 3, activity.SharedIndicators},
		"url:http://a/B":             {alert.URL{URL: "http://a/B"}, 3, activity.SharedIndicators},
		"sender:x@y":                 {alert.Message{Sender: "x@y"}, 3, activity.SharedIndicators},
		"message:n1|mona@contoso.co": {alert.Message{NetworkMessageID: "n1", Recipient: "mona@contoso.co"}, 3, activity.SharedIndicators},
		"oauth-app:a1":               {alert.OAuthApp{AppID: "a1"}, 3, activity.SharedIndicators},
		"ip:203.0.113.9":             {address, 2, activity.SharedIndicators},
		"ip:10.0.0.1":                {alert.IP{Address: "::ffff:10.0.0.1"}, 2, activity.SharedIndicators},
	} {
		s := &shelf{}
		s.put(raise(shared.entity), 1)
		want := correlation.Decision{
			Incident: "i1",
			Links:    []activity.Link{{Reason: shared.reason, Entity: key, Incident: "i1", Score: shared.score}},
			Keys:     []alert.Key{key},
		}
		assert.Equal(t, want, correlate(t, correlation.Default{}, s, raise(shared.entity)))
	}
}

func TestWhatSaysNothingAboutAnAttackDoesNotLink(t *testing.T) {
	for _, entity := range []alert.Entity{
		alert.Process{PID: 7, Started: start}, alert.Registry{Hive: "hklm", Key: "run"}, alert.File{FileName: "a.exe", Path: "c:"},
		alert.App{AppID: 5}, alert.Other{Type: "pod", Label: "x"}, alert.Device{LastIP: "10.0.0.1"}, alert.User{DisplayName: "Mona"},
	} {
		s := &shelf{}
		s.put(raise(entity), 1)
		finder := &sighter{shelf: s}
		dec, err := correlation.Default{}.Correlate(t.Context(), finder, raise(entity), raise(entity).KeySet())
		require.NoError(t, err)
		assert.Zero(t, dec, "%T", entity)
		assert.Empty(t, finder.asked, "%T is not even looked for", entity)
	}
}

// Entities that are everywhere are among the links, so that nobody has to wonder why they brought nothing
// together.
func TestTheStopList(t *testing.T) {
	d := correlation.Default{Stop: []alert.Key{"host:scanner", "ip:192.0.2.1"}}
	for _, stopped := range []struct {
		entity alert.Entity
		why    string
	}{
		{alert.Device{HostName: "LocalHost"}, "on the stop list"},
		{alert.Device{DNSName: "localhost.localdomain."}, "on the stop list"},
		{alert.IP{Address: "127.0.0.1"}, "on the stop list"},
		{alert.IP{Address: "127.0.0.53"}, "on the stop list"},
		{alert.IP{Address: "::1"}, "on the stop list"},
		{alert.IP{Address: "0.0.0.0"}, "on the stop list"},
		{alert.IP{Address: "::"}, "on the stop list"},
		{alert.IP{Address: "169.254.169.254"}, "on the stop list"},
		{alert.IP{Address: "fe80::1%eth0"}, "on the stop list"},
		{alert.IP{Address: "255.255.255.255"}, "on the stop list"},
		{alert.IP{Address: "224.0.0.251"}, "on the stop list"},
		{alert.IP{Address: "N/A"}, "on the stop list"},
		{alert.User{SID: "S-1-5-7"}, "on the stop list"},
		{alert.User{SID: "S-1-5-18"}, "on the stop list"},
		{alert.User{SID: "S-1-5-19"}, "on the stop list"},
		{alert.User{SID: "S-1-5-20"}, "on the stop list"},
		{alert.User{Domain: "NT AUTHORITY", Account: "SYSTEM"}, "on the stop list"},
		{alert.User{Domain: "NT AUTHORITY", Account: "LOCAL SERVICE"}, "on the stop list"},
		{alert.User{Domain: "NT AUTHORITY", Account: "NETWORK SERVICE"}, "on the stop list"},
		{alert.User{Domain: "NT AUTHORITY", Account: "ANONYMOUS LOGON"}, "on the stop list"},
		{alert.File{MD5: "D41D8CD98F00B204E9800998ECF8427E"}, "on the stop list"},
		{alert.File{SHA1: "da39a3ee5e6b4b0d3255bfef95601890afd80709"}, "on the stop list"},
		{alert.File{SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, "on the stop list"},
		{alert.Device{HostName: "scanner"}, "on the stop list"},
		{alert.IP{Address: "192.0.2.1"}, "on the stop list"},
		{alert.User{Account: "root"}, "an account name without a domain"},
	} {
		s := &shelf{}
		s.put(raise(stopped.entity), 1)
		dec := correlate(t, d, s, raise(stopped.entity))
		assert.Empty(t, dec.Incident, "%v", stopped.entity)
		require.Len(t, dec.Links, 1)
		assert.Equal(t, activity.Link{Reason: dec.Links[0].Reason, Entity: alert.Identity(stopped.entity), HeldBack: stopped.why}, dec.Links[0])
		assert.NotZero(t, dec.Links[0].Reason)
		assert.Empty(t, s.queries, "what does not link is not looked for")
	}
	s := &shelf{}
	s.put(raise(alert.IP{Address: "192.0.2.1"}), 1)
	assert.EqualValues(t, "i1", correlate(t, correlation.Default{}, s, raise(alert.IP{Address: "192.0.2.1"})).Incident, "only who stops it stops it")
}

func TestHubLimit(t *testing.T) {
	for _, d := range []correlation.Default{{}, {HubLimit: 1}, {HubLimit: 7}} {
		limit := cmp.Or(d.HubLimit, 100)
		for _, alerts := range []int{limit - 1, limit, limit + 1, limit + 50} {
			s := &shelf{}
			for range alerts {
				s.put(raise(address), 1)
			}
			s.put(raiseAt(25*time.Hour, address), 1) // not in the window, so it does not count
			links := correlate(t, d, s, raise(address)).Links
			switch {
			case alerts == 0:
				assert.Empty(t, links)
			case alerts <= limit:
				assert.Equal(t, []activity.Link{{Reason: activity.SharedIndicators, Entity: "ip:203.0.113.9", Incident: "i1", Score: 2}}, links)
			default:
				why := fmt.Sprintf("on more than %d alerts within 24h0m0s", limit)
				assert.Equal(t, []activity.Link{{Reason: activity.SharedIndicators, Entity: "ip:203.0.113.9", HeldBack: why}}, links)
			}
		}
	}
}

// A hub takes nothing from what the alert's other entities say.
func TestAHubLeavesTheOthers(t *testing.T) {
	s := &shelf{}
	for range 3 {
		s.put(raise(address), 1)
	}
	s.put(raise(user), 2)
	dec := correlate(t, correlation.Default{HubLimit: 2}, s, raise(user, address))
	assert.EqualValues(t, "i2", dec.Incident)
	assert.Equal(t, []activity.Link{
		{Reason: activity.SharedIndicators, Entity: "ip:203.0.113.9", HeldBack: "on more than 2 alerts within 24h0m0s"},
		{Reason: activity.SameAsset, Entity: "upn:mona@contoso.com", Incident: "i2", Score: 5},
	}, dec.Links)
}

func TestStandaloneAlertsStayAlone(t *testing.T) {
	alone := raise(user)
	alone.Standalone = true
	s := &shelf{}
	s.put(raise(user), 1)
	assert.Zero(t, correlate(t, correlation.Default{}, s, alone), "it joins nobody")
	assert.Empty(t, s.queries)

	s = &shelf{}
	s.put(alone, 1)
	dec := correlate(t, correlation.Default{}, s, raise(user))
	assert.Empty(t, dec.Incident, "nobody joins it")
	assert.Empty(t, dec.Links)
	s.put(raise(user), 1)
	assert.EqualValues(t, "i1", correlate(t, correlation.Default{}, s, raise(user)).Incident, "another alert of its incident links")
	dec = correlate(t, correlation.Default{HubLimit: 1}, s, raise(user))
	assert.Empty(t, dec.Incident, "it counts towards the hub limit")
}

func TestTheHighestScoreWins(t *testing.T) {
	s := &shelf{}
	s.put(raise(address), 1)
	s.put(raise(user), 2)
	s.put(raise(address, alert.File{MD5: "f"}), 3) // 5, as the user
	s.put(raise(user, address), 4)
	dec := correlate(t, correlation.Default{}, s, raise(address, user, alert.File{MD5: "f"}))
	assert.Equal(t, correlation.Decision{
		Incident: "i4",
		Links: []activity.Link{
			{
				Reason:   activity.SharedIndicators,
				Entity:   "ip:203.0.113.9",
				Incident: "i1",
				Score:    2,
				HeldBack: "another incident matches better (7 against 2)",
			},
			{
				Reason:   activity.SharedIndicators,
				Entity:   "ip:203.0.113.9",
				Incident: "i3",
				Score:    2,
				HeldBack: "another incident matches better (7 against 5)",
			},
			{Reason: activity.SharedIndicators, Entity: "ip:203.0.113.9", Incident: "i4", Score: 2},
			{
				Reason:   activity.SharedIndicators,
				Entity:   "md5:f",
				Incident: "i3",
				Score:    3,
				HeldBack: "another incident matches better (7 against 5)",
			},
			{
				Reason:   activity.SameAsset,
				Entity:   "upn:mona@contoso.com",
				Incident: "i2",
				Score:    5,
				HeldBack: "another incident matches better (7 against 5)",
			},
			{Reason: activity.SameAsset, Entity: "upn:mona@contoso.com", Incident: "i4", Score: 5},
		},
		Merge: []incident.ID{"i2", "i3", "i1"},
		Keys:  []alert.Key{"ip:203.0.113.9", "upn:mona@contoso.com", "md5:f"},
	}, dec, "the others are to be merged, the best first, of equal ones the oldest")
}

func TestOfEqualScoresTheOldestIncidentWins(t *testing.T) {
	for _, numbers := range [][]int64{{9, 10, 30}, {30, 10, 9}, {10, 9, 30}} {
		s := &shelf{}
		for _, n := range numbers {
			s.put(raise(user), n)
		}
		dec := correlate(t, correlation.Default{}, s, raise(user))
		assert.EqualValues(t, "i9", dec.Incident, "by number, not by the text of the ID")
		for _, l := range dec.Links {
			if l.Incident != "i9" {
				assert.Equal(t, "another incident matches as well and is older (5 against 5)", l.HeldBack)
			}
		}
	}
}

// An entity with many identifiers does not outweigh two entities: each counts once, by the weightiest that
// is shared, and what two entities have in common counts for the first.
func TestAnEntityCountsOnce(t *testing.T) {
	server := alert.Device{DeviceID: "d1", DirectoryID: "dir1", DNSName: "web-1"}
	mail := alert.Mailbox{Address: "eve@contoso.com", UPN: "eve@contoso.com"}
	s := &shelf{}
	s.put(raise(server), 1)
	s.put(raise(mail, alert.File{SHA256: "f", MD5: "f"}), 2)
	s.put(raise(alert.Device{DNSName: "web-1"}), 3)
	dec := correlate(t, correlation.Default{}, s, raise(server, server, mail, alert.File{SHA256: "f", MD5: "f"}, alert.Process{Image: alert.File{SHA256: "f"}}))
	better := "another incident matches better (9 against 5)"
	assert.Equal(t, correlation.Decision{Incident: "i2", Links: []activity.Link{
		{Reason: activity.SameAsset, Entity: "device-dir:dir1", Incident: "i1", Score: 5, HeldBack: better},
		{Reason: activity.SameAsset, Entity: "device:d1", Incident: "i1", Score: 5, HeldBack: better},
		{Reason: activity.SameAsset, Entity: "host:web-1", Incident: "i1", Score: 5, HeldBack: better},
		{Reason: activity.SameAsset, Entity: "host:web-1", Incident: "i3", Score: 5, HeldBack: better},
		{Reason: activity.SameAsset, Entity: "mailbox:eve@contoso.com", Incident: "i2", Score: 4},
		{Reason: activity.SharedIndicators, Entity: "md5:f", Incident: "i2", Score: 3},
		{Reason: activity.SharedIndicators, Entity: "sha256:f", Incident: "i2", Score: 4},
		{Reason: activity.SameAsset, Entity: "upn:eve@contoso.com", Incident: "i2", Score: 5},
	}, Merge: []incident.ID{"i1", "i3"}, Keys: []alert.Key{
		"device:d1", "device-dir:dir1", "host:web-1", "mailbox:eve@contoso.com", "upn:eve@contoso.com", "sha256:f",
		"md5:f",
	}}, dec)
}

func TestOnlyOpenIncidentsTakeAlerts(t *testing.T) {
	for status, open := range map[incident.Status]bool{incident.Active: true, incident.InProgress: true, incident.Resolved: false, incident.Redirected: false} {
		s := &shelf{}
		s.put(raise(user, address), 1)
		s.incidents[0].Status = status
		s.put(raise(address), 2)
		dec := correlate(t, correlation.Default{}, s, raise(user, address))
		if open {
			assert.EqualValues(t, "i1", dec.Incident, "%s", status)
			continue
		}
		assert.Equal(t, correlation.Decision{Incident: "i2", Links: []activity.Link{
			{Reason: activity.SharedIndicators, Entity: "ip:203.0.113.9", Incident: "i1", Score: 2, HeldBack: "the incident is not open"},
			{Reason: activity.SharedIndicators, Entity: "ip:203.0.113.9", Incident: "i2", Score: 2},
			{Reason: activity.SameAsset, Entity: "upn:mona@contoso.com", Incident: "i1", Score: 5, HeldBack: "the incident is not open"},
		}, Keys: []alert.Key{"upn:mona@contoso.com", "ip:203.0.113.9"}}, dec, "%s", status)
		s.alerts = s.alerts[:1]
		assert.Empty(t, correlate(t, correlation.Default{}, s, raise(user)).Incident, "%s, and no other", status)
	}
}

// Every answer to the same question is the same, however the store hands out its records.
func TestTheDecisionIsTheSameEveryTime(t *testing.T) {
	s := &shelf{}
	for n := range int64(12) {
		s.put(raise(user, device, address), n+1)
	}
	a := raise(address, user, device)
	first := correlate(t, correlation.Default{}, s, a)
	assert.EqualValues(t, "i1", first.Incident)
	assert.True(t, slices.IsSortedFunc(first.Links, func(a, b activity.Link) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Incident, b.Incident))
	}))
	for range 50 {
		slices.Reverse(s.incidents)
		require.Equal(t, first, correlate(t, correlation.Default{}, s, a))
	}
}

// A decision asks once for all identifiers, for no more sightings than show a hub, and looks once at each
// incident that was found. A store that finds no sightings by itself is asked for alerts without evidence.
func TestADecisionReadsLittle(t *testing.T) {
	s := &shelf{}
	for n := range int64(20) {
		s.put(raise(user, device), n%2+1)
	}
	finder := &sighter{shelf: s}
	a := raise(device, user, device)
	dec, err := correlation.Default{HubLimit: 30}.Correlate(t.Context(), finder, a, a.KeySet())
	require.NoError(t, err)
	assert.Len(t, dec.Links, 3*2)
	assert.Equal(t, []storage.SightingQuery{{Entities: []alert.Key{"device:d1", "host:web-1.contoso.com", "upn:mona@contoso.com"},
		Since: start.Add(-24 * time.Hour), Until: start.Add(24*time.Hour + time.Microsecond), Limit: 31}}, finder.asked)
	assert.Empty(t, s.queries)
	assert.Equal(t, []incident.ID{"i1", "i2"}, s.looked)

	assert.Equal(t, dec, correlate(t, correlation.Default{HubLimit: 30}, s, raise(device, user, device)))
	assert.Len(t, s.queries, 3)
	for _, q := range s.queries {
		assert.True(t, q.Brief)
	}
}

func TestErrorsNameTheAlert(t *testing.T) {
	broken := errors.New("disk gone")
	a := raise(user)
	s := &shelf{}
	s.put(raise(user), 1)
	for name, tear := range map[string]func(*shelf){
		"reading alerts":       func(s *shelf) { s.err = broken },
		"reading the incident": func(s *shelf) { s.lost = broken },
	} {
		s := new(*s)
		tear(s)
		dec, err := correlation.Default{}.Correlate(t.Context(), s, a, a.KeySet())
		assert.ErrorIs(t, err, broken, name)
		assert.ErrorContains(t, err, string(a.ID), name)
		assert.Zero(t, dec, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := correlation.Default{}.Correlate(ctx, s, a, a.KeySet())
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, string(a.ID))
}

// Evidence that was never validated is passed over.
func TestEvidenceWithoutAnEntity(t *testing.T) {
	s := &shelf{}
	s.put(raise(user), 1)
	a := raise(user)
	a.Evidence = slices.Insert(a.Evidence, 0, alert.Evidence{})
	assert.EqualValues(t, "i1", correlate(t, correlation.Default{}, s, a).Incident)
}

// The decision is what one finds by holding the alert against every other that is stored.
func TestTheDecisionIsThatOfTheWholeStore(t *testing.T) {
	pool := []alert.Entity{
		device, alert.Device{DNSName: "web-1.contoso.com"}, alert.Device{DeviceID: "d1"}, alert.Device{HostName: "localhost"}, user,
		alert.User{UPN: "mona@contoso.com", Account: "mona"}, alert.Mailbox{Address: "mona@contoso.com", UPN: "mona@contoso.com"},
		alert.File{SHA256: "f", MD5: "m"}, alert.File{MD5: "m"}, address, alert.IP{Address: "127.0.0.1"}, alert.Registry{Hive: "hklm", Key: "run"},
	}
	statuses := []incident.Status{incident.Active, incident.Active, incident.InProgress, incident.Resolved, incident.Redirected}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) alert.Alert {
			a := raise(rapid.SliceOfN(rapid.SampledFrom(pool), 0, 4).Draw(t, what)...)
			halves := time.Duration(rapid.IntRange(-3, 3).Draw(t, "half hours"))
			a.FirstActivity = start.Add(halves*time.Hour/2 + time.Duration(rapid.IntRange(-1, 1).Draw(t, "µs"))*time.Microsecond)
			a.Standalone = rapid.IntRange(0, 9).Draw(t, "standalone") == 0
			return a
		}
		s := &shelf{}
		for range rapid.IntRange(0, 12).Draw(t, "alerts") {
			s.put(draw("stored"), rapid.Int64Range(8, 12).Draw(t, "incident"))
		}
		for n := range s.incidents {
			s.incidents[n].Status = rapid.SampledFrom(statuses).Draw(t, "status")
		}
		d := correlation.Default{Window: time.Hour, HubLimit: rapid.IntRange(1, 6).Draw(t, "hub limit")}
		if rapid.Bool().Draw(t, "stop") {
			d.Stop = []alert.Key{"ip:203.0.113.9"}
		}
		a := draw("new")
		got, err := d.Correlate(t.Context(), s, a, a.KeySet())
		require.NoError(t, err)
		found, err := d.Correlate(t.Context(), &sighter{shelf: s}, a, a.KeySet())
		require.NoError(t, err)
		require.Equal(t, got, found)
		want := bruteForce(d, s, a)
		require.Equal(t, want.Incident, got.Incident)
		require.ElementsMatch(t, want.Links, got.Links)
		require.ElementsMatch(t, want.Keys, got.Keys, "all that may link, and none above the hub limit")
		require.True(t, slices.IsSortedFunc(got.Links, func(a, b activity.Link) int {
			return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Incident, b.Incident))
		}))
	})
}

// bruteForce decides by looking at all of s for each pair of an entity and an incident.
func bruteForce(d correlation.Default, s *shelf, a alert.Alert) (dec correlation.Decision) {
	if a.Standalone {
		return dec
	}
	scores := map[string]int{"device": 5, "host": 5, "upn": 5, "mailbox": 4, "sha256": 4, "md5": 3, "ip": 2}
	near := slices.DeleteFunc(slices.Clone(s.alerts), func(b alert.Alert) bool { return a.FirstActivity.Sub(b.FirstActivity).Abs() > d.Window })
	with := func(k alert.Key) []alert.Alert {
		return slices.DeleteFunc(slices.Clone(near), func(b alert.Alert) bool { return !slices.Contains(b.Keys(), k) })
	}
	why := func(k alert.Key) string {
		switch {
		case k == `account:\mona`:
			return "an account name without a domain"
		case k == "host:localhost" || k == "ip:127.0.0.1" || slices.Contains(d.Stop, k):
			return "on the stop list"
		case len(with(k)) > d.HubLimit:
			return fmt.Sprintf("on more than %d alerts within 1h0m0s", d.HubLimit)
		}
		return ""
	}
	total := map[incident.ID]int{}
	for n, e := range a.Evidence {
		earlier := alert.Alert{Evidence: a.Evidence[:n]}
		keys := slices.DeleteFunc(alert.Keys(e.Entity), func(k alert.Key) bool {
			return k.Namespace() == "registry" || slices.Contains(earlier.Keys(), k)
		})
		for _, i := range s.incidents {
			most := 0
			for _, k := range keys {
				shares := func(b alert.Alert) bool { return b.Incident == i.ID && !b.Standalone }
				if why(k) == "" && slices.ContainsFunc(with(k), shares) {
					most = max(most, scores[k.Namespace()])
					dec.Links = append(dec.Links, activity.Link{Entity: k, Incident: i.ID, Score: scores[k.Namespace()]})
				}
			}
			total[i.ID] += most
		}
		for _, k := range keys {
			if w := why(k); w != "" {
				dec.Links = append(dec.Links, activity.Link{Entity: k, HeldBack: w})
			} else {
				dec.Keys = append(dec.Keys, k)
			}
		}
	}
	ranked := slices.Clone(s.incidents)
	slices.SortFunc(ranked, func(a, b incident.Incident) int {
		return cmp.Or(cmp.Compare(total[b.ID], total[a.ID]), cmp.Compare(a.Number, b.Number))
	})
	for _, i := range ranked {
		if total[i.ID] > 0 && i.Status.Open() {
			dec.Incident = i.ID
			break
		}
	}
	for n := range dec.Links {
		l := &dec.Links[n]
		l.Reason = activity.SameAsset
		if !slices.Contains([]string{"device", "host", "upn", "account", "mailbox"}, l.Entity.Namespace()) {
			l.Reason = activity.SharedIndicators
		}
		closed := slices.ContainsFunc(s.incidents, func(i incident.Incident) bool { return i.ID == l.Incident && !i.Status.Open() })
		switch best, its := total[dec.Incident], total[l.Incident]; {
		case l.Incident == "" || l.Incident == dec.Incident:
		case closed:
			l.HeldBack = "the incident is not open"
		case best == its:
			l.HeldBack = fmt.Sprintf("another incident matches as well and is older (%d against %d)", best, its)
		default:
			l.HeldBack = fmt.Sprintf("another incident matches better (%d against %d)", best, its)
		}
	}
	return dec
}

// What the correlator itself costs, without a store.
func BenchmarkCorrelate(b *testing.B) {
	for name, stored := range map[string]int{"nothing shared": 0, "three of one incident": 3} {
		r := &fixed{incident: incident.Incident{ID: "i1", Number: 1}, alerts: stored}
		a := raise(device, user, alert.File{SHA256: strings.Repeat("f", 64)}, address)
		keys := a.KeySet()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if dec, err := (correlation.Default{}).Correlate(b.Context(), r, a, keys); err != nil ||
					(dec.Incident == "") != (stored == 0) {
					b.Fatal(dec, err)
				}
			}
		})
	}
}

// fixed is a reader that has seen every entity on so many alerts of one incident.
type fixed struct {
	storage.Reader
	incident incident.Incident
	alerts   int
}

func (f *fixed) Incident(context.Context, incident.ID) (incident.Incident, error) {
	return f.incident, nil
}

func (f *fixed) Sightings(_ context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	return func(yield func(storage.Sighting, error) bool) {
		for _, key := range q.Entities {
			for range f.alerts {
				if !yield(storage.Sighting{Entity: key, Incident: f.incident.ID}, nil) {
					return
				}
			}
		}
	}
}
