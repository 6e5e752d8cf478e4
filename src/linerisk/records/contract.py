"""The input contract: tables, columns, their kinds, and which columns are required.

`tables.schemas` has the columns of the store; a test compares the two.
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
        required: Whether the column must be present and without nulls.
        meaning: What it holds, and what null or a missing column means.
    """

    name: str
    kind: Kind
    required: bool = False
    meaning: str = ""


def _required(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name, kind, required=True, meaning=meaning)


def _optional(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name, kind, meaning=meaning)


TABLES: dict[TableName, tuple[Column, ...]] = {
    "call_records": (
        _required("line_id", "id", "the operator's own line that the row is about"),
        _required("peer_id", "id", "the other party"),
        _optional(
            "peer_block",
            "id",
            "the other party's block of 100 consecutive numbers; null: unknown, so sequential dialling is not seen",
        ),
        _required("record_type", "code", "call or text, and its direction as seen by the own line"),
        _required("started_at", "instant", "when the call was attempted, or the text sent"),
        _optional(
            "received_at",
            "instant",
            "when the operator's data platform received the row; null: the end of the call (start and duration)",
        ),
        _optional("ring_s", "number", "seconds it rang; null: unknown"),
        _required("duration_s", "whole", "seconds of talk; 0 for unanswered calls and for texts"),
        _optional("answered", "flag", "whether the call was answered; null: the source keeps no failed attempts"),
        _optional("peer_kind", "code", "what kind of number the other party has; null: unknown"),
        _optional("peer_area", "area", "home area of the other party; null: unknown"),
        _optional("visited_area", "area", "area where the own line was; null: unknown"),
        _optional("cell_id", "id", "coarse cell where the own line was; null: unknown"),
        _optional("device_id", "id", "the device, such as a hash of its IMEI; null: unknown"),
        _optional("device_model", "text", "the model, such as the TAC (first 8 digits of the IMEI); null: unknown"),
    ),
    "accounts": (
        _required("line_id", "id", "the line"),
        _required("known_at", "instant", "when the operator learned of this row"),
        _required("activated_on", "date", "day on which this holder's line was activated"),
        _optional("number_since", "date", "day from which the holder has this number; null: unknown"),
        _optional("ported_in_on", "date", "day on which the number was ported in; null: never, or unknown"),
        _optional("customer_since", "date", "day from which the holder is a customer, with any line; null: unknown"),
        _required("home_area", "area", "home area of the line"),
        _required("plan_kind", "code", "kind of plan of the line"),
        _optional("holder_id", "id", "the holder, which links lines of one holder; null: unknown"),
        _optional("declared_use", "text", "what the holder declared the line to be used for; null: nothing declared"),
        _optional("declared_until", "date", "last day of the declared use; null: no end, or nothing declared"),
        _optional(
            "last_verified_at", "instant", "when the holder's identity was last verified; null: never, or unknown"
        ),
        _required("status", "code", "state of the line"),
    ),
    "labels": (
        _required("line_id", "id", "the line"),
        _required("label", "code", "what was found"),
        _required("source", "code", "who or what found it"),
        _required("occurred_at", "instant", "when the event behind the finding took place"),
        _required("known_at", "instant", "when the operator learned of it"),
    ),
}


def columns_of(table: TableName) -> tuple[str, ...]:
    """The names of a table's columns, in the order of the contract."""
    return tuple(column.name for column in TABLES[table])
