"""The BentoML service: `linerisk.service.app:service`.

One service and no dependencies: BentoML's runners and dependent services accept pickled bodies, its main service does
not. It offers no `@bentoml.api`, so nothing is decoded by BentoML at all.

BentoML imports this module twice, in the process that minds the workers and in each worker. What answers requests is
heavy and is imported where a worker starts.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

import bentoml

from linerisk import as_of as clock
from linerisk.errors import LineriskError
from linerisk.service.bentoml_hooks import HotService, look_after_workers
from linerisk.service.lean import import_lightgbm_alone
from linerisk.service.serve import await_check, in_the_clear
from linerisk.web.logs import log

if TYPE_CHECKING:
    from linerisk.console.app import Console
    from linerisk.live import Live
    from linerisk.web.http import AsgiApp

ADDRESS = "LINERISK_SERVED_AT"
"""Set by `serve`, so that the one line at the start can name the address."""
_LOOK_AFTER_S = 0.5
_SWITCH_S = 0.0005
"""How long one thread may keep Python's lock from another: the writer of decisions takes it many times a commit."""
_COLLECT_AFTER = (20_000, 50, 100)
"""Python's own collects after 700 objects, which takes a sixth of a large request; what scoring makes has no cycles."""


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
        from linerisk.console.warm_up import Rehearsal  # noqa: PLC0415  # only workers need it
        from linerisk.service.connection import Connection  # noqa: PLC0415  # only workers need it
        from linerisk.service.dispute_expiry import Expiring  # noqa: PLC0415  # only workers need it
        from linerisk.service.quick import Quick  # noqa: PLC0415  # the same
        from linerisk.service.scoring import warm_up  # noqa: PLC0415  # the same
        from linerisk.service.tracing import Traces, wanted  # noqa: PLC0415  # and OpenTelemetry only if asked for
        from linerisk.settings import Settings  # noqa: PLC0415  # only workers need it
        from linerisk.web.metrics import give_figures_their_room, metrics  # noqa: PLC0415  # only workers need it
        from linerisk.web.state import ServiceState  # noqa: PLC0415  # only workers need it

        give_figures_their_room()
        metrics()  # so that what was never counted says 0 and not nothing
        self.state = ServiceState(Settings(), on_refused=_tell_refused, on_swapped=_tell_swapped)
        self.expiring = Expiring(self.state.disputes)
        self.traces = Traces() if wanted(os.environ) else None
        address = os.environ.get(ADDRESS)
        facts: dict[str, str | None] = {"address": address}
        if address is not None and in_the_clear(address):
            facts["warning"] = "no TLS: tokens and answers cross the network in the clear"
        _ = self.api  # made now, not when somebody asks
        try:
            live = self.state.live.current()
            warm_up(self.state)
        except LineriskError as error:
            log().warning("not ready", **facts, reason=error.paragraph())
        else:
            tell = log().warning if "warning" in facts else log().info
            tell("ready", **facts, **_named(live))
        # Its warnings tell of what callers send: a path holds line ids, and anybody could fill the disk with them.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        # What is open now stays open: a collection need not walk it again with every large request, nor at the start.
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        gc.enable()  # `hot` switched it off
        sys.setswitchinterval(_SWITCH_S)
        if self.state.log.apart is not None:
            self.state.log.apart.start()  # not before: it would take its time from this start
        if self.traces is None:  # a span is begun and ended where every other request is answered
            Connection.quick = Quick(self.state)
        # The console is to be made by it, not now.
        self.rehearsal = Rehearsal(lambda: self.console.rehearse())  # noqa: PLW0108

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # BentoML is untyped here
    @staticmethod
    def before_workers() -> None:
        """Asked once, by the process that minds the workers, before it listens."""
        await_check()

    @cached_property
    def api(self) -> AsgiApp:
        """The `/v1` application."""
        from linerisk.service.api import Api  # noqa: PLC0415  # only workers need it

        return Api(self.state, traces=self.traces)

    @cached_property
    def console(self) -> Console:
        """The `/review` application; made when it is rehearsed, or asked for sooner."""
        from linerisk.console.app import Console  # noqa: PLC0415  # not in the way of the start

        return Console(self.state)

    def __is_ready__(self) -> bool:
        """Whether there is a model to answer with; asked by `/readyz`."""
        try:
            self.state.live.current()
        except LineriskError:
            return False
        return True

    def __metrics__(self, text: str) -> str:
        """BentoML's figures and ours, what is live, what is in hand, and how disputes stand."""
        from linerisk.service.dispute_metrics import disputes_text  # noqa: PLC0415  # only workers need it
        from linerisk.service.routes.scoring import BUDGET, QUEUE  # noqa: PLC0415  # the same
        from linerisk.web.metrics import Load, live_text  # noqa: PLC0415  # the same

        apart = self.state.log.apart is not None and self.state.log.apart.ready
        load = Load(self.state.log.waiting, QUEUE.at_work, QUEUE.waiting, BUDGET.held, apart)
        now = clock.now()
        text += live_text(self.state.live, now=now, load=load)
        try:
            figures = self.state.disputes.counts(now)
        except LineriskError as error:
            # A scrape must not fail with the store: the other figures say what is wrong.
            log().error("no figures of disputes", reason=error.paragraph())
            return text
        return text + disputes_text(figures)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # BentoML is untyped here
    def close(self) -> None:
        """Write what waits, decisions before spans."""
        self.rehearsal.close()
        self.expiring.close()
        self.state.close()
        if self.traces is not None:
            self.traces.close()


service = LineRisk
look_after_workers(every_s=_LOOK_AFTER_S)


def _tell_refused(error: LineriskError) -> None:
    """A new model or snapshot was refused; the one before stays in use."""
    from linerisk.web.metrics import metrics  # noqa: PLC0415  # only workers need it

    metrics().refused()
    log().error("new live pair refused", reason=error.paragraph())


def _tell_swapped(live: Live) -> None:
    """A new live pair took the place of the one before."""
    log().info("new live pair", **_named(live))


def _named(live: Live) -> dict[str, str | None]:
    """Which model and which snapshot."""
    return {"model": live.model_meta.version, "snapshot": None if live.snapshot is None else live.snapshot.meta.id}
