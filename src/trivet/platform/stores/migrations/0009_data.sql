-- Hosted data. An owner may go before its collections do, which are removed afterwards, step by step: nothing refers to owners here.

CREATE TABLE collections (
    id         TEXT PRIMARY KEY,
    owner_id   TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    name       TEXT NOT NULL,
    space      TEXT NOT NULL,
    acl        TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    UNIQUE (owner_id, space, name)
);

CREATE INDEX collections_of_sessions ON collections (id) WHERE space = 'session';

CREATE TABLE files (
    collection_id TEXT NOT NULL REFERENCES collections (id),
    name          TEXT NOT NULL,
    size          INTEGER NOT NULL,
    md5           TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    content_type  TEXT,
    blob          TEXT NOT NULL UNIQUE,
    created_at    REAL NOT NULL,
    modified_at   REAL NOT NULL,
    expires_at    REAL,
    PRIMARY KEY (collection_id, name)
) WITHOUT ROWID;

CREATE INDEX files_expiring ON files (expires_at) WHERE expires_at IS NOT NULL;

-- Blobs that no file refers to any more. They are deleted some seconds later, for those who have just looked a file up.
CREATE TABLE dropped_blobs (
    blob TEXT PRIMARY KEY,
    at   REAL NOT NULL
) WITHOUT ROWID;

CREATE INDEX dropped_blobs_by_age ON dropped_blobs (at);
