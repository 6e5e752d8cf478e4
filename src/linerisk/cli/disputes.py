"""Commands of disputes: export labels, expire disputes past their hard limit, rebuild the projection."""

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

disputes_app = typer.Typer(no_args_is_help=True, help="Labels from disputes, expiry, and the projection of disputes.")
app.add_typer(disputes_app, name="disputes")


@disputes_app.command("labels", epilog="Example: linerisk disputes labels --out found/labels.csv")
def disputes_labels(
    file: Annotated[Path, typer.Option("--out", help="CSV or Parquet; as `labels` in a folder, `ingest` reads it.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the findings of disputes as labels: cleared is legitimate, upheld is fraud."""
    from linerisk.review.labels import write_labels

    with _dispute_service(home) as disputes:
        count = write_labels(disputes, file)
    out.print(f"{count:,} labels in {file}")
    show_json(as_json, {"labels": count, "out": str(file)})


@disputes_app.command("expire", epilog="Example: linerisk disputes expire")
def disputes_expire(home: Home = None, as_json: AsJson = False) -> None:
    """Expire open disputes past their hard limit, so that they no longer count as open."""
    with _dispute_service(home) as disputes:
        ended = disputes.expire_due()
    out.print(f"{ended:,} disputes have expired")
    show_json(as_json, {"expired": ended})


@disputes_app.command("rebuild", epilog="Example: linerisk disputes rebuild")
def disputes_rebuild(home: Home = None, as_json: AsJson = False) -> None:
    """Rebuild the projection of disputes from the events in the chain."""
    with _dispute_service(home) as disputes:
        count = disputes.rebuild()
    out.print(f"the projection holds {count:,} disputes")
    show_json(as_json, {"disputes": count})


@contextmanager
def _dispute_service(home: Path | None) -> Iterator[DisputeService]:
    """The dispute service over an existing decision log."""
    from linerisk.decisions.log import DecisionLog
    from linerisk.policy import load_policies
    from linerisk.review.dispute_service import DisputeService
    from linerisk.web.token_store import TokenStore

    settings = settings_for(home)
    with DecisionLog(settings.decision_log_url, create=False) as log:
        yield DisputeService(log, load_policies(settings.policies), role_of=TokenStore(settings.tokens).role_of)
