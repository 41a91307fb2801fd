"""The packs for Azure and Vantage, and merged price look-ups of the real pricing server: what is cached, what is asked together, and that nobody
can tell it from the answers."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conftest import pricing_stdio, upstream_command
from emulator import Emulator
from support.caller import Answer, Caller
from support.weir import UNHURRIED

pytestmark = pytest.mark.weir

SLOW = {"rate": "4/s", "burst": 1}


def azure(log: Path, **changes: Any) -> dict[str, Any]:
    return {"command": upstream_command("azure_costs.py"), "environment": {"COSTS_LOG": str(log)}, "pack": "azure-cost-management", "share": "all"} | changes


def vantage(log: Path, **changes: Any) -> dict[str, Any]:
    return {"command": upstream_command("vantage_costs.py"), "environment": {"COSTS_LOG": str(log)}, "pack": "vantage", "share": "all"} | changes


def azure_query(service: str, first: str = "2026-09-01", last: str = "2026-09-10", groups: tuple[str, ...] = ("ResourceGroupName",)) -> dict[str, Any]:
    return {
        "scope": "/subscriptions/00000000-0000-0000-0000-000000000001",
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": f"{first}T00:00:00Z", "to": f"{last}T23:59:59Z"},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
            "grouping": [{"type": "Dimension", "name": name} for name in groups],
            "filter": {"dimensions": {"name": "ServiceName", "operator": "In", "values": [service]}},
        },
    }


def vantage_query(service: str, first: str = "2026-09-01", last: str = "2026-09-10") -> dict[str, Any]:
    return {
        "filter": f"(costs.provider = 'aws' AND costs.service = '{service}')",
        "workspace_token": "wrkspc_0123456789abcdef",
        "start_date": first,
        "end_date": last,
    }


def lines(log: Path) -> list[Any]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def together(caller: Caller, tool: str, queries: list[dict[str, Any]]) -> list[Answer]:
    with ThreadPoolExecutor(len(queries)) as pool:
        return list(pool.map(lambda arguments: caller.call(tool, arguments), queries))


def shown(answer: Answer) -> Any:
    """All of a result but what Weir says of itself."""
    assert answer.result is not None, answer.error
    return {name: value for name, value in answer.result.items() if name != "_meta"}


def test_azure_queries_are_kept_and_writes_never(start_weir: Any, tmp_path: Path) -> None:
    log = tmp_path / "azure.log"
    configuration = {"providers": {"azure-cost-management": UNHURRIED}, "upstreams": {"azure": azure(log)}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("azure")
        with weir.caller() as caller:
            query = azure_query("Storage")
            first = caller.call("azure__query_costs", query)
            again = caller.call("azure__query_costs", query | {"dataset": dict(reversed(query["dataset"].items()))})
            assert (first.outcome, again.outcome) == ("miss", "hit_memory")
            assert shown(first) == shown(again) and first.data["properties"]["rows"]
            assert len(lines(log)) == 1
            budget = {"scope": "/subscriptions/1", "name": "b", "amount": 5}
            numbers = [caller.call("azure__create_budget", budget).data["number"] for _ in range(2)]
            assert numbers[0] != numbers[1], "a write goes through every time"
            assert [caller.call("azure__list_dimensions", {"scope": "x"}).outcome for _ in range(2)] == ["miss", "hit_memory"]


def test_azure_throttling_in_an_answer_is_told_and_not_kept(start_weir: Any, tmp_path: Path) -> None:
    log = tmp_path / "azure.log"
    upstream = azure(log) | {"environment": {"COSTS_LOG": str(log), "THROTTLE": "1"}}
    configuration = {"providers": {"azure-cost-management": UNHURRIED}, "upstreams": {"azure": upstream}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("azure")
        with weir.caller() as caller:
            first = caller.call("azure__query_costs", azure_query("Storage"))
            assert first.is_error and "Rate limited" in first.text
            assert 'provider="azure-cost-management",result="throttled"} 1' in weir.metrics()


def test_vantage_queries_are_kept(start_weir: Any, tmp_path: Path) -> None:
    log = tmp_path / "vantage.log"
    configuration = {"providers": {"vantage": UNHURRIED}, "upstreams": {"vantage": vantage(log)}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("vantage")
        with weir.caller() as caller:
            answers = [caller.call("vantage__query-costs", vantage_query("AmazonS3")) for _ in range(2)]
            assert [answer.outcome for answer in answers] == ["miss", "hit_memory"]
            assert shown(answers[0]) == shown(answers[1]) and answers[0].data["costs"]
            page = vantage_query("AmazonS3") | {"page": 2}
            assert [caller.call("vantage__query-costs", page).outcome for _ in range(2)].count("hit_memory") == 0


# A head waits for its permit while the others queue behind it, and takes along whoever fits: the provider is slow for that.


def directly(start_weir: Any, configuration: dict[str, Any], prefix: str, tool: str, queries: list[dict[str, Any]]) -> list[Any]:
    """The answers of the same upstream, one by one, with nothing kept and nothing merged: as the server gives them."""
    with start_weir(configuration) as weir:
        weir.wait_for_tools(prefix)
        with weir.caller() as caller:
            return [shown(caller.call(f"{prefix}__{tool}", arguments)) for arguments in queries]


@pytest.mark.parametrize("seed", range(3))
def test_azure_queries_asked_at_once_leave_together_and_are_answered_as_alone(start_weir: Any, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    services = ["Storage", "Virtual Machines", "Bandwidth"]
    groups = draw.choice([(), ("ResourceGroupName",), ("ServiceName",), ("ServiceName", "ResourceLocation")])
    last = f"2026-09-{draw.randint(2, 4):02}"
    queries = [azure_query(service, last=last, groups=groups) for service in services]
    log = tmp_path / "azure.log"
    with start_weir({"providers": {"azure-cost-management": SLOW}, "upstreams": {"azure": azure(log)}}) as weir:
        weir.wait_for_tools("azure")
        with weir.caller() as caller:
            caller.call("azure__query_costs", azure_query("Storage", "2026-01-01", "2026-01-01"))
            answers = together(caller, "azure__query_costs", queries)
    assert len(lines(log)) - 1 < len(queries), "at least two were asked as one"
    assert any("merged" in answer.provenance for answer in answers), [answer.provenance for answer in answers]
    plain = azure(tmp_path / "direct.log", cache=[{"tool": "*", "never": True}])
    direct = {"providers": {"azure-cost-management": UNHURRIED}, "upstreams": {"azure": plain}}
    assert [shown(answer) for answer in answers] == directly(start_weir, direct, "azure", "query_costs", queries)


def test_vantage_queries_asked_at_once_leave_together_and_are_answered_as_alone(start_weir: Any, tmp_path: Path) -> None:
    queries = [vantage_query(service) for service in ("AmazonEC2", "AmazonS3", "AmazonRDS", "AWSLambda")]
    log = tmp_path / "vantage.log"
    with start_weir({"providers": {"vantage": SLOW}, "upstreams": {"vantage": vantage(log)}}) as weir:
        weir.wait_for_tools("vantage")
        with weir.caller() as caller:
            caller.call("vantage__query-costs", vantage_query("AmazonS3", "2026-01-01", "2026-01-01"))
            answers = together(caller, "vantage__query-costs", queries)
    assert len(lines(log)) - 1 < len(queries), "at least two were asked as one"
    assert any("merged" in answer.provenance for answer in answers), [answer.provenance for answer in answers]
    plain = vantage(tmp_path / "direct.log", cache=[{"tool": "*", "never": True}])
    direct = {"providers": {"vantage": UNHURRIED}, "upstreams": {"vantage": plain}}
    assert [shown(answer) for answer in answers] == directly(start_weir, direct, "vantage", "query-costs", queries)


def test_prices_of_several_regions_are_asked_together_and_answered_as_alone(start_weir: Any, cloud: Emulator, emulator: Emulator) -> None:
    regions = ["us-east-1", "eu-central-1", "ap-southeast-2", "eu-west-3"]
    queries: list[dict[str, Any]] = [{"service_code": "AmazonEC2", "region": region} for region in regions]
    with start_weir({"providers": {"aws-pricing": SLOW}, "upstreams": {"pricing": pricing_stdio(cloud)}}) as weir:
        weir.wait_for_tools("pricing")
        with weir.caller() as caller:
            caller.call("pricing__get_pricing", {"service_code": "AmazonS3"})
            emulator.reset()
            answers = together(caller, "pricing__get_pricing", queries)
            received = sum(emulator.controls.summary()["received"].values())
    assert received < len(queries), "at least two were asked as one, and the region without a product alone"
    assert any("merged" in answer.provenance for answer in answers), [answer.provenance for answer in answers]
    plain = pricing_stdio(cloud, cache=[{"tool": "*", "never": True}])
    direct = {"providers": {"aws-pricing": UNHURRIED}, "upstreams": {"pricing": plain}}
    assert [shown(answer) for answer in answers] == directly(start_weir, direct, "pricing", "get_pricing", queries)
