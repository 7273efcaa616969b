"""``trivet deploy``: what lies at a path becomes a version that can be called."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trivet.cli.deploy_env import env_options, given_env, uploaded_too
from trivet.cli.options import worker_range
from trivet.cli.output import emit, emit_json, json_option, note
from trivet.cli.samples import kept, sample
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk import Client
    from trivet.sdk.models import BuildStep, DeployedEndpoint, DeployedImage


@click.command(
    epilog="""\b
Examples:
  trivet deploy hello.py
  trivet deploy ./classifier --name science/iris --version 1.2.0
  trivet deploy hello.py --canary 10
  trivet deploy hello.py --workers 1,4 --json
  trivet deploy ./worker --env MODEL_NAME=tiny --env-file .env --secret HF_TOKEN
  trivet deploy ./worker --image team/worker:1.0"""
)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", metavar="OWNER/NAME", help="Publish under this name, not under the handler's own.")
@click.option("--version", metavar="X.Y.Z", help="The version's number; counts on from the last if left out.")
@click.option("--id", "endpoint_id", metavar="ID", help="The opaque id, where existing code has one written into it.")
@click.option("--model-id", type=click.IntRange(min=1), metavar="N", help="The integer id, likewise.")
@click.option("--workers", type=worker_range, metavar="MIN,MAX", help="How many workers at least and at most.")
@click.option(
    "--canary",
    type=click.IntRange(0, 99),
    metavar="PERCENT",
    help="Give it this share of the calls; what serves now keeps the rest. With 0 only its number leads to it.",
)
@click.option(
    "--held",
    is_flag=True,
    help="Build it without giving it a call: only its hash and the number it is given here lead to it, until it is released.",
)
@click.option(
    "--image",
    metavar="NAME",
    help="Publish no endpoint, but the build under this name, for endpoints to be made of.",
)
@env_options
@json_option
def deploy(
    *,
    path: Path,
    name: str | None,
    version: str | None,
    endpoint_id: str | None,
    model_id: int | None,
    workers: tuple[int, int] | None,
    canary: int | None,
    held: bool,
    image: str | None,
    env: tuple[str, ...],
    env_files: tuple[Path, ...],
    secrets: tuple[str, ...],
    no_env: bool,
    as_json: bool,
) -> None:
    """Build and publish a version of what lies at PATH.

    PATH is a file or a folder with @trivet.endpoint in it; each decorated function or class becomes an endpoint. Or it is a
    folder whose handler calls runpod.serverless.start: a worker written for RunPod, which is run as it is. Or a folder with
    algorithmia.conf and src/NAME.py: an algorithm written for Algorithmia, which is run as it is too. Or a folder with
    model.json and model.onnx, or a bundle of one: a predictive model, without any code. It is uploaded, built in an
    environment of its own and loaded once before anything is published: what can't be built or loaded is refused with its
    own words, and what served before keeps serving. Returns when the version can be called.

    With --held, the version is built and nobody is sent to it, as by "compile" at Algorithmia. Its number and its hash lead
    to it, for those who manage the endpoint.

    With --image, PATH holds one endpoint; templates name the image, and endpoints are made from these. The same name again
    moves it to the new build. Beside it only --name OWNER/ can be given.

    --env, --env-file and --secret say together all that the workers find in their environment, and the code when it is loaded
    once; values are kept encrypted and never shown. Without any of them a version keeps what the one that serves was given, and
    says so; --no-env gives it none. A model has no code that could read them.

    A .trivetignore in the folder lists what is not to be uploaded. --json prints one object per endpoint and line.
    """
    given = given_env(env, env_files, secrets, no_env=no_env)
    if image is not None:
        owner = _owner_alone(name, version, endpoint_id, model_id, workers, canary, held or None, given.env)
        _publish_image(path, image, owner, as_json=as_json)
        return
    for file in uploaded_too(path, env_files):
        note(f"{file} lies in what is deployed, so it is uploaded too, as plain text. List it in .trivetignore.")
    with connect() as client:
        deployed = publish(
            client,
            path,
            name=name,
            version=version,
            id=endpoint_id,
            model_id=model_id,
            workers=workers,
            canary=canary,
            held=held,
            **given.settings,
        )
        for endpoint in deployed:
            if as_json:
                emit_json(summary(endpoint))
            else:
                called = f"{{}}@{endpoint.version}" if held else "{}"
                emit(introduction(client.url, endpoint, sample_input(client, endpoint, path), called))
        if held:
            note("It is held: calls without a version go where they went. Deploy it without --held to let it serve.")
        if canary is not None:
            note("How it does: trivet endpoints canary NAME. All calls for it: trivet endpoints promote NAME VERSION")


def _owner_alone(name: str | None, *others: object) -> str | None:
    """The owner in ``--name``, which is all that may be given beside an image."""
    owner, slash, rest = (name or "").partition("/")
    if rest or (name and not slash) or any(other is not None for other in others):
        raise click.UsageError(
            "An image is no endpoint yet: beside --image only --name OWNER/ can be given. "
            "What else there is to say, say when an endpoint is made of it."
        )
    return owner or None


def _publish_image(path: Path, name: str, owner: str | None, *, as_json: bool) -> None:
    with connect() as client:
        image = publish_image(client, path, name, owner=owner)
    if as_json:
        emit_json({"image": image.name, "id": image.id, "state": "ready"})
    else:
        emit(f"The image {image.name} is ready.\n  id      {image.id}\n  Use it  as the image of a template")


def publish_image(client: Client, path: Path, name: str, *, owner: str | None = None) -> DeployedImage:
    """Publishes ``path`` as the image ``name`` and tells each step on stderr.

    Args:
        client: the way to the platform.
        path: what to publish.
        name: what templates call it.
        owner: an account or organization that the key manages; None takes the key's account.

    Raises:
        trivet.sdk.errors.DeploymentError: it was refused, or does not build.
    """
    note(f"Publishing {path} to {client.url} as {name}")
    return client.images.publish(path, name, owner=owner, on_event=_tell)


def publish(client: Client, path: Path, **settings: Any) -> list[DeployedEndpoint]:
    """Deploys ``path`` and tells each step on stderr.

    Args:
        client: the way to the platform.
        path: what to deploy.
        settings: as `Client.deploy` takes them.

    Raises:
        trivet.sdk.errors.DeploymentError: it was refused, or does not build.
    """
    note(f"Deploying {path} to {client.url}")
    return client.deploy(path, on_event=_tell, **settings)


def _tell(step: BuildStep) -> None:
    first_line = step.text.partition("\n")[0]
    # What a failure says stands in the error that follows.
    note("  Failed." if first_line.startswith("Failed: ") else f"  {first_line}")


def summary(endpoint: DeployedEndpoint) -> dict[str, Any]:
    """What scripts are told about a deployed endpoint; these fields and no others."""
    return {field: getattr(endpoint, field) for field in ("id", "name", "version", "model_id", "state")}


def sample_input(client: Client, endpoint: DeployedEndpoint, path: Path | None = None) -> Any:
    """An input to try an endpoint with: by its schema, where it has one, else the one that lies beside it, else an empty object.

    Args:
        client: the way to the platform.
        endpoint: what was deployed.
        path: what it was deployed from, where that is known.
    """
    from trivet.sdk.errors import NotAuthorisedError, NotFoundError

    try:
        schema = client.endpoints.get(endpoint.id).input_schema
    except (NotAuthorisedError, NotFoundError):  # the key may not read it
        schema = None
    if schema is not None:
        return sample(schema)
    given = kept(path) if path is not None else None
    return {} if given is None else given


def introduction(url: str, endpoint: DeployedEndpoint, example: Any, called: str = "{}") -> str:
    """What people are told about a deployed endpoint: where it is, and calls to paste.

    Args:
        url: of the platform.
        endpoint: what was deployed.
        example: an input.
        called: how calls name it, with its name or its id in place of ``{}``.
    """
    name = called.format(endpoint.name)
    run_url = f"{url}/api/v1/endpoints/{name}/run"
    text = json.dumps(example, ensure_ascii=False)
    quoted = shlex.quote(text)
    return f"""\
{endpoint.name} {endpoint.version} is {endpoint.state}.
  id      {endpoint.id}{"" if endpoint.model_id is None else f" (model id {endpoint.model_id})"}
  URL     {run_url}
  Shell   trivet call {name} {quoted}
  curl    curl {run_url} -H "Authorization: Bearer $TRIVET_API_KEY" -H "Content-Type: application/json" -d {quoted}
          (after eval "$(trivet env)", which sets TRIVET_API_KEY)
  Python  trivet.Client().endpoint("{name}").run({example!r})
  RunPod  runpod.Endpoint("{called.format(endpoint.id)}").run_sync({{"input": {example!r}}})
          (after eval "$(trivet env runpod)", which sets the URLs and RUNPOD_API_KEY)"""
