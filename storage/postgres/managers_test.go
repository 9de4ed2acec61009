package postgres_test

import (
	"testing"

	"github.com/incidentkit/incidentkit/internal/managers"
)

// Related alerts that two processes take in at the same moment come into one incident.
func TestPairs(t *testing.T) {
	at, name := dsn(t), tenant(t)
	managers.TestPairs(t, open(t, at, name), childDSN+"="+at, childTenant+"="+name, childRole+"=pair", childName+"=")
}

func TestCommandIDs(t *testing.T) { managers.TestCommandIDs(t, open(t, dsn(t), tenant(t))) }

func TestVersions(t *testing.T) { managers.TestVersions(t, open(t, dsn(t), tenant(t))) }
