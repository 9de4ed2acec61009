package export

import (
	"slices"
	"time"
)

// offset returns what the titles of columns say of the times below them, " (UTC)" or " (+09:00)": the offset from UTC that all
// times of the report's lists have, "" if there are several.
func offset(r Report) string {
	if r.TimeZone == "UTC" || r.TimeZone == "" {
		return " (UTC)"
	}
	found := ""
	same := true
	look := func(times ...time.Time) {
		for _, t := range times {
			if t.IsZero() {
				continue
			}
			at := t.Format(" (-07:00)")
			same = same && (found == "" || found == at)
			found = at
		}
	}
	for _, m := range slices.Concat(r.MergedFrom, r.MergedInto) {
		look(m.Time)
	}
	for _, e := range r.Story {
		look(e.Time)
	}
	for _, a := range r.Alerts {
		look(a.First, a.Last)
	}
	for _, a := range r.Activity {
		look(a.Time)
	}
	if !same {
		return ""
	}
	return found
}
