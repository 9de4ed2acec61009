package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"reflect"
	"regexp"
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

// A methodRow is a row of the table of methods in the package's comment.
type methodRow struct{ actions, errors []string }

func methodTable(t *testing.T) map[string]methodRow {
	source, err := os.ReadFile("manager.go")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(source), "//\tmethod         actions")
	require.True(t, ok)
	table, _, ok = strings.Cut(table, "\n//\n")
	require.True(t, ok)
	_, table, _ = strings.Cut(table, "\n")
	rows := make(map[string]methodRow)
	for line := range strings.Lines(table) {
		columns := regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(strings.TrimPrefix(line, "//\t")), -1)
		row := methodRow{actions: strings.Fields(columns[1])}
		if len(columns) > 3 {
			row.errors = strings.Fields(columns[3])
		}
		slices.Sort(row.actions)
		slices.Sort(row.errors)
		rows[columns[0]] = row
	}
	return rows
}

// reading drains a sequence, or fails as it does.
func reading[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// An inquiry is what methods that read are called for, in the scene of [newScene]: the incident, the alert and the
// comment with these IDs, and a query that has this limit.
type inquiry struct {
	id      incident.ID
	alert   alert.ID
	comment activity.ID
	limit   int
	after   int64
}

var inScene = inquiry{id: "d3", alert: "edr:3", comment: "secret/0"}

// readers call each method that reads, but DefaultQuery.
var readers = map[string]func(context.Context, *manager.Manager, inquiry) error{
	"View": func(ctx context.Context, m *manager.Manager, _ inquiry) error {
		return m.View(ctx, kai, func(r storage.Reader) error { return reading(r.Incidents(ctx, incident.Query{})) })
	},
	"Incident": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.Incident(ctx, kai, a.id))
	},
	"Alert": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.Alert(ctx, kai, a.alert))
	},
	"Incidents": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return reading(m.Incidents(ctx, kai, incident.Query{Limit: a.limit}))
	},
	"Alerts": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return reading(m.Alerts(ctx, kai, alert.Query{Limit: a.limit}))
	},
	"Activity": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return reading(m.Activity(ctx, kai, activity.Query{Limit: a.limit}))
	},
	"Follow": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return reading(m.Follow(ctx, kai, activity.Query{Limit: a.limit, AfterSeq: a.after, BeforeSeq: 3}))
	},
	"Count": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.Count(ctx, kai, incident.Query{PriorityMax: 100, Numbers: []int64{1, 2, 3}}))
	},
	"Facets": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.Facets(ctx, kai, incident.Query{}))
	},
	"CountAlerts": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.CountAlerts(ctx, kai, alert.Query{}))
	},
	"At": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.At(ctx, kai, a.id, 1000))
	},
	"Explain": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.Explain(ctx, kai, a.id))
	},
	"Similar": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.Similar(ctx, kai, a.id, a.limit))
	},
	"Content": func(ctx context.Context, m *manager.Manager, a inquiry) error {
		return errorOf(m.Content(ctx, kai, a.comment, digest(images[0])))
	},
	"SuggestOwners": func(ctx context.Context, m *manager.Manager, _ inquiry) error {
		return errorOf(m.SuggestOwners(ctx, kai, "", 1))
	},
	"SuggestTags": func(ctx context.Context, m *manager.Manager, _ inquiry) error {
		return errorOf(m.SuggestTags(ctx, kai, "", 1))
	},
}

// The table of methods says what each asks the Authorizer.
func TestTableOfActions(t *testing.T) {
	asks := make(map[string]map[string]bool)
	recording := func(method string, s storage.Storage, do func(m *manager.Manager) error) {
		if asks[method] == nil {
			asks[method] = make(map[string]bool)
		}
		m := guarded(s, func(_ activity.Actor, what manager.Action, _ incident.Incident) error {
			asks[method][string(what)] = true
			return nil
		})
		require.NoError(t, do(m), method)
	}
	for _, c := range trials {
		recording(c.command, newScene(t), func(m *manager.Manager) error { return c.do(t.Context(), m) })
	}
	for method, read := range readers {
		recording(method, newScene(t), func(m *manager.Manager) error { return read(t.Context(), m, inScene) })
	}
	recording("PlanMerge", newScene(t), func(m *manager.Manager) error {
		return errorOf(m.PlanMerge(t.Context(), kai, "d0", []incident.ID{"d1"}, ""))
	})

	table := methodTable(t)
	for method := range reflect.TypeFor[*manager.Manager]().Methods() {
		if method.Name == "DefaultQuery" {
			continue
		}
		var actions []string
		for a := range asks[method.Name] {
			actions = append(actions, a)
		}
		slices.Sort(actions)
		assert.Equal(t, actions, table[method.Name].actions, method.Name)
	}
	assert.Len(t, table, reflect.TypeFor[*manager.Manager]().NumMethod()-1)
}

// The table of methods says which errors each has, besides those that all have.
func TestTableOfMethodErrors(t *testing.T) {
	ctx := t.Context()
	s := newScene(t)
	m := manager.New(s, &manager.Options{Now: func() time.Time { return start }})
	require.NoError(t, purging("closed")(ctx, m))
	name, late := incident.Edit{Name: new("n")}, manager.IfVersion(70)
	none, gone := inquiry{id: "none", alert: "no:1", comment: "none/1"}, inquiry{id: "closed", alert: "edr:12"}
	draft := func(n int, alerts ...alert.Alert) incident.Draft { return theirs(n, alerts...) }
	met := map[string][]error{
		"Follow": {readers["Follow"](ctx, m, inquiry{after: 70})},
		"Import": {
			errorOf2(m.Import(ctx, kai, draft(7), late)),
			errorOf2(m.Import(ctx, kai, incident.Draft{Reference: incident.Reference{System: "s", ID: "1"}}, late)),
		},
		"Create": {
			errorOf(m.Create(ctx, kai, draft(7))), errorOf(m.Create(ctx, kai, draft(9, titled("A", raise(0, 0))))),
		},
		"Edit": {
			errorOf(m.Edit(ctx, kai, "none", name)), errorOf(m.Edit(ctx, kai, "d0", name, late)),
			errorOf(m.Edit(ctx, kai, "closed", name)),
		},
		"EditAll": {
			errorOf(m.EditAll(ctx, kai, incident.Query{IDs: []incident.ID{"none"}}, name)),
			errorOf(m.EditAll(ctx, kai, incident.Query{IDs: []incident.ID{"closed"}}, name)),
			errorOf(racing(t, s, "d0").EditAll(ctx, kai, incident.Query{Tags: []string{"raced"}}, name)),
		},
		"EditAlerts": {errorOf(m.EditAlerts(ctx, kai, []alert.ID{"no:1", "edr:12"}, incident.AlertEdit{}))},
		"Comment": {
			errorOf(m.Comment(ctx, kai, "none", incident.CommentDraft{Text: "c"})),
			errorOf(m.Comment(ctx, kai, "d0", incident.CommentDraft{Text: "c"}, late)),
			errorOf(m.Comment(ctx, kai, "closed", incident.CommentDraft{Text: "c"})),
		},
		"Record": {
			errorOf(m.Record(ctx, kai, "none", activity.AutomationRun, "c")),
			errorOf(m.Record(ctx, kai, "d0", activity.AutomationRun, "c", late)),
			errorOf(m.Record(ctx, kai, "closed", activity.AutomationRun, "c")),
		},
		"Redact": {
			errorOf(m.Redact(ctx, kai, "none", "")), errorOf(m.Redact(ctx, kai, "secret/0", "", late)),
			errorOf(m.Redact(ctx, kai, named(t, m, "d0"), "")),
		},
		"Merge": {
			errorOf(m.Merge(ctx, kai, "none", nil, "")),
			errorOf(m.Merge(ctx, kai, "d0", []incident.ID{"d1"}, "", late)),
			errorOf(m.Merge(ctx, kai, "d0", []incident.ID{"closed"}, "")),
		},
		"PlanMerge": {
			errorOf(m.PlanMerge(ctx, kai, "none", nil, "")),
			errorOf(m.PlanMerge(ctx, kai, "d0", []incident.ID{"d1"}, "", late)),
			errorOf(m.PlanMerge(ctx, kai, "d0", []incident.ID{"closed"}, "")),
		},
		"Unmerge": {
			errorOf(m.Unmerge(ctx, kai, "none", "")), errorOf(m.Unmerge(ctx, kai, "d4", "", late)),
			errorOf(m.Unmerge(ctx, kai, "d0", "")), errorOf(m.Unmerge(ctx, kai, "closed", "")),
		},
		"MoveAlerts": {
			errorOf(m.MoveAlerts(ctx, kai, []alert.ID{"no:1"}, "d0", "")),
			errorOf(m.MoveAlerts(ctx, kai, []alert.ID{"edr:1"}, "d0", "", late)),
			errorOf(m.MoveAlerts(ctx, kai, []alert.ID{"edr:1"}, "closed", "")),
		},
	}
	_, _, purged := m.Import(ctx, kai, draft(7))
	require.NoError(t, purged)
	_, err := m.Edit(ctx, kai, "theirs:7", incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	require.NoError(t, purging("theirs:7")(ctx, m))
	met["Import"] = append(met["Import"], errorOf2(m.Import(ctx, kai, draft(7))))
	for method, read := range readers {
		for _, a := range []inquiry{none, gone} {
			met[method] = append(met[method], read(ctx, m, a))
		}
	}
	// Whatever class there is may be met, except those that all methods have.
	for method, row := range methodTable(t) {
		var found []string
		for name, class := range classes {
			_, short, _ := strings.Cut(name, ".")
			for _, err := range met[method] {
				if errors.Is(err, class) {
					found = append(found, short)
					break
				}
			}
		}
		slices.Sort(found)
		assert.Equal(t, row.errors, found, method)
	}
}

func errorOf2[T, U any](_ T, _ U, err error) error { return err }

// named returns the entry that an incident was named by, which tells the name that it has.
func named(t *testing.T, m *manager.Manager, id incident.ID) activity.ID {
	q := activity.Query{Incidents: []incident.ID{id}, Fields: []string{"name"}, Newest: true, Limit: 1}
	return all(t, m.Activity(t.Context(), kai, q))[0].ID
}

// racing returns a Manager beside which another writer tags an incident before it looks, and takes the tag away before
// it writes.
func racing(t *testing.T, s storage.Storage, id incident.ID) *manager.Manager {
	others := manager.New(s, nil)
	tag := func(e incident.Edit) {
		_, err := others.Edit(t.Context(), kai, id, e)
		require.NoError(t, err)
	}
	tag(incident.Edit{AddTags: []string{"raced"}})
	return guarded(s, func(_ activity.Actor, what manager.Action, _ incident.Incident) error {
		if what == manager.ActionEdit {
			tag(incident.Edit{RemoveTags: []string{"raced"}})
		}
		return nil
	})
}

// A bulk edit leaves alone what its query does not select any more when its turn comes, and reports it.
func TestEditAllLeavesAloneWhatChanged(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		others := manager.New(s, nil)
		ids := spread(t, others, 4)
		tags := []string{"red", "blue"}
		dress := func(id incident.ID) {
			e := incident.Edit{RemoveTags: tags}
			if rapid.Bool().Draw(rt, "dressed") {
				e = incident.Edit{AddTags: []string{rapid.SampledFrom(tags).Draw(rt, "tag")}}
			}
			_, err := others.Edit(t.Context(), kai, id, e)
			require.NoError(rt, err)
		}
		for _, id := range ids {
			dress(id)
		}
		q := incident.Query{Tags: []string{"red"}, Sort: incident.ByNumber}
		selected := all(t, others.Incidents(t.Context(), kai, q))
		busy := false
		m := guarded(s, func(_ activity.Actor, what manager.Action, _ incident.Incident) error {
			if what == manager.ActionEdit && !busy {
				busy = true
				dress(rapid.SampledFrom(ids).Draw(rt, "disturbed"))
				busy = false
			}
			return nil
		})
		results, _ := m.EditAll(t.Context(), kai, q, incident.Edit{Name: new("found")})
		require.Len(rt, results, len(selected))
		for n, r := range results {
			require.Equal(rt, selected[n].ID, r.ID)
			i, err := others.Incident(t.Context(), kai, r.ID)
			require.NoError(rt, err)
			require.Equal(rt, r.Err == nil, i.Name == "found")
			if r.Err != nil {
				require.ErrorIs(rt, r.Err, storage.ErrConflict)
				require.Equal(rt, incident.Incident{}, r.Incident)
			} else {
				require.True(rt, r.Incident.HasTag("red"), "as it was when it was written")
			}
		}
	})
}

// A field of hidden records has a text that stands nowhere else.
const secret = "xyzzy"

// A team's storage has one incident that the team may read, and what it must not learn of: an incident, another that
// was merged into that one, with alerts, a comment, tags, an owner and a log.
type team struct {
	open, hidden, merged incident.ID
	openAlert, alert     alert.ID
	comment              activity.ID
	last                 int64
}

func newTeam(t *testing.T, s storage.Storage) (w team) {
	m := manager.New(s, nil)
	device := func(group, id string) alert.Device { return alert.Device{DeviceID: id, Group: group} }
	hidden := raise(1, 0, device("south", secret+"-device"))
	hidden.Title, hidden.Description = secret, secret
	other := raise(2, 0, device("south", secret+"-other"))
	other.Title = secret
	results := ingest(t, m, raise(0, 0, device("north", "d0")), hidden, other)
	w.open, w.hidden, w.merged = results[0].Incident, results[1].Incident, results[2].Incident
	w.openAlert, w.alert = results[0].ID, results[1].ID
	edit := incident.Edit{
		Name: new(secret), Description: new(secret), AddTags: []string{secret}, Owner: &incident.Owner{ID: secret},
	}
	_, err := m.Edit(t.Context(), kai, w.hidden, edit)
	require.NoError(t, err)
	comment := incident.CommentDraft{Text: secret, Images: []incident.Image{picture(secret, white)}}
	_, err = m.Comment(t.Context(), kai, w.hidden, comment)
	require.NoError(t, err)
	w.comment = all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}}))[0].ID
	_, err = m.Merge(t.Context(), kai, w.hidden, []incident.ID{w.merged}, secret)
	require.NoError(t, err)
	w.last = all(t, m.Activity(t.Context(), kai, activity.Query{Newest: true, Limit: 1}))[0].Seq
	return w
}

// given returns an argument of that type about hidden records, or about records that are not there.
func (w team) given(t *testing.T, typ reflect.Type, hidden bool, seen *strings.Builder) reflect.Value {
	id, merged, number := incident.ID("nowhere-1"), incident.ID("nowhere-2"), "77"
	a, comment := alert.ID("no:1"), activity.ID("no/1")
	if hidden {
		id, merged, a, comment, number = w.hidden, w.merged, w.alert, w.comment, "1"
	}
	looking := func(r storage.Reader) error {
		ctx := t.Context()
		fmt.Fprintln(seen, all(t, r.Incidents(ctx, incident.Query{})), all(t, r.Alerts(ctx, alert.Query{})),
			all(t, r.Activity(ctx, activity.Query{})), all(t, r.Items(ctx, storage.ItemQuery{})))
		i, err := r.Incident(ctx, id)
		one, err2 := r.Alert(ctx, a)
		_, err3 := r.Content(ctx, digest(picture("", white)))
		n, err4 := storage.Count(ctx, r, incident.Query{})
		c, err5 := storage.Facets(ctx, r, incident.Query{})
		keys := alert.Keys(alert.Device{DeviceID: secret + "-device"})
		fmt.Fprintln(seen, i, err, one, err2, err3, n, err4, c, err5,
			all(t, storage.Sightings(ctx, r, storage.SightingQuery{Entities: keys})))
		return nil
	}
	reported := raise(1, 0, alert.Device{DeviceID: "d0"})
	if reported.Title = "new"; !hidden {
		reported.Origin.ID = "77"
	}
	for _, v := range []any{
		kai, id, []incident.ID{merged}, a, []alert.ID{a}, comment, activity.ResponseAction, "some text", 5, int64(9),
		incident.CommentDraft{Text: "some text"}, time.Now().AddDate(1, 0, 0),
		incident.Query{IDs: []incident.ID{id, merged}}, alert.Query{Incidents: []incident.ID{id}},
		activity.Query{Incidents: []incident.ID{id}, BeforeSeq: w.last + 1}, incident.Edit{Severity: new(alert.Low)},
		incident.AlertEdit{Status: new(alert.StatusInProgress)}, []alert.Alert{reported}, looking,
		incident.Draft{
			Reference: incident.Reference{System: "edr", ID: number}, Name: "x", Alerts: []alert.Alert{reported},
		},
	} {
		if reflect.TypeOf(v).AssignableTo(typ) {
			return reflect.ValueOf(v)
		}
	}
	require.Fail(t, "no value", "%s", typ)
	return reflect.Value{}
}

// Somebody who may neither read what is hidden nor ingest tries every method on it, and learns and changes nothing: of
// what is hidden no text comes back, nothing is stored, and hidden records answer as records that are not there. So it
// is with an Authorizer, with a Scope, and with a Scope that allows nothing.
func TestAttacksOnWhatIsHidden(t *testing.T) {
	north := func(i incident.Incident) bool { return slices.Contains(i.Alerts.DeviceGroups, "north") }
	asks := authorizing(func(_ activity.Actor, what manager.Action, i incident.Incident) error {
		if what == manager.ActionIngest || !north(i) {
			return manager.ErrForbidden
		}
		return nil
	})
	commands := authorizing(func(_ activity.Actor, what manager.Action, i incident.Incident) error {
		if what == manager.ActionIngest || what == manager.ActionCreate || what == manager.ActionImport {
			return manager.ErrForbidden
		}
		return nil
	})
	scope := func(q incident.Query, err error) manager.Scope {
		return func(context.Context, activity.Actor) (incident.Query, error) { return q, err }
	}
	for name, o := range map[string]manager.Options{
		"an Authorizer": {Authorizer: asks},
		"a Scope":       {Authorizer: commands, Scope: scope(incident.Query{DeviceGroups: []string{"north"}}, nil)},
		"a Scope of exceptions": {Authorizer: commands, Scope: scope(incident.Query{Except: []incident.Query{
			{DeviceGroups: []string{"south"}}, {Statuses: []incident.Status{incident.Redirected}},
		}}, nil)},
		"a Scope that is nothing": {
			Authorizer: commands, Scope: scope(incident.Query{}, fmt.Errorf("no team: %w", manager.ErrForbidden)),
		},
		"both, which do not agree": {Authorizer: asks, Scope: scope(incident.Query{Numbers: []int64{1}}, nil)},
	} {
		for method := range reflect.TypeFor[*manager.Manager]().Methods() {
			if method.Name == "DefaultQuery" {
				continue
			}
			t.Run(name+"/"+method.Name, func(t *testing.T) {
				s := memory.New()
				defer s.Close()
				w := newTeam(t, s)
				before := everythingIn(t, s)
				try := func(hidden bool) string {
					var seen strings.Builder
					args := []reflect.Value{reflect.ValueOf(manager.New(s, &o)), reflect.ValueOf(t.Context())}
					params := method.Type.NumIn()
					if method.Type.IsVariadic() {
						params--
					}
					for k := 2; k < params; k++ {
						args = append(args, w.given(t, method.Type.In(k), hidden, &seen))
					}
					for _, result := range method.Func.Call(args) {
						if result.Type().CanSeq2() {
							for v, err := range result.Seq2() {
								fmt.Fprintln(&seen, v.Interface(), err.Interface())
							}
							continue
						}
						text, err := json.Marshal(result.Interface())
						require.NoError(t, err)
						fmt.Fprintf(&seen, "%s %v\n", text, result.Interface())
					}
					return seen.String()
				}
				names := []string{
					string(w.hidden), "ID", string(w.merged), "ID", "nowhere-1", "ID", "nowhere-2", "ID",
					string(w.comment), "ID", "no/1", "ID", "edr:1", "ID", "edr:77", "ID", "no:1", "ID",
				}
				anonymous := strings.NewReplacer(names...)
				hidden, missing := anonymous.Replace(try(true)), anonymous.Replace(try(false))
				assert.NotContains(t, hidden, secret)
				assert.Equal(t, missing, hidden, "what is hidden looks like what is missing")
				assert.Equal(t, before, everythingIn(t, s), "nothing is changed")
			})
		}
	}
}

// Programs that bring alerts and incidents need not be allowed to read. Ingest, Import and Create return to them only
// what they may read, and do not touch what they must not touch.
func TestWritersAreToldWhatTheyMayRead(t *testing.T) {
	s := memory.New()
	defer s.Close()
	w := newTeam(t, s)
	ctx, all := t.Context(), manager.New(s, nil)
	reads := func(_ activity.Actor, what manager.Action, i incident.Incident) error {
		north := slices.Contains(i.Alerts.DeviceGroups, "north")
		isNew := i.Version == 0 && what != manager.ActionRead
		if north || isNew || what == manager.ActionIngest || what == manager.ActionCreate {
			return nil
		}
		return manager.ErrForbidden
	}
	scope := func(context.Context, activity.Actor) (incident.Query, error) {
		return incident.Query{DeviceGroups: []string{"north"}}, nil
	}
	at := func(n int, group, id string) alert.Alert {
		return raise(n, 5, alert.Device{DeviceID: id, Group: group})
	}
	hiddenDevice, hiddenAlert := secret+"-device", raise(1, 9)
	for name, m := range map[string]*manager.Manager{
		"an Authorizer": guarded(s, reads),
		"a Scope":       manager.New(s, &manager.Options{Scope: scope, Authorizer: authorizing(reads)}),
	} {
		n := 100 * len(name)
		results := ingest(t, m,
			at(n, "north", "d0"),                     // joins what may be read
			at(n+1, "south", hiddenDevice),           // joins what is hidden
			at(n+2, "south", fmt.Sprint(n)),          // opens what is hidden
			hiddenAlert,                              // is there, hidden
			at(n+3, "north", fmt.Sprint("north", n)), // opens what may be read
		)
		assert.Equal(t, manager.Joined, results[0].Outcome, name)
		assert.Equal(t, w.open, results[0].Incident)
		assert.NotEmpty(t, results[0].Links)
		for _, r := range results[1:4] {
			assert.Equal(t, manager.Result{ID: r.ID, Outcome: manager.Taken}, r, name)
		}
		assert.Equal(t, manager.Opened, results[4].Outcome, name)
		assert.NotEmpty(t, results[4].Incident)
		for _, r := range results {
			_, err := all.Alert(ctx, kai, r.ID)
			require.NoError(t, err, "it was taken")
		}

		before := everythingIn(t, s)
		draft := func(n int, alerts ...alert.Alert) incident.Draft {
			return incident.Draft{
				Reference: incident.Reference{System: "theirs", ID: fmt.Sprint(n)}, Name: "theirs", Alerts: alerts,
			}
		}
		// One of the alerts is elsewhere, hidden.
		_, result, err := m.Import(ctx, kai, draft(n, at(n+10, "north", "x"), hiddenAlert))
		require.ErrorIs(t, err, manager.ErrForbidden, name)
		assert.NotContains(t, err.Error(), string(w.hidden))
		assert.Equal(t, manager.ImportResult{}, result)
		d := draft(n+1, at(n+11, "north", "x"), titled("A", hiddenAlert))
		for _, opts := range [][]manager.BulkOption{nil, {manager.DryRun()}} {
			_, err = m.Create(ctx, kai, d, opts...)
			require.ErrorIs(t, err, manager.ErrForbidden, name)
			require.NotErrorIs(t, err, storage.ErrExists)
		}
		assert.Equal(t, before, everythingIn(t, s), name)
		_, err = m.Create(ctx, kai, draft(n+2, titled("A", raise(0, 0))))
		require.ErrorIs(t, err, storage.ErrExists, "what may be read may be known to be there")

		// What comes to be is hidden from who brings it.
		i, result, err := m.Import(ctx, kai, draft(n+3, at(n+12, "south", "y")))
		require.NoError(t, err)
		assert.Equal(t, incident.Incident{ID: draft(n + 3).Reference.IncidentID()}, i, name)
		assert.Equal(t, manager.ImportResult{}, result)
		d = incident.Draft{Name: "n", Alerts: []alert.Alert{titled("A", at(n+13, "south", "z"))}}
		once := manager.CommandID(name)
		for _, opts := range [][]manager.BulkOption{{manager.DryRun()}, {once}, {once}} {
			i, err = m.Create(ctx, kai, d, opts...)
			require.NoError(t, err, name)
			assert.Equal(t, incident.Incident{ID: i.ID}, i, name)
		}
		// A Scope keeps no actor from importing what was imported before, or an alert that is elsewhere.
		importer := manager.New(s, &manager.Options{Scope: scope})
		for range 2 {
			d := draft(n+5, at(n+15, "south", "y"), hiddenAlert)
			i, result, err := importer.Import(ctx, kai, d, manager.CommandID(name+"i"))
			require.NoError(t, err, name)
			assert.Equal(t, incident.Incident{ID: draft(n + 5).Reference.IncidentID()}, i, name)
			assert.Equal(t, manager.ImportResult{}, result)
		}
		i, result, err = m.Import(ctx, kai, draft(n+4, at(n+14, "north", "y")))
		require.NoError(t, err)
		assert.True(t, result.Created)
		assert.Equal(t, "theirs", i.Name)
	}
	consistent(t, s)
}

// A reason reaches the caller where the Authorizer chooses so, and else nothing of what it says.
func TestReasonsOfAnAuthorizer(t *testing.T) {
	m, s := open(t)
	id := spread(t, m, 1)[0]
	why := &manager.ForbiddenError{Reason: "an incident of high severity takes two people"}
	for _, c := range []struct {
		no   error
		told string
	}{
		{manager.ErrForbidden, ""},
		{fmt.Errorf("the owner is mona: %w", manager.ErrForbidden), ""},
		{why, why.Reason},
		{fmt.Errorf("the owner is mona: %w", why), why.Reason},
	} {
		no := guarded(s, func(activity.Actor, manager.Action, incident.Incident) error { return c.no })
		_, err := no.Edit(t.Context(), kai, id, incident.Edit{Name: new("n")})
		require.ErrorIs(t, err, manager.ErrForbidden)
		assert.NotContains(t, err.Error(), "mona")
		told, ok := errors.AsType[*manager.ForbiddenError](err)
		assert.Equal(t, c.told != "", ok)
		if ok {
			assert.Equal(t, c.told, told.Reason)
			assert.ErrorContains(t, err, c.told)
		}
	}
}

// A redirect that leads to no incident that is stored ends where it is, for those who may not read everything too.
func TestARedirectThatLeadsNowhere(t *testing.T) {
	m, s := open(t)
	lost := incident.Draft{
		Reference: incident.Reference{System: "x", ID: "0"}, Status: incident.Redirected,
		RedirectTo: incident.Reference{System: "x", ID: "nowhere"}, Tags: []incident.Tag{{Name: "a"}},
	}
	importing(t.Context(), t, m, lost)
	id := spread(t, m, 1)[0]
	_, err := m.Edit(t.Context(), kai, id, incident.Edit{AddTags: []string{"a"}})
	require.NoError(t, err)
	for name, o := range map[string]manager.Options{
		"a Scope": {Scope: func(context.Context, activity.Actor) (incident.Query, error) {
			return incident.Query{Tags: []string{"a"}}, nil
		}},
		"an Authorizer": {Authorizer: authorizing(func(_ activity.Actor, _ manager.Action, i incident.Incident) error {
			if i.HasTag("a") {
				return nil
			}
			return manager.ErrForbidden
		})},
	} {
		scoped := manager.New(s, &o)
		n, err := scoped.CountAlerts(t.Context(), kai, alert.Query{Incidents: []incident.ID{"x:0", id}})
		require.NoError(t, err, name)
		assert.Equal(t, 1, n)
		_, err = scoped.Purge(t.Context(), kai, incident.Query{}, farOff, "", manager.DryRun())
		require.NoError(t, err, name)
		for _, err := range []error{
			reading(scoped.Incidents(t.Context(), kai, incident.Query{Limit: -1})),
			reading(scoped.Alerts(t.Context(), kai, alert.Query{Limit: -1})),
			reading(scoped.Activity(t.Context(), kai, activity.Query{Limit: -1})),
		} {
			assert.ErrorIs(t, err, alert.ErrInvalid, name)
		}
	}
}

// An image is not shown because of a comment that was redacted, although a hidden comment keeps it.
func TestAViewShowsNoContentOfWhatWasRedacted(t *testing.T) {
	s := memory.New()
	defer s.Close()
	w := newTeam(t, s)
	m := manager.New(s, nil)
	same := incident.CommentDraft{Images: []incident.Image{picture("plan", white)}}
	_, err := m.Comment(t.Context(), kai, w.open, same)
	require.NoError(t, err)
	last := all(t, m.Activity(t.Context(), kai, activity.Query{Newest: true, Limit: 1}))[0].ID
	_, err = m.Redact(t.Context(), kai, last, "")
	require.NoError(t, err)
	scoped := manager.New(s, &manager.Options{Scope: func(context.Context, activity.Actor) (incident.Query, error) {
		return incident.Query{DeviceGroups: []string{"north"}}, nil
	}})
	require.NoError(t, scoped.View(t.Context(), kai, func(r storage.Reader) error {
		all(t, r.Activity(t.Context(), activity.Query{}))
		_, err := r.Content(t.Context(), digest(same.Images[0]))
		assert.ErrorIs(t, err, storage.ErrNotFound)
		return nil
	}))
	require.NotNil(t, stored(t, s, same.Images[0]))
}

// What an edit of many did to one that another of them was merged into is no conflict for that one.
func TestEditAllMeetsItsOwnEdit(t *testing.T) {
	m, _ := open(t)
	ids := apart(t, m, 2)
	_, err := m.Merge(t.Context(), kai, ids[1], ids[:1], "")
	require.NoError(t, err)
	q := incident.Query{
		IDs: ids, Statuses: []incident.Status{incident.Active, incident.Redirected},
		Sort: incident.ByNumber, Ascending: true,
	}
	results, err := m.EditAll(t.Context(), kai, q, incident.Edit{Status: new(incident.Resolved)})
	require.NoError(t, err)
	for _, r := range results {
		assert.Equal(t, ids[1], r.Incident.ID)
		assert.Equal(t, incident.Resolved, r.Incident.Status)
	}
}

// Alerts of an incident that was imported as merged away are its own: they can be moved, and not be edited there.
func TestAlertsOfAnIncidentImportedAsMergedAway(t *testing.T) {
	m, s := open(t)
	ref := func(id string) incident.Reference { return incident.Reference{System: "x", ID: id} }
	importing(t.Context(), t, m, incident.Draft{Reference: ref("T")})
	away := incident.Draft{Reference: ref("R"), Status: incident.Redirected, RedirectTo: ref("T")}
	away.Alerts = []alert.Alert{raise(1, 0)}
	importing(t.Context(), t, m, away)
	_, err := m.EditAlerts(t.Context(), kai, []alert.ID{"edr:1"}, incident.AlertEdit{Title: new("t")})
	require.ErrorIs(t, err, incident.ErrRedirected)
	i, err := m.MoveAlerts(t.Context(), kai, []alert.ID{"edr:1"}, "x:T", "")
	require.NoError(t, err)
	assert.Equal(t, 1, i.Alerts.Count)
	_, err = m.EditAlerts(t.Context(), kai, []alert.ID{"edr:1"}, incident.AlertEdit{Title: new("t")})
	require.NoError(t, err)
	consistent(t, s)
}

// That one incident cannot be merged says nothing about another that the same alert links.
func TestRefusalsAreOfPairs(t *testing.T) {
	m, s := open(t)
	device := func(id string) alert.Device { return alert.Device{DeviceID: id} }
	results := ingest(t, m, raise(0, 0, device("h")), raise(1, 0, device("v")), raise(2, 0, device("w")))
	for n, owner := range []string{"mona", "kai", "kai"} {
		_, err := m.Edit(t.Context(), kai, results[n].Incident, incident.Edit{Owner: &incident.Owner{ID: owner}})
		require.NoError(t, err)
	}
	again := ingest(t, m, raise(1, 0, device("v"), device("h"), device("w")))[0]
	for _, l := range again.Links {
		assert.Equal(t, l.Incident == results[0].Incident, strings.Contains(l.HeldBack, "mona"), "%+v", l)
	}
	i, err := m.Incident(t.Context(), kai, results[2].Incident)
	require.NoError(t, err)
	assert.Equal(t, results[1].Incident, i.ID)
	consistent(t, s)
}
