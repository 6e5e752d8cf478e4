"""Commands about versions: models, compare, promote, rollback."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linerisk.cli import app
from linerisk.cli.models import show_gates
from linerisk.cli.output import As, AsJson, Home, Name, out, progress, settings_for, show_json, table, who
from linerisk.cli.tier_flips_table import show_flips

if TYPE_CHECKING:
    from linerisk.registry import Move


@app.command(epilog="Example: linerisk models --name sichuan")
def models(name: Name = "linerisk", home: Home = None, as_json: AsJson = False) -> None:
    """List versions and their history: promoted when, by whom, why, until when."""
    from linerisk.workflows.registries import registry_for

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
                f"{v.gates}: {', '.join(v.failed)}" if v.failed else v.gates,
                f"{v.figures.get('average_precision', float('nan')):.3f}",
                ", ".join(v.aliases),
            ]
            for v in versions
        ],
        right=(0, 4),
    )
    if not versions:
        out.print(f"No version of {name} was registered yet: train one, or name another model with --name.")
    if moves:
        table(
            "What was live when" if name == "linerisk" else "What was champion when",
            [
                "from (UTC)",
                "what",
                "version",
                "before",
                "asked by",
                "approved by",
                "overridden",
                "holds until",
                "reason",
            ],
            [
                [
                    m.at[:16].replace("T", " "),
                    m.what,
                    m.version,
                    m.before or "",
                    m.by,
                    m.approver,
                    ", ".join(m.overridden),
                    (m.expires_at or "")[:10],
                    m.reason,
                ]
                for m in moves
            ],
        )
    show_json(as_json, {"versions": [asdict(v) for v in versions], "history": [asdict(m) for m in moves]})


@app.command(epilog="Examples: linerisk compare · linerisk compare --store store")
def compare(
    store: Annotated[
        Path | None, typer.Option(help="Record store of the challenger's training, to place its test lines anew.")
    ] = None,
    name: Name = "linerisk",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Compare challenger and champion: metrics, gates, and which lines change tier and why."""
    from linerisk.workflows.compare import compare_versions, comparison_rows

    comparison = compare_versions(settings_for(home), name, store=store)
    table(
        f"{name}: challenger {comparison.challenger.version} against champion {comparison.champion.version}",
        ["figure", "champion", "challenger"],
        comparison_rows(comparison.figures),
        right=(1, 2),
    )
    out.print(comparison.tested)
    if comparison.flips is not None:
        show_flips(comparison.flips)
    show_gates(comparison.gates)
    for notice in comparison.notices:
        out.print(f"[yellow]{notice}[/yellow]")
    out.print(f"report: {comparison.page}")
    show_json(as_json, comparison.as_dict())


@app.command(
    epilog="Examples: linerisk promote 3 --approver wang --reason 'monthly retraining' "
    "· linerisk promote 4 --approver wang --override G001 --reason 'few frauds this month, ranking as before'"
)
def promote(
    version: Annotated[str, typer.Argument(help="Version to make champion.")],
    approver: Annotated[str, typer.Option(help="The second person; not who trained it or asks.")],
    reason: Annotated[
        str, typer.Option(help="Why, for the history; at least 20 characters where a gate is overridden.")
    ] = "",
    override: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="A gate that failed and shall not count; once for each that failed."),
    ] = None,
    name: Name = "linerisk",
    by: As = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a version champion and live, if its gates passed and a second person approves."""
    from linerisk.live import has_precomputed_scores
    from linerisk.registry import SERVED
    from linerisk.workflows.release import promote as run
    from linerisk.workflows.release import unfinished_assessment

    settings = settings_for(home)
    with progress() as notify:
        move = run(
            settings,
            version,
            by=who(by),
            approver=approver,
            reason=reason,
            override=tuple(override or ()),
            name=name,
            on_progress=partial(notify, "scores of the snapshot"),
        )
    _show_move(name, move)
    unfinished = unfinished_assessment(settings, move.version, name=name)
    if unfinished is not None:
        out.print(f"[yellow]The impact assessment {unfinished}.[/yellow]")
    if name == SERVED and not has_precomputed_scores(settings.live):
        out.print(
            "[yellow]There was no room for what it says of each line of the snapshot: that is worked out when it is "
            "asked for, which is slower. Make room, then `linerisk publish`.[/yellow]"
        )
    show_json(as_json, asdict(move))


@app.command(epilog="Example: linerisk rollback --reason 'too many overturned decisions'")
def rollback(
    reason: Annotated[str, typer.Option(help="Why, for the history.")],
    name: Name = "linerisk",
    by: As = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the version before champion and live again."""
    from linerisk.workflows.release import rollback as run

    move = run(settings_for(home), by=who(by), reason=reason, name=name)
    _show_move(name, move)
    show_json(as_json, asdict(move))


def _show_move(name: str, move: Move) -> None:
    """Print what is live now, until when, and open warnings."""
    from linerisk.as_of import now, parse_instant
    from linerisk.live import WHEN_EXPIRED
    from linerisk.registry import SERVED

    served = name == SERVED
    again = " again" if move.what == "rolled back" else ""
    out.print(
        f"{name} version {move.version} is champion{' and live' if served else ''}{again}; "
        f"before: {move.before or 'none'}"
    )
    if not served:
        out.print(f"[yellow]Nothing is served from it: the service answers from the model {SERVED} only.[/yellow]")
    if move.overridden:
        out.print(f"[yellow]Overridden: {', '.join(move.overridden)}; it stays on the model's card.[/yellow]")
    if move.expires_at is not None:
        expired = parse_instant(move.expires_at) <= now()
        what_then = f": {WHEN_EXPIRED}" if served else ""
        out.print(
            f"[bold red]It expired at {move.expires_at}{what_then}.[/bold red]"
            if expired
            else f"It holds until {move.expires_at}{'; then' + what_then[1:] if served else ''}."
        )
