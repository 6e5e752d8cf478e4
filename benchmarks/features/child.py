"""What runs in a process of its own, so that its time and memory are its own. Says its answer as one line of JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
from chosen import CHOSEN, DAYS
from engines import BANDICOOT, ENGINES

SEED = 3
SECRET = b"keys of made-up lines are no secret"
FLOAT32_TOLERANCE = 1e-6


def generate(data: Path, lines: int) -> dict[str, Any]:
    """Simulate an operator and take it into a record store, unless that was done before."""
    from linerisk.records.simulation import simulate  # noqa: PLC0415 - other children need neither
    from linerisk.tables.intake import ingest  # noqa: PLC0415
    from linerisk.tables.store import RecordStore  # noqa: PLC0415

    store = data / f"lines-{lines}" / "store"
    if not store.exists():
        simulate(store.parent / "source", lines=lines, days=DAYS, seed=SEED)
        ingest(store.parent / "source", store, secret=SECRET)
        shutil.rmtree(store.parent / "source")
    return {"records": RecordStore.open(store).record_count}


def measure(title: str, store: Path, out: Path) -> dict[str, Any]:
    """Run one engine once. Imports are not measured; reading the files is."""
    engine = ENGINES[title]
    module = importlib.import_module(engine.module)
    source = module.Sample(store) if title == BANDICOOT else store
    cpu, wall = time.process_time(), time.perf_counter()
    features = getattr(module, engine.function)(source, **engine.options)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    features.write_parquet(out)
    sampled = source.records if title == BANDICOOT else None
    return {"cpu_s": cpu, "wall_s": wall, "peak_bytes": peak, "columns": features.width - 1, "sampled_records": sampled}


def compare(ours: Path, theirs: Path) -> dict[str, Any]:
    """Chosen features that differ by more than Float32 can, with the number of lines."""
    from linerisk.features.catalogue import ZERO_IF_NOTHING_SEEN  # noqa: PLC0415

    left, right = pl.read_parquet(ours).sort("line_key"), pl.read_parquet(theirs).sort("line_key")
    if right.width == 2:  # noqa: PLR2004 - the key and one feature, of a sample of lines
        left = left.join(right, on="line_key", how="semi")
    if not left["line_key"].equals(right["line_key"]):
        return {"differences": {"line_key": abs(left.height - right.height)}}
    differences = {}
    for name in (name for name in CHOSEN if name in right.columns):
        a, b = (frame[name].cast(pl.Float32) for frame in (left, right))
        if name in ZERO_IF_NOTHING_SEEN:
            a, b = a.fill_null(0), b.fill_null(0)
        off = ((a - b).abs() > FLOAT32_TOLERANCE * a.abs().clip(lower_bound=1)).fill_null(value=False)
        different = int((off | (a.is_null() != b.is_null())).sum())
        if different:
            differences[name] = different
    return {"differences": differences}


def requests(store: Path) -> dict[str, Any]:
    """Requests, and what every stage costs."""
    costs = importlib.import_module("costs")
    return {"requests": costs.requests(store), "request_parts_ms": costs.request_parts(store), **costs.stages(store)}


def main() -> None:
    """One task, named first."""
    parser = argparse.ArgumentParser()
    tasks = parser.add_subparsers(dest="task", required=True)
    for name, arguments in {
        "generate": (("data", Path), ("lines", int)),
        "measure": (("title", str), ("store", Path), ("out", Path)),
        "compare": (("ours", Path), ("theirs", Path)),
        "requests": (("store", Path),),
    }.items():
        task = tasks.add_parser(name)
        for argument, kind in arguments:
            task.add_argument(argument, type=kind)
    given = vars(parser.parse_args())
    answer = globals()[given.pop("task")](**given)
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
