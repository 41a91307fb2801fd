"""Lists, resources, prompts, completion, and what is told of changes."""

from typing import Any

from .client import ParityClient
from .scenarios import LEGACY, MODERN, scenario
from .scenarios_tools import every_tool

WATCHED = "test://watched-resource"


async def pages(client: ParityClient, method: str) -> None:
    """Every page of a list, then a page that is not there."""
    cursor = None
    while True:
        cursor = (await client.do(method, cursor=cursor)).get("nextCursor")
        if cursor is None:
            break
    await client.do(method, cursor="no such page")


@scenario(
    "protocolVersion", "A server with every feature.", '"listChanged": true', '"subscribe": true', '"completions"', '"logging"', '"tasks"', eras=LEGACY,
)
async def handshake(client: ParityClient) -> None:
    client.recorder.begin("initialize", "initialize")["responses"] = client.recorder.opening


@scenario("supportedVersions", "A server with every feature.", '"listChanged": true', '"subscribe": true', '"completions"', eras=MODERN)
async def discovery(client: ParityClient) -> None:
    await client.do("server/discover")


@scenario(
    '"$anchor": "address"', '"unevaluatedProperties": false', '"x-future": {"nested"', "ui://panel/main.html", '"theme": "dark"', '"x-mcp-header": "Region"',
)
async def tools(client: ParityClient) -> None:
    """All definitions, whatever page they are on."""
    found: list[Any] = []
    cursor, steps = None, len(client.recorder.steps)
    while True:
        page = await client.do("tools/list", cursor=cursor)
        found += page.get("tools", [])
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    raised = [step["raised"] for step in client.recorder.steps[steps:] if "raised" in step]
    del client.recorder.steps[steps:]
    client.recorder.begin("tools/list", "every tool")["responses"] = [{"result": {"tools": found}, "raised": raised}]


@scenario('"nextCursor": "tools:12"', '"code": -32602')
async def tools_in_pages(client: ParityClient) -> None:
    await pages(client, "tools/list")


@scenario("test://static-text", '"x-future": {"b": 1, "a": [2, null]}', '"lastModified"', '"nextCursor": "resources:2"', '"code": -32602')
async def resources(client: ParityClient) -> None:
    await pages(client, "resources/list")


@scenario("test://template/{id}/data", "test://other/{+path}", '"nextCursor": "resourceTemplates:2"')
async def templates(client: ParityClient) -> None:
    await pages(client, "resources/templates/list")


@scenario(
    "content of the static text resource", '"blob"', "Nobody lists this one.", "Data for ID: a%20b", "profile=mcp-app", "Resource not found", '"x-future": "kept"',
)
async def reading(client: ParityClient) -> None:
    for uri in ("static-text", "static-binary", "unlisted", "template/7/data", "template/a%20b/data", "no-such-resource"):
        await client.do("resources/read", uri=f"test://{uri}")
    await client.do("resources/read", uri="ui://panel/main.html")


@scenario("test_simple_prompt", '"title": "Second"', '"x-future": [1, 2]', '"nextCursor": "prompts:3"', '"code": -32602')
async def prompts(client: ParityClient) -> None:
    await pages(client, "prompts/list")


@scenario(
    "This is a simple prompt", "arg1='ż'", "Embedded resource content", "Please analyze the image", "Unknown prompt", "Missing required arguments: arg2",
)
async def getting_prompts(client: ParityClient) -> None:
    await client.do("prompts/get", name="test_simple_prompt")
    await client.do("prompts/get", name="test_prompt_with_arguments", arguments={"arg1": "ż", "arg2": ""})
    await client.do("prompts/get", name="test_prompt_with_embedded_resource", arguments={"resourceUri": "test://static-text"})
    await client.do("prompts/get", name="test_prompt_with_image")
    await client.do("prompts/get", name="test_prompt_with_arguments", arguments={"arg1": "one"})
    await client.do("prompts/get", name="no_such_prompt")


@scenario('"values": ["Paris", "Park", "Party"]', '"hasMore": true', '"values": ["compiler"]', '"values": ["ada", "grace"]', "Unknown prompt")
async def completion(client: ParityClient) -> None:
    prompt = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
    template = {"type": "ref/resource", "uri": "test://repository/{owner}/{name}"}
    await client.do("completion/complete", ref=prompt, argument={"name": "arg1", "value": "P"})
    await client.do("completion/complete", ref=prompt, argument={"name": "arg1", "value": "zz"})
    await client.do("completion/complete", ref=template, argument={"name": "owner", "value": ""})
    await client.do("completion/complete", ref=template, argument={"name": "name", "value": "c"}, context={"owner": "grace"})
    await client.do("completion/complete", ref=prompt | {"name": "no_such_prompt"}, argument={"name": "x", "value": ""})


@scenario("notifications/tools/list_changed", "I was added.", "Unknown tool: test_added_tool")
async def tool_change(client: ParityClient) -> None:
    async with client.listening():
        names = await every_tool(client)
        for _ in range(2):
            heard = client.recorder.heard("notifications/tools/list_changed")
            await client.call("test_trigger_tool_change")
            names = await changed_tools(client, names, heard)
            await client.call("test_added_tool")


async def changed_tools(client: ParityClient, before: list[str], heard: int) -> list[str]:
    """The names when the word of a change has come. The word of an earlier one may come twice: who finds nothing new waits for the next."""
    while True:
        heard += 1
        await client.wait_for("notifications/tools/list_changed", heard)
        names = await every_tool(client)
        if client.deaf or names != before:
            return names
        client.recorder.steps.pop()


@scenario("notifications/prompts/list_changed", "Added later.", "Unknown prompt: test_added_prompt")
async def prompt_change(client: ParityClient) -> None:
    async with client.listening():
        for count in (1, 2):
            await client.call("test_trigger_prompt_change")
            await client.wait_for("notifications/prompts/list_changed", count)
            await client.do("prompts/list", cursor="prompts:3")
            await client.do("prompts/get", name="test_added_prompt")


@scenario("notifications/resources/list_changed", "test://added")
async def resource_change(client: ParityClient) -> None:
    async with client.listening():
        for count in (1, 2):
            await client.call("test_trigger_resource_change")
            await client.wait_for("notifications/resources/list_changed", count)
            await client.do("resources/list", cursor="resources:4")


@scenario("notifications/resources/updated", WATCHED, "Resource updated.")
async def subscription(client: ParityClient) -> None:
    """One update of the resource that is watched, one of another, and one when nobody watches any more: one is heard of."""
    async with client.listening(WATCHED):
        await client.call("test_trigger_resource_update", arguments={"uri": "test://static-text"})
        await client.call("test_trigger_resource_update", arguments={"uri": WATCHED})
        await client.wait_for("notifications/resources/updated")
    await client.call("test_trigger_resource_update", arguments={"uri": WATCHED})
    await client.wait_for("notifications/resources/updated", 2, seconds=0.2)
