package mapping

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// The words that a mapping can give to a field. Those of evidence are an open set in [alert]; a mapping that makes up
// others would not be understood.
var (
	severityWords = []string{"unrated", "informational", "low", "medium", "high"}
	statusWords   = []string{"new", "inProgress", "resolved"}
	ownerWords    = []string{"user", "group"}
	verdictWords  = []alert.EvidenceVerdict{alert.Suspicious, alert.Malicious, alert.NoThreatsFound}
	stateWords    = []alert.Remediation{
		alert.Remediated, alert.Prevented, alert.Blocked, alert.NotFound, alert.ActiveThreat, alert.PendingApproval,
		alert.Declined, alert.Unremediated, alert.Running, alert.PartiallyRemediated,
	}
	roleWords = []alert.Role{
		alert.Contextual, alert.Scanned, alert.Source, alert.Destination, alert.Created, alert.Added, alert.Edited,
		alert.Compromised, alert.Attacked, alert.Attacker, alert.CommandAndControl, alert.Loaded, alert.SuspiciousRole,
		alert.PolicyViolator,
	}
)

func texts[S ~string](list []S) []string {
	all := make([]string, len(list))
	for n, s := range list {
		all[n] = string(s)
	}
	return all
}

// alertFields are the fields of an alert that a mapping can set, by their JSON names.
var alertFields = sync.OnceValue(func() []target {
	all := structFields(reflect.TypeFor[alert.Alert](), "", nil)
	var fields []target
	for _, f := range []struct {
		name  string
		how   how
		known []string
	}{
		{"origin.source", asText, nil},
		{"origin.id", asText, nil},
		{"product", asText, nil},
		{"detectionSource", asText, nil},
		{"title", asText, nil},
		{"description", asLines, nil},
		{"recommendedActions", asLines, nil},
		{"category", asCategory, nil},
		{"techniques", asTechniques, nil},
		{"actor", asText, nil},
		{"threat", asText, nil},
		{"threatFamily", asText, nil},
		{"url", asText, nil},
		{"severity", asWord, severityWords},
		{"status", asWord, statusWords},
		{"verdict.classification", asWord, nil},
		{"verdict.determination", asWord, nil},
		{"owner.kind", asWord, ownerWords},
		{"owner.id", asOwner, nil},
		{"owner.name", asOwner, nil},
		{"tags", asTexts, nil},
		{"firstActivity", asEarliest, nil},
		{"lastActivity", asLatest, nil},
		{"created", asTime, nil},
		{"sourceUpdated", asTime, nil},
		{"resolved", asTime, nil},
	} {
		t := find(all, f.name)
		t.how, t.known = f.how, f.known
		fields = append(fields, t)
	}
	return fields
})

// evidenceFields are those of a piece of evidence that are not of its entity.
var evidenceFields = sync.OnceValue(func() []target {
	typ := reflect.TypeFor[alert.Evidence]()
	var fields []target
	for _, f := range []struct {
		name, goName string
		how          how
		known        []string
	}{
		{"verdict", "Verdict", asWord, texts(verdictWords)},
		{"remediation", "Remediation", asWord, texts(stateWords)},
		{"remediationDetails", "RemediationDetails", asText, nil},
		{"roles", "Roles", asWords, texts(roleWords)},
		{"detailedRoles", "DetailedRoles", asTexts, nil},
		{"tags", "Tags", asTexts, nil},
		{"created", "Created", asTime, nil},
	} {
		at, _ := typ.FieldByName(f.goName)
		fields = append(fields, target{f.name, at.Index, f.how, f.known})
	}
	return fields
})

// An entityKind is a kind of evidence that a mapping can make.
type entityKind struct {
	kind   alert.Kind
	typ    reflect.Type
	fields []target
}

// otherKind stands in a mapping for a kind that has no type of its own.
const otherKind alert.Kind = "other"

var entityKinds = sync.OnceValue(func() []entityKind {
	kinds := []entityKind{
		{kind: alert.KindDevice, typ: reflect.TypeFor[alert.Device]()},
		{kind: alert.KindUser, typ: reflect.TypeFor[alert.User]()},
		{kind: alert.KindMailbox, typ: reflect.TypeFor[alert.Mailbox]()},
		{kind: alert.KindIP, typ: reflect.TypeFor[alert.IP]()},
		{kind: alert.KindURL, typ: reflect.TypeFor[alert.URL]()},
		{kind: alert.KindFile, typ: reflect.TypeFor[alert.File]()},
		{kind: alert.KindProcess, typ: reflect.TypeFor[alert.Process]()},
		{kind: alert.KindRegistryKey, typ: reflect.TypeFor[alert.Registry]()},
		{kind: alert.KindRegistryValue, typ: reflect.TypeFor[alert.Registry]()},
		{kind: alert.KindMessage, typ: reflect.TypeFor[alert.Message]()},
		{kind: alert.KindMailCluster, typ: reflect.TypeFor[alert.MailCluster]()},
		{kind: alert.KindApp, typ: reflect.TypeFor[alert.App]()},
		{kind: alert.KindOAuthApp, typ: reflect.TypeFor[alert.OAuthApp]()},
		{kind: alert.KindAzureResource, typ: reflect.TypeFor[alert.CloudResource]()},
		{kind: alert.KindAmazonResource, typ: reflect.TypeFor[alert.CloudResource]()},
		{kind: alert.KindGoogleCloudResource, typ: reflect.TypeFor[alert.CloudResource]()},
		{kind: otherKind, typ: reflect.TypeFor[alert.Other]()},
	}
	for n, k := range kinds {
		fields := structFields(k.typ, "", nil)
		fields = slices.DeleteFunc(fields, func(t target) bool { // what the kind says
			switch t.name {
			case "provider", "isValue":
				return true
			case "value", "valueType", "data":
				return k.kind == alert.KindRegistryKey
			}
			return k.kind == otherKind && t.name != "label"
		})
		for i, f := range fields {
			switch last := f.name[strings.LastIndexByte(f.name, '.')+1:]; {
			case k.kind == alert.KindIP && last == "address":
				fields[i].how = asAddress
			case k.kind == alert.KindURL:
				fields[i].how = asURL
			case last == "sid":
				fields[i].how = asSID
			case last == "md5" || last == "sha1" || last == "sha256":
				fields[i].how = asHash
			}
		}
		kinds[n].fields = fields
	}
	return kinds
})

// structFields returns the fields of a struct by their JSON names, those of a struct inside with its name
// before them, and the fields beside them that are read into several.
func structFields(typ reflect.Type, prefix string, index []int) []target {
	var all []target
	switch typ {
	case reflect.TypeFor[alert.Device]():
		all = append(all, target{name: prefix + "name", index: index, how: asDeviceName})
	case reflect.TypeFor[alert.User]():
		all = append(all, target{name: prefix + "login", index: index, how: asLogin})
	case reflect.TypeFor[alert.File]():
		all = append(all, target{name: prefix + "fullPath", index: index, how: asFullPath},
			target{name: prefix + "hashes", index: index, how: asHashes})
	}
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		at := append(slices.Clone(index), f.Index...)
		switch {
		case name == "":
		case f.Type == reflect.TypeFor[time.Time]():
			all = append(all, target{name: prefix + name, index: at, how: asTime})
		case f.Type.Kind() == reflect.Struct:
			all = append(all, structFields(f.Type, prefix+name+".", at)...)
		case f.Type.Kind() == reflect.Int64:
			all = append(all, target{name: prefix + name, index: at, how: asNumber})
		default:
			all = append(all, target{name: prefix + name, index: at})
		}
	}
	return all
}

func find(all []target, name string) target {
	n := slices.IndexFunc(all, func(t target) bool { return t.name == name })
	return all[n]
}

func names(all []target) []string {
	list := make([]string, len(all))
	for n, t := range all {
		list[n] = t.name
	}
	return list
}
