module github.com/incidentkit/incidentkit/export/fonts/cjk

go 1.26.0

require (
	github.com/incidentkit/incidentkit v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/go-pdf/fpdf v0.9.0 // indirect
	github.com/yuin/goldmark v1.8.7 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/exp v0.0.0-20261014143641-f0251eb4aa3e // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/incidentkit/incidentkit => ../../../
