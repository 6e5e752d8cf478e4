"""Starting the service as a process of its own: `linerisk serve`.

The process becomes BentoML's server, so signals reach it as they should: SIGTERM drains and exits with 0.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from linerisk.errors import UsageError
from linerisk.service.lean import import_lightgbm_alone
from linerisk.settings import Settings

_SERVICE = "linerisk.service.app:service"
_KEEP_ALIVE_S = 60
_DRAIN_S = 30


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 3000, workers: int = 1) -> NoReturn:
    """Serve until stopped; does not come back.

    Args:
        settings: Handed on to the workers.
        host: Address to listen on; loopback unless said otherwise.
        port: Port to listen on.
        workers: Worker processes.

    Raises:
        NotLiveError: Nothing is promoted.
        UsageError: The address cannot be listened on.
        PolicyError: Policies or wording are wrong.
        DecisionLogError: The decision log cannot be opened.
    """
    _check(settings, host=host, port=port)
    arguments, environment = command(settings, host=host, port=port, workers=workers)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(arguments[0], arguments, environment)  # noqa: S606  # no shell is wanted


def command(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 3000, workers: int = 1
) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of the server process, for whoever starts it beside itself."""
    address = _address(host)
    home = settings.home.resolve()
    environment = {
        **os.environ,
        **_exported(settings),
        "LINERISK_SERVED_AT": f"http://{address}:{port}",
        "BENTOML_DO_NOT_TRACK": "True",
        # BentoML empties its folder of figures when it starts: every home has its own.
        "BENTOML_HOME": str(home / "bentoml"),
        "BENTOML_CONFIG_OPTIONS": f"services.linerisk.workers={workers}",
        # Workers share the machine; one of them answers many small requests, not one large.
        "POLARS_MAX_THREADS": os.environ.get("POLARS_MAX_THREADS", "1"),
        # What a large request needed goes back to the machine, and not to a pool of a library's own.
        "ARROW_DEFAULT_MEMORY_POOL": os.environ.get("ARROW_DEFAULT_MEMORY_POOL", "system"),
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
    }
    arguments = [sys.executable, "-m", "bentoml", "serve", "--quiet", _SERVICE, "--host", address, "--port", str(port)]
    arguments += ["--working-dir", str(Path(__file__).resolve().parents[2])]
    arguments += ["--timeout-keep-alive", str(_KEEP_ALIVE_S), "--timeout-graceful-shutdown", str(_DRAIN_S)]
    return arguments, environment


def _check(settings: Settings, *, host: str, port: int) -> None:
    """Fail here, in words, on what would make every worker fail at its start."""
    import_lightgbm_alone()
    from linerisk.service.desk import Desk  # noqa: PLC0415  # heavy, and not needed to build a command

    desk = Desk(settings)
    try:
        desk.holder.current()
    finally:
        desk.close()
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((_address(host), port))
    except OSError as error:
        raise UsageError(
            f"{host}:{port} cannot be listened on",
            expected="a free port of this machine",
            found=error.strerror or type(error).__name__,
            todo="choose another with --port, or stop what listens there",
            field="port",
        ) from error


def _address(host: str) -> str:
    """BentoML takes addresses, not names."""
    return "127.0.0.1" if host == "localhost" else host


def _exported(settings: Settings) -> dict[str, str]:
    """Settings as the environment of a process that may run in another folder."""
    exported = {}
    for name, value in settings:
        if value is not None:
            exported[f"LINERISK_{name.upper()}"] = str(value.resolve() if isinstance(value, Path) else value)
    return exported
