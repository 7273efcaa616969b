-- How often an account or a key may call (`100/min`), and how many jobs it may have open; NULL: no limit of its own.
ALTER TABLE owners ADD COLUMN rate TEXT;
ALTER TABLE owners ADD COLUMN concurrent INTEGER;
ALTER TABLE api_keys ADD COLUMN rate TEXT;
ALTER TABLE api_keys ADD COLUMN concurrent INTEGER;
