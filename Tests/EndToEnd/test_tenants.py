"""Who may come in, what they see, and what they share."""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import UNHURRIED_BILLING, billing_url, pricing_stdio
from emulator import Emulator
from support.caller import question
from support.paths import find_binary
from support.processes import ManagedProcess, free_port
from support.weir import Weir

pytestmark = pytest.mark.weir

KEYS = {"platform": "key-of-platform-0123456789abcdef", "data": "key-of-data-0123456789abcdef", "prices": "key-of-prices-0123456789abcdef"}


def tenant(name: str, allow: list[str]) -> dict[str, Any]:
    return {"api_keys": [{"name": "test", "sha256": hashlib.sha256(KEYS[name].encode()).hexdigest()}], "allow": allow}


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[name]}"}


@pytest.fixture(scope="module")
def weir(start_weir: Any, cloud: Emulator, billing_http: str) -> Iterator[Weir]:
    configuration = {
        "providers": UNHURRIED_BILLING,
        "upstreams": {
            "apart": billing_url(billing_http, share="tenant"),
            "together": billing_url(billing_http, share="all"),
            "pricing": pricing_stdio(cloud),
        },
        "tenants": {
            "platform": tenant("platform", ["*"]),
            "data": tenant("data", ["apart/*", "together/cost-explorer"]),
            "prices": tenant("prices", ["pricing/get_pricing*"]),
        },
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("apart", "together", "pricing", headers=bearer("platform"))
        yield weir


@pytest.mark.parametrize(("share", "requests"), [("apart", 2), ("together", 1)])
def test_what_two_tenants_share(weir: Weir, emulator: Emulator, share: str, requests: int) -> None:
    asked = question()
    with weir.caller(headers=bearer("platform")) as one, weir.caller(headers=bearer("data")) as two:
        outcomes = [caller.call(f"{share}__cost-explorer", asked).outcome for caller in (one, two, one, two)]
    assert emulator.received() == requests
    assert outcomes == ["miss", "miss" if requests == 2 else "hit_memory", "hit_memory", "hit_memory"]


@pytest.mark.parametrize("headers", [bearer("data"), {"X-API-Key": KEYS["data"]}, {"authorization": f"bearer {KEYS['data']}"}])
def test_a_key_opens_the_door_either_way(weir: Weir, emulator: Emulator, headers: dict[str, str]) -> None:
    for era in ("modern", "legacy"):
        with weir.caller(headers=headers, era=era) as caller:
            assert "apart__cost-explorer" in caller.names()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {KEYS['data']}x"},
        {"Authorization": f"Basic {KEYS['data']}"},
        {"Authorization": "Bearer"},
        {"X-API-Key": ""},
        {"X-API-Key": "wrong"},
    ],
)
def test_anything_else_is_401_and_says_the_same(weir: Weir, headers: dict[str, str]) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}
    common = {"Accept": "application/json, text/event-stream"}
    replies = [httpx.post(f"{weir.url}{path}", json=body, headers=common | headers) for path in ("/mcp", "/mcp/apart", "/mcp/nonesuch")]
    assert [reply.status_code for reply in replies] == [401] * 3
    assert all("www-authenticate" in reply.headers for reply in replies)
    assert len({reply.text for reply in replies}) == 1, "an answer tells whether an upstream exists to somebody without a key"


def test_lists_hold_what_a_tenant_may_call(weir: Weir) -> None:
    def names(tenant: str, path: str = "/mcp") -> set[str]:
        with weir.caller(path, headers=bearer(tenant)) as caller:
            return set(caller.names())

    assert len(names("platform")) == 47 + 47 + 9
    assert {name.split("__")[0] for name in names("data")} == {"apart", "together"}
    assert [name for name in names("data") if name.startswith("together__")] == ["together__cost-explorer"]
    assert names("prices") == {f"pricing__get_pricing{rest}" for rest in ("", "_service_codes", "_service_attributes", "_attribute_values")}
    assert names("prices", "/mcp/pricing") == {f"get_pricing{rest}" for rest in ("", "_service_codes", "_service_attributes", "_attribute_values")}


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_call_that_is_not_allowed_reaches_nobody(weir: Weir, emulator: Emulator, era: str) -> None:
    asked = question()
    with weir.caller(headers=bearer("platform"), era=era) as allowed, weir.caller(headers=bearer("prices"), era=era) as refused:
        assert allowed.call("together__cost-explorer", asked).outcome == "miss"
        # The answer lies in the cache, and still is not for everybody.
        answer = refused.call("together__cost-explorer", asked)
    assert answer.is_error or answer.error, answer
    assert "ResultsByTime" not in str(answer)
    assert emulator.received() == 1


def test_an_upstream_that_a_tenant_may_not_use_is_not_there(weir: Weir) -> None:
    with weir.caller("/mcp/apart", headers=bearer("prices")) as caller:
        forbidden = caller.request("tools/list", {})
    with weir.caller("/mcp/nonesuch", headers=bearer("prices")) as caller:
        unknown = caller.request("tools/list", {})
    assert forbidden.status == unknown.status == 404


def test_a_session_belongs_to_its_key(weir: Weir) -> None:
    with weir.caller(headers=bearer("data"), era="legacy") as caller:
        stolen = caller._session | bearer("prices") | {"Accept": "application/json, text/event-stream"}
        reply = httpx.post(f"{weir.url}/mcp", json={"jsonrpc": "2.0", "id": 5, "method": "tools/list", "params": {}}, headers=stolen)
        assert reply.status_code == 404
        assert "apart__cost-explorer" in caller.names()


def test_listening_beyond_this_machine_without_keys_is_refused(tmp_path: Any, billing_http: str) -> None:
    path = tmp_path / "open.yaml"
    path.write_text(f"listen: {{ address: 0.0.0.0:{free_port()} }}\nupstreams:\n  b:\n    url: {billing_http}\n")
    process = ManagedProcess([find_binary()[0], "serve", "--config", path])
    assert process.wait(10) != 0
    errors = [line for line in process.lines if line.strip()]
    assert len(errors) == 1, f"one line is enough:\n{process.output}"
    assert "open.yaml" in errors[0] and "tenants" in errors[0]


def test_a_new_key_works(start_weir: Any, billing_http: str, tmp_path: Any) -> None:
    made = subprocess.run([find_binary()[0], "keys", "new", "--tenant", "made"], capture_output=True, text=True, timeout=20)
    assert made.returncode == 0, made.stderr
    output = made.stdout + made.stderr
    digest = re.search(r"\b[0-9a-f]{64}\b", output).group()
    key = next(word for word in re.findall(r"[A-Za-z0-9_\-]{20,}", output) if hashlib.sha256(word.encode()).hexdigest() == digest)
    configuration = {
        "upstreams": {"b": billing_url(billing_http)},
        "tenants": {"made": {"api_keys": [{"name": "new", "sha256": digest}], "allow": ["*"]}},
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("b", headers={"Authorization": f"Bearer {key}"})
        with weir.caller(headers={"X-API-Key": key}) as caller:
            assert "b__cost-explorer" in caller.names()
        assert key not in weir.process.output and digest not in weir.process.output
