"""procrastinate on PostgreSQL, which syncs at each commit. A third role, ``serve``, is PostgreSQL itself."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

from counted import AT, role, submit

ADDRESS = Path(AT) / "address"
"""The file in which the server says how it is reached."""


def serve() -> None:
    import pgserver
    import procrastinate

    server = pgserver.get_server(Path(AT) / "pg", cleanup_mode="stop")
    for setting in ("fsync", "synchronous_commit"):
        if server.psql(f"show {setting};").split()[2] != "on":
            sys.exit(f"PostgreSQL runs with {setting} off")
    app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=server.get_uri()))
    with app.open():
        app.schema_manager.apply_schema()
    ADDRESS.write_text(server.get_uri())
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.cleanup()


async def main() -> None:
    import procrastinate

    connector = procrastinate.PsycopgConnector(conninfo=ADDRESS.read_text(), max_size=64)
    app = procrastinate.App(connector=connector)

    @app.task(name="noop")
    async def noop(value: int) -> int:
        return value

    async def stored() -> int:
        row = await connector.execute_query_one_async(
            "SELECT count(*) AS count FROM procrastinate_jobs WHERE status = 'succeeded'"
        )
        return int(row["count"])

    async def enqueue(value: int) -> None:
        await noop.defer_async(value=value)

    async with app.open_async():
        if role() == "work":
            await app.run_worker_async(concurrency=8, fetch_job_polling_interval=0.05)
        else:
            await submit(enqueue, stored)


if __name__ == "__main__":
    logging.disable()
    if role() == "serve":
        serve()
    else:
        asyncio.run(main())
