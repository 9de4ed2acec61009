package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
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

// Copies returns a comment with all copies of it that merges made, be it the first of them itself or a copy. log
// yields at least the comments and redirects in the log of an incident; of one that is not there, nothing. The error
// is one that log yields, or an [*alert.FieldError] when the entry is no comment.
func Copies(comment activity.Entry, log func(ID) iter.Seq2[activity.Entry, error]) ([]activity.Entry, error) {
	if comment.Type != activity.Commented {
		return nil, &alert.FieldError{Record: "entry " + string(comment.ID), Field: "type", Value: comment.Type.String(), Want: activity.Commented.String()}
	}
	first := original(comment)
	// A copy goes where a merge leads, and stays there when the merge is undone.
	in := []ID{comment.Incident}
	if comment.Origin != "" && comment.Origin != comment.Incident {
		in = append(in, comment.Origin)
	}
	var found []activity.Entry
	for n := 0; n < len(in); n++ {
		for e, err := range log(in[n]) {
			switch {
			case err != nil:
				return nil, err
			case e.Type == activity.Commented && original(e) == first:
				found = append(found, e)
			case e.Type == activity.Redirected && e.Origin == "" && len(e.Links) > 0 && !slices.Contains(in, e.Links[0].Incident):
				in = append(in, e.Links[0].Incident)
			}
		}
	}
	return found, nil
}

// original returns the ID of the entry that e is, or is a copy of.
func original(e activity.Entry) activity.ID { return cmp.Or(e.Subject, e.ID) }

// Redact returns the effects of taking away for good what a comment says: its text, and the names and contents of
// its images. copies are the comment and its copies, as [Copies] returns them. i is the incident that the one whom
// the caller named stands in, or leads to, and others are incidents that have one in their log.
//
// The first effect is on i, with the IDs of all entries to be redacted; then comes one on each of the others that was
// not merged away, so that none of them can give a copy to another incident meanwhile. They are to be stored at once.
// Each logs a Redacted entry with the reason, which may be "" and is at most [MaxComment] code points. The reason
// stays: it must not repeat what is taken away. Size, digest and dimensions of the images stay too, and so do the
// numbers of comments and the ID of an imported comment, so that importing it again does not bring it back.
//
// When all copies are redacted already there are no effects. No copies at all are an [*alert.FieldError].
func Redact(cmd Command, i Incident, others []Incident, copies []activity.Entry, reason string) ([]Effect, error) {
	p := problems{record: "incident " + string(i.ID)}
	p.text("reason", reason, MaxComment)
	if len(copies) == 0 {
		p.add("comment", "", "a comment")
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	var ids []activity.ID
	in := make(map[ID]bool)
	for _, e := range copies {
		if !e.Redacted {
			ids = append(ids, e.ID)
			in[e.Incident] = true
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	log := func(i Incident) Effect {
		return effect(cmd, i, i, []activity.Entry{{Type: activity.Redacted, Text: reason, Subject: original(copies[0])}}, nil)
	}
	first := log(i)
	first.Redact = ids
	effects := []Effect{first}
	in[i.ID] = false
	for _, o := range others {
		if in[o.ID] && o.Status != Redirected {
			in[o.ID] = false
			cmd.Part = string(o.ID)
			effects = append(effects, log(o))
		}
	}
	return effects, nil
}

// commentID returns the entry ID of a comment imported into an incident: the same comment, the same ID.
func commentID(id ID, c Comment) activity.ID {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d", strings.TrimSpace(c.By), c.Text, c.Time.UnixMicro())
	return activity.ID(bounded(string(id)+"/comment/") + hex.EncodeToString(h.Sum(nil)[:16]))
}
