package msgraph

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// maxNotes is how many notes and errors an item has at most, so that a broken file does not fill the memory
// with them.
const maxNotes = 100

// notes are those of one item.
type notes struct {
	list []alert.Note
	more int // that are not in list
}

func (n *notes) add(field string, raw json.RawMessage, said string) {
	if len(n.list) == maxNotes {
		n.more++
		return
	}
	n.list = append(n.list, alert.Note{Field: field, Value: plain(raw), Said: said})
}

// of names the record of the notes that have none, of those after the first from.
func (n *notes) of(record string, from int) {
	for at := min(from, len(n.list)); at < len(n.list); at++ {
		if n.list[at].Record == "" {
			n.list[at].Record = limit.Shorten(record)
		}
	}
}

// all returns the notes, the last of which counts those that are not there.
func (n *notes) all(record string) []alert.Note {
	if n.more > 0 {
		n.list = append(n.list, alert.Note{Said: fmt.Sprintf("%d more notes are left out", n.more)})
	}
	n.of(record, 0)
	return n.list
}

// plain returns a value as people read it, not too long for a note.
func plain(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 {
		return ""
	}
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return limit.Shorten(s)
	}
	return excerpt(raw)
}

// under returns the path of a field that stands under path.
func under(path, field string) string {
	return strings.TrimSuffix(strings.TrimPrefix(path+"."+field, "."), ".")
}
