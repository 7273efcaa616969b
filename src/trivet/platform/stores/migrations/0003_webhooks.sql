-- Webhooks. A delivery belongs to its job and goes with it; a signing secret goes with its account.

CREATE TABLE webhook_deliveries (
    id          TEXT PRIMARY KEY,
    job_id      TEXT NOT NULL UNIQUE REFERENCES jobs (id) ON DELETE CASCADE,
    account_id  TEXT NOT NULL,
    url         TEXT NOT NULL,
    host        TEXT NOT NULL,
    format      TEXT NOT NULL,
    created_at  REAL NOT NULL,
    status      TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    tries       INTEGER NOT NULL,
    next_at     REAL,
    finished_at REAL
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (host, account_id, next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_account ON webhook_deliveries (account_id, id, status);

CREATE TABLE webhook_attempts (
    delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    at          REAL NOT NULL,
    duration_ms REAL NOT NULL,
    status      INTEGER,
    error       TEXT NOT NULL,
    response    BLOB NOT NULL,
    next_at     REAL,
    PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;

CREATE TABLE webhook_secrets (
    account_id     TEXT PRIMARY KEY REFERENCES owners (id) ON DELETE CASCADE,
    sealed         BLOB NOT NULL,
    created_at     REAL NOT NULL,
    previous       BLOB,
    previous_until REAL
);
