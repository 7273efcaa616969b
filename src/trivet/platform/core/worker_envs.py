"""What workers find in their environment by the wish of who deploys: variables and secrets, given with an upload."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.errors import BadRequest, Conflict, TooLarge
from trivet.platform.core.templates import MAX_ENV_SIZE, Template, check_env

MAX_SECRETS = 200
"""Secrets that may be asked for with an upload, at most: as many as an owner can have."""
MAX_FOUND = 3 * MAX_ENV_SIZE
"""Bytes of what a program finds in its environment, at most: Linux starts none with more than 2 MiB of it and its arguments."""
_MOST_NAMED = 8
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SET_BY_PLATFORM = re.compile(
    r"TRIVET_.*|LD_.*|DYLD_.*|PATH|HOME|TMPDIR|VIRTUAL_ENV|PYTHONHOME"
    r"|RUNPOD_(?:WEBHOOK_.*|AI_API_KEY|POD_ID|ENDPOINT_ID|PING_INTERVAL|REALTIME_PORT)"
)
"""What workers are started, found and reached by: a value of somebody else's would have no effect, or break the worker."""


@dataclass(frozen=True, slots=True)
class WorkerEnv:
    """What workers shall find in their environment, as it was asked for with an upload: the whole of it.

    ``variables`` are names and values, ``secrets`` the names of secrets that the endpoints' owner has.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = ()

    def check(self) -> WorkerEnv:
        """The same, each secret named once.

        A template may hold names that are refused here, as programs written for RunPod put what they like into one; who deploys
        is told.

        Raises:
            BadRequest: a name or a value can't be, a name is the platform's own or is given as both, or there are too many.
            TooLarge: a value, or all of them together, is over its limit.
        """
        variables, secrets = check_env(self.variables.items()), tuple(dict.fromkeys(self.secrets))
        if len(secrets) > MAX_SECRETS:
            raise BadRequest(f"{len(secrets)} secrets are asked for; at most {MAX_SECRETS} may be.")
        if any(_SECRET.fullmatch(name) is None for name in secrets):
            # not repeated: who takes it for the place of the value must not read that in a log
            raise BadRequest(
                "One of the secrets that are asked for is no name.",
                hint="Give the names of stored secrets, and never a value: `trivet secrets set NAME` stores one.",
            )
        taken = sorted(name for name in {*variables, *secrets} if _SET_BY_PLATFORM.fullmatch(name) is not None)
        if taken:
            raise BadRequest(
                f"{_listed(taken)} can't be set: the platform itself sets that for a worker, or the worker would break.",
                hint="Leave it out, or choose another name and have the program read that.",
            )
        twice = sorted(variables.keys() & set(secrets))
        if twice:
            raise BadRequest(
                f"{_listed(twice)} is given as a variable and as a secret.", hint="Give each name as one of the two."
            )
        return WorkerEnv(variables, secrets)


@dataclass(frozen=True, slots=True)
class SealedEnv:
    """A `WorkerEnv` as a version keeps it: the variables are encrypted; None where there are none."""

    variables: bytes | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = ()


def version_before(endpoint: Endpoint, versions: Sequence[Version]) -> Version | None:
    """The version whose environment the next one keeps: the one that serves, else the newest.

    Args:
        endpoint: which.
        versions: all that it has, oldest first.
    """
    current = next((version for version in versions if version.id == endpoint.current_id), None)
    return current or (versions[-1] if versions else None)


def next_env(
    endpoint: Endpoint, template: Template | None, before: Version | None, given: SealedEnv | None
) -> SealedEnv:
    """What the workers of an endpoint's next version find in their environment besides.

    A template says it alone; else what was given counts, all of it; else what the version before has.

    Args:
        endpoint: whose version it will be.
        template: what the endpoint was made from, where it was.
        before: the version that the next one follows.
        given: what came with the deployment; None: nothing was said.

    Raises:
        Conflict: something was given, and there is a template.
    """
    if template is not None:
        if given is not None:
            raise Conflict(
                f"{endpoint.full_name} is made from the template {template.name!r}, which says what its workers find in "
                "their environment.",
                hint="Set the variables in that template, or deploy under another name.",
            )
        return SealedEnv(template.sealed_env)
    if given is not None:
        return given
    return SealedEnv() if before is None else SealedEnv(before.sealed_env, before.settings.asked_secrets)


def check_startable(env: Mapping[str, str]) -> Mapping[str, str]:
    """What a program shall find in its environment, variables and the values of secrets together, as it was.

    Raises:
        TooLarge: no program can be started with so much.
    """
    size = sum(len(name) + len(value.encode(errors="surrogatepass")) + len("=\0") for name, value in env.items())
    if size > MAX_FOUND:
        raise TooLarge(
            f"Variables and secrets have {size:,} bytes together; a program can be started with {MAX_FOUND:,} at most.",
            limit=MAX_FOUND,
            hint="Ask for fewer secrets, or put what is large into a hosted file that the code reads.",
        )
    return env


def kept_sentence(full_name: str, number: str, variables: Sequence[str], secrets: Sequence[str]) -> str:
    """What is said where a version keeps what the one before had.

    Args:
        full_name: the endpoint's.
        number: of the version before.
        variables: the names of those that are kept.
        secrets: likewise; there is one of either at least.
    """
    kinds = (("variable", variables), ("secret", secrets))
    kept = " and ".join(
        f"the {noun}{'' if len(names) == 1 else 's'} {_listed(names)}" for noun, names in kinds if names
    )
    return f"{full_name} keeps {kept} of version {number}, as none were given. `--no-env` leaves them out."


def overruled_sentence(name: str, variables: Sequence[str]) -> str:
    """What is said where variables were given that an endpoint's workers do not find.

    Args:
        name: the endpoint's own, without the owner's.
        variables: their names; one at least.
    """
    secrets, found = ("secret", "that") if len(variables) == 1 else ("secrets", "those")
    asked = f"The code of {name} asks for the {secrets} {_listed(variables)} itself"
    return f"{asked}: its workers find {found}, and not what was given."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
