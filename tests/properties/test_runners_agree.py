"""One definition, several runners: the same records give the same bits, whatever their order or grouping."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from linerisk.errors import UsageError
from linerisk.features.build import build_bucketed, build_request, build_store, build_whole, survey_store
from linerisk.features.catalogue import ALONE, FEATURE_NAMES, WITH_REFERENCE, Features
from linerisk.features.reference import Reference
from linerisk.tables.schemas import Accounts, Labels, Records

AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"
LINES = 120
KEYS = 2**63


@pytest.fixture(scope="module")
def keys() -> np.ndarray:
    """Keys of lines as the store has them: spread evenly over [0, 2^63), in order."""
    return np.sort(np.random.default_rng(5).integers(0, KEYS - 1, LINES))


@pytest.fixture(scope="module")
def records(keys: np.ndarray) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    n = 30_000
    lines = rng.integers(0, LINES, n) // rng.choice([1, 10], n)
    own = np.random.default_rng(8)  # some parties are lines of the operator
    busy = lines < LINES // 10  # these call often, from few cells, and are never called
    age_s = np.where(rng.random(n) < 0.05, rng.integers(0, 3600, n), rng.integers(-5 * 86_400, 60 * 86_400, n))
    age_s = np.where(lines % 10 == 7, age_s % (7 * 86_400), age_s)  # these were silent until this week
    rows = pl.DataFrame(
        {
            "line_key": keys[lines],
            "peer_key": np.where(
                own.random(n) < 0.01, own.choice(keys, n), rng.integers(0, LINES * 20, n) // rng.choice([1, 200], n)
            ),
            "delay_s": rng.choice([60, 3600], n),
            "peer_block": rng.integers(0, LINES, n),
            "record_type": np.array(["call_out", "call_in", "call_forwarded", "sms_out", "sms_in"])[
                np.where(busy, 0, rng.choice(5, n, p=[0.45, 0.4, 0.02, 0.05, 0.08]))
            ],
            "age_s": age_s,
            "ring_s": np.where(rng.random(n) < 0.2, 0, rng.random(n, dtype=np.float32) * 30),
            "duration_s": (rng.random(n) ** 3 * 400).astype(np.int32),
            "answered": rng.random(n) < 0.6,
            "peer_area": rng.choice([440300, 440305, 440100, 510100], n),
            "visited_area": rng.choice([440300, 440100, 510100], n, p=[0.9, 0.09, 0.01]),
            "cell_key": np.where(busy, lines // 5, rng.integers(0, 30, n)),
            "device_key": rng.integers(0, LINES, n),
            "peer_kind": rng.choice(["mobile", "virtual", "international", "unknown"], n),
            "device_model": "86000000",
        }
    ).with_columns(started_at=pl.lit(AS_OF) - pl.duration(seconds="age_s"))
    return rows.with_columns(received_at=pl.col("started_at") + pl.duration(seconds="delay_s")).select(
        pl.col(name).cast(dtype) for name, dtype in Records.create_empty().schema.items()
    )


@pytest.fixture(scope="module")
def accounts(keys: np.ndarray) -> pl.DataFrame:
    rows = pl.DataFrame(
        {
            "line_key": keys,
            "known_at": AS_OF - timedelta(days=90),
            "activated_on": [(AS_OF - timedelta(days=day * 3)).date() for day in range(LINES)],
            "number_since": None,
            "ported_in_on": None,
            "customer_since": None,
            "home_area": 440300,
            "plan_kind": "prepaid",
            "holder_key": [line // 3 for line in range(LINES)],
            "declared_use": None,
            "declared_until": None,
            "last_verified_at": None,
            "status": "active",
        }
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in Accounts.create_empty().schema.items())


@pytest.fixture(scope="module")
def labels(keys: np.ndarray) -> pl.DataFrame:
    """Every ninth line was found, some of them too long ago, some too late to be known."""
    found = keys[::9]
    rows = pl.DataFrame({"line_key": found, "ago": np.arange(len(found)) * 8 % 100}).with_columns(
        label=pl.lit("fraud"),
        source=pl.lit("police"),
        occurred_at=pl.lit(AS_OF) - pl.duration(days="ago"),
        known_at=pl.lit(AS_OF) - pl.duration(days=pl.col("ago") - 5),
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in Labels.create_empty().schema.items())


@pytest.fixture(scope="module")
def reference(records: pl.DataFrame, accounts: pl.DataFrame, labels: pl.DataFrame) -> Reference:
    made = survey_store(FrameStore(records, accounts, labels), as_of=AS_OF, time_zone=SHANGHAI).reference
    assert len(made.found.lines) > 5
    assert len(made.found.contacts) > 100
    assert made.usual.null_count().sum_horizontal().item() == 0
    return made


class FrameStore:
    """Three frames behind the questions that features ask of a record store."""

    def __init__(self, records: pl.DataFrame, accounts: pl.DataFrame, labels: pl.DataFrame) -> None:
        self._records, self._accounts, self._labels = records, accounts, labels
        self.asked: list[tuple[int, int, datetime | None, datetime | None]] = []

    def records(
        self,
        key: str = "line_key",
        bucket: int = 0,
        buckets: int = 1,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.LazyFrame:
        self.asked.append((bucket, buckets, start, end))
        low, high = bucket * KEYS // buckets, (bucket + 1) * KEYS // buckets - 1
        return self._records.lazy().filter(
            pl.col(key).is_between(low, high), pl.col("started_at") >= start, pl.col("started_at") <= end
        )

    def accounts(self) -> pl.LazyFrame:
        return self._accounts.lazy()

    def labels(self) -> pl.LazyFrame:
        return self._labels.lazy()


def whole(records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference | None) -> pl.DataFrame:
    return build_whole(records.lazy(), accounts.lazy(), reference=reference, as_of=AS_OF, time_zone=SHANGHAI)


def test_one_row_per_line_and_the_catalogue_in_order(
    records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference
) -> None:
    features = whole(records, accounts, reference)
    assert Features.is_valid(features)
    assert features.columns == ["line_key", *FEATURE_NAMES]
    assert_frame_equal(features.select("line_key"), accounts.select("line_key"))


def test_every_feature_of_records_varies_here(
    records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference
) -> None:
    """Otherwise agreement on it would say nothing."""
    features = whole(records, accounts, reference).drop("line_key")
    constant = {name for name in FEATURE_NAMES if features[name].n_unique() == 1}
    assert constant == {
        "number_age_days",
        "customer_days",
        "days_since_port_in",
        "days_since_verification",
        "use_declared",
        "is_prepaid",
        "is_enterprise",
        "holder_lines_count",
    }


@pytest.mark.parametrize("buckets", [2, 7])
def test_bucketed_equals_whole(
    records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference, buckets: int
) -> None:
    def scan(bucket: int, buckets: int) -> pl.LazyFrame:
        low, high = bucket * KEYS // buckets, (bucket + 1) * KEYS // buckets - 1
        return records.lazy().filter(pl.col("line_key").is_between(low, high))

    bucketed = build_bucketed(
        scan, accounts.lazy(), reference=reference, as_of=AS_OF, time_zone=SHANGHAI, buckets=buckets
    )
    assert_frame_equal(bucketed, whole(records, accounts, reference), check_exact=True)


def test_a_store_is_read_in_its_window_and_in_bounded_buckets(
    records: pl.DataFrame,
    accounts: pl.DataFrame,
    labels: pl.DataFrame,
    reference: Reference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("linerisk.features.build.BUCKET_RECORDS", 10_000)
    store, told = FrameStore(records, accounts, labels), []
    features = build_store(
        store, as_of=AS_OF, time_zone=SHANGHAI, on_progress=lambda done, total: told.append((done, total))
    )
    assert_frame_equal(features, whole(records, accounts, reference), check_exact=True)
    start, of_found = AS_OF - timedelta(days=56), AS_OF - timedelta(days=90 + 28)
    assert store.asked == [
        (0, 1, start, AS_OF),
        (0, 1, of_found, AS_OF),
        *((bucket, 3, start, AS_OF) for bucket in range(3)),
    ]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_line_alone_is_compared_with_others_as_it_is_in_a_batch(
    records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference, keys: np.ndarray
) -> None:
    """In a request of one line, other lines are there by the reference only."""
    batch = whole(records, accounts, reference).select("line_key", *WITH_REFERENCE)
    for key in keys[::13].tolist():
        mine = (frame.filter(pl.col("line_key") == key) for frame in (records, accounts))
        alone = build_request(*mine, reference=reference, as_of=AS_OF, time_zone=SHANGHAI)
        assert_frame_equal(alone.select(batch.columns), batch.filter(pl.col("line_key") == key), check_exact=True)


def test_the_reference_does_not_depend_on_rows_or_buckets_or_what_was_not_known(
    records: pl.DataFrame,
    accounts: pl.DataFrame,
    labels: pl.DataFrame,
    reference: Reference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("linerisk.features.build.BUCKET_RECORDS", 7_000)
    known = records.filter(pl.col("started_at") <= AS_OF, pl.col("received_at") <= AS_OF)
    shuffled = pl.concat([known, known.head(5_000)]).sample(fraction=1, shuffle=True, seed=2)
    of_today = labels.filter(pl.col("known_at") <= AS_OF).sample(fraction=1, shuffle=True, seed=3)
    assert 0 < of_today.height < labels.height
    same = survey_store(FrameStore(known, accounts, of_today), as_of=AS_OF, time_zone=SHANGHAI).reference
    again = survey_store(FrameStore(shuffled, accounts, labels), as_of=AS_OF, time_zone=SHANGHAI).reference
    for other in (same, again):
        np.testing.assert_array_equal(other.found.lines, reference.found.lines)
        np.testing.assert_array_equal(other.found.contacts, reference.found.contacts)
        np.testing.assert_array_equal(other.found.by_found, reference.found.by_found)
        np.testing.assert_array_equal(other.by_any, reference.by_any)
    assert_frame_equal(same.usual, reference.usual, check_exact=True)


def test_without_a_reference_what_needs_one_is_missing_and_nothing_else_changes(
    records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference
) -> None:
    without, with_one = whole(records, accounts, None), whole(records, accounts, reference)
    assert without.select(pl.col(WITH_REFERENCE).is_null().all()).row(0) == (True,) * len(WITH_REFERENCE)
    assert_frame_equal(without.select(ALONE), with_one.select(ALONE), check_exact=True)


def test_a_reference_from_later_is_refused(records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference) -> None:
    later = replace(reference, as_of=AS_OF + timedelta(seconds=1))
    with pytest.raises(UsageError, match="from later"):
        whole(records, accounts, later)
    with pytest.raises(UsageError, match="from later"):
        build_request(records, accounts, reference=later, as_of=AS_OF, time_zone=SHANGHAI)


def test_a_request_equals_whole(records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference) -> None:
    request = build_request(records, accounts, reference=reference, as_of=AS_OF, time_zone=SHANGHAI)
    assert_frame_equal(request, whole(records, accounts, reference), check_exact=True)


def test_a_request_of_many_records_equals_one_of_few(
    records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = build_request(records, accounts, reference=reference, as_of=AS_OF, time_zone=SHANGHAI)
    monkeypatch.setattr("linerisk.features.build.MANY_RECORDS", 1_000)
    many = build_request(records, accounts, reference=reference, as_of=AS_OF, time_zone=SHANGHAI)
    assert_frame_equal(few, many, check_exact=True)


def test_a_request_knows_nothing_of_the_one_before(records: pl.DataFrame, accounts: pl.DataFrame) -> None:
    """Plans are written once; instant, time zone and types are those of each request."""
    for as_of, time_zone, known in (
        (AS_OF, SHANGHAI, accounts),
        (AS_OF - timedelta(days=3, hours=5), SHANGHAI, accounts),
        (AS_OF, "America/New_York", accounts),
        (AS_OF, SHANGHAI, accounts.select(reversed(accounts.columns))),
        (AS_OF, SHANGHAI, accounts.clear()),
    ):
        request = build_request(records, known, reference=None, as_of=as_of, time_zone=time_zone)
        batch = build_whole(records.lazy(), known.lazy(), reference=None, as_of=as_of, time_zone=time_zone)
        assert_frame_equal(request, batch, check_exact=True)


def test_requests_in_many_threads_do_not_meet(
    records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference, keys: np.ndarray
) -> None:
    batch = whole(records, accounts, reference).select("line_key", *WITH_REFERENCE)

    def alone(key: int) -> pl.DataFrame:
        mine = (frame.filter(pl.col("line_key") == key) for frame in (records, accounts))
        return build_request(*mine, reference=reference, as_of=AS_OF, time_zone=SHANGHAI).select(batch.columns)

    asked = keys[::3].tolist()
    with ThreadPoolExecutor(4) as pool:
        for key, answer in zip(asked, pool.map(alone, asked), strict=True):
            assert_frame_equal(answer, batch.filter(pl.col("line_key") == key), check_exact=True)


def test_row_order_changes_nothing(records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference) -> None:
    shuffled = records.sample(fraction=1, shuffle=True, seed=1)
    assert_frame_equal(whole(shuffled, accounts, reference), whole(records, accounts, reference), check_exact=True)


def test_what_was_not_known_at_as_of_changes_nothing(
    records: pl.DataFrame, accounts: pl.DataFrame, reference: Reference
) -> None:
    known = records.filter(pl.col("started_at") <= AS_OF, pl.col("received_at") <= AS_OF)
    assert 0 < known.height < records.height
    assert_frame_equal(whole(known, accounts, reference), whole(records, accounts, reference), check_exact=True)


def test_as_of_needs_a_time_zone(records: pl.DataFrame, accounts: pl.DataFrame) -> None:
    with pytest.raises(UsageError) as raised:
        build_request(records, accounts, reference=None, as_of=datetime(2024, 7, 1), time_zone=SHANGHAI)  # noqa: DTZ001
    assert raised.value.field == "as_of"
