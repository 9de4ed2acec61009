package incident

// A Policy is what an organisation asks of incidents beyond the rules that hold everywhere. The zero Policy
// asks for nothing.
type Policy struct {
	NoteToResolve    bool `json:"noteToResolve,omitempty"`    // a resolved incident needs a note
	VerdictToResolve bool `json:"verdictToResolve,omitempty"` // a resolved incident needs a verdict with a classification

	// KeepOpen leaves an incident open when its last alert is resolved, and one that opens with resolved alerts only.
	// Without it such an incident is resolved, unless it lacks a note or a verdict that the policy asks for.
	KeepOpen bool `json:"keepOpen,omitempty"`

	// KeepResolved leaves an incident resolved when one of its alerts fires again, see Repeat, and when an import
	// adds an alert to it. The alert is counted and updated, and stays resolved where it was.
	KeepResolved bool `json:"keepResolved,omitempty"`

	// KeepAlertVerdicts leaves alerts as they are when their incident is classified; see [Edit.Apply].
	KeepAlertVerdicts bool `json:"keepAlertVerdicts,omitempty"`

	// Imports says who decides a field of an imported incident that was changed on both sides.
	Imports ImportPolicy `json:"imports,omitzero"`
}

// Check reports what keeps p from letting the incident before become after, joined; nil means nothing. Each
// problem is an [*alert.FieldError]. What before lacked already, such as the note of an incident that was
// imported resolved, may go on lacking.
func (p Policy) Check(before, after Incident) error {
	if after.Status != Resolved {
		return nil
	}
	found := problems{record: "incident " + string(after.ID)}
	need := func(asked bool, field, want string, lacks func(Incident) bool) {
		if asked && lacks(after) && (before.Status != Resolved || !lacks(before)) {
			found.add(field, "", want)
		}
	}
	need(p.NoteToResolve, "note", "a note on how it was resolved", func(i Incident) bool { return i.Note == "" })
	need(p.VerdictToResolve, "verdict", "a classification", func(i Incident) bool { return i.Verdict.Classification == "" })
	return found.err()
}
