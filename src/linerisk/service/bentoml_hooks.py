"""The only module that knows the hooks in BentoML by which `/v1` and `/review` are answered in front of its middleware.

`Service.to_asgi` gives the application that a worker runs, and `Service.__call__` makes the instance when the worker
starts. Both are BentoML's internals, so the version is pinned and a contract test asks the running server. BentoML
keeps what it is good at: processes, workers, lifecycle, health, metrics, documentation, build.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from _bentoml_sdk import Service

if TYPE_CHECKING:
    from linerisk.service.routing import Front
    from linerisk.web.http import AsgiApp


class HotService(Service):  # type: ignore[misc]  # BentoML is untyped here
    """A BentoML service whose `/v1` does not pass through BentoML.

    Its inner class gives the `/v1` application as `api`, and that of `/review` as `console`.
    """

    def __call__(self) -> Any:
        """Make the instance of this worker, and answer from it."""
        self.instance = super().__call__()
        return self.instance

    def to_asgi(self, is_main: bool = True) -> Front:  # noqa: FBT001, FBT002  # BentoML's signature
        """The application that a worker runs."""
        import uvicorn.config  # noqa: PLC0415  # only workers need it

        from linerisk.service.routing import Front  # noqa: PLC0415  # the same

        self.instance = None
        # Asked for by name when the server of this worker is set up, which is after this.
        uvicorn.config.HTTP_PROTOCOLS["auto"] = "linerisk.service.connection:Connection"
        return Front(super().to_asgi(is_main), api=self._api, console=self._console, page=cache(self._page))

    @property
    def doc(self) -> str:
        """What the documentation page says at the top."""
        return (
            "Calibrated fraud-risk tiers for phone lines. `Authorization: Bearer TOKEN`; roles are named with each "
            "call. An answer leaves when its decisions are on disk. Every refusal has the shape of `ErrorAnswer`."
        )

    @property
    def openapi_spec(self) -> _Spec:
        """BentoML's own paths and those of `/v1`."""
        from linerisk.service.openapi import merged  # noqa: PLC0415  # only a worker that is asked for it needs it

        return _Spec(merged(super().openapi_spec.asdict()))

    def _page(self) -> tuple[bytes, str]:
        from linerisk.service.api_docs import calls_page  # noqa: PLC0415  # only a worker that is asked for it needs it

        return calls_page(self.openapi_spec.asdict())

    def _api(self) -> AsgiApp | None:
        return None if self.instance is None else self.instance.api

    def _console(self) -> AsgiApp | None:
        return None if self.instance is None else self.instance.console


def look_after_workers(*, every_s: float) -> None:
    """Have a worker that died replaced within so many seconds, in the process that minds them; no matter elsewhere.

    BentoML looks every ten seconds, and where there is one worker nobody is answered until then.
    """
    if "bentoml_cli" not in sys.modules:
        return
    from bentoml._internal.utils import circus as minding  # noqa: PLC0415  # workers do without it

    class Arbiter(minding.Arbiter):  # type: ignore[misc]  # BentoML is untyped here
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "check_delay": every_s})

    minding.Arbiter = Arbiter


class _Spec:
    """What BentoML asks of a specification."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def asdict(self) -> dict[str, Any]:
        """The document."""
        return self._content
