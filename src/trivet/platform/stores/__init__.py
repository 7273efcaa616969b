"""Where rows and bytes lie. Nothing of how leaves this package."""
