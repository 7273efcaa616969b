"""Celery with Redis as broker and as store of results, which syncs its log at each write."""

import logging

import redis
from celery import Celery
from counted import AT, role, submit_in_threads

app = Celery("celery_queue", broker=f"redis+socket://{AT}", backend=f"redis+socket://{AT}")
app.conf.update(
    task_acks_late=True, worker_prefetch_multiplier=64, broker_connection_retry_on_startup=True, broker_pool_limit=64,
    worker_send_task_events=False, task_send_sent_event=False
)  # fmt: skip


@app.task(name="noop")
def noop(value: int) -> int:
    """The job."""
    return value


def enqueue_all() -> None:
    store = redis.Redis(unix_socket_path=AT)
    submit_in_threads(noop.delay, lambda: sum(1 for _ in store.scan_iter("celery-task-meta-*", count=1000)))


if __name__ == "__main__":
    logging.disable()
    if role() == "work":
        app.worker_main(
            [
                "worker",
                "--pool=solo",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
                "--loglevel=CRITICAL",
            ]
        )
    else:
        enqueue_all()
