package incident

import (
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/activity"
)

// Purge returns the effect of removing i for good when it was resolved before a time: its alerts and all that its log
// says go, and what stays of it is a tombstone, an incident of the status Purged that has its ID, Number, Version and
// Created and nothing else, and the skeleton of its log, see [activity.Entry.Skeleton]. The purge itself is logged,
// with the reason, which may be "" and is at most [MaxComment] code points.
//
// end is the incident that i leads to, i itself unless it was merged into another: what was merged goes when that one
// goes, or has gone, and not before. An incident that is kept has a zero effect. Comments that a merge has copied
// into another incident are that one's, and stay with it.
//
// An ID is never given again, so that a source that reports the same incident once more does not bring it back; an
// alert that is reported again is a new one.
func Purge(cmd Command, i, end Incident, before time.Time, reason string) (Effect, error) {
	p := problems{record: "incident " + string(i.ID)}
	p.text("reason", reason, MaxComment)
	if err := p.err(); err != nil {
		return Effect{}, err
	}
	expired := end.Status == Purged || end.Status == Resolved && end.Resolved.Before(before)
	if i.Status == Purged || !expired {
		return Effect{Incident: i}, nil
	}
	left := Incident{ID: i.ID, Version: i.Version, Number: i.Number, Status: Purged, Created: i.Created, Updated: cmd.At}
	j := journal{cmd: cmd, id: i.ID, version: i.Version + 1}
	e := j.add(activity.Purged, "")
	e.Text = reason
	for _, c := range Diff(Incident{}, left) {
		if c.Field == "status" {
			c.Before = valueOf(i.Status)
		}
		e.Changes = append(e.Changes, c)
	}
	return Effect{Incident: left, Activity: j.entries, Purge: true}, nil
}

// closed reports that i is one that nobody works on any more.
func closed(i Incident) error {
	switch i.Status {
	case Redirected:
		return fmt.Errorf("%w: %s leads to %s", ErrRedirected, i.ID, i.RedirectTo)
	case Purged:
		return fmt.Errorf("%w: %s, at %s", ErrPurged, i.ID, i.Updated.Format(time.RFC3339))
	}
	return nil
}
