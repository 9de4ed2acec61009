package alert

import "reflect"

// Each entity looks at all its texts and times. None of them is changed where the entity is within the limits, so that
// nothing is allocated for it.

func (d Device) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("deviceId", &d.DeviceID, MaxValue)
	c.text("directoryId", &d.DirectoryID, MaxValue)
	c.text("dnsName", &d.DNSName, MaxValue)
	c.text("hostName", &d.HostName, MaxValue)
	c.text("os", &d.OS, MaxValue)
	c.text("osVersion", &d.OSVersion, MaxValue)
	c.text("group", &d.Group, MaxValue)
	c.text("health", &d.Health, MaxValue)
	c.text("risk", &d.Risk, MaxValue)
	c.text("lastIp", &d.LastIP, MaxValue)
	c.time("firstSeen", &d.FirstSeen)
	return changed(c, found, d)
}

func (u User) inspect(c *inspection) Entity {
	found := len(c.found)
	u.look(c)
	return changed(c, found, u)
}

func (u *User) look(c *inspection) {
	c.text("upn", &u.UPN, MaxValue)
	c.text("directoryId", &u.DirectoryID, MaxValue)
	c.text("sid", &u.SID, MaxValue)
	c.text("account", &u.Account, MaxValue)
	c.text("domain", &u.Domain, MaxValue)
	c.text("displayName", &u.DisplayName, MaxValue)
}

func (m Mailbox) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("address", &m.Address, MaxValue)
	c.text("upn", &m.UPN, MaxValue)
	c.text("displayName", &m.DisplayName, MaxValue)
	return changed(c, found, m)
}

func (i IP) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("address", &i.Address, MaxValue)
	c.text("country", &i.Country, MaxValue)
	return changed(c, found, i)
}

func (u URL) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("url", &u.URL, MaxValue)
	return changed(c, found, u)
}

func (f File) inspect(c *inspection) Entity {
	found := len(c.found)
	f.look(c)
	return changed(c, found, f)
}

func (f *File) look(c *inspection) {
	c.text("name", &f.FileName, MaxValue)
	c.text("path", &f.Path, MaxValue)
	c.text("md5", &f.MD5, MaxValue)
	c.text("sha1", &f.SHA1, MaxValue)
	c.text("sha256", &f.SHA256, MaxValue)
	c.text("publisher", &f.Publisher, MaxValue)
	c.text("signer", &f.Signer, MaxValue)
	c.text("issuer", &f.Issuer, MaxValue)
	c.text("detection", &f.Detection, MaxValue)
	c.text("deviceId", &f.DeviceID, MaxValue)
}

func (r Registry) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("hive", &r.Hive, MaxValue)
	c.text("key", &r.Key, MaxValue)
	c.text("value", &r.Value, MaxValue)
	c.text("valueType", &r.ValueType, MaxValue)
	c.text("data", &r.Data, MaxValue)
	c.text("deviceId", &r.DeviceID, MaxValue)
	return changed(c, found, r)
}

func (m Message) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("networkMessageId", &m.NetworkMessageID, MaxValue)
	c.text("internetMessageId", &m.InternetMessageID, MaxValue)
	c.text("subject", &m.Subject, MaxValue)
	c.text("sender", &m.Sender, MaxValue)
	c.text("envelopeSender", &m.EnvelopeSender, MaxValue)
	c.text("senderIp", &m.SenderIP, MaxValue)
	c.text("recipient", &m.Recipient, MaxValue)
	c.text("delivery", &m.Delivery, MaxValue)
	c.text("location", &m.Location, MaxValue)
	c.time("received", &m.Received)
	return changed(c, found, m)
}

func (m MailCluster) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("by", &m.By, MaxValue)
	c.text("value", &m.Value, MaxValue)
	c.text("query", &m.Query, MaxValue)
	return changed(c, found, m)
}

func (a App) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("displayName", &a.DisplayName, MaxValue)
	c.text("instanceName", &a.InstanceName, MaxValue)
	return changed(c, found, a)
}

func (a OAuthApp) inspect(c *inspection) Entity {
	found := len(c.found)
	c.text("appId", &a.AppID, MaxValue)
	c.text("objectId", &a.ObjectID, MaxValue)
	c.text("displayName", &a.DisplayName, MaxValue)
	c.text("publisher", &a.Publisher, MaxValue)
	return changed(c, found, a)
}

func (r CloudResource) inspect(c *inspection) Entity {
	found := len(c.found)
	word(c, "provider", &r.Provider)
	c.text("id", &r.ID, MaxValue)
	c.text("name", &r.ResourceName, MaxValue)
	c.text("type", &r.Type, MaxValue)
	c.text("account", &r.Account, MaxValue)
	c.text("location", &r.Location, MaxValue)
	return changed(c, found, r)
}

func (p Process) inspect(c *inspection) Entity {
	found := len(c.found)
	c.time("started", &p.Started)
	c.text("commandLine", &p.CommandLine, MaxValue)
	c.time("parentStarted", &p.ParentStarted)
	c.text("detection", &p.Detection, MaxValue)
	c.text("deviceId", &p.DeviceID, MaxValue)
	entity := c.inside
	c.inside = entity + "image."
	p.Image.look(c)
	c.inside = entity + "parentImage."
	p.ParentImage.look(c)
	c.inside = entity + "user."
	p.User.look(c)
	c.inside = entity
	return changed(c, found, p)
}

func (o Other) inspect(c *inspection) Entity {
	found := len(c.found)
	word(c, "type", &o.Type)
	if e, err := decodeEntity(o.Type, []byte("{}")); err == nil && reflect.TypeOf(e) != reflect.TypeFor[Other]() {
		c.problem("type", string(o.Type), "a kind that has no type of its own", `renamed to "other `+string(o.Type)+`"`)
		if c.repair {
			o.Type = "other " + o.Type
		}
	}
	c.text("label", &o.Label, MaxValue)
	c.fields("fields", &o.Fields)
	return changed(c, found, o)
}

// changed returns e when something has been found in it since, else nil.
func changed[E Entity](c *inspection, since int, e E) Entity {
	if len(c.found) == since {
		return nil
	}
	return e
}
