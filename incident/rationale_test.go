package incident_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

func link(key alert.Key, score int, why activity.Reason) activity.Link {
	return activity.Link{Reason: why, Entity: key, Incident: "i", Score: score}
}

// on is a link by what both sides have.
func on(key alert.Key) activity.Link { return link(key, 5, asset) }

func heldBack(key alert.Key, id incident.ID, why string) activity.Link {
	return activity.Link{Entity: key, Incident: id, HeldBack: why}
}

// came explains an alert that came with these links.
func came(links ...activity.Link) incident.Explanation {
	e := incident.Explanation{Numbers: map[incident.ID]int64{"i": 7, "j": 12}}
	e.Added = activity.Entry{ID: "e", Seq: 2, Incident: "i", Type: activity.AlertAdded, Links: links}
	e.Added.Actor.ID = "siem"
	return e
}

func opened(n int, links ...activity.Link) incident.Explanation {
	e := came(links...)
	e.Opened, e.Added.Seq = n, 1
	return e
}

const (
	asset   = activity.SameAsset
	shared  = activity.SharedIndicators
	closely = activity.TemporalProximity
)

// The sentences say how the alert came, what later reports linked, which merge brought it and what was held back.
func TestSentence(t *testing.T) {
	device := on("host:ws-01")
	later := came(device)
	later.Updated = []activity.Entry{
		{Links: []activity.Link{link("ip:203.0.113.7", 2, shared), heldBack("ip:203.0.113.8", "j", "late")}},
	}
	merged := opened(1)
	merged.Merged = activity.Entry{ID: "m", Links: []activity.Link{{Incident: "j"}}}
	merged.Merged.Actor = activity.Actor{ID: "kai", Name: "Kai"}
	unknown := came(device)
	unknown.Merged = activity.Entry{ID: "m", Links: []activity.Link{{Incident: "hidden"}}}
	unknown.Merged.Actor.ID = "kai"
	bySource, byHand := activity.GroupedBySource, activity.GroupedManually
	const first = "First alert of the incident. Held back: "
	for _, c := range []struct {
		want string
		e    incident.Explanation
	}{
		{"The log does not say how the alert came.", incident.Explanation{}},
		{"First alert of the incident.", opened(1)},
		{"One of the 3 alerts that the incident was created with.", opened(3)},
		{"Added by siem, without a link.", came()},
		{"Grouped by its source.", came(activity.Link{Reason: bySource})},
		{"Moved from #12 by siem.", came(activity.Link{Reason: byHand, Incident: "j"})},
		{"Moved here by siem.", came(activity.Link{Reason: byHand})},
		{`Linked by the device ws-01 and the account CORP\kai.`, came(link(`account:corp\kai`, 2, asset), device)},
		{
			`Linked by the device ws-01; by the account CORP\kai, close in time.`,
			came(device, link(`account:corp\kai`, 2, closely)),
		},
		{
			`Linked by the account CORP\kai, with lateral movement.`,
			came(link(`account:corp\kai`, 2, activity.LateralMovementPath)),
		},
		{
			"Linked by the address 203.0.113.7, which is an address of the device.",
			came(link("device-ip:203.0.113.7", 2, activity.NetworkProximity)),
		},
		{"Linked by similar artifacts.", came(activity.Link{Reason: activity.SimilarArtifacts})},
		{"Linked by an unknown reason.", came(activity.Link{Incident: "j"})},
		{
			"Linked by the device a, the device b, the device c and 2 more.",
			came(on("host:a"), on("host:b"), on("host:c"), on("host:d"), on("host:e")),
		},
		// Of several names of one thing the best stands for all.
		{
			"Linked by the device ws-01.corp.example.",
			came(on("device:8f3a"), on("device-dir:9"), on("host:ws-01.corp.example"), on("short-host:ws-01")),
		},
		{"Linked by the file hash 8963a1b2.", came(on("md5:11"), on("sha256:8963a1b2"))},
		{"Linked by the device 8f3a.", came(on("device:8f3a"))},
		{
			"Linked by the device ws-01. A later report linked it by the address 203.0.113.7. " +
				"Held back: the address 203.0.113.8 with #12 (late).",
			later,
		},
		{"First alert of an incident that was merged. Came with #12, merged by Kai.", merged},
		{"Linked by the device ws-01. Came with another incident, merged by kai.", unknown},
		{first + "the address 10.0.0.7 (a private address).", opened(1, heldBack("ip:10.0.0.7", "", "a private address"))},
		{
			first + "the address 10.0.0.7 with #12 (one alone, 3 hours apart).",
			opened(1, heldBack("ip:10.0.0.7", "j", "one alone, 3h12m0s apart")),
		},
		{
			first + "the address 10.0.0.7 with #12 (on more than 50 alerts within 24 hours).",
			opened(1, heldBack("ip:10.0.0.7", "j", "on more than 50 alerts within 24h0m0s")),
		},
		{
			first + "the device a and the device b with #12 (not open); a link with #7 (late).",
			opened(1, heldBack("host:a", "j", "not open"), heldBack("", "i", "late"), heldBack("host:b", "j", "not open")),
		},
		{
			first + "the device a (1); the device b (2); the device c (3); 1 more.",
			opened(1, heldBack("host:a", "", "1"), heldBack("host:b", "", "2"), heldBack("host:c", "", "3"),
				heldBack("host:d", "", "4")),
		},
	} {
		assert.Equal(t, c.want, c.e.Sentence())
	}
}

// Durations are told in a unit that does not hide much.
func TestDurationsInWords(t *testing.T) {
	for given, want := range map[string]string{
		"0s": "less than a second", "1.5s": "1 second", "59s": "59 seconds", "1m28s": "88 seconds",
		"2m59s": "2 minutes", "1h0m0s": "60 minutes", "1h10m0s": "70 minutes", "1h28m0s": "88 minutes",
		"1h59m59s": "119 minutes", "2h0m0s": "2 hours", "24h0m0s": "24 hours", "47h59m0s": "47 hours", "48h0m0s": "2 days",
	} {
		e := opened(1, heldBack("host:a", "j", "one alone, "+given+" apart"))
		want = "First alert of the incident. Held back: the device a with #12 (one alone, " + want + " apart)."
		assert.Equal(t, want, e.Sentence())
	}
}

// Several entries of one report have the same links, which count once. What was held back counts as no reason.
func TestLinksOfSeveralEntries(t *testing.T) {
	device, address := on("host:ws-01"), link("ip:203.0.113.7", 2, shared)
	late := heldBack("ip:203.0.113.8", "j", "late")
	e := came(device, late)
	for range 2 {
		e.Updated = append(e.Updated, activity.Entry{Links: []activity.Link{device, address, late}})
	}
	e.Merged.Links = []activity.Link{{Incident: "k"}}
	assert.Equal(t, []activity.Link{device, address}, e.Reasons())
	assert.Equal(t, []activity.Link{late}, e.HeldBack())
	assert.Equal(t, []incident.ID{"i", "j", "k"}, e.Linked())
}

// Alerts are counted by what most of them have in common, each once. The first alert counts with the next one.
func TestRationale(t *testing.T) {
	device, account := on("host:ws-01"), link(`account:corp\kai`, 2, closely)
	elsewhere := opened(1)
	elsewhere.Added.Incident, elsewhere.Merged.ID = "j", "m"
	hand := activity.Link{Reason: activity.GroupedManually}
	list := func(all ...incident.Explanation) []incident.Explanation { return all }
	for want, all := range map[string][]incident.Explanation{
		"No alerts.": nil,
		"1 alert.":   list(opened(1)),
		`5 alerts on the device ws-01; 2 more by the account CORP\kai, close in time.`: list(
			opened(1), came(device), came(device), came(account), came(device, account), came(device), came(account)),
		"2 alerts on the device ws-01; 1 more from merged incidents.": list(opened(1), came(device), elsewhere),
		"2 alerts grouped by their source.": list(came(activity.Link{Reason: activity.GroupedBySource}),
			came(activity.Link{Reason: activity.GroupedBySource})),
		"1 alert moved by hand; 1 more without a link.": list(opened(2), came(hand)),
		"2 alerts without a link.":                      list(opened(2), opened(2)),
		"1 alert on the device a; 1 more on the device b; 1 more on the device c; 2 more in other ways.": list(
			came(on("host:a")), came(on("host:b")), came(on("host:c")),
			came(on("host:d")), opened(2)),
		"2 alerts on the device ws-01.corp.example.": list(opened(1),
			came(on("device:8f3a"), on("host:ws-01.corp.example"), on("short-host:ws-01"))),
	} {
		assert.Equal(t, want, incident.Rationale(all))
	}
}
