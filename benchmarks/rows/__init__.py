"""The rows of the table: each is a function from a run to its outcome."""
