// Package words says values as people do. It is the one place of a report where values become words.
package words

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/glyph"
)

// Title returns an identifier in words: "noThreatsFound" becomes "No threats found".
func Title(id string) string { return Capital(alert.CategoryTitle(id)) }

// Capital returns text with a capital first letter.
func Capital(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError {
		return text
	}
	return string(unicode.ToUpper(r)) + text[size:]
}

// Small returns text with a small first letter.
func Small(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError {
		return text
	}
	return string(unicode.ToLower(r)) + text[size:]
}

// Kind returns what an entity of a kind is called.
func Kind(k alert.Kind) string {
	switch k {
	case alert.KindIP:
		return "IP address"
	case alert.KindURL:
		return "URL"
	case alert.KindMessage:
		return "Mail message"
	case alert.KindOAuthApp:
		return "OAuth app"
	}
	return Title(string(k))
}

// Kinds returns how many entities of a kind there are: "12 IP addresses".
func Kinds(n int, k alert.Kind) string {
	one := Kind(k)
	if k != alert.KindIP && k != alert.KindURL && k != alert.KindOAuthApp {
		one = Small(one)
	}
	switch {
	case k == "":
		return Plural(n, "entity", "entities")
	case strings.HasSuffix(one, "s"), strings.HasSuffix(one, "x"):
		return Plural(n, one, one+"es")
	case strings.HasSuffix(one, "y") && !strings.HasSuffix(one, "key"):
		return Plural(n, one, strings.TrimSuffix(one, "y")+"ies")
	}
	return Count(n, one)
}

// Group returns how many assets of a group there are: "1 mailbox".
func Group(n int, g alert.AssetGroup) string {
	many := strings.ToLower(g.Title())
	one := strings.TrimSuffix(many, "s")
	if g == alert.Mailboxes {
		one = "mailbox"
	}
	return Plural(n, one, many)
}

// Roles returns roles as a list.
func Roles(roles []alert.Role) string {
	texts := make([]string, len(roles))
	for n, r := range roles {
		texts[n] = Title(string(r))
	}
	return strings.Join(texts, ", ")
}

// Person returns a display name and an identifier, "" for nobody.
func Person(name, id string) string {
	switch {
	case name == "" || name == id:
		return id
	case id == "":
		return name
	}
	return name + " (" + id + ")"
}

// Owner returns an owner, "" for nobody.
func Owner(o alert.Owner) string { return Person(o.Name, o.ID) }

// Actor returns who did something.
func Actor(a activity.Actor) string {
	who := cmp.Or(Person(a.Name, a.ID), "Unknown user")
	if a.OnBehalfOf != "" {
		who += " for " + a.OnBehalfOf
	}
	return who
}

// Called returns what an actor is called in a sentence.
func Called(a activity.Actor) string { return cmp.Or(a.Name, a.ID, "Unknown user") }

// Plural returns n of something.
func Plural[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(n) + " " + many
}

// Count returns n of something whose plural ends in s.
func Count(n int, noun string) string { return Plural(n, noun, noun+"s") }

// Times returns "once", "twice" or "3 times".
func Times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return Grouped(n) + " times"
}

// And joins names as a sentence does.
func And(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Join returns a and b with sep between them, or the one that is not empty.
func Join(sep, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}

// Shown says how much of a list is drawn, "" for all of it.
func Shown(n, total int) string {
	if n == total {
		return ""
	}
	return Grouped(n) + " of " + Grouped(total) + " shown"
}

// Lasting returns d to about a minute: "2 h 29 min".
func Lasting(d time.Duration) string {
	minutes := int64(d / time.Minute)
	days, hours, rest := minutes/(24*60), minutes/60%24, minutes%60
	switch {
	case days > 0 && hours > 0:
		return Grouped(days) + " d " + fmt.Sprint(hours) + " h"
	case days > 0:
		return Grouped(days) + " d"
	case hours > 0 && rest > 0:
		return fmt.Sprintf("%d h %d min", hours, rest)
	case hours > 0:
		return fmt.Sprintf("%d h", hours)
	case rest > 0:
		return fmt.Sprintf("%d min", rest)
	}
	return "less than 1 min"
}

// Visible returns s as a text can show it: line ends are line feeds, and characters that nobody sees but that
// end, hide, part or turn around what others see are marks such as "[U+202E]", see [glyph.Marked].
func Visible(s string) string {
	clean := utf8.ValidString(s)
	for i := 0; clean && i < len(s); i++ {
		clean = s[i] >= ' ' && s[i] < 0x7f || s[i] == '\n'
	}
	if clean {
		return s
	}
	s = strings.ReplaceAll(glyph.Marked(s), "\r\n", "\n")
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\r':
			b.WriteByte('\n')
		case r < ' ' && r != '\n' && r != '\t', 0x7f <= r && r <= 0x9f, // controls
			r == '\u2028', r == '\u2029', // ends of lines and paragraphs
			r&0xfffe == 0xfffe, 0xfdd0 <= r && r <= 0xfdef: // noncharacters
			fmt.Fprintf(&b, "[U+%04X]", r)
		default:
			b.WriteRune(r) // U+FFFD for a byte that is none
		}
	}
	return b.String()
}
