"""Commands about data: simulate, ingest, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from linerisk.as_of import parse_date, parse_instant
from linerisk.cli import app
from linerisk.cli.output import AsJson, Home, out, progress, settings_for, show_json, table

Store = Annotated[Path, typer.Option("--store", help="Folder of the record store.")]
AsOf = Annotated[
    str, typer.Option("--as-of", help="Instant we stand at, ISO 8601; a bare date is its first instant, UTC.")
]


@app.command(epilog="Example: linerisk simulate source --lines 2000 --days 98 --seed 1")
def simulate(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; new or empty.")],
    lines: Annotated[int, typer.Option(help="Number of lines.")],
    days: Annotated[int, typer.Option(help="Number of days.")],
    seed: Annotated[int, typer.Option(help="Seed; the same arguments write the same bytes.")],
    prevalence: Annotated[
        float,
        typer.Option(help="Share of lines, at any time, with a fraud of the last 28 days that nobody has found yet."),
    ] = 0.005,
    start: Annotated[str, typer.Option(help="First day.")] = "2024-04-19",
    effect: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="spring_festival, september or sales_day; may be given again."),
    ] = None,
    drift: Annotated[
        str | None, typer.Option(metavar="NAME", help="boxes-to-relays: boxes give way to relays over the period.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that share the lines; the bytes stay the same.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Simulate an operator: records, accounts and labels, in the shape that `ingest` reads."""
    from linerisk.records.simulation import simulate as run

    with progress() as notify:
        report = run(
            target,
            lines=lines,
            days=days,
            seed=seed,
            prevalence=prevalence,
            start=parse_date(start),
            effects=effect or (),
            drift=drift,
            workers=workers,
            on_progress=notify,
        )
    out.print(f"{report.records:,} records of {report.lines:,} lines in {target}")
    first = parse_date(start)
    held = _show_days([first, first + timedelta(days=days - 1)], "local time")
    show_json(as_json, {**asdict(report), **held})


@app.command(epilog="Example: linerisk ingest raw/ --store store --mapping mapping.toml")
def ingest(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="Folder with call_records, accounts, labels, or one file.")
    ],
    store: Store,
    mapping: Annotated[
        str | None, typer.Option(help="TOML file with your own column names, or the name of a shipped one (sichuan).")
    ] = None,
    max_rejected: Annotated[
        float, typer.Option(help="Share of rejected rows per table from which the run stops.")
    ] = 0.01,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Validate, de-duplicate and store records; bad rows go to rejected/ with the rule that they broke."""
    from linerisk.records.mapping import Mapping, shipped
    from linerisk.tables.identity import load_secret
    from linerisk.tables.intake import ingest as run
    from linerisk.tables.store import RecordStore

    chosen = None
    if mapping is not None:
        path = Path(mapping)
        chosen = Mapping.load(path if path.suffix == ".toml" else shipped(mapping))
    with progress() as notify:
        report = run(
            source,
            store,
            secret=load_secret(settings_for(home)),
            mapping=chosen,
            max_rejected=max_rejected,
            on_progress=notify,
        )
    show_intake(report)
    held = _show_days(RecordStore.open(store).days, "UTC")
    show_json(as_json, {**report.as_dict(), **held})


def _show_days(days: Sequence[date], clock: str) -> dict[str, str]:
    """Print the first and last day with records, and their end as an instant."""
    from linerisk.workflows.as_of_checks import next_instant

    if not days:
        return {}
    first, last, as_of = str(days[0]), str(days[-1]), next_instant(days)
    out.print(f"records from {first} to {last} ({clock}); to stand at their end: --as-of {as_of}")
    return {"first_day": first, "last_day": last, "as_of": as_of}


def show_intake(report: object) -> None:
    """Print accepted and rejected rows with their rules."""
    from linerisk.tables.intake_report import IntakeReport

    assert isinstance(report, IntakeReport)  # noqa: S101 - the import above must stay lazy
    table(
        "What came in",
        ["table", "files", "rows read", "accepted", "duplicates", "rejected", "late"],
        [
            [name, *(f"{n:,}" for n in (c.files, c.read, c.accepted, c.duplicates, c.rejected, c.late))]
            for name, c in report.tables.items()
        ],
        right=range(1, 7),
    )
    if report.rejected:
        table(
            "Rejected rows, kept in rejected/",
            ["table", "file", "rule", "rows", "first row"],
            [[r.table, r.file, r.rule, f"{r.rows:,}", f"{r.first_row:,}"] for r in report.rejected],
            right=(3, 4),
        )
    for name in report.skipped:
        out.print(f"in the store already, skipped: {name}")
    for notice in report.notices:
        out.print(f"[dim]{notice}[/dim]")


@app.command(epilog="Example: linerisk features --store store --as-of 2024-07-26 --out features.parquet")
def features(
    store: Store,
    as_of: AsOf,
    target: Annotated[Path, typer.Option("--out", help="Parquet file to write, one row per line.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Build the features of every line as of an instant."""
    from linerisk.workflows.features import write_features

    with progress() as notify:
        rows = write_features(
            settings_for(home),
            store,
            as_of=parse_instant(as_of),
            target=target,
            on_progress=lambda d, t: notify("features", d, t),
        )
    out.print(f"{rows:,} lines in {target}")
    show_json(as_json, {"lines": rows, "out": str(target)})
