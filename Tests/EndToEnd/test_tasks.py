"""Tool calls that are made tasks: each task is its principal's, at one endpoint and at the other."""

from collections.abc import Iterator
from typing import Any

import pytest

from conftest import upstream_command
from support.events import Session
from support.weir import Weir
from test_tenants import bearer, tenant

pytestmark = pytest.mark.weir


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    program = upstream_command("everything.py")
    configuration = {
        "upstreams": {"one": {"command": program, "era": "legacy"}, "two": {"command": program, "era": "legacy"}},
        "tenants": {"data": tenant("data", ["*"]), "platform": tenant("platform", ["*"])},
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("one", "two", headers=bearer("data"))
        yield weir


def session(weir: Weir, who: str = "data", path: str = "/mcp", **options: Any) -> Session:
    return Session(f"{weir.url}{path}", headers=bearer(who), **options)


def ask(client: Session, method: str, **params: Any) -> dict[str, Any]:
    response = client.post({"id": 1, "method": method, "params": params})
    if response.headers["content-type"].startswith("text/event-stream"):
        return next(event for event in client.messages(response) if event.get("id") == 1)
    return response.json()


def made(client: Session, label: str, tool: str = "one__test_task") -> str:
    return ask(client, "tools/call", name=tool, arguments={"label": label}, task={"ttl": 60000})["result"]["task"]["taskId"]


def test_tasks_are_declared_where_a_server_has_them(weir: Weir) -> None:
    with session(weir) as client:
        assert client.opened["capabilities"]["tasks"] == {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
    with session(weir, revision="2025-06-18") as client:
        assert "tasks" not in client.opened["capabilities"]


def test_a_task_is_found_again_under_one_name(weir: Weir) -> None:
    with session(weir) as client:
        task = made(client, "same")
        assert "task-same" not in task
        assert ask(client, "tasks/get", taskId=task)["result"]["taskId"] == task
        result = ask(client, "tasks/result", taskId=task)["result"]
        assert result["content"][0]["text"] == "Done with same"
        assert result["_meta"]["io.modelcontextprotocol/related-task"] == {"taskId": task}


def test_tasks_of_several_servers_go_to_their_own(weir: Weir) -> None:
    with session(weir) as client:
        tasks = {upstream: made(client, upstream, f"{upstream}__test_task") for upstream in ("one", "two")}
        assert all(task.startswith(f"{upstream}.") for upstream, task in tasks.items())
        listed = ask(client, "tasks/list")["result"]["tasks"]
        assert set(tasks.values()) <= {task["taskId"] for task in listed}
        with session(weir, path="/mcp/two") as alone:
            assert ask(alone, "tasks/get", taskId=tasks["two"])["result"]["taskId"] == tasks["two"]
            assert ask(alone, "tasks/get", taskId=tasks["one"])["error"]["code"] == -32602


@pytest.mark.parametrize("method", ["tasks/get", "tasks/result", "tasks/cancel"])
def test_a_task_is_nobody_elses(weir: Weir, method: str) -> None:
    with session(weir) as client, session(weir, "platform") as other:
        task = made(client, f"own-{method[-3:]}")
        for wrong in (task, f"{task[:-2]}AA", "task-own", "one.", f"two.{task.partition('.')[2]}", ""):
            error = ask(other if wrong == task else client, method, taskId=wrong)["error"]
            assert error["code"] == -32602 and "Task not found" in error["message"], wrong
        assert ask(other, "tasks/list")["result"]["tasks"] == []
        assert ask(client, method, taskId=task)["result"]


def test_a_call_that_is_no_task_is_answered_as_ever(weir: Weir) -> None:
    with session(weir) as client:
        assert ask(client, "tools/call", name="one__test_task", arguments={"label": "now"})["result"]["content"][0]["text"] == "Done with now"
