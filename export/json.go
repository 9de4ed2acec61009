package export

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/incidentkit/incidentkit/alert"
)

// reportVersion is the version of a Report's JSON. It grows when a reader of the last one would be misled, not when
// there is a new member.
const reportVersion = 1

// plain is a Report without its methods.
type plain Report

// MarshalJSON returns r as an object whose "version" is 1. See the package comment for what is in it. Bytes that are
// not UTF-8 become U+FFFD.
func (r Report) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(struct {
		Version int `json:"version"`
		plain
	}{reportVersion, plain(r)})
	// What a source sent beside the known fields is kept byte by byte, and so may be anything.
	return bytes.ToValidUTF8(text, []byte("\uFFFD")), err
}

// UnmarshalJSON reads what MarshalJSON writes. Members that it does not know are passed over; a version that is not 1,
// or none, is an [*alert.FieldError].
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
