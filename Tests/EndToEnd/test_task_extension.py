"""Tasks of the extension of 2026-07-28: the server decides that a call goes on as a task, and only for clients that declare the extension."""

from collections.abc import Iterator
from typing import Any

import pytest

from conftest import upstream_command
from support.caller import Answer, Caller
from support.weir import Weir
from test_tenants import bearer, tenant

pytestmark = pytest.mark.weir

EXTENSION = "io.modelcontextprotocol/tasks"
DECLARED = {"io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}}}


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    configuration = {
        "upstreams": {"slow": {"command": upstream_command("later.py"), "era": "modern"}},
        "tenants": {"data": tenant("data", ["*"]), "platform": tenant("platform", ["*"])},
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("slow", headers=bearer("data"))
        yield weir


@pytest.fixture
def caller(weir: Weir) -> Iterator[Caller]:
    with weir.caller(headers=bearer("data")) as caller:
        yield caller


def result(answer: Answer) -> dict[str, Any]:
    assert answer.result is not None, answer.error
    return answer.result


def made(caller: Caller, tool: str) -> str:
    task = result(caller.call(f"slow__{tool}", {}, DECLARED))
    assert task["resultType"] == "task"
    return task["taskId"]


def ask(caller: Caller, method: str, task: str, **params: Any) -> Answer:
    return caller.request(method, {"taskId": task, **params}, DECLARED)


def test_the_extension_is_declared(caller: Caller) -> None:
    assert result(caller.request("server/discover", {}))["capabilities"]["extensions"] == {EXTENSION: {}}


def test_a_task_is_followed_to_its_result(caller: Caller) -> None:
    task = made(caller, "later")
    assert task.startswith("slow.") and "task-" not in task
    first, second = (result(ask(caller, "tasks/get", task)) for _ in range(2))
    assert (first["taskId"], first["status"]) == (task, "working")
    assert second["status"] == "completed"
    assert second["result"]["content"][0]["text"] == "later done"


def test_a_task_is_answered_and_cancelled(caller: Caller) -> None:
    task = made(caller, "asking_later")
    requests = result(ask(caller, "tasks/get", task))["inputRequests"]
    assert list(requests) == ["q"]
    assert requests["q"]["params"]["message"] == "slow asks: Sure?"
    result(ask(caller, "tasks/update", task, inputResponses={"q": {"action": "accept"}}))
    assert result(ask(caller, "tasks/get", task))["result"]["content"][0]["text"] == "asking_later accept"
    other = made(caller, "later")
    result(ask(caller, "tasks/cancel", other))
    assert result(ask(caller, "tasks/get", other))["status"] == "cancelled"


def test_at_its_own_endpoint_a_task_asks_in_its_own_words(weir: Weir) -> None:
    with weir.caller("/mcp/slow", headers=bearer("data")) as caller:
        task = result(caller.call("asking_later", {}, DECLARED))["taskId"]
        assert result(ask(caller, "tasks/get", task))["inputRequests"]["q"]["params"]["message"] == "Sure?"


def test_who_does_not_declare_it_gets_the_result(weir: Weir, caller: Caller) -> None:
    assert caller.call("slow__later", {}).text == "later at once"
    with weir.caller(headers=bearer("data"), era="legacy") as legacy:
        assert legacy.call("slow__later", {}).text == "later at once"
        refused = legacy.request("tasks/get", {"taskId": "x"})
        assert refused.error is not None and refused.error["code"] == -32601


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
def test_a_task_is_its_principals(weir: Weir, caller: Caller, method: str) -> None:
    task = made(caller, "later")
    with weir.caller(headers=bearer("platform")) as other:
        for who, name in ((other, task), (caller, task[:-3] + "AAA"), (caller, "task-1"), (caller, "slow.")):
            refused = ask(who, method, name, inputResponses={})
            assert refused.error is not None and refused.error["code"] == -32602


@pytest.mark.parametrize("name", [None, "other"])
def test_the_header_repeats_the_task(caller: Caller, name: str | None) -> None:
    """Rule M7: Mcp-Name is the task's id."""
    task = made(caller, "later")
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tasks/get"} | ({"Mcp-Name": name} if name else {})
    meta = DECLARED | {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    response, messages = caller._post({"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"taskId": task, "_meta": meta}}, headers)
    assert response.status_code == 400 and messages[0]["error"]["code"] == -32020
