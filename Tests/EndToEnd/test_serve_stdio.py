"""`weir serve --stdio`: a whole Weir for one client, which starts it as a local server."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import upstream_command
from support.bridge import ERAS, INITIALIZE, INITIALIZED, LEGACY, MODERN, Bridge, request, run, text_of
from support.paths import find_binary
from test_tenants import KEYS, tenant

pytestmark = [pytest.mark.weir, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def private(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration whose listener would be in the way of others."""

    def write(**configuration: Any) -> Path:
        path = tmp_path / "weir.yaml"
        program = upstream_command("everything.py")
        listen = {"address": "127.0.0.1:1", "admin_address": "127.0.0.1:2"}
        path.write_text(yaml.safe_dump({"listen": listen, "upstreams": {"one": {"command": program}}} | configuration))
        return path

    return write


@pytest.mark.parametrize("mode", [*ERAS, "auto"])
def test_one_client_starts_a_weir_of_its_own(private: Any, mode: str) -> None:
    async def scenario() -> None:
        async with Bridge("serve", "--stdio", "--config", private()).client(mode) as client:
            # The first list is whole: the first line waits for the upstreams.
            assert "one__test_echo" in [tool.name for tool in (await client.list_tools()).tools]
            assert json.loads(text_of(await client.call_tool("one__test_echo", {"a": 1}))) == {"a": 1}

    run(scenario)


def test_one_upstream_has_its_own_names(private: Any) -> None:
    async def scenario() -> None:
        async with Bridge("serve", "--stdio", "--upstream", "one", "--config", private()).client(MODERN) as client:
            assert "test_echo" in [tool.name for tool in (await client.list_tools()).tools]

    run(scenario)


def test_two_of_them_do_not_meet(private: Any) -> None:
    """Each takes a port of its own."""
    bridge = Bridge("serve", "--stdio", "--config", private())

    async def scenario() -> None:
        async with bridge.client(MODERN) as one, bridge.client(LEGACY) as two:
            assert (await one.list_tools()).tools and (await two.list_tools()).tools

    run(scenario)


def test_where_tenants_have_keys_the_client_needs_one(private: Any) -> None:
    path = private(tenants={"platform": tenant("platform", ["*"])})
    done = subprocess.run([find_binary()[0], "serve", "--stdio", "--config", path], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and not done.stdout and "WEIR_TOKEN" in done.stderr
    answers, log = Bridge("serve", "--stdio", "--config", path, token=KEYS["platform"]).run(request(0, "tools/list"))
    assert answers[0]["result"]["tools"] and KEYS["platform"] not in log


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--stdio", "--listen", "127.0.0.1:0"], 64, "--listen"),
        (["--upstream", "one"], 64, "--stdio"),
        (["--stdio", "--upstream", "two"], 2, "there are: sample"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], status: int, words: str) -> None:
    done = subprocess.run([find_binary()[0], "serve", *arguments], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    assert done.returncode == status and not done.stdout and words in done.stderr


def test_the_sample_answers_a_script(tmp_path: Path) -> None:
    """A pipe, as in a shell: the input ends before the answer is there."""
    answers, log = Bridge("serve", "--stdio").run(INITIALIZE + INITIALIZED + request(1, "tools/list", LEGACY))
    assert [answer["id"] for answer in answers] == [0, 1]
    assert "sample__cost-explorer" in [tool["name"] for tool in answers[1]["result"]["tools"]]
    assert "weir has ended" in log
