package alert

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// sid adds the key of a security identifier. One that Entra made of an object identifier is that object; see
// [entraObject].
func (r *keyring) sid(text string) {
	text = sidText(text)
	if object := entraObject(text); object != "" {
		r.put("user", object)
	} else {
		r.put("sid", text)
	}
}

// sidText returns a SID without what stands around it: also the percent sign and the brackets of an event
// whose SIDs nobody has looked up.
func sidText(text string) string {
	text = bare(text)
	if strings.HasPrefix(text, "%{") {
		text = text[1:]
	}
	return identifier(text)
}

// isSID reports whether text is a SID, such as S-1-5-18.
func isSID(text string) bool {
	rest, ok := cutFold(text, "s-1-")
	return ok && rest != "" && strings.Trim(rest, "0123456789-") == ""
}

// entraObject returns the object identifier of S-1-12-1-a-b-c-d, "" of another SID: the four numbers are the
// sixteen bytes of the identifier in the order of Windows GUIDs, little-endian.
func entraObject(sid string) string {
	const prefix = "s-1-12-1-"
	if len(sid) < len(prefix) || !strings.EqualFold(sid[:len(prefix)], prefix) {
		return ""
	}
	numbers := strings.Split(sid[len(prefix):], "-")
	if len(numbers) != 4 {
		return ""
	}
	var b [16]byte
	for n, text := range numbers {
		v, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return ""
		}
		binary.LittleEndian.PutUint32(b[4*n:], uint32(v))
	}
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(b[:]), binary.LittleEndian.Uint16(b[4:]),
		binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:])
}

// judgeSID says what a SID in small letters is worth. All but those that begin with S-1-5-21- are the same on
// every Windows machine, or computed from a name. Of those, relative identifiers below 1000 are the groups
// and service accounts that each domain and machine has. Sources: Microsoft, Security identifiers; Samba,
// librpc/idl/security.idl.
func judgeSID(sid string) (Strength, string) {
	rest, ok := strings.CutPrefix(sid, "s-1-5-21-")
	if !ok {
		if strings.HasPrefix(sid, "s-1-5-83-1-") {
			return Weaker, "a virtual machine's account"
		}
		return NotLinking, "a well-known security identifier"
	}
	if strings.HasPrefix(rest, "0-0-0-") {
		return NotLinking, "a well-known security identifier"
	}
	at := strings.LastIndexByte(rest, '-')
	rid, err := strconv.ParseUint(rest[at+1:], 10, 32)
	switch {
	case err != nil || strings.Count(rest, "-") != 3:
		return Weaker, "not the security identifier of an account"
	case rid == 500:
		return Weaker, "a built-in administrator"
	case rid < 1000:
		return NotLinking, "a built-in account or group"
	}
	return Linking, ""
}
