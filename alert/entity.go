package alert

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// An Entity is a thing that evidence is about: one of [Device], [User], [Mailbox], [IP], [URL], [File],
// [Process], [Registry], [Message], [MailCluster], [App], [OAuthApp], [CloudResource] and [Other]. All of
// them are comparable values without pointers, so that they can be shared freely.
type Entity interface {
	// Kind returns the entity's kind, which names its type.
	Kind() Kind
	// Name returns the entity as people would call it; it is not unique and never empty.
	Name() string

	// addKeys adds the entity's keys, the one that is its identity first.
	addKeys(*keyring)
	// inspect returns the entity within the limits, nil when it is.
	inspect(*inspection) Entity
}

// A Kind is the type of an entity. Kinds are named as the evidence types of Microsoft Graph without the
// ending "Evidence". The set is open: [Other] takes any name.
type Kind string

// The kinds that have a type of their own.
const (
	KindDevice              Kind = "device"
	KindUser                Kind = "user"
	KindMailbox             Kind = "mailbox"
	KindIP                  Kind = "ip"
	KindURL                 Kind = "url"
	KindFile                Kind = "file"
	KindProcess             Kind = "process"
	KindRegistryKey         Kind = "registryKey"
	KindRegistryValue       Kind = "registryValue"
	KindMessage             Kind = "analyzedMessage"
	KindMailCluster         Kind = "mailCluster"
	KindApp                 Kind = "cloudApplication"
	KindOAuthApp            Kind = "oauthApplication"
	KindAzureResource       Kind = "azureResource"
	KindAmazonResource      Kind = "amazonResource"
	KindGoogleCloudResource Kind = "googleCloudResource"
)

// A Device is a computer, a phone or another machine.
type Device struct {
	DeviceID    string    `json:"deviceId,omitempty"`    // identifier in Defender for Endpoint (mdeDeviceId)
	DirectoryID string    `json:"directoryId,omitempty"` // identifier in the directory (azureAdDeviceId)
	DNSName     string    `json:"dnsName,omitempty"`     // fully qualified name
	HostName    string    `json:"hostName,omitempty"`    // name without domain
	OS          string    `json:"os,omitempty"`          // such as "Windows10"
	OSVersion   string    `json:"osVersion,omitempty"`
	OSBuild     int64     `json:"osBuild,omitempty"`
	Group       string    `json:"group,omitempty"`  // device group (rbacGroupName)
	Health      string    `json:"health,omitempty"` // sensor health, in the source's word
	Risk        string    `json:"risk,omitempty"`   // risk score, in the source's word
	LastIP      string    `json:"lastIp,omitempty"`
	FirstSeen   time.Time `json:"firstSeen,omitzero"`
}

// A User is an account of a person or a service.
type User struct {
	UPN         string `json:"upn,omitempty"`         // user principal name
	DirectoryID string `json:"directoryId,omitempty"` // object identifier in the directory (azureAdUserId)
	SID         string `json:"sid,omitempty"`         // Windows security identifier
	Account     string `json:"account,omitempty"`     // account name without domain
	Domain      string `json:"domain,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
}

// A Mailbox is an electronic mailbox.
type Mailbox struct {
	Address     string `json:"address,omitempty"` // primary address
	UPN         string `json:"upn,omitempty"`     // user principal name of its owner
	DisplayName string `json:"displayName,omitempty"`
}

// An IP is an Internet address.
type IP struct {
	Address string `json:"address"`
	Country string `json:"country,omitempty"` // ISO 3166 two-letter code
}

// A URL is a web address. It is never fetched.
type URL struct {
	URL string `json:"url"`
}

// A File is a file, known by its hashes or its path.
type File struct {
	FileName  string `json:"name,omitempty"`
	Path      string `json:"path,omitempty"` // folder
	Size      int64  `json:"size,omitempty"` // bytes
	MD5       string `json:"md5,omitempty"`
	SHA1      string `json:"sha1,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	Publisher string `json:"publisher,omitempty"`
	Signer    string `json:"signer,omitempty"`
	Issuer    string `json:"issuer,omitempty"`
	Detection string `json:"detection,omitempty"` // detected, blocked or prevented, in the source's word
	DeviceID  string `json:"deviceId,omitempty"`  // the device it was seen on
}

// A Process is a running program.
type Process struct {
	PID           int64     `json:"pid,omitempty"`
	Started       time.Time `json:"started,omitzero"`
	CommandLine   string    `json:"commandLine,omitempty"`
	Image         File      `json:"image,omitzero"` // the program's file
	ParentPID     int64     `json:"parentPid,omitempty"`
	ParentStarted time.Time `json:"parentStarted,omitzero"`
	ParentImage   File      `json:"parentImage,omitzero"`
	User          User      `json:"user,omitzero"` // the account it runs under
	Detection     string    `json:"detection,omitempty"`
	DeviceID      string    `json:"deviceId,omitempty"` // the device it ran on
}

// A Registry is a key of the Windows registry, or one value under a key when Value is set.
type Registry struct {
	Hive      string `json:"hive,omitempty"`
	Key       string `json:"key,omitempty"`
	Value     string `json:"value,omitempty"` // name of the value; "" for a whole key
	ValueType string `json:"valueType,omitempty"`
	Data      string `json:"data,omitempty"`
	DeviceID  string `json:"deviceId,omitempty"`
	IsValue   bool   `json:"isValue,omitempty"` // a value even when its name is empty (the key's default value)
}

// A Message is a mail message that a mail filter analysed.
type Message struct {
	NetworkMessageID  string    `json:"networkMessageId,omitempty"`
	InternetMessageID string    `json:"internetMessageId,omitempty"`
	Subject           string    `json:"subject,omitempty"`
	Sender            string    `json:"sender,omitempty"` // address the reader sees (P2 sender)
	EnvelopeSender    string    `json:"envelopeSender,omitempty"`
	SenderIP          string    `json:"senderIp,omitempty"`
	Recipient         string    `json:"recipient,omitempty"`
	Delivery          string    `json:"delivery,omitempty"` // what was done with it, in the source's word
	Location          string    `json:"location,omitempty"` // where it lies, in the source's word
	Received          time.Time `json:"received,omitzero"`
}

// A MailCluster is a set of mail messages that are alike.
type MailCluster struct {
	By    string `json:"by,omitempty"`    // the properties they share
	Value string `json:"value,omitempty"` // the value they share
	Query string `json:"query,omitempty"`
	Count int64  `json:"count,omitempty"` // messages in the cluster
}

// An App is a cloud application.
type App struct {
	AppID        int64  `json:"appId,omitempty"`
	InstanceID   int64  `json:"instanceId,omitempty"`
	DisplayName  string `json:"displayName,omitempty"`
	InstanceName string `json:"instanceName,omitempty"`
}

// An OAuthApp is an application that users have granted access to their data.
type OAuthApp struct {
	AppID       string `json:"appId,omitempty"`
	ObjectID    string `json:"objectId,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	Publisher   string `json:"publisher,omitempty"`
}

// A CloudResource is a resource of a cloud provider. Its Provider must be one of [KindAzureResource],
// [KindAmazonResource] and [KindGoogleCloudResource]; the zero Provider means Azure.
type CloudResource struct {
	Provider     Kind   `json:"provider,omitempty"`
	ID           string `json:"id,omitempty"` // full identifier of the resource
	ResourceName string `json:"name,omitempty"`
	Type         string `json:"type,omitempty"`
	Account      string `json:"account,omitempty"`  // account, subscription or project
	Location     string `json:"location,omitempty"` // region or zone
}

// Other is an entity of a kind that has no type of its own, such as "kubernetesPod". Its Fields hold
// everything the source said about it.
type Other struct {
	Type   Kind   `json:"type"`
	Label  string `json:"label,omitempty"` // how people would call it
	Fields Fields `json:"fields,omitzero"`
}

func (Device) Kind() Kind      { return KindDevice }
func (User) Kind() Kind        { return KindUser }
func (Mailbox) Kind() Kind     { return KindMailbox }
func (IP) Kind() Kind          { return KindIP }
func (URL) Kind() Kind         { return KindURL }
func (File) Kind() Kind        { return KindFile }
func (Process) Kind() Kind     { return KindProcess }
func (Message) Kind() Kind     { return KindMessage }
func (MailCluster) Kind() Kind { return KindMailCluster }
func (App) Kind() Kind         { return KindApp }
func (OAuthApp) Kind() Kind    { return KindOAuthApp }

func (r Registry) Kind() Kind {
	if r.IsValue || r.Value != "" {
		return KindRegistryValue
	}
	return KindRegistryKey
}

func (c CloudResource) Kind() Kind {
	switch c.Provider {
	case KindAmazonResource, KindGoogleCloudResource:
		return c.Provider
	}
	return KindAzureResource
}

func (o Other) Kind() Kind { return o.Type }

func (d Device) Name() string {
	return firstOf("device", d.DNSName, d.HostName, d.DeviceID, d.DirectoryID, d.LastIP)
}
func (m Mailbox) Name() string { return firstOf("mailbox", m.Address, m.UPN, m.DisplayName) }
func (i IP) Name() string      { return firstOf("IP address", i.Address) }
func (u URL) Name() string     { return firstOf("URL", u.URL) }
func (f File) Name() string    { return firstOf("file", f.FileName, f.SHA256, f.SHA1, f.MD5, f.Path) }

func (u User) Name() string {
	account := u.Account
	if account != "" && u.Domain != "" {
		account = u.Domain + `\` + account
	}
	return firstOf("user", u.UPN, account, u.DisplayName, u.SID, u.DirectoryID)
}

func (p Process) Name() string {
	name := firstOf("process", p.Image.FileName, p.CommandLine)
	if p.PID == 0 {
		return name
	}
	return name + " (" + strconv.FormatInt(p.PID, 10) + ")"
}

func (r Registry) Name() string {
	path := strings.Trim(r.Hive+`\`+r.Key, `\`)
	if r.Value != "" {
		path += `\` + r.Value
	}
	return firstOf("registry key", path)
}

func (m Message) Name() string {
	return firstOf("mail message", m.Subject, m.NetworkMessageID, m.InternetMessageID)
}
func (m MailCluster) Name() string {
	if m.By != "" && m.Value != "" {
		return m.By + ": " + m.Value
	}
	return firstOf("mail cluster", m.By, m.Value, m.Query)
}
func (a App) Name() string      { return firstOf("app", a.DisplayName, a.InstanceName, number(a.AppID)) }
func (a OAuthApp) Name() string { return firstOf("OAuth app", a.DisplayName, a.AppID, a.ObjectID) }
func (c CloudResource) Name() string {
	return firstOf("cloud resource", c.ResourceName, c.ID)
}
func (o Other) Name() string { return firstOf("entity", o.Label, string(o.Type)) }

// decodeEntity reads the JSON of an entity of the given kind.
func decodeEntity(kind Kind, text []byte) (Entity, error) {
	switch kind {
	case KindDevice:
		return decode[Device](text)
	case KindUser:
		return decode[User](text)
	case KindMailbox:
		return decode[Mailbox](text)
	case KindIP:
		return decode[IP](text)
	case KindURL:
		return decode[URL](text)
	case KindFile:
		return decode[File](text)
	case KindProcess:
		return decode[Process](text)
	case KindRegistryKey, KindRegistryValue:
		return decode[Registry](text)
	case KindMessage:
		return decode[Message](text)
	case KindMailCluster:
		return decode[MailCluster](text)
	case KindApp:
		return decode[App](text)
	case KindOAuthApp:
		return decode[OAuthApp](text)
	case KindAzureResource, KindAmazonResource, KindGoogleCloudResource:
		return decode[CloudResource](text)
	}
	o, err := decode[Other](text)
	if err != nil {
		return nil, err
	}
	other := o.(Other)
	other.Type = kind
	return other, nil
}

func decode[E Entity](text []byte) (Entity, error) {
	var e E
	err := json.Unmarshal(text, &e)
	return e, err
}

func firstOf(otherwise string, texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return otherwise
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
