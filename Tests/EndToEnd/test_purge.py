"""Purges of a fleet: what is purged at one replica is an answer nowhere, within a second, and neither is what is being fetched then."""

import base64
import contextlib
import hashlib
import json
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import UNHURRIED_BILLING, billing_url
from emulator import Emulator
from support.caller import Answer, question
from support.paths import find_binary
from support.processes import eventually, free_port
from support.redis import RedisServer
from support.weir import Weir

pytestmark = pytest.mark.weir

KEYS = {"growth": "key-of-growth-0123456789abcdef", "platform": "key-of-platform-0123456789abcdef"}
TOOL = "b__cost-explorer"
PATH = "/admin/cache/purge"


def configuration(redis: RedisServer | None, billing_http: str, **listen: Any) -> dict[str, Any]:
    cache = {"cache": {"redis": {"url": redis.url}}} if redis else {}
    return cache | {
        "listen": {"admin_address": f"127.0.0.1:{free_port()}"} | listen,
        "providers": UNHURRIED_BILLING,
        "upstreams": {"b": billing_url(billing_http, share="tenant", tags=["bills"]), "other": billing_url(billing_http)},
        "tenants": {
            name: {"api_keys": [{"name": "test", "sha256": hashlib.sha256(key.encode()).hexdigest()}], "allow": ["*"]} for name, key in KEYS.items()
        },
    }


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[name]}"}


def admin(weir: Weir) -> str:
    return f"http://{weir.configuration['listen']['admin_address']}"


def ask(weir: Weir, arguments: dict[str, Any], tenant: str = "growth") -> Answer:
    with weir.caller(headers=bearer(tenant)) as caller:
        return caller.call(TOOL, arguments)


def purge(weir: Weir, *arguments: str, status: int = 0, **environment: str) -> Any:
    """The command, which ends with this status: what it says."""
    binary, reason = find_binary()
    assert binary, reason
    done = subprocess.run([binary, "cache", "purge", "--url", admin(weir), *arguments], capture_output=True, text=True, timeout=30, env=environment)
    assert done.returncode == status, f"{done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout) if status < 2 else done.stderr


@pytest.fixture
def fleet(start_weir: Any, redis: RedisServer, billing_http: str) -> Iterator[list[Weir]]:
    with contextlib.ExitStack() as stack:
        replicas = [stack.enter_context(start_weir(configuration(redis, billing_http))) for _ in range(3)]
        for weir in replicas:
            weir.wait_for_tools("b", "other", headers=bearer("growth"))
        yield replicas


def warm(fleet: list[Weir], redis: RedisServer, arguments: dict[str, Any], tenant: str = "growth") -> None:
    """The answer in every memory."""
    before = redis.size()
    ask(fleet[0], arguments, tenant)
    redis.keys(least=before + 1)
    for weir in fleet:
        ask(weir, arguments, tenant)
        assert ask(weir, arguments, tenant).outcome == "hit_memory"


def digest(entry: str) -> str:
    return entry[-65:-1]


SCOPES = {
    "tool": ["--tool", TOOL],
    "tool beside its upstream": ["--tool", "cost-explorer", "--upstream", "b"],
    "upstream": ["--upstream", "b"],
    "tenant": ["--tenant", "growth"],
    "tag": ["--tag", "bills"],
    "all": ["--all"],
    "key": [],
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_purge_counts_everywhere_within_a_second(fleet: list[Weir], redis: RedisServer, emulator: Emulator, scope: str) -> None:
    asked = question()
    warm(fleet, redis, asked)
    # The answer, and its days by themselves: who asks again is given none of them.
    arguments = SCOPES[scope] or [word for entry in redis.entries() for word in ("--key", digest(entry))]
    report = purge(fleet[0], *arguments)
    assert report["isComplete"] and report["reached"] == {"replica": True, "redis": True}
    assert report["marks"] == (1 if SCOPES[scope] else len(arguments) // 2)
    requests = emulator.received()
    assert ask(fleet[0], asked).outcome == "miss", "the replica that was asked serves it no more at once"
    assert emulator.received() == requests + 1
    time.sleep(1)
    for weir in fleet[1:]:
        # What the first has fetched since is theirs, too; what they had is not.
        assert ask(weir, asked).outcome == "hit_redis"
    assert emulator.received() == requests + 1
    assert f'weir_invalidations_total{{kind="{scope.split()[0]}"}} {report["marks"]}' in httpx.get(f"{admin(fleet[0])}/metrics").text


@pytest.mark.parametrize("arguments", [["--tool", "b__compute-optimizer"], ["--upstream", "other"], ["--tenant", "platform"]])
def test_a_purge_of_something_else_leaves_it(fleet: list[Weir], redis: RedisServer, emulator: Emulator, arguments: list[str]) -> None:
    asked = question()
    warm(fleet, redis, asked)
    purge(fleet[1], *arguments)
    time.sleep(1)
    assert [ask(weir, asked).outcome for weir in fleet] == ["hit_memory"] * 3


def test_a_tenants_purge_leaves_the_answers_of_others(fleet: list[Weir], redis: RedisServer, emulator: Emulator) -> None:
    asked = question()
    for tenant in KEYS:
        warm(fleet, redis, asked, tenant)
    purge(fleet[2], "--tenant", "growth")
    time.sleep(1)
    assert [ask(weir, asked, "platform").outcome for weir in fleet] == ["hit_memory"] * 3
    assert ask(fleet[0], asked).outcome == "miss"


def test_what_is_being_fetched_when_it_is_purged_is_kept_nowhere(fleet: list[Weir], redis: RedisServer, emulator: Emulator) -> None:
    asked = question()
    emulator.set(hold=True)
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(fleet[0], asked)))
    waiting.start()
    emulator.wait_for(1)
    # At another replica than the one that fetches.
    assert purge(fleet[1], "--tenant", "growth")["isComplete"]
    time.sleep(1)
    emulator.set(hold=False)
    waiting.join(timeout=30)
    assert answers and answers[0].outcome == "miss", "whoever asked before has its answer"
    for weir in reversed(fleet):
        outcome = ask(weir, asked).outcome
        assert outcome == ("miss" if weir is fleet[2] else "hit_redis"), "the old answer is nowhere; the new one is for all"
    assert emulator.received() == 2


def test_without_redis_a_purge_is_local_and_says_so(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    with start_weir(configuration(None, billing_http)) as weir:
        weir.wait_for_tools("b", headers=bearer("growth"))
        asked = question()
        assert [ask(weir, asked).outcome for _ in range(2)] == ["miss", "hit_memory"]
        report = purge(weir, "--tag", "bills")
        assert report["reached"] == {"replica": True} and "no Redis" in report["note"]
        assert ask(weir, asked).outcome == "miss"


def test_a_lost_redis_is_told_later(fleet: list[Weir], redis: RedisServer, emulator: Emulator) -> None:
    asked = question()
    warm(fleet, redis, asked)
    redis.pause()
    report = purge(fleet[0], "--upstream", "b", status=1)
    assert not report["isComplete"] and report["reached"] == {"replica": True, "redis": False}
    assert ask(fleet[0], asked).outcome == "miss"
    assert ask(fleet[1], asked).outcome == "hit_memory", "nobody could tell it"
    redis.resume()
    eventually(lambda: ask(fleet[1], asked).outcome != "hit_memory", 30, "the purge reaches the others once Redis is back", pause=0.2)


def test_who_may_purge(start_weir: Any, billing_http: str) -> None:
    token = secrets.token_urlsafe(32)
    with start_weir(configuration(None, billing_http, admin_token=token)) as weir:
        assert "WEIR_ADMIN_TOKEN" in purge(weir, "--all", status=2)
        assert purge(weir, "--all", WEIR_ADMIN_TOKEN=token)["isComplete"]
        assert "tag" in purge(weir, "--tag", "bils", status=2, WEIR_ADMIN_TOKEN=token), "a misspelt name purges nothing, and says so"
        assert httpx.post(f"{weir.direct}{PATH}", json={"scopes": ["all"]}, headers={"Authorization": f"Bearer {token}"}).status_code == 404
        page = httpx.post(f"{admin(weir)}{PATH}", json={"scopes": ["all"]}, headers={"Authorization": f"Bearer {token}", "Origin": "http://127.0.0.1"})
        assert page.status_code == 403
        assert token not in weir.process.output


def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def encrypted(redis: RedisServer, billing_http: str, new: str, *old: str) -> dict[str, Any]:
    made = configuration(redis, billing_http)
    made["cache"] |= {"encryption_key": new} | ({"encryption_keys_old": list(old)} if old else {})
    return made


def test_values_are_encrypted_under_the_key_and_open_under_no_other(
    start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator, tmp_path: Path
) -> None:
    first, second = key(), key()
    asked = question(filter={"Tags": {"Key": "team", "Values": ["canary-in-redis"]}})
    outcomes = []
    # The same key, a new one beside the old, the new one alone, another one, none: what was written last opens under the keys of who reads it.
    for new, *old in ([first], [first], [second, first], [second], [key()]):
        with start_weir(encrypted(redis, billing_http, new, *old)) as weir:
            weir.wait_for_tools("b", headers=bearer("growth"))
            outcomes.append(ask(weir, asked).outcome)
            redis.keys(least=1)
            metrics = httpx.get(f"{admin(weir)}/metrics").text
    assert outcomes == ["miss", "hit_redis", "hit_redis", "miss", "miss"]
    assert re.search(r'^weir_redis_cache_wrong_values_total{reason="undecipherable"} [1-9]', metrics, re.MULTILINE)
    for entry in redis.entries():
        value = redis.command("GET", entry)
        assert "ResultsByTime" not in value and "canary" not in value and "TimePeriod" not in value


def test_a_plain_value_is_no_answer_where_values_are_encrypted(start_weir: Any, redis: RedisServer, billing_http: str, emulator: Emulator) -> None:
    asked = question()
    for made, reason in ((configuration(redis, billing_http), None), (encrypted(redis, billing_http, key()), "unencrypted")):
        with start_weir(made) as weir:
            weir.wait_for_tools("b", headers=bearer("growth"))
            assert ask(weir, asked).outcome == "miss"
            redis.keys(least=1)
            if reason:
                metrics = httpx.get(f"{admin(weir)}/metrics").text
                assert re.search(rf'^weir_redis_cache_wrong_values_total{{reason="{reason}"}} [1-9]', metrics, re.MULTILINE)
