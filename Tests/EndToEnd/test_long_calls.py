"""A tool that works for half an hour, on a clock that the test sets: each report is a minute after the one before."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import upstream_command, upstream_served
from exactness.days import CLOCK_VARIABLE
from support.caller import MODERN, modern_meta
from support.events import BOTH, Session, rpc
from support.weir import Weir

pytestmark = pytest.mark.weir

# Shorter than the call by far, and longer than some reports that arrive together.
TIMEOUT, MINUTE = 300, 60


class Clock:
    """The time that Weir takes for now, in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds = 1_700_000_000
        self.advance(0)

    def advance(self, seconds: int) -> None:
        self.seconds += seconds
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{self.seconds * 1000}\n")
        os.replace(fresh, self.file)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock") / "now")


@pytest.fixture(scope="module")
def weir(start_weir: Any, clock: Clock) -> Iterator[Weir]:
    settings = {"call_timeout": f"{TIMEOUT}s", "cache": [{"tool": "test_simple_text", "ttl": "10m"}]}
    upstreams: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        for era in ("modern", "legacy"):
            url = stack.enter_context(upstream_served("everything.py", "--era", era))
            upstreams[f"far-{era}"] = {"url": f"{url}/mcp", "era": era} | settings
            upstreams[f"near-{era}"] = {"command": upstream_command("everything.py"), "era": era} | settings
        weir = stack.enter_context(start_weir({"upstreams": upstreams}, environment=os.environ | {CLOCK_VARIABLE: str(clock.file)}))
        weir.wait_for_tools(*upstreams)
        with weir.caller() as caller:
            until = datetime.fromisoformat(caller.call("near-modern__test_simple_text", {}).provenance["freshUntil"])
        if abs(until.timestamp() - clock.seconds) > 3600:
            pytest.skip(f"this Weir does not go by {CLOCK_VARIABLE}")
        yield weir


def follow(response: httpx.Response, clock: Clock, minutes: list[int]) -> tuple[dict[str, Any], int]:
    """The answer, and how many comments came before it. After each report so much time passes, the last of it after every further one."""
    comments, reports = 0, 0
    for line in response.iter_lines():
        comments += line.startswith(":")
        message = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {}
        if message.get("method") == "notifications/progress":
            reports += 1
            assert message["params"]["progress"] == reports
            clock.advance(MINUTE * minutes[min(reports, len(minutes)) - 1])
        if message.get("id") == 1:
            return message, comments
    raise AssertionError(f"the stream ended after {reports} reports")


def call(weir: Weir, path: str, clock: Clock, steps: int, pause: float, minutes: list[int], era: str) -> tuple[dict[str, Any], int]:
    params = {"name": "test_steps", "arguments": {"steps": steps, "pause": pause}, "_meta": {"progressToken": "t"}}
    message: dict[str, Any] = {"id": 1, "method": "tools/call", "params": params}
    if era == "legacy":
        with Session(f"{weir.url}{path}") as client, client.posted(message) as events:
            return follow(events.response, clock, minutes)
    params["_meta"] |= modern_meta()
    headers = {"Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "test_steps"}
    with httpx.stream("POST", f"{weir.url}{path}", json=rpc(message), headers=headers, timeout=60) as response:
        return follow(response, clock, minutes)


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("upstream", ["near-legacy", "near-modern", "far-legacy", "far-modern"])
def test_a_call_of_half_an_hour_goes_on_while_it_reports(weir: Weir, clock: Clock, upstream: str, era: str) -> None:
    before = clock.seconds
    answer, comments = call(weir, f"/mcp/{upstream}", clock, 32, 0.15, [1], era)
    assert answer["result"]["content"][0]["text"] == "All steps are done."
    assert clock.seconds - before >= 30 * 60
    assert comments > 0, "the connection is kept alive between reports"


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("upstream", ["near-legacy", "far-modern"])
def test_a_call_that_falls_silent_ends(weir: Weir, clock: Clock, upstream: str, era: str) -> None:
    began = time.monotonic()
    answer, _ = call(weir, f"/mcp/{upstream}", clock, 4, 3, [1, TIMEOUT // MINUTE + 1, 0], era)
    assert answer["result"]["isError"] and "in time" in answer["result"]["content"][0]["text"]
    assert time.monotonic() - began < 10, "it did not wait for the tool"
