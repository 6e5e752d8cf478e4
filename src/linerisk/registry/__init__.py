"""The model registry on MLflow: versions, aliases, promotions. The only room that knows MLflow."""

from linerisk.registry.model_registry import Registry
from linerisk.registry.runs import Described
from linerisk.registry.store import CHALLENGER, CHAMPION, UNKNOWN
from linerisk.registry.versions import COMPARED, SERVED, Move, Version, answered

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
