package incidenttest

import (
	"context"
	"fmt"
	"slices"
)

// A Lookup stands in for what a pipeline asks while it detects: an asset inventory, threat intelligence, the
// country of an address. It answers from Values, and remembers what it was asked. Make a new one for each
// run, in the factory of the pipeline or before it. The zero Lookup has no value for any key. A Lookup is
// for one goroutine.
type Lookup[K comparable, V any] struct {
	Values map[K]V
	Errors map[K]error // keys for which the look-up fails, as when its service is down

	// Default is the answer for a key that is in neither map, and without it such a key is an error that names it, so
	// that a test cannot pass because a look-up found nothing.
	Default func(K) (V, error)

	asked   []K
	missing []K
}

// Find returns what l holds for key.
func (l *Lookup[K, V]) Find(ctx context.Context, key K) (V, error) {
	l.asked = append(l.asked, key)
	var none V
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if err, ok := l.Errors[key]; ok {
		return none, err
	}
	if v, ok := l.Values[key]; ok {
		return v, nil
	}
	if l.Default != nil {
		return l.Default(key)
	}
	l.missing = append(l.missing, key)
	return none, fmt.Errorf("incidenttest: the look-up has no value for %v", key)
}

// Asked returns the keys that Find was asked for, in order, repeats included.
func (l *Lookup[K, V]) Asked() []K { return slices.Clone(l.asked) }

// Missing returns the keys that Find had no answer for, in order, repeats included. A pipeline that goes on
// without an answer does not show them.
func (l *Lookup[K, V]) Missing() []K { return slices.Clone(l.missing) }
