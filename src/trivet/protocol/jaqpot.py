"""How programs of Jaqpot's SDK are told by their environment where they find this platform."""


def caller_variables(url: str, key: str) -> dict[str, str] | None:
    """What a program that calls finds in its environment. The SDK reads the first two by itself; the URL it is to be given.

    Args:
        url: where the platform is found over HTTP.
        key: the API key that it calls with, ``trv_<id>_<secret>``.

    Returns:
        The variables; None where the key does not come in two halves.
    """
    name, _, secret = key.rpartition("_")
    if not (name and secret):
        return None
    return {"JAQPOT_API_KEY": name, "JAQPOT_API_SECRET": secret, "JAQPOT_API_URL": f"{url}/jaqpot"}
