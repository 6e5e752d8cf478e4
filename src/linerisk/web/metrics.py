"""Figures for `/metrics`. Labels are routes, statuses, tiers and codes: few, and never a line or a caller.

Counters and histograms live in the multiprocess folder that BentoML collects, so they add up over workers. What is
live is said at the time of the scrape by the worker that answers it, since all workers follow the same pointer.
"""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from prometheus_client import Counter, Histogram, values
from prometheus_client.mmap_dict import MmapedDict

from linerisk.decisions.record import DecisionRecord
from linerisk.errors import LineriskError
from linerisk.live import LiveReader

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


_FILE_BYTES = 1 << 20
"""Of figures of one kind: as many as the client library begins with, and more than the few labels ever fill."""


class _WholeFile(MmapedDict):
    """Figures in a file that has its room on the disk from the start.

    The library maps a file without any into memory; on a disk that is full the kernel then kills who writes to it.
    """

    def __init__(self, filename: str) -> None:
        with Path(filename).open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, _FILE_BYTES)
        super().__init__(filename)  # type: ignore[no-untyped-call]


def reserve_metric_files() -> None:
    """From now on, in this process: a full disk may refuse figures, and kills nobody."""
    vars(values)["MmapedDict"] = _WholeFile  # where the library looks it up


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self._requests = Counter("linerisk_requests", "Answered requests", ["route", "status"])
        self._seconds = Histogram("linerisk_request_seconds", "Time to answer, seconds", ["route"], buckets=_BUCKETS)
        self._decisions = Counter("linerisk_decisions", "Decisions recorded and told", ["tier", "status"])
        self._problems = Counter("linerisk_problems", "What was said about lines instead or besides", ["code"])
        self._refused = Counter("linerisk_live_refused", "New live pairs that were refused")
        # Looking a child up by its labels takes a lock each time; there are few of them.
        self._answered_of = cache(
            lambda route, status: (self._requests.labels(route, int(status)), self._seconds.labels(route))
        )
        self._decisions_of = cache(self._decisions.labels)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        requests, took = self._answered_of(route, status)
        requests.inc()
        took.observe(seconds)

    def decided(self, records: Sequence[DecisionRecord], problem_codes: Sequence[str]) -> None:
        """Count the lines of one answer that was newly recorded."""
        if len(records) == 1 and not problem_codes:
            self._decisions_of(records[0].tier, records[0].status).inc()
            return
        for (tier, status), count in Tally((record.tier, record.status) for record in records).items():
            self._decisions_of(tier, status).inc(count)
        for code, count in Tally(problem_codes).items():
            self._problems.labels(code).inc(count)

    def refused(self) -> None:
        """Count a new live pair that was refused."""
        self._refused.inc()


@cache
def metrics() -> Metrics:
    """The counters of this process; the client's registry takes each name once."""
    return Metrics()


@dataclass(frozen=True, slots=True)
class Load:
    """What the worker that answers has in hand.

    Attributes:
        log_waiting: Decisions that wait to be written.
        large_at_work: Large requests that are worked on.
        large_waiting: Large requests that wait for their turn.
        body_bytes: Bytes of bodies that are not whole yet.
    """

    log_waiting: int
    large_at_work: int
    large_waiting: int
    body_bytes: int


def live_text(holder: LiveReader, *, now: datetime, load: Load) -> str:
    """What is live and what is in hand, in the Prometheus text format."""
    lines = [
        *_gauge(
            "linerisk_log_waiting", "Decisions that wait to be written, in the worker that answers", load.log_waiting
        ),
        *_gauge("linerisk_large_at_work", "Large requests worked on, in the worker that answers", load.large_at_work),
        *_gauge("linerisk_large_waiting", "Large requests that wait, in the worker that answers", load.large_waiting),
        *_gauge("linerisk_body_bytes", "Bytes of bodies not whole yet, in the worker that answers", load.body_bytes),
    ]
    try:
        live = holder.current()
    except LineriskError:
        lines += _gauge("linerisk_live", "Whether there is a model to answer with", 0)
        return "\n".join(lines) + "\n"
    meta = live.model_meta
    lines += _gauge("linerisk_live", "Whether there is a model to answer with", 1)
    lines += _gauge(
        "linerisk_model_info",
        "The model that is live",
        1,
        labels=f'name="{_quoted(meta.name)}",version="{_quoted(meta.version)}",fingerprint="{meta.fingerprint[:12]}"',
    )
    lines += _gauge("linerisk_model_expired", "Whether the model has outlived its evidence", int(meta.expired(now)))
    if live.snapshot is not None:
        age = (now - live.snapshot.meta.as_of).total_seconds()
        lines += _gauge("linerisk_snapshot_age_seconds", "Age of what scoring by id answers from", age)
        lines += _gauge("linerisk_snapshot_lines", "Lines of the snapshot", live.snapshot.meta.lines)
    return "\n".join(lines) + "\n"


def gauges(name: str, help_text: str, values: Sequence[tuple[Mapping[str, str], float]]) -> list[str]:
    """One gauge in the Prometheus text format, with a value per set of labels."""
    said = [
        (",".join(f'{label}="{_quoted(text)}"' for label, text in labels.items()), value) for labels, value in values
    ]
    return [
        f"# HELP {name} {help_text}",
        f"# TYPE {name} gauge",
        *(f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in said),
    ]


def _gauge(name: str, help_text: str, value: float, *, labels: str = "") -> list[str]:
    return [
        f"# HELP {name} {help_text}",
        f"# TYPE {name} gauge",
        f"{name}{{{labels}}} {value}" if labels else f"{name} {value}",
    ]


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
