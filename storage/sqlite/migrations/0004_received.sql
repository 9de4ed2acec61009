-- When what an alert says came in; of alerts from before this migration it is unknown, which is the zero time.
ALTER TABLE alerts ADD COLUMN received INTEGER NOT NULL DEFAULT -62135596800000000;
