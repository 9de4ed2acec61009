package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// failed returns err of the database, or the error of the context if that is done. conn is the connection that was
// used, nil where there is none.
func failed(ctx context.Context, conn *pgx.Conn, err error) error {
	if err == nil {
		return nil
	}
	if over := ctx.Err(); over != nil && !errors.Is(err, storage.ErrUnknownOutcome) {
		return &driver.Failure{Class: over, Text: "storage/postgres: " + over.Error(), Cause: err}
	}
	return fmt.Errorf("storage/postgres: %w", reason(conn, err))
}

// unknown returns the error of a commit that was sent and not answered.
func unknown(ctx context.Context, err error) error {
	why := "the connection was lost during the commit"
	if over := ctx.Err(); over != nil {
		why, err = over.Error(), fmt.Errorf("%w: %w", over, err)
	}
	return &driver.Failure{
		Class: storage.ErrUnknownOutcome, Cause: err,
		Text: "storage/postgres: " + why + "; it is unknown whether the Changeset was kept",
	}
}

// reason returns err with its class. The driver and the server name users, hosts and databases in some texts, which are
// replaced.
func reason(conn *pgx.Conn, err error) error {
	if _, done := errors.AsType[*driver.Failure](err); done {
		return err
	}
	if _, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		return &driver.Failure{Class: alert.ErrInvalid, Text: "the DSN cannot be parsed", Cause: err}
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer(e, connecting, err)
	}
	text := "the connection was lost"
	switch {
	case connecting && errors.Is(err, syscall.ECONNREFUSED):
		text = "connection refused"
	case connecting && pgconn.Timeout(err):
		text = "no connection in time"
	case connecting:
		text = "cannot connect"
	case !lost(err) && (conn == nil || !conn.IsClosed()):
		return err
	}
	return &driver.Failure{Class: storage.ErrUnavailable, Text: text, Cause: err}
}

// lost reports whether err is one of the network.
func lost(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || pgconn.SafeToRetry(err)
}

// answer is reason for an error that the server sent: e, in err.
func answer(e *pgconn.PgError, connecting bool, err error) error {
	fatal := cmp.Or(e.SeverityUnlocalized, e.Severity) != "ERROR"
	class, text := storage.ErrUnavailable, ""
	switch e.Code {
	case "40001":
		text = "serialization failure"
	case "40P01":
		text = "deadlock"
	case "25006":
		text = "the server is read-only"
	case "53100":
		text = "the disk of the server is full"
	case "53300":
		text = "too many connections"
	case "55P03":
		text = "a lock was not to be had in time"
	case "57014":
		text = "the server canceled the statement"
	case "57P01", "57P02", "57P03":
		text = "the server is starting or shutting down"
	case "42501", "42704": // what is missing may be a right on the database, or the role
		class, text = nil, "the server refused it"
	default:
		switch {
		case connecting:
			text = "the server refused the connection"
		case strings.HasPrefix(e.Code, "53"):
			text = "the server is out of resources"
		case fatal || strings.HasPrefix(e.Code, "08"):
			text = "the server ended the connection"
		case strings.HasPrefix(e.Code, "28"), strings.HasPrefix(e.Code, "3D"):
			class, text = nil, "the server refused it"
		default:
			return err
		}
	}
	return &driver.Failure{Class: class, Text: fmt.Sprintf("%s (SQLSTATE %s)", text, e.Code), Cause: err}
}
