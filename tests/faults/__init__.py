"""Faults on purpose: a real platform is hurt under load, and an auditor checks afterwards that every job told the truth."""
