package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

var (
	ransomware = incident.Tag{Name: "Ransomware", Kind: alert.AttackType}
	adfs       = incident.Tag{Name: "ADFS", Kind: alert.CriticalAsset}
	vip        = incident.Tag{Name: "vip"}
)

// bringing is the n-th alert, which brings tags.
func bringing(n int, tags ...incident.Tag) alert.Alert {
	a := newAlert(n, alert.Low, fmt.Sprint("d", n))
	a.SystemTags = tags
	return a
}

// What alerts bring is on the incident as long as they are, whatever people do; a name that people have put there
// themselves is theirs.
func TestDerivedTagsFollowTheAlerts(t *testing.T) {
	s := archive{Case: open(t, bringing(1, ransomware))}
	edit := func(e incident.Edit) []incident.Tag {
		effect, err := e.Apply(command(1), s.Case, tax)
		require.NoError(t, err)
		s.keep(effect)
		return s.Incident.Tags
	}
	assert.Equal(t, []incident.Tag{ransomware}, s.Incident.Tags)
	assert.Equal(t, []incident.Tag{ransomware, vip}, edit(incident.Edit{AddTags: []string{"RANSOMWARE", "vip"}}))
	assert.Equal(t, []incident.Tag{ransomware, vip}, edit(incident.Edit{RemoveTags: []string{"Ransomware"}}))

	quiet := s.Alerts[0]
	quiet.SystemTags = nil
	s.keep(updated(t, command(2), s.Case, quiet))
	assert.Equal(t, []incident.Tag{vip}, s.Incident.Tags)

	own := incident.Tag{Name: "ransomWARE"}
	assert.Equal(t, []incident.Tag{own, vip}, edit(incident.Edit{AddTags: []string{own.Name}}))
	s.keep(updated(t, command(3), s.Case, bringing(1, adfs, ransomware)))
	assert.Equal(t, []incident.Tag{adfs, own, vip}, s.Incident.Tags)
	assert.Equal(t, []incident.Tag{adfs, ransomware, vip}, edit(incident.Edit{RemoveTags: []string{"ransomware"}}))
}

// Which of two spellings an incident shows does not depend on which came first.
func TestSpellingsAlertsDisagreeOn(t *testing.T) {
	lower := incident.Tag{Name: "adfs", Kind: alert.AttackType}
	other := incident.Tag{Name: "ADFS", Kind: alert.AutomaticAction}
	for _, order := range [][]alert.Alert{
		{bringing(1, lower), bringing(2, adfs), bringing(3, other)}, {bringing(3, other), bringing(2, adfs), bringing(1, lower)}, {bringing(2, adfs), bringing(1, lower), bringing(3, other)},
	} {
		assert.Equal(t, []incident.Tag{other}, open(t, order...).Incident.Tags)
	}
	strange := bringing(1, vip, incident.Tag{Name: "x", Kind: alert.SystemTag})
	assert.Empty(t, open(t, strange).Incident.Tags, "no rule brings tags of these kinds")
}

// The limit is for what people and sources set.
func TestDerivedTagsDoNotCount(t *testing.T) {
	c := open(t, bringing(1, ransomware, adfs))
	e, err := incident.Edit{AddTags: many(incident.MaxTags)}.Apply(command(1), c, tax)
	require.NoError(t, err)
	assert.Len(t, e.Incident.Tags, incident.MaxTags+2)
	_, err = incident.Edit{AddTags: many(incident.MaxTags + 1)}.Apply(command(1), c, tax)
	require.ErrorIs(t, err, alert.ErrInvalid)
	_, err = incident.Edit{AddTags: append(many(incident.MaxTags), "adfs")}.Apply(command(1), c, tax)
	assert.NoError(t, err, "it is there")
}

// What another system calls a system tag is one, of whatever kind; a later import does not take away what the
// alerts bring, and what the other system has is there when they are gone.
func TestImportedTags(t *testing.T) {
	system := func(name string) incident.Tag { return incident.Tag{Name: name, Kind: alert.SystemTag} }
	d := incident.Draft{Reference: theirs, Tags: []incident.Tag{{Name: "Experts", Kind: alert.Experts}, vip}, Alerts: []alert.Alert{bringing(1, ransomware)}}
	s := imported(t, d)
	assert.Equal(t, []incident.Tag{system("Experts"), ransomware, vip}, s.Incident.Tags)

	d.Reference.Updated, d.Tags, d.Alerts = start.Add(time.Hour), nil, nil
	s.keep(s.update(t, 1, d))
	assert.Equal(t, []incident.Tag{system("Experts"), ransomware}, s.Incident.Tags, "only custom tags become those of the draft")

	d.Reference.Updated, d.Tags = start.Add(2*time.Hour), []incident.Tag{system("ransomware")}
	s.keep(s.update(t, 2, d))
	assert.Equal(t, []incident.Tag{system("Experts"), system("ransomware")}, s.Incident.Tags)

	gone := imported(t, incident.Draft{Reference: theirs, Status: incident.Redirected, RedirectTo: incident.Reference{System: "theirs", ID: "8"}, Tags: []incident.Tag{ransomware}})
	assert.Equal(t, []incident.Tag{system("Ransomware")}, gone.Incident.Tags)

	_, err := incident.Create(command(1), "i", incident.Draft{Tags: []incident.Tag{{Name: "x", Kind: alert.CriticalAsset + 1}}}, nil, nil, tax)
	assert.ErrorContains(t, err, "tags.kind")
}

// M8: derived tags go where the alerts go, there and back; the source keeps those it had as a memory of them.
func TestDerivedTagsInAMerge(t *testing.T) {
	d := newDesk()
	d.create(t, "a", incident.Draft{Tags: []incident.Tag{{Name: "adfs"}}, Alerts: []alert.Alert{bringing(1)}})
	d.create(t, "b", incident.Draft{Tags: []incident.Tag{vip}, Alerts: []alert.Alert{bringing(2, adfs), bringing(3, ransomware)}})
	require.NoError(t, d.merge(t, "a", "b"))
	assert.Equal(t, []incident.Tag{ransomware, {Name: "adfs"}, vip}, d.incidents["a"].Tags)
	assert.Equal(t, []incident.Tag{adfs, ransomware, {Name: "Redirected", Kind: alert.SystemTag}, vip}, d.incidents["b"].Tags)
	d.check(t)

	d.edit(t, "a", incident.Edit{RemoveTags: []string{"adfs"}})
	assert.Equal(t, []incident.Tag{adfs, ransomware, vip}, d.incidents["a"].Tags)
	require.NoError(t, d.unmerge(t, "b"))
	assert.Empty(t, d.incidents["a"].Tags)
	assert.Equal(t, []incident.Tag{adfs, ransomware, vip}, d.incidents["b"].Tags)
	d.check(t)
}

func TestDerivedTagsInAMove(t *testing.T) {
	d := newDesk()
	d.create(t, "a", incident.Draft{Alerts: []alert.Alert{bringing(1, adfs), bringing(2, adfs, ransomware)}})
	require.NoError(t, d.move(t, "b", "siem:2"))
	assert.Equal(t, []incident.Tag{adfs}, d.incidents["a"].Tags)
	assert.Equal(t, []incident.Tag{adfs, ransomware}, d.incidents["b"].Tags)
	require.NoError(t, d.move(t, "b", "siem:1"))
	assert.Empty(t, d.incidents["a"].Tags)
	d.check(t)
}
