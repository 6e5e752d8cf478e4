"""Speed and memory of the simulated operator: `python benchmarks/simulation/run.py`.

Every case runs in a separate process, so that its peak memory is measured alone. Prints a table and writes
`results.json` next to this file. `--lines` sets the size of the largest case.
"""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

HERE = Path(__file__).parent
LARGEST, DAYS, SEED = 100_000, 30, 5
_KILOBYTES_A_MB = 1024


def measure(out: Path, *, lines: int, days: int, workers: int) -> dict[str, Any]:
    """Run one case in this process and measure time and memory."""
    from linerisk.records.simulation import simulate  # noqa: PLC0415 - import time is measured too

    def show_progress(step: str, done: int, total: int) -> None:
        sys.stderr.write(f"\r  {step}: {done:,} of {total:,} lines")

    wall, own = time.perf_counter(), time.process_time()
    report = simulate(out, lines=lines, days=days, seed=SEED, workers=workers, on_progress=show_progress)
    wall, own = time.perf_counter() - wall, time.process_time() - own
    sys.stderr.write("\r" + " " * 60 + "\r")
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    core = own + children.ru_utime + children.ru_stime
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KILOBYTES_A_MB
    theirs = children.ru_maxrss / _KILOBYTES_A_MB if workers > 1 else 0.0
    return {
        "lines": lines,
        "days": days,
        "workers": workers,
        "records": report.records,
        "wall_s": round(wall, 2),
        "core_s": round(core, 2),
        "records_a_core_second": round(report.records / core),
        "records_a_second": round(report.records / wall),
        # The largest worker times their number: an upper bound, as no two peak at once.
        "peak_mb": round(mine + workers * theirs if workers > 1 else mine),
        "disk_mb": round(sum(file.stat().st_size for file in out.rglob("*.parquet")) / 1e6),
        "sha256": _fingerprint(out),
    }


def _fingerprint(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        whole.update(str(path.relative_to(folder)).encode())
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _run_in_process(lines: int, days: int, workers: int) -> dict[str, Any]:
    """Run one case in a separate process and a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        case = json.dumps({"lines": lines, "days": days, "workers": workers})
        command = [sys.executable, str(Path(__file__)), "--case", case, "--out", str(Path(folder, "source"))]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this file
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def _row(case: dict[str, Any]) -> str:
    return (
        f"{case['lines']:>9,} {case['days']:>5} {case['workers']:>8} {case['records']:>13,} {case['wall_s']:>8.1f} "
        f"{case['core_s']:>8.1f} {case['records_a_core_second']:>13,} {case['records_a_second']:>13,} "
        f"{case['peak_mb']:>8,} {case['disk_mb']:>8,}\n"
    )


def main() -> None:
    """Run all cases, or with `--case` one of them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lines", type=int, default=LARGEST, help="lines of the largest case")
    arguments.add_argument("--case", help=argparse.SUPPRESS)
    arguments.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.case:
        sys.stdout.write(json.dumps(measure(chosen.out, **json.loads(chosen.case))))
        return
    cores = os.cpu_count() or 1
    sizes = [(chosen.lines // 10, 1), (chosen.lines // 10, cores), (chosen.lines // 2, cores), (chosen.lines, 1)]
    sys.stdout.write(
        f"{'lines':>9} {'days':>5} {'workers':>8} {'records':>13} {'wall s':>8} {'core s':>8} {'records/core-s':>13} "
        f"{'records/s':>12} {'peak MB':>8} {'disk MB':>8}\n"
    )
    cases = []
    for lines, workers in [*sizes, (chosen.lines, cores)]:
        cases.append(_run_in_process(lines, DAYS, workers))
        sys.stdout.write(_row(cases[-1]))
        sys.stdout.flush()
    same = cases[0]["sha256"] == cases[1]["sha256"] and cases[-1]["sha256"] == cases[-2]["sha256"]
    sys.stdout.write(f"the same bytes on 1 and on {cores} workers: {'yes' if same else 'NO'}\n")
    versions = {"python": platform.python_version(), "polars": pl.__version__, "numpy": np.__version__}
    results = {"cores": cores, **versions, "same_bytes_on_any_workers": same, "cases": cases}
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
