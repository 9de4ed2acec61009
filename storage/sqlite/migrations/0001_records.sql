-- Times are microseconds since 1970 in UTC. Numbers of an enumeration are those of its constants in Go. Lists that
-- no query asks for are JSON, NULL where a record has none. Text is compared by bytes: BINARY is the default
-- collation.

CREATE TABLE incidents (
	number INTEGER PRIMARY KEY, -- what people say; no incident is ever deleted, so the next is the highest and one
	id TEXT NOT NULL UNIQUE,
	version INTEGER NOT NULL,
	name TEXT NOT NULL,
	renamed INTEGER NOT NULL,
	severity INTEGER NOT NULL,
	severity_overridden INTEGER NOT NULL,
	priority INTEGER NOT NULL,
	status INTEGER NOT NULL,
	owner_kind INTEGER NOT NULL,
	owner_id TEXT NOT NULL,
	owner_name TEXT NOT NULL,
	tags TEXT,
	classification TEXT NOT NULL,
	determination TEXT NOT NULL,
	resolved INTEGER NOT NULL,
	redirect_to TEXT NOT NULL,
	incident_references TEXT,
	comments INTEGER NOT NULL,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	alerts INTEGER NOT NULL, -- how many, and how many of each severity, status and group of assets
	unrated INTEGER NOT NULL,
	informational INTEGER NOT NULL,
	low INTEGER NOT NULL,
	medium INTEGER NOT NULL,
	high INTEGER NOT NULL,
	alerts_new INTEGER NOT NULL,
	alerts_in_progress INTEGER NOT NULL,
	alerts_resolved INTEGER NOT NULL,
	others INTEGER NOT NULL,
	devices INTEGER NOT NULL,
	users INTEGER NOT NULL,
	mailboxes INTEGER NOT NULL,
	apps INTEGER NOT NULL,
	cloud_resources INTEGER NOT NULL,
	first_activity INTEGER NOT NULL,
	last_activity INTEGER NOT NULL,
	rarest INTEGER NOT NULL,
	title TEXT NOT NULL,
	sources TEXT,
	detection_sources TEXT,
	products TEXT,
	categories TEXT,
	techniques TEXT,
	device_groups TEXT,
	platforms TEXT,
	threats TEXT,
	threat_actors TEXT,
	classified TEXT,
	criticality INTEGER NOT NULL,
	system_tags TEXT,
	description TEXT NOT NULL,
	note TEXT NOT NULL,
	extra TEXT NOT NULL,
	name_folded TEXT NOT NULL
) STRICT;

CREATE INDEX incidents_updated ON incidents (updated, number, status, severity, created);
CREATE INDEX incidents_created ON incidents (created);
CREATE INDEX incidents_severity ON incidents (severity, updated);
CREATE INDEX incidents_priority ON incidents (priority, updated);
CREATE INDEX incidents_status ON incidents (status, updated);
CREATE INDEX incidents_owner ON incidents (owner_id, updated);
CREATE INDEX incidents_name ON incidents (name);

-- What the lists of an incident hold that queries ask for: tags as they fold, references as JSON of system and
-- identifier, all else as it is. The fields are numbered in columns.go.
CREATE TABLE incident_values (
	field INTEGER NOT NULL,
	value TEXT NOT NULL,
	number INTEGER NOT NULL,
	PRIMARY KEY (field, value, number)
) STRICT, WITHOUT ROWID;

-- How many incidents have which value, by status and severity; see facets.go. Values that none has are not here.
CREATE TABLE facet_counts (
	facet TEXT PRIMARY KEY,
	counts BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
	place INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	version INTEGER NOT NULL,
	incident TEXT NOT NULL,
	source TEXT NOT NULL,
	source_id TEXT NOT NULL,
	product TEXT NOT NULL,
	detection_source TEXT NOT NULL,
	title TEXT NOT NULL,
	category TEXT NOT NULL,
	actor TEXT NOT NULL,
	threat TEXT NOT NULL,
	threat_family TEXT NOT NULL,
	url TEXT NOT NULL,
	severity INTEGER NOT NULL,
	status INTEGER NOT NULL,
	classification TEXT NOT NULL,
	determination TEXT NOT NULL,
	owner_kind INTEGER NOT NULL,
	owner_id TEXT NOT NULL,
	owner_name TEXT NOT NULL,
	first_activity INTEGER NOT NULL,
	last_activity INTEGER NOT NULL,
	created INTEGER NOT NULL,
	source_updated INTEGER NOT NULL,
	resolved INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	repeats INTEGER NOT NULL,
	seen INTEGER NOT NULL,
	standalone INTEGER NOT NULL,
	description TEXT NOT NULL,
	recommended_actions TEXT NOT NULL,
	techniques TEXT,
	tags TEXT,
	system_tags TEXT,
	extra TEXT NOT NULL,
	evidence TEXT
) STRICT;

CREATE INDEX alerts_activity ON alerts (first_activity, id);
CREATE INDEX alerts_incident ON alerts (incident, first_activity, id);

-- Where an entity was seen: all that a sighting says.
CREATE TABLE alert_keys (
	key TEXT NOT NULL,
	first_activity INTEGER NOT NULL,
	alert TEXT NOT NULL,
	incident TEXT NOT NULL,
	standalone INTEGER NOT NULL,
	PRIMARY KEY (key, first_activity, alert)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_keys_incident ON alert_keys (incident, key, first_activity, alert, standalone);

CREATE TABLE activity (
	seq INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	time INTEGER NOT NULL,
	incident TEXT NOT NULL,
	alert TEXT NOT NULL,
	type INTEGER NOT NULL,
	actor_kind INTEGER NOT NULL,
	actor_id TEXT NOT NULL,
	actor_name TEXT NOT NULL,
	cause TEXT NOT NULL,
	changes TEXT,
	text TEXT NOT NULL,
	links TEXT,
	attachments TEXT,
	redacted INTEGER NOT NULL,
	subject TEXT NOT NULL,
	origin TEXT NOT NULL,
	occurred INTEGER NOT NULL
) STRICT;

CREATE INDEX activity_incident ON activity (incident);

-- Which entries that are not redacted name a content. A content is kept as long as there is one.
CREATE TABLE content_names (
	sha256 TEXT NOT NULL,
	seq INTEGER NOT NULL,
	PRIMARY KEY (sha256, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE contents (
	sha256 TEXT PRIMARY KEY,
	data BLOB NOT NULL
) STRICT;
