package alert_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/alert"
)

func about(entities ...alert.Entity) alert.Alert {
	var a alert.Alert
	for _, e := range entities {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: e})
	}
	return a
}

// shared returns the strongest of what two alerts share, and its key.
func shared(a, b alert.Alert) (alert.Strength, alert.Key) {
	strength, key := alert.NotLinking, alert.Key("")
	for _, x := range a.Identifiers(nil) {
		for _, y := range b.Identifiers(nil) {
			if x.Meets(y) && (key == "" || min(x.Strength, y.Strength) > strength) {
				strength, key = min(x.Strength, y.Strength), x.Key
			}
		}
	}
	return strength, key
}

const (
	hash64 = "aa11bb22cc33dd44ee55ff66aa11bb22cc33dd44ee55ff66aa11bb22cc33dd44"
	hash40 = "aa11bb22cc33dd44ee55ff66aa11bb22cc33dd44"
	hash32 = "aa11bb22cc33dd44ee55ff66aa11bb22"
)

var start = time.Date(2026, 3, 2, 8, 59, 0, 0, time.UTC)

func kubernetes(kind, fields string) alert.Other {
	return alert.Other{Type: alert.Kind(kind), Fields: alert.Fields(fields)}
}

func aws(id string) alert.CloudResource {
	return alert.CloudResource{Provider: alert.KindAmazonResource, ID: id}
}

// Two alerts that name one thing in two ways share it, with the strength that it has there.
func TestNamesMeet(t *testing.T) {
	device := func(name string) alert.Device { return alert.Device{HostName: name} }
	full := alert.Device{DNSName: "ws-01.corp.example"}
	kai := alert.User{UPN: "kai@corp.example"}
	netbios := alert.User{Domain: "CORP", Account: "kai"}
	process := alert.Process{DeviceID: "d-1", PID: 41, Started: start}
	for _, c := range []struct {
		a, b alert.Entity
		want alert.Strength
	}{
		{full, device("ws-01"), alert.Linking},
		{alert.Device{DNSName: "WS-01.corp.example", HostName: "ws-01"}, device("WS-01"), alert.Linking},
		{alert.Device{DNSName: "WS-01.corp.example.", HostName: "other"}, device("OTHER"), alert.Linking},
		{device(`\\WS-01`), full, alert.Linking}, {device(`CORP\WS-01$`), full, alert.Linking},
		{device(" 'ws-01' "), full, alert.Linking},
		{device("host/ws-01.corp.example@CORP.EXAMPLE"), full, alert.Linking},
		{device("ws-01[.]corp.example"), device("ws-01"), alert.Linking},
		{device("bücher.example"), device("xn--bcher-kva.example"), alert.Linking},
		{device("verylongmachinename.corp.example"), device("VERYLONGMACHINE"), alert.Weaker},
		{device("verylongmachinename"), device("VERYLONGMACHINE"), alert.Weaker},
		{alert.Device{DeviceID: "{D-1}"}, alert.Device{DeviceID: "d-1", DNSName: "x.example"}, alert.Linking},
		{alert.User{Domain: "CORP", Account: "WS-01$"}, device("ws-01"), alert.Linking},
		{alert.User{Domain: "WORKGROUP", Account: "WS-01$", SID: "S-1-5-18"}, full, alert.Linking},
		{alert.User{UPN: "host/ws-01.corp.example@CORP.EXAMPLE"}, full, alert.Linking},

		{netbios, alert.User{Domain: "corp.example", Account: "kai"}, alert.Linking},
		{netbios, kai, alert.Linking}, {netbios, alert.User{Account: `CORP\kai`}, alert.Linking},
		{netbios, alert.User{UPN: `corp\KAI`}, alert.Linking},
		{alert.User{Domain: "CORP.EXAMPLE", Account: "kai"}, kai, alert.Linking},
		{alert.User{Account: "kai@CORP.EXAMPLE"}, kai, alert.Linking},
		{alert.User{Domain: "AzureAD", Account: "kai@corp.example"}, kai, alert.Linking},
		{alert.User{UPN: "kai_corp.example#EXT#@tenant.onmicrosoft.com"}, kai, alert.Weaker},
		{alert.User{UPN: "live.com#kai@corp.example"}, kai, alert.Weaker},
		{alert.User{Account: "kai.lang"}, alert.User{Account: "Kai.Lang"}, alert.Weaker},
		{
			alert.User{SID: "S-1-5-21-1-2-3-1104", Account: "kai", Domain: "CORP"},
			alert.User{SID: "s-1-5-21-1-2-3-1104"}, alert.Linking,
		},
		{alert.User{SID: "S-1-5-21-1-2-3-500"}, alert.User{SID: "S-1-5-21-1-2-3-500"}, alert.Weaker},
		{alert.User{SID: "S-1-12-1-3735928559-305419896-67305985-134678021"},
			alert.User{DirectoryID: "deadbeef-5678-1234-0102-030405060708"}, alert.Linking},
		{alert.Mailbox{Address: "kai@corp.example"}, kai, alert.Linking},
		{
			alert.Mailbox{Address: "Kai <KAI@corp.example>"}, alert.Mailbox{Address: "kai@corp.example."},
			alert.Linking,
		},
		{alert.Mailbox{Address: "kai@corp.example"}, netbios, alert.Linking},
		{alert.Message{NetworkMessageID: "m1", Recipient: "kai@corp.example"}, kai, alert.Linking},
		{
			alert.Message{NetworkMessageID: "m1", Recipient: "kai@corp.example"},
			alert.Message{NetworkMessageID: "M1", Recipient: "lee@corp.example"}, alert.Weaker,
		},
		{alert.Message{InternetMessageID: "<1@evil.example>", Recipient: "kai@corp.example"},
			alert.Message{InternetMessageID: "1@evil.example", NetworkMessageID: "m1",
				Recipient: "kai@corp.example"}, alert.Linking},
		{
			alert.Message{NetworkMessageID: "m1", EnvelopeSender: "x@evil.example"},
			alert.Message{NetworkMessageID: "m2", Sender: "X@evil.example"}, alert.Weaker,
		},
		{
			alert.Message{NetworkMessageID: "m1", SenderIP: "203.0.113.7"}, alert.IP{Address: "203.0.113.7"},
			alert.Weaker,
		},

		{
			alert.File{FileName: "a.exe", SHA256: strings.ToUpper(hash64) + " "},
			alert.File{FileName: "b.exe", SHA256: hash64}, alert.Weaker,
		},
		{
			alert.File{SHA1: hash40}, alert.Process{PID: 5, Started: start, Image: alert.File{SHA1: hash40}},
			alert.Weaker,
		},
		{
			alert.File{MD5: hash32},
			alert.Process{PID: 5, Started: start, ParentImage: alert.File{MD5: hash32}}, alert.Weaker,
		},
		{
			alert.File{DeviceID: "d-1", Path: `C:\T`, FileName: "x.exe"},
			alert.File{DeviceID: "D-1", Path: `\\?\c:/t/X.EXE`, FileName: "x.exe"}, alert.Linking,
		},
		{process, process, alert.Linking}, {process, alert.Device{DeviceID: "d-1"}, alert.Linking},
		{
			process, alert.Process{DeviceID: "d-1", PID: 42, Started: start.Add(1), ParentPID: 41,
				ParentStarted: start}, alert.Linking,
		},
		{
			alert.Process{PID: 41, Started: start},
			alert.Process{PID: 42, Started: start.Add(1), ParentPID: 41, ParentStarted: start}, alert.Weaker,
		},
		{alert.Process{PID: 41, Started: start, User: netbios}, netbios, alert.Linking},
		{
			alert.Registry{DeviceID: "d-1", Hive: "HKLM", Key: `SOFTWARE\Run`},
			alert.Registry{DeviceID: "d-1", Hive: "HKEY_LOCAL_MACHINE", Key: `SOFTWARE\Run`}, alert.Linking,
		},

		{alert.IP{Address: "203.0.113.7"}, alert.IP{Address: "::ffff:203.0.113.7"}, alert.Weaker},
		{alert.Device{HostName: "ws-01", LastIP: "10.1.2.3"}, alert.IP{Address: "10.1.2.3"}, alert.Weaker},
		{alert.Device{HostName: "10.1.2.3"}, alert.IP{Address: "10.1.2.3"}, alert.Weaker},
		{alert.IP{Address: "WS-01 (203.0.113.7)"}, device("ws-01"), alert.Weaker},
		{alert.IP{Address: "203.0.113.7, dc-01 (203.0.113.8)"}, device("dc-01"), alert.Weaker},
		{alert.Message{NetworkMessageID: "m1", SenderIP: "dc-01 (203.0.113.8)"}, device("dc-01"),
			alert.Weaker},
		{alert.IP{Address: `["203.0.113.7","203.0.113.8"]`}, alert.IP{Address: "203.0.113.8"}, alert.Weaker},

		{alert.User{UPN: "WS-01$@CORP.EXAMPLE"}, full, alert.Linking},
		{alert.User{UPN: "WS-01$@CORP.EXAMPLE"}, device("ws-01"), alert.Linking},
		{alert.User{Account: "WS-01$@CORP.EXAMPLE"}, full, alert.Linking},
		{alert.User{UPN: "WS-01$@CORP.EXAMPLE"}, alert.User{Domain: "CORP", Account: "WS-01$"},
			alert.Linking},
		{alert.User{Domain: "corp.example", Account: "WS-01$"}, full, alert.Linking},
		{alert.Device{LastIP: "10.1.0.5"}, alert.Device{LastIP: "10.1.0.5"}, alert.Weaker},
		{alert.Device{LastIP: "10.1.0.5"}, alert.Device{HostName: "ws-1", LastIP: "10.1.0.5"}, alert.Weaker},
		{device("10.1.2.3"), device("10.1.2.3"), alert.Weaker},
		{device("10.1.2.3"), alert.Device{LastIP: "10.1.2.3"}, alert.Weaker},
		{alert.Device{HostName: "unknown", LastIP: "10.1.2.3"}, alert.IP{Address: "10.1.2.3"}, alert.Weaker},
		{alert.Device{LastIP: "10.1.2.3, fe80::1"}, alert.Device{LastIP: "10.1.2.3"}, alert.Weaker},
		{alert.Device{DeviceID: "i-0abcdef1234567890"},
			aws("arn:aws:ec2:eu-west-1:111122223333:instance/i-0abcdef1234567890"), alert.Linking},
		{device("i-0abcdef1234567890"), aws("i-0abcdef1234567890"), alert.Linking},
		{alert.CloudResource{ID: "/subscriptions/s/resourceGroups/g/providers/" +
			"Microsoft.Compute/virtualMachines/ws-01"},
			full, alert.Weaker},
		{alert.CloudResource{ID: "/subscriptions/s/resourceGroups/g/providers/p/t/n"},
			alert.CloudResource{ID: "subscriptions/s/resourceGroups/g/providers/p/t/n"}, alert.Linking},
		{alert.Process{Image: alert.File{DeviceID: "d-1"}}, alert.Device{DeviceID: "d-1"}, alert.Linking},
		{kubernetes("ioTDevice", `{"deviceId":"d-1"}`), kubernetes("ioTDevice", `{"deviceId":"D-1"}`),
			alert.Weaker},
		{kubernetes("ioTDevice", `{"deviceId":"d-1"}`), alert.Device{DeviceID: "d-1"}, alert.Weaker},
		{kubernetes("kubernetesNode", `{"name":"ws-01"}`), kubernetes("kubernetesNode", `{"name":"WS-01"}`),
			alert.Weaker},
		{kubernetes("kubernetesNode", `{"name":"ws-01"}`), device("ws-01"), alert.Weaker},
		{kubernetes("kubernetesNode", `{"name":"ws-01","cluster":"a"}`),
			kubernetes("kubernetesNode", `{"name":"ws-01","cluster":"A"}`), alert.Linking},

		{alert.User{UPN: "kai_corp.example#EXT#@tenant.onmicrosoft.com"},
			alert.User{UPN: "kai_corp.example#ext#@tenant.onmicrosoft.com"}, alert.Linking},
		{alert.User{UPN: "S-1-5-21-1-2-3-1104"}, alert.User{SID: "S-1-5-21-1-2-3-1104"}, alert.Linking},
		{netbios, alert.User{UPN: `CORP\kai`, Account: "Kai"}, alert.Linking},
		{alert.User{Account: "S-1-5-21-1-2-3-1104"}, alert.User{SID: "S-1-5-21-1-2-3-1104"}, alert.Linking},
		{alert.User{Account: "%{S-1-5-21-1-2-3-1104}"}, alert.User{SID: "%{S-1-5-21-1-2-3-1104}"},
			alert.Linking},
		{netbios, alert.User{Account: `CORP\\kai`}, alert.Linking},
		{netbios, alert.User{Account: "CORP/kai"}, alert.Linking},
		{alert.User{Domain: "CORP", Account: "mu\u0308ller"}, alert.User{Account: `CORP\MÜLLER`},
			alert.Linking},
		{alert.User{UPN: "mu\u0308ller@corp.example"}, alert.User{UPN: "müller@corp.example"}, alert.Linking},
		{alert.User{UPN: `AzureAD\kai@corp.example`}, kai, alert.Linking},
		{alert.Message{Sender: "kai@corp.example"}, kai, alert.Weaker},
		{alert.Message{Sender: "kai@corp.example"}, alert.Message{Sender: "kai@corp.example"}, alert.Weaker},
		{alert.IP{Address: "203.0.113.7, 203.0.113.8"}, alert.IP{Address: "203.0.113.8"}, alert.Weaker},
		{alert.URL{URL: "http://203.0.113.7/x"}, alert.IP{Address: "203.0.113.7"}, alert.Weaker},
		{alert.URL{URL: "https://evil.example/a"}, alert.URL{URL: "https://evil.example/b"}, alert.Weaker},
		{alert.URL{URL: "https://evil.example/a"}, alert.URL{URL: "evil[.]example"}, alert.Weaker},
		{alert.URL{URL: "https://urldefense.evil.test/v3/__https://good.example/__;"},
			alert.URL{URL: "https://urldefense.evil.test/"}, alert.Weaker},
		{alert.URL{URL: "https://evil.github.io"}, alert.URL{URL: "evil.github.io/"}, alert.Weaker},

		{
			aws("arn:aws:sts::111122223333:assumed-role/deploy/kai"),
			aws("arn:aws:iam::111122223333:role/deploy"), alert.Weaker,
		},
		{
			aws("arn:aws:sts::111122223333:assumed-role/deploy/kai"),
			aws("arn:aws:sts::111122223333:assumed-role/Deploy/KAI"), alert.Linking,
		},
		{aws("AROAEXAMPLEEXAMPLE01:kai"), aws("AROAEXAMPLEEXAMPLE01"), alert.Weaker},
		{aws("AKIAIOSFODNN7EXAMPLE"), aws("akiaiosfodnn7example"), alert.Linking},
		{
			aws("arn:aws:ec2:eu-west-1:111122223333:instance/i-0abcdef1234567890"),
			aws("i-0abcdef1234567890"), alert.Linking,
		},
		{
			alert.CloudResource{ID: "/subscriptions/s/resourceGroups/g/providers/p/t/n/"},
			alert.CloudResource{ID: "/SUBSCRIPTIONS/S/resourcegroups/G/providers/P/T/N"}, alert.Linking,
		},
		{alert.CloudResource{Provider: alert.KindGoogleCloudResource,
			ID: "//compute.googleapis.com/projects/p/zones/z/instances/n"},
			alert.CloudResource{Provider: alert.KindGoogleCloudResource, ID: "projects/p/zones/z/instances/n"},
			alert.Linking},
		{alert.OAuthApp{AppID: "a-1", ObjectID: "o-1"}, alert.OAuthApp{ObjectID: "O-1"}, alert.Linking},
		{alert.OAuthApp{AppID: "a-1"}, alert.OAuthApp{AppID: "A-1"}, alert.Weaker},
		{
			alert.MailCluster{By: "Subject", Value: "pay now"},
			alert.MailCluster{By: "subject", Value: "Pay now"}, alert.Weaker,
		},

		{kubernetes("kubernetesPod", `{"name":"web-5","namespace":{"name":"shop","cluster":{"name":"blue"}}}`),
			kubernetes("kubernetesPod", `{"Name":"web-5","namespace":"shop","clusterName":"Blue"}`),
			alert.Linking},
		{
			kubernetes("kubernetesPod", `{"name":"web-5","namespace":"shop"}`),
			kubernetes("kubernetesPod", `{"name":"web-5","namespace":"shop","labels":{}}`), alert.Weaker,
		},
		{
			kubernetes("kubernetesPod", `{"uid":"u-1","name":"web-5"}`),
			kubernetes("kubernetesPod", `{"uid":"U-1"}`), alert.Linking,
		},
		{
			kubernetes("container", `{"containerId":"docker://abc1"}`),
			kubernetes("container", `{"containerId":"abc1"}`), alert.Linking,
		},
		{
			kubernetes("container", `{"id":"containerd://`+hash64+`"}`),
			kubernetes("container", `{"containerId":"`+hash64[:12]+`"}`), alert.Linking,
		},
		{kubernetes("kubernetesPod", `{"name":"web-5d9c7b6f4-x2x9z","namespace":"shop","cluster":"a"}`),
			kubernetes("kubernetesPod", `{"name":"web-7f8d9c6b54-bc2zq","namespace":"shop","cluster":"a"}`),
			alert.Weaker},
		{
			kubernetes("kubernetesPod", `{"name":"db-0","namespace":"shop","cluster":"a"}`),
			kubernetes("kubernetesPod", `{"name":"db-1","namespace":"shop","cluster":"a"}`), alert.Weaker,
		},
		{alert.URL{URL: "https://bit.ly/x"}, alert.URL{URL: "https://bit.ly/x"}, alert.Weaker},
		{kubernetes("ioTDevice", `{"id":"d-1"}`), kubernetes("ioTDevice", `{"id":"D-1","x":1}`), alert.Weaker},
	} {
		a, b := about(c.a), about(c.b)
		strength, key := shared(a, b)
		assert.Equal(t, c.want, strength, "%+v and %+v share %q", c.a, c.b, key)
		assert.NotEmpty(t, key, "%+v and %+v", c.a, c.b)
		back, _ := shared(b, a)
		assert.Equal(t, strength, back, "%+v and %+v, the other way round", c.a, c.b)
		assert.True(
			t,
			slices.ContainsFunc(alert.Keys(c.a),
				func(k alert.Key) bool { return slices.Contains(alert.Keys(c.b), k) }) ||
				key.Namespace() == "device-ip" || key.Namespace() == "netbios-host" ||
				strings.HasPrefix(string(key), "upn:"),
			"no key in common: %v and %v",
			alert.Keys(c.a),
			alert.Keys(c.b),
		)
	}
}

// Two things that are not the same share nothing that could link them.
func TestNamesThatDoNotMeet(t *testing.T) {
	ws := func(n int) alert.Device { return alert.Device{HostName: fmt.Sprintf("ws-%02d", n)} }
	user := func(domain, account string) alert.User { return alert.User{Domain: domain, Account: account} }
	for _, pair := range [][2]alert.Entity{
		{alert.Device{DNSName: "ws-01.corp.example"}, alert.Device{DNSName: "ws-01.other.example"}},
		{
			alert.Device{DNSName: "ws-01.corp.example", HostName: "ws-01"},
			alert.Device{DNSName: "ws-01.other.example", HostName: "WS-01"},
		},
		{alert.Device{HostName: "verylongmachine-1"}, alert.Device{HostName: "verylongmachine-2"}},
		{alert.User{UPN: "kai@corp.example"}, alert.User{UPN: "kai@corp.other"}},
		{user("corp.example", "kai"), user("corp.other", "kai")}, {user("CORP", "kai"), user("", "kai")},
		{user("CORP", "kai"), user("LAB", "kai")},
		{alert.User{Domain: "CORP", Account: "\u212aai"}, user("CORP", "kai")},
		{alert.User{UPN: "WS-01$@CORP.EXAMPLE"}, alert.Device{DNSName: "ws-01.other.example"}},
		{alert.Device{HostName: "a", LastIP: "203.0.113.7"},
			alert.Device{HostName: "b", LastIP: "203.0.113.7"}},
		{alert.URL{URL: "https://urldefense.evil.test/v3/__https://good.example/__;"},
			alert.URL{URL: "https://good.example/"}},
		{kubernetes("kubernetesPod", `{"id":"prod|shop|web-1"}`),
			kubernetes("kubernetesPod", `{"name":"web-1","namespace":"shop","cluster":"prod"}`)},
		{kubernetes("kubernetesPod", `{"name":"shop|web-1","namespace":"a","cluster":"prod"}`),
			kubernetes("kubernetesPod", `{"name":"web-1","namespace":"a|shop","cluster":"prod"}`)},
		{alert.Message{NetworkMessageID: "m|kai@corp.example"},
			alert.Message{NetworkMessageID: "m", Recipient: "kai@corp.example|"}},
		{alert.MailCluster{By: "a|b", Value: "c"}, alert.MailCluster{By: "a", Value: "b|c"}},
		{user("AzureAD", "KaiLang"), alert.User{UPN: "kailang@azuread.example"}},
		{alert.User{DisplayName: "Kai Lang"}, alert.User{DisplayName: "Kai Lang", SID: "S-1-0-0"}},
		{alert.Mailbox{Address: "kai@corp.example"}, alert.Mailbox{Address: "kai+tag@corp.example"}},
		{alert.URL{URL: "https://evil.example/"}, alert.URL{URL: "https://www.evil.example/"}},
		{alert.URL{URL: "https://bit.ly/x"}, alert.URL{URL: "https://bit.ly/y"}},
		{alert.URL{URL: "https://a.s3.amazonaws.com/x"}, alert.URL{URL: "https://a.s3.amazonaws.com/y"}},
		{alert.Device{HostName: "a", LastIP: "10.1.2.3"}, alert.Device{HostName: "b", LastIP: "10.1.2.3"}},
		{alert.IP{Address: "10.1.2.3"}, alert.IP{Address: "10.1.2.3"}},
		{
			alert.Process{PID: 4, Started: start, DeviceID: "d-1"},
			alert.Process{PID: 4, Started: start, DeviceID: "d-2"},
		},
		{alert.Registry{Hive: "HKLM", Key: "Run"}, alert.Registry{Hive: "HKLM", Key: "Run"}},
		{alert.File{Path: `C:\T`, FileName: "x.exe"}, alert.File{Path: `C:\T`, FileName: "x.exe"}},
		{
			kubernetes("kubernetesPod", `{"name":"dns","namespace":"kube-system"}`),
			kubernetes("kubernetesPod", `{"name":"dns","namespace":"kube-system"}`),
		},
		{
			kubernetes("kubernetesPod", `{"name":"web","namespace":"shop","cluster":"a"}`),
			kubernetes("kubernetesPod", `{"name":"web","namespace":"shop","cluster":"b"}`),
		},
		{kubernetes("brandNew", `{"id":"unknown"}`), kubernetes("brandNew", `{"id":"UNKNOWN"}`)},
		{kubernetes("brandNew", `{"id":"7"}`), kubernetes("brandNew", `{"id":"7"}`)},
		{kubernetes("brandNew", `{"name":"x"}`), kubernetes("otherKind", `{"name":"x"}`)},
	} {
		strength, key := shared(about(pair[0]), about(pair[1]))
		assert.Equal(t, alert.NotLinking, strength, "%+v and %+v share %q", pair[0], pair[1], key)
	}
	// Two pages of a site that many use.
	for host := range strings.FieldsSeq(`secure-web.cisco.com linkprotect.cudasvc.com protect-eu.mimecast.com
		ct.sendgrid.net cdn.jsdelivr.net files.catbox.moe temp.sh a.backblazeb2.com a.supabase.co a.fly.dev
		a.webflow.io a.translate.goog a.azurecr.io public.ecr.aws registry.k8s.io ifconfig.io huggingface.co
		archive.ph steamcommunity.com yandex.ru www.tiktok.com www.amazon.com openai.com`) {
		strength, key := shared(about(alert.URL{URL: "https://" + host + "/a"}),
			about(alert.URL{URL: "https://" + host + "/b"}))
		assert.Equal(t, alert.NotLinking, strength, "%s is shared by %q", host, key)
	}
	// On two machines, what is everywhere links nothing.
	for _, e := range append(everywhere(), alert.IP{Address: "8.8.8.8"}) {
		strength, key := shared(about(ws(1), e), about(ws(2), e))
		assert.Equal(t, alert.NotLinking, strength, "%+v is shared by %q", e, key)
		alone, key := shared(about(e), about(e))
		assert.Equal(t, alert.NotLinking, alone, "%+v alone is shared by %q", e, key)
	}
}

// everywhere returns what identifies nothing, though it is no placeholder.
func everywhere() (all []alert.Entity) {
	for sid := range strings.FieldsSeq(`S-1-0 S-1-1-0 S-1-2-0 S-1-2-1 S-1-3-0 S-1-3-4 S-1-5-1 S-1-5-2 S-1-5-4
		S-1-5-6 S-1-5-5-0-9912 S-1-5-7 S-1-5-9 S-1-5-11
		S-1-5-13 S-1-5-14 S-1-5-15 S-1-5-17 S-1-5-18 S-1-5-19 S-1-5-20 S-1-5-21-0-0-0-496 S-1-5-32 S-1-5-32-544
		S-1-5-32-583 S-1-5-33 S-1-5-64-10
		S-1-5-65-1 S-1-5-80-0 S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464
		S-1-5-82-3006700770-424185619-1745488364-794895919-4004696415
		S-1-5-83-0 S-1-5-84-0-0-0-0-0 S-1-5-90-0-1 S-1-5-96-0-2 S-1-5-113 S-1-5-114 S-1-5-1000 S-1-15-2-1
		S-1-15-3-1 S-1-16-12288 S-1-18-1
		s-1-5-21-1-2-3-498 S-1-5-21-1-2-3-501 S-1-5-21-1-2-3-502 S-1-5-21-1-2-3-503 S-1-5-21-1-2-3-504
		S-1-5-21-1-2-3-512 S-1-5-21-1-2-3-519
		S-1-5-21-1-2-3-527 S-1-5-21-1-2-3-553 S-1-5-21-1-2-3-572`) {
		all = append(all, alert.User{SID: sid})
	}
	for _, account := range []string{
		`NT AUTHORITY\SYSTEM`, `NT-AUTORITÄT\SYSTEM`, `AUTORITE NT\Système`, `autorite nt\syst?me`,
		`AUTORIDAD NT\SYSTEM`, `AUTORIDADE NT\SISTEMA`,
		`ZARZĄDZANIE NT\SYSTEM`, `NT instans\SYSTEM`, `NT-HALLINTA\Verkkopalvelu`,
		`NT-MYNDIGHET\NETTVERKSTJENESTE`, `NT AUTHORITY\СИСТЕМА`,
		`NT AUTHORITY\LOKALER DIENST`, `NT AUTHORITY\SERVICIO LOC`, `NT AUTHORITY\Serviço de rede`,
		`NT AUTHORITY\USŁUGA SIECIOWA`,
		`X\HÁLÓZATI SZOLGÁLTATÁS`, `X\SERVICE RÉSEAU`, `X\NETZWERKDIENST`, `X\ANONYMOUS LOGON`,
		`X\ANONYMOUS-ANMELDUNG`,
		`BUILTIN\Administrators`, `VORDEFINIERT\Administratoren`, `BUILTIN\Администраторы`,
		`NT SERVICE\MSSQLSERVER`,
		`IIS APPPOOL\DefaultAppPool`, `Window Manager\DWM-1`, `X\DWM-12`, `Font Driver Host\UMFD-0`,
		`NT VIRTUAL MACHINE\0F2A`,
		`WORKGROUP\Administrator`, `WORKGROUP\kai`, `.\Administrator`, `.\kai`,
		`MicrosoftAccount\kai@outlook.example`, `MSHOME\kai`, `localhost\kai`,
		`ws-01\kai`, `X\krbtgt`, `X\Guest`, `X\Gast`, `X\Invité`, `X\DefaultAccount`, `X\WDAGUtilityAccount`,
		`X\HealthMailbox0d1c2b3`, `CORP\CORP$`,
		"root", "admin", "Administrator", "nobody", "www-data", "jenkins", "ec2-user", "_mdnsresponder",
		"1000", "0", "SYSTEM", "LocalSystem",
		`CORP\Domänen-Admins`, `CORP\Domänen-Benutzer`, `CORP\Admins du domaine`, `CORP\Admins. del dominio`,
		`CORP\Администраторы домена`, `CORP\krbtgt_12345`, `127.0.0.1\kai`, `CORP\AZUREADSSOACC$`,
		"S-1-5-18", "DefaultAppPool", "MSSQLSERVER", "IUSR_WEB01", "ASPNET", "krbtgt/CORP",
		"system:anonymous",
		"system:kube-scheduler", "system:masters", "root(uid=0)", "uid=1000", "-2", "系统", "システム", "시스템",
		"JÄRJESTELMÄ", "HELYI SZOLGÁLTATÁS", "Все", "Alla", "Kaikki", "Yönetici", "管理员", "管理者", "Správce",
		"Διαχειριστής", "Gjest", "Gæst", "Vieras", "Misafir", "postfix", "named", "gdm", "systemd-oom",
		"ssm-user",
		"weblogic", "etcd", "k8s", "node", "app", "runner", "gitlab", "www", "wazuh", "ec2.amazonaws.com",
	} {
		if strings.Contains(account, "@") || strings.HasPrefix(account, "ws-01") {
			continue
		}
		domain, name, ok := strings.Cut(account, `\`)
		if !ok {
			domain, name = "", account
		}
		all = append(all, alert.User{Domain: domain, Account: name}, alert.User{Account: account})
	}
	for _, upn := range []string{"service-12@gcp-sa-pubsub.iam.gserviceaccount.com",
		"12@cloudbuild.gserviceaccount.com",
		"HealthMailbox1@corp.example", "SYSTEM@corp.example", "mssqlserver@nt service",
		"DefaultAppPool@IIS APPPOOL",
		"DiscoverySearchMailbox{D919BA05-46A6-415f-80AD-7E09334BB852}@corp.example", "app@sharepoint",
		"root@localhost.localdomain"} {
		all = append(all, alert.User{UPN: upn}, alert.Mailbox{Address: upn})
	}
	for address := range strings.FieldsSeq(`0.0.0.1 127.0.0.1 ::1 169.254.169.254 192.0.0.8 192.88.99.1
		198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::ffff:127.0.0.1
		64:ff9b:1::1 100::1 2001:2::1 2001:20::1 2002:0a01:0203::1 5f00::1 fe80::1%eth0 fec0::1 ff02::1
		64:ff9b::127.0.0.1 2001:0:4136:e378:8000:63bf:f5fe:fdfc
		8.8.8.8 8.8.8.8:53 1.1.1.1 9.9.9.9 2620:fe::fe 2001:4860:4860::8888 208.67.222.222 223.5.5.5 77.88.8.8
		86.54.11.100 216.239.35.0 162.159.200.1 2001:4860:4860::64 149.112.112.9 9.9.9.12 2620:fe::fe:9
		2620:119:35::123 194.242.2.2 45.90.28.0 2a07:a8c0:: 209.244.0.3 84.200.69.80 91.239.100.100 198.41.0.4
		2001:503:ba3e::2:30
		168.63.129.16 100.100.100.200 146.112.61.104 199.36.153.8 192.175.48.1 104.16.1.2 151.101.208.133
		2a04:4e42::1`) {
		all = append(all, alert.IP{Address: address})
	}
	for _, f := range []alert.File{
		{FileName: "cmd.exe", Path: `C:\Windows\System32`, SHA256: hash64},
		{FileName: "CMD.EXE", Path: `\??\c:\windows\SysWOW64\cmd.exe`, SHA256: hash64},
		{FileName: "powershell.exe", Path: `%SystemRoot%\Sysnative\WindowsPowerShell\v1.0`, SHA1: hash40},
		{FileName: "conhost.exe", Path: `\Device\HarddiskVolume3\Windows\System32`, SHA256: hash64},
		{FileName: "explorer.exe", Path: `C:\Windows`, SHA256: hash64},
		{FileName: "rundll32.exe", Signer: "Microsoft Windows", SHA256: hash64},
		{FileName: "any.dll", Path: `C:\Windows\System32`, Signer: "Microsoft Corporation", SHA256: hash64},
		{
			FileName: "winword.exe", Path: `C:\Program Files\Microsoft Office\root\Office16`,
			Signer: "Microsoft Corporation", SHA256: hash64,
		},
		{FileName: `C:\Windows\System32\cmd.exe`, SHA256: hash64},
		{Path: `C:\\Windows\\System32\\cmd.exe`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `%SystemDrive%\Windows\System32`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `\\srv-01\C$\Windows\System32`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `\\srv-01\ADMIN$\System32`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `\Device\HarddiskVolumeShadowCopy12\Windows\System32`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\Windows\System32`,
			SHA256: hash64},
		{
			FileName: "cmd.exe", Path: `\\?\Volume{4c1b02c1-d990-11dc-99ae-806e6f6e6963}\Windows\System32`,
			SHA256: hash64,
		},
		{FileName: "cmd.exe", Path: `C:\Windows\.\System32`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `C:\Temp\..\Windows\System32`, SHA256: hash64},
		{
			FileName: "msedge.exe", Path: `C:\Program Files (x86)\Microsoft\Edge\Application`,
			Signer: "Microsoft Corporation", SHA256: hash64,
		},
		{
			FileName: "iexplore.exe", Path: `C:\Program Files\Internet Explorer`,
			Signer: "Microsoft Corporation",
			SHA256: hash64,
		},
		{FileName: "pwsh.exe", Path: `C:\Program Files\PowerShell\7`, Signer: "Microsoft Corporation",
			SHA256: hash64},
		{
			FileName: "MpCmdRun.exe", Path: `C:\Program Files\Windows Defender`, Signer: "Microsoft Windows",
			SHA256: hash64,
		},
		{FileName: "/usr/bin/bash", SHA256: hash64},
		{FileName: "python3.11", Path: "/usr/bin", SHA256: hash64},
		{FileName: "libc.so.6", Path: "/usr/lib/x86_64-linux-gnu", SHA256: hash64},
		{FileName: "bash", Path: "/usr/bin", SHA256: hash64},
		{FileName: "curl", Path: "/usr/bin/curl", SHA256: hash64},
		{SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{MD5: "44d88612fea8a8f36de82e1278abb02f"}, {SHA256: "ab"},
	} {
		all = append(all, f, alert.Process{PID: 7, Image: f})
	}
	return append(all,
		alert.Device{HostName: "ubuntu"}, alert.Device{HostName: "MacBook-Pro.local"},
		alert.Device{HostName: "raspberrypi"}, alert.Device{HostName: "MacBook Pro"},
		alert.URL{URL: "about:blank"}, alert.URL{URL: "chrome://newtab/"},
		alert.URL{URL: "http://localhost:8080/x"},
		alert.URL{URL: "http://127.0.0.1/x"}, alert.URL{URL: "http://[::1]:81/x"},
		alert.URL{URL: "http://169.254.169.254/latest/meta-data/"},
		alert.URL{URL: "http://metadata.google.internal/x"},
		alert.URL{URL: "https://1.1.1.1/dns-query"}, alert.URL{URL: "https://dns.google/resolve?name=a"},
		alert.URL{URL: "http://www.msftconnecttest.com/connecttest.txt"},
		alert.URL{URL: "https://www.google.com/"},
		alert.App{AppID: 11161, DisplayName: "Mail"}, alert.App{DisplayName: "Mail"},
		alert.OAuthApp{AppID: "00000003-0000-0000-c000-000000000000"},
		alert.CloudResource{ID: "/subscriptions/s"},
		alert.CloudResource{ID: "/subscriptions/s/resourceGroups/g/"}, aws("111122223333"),
		aws("arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
		aws("arn:aws:iam::aws:policy/AdministratorAccess"), aws("ec2.amazonaws.com"),
		aws("arn:aws:organizations::111122223333:organization/o-exampleorgid"),
		aws("arn:aws:organizations::111122223333:account/o-exampleorgid/444455556666"),
		alert.CloudResource{Provider: alert.KindGoogleCloudResource, ID: "organizations/1234"},
		alert.CloudResource{Provider: alert.KindGoogleCloudResource, ID: "folders/1234"},
		alert.CloudResource{Provider: alert.KindGoogleCloudResource,
			ID: "//cloudresourcemanager.googleapis.com/folders/1"},
		alert.OAuthApp{AppID: "27922004-5251-4030-b22d-91ecd9a37ea4"},
		alert.CloudResource{Provider: alert.KindGoogleCloudResource, ID: "projects/p"},
		alert.Message{Sender: "postmaster@corp.example"}, alert.Message{Sender: "No-Reply@corp.example"},
		kubernetes("kubernetesNamespace", `{"name":"shop","cluster":"a"}`),
		kubernetes("containerImage", `{"digest":"sha256:ab"}`),
		kubernetes("kubernetesServiceAccount", `{"name":"coredns","namespace":"kube-system","cluster":"a"}`),
	)
}

// A file that only looks like one of the operating system may link.
func TestFilesThatAreNotTheSystems(t *testing.T) {
	for _, f := range []alert.File{
		{FileName: "cmd.exe", Path: `C:\Users\kai\Downloads`, SHA256: hash64},
		{FileName: "svchost.exe", Path: `C:\Windows\Temp`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `C:\Windows\System32`, Signer: "Evil Ltd", SHA256: hash64},
		{FileName: "evil.exe", Path: `C:\Windows\System32`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `C:\Windows\System32\spool\drivers\color`, SHA256: hash64},
		{FileName: "bash", Path: "/usr/local/bin", SHA256: hash64},
		{FileName: "cmd.exe", Path: `C:\Windows\System32evil`, SHA256: hash64},
		{FileName: "procdump.exe", Path: `C:\T`, Signer: "Microsoft Corporation", SHA256: hash64},
		{SHA256: hash64}, {FileName: "evil.exe", SHA256: hash64},
		{FileName: "bash", Path: "/usr/bin/../../tmp", SHA256: hash64},
		{Path: "/usr/bin/../../tmp/bash", SHA256: hash64},
		{FileName: "cmd.exe", Path: `C:\Windows\System32\..\Temp`, SHA256: hash64},
		{Path: `C:\Windows\System32\..\Temp\cmd.exe`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `C:\Windows \System32`, SHA256: hash64},
		{FileName: "cmd.exe", Path: `\\srv-01\share\Windows\System32`, SHA256: hash64},
		{FileName: "kinsing", Path: "/usr/bin", SHA256: hash64},
		{FileName: "cmd.exe", Path: `C:\Program Files\Evil`, Signer: "Microsoft Corporation", SHA256: hash64},
	} {
		strength, _ := shared(about(f), about(f))
		assert.Equal(t, alert.Weaker, strength, "%+v", f)
	}
	// A name without a folder is what anybody may call a file, and what many alerts about the system's say.
	name := about(alert.File{FileName: "svchost.exe", SHA256: hash64})
	strength, _ := shared(name, about(alert.File{FileName: "evil.exe", SHA256: hash64}))
	assert.Equal(t, alert.Supporting, strength, "a name without a folder")
	bad := about(alert.File{FileName: "cmd.exe", Path: `C:\Windows\System32`, SHA256: hash64})
	bad.Evidence[0].Verdict = alert.Malicious
	strength, _ = shared(bad, bad)
	assert.Equal(t, alert.Weaker, strength, "judged malicious")
	// The same hash, where one piece of evidence tells that it is the system's.
	known := about(
		alert.File{SHA256: hash64},
		alert.Process{
			PID:   7,
			Image: alert.File{FileName: "cmd.exe", Path: `C:\Windows\System32`, SHA256: hash64},
		},
	)
	strength, _ = shared(known, known)
	assert.Equal(t, alert.NotLinking, strength)
}

// strengthOf returns what the identifier with that key is worth on a, and why.
func strengthOf(t *testing.T, a alert.Alert, o *alert.IdentityOptions, key alert.Key) (alert.Strength, string) {
	t.Helper()
	for _, i := range a.Identifiers(o) {
		if i.Key == key {
			return i.Strength, i.Why
		}
	}
	require.Fail(t, "no identifier", "%s in %+v", key, a.Identifiers(o))
	return 0, ""
}

// What an identifier is worth depends on the alert.
func TestStrengthOnAnAlert(t *testing.T) {
	ws := func(n int) alert.Device { return alert.Device{HostName: fmt.Sprintf("ws-%02d", n)} }
	kai := alert.User{Domain: "CORP", Account: "kai"}
	var devices, users []alert.Entity
	for n := range 9 {
		devices = append(devices, ws(n))
		users = append(users, alert.Mailbox{Address: fmt.Sprintf("u%d@corp.example", n)})
	}
	tagged := func(e alert.Evidence, others ...alert.Entity) alert.Alert {
		e.Entity = alert.Device{DeviceID: "d-1", DNSName: "srv.corp.example"}
		a := about(others...)
		a.Evidence = append(a.Evidence, e, alert.Evidence{Entity: alert.Process{DeviceID: "D-1", PID: 7, Started: start}})
		return a
	}
	for name, c := range map[string]struct {
		alert   alert.Alert
		options *alert.IdentityOptions
		key     alert.Key
		want    alert.Strength
		why     string
	}{
		"an account alone": {about(kai), nil, `account:corp\kai`, alert.Linking, ""},
		"an account on a device": {about(ws(1), kai), nil, `account:corp\kai`, alert.Weaker,
			"the alert names a device"},
		"its short form, too": {about(ws(1), kai), nil, `short-account:corp\kai`, alert.Weaker,
			"the alert names a device"},
		"an account of the device": {about(ws(1), alert.User{Domain: "WS-01", Account: "kai"}), nil,
			`account:ws-01\kai`, alert.NotLinking, "an account of one machine"},
		"an account of the device, whose name NetBIOS has cut": {about(
			alert.Device{DNSName: "marketing-laptop-07.corp.example"},
			alert.User{Domain: "MARKETING-LAPTO", Account: "kai"}), nil, `account:marketing-lapto\kai`,
			alert.NotLinking, "an account of one machine"},
		"the SID of one": {about(ws(1), alert.User{Domain: "WS-01", Account: "kai",
			SID: "S-1-5-21-1-2-3-1001"}), nil, "sid:s-1-5-21-1-2-3-1001", alert.NotLinking,
			"an account of one machine"},
		"8 devices": {about(devices[:8]...), nil, "host:ws-03", alert.Linking, ""},
		"9 devices": {about(devices...), nil, "host:ws-03", alert.Weaker,
			"the alert names more than 8 devices"},
		"8 accounts": {about(users[:8]...), nil, "mailbox:u3@corp.example", alert.Linking,
			""},
		"9 accounts": {about(users...), nil, "mailbox:u3@corp.example", alert.Supporting,
			"the alert names more than 8 accounts"},
		"a private address with a device": {about(ws(1), alert.IP{Address: "10.1.2.3"}), nil, "ip:10.1.2.3",
			alert.Supporting, "a private address, which other networks have, too"},
		"that of a device on another alert": {about(ws(1), alert.IP{Address: "10.1.2.3"}), nil, "device-ip:10.1.2.3",
			alert.Weaker, ""},
		"a private address without": {about(alert.IP{Address: "10.1.2.3"}), nil, "ip:10.1.2.3",
			alert.NotLinking, "a private address on an alert without a device"},
		"one that may be a device's": {about(alert.IP{Address: "10.1.2.3"}), nil, "device-ip:10.1.2.3",
			alert.Weaker, ""},
		"a tagged device": {tagged(alert.Evidence{Tags: []string{"Domain controller"}}, kai), nil,
			"host:srv.corp.example", alert.Supporting, "a device that many use: Domain controller"},
		"the same, of a process": {tagged(alert.Evidence{Tags: []string{"Domain controller"}}, kai), nil,
			"device:d-1", alert.Supporting, "a device that many use: Domain controller"},
		"the same, its account": {tagged(alert.Evidence{Tags: []string{"Domain controller"}},
			alert.User{Domain: "CORP", Account: "SRV$"}, ws(1)), nil, `account:corp\srv$`, alert.Supporting,
			"a device that many use: Domain controller"},
		"a tagged device alone": {tagged(alert.Evidence{Tags: []string{"Domain controller"}}), nil,
			"host:srv.corp.example", alert.Linking, ""},
		"a tagged device with its own account": {tagged(alert.Evidence{Tags: []string{"Domain controller"}},
			alert.User{Domain: "CORP", Account: "SRV$"}), nil, "host:srv.corp.example", alert.Linking, ""},
		"a detailed role": {tagged(alert.Evidence{DetailedRoles: []string{"jump-host"}}, ws(1)), nil,
			"short-host:srv", alert.Supporting, "a device that many use: jump-host"},
		"another tag": {tagged(alert.Evidence{Tags: []string{"vip"}}), nil, "device:d-1",
			alert.Linking, ""},
		"a configured device": {tagged(alert.Evidence{}, kai),
			&alert.IdentityOptions{Shared: []alert.Key{"HOST:Srv"}}, "device:d-1", alert.Supporting, "many use it"},
		"a configured device alone": {tagged(alert.Evidence{}),
			&alert.IdentityOptions{Shared: []alert.Key{"host:srv"}}, "device:d-1", alert.Linking, ""},
		"a configured address": {about(alert.IP{Address: "198.51.100.1"}),
			&alert.IdentityOptions{Shared: []alert.Key{"ip:198.51.100.1"}}, "ip:198.51.100.1", alert.Supporting,
			"many use it"},
		"an account configured by another form": {about(alert.User{UPN: "kai@corp.example"}),
			&alert.IdentityOptions{Everywhere: []alert.Key{`account:CORP\kai`}}, "upn:kai@corp.example",
			alert.NotLinking, "configured to link nothing"},
		"the same, the other way round": {about(kai),
			&alert.IdentityOptions{Everywhere: []alert.Key{"upn:kai@corp.example"}}, `account:corp\kai`,
			alert.NotLinking, "configured to link nothing"},
		"an account with another name": {about(kai),
			&alert.IdentityOptions{Everywhere: []alert.Key{"upn:kai@lab.example"}}, `account:corp\kai`,
			alert.Linking, ""},
		"another configured device": {tagged(alert.Evidence{}),
			&alert.IdentityOptions{Shared: []alert.Key{"host:srv.other.example"}}, "device:d-1", alert.Linking,
			""},
		"a configured account": {about(kai),
			&alert.IdentityOptions{Everywhere: []alert.Key{`account:corp\kai`}}, `short-account:corp\kai`,
			alert.NotLinking, "configured to link nothing"},
		"a cluster": {about(aws("arn:aws:eks:eu-west-1:111122223333:cluster/blue")), nil,
			"resource:arn:aws:eks:eu-west-1:111122223333:cluster/blue", alert.Supporting,
			"a cluster, a workspace or a detector, which all that is in it shares"},
		"another cluster": {about(alert.CloudResource{ID: "/subscriptions/s/resourceGroups/g/providers/" +
			"Microsoft.ContainerService/managedClusters/blue"}), nil,
			"resource:/subscriptions/s/resourcegroups/g/" +
				"providers/microsoft.containerservice/managedclusters/blue", alert.Supporting,
			"a cluster, a workspace or a detector, which all that is in it shares"},
		"a third one": {about(alert.CloudResource{Provider: alert.KindGoogleCloudResource,
			ID: "projects/p/locations/l/clusters/blue"}), nil,
			"resource:projects/p/locations/l/clusters/blue",
			alert.Supporting, "a cluster, a workspace or a detector, which all that is in it shares"},
		"a declared cluster": {about(kubernetes("kubernetesCluster", `{"id":"blue"}`)), nil,
			"entity:kubernetescluster|blue", alert.Supporting,
			"a cluster, a workspace or a detector, which all that is in it shares"},
		"a workspace": {about(alert.CloudResource{ID: "/subscriptions/s/resourceGroups/g/providers/" +
			"Microsoft.OperationalInsights/workspaces/w"}), nil,
			"resource:/subscriptions/s/resourcegroups/g/" +
				"providers/microsoft.operationalinsights/workspaces/w", alert.Supporting,
			"a cluster, a workspace or a detector, which all that is in it shares"},
		"a detector": {about(aws("arn:aws:guardduty:eu-west-1:111122223333:detector/ab12")), nil,
			"resource:arn:aws:guardduty:eu-west-1:111122223333:detector/ab12", alert.Supporting,
			"a cluster, a workspace or a detector, which all that is in it shares"},
		"a URL of a private address": {about(ws(1), alert.URL{URL: "http://192.168.1.1/login"}), nil,
			"url:http://192.168.1.1/login", alert.Supporting,
			"a private address, which other networks have, too"},
		"the same without a device": {about(alert.URL{URL: "http://192.168.1.1/login"}), nil,
			"url:http://192.168.1.1/login", alert.NotLinking,
			"a private address on an alert without a device"},
		"a configured sender": {about(alert.Message{NetworkMessageID: "m1", Sender: "kai@corp.example"}),
			&alert.IdentityOptions{Everywhere: []alert.Key{"upn:kai@corp.example"}}, "message:m1|",
			alert.Weaker,
			"a message without its recipient"},
		"the same, its name": {about(alert.Message{NetworkMessageID: "m1", Sender: "kai@corp.example"}),
			&alert.IdentityOptions{Everywhere: []alert.Key{"upn:kai@corp.example"}}, "upn:kai@corp.example",
			alert.NotLinking, "configured to link nothing"},
		"a configured host, of its URL": {about(alert.URL{URL: "https://cdn.example/a"}),
			&alert.IdentityOptions{Everywhere: []alert.Key{"url-host:cdn.example"}},
			"url:https://cdn.example/a", alert.Weaker, ""},
		"a configured host": {about(alert.URL{URL: "https://cdn.example/a"}),
			&alert.IdentityOptions{Everywhere: []alert.Key{"url-host:cdn.example"}}, "url-host:cdn.example",
			alert.NotLinking, "configured to link nothing"},
		"judged clean": {alert.Alert{Evidence: []alert.Evidence{{Entity: ws(1),
			Verdict: alert.NoThreatsFound}}}, nil, "host:ws-01", alert.NotLinking, "judged clean"},
		"contextual only": {alert.Alert{Evidence: []alert.Evidence{{Entity: ws(1),
			Roles: []alert.Role{alert.Contextual}}}}, nil, "host:ws-01", alert.NotLinking, "contextual only"},
		"contextual and attacked": {alert.Alert{Evidence: []alert.Evidence{{Entity: ws(1),
			Roles: []alert.Role{alert.Contextual, alert.Attacked}}}}, nil, "host:ws-01", alert.Linking, ""},
		"clean, and judged otherwise too": {alert.Alert{Evidence: []alert.Evidence{{Entity: ws(1),
			Verdict: alert.NoThreatsFound}, {Entity: ws(1)}}}, nil, "host:ws-01", alert.Linking, ""},
		"a machine account elsewhere": {about(ws(1), alert.User{Domain: "CORP", Account: "srv-09$"}), nil,
			"host:srv-09", alert.Weaker, "the account of a machine beside other devices"},
		"a message without its recipient": {about(alert.Message{NetworkMessageID: "m1",
			Recipient: "kai@corp.example"}), nil, "message:m1|", alert.Weaker,
			"a message without its recipient"},
		"the mailbox of a message": {about(alert.Message{NetworkMessageID: "m1",
			Recipient: "kai@corp.example"}), nil, "mailbox:kai@corp.example", alert.Linking, ""},
		"the role of a session": {about(aws("arn:aws:sts::111122223333:assumed-role/deploy/kai")), nil,
			"session-role:arn:aws:iam::111122223333:role/deploy", alert.Weaker,
			"a role, a group or a policy, which many use"},
		"a service account without its cluster": {about(alert.User{Account: "system:serviceaccount:shop:ci"}), nil,
			`account:\system:serviceaccount:shop:ci`, alert.Supporting, "a service account of some cluster"},
		"a service account of pods": {about(kubernetes("kubernetesServiceAccount",
			`{"name":"ci","namespace":"shop","cluster":"a"}`)), nil,
			"entity:kubernetesserviceaccount|a|shop|ci", alert.Weaker, "an account that many pods run under"},
		"a node": {about(ws(1), kubernetes("kubernetesPod",
			`{"name":"web-5","namespace":"shop","cluster":"a"}`)), nil, "host:ws-01", alert.Weaker,
			"the node of a pod"},
		"the root of an account": {about(aws("arn:aws:iam::111122223333:root")), nil,
			"resource:arn:aws:iam::111122223333:root", alert.Weaker, "the root of an account"},
		"directory synchronisation": {about(alert.User{Domain: "CORP", Account: "MSOL_0f2a"}), nil,
			`account:corp\msol_0f2a`, alert.Weaker, "an account of directory synchronisation"},
		"a managed service account's name": {about(alert.User{Domain: "CORP", Account: "gmsa-sql$"}), nil,
			`account:corp\gmsa-sql$`, alert.Weaker, "an account of a machine or a managed service"},
	} {
		t.Run(name, func(t *testing.T) {
			strength, why := strengthOf(t, c.alert, c.options, c.key)
			assert.Equal(t, c.want, strength)
			assert.Equal(t, c.why, why)
		})
	}
}

// A NetBIOS name that is the beginning of the full name adds no name of its own, so that two machines with one
// beginning stay apart.
func TestCutNameBesideTheFullOne(t *testing.T) {
	keys := alert.Keys(alert.Device{DNSName: "verylongmachinename.corp.example", HostName: "VERYLONGMACHINE"})
	assert.Equal(t, []alert.Key{
		"host:verylongmachinename.corp.example", "short-host:verylongmachinename", "netbios-host:verylongmachine",
	}, keys)
}

// Identifiers of one thing have one number, whichever evidence names it, and things that differ have
// different ones.
func TestIdentifiersOfOneThing(t *testing.T) {
	a := about(
		alert.Device{DeviceID: "d-1", DNSName: "ws-01.corp.example", LastIP: "10.1.2.3"},
		alert.Process{
			DeviceID: "d-1", PID: 7, Started: start, User: alert.User{SID: "S-1-5-21-1-2-3-1104",
				UPN: "kai@corp.example"}, Image: alert.File{SHA256: hash64, MD5: hash32},
		},
		alert.File{SHA256: hash64}, alert.Mailbox{Address: "kai@corp.example"},
		alert.Device{HostName: "ws-01"}, alert.URL{URL: "https://evil.example/a"},
	)
	things := make(map[int][]alert.Key)
	for _, i := range a.Identifiers(nil) {
		things[i.Entity] = append(things[i.Entity], i.Key)
	}
	assert.Equal(t, map[int][]alert.Key{
		0: {
			"device:d-1",
			"host:ws-01.corp.example",
			"short-host:ws-01",
			"device-ip:10.1.2.3",
			"host:ws-01",
			"short-host:ws-01",
		},
		1: {"process:d-1|7|2026-03-02t08:59:00z"},
		2: {alert.Key("sha256:" + hash64), alert.Key("md5:" + hash32)},
		3: {
			"sid:s-1-5-21-1-2-3-1104",
			"upn:kai@corp.example",
			`short-account:corp\kai`,
			"mailbox:kai@corp.example",
		},
		4: {"url:https://evil.example/a", "url-host:evil.example"},
	}, things)
}

// A text that says nothing is no identifier, in whatever field it stands.
func TestPlaceholdersAreNoIdentifiers(t *testing.T) {
	for _, text := range []string{
		"", " ", "-", "--", "?", "...", `""`, "''", "()", "(empty)", "N/A", "n/a", "NA", "[N/A]",
		"NotApplicable", "not applicable", "unknown", " UNKNOWN ", "(UNKNOWN)", "<unknown>",
		"[[Unknown]] [Not Provided]", "Deleted User", "null", "(null)", "NULL", "<null>", "nil", "None",
		"undefined", "NaN", "\"unknown\"", "'N/A'", "\u00a0-\u200b",
		"00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}",
		"ffffffff-ffff-ffff-ffff-ffffffffffff", "03000200-0400-0500-0006-000700080009",
		"To be filled by O.E.M.", "Default string", "Not Available", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff",
		"HIDDEN_DUE_TO_SECURITY_REASONS", "NULL SID", "S-1-0-0", "unknown@unknown", "n/a@n/a", "null@null",
		"unknown_host", "unknown-host", "%COMPUTERNAME%", "${host.name}", "$host$", "FF-FF-FF-FF-FF-FF",
		"ee-ee-ee-ee-ee-ee", "03000200040005000006000700080009", "ANONYMOUS_PRINCIPAL", "not_found",
		"not_available", "unknown_user", "No User", "[REDACTED]", "Unbekannt", "Inconnu", "Desconocido",
		"Sconosciuto", "undisclosed-recipients:;", strings.Repeat("f", 32),
		strings.Repeat("0", 32), strings.Repeat("0", 40), strings.Repeat("0", 64),
	} {
		for _, e := range []alert.Entity{
			alert.Device{DeviceID: text}, alert.Device{DirectoryID: text}, alert.Device{HostName: text},
			alert.Device{DNSName: text, LastIP: text},
			alert.User{UPN: text}, alert.User{SID: text}, alert.User{DirectoryID: text},
			alert.User{Account: text, Domain: text}, alert.User{Account: text, Domain: "CORP"},
			alert.Mailbox{Address: text, UPN: text}, alert.IP{Address: text}, alert.URL{URL: text},
			alert.File{SHA256: text, SHA1: text, MD5: text, DeviceID: text},
			alert.File{FileName: text}, alert.Process{DeviceID: text, User: alert.User{UPN: text}},
			alert.Registry{Hive: text, Key: text},
			alert.Message{
				NetworkMessageID: text, InternetMessageID: text, Recipient: text, Sender: text,
				EnvelopeSender: text, SenderIP: text,
			},
			alert.MailCluster{By: "Subject", Value: text}, alert.App{DisplayName: text},
			alert.OAuthApp{AppID: text, ObjectID: text}, alert.CloudResource{ID: text},
		} {
			keys := alert.Keys(e)
			assert.Len(t, keys, 1, "%q in %+v", text, e)
			assert.True(
				t,
				strings.HasSuffix(keys[0].Namespace(), "-anonymous"),
				"%q in %+v is %s",
				text,
				e,
				keys[0],
			)
			assert.Empty(t, about(e).Identifiers(nil), "%q in %+v", text, e)
		}
	}
	for _, e := range []alert.Device{{HostName: "localhost"}, {HostName: "localhost6"},
		{HostName: "LOCALHOST.localdomain"}, {DNSName: "ip6-localhost"}, {HostName: "localhost:8080"},
		{HostName: "0", DeviceID: "0"}, {HostName: "-1", DeviceID: "-1"}, {HostName: "broadcasthost"},
		{DNSName: "kubernetes.default.svc.cluster.local"}, {DNSName: "localhost.corp.example"}} {
		assert.Empty(t, about(e).Identifiers(nil), "%+v", e)
	}
	for _, text := range []string{"AWS Internal", "private", "gce-internal-ip", "ec2.amazonaws.com", "2a00",
		"1.2.3.4/24", "1.2.3", "0x7f.1"} {
		assert.Empty(t, about(alert.IP{Address: text}).Identifiers(nil), text)
	}
	for _, text := range []string{"http://", "https://-/", "https://"} {
		assert.Empty(t, about(alert.URL{URL: text}).Identifiers(nil), text)
	}
	for _, text := range []string{"N/A", "zz", "not a hash", hash64[:63] + "x", strings.Repeat("F", 64)} {
		assert.Empty(t, about(alert.File{SHA256: text}).Identifiers(nil), text)
	}
}

// What nobody could have meant as an identifier costs no more than its length, and names at most a few
// things.
func TestHugeIdentifiers(t *testing.T) {
	var ideographs strings.Builder
	for n := range 8000 {
		ideographs.WriteRune(rune(0x4e00 + n))
	}
	host := ideographs.String() + strings.Repeat("\ufdfa", 8000)
	key := alert.Identity(alert.URL{URL: "http://" + host + "/"})
	assert.Equal(t, alert.Key("url:http://"+host+"/"), key, "no host, so that it has no other form")
	assert.Equal(t, alert.Key("host:"+host), alert.Identity(alert.Device{HostName: host}))

	nested := strings.Repeat("(", 16000) + "kai" + strings.Repeat(")", 16000)
	assert.Len(t, alert.Keys(alert.User{Account: nested}), 1)
	assert.Equal(t, alert.Key("host:kai"), alert.Identity(alert.Device{HostName: "((((kai))))"}))

	assert.Equal(t, alert.Key(`registry:|hklm\run`),
		alert.Identity(alert.Registry{Key: strings.Repeat(`hklm\`, 100000) + "Run"}))
	assert.Equal(t, alert.Key("registry:|hklm"),
		alert.Identity(alert.Registry{Key: strings.Repeat(`hklm\`, 100000)}))

	var list strings.Builder
	for n := range 50000 {
		fmt.Fprintf(&list, "203.0.%d.%d, ", n/250, n%250)
	}
	assert.Len(t, alert.Keys(alert.IP{Address: list.String()}), 32)
	assert.Len(t, alert.Keys(alert.Device{HostName: "ws-01", LastIP: list.String()}), 2+32)

	labels := strings.Repeat("a.", 250000) + "github.io"
	strength, _ := shared(about(alert.URL{URL: "http://" + labels + "/x"}),
		about(alert.URL{URL: "http://" + labels + "/y"}))
	assert.Equal(t, alert.NotLinking, strength)
}

// A key that no entity has would turn an option off unnoticed.
func TestIdentityOptionsValidate(t *testing.T) {
	ok := alert.IdentityOptions{Shared: []alert.Key{"host:dc-01", "IP:198.51.100.1"}, Everywhere: []alert.Key{`account:CORP\svc`}}
	assert.NoError(t, ok.Validate())
	for _, key := range []alert.Key{"", "dc-01", "host:", `CORP\svc`, "hosts:dc-01", "short-host:dc-01", "linking:host:dc-01"} {
		var bad *alert.FieldError
		require.ErrorAs(t, alert.IdentityOptions{Everywhere: []alert.Key{"host:a", key}}.Validate(), &bad)
		assert.Equal(t, "everywhere[1]", bad.Field)
		assert.Equal(t, string(key), bad.Value)
	}
}
