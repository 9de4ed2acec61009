package msgraph

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// legacy gives an alert of the older APIs the shape of Graph's, so that there is one decoder.
func legacy(m object) {
	var evidence []json.RawMessage
	add := func(e object, kind alert.Kind) {
		e[odataType] = encode(typeOf(kind))
		evidence = append(evidence, encode(e))
	}
	var devices []object
	if json.Unmarshal(m["devices"], &devices) == nil {
		delete(m, "devices")
		for _, d := range devices {
			if d != nil {
				add(d, alert.KindDevice)
			}
		}
	}
	machine := object{}
	move(m, machine, "machineId", "mdeDeviceId")
	move(m, machine, "computerDnsName", "deviceDnsName")
	if len(machine) > 0 {
		move(m, machine, "rbacGroupName", "rbacGroupName")
		add(machine, alert.KindDevice)
	}
	var user object
	if json.Unmarshal(m["relatedUser"], &user) == nil {
		delete(m, "relatedUser")
		dropNull(user)
		if len(user) > 0 {
			move(user, user, "userName", "accountName")
			add(object{"userAccount": encode(user)}, alert.KindUser)
		}
	}
	for _, name := range []string{"entities", "evidence"} {
		raw, ok := m[name]
		if !ok || name == "evidence" && evidence == nil && raw[0] == '[' {
			continue // it is as it should be
		}
		var all []json.RawMessage
		if json.Unmarshal(raw, &all) != nil {
			all = []json.RawMessage{raw} // one that is not in a list
		}
		delete(m, name)
		evidence = append(evidence, all...)
	}
	if len(evidence) > 0 {
		m["evidence"] = encode(evidence)
	}
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
	if _, taken := to[newName]; !taken {
		delete(from, name)
		to[newName] = raw
	}
}

// legacyEntity gives an entity of the older APIs, one flat object for all kinds, the shape of Graph's evidence.
func legacyEntity(m object) {
	var typ string
	if m[odataType] != nil || json.Unmarshal(m["entityType"], &typ) != nil {
		return
	}
	kind, _ := kindOf(typ)
	if kind == "" {
		return
	}
	dropNull(m) // these have every field of every kind
	nest := func(under string, pairs ...string) {
		if m[under] != nil {
			return
		}
		sub := object{}
		for n := 0; n < len(pairs); n += 2 {
			move(m, sub, pairs[n], pairs[n+1])
		}
		if len(sub) > 0 {
			m[under] = encode(sub)
		}
	}
	user := []string{"accountName", "accountName", "domainName", "domainName", "userSid", "userSid",
		"aadUserId", "azureAdUserId", "userPrincipalName", "userPrincipalName"}
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
		nest("parentProcessImageFile", "parentProcessFileName", "fileName", "parentProcessFilePath", "filePath")
		nest("userAccount", user...)
	case "mailbox":
		move(m, m, "mailboxAddress", "primaryAddress")
		move(m, m, "mailboxDisplayName", "displayName")
		move(m, m, "userPrincipalName", "upn")
	case "mailmessage":
		kind, typ = alert.KindMessage, string(alert.KindMessage)
		nest("p2Sender", "sender", "emailAddress")
		move(m, m, "recipient", "recipientEmailAddress")
	case "securitygroup":
		move(m, m, "securityGroupName", "displayName")
	case "registry":
		if kind = alert.KindRegistryKey; m["registryValue"] != nil || m["registryValueName"] != nil {
			kind = alert.KindRegistryValue
		}
		typ = string(kind)
	}
	if strings.EqualFold(typ, string(kind)) {
		delete(m, "entityType")
	}
	m[odataType] = encode(typeOf(kind))
}
