"""Servers that keep state for each process: a command has one for each session or principal where the operator says so."""

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from conftest import upstream_program
from support.events import Events, Session, rpc
from support.processes import eventually
from support.weir import Weir
from test_tenants import bearer, tenant

pytestmark = pytest.mark.weir

URI = "test://counter/private/0"


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    command = {"command": [*upstream_program("everything.py"), "--stdio"], "era": "legacy"}
    configuration = {
        "upstreams": {
            "each": command | {"isolation": "session", "max_sessions": 8},
            "whose": command | {"isolation": "principal", "max_sessions": 8},
        },
        "tenants": {"data": tenant("data", ["*"]), "platform": tenant("platform", ["*"])},
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("each", "whose", headers=bearer("data"))
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


def children(weir: Weir) -> int:
    """Processes of upstreams, without their guards."""
    found = psutil.Process(weir.process.process.pid).children(recursive=True)
    return sum(child.name().startswith("python") for child in found if child.is_running())


def test_each_session_has_a_process_of_its_own(weir: Weir) -> None:
    before = children(weir)
    with session(weir, "each") as one, session(weir, "each") as other:
        assert [count(one), count(one), count(other), count(one), count(other)] == [1, 2, 1, 3, 2]
        assert children(weir) == before + 2
    eventually(lambda: children(weir) == before, 20, "the processes end with their sessions")


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
