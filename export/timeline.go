package export

import (
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// timelineRows are the rows of a timeline that documents show. An attack of more steps is read in the list of alerts.
const timelineRows = 200

// A step is a row of the timeline: an alert, or alerts in sequence that are told in the same words.
type step struct {
	First, Last     time.Time
	Title, Category string
	Severity        alert.Severity
	Names           string // of main entities
	Alerts          int
}

// steps returns story with alerts of one title, category and severity put together that no other stands between.
func steps(story []Event) []step {
	var list []step
	for n := 0; n < len(story); {
		first := story[n]
		s := step{First: first.Time, Title: first.Alert, Category: first.Category, Severity: first.Severity}
		var names []string
		more := 0 // names that are not told
		for ; n < len(story) && alike(story[n], first); n++ {
			e := story[n]
			s.Alerts, s.Last, more = s.Alerts+1, e.Time, more+e.More
			for _, name := range e.Entities {
				switch {
				case s.Alerts > 1 && slices.Contains(names[:min(len(names), mainEntities)], name):
				case s.Alerts == 1 || len(names) < mainEntities:
					names = append(names, name)
				default:
					more++
				}
			}
		}
		s.Names = strings.Join(names, ", ")
		switch {
		case s.Alerts > 1 && more > 0: // these may be the same again
			s.Names += " and others"
		case more > 0:
			s.Names += " and " + grouped(more) + " more"
		}
		if s.Alerts > 1 {
			s.Title += " × " + grouped(s.Alerts)
		}
		list = append(list, s)
	}
	return list
}

func alike(a, b Event) bool {
	return a.Alert == b.Alert && a.Category == b.Category && a.Severity == b.Severity
}

// timeline returns the steps that documents show, and what they say before these of those that they do not.
func (d drawing) timeline() (list []step, remark string) {
	list = steps(d.r.Story)
	if len(list) <= timelineRows {
		return list, ""
	}
	remark = "The first " + shown(timelineRows, len(list)) + "."
	if slices.Contains(d.r.Sections, Alerts) {
		remark += " Related alerts has all of them."
	}
	return list[:timelineRows], remark
}

// when returns the time of s, and its end if it has one.
func (d drawing) when(s step) string { return join("\n", d.stamp(s.First), d.until(s.First, s.Last)) }
