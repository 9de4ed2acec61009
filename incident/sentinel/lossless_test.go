package sentinel

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// leaves counts the texts, numbers and truths of a value, those inside texts that are JSON included. What says nothing,
// and members that tell a kind or stand for the place in a list, do not count.
func leaves(v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			switch fold(name) {
			case "type", "kind":
				continue
			case "$id", "$ref", "objectschematype":
				continue
			}
			leaves(e, into)
		}
	case []any:
		for _, e := range v {
			leaves(e, into)
		}
	case string:
		var inner any
		if s := strings.TrimSpace(v); s != "" && (s[0] == '{' || s[0] == '[') && json.Unmarshal([]byte(s), &inner) == nil && limit.Depth(s) <= maxDepth/2 {
			leaves(inner, into)
			return
		}
		if t, _, ok := readTime(v); ok {
			v = t.Format(time.RFC3339Nano)
		}
		if v = strings.TrimSpace(v); !isEmpty(encode(v)) {
			into[v] = true
		}
	case json.Number:
		into[v.String()] = true
	case bool:
		into[fmt.Sprint(v)] = true
	}
}

func leavesOf(text []byte) map[string]bool {
	var v any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	m := make(map[string]bool)
	if d.Decode(&v) == nil {
		leaves(v, m)
	}
	return m
}

// surplus are notes on what an item has too much of, or what another one replaced.
func surplus(notes []alert.Note) bool {
	return slices.ContainsFunc(notes, func(n alert.Note) bool {
		return strings.Contains(n.Said, "left out") || strings.Contains(n.Said, "not taken")
	})
}

// nothingIsLost holds the second law: what one item says is in what is written of it.
func nothingIsLost(t require.TestingT, source []byte) {
	items, errs := decode(string(source))
	if len(errs) > 0 || limit.Depth(string(source)) > maxDepth/2 {
		return
	}
	got := make(map[string]bool)
	for _, item := range items {
		if surplus(item.Notes) {
			return
		}
		for leaf := range leavesOf(roundTrip(t, item)) {
			got[leaf] = true
		}
	}
	if len(items) != 1 || wrapped(source) {
		return
	}
	for leaf := range leavesOf(source) {
		found := got[leaf]
		for have := range got {
			found = found || strings.Contains(have, leaf) // part of a name that was put together
		}
		require.True(t, found, "%q of\n%s\nis not in\n%s", leaf, source, export(t, items[0]))
	}
}

// wrapped reports whether a collector's object stands around the item, whose other members are not kept.
func wrapped(source []byte) bool {
	for name := range parse(source) {
		if slices.Contains(wrappers, strings.TrimPrefix(fold(name), "@")) {
			return true
		}
	}
	return false
}

// FuzzLaws holds both laws for everything that is imported.
func FuzzLaws(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		nothingIsLost(t, []byte(strings.ToValidUTF8(string(text), "\uFFFD")))
	})
}

// seeds has one of each shape.
var seeds = []string{
	`{"value":[{"name":"n","type":"Microsoft.SecurityInsights/Incidents","etag":"e","properties":{"title":"t","severity":"odd","status":"Closed","classification":"FalsePositive","classificationReason":"x","owner":{"email":"a@b.example"},"labels":[{"labelName":"redirected","labelType":"User"},"x",{}],"additionalData":{"mergedIncidentNumber":12},"incidentNumber":4,"comments":[{"properties":{"message":"m","createdTimeUtc":"2026-01-02T03:04:05.1234567Z","author":{"name":"a","email":"e"}}},{"message":"x"}]}}]}`,
	`{"IncidentName":"n","IncidentNumber":1,"ProviderName":"Microsoft XDR","ProviderIncidentId":"77","Title":"t","Owner":"{\"assignedTo\":null}","AlertIds":"[\"s\"]","CreatedTime":"2026-01-02 03:04:05","ClosedTime":"2026-01-02T03:04:05","Status":"Closed"}` + "\n" + `{"SystemAlertId":"s","AlertName":"a","DisplayName":"d","Entities":"[{\"$id\":\"1\",\"Type\":\"process\",\"ProcessId\":\"0x1a\",\"ImageFile\":{\"$id\":\"2\",\"Type\":\"file\",\"Name\":\"a.exe\",\"FileHashes\":[{\"Type\":\"filehash\",\"Algorithm\":\"SHA1\",\"Value\":\"aa\"}]},\"Host\":{\"$ref\":\"3\"}},{\"$id\":\"3\",\"Type\":\"host\",\"HostName\":\"h\",\"DnsDomain\":\"d.example\"},{\"$ref\":\"2\"}]","Tactics":"Execution, Impact","Techniques":"[\"T1059\"]","RemediationSteps":"x"}`,
	`{"objectSchemaType":"Incident","workspaceId":"w","object":{"name":"n","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t","alerts":[{"kind":"SecurityAlert","properties":{"systemAlertId":"s","status":"Dismissed","intent":"Probing","remediationSteps":["a","b"]}}],"relatedEntities":[{"id":"/e/1","kind":"Process","properties":{"processId":"12","hostEntityId":"/e/2","parentProcessEntityId":"/e/1"}},{"id":"/e/2","kind":"Host","properties":{"hostName":"h"}}]}}}`,
	`{"name":"n","type":"Microsoft.SecurityInsights/Incidents","incident_number":3,"title":"t","labels":[{"label_name":"a","label_type":"User"}],"owner":{"assigned_to":"x"},"Title":"other"}`,
	`{"tables":[{"name":"PrimaryResult","columns":[{"name":"SystemAlertId","type":"string"},{"name":"AlertName","type":"string"}],"rows":[["s","a"],["s2","b"]]}]}`,
	`{"kind":"SecurityAlert","properties":{"systemAlertId":"s","productName":"Microsoft Defender for Endpoint","providerAlertId":"637_-1","alertLink":"https://security.microsoft.com/alerts/da637_-1?tid=x","entities":[{"Address":"192.0.2.1","Location":{"CountryCode":"NL"}},{"Type":"malware","Name":"m","Files":[{"Type":"file","Name":"f","Host":{"Type":"host","NetBiosName":"w.d.example"}}]},{"kind":"Account","properties":{"accountName":"D\\kai","upnSuffix":"d.example"}},"x",{"Type":"registry-value","Name":"v","Value":"d","Key":{"Type":"registry-key","Hive":"h","Key":"k"}}]}}`,
}

func TestSeeds(t *testing.T) {
	for _, seed := range seeds {
		nothingIsLost(t, []byte(seed))
	}
}

// Mixtures of everything that any of the shapes calls its members, with values of wrong types.
func TestNothingIsLostOfMixtures(t *testing.T) {
	item := []string{"title", "Title", "description", "severity", "status", "Status", "classification", "classification_reason", "classificationComment",
		"ClosedTime", "createdTimeUtc", "CreatedTime", "LastModifiedTime", "incidentUrl", "incidentNumber", "providerName", "providerIncidentId", "owner",
		"labels", "additionalData", "AdditionalData", "comments", "alertIds", "tasks", "alerts", "relatedEntities", "new", "etag"}
	alertMembers := []string{"systemAlertId", "SystemAlertId", "providerAlertId", "VendorOriginalId", "ProviderName", "productName", "ProductComponentName",
		"alertDisplayName", "DisplayName", "AlertName", "friendlyName", "severity", "AlertSeverity", "status", "StartTime", "endTimeUtc", "timeGenerated",
		"processingEndTime", "tactics", "Tactics", "intent", "Techniques", "subTechniques", "remediationSteps", "alertLink", "entities", "ExtendedProperties",
		"CompromisedEntity", "new"}
	entity := []string{"$id", "Type", "kind", "Name", "accountName", "UPNSuffix", "UserPrincipalName", "NTDomain", "dnsDomain", "Sid", "aadUserId", "HostName",
		"NetBiosName", "FQDN", "OSFamily", "LastIpAddress", "IpInterfaces", "MdatpDeviceId", "Address", "Location", "Url", "Directory", "FileHashes", "algorithm",
		"Value", "ProcessId", "CreationTimeUtc", "ImageFile", "Account", "ParentProcess", "Host", "hostEntityId", "Key", "Hive", "Sender", "p2Sender", "ReceivedDate",
		"appId", "ResourceId", "LastVerdict", "LastRemediationState", "DetailedRoles", "Files", "new", "displayName", "friendlyName"}
	kinds := []string{"account", "host", "Ip", "url", "file", "filehash", "process", "registry-key", "RegistryValue", "mailbox", "mail-message", "mailCluster",
		"cloud-application", "azure-resource", "dns", "malware", "brand-new", "Unknown", "5", ""}
	words := []string{"High", "low", "odd", "New", "Active", "Closed", "InProgress", "Dismissed", "TruePositive", "FalsePositive", "Undetermined", "InaccurateData",
		"Suspicious", "Blocked", "Execution", "T1059", "Microsoft XDR", "MDATP", "Unknown", "redirected", "a@b.example", `D\kai`, "h.d.example", "-",
		"https://security.microsoft.com/alerts/da1", "2026-01-02T03:04:05.1234567Z", "2026-01-02 03:04:05", "0001-01-01T00:00:00Z"}
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		var fill func(names []string, depth int) map[string]any
		var value func(name string, depth int) any
		listOf := func(names []string, depth int) any {
			all := []any{}
			for range rapid.IntRange(0, 3).Draw(t, "elements") {
				all = append(all, value("entity", depth), fill(names, depth))
			}
			if rapid.IntRange(0, 3).Draw(t, "as text") == 0 {
				return string(encode(all))
			}
			return all
		}
		value = func(name string, depth int) any {
			n++
			if depth < 3 {
				switch name {
				case "entities", "relatedEntities", "FileHashes", "IpInterfaces", "Files":
					return listOf(entity, depth+1)
				case "alerts":
					return listOf(alertMembers, depth+1)
				case "comments":
					return listOf([]string{"message", "createdTimeUtc", "CreatedTime", "author", "name", "new"}, depth+1)
				case "labels":
					return listOf([]string{"labelName", "label_type", "new"}, depth+1)
				case "owner", "author", "additionalData", "Location":
					return fill([]string{"userPrincipalName", "email", "assignedTo", "name", "objectId", "ownerType", "mergedIncidentNumber", "mergedIncidentUrl", "CountryCode", "new"}, depth+1)
				case "ImageFile", "Account", "ParentProcess", "Host", "Key":
					return fill(entity, depth+1)
				}
			}
			switch name {
			case "Type", "kind":
				return rapid.SampledFrom(kinds).Draw(t, "kind")
			case "$id":
				return fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "id"))
			}
			switch rapid.IntRange(0, 9).Draw(t, "value") {
			case 0, 1, 2, 3:
				return rapid.SampledFrom(words).Draw(t, "word")
			case 4:
				return 1000 + n
			case 5:
				return []string{fmt.Sprint("text", n, ";"), fmt.Sprint("more", n, ";")}
			case 6:
				return nil
			case 7:
				return map[string]any{"$ref": fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "ref"))}
			}
			return fmt.Sprint("text", n, ";")
		}
		fill = func(names []string, depth int) map[string]any {
			m := map[string]any{}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, len(names)*2/3, rapid.ID[string]).Draw(t, "members") {
				m[name] = value(name, depth)
			}
			return m
		}
		var source any
		switch rapid.IntRange(0, 3).Draw(t, "shape") {
		case 0:
			source = map[string]any{"name": "the name", "type": "Microsoft.SecurityInsights/Incidents", "properties": fill(item, 0)}
		case 1:
			m := fill(item, 0)
			m["IncidentName"], m["IncidentNumber"], m["ProviderName"] = "the name", 7, "Azure Sentinel"
			source = m
		case 2:
			source = map[string]any{"name": "the name", "kind": "SecurityAlert", "type": "Microsoft.SecurityInsights/Entities", "properties": fill(alertMembers, 0)}
		case 3:
			m := fill(alertMembers, 0)
			m["SystemAlertId"], m["AlertName"] = "the id", "the name"
			source = m
		}
		text, err := json.Marshal(source)
		require.NoError(t, err)
		nothingIsLost(t, text)
	})
}
