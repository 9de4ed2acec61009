-- One row for each tenant. Its numbers are the last that were given; whoever gives the next locks the row
-- until the commit, which is what makes them dense and puts them in the order of commits.
create table incidentkit.tenants (
	tenant text collate "C" primary key,
	seq    bigint not null default 0,
	number bigint not null default 0
);

-- Texts are escaped as the package's comment says, times are microseconds since 1970 in UTC. record is the
-- whole record as JSON; the columns beside it are what queries select and order by.
create table incidentkit.incidents (
	tenant            text collate "C" not null,
	id                text collate "C" not null,
	number            bigint not null,
	version           bigint not null,
	name              text collate "C" not null,
	folded            text collate "C" not null, -- name, folded
	status            smallint not null,
	severity          smallint not null,
	priority          bigint not null,
	assigned          boolean not null,
	owner             text collate "C" not null,
	tags              text[] not null, -- folded
	classification    text collate "C" not null,
	determination     text collate "C" not null,
	alert_severities  smallint[] not null,
	alert_classifications text[] not null, -- '' where an alert has none
	sources           text[] not null,
	detection_sources text[] not null,
	products          text[] not null,
	categories        text[] not null,
	techniques        text[] not null,
	device_groups     text[] not null,
	platforms         text[] not null,
	threats           text[] not null,
	threat_actors     text[] not null,
	criticality       smallint not null,
	refs              text[] not null,
	terms             bigint[] not null, -- digests of tenant, column and value, for the lists that have an index
	created           bigint not null,
	updated           bigint not null,
	facets            text[] not null, -- what it counts for, see the table of facets
	record            json not null,
	primary key (tenant, id)
);
create unique index incidents_number on incidentkit.incidents (tenant, number);
create index incidents_updated on incidentkit.incidents (tenant, updated, number);
create index incidents_created on incidentkit.incidents (tenant, created, number);
create index incidents_severity on incidentkit.incidents (tenant, severity, updated, number);
create index incidents_status on incidentkit.incidents (tenant, status, updated, number);
create index incidents_priority on incidentkit.incidents (tenant, priority, updated, number);
create index incidents_terms on incidentkit.incidents using gin (terms);

-- How many incidents count for a facet: a letter for the field and then the value, of an owner as JSON. key is its SHA-256, for
-- one that is longer than an index can hold. Those who change a row have locked that of the tenant.
create table incidentkit.facets (
	tenant   text collate "C" not null,
	key      bytea not null,
	status   smallint not null, -- of the incidents
	severity smallint not null,
	facet    text collate "C" not null,
	n        bigint not null, -- not 0
	primary key (tenant, key, status, severity)
) with (fillfactor = 50); -- some rows change with each transaction

create table incidentkit.alerts (
	tenant         text collate "C" not null,
	id             text collate "C" not null,
	version        bigint not null,
	incident       text collate "C" not null,
	status         smallint not null,
	severity       smallint not null,
	first_activity bigint not null,
	record         json not null,
	primary key (tenant, id)
);
create index alerts_time on incidentkit.alerts (tenant, first_activity, id);
create index alerts_incident on incidentkit.alerts (tenant, incident, first_activity, id);

-- Which alerts have an entity. key is the SHA-256 of the entity's key, which may be longer than an index can hold.
create table incidentkit.sightings (
	tenant         text collate "C" not null,
	key            bytea not null,
	alert          text collate "C" not null,
	incident       text collate "C" not null,
	first_activity bigint not null,
	standalone     boolean not null,
	primary key (tenant, alert, key)
);
create index sightings_time on incidentkit.sightings (tenant, key, first_activity, alert) include (incident, standalone);
create index sightings_incident on incidentkit.sightings (tenant, key, incident, first_activity, alert) include (standalone);

create table incidentkit.entries (
	tenant   text collate "C" not null,
	seq      bigint not null,
	id       text collate "C" not null,
	time     bigint not null,
	incident text collate "C" not null,
	alert    text collate "C" not null,
	type     smallint not null,
	category smallint not null,
	trigger  smallint not null,
	actor    text collate "C" not null,
	origin   text collate "C" not null,
	fields   text[] not null,
	record   json not null,
	primary key (tenant, seq)
);
create unique index entries_id on incidentkit.entries (tenant, id);
create index entries_incident on incidentkit.entries (tenant, incident, seq);
create index entries_alert on incidentkit.entries (tenant, alert, seq) where alert <> '';

-- Which entries that are not redacted name a content.
create table incidentkit.attachments (
	tenant text collate "C" not null,
	sha256 text collate "C" not null,
	seq    bigint not null,
	primary key (tenant, sha256, seq)
);

create table incidentkit.contents (
	tenant text collate "C" not null,
	sha256 text collate "C" not null,
	data   bytea not null,
	primary key (tenant, sha256)
);

-- Where row-level security is turned on, a transaction reads and writes the rows of the tenant that it has named in the
-- setting incidentkit.tenant. One that has named none has no rows.
create policy tenant on incidentkit.tenants using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
create policy tenant on incidentkit.incidents using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
create policy tenant on incidentkit.facets using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
create policy tenant on incidentkit.alerts using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
create policy tenant on incidentkit.sightings using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
create policy tenant on incidentkit.entries using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
create policy tenant on incidentkit.attachments using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
create policy tenant on incidentkit.contents using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
