"""Languages and environments: what algorithms can be written in here. It is one, the Python that the platform itself runs on."""

from __future__ import annotations

import json
import platform
from typing import Any

from trivet.platform.dialects.algorithmia.management import template
from trivet.platform.dialects.algorithmia.management.context import Call, reply
from trivet.platform.dialects.algorithmia.management.errors import UNKNOWN_LANGUAGE, Refused
from trivet.platform.dialects.algorithmia.management.identifiers import uuid_of
from trivet.platform.wire.answers import NO_SNIFFING
from trivet.platform.wire.hot import Answer, lines

LANGUAGE = "python3"
ENVIRONMENT = uuid_of("environment:python3")
SPECIFICATION = uuid_of("specification:python3")
_VERSION = ".".join(platform.python_version_tuple()[:2])
_SINCE = "2026-01-01T00:00:00.000"
_CONFIGURATION = json.dumps(
    {
        "display_name": "Python 3.x",
        "req_files": ["requirements.txt"],
        "artifacts": [{"source": "/opt/algorithm", "destination": "/opt/algorithm/"}],
    }
)


async def languages(_: Call) -> Answer:
    """The languages, by name."""
    return reply([_language()])


async def environments(call: Call) -> Answer:
    """The environments of a language."""
    if call.parts["language"] != LANGUAGE:
        raise _unknown_language(call.parts["language"])
    found = {
        "id": ENVIRONMENT,
        "environment_specification_id": SPECIFICATION,
        "display_name": f"Python {_VERSION}",
        "description": f"Python {_VERSION}, with what requirements.txt asks for",
        "created_at": _SINCE,
        "language": _language(),
        "machine_type": "CPU",
    }
    return reply({"environments": [found]})


async def archive(call: Call) -> Answer:
    """The template of an environment, as a ``.tar.gz``; for everybody."""
    if call.parts["specification"].lower() not in (SPECIFICATION, ENVIRONMENT):
        raise Refused(
            404,
            UNKNOWN_LANGUAGE,
            f"There is no environment specification {call.parts['specification'][:80]!r}. "
            f"/v1/algorithm-environments/edge/languages/{LANGUAGE}/environments lists those there are.",
        )
    return Answer(200, lines([(b"content-type", b"application/gzip"), NO_SNIFFING]), template.pack(template.FILES))


def check_environment(settings: dict[str, Any]) -> None:
    """Raises `Refused` where a new algorithm asks for an environment or a language that is not there. Asking for none will do.

    Package sets and languages of all kinds of Python 3 mean the one that there is.
    """
    wanted = settings.get("algorithm_environment")
    if wanted and wanted.lower() != ENVIRONMENT:
        raise Refused(
            400,
            UNKNOWN_LANGUAGE,
            f"There is no environment {wanted[:80]!r}. The one for Python is {ENVIRONMENT}; "
            "client.get_environment('python3') tells it.",
        )
    for word in ("language", "package_set"):
        given = settings.get(word)
        if given and not _is_python(given):
            raise _unknown_language(given)


def _is_python(text: str) -> bool:
    plain = text.lower()
    return plain.startswith(("python", "anaconda")) and not plain.startswith(("python2", "python-2", "anaconda2"))


def _unknown_language(name: str) -> Refused:
    return Refused(
        400, UNKNOWN_LANGUAGE, f"There is no language {name[:80]!r} here. Algorithms are written in {LANGUAGE}."
    )


def _language() -> dict[str, str]:
    return {"name": LANGUAGE, "display_name": "Python 3.x", "configuration": _CONFIGURATION}
