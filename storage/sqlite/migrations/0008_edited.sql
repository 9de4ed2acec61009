-- The names of the fields of an alert whose texts somebody replaced.
ALTER TABLE alerts ADD COLUMN edited TEXT;
