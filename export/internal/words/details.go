package words

import (
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/doc"
)

// Details says what else is known of an entity than its name. Hashes, paths and command lines are set in
// letters of one width. device returns the name of the device with that identifier, "" when nobody knows it.
func Details(e alert.Entity, device func(id string) string) []doc.Span {
	var spans []doc.Span
	add := func(label, value string, style doc.Style) {
		if value = strings.TrimSpace(value); value == "" || value == e.Name() {
			return
		}
		if len(spans) > 0 {
			label = "\u00A0· " + label
		}
		spans = append(spans, doc.Span{Text: label, Style: doc.Muted}, doc.Span{Text: value, Style: doc.Muted | style})
	}
	on := func(id string) {
		if name := device(id); name != "" {
			id = name
		}
		add("Device ", id, 0)
	}
	hashes := func(f alert.File) {
		add("SHA-256\u00A0", f.SHA256, doc.Code)
		if f.SHA256 == "" {
			add("SHA-1\u00A0", f.SHA1, doc.Code)
			add("MD5\u00A0", f.MD5, doc.Code)
		}
	}
	switch e := e.(type) {
	case alert.Device:
		add("", strings.TrimSpace(e.OS+" "+e.OSVersion), 0)
		add("Group ", e.Group, 0)
		add("IP ", e.LastIP, 0)
		add("Risk ", e.Risk, 0)
		if e.Health != "" {
			add("Sensor ", Small(Title(e.Health)), 0)
		}
	case alert.User:
		add("", e.DisplayName, 0)
		add("Domain ", e.Domain, 0)
		add("SID ", e.SID, doc.Code)
	case alert.Mailbox:
		add("", e.DisplayName, 0)
		add("Owner ", e.UPN, 0)
	case alert.IP:
		add("Country ", e.Country, 0)
	case alert.File:
		hashes(e)
		add("Folder ", e.Path, doc.Code)
		on(e.DeviceID)
		if e.Size > 0 {
			add("", Bytes(e.Size), 0)
		}
		add("Signer ", e.Signer, 0)
	case alert.Process:
		add("Command line ", e.CommandLine, doc.Code)
		hashes(e.Image)
		on(e.DeviceID)
		if e.User != (alert.User{}) {
			add("As ", e.User.Name(), 0)
		}
	case alert.Registry:
		add("", e.ValueType, 0)
		add("Data ", e.Data, doc.Code)
		on(e.DeviceID)
	case alert.Message:
		add("From ", e.Sender, 0)
		add("To ", e.Recipient, 0)
		add("", e.Delivery, 0)
		add("Location ", e.Location, 0)
	case alert.MailCluster:
		if e.Count > 0 {
			add("", Plural(e.Count, "message", "messages"), 0)
		}
	case alert.App:
		add("Instance ", e.InstanceName, 0)
	case alert.OAuthApp:
		add("App ", e.AppID, doc.Code)
		add("Publisher ", e.Publisher, 0)
	case alert.CloudResource:
		add("", e.Type, 0)
		add("Account ", e.Account, 0)
		add("Location ", e.Location, 0)
		add("", e.ID, doc.Code)
	case alert.Other:
		add("", Title(string(e.Type)), 0)
	}
	return spans
}
