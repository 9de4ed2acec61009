package export

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
)

// untold are the texts of a Report that no document tells, and why. What ends in a dot stands for all below it.
var untold = map[string]string{
	".Incident.ID":           "the facts say it",
	".Incident.Owner.":       "the facts say it",
	".Incident.RedirectTo":   "the facts say it",
	".Incident.References.":  "the facts say them",
	".Incident.Alerts.":      "the facts say what an incident's alerts come to",
	".Incident.Verdict.":     "Verdict says it in words",
	".Incident.Extra":        "for who reads the JSON",
	".TimeZone":              "only its offset has a say in a time, and HTML and Markdown name it once",
	".ImagesLeftOut":         "attachments that have these sums say so",
	".SummaryBy":             "of the authors' words, none is said as it is",
	".Threats.Category":      "Title says it in words",
	".Assets.Group":          "Title says it in words",
	".Assets.Rows.Key":       "tells assets apart",
	".Evidence.Rows.Key":     "tells entities apart",
	".Alerts.ID":             "tells alerts apart",
	".Alerts.URL":            "what the title leads to",
	".Facts.URL":             "what the value leads to",
	".Activity.Changes.Path": "Field says it in words",
	".Activity.Cause":        "tells which rows are told as one; see TestDeedsTellTheirRows",
	".Activity.AlertID":      "tells alerts apart",
}

func isTold(path string) bool {
	if strings.HasSuffix(path, ".key") { // of a map, whose values are told
		return false
	}
	for at := range untold {
		if path == at || strings.HasSuffix(at, ".") && strings.HasPrefix(path, at) {
			return false
		}
	}
	return true
}

// A script's first letter begins every word, and is in none but there: no word is found where it does not stand.
var scripts = map[string]string{
	"Latin": "zabcdefghijklmnoprstuvwxyäéñøšæ", "Cyrillic": "ябвгджзиклмнопрстуфхцчшщьэю", "Greek": "ωαβγδεζηθικλμνξοπρτυφχψ",
	"Vietnamese": "zăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệ", "Hebrew": "שאבגדהוזחטילמנסעפצקר", "Arabic": "سبتثجحخدذرزصضطعغفقكلمنهوي",
}

// word returns the n-th word of a script, which is as long as the others.
func word(script string, n int) string {
	letters := []rune(scripts[script])
	text := letters[:1:1]
	for range 4 {
		text = append(text, letters[1+n%(len(letters)-1)])
		n /= len(letters) - 1
	}
	return string(text)
}

// everything returns a report of which every list has two elements and every text is another one, and those texts by where they stand.
func everything(text func(n int) string) (Report, map[string]string) {
	var r Report
	all := map[string]string{}
	turn := uint64(0)
	filler{
		text: func(path string, _ reflect.Type) string {
			s := text(len(all))
			if _, again := all[path]; again {
				path += fmt.Sprint(" ", len(all))
			}
			all[path] = s
			return s
		},
		number: func(limit uint64) uint64 {
			turn++
			if limit == 2 || limit > 256 {
				return limit & 1 // no flag is set
			}
			return turn % limit
		},
		length: func() int { return 2 },
		when:   func() time.Time { return start },
		image:  func() []byte { return hostileImages()[1].data },
	}.fill(reflect.ValueOf(&r).Elem(), "")
	r.Incident.Status = incident.Resolved // which has a note
	r.TimeZone = "UTC"
	r.Sections = nil
	for s := Overview; s <= Activity; s++ {
		r.Sections = append(r.Sections, s)
	}
	// Of lists that changed is told what came and what went, and else what was and what is.
	for n := range r.Activity {
		lists, others := &r.Activity[n].Changes[0], &r.Activity[n].Changes[1]
		for _, text := range slices.Concat([]string{lists.Before, lists.After}, others.Added, others.Removed) {
			maps.DeleteFunc(all, func(_, s string) bool { return s == text })
		}
		lists.Before, lists.After, others.Added, others.Removed = "", "", nil, nil
	}
	return r, all
}

// evenly returns s as far as documents keep it: letters in their own forms, no blanks, small.
func evenly(s string) string { return strings.ToLower(squeeze(norm.NFKC.String(s))) }

// Whoever reads a report in any format finds every text that it holds, in any script, but for those that untold names. A field that Report
// gains has to be drawn, or named there.
func TestEveryTextIsTold(t *testing.T) {
	for script := range scripts {
		t.Run(script, func(t *testing.T) {
			r, all := everything(func(n int) string { return word(script, 2*n) + " " + word(script, 2*n+1) })
			require.Greater(t, len(all), 100)
			comment := r
			comment.Activity = slices.Clone(r.Activity)
			for n := range comment.Activity {
				comment.Activity[n].What = activity.Commented.Title() // now Text is Markdown
			}
			for _, f := range documents {
				if f.name == "json" {
					continue
				}
				got, beside := toldBy(t, f, r), toldBy(t, f, comment)
				assert.NotContains(t, got, "[u+", f.name)
				for path, want := range all {
					at, _, _ := strings.Cut(path, " ")
					if !isTold(at) {
						continue
					}
					for piece := range strings.FieldsSeq(want) {
						assert.True(t, strings.Contains(got, evenly(piece)), "%s: %s is not told: %s", f.name, path, piece)
						if at != ".Activity.What" {
							assert.True(t, strings.Contains(beside, evenly(piece)), "%s: beside a comment %s is not told: %s", f.name, path, piece)
						}
					}
					if script != "Hebrew" && script != "Arabic" { // where lines are broken, words of these change places
						assert.True(t, strings.Contains(got, evenly(want)), "%s: %s is torn: %s", f.name, path, want)
					}
				}
			}
		})
	}
}

// toldBy returns what a reader of a document finds in it.
func toldBy(t *testing.T, f format, r Report) string {
	t.Helper()
	file := drawnBy(t, f, r, 1<<20)
	switch f.name {
	case "pdf":
		return evenly(tool(t, []byte(file), "pdftotext", "-raw", "FILE", "-"))
	case "html":
		return evenly(inert(t, file))
	}
	return evenly(strings.ReplaceAll(file, `\`, ""))
}

// JSON keeps every field that a report has, those that no document tells too.
func TestJSONKeepsEverything(t *testing.T) {
	r, _ := everything(func(n int) string { return fmt.Sprint("text ", n) })
	assert.Equal(t, r, throughJSON(t, r))
}

// What untold names is there to be told.
func TestUntoldTextsExist(t *testing.T) {
	_, all := everything(func(n int) string { return fmt.Sprint(n) })
	for at := range untold {
		found := false
		for path := range all {
			path, _, _ = strings.Cut(path, " ")
			found = found || path == at || strings.HasSuffix(at, ".") && strings.HasPrefix(path, at)
		}
		assert.True(t, found, at)
	}
}

// A character that a PDF cannot show stands as a mark where it stood, and the last line counts the marks. Nothing else gets lost but what
// nobody sees.
func TestEveryCharacterIsToldOrMarked(t *testing.T) {
	for seed := range uint64(12) {
		f := seeded(seed)
		text := func() string {
			var b strings.Builder
			for b.Len() < 60 {
				r := rune(0x21 + f.below(0x500))
				switch f.below(6) {
				case 0:
					r = rune(f.below(utf8.MaxRune + 1))
				case 1:
					r = rune(0x2000 + f.below(0x1000))
				}
				// Right-to-left and joined letters are looked at in TestEveryTextIsTold, marks stand on what is before them.
				if r == utf8.RuneError || strings.ContainsRune("\n\r", r) || !simple(r) {
					continue
				}
				b.WriteRune(r)
			}
			return b.String()
		}
		r := Report{Sections: []Section{Overview, IncidentSummary, Assets, Activity}, Incident: incidentNamed("x")}
		r.IncidentSummary = text()
		r.Assets = []AssetList{{Title: "T", Rows: []AssetRow{{Name: text(), Details: text()}}}}
		r.Activity = []ActivityRow{{Time: start, Who: "w", What: "x", Text: text()}}
		got := squeeze(tool(t, []byte(drawnBy(t, documents[0], r, 1<<20)), "pdftotext", "-raw", "FILE", "-"))
		marks := 0
		for _, s := range []string{r.IncidentSummary, r.Assets[0].Rows[0].Name, r.Assets[0].Rows[0].Details, r.Activity[0].Text} {
			want, n := marked(s, got)
			marks += n
			assert.True(t, strings.Contains(got, want), "%q as %q", s, want)
		}
		assert.Contains(t, got, fmt.Sprintf("%dcharacterswerereplaced", marks))
	}
}

// marked returns text with marks for those of its characters whose marks are in a document, and how many these are.
func marked(text, document string) (string, int) {
	var b strings.Builder
	n := 0
	for _, r := range norm.NFC.String(text) {
		if mark := fmt.Sprintf("[U+%04X]", r); strings.Contains(document, mark) {
			b.WriteString(mark)
			n++
			continue
		}
		b.WriteRune(r)
	}
	return squeeze(b.String()), n
}

// simple reports whether r is a character by itself, from left to right, that is drawn, and as itself.
func simple(r rune) bool {
	p, _ := bidi.LookupRune(r)
	switch p.Class() {
	case bidi.L, bidi.EN, bidi.ES, bidi.ET, bidi.CS, bidi.ON:
	default:
		return false
	}
	return !unicode.In(r, unicode.C, unicode.M, unicode.Z) && norm.NFKC.IsNormalString(string(r))
}
