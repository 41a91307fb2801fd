"""Upstreams of HTTP+SSE, the transport of 2024-11-05: servers of both SDKs that still speak it, behind Weir and before clients of both eras."""

import asyncio
import contextlib
import difflib
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mcp_types as types
import pytest
from mcp import Client

from conftest import judged, served, upstream_served
from parity.lab import KINDS, Kind, play
from parity.normalise import normalised
from parity.scenarios import SCENARIOS, Scenario
from support.oracle import Between
from support.paths import END_TO_END, MCP1_PYTHON
from support.processes import ManagedProcess, accepts, eventually, free_port
from support.relay import Relay
from support.weir import Weir

pytestmark = [pytest.mark.weir, pytest.mark.filterwarnings("ignore")]

PLAYED = [(kind, scenario) for kind in KINDS[:2] for scenario in SCENARIOS.values() if kind.has(scenario)]


def eventful(port: int) -> list[str]:
    """The command of the server of the 1.x SDK."""
    return [str(MCP1_PYTHON), "-W", "ignore", str(END_TO_END / "upstreams" / "eventful.py"), str(port)]


@pytest.fixture(scope="module")
def weir(start_weir: Callable[..., Any]) -> Iterator[Weir]:
    """Before the fixture of the current SDK, over either transport, and a server of the 1.x SDK: one is found out, the other is configured."""
    port = free_port()
    with (
        upstream_served("everything.py", "--sse") as streamable,
        upstream_served("everything.py", "--sse") as events,
        served(eventful(port), port) as older,
    ):
        upstreams = {
            "streamable": {"url": f"{streamable}/mcp", "share": "all", "era": "legacy"},
            "everything": {"url": f"{events}/sse", "share": "all"},
            "eventful": {"url": f"{older}/sse", "transport": "sse"},
        }
        with start_weir({"upstreams": upstreams}) as weir:
            weir.wait_for_tools(*upstreams)
            yield weir


@pytest.mark.parametrize(("kind", "scenario"), PLAYED, ids=lambda value: value.name)
def test_the_fixture_is_the_same_over_both_transports(weir: Weir, kind: Kind, scenario: Scenario) -> None:
    recorded = [recording(kind, f"{weir.url}/mcp/{upstream}", scenario) for upstream in ("streamable", "everything")]
    streamable, events = (json.dumps(each, indent=1, sort_keys=True, ensure_ascii=False).splitlines() for each in recorded)
    difference = "\n".join(difflib.unified_diff(streamable, events, "Streamable HTTP", "HTTP+SSE", lineterm=""))
    assert not difference, difference[:6000]


def recording(kind: Kind, url: str, scenario: Scenario) -> dict[str, Any]:
    """But for when a changed list was told of: Weir looks at a list before it says that it has changed."""
    found = normalised(play(kind, url, scenario))
    return found | {"changes": [change for change in found["changes"] if "list_changed" not in change["method"]]}


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
def test_a_server_of_the_older_sdk(weir: Weir, mode: str) -> None:
    progress: list[float] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async def scenario() -> None:
        async with Client(f"{weir.url}/mcp/eventful", mode=mode) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} >= {"echo", "march", "greet"}
            texts = await asyncio.gather(*(client.call_tool("echo", {"text": f"grüße {n}"}) for n in range(50)))
            assert [result.content[0].text for result in texts] == [f"grüße {n}" for n in range(50)]
            result = await client.call_tool("march", {"steps": 4, "pause": 0.1}, progress_callback=on_progress)
            assert result.content[0].text == "4 steps"

    run(scenario)
    assert progress == [1, 2, 3, 4]


def test_questions_reach_the_client_of_each_session(weir: Weir) -> None:
    async def ask(who: str) -> None:
        async def elicit(context: Any, params: Any) -> types.ElicitResult:
            await asyncio.sleep(0.05)
            return types.ElicitResult(action="accept", content={"name": who})

        async def sample(context: Any, params: Any) -> types.CreateMessageResult:
            question = params.messages[0].content.text
            return types.CreateMessageResult(role="assistant", model="m", content=types.TextContent(type="text", text=f"{who}: {question}"))

        async with Client(f"{weir.url}/mcp/eventful", mode="legacy", elicitation_callback=elicit, sampling_callback=sample) as client:
            for _ in range(3):
                assert (await client.call_tool("greet", {})).content[0].text == f"Hello, {who}"
            assert (await client.call_tool("reckon", {"question": "six by seven"})).content[0].text == f"{who}: six by seven"

    async def scenario() -> None:
        await asyncio.gather(*(ask(f"client {number}") for number in range(5)))

    run(scenario)


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
def test_a_changed_list_is_told_of_and_listed_again(weir: Weir, mode: str) -> None:
    word = f"ahoy-{mode}"

    async def scenario() -> None:
        told = asyncio.Event()

        async def hear(message: Any) -> None:
            if isinstance(message, types.ToolListChangedNotification):
                told.set()

        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(Client(f"{weir.url}/mcp/eventful", mode=mode, message_handler=hear))
            events = await stack.enter_async_context(client.listen(tools_list_changed=True)) if mode != "legacy" else None
            assert (await client.call_tool("learn", {"word": word})).content[0].text == "learnt"
            await (anext(events) if events else told.wait())
            assert word in {tool.name for tool in (await client.list_tools()).tools}
            assert (await client.call_tool(word, {})).content[0].text == word

    run(scenario)


@pytest.mark.parametrize("transport", ["auto", "sse"])
def test_a_server_that_is_started_again(start_weir: Callable[..., Any], transport: str) -> None:
    port = free_port()
    server = ManagedProcess(eventful(port))
    eventually(lambda: accepts(port), 60, "the server of the 1.x SDK listens")
    relay = Relay(port)
    upstream = {"url": f"{relay.url}/sse", "transport": transport}
    with judged(Between.UPSTREAMS, relay), start_weir({"upstreams": {"up": upstream}}) as weir:
        weir.wait_for_tools("up")
        with weir.caller("/mcp/up", era="legacy") as caller, ThreadPoolExecutor(1) as pool:
            first = caller.call("pid", {}).text
            under_way = pool.submit(caller.call, "march", {"steps": 1000, "pause": 0.1})
            eventually(lambda: caller.call("begun", {}).text == "1", 10, "the call is under way")
            server.process.kill()
            server.wait(5)
            lost = under_way.result(30)
            assert lost.is_error or lost.error, lost
            down = caller.call("echo", {"text": "a"})
            assert down.is_error, down
            server = ManagedProcess(eventful(port))
            eventually(lambda: not caller.call("echo", {"text": "a"}).is_error, 60, "the server is found again", pause=0.2)
            assert caller.call("pid", {}).text != first
    server.stop()
    relay.close()


def test_an_address_that_is_neither_is_explained(start_weir: Callable[..., Any]) -> None:
    with upstream_served("everything.py", "--sse") as url, start_weir({"upstreams": {"up": {"url": f"{url}/elsewhere"}}}) as weir:
        eventually(lambda: "HTTP+SSE of 2024-11-05 fails, too" in weir.ready().text, 30, f"the reason is shown: {weir.ready().text}")
