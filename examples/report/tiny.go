package main

import (
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// tiny is one alert with nothing but what it must have.
func tiny(d *desk) {
	d.now = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	d.ingest(alert.Alert{Origin: alert.Origin{Source: "printServer", ID: "1"}, Title: "The print queue was emptied"})
}
