-- What queries of alerts filter by besides: the source of the origin, the category, and what the title folds to. The
-- program fills them from the records after this file.
alter table incidentkit.alerts
	add column source       text collate "C" not null default '',
	add column category     text collate "C" not null default '',
	add column title_folded text collate "C" not null default '';
