package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/alert/attack"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
)

// files returns what is attached to a document, and what is said of it: the report as JSON, but for the
// images, which are drawn, and its indicators.
func (c composer) files() (files []doc.File, said []doc.Pair) {
	name := "report"
	if n := c.r.Incident.Number; n > 0 {
		name = fmt.Sprintf("incident-%d", n)
	}
	r := c.r
	r.Images, r.Layout.Logo = nil, nil
	text, err := r.MarshalJSON()
	if err == nil {
		files = append(files, doc.File{Name: name + ".json", Description: "This report as JSON", Type: "application/json", Data: text})
	} else {
		said = append(said, doc.Pair{Label: "Machine-readable copy", Value: doc.Cell{Text: "Not attached: this report cannot be written as JSON: " + err.Error()}})
	}
	var indicators bytes.Buffer
	if err := WriteIndicatorsCSV(context.Background(), &indicators, c.r); err == nil && bytes.Count(indicators.Bytes(), []byte("\n")) > 1 {
		files = append(files, doc.File{Name: name + "-indicators.csv", Description: "Indicators of this report as CSV", Type: "text/csv", Data: indicators.Bytes()})
	}
	for _, f := range files {
		said = append(said, doc.Pair{Label: f.Description, Value: doc.Cell{Spans: []doc.Span{
			{Text: f.Name + ", " + words.Bytes(int64(len(f.Data))) + "\nSHA-256\u00A0"}, {Text: fmt.Sprintf("%x", sha256.Sum256(f.Data)), Style: doc.Code},
		}}})
	}
	return files, said
}

// colophon says what the report says of itself, and what its marks mean.
func (c composer) colophon(files []doc.Pair) []doc.Block {
	var pairs []doc.Pair
	add := func(label, text string) {
		if text != "" {
			pairs = append(pairs, doc.Pair{Label: label, Value: doc.Cell{Text: text}})
		}
	}
	add("Generated", c.zoned(c.r.Generated))
	add("Time zone", words.Capital(c.zone()))
	if c.brief() {
		add("Profile", "Executive: evidence, alerts and activity are in the technical report.")
	}
	if !c.r.Hidden.IsZero() {
		add("Hidden", c.r.Hidden.said())
	}
	pairs = append(pairs, files...)
	if c.named() {
		add("ATT&CK", attack.Notice)
	}
	blocks := []doc.Block{doc.Pairs{List: pairs, PerRow: 1}}
	if c.brief() {
		return blocks
	}
	return append(blocks, doc.Heading{Level: 2, Bookmark: true, Text: "Marks"}, doc.Pairs{List: words.Glossary(), PerRow: 3})
}

// named reports whether the document names techniques.
func (c composer) named() bool {
	for _, t := range c.r.Threats {
		for _, id := range t.Techniques {
			if _, ok := attack.Lookup(strings.TrimSpace(id)); ok {
				return true
			}
		}
	}
	return false
}
