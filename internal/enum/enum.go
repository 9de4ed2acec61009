// Package enum turns small numbered constants into text and back, so that every enumeration of the
// library reads and fails alike.
package enum

import (
	"fmt"
	"strings"
)

// Text returns the name of v, or "what(n)" when v has none.
func Text[E ~uint8](names []string, what string, v E) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", what, v)
}

// Marshal returns the name of v as text, or an error when v has none.
func Marshal[E ~uint8](names []string, what string, v E) ([]byte, error) {
	if int(v) < len(names) {
		return []byte(names[v]), nil
	}
	return nil, fmt.Errorf("%s %d has no name", what, v)
}

// Parse returns the value whose name is text, whatever the case of its ASCII letters.
func Parse[E ~uint8](names []string, text string) (E, bool) {
	for i, name := range names {
		if strings.EqualFold(name, text) {
			return E(i), true
		}
	}
	return 0, false
}

// Want lists the names as an error message would: "a, b or c".
func Want(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
