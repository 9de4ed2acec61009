module github.com/incidentkit/incidentkit/examples

go 1.26.0

require github.com/incidentkit/incidentkit v0.0.0

replace github.com/incidentkit/incidentkit => ../
