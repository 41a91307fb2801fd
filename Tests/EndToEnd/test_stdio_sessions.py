"""`weir stdio` and a server of the handshake era that forgets sessions, takes batches, and may be slow."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
import pytest

from conftest import judged, upstream_command
from support.bridge import INITIALIZED, LEGACY, Bridge, answer_of, request
from support.oracle import Between
from support.relay import Relay

pytestmark = pytest.mark.weir


class Handler(BaseHTTPRequestHandler):
    """Knows the session `s<number>` that it has given last, and answers every request with its method and what belongs to that."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str | None, Any]]
    sessions: list[str]

    def log_message(self, *arguments: object) -> None:
        pass

    def reply(self, status: int, body: Any = None, session: str | None = None) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if session:
            self.send_header("Mcp-Session-Id", session)
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        session = self.headers.get("Mcp-Session-Id")
        self.seen.append((session, message))
        if not isinstance(message, list) and message["method"] == "initialize":
            self.sessions.append(f"s{len(self.sessions) + 1}")
            result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
            return self.reply(200, {"jsonrpc": "2.0", "id": message["id"], "result": result}, self.sessions[-1])
        if session != self.sessions[-1]:
            return self.reply(404)
        return self.take(message)

    def take(self, message: Any) -> None:
        if "id" not in message:
            return self.reply(202)
        return self.reply(200, did(message))

    def do_GET(self) -> None:
        self.reply(405)

    def do_DELETE(self) -> None:
        self.reply(200)


def did(message: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request."""
    members = {"tools/list": {"tools": []}, "tools/call": {"content": []}}.get(message["method"], {})
    return {"jsonrpc": "2.0", "id": message["id"], "result": {"did": message["method"], **members}}


class Server:
    def __init__(self, handler: type[Handler], **members: Any) -> None:
        self.seen: list[tuple[str | None, Any]] = []
        self.sessions: list[str] = []
        fresh = type("Fresh", (handler,), {"seen": self.seen, "sessions": self.sessions, **members})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), fresh)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.relay = Relay(self.http.server_port)

    def bridge(self, faulty: bool = False) -> Bridge:
        return Bridge("stdio", "--url", f"{self.relay.url}/mcp", faulty=faulty)

    def said(self, session: str) -> list[tuple[str, Any]]:
        """Methods and what they are about, in this session."""
        return [(one["method"], (one.get("params") or {}).get("uri") or (one.get("params") or {}).get("level"))
                for where, one in self.seen if where == session]


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    servers: list[Server] = []
    yield servers
    with judged(Between.UPSTREAMS, *(server.relay for server in servers)):
        pass
    for server in servers:
        server.relay.close()
        server.http.shutdown()
        server.http.server_close()


def opening(revision: str) -> str:
    return request(0, "initialize", LEGACY, protocolVersion=revision, capabilities={}, clientInfo={"name": "t", "version": "1"})


def test_log_level_and_subscriptions_outlive_a_forgotten_session(servers: list[Server]) -> None:
    server = Server(Handler)
    servers.append(server)
    with server.bridge().process() as bridge:
        bridge.stdin.write(opening("2025-11-25") + INITIALIZED)
        assert answer_of(bridge)["id"] == 0
        bridge.stdin.write(request(1, "logging/setLevel", LEGACY, level="warning"))
        assert answer_of(bridge)["id"] == 1
        for number, uri in enumerate(["a:1", "a:2", "a:3"], 2):
            bridge.stdin.write(request(number, "resources/subscribe", LEGACY, uri=uri))
            assert answer_of(bridge)["id"] == number
        bridge.stdin.write(request(5, "resources/unsubscribe", LEGACY, uri="a:2"))
        assert answer_of(bridge)["id"] == 5
        server.sessions.append("somebody else's")
        bridge.stdin.write(request(6, "tools/list", LEGACY))
        assert answer_of(bridge) == {"jsonrpc": "2.0", "id": 6, "result": {"did": "tools/list", "tools": []}}
        bridge.stdin.close()
        assert bridge.wait(5) == 0
    again = server.said("s3")
    assert again[0] == ("notifications/initialized", None) and again[-1] == ("tools/list", None)
    assert sorted(again[1:-1]) == [("logging/setLevel", "warning"), ("resources/subscribe", "a:1"), ("resources/subscribe", "a:3")]


class Slow(Handler):
    """Takes no notification before it is let."""

    taken: list[int]
    gate: threading.Event

    def take(self, message: Any) -> None:
        if message["method"] == "notifications/x":
            self.gate.wait(30)
            self.taken.append(message["params"]["number"])
        super().take(message)


def test_a_server_that_takes_nothing_stops_the_reading_and_loses_nothing(servers: list[Server]) -> None:
    taken: list[int] = []
    gate, count = threading.Event(), 300
    server = Server(Slow, taken=taken, gate=gate)
    servers.append(server)
    with server.bridge().process() as bridge:
        bridge.stdin.write(opening("2025-11-25") + INITIALIZED)
        assert answer_of(bridge)["id"] == 0
        written = 0

        def write() -> None:
            nonlocal written
            for number in range(count):
                params = {"number": number, "x": "x" * 100_000}
                bridge.stdin.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/x", "params": params}) + "\n")
                written += 1
            bridge.stdin.close()

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        before = -1
        while before != written or not written:
            before = written
            writer.join(1)
        assert 60 < written < 120 and psutil.Process(bridge.pid).memory_info().rss < 100 * 1024 * 1024
        gate.set()
        writer.join(30)
        assert bridge.wait(30) == 0
    assert taken == list(range(count))


class Batching(Handler):
    """Answers a batch as an array, the last request first, or in events of one message each where it holds a call."""

    def take(self, message: Any) -> None:
        if not isinstance(message, list):
            return super().take(message)
        answers = [did(one) for one in reversed(message) if "id" in one]
        if not answers:
            return self.reply(202)
        if all(one["method"] != "tools/call" for one in message):
            return self.reply(200, answers)
        body = "".join(f"data: {json.dumps(answer)}\n\n" for answer in answers).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize("method", ["tools/list", "tools/call"])
def test_a_batch_reaches_the_server_as_one_and_each_answer_the_client(servers: list[Server], method: str) -> None:
    server = Server(Batching)
    servers.append(server)
    batch = [json.loads(request(1, method, LEGACY, name="a")), json.loads(INITIALIZED) | {"method": "notifications/x"}, json.loads(request(2, "ping", LEGACY))]
    with server.bridge().process() as bridge:
        bridge.stdin.write(opening("2025-03-26") + INITIALIZED)
        assert answer_of(bridge)["id"] == 0
        bridge.stdin.write(json.dumps(batch) + "\n")
        assert [answer_of(bridge) for _ in range(2)] == [
            did({"id": 2, "method": "ping"}), did({"id": 1, "method": method})]
        bridge.stdin.write(json.dumps(batch[1:2]) + "\n")
        bridge.stdin.close()
        assert bridge.wait(5) == 0
    assert [message for _, message in server.seen if isinstance(message, list)] == [batch, batch[1:2]]


def test_a_batch_is_refused_in_sessions_of_other_revisions(servers: list[Server]) -> None:
    server = Server(Batching)
    servers.append(server)
    with server.bridge(faulty=True).process() as bridge:
        bridge.stdin.write(opening("2025-11-25") + INITIALIZED)
        assert answer_of(bridge)["id"] == 0
        bridge.stdin.write(f"[{request(1, 'ping', LEGACY).strip()}]\n" + request(2, "ping", LEGACY))
        answers = {answer["id"]: answer for answer in (answer_of(bridge) for _ in range(2))}
        assert answers[1]["error"]["code"] == -32600 and "2025-03-26" in answers[1]["error"]["message"]
        assert answers[2]["result"] == {"did": "ping"}


def test_weir_answers_a_batch(start_weir: Any) -> None:
    with start_weir({"upstreams": {"one": {"command": upstream_command("workshop.py"), "share": "all"}}}) as weir:
        weir.wait_for_tools("one")
        with Bridge("stdio", "--url", f"{weir.url}/mcp/one").process() as bridge:
            bridge.stdin.write(opening("2025-03-26") + INITIALIZED)
            assert answer_of(bridge)["id"] == 0
            batch = [json.loads(line) for line in (request(1, "ping", LEGACY), request(2, "tools/list", LEGACY), request(3, "no/such", LEGACY))]
            bridge.stdin.write(json.dumps(batch) + "\n")
            answers = {answer["id"]: answer for answer in (answer_of(bridge) for _ in range(3))}
            assert answers[1]["result"] == {} and answers[2]["result"]["tools"] and answers[3]["error"]["code"] == -32601
