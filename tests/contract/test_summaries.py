"""A decision with a raised tier keeps a summary of the records of its line, for every source of features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from linerisk.as_of import parse_instant
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.features.records_summary import RecordsSummary
from linerisk.live import Live, put_model
from linerisk.workflows.release import precompute_scores, publish

AS_OF = datetime(2024, 8, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def half(serving: Any, world_of_module: Any) -> Iterator[Any]:
    """A service whose model raises half of the published lines of its store."""
    world = world_of_module
    live = Live.open(world.settings.live)
    middle = float(world.batch(as_of=AS_OF)["margin"].median())
    cuts = tuple(replace(cut, margin=middle + at) for at, cut in enumerate(live.model.cuts))
    folder = world.settings.home / "artefact-half"
    replace(live.model, cuts=cuts).save(folder)
    put_model(world.settings.live, folder, name="linerisk", version="2", expires_at=None)
    publish(world.settings, world.settings.home / "store", as_of=AS_OF)
    with serving(world) as server:
        yield server


def recorded(half: Any, decisions: list[dict[str, Any]]) -> list[DecisionRecord]:
    with DecisionLog(half.world.settings.decision_log_url, create=False) as log:
        records = [log.get(each["decision_id"]) for each in decisions]
    return [record for record in records if record is not None]


@pytest.fixture(scope="module")
def by_records(half: Any, known: list[dict[str, Any]]) -> list[DecisionRecord]:
    body = {"request_id": "summed-up", "as_of": "2024-08-01T00:00:00Z", "lines": known}
    return recorded(half, half.client().post("/v1/score/records", json=body).json()["decisions"])


@pytest.fixture(scope="module")
def by_id(half: Any, known: list[dict[str, Any]]) -> list[DecisionRecord]:
    return recorded(half, half.score("summed-up-by-id", *(line["line_id"] for line in known)).json()["decisions"])


@pytest.fixture(params=["by_records", "by_id"])
def records(request: pytest.FixtureRequest) -> list[DecisionRecord]:
    found: list[DecisionRecord] = request.getfixturevalue(request.param)
    return found


def test_a_raised_line_keeps_a_summary_of_its_records_and_no_other_does(records: list[DecisionRecord]) -> None:
    kept = {record.tier == "normal": [] for record in records}
    for record in records:
        kept[record.tier == "normal"].append(record.records)
    assert kept[True]
    assert kept[False]
    assert all(isinstance(each, RecordsSummary) for each in kept[False])
    assert all(each is msgspec.UNSET for each in kept[True])


def test_the_summary_is_the_same_from_the_store_and_from_the_request(
    by_records: list[DecisionRecord], by_id: list[DecisionRecord]
) -> None:
    from_store = {record.line_id: record.records for record in by_id if record.tier != "normal"}
    both = [record for record in by_records if record.tier != "normal" and record.line_id in from_store]
    assert both
    assert all(record.records == from_store[record.line_id] for record in both)


def test_the_evidence_contains_the_summary_and_a_replay_is_identical(
    half: Any, records: list[DecisionRecord], known: list[dict[str, Any]]
) -> None:
    raised = next(record for record in records if record.tier != "normal")
    [line] = [each for each in known if each["line_id"] == raised.line_id]
    path = f"/v1/decisions/{raised.decision_id}"
    bundle = half.client("auditor").get(f"{path}/evidence").json()
    since = AS_OF - timedelta(days=28)
    calls = [row for row in line["records"] if row["record_type"] == "call_out"]
    out = [row for row in calls if parse_instant(row["started_at"]) > since]
    assert out
    assert sum(map(sum, bundle["records"]["out_calls"])) == len(out)
    assert bundle["records_note"] is None
    assert bundle["replay"]["identical"]
    page = half.client("auditor").get(f"{path}/evidence", params={"form": "html"}).text
    assert "Outgoing calls by day" in page
    for row in line["records"]:
        assert not any(row[name] in page for name in ("peer_id", "cell_id", "device_id"))


@pytest.mark.parametrize("gone", [False, True])
def test_a_model_promoted_after_the_snapshot_summarises_records_of_raised_lines(
    world: Any,
    tmp_path: Path,
    gone: bool,  # noqa: FBT001  # what differs
) -> None:
    store = tmp_path / "store"
    world.batch(as_of=AS_OF)
    (world.settings.home / "store").rename(store)
    publish(world.settings, store, as_of=AS_OF)
    before = Live.open(world.settings.live)
    if gone:
        store.rename(tmp_path / "elsewhere")
    cuts = tuple(replace(cut, margin=-100.0 + at) for at, cut in enumerate(before.model.cuts))
    replace(before.model, cuts=cuts).save(tmp_path / "artefact")
    precompute = partial(precompute_scores, time_zone=world.settings.time_zone)
    put_model(
        world.settings.live, tmp_path / "artefact", name="linerisk", version="2", expires_at=None, precompute=precompute
    )
    after = Live.open(world.settings.live)
    assert before.precomputed is not None
    assert after.precomputed is not None
    raised = set(np.flatnonzero(after.precomputed.tier_index).tolist())
    assert len(raised) > len(before.precomputed.summaries)
    assert set(after.precomputed.summaries) == (set() if gone else raised)
    for row, kept in before.precomputed.summaries.items():
        assert gone or after.precomputed.summaries[row] == kept


def test_a_summary_is_small(records: list[DecisionRecord]) -> None:
    kept = [record.records for record in records if record.tier != "normal"]
    assert max(len(msgspec.json.encode(each)) for each in kept) < 2_000
