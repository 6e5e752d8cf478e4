"""Scores and contributions of every line of a snapshot by the model that is live, made before anybody asks.

What a line's row gives does not depend on who asks or when, so it is worked out when a snapshot or a model goes live,
with the same bits as on demand, and spelled in words (`live.spelled`). A pair without it answers the same, slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from linerisk.features.records_summary import RecordsSummary
from linerisk.live.spelled import ENDS, Spelled, open_spelled
from linerisk.tables.durable_files import sha256_of

Floats = npt.NDArray[np.float64]
_META = "meta.json"


@dataclass(frozen=True)
class PreparedScores:
    """What a model says of each row of a snapshot; `scoring.Scored` and `explanation.Attribution` of all rows.

    Attributes:
        margin: Shape (n,).
        probability: Shape (n,).
        low: Shape (n,).
        high: Shape (n,).
        tier_index: Shape (n,), int8.
        by_family: Shape (n, families).
        named: Shape (n, k), int8.
        column: Shape (n, k), int16.
        split: Base, and what calibration adds to it. Shape (2,).
        summaries: Of the records of rows whose tier is raised, by row, where they were at hand.
        spelled: What is said of each row in words, made as well; None where it is worded when asked for.
    """

    margin: Floats
    probability: Floats
    low: Floats
    high: Floats
    tier_index: npt.NDArray[np.int8]
    by_family: Floats
    named: npt.NDArray[np.int8]
    column: npt.NDArray[np.int16]
    split: Floats
    summaries: Mapping[int, RecordsSummary] = field(default_factory=dict)
    spelled: Spelled | None = None


class _Meta(msgspec.Struct, frozen=True):
    """Hashes by file; what is spelled has checksums of its own."""

    sha256: dict[str, str]
    worded_by: str


_SUMMARIES = "summaries.json"
_ARRAYS = tuple(each.name for each in fields(PreparedScores) if each.name not in {"summaries", "spelled"})
_FILES = (*(f"{name}.npy" for name in _ARRAYS), _SUMMARIES)


def folder_of(snapshot: Path, fingerprint: str) -> Path:
    """Where a snapshot keeps what a model says of it."""
    return snapshot / f"scores-{fingerprint}"


def write_prepared(folder: Path, prepared: PreparedScores, *, worded_by: str = "") -> None:
    """Fill a folder, beside what was spelled into it with these words."""
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(prepared, name))
    (folder / _SUMMARIES).write_bytes(msgspec.json.encode(prepared.summaries))
    sums = {name: sha256_of(folder / name) for name in _there(folder)}
    (folder / _META).write_bytes(msgspec.json.encode(_Meta(sums, worded_by)))


def open_prepared(folder: Path, *, lines: int) -> PreparedScores | None:
    """Check every byte and map it into memory; None where there is nothing whole for so many lines.

    Nothing is lost by that: the same is worked out when it is asked for. What is spelled is checked when it is read.
    """
    try:
        meta = msgspec.json.decode((folder / _META).read_bytes(), type=_Meta)
        if meta.sha256 != {name: sha256_of(folder / name) for name in _there(folder)}:
            return None
        paths = {name: folder / f"{name}.npy" for name in _ARRAYS}
        summaries = msgspec.json.decode((folder / _SUMMARIES).read_bytes(), type=dict[int, RecordsSummary])
        # A plain view of the map: indexing a memmap itself is several times slower.
        arrays = {name: np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)) for name, path in paths.items()}
        spelled = open_spelled(folder, lines=lines, worded_by=meta.worded_by)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    if len(arrays["margin"]) != lines:
        return None
    return PreparedScores(**arrays, summaries=summaries, spelled=spelled)


def _there(folder: Path) -> tuple[str, ...]:
    return (*_FILES, ENDS) if (folder / ENDS).exists() else _FILES
