package activity_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
)

// entry draws an entry with anything in it, except what WithDigest sets.
func entry(t *rapid.T) activity.Entry {
	text := rapid.String()
	when := func(name string) time.Time {
		if !rapid.Bool().Draw(t, name) {
			return time.Time{}
		}
		return time.UnixMicro(rapid.Int64Range(-1e15, 1e16).Draw(t, name)).UTC()
	}
	e := activity.Entry{
		Seq: rapid.Int64().Draw(t, "seq"), ID: activity.ID(text.Draw(t, "id")), Time: when("time"),
		Incident: alert.IncidentID(text.Draw(t, "incident")), Alert: alert.ID(text.Draw(t, "alert")),
		Type: activity.Type(rapid.IntRange(0, int(activity.AutomationRun)).Draw(t, "type")),
		Actor: activity.Actor{Kind: activity.ActorKind(rapid.IntRange(0, 3).Draw(t, "kind")), ID: text.Draw(t, "actor"),
			Name: text.Draw(t, "name"), OnBehalfOf: text.Draw(t, "on behalf of")},
		Cause: text.Draw(t, "cause"), Part: text.Draw(t, "part"), Index: rapid.Int().Draw(t, "index"), Version: rapid.Int64().Draw(t, "version"),
		Text: text.Draw(t, "text"), Origin: alert.IncidentID(text.Draw(t, "origin")), Occurred: when("occurred"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		field := rapid.OneOf(text, rapid.SampledFrom([]string{"name", "tags", "title", "description", "alerts.title"}))
		e.Changes = append(e.Changes, activity.Change{
			Field: field.Draw(t, "field"), Before: value(t, "before"), After: value(t, "after"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "links") {
		e.Links = append(e.Links, activity.Link{Reason: activity.Reason(rapid.IntRange(0, int(activity.GroupedManually)).Draw(t, "reason")),
			Entity: alert.Key(text.Draw(t, "entity")), Score: rapid.Int().Draw(t, "score"), HeldBack: text.Draw(t, "held back")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "attachments") {
		e.Attachments = append(e.Attachments, activity.Attachment{Name: text.Draw(t, "file"), Type: text.Draw(t, "media"), Size: rapid.Int64().Draw(t, "size"),
			Width: rapid.Int().Draw(t, "width"), Height: rapid.Int().Draw(t, "height"), SHA256: text.Draw(t, "digest")})
	}
	e.Subject = activity.ID(text.Draw(t, "subject"))
	return e
}

// value draws the value of a field, as any program may write it.
func value(t *rapid.T, name string) activity.Value {
	var text strings.Builder
	json := json.NewEncoder(&text)
	json.SetEscapeHTML(rapid.Bool().Draw(t, "escaped"))
	json.SetIndent("", rapid.SampledFrom([]string{"", " "}).Draw(t, "indent"))
	if err := json.Encode(rapid.SliceOf(rapid.StringOf(rapid.SampledFrom([]rune("a <&>\u2028\"")))).Draw(t, name)); err != nil {
		t.Fatal(err)
	}
	return activity.Value(rapid.SampledFrom([]string{"", text.String()}).Draw(t, "given"))
}

// sealed draws an entry with a Text and a Digest.
func sealed(t *rapid.T) activity.Entry {
	var about activity.Digest
	if rapid.Bool().Draw(t, "about an alert") {
		about[0] = rapid.ByteMin(1).Draw(t, "alert's digest")
	}
	salt := activity.Digest(rapid.SliceOfN(rapid.ByteRange(1, 255), 32, 32).Draw(t, "salt"))
	e := entry(t)
	e.Text += "."
	return e.WithDigest(salt, about)
}

// taking draws what is taken away from an entry, in any order and again.
func taking(t *rapid.T, e activity.Entry) activity.Entry {
	for _, purged := range rapid.SliceOfN(rapid.Bool(), 0, 3).Draw(t, "purged") {
		if purged {
			e = e.Skeleton()
		} else {
			e = e.Redact()
		}
	}
	return e
}

// What is taken away from an entry takes nothing from its Digest, and the Seq that the storage gives is not in it.
func TestDigestOutlivesWhatIsTakenAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := sealed(t)
		require.NoError(t, e.Verify())
		less := taking(t, e)
		less.Seq = rapid.Int64().Draw(t, "seq")
		require.NoError(t, less.Verify())
		require.Equal(t, e.Digest, less.Digest)
		require.Equal(t, e.AlertDigest, less.AlertDigest)

		text, err := json.Marshal(less)
		require.NoError(t, err)
		var again activity.Entry
		require.NoError(t, json.Unmarshal(text, &again))
		require.Equal(t, less.Digest, again.Digest)
		require.Equal(t, less.Seal, again.Seal)
	})
}

// Whatever is changed, added or removed in an entry, it does not fit its Digest any more.
func TestDigestTellsEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := taking(t, sealed(t))
		places := slices.DeleteFunc(leaves(reflect.ValueOf(&e).Elem(), ""), func(l leaf) bool {
			// Not in the digest, or for VerifyAlert to look at.
			return slices.Contains([]string{".Seq", ".Redacted", ".Seal.Parts[0].Salt"}, l.path)
		})
		place := places[rapid.IntRange(0, len(places)-1).Draw(t, "place")]
		place.change(t)
		require.ErrorIs(t, e.Verify(), activity.ErrDigest, place.path)
	})
}

// A leaf is a place in an entry that can be changed.
type leaf struct {
	path  string
	value reflect.Value
}

// leaves returns the fields of v and of what is in it, and its lists.
func leaves(v reflect.Value, path string) (all []leaf) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return []leaf{{path, v}}
		}
		for f, field := range v.Fields() {
			all = append(all, leaves(field, path+"."+f.Name)...)
		}
		return all
	case reflect.Slice:
		for n := range v.Len() {
			all = append(all, leaves(v.Index(n), fmt.Sprintf("%s[%d]", path, n))...)
		}
	}
	return append(all, leaf{path, v})
}

// change gives l another value.
func (l leaf) change(t *rapid.T) {
	switch v := l.value; v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "!" + rapid.String().Draw(t, "more")) // which ends no JSON
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() ^ int64(1)<<rapid.IntRange(0, 63).Draw(t, "bit"))
	case reflect.Uint8:
		v.SetUint((v.Uint() + 1) % 3)
	case reflect.Array:
		b := v.Index(rapid.IntRange(0, v.Len()-1).Draw(t, "byte"))
		b.SetUint(b.Uint() ^ uint64(rapid.ByteRange(1, 255).Draw(t, "bits")))
	case reflect.Slice:
		if v.Len() > 0 && rapid.Bool().Draw(t, "shorter") {
			v.SetLen(v.Len() - 1)
		} else {
			v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
		}
	default:
		at := v.Addr().Interface().(*time.Time)
		*at = at.Add(time.Duration(rapid.Int64Range(1, 1e12).Draw(t, "later")) * time.Microsecond)
	}
}

// After a redaction or a purge, what is left of an entry does not help to find out what was taken away: the same is
// left, except digests, whatever it was, and no salt of it.
func TestWhatIsTakenAwayCannotBeGuessed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := sealed(t)
		for name, less := range map[string]activity.Entry{"redacted": e.Redact(), "purged": e.Skeleton()} {
			require.Zero(t, less.Seal.Salt, name)
			require.NotEmpty(t, less.Seal.Parts, name)
			for n, part := range less.Seal.Parts {
				require.True(t, part.Salt.IsZero() || part.Digest.IsZero(), "%s, part %d", name, n)
				require.True(t, name == "redacted" || part.Salt.IsZero(), "%s, part %d", name, n)
			}
			require.Zero(t, less.Seal.Parts[1].Salt, "that of the text")
			require.NotZero(t, less.Seal.Parts[1].Digest)
		}
	})
}

// An entry tells what its alert was after its command, until the incident is purged.
func TestVerifyAlert(t *testing.T) {
	a := alert.Alert{ID: "siem:1", Version: 1, Origin: alert.Origin{Source: "siem", ID: "1"}, Title: "Mimikatz"}
	about, err := a.Digest()
	require.NoError(t, err)
	e := activity.Entry{ID: "a", Type: activity.AlertAdded, Alert: a.ID, Text: a.Title}.WithDigest(activity.Digest{1}, about)
	a.Version, a.Repeats = 7, 3
	require.NoError(t, e.VerifyAlert(a))
	require.NoError(t, e.Redact().VerifyAlert(a))
	require.ErrorIs(t, e.Skeleton().VerifyAlert(a), activity.ErrDigest)
	assert.True(t, e.ProvesAlert() && e.Redact().ProvesAlert() && !e.Skeleton().ProvesAlert())
	require.ErrorIs(t, activity.Entry{ID: "b", Alert: a.ID}.WithDigest(activity.Digest{1}, activity.Digest{}).VerifyAlert(a), activity.ErrDigest)
	a.Severity = alert.High
	err = e.VerifyAlert(a)
	require.ErrorIs(t, err, activity.ErrDigest)
	assert.EqualError(t, err, "activity: alert siem:1 does not fit its digest of entry 0 (a)")
}

// A vector is an entry with what its Digest is taken over, and what becomes of it.
type vector struct {
	What     string         `json:"what"`
	Entry    activity.Entry `json:"entry"`
	Preimage string         `json:"preimage"` // in hexadecimal
	Redacted activity.Seal  `json:"redacted"`
	Skeleton activity.Seal  `json:"skeleton"`
}

// Digests of entries that are stored must be the same for ever. testdata/digests.json has some with all that goes into
// them, for those who check digests without this package.
func TestDigestVectors(t *testing.T) {
	file, err := os.ReadFile("testdata/digests.json")
	require.NoError(t, err)
	var vectors []vector
	require.NoError(t, json.Unmarshal(file, &vectors))
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		assert.NoError(t, v.Entry.Verify(), v.What)
		assert.Equal(t, v.Preimage, fmt.Sprintf("%x", activity.Preimage(v.Entry)), v.What)
		assert.Equal(t, v.Redacted, v.Entry.Redact().Seal, v.What)
		assert.Equal(t, v.Skeleton, v.Entry.Skeleton().Seal, v.What)
	}
}

func TestDigestText(t *testing.T) {
	var d activity.Digest
	text := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"
	require.NoError(t, d.UnmarshalText([]byte(text)))
	assert.Equal(t, strings.ToLower(text), d.String())
	for _, bad := range []string{"0", "g" + text[1:], text[1:], text + "0", text + text} {
		before := d
		assert.ErrorIs(t, d.UnmarshalText([]byte(bad)), alert.ErrInvalid, bad)
		assert.Equal(t, before, d)
	}
	require.NoError(t, d.UnmarshalText(nil))
	assert.True(t, d.IsZero())
	assert.Empty(t, d.String())
}
