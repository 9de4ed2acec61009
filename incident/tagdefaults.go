package incident

import "github.com/incidentkit/incidentkit/alert"

// DefaultTagRules returns the rules that are in force where nobody chose others. The lists belong to the caller,
// who may append to them.
//
// The names and levels of most asset rules are those of the predefined classifications of Microsoft Security
// Exposure Management, from "veryHigh", such as domain controllers and global administrators, to "low". How that
// service finds them is not published. Here an asset is of a classification when its source says so by a tag on
// the evidence ("Domain Controller"), when its identifier tells it, as the well-known SIDs of Windows and the
// resource types of Azure, Amazon and Google do, and never by a guess from a name. That every key vault, key and
// secret store is high, every Kubernetes cluster medium and every asset with the Defender tag "High value asset"
// high is this library's reading, as are the levels of SharePoint, WSUS and Configuration Manager servers and of
// what stands in Active Directory alone: the built-in administrator, krbtgt and schema administrators.
//
// The alert rules give the attack types, automatic actions and experts that Microsoft Defender XDR has system
// tags for. By what it recognises them is not published; here it is title, category, threat and detection source.
func DefaultTagRules() TagRules {
	var r TagRules
	add := func(c alert.Criticality, rules ...AssetRule) {
		for _, rule := range rules {
			rule.Criticality = c
			r.Assets = append(r.Assets, rule)
		}
	}
	// named are rules for which the name of the classification is the tag.
	named := func(c alert.Criticality, names ...string) {
		for _, name := range names {
			add(c, AssetRule{Name: name, Tags: []string{name}})
		}
	}

	// Devices.
	add(alert.VeryHighCriticality, AssetRule{Name: "Domain Controller", Tags: []string{"Domain Controller", "DomainController"}})
	add(alert.HighCriticality,
		AssetRule{Name: "ADCS", Tags: []string{"ADCS", "AD CS", "Certificate Authority", "Active Directory Certificate Services"}},
		AssetRule{Name: "ADFS", Tags: []string{"ADFS", "AD FS", "Active Directory Federation Services"}},
		AssetRule{Name: "Microsoft Entra ID Connect", Tags: []string{"Microsoft Entra ID Connect", "Microsoft Entra Connect", "Entra Connect", "EntraConnectServer",
			"Azure AD Connect", "AzureADConnectServer"}},
		AssetRule{Name: "VMware ESXi", Tags: []string{"VMware ESXi", "ESXi"}},
		AssetRule{Name: "VMware vCenter", Tags: []string{"VMware vCenter", "vCenter"}},
		AssetRule{Name: "Hyper-V Server", Tags: []string{"Hyper-V Server", "Hyper-V"}},
		AssetRule{Name: "High Value Asset", Tags: []string{"High value asset", "HVA"}},
	)
	named(alert.HighCriticality, "Domain Admin Device", "Security Operations Admin Device")
	add(alert.MediumCriticality,
		AssetRule{Name: "Backup", Tags: []string{"Backup", "Backup Server"}},
		AssetRule{Name: "Exchange", Tags: []string{"Exchange", "Exchange Server"}},
		AssetRule{Name: "SCCM", Tags: []string{"SCCM", "Microsoft Configuration Manager", "System Center Configuration Manager"}},
		AssetRule{Name: "SharePoint Server", Tags: []string{"SharePoint Server", "SharePoint"}},
		AssetRule{Name: "WSUS Server", Tags: []string{"WSUS Server", "WSUS"}},
	)
	named(alert.MediumCriticality, "IT Admin Device", "Network Admin Device")
	add(alert.LowCriticality, AssetRule{Name: "DNS", Tags: []string{"DNS", "DNS Server"}})

	// Identities. The last number of a SID says which account or group of a domain it is.
	add(alert.VeryHighCriticality,
		AssetRule{Name: "Built-in Administrator", Keys: []string{"sid:s-1-5-21-*-500"}, Tags: []string{"Built-in Administrator"}},
		AssetRule{Name: "krbtgt", Keys: []string{"sid:s-1-5-21-*-502", `account:*\krbtgt`}},
		AssetRule{Name: "Domain Administrator", Keys: []string{"sid:s-1-5-21-*-512"}, Tags: []string{"Domain Administrator", "Domain Admin", "Domain Admins"}},
		AssetRule{Name: "Schema Administrator", Keys: []string{"sid:s-1-5-21-*-518"}, Tags: []string{"Schema Administrator", "Schema Admin", "Schema Admins"}},
		AssetRule{Name: "Enterprise Administrator", Keys: []string{"sid:s-1-5-21-*-519"}, Tags: []string{"Enterprise Administrator", "Enterprise Admin", "Enterprise Admins"}},
		AssetRule{Name: "Server Operators", Keys: []string{"sid:s-1-5-32-549"}, Tags: []string{"Server Operators", "Server Operator"}},
		AssetRule{Name: "Backup Operators", Keys: []string{"sid:s-1-5-32-551"}, Tags: []string{"Backup Operators", "Backup Operator"}},
		AssetRule{Name: "Directory Synchronization Accounts", Keys: []string{`account:*\msol_*`, "upn:sync_*@*.onmicrosoft.com"}, Tags: []string{"Directory Synchronization Accounts"}},
		AssetRule{Name: "Global Administrator", Tags: []string{"Global Administrator", "Global Admin", "Company Administrator"}},
	)
	named(alert.VeryHighCriticality, "Application Administrator", "Authentication Administrator", "Cloud Application Administrator", "Domain Name Administrator",
		"External Identity Provider Administrator", "Helpdesk Administrator", "Hybrid Identity Administrator", "Intune Administrator", "Password Administrator",
		"Privileged Authentication Administrator", "Privileged Role Administrator", "User Administrator")
	add(alert.HighCriticality,
		AssetRule{Name: "Identity with Privileged Role", Tags: []string{"Identity with Privileged Role", "Privileged Role", "Privileged Account"}})
	named(alert.HighCriticality, "Application Developer", "Cloud App Security Administrator", "Cloud Device Administrator", "Compliance Administrator",
		"Conditional Access Administrator", "Directory Writers", "Exchange Administrator", "Global Reader", "Groups Administrator",
		"Identity Governance Administrator", "Security Administrator", "Security Operator", "Security Reader", "SharePoint Administrator",
		"Teams Administrator")

	// Cloud resources.
	add(alert.HighCriticality,
		AssetRule{Name: "Azure Key Vault", Keys: []string{"resource:*/providers/microsoft.keyvault/vaults/*", "resource:*/providers/microsoft.keyvault/managedhsms/*"}},
		AssetRule{Name: "AWS KMS Key", Keys: []string{"resource:arn:aws*:kms:*:key/*"}},
		AssetRule{Name: "AWS Secrets Manager Secret", Keys: []string{"resource:arn:aws*:secretsmanager:*:secret:*"}},
		AssetRule{Name: "Google Cloud KMS Key", Keys: []string{"resource:*cloudkms.googleapis.com/projects/*/keyrings/*"}},
		AssetRule{Name: "Google Secret Manager Secret", Keys: []string{"resource:*secretmanager.googleapis.com/projects/*/secrets/*"}},
		AssetRule{Name: "Databases with Sensitive Data", Tags: []string{"Databases with Sensitive Data", "Database with Sensitive Data"}},
	)
	named(alert.HighCriticality, "Azure Virtual Machine with a Critical User Signed In", "Confidential Azure Virtual Machine", "Immutable and Locked Azure Storage",
		"Premium tier Azure Kubernetes Service cluster")
	add(alert.MediumCriticality, AssetRule{Name: "Kubernetes Cluster", Keys: []string{"resource:*/providers/microsoft.containerservice/managedclusters/*",
		"resource:*/providers/microsoft.kubernetes/connectedclusters/*", "resource:arn:aws*:eks:*:cluster/*", "resource:*container.googleapis.com/projects/*/clusters/*"}})
	named(alert.MediumCriticality, "Immutable Azure Storage", "Locked Azure Virtual Machine")
	named(alert.LowCriticality, "Azure Virtual Machine with High Availability and Performance", "Locked Azure Kubernetes Service cluster")

	ransomware := Tag{Name: "Ransomware", Kind: alert.AttackType}
	r.Alerts = []AlertRule{
		{Tag: ransomware, Titles: []string{"*ransomware*"}},
		{Tag: ransomware, Categories: []string{"ransomware"}},
		{Tag: ransomware, Threats: []string{"ransom:*", "*ransomware*"}},
		{Tag: Tag{Name: "BEC fraud", Kind: alert.AttackType}, Titles: []string{"bec *fraud*", "* bec *fraud*", "*business email compromise*"}},
		{Tag: Tag{Name: "Credential phishing", Kind: alert.AttackType}, Titles: []string{"*credential phish*", "*phish*credential*", "*aitm*phish*", "*adversary-in-the-middle*phish*"}},
		{Tag: Tag{Name: "Attack Disruption", Kind: alert.AutomaticAction}, Titles: []string{"*attack disruption*"}},
		{Tag: Tag{Name: "Automated investigation", Kind: alert.AutomaticAction}, DetectionSources: []string{"automatedInvestigation"}},
		{Tag: Tag{Name: "Defender Experts", Kind: alert.Experts}, DetectionSources: []string{"microsoftThreatExperts", "threatExperts"}},
	}
	return r
}
