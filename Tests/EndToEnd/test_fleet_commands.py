"""What a call costs in Redis, in commands that Weir sends: a hit in memory none, a hit in Redis one, a fetch three and its renewals."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.fleet import Fleet
from support.judge import judge
from support.load import SITES, TENANTS, Asked, all_at_once
from support.redis import RedisServer
from support.redis_monitor import RedisMonitor
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir

# Keys of answers have their digest as hash tag; those of providers and of the fleet itself do not.
CACHED = r"\{[0-9a-f]{64}\}"
CALLS = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def fleet(witness: Witness, server: RedisServer, start_fleet: Any) -> Iterator[Fleet]:
    with start_fleet(witnessed(witness, {"url": server.url})) as fleet:
        fleet.wait_for_redis()
        yield fleet


@pytest.fixture
def monitor(server: RedisServer, fleet: Fleet) -> Iterator[RedisMonitor]:
    with RedisMonitor(server.port) as monitor:
        yield monitor


def ask(fleet: Fleet, witness: Witness, label: str, *replicas: int) -> list[Asked]:
    """One question after another, each at every one of the replicas in turn."""
    asked = []
    for number in range(CALLS):
        for replica in replicas:
            asked += all_at_once([fleet[replica].direct], [(TENANTS[0], SITES[0], "look", {"topic": f"{label} {number}"})])
    verdict = judge(asked, witness.log())
    assert not verdict.wrong and not verdict.failed, verdict
    return asked


def settled(monitor: RedisMonitor) -> int:
    """How many commands about answers there were, once what is done behind the callers is done."""
    count = -1
    while (now := monitor.about(CACHED).total()) != count:
        count = now
        time.sleep(0.2)
    return count


def test_a_fetch_costs_three_commands(fleet: Fleet, witness: Witness, monitor: RedisMonitor) -> None:
    asked = ask(fleet, witness, "led", 0)
    assert [call.outcome for call in asked] == ["miss"] * CALLS
    sent = settled(monitor)
    print(f"{sent / CALLS:.2f} commands a fetch: {dict(monitor.about(CACHED))}")
    assert sent <= 3 * CALLS


def test_a_hit_in_memory_costs_none(fleet: Fleet, witness: Witness, monitor: RedisMonitor) -> None:
    ask(fleet, witness, "kept", 0)
    settled(monitor)
    monitor.forget()
    began = time.monotonic()
    asked = ask(fleet, witness, "kept", 0)
    took = time.monotonic() - began
    assert [call.outcome for call in asked] == ["hit_memory"] * CALLS
    assert settled(monitor) == 0
    # What replicas say to each other without being asked: a few commands a second each, however many calls there are.
    assert monitor.about("").total() <= 3 * (took + 1) * 6, monitor.about("")


def test_a_hit_in_redis_costs_one(fleet: Fleet, witness: Witness, monitor: RedisMonitor) -> None:
    ask(fleet, witness, "written", 0)
    settled(monitor)
    monitor.forget()
    asked = ask(fleet, witness, "written", 1)
    assert [call.outcome for call in asked] == ["hit_redis"] * CALLS
    sent = settled(monitor)
    print(f"{sent / CALLS:.2f} commands a hit: {dict(monitor.about(CACHED))}")
    assert sent == CALLS


def test_a_long_fetch_renews_its_lease_each_second(fleet: Fleet, witness: Witness, monitor: RedisMonitor) -> None:
    witness.set(latency=3.3)
    try:
        [asked] = all_at_once([fleet[0].direct], [(TENANTS[0], SITES[0], "look", {"topic": "long"})])
    finally:
        witness.set(latency=0)
    assert asked.outcome == "miss"
    sent = settled(monitor)
    print(f"{sent} commands in 3.3 s: {dict(monitor.about(CACHED))}")
    assert sent <= 3 + 4


def test_the_statistics_of_redis_agree(fleet: Fleet, witness: Witness, server: RedisServer) -> None:
    """`INFO commandstats`, which counts what scripts do too, but for scripts themselves: so many fetches, and no more than three of these each beside
    what the replicas send when nobody calls."""
    def scripts() -> int:
        found = server.info("commandstats")
        return sum(int(found.get(f"cmdstat_{name}", "calls=0").split(",")[0].removeprefix("calls=")) for name in ("eval", "evalsha"))

    def during(what: Callable[[], object]) -> tuple[int, float]:
        before, began = scripts(), time.monotonic()
        what()
        time.sleep(0.5)
        return scripts() - before, time.monotonic() - began

    idle, lasted = during(lambda: time.sleep(5.5))
    counted, took = during(lambda: ask(fleet, witness, "counted", 0))
    print(f"{counted} scripts for {CALLS} fetches in {took:.1f} s; idle {idle} in {lasted:.1f} s")
    assert 2 * CALLS <= counted <= 3 * CALLS + idle * took / lasted
