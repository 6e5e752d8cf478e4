"""The input tables as others see them: names, kinds and which columns must be there.

This is the shape of what arrives; what the store keeps is `tables.schemas`. The two are held together by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TableName = Literal["call_records", "accounts", "labels"]
Kind = Literal["id", "code", "area", "instant", "date", "whole", "number", "flag", "text"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an input table.

    Attributes:
        name: Name in the contract.
        kind: How its cells are read.
        required: Whether it must be present and without nulls.
    """

    name: str
    kind: Kind
    required: bool = False


def _must(name: str, kind: Kind) -> Column:
    return Column(name, kind, required=True)


TABLES: dict[TableName, tuple[Column, ...]] = {
    "call_records": (
        _must("line_id", "id"),
        _must("peer_id", "id"),
        Column("peer_block", "id"),
        _must("record_type", "code"),
        _must("started_at", "instant"),
        Column("received_at", "instant"),
        Column("ring_s", "number"),
        _must("duration_s", "whole"),
        Column("answered", "flag"),
        Column("peer_kind", "code"),
        Column("peer_area", "area"),
        Column("visited_area", "area"),
        Column("cell_id", "id"),
        Column("device_id", "id"),
        Column("device_model", "text"),
    ),
    "accounts": (
        _must("line_id", "id"),
        _must("known_at", "instant"),
        _must("activated_on", "date"),
        Column("number_since", "date"),
        Column("ported_in_on", "date"),
        Column("customer_since", "date"),
        _must("home_area", "area"),
        _must("plan_kind", "code"),
        Column("holder_id", "id"),
        Column("declared_use", "text"),
        Column("declared_until", "date"),
        Column("last_verified_at", "instant"),
        _must("status", "code"),
    ),
    "labels": (
        _must("line_id", "id"),
        _must("label", "code"),
        _must("source", "code"),
        _must("occurred_at", "instant"),
        _must("known_at", "instant"),
    ),
}


def columns_of(table: TableName) -> tuple[str, ...]:
    """The names of a table's columns, in the order of the contract."""
    return tuple(column.name for column in TABLES[table])
