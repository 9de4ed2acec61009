package export

import (
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// fold puts together entries that one command caused, in the order of their first. An entry that says
// something of its own stays alone: a comment, what is attached, redacted or imported. Entries without a
// cause stay alone, too.
func fold(entries []activity.Entry) [][]activity.Entry {
	type cause struct {
		command string
		actor   activity.Actor
		origin  alert.IncidentID
		time    int64
	}
	places := make(map[cause]int)
	var folded [][]activity.Entry
	for _, e := range entries {
		c := cause{e.Cause, e.Actor, e.Origin, instant(e.Time)}
		alone := e.Cause == "" || e.Type == activity.Commented || e.Redacted || len(e.Attachments) > 0 || !e.Occurred.IsZero()
		at, ok := places[c]
		if ok && !alone {
			folded[at] = append(folded[at], e)
			continue
		}
		if !alone {
			places[c] = len(folded)
		}
		folded = append(folded, []activity.Entry{e})
	}
	return folded
}

// instant tells times apart.
func instant(t time.Time) int64 { return t.Unix()*1_000_000 + int64(t.Nanosecond()/1000) }

// leading returns, of a mixture of entries about alerts and others, those that are like the first: the rest
// follows from them.
func leading(entries []activity.Entry) (list []activity.Entry) {
	for _, e := range entries {
		if (e.Alert != "") == (entries[0].Alert != "") {
			list = append(list, e)
		}
	}
	return list
}

// A stretch is what the log tells as one: what one command did, or several in sequence that only added alerts.
type stretch struct {
	entries []activity.Entry
	last    time.Time // of its entries
	deeds   int       // commands
}

// stretches returns the log in stretches. What one program added alert by alert, with nothing in between, is one.
func stretches(entries []activity.Entry) (list []stretch) {
	adds := func(group []activity.Entry) bool {
		return group[0].Type == activity.AlertAdded && group[0].Trigger() == activity.Automated
	}
	for _, g := range fold(entries) {
		if n := len(list) - 1; n >= 0 && adds(g) && adds(list[n].entries) && list[n].entries[0].Actor == g[0].Actor &&
			list[n].entries[0].Origin == g[0].Origin && sameDay(list[n].entries[0].Time, g[0].Time) {
			list[n].entries = append(list[n].entries, g...)
			list[n].last, list[n].deeds = g[0].Time, list[n].deeds+1
			continue
		}
		list = append(list, stretch{g, g[0].Time, 1})
	}
	return list
}

// sameDay reports whether two times are on one day of their own clocks.
func sameDay(a, b time.Time) bool {
	const day = "2006-01-02"
	return a.Format(day) == b.Format(day)
}
