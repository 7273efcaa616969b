"""Says hello: an algorithm as its template has it."""

from Algorithmia import ADK


def apply(name: str) -> str:
    """Greets somebody by name."""
    return f"Hello {name}"


ADK(apply).init("Mr. Bond")
