package manager

import (
	"bytes"
	"encoding/json"
	"errors"
)

// MarshalJSON returns r with the text of Err as "error".
func (r Result) MarshalJSON() ([]byte, error) {
	type fields Result
	return marshalResult(fields(r), r.Err)
}

// UnmarshalJSON reads what MarshalJSON writes. Err has the text and matches no other error.
func (r *Result) UnmarshalJSON(text []byte) error {
	type fields Result
	return unmarshalResult(text, (*fields)(r), &r.Err)
}

// MarshalJSON returns r with the text of Err as "error".
func (r AlertResult) MarshalJSON() ([]byte, error) {
	type fields AlertResult
	return marshalResult(fields(r), r.Err)
}

// UnmarshalJSON reads what MarshalJSON writes. Err has the text and matches no other error.
func (r *AlertResult) UnmarshalJSON(text []byte) error {
	type fields AlertResult
	return unmarshalResult(text, (*fields)(r), &r.Err)
}

// MarshalJSON returns r with the text of Err as "error".
func (r EditResult) MarshalJSON() ([]byte, error) {
	type fields EditResult
	return marshalResult(fields(r), r.Err)
}

// UnmarshalJSON reads what MarshalJSON writes. Err has the text and matches no other error.
func (r *EditResult) UnmarshalJSON(text []byte) error {
	type fields EditResult
	return unmarshalResult(text, (*fields)(r), &r.Err)
}

// MarshalJSON returns r with the text of Err as "error".
func (r PurgeResult) MarshalJSON() ([]byte, error) {
	type fields PurgeResult
	return marshalResult(fields(r), r.Err)
}

// UnmarshalJSON reads what MarshalJSON writes. Err has the text and matches no other error.
func (r *PurgeResult) UnmarshalJSON(text []byte) error {
	type fields PurgeResult
	return unmarshalResult(text, (*fields)(r), &r.Err)
}

// marshalResult returns fields, a struct of which one at least is always written, with the text of failed behind them.
// Whoever encodes the whole decides whether <, > and & are escaped.
func marshalResult(fields any, failed error) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(fields); err != nil || failed == nil {
		return b.Bytes(), err
	}
	b.Truncate(b.Len() - len("}\n"))
	b.WriteString(`,"error":`)
	err := e.Encode(failed.Error())
	b.WriteByte('}')
	return b.Bytes(), err
}

func unmarshalResult(text []byte, fields any, failed *error) error {
	var said struct{ Error *string }
	if err := errors.Join(json.Unmarshal(text, fields), json.Unmarshal(text, &said)); err != nil {
		return err
	}
	if *failed = nil; said.Error != nil {
		*failed = errors.New(*said.Error)
	}
	return nil
}
