"""huey on SQLite, which syncs at each commit."""

import logging

from counted import AT, role, submit_in_threads
from huey import SqliteHuey

huey = SqliteHuey("bench", filename=AT, fsync=True, timeout=60)


@huey.task()
def noop(value: int) -> int:
    """The job."""
    return value


if __name__ == "__main__":
    logging.disable()
    if role() == "work":
        huey.create_consumer(workers=4, worker_type="thread", periodic=False, initial_delay=0.005, max_delay=0.01).run()
    else:
        submit_in_threads(noop, huey.storage.result_store_size)
