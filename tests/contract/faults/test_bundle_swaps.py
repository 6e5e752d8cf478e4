"""New models and snapshots go live under load; damaged ones are refused and the old bundle stays live."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from linerisk.live import Live
from linerisk.live.pointer import Pointer, changing, read_pointer, write_pointer
from linerisk.scoring import score
from linerisk.tables.identity import key_of_id, load_secret

pytestmark = pytest.mark.slow
AS_OF_SEED = 100
GRACE_S = 5.0
"""Time to load and verify a new bundle on a thread, while the old one answers."""


@dataclass
class Bundles:
    """The live bundles with their times, and the margins of each."""

    world: Any

    def __post_init__(self) -> None:
        secret = load_secret(self.world.settings)
        self._lines = [f"line-{i:03}" for i in range(200)]
        self._keys = np.array([key_of_id(line, secret=secret) for line in self._lines], dtype=np.int64)
        self.margins: dict[tuple[str, str], dict[str, float]] = {}
        self.since: list[tuple[tuple[str, str], float, float]] = []
        began = time.monotonic()
        self.add(began)

    def add(self, began: float) -> tuple[str, str]:
        """Add the current bundle; the test computes its margins independently of the service."""
        live = Live.open(self.world.settings.live)
        name = live.model_meta.version, live.snapshot.meta.id
        self.since.append((name, began, time.monotonic()))
        rows = live.snapshot.rows(live.snapshot.find(self._keys))
        self.margins[name] = dict(zip(self._lines, score(live.model, rows).margin.tolist(), strict=True))
        return name

    def check(self, each: Any) -> tuple[str, str]:
        """Check that an answer has the margins of one bundle that was live during the request."""
        decisions = each.answer.json()["decisions"]
        (name,) = {(decision["model"]["version"], decision["snapshot_id"]) for decision in decisions}
        assert name in self.margins, f"{name} was never live"
        for decision in decisions:
            assert decision["margin"] == self.margins[name][decision["line_id"]], name
        times = [
            (began, self.since[i + 1][2] if i + 1 < len(self.since) else float("inf"))
            for i, (other, began, _) in enumerate(self.since)
            if other == name
        ]
        assert any(began <= each.received and each.sent <= until + GRACE_S for began, until in times), name
        return name


@pytest.fixture
def swap_under_load(
    serving: Any, world: Any, load_clients: Any, check_log: Any, wait_until: Any
) -> Callable[[int], tuple[int, list[Any]]]:
    """Swaps bundles under load; the number of bundles that answered, and the requests."""

    def swapping(times: int) -> tuple[int, list[Any]]:
        with serving(world, "--workers", "2") as server:
            bundles = Bundles(world)
            with load_clients(server, "swaps", many=4, most_lines=30) as load:
                load.wait_for(10)
                for i in range(times):
                    began = time.monotonic()
                    if i % 2:
                        world.promote(version=str(2 + i), seed=i)
                    else:
                        world.publish(as_of=world_as_of(world), seed=AS_OF_SEED + i)
                    name = bundles.add(began)
                    load.wait_for(3)
                last = lambda: load.requests[-1].answer is not None and bundles.check(load.requests[-1]) == name  # noqa: E731
                wait_until(last)
            assert [each.status for each in load.requests if each.status != 200] == []
            seen = {bundles.check(each) for each in load.requests if each.answer.json()["decisions"]}
            assert '"failed"' not in server.log.read_text()
            check_log(world.settings.decision_log_url, load.requests)
        return len(seen), load.requests

    return swapping


def world_as_of(world: Any) -> Any:
    return Live.open(world.settings.live).snapshot.meta.as_of


def test_forty_bundle_swaps_under_load_fail_no_request_and_mix_no_two_bundles(swap_under_load: Any) -> None:
    seen, requests = swap_under_load(40)
    assert seen >= 20
    print(f"{len(requests)} answers of {seen} bundles")  # noqa: T201  # how much was tried


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def with_another_hash(path: Path) -> None:
    meta = json.loads(path.read_bytes())
    sums = meta["sha256"]
    name = next(iter(sums))
    sums[name] = "0" * 64
    path.write_bytes(json.dumps(meta).encode())


SNAPSHOTS_DAMAGED = {
    "truncated": ("features.npy", truncated),
    "bit flipped": ("features.npy", flipped),
    "bit flipped in its reference": ("usual.npy", flipped),
    "missing file": ("keys.npy", Path.unlink),
    "missing meta": ("meta.json", Path.unlink),
    "wrong hash": ("meta.json", with_another_hash),
    "truncated meta": ("meta.json", truncated),
}
MODELS_DAMAGED = {
    "truncated": ("trees.txt", truncated),
    "bit flipped": ("trees.txt", flipped),
    "bit flipped in its tiers": ("model.json", flipped),
    "missing trees": ("trees.txt", Path.unlink),
    "missing checksums": ("checksums.json", Path.unlink),
}


def damaged_pointers(world: Any) -> Iterator[tuple[str, bytes]]:
    """Pointers to bundles that must not go live, with the name of the damage."""
    live = world.settings.live
    pointer = read_pointer(live)
    for what, (name, damage) in SNAPSHOTS_DAMAGED.items():
        bad = f"bad-{what.replace(' ', '-')}"
        shutil.copytree(live / "snapshots" / pointer.snapshot, live / "snapshots" / bad)
        damage(live / "snapshots" / bad / name)
        yield f"snapshot {what}", msgspec.json.encode(Pointer(model=pointer.model, snapshot=bad))
    for i, (what, (name, damage)) in enumerate(MODELS_DAMAGED.items()):
        bad = f"{i:064x}"
        shutil.copytree(live / "models" / pointer.model.fingerprint, live / "models" / bad)
        damage(live / "models" / bad / name)
        meta = msgspec.structs.replace(pointer.model, fingerprint=bad, version="bad")
        yield f"model {what}", msgspec.json.encode(Pointer(model=meta, snapshot=pointer.snapshot))
    other = f"{len(MODELS_DAMAGED):064x}"
    shutil.copytree(live / "models" / pointer.model.fingerprint, live / "models" / other)
    meta = msgspec.structs.replace(pointer.model, fingerprint=other, version="bad")
    yield "model that is another", msgspec.json.encode(Pointer(model=meta, snapshot=pointer.snapshot))
    nowhere = msgspec.structs.replace(pointer.model, fingerprint="f" * 64)
    yield "model nowhere", msgspec.json.encode(Pointer(model=nowhere, snapshot=pointer.snapshot))
    yield "snapshot nowhere", msgspec.json.encode(Pointer(model=pointer.model, snapshot="20240801T000000Z-nowhere"))
    yield "snapshot outside", msgspec.json.encode(Pointer(model=pointer.model, snapshot="../../outside"))
    yield "pointer half written", msgspec.json.encode(pointer)[:-20]
    yield "pointer empty", b""
    yield "pointer of no model", msgspec.json.encode(Pointer(model=None, snapshot=pointer.snapshot))


def test_a_damaged_bundle_is_refused_logged_and_counted_and_the_old_bundle_stays_live(
    serving: Any, world: Any, load_clients: Any, wait_until: Any, metric: Any
) -> None:
    live = world.settings.live
    good = read_pointer(live)
    with serving(world) as server:
        bundles = Bundles(world)
        refused = lambda: metric(server, "linerisk_live_refused_total")  # noqa: E731
        with load_clients(server, "damaged", many=2, most_lines=10) as load:
            for what, pointer in damaged_pointers(world):
                before, logged = refused(), server.log.read_text().count('"new live pair refused"')
                with changing(live):
                    new = live / ".offered"
                    new.write_bytes(pointer)
                    new.replace(live / "current.json")
                wait_until(lambda before=before: refused() > before)
                assert server.log.read_text().count('"new live pair refused"') > logged, what
                assert server.client("lead").get("/v1/model").json()["version"] == "1", what
                assert server.client(None).get("/readyz").status_code == 200
                load.wait_for(1)
                count = refused()
                write_pointer(live, good)
                wait_until(lambda: server.score(f"after-{time.monotonic()}", "line-001").status_code == 200)
                assert refused() == count, what
            (live / "current.json").unlink()
            time.sleep(0.2)
            assert server.score("without-a-pointer", "line-001").status_code == 200
            write_pointer(live, good)
            began = time.monotonic()
            world.promote(version="2", seed=8)
            bundles.add(began)
            wait_until(lambda: server.client("lead").get("/v1/model").json()["version"] == "2")
            load.wait_for(3)
        assert [each.status for each in load.requests if each.status != 200] == []
        for each in load.requests:
            if each.answer.json()["decisions"]:
                bundles.check(each)
        assert "line-0" not in server.log.read_text()


def test_damaged_precomputed_scores_are_computed_again(serving: Any, world: Any, load_clients: Any) -> None:
    """Precomputed scores only save time: answers are the same without them."""
    pointer = read_pointer(world.settings.live)
    (precomputed,) = (world.settings.live / "snapshots" / pointer.snapshot).glob("scores-*")
    flipped(precomputed / "margin.npy")
    with serving(world) as server:
        bundles = Bundles(world)
        with load_clients(server, "precomputed", many=2) as load:
            load.wait_for(10)
        for each in load.requests:
            if each.answer.json()["decisions"]:
                bundles.check(each)
