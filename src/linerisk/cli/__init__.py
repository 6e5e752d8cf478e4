"""The command line: reads settings, calls one workflow per command, prints the result."""

from __future__ import annotations

import typer

from linerisk.cli.output import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Calibrated fraud-risk tiers for phone lines: records in, tiers with reasons out.",
    epilog="State lives under --home or LINERISK_HOME (default ./var). Start with [bold]linerisk demo[/bold].",
)

# The verbs register themselves on the app.
from linerisk.cli import audit, data, disputes, models, operate, training, versions  # noqa: E402, F401
