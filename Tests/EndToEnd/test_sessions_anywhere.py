"""Sessions of the handshake era at a fleet of three behind a balancer that never sends two requests to one replica on purpose."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import judged, upstream_served
from support.balancer import Balancer
from support.caller import Caller
from support.events import BOTH, Events
from support.fleet import Fleet
from support.load import bearer, key, tenants
from support.oracle import Between
from support.paths import END_TO_END, MCP1_PYTHON
from support.processes import eventually
from support.redis import RedisServer

pytestmark = pytest.mark.weir

SEAL = "a secret that all replicas of this fleet have"
LEGACY = "2025-11-25"


@pytest.fixture(scope="module")
def upstream() -> Iterator[dict[str, Any]]:
    """The same server twice, once of each era."""
    with upstream_served("everything.py", "--era", "legacy") as old, upstream_served("everything.py", "--era", "modern") as new:
        yield {"old": {"url": f"{old}/mcp", "era": "legacy"}, "new": {"url": f"{new}/mcp", "era": "modern"}}


def configuration(upstream: dict[str, Any], redis: RedisServer) -> dict[str, Any]:
    return {
        "seal_key": SEAL,
        "cache": {"redis": {"url": redis.url}},
        "upstreams": upstream,
        "tenants": tenants("data", "platform"),
        "listen": {"shutdown_grace": "5s"},
    }


@pytest.fixture
def fleet(upstream: dict[str, Any], redis: RedisServer, start_fleet: Any) -> Iterator[Fleet]:
    with start_fleet(configuration(upstream, redis)) as fleet:
        fleet.wait_for_redis()
        yield fleet


@pytest.fixture
def balancer(fleet: Fleet) -> Iterator[Balancer]:
    balancer = Balancer(fleet.direct)
    with judged(Between.CLIENTS, balancer):
        yield balancer
    balancer.close()


def post(url: str, message: dict[str, Any], session: str | None = None, tenant: str = "data", path: str = "/mcp/old") -> httpx.Response:
    headers = {"Accept": BOTH, "MCP-Protocol-Version": LEGACY, **bearer(tenant)} | ({"Mcp-Session-Id": session} if session else {})
    return httpx.post(url + path, json={"jsonrpc": "2.0"} | message, headers=headers, timeout=20)


def initialize(url: str, capabilities: dict[str, Any] | None = None, tenant: str = "data") -> str:
    params = {"protocolVersion": LEGACY, "capabilities": capabilities or {}, "clientInfo": {"name": "test", "version": "1"}}
    response = post(url, {"id": 0, "method": "initialize", "params": params}, tenant=tenant)
    assert response.status_code == 200, response.text
    return response.headers["mcp-session-id"]


def test_real_clients_need_no_sticky_balancer(fleet: Fleet, balancer: Balancer) -> None:
    count = 8
    done = subprocess.run(
        [MCP1_PYTHON, str(END_TO_END / "clients" / "mcp1_fleet.py"), balancer.url + "/mcp/old", str(count), "0.05", key("data")],
        capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:] + fleet.logs()
    for number, seen in enumerate(json.loads(done.stdout)):
        assert seen["tools"] > 10
        # Everybody was asked its own questions, and its own answers arrived.
        assert seen["asked"] == [f"client {number}, step {step}" for step in range(3)]
        assert all(f"answer {number}" in answer for answer in seen["answers"]), seen["answers"]
        assert seen["progress"] == sorted(set(seen["progress"])) and len(seen["progress"]) >= 2
        assert seen["updated"], seen["heard"]
        # It said DELETE to one of them.
        for replica in fleet:
            eventually(
                lambda: post(replica.url, {"id": 1, "method": "ping"}, seen["session"]).status_code == 404, 1, "an ended session is refused"
            )
    assert all(sent > count for sent in balancer.sent.values()), balancer.sent
    assert fleet.metric("weir_http_requests_total", route="forwarded") > 0


def test_an_answer_finds_the_replica_that_asked(fleet: Fleet) -> None:
    session = initialize(fleet[0].url, {"elicitation": {}})
    headers = {"Accept": BOTH, "Mcp-Session-Id": session, "MCP-Protocol-Version": LEGACY, **bearer("data")}
    call = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "test_elicitation", "arguments": {"message": "Who?"}}}
    with httpx.stream("POST", fleet[1].url + "/mcp/old", json=call, headers=headers, timeout=20) as response:
        events = Events(response)
        question = events.until("elicitation/create")
        answer = {"id": question["id"], "result": {"action": "accept", "content": {"response": "yes", "email": "a@example.com"}}}
        # Nobody else may answer, wherever.
        assert post(fleet[2].url, answer, session, tenant="platform").status_code == 404
        assert post(fleet[2].url, answer, session).status_code == 202
        assert "yes" in json.dumps(events.answer(5))


def test_a_lost_stream_is_taken_up_through_another_replica(fleet: Fleet) -> None:
    session = initialize(fleet[0].url)
    headers = {"Accept": BOTH, "Mcp-Session-Id": session, "MCP-Protocol-Version": LEGACY, **bearer("data")}
    call = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {
        "name": "test_steps", "arguments": {"steps": 10, "pause": 0.2}, "_meta": {"progressToken": "p"}}}
    with httpx.stream("POST", fleet[1].url + "/mcp/old", json=call, headers=headers, timeout=20) as response:
        events = Events(response)
        last = next(event for event in events if event.data and event.message.get("method") == "notifications/progress")
    headers["Last-Event-ID"] = last.id
    with httpx.stream("GET", fleet[2].url + "/mcp/old", headers=headers, timeout=20) as response:
        assert response.status_code == 200
        assert Events(response).answer(5)["result"]


def test_a_replica_that_says_that_it_is_ready_can_be_found(upstream: dict[str, Any], redis: RedisServer, start_fleet: Any) -> None:
    """Issue 5: what a replica opens right after its start is known elsewhere, and where it has gone by then nobody calls it ended."""
    with start_fleet(configuration(upstream, redis), count=2) as fleet:
        for number in (0, 1) * 4:
            fleet.restart(number)
            session = initialize(fleet[number].url)
            response = post(fleet[1 - number].url, {"id": 1, "method": "logging/setLevel", "params": {"level": "error"}}, session)
            assert response.status_code == 200, response.text


def test_a_flushed_redis_ends_no_session(fleet: Fleet, redis: RedisServer) -> None:
    """Issue 5: until its next beat a replica was not on the list, and what lived there was called ended."""
    # Their beats come two seconds apart: now not all at the same moment.
    time.sleep(1)
    fleet.restart(1)
    session = initialize(fleet[0].url)
    headers = {"Accept": "text/event-stream", "Mcp-Session-Id": session, **bearer("data")}
    with httpx.stream("GET", fleet[1].url + "/mcp/old", headers=headers, timeout=20) as response:
        stream = Events(response)
        assert stream.next().data == ""
        for _ in range(10):
            redis.flush()
            for number in (1, 2) * 5:
                answer = post(fleet[number].url, {"id": 1, "method": "logging/setLevel", "params": {"level": "error"}}, session)
                assert answer.status_code == 200, answer.text
                time.sleep(0.05)
        post(fleet[2].url, {"id": 2, "method": "tools/call", "params": {"name": "test_trigger_tool_change"}}, session)
        assert stream.until("notifications/tools/list_changed")["jsonrpc"] == "2.0"


def test_a_session_outlives_its_replica_but_for_what_lived_there(fleet: Fleet) -> None:
    session = initialize(fleet[0].url)
    assert post(fleet[1].url, {"id": 1, "method": "tools/list"}, session).status_code == 200
    fleet.kill(0)
    for number in (1, 2):
        assert post(fleet[number].url, {"id": 1, "method": "tools/list"}, session).status_code == 200
    headers = {"Accept": "text/event-stream", "Mcp-Session-Id": session, **bearer("data")}

    def status() -> int:
        # Never a hang; first it may be that the replica comes back, then it is known that it does not.
        with httpx.stream("GET", fleet[1].url + "/mcp/old", headers=headers, timeout=5) as response:
            assert response.status_code in (503, 404)
            return response.status_code

    eventually(lambda: status() == 404, 20, "the client is told to open a new session", pause=0.5)
    assert post(fleet[2].url, {"id": 1, "method": "tools/list"}, session).status_code == 200


CAPABILITIES = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}


@pytest.mark.parametrize(
    ("upstream_name", "tool", "content"),
    [("old", "test_elicitation", {"response": "yes", "email": "a@example.com"}), ("new", "test_input_required_result_request_state", {"ok": True})],
)
def test_a_modern_client_comes_back_to_another_replica(fleet: Fleet, upstream_name: str, tool: str, content: dict[str, Any]) -> None:
    """The call of the old server waits in the first replica's memory; what the new one wants back is sealed and good everywhere."""
    arguments = {"name": tool, "arguments": {"message": "Who?", "topic": "t"}}

    def ask(number: int, **further: Any) -> Any:
        with Caller(f"{fleet[number].url}/mcp/{upstream_name}", headers=bearer("data")) as caller:
            return caller.request("tools/call", arguments | further, CAPABILITIES)

    asked = ask(0).result
    assert asked["resultType"] == "input_required"
    answers = {name: {"action": "accept", "content": content} for name in asked["inputRequests"]}
    with Caller(f"{fleet[1].url}/mcp/{upstream_name}", headers=bearer("platform")) as foreign:
        refused = foreign.request("tools/call", arguments | {"requestState": asked["requestState"], "inputResponses": answers}, CAPABILITIES)
        assert refused.error is not None or refused.is_error
    done = ask(1, requestState=asked["requestState"], inputResponses=answers)
    assert done.result is not None and done.result["resultType"] == "complete", done


def test_old_event_streams_get_what_is_posted_elsewhere(fleet: Fleet) -> None:
    with httpx.stream("GET", fleet[0].url + "/sse/old", headers={"Accept": "text/event-stream", **bearer("data")}, timeout=20) as response:
        events = Events(response)
        path = events.next().data
        params = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        for number, replica in enumerate((fleet[1], fleet[2], fleet[0])):
            message = {"id": number, "method": "initialize", "params": params} if number == 0 else {"id": number, "method": "tools/list"}
            assert post(replica.url, message, path=path).status_code == 202
            assert events.answer(number)["result"]


def test_without_a_common_secret_the_log_says_what_to_do(upstream: dict[str, Any], redis: RedisServer, start_weir: Any) -> None:
    unsealed = {name: value for name, value in configuration(upstream, redis).items() if name != "seal_key"}
    with start_weir(unsealed, level="info") as weir:
        eventually(lambda: "no seal_key" in weir.process.output and "openssl rand" in weir.process.output, 5, "the log says so")
        session = initialize(weir.url)
        assert post(weir.url, {"id": 1, "method": "ping"}, session).status_code == 200
