package classification

// ENISA returns the Reference Security Incident Taxonomy (RSIT) that ENISA and TF-CSIRT keep, with its
// identifiers: classes such as "malicious-code", types such as "c2-server". Names of earlier versions are
// aliases or, where nothing took their place, legacy types. The value belongs to the caller.
//
// The taxonomy says what an incident was, not whether an alert was right: it has no false positive. A
// program that needs one adds a [Class] of its own.
//
// Source: RSIT version 1003, as the working group publishes it for machines (namespace rsit).
func ENISA() Taxonomy {
	return Taxonomy{
		Name: "ENISA RSIT",
		Classes: []Class{
			{ID: "abusive-content", Title: "Abusive Content", Determinations: []Type{
				{ID: "spam", Title: "Spam"},
				{ID: "harmful-speech", Title: "Harmful Speech"},
				{ID: "violence", Title: "(Child) Sexual Exploitation/Sexual/Violent Content"},
			}},
			{ID: "malicious-code", Title: "Malicious Code", Determinations: []Type{
				{ID: "infected-system", Title: "Infected System"},
				{ID: "c2-server", Title: "C2 Server"},
				{ID: "malware-distribution", Title: "Malware Distribution"},
				{ID: "malware-configuration", Title: "Malware Configuration"},
				{ID: "malware-dga-domain", Title: "Malware DGA Domain", Legacy: true},
			}},
			{ID: "information-gathering", Title: "Information Gathering", Determinations: []Type{
				{ID: "scanner", Title: "Scanning"},
				{ID: "sniffing", Title: "Sniffing"},
				{ID: "social-engineering", Title: "Social Engineering"},
			}},
			{ID: "intrusion-attempts", Title: "Intrusion Attempts", Determinations: []Type{
				{ID: "ids-alert", Title: "Exploitation of Known Vulnerabilities"},
				{ID: "brute-force", Title: "Login Attempts"},
				{ID: "exploit", Title: "New Attack Signature"},
			}},
			{ID: "intrusions", Title: "Intrusions", Determinations: []Type{
				{ID: "privileged-account-compromise", Title: "Privileged Account Compromise"},
				{ID: "unprivileged-account-compromise", Title: "Unprivileged Account Compromise"},
				{ID: "application-compromise", Title: "Application Compromise"},
				{ID: "system-compromise", Title: "System Compromise"},
				{ID: "burglary", Title: "Burglary"},
			}},
			{ID: "availability", Title: "Availability", Determinations: []Type{
				{ID: "dos", Title: "Denial of Service"},
				{ID: "ddos", Title: "Distributed Denial of Service"},
				{ID: "misconfiguration", Title: "Misconfiguration"},
				{ID: "sabotage", Title: "Sabotage"},
				{ID: "outage", Title: "Outage"},
			}},
			{ID: "information-content-security", Title: "Information Content Security", Determinations: []Type{
				{ID: "unauthorised-information-access", Title: "Unauthorised Access to Information"},
				{ID: "unauthorised-information-modification", Title: "Unauthorised Modification of Information"},
				{ID: "data-loss", Title: "Data Loss"},
				{ID: "data-leak", Title: "Leak of Confidential Information"},
			}},
			{ID: "fraud", Title: "Fraud", Determinations: []Type{
				{ID: "unauthorised-use-of-resources", Title: "Unauthorised Use of Resources",
					Aliases: []string{"unauthorized-use-of-resources", "Unauthorized use of resources"}},
				{ID: "copyright", Title: "Copyright"},
				{ID: "masquerade", Title: "Masquerade"},
				{ID: "phishing", Title: "Phishing"},
			}},
			{ID: "vulnerable", Title: "Vulnerable", Determinations: []Type{
				{ID: "weak-crypto", Title: "Weak Cryptography", Aliases: []string{"Weak crypto"}},
				{ID: "ddos-amplifier", Title: "DDoS Amplifier"},
				{ID: "potentially-unwanted-accessible", Title: "Potentially Unwanted Accessible Services"},
				{ID: "information-disclosure", Title: "Information disclosure"},
				{ID: "vulnerable-system", Title: "Vulnerable System"},
			}},
			{ID: "other", Title: "Other", Determinations: []Type{
				{ID: "other", Title: "Uncategorised"},
				{ID: "undetermined", Title: "Undetermined"},
			}},
			{ID: "test", Title: "Test", Determinations: []Type{
				{ID: "test", Title: "Test"},
			}},
		},
	}
}
