package driver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/alert"
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
