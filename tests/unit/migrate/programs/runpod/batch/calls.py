"""Transcribes a folder of recordings: one call after the other, or many at once."""

import asyncio
import os
from pathlib import Path

import aiohttp
import runpod
from runpod import AsyncioEndpoint

runpod.api_key = os.environ["RUNPOD_API_KEY"]
endpoint = runpod.Endpoint("whisper")


def one(path: Path):
    try:
        return endpoint.run_sync({"input": {"audio": path.as_uri()}}, timeout=120)
    except TimeoutError:
        job = endpoint.run({"input": {"audio": path.as_uri()}})
        print(job.status())
        return job.output(timeout=600)


async def many(paths):
    async with aiohttp.ClientSession() as session:
        whisper = AsyncioEndpoint("whisper", session)
        jobs = [await whisper.run({"audio": path.as_uri()}) for path in paths]
        return [await job.output() for job in jobs]


def follow(path: Path) -> None:
    for piece in endpoint.run({"input": {"audio": path.as_uri(), "stream": True}}).stream():
        print(piece, end="")


if __name__ == "__main__":
    print(asyncio.run(many(Path("recordings").glob("*.wav"))))
