package msgraph

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/incidentkit/incidentkit/internal/jsonitem"
)

// A shape is what an object is.
type shape uint8

const (
	noShape shape = iota
	alertShape
	incidentShape
	rowShape // of AlertInfo or AlertEvidence, or the record of one
)

// contextOf returns the "@odata.context" of an answer, which tells what is in it.
func contextOf(objects ...object) string {
	var context string
	for _, m := range objects {
		if json.Unmarshal(m["@odata.context"], &context) == nil && context != "" {
			break
		}
	}
	return strings.ToLower(context)
}

// shapeOf returns what m is, by its type, by the context of the answer or by members that only one shape
// has.
func shapeOf(m object, context string) shape {
	if isRow(m) {
		return rowShape
	}
	has := make(map[string]bool, len(m))
	typ := ""
	for name, raw := range m {
		if canonical, ok := spellings()[name]; ok {
			name = canonical
		} else if canonical, ok := spellings()[bare(name)]; ok {
			name = canonical
		}
		if has[name] = true; name == odataType && typ == "" {
			_ = json.Unmarshal(raw, &typ)
		}
	}
	typ = strings.ToLower(typ)
	switch {
	case strings.HasSuffix(typ, ".incident"):
		return incidentShape
	case strings.HasSuffix(typ, ".alert"), strings.HasSuffix(typ, ".alert_v2"):
		return alertShape
	case strings.Contains(typ, "microsoft.graph"), foreign(m) != "":
		return noShape
	case strings.Contains(context, "security/incidents") && has["id"]:
		return incidentShape
	case strings.Contains(context, "security/alerts") && has["id"]:
		return alertShape
	}
	count := func(names ...string) (n int) {
		for _, name := range names {
			if has[name] {
				n++
			}
		}
		return n
	}
	identified := has["id"] || has["alertId"]
	switch {
	case identified && has["alertCreationTime"],
		identified && count("title", "alertWebUrl") > 0 && count("alertWebUrl", "serviceSource",
			"firstActivityDateTime", "lastActivityDateTime",
			"computerDnsName", "alertPolicyId", "incidentWebUrl", "threatDisplayName", "actorDisplayName",
			"vendorInformation") > 0,
		identified && has["title"] && count("mitreTechniques", "detectionSource", "lastUpdateDateTime",
			"incidentId", "alertId", "machineId",
			"createdDateTime", "providerAlertId", "threatFamilyName", "investigationState") > 1,
		identified && has["title"] && (hasEvidence(m, "evidence") || hasEvidence(m, "entities")):
		return alertShape
	case has["title"]:
		return noShape
	case count("id", "incidentId") > 0 && count("redirectIncidentId", "customTags", "incidentWebUrl",
		"resolvingComment", "incidentName") > 0,
		has["id"] && has["displayName"] && count("lastUpdateDateTime", "classification", "determination",
			"assignedTo", "priorityScore") > 1,
		has["incidentId"] && has["alerts"] && count("status", "severity") > 0,
		has["id"] && has["displayName"] && hasAlerts(m):
		return incidentShape
	}
	return noShape
}

// firstOf returns the object under name, or the first of the list there.
func firstOf(m object, name string) (first object) {
	raw := m[name]
	for e := range jsonitem.Elements(raw) {
		raw = e
		break
	}
	if json.Unmarshal(raw, &first) != nil {
		return nil
	}
	return first
}

// hasEvidence reports whether pieces of evidence under name tell their type as only these interfaces do.
func hasEvidence(m object, name string) bool {
	e := firstOf(m, name)
	fold(e)
	var typ string
	_ = json.Unmarshal(e[odataType], &typ)
	return e["entityType"] != nil || strings.Contains(strings.ToLower(typ), "microsoft.graph")
}

func hasAlerts(m object) bool {
	a := firstOf(m, "alerts")
	return a != nil && shapeOf(a, "") == alertShape
}

// A search looks for incidents and alerts in an item, which may be what a collector has put around them.
type search struct {
	*decoder
	context string
	found   int
	refused bool
	text    bool // some were found in a text, which is the original of what stands beside it
}

// maxWrappers is how many objects may stand around an incident or an alert.
const maxWrappers = 6

// whole takes what is in an item, or refuses it.
func (s *search) whole(m object, raw json.RawMessage) {
	if s.look(m, raw, "", 0); s.found == 0 && !s.refused {
		field, err := s.refusal(m)
		s.fail(field, err)
	}
}

func (s *search) refuse(field string, err error) {
	s.refused = true
	s.fail(field, err)
}

// look takes m, or what stands in it.
func (s *search) look(m object, raw json.RawMessage, path string, depth int) {
	sh := shapeOf(m, s.context)
	switch {
	case sh != noShape:
		s.found++
		s.take(m, raw, sh, path)
		return
	case strings.HasPrefix(categoryOf(m), hunting):
		s.refuse(under(path, "category"), fmt.Errorf("want a record of AlertInfo or AlertEvidence, not of %s",
			strings.TrimPrefix(categoryOf(m), hunting)))
		return
	case len(foreign(m)) > 0 && !strings.HasSuffix(foreign(m), wrapper):
		return
	}
	if answer := answerOf(m); answer != "" {
		s.refuse(path, errors.New("the answer is an error: "+answer))
		return
	}
	if depth == maxWrappers || typeIsOther(m) {
		return
	}
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if a, b := isOriginal(a), isOriginal(b); a != b {
			return map[bool]int{true: -1, false: 1}[a]
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if s.done || s.text {
			return
		}
		s.inside(m[name], under(path, name), depth+1)
	}
}

// isOriginal reports whether a member of that name has what a collector read, as it read it.
func isOriginal(name string) bool {
	return slices.Contains([]string{"original", "message", "@message", "full_log", "_raw", "rawEvent",
		"body"}, name)
}

func (s *search) inside(raw json.RawMessage, path string, depth int) {
	if len(raw) < len(`{"id":1}`) {
		return
	}
	switch raw[0] {
	case '{':
		var m object
		if json.Unmarshal(raw, &m) == nil && !s.table(m, path, depth) {
			s.look(m, raw, path, depth)
		}
	case '[':
		n := 0
		for e := range jsonitem.Elements(raw) {
			if s.done {
				return
			}
			if e[0] == '{' || e[0] == '"' {
				s.inside(e, path+"["+strconv.Itoa(n)+"]", depth)
			}
			n++
		}
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return
		}
		text = strings.TrimSpace(text)
		if inner := json.RawMessage(text); text != "" && (text[0] == '{' || text[0] == '[') &&
			json.Valid(inner) &&
			jsonitem.Depth(inner) <= maxDepth {
			before := s.found
			s.inside(inner, path, depth)
			s.text = s.text || s.found > before && !strings.HasSuffix(path, "]")
		}
	}
}

// table looks at the rows of a table of Log Analytics, which tells the names of its columns once.
func (s *search) table(m object, path string, depth int) bool {
	var columns []struct{ Name string }
	if m["rows"] == nil || json.Unmarshal(m["columns"], &columns) != nil || len(columns) == 0 {
		return false
	}
	n := 0
	for values := range jsonitem.Elements(m["rows"]) {
		row, at := object{}, 0
		for v := range jsonitem.Elements(values) {
			if at < len(columns) {
				row[columns[at].Name] = v
			}
			at++
		}
		if s.done {
			break
		}
		s.look(row, encode(row), path+".rows["+strconv.Itoa(n)+"]", depth)
		n++
	}
	return true
}

// answerOf returns what the error of an API's answer says; "" when m is none.
func answerOf(m object) string {
	for _, name := range []string{"error", "odata.error", "Error"} {
		var e struct {
			Code    string
			Message json.RawMessage
		}
		raw := m[name]
		if raw == nil || isNull(raw) {
			continue
		}
		var code, said string
		if json.Unmarshal(raw, &code) == nil {
			_ = json.Unmarshal(m["error_description"], &said)
			if said == "" {
				_ = json.Unmarshal(m["message"], &said)
			}
		} else if json.Unmarshal(raw, &e) == nil {
			code = e.Code
			if json.Unmarshal(e.Message, &said) != nil {
				var text struct{ Value string }
				_ = json.Unmarshal(e.Message, &text)
				said = text.Value
			}
		}
		if code = strings.Trim(code+": "+said, ": "); code != "" {
			if text := []rune(code); len(text) > 500 {
				code = string(text[:500]) + "…"
			}
			return code
		}
	}
	return ""
}

// typeIsOther reports whether m has the type of another resource than those wantedShapes.
func typeIsOther(m object) bool { return otherType(m) != nil }

func otherType(m object) json.RawMessage {
	for name, raw := range m {
		if spellings()[bare(name)] == odataType && strings.Contains(strings.ToLower(string(raw)),
			"microsoft.graph") {
			return raw
		}
	}
	return nil
}

const wantedShapes = "want a Graph incident or alert, a Defender API incident, a Defender for Endpoint alert or " +
	"a row of AlertInfo or AlertEvidence"

// refusal says why nothing was found in m.
func (s *search) refusal(m object) (field string, err error) {
	if typ := otherType(m); typ != nil {
		return odataType, fmt.Errorf("want an incident or an alert, not %s", excerpt(typ))
	}
	if product := strings.TrimSuffix(foreign(m), wrapper); product != "" {
		return "", fmt.Errorf("%s; this seems to be %s", wantedShapes, product)
	}
	field, product := "", ""
	for _, name := range slices.Sorted(maps.Keys(m)) { // an envelope, of one level
		inner := firstOf(m, name)
		if product = strings.TrimSuffix(foreign(inner), wrapper); product != "" {
			return name, fmt.Errorf("%s; this seems to be %s", wantedShapes, product)
		}
	}
	return "", errors.New(wantedShapes)
}

// wrapper ends the name of a format that may stand around an incident or an alert.
const wrapper = " "

// foreign returns the name of the other format that m seems to have; "" for none.
func foreign(m object) string {
	if m == nil {
		return ""
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if raw, ok := m[name]; !ok || isNull(raw) {
				return false
			}
		}
		return true
	}
	text := func(name string) (s string) {
		_ = json.Unmarshal(m[name], &s)
		return strings.ToLower(s)
	}
	inner := func(name string) (o object) {
		_ = json.Unmarshal(m[name], &o)
		return o
	}
	switch {
	case has("objectSchemaType", "object"):
		return "the payload of a Microsoft Sentinel automation rule"
	case strings.Contains(text("type"), "microsoft.securityinsights/"):
		return "an incident or an alert of Microsoft Sentinel"
	case has("incident_number"), has("incidentNumber"), has("IncidentNumber"):
		return "an incident of Microsoft Sentinel"
	case has("SystemAlertId"), has("systemAlertId"), text("kind") == "securityalert":
		return "an alert of Microsoft Sentinel"
	case has("ProductArn"), has("SchemaVersion", "Resource", "Service"), has("schemaVersion", "resource",
		"service"):
		return "a finding of AWS Security Hub or GuardDuty"
	case has("composite_id"), has("aggregate_id"), inner("metadata")["customerIDString"] != nil:
		return "a detection of CrowdStrike"
	case has("event_type") && inner("alert")["signature_id"] != nil:
		return "an event of Suricata"
	case has("threatInfo", "agentRealtimeInfo"):
		return "a threat of SentinelOne"
	case has("class_uid"):
		return "an event of OCSF"
	case has("indicatorValue"):
		return "an indicator of Defender for Endpoint"
	case has("Operation", "Workload"):
		return "a record of the Office 365 management API"
	case strings.Contains(text("event_id"), "@@notable@@"), has("search_name", "urgency"):
		return "a notable event of Splunk" + wrapper
	case has("rule", "agent"):
		return "an alert of Wazuh" + wrapper
	}
	for name := range m {
		if strings.HasPrefix(name, "kibana.alert.") {
			return "an alert of Elastic Security" + wrapper
		}
	}
	if inner("_source")["kibana.alert.uuid"] != nil {
		return "an alert of Elastic Security" + wrapper
	}
	return ""
}
