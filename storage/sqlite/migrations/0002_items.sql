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

-- Of a key, the Seq of the first entry of the Changeset that added it to the alert, or the last Seq in the log at that
-- time; 0 when that was before this migration, or by Restore. Of an alert, the highest that one of its keys has had, by
-- which the index finds what was added since, at a lower price than an index of keys.
ALTER TABLE alert_keys ADD COLUMN added INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN added INTEGER NOT NULL DEFAULT 0;

-- Not "> 0", where SQLite would begin to read in place of the bound that is asked for.
CREATE INDEX alerts_added ON alerts (added) WHERE added <> 0;
