"""Makes calls with Jaqpot's published SDK, one after the other: importing it takes seconds, so it is imported once for all.

Reads one JSON document a line from standard input: who calls, which method, and what it is given. Answers with one line each:
what the method returned, or what it raised with all that a caller sees of it.
"""

import json
import os
import sys
import time

import jaqpot_api_client
from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient


def main() -> None:
    clients = {}
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        who = (asked["url"], asked["key"], asked["secret"])
        if who not in clients:
            clients[who] = JaqpotApiClient(api_url=who[0], api_key=who[1], api_secret=who[2])
        print(json.dumps(answer(clients[who], asked), default=str), flush=True)


def answer(client: JaqpotApiClient, asked: dict) -> dict:
    """What came of one call. With ``api`` it goes to that part of the generated client below the SDK."""
    holder = client if asked["api"] is None else getattr(jaqpot_api_client, asked["api"])(client.http_client)
    begun = time.monotonic()
    try:
        returned = getattr(holder, asked["method"])(**asked["args"])
    except Exception as error:  # noqa: BLE001 - whatever a caller would see is the answer
        told = {
            "raised": type(error).__name__,
            "status": getattr(error, "status", None),
            "body": getattr(error, "body", None),
            "message": getattr(error, "message", None),
            "text": str(error),
        }
    else:
        told = {"returned": plain(returned)}
    return {**told, "seconds": time.monotonic() - begun}


def plain(value: object) -> object:
    """A value as JSON has it, in the names of the wire."""
    if hasattr(value, "raw_data"):  # an answer of the generated client, with all that is around its document
        return {"status": value.status_code, "headers": dict(value.headers), "data": plain(value.data)}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


if __name__ == "__main__":
    os.environ.pop("JAQPOT_API_KEY", None)  # who calls stands in each call, and nowhere else
    main()
