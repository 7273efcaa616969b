"""Endpoints: RunPod's settings as a scaling policy, a template and what is kept beside them, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trivet.platform.core.accounts import Scope
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Overrides
from trivet.platform.core.errors import BadRequest, NotFound
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule
from trivet.platform.dialects.runpod.context import FORMAT
from trivet.platform.dialects.runpod.graph import pods, templates
from trivet.platform.dialects.runpod.graph.call import Arguments, GraphCall, given, required
from trivet.platform.dialects.runpod.graph.gpus import DEFAULT_GPU_IDS, check_gpu_ids, kinds_of
from trivet.platform.dialects.runpod.translate import LEAST_TIMEOUT, LONGEST_TIME
from trivet.platform.services.saving import TemplateDraft
from trivet.platform.services.templates import EndpointDraft
from trivet.platform.wire.times import rfc3339

LONGEST_IDLE = 3600
"""Seconds that a worker may sit idle, at most."""
MOST_GPUS = 64
"""GPUs that one worker may ask for: more than any machine has."""
_NEW: Mapping[str, Any] = {
    "idleTimeout": 5,
    "scalerType": "QUEUE_DELAY",
    "scalerValue": 4,
    "workersMin": 0,
    "workersMax": 3,
}
_RESET: Mapping[str, Any] = {"idleTimeout": 10, "scalerValue": 4, "workersMax": 3}
"""What a change goes back to where it leaves these out, as RunPod's own API does. Everything else stays."""
_RULES = {"QUEUE_DELAY": ScalingRule.QUEUE_DELAY, "REQUEST_COUNT": ScalingRule.REQUEST_COUNT}
_RULE_NAMES = {rule: name for name, rule in _RULES.items()}
_FLASH_BOOT = ("OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT")
_FLASH_SUFFIX = "-fb"
_KEPT = (
    "name",
    "gpuIds",
    "gpuCount",
    "instanceIds",
    "allowedCudaVersions",
    "minCudaVersion",
    "locations",
    "executionTimeoutMs",
    "flashBootType",
    "modelReferences",
    "compliance",
)
"""Words that the core does not know: they are kept with the endpoint, as they were given."""


# -- the operations -----------------------------------------------------------------------------------------------------


async def save(call: GraphCall, arguments: Arguments) -> dict[str, Any]:
    """Resolves ``saveEndpoint``: makes an endpoint of a template, or changes the one with that id."""
    asked = {word: value for word, value in given(arguments, "input").items() if value is not None}
    _refuse_what_is_not_here(asked)
    endpoint_id = asked.get("id")
    endpoint = await (_change(call, asked, endpoint_id) if endpoint_id else _create(call, asked))
    return described(call, endpoint)


async def use_template(call: GraphCall, arguments: Arguments) -> dict[str, Any]:
    """Resolves ``updateEndpointTemplate``."""
    asked = given(arguments, "input")
    endpoint_id, template_id = required(asked, "endpointId"), required(asked, "templateId")
    return described(call, await call.services.templates.use_template(call.principal, endpoint_id, template_id))


async def delete(call: GraphCall, arguments: Arguments) -> None:
    """Resolves ``deleteEndpoint``. Its workers need not be switched off before, as RunPod wants it."""
    await call.services.endpoints.remove(call.principal, EndpointReference.parse(required(arguments, "id")))


async def of_account(call: GraphCall, _arguments: Arguments) -> list[dict[str, Any]]:
    """Resolves the account's ``endpoints``: its own and its organizations', however they were made."""
    seen = call.services.endpoints.visible(call.principal)
    return [described(call, endpoint) for endpoint in seen if call.principal.owns(endpoint.owner_id)]


async def _create(call: GraphCall, asked: Mapping[str, Any]) -> Endpoint:
    name, gpus = required(asked, "name"), call.services.workers.capabilities.gpus
    if "template" not in asked:
        required(asked, "templateId")
    template_id, template = await _template_of(call, asked, {"name": name, "isServerless": True})
    draft = draft_of(asked, template_id, None, gpus)
    return await call.services.templates.create_endpoint(call.principal, draft, template)


async def _change(call: GraphCall, asked: Mapping[str, Any], endpoint_id: str) -> Endpoint:
    gpus = call.services.workers.capabilities.gpus
    before = call.services.endpoints.find(call.principal, EndpointReference(endpoint_id, id=endpoint_id), Scope.DEPLOY)
    usual = {"id": before.template_id} if before.template_id is not None else {"name": words_of(before)["name"]}
    template_id, template = await _template_of(call, asked, usual)
    draft = draft_of(asked, template_id, before, gpus)
    return await call.services.templates.save_endpoint(call.principal, before.id, draft, template)


async def _template_of(
    call: GraphCall, asked: Mapping[str, Any], usual: Mapping[str, Any]
) -> tuple[str | None, TemplateDraft | None]:
    """Which template an endpoint is made of, and the template itself where it is saved together with the endpoint.

    An endpoint that names a template by its id is made of that one, whatever else is said.
    """
    template_id = asked.get("templateId") or None
    if template_id is not None or "template" not in asked:
        return template_id, None
    said = {word: value for word, value in asked["template"].items() if value is not None}
    return await templates.wanted(call, {**usual, **said})


def _refuse_what_is_not_here(asked: Mapping[str, Any]) -> None:
    if asked.get("networkVolumeId") or any(each.get("networkVolumeId") for each in asked.get("networkVolumeIds", ())):
        raise pods.no_volumes()
    if asked.get("hubReleaseId"):
        raise BadRequest(
            "There is no hub here to take a release from.",
            hint="Publish its repository's folder instead: `trivet deploy DIR --image NAME`.",
        )
    if asked.get("type", "QB") != "QB":
        raise BadRequest(
            "Endpoints without a queue (type LB) are not to be had here: every call is a job.",
            hint="Leave `type` out, and let the worker be a handler.",
        )


# -- their words, our values --------------------------------------------------------------------------------------------


def draft_of(
    asked: Mapping[str, Any], template_id: str | None, before: Endpoint | None, gpus: Mapping[str, int]
) -> EndpointDraft:
    """The endpoint that ``saveEndpoint`` asks for.

    Args:
        asked: its input, without what is null.
        template_id: what it is made of; None: as before.
        before: the endpoint as it is, where one is changed.
        gpus: the kinds of GPU that this platform has.

    Raises:
        BadRequest: a number out of its range, or a word that there is not.
    """
    words = _kept_words(asked, words_of(before) if before is not None else {}, gpus)
    milliseconds = words.get("executionTimeoutMs")
    return EndpointDraft(
        name=words["name"],
        template_id=template_id,
        scaling=scaling_of(asked, before.scaling if before is not None else None),
        overrides=Overrides(milliseconds / 1000 if milliseconds else None, *kinds_of(words.get("gpuIds", ""))),
        extras={FORMAT: words},
    )


def scaling_of(asked: Mapping[str, Any], before: ScalingPolicy | None) -> ScalingPolicy:
    """The policy that RunPod's numbers mean.

    Args:
        asked: the input, without what is null.
        before: the policy as it is, where an endpoint is changed.

    Raises:
        BadRequest: one of them is out of range; says the range.
    """
    words = _NEW if before is None else {**_scaling_words(before), **_RESET}
    idle, value, least, most, rule = (
        asked.get(word, words[word])
        for word in ("idleTimeout", "scalerValue", "workersMin", "workersMax", "scalerType")
    )
    if not 1 <= idle <= LONGEST_IDLE:
        raise BadRequest(f"idleTimeout is {idle}; it takes 1 to {LONGEST_IDLE} seconds.")
    if value < 1:
        raise BadRequest(f"scalerValue is {value}; it takes 1 or more.")
    if least < 0:
        raise BadRequest(f"workersMin is {least}; it takes 0 or more.")
    if most < least:
        hint = "" if "workersMax" in asked else "Give workersMax too: where it is left out, it is 3."
        raise BadRequest(f"workersMax is {most}, which is less than workersMin, {least}.", hint=hint)
    if not isinstance(rule, str) or rule not in _RULES:
        raise BadRequest(f"scalerType is {str(rule)[:80]!r}.", hint=f"It takes {' or '.join(_RULES)}.")
    return ScalingPolicy(least, most, float(idle), _RULES[rule], float(value))


def words_of(endpoint: Endpoint) -> dict[str, Any]:
    """What is kept of RunPod's words with an endpoint; its name alone where it was made in another way."""
    return {"name": endpoint.name, **endpoint.extras.get(FORMAT, {})}


def described(call: GraphCall, endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint in RunPod's words, as the one who asks may see it."""
    version = call.services.endpoints.current(endpoint, call.principal)

    async def its_template(_info: object) -> dict[str, Any] | None:
        if endpoint.template_id is None:
            return None
        try:
            return await templates.template(call, {"id": endpoint.template_id})
        except NotFound:  # it is another member's of the organization
            return None

    async def its_env(_info: object) -> list[dict[str, str]]:
        return templates.environment(await call.services.templates.env_of(call.principal, endpoint))

    return {
        "flashBootType": _FLASH_BOOT[0],
        "gpuCount": 1,
        **words_of(endpoint),
        **_scaling_words(endpoint.scaling),
        "id": endpoint.id,
        "fullName": endpoint.full_name,
        "userId": endpoint.owner_id,
        "templateId": endpoint.template_id,
        "template": its_template,
        "type": "QB",
        "workersStandby": endpoint.scaling.minimum,
        "networkVolumeIds": [],
        "executionTimeoutMs": round(version.settings.timeout * 1000) if version is not None else None,
        "version": len(endpoint.history),
        "env": its_env,  # opened where it is asked for, and nowhere else
        "createdAt": rfc3339(endpoint.created_at),
        "pods": [],
    }


def _scaling_words(policy: ScalingPolicy) -> dict[str, Any]:
    # whole numbers throughout; the core's are finer, and may come from elsewhere
    return {
        "idleTimeout": round(policy.idle_timeout),
        "scalerType": _RULE_NAMES[policy.rule],
        "scalerValue": max(1, math.ceil(policy.target)),
        "workersMin": policy.minimum,
        "workersMax": policy.maximum,
    }


def _kept_words(asked: Mapping[str, Any], before: Mapping[str, Any], gpus: Mapping[str, int]) -> dict[str, Any]:
    words = {**before, **{word: asked[word] for word in _KEPT if word in asked}}
    if asked.get("gpuIds"):
        check_gpu_ids(words["gpuIds"], gpus)
        words["instanceIds"] = asked.get("instanceIds", [])
    elif asked.get("instanceIds"):
        words["gpuIds"] = ""  # it shall run on the CPU now
    elif not before:
        words["gpuIds"] = DEFAULT_GPU_IDS
    if not 1 <= asked.get("gpuCount", 1) <= MOST_GPUS:
        raise BadRequest(f"gpuCount is {asked['gpuCount']}; it takes 1 to {MOST_GPUS}.")
    milliseconds = asked.get("executionTimeoutMs")
    if milliseconds and not LEAST_TIMEOUT <= milliseconds <= LONGEST_TIME:
        raise BadRequest(f"executionTimeoutMs is {milliseconds}; it takes {LEAST_TIMEOUT} to {LONGEST_TIME}.")
    if "flashBootType" not in asked and str(asked.get("name", "")).endswith(_FLASH_SUFFIX):
        words["flashBootType"] = "FLASHBOOT"  # older packages say it in the name
    if words.get("flashBootType", "OFF") not in _FLASH_BOOT:
        raise BadRequest(
            f"flashBootType is {str(words['flashBootType'])[:80]!r}.", hint=f"It takes {', '.join(_FLASH_BOOT)}."
        )
    return {word: value for word, value in words.items() if value not in ("", [])}
