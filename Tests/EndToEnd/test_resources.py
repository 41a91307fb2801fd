"""`resources/read` is answered from memory for as long as the server says, to whom it says, and not a moment after it says that something changed."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from conftest import upstream_command
from support.caller import MODERN, Caller, modern_meta
from support.events import BOTH, Events, rpc
from support.processes import eventually
from support.weir import Weir
from test_tenants import bearer, tenant

pytestmark = pytest.mark.weir


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    program = upstream_command("everything.py")
    configuration = {
        "upstreams": {
            "new": {"command": program, "era": "modern"},
            "common": {"command": program, "era": "modern", "share": "all"},
            "old": {"command": program, "era": "legacy"},
            "kept": {"command": program, "era": "legacy", "resource_ttl": "60s"},
        },
        "tenants": {"data": tenant("data", ["*"]), "platform": tenant("platform", ["*"])},
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("new", "common", "old", "kept", headers=bearer("data"))
        yield weir


def at(weir: Weir, upstream: str, who: str = "data", era: str = "modern") -> Caller:
    return weir.caller(f"/mcp/{upstream}", headers=bearer(who), era=era)


def read(caller: Caller, uri: str) -> dict[str, Any]:
    answer = caller.request("resources/read", {"uri": uri})
    assert answer.result is not None, answer.error
    return answer.result


def count(caller: Caller, uri: str) -> int:
    """How often the server had read it when it gave this answer."""
    return int(read(caller, uri)["contents"][0]["text"])


def test_an_answer_is_given_again_with_the_time_that_is_left(weir: Weir) -> None:
    with at(weir, "new") as caller:
        uri = "test://counter/private/30000"
        first = read(caller, uri)
        time.sleep(0.05)
        again = read(caller, uri)
        assert first["contents"] == again["contents"]
        assert first["ttlMs"] == 30000 and 0 < again["ttlMs"] < 30000
        assert again["cacheScope"] == "private"


def test_an_answer_is_not_given_after_its_time(weir: Weir) -> None:
    with at(weir, "new") as caller:
        uri = "test://counter/private/300"
        assert count(caller, uri) == 1
        eventually(lambda: count(caller, uri) > 1, 5, "it is read again")


def test_without_a_time_every_read_goes_to_the_server(weir: Weir) -> None:
    with at(weir, "new") as caller:
        assert [count(caller, "test://counter/public/0") for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(("upstream", "scope", "shared"), [
    ("new", "public", False), ("new", "private", False), ("common", "public", True), ("common", "private", False)])
def test_teams_share_what_server_and_operator_let_them(weir: Weir, upstream: str, scope: str, shared: bool) -> None:
    uri = f"test://counter/{scope}/50000"
    with at(weir, upstream) as one, at(weir, upstream, "platform") as other:
        assert [count(one, uri), count(one, uri)] == [1, 1]
        assert [count(other, uri), count(other, uri)] == ([1, 1] if shared else [2, 2])


def test_clients_of_both_eras_get_the_same_answer(weir: Weir) -> None:
    uri = "test://counter/private/40000"
    with at(weir, "new") as modern, at(weir, "new", era="legacy") as legacy:
        assert count(modern, uri) == count(legacy, uri) == 1
        assert "ttlMs" not in read(legacy, uri)


@pytest.mark.parametrize("scope", ["private", "public"])
def test_what_a_request_says_beside_the_uri_is_part_of_the_question(weir: Weir, scope: str) -> None:
    """Members of `_meta` that the server sees may change what it answers; trace ids do not, and a log is of this reading alone."""
    uri = f"test://counter/{scope}/45000"
    with at(weir, "new") as caller:
        def counted(**meta: Any) -> int:
            answer = caller.request("resources/read", {"uri": uri}, {key.replace("__", "/"): value for key, value in meta.items()})
            assert answer.result is not None, answer.error
            return int(answer.result["contents"][0]["text"])

        assert [counted(), counted()] == [1, 1]
        assert [counted(example__unit="a"), counted(example__unit="b"), counted(example__unit="a")] == [2, 3, 2]
        traces = [{"traceparent": f"00-{'ab' * 16}-{'0' * 15}{span}-01"} for span in (1, 2)]
        assert [counted(**trace) for trace in traces] == [1, 1]
        assert [counted(**trace, example__unit="b") for trace in traces] == [3, 3]
        level = {"io.modelcontextprotocol__logLevel": "debug"}
        assert [counted(**level), counted(**level), counted()] == [4, 5, 1]


def test_a_change_drops_the_answer_at_once(weir: Weir) -> None:
    uri = "test://counter/private/60000"
    headers = {"Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": "subscriptions/listen", **bearer("data")}
    body = rpc({"id": 1, "method": "subscriptions/listen", "params": {
        "_meta": modern_meta(), "notifications": {"resourceSubscriptions": [uri]}}})
    with at(weir, "new") as caller, httpx.stream("POST", caller.url, json=body, headers=headers, timeout=30) as response:
        events = Events(response)
        events.until("notifications/subscriptions/acknowledged")
        before = count(caller, uri)
        assert count(caller, uri) == before

        def tell() -> bool:
            return caller.call("test_trigger_resource_update", {"uri": uri}).result is not None

        assert tell()
        # The server may not have taken the subscription yet.
        eventually(lambda: tell() and count(caller, uri) > before, 10, "it is read again")
        assert events.until("notifications/resources/updated")["params"]["uri"] == uri


def test_the_operator_says_how_long_an_old_server_is_believed(weir: Weir) -> None:
    uri = "test://counter/private/0"
    with at(weir, "old") as caller:
        assert [count(caller, uri), count(caller, uri)] == [1, 2]
    with at(weir, "kept") as caller:
        assert [count(caller, uri), count(caller, uri)] == [1, 1]


def test_reads_at_the_same_time_are_one(weir: Weir) -> None:
    uri = "test://counter/public/1"
    with at(weir, "new") as caller, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: count(caller, uri), range(8))) == {1}
    assert 'weir_relayed_requests_total{tenant="data",upstream="new",method="resources/read",outcome="coalesced"}' in weir.metrics()
