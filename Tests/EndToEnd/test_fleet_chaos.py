"""One trouble after the other, of Redis and of replicas, in an order that a seed decides: no answer may be wrong, and only calls at a replica that was
killed may fail. `WEIR_CHAOS_SECONDS` says for how long, and `WEIR_CHAOS_SEED` where it begins."""

import os
import random
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.fault_proxy import FaultProxy
from support.fleet import Fleet
from support.judge import judge
from support.load import SITES, TENANTS, Load, Mix, bearer, spread
from support.redis import RedisServer
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir

SECONDS = float(os.environ.get("WEIR_CHAOS_SECONDS", "25"))
SEED = int(os.environ.get("WEIR_CHAOS_SEED", "7"))
# What a late write may add to the age of an answer, and how long a sleeping replica's answers may lie in front of their client.
LATE = 3.0


class Chaos:
    """`outages` are the times at which calls at a replica may fail."""

    def __init__(self, redis: RedisServer, proxy: FaultProxy, fleet: Fleet) -> None:
        self.redis, self.proxy, self.fleet = redis, proxy, fleet
        self.chance = random.Random(SEED)
        self.outages: list[tuple[int, float, float]] = []
        self.done: Counter[str] = Counter()

    def run(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        troubles = [name for name in dir(self) if name.startswith("do_")]
        while time.monotonic() < deadline:
            name = self.chance.choice(troubles)
            self.done[name.removeprefix("do_")] += 1
            getattr(self, name)()
            time.sleep(self.chance.uniform(0.1, 0.6))

    def pause(self, most: float = 1.2) -> None:
        time.sleep(self.chance.uniform(0.05, most))

    def do_kill_redis(self) -> None:
        self.redis.kill()
        self.pause()
        self.redis.start()

    def do_freeze_redis(self) -> None:
        self.redis.pause()
        self.pause()
        self.redis.resume()

    def do_flush_redis(self) -> None:
        self.redis.flush()

    def do_fill_redis(self) -> None:
        self.redis.limit_memory(self.chance.choice(["noeviction", "allkeys-random", "volatile-ttl"]))
        self.pause()
        self.redis.lift_limit()

    def do_swallow(self) -> None:
        self.proxy.black_hole()
        self.pause()
        self.proxy.heal()

    def do_slow_down(self) -> None:
        self.proxy.down.delay = self.chance.choice([0.02, 0.08, 0.5])
        self.pause()
        self.proxy.heal()

    def do_cut(self) -> None:
        self.proxy.cut()

    def do_cut_in_the_middle(self) -> None:
        self.proxy.down.cut_after = self.chance.randrange(1, 20_000)
        self.pause(0.5)
        self.proxy.heal()

    def do_drop_messages(self) -> None:
        self.proxy.down.drops_messages = True
        self.pause()
        self.proxy.heal()

    def do_freeze_replica(self) -> None:
        number = self.chance.randrange(len(self.fleet))
        self.fleet.freeze(number)
        self.pause(LATE)
        self.fleet.thaw(number)

    def do_kill_replica(self) -> None:
        number, began = self.chance.randrange(len(self.fleet)), time.monotonic()
        self.fleet.kill(number)
        self.pause(0.3)
        self.fleet.restart(number)
        self.fleet[number].wait_for_tools(*SITES, headers=bearer(TENANTS[0]))
        self.outages.append((number, began, time.monotonic()))


def test_one_trouble_after_the_other(witness: Witness, tmp_path: Path, start_fleet: Any) -> None:
    redis = RedisServer(tmp_path)
    proxy = FaultProxy(redis.port, redis=True)
    with closing(redis), closing(proxy), start_fleet(witnessed(witness, {"url": f"redis://127.0.0.1:{proxy.port}/0"})) as fleet:
        chaos = Chaos(redis, proxy, fleet)
        load = Load(fleet.direct, Mix(tools=("look", "glance", "peek", "act")), workers=5)
        with load.running():
            chaos.run(SECONDS)
            proxy.heal()
            fleet.wait_for_redis()
            load.wait_for(200)
        sizes = [psutil.Process(replica.process.pid).memory_info().rss / 1e6 for replica in fleet]
    verdict = judge(load.asked, witness.log(), late=LATE)
    print(f"seed {SEED}, {dict(chaos.done)}: {verdict}; {spread('all', load.asked)}; {', '.join(f'{size:.0f} MB' for size in sizes)}")
    assert not verdict.wrong, "\n".join(verdict.wrong[:10])
    excused = [call for call in load.asked if call.failure and was_down(chaos, call.replica, call.began, call.ended)]
    unexcused = [call for call in load.asked if call.failure and call not in excused]
    assert not unexcused, "\n".join(map(str, unexcused[:10]))


def was_down(chaos: Chaos, replica: int, began: float, ended: float) -> bool:
    return any(number == replica and began < end and ended > start for number, start, end in chaos.outages)
