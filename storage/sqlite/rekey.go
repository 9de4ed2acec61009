package sqlite

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// keysChanged is the migration before which package alert computed other keys.
const keysChanged = "migrations/0009_keys.sql"

// A keyRow is where an entity is seen: a row of alert_keys, and its primary key.
type keyRow struct {
	key   alert.Key
	at    int64 // first_activity
	alert alert.ID
}

// A rekeying compares the rows of alert_keys with the keys that the alerts of an incident have, or of a part of it.
type rekeying struct {
	*session
	incident incident.ID
	alerts   map[alert.ID]bool
	rows     map[keyRow]bool // that there should be; whether the alert is standalone
}

// maxRekeyed is from how many rows on they are compared, so that what is held in memory does not grow with an incident.
const maxRekeyed = 10_000

// rekey makes alert_keys have the keys of all alerts, and no others. Rows that stay keep their stamps, new ones have
// none. It reads all columns of alerts, and so has to follow the last migration.
func (s *session) rekey(ctx context.Context) error {
	all, err := s.query(ctx, `SELECT `+alertColumns+` FROM alerts ORDER BY incident, first_activity, id`, nil)
	if err != nil {
		return err
	}
	defer all.close()
	r := rekeying{session: s, alerts: make(map[alert.ID]bool), rows: make(map[keyRow]bool)}
	for all.Next() {
		var a alert.Alert
		if err := all.Scan(alertPlaces(&a)...); err != nil {
			return err
		}
		if a.Incident != r.incident || len(r.rows) >= maxRekeyed {
			if err := r.compare(ctx); err != nil {
				return err
			}
			r.incident = a.Incident
		}
		r.alerts[a.ID] = true
		for _, key := range a.Keys() {
			r.rows[keyRow{key, a.FirstActivity.UnixMicro(), a.ID}] = a.Standalone
		}
	}
	return errors.Join(all.Err(), all.close(), r.compare(ctx))
}

// compare changes the rows that are not as they should be, and forgets them.
func (r *rekeying) compare(ctx context.Context) error {
	gone, err := r.gone(ctx)
	if err != nil {
		return err
	}
	for _, row := range gone {
		err := r.exec(ctx, `DELETE FROM alert_keys WHERE key = ? AND first_activity = ? AND alert = ?`,
			row.key, row.at, row.alert)
		if err != nil {
			return err
		}
	}
	fresh := slices.SortedFunc(maps.Keys(r.rows), func(a, b keyRow) int { // as they stand in the table
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at), cmp.Compare(a.alert, b.alert))
	})
	for _, row := range fresh {
		err := r.exec(ctx, `INSERT INTO alert_keys (key, first_activity, alert, incident, standalone)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT (key, first_activity, alert)
			DO UPDATE SET (incident, standalone) = (excluded.incident, excluded.standalone)`,
			row.key, row.at, row.alert, r.incident, r.rows[row])
		if err != nil {
			return err
		}
	}
	clear(r.alerts)
	clear(r.rows)
	return nil
}

// gone returns the rows of the alerts that should not be there. Those that are as they should be leave r.rows.
func (r *rekeying) gone(ctx context.Context) (gone []keyRow, err error) {
	if len(r.alerts) == 0 {
		return nil, nil
	}
	stored, err := r.query(ctx, `SELECT key, first_activity, alert, standalone
		FROM alert_keys INDEXED BY alert_keys_incident WHERE incident = ?`, []any{r.incident})
	if err != nil {
		return nil, err
	}
	defer stored.close()
	for stored.Next() {
		var row keyRow
		var standalone bool
		if err := stored.Scan(&row.key, &row.at, &row.alert, &standalone); err != nil {
			return nil, err
		}
		switch want, ok := r.rows[row]; {
		case !r.alerts[row.alert]: // it is of another part of the incident
		case !ok:
			gone = append(gone, row)
		case want == standalone:
			delete(r.rows, row)
		}
	}
	return gone, errors.Join(stored.Err(), stored.close())
}
