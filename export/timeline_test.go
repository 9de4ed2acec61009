package export

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// Alerts in sequence that are told in the same words are one row with their number, first and last time, and who was in them.
func TestLikeAlertsAreOneStep(t *testing.T) {
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	event := func(minutes int, title string, names ...string) Event {
		return Event{Time: at(minutes), Alert: title, Category: "Discovery", Severity: alert.Low, Entities: names}
	}
	many := event(9, "scan", "a")
	many.More = 1200
	other := event(10, "scan")
	other.Category = "Impact"
	worse := other
	worse.Severity = alert.High
	step := func(first, last int, title, names string, alerts int) step {
		return step{First: at(first), Last: at(last), Title: title, Category: "Discovery", Severity: alert.Low, Names: names, Alerts: alerts}
	}
	got := steps([]Event{
		event(0, "scan", "a", "b"), event(1, "scan", "b", "c"), event(2, "scan", "a"), event(3, "copy", "a"), event(4, "scan", "a", "b", "c"), event(5, "scan", "d"),
		event(6, "copy"), many, other, worse,
	})
	assert.Equal(t, []any{
		step(0, 2, "scan × 3", "a, b, c", 3), step(3, 3, "copy", "a", 1), step(4, 5, "scan × 2", "a, b, c and others", 2), step(6, 6, "copy", "", 1),
		step(9, 9, "scan", "a and 1,200 more", 1),
	}, []any{got[0], got[1], got[2], got[3], got[4]})
	assert.Len(t, got, 7)
	assert.Equal(t, "a and others", steps([]Event{many, event(10, "scan", "a")})[0].Names)

	d := drawing{offset: " (UTC)"}
	assert.Equal(t, "2026-03-14 08:00:00\nto 08:02:00", d.when(got[0]))
	assert.Equal(t, "2026-03-14 08:03:00", d.when(got[1]))
}

// Every alert is in one step, in its order.
func TestStepsCountEveryAlert(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var story []Event
		for n := range rapid.IntRange(0, 30).Draw(rt, "events") {
			story = append(story, Event{Time: start.Add(time.Duration(n)), Alert: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "title"), Severity: alert.Severity(rapid.IntRange(0, 1).Draw(rt, "severity"))})
		}
		n := 0
		list := steps(story)
		for k, s := range list {
			assert.Equal(rt, story[n].Time, s.First)
			n += s.Alerts
			assert.Equal(rt, story[n-1].Time, s.Last)
			if k > 0 {
				assert.False(rt, alike(story[n-s.Alerts], story[n-s.Alerts-1]))
			}
		}
		assert.Equal(rt, len(story), n)
	})
}

// A long timeline says how much of it is shown, and where the rest is.
func TestLongTimelines(t *testing.T) {
	r := Report{Sections: []Section{AttackStory, Alerts}}
	for n := range timelineRows + 1 {
		r.Story = append(r.Story, Event{Time: start, Alert: fmt.Sprintf("alert %d.", n)})
	}
	for _, f := range documents {
		if f.name == "json" {
			continue
		}
		got := toldBy(t, f, r)
		assert.Contains(t, got, evenly("The first 200 of 201 shown. Related alerts has all of them."), f.name)
		assert.Contains(t, got, evenly("alert 199."), f.name)
		assert.NotContains(t, got, evenly("alert 200."), f.name)
	}
	_, remark := drawing{r: Report{Story: r.Story}}.timeline()
	assert.Equal(t, "The first 200 of 201 shown.", remark)
	r.Story = r.Story[1:]
	list, remark := drawing{r: r}.timeline()
	assert.Len(t, list, timelineRows)
	assert.Empty(t, remark)
}

// What all times have in common is said once, above them.
func TestOffsetIsSaidOnce(t *testing.T) {
	tokyo, dublin := time.FixedZone("Tokyo", 9*3600), time.FixedZone("Dublin", 0)
	in := func(zone string, times ...time.Time) Report {
		r := Report{TimeZone: zone}
		for _, x := range times {
			r.Story = append(r.Story, Event{Time: x})
			r.Alerts = append(r.Alerts, AlertRow{Last: x})
			r.Activity = append(r.Activity, ActivityRow{Time: x})
			r.MergedFrom = append(r.MergedFrom, MergedRow{Time: x})
		}
		return r
	}
	assert.Equal(t, " (UTC)", offset(in("")))
	assert.Equal(t, " (UTC)", offset(in("UTC", start.In(tokyo))))
	assert.Equal(t, " (+09:00)", offset(in("Tokyo", start.In(tokyo), time.Time{}, start.In(tokyo))))
	assert.Equal(t, " (+00:00)", offset(in("Dublin", start.In(dublin))))
	assert.Empty(t, offset(in("Tokyo")))
	for n := range 4 {
		r := in("Tokyo", start.In(tokyo))
		switch other := start.In(dublin); n {
		case 0:
			r.Story[0].Time = other
		case 1:
			r.Alerts[0].Last = other
		case 2:
			r.Activity[0].Time = other
		case 3:
			r.MergedFrom[0].Time = other
		}
		assert.Empty(t, offset(r), "clocks were put back")
		d := drawing{r: r, offset: offset(r)}
		assert.Equal(t, "2026-03-14 17:00:00 +09:00", d.stamp(start.In(tokyo)))
	}
	d := drawing{r: in("Tokyo"), offset: " (+09:00)"}
	assert.Equal(t, []string{"2026-03-14 17:00:00", "2026-03-14 17:00:00 +09:00", "", ""}, []string{d.stamp(start.In(tokyo)), d.zoned(start.In(tokyo)), d.stamp(time.Time{}), d.zoned(time.Time{})})
}
