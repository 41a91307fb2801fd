"""What a purge claims, and keeps, where a replica does not hear of it or Redis forgets it."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.fault_proxy import FaultProxy
from support.fleet import Fleet
from support.load import SITES, TENANTS, all_at_once
from support.paths import find_binary
from support.processes import eventually
from support.redis import RedisServer
from support.weir import Weir
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    redis = RedisServer(tmp_path)
    yield redis
    redis.close()


def key(redis: RedisServer, name: str) -> str:
    return next(found for found in redis.all_keys() if found.endswith("}:" + name))


def joined(redis: RedisServer, count: int) -> None:
    eventually(lambda: redis.call("HLEN", key(redis, "addresses")) == count, 10, f"{count} replicas are in the roster")


def purge(weir: Weir) -> tuple[int, dict[str, Any]]:
    """Of one site: the exit status, and what the command says."""
    binary, _ = find_binary()
    words = [binary, "cache", "purge", "--url", weir.admin, "--upstream", SITES[0]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.returncode < 2, done.stderr
    return done.returncode, json.loads(done.stdout)


def nonce(weir: Weir, topic: str) -> str:
    [asked] = all_at_once([weir.direct], [(TENANTS[0], SITES[0], "look", {"topic": topic})])
    assert asked.told, asked.failure
    return asked.told["nonce"]


def address(weir: Weir) -> str:
    return weir.direct.removeprefix("http://")


@pytest.mark.parametrize("names", [["purges"], ["purges", "listeners"]], ids=["its marks", "all"])
def test_a_purge_holds_where_redis_comes_back_older(server: RedisServer, witness: Witness, start_fleet: Any, names: list[str]) -> None:
    with start_fleet(witnessed(witness, {"url": server.url}), count=2, admin=True) as fleet:
        fleet.wait_for_redis()
        joined(server, 2)
        in_memory, in_redis = nonce(fleet[1], "t"), nonce(fleet[0], "u")
        assert nonce(fleet[0], "t") == in_memory
        fleet.freeze(1)
        keys = [key(server, name) for name in names]
        # What a server has that takes over before it was told of the purge.
        older = [server.call("DUMP", key) for key in keys]
        status, report = purge(fleet[0])
        assert status == 1 and not report["isComplete"] and report["reached"] == {"replica": True, "redis": True}
        assert report["unheard"] == [address(fleet[1])], "it could not say that it knows"
        for name, value in zip(keys, older, strict=True):
            server.call("RESTORE", name, 0, value, "REPLACE")
        fleet.thaw(1)
        eventually(lambda: server.call("ZSCORE", keys[0], f"upstream:{SITES[0]}"), 5, "Redis is told again")
        time.sleep(1)
        assert nonce(fleet[1], "t") != in_memory
        fleet.restart(1)
        fleet[1].wait_for_tools(*SITES, headers={"Authorization": f"Bearer key-of-{TENANTS[0]}-0123456789abcdef"})
        assert nonce(fleet[1], "u") != in_redis, "a replica that starts hears of it from Redis"


def test_a_replica_that_alone_has_lost_redis_is_named(server: RedisServer, witness: Witness, start_fleet: Any) -> None:
    proxy = FaultProxy(server.port, redis=True)
    try:
        with (
            start_fleet(witnessed(witness, {"url": server.url}), count=2, admin=True) as fleet,
            start_fleet(witnessed(witness, {"url": f"redis://127.0.0.1:{proxy.port}/0"}), count=1, admin=True) as lone,
        ):
            for some in (fleet, lone):
                some.wait_for_redis()
            joined(server, 3)
            began = time.monotonic()
            status, report = purge(fleet[0])
            print(f"a purge that all hear of takes {time.monotonic() - began:.3f} s, the command's start with it")
            assert status == 0 and report["isComplete"] and report["unheard"] == []
            old = nonce(lone[0], "t")
            proxy.black_hole()
            status, report = purge(fleet[0])
            assert status == 1 and not report["isComplete"] and report["unheard"] == [address(lone[0])] and "memory" in report["note"]
            assert nonce(fleet[1], "t") != old
            assert nonce(lone[0], "t") == old, "losing Redis stops nothing, and nobody could tell it"
            # It purges for itself, and says that it is alone.
            status, report = purge(lone[0])
            assert status == 1 and report["reached"] == {"replica": True, "redis": False} and "unheard" not in report
            assert nonce(lone[0], "t") != old
            proxy.heal()
            eventually(lambda: purge(fleet[0])[0] == 0, 20, "it hears of purges again", pause=0.2)
    finally:
        proxy.close()
