"""Durable queues beside which ours is measured, each told to sync at every write."""
