-- When an alert last came again, and the last status that its source gave. Of alerts from before this migration both are
-- unknown, which are the zero time and the status new.
ALTER TABLE alerts ADD COLUMN repeated INTEGER NOT NULL DEFAULT -62135596800000000;
ALTER TABLE alerts ADD COLUMN source_status INTEGER NOT NULL DEFAULT 0;
