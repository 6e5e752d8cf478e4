"""What a model owes besides being right: an answer in time, and an assessment of what it does to people.

References:
    Personal Information Protection Law, articles 55 and 56: before automated decision-making, an assessment of its
    purpose and means, of its influence on people and its risks, and of the protective measures.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

ASSESSED = ("purpose and means", "influence on people and risks", "protective measures")
"""What article 56 asks an assessment to hold; each is a heading of the document."""
_OPEN = re.compile(r"\*to\s+confirm\*", re.IGNORECASE)
"""How an assessment marks what its operator has yet to confirm."""


@dataclass(frozen=True, slots=True)
class Latency:
    """What one line takes on the machine that trained, median over lines, in microseconds.

    Attributes:
        lines: Lines timed.
        score_us: Margin, probability, interval and tier.
        bare_score_us: The trees' own prediction alone, in the same run.
        reasons_us: Contributions and the reasons in words.
        bare_reasons_us: The trees' own contributions alone, in the same run.
    """

    lines: int
    score_us: float
    bare_score_us: float
    reasons_us: float
    bare_reasons_us: float


@dataclass(frozen=True, slots=True)
class ImpactAssessment:
    """The document that says what the model does to people.

    Attributes:
        path: As the limits name it, without where it is on this machine.
        sha256: Of its bytes; None where it cannot be read.
        lacking: Of `ASSESSED`, what it has no heading for.
        to_confirm: Points that are marked *to confirm*; the assessment is not finished before there are none.
    """

    path: str
    sha256: str | None
    lacking: tuple[str, ...] = ()
    to_confirm: int = 0

    def unfinished(self) -> str | None:
        """What is yet to be done with it, in a clause; None where nothing is."""
        if not self.to_confirm:
            return None
        points = "1 point is" if self.to_confirm == 1 else f"{self.to_confirm} points are"
        return f"{points} still marked *to confirm*, so it is not finished: confirm them before real lines are scored"


def read_assessment(folder: Path, path: str) -> ImpactAssessment:
    """Find the impact assessment and what it lacks.

    Args:
        folder: The folder that `path` starts from.
        path: Of a Markdown document in UTF-8.
    """
    named = _named(folder, path)
    try:
        content = (folder / path).read_bytes()
        text = content.decode()
    except (OSError, UnicodeDecodeError):
        return ImpactAssessment(named, None)
    headings = [line.lstrip("#").strip().lower() for line in text.splitlines() if line.startswith("#")]
    lacking = tuple(part for part in ASSESSED if not any(part in heading for heading in headings))
    return ImpactAssessment(named, hashlib.sha256(content).hexdigest(), lacking, len(_OPEN.findall(text)))


def _named(folder: Path, path: str) -> str:
    """A path as the artefact may say it: from the folder on, or the name alone. Artefacts travel, machines do not."""
    given, base = Path(path), folder.absolute()
    if not given.is_absolute():
        return path
    return given.relative_to(base).as_posix() if given.is_relative_to(base) else given.name
