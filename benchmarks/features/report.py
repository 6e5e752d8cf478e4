"""What was measured, as rows, goals and a printed table."""

from __future__ import annotations

from typing import Any

from engines import BANDICOOT, DUCKDB, DUCKDB_BUCKETED, ENGINES, OURS, OURS_FULL
from rich.console import Console
from rich.table import Table

GIGABYTE = 1e9


def row(title: str, runs: list[dict[str, Any]], records: int) -> dict[str, Any]:
    """One row of the table: least time, largest memory of the runs."""
    sampled = runs[0]["sampled_records"]
    counted = sampled or records
    cpu = min(run["cpu_s"] for run in runs)
    return {
        "engine": title,
        "threads": ENGINES[title].threads,
        "features": None if title == BANDICOOT else runs[0]["columns"],
        "runs": len(runs),
        "wall_s": round(min(run["wall_s"] for run in runs), 3),
        "cpu_s": round(cpu, 3),
        "million_records_per_core_s": round(counted / cpu / 1e6, 4),
        "peak_gb": round(max(run["peak_bytes"] for run in runs) / GIGABYTE, 3),
        "sampled_records": sampled,
        "cpu_s_extrapolated": round(cpu * records / sampled) if sampled else None,
    }


def goals(sizes: list[dict[str, Any]], costs: dict[str, Any], alone: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Every goal with what was found; `met` says whether it holds."""
    largest = {found["engine"]: found for found in sizes[-1]["rows"]}
    records = sizes[-1]["records"]
    ours, full, duckdb = largest[OURS], largest[OURS_FULL], largest[DUCKDB]
    one, many = costs["requests"]
    peaks = [next(r["peak_gb"] for r in size["rows"] if r["engine"] == OURS_FULL) for size in sizes]
    size = f"{records / 1e6:.1f} M records"
    found = [
        *(_against_duckdb(each) for each in sizes),
        (
            f"memory against DuckDB at {size}",
            "below",
            f"{ours['peak_gb']:.2f} GB against {duckdb['peak_gb']:.2f} GB",
            ours["peak_gb"] < duckdb["peak_gb"],
        ),
        (
            f"full catalogue at {size}",
            "at least 0.8 M records a core-second",
            f"{full['million_records_per_core_s']:.2f} M",
            full["million_records_per_core_s"] >= 0.8,  # noqa: PLR2004
        ),
        (
            "one line, 300 records, full catalogue",
            "under 4 ms",
            f"{one['p50_ms']:.2f} ms ({one['p50_cpu_ms']:.2f} ms of CPU)",
            one["p50_ms"] < 4,  # noqa: PLR2004
        ),
        (
            f"{many['lines']} lines of {many['records'] / many['lines']:.0f} records in one request, full catalogue",
            "under 0.1 ms a line",
            f"{many['ms_per_line']:.3f} ms ({many['p50_cpu_ms'] / many['lines']:.3f} ms of CPU)",
            many["ms_per_line"] < 0.1,  # noqa: PLR2004
        ),
    ]
    if alone is not None:
        peaks.append(alone["row"]["peak_gb"])
        millions = alone["records"] / 1e6
        found.append(
            (
                f"memory at {millions:.1f} M records, full catalogue, 1 thread",
                "under 2 GB",
                f"{peaks[-1]:.2f} GB ({alone['row']['million_records_per_core_s']:.2f} M a core-second)",
                peaks[-1] < 2 and millions >= 100,  # noqa: PLR2004
            )
        )
    if len(peaks) > 1:
        first, last = sizes[0], (alone or sizes[-1])
        kilobytes = (peaks[-1] - peaks[0]) * GIGABYTE / (last["lines"] - first["lines"]) / 1e3
        millions_of = [size["records"] / 1e6 for size in sizes] + ([] if alone is None else [alone["records"] / 1e6])
        found.append(
            (
                "memory at all sizes, full catalogue, 1 thread",
                f"within a tenth of that at {first['records'] / 1e6:.1f} M",
                ", ".join(f"{count:.1f} M: {peak:.2f} GB" for count, peak in zip(millions_of, peaks, strict=True))
                + f" ({kilobytes:.1f} kB more for every line)",
                peaks[-1] <= 1.1 * peaks[0],
            )
        )
    return [{"goal": g, "wanted": w, "found": f, "met": met} for g, w, f, met in found]


def _against_duckdb(size: dict[str, Any]) -> tuple[str, str, str, bool]:
    rates = {found["engine"]: found["million_records_per_core_s"] for found in size["rows"]}
    whole, bucketed = rates[OURS] / rates[DUCKDB], rates[OURS] / rates[DUCKDB_BUCKETED]
    goal = f"records a core-second against DuckDB at {size['records'] / 1e6:.1f} M records"
    return goal, "at least 1.3 x", f"{whole:.2f} x ({bucketed:.2f} x if it runs in our buckets)", whole >= 1.3  # noqa: PLR2004


def show(results: dict[str, Any]) -> None:
    """Print everything."""
    console = Console(width=140)
    for size in results["sizes"]:
        table = Table(title=f"{size['records']:,} records, {size['lines']:,} lines")
        heads = ("engine", "features", "wall s", "CPU s", "M records/core-s", "peak GB", "CPU against ours")
        for head in heads:
            table.add_column(head, justify="left" if head == "engine" else "right")
        for found in size["rows"]:
            table.add_row(*_cells(found, size["rows"][0]))
        console.print(table)
    for title, parts in results["costs"]["request_parts_ms"].items():
        table = Table("part", f"CPU-ms of {title}")
        for part, cost in parts.items():
            table.add_row(part, f"{cost:.3f}")
        console.print(table)
    for name in ("stage_cpu_s_per_million", "family_cpu_s_per_million"):
        table = Table("part", name)
        for part, cost in results["costs"][name].items():
            table.add_row(part, f"{cost:.4f}")
        console.print(table)
    goals_table = Table("goal", "wanted", "found", "met")
    for goal in results["goals"]:
        goals_table.add_row(goal["goal"], goal["wanted"], goal["found"], "yes" if goal["met"] else "NO")
    console.print(goals_table)


def _cells(found: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    extrapolated = found["cpu_s_extrapolated"]
    ratio = ours["million_records_per_core_s"] / found["million_records_per_core_s"]
    note = "" if extrapolated is None else f" of {found['sampled_records']:,} records; all: {extrapolated:,} s"
    return [
        found["engine"],
        "its own" if found["features"] is None else str(found["features"]),
        f"{found['wall_s']:.2f}",
        f"{found['cpu_s']:.2f}{note}",
        f"{found['million_records_per_core_s']:.3f}",
        f"{found['peak_gb']:.2f}",
        f"{ratio:.2f} x",
    ]
