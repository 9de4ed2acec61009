// Package invalid has the sentinel that [github.com/incidentkit/incidentkit/alert.ErrInvalid] is, for the packages that
// package alert imports.
package invalid

import "errors"

// Err says that a value given by a caller cannot be accepted.
var Err = errors.New("invalid value")
