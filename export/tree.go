package export

import (
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// A Tree is the processes of one device, each below the one that started it.
type Tree struct {
	Device string     `json:"device,omitempty"` // name; "" when no alert tells it
	Rows   []TreeNode `json:"rows"`             // depth first, siblings in the order of time
}

// A TreeNode is one process.
type TreeNode struct {
	Depth   int           `json:"depth"`            // 0 for the first ones
	Key     alert.Key     `json:"key,omitempty"`    // of its finding; "" for one that is named as a parent only
	Process alert.Process `json:"process"`          // as far as it is known
	Time    time.Time     `json:"time,omitzero"`    // when it started or, if no alert tells, the first activity of its alerts
	Alerts  []alert.ID    `json:"alerts,omitempty"` // that name it, in the order of time

	Verdict alert.EvidenceVerdict `json:"verdict,omitempty"` // the worst
}

// trees returns the processes of alerts, which are in the order of time, by the name of their device.
func trees(alerts []alert.Alert) []Tree { return nil }
