package export

import (
	"strings"

	"github.com/incidentkit/incidentkit/alert"
)

// devices are the names of devices by their identifiers.
type devices map[string]string

func devicesOf(alerts []alert.Alert) devices {
	names := make(devices)
	for _, a := range alerts {
		for _, v := range a.Evidence {
			if d, ok := v.Entity.(alert.Device); ok && d.DeviceID != "" && names[d.DeviceID] == "" {
				names[d.DeviceID] = d.Name()
			}
		}
	}
	return names
}

// details says what else is known of an entity than its name.
func (names devices) details(e alert.Entity) string {
	var parts []string
	add := func(label, value string) {
		if value = strings.TrimSpace(value); value != "" && value != e.Name() {
			parts = append(parts, label+value)
		}
	}
	on := func(id string) {
		if name := names[id]; name != "" {
			id = name
		}
		add("Device ", id)
	}
	hashes := func(f alert.File) {
		add("SHA-256 ", f.SHA256)
		if f.SHA256 == "" {
			add("SHA-1 ", f.SHA1)
			add("MD5 ", f.MD5)
		}
	}
	switch e := e.(type) {
	case alert.Device:
		add("", strings.TrimSpace(e.OS+" "+e.OSVersion))
		add("Group ", e.Group)
		add("IP ", e.LastIP)
		add("Risk ", e.Risk)
		add("Health ", e.Health)
	case alert.User:
		add("", e.DisplayName)
		add("Domain ", e.Domain)
		add("SID ", e.SID)
	case alert.Mailbox:
		add("", e.DisplayName)
		add("Owner ", e.UPN)
	case alert.IP:
		add("Country ", e.Country)
	case alert.File:
		on(e.DeviceID)
		add("Folder ", e.Path)
		hashes(e)
		if e.Size > 0 {
			add("", bytesOf(e.Size))
		}
		add("Signer ", e.Signer)
	case alert.Process:
		on(e.DeviceID)
		add("Command line ", e.CommandLine)
		if e.User != (alert.User{}) {
			add("As ", e.User.Name())
		}
		hashes(e.Image)
	case alert.Registry:
		on(e.DeviceID)
		add("", e.ValueType)
		add("", e.Data)
	case alert.Message:
		add("From ", e.Sender)
		add("To ", e.Recipient)
		add("", e.Delivery)
		add("In ", e.Location)
	case alert.MailCluster:
		if e.Count > 0 {
			add("", plural(e.Count, "message", "messages"))
		}
	case alert.App:
		add("Instance ", e.InstanceName)
	case alert.OAuthApp:
		add("App ", e.AppID)
		add("Publisher ", e.Publisher)
	case alert.CloudResource:
		add("", e.Type)
		add("Account ", e.Account)
		add("", e.Location)
		add("", e.ID)
	case alert.Other:
		add("", words(string(e.Type)))
	}
	return strings.Join(parts, " · ")
}
