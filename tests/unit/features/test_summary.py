"""The summary of a line's records counts what is known at an instant, is small, and holds no id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl

from linerisk.features.records_summary import RecordsSummary, calendar, summarise

AS_OF = datetime(2024, 8, 1, tzinfo=UTC)
LINE, OTHER = 11, 12
SCHEMA = {
    "line_key": pl.Int64,
    "peer_key": pl.Int64,
    "device_key": pl.Int64,
    "cell_key": pl.Int64,
    "record_type": pl.String,
    "started_at": pl.Datetime("us", "UTC"),
    "received_at": pl.Datetime("us", "UTC"),
    "peer_kind": pl.String,
    "peer_area": pl.Int32,
    "visited_area": pl.Int32,
}


def row(before: timedelta, *, peer: int = 1, late: timedelta = timedelta(0), **changed: object) -> dict[str, object]:
    started_at = AS_OF - before
    fields: dict[str, object] = {
        "line_key": LINE,
        "peer_key": peer,
        "device_key": 5,
        "cell_key": 6,
        "record_type": "call_out",
        "started_at": started_at,
        "received_at": started_at + late,
        "peer_kind": "mobile",
        "peer_area": 510_100,
        "visited_area": 440_300,
    }
    return {**fields, **changed}


def summary_of(*rows: dict[str, object], line: int = LINE) -> RecordsSummary:
    return summarise(pl.LazyFrame(rows, schema=SCHEMA), as_of=AS_OF, time_zone="Asia/Shanghai")[line]


def test_calls_stand_at_their_day_and_local_hour() -> None:
    # As of 8:00 in Shanghai.
    two_hours, a_week = timedelta(hours=2), timedelta(days=7, hours=1)
    made = calendar(summary_of(row(two_hours), row(two_hours, peer=2), row(a_week)))
    assert (made[27][6], made[20][7]) == (2, 1)
    assert sum(map(sum, made)) == 3


def test_only_calls_out_are_in_the_calendar() -> None:
    hour = timedelta(hours=1)
    made = calendar(summary_of(row(hour), row(hour, record_type="call_in"), row(hour, record_type="sms_out")))
    assert sum(map(sum, made)) == 1


def test_what_is_not_known_yet_or_too_old_does_not_exist() -> None:
    old, ahead = timedelta(days=28), -timedelta(seconds=1)
    late = row(timedelta(hours=1), late=timedelta(hours=2))
    made = summary_of(row(timedelta(days=27, hours=23)), row(old), row(ahead), late)
    assert sum(map(sum, calendar(made))) == 1
    assert calendar(made)[0][9] == 1


def test_parties_handsets_and_cells_are_counted_each_once() -> None:
    hour = timedelta(hours=1)
    made = summary_of(
        row(hour, peer=1),
        row(hour, peer=1),
        row(hour, peer=2, peer_kind="service", peer_area=None, device_key=None),
        row(hour, peer=3, peer_area=440_300, device_key=7, cell_key=8, visited_area=440_100),
    )
    assert made.peers_by_kind == {"mobile": 2, "service": 1}
    assert made.peers_by_area == {"4403": 1, "5101": 1, "unknown": 1}
    assert made.devices == 2
    assert made.cells_by_area == {"4401": 1, "4403": 1}


def test_areas_beyond_the_most_frequent_are_added_up() -> None:
    rows = [row(timedelta(hours=1), peer=peer, peer_area=(1_000 + peer) * 100) for peer in range(12)]
    assert list(summary_of(*rows).peers_by_area.items())[-1] == ("other", 4)


def test_lines_are_told_apart() -> None:
    hour = timedelta(hours=1)
    made = summary_of(row(hour), row(hour, line_key=OTHER), row(hour, line_key=OTHER, peer=2), line=OTHER)
    assert sum(map(sum, calendar(made))) == 2


def test_a_busy_hour_is_said_as_far_as_a_byte_goes() -> None:
    assert max(map(max, calendar(summary_of(*(row(timedelta(hours=1)) for _ in range(300)))))) == 255


def test_a_summary_takes_less_than_two_kilobytes_and_reads_back() -> None:
    rows = [
        row(timedelta(minutes=at), peer=10**18 + at, peer_area=(1_000 + at % 300) * 100, cell_key=10**18 + at)
        for at in range(5_000)
    ]
    made = summary_of(*rows)
    text = msgspec.json.encode(made)
    assert len(text) < 2_000
    assert b"1000000000000" not in text
    assert msgspec.json.decode(text, type=RecordsSummary) == made
