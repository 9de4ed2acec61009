package incident

import (
	"github.com/incidentkit/incidentkit/activity"
)

// Record returns the effect of an entry that says what was done because of i elsewhere: a response action such as
// isolating a device, of the type [activity.ResponseAction], or the run of an automation such as a playbook, of the
// type [activity.AutomationRun]. text says what was done and what came of it, in 1 to [MaxComment] code points. Nothing
// else of i changes.
//
// The error holds all that is wrong, each as an [*alert.FieldError].
//
// Source: Microsoft Defender XDR, activity log, categories Response and Automation.
func Record(cmd Command, i Incident, typ activity.Type, text string) (Effect, error) {
	if err := closed(i); err != nil {
		return Effect{}, err
	}
	p := problems{record: "incident " + string(i.ID)}
	if typ != activity.ResponseAction && typ != activity.AutomationRun {
		p.add("type", typ.String(), activity.ResponseAction.String()+" or "+activity.AutomationRun.String())
	}
	p.need("text", text)
	p.text("text", text, MaxComment)
	if err := p.err(); err != nil {
		return Effect{}, err
	}
	return effect(cmd, i, i, []activity.Entry{{Type: typ, Text: text}}, nil), nil
}
