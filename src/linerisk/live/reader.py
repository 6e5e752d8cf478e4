"""The live bundle of a process, reopened when the pointer changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from linerisk.errors import LineriskError, StoreError
from linerisk.live.bundle import Live, not_live
from linerisk.live.pointer import watched
from linerisk.tables.durable_files import Stamp


class LiveReader:
    """Keeps the live bundle open, and reopens it when the pointer changes.

    Args:
        folder: The live folder.
        on_refused: Called with the error when a new bundle cannot be opened; the old one stays in use.
        on_swapped: Called with the new bundle after a swap.
        background: Whether to open a new bundle on a thread while the old one serves.
        look_every_s: Shortest time between two checks of the pointer, seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        on_refused: Callable[[LineriskError], None] | None = None,
        on_swapped: Callable[[Live], None] | None = None,
        background: bool = False,
        look_every_s: float = 0.0,
    ) -> None:
        self._folder = folder
        self._pointer = watched(folder, look_every_s=look_every_s)
        self._on_refused = on_refused
        self._on_swapped = on_swapped
        self._background = background
        self._live: Live | None = None
        self._tried: Stamp | None = None
        self._reading = threading.Lock()
        self.refused: LineriskError | None = None

    def current(self) -> Live:
        """The live bundle; checks the pointer at most every `look_every_s` seconds.

        Raises:
            NotLiveError: Nothing was ever live here.
            ArtefactError: The first pair is damaged.
            StoreError: The same.
        """
        stamp = self._pointer.stamp()
        if stamp != self._tried:
            if self._live is not None and self._background:
                threading.Thread(target=self._follow, name="live-reader", daemon=True).start()
                self._tried = stamp
            else:
                self._follow()
        if self._live is None:
            raise self.refused or not_live("no model is live")
        return self._live

    def _follow(self) -> None:
        with self._reading:
            self._tried = watched(self._folder).stamp()
            before = self._live
            try:
                self._live = Live.open(self._folder)
                self.refused = None
                if before is not None and self._on_swapped is not None:
                    self._on_swapped(self._live)
            except LineriskError as error:
                self._refuse(error)
            except Exception as error:  # noqa: BLE001  # a pair that is not followed must be seen, whatever the cause
                self._refuse(
                    StoreError(
                        "what is live could not be read", found=type(error).__name__, todo="promote or publish it again"
                    )
                )

    def _refuse(self, error: LineriskError) -> None:
        self.refused = error
        if self._on_refused is not None:
            self._on_refused(error)
