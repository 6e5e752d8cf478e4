"""A bucket per token: a burst of one second, then its rate; more than the bucket holds goes into debt."""

from __future__ import annotations

from pathlib import Path

import pytest

from linerisk.errors import UsageError
from linerisk.web.errors import RateLimitedError
from linerisk.web.rate_limit import Bucket, Limits
from linerisk.web.token_store import Role, TokenStore


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refused_for(bucket: Bucket, lines: int) -> int:
    """Seconds to wait, according to the refusal."""
    with pytest.raises(RateLimitedError) as refusal:
        bucket.take(lines)
    return refusal.value.retry_after_s


def test_a_burst_of_one_second_passes_and_no_more(clock: Clock) -> None:
    bucket = Bucket(10, clock=clock)
    for _ in range(10):
        bucket.take(1)
    assert refused_for(bucket, 1) == 1
    clock.seconds += 0.5
    bucket.take(5)
    assert refused_for(bucket, 1) == 1


def test_unused_allowance_does_not_accumulate(clock: Clock) -> None:
    bucket = Bucket(10, clock=clock)
    clock.seconds += 3_600
    bucket.take(10)
    assert refused_for(bucket, 1) == 1


def test_a_refused_request_costs_nothing(clock: Clock) -> None:
    bucket = Bucket(10, clock=clock)
    bucket.take(8)
    assert refused_for(bucket, 5) == 1
    bucket.take(2)


def test_a_thousand_lines_pass_at_a_thousand_a_second(clock: Clock) -> None:
    bucket = Bucket(1_000, clock=clock)
    bucket.take(1_000)
    clock.seconds += 1
    bucket.take(1_000)


def test_a_request_larger_than_a_full_bucket_passes_and_leaves_a_debt(clock: Clock) -> None:
    bucket = Bucket(10, clock=clock)
    bucket.take(1_000)
    assert refused_for(bucket, 1) == 100  # 990 lines of debt and one more, at ten a second
    clock.seconds += 99
    bucket.take(0)
    assert refused_for(bucket, 10) == 1
    clock.seconds += 1
    bucket.take(10)


def test_a_request_larger_than_the_bucket_waits_until_it_is_full(clock: Clock) -> None:
    bucket = Bucket(10, clock=clock)
    bucket.take(4)
    assert refused_for(bucket, 1_000) == 1
    clock.seconds += 0.4
    bucket.take(1_000)


@pytest.mark.parametrize(("rate", "taken", "requested"), [(7, 7, 3), (3, 500, 1), (1_000, 1_000, 999), (1, 20, 1)])
def test_a_request_after_the_given_wait_passes(clock: Clock, rate: int, taken: int, requested: int) -> None:
    bucket = Bucket(rate, clock=clock)
    bucket.take(taken)
    clock.seconds += refused_for(bucket, requested)
    bucket.take(requested)


def test_each_token_has_its_own_bucket_and_none_without_a_limit(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    for name, limit in (("one", 5), ("two", 5), ("free", None)):
        store.create(name, Role.SCORER, lines_per_second=limit)
    one, two, free = store.tokens()
    limits = Limits()
    bucket = limits.of(one)
    assert bucket is not None
    bucket.take(5)
    assert limits.of(one) is bucket
    assert limits.of(two) is not bucket
    assert limits.of(free) is None


def test_a_limit_is_stored_with_the_token_and_only_for_a_scorer(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    store.create("slow", Role.SCORER, lines_per_second=50)
    (token,) = TokenStore(tmp_path / "tokens.json").tokens()
    assert token.lines_per_second == 50
    with pytest.raises(UsageError) as refusal:
        store.create("reader", Role.AUDITOR, lines_per_second=50)
    assert refusal.value.field == "lines_per_second"
