package jsonitem

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// open puts before the text what makes UTF-8 of it, as its first bytes say: the number of a gzip file, or
// the mark of UTF-16. Without a mark UTF-16 is recognised by the first two characters, which are ASCII in JSON.
func (s *stream) open() error {
	if head, _ := s.r.Peek(2); string(head) == "\x1f\x8b" {
		z, err := gzip.NewReader(s.r)
		if err != nil {
			return err
		}
		s.r = bufio.NewReader(z)
	}
	head, _ := s.r.Peek(4)
	switch {
	case len(head) < 2:
		return nil
	case isUTF32(string(head)):
		return errors.New("UTF-32 text: want UTF-8 or UTF-16")
	case string(head[:2]) == "\xff\xfe", head[0] != 0 && head[1] == 0:
		s.r = bufio.NewReader(&utf16Reader{r: s.r, low: 0, high: 1})
	case string(head[:2]) == "\xfe\xff", head[0] == 0 && head[1] != 0:
		s.r = bufio.NewReader(&utf16Reader{r: s.r, low: 1, high: 0})
	}
	return nil
}

func isUTF32(head string) bool {
	return head == "\x00\x00\xfe\xff" || head == "\xff\xfe\x00\x00" ||
		len(head) == 4 && (head[:3] == "\x00\x00\x00" || head[1:] == "\x00\x00\x00")
}

// A utf16Reader reads UTF-16 as UTF-8. Half of a pair becomes U+FFFD, and a mark stays, as U+FEFF.
type utf16Reader struct {
	r         *bufio.Reader
	low, high int    // places of the bytes in a unit
	left      []byte // UTF-8 of the last character that did not fit
	room      [utf8.UTFMax]byte
}

func (u *utf16Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(u.left) == 0 {
			if n > 0 && u.r.Buffered() < 4 {
				return n, nil // rather than wait for more
			}
			c, err := u.rune()
			if err != nil {
				return n, err
			}
			u.left = utf8.AppendRune(u.room[:0], c)
		}
		copied := copy(p[n:], u.left)
		u.left = u.left[copied:]
		n += copied
	}
	return n, nil
}

func (u *utf16Reader) rune() (rune, error) {
	unit, err := u.r.Peek(2)
	if len(unit) < 2 {
		if len(unit) == 1 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	c := rune(unit[u.high])<<8 | rune(unit[u.low])
	size := 2
	if utf16.IsSurrogate(c) {
		if pair, _ := u.r.Peek(4); len(pair) == 4 {
			if both := utf16.DecodeRune(c,
				rune(pair[2+u.high])<<8|rune(pair[2+u.low])); both != utf8.RuneError {
				c, size = both, 4
			}
		}
	}
	_, err = u.r.Discard(size)
	return c, err
}
