"""What operators see: numbers that are right, labels and logs that give nothing away."""

import json
import re
import shutil
import subprocess
from typing import Any

import httpx
import pytest

from conftest import UNHURRIED_BILLING, billing_url
from emulator import Emulator
from support import raw
from support.caller import question
from support.weir import Weir

pytestmark = pytest.mark.weir

CANARY = "canary-7f3a-in-an-argument"
SECRET = "canary-9c1e-in-an-environment"


def value(page: str, name: str, **labels: str) -> float:
    """The sum of the samples of that name that carry these labels."""
    found = 0.0
    for line in page.splitlines():
        match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if match and all(f'{label}="{wanted}"' in (match[1] or "") for label, wanted in labels.items()):
            found += float(match[2])
    return found


def test_the_page_is_clean(shared_weir: Weir) -> None:
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian package prometheus)")
    reply = httpx.get(f"{shared_weir.direct}/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    checked = subprocess.run(["promtool", "check", "metrics"], input=reply.text, capture_output=True, text=True, timeout=20)
    assert checked.returncode == 0 and not checked.stdout.strip() and not checked.stderr.strip(), checked.stdout + checked.stderr
    names = set(re.findall(r"^# TYPE (\S+)", reply.text, re.MULTILINE))
    assert names and all(name.startswith(("weir_", "process_")) for name in names)


def test_the_numbers_are_right(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    with start_weir({"providers": UNHURRIED_BILLING, "upstreams": {"b": billing_url(billing_http)}}) as weir:
        weir.wait_for_tools("b")
        asked = question()
        with weir.caller() as caller:
            for _ in range(4):
                caller.call("b__cost-explorer", asked)
            caller.call("b__cost-explorer", question())
            caller.call("b__session-sql", {"query": "SELECT 1"})
        page = weir.metrics()
    assert value(page, "weir_calls_total", outcome="miss", upstream="b") == 2
    assert value(page, "weir_calls_total", outcome="hit_memory", upstream="b", tenant="local") == 3
    assert value(page, "weir_calls_total", outcome="bypass", upstream="b") == 1
    assert value(page, "weir_upstream_cost_usd_total", provider="aws-cost-explorer") == pytest.approx(0.02)
    assert value(page, "weir_saved_cost_usd_total", provider="aws-cost-explorer") == pytest.approx(0.03)
    assert value(page, "weir_upstream_calls_total", upstream="b") == 3
    assert emulator.received() == 2
    assert value(page, "weir_call_duration_seconds_count") == 6


def test_neither_labels_nor_logs_give_anything_away(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    upstream = billing_url(billing_http, headers={"X-Secret": SECRET})
    with start_weir({"providers": UNHURRIED_BILLING, "upstreams": {"b": upstream}}) as weir:
        weir.wait_for_tools("b")
        told = question(filter={"Tags": {"Key": CANARY, "Values": [CANARY]}})
        with weir.caller() as caller, weir.caller(era="legacy") as legacy:
            for one in (caller, legacy):
                one.call("b__cost-explorer", told)
                one.call("b__cost-explorer", told | {"start_date": CANARY})
                one.call("b__session-sql", {"query": f"SELECT '{CANARY}' FROM {CANARY}"})
                one.call(f"b__{CANARY}", {})
                one.request(CANARY, {CANARY: CANARY})
        httpx.get(f"{weir.direct}/{CANARY}", headers={"Authorization": f"Bearer {CANARY}", "User-Agent": CANARY})
        headers = [("Host", f"127.0.0.1:{weir.port}"), ("Content-Type", "application/json"), ("Accept", "*/*")]
        raw.exchange(weir.port, raw.post("/mcp", f'{{"{CANARY}":'.encode(), headers), faulty=True)
        page = weir.metrics()
    for canary in (CANARY, SECRET):
        assert canary not in page
        assert canary not in weir.process.output, [line for line in weir.process.output.splitlines() if canary in line][:3]
    assert value(page, "weir_calls_total", upstream="b") >= 4


def test_a_call_is_one_line_of_the_debug_log(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    with start_weir({"providers": UNHURRIED_BILLING, "upstreams": {"b": billing_url(billing_http)}}) as weir:
        weir.wait_for_tools("b")
        asked = question()
        with weir.caller() as caller:
            for _ in range(3):
                caller.call("b__cost-explorer", asked)
    # All that it has written is read once it has ended.
    lines = [line for line in weir.process.lines if "call answered" in line]
    assert len(lines) == 3
    assert "miss" in lines[0] and "hit_memory" in lines[1] and "hit_memory" in lines[2]


def test_at_info_calls_leave_no_line(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    with start_weir({"providers": UNHURRIED_BILLING, "upstreams": {"b": billing_url(billing_http)}}, level="info") as weir:
        weir.wait_for_tools("b")
        before = len(weir.process.lines)
        with weir.caller() as caller:
            for _ in range(3):
                caller.call("b__cost-explorer", question())
        assert weir.process.lines[before:] == []


def test_health_and_readiness(shared_weir: Weir) -> None:
    assert httpx.get(f"{shared_weir.direct}/healthz").status_code == 200
    ready = shared_weir.ready()
    assert ready.status_code == 200
    assert all(name in ready.text for name in ("billing", "billing-http", "pricing")), json.dumps(ready.text)
