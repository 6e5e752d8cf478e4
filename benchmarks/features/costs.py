"""Requests by the clock, and where the time goes: per part of a request, per stage and family of the catalogue."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from chosen import AS_OF, CLOCK, TIME_ZONE

from linerisk.features import communities
from linerisk.features.build import BUCKET_RECORDS, MANY_RECORDS, build_request, survey_store
from linerisk.features.catalogue import LINKS, STAGES
from linerisk.features.compiled_plans import Written
from linerisk.features.reference import Reference
from linerisk.features.stages import HISTORY, Stage, at_home, prepare
from linerisk.features.tenure import current_accounts, tenure_features
from linerisk.features.with_reference import join_side_by_side
from linerisk.tables.store import RecordStore

RECORDS_OF_A_LINE = 300
LINES_OF_A_REQUEST = 1000
RUNS_OF_ONE, RUNS_OF_MANY = 200, 15
WARM_UPS = 3
FAMILY = {
    "daily": "activity",
    "parties": "contacts",
    "communities": "network",
    "link device_key": "devices",
    "link cell_key": "network",
}
"""Whose parts are named otherwise. Days serve rhythm too."""


def requests(folder: Path) -> list[dict[str, Any]]:
    """One line of 300 records, and a thousand lines of the store, p50."""
    store = RecordStore.open(folder)
    reference = survey_store(store, as_of=AS_OF, time_zone=TIME_ZONE).reference
    results = []
    for bodies, runs in ((_one_line(store), RUNS_OF_ONE), (_many_lines(store), RUNS_OF_MANY)):
        records, accounts = bodies
        wall, cpu = _times(
            lambda r=records, a=accounts: build_request(r, a, reference=reference, as_of=AS_OF, time_zone=TIME_ZONE),
            runs,
        )
        lines = records["line_key"].n_unique()
        p50, p50_cpu = statistics.median(wall), statistics.median(cpu)
        found = {"lines": lines, "records": records.height, "p50_ms": p50, "p50_cpu_ms": p50_cpu}
        results.append({**found, "ms_per_line": p50 / lines})
    return results


def request_parts(folder: Path) -> dict[str, dict[str, float]]:
    """CPU-milliseconds of the parts of both requests, the least of many runs, as each is run.

    Parts run one by one here and together in a request, so that they sum to a little more or less than the whole.
    """
    store = RecordStore.open(folder)
    reference = survey_store(store, as_of=AS_OF, time_zone=TIME_ZONE).reference
    one, many = _one_line(store), _many_lines(store)
    return {"one line": _parts(*one, reference), f"{LINES_OF_A_REQUEST} lines": _parts(*many, reference)}


def _parts(records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference) -> dict[str, float]:
    few = records.height <= MANY_RECORDS

    def timed(write: Callable[..., pl.LazyFrame], *frames: pl.DataFrame) -> tuple[float, pl.DataFrame]:
        """With few records as `features.request` runs plans, else as the runner of whole frames does."""
        written = Written(write)

        def run() -> pl.DataFrame:
            return written.run(*frames) if few else write(*(frame.lazy() for frame in frames)).collect()

        return _least(run, RUNS_OF_ONE // 2 if few else 3), run()

    costs = {}
    costs["current accounts"], current = timed(lambda known: current_accounts(known, as_of=AS_OF), accounts)
    costs["prepare"], prepared = timed(
        lambda seen, known: prepare(at_home(seen, known), as_of=AS_OF, clock=CLOCK), records, current
    )
    made = []
    for name, write in _writers().items():
        costs[name], frame = timed(write, prepared)
        made.append(frame)
    costs["tenure"], frame = timed(lambda c: tenure_features(c, as_of=AS_OF, time_zone=TIME_ZONE), current)
    seen = current.select("line_key").sort("line_key")
    joined, _ = timed(lambda lines, *frames: join_side_by_side(lines, frames), seen, *made, frame)
    costs["all beside each other"] = joined
    costs["communities"] = _least(
        lambda: communities.shared(communities.contacts_of_found(prepared, reference.found), reference),
        RUNS_OF_ONE // 2 if few else 3,
    )
    whole = lambda: build_request(records, accounts, reference=reference, as_of=AS_OF, time_zone=TIME_ZONE)  # noqa: E731
    costs["the request as it is run"] = _least(whole, RUNS_OF_ONE // 2 if few else 3)
    return costs


def _writers() -> dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]]:
    """Of every stage, and of every link with its count, the plan."""
    links = {f"link {link.key}": lambda prepared, link=link: link.count(link.pairs(prepared)) for link in LINKS}
    return {**{_name(stage): stage for stage in STAGES}, **links}


def by_family(costs: dict[str, float]) -> dict[str, float]:
    """The same per family, with the rest of the parts as they are."""
    families: dict[str, float] = defaultdict(float)
    for name, cost in costs.items():
        families[FAMILY.get(name.partition(".")[0], name.partition(".")[0])] += cost
    return dict(families)


def stages(folder: Path) -> dict[str, Any]:
    """CPU-seconds of a million records: reading and preparing, and each stage and link on prepared records."""
    store = RecordStore.open(folder)
    buckets = 1 + store.record_count // BUCKET_RECORDS
    current = current_accounts(store.accounts(), as_of=AS_OF).collect()
    records = store.records("line_key", 0, buckets, start=AS_OF - HISTORY, end=AS_OF)
    plan = prepare(at_home(records, current.lazy()), as_of=AS_OF, clock=CLOCK)
    prepared = plan.collect()
    millions = prepared.height / 1e6
    costs = {"read and prepare": _cpu(plan) / millions}
    costs |= {name: _cpu(write(prepared.lazy())) / millions for name, write in _writers().items()}
    found = communities.found_lines(store, as_of=AS_OF)
    costs["communities"] = _cpu(lambda: communities.contacts_of_found(prepared, found)) / millions
    tenure = tenure_features(current.lazy(), as_of=AS_OF, time_zone=TIME_ZONE)
    costs["tenure"] = _cpu(tenure) / (store.record_count / 1e6)
    return {"stage_cpu_s_per_million": costs, "family_cpu_s_per_million": by_family(costs)}


def _name(stage: Stage) -> str:
    return f"{stage.__module__.rpartition('.')[2]}.{stage.__name__.lstrip('_')}"


def _one_line(store: RecordStore) -> tuple[pl.DataFrame, pl.DataFrame]:
    counts = store.records().group_by("line_key").len()
    nearest = (pl.col("len").cast(pl.Int64) - RECORDS_OF_A_LINE).abs()
    return _bodies(store, counts.sort(nearest, "line_key").head(1).select("line_key").collect())


def _many_lines(store: RecordStore) -> tuple[pl.DataFrame, pl.DataFrame]:
    keys = store.records().select(pl.col("line_key").unique().bottom_k(LINES_OF_A_REQUEST))
    return _bodies(store, keys.collect())


def _bodies(store: RecordStore, keys: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    parts = (store.records(), store.accounts())
    # In one piece, as a parsed body is: many small chunks, one a day file, more than double the time of a request.
    records, accounts = (part.join(keys.lazy(), on="line_key", how="semi").collect().rechunk() for part in parts)
    return records, accounts


def _times(run: Callable[[], object], runs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of every run after warming up: by the clock, and of CPU (of which other work takes nothing)."""
    wall, cpu = [], []
    for _ in range(runs + WARM_UPS):
        clock, used = time.perf_counter(), time.process_time()
        run()
        wall.append((time.perf_counter() - clock) * 1e3)
        cpu.append((time.process_time() - used) * 1e3)
    return wall[WARM_UPS:], cpu[WARM_UPS:]


def _least(run: Callable[[], object], runs: int) -> float:
    return min(_times(run, runs)[1])


def _cpu(work: pl.LazyFrame | Callable[[], object]) -> float:
    """CPU-seconds, the least of three."""
    run = work.collect if isinstance(work, pl.LazyFrame) else work
    times = []
    for _ in range(3):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)
