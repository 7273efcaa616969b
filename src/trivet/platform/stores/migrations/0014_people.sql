-- People: keys that can be switched off and on, addresses, pictures, organizations with an integer, and invitations to them.

ALTER TABLE api_keys ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;

ALTER TABLE owners ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE owners ADD COLUMN picture TEXT NOT NULL DEFAULT '';
ALTER TABLE owners ADD COLUMN public INTEGER NOT NULL DEFAULT 0;
ALTER TABLE owners ADD COLUMN number INTEGER;
CREATE UNIQUE INDEX owners_number ON owners (number) WHERE number IS NOT NULL;

-- those that are there get theirs in the order in which they came
UPDATE owners SET number = (
    SELECT count(*) FROM owners AS earlier
    WHERE earlier.kind = 'organization' AND (earlier.created_at, earlier.id) <= (owners.created_at, owners.id)
) WHERE kind = 'organization';
INSERT INTO counters (name, next)
    SELECT 'organization', count(*) + 1 FROM owners WHERE kind = 'organization' HAVING count(*) > 0;

CREATE TABLE pictures (
    account_id TEXT PRIMARY KEY REFERENCES owners (id) ON DELETE CASCADE,
    media_type TEXT NOT NULL,
    data       BLOB NOT NULL
) STRICT;

CREATE TABLE invitations (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
    address         TEXT NOT NULL,
    created_at      REAL NOT NULL,
    expires_at      REAL NOT NULL,
    invited_by      TEXT NOT NULL,
    status          TEXT NOT NULL,
    answered_by     TEXT,
    answered_at     REAL
) STRICT;

CREATE INDEX invitations_of_organization ON invitations (organization_id, created_at);
CREATE INDEX invitations_pending ON invitations (address) WHERE status = 'pending';
