// Copy moves everything from one storage to another: incidents, alerts, comments with their images, the whole log and
// the items of programs, with all numbers as they are.
//
//	copy -from sqlite:FILE|postgres://… -to sqlite:FILE|postgres://…
//
// Run again, it brings the other up to date, also after it was interrupted. Where it copies from may be in use
// meanwhile. Exit status: 0; 1 when not everything was copied; 2 when it could not begin.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/incidentkit/incidentkit/examples/db"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("copy", flag.ContinueOnError)
	flags.SetOutput(stderr)
	from := flags.String("from", "memory:", "copy this storage: "+db.Usage)
	to := flags.String("to", "memory:", "to this one: "+db.Usage)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if file, ok := strings.CutPrefix(*from, "sqlite:"); ok {
		if _, err := os.Stat(file); err != nil { // opened, it would be made
			fmt.Fprintln(stderr, "copy:", err)
			return 2
		}
	}
	src, err := db.Open(ctx, *from)
	if err == nil {
		defer src.Close()
		var dst storage.Storage
		if dst, err = db.Open(ctx, *to); err == nil {
			defer dst.Close()
			return move(ctx, dst, src, stdout, stderr)
		}
	}
	fmt.Fprintln(stderr, "copy:", err)
	return 2
}

// move copies src to dst and looks over what is there then.
func move(ctx context.Context, dst, src storage.Storage, stdout, stderr io.Writer) int {
	empty := true
	for done, err := range storage.Copy(ctx, dst, src) {
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		empty = done.OfIncidents == 0 && done.OfEntries == 0 && done.Items == 0
		fmt.Fprintf(stdout,
			"%d of %d incidents, %d alerts, %d of %d entries of the log, %d items; %d records written\n",
			done.Incidents, done.OfIncidents, done.Alerts, done.Entries, done.OfEntries, done.Items, done.Written)
	}
	if empty {
		fmt.Fprintln(stdout, "There is nothing to copy.")
		return 0
	}
	var errs []error
	for v, err := range manager.Check(ctx, dst) {
		if err == nil {
			err = errors.New(v.String())
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, "The copy was checked: the log tells every incident, field by field.")
	return 0
}
