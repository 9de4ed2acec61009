package msgraph

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// older takes the evidence that alerts of the older APIs have in other places than Graph's, in an order of
// its own, and gives each piece to take. What take refuses stays where it was, or is left where that has
// another shape.
func (c codec) older(take func(path string, raw json.RawMessage,
	kind alert.Kind) bool) (left []json.RawMessage) {
	one := func(path string, m object, kind alert.Kind) {
		if len(m) > 0 && !take(path, encode(m), kind) {
			m[odataType] = encode(typeOf(kind))
			left = append(left, encode(m))
		}
	}
	c.split("devices", func(path string, raw json.RawMessage) bool {
		return take(path, raw,
			alert.KindDevice)
	})
	machine := object{}
	move(c.m, machine, "machineId", "mdeDeviceId")
	move(c.m, machine, "computerDnsName", "deviceDnsName")
	if len(machine) > 0 {
		move(c.m, machine, "rbacGroupName", "rbacGroupName")
		one(under(c.path, "machineId"), machine, alert.KindDevice)
	}
	var user object
	if raw := c.m["relatedUser"]; json.Unmarshal(raw, &user) == nil {
		delete(c.m, "relatedUser")
		fold(user)
		dropNull(user)
		move(user, user, "userName", "accountName")
		if len(user) > 0 {
			one(under(c.path, "relatedUser"), object{"userAccount": encode(user)}, alert.KindUser)
		}
	} else if raw != nil {
		c.note("relatedUser", "kept as it came, since it is no object")
	}
	c.retired(one)
	c.split("entities", func(path string, raw json.RawMessage) bool { return take(path, raw, "") })
	return left
}

// isEndpoint reports whether an alert has members of the Defender for Endpoint API, which writes no
// serviceSource.
func isEndpoint(m object) bool {
	return m["alertCreationTime"] != nil || m["machineId"] != nil || m["computerDnsName"] != nil
}

func dropNull(m object) {
	maps.DeleteFunc(m, func(_ string, raw json.RawMessage) bool { return isNull(raw) })
}

// move gives a member of from a new name in to, unless that is taken. A null one is dropped.
func move(from, to object, name, newName string) {
	raw, ok := from[name]
	if !ok {
		return
	}
	if isNull(raw) {
		delete(from, name)
		return
	}
	if first(to[newName]) == nil {
		delete(from, name)
		to[newName] = raw
	}
}

// entityOf gives an entity of the older APIs, one flat object for all kinds, the shape of Graph's evidence,
// and a type to one that has none.
func (c codec) entityOf(path string, m object) {
	var typ string
	if raw := m[odataType]; raw != nil && !isNull(raw) && string(raw) != `""` {
		return
	}
	_ = json.Unmarshal(m["entityType"], &typ)
	guessed := false
	switch kind, _ := kindOf(typ); {
	case kind == "":
		guessed = true
		flat := m["userAccount"] == nil && m["fileDetails"] == nil && m["imageFile"] == nil
		if kind = guess(m); kind == "" {
			return
		}
		c.notes.add(under(path, odataType), nil, "missing, taken for "+string(kind))
		if delete(m, odataType); !flat {
			m[odataType] = encode(typeOf(kind))
			return
		}
		typ = string(kind)
	case strings.EqualFold(typ, "machine"), strings.EqualFold(typ, "host"):
		typ = string(alert.KindDevice)
		delete(m, "entityType")
	case strings.EqualFold(typ, "account"):
		typ = string(alert.KindUser)
		delete(m, "entityType")
	}
	kind, _ := kindOf(typ)
	dropNull(m) // these have every field of every kind
	nest := func(name string, pairs ...string) {
		if m[name] != nil {
			return
		}
		sub := object{}
		for n := 0; n < len(pairs); n += 2 {
			move(m, sub, pairs[n], pairs[n+1])
		}
		if len(sub) > 0 {
			m[name] = encode(sub)
		}
	}
	user := []string{"accountName", "accountName", "domainName", "domainName", "userSid", "userSid",
		"aadUserId", "azureAdUserId", "azureAdUserId", "azureAdUserId", "userPrincipalName",
		"userPrincipalName"}
	file := []string{"sha1", "sha1", "sha256", "sha256", "fileName", "fileName", "filePath", "filePath"}
	move(m, m, "evidenceCreationTime", "createdDateTime")
	move(m, m, "deviceId", "mdeDeviceId")
	switch strings.ToLower(typ) {
	case "user":
		nest("userAccount", user...)
	case "file":
		nest("fileDetails", file...)
	case "process":
		move(m, m, "processCreationTime", "processCreationDateTime")
		move(m, m, "parentProcessCreationTime", "parentProcessCreationDateTime")
		nest("imageFile", file...)
		nest("parentProcessImageFile", "parentProcessFileName", "fileName", "parentProcessFilePath",
			"filePath")
		nest("userAccount", user...)
	case "mailbox":
		move(m, m, "mailboxAddress", "primaryAddress")
		move(m, m, "mailboxDisplayName", "displayName")
		move(m, m, "userPrincipalName", "upn")
	case "mailmessage", "analyzedmessage":
		kind, typ = alert.KindMessage, string(alert.KindMessage)
		nest("p2Sender", "sender", "emailAddress")
		move(m, m, "recipient", "recipientEmailAddress")
	case "securitygroup":
		move(m, m, "securityGroupName", "displayName")
	case "registry", "registrykey", "registryvalue":
		if kind = alert.KindRegistryKey; m["registryValue"] != nil || m["registryValueName"] != nil {
			kind = alert.KindRegistryValue
		}
		typ = string(kind)
	}
	if strings.EqualFold(typ, string(kind)) && !guessed {
		delete(m, "entityType")
	}
	m[odataType] = encode(typeOf(kind))
}
