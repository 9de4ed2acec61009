package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// withImages returns a comment on the first incident to which contents are attached.
func withImages(id string, digests ...string) activity.Entry {
	e := newEntry(id, "i00000")
	e.Text = "text of " + id
	for n, digest := range digests {
		e.Attachments = append(e.Attachments, activity.Attachment{Name: fmt.Sprint(n, ".png"), Type: "image/png", Size: 3, Width: 2, Height: 1, SHA256: digest})
	}
	return e
}

func content(digest, data string) activity.Content {
	return activity.Content{SHA256: digest, Data: []byte(data)}
}

// has sees whether a content is there, and what it is.
func has(ctx context.Context, s storage.Storage, digest string, want []byte) error {
	return s.View(ctx, func(r storage.Reader) error {
		got, err := r.Content(ctx, digest)
		switch {
		case want == nil && errors.Is(err, storage.ErrNotFound):
			return nil
		case want == nil && err == nil:
			return fmt.Errorf("content %s is there, which it should not be", digest)
		case err == nil && !bytes.Equal(got, want):
			return fmt.Errorf("content %s came back as %d other bytes than the %d given", digest, len(got), len(want))
		}
		return err
	})
}

// keptContents gives contents alone, together, again, and in Changesets that are refused.
func keptContents(ctx context.Context, s storage.Storage) error {
	every := make([]byte, 256)
	for n := range every {
		every[n] = byte(n)
	}
	large := bytes.Repeat(every, 5<<20/len(every)) // as much as an image may have
	digest := func(n int) string { return fmt.Sprint("d", n) }
	all := [][]byte{every, large, {0}, {}, []byte("\r\n\x1a\xff"), []byte("same"), []byte("same")}

	cs := storage.Changeset{Incidents: []incident.Incident{newIncident(0)}}
	for n, data := range all {
		cs.Activity = append(cs.Activity, withImages(fmt.Sprint("e", n), digest(n)))
		cs.Contents = append(cs.Contents, activity.Content{SHA256: digest(n), Data: data})
	}
	stale := storage.Changeset{Incidents: []incident.Incident{incidentAt(9, 1)}}
	for _, bad := range []storage.Changeset{join(cs, stale), join(stale, cs)} {
		if _, err := s.Apply(ctx, bad); !errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf("apply of a stale incident: %w", err)
		}
		for n := range all {
			if err := has(ctx, s, digest(n), nil); err != nil {
				return fmt.Errorf("in a Changeset that was refused: %w", err)
			}
		}
	}
	if _, err := s.Apply(ctx, cs); err != nil {
		return err
	}
	again := withImages("again", digest(0), digest(4))
	if _, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{again}, Contents: []activity.Content{cs.Contents[0], cs.Contents[4], cs.Contents[4]}}); err != nil {
		return fmt.Errorf("what is given again: %w", err)
	}
	for n, data := range all {
		if err := has(ctx, s, digest(n), data); err != nil {
			return err
		}
	}
	return nil
}

// namedContents goes through what makes a content come and go.
func namedContents(ctx context.Context, s storage.Storage) error {
	gone := withImages("gone", "a", "b", "other")
	gone.Redacted = true
	for _, step := range []struct {
		what string
		cs   storage.Changeset
		here []string // of a, b and c
	}{
		{"contents that no entry names", storage.Changeset{Contents: []activity.Content{content("a", "a"), content("b", "b")}}, nil},
		{"an entry without its content, and one that names it twice", storage.Changeset{Activity: []activity.Entry{withImages("1", "a"), withImages("2", "a", "b", "b")},
			Contents: []activity.Content{content("b", "b")}}, []string{"b"}},
		{"a content after its entry", storage.Changeset{Contents: []activity.Content{content("a", "a"), content("c", "c")}}, []string{"a", "b"}},
		{"one of two entries redacted", storage.Changeset{Redact: []activity.ID{"1"}}, []string{"a", "b"}},
		{"the same again", storage.Changeset{Redact: []activity.ID{"1", "1"}}, []string{"a", "b"}},
		{"a redacted entry", storage.Changeset{Activity: []activity.Entry{gone}, Contents: []activity.Content{content("c", "c")}}, []string{"a", "b"}},
		{"that entry redacted", storage.Changeset{Redact: []activity.ID{"gone"}}, []string{"a", "b"}},
		{"another entry", storage.Changeset{Activity: []activity.Entry{withImages("3", "b")}}, []string{"a", "b"}},
		{"the entry that names one twice redacted", storage.Changeset{Redact: []activity.ID{"2"}}, []string{"b"}},
		{"the last redacted, while another comes", storage.Changeset{Activity: []activity.Entry{withImages("4", "b", "c")}, Redact: []activity.ID{"3"},
			Contents: []activity.Content{content("c", "c")}}, []string{"b", "c"}},
		{"that one redacted", storage.Changeset{Redact: []activity.ID{"4"}}, nil},
		{"what is gone given again", storage.Changeset{Contents: []activity.Content{content("b", "b")}}, nil},
		{"what is gone given again with an entry", storage.Changeset{Activity: []activity.Entry{withImages("5", "b")}, Contents: []activity.Content{content("b", "b")}}, []string{"b"}},
	} {
		if _, err := s.Apply(ctx, step.cs); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		for _, digest := range []string{"a", "b", "c"} {
			var want []byte
			for _, h := range step.here {
				if h == digest {
					want = []byte(digest)
				}
			}
			if err := has(ctx, s, digest, want); err != nil {
				return fmt.Errorf("%s: %w", step.what, err)
			}
		}
	}
	return nil
}

// redacted redacts entries of every kind, in every company, and sees what it leaves.
func redacted(ctx context.Context, s storage.Storage) error {
	if err := populate(ctx, s, 1); err != nil {
		return err
	}
	whole := full().Activity[1] // with nothing left out
	whole.ID, whole.Incident = "whole", "i00000"
	given := full().Activity[0] // redacted somewhere else
	given.ID = "given"
	described := newEntry("described", "i00000") // whose texts are in its changes
	described.Type, described.Text = activity.Described, ""
	described.Changes = []activity.Change{
		{Field: "description", Before: `"a slip"`, After: `"fine"`}, {Field: "priority", Before: "1", After: "2"},
		{Field: "tags", Before: `[{"name":"a slip"}]`},
	}
	described = described.WithDigest(activity.Digest{1}, activity.Digest{})
	updated := newEntry("updated", "i00000")
	updated.Type, updated.Alert = activity.AlertUpdated, "edr:1"
	updated.Changes = []activity.Change{
		{Field: "tags", After: `["of the source"]`}, {Field: "title", Before: `"a slip"`, After: `"fine"`},
	}
	w := world{entries: []activity.Entry{
		newEntry("first0", "i00000"), whole, withImages("images", "d", "d"), withImages("plain"), given,
		withImages("stays", "d"), described, updated,
	}}
	if _, err := s.Apply(ctx, storage.Changeset{Activity: w.entries[1:]}); err != nil {
		return err
	}
	for n := range w.entries {
		w.entries[n].Seq = int64(n) + 1
	}
	agree := func() error {
		return s.View(ctx, func(r storage.Reader) error {
			return errors.Join(
				w.checkActivity(ctx, r, activity.Query{}), w.checkActivity(ctx, r, activity.Query{Newest: true, Limit: 3}),
				w.checkActivity(ctx, r, activity.Query{IDs: []activity.ID{"whole", "images", "stays"}}),
				w.checkActivity(ctx, r, activity.Query{Incidents: []incident.ID{"i00000"}, Types: []activity.Type{activity.Commented}}))
		})
	}
	if err := agree(); err != nil {
		return err
	}

	// Who names an entry that is not there, or not there yet, redacts nothing.
	late := newEntry("late", "i00000")
	for _, cs := range []storage.Changeset{
		{Redact: []activity.ID{"images", "none"}}, {Redact: []activity.ID{"none", "images"}},
		{Redact: []activity.ID{"images", "late"}, Activity: []activity.Entry{late}, Incidents: []incident.Incident{newIncident(1)}},
	} {
		if err := unchanged(ctx, s, cs, storage.ErrNotFound); err != nil {
			return err
		}
	}
	if err := unchanged(ctx, s, storage.Changeset{Redact: []activity.ID{"images"}, Incidents: []incident.Incident{incidentAt(9, 0)}}, storage.ErrConflict); err != nil {
		return err
	}

	return s.View(ctx, func(before storage.Reader) error {
		was := append([]activity.Entry(nil), w.entries...)
		for _, ids := range [][]activity.ID{
			{"images"}, {"whole", "plain"}, {"whole", "images", "images"}, {"given"}, {"described", "updated"},
		} {
			receipt, err := s.Apply(ctx, storage.Changeset{Redact: ids})
			if err != nil {
				return fmt.Errorf("redacting %q: %w", ids, err)
			}
			if receipt.Seq != 0 {
				return fmt.Errorf("redacting %q gave Seq %d", ids, receipt.Seq)
			}
			for _, id := range ids {
				for n, e := range w.entries {
					if e.ID == id {
						w.entries[n] = e.Redact()
					}
				}
			}
			if err := agree(); err != nil {
				return fmt.Errorf("redacting %q: %w", ids, err)
			}
			seen, err := collect(before.Activity(ctx, activity.Query{}))
			if err != nil || len(seen) != len(was) {
				return fmt.Errorf("a View that began before sees %d entries, want %d: %w", len(seen), len(was), err)
			}
			for n, e := range seen {
				if !reflect.DeepEqual(e, was[n]) && !reflect.DeepEqual(e, w.entries[n]) {
					return fmt.Errorf("a View that began before sees %s neither as it was nor as it is: %s", name(e), unlike(e, w.entries[n]))
				}
			}
		}
		receipt, err := s.Apply(ctx, storage.Changeset{Activity: []activity.Entry{late}, Redact: []activity.ID{"first0"}})
		if err == nil && receipt.Seq != int64(len(was))+1 {
			err = fmt.Errorf("after %d entries and redactions came Seq %d", len(was), receipt.Seq)
		}
		return err
	})
}
