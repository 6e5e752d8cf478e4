"""Starting the service as a process of its own: `linerisk serve`.

The process becomes BentoML's server, so signals reach it as they should: SIGTERM drains and exits with 0. What would
make every worker fail is looked for beside it, in a process forked off: it takes as long as BentoML's own imports. The
server waits for that before it listens or starts a worker, and ends as the check ended.
"""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import socket
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from linerisk.errors import UsageError

if TYPE_CHECKING:
    from linerisk.settings import Settings

_SERVICE = "linerisk.service.app:service"
_CHECK = "LINERISK_CHECK"
"""Tells the server the process id of the check that it waits for."""
_KEEP_ALIVE_S = 60
_DRAIN_S = 30
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only. Those of TLS 1.3 are all of that kind."""


@dataclass(frozen=True)
class Tls:
    """A certificate with its chain, and its key, as PEM files.

    Attributes:
        certificate: The server's certificate first, then what leads to its authority.
        key: The private key, without a passphrase.
    """

    certificate: Path
    key: Path

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None) -> Tls | None:
        """The pair, or None if neither is given.

        Raises:
            UsageError: Only one is given.
        """
        if certificate is None and key is None:
            return None
        if certificate is None or key is None:
            missing = "--tls-cert" if certificate is None else "--tls-key"
            raise UsageError(
                "TLS needs a certificate and its key",
                expected="both or neither",
                found=f"no {missing}",
                todo="give both files, or neither",
                field=missing,
            )
        return cls(certificate, key)

    def check(self) -> None:
        """Fail in words on what would make every worker fail at its start.

        Raises:
            UsageError: A file is not there, cannot be read or is no PEM, or the two do not belong together.
        """
        for option, path in (("--tls-cert", self.certificate), ("--tls-key", self.key)):
            try:
                path.read_bytes()
            except OSError as error:
                raise UsageError(
                    f"{path} cannot be read",
                    expected="a PEM file that this user may read",
                    found=error.strerror or type(error).__name__,
                    todo="mend the path, or let this user read the file",
                    field=option,
                ) from error
        try:
            # A key with a passphrase must not stop the start with a question.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            raise UsageError(
                "certificate and key cannot be used together",
                expected="a certificate as PEM, its chain behind it, and the key that belongs to it, no passphrase",
                found=getattr(error, "reason", None) or "no PEM",
                todo="give the files that the certificate's authority made as one pair",
                field="--tls-cert",
            ) from error


def serve(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 3000, workers: int = 1, tls: Tls | None = None
) -> NoReturn:
    """Serve until stopped; does not come back.

    This process becomes the server. What the check finds is raised in a copy of this process, for the caller to say:
    the server says nothing of its own then, and ends with the copy's exit code.

    Args:
        settings: Handed on to the workers.
        host: Address to listen on; loopback unless said otherwise.
        port: Port to listen on.
        workers: Worker processes.
        tls: Certificate and key; None is plain HTTP.

    Raises:
        NotLiveError: Nothing is promoted.
        UsageError: The address cannot be listened on, or certificate and key cannot be used.
        PolicyError: Policies or wording are wrong.
        DecisionLogError: The decision log cannot be opened.
    """
    if tls is not None:
        tls.check()
    _check_address(host, port)
    arguments, environment = command(settings, host=host, port=port, workers=workers, tls=tls)
    sys.stdout.flush()
    sys.stderr.flush()
    # Whoever started this may ignore its children, which is inherited: nobody could tell then how one of ours ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    check = os.fork()
    if check == 0:
        gc.disable()  # it ends before any garbage counts
        _check(settings)
        raise SystemExit(0)
    os.execve(arguments[0], arguments, {**environment, _CHECK: str(check)})  # noqa: S606  # no shell is wanted


def await_check() -> None:
    """In the server, before it listens: wait for the check, and end as it ended unless all is well.

    Where there is none, as for a bento that `bentoml serve` starts, nothing is waited for.

    Raises:
        SystemExit: The check found something and said so, or was killed.
    """
    # Taken out: the workers inherit the environment, and the check is no child of theirs.
    check = os.environ.pop(_CHECK, None)
    if check is None:
        return
    code = os.waitstatus_to_exitcode(os.waitpid(int(check), 0)[1])
    if code < 0:
        raise SystemExit(f"the check before the start was ended by signal {-code}; start again")
    if code > 0:
        raise SystemExit(code)


def command(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 3000, workers: int = 1, tls: Tls | None = None
) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of the server process, for whoever starts it beside itself."""
    address = _address(host)
    home = settings.home.resolve()
    environment = {
        **os.environ,
        **_exported(settings),
        "LINERISK_SERVED_AT": f"{'http' if tls is None else 'https'}://{_in_url(address)}:{port}",
        "BENTOML_DO_NOT_TRACK": "True",
        # BentoML empties its folder of figures when it starts: every home has its own.
        "BENTOML_HOME": str(home / "bentoml"),
        "BENTOML_CONFIG_OPTIONS": f"services.linerisk.workers={workers}",
        # Workers share the machine; one of them answers many small requests, not one large.
        "POLARS_MAX_THREADS": os.environ.get("POLARS_MAX_THREADS", "1"),
        # What a large request needed goes back to the machine, and not to a pool of a library's own.
        "ARROW_DEFAULT_MEMORY_POOL": os.environ.get("ARROW_DEFAULT_MEMORY_POOL", "system"),
        # Decisions are made on one thread and freed by another: an arena for each would shrink and grow all the time.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "1"),
    }
    arguments = [sys.executable, "-m", "bentoml", "serve", "--quiet", _SERVICE, "--host", address, "--port", str(port)]
    arguments += ["--working-dir", str(Path(__file__).resolve().parents[2])]
    arguments += ["--timeout-keep-alive", str(_KEEP_ALIVE_S), "--timeout-graceful-shutdown", str(_DRAIN_S)]
    if tls is not None:
        arguments += ["--ssl-certfile", str(tls.certificate.resolve()), "--ssl-keyfile", str(tls.key.resolve())]
        arguments += ["--ssl-ciphers", _CIPHERS]
    return arguments, environment


def in_the_clear(url: str) -> bool:
    """Whether tokens sent to an address of ours cross a network unprotected: plain HTTP beyond loopback.

    >>> in_the_clear("http://127.0.0.1:3000"), in_the_clear("http://0.0.0.0:3000"), in_the_clear("https://0.0.0.0:3000")
    (False, True, False)
    """
    scheme, _, rest = url.partition("://")
    return scheme == "http" and not ipaddress.ip_address(rest.rpartition(":")[0].strip("[]")).is_loopback


def _check(settings: Settings) -> None:
    """Fail here, in words, on what would make every worker fail at its start."""
    # Slow to import, and not needed by the process that becomes the server.
    from linerisk.decisions.log import DecisionLog  # noqa: PLC0415
    from linerisk.explanation import Wording  # noqa: PLC0415
    from linerisk.live import check_live  # noqa: PLC0415
    from linerisk.policy import load_policies  # noqa: PLC0415

    load_policies(settings.policies)
    Wording.load(settings.policies)
    check_live(settings.live)
    DecisionLog(settings.decision_log_url).close()


def _check_address(host: str, port: int) -> None:
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


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _exported(settings: Settings) -> dict[str, str]:
    """Settings as the environment of a process that may run in another folder."""
    exported = {}
    for name, value in settings:
        if value is not None:
            exported[f"LINERISK_{name.upper()}"] = str(value.resolve() if isinstance(value, Path) else value)
    return exported
