"""Commands of the decision log: verify, anchor, expire."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linerisk.as_of import iso, now
from linerisk.cli import app
from linerisk.cli.output import AsJson, Home, out, settings_for, show_json
from linerisk.errors import DecisionLogError

if TYPE_CHECKING:
    from linerisk.decisions.log import DecisionLog
    from linerisk.settings import Settings

audit_app = typer.Typer(no_args_is_help=True, help="Check the decision log, keep its end elsewhere, erase what is due.")
app.add_typer(audit_app, name="audit")


@audit_app.command("verify", epilog="Example: linerisk audit verify --anchor /media/usb/anchors.jsonl")
def audit_verify(
    anchor: Annotated[
        Path | None, typer.Option(help="File of anchors, as `audit anchor --out` writes it; each is checked.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole chain of the decision log, and that only due rows were erased."""
    from linerisk.decisions.anchors import read_anchors
    from linerisk.policy import load_retention

    settings = settings_for(home)
    anchors = () if anchor is None else read_anchors(anchor)
    retention = load_retention(settings.policies)
    with _existing_log(settings) as log:
        report = log.verify(anchors, days_at=retention.days_at)
        looks = log.verify_accesses(anchors, was_due=partial(retention.access_was_due, now=now()))
    show_json(as_json, {**asdict(report), "anchors": len(anchors), "accesses": asdict(looks)})
    if not report.ok:
        raise _broken("the chain of the decision log is broken", f"row {report.first_bad_seq}: {report.what}")
    if not looks.ok:
        raise _broken("the chain of accesses is broken", f"access {looks.first_bad_seq}: {looks.what}")
    text = f"the chain holds: {report.rows:,} decisions"
    text += f", {report.erased:,} of them erased at the end of their retention" if report.erased else ""
    text += f"; that of accesses holds: {looks.rows:,}" if looks.rows else ""
    text += f", {looks.erased:,} of them erased likewise" if looks.erased else ""
    out.print(text + (f"; it agrees with {len(anchors):,} anchors" if anchors else ""))


@audit_app.command("anchor", epilog="Example: linerisk audit anchor --out /media/usb/anchors.jsonl")
def audit_anchor(
    file: Annotated[
        Path | None, typer.Option("--out", help="File to add the anchor to, one line each; default: print it.")
    ] = None,
    home: Home = None,
) -> None:
    """Export the end of the chain, to keep it where the owner of the log cannot reach it."""
    from linerisk.decisions.anchors import append_anchor

    with _existing_log(settings_for(home)) as log:
        anchor = log.anchor()
    if file is None:
        typer.echo(anchor.to_json())
    else:
        append_anchor(file, anchor)
        out.print(f"row {anchor.seq:,} is anchored in {file}")


@audit_app.command("expire", epilog="Example: linerisk audit expire --dry-run")
def audit_expire(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is due, erase nothing.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Erase the content of decisions and accesses that are past their retention; the chains stay and verify."""
    from linerisk.policy import load_retention

    settings = settings_for(home)
    retention, at = load_retention(settings.policies), now()
    days, days_of_accesses = retention.days_at(at), retention.days_of_accesses_at(at)
    with _existing_log(settings) as log:
        expired = log.expire(days=days, dry_run=dry_run)
        looks = log.expire_accesses(days=days_of_accesses, dry_run=dry_run)
    verb = "would be erased" if dry_run else "erased"
    out.print(
        f"{expired.decisions:,} decisions of {expired.requests:,} requests {verb}: "
        f"scored before {iso(expired.scored_before)}, {days:,} days ago"
    )
    out.print(f"{looks.accesses:,} accesses {verb}: before {iso(looks.before)}, {days_of_accesses:,} days ago")
    told = {"scored_before": iso(expired.scored_before), "days": days, "dry_run": dry_run}
    told |= {"accesses": looks.accesses, "accesses_before": iso(looks.before), "days_of_accesses": days_of_accesses}
    show_json(as_json, {**asdict(expired), **told})


def _broken(wrong: str, found: str) -> DecisionLogError:
    return DecisionLogError(
        wrong,
        found=found,
        todo="compare with an exported anchor or a copy; nothing from there on can be relied on",
    )


def _existing_log(settings: Settings) -> DecisionLog:
    """The existing log; opening it neither creates nor migrates it."""
    from linerisk.decisions.log import DecisionLog

    return DecisionLog(settings.decision_log_url, create=False)
