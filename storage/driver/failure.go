package driver

import "slices"

// A Failure is an error of one class with a text of its own, such as one of a database whose own text has names that
// are not for everyone, or says again what the class says. It matches Class, and Cause and what that wraps.
type Failure struct {
	Class error  // a sentinel, such as [storage.ErrUnavailable]; nil where none fits
	Text  string // the whole text
	Cause error  // nil where there is none
}

// Error returns Text.
func (f *Failure) Error() string { return f.Text }

// Unwrap returns Class and Cause, as far as they are there.
func (f *Failure) Unwrap() []error {
	return slices.DeleteFunc([]error{f.Class, f.Cause}, func(err error) bool { return err == nil })
}
