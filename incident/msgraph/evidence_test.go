package msgraph

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

// A schemaField is a field of a type, as the published metadata of Microsoft Graph names them.
type schemaField struct{ name, typ string }

// schema reads testdata/evidence-kinds.txt: a line for the fields that all evidence has, one for each of
// the kinds of evidence and one for each type that they are made of. A type without a line is an
// enumeration.
func schema(t *testing.T) map[string][]schemaField {
	t.Helper()
	text, err := os.ReadFile("testdata/evidence-kinds.txt")
	require.NoError(t, err)
	types := map[string][]schemaField{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		for _, w := range words[1:] {
			name, typ, ok := strings.Cut(w, ":")
			require.True(t, ok, w)
			types[words[0]] = append(types[words[0]], schemaField{name, typ})
		}
	}
	return types
}

func isEvidence(typ string) bool { return strings.HasSuffix(typ, "Evidence") }

// A sampler makes objects in which no value occurs twice.
type sampler struct {
	types map[string][]schemaField
	n     int
}

// fill sets every field of typ, down to some depth: kinds contain each other.
func (s *sampler) fill(typ string, depth int) map[string]any {
	fields, m := s.types[typ], map[string]any{}
	if isEvidence(typ) {
		m["@odata.type"] = "#microsoft.graph.security." + typ
		fields = slices.Concat(fields, s.types["alertEvidence"])
	}
	for _, f := range fields {
		if v := s.value(f.typ, depth); v != nil {
			m[f.name] = v
		}
	}
	return m
}

func (s *sampler) value(typ string, depth int) any {
	if element, ok := strings.CutPrefix(typ, "[]"); ok {
		one, two := s.value(element, depth), s.value(element, depth)
		if one == nil {
			return nil
		}
		return []any{one, two}
	}
	s.n++
	switch {
	case typ == "Int32" || typ == "Int64":
		return float64(1000 + s.n)
	case typ == "Double":
		return float64(s.n) + 0.5
	case typ == "Boolean":
		return s.n%2 == 0
	case typ == "Guid":
		return fmt.Sprintf("00000000-0000-4000-8000-%012d", s.n)
	case typ == "DateTimeOffset":
		return time.Unix(1_700_000_000+int64(s.n), 123_456_000).UTC().Format(time.RFC3339Nano)
	case typ == "dictionary":
		return map[string]any{"app": s.value("String", depth)}
	case typ == "evidenceVerdict":
		return "suspicious"
	case typ == "evidenceRemediationStatus":
		return "prevented"
	case typ == "evidenceRole":
		return "role" + fmt.Sprint(s.n) // one that came after this library
	case typ != "String" && s.types[typ] != nil:
		if depth == 0 {
			return nil
		}
		return s.fill(typ, depth-1)
	}
	return fmt.Sprint("text", s.n)
}

// leaves counts the texts, numbers and truth values within v. Keys for which skip is true are left out.
func leaves(v any, skip func(key string) bool, count map[string]int) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if skip == nil || !skip(k) {
				leaves(e, skip, count)
			}
		}
	case []any:
		for _, e := range v {
			leaves(e, skip, count)
		}
	case nil:
	default:
		count[fmt.Sprint(v)]++
	}
}

func parse(t *testing.T, text string) any {
	t.Helper()
	var v any
	if text != "" {
		require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	}
	return v
}

// place says where each documented field of the kinds with a type of their own arrives, by its path.
// Everything else they have arrives in Extra.
var place = map[alert.Kind]func(g get) alert.Entity{
	alert.KindDevice: func(g get) alert.Entity {
		return alert.Device{DeviceID: g.text("mdeDeviceId"), DirectoryID: g.text("azureAdDeviceId"), DNSName: g.text("deviceDnsName"), HostName: g.text("hostName"),
			OS: g.text("osPlatform"), OSVersion: g.text("version"), OSBuild: g.number("osBuild"), Group: g.text("rbacGroupName"),
			Health: g.text("healthStatus"), Risk: g.text("riskScore"), LastIP: g.text("lastIpAddress"), FirstSeen: g.time("firstSeenDateTime")}
	},
	alert.KindUser: func(g get) alert.Entity { return g.user() },
	alert.KindMailbox: func(g get) alert.Entity {
		return alert.Mailbox{Address: g.text("primaryAddress"), UPN: g.text("upn"), DisplayName: g.text("displayName")}
	},
	alert.KindIP: func(g get) alert.Entity {
		return alert.IP{Address: g.text("ipAddress"), Country: g.text("countryLetterCode")}
	},
	alert.KindURL: func(g get) alert.Entity { return alert.URL{URL: g.text("url")} },
	alert.KindFile: func(g get) alert.Entity {
		f := g.file("fileDetails")
		f.Detection, f.DeviceID = g.text("detectionStatus"), g.text("mdeDeviceId")
		return f
	},
	alert.KindProcess: func(g get) alert.Entity {
		return alert.Process{PID: g.number("processId"), Started: g.time("processCreationDateTime"), CommandLine: g.text("processCommandLine"), Image: g.file("imageFile"),
			ParentPID: g.number("parentProcessId"), ParentStarted: g.time("parentProcessCreationDateTime"), ParentImage: g.file("parentProcessImageFile"),
			User: g.user(), Detection: g.text("detectionStatus"), DeviceID: g.text("mdeDeviceId")}
	},
	alert.KindRegistryKey: func(g get) alert.Entity {
		return alert.Registry{Hive: g.text("registryHive"), Key: g.text("registryKey")}
	},
	alert.KindRegistryValue: func(g get) alert.Entity {
		return alert.Registry{Hive: g.text("registryHive"), Key: g.text("registryKey"), Value: g.text("registryValueName"), ValueType: g.text("registryValueType"),
			Data: g.text("registryValue"), DeviceID: g.text("mdeDeviceId"), IsValue: true}
	},
	alert.KindMessage: func(g get) alert.Entity {
		return alert.Message{NetworkMessageID: g.text("networkMessageId"), InternetMessageID: g.text("internetMessageId"), Subject: g.text("subject"),
			Sender: g.text("p2Sender.emailAddress"), EnvelopeSender: g.text("p1Sender.emailAddress"), SenderIP: g.text("senderIp"), Recipient: g.text("recipientEmailAddress"),
			Delivery: g.text("deliveryAction"), Location: g.text("deliveryLocation"), Received: g.time("receivedDateTime")}
	},
	alert.KindMailCluster: func(g get) alert.Entity {
		return alert.MailCluster{By: g.text("clusterBy"), Value: g.text("clusterByValue"), Query: g.text("query"), Count: g.number("emailCount")}
	},
	alert.KindApp: func(g get) alert.Entity {
		return alert.App{AppID: g.number("appId"), InstanceID: g.number("instanceId"), DisplayName: g.text("displayName"), InstanceName: g.text("instanceName")}
	},
	alert.KindOAuthApp: func(g get) alert.Entity {
		return alert.OAuthApp{AppID: g.text("appId"), ObjectID: g.text("objectId"), DisplayName: g.text("displayName"), Publisher: g.text("publisher")}
	},
	alert.KindAzureResource: func(g get) alert.Entity {
		return alert.CloudResource{Provider: alert.KindAzureResource, ID: g.text("resourceId"), ResourceName: g.text("resourceName"), Type: g.text("resourceType")}
	},
	alert.KindAmazonResource: func(g get) alert.Entity {
		return alert.CloudResource{Provider: alert.KindAmazonResource, ID: g.text("amazonResourceId"), ResourceName: g.text("resourceName"), Type: g.text("resourceType"),
			Account: g.text("amazonAccountId")}
	},
	alert.KindGoogleCloudResource: func(g get) alert.Entity {
		return alert.CloudResource{Provider: alert.KindGoogleCloudResource, ID: g.text("fullResourceName"), ResourceName: g.text("resourceName"), Type: g.text("resourceType"),
			Account: g.text("projectId"), Location: g.text("location")}
	},
}

// get reads a sample by the path of a field. A field that the kind does not have fails the test.
type get struct {
	t *testing.T
	m map[string]any
}

func (g get) at(path string) any {
	g.t.Helper()
	var v any = g.m
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		require.Contains(g.t, m, name, path)
		v = m[name]
	}
	return v
}

func (g get) text(path string) string    { return g.at(path).(string) }
func (g get) number(path string) int64   { return int64(g.at(path).(float64)) }
func (g get) time(path string) time.Time { return at(g.text(path)) }

func (g get) file(path string) alert.File {
	return alert.File{FileName: g.text(path + ".fileName"), Path: g.text(path + ".filePath"), Size: g.number(path + ".fileSize"), MD5: g.text(path + ".md5"),
		SHA1: g.text(path + ".sha1"), SHA256: g.text(path + ".sha256"), Publisher: g.text(path + ".filePublisher"), Signer: g.text(path + ".signer"), Issuer: g.text(path + ".issuer")}
}

func (g get) user() alert.User {
	return alert.User{UPN: g.text("userAccount.userPrincipalName"), DirectoryID: g.text("userAccount.azureAdUserId"), SID: g.text("userAccount.userSid"),
		Account: g.text("userAccount.accountName"), Domain: g.text("userAccount.domainName"), DisplayName: g.text("userAccount.displayName")}
}

// Every documented field of all 48 kinds arrives, in one place only, and is written back.
func TestEveryFieldOfEveryKind(t *testing.T) {
	types := schema(t)
	kinds := slices.DeleteFunc(slices.Sorted(maps.Keys(types)), func(typ string) bool { return !isEvidence(typ) || typ == "alertEvidence" })
	require.Len(t, kinds, 48)
	for _, k := range typed {
		assert.Contains(t, kinds, string(k)+"Evidence")
	}
	for _, typ := range kinds {
		t.Run(typ, func(t *testing.T) {
			sample := (&sampler{types: types}).fill(typ, 2)
			source := map[string]any{"@odata.type": "#microsoft.graph.security.alert", "id": "a", "title": "t", "status": "new", "evidence": []any{sample}}
			text, err := json.Marshal(source)
			require.NoError(t, err)
			items, errs := decode(string(text))
			require.Empty(t, errs)
			require.Len(t, items[0].Alert.Evidence, 1)
			e := items[0].Alert.Evidence[0]

			g := get{t, sample}
			var roles []alert.Role
			var detailed, tags []string
			for n := range 2 {
				roles = append(roles, alert.Role(g.at("roles").([]any)[n].(string)))
				detailed = append(detailed, g.at("detailedRoles").([]any)[n].(string))
				tags = append(tags, g.at("tags").([]any)[n].(string))
			}
			assert.Equal(t, alert.Evidence{Entity: e.Entity, Extra: e.Extra, Verdict: alert.Suspicious, Remediation: alert.Prevented,
				RemediationDetails: g.text("remediationStatusDetails"), Roles: roles, DetailedRoles: detailed, Tags: tags, Created: g.time("createdDateTime")}, e)

			rest := maps.Clone(sample) // what is not common to all kinds
			for _, name := range base {
				delete(rest, name)
			}
			kind := alert.Kind(strings.TrimSuffix(typ, "Evidence"))
			require.Equal(t, kind, e.Entity.Kind())
			want := map[string]int{}
			leaves(rest, nil, want)
			got := map[string]int{}
			if placed := place[kind]; placed != nil {
				assert.Equal(t, placed(g), e.Entity)
				entity, err := json.Marshal(e.Entity)
				require.NoError(t, err)
				leaves(parse(t, string(entity)), func(key string) bool { return key == "provider" || key == "isValue" }, got)
				leaves(parse(t, string(e.Extra)), nil, got)
			} else {
				other, ok := e.Entity.(alert.Other)
				require.True(t, ok)
				assert.Equal(t, any(rest), parse(t, string(other.Fields)))
				assert.Empty(t, e.Extra)
				got = want
				if typ != "networkConnectionEvidence" && typ != "sasTokenEvidence" { // they have no name
					assert.NotEmpty(t, other.Label)
				}
			}
			assert.Equal(t, want, got)
			assert.JSONEq(t, string(text), string(roundTrip(t, items[0])))
		})
	}
}

// The kind is told whatever the namespace and the case of the letters, and its spelling is kept.
func TestKinds(t *testing.T) {
	for typ, want := range map[string]alert.Kind{
		"#microsoft.graph.security.deviceEvidence": alert.KindDevice, "microsoft.graph.security.deviceEvidence": alert.KindDevice, "#microsoft.graph.urlEvidence": alert.KindURL,
		"#microsoft.graph.security.OAuthApplicationEvidence": alert.KindOAuthApp, "IP": alert.KindIP, "#microsoft.graph.security.ioTDeviceEvidence": "ioTDevice",
		"#microsoft.graph.security.brandNew": "brandNew", "": "unknown", "#microsoft.graph.security.Evidence": "unknown", "#microsoft.graph.security.unknownEvidence": "unknown",
	} {
		name := map[alert.Kind]string{alert.KindDevice: "mdeDeviceId", alert.KindURL: "url", alert.KindOAuthApp: "objectId", alert.KindIP: "ipAddress"}[want]
		a := alertOf(t, `,"evidence":[{"@odata.type":"`+typ+`","`+cmp.Or(name, "x")+`":"1"}]`)
		assert.Equal(t, want, a.Evidence[0].Entity.Kind(), typ)
		text, err := EncodeAlert(a)
		require.NoError(t, err)
		if typ != "" {
			assert.Contains(t, string(text), `"@odata.type":"`+typ+`"`)
		}
	}
}
