//go:build broken

package pipelinetest

import "time"

// forget is the bug: it never forgets.
func forget(failures []Logon, _ time.Time) []Logon { return failures }
