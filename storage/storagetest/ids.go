package storagetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// alike are identifiers that a storage may take for one another: by case, by width, by composition, by space, by
// number, by what cannot be seen.
var alike = []string{
	"", "id", "ID", "Id", "id ", " id", "id\t", "id\n", "id\x00", "ｉｄ", "\u0131d", "\u0130D", "i\u0307d", "id\u200b",
	"id\ufeff", "id\u0301", "id\u00ad",
	"é", "e\u0301", "É", "ß", "ss", "SS", "ẞ", "ﬁ", "fi", "K", "\u212a", "k", "Å", "\u212b", "A\u030a", "ς", "σ", "Σ",
	"1", "01", "1.0", "1e0", "+1", "１", "10", "9007199254740993", "9007199254740992", "0x1", "true", "True",
	"a/b", "a%2Fb", "a%2fb", "a\\b", "a:b", "a::b", "a|b", "a.b", "a..b", "a*", "a?", "a_", "a%", "a'", "a\"", "null",
	"NULL", "-", "--", ".", "..",
}

// alikeIDs stores records whose identifiers are alike, changes them one by one and takes one away, and sees after each
// that the others are as they were.
func alikeIDs(ctx context.Context, s storage.Storage) error {
	w := newWorld(0)
	var cs storage.Changeset
	for n, text := range alike {
		i := newIncident(n)
		i.ID, i.Owner.ID, i.Name = incident.ID(text), text, text
		i.References = []incident.Reference{{System: text, ID: "1"}, {System: "s", ID: text}}
		a := newAlert(n, i.ID)
		a.ID, a.Origin.ID = alert.ID(text), text
		a.Evidence = []alert.Evidence{{Entity: alert.URL{URL: text}}}
		e := newEntry(text, i.ID)
		e.Alert, e.Actor.ID, e.Origin = a.ID, text, i.ID
		e.Text, e.Attachments = text, []activity.Attachment{{Name: text, SHA256: text}}
		cs.Incidents, cs.Alerts, cs.Activity = append(cs.Incidents, i), append(cs.Alerts, a), append(cs.Activity, e)
		cs.Contents = append(cs.Contents, content(text, fmt.Sprint("content ", n)))
		cs.Items = append(cs.Items, storage.Item{Kind: text, Key: "key " + text, Incident: i.ID})
	}
	// One after the other, so that each is new among those that are there.
	for n := range alike {
		one := storage.Changeset{
			Incidents: cs.Incidents[n : n+1],
			Alerts:    cs.Alerts[n : n+1],
			Activity:  cs.Activity[n : n+1],
			Contents:  cs.Contents[n : n+1],
			Items:     cs.Items[n : n+1],
		}
		receipt, err := s.Apply(ctx, one)
		if err != nil {
			return fmt.Errorf("identifier %q beside others that are like it: %w", alike[n], err)
		}
		w.incidents = append(w.incidents, one.Incidents[0])
		w.alerts = append(w.alerts, one.Alerts[0])
		w.entries = append(w.entries, one.Activity[0])
		w.items = append(w.items, one.Items[0])
		w.items[n].Version = 1
		w.incidents[n].Version = 1
		w.incidents[n].Number = receipt.Numbers[0]
		w.alerts[n].Version = 1
		w.entries[n].Seq = receipt.Seq
	}
	find := func(n int) error {
		i, a, e := w.incidents[n], w.alerts[n], w.entries[n]
		return s.View(ctx, func(r storage.Reader) error {
			w.byIncident = nil
			item, itemErr := r.Item(ctx, alike[n], "key "+alike[n])
			err := errors.Join(
				w.checkIncidents(ctx, r, incident.Query{IDs: []incident.ID{i.ID}}),
				w.checkIncidents(ctx, r, incident.Query{Owners: []string{i.Owner.ID}}),
				w.checkIncidents(ctx, r, incident.Query{Entities: a.Keys()[:1]}),
				w.checkIncidents(ctx, r, incident.Query{Text: string(i.ID)}),
				w.checkIncidents(ctx, r, incident.Query{References: i.References[:1]}),
				w.checkIncidents(ctx, r, incident.Query{References: i.References[1:]}),
				w.checkAlerts(ctx, r, alert.Query{IDs: []alert.ID{a.ID}}),
				w.checkAlerts(ctx, r, alert.Query{Incidents: []incident.ID{i.ID}}),
				w.checkAlerts(ctx, r, alert.Query{Entities: a.Keys()[:1]}),
				w.checkActivity(ctx, r, activity.Query{IDs: []activity.ID{e.ID}}),
				w.checkActivity(ctx, r, activity.Query{Incidents: []incident.ID{i.ID}}),
				w.checkActivity(ctx, r, activity.Query{Alerts: []alert.ID{a.ID}}),
				w.checkActivity(ctx, r, activity.Query{Actors: []string{e.Actor.ID}}),
				w.checkActivity(ctx, r, activity.Query{Origins: []incident.ID{i.ID}}),
				oneByID(alike[n], item, itemErr, w.items[n], true),
				w.checkItems(ctx, r, storage.ItemQuery{Kinds: alike[n : n+1]}),
			)
			if err != nil {
				return fmt.Errorf("identifier %q: %w", alike[n], err)
			}
			return nil
		})
	}
	for n := range alike {
		i, a := w.incidents[n], w.alerts[n]
		i.Name, a.Title = "changed", "changed"
		if _, err := s.Apply(ctx, storage.Changeset{
			Incidents: []incident.Incident{i},
			Alerts:    []alert.Alert{a},
			Items:     w.items[n : n+1],
		}); err != nil {
			return fmt.Errorf("identifier %q, changed: %w", alike[n], err)
		}
		i.Version, a.Version, w.items[n].Version = 2, 2, 2
		w.incidents[n], w.alerts[n] = i, a
		if err := find(n); err != nil {
			return err
		}
		if n%2 == 0 {
			if _, err := s.Apply(ctx, storage.Changeset{Redact: []activity.ID{w.entries[n].ID}}); err != nil {
				return err
			}
			w.entries[n] = w.entries[n].Redact()
		}
	}
	for n := range alike {
		if n%3 == 0 {
			i := w.incidents[n]
			if _, err := s.Apply(ctx, storage.Changeset{
				Incidents: []incident.Incident{i},
				Purge:     []incident.ID{i.ID},
			}); err != nil {
				return fmt.Errorf("identifier %q, purged: %w", alike[n], err)
			}
			w.incidents[n].Version++
			w.entries[n] = w.entries[n].Skeleton()
			w.alerts[n].Incident = "gone"
			w.alerts[n].ID = alert.ID(fmt.Sprint("gone", n))
		}
	}
	left := *w
	left.alerts, left.items = nil, nil
	for n, a := range w.alerts {
		if n%3 != 0 {
			left.alerts = append(left.alerts, a)
		}
		if n%3 != 0 || w.items[n].Incident == "" { // which belongs to none
			left.items = append(left.items, w.items[n])
		}
	}
	return s.View(ctx, func(r storage.Reader) error {
		return errors.Join(
			left.checkIncidents(ctx, r, incident.Query{}),
			left.checkAlerts(ctx, r, alert.Query{}),
			left.checkActivity(ctx, r, activity.Query{}),
			left.checkItems(ctx, r, storage.ItemQuery{}),
		)
	})
}
