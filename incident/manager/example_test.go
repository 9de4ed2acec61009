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
