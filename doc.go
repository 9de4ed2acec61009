// Package incidentkit is a library for managing security incidents inside your own program: alerts come
// in and become incidents, analysts work them, every change is in a log, and an incident can be exported
// as a PDF report. There is no server; everything is behind a storage interface, and incidents are kept in
// memory, in a file or in a database.
//
// The packages, from the ground up:
//
//   - classification: what an incident turned out to be, checked against a taxonomy
//   - alert: alerts, their evidence and the entities it names
//   - alert/mapping: reading the alerts of any product as a mapping file says
//   - alert/attack: names and tactics of the techniques of MITRE ATT&CK
//   - activity: the append-only log, which is also the change feed
//   - incident: incidents and every rule about them, as pure functions
//   - incident/intake: reading a file of whichever known system
//   - incident/msgraph: reading Microsoft Graph and Defender JSON
//   - incident/sentinel: reading what Microsoft Sentinel sends, and writing back to it
//   - storage: the contract of a store; storage/memory is the reference implementation, and storage/sqlite
//     and storage/postgres are modules of their own
//   - incident/correlation: which incident an alert belongs to, and why
//   - incident/manager: the part a program calls
//   - incident/metrics: how fast incidents were handled
//   - incident/incidenttest: a test kit for detection pipelines
//   - incident/incidenttest/measure: how well incidents match labelled attacks
//   - export: the report of an incident, as a value, PDF, HTML, Markdown and JSON, and the queue as CSV
//
// # Errors
//
// Errors are sentinels and structs, to be tested for with errors.Is and errors.As. They say what was
// attempted and on which record.
package incidentkit
