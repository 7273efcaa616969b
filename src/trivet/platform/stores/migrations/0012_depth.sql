-- How many calls lie between a job and the one at the top of its tree.

ALTER TABLE jobs ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
