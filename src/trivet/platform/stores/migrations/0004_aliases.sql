-- Names for versions, and the share of unpinned calls that a version beside the current one gets.

ALTER TABLE endpoints ADD COLUMN canary TEXT;
ALTER TABLE endpoints ADD COLUMN aliases TEXT NOT NULL DEFAULT '[]';
