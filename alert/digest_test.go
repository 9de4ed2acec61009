package alert_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

func digest(t *testing.T, a alert.Alert) string {
	t.Helper()
	d, err := a.Digest()
	require.NoError(t, err)
	return hex.EncodeToString(d[:])
}

// Digests of alerts stand in entries that are stored, so that they must be the same for ever.
func TestDigestVectors(t *testing.T) {
	file, err := os.ReadFile("testdata/digests.json")
	require.NoError(t, err)
	var vectors []struct {
		Alert  alert.Alert
		Digest string
	}
	require.NoError(t, json.Unmarshal(file, &vectors))
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		assert.Equal(t, v.Digest, digest(t, v.Alert), v.Alert.ID)
	}
}

// Every field makes a difference but those that change without an entry in the log.
func TestDigestTellsEveryField(t *testing.T) {
	a := alert.Alert{
		Evidence: []alert.Evidence{{Entity: alert.IP{Address: "203.0.113.7"}}},
		Status:   alert.StatusResolved, // so that Resolved may be set
	}
	before := digest(t, a)
	for name, field := range fields(reflect.ValueOf(&a).Elem()) {
		was := reflect.New(field.Type()).Elem()
		was.Set(field)
		switch v := field.Addr().Interface().(type) {
		case *time.Time:
			*v = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
		case *alert.Fields:
			*v = `{"x":1}`
		case *[]alert.Evidence:
			*v = append(*v, (*v)[0])
		default:
			change(field)
		}
		after := digest(t, a)
		if name == "Version" || name == "Repeats" || name == "Repeated" {
			assert.Equal(t, before, after, name)
		} else {
			assert.NotEqual(t, before, after, name)
		}
		field.Set(was)
	}
	assert.Equal(t, before, digest(t, a))
}

// fields returns the fields of v by name.
func fields(v reflect.Value) map[string]reflect.Value {
	all := make(map[string]reflect.Value)
	for f, field := range v.Fields() {
		all[f.Name] = field
	}
	return all
}

// change makes v, which is zero, something else.
func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint((v.Uint() + 1) % 3)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Struct:
		for _, field := range v.Fields() {
			change(field)
			return
		}
	}
}
