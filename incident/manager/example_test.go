package manager_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// status returns the status of HTTP for an error of a Manager.
func status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	for _, class := range []struct {
		err    error
		status int
	}{
		{storage.ErrUnknownOutcome, http.StatusGatewayTimeout},
		{storage.ErrUnavailable, http.StatusServiceUnavailable},
		{storage.ErrClosed, http.StatusServiceUnavailable},
		{context.Canceled, 499}, // of no standard; the client is gone
		{context.DeadlineExceeded, http.StatusGatewayTimeout},
		{manager.ErrForbidden, http.StatusForbidden},
		{manager.ErrCommandReused, http.StatusUnprocessableEntity},
		{alert.ErrInvalid, http.StatusBadRequest},
		{storage.ErrConflict, http.StatusConflict},
		{storage.ErrExists, http.StatusConflict},
		{incident.ErrRefused, http.StatusConflict},
		{incident.ErrPurged, http.StatusGone},
		{storage.ErrNotFound, http.StatusNotFound},
		{storage.ErrAhead, http.StatusConflict},
	} {
		if errors.Is(err, class.err) {
			return class.status
		}
	}
	return http.StatusInternalServerError
}

// A program with HTTP maps the classes of errors to a status, in the order of the table.
func Example_status() {
	ctx, kai := context.Background(), activity.Actor{ID: "kai@contoso.com"}
	m := manager.New(memory.New(), nil)
	_, err := m.Comment(ctx, kai, "none", incident.CommentDraft{Text: "Is it there?"})
	fmt.Println(status(err), err)
	i, err := m.Create(ctx, kai, incident.Draft{Name: "Phishing"})
	fmt.Println(status(err), err)
	_, err = m.Edit(ctx, kai, i.ID, incident.Edit{Name: new("")}, manager.IfVersion(7))
	fmt.Println(status(err))
	// Output:
	// 404 comment: storage: incident none: not found
	// 200 <nil>
	// 409
}

// Each team reads the incidents of its own devices: in lists and counts, and in the reports that are made of them.
func ExampleScope() {
	ctx := context.Background()
	teams := map[string][]string{"kai": {"north"}, "mona": {"south"}, "head": nil}
	m := manager.New(memory.New(), &manager.Options{
		Scope: func(_ context.Context, by activity.Actor) (incident.Query, error) {
			groups, known := teams[by.ID]
			if !known {
				return incident.Query{}, manager.ErrForbidden // may read nothing
			}
			return incident.Query{DeviceGroups: groups}, nil // without groups, everything
		},
	})
	var alerts []alert.Alert
	for n, group := range []string{"north", "north", "south"} {
		device := alert.Device{DeviceID: fmt.Sprint("host-", n), Group: group}
		alerts = append(alerts, alert.Alert{
			Origin: alert.Origin{Source: "edr", ID: fmt.Sprint(n)}, Title: "Malware", Severity: alert.High,
			Evidence: []alert.Evidence{{Entity: device}},
		})
	}
	sensor := activity.Actor{Kind: activity.App, ID: "edr"}
	results, err := m.Ingest(ctx, sensor, alerts)
	fmt.Println(results[0].Outcome, err)
	for _, id := range []string{"kai", "mona", "head", "edr"} {
		n, err := m.Count(ctx, activity.Actor{ID: id}, incident.Query{})
		fmt.Println(id, n, err)
	}
	// Output:
	// taken <nil>
	// kai 2 <nil>
	// mona 1 <nil>
	// head 3 <nil>
	// edr 0 <nil>
}
