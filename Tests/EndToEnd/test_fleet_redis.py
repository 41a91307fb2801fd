"""Whatever happens to Redis under load: no wrong answer, no failed call, and a call waits for it no longer than the command timeout."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.fault_proxy import FaultProxy
from support.fleet import Fleet, value
from support.judge import judge
from support.load import COMMAND_TIMEOUT, LENIENCE, Load, Mix, Singles, all_at_once, spread
from support.processes import eventually
from support.redis import RedisServer
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir


@pytest.fixture(scope="module")
def single(witness: Witness, tmp_path_factory: pytest.TempPathFactory, start_fleet: Any) -> Iterator[tuple[RedisServer, FaultProxy, Fleet]]:
    """One Redis behind a fault proxy."""
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    proxy = FaultProxy(redis.port, redis=True)
    with start_fleet(witnessed(witness, {"url": f"redis://127.0.0.1:{proxy.port}/0"})) as fleet:
        yield redis, proxy, fleet
    proxy.close()
    redis.close()


@dataclass
class Trouble:
    """How it begins and how it ends; `lasts` is how many calls are answered meanwhile."""

    begin: Callable[[RedisServer, FaultProxy], object]
    end: Callable[[RedisServer, FaultProxy], object] = lambda redis, proxy: None
    lasts: int = 600


def repeat_cuts(redis: RedisServer, proxy: FaultProxy) -> None:
    for _ in range(20):
        proxy.cut()
        time.sleep(0.05)


def faulty(**faults: Any) -> Callable[[RedisServer, FaultProxy], None]:
    def begin(redis: RedisServer, proxy: FaultProxy) -> None:
        for direction in (proxy.up, proxy.down):
            for name, setting in faults.items():
                setattr(direction, name, setting)

    return begin


TROUBLES = {
    "killed": Trouble(lambda redis, proxy: redis.kill(), lambda redis, proxy: redis.start()),
    "frozen": Trouble(lambda redis, proxy: redis.pause(), lambda redis, proxy: redis.resume()),
    "black-holed": Trouble(lambda redis, proxy: proxy.black_hole(), lambda redis, proxy: proxy.heal()),
    "restarted": Trouble(lambda redis, proxy: (redis.kill(), redis.start())),
    "flushed": Trouble(lambda redis, proxy: redis.flush()),
    "full": Trouble(lambda redis, proxy: redis.limit_memory(), lambda redis, proxy: redis.lift_limit()),
    "evicting": Trouble(lambda redis, proxy: redis.limit_memory("allkeys-random"), lambda redis, proxy: redis.lift_limit()),
    "cut again and again": Trouble(repeat_cuts),
    "cut in the middle of replies": Trouble(faulty(cut_after=30_011), lambda redis, proxy: proxy.heal()),
    "slow": Trouble(faulty(delay=0.06), lambda redis, proxy: proxy.heal()),
    "too slow": Trouble(faulty(delay=0.3), lambda redis, proxy: proxy.heal()),
    "in slices": Trouble(faulty(slices=True), lambda redis, proxy: proxy.heal()),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_with_redis_is_nobodys_but_its_own(
    single: tuple[RedisServer, FaultProxy, Fleet], lacking: str, witness: Witness, name: str) -> None:
    redis, proxy, fleet = single
    costs = []
    # A machine that was busy for a moment is not so three times.
    while not costs or (costs[-1] > COMMAND_TIMEOUT + LENIENCE and len(costs) < 3):
        costs.append(cost_of(TROUBLES[name], redis, proxy, fleet, lacking, witness, f"{name} {len(costs)}"))
    assert costs[-1] < COMMAND_TIMEOUT + LENIENCE, f"Redis added {costs} s to the slowest call"


def cost_of(trouble: Trouble, redis: RedisServer, proxy: FaultProxy, fleet: Fleet, lacking: str, witness: Witness, label: str) -> float:
    """By how many seconds the slowest call that follows nobody was slower, while the trouble lasted."""
    fleet.wait_for_redis()
    urls = fleet.direct
    load, singles = Load(urls, Mix(label=label)), Singles(urls, lacking, label)
    with load.running(), singles.running():
        load.wait_for(300)
        assert redis.size() > 0, "Redis is used"
        before, began = len(load.asked), time.monotonic()
        try:
            trouble.begin(redis, proxy)
            load.wait_for(trouble.lasts)
        finally:
            during, ended = len(load.asked), time.monotonic()
            trouble.end(redis, proxy)
        load.wait_for(100)
        fleet.wait_for_redis()
        load.wait_for(300)
    log = witness.log()
    verdict = judge(load.asked + singles.asked, log)
    print(f"{label}: {verdict}; {spread('before', load.asked[:before])}; {spread('during', load.asked[before:during])}")
    assert not verdict.wrong and not verdict.failed, "\n".join((verdict.wrong + verdict.failed)[:10])
    assert verdict.outcomes["hit_redis"] > 0 and verdict.outcomes["miss"] > 0, "all ways of answering were taken"
    return singles.cost(log, began, ended)


GONE = {name: TROUBLES[name] for name in ("killed", "frozen", "black-holed")}


@pytest.mark.parametrize("name", GONE)
def test_what_a_redis_that_is_gone_costs(witness: Witness, tmp_path: Path, start_fleet: Any, name: str) -> None:
    """Under load, misses through a Weir whose Redis goes away, each beside one through a Weir that has none: the difference is what Redis costs."""
    redis = RedisServer(tmp_path)
    proxy = FaultProxy(redis.port, redis=True)
    configured = witnessed(witness, {"url": f"redis://127.0.0.1:{proxy.port}/0"})
    with (
        closing(redis), closing(proxy),
        start_fleet(configured, count=1) as having,
        start_fleet(witnessed(witness, {}), count=1) as lacking,
        ExitStack() as load,
    ):
        pairs = Pairs(having[0].direct, lacking[0].direct)
        behind = Load(pairs.urls, Mix(label=f"behind {name}"), workers=2, pause=0.03)
        load.enter_context(behind.running())
        pairs.ask(30)
        there = pairs.ask(120)
        worst = []
        # A machine that was busy for a moment is not so three times.
        while not worst or (worst[-1] > COMMAND_TIMEOUT * 1000 + 50 and len(worst) < 3):
            if worst:
                GONE[name].end(redis, proxy)
                having.wait_for_redis()
            GONE[name].begin(redis, proxy)
            first = pairs.ask(60)
            worst.append(max(first))
        eventually(lambda: is_given_up(having), 10, "Redis is not asked any more")
        gone = pairs.ask(400)
        own, others = pairs.slow(400)
        GONE[name].end(redis, proxy)
    print(f"{name}: Redis there {summary(there)}; the first calls without it {summary(first)}; given up {summary(gone)}; "
          f"p99 {own[1]:.2f} ms, without Redis {others[1]:.2f} ms")
    # The rest is room for a busy machine: far less than a second command timeout.
    assert worst[-1] < COMMAND_TIMEOUT * 1000 + 50, f"a call waited {worst} ms for Redis"
    assert statistics.median(gone) < 1, f"{statistics.median(gone):.2f} ms"
    # Where the machine's own unrest is larger than what is looked for, nothing can be said of one call in a hundred.
    assert own[1] - others[1] < 1 or others[1] - others[0] > 1, f"p99 {own[1]:.2f} ms, without Redis {others[1]:.2f} ms"
    verdict = judge(pairs.asked + behind.asked, witness.log())
    assert not verdict.wrong and not verdict.failed, "\n".join((verdict.wrong + verdict.failed)[:10])
    assert {call.outcome for call in pairs.asked} == {"miss"}


def is_given_up(fleet: Fleet) -> bool:
    page = fleet[0].metrics()
    return value(page, "weir_redis_breaker_open") == 1 or value(page, "weir_redis_connections") == 0


def summary(differences: list[float]) -> str:
    ordered = sorted(differences)
    return f"p50 {statistics.median(ordered):+.2f} ms, p90 {ordered[len(ordered) * 9 // 10]:+.2f} ms, at most {ordered[-1]:+.1f} ms"


class Pairs:
    """The same kind of call at one Weir and at the other, in turn: what comes over the machine comes over both."""

    def __init__(self, one: str, other: str) -> None:
        self.urls = [one, other]
        self.asked: list[Any] = []
        self.number = 0

    def ask(self, count: int) -> list[float]:
        """By how many milliseconds the first was slower, pair by pair."""
        return [self._difference() for _ in range(count)]

    def slow(self, count: int) -> list[tuple[float, float]]:
        """Median and 99th percentile of the last so many pairs at the first and at the other, in milliseconds."""
        told = []
        for url in range(2):
            times = sorted(call.seconds * 1000 for call in self.asked[-2 * count :] if call.arguments["at"] == url)
            told.append((statistics.median(times), times[len(times) * 99 // 100]))
        return told

    def _difference(self) -> float:
        seconds = [0.0, 0.0]
        # In turn the one and the other goes first.
        for url in (0, 1) if self.number % 4 else (1, 0):
            self.number += 1
            self.asked += all_at_once([self.urls[url]], [("red", "north", "look", {"topic": f"pair-{self.number}", "run": id(self), "at": url})])
            seconds[url] = self.asked[-1].seconds
        return (seconds[0] - seconds[1]) * 1000
