package incident_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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
	merged.Added.Incident = "j"
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
			"Linked by the devices a, b, c and 2 more.",
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
		{"First alert of #12, merged by Kai.", merged},
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
			first + "the devices a and b with #12 (not open); a link with #7 (late).",
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

// That the incident has an alert of that kind links nothing; that another one has does.
func TestAlertsOfOneKindAreNoReason(t *testing.T) {
	own := activity.Link{Reason: activity.RepeatedAlertOccurrence, Incident: "i"}
	other := activity.Link{Reason: activity.RepeatedAlertOccurrence, Incident: "j"}
	assert.Empty(t, came(own).Reasons())
	assert.Empty(t, came(own).Linked())
	assert.Equal(t, "Linked by the device a.", came(on("host:a"), own).Sentence())
	assert.Equal(t, "2 alerts on the device a.", incident.Rationale([]incident.Explanation{
		opened(1), came(on("host:a"), own)}))
	assert.Equal(t, "Linked by a repeated alert.", came(other).Sentence())
	assert.Equal(t, []incident.ID{"j"}, came(other).Linked())
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

// weakly is a link that counts beside another one.
func weakly(key alert.Key) activity.Link { return link(key, 2, shared) }

func meeting(e incident.Explanation, id alert.ID, peers map[alert.Key]incident.Peer) incident.Explanation {
	e.Alert.ID, e.Peers = id, peers
	return e
}

// mergedFor explains the first alert of an incident that was merged because an alert has these keys.
func mergedFor(b incident.Bringer) incident.Explanation {
	e := opened(1)
	e.Added.Incident = "j"
	e.Merged = activity.Entry{ID: "m", Incident: "i", Links: []activity.Link{{Incident: "j"}}}
	e.Brought = b
	return e
}

// What links alone counts before what does not, what links together is told together, and causes that are
// known stand for the merge.
func TestRationaleTellsTheCause(t *testing.T) {
	device, account, file := on("host:noisy"), weakly(`account:corp\svc`), weakly("file:d|\\agent.exe")
	logon := on(`account:corp\adm-bob`)
	travel := incident.Peer{ID: "t", Title: "Impossible travel"}
	both := mergedFor(incident.Bringer{Peer: travel, Keys: []alert.Key{`account:corp\adm-bob`}, Both: true})
	b2 := mergedFor(incident.Bringer{Peer: travel, Keys: []alert.Key{"host:b2"}})
	b3 := mergedFor(incident.Bringer{Peer: travel, Keys: []alert.Key{"host:b3"}})
	updated := opened(1)
	updated.Updated = []activity.Entry{{Incident: "i", Seq: 7, Links: []activity.Link{on("host:ws-z")}}}
	byCorrelation := mergedFor(incident.Bringer{})
	list := func(all ...incident.Explanation) []incident.Explanation { return all }
	for want, all := range map[string][]incident.Explanation{
		"3 alerts on the device noisy.":                            list(opened(1), came(account, device), came(account, device)),
		`3 alerts by the account CORP\svc and the file agent.exe.`: list(opened(1), came(account, file), came(account, file)),
		`2 alerts by the account CORP\svc.`:                        list(opened(1), came(account)),
		`3 alerts by the account CORP\adm-bob.`:                    list(opened(1), meeting(came(logon), "t", nil), both),
		"4 alerts on the devices b1, b2 and b3.": list(
			meeting(opened(1), "f", nil), b2, b3, meeting(came(on("host:b1"), on("host:b2"), on("host:b3")), "t",
				map[alert.Key]incident.Peer{"host:b1": {ID: "f"}})),
		"2 alerts on the device ws-z.": list(opened(1), updated),
		"2 alerts on the device a; 1 more on the device b; 1 more on the device c; 1 more by similar artifacts.": list(
			came(on("host:a")), came(on("host:a")), came(on("host:b")), came(on("host:c")),
			came(activity.Link{Reason: activity.SimilarArtifacts})),
		"3 alerts on the device WS-01.corp.example.": list(opened(1), named(came(on("host:ws-01.corp.example")), "device WS-01.corp.example"),
			came(on("short-host:ws-01"))),
		"2 alerts on the device a; 1 more from merged incidents.": list(opened(1), came(on("host:a")), byCorrelation),
	} {
		assert.Equal(t, want, incident.Rationale(all))
	}
}

func named(e incident.Explanation, name string) incident.Explanation {
	e.Names = map[alert.Key]string{e.Added.Links[0].Entity: name}
	return e
}

// The sentence of an alert that a merge brought says which alert was the reason.
func TestSentenceOfAMerge(t *testing.T) {
	travel := incident.Peer{ID: "t", Title: "Impossible travel"}
	bob := []alert.Key{`account:corp\adm-bob`}
	linked := mergedFor(incident.Bringer{Peer: travel, Keys: bob})
	linked.Opened, linked.Added.Links = 0, []activity.Link{on("host:a")}
	own := mergedFor(incident.Bringer{Peer: travel, Keys: bob, From: true})
	own.Alert.ID, own.Updated = "t", []activity.Entry{{Incident: "i", Links: []activity.Link{on(bob[0])}}}
	several := mergedFor(incident.Bringer{Peer: travel, Keys: bob})
	several.Opened = 2
	for want, e := range map[string]incident.Explanation{
		`First alert of #12, which was merged because 'Impossible travel' shares the account CORP\adm-bob with both.`: mergedFor(
			incident.Bringer{Peer: travel, Keys: bob, Both: true}),
		`First alert of #12, which was merged because 'Impossible travel' shares the account CORP\adm-bob with it.`: mergedFor(
			incident.Bringer{Peer: travel, Keys: bob}),
		`First alert of #12, which was merged because 'Impossible travel' shares the account CORP\adm-bob with #7.`: mergedFor(
			incident.Bringer{Peer: travel, Keys: bob, From: true}),
		`First alert of #12, which was merged because another alert shares the account CORP\adm-bob with it.`: mergedFor(
			incident.Bringer{Peer: incident.Peer{ID: "t"}, Keys: bob}),
		`Linked by the device a. Came with #12, which was merged because 'Impossible travel' shares ` +
			`the account CORP\adm-bob with it.`: linked,
		`First alert of #12, which was merged. A later report linked it by the account CORP\adm-bob.`: own,
		`One of the first 2 alerts of #12, which was merged because ` +
			`'Impossible travel' shares the account CORP\adm-bob with it.`: several,
	} {
		assert.Equal(t, want, e.Sentence())
	}
}

// The reason that there are too many incidents is told once, by whatever the alert shares with them. Not all
// links are kept.
func TestSentenceOfTooMany(t *testing.T) {
	const why = "the alert links 11 incidents, more than 10"
	const more = "with 11 incidents, more than the 10 that one alert may join"
	for want, links := range map[string][]activity.Link{
		"Shares the device a " + more + ": #7, #12 and 9 more.": {heldBack("host:a", "j", why), heldBack("host:a", "i", why)},
		"Shares accounts " + more + ": #7, #12 and 9 more.": {
			heldBack(`account:corp\a`, "j", why), heldBack(`account:corp\b`, "i", why)},
		"Shares identifiers " + more + ": #12 and 10 more. Held back: the device b (late).": {
			heldBack(`account:corp\a`, "j", why), heldBack("host:b", "", "late"), heldBack("host:c", "j", why)},
		"Shares the device a " + more + ".": {heldBack("host:a", "hidden", why)},
	} {
		assert.Equal(t, "First alert of the incident. "+want, opened(1, links...).Sentence())
	}
}

// Names are those of the source. What is linked to another alert, or to several, says to which.
func TestSentenceNamesThings(t *testing.T) {
	e := came(on("host:ws-1"), on("short-host:ws-1"), link(`account:corp\kai`, 2, closely), on("host:b"))
	e.Names = map[alert.Key]string{"host:ws-1": "device WS-1.corp.example", "short-host:ws-1": "device WS-1.corp.example",
		"sid:s-1-5-18": `account NT AUTHORITY\SYSTEM`, `account:nt authority\system`: `account NT AUTHORITY\SYSTEM`}
	dump := incident.Peer{ID: "1", Title: "LSASS dump"}
	e.Peers = map[alert.Key]incident.Peer{"host:ws-1": dump, "short-host:ws-1": dump, `account:corp\kai`: dump,
		"host:b": {ID: "2", Title: "Beacon\nof b"}}
	assert.Equal(t, "Linked to 'LSASS dump' by the device WS-1.corp.example; to 'Beacon of b' by the device b; "+
		`to 'LSASS dump' by the account CORP\kai, close in time.`, e.Sentence())
	system := opened(1, heldBack(`account:nt authority\system`, "", "a well-known account"), heldBack("sid:s-1-5-18", "", "a well-known identifier"))
	system.Names = e.Names
	assert.Equal(t, `First alert of the incident. Held back: the account NT AUTHORITY\SYSTEM (a well-known account).`, system.Sentence())
}

// Whatever the links are, each alert counts once.
func TestRationaleCountsEachAlertOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := []alert.Key{"host:a", "host:b", "host:c", "host:d", "host:e", `account:corp\kai`, "ip:203.0.113.7", "sha256:ab", ""}
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) incident.Explanation {
			e := came(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) activity.Link {
				l := link(rapid.SampledFrom(keys).Draw(t, "key"), rapid.SampledFrom([]int{2, 5}).Draw(t, "score"),
					rapid.SampledFrom([]activity.Reason{asset, closely}).Draw(t, "reason"))
				l.HeldBack = rapid.SampledFrom([]string{"", "", "late"}).Draw(t, "held back")
				return l
			}), 0, 4).Draw(t, "links")...)
			e.Opened = rapid.IntRange(0, 2).Draw(t, "opened")
			return e
		}), 2, 12).Draw(t, "all")
		sentence := incident.Rationale(all)
		sum := 0
		for part := range strings.SplitSeq(sentence, "; ") {
			n, err := strconv.Atoi(part[:strings.IndexByte(part, ' ')])
			require.NoError(t, err, sentence)
			sum += n
		}
		require.Equal(t, len(all), sum, sentence)
	})
}
