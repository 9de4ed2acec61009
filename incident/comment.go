package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
)

// AddComment returns the effect of a comment on i. text is Markdown of 1 to [MaxComment] code points,
// kept as it is; whatever it links to is never fetched. Comments are never changed afterwards.
func AddComment(cmd Command, i Incident, text string) (Effect, error) {
	if i.Status == Redirected {
		return Effect{}, redirected(i)
	}
	p := problems{record: "comment on " + string(i.ID)}
	p.need("text", text)
	p.text("text", text, MaxComment)
	if err := p.err(); err != nil {
		return Effect{}, err
	}
	after := i
	after.Comments++
	return effect(cmd, i, after, []activity.Entry{{Type: activity.Commented, Text: text}}, nil), nil
}

// commentID returns the entry ID of a comment imported into an incident: the same comment, the same ID.
func commentID(id ID, c Comment) activity.ID {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d", strings.TrimSpace(c.By), c.Text, c.Time.UnixMicro())
	return activity.ID(string(id) + "/comment/" + hex.EncodeToString(h.Sum(nil)[:16]))
}

func redirected(i Incident) error {
	return fmt.Errorf("%w: %s leads to %s", ErrRedirected, i.ID, i.RedirectTo)
}
