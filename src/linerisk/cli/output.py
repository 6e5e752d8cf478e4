"""Output of the command line: errors, progress, tables, JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup
from typing_extensions import override

from linerisk.errors import LineriskError, UsageError
from linerisk.settings import Settings

_WIDTH_WITHOUT_TERMINAL = 140


def _console(*, stderr: bool) -> Console:
    """A console as wide as its terminal; in a pipe or a log, wide enough that tables do not fold."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _WIDTH_WITHOUT_TERMINAL)


out = _console(stderr=False)
err = _console(stderr=True)

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Where state lives; default LINERISK_HOME, else ./var.", show_default=False),
]
Name = Annotated[str, typer.Option(help="Name of the registered model.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a machine-readable result last.")]
As = Annotated[
    str | None, typer.Option("--by", help="Who does this; default the user of this machine.", show_default=False)
]


class Commands(TyperGroup):
    """Turns the errors a user can meet into one paragraph and an exit code: 2 for wrong usage, 1 for the rest."""

    @override
    def invoke(self, ctx: Any) -> Any:
        # What is written is about people: for its owner only.
        os.umask(0o077)
        try:
            return super().invoke(ctx)
        except LineriskError as error:
            text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in error.paragraph())
            err.print(f"[bold red]{error.code}[/bold red]:", Text(text), soft_wrap=True)
            raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error
        except KeyboardInterrupt as error:
            err.print("stopped; nothing half-written was left behind")
            raise typer.Exit(130) from error


class Notify(Protocol):
    """Receives progress: step, done, total."""

    def __call__(self, step: str, done: int, total: int, /) -> None:
        """Show it."""


def settings_for(home: Path | None) -> Settings:
    """Settings from the environment; `--home` overrides."""
    return Settings() if home is None else Settings(home=home)


def who(by: str | None) -> str:
    """The name given, or the user of this machine."""
    if by:
        return by
    import getpass

    return getpass.getuser()


@contextmanager
def progress() -> Iterator[Notify]:
    """Progress bars on a terminal, one line per finished step elsewhere; both on stderr, so that output stays clean."""
    bars = Progress(
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=28),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
    )
    tasks: dict[str, Any] = {}

    def notify(step: str, done: int, total: int, /) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(step, total=total)
        was_done = bars.tasks[tasks[step]].finished
        bars.update(tasks[step], completed=done, total=total)
        if not err.is_terminal and done == total and not was_done:
            err.print(f"  {step}: done")

    with bars:
        yield notify


def show_json(requested: bool, value: dict[str, Any]) -> None:
    """Print the machine-readable result, on one line, if wanted."""
    if requested:
        sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print a table; columns whose numbers are in `right` are aligned right."""
    # Printed apart: above a narrow table Rich would fold the title to the table's width.
    out.print(f"\n[bold]{title}[/bold]")
    shown = Table(header_style="dim", box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        shown.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    out.print(shown)
