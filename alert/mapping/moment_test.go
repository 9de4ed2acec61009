package mapping

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMoments(t *testing.T) {
	east := time.FixedZone("", 2*3600)
	for _, c := range []struct {
		text    string
		formats []string
		zone    *time.Location
		want    string // "" for a time that is not set, "?" for none
		assumed bool
	}{
		{"2026-03-04T05:06:07Z", nil, nil, "2026-03-04T05:06:07Z", false},
		{"2026-03-04T05:06:07.123456789Z", nil, nil, "2026-03-04T05:06:07.123456Z", false},
		{"2026-03-04t05:06:07.12z", nil, nil, "2026-03-04T05:06:07.12Z", false},
		{"2026-03-04 05:06:07.1234567", nil, nil, "2026-03-04T05:06:07.123456Z", true},
		{"2026-03-04 05:06:07", nil, east, "2026-03-04T03:06:07Z", false},
		{"2026-03-04 05:06:07 UTC", nil, east, "2026-03-04T05:06:07Z", false},
		{"2026-03-04T05:06:07.5+0130", nil, nil, "2026-03-04T03:36:07.5Z", false},
		{"2026-03-04T05:06:07-01:00", nil, nil, "2026-03-04T06:06:07Z", false},
		{"2026-03-04T05:06:07+02", nil, nil, "2026-03-04T03:06:07Z", false},
		{" 2026-03-04T05:06:07Z ", nil, nil, "2026-03-04T05:06:07Z", false},
		{"0001-01-01T00:00:00", nil, nil, "", false},
		{"2026-13-04T05:06:07Z", nil, nil, "?", false},
		{"2026-03-04", nil, nil, "?", false},
		{"yesterday, at noon, or so", nil, nil, "?", false},
		{"1772600767", nil, nil, "?", false},
		{"1772600767", []string{"unix"}, nil, "2026-03-04T05:06:07Z", false},
		{"1772600767.25", []string{"unix"}, nil, "2026-03-04T05:06:07.25Z", false},
		{"1.772600767e9", []string{"unix"}, nil, "2026-03-04T05:06:07Z", false},
		{"1772600767123", []string{"unixMilli"}, nil, "2026-03-04T05:06:07.123Z", false},
		{"1772600767123.456", []string{"unixMilli"}, nil, "2026-03-04T05:06:07.123456Z", false},
		{"1772600767123456", []string{"unixMicro"}, nil, "2026-03-04T05:06:07.123456Z", false},
		{"1772600767123456789", []string{"unixNano"}, nil, "2026-03-04T05:06:07.123456Z", false},
		{"-1.5", []string{"unix"}, nil, "1969-12-31T23:59:58.5Z", false},
		{"0", []string{"unix"}, nil, "", false},
		{"0.0", []string{"unixMilli"}, nil, "", false},
		{"1772600767123", []string{"unix"}, nil, "?", false},
		{"9223372036854775807", []string{"unix"}, nil, "?", false},
		{"2026-03-04T05:06:07Z", []string{"unix"}, nil, "2026-03-04T05:06:07Z", false},
		{"04/03/2026 05:06", []string{"02/01/2006 15:04"}, nil, "2026-03-04T05:06:00Z", true},
		{"04/03/2026 05:06", []string{"02/01/2006 15:04"}, east, "2026-03-04T03:06:00Z", false},
		{"2026-03-04", []string{"unix", "dateOnly"}, nil, "2026-03-04T00:00:00Z", true},
		{"Wed, 04 Mar 2026 05:06:07 GMT", []string{"rfc1123"}, nil, "2026-03-04T05:06:07Z", false},
		{"Wed, 04 Mar 2026 05:06:07 CEST", []string{"rfc1123"}, nil, "?", false},
	} {
		at, assumed, ok := moment(c.text, c.formats, c.zone)
		got := "?"
		switch {
		case ok && at.IsZero():
			got = ""
		case ok:
			got = at.Format(time.RFC3339Nano)
		}
		assert.Equal(t, c.want, got, "%s as %v", c.text, c.formats)
		assert.Equal(t, c.assumed, assumed, "%s as %v", c.text, c.formats)
	}
}
