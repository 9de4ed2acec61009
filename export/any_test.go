package export

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// A filler fills a value and all that it holds by reflection, so that a field that Report gains is filled without anybody thinking of it.
type filler struct {
	text   func(path string, t reflect.Type) string
	number func(limit uint64) uint64 // less than limit
	length func() int                // of a list or a map
	when   func() time.Time
	image  func() []byte
}

// fill sets v, which stands at path, such as ".Alerts.Title".
func (f filler) fill(v reflect.Value, path string) {
	t := v.Type()
	switch t {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(f.when()))
		return
	case reflect.TypeFor[[]byte]():
		v.SetBytes(f.image())
		return
	case reflect.TypeFor[alert.Entity]():
		all := []alert.Entity{alert.Device{}, alert.User{}, alert.URL{}, alert.File{}, alert.IP{}, alert.Other{}}
		e := reflect.New(reflect.TypeOf(all[f.number(uint64(len(all)))])).Elem()
		f.fill(e, path)
		if o, ok := e.Interface().(alert.Other); ok {
			o.Type = "a " + o.Type // no kind that has a type of its own
			e.Set(reflect.ValueOf(o))
		}
		v.Set(e)
		return
	}
	_, isJSON := v.Addr().Interface().(json.Unmarshaler)
	switch v.Kind() {
	case reflect.String:
		text := f.text(path, t)
		if isJSON && text != "" {
			quoted, _ := json.Marshal(map[string]string{"x": text})
			text = string(quoted)
		}
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(f.number(2) == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.number(math.MaxUint64))) //nolint:gosec // any number will do
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.number(constants(t)))
	case reflect.Pointer:
		if f.length() > 0 {
			v.Set(reflect.New(t.Elem()))
			f.fill(v.Elem(), path)
		}
	case reflect.Slice:
		v.SetZero()
		if n := f.length(); n > 0 {
			v.Set(reflect.MakeSlice(t, n, n))
		}
		fallthrough
	case reflect.Array:
		for n := range v.Len() {
			f.fill(v.Index(n), path)
		}
	case reflect.Map:
		v.SetZero()
		if n := f.length(); n > 0 {
			v.Set(reflect.MakeMap(t))
			for range n {
				key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
				f.fill(key, path+".key")
				// JSON puts keys in order by the bytes that it then mends.
				key.SetString(strings.ReplaceAll(strings.ToValidUTF8(key.String(), "?"), surrogate, "?"))
				f.fill(value, path)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for n := range v.NumField() {
			if t.Field(n).IsExported() {
				f.fill(v.Field(n), path+"."+t.Field(n).Name)
			}
		}
	default:
		panic(fmt.Sprintf("nobody said how to fill a %s at %s", t, path))
	}
}

// constants returns how many values of an enumeration there are: those that have a text. Of other unsigned numbers there are three.
func constants(t reflect.Type) uint64 {
	v := reflect.New(t).Elem()
	if _, ok := v.Interface().(encoding.TextMarshaler); !ok {
		return 3
	}
	for n := range uint64(256) {
		v.SetUint(n)
		if _, err := v.Interface().(encoding.TextMarshaler).MarshalText(); err != nil {
			return n
		}
	}
	return 256
}

// A feed makes whatever a report can be out of bytes. When these end, all that follows is empty: fewer bytes are a smaller report.
type feed struct {
	io.ByteReader
	room int // bytes that texts and lists may still take
}

// seeded returns a feed that never ends.
func seeded(seed uint64) *feed {
	var key [32]byte
	for n := range 8 {
		key[n] = byte(seed >> (8 * n))
	}
	return &feed{bufio.NewReader(rand.NewChaCha8(key)), 30_000}
}

func fed(data []byte) *feed { return &feed{bytes.NewReader(data), 30_000} }

func (f *feed) below(limit int) int {
	n := 0
	for more := limit - 1; more > 0; more >>= 8 {
		b, err := f.ReadByte()
		if err != nil {
			return 0
		}
		n = n<<8 | int(b)
	}
	return n % max(limit, 1)
}

func (f *feed) one(of []string) string { return of[f.below(len(of))] }

// take returns n, or what there is room for.
func (f *feed) take(n, each int) int {
	n = min(n, f.room/each)
	f.room -= n * each
	return n
}

// report returns the next report. The same bytes give the same one.
func (f *feed) report() Report {
	var r Report
	filler{
		text: f.text, when: f.when, image: f.image,
		length: func() int {
			return f.take([]int{0, 1, 1, 2, 2, 3, 1, 4, 0, 1, 1, 2, 2, 3, 1, 9 + 60*(f.below(16)/15)}[f.below(16)], 20)
		},
		number: func(limit uint64) uint64 {
			if limit <= 256 {
				return uint64(f.below(int(limit)))
			}
			switch f.below(16) {
			case 13:
				return math.MaxInt64
			case 14:
				return 1 << 63
			case 15:
				return uint64(f.below(1 << 30))
			}
			return uint64(f.below(12))
		},
	}.fill(reflect.ValueOf(&r).Elem(), "")
	if f.below(8) > 1 {
		r.Sections = nil
		for s := Overview; s <= Activity; s++ {
			r.Sections = append(r.Sections, s)
		}
	}
	// What is no colour and no logo is an error.
	r.Layout.Accent, r.Layout.Logo = f.one([]string{"", "#24405c", "#7a1f1f"}), nil
	for n := range r.Activity {
		a := &r.Activity[n]
		if f.below(2) == 1 {
			a.Type = activity.Commented
		}
		if images := reflect.ValueOf(&r).Elem().FieldByName("Images"); images.IsValid() { // else no attachment has a content
			for k := range a.Attachments {
				content := f.image()
				a.Attachments[k].SHA256 = sum(content)
				if images.IsNil() {
					images.Set(reflect.MakeMap(images.Type()))
				}
				images.SetMapIndex(reflect.ValueOf(a.Attachments[k].SHA256), reflect.ValueOf(content))
			}
		}
	}
	return r
}

// Words that types of texts know, and so may do something with.
var known = map[reflect.Type][]string{
	reflect.TypeFor[alert.Kind](): {string(alert.KindDevice), string(alert.KindUser), string(alert.KindIP), string(alert.KindURL), string(alert.KindFile),
		string(alert.KindMessage), string(alert.KindOAuthApp), "kubernetesPod"},
	reflect.TypeFor[alert.EvidenceVerdict](): {string(alert.Malicious), string(alert.Suspicious), string(alert.NoThreatsFound), ""},
	reflect.TypeFor[alert.Remediation]():     {string(alert.Blocked), "remediated", ""},
	reflect.TypeFor[alert.Role]():            {string(alert.Compromised), string(alert.Source), string(alert.CommandAndControl)},
}

var (
	ordinary = []string{
		"Suspicious LSASS access", "kai@contoso.example", "srv-finance-01.contoso.example", `C:\Users\kai\AppData\Local\Temp\invoice.docm`, "T1566.001",
		"InitialAccess", "UTC", "Europe/Berlin", "alerts.count", "comments", "verdict.classification", "https://security.example/alerts/1?a=b&c=d#e",
		"mailto:kai@contoso.example", "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef", "Handed over to the night shift.\nNothing is left to do.",
		"Подозрительный вход", "Ύποπτη σύνδεση", "פריצה לשרת srv-01 (דחוף)", "تسجيل دخول مشبوه", "恶意软件 マルウェア 악성코드", "Việt Nam", "हिन्दी", "ภาษาไทย",
	}
	hostile = []string{
		"\x00", "\x1b[31m", "\xff", "\xed\xa0\x80", "\xf8\x88\x80\x80", "\uFFFD", "\uFEFF", "\u202e", "\u2066", "\u2069", "\u200f", "\u200d", "\u200c", "\u00ad", "\u2028",
		"\r\n", "\r", "\n\n\n", "\t", "\v", "\u0085", "\U0010FFFF", "\U000E0041", "\uFFFF", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\U0001F1E9\U0001F1EA", "e\u0301",
		"Z\u0351\u036B\u0343\u036A\u0302\u036B\u033D\u034F\u0334\u0319\u0324\u031E\u0349\u035A\u032F\u031E\u0320\u034D", "\u0600\u0661", "لا", "ﷺ", "ﬁ", "\u1100\u1161\u11A8", "؀",
		"(", ")", "\\", "<", "&", "]]>", "%PDF-1.7", "endstream endobj", "/JavaScript", "{nb}", "{{.}}", "[U+0041]", surrogate,
		"# h\n", "> > > > ", "- a\n  - b\n    - c\n", "1. ", "```\n\tcode\n", "| a | b |\n|---|---|\n| c | d |\n", "![x](attachment:a.png)", "[x](javascript:alert(1))", "***", "~~",
		"<b>x</b>", "[x]: y\n", "&#x202e;", "=cmd|'/c calc'!A1", "........................................",
	}
)

// surrogate is a rune that becomes half a surrogate pair where a report goes through JSON.
const surrogate = "\uF8FF"

func (f *feed) text(path string, t reflect.Type) string {
	if words := known[t]; words != nil && f.below(8) > 0 {
		return f.one(words)
	}
	var s string
	switch kind := f.below(16); kind {
	case 0, 1:
	case 2, 3, 4, 5, 6, 7:
		s = f.one(ordinary)
	case 8, 9, 10:
		var b strings.Builder
		for range f.below(8) {
			b.WriteString(f.one(hostile))
			b.WriteString(f.one(ordinary)[:f.below(4)])
		}
		s = b.String()
	case 11, 12:
		var b strings.Builder
		for range f.below(40) {
			b.WriteRune(rune(f.below(utf8.MaxRune + 1))) // U+FFFD for half a surrogate pair
		}
		s = b.String()
	case 13:
		s = f.one(corpus)
	case 14:
		raw := make([]byte, f.below(40))
		for n := range raw {
			raw[n] = byte(f.below(256))
		}
		s = string(raw)
	default: // long, of one sort
		if f.below(8) < 7 {
			return f.one(hostile)
		}
		piece := f.one([]string{"x", "word ", "https://e.example/", "\u0301", "W", "\n", "ا", "字", "\u202e", "0123456789abcdef", "\x00", "> ", "- ", "*", "[", "\U0001F600", "| "})
		s = strings.Repeat(piece, f.below(f.room/2+1)/len(piece))
	}
	if strings.HasSuffix(path, "URL") && f.below(2) == 1 {
		s = "https://" + s
	}
	return s[:f.take(len(s), 1)]
}

// when returns times that JSON can hold: years from 1 to 9998, offsets in minutes.
func (f *feed) when() time.Time {
	at := start.Add(time.Duration(f.below(1<<24)) * time.Second)
	switch f.below(8) {
	case 0:
		return time.Time{}
	case 1:
		at = time.Date(1+f.below(9998), time.Month(1+f.below(12)), 1+f.below(31), f.below(24), 0, 0, f.below(1<<30), time.UTC)
	case 2, 3:
		return at.In(time.FixedZone("", (f.below(24*60)-12*60)*60))
	}
	return at
}

func (f *feed) image() []byte {
	all := hostileImages()
	picture := all[f.below(len(all))].data
	if f.below(8) == 7 {
		picture = picture[:f.below(len(picture)+1)]
	}
	return picture
}

// throughJSON returns r as it comes back from JSON, in which half a surrogate pair stands where surrogate was.
func throughJSON(t testing.TB, r Report) Report {
	t.Helper()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.True(t, utf8.Valid(text))
	text = bytes.ReplaceAll(text, []byte(surrogate), []byte(`\ud83d`))
	var back Report
	require.NoError(t, json.Unmarshal(text, &back))
	return back
}

// What the feed makes is all that there is to make: over some seeds every exported field of Report, and of what it holds, was set.
func TestTheFeedReachesEveryField(t *testing.T) {
	left := map[string]bool{}
	var walk func(t reflect.Type, path string, f func(path string))
	walk = func(t reflect.Type, path string, f func(path string)) {
		switch {
		case t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[[]byte]():
			f(path)
		case t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Pointer || t.Kind() == reflect.Map:
			walk(t.Elem(), path, f)
		case t.Kind() == reflect.Struct:
			for field := range t.Fields() {
				if field.IsExported() {
					walk(field.Type, path+"."+field.Name, f)
				}
			}
		default:
			f(path)
		}
	}
	walk(reflect.TypeFor[Report](), "", func(path string) { left[path] = true })
	require.Greater(t, len(left), 100)
	delete(left, ".Layout.Logo")
	var seen func(v reflect.Value, path string)
	seen = func(v reflect.Value, path string) {
		switch {
		case v.IsZero() && v.Kind() != reflect.Struct:
		case left[path]:
			switch v.Kind() {
			case reflect.Slice, reflect.Array:
				for n := range v.Len() {
					seen(v.Index(n), path)
				}
				if v.Type() != reflect.TypeFor[[]byte]() {
					return
				}
			}
			if !v.IsZero() {
				delete(left, path)
			}
		case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
			for n := range v.Len() {
				seen(v.Index(n), path)
			}
		case v.Kind() == reflect.Map:
			for _, k := range v.MapKeys() {
				seen(v.MapIndex(k), path)
			}
		case v.Kind() == reflect.Pointer:
			seen(v.Elem(), path)
		case v.Kind() == reflect.Struct:
			for n := range v.NumField() {
				if v.Type().Field(n).IsExported() {
					seen(v.Field(n), path+"."+v.Type().Field(n).Name)
				}
			}
		}
	}
	for seed := range uint64(100) {
		seen(reflect.ValueOf(seeded(seed).report()), "")
	}
	assert.Empty(t, left)
	assert.Equal(t, seeded(7).report(), seeded(7).report())
	assert.Zero(t, fed(nil).report())
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

func incidentNamed(name string) incident.Incident { return incident.Incident{Number: 1042, Name: name} }
