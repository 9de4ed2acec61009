package manager_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/internal/phrase"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// classes are the rows of the table in the package's comment.
var classes = map[string]error{
	"storage.ErrUnknownOutcome": storage.ErrUnknownOutcome, "storage.ErrUnavailable": storage.ErrUnavailable,
	"storage.ErrClosed": storage.ErrClosed, "context.Canceled": context.Canceled,
	"context.DeadlineExceeded": context.DeadlineExceeded, "ErrForbidden": manager.ErrForbidden,
	"ErrCommandReused": manager.ErrCommandReused, "alert.ErrInvalid": alert.ErrInvalid,
	"storage.ErrConflict": storage.ErrConflict, "storage.ErrExists": storage.ErrExists,
	"incident.ErrRefused": incident.ErrRefused, "incident.ErrPurged": incident.ErrPurged,
	"storage.ErrNotFound": storage.ErrNotFound, "storage.ErrAhead": storage.ErrAhead,
}

// The table names each class once, and the status that the example gives it.
func TestTableOfErrors(t *testing.T) {
	source, err := os.ReadFile("manager.go")
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^//\t(\S*\.?\w+) +(\d{3}) `).FindAllStringSubmatch(string(source), -1)
	require.Len(t, rows, len(classes))
	for _, row := range rows {
		if class := classes[row[1]]; assert.Error(t, class, row[1]) {
			assert.Equal(t, row[2], fmt.Sprint(status(fmt.Errorf("wrapped: %w", class))), row[1])
		}
	}
}

// A refusing storage fails every Apply.
type refusing struct {
	storage.Storage
	err error
}

func (f refusing) Apply(context.Context, storage.Changeset) (storage.Receipt, error) {
	return storage.Receipt{}, f.err
}

// nothingFor allows nothing.
type nothingFor struct{}

func (nothingFor) Authorize(context.Context, activity.Actor, manager.Action, incident.Incident) error {
	return manager.ErrForbidden
}

func errorOf[T any](_ T, err error) error { return err }

// Each class comes of something that a caller does or meets. What the Manager says of it matches the class and those
// named with it, no other, and says nothing twice.
func TestClassesOfErrors(t *testing.T) {
	ctx := t.Context()
	m, s := open(t)
	host := func(n int) alert.Alert { return raise(n, 0, alert.Device{DeviceID: fmt.Sprint(n)}) }
	results := ingest(t, m, host(1), host(2), host(3))
	id, other, gone := results[0].Incident, results[1].Incident, results[2].Incident
	done := incident.Edit{Status: new(incident.Resolved)}
	_, err := m.Edit(ctx, kai, gone, done)
	require.NoError(t, err)
	_, err = m.Purge(ctx, kai, incident.Query{}, farOff, "old")
	require.NoError(t, err)
	_, err = m.Comment(ctx, kai, id, incident.CommentDraft{Text: "one"}, manager.CommandID("X"))
	require.NoError(t, err)
	canceled, stop := context.WithCancel(ctx)
	stop()
	late, stop := context.WithDeadline(ctx, start.AddDate(-10, 0, 0))
	defer stop()
	closed := memory.New()
	require.NoError(t, closed.Close())
	over := func(class error) *manager.Manager {
		return manager.New(refusing{s, &driver.Failure{Class: class, Text: "broken"}}, nil)
	}
	elsewhere := incident.Query{Sort: incident.ByNumber}.CursorAfter(incident.Incident{})
	forbidding := manager.New(s, &manager.Options{Authorizer: nothingFor{}})

	comment := func(m *manager.Manager, ctx context.Context, id incident.ID, opts ...manager.Option) error {
		_, err := m.Comment(ctx, kai, id, incident.CommentDraft{Text: "text"}, opts...)
		return err
	}
	edit := func(id incident.ID, e incident.Edit, opts ...manager.Option) error {
		_, err := m.Edit(ctx, kai, id, e, opts...)
		return err
	}
	create := func(d incident.Draft, opts ...manager.BulkOption) error {
		_, err := m.Create(ctx, kai, d, opts...)
		return err
	}
	merge := func(sources ...incident.ID) error {
		_, err := m.Merge(ctx, kai, id, sources, "")
		return err
	}
	list := func(q incident.Query) error {
		for _, err := range m.Incidents(ctx, kai, q) {
			return err
		}
		return nil
	}
	at := func(id incident.ID, seq int64) error {
		_, err := m.At(ctx, kai, id, seq)
		return err
	}
	found := make(map[error]bool)
	for n, c := range []struct {
		err  error
		want []error
	}{
		{comment(over(storage.ErrUnknownOutcome), ctx, id), []error{storage.ErrUnknownOutcome}},
		{comment(over(storage.ErrUnavailable), ctx, id), []error{storage.ErrUnavailable}},
		{comment(manager.New(closed, nil), ctx, id), []error{storage.ErrClosed}},
		{comment(m, canceled, id), []error{context.Canceled}},
		{comment(m, late, id), []error{context.DeadlineExceeded}},
		{comment(forbidding, ctx, id), []error{manager.ErrForbidden}},
		{comment(m, ctx, id, manager.CommandID("X")), []error{manager.ErrCommandReused}},
		{edit(id, incident.Edit{Name: new(strings.Repeat("x", incident.MaxName+1))}), []error{alert.ErrInvalid}},
		{edit(id, incident.Edit{Verdict: &classification.Verdict{Classification: "odd"}}), []error{alert.ErrInvalid}},
		{edit(id, done, manager.CommandID("\xff")), []error{alert.ErrInvalid}},
		{errorOf(m.Ingest(ctx, siem, make([]alert.Alert, 2))), []error{alert.ErrInvalid}},
		{list(incident.Query{After: elsewhere}), []error{alert.ErrInvalid}},
		{edit(id, done, manager.IfVersion(70)), []error{storage.ErrConflict}},
		{create(incident.Draft{Name: "n", Alerts: []alert.Alert{raise(1, 0)}}), []error{storage.ErrExists}},
		{
			create(incident.Draft{Name: "n", Alerts: []alert.Alert{raise(1, 0)}}, manager.DryRun()),
			[]error{storage.ErrExists},
		},
		{merge(id), []error{incident.ErrRefused}},
		{merge(gone), []error{incident.ErrRefused, incident.ErrPurged}},
		{edit(gone, incident.Edit{Name: new("n")}), []error{incident.ErrPurged}},
		{at(gone, 1), []error{incident.ErrPurged}},
		{edit("none", done), []error{storage.ErrNotFound}},
		{merge("none", "neither"), []error{storage.ErrNotFound}},
		{at(other, 1), []error{storage.ErrNotFound}},
		{errorOf(m.Redact(ctx, kai, "none", "")), []error{storage.ErrNotFound}},
		{reading(m.Follow(ctx, kai, activity.Query{AfterSeq: 1000})), []error{storage.ErrAhead}},
		{errorOf(m.EditAlerts(ctx, kai, []alert.ID{"none"}, incident.AlertEdit{})), []error{storage.ErrNotFound}},
		{errorOf(m.MoveAlerts(ctx, kai, []alert.ID{"none"}, id, "")), []error{storage.ErrNotFound}},
	} {
		for name, class := range classes {
			found[class] = found[class] || errors.Is(c.err, class)
			want := false
			for _, w := range c.want {
				want = want || w == class
			}
			assert.Equal(t, want, errors.Is(c.err, class), "case %d, %s: %v", n, name, c.err)
		}
		if assert.Error(t, c.err, "case %d", n) {
			assert.Empty(t, phrase.Twice(c.err.Error()), c.err.Error())
		}
	}
	for name, class := range classes {
		assert.True(t, found[class], "%s is provoked", name)
	}
}
