// Package driver has what those who write a [storage.Storage] need beside the contract: the checks that all storages make
// of a Changeset, and counts that are kept up as incidents change. Programs that only use a Storage need none of it.
//
// # Errors
//
// Errors match those of package storage: [storage.ErrExists], [storage.ErrConflict] and [storage.ErrNotFound].
package driver
