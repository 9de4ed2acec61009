package incident

import "github.com/incidentkit/incidentkit/alert"

// A Decoded is what a decoder read of one item of a file, such as [msgraph.Decode]: an incident with its alerts or a
// single alert. Exactly one of Incident and Alert is set.
//
// [msgraph.Decode]: https://pkg.go.dev/github.com/incidentkit/incidentkit/incident/msgraph#Decode
type Decoded struct {
	Incident *Draft
	Alert    *alert.Alert
	Index    int          // place in the file, from 0
	Notes    []alert.Note // what of it was kept and not understood, or could not be kept
}
