package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/incidentkit/incidentkit/incident"
)

// applicationID tells our files from other SQLite files. It is "inci" as a number.
const applicationID = 0x696e6369

// ErrForeign says that a file is not one of this package. Test for it with [errors.Is].
var ErrForeign = errors.New("sqlite: not a file of incidents")

// A VersionError says that a file was written by a later version of this package than this one.
type VersionError struct {
	File  int // version of the file
	Known int // highest version that this package reads
}

// Error returns a sentence with both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("sqlite: the file is of version %d, and this program knows versions up to %d", e.File, e.Known)
}

// Each file of migrations leads from the version before it to its own, in the order of their names.
//
//go:embed migrations/*.sql
var migrations embed.FS

// look sees whether the file at path is ours or new, and changes nothing.
func look(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", source(path, "busy_timeout(500)", "query_only(1)"))
	if err != nil {
		return err
	}
	s, err := newSession(ctx, db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	_, err = s.version(ctx)
	return errors.Join(err, s.close(), db.Close())
}

// version returns the version of the file, 0 of an empty one.
func (s *session) version(ctx context.Context) (version int, err error) {
	var id, tables int
	err = errors.Join(
		s.one(ctx, `SELECT count(*) FROM sqlite_schema`, nil, []any{&tables}),
		s.one(ctx, `PRAGMA application_id`, nil, []any{&id}),
		s.one(ctx, `PRAGMA user_version`, nil, []any{&version}))
	switch {
	case err != nil:
		return 0, err
	case id == 0 && tables == 0 && version == 0:
		return 0, nil
	case id != applicationID:
		return 0, ErrForeign
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err == nil && version > len(names) {
		err = &VersionError{File: version, Known: len(names)}
	}
	return version, err
}

// migrate brings the file up to date, all or nothing.
func (s *session) migrate(ctx context.Context) (err error) {
	if err := s.exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.exec(context.WithoutCancel(ctx), `ROLLBACK`))
		}
	}()
	version, err := s.version(ctx) // somebody else may have been faster
	if err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	rekey := false
	for _, name := range names[version:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := s.conn.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		switch name {
		case ownersFolded:
			err = s.foldOwners(ctx)
		case titlesFolded:
			err = s.foldTitles(ctx)
		case keysChanged:
			rekey = true
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if rekey {
		if err := s.rekey(ctx); err != nil {
			return fmt.Errorf("%s: %w", keysChanged, err)
		}
	}
	if version < len(names) {
		// A pragma takes no parameters; these are numbers of this package.
		marks := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(names))
		if _, err := s.conn.ExecContext(ctx, marks); err != nil {
			return err
		}
	}
	return s.exec(ctx, `COMMIT`)
}

// ownersFolded is the migration that folds the identifiers of owners, as far as SQL can.
const ownersFolded = "migrations/0006_owners.sql"

// foldOwners folds the others.
func (s *session) foldOwners(ctx context.Context) error {
	rows, err := s.query(ctx, `SELECT DISTINCT owner_id, owner_folded FROM incidents`, nil)
	if err != nil {
		return err
	}
	defer rows.close()
	differ := make(map[string]string)
	for rows.Next() {
		var id, folded string
		if err := rows.Scan(&id, &folded); err != nil {
			return err
		}
		if want := incident.Fold(id); want != folded {
			differ[id] = want
		}
	}
	if err := errors.Join(rows.Err(), rows.close()); err != nil {
		return err
	}
	for id, folded := range differ {
		if err := s.exec(ctx, `UPDATE incidents SET owner_folded = ? WHERE owner_id = ?`, folded, id); err != nil {
			return err
		}
	}
	return nil
}

// titlesFolded is the migration that folds the titles of alerts, as far as SQL can.
const titlesFolded = "migrations/0007_titles.sql"

// foldTitles folds the others.
func (s *session) foldTitles(ctx context.Context) error {
	rows, err := s.query(ctx, `SELECT place, title FROM alerts WHERE length(CAST(title AS BLOB)) <> length(title)`, nil)
	if err != nil {
		return err
	}
	defer rows.close()
	titles := make(map[int64]string)
	for rows.Next() {
		var place int64
		var title string
		if err := rows.Scan(&place, &title); err != nil {
			return err
		}
		titles[place] = incident.Fold(title)
	}
	if err := errors.Join(rows.Err(), rows.close()); err != nil {
		return err
	}
	for place, folded := range titles {
		if err := s.exec(ctx, `UPDATE alerts SET title_folded = ? WHERE place = ?`, folded, place); err != nil {
			return err
		}
	}
	return nil
}
