package storagetest

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	Run(t, func(*testing.T) storage.Storage { return memory.New() })
}

// Handles on one memory stand for a storage that is opened again, and used through two handles at once.
func TestHandlesKeepTheContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that no View is kept open in vain
		for _, c := range cases {
			if testing.Short() && slices.Contains(longCases, c.name) {
				continue
			}
			if err := c.try(t, newDisk().open(), options{reopen: reopenHandle}); err != nil {
				assert.NoError(t, err, "%s, opened again", c.name)
			}
			if slices.Contains(oneHandle, c.name) {
				continue
			}
			if err := c.try(t, newPair(t, newDisk().open(), reopenHandle).face(), options{}); err != nil {
				assert.NoError(t, err, "%s, through two handles", c.name)
			}
		}
	})
}

// everything has the cases that ask for so much that any broken storage may fail them.
var everything = []string{"Purge", "Restore", "Hostile", "InvalidQueries", "WholeViews"}

// A storage that is broken in one way fails the case of that rule. It fails no other, but perhaps those named with it,
// which ask the same of other records, and those in which the witness sees the same of their records. Each is asked a
// share of the other cases, because all of them take minutes.
func TestBrokenStoragesFailTheirCase(t *testing.T) {
	share := 8
	if testing.Short() {
		share = 40
	}
	for n, f := range faults {
		t.Run(f.fails[0], func(t *testing.T) {
			t.Parallel()
			others := slices.Concat(f.fails, longCases, everything)
			for m, c := range cases {
				switch {
				case c.name == f.fails[0]:
					assert.Error(t, try(t, c, f.open), "%s: case %s", f.how, c.name)
				case !slices.Contains(others, c.name) && (n+m)%share == 0:
					err := try(t, c, f.open)
					if _, seen := errors.AsType[*witnessed](err); !seen {
						assert.NoError(t, err, "%s: case %s", f.how, c.name)
					}
				}
			}
		})
	}
}

// A storage that is right only until it is opened again or used through another handle is found too.
func TestBrokenHandlesFail(t *testing.T) {
	for _, f := range handleFaults {
		t.Run(f.how, func(t *testing.T) {
			c := caseNamed(t, f.fails)
			synctest.Test(t, func(t *testing.T) {
				open, reopen := f.open()
				assert.NoError(t, c.try(t, open(), options{}), "through one handle, once")
				if f.twice {
					assert.Error(t, c.try(t, newPair(t, open(), reopen).face(), options{}), "through two handles")
				} else {
					assert.Error(t, c.try(t, open(), options{reopen: reopen}), "opened again")
				}
			})
		})
	}
}

func TestEveryCaseHasABrokenStorage(t *testing.T) {
	var have, want []string
	for _, f := range faults {
		have = append(have, f.fails[0])
	}
	for _, c := range cases {
		want = append(want, c.name)
	}
	assert.ElementsMatch(t, want, have)
}

// A storage that waits for ever, whatever its context says, ends the case and not the tests.
func TestStorageThatNeverReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		s := opening(func(b *broken) {
			b.apply = func(context.Context, storage.Changeset) (storage.Receipt, error) {
				<-never
				return storage.Receipt{}, nil
			}
		})()
		assert.ErrorIs(t, caseNamed(t, "EmptyChangeset").check(t.Context(), watch(t.Context(), s)), errStuck)
		close(never)
	})
}

// There is more than one way to break a rule.
func TestMoreBrokenStoragesFailTheirCase(t *testing.T) {
	for _, f := range moreFaults {
		t.Run(f.fails[0]+"/"+f.how, func(t *testing.T) {
			assert.Error(t, try(t, caseNamed(t, f.fails[0]), f.open))
		})
	}
}

// A storage may let a Guard fail whenever the log has gone on.
func TestGuardsMayFailWithoutAReason(t *testing.T) {
	open := opening(func(b *broken) {
		var mu sync.Mutex
		b.apply = func(ctx context.Context, cs storage.Changeset) (storage.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			last, err := live{b.Storage}.Seq(ctx)
			if err == nil && len(cs.Guard.Keys) > 0 && cs.Guard.Seq != last {
				err = &storage.ConflictError{
					Record: "key",
					ID:     string(cs.Guard.Keys[0]),
					Given:  cs.Guard.Seq,
					Stored: last,
				}
			}
			if err != nil {
				return storage.Receipt{}, err
			}
			cs.Guard = storage.Guard{}
			return b.Storage.Apply(ctx, cs)
		}
	})
	for _, name := range []string{
		"Guarded", "GuardConcurrent", "FilterAlerts", "Purge", "AliasIn", "EveryField", "CancelApply",
	} {
		assert.NoError(t, try(t, caseNamed(t, name), open), name)
	}
}

// A storage that ignores a field of a query is found, whichever field it is: all are drawn, and all decide.
func TestIgnoredFieldsAreFound(t *testing.T) {
	ignore := func(query any, field int) {
		q := reflect.ValueOf(query).Elem()
		if place := q.FieldByName("After"); q.Type().Field(field).Name == "Sort" || q.Type().Field(field).Name == "Ascending" {
			place.SetZero() // the cursor would be an error, and find the storage out for a worse reason
		}
		q.Field(field).SetZero()
	}
	for n := range reflect.TypeFor[incident.Query]().NumField() {
		t.Run("Incidents/"+reflect.TypeFor[incident.Query]().Field(n).Name, func(t *testing.T) {
			assert.Error(t, try(t, caseNamed(t, "FilterIncidents"), reading(func(r *brokenReader) {
				r.incidents = func(ctx context.Context, q incident.Query) iter.Seq2[incident.Incident, error] {
					ignore(&q, n)
					return r.Reader.Incidents(ctx, q)
				}
			})))
		})
	}
	for n := range reflect.TypeFor[alert.Query]().NumField() {
		t.Run("Alerts/"+reflect.TypeFor[alert.Query]().Field(n).Name, func(t *testing.T) {
			assert.Error(t, try(t, caseNamed(t, "FilterAlerts"), reading(func(r *brokenReader) {
				r.alerts = func(ctx context.Context, q alert.Query) iter.Seq2[alert.Alert, error] {
					ignore(&q, n)
					return r.Reader.Alerts(ctx, q)
				}
			})))
		})
	}
	for n := range reflect.TypeFor[storage.ItemQuery]().NumField() {
		t.Run("Items/"+reflect.TypeFor[storage.ItemQuery]().Field(n).Name, func(t *testing.T) {
			assert.Error(t, try(t, caseNamed(t, "ItemOrder"), askingItems(func(q *storage.ItemQuery) { ignore(q, n) })))
		})
	}
	for n := range reflect.TypeFor[activity.Query]().NumField() {
		t.Run("Activity/"+reflect.TypeFor[activity.Query]().Field(n).Name, func(t *testing.T) {
			assert.Error(t, try(t, caseNamed(t, "FilterActivity"), reading(func(r *brokenReader) {
				r.activity = func(ctx context.Context, q activity.Query) iter.Seq2[activity.Entry, error] {
					ignore(&q, n)
					return r.Reader.Activity(ctx, q)
				}
			})))
		})
	}
}

// What EveryField, AliasIn and AliasOut store leaves no field out, also none that is added one day.
func TestFullRecordsAreFull(t *testing.T) {
	var check func(path string, v reflect.Value)
	check = func(path string, v reflect.Value) {
		if slices.Contains(
			[]string{
				".Incidents[0].Version", ".Incidents[0].Number", ".Alerts[0].Version", ".Activity[0].Seq",
				".Activity[1].Seq", ".Activity[1].Redacted", ".Redact", ".Purge", ".Items[0].Version",
				".Guard.Seq", ".Incidents[0].Alerts.Assets[0]",
			},
			path,
		) {
			return
		}
		if path != ".Alerts[0].Evidence[12].Entity.Provider" {
			assert.False(t, v.IsZero(), path)
		}
		switch v.Kind() {
		case reflect.Interface:
			check(path, v.Elem())
		case reflect.Slice, reflect.Array:
			for n := range v.Len() {
				check(path+"["+string(rune('0'+n%10))+"]", v.Index(n))
			}
		case reflect.Struct:
			for n := range v.NumField() {
				if field := v.Type().Field(n); field.IsExported() {
					check(path+"."+field.Name, v.Field(n))
				}
			}
		case reflect.Map, reflect.Pointer, reflect.Chan, reflect.Func:
			assert.Fail(t, "neither fill nor scribble knows its kind", path)
		}
	}
	check("", reflect.ValueOf(full()))
}

// Any seed will do.
func FuzzSeeds(f *testing.F) {
	f.Add(uint64(42))
	f.Fuzz(func(t *testing.T, seed uint64) {
		for _, run := range []func(context.Context, storage.Storage) error{
			filters(seed, (*world).askIncidents),
			filters(seed, (*world).askAlerts),
			filters(seed, (*world).askActivity),
			oldViews(
				seed, (*world).askIncidents, (*world).askAlerts, (*world).askActivity, (*world).askCount,
				(*world).askAlertCount, (*world).askFacets,
			),
			hub(seed),
			cursorRoundTrip(seed),
			pageStable(seed),
			itemOrder(seed),
			hostile(seed),
			purged(seed),
			restored(seed),
		} {
			s := memory.New()
			assert.NoError(t, run(t.Context(), s))
			assert.NoError(t, s.Close())
		}
	})
}

func caseNamed(t *testing.T, name string) testCase {
	n := slices.IndexFunc(cases, func(c testCase) bool { return c.name == name })
	require.GreaterOrEqual(t, n, 0, name)
	return cases[n]
}

// try runs a case on a storage that open returns where time passes only while everybody waits, so that a storage that
// waits for ever is found at once.
func try(t *testing.T, c testCase, open func() storage.Storage) (err error) {
	synctest.Test(t, func(t *testing.T) { err = c.check(t.Context(), watch(t.Context(), open())) })
	return err
}
