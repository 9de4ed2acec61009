package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/classification"
	"github.com/incidentkit/incidentkit/export/internal/words"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/metrics"
	"github.com/incidentkit/incidentkit/internal/anyday"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// A piece is an entity that a test can name without the library: what tells it apart, of which class it is before programs are
// known, and its program.
type piece struct {
	alert.Entity
	id      string
	class   string
	program string
}

// anyPiece draws an entity of which there are few, so that alerts share them.
func anyPiece(t *rapid.T) piece {
	n := rapid.IntRange(0, 3).Draw(t, "n")
	sha := strings.Repeat(fmt.Sprint(n+1), 64)
	if rapid.Bool().Draw(t, "upper") {
		sha = strings.ToUpper(strings.Replace(sha, "1", "a", 1))
	} else {
		sha = strings.Replace(sha, "1", "a", 1)
	}
	device := fmt.Sprint("machine", n%2)
	at := start.Add(time.Duration(n) * time.Minute)
	placed := alert.File{FileName: fmt.Sprintf("Tool%d.exe", n), Path: `C:\Temp`, DeviceID: device}
	process := func(pid int, image alert.File, program string) piece {
		p := alert.Process{PID: int64(pid), Started: at, DeviceID: device, Image: image}
		return piece{p, fmt.Sprint("process", pid, device, n), "process", program}
	}
	switch kind := rapid.IntRange(0, 13).Draw(t, "kind"); kind {
	case 0:
		return piece{alert.File{FileName: rapid.SampledFrom([]string{"a.exe", "b.exe"}).Draw(t, "name"), SHA256: sha}, "hash" + strings.ToLower(sha), "hash", "hash" + strings.ToLower(sha)}
	case 1:
		return piece{placed, fmt.Sprint("place", n, device), "placed", fmt.Sprint("place", n, device)}
	case 2, 3:
		return process(10+kind, alert.File{FileName: "a.exe", SHA256: sha}, "hash"+strings.ToLower(sha))
	case 4, 5:
		placed.FileName = strings.ToLower(placed.FileName)
		if kind == 5 {
			placed.DeviceID = ""
		}
		return process(20+kind, placed, fmt.Sprint("place", n, device))
	case 6:
		return process(30, alert.File{FileName: "cmd.exe"}, "") // no program is known by its name alone
	case 7:
		return piece{alert.IP{Address: fmt.Sprintf("203.0.113.%d", n)}, fmt.Sprint("ip", n), "ip", ""}
	case 8:
		return piece{alert.URL{URL: fmt.Sprintf("https://example.net/%d", n)}, fmt.Sprint("url", n), "url", ""}
	case 9:
		return piece{alert.Message{NetworkMessageID: fmt.Sprintf("%08d-1111-4111-8111-111111111111", n), Subject: "Invoice", Received: at}, fmt.Sprint("mail", n), "mail", ""}
	case 10:
		return piece{alert.Registry{Hive: "HKLM", Key: fmt.Sprint("Run", n), DeviceID: device}, fmt.Sprint("reg", n), "rest", ""}
	case 11:
		return piece{alert.Device{DeviceID: device, HostName: fmt.Sprint("Host", n%2), FirstSeen: at}, "device" + device, "", ""}
	case 12:
		return piece{alert.User{UPN: fmt.Sprintf("user%d@example.com", n)}, fmt.Sprint("user", n), "", ""}
	default:
		return piece{alert.Other{Type: "kubernetesPod", Label: fmt.Sprint("pod", n)}, fmt.Sprint("pod", n), "rest", ""}
	}
}

// A record is what all alerts say of one entity, as the tests find it out.
type record struct {
	piece
	evidence  []alert.Evidence
	alerts    []alert.Alert
	dismissed bool
}

// A drawnCase is an incident with what its alerts say of each entity.
type drawnCase struct {
	incident.Case
	of map[string]*record
}

func isFalse(i incident.Incident, a alert.Alert) bool {
	return cmp.Or(a.Verdict.Classification, i.Verdict.Classification) == classification.FalsePositive
}

func anyDrawnCase(t *rapid.T) drawnCase {
	classes := []classification.Classification{"", "", "", classification.FalsePositive, classification.TruePositive}
	d := drawnCase{of: make(map[string]*record)}
	d.Incident = incident.Incident{
		ID: "i", Number: 7, Name: "Case", Status: incident.Active, Created: start.Add(100 * time.Hour), Extra: `{"secret":1}`,
		Verdict: classification.Verdict{Classification: rapid.SampledFrom(classes).Draw(t, "class")},
	}
	d.Incident.Updated = d.Incident.Created
	type use struct {
		piece
		evidence alert.Evidence
	}
	uses := make(map[alert.ID][]use)
	for n := range rapid.IntRange(1, 8).Draw(t, "alerts") {
		origin := alert.Origin{Source: "s", ID: fmt.Sprint(n)}
		a := alert.Alert{
			ID: origin.AlertID(), Incident: "i", Origin: origin, Title: fmt.Sprint("Title ", n), Severity: alert.Severity(rapid.IntRange(0, 4).Draw(t, "severity")),
			Category:   rapid.SampledFrom([]string{"InitialAccess", "initial access", "Execution", "Malware", ""}).Draw(t, "category"),
			Techniques: rapid.SliceOfN(rapid.SampledFrom([]string{"T1566", "T1059.001", "T1021"}), 0, 2).Draw(t, "techniques"),
			Verdict:    classification.Verdict{Classification: rapid.SampledFrom(classes).Draw(t, "class")}, Extra: `{"secret":2}`,
		}
		if rapid.IntRange(0, 9).Draw(t, "timed") > 0 {
			a.FirstActivity = start.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "first")) * time.Second)
			a.LastActivity = a.FirstActivity.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "took")) * time.Second)
		}
		for range rapid.IntRange(0, 9).Draw(t, "evidence") {
			p := anyPiece(t)
			e := alert.Evidence{
				Entity:      p.Entity,
				Verdict:     rapid.SampledFrom([]alert.EvidenceVerdict{alert.Malicious, alert.Suspicious, alert.NoThreatsFound, "", "odd"}).Draw(t, "verdict"),
				Remediation: rapid.SampledFrom([]alert.Remediation{"", alert.Blocked, "odd"}).Draw(t, "remediation"),
				Roles:       rapid.SliceOfN(rapid.SampledFrom([]alert.Role{alert.Source, alert.Attacker, alert.Destination, alert.Compromised, alert.Attacked, alert.Contextual}), 0, 2).Draw(t, "roles"),
				Criticality: alert.Criticality(rapid.IntRange(0, 4).Draw(t, "criticality")), Tags: []string{fmt.Sprint("tag", n)}, Extra: `{"secret":3}`,
			}
			a.Evidence = append(a.Evidence, e)
			uses[a.ID] = append(uses[a.ID], use{p, e})
		}
		d.Alerts = append(d.Alerts, a)
	}
	d.Incident.Alerts = incident.Summarize(d.Alerts)
	// What alerts say that are no false positives, or else what these say.
	inOrder := slices.SortedFunc(slices.Values(d.Alerts), alert.Query{}.Compare)
	for _, dismissed := range []bool{false, true} {
		for _, a := range inOrder {
			for _, u := range uses[a.ID] {
				s := d.of[u.id]
				if isFalse(d.Incident, a) != dismissed || s != nil && s.dismissed != dismissed {
					continue
				}
				if s == nil {
					s = &record{piece: u.piece, dismissed: dismissed}
					d.of[u.id] = s
				}
				s.evidence = append(s.evidence, u.evidence)
				if !slices.ContainsFunc(s.alerts, func(b alert.Alert) bool { return a.ID == b.ID }) {
					s.alerts = append(s.alerts, a)
				}
			}
		}
	}
	return d
}

// badness of verdicts: how they rank among what several alerts say, and where they stand in lists.
var (
	worstVerdict = []alert.EvidenceVerdict{alert.Malicious, alert.Suspicious, "odd", alert.NoThreatsFound, alert.NotJudged}
	listVerdict  = []alert.EvidenceVerdict{alert.Malicious, alert.Suspicious, "odd", alert.NotJudged, alert.NoThreatsFound}
)

// Each entity is one finding that says what the alerts say of it, recomputed from the records by names that the library does not know.
func TestFindingsOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrawnCase(rt)
		r := collected(rt, d.Case, nil, nil)
		shuffled := incident.Case{Incident: d.Incident, Alerts: rapid.Permutation(d.Alerts).Draw(rt, "order")}
		require.Equal(rt, r, collected(rt, shuffled, nil, nil))
		require.Empty(rt, r.Incident.Extra)
		for _, a := range r.Alerts {
			require.Empty(rt, a.Extra)
			for _, e := range a.Evidence {
				require.Empty(rt, e.Extra)
			}
		}
		byKey := make(map[alert.Key]*record)
		for _, s := range d.of {
			byKey[alert.Identity(s.Entity)] = s
		}
		require.Len(rt, byKey, len(d.of))
		require.Len(rt, slices.Concat(r.Assets, r.Evidence), len(d.of))

		programs := make(map[string][]*record) // files and processes of each program, by what it is and whether it was dismissed
		for _, s := range d.of {
			if s.program != "" {
				at := fmt.Sprint(s.program, s.dismissed)
				programs[at] = append(programs[at], s)
			}
		}
		for _, f := range slices.Concat(r.Assets, r.Evidence) {
			s := byKey[f.Key]
			require.NotNil(rt, s, f.Key)
			want := alert.Evidence{Entity: s.evidence[0].Entity}
			var first, last time.Time
			rank := len(worstVerdict)
			for _, e := range s.evidence {
				rank = min(rank, slices.Index(worstVerdict, e.Verdict))
				want.Criticality = max(want.Criticality, e.Criticality)
				for _, x := range e.Roles {
					if !slices.Contains(want.Roles, x) {
						want.Roles = append(want.Roles, x)
					}
				}
				for _, x := range e.Tags {
					if !slices.Contains(want.Tags, x) {
						want.Tags = append(want.Tags, x)
					}
				}
				if e.Remediation != "" {
					want.Remediation = e.Remediation
				}
			}
			want.Verdict = worstVerdict[rank]
			for _, a := range s.alerts {
				if !a.FirstActivity.IsZero() && (first.IsZero() || a.FirstActivity.Before(first)) {
					first = a.FirstActivity
				}
				if a.LastActivity.After(last) {
					last = a.LastActivity
				}
			}
			require.Equal(rt, want, f.Evidence)
			require.Equal(rt, s.dismissed, f.Dismissed)
			require.Len(rt, s.alerts, f.Alerts)
			require.Equal(rt, first, f.First)
			require.Equal(rt, last, f.Last)
			if s.class == "" {
				require.Contains(rt, keysOf(r.Assets), f.Key)
			}

			isFile := func(s *record) bool { return s.class != "process" }
			group := programs[fmt.Sprint(s.program, s.dismissed)]
			processes := 0
			for _, other := range group {
				if !isFile(other) {
					processes++
				}
			}
			switch {
			case s.program == "" && s.class == "process": // alone
				require.Empty(rt, f.Program)
				require.Equal(rt, 1, f.Processes)
			case s.program == "":
				require.Empty(rt, f.Program)
				require.Zero(rt, f.Processes)
			case isFile(s) || f.Program == "":
				require.Empty(rt, f.Program)
				require.Equal(rt, processes, f.Processes)
				require.True(rt, isFile(s) || !slices.ContainsFunc(group, isFile), "a file stands for its program")
			default:
				require.Contains(rt, group, byKey[f.Program])
				require.Zero(rt, f.Processes)
				require.True(rt, isFile(byKey[f.Program]) || !slices.ContainsFunc(group, isFile), "a file stands for its program")
			}
		}
	})
}

func keysOf(list []Finding) (keys []alert.Key) {
	for _, f := range list {
		keys = append(keys, f.Key)
	}
	return keys
}

// The most telling comes first, by a table that is written here once more.
func TestFindingsAreInOrder(t *testing.T) {
	classes := []string{"hash", "attacker's address", "ip", "mail", "url", "process", "placed", "rest", "process of a program"}
	truth := func(b bool) int { return slices.Index([]bool{true, false}, b) }
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrawnCase(rt)
		r := collected(rt, d.Case, nil, nil)
		class := make(map[alert.Key]string)
		for _, s := range d.of {
			class[alert.Identity(s.Entity)] = s.class
		}
		plays := func(f Finding, roles ...alert.Role) bool {
			for _, role := range roles {
				if slices.Contains(f.Evidence.Roles, role) {
					return true
				}
			}
			return false
		}
		names := func(a, b Finding) int {
			return cmp.Or(b.Alerts-a.Alerts, words.ByName(a.Evidence.Entity.Name(), b.Evidence.Entity.Name()), strings.Compare(string(a.Key), string(b.Key)))
		}
		place := func(f Finding) []int {
			if f.Evidence.Entity.Kind().Asset() != alert.NotAsset {
				return []int{
					int(f.Evidence.Entity.Kind().Asset()), truth(!f.Dismissed), slices.Index(listVerdict, f.Evidence.Verdict),
					truth(plays(f, alert.Compromised, alert.Attacked)), -int(f.Evidence.Criticality),
				}
			}
			c := class[f.Key]
			switch {
			case (c == "ip" || c == "url") && plays(f, alert.Source, alert.Attacker, alert.Destination, alert.CommandAndControl):
				c = "attacker's address"
			case f.Program != "":
				c = "process of a program"
			}
			return []int{truth(!f.Dismissed), slices.Index(listVerdict, f.Evidence.Verdict), slices.Index(classes, c)}
		}
		for _, list := range [][]Finding{r.Assets, r.Evidence} {
			require.True(rt, slices.IsSortedFunc(list, func(a, b Finding) int { return cmp.Or(slices.Compare(place(a), place(b)), names(a, b)) }), keysOf(list))
		}
	})
}

// Categories count alerts; what false positives say of one that other alerts have too does not count.
func TestThreatsOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrawnCase(rt)
		r := collected(rt, d.Case, nil, nil)
		total := 0
		for _, x := range r.Threats {
			var counted, dismissed []alert.Alert
			for _, a := range d.Alerts {
				switch {
				case strings.ReplaceAll(strings.ToLower(a.Category), " ", "") != strings.ToLower(x.Category):
				case isFalse(d.Incident, a):
					dismissed = append(dismissed, a)
				default:
					counted = append(counted, a)
				}
			}
			require.Len(rt, counted, x.Alerts)
			require.Len(rt, dismissed, x.Dismissed)
			total += x.Alerts + x.Dismissed
			if len(counted) == 0 {
				counted = dismissed
			}
			var worst alert.Severity
			techniques := make(map[string]bool)
			for _, a := range counted {
				worst = max(worst, a.Severity)
				for _, id := range a.Techniques {
					techniques[id] = true
				}
			}
			require.Equal(rt, worst, x.Severity)
			require.True(rt, slices.IsSorted(x.Techniques))
			require.Len(rt, x.Techniques, len(techniques))
			for _, id := range x.Techniques {
				require.True(rt, techniques[id])
			}
		}
		require.Equal(rt, len(d.Alerts), total)
	})
}

// moments calls f with every time of v that is not zero, at its path.
func moments(v reflect.Value, path string, f func(path string, t time.Time)) {
	switch v.Kind() {
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			if !at.IsZero() {
				f(path, at)
			}
			return
		}
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() {
				moments(v.Field(n), path+"."+v.Type().Field(n).Name, f)
			}
		}
	case reflect.Slice, reflect.Array:
		for n := range v.Len() {
			moments(v.Index(n), fmt.Sprintf("%s[%d]", path, n), f)
		}
	case reflect.Interface:
		if !v.IsNil() {
			moments(v.Elem(), path, f)
		}
	}
}

// Every time of a report is in its location, those inside entities as well, and is the same moment in any.
func TestEveryTimeIsInTheLocation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrawnCase(rt)
		d.Incident.References = []incident.Reference{{System: "other", ID: "1", Updated: start}}
		entries := []activity.Entry{{Seq: 1, Time: start, Occurred: start, Type: activity.Commented, Text: "Look."}}
		there := time.FixedZone("There", 5*3600+1800)
		inUTC := make(map[string]time.Time)
		moments(reflect.ValueOf(collected(rt, d.Case, entries, nil)), "", func(path string, at time.Time) { inUTC[path] = at })
		moments(reflect.ValueOf(collected(rt, d.Case, entries, &Options{Location: there})), "", func(path string, at time.Time) {
			require.Same(rt, there, at.Location(), path)
			require.True(rt, at.Equal(inUTC[path]), path)
			delete(inUTC, path)
		})
		require.Empty(rt, inUTC)
	})
}

// scramble changes all that v holds by way of references.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() {
				scramble(v.Field(n))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			v.Elem().SetZero()
		}
	case reflect.Map:
		v.Clear()
	case reflect.Slice:
		for n := range v.Len() {
			scramble(v.Index(n))
			v.Index(n).SetZero()
		}
	}
}

// Who changes a report changes nothing else.
func TestAReportSharesNoMemory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDrawnCase(rt)
		d.Incident.Tags = []incident.Tag{{Name: "vip"}}
		d.Incident.References = []incident.Reference{{System: "other", ID: "1", Updated: start}}
		entries := []activity.Entry{{Seq: 1, Time: start, Type: activity.Commented, Text: "Look.",
			Changes: []activity.Change{{Field: "x", After: `"y"`}}, Links: []activity.Link{{Reason: activity.SameAsset}}, Attachments: []activity.Attachment{{Name: "a.png"}}}}
		o, err := (&Options{Layout: Layout{Logo: []byte("logo")}}).withDefaults()
		require.NoError(rt, err)
		others := related{From: []merge{{Row: MergedRow{ID: "j", Number: 8}}}}
		given := func() string {
			text, err := json.Marshal([]any{d.Case, entries, o.Layout, o.Sections, others})
			require.NoError(rt, err)
			return string(text)
		}
		want := given()
		r := collect(d.Case, entries, o, others)
		scramble(reflect.ValueOf(&r).Elem())
		require.Equal(rt, want, given())

		r = collect(d.Case, entries, o, others)
		before, err := json.Marshal(r)
		require.NoError(rt, err)
		scramble(reflect.ValueOf(&d.Case).Elem())
		scramble(reflect.ValueOf(&entries).Elem())
		scramble(reflect.ValueOf(&o.Layout).Elem())
		after, err := json.Marshal(r)
		require.NoError(rt, err)
		require.Equal(rt, string(before), string(after))
	})
}

// What a report of anything that happened says is what the storage says: the log gives the incident, times are those of package
// metrics, and identifiers have the names of what they stand for.
func TestReportsOfWhateverHappened(t *testing.T) {
	by := classification.Defender()
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		defer s.Close()
		anyday.New(t.Context(), rt, s).Happen(20)
		require.NoError(rt, s.View(t.Context(), func(from storage.Reader) error {
			for i, err := range from.Incidents(t.Context(), incident.Query{}) {
				require.NoError(rt, err)
				r, err := Collect(t.Context(), from, i.ID, nil)
				require.NoError(rt, err)

				replayed, err := incident.Replay(func(yield func(activity.Entry, error) bool) {
					for _, e := range slices.SortedFunc(slices.Values(r.Activity), func(a, b activity.Entry) int { return cmp.Compare(a.Seq, b.Seq) }) {
						if !yield(e, nil) {
							return
						}
					}
				})
				require.NoError(rt, err)
				replayed.Number, replayed.Extra = i.Number, ""
				require.Equal(rt, replayed, r.Incident)

				m, err := metrics.Compute(t.Context(), from, incident.Query{IDs: []incident.ID{i.ID}}, i.Updated, nil)
				require.NoError(rt, err)
				for _, x := range []struct {
					of  metrics.Distribution
					got *time.Duration
				}{{m.Total.Assign, r.Times.Assign}, {m.Total.FirstAction, r.Times.FirstAction}, {m.Total.Resolve, r.Times.Resolve}} {
					require.Equal(rt, x.of.Count == 1, x.got != nil)
					if x.got != nil {
						require.Equal(rt, x.of.Median, *x.got)
					}
				}
				took := i.Created.Sub(i.Alerts.FirstActivity)
				require.Equal(rt, !i.Alerts.FirstActivity.IsZero() && took >= 0, r.Times.Detect != nil)
				if r.Times.Detect != nil {
					require.Equal(rt, took, *r.Times.Detect)
				}

				alerts := make(map[alert.ID]alert.Alert)
				codes := map[string]bool{string(i.Verdict.Classification): true, string(i.Verdict.Determination): true}
				for a, err := range from.Alerts(t.Context(), alert.Query{Incidents: []incident.ID{i.ID}}) {
					require.NoError(rt, err)
					alerts[a.ID] = a
					codes[string(a.Verdict.Classification)], codes[string(a.Verdict.Determination)] = true, true
				}
				named := Names{Alerts: map[alert.ID]string{}, Entities: map[alert.Key]string{}, Incidents: map[incident.ID]int64{}}
				for _, e := range r.Graph.Edges {
					for _, id := range e.Alerts {
						named.Alerts[id] = alerts[id].Title
					}
				}
				for _, rows := range [][]MergedRow{r.MergedFrom, r.MergedInto} {
					for _, row := range rows {
						other, err := from.Incident(t.Context(), row.ID)
						if row.Number == 0 {
							require.ErrorIs(rt, err, storage.ErrNotFound)
							continue
						}
						require.NoError(rt, err)
						require.Equal(rt, other.Number, row.Number)
						named.Incidents[row.ID] = other.Number
					}
				}
				for _, e := range r.Activity {
					if a, ok := alerts[e.Alert]; ok {
						named.Alerts[a.ID] = a.Title
					}
					for _, c := range e.Changes {
						for _, v := range []activity.Value{c.Before, c.After} {
							var code string
							if strings.HasPrefix(c.Field, "verdict.") && json.Unmarshal([]byte(v), &code) == nil {
								codes[code] = true
							}
						}
					}
					for _, l := range e.Links {
						var names []string
						for _, a := range alerts {
							for _, v := range a.Evidence {
								for _, k := range alert.Keys(v.Entity) {
									if strings.EqualFold(string(k), string(l.Entity)) {
										names = append(names, v.Entity.Name())
									}
								}
							}
						}
						name, ok := r.Names.Entities[l.Entity]
						if ok {
							require.Contains(rt, names, name, l.Entity)
							named.Entities[l.Entity] = name
						}
						require.Equal(rt, len(names) > 0, ok, l.Entity)
					}
				}
				require.Equal(rt, fmt.Sprint(named), fmt.Sprint(r.Names))
				delete(codes, "")
				require.Len(rt, r.Titles, len(codes))
				for code := range codes {
					title := by.Title(classification.Verdict{Classification: classification.Classification(code)})
					for _, c := range by.Classes {
						for _, x := range c.Determinations {
							if string(x.ID) == code {
								title = x.Title
							}
						}
					}
					require.Equal(rt, title, r.Titles[code])
				}
			}
			return nil
		}))
	})
}

// The log alone brings the names of what it names: of alerts that are there, of entities by keys in any case, which have the name that
// the first alert gives them, and the numbers of incidents that are shown.
func TestNamesOfTheLog(t *testing.T) {
	host := func(name string, after time.Duration) alert.Alert {
		origin := alert.Origin{Source: "s", ID: name}
		a := alert.Alert{ID: origin.AlertID(), Incident: "i", Origin: origin, Title: "Title of " + name, FirstActivity: start.Add(after)}
		a.Evidence = []alert.Evidence{
			{Entity: alert.Device{DeviceID: "d1", DNSName: name}},
			{Entity: alert.Process{PID: 7, Image: alert.File{FileName: "tool.exe", SHA256: "ab"}, User: alert.User{UPN: "kai@example.com"}}},
			{Entity: alert.Message{Subject: "Invoice", Sender: "a@b.example", Recipient: "noor@example.com"}},
		}
		return a
	}
	c := incident.Case{Incident: incident.Incident{ID: "i"}, Alerts: []alert.Alert{host("LATER.example.com", time.Hour), host("First.example.com", 0), host("unnamed.example.com", 2*time.Hour)}}
	link := func(keys ...alert.Key) (links []activity.Link) {
		for _, k := range keys {
			links = append(links, activity.Link{Reason: activity.SameAsset, Entity: k})
		}
		return links
	}
	entries := []activity.Entry{
		{Seq: 1, Time: start, Incident: "i", Type: activity.AlertAdded, Alert: c.Alerts[0].ID,
			Links: link("Device:D1", "device:d1", "sha256:AB", "sender:a@b.example", "upn:kai@example.com", "short-host:first", "device:unknown")},
		{Seq: 2, Time: start, Incident: "i", Type: activity.AlertAdded, Alert: c.Alerts[1].ID, Origin: "chained"},
		{Seq: 3, Time: start, Incident: "i", Type: activity.Merged, Links: []activity.Link{{Incident: "other"}, {Incident: "hidden"}, {Incident: "unrelated"}}},
		{Seq: 4, Time: start, Incident: "i", Type: activity.AlertAdded, Alert: "moved away"},
	}
	o, err := (&Options{Sections: []Section{Activity}}).withDefaults()
	require.NoError(t, err)
	others := related{From: []merge{{Row: MergedRow{ID: "other", Number: 8}}, {Row: MergedRow{ID: "hidden"}}}, Into: []merge{{Row: MergedRow{ID: "chained", Number: 9}}}}
	require.Equal(t, Names{
		Alerts: map[alert.ID]string{c.Alerts[0].ID: "Title of LATER.example.com", c.Alerts[1].ID: "Title of First.example.com"},
		Entities: map[alert.Key]string{
			"Device:D1": "First.example.com", "device:d1": "First.example.com", "sha256:AB": "tool.exe", "sender:a@b.example": "a@b.example", "short-host:first": "First.example.com",
		},
		Incidents: map[incident.ID]int64{"other": 8, "chained": 9},
	}, collect(c, entries, o, others).Names)
}
