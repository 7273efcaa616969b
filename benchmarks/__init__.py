"""What a call costs here, beside the least that a platform of this shape must do. `make bench`."""
