"""The command `train` and its output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linerisk.as_of import parse_duration, parse_instant
from linerisk.cli import app
from linerisk.cli.models import show_gates
from linerisk.cli.output import As, AsJson, Home, out, progress, settings_for, show_json, table, who
from linerisk.cli.source_options import unclear

if TYPE_CHECKING:
    from linerisk.workflows.training_result import Trained


_Text = str | None

_Store = Annotated[Path | None, typer.Option(help="Record store to train on.")]
_AsOf = Annotated[_Text, typer.Option(help="When we train; with --store.")]
_Rolling = Annotated[
    bool, typer.Option("--rolling", help="Also train at past instants and test on what followed; with --store.")
]
_Table = Annotated[Path | None, typer.Option("--table", help="Feature table to train on: Parquet or CSV.")]
_Label = Annotated[_Text, typer.Option(help="Column that says fraud or not; with --table.")]
_Id = Annotated[_Text, typer.Option("--id", help="Column that names the row; with --table.")]
_Time = Annotated[_Text, typer.Option("--time", help="Column of the row's time, to split out of time; with --table.")]
_Group = Annotated[_Text, typer.Option("--group", help="Column of what must stay in one slice; with --table.")]
_Name = Annotated[_Text, typer.Option(help="Name of the registered model; with --table, default the file's.")]
_Tune = Annotated[
    _Text,
    typer.Option(
        help="Search for a recipe for so long, such as 15m; stop it earlier with Ctrl-C. It takes 20 fraud rows to fit "
        "and 20 to validate in the training slice."
    ),
]
_Recipe = Annotated[
    Path | None, typer.Option("--recipe", help="Recipe to use, or to tune from: JSON, as a tuning leaves it.")
]
_Prevalence = Annotated[float | None, typer.Option(help="Share of fraud in operation, if not that of the data.")]
_Seed = Annotated[int | None, typer.Option(help="Seed, default 1; the same data and seed make the same artefact.")]


@app.command(
    epilog="Examples: linerisk train --store store --as-of 2024-07-26 --tune 15m "
    "· linerisk train --table f.parquet --label y --id line_id"
)
def train(
    store: _Store = None,
    as_of: _AsOf = None,
    rolling: _Rolling = False,
    feature_table: _Table = None,
    label: _Label = None,
    id_column: _Id = None,
    time_column: _Time = None,
    group_column: _Group = None,
    name: _Name = None,
    tune: _Tune = None,
    recipe_file: _Recipe = None,
    prevalence: _Prevalence = None,
    seed: _Seed = None,
    by: As = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fit, calibrate, set tiers, evaluate, run the gates, and register a challenger."""
    from linerisk.workflows.fit import FitOptions
    from linerisk.workflows.recipes import read_recipe
    from linerisk.workflows.train import train_store, train_table

    settings = settings_for(home)
    shared: dict[str, Any] = {
        "trained_by": who(by),
        "recipe": None if recipe_file is None else read_recipe(recipe_file),
        "seed": seed,
        "options": FitOptions(None if tune is None else parse_duration(tune), prevalence, rolling),
    }
    for_tables = (label, id_column, time_column, group_column)
    with progress() as notify:
        if store is not None and as_of is not None and feature_table is None and not any(for_tables):
            trained = train_store(settings, store, as_of=parse_instant(as_of), on_progress=notify, **shared)
        elif feature_table is not None and label is not None and store is None and as_of is None and not rolling:
            trained = train_table(
                settings,
                feature_table,
                label=label,
                id_column=id_column,
                time_column=time_column,
                group_column=group_column,
                name=name,
                on_progress=notify,
                **shared,
            )
        else:
            given = {
                "--store": store, "--as-of": as_of, "--rolling": rolling or None, "--table": feature_table,
                "--label": label, "--id": id_column, "--time": time_column, "--group": group_column,
            }  # fmt: skip
            raise unclear("train on", given, of_store=("--as-of", "--rolling"), needed=("--as-of", "--label"))
    show_trained(trained)
    show_json(as_json, trained.as_dict())


def show_trained(trained: Trained) -> None:
    """Print metrics, tiers and gates of a training run."""
    from linerisk.evaluation.report.tables import rolling_table, tier_table

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
    head, *tiers = tier_table(e)
    table(
        "Tiers: what was seen here, what is proven at 95 % confidence, what was wished for",
        head,
        tiers,
        right=range(1, 9),
    )
    if e.rolling is not None:
        head, *steps = rolling_table(e.rolling)
        table("As trained at past instants on what was known then, tested on what followed", head, steps, right=(1, 2))
    if e.audit is not None:
        out.print(f"random audit: {e.audit.describe()}")
    if trained.tuned is not None:
        out.print(f"tuned: {trained.tuned.summary()}")
    show_gates(trained.gates)
    out.print(f"report: {trained.report}")
    out.print(f"made again, byte for byte, by: [bold]{trained.again}[/bold]", soft_wrap=True)
    out.print("  with " + ", ".join(f"{what} {value}" for what, value in trained.provenance.items()), soft_wrap=True)
