package incident_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// read yields the log of an incident, as a storage would.
func (d *desk) read(id incident.ID) iter.Seq2[activity.Entry, error] {
	return func(yield func(activity.Entry, error) bool) {
		for _, e := range d.logOf(id) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (d *desk) entry(t require.TestingT, id activity.ID) activity.Entry {
	n := slices.IndexFunc(d.log, func(e activity.Entry) bool { return e.ID == id })
	require.GreaterOrEqual(t, n, 0, "entry %s", id)
	return d.log[n]
}

// redact redacts an entry and returns the effects.
func (d *desk) redact(t require.TestingT, id activity.ID) []incident.Effect {
	effects, err := d.tryRedact(t, id)
	require.NoError(t, err)
	return effects
}

// tryRedact redacts an entry unless that is refused.
func (d *desk) tryRedact(t require.TestingT, id activity.ID) ([]incident.Effect, error) {
	entry := d.entry(t, id)
	copies, err := incident.Copies(entry, d.read)
	require.NoError(t, err)
	var others []incident.Incident
	for _, c := range copies {
		others = append(others, d.incidents[c.Incident])
	}
	c := incident.Case{Incident: d.incidents[d.follow(t, entry.Incident)]}
	if a, ok := d.alerts[entry.Alert]; ok {
		c.Alerts = []alert.Alert{a}
	}
	first := copies[0]
	for _, c := range copies {
		if c.Origin == "" {
			first = c
		}
	}
	earlier := slices.DeleteFunc(d.logOf(first.Incident), func(e activity.Entry) bool { return e.Seq >= first.Seq })
	effects, err := incident.Redact(d.command(), c, others, copies, earlier, "not ours to keep")
	d.keep(t, effects...)
	return effects, err
}

// redactAny redacts any comment there is and holds the whole log against what it was before.
func (d *desk) redactAny(t *rapid.T) {
	var comments []activity.Entry
	for _, e := range d.log {
		if e.Type == activity.Commented {
			comments = append(comments, e)
		}
	}
	if len(comments) == 0 {
		return
	}
	comment := rapid.SampledFrom(comments).Draw(t, "comment")
	before, counts := slices.Clone(d.log), map[incident.ID]int{}
	for id, i := range d.incidents {
		counts[id] = i.Comments
	}
	effects := d.redact(t, comment.ID)
	require.Equal(t, comment.Redacted, len(effects) == 0, "the second time there is nothing to do")
	for n, e := range before {
		if !comment.Redacted && e.Text == comment.Text { // each comment says something else
			e = e.Redact()
		}
		require.Equal(t, e, d.log[n], "nothing else changes")
	}
	for _, e := range d.log[len(before):] {
		require.Equal(t, activity.Redacted, e.Type)
	}
	for id, i := range d.incidents {
		require.Equal(t, counts[id], i.Comments)
	}
	require.Empty(t, d.redact(t, comment.ID))
}

// After a redaction nobody finds what the comment said, wherever merges have carried it and whichever of them were
// undone, and whether the comment is named or a copy of it.
func TestARedactionReachesAllCopies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk()
		ids := []incident.ID{"a", "b", "c", "d", "e"}
		for n, id := range ids {
			d.create(t, id, incident.Draft{Comments: []incident.Comment{{By: "dave", Time: start, Text: fmt.Sprint("imported ", n, ".")}}})
		}
		for n := range rapid.IntRange(1, 25).Draw(t, "commands") {
			id := rapid.SampledFrom(ids).Draw(t, "incident")
			switch rapid.IntRange(0, 7).Draw(t, "command") {
			case 0, 1, 2:
				_ = d.merge(t, id, rapid.SampledFrom(ids).Draw(t, "source"))
			case 3, 4:
				_ = d.unmerge(t, id)
			case 5:
				d.comment(t, d.follow(t, id), fmt.Sprint("remark ", n, "."))
			default:
				d.redactAny(t)
			}
			d.check(t)
		}
	})
}

// Whoever could give a copy of the comment to another incident at this moment is written to, so that he who does is
// too late: all incidents that have a copy and were not merged away.
func TestARedactionIsLoggedWhereverTheCommentStands(t *testing.T) {
	d := newDesk()
	for _, id := range []incident.ID{"a", "b", "c", "d"} {
		d.create(t, id, incident.Draft{})
	}
	d.comment(t, "a", "a secret")
	first := d.log[len(d.log)-1].ID
	require.NoError(t, d.merge(t, "b", "a")) // b has a copy
	require.NoError(t, d.unmerge(t, "a"))
	require.NoError(t, d.merge(t, "c", "b")) // c has a copy of the copy
	require.NoError(t, d.merge(t, "d", "a")) // d has another, and a leads there
	copies, err := incident.Copies(d.entry(t, first), d.read)
	require.NoError(t, err)
	var in []incident.ID
	for _, c := range copies {
		in = append(in, c.Incident)
		again, err := incident.Copies(c, d.read)
		require.NoError(t, err)
		assert.ElementsMatch(t, copies, again, "as found from %s", c.Incident)
	}
	assert.ElementsMatch(t, []incident.ID{"a", "b", "c", "d"}, in)

	effects := d.redact(t, first)
	require.Len(t, effects, 2)
	assert.EqualValues(t, "d", effects[0].Incident.ID)
	assert.Len(t, effects[0].Redact, 4)
	assert.EqualValues(t, "c", effects[1].Incident.ID)
	for _, e := range effects {
		require.Len(t, e.Activity, 1)
		assert.Equal(t, first, e.Activity[0].Subject)
		assert.Equal(t, "not ours to keep", e.Activity[0].Text)
		assert.Equal(t, activity.Management, e.Activity[0].Category(), "an audit, not a comment")
	}
	d.check(t)
	require.NoError(t, d.merge(t, "c", "d"))
	d.check(t)
	for _, e := range d.log {
		assert.NotContains(t, e.Text, "secret")
		if e.Type == activity.Redacted {
			assert.Equal(t, first, e.Subject, "in a copy too")
		}
	}
}

// Where other incidents went that were merged into the comment's, it cannot have gone.
func TestCopiesAreLookedForWhereTheyCanBe(t *testing.T) {
	d := newDesk()
	for _, id := range []incident.ID{"a", "b", "c"} {
		d.create(t, id, incident.Draft{})
	}
	require.NoError(t, d.merge(t, "b", "a"))
	require.NoError(t, d.unmerge(t, "a"))
	require.NoError(t, d.merge(t, "c", "a")) // c's log tells that a was merged into b
	d.comment(t, "c", "a secret")
	var read []incident.ID
	copies, err := incident.Copies(d.log[len(d.log)-1], func(id incident.ID) iter.Seq2[activity.Entry, error] {
		read = append(read, id)
		return d.read(id)
	})
	require.NoError(t, err)
	assert.Equal(t, d.log[len(d.log)-1:], copies)
	assert.Equal(t, []incident.ID{"c"}, read)
}

// Only an entry that holds a text is redacted, and only for a reason that can be logged.
func TestWhatCannotBeRedacted(t *testing.T) {
	d := twoIncidents(t)
	d.edit(t, "a", incident.Edit{Status: new(incident.InProgress)})
	_, err := incident.Copies(d.log[len(d.log)-1], d.read)
	invalid, ok := errors.AsType[*alert.FieldError](err)
	require.True(t, ok)
	assert.Equal(t, alert.FieldError{
		Record: "entry c4/0", Field: "type", Value: "statusChanged", Want: "an entry that holds a text",
	}, *invalid)

	broken := errors.New("disk gone")
	_, err = incident.Copies(activity.Entry{ID: "x/0", Text: "x"}, func(incident.ID) iter.Seq2[activity.Entry, error] {
		return func(yield func(activity.Entry, error) bool) { yield(activity.Entry{}, broken) }
	})
	assert.ErrorIs(t, err, broken)

	effects, err := incident.Redact(command(1), incident.Case{Incident: d.incidents["a"]}, nil, nil, nil, "\xff")
	assert.Empty(t, effects)
	for _, field := range []string{"reason", "entry"} {
		_, ok = errorFor(err, field)
		assert.True(t, ok, field)
	}
	copies := []activity.Entry{{ID: "x/0", Type: activity.Commented, Incident: "a"}}
	long := strings.Repeat("ä", incident.MaxComment+1)
	_, err = incident.Redact(command(1), incident.Case{Incident: d.incidents["a"]}, nil, copies, nil, long)
	assert.ErrorIs(t, err, alert.ErrInvalid)
	effects, err = incident.Redact(command(1), incident.Case{Incident: d.incidents["a"]}, nil, copies, nil, "")
	require.NoError(t, err)
	assert.Len(t, effects, 1)
}

// A comment that another system gives again after it was redacted is known by its ID.
func TestARedactedCommentIsNotImportedAgain(t *testing.T) {
	d := newDesk()
	draft := incident.Draft{Reference: incident.Reference{System: "theirs", ID: "1"}, Comments: []incident.Comment{{By: "dave", Time: start, Text: "a secret"}}}
	id := draft.Reference.IncidentID()
	d.create(t, id, draft)
	d.redact(t, draft.CommentIDs()[0])
	known := incident.Known{Comments: map[activity.ID]bool{}}
	for _, e := range d.log {
		known.Comments[e.ID] = true
	}
	draft.Reference.Updated = start
	e, err := incident.Update(d.command(), d.party(id).Case, draft, nil, known, tax)
	require.NoError(t, err)
	d.keep(t, e)
	d.check(t)
	for _, e := range d.log {
		assert.NotContains(t, e.Text, "secret")
	}
}
