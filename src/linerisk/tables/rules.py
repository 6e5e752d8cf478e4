"""Descriptions of every rule that a row can break, and the allowed codes of columns."""

from __future__ import annotations

from linerisk.records.contract import TABLES, Column, Kind, TableName
from linerisk.tables.casting import CODES, RULES

BEYOND_THE_HEADER = "row|no_more_cells_than_the_header"

_READABLE: dict[Kind, str] = {
    "id": "is text or a whole number",
    "code": "is one of the allowed codes",
    "area": "is an area code of GB/T 2260: six digits, the first not 0",
    "instant": "is a timestamp that can be read, and exists (no 30 February, no hour that a clock change left out)",
    "date": "is a date, such as 2024-07-25",
    "whole": "is a whole number of at most 2,147,483,647",
    "number": "is a number",
    "flag": "is true or false, or 1 or 0",
    "text": "is text",
}
_SCHEMA_RULES = {
    "duration_s|min": "`duration_s` is 0 or more",
    "ring_s|min": "`ring_s` is 0 or more",
    "ring_s|inf": "`ring_s` is finite",
    "ring_s|nan": "`ring_s` is a number, not NaN",
    "unknown_answer_has_duration": "where `answered` is null, a call has `duration_s` > 0: a source that keeps no "
    "failed attempts has no calls of 0 seconds; texts need neither",
}


def rules_of(table: TableName) -> dict[str, str]:
    """Rule -> its requirement as a sentence, for every rule that a row of a table can break."""
    found: dict[str, str] = {}
    for column in TABLES[table]:
        name = column.name
        if column.required:
            found[f"{name}|required"] = f"`{name}` is present: neither null nor an empty cell"
        if column.kind not in ("id", "text"):  # any text is valid; a column of another type fails as a whole
            found[f"{name}|{RULES[column.kind]}"] = f"`{name}` {_READABLE[column.kind]}"
        if column.kind == "instant":
            found[f"{name}|min"] = f"`{name}` is not before 1990: such an instant is a default or a broken clock"
            found[f"{name}|not_in_the_future"] = f"`{name}` is at most a day after the current time of this machine"
        found |= {rule: text for rule, text in _SCHEMA_RULES.items() if rule.split("|")[0] == name}
    if table == "call_records":
        found["unknown_answer_has_duration"] = _SCHEMA_RULES["unknown_answer_has_duration"]
    found[BEYOND_THE_HEADER] = "a row of CSV has no more cells than the header"
    return found


def describe_rule(table: TableName, rule: str) -> str:
    """The requirement of a rule as plain text, without Markdown."""
    return rules_of(table).get(rule, rule).replace("`", "")


def allowed(table: TableName, column: Column) -> tuple[str, ...] | None:
    """The allowed values of a column, if they can be listed."""
    if column.kind == "code":
        return tuple(CODES[table][column.name].categories)
    return ("true", "false", "1", "0") if column.kind == "flag" else None
