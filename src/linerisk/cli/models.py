"""Verbs about models that stand: models, compare, promote, rollback, score."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linerisk.as_of import parse_instant
from linerisk.cli import app
from linerisk.cli.shown import As, AsJson, Home, out, progress, settings_for, show_json, table, who
from linerisk.errors import UsageError

if TYPE_CHECKING:
    from linerisk.evaluation.gates import GateResult

_COLOURS = {"passed": "green", "failed": "bold red", "not applicable": "dim"}


def show_gates(gates: tuple[GateResult, ...]) -> None:
    """Print what each gate answered; the limit only where it failed, the report has them all."""
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


@app.command(epilog="Example: linerisk models --name sichuan")
def models(
    name: Annotated[str, typer.Option(help="Name of the registered model.")] = "linerisk",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List versions, and what was live when and on whose word."""
    from linerisk.workflows.train import registry_for

    registry = registry_for(settings_for(home), name)
    versions, moves = registry.versions(), registry.history()
    table(
        f"Versions of {name}",
        ["version", "trained", "by", "gates", "average precision", "alias"],
        [
            [
                v.version,
                v.created_at,
                v.trained_by,
                v.gates,
                f"{v.figures.get('average_precision', float('nan')):.3f}",
                ", ".join(v.aliases),
            ]
            for v in versions
        ],
        right=(0, 4),
    )
    if moves:
        table(
            "What was live when",
            ["at", "what", "version", "before", "asked by", "approved by", "reason"],
            [[m.at, m.what, m.version, m.before or "", m.by, m.approver, m.reason] for m in moves],
        )
    show_json(as_json, {"versions": [asdict(v) for v in versions], "history": [asdict(m) for m in moves]})


@app.command(epilog="Example: linerisk compare")
def compare(home: Home = None, as_json: AsJson = False) -> None:
    """Put the challenger's figures beside the champion's."""
    from linerisk.workflows.compare import compare_versions

    comparison = compare_versions(settings_for(home))
    table(
        f"Challenger {comparison.challenger.version} against champion {comparison.champion.version}",
        ["figure", "champion", "challenger"],
        _beside({name: (old, new) for name, old, new in comparison.figures}),
        right=(1, 2),
    )
    show_gates(comparison.gates)
    show_json(as_json, comparison.as_dict())


_FIRST = ("average_precision", "recall_at_fpr_1e-3", "log_loss_skill", "auc", "precision_at_capacity")


def _beside(figures: dict[str, tuple[float, float]]) -> list[list[str]]:
    """Rows of a comparison: measures with their intervals first, then the plain figures."""

    def said(name: str, side: int) -> str:
        low, high = figures.get(f"{name}_low"), figures.get(f"{name}_high")
        value = f"{figures[name][side]:.3f}"
        return f"{value} [{low[side]:.3f} – {high[side]:.3f}]" if low and high else f"{figures[name][side]:.4g}"

    plain = [name for name in figures if not name.endswith(("_low", "_high"))]
    ordered = sorted(plain, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    return [[name.replace("_", " "), said(name, 0), said(name, 1)] for name in ordered]


@app.command(epilog="Example: linerisk promote 3 --approver wang --reason 'monthly retraining'")
def promote(
    version: Annotated[str, typer.Argument(help="Version to make champion.")],
    approver: Annotated[str, typer.Option(help="The second person; not who trained it or asks.")],
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    by: As = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a version champion and live, if its gates passed and a second person agrees."""
    from linerisk.workflows.release import promote as run

    move = run(settings_for(home), version, by=who(by), approver=approver, reason=reason)
    out.print(f"version {move.version} is champion and live; before: {move.before or 'none'}")
    show_json(as_json, asdict(move))


@app.command(epilog="Example: linerisk rollback --reason 'too many overturned decisions'")
def rollback(
    reason: Annotated[str, typer.Option(help="Why, for the history.")],
    by: As = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the version that was live before champion and live again."""
    from linerisk.workflows.release import rollback as run

    move = run(settings_for(home), by=who(by), reason=reason)
    out.print(f"version {move.version} is champion and live again; before: {move.before}")
    show_json(as_json, asdict(move))


@app.command(epilog="Example: linerisk score --store store --as-of 2024-07-26 --out scores.parquet")
def score(
    target: Annotated[Path, typer.Option("--out", help="Parquet file to write, one row per line.")],
    store: Annotated[Path | None, typer.Option(help="Record store; with --as-of.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Instant we stand at.")] = None,
    feature_table: Annotated[Path | None, typer.Option("--table", help="Feature table instead of a store.")] = None,
    id_column: Annotated[str, typer.Option("--id", help="Column that names the row; with --table.")] = "line_id",
    model: Annotated[str | None, typer.Option(help="Version; default the champion.")] = None,
    name: Annotated[str, typer.Option(help="Name of the registered model.")] = "linerisk",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Score every line of a store, or every row of a feature table."""
    from linerisk.workflows.features import write_beside
    from linerisk.workflows.score import score_store, score_table_file

    settings = settings_for(home)
    with progress() as tell:
        if store is not None and as_of is not None and feature_table is None:
            frame = score_store(
                settings,
                store,
                as_of=parse_instant(as_of),
                name=name,
                version=model,
                on_progress=lambda d, t: tell("features", d, t),
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
            raise UsageError(
                "it is not clear what to score",
                expected="--store DIR --as-of T, or --table FILE",
                found="neither, or parts of both",
            )
    write_beside(frame, target)
    counts = {str(tier): int(n) for tier, n in frame["tier"].value_counts().sort("tier").iter_rows()}
    table("Lines per tier", ["tier", "lines"], [[tier, f"{n:,}"] for tier, n in counts.items()], right=(1,))
    out.print(f"{frame.height:,} lines in {target}")
    show_json(as_json, {"lines": frame.height, "out": str(target), "tiers": counts})
