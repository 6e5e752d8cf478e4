"""Verbs that make and use a model: train, score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linerisk.as_of import parse_instant
from linerisk.cli import app
from linerisk.cli.shown import As, AsJson, Home, Name, out, progress, settings_for, show_json, table, who
from linerisk.errors import UsageError

if TYPE_CHECKING:
    from linerisk.evaluation.gates import GateResult
    from linerisk.evaluation.metrics import TierRow
    from linerisk.workflows.train import Trained

_COLOURS = {"passed": "green", "failed": "bold red", "not applicable": "dim"}


@app.command(
    epilog="Examples: linerisk train --store store --as-of 2024-07-26 "
    "· linerisk train --table f.parquet --label y --id line_id"
)
def train(
    store: Annotated[Path | None, typer.Option(help="Record store to train on.")] = None,
    as_of: Annotated[str | None, typer.Option(help="When we train; with --store.")] = None,
    feature_table: Annotated[
        Path | None, typer.Option("--table", help="Feature table to train on: Parquet or CSV.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column that says fraud or not; with --table.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column that names the row; with --table.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the registered model; with --table, default the file's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed; the same data and seed make the same artefact.")] = 1,
    by: As = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fit, calibrate, set tiers, evaluate, run the gates, and register a challenger."""
    from linerisk.training.fit import Recipe
    from linerisk.workflows.train import train_store, train_table

    settings = settings_for(home)
    recipe = Recipe(seed=seed)
    with progress() as tell:
        if store is not None and as_of is not None and feature_table is None:
            trained = train_store(
                settings, store, as_of=parse_instant(as_of), trained_by=who(by), recipe=recipe, on_progress=tell
            )
        elif feature_table is not None and label is not None and store is None:
            trained = train_table(
                settings,
                feature_table,
                label=label,
                id_column=id_column,
                trained_by=who(by),
                name=name,
                recipe=recipe,
                on_progress=tell,
            )
        else:
            raise UsageError(
                "it is not clear what to train on",
                expected="--store DIR --as-of T, or --table FILE --label COLUMN",
                found="neither, or parts of both",
            )
    show_trained(trained)
    show_json(as_json, trained.as_dict())


def show_trained(trained: Trained) -> None:
    """Print measures, tiers and gates of a training run."""
    e = trained.evaluation
    out.print(f"[bold]{trained.version.name} version {trained.version.version}[/bold]: {e.how}")
    for notice in trained.notices:
        out.print(f"[yellow]{notice}[/yellow]")
    table(
        f"Measured on {e.lines:,} lines never seen before, {e.fraud:,} of them fraud ({e.prevalence:.2%})",
        ["measure", "value", "95 % interval"],
        [
            [what, f"{x.value:.3f}", f"{x.low:.3f} – {x.high:.3f}"]
            for what, x in (
                ("average precision", e.average_precision),
                ("recall at FPR 1e-3", e.recall_at_fpr),
                ("log-loss skill", e.log_loss_skill),
                ("AUC", e.auc),
                (f"precision at capacity {e.capacity}", e.precision_at_capacity),
            )
        ]
        + [["equal-mass calibration error", f"{e.calibration_error:.4f}", ""]],
        right=(1, 2),
    )
    for key, crossed in trained.cross_validation.items():
        out.print(
            f"5-fold, {key}: AUC {crossed.auc:.4f} ± {crossed.auc_sd:.4f}, "
            f"macro-F1 {crossed.macro_f1:.4f} ± {crossed.macro_f1_sd:.4f} ({crossed.columns} columns)"
        )
    table(
        "Tiers: legitimate lines at or above each, seen here, proven at 95 % confidence, and wished for",
        ["tier", "margin", "lines", "fraud", "rate, 95 %", "seen", "proven", "wished", "lines missing"],
        [_tier_cells(row) for row in e.tiers],
        right=range(1, 9),
    )
    show_gates(trained.gates)
    out.print(f"report: {trained.report}")


def _tier_cells(row: TierRow) -> list[str]:
    rate, seen = row.fraud_rate, row.legitimate_at_or_above
    return [
        str(row.tier),
        "" if row.from_margin is None else f"{row.from_margin:.2f}",
        f"{row.lines:,}",
        f"{row.fraud:,}",
        "no line" if rate is None else f"{rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}]",
        "" if seen is None else f"{seen.value:.1e}",
        "" if row.proven is None else f"{row.proven:.1e}",
        "" if row.wished is None else f"{row.wished:.0e}",
        f"{row.missing:,}" if row.missing else ("ladder widened" if (row.proven or 0) > (row.wished or 1) else ""),
    ]


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
