package socday

import "encoding/hex"

// random is a sequence of numbers that its start decides (SplitMix64). It is not math/rand so that the
// workload stays the same whatever Go version runs it.
type random uint64

// What a sequence is drawn for, so that the same index means something else each time.
const (
	forIncident = iota + 1
	forIncidentAlert
	forGroup
	forDay
	forParent
	forEdit
	forCursor
	forMachine
	forFleet
)

// random returns the sequence of the i-th thing of a kind.
func (d Day) random(kind, i int) random {
	return random(mix(mix(d.Seed+uint64(kind)) + uint64(i)))
}

// mix maps each number to another one that looks unrelated, never two to the same.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// below returns a number from 0 to n-1, each as likely.
func (r *random) below(n int) int { return int(r.next() % uint64(n)) }

// fraction returns a number from 0 to 1, 1 excluded.
func (r *random) fraction() float64 { return float64(r.next()>>11) / (1 << 53) }

func (r *random) chance(p float64) bool { return r.fraction() < p }

// skewed returns a number from 0 to n-1, small ones more often: 0 comes √n times as often as on average.
func (r *random) skewed(n int) int {
	f := r.fraction()
	return int(f * f * float64(n))
}

// hex returns n hexadecimal digits, at most 64.
func (r *random) hex(n int) string {
	var bytes [32]byte
	for i := 0; i < len(bytes); i += 8 {
		for k, v := 0, r.next(); k < 8; k, v = k+1, v>>8 {
			bytes[i+k] = byte(v)
		}
	}
	var text [64]byte
	hex.Encode(text[:], bytes[:])
	return string(text[:n])
}

// text returns 26 letters and digits, as identifiers made by crypto/rand.Text look.
func (r *random) text() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var b [26]byte
	for i := 0; i < len(b); i += 13 {
		for k, v := 0, r.next(); k < 13; k, v = k+1, v>>5 {
			b[i+k] = alphabet[v%32]
		}
	}
	return string(b[:])
}
