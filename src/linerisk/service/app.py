"""The BentoML service: `linerisk.service.app:service`.

It is one service without dependencies, because BentoML's dependent services accept pickled bodies and its main service
does not. BentoML imports this module in the parent process and in each worker, so heavy imports wait for the worker.
"""

from __future__ import annotations

import gc
import logging
import os
from contextlib import suppress
from datetime import datetime  # BentoML reads the annotations
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import bentoml

from linerisk import as_of as clock
from linerisk.errors import LineriskError
from linerisk.service.bentoml_hooks import LineriskService, replace_dead_workers
from linerisk.service.bentoml_types import Line, LineRecords, Scored
from linerisk.service.serve import in_the_clear
from linerisk.web.logs import log

if TYPE_CHECKING:
    from linerisk.console.app import Console
    from linerisk.live import Live
    from linerisk.service.api import Api

ADDRESS = "LINERISK_SERVED_AT"
"""Set by `serve`: the address that the start message names."""
_CHECK_WORKERS_S = 0.5
_COLLECT_AFTER = (20_000, 50, 100)
"""Python collects garbage every 700 objects by default: a sixth of a large request. Scoring makes no cycles."""


@bentoml.service(
    name="linerisk",
    service_class=LineriskService,
    workers=1,
    traffic={"timeout": 60},
    # The access log would write paths, and paths hold line ids.
    logging={"access": {"enabled": False}},
)
class LineRisk:
    """Calibrated fraud-risk tiers for phone lines."""

    def __init__(self) -> None:
        from linerisk.console.warm_up import WarmUp  # noqa: PLC0415  # only workers need it
        from linerisk.service.api_state import ApiState  # noqa: PLC0415  # only workers need it
        from linerisk.service.dispute_expiry import DisputeExpiry  # noqa: PLC0415  # only workers need it
        from linerisk.service.dispute_metrics import DisputeMetrics  # noqa: PLC0415  # the same
        from linerisk.service.scoring import warm_up  # noqa: PLC0415  # the same
        from linerisk.service.tracing import Traces, tracing_enabled  # noqa: PLC0415  # and OpenTelemetry only if asked for
        from linerisk.settings import Settings  # noqa: PLC0415  # only workers need it
        from linerisk.web.metrics import metrics, reserve_metric_files  # noqa: PLC0415  # only workers need it

        reserve_metric_files()
        metrics()  # creates the counters, so that they show 0 from the start
        self.state = ApiState(Settings(), on_refused=_log_refused, on_swapped=_log_swapped)
        self.dispute_metrics = DisputeMetrics(self.state.disputes)
        self.expiring = DisputeExpiry(self.state.disputes)
        self.traces = Traces() if tracing_enabled(os.environ) else None
        address = os.environ.get(ADDRESS)
        facts: dict[str, str | None] = {"address": address}
        if address is not None and in_the_clear(address):
            facts["warning"] = "no TLS: tokens and answers cross the network in the clear"
        _ = self.api  # created now, not by the first request
        try:
            live = self.state.live.current()
            warm_up(self.state)
        except LineriskError as error:
            log().warning("not ready", **facts, reason=error.paragraph())
        else:
            write = log().warning if "warning" in facts else log().info
            write("ready", **facts, **_versions(live))
        # uvicorn's warnings quote paths, which hold line ids, and any client could fill the disk with them.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        # Objects that live as long as the worker are not walked by every collection.
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        self.rehearsal = WarmUp(self._warm_up)

    def _warm_up(self) -> None:
        """Load what only some requests need: LightGBM and its tables for requests with records, the console's pages."""
        with suppress(LineriskError):
            _ = self.state.live.current().model.tree_shap
        self.console.warm_up()

    @bentoml.api  # type: ignore[untyped-decorator]  # BentoML is untyped here
    async def score(
        self, request_id: str, lines: list[Line], as_of: datetime | None = None, *, ctx: bentoml.Context
    ) -> Scored:
        """Score lines of the published snapshot. Decisions are recorded before the answer. Role: scorer."""
        from linerisk.service.routes import bentoml_calls  # noqa: PLC0415  # only workers need it

        body = _body(request_id, lines, as_of)
        return cast("Scored", await bentoml_calls.answer(ctx, self.state, bentoml_calls.score, body))

    @bentoml.api  # type: ignore[untyped-decorator]  # BentoML is untyped here
    async def score_records(
        self, request_id: str, lines: list[LineRecords], as_of: datetime | None = None, *, ctx: bentoml.Context
    ) -> Scored:
        """Score lines from their records, by the code that training uses. Decisions are recorded. Role: scorer."""
        from linerisk.service.routes import bentoml_calls  # noqa: PLC0415  # only workers need it

        body = _body(request_id, lines, as_of)
        return cast("Scored", await bentoml_calls.answer(ctx, self.state, bentoml_calls.score_records, body))

    @bentoml.api  # type: ignore[untyped-decorator]  # BentoML is untyped here
    async def explain(self, decision_id: str, *, ctx: bentoml.Context) -> dict[str, Any]:
        """Reasons of a decision in full, by its id or its case number. Role: reviewer or auditor."""
        from linerisk.service.routes import bentoml_calls  # noqa: PLC0415  # only workers need it

        body = {"decision_id": decision_id}
        return cast("dict[str, Any]", await bentoml_calls.answer(ctx, self.state, bentoml_calls.explain, body))

    @cached_property
    def api(self) -> Api:
        """The `/v1` application."""
        from linerisk.service.api import Api  # noqa: PLC0415  # only workers need it

        return Api(self.state, traces=self.traces)

    @cached_property
    def console(self) -> Console:
        """The `/review` application; created by the warm-up, or by the first request if that is sooner."""
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
        """BentoML's metrics with ours: counters, the live bundle, the load of this worker, disputes."""
        from linerisk.web.metrics import Load, live_text  # noqa: PLC0415  # only workers need it

        state = self.state
        load = Load(state.log.waiting, state.large.at_work, state.large.waiting, state.bodies.held)
        return text + live_text(state.live, now=clock.now(), load=load) + self.dispute_metrics.text

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # BentoML is untyped here
    def close(self) -> None:
        """Write what waits; decisions before spans."""
        self.rehearsal.close()
        self.expiring.close()
        self.state.close()
        if self.traces is not None:
            self.traces.close()


service = LineRisk
replace_dead_workers(every_s=_CHECK_WORKERS_S)


def _body(request_id: str, lines: list[Line] | list[LineRecords], as_of: datetime | None) -> dict[str, Any]:
    """The body of `/v1` that these arguments stand for."""
    given = [line.model_dump(exclude_unset=True) for line in lines]
    return {"request_id": request_id, "lines": given, "as_of": as_of}


def _log_refused(error: LineriskError) -> None:
    """A new model or snapshot was refused; the bundle before stays in use."""
    from linerisk.web.metrics import metrics  # noqa: PLC0415  # only workers need it

    metrics().refused()
    log().error("new live pair refused", reason=error.paragraph())


def _log_swapped(live: Live) -> None:
    """A new live bundle replaced the one before."""
    log().info("new live pair", **_versions(live))


def _versions(live: Live) -> dict[str, str | None]:
    return {"model": live.model_meta.version, "snapshot": None if live.snapshot is None else live.snapshot.meta.id}
