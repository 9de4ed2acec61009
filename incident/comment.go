package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
)

// A CommentDraft is a comment to be added to an incident.
type CommentDraft struct {
	// Text is Markdown of 1 to [MaxComment] code points, kept as it is. With Images it may be empty. What it links to
	// is never fetched.
	Text string `json:"text,omitempty"`

	Images []Image `json:"images,omitempty"` // at most [MaxImages], attached in their order
}

// AddComment returns the effect of the comment d on i. See [CommentDraft] and [Image] for what it may be. Comments are
// never changed afterwards, except by [Redact].
//
// The error holds all that is wrong, each as an [*alert.FieldError] with a field such as "text" or
// "images[2].data". The Contents of the effect share memory with d.
func AddComment(cmd Command, i Incident, d CommentDraft) (Effect, error) {
	if err := closed(i); err != nil {
		return Effect{}, err
	}
	p := problems{record: "incident " + string(i.ID)}
	if len(d.Images) == 0 {
		p.need("text", d.Text)
	}
	p.text("text", d.Text, MaxComment)
	attachments, contents := p.images(d.Images)
	if err := p.err(); err != nil {
		return Effect{}, err
	}
	after := i
	after.Comments++
	comment := activity.Entry{Type: activity.Commented, Text: d.Text, Attachments: attachments}
	e := effect(cmd, i, after, []activity.Entry{comment}, nil)
	e.Contents = contents
	return e, nil
}

// commentID returns the entry ID of a comment imported into an incident: the same comment, the same ID.
func commentID(id ID, what ...any) activity.ID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", what))
	return commentPrefix(id) + activity.ID(hex.EncodeToString(sum[:16]))
}

func commentPrefix(id ID) activity.ID { return activity.ID(bounded(string(id) + "/comment/")) }

// formerCommentID is what commentID was in earlier versions, which took a comment that was changed for another one.
func formerCommentID(id ID, c Comment) activity.ID {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d", strings.TrimSpace(c.By), c.Text, c.Time.UnixMicro())
	return commentPrefix(id) + activity.ID(hex.EncodeToString(h.Sum(nil)[:16]))
}
