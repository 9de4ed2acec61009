-- What the account identifier of an owner folds to, by which queries compare and order. SQLite folds ASCII alone: the
-- others are folded by the program, after this file.
ALTER TABLE incidents ADD COLUMN owner_folded TEXT NOT NULL DEFAULT '';
UPDATE incidents SET owner_folded = lower(owner_id);
DROP INDEX incidents_owner;
CREATE INDEX incidents_owner ON incidents (owner_folded, updated);

-- Whether the name and the severity are those that the system gave that the incident was imported from.
ALTER TABLE incidents ADD COLUMN named INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN severity_given INTEGER NOT NULL DEFAULT 0;
