package manager_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/incident/manager"
)

// Which command takes which option is for the compiler to check: no other one can be given.
func TestOptionsOfCommands(t *testing.T) {
	options := map[string]reflect.Type{
		"IfVersion": reflect.ValueOf(manager.IfVersion).Type().Out(0),
		"DryRun":    reflect.ValueOf(manager.DryRun).Type().Out(0),
		"CommandID": reflect.TypeFor[manager.CommandID](),
	}
	one := []string{"CommandID", "DryRun", "IfVersion"}
	many := []string{"CommandID", "DryRun"}
	want := map[string][]string{
		"Ingest":     {"CommandID"},
		"Create":     many,
		"EditAll":    many,
		"EditAlerts": many,
		"Purge":      many,
		"Import":     one,
		"Edit":       one,
		"Record":     one,
		"Redact":     one,
		"Merge":      one,
		"PlanMerge":  one,
		"Unmerge":    one,
		"MoveAlerts": one,
		"Comment":    one,
	}
	got := make(map[string][]string)
	for method := range reflect.TypeFor[*manager.Manager]().Methods() {
		if !method.Type.IsVariadic() {
			continue
		}
		takes := method.Type.In(method.Type.NumIn() - 1).Elem()
		for _, name := range []string{"CommandID", "DryRun", "IfVersion"} {
			if options[name].AssignableTo(takes) {
				got[method.Name] = append(got[method.Name], name)
			}
		}
	}
	assert.Equal(t, want, got)
}
