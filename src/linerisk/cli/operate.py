"""Commands of operation: demo, publish, serve, replay, tokens, policy."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from linerisk.as_of import iso, now, parse_date, parse_instant
from linerisk.cli import app
from linerisk.cli.data import AsOf, Store
from linerisk.cli.output import AsJson, Home, out, progress, settings_for, show_json, table
from linerisk.errors import UsageError

if TYPE_CHECKING:
    from linerisk.policy import Policy

tokens_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the service's tokens.")
policy_app = typer.Typer(no_args_is_help=True, help="Say which policy is in force.")
app.add_typer(tokens_app, name="tokens")
app.add_typer(policy_app, name="policy")


@app.command(epilog="Example: linerisk publish --store store --as-of 2024-07-26")
def publish(store: Store, as_of: AsOf, home: Home = None, as_json: AsJson = False) -> None:
    """Build the features of every line and publish them as the live snapshot."""
    from linerisk.workflows.release import publish as run

    with progress() as notify:
        meta = run(settings_for(home), store, as_of=parse_instant(as_of), on_progress=notify)
    out.print(f"snapshot {meta.id} of {meta.lines:,} lines is live")
    show_json(as_json, {"snapshot": meta.id, "lines": meta.lines, "as_of": meta.as_of})


@app.command(epilog="Example: linerisk serve --port 3000")
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; loopback unless you say otherwise.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
    workers: Annotated[int, typer.Option(help="Worker processes.")] = 1,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate with its chain, PEM; with --tls-key.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM, without a passphrase.")] = None,
    home: Home = None,
) -> None:
    """Serve scores and the console over HTTP until stopped."""
    from linerisk.service.serve import Tls
    from linerisk.service.serve import serve as run

    tls = Tls.of(tls_cert, tls_key)
    raise typer.Exit(run(settings_for(home), host=host, port=port, workers=workers, tls=tls))


@app.command(epilog="Example: linerisk replay 01K0ABCDEFGHJKMNPQRSTVWXYZ")
def replay(
    decision_id: Annotated[str, typer.Argument(help="The decision to say again.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Recompute a decision from its frozen record: identical, or the differences."""
    from linerisk.workflows.replay import replay_decision

    replayed = replay_decision(settings_for(home), decision_id)
    if replayed.identical:
        out.print(f"identical: {decision_id}")
    else:
        table(
            f"{decision_id} differs",
            ["field", "recorded", "recomputed"],
            [[d.field, str(d.recorded), str(d.recomputed)] for d in replayed.differences],
        )
        out.print(
            "[yellow]To mend it: where only last digits differ, replay on a machine like the one that scored, with the "
            "libraries of requirements.lock. Where more does, the record or the artefact is not what it was: run "
            "linerisk audit verify, and compare with a copy.[/yellow]"
        )
    show_json(as_json, asdict(replayed))
    raise typer.Exit(0 if replayed.identical else 1)


@tokens_app.command("create", epilog="Example: linerisk tokens create suspension --role scorer")
def tokens_create(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    role: Annotated[str, typer.Option(help="scorer, reviewer, lead or auditor.")],
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; default never.")] = None,
    lines_per_second: Annotated[
        int | None, typer.Option(min=1, help="Lines that it may have scored a second by a worker; default no limit.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Create a token; it is shown once and stored as a hash."""
    from linerisk.web.token_store import Role, TokenStore

    if role not in set(Role):
        raise UsageError(
            "there is no such role", expected=", ".join(Role), found=role, todo="give --role one of these", field="role"
        )
    expires_at = None if days is None else now() + timedelta(days=days)
    secret = TokenStore(settings_for(home).tokens).create(
        name, Role(role), expires_at=expires_at, lines_per_second=lines_per_second
    )
    if as_json:
        show_json(True, {"name": name, "role": role, "token": secret})
    else:
        out.print(secret, soft_wrap=True)


@tokens_app.command("list", epilog="Example: linerisk tokens list")
def tokens_list(home: Home = None, as_json: AsJson = False) -> None:
    """List tokens by name; secrets are not stored."""
    from linerisk.web.token_store import TokenStore

    def text(instant: datetime | None) -> str | None:
        return None if instant is None else iso(instant.replace(microsecond=0))

    rows = [
        {
            "name": token.name,
            "role": str(token.role),
            "lines_per_second": token.lines_per_second,
            "created_at": text(token.created_at),
            "expires_at": text(token.expires_at),
            "revoked_at": text(token.revoked_at),
        }
        for token in TokenStore(settings_for(home).tokens).tokens()
    ]
    table(
        "Tokens",
        ["name", "role", "lines a second", "created", "expires", "revoked"],
        [[str(cell or "") for cell in row.values()] for row in rows],
    )
    show_json(as_json, {"tokens": rows})


@tokens_app.command("revoke", epilog="Example: linerisk tokens revoke suspension")
def tokens_revoke(name: Annotated[str, typer.Argument(help="Whose token.")], home: Home = None) -> None:
    """Revoke a token at once."""
    from linerisk.web.token_store import TokenStore

    TokenStore(settings_for(home).tokens).revoke(name)
    out.print(f"revoked: {name}")


@policy_app.command("show", epilog="Example: linerisk policy show --on 2024-07-26")
def policy_show(
    on: Annotated[str, typer.Option("--on", help="Day, YYYY-MM-DD, in the policy's own time zone.")],
    as_json: AsJson = False,
) -> None:
    """Show the policy in force on a day: steps, materials and alternatives per tier."""
    from linerisk.policy import in_force, load_policies

    settings = settings_for(None)
    noon = datetime.combine(parse_date(on), time(12), ZoneInfo(settings.time_zone))
    policy = in_force(load_policies(settings.policies), noon)
    show_policy(policy)
    show_json(as_json, policy.summary())


def show_policy(policy: Policy) -> None:
    """Print the steps of a policy by tier, with materials and their alternatives."""
    text = policy.summary()
    out.print(f"[bold]{text['id']}[/bold], in force from {text['in_force_from']}")
    out.print(f"{text['title']['zh']}\n{text['title']['en']}")
    rows = []
    for name, rule in text["tiers"].items():
        steps = [text["steps"][step] for step in rule["steps"]]
        materials = list(dict.fromkeys(material for step in steps for material in step["materials"]))
        rows.append(
            [
                f"{rule['zh']}\n{name}",
                "\n".join(f"{step['zh']}\n{step['en']}" for step in steps) or "none",
                "\n".join(
                    f"{text['materials'][m]['en']} ({len(text['materials'][m]['alternatives'])} alternatives)"
                    for m in materials
                ),
            ]
        )
    table("What each tier asks for", ["tier", "steps", "materials"], rows)
    for note in text["notes"]:
        out.print(f"[dim]{note['zh']}\n{note['en']}[/dim]")


@app.command(epilog="Example: linerisk demo --home var")
def demo(
    lines: Annotated[
        int, typer.Option(min=20_000, help="Lines to simulate; fewer hold too little fraud to judge a model by.")
    ] = 40_000,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole main job on simulated records, in a few minutes."""
    from linerisk.cli.demo import run_demo

    show_json(as_json, run_demo(settings_for(home), lines=lines))
