package alert

import (
	"encoding/json"
	"strings"
	"sync"
)

// kubernetesPod is the kind of a pod in Microsoft Graph.
const kubernetesPod = "kubernetesPod"

// identityMembers are the members of an [Other]'s Fields that declare its identity alone, the strongest first.
var identityMembers = []string{"uid", "resourceId", "arn", "objectId", "containerId", "digest", "guid", "uuid", "id"}

// A declaration is the identity that an [Other] declares in its Fields.
type declaration struct {
	id        string // one of identityMembers
	cluster   string
	namespace string
	name      string
	device    string
}

// declared adds the keys of the identity that o declares: of one of the members uid, resourceId, arn,
// objectId, containerId, digest, guid, uuid and id, whatever the case of their letters, and else of name and
// namespace, and of the cluster if it is named. An identifier of digits alone is none, since it is another
// thing's elsewhere. Members may be objects that have a name or an identifier, as in Microsoft Graph.
//
// It returns the device that o names: the one with the member deviceId, and of a node of Kubernetes the host.
func (r *keyring) declared(o Other) (device Device) {
	if r.one && len(r.places) > 0 {
		return Device{}
	}
	d := declares(o)
	kind := escaped(string(o.Type))
	cluster, namespace := escaped(d.cluster), escaped(d.namespace)
	if d.id != "" {
		r.open("entity")
		r.lower(kind, "|", escaped(d.id))
		r.close()
	}
	isNode := strings.EqualFold(string(o.Type), "kubernetesNode")
	if (d.namespace != "" || isNode) && d.name != "" {
		r.open("entity")
		r.lower(kind, "|", cluster, "|", namespace, "|", escaped(d.name))
		r.close()
	}
	if isNode {
		device.HostName = d.name
	}
	if !isNumber(d.device) {
		device.DeviceID = d.device
	}
	if work := workload(d.name); work != "" && d.cluster != "" && d.namespace != "" &&
		strings.EqualFold(string(o.Type), kubernetesPod) {
		r.open("entity")
		r.lower("kubernetesWorkload|", cluster, "|", namespace, "|", escaped(work))
		r.close()
	}
	return device
}

func declares(o Other) (d declaration) {
	members := foldedMembers(o.Fields)
	if len(members) == 0 {
		return d
	}
	for _, name := range identityMembers {
		d.id = identifier(textOf(members[strings.ToLower(name)]))
		if name == "containerId" || strings.EqualFold(string(o.Type), "container") {
			d.id = containerID(d.id)
		}
		if d.id != "" && !isNumber(d.id) {
			break
		}
		d.id = ""
	}
	d.name = identifier(textOf(members["name"]))
	d.device = identifier(textOf(members["deviceid"]))
	namespace := members["namespace"]
	d.namespace = identifier(nameOf(namespace))
	inside := membersOf(namespace)
	for _, at := range [...]json.RawMessage{
		members["cluster"], inside["cluster"], members["clusterid"], members["clusterarn"], members["clustername"],
	} {
		if d.cluster == "" {
			d.cluster = resourceID(clusterOf(at))
		}
	}
	if strings.EqualFold(string(o.Type), "kubernetesNamespace") && d.namespace == "" {
		d.namespace = d.name
	}
	return d
}

// clusterOf returns the identifier of a cluster, or its name if it has none.
func clusterOf(member json.RawMessage) string {
	cluster := membersOf(member)
	resource := membersOf(cluster["cloudresource"])
	return firstOf("", textOf(resource["resourceid"]), textOf(resource["id"]), textOf(resource["fullresourcename"]),
		textOf(resource["amazonresourceid"]), textOf(cluster["id"]), nameOf(member))
}

// containerID returns the identifier of a container without the runtime that some write before it, and of its
// 64 digits the first 12, which are what tools show.
func containerID(id string) string {
	if runtime, rest, ok := strings.Cut(id, "://"); ok && hasPrefix(runtime, "docker", "containerd", "cri-o") {
		id = rest
	}
	if len(id) == 64 && strings.Trim(strings.ToLower(id), "0123456789abcdef") == "" {
		return id[:12]
	}
	return id
}

// generatedName has the letters of the ends that Kubernetes gives to names.
const generatedName = "bcdfghjklmnpqrstvwxz2456789"

// workload returns the name of what runs a pod, "" if the name of the pod does not tell: a pod of a
// Deployment has the hash of its template and five letters behind it, one of another controller five letters,
// and one of a StatefulSet a number.
func workload(pod string) string {
	at := strings.LastIndexByte(pod, '-')
	if at <= 0 {
		return ""
	}
	name, end := pod[:at], pod[at+1:]
	switch {
	case isNumber(end):
		return name
	case len(end) != 5 || strings.Trim(end, generatedName) != "":
		return ""
	}
	if at := strings.LastIndexByte(name, '-'); at > 0 {
		if hash := name[at+1:]; len(hash) >= 8 && len(hash) <= 10 && strings.Trim(hash, generatedName+"013") == "" {
			return name[:at]
		}
	}
	return name
}

func textOf(member json.RawMessage) string {
	var text string
	if len(member) == 0 || json.Unmarshal(member, &text) != nil {
		return ""
	}
	return text
}

// nameOf returns a text, or the name of an object.
func nameOf(member json.RawMessage) string {
	return firstOf("", textOf(member), textOf(membersOf(member)["name"]))
}

func membersOf(member json.RawMessage) map[string]json.RawMessage {
	if len(member) == 0 || member[0] != '{' {
		return nil
	}
	return foldedMembers(Fields(member))
}

// foldedMembers returns the members by their names in small letters. Of two names that fold equal the first
// in order of bytes counts.
func foldedMembers(f Fields) map[string]json.RawMessage {
	members := f.Members()
	folded := make(map[string]json.RawMessage, len(members))
	first := make(map[string]string, len(members))
	for name, value := range members {
		at := strings.ToLower(name)
		if was, ok := first[at]; !ok || name < was {
			folded[at], first[at] = value, name
		}
	}
	return folded
}

// systemNamespaces are in every cluster of Kubernetes.
var systemNamespaces = sync.OnceValue(func() map[string]bool {
	return set(
		"default", "kube-system", "kube-public", "kube-node-lease", "gatekeeper-system", "calico-system",
		"tigera-operator", "ingress-nginx", "cert-manager", "istio-system", "openshift-monitoring",
	)
})

// judgeDeclared says what an identity that an [Other] declares is worth. id is what stands behind the kind.
func judgeDeclared(kind, id string) (Strength, string) {
	parts := strings.Split(id, "|")
	kubernetes := strings.HasPrefix(kind, "kubernetes")
	switch {
	case kind == "kubernetescluster":
		return Supporting, wholeCluster
	case strings.Contains(kind, "image"):
		return NotLinking, "an image, which many run"
	case len(parts) == 1 && (kubernetes || strings.HasPrefix(kind, "container")):
		return Linking, ""
	case len(parts) == 1:
		return Weaker, ""
	case kind == "kubernetesworkload":
		return Weaker, "a workload of many pods"
	case kind == "kubernetesnamespace":
		return NotLinking, "a namespace"
	case parts[0] == "" && systemNamespaces()[parts[1]]:
		return NotLinking, "a namespace that is in every cluster"
	case kind == "kubernetesserviceaccount" && systemNamespaces()[parts[1]]:
		return NotLinking, "a well-known account"
	case parts[0] == "":
		return Weaker, "the cluster is not named"
	case kind == "kubernetesserviceaccount":
		return Weaker, "an account that many pods run under"
	case kubernetes:
		return Linking, ""
	}
	return Weaker, ""
}
