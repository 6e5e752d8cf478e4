"""Duties of a released model beyond accuracy: latency, and an impact assessment.

References:
    Personal Information Protection Law, articles 55 and 56: before automated decision-making, an assessment of its
    purpose and means, of its influence on people and its risks, and of the protective measures.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

REQUIRED_HEADINGS = ("purpose and means", "influence on people and risks", "protective measures")
"""What article 56 requires of an assessment; each must be a heading of the document."""
_OPEN = re.compile(r"\*to\s+confirm\*", re.IGNORECASE)
"""Marks a point that the operator has not confirmed yet."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Time per line on the training machine, median over lines, in microseconds.

    Attributes:
        lines: Lines timed.
        score_us: Margin, probability, interval and tier.
        bare_score_us: The trees' prediction alone, in the same run.
        reasons_us: Contributions and reason texts.
        bare_reasons_us: The trees' contributions alone, in the same run.
    """

    lines: int
    score_us: float
    bare_score_us: float
    reasons_us: float
    bare_reasons_us: float


@dataclass(frozen=True, slots=True)
class ImpactAssessment:
    """The document that assesses what the model does to people.

    Attributes:
        path: As the limits name it, without folders of this machine.
        sha256: Hash of its bytes; None where it cannot be read.
        lacking: The `REQUIRED_HEADINGS` that it lacks.
        to_confirm: Points marked *to confirm*; a finished assessment has none.
    """

    path: str
    sha256: str | None
    lacking: tuple[str, ...] = ()
    to_confirm: int = 0

    def unfinished(self) -> str | None:
        """What is left to do, as a sentence without its full stop; None for a finished assessment."""
        if not self.to_confirm:
            return None
        points, are = ("1 point", "is") if self.to_confirm == 1 else (f"{self.to_confirm} points", "are")
        return (
            f"{points} of the impact assessment {are} still marked *to confirm*: finish it before real lines are scored"
        )


def read_assessment(folder: Path, path: str) -> ImpactAssessment:
    """Read an impact assessment and find what it lacks.

    Args:
        folder: The folder that `path` is relative to.
        path: Path of a Markdown document in UTF-8.
    """
    named = _portable_path(folder, path)
    try:
        content = (folder / path).read_bytes()
        text = content.decode()
    except (OSError, UnicodeDecodeError):
        return ImpactAssessment(named, None)
    headings = [line.lstrip("#").strip().lower() for line in text.splitlines() if line.startswith("#")]
    lacking = tuple(part for part in REQUIRED_HEADINGS if not any(part in heading for heading in headings))
    return ImpactAssessment(named, hashlib.sha256(content).hexdigest(), lacking, len(_OPEN.findall(text)))


def _portable_path(folder: Path, path: str) -> str:
    """The path relative to the folder, or the name alone: an artefact may not name folders of one machine."""
    given, base = Path(path), folder.absolute()
    if not given.is_absolute():
        return path
    return given.relative_to(base).as_posix() if given.is_relative_to(base) else given.name
