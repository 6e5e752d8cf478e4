"""Training and batch scoring beside the bare LightGBM calls: `python benchmarks/training/run.py`.

Training and scoring run in processes of their own, so that peak memory is theirs, and on one thread, because threads of
LightGBM wait for each other where the machine does other work too. Prints the page, and writes it and
`results.json` beside this file; with `--out FOLDER`, there.
"""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm as lgb
import numpy as np
import polars as pl

from linerisk.batch import score_table
from linerisk.explanation import Wording
from linerisk.features.catalogue import FEATURES
from linerisk.model.risk_model import FeatureColumn, RiskModel
from linerisk.model.tiers import TierPromise
from linerisk.policy import load_policies
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe, fit_model

HERE = Path(__file__).resolve().parent
INTRODUCTION = """Printed by `python benchmarks/training/run.py`, on one thread. Ratios are of CPU seconds of all
threads, because the wall clock counts what the machine does for others.

- *training*: all of `fit_model` (trees, margins of a calibration slice a quarter as large, calibration, cut points,
  bands, typical values) against the `lightgbm.train` call inside it, which builds the data set too. Ratio: ours / bare.
- *tiers*: `score_table` without reasons, from a data frame to the checked table of scores, against `Booster.predict`
  of the same rows. *reasons*: with reason codes, against `pred_contrib`. Ratio: bare / ours.
- *rows*: what the Float32 rows given take; *before*, *peak*: most memory of the process before our code ran, and after.
"""
POLICIES = HERE.parents[1] / "policies"
AS_OF = datetime(2024, 8, 1, tzinfo=UTC)
CALIBRATION_SHARE = 0.25
"""Rows of the calibration slice per training row: three training instants of 40 % of lines, 30 % for calibration."""
LIBRARIES = ("linerisk", "lightgbm", "polars", "numpy")
GOALS = {"training": ("at most", 1.15), "tiers": ("at least", 0.8), "reasons": ("at least", 0.8)}
_PREDICT: dict[str, Any] = {"num_threads": 1}


class Spent(NamedTuple):
    """Seconds by the clock, and of CPU on all threads."""

    wall: float
    cpu: float


def made_up(lines: int, seed: int) -> Examples:
    """Rows of every feature of the catalogue in its unit, one value in ten missing, about 2 % fraud."""
    rng = np.random.default_rng(seed)
    rows = np.empty((lines, len(FEATURES)), dtype=np.float32)
    weights = np.random.default_rng(0).normal(0, 0.3, len(FEATURES))
    log_odds = np.full(lines, -6.5)
    for j, feature in enumerate(FEATURES):
        uniform = rng.random(lines, dtype=np.float32)
        if feature.unit in {"share", "0-1"}:
            rows[:, j] = uniform
        elif feature.unit == "0/1":
            rows[:, j] = np.round(uniform)
        else:
            rows[:, j] = np.floor(-40 * np.log1p(-uniform))
        log_odds += weights[j] * (uniform - 0.5) * np.sqrt(12)
        rows[rng.random(lines) < 0.1, j] = np.nan  # noqa: PLR2004 - as the docstring says
    columns = tuple(FeatureColumn(feature.name, feature.family) for feature in FEATURES)
    return Examples(columns, rows, rng.random(lines) < 1 / (1 + np.exp(-log_odds)), np.arange(lines) + lines * seed)


def training(lines: int, model: Path) -> dict[str, Any]:
    """Fit a model, with a watch on the `lightgbm.train` calls inside."""
    bare: list[Spent] = []
    real = lgb.train

    def watched(*args: Any, **options: Any) -> Any:
        return _spent(lambda: real(*args, **options), bare)

    slices = Slices(made_up(lines, 1), made_up(round(lines * CALIBRATION_SHARE), 2), made_up(2_000, 3), how="made up")
    held = _peak_bytes()
    lgb.train = watched
    ours: list[Spent] = []
    fit = partial(fit_model, slices, name="made-up", recipe=Recipe(), promise=TierPromise())
    _spent(fit, ours).save(model)
    return {
        "lines": lines,
        "calibration_lines": len(slices.calibration),
        **_seconds(ours, bare),
        "calls": len(bare),
        "ratio": ours[0].cpu / bare[0].cpu,
        "rows_gb": (slices.train.rows.nbytes + slices.calibration.rows.nbytes) / 1e9,
        "held_before_gb": held / 1e9,
        "peak_gb": _peak_bytes() / 1e9,
    }


def scoring(lines: int, folder: Path, *, reasons: bool, repeats: int) -> dict[str, Any]:
    """Score a table and call LightGBM on the same rows, in turns on one thread each; the least times count."""
    model = RiskModel.load(folder, version="1")
    rows = made_up(lines, 4).rows
    ids = pl.DataFrame({"line_id": [f"line-{line:08}" for line in range(lines)]})
    features = ids.hstack(pl.DataFrame(rows, schema=list(model.feature_names)))
    held = _peak_bytes()
    policy, wording = load_policies(POLICIES)[-1], Wording.load(POLICIES)
    what = {"pred_contrib": True} if reasons else {"raw_score": True}

    def ours() -> None:
        score_table(model, features, policy=policy, wording=wording, as_of=AS_OF, reasons=reasons)

    def bare() -> None:
        model.booster.predict(rows, **what, **_PREDICT)

    mine: list[Spent] = []
    theirs: list[Spent] = []
    _spent(ours, mine)
    # Before the bare call, which holds all contributions at once.
    peak = _peak_bytes()
    _spent(bare, theirs)
    for _ in range(repeats - 1):
        _spent(ours, mine)
        _spent(bare, theirs)
    return {
        "lines": lines,
        **_seconds(mine, theirs),
        "ratio": min(spent.cpu for spent in theirs) / min(spent.cpu for spent in mine),
        "rows_gb": 2 * rows.nbytes / 1e9,
        "held_before_gb": held / 1e9,
        "peak_gb": peak / 1e9,
    }


def _spent(call: Callable[[], Any], watch: list[Spent]) -> Any:
    """What a call answers; the watch is told what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = call()
    watch.append(Spent(time.perf_counter() - wall, time.process_time() - cpu))
    return answer


def _seconds(ours: list[Spent], bare: list[Spent]) -> dict[str, float]:
    """The least of each."""
    return {
        "ours_wall_s": min(spent.wall for spent in ours),
        "bare_wall_s": min(spent.wall for spent in bare),
        "ours_cpu_s": min(spent.cpu for spent in ours),
        "bare_cpu_s": min(spent.cpu for spent in bare),
    }


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _in_subprocess(case: str, lines: int, model: Path, repeats: int) -> dict[str, Any]:
    sys.stderr.write(f"{case}: {lines:,} lines\n")
    words = ["--case", case, "--lines", str(lines), "--model", str(model), "--repeats", str(repeats)]
    command = [sys.executable, str(Path(__file__).resolve()), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    found: dict[str, Any] = json.loads(done.stdout)
    return {name: round(value, 4) for name, value in found.items()}


def markdown(results: dict[str, Any]) -> str:
    """The page."""
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    machine = f"{results['cores']} cores shared with other work; {results['columns']} columns, the full catalogue"
    times = "bare wall s | ours wall s | bare CPU-s | ours CPU-s"
    heads = f"| | lines | {times} | ratio | goal | met | rows GB | before GB | peak GB |"
    text = [
        "# Training and batch scoring beside bare LightGBM",
        INTRODUCTION.rstrip(),
        f"{versions}; {machine}.",
        f"{heads}\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, (word, limit) in GOALS.items():
        found = results["cases"][name]
        cells = (
            f"{found['lines']:,}",
            *(f"{found[key]:.1f}" for key in ("bare_wall_s", "ours_wall_s", "bare_cpu_s", "ours_cpu_s")),
            f"{found['ratio']:.2f}",
            f"{word} {limit}",
            "yes" if met(name, found["ratio"]) else "**no**",
            *(f"{found[key]:.2f}" for key in ("rows_gb", "held_before_gb", "peak_gb")),
        )
        text[-1] += f"\n| {name} | {' | '.join(cells)} |"
    return "\n\n".join(text) + "\n"


def met(name: str, ratio: float) -> bool:
    """Whether a ratio is on the right side of its goal."""
    word, limit = GOALS[name]
    return ratio <= limit if word == "at most" else ratio >= limit


def main() -> None:
    """Run all cases, or with `--case` one of them."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--lines", type=int, default=1_000_000, help="lines trained on, and lines given a tier")
    arguments.add_argument("--with-reasons", type=int, default=50_000, help="lines given reasons too")
    arguments.add_argument("--repeats", type=int, default=2, help="runs of scoring; the least time counts")
    arguments.add_argument("--out", type=Path, default=HERE)
    arguments.add_argument("--case", choices=GOALS, help=argparse.SUPPRESS)
    arguments.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.case == "training":
        sys.stdout.write(json.dumps(training(chosen.lines, chosen.model)))
    elif chosen.case:
        reasons = chosen.case == "reasons"
        sys.stdout.write(json.dumps(scoring(chosen.lines, chosen.model, reasons=reasons, repeats=chosen.repeats)))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            sizes = {name: chosen.with_reasons if name == "reasons" else chosen.lines for name in GOALS}
            cases = {name: _in_subprocess(name, lines, Path(scratch), chosen.repeats) for name, lines in sizes.items()}
        results = {
            "versions": {"python": sys.version.split()[0], **{name: version(name) for name in LIBRARIES}},
            "cores": os.cpu_count(),
            "columns": len(FEATURES),
            "cases": cases,
        }
        (chosen.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (chosen.out / "results.md").write_text(markdown(results), encoding="utf-8")
        sys.stdout.write(markdown(results))


if __name__ == "__main__":
    main()
