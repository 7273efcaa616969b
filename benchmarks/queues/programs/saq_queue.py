"""SAQ on Redis, which syncs its log at each write."""

import asyncio
import logging

from counted import AT, role, submit
from saq import Queue, Worker
from saq.types import Context

WAITING = 600


async def noop(_: Context, *, value: int) -> int:
    """The job."""
    return value


async def main() -> None:
    queue = Queue.from_url(f"unix://{AT}", name="bench")
    if role() == "work":
        await Worker(queue, functions=[noop], concurrency=32).start()
        return
    await queue.connect()

    async def enqueue(value: int) -> None:
        await queue.enqueue("noop", value=value, ttl=WAITING)

    async def stored() -> int:
        # what is in the database beside jobs waiting or under way is their results, one key each
        return int(await queue.redis.eval(_FINAL, 0))

    await submit(enqueue, stored)
    await queue.disconnect()


_FINAL = "return redis.call('DBSIZE')"

if __name__ == "__main__":
    logging.disable()
    asyncio.run(main())
