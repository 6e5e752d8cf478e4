"""What is live: swapped as a whole, checked byte for byte, never half there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from linerisk.errors import ArtefactError, LineriskError, NotLiveError, StoreError
from linerisk.features.reference import Found, Reference
from linerisk.features.segments import COMPARED, SEGMENTS
from linerisk.live import (
    Live,
    LiveReader,
    ModelCache,
    Precompute,
    PrecomputedScores,
    Snapshot,
    SnapshotMeta,
    has_precomputed_scores,
    model_of,
    put_model,
    put_snapshot,
)
from linerisk.model.calibration import BetaCalibration
from linerisk.model.risk_model import FeatureColumn, RiskModel, ScoreBand
from linerisk.model.tiers import CutPoint, Tier
from linerisk.tables.schemas import Accounts

AS_OF = datetime(2024, 8, 1, tzinfo=UTC)
COLUMNS = ("b", "a")
REFERENCE = ("found_lines.npy", "found_contacts.npy", "contact_by_found.npy", "contact_by_any.npy", "usual.npy")
KEYS = [5, 2, 9, 2**62]

Promote = Callable[..., None]


def model(seed: int = 1, columns: tuple[str, ...] = COLUMNS) -> RiskModel:
    rng = np.random.default_rng(seed)
    rows = rng.random((200, len(columns)), dtype=np.float32)
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 4, "verbosity": -1, "num_threads": 1},
        lgb.Dataset(rows, (rows[:, 0] > 0.5).astype(float), feature_name=list(columns)),
        num_boost_round=2,
    )
    return RiskModel(
        name="m",
        version="",
        columns=tuple(FeatureColumn(name, "activity") for name in columns),
        trees=booster.model_to_string(),
        calibration=BetaCalibration(1.0, 1.0, 0.0),
        cuts=(CutPoint(Tier.MEDIUM_LOW, 1.0, 0.1, 0.1, 100, 9, 0),),
        bands=(ScoreBand(-np.inf, 100, 1, 0.0, 0.1),),
    )


def accounts(verified: dict[int, datetime | None], known_at: datetime = AS_OF) -> pl.DataFrame:
    schema = Accounts.create_empty().schema
    rows = pl.DataFrame({"line_key": list(verified), "last_verified_at": list(verified.values())})
    rows = rows.with_columns(known_at=pl.lit(known_at), home_area=440300, plan_kind=pl.lit("prepaid"))
    missing = [pl.lit(None).alias(name) for name in schema if name not in rows.columns]
    return rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def reference(as_of: datetime = AS_OF) -> Reference:
    """Two lines found fraudulent, three numbers that they had contact with."""
    lines, contacts, by_found = (np.array(keys, dtype=np.int64) for keys in ([2, 7], [11, 12, 13], [1, 2, 1]))
    usual = pl.DataFrame({base: [2.5, *[None] * (SEGMENTS - 1)] for base, _ in COMPARED.values()})
    return Reference(as_of, Found(lines, contacts, by_found), by_found + 5, usual)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    return tmp_path / "live"


@pytest.fixture
def promote(live: Path, tmp_path: Path) -> Promote:
    def promoting(
        version: str = "1", *, seed: int = 1, columns: tuple[str, ...] = COLUMNS, precompute: Precompute | None = None
    ) -> None:
        artefact = tmp_path / f"artefact-{version}"
        model(seed, columns).save(artefact)
        put_model(live, artefact, name="m", version=version, expires_at=None, precompute=precompute)

    return promoting


def publish(
    live: Path,
    *,
    add: float = 0.0,
    as_of: datetime = AS_OF,
    known_at: datetime = AS_OF,
    precompute: Precompute | None = None,
) -> SnapshotMeta:
    features = pl.DataFrame({"line_key": KEYS, "a": [0.5, 0.2, None, 1.0], "b": [5.0 + add, 2.0, 9.0, 62.0]})
    known = accounts({5: AS_OF - timedelta(days=3), 2: None}, known_at)
    return put_snapshot(
        live, features, accounts=known, reference=reference(as_of), catalogue=("a", "b"), precompute=precompute
    )


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def test_nothing_published_says_which_commands_to_run(live: Path) -> None:
    with pytest.raises(NotLiveError) as refusal:
        Live.open(live)
    for command in ("linerisk train", "linerisk promote", "linerisk publish", "linerisk demo"):
        assert command in str(refusal.value)


def test_a_model_alone_is_live_without_a_snapshot(live: Path, promote: Promote) -> None:
    promote("3")
    opened = Live.open(live)
    assert opened.model_meta.version == opened.model.version == "3"
    assert opened.model.fingerprint == opened.model_meta.fingerprint
    assert opened.snapshot is None


def test_a_snapshot_may_come_before_the_first_model(live: Path, promote: Promote) -> None:
    publish(live)
    with pytest.raises(NotLiveError):
        Live.open(live)
    promote()
    assert Live.open(live).snapshot is not None


def test_lines_are_found_by_key_and_rows_are_in_the_order_of_the_model(live: Path, promote: Promote) -> None:
    promote()
    meta = publish(live)
    snapshot = Live.open(live).snapshot
    assert snapshot is not None
    assert (meta.lines, meta.without_account) == (4, 2)
    found = snapshot.find(np.array([9, 1, 2, 2**62, 2**63 - 1], dtype=np.int64))
    assert found.tolist() == [2, -1, 0, 3, -1]
    rows = snapshot.rows(found[[0, 2]])
    np.testing.assert_array_equal(rows, np.array([[9.0, np.nan], [2.0, 0.2]], dtype=np.float32))
    assert isinstance(snapshot.features.base, np.memmap)


def test_a_snapshot_knows_who_was_verified_when_and_whose_account_is_known(live: Path, promote: Promote) -> None:
    promote()
    publish(live)
    snapshot = Live.open(live).snapshot
    assert snapshot is not None
    never, verified, unknown = snapshot.find(np.array([2, 5, 9])).tolist()
    assert snapshot.last_verified(verified) == AS_OF - timedelta(days=3)
    assert snapshot.last_verified(never) is None
    assert snapshot.last_verified(unknown) is None
    assert [snapshot.has_account(row) for row in (never, verified, unknown)] == [True, True, False]


def test_an_account_known_later_is_not_known(live: Path) -> None:
    assert publish(live, known_at=AS_OF + timedelta(seconds=1)).without_account == 4


def test_an_empty_snapshot_knows_nobody(live: Path, promote: Promote) -> None:
    promote()
    features = pl.DataFrame(schema={"line_key": pl.Int64, "a": pl.Float32, "b": pl.Float32})
    put_snapshot(live, features, accounts=accounts({}), reference=reference(), catalogue=("a", "b"))
    snapshot = Live.open(live).snapshot
    assert snapshot is not None
    assert snapshot.find(np.array([1, 2])).tolist() == [-1, -1]


def test_what_lines_were_compared_with_is_published_with_them(live: Path, promote: Promote) -> None:
    promote()
    publish(live)
    snapshot = Live.open(live).snapshot
    assert snapshot is not None
    found, published = snapshot.reference, reference()
    assert found.as_of == published.as_of
    for name in ("lines", "contacts", "by_found"):
        np.testing.assert_array_equal(getattr(found.found, name), getattr(published.found, name))
    np.testing.assert_array_equal(found.by_any, published.by_any)
    assert_frame_equal(found.usual, published.usual, check_exact=True)
    assert isinstance(found.found.contacts.base, np.memmap)


def test_a_snapshot_without_what_its_lines_were_compared_with_is_refused(live: Path, promote: Promote) -> None:
    promote()
    (live / "snapshots" / publish(live).id / "found_contacts.npy").unlink()
    with pytest.raises(StoreError, match="damaged"):
        Live.open(live)


def test_a_reference_of_another_catalogue_is_refused(live: Path, promote: Promote) -> None:
    promote()
    meta = live / "snapshots" / publish(live).id / "meta.json"
    meta.write_text(meta.read_text().replace("night_vs_segment", "noon_vs_segment"))
    with pytest.raises(ArtefactError, match="another reference"):
        Live.open(live)


def test_the_same_content_has_the_same_id(live: Path) -> None:
    assert publish(live).id == publish(live).id
    assert publish(live).id != publish(live, add=1.0).id
    assert publish(live).id.startswith("20240801T000000Z-")


@pytest.mark.parametrize("name", ["keys.npy", "features.npy", "verified.npy", "meta.json", *REFERENCE])
def test_a_damaged_snapshot_is_refused(live: Path, promote: Promote, name: str) -> None:
    promote()
    damage(live / "snapshots" / publish(live).id / name)
    with pytest.raises(StoreError, match="damaged"):
        Live.open(live)


@pytest.mark.parametrize("name", ["trees.txt", "model.json"])
def test_a_damaged_model_is_refused(live: Path, promote: Promote, name: str) -> None:
    promote()
    damage(next((live / "models").glob(f"*/{name}")))
    with pytest.raises(ArtefactError, match="damaged"):
        Live.open(live)


def test_a_model_that_needs_more_than_the_snapshot_has_changes_nothing(live: Path, promote: Promote) -> None:
    promote("1")
    publish(live)
    with pytest.raises(ArtefactError, match="lacks columns"):
        promote("2", columns=("a", "b", "c"))
    assert Live.open(live).model_meta.version == "1"


def test_a_snapshot_that_lacks_columns_of_the_model_changes_nothing(live: Path, promote: Promote) -> None:
    promote()
    before = publish(live)
    features = pl.DataFrame({"line_key": [1], "a": [0.5]})
    with pytest.raises(ArtefactError, match="without b"):
        put_snapshot(live, features, accounts=accounts({}), reference=reference(), catalogue=("a",))
    snapshot = Live.open(live).snapshot
    assert snapshot is not None
    assert snapshot.meta == before
    assert {path.name for path in (live / "snapshots").iterdir()} == {before.id}


def test_old_models_are_kept_for_replay_and_old_snapshots_are_dropped(live: Path, promote: Promote) -> None:
    promote("1", seed=1)
    first = Live.open(live).model_meta.fingerprint
    promote("2", seed=2)
    ids = [publish(live, add=float(i)).id for i in range(5)]
    assert model_of(live, first, version="1").fingerprint == first
    assert {path.name for path in (live / "snapshots").iterdir()} == set(ids[2:])


def test_an_unknown_model_is_refused(live: Path) -> None:
    with pytest.raises(ArtefactError):
        model_of(live, "0" * 64)


def test_a_shelf_reads_a_model_once_while_its_files_stand_as_they_were(live: Path, promote: Promote) -> None:
    promote()
    shelf, fingerprint = ModelCache(live), Live.open(live).model.fingerprint
    first = shelf.of(fingerprint, version="1")
    assert first.fingerprint == fingerprint
    assert shelf.of(fingerprint, version="1") is first
    assert shelf.of(fingerprint, version="2").version == "2"
    damage(live / "models" / fingerprint / "trees.txt")
    with pytest.raises(ArtefactError, match="damaged"):
        shelf.of(fingerprint, version="1")


def test_a_shelf_has_room_for_a_few(live: Path, promote: Promote) -> None:
    promote()
    shelf, fingerprint = ModelCache(live), Live.open(live).model.fingerprint
    first = shelf.of(fingerprint, version="1")
    for version in "234":
        shelf.of(fingerprint, version=version)
    again = shelf.of(fingerprint, version="1")
    assert again is not first
    assert again.fingerprint == first.fingerprint


def test_a_holder_follows_the_pointer(live: Path, promote: Promote) -> None:
    promote("1")
    holder = LiveReader(live)
    first = holder.current()
    assert holder.current() is first
    promote("2", seed=2)
    assert holder.current().model_meta.version == "2"
    published = publish(live)
    snapshot = holder.current().snapshot
    assert snapshot is not None
    assert snapshot.meta.id == published.id


def test_a_holder_keeps_the_old_pair_when_the_new_one_is_damaged(live: Path, promote: Promote) -> None:
    refused: list[LineriskError] = []
    promote("1")
    publish(live)
    holder = LiveReader(live, on_refused=refused.append)
    before = holder.current()
    damage(live / "snapshots" / publish(live, add=1.0).id / "features.npy")
    assert holder.current() is before
    assert [type(error) for error in refused] == [StoreError]
    assert holder.refused is refused[0]
    holder.current()
    assert len(refused) == 1  # told once
    publish(live, add=2.0)
    assert holder.current() is not before
    assert holder.refused is None


def test_a_holder_that_cannot_read_the_new_pair_for_whatever_cause_says_so(
    live: Path, promote: Promote, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(_folder: Path) -> Live:
        raise MemoryError

    promote("1")
    holder = LiveReader(live)
    before = holder.current()
    promote("2")
    with monkeypatch.context() as patched:
        patched.setattr(Live, "open", no_memory)
        assert holder.current() is before
    assert isinstance(holder.refused, StoreError)
    assert "MemoryError" in str(holder.refused)


def test_a_holder_of_nothing_waits_for_something(live: Path, promote: Promote) -> None:
    holder = LiveReader(live)
    with pytest.raises(NotLiveError):
        holder.current()
    promote()
    assert holder.current().model_meta.version == "1"


def test_a_damaged_pointer_is_refused(live: Path) -> None:
    publish(live)
    (live / "current.json").write_text("{")
    with pytest.raises(StoreError, match=r"current\.json"):
        Live.open(live)


def precomputed(model: RiskModel, snapshot: Snapshot) -> PrecomputedScores:
    """Margins of the model, and placeholders in every other array."""
    margin = model.margin(snapshot.rows(np.arange(snapshot.meta.lines)))
    few, many = np.zeros((len(margin), 1), dtype=np.int8), np.zeros((len(margin), 1))
    return PrecomputedScores(
        margin=margin,
        probability=margin,
        low=margin,
        high=margin,
        tier_index=few[:, 0],
        by_family=many,
        named=few,
        column=few.astype(np.int16),
        split=np.array([1.0, 2.0]),
    )


def test_precomputed_scores_go_live_with_the_bundle(live: Path, promote: Promote) -> None:
    publish(live)
    promote("1", precompute=precomputed)
    first = Live.open(live)
    assert first.snapshot is not None
    assert first.precomputed is not None
    np.testing.assert_array_equal(first.precomputed.margin, first.model.margin(first.snapshot.rows(np.arange(4))))
    publish(live, add=-100.0, precompute=precomputed)
    second = Live.open(live)
    assert second.precomputed is not None
    assert second.precomputed.margin.tolist() != first.precomputed.margin.tolist()


def test_a_bundle_without_precomputed_scores_is_live(live: Path, promote: Promote) -> None:
    publish(live)
    promote("1", precompute=precomputed)
    promote("2", seed=2)
    assert Live.open(live).precomputed is None


def test_a_rollback_finds_the_scores_of_the_earlier_model(live: Path, promote: Promote) -> None:
    publish(live)
    promote("1", precompute=precomputed)
    promote("2", seed=2, precompute=precomputed)
    promote("1")
    opened = Live.open(live)
    assert opened.precomputed is not None
    assert opened.snapshot is not None
    np.testing.assert_array_equal(opened.precomputed.margin, opened.model.margin(opened.snapshot.rows(np.arange(4))))


@pytest.mark.parametrize("name", ["margin.npy", "meta.json"])
def test_damaged_scores_are_ignored_and_computed_again(name: str, live: Path, promote: Promote) -> None:
    publish(live)
    promote("1", precompute=precomputed)
    (file,) = (live / "snapshots").glob(f"*/scores-*/{name}")
    damage(file)
    assert Live.open(live).precomputed is None
    promote("1", precompute=precomputed)
    assert Live.open(live).precomputed is not None


def test_a_full_disk_is_reported_and_changes_nothing_live(live: Path, promote: Promote) -> None:
    promote("1")
    publish(live)
    before = (live / "current.json").read_bytes()

    def full(*_: object, **__: object) -> PrecomputedScores:
        Path("/dev/full").write_bytes(b"scores")
        raise AssertionError

    with pytest.raises(StoreError, match="No space left") as refusal:
        publish(live, add=1.0, precompute=full)
    assert "make room" in str(refusal.value)
    assert (live / "current.json").read_bytes() == before
    assert [path.name for path in (live / "snapshots").iterdir()] == [Live.open(live).snapshot.meta.id]


def test_a_model_goes_live_without_room_for_precomputed_scores(live: Path, promote: Promote) -> None:
    def full(*_: object, **__: object) -> PrecomputedScores:
        Path("/dev/full").write_bytes(b"scores")
        raise AssertionError

    publish(live)
    promote("1", precompute=full)
    assert Live.open(live).model_meta.version == "1"
    assert Live.open(live).precomputed is None
    assert not has_precomputed_scores(live)
    publish(live, add=1.0, precompute=precomputed)
    assert has_precomputed_scores(live)


def test_a_missing_file_is_not_reported_as_a_full_disk(live: Path, promote: Promote) -> None:
    def gone(*_: object, **__: object) -> PrecomputedScores:
        Path(live / "nowhere").read_bytes()
        raise AssertionError

    promote("1")
    with pytest.raises(FileNotFoundError):
        publish(live, precompute=gone)


def test_an_empty_snapshot_needs_no_scores(live: Path, promote: Promote) -> None:
    promote()
    features = pl.DataFrame(schema={"line_key": pl.Int64, "a": pl.Float32, "b": pl.Float32})
    put_snapshot(
        live, features, accounts=accounts({}), reference=reference(), catalogue=("a", "b"), precompute=precomputed
    )
    assert Live.open(live).precomputed is None
