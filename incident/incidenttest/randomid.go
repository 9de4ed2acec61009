package incidenttest

import "regexp"

// random reports whether id looks as if it were made at random: another one at every run.
func random(id string) bool { return randomID.MatchString(id) }

// The version of a UUID is its 13th digit. Those of the versions 3 and 5 are made of a name, and those of
// version 8 of anything.
var randomID = regexp.MustCompile(`^(?:` +
	`(?i:[0-9a-f]{8}-[0-9a-f]{4}-[1467][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})|` +
	`[0-7][0-9A-HJKMNP-TV-Z]{25}|` + // a ULID
	`[A-Z2-7]{26})$`) // crypto/rand.Text
