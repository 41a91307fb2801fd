"""Calls of tools, and what happens on the way."""

import json

from .client import ParityClient
from .scenarios import LEGACY, MODERN, scenario


@scenario(
    "This is a simple text response", '"audio/wav"', "test://embedded-resource", "resource_link", "test://mixed-content-blob", '"priority": 1.0',
)
async def contents(client: ParityClient) -> None:
    kinds = ("simple_text", "image_content", "audio_content", "embedded_resource", "resource_link", "multiple_content_types")
    for kind in kinds:
        await client.call(f"test_{kind}")


@scenario('"structuredContent": {"city": "Pécs", "degrees": 20.5, "hours": [1, 2, 3], "note": null}')
async def structured_content(client: ParityClient) -> None:
    await client.call("test_structured_content", arguments={"city": "Pécs"})


@scenario('"isError": true', '"code": 1234', '"until": "2026-02-30"', '"code": -32602', "Unknown tool: no_such_tool")
async def errors(client: ParityClient) -> None:
    await client.call("test_error_handling")
    await client.call("test_protocol_error")
    await client.call("no_such_tool")


@scenario("9007199254740993", "1e+300", "null", "zażółć", "👩‍🚀")
async def arguments(client: ParityClient) -> None:
    given = {"big": 9007199254740993, "huge": 1e300, "whole": 2.0, "none": None, "text": "zażółć \u2028 👩‍🚀 \\ \"", "deep": [[{"a": []}], {}], "": True}
    await client.call("test_echo", arguments=given)
    await client.call("test_echo", arguments={})
    await client.call("json_schema_2020_12_tool", arguments={"name": "Ada", "address": {"street": "Main"}})


@scenario('"x-future": {"b": 1, "a": 2}', '"x-future": "kept"', '"example.com/trace": "abc"', '"example.com/part": 1')
async def unknown_members(client: ParityClient) -> None:
    await client.call("test_described_tool", arguments={"query": "x"})


@scenario('eu-west-1', "zażółć")
async def header_parameters(client: ParityClient) -> None:
    await every_tool(client)
    for given in ({"region": "eu-west-1", "limit": 10, "query": "q"}, {"region": " zażółć ", "limit": None}, {"query": "q"}):
        await client.call("test_header_parameter", arguments=given)


@scenario("example.com/trace", "tenant=7")
async def request_meta(client: ParityClient) -> None:
    await client.call("test_request_meta", meta={"example.com/trace": {"id": [1, 2]}, "baggage": "tenant=7"})


@scenario("elicitation", "sampling", "roots")
async def capabilities(client: ParityClient) -> None:
    await client.call("test_client_capabilities")


@scenario('"progress": 50', '"total": 100', "Completed step 100 of 100", "Progress reported.")
async def progress(client: ParityClient) -> None:
    await client.call("test_tool_with_progress", progress=True)
    await client.call("test_tool_with_progress")


@scenario("Tool execution started", '{"step": 1, "of": [1, 2]}', '"logger": "fixture"', "Tool execution completed")
async def logging(client: ParityClient) -> None:
    await client.call("test_tool_with_logging")


@scenario("after 1", "after 2", '"progress": 2')
async def progress_and_logging(client: ParityClient) -> None:
    await client.call("test_progress_and_logging", progress=True)


@scenario("Tool execution completed", eras=LEGACY)
async def log_level(client: ParityClient) -> None:
    await client.do("logging/setLevel", level="warning")
    await client.call("test_tool_with_logging")
    await client.do("logging/setLevel", level="emergency")
    await client.call("test_tool_with_logging")


@scenario("Tool execution completed", eras=MODERN)
async def log_level_of_a_request(client: ParityClient) -> None:
    for level in ("warning", "emergency"):
        await client.call("test_tool_with_logging", meta={"io.modelcontextprotocol/logLevel": level})


@scenario('"cancelled": true', '"text": "1"')
async def cancellation(client: ParityClient) -> None:
    label = f"{type(client).__name__}"
    await client.give_up("test_slow", {"label": label})
    for _ in range(20):
        seen = await client.call("test_cancellations", arguments={"label": label})
        if seen.get("content", [{}])[0].get("text") != "0":
            break
        # Only the last of these questions is of interest: how soon a server notices is left to it.
        client.recorder.steps.pop()
        await client.wait(lambda: False, 0.05)


@scenario('"did": "ping"', '"result": {}', eras=LEGACY)
async def ping(client: ParityClient) -> None:
    await client.do("ping")


@scenario(
    '"status": "working"', '"status": "completed"', '"status": "cancelled"', "Done with a", "related-task", "Task not found", eras=LEGACY, needs="tasks", bridged=False,
)
async def tasks(client: ParityClient) -> None:
    await client.call("test_task", arguments={"label": "directly"})
    await client.call("test_task", arguments={"label": "a"}, task=60000)
    for method in ("tasks/get", "tasks/get", "tasks/result", "tasks/cancel"):
        await client.do(method, name="task-a")
    await client.call("test_task", arguments={"label": "b"}, task=1000)
    await client.do("tasks/cancel", name="task-b")
    await client.do("tasks/list")
    await client.do("tasks/get", name="task-a")


async def every_tool(client: ParityClient) -> list[str]:
    """The names on all pages. How many pages there are is not recorded."""
    names, cursor = [], None
    steps = len(client.recorder.steps)
    while True:
        page = await client.do("tools/list", cursor=cursor)
        names += [tool["name"] for tool in page.get("tools", [])]
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    del client.recorder.steps[steps:]
    client.recorder.begin("tools/list", f"every tool: {json.dumps(names)}")
    return names
