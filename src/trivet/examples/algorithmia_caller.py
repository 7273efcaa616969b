"""A program that calls with Algorithmia's own package, as its users write them. The demo runs it against the platform.

It is told where the platform is by ``ALGORITHMIA_API_KEY`` and ``ALGORITHMIA_API``, and calls what Algorithmia's own guide calls.
Each step is a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import Algorithmia
from Algorithmia.acl import ReadAcl
from Algorithmia.errors import AlgorithmException


def tell(what: str, result: object, began: float) -> None:
    """Writes one step: what was done, what came of it, and how many seconds it took."""
    step = {"what": what, "result": result, "seconds": time.perf_counter() - began}
    sys.stdout.write(f"{json.dumps(step)}\n")
    sys.stdout.flush()


def main() -> None:
    """Calls algorithms and keeps a file in the package's ways."""
    client = Algorithmia.client()

    began = time.perf_counter()
    greeting = client.algo("demo/Hello").pipe("Mr. Bond")
    tell(f"algorithmia {version('algorithmia')}, demo/Hello", greeting.result, began)

    began = time.perf_counter()
    documents = ["It's apple picking season", "The apples are ready for picking"]
    topics = client.algo("nlp/LDA/1.0.0").set_options(timeout=60).pipe({"docsList": documents})
    tell("nlp/LDA/1.0.0", topics.result, began)

    began = time.perf_counter()
    decorated = client.algo("admin/hello").pipe({"name": "Bond", "times": 2})
    tell("a decorated function", decorated.result, began)

    began = time.perf_counter()
    try:
        client.algo("util/whoopsWrongAlgo").pipe("Hello, world!")
    except AlgorithmException as error:
        tell("an algorithm that is not there", error.message, began)

    began = time.perf_counter()
    directory = client.dir("data://.my/notes")
    directory.create(ReadAcl.private)
    note = client.file("data://.my/notes/note.txt").put("Shaken, not stirred")
    tell("a file up", note.path, began)

    began = time.perf_counter()
    tell("and down", note.getString(), began)


if __name__ == "__main__":
    main()
