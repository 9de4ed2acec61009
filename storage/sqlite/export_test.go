package sqlite

import "context"

// LimitPages makes the disk full for s at so many pages, and lifts that for 0.
func (s *Store) LimitPages(ctx context.Context, pages int) error {
	if pages == 0 {
		pages = 1 << 30
	}
	var now int
	if _, err := s.writer.conn.ExecContext(ctx, "PRAGMA cache_spill = 0"); err != nil {
		return err
	}
	row := map[bool]string{true: "PRAGMA max_page_count = 1073741824", false: "PRAGMA max_page_count = 60"}[pages > 60]
	return s.writer.conn.QueryRowContext(ctx, row).Scan(&now)
}
