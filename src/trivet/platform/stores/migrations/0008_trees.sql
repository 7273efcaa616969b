-- Which job called which: the one that did, and the one at the top.

ALTER TABLE jobs ADD COLUMN parent_id TEXT;
ALTER TABLE jobs ADD COLUMN root_id TEXT;
