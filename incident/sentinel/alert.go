package sentinel

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
)

// fieldError is why a field keeps an item from being imported.
type fieldError struct {
	field string
	err   error
}

// alertNames are the members of the properties of an alert, and the columns of SecurityAlert.
var alertNames = sync.OnceValue(func() map[string]string {
	return names("systemAlertId", "providerAlertId", "vendorOriginalId", "providerName", "productName",
		"productComponentName",
		"vendorName", "productVersion", "alertDisplayName=displayname", "alertName", "friendlyName",
		"alertType", "description",
		"severity=alertseverity", "status", "startTimeUtc=starttime", "endTimeUtc=endtime", "timeGenerated",
		"processingEndTime",
		"tactics=tactic", "techniques=technique", "subTechniques", "intent", "compromisedEntity",
		"confidenceLevel",
		"confidenceScore", "remediationSteps=remediationstep", "alertLink", "resourceIdentifiers",
		"resourceId", "additionalData",
		"extendedProperties", "extendedLinks", "entities=entity")
})

// envelopeNames are the members around the properties of a resource, those of what an automation rule sends
// included.
var envelopeNames = sync.OnceValue(func() map[string]string {
	return names("id", "name", "type", "kind", "etag", "systemData", "properties", "eventUniqueId",
		"objectSchemaType", "objectEventType",
		"workspaceInfo", "workspaceId")
})

// resource gives m the shape of ARM, in which all but a few members are properties, and returns these.
func resource(m object, names map[string]string) (properties object) {
	respell(m, envelopeNames())
	unquote(m, "properties")
	if properties = parse(m["properties"]); properties != nil {
		delete(m, "properties")
	} else {
		properties = object{}
		for name, raw := range m {
			if named(envelopeNames(), name) != name || name == "properties" {
				properties[name] = raw
				delete(m, name)
			}
		}
	}
	respell(properties, names)
	delete(m, "type") // it is written as ARM has it
	return properties
}

// sources are the products of Microsoft by their names, and by the names of the providers of their alerts,
// without spaces and in small letters. They are spelled as package msgraph spells them.
var sources = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"mdatp": endpoint, "microsoftdefenderadvancedthreatprotection": endpoint,
		"microsoftdefenderforendpoint":            endpoint,
		"windowsdefenderadvancedthreatprotection": endpoint, "microsoftdefenderatp": endpoint,
		"oatp": office, "office365advancedthreatprotection": office, "microsoftdefenderforoffice365": office,
		"officeatp": office, "ipc": entra, "azureactivedirectoryidentityprotection": entra,
		"aadidentityprotection":      entra,
		"microsoftentraidprotection": entra, "entraidprotection": entra, "azureadidentityprotection": entra,
		"mcas": cloudApps, "microsoftcloudappsecurity": cloudApps, "microsoftdefenderforcloudapps": cloudApps,
		"aatp": identity, "azureadvancedthreatprotection": identity,
		"microsoftdefenderforidentity": identity, "azureatp": identity,
		"mtp": xdr, "microsoft365defender": xdr, "microsoftdefenderxdr": xdr, "microsoftxdr": xdr,
		"microsoftthreatprotection": xdr, "azuresecuritycenter": cloud, "microsoftdefenderforcloud": cloud,
		"azuredefender":               cloud,
		"microsoftdatalossprevention": lossPrevention, "microsoft365datalossprevention": lossPrevention,
		"microsoftapplicationgovernance": appGovernance, "microsoftappgovernance": appGovernance,
		"appgovernance":                     appGovernance,
		"microsoft365insiderriskmanagement": insiderRisk, "microsoftinsiderriskmanagement": insiderRisk,
		"microsoftpurviewinsiderriskmanagement": insiderRisk,
	}
})

// The words of Graph for the services that raise alerts.
const (
	endpoint       = "microsoftDefenderForEndpoint"
	office         = "microsoftDefenderForOffice365"
	entra          = "azureAdIdentityProtection"
	cloudApps      = "microsoftDefenderForCloudApps"
	identity       = "microsoftDefenderForIdentity"
	xdr            = "microsoft365Defender"
	cloud          = "microsoftDefenderForCloud"
	lossPrevention = "dataLossPrevention"
	appGovernance  = "microsoftAppGovernance"
	insiderRisk    = "microsoftInsiderRiskManagement"
)

// prefixes are the letters that Defender puts before the identifier that a product gave an alert, the usual
// ones first. Source: Microsoft Defender XDR, investigate alerts.
func prefixes(source string) []string {
	switch source {
	case endpoint:
		return []string{"da", "ed"}
	case office:
		return []string{"fa"}
	case entra:
		return []string{"ad"}
	case cloudApps:
		return []string{"ca", "rm"}
	case identity:
		return []string{"aa", "ri"}
	case xdr:
		return []string{"ra", "ea", "ta"}
	case cloud:
		return []string{"dc"}
	case lossPrevention:
		return []string{"dl"}
	case appGovernance:
		return []string{"ma"}
	case insiderRisk:
		return []string{"ir"}
	}
	return nil
}

// isBare reports whether id is one that cannot have letters put before it, though it may begin with them: a
// GUID or a hash.
func isBare(id string) bool {
	digits := strings.ReplaceAll(id, "-", "")
	return (len(digits) == 32 || len(digits) == 64) && strings.Trim(strings.ToLower(digits), "0123456789abcdef") == ""
}

// origin returns the origin of an alert, and in words where it is a guess.
func origin(props object, id string) (o alert.Origin, said string) {
	source := sources()[word(plain(props["productName"]))]
	if source == "" {
		source = sources()[word(plain(props["providerName"]))]
	}
	linked := linkedID(plain(props["alertLink"]))
	switch {
	case source != "" && linked != "":
		return alert.Origin{Source: source, ID: linked}, ""
	case source == "" && strings.HasPrefix(linked, "sn"):
		return alert.Origin{Source: system, ID: linked}, ""
	case source == "":
		return alert.Origin{Source: system, ID: id}, ""
	}
	their := strings.TrimSpace(plain(props["providerAlertId"]))
	if their == "" {
		their = strings.TrimSpace(plain(props["vendorOriginalId"]))
	}
	if their == "" {
		said = "kept as an alert of Sentinel, since the identifier in Defender is missing"
		return alert.Origin{Source: system, ID: id}, said
	}
	letters := prefixes(source)
	if !isBare(their) && slices.ContainsFunc(letters, func(p string) bool { return strings.HasPrefix(their, p) }) {
		return alert.Origin{Source: source, ID: their}, ""
	}
	if len(letters) > 1 {
		said = "taken for the alert " + letters[0] + their + " in Defender, which may put other letters before it"
	}
	return alert.Origin{Source: source, ID: letters[0] + their}, said
}

// linkedID returns the identifier of the alert that a link into Defender shows, "" of any other link.
func linkedID(link string) string {
	u, err := url.Parse(link)
	if err != nil || !strings.EqualFold(u.Hostname(), "security.microsoft.com") {
		return ""
	}
	id, ok := strings.CutPrefix(u.Path, "/alerts/")
	if !ok {
		return ""
	}
	id, _, _ = strings.Cut(id, "/")
	return id
}

// alert moves what needs no thought.
func (c codec) alert(a *alert.Alert) {
	c.texts("productName", &a.Product, "productComponentName", &a.DetectionSource, "description",
		&a.Description, "alertLink", &a.URL)
	c.time(&a.FirstActivity, "startTimeUtc")
	c.time(&a.LastActivity, "endTimeUtc")
	c.time(&a.Created, "timeGenerated")
	c.time(&a.SourceUpdated, "processingEndTime")
	enumerated(c, &a.Severity, "severity", readSeverity, writeSeverity)
	c.status(a)
	c.tactics(&a.Category)
	c.techniques(&a.Techniques)
	c.steps(&a.RecommendedActions)
	titles := []string{"alertDisplayName", "friendlyName", "alertName"}
	derived(c, &a.Title, titles, func(m object) (string, string) {
		for _, name := range titles {
			if s := plain(m[name]); strings.TrimSpace(s) != "" {
				return s, ""
			}
		}
		return "", kept
	}, func(s string) object {
		if s == "" {
			return object{}
		}
		return object{"alertDisplayName": encode(s)}
	}, same[string])
}

func readSeverity(s string) (alert.Severity, bool) {
	v, err := alert.ParseSeverity(s)
	return v, err == nil && v != alert.Unrated || isNothing(s)
}

func writeSeverity(s alert.Severity) string {
	if s == alert.Unrated {
		return ""
	}
	return first(s.String(), 'a', 'z', 'A')
}

// status moves the status of an alert. One that was dismissed is resolved, and was a false alarm.
func (c codec) status(a *alert.Alert) {
	type state struct {
		status  alert.Status
		verdict classification.Verdict
	}
	s := state{a.Status, a.Verdict}
	enumerated(c, &s, "status", func(s string) (state, bool) {
		switch s {
		case "new", "unknown", "":
			return state{}, true
		case "inprogress":
			return state{status: alert.StatusInProgress}, true
		case "resolved":
			return state{status: alert.StatusResolved}, true
		case "dismissed":
			alarm := classification.Verdict{Classification: classification.FalsePositive}
			return state{alert.StatusResolved, alarm}, true
		}
		return state{}, false
	}, func(s state) string {
		if s.status == alert.StatusResolved && s.verdict.Classification == classification.FalsePositive {
			return "Dismissed"
		}
		return first(s.status.String(), 'a', 'z', 'A')
	})
	a.Status, a.Verdict = s.status, s.verdict
}

// words returns the texts of a list, of a text that is one in JSON, or of one with commas.
func words(raw json.RawMessage) (all []string) {
	if s := strings.TrimSpace(plain(raw)); s != "" {
		if s[0] != '[' || !json.Valid([]byte(s)) {
			for part := range strings.SplitSeq(s, ",") {
				if part = strings.TrimSpace(part); part != "" {
					all = append(all, part)
				}
			}
			return all
		}
		raw = json.RawMessage(s)
	}
	list, _ := elements(raw, alert.MaxList)
	for _, e := range list {
		if s := strings.TrimSpace(plain(e)); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// tactics moves the category: the first tactic, or the stage of the older kill chain where no tactic is
// named.
func (c codec) tactics(category *string) {
	derived(c, category, []string{"tactics", "intent"}, func(m object) (string, string) {
		for _, name := range [...]string{"tactics", "intent"} {
			for _, s := range words(m[name]) {
				if tactic := alert.Tactic(s); tactic != "" {
					return tactic, ""
				}
				if !isNothing(s) {
					return s, ""
				}
			}
		}
		return "", ""
	}, func(s string) object {
		if s == "" {
			return object{}
		}
		return object{"tactics": encode([]string{s})}
	}, same[string])
}

func (c codec) techniques(list *[]string) {
	derived(c, list, []string{"techniques", "subTechniques"}, func(m object) ([]string, string) {
		var all []string
		for _, name := range [...]string{"techniques", "subTechniques"} {
			for _, s := range words(m[name]) {
				if !slices.Contains(all, s) {
					all = append(all, s)
				}
			}
		}
		return all, ""
	}, func(all []string) object {
		if len(all) == 0 {
			return object{}
		}
		return object{"techniques": encode(all)}
	}, slices.Equal)
}

// steps moves what is recommended: a list of texts, one text, or a text that is a list in JSON.
func (c codec) steps(actions *string) {
	derived(c, actions, []string{"remediationSteps"}, func(m object) (string, string) {
		raw := m["remediationSteps"]
		if s := strings.TrimSpace(plain(raw)); s != "" {
			if s[0] != '[' || !json.Valid([]byte(s)) {
				return plain(raw), ""
			}
			raw = json.RawMessage(s)
		}
		var lines []string
		list, total := elements(raw, alert.MaxList)
		for _, e := range list {
			if s := plain(e); s != "" {
				lines = append(lines, s)
			}
		}
		if total != len(lines) {
			return strings.Join(lines, "\n"), "kept as it came, since not all of it are texts"
		}
		return strings.Join(lines, "\n"), ""
	}, func(s string) object {
		if s == "" {
			return object{}
		}
		return object{"remediationSteps": encode([]string{s})}
	}, same[string])
}

// decodeAlert reads an alert of which m is the resource or the row; at is its path in the item.
func decodeAlert(m object, n *notes, at string) (alert.Alert, *fieldError) {
	var a alert.Alert
	props := resource(m, alertNames())
	delete(m, "kind")
	unquote(props, "entities", "extendedProperties", "extendedLinks", "additionalData", "resourceIdentifiers")
	id := alertID(m, props)
	if id == "" {
		return a, &fieldError{at + "systemAlertId", fmt.Errorf("missing, want a text")}
	}
	var said string
	a.Origin, said = origin(props, id)
	if n.record == "" {
		n.record = "alert " + string(a.Origin.AlertID())
		defer func() { n.record = "" }()
	}
	if said != "" {
		n.add(at+"systemAlertId", id, said)
	}
	if plain(props["systemAlertId"]) == a.Origin.ID {
		delete(props, "systemAlertId")
	}
	c := codec{m: props, notes: n, at: at}
	c.alert(&a)
	if a.Title == "" {
		n.add(at+"alertDisplayName", "", "missing")
	}
	c.entities(&a)
	a.Extra = fields(m, props)
	return a, nil
}

// alertID returns the identifier of an alert in Sentinel, which is also the name of its resource.
func alertID(m, props object) string {
	for _, raw := range [...]json.RawMessage{props["systemAlertId"], m["name"], m["id"]} {
		s := strings.TrimSpace(plain(raw))
		if s = s[strings.LastIndexByte(s, '/')+1:]; s != "" {
			return s
		}
	}
	return ""
}

// entities reads the entities of an alert, and those that stand inside others and have no place there.
func (c codec) entities(a *alert.Alert) {
	raw, ok := c.m["entities"]
	if !ok {
		return
	}
	delete(c.m, "entities")
	list, total := elements(raw, alert.MaxEvidence)
	if total > len(list) {
		said := fmt.Sprintf("%d of %d entities left out", total-len(list), total)
		c.notes.add(c.at+"entities", strconv.Itoa(total), said)
	}
	g := link(list)
	threat := ""
	var left []json.RawMessage
	var nested []piece
	add := func(p piece, at string) bool {
		e, ok := codec{notes: c.notes, at: at}.decodeEvidence(p, g)
		if !ok || slices.ContainsFunc(a.Evidence[max(0, len(a.Evidence)-16):], e.Equal) {
			return ok
		}
		a.Evidence = append(a.Evidence, e)
		if o, _ := e.Entity.(alert.Other); threat == "" && strings.EqualFold(string(o.Type), "malware") {
			threat = o.Label
		}
		return true
	}
	for n, raw := range list {
		p, ok := takeApart(raw)
		if ok && p.ref != "" {
			if p, ok = g.find(raw); ok {
				delete(p.around, "$id") // there is one that has it
			}
		}
		if !ok {
			if !isEmpty(raw) {
				left = append(left, raw)
				c.note("entities["+strconv.Itoa(n)+"]", raw, kept)
			}
			continue
		}
		inner(p, 0, func(p piece) { nested = append(nested, p) })
		if !add(p, c.at+"entities["+strconv.Itoa(n)+"].") && !isEmpty(raw) {
			left = append(left, raw)
		}
	}
	if len(nested) > 0 {
		have := make(map[alert.Key]bool)
		for _, e := range a.Evidence {
			for _, k := range alert.Keys(e.Entity) {
				have[k] = true
			}
		}
		for _, p := range nested {
			n := len(a.Evidence)
			if n == alert.MaxEvidence || !add(p, c.at+"entities.") || len(a.Evidence) == n {
				continue
			}
			if key := alert.Identity(a.Evidence[n].Entity); have[key] {
				a.Evidence = a.Evidence[:n]
			} else {
				for _, k := range alert.Keys(a.Evidence[n].Entity) {
					have[k] = true
				}
			}
		}
	}
	if a.Threat == "" {
		a.Threat = threat
	}
	if len(left) > 0 {
		c.m["entities"] = encode(left)
	}
}

// EncodeAlert returns a as a resource of ARM of the kind SecurityAlert, with what Extra kept and with its
// evidence in the member "entities" of the properties. ARM itself names no entities there, and Sentinel
// takes no alerts: the result is for other programs. Reading it again gives a, but for what the incident
// manager manages.
func EncodeAlert(a alert.Alert) ([]byte, error) {
	m, props := split(a.Extra)
	c := codec{m: props, write: true}
	c.alert(&a)
	if _, ok := props["systemAlertId"]; !ok {
		props["systemAlertId"] = encode(a.Origin.ID)
	}
	var list []json.RawMessage
	for _, e := range a.Evidence {
		list = append(list, encodeEvidence(e))
	}
	if left, _ := elements(props["entities"], alert.MaxEvidence); len(list)+len(left) > 0 {
		props["entities"] = encode(append(list, left...))
	}
	m["type"], m["kind"] = encode(entityType), encode("SecurityAlert")
	m["properties"] = encode(props)
	return json.Marshal(m)
}
