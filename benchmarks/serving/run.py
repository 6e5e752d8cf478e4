"""Measure the service and its peers under load: `python benchmarks/serving/run.py`.

Needs wrk (`apt-get install wrk`) and a home with a live model and snapshot (`linerisk demo` creates one in var/demo);
works on a copy of it. Uses the service only through `linerisk serve` and HTTP. Prints the page, and writes it and
`results.json` to the folder of this file or to `--out FOLDER`. Takes ten minutes with the defaults; for a trial use
`--seconds 2 --rounds 1`.

MLServer needs other libraries than the product: `--mlserver PYTHON` names the interpreter of an environment that has
it (`pip install mlserver lightgbm==4.7.0 polars==2.1.0 polars-hash msgspec filelock pydantic-settings dataframely`);
without it, MLServer is not measured, and the page notes that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import home
import load
import page
import polars as pl
from processes import Running, running
from servers import CASES, OURS, REQUEST_ID, Case, Server, empty_bentoml, linerisk, peers

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIBRARIES = ("linerisk", "bentoml", "fastapi", "mlflow", "uvicorn", "lightgbm", "pydantic", "msgspec")
LARGE_LINES, BULK_LINES = 1_000, 10_000
ARROW = "application/vnd.apache.arrow.stream"
_WARM_S = 1.0
Found = dict[str, Any]


class Measured:
    """The running servers, the inputs of the loads, and the number of decisions that our service answered."""

    def __init__(self, started: dict[str, Running], material: load.Material, *, seconds: float, rounds: int) -> None:
        self.cases = {case.key: case for case in CASES if case.server in started}
        self.material = material
        self.answered = 0
        self._started = started
        self._seconds = seconds
        self._rounds = rounds

    def of(self, key: str) -> Running:
        """The server of a case."""
        return self._started[self.cases[key].server]

    def full(self, seconds: float) -> Callable[[Case], Found]:
        """Maximum load."""
        return lambda case: load.full(case, self.of(case.key), self.material, seconds=seconds)

    def paced(self, rates: dict[str, float], full: dict[str, Found]) -> Callable[[Case], Found]:
        """Load at a rate per case; a rate above the maximum is not tried."""

        def at(case: Case) -> Found:
            rate = rates[case.key]
            if rate > full[case.key]["rps"]:
                return {"rate": round(rate, 1), "held": False, "answered": 0, "errors": {}}
            return load.at_rate(case, self.of(case.key), self.material, rate=rate, seconds=self._seconds)

        return at

    def large(self, template: Callable[[Case], Found], path: str | None = None) -> Callable[[Case], Found]:
        """Large requests."""

        def measure(case: Case) -> Found:
            text = json.dumps(template(case)).encode()
            token, seconds = self.material.token, self._seconds
            running = self.of(case.key)
            return load.large(case, running, path or case.path, text, token=token, lines=LARGE_LINES, seconds=seconds)

        return measure

    def bulk(self, body: bytes, *, lines: int, query: str) -> Callable[[Case], Found]:
        """Arrow tables."""
        path = f"/v1/score/arrow?request_id={REQUEST_ID}{query}"

        def measure(case: Case) -> Found:
            return load.large(
                case,
                self.of(case.key),
                path,
                body,
                token=self.material.token,
                lines=lines,
                seconds=self._seconds,
                media_type=ARROW,
            )

        return measure

    def rounds(
        self,
        name: str,
        measure: Callable[[Case], Found],
        best: Callable[[Found], tuple[float, ...]],
        *,
        only: str | None = None,
    ) -> dict[str, Found]:
        """Measure every case in several rounds, in rotated order; the best round, with the errors of all."""
        found: dict[str, list[Found]] = {key: [] for key in self.cases if only in {None, key}}
        turns = deque(found)
        for number in range(self._rounds):
            for key in turns:
                _log(f"{name}, round {number + 1}: {key}")
                found[key].append(measure(self.cases[key]))
            turns.rotate(-1)
        self.answered += sum(each["answered"] for each in found.get(OURS, []))
        chosen = {key: max(each, key=best) for key, each in found.items()}
        return {key: {**chosen[key], "errors": _add_errors(each)} for key, each in found.items()}


def main() -> None:
    """Measure, then write and print the results."""
    given = _arguments()
    load.wrk_path()
    with tempfile.TemporaryDirectory(dir=given.scratch, prefix="linerisk-serving-") as folder:
        scratch = Path(folder)
        kind = home.file_system(scratch)
        copy = home.copy_home(given.home, scratch)
        token = home.token(copy)
        starts = _starts(copy, scratch, times=given.rounds)
        syncs = home.bare_sync_ms(scratch)
        with ExitStack() as stack:
            servers = [linerisk(copy), *peers(copy, scratch, mlserver=given.mlserver)]
            started = {server.key: stack.enter_context(_started(server, scratch)) for server in servers}
            source = given.source or given.home / "source"
            known = home.find_snapshot_lines(source, started[OURS].url, token, most=given.lines)
            file = scratch / "lines.txt"
            file.write_text("\n".join(known.lines) + "\n", encoding="utf-8")
            material = load.Material(known.lines, file, token, scratch)
            measured = Measured(started, material, seconds=given.seconds, rounds=given.rounds)
            measured.answered += len(known.lines) + load.check_same_scores(
                {key: measured.of(key) for key in measured.cases}, material, measured.cases
            )
            records = home.with_records(source, known, lines=LARGE_LINES, records=given.records)
            loads = _loads(measured, records, known.as_of.isoformat(), given)
            bare = home.bare_predict(copy, rounds=given.rounds)
        recorded = home.verify_log(copy)
    if recorded < measured.answered:
        sys.exit(f"{measured.answered} decisions were answered, but only {recorded} are in the log")
    results = {
        "versions": _versions(given.mlserver),
        "cores": os.cpu_count(),
        "file_system": kind,
        "seconds": given.seconds,
        "rounds": given.rounds,
        "connections": load.CONNECTIONS,
        "lines": len(known.lines),
        "records": given.records,
        "bulk_lines": min(BULK_LINES, len(known.lines)),
        "bare_predict_per_core_s": bare,
        "trees": home.trees(given.home),
        "starts": starts,
        "bare_sync_ms": syncs,
        **loads,
        "log": {"told": measured.answered, "recorded": recorded},
    }
    results["goals"] = page.goals(results)
    (given.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (given.out / "results.md").write_text(page.markdown(results), encoding="utf-8")
    sys.stdout.write(page.markdown(results))


def _loads(measured: Measured, records: list[Found], as_of: str, given: argparse.Namespace) -> Found:
    """Run all loads: maximum, half of our maximum, half of its own maximum, large requests."""
    for case in measured.cases.values():
        _log(f"warming up: {case.key}")
        warmed = measured.full(_WARM_S)(case)
        measured.answered += warmed["answered"] if case.key == OURS else 0
    full = measured.rounds("maximum", measured.full(given.seconds), lambda found: (found["rps"],))
    half = full[OURS]["rps"] / 2

    def lowest_p99(found: Found) -> tuple[float, ...]:
        return found["held"], -(found.get("p99_ms") or 0.0)

    of_ours = measured.rounds("half of ours", measured.paced(dict.fromkeys(full, half), full), lowest_p99)
    rates = {key: found["rps"] / 2 for key, found in full.items()}
    of_own = measured.rounds("half of its own", measured.paced(rates, full), lowest_p99)

    def by_id(case: Case) -> Found:
        return case.body(REQUEST_ID, measured.material.lines[:LARGE_LINES])

    def with_records(_: Case) -> Found:
        return {"request_id": REQUEST_ID, "as_of": as_of, "lines": records}

    def rate(found: Found) -> tuple[float, ...]:
        return (found["lines_per_core_s"],)

    large = {
        "by_id": measured.rounds("1,000 by id", measured.large(by_id), rate),
        "records": measured.rounds(
            "1,000 with records", measured.large(with_records, "/v1/score/records"), rate, only=OURS
        ),
    }
    lines = measured.material.lines[:BULK_LINES]
    table = home.arrow(pl.DataFrame({"line_id": lines}))
    for name, body, size, query in (
        ("arrow_by_id", table, len(lines), "&reasons=false"),
        ("arrow_with_reasons", table, len(lines), ""),
        ("arrow_dry_run", table, len(lines), "&reasons=false&dry_run=true"),
        ("arrow_records", home.arrow_records(records), len(records), f"&reasons=false&as_of={quote(as_of)}"),
    ):
        measure = measured.bulk(body, lines=size, query=query)
        before = measured.answered
        large[name] = measured.rounds(name, measure, rate, only=OURS)
        if name == "arrow_dry_run":
            measured.answered = before  # a dry run records nothing
    servers = {
        key: {
            "full": full[key],
            "half_of_ours": of_ours[key],
            "half_of_own": of_own[key],
            "start_s": measured.of(key).start_s,
            "memory_mb": measured.of(key).memory()._asdict(),
        }
        for key in measured.cases
    }
    return {"servers": servers, "large": large}


def _starts(copy: Path, scratch: Path, *, times: int) -> Found:
    """The shortest start of our service and of an empty BentoML service, in turns, with nothing else running."""
    took: dict[str, list[float]] = {"ours_s": [], "empty_bentoml_s": []}
    for _ in range(times):
        for name, server in (("ours_s", linerisk(copy)), ("empty_bentoml_s", empty_bentoml(scratch))):
            with _started(server, scratch) as found:
                took[name].append(found.start_s)
    return {name: min(each) for name, each in took.items()}


def _started(server: Server, scratch: Path) -> Any:
    _log(f"starting: {server.key}")
    return running(server, scratch)


def _add_errors(rounds: list[Found]) -> dict[str, int]:
    total: dict[str, int] = {}
    for found in rounds:
        for kind, number in found["errors"].items():
            total[kind] = total.get(kind, 0) + number
    return total


def _versions(mlserver: Path | None) -> dict[str, str]:
    found = {"python": sys.version.split()[0], **{name: version(name) for name in LIBRARIES}}
    if mlserver is not None:
        words = [str(mlserver.absolute()), "-c", "import mlserver; print(mlserver.__version__)"]
        found["mlserver"] = subprocess.check_output(words, text=True).strip()  # noqa: S603 - ours
    return found


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=ROOT / "var" / "demo", help="home with a live model and snapshot")
    parser.add_argument("--source", type=Path, help="folder of accounts and call records; default HOME/source")
    parser.add_argument("--mlserver", type=Path, help="the Python of an environment with MLServer")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of every load")
    parser.add_argument("--rounds", type=int, default=3, help="rounds per load; the best one counts")
    parser.add_argument("--lines", type=int, default=10_000, help="maximum number of lines to score in turn")
    parser.add_argument("--records", type=int, default=30, help="maximum records per line in a request with records")
    parser.add_argument("--scratch", type=Path, help="folder on the disk to measure; default the system's")
    parser.add_argument("--out", type=Path, default=HERE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
