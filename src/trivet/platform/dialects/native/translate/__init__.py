"""From the core's values to the API's documents. Nothing is decided here, and no payload is decoded."""
