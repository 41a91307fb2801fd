"""Event streams: changes of the lists reach every client, and who lost a connection comes back to what it missed."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import upstream_command
from support.caller import MODERN, modern_meta
from support.events import BOTH, Event, Events, Session, rpc
from support.processes import eventually
from support.weir import Weir
from test_tenants import bearer, tenant

pytestmark = pytest.mark.weir

KINDS = ["tool", "prompt", "resource"]


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    program = upstream_command("everything.py")
    configuration = {
        "upstreams": {"old": {"command": program, "era": "legacy"}, "new": {"command": program, "era": "modern"}},
        "tenants": {"data": tenant("data", ["*"]), "platform": tenant("platform", ["*"])},
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("old", "new", headers=bearer("data"))
        yield weir


def session(weir: Weir, path: str = "/mcp/old", **options: Any) -> Session:
    return Session(f"{weir.url}{path}", headers=bearer("data"), **options)


def steps(number: int, count: int = 8, pause: float = 0.1) -> dict[str, Any]:
    arguments = {"steps": count, "pause": pause}
    return {"id": number, "method": "tools/call", "params": {"name": "test_steps", "arguments": arguments, "_meta": {"progressToken": "t"}}}


def done(events: list[Event]) -> list[int]:
    return [event.message["params"]["progress"] for event in events if event.data and event.message.get("method") == "notifications/progress"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("upstream", ["old", "new"])
def test_a_legacy_client_hears_of_changed_lists(weir: Weir, upstream: str, kind: str) -> None:
    with session(weir, f"/mcp/{upstream}") as client, client.listening() as events:
        assert events.next().data == ""
        client.post({"id": 1, "method": "tools/call", "params": {"name": f"test_trigger_{kind}_change"}})
        assert events.until(f"notifications/{kind}s/list_changed")["jsonrpc"] == "2.0"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("upstream", ["old", "new"])
def test_a_modern_client_hears_of_changed_lists(weir: Weir, upstream: str, kind: str) -> None:
    url = f"{weir.url}/mcp/{upstream}"
    headers = {"Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": "subscriptions/listen", **bearer("data")}
    wanted = {"_meta": modern_meta(), "notifications": {f"{kind}sListChanged": True}}
    body = rpc({"id": 7, "method": "subscriptions/listen", "params": wanted})
    with httpx.stream("POST", url, json=body, headers=headers, timeout=30) as response:
        events = Events(response)
        assert events.next().message["method"] == "notifications/subscriptions/acknowledged"
        with weir.caller(f"/mcp/{upstream}", headers=bearer("data")) as caller:
            assert caller.call(f"test_trigger_{kind}_change", {}).result is not None
        told = events.until(f"notifications/{kind}s/list_changed")
        assert told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == 7


def test_a_call_goes_on_without_its_connection(weir: Weir) -> None:
    with session(weir) as client:
        with client.posted(steps(3)) as events:
            first = events.next()
            assert first.id is not None and first.data == "", "an id to come back with before anything has come"
            seen = [events.next(), events.next()]
        with client.listening(after=seen[-1].id) as events:
            rest = list(events)
        assert done(seen) + done(rest) == list(range(1, 9)), "nothing is lost and nothing comes twice"
        assert rest[-1].message["id"] == 3
        assert rest[-1].message["result"]["content"][0]["text"] == "All steps are done."
        with client.listening(after=first.id) as events:
            assert done(list(events)) == list(range(1, 9)), "the whole of it can be had again"


def test_who_comes_back_takes_the_place_of_the_lost_connection(weir: Weir) -> None:
    with session(weir) as client, client.listening() as lost:
        start = lost.next()
        assert client.http.get(client.url).status_code == 409, "a second stream without an id is refused"
        client.post({"id": 1, "method": "tools/call", "params": {"name": "test_trigger_tool_change"}})
        lost.until("notifications/tools/list_changed")
        with client.listening(after=start.id) as events:
            assert events.until("notifications/tools/list_changed")
        assert not [event for event in lost if event.data], "the first connection was ended"


@pytest.mark.parametrize("last", ["0-99", "5-0", "nonsense", "-1-2", "99999999999999999999-1"])
def test_what_is_not_kept_is_refused(weir: Weir, last: str) -> None:
    with session(weir) as client:
        answer = client.http.get(client.url, headers={"Last-Event-ID": last})
        assert answer.status_code == 400
        assert "Last-Event-ID" in answer.json()["error"]["message"]


def test_events_of_a_session_are_its_principals(weir: Weir) -> None:
    with session(weir) as client, client.posted(steps(3, count=3)) as events:
        last = events.next().id
        answer = client.http.get(client.url, headers={"Last-Event-ID": str(last), **bearer("platform")})
        assert answer.status_code == 404


def test_an_older_client_gets_no_event_without_data(weir: Weir) -> None:
    with session(weir, revision="2025-06-18") as client, client.posted(steps(3, count=2)) as events:
        first = events.next()
        assert first.id is not None and first.message["method"] == "notifications/progress"


def test_a_call_without_a_reader_ends_with_its_session(weir: Weir) -> None:
    with session(weir) as watching:
        with session(weir) as client, client.posted({"id": 4, "method": "tools/call", "params": {
                "name": "test_slow", "arguments": {"label": "left"}, "_meta": {"progressToken": 1}}}) as events:
            events.until("notifications/progress")
        asked = {"id": 5, "method": "tools/call", "params": {"name": "test_cancellations", "arguments": {"label": "left"}}}

        def count() -> str:
            with watching.posted(asked) as events:
                return events.answer(5)["result"]["content"][0]["text"]

        eventually(lambda: count() == "1", 10, "the upstream heard that the call is given up")


def test_a_batch_is_answered_as_one(weir: Weir) -> None:
    with session(weir, revision="2025-03-26") as client:
        answers = client.post([
            {"id": 1, "method": "ping"},
            {"method": "notifications/roots/list_changed"},
            {"id": 2, "method": "tools/call", "params": {"name": "test_simple_text"}},
            {"id": "three", "method": "no/such"},
        ]).json()
        assert [answer["id"] for answer in answers] == [1, 2, "three"]
        assert answers[1]["result"]["content"][0]["type"] == "text"
        assert answers[2]["error"]["code"] == -32601
        assert client.post([{"method": "notifications/roots/list_changed"}]).status_code == 202
        assert client.post([]).status_code == 400
        opening = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "weir-tests", "version": "1"}}
        assert client.post([{"id": 9, "method": "initialize", "params": opening}]).json()[0]["error"]["code"] == -32600
    with session(weir) as client:
        assert client.post([{"id": 1, "method": "ping"}]).status_code == 400
