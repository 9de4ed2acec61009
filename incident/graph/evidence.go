package graph

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

const odataType = "@odata.type"
const namespace = "#microsoft.graph.security."

func kindOf(typ string) alert.Kind {
	typ = strings.TrimSuffix(typ[strings.LastIndexByte(typ, '.')+1:], "Evidence")
	if typ == "" {
		return "unknown"
	}
	return alert.Kind(lowerFirst(typ))
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
	e, _ := in.(alert.Other)
	if c.write {
		maps.Copy(c.m, e.Fields.Members())
		return e
	}
	e.Type, e.Fields = kind, fields(c.m)
	for _, name := range []string{"displayName", "name", "friendlyName", "servicePrincipalName", "agentName", "deviceName", "domainName",
		"activeDirectoryDomainName", "subject", "login", "value", "registry", "imageId", "requestId", "sessionId", "macAddress"} {
		var s string
		if json.Unmarshal(c.m[name], &s) == nil && strings.TrimSpace(s) != "" {
			e.Label = s
			break
		}
	}
	clear(c.m)
	return e
}

func fields(m object) alert.Fields {
	f, err := alert.MakeFields(m)
	if err != nil {
		return "" // every value came out of a JSON decoder
	}
	return f
}

func (c codec) evidence(e *alert.Evidence) {
	evidenceWord(c, &e.Verdict, "verdict", "unknown")
	evidenceWord(c, &e.Remediation, "remediationStatus", "none")
	value(c, &e.RemediationDetails, "remediationStatusDetails")
	list(c, &e.Roles, "roles")
	list(c, &e.DetailedRoles, "detailedRoles")
	list(c, &e.Tags, "tags")
	c.time(&e.Created, "createdDateTime")
}

func decodeEvidence(raw json.RawMessage) (alert.Evidence, bool) {
	var m object
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return alert.Evidence{}, false
	}
	var typ string
	c := codec{m, false}
	value(c, &typ, odataType)
	delete(m, odataType)
	var e alert.Evidence
	c.evidence(&e)
	e.Entity = c.entity(kindOf(typ), nil)
	e.Extra = fields(m)
	return e, true
}

func encodeEvidence(e alert.Evidence) json.RawMessage {
	m := e.Extra.Members()
	if m == nil {
		m = object{}
	}
	c := codec{m, true}
	if e.Entity != nil {
		c.entity(e.Entity.Kind(), e.Entity)
		m[odataType] = encode(namespace + string(e.Entity.Kind()) + "Evidence")
	}
	c.evidence(&e)
	return encode(m)
}
