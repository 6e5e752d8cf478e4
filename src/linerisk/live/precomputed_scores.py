"""Precomputed scores: margin, tier and contributions of every snapshot row by the live model.

A row's scores do not depend on the request, so they are computed once, when a snapshot or a model goes live, with the
same bits as on request. Without them requests compute the same values, slower.
About 115 bytes a line, plus the records summaries of raised lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from linerisk.features.records_summary import RecordsSummary
from linerisk.tables.durable_files import sha256_of

Floats = npt.NDArray[np.float64]
_META = "meta.json"


@dataclass(frozen=True)
class PrecomputedScores:
    """`scoring.Scored` and `explanation.Attribution` of all rows of a snapshot.

    Attributes:
        margin: Shape (n,).
        probability: Shape (n,).
        low: Shape (n,).
        high: Shape (n,).
        tier_index: Shape (n,), int8.
        by_family: Shape (n, families).
        named: Shape (n, k), int8.
        column: Shape (n, k), int16.
        split: Base and calibration, in log-odds. Shape (2,).
        summaries: Records summary of each row with a raised tier, by row, where its records were available.
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


class _Meta(msgspec.Struct, frozen=True):
    """SHA-256 by file."""

    sha256: dict[str, str]


_SUMMARIES = "summaries.json"
_ARRAYS = tuple(each.name for each in fields(PrecomputedScores) if each.name != "summaries")
_FILES = (*(f"{name}.npy" for name in _ARRAYS), _SUMMARIES)


def scores_folder(snapshot: Path, fingerprint: str) -> Path:
    """The folder of a snapshot that holds the scores by one model."""
    return snapshot / f"scores-{fingerprint}"


def write_scores(folder: Path, scores: PrecomputedScores) -> None:
    """Write the arrays, the summaries and their checksums into an empty folder."""
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(scores, name))
    (folder / _SUMMARIES).write_bytes(msgspec.json.encode(scores.summaries))
    sums = {name: sha256_of(folder / name) for name in _FILES}
    (folder / _META).write_bytes(msgspec.json.encode(_Meta(sums)))


def open_scores(folder: Path, *, lines: int) -> PrecomputedScores | None:
    """Check every byte and map the arrays into memory; None if they are missing, damaged or of another line count."""
    try:
        meta = msgspec.json.decode((folder / _META).read_bytes(), type=_Meta)
        if meta.sha256 != {name: sha256_of(folder / name) for name in _FILES}:
            return None
        paths = {name: folder / f"{name}.npy" for name in _ARRAYS}
        summaries = msgspec.json.decode((folder / _SUMMARIES).read_bytes(), type=dict[int, RecordsSummary])
        # A plain view of the map: indexing a memmap itself is several times slower.
        arrays = {name: np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)) for name, path in paths.items()}
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    return PrecomputedScores(**arrays, summaries=summaries) if len(arrays["margin"]) == lines else None
