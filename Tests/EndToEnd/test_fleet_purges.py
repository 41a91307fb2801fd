"""Purges under load: one second later no replica gives an answer that was asked for before, not even one that was being fetched at that moment."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.fault_proxy import FaultProxy
from support.fleet import Fleet
from support.judge import judge
from support.load import SITES, TENANTS, Asked, Load, Mix, Together, all_at_once
from support.paths import find_binary
from support.processes import eventually
from support.redis import RedisServer
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir

WITHIN = 1.0


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, FaultProxy]]:
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    proxy = FaultProxy(redis.port, redis=True)
    yield redis, proxy
    proxy.close()
    redis.close()


@pytest.fixture(scope="module")
def fleet(witness: Witness, proxied: tuple[RedisServer, FaultProxy], start_fleet: Any) -> Iterator[Fleet]:
    configuration = witnessed(witness, {"url": f"redis://127.0.0.1:{proxied[1].port}/0"})
    configuration["upstreams"] = {site: witness.configuration(site, tags=[f"tag-of-{site}"]) for site in SITES}
    with start_fleet(configuration, admin=True) as fleet:
        fleet.wait_for_redis()
        yield fleet


def purge(fleet: Fleet, replica: int, *arguments: str) -> float:
    """Through one replica; the time after which no older answer may be given there any more."""
    binary, _ = find_binary()
    done = subprocess.run([binary, "cache", "purge", "--url", fleet[replica].admin, *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and json.loads(done.stdout)["isComplete"], done.stdout + done.stderr
    return time.time()


def late(asked: list[Asked], asked_before: float, purged: float, concerns: Any) -> list[Asked]:
    """Answers that were given too late after a purge for how old they were."""
    return [call for call in asked if call.told and concerns(call) and call.since > purged + WITHIN and call.told["at"] < asked_before]


SCOPES = {
    "tenant": (["--tenant", TENANTS[0]], lambda call: call.tenant == TENANTS[0]),
    "upstream": (["--upstream", SITES[0]], lambda call: call.site == SITES[0]),
    "tool": (["--tool", f"{SITES[0]}__look"], lambda call: call.site == SITES[0] and call.tool == "look"),
    "tag": (["--tag", f"tag-of-{SITES[1]}"], lambda call: call.site == SITES[1]),
    "all": (["--all"], lambda call: True),
}


@pytest.mark.parametrize("deaf", [False, True], ids=["with messages", "without messages"])
@pytest.mark.parametrize("scope", SCOPES)
def test_under_load_nothing_old_is_given_after_a_second(
    fleet: Fleet, witness: Witness, proxied: tuple[RedisServer, FaultProxy], scope: str, deaf: bool
) -> None:
    arguments, concerns = SCOPES[scope]
    proxied[1].down.drops_messages = deaf
    witness.set(latency=0.2)
    load = Load(fleet.direct, Mix(tools=("look", "peek"), topics=15, label=f"{scope} {deaf}"), workers=4)
    try:
        with load.running():
            load.wait_for(300)
            began = time.time()
            purged = purge(fleet, 1, *arguments)
            time.sleep(WITHIN + 0.8)
            load.wait_for(100)
    finally:
        witness.set(latency=0)
        proxied[1].heal()
    verdict = judge(load.asked, witness.log())
    old = late(load.asked, began, purged, concerns)
    spared = [call for call in load.asked if call.told and not concerns(call) and call.since > purged + WITHIN and call.told["at"] < began]
    lasts = max((call.since - purged for call in load.asked if call.told and concerns(call) and call.told["at"] < began), default=0)
    print(f"{verdict}; the last old answer {lasts * 1000:+.0f} ms after the purge; {len(spared)} answers of others were left")
    assert not verdict.wrong and not verdict.failed
    assert not old, old[:5]
    assert spared or scope == "all"


@pytest.mark.parametrize("purges", [0, 1, 2])
def test_what_is_being_fetched_is_purged_too(fleet: Fleet, witness: Witness, purges: int) -> None:
    """Whoever asked before the purge may have that answer; whoever asks after it has another."""
    question = (TENANTS[0], SITES[0], "look", {"topic": f"under way {purges}"})
    witness.set(hold=True)
    before = Together([fleet[0].direct, fleet[1].direct], [question] * 4)
    witness.wait_until_holding(1)
    eventually(lambda: fleet.metric("weir_flight_waiters") >= 4, 10, "four calls wait")
    began = time.time()
    purged = purge(fleet, purges, "--upstream", SITES[0])
    time.sleep(max(0, purged + WITHIN - time.time()))
    after = Together(fleet.direct, [question] * 6)
    eventually(lambda: fleet.metric("weir_flight_waiters") >= 10, 10, "six more wait")
    witness.set(hold=False)
    asked = before.results() + after.results() + all_at_once(fleet.direct, [question] * 3)
    verdict = judge(asked, witness.log())
    assert not verdict.wrong and not verdict.failed, verdict
    assert not late(asked, began, purged, lambda call: True)
