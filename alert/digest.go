package alert

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// Digest returns the SHA-256 of what a says: of its JSON as [json.Marshal] writes it, with Version, Repeats and
// Repeated zero, since these change without an entry in the log. Two alerts that a storage cannot tell apart have the
// same digest, on every machine and in every later version of this package. The error is that of a time or an entity
// that JSON cannot express, which [Alert.Validate] refuses.
func (a Alert) Digest() ([sha256.Size]byte, error) {
	a.Version, a.Repeats, a.Repeated = 0, 0, time.Time{}
	text, err := json.Marshal(a)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("digest of alert %s: %w", a.ID, err)
	}
	return sha256.Sum256(text), nil
}
