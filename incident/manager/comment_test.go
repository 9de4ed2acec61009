package manager_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

const black, white = 0, 255

// picture is an image of a pixel.
func picture(name string, shade uint8) incident.Image {
	m := image.NewGray(image.Rect(0, 0, 1, 1))
	m.SetGray(0, 0, color.Gray{Y: shade})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // a buffer takes everything
	}
	return incident.Image{Name: name, Data: b.Bytes()}
}

func digest(i incident.Image) string {
	sum := sha256.Sum256(i.Data)
	return hex.EncodeToString(sum[:])
}

// stored returns what is stored of an image, nil when it is not.
func stored(t require.TestingT, s storage.Storage, i incident.Image) (data []byte) {
	err := s.View(context.Background(), func(r storage.Reader) (err error) {
		data, err = r.Content(context.Background(), digest(i))
		return err
	})
	if !errors.Is(err, storage.ErrNotFound) {
		require.NoError(t, err)
	}
	return data
}

// requireContents requires that black and white are stored as long as a comment that is not redacted has them.
func requireContents(t require.TestingT, s storage.Storage) {
	for _, i := range []incident.Image{picture("", black), picture("", white)} {
		var want []byte
		for e, err := range manager.New(s, nil).Activity(context.Background(), kai, activity.Query{}) {
			require.NoError(t, err)
			for _, a := range e.Attachments {
				if a.SHA256 == digest(i) && !e.Redacted {
					want = i.Data
				}
				require.True(t, a.Name != "" || e.Redacted)
			}
		}
		require.Equal(t, want, stored(t, s, i))
	}
}

func TestAnImageIsAttachedToAComment(t *testing.T) {
	m, s := open(t)
	id := apart(t, m, 1)[0]
	a, b := picture("a.png", white), picture("b.png", black)
	both := incident.CommentDraft{Images: []incident.Image{a, b}}
	would, err := m.Comment(t.Context(), kai, id, both, manager.DryRun())
	require.NoError(t, err)
	assert.Nil(t, stored(t, s, a))
	for range 2 {
		i, err := m.Comment(t.Context(), kai, id, both, manager.CommandID("k"))
		require.NoError(t, err)
		assert.Equal(t, 1, i.Comments)
		would.Version = i.Version
		assert.Equal(t, would, i)
	}
	one := incident.CommentDraft{Text: "![a](attachment:a.png)", Images: []incident.Image{a}}
	_, err = m.Comment(t.Context(), kai, id, one, manager.CommandID("other"))
	require.NoError(t, err)

	comments := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}}))
	require.Len(t, comments, 2)
	assert.Equal(t, []activity.Attachment{
		{Name: "a.png", Type: "image/png", Size: int64(len(a.Data)), Width: 1, Height: 1, SHA256: digest(a)},
		{Name: "b.png", Type: "image/png", Size: int64(len(b.Data)), Width: 1, Height: 1, SHA256: digest(b)},
	}, comments[0].Attachments)
	for _, image := range []incident.Image{a, b} {
		data, err := m.Content(t.Context(), kai, comments[0].ID, digest(image))
		require.NoError(t, err)
		assert.Equal(t, image.Data, data)
	}
	for comment, digest := range map[activity.ID]string{
		comments[1].ID: digest(b),
		comments[0].ID: "",
		"none/0":       digest(a),
	} {
		_, err := m.Content(t.Context(), kai, comment, digest)
		assert.ErrorIs(t, err, storage.ErrNotFound, "only what is attached to that comment")
	}
	consistent(t, s)
	requireContents(t, s)
}

// What is wrong with a comment is said, and nothing is kept.
func TestAnImageThatIsNone(t *testing.T) {
	m, s := open(t)
	id := apart(t, m, 1)[0]
	before := everythingIn(t, s)
	wrong := []incident.Image{picture("a", white), {Name: "../b", Data: []byte("x")}}
	_, err := m.Comment(t.Context(), kai, id, incident.CommentDraft{Text: "look", Images: wrong})
	assert.ErrorIs(t, err, alert.ErrInvalid)
	assert.ErrorContains(t, err, "images[1].name")
	assert.ErrorContains(t, err, "images[1].data")
	_, err = m.Comment(t.Context(), kai, "nothing", incident.CommentDraft{Text: "look", Images: wrong[:1]})
	assert.ErrorIs(t, err, storage.ErrNotFound)
	assert.Equal(t, before, everythingIn(t, s))
}

// A comment is redacted wherever it was copied, by whichever of its IDs, and its picture stays where another comment
// has it.
func TestRedact(t *testing.T) {
	s, ids := merged(t)
	m := standing(s)
	same := incident.CommentDraft{Text: "the same picture", Images: []incident.Image{picture("z", white)}}
	_, err := m.Comment(t.Context(), kai, ids[0], same)
	require.NoError(t, err)
	_, err = m.Unmerge(t.Context(), kai, ids[4], "")
	require.NoError(t, err)
	_, err = m.Merge(t.Context(), kai, ids[2], ids[3:4], "")
	require.NoError(t, err)
	secrets := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}, Incidents: ids[2:]}))
	require.Len(t, secrets, 3)
	before := everythingIn(t, s)

	would, err := m.Redact(t.Context(), kai, secrets[1].ID, "not ours", manager.DryRun())
	require.NoError(t, err)
	assert.Equal(t, before, everythingIn(t, s))
	i, err := m.Redact(t.Context(), kai, secrets[1].ID, "not ours", manager.IfVersion(would.Version), manager.CommandID("r"))
	require.NoError(t, err)
	assert.Equal(t, ids[2], i.ID, "where the incident that the entry is in leads to")
	would.Version++
	assert.Equal(t, would, i)
	after := everythingIn(t, s)
	require.Len(t, after.log, len(before.log)+2, "the first is an incident of its own again")
	for n, e := range before.log {
		if e.Text == "a secret" {
			e = e.Redact()
		}
		assert.Equal(t, e, after.log[n])
	}
	for n, e := range after.log[len(before.log):] {
		assert.Equal(t, activity.Redacted, e.Type)
		assert.Equal(t, secrets[0].ID, e.Subject)
		assert.Equal(t, "not ours", e.Text)
		assert.Equal(t, []incident.ID{ids[2], ids[4]}[n], e.Incident)
	}
	consistent(t, s)
	requireContents(t, s)
	for _, e := range secrets {
		_, err := m.Content(t.Context(), kai, e.ID, digest(picture("", white)))
		assert.ErrorIs(t, err, storage.ErrNotFound)
		again, err := m.Redact(t.Context(), kai, e.ID, "again")
		require.NoError(t, err, "there is nothing left")
		assert.NotEmpty(t, again.ID)
	}
	again, err := m.Redact(
		t.Context(), kai, secrets[1].ID, "not ours",
		manager.IfVersion(would.Version-1),
		manager.CommandID("r"),
	)
	require.NoError(t, err)
	assert.Equal(t, i, again)
	assert.Equal(t, after, everythingIn(t, s))

	_, err = m.Content(t.Context(), kai, saying(t, s, "the same picture"), digest(picture("", white)))
	require.NoError(t, err)
	_, err = m.Redact(t.Context(), kai, saying(t, s, "the same picture"), "")
	require.NoError(t, err)
	assert.Nil(t, everythingIn(t, s).images[0])
}

func TestWhatIsNotRedacted(t *testing.T) {
	m, s := open(t)
	apart(t, m, 1)
	before := everythingIn(t, s)
	_, err := m.Redact(t.Context(), kai, "none/0", "")
	assert.ErrorIs(t, err, storage.ErrNotFound)
	_, err = m.Redact(t.Context(), kai, before.log[0].ID, "")
	assert.ErrorIs(t, err, incident.ErrCurrent, "the name is the incident's still")
	_, err = m.Redact(t.Context(), kai, before.log[0].ID, "\xff")
	assert.ErrorIs(t, err, alert.ErrInvalid)
	assert.Equal(t, before, everythingIn(t, s))
}

// The reason of a redaction is redacted wherever it was copied, and no rule is broken.
func TestTheReasonOfARedactionIsRedacted(t *testing.T) {
	m, s := open(t)
	ids := apart(t, m, 2)
	_, err := m.Comment(t.Context(), kai, ids[1], incident.CommentDraft{Text: "a secret"})
	require.NoError(t, err)
	_, err = m.Redact(t.Context(), kai, saying(t, s, "a secret"), "it said a secret")
	require.NoError(t, err)
	_, err = m.Merge(t.Context(), kai, ids[0], ids[1:], "")
	require.NoError(t, err)
	_, err = m.Redact(t.Context(), kai, saying(t, s, "it said a secret"), "")
	require.NoError(t, err)
	for _, e := range everythingIn(t, s).log {
		assert.NotContains(t, e.Text, "secret")
	}
	consistent(t, s)
}

// A comment that was imported and redacted stays so, however often it is imported again.
func TestARedactedCommentStaysSoWhenImported(t *testing.T) {
	m, s := open(t)
	d := draft()
	d.Comments = []incident.Comment{{By: "dave", Time: start, Text: "a secret"}}
	i, _, err := m.Import(t.Context(), siem, d)
	require.NoError(t, err)
	_, err = m.Redact(t.Context(), kai, d.CommentIDs()[0], "")
	require.NoError(t, err)
	d.Reference.Updated, d.Name = d.Reference.Updated.Add(1e9), "changed"
	again, _, err := m.Import(t.Context(), siem, d)
	require.NoError(t, err)
	assert.Equal(t, i.Comments, again.Comments)
	for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{})) {
		assert.NotContains(t, e.Text, "secret")
	}
	consistent(t, s)
}

// A comment about an alert is in the log of its incident, marked with the alert, and is another than the same about the
// incident. It is imported once, and can be taken back.
func TestImportedCommentsAboutAlerts(t *testing.T) {
	m, s := open(t)
	d := draft()
	about := d.Alerts[1].Origin.AlertID()
	d.Comments = []incident.Comment{{By: "dave", Time: start, Text: "hi"}, {By: "dave", Time: start, Text: "hi", Alert: about}}
	for range 2 {
		i, _, err := m.Import(t.Context(), siem, d)
		require.NoError(t, err)
		assert.Equal(t, 2, i.Comments)
	}
	d.Comments = append(d.Comments, incident.Comment{By: "eve", Time: start, Text: "later", Alert: about})
	d.Reference.Updated = d.Reference.Updated.Add(1e9)
	i, _, err := m.Import(t.Context(), siem, d)
	require.NoError(t, err)
	var alerts []alert.ID
	for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}})) {
		alerts = append(alerts, e.Alert)
	}
	assert.ElementsMatch(t, []alert.ID{"", about, about}, alerts)
	consistent(t, s)
	_, err = m.Redact(t.Context(), kai, d.CommentIDs()[1], "")
	require.NoError(t, err)
	consistent(t, s)
	h, err := m.Incident(t.Context(), kai, i.ID)
	require.NoError(t, err)
	assert.Equal(t, 3, h.Comments)
	d.Comments[0].Alert = alert.ID(strings.Repeat("x", alert.MaxID+1))
	fit, notes := d.Fit(classification.Defender())
	assert.Empty(t, fit.Comments[0].Alert)
	assert.Len(t, notes, 1)
}

// An interrupted storage lets somebody else be faster once, at the first Apply.
type interrupted struct {
	storage.Storage
	first *func(storage.Changeset)
}

func (i interrupted) Apply(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
	if do := *i.first; do != nil {
		*i.first = nil
		do(cs)
	}
	return i.Storage.Apply(ctx, cs)
}

// Whatever merge or unmerge comes between finding the copies and redacting them, none is missed.
func TestNoMergeCarriesATextPastItsRedaction(t *testing.T) {
	ctx := context.Background()
	tried := 0
	for n := range 5 * 5 {
		x, y := n/5, n%5
		for named := range 3 {
			s, ids := merged(t)
			m := manager.New(s, nil)
			_, err := m.Unmerge(ctx, kai, ids[4], "") // but there is a copy in the one before it
			require.NoError(t, err)
			_, err = m.Merge(ctx, kai, ids[1], ids[4:], "")
			require.NoError(t, err)
			copies := all(t, m.Activity(ctx, kai, activity.Query{Types: []activity.Type{activity.Commented}}))
			require.Len(t, copies, 3)
			between := func(storage.Changeset) {
				if x == y {
					_, err = m.Unmerge(ctx, kai, ids[x], "")
				} else {
					_, err = m.Merge(ctx, kai, ids[x], ids[y:y+1], "")
				}
				if err == nil {
					tried++
				}
			}
			_, redacted := manager.New(interrupted{s, &between}, nil).Redact(ctx, kai, copies[named].ID, "")
			require.NoError(t, redacted)
			for _, e := range all(t, m.Activity(ctx, kai, activity.Query{})) {
				require.NotContains(t, e.Text, "secret", "merge of %d into %d in between: %+v", y, x, e)
			}
			consistent(t, s)
			requireContents(t, s)
		}
	}
	assert.Greater(t, tried, 10)
}

// However often somebody else is faster, an image is decoded once, and not while others write.
func TestAnImageIsDecodedOnce(t *testing.T) {
	m, s := open(t)
	id := apart(t, m, 1)[0]
	i := picture("a", white)
	between := func(storage.Changeset) {
		_, err := m.Edit(t.Context(), kai, id, incident.Edit{Name: new("faster")})
		require.NoError(t, err)
		clear(i.Data)
	}
	attached := incident.CommentDraft{Images: []incident.Image{i}}
	_, err := manager.New(interrupted{s, &between}, nil).Comment(t.Context(), kai, id, attached)
	require.NoError(t, err)
}

// While comments are merged and taken apart by many, nobody carries a text past its redaction.
func TestRedactionsAmidMerges(t *testing.T) {
	for round := range uint64(10) {
		m, s := open(t)
		ids := apart(t, m, 4)
		const comments = 12
		for n := range comments {
			_, err := m.Comment(
				t.Context(), kai, ids[n%4],
				incident.CommentDraft{Text: fmt.Sprintf("secret %d.", n), Images: []incident.Image{picture("a", black)}},
			)
			require.NoError(t, err)
		}
		secrets := all(t, m.Activity(t.Context(), kai, activity.Query{Types: []activity.Type{activity.Commented}}))
		require.Len(t, secrets, comments)
		var wg sync.WaitGroup
		for worker := range uint64(3) {
			wg.Go(func() {
				lots := rand.New(rand.NewPCG(round, worker))
				for range 20 {
					var err error
					if id := ids[lots.IntN(4)]; lots.IntN(2) == 0 {
						_, err = m.Merge(context.Background(), kai, id, []incident.ID{ids[lots.IntN(4)]}, "")
					} else {
						_, err = m.Unmerge(context.Background(), kai, id, "")
					}
					if _, refused := errors.AsType[*incident.RefusedError](err); !refused {
						assert.NoError(t, err)
					}
				}
			})
		}
		wg.Go(func() {
			for _, e := range secrets {
				_, err := m.Redact(context.Background(), kai, e.ID, "")
				assert.NoError(t, err)
			}
		})
		wg.Wait()
		for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{})) {
			require.False(t, strings.HasPrefix(e.Text, "secret"), "%+v", e)
		}
		requireContents(t, s)
		consistent(t, s)
	}
}

// What a record still has of an entry does not keep the rest of it from being redacted: a description beside the name
// that an incident was created with, or the reason of a move that made an incident.
func TestTheRestOfAnEntryIsRedacted(t *testing.T) {
	const slip = "correct-horse-9"
	m, s := open(t)
	ids := apart(t, m, 3)
	draft := incident.Draft{Name: "Phone call", Description: slip, Tags: []incident.Tag{{Name: "vip"}}}
	created, err := m.Create(t.Context(), kai, draft)
	require.NoError(t, err)
	_, err = m.Edit(t.Context(), kai, created.ID, incident.Edit{Description: new("")})
	require.NoError(t, err)
	alerts := all(t, m.Alerts(t.Context(), kai, alert.Query{Incidents: ids[:1]}))
	_, err = m.MoveAlerts(t.Context(), kai, []alert.ID{alerts[0].ID}, "", slip)
	require.NoError(t, err)
	_, err = m.Merge(t.Context(), kai, ids[1], ids[2:], slip)
	require.NoError(t, err)

	said := func() (entries []activity.ID) {
		for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{})) {
			if text, err := json.Marshal(e); err == nil && strings.Contains(string(text), slip) {
				entries = append(entries, e.ID)
			}
		}
		return entries
	}
	require.NotEmpty(t, said())
	for _, e := range said() {
		_, err := m.Redact(t.Context(), kai, e, "")
		require.NoError(t, err)
	}
	assert.Empty(t, said())
	now, err := m.Incident(t.Context(), kai, created.ID)
	require.NoError(t, err)
	assert.Equal(t, "Phone call", now.Name)
	then, err := m.At(t.Context(), kai, created.ID, 1000)
	require.NoError(t, err)
	assert.Equal(t, now, then)
	consistent(t, s)
}

// A correction is redacted after a move whose reason stands where the title would, and what a corrected text became
// outlives a merge.
func TestCorrectionsOutliveMovesAndMerges(t *testing.T) {
	const slip, good = "correct-horse-9", "a good one"
	m, s := open(t)
	a := raise(7, 0)
	a.Title = slip
	results := ingest(t, m, a, raise(8, 0), raise(9, 0))
	_, err := m.MoveAlerts(t.Context(), kai, []alert.ID{results[0].ID}, results[1].Incident, "belongs there")
	require.NoError(t, err)
	_, err = m.EditAlerts(t.Context(), kai, []alert.ID{results[0].ID}, incident.AlertEdit{Title: new(good)})
	require.NoError(t, err)
	source := results[2].Incident
	for _, text := range []string{slip, good} {
		_, err := m.Edit(t.Context(), kai, source, incident.Edit{Name: &text, Description: &text})
		require.NoError(t, err)
	}
	_, err = m.Merge(t.Context(), kai, results[1].Incident, []incident.ID{source}, "")
	require.NoError(t, err)
	for _, e := range all(t, m.Activity(t.Context(), kai, activity.Query{})) {
		if text, err := json.Marshal(e); err == nil && strings.Contains(string(text), slip) {
			_, err := m.Redact(t.Context(), kai, e.ID, "")
			require.NoError(t, err, "%+v", e)
		}
	}
	assert.NotContains(t, fmt.Sprintf("%+v", everythingIn(t, s)), slip)
	i, err := m.Unmerge(t.Context(), kai, source, "")
	require.NoError(t, err)
	assert.Equal(t, good, i.Name)
	assert.Equal(t, good, i.Description)
	consistent(t, s)
}
