"""Attacks: pickles, URLs to fetch, internal calls of BentoML, path traversal, and request smuggling."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

LINE = "13800138000"
PATHS = ("/", "/docs.json", "/livez", "/readyz", "/metrics", "/v1/score", "/v1/score/arrow", "/v1/model", "/score")
NEXT = b"GET /v1/model HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /v1/score HTTP/1.1\r\nhost: x\r\n"


@pytest.fixture
def answers(service: Any) -> Callable[[bytes], bytes]:
    """Sends bytes on a new connection; everything received until it is closed or silent."""
    where = urlsplit(service.url)

    def sending(sent: bytes) -> bytes:
        parts: list[bytes] = []
        with socket.create_connection((where.hostname, where.port), timeout=1) as connection:
            try:
                connection.sendall(sent)
                while part := connection.recv(65536):
                    parts.append(part)
            except (TimeoutError, ConnectionError):
                pass
        return b"".join(parts)

    return sending


def statuses(answered: bytes) -> list[int]:
    """Statuses of all answers on one connection."""
    return [int(part[:3]) for part in answered.split(b"HTTP/1.1 ")[1:]]


@pytest.fixture
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """A URL that must not be fetched, and the requests that it got."""
    received: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    ending = threading.Event()

    def listen() -> None:
        while not ending.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                received.append(connection.recv(4096))

    thread = threading.Thread(target=listen)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/secret", received
    ending.set()
    thread.join()
    server.close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("path", PATHS)
def test_no_path_unpickles_a_body(service: Any, tmp_path: Path, method: str, path: str) -> None:
    opened = tmp_path / "opened"
    harmful = f"cposix\nsystem\n(S'touch {opened}'\ntR.".encode()  # creates the file if anything unpickles it
    headers = {
        "content-type": "application/vnd.bentoml+pickle",
        "payload-container": "DefaultContainer",
        "payload-meta": json.dumps({"format": "default"}),
        "args-number": "1",
        "bento-name": "linerisk",
        "runner-name": "linerisk",
    }
    answer = service.client().request(method, path, params={"request_id": "pickle"}, content=harmful, headers=headers)
    if method == "GET":
        assert answer.status_code in {200, 404, 405}
    else:
        assert answer.status_code in {404, 405, 415}
        assert answer.json()["error"]["code"] in {"not_found", "method_not_allowed", "unsupported_media_type"}
    assert not opened.exists()


@pytest.mark.parametrize("path", PATHS)
def test_no_address_in_a_body_is_fetched(service: Any, listening: tuple[str, list[bytes]], path: str) -> None:
    address, received = listening
    client = service.client()
    tried = [
        client.post(path, files={"image": ("a.png", b"x"), "url": (None, address)}),
        client.post(path, data={"url": address}),
        client.post(path, content=address, headers={"content-type": "text/plain"}),
        client.post(path, json={"request_id": address, "lines": [{"line_id": address}], "image": address}),
        client.post(path, json={"request_id": address[:128], "lines": [{"line_id": address}]}),
        client.get(path, params={"url": address, "image": address}),
    ]
    assert all(answer.status_code < 500 for answer in tried)
    assert received == []


@pytest.mark.parametrize(
    "path",
    [
        *(f"/{name}" for name in ("predict", "api", "__call__", "invocations", "runner", "linerisk", "close")),
        *(f"/score/{verb}" for verb in ("submit", "status", "get", "retry", "cancel")),
        *("/schema", "/static_content", "/assets/index.js", "/debug", "/admin", "/graphql"),
        *("/docs", "/redoc", "/openapi.json", "/.env", "/.git/config", "/v1", "/v2/health/ready"),
    ],
)
def test_internal_paths_of_bentoml_are_not_offered(service: Any, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = service.client().request(method, path, params={"task_id": "1"})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("path", "offered"),
    [("/score", "POST"), ("/schema.json", "GET"), ("/static_content/swagger-ui-bundle.js", "GET")],
)
def test_paths_of_the_bentoml_page_allow_only_one_method(service: Any, path: str, offered: str) -> None:
    for method in {"GET", "POST", "PUT", "DELETE"} - {offered}:
        answer = service.client().request(method, path, params={"task_id": "1"})
        assert answer.status_code == 405
        assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/static_content/../../../../../../etc/passwd",
        "/static_content/%2e%2e/%2e%2e/app.py",
        "/static_content/..%2f..%2fapp.py",
        "/static_content/..%5c..%5capp.py",
        "/static_content//etc/passwd",
        "//etc/passwd",
        "/../etc/passwd",
        "/docs.json/../../etc/passwd",
        "/v1/../metrics",
        "/v1/decisions/../../../../etc/passwd",
        "/v1/decisions/..%2f..%2ftokens.json",
    ],
)
def test_no_path_escapes_the_offered_files(service: Any, answers: Callable[[bytes], bytes], path: str) -> None:
    token = service.world.tokens["auditor"]
    received = answers(
        f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n".encode()
    )
    assert statuses(received) == [404]
    assert b'"code":"not_found"' in received
    assert b"root:" not in received


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        POST + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        POST + b"content-length: 5, 5\r\n\r\nhello",
        POST + b"content-length: +5\r\n\r\nhello",
        POST + b"content-length: -5\r\n\r\nhello",
        POST + b"content-length: 99999999999999999999999\r\n\r\nhello",
        POST + b"content-length : 5\r\n\r\nhello",
        POST + b"x: a\r\n content-length: 5\r\n\r\nhello",
        POST + b"transfer-encoding: identity\r\ncontent-length: 5\r\n\r\nhello",
        POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\n5;\n\r\nhello\r\n0\r\n\r\n",
        b"GET /livez HTTP/1.1\nhost: x\n\n",
        b"GET /livez HTTP/1.1\r\nhost: x\rx: y\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x\r\nx: a\x00b\r\n\r\n",
        b"GET /livez HTTP/3.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"FROB /livez HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_ambiguous_http_is_refused_and_a_smuggled_request_is_not_answered(
    answers: Callable[[bytes], bytes], sent: bytes
) -> None:
    received = answers(sent + NEXT)
    assert statuses(received) == [400]
    assert b'"code":"malformed"' in received
    assert b"connection: close" in received


def test_two_pipelined_unambiguous_requests_get_two_answers(answers: Callable[[bytes], bytes]) -> None:
    """Shows that the test above can fail."""
    assert statuses(answers(NEXT + NEXT)) == [401, 401]


@pytest.mark.parametrize("length", [2_000, 15_000, 300_000])
def test_a_long_url_is_refused_and_the_service_keeps_answering(answers: Callable[[bytes], bytes], length: int) -> None:
    for start in (b"/", b"/v1/policy?on=", b"/v1/decisions/"):
        received = answers(b"GET " + start + b"x" * length + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert set(statuses(received)) <= {401, 404, 431}
    assert statuses(answers(NEXT)) == [401]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "OPTIONS", "PURGE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/model", "/v1/score"])
def test_no_method_echoes_tunnels_or_changes(answers: Callable[[bytes], bytes], method: str, path: str) -> None:
    received = answers(f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-secret: s3cret\r\n\r\n".encode())
    assert statuses(received) == [405]
    assert b"s3cret" not in received
    assert b"access-control" not in received.lower()


@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/score", f"/v1/lines/{LINE}/decisions?before={LINE}"])
def test_no_websocket_is_opened(service: Any, answers: Callable[[bytes], bytes], path: str) -> None:
    key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13"
    token = service.world.tokens["auditor"]
    head = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nupgrade: websocket\r\n"
    assert statuses(answers(f"{head}connection: upgrade\r\n{key}\r\n\r\n".encode())) == [403]
    assert LINE not in service.log.read_text()


def test_invented_paths_and_methods_add_no_metric_series_and_no_log_lines(
    service: Any, answers: Callable[[bytes], bytes]
) -> None:
    def series() -> set[str]:
        text = service.client(None).get("/metrics").text
        return {line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")}

    def send_invented(i: int) -> None:
        client = service.client("auditor")
        for path in (f"/made-up-{i}", f"/livez/{i}", f"/livez?x={i}", f"/docs.json?{i}", f"/v1/made-up/{i}"):
            client.get(path, headers={"host": f"made-up-{i}", "user-agent": f"made-up-{i}"})
        client.get(f"/v1/lines/{LINE}{i}/decisions")
        client.request("PURGE", "/v1/model")
        answers(f"FROB{i} / HTTP/1.1\r\n\r\n".encode())
        answers(f"GET /v1/{LINE} HTTP/1.1\r\nupgrade: h2c-{i}\r\nconnection: upgrade\r\n\r\n".encode())

    send_invented(0)
    before, log = series(), service.log.read_text()
    for i in range(1, 6):
        send_invented(i)
    assert series() == before
    assert service.log.read_text() == log
    assert "made-up" not in "".join(before)
    assert LINE not in log


def test_no_other_origin_is_allowed(service: Any) -> None:
    origin = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    for method, path in (("OPTIONS", "/v1/score"), ("POST", "/v1/score"), ("GET", "/docs.json")):
        answer = httpx.request(method, f"{service.url}{path}", headers=origin)
        assert not [name for name in answer.headers if name.startswith("access-control")]
