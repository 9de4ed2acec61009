// Defender goes through the article "Manage incidents in Microsoft Defender", heading by heading, and does each of
// its tasks with the library instead of the portal. What it prints reads as the story of one morning.
//
//	defender [-o DIR] [-db memory:|sqlite:FILE|postgres://…]
//
// With -o, the PDF of the last task is written to that folder as incident-1.pdf. The storage of -db must be empty; the
// story is the same in each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/examples/db"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

func main() {
	dir := flag.String("o", "", "write the PDF to this folder")
	name := flag.String("db", "memory:", "keep the incidents in this storage: "+db.Usage)
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *name, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "defender:", err)
		os.Exit(1)
	}
}

// run tells the whole story.
func run(ctx context.Context, out io.Writer, name, dir string) (err error) {
	store, err := db.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	d := &desk{ctx: ctx, out: out, store: store, now: morning, dir: dir}
	ids := 0
	d.m = manager.New(store, &manager.Options{
		Now:       func() time.Time { return d.now },
		NewID:     func() string { ids++; return fmt.Sprintf("%04d", ids) },
		Directory: staff{},
		Policy:    incident.Policy{NoteToResolve: true},
	})
	for _, task := range tasks {
		fmt.Fprintf(out, "%s\n%s\n\n", task.heading, strings.Repeat(task.rule(), len(task.heading)))
		if task.do == nil {
			continue
		}
		d.now = d.now.Add(5 * time.Minute)
		if err := task.do(d); err != nil {
			return fmt.Errorf("%s: %w", task.heading, err)
		}
		fmt.Fprintln(out)
	}
	return nil
}

// Who is at work.
var (
	kai  = activity.Actor{ID: "kai@contoso.com", Name: "Kai"}
	siem = activity.Actor{Kind: activity.App, ID: "siem"}
)

// A desk is what the analysts of the story work at.
type desk struct {
	ctx   context.Context
	out   io.Writer
	store storage.Storage
	m     *manager.Manager
	now   time.Time
	dir   string // for the PDF; "" means that nobody keeps it

	attack, mail, lab3, lab4, transfer incident.ID // the incidents of the story
}

func (d *desk) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// staff is the directory of the organisation.
type staff struct{}

// Find looks among the people and groups of security operations.
func (staff) Find(_ context.Context, text string, limit int) (found []incident.Owner, err error) {
	for _, o := range []incident.Owner{
		{ID: "kai@contoso.com", Name: "Kai"}, {ID: "kim@contoso.com", Name: "Kim"}, {ID: "mira@contoso.com", Name: "Mira"},
		{Kind: alert.GroupOwner, ID: "tier2@contoso.com", Name: "Tier 2"},
	} {
		if len(found) < limit && strings.Contains(strings.ToLower(o.Name+" "+o.ID), strings.ToLower(text)) {
			found = append(found, o)
		}
	}
	return found, nil
}
