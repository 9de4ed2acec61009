package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Benchmark measures the storage that open returns, which must be empty and which Benchmark closes: filled with so
// many incidents (at least 1,000), it is read and then written to, each way as a sub-benchmark of its own. The
// workload is the same at every run, so that two storages can be compared: run both in one go, and compare ratios.
//
// Of the incidents 20 % are active, 10 % in progress and 70 % resolved; 40 % have no owner, the others one of 50,
// some far more often than others; a fifth has one to three of 200 tags, skewed too; the last updates are spread over
// 180 days. There are 1.75 alerts an incident, each with a device, a user, a file and an address, and two entries.
//
//   - queue: pages of 50, the last updated first: by status, open and high of 30 days, by tag, by owner among the
//     active ones of a severity, by all filters, and behind a cursor anywhere
//   - count and facets: of all, of a status, of a tag
//   - within: pages, counts and facets of one query ("outer"), and of a wider one with that query in Within, where
//     "x/outer" is the median as a multiple
//   - incident: one by ID with its alerts and its log
//   - apply: an incident that changes its owner with its alerts and an entry ("edit"); a new incident with an alert
//     and two entries ("new"), or an alert and two entries for one that is there ("alert"), by one caller and by eight,
//     also with a Guard of the keys of that alert and of another of the incident ("guarded"); 16 alerts and 256 in a
//     Changeset, a fifth of them in new incidents
//
// "p50-µs" and "p99-µs" are what one call took, "/s" is how many alerts a second were kept.
func Benchmark(b *testing.B, incidents int, open func(testing.TB) storage.Storage) {
	s := open(b)
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	d := &shift{lots: rand.New(rand.NewPCG(1, uint64(incidents)))}
	if err := d.fill(b.Context(), s, max(incidents, 1000)); err != nil {
		b.Fatal(err)
	}
	d.benchmarkQueue(b, s)
	d.benchmarkCounts(b, s)
	d.benchmarkWithin(b, s)
	d.benchmarkIncident(b, s)
	d.benchmarkApply(b, s)
}

// A shift makes the records that a storage is filled with, and what happens to them after.
type shift struct {
	lots      *rand.Rand
	incidents []incident.Incident // as they are stored, but for their Number
	alerts    map[incident.ID][]alert.Alert
	made      int   // incidents
	raised    int   // alerts
	next      int   // of incidents, to be changed
	seq       int64 // of the last entry that was made
}

const (
	shiftOwners = 50
	shiftTags   = 200
	shiftDays   = 180
)

var shiftCategories = []string{"Execution", "InitialAccess", "CredentialAccess", "Persistence", "DefenseEvasion", "Discovery", "Impact", "Collection", "Exfiltration", "LateralMovement"}

// skewed returns one of n, the first most often.
func (d *shift) skewed(n int) int {
	x := d.lots.Float64()
	return int(x * x * x * float64(n))
}

func shiftOwner(n int) incident.Owner {
	return incident.Owner{ID: fmt.Sprintf("analyst.%d@contoso.com", n), Name: fmt.Sprint("Analyst ", n)}
}

func shiftTag(n int) string { return fmt.Sprint("tag-", n) }

// makeIncident returns a new one with n alerts and two entries.
func (d *shift) makeIncident(n int) (i incident.Incident, alerts []alert.Alert, entries []activity.Entry) {
	i = incident.Incident{ID: incident.ID(fmt.Sprintf("shift-%08x", d.made)), Status: incident.Resolved}
	d.made++
	i.Updated = origin.Add(-time.Duration(d.lots.Int64N(int64(shiftDays * 24 * time.Hour)))).Truncate(time.Microsecond)
	i.Created = i.Updated.Add(-time.Hour)
	switch p := d.lots.Float64(); {
	case p < 0.2:
		i.Status = incident.Active
	case p < 0.3:
		i.Status = incident.InProgress
	default:
		i.Resolved, i.Note = i.Updated, "Reviewed and closed."
		i.Verdict = classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
	}
	if d.lots.Float64() < 0.6 {
		i.Owner = shiftOwner(d.skewed(shiftOwners))
	}
	if d.lots.Float64() < 0.2 {
		for range 1 + d.lots.IntN(3) {
			if t := (incident.Tag{Name: shiftTag(d.skewed(shiftTags))}); !slices.Contains(i.Tags, t) {
				i.Tags = append(i.Tags, t)
			}
		}
	}
	for range n {
		alerts = append(alerts, d.makeAlert(&i))
	}
	i.Alerts = incident.Summarize(alerts)
	i.Severity, i.Name = i.Alerts.BySeverity.Highest(), incident.GenerateName(i.Alerts)
	return i, alerts, []activity.Entry{
		d.makeEntry(&i, 0, activity.IncidentCreated, activity.Change{Field: "name", After: `"x"`}),
		d.makeEntry(&i, 1, activity.AlertAdded, activity.Change{Field: "alerts.count", Before: "0", After: "1"}),
	}
}

// makeAlert returns a new alert of i.
func (d *shift) makeAlert(i *incident.Incident) alert.Alert {
	o := alert.Origin{Source: []string{"edr", "mail", "identity", "cloud"}[d.skewed(4)], ID: fmt.Sprintf("%032x", d.raised)}
	d.raised++
	category := d.lots.IntN(len(shiftCategories))
	a := alert.Alert{
		ID: o.AlertID(), Origin: o, Incident: i.ID, Owner: i.Owner, Title: "Behaviour of the rule " + shiftCategories[category], Category: shiftCategories[category],
		Description: "The behaviour that the rule describes was seen on a device in the organisation. It may be the work of an attacker.",
		Techniques:  []string{fmt.Sprint("T10", 10+category)}, Product: "Product " + o.Source, DetectionSource: "customDetection",
		FirstActivity: i.Created, LastActivity: i.Updated, Created: i.Created, Updated: i.Updated, Severity: alert.Informational,
	}
	switch p := d.lots.Float64(); {
	case p >= 0.85:
		a.Severity = alert.High
	case p >= 0.60:
		a.Severity = alert.Medium
	case p >= 0.30:
		a.Severity = alert.Low
	}
	if i.Status == incident.Resolved {
		a.Status, a.Resolved = alert.StatusResolved, i.Resolved
	}
	at := d.lots.Uint64()
	for _, e := range []alert.Entity{
		alert.Device{DeviceID: fmt.Sprintf("%016x", at), DNSName: fmt.Sprintf("ws-%x.contoso.com", at), OS: "Windows11", Group: fmt.Sprint("Group ", d.lots.IntN(6))},
		alert.User{UPN: fmt.Sprintf("user.%x@contoso.com", at), DisplayName: "User"},
		alert.File{FileName: "update.exe", Path: `C:\Users\Public`, SHA256: fmt.Sprintf("%064x", at)},
		alert.IP{Address: fmt.Sprintf("10.%d.%d.%d", at&255, at>>8&255, at>>16&255)},
	} {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e, Verdict: alert.Suspicious, Roles: []alert.Role{alert.Compromised}, Created: a.Created})
	}
	return a
}

func (d *shift) makeEntry(i *incident.Incident, n int, typ activity.Type, c activity.Change) activity.Entry {
	return activity.Entry{ID: activity.ID(fmt.Sprint(i.ID, "/", i.Version, "/", n)), Time: i.Updated, Incident: i.ID, Type: typ,
		Actor: activity.Actor{Kind: activity.App, ID: "siem"}, Cause: fmt.Sprint(i.ID, "/", i.Version), Changes: []activity.Change{c}}
}

// fill stores n incidents, 500 at a time.
func (d *shift) fill(ctx context.Context, s storage.Storage, n int) error {
	d.alerts = make(map[incident.ID][]alert.Alert)
	for len(d.incidents) < n {
		var cs storage.Changeset
		for range min(500, n-len(d.incidents)) {
			alerts := 1
			for alerts < 50 && d.lots.Float64() < 3./7 {
				alerts++
			}
			i, all, entries := d.makeIncident(alerts)
			cs.Incidents, cs.Alerts, cs.Activity = append(cs.Incidents, i), append(cs.Alerts, all...), append(cs.Activity, entries...)
			d.keep(i, all)
		}
		receipt, err := s.Apply(ctx, cs)
		if err != nil {
			return err
		}
		d.seq = receipt.Seq + int64(len(cs.Activity)) - 1
	}
	return nil
}

// maxKept is of how many incidents the alerts are known, so that a large storage needs little memory besides.
const maxKept = 10_000

// keep notes what is stored once this is applied.
func (d *shift) keep(i incident.Incident, alerts []alert.Alert) {
	i = i.Clone()
	if i.Version++; len(d.incidents) < maxKept {
		for _, a := range alerts {
			a.Version++
			d.alerts[i.ID] = append(d.alerts[i.ID], a)
		}
	}
	d.incidents = append(d.incidents, i)
}

// take returns the next incident to be changed, of those whose alerts are known.
func (d *shift) take() *incident.Incident {
	d.next++
	return &d.incidents[d.next%min(len(d.incidents), maxKept)]
}

// addNew adds a new incident with an alert to cs.
func (d *shift) addNew(cs *storage.Changeset) {
	i, alerts, entries := d.makeIncident(1)
	cs.Incidents, cs.Alerts, cs.Activity = append(cs.Incidents, i), append(cs.Alerts, alerts...), append(cs.Activity, entries...)
}

// addAlert adds an alert to cs for an incident that is there.
func (d *shift) addAlert(cs *storage.Changeset) {
	i := d.take()
	i.Updated = i.Updated.Add(time.Second)
	a := d.makeAlert(i)
	i.Alerts.Count++
	i.Alerts.BySeverity[a.Severity]++
	i.Severity = i.Alerts.BySeverity.Highest()
	cs.Incidents, cs.Alerts = append(cs.Incidents, i.Clone()), append(cs.Alerts, a)
	cs.Activity = append(cs.Activity, d.makeEntry(i, 0, activity.AlertAdded, activity.Change{Field: "alerts.count", Before: "1", After: "2"}),
		d.makeEntry(i, 1, activity.SeverityChanged, activity.Change{Field: "severity", Before: `"low"`, After: `"high"`}))
	i.Version++
	if d.alerts[i.ID] != nil {
		a.Version++
		d.alerts[i.ID] = append(d.alerts[i.ID], a)
	}
}

// addGuarded adds what addAlert does, with a Guard that does not fail, of a View that eight others have come after.
func (d *shift) addGuarded(cs *storage.Changeset) {
	d.addAlert(cs)
	cs.Guard.Seq = d.seq - 16 // each has two entries
	for _, a := range []alert.Alert{cs.Alerts[0], d.alerts[cs.Alerts[0].Incident][0]} {
		for n := range a.Evidence {
			cs.Guard.Keys = append(cs.Guard.Keys, a.KeySet().Of(n)...)
		}
	}
}

// addEdit gives an incident and its alerts another owner.
func (d *shift) addEdit(cs *storage.Changeset) {
	i := d.take()
	i.Owner, i.Updated = shiftOwner(d.skewed(shiftOwners)), i.Updated.Add(time.Second)
	cs.Incidents = append(cs.Incidents, i.Clone())
	all := d.alerts[i.ID]
	for n := range all {
		all[n].Owner = i.Owner
		cs.Alerts = append(cs.Alerts, all[n])
		all[n].Version++
	}
	cs.Activity = append(cs.Activity, d.makeEntry(i, 0, activity.Assigned, activity.Change{Field: "owner", After: `"kai"`}))
	i.Version++
}

// addMany adds so many alerts, each fifth in a new incident.
func addMany(n int) func(*shift, *storage.Changeset) {
	return func(d *shift, cs *storage.Changeset) {
		for k := range n {
			if k%5 == 4 {
				d.addNew(cs)
			} else {
				d.addAlert(cs)
			}
		}
	}
}

// maxAhead is how many Changesets are made at a time, while the clock stands still. There are more incidents, so that
// no two callers change the same one.
const maxAhead = 512

func (d *shift) benchmarkApply(b *testing.B, s storage.Storage) {
	for _, c := range []struct {
		name    string
		callers int
		add     func(*shift, *storage.Changeset)
	}{
		{"edit", 1, (*shift).addEdit},
		{"new/callers=1", 1, (*shift).addNew},
		{"new/callers=8", 8, (*shift).addNew},
		{"alert/callers=1", 1, (*shift).addAlert},
		{"alert/callers=8", 8, (*shift).addAlert},
		{"guarded/callers=1", 1, (*shift).addGuarded},
		{"guarded/callers=8", 8, (*shift).addGuarded},
		{"alerts=16", 1, addMany(16)},
		{"alerts=256", 1, addMany(256)},
	} {
		b.Run("apply/"+c.name, func(b *testing.B) {
			alerts := 0
			m := &meter{b: b}
			b.ResetTimer()
			for left := b.N; left > 0; left -= min(left, maxAhead) {
				b.StopTimer()
				changesets := make(chan storage.Changeset, maxAhead)
				for range min(left, maxAhead) {
					var cs storage.Changeset
					c.add(d, &cs)
					alerts += len(cs.Alerts)
					d.seq += int64(len(cs.Activity))
					changesets <- cs
				}
				close(changesets)
				b.StartTimer()
				var callers sync.WaitGroup
				for range c.callers {
					callers.Go(func() {
						for cs := range changesets {
							if err := m.measure(func() error { _, err := s.Apply(b.Context(), cs); return err }); err != nil {
								b.Error(err)
							}
						}
					})
				}
				callers.Wait()
			}
			m.report()
			b.ReportMetric(float64(alerts)/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}

// A search is a query of the queue in several forms, which take turns.
type search struct {
	name    string
	queries []incident.Query
}

func (d *shift) searches() []search {
	open := []incident.Status{incident.Active, incident.InProgress}
	all := []search{
		{"status", []incident.Query{{Statuses: open[:1]}, {Statuses: open[1:]}, {Statuses: []incident.Status{incident.Resolved}}}},
		{"openHigh", []incident.Query{{Statuses: open, Severities: []alert.Severity{alert.High}, UpdatedSince: origin.AddDate(0, 0, -30)}}},
		{name: "tag"}, {name: "owner"}, {name: "all"}, {name: "deep"},
	}
	add := func(n int, q incident.Query) { all[n].queries = append(all[n].queries, q) }
	for n := range 8 {
		var names, people []string
		for k := range 12 {
			names, people = append(names, shiftTag(n+k)), append(people, shiftOwner(n+k).ID)
		}
		add(2, incident.Query{Tags: names[:1]})
		add(3, incident.Query{Owners: people[:1], Statuses: open[:1], Severities: []alert.Severity{alert.Low + alert.Severity(n%3)}})
		add(4, incident.Query{Statuses: open, Severities: []alert.Severity{alert.Medium, alert.High}, Owners: people, Tags: names,
			Categories: shiftCategories[:3], UpdatedSince: origin.AddDate(0, 0, -60-n)})
	}
	for n := range 256 {
		place := d.incidents[n*len(d.incidents)/256]
		place.Number = int64(n*len(d.incidents)/256) + 1 // of a storage that numbers from 1; any place will do
		add(5, incident.Query{After: incident.Query{}.CursorAfter(place)})
	}
	for _, s := range all {
		for n := range s.queries {
			s.queries[n].Limit = 50
		}
	}
	return all
}

func (d *shift) benchmarkQueue(b *testing.B, s storage.Storage) {
	for _, search := range d.searches() {
		b.Run("queue/"+search.name, func(b *testing.B) {
			found, n := 0, 0
			m := &meter{b: b}
			for b.Loop() {
				q := search.queries[n%len(search.queries)]
				n++
				m.view(s, func(ctx context.Context, r storage.Reader) error {
					some, err := length(r.Incidents(ctx, q))
					found += some
					return err
				})
			}
			m.report()
			b.ReportMetric(float64(found)/float64(n), "found/op")
		})
	}
}

func (d *shift) benchmarkCounts(b *testing.B, s storage.Storage) {
	for _, c := range []struct {
		name string
		q    incident.Query
	}{
		{"none", incident.Query{}},
		{"status", incident.Query{Statuses: []incident.Status{incident.Active, incident.InProgress}}},
		{"tag", incident.Query{Tags: []string{shiftTag(0)}}},
	} {
		for what, count := range map[string]func(context.Context, storage.Reader) (int, error){
			"count": func(ctx context.Context, r storage.Reader) (int, error) { return storage.Count(ctx, r, c.q) },
			"facets": func(ctx context.Context, r storage.Reader) (int, error) {
				all, err := storage.Facets(ctx, r, c.q)
				return all.Total, err
			},
		} {
			b.Run(what+"/"+c.name, func(b *testing.B) {
				found := 0
				m := &meter{b: b}
				for b.Loop() {
					m.view(s, func(ctx context.Context, r storage.Reader) (err error) { found, err = count(ctx, r); return err })
				}
				m.report()
				b.ReportMetric(float64(found), "found/op")
			})
		}
	}
}

func (d *shift) benchmarkWithin(b *testing.B, s storage.Storage) {
	open, most := []incident.Status{incident.Active, incident.InProgress}, []alert.Severity{alert.Medium, alert.High}
	since := origin.AddDate(0, 0, -30)
	for _, c := range []struct {
		name         string
		outer, wider incident.Query
	}{
		{"status", incident.Query{Statuses: open}, incident.Query{}},
		{"severity", incident.Query{Statuses: open, Severities: most[:1]}, incident.Query{Severities: most}},
		{"tag", incident.Query{Tags: []string{shiftTag(0)}}, incident.Query{}},
		{"category", incident.Query{Statuses: open, Categories: shiftCategories[:1]}, incident.Query{Statuses: open}},
		{
			"queue",
			incident.Query{
				Statuses: open[:1], Severities: most, Owners: []string{shiftOwner(0).ID}, UpdatedSince: since,
			},
			incident.Query{Statuses: open, Severities: most, UpdatedSince: since},
		},
	} {
		for what, ask := range map[string]func(context.Context, storage.Reader, incident.Query) (int, error){
			"count": storage.Count,
			"facets": func(ctx context.Context, r storage.Reader, q incident.Query) (int, error) {
				all, err := storage.Facets(ctx, r, q)
				return all.Total, err
			},
			"page": func(ctx context.Context, r storage.Reader, q incident.Query) (int, error) {
				q.Limit = 50
				return length(r.Incidents(ctx, q))
			},
		} {
			took, found := make([]float64, 2), make([]int, 2)
			c.wider.Within = []incident.Query{c.outer}
			for way, q := range []incident.Query{c.outer, c.wider} {
				b.Run("within/"+what+"/"+c.name+"/"+[]string{"outer", "within"}[way], func(b *testing.B) {
					m := &meter{b: b}
					for b.Loop() {
						m.view(s, func(ctx context.Context, r storage.Reader) (err error) {
							found[way], err = ask(ctx, r, q)
							return err
						})
					}
					m.report()
					took[way] = float64(m.took[len(m.took)/2]) // the median, which report has put in order
					if took[0] > 0 && way == 1 {
						if found[0] != found[1] {
							b.Fatalf("%d incidents, not %d", found[1], found[0])
						}
						b.ReportMetric(took[1]/took[0], "x/outer")
					}
				})
			}
		}
	}
}

func (d *shift) benchmarkIncident(b *testing.B, s storage.Storage) {
	b.Run("incident", func(b *testing.B) {
		n := 0
		m := &meter{b: b}
		for b.Loop() {
			id := d.incidents[n*7919%len(d.incidents)].ID
			n++
			m.view(s, func(ctx context.Context, r storage.Reader) error {
				i, err := r.Incident(ctx, id)
				if err != nil {
					return err
				}
				alerts, alertErr := length(r.Alerts(ctx, alert.Query{Incidents: []incident.ID{id}}))
				entries, entryErr := length(r.Activity(ctx, activity.Query{Incidents: []incident.ID{id}}))
				if err := errors.Join(alertErr, entryErr); err != nil {
					return err
				}
				if alerts != i.Alerts.Count || entries == 0 {
					return fmt.Errorf("incident %s has %d alerts and %d entries, but counts %d alerts", id, alerts, entries, i.Alerts.Count)
				}
				return nil
			})
		}
		m.report()
	})
}

func length[T any](seq iter.Seq2[T, error]) (n int, err error) {
	for _, err := range seq {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// A meter measures calls with the clock of a benchmark, which must not be stopped meanwhile.
type meter struct {
	b    *testing.B
	mu   sync.Mutex
	took []time.Duration
}

func (m *meter) measure(call func() error) error {
	begun := m.b.Elapsed()
	err := call()
	took := m.b.Elapsed() - begun
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took = append(m.took, took)
	return err
}

func (m *meter) view(s storage.Storage, fn func(context.Context, storage.Reader) error) {
	ctx := m.b.Context()
	if err := m.measure(func() error { return s.View(ctx, func(r storage.Reader) error { return fn(ctx, r) }) }); err != nil {
		m.b.Fatal(err)
	}
}

// report reports the times of calls.
func (m *meter) report() {
	if len(m.took) == 0 {
		return
	}
	slices.Sort(m.took)
	for name, at := range map[string]int{"p50-µs": 50, "p99-µs": 99} {
		m.b.ReportMetric(float64(m.took[len(m.took)*at/100].Nanoseconds())/1e3, name)
	}
}
