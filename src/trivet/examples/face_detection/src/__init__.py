"""The algorithm's modules."""
