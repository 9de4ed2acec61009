package msgraph

import (
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/jsonitem"
)

// hunting begins the category of a record of the streaming API.
const hunting = "AdvancedHunting-"

// columns are those of AlertInfo and AlertEvidence that are read, and those that tell a row.
var columns = strings.Fields(`
	Timestamp TimeGenerated AlertId Title Category Categories Severity ServiceSource DetectionSource
	AttackTechniques MachineGroup
	EntityType EvidenceRole EvidenceDirection FileName FolderPath SHA1 SHA256 FileSize ThreatFamily
	RemoteIP RemoteUrl AccountName
	AccountDomain AccountSid AccountObjectId AccountUpn DeviceId DeviceName LocalIP NetworkMessageId
	EmailSubject Application
	ApplicationId OAuthApplicationId ProcessCommandLine RegistryKey RegistryValueName RegistryValueData
	CloudResource CloudPlatform
	ResourceType ResourceID SubscriptionId AdditionalFields`)

var columnSpellings = sync.OnceValue(func() map[string]string {
	all := make(map[string]string)
	for _, name := range columns {
		all[bare(name)] = name
	}
	return all
})

func categoryOf(m object) (category string) {
	if m["properties"] != nil {
		_ = json.Unmarshal(m["category"], &category)
	}
	return category
}

// isRow reports whether m is a row of AlertInfo or AlertEvidence, or a record of the streaming API around
// one.
func isRow(m object) bool {
	switch categoryOf(m) {
	case hunting + "AlertInfo", hunting + "AlertEvidence":
		return unquoted(m["properties"])[0] == '{'
	}
	has := func(name string) bool {
		_, ok := m[name]
		return ok
	}
	if !has("AlertId") && !has("alertid") && !has("alert_id") {
		return false
	}
	// An alert of the incidents API has other names for these, whoever spells it.
	found := make(map[string]bool)
	for name := range m {
		found[columnSpellings()[bare(name)]] = true
		switch bare(name) {
		case "status", "devices", "entities", "evidence":
			return false
		}
	}
	return found["EvidenceRole"] || found["AlertId"] && found["EntityType"] ||
		found["Title"] && found["Severity"] && (found["ServiceSource"] || found["DetectionSource"]) &&
			(found["AttackTechniques"] || found["Timestamp"] || found["TimeGenerated"] ||
				has("ServiceSource"))
}

// A tableRow is a row of AlertInfo or AlertEvidence while it is read.
type tableRow struct {
	cols  object
	more  object            // AdditionalFields, by the names there
	ids   map[string]object // the objects in it that others refer to
	codec                   // of the alert that is made of the row
}

// rowID returns the identifier of the alert that a row is of.
func rowID(m object) string {
	if raw := unquoted(m["properties"]); raw != nil && categoryOf(m) != "" {
		var inner object
		if json.Unmarshal(raw, &inner) != nil {
			return ""
		}
		m = inner
	}
	for _, name := range []string{"AlertId", "alertId", "alertid", "alert_id"} {
		if id := idText(m[name]); id != "" {
			return id
		}
	}
	return ""
}

// decodeRow makes an alert of a row: of one of AlertEvidence, it has one piece of evidence. at is the time
// of the row, sent that at which the source sent it, if it tells, and info says that it is one of
// AlertInfo. The alert has no times of its own, and no title when the row has none.
func decodeRow(m object, n *notes, path string) (a alert.Alert, at, sent time.Time, info bool) {
	var received json.RawMessage
	cols := m
	if categoryOf(m) != "" {
		cols, received = nil, m["time"]
		_ = json.Unmarshal(unquoted(m["properties"]), &cols)
		path = under(path, "properties")
	}
	r := tableRow{cols: object{}, codec: codec{m: object{}, notes: n, path: path},
		ids: make(map[string]object)}
	for _, name := range slices.Sorted(maps.Keys(cols)) {
		raw := cols[name]
		if canonical, ok := columnSpellings()[bare(name)]; ok && cols[canonical] == nil &&
			r.cols[canonical] == nil {
			name = canonical
		}
		if !isNull(raw) && string(raw) != `""` {
			r.cols[name] = raw
		}
	}
	for _, name := range []string{"TenantId", "Type", "SourceSystem", "_BilledSize", "_IsBillable",
		"_ResourceId"} {
		if _, ok := cols["TimeGenerated"]; ok {
			delete(r.cols, name) // of Log Analytics, about the row
		}
	}
	stamp := r.cols["Timestamp"]
	if stamp == nil {
		stamp = r.cols["TimeGenerated"]
	}
	if s, ok := timeText(received); ok {
		sent, _, _ = parseTime(s)
	}
	zoned := true
	if s, ok := timeText(first(stamp, received)); ok {
		at, zoned, _ = parseTime(s)
	}
	sent = cmp.Or(sent, at)
	r.alert()
	codec := r.codec
	codec.alert(&a)
	a.Origin.ID = idText(r.take("AlertId"))
	_ = json.Unmarshal(r.m["title"], &a.Title)
	delete(r.m, "title")
	if info = r.cols["EntityType"] == nil && r.cols["EvidenceRole"] == nil; info {
		switch {
		case stamp != nil && at.IsZero():
			n.add(under(path, "Timestamp"), stamp, "kept as it came, since it is no time")
		case stamp != nil && !zoned:
			n.add(under(path, "Timestamp"), stamp, "taken for UTC, since it tells no zone")
			fallthrough
		default:
			delete(r.cols, "Timestamp")
			delete(r.cols, "TimeGenerated")
		}
		if len(r.cols) > 0 {
			r.m["AlertInfo"] = encode(r.cols)
		}
	} else if e, ok := r.evidence(); ok {
		a.Evidence = []alert.Evidence{e}
	}
	a.Extra = fields(r.m)
	return a, at, sent, info
}

// alert puts what the row says of its alert into an object of Graph's shape.
func (r *tableRow) alert() {
	put := func(name string, raw json.RawMessage) {
		if raw != nil {
			r.m[name] = raw
		}
	}
	put("title", r.take("Title"))
	put("severity", r.take("Severity"))
	put("category", r.take("Category"))
	put("threatFamilyName", r.take("ThreatFamily"))
	if raw := r.cols["ServiceSource"]; raw != nil {
		source, how := serviceSource(plain(raw))
		if how != unread && source != "" {
			put("serviceSource", encode(source))
			put("productName", r.take("ServiceSource"))
		}
	}
	if raw := r.take("DetectionSource"); raw != nil {
		if word, ok := detections()[bare(plain(raw))]; ok {
			raw = encode(word)
		}
		put("detectionSource", raw)
	}
	if categories := textList(r.cols["Categories"]); len(categories) > 0 {
		if r.m["category"] == nil {
			put("category", encode(categories[0]))
		}
		if raw := r.take("Categories"); len(categories) > 1 {
			put("Categories", raw)
		}
	}
	var techniques []string
	for _, text := range textList(r.cols["AttackTechniques"]) {
		if id := technique().FindString(text); id != "" {
			techniques = append(techniques, id)
		}
	}
	if len(techniques) > 0 {
		put("mitreTechniques", encode(techniques))
	}
	put("AttackTechniques", r.take("AttackTechniques"))
}

var technique = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bT\d{4}(\.\d{3})?\b`) })

// detections are Graph's words for what the streaming API calls a sensor.
var detections = sync.OnceValue(func() map[string]string {
	all := make(map[string]string)
	for word := range strings.FieldsSeq(`
		antivirus smartScreen customTi automatedInvestigation microsoftThreatExperts customDetection
		microsoftDefenderForOffice365 microsoftDefenderForIdentity microsoftDefenderForEndpoint
		cloudAppSecurity microsoft365Defender
		azureAdIdentityProtection manual microsoftDataLossPrevention appGovernancePolicy
		appGovernanceDetection microsoftDefenderForCloud
		nrtAlerts scheduledAlerts builtInMl microsoftInsiderRiskManagement microsoftThreatIntelligence
		microsoftSentinel`) {
		all[bare(word)] = word
	}
	all["edr"] = "microsoftDefenderForEndpoint"
	all["aadidentityprotection"] = "azureAdIdentityProtection"
	all["microsoftdefenderxdr"] = "microsoft365Defender"
	all["azureatp"] = "microsoftDefenderForIdentity"
	all["microsoftcloudappsecurity"], all["microsoftdefenderforcloudapps"] = "cloudAppSecurity",
		"cloudAppSecurity"
	return all
})

// take returns a column and takes it out of the row.
func (r *tableRow) take(name string) json.RawMessage {
	raw := r.cols[name]
	delete(r.cols, name)
	return raw
}

// textList returns a list of texts that may be given as JSON in a text.
func textList(raw json.RawMessage) (list []string) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	if json.Unmarshal(raw, &list) != nil && text != "" && text[0] != '[' {
		return []string{text}
	}
	return list
}

func idText(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil && !loose(&s, raw) {
		return ""
	}
	return strings.TrimSpace(s)
}

// additionalFields reads the column of that name, an object or one in a text.
func (r *tableRow) additionalFields() {
	raw := r.cols["AdditionalFields"]
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	if !json.Valid(raw) || jsonitem.Depth(raw) > maxDepth/2 || json.Unmarshal(raw, &r.more) != nil ||
		r.more == nil {
		if len(r.cols["AdditionalFields"]) > 0 {
			r.notes.add(under(r.path, "AdditionalFields"), r.cols["AdditionalFields"],
				"kept as it came, since it is no object")
		}
		return
	}
	r.cols["AdditionalFields"] = raw
	r.refer(raw, 0)
}

// refer remembers the objects of raw that have an "$id".
func (r *tableRow) refer(raw json.RawMessage, depth int) {
	switch {
	case depth > 16:
	case len(raw) > 0 && raw[0] == '[':
		for e := range jsonitem.Elements(raw) {
			r.refer(e, depth+1)
		}
	case len(raw) > 0 && raw[0] == '{':
		var m object
		if json.Unmarshal(raw, &m) != nil {
			return
		}
		if id := idText(m["$id"]); id != "" {
			r.ids[id] = m
		}
		for _, inner := range m {
			r.refer(inner, depth+1)
		}
	}
}

// in returns the object under name in m, or the one that stands there by reference. It is never nil.
func (r *tableRow) in(m object, name string) object {
	var o object
	if json.Unmarshal(m[name], &o) != nil || o == nil {
		return object{}
	}
	if id := idText(o["$ref"]); id != "" {
		if there := r.ids[id]; there != nil {
			return there
		}
		return object{}
	}
	return o
}

// first returns the first of raws that says something.
func first(raws ...json.RawMessage) json.RawMessage {
	for _, raw := range raws {
		if len(raw) > 0 && !isNull(raw) && string(raw) != `""` {
			return raw
		}
	}
	return nil
}

// made returns an object of the names and values given in turn, without those that are nil.
func made(pairs ...any) object {
	m := object{}
	for n := 0; n < len(pairs); n += 2 {
		name, _ := pairs[n].(string)
		switch v := pairs[n+1].(type) {
		case json.RawMessage:
			if first(v) != nil {
				m[name] = v
			}
		case object:
			if len(v) > 0 {
				m[name] = encode(v)
			}
		case string:
			if v != "" {
				m[name] = encode(v)
			}
		}
	}
	return m
}

// file reads a file of AdditionalFields, before which the columns count.
func (r *tableRow) file(m object, columns bool) object {
	var name, path, sha1, sha256, size json.RawMessage
	if columns {
		name, path, sha1 = r.take("FileName"), r.take("FolderPath"), r.take("SHA1")
		sha256, size = r.take("SHA256"), r.take("FileSize")
	}
	f := made("fileName", first(name, m["Name"]), "filePath", first(path, m["Directory"]), "sha1", sha1,
		"sha256", sha256,
		"fileSize", first(size, m["SizeInBytes"]), "filePublisher", first(m["Publisher"]))
	for e := range jsonitem.Elements(m["FileHashes"]) {
		var h struct{ Algorithm, Value string }
		if json.Unmarshal(e, &h) == nil && h.Value != "" {
			if kind := bare(h.Algorithm); f[kind] == nil && (kind == "md5" || kind == "sha1" ||
				kind == "sha256") {
				f[kind] = encode(h.Value)
			}
		}
	}
	return f
}

// user reads an account of AdditionalFields, before which the columns count.
func (r *tableRow) user(m object, columns bool) object {
	var name, domain, sid, id, upn json.RawMessage
	if columns {
		name, domain, sid = r.take("AccountName"), r.take("AccountDomain"), r.take("AccountSid")
		id, upn = r.take("AccountObjectId"), r.take("AccountUpn")
	}
	u := made("accountName", first(name, m["Name"]), "domainName", first(domain, m["NTDomain"]), "userSid",
		first(sid, m["Sid"]),
		"azureAdUserId", first(id, m["AadUserId"]), "userPrincipalName", first(upn, m["UserPrincipalName"]),
		"displayName", first(m["DisplayName"]))
	if suffix := idText(m["UPNSuffix"]); suffix != "" && u["userPrincipalName"] == nil &&
		idText(u["accountName"]) != "" {
		u["userPrincipalName"] = encode(idText(u["accountName"]) + "@" + suffix)
	}
	return u
}

// entityType returns the type of the row's entity; where the column is missing, by the columns that are
// filled.
func (r *tableRow) entityType() string {
	if typ := bare(idText(r.cols["EntityType"])); typ != "" {
		return typ
	}
	for _, c := range [][2]string{
		{"ProcessCommandLine", "process"}, {"RegistryKey", "registrykey"}, {"SHA1", "file"}, {"FileName",
			"file"},
		{"NetworkMessageId", "mailmessage"}, {"RemoteUrl", "url"}, {"RemoteIP", "ip"},
		{"OAuthApplicationId", "oauthapplication"},
		{"ApplicationId", "cloudapplication"}, {"ResourceID", "cloudresource"}, {"AccountSid", "user"},
		{"AccountObjectId", "user"},
		{"AccountName", "user"}, {"AccountUpn", "user"}, {"DeviceId", "machine"}, {"DeviceName", "machine"},
	} {
		if r.cols[c[0]] != nil {
			return c[1]
		}
	}
	return ""
}

// evidence makes a piece of Graph's evidence of the row, and reads that. Columns without a place are in its
// member AlertEvidence.
func (r *tableRow) evidence() (alert.Evidence, bool) {
	r.additionalFields()
	typ := r.entityType()
	kind, g := r.entity(typ)
	if kind == "" {
		if kind = alert.Kind(lowerFirst(idText(r.cols["EntityType"]))); kind != "" {
			g = made("displayName", first(r.more["DisplayName"], r.more["Name"], r.more["FriendlyName"]),
				"sessionId", first(r.more["SessionId"]),
				"agentId", first(r.more["AgentId"]), "agentName", first(r.more["AgentName"]), "requestId",
				first(r.more["RequestId"]))
		}
	}
	if kind != "" {
		g[odataType] = encode(typeOf(kind))
		delete(r.cols, "EntityType")
	}
	lower := func(raw json.RawMessage) string { return lowerFirst(idText(raw)) }
	maps.Copy(g, made("verdict", lower(r.more["LastVerdict"]), "remediationStatus",
		lower(r.more["LastRemediationState"]),
		"createdDateTime", first(r.take("Timestamp"), r.take("TimeGenerated"))))
	switch kind {
	case alert.KindFile, alert.KindProcess:
		maps.Copy(g, made("detectionStatus", lower(r.more["DetectionStatus"])))
	}
	if direction := lower(r.take("EvidenceDirection")); direction != "" {
		g["roles"] = encode([]string{direction})
	}
	detailed := textList(r.more["DetailedRoles"])
	if role := idText(r.take("EvidenceRole")); role != "" {
		detailed = append([]string{role}, detailed...)
	}
	if len(detailed) > 0 {
		g["detailedRoles"] = encode(detailed)
	}
	if len(r.cols) > 0 {
		g["AlertEvidence"] = encode(r.cols)
	}
	whole := maps.Clone(g)
	e, ok := r.evidenceOf(r.path, g, func() json.RawMessage { return encode(whole) })
	if !ok {
		r.join("evidence", []json.RawMessage{encode(whole)})
	}
	return e, ok
}

// entity returns the kind that a type of the table names, and the row's entity in Graph's shape.
func (r *tableRow) entity(typ string) (alert.Kind, object) {
	more := r.more
	device := func() json.RawMessage {
		return first(r.take("DeviceId"), r.in(more, "Host")["MachineId"])
	}
	switch typ {
	case "process":
		parent := r.in(more, "ParentProcess")
		return alert.KindProcess, made("processId", more["ProcessId"], "processCommandLine",
			first(r.take("ProcessCommandLine"), more["CommandLine"]),
			"processCreationDateTime", more["CreationTimeUtc"], "imageFile", r.file(r.in(more, "ImageFile"),
				true),
			"userAccount", r.user(r.in(more, "Account"), true), "parentProcessId", parent["ProcessId"],
			"parentProcessCreationDateTime", parent["CreationTimeUtc"], "parentProcessImageFile",
			r.file(r.in(parent, "ImageFile"), false),
			"mdeDeviceId", device())
	case "file":
		return alert.KindFile, made("fileDetails", r.file(more, true), "mdeDeviceId", device())
	case "machine", "device", "host":
		return alert.KindDevice, r.machine()
	case "user", "account":
		return alert.KindUser, made("userAccount", r.user(more, true))
	case "ip":
		return alert.KindIP, made("ipAddress", first(r.take("RemoteIP"), more["Address"], r.take("LocalIP")),
			"countryLetterCode", r.in(more, "Location")["CountryCode"])
	case "url":
		url := first(r.take("RemoteUrl"), more["Url"])
		if text := idText(url); strings.HasPrefix(text, "uri=") {
			url = encode(strings.TrimPrefix(text, "uri="))
		}
		return alert.KindURL, made("url", url)
	case "mailmessage":
		return alert.KindMessage, made("networkMessageId", first(r.take("NetworkMessageId"),
			more["NetworkMessageId"]),
			"internetMessageId", more["InternetMessageId"], "subject", first(r.take("EmailSubject"),
				more["Subject"]),
			"p2Sender", made("emailAddress", first(more["P2Sender"], more["Sender"])), "p1Sender",
			made("emailAddress", more["P1Sender"]),
			"senderIp", more["SenderIP"], "recipientEmailAddress", first(r.take("AccountUpn"),
				more["Recipient"]),
			"deliveryAction", more["DeliveryAction"], "deliveryLocation", more["DeliveryLocation"],
			"receivedDateTime", more["ReceivedDate"])
	case "mailcluster":
		return alert.KindMailCluster, made("clusterBy", more["ClusterBy"], "clusterByValue",
			more["ClusterByValue"], "query", more["Query"],
			"emailCount", more["MailCount"])
	case "mailbox":
		return alert.KindMailbox, made("primaryAddress", more["MailboxPrimaryAddress"], "upn",
			first(r.take("AccountUpn"), more["Upn"]),
			"displayName", more["DisplayName"])
	case "cloudapplication":
		return alert.KindApp, made("appId", first(r.take("ApplicationId"), more["AppId"]),
			"displayName", first(r.take("Application"), more["Name"], more["AppName"]), "instanceId",
			more["InstanceId"], "instanceName", more["InstanceName"])
	case "oauthapplication":
		return alert.KindOAuthApp, made("appId", first(r.take("OAuthApplicationId"), more["OAuthAppId"]),
			"displayName", first(r.take("Application"), more["Name"]))
	case "registry", "registrykey", "registryvalue":
		return r.registry(typ)
	case "cloudresource", "azureresource", "amazonresource", "googlecloudresource":
		return r.resource(typ)
	}
	return "", object{}
}

func (r *tableRow) machine() object {
	more := r.more
	var enriched, metadata object
	metadata = r.in(more, "Metadata")
	_ = json.Unmarshal([]byte(idText(metadata["MachineEnrichmentInfo"])), &enriched)
	name := first(r.take("DeviceName"))
	host := first(more["HostName"])
	if host == nil {
		label, _, _ := strings.Cut(idText(name), ".")
		host = encode(label)
	}
	if domain := idText(more["DnsDomain"]); name == nil && domain != "" && idText(host) != "" {
		name = encode(idText(host) + "." + domain)
	}
	var address struct{ Address json.RawMessage }
	for e := range jsonitem.Elements(more["IpInterfaces"]) {
		_ = json.Unmarshal(e, &address)
		break
	}
	return made("mdeDeviceId", first(r.take("DeviceId"), more["MachineId"]), "deviceDnsName", name,
		"hostName", host,
		"osPlatform", first(enriched["OsPlatform"], more["OSFamily"]), "version", more["OSVersion"],
		"lastIpAddress", first(r.take("LocalIP"), address.Address), "rbacGroupName", r.take("MachineGroup"))
}

func (r *tableRow) registry(typ string) (alert.Kind, object) {
	kind := alert.KindRegistryKey
	if typ == "registryvalue" || r.cols["RegistryValueName"] != nil || r.cols["RegistryValueData"] != nil {
		kind = alert.KindRegistryValue
	}
	key := first(r.take("RegistryKey"), r.more["Key"])
	hive := first(r.more["Hive"])
	if text := idText(key); hive == nil && strings.HasPrefix(strings.ToUpper(text), "HKEY_") {
		before, after, ok := strings.Cut(text, `\`)
		if ok {
			hive, key = encode(before), encode(after)
		}
	}
	return kind, made("registryHive", hive, "registryKey", key, "registryValueName",
		first(r.take("RegistryValueName"), r.more["ValueName"]),
		"registryValue", first(r.take("RegistryValueData"), r.more["Value"]), "registryValueType",
		r.more["ValueType"],
		"mdeDeviceId", first(r.take("DeviceId"), r.in(r.more, "Host")["MachineId"]))
}

func (r *tableRow) resource(typ string) (alert.Kind, object) {
	id, account := first(r.take("ResourceID"), r.more["ResourceId"]), r.take("SubscriptionId")
	g := made("resourceName", first(r.take("CloudResource"), r.more["ResourceName"]), "resourceType",
		first(r.take("ResourceType"), r.more["ResourceType"]))
	switch platform := bare(idText(r.cols["CloudPlatform"])); {
	case typ == "amazonresource", strings.HasPrefix(platform, "amazon"), platform == "aws":
		maps.Copy(g, made("amazonResourceId", id, "amazonAccountId", account))
		return alert.KindAmazonResource, g
	case typ == "googlecloudresource", strings.HasPrefix(platform, "google"), platform == "gcp":
		maps.Copy(g, made("fullResourceName", id, "projectId", account, "location", r.more["Location"]))
		return alert.KindGoogleCloudResource, g
	}
	if account != nil {
		r.cols["SubscriptionId"] = account
	}
	maps.Copy(g, made("resourceId", id))
	return alert.KindAzureResource, g
}
