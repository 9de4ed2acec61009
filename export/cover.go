package export

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/export/internal/commonmark"
	"github.com/incidentkit/incidentkit/export/internal/doc"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
)

// cover says the most important things at once. It says nothing that the report does not hold.
func (c composer) cover() doc.Cover {
	i := c.r.Incident
	severity, status := words.Severity(i.Severity), words.Status(i.Status)
	if c.dismissed() {
		severity.Mark.Tone = doc.Neutral // it was none
	}
	status.Mark.Tone = doc.Accent
	first, last := i.Alerts.FirstActivity, i.Alerts.LastActivity
	v := doc.Cover{
		States: []doc.State{
			{Label: "Severity", Mark: severity.Mark, Word: severity.Text},
			{Label: "Status", Mark: status.Mark, Word: status.Text},
			{Label: "Verdict", Mark: words.VerdictMark(i.Verdict), Word: cmp.Or(c.verdict(i.Verdict), "Not set")},
		},
		Notice: c.notices(),
	}
	for _, row := range [][]doc.Fact{
		{ownerFact(i.Owner), alertsFact(i.Alerts), c.assetsFact(), {Label: "Priority", Value: strconv.Itoa(i.Priority), Note: fmt.Sprintf("of %d", incident.MaxPriority)}},
		{c.date("First activity", first), c.date("Last activity", last), durationFact(first, last), c.evidenceFact()},
		{c.date("Created", i.Created), c.date("Last update", i.Updated), c.date("Resolved", i.Resolved), commentsFact(i.Comments)},
		{lasting("Time to detect", c.r.Times.Detect), lasting("Time to assign", c.r.Times.Assign), lasting("Time to first action", c.r.Times.FirstAction), lasting("Time to resolve", c.r.Times.Resolve)},
	} {
		if row = slices.DeleteFunc(row, func(f doc.Fact) bool { return f.Value == "" }); len(row) > 0 {
			v.Facts = append(v.Facts, row)
		}
	}
	glance := func(label, text string) {
		if text = strings.TrimSpace(text); text != "" {
			v.Glance = append(v.Glance, doc.Pair{Label: label, Value: doc.Cell{Text: text, Order: doc.Said}})
		}
	}
	glance("What happened", c.whatHappenedInShort())
	glance("Impact", c.impact())
	glance("Root cause", c.rootCause())
	glance("State", c.state())
	glance("Next steps", c.nextSteps())
	glance("Tactics", strings.Join(tacticTitles(c.categories()), " → "))
	most := len(i.Tags)
	if c.brief() {
		most = min(most, 12)
	}
	for _, t := range i.Tags[:most] {
		v.Tags = append(v.Tags, t.Name)
	}
	if !c.r.Hidden.IsZero() {
		v.Remark = c.r.Hidden.said()
	}
	return v
}

// said tells what is hidden.
func (h Hidden) said() string { return "Names are replaced: " + h.words() + "." }

func ownerFact(o incident.Owner) doc.Fact {
	f := doc.Fact{Label: "Assigned to", Value: cmp.Or(o.Name, o.ID, "Unassigned")}
	if f.Value != o.ID {
		f.Note = o.ID
	}
	return f
}

func alertsFact(s incident.Summary) doc.Fact {
	var by []string
	for n, severity := len(s.BySeverity)-1, alert.High; n > 0; n, severity = n-1, severity-1 {
		if s.BySeverity[n] > 0 {
			by = append(by, fmt.Sprintf("%s %s", words.Grouped(s.BySeverity[n]), severity))
		}
	}
	return doc.Fact{Label: "Alerts", Value: words.Grouped(s.Count), Note: strings.Join(by, ", ")}
}

// hit returns how many assets of each group were hit: without those that only false positives name, unless
// there are no others.
func (c composer) hit() (counts incident.AssetCounts, dismissed int) {
	if !c.has(Assets) {
		return c.r.Incident.Alerts.Assets, 0
	}
	for _, f := range c.r.Assets {
		if f.Dismissed && !c.dismissed() {
			dismissed++
		} else if f.Evidence.Entity != nil {
			counts[f.Evidence.Entity.Kind().Asset()]++
		}
	}
	return counts, dismissed
}

func (c composer) assetsFact() doc.Fact {
	counts, dismissed := c.hit()
	var by []string
	for g := alert.Devices; int(g) < alert.AssetGroups; g++ {
		if n := counts[g]; n > 0 {
			by = append(by, words.Group(n, g))
		}
	}
	if dismissed > 0 {
		by = append(by, words.Grouped(dismissed)+" more by false positives")
	}
	title := "Impacted assets"
	if c.dismissed() {
		title = "Assets named"
	}
	return doc.Fact{Label: title, Value: words.Grouped(counts.Total()), Note: strings.Join(by, ", ")}
}

func (c composer) evidenceFact() doc.Fact {
	if !c.has(Evidence) {
		return doc.Fact{}
	}
	malicious, suspicious := 0, 0
	for _, f := range c.r.Evidence {
		switch {
		case f.Dismissed:
		case f.Evidence.Verdict == alert.Malicious:
			malicious++
		case f.Evidence.Verdict == alert.Suspicious:
			suspicious++
		}
	}
	return doc.Fact{Label: "Evidence items", Value: words.Grouped(len(c.r.Evidence)), Note: judgedCounts(malicious, suspicious)}
}

// judgedCounts says how many entities are malicious and suspicious, "" for none.
func judgedCounts(malicious, suspicious int) string {
	var parts []string
	if malicious > 0 {
		parts = append(parts, words.Grouped(malicious)+" malicious")
	}
	if suspicious > 0 {
		parts = append(parts, words.Grouped(suspicious)+" suspicious")
	}
	return strings.Join(parts, ", ")
}

func commentsFact(n int) doc.Fact {
	if n == 0 {
		return doc.Fact{}
	}
	return doc.Fact{Label: "Comments", Value: words.Grouped(n)}
}

// date returns a fact with the day of t and, below it, the time.
func (c composer) date(label string, t time.Time) doc.Fact {
	day, rest, _ := strings.Cut(c.zoned(t), " ")
	return doc.Fact{Label: label, Value: day, Note: rest}
}

func durationFact(first, last time.Time) doc.Fact {
	if first.IsZero() || !last.After(first) {
		return doc.Fact{}
	}
	return doc.Fact{Label: "Duration", Value: words.Lasting(last.Sub(first))}
}

func lasting(label string, d *time.Duration) doc.Fact {
	if d == nil {
		return doc.Fact{}
	}
	return doc.Fact{Label: label, Value: words.Lasting(*d)}
}

// categories returns those of the alerts that were no false positives.
func (c composer) categories() []string {
	if !c.has(AttackStory) {
		if c.dismissed() {
			return nil
		}
		return c.r.Incident.Alerts.Categories
	}
	var list []string
	for _, t := range c.r.Threats {
		if t.Alerts > 0 {
			list = append(list, t.Category)
		}
	}
	return list
}

// tacticTitles returns the tactics among categories in words, in the order of the kill chain.
func tacticTitles(categories []string) []string {
	titles := alert.TacticsReached(categories)
	for n, c := range titles {
		titles[n] = alert.CategoryTitle(c)
	}
	return titles
}

// inShort returns the beginning of what somebody wrote: its first paragraphs as far as they fit, or the
// sentences of the first that do.
func inShort(text string, most int) string {
	text = strings.TrimSpace(text)
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	end := 0
	for n := range most {
		switch r := runes[n]; {
		case r == '\n' && runes[n+1] == '\n', strings.ContainsRune("。！？", r),
			strings.ContainsRune(".!?؟", r) && (runes[n+1] == ' ' || runes[n+1] == '\n'):
			end = n + 1
		}
	}
	if end < most/4 {
		end = most
	}
	return strings.TrimSpace(string(runes[:end])) + " […]"
}

// glanceLength is how many code points of what somebody wrote stand on the cover.
const glanceLength = 600

func (c composer) whatHappenedInShort() string {
	if text := cmp.Or(strings.TrimSpace(c.r.Incident.Description), strings.TrimSpace(c.r.IncidentSummary)); text != "" {
		return inShort(commonmark.Plain(text), glanceLength)
	}
	return strings.Join(c.whatHappened(), " ")
}

// impact names the assets that were hit, the first of each group.
func (c composer) impact() string {
	if !c.has(Assets) {
		return ""
	}
	counts, _ := c.hit()
	first := make(map[alert.AssetGroup]Finding)
	for _, f := range c.r.Assets {
		if f.Evidence.Entity == nil {
			continue
		}
		g := f.Evidence.Entity.Kind().Asset()
		if _, ok := first[g]; !ok && (!f.Dismissed || c.dismissed()) {
			first[g] = f
		}
	}
	var parts []string
	for g := alert.Devices; int(g) < alert.AssetGroups; g++ {
		f, ok := first[g]
		if !ok {
			continue
		}
		name, text := f.Evidence.Entity.Name(), words.Group(counts[g], g)
		bad := f.Evidence.Verdict == alert.Malicious || f.Evidence.Verdict == alert.Suspicious
		switch {
		case counts[g] == 1:
			text += ", " + name
		case bad:
			text += ", most severe: " + name
		case f.Alerts > 1:
			text += ", chiefly " + name + " with " + words.Count(f.Alerts, "alert")
		default:
			text += ", for example " + name
		}
		if bad {
			text += " (" + words.Small(words.Title(string(f.Evidence.Verdict))) + ")"
		}
		parts = append(parts, text)
	}
	switch {
	case len(parts) == 0:
		return "No assets are named."
	case c.dismissed():
		return "None: the alerts were false positives. They name " + strings.Join(parts, "; ") + "."
	}
	return words.Capital(strings.Join(parts, "; ")) + "."
}

// rootCause says what the alerts tell of the beginning. Nobody is asked for a root cause.
func (c composer) rootCause() string {
	if c.dismissed() || !c.has(Alerts) {
		return ""
	}
	a, entry := c.earliest()
	if a.ID == "" {
		return ""
	}
	text := "Not recorded. Earliest alert: "
	if entry {
		text = "Not recorded. Earliest alert of initial access: "
	}
	text += "“" + a.Title + "”"
	if when := c.zoned(a.FirstActivity); when != "" {
		text += " at " + when
	}
	if names, _ := c.mainEntities(a); len(names) > 0 {
		text += ", involving " + words.And(names)
	}
	return text + "."
}

// earliest returns the first alert that was no false positive: of those of initial access, if there is one.
func (c composer) earliest() (first alert.Alert, entry bool) {
	for _, a := range c.r.Alerts {
		if Dismissed(c.r.Incident, a) {
			continue
		}
		initial := alert.Tactic(a.Category) == "InitialAccess"
		if first.ID == "" || initial && !entry {
			first = a
		}
		entry = entry || initial
	}
	return first, entry
}

// state says where the incident stands.
func (c composer) state() string {
	i := c.r.Incident
	var text string
	switch i.Status {
	case incident.Resolved:
		text = "Resolved"
		if by := c.resolvedBy(); by != "" {
			text += " by " + by
		}
		if when := c.zoned(i.Resolved); when != "" {
			text += " on " + when
		}
		if v := c.verdict(i.Verdict); v != "" {
			text += " as " + v
		}
		text += "."
		if note := strings.TrimSpace(i.Note); note != "" {
			text += " " + inShort(commonmark.Plain(note), glanceLength)
		}
	case incident.Redirected:
		text = "Merged into " + cmp.Or(c.r.whereTo(), string(i.RedirectTo)) + "."
	case incident.Purged:
		text = "Purged."
	default:
		text = i.Status.Title() + ", "
		if who := cmp.Or(i.Owner.Name, i.Owner.ID); who != "" {
			text += "assigned to " + who
		} else {
			text += "unassigned"
		}
		text += fmt.Sprintf("; %s of %s open.", words.Grouped(i.Alerts.Count-i.Alerts.ByStatus[alert.StatusResolved]), words.Count(i.Alerts.Count, "alert"))
	}
	return text
}

// resolvedBy returns who resolved the incident last, as far as the log tells.
func (c composer) resolvedBy() (who string) {
	for _, e := range c.r.Activity {
		if e.Type != activity.StatusChanged || e.Origin != "" {
			continue
		}
		for _, change := range e.Changes {
			if change.Field == "status" && change.After == resolvedValue {
				who = words.Called(e.Actor)
			}
		}
	}
	return who
}

// nextSteps says what is left to do: for an open incident what its most severe alerts recommend.
func (c composer) nextSteps() string {
	switch i := c.r.Incident; {
	case i.Status == incident.Resolved && len(c.remnants()) == 0:
		return "None recorded."
	case i.Status == incident.Resolved:
		return "Deal with what is still active, see below."
	case !i.Status.Open() || !c.has(Alerts):
		return ""
	}
	list := c.recommendations()
	if len(list) == 0 {
		return "The alerts recommend nothing."
	}
	var texts []string
	for _, a := range list[:min(len(list), 2)] {
		texts = append(texts, inShort(commonmark.Plain(a.text), glanceLength/2))
	}
	text := strings.Join(texts, "\n")
	if n := len(list) - len(texts); n > 0 {
		text += "\n" + words.Plural(n, "more recommendation", "more recommendations") + " in the overview."
	}
	return text
}

// notices are what nobody may miss.
func (c composer) notices() (list []doc.Notice) {
	if c.dismissed() {
		list = append(list, doc.Notice{Tone: doc.Informational, Title: "False positive",
			Lines: []string{"The alerts of this incident did not come from an attack. What they name is shown for reference."}})
	}
	if lines := c.remnants(); len(lines) > 0 {
		list = append(list, doc.Notice{Tone: doc.High, Title: "Still active although the incident is closed", Lines: lines})
	}
	return list
}

// unremedied are the words for entities that nothing was done about.
var unremedied = []alert.Remediation{alert.ActiveThreat, alert.Unremediated, alert.Declined, alert.PendingApproval}

// resolvedValue is what a change of the status to Resolved says.
const resolvedValue activity.Value = `"resolved"`

// remnants says what is still active of an incident that was resolved.
func (c composer) remnants() (lines []string) {
	i := c.r.Incident
	if i.Status != incident.Resolved || c.dismissed() {
		return nil
	}
	if open := i.Alerts.Count - i.Alerts.ByStatus[alert.StatusResolved]; open > 0 {
		lines = append(lines, words.Count(open, "alert")+" not resolved.")
	}
	var names []string
	more := 0
	for _, f := range slices.Concat(c.r.Evidence, c.r.Assets) {
		e := f.Evidence
		bad := e.Verdict == alert.Malicious || e.Verdict == alert.Suspicious
		if e.Entity == nil || f.Dismissed || !bad || !slices.Contains(unremedied, e.Remediation) {
			continue
		}
		if name, ok := c.cast.name(e.Entity); ok && len(names) < 5 {
			names = append(names, name)
		} else {
			more++
		}
	}
	if len(names)+more > 0 {
		text := words.Plural(len(names)+more, "entity", "entities") + " not remediated: " + strings.Join(names, ", ")
		if more > 0 {
			text += " and " + words.Grouped(more) + " more"
		}
		lines = append(lines, text+".")
	}
	return lines
}
