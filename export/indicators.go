package export

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentkit/incidentkit/alert"
)

// indicatorColumns are the titles of the columns of indicators.
var indicatorColumns = []string{"type", "value", "defanged", "verdict", "roles", "name", "first seen", "last seen", "alerts", "dismissed"}

// WriteIndicatorsCSV writes what other tools can look for as a table: of all of r.Evidence, whatever documents draw of it, the hashes of
// files and programs, addresses, URLs with their hosts, senders of mail and registry paths; and of r.Assets the accounts and devices
// that play the part of an attacker. The most telling comes first, each value once for each type.
//
// The columns are type (sha256, sha1, md5, ipv4, ipv6, url, domain, email, registry, account or device), value, defanged, which is the
// value so that no program makes a link of it ("hxxps://evil[.]example"), verdict and roles by their identifiers, the name of the entity, the first and
// the last activity of the alerts that name it, their number, and whether only false positives name it. The text is UTF-8 without a byte
// order mark; lines end in CRLF. Times are RFC 3339. Cells are made harmless as [WriteQueueCSV] says.
//
// The error is that of ctx, which is looked at for every row, or that of w.
func WriteIndicatorsCSV(ctx context.Context, w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	err := out.Write(indicatorColumns)
	told := make(map[[2]string]bool)
	for _, f := range slices.Concat(r.Evidence, r.Assets) {
		for _, i := range indicators(f) {
			if told[i] || err != nil {
				continue
			}
			told[i] = true
			if err = ctx.Err(); err != nil {
				break
			}
			row := []string{i[0], i[1], unlinked(i[0], i[1]), string(f.Evidence.Verdict), rolesOf(f), f.Evidence.Entity.Name(),
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

// indicators returns what can be looked for of an entity, each as type and value.
func indicators(f Finding) (list [][2]string) {
	add := func(kind, value string) {
		if value = strings.TrimSpace(value); value != "" {
			list = append(list, [2]string{kind, value})
		}
	}
	hashes := func(f alert.File) {
		add("sha256", f.SHA256)
		add("sha1", f.SHA1)
		add("md5", f.MD5)
	}
	address := func(text string) {
		if a, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
			if a = a.Unmap(); a.Is4() {
				add("ipv4", a.String())
			} else {
				add("ipv6", a.String())
			}
		}
	}
	attacker := f.plays(alert.Attacker, alert.CommandAndControl)
	switch e := f.Evidence.Entity.(type) {
	case alert.File:
		hashes(e)
	case alert.Process:
		hashes(e.Image)
	case alert.IP:
		address(e.Address)
	case alert.URL:
		add("url", e.URL)
		if u, err := url.Parse(strings.TrimSpace(e.URL)); err == nil && u.Hostname() != "" {
			if _, err := netip.ParseAddr(u.Hostname()); err == nil {
				address(u.Hostname())
			} else {
				add("domain", strings.ToLower(u.Hostname()))
			}
		}
	case alert.Message:
		add("email", e.Sender)
		if e.EnvelopeSender != e.Sender {
			add("email", e.EnvelopeSender)
		}
		address(e.SenderIP)
	case alert.Registry:
		add("registry", e.Name())
	case alert.User:
		if attacker {
			add("account", e.Name())
		}
	case alert.Device:
		if attacker {
			add("device", e.Name())
		}
	}
	return list
}

// unlinked returns a value so that nobody follows it by accident.
func unlinked(kind, value string) string {
	switch kind {
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
	case "email":
		return strings.NewReplacer("@", "[@]", ".", "[.]").Replace(value)
	}
	return value
}
