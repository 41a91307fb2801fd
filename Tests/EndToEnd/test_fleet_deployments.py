"""A fleet is one through a Cluster and through a primary with Sentinels as it is through a single server, with TLS and encrypted values too."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.certificates import Certificates
from support.fleet import Fleet
from support.judge import judge
from support.load import SITES, TENANTS, Call, Together, all_at_once
from support.processes import eventually
from support.redis_cluster import RedisCluster
from support.redis_sentinel import RedisWithSentinels
from support.witness import Witness, witnessed

pytestmark = pytest.mark.weir


@pytest.fixture(scope="module", params=["cluster", "sentinels", "cluster, TLS, encrypted", "sentinels, TLS, encrypted"])
def fleet(request: pytest.FixtureRequest, witness: Witness, tmp_path_factory: pytest.TempPathFactory, start_fleet: Any) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("redis")
    kind, *further = request.param.split(", ")
    tls = Certificates(folder / "certificates") if further else None
    if kind == "cluster":
        redis, configured = (cluster := RedisCluster(folder, tls=tls)), {"cluster": cluster.urls}
    else:
        redis, configured = (watched := RedisWithSentinels(folder, tls=tls)), watched.configuration()
    # What is shown here does not hang on how busy the machine is.
    configuration = witnessed(witness, configured | {"command_timeout": "1s"} | ({"ca_file": str(tls.authority)} if tls else {}))
    if tls:
        configuration["cache"]["encryption_key"] = base64.b64encode(bytes(range(32))).decode()
    with start_fleet(configuration) as fleet:
        fleet.wait_for_redis()
        yield fleet
    redis.close()


def question(topic: str) -> Call:
    return (TENANTS[0], SITES[0], "look", {"topic": topic})


def test_each_question_is_asked_once(fleet: Fleet, witness: Witness) -> None:
    """Keys of many slots, each asked twice at every replica at once."""
    seen, asked = witness.calls(), []
    witness.set(latency=0.2)
    for number in range(0, 40, 5):
        calls = [question(f"once {key} {id(fleet)}") for key in range(number, number + 5) for _ in range(6)]
        asked += all_at_once(fleet.direct, calls)
    witness.set(latency=0)
    verdict = judge(asked, witness.log())
    assert not verdict.wrong and not verdict.failed, verdict
    assert witness.calls() == seen + 40


def test_who_follows_is_woken(fleet: Fleet, witness: Witness) -> None:
    lags = []
    for number in range(6):
        witness.set(hold=True)
        together = Together(fleet.direct, [question(f"woken {number} {id(fleet)}")] * 3)
        witness.wait_until_holding(1)
        eventually(lambda: fleet.metric("weir_flight_waiters") >= 3, 10, "all wait")
        time.sleep(0.15)
        witness.set(hold=False)
        asked = together.results()
        assert not judge(asked, witness.log()).wrong and not any(call.failure for call in asked), asked
        lags.append(max(call.ended for call in asked) - min(call.ended for call in asked))
    print(f"after the leader at most {max(lags) * 1000:.1f} ms")
    assert max(lags) < 0.05, lags
