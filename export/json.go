package export

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/incidentkit/incidentkit/alert"
)

// reportVersion is the version of a Report's JSON. It grows when a reader of the last one would be misled, not when
// there is a new member.
const reportVersion = 2

// plain is a Report without its methods.
type plain Report

// MarshalJSON returns r as an object whose "version" is 2. See the package comment for what is in it. Bytes that are
// not UTF-8 become U+FFFD.
func (r Report) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(struct {
		Version int `json:"version"`
		plain
	}{reportVersion, plain(r)})
	// What a source sent beside the known fields is kept byte by byte, and so may be anything.
	return unescaped(bytes.ToValidUTF8(text, []byte("\uFFFD"))), err
}

// unescaped returns JSON with U+FFFD as it is. The encoder writes what was no UTF-8 as an escape, and what
// was U+FFFD not, so that a Report that was read would be other bytes than the one that was written.
func unescaped(text []byte) []byte {
	const escape = `\ufffd`
	if !bytes.Contains(text, []byte(escape)) {
		return text
	}
	var b bytes.Buffer
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\\')
		if n < 0 || n+1 == len(text) {
			break
		}
		b.Write(text[:n])
		if text = text[n:]; bytes.HasPrefix(text, []byte(escape)) {
			b.WriteRune('\uFFFD')
			text = text[len(escape):]
			continue
		}
		b.Write(text[:2])
		text = text[2:]
	}
	b.Write(text)
	return b.Bytes()
}

// UnmarshalJSON reads what MarshalJSON writes. Members that it does not know are passed over; a version that
// is not 2, or none, is an [*alert.FieldError].
func (r *Report) UnmarshalJSON(text []byte) error {
	var v struct {
		Version json.RawMessage `json:"version"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	if want := strconv.Itoa(reportVersion); string(v.Version) != want {
		return &alert.FieldError{Field: "version", Value: string(v.Version), Want: want}
	}
	var p plain
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	*r = Report(p)
	return nil
}
