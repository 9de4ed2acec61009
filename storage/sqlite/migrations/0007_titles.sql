-- What the title of an alert folds to, in which queries look for a text. SQLite folds ASCII alone: the others are folded
-- by the program, after this file.
ALTER TABLE alerts ADD COLUMN title_folded TEXT NOT NULL DEFAULT '';
UPDATE alerts SET title_folded = lower(title);
