package msgraph

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/incidentkit/incidentkit/alert"
)

const odataType = "@odata.type"
const namespace = "#microsoft.graph.security."

// untyped is the kind of evidence that does not say its type.
const untyped alert.Kind = "unknown"

// typed are the kinds that have a type of their own.
var typed = []alert.Kind{
	alert.KindDevice, alert.KindUser, alert.KindMailbox, alert.KindIP, alert.KindURL, alert.KindFile,
	alert.KindProcess,
	alert.KindRegistryKey, alert.KindRegistryValue, alert.KindMessage, alert.KindMailCluster, alert.KindApp,
	alert.KindOAuthApp,
	alert.KindAzureResource, alert.KindAmazonResource, alert.KindGoogleCloudResource,
}

// untypedKinds are the other kinds of Graph v1.0, which are an alert.Other.
var untypedKinds = sync.OnceValue(func() map[alert.Kind]bool {
	return map[alert.Kind]bool{
		"activeDirectoryDomain": true, "aiAgent": true, "blob": true, "blobContainer": true,
		"cloudLogonRequest": true,
		"cloudLogonSession": true, "container": true, "containerImage": true, "containerRegistry": true,
		"dns":      true,
		"fileHash": true, "gitHubOrganization": true, "gitHubRepo": true, "gitHubUser": true,
		"hostLogonSession": true,
		"ioTDevice":        true, "kubernetesCluster": true, "kubernetesController": true,
		"kubernetesNamespace": true,
		"kubernetesPod":       true, "kubernetesSecret": true, "kubernetesService": true,
		"kubernetesServiceAccount": true,
		"mailboxConfiguration":     true, "malware": true, "networkConnection": true, "nic": true,
		"sasToken":      true,
		"securityGroup": true, "servicePrincipal": true, "submissionMail": true, "teamsMessage": true,
	}
})

// kindOf returns the kind that an "@odata.type" names, "" for none. What typeOf would write otherwise
// stays.
func kindOf(typ string) (alert.Kind, reading) {
	name := typ[strings.LastIndexByte(typ, '.')+1:]
	if n := len(name) - len("evidence"); n >= 0 && strings.EqualFold(name[n:], "evidence") {
		name = name[:n]
	}
	if rest, ok := strings.CutPrefix(name, "MicrosoftGraphSecurity"); ok {
		name = rest // a class of an SDK
	}
	if nothing(name) {
		name = ""
	}
	kind := alert.Kind(lowerFirst(name))
	for _, k := range typed {
		if strings.EqualFold(name, string(k)) {
			kind = k
		}
	}
	if !untypedKinds()[kind] {
		for k := range untypedKinds() {
			if strings.EqualFold(name, string(k)) {
				kind = k
			}
		}
	}
	if typ == typeOf(kind) {
		return kind, wholly
	}
	return kind, partly
}

func typeOf(kind alert.Kind) string {
	if kind == "" {
		return ""
	}
	return namespace + string(kind) + "Evidence"
}

func (c codec) file(f *alert.File) {
	value(c, &f.FileName, "fileName")
	value(c, &f.Path, "filePath")
	value(c, &f.Size, "fileSize")
	value(c, &f.MD5, "md5")
	value(c, &f.SHA1, "sha1")
	value(c, &f.SHA256, "sha256")
	value(c, &f.Publisher, "filePublisher")
	value(c, &f.Signer, "signer")
	value(c, &f.Issuer, "issuer")
}

func (c codec) user(u *alert.User) {
	value(c, &u.Account, "accountName")
	value(c, &u.Domain, "domainName")
	value(c, &u.SID, "userSid")
	value(c, &u.DirectoryID, "azureAdUserId", "aadUserId")
	value(c, &u.UPN, "userPrincipalName")
	value(c, &u.DisplayName, "displayName")
}

func (c codec) entity(kind alert.Kind, in alert.Entity) alert.Entity {
	switch kind {
	case alert.KindDevice:
		e, _ := in.(alert.Device)
		value(c, &e.DeviceID, "mdeDeviceId", "mdatpDeviceId")
		value(c, &e.DirectoryID, "azureAdDeviceId", "aadDeviceId")
		value(c, &e.DNSName, "deviceDnsName")
		value(c, &e.HostName, "hostName")
		value(c, &e.OS, "osPlatform")
		value(c, &e.OSVersion, "version")
		value(c, &e.OSBuild, "osBuild")
		value(c, &e.Group, "rbacGroupName")
		value(c, &e.Health, "healthStatus")
		value(c, &e.Risk, "riskScore")
		value(c, &e.LastIP, "lastIpAddress")
		c.time(&e.FirstSeen, "firstSeenDateTime", "firstSeen")
		return e
	case alert.KindUser:
		e, _ := in.(alert.User)
		c.sub("userAccount", func(c codec) { c.user(&e) })
		return e
	case alert.KindMailbox:
		e, _ := in.(alert.Mailbox)
		value(c, &e.Address, "primaryAddress")
		value(c, &e.UPN, "upn")
		value(c, &e.DisplayName, "displayName")
		return e
	case alert.KindIP:
		e, _ := in.(alert.IP)
		value(c, &e.Address, "ipAddress")
		value(c, &e.Country, "countryLetterCode")
		return e
	case alert.KindURL:
		e, _ := in.(alert.URL)
		value(c, &e.URL, "url")
		return e
	case alert.KindFile:
		e, _ := in.(alert.File)
		c.sub("fileDetails", func(c codec) { c.file(&e) })
		value(c, &e.Detection, "detectionStatus")
		value(c, &e.DeviceID, "mdeDeviceId")
		return e
	case alert.KindProcess:
		e, _ := in.(alert.Process)
		value(c, &e.PID, "processId")
		c.time(&e.Started, "processCreationDateTime")
		value(c, &e.CommandLine, "processCommandLine")
		c.sub("imageFile", func(c codec) { c.file(&e.Image) })
		value(c, &e.ParentPID, "parentProcessId")
		c.time(&e.ParentStarted, "parentProcessCreationDateTime")
		c.sub("parentProcessImageFile", func(c codec) { c.file(&e.ParentImage) })
		c.sub("userAccount", func(c codec) { c.user(&e.User) })
		value(c, &e.Detection, "detectionStatus")
		value(c, &e.DeviceID, "mdeDeviceId")
		return e
	case alert.KindRegistryKey, alert.KindRegistryValue:
		e, _ := in.(alert.Registry)
		value(c, &e.Hive, "registryHive")
		value(c, &e.Key, "registryKey")
		value(c, &e.DeviceID, "mdeDeviceId")
		if e.IsValue = kind == alert.KindRegistryValue; e.IsValue {
			value(c, &e.Value, "registryValueName")
			value(c, &e.ValueType, "registryValueType")
			value(c, &e.Data, "registryValue")
		}
		return e
	case alert.KindMessage:
		e, _ := in.(alert.Message)
		value(c, &e.NetworkMessageID, "networkMessageId")
		value(c, &e.InternetMessageID, "internetMessageId")
		value(c, &e.Subject, "subject")
		c.sub("p2Sender", func(c codec) { value(c, &e.Sender, "emailAddress") })
		c.sub("p1Sender", func(c codec) { value(c, &e.EnvelopeSender, "emailAddress") })
		value(c, &e.SenderIP, "senderIp")
		value(c, &e.Recipient, "recipientEmailAddress")
		value(c, &e.Delivery, "deliveryAction")
		value(c, &e.Location, "deliveryLocation")
		c.time(&e.Received, "receivedDateTime")
		return e
	case alert.KindMailCluster:
		e, _ := in.(alert.MailCluster)
		value(c, &e.By, "clusterBy")
		value(c, &e.Value, "clusterByValue")
		value(c, &e.Query, "query")
		value(c, &e.Count, "emailCount")
		return e
	case alert.KindApp:
		e, _ := in.(alert.App)
		value(c, &e.AppID, "appId")
		value(c, &e.InstanceID, "instanceId")
		value(c, &e.DisplayName, "displayName")
		value(c, &e.InstanceName, "instanceName")
		return e
	case alert.KindOAuthApp:
		e, _ := in.(alert.OAuthApp)
		value(c, &e.AppID, "appId")
		value(c, &e.ObjectID, "objectId")
		value(c, &e.DisplayName, "displayName")
		value(c, &e.Publisher, "publisher")
		return e
	case alert.KindAzureResource, alert.KindAmazonResource, alert.KindGoogleCloudResource:
		e, _ := in.(alert.CloudResource)
		e.Provider = kind
		value(c, &e.ResourceName, "resourceName")
		value(c, &e.Type, "resourceType")
		switch kind {
		case alert.KindAzureResource:
			value(c, &e.ID, "resourceId")
		case alert.KindAmazonResource:
			value(c, &e.ID, "amazonResourceId")
			value(c, &e.Account, "amazonAccountId")
		default:
			value(c, &e.ID, "fullResourceName")
			value(c, &e.Account, "projectId")
			value(c, &e.Location, "location")
		}
		return e
	}
	e := alert.Other{Type: kind, Fields: fields(c.m)}
	for _, name := range labels {
		var s string
		if json.Unmarshal(c.m[name], &s) == nil && strings.TrimSpace(s) != "" {
			e.Label = s
			break
		}
	}
	clear(c.m)
	return e
}

// labels are the fields by which people call an entity, the best first.
var labels = []string{
	"displayName", "name", "friendlyName", "servicePrincipalName", "agentName", "deviceName", "domainName",
	"activeDirectoryDomainName",
	"subject", "login", "value", "registry", "imageId", "requestId", "sessionId", "macAddress",
}

// base are the fields that evidence of every kind has.
var base = []string{"verdict", "remediationStatus", "remediationStatusDetails", "roles", "detailedRoles",
	"tags", "createdDateTime", odataType}

func (c codec) evidence(e *alert.Evidence) {
	word(c, &e.Verdict, "verdict", open("unknown", alert.Suspicious, alert.Malicious, alert.NoThreatsFound),
		cmp.Or(string(e.Verdict), "unknown"))
	word(c, &e.Remediation, "remediationStatus", open("none", alert.Remediated, alert.Prevented,
		alert.Blocked, alert.NotFound,
		alert.ActiveThreat, alert.PendingApproval, alert.Declined, alert.Unremediated, alert.Running,
		alert.PartiallyRemediated),
		cmp.Or(string(e.Remediation), "none"))
	value(c, &e.RemediationDetails, "remediationStatusDetails")
	words(c, &e.Roles, "roles", open("", alert.Contextual, alert.Scanned, alert.Source, alert.Destination,
		alert.Created, alert.Added,
		alert.Edited, alert.Compromised, alert.Attacked, alert.Attacker, alert.CommandAndControl,
		alert.Loaded, alert.SuspiciousRole,
		alert.PolicyViolator))
	list(c, &e.DetailedRoles, "detailedRoles")
	list(c, &e.Tags, "tags")
	c.time(&e.Created, "createdDateTime")
}

// decodeEvidence reads a piece of evidence, of the kind given where it does not say its own. ok is false
// when it names nothing: then it is no evidence of anything, and what it says is kept as it is.
func (c codec) decodeEvidence(path string, raw json.RawMessage, kind alert.Kind) (e alert.Evidence, ok bool) {
	var m object
	if json.Unmarshal(raw, &m) != nil || m == nil {
		c.notes.add(path, raw, "kept as it came, since it is no object")
		return e, false
	}
	var typ string
	_ = json.Unmarshal(m[odataType], &typ)
	if given, _ := kindOf(typ); !untypedKinds()[given] { // which have names that are another's but for the case
		fold(m)
	}
	if m[odataType] == nil && kind != "" {
		m[odataType] = encode(typeOf(kind))
	}
	c.entityOf(path, m)
	return c.evidenceOf(path, m, func() json.RawMessage { return raw })
}

// evidenceOf reads a piece of evidence in Graph's shape, which it empties. raw is what stood there.
func (c codec) evidenceOf(path string, m object, raw func() json.RawMessage) (e alert.Evidence, ok bool) {
	common := object{} // apart, so that none of it ends up in the fields of an alert.Other
	for _, name := range base {
		if raw, ok := m[name]; ok {
			common[name] = raw
			delete(m, name)
		}
	}
	var kind alert.Kind
	before := len(c.notes.list)
	of := codec{m: common, notes: c.notes, path: path}
	word(of, &kind, odataType, kindOf, "")
	of.evidence(&e)
	e.Entity = codec{m: m, notes: c.notes, path: path}.entity(cmp.Or(kind, untyped), nil)
	if isUnnamed(e.Entity) {
		c.notes.list = c.notes.list[:before]
		c.notes.add(path, raw(), "kept as it came, since it names nothing")
		return e, false
	}
	if _, other := e.Entity.(alert.Other); other && !untypedKinds()[kind] {
		said := "kept with all its fields, since its kind is not known"
		if kind == "" {
			said = "kept with all its fields, since it tells no kind"
		}
		c.notes.add(under(path, odataType), encode(kind), said)
	}
	maps.Copy(m, common)
	e.Extra = fields(m)
	return e, true
}

// isUnnamed reports whether nothing tells which thing e is.
func isUnnamed(e alert.Entity) bool {
	switch e := e.(type) {
	case alert.Device:
		return nothing(e.Name()) || e.Name() == alert.Device{}.Name()
	case alert.User:
		return nothing(e.Name()) || e.Name() == alert.User{}.Name()
	case alert.Mailbox:
		return nothing(e.Name()) || e.Name() == alert.Mailbox{}.Name()
	case alert.App:
		return nothing(e.Name()) || e.Name() == alert.App{}.Name()
	case alert.OAuthApp:
		return nothing(e.Name()) || e.Name() == alert.OAuthApp{}.Name()
	case alert.CloudResource:
		return nothing(e.Name()) || e.Name() == alert.CloudResource{}.Name()
	case alert.Registry:
		return e == alert.Registry{IsValue: e.IsValue}
	case alert.Other:
		return e.Fields == ""
	case alert.IP:
		return nothing(e.Address)
	case alert.URL:
		return nothing(e.URL)
	}
	return e == alert.File{} || e == alert.Process{} || e == alert.Message{} || e == alert.MailCluster{}
}

// guess returns the kind of evidence whose type is missing, by the members that only one kind has; "" for
// none.
func guess(m object) alert.Kind {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			return m[name] != nil &&
				!isNull(m[name])
		})
	}
	switch {
	case has("imageFile", "processCommandLine", "processId", "parentProcessId"):
		return alert.KindProcess
	case has("fileDetails"):
		return alert.KindFile
	case has("registryValueName", "registryValue", "registryValueType"):
		return alert.KindRegistryValue
	case has("registryKey", "registryHive"):
		return alert.KindRegistryKey
	case has("networkMessageId", "internetMessageId", "p2Sender", "recipientEmailAddress"):
		return alert.KindMessage
	case has("clusterBy", "clusterByValue"):
		return alert.KindMailCluster
	case has("primaryAddress", "mailboxAddress"):
		return alert.KindMailbox
	case has("userAccount"):
		return alert.KindUser
	case has("deviceDnsName", "mdatpDeviceId", "azureAdDeviceId", "aadDeviceId", "osBuild", "rbacGroupName"):
		return alert.KindDevice
	case has("amazonResourceId", "amazonAccountId"):
		return alert.KindAmazonResource
	case has("fullResourceName", "projectId"):
		return alert.KindGoogleCloudResource
	case has("resourceId"):
		return alert.KindAzureResource
	case has("appId") && has("objectId", "publisher"):
		return alert.KindOAuthApp
	case has("appId") && has("instanceId", "instanceName", "saasAppId"):
		return alert.KindApp
	case has("ipAddress"):
		return alert.KindIP
	case has("sha1", "sha256", "filePath", "fileName"):
		return alert.KindFile
	case has("accountName", "userSid", "userPrincipalName", "aadUserId", "azureAdUserId"):
		return alert.KindUser
	case has("url") && !has("name", "blobContainer"):
		return alert.KindURL
	case has("mdeDeviceId") && len(m) < 4:
		return alert.KindDevice
	}
	return ""
}

func encodeEvidence(e alert.Evidence) json.RawMessage {
	m := members(e.Extra)
	c := codec{m: m, write: true}
	if e.Entity != nil {
		kind := e.Entity.Kind()
		if other, ok := e.Entity.(alert.Other); ok {
			maps.Copy(m, members(other.Fields))
		} else {
			c.entity(kind, e.Entity)
		}
		if kind == untyped {
			kind = ""
		}
		word(c, &kind, odataType, kindOf, typeOf(kind))
	}
	c.evidence(&e)
	return encode(m)
}
