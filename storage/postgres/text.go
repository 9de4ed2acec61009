package postgres

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// escape writes a text as PostgreSQL can hold it, which has no U+0000. The characters up to U+0005 become two:
// the first U+0001 or U+0002, the second U+0003 to U+0005. So every text has one form, the forms have the order
// of the texts, and one contains another where the texts do, since no character begins as another ends.
func escape[T ~string](s T) string {
	if strings.IndexFunc(string(s), func(r rune) bool { return r <= 5 }) < 0 {
		return string(s)
	}
	b := make([]byte, 0, len(s)+8)
	for n := range len(s) {
		if c := s[n]; c <= 5 {
			b = append(b, 1+c/3, 3+c%3)
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// unescape is the inverse of escape.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for n := 0; n < len(s); n++ {
		if c := s[n]; (c == 1 || c == 2) && n+1 < len(s) {
			n++
			b = append(b, (c-1)*3+s[n]-3)
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func escapeAll[T ~string](all []T) []string {
	out := make([]string, len(all))
	for n, s := range all {
		out[n] = escape(s)
	}
	return out
}

// foldAll returns what texts fold to, escaped.
func foldAll(all []string) []string {
	out := make([]string, len(all))
	for n, s := range all {
		out[n] = escape(incident.Fold(s))
	}
	return out
}

func smallints[T ~uint8](all []T) []int16 {
	out := make([]int16, len(all))
	for n, v := range all {
		out[n] = int16(v)
	}
	return out
}

// digests returns what stands for the keys in the table of sightings, each once.
func digests(keys []alert.Key) [][]byte {
	out := make([][]byte, len(keys))
	for n, k := range keys {
		out[n] = digest(k)
	}
	slices.SortFunc(out, slices.Compare)
	return slices.CompactFunc(out, slices.Equal)
}

func digest(k alert.Key) []byte {
	sum := sha256.Sum256([]byte(k))
	return sum[:]
}

// terms returns what stands for the values of a column in the index of all lists. Different values may share a
// term: who looks for one looks at the column too.
func terms(tenant, column string, values []string) []int64 {
	out := make([]int64, len(values))
	for n, v := range values {
		sum := sha256.Sum256([]byte(tenant + "\x00" + column + "\x00" + v))
		out[n] = int64(binary.LittleEndian.Uint64(sum[:]))
	}
	return out
}

// references returns system and identifier of each, joined so that no two pairs are joined to the same text.
func references(all []incident.Reference) []string {
	out := make([]string, len(all))
	for n, r := range all {
		out[n] = escape(strconv.Itoa(len(r.System)) + ":" + r.System + r.ID)
	}
	return out
}

// micros returns t in microseconds since 1970, those that it is in the middle of not counted.
func micros(t time.Time) int64 {
	switch {
	case t.Year() < -200_000:
		return math.MinInt64
	case t.Year() > 200_000:
		return math.MaxInt64
	}
	return t.UnixMicro()
}

// from returns the first microsecond that is not before t.
func from(t time.Time) int64 {
	m := micros(t)
	if t.Nanosecond()%1000 != 0 && m != math.MaxInt64 {
		m++
	}
	return m
}
