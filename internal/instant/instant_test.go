package instant_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/internal/instant"
)

func TestParse(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	berlin := time.FixedZone("", 3600)
	for text, want := range map[string]struct {
		at    time.Time
		zoned bool
	}{
		"2026-03-01T12:00:00Z":           {noon, true},
		" 2026-03-01t12:00:00z ":         {noon, true},
		"2026-03-01 12:00:00 UTC":        {noon, true},
		"2026-03-01T12:00:00 gmt":        {noon, true},
		"2026-03-01T14:00:00+02:00":      {noon, true},
		"2026-03-01T14:00:00 +0200":      {noon, true},
		"2026-03-01T14:00:00+02":         {noon, true},
		"2026-03-01T12:00:00.123456789Z": {noon.Add(123456 * time.Microsecond), true},
		"2026-03-01T12:00:00,5Z":         {noon.Add(time.Second / 2), true},
		"2026-03-01 13:00:00":            {noon, false},
		"2026-03-01T13:00:00.1":          {noon.Add(time.Second / 10), false},
		"/Date(1772366400000)/":          {noon, true},
		"/Date(1772366400000+0100)/":     {noon, true},
		"0001-01-01T00:00:00Z":           {time.Time{}, true},
	} {
		at, zoned, ok := instant.Parse(text, berlin)
		assert.True(t, ok, text)
		assert.Equal(t, want.at, at, text)
		assert.Equal(t, want.zoned, zoned, text)
	}
	for _, text := range []string{
		"", "yesterday", "2026-03-01", "2026-03-01T12:00", "2026-03-01X12:00:00Z", "2026-02-30T12:00:00Z", "2026-03-01T12:00:00+2",
		"2026-03-01T12:00:00 CET", "/Date(x)/", "/Date(99999999999999999)/", "0001-01-01T00:00:00+01:00", "10000-01-01T00:00:00Z",
	} {
		_, _, ok := instant.Parse(text, time.UTC)
		assert.False(t, ok, text)
	}
}

// What is written as RFC 3339 is read as it was, to the microsecond.
func TestParseReadsRFC3339(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-62_135_500_000, 253_402_200_000).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanos"))
		zone := time.FixedZone("", 60*rapid.IntRange(-12*60, 14*60).Draw(t, "minutes"))
		got, zoned, ok := instant.Parse(at.In(zone).Format(time.RFC3339Nano), time.UTC)
		if want := at.UTC().Truncate(time.Microsecond); !ok || !zoned || !got.Equal(want) {
			t.Fatalf("%v, not %v", got, want)
		}
	})
}
