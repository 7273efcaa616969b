"""Endpoints: RunPod's settings as a scaling policy and a template, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trivet.platform.core.accounts import Scope
from trivet.platform.core.endpoints import Endpoint, EndpointReference
from trivet.platform.core.errors import BadRequest, CoreError
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule
from trivet.platform.dialects.runpod.context import FORMAT
from trivet.platform.dialects.runpod.graph import templates
from trivet.platform.dialects.runpod.graph.call import Arguments, GraphCall, given, required
from trivet.platform.dialects.runpod.graph.gpus import DEFAULT_GPU_IDS, check_gpu_ids, wanted_gpu
from trivet.platform.services.templates import EndpointDraft
from trivet.platform.wire.times import rfc3339

MAX_IDLE = 3600
"""Seconds that a worker may sit idle, at most."""
TIMEOUT_RANGE = (5_000, 604_800_000)
"""Milliseconds that a job may run."""
FLASH_BOOT = ("OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT")
_FLASH_SUFFIX = "-fb"
_NEW = {"idleTimeout": 5, "scalerType": "QUEUE_DELAY", "scalerValue": 4, "workersMin": 0, "workersMax": 3}
_RESET = {"idleTimeout": 10, "scalerValue": 4, "workersMax": 3}
"""What a change goes back to where it leaves these out, as RunPod's own API does."""
_RULES = {"QUEUE_DELAY": ScalingRule.QUEUE_DELAY, "REQUEST_COUNT": ScalingRule.REQUEST_COUNT}
_SCALING = frozenset(_NEW)
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
