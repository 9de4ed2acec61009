package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/incidentkit/incidentkit/alert"
)

// A LogSource is the kind of events that a rule is about, as its logsource names it.
type LogSource struct{ Category, Product, Service string }

// An origin is where events were recorded: an event log of Windows, one kind of event in it, or a provider.
type origin struct{ channel, eventID, provider string }

// The event logs.
const (
	sysmon     = "Microsoft-Windows-Sysmon/Operational"
	powershell = "Microsoft-Windows-PowerShell/Operational"
)

// logSources are the log sources that rules may be about. An event may have several origins, and so several
// of them.
var logSources = map[origin]LogSource{
	{channel: "Security"}:                  {Product: "windows", Service: "security"},
	{channel: "System"}:                    {Product: "windows", Service: "system"},
	{channel: sysmon}:                      {Product: "windows", Service: "sysmon"},
	{channel: sysmon, eventID: "1"}:        {Product: "windows", Category: "process_creation"},
	{channel: sysmon, eventID: "3"}:        {Product: "windows", Category: "network_connection"},
	{channel: sysmon, eventID: "10"}:       {Product: "windows", Category: "process_access"},
	{channel: sysmon, eventID: "11"}:       {Product: "windows", Category: "file_event"},
	{channel: sysmon, eventID: "13"}:       {Product: "windows", Category: "registry_set"},
	{channel: sysmon, eventID: "22"}:       {Product: "windows", Category: "dns_query"},
	{channel: powershell}:                  {Product: "windows", Service: "powershell"},
	{channel: powershell, eventID: "4104"}: {Product: "windows", Category: "ps_script"},
	{provider: "proxy"}:                    {Category: "proxy"},
}

// sources returns the log sources of an event, each once, and none when it has no known one.
func sources(e Event) []LogSource {
	origins := []origin{{channel: e["Channel"]}, {provider: e["Provider"]}}
	if id := e["EventID"]; id != "" {
		origins = append(origins, origin{channel: e["Channel"], eventID: id})
	}
	var found []LogSource
	for _, o := range origins {
		if s, ok := logSources[o]; ok {
			found = append(found, s)
		}
	}
	return found
}

// A Pipeline turns events into alerts: each rule sees the events of its log source and no others. It must not
// be used by several goroutines at once.
type Pipeline struct {
	// Unrouted counts the events without a known log source, which no rule sees: by channel, or by provider
	// where they have no channel, or under "".
	Unrouted map[string]int

	rules map[LogSource][]Rule
}

// NewPipeline returns a Pipeline of these rules.
func NewPipeline(rules []Rule) *Pipeline {
	p := &Pipeline{Unrouted: map[string]int{}, rules: map[LogSource][]Rule{}}
	for _, r := range rules {
		p.rules[r.Source] = append(p.rules[r.Source], r)
	}
	return p
}

// Process returns an alert for each rule that matches the event, in the order of the rules of each log
// source. The same event gives the same alerts, with the same IDs. An event without a time is an error if a
// rule matches it.
func (p *Pipeline) Process(ctx context.Context, event Event) ([]alert.Alert, error) {
	found := sources(event)
	if len(found) == 0 {
		p.Unrouted[cmp.Or(event["Channel"], event["Provider"])]++
	}
	var alerts []alert.Alert
	for _, source := range found {
		for _, r := range p.rules[source] {
			// The engine finds no field in a map of a named type. Its ForRules, which runs rules together,
			// drops errors.
			result, err := r.evaluator.Matches(ctx, map[string]string(event))
			if err != nil {
				return nil, fmt.Errorf("rule %q: %w", r.Title, err)
			}
			if !result.Match {
				continue
			}
			a, err := newAlert(r, event)
			if err != nil {
				return nil, fmt.Errorf("rule %q: %w", r.Title, err)
			}
			alerts = append(alerts, a)
		}
	}
	return alerts, nil
}
