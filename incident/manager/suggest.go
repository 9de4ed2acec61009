package manager

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/incidentkit/incidentkit/activity"
	"github.com/incidentkit/incidentkit/incident"
	"github.com/incidentkit/incidentkit/storage"
)

// A Directory knows the users and groups of the organisation, to whom incidents can be assigned. It may be
// called by many goroutines at once.
type Directory interface {
	// Find returns at most limit owners whom text may mean, as far as it has been typed, the best first. text is
	// not empty and limit is above 0.
	Find(ctx context.Context, text string, limit int) ([]incident.Owner, error)
}

// How many suggestions are made when nobody says, and at most.
const (
	fewSuggestions  = 10
	mostSuggestions = 1000
)

func suggestions(limit int) int {
	if limit <= 0 {
		return fewSuggestions
	}
	return min(limit, mostSuggestions)
}

// SuggestOwners returns to whom an incident may be assigned, as text is typed: those whom Options.Directory finds,
// in its order, and then the owners of incidents whose account identifier or display name has text in it,
// compared by [incident.Fold]. Of these, first come those with text at the start of the identifier, of the name
// or of a word of the name; then those with the most incidents; then the first by identifier. Empty text suggests
// those with the most incidents, without asking the directory. Of space only that there is some between words counts.
//
// Each owner is suggested once, however its identifier is spelled, and as the directory calls it rather than as
// incidents do. At most limit are
// suggested, 10 when limit is 0 or less, and never more than 1,000. Incidents that were merged into others have
// no say. It takes time in proportion to the number of different owners, not to that of incidents, where the
// storage keeps count as storage/memory does.
//
// When the directory fails, the owners of incidents are suggested nevertheless, beside the error. When the
// incidents cannot be read, nothing is.
//
// Source: Microsoft Defender XDR, where the owner box searches names and account identifiers.
func (m *Manager) SuggestOwners(ctx context.Context, by activity.Actor, text string, limit int) ([]incident.Owner, error) {
	limit, text = suggestions(limit), words(text)
	used, err := m.Facets(ctx, by, suggesting())
	if err != nil {
		return nil, fmt.Errorf("suggest owners: %w", err)
	}
	var found []incident.Owner
	if m.directory != nil && text != "" {
		listed, failed := m.directory.Find(ctx, text, limit)
		if failed != nil {
			listed, err = nil, fmt.Errorf("suggest owners: directory: %w", failed)
		}
		for _, o := range listed {
			if len(found) < limit && o.ID != "" && !slices.ContainsFunc(found, o.Same) {
				found = append(found, o)
			}
		}
	}
	folded, listed := incident.Fold(text), len(found)
	var best []suggestion[incident.Owner]
	for _, tally := range used.Owners {
		o := tally.Owner
		if rank := rankOwner(o, folded); rank != noMatch && o.ID != "" && !slices.ContainsFunc(found, o.Same) {
			best = insert(best, suggestion[incident.Owner]{o, rank, tally.Count, o.ID}, limit-listed)
		}
	}
	for _, s := range best {
		found = append(found, s.value)
	}
	return found, err
}

// TagSuggestions are the tags that a text may become.
type TagSuggestions struct {
	Tags []storage.Tally `json:"tags,omitempty"` // tags that are used, of any kind, with the number of their incidents
	New  bool            `json:"new"`            // the text can be set as a tag, and no incident has that tag yet
}

// SuggestTags returns the tags of incidents that have text in them, compared by [incident.Fold]: those that begin
// with it first, then those on the most incidents, then the first by name. Empty text suggests the tags on the
// most incidents. Space in text is taken as [incident.CleanTag] does.
//
// At most limit tags are suggested, 10 when limit is 0 or less, and never more than 1,000. Incidents that were
// merged into others have no say. It takes time in proportion to the number of different tags, not to that of
// incidents, where the storage keeps count as storage/memory does.
//
// Source: Microsoft Defender XDR, where "create new" is the last entry behind the tags that are used.
func (m *Manager) SuggestTags(ctx context.Context, by activity.Actor, text string, limit int) (TagSuggestions, error) {
	limit = suggestions(limit)
	used, err := m.Facets(ctx, by, suggesting())
	if err != nil {
		return TagSuggestions{}, fmt.Errorf("suggest tags: %w", err)
	}
	name, unfit := incident.CleanTag(text)
	folded := incident.Fold(name)
	var s TagSuggestions
	_, known := used.Tags[folded]
	s.New = !known && unfit == nil
	var best []suggestion[storage.Tally]
	for key, tally := range used.Tags {
		if rank := rankText(key, folded); rank != noMatch {
			best = insert(best, suggestion[storage.Tally]{tally, rank, tally.Count, tally.Name}, limit)
		}
	}
	for _, one := range best {
		s.Tags = append(s.Tags, one.value)
	}
	return s, nil
}

// suggesting selects the incidents from which suggestions are made.
func suggesting() incident.Query {
	return incident.Query{Statuses: []incident.Status{incident.Active, incident.InProgress, incident.Resolved}}
}

// How well a text that has been typed fits, the best first.
const (
	atStart = iota
	inside
	noMatch
)

func rankText(folded, typed string) int {
	switch {
	case strings.HasPrefix(folded, typed):
		return atStart
	case strings.Contains(folded, typed):
		return inside
	}
	return noMatch
}

func rankOwner(o incident.Owner, typed string) int {
	name := words(incident.Fold(o.Name))
	rank := min(rankText(incident.Fold(o.ID), typed), rankText(name, typed))
	if rank == inside && strings.Contains(" "+name, " "+typed) {
		return atStart // of a word
	}
	return rank
}

// words returns text with one blank for all space between words, and none around them.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// A suggestion is a value and what decides where it stands.
type suggestion[T any] struct {
	value T
	rank  int
	count int
	name  string
}

func (s suggestion[T]) compare(other suggestion[T]) int {
	return cmp.Or(cmp.Compare(s.rank, other.rank), cmp.Compare(other.count, s.count), strings.Compare(s.name, other.name))
}

// insert returns the first limit of best, which are in order, and s.
func insert[T any](best []suggestion[T], s suggestion[T], limit int) []suggestion[T] {
	at, _ := slices.BinarySearchFunc(best, s, suggestion[T].compare)
	if at >= limit {
		return best
	}
	best = slices.Insert(best, at, s)
	return best[:min(len(best), limit)]
}
