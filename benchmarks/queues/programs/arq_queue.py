"""arq on Redis, which syncs its log at each write. Told to look for jobs far more often than it does by default."""

import asyncio
import logging

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker
from counted import AT, role, submit

SETTINGS = RedisSettings(unix_socket_path=AT)


async def noop(_: dict[str, object], value: int) -> int:
    """The job."""
    return value


async def enqueue_all() -> None:
    pool = await create_pool(SETTINGS)

    async def enqueue(value: int) -> None:
        await pool.enqueue_job("noop", value)

    async def stored() -> int:
        return sum([1 async for _ in pool.scan_iter("arq:result:*", count=1000)])

    await submit(enqueue, stored)
    await pool.aclose()


async def work() -> None:
    worker = Worker(
        [noop], redis_settings=SETTINGS, max_jobs=32, poll_delay=0.005, log_results=False, queue_read_limit=500
    )
    await worker.async_run()


if __name__ == "__main__":
    logging.disable()
    asyncio.run(work() if role() == "work" else enqueue_all())
