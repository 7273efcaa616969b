"""Pods and network volumes: what this platform is not, and what to do instead."""

from __future__ import annotations

from typing import NoReturn

from trivet.platform.core.errors import BadRequest
from trivet.platform.dialects.runpod.graph.call import Arguments, GraphCall


async def refuse(_call: GraphCall, _arguments: Arguments) -> NoReturn:
    """Every operation on pods.

    Raises:
        BadRequest: always.
    """
    raise BadRequest(
        "There are no pods here: Trivet runs serverless endpoints, whose workers it starts and stops by itself, "
        "and rents out no machines.",
        hint="For what answers calls, make an endpoint: `trivet deploy DIR --image NAME`, then create_template and "
        "create_endpoint. For a machine to log in to, rent one elsewhere.",
    )


async def refuse_volume(_call: GraphCall, _arguments: Arguments) -> NoReturn:
    """Every operation on network volumes.

    Raises:
        BadRequest: always.
    """
    raise no_volumes()


def no_volumes() -> BadRequest:
    """What is said to those who ask for a network volume."""
    return BadRequest(
        "There are no network volumes here: workers read and write the disk of the machine that they run on.",
        hint="Put large files into the image's folder, or on that disk, and give their place in the template's environment.",
    )
