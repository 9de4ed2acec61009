package incident_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// Storages keep the numbers of lists, and links the names of parameters.
func TestNamesOfLists(t *testing.T) {
	type told struct {
		list               incident.List
		number             int
		name, field, param string
	}
	var got []told
	for l := range incident.Lists {
		var s incident.Summary
		var q incident.Query
		*s.Lists()[l], *q.Lists()[l] = []string{"v"}, []string{"v"}
		got = append(got, told{
			incident.List(l),
			l,
			incident.List(l).String(),
			fieldsSet(s),
			strings.TrimSuffix(q.Values().Encode(), "=v"),
		})
		assert.Equal(t, fieldsSet(s), fieldsSet(q), "the filter")
	}
	assert.Equal(t, []told{
		{incident.SourceList, 0, "sources", "Sources", "source"},
		{incident.DetectionSourceList, 1, "detectionSources", "DetectionSources", "detectionSource"},
		{incident.ProductList, 2, "products", "Products", "product"},
		{incident.CategoryList, 3, "categories", "Categories", "category"},
		{incident.TechniqueList, 4, "techniques", "Techniques", "technique"},
		{incident.DeviceGroupList, 5, "deviceGroups", "DeviceGroups", "deviceGroup"},
		{incident.PlatformList, 6, "platforms", "Platforms", "platform"},
		{incident.ThreatList, 7, "threats", "Threats", "threat"},
		{incident.ThreatActorList, 8, "threatActors", "ThreatActors", "threatActor"},
	}, got)
	assert.Equal(t, "list(200)", incident.List(200).String())
}

// fieldsSet returns the names of the fields of a struct that are not zero.
func fieldsSet(v any) string {
	var names []string
	for field, value := range reflect.ValueOf(v).Fields() {
		if !value.IsZero() {
			names = append(names, field.Name)
		}
	}
	return strings.Join(names, " ")
}

// Every list of texts in a summary is a List, once, and all that has to do with it belongs together: the field in JSON,
// the filter, the parameter of a URL and the field of entries.
func TestEveryListIsOne(t *testing.T) {
	lists := 0
	for field := range reflect.TypeFor[incident.Summary]().Fields() {
		if field.Type != reflect.TypeFor[[]string]() {
			continue
		}
		lists++
		var c incident.Case
		s := &c.Incident.Alerts
		reflect.ValueOf(s).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf([]string{"v"}))
		var of []int
		for l, list := range s.Lists() {
			if len(*list) > 0 {
				of = append(of, l)
			}
		}
		require.Len(t, of, 1, field.Name)
		name := incident.List(of[0]).String()
		assert.True(t, strings.EqualFold(field.Name, name), "%s is called %s", field.Name, name)
		json, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		assert.Equal(t, json, name)

		changes := incident.Diff(incident.Incident{}, c.Incident)
		require.Len(t, changes, 1, field.Name)
		assert.Equal(t, "alerts."+name, changes[0].Field)

		var q incident.Query
		filter := reflect.ValueOf(&q).Elem().FieldByName(field.Name)
		require.True(t, filter.IsValid(), "there is no filter by %s", field.Name)
		filter.Set(reflect.ValueOf([]string{"v"}))
		assert.Equal(t, []string{"v"}, *q.Lists()[of[0]], field.Name)
		assert.True(t, q.Match(c), field.Name)
		assert.False(t, q.Match(incident.Case{}), field.Name)
		param := strings.TrimSuffix(name, "s")
		if stem, ok := strings.CutSuffix(name, "ies"); ok {
			param = stem + "y"
		}
		assert.Equal(t, url.Values{param: {"v"}}, q.Values())
	}
	assert.Equal(t, lists, incident.Lists)
}

// No list stays empty when an alert has everything.
func TestAlertsFillEveryList(t *testing.T) {
	s := incident.Summarize([]alert.Alert{{
		Origin:          alert.Origin{Source: "s", ID: "1"},
		DetectionSource: "d",
		Product:         "p",
		Category:        "c",
		Techniques:      []string{"t"},
		Threat:          "x",
		Actor:           "a",
		Evidence:        []alert.Evidence{{Entity: alert.Device{DeviceID: "d", Group: "g", OS: "o"}}},
	}})
	for l, list := range s.Lists() {
		assert.Len(t, *list, 1, incident.List(l))
	}
}
