"""The worker protocol: what a server and a worker say to each other, and what both do with the folders of workers.

Imports nothing of Trivet and nothing outside the standard library, because it runs inside other people's environments.
"""
