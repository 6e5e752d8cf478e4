"""Access log and sessions of the console, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from linerisk.decisions.log import DecisionLog
from linerisk.errors import DecisionLogError
from linerisk.review.access_log import Accesses
from linerisk.review.sessions import IDLE_TIMEOUT, MAX_SESSION_AGE, Sessions
from linerisk.review.transitions import REVIEWER, Actor

NOW = datetime(2024, 7, 26, 9, tzinfo=UTC)
LI = Actor("li.wei", REVIEWER)


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        with DecisionLog(f"sqlite:///{tmp_path / 'decisions.db'}") as opened:
            yield opened
        return
    new_database: Callable[[], Any] = request.getfixturevalue("new_database")
    with new_database() as url, DecisionLog(url) as opened:
        yield opened


def test_accesses_are_listed_newest_first_in_pages(log: DecisionLog) -> None:
    accesses = Accesses(log)
    for i in range(5):
        accesses.record(LI, "case", f"case-{i % 2}", at=NOW + timedelta(minutes=i))
    latest = accesses.latest(limit=3)
    assert [access.subject for access in latest] == ["case-0", "case-1", "case-0"]
    assert latest[0].at == NOW + timedelta(minutes=4)
    assert [access.subject for access in accesses.latest(before=latest[-1].number)] == ["case-1", "case-0"]
    assert {access.subject for access in accesses.of("case-1")} == {"case-1"}


@pytest.mark.parametrize("sql", ["UPDATE accesses SET name = 'nobody'", "DELETE FROM accesses"])
def test_no_access_can_be_changed_or_deleted(log: DecisionLog, sql: str) -> None:
    accesses = Accesses(log)
    accesses.record(LI, "line", "key", at=NOW)
    with pytest.raises(DecisionLogError), log.writing() as connection:
        connection.exec_driver_sql(sql)
    assert [access.name for access in accesses.latest()] == ["li.wei"]


def test_a_session_is_found_by_its_secret_until_it_is_closed(log: DecisionLog) -> None:
    sessions = Sessions(log)
    secret = sessions.open("token", language="zh", now=NOW)
    session = sessions.get(secret, now=NOW)
    assert session is not None
    assert secret not in repr(session)
    sessions.set_language(session, "en")
    changed = sessions.get(secret, now=NOW)
    assert changed is not None
    assert changed.language == "en"
    sessions.close(session)
    assert sessions.get(secret, now=NOW) is None


def test_two_sessions_share_nothing(log: DecisionLog) -> None:
    sessions = Sessions(log)
    first, second = (sessions.open("token", language="zh", now=NOW) for _ in range(2))
    one, other = sessions.get(first, now=NOW), sessions.get(second, now=NOW)
    assert one is not None
    assert other is not None
    assert {one.key, one.csrf}.isdisjoint({other.key, other.csrf})


def test_a_session_expires_after_one_idle_hour_and_after_ten_hours_of_use(log: DecisionLog) -> None:
    sessions = Sessions(log)
    idle, used = (sessions.open("token", language="zh", now=NOW) for _ in range(2))
    assert sessions.get(idle, now=NOW + IDLE_TIMEOUT - timedelta(seconds=1)) is not None
    moment = NOW
    while moment + timedelta(minutes=50) < NOW + MAX_SESSION_AGE:
        moment += timedelta(minutes=50)
        assert sessions.get(used, now=moment) is not None
    assert sessions.get(used, now=NOW + MAX_SESSION_AGE) is None
    unused = sessions.open("token", language="zh", now=NOW)
    assert sessions.get(unused, now=NOW + IDLE_TIMEOUT) is None
