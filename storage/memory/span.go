package memory

import (
	"sort"

	"github.com/tidwall/btree"
)

// A span is the part of an ordered index between two places, which are not in it themselves.
type span[T any] struct {
	few     []T              // the index, or
	many    *btree.BTreeG[T] // the index when it is a tree
	lo, hi  T
	endless bool // hi does not count
}

// A walker reads a span in one direction, in turn with others.
type walker[T any] struct {
	span[T]
	less  func(a, b T) bool
	pass  func(T) bool // nil lets all pass
	down  bool
	items []T // what is left of few
	iter  btree.IterG[T]
	item  T
}

// start goes to the first item that passes; false means that there is none.
func (w *walker[T]) start() bool { return w.passing(w.first()) }

func (w *walker[T]) next() bool { return w.passing(w.step()) }

func (w *walker[T]) passing(ok bool) bool {
	for ok && w.pass != nil && !w.pass(w.item) {
		ok = w.step()
	}
	return ok
}

func (w *walker[T]) first() bool {
	if w.many == nil {
		w.items = w.cut(w.less)
		return w.step()
	}
	w.iter.Init(w.many, false)
	switch {
	case w.down && (w.endless || !w.iter.Seek(w.hi)):
		return w.keep(w.iter.Last())
	case w.down:
		return w.keep(w.iter.Prev())
	}
	ok := w.iter.Seek(w.lo)
	if ok && !w.less(w.lo, w.iter.Item()) {
		ok = w.iter.Next()
	}
	return w.keep(ok)
}

func (w *walker[T]) step() bool {
	switch {
	case w.many != nil && w.down:
		return w.keep(w.iter.Prev())
	case w.many != nil:
		return w.keep(w.iter.Next())
	case len(w.items) == 0:
		return false
	case w.down:
		w.item, w.items = w.items[len(w.items)-1], w.items[:len(w.items)-1]
	default:
		w.item, w.items = w.items[0], w.items[1:]
	}
	return true
}

func (w *walker[T]) keep(ok bool) bool {
	if !ok {
		return false
	}
	w.item = w.iter.Item()
	if w.down {
		return w.less(w.lo, w.item)
	}
	return w.endless || w.less(w.item, w.hi)
}

// behind returns s without what comes before item in the direction, and without item itself.
func (s span[T]) behind(item T, less func(a, b T) bool, down bool) span[T] {
	switch {
	case !down && less(s.lo, item):
		s.lo = item
	case down && (s.endless || less(item, s.hi)):
		s.hi, s.endless = item, false
	}
	return s
}

// walk calls yield with the items of s until it returns false, and reports whether it came to the end.
func (s span[T]) walk(less func(a, b T) bool, down bool, yield func(T) bool) bool {
	if s.many == nil {
		items := s.cut(less)
		for n := range items {
			if down {
				n = len(items) - 1 - n
			}
			if !yield(items[n]) {
				return false
			}
		}
		return true
	}
	done := true
	visit := func(item T) bool {
		switch {
		case !less(s.lo, item):
			return !down
		case !s.endless && !less(item, s.hi):
			return down
		}
		done = yield(item)
		return done
	}
	switch {
	case !down:
		s.many.Ascend(s.lo, visit)
	case s.endless:
		s.many.Reverse(visit)
	default:
		s.many.Descend(s.hi, visit)
	}
	return done
}

// cut returns the items of s when they are few.
func (s span[T]) cut(less func(a, b T) bool) []T {
	to := len(s.few)
	from := sort.Search(to, func(i int) bool { return less(s.lo, s.few[i]) })
	if !s.endless {
		to = from + sort.Search(to-from, func(i int) bool { return !less(s.few[from+i], s.hi) })
	}
	return s.few[from:to]
}

// merge calls yield with the items of spans, each ordered by less, in the order of rank, or the other way
// round, until it returns false. It reports whether it came to the end. Items that pass does not let through
// may be left out, which costs less than to bring them in order.
func merge[T any](spans []span[T], less, rank func(a, b T) bool, down bool, pass, yield func(T) bool) bool {
	if len(spans) == 1 {
		return spans[0].walk(less, down, yield)
	}
	walkers := make([]walker[T], len(spans))
	heap := make([]*walker[T], 0, len(spans))
	for n, s := range spans {
		w := &walkers[n]
		if w.span, w.less, w.pass, w.down = s, less, pass, down; w.start() {
			heap = append(heap, w)
		}
	}
	before := func(a, b *walker[T]) bool { return rank(a.item, b.item) }
	if down {
		before = func(a, b *walker[T]) bool { return rank(b.item, a.item) }
	}
	sink := func(i int) {
		for {
			first := i
			for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
				if before(heap[child], heap[first]) {
					first = child
				}
			}
			if first == i {
				return
			}
			heap[i], heap[first] = heap[first], heap[i]
			i = first
		}
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		sink(i)
	}
	for len(heap) > 0 {
		if !yield(heap[0].item) {
			return false
		}
		if !heap[0].next() {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		}
		if len(heap) > 1 {
			sink(0)
		}
	}
	return true
}
