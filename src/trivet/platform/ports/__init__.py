"""What the platform needs from outside, as protocols; nothing here does anything."""
