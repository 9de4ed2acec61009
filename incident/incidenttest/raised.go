package incidenttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
)

// A Raised says what an alert must have been like when it was raised. A field that is zero is not asked about.
type Raised struct {
	Title    string
	Severity alert.Severity
	Key      string // the ID of its Origin, by which its source tells a repeat; for a random one also "random-1"

	Category   string
	Techniques []string    // it may have more
	Entities   []alert.Key // it may have more
}

// WantAlert reports unless at least one alert that was raised is like that.
func (h *Harness) WantAlert(want Raised) {
	h.t.Helper()
	var nearest raised
	var differences []string
	for n, r := range h.raised {
		d := want.differences(r)
		if len(d) == 0 {
			return
		}
		if n == 0 || len(d) < len(differences) {
			nearest, differences = r, d
		}
	}
	if len(h.raised) == 0 {
		h.t.Errorf("no alert is like %s: none was raised", want)
		return
	}
	h.t.Errorf("no alert is like %s\n  the nearest is %q, raised at %s, but:\n    %s",
		want, shorten(nearest.alert.Title), clock(nearest.at), strings.Join(differences, "\n    "))
}

// String returns what is asked for, such as `{title "Mimikatz", severity high}`.
func (w Raised) String() string {
	var parts []string
	add := func(name, text string) {
		if text != "" {
			parts = append(parts, fmt.Sprintf("%s %q", name, shorten(text)))
		}
	}
	add("title", w.Title)
	if w.Severity != alert.Unrated {
		parts = append(parts, "severity "+w.Severity.String())
	}
	add("key", w.Key)
	add("category", w.Category)
	if len(w.Techniques) > 0 {
		parts = append(parts, "techniques "+quoted(w.Techniques))
	}
	for _, key := range w.Entities {
		add("entity", string(key))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (w Raised) differences(r raised) (all []string) {
	differ := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	a := r.alert
	if w.Title != "" && !same(w.Title, a.Title) {
		differ("title is %q", shorten(a.Title))
	}
	if w.Severity != alert.Unrated && w.Severity != a.Severity {
		differ("severity is %s", a.Severity)
	}
	if w.Key != "" && w.Key != r.key && w.Key != a.Origin.ID {
		differ("key is %q", a.Origin.ID)
	}
	if w.Category != "" && !sameCategory(w.Category, a.Category) {
		differ("category is %q", a.Category)
	}
	for _, id := range w.Techniques {
		if !hasTechnique(a.Techniques, id) {
			differ("techniques miss %q, there are %s", id, orNone(a.Techniques))
		}
	}
	for _, key := range w.Entities {
		if !slices.Contains(a.Keys(), key) {
			differ("entities miss %q, there are %s", key, orNone(keyTexts(entities(a))))
		}
	}
	return all
}

func keyTexts(keys []alert.Key) (all []string) {
	for _, key := range keys {
		all = append(all, string(key))
	}
	return all
}

// WantFired reports unless n alerts with that title were raised, repeats of one alert included.
func (h *Harness) WantFired(title string, n int) {
	h.t.Helper()
	fired := 0
	var all []string
	for _, r := range h.raised {
		all = append(all, r.alert.Title)
		if same(r.alert.Title, title) {
			fired++
		}
	}
	if fired != n {
		h.t.Errorf("%q fired %s, want %d; fired: %s",
			shorten(title), count(fired, "time"), n, orNone(times(all)))
	}
}

// WantNeverFired reports if an alert with that title was raised.
func (h *Harness) WantNeverFired(title string) {
	h.t.Helper()
	h.WantFired(title, 0)
}

// WantLogged reports unless the log has an entry that q selects and whose line contains text, whatever its
// case. The line is that of [Harness.Text] behind the incident's number, such as "#1". With "", every line
// does.
func (h *Harness) WantLogged(q activity.Query, text string) {
	h.t.Helper()
	queue := h.queue()
	var all, lines []string
	for _, e := range queue.entries() {
		line := queue.name(e.Incident) + " " + queue.line(e)
		all = append(all, line)
		if q.Match(e) {
			if strings.Contains(incident.Fold(line), incident.Fold(text)) {
				return
			}
			lines = append(lines, line)
		}
	}
	selected := len(lines)
	if selected == 0 {
		lines = all
	}
	if n := len(lines) - 5*mostTold; n > 0 {
		lines = append(lines[:5*mostTold:5*mostTold], fmt.Sprintf("and %d more", n))
	}
	query, err := json.Marshal(q)
	if err != nil {
		h.t.Fatalf("the query of the log: %v", err)
	}
	h.t.Errorf("no entry of %s contains %q; %d of all %d are selected:\n  %s",
		query, text, selected, len(all), strings.Join(lines, "\n  "))
}

// WantSound reports each violation that [manager.Check] finds: a change that no entry of the log tells, a number that
// does not fit the alerts of an incident, and so on.
func (h *Harness) WantSound() {
	h.t.Helper()
	for v, err := range manager.Check(h.t.Context(), h.Storage) {
		if err != nil {
			h.t.Fatalf("check the storage: %v", err)
		}
		h.t.Errorf("%s", v)
	}
}
