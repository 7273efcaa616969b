-- Jobs that try others again: found by the first one's id, each retry once.

ALTER TABLE jobs ADD COLUMN retry_of TEXT;
ALTER TABLE jobs ADD COLUMN retry_number INTEGER NOT NULL DEFAULT 0;

CREATE UNIQUE INDEX jobs_retries ON jobs (retry_of, retry_number) WHERE retry_of IS NOT NULL;
