package manager

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// Comment adds the comment d to the incident with that ID and returns the updated incident. See [incident.AddComment]
// for what d may be. The Data of its images must not be changed before Comment returns.
func (m *Manager) Comment(
	ctx context.Context, by activity.Actor, id incident.ID, d incident.CommentDraft, opts ...Option,
) (incident.Incident, error) {
	if len(d.Images) <= incident.MaxImages { // else they are refused
		d.Images = slices.Clone(d.Images)
		for n := range d.Images {
			d.Images[n] = d.Images[n].Inspect() // once, and not while others write
		}
	}
	rule := func(cmd incident.Command, c incident.Case) (incident.Effect, error) {
		return incident.AddComment(cmd, c.Incident, d)
	}
	return m.change(ctx, ActionComment, by, id, callOf(opts), false, rule, d)
}

// Redact takes away for good the texts that an entry of the log holds, wherever merges have copied it to: what a
// comment says with its images, the reason of a change, and the values of names, descriptions, notes, tags and texts of
// alerts. See [incident.Redact] for what stays, and what is logged. It returns the updated incident: the one that the
// entry is of or, when that was merged into another, the other. entry may be the ID of a copy as well. An entry that is
// redacted already stays as it is.
//
// A text may stand in several entries: the reason of a merge or a move is in one of each incident and each alert
// that it touches. Each must be redacted, in the order of Seq. An entry of which an incident or an alert still has
// every text is refused: change these first, by [Manager.Edit] or [Manager.EditAlerts]. An incident that was merged
// away cannot be changed, and loses with the entry what it has from it, tags that were changed beside the text too.
// Redact does not reach evidence, tags and Extra of alerts. An import of a newer state brings a name, a description
// and tags back.
//
// reason stays in the log and may be "". [IfVersion] is about the incident that is returned. Under the same
// [CommandID] the second call returns the incident as it is. [DryRun] stores nothing. The error matches
// [storage.ErrNotFound] when there is no such entry, [alert.ErrInvalid] when it holds no text, and
// [incident.ErrCurrent] when a record still has the text.
func (m *Manager) Redact(
	ctx context.Context, by activity.Actor, entry activity.ID, reason string, opts ...Option,
) (incident.Incident, error) {
	cmd, call, err := m.begin(by, callOf(opts))
	if err == nil {
		var i incident.Incident
		t := call.ticket(string(ActionRedact), by, string(entry), reason)
		may := m.to(ActionRedact, by)
		if i, _, err = m.settle(ctx, ActionRedact, cmd, call, t, may, redact(cmd, entry, reason)); err == nil {
			return i, nil
		}
	}
	return incident.Incident{}, failed("redact", "entry", entry, err)
}

func redact(cmd incident.Command, entry activity.ID, reason string) matter {
	return func(ctx context.Context, r storage.Reader, may *access) (s findings, err error) {
		e, i, err := may.entry(ctx, r, entry)
		if err != nil {
			return s, err
		}
		copies, err := incident.Copies(e, func(id incident.ID) iter.Seq2[activity.Entry, error] {
			return r.Activity(ctx, activity.Query{
				Incidents: []incident.ID{id}, Types: []activity.Type{e.Type, activity.Redirected},
			})
		})
		if err == nil && len(copies) == 0 {
			err = fmt.Errorf("entry %s: %w", entry, storage.ErrNotFound)
		}
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
		its := incident.Case{Incident: i}
		if e.Alert != "" {
			its.Alerts, err = collect(r.Alerts(ctx, alert.Query{IDs: []alert.ID{e.Alert}}))
			if err != nil {
				return s, err
			}
		}
		first := copies[max(0, slices.IndexFunc(copies, func(c activity.Entry) bool { return c.Origin == "" }))]
		earlier, err := collect(r.Activity(ctx, activity.Query{
			Incidents: []incident.ID{first.Incident}, BeforeSeq: first.Seq,
		}))
		if err != nil {
			return s, err
		}
		items, err := forgotten(ctx, r, copies, cmd.At)
		rule := func() ([]incident.Effect, error) { return incident.Redact(cmd, its, others, copies, earlier, reason) }
		return findings{named: i.ID, subject: i, rule: rule, items: items, expire: true}, err
	}
}

// Content returns the image with that SHA-256 which is attached to a comment, byte by byte as it was given. The error
// matches [storage.ErrNotFound] when there is no such comment, no such image is attached to it, or it was redacted.
func (m *Manager) Content(ctx context.Context, by activity.Actor, comment activity.ID, sha256 string) ([]byte, error) {
	var data []byte
	err := m.view(ctx, by, func(r storage.Reader) error {
		e, _, err := m.to(ActionRead, by).entry(ctx, r, comment)
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
