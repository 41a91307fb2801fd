"""Replicas that end, one after the other, and configurations that change: no call is lost."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from support.balancer import Balancer
from support.fleet import Fleet
from support.judge import judge
from support.load import SITES, TENANTS, Load, Mix, Together, all_at_once, bearer, spread, tenants
from support.processes import eventually
from support.redis import RedisServer
from support.weir import Weir
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir

# In seconds: how long a replica that ends still serves, long enough for the balancer to hear of it (it asks every 100 ms), and how long its calls may
# go on then.
DELAY, GRACE = 1, 4


@pytest.fixture(scope="module")
def fleet(witness: Witness, tmp_path_factory: pytest.TempPathFactory, start_fleet: Any) -> Iterator[Fleet]:
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    with start_fleet(witnessed(witness, {"url": redis.url}, listen={"shutdown_delay": f"{DELAY}s", "shutdown_grace": f"{GRACE}s"})) as fleet:
        yield fleet
    redis.close()


@pytest.fixture
def balancer(fleet: Fleet) -> Iterator[Balancer]:
    balancer = Balancer(fleet.direct)
    yield balancer
    balancer.close()


def clean(load: Load, witness: Witness, late: float = 0.0) -> None:
    verdict = judge(load.asked, witness.log(), late=late)
    print(f"{verdict}; {spread('all', load.asked)}")
    assert not verdict.wrong and not verdict.failed, "\n".join((verdict.wrong + verdict.failed)[:10])


def test_a_rolling_restart_loses_no_call(fleet: Fleet, balancer: Balancer, witness: Witness) -> None:
    """Each replica in turn gets SIGTERM while calls of a third of a second are under way, and is started again."""
    witness.set(latency=0.3)
    mix = Mix(tools=("look", "glance", "act"), topics=200, label="rolling")
    load = Load([balancer.url], mix, workers=16)
    try:
        with load.running():
            load.wait_for(60)
            for number, replica in enumerate(fleet):
                fleet.restart(number)
                replica.wait_for_tools(*SITES, headers=bearer(TENANTS[0]))
                load.wait_for(60)
    finally:
        witness.set(latency=0)
    clean(load, witness)
    assert min(balancer.sent.values()) > 20


def test_readiness_turns_off_before_the_door_is_shut(fleet: Fleet, witness: Witness) -> None:
    witness.set(hold=True)
    replica = fleet[0]
    together = Together([replica.direct], [(TENANTS[0], SITES[0], "act", {"topic": "last"})])
    witness.wait_until_holding(1)
    replica.process.process.terminate()
    eventually(lambda: status(replica) == 503, 5, "it is no longer ready", pause=0.01)
    witness.set(hold=False)
    [asked] = together.results()
    assert asked.failure is None, asked.failure
    assert replica.process.wait(15) == 0
    fleet.restart(0)
    replica.wait_for_tools(*SITES, headers=bearer(TENANTS[0]))


def status(replica: Weir) -> int:
    try:
        return httpx.get(f"{replica.direct}/readyz", timeout=2).status_code
    except httpx.HTTPError:
        return 0


def test_who_ends_hands_over_what_others_wait_for(fleet: Fleet, witness: Witness) -> None:
    """The leader ends while it fetches, and its upstream never answers: the others don't wait until its lease has run out."""
    # Who has no connection to Redis yet leads nobody.
    fleet.wait_for_redis()
    seen = witness.calls()
    question = (TENANTS[0], SITES[0], "look", {"topic": "handed over"})
    witness.set(hang=1)
    first = Together([fleet[0].direct], [question])
    eventually(lambda: witness.calls() > seen, 10, "the first asks", pause=0.01)
    others = Together([fleet[1].direct, fleet[2].direct], [question] * 4)
    eventually(lambda: fleet.metric("weir_flight_waiters") >= 5, 10, "the others wait", pause=0.01)
    fleet[0].process.process.terminate()
    terminated = time.time()
    asked = others.results()
    assert all(call.failure is None for call in asked), asked
    assert witness.calls() == seen + 2, "one of them asked again"
    took = witness.log()[seen + 1]["at"] - terminated
    print(f"taken over {took - DELAY - GRACE:.2f} s after the end of the grace")
    # The lease, which was renewed until then, would have held for 2 s more at least.
    assert DELAY + GRACE - 0.1 < took < DELAY + GRACE + 1, f"{took:.2f} s"
    assert fleet[0].process.wait(15) == 0
    first.results()
    fleet.restart(0)
    fleet[0].wait_for_tools(*SITES, headers=bearer(TENANTS[0]))


def rewrite(replica: Weir, change: Any) -> None:
    path = replica.folder / "weir.yaml"
    configuration = yaml.safe_load(path.read_text())
    change(configuration)
    path.write_text(yaml.safe_dump(configuration, sort_keys=False))


def test_a_configuration_is_read_again_without_dropping_a_call(fleet: Fleet, witness: Witness) -> None:
    """Under load another tenant comes in, and goes again."""
    witness.set(latency=0.1)
    load = Load(fleet.direct, Mix(topics=200, label="reload"), workers=6)

    def let_in(configuration: dict[str, Any]) -> None:
        configuration["tenants"] |= tenants("late")

    try:
        with load.running():
            load.wait_for(60)
            assert not can_come_in(fleet[0], "late")
            for number, replica in enumerate(fleet):
                rewrite(replica, let_in)
                fleet.hang_up(number)
            eventually(lambda: all(can_come_in(replica, "late") for replica in fleet), 10, "the new tenant may call")
            load.wait_for(100)
            for number, replica in enumerate(fleet):
                rewrite(replica, lambda configuration: configuration["tenants"].pop("late"))
                fleet.hang_up(number)
            eventually(lambda: not any(can_come_in(replica, "late") for replica in fleet), 10, "and then no more")
            load.wait_for(60)
    finally:
        witness.set(latency=0)
    clean(load, witness)


def can_come_in(replica: Weir, tenant: str) -> bool:
    [asked] = all_at_once([replica.direct], [(tenant, SITES[0], "look", {"topic": "door"})])
    return asked.failure is None


@pytest.mark.parametrize("content", ["listen: [", "upstreams: { north: { comand: x } }", "", "tenants: {}\nupstreams: {}"])
def test_a_bad_file_is_refused_and_the_old_one_stays(fleet: Fleet, witness: Witness, content: str) -> None:
    replica = fleet[1]
    path = replica.folder / "weir.yaml"
    good = path.read_text()
    seen = len(replica.process.lines)
    load = Load([replica.direct], Mix(label=f"bad {content}"), workers=4)
    with load.running():
        load.wait_for(20)
        path.write_text(content)
        fleet.hang_up(1)
        line = replica.process.wait_for_line(
            lambda line: line in replica.process.lines[seen:] and any(level in line for level in (" error ", " warning ")), 10, "it is refused")
        load.wait_for(40)
        path.write_text(good)
        fleet.hang_up(1)
        load.wait_for(20)
    print(line)
    clean(load, witness)
    assert replica.process.running()
