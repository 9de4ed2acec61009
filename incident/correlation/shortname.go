package correlation

import (
	"slices"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/storage"
)

// contradicted returns the short names that stand for several full ones in the window, such as ws-01 for
// ws-01.corp.example and ws-01.lab.example. They link nothing, so that two full names never meet through their short
// one.
func (s *search) contradicted(ids []alert.Identifier) (map[alert.Key]bool, error) {
	var short []alert.Key
	full := make(map[alert.Key][]string)
	for _, p := range s.pairs {
		for _, sh := range p.shared {
			if isShort(sh.Identifier) && !p.shares(sh.Entity) && !slices.Contains(short, sh.Key) {
				short = append(short, sh.Key)
				full[sh.Key] = fullNames(ids, sh.Key)
			}
		}
	}
	if len(short) == 0 {
		return nil, nil
	}
	slices.Sort(short)
	read := make(map[alert.ID][]alert.Identifier)
	for _, newest := range []bool{true, false} {
		from, until := s.first.Add(-s.window()), s.first
		if !newest {
			from, until = s.first.Add(time.Microsecond), s.last.Add(s.window())
		}
		q := storage.SightingQuery{Entities: short, Newest: newest, Limit: few}.Between(from, until)
		for found, err := range storage.Sightings(s.ctx, s.r, q) {
			switch {
			case err != nil:
				return nil, err
			case found.Standalone:
				continue
			}
			if _, known := read[found.Alert]; !known {
				b, err := s.alert(found.Alert)
				if err != nil {
					return nil, err
				}
				read[found.Alert] = b.Identifiers(&s.Identity)
			}
			full[found.Entity] = append(full[found.Entity], fullNames(read[found.Alert], found.Entity)...)
		}
	}
	several := make(map[alert.Key]bool)
	for key, names := range full {
		slices.Sort(names)
		several[key] = len(slices.Compact(names)) > 1
	}
	return several, nil
}

// shares reports whether the pair shares a name of a thing that is no short form.
func (p *pair) shares(entity int) bool {
	return slices.ContainsFunc(p.shared, func(sh sharing) bool { return sh.Entity == entity && sh.Stored == sh.Lookup })
}

// isShort reports whether i joins a short name with a full one.
func isShort(i alert.Identifier) bool {
	return i.Stored != i.Lookup && strings.HasPrefix(string(i.Key), "short-")
}

// fullNames returns the full names among ids that have the short one, each account as its domain and its name.
func fullNames(ids []alert.Identifier, short alert.Key) (names []string) {
	for _, of := range ids {
		if of.Key != short || of.Stored != short || of.Strength == alert.NotLinking {
			continue
		}
		for _, i := range ids {
			_, name, _ := strings.Cut(string(i.Key), ":")
			if i.Entity != of.Entity || i.Stored != i.Lookup || strings.Contains(name, "#ext#") { // a guest's
				continue
			}
			switch i.Key.Namespace() {
			case "upn":
				account, domain, _ := strings.Cut(name, "@")
				names = append(names, domain+`\`+account)
			case "host", "account":
				if strings.Contains(name, ".") {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
