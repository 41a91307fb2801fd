"""The second level: a real Redis that is there, goes away, hangs, and comes back."""

import json
import time
from typing import Any

import pytest

from conftest import UNHURRIED_BILLING, billing_url
from emulator import Emulator
from support.caller import question
from support.processes import eventually
from support.redis import RedisServer

pytestmark = pytest.mark.weir


def configuration(redis: RedisServer, billing_http: str) -> dict[str, Any]:
    return {
        "cache": {"redis": {"url": redis.url}},
        "providers": UNHURRIED_BILLING,
        "upstreams": {"b": billing_url(billing_http)},
    }


def test_answers_outlive_the_process_in_redis(start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator) -> None:
    with start_weir(configuration(redis, billing_http)) as weir:
        weir.wait_for_tools("b")
        asked = question()
        with weir.caller() as caller:
            first = caller.call("b__cost-explorer", asked)
        weir.restart()
        weir.wait_for_tools("b")
        with weir.caller() as caller:
            answers = [caller.call("b__cost-explorer", asked) for _ in range(2)]
    assert first.outcome == "miss"
    assert [answer.outcome for answer in answers] == ["hit_redis", "hit_memory"]
    assert answers[0].text == first.text
    assert emulator.received() == 1


def test_two_replicas_share_their_answers(start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator) -> None:
    with start_weir(configuration(redis, billing_http)) as one, start_weir(configuration(redis, billing_http)) as two:
        for weir in (one, two):
            weir.wait_for_tools("b")
        asked = question()
        with one.caller() as first, two.caller() as second:
            assert first.call("b__cost-explorer", asked).outcome == "miss"
            redis.keys(least=1)
            assert second.call("b__cost-explorer", asked).outcome == "hit_redis"
    assert emulator.received() == 1


def test_what_lies_in_redis_names_no_argument(start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator) -> None:
    with start_weir(configuration(redis, billing_http)) as weir:
        weir.wait_for_tools("b")
        with weir.caller() as caller:
            caller.call("b__cost-explorer", question(filter={"Tags": {"Key": "team", "Values": ["canary-in-redis"]}}))
    keys = redis.keys(least=1)
    assert all("weir" in key and "canary" not in key for key in keys)
    # What is kept for a provider bears its configured name.
    assert all("cost-explorer" not in key for key in keys if "{provider:" not in key)
    assert all(int(redis.command("TTL", key).strip().removeprefix(":")) > 0 for key in keys), "an entry without an end"


def test_a_wrong_value_in_redis_is_a_miss(start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator) -> None:
    """Every entry overwritten: with another entry's value, and with rubbish. Neither may become an answer."""
    with start_weir(configuration(redis, billing_http)) as weir:
        weir.wait_for_tools("b")
        asked = [question(), question(metrics=["BlendedCost"])]
        with weir.caller() as caller:
            truth = [caller.call("b__cost-explorer", arguments).text for arguments in asked]
        # What waits to be written is written before Weir ends.
        weir.stop()
        keys = redis.keys(least=2)
        for one, other in zip(keys[::2], keys[1::2]):
            redis.command("COPY", other, one, "REPLACE")
            redis.command("SET", other, "rubbish")
        redis.command("SET", keys[-1], "rubbish")
        weir.start()
        weir.wait_for_tools("b")
        with weir.caller() as caller:
            answers = [caller.call("b__cost-explorer", arguments) for arguments in asked]
    assert [answer.outcome for answer in answers] == ["miss", "miss"]
    assert [answer.data["data"]["ResultsByTime"] for answer in answers] == [json.loads(text)["data"]["ResultsByTime"] for text in truth]


def timed(call: Any) -> tuple[Any, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


@pytest.mark.parametrize("trouble", ["killed", "hanging"])
def test_calls_go_on_without_redis(start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator, trouble: str) -> None:
    with start_weir(configuration(redis, billing_http)) as weir:
        weir.wait_for_tools("b")
        kept = question()
        with weir.caller() as caller:
            usual = min(timed(lambda: caller.call("b__cost-explorer", question()))[1] for _ in range(3))
            caller.call("b__cost-explorer", kept)
            redis.kill() if trouble == "killed" else redis.pause()
            slowest = 0.0
            for _ in range(8):
                answer, seconds = timed(lambda: caller.call("b__cost-explorer", question()))
                assert answer.outcome == "miss" and answer.data["status"] == "success"
                slowest = max(slowest, seconds)
            hit, seconds = timed(lambda: caller.call("b__cost-explorer", kept))
            assert hit.outcome == "hit_memory" and seconds < 0.5
            # At most a command's timeout for the look-up; the answer waits for no write. Two seconds is room for a busy machine.
            assert slowest < usual + 2, f"usually {usual:.2f} s, without Redis up to {slowest:.2f} s"
            assert weir.ready().status_code == 200

            redis.start() if trouble == "killed" else redis.resume()
            before = redis.size()

            def is_used_again() -> bool:
                caller.call("b__cost-explorer", question())
                return redis.size() > before

            eventually(is_used_again, 30, "Redis is back and gets new entries", pause=0.2)


def test_weir_starts_without_redis(start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator) -> None:
    redis.kill()
    with start_weir(configuration(redis, billing_http)) as weir:
        weir.wait_for_tools("b")
        asked = question()
        with weir.caller() as caller:
            assert [caller.call("b__cost-explorer", asked).outcome for _ in range(2)] == ["miss", "hit_memory"]
