"""Copies the challenger next to the live model, so that the console can show what it would have decided."""

from __future__ import annotations

from contextlib import suppress

from linerisk.errors import LineriskError
from linerisk.live import put_challenger, put_no_challenger
from linerisk.registry import CHALLENGER, SERVED, Registry
from linerisk.settings import Settings


def bring_challenger(settings: Settings, registry: Registry) -> None:
    """Copy the version with the alias `challenger` into the live folder; remove the old copy if there is none.

    A version that was live before is no challenger, though the alias stays on it until the next training. A failed copy
    raises nothing: the calling workflow is done, and the case page shows the reason.
    """
    if registry.name != SERVED:
        return
    asks = registry.alias(CHALLENGER)
    try:
        if asks is None or any(move.version == asks.version for move in registry.history()):
            put_no_challenger(settings.live)
        else:
            put_challenger(
                settings.live,
                registry.folder(asks.version),
                name=registry.name,
                version=asks.version,
                gates=asks.gates,
            )
    except (LineriskError, OSError) as error:
        problem = error.paragraph() if isinstance(error, LineriskError) else type(error).__name__
        with suppress(LineriskError, OSError):
            put_no_challenger(
                settings.live, name=registry.name, version="" if asks is None else asks.version, problem=problem
            )
