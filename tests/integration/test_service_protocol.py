"""Connections that a service must not keep: heads without end, heads that never come; over real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from faceward.service import protocol
from faceward.service.protocol import MOST_HEAD, BoundedProtocol


async def app(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = f"{scope['type']} {size}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port() -> Iterator[int]:
    config = uvicorn.Config(app, port=0, http=BoundedProtocol, ws="none", log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    opened = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([opened],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield opened.getsockname()[1]
    server.should_exit = True
    thread.join()


def exchange(port: int, *parts: bytes) -> bytes:
    """Send parts one after the other; return everything that comes until the server closes or says no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                connection.sendall(part)
                time.sleep(0.02)
        found = b""
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            connection.settimeout(0.5)
            while data := connection.recv(65536):
                found += data
        return found


def test_a_connection_serves_one_request_after_another_with_bodies_of_any_size(port: int) -> None:
    one = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n" + b"b" * 300_000
    assert exchange(port, one, one, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize(
    "head",
    [
        b"x-long: " + b"h" * (MOST_HEAD + 1) + b"\r\n",
        b"".join(b"x-%d: h\r\n" % n for n in range(9000)),
        b"x-endless: " + b"h" * (4 * MOST_HEAD),
    ],
)
def test_a_head_that_is_too_long_is_refused(port: int, head: bytes) -> None:
    whole = b"GET / HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n"
    in_pieces = [whole[start : start + 10_000] for start in range(0, len(whole), 10_000)]
    for parts in ([whole], in_pieces):
        found = exchange(port, *parts)
        assert found.startswith(b"HTTP/1.1 431 "), found[:100]
        assert found.count(b"HTTP/1.1") == 1
    line = exchange(port, b"GET /" + b"a" * (MOST_HEAD + 1) + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert line.startswith(b"HTTP/1.1 431 ")


def test_what_is_no_http_is_refused(port: int) -> None:
    assert exchange(port, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_head_that_does_not_come_closes_the_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    for parts in ((), (b"GET / HTTP/1.1\r\nhost: ",)):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            for part in parts:
                connection.sendall(part)
            assert connection.recv(1) == b""
    # A body may take longer than a head.
    slow = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(slow)
        time.sleep(0.4)
        connection.sendall(b"ab")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_nobody_leaves_http(port: int) -> None:
    upgrade = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n"
    assert exchange(port, b"GET / HTTP/1.1\r\nhost: x\r\n" + upgrade + b"\r\n").endswith(b"http 0")


def until_closed(connection: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            found += data
    return found


BODY = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "REST_SECONDS", 0.3)


@pytest.mark.usefixtures("quick")
def test_a_body_that_comes_too_slowly_closes_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(BODY + b"{")
        assert until_closed(connection).startswith(b"HTTP/1.1 408 ")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        # A byte now and then does not help, nor does a chunked body.
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        began = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - began < 3:
                connection.sendall(b"1\r\nx\r\n")
                time.sleep(0.05)
        assert time.monotonic() - began < 2


@pytest.mark.usefixtures("quick")
def test_a_body_that_comes_as_fast_as_it_must_may_take_long(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_RATE", 100)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(BODY)
        for _ in range(10):
            connection.sendall(b"b" * 100)
            time.sleep(0.06)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_connection_too_many_takes_the_place_of_one_that_only_waits(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 3)
    with contextlib.ExitStack() as stack:
        made = []
        for begun in (BODY, b"GET / HTTP/1.1\r\nhost: ", b"", BODY, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            one.sendall(begun)
            made.append(one)
            time.sleep(0.1)
        assert made[4].recv(1000).startswith(b"HTTP/1.1 200")
        # Those who sent no whole head went first.
        for one in made[1:3]:
            assert until_closed(one) == b""
        for one in (made[0], made[3]):
            one.sendall(b"b" * 1000)
            assert one.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 3\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 3\r\n",
        b"content-length: 3\r\ncontent-length: 4\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"transfer-encoding : chunked\r\n",
        b"content-length: +3\r\n",
        b"content-length: 3\r\n x: y\r\n",
    ],
)
def test_a_body_whose_end_is_in_doubt_is_refused(port: int, framing: bytes) -> None:
    # RFC 9112 §6.3 and §11.2: a proxy and the service must not see different requests.
    smuggled = b"GET /second HTTP/1.1\r\nhost: x\r\n\r\n"
    found = exchange(port, b"POST / HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n0\r\n\r\n" + smuggled)
    assert found.startswith(b"HTTP/1.1 400 "), found
    assert found.count(b"HTTP/1.1 ") == 1
