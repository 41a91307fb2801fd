"""The tests' own instruments can fail: the oracle finds what is wrong, and the relay shows it everything."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import upstream_command
from support import load, raw, witness
from support.balancer import Balancer
from support.caller import Caller, modern_meta
from support.ends import Ends
from support.exchanges import Exchanges
from support.oracle import META_VERSION, MODERN, Between, SchemaOracle
from support.processes import free_port
from support.relay import Relay
from support.weir import Weir

GOOD = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "x"}], "resultType": "complete"}}


@pytest.fixture(scope="module")
def oracle() -> SchemaOracle:
    """Another than the run's: what is said here is no message of Weir's."""
    return SchemaOracle()


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
    """Answers a call with an event stream in chunks; the tool `broken` gives an answer that no schema allows, `twin` another id, `cut` ends in the
    midst of the second event, of which the first is no message. What is not asked for calls is answered as in a session of 2024-11-05."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/":
            return self.nothing(202)
        tool = request["params"]["name"]
        answer = {**GOOD, "id": 99 if tool == "twin" else request["id"]}
        if tool == "broken":
            answer["result"] = {"content": "x", "resultType": "complete"}
        if tool == "cut":
            answer = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
        body = b": hello\r\n\r\nevent: message\r\ndata: " + json.dumps(answer).encode() + b"\r\n\r\n"
        self.stream(body + b"data: {" if tool == "cut" else body, tool != "cut")

    def nothing(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        if self.path == "/readyz":
            return self.nothing(200)
        events = ["/posts?session=1", json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "a"}]}})]
        self.stream("".join(f"event: {name}\ndata: {data}\n\n" for name, data in zip(("endpoint", "message"), events)).encode())

    def stream(self, body: bytes, ends: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(body), 10):
            piece = body[start : start + 10]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if ends:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = not ends

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(params=["relay", "balancer"])
def wire(request: pytest.FixtureRequest) -> Iterator[Relay | Balancer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    wire = Relay(server.server_port) if request.param == "relay" else Balancer([f"http://127.0.0.1:{server.server_port}"])
    yield wire
    wire.close()
    server.shutdown()


def judged(oracle: SchemaOracle, wire: Relay | Balancer) -> list[str]:
    return Exchanges(oracle, Between.CLIENTS).problems(wire.exchanges())


def one(problems: list[str], begins: str) -> bool:
    return bool(problems) and all(problem.startswith(begins) for problem in problems)


@pytest.mark.parametrize(("tool", "begins"), [("fine", None), ("broken", "← CallToolResult of 2026-07-28"), ("twin", "← id 99 answers")])
def test_what_passes_is_shown_to_the_oracle(oracle: SchemaOracle, wire: Relay | Balancer, tool: str, begins: str | None) -> None:
    before = oracle.checked[Between.CLIENTS]
    with Caller(wire.url) as caller:
        caller.call(tool, {})
        caller.call("fine", {})
    problems = judged(oracle, wire)
    assert one(problems, begins) if begins else problems == [], problems
    assert oracle.checked[Between.CLIENTS] == before + 4


def test_what_came_before_a_stream_was_cut_is_judged(oracle: SchemaOracle, wire: Relay | Balancer) -> None:
    with Caller(wire.url) as caller, pytest.raises(httpx.RemoteProtocolError):
        caller.call("cut", {})
    assert one(problems := judged(oracle, wire), "← ProgressNotification of 2026-07-28"), problems


@pytest.mark.parametrize(("number", "begins"), [(1, "← ListToolsResult of 2025-03-26"), (2, "← answers nothing that was asked")])
def test_answers_of_an_event_stream_are_held_against_what_was_posted_elsewhere(
    oracle: SchemaOracle, wire: Relay | Balancer, number: int, begins: str
) -> None:
    httpx.get(f"{wire.url}/events")
    httpx.post(f"{wire.url}/posts?session=1", json={"jsonrpc": "2.0", "id": number, "method": "tools/list"})
    assert one(problems := judged(oracle, wire), begins), problems


WRONG = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"_meta": modern_meta()}}


@pytest.mark.parametrize("faulty", [False, True])
def test_what_our_own_ends_kept_is_judged_once(oracle: SchemaOracle, faulty: bool) -> None:
    ends = Ends()
    answer = raw.post("", json.dumps({**GOOD, "jsonrpc": "1.0"}).encode(), []).partition(b"\r\n")[2]
    response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + answer
    ends.keep(Between.UPSTREAMS, raw.post("/mcp", json.dumps(WRONG).encode(), []), response, faulty)
    found = ends.problems(oracle)
    # Where the request is wrong on purpose the answer is judged all the same.
    assert any("→ CallToolRequest" in problem for problem in found) is not faulty
    assert any("← JSONRPC" in problem for problem in found), found
    assert ends.problems(oracle) == []


def test_a_client_of_httpx_keeps_what_it_said_and_heard(oracle: SchemaOracle) -> None:
    ends = Ends()
    answers = httpx.MockTransport(lambda request: httpx.Response(200, json={**GOOD, "jsonrpc": "1.0"}))
    with httpx.Client(transport=answers, event_hooks={"response": [ends.hear]}) as http:
        http.post("http://127.0.0.1/mcp", json=WRONG)
    arrows = [problem[0] for problem in ends.problems(oracle)]
    assert set(arrows) == {"→", "←"} and arrows == sorted(arrows, reverse=True), arrows


def test_the_load_and_the_witness_keep_what_they_said_and_heard(oracle: SchemaOracle, monkeypatch: pytest.MonkeyPatch) -> None:
    ends, before = Ends(), +oracle.checked
    monkeypatch.setattr(load, "ENDS", ends)
    monkeypatch.setattr(witness, "ENDS", ends)
    monkeypatch.setattr(load, "modern_meta", lambda: {META_VERSION: MODERN})
    upstream = witness.Witness()
    load.all_at_once([upstream.url], [("red", "north", "look", {"topic": "a"})])
    upstream.close()
    problems = ends.problems(oracle)
    assert one(problems, "→ CallToolRequest of 2026-07-28") and len(problems) % 2 == 0, problems
    assert oracle.checked - before == {Between.CLIENTS: 2, Between.UPSTREAMS: 2}


@pytest.mark.parametrize(
    ("command", "heard"),
    [
        (["python", "workshop.py"], False),
        (upstream_command("workshop.py"), True),
        (["/bin/sh", "-c", " ".join(upstream_command("workshop.py"))], True),
    ],
)
def test_no_weir_has_a_child_that_nobody_hears(tmp_path: Path, command: list[str], heard: bool) -> None:
    with pytest.raises(AssertionError, match="nobody hears"):
        Weir({"upstreams": {"one": {"command": command}}}, tmp_path, unheard=["one"] if heard else [])


@pytest.mark.parametrize("heard", [False, True])
def test_no_weir_has_a_url_that_nobody_hears(tmp_path: Path, heard: bool) -> None:
    relay = Relay(free_port())
    url = f"http://127.0.0.1:{relay.port if heard else relay.target_port}/mcp"
    with pytest.raises(AssertionError, match="nobody hears"):
        Weir({"upstreams": {"one": {"url": url}}}, tmp_path, unheard=["one"] if heard else [])
    relay.close()
