package mapping

import (
	"embed"
	"sync"
)

//go:embed mappings/*.json
var files embed.FS

// shipped are the mappings of this package.
var shipped = sync.OnceValue(func() []*Mapping {
	return []*Mapping{CrowdStrike(), Elastic(), GuardDuty(), Suricata(), Wazuh()}
})

// load reads a mapping of this package.
func load(name string) *Mapping {
	text, err := files.ReadFile("mappings/" + name + ".json")
	if err != nil {
		return &Mapping{}
	}
	m, err := Parse(text)
	if err != nil {
		return &Mapping{} // a test reads them all
	}
	return m
}

var (
	crowdStrike = sync.OnceValue(func() *Mapping { return load("crowdstrike") })
	elastic     = sync.OnceValue(func() *Mapping { return load("elastic") })
	guardDuty   = sync.OnceValue(func() *Mapping { return load("guardduty") })
	suricata    = sync.OnceValue(func() *Mapping { return load("suricata") })
	wazuh       = sync.OnceValue(func() *Mapping { return load("wazuh") })
)

// CrowdStrike returns the mapping of alerts of the CrowdStrike Falcon API, alerts v2. Source: models of gofalcon
// (detects_alert), and public samples.
func CrowdStrike() *Mapping { return crowdStrike() }

// Elastic returns the mapping of detection alerts of Elastic Security, with the fields of ECS. Building
// blocks are not taken. Source: Elastic's alert schema.
func Elastic() *Mapping { return elastic() }

// GuardDuty returns the mapping of findings of AWS GuardDuty, as EventBridge and the export write them and as the API
// answers. Source: GuardDuty user guide and API reference.
func GuardDuty() *Mapping { return guardDuty() }

// Suricata returns the mapping of alerts of Suricata's EVE log. Other records of the log are left out without
// an error. Source: Suricata's schema and user guide.
func Suricata() *Mapping { return suricata() }

// Wazuh returns the mapping of alerts of Wazuh 3 and 4, alerts.json. Source: Wazuh's JSON writer and index template.
func Wazuh() *Mapping { return wazuh() }
