"""URLs of the decision log: which are accepted, and how they are shown without secrets."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from linerisk.errors import DecisionLogError

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}


def without_password(url: str) -> str:
    """A database URL fit to be shown: without password and without options, which may contain one.

    >>> without_password("postgresql://me:secret@db/linerisk?password=secret")
    'postgresql://me:***@db/linerisk'
    """
    return parse_url(url, driver=False).set(query={}).render_as_string()


def parse_url(url: str, *, driver: bool = True) -> URL:
    """Parse and check a URL.

    Args:
        url: SQLAlchemy URL.
        driver: Whether to name the driver that we use.

    Raises:
        DecisionLogError: It is no URL of SQLite or PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Neither chained nor quoted: an unreadable URL may contain a password anywhere.
        raise _no_url("text that is no URL") from None
    if parsed.host is not None and "@" in parsed.host:
        raise _no_url("a password with an @ that is not written as %40")
    if parsed.drivername not in _DRIVERS:
        raise _no_url(parsed.drivername)
    return parsed.set(drivername=_DRIVERS[parsed.drivername]) if driver else parsed


def _no_url(found: str) -> DecisionLogError:
    return DecisionLogError(
        "this is no URL of a decision log",
        expected="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE",
        found=found,
        todo="set LINERISK_DECISION_LOG to one of the two; an @ in a password is written %40",
        field="decision_log",
    )
