-- The column owner has what the account identifier folds to, by which queries compare and order. It is folded as far as
-- ASCII goes; the program folds the others after this file.
do $$ declare secured boolean; begin
	select relforcerowsecurity into secured from pg_class where oid = 'incidentkit.incidents'::regclass;
	if secured then -- else the owner would find no rows
		alter table incidentkit.incidents no force row level security;
	end if;
	update incidentkit.incidents set owner = lower(owner) where owner <> lower(owner);
	if secured then
		alter table incidentkit.incidents force row level security;
	end if;
end $$;
