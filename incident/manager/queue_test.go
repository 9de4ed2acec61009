package manager_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// The queue opens with what is new, says how many there are, and offers values to go on with.
func TestQueue(t *testing.T) {
	m, s := open(t)
	hidden := raise(9, 0, alert.IP{Address: "192.0.2.9"})
	hidden.Severity = alert.Informational
	ingest(t, m, hidden, raise(1, 0, alert.IP{Address: "192.0.2.1"}), raise(2, 0, alert.IP{Address: "192.0.2.2"}), raise(3, 0, alert.IP{Address: "192.0.2.3"}))
	q := m.DefaultQuery()
	assert.Equal(t, incident.DefaultQuery(start), q)
	q.Limit = 2
	page := all(t, m.Incidents(t.Context(), kai, q))
	require.Len(t, page, 2)
	_, err := m.Edit(t.Context(), kai, page[0].ID, incident.Edit{Owner: &incident.Owner{ID: "kai"}, Status: new(incident.InProgress), AddTags: []string{"VIP"}})
	require.NoError(t, err)

	n, err := m.Count(t.Context(), kai, q)
	require.NoError(t, err)
	assert.Equal(t, 3, n, "of all pages")
	c, err := m.Facets(t.Context(), kai, q)
	require.NoError(t, err)
	assert.Equal(t, 3, c.Total)
	assert.Equal(t, map[incident.Status]int{incident.Active: 2, incident.InProgress: 1}, c.Statuses)
	assert.Equal(t, map[alert.Severity]int{alert.Medium: 3}, c.Severities)
	assert.Equal(t, map[string]storage.OwnerTally{"kai": {Owner: incident.Owner{ID: "kai"}, Count: 1}}, c.Owners)
	assert.Equal(t, 2, c.Unassigned)
	assert.Equal(t, map[string]storage.Tally{"vip": {Name: "VIP", Count: 1}}, c.Tags)
	assert.Equal(t, map[string]int{"edr": 3}, c.Sources)

	q.Except = []incident.Query{{Owners: []string{"kai"}}}
	n, err = m.Count(t.Context(), kai, q)
	require.NoError(t, err)
	assert.Equal(t, 2, n)

	require.NoError(t, s.Close())
	_, err = m.Count(t.Context(), kai, q)
	require.ErrorIs(t, err, storage.ErrClosed)
	_, err = m.Facets(t.Context(), kai, q)
	require.ErrorIs(t, err, storage.ErrClosed)
}
