-- Entries have the part of their command, their index in it, and the version of the incident after it. Until now the ID
-- of an entry was its cause, its part if it had one, and its index, with slashes between. Imported comments have other
-- IDs: they stand between the other entries of their command. A copy has the part and the index of what it is a copy of.
--
-- The version is how many commands the incident has had. A command begins with another cause, or with an entry that is
-- the first of a part or of another part than the one before it. What a merge has copied begins none.
--
-- Texts are compared and kept as they stand in the JSON, which may have what a text of PostgreSQL cannot.
do $$ declare secured boolean; begin
	select relforcerowsecurity into secured from pg_class where oid = 'incidentkit.entries'::regclass;
	if secured then -- else the owner would find no rows
		alter table incidentkit.entries no force row level security;
	end if;
	with raw as (
		select tenant, seq, incident, origin <> '' copied,
			substring(record::text from '"id":"((?:[^"\\]|\\.)*)"') id,
			substring(record::text from '"cause":"((?:[^"\\]|\\.)*)"') cause,
			substring(record::text from '"subject":"((?:[^"\\]|\\.)*)"') subject
		from incidentkit.entries
	), split as (
		select *, case when starts_with(id, cause || '/') then
			regexp_match(substr(id, length(cause) + 2), '^(?:(.*)/)?([0-9]{1,9})$') end place
		from raw
	), placed as (
		select *, place is not null known, coalesce(place[1], '') part, place[2]::integer index from split
	), begun as (
		select *, not copied and (cause is distinct from lag(cause) over log
			or known and (index = 0 or lag(known) over log and part <> lag(part) over log)) begins
		from placed
		window log as (partition by tenant, incident, copied order by seq)
	), counted as (
		select *, count(*) filter (where begins) over (partition by tenant, incident order by seq) version from begun
	), complete as (
		select *, max(part) over (partition by tenant, incident, version, copied) theirs,
			coalesce(index, row_number() over (partition by tenant, incident, version order by seq) - 1) place_in
		from counted
	), final as (
		select c.tenant, c.seq, c.version, coalesce(o.theirs, c.theirs) part, coalesce(o.place_in, c.place_in) index
		from complete c left join complete o on c.copied and o.tenant = c.tenant and o.id = c.subject
	)
	update incidentkit.entries e set record = ('{"part":"' || f.part || '","index":' || f.index || ',"version":' ||
		f.version || ',' || substr(e.record::text, 2))::json
	from final f where f.tenant = e.tenant and f.seq = e.seq;
	if secured then
		alter table incidentkit.entries force row level security;
	end if;
end $$;
