"""`ServiceState` with what only the `/v1` API needs: the batcher of small requests and the limits of large requests."""

from __future__ import annotations

from collections.abc import Callable

from linerisk.errors import LineriskError
from linerisk.live import Live
from linerisk.service.large_requests import LargeRequestQueue
from linerisk.service.request_batcher import RequestBatcher
from linerisk.service.request_types import MOST_BYTES
from linerisk.settings import Settings
from linerisk.web.http import BodyBudget
from linerisk.web.state import ServiceState

_LARGE_AT_ONCE = 2
_LARGE_WAITING = 32
_BODIES_AT_ONCE = 16


class ApiState(ServiceState):
    """`ServiceState` of a worker that answers `/v1`.

    Attributes:
        batcher: Scores and records small requests.
        large: Slots for large requests.
        bodies: Bytes of bodies that are not complete yet.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_refused: Callable[[LineriskError], None] | None = None,
        on_swapped: Callable[[Live], None] | None = None,
    ) -> None:
        super().__init__(settings, on_refused=on_refused, on_swapped=on_swapped)
        self.batcher = RequestBatcher(self)
        self.large = LargeRequestQueue(at_once=_LARGE_AT_ONCE, waiting=_LARGE_WAITING)
        self.bodies = BodyBudget(_BODIES_AT_ONCE * MOST_BYTES)
