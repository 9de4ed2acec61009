package msgraph

import (
	"encoding/json"
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

// parseTime reads a time as these interfaces and the programs between write it. zoned says that it tells
// its zone; else it is taken for UTC, as Microsoft documents these times. Year 1 is what is not set.
func parseTime(s string) (t time.Time, zoned, ok bool) {
	s = strings.TrimSpace(s)
	if m := dateOf().FindStringSubmatch(s); m != nil {
		ms, err := strconv.ParseInt(m[1], 10, 64)
		t = time.UnixMilli(ms).UTC()
		return t, true, err == nil && 0 < t.Year() && t.Year() <= 9999
	}
	if len(s) < len("2006-01-02T15:04:05") {
		return t, false, false
	}
	day, clock := s[:10], strings.TrimSpace(s[11:])
	if strings.IndexByte("Tt ", s[10]) < 0 {
		return t, false, false
	}
	at := strings.IndexFunc(clock, func(c rune) bool {
		return (c < '0' || '9' < c) && c != ':' &&
			c != '.' && c != ','
	})
	zone := ""
	if at >= 0 {
		clock, zone = clock[:at], strings.TrimSpace(clock[at:])
	}
	layout := ""
	switch upper := strings.ToUpper(zone); {
	case upper == "Z" || upper == "UTC" || upper == "GMT":
		zone, layout = "", "Z"
	case zone == "":
	case len(zone) == len("-07"):
		layout = "-07"
	case strings.Contains(zone, ":"):
		layout = "-07:00"
	default:
		layout = "-0700"
	}
	zoned = layout != ""
	layout = strings.TrimPrefix(layout, "Z")
	t, err := time.Parse("2006-01-02T15:04:05"+layout, day+"T"+clock+zone)
	if err != nil {
		return t, false, false
	}
	t = t.UTC().Truncate(time.Microsecond)
	return t, zoned, 0 < t.Year() && t.Year() <= 9999
}

// timeText returns the text that raw has for a time: raw itself, or the "value" of the object that
// PowerShell makes of a time with more members than its own.
func timeText(raw json.RawMessage) (s string, ok bool) {
	if json.Unmarshal(raw, &s) == nil {
		return s, true
	}
	var made struct {
		Value    string `json:"value"`
		DateTime string `json:"DateTime"`
	}
	return made.Value, json.Unmarshal(raw, &made) == nil && made.DateTime != "" && made.Value != ""
}
