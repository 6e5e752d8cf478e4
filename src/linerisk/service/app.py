"""The BentoML service: `linerisk.service.app:service`.

One service and no dependencies: BentoML's runners and dependent services accept pickled bodies, its main service does
not. It offers no `@bentoml.api`, so nothing is decoded by BentoML at all.

BentoML imports this module twice, in the process that minds the workers and in each worker. What answers requests is
heavy and is imported where a worker starts.
"""

from __future__ import annotations

import gc
import os
import sys
from functools import cached_property

import bentoml

from linerisk import as_of as clock
from linerisk.errors import LineriskError
from linerisk.service.hot import HotService
from linerisk.service.http import AsgiApp
from linerisk.service.lean import import_lightgbm_alone
from linerisk.service.logs import log
from linerisk.settings import Settings

ADDRESS = "LINERISK_SERVED_AT"
"""Set by `serve`, so that the one line at the start can name the address."""
_SWITCH_S = 0.0005
"""How long one thread may keep Python's lock from another: the writer of decisions takes it many times a commit."""


@bentoml.service(
    name="linerisk",
    service_class=HotService,
    workers=1,
    traffic={"timeout": 60},
    # The access log would write paths, and paths hold line ids.
    logging={"access": {"enabled": False}},
)
class LineRisk:
    """Calibrated fraud-risk tiers for phone lines."""

    def __init__(self) -> None:
        import_lightgbm_alone()
        from linerisk.service.desk import Desk  # noqa: PLC0415  # only workers need it

        self.desk = Desk(Settings(), on_refused=_tell_refused)
        facts: dict[str, str | None] = {"address": os.environ.get(ADDRESS)}
        try:
            live = self.desk.holder.current()
        except LineriskError as error:
            log().warning("not ready", **facts, reason=error.paragraph())
        else:
            snapshot = None if live.snapshot is None else live.snapshot.meta.id
            log().info("ready", **facts, model=live.model_meta.version, snapshot=snapshot)
        # What is open now stays open: a collection need not walk it again with every large request.
        gc.collect()
        gc.freeze()
        sys.setswitchinterval(_SWITCH_S)

    @cached_property
    def api(self) -> AsgiApp:
        """The `/v1` application."""
        from linerisk.service.api import Api  # noqa: PLC0415  # only workers need it

        return Api(self.desk)

    def __is_ready__(self) -> bool:
        """Whether there is a model to answer with; asked by `/readyz`."""
        try:
            self.desk.holder.current()
        except LineriskError:
            return False
        return True

    def __metrics__(self, text: str) -> str:
        """BentoML's figures and ours, and what is live."""
        from linerisk.service.metrics import live_text  # noqa: PLC0415  # only workers need it

        return text + live_text(self.desk.holder, now=clock.now(), waiting=self.desk.log.waiting)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # BentoML is untyped here
    def close(self) -> None:
        """Write what waits."""
        self.desk.close()


service = LineRisk


def _tell_refused(error: LineriskError) -> None:
    """A new model or snapshot was refused; the one before stays in use."""
    from linerisk.service.metrics import metrics  # noqa: PLC0415  # only workers need it

    metrics().refused()
    log().error("new live pair refused", reason=error.paragraph())
