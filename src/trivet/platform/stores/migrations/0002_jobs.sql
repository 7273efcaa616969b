-- Submitting once, retries with a delay, dead letters, and a retention of each job's own.

ALTER TABLE jobs ADD COLUMN key_id TEXT;
ALTER TABLE jobs ADD COLUMN idempotency_key TEXT;
ALTER TABLE jobs ADD COLUMN input_digest BLOB;
ALTER TABLE jobs ADD COLUMN retry_at REAL;
ALTER TABLE jobs ADD COLUMN is_dead_letter INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN forget_at REAL;

UPDATE jobs SET forget_at = finished_at + 604800.0 WHERE finished_at IS NOT NULL;

CREATE UNIQUE INDEX jobs_idempotency ON jobs (endpoint_id, account_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_dead_letters ON jobs (id) WHERE is_dead_letter = 1;
CREATE INDEX jobs_forget ON jobs (forget_at, id) WHERE forget_at IS NOT NULL;
CREATE INDEX jobs_input_blob ON jobs (input_blob) WHERE input_blob IS NOT NULL;
CREATE INDEX jobs_output_blob ON jobs (output_blob) WHERE output_blob IS NOT NULL;
DROP INDEX jobs_finished;
