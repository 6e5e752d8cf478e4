"""A bento built offline serves, reloads published bundles without a restart, and loses no answer in a power failure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from linerisk.as_of import now
from linerisk.decisions.log import DecisionLog


def test_a_bento_holds_the_code_the_policies_and_the_lock(bento: Path) -> None:
    pages = "src/linerisk/console/pages"
    console = (
        f"{pages}/{name}"
        for name in ("base.html.j2", "console.css", "htmx.min.js", "htmx.LICENSE", "translations.toml")
    )
    for name in ("policies/tiers.toml", "src/linerisk/service/app.py", "requirements.lock", *console):
        assert (bento / "src" / name).is_file()
    assert not list(bento.glob("**/*.pkl"))


def test_a_served_bento_reloads_the_live_bundle_and_loses_no_decision(
    bento_service: Any, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    server, world = bento_service, bento_service.world

    def card() -> dict[str, Any]:
        answer: dict[str, Any] = server.client("lead").get("/v1/model").json()
        return answer

    assert server.client(None).get("/docs.json").json()["info"]["version"].startswith("bento-")
    assert str(server.score("bento", "line-001").json()["decisions"][0]["model"]["version"]) == "1"

    newer = world.publish(as_of=now() - timedelta(hours=1), seed=12)
    wait_until(lambda: card()["snapshot"]["id"] == newer)
    (decision,) = server.score("newer", "line-001").json()["decisions"]
    assert (decision["snapshot_id"], decision["status"]) == (newer, "fresh")

    world.promote(version="2", seed=8, expires_at=now() - timedelta(days=1))
    wait_until(lambda: card()["version"] == "2")
    assert card()["expired"]
    (decision,) = server.score("expired", "line-001").json()["decisions"]
    assert (decision["model"]["version"], decision["status"]) == ("2", "degraded")

    replayed = server.client("auditor").post(f"/v1/decisions/{_first(server)}/replay").json()
    assert replayed["identical"]  # with the earlier model

    damaged = world.publish(as_of=now(), seed=13)
    _damage(world.settings.live / "snapshots" / damaged / "features.npy")
    pointer = world.settings.live / "current.json"
    pointer.write_bytes(pointer.read_bytes() + b" ")
    wait_until(lambda: "linerisk_live_refused_total 1.0" in server.client(None).get("/metrics").text)
    assert server.score("kept", "line-001").status_code == 200

    answered = [server.score(f"before-{i}", f"line-{i:03}").json()["decisions"][0] for i in range(20)]
    server.kill()
    with DecisionLog(world.settings.decision_log_url, create=False) as log:
        assert log.verify().ok
        for decision in answered:
            record = log.get(decision["decision_id"])
            assert record is not None
            assert record.margin == decision["margin"]


def _first(server: Any) -> str:
    decisions = server.client("auditor").get("/v1/lines/line-001/decisions").json()["decisions"]
    return str(decisions[-1]["decision_id"])


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
