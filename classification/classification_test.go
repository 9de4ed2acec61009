package classification_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/classification"
)

func TestParseOldAndMissingNames(t *testing.T) {
	tax := classification.Defender()
	for _, c := range []struct{ classification, determination, want string }{
		{"", "", ""},
		{"Unknown", "NotAvailable", ""},
		{"TruePositive", "", "truePositive"},
		{"TruePositive", "CompromisedUser", "truePositive/compromisedAccount"},
		{"FalsePositive", "Clean", "falsePositive/notMalicious"},
		{"FalsePositive", "InsufficientData", "falsePositive/notEnoughDataToValidate"},
		{"benignPositive", "ConfirmedUserActivity", "informationalExpectedActivity/confirmedActivity"},
		{"", "phishing", "truePositive/phishing"},
	} {
		v, err := tax.Parse(c.classification, c.determination)
		require.NoError(t, err)
		assert.Equal(t, c.want, v.String())
	}
}

func TestVerdictsOutsideTheTaxonomyAreNamed(t *testing.T) {
	tax := classification.Defender()
	_, err := tax.Parse("", "other") // all three classifications have it
	require.ErrorIs(t, err, classification.ErrUnknown)
	_, err = tax.Parse("falsePositive", "malware")
	var verdict *classification.VerdictError
	require.ErrorAs(t, err, &verdict)
	assert.Equal(t, "determination", verdict.Field)
	assert.Equal(t, "malware", verdict.Value)
	assert.ErrorIs(t, tax.Check(classification.Verdict{Determination: "malware"}), classification.ErrUnknown)
}

func TestTitle(t *testing.T) {
	tax := classification.Defender()
	assert.Equal(t, "Not set", tax.Title(classification.Verdict{}))
	assert.Equal(t, "True positive: Malware", tax.Title(classification.Verdict{Classification: classification.TruePositive, Determination: classification.Malware}))
	assert.Equal(t, "strange: thing", tax.Title(classification.Verdict{Classification: "strange", Determination: "thing"}))
}
