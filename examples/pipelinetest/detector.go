// Package pipelinetest shows how a detection pipeline is tested with incident/incidenttest: a detector of password
// guessing, and the tests that found its bug. README.md leads through them.
//
// # Errors
//
// An error of the look-up is returned with the machine that it was about.
package pipelinetest

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// A Logon is an event: an attempt to log on.
type Logon struct {
	Time    time.Time `json:"time"`
	Host    string    `json:"host"`    // where
	Address string    `json:"address"` // from where
	Account string    `json:"account"` // as whom
	Failed  bool      `json:"failed"`
}

// A Detector finds addresses that guess passwords: five failed logons within ten minutes.
type Detector struct {
	owner    func(ctx context.Context, host string) (string, error) // asks the inventory who owns a machine
	failures map[string][]Logon                                     // by address, oldest first
}

const (
	threshold = 5
	window    = 10 * time.Minute
)

// NewDetector returns a detector that has seen nothing. owner is asked who owns a machine that is attacked.
func NewDetector(owner func(ctx context.Context, host string) (string, error)) *Detector {
	return &Detector{owner: owner, failures: map[string][]Logon{}}
}

// Process returns the alerts that a logon raises. Logons come in the order of their times.
func (d *Detector) Process(ctx context.Context, e Logon) ([]alert.Alert, error) {
	recent := forget(d.failures[e.Address], e.Time)
	if e.Failed {
		recent = append(recent, e)
	}
	d.failures[e.Address] = recent
	switch {
	case e.Failed && len(recent) == threshold:
		return d.raise(ctx, "Password guessing", alert.Medium, "T1110", recent, e)
	case !e.Failed && len(recent) >= threshold:
		return d.raise(ctx, "Logon after password guessing", alert.High, "T1078", recent, e)
	}
	return nil, nil
}

func (d *Detector) raise(
	ctx context.Context, title string, severity alert.Severity, technique string, recent []Logon, e Logon,
) ([]alert.Alert, error) {
	owner, err := d.owner(ctx, e.Host)
	if err != nil {
		return nil, fmt.Errorf("ask for the owner of %s: %w", e.Host, err)
	}
	a := alert.Alert{
		Origin: alert.Origin{
			Source: "logons",
			ID:     fmt.Sprintf("%s %s %s", e.Address, title, recent[0].Time.Format(time.RFC3339)),
		},
		Title: title, Severity: severity, Category: "CredentialAccess", Techniques: []string{technique},
		FirstActivity: recent[0].Time, LastActivity: e.Time,
		Evidence: []alert.Evidence{
			{Entity: alert.Device{HostName: e.Host}, Tags: []string{"owner: " + owner}},
			{Entity: alert.IP{Address: e.Address}, Roles: []alert.Role{alert.Attacker}},
		},
	}
	if !e.Failed {
		a.Evidence = append(a.Evidence, alert.Evidence{Entity: alert.User{Domain: "CORP", Account: e.Account}})
	}
	return []alert.Alert{a}, nil
}
