"""SAQ on Redis, which syncs its log at each write."""

import asyncio
import logging
import sys

from counted import AT, role, submit
from redis.asyncio import Redis
from saq import Status, Worker
from saq.queue.redis import RedisQueue
from saq.types import Context


async def noop(_: Context, *, value: int) -> int:
    """The job."""
    return value


async def main() -> None:
    queue = RedisQueue(Redis.from_url(f"unix://{AT}"), name="bench")
    if role() == "work":
        # Its sweep takes jobs that were fetched but not begun for stuck, and aborts them: under load it finds some, and nothing
        # could be said of what was counted. Where another seems to sweep, it leaves it.
        await queue.redis.set(queue.namespace("sweep"), 1)
        await Worker(queue, functions=[noop], concurrency=128).start()
        return
    await queue.connect()

    jobs = []

    async def enqueue(value: int) -> None:
        jobs.append(
            await queue.enqueue("noop", value=value, timeout=0)
        )  # none: it would go on while the worker is paused

    async def stored() -> int:
        return len(jobs) - await queue.count("incomplete")

    await submit(enqueue, stored)
    for job in jobs:
        assert job is not None
        await job.refresh()
        if job.status is not Status.COMPLETE:
            sys.exit(f"a job that is counted is {job.status}: {job.error}")
    await queue.disconnect()


if __name__ == "__main__":
    logging.disable()
    asyncio.run(main())
