-- Builds of one endpoint, and what dialects keep with accounts and organizations in their own words.

CREATE INDEX deployments_of_endpoint ON deployments (request ->> '$.endpoint_id', created_at, id)
    WHERE request ->> '$.endpoint_id' IS NOT NULL;

ALTER TABLE owners ADD COLUMN extras TEXT NOT NULL DEFAULT '{}';
