package msgraph

import (
	"encoding/json"
	"time"

	"github.com/incidentkit/incidentkit/internal/instant"
)

// parseTime reads a time. zoned says that it tells its zone; else it is taken for UTC, as Microsoft documents these
// times. Year 1 is what is not set.
func parseTime(s string) (t time.Time, zoned, ok bool) { return instant.Parse(s, time.UTC) }

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
