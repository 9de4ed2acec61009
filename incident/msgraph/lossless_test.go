package msgraph

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
)

// A form says what may stand in the fields of an object that a source sends.
type form map[string]*rapid.Generator[any]

func texts(all ...string) *rapid.Generator[any] {
	return rapid.Map(rapid.SampledFrom(all), toAny[string])
}
func toAny[T any](v T) any { return v }

var (
	freeText = rapid.Map(rapid.StringN(0, 6, -1), toAny[string])
	number   = rapid.Map(rapid.Int64Range(-3, 1<<53), toAny[int64])
	moment   = rapid.Map(rapid.Int64Range(0, 1<<52), func(us int64) any { return time.UnixMicro(us).UTC().Format(time.RFC3339Nano) })
	junk     = rapid.OneOf(number, rapid.Just[any](true), rapid.Just[any](2.5), rapid.Just[any]([]any{"x", 7}), rapid.Just[any](map[string]any{"y": "z"}),
		rapid.Just[any](nil), rapid.Just[any](""), rapid.Just[any]([]any{}), rapid.Just[any]("unknownFutureValue"))
)

// draw makes an object of the form, in which fields are missing, have a wrong type or are not known.
func (s form) draw(t *rapid.T, need ...string) map[string]any {
	m := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		switch n := rapid.IntRange(0, 9).Draw(t, name); {
		case slices.Contains(need, name), n < 6:
			m[name] = s[name].Draw(t, name)
		case n == 6:
			m[name] = junk.Draw(t, name)
		}
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "unknown fields") {
		m[fmt.Sprint("new", n)] = junk.Draw(t, "unknown")
	}
	return m
}

func (s form) gen(need ...string) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any { return s.draw(t, need...) })
}

func listOf(g *rapid.Generator[any]) *rapid.Generator[any] {
	return rapid.Map(rapid.SliceOfN(g, 0, 3), toAny[[]any])
}

// sources returns the shapes of an alert and of an incident, in the spellings in which they are written.
func forms() (alerts, incidents form) {
	user := form{"accountName": freeText, "userSid": freeText, "userPrincipalName": freeText}
	file := form{"fileName": freeText, "fileSize": number, "sha256": freeText}
	evidence := form{
		"@odata.type": texts("#microsoft.graph.security.userEvidence", "#microsoft.graph.security.processEvidence", "#microsoft.graph.security.fileEvidence",
			"#microsoft.graph.security.deviceEvidence", "#microsoft.graph.security.registryValueEvidence", "#microsoft.graph.security.analyzedMessageEvidence",
			"#microsoft.graph.security.kubernetesPodEvidence", "#microsoft.graph.security.brandNewEvidence", "odd"),
		"verdict": texts("suspicious", "malicious", "noThreatsFound", "odd"), "remediationStatus": texts("none", "active", "odd"), "remediationStatusDetails": freeText,
		"roles": listOf(texts("attacker", "odd", "unknown", "unknownFutureValue")), "tags": listOf(freeText), "detailedRoles": listOf(freeText), "createdDateTime": moment,
		"userAccount": user.gen(), "imageFile": file.gen(), "fileDetails": file.gen(), "p2Sender": form{"emailAddress": freeText}.gen(),
		"processId": number, "processCreationDateTime": moment, "mdeDeviceId": freeText, "registryKey": freeText, "registryValueName": freeText, "name": freeText, "osBuild": number,
	}
	comment := form{"comment": freeText, "createdByDisplayName": texts("a", "b"), "createdDateTime": moment}
	alerts = form{
		"id": texts("i1", "i2"), "title": texts("t1", "t2"), "serviceSource": texts("microsoftSentinel", "MicrosoftDefenderATP", "odd"), "detectionSource": freeText,
		"productName": freeText, "description": freeText, "category": texts("None", "Impact"), "mitreTechniques": listOf(texts("T1", "T2")), "systemTags": listOf(freeText),
		"severity": texts("low", "high", "odd"), "status": texts("new", "resolved", "odd"), "classification": texts("truePositive", "falsePositive", "odd"),
		"determination": texts("malware", "other", "odd"), "assignedTo": freeText, "resolvedDateTime": moment, "createdDateTime": moment, "firstActivityDateTime": moment,
		"incidentId": freeText, "comments": listOf(comment.gen()), "evidence": listOf(evidence.gen()),
	}
	incidents = form{
		"id": texts("i1", "i2"), "displayName": texts("n1", "n2"), "description": freeText, "severity": texts("low", "high", "odd"), "assignedTo": freeText,
		"status": texts("active", "resolved", "redirected", "awaitingAction", "odd"), "redirectIncidentId": texts("i1", "i3"), "resolvingComment": freeText,
		"classification": texts("truePositive", "falsePositive", "odd"), "determination": texts("malware", "other", "odd"), "customTags": listOf(freeText),
		"systemTags": listOf(freeText), "lastUpdateDateTime": moment, "priorityScore": number, "incidentWebUrl": freeText,
		"alerts": listOf(alerts.gen("id", "title")),
		"comments": rapid.Map(listOf(comment.gen("createdByDisplayName", "createdDateTime")), func(v any) any {
			slices.SortStableFunc(v.([]any), func(a, b any) int {
				return at(a.(map[string]any)["createdDateTime"].(string)).Compare(at(b.(map[string]any)["createdDateTime"].(string)))
			})
			return v
		}),
	}
	return alerts, incidents
}

// says reports whether got says everything that want does. Null, the empty text and empty lists and
// objects say nothing; elements that name nothing come last; what should have been in a list may be in one now.
func says(got, want any) bool {
	if have, ok := got.([]any); ok && len(have) == 1 {
		if _, ok := want.([]any); !ok {
			got = have[0]
		}
	}
	switch want := want.(type) {
	case nil:
		return true
	case string:
		return want == "" || got == want
	case float64: // an identifier is a text afterwards
		return got == any(want) || got == fmt.Sprintf("%.0f", want)
	case map[string]any:
		have, _ := got.(map[string]any)
		for name, v := range want {
			if !says(have[name], v) {
				return false
			}
		}
		return true
	case []any:
		have, ok := got.([]any)
		if !ok || len(have) != len(want) {
			return len(want) == 0
		}
		return sayAll(slices.Clone(have), want)
	}
	return reflect.DeepEqual(got, want)
}

// sayAll reports whether each of have says another one of want.
func sayAll(have, want []any) bool {
	if len(want) == 0 {
		return true
	}
	for n, v := range have {
		if says(v, want[0]) && sayAll(slices.Delete(slices.Clone(have), n, n+1), want[1:]) {
			return true
		}
	}
	return false
}

// noted reports whether a note tells what became of a value.
func noted(notes []alert.Note, value string) bool {
	return slices.ContainsFunc(notes, func(n alert.Note) bool { return strings.Contains(n.Value, value) })
}

// What a source says is in what is written of it, whether it was understood, had the wrong type or was
// never heard of.
func TestNothingIsLost(t *testing.T) {
	alerts, incidents := forms()
	check := func(s form, typ string) func(*rapid.T) {
		return func(t *rapid.T) {
			source := s.draw(t, "id", "title", "displayName")
			source["@odata.type"] = "#microsoft.graph.security." + typ
			nested, _ := source["alerts"].([]any)
			if slices.ContainsFunc(nested, func(v any) bool { return reflect.TypeOf(v) != reflect.TypeFor[map[string]any]() }) || nested == nil {
				delete(source, "alerts") // that would be an error
			}
			nested, _ = source["alerts"].([]any)
			for n, a := range nested {
				a.(map[string]any)["id"] = n // reports of one alert are joined
			}
			text, err := json.Marshal(source)
			require.NoError(t, err)
			items, errs := decode(string(text))
			require.Empty(t, errs)
			require.Len(t, items, 1)
			var want, got any
			require.NoError(t, json.Unmarshal(text, &want))
			out := roundTrip(t, items[0])
			require.NoError(t, json.Unmarshal(out, &got))
			require.True(t, says(got, want), "of\n%s\nis left\n%s", text, out)
		}
	}
	t.Run("alerts", rapid.MakeCheck(check(alerts, "alert")))
	t.Run("incidents", rapid.MakeCheck(check(incidents, "incident")))
}

// The same for mixtures of everything that any of the interfaces calls its fields. Names may change on the
// way, so that each value is told by itself: no text comes twice.
func TestNothingIsLostOfMixtures(t *testing.T) {
	entity := []string{"entityType", "@odata.type", "accountName", "userSid", "aadUserId", "azureAdUserId", "userPrincipalName", "upn", "sha1", "fileName", "parentProcessFileName",
		"imageFile", "fileDetails", "userAccount", "processCreationTime", "processCreationDateTime", "evidenceCreationTime", "createdDateTime", "verdict", "roles", "tags",
		"deviceId", "mdeDeviceId", "mdatpDeviceId", "mailboxAddress", "primaryAddress", "displayName", "securityGroupName", "sender", "p2Sender", "recipient", "registryValue",
		"registryValueName", "registryKey", "ipAddress", "url", "processId", "firstSeen", "new", "odata_type", "process_id", "DeviceDnsName", "AdditionalProperties"}
	comment := []string{"comment", "createdBy", "createdByDisplayName", "createdTime", "createdDateTime", "new"}
	item := []string{"title", "displayName", "incidentName", "status", "severity", "classification", "determination", "serviceSource", "detectionSource", "category",
		"recommendedAction", "recommendedActions", "threatName", "threatDisplayName", "actorName", "actorDisplayName", "creationTime", "alertCreationTime", "createdDateTime", "createdTime",
		"lastUpdateTime", "lastUpdatedTime", "lastUpdateDateTime", "firstActivity", "firstEventTime", "firstActivityDateTime", "resolvedTime", "resolvedDateTime", "tags", "customTags",
		"systemTags", "assignedTo", "redirectIncidentId", "resolvingComment", "incidentId", "alertId", "machineId", "computerDnsName", "rbacGroupName", "new",
		"closedDateTime", "eventDateTime", "lastModifiedDateTime", "sourceMaterials", "feedback", "activityGroupName", "hostStates", "fileStates",
		"networkConnections", "LastUpdateDateTime", "last_update_date_time", "customDetails", "vendorInformation", "alertWebUrl", "AlertWebUrl"}
	types := []string{"User", "Process", "File", "MailBox", "MailMessage", "Registry", "SecurityGroup", "Ip", "Beacon", "unknown"}
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		scalar := func() any {
			n++
			switch rapid.IntRange(0, 5).Draw(t, "value") {
			case 0:
				return time.Unix(1_700_000_000+int64(n), 0).UTC().Format(time.RFC3339)
			case 1:
				return 1000 + n
			case 2:
				return []string{fmt.Sprint("text", n), fmt.Sprint("more", n)}
			case 3:
				return nil
			}
			return fmt.Sprint("text", n)
		}
		fill := func(names []string) map[string]any {
			m := map[string]any{}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, len(names)*3/4, rapid.ID[string]).Draw(t, "names") {
				switch n++; name {
				case "entityType", "@odata.type", "odata_type":
					m[name] = rapid.SampledFrom(types).Draw(t, "type")
				case "imageFile", "fileDetails", "userAccount", "p2Sender":
					m[name] = map[string]any{"fileName": scalar(), "accountName": scalar(), "emailAddress": scalar(), "userName": scalar()}
				default:
					m[name] = scalar()
				}
			}
			return m
		}
		fillAll := func(names []string, types ...string) []any {
			var all []any
			for range rapid.IntRange(0, 2).Draw(t, "elements") {
				m := fill(names)
				if len(types) > 0 {
					m["entityType"] = rapid.SampledFrom(types).Draw(t, "type")
				}
				all = append(all, m)
			}
			return all
		}
		source := fill(item)
		source["id"] = "the id"
		source["comments"] = fillAll(comment)
		if typ := rapid.SampledFrom([]string{"alert", "incident"}).Draw(t, "form"); typ == "alert" {
			source["title"], source["evidence"], source["entities"], source["devices"], source["relatedUser"] = "the title", fillAll(entity), fillAll(entity, types...), fillAll(entity), fill(entity)
			source["@odata.type"] = "#microsoft.graph.security.alert"
		} else {
			source["displayName"], source["incidentName"] = "the name", nil
			source["@odata.type"] = "#microsoft.graph.security.incident"
		}
		text, err := json.Marshal(source)
		require.NoError(t, err)
		items, errs := decode(string(text))
		require.Empty(t, errs)
		out := roundTrip(t, items[0])
		var in, back any
		require.NoError(t, json.Unmarshal(text, &in))
		require.NoError(t, json.Unmarshal(out, &back))
		want, got := map[string]int{}, map[string]int{}
		leaves(in, silent, want)
		leaves(back, nil, got)
		for v, n := range want {
			if !noted(items[0].Notes, v) {
				require.LessOrEqual(t, n, got[v], "%q of\n%s\nis not in\n%s", v, text, out)
			}
		}
	})
}
