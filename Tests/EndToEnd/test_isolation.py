"""Servers that keep state for each process: a command has one for each session or principal where the operator says so."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import upstream_command, upstream_served
from support.events import Events, Session, rpc
from support.processes import eventually
from support.weir import Weir
from test_tenants import bearer, tenant

pytestmark = pytest.mark.weir

URI = "test://counter/private/0"


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    command = {"command": upstream_command("everything.py"), "era": "legacy"}
    configuration: dict[str, Any] = {
        "upstreams": {
            "each": command | {"isolation": "session", "max_sessions": 8},
            "whose": command | {"isolation": "principal", "max_sessions": 8},
        },
        "tenants": {"data": tenant("data", ["*"]), "platform": tenant("platform", ["*"])},
    }
    with upstream_served("everything.py", "--era", "legacy") as url:
        configuration["upstreams"]["far"] = {"url": f"{url}/mcp", "era": "legacy"}
        with start_weir(configuration) as weir:
            weir.wait_for_tools("each", "whose", "far", headers=bearer("data"))
            yield weir


def session(weir: Weir, upstream: str, who: str = "data", **capabilities: Any) -> Session:
    return Session(f"{weir.url}/mcp/{upstream}", headers=bearer(who), **capabilities)


def result(client: Session, method: str, **params: Any) -> dict[str, Any]:
    response = client.post({"id": 1, "method": method, "params": params})
    if response.headers["content-type"].startswith("text/event-stream"):
        return next(message for message in client.messages(response) if message.get("id") == 1)["result"]
    return response.json()["result"]


def count(client: Session) -> int:
    """How often this client's process has read the resource."""
    return int(result(client, "resources/read", uri=URI)["contents"][0]["text"])


def test_each_session_has_a_process_of_its_own(weir: Weir) -> None:
    before = len(weir.servers())
    with session(weir, "each") as one, session(weir, "each") as other:
        assert [count(one), count(one), count(other), count(one), count(other)] == [1, 2, 1, 3, 2]
        assert len(weir.servers()) == before + 2
    eventually(lambda: len(weir.servers()) == before, 20, "the processes end with their sessions")


def test_all_sessions_of_a_principal_share_a_process(weir: Weir) -> None:
    with session(weir, "whose") as one, session(weir, "whose") as same, session(weir, "whose", "platform") as other:
        first = count(one)
        assert [count(same), count(one)] == [first + 1, first + 2]
        assert count(other) == 1


def test_a_process_asks_the_client_of_its_session(weir: Weir) -> None:
    """Two at once, so that a question to the wrong one would be seen."""
    with session(weir, "each", elicitation={}) as one, session(weir, "each", elicitation={}) as other:
        def ask(client: Session, number: int) -> dict[str, Any]:
            return {"id": number, "method": "tools/call", "params": {"name": "test_elicitation", "arguments": {"message": f"question {number}"}}}

        with one.posted(ask(one, 1)) as first, other.posted(ask(other, 2)) as second:
            answered(one, first, 1)
            answered(other, second, 2)


def answered(client: Session, events: Events, number: int) -> None:
    question = next(event.message for event in events if event.data and event.message.get("method") == "elicitation/create")
    assert question["params"]["message"] == f"question {number}"
    content = {"username": f"user-{number}", "email": "a@example.com"}
    taken = client.http.post(client.url, json=rpc({"id": question["id"], "result": {"action": "accept", "content": content}}))
    assert taken.status_code == 202
    assert f"user-{number}" in events.answer(number)["result"]["content"][0]["text"]


def state(client: Session) -> dict[str, Any]:
    """What the server has been told in the session that this client has there, alone or with others."""
    return json.loads(result(client, "tools/call", name="test_session_state")["content"][0]["text"])


def logged(client: Session, **params: Any) -> list[str]:
    """The levels of what it hears of the log: of info, warning and debug messages."""
    response = client.post({"id": 1, "method": "tools/call", "params": {"name": "test_tool_with_logging"}})
    if not response.headers["content-type"].startswith("text/event-stream"):
        return []
    return [message["params"]["level"] for message in client.messages(response) if message.get("method") == "notifications/message"]


def test_a_process_that_sessions_share_logs_for_the_one_that_wants_most(weir: Weir) -> None:
    with session(weir, "whose") as quiet:
        with session(weir, "whose") as curious:
            result(quiet, "logging/setLevel", level="error")
            assert state(quiet)["level"] == "error"
            result(curious, "logging/setLevel", level="debug")
            assert state(curious)["level"] == "debug"
            assert state(quiet)["level"] == "debug", "the last call is not what counts"
            assert logged(quiet) == [] and "debug" in logged(curious)
            with session(weir, "whose", "platform") as other:
                assert state(other)["level"] is None, "another principal's is another process"
        eventually(lambda: state(quiet)["level"] == "error", 10, "who wanted more is gone")


@pytest.mark.parametrize("upstream", ["each", "far"])
def test_changed_roots_are_told_where_the_session_is_that_clients_alone(weir: Weir, upstream: str) -> None:
    capable = {"roots": {"listChanged": True}}
    with session(weir, upstream, **capable) as one, session(weir, upstream, **capable) as other, session(weir, upstream, roots={}) as silent:
        clients = (one, other, silent)
        assert [state(client)["roots"] for client in clients] == [0, 0, 0]
        for client in (one, silent):
            assert client.post({"method": "notifications/roots/list_changed"}).status_code == 202
        eventually(lambda: state(one)["roots"] == 1, 10, "the server knows")
        assert [state(client)["roots"] for client in clients] == [1, 0, 0]


def test_changed_roots_are_told_to_no_session_that_others_share(weir: Weir) -> None:
    with session(weir, "whose", roots={"listChanged": True}) as one:
        state(one)
        assert one.post({"method": "notifications/roots/list_changed"}).status_code == 202
        assert state(one)["roots"] == 0
