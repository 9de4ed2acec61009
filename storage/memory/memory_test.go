package memory_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func at(n int) time.Time { return day.Add(time.Duration(n) * time.Minute) }

// A model is what a store should hold.
type model struct {
	incidents map[incident.ID]incident.Incident
	alerts    map[alert.ID]alert.Alert
	log       []activity.Entry

	// What is taken away is gone at all moments.
	redacted map[activity.ID]bool
	contents map[string]bool // by SHA256, of the contents that are there
}

func newModel() model {
	return model{map[incident.ID]incident.Incident{}, map[alert.ID]alert.Alert{}, nil, map[activity.ID]bool{}, map[string]bool{}}
}

// moment returns the model as it is now, but for what will be taken away.
func (m model) moment() model {
	m.incidents, m.alerts, m.log = maps.Clone(m.incidents), maps.Clone(m.alerts), slices.Clone(m.log)
	return m
}

// entries returns the log as it is read.
func (m model) entries() (all []activity.Entry) {
	for _, e := range m.log {
		if m.redacted[e.ID] {
			e = e.Redact()
		}
		all = append(all, e)
	}
	return all
}

var digests = []string{"d0", "d1", "d2"}

func some[T any](t *rapid.T, label string, from ...T) []T {
	return rapid.SliceOfN(rapid.SampledFrom(from), 0, 2).Draw(t, label)
}

func minute(t *rapid.T, label string) time.Time {
	if n := rapid.IntRange(-4, 8).Draw(t, label); n >= 0 {
		return at(n)
	}
	return time.Time{}
}

func pick[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

func asset(n int) alert.Device { return alert.Device{HostName: fmt.Sprint("host", n)} }

func ip(n int) alert.IP { return alert.IP{Address: fmt.Sprintf("192.0.2.%d", n)} }

// crowd sometimes makes an entity that is on many alerts.
func (m *model) crowd(t *rapid.T, s *memory.Store) {
	if rapid.IntRange(0, 3).Draw(t, "crowd") > 0 {
		return
	}
	var cs storage.Changeset
	for n := range rapid.IntRange(50, 80).Draw(t, "size") {
		cs.Alerts = append(cs.Alerts, alert.Alert{
			ID: alert.ID(fmt.Sprint("a", n+12)), Incident: incident.ID(fmt.Sprint("i", n%6)), FirstActivity: at(n % 7), Evidence: []alert.Evidence{{Entity: ip(1)}},
		})
	}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	for _, a := range cs.Alerts {
		a.Version++
		m.alerts[a.ID] = a
	}
}

func (m *model) grow(t *rapid.T, s *memory.Store) {
	var cs storage.Changeset
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 20), 0, 5, rapid.ID[int]).Draw(t, "incidents") {
		i := incident.Incident{ID: incident.ID(fmt.Sprint("i", n))}
		i.Version, i.Number = m.incidents[i.ID].Version, m.incidents[i.ID].Number
		i.Name = pick(t, "name", "", "a", "B", "b\x00")
		i.Status, i.Severity = pick(t, "status", incident.Active, incident.Resolved), pick(t, "severity", alert.Low, alert.High)
		i.Owner = pick(t, "owner", incident.Owner{}, incident.Owner{ID: "kai"}, incident.Owner{ID: "ann"}, incident.Owner{Name: "x"},
			incident.Owner{ID: "kai", Name: "Kai"}, incident.Owner{ID: "kai", Name: "K."}, incident.Owner{ID: "ann", Kind: alert.GroupOwner})
		for _, tag := range some(t, "tags", "vip", "VIP", "straße") {
			i.Tags = append(i.Tags, incident.Tag{Name: tag})
		}
		i.Alerts.Criticality = pick(t, "criticality", alert.NotCritical, alert.LowCriticality, alert.VeryHighCriticality)
		values := pick(t, "values", nil, []string{"a"}, []string{"b"}, []string{"a", "b"})
		parts := [][]string{values, values[:len(values)/2], slices.Clone(values), values[len(values)/2:]}
		for l, list := range i.Alerts.Lists() {
			if part := parts[l%len(parts)]; len(part) > 0 { // an empty list comes back as nil
				*list = part
			}
		}
		i.Verdict.Classification, i.Verdict.Determination = pick(t, "class", "", classification.TruePositive), pick(t, "type", "", classification.Malware)
		i.Created, i.Updated = at(rapid.IntRange(0, 6).Draw(t, "created")), at(rapid.IntRange(0, 6).Draw(t, "updated"))
		cs.Incidents = append(cs.Incidents, i)
	}
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 20), 0, 5, rapid.ID[int]).Draw(t, "alerts") {
		a := alert.Alert{ID: alert.ID(fmt.Sprint("a", n)), Incident: incident.ID(fmt.Sprint("i", rapid.IntRange(0, 5).Draw(t, "in")))}
		a.Version, a.FirstActivity, a.Description = m.alerts[a.ID].Version, minute(t, "first"), "text"
		a.Status, a.Severity = pick(t, "status", alert.StatusNew, alert.StatusResolved), pick(t, "severity", alert.Low, alert.High)
		for _, n := range some(t, "evidence", 1, 2, 3) {
			a.Evidence = append(a.Evidence, alert.Evidence{Entity: ip(n)}, alert.Evidence{Entity: asset(n)})
		}
		cs.Alerts = append(cs.Alerts, a)
	}
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		n := len(m.log) + len(cs.Activity)
		cs.Activity = append(cs.Activity, activity.Entry{
			ID: activity.ID(fmt.Sprint("e", n)), Incident: incident.ID(fmt.Sprint("i", rapid.IntRange(0, 3).Draw(t, "of"))),
			Type: pick(t, "type", activity.Commented, activity.Renamed), Time: at(rapid.IntRange(0, 6).Draw(t, "time")),
			Text: pick(t, "text", "", "t"), Redacted: rapid.IntRange(0, 5).Draw(t, "redacted") == 0,
		})
		e := &cs.Activity[len(cs.Activity)-1]
		for _, digest := range some(t, "attachments", digests...) {
			e.Attachments = append(e.Attachments, activity.Attachment{Name: "n", SHA256: digest})
		}
	}
	for _, digest := range some(t, "contents", digests...) {
		cs.Contents = append(cs.Contents, activity.Content{SHA256: digest, Data: []byte("of " + digest)})
	}
	if len(m.log) > 0 {
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, len(m.log)-1), 0, 2).Draw(t, "redact") {
			cs.Redact = append(cs.Redact, m.log[n].ID)
		}
	}
	receipt, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	for n, i := range cs.Incidents {
		if i.Number != 0 {
			require.Equal(t, i.Number, receipt.Numbers[n])
		} else {
			i.Number = int64(len(m.incidents)) + 1
			require.Equal(t, i.Number, receipt.Numbers[n])
		}
		i.Version++
		m.incidents[i.ID] = i
	}
	for _, a := range cs.Alerts {
		a.Version++
		m.alerts[a.ID] = a
	}
	for n, e := range cs.Activity {
		e.Seq = receipt.Seq + int64(n)
		m.log = append(m.log, e)
	}
	for _, id := range cs.Redact {
		m.redacted[id] = true
	}
	for _, digest := range digests {
		given := slices.ContainsFunc(cs.Contents, func(c activity.Content) bool { return c.SHA256 == digest })
		named := slices.ContainsFunc(m.entries(), func(e activity.Entry) bool {
			return !e.Redacted && slices.ContainsFunc(e.Attachments, func(a activity.Attachment) bool { return a.SHA256 == digest })
		})
		m.contents[digest] = named && (given || m.contents[digest])
	}
}

func collect[T any](t require.TestingT, seq iter.Seq2[T, error]) []T {
	var got []T
	for v, err := range seq {
		require.NoError(t, err)
		got = append(got, v)
	}
	return got
}

func cut[T any](all []T, limit int) []T {
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return append([]T(nil), all...) // nil when empty
}

// What a query yields is what Match lets pass, in the order of Compare, behind the cursor, up to Limit.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := memory.New(), newModel()
		m.crowd(t, s)
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			m.grow(t, s)
			require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
				for range 8 {
					m.incidentsAgree(t, r)
					m.alertsAgree(t, r)
					m.activityAgrees(t, r)
				}
				return nil
			}))
		}
	})
}

// A View goes on answering every query as of its moment, whatever is written and whichever other Views begin
// and end meanwhile.
func TestOldViews(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := memory.New(), newModel()
		m.crowd(t, s)
		type view struct {
			reader storage.Reader
			then   model
			end    func()
		}
		var views []view
		defer func() {
			for _, v := range views {
				v.end()
			}
		}()
		for range rapid.IntRange(1, 20).Draw(t, "rounds") {
			m.grow(t, s)
			next, end := iter.Pull(func(yield func(storage.Reader) bool) {
				_ = s.View(t.Context(), func(r storage.Reader) error { yield(r); return nil })
			})
			reader, _ := next()
			views = append(views, view{reader, m.moment(), end})
			for range rapid.IntRange(0, min(2, len(views)-1)).Draw(t, "ended") {
				n := rapid.IntRange(0, len(views)-1).Draw(t, "which")
				views[n].end()
				views = slices.Delete(views, n, n+1)
			}
			for _, v := range views {
				v.then.incidentsAgree(t, v.reader)
				v.then.alertsAgree(t, v.reader)
				v.then.activityAgrees(t, v.reader)
			}
		}
	})
}

func (m *model) incidentsAgree(t *rapid.T, r storage.Reader) {
	q := incident.Query{
		Statuses: some(t, "statuses", incident.Active, incident.Resolved), Severities: some(t, "severities", alert.Low, alert.High),
		Owners: some(t, "owners", "kai", "ann", ""), Unassigned: rapid.Bool().Draw(t, "unassigned"), Tags: some(t, "tags", "Vip", "STRASSE", "vip"),
		CreatedSince: minute(t, "cs"), CreatedUntil: minute(t, "cu"), UpdatedSince: minute(t, "us"), UpdatedUntil: minute(t, "uu"),
		Sort: incident.Sort(rapid.IntRange(0, 6).Draw(t, "sort")), Ascending: rapid.Bool().Draw(t, "ascending"), Limit: rapid.IntRange(0, 5).Draw(t, "limit"),
	}
	if rapid.Bool().Draw(t, "kept") { // what is known without looking at incidents
		q = incident.Query{
			Statuses:   some(t, "statuses kept", incident.Active, incident.Resolved, incident.Purged),
			Severities: some(t, "severities kept", alert.Low, alert.High, alert.Unrated),
			Except: some(t, "except kept", incident.Query{Statuses: []incident.Status{incident.Resolved}}, incident.Query{Severities: []alert.Severity{alert.Low}},
				incident.Query{Statuses: []incident.Status{incident.Active}, Severities: []alert.Severity{alert.High}}),
		}
		if rapid.Bool().Draw(t, "no severities") {
			q.Severities = nil
		}
		if rapid.Bool().Draw(t, "no exception") {
			q.Except = nil
		}
		m.countAgrees(t, r, q)
		return
	}
	// Every filter at once selects nothing, so most are dropped again.
	drop := func(label string) bool { return rapid.IntRange(0, 2).Draw(t, label) > 0 }
	if drop("dropOwners") {
		q.Owners, q.Unassigned = nil, false
	}
	if drop("dropTags") {
		q.Tags = nil
	}
	if drop("dropCreated") {
		q.CreatedSince, q.CreatedUntil = time.Time{}, time.Time{}
	}
	if drop("dropUpdated") {
		q.UpdatedSince, q.UpdatedUntil = time.Time{}, time.Time{}
	}
	if !drop("entities") {
		q.Entities = some(t, "keys", alert.Identity(ip(1)), alert.Identity(ip(2)))
	}
	if !drop("named") {
		q.IDs, q.Numbers = some[incident.ID](t, "ids", "i1", "i2", "i3"), some[int64](t, "numbers", 1, 2, 3)
	}
	if !drop("except") {
		q.Except = []incident.Query{{
			Statuses: some(t, "not statuses", incident.Active, incident.Resolved), Entities: some(t, "not keys", alert.Identity(asset(1)), alert.Identity(ip(2))),
			Text: pick(t, "not text", "", "b", "HOST1", "i1"), Limit: 1, // does not count
		}}
	}
	if !drop("text") {
		q.Text = pick(t, "text", "A", "host1", "host2", "i2", "2")
	}
	all := m.countAgrees(t, r, q)
	if len(m.incidents) > 0 && rapid.Bool().Draw(t, "cursor") {
		for _, from := range m.incidents {
			if from.Number == int64(len(m.incidents)+1)/2 {
				q.After = q.CursorAfter(from)
				all = slices.DeleteFunc(all, func(i incident.Incident) bool { return q.Compare(i, from) <= 0 })
			}
		}
	}
	require.Equal(t, cut(all, q.Limit), collect(t, r.Incidents(t.Context(), q)), "%+v", q)
}

// countAgrees sees that the counts are of what q selects, which it returns in order.
func (m *model) countAgrees(t *rapid.T, r storage.Reader, q incident.Query) []incident.Incident {
	var all []incident.Incident
	for _, i := range m.incidents {
		c := incident.Case{Incident: i}
		for _, a := range m.alerts {
			if a.Incident == i.ID {
				c.Alerts = append(c.Alerts, a)
			}
		}
		if q.Match(c) {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, q.Compare)
	countsAgree(t, r, q, all)
	return all
}

func (m *model) alertsAgree(t *rapid.T, r storage.Reader) {
	q := alert.Query{
		Incidents: some[incident.ID](t, "in", "i0", "i1", "i2"), Entities: some(t, "keys", alert.Identity(ip(1)), alert.Identity(ip(2))),
		Statuses: some(t, "status", alert.StatusNew, alert.StatusResolved), Since: minute(t, "since"), Until: minute(t, "until"),
		IDs: some[alert.ID](t, "ids", "a1", "a2", "a3"), Newest: rapid.Bool().Draw(t, "newest"), Limit: rapid.IntRange(0, 4).Draw(t, "limit"), Brief: rapid.Bool().Draw(t, "brief"),
	}
	if rapid.IntRange(0, 3).Draw(t, "dropIDs") > 0 {
		q.IDs = nil
	}
	if rapid.Bool().Draw(t, "dropEntities") {
		q.Entities = nil
	}
	if rapid.Bool().Draw(t, "cursor") {
		q.After = alert.Position{FirstActivity: at(rapid.IntRange(0, 6).Draw(t, "afterTime")), ID: pick[alert.ID](t, "afterID", "a1", "a2")}
	}
	var all []alert.Alert
	for _, a := range m.alerts {
		if q.Match(a) && (q.After == alert.Position{} || q.ComparePositions(a.Position(), q.After) > 0) {
			if q.Brief {
				a = a.Brief()
			}
			all = append(all, a)
		}
	}
	slices.SortFunc(all, q.Compare)
	require.Equal(t, cut(all, q.Limit), collect(t, r.Alerts(t.Context(), q)), "%+v", q)

	where := storage.SightingQuery{
		Entities: some(t, "seen", alert.Identity(ip(1)), alert.Identity(ip(2))), Since: q.Since, Until: q.Until,
		Newest: q.Newest, Limit: q.Limit, Incident: pick[incident.ID](t, "seen in", "", "i0", "i1"),
	}
	slow := struct{ storage.Reader }{r} // not a Sighter
	require.Equal(t, collect(t, storage.Sightings(t.Context(), slow, where)), collect(t, storage.Sightings(t.Context(), r, where)), "%+v", where)
}

func (m *model) activityAgrees(t *rapid.T, r storage.Reader) {
	q := activity.Query{
		Incidents: some[incident.ID](t, "of", "i0", "i1", "i2"), IDs: some[activity.ID](t, "ids", "e1", "e2"), Types: some(t, "types", activity.Commented),
		AfterSeq: rapid.Int64Range(-1, 9).Draw(t, "afterSeq"), BeforeSeq: rapid.Int64Range(-1, 9).Draw(t, "beforeSeq"),
		Newest: rapid.Bool().Draw(t, "newest"), Limit: rapid.IntRange(0, 4).Draw(t, "limit"),
	}
	var all []activity.Entry
	for _, digest := range digests {
		data, err := r.Content(t.Context(), digest)
		if m.contents[digest] {
			require.NoError(t, err)
			require.Equal(t, "of "+digest, string(data))
		} else {
			require.ErrorIs(t, err, storage.ErrNotFound)
		}
	}
	for _, e := range m.entries() {
		if q.Match(e) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, q.Compare)
	require.Equal(t, cut(all, q.Limit), collect(t, r.Activity(t.Context(), q)), "%+v", q)
}

// A caller can do what it likes with what it gave and what it got.
func TestOwnership(t *testing.T) {
	s := memory.New()
	given := incident.Incident{ID: "i", Tags: []incident.Tag{{Name: "vip"}}}
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{given}})
	require.NoError(t, err)
	given.Tags[0].Name = "changed"
	for range 2 {
		require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
			got, err := r.Incident(t.Context(), "i")
			require.NoError(t, err)
			assert.Equal(t, "vip", got.Tags[0].Name)
			got.Tags[0].Name = "changed"
			return nil
		}))
	}
}

// A View goes on seeing the moment it began, even what it writes itself is not in it.
func TestSnapshot(t *testing.T) {
	s := memory.New()
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "i"}}, Activity: []activity.Entry{{ID: "e"}}})
		require.NoError(t, err)
		assert.Empty(t, collect(t, r.Incidents(t.Context(), incident.Query{})))
		assert.Empty(t, collect(t, r.Activity(t.Context(), activity.Query{})))
		return nil
	}))
}

// An entity that comes to be on many alerts is still found where its alerts were before.
func TestEntityBecomesCommonDuringAView(t *testing.T) {
	s, key := memory.New(), alert.Identity(ip(1))
	raised := func(n int, in incident.ID) alert.Alert {
		return alert.Alert{ID: alert.ID(fmt.Sprint("a", n)), Incident: in, FirstActivity: at(n), Evidence: []alert.Evidence{{Entity: ip(1)}}}
	}
	_, err := s.Apply(t.Context(), storage.Changeset{Alerts: []alert.Alert{raised(0, "i1")}})
	require.NoError(t, err)
	in := func(r storage.Reader, id incident.ID) (ids []alert.ID) {
		for _, a := range collect(t, r.Alerts(t.Context(), alert.Query{Incidents: []incident.ID{id}, Entities: []alert.Key{key}})) {
			ids = append(ids, a.ID)
		}
		return ids
	}
	require.NoError(t, s.View(t.Context(), func(before storage.Reader) error {
		moved := raised(0, "i2")
		moved.Version = 1
		cs := storage.Changeset{Alerts: []alert.Alert{moved}}
		for n := range 200 {
			cs.Alerts = append(cs.Alerts, raised(n+1, "i3"))
		}
		_, err := s.Apply(t.Context(), cs)
		require.NoError(t, err)
		assert.Equal(t, []alert.ID{"a0"}, in(before, "i1"))
		assert.Empty(t, in(before, "i2"))
		return nil
	}))
	require.NoError(t, s.View(t.Context(), func(after storage.Reader) error {
		assert.Empty(t, in(after, "i1"))
		assert.Equal(t, []alert.ID{"a0"}, in(after, "i2"))
		assert.Len(t, in(after, "i3"), 200)
		return nil
	}))
}

// A Reader that is kept does not answer from a mixture of moments.
func TestReaderOfAViewThatIsOver(t *testing.T) {
	s := memory.New()
	var r storage.Reader
	require.NoError(t, s.View(t.Context(), func(here storage.Reader) error { r = here; return nil }))
	_, err := r.Incident(t.Context(), "i")
	require.ErrorIs(t, err, storage.ErrClosed)
	_, err = r.Alert(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrClosed)
	for _, err := range r.Activity(t.Context(), activity.Query{}) {
		require.ErrorIs(t, err, storage.ErrClosed)
	}
}

func TestRefused(t *testing.T) {
	s := memory.New()
	twice := storage.Changeset{Incidents: []incident.Incident{{ID: "i"}}, Activity: []activity.Entry{{ID: "e"}, {ID: "e"}}}
	_, err := s.Apply(t.Context(), twice)
	require.ErrorIs(t, err, storage.ErrExists)
	_, err = s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: "i", Version: 1}}})
	var conflict *storage.ConflictError
	require.ErrorAs(t, err, &conflict, "nothing was kept of the first")
	assert.Equal(t, storage.ConflictError{Record: "incident", ID: "i", Given: 1}, *conflict)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Apply(gone, storage.Changeset{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Close())
	_, err = s.Apply(t.Context(), storage.Changeset{})
	require.ErrorIs(t, err, storage.ErrClosed)
	require.ErrorIs(t, s.View(t.Context(), nil), storage.ErrClosed)
	require.NoError(t, s.Close())
}

// Readers see a log without gaps while many write.
func TestConcurrent(t *testing.T) {
	s := memory.New()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 100 {
				id := fmt.Sprint(w, "/", n)
				_, err := s.Apply(t.Context(), storage.Changeset{Incidents: []incident.Incident{{ID: incident.ID(id)}}, Activity: []activity.Entry{{ID: activity.ID(id)}}})
				assert.NoError(t, err)
			}
		})
		wg.Go(func() {
			for range 20 {
				assert.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
					seq := int64(0)
					for e := range r.Activity(t.Context(), activity.Query{}) {
						seq++
						assert.Equal(t, seq, e.Seq)
					}
					count := int64(0)
					for range r.Incidents(t.Context(), incident.Query{}) {
						count++
					}
					assert.Equal(t, seq, count)
					return nil
				}))
			}
		})
	}
	wg.Wait()
}

// Readers see an entry whole, as it was or as it is, while it is redacted, and none that is redacted when they begin
// sees what was there. The picture that two comments share stays as long as one of them does.
func TestRedactionAmidReaders(t *testing.T) {
	const comments = 500
	s := memory.New()
	var cs storage.Changeset
	for n := range comments {
		cs.Activity = append(cs.Activity, activity.Entry{ID: activity.ID(fmt.Sprint(n)), Type: activity.Commented, Text: "text",
			Attachments: []activity.Attachment{{Name: "name", SHA256: "d"}}})
	}
	cs.Contents = []activity.Content{{SHA256: "d", Data: []byte("data")}}
	_, err := s.Apply(t.Context(), cs)
	require.NoError(t, err)
	var done atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for over := false; !over; {
				before := done.Load()
				over = before == comments
				assert.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
					seq := int64(0)
					for e := range r.Activity(t.Context(), activity.Query{}) {
						seq++
						gone := e.Redacted && e.Text == "" && e.Attachments[0].Name == ""
						there := !e.Redacted && e.Text == "text" && e.Attachments[0].Name == "name"
						assert.True(t, gone || there && seq > before, "%+v", e)
					}
					assert.Equal(t, int64(comments), seq)
					data, err := r.Content(t.Context(), "d")
					if err == nil {
						assert.Equal(t, "data", string(data))
					} else {
						assert.ErrorIs(t, err, storage.ErrNotFound)
					}
					return nil
				}))
			}
		})
	}
	for n := range comments {
		assert.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
			_, err := r.Content(t.Context(), "d")
			return err
		}))
		_, err := s.Apply(t.Context(), storage.Changeset{Redact: []activity.ID{activity.ID(fmt.Sprint(n))}})
		require.NoError(t, err)
		done.Add(1)
	}
	wg.Wait()
	require.ErrorIs(t, s.View(t.Context(), func(r storage.Reader) error {
		_, err := r.Content(t.Context(), "d")
		return err
	}), storage.ErrNotFound)
}
