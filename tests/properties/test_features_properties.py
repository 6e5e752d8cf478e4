"""What must hold for any records at all: no look into the future, no neighbours, no order, no runner."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from linerisk.features.build import build_bucketed, build_request, build_whole, survey_store
from linerisk.features.catalogue import BY_NAME, WITH_REFERENCE, Features
from linerisk.features.reference import Reference
from linerisk.features.segments import COMPARED
from linerisk.features.spec import Frames
from linerisk.tables.schemas import (
    LABEL_SOURCES,
    LABELS,
    PEER_KINDS,
    PLAN_KINDS,
    RECORD_TYPES,
    Accounts,
    Labels,
    Records,
)

AS_OF = datetime(2024, 7, 1, 4, tzinfo=UTC)
SHANGHAI = "Asia/Shanghai"
KEYS = 2**63
LINES = [KEYS // 8 * eighth + 5 for eighth in range(8)]
AREAS = [440300, 440305, 440100, 510100]

FOUND = [name for name in WITH_REFERENCE if name not in COMPARED]

bounded = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
Row = dict[str, Any]
Rows = list[Row]


def seconds_before_as_of(least: int = 0) -> st.SearchStrategy[int]:
    """Any instant of the history, and often one at the edge of a window."""
    day = 86_400
    edges = [days * day + off for days in (0, 1, 7, 28, 56) for off in (-1, 0, 1)]
    return st.one_of(st.integers(least, 60 * day), st.integers(least, 3600), st.sampled_from(edges)).filter(
        lambda age: age >= least
    )


@st.composite
def record(draw: st.DrawFn, *, lines: list[int], shift: int = 0) -> Row:
    """A record known at as_of; null wherever the contract allows it; `shift` keeps keys apart from other records'."""
    kind = draw(st.sampled_from(RECORD_TYPES))
    started = AS_OF - timedelta(seconds=draw(seconds_before_as_of()))
    answered = draw(st.sampled_from([True, False, None]))
    peer = draw(st.integers(0, 6)) + shift

    def maybe(value: st.SearchStrategy[Any]) -> Any:
        return draw(st.one_of(st.none(), value))

    return {
        "line_key": draw(st.sampled_from(lines)),
        "peer_key": peer,
        "peer_block": maybe(st.just(peer // 3)),
        "record_type": kind,
        "started_at": started,
        "received_at": min(started + timedelta(seconds=draw(st.integers(0, 7200))), AS_OF),
        "ring_s": maybe(st.floats(0, 60, width=32)),
        "duration_s": 0 if answered is False else draw(st.integers(1, 4000)),
        "answered": answered,
        "peer_kind": maybe(st.sampled_from(PEER_KINDS)),
        "peer_area": maybe(st.sampled_from(AREAS)),
        "visited_area": maybe(st.sampled_from(AREAS)),
        "cell_key": maybe(st.integers(0, 2).map(lambda cell: cell + shift)),
        "device_key": maybe(st.integers(0, 2).map(lambda device: device + shift)),
        "device_model": None,
    }


@st.composite
def account(draw: st.DrawFn, *, lines: list[int], shift: int = 0) -> Row:
    """An account row known at as_of; null wherever the contract allows it."""
    days = st.integers(-3, 6000).map(lambda age: (AS_OF - timedelta(days=age)).date())
    return {
        "line_key": draw(st.sampled_from(lines)),
        "known_at": AS_OF - timedelta(days=draw(st.integers(0, 3))),
        "activated_on": draw(days),
        "number_since": draw(st.none() | days),
        "ported_in_on": draw(st.none() | days),
        "customer_since": draw(st.none() | days),
        "home_area": draw(st.sampled_from(AREAS)),
        "plan_kind": draw(st.sampled_from(PLAN_KINDS)),
        "holder_key": draw(st.none() | st.integers(0, 2).map(lambda holder: holder + shift)),
        "declared_use": draw(st.sampled_from([None, "sales"])),
        "declared_until": draw(st.none() | days),
        "last_verified_at": draw(st.none() | st.integers(0, 900).map(lambda age: AS_OF - timedelta(hours=age))),
        "status": draw(st.sampled_from(["active", "suspended", "closed"])),
    }


def some_records(lines: list[int], shift: int = 0) -> st.SearchStrategy[Rows]:
    return st.lists(record(lines=lines, shift=shift), max_size=40)


def some_accounts(lines: list[int], shift: int = 0) -> st.SearchStrategy[Rows]:
    return st.lists(account(lines=lines, shift=shift), max_size=6)


def records_of(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=Records.create_empty().schema)


def accounts_of(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=Accounts.create_empty().schema)


@st.composite
def label(draw: st.DrawFn) -> Row:
    """A finding known at as_of."""
    occurred = AS_OF - timedelta(days=draw(st.integers(0, 100)))
    return {
        "line_key": draw(st.sampled_from(LINES)),
        "label": draw(st.sampled_from(LABELS)),
        "source": draw(st.sampled_from(LABEL_SOURCES)),
        "occurred_at": occurred,
        "known_at": min(occurred + timedelta(days=draw(st.integers(0, 40))), AS_OF),
    }


some_labels = st.lists(label(), max_size=8)


def reference_of(records: Rows, accounts: Rows, labels: Rows) -> Reference:
    found = pl.DataFrame(labels, schema=Labels.create_empty().schema)
    store = Frames(records_of(records), accounts_of(accounts), found)
    return survey_store(store, as_of=AS_OF, time_zone=SHANGHAI).reference


@st.composite
def usual(draw: st.DrawFn) -> pl.DataFrame:
    """What is usual per segment; with a declared use not below what it is without one."""
    columns: dict[str, list[float | None]] = {}
    for base, _ in COMPARED.values():
        levels = [draw(st.none() | st.floats(0, 50)) for _ in PLAN_KINDS]
        pairs = [(level, None if level is None else level + draw(st.floats(0, 5))) for level in levels]
        columns[base] = [*chain(*pairs)]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64))


def features(records: Rows, accounts: Rows, reference: Reference | None = None) -> pl.DataFrame:
    held, known = records_of(records), accounts_of(accounts)
    return build_request(held, known, reference=reference, as_of=AS_OF, time_zone=SHANGHAI)


def same(left: pl.DataFrame, right: pl.DataFrame) -> None:
    assert_frame_equal(left, right, check_exact=True)


@bounded
@given(some_records(LINES), some_accounts(LINES))
def test_any_records_give_a_valid_table_of_features(records: Rows, accounts: Rows) -> None:
    """Nulls in every nullable column, no record, no account, a line with one of both: all allowed, none dropped."""
    table = Features.validate(features(records, accounts))
    seen = [row for row in records if row["started_at"] > AS_OF - timedelta(days=56)]
    assert set(table["line_key"]) == {row["line_key"] for row in [*seen, *accounts]}


@bounded
@given(some_records(LINES), some_accounts(LINES))
def test_shares_and_evenness_stay_between_0_and_1_and_nothing_is_negative(records: Rows, accounts: Rows) -> None:
    table = features(records, accounts)
    for feature in BY_NAME.values():
        values = table[feature.name].drop_nulls()
        high = 1 if feature.unit in {"share", "0-1", "0/1"} else float("inf")
        assert values.is_between(0, high).all(), feature.name


@bounded
@given(some_records(LINES[:4]), some_accounts(LINES[:4]), some_labels, st.data())
def test_the_future_is_not_seen(records: Rows, accounts: Rows, labels: Rows, data: st.DataObject) -> None:
    """Rows that started, came in, or became known after as_of change nothing, on lines already there or not."""
    later = AS_OF + timedelta(seconds=data.draw(st.integers(1, 10**6)))
    to_come = [{**row, "received_at": later} for row in data.draw(some_records(LINES))]
    to_come += [{**row, "started_at": later, "received_at": later} for row in data.draw(some_records(LINES))]
    known_later = [{**row, "known_at": later} for row in data.draw(some_accounts(LINES))]
    found_later = [{**row, "known_at": later} for row in data.draw(some_labels)]
    all_rows = (records + to_come, accounts + known_later)
    reference = reference_of(records, accounts, labels)
    same(features(*all_rows, reference_of(*all_rows, labels + found_later)), features(records, accounts, reference))


@bounded
@given(some_records(LINES), some_accounts(LINES), some_labels, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_no_matter(records: Rows, accounts: Rows, labels: Rows, random: Any) -> None:
    before = features(records, accounts, reference_of(records, accounts, labels))
    random.shuffle(records)
    random.shuffle(accounts)
    random.shuffle(labels)
    same(features(records, accounts, reference_of(records, accounts, labels)), before)


@bounded
@given(some_records(LINES), some_labels)
def test_rows_said_twice_do_not_move_what_a_line_has_in_common_with_others(records: Rows, labels: Rows) -> None:
    once = features(records, [], reference_of(records, [], labels))
    twice = features(records * 2, [], reference_of(records * 2, [], labels * 2))
    same(twice.select("line_key", *FOUND), once.select("line_key", *FOUND))


@bounded
@given(some_records(LINES), some_labels, label())
def test_a_line_is_not_held_against_itself(records: Rows, labels: Rows, finding: Row) -> None:
    """Whether a line was found itself changes nothing of what it has in common with other lines."""
    mine = pl.col("line_key") == finding["line_key"]
    others = [row for row in labels if row["line_key"] != finding["line_key"]]
    without, with_it = (
        features(records, [], reference_of(records, [], known)) for known in (others, [*others, finding])
    )
    same(with_it.filter(mine).select(FOUND), without.filter(mine).select(FOUND))


@bounded
@given(some_records(LINES[:1]), account(lines=LINES[:1]), usual())
def test_to_declare_a_use_never_puts_a_line_higher_above_its_segment(
    records: Rows, held: Row, level: pl.DataFrame
) -> None:
    """The ratios are bound not to lower the risk, so a declared use that lowers them never raises it."""
    reference = replace(reference_of([], [], []), usual=level)
    with_use, without = (
        features(records, [{**held, "declared_use": use, "declared_until": None}], reference) for use in ("sales", None)
    )
    for name in COMPARED:
        assert BY_NAME[name].monotone == 1
        declared, undeclared = with_use[name].item(), without[name].item()
        assert (declared is None) == (undeclared is None)
        assert declared is None or declared <= undeclared


@bounded
@given(
    some_records(LINES[:4]),
    some_accounts(LINES[:4]),
    some_records(LINES[4:], shift=100),
    some_accounts(LINES[4:], shift=100),
)
def test_lines_that_share_nothing_do_not_touch_each_other(
    records: Rows, accounts: Rows, other_records: Rows, other_accounts: Rows
) -> None:
    together = features(records + other_records, accounts + other_accounts)
    same(together.filter(pl.col("line_key").is_in(LINES[:4])), features(records, accounts))


@bounded
@given(some_records(LINES), some_accounts(LINES), some_labels, usual(), st.sampled_from([1, 2, 5]))
def test_whole_bucketed_and_request_agree_to_the_bit(
    records: Rows, accounts: Rows, labels: Rows, level: pl.DataFrame, buckets: int
) -> None:
    def scan(bucket: int, buckets: int) -> pl.LazyFrame:
        low, high = bucket * KEYS // buckets, (bucket + 1) * KEYS // buckets - 1
        return records_of(records).lazy().filter(pl.col("line_key").is_between(low, high))

    reference = replace(reference_of(records, accounts, labels), usual=level)
    context: dict[str, Any] = {"reference": reference, "as_of": AS_OF, "time_zone": SHANGHAI}
    whole = build_whole(records_of(records).lazy(), accounts_of(accounts).lazy(), **context)
    same(build_bucketed(scan, accounts_of(accounts).lazy(), buckets=buckets, **context), whole)
    same(features(records, accounts, reference), whole)


@bounded
@given(st.data())
def test_a_line_alone_has_the_features_it_has_in_a_batch(data: st.DataObject) -> None:
    """As long as handsets, cells and holders are its own: what is shared can only be seen in a batch."""
    rows = [data.draw(some_records([line], shift=100 * place)) for place, line in enumerate(LINES)]
    held = [data.draw(some_accounts([line], shift=100 * place)) for place, line in enumerate(LINES)]
    batch = features([*chain(*rows)], [*chain(*held)])
    alone = [features(records, accounts) for records, accounts in zip(rows, held, strict=True)]
    same(pl.concat(alone), batch)


@bounded
@given(some_records(LINES[:1]), account(lines=LINES[:1]), st.integers(0, 6000), some_accounts(LINES[1:]), usual())
def test_of_a_line_made_older_only_features_change_that_can_only_lower_the_risk(
    records: Rows, held: Row, days: int, others: Rows, level: pl.DataFrame
) -> None:
    reference = replace(reference_of([], [], []), usual=level)

    def line(row: Row) -> Row:
        table = features(records, [row, *others], reference)
        return table.row(by_predicate=pl.col("line_key") == LINES[0], named=True)

    young, old = line(held), line({**held, "activated_on": held["activated_on"] - timedelta(days=days)})
    for name in young.keys() - {"line_key"}:
        if young[name] != old[name]:
            assert BY_NAME[name].monotone == -1, name
            assert None not in {young[name], old[name]}, f"{name}: a constraint does not hold for missing values"
            assert old[name] > young[name], name


@bounded
@given(account(lines=LINES[:1]), some_accounts(LINES[1:]), st.sampled_from(["active", "suspended", "closed"]))
def test_a_suspension_does_not_show_in_the_features_of_its_line(held: Row, others: Rows, status: str) -> None:
    """Otherwise a model would learn from the answer, and lift no suspension that it once asked for."""
    as_is, other = features([], [held, *others]), features([], [{**held, "status": status}, *others])
    same(as_is.filter(pl.col("line_key") == LINES[0]), other.filter(pl.col("line_key") == LINES[0]))


@bounded
@given(account(lines=LINES[:1]), st.integers(0, 900))
def test_a_verification_passed_later_only_lowers_the_risk(held: Row, hours: int) -> None:
    verified = AS_OF - timedelta(hours=hours)
    if held["last_verified_at"] is not None:
        verified = max(verified, held["last_verified_at"])
    before, after = features([], [held]), features([], [{**held, "last_verified_at": verified}])
    changed = [name for name in BY_NAME if not before[name].equals(after[name])]
    assert changed in ([], ["days_since_verification"])
    assert BY_NAME["days_since_verification"].monotone == 1
    assert after["days_since_verification"].item() <= before["days_since_verification"].item()
