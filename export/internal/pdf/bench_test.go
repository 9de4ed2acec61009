package pdf

import (
	"fmt"
	"io"
	"testing"

	"github.com/go-pdf/fpdf"
)

func BenchmarkReport(b *testing.B) {
	for _, c := range []struct{ pages, alerts, entries int }{{7, 60, 18}, {12, 150, 38}, {170, 3000, 600}} {
		b.Run(fmt.Sprintf("pages=%d", c.pages), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d := sample(c.alerts, c.entries)
				if err := d.Output(b.Context(), io.Discard); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(d.Pages()), "pages")
			}
		})
	}
}

// BenchmarkPlainFpdf is the yardstick: what fpdf alone takes for a table of
// 7 pages in the same two proportional fonts, without breaking a line.
func BenchmarkPlainFpdf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		f := fpdf.New("P", "pt", "A4", "")
		f.SetCatalogSort(true)
		f.AddUTF8FontFromBytes("s", "", []byte(sansFont))
		f.AddUTF8FontFromBytes("s", "B", []byte(boldFont))
		for range 7 {
			f.AddPage()
			f.SetFont("s", "B", 9)
			f.CellFormat(100, 14, "Header", "B", 1, "L", false, 0, "")
			f.SetFont("s", "", 9)
			for i := range 45 {
				for j := range 5 {
					f.CellFormat(100, 14, fmt.Sprintf("cell %d %d of a table", i, j), "B", 0, "L", false, 0, "")
				}
				f.Ln(14)
			}
		}
		if err := f.Output(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
