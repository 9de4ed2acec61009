// Package instant reads times as security products and the programs between them write them.
package instant

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// dateOf matches what Windows PowerShell writes for a time: milliseconds since 1970.
var dateOf = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^/Date\((-?\d{1,17})([+-]\d{4})?\)/$`)
})

// Parse reads a time of RFC 3339 with any number of digits behind the second. A space may stand for the T and before
// the zone, letters may be small, and the zone may be UTC, GMT, or hours with or without minutes and a colon. The
// time is also what PowerShell writes for one, /Date(1767225600000)/. It is returned in UTC, cut to microseconds, of
// the years 1 to 9999.
//
// zoned says that the text tells its zone; else the time is taken for one in zone.
func Parse(s string, zone *time.Location) (t time.Time, zoned, ok bool) {
	s = strings.TrimSpace(s)
	if m := dateOf().FindStringSubmatch(s); m != nil {
		ms, err := strconv.ParseInt(m[1], 10, 64)
		t = time.UnixMilli(ms).UTC()
		return t, true, err == nil && valid(t)
	}
	if len(s) < len("2006-01-02T15:04:05") {
		return t, false, false
	}
	day, clock := s[:10], strings.TrimSpace(s[11:])
	if strings.IndexByte("Tt ", s[10]) < 0 {
		return t, false, false
	}
	at := strings.IndexFunc(clock, func(c rune) bool {
		return (c < '0' || '9' < c) && c != ':' && c != '.' && c != ','
	})
	offset := ""
	if at >= 0 {
		clock, offset = clock[:at], strings.TrimSpace(clock[at:])
	}
	layout := "2006-01-02T15:04:05"
	switch upper := strings.ToUpper(offset); {
	case upper == "":
	case upper == "Z", upper == "UTC", upper == "GMT":
		zone, offset, zoned = time.UTC, "", true
	case len(offset) == len("-07"):
		layout, zoned = layout+"-07", true
	case strings.Contains(offset, ":"):
		layout, zoned = layout+"-07:00", true
	default:
		layout, zoned = layout+"-0700", true
	}
	t, err := time.ParseInLocation(layout, day+"T"+clock+offset, zone)
	if err != nil {
		return time.Time{}, false, false
	}
	t = t.UTC().Truncate(time.Microsecond)
	return t, zoned, valid(t)
}

func valid(t time.Time) bool { return 0 < t.Year() && t.Year() <= 9999 }
