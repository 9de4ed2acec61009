package msgraph

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
)

// known are the members that this package reads, in the spelling in which it reads them.
var known = strings.Fields(`
	id incidentId displayName incidentName description severity status assignedTo classification
	determination
	redirectIncidentId resolvingComment customTags tags systemTags comments alerts incidentWebUrl
	lastUpdateDateTime
	lastUpdateTime createdDateTime createdTime priorityScore lastModifiedBy
	comment createdByDisplayName createdBy

	alertId title productName detectionSource recommendedActions recommendedAction category mitreTechniques
	actorDisplayName actorName threatDisplayName threatName threatFamilyName alertWebUrl
	firstActivityDateTime firstActivity
	firstEventTime lastActivityDateTime lastActivity lastEventTime creationTime alertCreationTime
	lastUpdatedTime
	resolvedDateTime resolvedTime serviceSource evidence entities devices machineId computerDnsName
	rbacGroupName
	relatedUser userName customDetails providerAlertId investigationState alertPolicyId additionalData
	detectorId tenantId

	verdict remediationStatus remediationStatusDetails roles detailedRoles entityType evidenceCreationTime
	deviceId
	mdeDeviceId mdatpDeviceId azureAdDeviceId aadDeviceId deviceDnsName hostName osPlatform version
	osBuild healthStatus
	riskScore lastIpAddress firstSeenDateTime firstSeen userAccount accountName domainName userSid
	azureAdUserId aadUserId
	userPrincipalName primaryAddress upn mailboxAddress mailboxDisplayName ipAddress countryLetterCode url
	fileDetails
	fileName filePath fileSize md5 sha1 sha256 filePublisher signer issuer detectionStatus processId
	processCreationDateTime
	processCreationTime processCommandLine imageFile parentProcessId parentProcessCreationDateTime
	parentProcessCreationTime
	parentProcessImageFile parentProcessFileName parentProcessFilePath registryHive registryKey
	registryValueName
	registryValueType registryValue networkMessageId internetMessageId subject p2Sender p1Sender
	emailAddress sender
	senderIp recipientEmailAddress recipient deliveryAction deliveryLocation receivedDateTime clusterBy
	clusterByValue
	query emailCount appId instanceId instanceName objectId publisher resourceName resourceType resourceId
	amazonResourceId amazonAccountId fullResourceName projectId location securityGroupName

	vendorInformation eventDateTime lastEventDateTime closedDateTime lastModifiedDateTime sourceMaterials
	feedback
	activityGroupName hostStates userStates fileStates processes networkConnections registryKeyStates`)

// spellings are the members by their names and their bare names. The type is a member of its own kind:
// pipelines and SDKs cannot keep its sign and dot.
var spellings = sync.OnceValue(func() map[string]string {
	all := map[string]string{"odatatype": odataType, "atsignodatatype": odataType, "atodatatype": odataType}
	for _, name := range known {
		all[strings.ToLower(name)], all[name] = name, name
	}
	all[odataType] = odataType
	return all
})

// additional is the member in which the SDK of PowerShell keeps what its type has no property for.
const additional = "additionalproperties"

// duplicates is the member that keeps members which are there in two spellings.
const duplicates = "duplicateMembers"

// fold gives members the names by which they are read, whoever spells them: LastUpdateDateTime,
// last_update_date_time and odata_type. Of two spellings the one that is read counts; the other is put
// aside, so that it is never taken for the first once that has gone.
func fold(m object) {
	var others []string
	for name := range m {
		if spellings()[name] == name {
			continue
		}
		if canonical, ok := spellings()[bare(name)]; ok && canonical != name || bare(name) == additional {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		if canonical, ok := spellings()[bare(name)]; ok {
			if first(m[canonical]) == nil {
				m[canonical] = m[name]
				delete(m, name)
			} else {
				putAside(m, name)
			}
			continue
		}
		var more object
		if json.Unmarshal(m[name], &more) != nil {
			continue
		}
		fold(more)
		maps.DeleteFunc(more, func(inner string, raw json.RawMessage) bool {
			free := first(m[inner]) == nil
			if free {
				m[inner] = raw
			}
			return free
		})
		if delete(m, name); len(more) > 0 {
			m[name] = encode(more)
		}
	}
}

func putAside(m object, name string) {
	aside := object{}
	if raw := m[duplicates]; raw != nil && (json.Unmarshal(raw, &aside) != nil || aside == nil) {
		return
	}
	if _, taken := aside[name]; !taken {
		aside[name] = m[name]
		m[duplicates] = encode(aside)
		delete(m, name)
	}
}
