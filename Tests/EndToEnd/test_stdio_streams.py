"""`weir stdio` and a server of the handshake era that closes its event streams and goes on in others."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import judged
from support.bridge import INITIALIZE, INITIALIZED, LEGACY, Bridge, answer_of, request
from support.oracle import Between
from support.relay import Relay

pytestmark = pytest.mark.weir


class Handler(BaseHTTPRequestHandler):
    """Every answer to a call comes in a second stream; what is said unasked comes in many streams, one message in each."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str | None, str | None]]

    def log_message(self, *arguments: object) -> None:
        pass

    def reply(self, status: int, body: str = "", kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        if '"protocolVersion"' in body:
            self.send_header("Mcp-Session-Id", "s1")
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((message.get("method", ""), self.headers.get("Mcp-Session-Id"), self.headers.get("MCP-Protocol-Version")))
        if message.get("method") == "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
            # Over several lines: standard output has one for each message.
            return self.reply(200, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}, indent=2))
        if "id" not in message:
            return self.reply(202)
        return self.reply(200, f"id: call-{message['id']}\nretry: 150\ndata:\n\n", "text/event-stream")

    def do_GET(self) -> None:
        last = self.headers.get("Last-Event-ID")
        self.seen.append(("GET", self.headers.get("Mcp-Session-Id"), last))
        if last and last.startswith("call-"):
            answer = json.dumps({"jsonrpc": "2.0", "id": int(last.removeprefix("call-")), "result": {"content": [], "resumed": True}}, indent=1)
            lines = "".join(f"data: {line}\r\n" for line in answer.splitlines())
            return self.reply(200, f"id: call-end\r\n{lines}\r\n", "text/event-stream")
        number = int(last.removeprefix("get-")) + 1 if last else 1
        said = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": number}})
        return self.reply(200, f"id: get-{number}\nretry: 200\ndata: {said}\n\n", "text/event-stream")

    def do_DELETE(self) -> None:
        self.seen.append(("DELETE", self.headers.get("Mcp-Session-Id"), None))
        self.reply(200)


@pytest.fixture
def server() -> Iterator[tuple[Relay, list[tuple[str, str | None, str | None]]]]:
    """It behind a relay, and what it has seen."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Fresh", (Handler,), {"seen": []}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    relay = Relay(server.server_port)
    with judged(Between.UPSTREAMS, relay):
        yield relay, server.RequestHandlerClass.seen
    relay.close()
    server.shutdown()
    server.server_close()


def test_streams_are_taken_up_where_they_ended(server: tuple[Relay, list[tuple[str, str | None, str | None]]]) -> None:
    relay, seen = server
    with Bridge("stdio", "--url", f"{relay.url}/mcp").process() as bridge:
        bridge.stdin.write(INITIALIZE + INITIALIZED)
        assert answer_of(bridge)["id"] == 0
        said, began = [], time.monotonic()
        while len(said) < 4:
            said.append(json.loads(bridge.stdout.readline())["params"]["data"])
        assert said == [1, 2, 3, 4] and 0.5 < time.monotonic() - began < 5
        bridge.stdin.write(request(7, "tools/call", LEGACY, name="a"))
        assert answer_of(bridge) == {"jsonrpc": "2.0", "id": 7, "result": {"content": [], "resumed": True}}
        bridge.stdin.close()
        assert bridge.wait(5) == 0
    assert seen[0] == ("initialize", None, None)
    assert seen[1] == ("notifications/initialized", "s1", "2025-11-25")
    assert ("GET", "s1", None) in seen and ("GET", "s1", "get-3") in seen and ("GET", "s1", "call-7") in seen
    assert seen[-1] == ("DELETE", "s1", None)
