"""The results as goals and as a Markdown page."""

from __future__ import annotations

from typing import Any

from servers import BENTOML, CASES, FLOOR, MLFLOW, OURS

INTRODUCTION = """Printed by `python benchmarks/serving/run.py`. It needs [wrk](https://github.com/wg/wrk)
(`apt-get install wrk`), and a home with something live, as `linerisk demo` makes; MLServer needs an environment of its
own (`--mlserver PYTHON`).

Every server scores the same lines with the same model and snapshot, in one worker. A check before the loads compares
their probabilities and tiers. Ours also checks a token, writes reasons in words, and answers after its decisions are on
disk. The others find the line and predict; they record nothing. All servers run at once and are loaded in turns, in
rounds; the others are idle meanwhile. The best round counts; the table adds up the errors of all rounds.

- *requests/s, us, at maximum*: wrk with 64 connections, a fresh request id and the next line in every request. *us*:
  CPU of the server with all its children.
- *at half*: wrk with 32 connections that pause at random before each request and together reach that rate.
- *start*: from the command until ready. *MB*: proportional set size of the largest process / of all, after the loads.
- *errors*: every outcome other than a 2xx status.
"""
LEAST_BENTOML, LEAST_MLFLOW, LEAST_FLOOR = 4.0, 4.0, 0.6
MOST_P99_MS = 10.0
LEAST_BULK_LINES = 20_000
LEAST_DRY_RUN = 0.7
MOST_REASONS_MS = 0.8
MOST_START_S = 2.0
MOST_MB = 400
NOT_MEASURED = "not measured: no `--mlserver` was given"


def goals(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Every goal with its measured value and whether it is met."""
    servers = results["servers"]
    ours = servers[OURS]
    half = ours["half_of_own"]
    late = results["starts"]["ours_s"] - results["starts"]["empty_bentoml_s"]
    bulk = results["large"]["arrow_by_id"][OURS]["lines_per_core_s"]
    dry = results["large"]["arrow_dry_run"][OURS]["lines_per_core_s"] / results["bare_predict_per_core_s"]
    reasons_ms = 1e3 / results["large"]["arrow_with_reasons"][OURS]["lines_per_core_s"]
    megabytes = ours["memory_mb"]["worker"]
    errors = sum(sum(found["errors"].values()) for found in _loads(results))
    found = [
        *(
            _times(servers, *goal)
            for goal in (
                ("BentoML, default", BENTOML, LEAST_BENTOML),
                ("MLflow", MLFLOW, LEAST_MLFLOW),
                ("the floor", (FLOOR,), LEAST_FLOOR),
            )
        ),
        (
            "p99 at half of the maximum",
            f"under {MOST_P99_MS:g} ms",
            f"{half['p99_ms']:.1f} ms at {half['rate']:,.0f}/s" if half["held"] else f"{half['rate']:,.0f}/s not held",
            half["held"] and half["p99_ms"] < MOST_P99_MS,
        ),
        (
            "by id as Arrow, recorded, without reasons",
            f"at least {LEAST_BULK_LINES:,} lines a core-second",
            f"{bulk:,}",
            bulk >= LEAST_BULK_LINES,
        ),
        (
            "by id as Arrow, dry run, against bare `Booster.predict`",
            f"at least {LEAST_DRY_RUN:g} x",
            f"{dry:.2f} x",
            dry >= LEAST_DRY_RUN,
        ),
        (
            "a decision with its reasons in words, by id as Arrow, recorded",
            f"under {MOST_REASONS_MS:g} ms of a core",
            f"{reasons_ms:.2f} ms",
            reasons_ms < MOST_REASONS_MS,
        ),
        (
            "start-up after an empty BentoML service's",
            f"within {MOST_START_S:g} s",
            f"{late:+.1f} s",
            late <= MOST_START_S,
        ),
        ("memory of a worker", f"under {MOST_MB} MB", f"{megabytes} MB", megabytes < MOST_MB),
        ("errors of ours, in all loads", "none", f"{errors}", errors == 0),
    ]
    return [{"goal": goal, "wanted": limit, "found": was, "met": bool(met)} for goal, limit, was, met in found]


def _times(servers: dict[str, Any], name: str, keys: tuple[str, ...], least: float) -> tuple[str, str, str, bool]:
    """Our request rate relative to the fastest case of a peer."""
    peer = max(servers[key]["full"]["rps"] for key in keys)
    ratio = servers[OURS]["full"]["rps"] / peer
    floor = "" if FLOOR in keys else f" (the floor: {servers[FLOOR]['full']['rps'] / peer:.2f} x)"
    return f"requests/s against {name}", f"at least {least:g} x", f"{ratio:.2f} x{floor}", ratio >= least


def _loads(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Results of all loads on our service."""
    ours = results["servers"][OURS]
    large = [found[OURS] for found in results["large"].values()]
    return [ours["full"], ours["half_of_ours"], ours["half_of_own"], *large]


def markdown(results: dict[str, Any]) -> str:
    """Format the results as a Markdown page."""
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    log = results["log"]
    text = [
        "# Serving compared with its peers",
        INTRODUCTION.rstrip(),
        (
            f"{versions}; {results['cores']} cores shared with other work. Rounds: {results['rounds']}, each load "
            f"{results['seconds']:g} s. {results['trees']} trees; {results['lines']:,} lines; decisions recorded on "
            f"{results['file_system']}: {log['told']:,} answered, {log['recorded']:,} on disk, the chain verifies."
        ),
        _single(results),
        "## Large requests",
        (
            "Sent one after the other; `Booster.predict` alone gives "
            f"{results['bare_predict_per_core_s']:,} lines a core-second. "
            f"With records: the last {results['records']} of each line at most, "
            f"{results['large']['records'][OURS]['bytes'] / 1e6:.1f} MB a request."
        ),
        _large(results),
        "## Goals",
        "| goal | limit | found | met |\n|---|--:|--:|--:|\n"
        + "\n".join(
            f"| {goal['goal']} | {goal['wanted']} | {goal['found']} | {'yes' if goal['met'] else '**no**'} |"
            for goal in results["goals"]
        ),
    ]
    return "\n\n".join(text) + "\n"


def _single(results: dict[str, Any]) -> str:
    half = results["servers"][OURS]["half_of_ours"]["rate"]
    heads = (
        "requests/s", "ours / it", "us", "p50 / p99 ms at maximum", f"p50 / p99 ms at {half:,.0f}/s, half of ours",
        "p50 / p99 ms at half of its own", "errors", "start s", "MB",
    )  # fmt: skip
    rows = [f"| one line by id | {' | '.join(heads)} |", f"|---|{'--:|' * len(heads)}"]
    ours = results["servers"][OURS]["full"]["rps"]
    for case in CASES:
        found = results["servers"].get(case.key)
        if found is None:
            rows.append(f"| {case.title} | {NOT_MEASURED} |{' |' * (len(heads) - 1)}")
            continue
        full = found["full"]
        paces = (found["half_of_ours"], found["half_of_own"])
        cells = (
            f"{full['rps']:,.0f}",
            f"{ours / full['rps']:.2f}",
            f"{full['cpu_us']:,.0f}",
            f"{full['p50_ms']:.1f} / {full['p99_ms']:.1f}",
            *(_pace(pace) for pace in paces),
            _errors(full, *paces),
            f"{found['start_s']:.1f}",
            f"{found['memory_mb']['worker']} / {found['memory_mb']['all']}",
        )
        rows.append(f"| {case.title} | {' | '.join(cells)} |")
    starts = results["starts"]
    empty = f"start of an empty BentoML service: {starts['empty_bentoml_s']:.1f} s; of ours"
    footer = f"With nothing else running, {empty}: {starts['ours_s']:.1f} s."
    syncs = results["bare_sync_ms"]
    footer += f" A bare `fdatasync` of 16 kB on the same disk: p50 {syncs['p50']:.1f} ms, p99 {syncs['p99']:.1f} ms."
    return "\n".join(rows) + f"\n\n{footer}"


def _pace(found: dict[str, Any]) -> str:
    return f"{found['p50_ms']:.1f} / {found['p99_ms']:.1f}" if found["held"] else "not reached"


def _errors(*loads: dict[str, Any]) -> str:
    total: dict[str, int] = {}
    for load in loads:
        for kind, number in load["errors"].items():
            total[kind] = total.get(kind, 0) + number
    return ", ".join(f"{kind}: {number}" for kind, number in total.items()) or "0"


def _large(results: dict[str, Any]) -> str:
    rows = ["| request | lines a core-second | lines/s | p50 ms | errors |", "|---|--:|--:|--:|--:|"]
    bulk = f"{results['bulk_lines']:,} by id as Arrow"
    for kind, title in (
        ("by_id", "1,000 by id"),
        ("records", "1,000 with records"),
        ("arrow_by_id", f"{bulk}, without reasons"),
        ("arrow_with_reasons", f"{bulk}, with reasons"),
        ("arrow_dry_run", f"{bulk}, without reasons, dry run"),
        ("arrow_records", "1,000 with records as Arrow, without reasons"),
    ):
        for case in CASES:
            found = results["large"][kind].get(case.key)
            if found is not None:
                rows.append(
                    f"| {title}: {case.title} | {found['lines_per_core_s']:,} | {found['lines_per_s']:,} "
                    f"| {found['p50_ms']:.0f} | {_errors(found)} |"
                )
    return "\n".join(rows)
