"""What asks to be live is brought beside what is, so that people can see what it would have said."""

from __future__ import annotations

from contextlib import suppress

from linerisk.errors import LineriskError
from linerisk.live import put_challenger, put_no_challenger
from linerisk.registry import CHALLENGER, SERVED, Registry
from linerisk.settings import Settings


def bring_challenger(settings: Settings, registry: Registry) -> None:
    """Keep under the home's live folder what the alias `challenger` names, and nothing where it names none.

    A version that was ever live is no candidate, though the alias stays with it until the next training. A version that
    cannot be brought fails nothing: what comes before this is done, and the case page says why there is no opinion.
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
        told = error.paragraph() if isinstance(error, LineriskError) else type(error).__name__
        with suppress(LineriskError, OSError):
            put_no_challenger(
                settings.live, name=registry.name, version="" if asks is None else asks.version, problem=told
            )
