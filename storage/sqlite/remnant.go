package sqlite

import (
	"encoding/binary"
	"errors"
)

// SQLite overwrites what is deleted, see secure_delete. When it moves cells from one page of a tree to another, their
// bytes stay in the unused part of the first page, between the pointers to its cells and the first cell. There what is
// deleted later is not found.

// clearRemnants overwrites the unused parts of all pages of trees, in the transaction that has deleted something. It
// reads the whole file. It leaves a file of 2<<24 pages, which are 128 GiB, as it is: there the number of a page, with
// which other pages begin, may look like the kind of a tree's.
func (t tx) clearRemnants() error {
	var pages int64
	if err := t.one(t.ctx, `PRAGMA page_count`, nil, []any{&pages}); err != nil || pages >= 2<<24 {
		return err
	}
	rows, err := t.query(t.ctx, `SELECT pgno, data FROM sqlite_dbpage`, nil)
	if err != nil {
		return err
	}
	type page struct {
		number int64
		data   []byte
	}
	var changed []page
	for rows.Next() {
		var p page
		if err = rows.Scan(&p.number, &p.data); err != nil {
			break
		}
		if unused := unusedPart(p.number, p.data); clearPart(unused) {
			changed = append(changed, p)
		}
	}
	if err := errors.Join(err, rows.Err(), rows.close()); err != nil {
		return err
	}
	for _, p := range changed {
		if err := t.exec(`UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?`, p.data, p.number); err != nil {
			return err
		}
	}
	return nil
}

// unusedPart returns the unused part of a page; nil of one that is no page of a tree. Source: SQLite, Database File
// Format, 1.6, B-tree Pages.
func unusedPart(number int64, data []byte) []byte {
	header := 0
	if number == 1 {
		header = 100 // behind the header of the file
	}
	if len(data) < header+12 {
		return nil
	}
	size := 8
	switch data[header] {
	case 10, 13: // leaves
	case 2, 5:
		size = 12
	default:
		return nil
	}
	cells := int(binary.BigEndian.Uint16(data[header+3:]))
	content := int(binary.BigEndian.Uint16(data[header+5:]))
	if content == 0 {
		content = 1 << 16
	}
	from := header + size + 2*cells
	if from > content || content > len(data) {
		return nil
	}
	return data[from:content]
}

// clearPart sets all bytes to zero, and reports whether one was not.
func clearPart(part []byte) (changed bool) {
	for n, b := range part {
		if b != 0 {
			part[n], changed = 0, true
		}
	}
	return changed
}
