-- What a job's worker gets beside the input, sealed; and the number of jobs that were tried more than once, in little time.

ALTER TABLE jobs ADD COLUMN aside BLOB;
CREATE INDEX jobs_retried ON jobs (endpoint_id) WHERE attempt > 1;
