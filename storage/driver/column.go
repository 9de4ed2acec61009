package driver

import (
	"strings"
	"unicode"

	"github.com/incidentkit/incidentkit/incident"
)

// Column returns the name of the list in a database, such as "device_groups".
func Column(l incident.List) string {
	var b strings.Builder
	for _, r := range l.String() {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
