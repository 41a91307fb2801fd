"""Upstreams that say more than anybody can hear, and clients that come and go: others notice nothing, and nothing is left behind."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from conftest import upstream_command, upstream_served
from support.events import Session
from support.processes import eventually
from support.weir import Weir

pytestmark = pytest.mark.weir


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    calm = {"calm": {"command": upstream_command("everything.py"), "era": "modern"}}
    stormy = {"by-command": {"command": upstream_command("everything.py"), "era": "legacy"}}
    with (
        upstream_served("everything.py", "--era", "legacy") as url,
        start_weir({"upstreams": calm | stormy | {"by-url": {"url": f"{url}/mcp"}}}) as weir,
    ):
        weir.wait_for_tools("calm", "by-url", "by-command")
        yield weir


def holdings(weir: Weir) -> tuple[int, int]:
    """Descriptors, without the connections to upstreams that are kept for the next call, and child processes."""
    process = psutil.Process(weir.process.process.pid)
    own = int(weir.url.rsplit(":", 1)[1])
    kept = sum(bool(connection.raddr) and connection.laddr.port != own for connection in process.net_connections())
    return process.num_fds() - kept, len(process.children(recursive=True))


def leaves_nothing(weir: Weir, act: Callable[[], None]) -> None:
    """After the second time, Weir holds no more than after the first."""
    act()
    eventually(lambda: settled(lambda: holdings(weir)), 20, "Weir is at rest")
    before = holdings(weir)
    act()
    eventually(lambda: holdings(weir) <= before, 30, f"descriptors and children are those of before: {before}")


def settled(read: Callable[[], Any]) -> bool:
    first = read()
    time.sleep(0.3)
    return read() == first


@pytest.mark.parametrize("upstream", ["by-url", "by-command"])
def test_a_storm_of_notifications_is_its_callers_alone(weir: Weir, upstream: str) -> None:
    with Session(f"{weir.url}/mcp/{upstream}") as client, weir.caller("/mcp/calm") as calm, ThreadPoolExecutor(1) as pool:
        asked = {"id": 1, "method": "tools/call", "params": {
            "name": "test_storm", "arguments": {"seconds": 3}, "_meta": {"progressToken": "s"}}}

        def weathered() -> tuple[int, int]:
            with client.posted(asked) as events:
                heard, said = 0, 0
                for event in events:
                    if event.data and event.message.get("id") == 1:
                        said = int(event.message["result"]["content"][0]["text"])
                    elif event.data:
                        heard += 1
                return heard, said

        storm = pool.submit(weathered)
        waits = []
        while not storm.done():
            began = time.monotonic()
            assert calm.call("test_simple_text", {}).result is not None
            waits.append(time.monotonic() - began)
        heard, said = storm.result()
        assert said > 1000, "it was a storm"
        assert 0 < heard <= said
        assert sorted(waits)[len(waits) // 2] < 0.5, f"others wait for their answers: {waits}"


def test_what_a_shared_command_logs_of_a_call_given_up_reaches_nobody(weir: Weir) -> None:
    """Issue 4: the next caller was told, whoever that was."""
    with Session(f"{weir.url}/mcp/by-command") as one, Session(f"{weir.url}/mcp/by-command") as other:
        given_up = {"id": 5, "method": "tools/call", "params": {
            "name": "test_stubborn", "arguments": {"secret": "account 1234"}, "_meta": {"progressToken": 5}}}
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(lambda: one.post(given_up).text)
            time.sleep(0.3)
            one.post({"method": "notifications/cancelled", "params": {"requestId": 5}})
            with other.posted({"id": 6, "method": "tools/call", "params": {
                    "name": "test_steps", "arguments": {"steps": 10, "pause": 0.1}, "_meta": {"progressToken": 6}}}) as events:
                heard = [event.data for event in events]
            assert "account 1234" not in asked.result()
        assert any('"progress":10' in data for data in heard)
        assert not [data for data in heard if "account 1234" in data]


def test_sessions_that_come_and_go_leave_nothing(weir: Weir) -> None:
    def visit(number: int) -> None:
        with Session(f"{weir.url}/mcp/by-url", elicitation={}) as client:
            with client.listening() as events:
                events.next()
                answer = client.post({"id": number, "method": "tools/call", "params": {"name": "test_simple_text"}})
                assert answer.status_code == 200

    leaves_nothing(weir, lambda: together(weir, visit, 40))


def test_clients_that_leave_in_the_middle_leave_nothing(weir: Weir) -> None:
    def leave(number: int) -> None:
        with Session(f"{weir.url}/mcp/by-url") as client:
            slow = {"id": number, "method": "tools/call", "params": {
                "name": "test_slow", "arguments": {"label": f"left-{number}"}, "_meta": {"progressToken": number}}}
            with client.posted(slow) as events:
                events.until("notifications/progress")

    leaves_nothing(weir, lambda: together(weir, leave, 24))


def together(weir: Weir, act: Callable[[int], None], count: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(count)))
    eventually(lambda: "weir_sessions 0\n" in weir.metrics(), 10, "no session is left")
