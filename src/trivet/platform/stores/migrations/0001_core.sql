-- Accounts and organizations lie in one table, because they share one space of names.
CREATE TABLE owners (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('account', 'organization')),
    name          TEXT NOT NULL COLLATE NOCASE UNIQUE,
    created_at    REAL NOT NULL,
    administrator INTEGER NOT NULL DEFAULT 0,
    disabled      INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE memberships (
    organization_id TEXT NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
    account_id      TEXT NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
    role            TEXT NOT NULL,
    PRIMARY KEY (organization_id, account_id)
) WITHOUT ROWID;

CREATE INDEX memberships_of_account ON memberships (account_id);

CREATE TABLE api_keys (
    id             TEXT PRIMARY KEY,
    account_id     TEXT NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
    label          TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    secret_hash    TEXT NOT NULL,
    created_at     REAL NOT NULL,
    expires_at     REAL,
    last_used_at   REAL,
    revoked_at     REAL,
    previous_hash  TEXT,
    previous_until REAL
);

CREATE INDEX api_keys_of_account ON api_keys (account_id);

CREATE TABLE endpoints (
    id          TEXT PRIMARY KEY,
    owner_id    TEXT NOT NULL,
    owner_name  TEXT NOT NULL COLLATE NOCASE,
    name        TEXT NOT NULL COLLATE NOCASE,
    created_at  REAL NOT NULL,
    updated_at  REAL NOT NULL,
    model_id    INTEGER UNIQUE,
    visibility  TEXT NOT NULL,
    shared_with TEXT NOT NULL,
    scaling     TEXT NOT NULL,
    description TEXT NOT NULL,
    history     TEXT NOT NULL,
    UNIQUE (owner_name, name)
);

CREATE TABLE versions (
    id            TEXT PRIMARY KEY,
    endpoint_id   TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    number        TEXT NOT NULL,
    hash          TEXT NOT NULL,
    state         TEXT NOT NULL,
    created_at    REAL NOT NULL,
    created_by    TEXT NOT NULL,
    kind          TEXT NOT NULL,
    host          TEXT NOT NULL,
    handler       TEXT NOT NULL,
    bundle        TEXT NOT NULL,
    environment   TEXT NOT NULL,
    settings      TEXT NOT NULL,
    description   TEXT NOT NULL,
    input_schema  TEXT,
    output_schema TEXT,
    deployment_id TEXT
);

CREATE INDEX versions_of_endpoint ON versions (endpoint_id, created_at);
CREATE UNIQUE INDEX versions_number ON versions (endpoint_id, number) WHERE state <> 'failed';

CREATE TABLE deployments (
    id          TEXT PRIMARY KEY,
    account_id  TEXT NOT NULL,
    owner_id    TEXT NOT NULL,
    owner_name  TEXT NOT NULL,
    request     TEXT NOT NULL,
    state       TEXT NOT NULL,
    created_at  REAL NOT NULL,
    hash        TEXT NOT NULL,
    finished_at REAL,
    steps       TEXT NOT NULL,
    log         TEXT NOT NULL,
    error       TEXT,
    version_ids TEXT NOT NULL
);

CREATE INDEX deployments_unfinished ON deployments (created_at) WHERE state = 'building';

CREATE TABLE secrets (
    owner_id   TEXT NOT NULL,
    name       TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    updated_at REAL NOT NULL,
    PRIMARY KEY (owner_id, name)
) WITHOUT ROWID;

-- Jobs outlive their endpoint, so that nothing here refers to it.
CREATE TABLE jobs (
    id            TEXT PRIMARY KEY,
    endpoint_id   TEXT NOT NULL,
    version_id    TEXT NOT NULL,
    account_id    TEXT NOT NULL,
    created_at    REAL NOT NULL,
    policy        TEXT NOT NULL,
    input_type    TEXT NOT NULL,
    input_size    INTEGER NOT NULL,
    input_data    BLOB,
    input_blob    TEXT,
    status        TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    token         TEXT,
    worker_id     TEXT,
    queued_at     REAL NOT NULL,
    started_at    REAL,
    finished_at   REAL,
    stop_reason   TEXT,
    stop_asked_at REAL,
    pieces        INTEGER NOT NULL,
    progress      TEXT,
    output_type   TEXT,
    output_size   INTEGER,
    output_data   BLOB,
    output_blob   TEXT,
    error         TEXT
);

-- with the status, so that counting and filtering need not visit the rows
CREATE INDEX jobs_of_endpoint ON jobs (endpoint_id, id, status);
CREATE INDEX jobs_of_account ON jobs (account_id, id);
CREATE INDEX jobs_open ON jobs (id) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_finished ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;

CREATE TABLE job_events (
    job_id  TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    at      REAL NOT NULL,
    data    BLOB NOT NULL,
    label   TEXT NOT NULL,
    PRIMARY KEY (job_id, seq)
) WITHOUT ROWID;
