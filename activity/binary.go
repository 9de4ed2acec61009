package activity

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// encodingVersion is the first byte of an encoded entry. Fields are only ever added under a new version,
// and old versions stay readable, since digests are taken over these bytes.
const encodingVersion = 1

// AppendBinary appends the canonical encoding of e to b and returns the longer slice; the error is always
// nil. It is a version byte and then the fields in the order of the struct: texts and lists are preceded
// by their length, numbers are varints, truth is a byte, enumerations are their texts and times are
// microseconds since 1970 in UTC behind a byte that says whether there is one.
func (e Entry) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, encodingVersion)
	b = binary.AppendVarint(b, e.Seq)
	b = appendText(b, string(e.ID))
	b = appendTime(b, e.Time)
	b = appendText(b, string(e.Incident))
	b = appendText(b, string(e.Alert))
	b = appendText(b, e.Type.String())
	b = appendText(b, e.Actor.Kind.String())
	b = appendText(b, e.Actor.ID)
	b = appendText(b, e.Actor.Name)
	b = appendText(b, e.Cause)
	b = binary.AppendUvarint(b, uint64(len(e.Changes)))
	for _, c := range e.Changes {
		b = appendText(b, c.Field)
		b = appendText(b, string(c.Before))
		b = appendText(b, string(c.After))
	}
	b = appendText(b, e.Text)
	b = binary.AppendUvarint(b, uint64(len(e.Links)))
	for _, l := range e.Links {
		b = appendText(b, l.Reason.String())
		b = appendText(b, string(l.Entity))
		b = appendText(b, string(l.Incident))
		b = binary.AppendVarint(b, int64(l.Score))
		b = appendText(b, l.HeldBack)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Attachments)))
	for _, a := range e.Attachments {
		b = appendText(b, a.Name)
		b = appendText(b, a.Type)
		b = binary.AppendVarint(b, a.Size)
		b = binary.AppendVarint(b, int64(a.Width))
		b = binary.AppendVarint(b, int64(a.Height))
		b = appendText(b, a.SHA256)
	}
	b = appendBool(b, e.Redacted)
	b = appendText(b, string(e.Subject))
	b = appendText(b, string(e.Origin))
	return appendTime(b, e.Occurred), nil
}

// MarshalBinary returns the canonical encoding; see [Entry.AppendBinary].
func (e Entry) MarshalBinary() ([]byte, error) { return e.AppendBinary(nil) }

// ErrEncoding says that bytes are not the canonical encoding of an entry. Test for it with [errors.Is].
var ErrEncoding = errors.New("activity: not an encoded entry")

// UnmarshalBinary sets e to the entry that data encodes. Data that [Entry.AppendBinary] would not have
// written, trailing bytes included, is an error that matches [ErrEncoding].
func (e *Entry) UnmarshalBinary(data []byte) error {
	d := decoder{rest: data}
	if version := d.bytes(1); d.err == nil && version[0] != encodingVersion {
		return fmt.Errorf("%w: version %d", ErrEncoding, version[0])
	}
	var out Entry
	out.Seq = d.varint()
	out.ID = ID(d.text())
	out.Time = d.time()
	out.Incident = alert.IncidentID(d.text())
	out.Alert = alert.ID(d.text())
	d.enum(&out.Type)
	d.enum(&out.Actor.Kind)
	out.Actor.ID = d.text()
	out.Actor.Name = d.text()
	out.Cause = d.text()
	for range d.length() {
		out.Changes = append(out.Changes, Change{d.text(), Value(d.text()), Value(d.text())})
	}
	out.Text = d.text()
	for range d.length() {
		var l Link
		d.enum(&l.Reason)
		l.Entity, l.Incident = alert.Key(d.text()), alert.IncidentID(d.text())
		l.Score, l.HeldBack = int(d.varint()), d.text()
		out.Links = append(out.Links, l)
	}
	for range d.length() {
		out.Attachments = append(out.Attachments, Attachment{d.text(), d.text(), d.varint(), int(d.varint()), int(d.varint()), d.text()})
	}
	out.Redacted = d.bool()
	out.Subject = ID(d.text())
	out.Origin = alert.IncidentID(d.text())
	out.Occurred = d.time()
	if d.err != nil {
		return d.err
	}
	// Varints and folded enumeration texts have several spellings; only the canonical one is accepted.
	if canonical, err := out.MarshalBinary(); err != nil || string(canonical) != string(data) {
		return fmt.Errorf("%w: not canonical", ErrEncoding)
	}
	*e = out
	return nil
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendTime(b []byte, t time.Time) []byte {
	if b = appendBool(b, !t.IsZero()); t.IsZero() {
		return b
	}
	return binary.AppendVarint(b, t.UnixMicro())
}

// A decoder reads the parts of an encoding and remembers the first thing that was wrong.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) bytes(n uint64) []byte {
	if d.err != nil {
		return nil
	}
	if n > uint64(len(d.rest)) {
		d.err = fmt.Errorf("%w: cut short", ErrEncoding)
		return nil
	}
	head := d.rest[:n]
	d.rest = d.rest[n:]
	return head
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	d.skip(n)
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.skip(n)
	return v
}

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.rest = nil
		if d.err == nil {
			d.err = fmt.Errorf("%w: cut short", ErrEncoding)
		}
		return
	}
	d.bytes(uint64(n))
}

func (d *decoder) text() string { return string(d.bytes(d.uvarint())) }

// length reads the length of a list. Every element takes a byte at least, so a length beyond the rest of
// the data is refused before anything is made for it.
func (d *decoder) length() uint64 {
	n := d.uvarint()
	if n > uint64(len(d.rest)) && d.err == nil {
		d.err = fmt.Errorf("%w: cut short", ErrEncoding)
	}
	if d.err != nil {
		return 0
	}
	return n
}

func (d *decoder) bool() bool {
	v := d.bytes(1)
	return d.err == nil && v[0] != 0
}

func (d *decoder) time() time.Time {
	if !d.bool() {
		return time.Time{}
	}
	return time.UnixMicro(d.varint()).UTC()
}

func (d *decoder) enum(v interface{ UnmarshalText([]byte) error }) {
	text := d.text()
	if d.err != nil {
		return
	}
	if err := v.UnmarshalText([]byte(text)); err != nil {
		d.err = fmt.Errorf("%w: %w", ErrEncoding, err)
	}
}
