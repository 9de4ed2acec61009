package export

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// indicatorColumns are the titles of the columns of indicators.
var indicatorColumns = []string{"type", "value", "defanged", "verdict", "roles", "name", "first seen", "last seen", "alerts", "dismissed"}

// WriteIndicatorsCSV writes what other tools can look for as a table: of all of r.Evidence, whatever
// documents draw of it, the hashes of files and programs, addresses, URLs with their hosts, senders of mail
// with their addresses and registry paths; and of r.Assets the accounts that the attacker has or had, and the
// devices that are the attacker's. The most telling comes first, what was found clean and what only false
// positives name last. A value stands there once for each type, with what is said of the entity that it is
// or, where no alert names that itself, of the first entity that it is a part of.
//
// The columns are type (sha256, sha1, md5, ipv4, ipv6, url, domain, email, registry, account or device);
// value, in the normal form that package alert compares by, where it has one; defanged, which is the value so
// that no program makes a link of it ("hxxps://evil[.]example"); verdict and roles of the entity, by their
// identifiers; name, which is the entity's; first seen and last seen, the activity of the alerts that name
// it; alerts, which is their number; and dismissed, which is whether they were all false positives. The text
// is UTF-8 without a byte order mark; lines end in CRLF. Times are RFC 3339, to the second, in the location
// of r. Cells are made harmless as [WriteQueueCSV] says.
//
// The error is that of ctx, which is looked at for every row, or that of w. What was written before it stays.
func WriteIndicatorsCSV(ctx context.Context, w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	err := out.Write(indicatorColumns)
	found := slices.Concat(r.Evidence, r.Assets)
	slices.SortStableFunc(found, func(a, b Finding) int { return first(!a.harmless(), !b.harmless()) })
	itself := make(map[indicator]bool)
	for _, f := range found {
		if f.harmless() {
			continue
		}
		for _, i := range indicators(f) {
			if !i.part {
				itself[i] = true
			}
		}
	}
	told := make(map[indicator]bool)
	for _, f := range found {
		for _, i := range indicators(f) {
			at := indicator{kind: i.kind, value: i.value}
			if err != nil || told[at] || i.part && itself[at] {
				continue
			}
			told[at] = true
			if err = ctx.Err(); err != nil {
				break
			}
			row := []string{i.kind, i.value, i.unlinked(), string(f.Evidence.Verdict), rolesOf(f), f.Evidence.Entity.Name(),
				moment(f.First), moment(f.Last), strconv.Itoa(f.Alerts), strconv.FormatBool(f.Dismissed)}
			for n, text := range row {
				row[n] = harmless(text)
			}
			err = out.Write(row)
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	out.Flush()
	if err = cmp.Or(err, out.Error()); err != nil {
		return fmt.Errorf("export: write indicators: %w", err)
	}
	return nil
}

// moment returns t as RFC 3339, "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func rolesOf(f Finding) string {
	roles := make([]string, len(f.Evidence.Roles))
	for n, r := range f.Evidence.Roles {
		roles[n] = string(r)
	}
	return strings.Join(roles, "; ")
}

// harmless reports whether nothing speaks against an entity.
func (f Finding) harmless() bool { return f.Dismissed || f.Evidence.Verdict == alert.NoThreatsFound }

// An indicator is a value that can be looked for.
type indicator struct {
	kind, value string
	part        bool // the entity is not it, but has it
}

// indicators returns what can be looked for of an entity.
func indicators(f Finding) (list []indicator) {
	add := func(kind, value string, part bool) {
		if value = strings.TrimSpace(value); value != "" {
			list = append(list, indicator{kind, value, part})
		}
	}
	entity := f.Evidence.Entity
	switch e := entity.(type) {
	case alert.Process:
		entity = e.Image // and neither its parent nor its account
	case alert.Registry:
		add("registry", e.Name(), false)
		return list
	case alert.User:
		if f.plays(alert.Attacker, alert.Compromised, alert.CommandAndControl) {
			add("account", e.Name(), false)
		}
		return list
	case alert.Device:
		if f.plays(alert.Attacker, alert.CommandAndControl) {
			add("device", e.Name(), false)
		}
		return list
	case alert.File, alert.IP, alert.URL, alert.Message:
	default:
		return list
	}
	kind := f.Evidence.Entity.Kind()
	for _, key := range alert.Keys(entity) {
		_, value, _ := strings.Cut(string(key), ":")
		switch space := key.Namespace(); space {
		case "sha256", "sha1", "md5":
			add(space, value, kind != alert.KindFile)
		case "ip":
			if a, err := netip.ParseAddr(value); err == nil && a.Is4() {
				add("ipv4", value, kind != alert.KindIP)
			} else {
				add("ipv6", value, kind != alert.KindIP)
			}
		case "url":
			add("url", value, false)
		case "url-host":
			add("domain", value, true)
		case "sender":
			add("email", value, true)
		}
	}
	if u, ok := entity.(alert.URL); ok && len(list) == 0 {
		add("url", u.URL, false) // no URL that package alert can read
	}
	return list
}

// unlinked returns the value so that nobody follows it by accident.
func (i indicator) unlinked() string {
	value := i.value
	switch i.kind {
	case "url":
		scheme, rest, ok := strings.Cut(value, "://")
		if !ok {
			return strings.ReplaceAll(value, ".", "[.]")
		}
		if len(scheme) >= 4 && strings.EqualFold(scheme[:4], "http") {
			scheme = "hxxp" + strings.ToLower(scheme[4:])
		}
		host, path := rest, ""
		if n := strings.IndexAny(rest, "/?#"); n >= 0 {
			host, path = rest[:n], rest[n:]
		}
		return scheme + "://" + strings.NewReplacer(".", "[.]", ":", "[:]").Replace(host) + path
	case "ipv4", "domain":
		return strings.ReplaceAll(value, ".", "[.]")
	case "ipv6":
		return strings.ReplaceAll(value, ":", "[:]")
	case "email", "account":
		return strings.NewReplacer("@", "[@]", ".", "[.]").Replace(value)
	}
	return value
}
