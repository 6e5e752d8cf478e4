"""The hall: versions of the model, who trained and promoted them, which is live. The only room that knows MLflow."""

from linerisk.registry.entries import COMPARED, SERVED, Move, Version, answered
from linerisk.registry.moves import Registry
from linerisk.registry.runs import Described
from linerisk.registry.store import CHALLENGER, CHAMPION, UNKNOWN

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "COMPARED",
    "SERVED",
    "UNKNOWN",
    "Described",
    "Move",
    "Registry",
    "Version",
    "answered",
]
