"""The input tables of the contract: names, kinds and required columns.

This is the input; `tables.schemas` is what the store keeps. A test compares both.
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
        meaning: What it says, and what it means where it is null or missing.
    """

    name: str
    kind: Kind
    required: bool = False
    meaning: str = ""


def _must(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name, kind, required=True, meaning=meaning)


def _may(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name, kind, meaning=meaning)


TABLES: dict[TableName, tuple[Column, ...]] = {
    "call_records": (
        _must("line_id", "id", "own line: the one that this row is told from"),
        _must("peer_id", "id", "the other party"),
        _may(
            "peer_block",
            "id",
            "the other party's block of 100 consecutive numbers; null: not said, and dialling in sequence is not seen",
        ),
        _must("record_type", "code", "call or text, and its direction as seen by the own line"),
        _must("started_at", "instant", "when the call was attempted, or the text sent"),
        _may(
            "received_at",
            "instant",
            "when the operator's data platform had the row; null: when the call was over (start and duration)",
        ),
        _may("ring_s", "number", "seconds it rang; null: not said"),
        _must("duration_s", "whole", "seconds of talk; 0 for calls that were not answered and for texts"),
        _may("answered", "flag", "whether the call was answered; null: the source keeps no failed attempts"),
        _may("peer_kind", "code", "what kind of number the other party has; null: not said"),
        _may("peer_area", "area", "home area of the other party; null: not said"),
        _may("visited_area", "area", "area where the own line was; null: not said"),
        _may("cell_id", "id", "coarse cell where the own line was; null: not said"),
        _may("device_id", "id", "the device, such as a hash of its IMEI; null: not said"),
        _may("device_model", "text", "the model, such as the TAC (first 8 digits of the IMEI); null: not said"),
    ),
    "accounts": (
        _must("line_id", "id", "the line"),
        _must("known_at", "instant", "from when on the operator knew this row"),
        _must("activated_on", "date", "day on which this holder's line was activated"),
        _may("number_since", "date", "day since when the holder has this number; null: not said"),
        _may("ported_in_on", "date", "day on which the number was ported in; null: never, or not said"),
        _may("customer_since", "date", "day since when the holder is a customer, with any line; null: not said"),
        _must("home_area", "area", "area in which the line is at home"),
        _must("plan_kind", "code", "what kind of plan the line is on"),
        _may("holder_id", "id", "the holder, so that lines of one holder are told; null: not said"),
        _may("declared_use", "text", "what the holder declared the line to be used for; null: nothing declared"),
        _may("declared_until", "date", "last day of the declared use; null: no end, or nothing declared"),
        _may("last_verified_at", "instant", "when the holder's identity was last verified; null: never, or not said"),
        _must("status", "code", "state of the line"),
    ),
    "labels": (
        _must("line_id", "id", "the line"),
        _must("label", "code", "what was found"),
        _must("source", "code", "who or what found it"),
        _must("occurred_at", "instant", "when that which was found took place"),
        _must("known_at", "instant", "when the operator learned of it"),
    ),
}


def columns_of(table: TableName) -> tuple[str, ...]:
    """The names of a table's columns, in the order of the contract."""
    return tuple(column.name for column in TABLES[table])
