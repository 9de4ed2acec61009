// Package managers tests what managers do on one storage, in one process after the other or in several at once.
package managers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
)

var (
	siem  = activity.Actor{Kind: activity.App, ID: "siem"}
	kai   = activity.Actor{ID: "kai@contoso.com"}
	start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
)

// raise returns an alert of a sensor on a device.
func raise(id, host string) alert.Alert {
	return alert.Alert{
		Origin: alert.Origin{Source: "edr", ID: id}, Title: "Malware", Severity: alert.High, FirstActivity: start,
		Evidence: []alert.Evidence{{Entity: alert.Device{HostName: host}}},
	}
}

// Steps gives the commands of a sequence, each under a CommandID that is made from the sequence's name, so that the
// whole sequence may be given again: an incident is created, commented on, and given a tag that is taken away again,
// and an alert comes in.
func Steps(ctx context.Context, m *manager.Manager, name string) error {
	id := func(step string) manager.CommandID { return manager.CommandID(name + " " + step) }
	i, err := m.Create(ctx, kai, incident.Draft{Name: name}, id("create"))
	if err != nil {
		return err
	}
	if _, err = m.Comment(ctx, kai, i.ID, incident.CommentDraft{Text: "once " + name}, id("comment")); err != nil {
		return err
	}
	if _, err = m.Edit(ctx, kai, i.ID, incident.Edit{AddTags: []string{"once"}}, id("tag")); err != nil {
		return err
	}
	if _, err = m.Ingest(ctx, siem, []alert.Alert{raise("once "+name, "of "+name)}, id("ingest")); err != nil {
		return err
	}
	_, err = m.Edit(ctx, kai, i.ID, incident.Edit{RemoveTags: []string{"once"}}, id("untag"))
	return err
}

// RequireOnce sees that each command of the sequences with these names has had its effect exactly once.
func RequireOnce(t *testing.T, s storage.Storage, names []string) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(r storage.Reader) error {
		created := make(map[string][]incident.ID)
		for i, err := range r.Incidents(t.Context(), incident.Query{}) {
			require.NoError(t, err)
			created[i.Name] = append(created[i.Name], i.ID)
		}
		log := make(map[incident.ID][]string)
		added := make(map[alert.ID]int)
		for e, err := range r.Activity(t.Context(), activity.Query{}) {
			require.NoError(t, err)
			switch e.Type {
			case activity.AlertAdded:
				added[e.Alert]++
			case activity.Commented:
				log[e.Incident] = append(log[e.Incident], e.Text)
			default:
				log[e.Incident] = append(log[e.Incident], e.Type.String())
			}
		}
		for _, name := range names {
			require.Len(t, created[name], 1, "incidents named %s", name)
			want := []string{
				activity.IncidentCreated.String(), "once " + name,
				activity.TagsChanged.String(), activity.TagsChanged.String(),
			}
			require.Equal(t, want, log[created[name][0]], name)
			a, err := r.Alert(t.Context(), raise("once "+name, "").Origin.AlertID())
			require.NoError(t, err, name)
			require.Zero(t, a.Repeats, "alert %s was counted again", name)
			require.Equal(t, 1, added[a.ID], name)
		}
		return nil
	}))
}

// TestCommandIDs sees on s, which is empty, that each CommandID stands for one command only.
func TestCommandIDs(t *testing.T, s storage.Storage) {
	m := manager.New(s, nil)
	ctx := t.Context()
	one, err := m.Create(ctx, kai, incident.Draft{Name: "one"})
	require.NoError(t, err)
	two, err := m.Create(ctx, kai, incident.Draft{Name: "two"})
	require.NoError(t, err)
	tag := func(in incident.ID, name, id string) error {
		_, err := m.Edit(ctx, kai, in, incident.Edit{AddTags: []string{name}}, manager.CommandID(id))
		return err
	}
	// An ID that begins with another, and with the name of a part of it, is neither.
	_, err = m.EditAll(ctx, kai, incident.Query{IDs: []incident.ID{one.ID}}, incident.Edit{AddTags: []string{"all"}},
		manager.CommandID("X"))
	require.NoError(t, err)
	require.NoError(t, tag(one.ID, "part", "X/"+string(one.ID)))
	require.NoError(t, tag(one.ID, "first", "X/0"))
	// The same command under its ID again is no other one, and any other one is refused.
	require.NoError(t, tag(one.ID, "mine", "Y"))
	_, err = m.Edit(ctx, kai, one.ID, incident.Edit{RemoveTags: []string{"mine"}})
	require.NoError(t, err)
	require.NoError(t, tag(one.ID, "mine", "Y"))
	before, err := m.Incident(ctx, kai, two.ID)
	require.NoError(t, err)
	require.ErrorIs(t, tag(two.ID, "mine", "Y"), manager.ErrCommandReused, "another incident")
	require.ErrorIs(t, tag(one.ID, "yours", "Y"), manager.ErrCommandReused, "another tag")
	require.ErrorIs(t, tag(one.ID, "yours", "X"), manager.ErrCommandReused, "another method")
	_, err = m.Edit(ctx, siem, one.ID, incident.Edit{AddTags: []string{"mine"}}, manager.CommandID("Y"))
	require.ErrorIs(t, err, manager.ErrCommandReused, "another actor")
	_, err = m.Ingest(ctx, siem, []alert.Alert{raise("a", "host")}, manager.CommandID("Y"))
	require.ErrorIs(t, err, manager.ErrCommandReused, "an alert")
	for _, c := range []struct {
		id   incident.ID
		tags []string
	}{{one.ID, []string{"all", "first", "part"}}, {two.ID, nil}} {
		i, err := m.Incident(ctx, kai, c.id)
		require.NoError(t, err)
		var tags []string
		for _, tag := range i.Tags {
			tags = append(tags, tag.Name)
		}
		assert.ElementsMatch(t, c.tags, tags, i.Name)
	}
	after, err := m.Incident(ctx, kai, two.ID)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

// TestVersions sees on s, which is empty, that the version of an incident that was merged away is not taken for that of
// the incident that it went to.
func TestVersions(t *testing.T, s storage.Storage) {
	m := manager.New(s, nil)
	ctx := t.Context()
	results, err := m.Ingest(ctx, siem, []alert.Alert{raise("a", "host-a"), raise("b", "host-b")})
	require.NoError(t, err)
	target, source := results[0].Incident, results[1].Incident
	seen, err := m.Edit(ctx, kai, source, incident.Edit{AddTags: []string{"false-alarm"}})
	require.NoError(t, err)
	merged, err := m.Merge(ctx, kai, target, []incident.ID{source}, "")
	require.NoError(t, err)
	require.Equal(t, seen.Version, merged.Version, "else the test shows nothing")
	_, err = m.Edit(ctx, kai, source, incident.Edit{Status: new(incident.Resolved)}, manager.IfVersion(seen.Version))
	require.ErrorIs(t, err, storage.ErrConflict)
	require.ErrorContains(t, err, string(target), "it says where the incident is now")
	now, err := m.Incident(ctx, kai, target)
	require.NoError(t, err)
	require.Equal(t, merged, now)
	_, err = m.Edit(ctx, kai, target, incident.Edit{Status: new(incident.Resolved)}, manager.IfVersion(merged.Version))
	require.NoError(t, err, "of the incident that was named")
}

// Unconfirmed returns the sequences that lines of what several processes have said begin and do not end, in order.
// A process says "began" and "ended" before a name.
func Unconfirmed(lines []string) (names []string) {
	ended := make(map[string]bool)
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "ended "); ok {
			ended[name] = true
		}
	}
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "began "); ok && !ended[name] {
			ended[name] = true
			names = append(names, name)
		}
	}
	return names
}

// Say runs Steps and tells say that they began, and that they ended.
func Say(ctx context.Context, m *manager.Manager, name string, say func(string)) error {
	say(fmt.Sprint("began ", name))
	if err := Steps(ctx, m, name); err != nil {
		return err
	}
	say(fmt.Sprint("ended ", name))
	return nil
}
