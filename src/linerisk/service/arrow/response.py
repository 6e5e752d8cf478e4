"""Writes Arrow IPC answers: decisions and problems with lines, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import pyarrow as pa

from linerisk.decisions.record import DecisionRecord
from linerisk.service.request_types import ProblemBody

_REASON = pa.struct(
    [
        ("code", pa.string()),
        ("family", pa.string()),
        ("direction", pa.string()),
        ("zh", pa.string()),
        ("en", pa.string()),
        ("contribution", pa.float64()),
    ]
)
_AT_ONCE: Final = 1_000
ANSWER: Final = pa.schema(
    [
        ("line_id", pa.string()),
        ("decision_id", pa.string()),
        ("as_of", pa.timestamp("us", "UTC")),
        ("status", pa.string()),
        ("margin", pa.float64()),
        ("probability", pa.float64()),
        ("probability_low", pa.float64()),
        ("probability_high", pa.float64()),
        ("tier", pa.string()),
        ("action", pa.string()),
        ("policy", pa.string()),
        ("steps", pa.list_(pa.string())),
        ("held_by", pa.string()),
        ("reasons", pa.list_(_REASON)),
        ("model_version", pa.string()),
        ("snapshot_id", pa.string()),
        ("problems", pa.list_(pa.struct([("code", pa.string()), ("message", pa.string())]))),
    ]
)
"""Columns of an answer. Grain: one row per decision, in the order of the lines; then one row per line without one."""


def answer(request_id: str, records: Sequence[DecisionRecord], problems: Sequence[ProblemBody]) -> bytes:
    """Recorded decisions and problems as a stream."""
    columns = {
        "line_id": [record.line_id for record in records],
        "decision_id": [record.decision_id for record in records],
        "as_of": [record.as_of for record in records],
        "status": [record.status for record in records],
        "margin": [record.margin for record in records],
        "probability": [record.probability for record in records],
        "probability_low": [record.probability_low for record in records],
        "probability_high": [record.probability_high for record in records],
        "tier": [record.tier for record in records],
        "action": [record.action.kind for record in records],
        "policy": [record.action.policy for record in records],
        "steps": [record.action.steps for record in records],
        "held_by": [record.action.held_by for record in records],
        "reasons": _reasons(records),
        "model_version": [record.model.version for record in records],
        "snapshot_id": [record.snapshot_id for record in records],
    }
    return stream(request_id, columns, problems, dry_run=False)


def _reasons(records: Sequence[DecisionRecord]) -> pa.Array:
    """Reasons of records, built in parts: as Python objects they take several times the memory of the answer."""
    parts = [records[at : at + _AT_ONCE] for at in range(0, len(records), _AT_ONCE)] or [records]
    return pa.concat_arrays([reasons_of([record.reasons for record in part]) for part in parts])


def reasons_of(reasons: Sequence[Sequence[Any]]) -> pa.ListArray:
    """The reasons of each line, as the column of an answer."""
    flat = list(chain.from_iterable(reasons))
    offsets = np.cumsum([0, *map(len, reasons)], dtype=np.int32)
    fields = [pa.array([getattr(reason, field.name) for reason in flat], field.type) for field in _REASON]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(fields, fields=list(_REASON)))


def stream(request_id: str, columns: dict[str, Any], problems: Sequence[ProblemBody], *, dry_run: bool) -> bytes:
    """An answer as a stream: decided lines, then lines that have only a problem.

    Args:
        request_id: Stored in the metadata of the schema, like `dry_run`.
        columns: By name, those of `ANSWER` but the problems; a value per decided line.
        problems: Problems with lines.
        dry_run: Whether nothing was recorded.
    """
    decided = list(columns["line_id"])
    reasons: dict[str, list[dict[str, str]]] = {}
    for problem in problems:
        reasons.setdefault(problem.line_id, []).append({"code": problem.code, "message": problem.message})
    known = set(decided)
    others = [line_id for line_id in reasons if line_id not in known]
    nothing = [None] * len(others)
    arrays = []
    for field in ANSWER:
        if field.name == "problems":
            values = [reasons.get(line_id, []) for line_id in decided + others]
            arrays.append(pa.array(values, field.type))
            continue
        own = columns[field.name]
        array = own if isinstance(own, pa.Array) else pa.array(own, field.type)
        more = pa.array(others if field.name == "line_id" else nothing, field.type)
        arrays.append(pa.concat_arrays([array, more]) if others else array)
    schema = ANSWER.with_metadata({"request_id": request_id, "dry_run": "true" if dry_run else "false"})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    whole: bytes = sink.getvalue().to_pybytes()
    return whole
