package manager_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/incident/manager"
	"github.com/incidentkit/incidentkit/storage"
	"github.com/incidentkit/incidentkit/storage/memory"
)

// people is a Directory that finds what text is in the names of, or fails.
type people struct {
	all    []incident.Owner
	err    error
	asked  *string
	spoilt bool // finds more than it is asked for, some of it twice or nobody
}

func (p people) Find(_ context.Context, text string, limit int) (found []incident.Owner, err error) {
	if p.asked != nil {
		*p.asked = fmt.Sprint(text, "/", limit)
	}
	for _, o := range p.all {
		if strings.Contains(o.Name, text) {
			found = append(found, o)
		}
	}
	if p.spoilt {
		return slices.Concat(found, []incident.Owner{{}, {Name: "no ID"}}, found), p.err
	}
	return found[:min(len(found), limit)], p.err
}

// suggest makes a manager of incidents that are as they are given.
func suggest(t testing.TB, d manager.Directory, incidents ...incident.Incident) *manager.Manager {
	s := memory.New()
	for n := range incidents {
		incidents[n].ID = incident.ID(fmt.Sprint("i", n))
	}
	_, err := s.Apply(t.Context(), storage.Changeset{Incidents: incidents})
	require.NoError(t, err)
	return manager.New(s, &manager.Options{Directory: d})
}

func ownedBy(owners ...incident.Owner) (incidents []incident.Incident) {
	for _, o := range owners {
		incidents = append(incidents, incident.Incident{Owner: o})
	}
	return incidents
}

func TestOwnersComeFromTheDirectoryAndFromIncidents(t *testing.T) {
	mona, kai, monika := incident.Owner{ID: "mk@contoso.com", Name: "Mona Kane"}, incident.Owner{ID: "kai@contoso.com", Name: "Kai Monroe"}, incident.Owner{ID: "x7", Name: "Monika"}
	ramona, group := incident.Owner{ID: "r@contoso.com", Name: "Ramona"}, incident.Owner{Kind: alert.GroupOwner, ID: "x7", Name: "Monitoring"}
	var asked string
	d := people{all: []incident.Owner{monika, group}, asked: &asked}
	m := suggest(t, d, ownedBy(ramona, ramona, ramona, mona, kai, kai, incident.Owner{ID: "x7", Name: "Monica"}, incident.Owner{}, incident.Owner{ID: "zoe"})...)

	got, err := m.SuggestOwners(t.Context(), siem, " Mon ", 0)
	require.NoError(t, err)
	assert.Equal(t, "Mon/10", asked)
	assert.Equal(t, []incident.Owner{monika, group, kai, mona, ramona}, got, "the directory, as it calls them, then words that begin so, the busiest first, then others")
	got, err = m.SuggestOwners(t.Context(), siem, "MON", 2)
	require.NoError(t, err)
	assert.Equal(t, []incident.Owner{kai, mona}, got)
	got, err = m.SuggestOwners(t.Context(), siem, "mona  k", -1)
	require.NoError(t, err)
	assert.Equal(t, []incident.Owner{mona}, got)

	d.spoilt = true
	got, err = suggest(t, d).SuggestOwners(t.Context(), siem, "Mon", 1)
	require.NoError(t, err)
	assert.Equal(t, []incident.Owner{monika}, got, "of a directory that does not keep to the limit")

	asked = ""
	got, err = m.SuggestOwners(t.Context(), siem, "", 3)
	require.NoError(t, err)
	assert.Equal(t, []incident.Owner{ramona, kai, mona}, got)
	assert.Empty(t, asked, "there is nothing to look for")
}

func TestOwnersOfIncidentsAreSuggestedWhenTheDirectoryFails(t *testing.T) {
	kai := incident.Owner{ID: "kai"}
	down := errors.New("directory down")
	got, err := suggest(t, people{all: []incident.Owner{{ID: "half", Name: "ka"}}, err: down}, ownedBy(kai)...).SuggestOwners(t.Context(), siem, "ka", 0)
	require.ErrorIs(t, err, down)
	assert.Equal(t, []incident.Owner{kai}, got)
	got, err = suggest(t, nil, ownedBy(kai)...).SuggestOwners(t.Context(), siem, "ka", 0)
	require.NoError(t, err)
	assert.Equal(t, []incident.Owner{kai}, got, "without a directory")
}

// Nothing is suggested from what cannot be read, nor from incidents that were merged into others.
func TestSuggestionsAreOfIncidentsThatCanBeRead(t *testing.T) {
	merged := incident.Incident{Status: incident.Redirected, Owner: incident.Owner{ID: "kai"}, Tags: []incident.Tag{{Name: "vip"}}}
	m := suggest(t, people{all: []incident.Owner{{ID: "kai2", Name: "kai"}}}, merged)
	owners, err := m.SuggestOwners(t.Context(), siem, "", 0)
	require.NoError(t, err)
	assert.Empty(t, owners)
	tags, err := m.SuggestTags(t.Context(), siem, "vip", 0)
	require.NoError(t, err)
	assert.Equal(t, manager.TagSuggestions{New: true}, tags)

	m, s := open(t)
	require.NoError(t, s.Close())
	owners, err = m.SuggestOwners(t.Context(), siem, "kai", 0)
	require.ErrorIs(t, err, storage.ErrClosed)
	assert.Empty(t, owners)
	_, err = m.SuggestTags(t.Context(), siem, "vip", 0)
	require.ErrorIs(t, err, storage.ErrClosed)
}

// The suggested owners are those one gets who looks at all and sorts them.
func TestSuggestedOwnersAgreeWithSortingAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		anybody := rapid.SampledFrom([]incident.Owner{{}, {Name: "no ID"}, {ID: "kai"}, {ID: "kai", Name: "Kai Ann"}, {ID: "kai", Name: "Straße Kai"}, {ID: "KAI2", Name: "ann  kai"},
			{ID: "ann"}, {ID: "ann", Kind: alert.GroupOwner}, {ID: "x", Name: "Joann"}, {ID: "y", Name: "e\u0301tude ann"}, {ID: "z", Name: "李 小龙"}})
		incidents := ownedBy(rapid.SliceOfN(anybody, 0, 20).Draw(rt, "owners")...)
		d := people{all: rapid.SliceOfN(anybody, 0, 4).Draw(rt, "directory"), spoilt: rapid.Bool().Draw(rt, "spoilt")}
		text := rapid.SampledFrom([]string{"", " ", "k", "KAI", "ann", "Ann ", "ANN K", "ss", "É", "\u00e9t", "小", "zz"}).Draw(rt, "text")
		limit := rapid.IntRange(1, 6).Draw(rt, "limit")

		typed := incident.Fold(strings.Join(strings.Fields(text), " "))
		best := map[string]storage.OwnerTally{}
		for _, i := range incidents {
			if i.Owner.ID != "" {
				tally := best[i.Owner.ID]
				tally.Add(i.Owner, 1)
				best[i.Owner.ID] = tally
			}
		}
		rank := func(o incident.Owner) int {
			id, name := incident.Fold(o.ID), incident.Fold(o.Name)
			for ; name != ""; _, name, _ = strings.Cut(name, " ") {
				if strings.HasPrefix(strings.Join(strings.Fields(name), " "), typed) {
					return 0
				}
			}
			if strings.HasPrefix(id, typed) {
				return 0
			}
			return 1
		}
		var used []storage.OwnerTally
		for _, tally := range best {
			name := strings.Join(strings.Fields(incident.Fold(tally.Owner.Name)), " ")
			if strings.Contains(incident.Fold(tally.Owner.ID), typed) || strings.Contains(name, typed) {
				used = append(used, tally)
			}
		}
		slices.SortFunc(used, func(a, b storage.OwnerTally) int {
			return cmp.Or(rank(a.Owner)-rank(b.Owner), b.Count-a.Count, strings.Compare(a.Owner.ID, b.Owner.ID))
		})
		var want []incident.Owner
		add := func(o incident.Owner) {
			if o.ID != "" && len(want) < limit && !slices.ContainsFunc(want, o.Same) {
				want = append(want, o)
			}
		}
		if typed != "" {
			listed, err := d.Find(t.Context(), strings.Join(strings.Fields(text), " "), limit)
			require.NoError(rt, err)
			for _, o := range listed {
				add(o)
			}
		}
		for _, tally := range used {
			add(tally.Owner)
		}
		got, err := suggest(t, d, incidents...).SuggestOwners(t.Context(), siem, text, limit)
		require.NoError(rt, err)
		require.Equal(rt, want, got)
	})
}

func TestTagsAreSuggestedAndWhetherTheTextIsNew(t *testing.T) {
	tagged := func(tags ...incident.Tag) incident.Incident { return incident.Incident{Tags: tags} }
	m := suggest(t, nil, tagged(incident.Tag{Name: "phishing"}), tagged(incident.Tag{Name: "Phishing"}, incident.Tag{Name: "spear phishing"}),
		tagged(incident.Tag{Name: "phish kit"}, incident.Tag{Name: "Ransomware", Kind: alert.SystemTag}))
	for _, c := range []struct {
		text string
		tags []storage.Tally
		new  bool
	}{
		{"Phish", []storage.Tally{{Name: "Phishing", Count: 2}, {Name: "phish kit", Count: 1}, {Name: "spear phishing", Count: 1}}, true},
		{" PHISHING\t", []storage.Tally{{Name: "Phishing", Count: 2}, {Name: "spear phishing", Count: 1}}, false},
		{"spear \n phishing", []storage.Tally{{Name: "spear phishing", Count: 1}}, false},
		{"ransom", []storage.Tally{{Name: "Ransomware", Count: 1}}, true},
		{"", []storage.Tally{{Name: "Phishing", Count: 2}, {Name: "Ransomware", Count: 1}, {Name: "phish kit", Count: 1}, {Name: "spear phishing", Count: 1}}, false},
		{strings.Repeat("x", incident.MaxTag), nil, true},
		{strings.Repeat("x", incident.MaxTag+1), nil, false},
		{"\xff", nil, false},
	} {
		got, err := m.SuggestTags(t.Context(), siem, c.text, 0)
		require.NoError(t, err)
		assert.Equal(t, manager.TagSuggestions{Tags: c.tags, New: c.new}, got, "%q", c.text)
	}
}

// The suggested tags are those one gets who looks at all and sorts them.
func TestSuggestedTagsAgreeWithSortingAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"vip", "VIP", "vip 2", "a vip", "straße", "STRASSE", "e\u0301tude", "étude", "钓鱼邮件", "鱼", "x"}
		var incidents []incident.Incident
		for range rapid.IntRange(0, 12).Draw(rt, "incidents") {
			var i incident.Incident
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, incident.Fold).Draw(rt, "tags") {
				tag := incident.Tag{Name: name}
				if name == "x" {
					tag.Kind = alert.SystemTag
				}
				i.Tags = append(i.Tags, tag)
			}
			incidents = append(incidents, i)
		}
		text := rapid.SampledFrom([]string{"", "v", "VIP", "ip", "ss", "\u00e9", "e", "鱼", "vip  2", "none"}).Draw(rt, "text")
		limit := rapid.IntRange(1, 5).Draw(rt, "limit")

		typed := incident.Fold(strings.Join(strings.Fields(text), " "))
		want := manager.TagSuggestions{New: typed != ""}
		for _, name := range names {
			tally := storage.Tally{Name: name}
			for _, i := range incidents {
				for _, tag := range i.Tags {
					if incident.Fold(tag.Name) == incident.Fold(name) {
						tally.Name, tally.Count = min(tally.Name, tag.Name), tally.Count+1
					}
				}
			}
			first := !slices.ContainsFunc(want.Tags, func(t storage.Tally) bool { return incident.Fold(t.Name) == incident.Fold(name) })
			if first && tally.Count > 0 && strings.Contains(incident.Fold(name), typed) {
				want.Tags = append(want.Tags, spelt(tally, incidents))
			}
			want.New = want.New && (tally.Count == 0 || incident.Fold(name) != typed)
		}
		slices.SortFunc(want.Tags, func(a, b storage.Tally) int {
			start := func(t storage.Tally) int { return strings.Index(incident.Fold(t.Name), typed) }
			return cmp.Or(min(start(a), 1)-min(start(b), 1), b.Count-a.Count, strings.Compare(a.Name, b.Name))
		})
		if want.Tags = want.Tags[:min(len(want.Tags), limit)]; len(want.Tags) == 0 {
			want.Tags = nil
		}
		got, err := suggest(t, nil, incidents...).SuggestTags(t.Context(), siem, text, limit)
		require.NoError(rt, err)
		require.Equal(rt, want, got)
	})
}

// spelt returns tally under the first spelling that incidents have.
func spelt(tally storage.Tally, incidents []incident.Incident) storage.Tally {
	var names []string
	for _, i := range incidents {
		for _, tag := range i.Tags {
			if incident.Fold(tag.Name) == incident.Fold(tally.Name) {
				names = append(names, tag.Name)
			}
		}
	}
	tally.Name = slices.Min(names)
	return tally
}

// manyTags makes incidents with 100,000 different tags, every tenth of them on two.
func manyTags(tb testing.TB) *manager.Manager {
	const each = 200
	incidents := make([]incident.Incident, 500)
	for n := range incidents {
		for k := range each {
			incidents[n].Tags = append(incidents[n].Tags, incident.Tag{Name: tagName(n*each + k)})
		}
	}
	var twice incident.Incident
	for n := 0; n < len(incidents)*each; n += 10 {
		if twice.Tags = append(twice.Tags, incident.Tag{Name: strings.ToUpper(tagName(n))}); len(twice.Tags) == each {
			incidents, twice = append(incidents, twice), incident.Incident{}
		}
	}
	return suggest(tb, nil, incidents...)
}

func tagName(n int) string {
	switch n % 5 {
	case 0:
		return fmt.Sprintf("钓鱼 %05d", n)
	case 1:
		return fmt.Sprintf("e\u0301tude-%05d", n)
	default:
		return fmt.Sprintf("campaign-%05d-x", n)
	}
}

// Q7: a tag is found among 100,000 by its beginning or its middle, in any script and however it is composed.
func TestTagsAmongManyAreFound(t *testing.T) {
	m := manyTags(t)
	for text, want := range map[string][]storage.Tally{
		"campaign-00":     {{Name: "campaign-00002-x", Count: 1}, {Name: "campaign-00003-x", Count: 1}},
		"0003-x":          {{Name: "campaign-00003-x", Count: 1}, {Name: "campaign-10003-x", Count: 1}},
		"钓鱼":              {{Name: "钓鱼 00000", Count: 2}, {Name: "钓鱼 00010", Count: 2}},
		"鱼 99995":         {{Name: "钓鱼 99995", Count: 1}},
		"\u00e9TUDE-9999": {{Name: "e\u0301tude-99991", Count: 1}, {Name: "e\u0301tude-99996", Count: 1}},
		"e\u0301tude-000": {{Name: "e\u0301tude-00001", Count: 1}, {Name: "e\u0301tude-00006", Count: 1}},
		"nowhere":         nil,
	} {
		got, err := m.SuggestTags(t.Context(), siem, text, 2)
		require.NoError(t, err)
		assert.Equal(t, want, got.Tags, "%q", text)
		assert.True(t, got.New)
	}
	got, err := m.SuggestTags(t.Context(), siem, "ÉTUDE-99991", 5000)
	require.NoError(t, err)
	assert.Equal(t, manager.TagSuggestions{Tags: []storage.Tally{{Name: "e\u0301tude-99991", Count: 1}}}, got)
	got, err = m.SuggestTags(t.Context(), siem, "9", 5000)
	require.NoError(t, err)
	assert.Len(t, got.Tags, 1000, "the most there are at once")
}

// BenchmarkSuggestTags suggests tags out of 100,000 as each character is typed. Q7
func BenchmarkSuggestTags(b *testing.B) {
	m := manyTags(b)
	for _, text := range []string{"", "campaign-0", "0003-x", "鱼 9"} {
		b.Run(fmt.Sprintf("%q", text), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s, err := m.SuggestTags(b.Context(), siem, text, 10); err != nil || len(s.Tags) != 10 {
					b.Fatal(len(s.Tags), err)
				}
			}
		})
	}
}

// Directories and people spell one account in several ways: it is one owner wherever owners are compared, and keeps the
// spelling that came first.
func TestOneOwnerInTwoSpellings(t *testing.T) {
	m, s := open(t)
	a, b := ingest(t, m, raise(1, 0))[0].Incident, ingest(t, m, raise(2, 10_000))[0].Incident
	assign := func(id incident.ID, o incident.Owner) incident.Incident {
		t.Helper()
		i, err := m.Edit(t.Context(), kai, id, incident.Edit{Owner: &o})
		require.NoError(t, err)
		return i
	}
	assign(a, incident.Owner{ID: "Noor.Groß@contoso.com"})
	assign(b, incident.Owner{ID: "noor.gross@contoso.com"})
	again := assign(a, incident.Owner{ID: "NOOR.GROSS@CONTOSO.COM", Name: "Noor"})
	assert.Equal(t, incident.Owner{ID: "Noor.Groß@contoso.com", Name: "Noor"}, again.Owner)
	for _, id := range []string{"Noor.Groß@contoso.com", "NOOR.GROSS@contoso.com"} {
		n, err := m.Count(t.Context(), kai, incident.Query{Owners: []string{id}})
		require.NoError(t, err)
		assert.Equal(t, 2, n, id)
	}
	found, err := m.SuggestOwners(t.Context(), kai, "noor", 10)
	require.NoError(t, err)
	assert.Equal(t, []incident.Owner{{ID: "Noor.Groß@contoso.com", Name: "Noor"}}, found)
	merged, err := m.Merge(t.Context(), kai, a, []incident.ID{b}, "")
	require.NoError(t, err)
	assert.Equal(t, again.Owner, merged.Owner)
	group := ingest(t, m, raise(3, 20_000))[0].Incident
	assign(group, incident.Owner{ID: "noor.gross@contoso.com", Kind: alert.GroupOwner})
	_, err = m.Merge(t.Context(), kai, a, []incident.ID{group}, "")
	require.ErrorIs(t, err, incident.ErrOwners, "a group is no user")
	for v, err := range manager.Check(t.Context(), s) {
		require.NoError(t, err)
		require.Fail(t, "broken", "%v", v)
	}
}
