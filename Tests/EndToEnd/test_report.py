"""`weir report`: what a month's calls cost and saved, from a running Weir and from its usage file."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from support.caller import question
from support.paths import find_binary
from support.tees import TEES
from support.weir import UNHURRIED, Weir

pytestmark = pytest.mark.weir

TOOL = "sample__cost-explorer"


def configuration(file: Path | None = None, admin: int | None = None) -> dict:
    command = TEES.before([str(find_binary()[0]), "sample", "--latency", "20"])
    settings = {
        "upstreams": {"sample": {"command": command, "pack": "aws-billing-cost-management", "share": "all"}},
        "providers": {"aws-cost-explorer": UNHURRIED},
    }
    if file:
        settings["usage"] = {"file": str(file)}
    if admin is not None:
        settings["listen"] = {"admin_address": f"127.0.0.1:{admin}"}
    return settings


def report(*arguments: object, status: int = 0) -> str:
    """What the command prints; with a status other than 0 the line on standard error."""
    command = [str(find_binary()[0]), "report", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env={"PATH": os.environ["PATH"]})
    assert done.returncode == status, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout if status == 0 else done.stderr


def ask(weir: Weir, times: int, **changes: object) -> None:
    with weir.caller() as caller:
        arguments = question(**changes)
        for _ in range(times):
            answer = caller.call(TOOL, arguments)
            assert not answer.is_error, answer.text


def month() -> str:
    return time.strftime("%Y-%m", time.gmtime())


def test_the_report_is_what_the_metrics_say(start_weir: Callable[..., Weir]) -> None:
    with start_weir(configuration()) as weir:
        weir.wait_for_tools("sample")
        assert "No request was sent or avoided yet." in report("--url", weir.direct)
        ask(weir, 5)
        ask(weir, 2)
        text = report("--url", weir.direct)
        assert f"Usage in {month()} (UTC), counted since " in text
        assert "71.4 % of the requests were avoided, and 71.4 % of the money." in text
        assert "Kept in memory only" in text
        found = json.loads(report("--url", weir.direct + "/mcp", "--json", "--month", month()))
        metrics = weir.metrics()
    total = found["total"]
    assert (total["calls"], total["outcomes"]["miss"], total["outcomes"]["hit_memory"]) == (7, 2, 5)
    assert (total["requestsSent"], total["requestsAvoided"], total["spentUSD"], total["savedUSD"]) == (2, 5, 0.02, 0.05)
    assert total["savedBy"]["hit"] == {"requests": 5, "usd": 0.05}
    assert [line["name"] for line in found["tools"]] == ["sample/cost-explorer"]
    assert [line["name"] for line in found["tenants"]] == ["local"]
    assert [line["name"] for line in found["providers"]] == ["aws-cost-explorer"]
    assert found["isKept"] is False
    assert 'weir_upstream_cost_usd_total{tenant="local",provider="aws-cost-explorer"} 0.02' in metrics
    assert 'weir_saved_cost_usd_total{tenant="local",provider="aws-cost-explorer",how="hit"} 0.05' in metrics


def test_usage_survives_a_restart(start_weir: Callable[..., Weir], tmp_path: Path) -> None:
    file = tmp_path / "usage.json"
    with start_weir(configuration(file)) as weir:
        weir.wait_for_tools("sample")
        assert file.exists()
        ask(weir, 4)
        weir.restart()
        weir.wait_for_tools("sample")
        kept = json.loads(report("--url", weir.direct, "--json"))
        assert kept["isKept"] is True
        assert (kept["total"]["calls"], kept["total"]["spentUSD"]) == (4, 0.01)
        ask(weir, 4)
        assert json.loads(report("--url", weir.direct, "--json"))["total"]["calls"] == 8
    from_file = json.loads(report("--file", file, "--json"))
    assert from_file["total"]["calls"] == 8
    assert report("--file", file) == report("--file", file, "--month", month())
    assert sorted(path.name for path in tmp_path.glob("usage.json*")) == ["usage.json", "usage.json.lock"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_two_weirs_add_to_one_file(start_weir: Callable[..., Weir], tmp_path: Path) -> None:
    file = tmp_path / "usage.json"
    with start_weir(configuration(file)) as first, start_weir(configuration(file)) as second:
        for weir in (first, second):
            weir.wait_for_tools("sample")
            ask(weir, 3)
    assert json.loads(report("--file", file, "--json"))["total"]["calls"] == 6


@pytest.mark.parametrize(
    ("content", "wanted"),
    [("{", "can't be used"), ('{"format":"weir-usage","version":9}', "was written by a newer Weir"), ("[]", "no usage of Weir")],
)
def test_a_file_that_cannot_be_read_ends_the_start_and_stays(start_weir: Callable[..., Weir], tmp_path: Path, content: str, wanted: str) -> None:
    file = tmp_path / "usage.json"
    file.write_text(content)
    with pytest.raises(AssertionError, match="weir ended with 2") as failure, start_weir(configuration(file)):
        pass
    assert wanted in str(failure.value) and "usage.file" in str(failure.value) and "begin anew" in str(failure.value)
    assert file.read_text() == content
    assert wanted in report("--file", file, status=2)


def test_with_an_admin_address_usage_is_there_and_nowhere_else(start_weir: Callable[..., Weir]) -> None:
    with start_weir(configuration(admin=0)) as weir:
        line = weir.process.wait_for_line(lambda line: "have their own listener" in line, 10, "the admin listener's port")
        admin = line.split("port=")[1].split()[0]
        assert httpx.get(f"{weir.direct}/usage").status_code == 404
        assert httpx.get(f"http://127.0.0.1:{admin}/usage").json()["month"] == month()
        assert httpx.get(f"http://127.0.0.1:{admin}/usage?month=1999-01").status_code == 404
        assert httpx.get(f"http://127.0.0.1:{admin}/usage?month=x").status_code == 400
        assert "admin_address" in report("--url", weir.direct, status=2)
        assert "nothing was counted in 1999-01" in report("--url", f"http://127.0.0.1:{admin}", "--month", "1999-01", status=2)
        assert "Usage in" in report("--url", f"http://127.0.0.1:{admin}")


def test_the_command_says_what_to_do() -> None:
    assert "Is Weir running there?" in report("--url", "http://127.0.0.1:1", status=2)
    assert "is no month; write it as 2026-11" in report("--month", "november", status=2)
    assert "there is no usage file" in report("--file", "/nonexistent/usage.json", status=2)


def test_a_kill_leaves_what_was_written(start_weir: Callable[..., Weir], tmp_path: Path) -> None:
    file = tmp_path / "usage.json"
    with start_weir(configuration(file)) as weir:
        weir.wait_for_tools("sample")
        ask(weir, 4)
        weir.restart()
        weir.wait_for_tools("sample")
        ask(weir, 2)
        weir.process.signal(signal.SIGKILL)
        weir.process.wait(5)
        assert json.loads(report("--file", file, "--json"))["total"]["calls"] == 4
        weir.start()
        weir.wait_for_tools("sample")
        assert json.loads(report("--url", weir.direct, "--json"))["total"]["calls"] == 4
