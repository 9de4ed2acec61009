package storagetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/driver"
)

// A witness stands before a storage and knows from a [model] what that should hold. After every Apply and Restore it
// reads the storage and compares: the lists, each record by its ID, the entries of incidents, the contents, the items
// by their places, and the last Seq. Applies that run at the same time must be such that some order of them explains
// all.
type witness struct {
	storage.Storage
	ctx     context.Context // of the case, in which the witness reads, whatever becomes of those that callers give
	lots    *rand.Rand
	lock    chan struct{} // a mutex that testing/synctest can see waiting
	running int           // Applies that have begun and not ended
	kept    []outcome     // of those that ended while others ran
	unknown []outcome     // that ended with the error of their context: kept, or not, or kept later
	model   *model
	steps   int
	closed  bool
	quiet   bool  // nothing is compared for now
	failure error // the first
}

// An outcome is a Changeset and what Apply returned for it.
type outcome struct {
	cs      storage.Changeset
	receipt storage.Receipt
	restore bool
}

// A witnessed error is what a witness has seen, whatever the case was about.
type witnessed struct{ error }

func (e *witnessed) Unwrap() error { return e.error }

// The sizes up to which a witness compares everything after each step. What is larger it compares in part, and in whole
// when the case is over.
const (
	smallWorld  = 20
	mediumWorld = 120
	fewRecords  = 6
	someRecords = 3
	manyRecords = 50
)

func watch(ctx context.Context, s storage.Storage) *witness {
	return &witness{
		Storage: s,
		ctx:     ctx,
		lots:    rand.New(rand.NewPCG(1, 2)),
		lock:    make(chan struct{}, 1),
		model:   newModel(),
	}
}

// face returns w as a storage that has the optional interfaces of the one it stands before.
func (w *witness) face() storage.Storage {
	waiter, waits := w.Storage.(storage.Waiter)
	_, restores := w.Storage.(storage.Restorer)
	switch {
	case waits && restores:
		return struct {
			*witness
			storage.Waiter
			restoring
		}{w, waiter, restoring{w}}
	case waits:
		return struct {
			*witness
			storage.Waiter
		}{w, waiter}
	case restores:
		return struct {
			*witness
			restoring
		}{w, restoring{w}}
	}
	return w
}

// Apply passes cs on, and sees what became of it.
func (w *witness) Apply(ctx context.Context, cs storage.Changeset) (receipt storage.Receipt, err error) {
	return w.step(ctx, cs, false, func() (storage.Receipt, error) { return w.Storage.Apply(ctx, cs) })
}

type restoring struct{ *witness }

// Restore passes cs on, and sees what became of it.
func (r restoring) Restore(ctx context.Context, cs storage.Changeset) error {
	_, err := r.step(ctx, cs, true, func() (storage.Receipt, error) {
		return storage.Receipt{}, r.Storage.(storage.Restorer).Restore(ctx, cs)
	})
	return err
}

// Close passes on. Nothing is compared after it.
func (w *witness) Close() error {
	w.lock <- struct{}{}
	w.closed = true
	<-w.lock
	return w.Storage.Close()
}

func (w *witness) step(
	ctx context.Context, cs storage.Changeset, restore bool, keep func() (storage.Receipt, error),
) (storage.Receipt, error) {
	given := outcome{cs: clone(cs), restore: restore}
	touched := &given.cs
	if !restore && refusal(cs) != nil {
		touched = &storage.Changeset{} // no storage can be asked for it
	}
	w.lock <- struct{}{}
	w.running++
	alone := w.running == 1 && len(w.kept) == 0
	var refusals []error
	guarded := false // the Guard may fail
	if alone {
		refusals, guarded = w.model.refusals(cs), w.model.mayFail(cs)
		if !w.closed && !w.quiet && w.small() {
			w.compare("before it", touched) // also shows to caches what is there, and what is not
		}
	}
	<-w.lock

	receipt, err := keep()

	w.lock <- struct{}{}
	defer func() { <-w.lock }()
	w.running--
	w.steps++
	given.receipt = storage.Receipt{Seq: receipt.Seq, Numbers: slices.Clone(receipt.Numbers)}
	refused := errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrExists) ||
		errors.Is(err, storage.ErrNotFound) || errors.Is(err, alert.ErrInvalid)
	alone = alone && w.running == 0 && len(w.kept) == 0
	changed := !reflect.DeepEqual(cs, given.cs)
	given.cs = driver.Canonical(given.cs)
	switch {
	case changed:
		w.fail(given, "changed its argument", nil)
	case err == nil:
		w.kept = append(w.kept, given)
		if alone && !restore && len(refusals) > 0 {
			w.fail(given, "was kept, want an error matching one of", refusals)
		}
	case refused && alone && !restore && len(w.unknown) == 0:
		conflict, _ := errors.AsType[*storage.ConflictError](err)
		switch key := conflict != nil && conflict.Record == "key"; {
		case key && !guarded:
			w.fail(
				given,
				fmt.Sprintf("failed with %q, which the Guard, of Seq %d with %d keys, gives no reason for",
					err, cs.Guard.Seq, len(cs.Guard.Keys)),
				nil,
			)
		case !key && !slices.ContainsFunc(refusals, func(want error) bool { return answers(err, want) }):
			w.fail(given, fmt.Sprintf("failed with %q, want an error matching one of", err), refusals)
		}
	case !refused && !errors.Is(err, storage.ErrClosed):
		w.unknown = append(w.unknown, given)
	}
	if w.running == 0 && !w.closed && !w.quiet {
		w.compare("after it", touched)
	}
	if w.failure != nil {
		return receipt, errors.Join(err, w.failure)
	}
	return receipt, err
}

// quietly calls fn, which calls Apply so often that the comparisons come after it. s is what a case runs on.
func quietly(s storage.Storage, fn func() error) error {
	w, ok := s.(interface{ hush(bool) })
	if !ok {
		return fn()
	}
	w.hush(true)
	defer w.hush(false)
	return fn()
}

func (w *witness) hush(quiet bool) {
	w.lock <- struct{}{}
	w.quiet = quiet
	<-w.lock
}

func (w *witness) small() bool { return w.model.records() <= smallWorld }

func (w *witness) fail(o outcome, what string, why []error) {
	if w.failure == nil {
		w.failure = &witnessed{fmt.Errorf("step %d (%s) %s%s", w.steps, sketch(o.cs), what, list(why))}
	}
}

func list(errs []error) (text string) {
	for _, err := range errs {
		text += fmt.Sprintf(" [%v]", err)
	}
	return text
}

// sketch says in short what a Changeset holds.
func sketch(cs storage.Changeset) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d incidents, %d alerts, %d entries", len(cs.Incidents), len(cs.Alerts), len(cs.Activity))
	for _, part := range []struct {
		what string
		n    int
	}{
		{"contents", len(cs.Contents)},
		{"redactions", len(cs.Redact)},
		{"purges", len(cs.Purge)},
		{"items", len(cs.Items)},
		{"expiries", len(cs.Expire)},
		{"guarded keys", len(cs.Guard.Keys)},
	} {
		if part.n > 0 {
			fmt.Fprintf(&text, ", %d %s", part.n, part.what)
		}
	}
	return text.String()
}

// finish compares everything.
func (w *witness) finish() error {
	w.lock <- struct{}{}
	defer func() { <-w.lock }()
	if !w.closed && w.running == 0 {
		w.compare("at the end", nil)
	}
	return w.failure
}

// compare reads the storage in one View and compares it with the model, which it first brings up to date. touched are
// the records that are always read, nil means all. The first difference stays in w.
func (w *witness) compare(when string, touched *storage.Changeset) {
	if w.failure != nil {
		return
	}
	ctx := w.ctx
	if err := w.Storage.View(ctx, func(r storage.Reader) error {
		if err := w.settle(ctx, r); err != nil {
			return err
		}
		return w.model.compare(ctx, r, w.lots, touched, when == "before it")
	}); err != nil {
		of := ""
		if touched != nil {
			of = " (" + sketch(*touched) + ")"
		}
		w.failure = &witnessed{fmt.Errorf("step %d%s, %s: %w", w.steps, of, when, err)}
	}
}

// settle applies what was kept to the model, in an order that explains it.
func (w *witness) settle(ctx context.Context, r storage.Reader) error {
	w.unknown = slices.DeleteFunc(w.unknown, func(o outcome) bool { // what was kept when it was tried again
		return slices.ContainsFunc(w.kept, func(k outcome) bool { return o.first() == k.first() })
	})
	for n := 0; n < len(w.unknown); n++ {
		o, kept, err := w.unknown[n].find(ctx, r)
		if err != nil {
			return err
		}
		if kept {
			w.kept = append(w.kept, o)
			w.unknown = slices.Delete(w.unknown, n, n+1)
			n--
		}
	}
	for len(w.kept) > 0 {
		lowest := noNumber // of the Numbers that have been given
		for _, o := range w.kept {
			lowest = min(lowest, o.lowest(w.model))
		}
		n := slices.IndexFunc(w.kept, func(o outcome) bool {
			inTurn := len(o.cs.Activity) > 0 && o.receipt.Seq == int64(len(w.model.entries))+1
			return o.restore || len(w.model.refusals(o.cs)) == 0 && (len(o.cs.Activity) == 0 || inTurn) &&
				(o.lowest(w.model) <= lowest || inTurn && o.lowest(w.model) == noNumber)
		})
		if n < 0 && len(w.kept) > 1 {
			return fmt.Errorf("no order explains what was kept of %d Changesets at the same time: %s",
				len(w.kept), w.puzzle())
		}
		o := w.kept[max(n, 0)]
		w.kept = slices.Delete(w.kept, max(n, 0), max(n, 0)+1)
		if o.restore {
			w.model.restore(o.cs)
			continue
		}
		if errs := w.model.refusals(o.cs); len(errs) > 0 {
			return fmt.Errorf("it was kept, want an error matching one of%s", list(errs))
		}
		if err := w.model.apply(o.cs, o.receipt); err != nil {
			return err
		}
	}
	return nil
}

// first names a record that sets o apart from all other Changesets that may be kept.
func (o outcome) first() string {
	switch cs := o.cs; {
	case len(cs.Activity) > 0:
		return "entry " + string(cs.Activity[0].ID)
	case len(cs.Incidents) > 0:
		return fmt.Sprint("incident ", cs.Incidents[0].ID, cs.Incidents[0].Version)
	case len(cs.Alerts) > 0:
		return fmt.Sprint("alert ", cs.Alerts[0].ID, cs.Alerts[0].Version)
	case len(cs.Items) > 0:
		return fmt.Sprintf("item %q %d", cs.Items[0].Place(), cs.Items[0].Version)
	}
	return ""
}

// noNumber is above all Numbers.
const noNumber = int64(math.MaxInt64)

// lowest returns the lowest Number that o gave to a new incident, or noNumber.
func (o outcome) lowest(m *model) int64 {
	lowest := noNumber
	for n, i := range o.cs.Incidents {
		if i.Version == 0 && n < len(o.receipt.Numbers) {
			lowest = min(lowest, o.receipt.Numbers[n])
		}
	}
	return lowest
}

// puzzle says what speaks against the Changesets that nothing explains.
func (w *witness) puzzle() (text string) {
	for n, o := range w.kept[:min(len(w.kept), 3)] {
		if n > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%s, receipt %+v, after Seq %d and Number %d%s",
			sketch(o.cs), o.receipt, len(w.model.entries), w.model.last, list(w.model.refusals(o.cs)))
	}
	return text
}

// find looks whether the Changeset of an Apply that ended with the error of its context is there, and returns the
// receipt that was lost. It goes by one record; that all others are there as well is for the comparison to see.
func (o outcome) find(ctx context.Context, r storage.Reader) (found outcome, kept bool, err error) {
	switch {
	case len(o.cs.Activity) > 0:
		var entries []activity.Entry
		entries, err = collect(r.Activity(ctx, activity.Query{IDs: []activity.ID{o.cs.Activity[0].ID}}))
		if kept = len(entries) > 0; kept {
			o.receipt.Seq = entries[0].Seq
		}
	case len(o.cs.Incidents) > 0:
		i, missing := r.Incident(ctx, o.cs.Incidents[0].ID)
		kept = missing == nil && i.Version > o.cs.Incidents[0].Version
	case len(o.cs.Alerts) > 0:
		a, missing := r.Alert(ctx, o.cs.Alerts[0].ID)
		kept = missing == nil && a.Version > o.cs.Alerts[0].Version
	case len(o.cs.Items) > 0:
		i, missing := r.Item(ctx, o.cs.Items[0].Kind, o.cs.Items[0].Key)
		kept = missing == nil && i.Version > o.cs.Items[0].Version
	}
	if err != nil || !kept {
		return o, false, err
	}
	o.receipt.Numbers = nil
	for _, i := range o.cs.Incidents {
		stored, err := r.Incident(ctx, i.ID)
		if err != nil {
			return o, false, fmt.Errorf("a Changeset (%s) whose Apply was cancelled is kept in part: incident %q: %w",
				sketch(o.cs), i.ID, err)
		}
		o.receipt.Numbers = append(o.receipt.Numbers, stored.Number)
	}
	return o, true, nil
}

// compare compares what r reads with m: the records that touched names, and unless only is set as many others as m is
// small.
func (m *model) compare(
	ctx context.Context, r storage.Reader, lots *rand.Rand, touched *storage.Changeset, only bool,
) error {
	most := someRecords
	switch {
	case touched == nil:
		most, touched = manyRecords, &storage.Changeset{}
	case only:
		most = 0
	case m.records() <= smallWorld:
		most = fewRecords
	}
	if most == manyRecords || !only && m.records() <= mediumWorld {
		if err := m.compareLists(ctx, r); err != nil {
			return err
		}
	}
	var incidents []incident.ID
	for _, i := range touched.Incidents {
		incidents = append(incidents, i.ID)
	}
	for _, id := range append(sample(lots, incidents, manyRecords), sample(lots, sortedKeys(m.incidents), most)...) {
		if err := m.compareIncident(ctx, r, id); err != nil {
			return err
		}
	}
	var alerts []alert.ID
	homes := make(map[incident.ID]bool)
	for _, a := range touched.Alerts {
		alerts = append(alerts, a.ID)
		homes[a.Incident], homes[m.alerts[a.ID].Incident] = true, true
	}
	for _, id := range sample(lots, sortedKeys(homes), manyRecords) {
		w := world{alerts: m.alertsOf(id)}
		if err := w.checkAlerts(ctx, r, alert.Query{Incidents: []incident.ID{id}}); err != nil {
			return err
		}
	}
	for _, id := range append(sample(lots, alerts, manyRecords), sample(lots, sortedKeys(m.alerts), most)...) {
		if err := m.compareAlert(ctx, r, id); err != nil {
			return err
		}
	}
	ids := slices.Clone(touched.Redact)
	for _, e := range touched.Activity {
		ids = append(ids, e.ID)
	}
	digests := sample(lots, sortedKeys(m.names), most)
	for _, c := range touched.Contents {
		digests = append(digests, c.SHA256)
	}
	for _, id := range append(sample(lots, ids, manyRecords), sample(lots, sortedKeys(m.places), most)...) {
		if err := m.compareEntry(ctx, r, id); err != nil {
			return err
		}
		if n, there := m.places[id]; there {
			for _, a := range m.entries[n].Attachments {
				digests = append(digests, a.SHA256)
			}
		}
	}
	var places []storage.ItemPlace
	for _, i := range touched.Items {
		places = append(places, i.Place())
	}
	all := slices.SortedFunc(maps.Keys(m.items), storage.ItemPlace.Compare)
	for _, at := range append(sample(lots, places, manyRecords), sample(lots, all, most)...) {
		if err := m.compareItem(ctx, r, at); err != nil {
			return err
		}
	}
	last, err := r.Seq(ctx)
	if err == nil && last != int64(len(m.entries)) {
		err = fmt.Errorf("the Reader returns Seq %d, and there are %d entries", last, len(m.entries))
	}
	if err != nil {
		return err
	}
	slices.Sort(digests)
	for _, digest := range slices.Compact(digests) {
		if err := m.compareContent(ctx, r, digest); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[K interface{ ~string }, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// sample returns up to n of ids.
func sample[ID any](lots *rand.Rand, ids []ID, n int) []ID {
	if len(ids) > n {
		ids = slices.Clone(ids)
		lots.Shuffle(len(ids), func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
		ids = ids[:n]
	}
	return ids
}

// compareLists reads all records in lists.
func (m *model) compareLists(ctx context.Context, r storage.Reader) error {
	w := world{
		incidents: slices.Collect(maps.Values(m.incidents)),
		alerts:    slices.Collect(maps.Values(m.alerts)),
		entries:   m.entries,
		items:     slices.Collect(maps.Values(m.items)),
	}
	return w.askLists(ctx, r)
}

// oneByID compares what was read by ID with what is there.
func oneByID[T any](id any, got T, err error, want T, there bool) error {
	var none T
	switch {
	case !there && errors.Is(err, storage.ErrNotFound) && reflect.DeepEqual(got, none):
		return nil
	case !there && err == nil:
		return fmt.Errorf("%T %q, which should not be there, is read by its ID: %s", want, id, unlike(got, none))
	case !there:
		return fmt.Errorf("%T %q, which should not be there: %w, with %s", want, id, err, unlike(got, none))
	case err != nil:
		return fmt.Errorf("%T %q, read by its ID: %w", want, id, err)
	case !reflect.DeepEqual(got, want):
		return fmt.Errorf("%T %q, read by its ID, has %s, want %s", want, id, unlike(got, want), unlike(want, got))
	}
	return nil
}

func (m *model) compareIncident(ctx context.Context, r storage.Reader, id incident.ID) error {
	want, there := m.incidents[id]
	got, err := r.Incident(ctx, id)
	if err := oneByID(id, got, err, want, there); err != nil {
		return err
	}
	w := world{alerts: m.alertsOf(id), incidents: []incident.Incident{}}
	if m.records() <= mediumWorld {
		if err := w.checkAlerts(ctx, r, alert.Query{Incidents: []incident.ID{id}}); err != nil {
			return err
		}
	}
	w.alerts = nil
	if there {
		w.incidents = append(w.incidents, want)
		if err := w.checkIncidents(ctx, r, incident.Query{Numbers: []int64{want.Number}}); err != nil {
			return err
		}
	}
	if err := w.checkIncidents(ctx, r, incident.Query{IDs: []incident.ID{id}}); err != nil {
		return err
	}
	for _, n := range m.of[id] {
		w.entries = append(w.entries, m.entries[n])
	}
	return w.checkActivity(ctx, r, activity.Query{Incidents: []incident.ID{id}})
}

func (m *model) compareAlert(ctx context.Context, r storage.Reader, id alert.ID) error {
	want, there := m.alerts[id]
	got, err := r.Alert(ctx, id)
	if err := oneByID(id, got, err, want, there); err != nil {
		return err
	}
	var w world
	if there {
		w.alerts = append(w.alerts, want)
		if err := w.checkAlerts(ctx, r, alert.Query{
			IDs:       []alert.ID{id},
			Incidents: []incident.ID{want.Incident},
		}); err != nil {
			return err
		}
	}
	if there && m.records() <= mediumWorld {
		if err := m.compareSightings(ctx, r, want); err != nil {
			return err
		}
	}
	return w.checkAlerts(ctx, r, alert.Query{IDs: []alert.ID{id}})
}

// compareSightings looks for some entities of a where and when a says that they were seen.
func (m *model) compareSightings(ctx context.Context, r storage.Reader, a alert.Alert) error {
	q := storage.SightingQuery{Incident: a.Incident, Newest: true}.Between(a.FirstActivity, a.FirstActivity)
	q.Entities = a.Keys()
	q.Entities = q.Entities[:min(len(q.Entities), 3)]
	w := world{alerts: slices.Collect(maps.Values(m.alerts))}
	return w.checkSightings(ctx, r, q)
}

func (m *model) compareEntry(ctx context.Context, r storage.Reader, id activity.ID) error {
	var w world
	if n, there := m.places[id]; there {
		w.entries = append(w.entries, m.entries[n])
	}
	return w.checkActivity(ctx, r, activity.Query{IDs: []activity.ID{id}})
}

func (m *model) compareContent(ctx context.Context, r storage.Reader, digest string) error {
	want, there := m.contents[digest]
	got, err := r.Content(ctx, digest)
	switch {
	case !there && errors.Is(err, storage.ErrNotFound):
		return nil
	case !there && err == nil:
		return fmt.Errorf("content %q is there, which no entry names or no Changeset held", digest)
	case err != nil:
		return fmt.Errorf("content %q: %w", digest, err)
	case string(got) != string(want):
		return fmt.Errorf("content %q comes back as %d other bytes than the %d given", digest, len(got), len(want))
	}
	return nil
}

func (m *model) compareItem(ctx context.Context, r storage.Reader, at storage.ItemPlace) error {
	want, there := m.items[at]
	got, err := r.Item(ctx, at.Kind, at.Key)
	return oneByID(at, got, err, want, there)
}

// clone returns a copy of cs that shares no memory with it.
func clone(cs storage.Changeset) storage.Changeset {
	cs.Incidents = slices.Clone(cs.Incidents)
	cs.Alerts = slices.Clone(cs.Alerts)
	cs.Activity = slices.Clone(cs.Activity)
	for n := range cs.Incidents {
		cs.Incidents[n] = cs.Incidents[n].Clone()
	}
	for n := range cs.Alerts {
		cs.Alerts[n] = cs.Alerts[n].Clone()
	}
	for n := range cs.Activity {
		cs.Activity[n] = cs.Activity[n].Clone()
	}
	cs.Contents, cs.Redact, cs.Purge = slices.Clone(cs.Contents), slices.Clone(cs.Redact), slices.Clone(cs.Purge)
	for n := range cs.Contents {
		cs.Contents[n].Data = slices.Clone(cs.Contents[n].Data)
	}
	cs.Items, cs.Expire, cs.Guard.Keys = slices.Clone(cs.Items), slices.Clone(cs.Expire), slices.Clone(cs.Guard.Keys)
	for n := range cs.Items {
		cs.Items[n] = cs.Items[n].Clone()
	}
	return cs
}
