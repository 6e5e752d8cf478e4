"""The hall: versions of the model, who trained and promoted them, which is live. The only room that knows MLflow."""

from linerisk.registry.entries import Move, Version
from linerisk.registry.store import CHALLENGER, CHAMPION, Registry

__all__ = ["CHALLENGER", "CHAMPION", "Move", "Registry", "Version"]
