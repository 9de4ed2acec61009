package manager_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
)

// A tower is another system: its incidents, and what has become of them here as the rules say it.
type tower struct {
	*twoSides
	t      *rapid.T
	policy incident.Side
	skew   time.Duration // of its clock
	stamps bool          // it says when it changed an incident

	cases map[string]*towerCase
	ids   []string
	old   []incident.Draft // what was imported, in order
	next  int              // of values, which are unique
	seen  []string         // values of decisions of the other system that an import has brought
	said  []string         // values of decisions here
}

type towerCase struct {
	draft       incident.Draft
	imported    bool
	stamp       time.Time // of the last import
	owner, text decided
}

// A decided value is one field as it was at the last import and as it is here.
type decided struct {
	base, here string
	at         time.Time // when it was changed here
}

func (w *tower) value() string {
	w.next++
	return fmt.Sprintf("v%03d", w.next)
}

func (w *tower) pick() *towerCase { return w.cases[rapid.SampledFrom(w.ids).Draw(w.t, "incident")] }

// change makes one change there.
func (w *tower) change() {
	c, d := w.pick(), (*incident.Draft)(nil)
	d = &c.draft
	switch rapid.IntRange(0, 7).Draw(w.t, "there") {
	case 0, 1:
		d.Owner.ID = w.value()
	case 2:
		d.Description = w.value()
	case 3:
		d.Comments = append(slices.Clone(d.Comments), incident.Comment{By: "otto", Time: w.now, Text: w.value()})
	case 4:
		if n := len(d.Comments); n > 0 {
			d.Comments = slices.Clone(d.Comments)
			d.Comments[rapid.IntRange(0, n-1).Draw(w.t, "comment")].Text = w.value()
		}
	case 5:
		if other := w.pick(); other != c && len(d.Alerts) > 0 {
			other.draft.Alerts = append(slices.Clone(other.draft.Alerts), d.Alerts[0])
			d.Alerts = d.Alerts[1:]
			w.stamp(other)
		}
	case 6:
		d.Tags = []incident.Tag{{Name: w.value()}}
	case 7:
		d.Alerts = append(slices.Clone(d.Alerts), raise(w.next, 0, alert.Device{DeviceID: w.value()}))
	}
	w.stamp(c)
}

func (w *tower) stamp(c *towerCase) {
	if w.stamps {
		c.draft.Reference.Updated = w.now.Add(w.skew)
	}
}

// decide makes one change here.
func (w *tower) decide() {
	c := w.pick()
	if !c.imported {
		return
	}
	id := c.draft.Reference.IncidentID()
	v := w.value()
	switch rapid.IntRange(0, 4).Draw(w.t, "here") {
	case 0, 1:
		w.edit(w.t, id, incident.Edit{Owner: &incident.Owner{ID: v}})
		c.owner.here, c.owner.at = v, w.now
	case 2:
		w.edit(w.t, id, incident.Edit{Description: &v})
		c.text.here, c.text.at = v, w.now
	case 3:
		_, err := w.Comment(bg, kai, id, incident.CommentDraft{Text: v})
		require.NoError(w.t, err)
	case 4:
		w.edit(w.t, id, incident.Edit{AddTags: []string{v}})
	}
	w.said = append(w.said, v)
}

// take imports a draft, and makes the model what the rules say of it.
func (w *tower) take(d incident.Draft) {
	c := w.cases[d.Reference.ID]
	before := w.now
	_, result := w.bring(w.t, d)
	late := c.imported && !d.Reference.Updated.IsZero() && d.Reference.Updated.Before(c.stamp)
	require.Equal(w.t, late, result.Late)
	if late {
		return
	}
	for _, f := range []struct {
		*decided
		there string
	}{{&c.owner, d.Owner.ID}, {&c.text, d.Description}} {
		there, here := f.there != f.base, f.here != f.base
		switch {
		case !c.imported:
			f.here = f.there
		case !there || f.there == f.here:
		case !here, w.policy == incident.Theirs:
			f.here = f.there
		case w.policy == incident.LastDecided && (d.Reference.Updated.IsZero() && !before.Before(f.at) || d.Reference.Updated.After(f.at)):
			f.here = f.there
		}
		f.base = f.there
		if f.there != "" {
			w.seen = append(w.seen, f.there)
		}
	}
	for _, one := range d.Comments {
		w.seen = append(w.seen, one.Text)
	}
	c.imported, c.stamp = true, d.Reference.Updated
	w.old = append(w.old, d)
}

// Whatever happens on both sides, in whatever order imports come, are lost and come again: each field is what its policy
// says, no decision of anybody is lost without a word in the log, and no comment is there twice.
func TestTwoSidesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &tower{
			twoSides: openTwoSides(), t: t, cases: make(map[string]*towerCase),
			policy: incident.Side(rapid.IntRange(0, 2).Draw(t, "policy")),
			skew:   time.Duration(rapid.IntRange(-300, 300).Draw(t, "skew")) * time.Second,
			stamps: rapid.IntRange(0, 3).Draw(t, "stamps") > 0,
		}
		clock := func() time.Time { w.now = w.now.Add(time.Second); return w.now }
		w.Manager = manager.New(w.Storage, &manager.Options{Now: clock, Policy: incident.Policy{
			Imports: incident.ImportPolicy{Owner: w.policy, Description: w.policy},
		}})
		for n := range 3 {
			id := fmt.Sprint(n)
			d := there(id, w.skew, raise(1000+n, 0, alert.Device{DeviceID: id}))
			if d.Owner.ID = w.value(); !w.stamps {
				d.Reference.Updated = time.Time{}
			}
			w.ids, w.cases[id] = append(w.ids, id), &towerCase{draft: d}
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0, 1:
				w.change()
			case 2, 3:
				w.decide()
			case 4, 5:
				w.take(w.pick().draft)
			case 6:
				if len(w.old) > 0 && w.stamps { // without stamps, an old state looks like a new one
					w.take(rapid.SampledFrom(w.old).Draw(t, "again"))
				}
			}
		}
		for range 2 { // until it is quiet
			for _, id := range w.ids {
				w.take(w.cases[id].draft)
			}
		}
		w.settled()
	})
}

// settled requires what is true when all is quiet.
func (w *tower) settled() {
	var told strings.Builder // all that the log says
	comments := make(map[string]int)
	for e, err := range w.Activity(bg, kai, activity.Query{}) {
		require.NoError(w.t, err)
		fmt.Fprintf(&told, "%s %v\n", e.Text, e.Changes)
		if e.Type == activity.Commented && e.Origin == "" {
			comments[e.Text]++
		}
	}
	for _, v := range slices.Concat(w.seen, w.said) {
		require.Contains(w.t, told.String(), v)
		require.LessOrEqual(w.t, comments[v], 1, "a comment twice")
	}
	for _, id := range w.ids {
		c := w.cases[id]
		i, err := w.Incident(bg, kai, c.draft.Reference.IncidentID())
		require.NoError(w.t, err)
		require.Equal(w.t, c.owner.here, i.Owner.ID, "owner of %s", id)
		require.Equal(w.t, c.text.here, i.Description, "description of %s", id)
		for _, tag := range c.draft.Tags {
			require.True(w.t, i.HasTag(tag.Name), "%s", tag.Name)
		}
		for _, a := range c.draft.Alerts {
			now, err := w.Alert(bg, kai, a.Origin.AlertID())
			require.NoError(w.t, err)
			require.EqualValues(w.t, i.ID, now.Incident)
		}
	}
	for v, err := range manager.Check(bg, w.Storage) {
		require.NoError(w.t, err)
		require.Fail(w.t, v.String())
	}
}
