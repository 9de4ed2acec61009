// Package driver has what those who write a [storage.Storage] need beside the contract: the checks that all storages
// make of a Changeset, counts that are kept up as incidents change, and group commit. Programs that only use a Storage
// need none of it.
//
// # Errors
//
// Errors match those of package storage: [storage.ErrExists], [storage.ErrConflict], [storage.ErrNotFound],
// [storage.ErrClosed] and [storage.ErrUnknownOutcome], or are an alert.FieldError. A [Failure] is an error with one of
// them as its class.
//
// # Concurrency
//
// A [Group] may be used by any number of goroutines. The functions keep no state.
package driver
