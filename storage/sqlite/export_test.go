package sqlite

import "context"

// FillDisk leaves the file of s no room to grow beyond 60 pages, or lets it grow again.
func (s *Store) FillDisk(ctx context.Context, full bool) error {
	pragma := `PRAGMA max_page_count = 1073741824`
	if full {
		pragma = `PRAGMA max_page_count = 60`
	}
	return s.writer.exec(ctx, pragma)
}

// Lead makes s believe that somebody writes, and returns what lets those who wait have their turn and how many
// they are.
func (s *Store) Lead() (hand func(), waiting func() int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = true
	count := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.queue)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hand()
	}, count
}
