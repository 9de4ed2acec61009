// Package intake reads alerts and incidents of whichever known system has written a file: Microsoft Defender (package
// msgraph), Microsoft Sentinel (package sentinel), and the products that package alert/mapping has mappings of. A program
// that knows what it reads calls their decoders itself.
//
// # Errors
//
// They are those of the decoder that reads the file: an *alert.DecodeError for each item that cannot be taken, and one
// that ends the sequence when the file cannot be read further, which wraps the error of the reader.
//
// # Limits
//
// A file has the items of one system. Up to 64 MiB of it are held in memory to find out which, when its first item is
// that long, and else 1 MiB; what the decoder holds comes on top.
package intake

import (
	"bytes"
	"io"
	"iter"

	"github.com/incidentkit/incidentkit/alert/mapping"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/msgraph"
	"github.com/incidentkit/incidentkit/incident/sentinel"
)

// A decoder reads the items of one system.
type decoder func(r io.Reader, name string) iter.Seq2[incident.Decoded, error]

const (
	firstHead = 1 << 20  // bytes that are looked at
	maxHead   = 64 << 20 // as long as an item may be
	enough    = 100      // items that are looked at
)

// Decode reads the incidents and alerts of r with the decoder that takes the most of the first 100 items: one of more,
// which are the caller's mappings, that of msgraph, that of sentinel, or one of the mappings of package mapping. Of
// several that take as many, the first in this order reads the file. Items of other systems in it are errors. A file
// of which no decoder takes anything is read by msgraph, whose errors name the format that an item seems to have.
//
// name stands in errors. The sequence can be ranged over once, and reads as far as it is ranged over.
func Decode(r io.Reader, name string, more ...*mapping.Mapping) iter.Seq2[incident.Decoded, error] {
	return func(yield func(incident.Decoded, error) bool) {
		decoders := append(mapped(more...), msgraph.Decode, sentinel.Decode)
		decoders = append(decoders, mapped(mapping.CrowdStrike(), mapping.Elastic(), mapping.GuardDuty(),
			mapping.Suricata(), mapping.Wazuh())...)
		var head []byte
		var ended bool
		var best decoder
		for size := firstHead; best == nil && !ended && size <= maxHead; size *= 4 {
			part, err := io.ReadAll(io.LimitReader(r, int64(size-len(head))))
			head = append(head, part...)
			if ended = len(head) < size; err != nil {
				r = failing{err}
			}
			best = choose(decoders, head)
		}
		if best == nil {
			best = msgraph.Decode
		}
		for item, err := range best(io.MultiReader(bytes.NewReader(head), r), name) {
			if !yield(item, err) {
				return
			}
		}
	}
}

// choose returns the decoder that takes the most of the first items; nil when none takes any.
func choose(decoders []decoder, head []byte) (best decoder) {
	most := 0
	for _, decode := range decoders {
		taken, seen := 0, 0
		for _, err := range decode(bytes.NewReader(head), "") {
			if seen++; err == nil {
				taken++
			}
			if seen == enough {
				break
			}
		}
		if taken > most {
			best, most = decode, taken
		}
	}
	return best
}

// mapped returns the decoders of mappings.
func mapped(mappings ...*mapping.Mapping) (decoders []decoder) {
	for _, m := range mappings {
		decoders = append(decoders, func(r io.Reader, name string) iter.Seq2[incident.Decoded, error] {
			return func(yield func(incident.Decoded, error) bool) {
				for item, err := range m.Decode(r, name) {
					got := incident.Decoded{Index: item.Index, Notes: item.Notes}
					if err == nil {
						got.Alert = &item.Alert
					}
					if !yield(got, err) {
						return
					}
				}
			}
		})
	}
	return decoders
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
