package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
)

// AddComment returns the effect of a comment on i. text is Markdown of 1 to [MaxComment] code points, kept as it is;
// with images it may be empty. Whatever it links to is never fetched. images are at most [MaxImages], attached in
// their order; see [Image] for what they may be. Comments are never changed afterwards, but see [Redact].
//
// The error holds all that is wrong, each as an [*alert.FieldError] with a field such as "text" or
// "images[2].data". The Contents of the effect share memory with images.
func AddComment(cmd Command, i Incident, text string, images ...Image) (Effect, error) {
	if err := closed(i); err != nil {
		return Effect{}, err
	}
	p := problems{record: "incident " + string(i.ID)}
	if len(images) == 0 {
		p.need("text", text)
	}
	p.text("text", text, MaxComment)
	attachments, contents := p.images(images)
	if err := p.err(); err != nil {
		return Effect{}, err
	}
	after := i
	after.Comments++
	e := effect(cmd, i, after, []activity.Entry{{Type: activity.Commented, Text: text, Attachments: attachments}}, nil)
	e.Contents = contents
	return e, nil
}

// commentID returns the entry ID of a comment imported into an incident: the same comment, the same ID.
func commentID(id ID, c Comment) activity.ID {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d", strings.TrimSpace(c.By), c.Text, c.Time.UnixMicro())
	return activity.ID(bounded(string(id)+"/comment/") + hex.EncodeToString(h.Sum(nil)[:16]))
}
