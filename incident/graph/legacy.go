package graph

import (
	"encoding/json"
	"strings"
)

// legacy gives an alert of the older APIs the shape of Graph's, so that there is one decoder.
func legacy(m object) {
	var evidence []json.RawMessage
	add := func(e object, kind string) {
		e[odataType] = encode(namespace + kind + "Evidence")
		evidence = append(evidence, encode(e))
	}
	var devices []object
	if json.Unmarshal(m["devices"], &devices) == nil {
		delete(m, "devices")
		for _, d := range devices {
			if d != nil {
				add(d, "device")
			}
		}
	}
	if m["machineId"] != nil || m["computerDnsName"] != nil {
		d := object{}
		move(m, d, "machineId", "mdeDeviceId")
		move(m, d, "computerDnsName", "deviceDnsName")
		move(m, d, "rbacGroupName", "rbacGroupName")
		if len(d) > 0 {
			add(d, "device")
		}
	}
	var user object
	if json.Unmarshal(m["relatedUser"], &user) == nil {
		delete(m, "relatedUser")
		if user != nil {
			move(user, user, "userName", "accountName")
			add(object{"userAccount": encode(user)}, "user")
		}
	}
	for _, name := range []string{"entities", "evidence"} {
		var all []json.RawMessage
		if json.Unmarshal(m[name], &all) != nil {
			continue
		}
		delete(m, name)
		for _, raw := range all {
			evidence = append(evidence, legacyEntity(raw))
		}
	}
	if len(evidence) > 0 {
		m["evidence"] = encode(evidence)
	}
}

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

// legacyEntity returns an entity of the older APIs, one flat object for all kinds, as Graph's evidence.
func legacyEntity(raw json.RawMessage) json.RawMessage {
	var m object
	var typ string
	if json.Unmarshal(raw, &m) != nil || m[odataType] != nil || json.Unmarshal(m["entityType"], &typ) != nil || typ == "" {
		return raw
	}
	for k, v := range m {
		if isNull(v) {
			delete(m, k)
		}
	}
	kind := string(kindOf(typ))
	nest := func(under string, pairs ...string) {
		sub := object{}
		for n := 0; n < len(pairs); n += 2 {
			move(m, sub, pairs[n], pairs[n+1])
		}
		if len(sub) > 0 && m[under] == nil {
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
		kind = "mailbox"
		move(m, m, "mailboxAddress", "primaryAddress")
		move(m, m, "mailboxDisplayName", "displayName")
		move(m, m, "userPrincipalName", "upn")
	case "mailmessage":
		kind = "analyzedMessage"
		nest("p2Sender", "sender", "emailAddress")
		move(m, m, "recipient", "recipientEmailAddress")
	case "registry":
		kind = "registryKey"
		if m["registryValue"] != nil || m["registryValueName"] != nil {
			kind = "registryValue"
		}
	}
	delete(m, "entityType")
	m[odataType] = encode(namespace + kind + "Evidence")
	return encode(m)
}
