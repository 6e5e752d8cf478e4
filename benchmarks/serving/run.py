"""The service under load beside its peers, in one run: `python benchmarks/serving/run.py`.

Needs wrk (`apt-get install wrk`) and a home with something live (`linerisk demo` makes one in var/demo); works on a
copy of it. The service is spoken to by `linerisk serve` and HTTP only. Prints the page, and writes it and
`results.json` beside this file; with `--out FOLDER`, there. Ten minutes with the defaults; `--seconds 2 --rounds 1`
tries it out.

MLServer needs other libraries than the product: `--mlserver PYTHON` names the interpreter of an environment that has
it (`pip install mlserver lightgbm==4.7.0 polars==2.1.0 polars-hash msgspec filelock pydantic-settings dataframely`);
without, it is not measured, and the page says so.
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
    """The servers that run, what they are loaded with, and how many decisions ours has told."""

    def __init__(self, started: dict[str, Running], material: load.Material, *, seconds: float, rounds: int) -> None:
        self.cases = {case.key: case for case in CASES if case.server in started}
        self.material = material
        self.told = 0
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
        """A rate of each; what is beyond the maximum is not tried."""

        def at(case: Case) -> Found:
            rate = rates[case.key]
            if rate > full[case.key]["rps"]:
                return {"rate": round(rate, 1), "held": False, "answered": 0, "errors": {}}
            return load.at_rate(case, self.of(case.key), self.material, rate=rate, seconds=self._seconds)

        return at

    def large(self, template: Callable[[Case], Found], path: str | None = None) -> Callable[[Case], Found]:
        """Large requests."""

        def ask(case: Case) -> Found:
            text = json.dumps(template(case)).encode()
            where = path or case.path
            token, seconds = self.material.token, self._seconds
            running = self.of(case.key)
            return load.large(case, running, where, text, token=token, lines=LARGE_LINES, seconds=seconds)

        return ask

    def bulk(self, body: bytes, *, lines: int, query: str) -> Callable[[Case], Found]:
        """Arrow tables."""
        path = f"/v1/score/arrow?request_id={REQUEST_ID}{query}"

        def ask(case: Case) -> Found:
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

        return ask

    def rounds(
        self,
        what: str,
        measure: Callable[[Case], Found],
        best: Callable[[Found], tuple[float, ...]],
        *,
        only: str | None = None,
    ) -> dict[str, Found]:
        """Every case in turn, several times, each round begun by another; the best round, and the errors of all."""
        found: dict[str, list[Found]] = {key: [] for key in self.cases if only in {None, key}}
        turns = deque(found)
        for number in range(self._rounds):
            for key in turns:
                _say(f"{what}, round {number + 1}: {key}")
                found[key].append(measure(self.cases[key]))
            turns.rotate(-1)
        self.told += sum(each["answered"] for each in found.get(OURS, []))
        chosen = {key: max(each, key=best) for key, each in found.items()}
        return {key: {**chosen[key], "errors": _added(each)} for key, each in found.items()}


def main() -> None:
    """Measure, write and print."""
    given = _arguments()
    load.wrk_path()
    with tempfile.TemporaryDirectory(dir=given.scratch, prefix="linerisk-serving-") as folder:
        scratch = Path(folder)
        kind = home.file_system(scratch)
        copy = home.copied(given.home, scratch)
        token = home.token(copy)
        starts = _starts(copy, scratch, times=given.rounds)
        syncs = home.bare_sync_ms(scratch)
        with ExitStack() as stack:
            servers = [linerisk(copy), *peers(copy, scratch, mlserver=given.mlserver)]
            started = {server.key: stack.enter_context(_started(server, scratch)) for server in servers}
            known = home.known(given.source or given.home / "source", started[OURS].url, token, most=given.lines)
            file = scratch / "lines.txt"
            file.write_text("\n".join(known.lines) + "\n", encoding="utf-8")
            material = load.Material(known.lines, file, token, scratch)
            measured = Measured(started, material, seconds=given.seconds, rounds=given.rounds)
            measured.told += len(known.lines) + load.checked(
                {key: measured.of(key) for key in measured.cases}, material, measured.cases
            )
            records = home.with_records(
                given.source or given.home / "source", known, lines=LARGE_LINES, records=given.records
            )
            loads = _loads(measured, records, known.as_of.isoformat(), given)
            bare = home.bare_predict(copy, rounds=given.rounds)
        recorded = home.verified(copy)
    if recorded < measured.told:
        sys.exit(f"{measured.told} decisions were told, and only {recorded} are in the log")
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
        "log": {"told": measured.told, "recorded": recorded},
    }
    results["goals"] = page.goals(results)
    (given.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (given.out / "results.md").write_text(page.markdown(results), encoding="utf-8")
    sys.stdout.write(page.markdown(results))


def _loads(measured: Measured, records: list[Found], as_of: str, given: argparse.Namespace) -> Found:
    """All loads: maximum, half of ours, half of its own, large requests."""
    for case in measured.cases.values():
        _say(f"warming up: {case.key}")
        warmed = measured.full(_WARM_S)(case)
        measured.told += warmed["answered"] if case.key == OURS else 0
    full = measured.rounds("maximum", measured.full(given.seconds), lambda found: (found["rps"],))
    half = full[OURS]["rps"] / 2

    def quickest(found: Found) -> tuple[float, ...]:
        return found["held"], -(found.get("p99_ms") or 0.0)

    of_ours = measured.rounds("half of ours", measured.paced(dict.fromkeys(full, half), full), quickest)
    rates = {key: found["rps"] / 2 for key, found in full.items()}
    of_own = measured.rounds("half of its own", measured.paced(rates, full), quickest)

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
        ask = measured.bulk(body, lines=size, query=query)
        told = measured.told
        large[name] = measured.rounds(name, ask, rate, only=OURS)
        if name == "arrow_dry_run":
            measured.told = told  # nothing of it is recorded
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
    """The least time until ready of ours and of an empty BentoML service, in turns, nothing else running."""
    took: dict[str, list[float]] = {"ours_s": [], "empty_bentoml_s": []}
    for _ in range(times):
        for name, server in (("ours_s", linerisk(copy)), ("empty_bentoml_s", empty_bentoml(scratch))):
            with _started(server, scratch) as found:
                took[name].append(found.start_s)
    return {name: min(each) for name, each in took.items()}


def _started(server: Server, scratch: Path) -> Any:
    _say(f"starting: {server.key}")
    return running(server, scratch)


def _added(rounds: list[Found]) -> dict[str, int]:
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


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=ROOT / "var" / "demo", help="has a model and a snapshot live")
    parser.add_argument("--source", type=Path, help="its accounts and call records; default HOME/source")
    parser.add_argument("--mlserver", type=Path, help="the Python of an environment with MLServer")
    parser.add_argument("--seconds", type=float, default=5.0, help="of every load")
    parser.add_argument("--rounds", type=int, default=3, help="the best one counts")
    parser.add_argument("--lines", type=int, default=10_000, help="lines asked for in turn, at most")
    parser.add_argument("--records", type=int, default=30, help="of each line in a request with records, at most")
    parser.add_argument("--scratch", type=Path, help="a folder on the disk that is measured; default the system's")
    parser.add_argument("--out", type=Path, default=HERE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
