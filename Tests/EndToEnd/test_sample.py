"""The first command: `weir serve` without a file, and what the README says to try."""

import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import judged
from support.caller import Caller
from support.oracle import Between
from support.paths import ROOT, find_binary
from support.processes import ManagedProcess, eventually, survivors
from support.relay import Relay
from support.tees import TEES

pytestmark = pytest.mark.weir

PORT = 8080


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Weir as it is without a file: on port 8080 of the loopback interface, which must be free here. The address of a relay before it."""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{PORT}/healthz", timeout=1)
    process = ManagedProcess([find_binary()[0], "serve"], cwd=tmp_path_factory.mktemp("empty"))

    relay = Relay(PORT)

    def ready() -> bool:
        assert process.running(), process.output
        try:
            with Caller(f"{relay.url}/mcp") as caller:
                return bool(caller.names())
        except (httpx.HTTPError, AssertionError):
            return False

    with judged(Between.CLIENTS, relay):
        eventually(ready, 20, "the sample's tools are listed")
        yield relay.url
        children = process.children()
        assert process.stop() == 0
        assert not survivors(children)
    relay.close()


def test_the_second_question_costs_nothing(default: str) -> None:
    ask_twice(f"{default}/mcp")


def test_what_weir_and_the_sample_say_to_each_other(start_weir: Any) -> None:
    """Without a file Weir starts the sample itself; here it is told to, behind a tee."""
    sample = {"command": TEES.before([str(find_binary()[0]), "sample"]), "pack": "aws-billing-cost-management", "share": "all"}
    with start_weir({"upstreams": {"sample": sample}}) as weir:
        weir.wait_for_tools("sample")
        ask_twice(f"{weir.url}/mcp")


def ask_twice(url: str) -> None:
    with Caller(url) as caller:
        name = next(name for name in caller.names() if name.endswith("__cost-explorer"))
        today = time.strftime("%Y-%m-01")
        arguments = {
            "operation": "getCostAndUsage",
            "start_date": f"{int(today[:4]) - 1}-01-01",
            "end_date": f"{int(today[:4]) - 1}-02-01",
            "granularity": "MONTHLY",
            "metrics": ["UnblendedCost"],
            "group_by": [{"Type": "DIMENSION", "Key": "SERVICE"}],
        }
        began = time.monotonic()
        first = caller.call(name, arguments)
        between = time.monotonic()
        second = caller.call(name, arguments)
        ended = time.monotonic()
    assert (first.outcome, second.outcome) == ("miss", "hit_memory")
    assert between - began > 0.5 and ended - between < 0.2
    assert second.provenance["costSavedUSD"] > 0 and first.data["data"]["ResultsByTime"]


def readme_commands() -> list[str]:
    """The curl commands of the README that need nothing but a running Weir, lines that end in a backslash joined."""
    text = (ROOT / "README.md").read_text() if (ROOT / "README.md").exists() else ""
    blocks = re.findall(r"```(?:sh|bash|shell|console)?\n(.*?)```", text, re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("curl ") and ("localhost:8080" in line or "127.0.0.1:8080" in line)]


def test_the_readmes_curl_commands_work(default: str) -> None:
    commands = readme_commands()
    if not (ROOT / "README.md").exists():
        pytest.skip("there is no README.md yet")
    assert commands, "the README shows no curl command"
    for command in commands:
        # At the relay instead, where what they say is judged.
        command = re.sub(rf"(http://)?(localhost|127\.0\.0\.1):{PORT}\b", default, command).replace("curl ", "curl --fail-with-body --max-time 20 ", 1)
        assert default in command
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip() and '"error"' not in done.stdout, f"{command}\n{done.stdout}"


def test_nobody_else_can_connect(default: str) -> None:
    listening = subprocess.run(["bash", "-c", "cat /proc/net/tcp /proc/net/tcp6"], capture_output=True, text=True).stdout
    local = [line.split()[1] for line in listening.splitlines() if line.split()[3:4] == ["0A"] and line.split()[1].endswith(":1F90")]
    assert local == ["0100007F:1F90"]
