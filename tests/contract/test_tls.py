"""TLS by option: current versions and ciphers only, plain HTTP refused, unusable certificates refused at the start."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from linerisk.as_of import now
from linerisk.errors import UsageError
from linerisk.service.serve import Tls, in_the_clear, serve
from linerisk.settings import Settings


@dataclass(frozen=True)
class Pair:
    """A self-signed certificate for loopback and its key."""

    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, *, passphrase: bytes | None = None) -> Pair:
        folder.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "linerisk")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() - timedelta(days=1))
            .not_valid_after(now() + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        pair = cls(folder / "certificate.pem", folder / "key.pem")
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secrecy = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        pair.key.write_bytes(key.private_bytes(pem, form, secrecy))
        return pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair.make(tmp_path_factory.mktemp("tls") / "pair")


@pytest.fixture(scope="module")
def secured(serving: Callable[..., Any], pair: Pair, world_of_module: Any) -> Iterator[Any]:
    """A service started with TLS options."""
    options = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key), "--host", "localhost")
    with serving(world_of_module, *options, authority=pair.certificate) as server:
        yield server


def send_plain(server: Any, *, sent: bytes) -> bytes:
    """The answer to bytes that a client sends without TLS."""
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(sent)
        try:
            return connection.recv(4096)
        except ConnectionResetError:
            return b""


def test_a_client_that_trusts_the_certificate_gets_an_answer(secured: Any) -> None:
    assert secured.score("tls", "line-001").status_code == 200
    (start,) = (line for line in secured.log.read_text().splitlines() if '"ready"' in line)
    assert f'"address": "{secured.url}"' in start
    assert secured.url.startswith("https://")
    assert "warning" not in start


def test_a_client_that_does_not_trust_the_certificate_aborts_the_handshake(secured: Any) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{secured.url}/livez", verify=ssl.create_default_context())


def test_plain_http_on_the_tls_port_is_refused_and_tls_keeps_working(secured: Any) -> None:
    token = secured.world.tokens["scorer"]
    head = f"GET /v1/model HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
    for _ in range(20):
        assert b"HTTP/1.1 2" not in send_plain(secured, sent=head.encode())
    assert secured.score("after-plain", "line-001").status_code == 200
    assert token not in secured.log.read_text()
    assert "Traceback" not in secured.log.read_text()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_an_old_tls_version_is_refused(secured: Any, pair: Pair, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=pair.certificate)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")  # a client that accepts any cipher
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol|alert"):
        _shake(secured, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_current_tls_version_uses_forward_secrecy(secured: Any, pair: Pair, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=pair.certificate)
    context.minimum_version = context.maximum_version = version
    name, _, bits = _shake(secured, context)
    assert name.startswith(("ECDHE-", "TLS_"))
    assert bits >= 128


def test_a_cipher_without_authenticated_encryption_is_refused(secured: Any, pair: Pair) -> None:
    context = ssl.create_default_context(cafile=pair.certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-SHA384")
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake|EOF"):
        _shake(secured, context)


def _shake(server: Any, context: ssl.SSLContext) -> tuple[str, str, int]:
    where = urlsplit(server.url)
    with (
        socket.create_connection((where.hostname, where.port), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=where.hostname) as secure,
    ):
        cipher = secure.cipher()
        assert cipher is not None
        return cipher


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("missing", "No such file"),
        ("folder", "directory"),
        ("mismatched", "KEY_VALUES_MISMATCH"),
        ("no PEM", "no PEM|NO_START_LINE|PEM"),
        ("swapped", "certificate and key cannot be used together"),
        ("passphrase", "certificate and key cannot be used together"),
    ],
)
def test_an_unusable_certificate_or_key_is_refused_before_the_start(
    tmp_path: Path, pair: Pair, case: str, message: str
) -> None:
    other = Pair.make(tmp_path / "other", passphrase=b"secret" if case == "passphrase" else None)
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    tls = {
        "missing": Tls(tmp_path / "nowhere.pem", pair.key),
        "folder": Tls(pair.certificate, tmp_path),
        "mismatched": Tls(pair.certificate, other.key),
        "no PEM": Tls(text, pair.key),
        "swapped": Tls(pair.key, pair.certificate),
        "passphrase": Tls(other.certificate, other.key),
    }[case]
    with pytest.raises(UsageError, match=message):
        serve(Settings(home=tmp_path / "home"), tls=tls)
    assert not (tmp_path / "home").exists()


def test_a_certificate_without_a_key_or_a_key_without_a_certificate_is_refused(pair: Pair) -> None:
    with pytest.raises(UsageError) as refusal:
        Tls.of(pair.certificate, None)
    assert refusal.value.field == "--tls-key"
    assert Tls.of(None, None) is None


def test_beyond_loopback_without_tls_the_start_warns(serving: Callable[..., Any], world: Any) -> None:
    with serving(world, "--host", "0.0.0.0") as server:  # noqa: S104  # that it warns is what is tested
        (start,) = (line for line in server.log.read_text().splitlines() if '"ready"' in line)
    assert "no TLS: tokens and answers cross the network in the clear" in start
    assert '"level": "warning"' in start


@pytest.mark.parametrize(
    ("url", "clear"),
    [
        ("http://127.0.0.1:3000", False),
        ("http://[::1]:3000", False),
        ("http://10.0.0.5:3000", True),
        ("http://[::]:3000", True),
        ("https://10.0.0.5:3000", False),
    ],
)
def test_only_plain_http_beyond_loopback_counts_as_unencrypted(url: str, *, clear: bool) -> None:
    assert in_the_clear(url) is clear
