"""One definition, several runners: the same records give the same bits, whatever their order or grouping."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from linerisk.features.build import bucket_of, build_bucketed, build_whole
from linerisk.features.catalogue import FEATURE_NAMES
from linerisk.tables.schemas import Accounts, Records

AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"
LINES = 120


@pytest.fixture(scope="module")
def records() -> pl.DataFrame:
    rng = np.random.default_rng(7)
    n = 30_000
    rows = pl.DataFrame(
        {
            "line_key": rng.integers(0, LINES, n),
            "peer_key": rng.integers(0, LINES * 20, n),
            "peer_block": rng.integers(0, LINES, n),
            "record_type": np.array(["call_out", "call_in", "call_forwarded", "sms_out", "sms_in"])[
                rng.choice(5, n, p=[0.45, 0.4, 0.02, 0.05, 0.08])
            ],
            "age_s": rng.integers(-5 * 86_400, 60 * 86_400, n),
            "ring_s": rng.random(n, dtype=np.float32) * 30,
            "duration_s": (rng.random(n) ** 3 * 400).astype(np.int32),
            "answered": rng.random(n) < 0.6,
            "peer_area": rng.choice([440300, 440100, 510100], n),
            "visited_area": rng.choice([440300, 440100], n, p=[0.9, 0.1]),
            "cell_key": rng.integers(0, 30, n),
            "device_key": rng.integers(0, LINES, n),
            "peer_kind": rng.choice(["mobile", "virtual"], n),
            "device_model": "86000000",
        }
    ).with_columns(started_at=pl.lit(AS_OF) - pl.duration(seconds="age_s"))
    return rows.with_columns(received_at=pl.col("started_at") + timedelta(hours=1)).select(
        pl.col(name).cast(dtype) for name, dtype in Records.create_empty().schema.items()
    )


@pytest.fixture(scope="module")
def accounts() -> pl.DataFrame:
    rows = pl.DataFrame(
        {
            "line_key": range(LINES),
            "known_at": AS_OF - timedelta(days=90),
            "activated_on": (AS_OF - timedelta(days=400)).date(),
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


def whole(records: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    return build_whole(records.lazy(), accounts.lazy(), as_of=AS_OF, time_zone=SHANGHAI)


def test_one_row_per_line_and_the_catalogue_in_order(records: pl.DataFrame, accounts: pl.DataFrame) -> None:
    features = whole(records, accounts)
    assert features.columns == ["line_key", *FEATURE_NAMES]
    assert features["line_key"].to_list() == list(range(LINES))


def test_every_feature_varies_or_is_from_the_account(records: pl.DataFrame, accounts: pl.DataFrame) -> None:
    features = whole(records, accounts)
    assert features["out_calls_count_7d"].n_unique() > 1
    assert features["busy_lines_per_cell_count_7d"].max() is not None


@pytest.mark.parametrize("buckets", [2, 7])
def test_bucketed_equals_whole(records: pl.DataFrame, accounts: pl.DataFrame, buckets: int) -> None:
    bucketed = build_bucketed(
        lambda key, bucket, n: records.lazy().filter(bucket_of(key, n) == bucket),
        accounts.lazy(),
        as_of=AS_OF,
        time_zone=SHANGHAI,
        buckets=buckets,
    )
    assert_frame_equal(bucketed, whole(records, accounts), check_exact=True)


def test_row_order_changes_nothing(records: pl.DataFrame, accounts: pl.DataFrame) -> None:
    shuffled = records.sample(fraction=1, shuffle=True, seed=1)
    assert_frame_equal(whole(shuffled, accounts), whole(records, accounts), check_exact=True)


def test_what_was_not_known_at_as_of_changes_nothing(records: pl.DataFrame, accounts: pl.DataFrame) -> None:
    known = records.filter(pl.col("started_at") <= AS_OF, pl.col("received_at") <= AS_OF)
    assert 0 < known.height < records.height
    assert_frame_equal(whole(known, accounts), whole(records, accounts), check_exact=True)
