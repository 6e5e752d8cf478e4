"""A cache of the models of old decisions: a decision's page needs its model, and loading one is slow."""

from __future__ import annotations

import threading
from pathlib import Path

from linerisk.live.bundle import MODELS, model_of
from linerisk.model.risk_model import ARTEFACT_FILES, RiskModel
from linerisk.tables.durable_files import Stamp, WatchedFile

_KEPT = 3


class ModelCache:
    """Loads artefacts that are or were live, and keeps a few while their files stay unchanged.

    Args:
        folder: The live folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[tuple[str, str], tuple[list[Stamp | None], RiskModel]] = {}
        self._changing = threading.Lock()

    def of(self, fingerprint: str, *, version: str) -> RiskModel:
        """An artefact that is or was live, every byte of it checked when it was read.

        Raises:
            ArtefactError: It is unknown here or damaged.
        """
        home = self._folder / MODELS / fingerprint
        stamps = [WatchedFile(home / file).stamp() for file in ARTEFACT_FILES]
        with self._changing:
            kept = self._kept.pop((fingerprint, version), None)
            model = kept[1] if kept is not None and kept[0] == stamps else None
        if model is None:
            model = model_of(self._folder, fingerprint, version=version)
        with self._changing:
            self._kept[fingerprint, version] = stamps, model
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return model
