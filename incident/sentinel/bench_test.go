package sentinel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkDecode reads incidents with their alerts: rows of the tables, and what an automation rule sends.
func BenchmarkDecode(b *testing.B) {
	const copies = 200
	for _, file := range []string{"tables.jsonl", "automation.json", "arm.json"} {
		b.Run(file, func(b *testing.B) {
			text, err := os.ReadFile(filepath.Join("testdata", file))
			require.NoError(b, err)
			var all strings.Builder
			for n := range copies { // other incidents, and other alerts
				all.WriteString(strings.NewReplacer("0000-4c4e", fmt.Sprintf("%04d-4c4e", n), "0d1c0000", fmt.Sprintf("0d1c%04d", n)).Replace(string(text)))
				all.WriteByte('\n')
			}
			b.SetBytes(int64(all.Len()))
			b.ReportAllocs()
			alerts := 0
			start := time.Now()
			for b.Loop() {
				for item, err := range Decode(strings.NewReader(all.String()), file) {
					if err != nil {
						b.Fatal(err)
					}
					if alerts++; item.Incident != nil {
						alerts += len(item.Incident.Alerts) - 1
					}
				}
			}
			b.ReportMetric(float64(alerts)/time.Since(start).Seconds(), "alerts/s")
		})
	}
}
