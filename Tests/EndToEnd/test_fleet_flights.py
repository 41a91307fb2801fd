"""The fleet asks an upstream once, whoever asks wherever, whoever dies in the middle, and whether or not Redis' messages arrive."""

import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.caller import MODERN, modern_meta
from support.elsewhere import Elsewhere
from support.events import BOTH, Events, rpc
from support.fault_proxy import FaultProxy
from support.fleet import Fleet
from support.judge import judge
from support.load import COMMAND_TIMEOUT, SITES, TENANTS, Asked, Call, Load, Mix, Together, all_at_once, bearer
from support.processes import eventually
from support.redis import RedisServer
from support.witness import Witness, witnessed
from test_fleet_redis import GONE

pytestmark = pytest.mark.weir

# In seconds: how long a lease lives that nobody renews, what a busy machine may take longer, and how seldom a follower looks by itself.
LEASE, LENIENCE, LONGEST_POLL = 3.0, 0.75, 1.05
# Within what after the leader's death another replica asks: followers look again just after a lease has ended. The rest is the way to the upstream.
TAKE_OVER = LEASE + 0.05 + 0.2
RED, NORTH = TENANTS[0], SITES[0]


class Stage:
    """A Redis behind a fault proxy, a fleet, and the upstream."""

    def __init__(self, redis: RedisServer, proxy: FaultProxy, fleet: Fleet, witness: Witness) -> None:
        self.redis, self.proxy, self.fleet, self.witness = redis, proxy, fleet, witness
        self.seen = witness.calls()

    @property
    def urls(self) -> list[str]:
        return self.fleet.direct

    def calls(self) -> list[dict[str, Any]]:
        """Those that the upstream got in this test."""
        return self.witness.log()[self.seen :]

    def held(self, question: Call, urls: list[str], count: int) -> Together:
        """So many calls that ask the same wait: one of them at the upstream, the others for it."""
        self.witness.set(hold=True)
        together = Together(urls, [question] * count)
        self.witness.wait_until_holding(1)
        eventually(lambda: self.waiting() >= count, 40, f"{count} calls wait, of which one was sent; it is {self.waiting():.0f}", pause=0.02)
        return together

    def joined(self, question: Call, count: int) -> list[Elsewhere | Together]:
        """So many calls that ask what a call at every replica asks already: these come first, from a process of their own."""
        self.witness.set(hold=True)
        first = Elsewhere(self.urls, [question] * len(self.fleet))
        eventually(lambda: self.waiting() >= len(self.fleet), 40, f"a call waits at every replica; it is {self.waiting():.0f}", pause=0.02)
        rest = Together(self.urls, [question] * (count - len(self.fleet)))
        eventually(lambda: self.waiting() >= count, 40, f"{count} calls wait; it is {self.waiting():.0f}", pause=0.05)
        return [first, rest]

    def waiting(self) -> float:
        return self.fleet.metric("weir_flight_waiters")

    def fetcher(self) -> int:
        """The replica whose call is at the upstream."""
        return self.fleet.holder_of(self.calls()[0]["peer"])

    def story(self) -> str:
        """How the flights of each replica ended, and what Redis had to do with it."""
        wanted = re.compile(r"weir_(fleet_\w+|redis_(failures|reconnects|breaker_openings|missed_messages)_total)\b.* [^0].*")
        pages = [[line for line in replica.metrics().splitlines() if wanted.fullmatch(line)] for replica in self.fleet.running()]
        return "\n".join([f"{len(self.calls())} calls", *("\n".join(page) + "\n" for page in pages), self.fleet.logs(1500)])

    def judged(self, asked: list[Asked]) -> list[Asked]:
        verdict = judge(asked, self.witness.log(), late=LEASE)
        assert not verdict.wrong and not verdict.failed, "\n".join((verdict.wrong + verdict.failed)[:10])
        return asked


@pytest.fixture(scope="module")
def started(witness: Witness, tmp_path_factory: pytest.TempPathFactory, start_fleet: Any) -> Iterator[Stage]:
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    proxy = FaultProxy(redis.port, redis=True)
    with start_fleet(witnessed(witness, {"url": f"redis://127.0.0.1:{proxy.port}/0"})) as fleet:
        yield Stage(redis, proxy, fleet, witness)
    proxy.close()
    redis.close()


@pytest.fixture
def crowded(witness: Witness, tmp_path: Path, start_fleet: Any) -> Iterator[Stage]:
    """Straight before Redis: a proxy in the process that sends ten thousand calls would be as late as that is."""
    redis = RedisServer(tmp_path)
    proxy = FaultProxy(redis.port, redis=True)
    with start_fleet(witnessed(witness, {"url": f"redis://127.0.0.1:{redis.port}/0"})) as fleet:
        fleet.wait_for_redis()
        yield Stage(redis, proxy, fleet, witness)
        witness.set(hold=False)
    proxy.close()
    redis.close()


@pytest.fixture
def stage(started: Stage) -> Iterator[Stage]:
    started.fleet.wait_for_redis()
    yield Stage(started.redis, started.proxy, started.fleet, started.witness)
    started.witness.set(hold=False, hang=0, refuse=0, latency=0)
    started.proxy.heal()
    for number, replica in enumerate(started.fleet):
        if not replica.process.running():
            started.fleet.restart(number)
            replica.wait_for_tools(*SITES, headers=bearer(RED))


def question(topic: str, tool: str = "look", **further: Any) -> Call:
    return (RED, NORTH, tool, {"topic": topic, **further})


@pytest.mark.parametrize("at_once", [pytest.param(True, id="at once"), pytest.param(False, id="after three")])
def test_ten_thousand_identical_calls_are_one(crowded: Stage, at_once: bool) -> None:
    stage = crowded
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asks = question(f"ten thousand {at_once}")
    waiting = [stage.held(asks, stage.urls, 10_000)] if at_once else stage.joined(asks, 10_000)
    leader, released = stage.fetcher(), time.monotonic()
    stage.witness.set(hold=False)
    asked = stage.judged([call for calls in waiting for call in calls.results()])
    assert len(asked) == 10_000 and len(stage.calls()) == 1, stage.story()
    assert len({call.told["nonce"] for call in asked}) == 1
    took = max(call.ended for call in asked) - released
    print(f"10,000 answers within {took:.2f} s of the upstream's; "
          f"{stage.fleet.metric('weir_redis_failures_total'):.0f} commands to Redis failed meanwhile")
    if not at_once:
        first = {call.replica: call.ended for call in asked[:3]}
        later = [ended - first[leader] for ended in first.values()]
        print(f"the first answers of the replicas came {[round(seconds * 1000, 1) for seconds in later]} ms after the leader's")
        # Three of ten thousand answers that leave at once come no closer to each other than the machine's cores let them.
        assert max(later) < max(0.05, took / 10)


def lags(stage: Stage, label: str, rounds: int) -> list[float]:
    """By how many seconds the last replica's answer came after the first one's, round by round."""
    found = []
    for number in range(rounds):
        together = stage.held(question(f"{label} {number}"), stage.urls, 3)
        # All followers have said in Redis that they wait.
        time.sleep(0.15)
        stage.witness.set(hold=False)
        ends = [call.ended for call in stage.judged(together.results())]
        found.append(max(ends) - min(ends))
    assert len(stage.calls()) == rounds
    return found


def test_who_follows_has_the_answer_with_the_leader(stage: Stage) -> None:
    found = sorted(lags(stage, "lag", 15))
    print(f"after the leader: p50 {found[7] * 1000:.1f} ms, at most {found[-1] * 1000:.1f} ms")
    assert found[-1] < 0.05, found


def test_a_lost_message_costs_no_more_than_a_poll(stage: Stage) -> None:
    stage.proxy.down.drops_messages = True
    before = stage.proxy.dropped_messages
    found = sorted(lags(stage, "deaf", 6))
    print(f"without messages: p50 {found[3] * 1000:.0f} ms, at most {found[-1] * 1000:.0f} ms")
    assert stage.proxy.dropped_messages > before, "a message was sent, and dropped"
    assert found[-1] < LONGEST_POLL + LENIENCE, found


def test_who_waits_finds_the_answer_when_the_subscription_is_lost(stage: Stage) -> None:
    together = stage.held(question("cut off"), stage.urls, 3)
    stage.proxy.cut()
    released = time.monotonic()
    stage.witness.set(hold=False)
    ends = [call.ended - released for call in stage.judged(together.results())]
    print(f"all connections cut before the commit: {[f'{end * 1000:.0f} ms' for end in ends]}")
    # The leader's commit may be lost with its connection; the lease then ends by itself.
    assert max(ends) < LEASE + LENIENCE and len(stage.calls()) <= 2


def test_exactly_one_takes_over_from_a_dead_leader(stage: Stage) -> None:
    together = stage.held(question("orphan"), stage.urls, 30)
    leader = stage.fetcher()
    stage.fleet.kill(leader)
    killed = time.time()
    eventually(lambda: len(stage.calls()) >= 2, LEASE + LENIENCE, "another replica asks", pause=0.01)
    took = stage.calls()[1]["at"] - killed
    # Whoever else would ask has the time to do so.
    time.sleep(1.5)
    assert len(stage.calls()) == 2, "one takes over, and no herd"
    assert stage.fleet.holder_of(stage.calls()[1]["peer"]) != leader
    stage.witness.set(hold=False)
    asked = together.results()
    followers = stage.judged([call for call in asked if call.replica != leader])
    assert len(followers) == 20 and {call.told["nonce"] for call in followers} == {stage.calls()[1]["nonce"]}
    assert all(call.failure for call in asked if call.replica == leader)
    print(f"taken over after {took:.2f} s")
    assert took < TAKE_OVER, f"{took:.2f} s"


def lost_leases(stage: Stage) -> float:
    return stage.fleet.metric("weir_fleet_flights_total", result="lease_lost")


def test_the_commit_of_a_leader_that_slept_is_refused(stage: Stage) -> None:
    lost = lost_leases(stage)
    asks = question("sleeper")
    together = stage.held(asks, stage.urls, 6)
    leader = stage.fetcher()
    stage.fleet.freeze(leader)
    slept = time.monotonic()
    try:
        eventually(lambda: len(stage.calls()) >= 2, LEASE + LENIENCE, "another replica asks", pause=0.01)
        stage.witness.set(hold=False)
        # The sleeper's answer lies in front of it, the other one's in Redis.
        others = [number for number in range(3) if number != leader]
        second = all_at_once([stage.fleet[number].direct for number in others], [asks] * 2)
        time.sleep(max(0, slept + 5 - time.monotonic()))
    finally:
        stage.fleet.thaw(leader)
    asked = stage.judged(together.results() + second)
    first, other = stage.calls()
    assert {call.told["nonce"] for call in asked if call.replica != leader} <= {other["nonce"]}
    eventually(lambda: lost_leases(stage) == lost + 1, 5, "the sleeper's commit was refused, and counted")
    # What the sleeper had is kept nowhere: not in its memory, and not in Redis.
    again = stage.judged(all_at_once(stage.urls, [asks] * 3))
    assert [call.told["nonce"] for call in again] == [other["nonce"]] * 3
    stage.fleet.restart(others[0])
    stage.fleet[others[0]].wait_for_tools(*SITES, headers=bearer(RED))
    [fresh] = stage.judged(all_at_once([stage.fleet[others[0]].direct], [asks]))
    assert fresh.outcome == "hit_redis" and fresh.told["nonce"] == other["nonce"]
    assert len(stage.calls()) == 2


def test_a_stall_costs_one_call_for_each_replica_that_follows_at_most(stage: Stage) -> None:
    together = stage.held(question("stalled"), stage.urls[:2], 6)
    stage.redis.stall(2)
    time.sleep(3.5)
    stage.witness.set(hold=False)
    stage.judged(together.results())
    assert len(stage.calls()) <= 2


@pytest.mark.parametrize("name", GONE)
def test_who_follows_asks_for_itself_when_redis_is_gone(stage: Stage, name: str) -> None:
    """Issue 5: losing Redis costs a caller one command's timeout, not what is left of a lease. It shows by the calls of others, too."""
    asks, others = question(f"left alone {name}"), question(f"others {name}")
    together = stage.held(asks, stage.urls, 9)
    gone = time.time()
    GONE[name].begin(stage.redis, stage.proxy)
    try:
        beside = Together(stage.urls, [others] * 3)
        eventually(lambda: len(stage.calls()) == 6, LEASE, "every replica asks both", pause=0.01)
        took = [call["at"] - gone for call in stage.calls()[1:] if call["arguments"] == asks[3]]
        stage.witness.set(hold=False)
        asked = stage.judged(together.results())
        stage.judged(beside.results())
    finally:
        GONE[name].end(stage.redis, stage.proxy)
    print(f"{name}: the followers asked after {' and '.join(f'{seconds:.2f} s' for seconds in took)}")
    # The others' commands are in vain after one timeout; who follows has heard nothing for as long then.
    assert len(took) == 2 and max(took) < 2 * COMMAND_TIMEOUT + 0.25, took
    assert len({(call.replica, call.told["nonce"]) for call in asked}) == 3, "one call of each replica, whoever waits there"


def test_a_redis_flushed_under_a_lease_is_harmless(stage: Stage) -> None:
    asks = question("flushed")
    together = stage.held(asks, stage.urls, 9)
    stage.redis.flush()
    stage.witness.set(hold=False)
    stage.judged(together.results())
    assert len(stage.calls()) <= 2
    stage.judged(all_at_once(stage.urls, [asks] * 3))


def test_an_upstream_that_fails_is_asked_once_for_all(stage: Stage) -> None:
    stage.witness.set(refuse=1)
    asked = all_at_once(stage.urls, [question("refused")] * 30)
    assert len(stage.calls()) <= 2, "an error is shared as an answer is"
    assert not judge(asked, stage.witness.log()).wrong


def test_tenants_share_no_flight(stage: Stage) -> None:
    stage.witness.set(hold=True)
    together = Together(stage.urls, [(tenant, NORTH, "look", {"topic": "apart"}) for tenant in TENANTS for _ in range(3)])
    stage.witness.wait_until_holding(3)
    stage.witness.set(hold=False)
    asked = stage.judged(together.results())
    assert len(stage.calls()) == 3 and len({(call.tenant, call.told["nonce"]) for call in asked}) == 3


def test_one_replica_renews_for_all(stage: Stage) -> None:
    """An answer that is given while it is renewed: nobody waits, and no two calls are at the upstream at the same time."""
    asks = question("renewed", tool="peek")
    stage.judged(all_at_once(stage.urls, [asks] * 3))
    stage.witness.set(latency=0.3)
    load = Load(stage.urls, Mix((NORTH,), (RED,), ("peek",), 1, "renewed often"), workers=4)
    with load.running():
        time.sleep(6)
    stage.witness.set(latency=0)
    asked = stage.judged(load.asked)
    [*calls] = [call for call in stage.calls() if call["arguments"] == {"topic": "renewed often 0"}]
    overlaps = [(one["at"], other["at"]) for one, other in zip(calls, calls[1:]) if other["at"] < one["until"]]
    waited = sorted(call.seconds for call in asked if call.began > asked[0].began + 0.6)
    print(f"{len(calls)} calls in 6 s for {len(asked)} answers, p99 {waited[len(waited) * 99 // 100] * 1000:.0f} ms")
    assert not overlaps
    assert 4 <= len(calls) <= 8
    assert waited[len(waited) * 99 // 100] < 0.25, "nobody waits for a renewal"


def test_who_waits_for_another_replica_hears_that_it_goes_on(stage: Stage) -> None:
    """Clients that hear nothing for long give up: a call that is led elsewhere says that it lives."""
    leader = stage.held(question("heartbeat"), [stage.urls[0]], 1)
    body = rpc({"id": 1, "method": "tools/call", "params": {
        "name": f"{NORTH}__look", "arguments": {"topic": "heartbeat"}, "_meta": modern_meta() | {"progressToken": "beat"}}})
    headers = {
        "Accept": BOTH, "Content-Type": "application/json", "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call",
        "Mcp-Name": f"{NORTH}__look", **bearer(RED)}
    with httpx.stream("POST", f"{stage.fleet[1].url}/mcp", json=body, headers=headers, timeout=40) as response:
        events = Events(response)
        began = time.monotonic()
        beats = [events.until("notifications/progress")["params"] for _ in range(2)]
        print(f"two beats within {time.monotonic() - began:.1f} s: {beats}")
        assert all(beat["progressToken"] == "beat" for beat in beats) and beats[0]["progress"] < beats[1]["progress"]
        stage.witness.set(hold=False)
        answer = events.answer(1)
    [led] = stage.judged(leader.results())
    assert led.told["nonce"] in answer["result"]["content"][0]["text"] and len(stage.calls()) == 1
