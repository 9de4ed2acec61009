package mapping

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/instant"
)

// units are the numbers since 1970 that a mapping can name, and how many of them are a second.
var units = map[string]int64{"unix": 1, "unixMilli": 1e3, "unixMicro": 1e6, "unixNano": 1e9}

// layouts are the layouts of time that have a name.
var layouts = map[string]string{
	"rfc3339": "", "rfc1123": time.RFC1123, "rfc1123z": time.RFC1123Z, "rfc822": time.RFC822, "rfc822z": time.RFC822Z,
	"rfc850": time.RFC850, "ansic": time.ANSIC, "unixDate": time.UnixDate, "rubyDate": time.RubyDate,
	"dateTime": time.DateTime, "dateOnly": time.DateOnly,
}

// timeFormats are the names of both, as an error lists them.
var timeFormats = []string{
	"unix", "unixMilli", "unixMicro", "unixNano", "rfc3339", "rfc1123", "rfc1123z", "rfc822", "rfc822z", "rfc850", "ansic",
	"unixDate", "rubyDate", "dateTime", "dateOnly",
}

// goodLayout reports whether a layout of package time tells the day.
func goodLayout(layout string) bool {
	day := time.Date(2031, 11, 23, 14, 47, 38, 0, time.UTC)
	back, err := time.Parse(layout, day.Format(layout))
	return err == nil && back.Year() == day.Year() && back.YearDay() == day.YearDay()
}

// moment reads a time as one of formats, names of units or of layouts or layouts, or else as RFC 3339. zone
// is that of texts that have none; nil means UTC, and then assumed is true. A time that stands for none, as
// the year 1 and the number 0, is understood and zero.
func moment(text string, formats []string, zone *time.Location) (at time.Time, assumed, ok bool) {
	text = strings.TrimSpace(text)
	in := zone
	if in == nil {
		in = time.UTC
	}
	for _, f := range formats {
		if perSecond, unit := units[f]; unit {
			at, ok = since1970(text, perSecond)
		} else if layout, name := layouts[f]; !name || layout != "" {
			if !name {
				layout = f
			}
			at, ok = laidOut(text, layout, in)
			assumed = ok && zone == nil && zoneless(layout)
		}
		if ok {
			break
		}
	}
	if !ok {
		var zoned bool
		at, zoned, ok = instant.Parse(text, in)
		assumed = !zoned && zone == nil
	}
	if !ok {
		return time.Time{}, false, false
	}
	at = at.UTC().Truncate(time.Microsecond)
	if at.Year() == 1 {
		return time.Time{}, false, true
	}
	return at, assumed, alert.ValidTime(at)
}

func laidOut(text, layout string, zone *time.Location) (time.Time, bool) {
	at, err := time.ParseInLocation(layout, text, zone)
	if err != nil {
		return at, false
	}
	// Of a zone that it knows by its letters alone, package time takes the offset for 0.
	name, offset := at.Zone()
	guessed := strings.Contains(layout, "MST") && offset == 0 && name != "UTC" && name != "GMT" && name != "Z"
	return at, !guessed
}

// zoneless reports whether a layout has no zone.
func zoneless(layout string) bool {
	return !strings.Contains(layout, "MST") && !strings.Contains(layout, "Z07") && !strings.Contains(layout, "-07")
}

// since1970 reads a number, also one that is not whole.
func since1970(text string, perSecond int64) (time.Time, bool) {
	whole, part, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(part, "0123456789") != "" {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(f) >= 1<<53 {
			return time.Time{}, false
		}
		n, part = int64(f), ""
	}
	const last = 253_402_300_799 // the end of the year 9999
	if n/perSecond > last || n/perSecond < -last {
		return time.Time{}, false
	}
	if n == 0 && strings.Trim(part, "0") == "" {
		return time.Time{}, true
	}
	nanos := 1_000_000_000 / perSecond
	more, _ := strconv.ParseInt((part + "000000000")[:9], 10, 64) // billionths of the unit
	more = more * nanos / 1_000_000_000
	if strings.HasPrefix(whole, "-") {
		more = -more
	}
	return time.Unix(n/perSecond, n%perSecond*nanos+more).UTC(), true
}
