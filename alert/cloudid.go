package alert

import (
	"strings"
	"sync"
)

// resourceID returns the identifier of a cloud resource in the form in which it stands in keys, except the
// case of its letters: without a slash at its end, and Azure's with one at its beginning.
func resourceID(id string) string {
	id = strings.TrimRight(identifier(id), "/")
	if rest, ok := cutFold(id, "https://management.azure.com"); ok {
		id = rest
	}
	for _, root := range [...]string{"subscriptions/", "providers/microsoft."} {
		if len(id) > len(root) && strings.EqualFold(id[:len(root)], root) {
			return "/" + id
		}
	}
	return id
}

// machineName returns the name of the virtual machine or the connected server that an identifier of Azure is
// of, "" of another one. Source: Microsoft, Azure resource providers.
func machineName(id string) string {
	if _, ok := cutFold(id, "/subscriptions/"); !ok {
		return ""
	}
	parent, name, _ := cutLast(id, "/")
	lower := strings.ToLower(parent)
	if isNumber(name) || !strings.HasSuffix(lower, "/microsoft.compute/virtualmachines") &&
		!strings.HasSuffix(lower, "/microsoft.hybridcompute/machines") {
		return ""
	}
	return name
}

// cutLast cuts text at the last separator.
func cutLast(text, separator string) (before, after string, ok bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

// wholeCluster is the Why of what holds everything that a cluster, a workspace or a region has.
const wholeCluster = "a cluster, a workspace or a detector, which all that is in it shares"

// isWhole reports whether an identifier of Azure or Google, which has small letters, is that of a cluster or
// of a workspace.
func isWhole(id string) bool {
	parent, _, _ := cutLast(id, "/")
	return strings.HasSuffix(parent, "/microsoft.containerservice/managedclusters") ||
		strings.HasSuffix(parent, "/microsoft.kubernetes/connectedclusters") ||
		strings.HasSuffix(parent, "/microsoft.operationalinsights/workspaces") ||
		strings.Contains(id, "projects/") && strings.HasSuffix(parent, "/clusters")
}

// resourceParts adds the keys of what the identifier of a cloud resource names: the role of a session, the
// machine of an instance, and a Google resource without its service.
func (r *keyring) resourceParts(id string) {
	if r.nested > 3 || r.one {
		return
	}
	if role := sessionRole(id); role != "" {
		nest(r, CloudResource{Provider: KindAmazonResource, ID: role})
	}
	if instance := instanceID(id); instance != "" && !strings.EqualFold(instance, id) {
		nest(r, CloudResource{Provider: KindAmazonResource, ID: instance})
	}
	if strings.HasPrefix(id, "//") {
		if _, rest, ok := strings.Cut(id[2:], "/"); ok && strings.HasPrefix(rest, "projects/") {
			nest(r, CloudResource{Provider: KindGoogleCloudResource, ID: rest})
		}
	}
}

// sessionRole returns the role that a session is of, "" of anything else. Sessions have the form
// arn:aws:sts::account:assumed-role/role/session or AROA…:session. Source: AWS, IAM identifiers.
func sessionRole(id string) string {
	lower := strings.ToLower(id)
	if before, after, ok := strings.Cut(lower, ":assumed-role/"); ok {
		partition, account, isSTS := strings.Cut(before, ":sts::")
		role, _, _ := strings.Cut(after, "/")
		if !isSTS || role == "" {
			return ""
		}
		return partition + ":iam::" + account + ":role/" + role
	}
	if role, session, ok := strings.Cut(lower, ":"); ok && session != "" && isUniqueID(role, "aroa") {
		return role
	}
	return ""
}

// isRole reports whether id, which has small letters, is that of a role.
func isRole(id string) bool {
	return strings.HasPrefix(id, "arn:") && strings.Contains(id, ":iam::") && strings.Contains(id, ":role/") ||
		isUniqueID(id, "aroa")
}

// instanceID returns the identifier of an EC2 instance that id ends with, "" if none.
func instanceID(id string) string {
	id = strings.ToLower(id[strings.LastIndexAny(id, "/:")+1:])
	rest, ok := strings.CutPrefix(id, "i-")
	if !ok || len(rest) != 8 && len(rest) != 17 || strings.Trim(rest, "0123456789abcdef") != "" {
		return ""
	}
	return id
}

// isUniqueID reports whether id, which has small letters, is a unique identifier of IAM with one of the prefixes.
// Source: AWS, IAM identifiers.
func isUniqueID(id string, prefixes ...string) bool {
	if len(id) < 16 || len(id) > 128 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return false
	}
	for _, p := range prefixes {
		if strings.HasPrefix(id, p) {
			return true
		}
	}
	return false
}

// judgeResource says what the identifier of a cloud resource, in small letters, is worth.
func judgeResource(id string) (Strength, string) {
	if strings.HasPrefix(id, "arn:") {
		return judgeARN(id)
	}
	switch {
	case isUniqueID(id, "akia", "asia", "aida"), instanceID(id) == id && id != "":
		return Linking, ""
	case isUniqueID(id, "aroa", "agpa", "aipa", "anpa", "anva"):
		return Weaker, "a role, a group or a policy, which many use"
	case strings.HasPrefix(id, "/subscriptions/") || strings.HasPrefix(id, "subscriptions/"):
		segments := strings.Split(strings.Trim(id, "/"), "/")
		switch {
		case len(segments) <= 2:
			return NotLinking, "a subscription"
		case len(segments) <= 4 && segments[2] == "resourcegroups":
			return NotLinking, "a resource group"
		}
	case strings.HasPrefix(id, "/providers/microsoft.management/"), strings.HasPrefix(id, "/tenants/"):
		return NotLinking, "a management group"
	}
	for _, whole := range [...]string{"projects/", "organizations/", "folders/"} {
		at := strings.Index(id, whole)
		if at >= 0 && (at == 0 || strings.HasPrefix(id, "//")) && strings.Count(id[at:], "/") == 1 {
			return NotLinking, "a project, a folder or an organisation"
		}
	}
	switch {
	case isNumber(id):
		return NotLinking, "an account"
	case strings.HasSuffix(id, ".amazonaws.com") && !strings.ContainsAny(id, "/:"):
		return NotLinking, "a service of the cloud"
	case isWhole(id):
		return Supporting, wholeCluster
	}
	return Linking, ""
}

// judgeARN is judgeResource for Amazon resource names. Sources: AWS, IAM identifiers; CloudTrail, user identity.
func judgeARN(arn string) (Strength, string) {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) < 6 || fields[5] == "" {
		return Weaker, "not a whole resource name"
	}
	switch service, resource := fields[2], fields[5]; {
	case service == "organizations":
		return NotLinking, "an organisation or an account of it"
	case service == "account":
		return NotLinking, "an account"
	case service == "eks" && strings.HasPrefix(resource, "cluster/") && strings.Count(resource, "/") == 1,
		service == "guardduty" && strings.HasPrefix(resource, "detector/") &&
			strings.Count(resource, "/") == 1,
		service == "securityhub" && strings.HasPrefix(resource, "hub/"):
		return Supporting, wholeCluster
	case service != "iam" && service != "sts":
		return Linking, ""
	case resource == "root":
		return Weaker, "the root of an account"
	case strings.HasPrefix(resource, "role/aws-service-role/"), strings.Contains(resource, "/awsservicerolefor"):
		return NotLinking, "a role of a cloud service"
	case strings.HasPrefix(resource, "policy/aws"), fields[4] == "aws":
		return NotLinking, "a policy of the cloud provider"
	case hasPrefix(resource, "role/", "instance-profile/", "group/", "policy/"):
		return Weaker, "a role, a group or a policy, which many use"
	}
	return Linking, ""
}

// firstPartyApps are applications of Microsoft, which have one identifier in all tenants. Source: Microsoft,
// first-party application identifiers; MISP warninglists, microsoft-azure-appid.
var firstPartyApps = sync.OnceValue(func() map[string]bool {
	return set(
		"00000002-0000-0000-c000-000000000000", "00000003-0000-0000-c000-000000000000",
		"0000000f-0000-0000-c000-000000000000", "00000013-0000-0000-c000-000000000000",
		"00000014-0000-0000-c000-000000000000", "00000001-0000-0000-c000-000000000000",
		"00000002-0000-0ff1-ce00-000000000000", "00000003-0000-0ff1-ce00-000000000000",
		"00000004-0000-0ff1-ce00-000000000000", "00000006-0000-0ff1-ce00-000000000000",
		"00000007-0000-0000-c000-000000000000", "00000009-0000-0000-c000-000000000000",
		"0000000c-0000-0000-c000-000000000000", "00000012-0000-0000-c000-000000000000",
		"04b07795-8ddb-461a-bbee-02f9e1bf7b46", "1950a258-227b-4e31-a9cf-717495945fc2",
		"1b730954-1685-4b74-9bfd-dac224a7b894", "14d82eec-204b-4c2f-b7e8-296a70dab67e",
		"1fec8e78-bce4-4aaf-ab1b-5451cc387264", "29d9ed98-a469-4536-ade2-f981bc1d605e",
		"4765445b-32c6-49b0-83e6-1d93765276ca", "4345a7b9-9a63-4910-a426-35363201d503",
		"797f4846-ba00-4fd7-ba43-dac1f8f63013", "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
		"d3590ed6-52b3-4102-aeff-aad2292ab01c", "de8bc8b5-d9f9-48b1-a8ad-b748da725064",
		"872cd9fa-d31f-45e0-9eab-6e460a02d1f1", "ab9b8c07-8f02-4f72-87fa-80105867a763",
		"27922004-5251-4030-b22d-91ecd9a37ea4", // Outlook Mobile
		"0000000a-0000-0000-c000-000000000000", // Intune
		"9ba1a5c7-f17a-4de9-a1f1-6178c8d51223", // Intune Company Portal
		"5e3ce6c0-2b1f-4285-8d4b-75ee78787346", // Teams on the web
		"4813382a-8fa7-425e-ab75-3b753aab3abb", // Authenticator
		"01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9", // Device Registration Service
	)
})
