-- Predictive models: what a version says of itself, jobs with integers of their own, and where those come from.

ALTER TABLE versions ADD COLUMN model TEXT;

ALTER TABLE jobs ADD COLUMN number INTEGER;
CREATE UNIQUE INDEX jobs_number ON jobs (number) WHERE number IS NOT NULL;
CREATE INDEX jobs_account_number ON jobs (account_id, number) WHERE number IS NOT NULL;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
