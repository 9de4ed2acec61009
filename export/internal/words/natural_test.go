package words

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestOrderOfNames(t *testing.T) {
	want := []string{
		"9.0.0.1", "203.0.113.2", "203.0.113.10", "2001:db8::9", "2001:db8::10", // addresses
		"", "2 hosts", "10 hosts", "host", "host 2 b", "host 2 c", "host 007", "host 7", "host 10", "host a", "hosts", "жук 3", "жук 21",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	assert.Negative(t, ByName("host 007", "host 7"))
	slices.SortFunc(got, ByName)
	assert.Equal(t, want, got)
}

// Names have one order, whichever two of them are compared.
func TestOrderOfNamesIsTotal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[0-2a.:]{0,5}`), rapid.StringMatching(`a?0{0,2}[1-2]?`), rapid.StringMatching(`[0-3]{1,2}(\.[0-3]{1,2}){3}`))
		a, b, c := name.Draw(rt, "a"), name.Draw(rt, "b"), name.Draw(rt, "c")
		assert.Equal(rt, -ByName(b, a), ByName(a, b))
		assert.Equal(rt, a == b, ByName(a, b) == 0)
		if ByName(a, b) < 0 && ByName(b, c) < 0 {
			assert.Negative(rt, ByName(a, c))
		}
	})
}

func TestAmounts(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		assert.Equal(t, want, Grouped(n))
	}
	for n, want := range map[int64]string{
		0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB (1,000 bytes)", 1949: "1.9 kB (1,949 bytes)", 1950: "2.0 kB (1,950 bytes)",
		999_949: "999.9 kB (999,949 bytes)", 999_950: "1.0 MB (999,950 bytes)",
		1_288_490_188: "1.3 GB (1,288,490,188 bytes)", 1<<63 - 1: "9.2 EB (9,223,372,036,854,775,807 bytes)",
	} {
		assert.Equal(t, want, Bytes(n))
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int().Draw(rt, "n")
		assert.Equal(rt, strconv.Itoa(n), strings.ReplaceAll(Grouped(n), ",", ""))
	})
}
