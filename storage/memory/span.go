package memory

import (
	"iter"

	"github.com/tidwall/btree"
)

// A span is a part of a tree that is read in one direction.
type span[T any] struct {
	tree    *btree.BTreeG[T]
	lo      T    // the first
	hi      T    // behind the last
	endless bool // hi does not count
}

// A walker reads a span.
type walker[T any] struct {
	span[T]
	it   btree.IterG[T]
	down bool
	item T
}

// start goes to the first item in the direction; false means that there is none.
func (w *walker[T]) start() bool {
	w.it = w.tree.Iter()
	switch {
	case !w.down:
		return w.keep(w.it.Seek(w.lo))
	case w.endless || !w.it.Seek(w.hi):
		return w.keep(w.it.Last())
	default:
		return w.keep(w.it.Prev())
	}
}

func (w *walker[T]) next() bool {
	if w.down {
		return w.keep(w.it.Prev())
	}
	return w.keep(w.it.Next())
}

func (w *walker[T]) keep(ok bool) bool {
	if !ok {
		return false
	}
	w.item = w.it.Item()
	if w.down {
		return !w.tree.Less(w.item, w.lo)
	}
	return w.endless || w.tree.Less(w.item, w.hi)
}

// merge yields the items of all spans in the order of before, which must be that of each span.
func merge[T any](spans []span[T], down bool, before func(a, b T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		var heap []*walker[T]
		for _, s := range spans {
			if w := (&walker[T]{span: s, down: down}); w.start() {
				heap = append(heap, w)
			}
		}
		sink := func(i int) {
			for {
				first := i
				for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
					if before(heap[child].item, heap[first].item) {
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
				return
			}
			if !heap[0].next() {
				heap[0] = heap[len(heap)-1]
				heap = heap[:len(heap)-1]
			}
			sink(0)
		}
	}
}
