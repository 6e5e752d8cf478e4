"""Worked examples: a few records written as a table, and the values that features have for them.

The examples in `tests/spec` are tests, and `linerisk.features.manual` prints them in the manual. All are scored at
seven in the morning of Monday, 1 July 2024, in Shenzhen (in UTC it is still Sunday), and look at the line `me`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dataframely as dy
import polars as pl

from linerisk.errors import InputError
from linerisk.features.build import build_request, survey_store
from linerisk.features.reference import Reference
from linerisk.features.segments import COMPARED, SEGMENTS
from linerisk.tables.schemas import EARLIEST, Accounts, Labels, Records

TIME_ZONE = "Asia/Shanghai"
AS_OF = datetime(2024, 6, 30, 23, tzinfo=UTC)
LINE = "me"
ORDINARY_ACCOUNT = f"line\n{LINE}"

_UNIT_S = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_KEYS = {"line": "line_key", "peer": "peer_key", "block": "peer_block", "cell": "cell_key", "device": "device_key"}
_RECORD = {"line_key": LINE, "peer_key": "p", "record_type": "call_out"}
_ACCOUNT = {
    "line_key": LINE,
    "known_at": "2024-01-01",
    "activated_on": "2022-01-01",
    "home_area": "440300",
    "plan_kind": "postpaid",
    "status": "active",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """One example.

    Attributes:
        says: What it shows, as one sentence.
        values: Feature name to value for the line `me`; None where the value is missing.
        records: Table of records, columns apart by `|`: `ago` (such as `2d3h`) or `at` (local time), `times` (how often
            the row stands there), `late` (how long until received), `line`, `peer`, `block`, `cell`, `device` (any
            word), and columns of the contract. `-` is null. A call talks for 60 s unless `duration_s` says.
        accounts: Table of accounts, the same way. Without one, `me` has an ordinary account since 2022.
        labels: Table of labels: `line`, `source`, `ago` (the behaviour), `known` (how long ago it became known).
        usual: What is usual in every segment, by feature; not given, it is not known.
    """

    says: str
    values: Mapping[str, float | None]
    records: str = ""
    accounts: str = ORDINARY_ACCOUNT
    labels: str = ""
    usual: Mapping[str, float] | None = None

    def found(self) -> dict[str, float | None]:
        """The computed features, to six significant digits."""
        records = _frame(Records, [record for row in rows_of(self.records) for record in _records(row)])
        accounts = _frame(Accounts, [_account(row) for row in rows_of(self.accounts)])
        labels = _frame(Labels, [_label(row) for row in rows_of(self.labels)])
        reference = None
        if self.labels or self.usual is not None:
            store = Frames(records, accounts, labels)
            reference = _usual(survey_store(store, as_of=AS_OF, time_zone=TIME_ZONE).reference, self.usual or {})
        features = build_request(records, accounts, reference=reference, as_of=AS_OF, time_zone=TIME_ZONE)
        line = features.row(by_predicate=pl.col("line_key") == _key(LINE), named=True)
        return {name: None if line[name] is None else float(f"{line[name]:.6g}") for name in self.values}


@dataclass(frozen=True, slots=True)
class Frames:
    """A record store of three frames."""

    said: pl.DataFrame
    held: pl.DataFrame
    found: pl.DataFrame

    def records(
        self, *_key_and_bucket: object, start: datetime | None = None, end: datetime | None = None
    ) -> pl.LazyFrame:
        """All records that started from `start` to `end`."""
        whenever = pl.col("started_at")
        return self.said.lazy().filter(whenever >= (start or EARLIEST), whenever <= (end or AS_OF))

    def accounts(self) -> pl.LazyFrame:
        """All accounts."""
        return self.held.lazy()

    def labels(self) -> pl.LazyFrame:
        """All labels."""
        return self.found.lazy()


def _usual(reference: Reference, usual: Mapping[str, float]) -> Reference:
    given = {base: [usual.get(base)] * SEGMENTS for base, _ in COMPARED.values()}
    return replace(reference, usual=pl.DataFrame(given, schema=dict.fromkeys(given, pl.Float64)))


def rows_of(table: str) -> list[dict[str, str | None]]:
    """Rows of a table as written.

    >>> rows_of('''
    ...     ago | peer
    ...     1h  | a
    ...     2h  | -
    ... ''')
    [{'ago': '1h', 'peer': 'a'}, {'ago': '2h', 'peer': None}]

    Raises:
        InputError: A row has more or fewer cells than the head.
    """
    lines = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.strip()]
    rows: list[dict[str, str | None]] = []
    for cells in lines[1:]:
        if len(cells) != len(lines[0]):
            raise InputError("a row does not fit its head", expected=" | ".join(lines[0]), found=" | ".join(cells))
        rows.append({name: None if cell == "-" else cell for name, cell in zip(lines[0], cells, strict=True)})
    return rows


def _key(word: str) -> int:
    """A word of at most seven letters as a unique key."""
    return int.from_bytes(word.encode())


def _seconds(text: str) -> int:
    parts = re.findall(r"(\d+)([dhms])", text)
    if "".join(number + unit for number, unit in parts) != text:
        raise InputError("this is not a length of time", expected="such as 2d3h or 90s", found=repr(text))
    return sum(int(number) * _UNIT_S[unit] for number, unit in parts)


def _cells(row: Mapping[str, str | None], defaults: Mapping[str, str]) -> dict[str, Any]:
    named: dict[str, Any] = {**defaults, **{_KEYS.get(name, name): cell for name, cell in row.items()}}
    for name in {*_KEYS.values(), "holder_key"} & named.keys():
        named[name] = None if named[name] is None else _key(named[name])
    return named


def _records(row: Mapping[str, str | None]) -> list[dict[str, Any]]:
    cells = _cells({name: cell for name, cell in row.items() if name not in {"ago", "at", "late", "times"}}, _RECORD)
    if (at := row.get("at")) is not None:
        started = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(TIME_ZONE)).astimezone(UTC)
    else:
        started = AS_OF - timedelta(seconds=_seconds(row.get("ago") or "0s"))
    cells.setdefault("duration_s", "0" if cells["record_type"].startswith("sms") else "60")
    if cells.get("answered") is not None:
        cells["answered"] = cells["answered"] == "true"
    for name in ("duration_s", "peer_area", "visited_area"):
        cells[name] = None if cells.get(name) is None else int(cells[name])
    cells["ring_s"] = None if cells.get("ring_s") is None else float(cells["ring_s"])
    cells["started_at"] = started
    cells["received_at"] = started + timedelta(seconds=_seconds(row.get("late") or "0s"))
    return [cells] * int(row.get("times") or 1)


def _account(row: Mapping[str, str | None]) -> dict[str, Any]:
    cells = _cells(row, _ACCOUNT)
    cells["home_area"] = int(cells["home_area"])
    for name in ("known_at", "last_verified_at"):
        if cells.get(name) is not None:
            cells[name] = datetime.fromisoformat(cells[name]).replace(tzinfo=UTC)
    for name in ("activated_on", "number_since", "ported_in_on", "customer_since", "declared_until"):
        if cells.get(name) is not None:
            cells[name] = date.fromisoformat(cells[name])
    return cells


def _label(row: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        "line_key": _key(row["line"] or ""),
        "label": row.get("label") or "fraud",
        "source": row.get("source") or "police",
        "occurred_at": AS_OF - timedelta(seconds=_seconds(row["ago"] or "")),
        "known_at": AS_OF - timedelta(seconds=_seconds(row["known"] or "")),
    }


def _frame(schema: type[dy.Schema], rows: list[dict[str, Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=schema.create_empty().schema)
    return schema.validate(frame)
