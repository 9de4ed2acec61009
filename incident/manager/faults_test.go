package manager_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/correlation"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A grain is how much of a command is stored at once, and so is there or is not when the command fails.
type grain string

const (
	wholly  grain = "wholly"  // everything that it does
	each    grain = "each"    // each incident with its alerts and entries, by itself: a failure at one keeps no other back
	inSteps grain = "inSteps" // one thing after the other: what came before the failure stays, what comes after is not begun
)

// trials are the commands of a Manager, with everything that one command may be about, in the scene of [newScene].
// Each is given under the identifier "k", and done again under the same it has no second effect; but where counts says
// so, alerts that it names and that are in other incidents are counted again.
var trials = []struct {
	command string // the method
	about   string
	grain   grain
	counts  bool
	do      func(ctx context.Context, m *manager.Manager) error
}{
	{"Ingest", "an alert that opens an incident", wholly, false,
		ingestion(raise(50, 0, alert.Device{DeviceID: "new"}))},
	{"Ingest", "an alert that joins an incident", wholly, false,
		ingestion(titled("Alert 0", raise(50, 5, alert.Device{DeviceID: "d0"}, alert.User{UPN: "mona"})))},
	{"Ingest", "an alert that joins where an incident was merged into", wholly, false,
		ingestion(raise(50, 5, alert.Device{DeviceID: "d4"}))},
	{"Ingest", "an alert that reopens a resolved incident", wholly, false,
		ingestion(raise(50, 5, alert.Device{DeviceID: "closed"}))},
	{"Ingest", "an alert that its source has changed", wholly, false,
		ingestion(worse(raise(0, 0, alert.Device{DeviceID: "d0"})))},
	{"Ingest", "an alert that is there", wholly, false, ingestion(raise(0, 0, alert.Device{DeviceID: "d0"}))},
	// Each merge is one step, and the alert that caused them is the last.
	{"Ingest", "an alert that links three incidents", inSteps, false,
		ingestion(raise(
			50, 5,
			alert.Device{DeviceID: "d0"},
			alert.Device{DeviceID: "d1"},
			alert.Device{DeviceID: "d2"},
		))},
	{"Ingest", "several alerts", each, false,
		ingestion(
			raise(50, 5, alert.Device{DeviceID: "d0"}),
			raise(51, 5, alert.Device{DeviceID: "d1"}),
			raise(52, 0),
		)},

	{"Create", "an incident without alerts", wholly, false, creation(incident.Draft{Name: "Phone call"})},
	{"Create", "an incident with alerts", wholly, false, creation(incident.Draft{Alerts: []alert.Alert{titled("Alert 0", raise(50, 0)), raise(51, 0, alert.Device{DeviceID: "d0"})}})},
	{"Create", "an incident of another system", wholly, false, creation(incident.Draft{Reference: incident.Reference{System: "theirs", ID: "8"}, Comments: theirs(8).Comments})},

	{"Import", "a new incident", wholly, false, importation(theirs(8, titled("Alert 0", raise(50, 0)), raise(51, 0)))},
	{"Import", "an incident that is there, as it is", wholly, false,
		importation(theirs(7, raise(20, 0), raise(21, 0)))},
	{"Import", "a newer state of an incident, resolved, with a new alert", wholly, false, importation(newer(theirs(7, worse(raise(20, 0)), raise(21, 0), raise(50, 0))))},
	// Each alert that is elsewhere is one step, and the incident is the last.
	{"Import", "a new incident with alerts that are elsewhere", inSteps, true, importation(others(8, worse(raise(20, 0)), raise(50, 0), raise(21, 0)))},
	{"Import", "a new incident with alerts that correlation has put elsewhere", inSteps, true, importation(theirs(8, raise(0, 0), raise(50, 0), raise(1, 0)))},
	{"Import", "a newer state with alerts that are elsewhere", inSteps, true, importation(newer(theirs(7, raise(20, 0), worse(raise(0, 0)), worse(raise(1, 0)))))},

	{"Edit", "name, severity, description and tags", wholly, false, edition("d0", incident.Edit{Name: new("N"), Severity: new(alert.High), Description: new("D"), AddTags: []string{"vip"}})},
	{"Edit", "resolving, with its alerts", wholly, false, edition("pair", incident.Edit{Status: new(incident.Resolved), Note: new("over")})},
	{"Edit", "assigning, with its alerts", wholly, false, edition("pair", incident.Edit{Owner: &incident.Owner{ID: "mona"}})},
	{"Edit", "classifying, with its alerts", wholly, false, edition("pair", incident.Edit{Verdict: &truePositive, VerdictToAlerts: true})},
	{"Edit", "reopening", wholly, false, edition("closed", incident.Edit{Status: new(incident.InProgress)})},
	{"Edit", "everything at once", wholly, false, edition("pair", incident.Edit{Name: new("N"), Status: new(incident.Resolved), Note: new("over"), Owner: &incident.Owner{ID: "mona"}, Verdict: &truePositive, VerdictToAlerts: true})},
	{"EditAll", "resolving three incidents", each, false, func(ctx context.Context, m *manager.Manager) error {
		_, err := m.EditAll(ctx, kai, incident.Query{IDs: []incident.ID{"d0", "d1", "pair"}}, incident.Edit{Status: new(incident.Resolved)}, once)
		return err
	}},
	{"EditAlerts", "alerts of two incidents", each, false, func(ctx context.Context, m *manager.Manager) error {
		_, err := m.EditAlerts(ctx, kai, []alert.ID{"edr:10", "edr:0", "edr:11"}, incident.AlertEdit{Status: new(alert.StatusResolved), Owner: &incident.Owner{ID: "mona"}}, once)
		return err
	}},
	{"Comment", "an incident", wholly, false, func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Comment(ctx, kai, "d0", incident.CommentDraft{Text: "hm"}, once)
		return err
	}},
	{"Comment", "an incident, with an image", wholly, false, func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Comment(ctx, kai, "d0", incident.CommentDraft{Text: "hm", Images: []incident.Image{images[1]}}, once)
		return err
	}},
	{"Record", "what was done", wholly, false, func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Record(ctx, kai, "d0", activity.AutomationRun, "The playbook isolated the device.", once)
		return err
	}},
	{"Redact", "a comment with an image, which a merge has copied", wholly, false, func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Redact(ctx, kai, "secret/0", "", once)
		return err
	}},

	{"Merge", "two into one", wholly, false, merging("d0", "d1", "pair")},
	{"Merge", "one into where another was merged into", wholly, false, merging("d4", "d1")},
	{"Merge", "one that another was merged into", wholly, false, merging("d0", "d4")},
	{"Purge", "an incident", wholly, false, purging("closed")},
	{"Purge", "two incidents, one of which another was merged into", each, false, purging("closed", "old1")},
	{"Unmerge", "one", wholly, false, func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Unmerge(ctx, kai, "d4", "", once)
		return err
	}},
	{"MoveAlerts", "from two incidents to a third", wholly, false, moving("d3", "edr:0", "edr:10")},
	{"MoveAlerts", "from two incidents to a new one", wholly, false, moving("", "edr:0", "edr:10")},
}

// readings are the methods that change nothing.
var readings = []string{
	"Activity", "Alert", "Alerts", "At", "Content", "Count", "CountAlerts", "DefaultQuery", "Explain", "Facets", "Follow",
	"Incident", "Incidents", "PlanMerge", "Similar", "SuggestOwners", "SuggestTags", "View",
}

func TestEveryCommandIsTried(t *testing.T) {
	known := slices.Clone(readings)
	for _, c := range trials {
		known = append(known, c.command)
	}
	slices.Sort(known)
	var methods []string
	for method := range reflect.TypeFor[*manager.Manager]().Methods() {
		methods = append(methods, method.Name)
	}
	slices.Sort(methods)
	assert.Equal(t, methods, slices.Compact(known), "a new method belongs either into trials or into readings")
}

// newScene is a storage with the incidents d0 to d3, each with one alert of a device of that name, edr:0 to edr:3, of
// which the last has that of d4 too, which was merged into it with a comment, secret/0, that has an image of white; pair, which is inProgress and has two alerts, edr:10 and
// edr:11; closed, which is resolved; old1, which is too, with old0 merged into it; and theirs:7, which was imported.
func newScene(t *testing.T) storage.Storage {
	s := memory.New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	scene.made.Do(func() { makeScene(t) })
	for _, cs := range scene.steps {
		_, err := s.Apply(t.Context(), cs)
		require.NoError(t, err)
	}
	return s
}

// scene is what was stored one after the other to make it, which takes more time than to store it again.
var scene struct {
	made  sync.Once
	steps []storage.Changeset
}

// A recorder remembers what is stored.
type recorder struct {
	storage.Storage
	steps *[]storage.Changeset
}

func (s recorder) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	receipt, err := s.Storage.Apply(ctx, cs)
	if err == nil {
		*s.steps = append(*s.steps, cs)
	}
	return receipt, err
}

func makeScene(t *testing.T) {
	var next []string // the identifiers that are drawn next, of a command and of what it opens
	drawn := 0
	draw := func() string {
		if len(next) == 0 {
			drawn++
			return fmt.Sprint("scene", drawn)
		}
		id := next[0]
		next = next[1:]
		return id
	}
	m := manager.New(
		recorder{memory.New(), &scene.steps},
		&manager.Options{Now: func() time.Time { return start }, NewID: draw},
	)
	taking := func(id string, alerts ...alert.Alert) {
		next = []string{"ingest " + id, id}
		ingest(t, m, alerts...)
	}
	for n := range 5 {
		id := fmt.Sprint("d", n)
		taking(id, raise(n, 0, alert.Device{DeviceID: id}))
	}
	taking("pair", raise(10, 0, alert.Device{DeviceID: "pair"}), raise(11, 0, alert.Device{DeviceID: "pair"}))
	taking("closed", raise(12, 0, alert.Device{DeviceID: "closed"}))
	for n := range 2 {
		id := fmt.Sprint("old", n)
		taking(id, raise(13+n, 0, alert.Device{DeviceID: id}))
	}
	_, err := m.Merge(t.Context(), kai, "old1", []incident.ID{"old0"}, "", manager.CommandID("old"))
	require.NoError(t, err)
	_, err = m.Edit(t.Context(), kai, "old1", incident.Edit{Status: new(incident.Resolved)}, manager.CommandID("older"))
	require.NoError(t, err)
	next = []string{"secret"}
	comment := incident.CommentDraft{Text: "a secret", Images: images[:1]}
	_, err = m.Comment(t.Context(), kai, "d4", comment, manager.CommandID("secret"))
	require.NoError(t, err)
	_, err = m.Merge(t.Context(), kai, "d3", []incident.ID{"d4"}, "", manager.CommandID("merge"))
	require.NoError(t, err)
	_, err = m.Edit(t.Context(), kai, "closed", incident.Edit{Status: new(incident.Resolved), Note: new("over")}, manager.CommandID("close"))
	require.NoError(t, err)
	_, err = m.Edit(t.Context(), kai, "pair", incident.Edit{Status: new(incident.InProgress), Owner: &incident.Owner{ID: "kai"}}, manager.CommandID("begin"))
	require.NoError(t, err)
	importing(t.Context(), t, m, theirs(7, raise(20, 0), raise(21, 0)), manager.CommandID("import"))
}

var (
	images       = []incident.Image{picture("a", white), picture("b", black)} // made once, which takes its time
	once         = manager.CommandID("k")
	truePositive = classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}
)

// theirs is the n-th incident of another system, which it has commented.
func theirs(n int, alerts ...alert.Alert) incident.Draft {
	return incident.Draft{Reference: incident.Reference{System: "theirs", ID: fmt.Sprint(n), Updated: start}, Name: "Their name",
		Comments: []incident.Comment{{By: "dave", Time: start, Text: "seen"}}, Alerts: alerts}
}

// others is the n-th incident of a system that has alerts of theirs.
func others(n int, alerts ...alert.Alert) incident.Draft {
	d := theirs(n, alerts...)
	d.Reference.System = "others"
	return d
}

// newer is d an hour later, when it was resolved.
func newer(d incident.Draft) incident.Draft {
	d.Reference.Updated, d.Status, d.Note = start.Add(time.Hour), incident.Resolved, "over"
	d.Comments = append(d.Comments, incident.Comment{By: "eve", Time: start.Add(time.Hour), Text: "done"})
	return d
}

// worse is a an hour later.
func worse(a alert.Alert) alert.Alert {
	a.SourceUpdated, a.Severity, a.Title = start.Add(time.Hour), alert.High, "Worse"
	return a
}

// titled is a with a title, which makes it of one kind with others.
func titled(title string, a alert.Alert) alert.Alert {
	a.Title = title
	return a
}

type do = func(ctx context.Context, m *manager.Manager) error

func ingestion(alerts ...alert.Alert) do {
	return func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Ingest(ctx, siem, alerts, once)
		return err
	}
}

func creation(d incident.Draft) do {
	return func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Create(ctx, kai, d, once)
		return err
	}
}

func importation(d incident.Draft) do {
	return func(ctx context.Context, m *manager.Manager) error {
		_, _, err := m.Import(ctx, siem, d, once)
		return err
	}
}

func edition(id incident.ID, e incident.Edit) do {
	return func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Edit(ctx, kai, id, e, once)
		return err
	}
}

func merging(target incident.ID, sources ...incident.ID) do {
	return func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Merge(ctx, kai, target, sources, "", once)
		return err
	}
}

func purging(ids ...incident.ID) do {
	return func(ctx context.Context, m *manager.Manager) error {
		_, err := m.Purge(ctx, kai, incident.Query{IDs: ids}, start.AddDate(1, 0, 0), "", once)
		return err
	}
}

func moving(to incident.ID, alerts ...alert.ID) do {
	return func(ctx context.Context, m *manager.Manager) error {
		_, err := m.MoveAlerts(ctx, kai, alerts, to, "", once)
		return err
	}
}

// A1, M1, M2: wherever the storage breaks down or the caller gives up, of what a command stores at once everything is
// there with its entries, or nothing is. Done again, the command has one effect.
func TestWhereverTheStorageFails(t *testing.T) {
	broken := errors.New("disk gone")
	faults := map[string]faulty{
		"nothing is kept":    {err: broken},
		"the answer is lost": {err: broken, kept: true},
		"the answer is lost, and the storage asks itself again": {err: storage.ErrExists, kept: true},
		"the caller gives up": {err: context.Canceled},
	}
	step := 1
	if testing.Short() {
		step = 3 // a third of the calls of each command
	}
	for _, c := range trials {
		t.Run(c.command+" "+c.about, func(t *testing.T) {
			stages := stagesOf(t, c.do, c.grain, c.counts)
			first, last := stages[0], stages[len(stages)-1]
			if c.grain == wholly {
				require.Len(t, stages, 2, "one Apply")
			} else {
				require.Greater(t, len(stages), 2, "several")
			}
			for name, f := range faults {
				for at := 1; ; at += step {
					where := fmt.Sprintf("%s at call %d", name, at)
					s, ids := newScene(t), new(atomic.Int64)
					ctx, cancel := context.WithCancel(t.Context())
					writes := 0
					f.Storage, f.calls, f.at, f.cancel = applied{s, func() { writes++ }}, new(int), at, cancel
					err := c.do(ctx, fresh(f, ids))
					cancel()
					now := first // when nothing has reached the storage
					if writes > 0 {
						now = snapshotOf(t, s, c.grain, c.counts)
						consistent(t, s)
					}
					if err != nil {
						require.ErrorIs(t, err, f.err, where)
					} else {
						require.Empty(t, differences(last, now), where)
					}
					switch c.grain {
					case wholly, inSteps:
						require.True(t, slices.ContainsFunc(stages, func(p snapshot) bool { return len(differences(p, now)) == 0 }), "%s: %v", where, differences(first, now))
					case each:
						for id := range now.incidents {
							require.Contains(t, last.incidents, id, where)
						}
						kept, missing := 0, 0 // of what it changes
						for id, i := range last.incidents {
							switch {
							case slices.Equal(i, first.incidents[id]):
								require.Equal(t, i, now.incidents[id], where)
							case slices.Equal(i, now.incidents[id]):
								kept++
							default:
								require.Equal(t, first.incidents[id], now.incidents[id], where)
								missing++
							}
						}
						if f.err != context.Canceled {
							require.True(t, missing <= 1 || kept == 0, "%s: %d are kept and %d are not", where, kept, missing)
						}
					}
					if f.err == storage.ErrExists {
						require.NoError(t, err, "%s: it was the same command", where)
					}

					require.NoError(t, c.do(t.Context(), fresh(s, ids)), "%s, and again", where)
					again := snapshotOf(t, s, c.grain, c.counts)
					if c.grain == each {
						again.log = last.log // in which the incidents come in another order
					}
					require.Empty(t, differences(last, again), "%s, and again", where)
					if *f.calls < at { // there are no more
						require.NoError(t, err)
						break
					}
				}
			}
		})
	}
}

// C7, C5, M1: what many ask for at the same moment under one identifier, each through a manager of their own, is done
// once, and logged once; nobody is told that it failed.
func TestTheSameCommandFromManyAtOnceIsOne(t *testing.T) {
	for _, c := range trials {
		t.Run(c.command+" "+c.about, func(t *testing.T) {
			stages := stagesOf(t, c.do, c.grain, c.counts)
			last := stages[len(stages)-1]
			s, ids := newScene(t), new(atomic.Int64)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() { assert.NoError(t, c.do(context.Background(), fresh(s, ids))) })
			}
			wg.Wait()
			now := snapshotOf(t, s, c.grain, c.counts)
			if c.grain == each {
				now.log = last.log
			}
			require.Empty(t, differences(last, now))
			consistent(t, s)
		})
	}
}

// A command that is repeated under its identifier leaves alone what was done since, even where it would have something
// to change again.
func TestARepeatedCommandLeavesWhatWasDoneSince(t *testing.T) {
	for name, c := range map[string]struct{ do, since do }{
		"Edit":                  {edition("pair", incident.Edit{Status: new(incident.Resolved)}), reopening},
		"Edit without cascade":  {edition("pair", incident.Edit{Name: new("N")}), reopening},
		"Import of a newer one": {importation(newer(theirs(7, worse(raise(20, 0))))), reopening},
		"EditAll": {func(ctx context.Context, m *manager.Manager) error {
			_, err := m.EditAll(ctx, kai, incident.Query{IDs: []incident.ID{"d0", "pair"}}, incident.Edit{Status: new(incident.Resolved)}, once)
			return err
		}, reopening},
		"EditAlerts": {func(ctx context.Context, m *manager.Manager) error {
			_, err := m.EditAlerts(ctx, kai, []alert.ID{"edr:10", "edr:0"}, incident.AlertEdit{Status: new(alert.StatusResolved)}, once)
			return err
		}, func(ctx context.Context, m *manager.Manager) error {
			_, err := m.EditAlerts(ctx, kai, []alert.ID{"edr:10", "edr:0"}, incident.AlertEdit{Status: new(alert.StatusNew)})
			return err
		}},
		"Merge": {merging("d0", "d1"), func(ctx context.Context, m *manager.Manager) error {
			_, err := m.Unmerge(ctx, kai, "d1", "")
			return err
		}},
		"Unmerge": {func(ctx context.Context, m *manager.Manager) error {
			_, err := m.Unmerge(ctx, kai, "d4", "", once)
			return err
		}, func(ctx context.Context, m *manager.Manager) error {
			_, err := m.Merge(ctx, kai, "d3", []incident.ID{"d4"}, "")
			return err
		}},
		"MoveAlerts": {moving("d3", "edr:0"), func(ctx context.Context, m *manager.Manager) error {
			_, err := m.MoveAlerts(ctx, kai, []alert.ID{"edr:0"}, "d1", "")
			return err
		}},
	} {
		s, ids := newScene(t), new(atomic.Int64)
		m := fresh(s, ids)
		require.NoError(t, c.do(t.Context(), m))
		require.NoError(t, c.since(t.Context(), m))
		before := everythingIn(t, s)
		require.NoError(t, c.do(t.Context(), m), name)
		assert.Equal(t, before, everythingIn(t, s), name)
	}
}

// reopening makes every incident that can be active.
func reopening(ctx context.Context, m *manager.Manager) error {
	_, err := m.EditAll(ctx, kai, incident.Query{}, incident.Edit{Status: new(incident.Active), GenerateName: true})
	return err
}

// A4: whatever is done, moving alerts away and undoing a merge among it, each entry that was in the log stays as it is
// and where it is; of a comment that is redacted, and of an incident that is purged, all but what they say.
func TestWhatIsLoggedStays(t *testing.T) {
	for _, c := range trials {
		s := newScene(t)
		before := everythingIn(t, s).log
		require.NoError(t, c.do(t.Context(), fresh(s, new(atomic.Int64))))
		after := everythingIn(t, s).log
		require.GreaterOrEqual(t, len(after), len(before))
		for n := range before {
			if c.command == "Redact" && after[n].Redacted {
				before[n] = before[n].Redact()
			}
			if c.command == "Purge" && after[n].Redacted {
				before[n] = before[n].Skeleton()
			}
		}
		assert.Equal(t, before, after[:len(before)], "%s %s", c.command, c.about)
	}
}

// fresh is a manager whose clock stands still, that reopens, and that takes its identifiers from ids.
func fresh(s storage.Storage, ids *atomic.Int64) *manager.Manager {
	return manager.New(s, &manager.Options{Now: func() time.Time { return start }, Correlator: correlation.Default{Reopen: true}, NewID: func() string {
		return fmt.Sprint("fresh", ids.Add(1))
	}})
}

// stagesOf returns what the scene is before the command and after each Apply of it.
func stagesOf(t *testing.T, command do, g grain, counts bool) []snapshot {
	s := newScene(t)
	stages := []snapshot{snapshotOf(t, s, g, counts)}
	staged := applied{s, func() { stages = append(stages, snapshotOf(t, s, g, counts)) }}
	require.NoError(t, command(t.Context(), fresh(staged, new(atomic.Int64))))
	consistent(t, s)
	return stages
}

// An applied storage says when it has kept something.
type applied struct {
	storage.Storage
	then func()
}

func (s applied) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	receipt, err := s.Storage.Apply(ctx, cs)
	if err == nil {
		s.then()
	}
	return receipt, err
}

// A snapshot is all that a storage holds, as JSON: two of them are equal when the storages differ in nothing but the
// identifiers that managers have drawn. Of a command that is stored whole, what is the same identifier in one is the
// same in the other; of any other, which gets a new identifier when it goes on where it had stopped, so it is for each
// incident.
type snapshot struct {
	incidents map[string][]string // by ID: the incident, then its alerts, its entries and the remembered commands
	log       []string            // the incidents and identifiers of all entries, by Seq
	contents  [][]byte            // white and black, where they are
}

// differences are the records that only one of the two has, and what the log says of their order.
func differences(want, got snapshot) (all []string) {
	for id, records := range want.incidents {
		all = append(all, differing("- ", records, got.incidents[id])...)
	}
	for id, records := range got.incidents {
		all = append(all, differing("+ ", records, want.incidents[id])...)
	}
	if !slices.EqualFunc(want.contents, got.contents, bytes.Equal) {
		all = append(all, fmt.Sprintf("contents: %q, not %q", got.contents, want.contents))
	}
	if len(all) == 0 && !slices.Equal(want.log, got.log) {
		all = append(append(all, want.log...), got.log...)
	}
	return all
}

// differing returns those of records that are not among others.
func differing(sign string, records, others []string) (all []string) {
	if slices.Equal(records, others) {
		return nil
	}
	for _, r := range records {
		if !slices.Contains(others, r) {
			all = append(all, sign+r)
		}
	}
	return all
}

var drawn = regexp.MustCompile(`fresh\d+`)

// namer returns a function that makes v JSON with the drawn identifiers by the order in which they come.
func namer(t *testing.T) func(v any) string {
	names := make(map[string]string)
	return func(v any) string {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		return drawn.ReplaceAllStringFunc(string(text), func(id string) string {
			if names[id] == "" {
				names[id] = fmt.Sprintf("<%d>", len(names))
			}
			return names[id]
		})
	}
}

func snapshotOf(t *testing.T, s storage.Storage, g grain, counts bool) snapshot {
	whole := namer(t)
	namers := make(map[incident.ID]func(any) string)
	plain := func(id incident.ID, v any) string {
		if g == wholly {
			return whole(v)
		}
		if namers[id] == nil {
			namers[id] = namer(t)
		}
		return namers[id](v)
	}
	p := snapshot{incidents: make(map[string][]string), contents: [][]byte{stored(t, s, images[0]), stored(t, s, images[1])}}
	add := func(id incident.ID, record any) {
		key := whole(id)
		p.incidents[key] = append(p.incidents[key], plain(id, record))
	}
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		for _, i := range all(t, r.Incidents(t.Context(), incident.Query{Sort: incident.ByNumber, Ascending: true})) {
			add(i.ID, i)
		}
		for _, a := range all(t, r.Alerts(t.Context(), alert.Query{})) {
			if counts {
				a.Repeats, a.Repeated, a.Version = 0, time.Time{}, 0
			}
			add(a.Incident, a)
		}
		for _, e := range all(t, r.Activity(t.Context(), activity.Query{})) {
			e = said(t, e)
			e.Seq = 0
			add(e.Incident, e)
			p.log = append(p.log, whole(e.Incident)+plain(e.Incident, e.ID))
		}
		for _, i := range all(t, r.Items(t.Context(), storage.ItemQuery{})) {
			add(i.Incident, []any{i.Kind, i.Key, i.Version, i.Time, string(i.Data)})
		}
		return nil
	}))
	return p
}

// A faulty storage fails at one of its calls, or of those of its Readers: with an error of its own, or because the
// caller gives up. Each record of a sequence is a call, and so is its end. One that keeps what it was given fails at an
// Apply only.
type faulty struct {
	storage.Storage
	calls  *int
	at     int
	err    error // context.Canceled: the caller gives up
	kept   bool  // Apply keeps the Changeset and then fails
	cancel func()
}

func (f faulty) fails() error {
	if *f.calls++; *f.calls != f.at {
		return nil
	}
	if f.err == context.Canceled {
		f.cancel()
		return nil
	}
	return f.err
}

func (f faulty) failsToRead() error {
	if f.kept {
		return nil
	}
	return f.fails()
}

func (f faulty) View(ctx context.Context, fn func(storage.Reader) error) error {
	if err := f.failsToRead(); err != nil {
		return err
	}
	return f.Storage.View(ctx, func(r storage.Reader) error { return fn(faultyReader{r, f}) })
}

func (f faulty) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	err := f.fails()
	if err != nil && !f.kept {
		return storage.Receipt{}, err
	}
	receipt, applied := f.Storage.Apply(ctx, cs)
	return receipt, errors.Join(err, applied)
}

type faultyReader struct {
	storage.Reader
	f faulty
}

func (r faultyReader) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	if err := r.f.failsToRead(); err != nil {
		return incident.Incident{}, err
	}
	return r.Reader.Incident(ctx, id)
}

func (r faultyReader) Incidents(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
	return breaking(r.f, r.Reader.Incidents(ctx, q))
}

func (r faultyReader) Alert(ctx context.Context, id alert.ID) (alert.Alert, error) {
	if err := r.f.failsToRead(); err != nil {
		return alert.Alert{}, err
	}
	return r.Reader.Alert(ctx, id)
}

func (r faultyReader) Alerts(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
	return breaking(r.f, r.Reader.Alerts(ctx, q))
}

func (r faultyReader) Sightings(ctx context.Context, q storage.SightingQuery) iter.Seq2[storage.Sighting, error] {
	return breaking(r.f, storage.Sightings(ctx, r.Reader, q))
}

func (r faultyReader) Item(ctx context.Context, kind, key string) (storage.Item, error) {
	if err := r.f.failsToRead(); err != nil {
		return storage.Item{}, err
	}
	return r.Reader.Item(ctx, kind, key)
}

func (r faultyReader) Items(ctx context.Context, q storage.ItemQuery) iter.Seq2[storage.Item, error] {
	return breaking(r.f, r.Reader.Items(ctx, q))
}

func (r faultyReader) Seq(ctx context.Context) (int64, error) {
	if err := r.f.failsToRead(); err != nil {
		return 0, err
	}
	return r.Reader.Seq(ctx)
}

func (r faultyReader) Content(ctx context.Context, sha256 string) ([]byte, error) {
	if err := r.f.failsToRead(); err != nil {
		return nil, err
	}
	return r.Reader.Content(ctx, sha256)
}

func (r faultyReader) Activity(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
	return breaking(r.f, r.Reader.Activity(ctx, q))
}

func breaking[T any](f faulty, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for v, err := range seq {
			if broken := f.failsToRead(); broken != nil {
				v, err = zero, broken
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := f.failsToRead(); err != nil {
			yield(zero, err)
		}
	}
}
