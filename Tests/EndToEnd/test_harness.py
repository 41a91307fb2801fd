"""The tests' own instruments can fail: the oracle finds what is wrong, and the relay shows it everything."""

import http.server
import json
import threading
from typing import Any

import pytest

from support.caller import Caller
from support.oracle import SchemaOracle
from support.relay import Relay

GOOD = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "x"}], "resultType": "complete"}}


@pytest.fixture(autouse=True)
def schemas(oracle: SchemaOracle) -> None:
    if oracle.missing:
        pytest.skip(oracle.missing)


@pytest.mark.parametrize(
    ("message", "revision", "method"),
    [
        ({**GOOD, "result": {"content": [{"type": "text"}], "resultType": "complete"}}, "2026-07-28", "tools/call"),
        ({**GOOD, "result": {"content": []}}, "2026-07-28", "tools/call"),
        ({**GOOD, "id": None}, "2025-11-25", "tools/call"),
        ({**GOOD, "jsonrpc": "1.0"}, "2025-11-25", "tools/call"),
        ({**GOOD, "result": {"tools": []}}, "2026-07-28", "tools/list"),
        ({**GOOD, "result": {"tools": [{"name": "a"}]}}, "2025-06-18", "tools/list"),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}, "2025-11-25", None),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a"}}, "2026-07-28", None),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": "no"}}, "2025-11-25", None),
        ([GOOD], "2025-11-25", None),
    ],
)
def test_the_oracle_finds_what_is_wrong(oracle: SchemaOracle, message: Any, revision: str, method: str | None) -> None:
    assert oracle.problems(message, revision, method)


@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
def test_the_oracle_accepts_what_is_right(oracle: SchemaOracle, revision: str) -> None:
    assert oracle.problems(GOOD, revision, "tools/call") == []


class _Echo(http.server.BaseHTTPRequestHandler):
    """Answers a call with an event stream in chunks; the tool `broken` gives an answer that no schema allows, `twin` another id."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tool = request["params"]["name"]
        answer = {**GOOD, "id": 99 if tool == "twin" else request["id"]}
        if tool == "broken":
            answer["result"] = {"content": "x", "resultType": "complete"}
        body = b": hello\r\n\r\nevent: message\r\ndata: " + json.dumps(answer).encode() + b"\r\n\r\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(body), 10):
            piece = body[start : start + 10]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(("tool", "found"), [("fine", 0), ("broken", 1), ("twin", 1)])
def test_the_relay_shows_the_oracle_every_message(oracle: SchemaOracle, tool: str, found: int) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    relay = Relay(server.server_port)
    with Caller(relay.url) as caller:
        caller.call(tool, {})
        caller.call("fine", {})
    assert len(relay.exchanges()) == 2
    problems = relay.problems(oracle)
    assert len(problems) == found, problems
    relay.close()
    server.shutdown()
