"""The hooks into BentoML and uvicorn, all in this module.

They rest on internals of both, so both versions are pinned, and contract tests run against the real server. BentoML
keeps what it is good at: processes, workers, lifecycle, health, metrics, its client, its page, its builds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from _bentoml_sdk import Service


class LineriskService(Service):  # type: ignore[misc]  # BentoML is untyped here
    """A BentoML service whose `/v1` and `/review` are answered in front of BentoML's middleware.

    Its inner class has the `/v1` application as `api`, and that of `/review` as `console`.
    """

    def __call__(self) -> Any:
        """Make the instance of this worker, and keep it for the routing."""
        self.instance = super().__call__()
        return self.instance

    def to_asgi(self, is_main: bool = True) -> Any:  # noqa: FBT001, FBT002  # BentoML's signature
        """The application that a worker runs."""
        import uvicorn.config  # noqa: PLC0415  # only workers need it

        from linerisk.service.routing import Routing  # noqa: PLC0415  # the same

        self.instance = None
        # uvicorn looks its protocol up by this name when the server of the worker is set up, which is after this.
        uvicorn.config.HTTP_PROTOCOLS["auto"] = "linerisk.service.connection:Connection"
        return Routing(
            super().to_asgi(is_main),
            page_files=_page_files(),
            api=lambda: None if self.instance is None else self.instance.api,
            console=lambda: None if self.instance is None else self.instance.console,
            before_scrape=self._before_scrape,
        )

    async def _before_scrape(self) -> None:
        if self.instance is not None:
            await self.instance.dispute_metrics.refresh()

    @property
    def doc(self) -> str:
        """The introduction of the documentation page."""
        return (
            "Calibrated fraud-risk tiers for phone lines. Send `Authorization: Bearer TOKEN`; each call names its "
            "roles. An answer is sent when its decisions are on disk. Every refusal has the shape of `ErrorAnswer`."
        )

    @property
    def openapi_spec(self) -> _Spec:
        """BentoML's own paths and those of `/v1`."""
        from linerisk.service.openapi import merged  # noqa: PLC0415  # only a worker that is asked for it needs it

        return _Spec(merged(super().openapi_spec.asdict()))


def replace_dead_workers(*, every_s: float) -> None:
    """Look for dead workers this often, in the process that starts them; elsewhere it changes nothing.

    BentoML looks every ten seconds, and a service with one worker answers nothing until then.
    """
    if "bentoml_cli" not in sys.modules:
        return
    from bentoml._internal.utils import circus  # noqa: PLC0415  # workers do without it

    class Arbiter(circus.Arbiter):  # type: ignore[misc]  # BentoML is untyped here
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "check_delay": every_s})

    circus.Arbiter = Arbiter


class _Spec:
    """The part of BentoML's specification type that its page uses."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def asdict(self) -> dict[str, Any]:
        """The document."""
        return self._content


def _page_files() -> frozenset[str]:
    """Paths of the files that BentoML's page loads."""
    from bentoml._internal import server  # noqa: PLC0415  # only workers need it

    folder = Path(server.__file__).parent / "static_content"
    return frozenset(f"/static_content/{file.name}" for file in folder.iterdir())
