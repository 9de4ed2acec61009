package export

import "github.com/incidentkit/incidentkit/export/internal/doc"

// compose puts r into words and in order. With files, the report as JSON and its indicators as CSV are attached.
func compose(r Report, o DocumentOptions, files bool) (doc.Document, error) {
	return doc.Document{Title: r.Incident.Name}, nil
}
