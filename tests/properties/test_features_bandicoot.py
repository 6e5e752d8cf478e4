"""Shared definitions beside bandicoot, the field's yardstick for indicators of phone records, on the same records.

| ours | bandicoot | difference, and what is done about it |
|---|---|---|
| out_call_share_28d | percent_initiated_interactions | none |
| distinct_contacts_count_28d | number_of_contacts | none |
| callee_entropy_28d | entropy_of_contacts, normalized | ours: attempts out; bandicoot gets these |
| calls_per_callee_28d | interactions_per_contact | ours: attempts out; bandicoot gets these |
| mean, median, variation of talk times, 28d | call_duration | ours: answered calls out; bandicoot gets these |
| night_call_share_28d | percent_nocturnal | bandicoot's night is set to 23 to 6, and it gets calls out |
| active_days_count_28d | active_days | ours: 24 hours back from as_of; as_of is a local midnight here |
| mean_gap_s_7d, min_gap_s_7d, gap_cv_7d | interevent_time | ours: no gap over a day; bandicoot's are taken out |
| text_reply_share | response_rate_text | not compared: parties who text back, against conversations replied to |
"""

import inspect
import random
import statistics
import warnings
from datetime import UTC, datetime, time, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from linerisk.features.build import build_whole
from linerisk.tables.schemas import Accounts, Records

LOCAL = ZoneInfo("Asia/Shanghai")
AS_OF = datetime(2024, 6, 30, 16, tzinfo=UTC)
"""Midnight in Shanghai."""
LINES = range(5)
DAY = 86_400
REDIAL_S = 1800

Row = dict[str, Any]


def _argspec(function: Any) -> tuple[Any, ...]:
    return tuple(inspect.getfullargspec(function)[:4])


def _formatted(
    args: list[str], varargs: str | None, _: None, defaults: Any, formatvalue: Any = lambda value: f"={value!r}"
) -> str:
    plain = len(args) - len(defaults)
    parts = [*args[:plain], *(name + formatvalue(value) for name, value in zip(args[plain:], defaults, strict=True))]
    return f"({', '.join([*parts, *([f'*{varargs}'] if varargs else [])])})"


@pytest.fixture(scope="module")
def bandicoot() -> ModuleType:
    """The package, which still calls two functions of `inspect` that Python 3.11 has no more: it gets stand-ins.

    It also warns while it is imported, of things that are not ours to change.
    """
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(inspect, "getargspec", _argspec, raising=False)
        patch.setattr(inspect, "formatargspec", _formatted, raising=False)
        import bandicoot  # type: ignore[import-untyped]  # noqa: PLC0415 - only with the stand-ins in place
    module: ModuleType = bandicoot
    return module


def _rows(line: int) -> list[Row]:
    """Calls and texts of 28 days; no second is 0, so that none lies on the edge of a day or a night."""
    rng = random.Random(line)  # noqa: S311 - not for secrets
    rows = []
    for _ in range(80 + 120 * line):
        answered = rng.random() < 0.7
        kind = rng.choices(["call_out", "call_in", "sms_out", "sms_in"], [4, 3, 1, 1])[0]
        started = AS_OF - timedelta(days=rng.randrange(28), minutes=rng.randrange(1440), seconds=rng.randrange(1, 60))
        talked = rng.randrange(1, 900) if answered and kind.startswith("call") else 0
        rows.append(
            {
                "line_key": line,
                "peer_key": int(25 * rng.random() ** 2),
                "record_type": kind,
                "started_at": started,
                "received_at": started,
                "duration_s": talked,
                "answered": talked > 0,
            }
        )
    return sorted(rows, key=lambda row: row["started_at"])


def _attempts(calls: list[Row]) -> list[Row]:
    """Calls without redials: those within half an hour after a call to the same party."""
    last: dict[int, datetime] = {}
    kept = []
    for call in calls:
        before = last.get(call["peer_key"])
        if before is None or (call["started_at"] - before).total_seconds() > REDIAL_S:
            kept.append(call)
        last[call["peer_key"]] = call["started_at"]
    return kept


def _ask(bandicoot: ModuleType, indicator: str, rows: list[Row], **options: Any) -> Any:
    """An indicator of all these rows at once."""
    user = bandicoot.User()
    user.night_start, user.night_end = time(23), time(6)
    user.records = [
        bandicoot.core.Record(
            interaction="call" if row["record_type"].startswith("call") else "text",
            direction=row["record_type"].split("_")[1],
            correspondent_id=str(row["peer_key"]),
            datetime=row["started_at"].astimezone(LOCAL).replace(tzinfo=None),
            call_duration=row["duration_s"],
            position=bandicoot.core.Position(),
        )
        for row in rows
    ]
    options = {"groupby": None, "interaction": "callandtext", "summary": None, **options}
    return getattr(bandicoot.individual, indicator)(user, **options)["allweek"]["allday"][options["interaction"]]


def _yardstick(bandicoot: ModuleType, rows: list[Row]) -> dict[str, float]:
    calls = [row for row in rows if row["record_type"] in {"call_out", "call_in"}]
    out = [row for row in calls if row["record_type"] == "call_out"]
    attempts, week = _attempts(out), [row for row in out if row["started_at"] > AS_OF - timedelta(days=7)]
    talks = _ask(bandicoot, "call_duration", [row for row in out if row["answered"]], interaction="call")
    gaps = [gap for gap in _ask(bandicoot, "interevent_time", week) if gap <= DAY]
    return {
        "out_call_share_28d": _ask(bandicoot, "percent_initiated_interactions", calls, interaction="call"),
        "distinct_contacts_count_28d": _ask(bandicoot, "number_of_contacts", rows),
        "callee_entropy_28d": _ask(bandicoot, "entropy_of_contacts", attempts, normalize=True),
        "calls_per_callee_28d": statistics.mean(_ask(bandicoot, "interactions_per_contact", attempts)),
        "mean_call_duration_s_28d": statistics.mean(talks),
        "median_call_duration_s_28d": statistics.median(talks),
        "call_duration_cv_28d": statistics.pstdev(talks) / statistics.mean(talks),
        "night_call_share_28d": _ask(bandicoot, "percent_nocturnal", out),
        "active_days_count_28d": _ask(bandicoot, "active_days", calls),
        "mean_gap_s_7d": statistics.mean(gaps),
        "min_gap_s_7d": min(gaps),
        "gap_cv_7d": statistics.pstdev(gaps) / statistics.mean(gaps),
    }


@pytest.mark.parametrize("line", LINES)
def test_shared_definitions_have_the_values_of_bandicoot(bandicoot: ModuleType, line: int) -> None:
    rows = _rows(line)
    features = build_whole(
        pl.LazyFrame(rows, schema=Records.create_empty().schema),
        Accounts.create_empty().lazy(),
        reference=None,
        as_of=AS_OF,
        time_zone="Asia/Shanghai",
    ).row(0, named=True)
    expected = _yardstick(bandicoot, rows)
    assert {name: features[name] for name in expected} == pytest.approx(expected, rel=1e-5)
