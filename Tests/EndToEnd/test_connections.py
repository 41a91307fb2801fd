"""Connections that are slow, greedy or crooked are refused or closed; whoever is well-behaved notices nothing."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import upstream_command
from support import raw
from support.weir import Weir
from test_bad_input import LIST, LIST_HEADERS

pytestmark = pytest.mark.weir

HEADER_TIMEOUT, BODY_TIMEOUT, IDLE_TIMEOUT = 1, 2, 2


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    limits = {"header_timeout": f"{HEADER_TIMEOUT}s", "body_timeout": f"{BODY_TIMEOUT}s", "idle_timeout": f"{IDLE_TIMEOUT}s", "max_connections": 64}
    configuration = {"listen": {"limits": limits}, "upstreams": {"old-timer": {"command": upstream_command("old_timer.py")}}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("old-timer")
        yield weir


def head(weir: Weir, *lines: str, target: str = "/mcp", version: str = "HTTP/1.1") -> bytes:
    usual = [f"{name}: {value}" for name, value in LIST_HEADERS]
    return "\r\n".join([f"POST {target} {version}", *usual, *lines]).encode("latin-1") + b"\r\n\r\n"


def host(weir: Weir) -> str:
    return f"Host: 127.0.0.1:{weir.port}"


LENGTH = f"Content-Length: {len(LIST)}"


@pytest.mark.parametrize(
    ("name", "lines", "options"),
    [
        ("no Host", [LENGTH], {}),
        ("two Hosts", ["Host: 127.0.0.1", LENGTH, "Host: evil.example"], {}),
        ("a Host with a path", ["Host: 127.0.0.1/../x", LENGTH], {}),
        ("an absolute-form target", ["Host: 127.0.0.1", LENGTH], {"target": "http://evil.example/mcp"}),
        ("a target without a slash", ["Host: 127.0.0.1", LENGTH], {"target": "mcp"}),
        ("a target with two slashes", ["Host: 127.0.0.1", LENGTH], {"target": "//mcp"}),
        ("a coding that nobody asked for", ["Host: 127.0.0.1", "Transfer-Encoding: gzip, chunked"], {}),
        ("two codings", ["Host: 127.0.0.1", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], {}),
        ("length and coding", ["Host: 127.0.0.1", LENGTH, "Transfer-Encoding: chunked"], {}),
        ("two lengths", ["Host: 127.0.0.1", LENGTH, "Content-Length: 1"], {}),
        ("a length with a sign", ["Host: 127.0.0.1", "Content-Length: +10"], {}),
        ("an expectation that nobody meets", ["Host: 127.0.0.1", LENGTH, "Expect: foo"], {}),
        ("a folded header", ["Host: 127.0.0.1", LENGTH, "X-Folded: a\r\n b"], {}),
        ("a space before the colon", ["Host : 127.0.0.1", LENGTH], {}),
        ("a header of 100 KB", ["Host: 127.0.0.1", LENGTH, "X-Large: " + "a" * 100_000], {}),
        ("1,100 headers", ["Host: 127.0.0.1", LENGTH, *(f"X-{number}: a" for number in range(1100))], {}),
        ("150 headers of 300 bytes", ["Host: 127.0.0.1", LENGTH, *(f"X-{number}: {'a' * 290}" for number in range(150))], {}),
        ("a target of 100 KB", ["Host: 127.0.0.1", LENGTH], {"target": "/mcp?" + "a" * 100_000}),
        ("HTTP/9.9", ["Host: 127.0.0.1", LENGTH], {"version": "HTTP/9.9"}),
    ],
)
def test_crooked_heads_are_refused_and_the_connection_closed(weir: Weir, name: str, lines: list[str], options: dict[str, str]) -> None:
    lines = [host(weir) if line == "Host: 127.0.0.1" else line for line in lines]
    body = b"0\r\n\r\n" if any("Transfer-Encoding" in line for line in lines) else LIST
    reply = raw.exchange(weir.port, head(weir, *lines, **options) + body, faulty=True, wait_for_close=True, timeout=8)
    assert reply.closed, f"{name}: the connection stays open after {reply.status}"
    assert reply.status is None or 400 <= reply.status < 500 or reply.status == 505, f"{name}: {reply.status}"


def test_a_good_head_is_good(weir: Weir) -> None:
    reply = raw.exchange(weir.port, head(weir, host(weir), LENGTH) + LIST, faulty=False)
    assert reply.status == 200


def test_a_continue_is_given_or_refused_at_once(weir: Weir) -> None:
    with socket.create_connection(("127.0.0.1", weir.relay.port), timeout=3) as connection:
        connection.sendall(head(weir, host(weir), LENGTH, "Expect: 100-continue"))
        first = connection.recv(1024)
        assert first.startswith((b"HTTP/1.1 100", b"HTTP/1.1 417")), first
        if b" 100 " in first[:13]:
            connection.sendall(LIST)
            assert connection.recv(1024).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", b"POST /mcp HT", b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_head_that_does_not_end_is_given_up(weir: Weir, sent: bytes) -> None:
    reply = raw.exchange(weir.port, sent, faulty=True, drip=(b"a" * 100, 0.3) if sent else None, wait_for_close=True, timeout=8)
    assert reply.closed and reply.seconds < max(HEADER_TIMEOUT, IDLE_TIMEOUT) + 2.5, reply


def test_a_body_that_drips_is_given_up(weir: Weir) -> None:
    """Every byte comes before the connection is idle, and still the body has to be there in time."""
    request = head(weir, host(weir), "Content-Length: 1000")
    reply = raw.exchange(weir.port, request, faulty=True, drip=(b" " * 1000, 0.3), wait_for_close=True, timeout=10)
    assert reply.closed and BODY_TIMEOUT - 0.5 < reply.seconds < BODY_TIMEOUT + 2.5, reply
    assert reply.status in (None, 408)


def test_a_body_that_never_comes_is_given_up(weir: Weir) -> None:
    reply = raw.exchange(weir.port, head(weir, host(weir), "Content-Length: 999999"), faulty=True, wait_for_close=True, timeout=10)
    assert reply.closed and reply.seconds < max(BODY_TIMEOUT, IDLE_TIMEOUT) + 2.5, reply


def test_a_silent_connection_is_closed(weir: Weir) -> None:
    with socket.create_connection(("127.0.0.1", weir.relay.port), timeout=10) as connection:
        connection.sendall(head(weir, host(weir), LENGTH) + LIST)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        while connection.recv(65536):
            pass
        assert time.monotonic() - began < IDLE_TIMEOUT + 2.5


def test_slow_clients_keep_nobody_waiting(weir: Weir) -> None:
    """Forty that drip their heads and bodies, and one that behaves."""
    slow = []
    for number in range(40):
        connection = socket.create_connection(("127.0.0.1", weir.port), timeout=5)
        connection.sendall(b"POST /mcp HTTP/1.1\r\nHo" if number % 2 else head(weir, host(weir), "Content-Length: 5000") + b"{")
        slow.append(connection)
    began = time.monotonic()
    for _ in range(10):
        assert httpx.post(f"{weir.url}/mcp", content=LIST, headers=dict(LIST_HEADERS)).status_code == 200
    assert time.monotonic() - began < 3
    for connection in slow:
        connection.close()


def test_more_connections_than_the_limit_do_not_take_weir_down(weir: Weir) -> None:
    connections = []
    for _ in range(100):
        try:
            connections.append(socket.create_connection(("127.0.0.1", weir.port), timeout=0.5))
        except OSError:
            break
    for connection in connections:
        connection.close()
    deadline = time.monotonic() + 10
    while True:
        try:
            if httpx.post(f"{weir.url}/mcp", content=LIST, headers=dict(LIST_HEADERS), timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, "no answer within 10 s after the flood"
        time.sleep(0.2)
