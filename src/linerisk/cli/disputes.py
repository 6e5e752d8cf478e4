"""Verbs of disputes: what was found as labels, ending what is past its time, making the register anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linerisk.cli import app
from linerisk.cli.output import AsJson, Home, out, settings_for, show_json

if TYPE_CHECKING:
    from linerisk.review.dispute_service import DisputeService

disputes_app = typer.Typer(no_args_is_help=True, help="What was found in disputes, and what is past its time.")
app.add_typer(disputes_app, name="disputes")


@disputes_app.command("labels", epilog="Example: linerisk disputes labels --out found/labels.csv")
def disputes_labels(
    file: Annotated[Path, typer.Option("--out", help="CSV or Parquet; as `labels` in a folder, `ingest` reads it.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write what disputes found about lines as labels: cleared is legitimate, upheld is fraud."""
    from linerisk.review.labels import write_labels

    with _desk(home) as desk:
        count = write_labels(desk, file)
    out.print(f"{count:,} labels in {file}")
    show_json(as_json, {"labels": count, "out": str(file)})


@disputes_app.command("expire", epilog="Example: linerisk disputes expire")
def disputes_expire(home: Home = None, as_json: AsJson = False) -> None:
    """End open disputes whose hard limit has passed, so that nobody takes them for being looked at."""
    with _desk(home) as desk:
        ended = desk.expire_due()
    out.print(f"{ended:,} disputes have expired")
    show_json(as_json, {"expired": ended})


@disputes_app.command("rebuild", epilog="Example: linerisk disputes rebuild")
def disputes_rebuild(home: Home = None, as_json: AsJson = False) -> None:
    """Make the register of disputes anew from the events in the chain."""
    with _desk(home) as desk:
        count = desk.rebuild()
    out.print(f"the register holds {count:,} disputes")
    show_json(as_json, {"disputes": count})


@contextmanager
def _desk(home: Path | None) -> Iterator[DisputeService]:
    """The desk over a log that is there."""
    from linerisk.decisions.log import DecisionLog
    from linerisk.policy import load_policies
    from linerisk.review.dispute_service import DisputeService
    from linerisk.web.token_store import TokenStore

    settings = settings_for(home)
    with DecisionLog(settings.decision_log_url, create=False) as log:
        yield DisputeService(log, load_policies(settings.policies), role_of=TokenStore(settings.tokens).role_of)
