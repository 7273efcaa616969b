"""Publishing: how a build becomes versions of endpoints. The decisions, and the one unit of work that applies them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trivet.platform.core import endpoints as rules
from trivet.platform.core import ids, rollouts
from trivet.platform.core.accounts import Account
from trivet.platform.core.deployments import Deployment, DeploymentRequest
from trivet.platform.core.endpoints import Endpoint, SemVer, Version, VersionSettings, VersionState
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, NotFound
from trivet.platform.core.images import Image, check_image_name
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.core.worker_envs import SealedEnv
from trivet.platform.ports.builder import Built, BuiltEndpoint
from trivet.platform.ports.stores import Transaction
from trivet.platform.services.access import check_name
from trivet.platform.services.owners import Owner, ensure_owner, owner_by_id
from trivet.platform.services.worker_envs import env_in

MAX_IMAGES = 1000
"""Images of one owner, at most."""
MAX_MODEL_ID = 10**18 - 1
"""The largest integer id: one digit more and a reference would not read it as one."""


@dataclass(frozen=True, slots=True)
class FreshIds:
    """Ids for one endpoint and its version, drawn before the unit of work; the endpoint's is used where it is new."""

    endpoint: str
    version: str


# -- what was asked for -------------------------------------------------------------------------------------------------


def split_name(name: str | None) -> tuple[str | None, str | None]:
    """Owner and name in what was given as ``--name``: ``owner/name``, ``name`` alone, or ``owner/`` alone.

    Raises:
        BadRequest: it is none of these.
    """
    if name is None:
        return None, None
    owner, slash, rest = name.rpartition("/")
    if (slash and not ids.is_name(owner)) or (rest and not ids.is_name(rest)) or not (owner or rest):
        raise BadRequest(
            f"{name[:140]!r} can't name an endpoint.",
            hint="Write `owner/name`; each half has 1 to 63 letters, digits, `-` and `_`.",
        )
    return owner or None, rest or None


def check_request(request: DeploymentRequest) -> None:
    """Raises `BadRequest` where something that was asked for can't be, whatever the upload holds."""
    split_name(request.name)
    if request.number is not None and SemVer.parse(request.number) is None:
        raise BadRequest(
            f"{request.number[:80]!r} is no semantic version.", hint="Write it as `1.2.3`, or leave it out to count up."
        )
    if request.endpoint_id is not None and not ids.is_opaque(request.endpoint_id):
        raise BadRequest(
            f"{request.endpoint_id[:80]!r} can't be an endpoint's id.",
            hint="An id has 3 to 64 letters, digits, `-` and `_`, and is not a number; numbers go to `--model-id`.",
        )
    if request.model_id is not None and not 1 <= request.model_id <= MAX_MODEL_ID:
        raise BadRequest(f"{request.model_id} can't be an integer id.", hint="Take a number from 1 up.")
    if request.workers is not None:
        replace(ScalingPolicy(), minimum=request.workers[0], maximum=request.workers[1]).check()
    if request.canary is not None:
        rollouts.check_canary_weight(request.canary)
    if request.image is not None:
        _check_image_request(request, request.image)
    elif request.held:
        _check_held_request(request)


def _check_held_request(request: DeploymentRequest) -> None:
    has_number = request.number is not None and not rules.is_held_number(request.number)
    if has_number or request.canary is not None:
        what = "a version" if has_number else "a canary"
        raise BadRequest(
            f"A build that is held has no number of its own and gets no calls, so {what} can't be given with it.",
            hint="Leave that out; or deploy it with `--canary 0`: then it has a number, and only that leads to it.",
        )


def _check_image_request(request: DeploymentRequest, image: str) -> None:
    check_image_name(image)
    given = {
        "a name": split_name(request.name)[1],
        "a version": request.number,
        "an id": request.endpoint_id,
        "an integer id": request.model_id,
        "workers": request.workers,
        "a canary": request.canary,
        "held": request.held or None,
    }
    ruled_out = [what for what, value in given.items() if value is not None]
    if ruled_out:
        raise BadRequest(
            f"An image is no endpoint yet, so {' and '.join(ruled_out)} can't be given with it.",
            hint="Say that when an endpoint is made of the image. `--name owner/` publishes the image for that owner.",
        )


def check_fits(request: DeploymentRequest, found: Sequence[BuiltEndpoint]) -> None:
    """Raises `BadRequest` where something was asked for that only makes sense for one endpoint, and there are more."""
    names = [item.name for item in found]
    twice = sorted({name for name in names if [n.lower() for n in names].count(name.lower()) > 1})
    if twice:
        raise BadRequest(
            f"The upload holds more than one endpoint {twice[0]!r}; a name is used once, whatever its case."
        )
    given = {
        "a name": split_name(request.name)[1],
        "a version": request.number,
        "an id": request.endpoint_id,
        "an integer id": request.model_id,
    }
    single = [what for what, value in given.items() if value is not None]
    if single and len(found) != 1:
        raise BadRequest(
            f"The upload holds {len(found)} endpoints ({', '.join(names)}), so {' and '.join(single)} for one can't be given.",
            hint="Leave that out, or deploy each from a file of its own. `--name owner/` puts all of them under an owner.",
        )


def check_free(
    request: DeploymentRequest,
    full_name: str,
    known: Endpoint | None,
    holder_of_id: Endpoint | None,
    holder_of_model: Endpoint | None,
) -> None:
    """Raises `Conflict` where an id that was asked for is another endpoint's, or the endpoint has another id already.

    Args:
        request: what was asked for.
        full_name: the endpoint's name, for the sentence.
        known: the endpoint, where it is there already.
        holder_of_id: the endpoint that has the wanted opaque id.
        holder_of_model: the endpoint that has the wanted integer id.
    """
    known_id = known.id if known is not None else None
    known_model = known.model_id if known is not None else None
    for wanted, has, holder in (
        (request.endpoint_id, known_id, holder_of_id),
        (request.model_id, known_model, holder_of_model),
    ):
        if wanted is None or wanted == has:
            continue
        if holder is not None:
            raise Conflict(f"The id {wanted!r} is taken by another endpoint.", hint="Choose another, or leave it out.")
        if has is not None:
            raise Conflict(
                f"{full_name} has the id {has!r} already; ids stay as they are, as code relies on them.",
                hint="Leave the id out, or deploy under another name.",
            )


def check_env_fits(env: SealedEnv | None, found: Sequence[BuiltEndpoint]) -> None:
    """Raises `BadRequest` where variables or secrets were given for a model, which has no program that could read them."""
    model = next((item.name for item in found if item.model is not None), None)
    if env is not None and env != SealedEnv() and model is not None:
        raise BadRequest(
            f"{model} is a model, and a model reads no variables and no secrets: it has no code.",
            hint="Leave them out.",
        )


def check_number(number: str, digest: str, full_name: str, versions: Iterable[Version]) -> None:
    """Raises `Conflict` where a version of that number is there; failed ones do not count."""
    same = next((v for v in versions if v.number == number and v.state is not VersionState.FAILED), None)
    if same is None:
        return
    content = "this very content" if same.hash == digest else "other content"
    raise Conflict(
        f"Version {number} of {full_name} is there already, with {content}. Versions are immutable.",
        hint="Choose a higher number, leave it out to count up, or call the one that is there.",
    )


# -- the unit of work ---------------------------------------------------------------------------------------------------


def publish(
    tx: Transaction,
    deployment: Deployment,
    built: Built,
    fresh: Sequence[FreshIds],
    now: float,
    *,
    env: SealedEnv | None = None,
) -> list[tuple[Endpoint, Version]]:
    """Publishes what a build found: owner and endpoints are made where missing, each new version is current or canary.

    Args:
        tx: applied whole or not at all.
        deployment: whose and what was asked for.
        built: what the build found.
        fresh: ids, one pair per endpoint.
        now: seconds since the epoch.
        env: what their workers find in their environment; None: what they would find with the versions before.

    Raises:
        BadRequest: what was asked for does not fit what was found.
        Conflict: an id or a number is taken, or a template says what is in the environment.
        Forbidden, NotFound: the account or the owner has gone while the build ran.
    """
    check_fits(deployment.request, built.endpoints)
    check_env_fits(env, built.endpoints)
    owner = _owner(tx, deployment, now)
    return [
        _publish_one(tx, owner, deployment, built, item, fresh=spare, now=now, env=env)
        for item, spare in zip(built.endpoints, fresh, strict=True)
    ]


def publish_image(tx: Transaction, deployment: Deployment, built: Built, fresh_id: str, now: float) -> Image:
    """Publishes what a build found as an image. One of that name moves to this build; what was made of it stays as it is.

    Args:
        tx: applied whole or not at all.
        deployment: whose, and the name.
        built: what the build found.
        fresh_id: the id of the image, where it is new.
        now: seconds since the epoch.

    Raises:
        BadRequest: the build found not exactly one endpoint.
        Conflict: the owner has as many images as may be.
        Forbidden, NotFound: the account or the owner has gone while the build ran.
    """
    name = deployment.request.image
    if name is None or len(built.endpoints) != 1:
        found = ", ".join(item.name for item in built.endpoints)
        raise BadRequest(
            f"An image holds one endpoint; the upload holds {len(built.endpoints)} ({found}).",
            hint="Publish each as an image from a folder of its own.",
        )
    owner, item = _owner(tx, deployment, now), built.endpoints[0]
    if item.model is not None:
        raise BadRequest(
            "A predictive model is no image: there is nothing about it that a template could set.",
            hint="Leave `--image` out: the model is an endpoint at once.",
        )
    known = tx.templates.image_named(owner.id, name)
    if known is None and len(tx.templates.images_of(owner.id)) >= MAX_IMAGES:
        raise Conflict(
            f"{owner.name!r} has {MAX_IMAGES} images already, which is the most there may be.",
            hint="Remove some: `trivet images ls`, `trivet images delete NAME`.",
        )
    image = Image(
        fresh_id if known is None else known.id,
        owner.id,
        owner.name,
        name,
        deployment.hash,
        item.kind,
        item.host,
        item.handler,
        built.bundle,
        built.environment,
        item.settings,
        created_at=now if known is None else known.created_at,
        updated_at=now,
        scaling=item.scaling,
        description=item.description,
        input_schema=item.input_schema,
        output_schema=item.output_schema,
        deployment_id=deployment.id,
    )
    tx.templates.put_image(image)
    return image


def _owner(tx: Transaction, deployment: Deployment, now: float) -> Owner:
    account = tx.accounts.get(deployment.account_id)
    if account is None or account.disabled:
        raise Forbidden("The account that deployed was removed or disabled while the build ran; nothing was published.")
    owner = owner_by_id(tx, deployment.owner_id)
    if owner is None and account.administrator:
        owner = ensure_owner(tx, Account(deployment.owner_id, deployment.owner_name, now))
    if owner is None:
        raise NotFound.of("owner", deployment.owner_name)
    return owner


def _publish_one(
    tx: Transaction,
    owner: Owner,
    deployment: Deployment,
    built: Built,
    item: BuiltEndpoint,
    *,
    fresh: FreshIds,
    now: float,
    env: SealedEnv | None,
) -> tuple[Endpoint, Version]:
    request = deployment.request
    name = check_name("endpoint", split_name(request.name)[1] or item.name)
    known = tx.endpoints.named(owner.name, name)
    if known is None and request.held and request.endpoint_id is not None:
        raise NotFound.of("endpoint", f"{owner.name}/{name}")  # it was deleted while the build ran
    endpoint = known or Endpoint(request.endpoint_id or fresh.endpoint, owner.id, owner.name, name, now, now)
    check_free(
        request,
        endpoint.full_name,
        known,
        tx.endpoints.get(request.endpoint_id) if request.endpoint_id is not None else None,
        tx.endpoints.model(request.model_id) if request.model_id is not None else None,
    )
    versions = tx.versions.of_endpoint(endpoint.id) if known is not None else []
    number = request.number
    if number is None:
        taken = [v.number for v in versions]
        number = rules.held_number(deployment.hash) if request.held else rules.next_number(taken)
    check_number(number, deployment.hash, endpoint.full_name, versions)
    found = SealedEnv() if item.model is not None else env_in(tx, endpoint, versions, env)
    version = Version(
        fresh.version,
        endpoint.id,
        number,
        deployment.hash,
        VersionState.READY,
        created_at=now,
        created_by=deployment.account_id,
        kind=item.kind,
        host=item.host,
        handler=item.handler,
        bundle=built.bundle,
        environment=built.environment,
        settings=_settings(endpoint, item, next((v for v in versions if v.id == endpoint.current_id), None), found),
        description=item.description,
        input_schema=item.input_schema,
        output_schema=item.output_schema,
        deployment_id=deployment.id,
        sealed_env=found.variables,
        model=item.model,
    )
    changed = replace(
        endpoint,
        model_id=_model_id(tx, endpoint, item, request.model_id),
        scaling=scaling(endpoint.scaling, item.scaling, request.workers),
        description=item.description or endpoint.description,
    )
    # what nobody is sent to changes nothing for those who call
    changed = (known or changed) if request.held else rollouts.deploy(changed, version.id, request.canary, now)
    if known is None:
        tx.endpoints.add(changed)
    else:
        tx.endpoints.save(changed)
    tx.versions.add(version)
    return changed, version


def _settings(endpoint: Endpoint, item: BuiltEndpoint, current: Version | None, env: SealedEnv) -> VersionSettings:
    """The author's settings, under what was asked for with the endpoint; the GPU is the one that this has come to so far."""
    overrides = endpoint.overrides
    timeout = item.settings.timeout if overrides.timeout is None else overrides.timeout
    gpu = current.settings.gpu if current is not None and overrides.gpus else None
    asked = tuple(name for name in env.secrets if name not in item.settings.secrets)
    return replace(
        item.settings,
        timeout=timeout,
        gpu=gpu or item.settings.gpu,
        secrets=(*item.settings.secrets, *asked),
        asked_secrets=env.secrets,
    )


def _model_id(tx: Transaction, endpoint: Endpoint, item: BuiltEndpoint, wanted: int | None) -> int | None:
    """The integer id after a deployment. A model always has one."""
    if item.model is not None and wanted in rules.RESERVED_MODEL_IDS:
        raise BadRequest(
            f"The id {wanted} is reserved: published clients use it for a calculator of the QSAR Toolbox.",
            hint="Choose another, or leave it out to be given one.",
        )
    known = endpoint.model_id if wanted is None else wanted
    if known is not None or item.model is None:
        return known
    while True:
        fresh = tx.counters.take("model", first=rules.FIRST_MODEL_ID)
        if tx.endpoints.model(fresh) is None:  # somebody may have chosen it
            return fresh


def scaling(before: ScalingPolicy, author: ScalingPolicy | None, workers: tuple[int, int] | None) -> ScalingPolicy:
    """The policy after a deployment: the request's workers, over the author's settings, over what the operator left.

    Raises:
        BadRequest: the numbers contradict each other.
    """
    policy = before if author is None else author
    if workers is not None:
        policy = replace(policy, minimum=workers[0], maximum=workers[1])
    return policy.check()
