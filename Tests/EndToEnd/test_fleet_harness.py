"""The fleet's tests have to be believed: what they break things with breaks them, and the judge sees what is wrong."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.fault_proxy import FaultProxy
from support.judge import judge
from support.load import Asked, sign
from support.redis import RedisServer
from support.redis_cluster import RedisCluster
from support.resp import RESPClient, RESPFrames, RedisRefusal
from support.windows import most_over, most_within


@pytest.fixture
def proxied(redis: RedisServer) -> Iterator[tuple[RedisServer, FaultProxy]]:
    proxy = FaultProxy(redis.port, redis=True)
    yield redis, proxy
    proxy.close()


def test_a_proxy_without_faults_changes_nothing(proxied: tuple[RedisServer, FaultProxy]) -> None:
    redis, proxy = proxied
    large = bytes(range(256)) * 1000
    with RESPClient(proxy.port) as client:
        for way in (False, True):
            proxy.up.slices = proxy.down.slices = way
            part = large[:1000] if way else large
            assert client.call("SET", "key", part) == b"OK" and client.call("GET", "key") == part
    assert redis.call("STRLEN", "key") == 1000


def test_a_delay_is_one_for_all_that_is_on_its_way(proxied: tuple[RedisServer, FaultProxy]) -> None:
    _, proxy = proxied
    with RESPClient(proxy.port) as client:
        proxy.down.delay = 0.2
        began = time.monotonic()
        for number in range(20):
            client.send("ECHO", number)
            time.sleep(0.002)
        assert [client.receive() for _ in range(20)] == [str(number).encode() for number in range(20)]
        assert 0.2 <= time.monotonic() - began < 1


def test_a_black_hole_ends_with_its_connections(proxied: tuple[RedisServer, FaultProxy]) -> None:
    redis, proxy = proxied
    with RESPClient(proxy.port, timeout=0.2) as swallowed, RESPClient(proxy.port) as untouched:
        assert untouched.call("PING") == b"PONG"
        proxy.black_hole()
        with pytest.raises(TimeoutError):
            swallowed.call("SET", "lost", "1")
        assert redis.call("EXISTS", "lost") == 0
        proxy.heal()
        assert untouched.call("PING") == b"PONG"
        with pytest.raises(OSError):
            swallowed.call("PING")


def test_a_cut_comes_after_so_many_bytes(proxied: tuple[RedisServer, FaultProxy]) -> None:
    redis, proxy = proxied
    redis.call("SET", "key", "x" * 1000)
    proxy.down.cut_after = 3000
    with RESPClient(proxy.port) as client:
        assert [len(client.call("GET", "key")) for _ in range(2)] == [1000, 1000]
        with pytest.raises(OSError):
            client.call("GET", "key")


def test_messages_are_dropped_and_replies_are_not(proxied: tuple[RedisServer, FaultProxy]) -> None:
    redis, proxy = proxied
    with RESPClient(proxy.port) as subscriber:
        assert subscriber.call("SUBSCRIBE", "wake") == [b"subscribe", b"wake", 1]
        proxy.down.drops_messages = True
        assert redis.call("PUBLISH", "wake", "one") == 1
        assert subscriber.call("PING") == [b"pong", b""]
        proxy.down.drops_messages = False
        redis.call("PUBLISH", "wake", "two")
        assert subscriber.receive() == [b"message", b"wake", b"two"]
    assert proxy.dropped_messages == 1


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_replies_are_told_apart_wherever_they_are_cut(step: int) -> None:
    replies = [b"+OK\r\n", b"$-1\r\n", b"*0\r\n", b"$5\r\na\r\nbc\r\n", b"*2\r\n*2\r\n:1\r\n$1\r\nx\r\n*-1\r\n", b"-ERR no\r\n"]
    stream, frames = b"".join(replies), RESPFrames()
    assert [frame for start in range(0, len(stream), step) for frame in frames.feed(stream[start : start + step])] == replies


def test_a_full_redis_refuses_and_an_evicting_one_forgets(redis: RedisServer) -> None:
    redis.limit_memory()
    with pytest.raises(RedisRefusal, match="OOM"):
        redis.call("SET", "key", "x" * 1000)
    redis.lift_limit()
    for number in range(100):
        redis.call("SET", f"key-{number}", "x" * 10_000)
    redis.limit_memory("allkeys-random")
    redis.call("SET", "key", "x" * 100_000)
    assert redis.call("DBSIZE") < 100


def test_a_slot_moves_with_its_keys(tmp_path: Path) -> None:
    cluster = RedisCluster(tmp_path)
    slot = cluster.nodes[0].call("CLUSTER", "KEYSLOT", "{b}1")
    owner = next(number for number in range(3) if number * 5461 <= slot < (number + 1) * 5461 + 2)
    for number in range(10):
        cluster.nodes[owner].call("SET", f"{{b}}{number}", number)

    def refused(node: int) -> str:
        with pytest.raises(RedisRefusal) as refusal:
            cluster.nodes[node].call("GET", "{b}new")
        return str(refusal.value).split()[0]

    target = (owner + 1) % 3
    assert cluster.move(slot, owner, target, midway=lambda: refused(owner) == "ASK" or pytest.fail("no ASK")) == 10
    assert refused(owner) == "MOVED" and cluster.nodes[target].call("GET", "{b}7") == b"7"
    cluster.close()


NOW = 1_000_000.0
TOLD = {"nonce": "n-1", "sign": sign("red"), "site": "north", "tool": "glance", "arguments": {"topic": "a"}, "at": NOW}
RIGHT = Asked("red", "north", "glance", {"topic": "a"}, 0, 0.0, NOW + 0.5, 0.01, "hit_redis", TOLD)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(RIGHT, site="south"), "another site"),
        (replace(RIGHT, tool="look"), "another tool"),
        (replace(RIGHT, arguments={"topic": "b"}), "other arguments"),
        (replace(RIGHT, told=TOLD | {"nonce": "n-2"}), "never gave"),
        (replace(RIGHT, told=TOLD | {"at": NOW + 1}), "never gave"),
        (replace(RIGHT, tenant="blue"), "another tenant"),
        (replace(RIGHT, since=NOW + 2), "s old"),
    ],
)
def test_the_judge_sees_what_is_wrong(other: Asked, said: str) -> None:
    assert not judge([RIGHT, RIGHT], [TOLD]).wrong
    problems = judge([other], [TOLD]).wrong
    assert len(problems) == 1 and said in problems[0], problems


def test_the_judge_counts_what_failed() -> None:
    verdict = judge([RIGHT, replace(RIGHT, told=None, outcome=None, failure="ConnectionResetError")], [TOLD])
    assert len(verdict.failed) == 1 and not verdict.wrong


@pytest.mark.parametrize(
    ("times", "over"),
    [
        ([], float("-inf")),
        ([0.0] * 5, 0.0),
        ([0.0] * 6, 1.0),
        # Five at once, and one for every tenth of a second.
        ([0.0] * 5 + [0.1, 0.2, 0.3], 0.0),
        ([0.0] * 5 + [0.1, 0.15], 0.5),
        # Nothing for long: the burst is there again, and no more than that.
        ([0.0] * 5 + [9.0] * 5, 0.0),
        ([0.0] * 5 + [9.0] * 7, 2.0),
    ],
)
def test_the_model_of_a_rate(times: list[float], over: float) -> None:
    assert most_over(times, burst=5, rate=10, transit=0) == pytest.approx(over)


def test_the_model_of_a_window() -> None:
    times = [0.0, 0.5, 0.9, 1.0, 1.4, 3.0]
    assert most_within(times, 1, transit=0) == 4
    assert most_within(times, 0.3, transit=0) == 2
    assert most_within(times, 10, transit=0) == 6
