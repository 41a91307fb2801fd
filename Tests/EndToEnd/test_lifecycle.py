"""Replicas come, go and read their files again while clients call: no call may fail for it, and no answer may be another's."""

import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from support.balancer import Balancer
from support.events import BOTH, Events
from support.fleet import Fleet, value
from support.judge import judge
from support.load import SITES, TENANTS, Load, Mix, all_at_once, bearer
from support.processes import eventually
from support.redis import RedisServer
from support.weir import Weir
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir

SEAL = "a secret that all replicas of this fleet have"


def configuration(witness: Witness, redis: RedisServer | None = None, **changes: Any) -> dict[str, Any]:
    made = witnessed(witness, {"url": redis.url} if redis else None, **changes)
    return made | {"seal_key": SEAL, "listen": {"shutdown_grace": "5s", "shutdown_delay": "1s"}}


@pytest.fixture
def weir(witness: Witness, start_weir: Any) -> Iterator[Weir]:
    witness.set(forget=True, latency=0.0, hold=False)
    with start_weir(configuration(witness), level="info") as weir:
        weir.wait_for_tools(*SITES, headers=bearer(TENANTS[0]))
        yield weir


def rewrite(weir: Weir, configuration: dict[str, Any] | str) -> None:
    """The file says something else, and Weir is told so."""
    path = weir.folder / "weir.yaml"
    if not isinstance(configuration, str):
        listen = {"address": f"127.0.0.1:{weir.port}", "public_url": weir.url} | configuration.get("listen", {})
        configuration = yaml.safe_dump(configuration | {"listen": listen}, sort_keys=False)
    path.write_text(configuration)
    weir.process.signal(signal.SIGHUP)


def reloads(weir: Weir, result: str) -> float:
    return value(weir.metrics(), "weir_config_reloads_total", result=result)


def reload(weir: Weir, configuration: dict[str, Any] | str, result: str = "changed") -> None:
    before = reloads(weir, result)
    rewrite(weir, configuration)
    eventually(lambda: reloads(weir, result) == before + 1, 40, f"the configuration is {result}; the log:\n{weir.process.output[-2000:]}")


def test_a_file_that_changes_under_load_costs_no_call(weir: Weir, witness: Witness) -> None:
    mix = Mix(topics=200, tools=("look", "glance", "act"))
    with Load([weir.direct], mix, workers=8).running() as load:
        load.wait_for(200)
        for number in range(6):
            changed = configuration(witness)
            # Another connection each time for the first, other rules for the second, one that comes and goes, another limit.
            changed["upstreams"][SITES[0]]["headers"] = {"X-Site": SITES[0], "X-Number": str(number)}
            changed["upstreams"][SITES[1]]["cache"] = [{"tool": "look", "ttl": f"{number + 1}h"}, {"tool": "glance", "ttl": "1s"}]
            if number % 2:
                changed["upstreams"]["coming"] = witness.configuration("coming")
            changed["providers"] = {site: {"concurrency": 32 + number} for site in SITES}
            reload(weir, changed)
            load.wait_for(200)
    verdict = judge(load.asked, witness.log())
    assert not verdict.wrong, verdict.wrong[:3]
    assert not verdict.failed, verdict.failed[:3]
    assert verdict.calls > 1000
    assert value(weir.metrics(), "weir_permits", provider=SITES[0]) == 37
    print(verdict)


def test_a_bad_file_changes_nothing(weir: Weir, witness: Witness) -> None:
    path = weir.folder / "weir.yaml"
    good = path.read_text()
    read_at = value(weir.metrics(), "weir_config_read_timestamp_seconds")
    for text, line in (
        (good.replace("upstreams:", "upstreems:"), "upstreems"), (good + "\n  - nonsense", "weir.yaml"), ("", "weir.yaml"),
        (good.replace("url:", "urll:", 1), "urll"),
    ):
        reload(weir, text, "refused")
        assert "the configuration is not changed" in weir.process.output and line in weir.process.output
        [asked] = all_at_once([weir.direct], [(TENANTS[0], SITES[0], "look", {"topic": "still there"})])
        assert asked.failure is None
    assert value(weir.metrics(), "weir_config_read_timestamp_seconds") == read_at


def test_what_cannot_change_is_said_and_stays(weir: Weir, witness: Witness) -> None:
    changed = weir.configuration | {"seal_key": "another secret of more than 32 characters"}
    text = yaml.safe_dump(changed | {"listen": {"address": "127.0.0.1:1"}}, sort_keys=False)
    reload(weir, text)
    for key in ("listen", "seal_key"):
        assert f"{key} changes with the next start only" in weir.process.output
    assert weir.ready().status_code == 200


def test_a_key_that_is_taken_away_is_refused_from_then_on(weir: Weir, witness: Witness) -> None:
    gone, stays = TENANTS[:2]
    call = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}
    sessions = {}
    for name in (gone, stays):
        opened = httpx.post(weir.url + "/mcp", json=call, headers={"Accept": BOTH, **bearer(name)}, timeout=10)
        sessions[name] = {"Accept": BOTH, "Mcp-Session-Id": opened.headers["mcp-session-id"], **bearer(name)}
    with (
        httpx.stream("GET", weir.url + "/mcp", headers=sessions[gone], timeout=10) as lost,
        httpx.stream("GET", weir.url + "/mcp", headers=sessions[stays], timeout=10) as kept,
    ):
        reload(weir, weir.configuration | {"tenants": {name: body for name, body in weir.configuration["tenants"].items() if name != gone}})
        # The one stream ends; the other hears that its lists may be others.
        for _ in lost.iter_raw():
            pass
        assert Events(kept).until("notifications/tools/list_changed")
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert httpx.post(weir.url + "/mcp", json=ping, headers=sessions[gone], timeout=10).status_code == 401
    assert httpx.post(weir.url + "/mcp", json=ping, headers=sessions[stays], timeout=10).status_code == 200


def test_an_upstream_that_goes_finishes_its_calls(weir: Weir, witness: Witness) -> None:
    site = SITES[0]
    witness.set(hold=True)
    with Load([weir.direct], Mix(sites=(site,), tools=("act",)), workers=3).running() as load:
        witness.wait_until_holding(3)
        load._stop.set()
        rest = {part: {name: body for name, body in weir.configuration[part].items() if name != site} for part in ("upstreams", "providers")}
        reload(weir, weir.configuration | rest)
        [refused] = all_at_once([weir.direct], [(TENANTS[0], site, "act", {})])
        assert refused.failure is not None
        witness.set(hold=False)
    assert len(load.asked) == 3 and all(asked.failure is None for asked in load.asked)
    eventually(lambda: f"upstream={site}" in weir.process.output and "upstream has ended" in weir.process.output, 10, "the upstream has ended")


@pytest.fixture
def fleet(witness: Witness, redis: RedisServer, start_fleet: Any) -> Iterator[Fleet]:
    witness.set(forget=True, latency=0.02, hold=False)
    with start_fleet(configuration(witness, redis)) as fleet:
        fleet.wait_for_redis()
        yield fleet


def test_replicas_that_end_and_come_back_cost_no_call(fleet: Fleet, witness: Witness) -> None:
    balancer = Balancer(fleet.direct)
    try:
        mix = Mix(topics=500, tools=("look", "glance", "act"))
        with Load([balancer.url], mix, workers=16).running() as load:
            load.wait_for(300)
            for number in range(len(fleet)):
                fleet.restart(number)
                eventually(lambda: all(balancer.ready.values()), 30, "all are ready again")
                load.wait_for(200)
            for number in range(len(fleet)):
                fleet.hang_up(number)
            load.wait_for(200)
    finally:
        balancer.close()
    verdict = judge(load.asked, witness.log())
    print(verdict)
    assert not verdict.wrong, verdict.wrong[:3]
    assert not verdict.failed, verdict.failed[:3]
