package jsonitem

import (
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"
)

// Elements yields the elements of a list, which must be valid JSON, without copying them; nothing of any
// other value.
func Elements(list json.RawMessage) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		n := skipSpace(list, 0)
		if n == len(list) || list[n] != '[' {
			return
		}
		for n = skipSpace(list, n+1); n < len(list) && list[n] != ']'; n = skipSpace(list, n) {
			end := valueEnd(list, n)
			if !yield(list[n:end:end]) {
				return
			}
			if n = skipSpace(list, end); n < len(list) && list[n] == ',' {
				n++
			}
		}
	}
}

// Members yields the members of an object, which must be valid JSON, in their order and without copying their
// values; nothing of any other value.
func Members(object json.RawMessage) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		n := skipSpace(object, 0)
		if n == len(object) || object[n] != '{' {
			return
		}
		for n = skipSpace(object, n+1); n < len(object) && object[n] != '}'; n = skipSpace(object, n) {
			end := textEnd(object, n)
			name := string(object[n+1 : end-1])
			if strings.IndexByte(name, '\\') >= 0 || !utf8.ValidString(name) {
				_ = json.Unmarshal(object[n:end], &name) // it is a text
			}
			n = skipSpace(object, skipSpace(object, end)+1) // behind the colon
			end = valueEnd(object, n)
			if !yield(name, object[n:end:end]) {
				return
			}
			if n = skipSpace(object, end); n < len(object) && object[n] == ',' {
				n++
			}
		}
	}
}

// Depth returns the levels of lists and objects in a value, which must be valid JSON.
func Depth(value json.RawMessage) int {
	depth, deepest := 0, 0
	for n := 0; n < len(value); n++ {
		switch value[n] {
		case '"':
			n = textEnd(value, n) - 1
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}

func skipSpace(text []byte, n int) int {
	for n < len(text) && (text[n] == ' ' || text[n] == '\t' || text[n] == '\r' || text[n] == '\n') {
		n++
	}
	return n
}

// valueEnd returns where the value that begins at n ends.
func valueEnd(text []byte, n int) int {
	for depth := 0; n < len(text); n++ {
		switch text[n] {
		case '"':
			if n = textEnd(text, n) - 1; depth == 0 {
				return n + 1
			}
		case '{', '[':
			depth++
		case '}', ']', ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return n // of a number or a word
			}
			if text[n] == '}' || text[n] == ']' {
				if depth--; depth == 0 {
					return n + 1
				}
			}
		}
	}
	return len(text)
}

// textEnd returns where the text whose first quote is at n ends.
func textEnd(text []byte, n int) int {
	for n++; n < len(text); n++ {
		switch text[n] {
		case '\\':
			n++
		case '"':
			return n + 1
		}
	}
	return len(text)
}
