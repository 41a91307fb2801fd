"""Redis that moves under load: another primary takes over, slots go to another node. No wrong answer, no failed call."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.judge import judge
from support.load import COMMAND_TIMEOUT, LENIENCE, Load, Mix, Singles, spread
from support.processes import eventually
from support.redis_cluster import RedisCluster
from support.redis_sentinel import RedisWithSentinels
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir


@pytest.mark.parametrize("way", ["told to", "primary killed", "primary frozen"])
def test_a_failover_under_load(witness: Witness, lacking: str, tmp_path: Path, start_fleet: Any, way: str) -> None:
    redis = RedisWithSentinels(tmp_path)
    with closing(redis), start_fleet(witnessed(witness, redis.configuration())) as fleet:
        urls = fleet.direct
        load, singles = Load(urls, Mix(label=way)), Singles(urls, lacking, way)
        with load.running(), singles.running():
            load.wait_for(300)
            old, began = redis.primary, time.monotonic()
            match way:
                case "told to":
                    redis.fail_over()
                case "primary killed":
                    old.kill()
                    redis.wait_for_another(old)
                case "primary frozen":
                    old.pause()
                    redis.wait_for_another(old)
            over = time.monotonic()
            load.wait_for(100)
            fleet.wait_for_redis()
            found = redis.primary.call("DBSIZE")
            eventually(lambda: redis.primary.call("DBSIZE") != found, 20, "the new primary is written to")
            if way == "primary frozen":
                # It believes for a while that it still is the primary.
                old.resume()
            load.wait_for(300)
        log = witness.log()
        verdict = judge(load.asked + singles.asked, log)
        print(f"{way}: {verdict}; {spread('all', load.asked)}")
        cost = singles.cost(log, began, over)
    assert not verdict.wrong and not verdict.failed, "\n".join((verdict.wrong + verdict.failed)[:10])
    assert cost < COMMAND_TIMEOUT + LENIENCE, f"{cost:.3f} s"


def test_slots_that_move_under_load(witness: Witness, lacking: str, tmp_path: Path, start_fleet: Any) -> None:
    cluster = RedisCluster(tmp_path)
    with closing(cluster), start_fleet(witnessed(witness, {"cluster": cluster.urls})) as fleet:
        urls = fleet.direct
        load, singles = Load(urls, Mix()), Singles(urls, lacking, "slots")
        with load.running(), singles.running():
            load.wait_for(400)
            began = time.monotonic()
            moved = 0
            for source, target in ((0, 1), (1, 2), (2, 0)):
                for slot in cluster.slots_in_use(source)[:40]:
                    moved += cluster.move(slot, source, target, midway=lambda: time.sleep(0.005))
            load.wait_for(300)
            before, over = len(load.asked), time.monotonic()
            cluster.nodes[1].kill()
            load.wait_for(300)
            cluster.nodes[1].start()
            load.wait_for(300)
            fleet.wait_for_redis()
        log = witness.log()
        verdict = judge(load.asked + singles.asked, log)
        cost = singles.cost(log, began, over)
        redirected = fleet.metric("weir_redis_redirections_total")
        print(f"{moved} keys moved, {redirected:.0f} redirections: {verdict}; {spread('moving', load.asked[:before])}; {spread('one killed', load.asked[before:])}")
    assert not verdict.wrong and not verdict.failed, "\n".join((verdict.wrong + verdict.failed)[:10])
    assert cost < COMMAND_TIMEOUT + LENIENCE, f"{cost:.3f} s"
    assert moved > 40 and redirected > 0, "the slots that moved were asked for"
