"""Bad input over HTTP: the status, the JSON-RPC code, one line that says what is wrong; and Weir stays up."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from support import raw
from support.caller import MODERN, modern_meta
from support.oracle import SchemaOracle
from support.weir import Weir

pytestmark = pytest.mark.weir

ACCEPT = ("Accept", "application/json, text/event-stream")
JSON = ("Content-Type", "application/json")
PARSE, INVALID_REQUEST, NOT_FOUND, INVALID_PARAMS, HEADER, VERSION = -32700, -32600, -32601, -32602, -32020, -32022


def modern(method: str, params: dict[str, Any] | None = None, number: Any = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": (params or {}) | {"_meta": modern_meta()}}).encode()


def headers_for(method: str, name: str | None = None, version: str = MODERN) -> list[tuple[str, str]]:
    named = [("Mcp-Name", name)] if name else []
    return [JSON, ACCEPT, ("MCP-Protocol-Version", version), ("Mcp-Method", method), *named]


LIST = modern("tools/list")
LIST_HEADERS = headers_for("tools/list")


@dataclass
class Case:
    """`codes` are the JSON-RPC codes that are right, None stands for a body without one."""

    name: str
    body: bytes
    status: int | tuple[int, ...]
    codes: tuple[int | None, ...]
    headers: list[tuple[str, str]] = field(default_factory=lambda: LIST_HEADERS)
    path: str = "/mcp"
    method: str = "POST"


def without(*names: str) -> list[tuple[str, str]]:
    return [header for header in LIST_HEADERS if header[0] not in names]


def with_(*changes: tuple[str, str]) -> list[tuple[str, str]]:
    changed = {name for name, _ in changes}
    return [header for header in LIST_HEADERS if header[0] not in changed] + list(changes)


UNKNOWN_VERSION = json.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": modern_meta() | {"io.modelcontextprotocol/protocolVersion": "2031-01-01"}}}
).encode()

MODERN_CASES = [
    Case("malformed JSON", b'{"jsonrpc":"2.0","id":1,', 400, (PARSE,)),
    Case("an empty body", b"", 400, (PARSE,)),
    Case("no UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"tools/list\xff"}', 400, (PARSE,)),
    Case("a byte order mark", b"\xef\xbb\xbf" + LIST, 400, (PARSE,)),
    Case("two documents", LIST + LIST, 400, (PARSE,)),
    Case("duplicate members", LIST[:-1] + b',"method":"tools/call"}', 400, (PARSE,)),
    Case("duplicate members, one escaped", LIST[:-1] + b',"m\\u0065thod":"tools/call"}', 400, (PARSE,)),
    Case("too deep", b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":' + b'{"a":' * 100 + b"1" + b"}" * 101, 400, (PARSE, INVALID_REQUEST)),
    Case("a lone surrogate", b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', 400, (PARSE,)),
    Case("a batch", b"[" + LIST + b"]", 400, (INVALID_REQUEST,)),
    Case("an empty batch", b"[]", 400, (INVALID_REQUEST,)),
    Case("a string", b'"tools/list"', 400, (INVALID_REQUEST,)),
    Case("another jsonrpc", LIST.replace(b'"2.0"', b'"1.0"'), 400, (INVALID_REQUEST,)),
    Case("no method", b'{"jsonrpc":"2.0","id":1}', 400, (INVALID_REQUEST,)),
    Case("a null id", modern("tools/list", number=None), 400, (INVALID_REQUEST,)),
    Case("an object as id", modern("tools/list", number={}), 400, (INVALID_REQUEST,)),
    Case("true as id", modern("tools/list", number=True), 400, (INVALID_REQUEST,)),
    Case("a fraction as id", modern("tools/list", number=1.5), 400, (INVALID_REQUEST,)),
    Case("params as a list", b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}', 400, (INVALID_REQUEST, INVALID_PARAMS)),
    Case("a response", b'{"jsonrpc":"2.0","id":1,"result":{}}', 400, (INVALID_REQUEST,)),
    Case("an unknown method", modern("tools/paint"), 404, (NOT_FOUND,), headers_for("tools/paint")),
    Case("ping, which the modern era lacks", modern("ping"), 404, (NOT_FOUND,), headers_for("ping")),
    Case("no Accept", LIST, 406, (None, INVALID_REQUEST), without("Accept")),
    Case("Accept without event streams", LIST, 406, (None, INVALID_REQUEST), with_(("Accept", "application/json"))),
    Case("Accept of something else", LIST, 406, (None, INVALID_REQUEST), with_(("Accept", "text/html"))),
    Case("no content type", LIST, (400, 415), (None, INVALID_REQUEST), without("Content-Type")),
    Case("another content type", LIST, (400, 415), (None, INVALID_REQUEST), with_(("Content-Type", "text/plain"))),
    Case("a form", LIST, (400, 415), (None, INVALID_REQUEST), with_(("Content-Type", "application/x-www-form-urlencoded"))),
    Case("a compressed body", LIST, 415, (None, INVALID_REQUEST), with_(("Content-Encoding", "gzip"))),
    Case("a bad origin", LIST, 403, (None, INVALID_REQUEST), with_(("Origin", "https://evil.example"))),
    Case("an opaque origin", LIST, 403, (None, INVALID_REQUEST), with_(("Origin", "null"))),
    Case("two origins", LIST, (400, 403), (None, INVALID_REQUEST), [*LIST_HEADERS, ("Origin", "http://127.0.0.1"), ("Origin", "https://evil.example")]),
    Case("no Mcp-Method", LIST, 400, (HEADER,), without("Mcp-Method")),
    Case("another Mcp-Method", LIST, 400, (HEADER,), with_(("Mcp-Method", "tools/call"))),
    Case("Mcp-Method in other letters", LIST, 400, (HEADER,), with_(("Mcp-Method", "Tools/List"))),
    Case(
        "no Mcp-Name",
        modern("tools/call", {"name": "workshop__echo", "arguments": {"text": "x"}}),
        400,
        (HEADER,),
        headers_for("tools/call"),
    ),
    Case(
        "another Mcp-Name",
        modern("tools/call", {"name": "workshop__echo", "arguments": {"text": "x"}}),
        400,
        (HEADER,),
        headers_for("tools/call", "workshop__pid"),
    ),
    Case("a version header unlike the envelope", LIST, 400, (HEADER,), with_(("MCP-Protocol-Version", "2025-11-25"))),
    Case("no version header", LIST, 400, (HEADER,), without("MCP-Protocol-Version")),
    Case("an unknown version", UNKNOWN_VERSION, 400, (VERSION,), headers_for("tools/list", version="2031-01-01")),
    Case("no envelope", b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}', 400, (INVALID_PARAMS,)),
    Case("no params", b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', 400, (INVALID_PARAMS,)),
    Case(
        "an unknown tool",
        modern("tools/call", {"name": "workshop__nonesuch", "arguments": {}}),
        (200, 400),
        (INVALID_PARAMS,),
        headers_for("tools/call", "workshop__nonesuch"),
    ),
    Case("a call without a name", modern("tools/call", {"arguments": {}}), 400, (INVALID_PARAMS, HEADER), headers_for("tools/call")),
    Case(
        "arguments as a list",
        modern("tools/call", {"name": "workshop__echo", "arguments": []}),
        (200, 400),
        (INVALID_PARAMS,),
        headers_for("tools/call", "workshop__echo"),
    ),
    Case("an unknown upstream", LIST, 404, (None, INVALID_REQUEST, NOT_FOUND), path="/mcp/nonesuch"),
    Case("an unknown path", LIST, 404, (None, INVALID_REQUEST, NOT_FOUND), path="/elsewhere"),
    Case("GET", b"", 405, (None, INVALID_REQUEST), method="GET"),
    Case("DELETE", b"", 405, (None, INVALID_REQUEST), method="DELETE"),
    Case("PUT", LIST, 405, (None, INVALID_REQUEST), method="PUT"),
]


def legacy(method: str, params: dict[str, Any] | None = None, number: Any = 1) -> bytes:
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    return json.dumps(message | ({"params": params} if params is not None else {})).encode()


INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
PLAIN = [JSON, ACCEPT]
STRANGER = [*PLAIN, ("Mcp-Session-Id", "0123456789abcdef0123456789abcdef")]

LEGACY_CASES = [
    Case("no session", legacy("tools/list", {}), 400, (None, INVALID_REQUEST), PLAIN),
    Case("an unknown session", legacy("tools/list", {}), 404, (None, INVALID_REQUEST), STRANGER),
    Case("an unknown session of odd bytes", legacy("tools/list", {}), (400, 404), (None, INVALID_REQUEST), [*PLAIN, ("Mcp-Session-Id", "a b")]),
    Case("a batch", b"[" + legacy("initialize", INITIALIZE) + b"]", 400, (INVALID_REQUEST,), PLAIN),
    Case("malformed JSON", b"{", 400, (PARSE,), PLAIN),
    Case("initialize without params", legacy("initialize"), 400, (INVALID_PARAMS, INVALID_REQUEST), PLAIN),
    Case("initialize without a version", legacy("initialize", {"capabilities": {}}), 400, (INVALID_PARAMS, INVALID_REQUEST), PLAIN),
    Case("an unsupported version header", legacy("tools/list", {}), 400, (None, INVALID_REQUEST, VERSION), [*PLAIN, ("MCP-Protocol-Version", "1999-01-01")]),
    Case("no Accept", legacy("initialize", INITIALIZE), 406, (None, INVALID_REQUEST), [JSON]),
    Case("GET without event streams", b"", (405, 406), (None, INVALID_REQUEST), [("Accept", "application/json")], method="GET"),
    Case("GET without a session", b"", (400, 404, 405), (None, INVALID_REQUEST), [("Accept", "text/event-stream")], method="GET"),
    Case("DELETE of an unknown session", b"", 404, (None, INVALID_REQUEST), [("Mcp-Session-Id", "0123456789abcdef0123456789abcdef")], method="DELETE"),
    Case("DELETE without a session", b"", (400, 404, 405), (None, INVALID_REQUEST), [], method="DELETE"),
]


def check(weir: Weir, oracle: SchemaOracle, case: Case, revision: str) -> None:
    request = raw.post(case.path, case.body, [("Host", f"127.0.0.1:{weir.port}"), *case.headers])
    request = case.method.encode() + request.removeprefix(b"POST")
    reply = raw.exchange(weir.port, request, faulty=True)
    statuses = case.status if isinstance(case.status, tuple) else (case.status,)
    assert reply.status in statuses, f"{reply.status} instead of {statuses}: {reply.response and reply.response.body[:300]}"
    body = reply.response.body
    assert body.count(b"\n") <= 1, "one line that says what is wrong"
    found = None
    if (reply.response.header("content-type") or "").startswith("application/json"):
        message = json.loads(body)
        assert oracle.problems(message, revision) == []
        found = message["error"]["code"]
        assert message["error"]["message"].strip()
    assert found in case.codes, f"{found} instead of {case.codes}: {body[:300]}"


@pytest.mark.parametrize("case", MODERN_CASES, ids=lambda case: case.name)
def test_modern(workshop_weir: Weir, oracle: SchemaOracle, case: Case) -> None:
    check(workshop_weir, oracle, case, MODERN)


@pytest.mark.parametrize("case", LEGACY_CASES, ids=lambda case: case.name)
def test_legacy(workshop_weir: Weir, oracle: SchemaOracle, case: Case) -> None:
    check(workshop_weir, oracle, case, "2025-11-25")


@pytest.mark.parametrize("asked", ["2026-07-28", "1.0", "2099-01-01"])
def test_initialize_is_never_answered_with_the_modern_revision(workshop_weir: Weir, asked: str) -> None:
    reply = httpx.post(f"{workshop_weir.url}/mcp", json=json.loads(legacy("initialize", INITIALIZE | {"protocolVersion": asked})), headers=dict(PLAIN))
    assert reply.status_code == 200
    text = reply.text[reply.text.index("{") :]
    assert json.loads(text.strip())["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize("asked", ["2025-11-25", "2025-06-18", "2025-03-26"])
def test_initialize_is_answered_with_the_revision_that_was_asked_for(workshop_weir: Weir, asked: str) -> None:
    body = json.loads(legacy("initialize", INITIALIZE | {"protocolVersion": asked}))
    reply = httpx.post(f"{workshop_weir.url}/mcp", json=body, headers=dict(PLAIN))
    text = reply.text[reply.text.index("{") :]
    assert json.loads(text.strip())["result"]["protocolVersion"] == asked
    session = reply.headers["mcp-session-id"]
    assert 16 <= len(session) <= 128 and all(0x21 <= ord(letter) <= 0x7E for letter in session)
    closed = httpx.delete(f"{workshop_weir.url}/mcp", headers={"Mcp-Session-Id": session, "MCP-Protocol-Version": asked})
    assert 200 <= closed.status_code < 300
    gone = httpx.post(f"{workshop_weir.url}/mcp", json=json.loads(legacy("ping")), headers=dict(PLAIN) | {"Mcp-Session-Id": session})
    assert gone.status_code == 404


def test_a_notification_is_accepted_without_a_body(workshop_weir: Weir) -> None:
    with workshop_weir.caller(era="legacy") as caller:
        response, _ = caller._post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 77}}, caller._session)
        assert (response.status_code, response.content) == (202, b"")


@pytest.mark.parametrize("number", [0, -1, 7, 9007199254740993, "seven", "", "\u00e9\u2028"])
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_ids_come_back_as_they_were(workshop_weir: Weir, number: Any, era: str) -> None:
    if era == "modern":
        reply = httpx.post(f"{workshop_weir.url}/mcp", content=modern("tools/list", number=number), headers=dict(LIST_HEADERS))
        assert reply.json()["id"] == number
    else:
        with workshop_weir.caller(era="legacy") as caller:
            _, messages = caller._post({"jsonrpc": "2.0", "id": number, "method": "ping"}, caller._session)
        assert messages == [{"jsonrpc": "2.0", "id": number, "result": {}}]


@pytest.mark.parametrize("written", ["1.0", "1e2", "-0", "10E-1"])
def test_a_number_comes_back_as_it_was_written(workshop_weir: Weir, written: str) -> None:
    for body, headers in [(LIST, LIST_HEADERS), (modern("tools/call", {"name": "workshop__pid", "arguments": {}}), headers_for("tools/call", "workshop__pid"))]:
        message = json.loads(body) | {"id": 4711}
        content = json.dumps(message).replace("4711", written)
        reply = httpx.post(f"{workshop_weir.url}/mcp", content=content, headers=dict(headers))
        assert reply.status_code == 200 and f'"id":{written},' in reply.text, reply.text


def test_names_may_come_encoded(workshop_weir: Weir) -> None:
    body = modern("tools/call", {"name": "workshop__echo", "arguments": {"text": "encoded"}})
    reply = httpx.post(f"{workshop_weir.url}/mcp", content=body, headers=dict(headers_for("tools/call", "=?base64?d29ya3Nob3BfX2VjaG8=?=")))
    assert reply.status_code == 200 and "encoded" in reply.text


@pytest.mark.parametrize("origin", ["http://localhost:6274", "http://127.0.0.1:9999"])
def test_a_local_origin_is_welcome_where_weir_is_local(workshop_weir: Weir, origin: str) -> None:
    reply = httpx.post(f"{workshop_weir.url}/mcp", content=LIST, headers=dict(LIST_HEADERS) | {"Origin": origin})
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_another_host_is_421(workshop_weir: Weir, host: str) -> None:
    reply = raw.exchange(workshop_weir.port, raw.post("/mcp", LIST, [("Host", host), *LIST_HEADERS]), faulty=False)
    assert reply.status == 421


def test_a_body_over_the_limit_is_413(workshop_weir: Weir) -> None:
    head = raw.post("/mcp", b"", [("Host", f"127.0.0.1:{workshop_weir.port}"), *LIST_HEADERS], length=5 << 20)
    told = raw.exchange(workshop_weir.port, head, faulty=True, wait_for_close=True)
    assert told.status == 413 and told.closed
    chunked = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{workshop_weir.port}\r\nContent-Type: application/json\r\nAccept: */*\r\n"
    chunked += "Transfer-Encoding: chunked\r\n\r\n"
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    counted = raw.exchange(workshop_weir.port, chunked.encode() + piece * 70, faulty=True, wait_for_close=True)
    assert counted.status in (413, None) and counted.closed


def test_half_a_body_and_gone(workshop_weir: Weir) -> None:
    request = raw.post("/mcp", LIST[:20], [("Host", f"127.0.0.1:{workshop_weir.port}"), *LIST_HEADERS], length=len(LIST))
    reply = raw.exchange(workshop_weir.port, request, faulty=True, then_close=True, wait_for_close=True, timeout=5)
    assert reply.closed and reply.status in (None, 400)


def test_weir_has_survived_all_of_this(workshop_weir: Weir) -> None:
    assert workshop_weir.process.running()
    with workshop_weir.caller() as caller:
        assert caller.call("workshop__echo", {"text": "still here"}).text == "still here"
