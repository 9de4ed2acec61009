ALTER TABLE activity ADD COLUMN on_behalf_of TEXT NOT NULL DEFAULT '';
ALTER TABLE activity ADD COLUMN part TEXT NOT NULL DEFAULT '';
ALTER TABLE activity ADD COLUMN part_index INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activity ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activity ADD COLUMN digest BLOB; -- NULL when there is none, as all that follow
ALTER TABLE activity ADD COLUMN alert_digest BLOB;
ALTER TABLE activity ADD COLUMN salt BLOB;
ALTER TABLE activity ADD COLUMN seal_parts TEXT;

-- Until now the ID of an entry was its cause, its part if it had one, and its index, with slashes between. Imported
-- comments have other IDs: they stand between the other entries of their command.
CREATE TABLE places (seq INTEGER PRIMARY KEY, part TEXT NOT NULL, part_index INTEGER NOT NULL) STRICT;
INSERT INTO places SELECT seq, substr(head, 1, max(length(head) - 1, 0)), CAST(substr(rest, length(head) + 1) AS INTEGER)
	FROM (SELECT seq, rest, rtrim(rest, '0123456789') AS head
		FROM (SELECT seq, substr(id, length(cause) + 2) AS rest FROM activity WHERE substr(id, 1, length(cause) + 1) = cause || '/'))
	WHERE head <> rest AND (head = '' OR substr(head, -1) = '/');

-- The version is how many commands the incident has had. A command begins with another cause, or with an entry that is
-- the first of a part or of another part than the one before it. What a merge has copied begins none.
UPDATE activity SET version = counted FROM (
	SELECT seq AS place, sum(begins) OVER (PARTITION BY incident ORDER BY seq) AS counted FROM (
		SELECT a.seq, incident, origin = '' AND (cause IS NOT lag(cause) OVER log
			OR p.seq IS NOT NULL AND (p.part_index = 0 OR lag(p.seq) OVER log IS NOT NULL AND p.part <> lag(p.part) OVER log)) AS begins
		FROM activity AS a LEFT JOIN places AS p ON p.seq = a.seq
		WINDOW log AS (PARTITION BY incident, origin <> '' ORDER BY a.seq)))
WHERE seq = place;

UPDATE activity SET part = theirs, part_index = coalesce(given, place) FROM (
	SELECT a.seq AS place_of, p.part_index AS given, coalesce(max(p.part) OVER (PARTITION BY incident, version, origin), '') AS theirs,
		row_number() OVER (PARTITION BY incident, version ORDER BY a.seq) - 1 AS place
	FROM activity AS a LEFT JOIN places AS p ON p.seq = a.seq)
WHERE seq = place_of;
DROP TABLE places;

-- A copy has the part and the index of what it is a copy of.
UPDATE activity SET part = was, part_index = had FROM (SELECT id AS original, part AS was, part_index AS had FROM activity)
WHERE origin <> '' AND subject = original;
