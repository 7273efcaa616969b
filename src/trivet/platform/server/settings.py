"""Settings: read once, at start, from arguments and the environment. The reference page is made from this table."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from trivet.platform.core.limits import MAX_CONCURRENT, RateLimit

MIB = 1024 * 1024


class SettingError(Exception):
    """A setting has a value that can't be; the message says which, and what would do."""


def _data_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("trivet", appauthor=False)


def _size(text: str) -> int:
    units = {"kib": 1024, "mib": MIB, "gib": 1024 * MIB}
    lowered = text.strip().lower()
    for unit, factor in units.items():
        if lowered.endswith(unit):
            return int(float(lowered[: -len(unit)]) * factor)
    return int(lowered)


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _webhook_targets(text: str) -> tuple[str, ...]:
    from trivet.platform.egress.guard import Allowed

    entries = tuple(part.strip() for part in text.split(",") if part.strip())
    Allowed(entries)
    return entries


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off", ""):
        return False
    raise ValueError(text)


def _rate(text: str) -> RateLimit | None:
    return None if text.strip().lower() == "none" else RateLimit.parse(text)


def _job_count(text: str) -> int | None:
    if text.strip().lower() == "none":
        return None
    count = int(text)
    if not 0 <= count <= MAX_CONCURRENT:
        raise ValueError(text)
    return count


def _setting(default: Any, env: str, read: Callable[[str], Any], meaning: str) -> Any:
    metadata = {"env": env, "read": read, "help": meaning}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator may set."""

    host: str = _setting("127.0.0.1", "TRIVET_HOST", str, "The address to listen on.")
    port: int = _setting(8300, "TRIVET_PORT", int, "The port to listen on; 0 takes a free one.")
    data: Path = _setting(
        _data_folder, "TRIVET_DATA", _folder, "The folder that holds everything: database, files, environments, keys."
    )
    max_input: int = _setting(
        50 * MIB, "TRIVET_MAX_INPUT", _size, "The largest input of a call, in bytes (`50MiB` is understood)."
    )
    max_output: int = _setting(50 * MIB, "TRIVET_MAX_OUTPUT", _size, "The largest output of a job, in bytes.")
    max_upload: int = _setting(256 * MIB, "TRIVET_MAX_UPLOAD", _size, "The largest deployment upload, in bytes.")
    max_file: int = _setting(5 * 1024 * MIB, "TRIVET_MAX_FILE", _size, "The largest file of hosted data, in bytes.")
    head_patience: float = _setting(
        20.0,
        "TRIVET_HEAD_PATIENCE",
        float,
        "Seconds in which the whole head of a request has to come; a connection that is slower is closed.",
    )
    body_patience: float = _setting(
        60.0,
        "TRIVET_BODY_PATIENCE",
        float,
        "Seconds without a byte of a request's body after which the request is given up: nothing is changed, and the answer is "
        "408. A reader that takes no byte of an answer for so long is let go, too.",
    )
    load_timeout: float = _setting(
        600.0,
        "TRIVET_LOAD_TIMEOUT",
        float,
        "Seconds that a deployment's handlers may take to load, once, before anything is published; for a program written for "
        "RunPod, up to its `start`.",
    )
    job_retention: float = _setting(
        7 * 86_400.0,
        "TRIVET_JOB_RETENTION",
        float,
        "Seconds that a job can be looked up after its end, where neither its endpoint nor its caller says so.",
    )
    dead_letter_retention: float = _setting(
        30 * 86_400.0,
        "TRIVET_DEAD_LETTER_RETENTION",
        float,
        "Seconds that a dead letter, a job that used up its attempts, can be looked up at least.",
    )
    runpod_hold: float = _setting(
        50.0,
        "TRIVET_RUNPOD_HOLD",
        float,
        "RunPod dialect: seconds that `runsync` waits for the end where its caller does not say (RunPod: 90).",
    )
    runpod_poll: float = _setting(
        25.0,
        "TRIVET_RUNPOD_POLL",
        float,
        "RunPod dialect: seconds that a worker's question for work is held; at most 60, as workers give up after 90.",
    )
    runpod_retention: float = _setting(
        1800.0,
        "TRIVET_RUNPOD_RETENTION",
        float,
        "RunPod dialect: seconds that a job can be looked up after its end, where its endpoint does not say.",
    )
    runpod_max_run: int = _setting(
        10 * MIB, "TRIVET_RUNPOD_MAX_RUN", _size, "RunPod dialect: the largest body of `run`, in bytes."
    )
    runpod_max_runsync: int = _setting(
        20 * MIB, "TRIVET_RUNPOD_MAX_RUNSYNC", _size, "RunPod dialect: the largest body of `runsync`, in bytes."
    )
    algorithmia_max_input: int = _setting(
        10 * MIB, "TRIVET_ALGORITHMIA_MAX_INPUT", _size, "Algorithmia dialect: the largest input of a call, in bytes."
    )
    algorithmia_max_output: int = _setting(
        15 * MIB, "TRIVET_ALGORITHMIA_MAX_OUTPUT", _size, "Algorithmia dialect: the largest result of a call, in bytes."
    )
    algorithmia_concurrent: int | None = _setting(
        80,
        "TRIVET_ALGORITHMIA_CONCURRENT",
        _job_count,
        "Algorithmia dialect: how many calls an account may have in flight that has no limit of its own, or `none`.",
    )
    algorithmia_strict: bool = _setting(
        False,
        "TRIVET_ALGORITHMIA_STRICT",
        _flag,
        "Algorithmia dialect: whether a call that is refused is answered with a status that says why, instead of 200 as "
        "Algorithmia's own clients need it.",
    )
    algorithm_tmp: int = _setting(
        4 * 1024 * MIB,
        "TRIVET_ALGORITHM_TMP",
        _size,
        "Bytes that an algorithm written for Algorithmia may keep in its `/tmp`, home and working folder; 0: any number.",
    )
    jaqpot_wait: float = _setting(
        2.0,
        "TRIVET_JAQPOT_WAIT",
        float,
        "Jaqpot dialect: seconds that a prediction is waited for before it is answered: what is quick is done by then.",
    )
    jaqpot_hold: float = _setting(
        5.0,
        "TRIVET_JAQPOT_HOLD",
        float,
        "Jaqpot dialect: seconds that a question for a dataset is held which is not finished, where its caller does not say.",
    )
    jaqpot_retention: float = _setting(
        30 * 86_400.0,
        "TRIVET_JAQPOT_RETENTION",
        float,
        "Jaqpot dialect: seconds that a dataset can be looked up after its end, where its endpoint does not say.",
    )
    jaqpot_max_rows: int = _setting(
        100,
        "TRIVET_JAQPOT_MAX_ROWS",
        int,
        "Jaqpot dialect: rows of a prediction in JSON; Jaqpot's own client sends no more than 100.",
    )
    jaqpot_max_csv_rows: int = _setting(
        1_000_000, "TRIVET_JAQPOT_MAX_CSV_ROWS", int, "Jaqpot dialect: rows of a prediction in CSV."
    )
    jaqpot_max_csv: int = _setting(
        10_000_000,
        "TRIVET_JAQPOT_MAX_CSV",
        _size,
        "Jaqpot dialect: the largest file of CSV, in characters of base64; Jaqpot's own client sends no more than 10,000,000.",
    )
    shutdown_grace: float = _setting(
        10.0, "TRIVET_SHUTDOWN_GRACE", float, "Seconds that running jobs have to finish when the server is stopped."
    )
    webhook_allow: tuple[str, ...] = _setting(
        (),
        "TRIVET_WEBHOOK_ALLOW",
        _webhook_targets,
        "Where webhooks may go although it is private, separated by commas: addresses and networks (`10.0.0.0/8`), host "
        "names (`hooks.internal`), all hosts below a domain (`*.internal`).",
    )
    warm_parents: int = _setting(
        4,
        "TRIVET_WARM_PARENTS",
        int,
        "How many processes at most are kept that have an environment loaded and fork its workers in milliseconds; "
        "0 starts every worker as a new interpreter.",
    )
    warm_memory: int = _setting(
        1024 * MIB, "TRIVET_WARM_MEMORY", _size, "How much memory these processes may take together, in bytes."
    )
    model_processes: int = _setting(
        0,
        "TRIVET_MODEL_PROCESSES",
        int,
        "How many processes at most the models of one environment share; 0 for as many as there are processors. Another one "
        "is started only when those that there are have enough to do.",
    )
    metrics_public: bool = _setting(
        False, "TRIVET_METRICS_PUBLIC", _flag, "Whether `/metrics` is served without a key."
    )
    default_rate: RateLimit | None = _setting(
        None,
        "TRIVET_DEFAULT_RATE",
        _rate,
        "How often an account may call that has no rate of its own: `1000/min`, with one of s, min, h, day, or `none`.",
    )
    default_concurrent: int | None = _setting(
        None,
        "TRIVET_DEFAULT_CONCURRENT",
        _job_count,
        "How many jobs an account may have open that has no such limit of its own, or `none`.",
    )
    nested_calls: int = _setting(
        24,
        "TRIVET_NESTED_CALLS",
        int,
        "How many jobs may be open at once that a job has called, with all that those have called.",
    )
    log_level: str = _setting("info", "TRIVET_LOG_LEVEL", str, "`debug`, `info`, `warning` or `error`.")
    log_format: str = _setting("text", "TRIVET_LOG_FORMAT", str, "`text` for people, `json` for machines.")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """The settings from ``given`` (None: not given), else the environment, else the defaults.

        Raises:
            SettingError: a value that can't be.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for row in fields(cls):
            if given.get(row.name) is not None:
                values[row.name] = given[row.name]
            elif environ.get(row.metadata["env"]):
                text = environ[row.metadata["env"]]
                try:
                    values[row.name] = row.metadata["read"](text)
                except (ValueError, OverflowError, RuntimeError):
                    raise SettingError(
                        f"{row.metadata['env']}={text!r} can't be read. {row.metadata['help']}"
                    ) from None
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingError(f"The port {self.port} can't be; choose one from 1 to 65535, or 0 for a free one.")
        if self.log_level.lower() not in ("debug", "info", "warning", "error"):
            raise SettingError(f"TRIVET_LOG_LEVEL={self.log_level!r}: choose debug, info, warning or error.")
        if self.log_format not in ("text", "json"):
            raise SettingError(f"TRIVET_LOG_FORMAT={self.log_format!r}: choose text or json.")
        for name, size in (
            ("MAX_INPUT", self.max_input),
            ("MAX_OUTPUT", self.max_output),
            ("MAX_UPLOAD", self.max_upload),
            ("MAX_FILE", self.max_file),
            ("RUNPOD_MAX_RUN", self.runpod_max_run),
            ("RUNPOD_MAX_RUNSYNC", self.runpod_max_runsync),
            ("JAQPOT_MAX_CSV", self.jaqpot_max_csv),
        ):
            if size < 1:
                raise SettingError(f"TRIVET_{name}={size}: must be a number of bytes above 0.")
        for name, rows in (("ROWS", self.jaqpot_max_rows), ("CSV_ROWS", self.jaqpot_max_csv_rows)):
            if rows < 1:
                raise SettingError(f"TRIVET_JAQPOT_MAX_{name}={rows}: must be a number of rows above 0.")
        for name, number in (
            ("WARM_PARENTS", self.warm_parents),
            ("WARM_MEMORY", self.warm_memory),
            ("MODEL_PROCESSES", self.model_processes),
        ):
            if number < 0:
                raise SettingError(f"TRIVET_{name}={number}: must be a number from 0.")
        self._check_times()

    def _check_times(self) -> None:
        for name, seconds in (
            ("JOB_RETENTION", self.job_retention),
            ("DEAD_LETTER_RETENTION", self.dead_letter_retention),
            ("SHUTDOWN_GRACE", self.shutdown_grace),
            ("RUNPOD_HOLD", self.runpod_hold),
            ("RUNPOD_RETENTION", self.runpod_retention),
            ("JAQPOT_WAIT", self.jaqpot_wait),
            ("JAQPOT_HOLD", self.jaqpot_hold),
            ("JAQPOT_RETENTION", self.jaqpot_retention),
        ):
            if not (math.isfinite(seconds) and seconds >= 0):
                raise SettingError(f"TRIVET_{name}={seconds}: must be a number of seconds from 0.")
        for name, seconds in (
            ("HEAD_PATIENCE", self.head_patience),
            ("BODY_PATIENCE", self.body_patience),
            ("LOAD_TIMEOUT", self.load_timeout),
        ):
            if not (math.isfinite(seconds) and seconds > 0):
                raise SettingError(f"TRIVET_{name}={seconds}: must be a number of seconds above 0.")
        if not 0.5 <= self.runpod_poll <= 60:
            raise SettingError(f"TRIVET_RUNPOD_POLL={self.runpod_poll}: must be a number of seconds from 0.5 to 60.")
