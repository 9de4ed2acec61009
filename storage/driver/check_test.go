package driver_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// Keys that a Changeset has are taken as they are, and the others are computed.
func TestAlertKeys(t *testing.T) {
	a := alert.Alert{ID: "a", Title: "t", Evidence: []alert.Evidence{{Entity: alert.Device{DeviceID: "d"}}}}
	cs := storage.Changeset{Alerts: []alert.Alert{a, {ID: "b"}}}
	assert.Equal(t, a.Keys(), driver.AlertKeys(cs, 0))
	assert.NoError(t, driver.Check(cs))
	cs.AlertKeys = [][]alert.Key{nil, {"given"}}
	assert.Equal(t, a.Keys(), driver.AlertKeys(cs, 0))
	assert.Equal(t, []alert.Key{"given"}, driver.AlertKeys(cs, 1))
	assert.NoError(t, driver.Check(cs))

	for _, keys := range [][][]alert.Key{{nil}, {nil, nil, nil}} {
		cs.AlertKeys = keys
		assert.ErrorContains(t, driver.Check(cs), "want those of 2")
		assert.ErrorIs(t, driver.Check(cs), alert.ErrInvalid)
		assert.False(t, driver.Refused(driver.Check(cs)), "no other Version or ID would help")
	}
}

// What no storage keeps comes before a record that is there twice, and that before a purge of what is not there.
func TestCheckHasOneOrder(t *testing.T) {
	all := storage.Changeset{
		Items: []storage.Item{{Kind: "k"}, {Kind: "k"}},
		Purge: []incident.ID{"none"},
		Guard: storage.Guard{Seq: -1, Keys: []alert.Key{"k"}},
	}
	invalid, _ := errors.AsType[*alert.FieldError](driver.Check(all))
	require.NotNil(t, invalid)
	assert.Equal(t, alert.FieldError{Record: "changeset", Field: "guard.seq", Value: "-1", Want: "0 or more"}, *invalid)
	all.Guard.Seq = 0
	assert.ErrorIs(t, driver.Check(all), storage.ErrExists)
	all.Items = all.Items[:1]
	assert.ErrorIs(t, driver.Check(all), storage.ErrNotFound)
	all.Purge = nil
	assert.NoError(t, driver.Check(all))
}

// Each part of a Changeset that is no record is looked at too.
func TestCheckOfTheRest(t *testing.T) {
	long := strings.Repeat("x", alert.MaxID)
	good := storage.Changeset{
		Contents: []activity.Content{{SHA256: long, Data: make([]byte, 1)}},
		Redact:   []activity.ID{activity.ID(strings.Repeat("x", activity.MaxID))},
		Expire:   []storage.Expiry{{Kind: long}, {}},
		Guard:    storage.Guard{Seq: math.MaxInt64, Keys: []alert.Key{alert.Key(long + long)}},
	}
	require.NoError(t, driver.Check(good))
	for field, cs := range map[string]storage.Changeset{
		"contents[0].sha256": {Contents: []activity.Content{{SHA256: long + "x"}}},
		"contents[1].data":   {Contents: []activity.Content{{}, {Data: make([]byte, storage.MaxContentData+1)}}},
		"redact[1]":          {Redact: []activity.ID{"a", "\xff"}},
		"purge[0]":           {Purge: []incident.ID{"\xff"}},
		"expire[0].kind":     {Expire: []storage.Expiry{{Kind: long + "x"}}},
		"expire[0].before":   {Expire: []storage.Expiry{{Before: time.Time{}.Add(-1)}}},
		"guard.keys[0]":      {Guard: storage.Guard{Keys: []alert.Key{"\xff"}}},
		"alertKeys[0]":       {Alerts: make([]alert.Alert, 1), AlertKeys: [][]alert.Key{{"\xff"}}},
		"alertKeys":          {AlertKeys: [][]alert.Key{{"a"}}},
	} {
		invalid, _ := errors.AsType[*alert.FieldError](driver.Check(cs))
		if assert.NotNil(t, invalid, field) {
			assert.Equal(t, "changeset", invalid.Record)
			assert.Equal(t, field, invalid.Field)
		}
	}
}

// What an older version has stored is restored. Too much Data is what no version has ever stored.
func TestCheckOfWhatIsRestored(t *testing.T) {
	old := storage.Changeset{
		Incidents: []incident.Incident{{ID: "\xff", Status: 99}},
		Alerts:    []alert.Alert{{ID: alert.ID(strings.Repeat("x", 5000))}},
		Activity:  []activity.Entry{{Time: time.Date(58136, 1, 1, 0, 0, 0, 0, time.UTC)}},
		Items:     []storage.Item{{}},
	}
	assert.ErrorIs(t, driver.Check(old), alert.ErrInvalid)
	assert.NoError(t, driver.CheckRestored(old))
	old.Items[0].Data = make([]byte, storage.MaxItemData+1)
	assert.ErrorIs(t, driver.CheckRestored(old), alert.ErrInvalid)
	twice := storage.Changeset{Items: []storage.Item{{}, {}}}
	assert.ErrorIs(t, driver.CheckRestored(twice), storage.ErrExists)
}
