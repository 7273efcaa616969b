"""The mouths: each translates, none decides."""
