package manager

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Comment adds a comment to the incident with that ID and returns the incident as it is then. See
// [incident.AddComment] for what text may be, and [Attach] for images.
func (m *Manager) Comment(
	ctx context.Context, by activity.Actor, id incident.ID, text string, opts ...CommentOption,
) (incident.Incident, error) {
	call := callOf(opts)
	images := call.images
	if len(images) <= incident.MaxImages { // else they are refused
		for n := range images {
			images[n] = images[n].Inspect() // once, and not while others write
		}
	}
	rule := func(cmd incident.Command, c incident.Case) (incident.Effect, error) {
		return incident.AddComment(cmd, c.Incident, text, images...)
	}
	return m.change(ctx, ActionComment, by, id, call, false, rule, text, images)
}

// Redact takes away for good what a comment says, its text and the names and contents of its images, wherever merges
// have copied it to, and returns the incident as it is then: the one that comment is an entry of or, when that was
// merged into another, the other. comment may be the ID of a copy as well. See [incident.Redact] for what stays, and
// what is logged. A comment that is redacted already stays as it is.
//
// reason stays in the log and may be "". [IfVersion] is about the incident that is returned. Under the same
// [CommandID] the second call returns the incident as it is. [DryRun] stores nothing. The error matches
// [storage.ErrNotFound] when there is no such entry, and [alert.ErrInvalid] when it is no comment.
func (m *Manager) Redact(
	ctx context.Context, by activity.Actor, comment activity.ID, reason string, opts ...Option,
) (incident.Incident, error) {
	cmd, call, err := m.begin(by, callOf(opts))
	if err == nil {
		var i incident.Incident
		t := call.ticket(string(ActionRedact), by, string(comment), reason)
		open := m.opener(by, ActionRedact)
		if i, _, err = m.settle(ctx, ActionRedact, cmd, call, t, open, redact(cmd, comment, reason)); err == nil {
			return i, nil
		}
	}
	return incident.Incident{}, failed("redact", "comment", comment, err)
}

func redact(cmd incident.Command, comment activity.ID, reason string) matter {
	return func(ctx context.Context, r storage.Reader, open opener) (s findings, err error) {
		e, i, err := open.entry(ctx, r, comment)
		if err != nil {
			return s, err
		}
		copies, err := incident.Copies(e, func(id incident.ID) iter.Seq2[activity.Entry, error] {
			return r.Activity(ctx, activity.Query{Incidents: []incident.ID{id}, Types: []activity.Type{activity.Commented, activity.Redirected}})
		})
		if err != nil {
			return s, err
		}
		var others []incident.Incident
		seen := map[incident.ID]bool{i.ID: true}
		for _, c := range copies {
			if seen[c.Incident] {
				continue
			}
			seen[c.Incident] = true
			o, err := r.Incident(ctx, c.Incident)
			if err != nil {
				return s, err
			}
			others = append(others, o)
		}
		items, err := forgotten(ctx, r, copies, cmd.At)
		rule := func() ([]incident.Effect, error) { return incident.Redact(cmd, i, others, copies, reason) }
		return findings{named: i.ID, subject: i, rule: rule, items: items, expire: true}, err
	}
}

// Content returns the image with that SHA-256 which is attached to a comment, byte by byte as it was given. The error
// matches [storage.ErrNotFound] when there is no such comment, no such image is attached to it, or it was redacted.
func (m *Manager) Content(ctx context.Context, by activity.Actor, comment activity.ID, sha256 string) ([]byte, error) {
	var data []byte
	err := m.view(ctx, by, func(r storage.Reader) error {
		e, _, err := m.opener(by, ActionRead).entry(ctx, r, comment)
		if err != nil {
			return err
		}
		if e.Redacted || !slices.ContainsFunc(e.Attachments, func(a activity.Attachment) bool { return a.SHA256 == sha256 }) {
			return storage.ErrNotFound
		}
		data, err = r.Content(ctx, sha256)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("content %s of comment %s: %w", sha256, comment, err)
	}
	return data, nil
}
