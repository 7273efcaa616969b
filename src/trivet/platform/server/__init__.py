"""Wires everything in one place."""
