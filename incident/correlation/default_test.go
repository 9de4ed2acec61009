package correlation_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

const hash = "aa11bb22cc33dd44ee55ff66aa11bb22cc33dd44ee55ff66aa11bb22cc33dd44"

func device(name string) alert.Device { return alert.Device{HostName: name} }
func user(name string) alert.User     { return alert.User{Domain: "CORP", Account: name} }
func from(address string) alert.IP    { return alert.IP{Address: address} }

// Two alerts: what they name, how far apart they are, and whether they belong together.
func TestTwoAlerts(t *testing.T) {
	file := alert.File{SHA256: hash}
	public := from("203.0.113.7")
	lateral := func(a alert.Alert) alert.Alert { a.Techniques = []string{"T1021.002"}; return a }
	for _, c := range []struct {
		name     string
		a, b     alert.Alert
		together bool
	}{
		{"a device", named("a", 0, device("ws-1")), named("b", 24*time.Hour, device("WS-1")), true},
		{"a device, a moment too late", named("a", 0, device("ws-1")), named("b", 24*time.Hour+time.Microsecond, device("ws-1")), false},
		{"a device, while the first lasts", lasting(named("a", 0, device("ws-1")), 72*time.Hour), named("b", 71*time.Hour, device("ws-1")), true},
		{"a device, within a day of the end of the first", lasting(named("a", 0, device("ws-1")), 72*time.Hour), named("b", 96*time.Hour, device("ws-1")), true},
		{"a device, too long after the end of the first", lasting(named("a", 0, device("ws-1")), 72*time.Hour), named("b", 97*time.Hour, device("ws-1")), false},
		{"a user without devices", named("a", 0, user("kai")), named("b", 24*time.Hour, user("kai")), true},
		{"a user on two devices", named("a", 0, device("ws-1"), user("kai")), named("b", time.Hour, device("ws-2"), user("kai")), false},
		{"a user on two devices at one time", named("a", 0, device("ws-1"), user("kai")), named("b", 59*time.Second, device("ws-2"), user("kai")), true},
		{"a user on two devices a minute apart", named("a", 0, device("ws-1"), user("kai")), named("b", time.Minute, device("ws-2"), user("kai")), false},
		{"a user who moves to another device", named("a", 0, device("ws-1"), user("kai")), lateral(named("b", 59*time.Minute, device("ws-2"), user("kai"))), true},
		{"a user who moved from another device", lateral(named("a", 0, device("ws-1"), user("kai"))), named("b", 59*time.Minute, device("ws-2"), user("kai")), true},
		{"a user who moves too late", named("a", 0, device("ws-1"), user("kai")), lateral(named("b", time.Hour, device("ws-2"), user("kai"))), false},
		{"a user and a file on two devices", named("a", 0, device("ws-1"), user("kai"), file), named("b", 20*time.Hour, device("ws-2"), user("kai"), file), true},
		{"two addresses, which are of one kind", named("a", 0, device("ws-1"), public, from("203.0.113.8")), named("b", 20*time.Hour, device("ws-2"), public, from("203.0.113.8")), false},
		{"an address without devices", named("a", 0, public), named("b", 59*time.Minute, public), true},
		{"an address without devices, too late", named("a", 0, public), named("b", time.Hour, public), false},
		{"the address of a device", named("a", 0, alert.Device{HostName: "ws-1", LastIP: "10.1.0.5"}), named("b", 59*time.Minute, from("10.1.0.5")), true},
		{"nine devices", named("a", 0, device("ws-1"), device("ws-2"), device("ws-3"), device("ws-4"), device("ws-5"),
			device("ws-6"), device("ws-7"), device("ws-8"), device("ws-9")), named("b", time.Hour, device("ws-1")), false},
		{"nothing in common", named("a", 0, device("ws-1"), user("kai")), named("b", 0, device("ws-2"), user("lee")), false},
		{"nothing at all", named("a", 0), named("b", 0), false},
		{"no entity", alert.Alert{Origin: alert.Origin{Source: "s", ID: "a"}, Title: "t", Evidence: []alert.Evidence{{}}}, named("b", 0), false},
		{"a well-known account", named("a", 0, alert.User{SID: "S-1-5-18"}), named("b", 0, alert.User{SID: "S-1-5-18"}), false},
		{"evidence that is judged clean", judged(named("a", 0, device("ws-1")), alert.NoThreatsFound), named("b", 0, device("ws-1")), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, pair := range [][2]alert.Alert{{c.a, c.b}, {c.b, c.a}} {
				s := ingesting(correlation.Default{})
				s.now = start.Add(100 * time.Hour)
				one, two := s.ingest(t, pair[0]), s.ingest(t, pair[1])
				assert.Equal(t, c.together, one.Incident == two.Incident, "%+v", two.Links)
			}
		})
	}
}

func lasting(a alert.Alert, d time.Duration) alert.Alert {
	a.LastActivity = a.FirstActivity.Add(d)
	return a
}

func judged(a alert.Alert, v alert.EvidenceVerdict) alert.Alert {
	a.Evidence[0].Verdict = v
	return a
}

// A device that many use links no more than an account does: tagged so by its source, or by the program.
func TestSharedDevices(t *testing.T) {
	dc := alert.Device{DNSName: "dc-01.corp.example"}
	a, b := named("a", 0, dc, user("kai")), named("b", time.Hour, dc, user("lee"))
	s := ingesting(correlation.Default{Identity: alert.IdentityOptions{Shared: []alert.Key{"host:dc-01"}}})
	assert.NotEqual(t, s.ingest(t, a).Incident, s.ingest(t, b).Incident, "named by the program")

	s = ingesting(correlation.Default{})
	for _, x := range []*alert.Alert{&a, &b} {
		x.Evidence[0].Tags = []string{"Domain Controller"}
	}
	assert.NotEqual(t, s.ingest(t, a).Incident, s.ingest(t, b).Incident, "tagged")
	c := named("c", 2*time.Hour, dc, user("kai"))
	c.Evidence[0].Tags = []string{"Domain Controller"}
	assert.Equal(t, "i1", fmt.Sprint("i", s.number(t, s.ingest(t, c).Incident)), "with the account, two kinds")
}

// What many use brings nobody together: not by closeness in time, not beside its own account or a private address, in
// no order. An attack on it is one incident.
func TestWhatManyUse(t *testing.T) {
	dc, lan := device("dc-01"), alert.IP{Address: "10.0.0.5"}
	account := alert.User{Domain: "CORP", Account: "DC-01$"}
	aws := func(id string) alert.Entity {
		return alert.CloudResource{Provider: alert.KindAmazonResource, ID: "arn:aws:" + id}
	}
	var recipients []alert.Entity
	for n := range 9 {
		recipients = append(recipients, alert.Mailbox{Address: fmt.Sprintf("r%d@corp.example", n)})
	}
	options := alert.IdentityOptions{
		Shared: []alert.Key{"host:dc-01"}, Everywhere: []alert.Key{`account:CORP\svc`}}
	for name, c := range map[string]struct {
		one, two []alert.Entity
		apart    time.Duration
		together bool
	}{
		"a moment apart":             {[]alert.Entity{device("a"), dc}, []alert.Entity{device("b"), dc}, time.Second, false},
		"with its account":           {[]alert.Entity{device("a"), dc, account}, []alert.Entity{device("b"), dc, account}, time.Second, false},
		"its account alone":          {[]alert.Entity{device("a"), account}, []alert.Entity{device("b"), account}, time.Second, false},
		"with a private address":     {[]alert.Entity{device("a"), dc, lan}, []alert.Entity{device("b"), dc, lan}, time.Hour, false},
		"a private address":          {[]alert.Entity{device("a"), lan}, []alert.Entity{device("b"), lan}, time.Second, false},
		"with an account":            {[]alert.Entity{device("a"), dc, user("kai")}, []alert.Entity{device("b"), dc, user("kai")}, 5 * time.Hour, true},
		"alone on both":              {[]alert.Entity{dc}, []alert.Entity{device("dc-01.corp.example")}, 20 * time.Hour, true},
		"alone on one":               {[]alert.Entity{dc}, []alert.Entity{device("b"), dc}, time.Second, false},
		"another name of an account": {[]alert.Entity{alert.User{UPN: "svc@corp.example", SID: "S-1-5-21-1-2-3-1200"}}, []alert.Entity{alert.User{SID: "S-1-5-21-1-2-3-1200"}}, 0, false},
		"many recipients":            {recipients, []alert.Entity{recipients[3], device("b")}, time.Second, false},
		"two sessions of a role":     {[]alert.Entity{aws("sts::111122223333:assumed-role/admin/a")}, []alert.Entity{aws("sts::111122223333:assumed-role/admin/b")}, 0, false},
		"a session and its role":     {[]alert.Entity{aws("sts::111122223333:assumed-role/admin/a")}, []alert.Entity{aws("iam::111122223333:role/admin")}, 30 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, first := range []int{0, 1} {
				both := []alert.Alert{named("one", time.Hour, c.one...), named("two", time.Hour+c.apart, c.two...)}
				s := ingesting(correlation.Default{Identity: options})
				s.ingest(t, both[first])
				s.ingest(t, both[1-first])
				groups := s.groups(t, both)
				assert.Equal(t, c.together, groups[0] == groups[1], "first %d", first)
			}
		})
	}
}

// What links alone is not held back because much else links, too.
func TestManyWeakLinksKeepNoAlertFromItsMachine(t *testing.T) {
	s := ingesting(correlation.Default{})
	own := s.ingest(t, named("own", 0, device("ws-1")))
	attack := []alert.Entity{device("ws-1")}
	for n := range 11 {
		address := alert.IP{Address: fmt.Sprint("203.0.113.", n+1)}
		s.ingest(t, named(fmt.Sprint(n), 5*time.Minute, user(fmt.Sprint("u", n)), address))
		attack = append(attack, address)
	}
	r := s.ingest(t, named("attack", 5*time.Minute, attack...))
	assert.Equal(t, own.Incident, r.Incident)
	held := 0
	for _, l := range r.Links {
		if l.HeldBack != "" {
			held++
			assert.Equal(t, "the alert links 12 incidents, more than 10", l.HeldBack)
		}
	}
	assert.Equal(t, 10, held)
}

// A device that says nothing takes nothing away from the account beside it. Names of alerts that say nothing do not
// contradict a short one, and neither does the name that a guest has elsewhere.
func TestWhatSaysNothing(t *testing.T) {
	kai := alert.User{UPN: "kai@corp.example"}
	contextual := func(a alert.Alert) alert.Alert {
		a.Evidence[0].Roles = []alert.Role{alert.Contextual}
		return a
	}
	alone := func(a alert.Alert) alert.Alert {
		a.Standalone = true
		return a
	}
	forever := func(a alert.Alert) alert.Alert {
		a.LastActivity = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
		return a
	}
	for name, all := range map[string][]alert.Alert{
		"hosts that are many":  {named("a", 0, device("ubuntu"), kai), named("b", 5*time.Hour, device("kali"), kai)},
		"a contextual device":  {contextual(named("a", 0, device("ws-9"), kai)), named("b", 5*time.Hour, kai)},
		"devices by addresses": {named("a", 0, alert.Device{LastIP: "10.0.0.1"}, kai), named("b", 5*time.Hour, kai)},
		"a name of its own": {
			named("a", 0, device("ws-1.corp.example")), alone(named("x", time.Hour, device("ws-1.evil.example"))),
			named("b", 2*time.Hour, device("ws-1")),
		},
		"a name judged clean": {
			named("a", 0, device("ws-1.corp.example")), judged(named("x", time.Hour, device("ws-1.evil.example")), alert.NoThreatsFound),
			named("b", 2*time.Hour, device("ws-1")),
		},
		"a guest": {
			named("x", 0, alert.User{UPN: "kai_corp.example#EXT#@tenant.onmicrosoft.com"}, device("ws-9")),
			named("a", 10*time.Hour, kai), named("b", 11*time.Hour, user("kai")),
		},
		"no end": {forever(named("a", 0, device("ws-1"))), forever(named("b", time.Hour, device("ws-1")))},
	} {
		t.Run(name, func(t *testing.T) {
			s := ingesting(correlation.Default{})
			at := map[string]incident.ID{}
			for _, a := range all {
				at[a.Origin.ID] = s.ingest(t, a).Incident
			}
			assert.Equal(t, at["a"], at["b"])
		})
	}
}

func (s *sequence) number(t require.TestingT, id incident.ID) int64 {
	i, err := s.Incident(context.Background(), siem, id)
	require.NoError(t, err)
	return i.Number
}

// However many alerts a machine has, they are one incident, and what follows them joins it.
func TestANoisyMachineIsOneIncident(t *testing.T) {
	s := ingesting(correlation.Default{})
	var all []alert.Alert
	for n := range 300 {
		all = append(all, named(fmt.Sprint(n), time.Duration(n)*2*time.Second, device("web-1"), user("kai")))
	}
	all = append(all, named("shell", 3*time.Hour, device("web-1")))
	for _, a := range all {
		s.ingest(t, a)
	}
	assert.Equal(t, make([]int, len(all)), s.groups(t, all))
}

// A weaker identifier on too many alerts counts for nothing beside another, and the links say so.
func TestBusyIdentifiers(t *testing.T) {
	s := ingesting(correlation.Default{Busy: 5})
	for n := range 6 {
		s.ingest(t, named(fmt.Sprint(n), time.Duration(n)*2*time.Minute, device(fmt.Sprint("ws-", n)), user("svc"), alert.File{SHA256: fmt.Sprintf("%064x", n+1)}))
	}
	last := named("last", time.Hour, device("ws-9"), user("svc"), alert.File{SHA256: fmt.Sprintf("%064x", 1)})
	r := s.ingest(t, last)
	assert.Equal(t, manager.Opened, r.Outcome)
	said := map[string]bool{}
	for _, l := range r.Links {
		said[l.HeldBack] = true
	}
	assert.True(t, said["on more than 5 alerts within 24h0m0s"], "%+v", r.Links)
}

// An incident does not last for ever, and does not grow for ever: another one follows, whose links name it.
func TestAnIncidentHasAnEnd(t *testing.T) {
	s := ingesting(correlation.Default{})
	numbers := map[int64]int{}
	var links []activity.Link
	for n := range 60 {
		r := s.ingest(t, named(fmt.Sprint(n), time.Duration(n)*23*time.Hour, device("ws-1")))
		numbers[s.number(t, r.Incident)]++
		if r.Outcome == manager.Opened && n > 0 && links == nil {
			links = r.Links
		}
	}
	assert.Equal(t, map[int64]int{1: 8, 2: 8, 3: 8, 4: 8, 5: 8, 6: 8, 7: 8, 8: 4}, numbers)
	require.Len(t, links, 1)
	assert.Equal(t, "the incident would last longer than 168h0m0s; another one follows it", links[0].HeldBack)
	assert.NotEmpty(t, links[0].Incident)

	s = ingesting(correlation.Default{Size: 3})
	var all []alert.Alert
	for n := range 7 {
		all = append(all, named(fmt.Sprint(n), time.Duration(n)*time.Minute, device("ws-1")))
		s.ingest(t, all[n])
	}
	assert.Equal(t, []int{0, 0, 0, 3, 3, 3, 6}, s.groups(t, all))
}

// A short name meets a full one; two full names never meet, not even through their short one.
func TestShortAndFullNames(t *testing.T) {
	corp, lab := alert.Device{DNSName: "ws-1.corp.example"}, alert.Device{DNSName: "ws-1.lab.example"}
	for n, order := range [][]alert.Entity{
		{corp, device("ws-1"), lab}, {lab, corp, device("ws-1")}, {device("ws-1"), corp, lab}, {corp, lab, device("ws-1")},
	} {
		s := ingesting(correlation.Default{})
		of := map[string]incident.ID{}
		for k, e := range order {
			of[e.Name()] = s.ingest(t, named(fmt.Sprint(k), time.Duration(k)*time.Minute, e)).Incident
		}
		assert.NotEqual(t, of["ws-1.corp.example"], of["ws-1.lab.example"], n)
	}
	s := ingesting(correlation.Default{})
	a := s.ingest(t, named("a", 0, alert.User{Domain: "corp.example", Account: "kai"})).Incident
	assert.Equal(t, a, s.ingest(t, named("b", time.Minute, user("kai"))).Incident)
	assert.Equal(t, a, s.ingest(t, named("c", time.Minute, alert.User{UPN: "kai@corp.example"})).Incident)
	assert.NotEqual(t, a, s.ingest(t, named("d", time.Minute, alert.User{UPN: "kai@lab.example"})).Incident)
}

// A resolved incident takes no alerts, unless the correlator reopens it.
func TestResolvedIncidents(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		s := ingesting(correlation.Default{Reopen: reopen})
		one := s.ingest(t, named("a", 0, device("ws-1")))
		_, err := s.Edit(t.Context(), siem, one.Incident, incident.Edit{Status: new(incident.Resolved)})
		require.NoError(t, err)
		two := s.ingest(t, named("b", time.Minute, device("ws-1")))
		assert.Equal(t, reopen, one.Incident == two.Incident)
		if !reopen {
			require.Len(t, two.Links, 1)
			assert.Equal(t, "the incident is resolved", two.Links[0].HeldBack)
		}
	}
}

// What nearly linked is said, once for each entity, and no more than 10 times.
func TestWhatNearlyLinked(t *testing.T) {
	s := ingesting(correlation.Default{})
	for n := range 15 {
		s.ingest(t, named(fmt.Sprint(n), time.Duration(n)*time.Minute, device(fmt.Sprint("ws-", n)), user("kai")))
	}
	r := s.ingest(t, named("last", 3*time.Hour, device("ws-99"), user("kai")))
	assert.Equal(t, manager.Opened, r.Outcome)
	assert.Len(t, r.Links, 10)
	assert.Equal(t, alert.Key(`account:corp\kai`), r.Links[0].Entity)
	assert.Regexp(t, `^one weaker identifier alone, 2h\d+m0s apart; it links within 1m0s$`, r.Links[0].HeldBack)
}

// A broken reader is an error that names the alert, wherever it breaks.
func TestErrorsNameTheAlert(t *testing.T) {
	s := memory.New()
	m := manager.New(s, &manager.Options{Now: func() time.Time { return start }})
	first := lasting(named("a", -30*time.Hour, device("ws-1"), alert.Device{DNSName: "srv.corp.example"}), 20*time.Hour)
	for _, a := range []alert.Alert{first, named("b", 0, alert.Device{HostName: "srv"})} {
		_, err := m.Ingest(t.Context(), siem, []alert.Alert{a})
		require.NoError(t, err)
	}
	a := named("c", time.Minute, device("ws-1"), alert.Device{HostName: "srv"})
	a.ID = "edr:c"
	calls, broken := 0, errors.New("broken")
	err := s.View(t.Context(), func(r storage.Reader) error {
		failing := &failingReader{Reader: r, at: -1, calls: &calls, err: broken}
		_, err := correlation.Default{}.Correlate(t.Context(), failing, a, a.KeySet())
		return err
	})
	require.NoError(t, err)
	require.Greater(t, calls, 5)
	for n := range calls {
		count := 0
		err := s.View(t.Context(), func(r storage.Reader) error {
			_, err := correlation.Default{}.Correlate(t.Context(), &failingReader{Reader: r, at: n, calls: &count, err: broken}, a, a.KeySet())
			return err
		})
		assert.ErrorIs(t, err, broken, n)
		assert.ErrorContains(t, err, "correlate alert edr:c")
	}
}

// failingReader fails at one of its calls.
type failingReader struct {
	storage.Reader
	at    int
	calls *int
	err   error
}

func (r *failingReader) fails() error {
	if *r.calls++; *r.calls-1 == r.at {
		return r.err
	}
	return nil
}

func (r *failingReader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	if err := r.fails(); err != nil {
		return incident.Incident{}, err
	}
	return r.Reader.Incident(ctx, id)
}

func (r *failingReader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	if err := r.fails(); err != nil {
		return alert.Alert{}, err
	}
	return r.Reader.Alert(ctx, id)
}

func (r *failingReader) Sightings(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	if err := r.fails(); err != nil {
		return func(yield func(storage.Sighting, error) bool) { yield(storage.Sighting{}, err) }
	}
	return storage.Sightings(ctx, r.Reader, q)
}
