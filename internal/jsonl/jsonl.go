// Package jsonl reads files that have a JSON object a line.
package jsonl

import (
	"bufio"
	"bytes"
	"io"
	"iter"
)

// A Line is one that is not blank.
type Line struct {
	Number int // from 1
	Text   []byte
}

// Lines yields the lines of r, of any length, without the blanks around them and without a byte order mark. An error
// of r comes with the number of its line, and ends them; what was read of that line is lost.
func Lines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		in := bufio.NewReader(r)
		for n := 1; ; n++ {
			text, err := in.ReadBytes('\n')
			if err != nil && err != io.EOF {
				yield(Line{Number: n}, err)
				return
			}
			if n == 1 {
				text = bytes.TrimPrefix(text, []byte("\uFEFF"))
			}
			text = bytes.TrimSpace(text)
			if len(text) > 0 && !yield(Line{n, text}, nil) || err != nil {
				return
			}
		}
	}
}
