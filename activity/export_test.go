package activity

// Preimage returns what the Digest of e is taken over.
func Preimage(e Entry) []byte {
	b, _ := e.preimage()
	return b
}
