CREATE TABLE items (
	kind TEXT NOT NULL,
	key TEXT NOT NULL,
	version INTEGER NOT NULL,
	incident TEXT NOT NULL,
	time INTEGER NOT NULL,
	data BLOB, -- NULL when it is empty
	PRIMARY KEY (kind, key)
) STRICT;

CREATE INDEX items_incident ON items (incident) WHERE incident <> ''; -- for purge
CREATE INDEX items_time ON items (kind, time); -- for expiry

-- Seq of the first entry of the Changeset that added the key to the alert, or the last Seq in the log at that time;
-- 0 when that was before this migration, or by Restore.
ALTER TABLE alert_keys ADD COLUMN added INTEGER NOT NULL DEFAULT 0;
