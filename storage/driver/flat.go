package driver

import (
	"math"
	"slices"
	"time"

	"github.com/incidentkit/incidentkit/incident"
)

// Flat returns a query that selects what q selects, with as little in Within as it can. The filters of Within stand in
// the query itself where that means the same, so that a storage which calls Flat first chooses its indexes by them.
//
//   - Of two filters by a field with one value, such as Statuses, it has the values that both have. Where there is none
//     the query selects nothing: it asks for a number that no incident has.
//   - Of two filters by a field with several values, such as Tags, it has the one whose values are all in the other.
//   - Of two bounds it has the tighter one.
//
// What cannot move, such as a second Text, stays in Within, without an order and without a Within of its own. The
// queries of Except are flat as well.
//
// Flat does not change q. The result is valid where q is. It shares lists with q.
func Flat(q incident.Query) incident.Query {
	if !within(&q) {
		return q
	}
	flat := q
	flat.Within, flat.Except = nil, nil
	if !absorb(&flat, &q) {
		none := incident.Query{Sort: q.Sort, Ascending: q.Ascending, After: q.After, Limit: q.Limit}
		none.Numbers = []int64{0}
		none.Except = []incident.Query{{Numbers: none.Numbers, PriorityMin: math.MinInt}} // in case one has it
		return none
	}
	for again := len(flat.Within) > 0; again; { // what has become narrower may narrow others
		again = false
		rest := flat.Within
		flat.Within = nil
		for n := range rest {
			moved, left := narrow(&flat, &rest[n])
			if again = again || moved; left {
				flat.Within = append(flat.Within, rest[n])
			}
		}
	}
	return flat
}

// within reports whether q, or what it leaves out, is within something.
func within(q *incident.Query) bool {
	if len(q.Within) > 0 {
		return true
	}
	for n := range q.Except {
		if within(&q.Except[n]) {
			return true
		}
	}
	return false
}

// absorb moves what q is within and leaves out, at every level, to flat. What does not move is in flat.Within then. It
// reports false when no incident passes.
func absorb(flat, q *incident.Query) bool {
	for n := range q.Except {
		x := q.Except[n]
		x.Sort, x.Ascending, x.After, x.Limit = incident.ByUpdated, false, incident.Cursor{}, 0
		flat.Except = append(flat.Except, Flat(x))
	}
	for n := range q.Within {
		if !absorb(flat, &q.Within[n]) {
			return false
		}
		x := q.Within[n]
		x.Sort, x.Ascending, x.After, x.Limit = incident.ByUpdated, false, incident.Cursor{}, 0
		x.Within, x.Except = nil, nil
		if !meet(flat, &x) {
			return false
		}
		if _, left := narrow(flat, &x); left {
			flat.Within = append(flat.Within, x)
		}
	}
	return true
}

// meet moves the filters of x that q can always take over. It reports false when no incident passes both.
func meet(q, x *incident.Query) bool {
	q.PriorityMin = max(q.PriorityMin, x.PriorityMin)
	x.PriorityMin = min(x.PriorityMin, 0) // 0 is a bound too
	if q.PriorityMax == 0 || x.PriorityMax != 0 && x.PriorityMax < q.PriorityMax {
		q.PriorityMax = x.PriorityMax
	}
	x.PriorityMax = 0
	q.MultipleSources, x.MultipleSources = q.MultipleSources || x.MultipleSources, false
	q.MultipleCategories, x.MultipleCategories = q.MultipleCategories || x.MultipleCategories, false
	later(&q.CreatedSince, &x.CreatedSince)
	later(&q.UpdatedSince, &x.UpdatedSince)
	earlier(&q.CreatedUntil, &x.CreatedUntil)
	earlier(&q.UpdatedUntil, &x.UpdatedUntil)
	return meetOwners(q, x) && share(&q.IDs, &x.IDs) && share(&q.Numbers, &x.Numbers) &&
		share(&q.Statuses, &x.Statuses) && share(&q.Severities, &x.Severities) &&
		share(&q.Classifications, &x.Classifications) && share(&q.Determinations, &x.Determinations) &&
		share(&q.Criticalities, &x.Criticalities)
}

// narrow moves the filters of x that imply those of q or are implied by them. It reports whether there are some, and
// whether any are left.
func narrow(q, x *incident.Query) (moved, left bool) {
	imply(&q.Tags, &x.Tags, &moved, &left)
	imply(&q.AlertSeverities, &x.AlertSeverities, &moved, &left)
	imply(&q.AlertClassifications, &x.AlertClassifications, &moved, &left)
	imply(&q.Entities, &x.Entities, &moved, &left)
	imply(&q.References, &x.References, &moved, &left)
	lists := x.Lists()
	for l, list := range q.Lists() {
		imply(list, lists[l], &moved, &left)
	}
	switch {
	case x.Text == "":
	case q.Text == "" || q.Text == x.Text:
		q.Text, x.Text, moved = x.Text, "", true
	default:
		left = true
	}
	return moved, left
}

// meetOwners does what share does, for Owners and Unassigned together.
func meetOwners(q, x *incident.Query) bool {
	owners, unassigned := x.Owners, x.Unassigned
	x.Owners, x.Unassigned = nil, false
	switch {
	case len(owners) == 0 && !unassigned:
		return true
	case len(q.Owners) == 0 && !q.Unassigned:
		q.Owners, q.Unassigned = owners, unassigned
		return true
	}
	folded := make([]string, len(owners))
	for n, id := range owners {
		folded[n] = incident.Fold(id)
	}
	has := among(folded)
	var both []string
	for _, id := range q.Owners {
		if has(incident.Fold(id)) {
			both = append(both, id)
		}
	}
	q.Owners, q.Unassigned = both, q.Unassigned && unassigned
	return len(both) > 0 || q.Unassigned
}

// share leaves in *q what both filters have, and empties *x. It reports false when that is nothing.
func share[T comparable](q, x *[]T) bool {
	values := *x
	*x = nil
	switch {
	case len(values) == 0:
		return true
	case len(*q) == 0:
		*q = values
		return true
	}
	has := among(values)
	var both []T
	for _, v := range *q {
		if has(v) {
			both = append(both, v)
		}
	}
	*q = both
	return len(both) > 0
}

// imply leaves in *q the filter that implies the other, and empties *x, if there is such a filter.
func imply[T comparable](q, x *[]T, moved, left *bool) {
	switch {
	case len(*x) == 0:
		*x = nil
		return
	case len(*q) == 0, subset(*x, *q):
		*q = *x
	case !subset(*q, *x):
		*left = true
		return
	}
	*x = nil
	*moved = true
}

func subset[T comparable](some, all []T) bool {
	has := among(all)
	return !slices.ContainsFunc(some, func(v T) bool { return !has(v) })
}

// maxSearched is how many values are looked through rather than put in a map.
const maxSearched = 32

// among returns a function that reports whether a value is in the list.
func among[T comparable](list []T) func(T) bool {
	if len(list) <= maxSearched {
		return func(v T) bool { return slices.Contains(list, v) }
	}
	set := make(map[T]bool, len(list))
	for _, v := range list {
		set[v] = true
	}
	return func(v T) bool { return set[v] }
}

func later(q, x *time.Time) {
	if !x.IsZero() && (q.IsZero() || x.After(*q)) {
		*q = *x
	}
	*x = time.Time{}
}

func earlier(q, x *time.Time) {
	if !x.IsZero() && (q.IsZero() || x.Before(*q)) {
		*q = *x
	}
	*x = time.Time{}
}
