"""The drop-in module `trivet.algorithmia`."""
