"""How programs of Algorithmia's package are told by their environment where they find this platform."""


def caller_variables(url: str, key: str) -> dict[str, str]:
    """What a program that calls finds in its environment.

    Args:
        url: where the platform is found over HTTP.
        key: the API key that it calls with.
    """
    return {"ALGORITHMIA_API_KEY": key, "ALGORITHMIA_API": f"{url}/algorithmia"}
