"""What `deploy` recognises, and how it becomes a version."""
