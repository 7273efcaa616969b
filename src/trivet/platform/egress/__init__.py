"""The way out: requests to hosts that callers name. Behind `ports.egress`; only the server chooses it."""
