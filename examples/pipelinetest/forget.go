//go:build !broken

package pipelinetest

import "time"

// forget returns the failures that are within the window before now.
func forget(failures []Logon, now time.Time) []Logon {
	for len(failures) > 0 && now.Sub(failures[0].Time) > window {
		failures = failures[1:]
	}
	return failures
}
