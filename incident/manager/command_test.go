package manager_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// A give gives one command and returns what the method returns.
type give func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error)

// A use is a method under a CommandID, in the scene of newScene, where each of the two commands has an effect.
type use struct {
	first  give
	other  give          // the same method with other arguments
	repeat func(any) any // what a repeat of first returns when nothing was done since; nil means what first did
}

// uses has every method that takes a CommandID: the rows of the table in the documentation of CommandID.
var uses = map[string]use{
	"Ingest": {
		first: ingests(raise(50, 0, alert.Device{DeviceID: "d0"})),
		other: ingests(raise(51, 0, alert.Device{DeviceID: "d0"})),
		repeat: func(v any) any {
			results := slices.Clone(v.([]manager.Result))
			for n := range results {
				results[n].Links = nil
			}
			return results
		},
	},
	"Import": {
		first: imports(newer(theirs(7, raise(20, 0)))),
		other: imports(renamed(newer(theirs(7, raise(20, 0))), "Another name")),
	},
	"Create": {first: creates(incident.Draft{Name: "A"}), other: creates(incident.Draft{Name: "B"})},
	"Edit": {
		first: edits("d0", incident.Edit{Name: new("N")}),
		other: edits("d0", incident.Edit{Name: new("M")}),
	},
	"EditAll": {
		first: editsAll(incident.Edit{AddTags: []string{"a"}}, "d0", "d1"),
		other: editsAll(incident.Edit{AddTags: []string{"b"}}, "d1", "d2"),
	},
	"EditAlerts": {
		first: editsAlerts(incident.AlertEdit{Status: new(alert.StatusResolved)}, "edr:0", "edr:1"),
		other: editsAlerts(incident.AlertEdit{Status: new(alert.StatusInProgress)}, "edr:1", "edr:2"),
	},
	"Comment":    {first: comments("d0", "hm"), other: comments("d1", "hm")},
	"Record":     {first: records("d0", "isolated"), other: records("d1", "isolated")},
	"Redact":     {first: redacts("secret/0", ""), other: redacts("secret/0", "not ours")},
	"Merge":      {first: merges("d0", "d1"), other: merges("d0", "d2")},
	"Unmerge":    {first: unmerges("d4", ""), other: unmerges("d4", "by mistake")},
	"MoveAlerts": {first: moves("d3", "edr:0"), other: moves("d3", "edr:1")},
	"Purge": {
		first:  purges("", "closed"),
		other:  purges("two years", "old1"),
		repeat: func(any) any { return []manager.PurgeResult(nil) },
	},
}

// taking returns opts as those of another method, which takes them all.
func taking[O manager.Option](opts []manager.Option) []O {
	all := make([]O, len(opts))
	for n, o := range opts {
		all[n] = o.(O)
	}
	return all
}

func renamed(d incident.Draft, name string) incident.Draft {
	d.Name = name
	return d
}

func ingests(alerts ...alert.Alert) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.Ingest(ctx, by, alerts, taking[manager.CommandID](opts)...)
	}
}

func imports(d incident.Draft) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		i, result, err := m.Import(ctx, by, d, opts...)
		return []any{i, manager.ImportResult{Created: result.Created, Notes: result.Notes}}, err // the rest is not remembered
	}
}

func creates(d incident.Draft) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.Create(ctx, by, d, taking[manager.BulkOption](opts)...)
	}
}

func edits(id incident.ID, e incident.Edit) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.Edit(ctx, by, id, e, opts...)
	}
}

func editsAll(e incident.Edit, ids ...incident.ID) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.EditAll(ctx, by, incident.Query{IDs: ids}, e, taking[manager.BulkOption](opts)...)
	}
}

func editsAlerts(e incident.AlertEdit, ids ...alert.ID) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.EditAlerts(ctx, by, ids, e, taking[manager.BulkOption](opts)...)
	}
}

func comments(id incident.ID, text string) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.Comment(ctx, by, id, incident.CommentDraft{Text: text}, taking[manager.Option](opts)...)
	}
}

func records(id incident.ID, text string) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.Record(ctx, by, id, activity.ResponseAction, text, opts...)
	}
}

func redacts(id activity.ID, reason string) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.Redact(ctx, by, id, reason, opts...)
	}
}

func merges(target incident.ID, sources ...incident.ID) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.Merge(ctx, by, target, sources, "", opts...)
	}
}

func unmerges(source incident.ID, reason string) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.Unmerge(ctx, by, source, reason, opts...)
	}
}

func moves(to incident.ID, ids ...alert.ID) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		return m.MoveAlerts(ctx, by, ids, to, "", opts...)
	}
}

func purges(reason string, ids ...incident.ID) give {
	return func(ctx context.Context, m *manager.Manager, by activity.Actor, opts ...manager.Option) (any, error) {
		q, before := incident.Query{IDs: ids}, start.AddDate(1, 0, 0)
		return m.Purge(ctx, by, q, before, reason, taking[manager.BulkOption](opts)...)
	}
}

// A whole is all that a storage holds, remembered commands too.
type whole struct {
	everything
	items []storage.Item
}

func wholeOf(t *testing.T, s storage.Storage) whole {
	t.Helper()
	w := whole{everything: everythingIn(t, s)}
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		w.items = all(t, r.Items(t.Context(), storage.ItemQuery{Kinds: []string{"command"}}))
		return nil
	}))
	return w
}

func methodsOf(m map[string]use) []string { return slices.Sorted(maps.Keys(m)) }

// Every method that takes options is in the table, in the test and in the documentation, but PlanMerge, which is a dry
// run.
func TestEveryMethodWithACommandIDIsTried(t *testing.T) {
	var methods []string
	for method := range reflect.TypeFor[*manager.Manager]().Methods() {
		if method.Type.IsVariadic() && method.Name != "PlanMerge" {
			methods = append(methods, method.Name)
		}
	}
	assert.ElementsMatch(t, methods, methodsOf(uses))
}

// Each method under a CommandID: a repeat has no effect and returns what it should, and any other use of the ID is
// refused without any effect, be it other arguments, another actor or another version.
func TestACommandIDStandsForOneCommand(t *testing.T) {
	x := manager.CommandID("X")
	for _, method := range methodsOf(uses) {
		u := uses[method]
		t.Run(method, func(t *testing.T) {
			s := newScene(t)
			m := fresh(s, new(atomic.Int64))
			untouched := wholeOf(t, s)
			first, err := u.first(t.Context(), m, kai, x)
			require.NoError(t, err)
			done := wholeOf(t, s)
			require.NotEqual(t, untouched.everything, done.everything)
			require.NotEqual(t, untouched.items, done.items)

			if u.repeat == nil {
				u.repeat = func(v any) any { return v }
			}
			named := kai
			named.Name = "Kai Carter"
			for n, by := range []activity.Actor{kai, named} {
				again, err := u.first(t.Context(), fresh(s, new(atomic.Int64)), by, x)
				require.NoError(t, err, n)
				assert.Equal(t, u.repeat(first), again, n)
				require.Equal(t, done, wholeOf(t, s), n)
			}
			refused := func(what string, g give, by activity.Actor, opts ...manager.Option) {
				t.Helper()
				_, err := g(t.Context(), m, by, append(opts, x)...)
				if method != "Purge" || what == "other" { // where nothing is due any more, nothing is asked
					require.ErrorIs(t, err, manager.ErrCommandReused, what)
					for _, word := range []string{"\"X\"", "kai@"} {
						assert.NotContains(t, err.Error(), word, what)
					}
				}
				require.Equal(t, done, wholeOf(t, s), what)
			}
			refused("other", u.other, kai)
			refused("actor", u.first, mona)
			refused("kind of actor", u.first, activity.Actor{Kind: activity.App, ID: kai.ID})
			switch method {
			case "Ingest", "Create", "EditAll", "EditAlerts", "Purge": // refuse it
			default:
				refused("version", u.first, kai, manager.IfVersion(1))
			}

			_, err = u.other(t.Context(), m, kai, manager.CommandID("Y"))
			_, no := errors.AsType[*incident.RefusedError](err) // it cannot be unmerged twice
			if !no {
				require.NoError(t, err)
			}
		})
	}
}

var mona = activity.Actor{Kind: activity.User, ID: "mona@contoso.com"}

// A CommandID that one method has used is used for every other method, whatever parts the two have.
func TestACommandIDStandsForOneMethod(t *testing.T) {
	for _, one := range methodsOf(uses) {
		s := newScene(t)
		m := fresh(s, new(atomic.Int64))
		_, err := uses[one].first(t.Context(), m, kai, manager.CommandID("X"))
		require.NoError(t, err)
		done := wholeOf(t, s)
		for _, another := range methodsOf(uses) {
			if another == one || one == "Merge" && another == "Unmerge" {
				continue
			}
			g := uses[another].first
			if another == "Purge" {
				g = uses[another].other
			}
			_, err := g(t.Context(), m, kai, manager.CommandID("X"))
			require.ErrorIs(t, err, manager.ErrCommandReused, "%s after %s", another, one)
			require.Equal(t, done, wholeOf(t, s), "%s after %s", another, one)
		}
	}
}

// Of two different commands under one ID at the same moment one has its effect, and the other is refused.
func TestTwoCommandsUnderOneIDAtOnce(t *testing.T) {
	names := methodsOf(uses)
	for n, one := range names {
		for _, another := range names[n:] {
			s, ids := newScene(t), new(atomic.Int64)
			errs := make([]error, 2)
			var wg sync.WaitGroup
			for k, g := range []give{uses[one].first, uses[another].other} {
				wg.Go(func() { _, errs[k] = g(context.Background(), fresh(s, ids), kai, manager.CommandID("X")) })
			}
			wg.Wait()
			require.True(t, (errs[0] == nil) != (errs[1] == nil), "%s and %s: %v", one, another, errs)
			require.ErrorIs(t, errors.Join(errs...), manager.ErrCommandReused, "%s and %s", one, another)
			consistent(t, s)
		}
	}
}

// IDs are not put together with what they are for: no ID is that of a part of another.
func TestCommandIDsAreOpaque(t *testing.T) {
	s := newScene(t)
	m := fresh(s, new(atomic.Int64))
	edit := func(id string) error {
		_, err := m.Edit(t.Context(), kai, "d0", incident.Edit{AddTags: []string{id}}, manager.CommandID(id))
		return err
	}
	_, err := m.EditAll(
		t.Context(), kai,
		incident.Query{IDs: []incident.ID{"d0"}},
		incident.Edit{AddTags: []string{"swept"}},
		manager.CommandID("sweep"),
	)
	require.NoError(t, err)
	require.NoError(t, edit("sweep/d0"))
	_, err = m.Ingest(t.Context(), siem, []alert.Alert{raise(60, 0)}, manager.CommandID("X"))
	require.NoError(t, err)
	require.NoError(t, edit("X/0"))
	require.NoError(t, edit("X/"))
	i, err := m.Incident(t.Context(), kai, "d0")
	require.NoError(t, err)
	for _, tag := range []string{"swept", "sweep/d0", "X/0", "X/"} {
		assert.True(t, i.HasTag(tag), tag)
	}
	require.ErrorIs(t, edit("sweep"), manager.ErrCommandReused)
	require.ErrorIs(t, edit("X"), manager.ErrCommandReused)
}

// What is missing is done when a command on many is repeated with more of them.
func TestARepeatDoesWhatIsMissing(t *testing.T) {
	s := newScene(t)
	m := fresh(s, new(atomic.Int64))
	_, err := m.Ingest(t.Context(), siem, []alert.Alert{raise(60, 0), {}}, manager.CommandID("i"))
	require.ErrorIs(t, err, alert.ErrInvalid, "what has failed is not remembered")
	results, err := m.Ingest(
		t.Context(), siem,
		[]alert.Alert{raise(60, 0), raise(61, 0), raise(62, 0)},
		manager.CommandID("i"),
	)
	require.NoError(t, err)
	for _, r := range results {
		assert.Equal(t, manager.Opened, r.Outcome)
	}
	resolve := incident.AlertEdit{Status: new(alert.StatusResolved)}
	_, err = m.EditAlerts(t.Context(), kai, []alert.ID{"edr:0", "edr:10"}, resolve, manager.CommandID("a"))
	require.NoError(t, err)
	_, err = m.EditAlerts(t.Context(), kai, []alert.ID{"edr:10"}, incident.AlertEdit{Status: new(alert.StatusNew)})
	require.NoError(t, err)
	edited, err := m.EditAlerts(
		t.Context(), kai,
		[]alert.ID{"edr:0", "edr:10", "edr:11"},
		resolve,
		manager.CommandID("a"),
	)
	require.NoError(t, err)
	for n, want := range []alert.Status{alert.StatusResolved, alert.StatusNew, alert.StatusResolved} {
		assert.Equal(t, want, edited[n].Alert.Status, n)
	}
	purged, err := m.Purge(
		t.Context(), kai,
		incident.Query{IDs: []incident.ID{"closed"}},
		farOff, "",
		manager.CommandID("p"),
	)
	require.NoError(t, err)
	require.Len(t, purged, 1)
	purged, err = m.Purge(
		t.Context(), kai,
		incident.Query{IDs: []incident.ID{"closed", "old1"}},
		farOff, "",
		manager.CommandID("p"),
	)
	require.NoError(t, err)
	assert.Equal(t, incident.ID("old1"), purged[0].ID)
	for _, n := range []int{8, 9} {
		importing(t.Context(), t, m, theirs(n), manager.CommandID("both"))
	}
	consistent(t, s)
}

// A command that found nothing to change is remembered too: its repeat leaves alone what others wrote since.
func TestARepeatOfWhatChangedNothing(t *testing.T) {
	s := newScene(t)
	m := fresh(s, new(atomic.Int64))
	for name, c := range map[string]struct{ nothing, since give }{
		"Edit": {edits("d0", incident.Edit{RemoveTags: []string{"a"}}),
			edits("d0", incident.Edit{AddTags: []string{"a"}})},
		"EditAll": {editsAll(incident.Edit{RemoveTags: []string{"b"}}, "d1"),
			edits("d1", incident.Edit{AddTags: []string{"b"}})},
		"EditAlerts": {editsAlerts(incident.AlertEdit{Status: new(alert.StatusNew)}, "edr:1"),
			editsAlerts(incident.AlertEdit{Status: new(alert.StatusResolved)}, "edr:1")},
		"MoveAlerts": {moves("d2", "edr:2"), moves("d3", "edr:2")},
	} {
		id := manager.CommandID(name)
		before := everythingIn(t, s)
		_, err := c.nothing(t.Context(), m, kai, id)
		require.NoError(t, err, name)
		require.Equal(t, before, everythingIn(t, s), name)
		_, err = c.since(t.Context(), m, kai)
		require.NoError(t, err, name)
		since := everythingIn(t, s)
		require.NotEqual(t, before, since)
		_, err = c.nothing(t.Context(), m, kai, id)
		require.NoError(t, err, name)
		require.Equal(t, since, everythingIn(t, s), name)
		_, err = c.nothing(t.Context(), m, kai)
		require.NoError(t, err, name)
		require.NotEqual(t, since, everythingIn(t, s), "%s: it would have had something to change", name)
	}
}

// Who guesses what a redacted comment said, under the CommandID that it was given with, does not learn whether it is
// right, and no digest of it is left.
func TestARedactedCommentCannotBeGuessed(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 2)
	x := manager.CommandID("ticket-815")
	comment := func(text string) error {
		_, err := m.Comment(t.Context(), kai, ids[1], incident.CommentDraft{Text: text}, x)
		return err
	}
	require.NoError(t, comment("PIN 4711"))
	_, err := m.Merge(t.Context(), kai, ids[0], ids[1:], "")
	require.NoError(t, err)
	require.NoError(t, comment("PIN 4711"), "a repeat")
	e := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}}))[1]
	require.NotEmpty(t, e.Origin, "the copy")
	_, err = m.Redact(t.Context(), kai, e.ID, "not ours")
	require.NoError(t, err)
	for _, guess := range []string{"PIN 4711", "PIN 4712"} {
		assert.ErrorIs(t, comment(guess), manager.ErrCommandReused)
	}
	for _, i := range wholeOf(t, s).items {
		assert.Contains(t, string(i.Data), `"digest":""`)
	}
	assert.Empty(t, all(t, manager.Check(t.Context(), s)))
}

// Nor does who guesses what was redacted of a command of several parts.
func TestARedactedTextOfPartsCannotBeGuessed(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 2)
	x := manager.CommandID("ticket-815")
	describe := func(text string) error {
		_, err := m.EditAll(t.Context(), kai, incident.Query{IDs: ids}, incident.Edit{Description: &text}, x)
		return err
	}
	require.NoError(t, describe("PIN 4711"))
	require.NoError(t, describe("PIN 4711"), "a repeat")
	for _, id := range ids {
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Description: new("")})
		require.NoError(t, err)
	}
	for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Described}})) {
		_, err := m.Redact(t.Context(), kai, e.ID, "not ours")
		require.NoError(t, err)
	}
	for _, guess := range []string{"PIN 4711", "PIN 4712"} {
		assert.ErrorIs(t, describe(guess), manager.ErrCommandReused)
	}
	items := wholeOf(t, s).items
	assert.Len(t, items, 3)
	for _, i := range items {
		assert.Contains(t, string(i.Data), `"digest":""`)
	}
	assert.Empty(t, all(t, manager.Check(t.Context(), s)))
}

// The ID of a command is taken as long as one of its parts is remembered, however late that came.
func TestALatePartKeepsTheID(t *testing.T) {
	s := newScene(t)
	now := start
	m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
	x := manager.CommandID("X")
	edit := func(id incident.ID) []manager.EditResult {
		results, err := m.EditAll(t.Context(), kai, incident.Query{IDs: []incident.ID{id}}, incident.Edit{AddTags: []string{"a"}}, x)
		require.NoError(t, err)
		return results
	}
	edit("d0")
	now = start.Add(29 * 24 * time.Hour)
	first := edit("d1")
	now = now.Add(manager.Remembered)
	assert.Equal(t, first, edit("d1"))
	_, err := m.Comment(t.Context(), kai, "d1", incident.CommentDraft{Text: "hm"}, x)
	assert.ErrorIs(t, err, manager.ErrCommandReused)
}

// A command is remembered for Remembered, and not longer than a day after it.
func TestCommandsAreForgotten(t *testing.T) {
	for _, method := range methodsOf(uses) {
		s := newScene(t)
		now := start
		m := manager.New(s, &manager.Options{Now: func() time.Time { return now }})
		x := manager.CommandID("X")
		_, err := uses[method].first(t.Context(), m, kai, x)
		require.NoError(t, err)
		done := wholeOf(t, s)

		now = start.Add(manager.Remembered)
		_, err = uses[method].first(t.Context(), m, kai, x)
		require.NoError(t, err)
		require.Equal(t, done, wholeOf(t, s), method)

		now = now.Add(24*time.Hour + time.Microsecond)
		_, err = uses[method].first(t.Context(), m, kai, x)
		if method == "Create" || method == "Comment" || method == "Record" || method == "Ingest" || method == "Import" {
			require.NoError(t, err)
			require.NotEqual(t, done.everything, wholeOf(t, s).everything, "%s ran again", method)
		}
		if method == "Purge" || err != nil { // nothing to do, or it is refused
			continue
		}
		left := wholeOf(t, s).items
		require.NotEmpty(t, left)
		for _, i := range left {
			require.Equal(t, now, i.Time, "%s: what came before is forgotten", method)
		}
		_, err = comments("d3", "another")(t.Context(), m, kai, x)
		require.ErrorIs(t, err, manager.ErrCommandReused, "%s is remembered again", method)
	}
}

// asking is fresh with an Authorizer.
func asking(s storage.Storage, f authorizing) *manager.Manager {
	return manager.New(s, &manager.Options{Now: func() time.Time { return start }, Authorizer: f})
}

// A repeat is for those who may give the command now, and so is knowing that an ID was used. Where the Authorizer has
// no answer, there is none.
func TestARepeatByWhoHasLostTheRight(t *testing.T) {
	down := errors.New("directory is down")
	x := manager.CommandID("X")
	for _, method := range methodsOf(uses) {
		for _, no := range []error{manager.ErrForbidden, down} {
			s := newScene(t)
			_, err := uses[method].first(t.Context(), fresh(s, new(atomic.Int64)), kai, x)
			require.NoError(t, err)
			done := wholeOf(t, s)
			m := asking(s, func(_ activity.Actor, _ manager.Action, i incident.Incident) error { return no })
			for what, g := range map[string]give{
				"repeat":  uses[method].first,
				"other":   uses[method].other,
				"comment": comments("d3", "x"),
				"create":  creates(incident.Draft{Name: "n"}),
				"import":  imports(theirs(9)),
			} {
				_, err := g(t.Context(), m, kai, x)
				require.NotErrorIs(t, err, manager.ErrCommandReused, "%s: %s", method, what)
				if method != "Purge" || what != "repeat" && what != "other" { // what may not be read is not due
					require.ErrorIs(t, err, no, "%s: %s", method, what)
				}
				require.Equal(t, done, wholeOf(t, s))
			}
		}
	}
}

// Who may do a part of a command does not learn that its ID was used, whatever else is wrong with it.
func TestAReusedIDIsNotToldToWhoMayDoAPart(t *testing.T) {
	s := newScene(t)
	plain := fresh(s, new(atomic.Int64))
	x := manager.CommandID("X")
	_, err := plain.Comment(t.Context(), kai, "d3", incident.CommentDraft{Text: "x"}, x)
	require.NoError(t, err)
	m := asking(s, func(_ activity.Actor, _ manager.Action, i incident.Incident) error {
		if i.ID == "d0" {
			return nil
		}
		return manager.ErrForbidden
	})
	for name, g := range map[string]give{
		"merge":            merges("d0", "d1"),
		"merge, of itself": merges("d0", "d0", "d1"),
		"move":             moves("d0", "edr:1"),
		"move to new":      moves("", "edr:0", "edr:1"),
	} {
		for _, opts := range [][]manager.Option{{x}, {x, manager.IfVersion(77)}} {
			_, err := g(t.Context(), m, kai, opts...)
			require.ErrorIs(t, err, manager.ErrForbidden, name)
			require.NotErrorIs(t, err, manager.ErrCommandReused, name)
			_, err = g(t.Context(), plain, kai, opts...)
			require.ErrorIs(t, err, manager.ErrCommandReused, name)
		}
	}
	_, err = imports(theirs(9))(t.Context(), m, kai, x)
	require.ErrorIs(t, err, manager.ErrForbidden)
	bad := theirs(9)
	bad.Reference.System = ""
	_, err = imports(bad)(t.Context(), m, kai, x)
	require.ErrorIs(t, err, alert.ErrInvalid)
	require.NotErrorIs(t, err, manager.ErrCommandReused)
}

// What a command ID may be is the same for every method, a dry run too.
func TestCommandIDsThatAreRefused(t *testing.T) {
	for _, method := range methodsOf(uses) {
		s := newScene(t)
		m := manager.New(sealed{s, t}, nil)
		for _, id := range []string{
			strings.Repeat("x", manager.MaxCommandID+1),
			strings.Repeat("ü", manager.MaxCommandID),
			"\xff",
			"a\xc3",
		} {
			for _, opts := range [][]manager.Option{
				{manager.CommandID(id)},
				{manager.DryRun(), manager.CommandID(id)},
			} {
				if method == "Ingest" && len(opts) == 2 {
					continue
				}
				_, err := uses[method].first(t.Context(), m, kai, opts...)
				field, ok := errors.AsType[*alert.FieldError](err)
				require.True(t, ok, "%s: %v", method, err)
				require.ErrorIs(t, err, alert.ErrInvalid)
				assert.Equal(t, "commandID", field.Field)
				assert.Less(t, len(err.Error()), 400)
				assert.True(t, strings.ToValidUTF8(err.Error(), "") == err.Error())
			}
		}
		_, err := uses[method].first(
			t.Context(),
			manager.New(s, nil),
			kai,
			manager.CommandID(strings.Repeat("ü", manager.MaxCommandID/2)),
		)
		require.NoError(t, err, method)
	}
}

// A dry run is not remembered, and does not look what is.
func TestADryRunHasNoCommandID(t *testing.T) {
	x := manager.CommandID("X")
	for _, method := range methodsOf(uses) {
		if method == "Ingest" {
			continue // refuses it
		}
		s := newScene(t)
		m := fresh(s, new(atomic.Int64))
		before := wholeOf(t, s)
		_, err := uses[method].first(t.Context(), m, kai, x, manager.DryRun())
		require.NoError(t, err, method)
		require.Equal(t, before, wholeOf(t, s), method)
		_, err = comments("d3", "first")(t.Context(), m, kai, x)
		require.NoError(t, err, "%s: the ID is free", method)
		done := wholeOf(t, s)
		_, err = uses[method].first(t.Context(), m, kai, x, manager.DryRun())
		require.NoError(t, err, "%s does not look", method)
		require.Equal(t, done, wholeOf(t, s), method)
	}
}

// The version that a caller has seen is that of the incident that the command names, not of the one that it was merged
// into.
func TestAVersionIsOfTheIncidentThatWasNamed(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 2)
	seen, err := m.Edit(t.Context(), kai, ids[1], incident.Edit{AddTags: []string{"noise"}})
	require.NoError(t, err)
	target, err := m.Merge(t.Context(), kai, ids[0], []incident.ID{ids[1]}, "")
	require.NoError(t, err)
	require.Equal(t, seen.Version, target.Version)
	before := everythingIn(t, s)
	for version := range int64(5) {
		for name, g := range map[string]give{
			"edit":    edits(seen.ID, incident.Edit{Status: new(incident.Resolved)}),
			"comment": comments(seen.ID, "hm"),
			"move":    moves(seen.ID, "edr:0"),
		} {
			_, err = g(t.Context(), m, kai, manager.IfVersion(version))
			conflict, ok := errors.AsType[*storage.ConflictError](err)
			require.True(t, ok, "%s: %v", name, err)
			assert.Equal(t,
				storage.ConflictError{
					Record: "incident",
					ID:     string(seen.ID),
					Given:  version,
				},
				*conflict, name,
			)
			assert.ErrorContains(t, err, string(ids[0]), "where it went")
		}
	}
	require.Equal(t, before, everythingIn(t, s))
}

// An identifier that is drawn twice, against Options.NewID, is an error, at once: no command is taken for another by
// it.
func TestAnIdentifierThatIsDrawnTwice(t *testing.T) {
	s := newScene(t)
	now, attempts := start, 0
	m := manager.New(
		applied{s, func() { attempts++ }},
		&manager.Options{Now: func() time.Time { return now }, NewID: func() string { return "same" }},
	)
	_, err := m.Comment(t.Context(), kai, "d0", incident.CommentDraft{Text: "first"})
	require.NoError(t, err)
	before := everythingIn(t, s)
	for name, g := range map[string]give{
		"comment": comments("d0", "second"),
		"edit":    edits("d0", incident.Edit{Name: new("N")}),
		"merge":   merges("d0", "d1"),
		"move":    moves("d0", "edr:1"),
		"create":  creates(incident.Draft{Name: "n"}),
	} {
		for _, opts := range [][]manager.Option{nil, {manager.CommandID("X")}} {
			_, err := g(t.Context(), m, kai, opts...)
			require.ErrorIs(t, err, storage.ErrExists, name)
			require.ErrorContains(t, err, "same", name)
			require.Equal(t, before, everythingIn(t, s), name)
		}
	}
	now = now.Add(time.Hour)
	_, err = m.Comment(t.Context(), kai, "d0", incident.CommentDraft{Text: "first"})
	require.ErrorIs(t, err, storage.ErrExists, "it was another one, an hour ago")
	require.Equal(t, before, everythingIn(t, s))
	assert.Equal(t, 1, attempts)
}

// A purge takes with it what is remembered of its incident, except the purge itself.
func TestAPurgeForgetsTheCommandsOnItsIncident(t *testing.T) {
	s := newScene(t)
	m := fresh(s, new(atomic.Int64))
	_, err := m.Comment(t.Context(), kai, "closed", incident.CommentDraft{Text: "hm"}, manager.CommandID("c"))
	require.NoError(t, err)
	_, err = m.Purge(t.Context(), kai, incident.Query{IDs: []incident.ID{"closed"}}, farOff, "", manager.CommandID("p"))
	require.NoError(t, err)
	var of []storage.Item
	for _, i := range wholeOf(t, s).items {
		if i.Incident == "closed" {
			of = append(of, i)
		}
	}
	assert.Len(t, of, 1)
}

// Whatever is done under whatever IDs: a repeat has no effect, and a command under an ID that another has used has none
// and is refused.
func TestCommandIDsInAnyOrder(t *testing.T) {
	type command struct {
		name string
		g    give
		by   activity.Actor
	}
	var pool []command
	for _, method := range methodsOf(uses) {
		for _, by := range []activity.Actor{kai, mona} {
			pool = append(
				pool,
				command{method, uses[method].first, by},
				command{method + " other", uses[method].other, by},
			)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := newScene(t)
		m := fresh(s, new(atomic.Int64))
		bound := map[string]int{} // the command of each ID
		for range rapid.IntRange(1, 25).Draw(rt, "commands") {
			n := rapid.IntRange(0, len(pool)-1).Draw(rt, "command")
			id := rapid.SampledFrom([]string{"X", "X/0", "X/d0", "Y"}).Draw(rt, "id")
			before := wholeOf(t, s)
			c := pool[n]
			_, err := c.g(t.Context(), m, c.by, manager.CommandID(id))
			after := wholeOf(t, s)
			first, used := bound[id]
			switch purge := strings.HasPrefix(c.name, "Purge"); {
			case used && first == n:
				require.NoError(rt, err, c.name)
				require.Equal(rt, before, after, c.name)
			case used:
				require.Equal(rt, before, after, "%s after %s", c.name, pool[first].name)
				if !purge || err != nil { // nothing is due any more
					require.ErrorIs(rt, err, manager.ErrCommandReused, "%s after %s", c.name, pool[first].name)
				}
			case err != nil:
				require.Equal(rt, before, after, c.name)
			case !purge || len(after.items) > len(before.items):
				bound[id] = n
			}
		}
		consistent(t, s)
	})
}

// A meeting is a storage whose first Apply waits for that of another, so that both have decided before one is stored.
// It counts how often a guard has failed.
type meeting struct {
	storage.Storage
	first   sync.Once
	arrived *sync.WaitGroup // nil: no Apply waits
	retries *atomic.Int64
}

func (s *meeting) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if s.arrived != nil {
		s.first.Do(func() {
			s.arrived.Done()
			s.arrived.Wait()
		})
	}
	receipt, err := s.Storage.Apply(ctx, cs)
	if conflict, ok := errors.AsType[*storage.ConflictError](err); ok && conflict.Record == "key" {
		s.retries.Add(1)
	}
	return receipt, err
}

// Related alerts that two managers of one storage take in at the same moment come into one incident, and one retry is
// enough for it.
func TestRelatedAlertsAtTheSameMomentThroughTwoManagers(t *testing.T) {
	for name, meet := range map[string]bool{"as it happens": false, "both have decided before one is stored": true} {
		t.Run(name, func(t *testing.T) {
			s := memory.New()
			defer s.Close()
			const pairs = 200
			retries := new(atomic.Int64)
			for pair := range pairs {
				device := alert.Device{DeviceID: fmt.Sprint("d", pair)}
				var wg, arrived sync.WaitGroup
				arrived.Add(2)
				results := make([]manager.Result, 2)
				for n := range results {
					shared := &meeting{Storage: s, retries: retries}
					if meet {
						shared.arrived = &arrived
					}
					m := manager.New(shared, nil)
					wg.Go(func() {
						r, err := m.Ingest(context.Background(), siem, []alert.Alert{raise(2*pair+n, 0, device)})
						if assert.NoError(t, err) {
							results[n] = r[0]
						}
					})
				}
				wg.Wait()
				require.Equal(t, results[0].Incident, results[1].Incident, "pair %d", pair)
				outcomes := []manager.Outcome{results[0].Outcome, results[1].Outcome}
				require.Contains(t, outcomes, manager.Joined)
			}
			t.Logf("%d pairs, %d retries", pairs, retries.Load())
			if meet {
				assert.Equal(t, int64(pairs), retries.Load(), "one for each pair")
			} else {
				assert.LessOrEqual(t, retries.Load(), int64(pairs))
			}
			consistent(t, s)
		})
	}
}

// Many managers that take in alerts of one device at once: one incident, and no more retries than there are pairs.
func TestRelatedAlertsFromManyManagers(t *testing.T) {
	s := memory.New()
	defer s.Close()
	const many = 12
	retries, lots := new(atomic.Int64), rand.New(rand.NewPCG(1, 2))
	var wg, arrived sync.WaitGroup
	arrived.Add(many)
	for _, n := range lots.Perm(many) {
		m := manager.New(&meeting{Storage: s, arrived: &arrived, retries: retries}, nil)
		wg.Go(func() {
			_, err := m.Ingest(context.Background(), siem, []alert.Alert{raise(n, n, alert.Device{DeviceID: "d"})})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Len(t, all(t, manager.New(s, nil).Incidents(t.Context(), kai, whatever)), 1)
	t.Logf("%d alerts, %d retries", many, retries.Load())
	assert.GreaterOrEqual(t, retries.Load(), int64(many-1), "all but one had decided without the others")
	assert.LessOrEqual(t, retries.Load(), int64(many*(many-1)/2))
	consistent(t, s)
}
