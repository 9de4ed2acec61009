package words

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// SummaryPath begins the paths of what an incident's alerts come to.
const SummaryPath = "alerts."

// Field returns a field of a change in words.
func Field(path string) string {
	switch path {
	case "owner":
		return "Assigned to"
	case "alerts.count":
		return "Alerts"
	case "renamed":
		return "Name locked"
	case "severityOverridden":
		return "Severity set manually"
	case "named":
		return "Name given by the source"
	case "severityGiven":
		return "Severity given by the source"
	case "note":
		return "Resolution note"
	case "edited":
		return "Edited manually"
	}
	name := path
	if rest, ok := strings.CutPrefix(path, SummaryPath); ok {
		name = rest
	} else if i := strings.LastIndexByte(path, '.'); i >= 0 {
		name = path[i+1:]
	}
	return Title(name)
}

// A Vocabulary says what depends on the report.
type Vocabulary struct {
	Code func(code string) string // a classification or a determination in the words of the taxonomy
	Time func(time.Time) string
	Text func(source string) string // what was written as Markdown
}

// Value returns the value of a field as people would say it. What it does not know stays as it is.
func (v Vocabulary) Value(path string, of activity.Value) string {
	if of == "" {
		return ""
	}
	value, ok := decoded(of)
	if !ok {
		return string(of)
	}
	text, ok := value.(string)
	if !ok {
		return spoken(value)
	}
	switch path {
	case "severity", "status":
		return Title(text)
	case "category":
		return alert.CategoryTitle(text)
	case "verdict.classification", "verdict.determination":
		return v.Code(text)
	case "description", "note", "recommendedActions":
		return v.Text(text)
	}
	if t, ok := TimeIn(path, of); ok {
		return v.Time(t)
	}
	return text
}

// TimeIn returns the time that the value of a field is, and whether it is one.
func TimeIn(path string, of activity.Value) (time.Time, bool) {
	switch path {
	case "resolved", "created", "firstActivity", "lastActivity", "sourceUpdated", "alerts.firstActivity", "alerts.lastActivity":
		var t time.Time
		err := json.Unmarshal([]byte(of), &t)
		return t, err == nil && of != "" && of != "null"
	}
	return time.Time{}, false
}

func decoded(v activity.Value) (value any, ok bool) {
	d := json.NewDecoder(strings.NewReader(string(v)))
	d.UseNumber()
	err := d.Decode(&value)
	return value, err == nil
}

// spoken returns a value of JSON in words: lists with commas, objects by their name or member by member.
func spoken(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = spoken(e)
		}
		return strings.Join(texts, ", ")
	case map[string]any:
		name, _ := v["name"].(string)
		id, _ := v["id"].(string)
		if text := Person(name, id); text != "" {
			if system, ok := v["system"].(string); ok {
				return system + " " + text
			}
			return text
		}
		var texts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			texts = append(texts, Title(k)+" "+spoken(v[k]))
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprint(value)
}

// Difference returns what is only in one of two lists, in words. It is empty unless both have something.
func Difference(c activity.Change) (added, removed []string) {
	was, is := listIn(c.Before), listIn(c.After)
	if len(was) == 0 || len(is) == 0 {
		return nil, nil
	}
	return without(is, was), without(was, is)
}

func listIn(v activity.Value) (texts []string) {
	value, _ := decoded(v)
	list, _ := value.([]any)
	for _, e := range list {
		texts = append(texts, spoken(e))
	}
	return texts
}

// without returns what is in list and not in other.
func without(list, other []string) (rest []string) {
	known := make(map[string]bool, len(other))
	for _, s := range other {
		known[s] = true
	}
	for _, s := range list {
		if !known[s] {
			rest = append(rest, s)
		}
	}
	return rest
}

// Boolean reports whether a value is yes or no, or nothing.
func Boolean(v activity.Value) bool { return v == "" || v == "null" || v == "true" || v == "false" }
