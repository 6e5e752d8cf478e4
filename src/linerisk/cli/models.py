"""The command `score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linerisk.as_of import parse_instant
from linerisk.cli import app
from linerisk.cli.output import AsJson, Home, Name, out, progress, settings_for, show_json, table
from linerisk.cli.source_options import unclear

if TYPE_CHECKING:
    from linerisk.evaluation.gates.run import GateResult

_OUT_OF_USE = ("suspended", "closed")
_COLOURS = {"passed": "green", "failed": "bold red", "not applicable": "dim"}


def show_gates(gates: tuple[GateResult, ...]) -> None:
    """Print the result of each gate, with the limit of failed ones; the report has all limits."""
    table(
        "Gates",
        ["gate", "", "answer", "finding"],
        [
            [
                gate.code,
                gate.title,
                f"[{_COLOURS[gate.outcome]}]{gate.outcome}[/]",
                gate.finding + (f"; limit: {gate.limit}" if gate.outcome == "failed" else ""),
            ]
            for gate in gates
        ],
    )


@app.command(epilog="Example: linerisk score --store store --as-of 2024-07-26 --out scores.parquet")
def score(
    target: Annotated[Path, typer.Option("--out", help="Parquet file to write, one row per line.")],
    store: Annotated[Path | None, typer.Option(help="Record store; with --as-of.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Instant we stand at.")] = None,
    feature_table: Annotated[Path | None, typer.Option("--table", help="Feature table instead of a store.")] = None,
    id_column: Annotated[str, typer.Option("--id", help="Column that names the row; with --table.")] = "line_id",
    model: Annotated[str | None, typer.Option(help="Version; default the champion.")] = None,
    name: Name = "linerisk",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Score every line of a store, or every row of a feature table."""
    from linerisk.workflows.features import write_atomically
    from linerisk.workflows.score import score_store, score_table_file

    settings = settings_for(home)
    with progress() as notify:
        if store is not None and as_of is not None and feature_table is None:
            frame = score_store(
                settings,
                store,
                as_of=parse_instant(as_of),
                name=name,
                version=model,
                on_progress=lambda d, t: notify("features", d, t),
            )
        elif feature_table is not None and store is None:
            frame = score_table_file(
                settings,
                feature_table,
                id_column=id_column,
                as_of=None if as_of is None else parse_instant(as_of),
                name=name,
                version=model,
            )
        else:
            given = {"--store": store, "--as-of": as_of, "--table": feature_table}
            raise unclear("score", given, of_store=(), needed=("--as-of", None))
    write_atomically(frame, target)
    counts = {str(tier): int(n) for tier, n in frame["tier"].value_counts().sort("tier").iter_rows()}
    gone = {
        str(t): n for t, n in frame.filter(frame["line_status"].is_in(_OUT_OF_USE))["tier"].value_counts().iter_rows()
    }
    rows = [[tier, f"{n:,}", f"{gone.get(tier, 0):,}"] for tier, n in counts.items()]
    table("Lines per tier", ["tier", "lines", "of them out of use"], rows, right=(1, 2))
    out.print(f"{frame.height:,} lines in {target}")
    status = {str(state or "unknown"): int(n) for state, n in frame["line_status"].value_counts(sort=True).iter_rows()}
    out_of_use = {state: n for state, n in status.items() if state in _OUT_OF_USE}
    if out_of_use:
        text = " and ".join(f"{n:,} {state}" for state, n in out_of_use.items())
        out.print(f"Among them {text}: scored like all others, and marked in the column line_status.")
    show_json(as_json, {"lines": frame.height, "out": str(target), "tiers": counts, "line_status": status})
