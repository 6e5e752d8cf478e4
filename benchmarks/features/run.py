"""The benchmark of features: ours, DuckDB, pandas and bandicoot on the same records, each in a process of its own.

    .venv/bin/python benchmarks/features/run.py --lines 15500 77500

This process stays small: a child's peak memory starts at what its parent holds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import page
import report
from chosen import CHOSEN
from engines import ENGINES, OURS, OURS_FULL

HERE = Path(__file__).resolve().parent
LIBRARIES = ("linerisk", "polars", "duckdb", "pandas", "numpy", "pyarrow", "bandicoot")


class DifferentAnswersError(Exception):
    """Two engines disagree, and so their times say nothing."""


def main() -> None:
    """Measure, check that engines agree, write and print."""
    given = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        data = given.data or Path(scratch)
        sizes = [_size(lines, data, Path(scratch), given.repeats) for lines in sorted(given.lines)]
        smallest = data / f"lines-{sizes[0]['lines']}" / "store"
        costs = _least([_child("requests", smallest) for _ in range(given.repeats)])
        alone = None if given.alone is None else _alone(given.alone, data, Path(scratch))
    results = {
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in LIBRARIES}},
        "cores": os.cpu_count(),
        "features": list(CHOSEN),
        "repeats": given.repeats,
        "sizes": sizes,
        "costs": costs,
        "alone": alone,
        "goals": report.goals(sizes, costs, alone),
    }
    given.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if given.out == page.RESULTS:
        page.main()
    report.show(results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", required=True, help="sizes; a line has some 320 records")
    parser.add_argument("--repeats", type=int, default=3, help="runs of every engine; the least time counts")
    parser.add_argument("--alone", type=int, help="one more size, on which only our full catalogue runs, once")
    parser.add_argument("--data", type=Path, help="keeps the generated records for the next time")
    parser.add_argument("--out", type=Path, default=page.RESULTS)
    return parser.parse_args()


def _size(lines: int, data: Path, scratch: Path, repeats: int) -> dict[str, Any]:
    """All engines on one size. Rounds over all engines, so that a busy moment does not meet one engine only."""
    records = _child("generate", data, str(lines))["records"]
    store = data / f"lines-{lines}" / "store"
    runs: dict[str, list[dict[str, Any]]] = {
        title: [] for title, engine in ENGINES.items() if records <= (engine.most_records or records)
    }
    for _ in range(repeats):
        for title, done in runs.items():
            _report(f"{records:,} records: {title}")
            done.append(_measure(title, store, scratch / f"{title}.parquet"))
    for title in runs:
        different = _child("compare", scratch / f"{OURS}.parquet", scratch / f"{title}.parquet")["differences"]
        if different:
            raise DifferentAnswersError(f"{title} differs from {OURS}: lines per feature {different}")
    rows = [report.row(title, done, records) for title, done in runs.items()]
    return {"lines": lines, "records": records, "engines_agree": True, "rows": rows}


def _alone(lines: int, data: Path, scratch: Path) -> dict[str, Any]:
    records = _child("generate", data, str(lines))["records"]
    _report(f"{records:,} records: {OURS_FULL}")
    run = _measure(OURS_FULL, data / f"lines-{lines}" / "store", scratch / "alone.parquet")
    return {"lines": lines, "records": records, "row": report.row(OURS_FULL, [run], records)}


def _measure(title: str, store: Path, out: Path) -> dict[str, Any]:
    return _child("measure", title, store, out, threads=ENGINES[title].threads)


def _child(*words: str | Path, threads: int = 1) -> dict[str, Any]:
    """What `child.py` answers."""
    command = [sys.executable, HERE / "child.py", *words]
    environment = {**os.environ, "POLARS_MAX_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ours
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _least(costs: list[Any]) -> Any:
    """The least of every number of answers of the same shape."""
    first = costs[0]
    if isinstance(first, dict):
        return {name: _least([cost[name] for cost in costs]) for name in first}
    if isinstance(first, list):
        return [_least(list(parts)) for parts in zip(*costs, strict=True)]
    return min(costs)


def _report(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
