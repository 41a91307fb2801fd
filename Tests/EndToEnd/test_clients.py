"""The real clients: what their users do must work, in the era that each of them opens with."""

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

import fastmcp
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from emulator import Emulator
from support.caller import question
from support.paths import END_TO_END, MCP1_PYTHON
from support.weir import Weir

pytestmark = [pytest.mark.weir, pytest.mark.filterwarnings("ignore")]


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario(), 60))


def provenance(result: Any) -> dict[str, Any]:
    return result.meta["weir/cache"]


@pytest.mark.parametrize(("mode", "version"), [("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25"), ("auto", "2026-07-28")])
def test_the_current_sdk(shared_weir: Weir, emulator: Emulator, mode: str, version: str) -> None:
    asked = question()

    async def scenario() -> None:
        async with Client(f"{shared_weir.url}/mcp", mode=mode) as client:
            assert client.protocol_version == version
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert "billing-http__cost-explorer" in names and "pricing__get_pricing" in names
            results = [await client.call_tool("billing-http__cost-explorer", asked) for _ in range(2)]
            assert [provenance(result)["outcome"] for result in results] == ["miss", "hit_memory"]
            assert json.loads(results[0].content[0].text)["status"] == "success"
            assert results[0].structured_content == results[1].structured_content
            assert not results[1].is_error
            if mode == "legacy":
                await client.send_ping()
            with pytest.raises(MCPError) as unknown:
                await client.call_tool("billing-http__no-such-tool", {})
            assert unknown.value.error.code == -32602

    run(scenario)
    assert emulator.received() == 1


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
def test_the_current_sdk_at_one_upstream(workshop_weir: Weir, mode: str) -> None:
    async def scenario() -> None:
        async with Client(f"{workshop_weir.url}/mcp/workshop-http", mode=mode) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == {"march", "tally", "pid", "echo", "large", "crash"}
            result = await client.call_tool("echo", {"text": f"grüße aus {mode} \u0000\u2028"})
            assert result.content[0].text == f"grüße aus {mode} \u0000\u2028"

    run(scenario)


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
@pytest.mark.parametrize("upstream", ["workshop", "workshop-http"])
def test_progress_reaches_the_client(workshop_weir: Weir, mode: str, upstream: str) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total, message))

    async def scenario() -> None:
        async with Client(f"{workshop_weir.url}/mcp", mode=mode) as client:
            # The pause makes the question one that no other test has asked.
            pause = 0.05 + (0.001 if mode == "legacy" else 0.002)
            result = await client.call_tool(f"{upstream}__march", {"steps": 4, "pause": pause}, progress_callback=on_progress)
            assert result.content[0].text == "4 steps" and provenance(result)["outcome"] == "miss"

    run(scenario)
    assert seen == [(float(step), 4.0, f"step {step}") for step in range(1, 5)]


def test_progress_reaches_everybody_who_waits(workshop_weir: Weir) -> None:
    """Two clients of two eras ask the same: one march, and each hears of its steps under its own token."""
    heard: dict[str, list[float]] = {"2026-07-28": [], "legacy": []}

    async def ask(mode: str) -> str:
        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            heard[mode].append(done)

        async with Client(f"{workshop_weir.url}/mcp", mode=mode) as client:
            result = await client.call_tool("workshop__march", {"steps": 20, "pause": 0.1003}, progress_callback=on_progress)
            return provenance(result)["outcome"]

    async def scenario() -> list[str]:
        return await asyncio.gather(*(ask(mode) for mode in heard))

    assert sorted(run(scenario)) == ["coalesced", "miss"]
    for steps in heard.values():
        assert steps == sorted(set(steps)) and steps[-1] == 20.0 and len(steps) >= 10


def test_the_client_of_the_old_line(shared_weir: Weir, workshop_weir: Weir, emulator: Emulator) -> None:
    def seen(url: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        client = [MCP1_PYTHON, END_TO_END / "clients" / "mcp1.py", url, tool, json.dumps(arguments)]
        done = subprocess.run(client, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    costs = seen(f"{shared_weir.url}/mcp", "billing-http__cost-explorer", question())
    assert costs["protocolVersion"] == "2025-11-25" and costs["session"]
    assert "billing__cost-explorer" in costs["tools"]
    assert [result["_meta"]["weir/cache"]["outcome"] for result in costs["results"]] == ["miss", "hit_memory"]
    assert costs["results"][0]["structuredContent"] == costs["results"][1]["structuredContent"]
    assert emulator.received() == 1

    march = seen(f"{workshop_weir.url}/mcp/workshop", "march", {"steps": 3, "pause": 0.0507})
    assert march["progress"] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_fastmcp(shared_weir: Weir, emulator: Emulator, mode: str, version: str) -> None:
    asked = question()

    async def scenario() -> None:
        async with fastmcp.Client(f"{shared_weir.url}/mcp", mode=mode) as client:
            assert client.protocol_version == version
            if mode == "legacy":
                assert await client.ping()
            assert "billing-http__cost-explorer" in [tool.name for tool in await client.list_tools()]
            results = [await client.call_tool("billing-http__cost-explorer", asked) for _ in range(2)]
            assert [provenance(result)["outcome"] for result in results] == ["miss", "hit_memory"]
            assert results[1].structured_content["status"] == "success"

    run(scenario)
    assert emulator.received() == 1


def test_many_clients_of_both_eras_at_once(workshop_weir: Weir) -> None:
    """Everybody gets the answer to their own question, never a neighbour's."""

    async def ask(number: int) -> None:
        async with Client(f"{workshop_weir.url}/mcp", mode="legacy" if number % 2 else "2026-07-28") as client:
            for repeat in range(3):
                text = f"text {number % 7} {repeat}"
                result = await client.call_tool("workshop-http__echo", {"text": text})
                assert result.content[0].text == text

    async def scenario() -> None:
        await asyncio.gather(*(ask(number) for number in range(24)))

    run(scenario)


def test_what_upstreams_send_arrives_as_they_sent_it(workshop_weir: Weir) -> None:
    """Members that nobody knows, and numbers that no double holds."""
    for era in ("modern", "legacy"):
        with workshop_weir.caller(era=era) as caller:
            assert {f"old-timer__tool_{number}" for number in range(5)} <= set(caller.names())
            answer = caller.call("old-timer__tool_3", {})
            assert answer.outcome == "bypass" and answer.result["x-future"] == {"b": 1, "a": 2}
    passed = b"".join(bytes(connection.downward) for connection in workshop_weir.relay.connections)
    assert b"12345678901234567890.10" in passed
