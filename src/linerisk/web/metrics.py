"""Prometheus metrics. Labels are routes, statuses, tiers and codes: few values, and never a line or a caller.

Counters and histograms are kept in the multiprocess folder that BentoML collects, so they add up over workers. The
worker that answers a scrape reports the live bundle, because all workers follow the same pointer.
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
"""Size of one metric file: the initial size in the client library, and more than the few labels ever fill."""


class _PreallocatedFile(MmapedDict):
    """A metric file whose disk blocks are allocated when it is created.

    The library maps a sparse file into memory. On a full disk the kernel then kills the process that writes to it.
    """

    def __init__(self, filename: str) -> None:
        with Path(filename).open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, _FILE_BYTES)
        super().__init__(filename)  # type: ignore[no-untyped-call]


def reserve_metric_files() -> None:
    """Preallocate the metric files of this process, so a full disk raises an error instead of killing the process."""
    vars(values)["MmapedDict"] = _PreallocatedFile  # where the library looks it up


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self._requests = Counter("linerisk_requests", "Answered requests", ["route", "status"])
        self._seconds = Histogram("linerisk_request_seconds", "Time to answer, seconds", ["route"], buckets=_BUCKETS)
        self._decisions = Counter("linerisk_decisions", "Recorded decisions", ["tier", "status"])
        self._problems = Counter("linerisk_problems", "Problems reported for lines", ["code"])
        self._refused = Counter("linerisk_live_refused", "New live bundles that were refused")
        # The client takes a lock for each lookup by labels; there are few label sets.
        self._answered_of = cache(
            lambda route, status: (self._requests.labels(route, int(status)), self._seconds.labels(route))
        )
        self._decisions_of = cache(self._decisions.labels)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        requests, took = self._answered_of(route, status)
        requests.inc()
        took.observe(seconds)

    def decided(self, records: Sequence[DecisionRecord], problem_codes: Sequence[str]) -> None:
        """Count the decisions and problems of one newly recorded answer."""
        if len(records) == 1 and not problem_codes:
            self._decisions_of(records[0].tier, records[0].status).inc()
            return
        for (tier, status), count in Tally((record.tier, record.status) for record in records).items():
            self._decisions_of(tier, status).inc(count)
        for code, count in Tally(problem_codes).items():
            self._problems.labels(code).inc(count)

    def refused(self) -> None:
        """Count a new live bundle that was refused."""
        self._refused.inc()


@cache
def metrics() -> Metrics:
    """The counters of this process; cached because the client's registry accepts each name once."""
    return Metrics()


@dataclass(frozen=True, slots=True)
class Load:
    """Work in progress of the worker that answers the scrape.

    Attributes:
        log_waiting: Decisions that wait to be written.
        large_at_work: Large requests in progress.
        large_waiting: Large requests in the queue.
        body_bytes: Bytes of incomplete request bodies.
    """

    log_waiting: int
    large_at_work: int
    large_waiting: int
    body_bytes: int


def live_text(reader: LiveReader, *, now: datetime, load: Load) -> str:
    """The live bundle and the work in progress, in the Prometheus text format."""
    lines = [
        *_gauge("linerisk_log_waiting", "Decisions that wait to be written, in the answering worker", load.log_waiting),
        *_gauge("linerisk_large_at_work", "Large requests in progress, in the answering worker", load.large_at_work),
        *_gauge("linerisk_large_waiting", "Large requests in the queue, in the answering worker", load.large_waiting),
        *_gauge("linerisk_body_bytes", "Bytes of incomplete request bodies, in the answering worker", load.body_bytes),
    ]
    try:
        live = reader.current()
    except LineriskError:
        lines += _gauge("linerisk_live", "Whether a model is live", 0)
        return "\n".join(lines) + "\n"
    meta = live.model_meta
    lines += _gauge("linerisk_live", "Whether a model is live", 1)
    lines += _gauge(
        "linerisk_model_info",
        "The model that is live",
        1,
        labels=f'name="{_quoted(meta.name)}",version="{_quoted(meta.version)}",fingerprint="{meta.fingerprint[:12]}"',
    )
    lines += _gauge("linerisk_model_expired", "Whether the evidence of the model has expired", int(meta.expired(now)))
    if live.snapshot is not None:
        age = (now - live.snapshot.meta.as_of).total_seconds()
        lines += _gauge("linerisk_snapshot_age_seconds", "Age of the snapshot that answers scores by id", age)
        lines += _gauge("linerisk_snapshot_lines", "Lines of the snapshot", live.snapshot.meta.lines)
    return "\n".join(lines) + "\n"


def gauges(name: str, help_text: str, values: Sequence[tuple[Mapping[str, str], float]]) -> list[str]:
    """Format one gauge in the Prometheus text format, with a value per set of labels."""
    samples = [
        (",".join(f'{label}="{_quoted(text)}"' for label, text in labels.items()), value) for labels, value in values
    ]
    return [
        f"# HELP {name} {help_text}",
        f"# TYPE {name} gauge",
        *(f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in samples),
    ]


def _gauge(name: str, help_text: str, value: float, *, labels: str = "") -> list[str]:
    return [
        f"# HELP {name} {help_text}",
        f"# TYPE {name} gauge",
        f"{name}{{{labels}}} {value}" if labels else f"{name} {value}",
    ]


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
