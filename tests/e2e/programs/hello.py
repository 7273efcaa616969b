import trivet


@trivet.endpoint(workers=(0, 3), timeout=60)
def hello(name: str, times: int = 1) -> str:
    """Says hello."""
    return " ".join([f"Hello {name}"] * times)
