"""`weir stdio`: clients that know only local servers, in front of a URL."""

import asyncio
import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import mcp_types as types
import pytest
from mcp.shared.exceptions import MCPError

from conftest import upstream_command, upstream_served
from support.bridge import ERAS, INITIALIZE, INITIALIZED, LEGACY, MODERN, Bridge, answer_of, listed, request, run, text_of
from support.paths import END_TO_END, MCP1_PYTHON, find_binary
from support.processes import free_port
from support.weir import Weir
from test_tenants import KEYS, bearer, tenant

pytestmark = [pytest.mark.weir, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def everything() -> Iterator[str]:
    """The server with every feature of the protocol, by HTTP, of both eras: the URL."""
    with upstream_served("everything.py") as url:
        yield f"{url}/mcp"


@pytest.fixture(scope="module")
def guarded(start_weir: Any) -> Iterator[Weir]:
    """A Weir that wants a key, in front of the same server as a command of each era."""
    program = upstream_command("everything.py")
    upstreams = {"old": {"command": program, "era": "legacy"}, "new": {"command": program, "era": "modern"}}
    with start_weir({"upstreams": upstreams, "tenants": {"platform": tenant("platform", ["*"])}}) as weir:
        weir.wait_for_tools("old", "new", headers=bearer("platform"))
        yield weir


@pytest.mark.parametrize("mode", [*ERAS, "auto"])
def test_a_client_of_each_era_calls_what_is_behind_the_url(everything: str, mode: str) -> None:
    async def scenario() -> None:
        async with Bridge("stdio", "--url", everything).client(mode) as client:
            assert client.protocol_version == ("2025-11-25" if mode == LEGACY else MODERN)
            assert "test_simple_text" in [tool.name for tool in await listed(client)]
            texts = [f"grüße \u0000\u2028\n{number}" for number in range(20)]
            results = await asyncio.gather(*(client.call_tool("test_echo", {"text": text}) for text in texts))
            assert [json.loads(text_of(result))["text"] for result in results] == texts
            assert (await client.read_resource("test://static-text")).contents
            with pytest.raises(MCPError) as refused:
                await client.call_tool("test_protocol_error", {})
            assert refused.value.error.code == 1234

    run(scenario)


@pytest.mark.parametrize("mode", ERAS)
def test_progress_arrives_before_the_answer(everything: str, mode: str) -> None:
    heard: list[float] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        heard.append(done)

    async def scenario() -> None:
        async with Bridge("stdio", "--url", everything).client(mode) as client:
            await client.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
            assert heard == [0.0, 50.0, 100.0]

    run(scenario)


@pytest.mark.parametrize("mode", ERAS)
def test_the_server_asks_the_client(everything: str, mode: str) -> None:
    async def elicit(context: Any, params: Any) -> Any:
        return types.ElicitResult(action="accept", content={"response": "yes", "email": "a@example.com"})

    async def sample(context: Any, params: Any) -> Any:
        return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text="sampled"), model="m")

    async def scenario() -> None:
        handlers = {"elicitation_callback": elicit, "sampling_callback": sample}
        async with Bridge("stdio", "--url", everything).client(mode, **handlers) as client:
            assert "a@example.com" in text_of(await client.call_tool("test_elicitation", {"message": "Who?"}))
            assert "sampled" in text_of(await client.call_tool("test_sampling", {"prompt": "Say it"}))

    run(scenario)


def test_a_legacy_client_hears_of_changes_by_the_stream_of_get(everything: str) -> None:
    changed = asyncio.Event()

    async def on_message(message: Any) -> None:
        if isinstance(getattr(message, "root", message), types.ToolListChangedNotification):
            changed.set()

    async def scenario() -> None:
        async with Bridge("stdio", "--url", everything).client(LEGACY, message_handler=on_message) as client:
            # The stream is opened beside the first calls: the change is made until it is heard of.
            for _ in range(20):
                await client.call_tool("test_trigger_tool_change", {})
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), 0.5)
                    return
            raise AssertionError("no list_changed")

    run(scenario)


def test_a_modern_client_hears_of_changes_by_listening(everything: str) -> None:
    async def scenario() -> None:
        async with Bridge("stdio", "--url", everything).client(MODERN) as client, client.listen(tools_list_changed=True) as events:
            await client.call_tool("test_trigger_tool_change", {})
            async for _ in events:
                return

    run(scenario)


@pytest.mark.parametrize("ends", ["server", "bridge"])
def test_the_end_of_a_subscription_is_a_result_and_a_cancellation(start_weir: Any, ends: str) -> None:
    upstreams = {"workshop": {"command": upstream_command("workshop.py")}}
    with start_weir({"upstreams": upstreams}) as weir, Bridge("stdio", "--url", f"{weir.url}/mcp").process() as bridge:
        bridge.stdin.write(request(7, "subscriptions/listen", MODERN, notifications={"toolsListChanged": True}))
        acknowledged = json.loads(bridge.stdout.readline())
        assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
        weir.stop() if ends == "server" else bridge.terminate()
        ended, cancelled = (json.loads(bridge.stdout.readline()) for _ in range(2))
        assert ended["id"] == 7 and ended["result"]["resultType"] == "complete"
        meta = ended["result"]["_meta"]
        assert meta["io.modelcontextprotocol/subscriptionId"] == 7
        assert (meta.get("io.modelcontextprotocol/serverInfo") or {}).get("name") == ("weir" if ends == "server" else None)
        assert cancelled["method"] == "notifications/cancelled" and cancelled["params"]["requestId"] == 7
        bridge.stdin.close()
        assert bridge.wait(10) == 0


@pytest.mark.parametrize("mode", ERAS)
def test_a_cancelled_call_is_cancelled_at_the_server(everything: str, mode: str) -> None:
    label = f"stdio-{mode}"

    async def scenario() -> None:
        async with Bridge("stdio", "--url", everything).client(mode) as client:
            started = asyncio.Event()

            async def on_progress(*report: Any) -> None:
                started.set()

            call = asyncio.create_task(client.call_tool("test_slow", {"label": label}, progress_callback=on_progress))
            await asyncio.wait_for(started.wait(), 10)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            for _ in range(50):
                if json.loads(text_of(await client.call_tool("test_cancellations", {"label": label}))) == 1:
                    return
                await asyncio.sleep(0.1)
            raise AssertionError("nothing was cancelled")

    run(scenario)


def test_the_client_of_the_old_line(everything: str) -> None:
    bridge = Bridge("stdio", "--url", everything)
    client = [MCP1_PYTHON, "-W", "ignore", END_TO_END / "clients" / "mcp1_stdio.py", "test_tool_with_progress", "{}", *bridge.command]
    done = subprocess.run(client, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["protocolVersion"] == "2025-11-25" and "test_task" in seen["tools"]
    assert seen["progress"] == [0.0, 50.0, 100.0] * 2


# With Weir at the URL


@pytest.mark.parametrize("mode", ERAS)
def test_weir_at_the_url_takes_the_key_from_the_environment(guarded: Weir, mode: str) -> None:
    async def scenario() -> None:
        async with Bridge("stdio", "--url", f"{guarded.url}/mcp", token=KEYS["platform"]).client(mode) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert {"old__test_echo", "new__test_echo"} <= tools
            result = await client.call_tool("new__test_echo", {"a": mode})
            assert json.loads(text_of(result)) == {"a": mode}

    run(scenario)


@pytest.mark.parametrize(("token", "words"), [(None, "set WEIR_TOKEN"), ("wrong-key-of-nobody-0123456789", "refused the key in WEIR_TOKEN")])
@pytest.mark.parametrize("mode", ERAS)
def test_a_key_that_is_missing_or_wrong_is_an_error_that_says_so(guarded: Weir, mode: str, token: str | None, words: str) -> None:
    first = INITIALIZE if mode == LEGACY else request(0, "tools/list")
    answers, log = Bridge("stdio", "--url", f"{guarded.url}/mcp", token=token).run(first)
    assert [answer["id"] for answer in answers] == [0]
    assert words in answers[0]["error"]["message"]
    assert not token or token not in log + json.dumps(answers)


def test_arguments_that_tools_want_in_headers_are_there(guarded: Weir) -> None:
    """Weir refuses the call where they are missing. The client never listed the tools: the bridge does."""
    arguments = {"region": "größe", "limit": 3, "query": "q"}
    call = request(1, "tools/call", name="new__test_header_parameter", arguments=arguments)
    answers, _ = Bridge("stdio", "--url", f"{guarded.url}/mcp", token=KEYS["platform"]).run(call)
    assert [answer["id"] for answer in answers] == [1]
    assert json.loads(answers[0]["result"]["content"][0]["text"]) == arguments


def test_a_session_that_the_server_forgot_is_opened_again(start_weir: Any) -> None:
    with start_weir({"upstreams": {"one": {"command": upstream_command("workshop.py"), "share": "all"}}}) as weir:
        weir.wait_for_tools("one")
        with Bridge("stdio", "--url", f"{weir.url}/mcp/one").process() as bridge:
            bridge.stdin.write(INITIALIZE + INITIALIZED + request(1, "tools/list", LEGACY))
            assert [answer_of(bridge)["id"] for _ in range(2)] == [0, 1]
            weir.restart()
            weir.wait_for_tools("one")
            bridge.stdin.write(request(2, "tools/call", LEGACY, name="echo", arguments={"text": "again"}))
            answer = answer_of(bridge)
            assert answer["id"] == 2 and answer["result"]["content"][0]["text"] == "again"
            bridge.stdin.close()
            assert bridge.wait(5) == 0
            assert "forgotten the session" in bridge.stderr.read()
        # The session was ended with the input.
        assert "\nweir_sessions 0\n" in weir.metrics()


# What goes wrong


@pytest.mark.parametrize("mode", ERAS)
def test_a_server_that_is_not_there_is_an_error_for_every_request(mode: str) -> None:
    url = f"http://127.0.0.1:{free_port()}/mcp"
    lines = [INITIALIZE, request(1, "ping", LEGACY)] if mode == LEGACY else [request(0, "server/discover"), request(1, "tools/list")]
    answers, _ = Bridge("stdio", "--url", url).run("".join(lines))
    assert sorted(answer["id"] for answer in answers) == [0, 1]
    for answer in answers:
        assert answer["error"]["code"] == -32603 and "is it running" in answer["error"]["message"]


def test_faulty_lines_are_answered_and_end_nothing(everything: str) -> None:
    lines = ["no json\n", "[]\n", "\n", "\xff\n", '{"jsonrpc":"2.0","id":1}\n', "x" * (17 << 20) + "\n", request(2, "tools/list").rstrip("\n")]
    answers, _ = Bridge("stdio", "--url", everything, faulty=True).run("".join(lines))
    assert len([answer for answer in answers if "error" in answer]) == 5
    assert [answer["id"] for answer in answers if "result" in answer] == [2]


@pytest.mark.parametrize("mode", ERAS)
def test_a_signal_ends_it_in_the_middle_of_a_call(everything: str, mode: str) -> None:
    with Bridge("stdio", "--url", everything).process() as bridge:
        if mode == LEGACY:
            bridge.stdin.write(INITIALIZE + INITIALIZED)
            bridge.stdout.readline()
        bridge.stdin.write(request(1, "tools/call", mode, name="test_slow", arguments={"label": "nobody"}))
        time.sleep(0.5)
        bridge.terminate()
        began = time.monotonic()
        assert bridge.wait(5) == 0
        assert time.monotonic() - began < 3


def test_a_client_that_stops_reading_does_not_keep_it(everything: str) -> None:
    with Bridge("stdio", "--url", everything).process() as bridge:
        for number in range(60):
            bridge.stdin.write(request(number, "tools/list"))
        time.sleep(1)
        bridge.terminate()
        assert bridge.wait(5) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "http://weir.example.com/mcp"], "--allow-insecure"),
        (["--url", "weir.example.com"], "does not begin with http"),
        (["--url", "https://weir.example.com/mcp", "--ca-file", "/nowhere.pem"], "/nowhere.pem"),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_start(arguments: list[str], words: str) -> None:
    done = subprocess.run([find_binary()[0], "stdio", *arguments], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and not done.stdout and words in done.stderr
