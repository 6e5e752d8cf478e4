"""`linerisk serve`: checks what would make every worker fail, then becomes BentoML's server.

The process is replaced by the server, so that signals reach it: SIGTERM drains and exits with 0.
"""

from __future__ import annotations

import ipaddress
import os
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
_KEEP_ALIVE_S = 60
_DRAIN_S = 30
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""TLS 1.2 ciphers with forward secrecy and authenticated encryption; all of TLS 1.3 have both."""


@dataclass(frozen=True)
class Tls:
    """A certificate with its chain, and its key, as PEM files.

    Attributes:
        certificate: The server's certificate, followed by its chain.
        key: The private key, without a passphrase.
    """

    certificate: Path
    key: Path

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None) -> Tls | None:
        """Certificate and key, or None if neither is given.

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
        """Check both files.

        Raises:
            UsageError: A file is missing, unreadable or not PEM, or the two do not belong together.
        """
        for option, path in (("--tls-cert", self.certificate), ("--tls-key", self.key)):
            try:
                path.read_bytes()
            except OSError as error:
                raise UsageError(
                    f"{path} cannot be read",
                    expected="a PEM file that this user may read",
                    found=error.strerror or type(error).__name__,
                    todo="correct the path, or let this user read the file",
                    field=option,
                ) from error
        try:
            # An empty passphrase fails; without one, OpenSSL would prompt for it.
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
    """Replace this process by the server; does not return.

    Args:
        settings: Passed on to the workers.
        host: Address to listen on; default loopback.
        port: Port to listen on.
        workers: Worker processes.
        tls: Certificate and key; None is plain HTTP.

    Raises:
        NotLiveError: Nothing is promoted.
        UsageError: The address is not free, or certificate and key cannot be used.
        PolicyError: Policies or reason texts are wrong.
        DecisionLogError: The decision log cannot be opened.
    """
    if tls is not None:
        tls.check()
    _check_address(host, port)
    arguments, environment = command(settings, host=host, port=port, workers=workers, tls=tls)
    sys.stdout.flush()
    sys.stderr.flush()
    _check(settings)
    os.execve(arguments[0], arguments, environment)  # noqa: S606  # no shell is wanted


def command(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 3000, workers: int = 1, tls: Tls | None = None
) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of the server process."""
    address = _address(host)
    home = settings.home.resolve()
    environment = {
        **os.environ,
        **_exported(settings),
        "LINERISK_SERVED_AT": f"{'http' if tls is None else 'https'}://{_in_url(address)}:{port}",
        "BENTOML_DO_NOT_TRACK": "True",
        # BentoML empties its metrics folder when it starts, so every home has its own.
        "BENTOML_HOME": str(home / "bentoml"),
        "BENTOML_CONFIG_OPTIONS": f"services.linerisk.workers={workers}",
        # Workers share the machine and answer many small requests rather than one large.
        "POLARS_MAX_THREADS": os.environ.get("POLARS_MAX_THREADS", "1"),
        # Memory of a large request returns to the system instead of a pool of the library.
        "ARROW_DEFAULT_MEMORY_POOL": os.environ.get("ARROW_DEFAULT_MEMORY_POOL", "system"),
        # One arena: memory that one thread allocates and another frees would fragment several.
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
    """Whether an address is plain HTTP beyond loopback, so that tokens cross a network unencrypted.

    >>> in_the_clear("http://127.0.0.1:3000"), in_the_clear("http://0.0.0.0:3000"), in_the_clear("https://0.0.0.0:3000")
    (False, True, False)
    """
    scheme, _, rest = url.partition("://")
    return scheme == "http" and not ipaddress.ip_address(rest.rpartition(":")[0].strip("[]")).is_loopback


def _check(settings: Settings) -> None:
    """Raise here what would make every worker fail at its start."""
    # Slow to import; `--help` does without.
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
            f"cannot listen on {host}:{port}",
            expected="a free port of this machine",
            found=error.strerror or type(error).__name__,
            todo="choose another with --port, or stop the process that listens there",
            field="port",
        ) from error


def _address(host: str) -> str:
    """BentoML takes addresses, not host names."""
    return "127.0.0.1" if host == "localhost" else host


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _exported(settings: Settings) -> dict[str, str]:
    """Settings as environment variables, with absolute paths."""
    exported = {}
    for name, value in settings:
        if value is not None:
            exported[f"LINERISK_{name.upper()}"] = str(value.resolve() if isinstance(value, Path) else value)
    return exported
