"""The documents of the native API, as they stand on the wire. Times are RFC 3339, fields that end in ``_ms`` milliseconds."""
