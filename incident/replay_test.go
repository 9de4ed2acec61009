package incident_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/incident"
)

// A shelf is one incident as a storage would keep it, and as it was after each command.
type shelf struct {
	archive
	moments []incident.Incident
	ends    []int64 // Seq of the last entry of each
}

// put stores an effect, giving Seqs with gaps, where other incidents have theirs.
func (s *shelf) put(e incident.Effect) {
	if len(e.Activity) == 0 {
		s.keep(e)
		return // alerts were counted
	}
	for n := range e.Activity {
		e.Activity[n].Seq = int64(10*len(s.log) + 10 + n)
	}
	last := e.Activity[len(e.Activity)-1].Seq
	s.keep(e)
	s.Incident.Version++
	s.moments, s.ends = append(s.moments, s.Incident.Clone()), append(s.ends, last)
}

func each(entries []activity.Entry) iter.Seq2[activity.Entry, error] {
	return func(yield func(activity.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// anyHistory draws the history of an incident that was imported, worked on here and imported again.
func anyHistory(t *rapid.T) *shelf {
	s := &shelf{}
	d := draftOf(t, 0)
	e, err := incident.Create(command(0), d.Reference.IncidentID(), d, d.Alerts, nil, tax)
	require.NoError(t, err)
	s.put(e)
	for n := 1; n <= rapid.IntRange(0, 8).Draw(t, "commands"); n++ {
		switch rapid.IntRange(0, 2).Draw(t, "command") {
		case 0:
			s.put(s.update(t, n, draftOf(t, n)))
		case 1:
			e, err := incident.AddComment(command(n), s.Incident, incident.CommentDraft{Text: "hm"})
			require.NoError(t, err)
			s.put(e)
		default:
			if e, err := pane(t).Apply(command(n), s.Case, tax); err == nil {
				s.put(e)
			}
		}
	}
	return s
}

func TestReplayGivesTheIncidentAsItWasAfterEachCommand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyHistory(t)
		now, err := incident.Replay(each(s.log))
		require.NoError(t, err)
		require.Equal(t, s.Incident, now)
		before, err := incident.ReplayUntil(each(s.log), s.log[0].Seq-1)
		require.NoError(t, err)
		require.Zero(t, before)
		command := 0
		for _, e := range s.log {
			if e.Seq > s.ends[command] {
				command++
			}
			then, err := incident.ReplayUntil(each(s.log), e.Seq)
			require.NoError(t, err)
			require.Equal(t, s.moments[command], then, "as of entry %d", e.Seq)
		}
	})
}

// A4: an entry that is missing, comes twice or was altered is found, if it says anything of the incident.
func TestReplayFindsWhatWasDoneToTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyHistory(t)
		at := rapid.IntRange(0, len(s.log)-1).Draw(t, "at")
		log := slices.Clone(s.log)
		switch rapid.SampledFrom([]string{"drop", "repeat", "swap", "alter"}).Draw(t, "how") {
		case "drop":
			log = slices.Delete(log, at, at+1)
		case "repeat":
			log = slices.Insert(log, at, log[at])
		case "swap":
			if at == 0 {
				return
			}
			log[at-1], log[at] = log[at], log[at-1]
		default:
			if len(log[at].Changes) == 0 {
				return
			}
			log[at] = log[at].Clone()
			c := &log[at].Changes[rapid.IntRange(0, len(log[at].Changes)-1).Draw(t, "change")]
			c.Before, c.After = c.After, c.Before
		}
		got, err := incident.Replay(each(log))
		if err != nil {
			require.ErrorIs(t, err, incident.ErrReplay)
			return
		}
		// What said nothing of the incident, or was the last to speak, leaves no contradiction, but the state shows it.
		if len(incident.Diff(s.Incident, got)) > 0 {
			return
		}
		e := s.log[at]
		require.True(t, len(e.Changes) == 0 || e.Alert != "" && e.Type != activity.AlertAdded, "%+v passed", e)
	})
}

// Each error names the entry, the field, what it says and what would have fitted.
func TestReplayErrors(t *testing.T) {
	made := func(seq int64, typ activity.Type, changes ...activity.Change) activity.Entry {
		return activity.Entry{Seq: seq, ID: activity.ID(fmt.Sprint("c", seq, "/0")), Cause: fmt.Sprint("c", seq), Incident: "i", Type: typ, Time: start, Changes: changes}
	}
	created := made(3, activity.IncidentCreated, activity.Change{Field: "name", After: `"A"`})
	elsewhere := made(7, activity.Commented)
	elsewhere.Incident = "j"
	copied := created
	copied.Origin = "j"
	for _, c := range []struct {
		log  []activity.Entry
		want incident.ReplayError
	}{
		{[]activity.Entry{elsewhere}, incident.ReplayError{Seq: 7, Entry: "c7/0", Field: "type", Got: "commented", Want: "the beginning, incidentCreated"}},
		{[]activity.Entry{copied}, incident.ReplayError{Seq: 3, Entry: "c3/0", Field: "type", Got: "incidentCreated", Want: "the beginning, incidentCreated"}},
		{[]activity.Entry{created, made(4, activity.IncidentCreated)}, incident.ReplayError{Seq: 4, Entry: "c4/0", Field: "type", Got: "incidentCreated", Want: "one beginning"}},
		{[]activity.Entry{created, elsewhere}, incident.ReplayError{Seq: 7, Entry: "c7/0", Field: "incident", Got: "j", Want: "i"}},
		{[]activity.Entry{created, made(3, activity.Renamed)}, incident.ReplayError{Seq: 3, Entry: "c3/0", Field: "seq", Got: "3", Want: "more than 3"}},
		{[]activity.Entry{created, made(4, activity.Renamed, activity.Change{Field: "name", Before: `"B"`, After: `"C"`})},
			incident.ReplayError{Seq: 4, Entry: "c4/0", Field: "name", Got: `"B"`, Want: `the value before it, "\"A\""`}},
		{[]activity.Entry{created, made(4, activity.Renamed, activity.Change{Field: "colour", After: `"red"`})},
			incident.ReplayError{Seq: 4, Entry: "c4/0", Field: "colour", Got: `"red"`, Want: "a field of an incident"}},
	} {
		_, err := incident.Replay(each(c.log))
		got, ok := errors.AsType[*incident.ReplayError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, c.want, *got)
	}
	for _, bad := range []activity.Value{`"x"`, `x`, `3},"comments":{`} {
		_, err := incident.Replay(each([]activity.Entry{created, made(4, activity.AlertAdded, activity.Change{Field: "alerts.count", Before: "", After: bad})}))
		assert.ErrorIs(t, err, incident.ErrReplay)
		assert.ErrorContains(t, err, `entry 4 (c4/0): alerts.count is `)
	}
	broken := errors.New("disk gone")
	_, err := incident.Replay(func(yield func(activity.Entry, error) bool) { yield(activity.Entry{}, broken) })
	assert.Equal(t, broken, err)
	nothing, err := incident.Replay(each(nil))
	require.NoError(t, err)
	assert.Zero(t, nothing)
}

// What a merge copied from another incident is about that other one.
func TestCopiedEntriesTellNothing(t *testing.T) {
	c := open(t, newAlert(0, alert.Low, "d"))
	c.Incident.Version = 1
	log, err := incident.AddComment(command(1), c.Incident, incident.CommentDraft{Text: "hm"})
	require.NoError(t, err)
	created, err := incident.Create(command(0), "i1", incident.Draft{}, c.Alerts, nil, tax)
	require.NoError(t, err)
	other := activity.Entry{ID: "m/7", Incident: "i1", Origin: "i2", Cause: "m", Time: start.Add(-time.Hour), Type: activity.Renamed,
		Changes: []activity.Change{{Field: "name", Before: `"X"`, After: `"Y"`}}}
	got, err := incident.Replay(each(slices.Concat(created.Activity, []activity.Entry{other}, log.Activity, []activity.Entry{other})))
	require.NoError(t, err)
	want := log.Incident
	want.Version = 2
	assert.Equal(t, want, got)
}

// A batch gives one incident many alerts, each by a part of the command and at a Version of its own.
func TestPartsOfABatchAreCommands(t *testing.T) {
	cmd := func(part string) incident.Command {
		return incident.Command{ID: "a/b", Part: part, By: kai, At: start}
	}
	e, err := incident.Create(cmd("0"), "i", incident.Draft{}, []alert.Alert{newAlert(0, alert.Low, "d")}, nil, tax)
	require.NoError(t, err)
	log, i := e.Activity, e.Incident
	for n := range 3 {
		i.Version++
		e := incident.AddAlert(cmd(fmt.Sprint("x/", n)), i, newAlert(n+1, alert.High, "d"), nil, func(alert.Key) bool { return true })
		log, i = append(log, e.Activity...), e.Incident
	}
	got, err := incident.Replay(each(log))
	require.NoError(t, err)
	assert.EqualValues(t, 4, got.Version)

	for n, e := range log {
		assert.Equal(t, map[string]int64{"0": 1, "x/0": 2, "x/1": 3, "x/2": 4}[e.Part], e.Version, n)
		if n > 0 && log[n-1].Part == e.Part {
			assert.Equal(t, log[n-1].Index+1, e.Index, n)
		} else {
			assert.Zero(t, e.Index, n)
		}
	}
	_, err = incident.Replay(each(slices.DeleteFunc(log, func(e activity.Entry) bool { return e.Part == "x/1" })))
	broken, ok := errors.AsType[*incident.ReplayError](err)
	require.True(t, ok, "a command is missing, and nothing else tells: %v", err)
	assert.Equal(t, "version", broken.Field)
}

// Every field comes back as it was, whatever is in it.
func TestReplayKeepsEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		d := incident.Draft{Reference: incident.Reference{System: text.Draw(t, "system"), ID: "1" + text.Draw(t, "id"), URL: text.Draw(t, "url")},
			Name: "n" + text.Draw(t, "name"), Description: text.Draw(t, "description"),
			Owner:  incident.Owner{ID: "k" + text.Draw(t, "owner"), Kind: alert.GroupOwner},
			Tags:   []incident.Tag{{Name: "t" + text.Draw(t, "tag"), Kind: alert.SystemTag}},
			Status: incident.Redirected, RedirectTo: incident.Reference{System: "s", ID: text.Draw(t, "to")},
			Verdict: classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}}
		extra, err := json.Marshal(map[string]string{text.Draw(t, "key"): text.Draw(t, "value")})
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(rapid.SampledFrom([][]byte{extra, []byte(`{"html":"<b>&"}`), []byte(`{"z":1.0,"a":1e3}`)}).Draw(t, "extra"), &d.Extra))
		a := newAlert(0, alert.High, text.Draw(t, "device"))
		a.Techniques = []string{text.Draw(t, "technique")}
		e, err := incident.Create(command(0), "i", d, []alert.Alert{a}, nil, tax)
		if err != nil {
			return // a name of blanks, or no target
		}
		got, err := incident.Replay(each(e.Activity))
		require.NoError(t, err)
		e.Incident.Version = 1
		require.Equal(t, e.Incident, got)
	})
}

func TestDiff(t *testing.T) {
	a := incident.Incident{ID: "i", Version: 1, Number: 2, Name: "A", Updated: start}
	b := a
	assert.Empty(t, incident.Diff(a, b))
	b.Version, b.Number, b.Updated = 9, 9, start.Add(1)
	assert.Empty(t, incident.Diff(a, b))
	b.Name, b.Owner, b.Alerts.Count = "B", incident.Owner{ID: "kai"}, 3
	assert.Equal(t, []activity.Change{
		{Field: "name", Before: `"A"`, After: `"B"`}, {Field: "owner", After: `{"kind":"user","id":"kai"}`}, {Field: "alerts.count", After: "3"},
	}, incident.Diff(a, b))
}

// A mirror that has read the entries before they were purged replays the same tombstone as one that reads them after.
func TestReplayOfWhatWasPurged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyHistory(t)
		s.Incident.Status, s.Incident.Resolved = incident.Resolved, start
		e, err := incident.Purge(command(99), s.Incident, s.Incident, start.Add(1), "over")
		require.NoError(t, err)
		require.True(t, e.Purge)
		before := slices.Clone(s.log)
		s.put(e)
		purge := s.log[len(s.log)-1]
		for _, mirrored := range []bool{true, false} {
			var log []activity.Entry
			for _, old := range before {
				if !mirrored {
					old = old.Skeleton()
				}
				log = append(log, old)
			}
			told, err := incident.Replay(each(append(log, purge)))
			require.NoError(t, err)
			want := s.Incident
			want.Number = told.Number
			require.Equal(t, want, told)
		}
	})
}
