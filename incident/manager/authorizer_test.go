package manager_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
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
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// authorizing is an Authorizer that is one function.
type authorizing func(by activity.Actor, what manager.Action, i incident.Incident) error

func (f authorizing) Authorize(_ context.Context, by activity.Actor, what manager.Action, i incident.Incident) error {
	return f(by, what, i)
}

func guarded(s storage.Storage, f authorizing) *manager.Manager {
	return manager.New(s, &manager.Options{Authorizer: f})
}

// sealed is a storage that must not be written to.
type sealed struct {
	storage.Storage
	t *testing.T
}

func (s sealed) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	s.t.Error("something was written")
	return s.Storage.Apply(ctx, cs)
}

// Whatever a manager can be told to do, the Authorizer is asked first, and when it says no, nothing is done,
// nothing is told, and what is there cannot be told from what is not. A method that is added is looked at too: it
// fails here until it asks, or until this test knows what to give it.
func TestNothingIsDoneOrToldUnasked(t *testing.T) {
	s := memory.New()
	defer s.Close()
	w := newWorked(t, s)
	// What is given to a method for a parameter of each type, of things that are there and of things that are not.
	given := func(there bool) map[reflect.Type]any {
		id, other, done := incident.ID("nowhere-1"), incident.ID("nowhere-2"), incident.ID("nowhere-3")
		ids, comment := []alert.ID{"no:1", "no:2"}, activity.ID("no/1")
		if there {
			id, other, done, ids, comment = w.id, w.other, w.done, w.alerts, w.comment
		}
		showsNothing := func(r storage.Reader) error {
			for i, err := range r.Incidents(t.Context(), incident.Query{}) {
				return cmp.Or(err, fmt.Errorf("incident %s is shown", i.ID))
			}
			return nil
		}
		values := []any{
			kai, id, []incident.ID{other}, ids, comment, activity.ResponseAction, "some text", 5, int64(9),
			incident.CommentDraft{Text: "some text"},
			time.Now().AddDate(1, 0, 0), incident.Query{IDs: []incident.ID{id, done}}, alert.Query{}, ids[0],
			activity.Query{BeforeSeq: w.last + 1}, showsNothing,
			incident.Edit{Severity: new(alert.Low)}, incident.AlertEdit{Status: new(alert.StatusInProgress)},
			incident.Draft{Reference: incident.Reference{System: "other", ID: "1"}, Name: "x"}, []alert.Alert{raise(99, 0)},
		}
		byType := make(map[reflect.Type]any)
		for _, v := range values {
			byType[reflect.TypeOf(v)] = v
		}
		return byType
	}
	// These answer as if there were nothing.
	silent := []string{
		"View", "Incidents", "Alerts", "Activity", "Follow", "Count", "Facets", "CountAlerts", "SuggestOwners",
		"SuggestTags", "Purge",
	}
	// These may be called by anybody: they neither read nor write.
	free := []string{"DefaultQuery"}

	typ := reflect.TypeFor[*manager.Manager]()
	for method := range typ.Methods() {
		if slices.Contains(free, method.Name) {
			continue
		}
		t.Run(method.Name, func(t *testing.T) {
			call := func(s storage.Storage, there bool, f authorizing) (value reflect.Value, err error) {
				args := []reflect.Value{reflect.ValueOf(guarded(s, f)), reflect.ValueOf(t.Context())}
				params := method.Type.NumIn()
				if method.Type.IsVariadic() {
					params--
				}
				require.GreaterOrEqual(t, params, 3, "a context and who asks come first")
				require.Equal(t, reflect.TypeFor[activity.Actor](), method.Type.In(2))
				for k := 2; k < params; k++ {
					v, ok := given(there)[method.Type.In(k)]
					require.True(t, ok, "no value for parameter %d, %s", k, method.Type.In(k))
					args = append(args, reflect.ValueOf(v))
				}
				results := method.Func.Call(args)
				last := results[len(results)-1]
				if last.Type() == reflect.TypeFor[error]() {
					err, _ = last.Interface().(error)
					return results[0], err
				}
				require.True(t, last.Type().CanSeq2(), "neither an error nor a sequence with errors")
				yielded := reflect.MakeSlice(reflect.SliceOf(last.Type().In(0).In(0)), 0, 0)
				for v, e := range last.Seq2() {
					if err, _ = e.Interface().(error); err == nil {
						yielded = reflect.Append(yielded, v)
					}
				}
				return yielded, err
			}

			asked := 0
			no := func(by activity.Actor, what manager.Action, i incident.Incident) error {
				assert.Equal(t, kai, by)
				assert.NotEmpty(t, what)
				asked++
				return fmt.Errorf("%w: kai is not in the team of incident %s", manager.ErrForbidden, i.ID)
			}
			value, err := call(sealed{s, t}, true, no)
			assert.Positive(t, asked)
			if slices.Contains(silent, method.Name) {
				require.NoError(t, err)
				nothing := value.IsZero() || value.Kind() == reflect.Slice && value.Len() == 0
				assert.True(t, nothing || assert.ObjectsAreEqual(manager.TagSuggestions{New: true}, value.Interface()), "%v", value)
			} else {
				require.ErrorIs(t, err, manager.ErrForbidden)
				assert.NotContains(t, err.Error(), "team", "why is between the two of them")
				_, missing := call(sealed{s, t}, false, no)
				assert.Equal(t, anonymous(w, err), anonymous(w, missing), "what is there looks like what is not")
			}

			broken := errors.New("the directory is down")
			_, err = call(sealed{s, t}, true, func(activity.Actor, manager.Action, incident.Incident) error { return broken })
			assert.ErrorIs(t, err, broken)
			assert.NotErrorIs(t, err, manager.ErrForbidden)
			if !slices.Contains(silent, method.Name) {
				_, err = call(sealed{s, t}, false, func(activity.Actor, manager.Action, incident.Incident) error { return broken })
				assert.ErrorIs(t, err, broken)
			}

			// By nobody nothing is asked for. A8
			before := asked
			m := manager.New(sealed{s, t}, &manager.Options{Authorizer: authorizing(no)})
			args := []reflect.Value{reflect.ValueOf(m), reflect.ValueOf(t.Context()), reflect.ValueOf(activity.Actor{})}
			for k := 3; k < method.Type.NumIn(); k++ {
				if !method.Type.IsVariadic() || k < method.Type.NumIn()-1 {
					args = append(args, reflect.ValueOf(given(true)[method.Type.In(k)]))
				}
			}
			results := method.Func.Call(args)
			last := results[len(results)-1]
			err, _ = last.Interface().(error)
			if last.Type().CanSeq2() {
				for _, e := range last.Seq2() {
					err, _ = e.Interface().(error)
				}
			}
			assert.ErrorIs(t, err, alert.ErrInvalid)
			assert.Equal(t, before, asked)
		})
	}
}

// A worked storage has two incidents that were worked on, and one that is done.
type worked struct {
	id, other, done incident.ID
	alerts          []alert.ID
	comment         activity.ID
	last            int64 // Seq
}

func newWorked(t *testing.T, s storage.Storage) (w worked) {
	m := manager.New(s, nil)
	ids := apart(t, m, 4)
	w.id, w.other, w.done = ids[0], ids[1], ids[3]
	_, err := m.Edit(t.Context(), kai, w.done, incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	for _, a := range all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: ids[:2]})) {
		w.alerts = append(w.alerts, a.ID)
	}
	_, err = m.Merge(t.Context(), kai, w.id, ids[2:3], "")
	require.NoError(t, err)
	_, err = m.Comment(t.Context(), kai, w.id, incident.CommentDraft{Text: "hm"})
	require.NoError(t, err)
	w.comment = all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}}))[0].ID
	w.last = all(t, m.Activity(t.Context(), kai, activity.Query{Newest: true, Limit: 1}))[0].Seq
	return w
}

// anonymous is the text of an error without the IDs that the caller gave.
func anonymous(w worked, err error) string {
	names := []string{"nowhere-1", "ID", "nowhere-2", "ID", "no:1", "ID", "no:2", "ID", "no/1", "ID", string(w.comment), "ID", string(w.id), "ID", string(w.other), "ID", string(w.done), "ID", "nowhere-3", "ID"}
	for _, id := range w.alerts {
		names = append(names, string(id), "ID")
	}
	lines := strings.Split(strings.NewReplacer(names...).Replace(err.Error()), "\n")
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

// An analyst of one device group sees a queue, counts, alerts and a log as if there were nothing else.
func TestAnAnalystOfAGroup(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		m := manager.New(s, nil)
		var ids []incident.ID
		for n := range rapid.IntRange(1, 12).Draw(rt, "incidents") {
			a := raise(n, 0, alert.Device{DeviceID: fmt.Sprint(n), Group: rapid.SampledFrom([]string{"north", "south"}).Draw(rt, "group")})
			a.Standalone = true
			ids = append(ids, ingest(t, m, a)[0].Incident)
		}
		for range rapid.IntRange(0, 3).Draw(rt, "merges") {
			into, from := rapid.SampledFrom(ids).Draw(rt, "into"), rapid.SampledFrom(ids).Draw(rt, "from")
			_, err := m.Merge(t.Context(), kai, into, []incident.ID{from}, "")
			if _, refused := errors.AsType[*incident.RefusedError](err); !refused {
				require.NoError(rt, err)
			}
		}
		north := func(id incident.ID) bool {
			i, err := m.Incident(t.Context(), kai, id)
			require.NoError(rt, err)
			return slices.Contains(i.Alerts.DeviceGroups, "north")
		}
		scoped := guarded(s, func(_ activity.Actor, what manager.Action, i incident.Incident) error {
			if what == manager.ActionRead && slices.Contains(i.Alerts.DeviceGroups, "north") {
				return nil
			}
			return manager.ErrForbidden
		})

		limit := rapid.IntRange(0, 5).Draw(rt, "limit")
		q := incident.Query{Sort: incident.ByNumber, Ascending: rapid.Bool().Draw(rt, "ascending")}
		want := slices.DeleteFunc(all(t, m.Incidents(t.Context(), kai, q)), func(i incident.Incident) bool { return !north(i.ID) })
		got := all(t, scoped.Incidents(t.Context(), kai, q))
		require.Equal(rt, first(want, 0), got)
		n, err := scoped.Count(t.Context(), kai, incident.Query{Limit: 1})
		require.NoError(rt, err)
		require.Equal(rt, len(want), n)
		c, err := scoped.Facets(t.Context(), kai, q)
		require.NoError(rt, err)
		require.Equal(rt, len(want), c.Total)
		q.Limit = limit
		require.Equal(rt, first(want, limit), all(t, scoped.Incidents(t.Context(), kai, q)), "a page")

		alerts := slices.DeleteFunc(all(t, m.Alerts(t.Context(), kai, alert.Query{})), func(a alert.Alert) bool { return !north(a.Incident) })
		require.Equal(rt, first(alerts, limit), all(t, scoped.Alerts(t.Context(), kai, alert.Query{Limit: limit})))
		entries := slices.DeleteFunc(all(t, m.Activity(t.Context(), kai, activity.Query{})), func(e activity.Entry) bool { return !north(e.Incident) })
		require.Equal(rt, first(entries, limit), all(t, scoped.Activity(t.Context(), kai, activity.Query{Limit: limit})))
		for _, id := range ids {
			i, err := scoped.Incident(t.Context(), kai, id)
			_, then := scoped.At(t.Context(), kai, id, 1000)
			if north(id) {
				require.NoError(rt, errors.Join(err, then))
			} else {
				require.ErrorIs(rt, err, manager.ErrForbidden)
				require.ErrorIs(rt, then, manager.ErrForbidden)
				require.Equal(rt, incident.Incident{}, i)
			}
		}
	})
}

func first[T any](list []T, limit int) []T {
	if len(list) == 0 {
		return nil
	}
	if limit == 0 || limit > len(list) {
		return list
	}
	return list[:limit]
}

// A bulk edit edits what it may and says of the others that it may not; what may not even be read is not mentioned,
// unless the caller did. L1, C3
func TestEditAllSaysWhatIsForbidden(t *testing.T) {
	s := memory.New()
	defer s.Close()
	ids := spread(t, manager.New(s, nil), 4)
	mayEdit, mayRead, hidden := ids[0], ids[1], ids[2:]
	m := guarded(s, func(_ activity.Actor, what manager.Action, i incident.Incident) error {
		if i.ID == mayEdit || i.ID == mayRead && what == manager.ActionRead {
			return nil
		}
		return manager.ErrForbidden
	})
	edit := incident.Edit{AddTags: []string{"seen"}}
	results, err := m.EditAll(t.Context(), kai, incident.Query{}, edit)
	require.ErrorIs(t, err, manager.ErrForbidden)
	outcome := func(results []manager.EditResult) map[incident.ID]bool {
		forbidden := make(map[incident.ID]bool)
		for _, r := range results {
			forbidden[r.ID] = errors.Is(r.Err, manager.ErrForbidden)
			assert.Equal(t, r.Err == nil, r.Changed)
		}
		return forbidden
	}
	assert.Equal(t, map[incident.ID]bool{mayEdit: false, mayRead: true}, outcome(results))

	results, err = m.EditAll(t.Context(), kai, incident.Query{IDs: append(hidden, "nowhere", mayEdit)}, incident.Edit{AddTags: []string{"again"}})
	require.ErrorIs(t, err, manager.ErrForbidden)
	assert.Equal(t, map[incident.ID]bool{mayEdit: false, hidden[0]: true, hidden[1]: true, "nowhere": true}, outcome(results))
	everybody := manager.New(s, nil)
	for id, tags := range map[incident.ID]int{mayEdit: 2, mayRead: 0, hidden[0]: 0, hidden[1]: 0} {
		i, err := everybody.Incident(t.Context(), kai, id)
		require.NoError(t, err)
		assert.Len(t, i.Tags, tags)
	}
}

// A command that is tried again is asked about again, of what the incident has become.
func TestTheAuthorizerSeesWhatIsChanged(t *testing.T) {
	s := memory.New()
	defer s.Close()
	plain := manager.New(s, nil)
	id := spread(t, plain, 1)[0]
	_, err := plain.Edit(t.Context(), kai, id, incident.Edit{AddTags: []string{"x"}})
	require.NoError(t, err)
	var seen []int64
	m := guarded(s, func(_ activity.Actor, _ manager.Action, i incident.Incident) error {
		if seen = append(seen, i.Version); len(seen) == 1 {
			_, err := plain.Comment(t.Context(), kai, id, incident.CommentDraft{Text: "in between"})
			require.NoError(t, err)
		}
		i.Tags = append(i.Tags[:0], incident.Tag{Name: "the Authorizer's own"})
		return nil
	})
	i, err := m.Edit(t.Context(), kai, id, incident.Edit{AddTags: []string{"y"}})
	require.NoError(t, err)
	assert.Equal(t, []int64{2, 3}, seen)
	assert.Equal(t, []incident.Tag{{Name: "x"}, {Name: "y"}}, i.Tags)
}

// Everything that has an effect is asked about as what it is, of each incident that it reaches.
func TestActions(t *testing.T) {
	s := memory.New()
	defer s.Close()
	w := newWorked(t, s)
	var asked map[manager.Action][]incident.ID
	m := guarded(s, func(_ activity.Actor, what manager.Action, i incident.Incident) error {
		asked[what] = append(asked[what], i.ID)
		return nil
	})
	ask := func(fn func() error, want map[manager.Action][]incident.ID) {
		t.Helper()
		asked = make(map[manager.Action][]incident.ID)
		require.NoError(t, fn())
		for _, ids := range asked {
			slices.Sort(ids)
		}
		for _, ids := range want {
			slices.Sort(ids)
		}
		assert.Equal(t, want, asked)
	}
	ctx := t.Context()
	ask(func() error { _, err := m.Edit(ctx, kai, w.id, incident.Edit{Name: new("n")}); return err }, map[manager.Action][]incident.ID{manager.ActionEdit: {w.id}})
	comment := func() error { return errorOf(m.Comment(ctx, kai, w.id, incident.CommentDraft{Text: "c"})) }
	ask(comment, map[manager.Action][]incident.ID{manager.ActionComment: {w.id}})
	ask(func() error { _, err := m.Record(ctx, kai, w.id, activity.ResponseAction, "isolated"); return err }, map[manager.Action][]incident.ID{manager.ActionRecord: {w.id}})
	ask(func() error { _, err := m.EditAlerts(ctx, kai, w.alerts[:1], incident.AlertEdit{}); return err }, map[manager.Action][]incident.ID{manager.ActionEditAlerts: {w.id}})
	ask(func() error { _, err := m.PlanMerge(ctx, kai, w.id, []incident.ID{w.other}, ""); return err }, map[manager.Action][]incident.ID{manager.ActionMerge: {w.id, w.other}})
	ask(func() error { _, err := m.MoveAlerts(ctx, kai, w.alerts[:1], w.other, ""); return err }, map[manager.Action][]incident.ID{manager.ActionMove: {w.id, w.other}})
	asked = make(map[manager.Action][]incident.ID)
	opened := ingest(t, m, raise(7, 0))[0].Incident
	assert.Equal(t, map[manager.Action][]incident.ID{manager.ActionIngest: {""}, manager.ActionRead: {opened}}, asked)
	merged := all(t, manager.New(s, nil).Incidents(ctx, kai, incident.Query{Statuses: []incident.Status{incident.Redirected}}))[0]
	ask(func() error { _, err := m.Incident(ctx, kai, merged.ID); return err }, map[manager.Action][]incident.ID{manager.ActionRead: {w.id}})
	assert.Len(t, slices.Collect(maps.Keys(asked)), 1)
}

// Knowing the identifier of somebody's command opens no door.
func TestARepeatedCommandIsAskedAboutToo(t *testing.T) {
	s := memory.New()
	defer s.Close()
	plain := manager.New(s, nil)
	ids := spread(t, plain, 3)
	a := all(t, plain.Alerts(t.Context(), kai, alert.Query{Incidents: ids[2:]}))[0].ID
	as := func(m *manager.Manager, id string) []error {
		opt := manager.CommandID(id)
		_, edit := m.Edit(t.Context(), kai, ids[0], incident.Edit{AddTags: []string{"x"}}, opt)
		_, comment := m.Comment(t.Context(), kai, ids[0], incident.CommentDraft{Text: "text"}, manager.CommandID(id+"c"))
		_, merge := m.Merge(t.Context(), kai, ids[0], ids[1:2], "", manager.CommandID(id+"m"))
		_, move := m.MoveAlerts(t.Context(), kai, []alert.ID{a}, "", "", manager.CommandID(id+"v"))
		_, create := m.Create(t.Context(), kai, incident.Draft{Name: "n"}, manager.CommandID(id+"n"))
		_, _, imported := m.Import(t.Context(), kai, incident.Draft{Reference: incident.Reference{System: "s", ID: "1"}}, manager.CommandID(id+"i"))
		return []error{edit, comment, merge, move, create, imported}
	}
	for _, err := range as(plain, "secret") {
		require.NoError(t, err)
	}
	newOnly := func(_ activity.Actor, _ manager.Action, i incident.Incident) error {
		if i.Version == 0 {
			return nil
		}
		return manager.ErrForbidden
	}
	for n, err := range as(guarded(s, newOnly), "secret") {
		assert.ErrorIs(t, err, manager.ErrForbidden, "%d", n)
	}
}

// Whoever may fill an incident cannot find out by it which alerts there are elsewhere.
func TestHiddenAlertsMoveAsMissingOnes(t *testing.T) {
	s := memory.New()
	defer s.Close()
	w := newWorked(t, s)
	m := guarded(sealed{s, t}, func(_ activity.Actor, _ manager.Action, i incident.Incident) error {
		if i.ID == w.other {
			return nil
		}
		return manager.ErrForbidden
	})
	for _, to := range []incident.ID{w.other, ""} {
		_, hidden := m.MoveAlerts(t.Context(), kai, w.alerts[:1], to, "")
		require.ErrorIs(t, hidden, manager.ErrForbidden)
		_, missing := m.MoveAlerts(t.Context(), kai, []alert.ID{"no:1"}, to, "")
		assert.Equal(t, anonymous(w, hidden), anonymous(w, missing))
	}
}
