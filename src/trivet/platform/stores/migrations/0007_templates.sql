-- Images, templates and registry credentials; what endpoints that were made from them keep; an account's public key.

CREATE TABLE images (
    id            TEXT PRIMARY KEY,
    owner_id      TEXT NOT NULL,
    owner_name    TEXT NOT NULL,
    name          TEXT NOT NULL,
    hash          TEXT NOT NULL,
    kind          TEXT NOT NULL,
    host          TEXT NOT NULL,
    handler       TEXT NOT NULL,
    bundle        TEXT NOT NULL,
    environment   TEXT NOT NULL,
    settings      TEXT NOT NULL,
    created_at    REAL NOT NULL,
    updated_at    REAL NOT NULL,
    scaling       TEXT,
    description   TEXT NOT NULL,
    input_schema  TEXT,
    output_schema TEXT,
    deployment_id TEXT,
    UNIQUE (owner_id, name)
);

CREATE TABLE templates (
    id         TEXT PRIMARY KEY,
    owner_id   TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    name       TEXT NOT NULL,
    image      TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    sealed_env BLOB,
    extras     TEXT NOT NULL,
    UNIQUE (owner_id, name)
);

CREATE TABLE registry_credentials (
    id              TEXT PRIMARY KEY,
    owner_id        TEXT NOT NULL,
    name            TEXT NOT NULL,
    username        TEXT NOT NULL,
    sealed_password BLOB NOT NULL,
    created_at      REAL NOT NULL,
    UNIQUE (owner_id, name)
);

ALTER TABLE endpoints ADD COLUMN template_id TEXT;
ALTER TABLE endpoints ADD COLUMN overrides TEXT NOT NULL DEFAULT '{}';
ALTER TABLE endpoints ADD COLUMN extras TEXT NOT NULL DEFAULT '{}';
CREATE INDEX endpoints_of_template ON endpoints (template_id) WHERE template_id IS NOT NULL;
ALTER TABLE versions ADD COLUMN sealed_env BLOB;
ALTER TABLE deployments ADD COLUMN image_id TEXT;
ALTER TABLE owners ADD COLUMN public_key TEXT NOT NULL DEFAULT '';
