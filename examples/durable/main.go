// Durable keeps incidents where they outlive the program: in a file, or in PostgreSQL. Run it twice, and the second run
// finds what the first has kept.
//
//	durable [-db sqlite:FILE|postgres://…|memory:]
//
// Without -db it keeps them in the file incidents.db of the current folder. The -db flag chooses between three lines; a
// program that has decided contains one of them, and changes nothing else to use another:
//
//	store := memory.New()
//	store, err := sqlite.Open(ctx, "incidents.db", nil)
//	store, err := postgres.Open(ctx, "postgres://…", nil)
//
// Exit status: 0, or 2 when the storage cannot be opened, read or written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/examples/db"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("durable", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("db", "sqlite:incidents.db", "keep the incidents in this storage: "+db.Usage)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	store, err := db.Open(ctx, *name) // the one line
	if err == nil {
		err = errors.Join(work(ctx, manager.New(store, nil), stdout), store.Close())
	}
	if err != nil {
		fmt.Fprintln(stderr, "durable:", err)
		return 2
	}
	return 0
}

// Who does what.
var (
	siem = activity.Actor{Kind: activity.App, ID: "siem"}
	kai  = activity.Actor{ID: "kai@contoso.com", Name: "Kai"}
)

// work takes the same alert in every time, comments on their incident, and prints what is kept of it.
func work(ctx context.Context, m *manager.Manager, out io.Writer) error {
	results, err := m.Ingest(ctx, siem, []alert.Alert{{
		Origin: alert.Origin{Source: "siem", ID: "4711"}, Title: "Logon from two countries", Severity: alert.Medium,
		Created: time.Date(2026, 3, 2, 8, 14, 7, 0, time.UTC),
	}})
	if err != nil {
		return err
	}
	id := results[0].Incident
	if _, err := m.Comment(ctx, kai, id, incident.CommentDraft{Text: "Seen again."}); err != nil {
		return err
	}
	i, err := m.Incident(ctx, kai, id)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Alert 4711 %s incident #%d, which was created at %s UTC.\n",
		results[0].Outcome, i.Number, i.Created.UTC().Format(time.DateTime))
	comments := 0
	query := activity.Query{Incidents: []incident.ID{id}, Types: []activity.Type{activity.Commented}}
	for _, err := range m.Activity(ctx, kai, query) {
		if err != nil {
			return err
		}
		comments++
	}
	fmt.Fprintf(out, "Comments that are kept: %d\n", comments)
	return nil
}
