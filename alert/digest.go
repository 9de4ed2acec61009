package alert

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// Digest returns the SHA-256 of what a says: of its JSON as [json.Marshal] writes it, with Version and Repeats zero,
// since these change without an entry in the log. Two alerts that a storage cannot tell apart have the same digest, on
// every machine and in every later version of this package. The error is that of a time or an entity that JSON cannot
// express, which [Alert.Validate] refuses.
func (a Alert) Digest() ([sha256.Size]byte, error) {
	a.Version, a.Repeats = 0, 0
	text, err := json.Marshal(a)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("digest of alert %s: %w", a.ID, err)
	}
	return sha256.Sum256(text), nil
}
