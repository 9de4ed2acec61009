package activity

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/internal/limit"
)

// digestVersion is the first byte of what a Digest is taken over. Version 1 was an encoding without digests.
const digestVersion = 2

// A Digest is a SHA-256. The zero Digest stands for none.
type Digest [sha256.Size]byte

// IsZero reports whether d stands for none.
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns d in lower-case hexadecimal, "" when it is zero.
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return hex.EncodeToString(d[:])
}

// MarshalText returns what String does.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText sets d to the digest that text is in hexadecimal; "" is the zero one. Any other text is an
// [*alert.FieldError].
func (d *Digest) UnmarshalText(text []byte) error {
	var read Digest
	n, err := hex.Decode(read[:], text[:min(len(text), 2*len(read))])
	if err != nil || len(text) > 2*len(read) || n != 0 && n != len(read) {
		return &alert.FieldError{Field: "digest", Value: limit.Shorten(string(text)), Want: "64 hexadecimal digits"}
	}
	*d = read
	return nil
}

// A Seal is what an entry's Digest is checked with. A part of the entry that can be taken away stands in the Digest as
// a digest of its own. That is salted, so that a short text cannot be found again by trying. When the part goes, its
// salt goes too, and its digest stays here.
type Seal struct {
	// Salt is 32 random bytes, from which the salts of all parts follow. It is zero once a part was taken away.
	Salt Digest `json:"salt,omitzero"`

	// Parts has all parts once one was taken away, in the order of the package comment.
	Parts []SealedPart `json:"parts,omitempty"`
}

// IsZero reports whether s is that of an entry without a Digest.
func (s Seal) IsZero() bool { return s.Salt.IsZero() && s.Parts == nil }

// A SealedPart is what is kept of one part of an entry: its salt while the entry has it, its digest when it was
// taken away, and neither when it has always been empty.
type SealedPart struct {
	Salt   Digest `json:"salt,omitzero"`
	Digest Digest `json:"digest,omitzero"`
}

// ErrDigest says that an entry or an alert is not what a digest says it is. Test for it with [errors.Is].
var ErrDigest = errors.New("does not fit its digest")

// The parts of an entry that can be taken away, in their order. Those of changes and links follow.
const (
	alertPart = iota // the alert, which is not in the entry; its digest is AlertDigest
	textPart
	imagesPart // what Attachments say, except names
	namesPart  // Names of Attachments
	changeParts
)

// WithDigest returns e with Digest, AlertDigest and Seal, in place of those that e has. salt must be random and used
// for no other entry. about is the digest of the alert that e is about, as it is stored with e: see
// [alert.Alert.Digest]. It is zero when there is no such alert. Digest is over all of e except Seq and Redacted: see
// the package comment.
func (e Entry) WithDigest(salt, about Digest) Entry {
	e.Seal, e.AlertDigest = Seal{Salt: salt}, Digest{}
	if !about.IsZero() {
		e.AlertDigest = salted(partSalt(salt, alertPart), about[:])
	}
	e.Digest, _ = e.digest()
	return e
}

// Verify returns nil when e is what its Digest says, except what was taken away, Seq, and whether Redacted is set where
// nothing was taken away. The error matches [ErrDigest], also when e has no Digest.
func (e Entry) Verify() error {
	if digest, ok := e.digest(); !ok || e.Digest.IsZero() || digest != e.Digest {
		return fmt.Errorf("activity: entry %d (%s) %w", e.Seq, e.ID, ErrDigest)
	}
	return nil
}

// ProvesAlert reports whether VerifyAlert can tell what the alert was: e has an AlertDigest, and its incident was not
// purged.
func (e Entry) ProvesAlert() bool { return !e.AlertDigest.IsZero() && !e.salt(alertPart).IsZero() }

// VerifyAlert returns nil when a is what the alert was after e's command, except Version, Repeats and Repeated. The
// error matches [ErrDigest], also when e proves no alert.
func (e Entry) VerifyAlert(a alert.Alert) error {
	about, err := a.Digest()
	if err == nil && (!e.ProvesAlert() || salted(e.salt(alertPart), about[:]) != e.AlertDigest) {
		err = fmt.Errorf("activity: alert %s %w of entry %d (%s)", a.ID, ErrDigest, e.Seq, e.ID)
	}
	return err
}

// IsSkeleton reports whether more was taken from e than [Entry.Redact] takes. Of an entry that had nothing else to take
// it cannot tell. Of an entry without a Digest only Changes tell.
func (e Entry) IsSkeleton() bool {
	for n, p := range e.Seal.Parts {
		at := (n - changeParts) / 2
		text := n >= changeParts && at < len(e.Changes) && e.IsText(e.Changes[at])
		if !p.Digest.IsZero() && !text && n != textPart && n != namesPart {
			return true
		}
	}
	if e.Digest.IsZero() {
		return slices.ContainsFunc(e.Changes, func(c Change) bool { return c.Redacted() && !e.IsText(c) })
	}
	return !e.AlertDigest.IsZero() && !e.ProvesAlert()
}

// digest returns what Digest must be. It is not ok when Seal is not one of e.
func (e *Entry) digest() (d Digest, ok bool) {
	b, ok := e.preimage()
	return sha256.Sum256(b), ok
}

// preimage returns what Digest is taken over. It is not ok when Seal is not one of e.
func (e *Entry) preimage() (b []byte, ok bool) {
	b = append(make([]byte, 0, 1024), digestVersion)
	b = appendText(b, string(e.ID))
	b = appendTime(b, e.Time)
	b = appendText(b, string(e.Incident))
	b = appendText(b, string(e.Alert))
	b = appendText(b, e.Type.String())
	b = appendText(b, e.Actor.Kind.String())
	b = appendText(b, e.Actor.ID)
	b = appendText(b, e.Actor.Name)
	b = appendText(b, e.Actor.OnBehalfOf)
	b = appendText(b, e.Cause)
	b = appendText(b, e.Part)
	b = binary.AppendVarint(b, int64(e.Index))
	b = binary.AppendVarint(b, e.Version)
	b = binary.AppendUvarint(b, uint64(len(e.Changes)))
	for n := range e.Changes {
		b = appendText(b, e.Changes[n].Field)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Links)))
	for n := range e.Links {
		b = appendText(b, e.Links[n].Reason.String())
		b = appendText(b, string(e.Links[n].Incident))
		b = binary.AppendVarint(b, int64(e.Links[n].Score))
	}
	b = appendText(b, string(e.Subject))
	b = appendText(b, string(e.Origin))
	b = appendTime(b, e.Occurred)

	room := make([]byte, sha256.Size, 1024)
	ok = e.Seal.Parts == nil || e.Seal.Salt.IsZero() && len(e.Seal.Parts) == e.parts()
	for n := range e.parts() {
		part, fits := e.partDigest(n, room)
		ok = ok && fits
		b = append(b, 0)
		if !part.IsZero() {
			b[len(b)-1] = 1
			b = append(b, part[:]...)
		}
	}
	return b, ok
}

// parts returns how many parts e has.
func (e *Entry) parts() int { return changeParts + 2*len(e.Changes) + len(e.Links) }

// partDigest returns the digest of the n-th part, which is zero when that has always been empty. It is not ok when Seal
// keeps of the part what it should not. room has the length of a salt and is used.
func (e *Entry) partDigest(n int, room []byte) (d Digest, ok bool) {
	var kept SealedPart
	if n < len(e.Seal.Parts) {
		kept = e.Seal.Parts[n]
	}
	if n == alertPart {
		return e.AlertDigest, kept.Digest.IsZero()
	}
	all := e.appendPart(room, n)
	if len(all) == len(room) {
		return kept.Digest, kept.Salt.IsZero() && (kept.Digest.IsZero() || e.Redacted)
	}
	salt := e.salt(n)
	copy(all, salt[:])
	return sha256.Sum256(all), kept.Digest.IsZero()
}

// appendPart appends what the n-th part is, nothing when it is empty.
func (e *Entry) appendPart(b []byte, n int) []byte {
	link := n - changeParts - 2*len(e.Changes)
	switch {
	case n == alertPart: // is not in the entry
	case n == textPart:
		return append(b, e.Text...)
	case n == imagesPart:
		for k := range e.Attachments {
			a := &e.Attachments[k]
			b = appendText(b, a.Type)
			b = binary.AppendVarint(b, a.Size)
			b = binary.AppendVarint(b, int64(a.Width))
			b = binary.AppendVarint(b, int64(a.Height))
			b = appendText(b, a.SHA256)
		}
	case n == namesPart:
		before, some := b, false
		for k := range e.Attachments {
			b = appendText(b, e.Attachments[k].Name)
			some = some || e.Attachments[k].Name != ""
		}
		if !some {
			return before
		}
	case link >= 0:
		if l := &e.Links[link]; l.Entity != "" || l.HeldBack != "" {
			return appendText(appendText(b, string(l.Entity)), l.HeldBack)
		}
	default:
		c := &e.Changes[(n-changeParts)/2]
		if (n-changeParts)%2 == 0 {
			return appendValue(b, c.Before)
		}
		return appendValue(b, c.After)
	}
	return b
}

// salt returns that of the n-th part, zero when it is not there any more.
func (e *Entry) salt(n int) Digest {
	switch {
	case !e.Seal.Salt.IsZero():
		return partSalt(e.Seal.Salt, n)
	case n < len(e.Seal.Parts):
		return e.Seal.Parts[n].Salt
	}
	return Digest{}
}

// sealWithout returns the Seal of after, which is e without some of its parts.
func (e *Entry) sealWithout(after *Entry) Seal {
	if e.Digest.IsZero() {
		return Seal{}
	}
	room, taken := make([]byte, sha256.Size, 1024), false
	parts := make([]SealedPart, e.parts())
	for n := range parts {
		if n < len(e.Seal.Parts) {
			parts[n].Digest = e.Seal.Parts[n].Digest
		}
		switch there := n == alertPart && !e.AlertDigest.IsZero() || len(e.appendPart(room, n)) > len(room); {
		case there && (n == alertPart || len(after.appendPart(room, n)) > len(room)):
			parts[n].Salt = e.salt(n)
		case there:
			parts[n].Digest, _ = e.partDigest(n, room)
			taken = true
		}
	}
	if !taken {
		return after.Seal
	}
	return Seal{Parts: parts}
}

// salted returns the digest of data with that salt.
func salted(salt Digest, data []byte) Digest { return sha256.Sum256(append(salt[:], data...)) }

// partSalt returns the salt of the n-th part of an entry.
func partSalt(salt Digest, n int) Digest {
	data := append(make([]byte, 0, len(salt)+4), salt[:]...)
	return sha256.Sum256(binary.BigEndian.AppendUint32(data, uint32(n)))
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// appendValue appends v as [json.Marshal] writes it, so that an entry that was read from JSON has the same Digest.
func appendValue(b []byte, v Value) []byte {
	if !strings.ContainsAny(string(v), " \t\r\n<>&\u2028\u2029") {
		return append(b, v...)
	}
	if text, err := json.Marshal(v); err == nil {
		return append(b, text...)
	}
	return append(b, v...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), t.UnixMicro())
}
