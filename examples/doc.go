// Package examples holds runnable programs that use incidentkit as any other
// program would: each folder is one program, started with
// go run ./examples/NAME from the root of the repository.
//
// The examples are a module of their own, so that what they import is never
// linked by those who import incidentkit.
package examples
