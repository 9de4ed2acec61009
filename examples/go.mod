module github.com/incidentkit/incidentkit/examples

go 1.26.0

require (
	github.com/incidentkit/incidentkit v0.0.0
	github.com/incidentkit/incidentkit/export/fonts/cjk v0.0.0
	github.com/incidentkit/incidentkit/storage/postgres v0.0.0
	github.com/incidentkit/incidentkit/storage/sqlite v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/text v0.43.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/go-pdf/fpdf v0.9.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/pgx/v5 v5.12.0 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/tidwall/btree v1.8.2 // indirect
	github.com/yuin/goldmark v1.8.7 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/exp v0.0.0-20261014143641-f0251eb4aa3e // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	modernc.org/libc v1.79.0 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
	modernc.org/sqlite v1.61.1 // indirect
)

replace (
	github.com/incidentkit/incidentkit => ../
	github.com/incidentkit/incidentkit/export/fonts/cjk => ../export/fonts/cjk
	github.com/incidentkit/incidentkit/storage/postgres => ../storage/postgres
	github.com/incidentkit/incidentkit/storage/sqlite => ../storage/sqlite
)
