"""Slow, endless or too many clients are refused and disconnected, and delay no other client."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from typing import ClassVar

import pytest
import uvicorn

from linerisk.service.connection import Connection
from linerisk.web.http import Receive, Scope, Send

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n"
LARGE = 8 * 1024 * 1024
READ_AT_ONCE = 256 * 1024


class ImpatientConnection(Connection):
    """The connection with short timeouts."""

    head_within_s = 0.3
    body_within_s = 0.3
    read_within_s = 0.3
    most_connections = 4
    made: ClassVar[weakref.WeakSet[Connection]] = weakref.WeakSet()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # the signature of uvicorn
        super().connection_made(transport)
        self.made.add(self)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Echoes the body; `/large` gets a large answer."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    answer = b"x" * LARGE if scope["path"] == "/large" else body or b"-"
    headers = [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=ImpatientConnection, log_config=None, lifespan="off", timeout_keep_alive=60)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        yield connection


def rest(client: socket.socket) -> bytes:
    """Everything received until the server closes the connection."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def refusal(client: socket.socket) -> tuple[int, str]:
    """Status and code of a refusal that closes the connection."""
    head, _, body = rest(client).partition(b"\r\n\r\n")
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(body)["error"]["code"]


def answer(client: socket.socket) -> bytes:
    """The body of one short answer."""
    head, _, body = client.recv(65536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    return body or client.recv(65536)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET[:-2]], ids=["nothing", "half a line", "half a head"])
def test_a_missing_head_is_refused_at_the_timeout(client: socket.socket, sent: bytes) -> None:
    client.sendall(sent)
    assert refusal(client) == (408, "slow_head")


def test_a_slow_head_is_refused_at_the_timeout(client: socket.socket) -> None:
    began = time.monotonic()
    try:
        for byte in GET[:-2] * 100:
            client.sendall(bytes([byte]))
            time.sleep(0.02)
    except OSError:
        pass
    assert time.monotonic() - began < 2


def test_a_missing_body_is_refused_at_the_timeout(client: socket.socket) -> None:
    client.sendall(POST + b"ab")
    assert refusal(client) == (408, "slow_body")


def test_an_endless_head_is_refused(client: socket.socket) -> None:
    client.sendall(GET[:-2] + b"a: " + b"b" * 20_000)
    assert refusal(client) == (431, "head_too_large")


def test_invalid_http_is_refused_in_the_error_shape(client: socket.socket) -> None:
    client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
    assert refusal(client) == (400, "malformed")


def test_a_client_that_does_not_read_is_disconnected(client: socket.socket) -> None:
    client.sendall(GET.replace(b"/ ", b"/large "))
    time.sleep(1)
    assert len(rest(client)) < LARGE


def test_an_idle_connection_stays_open_between_requests(client: socket.socket) -> None:
    client.sendall(GET)
    assert answer(client) == b"-"
    time.sleep(0.6)
    client.sendall(POST + b"abcd")
    assert answer(client) == b"abcd"


def test_a_second_request_has_its_own_timeout(client: socket.socket) -> None:
    client.sendall(GET)
    assert answer(client) == b"-"
    client.sendall(GET[:-2])
    assert refusal(client) == (408, "slow_head")


def test_a_body_in_pieces_is_read(client: socket.socket) -> None:
    for piece in (POST[:20], POST[20:], b"ab", b"cd"):
        client.sendall(piece)
        time.sleep(0.05)
    assert answer(client) == b"abcd"


def test_pipelined_requests_are_answered_in_order(client: socket.socket) -> None:
    client.sendall(POST + b"abcd" + POST + b"efgh")
    time.sleep(0.2)
    received = client.recv(65536)
    assert received.index(b"abcd") < received.index(b"efgh")


@pytest.mark.parametrize("sent", [POST + b"ab", POST + b"abcd"], ids=["half a body", "whole"])
def test_a_closed_connection_is_freed_without_garbage_collection(port: int, sent: bytes) -> None:
    gc.collect()
    gc.disable()
    try:
        before = len(ImpatientConnection.made)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(sent)
                if sent.endswith(b"abcd"):
                    assert answer(client) == b"abcd"
        time.sleep(0.2)
        assert len(ImpatientConnection.made) <= before
    finally:
        gc.enable()


def test_a_client_that_sends_faster_than_it_is_answered_is_paused(client: socket.socket) -> None:
    reading = threading.Thread(target=rest, args=(client,))
    reading.start()
    client.sendall(GET * 40_000)
    most, until = 0, time.monotonic() + 1
    while time.monotonic() < until:
        most = max([most, *[len(connection.pipeline) for connection in list(ImpatientConnection.made)]])
        time.sleep(0.005)
    client.shutdown(socket.SHUT_RDWR)
    reading.join()
    assert 0 < most < READ_AT_ONCE // len(GET) + 100


def test_many_pipelined_requests_are_all_answered(client: socket.socket) -> None:
    many = [POST + b"%04d" % at for at in range(2_000)]
    sending = threading.Thread(target=client.sendall, args=(b"".join(many) + POST + b"last",))
    sending.start()
    received = b""
    while not received.endswith(b"last"):
        received += client.recv(65536)
    sending.join()
    assert received.count(b"HTTP/1.1 200 OK") == 2_001


def test_one_client_too_many_is_refused_and_the_others_are_answered(port: int) -> None:
    taken = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(5)]
    try:
        assert refusal(taken[4]) == (503, "overloaded")
        for client in taken[:4]:
            client.sendall(GET)
            assert answer(client) == b"-"
    finally:
        for client in taken:
            client.close()
