package msgraph

import (
	"encoding/json"
	"strings"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// EncodeAlert returns a as a Graph v1.0 alert, with what Extra kept. Reading it again gives a, but for
// what the incident manager manages.
func EncodeAlert(a alert.Alert) ([]byte, error) { return encodeAlert(a, nil) }

func encodeAlert(a alert.Alert, comments []incident.Comment) ([]byte, error) {
	m := members(a.Extra)
	c := codec{m: m, write: true}
	c.put(a.Origin.ID, []string{"id", "alertId"})
	m["title"] = encode(a.Title)
	c.alert(&a)
	var evidence []json.RawMessage
	for _, e := range a.Evidence {
		evidence = append(evidence, encodeEvidence(e))
	}
	c.join("evidence", evidence)
	if comments != nil {
		c.putComments(comments)
	}
	m[odataType] = encode(namespace + "alert")
	return json.Marshal(m)
}

// EncodeIncident returns i with its comments and alerts as a Graph v1.0 incident, with what Extra kept. A
// comment about one of the alerts is written there. Its identifier is the one that Microsoft Defender gave
// it, or else its ID here.
func EncodeIncident(i incident.Incident, comments []incident.Comment, alerts []alert.Alert) ([]byte, error) {
	m := members(i.Extra)
	c := codec{m: m, write: true}
	ref, ok := i.ReferenceIn(system)
	if !ok {
		ref = incident.Reference{ID: string(i.ID), Updated: i.Updated}
	}
	d := incident.Draft{Reference: ref, Description: i.Description, Severity: i.Severity, Owner: i.Owner,
		Verdict: i.Verdict, Created: i.Created}
	c.put(ref.ID, []string{"id", "incidentId"})
	value(c, &i.Name, "displayName", "incidentName")
	c.incident(&d)
	word(c, &i.Status, "status", incidentStatus(i.RedirectTo != ""), i.Status.String())
	if i.RedirectTo != "" {
		m["redirectIncidentId"] = encode(strings.TrimPrefix(string(i.RedirectTo), system+":"))
	}
	value(c, &i.Note, "resolvingComment")
	var custom, sys []string
	for _, t := range i.Tags {
		if t.System() {
			sys = append(sys, t.Name)
		} else {
			custom = append(custom, t.Name)
		}
	}
	list(c, &custom, "customTags", "tags")
	list(c, &sys, "systemTags")
	about := make(map[alert.ID][]incident.Comment)
	for _, a := range alerts {
		about[a.Origin.Fit().AlertID()] = []incident.Comment{}
	}
	var own []incident.Comment
	for _, comment := range comments {
		if _, ok := about[comment.Alert]; ok {
			about[comment.Alert] = append(about[comment.Alert], comment)
		} else {
			own = append(own, comment)
		}
	}
	c.putComments(own)
	var all []json.RawMessage
	for _, a := range alerts {
		raw, err := encodeAlert(a, about[a.Origin.Fit().AlertID()])
		if err != nil {
			return nil, err
		}
		all = append(all, raw)
	}
	if len(all) > 0 {
		m["alerts"] = encode(all)
	}
	m[odataType] = encode(namespace + "incident")
	return json.Marshal(m)
}
