package incident

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// Values returns q as the parameters of a URL, so that a queue can be passed on as a link; [ParseQuery] reads
// them. A parameter is named after its field, a list in the singular: "severity=high&severity=medium".
// Each value of a list is a parameter of its own, times are RFC 3339 in UTC, and each query of Within and Except is
// the encoded parameters of its filters. What is zero is left out.
//
// Of References only System and ID are written. Values that are no constant of their type, and times outside
// the years 0 to 9999, are written but cannot be read again.
func (q Query) Values() url.Values {
	v := make(url.Values)
	for _, p := range slices.Concat(filterParams(), orderParams) {
		if texts := p.write(&q); len(texts) > 0 {
			v[p.name] = texts
		}
	}
	for name, queries := range q.nested() {
		for _, x := range *queries {
			x.Sort, x.Ascending, x.After, x.Limit = 0, false, Cursor{}, 0
			v.Add(name, x.Values().Encode())
		}
	}
	return v
}

// ParseQuery returns the query that the parameters of a URL ask for, in the names that [Query.Values] gives
// them. Names of constants are read whatever the case of their letters. No parameters give the zero Query.
//
// All that cannot be read is reported at once: an unknown parameter, one value too many or a value that is
// wrong as an [*alert.FieldError] whose Field is the parameter's name, with "within." or "except." before it inside
// such a query, and a cursor that is none or is for another order as an error that matches [ErrCursor].
func ParseQuery(v url.Values) (Query, error) {
	p := problems{record: "query"}
	q := parseParams(&p, "", v, slices.Concat(filterParams(), orderParams))
	if text := v.Get(after); text != "" {
		if err := q.After.UnmarshalText([]byte(text)); err != nil {
			p.errs = append(p.errs, fmt.Errorf("query: %s: %w", after, err))
		} else if _, _, err := q.Start(); err != nil {
			p.errs = append(p.errs, fmt.Errorf("query: %s: %w", after, err))
		}
	}
	if err := p.err(); err != nil {
		return Query{}, err
	}
	return q, nil
}

func parseParams(p *problems, prefix string, v url.Values, params []param) (q Query) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if queries := q.nested()[name]; queries != nil {
			for _, text := range v[name] {
				x, err := url.ParseQuery(text)
				if err != nil {
					p.add(prefix+name, text, "the parameters of a query")
					continue
				}
				*queries = append(*queries, parseParams(p, prefix+name+".", x, filterParams()))
			}
			continue
		}
		i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
		if i < 0 {
			p.add(prefix+name, strings.Join(v[name], " "), "no such parameter")
			continue
		}
		if len(v[name]) > 1 && !params[i].list {
			p.add(prefix+name, strings.Join(v[name], " "), "one value")
			continue
		}
		for _, text := range v[name] {
			if want := params[i].read(&q, text); want != "" {
				p.add(prefix+name, text, want)
			}
		}
	}
	return q
}

// A param is a parameter of a URL and the field of a query that it stands for.
type param struct {
	name  string
	list  bool
	write func(*Query) []string
	read  func(q *Query, text string) (want string) // "" when text could be read
}

// after is not read by itself: a cursor needs the order.
const after = "after"

// nested returns where the queries in q are, by the name of their parameter. They can be set through its pointers.
func (q *Query) nested() map[string]*[]Query {
	return map[string]*[]Query{"within": &q.Within, "except": &q.Except}
}

// filterParams are those of the filters, for a query in another too.
var filterParams = sync.OnceValue(func() []param {
	all := []param{
		textParam("id", func(q *Query) *[]ID { return &q.IDs }),
		listParam("number", func(q *Query) *[]int64 { return &q.Numbers },
			func(n int64) string { return strconv.FormatInt(n, 10) },
			whole),
		nameParam("status", func(q *Query) *[]Status { return &q.Statuses }, ParseStatus),
		nameParam("severity", func(q *Query) *[]alert.Severity { return &q.Severities }, alert.ParseSeverity),
		nameParam("alertSeverity", func(q *Query) *[]alert.Severity { return &q.AlertSeverities }, alert.ParseSeverity),
		textParam("alertClassification", func(q *Query) *[]classification.Classification {
			return &q.AlertClassifications
		}),
		countParam("priorityMin", func(q *Query) *int { return &q.PriorityMin }),
		countParam("priorityMax", func(q *Query) *int { return &q.PriorityMax }),
		textParam("owner", func(q *Query) *[]string { return &q.Owners }),
		flagParam("unassigned", func(q *Query) *bool { return &q.Unassigned }),
		textParam("tag", func(q *Query) *[]string { return &q.Tags }),
		textParam("classification", func(q *Query) *[]classification.Classification { return &q.Classifications }),
		textParam("determination", func(q *Query) *[]classification.Determination { return &q.Determinations }),
		nameParam(
			"criticality",
			func(q *Query) *[]alert.Criticality { return &q.Criticalities },
			alert.ParseCriticality,
		),
		flagParam("multipleSources", func(q *Query) *bool { return &q.MultipleSources }),
		flagParam("multipleCategories", func(q *Query) *bool { return &q.MultipleCategories }),
		textParam("entity", func(q *Query) *[]alert.Key { return &q.Entities }),
		listParam("reference", func(q *Query) *[]Reference { return &q.References },
			func(r Reference) string { return string(r.IncidentID()) }, parseReference),
		{"text", false,
			func(q *Query) []string { return unless(q.Text == "", q.Text) },
			func(q *Query, text string) string { q.Text = text; return "" }},
		timeParam("createdSince", func(q *Query) *time.Time { return &q.CreatedSince }),
		timeParam("createdUntil", func(q *Query) *time.Time { return &q.CreatedUntil }),
		timeParam("updatedSince", func(q *Query) *time.Time { return &q.UpdatedSince }),
		timeParam("updatedUntil", func(q *Query) *time.Time { return &q.UpdatedUntil }),
	}
	for l, called := range listNames {
		all = append(all, textParam(called.param, func(q *Query) *[]string { return q.Lists()[l] }))
	}
	return all
})

var orderParams = []param{
	{"sort", false,
		func(q *Query) []string { return unless(q.Sort == ByUpdated, q.Sort.String()) },
		func(q *Query, text string) (want string) { q.Sort, want = readName(text, ParseSort); return want }},
	flagParam("ascending", func(q *Query) *bool { return &q.Ascending }),
	{after, false,
		func(q *Query) []string {
			text, err := q.After.MarshalText()
			return unless(err != nil || len(text) == 0, string(text)) // a Sort that is no constant cannot be written
		},
		func(*Query, string) string { return "" }},
	countParam("limit", func(q *Query) *int { return &q.Limit }),
}

func listParam[T any](name string, list func(*Query) *[]T, write func(T) string, read func(string) (v T, want string)) param {
	return param{name, true,
		func(q *Query) (texts []string) {
			for _, v := range *list(q) {
				texts = append(texts, write(v))
			}
			return texts
		},
		func(q *Query, text string) string {
			v, want := read(text)
			*list(q) = append(*list(q), v)
			return want
		}}
}

func textParam[S ~string](name string, list func(*Query) *[]S) param {
	return listParam(name, list, func(s S) string { return string(s) }, func(text string) (S, string) { return S(text), "" })
}

func nameParam[E fmt.Stringer](name string, list func(*Query) *[]E, parse func(string) (E, error)) param {
	return listParam(name, list, E.String, func(text string) (E, string) { return readName(text, parse) })
}

func flagParam(name string, flag func(*Query) *bool) param {
	return param{name, false,
		func(q *Query) []string { return unless(!*flag(q), "true") },
		func(q *Query, text string) string {
			on, err := strconv.ParseBool(text)
			if *flag(q) = on; err != nil {
				return "true or false"
			}
			return ""
		}}
}

func countParam(name string, count func(*Query) *int) param {
	return param{name, false,
		func(q *Query) []string { return unless(*count(q) <= 0, strconv.Itoa(*count(q))) },
		func(q *Query, text string) string {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return "a whole number, 0 or more"
			}
			*count(q) = n
			return ""
		}}
}

func timeParam(name string, moment func(*Query) *time.Time) param {
	return param{name, false,
		func(q *Query) []string { return unless(moment(q).IsZero(), moment(q).UTC().Format(time.RFC3339Nano)) },
		func(q *Query, text string) string {
			t, err := time.Parse(time.RFC3339Nano, text)
			if t = t.UTC(); err != nil || t.Year() < 0 || t.Year() > 9999 {
				return "a time such as 2026-03-01T08:00:00Z"
			}
			*moment(q) = t
			return ""
		}}
}

// unless returns the one text, or none.
func unless(none bool, text string) []string {
	if none {
		return nil
	}
	return []string{text}
}

func readName[E any](text string, parse func(string) (E, error)) (E, string) {
	v, err := parse(text)
	if e, ok := errors.AsType[*alert.FieldError](err); ok {
		return v, e.Want
	}
	return v, ""
}

func whole(text string) (int64, string) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, "a whole number"
	}
	return n, ""
}

// parseReference reads what Reference.IncidentID writes.
func parseReference(text string) (Reference, string) {
	system, id, found := strings.Cut(text, ":")
	if !found {
		return Reference{}, "system and identifier with a colon between"
	}
	return Reference{System: strings.NewReplacer("%25", "%", "%3A", ":").Replace(system), ID: id}, ""
}
