-- What programs keep beside incidents, alerts and entries: Item of package storage.
create table incidentkit.items (
	tenant   text collate "C" not null,
	kind     text collate "C" not null,
	key      text collate "C" not null,
	version  bigint not null,
	incident text collate "C" not null, -- whose purge takes it away, or ''
	time     bigint not null,
	data     bytea not null,
	primary key (tenant, kind, key)
);
create index items_time on incidentkit.items (tenant, kind, time);
create index items_incident on incidentkit.items (tenant, incident) where incident <> '';
create policy tenant on incidentkit.items using (tenant = nullif(current_setting('incidentkit.tenant', true), ''));
do $$ begin -- where row-level security is on it is for all tables
	if (select relrowsecurity and relforcerowsecurity from pg_class where oid = 'incidentkit.tenants'::regclass) then
		alter table incidentkit.items enable row level security, force row level security;
	end if;
end $$;

-- Since when the alert has the key: seq of the first entry of the Changeset that added it, or 0.
alter table incidentkit.sightings add column stamp bigint not null default 0;
create index sightings_stamp on incidentkit.sightings (tenant, key, stamp) where stamp > 0;
