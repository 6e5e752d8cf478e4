"""Requests by the clock, and where the time goes: per part of a request, per stage and family of the catalogue."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from chosen import AS_OF, TIME_ZONE

from linerisk.features import communities
from linerisk.features.build import BUCKET_RECORDS, build_request, survey_store
from linerisk.features.catalogue import LINKS, STAGES
from linerisk.features.stages import HISTORY, Stage, prepare
from linerisk.features.tenure import current_accounts, tenure_features
from linerisk.tables.store import RecordStore

RECORDS_OF_A_LINE = 300
LINES_OF_A_REQUEST = 1000
RUNS_OF_ONE, RUNS_OF_MANY = 200, 15
WARM_UPS = 3
FAMILY_OF_LINK = {"device_key": "devices", "cell_key": "network"}


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


def request_parts(folder: Path) -> dict[str, float]:
    """Milliseconds of the parts of the request of one line, the least of many runs.

    Parts run one by one here and together in the request, so that they sum to a little more or less than the whole;
    what joins, casts and sorts at the end is only in the whole.
    """
    store = RecordStore.open(folder)
    reference = survey_store(store, as_of=AS_OF, time_zone=TIME_ZONE).reference
    records, accounts = _one_line(store)
    current = _now(current_accounts(accounts.lazy(), as_of=AS_OF))
    prepared = _now(prepare(records.lazy(), current.lazy(), as_of=AS_OF, time_zone=TIME_ZONE)).lazy()
    plans: dict[str, Callable[[], pl.LazyFrame]] = {
        "current accounts": lambda: current_accounts(accounts.lazy(), as_of=AS_OF),
        "prepare": lambda: prepare(records.lazy(), current.lazy(), as_of=AS_OF, time_zone=TIME_ZONE),
        "tenure": lambda: tenure_features(current.lazy(), as_of=AS_OF, time_zone=TIME_ZONE),
        **{_name(stage): lambda stage=stage: stage(prepared) for stage in STAGES},
        **{f"link {link.key}": lambda link=link: link.pairs(prepared) for link in LINKS},
    }
    costs = {}
    for name, plan in plans.items():
        written = plan()
        costs[f"{name}: write the plan"] = _least(plan)
        costs[f"{name}: run it"] = _least(lambda written=written: _now(written))
    seen = prepared.collect()
    costs["communities.met: run it"] = _least(lambda: communities.met(seen, reference.found))
    costs["all of the request, as it is run"] = _least(
        lambda: build_request(records, accounts, reference=reference, as_of=AS_OF, time_zone=TIME_ZONE)
    )
    return costs


def stages(folder: Path) -> dict[str, Any]:
    """CPU-seconds of a million records: reading and preparing, and each stage and link on prepared records."""
    store = RecordStore.open(folder)
    buckets = 1 + store.record_count // BUCKET_RECORDS
    current = current_accounts(store.accounts(), as_of=AS_OF).collect()
    records = store.records("line_key", 0, buckets, start=AS_OF - HISTORY, end=AS_OF)
    plan = prepare(records, current.lazy(), as_of=AS_OF, time_zone=TIME_ZONE)
    prepared = plan.collect()
    millions = prepared.height / 1e6
    costs = {"read and prepare": _cpu(plan) / millions}
    families: dict[str, float] = defaultdict(float)
    for stage in STAGES:
        cost = _cpu(stage(prepared.lazy())) / millions
        costs[_name(stage)] = cost
        families[_name(stage).partition(".")[0]] += cost
    for link in LINKS:
        cost = _cpu(link.pairs(prepared.lazy())) / millions
        costs[f"link {link.key}"] = cost
        families[FAMILY_OF_LINK[link.key]] += cost
    found = communities.found_lines(store, as_of=AS_OF)
    costs["communities.met"] = _cpu(lambda: communities.met(prepared, found)) / millions
    families["network"] += costs["communities.met"]
    tenure = tenure_features(current.lazy(), as_of=AS_OF, time_zone=TIME_ZONE)
    families["tenure"] = costs["tenure"] = _cpu(tenure) / (store.record_count / 1e6)
    return {"stage_cpu_s_per_million": costs, "family_cpu_s_per_million": dict(families)}


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


def _now(plan: pl.LazyFrame) -> pl.DataFrame:
    """As `build_request` runs its plans."""
    return plan.collect(engine="in-memory", optimizations=pl.QueryOptFlags.none())


def _times(run: Callable[[], object], runs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of every run after warming up: by the clock, and of CPU (of which other work takes nothing)."""
    wall, cpu = [], []
    for _ in range(runs + WARM_UPS):
        clock, used = time.perf_counter(), time.process_time()
        run()
        wall.append((time.perf_counter() - clock) * 1e3)
        cpu.append((time.process_time() - used) * 1e3)
    return wall[WARM_UPS:], cpu[WARM_UPS:]


def _least(run: Callable[[], object]) -> float:
    return min(_times(run, RUNS_OF_ONE // 2)[0])


def _cpu(work: pl.LazyFrame | Callable[[], object]) -> float:
    """CPU-seconds, the least of three."""
    run = work.collect if isinstance(work, pl.LazyFrame) else work
    times = []
    for _ in range(3):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)
