"""The figures in `benchmarks/README.md`, printed from `results.json` so that the two say the same.

    .venv/bin/python benchmarks/features/page.py

prints them again without measuring.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines import DUCKDB, OURS

README = Path(__file__).resolve().parents[1] / "README.md"
RESULTS = Path(__file__).with_name("results.json")
BEGIN, END = "<!-- begin: features -->\n", "<!-- end: features -->\n"
_HOW = "{repeats} runs: the least time, the largest memory."


def markdown(results: dict[str, Any]) -> str:
    """Tables of engines, goals, and of where the time goes."""
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    parts = [f"{versions}; {results['cores']} cores shared with other work. {_HOW.format(**results)}\n"]
    parts += [_engines(size) for size in results["sizes"]]
    goals = [(g["goal"], g["wanted"], g["found"], "yes" if g["met"] else "**no**") for g in results["goals"]]
    parts.append(_table(("goal", "wanted", "found", "met"), goals))
    costs = results["costs"]
    families = costs["family_cpu_s_per_million"]
    first = ("reading and preparing", f"{costs['stage_cpu_s_per_million']['read and prepare']:.3f}")
    rows = [first, *((name, f"{cost:.3f}") for name, cost in sorted(families.items(), key=lambda item: -item[1]))]
    parts.append(_table(("full catalogue, by family", "CPU-s a million records"), rows))
    parts.append(_request(costs["request_parts_ms"]))
    return "\n".join(parts)


def main() -> None:
    """Print the figures into the README."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    README.write_text(f"{before}{BEGIN}{markdown(results)}{END}{after}", encoding="utf-8")


def _engines(size: dict[str, Any]) -> str:
    found = {row["engine"]: row for row in size["rows"]}
    rows = []
    for row in size["rows"]:
        rate = row["million_records_per_core_s"]
        name = (
            row["engine"]
            if row["features"] in {None, found[OURS]["features"]}
            else f"{row['engine']} ({row['features']} features)"
        )
        rows.append(
            (
                name,
                f"{row['wall_s']:.1f}",
                f"{row['cpu_s']:.1f}{_sampled(row)}",
                f"{rate:.3f}",
                f"{row['peak_gb']:.2f}",
                f"{rate / found[OURS]['million_records_per_core_s']:.2f}",
                f"{rate / found[DUCKDB]['million_records_per_core_s']:.2f}",
            )
        )
    heads = ("engine", "wall s", "CPU-s", "M records a core-s", "peak GB", "rate / ours", "rate / DuckDB")
    return f"**{size['records']:,} records of {size['lines']:,} lines**\n\n{_table(heads, rows)}"


def _sampled(row: dict[str, Any]) -> str:
    if row["sampled_records"] is None:
        return ""
    return f" on {row['sampled_records']:,} records; all of them {row['cpu_s_extrapolated']:,}, extrapolated"


def _request(parts: dict[str, float]) -> str:
    stages: dict[str, list[float]] = {}
    for name, cost in parts.items():
        stages.setdefault(name.partition(":")[0], []).append(cost)
    whole = stages.pop("all of the request, as it is run")[0]
    rows = [(name, f"{plan:.2f}", f"{run:.2f}") for name, (plan, run) in stages.items()]
    written, run = (sum(costs[position] for costs in stages.values()) for position in (0, 1))
    rows.append(("all parts, one by one", f"{written:.2f}", f"{run:.2f}"))
    rows.append((f"the request as it is run, with joins and sort: {whole:.2f}", "", ""))
    return _table(("one line, 300 records: ms, the least of many runs", "to write the plan", "to run it"), rows)


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    right = "|".join(["---", *["--:" for _ in heads[1:]]])
    lines = [f"| {' | '.join(heads)} |", f"|{right}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
