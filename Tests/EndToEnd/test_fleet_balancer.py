"""A fleet behind the balancer of examples/compose/balancer.conf, in a real nginx."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from conftest import judged, upstream_served
from support.ends import ENDS
from support.events import BOTH, Session, rpc
from support.fleet import Fleet
from support.load import TENANTS, bearer, tenants
from support.nginx import Nginx
from support.oracle import Between
from support.redis import RedisServer
from support.relay import Relay
from test_fleet_sessions import SEAL, know_each_other, result

pytestmark = pytest.mark.weir

KEY = bearer(TENANTS[0])


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address that neither takes a connection nor refuses one, as that of a container that was killed."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    while True:
        caller = socket.socket()
        waiting.append(caller)
        caller.settimeout(0.3)
        try:
            caller.connect(listener.getsockname())
        except TimeoutError:
            break
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    for caller in [*waiting, listener]:
        caller.close()


def test_an_address_that_is_gone_costs_a_second(start_weir: Callable[..., Any], deaf: str, tmp_path: Any) -> None:
    """Issue 5: a call waited for a minute."""
    with start_weir({"tenants": tenants(*TENANTS), "upstreams": {"nobody": {"url": "http://127.0.0.1:9/mcp"}}}, unheard=["nobody"]) as weir:
        nginx = Nginx(tmp_path, [deaf, weir.direct.removeprefix("http://")])
        times = []
        for _ in range(6):
            began = time.monotonic()
            assert httpx.get(f"{nginx.url}/healthz", timeout=20).status_code == 200
            times.append(time.monotonic() - began)
        nginx.close()
    print("answered after", [f"{seconds:.2f} s" for seconds in times])
    assert 0.9 < max(times) < 3


@pytest.fixture
def behind(start_fleet: Callable[..., Any], tmp_path: Any) -> Iterator[tuple[Fleet, Relay]]:
    """The balancer behind a relay."""
    redis = RedisServer(tmp_path)
    configuration = {"cache": {"redis": {"url": redis.url}}, "seal_key": SEAL, "tenants": tenants(*TENANTS)}
    with (
        upstream_served("everything.py", "--era", "legacy") as url,
        start_fleet(configuration | {"upstreams": {"old": {"url": f"{url}/mcp", "era": "legacy"}}}) as fleet,
    ):
        know_each_other(fleet)
        nginx = Nginx(tmp_path, [address.removeprefix("http://") for address in fleet.direct])
        relay = Relay(nginx.port)
        with judged(Between.CLIENTS, relay):
            yield fleet, relay
            nginx.close()
        relay.close()
    redis.close()


def test_a_session_needs_no_sticky_balancer(behind: tuple[Fleet, Relay]) -> None:
    fleet, relay = behind
    before = [requests(replica.metrics()) for replica in fleet]
    with Session(f"{relay.url}/mcp/old", headers=KEY) as client, client.listening() as events:
        assert events.next().data == ""
        for number in range(1, 13):
            result(client.post({"id": number, "method": "tools/call", "params": {"name": "test_simple_text"}}))
        # The stream passes what is said at whichever replica, as it comes and not when nginx has a buffer full.
        began = time.monotonic()
        client.post({"id": 20, "method": "tools/call", "params": {"name": "test_trigger_tool_change"}})
        assert events.until("notifications/tools/list_changed")["jsonrpc"] == "2.0"
        assert time.monotonic() - began < 10
        with client.posted({"id": 21, "method": "tools/call", "params": {"name": "test_tool_with_progress", "_meta": {"progressToken": "p"}}}) as answer:
            assert answer.until("notifications/progress")["params"]["progressToken"] == "p"
            assert "result" in answer.answer(21)
    served = [requests(replica.metrics()) - count for replica, count in zip(fleet, before)]
    print(f"requests served by each replica: {served}")
    assert all(count >= 3 for count in served), served


def requests(page: str) -> int:
    """What a replica was asked for, scrapes and probes left out."""
    found = re.findall(r'^weir_http_requests_total\{route="([^"]+)".*\} (\S+)$', page, re.MULTILINE)
    return sum(int(float(count)) for route, count in found if route not in ("metrics", "healthz", "readyz"))


def test_the_numbers_of_one_replica_are_not_to_be_had(behind: tuple[Fleet, Relay]) -> None:
    assert httpx.get(f"{behind[1].url}/metrics", timeout=10).status_code == 404


def test_a_replica_that_is_killed_costs_the_calls_that_it_had_and_no_other(behind: tuple[Fleet, Relay]) -> None:
    fleet, relay = behind
    stop = threading.Event()
    statuses: list[int] = []

    def ask() -> None:
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {}}
        headers = KEY | {"Accept": BOTH, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "test_simple_text"}
        # Nginx may close what it has refused, and a relay would say so too late.
        with httpx.Client(headers=headers, timeout=20, event_hooks={"response": [ENDS.hear]}) as http:
            while not stop.is_set():
                body = rpc({"id": 1, "method": "tools/call", "params": {"name": "test_simple_text", "_meta": meta}})
                statuses.append(http.post(f"http://127.0.0.1:{relay.target_port}/mcp/old", json=body).status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    fleet.kill(0)
    time.sleep(2)
    stop.set()
    for thread in threads:
        thread.join(30)
    failed = [status for status in statuses if status != 200]
    print(f"{len(statuses)} calls, {len(failed)} of them failed")
    # At most the one that each of the four had there at that moment; it is not sent again, since it may have been carried out.
    assert len(statuses) > 100 and len(failed) <= 4 and set(failed) <= {502}, (len(statuses), failed)
