package alert

import "strings"

// An AssetGroup is one of the five groups of impacted assets that Defender shows; everything else is
// evidence. The zero AssetGroup is NotAsset.
//
// Source: Microsoft Defender XDR, assets tab of the incident page. That Kubernetes, blob and container
// evidence are cloud resources is this library's reading.
type AssetGroup uint8

// The groups of assets, in the order in which they are shown.
const (
	NotAsset AssetGroup = iota
	Devices
	Users
	Mailboxes
	Apps
	CloudResources

	AssetGroups = int(CloudResources) + 1 // size of an array indexed by AssetGroup
)

var assetGroups = []string{"none", "devices", "users", "mailboxes", "apps", "cloudResources"}

// String returns the group's text, such as "cloudResources".
func (g AssetGroup) String() string {
	if int(g) < len(assetGroups) {
		return assetGroups[g]
	}
	return "none"
}

// Title returns the group in words for people, such as "Cloud resources".
func (g AssetGroup) Title() string {
	switch g {
	case Devices:
		return "Devices"
	case Users:
		return "Users"
	case Mailboxes:
		return "Mailboxes"
	case Apps:
		return "Apps"
	case CloudResources:
		return "Cloud resources"
	}
	return "Evidence"
}

// Asset returns the group of assets that entities of kind k belong to, or NotAsset.
func (k Kind) Asset() AssetGroup {
	switch k {
	case KindDevice, "ioTDevice":
		return Devices
	case KindUser:
		return Users
	case KindMailbox:
		return Mailboxes
	case KindApp:
		return Apps
	case KindAzureResource, KindAmazonResource, KindGoogleCloudResource:
		return CloudResources
	}
	for _, prefix := range []string{"kubernetes", "blob", "container"} {
		if strings.HasPrefix(string(k), prefix) {
			return CloudResources
		}
	}
	return NotAsset
}
