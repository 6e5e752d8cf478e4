"""The work of every peer: find lines in the published snapshot, `Booster.predict`, probability and tier.

It uses the product's own parts, so every server does the same work.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from linerisk.live import Live
from linerisk.model.tiers import TIERS
from linerisk.settings import Settings
from linerisk.tables.identity import key_of_id, load_secret

HOME = "SERVING_BENCHMARK_HOME"
Scored = tuple[str, float, str]
"""Line, probability, tier."""


class Work:
    """The model and the snapshot of the home that the environment names."""

    def __init__(self) -> None:
        settings = Settings(home=Path(os.environ[HOME]))
        live = Live.open(settings.live)
        if live.snapshot is None:
            raise LookupError("no snapshot is published")
        self._model, self._snapshot = live.model, live.snapshot
        self._secret = load_secret(settings)

    def __call__(self, line_ids: list[str]) -> list[Scored]:
        """Score lines by their ids.

        Raises:
            LookupError: A line is not in the snapshot.
        """
        keys = np.array([key_of_id(line_id, secret=self._secret) for line_id in line_ids], dtype=np.int64)
        found = self._snapshot.find(keys)
        if (found < 0).any():
            raise LookupError("a line is not in the snapshot")
        margin = self._model.margin(self._snapshot.rows(found))
        tiers = [TIERS[index] for index in self._model.tier(margin).tolist()]
        return list(zip(line_ids, self._model.probability(margin).tolist(), tiers, strict=True))
