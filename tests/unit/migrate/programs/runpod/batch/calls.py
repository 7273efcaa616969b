"""Transcribes a folder of recordings: one call after the other, or many at once, or word by word."""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from pathlib import Path

import aiohttp
import runpod
from runpod import AsyncioEndpoint, AsyncioJob

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
log = logging.getLogger(__name__)

ENDPOINT = os.environ.get("WHISPER_ENDPOINT", "whisper")
runpod.api_key = os.environ["RUNPOD_API_KEY"]
endpoint = runpod.Endpoint(ENDPOINT)


def payload(path: Path, **more) -> dict:
    return {"input": {"audio": path.as_uri(), "model": "large-v3", **more}}


def one(path: Path) -> dict:
    """Asks for one, and takes the long way where it takes long."""
    try:
        return endpoint.run_sync(payload(path), timeout=60)
    except TimeoutError:
        log.info("%s takes longer", path.name)
    job = endpoint.run(payload(path))
    deadline = time.monotonic() + 900
    while job.status() not in ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"):
        if time.monotonic() > deadline:
            job.cancel()
            raise TimeoutError(f"{path.name}: job {job.job_id} was given up")
        time.sleep(5)
    if job.status() != "COMPLETED":
        raise RuntimeError(f"{path.name}: {job.status()}")
    return job.output()


async def finished(path: Path, job: AsyncioJob) -> tuple[str, object]:
    while (status := await job.status()) in ("IN_QUEUE", "IN_PROGRESS"):
        await asyncio.sleep(2)
    return path.name, await job.output() if status == "COMPLETED" else status


async def many(paths: list[Path], at_once: int) -> dict:
    limit = asyncio.Semaphore(at_once)
    async with aiohttp.ClientSession() as session:
        whisper = AsyncioEndpoint(ENDPOINT, session)

        async def transcribe(path: Path):
            async with limit:
                job: AsyncioJob = await whisper.run(payload(path)["input"])
                return await finished(path, job)

        found = dict(await asyncio.gather(*(transcribe(path) for path in paths)))
        log.info("the endpoint: %s", await whisper.health())
        return found


def follow(path: Path) -> None:
    for piece in endpoint.run(payload(path, stream=True)).stream():
        print(piece, end="", flush=True)
    print()


def drain() -> None:
    waiting = endpoint.health()["jobs"]["inQueue"]
    log.info("%s jobs are waiting and go", waiting)
    endpoint.purge_queue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--at-once", type=int, default=0)
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--drain", action="store_true")
    options = parser.parse_args()
    if options.drain:
        drain()
        return 0
    paths = sorted(options.recordings.glob("*.wav"))
    if options.follow:
        for path in paths:
            follow(path)
        return 0
    found = asyncio.run(many(paths, options.at_once)) if options.at_once else {path.name: one(path) for path in paths}
    json.dump(found, sys.stdout, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
