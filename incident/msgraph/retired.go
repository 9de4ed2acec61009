package msgraph

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// retired takes the states of an alert of Graph's first alerts API (security/alerts), which are its
// evidence, and gives each to one in the shape of today's.
//
// Source: Microsoft Graph v1.0 reference, alert resource type.
func (c codec) retired(one func(path string, m object, kind alert.Kind)) {
	each := func(name string, kind alert.Kind, reshape func(m object)) {
		c.split(name, func(path string, raw json.RawMessage) bool {
			var m object
			if json.Unmarshal(raw, &m) != nil || m == nil {
				c.notes.add(path, raw, "kept as it came, since it is no object")
				return false
			}
			dropNull(m)
			reshape(m)
			one(path, m, kind)
			return true
		})
	}
	each("hostStates", alert.KindDevice, func(m object) {
		rename(m, "fqdn", "deviceDnsName", "netBiosName", "hostName", "os", "osPlatform",
			"privateIpAddress", "lastIpAddress")
	})
	each("userStates", alert.KindUser, func(m object) {
		rename(m, "onPremisesSecurityIdentifier", "userSid", "aadUserId", "azureAdUserId")
		gather(m, "userAccount", "accountName", "domainName", "userSid", "azureAdUserId", "userPrincipalName")
	})
	each("fileStates", alert.KindFile, func(m object) {
		rename(m, "name", "fileName", "path", "filePath")
		hash(m)
		gather(m, "fileDetails", "fileName", "filePath", "md5", "sha1", "sha256")
	})
	each("processes", alert.KindProcess, func(m object) {
		rename(m, "name", "fileName", "path", "filePath", "commandLine", "processCommandLine",
			"createdDateTime", "processCreationDateTime",
			"parentProcessCreatedDateTime", "parentProcessCreationDateTime")
		hash(m)
		gather(m, "imageFile", "fileName", "filePath", "md5", "sha1", "sha256")
		gather(m, "userAccount", "accountName")
		rename(m, "parentProcessName", "fileName")
		gather(m, "parentProcessImageFile", "fileName")
	})
	each("registryKeyStates", alert.KindRegistryValue, func(m object) {
		rename(m, "hive", "registryHive", "key", "registryKey", "valueName", "registryValueName",
			"valueType", "registryValueType",
			"valueData", "registryValue")
	})
	c.split("networkConnections", func(path string, raw json.RawMessage) bool {
		var m object
		if json.Unmarshal(raw, &m) != nil || m == nil {
			c.notes.add(path, raw, "kept as it came, since it is no object")
			return false
		}
		dropNull(m)
		part := func(kind alert.Kind, role alert.Role, name, newName string) {
			e := object{}
			if move(m, e, name, newName); len(e) > 0 {
				e["roles"] = encode([]alert.Role{role})
				one(path, e, kind)
			}
		}
		part(alert.KindIP, alert.Source, "sourceAddress", "ipAddress")
		part(alert.KindURL, alert.Destination, "destinationUrl", "url")
		if len(m) > 0 {
			rename(m, "destinationAddress", "ipAddress")
			m["roles"] = encode([]alert.Role{alert.Destination})
			one(path, m, alert.KindIP)
		}
		return true
	})
}

// vendor gives an alert of Graph's first alerts API the members of today's that are not of another shape
// alone.
func (c codec) vendor() {
	var vendor struct{ Provider, SubProvider string }
	if raw := c.m["serviceSource"]; (raw == nil || isNull(raw)) && json.Unmarshal(c.m["vendorInformation"],
		&vendor) == nil {
		for _, name := range []string{vendor.Provider, vendor.SubProvider} {
			if source, _ := serviceSource(name); source != "" {
				c.m["serviceSource"] = encode(source)
				break
			}
		}
	}
	var list []string
	if raw := c.m["recommendedActions"]; raw != nil && json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		c.note("recommendedActions", fmt.Sprintf("%d texts are one now, a line each", len(list)))
		c.m["recommendedActions"] = encode(strings.Join(list, "\n"))
	}
	list = nil
	if json.Unmarshal(c.m["sourceMaterials"], &list) == nil && len(list) > 0 && c.m["alertWebUrl"] == nil &&
		strings.Contains(list[0], "://") {
		c.m["alertWebUrl"] = encode(list[0])
		if delete(c.m, "sourceMaterials"); len(list) > 1 {
			c.m["sourceMaterials"] = encode(list[1:])
		}
	}
	move(c.m, c.m, "feedback", "classification")
}

// rename gives members new names, which are given after the old ones.
func rename(m object, names ...string) {
	for n := 0; n < len(names); n += 2 {
		move(m, m, names[n], names[n+1])
	}
}

// gather puts members into an object of their own.
func gather(m object, under string, names ...string) {
	sub := object{}
	for _, name := range names {
		move(m, sub, name, name)
	}
	if _, taken := m[under]; !taken && len(sub) > 0 {
		m[under] = encode(sub)
		return
	}
	maps.Copy(m, sub)
}

// hash gives a hash the name of its type.
func hash(m object) {
	var h struct{ HashType, HashValue string }
	if json.Unmarshal(m["fileHash"], &h) != nil || h.HashValue == "" {
		return
	}
	switch name := bare(h.HashType); name {
	case "md5", "sha1", "sha256":
		if _, taken := m[name]; !taken {
			m[name] = encode(h.HashValue)
			delete(m, "fileHash")
		}
	}
}
