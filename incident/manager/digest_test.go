package manager

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// entities are one of each type.
var entities = []alert.Entity{
	alert.Device{}, alert.User{}, alert.Mailbox{}, alert.IP{}, alert.URL{}, alert.File{}, alert.Process{},
	alert.Message{}, alert.MailCluster{}, alert.App{}, alert.OAuthApp{}, alert.Registry{}, alert.CloudResource{},
	alert.Other{},
}

// fill sets everything that v holds to something, pointers to a depth.
func fill(v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(1_800_000_000, 5).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth-1)
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			if f.IsExported() {
				fill(field, depth)
			}
		}
	case reflect.Slice:
		if depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0), depth-1) // the other one is zero
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(alert.Device{HostName: "host"}))
	default:
		panic(fmt.Sprint("nothing to fill ", v.Type(), " with"))
	}
}

// changes calls try after each change of one thing that v holds, and puts it back.
func changes(t *testing.T, v reflect.Value, path string, try func(path string)) {
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	with := func(path string, other reflect.Value) {
		v.Set(other)
		try(path)
		v.Set(was)
	}
	if at, ok := v.Interface().(time.Time); ok {
		with(path, reflect.ValueOf(at.Add(time.Nanosecond)))
		return
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		other := reflect.New(v.Type()).Elem()
		if v.IsZero() {
			fill(other, 0)
		}
		with(path, other)
		if v.Kind() == reflect.String {
			with(path+"+", reflect.ValueOf(v.String()+"\x00").Convert(v.Type()))
		}
	case reflect.Pointer:
		if v.IsNil() {
			with("*"+path, reflect.New(v.Type().Elem())) // what it points to is zero
			return
		}
		with(path+" nil", reflect.Zero(v.Type()))
		changes(t, v.Elem(), path, try)
	case reflect.Struct:
		for f, field := range v.Fields() {
			if f.IsExported() {
				changes(t, field, path+"."+f.Name, try)
			} else {
				require.Equal(t,
					"incident.Edit.addTags",
					v.Type().String()+"."+f.Name,
					"a field that a digest does not see",
				)
			}
		}
	case reflect.Slice:
		with(path+" longer", reflect.Append(v, reflect.Zero(v.Type().Elem())))
		for n := range v.Len() {
			changes(t, v.Index(n), fmt.Sprint(path, "[", n, "]"), try)
		}
		if v.Len() > 1 {
			with(path+" shorter", v.Slice(0, 1))
			turned := reflect.MakeSlice(v.Type(), 2, 2)
			turned.Index(0).Set(v.Index(1))
			turned.Index(1).Set(v.Index(0))
			with(path+" turned", turned)
		}
	case reflect.Interface:
		if v.IsNil() {
			for _, e := range entities {
				with(path+" "+reflect.TypeOf(e).Name(), reflect.ValueOf(e))
			}
			return
		}
		with(path+" nil", reflect.Zero(v.Type()))
		for _, e := range entities {
			inner := reflect.New(reflect.TypeOf(e)).Elem()
			for _, filled := range []bool{false, true} {
				if filled {
					fill(inner, 2)
				}
				if !reflect.DeepEqual(inner.Interface(), was.Interface()) {
					with(fmt.Sprint(path, " ", inner.Type(), filled), inner)
				}
				changes(t, inner, path+" "+inner.Type().Name(), func(path string) { with(path, inner) })
			}
		}
	default:
		require.Fail(t, "nothing to change", "%s: %s", path, v.Type())
	}
}

// Whatever is changed of what a command is given makes another digest, and no two changes make the same.
func TestEveryChangeOfAnArgumentIsInTheDigest(t *testing.T) {
	for _, of := range []reflect.Type{
		reflect.TypeFor[incident.Edit](),
		reflect.TypeFor[incident.AlertEdit](),
		reflect.TypeFor[incident.Draft](),
		reflect.TypeFor[alert.Alert](),
		reflect.TypeFor[activity.Actor](),
	} {
		for _, filled := range []bool{false, true} {
			v := reflect.New(of).Elem()
			if filled {
				fill(v, 3)
			}
			first, n := digestOf(v.Interface()), 0
			seen := map[string]string{}
			changes(t, v, of.String(), func(path string) {
				n++
				d := digestOf(v.Interface())
				require.NotEqual(t, first, d, "%s, filled: %t", path, filled)
				if strings.Contains(path, "Entity ") {
					return // which is changed from other values, too
				}
				require.Empty(t, seen[d], "%s is one with it", path)
				seen[d] = path
			})
			assert.GreaterOrEqual(t, n, of.NumField()-1, "every field")
			require.Equal(t, first, digestOf(v.Interface()), "it is put back")
		}
	}
}

// empty makes every list and map that v holds, and that is nil, an empty one.
func empty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			if f.IsExported() {
				empty(field)
			}
		}
	}
}

func TestWhatMakesNoOtherDigest(t *testing.T) {
	for _, of := range []reflect.Type{
		reflect.TypeFor[incident.Edit](),
		reflect.TypeFor[incident.Draft](),
		reflect.TypeFor[alert.Alert](),
		reflect.TypeFor[alert.Device](),
	} {
		v := reflect.New(of).Elem()
		first := digestOf(v.Interface())
		empty(v)
		assert.Equal(t, first, digestOf(v.Interface()), of)
	}
	assert.Equal(t, digestOf([]incident.ID(nil)), digestOf([]incident.ID{}))

	at := time.Now()
	assert.Equal(t,
		digestOf(at.Round(0).UTC()),
		digestOf(at.In(time.FixedZone("", 3600))),
		"an instant is one in every zone",
	)
	assert.Equal(t,
		digestOf(incident.Draft{}),
		digestOf(incident.Draft{Created: time.Time{}.In(time.FixedZone("", 3600))}),
	)

	once := call{commandID: "k"}
	kai := activity.Actor{Kind: activity.User, ID: "kai"}
	renamed := kai
	renamed.Name = "Kai"
	assert.Equal(t, once.ticket("edit", kai, "i"), once.ticket("edit", renamed, "i"), "the name of an actor may change")

	image := incident.Image{Name: "a", Data: []byte("x")}
	assert.Equal(t, digestOf([]incident.Image{image}), digestOf([]incident.Image{image.Inspect()}))
}

// No text that is cut elsewhere makes the same digest, and no part is taken for another.
func TestTicketsAreApart(t *testing.T) {
	kai := activity.Actor{Kind: activity.User, ID: "kai"}
	seen := map[place]string{}
	for _, id := range []string{"X", "X/0", "X/", "0", "/0", "X0"} {
		all := call{commandID: id}.ticket("edit", kai, "")
		tickets := map[string]*ticket{"": all}
		for _, part := range []string{"0", "/0", "X", "", "00"} {
			tickets["of "+part] = all.of(part)
		}
		for part, k := range tickets {
			require.Empty(t, seen[place{key: k.part.key}], "%q %q", id, part)
			seen[place{key: k.part.key}] = id + " " + part
			require.Equal(t, all.command, k.command)
		}
	}
	assert.NotEqual(t, digestOf("a", "bc"), digestOf("ab", "c"))
	assert.NotEqual(t, digestOf([]string{"a", "b"}, []string{}), digestOf([]string{"a"}, []string{"b"}))
	assert.Nil(t, call{}.ticket("edit", kai, ""))
	assert.Nil(t, call{}.ticket("edit", kai, "").of("0"))
}

// What is remembered is nothing that was said, and says nothing of it to whoever does not know the CommandID.
func TestOutcomesHaveNoTexts(t *testing.T) {
	for f := range reflect.TypeFor[outcome]().Fields() {
		assert.Contains(t,
			[]string{
				"string Digest", "alert.IncidentID Incident", "int64 Version", "manager.Outcome Outcome",
				"bool Changed", "bool Created", "string Cause", "string Command",
			},
			f.Type.String()+" "+f.Name,
		)
	}
	kai := activity.Actor{Kind: activity.User, ID: "kai"}
	assert.NotEqual(t,
		call{commandID: "a"}.ticket("comment", kai, "i", "yes").part.digest,
		call{commandID: "b"}.ticket("comment", kai, "i", "yes").part.digest,
	)

	for v := range outcomes {
		text, err := json.Marshal(outcome{Outcome: Outcome(v)})
		require.NoError(t, err)
		var back outcome
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, Outcome(v), back.Outcome)
	}
	assert.ErrorIs(t, new(Outcome).UnmarshalText([]byte("lost")), alert.ErrInvalid)
}
