"""Several replicas before one upstream: together they ask once."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import UNHURRIED_BILLING, billing_stdio, billing_url
from emulator import Emulator
from support.caller import question
from support.processes import eventually
from support.redis import RedisServer
from support.weir import Weir
from test_metrics import value

pytestmark = pytest.mark.weir


@contextlib.contextmanager
def fleet(start_weir: Any, redis: RedisServer, upstream: dict[str, Any], count: int = 3) -> Iterator[list[Weir]]:
    configuration = {
        "listen": {"shutdown_grace": "200ms"},
        "cache": {"redis": {"url": redis.url}},
        "providers": UNHURRIED_BILLING,
        "upstreams": {"b": upstream},
    }
    with contextlib.ExitStack() as stack:
        replicas = []
        for _ in range(count):
            # One after the other: upstream processes are slow to start.
            replicas.append(stack.enter_context(start_weir(configuration)))
            replicas[-1].wait_for_tools("b")
        yield replicas


def flights(weir: Weir, result: str) -> float:
    return value(weir.metrics(), "weir_fleet_flights_total", result=result)


def test_three_replicas_ask_once(start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator) -> None:
    with fleet(start_weir, redis, billing_url(billing_http)) as replicas, contextlib.ExitStack() as stack:
        callers = [stack.enter_context(weir.caller()) for weir in replicas]
        asked = question()
        emulator.set(latency=0.5)
        with ThreadPoolExecutor(60) as pool:
            answers = list(pool.map(lambda number: callers[number % 3].call("b__cost-explorer", asked), range(60)))
        assert emulator.received() == 1
        assert len({answer.text for answer in answers}) == 1
        assert Counter(answer.outcome for answer in answers)["miss"] == 1
        assert sum(flights(weir, "local") + flights(weir, "lease_lost") for weir in replicas) == 0
        # Nothing but values is left.
        assert redis.keys(least=1) and not [key for key in redis.all_keys() if key.endswith((":lease", ":waiters", ":marker"))]


def test_a_replica_that_ends_hands_over_at_once(start_weir: Any, redis: RedisServer, emulator: Emulator) -> None:
    # A process for each replica: one server would not take a second request while it waits for the first.
    with fleet(start_weir, redis, billing_stdio(emulator, processes=1)) as replicas, contextlib.ExitStack() as stack:
        callers = [stack.enter_context(weir.caller()) for weir in replicas]
        asked = question()
        emulator.set(hold=True)
        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(callers[0].call, "b__cost-explorer", asked)
            emulator.wait_for(1)
            others = [pool.submit(caller.call, "b__cost-explorer", asked) for caller in callers[1:]]

            def both_follow() -> bool:
                waiters = [key for key in redis.all_keys() if key.endswith(":waiters")]
                return any(redis.command("SCARD", key).strip() == ":2" for key in waiters)

            eventually(both_follow, 10, "two replicas follow")
            began = time.monotonic()
            replicas[0].stop()
            emulator.wait_for(2)
            # Not after the three seconds that a lease of a dead replica lives.
            assert time.monotonic() - began < 2.5
            emulator.set(hold=False)
            answers = [other.result() for other in others]
            assert first.exception() or first.result().error or first.result().is_error
        assert {answer.data["status"] for answer in answers} == {"success"}
        assert sorted(answer.outcome for answer in answers) == ["coalesced", "miss"]
        assert emulator.received() == 2
        # Of the question, and perhaps of the wider one that is asked in its place.
        assert sum(value(weir.metrics(), "weir_fleet_lease_takeovers_total") for weir in replicas[1:]) in (1, 2)
