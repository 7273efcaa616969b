"""Finds the topics of documents, and the words that make each of them."""

from typing import Any

import Algorithmia
from Algorithmia import ADK

from .topics import Topic, find_topics, words_of


def apply(request: Any, client: Any) -> list[Topic]:
    """Finds the topics of the documents in ``docsList``: a list of texts, or where a file lies that has one on each line.

    ``customSettings`` may set ``numTopics``, ``numWords`` (of each topic) and ``numIterations``. Returns a list of topics, each
    of which maps its words to how often they occur in it.
    """
    if not isinstance(request, dict) or "docsList" not in request:
        raise ValueError('send an object with "docsList": a list of texts, or the data URI of a file')
    documents = request["docsList"]
    if isinstance(documents, str):
        documents = client.file(documents).getString().splitlines()
    if not isinstance(documents, list) or not all(isinstance(each, str) for each in documents):
        raise ValueError('"docsList" is a list of texts, or the data URI of a file')
    settings = request.get("customSettings") or {}
    return find_topics(
        [words_of(document) for document in documents],
        topics=number(settings, "numTopics", 4, 100),
        words=number(settings, "numWords", 8, 1000),
        rounds=number(settings, "numIterations", 200, 10_000),
    )


def number(settings: dict[str, Any], name: str, usual: int, most: int) -> int:
    """A setting, or what it usually is."""
    value = settings.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f"{name} is a whole number from 1 to {most}")
    return value


def load() -> Any:
    """What every call may need: the way to hosted data."""
    return Algorithmia.client()


ADK(apply, load).init({"docsList": ["It's apple picking season", "The apples are ready for picking"]})
