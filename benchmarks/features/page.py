"""The figures in `benchmarks/README.md`, printed from `results.json` so that the two say the same.

    .venv/bin/python benchmarks/features/page.py

prints them again without measuring.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from costs import by_family
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
    parts += [_families(costs), _request(costs["request_parts_ms"])]
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


def _families(costs: dict[str, Any]) -> str:
    batch = costs["family_cpu_s_per_million"]
    requests = {title: by_family(parts) for title, parts in costs["request_parts_ms"].items()}
    names = sorted({name for part in (batch, *requests.values()) for name in part}, key=lambda n: (-batch.get(n, 0), n))
    rows = []
    for name in names:
        cells = [f"{batch[name]:.3f}" if name in batch else ""]
        cells += [f"{parts[name]:.2f}" if name in parts else "" for parts in requests.values()]
        rows.append((name, *cells))
    heads = ("full catalogue, by family", "CPU-s a million records", *(f"{title}: CPU-ms" for title in requests))
    return _table(heads, rows)


def _request(parts: dict[str, dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for costs in parts.values() for name in costs))
    rows = [(name, *(f"{costs[name]:.2f}" for costs in parts.values())) for name in names]
    return _table(("a request, by part", *(f"{title}: CPU-ms, least" for title in parts)), rows)


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    right = "|".join(["---", *["--:" for _ in heads[1:]]])
    lines = [f"| {' | '.join(heads)} |", f"|{right}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
