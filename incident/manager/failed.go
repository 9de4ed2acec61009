package manager

import (
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// failed returns err with what was attempted and on which record, such as "edit" and "incident", unless err names the
// record itself.
func failed[ID ~string](what, record string, id ID, err error) error {
	text, named := err.Error()+" ", " "+string(id)
	if strings.Contains(text, named+":") || strings.Contains(text, named+" ") {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s %s %s: %w", what, record, limit.Shorten(string(id)), err)
}

// failed returns err, of an action on the incident with that ID.
func (a Action) failed(id incident.ID, err error) error {
	if a == ActionComment || a == ActionRecord {
		return failed(string(a), "on incident", id, err)
	}
	return failed(string(a), "incident", id, err)
}
